/* What the tests of the evaluator share: kernels from text, inputs, evaluations. */
#ifndef TILEC_TESTSUITE_EVALUATION_H
#define TILEC_TESTSUITE_EVALUATION_H

#include <stdlib.h>
#include <string.h>

#include "evaluate/evaluate.h"
#include "support/scalar.h"
#include "support/text_buffer.h"
#include "testsuite/unit/unit.h"

struct bench {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct environment sizes;
    struct tensor_values inputs[8];
    size_t input_count;
    struct scalar_value scalars[4];
    size_t scalar_count;
};

static inline struct bench bench_open(void) {
    struct bench b = {.arena = arena_create()};
    b.diagnostics = diagnostics_create(b.arena);
    b.sizes.arena = b.arena;
    return b;
}

static inline void bench_close(struct bench *b) {
    arena_free(b->arena);
}

static inline struct node *bench_kernel(struct bench *b, const char *text) {
    uint32_t source = diagnostics_add_source(b->diagnostics, "test.ir", text, strlen(text));
    struct node *module = module_read(b->arena, b->diagnostics, source);
    ck_assert_msg(module != NULL, "%s\n%s", b->diagnostics->first ? b->diagnostics->first->message : "unread",
                  text);
    return node_as(module, module)->items.items[0];
}

enum filling { FILL_INTEGERS, FILL_REALS };

/* A value of the tensor's type; small integers, or reals in (-2, 2). */
static inline double bench_value(enum filling filling, enum dtype dtype, uint64_t index, uint64_t salt) {
    uint64_t z = (index + 1) * 0x9e3779b97f4a7c15u + salt * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 31) * 0x94d049bb133111ebu;
    z ^= z >> 29;
    if (filling == FILL_INTEGERS)
        return (double)(int)(z % 7) - 3;
    float value = (float)((double)(z >> 11) * 0x1p-51 - 2.0);
    return dtype == DTYPE_BF16 ? (double)f32_from_bf16(bf16_from_f32(value)) : (double)value;
}

/* Inputs for every `in` and `inout` tensor, by the sizes of the bench. */
static inline void bench_fill(struct bench *b, struct node *kernel, enum filling filling) {
    struct node_list parameters = launch_parameters(kernel);
    b->input_count = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *p = node_as(parameters.items[i], parameter);
        if (p->direction == DIRECTION_OUT || !p->dimensions.count)
            continue;
        struct tensor_values *t = &b->inputs[b->input_count++];
        *t = (struct tensor_values){.name = p->name, .dtype = p->dtype, .rank = p->dimensions.count};
        ck_assert(parameter_extents(b->diagnostics, &b->sizes, &p->base, t->shape));
        uint64_t count = tensor_elements(t);
        t->values = arena_allocate(b->arena, (count + 1) * sizeof *t->values);
        for (uint64_t j = 0; j < count; j++)
            t->values[j] = bench_value(filling, p->dtype, j, i);
    }
}

static inline bool bench_try(struct bench *b, struct node *kernel, enum number_model model,
                             struct evaluation_result *result) {
    struct evaluation_request request = {.kernel = kernel,
                                         .model = model,
                                         .inputs = b->inputs,
                                         .input_count = b->input_count,
                                         .scalars = b->scalars,
                                         .scalar_count = b->scalar_count,
                                         .sizes = &b->sizes,
                                         .steps = 100000000};
    return evaluate_kernel(b->arena, b->diagnostics, &request, result);
}

static inline struct evaluation_result bench_run(struct bench *b, struct node *kernel,
                                                 enum number_model model) {
    struct evaluation_result result = {0};
    bool fine = bench_try(b, kernel, model, &result);
    struct text_buffer text = {0};
    if (!fine)
        diagnostics_print(b->diagnostics, SEVERITY_REMARK, false, &text);
    ck_assert_msg(fine, "%s", text_string(&text));
    return result;
}

/* The first message that was reported. */
static inline const char *bench_message(const struct bench *b) {
    return b->diagnostics->first ? b->diagnostics->first->message : "";
}

#endif
