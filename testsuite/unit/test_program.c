/* Programs: what a run of many launches takes of the device and of the host. */
#include <string.h>

#include "codegen/emit.h"
#include "driver/run.h"
#include "support/architecture.h"
#include "support/text_buffer.h"
#include "testsuite/unit/unit.h"

static const char twice[] = "kernel twice(X: f32[M, N]) -> Y: f32[M, N] {\n"
                            "    for i in M, j in N { Y[i, j] = X[i, j] * 2; }\n"
                            "}\n";

/* A program that is run once on 4 x 4 elements, each 1. */
struct subject {
    struct text_buffer text;
    struct unit unit;
    struct run run;
    struct array arrays[2];
    float x[16];
};

static void run_subject(struct subject *s, enum device_choice device) {
    s->unit = (struct unit){.arena = arena_create()};
    s->unit.diagnostics = diagnostics_create(s->unit.arena);
    s->unit.options = (struct unit_options){.architecture = architecture_find("wormhole_b0"),
                                            .keep_tile_forms = device == DEVICE_CHOICE_EVAL};
    ck_assert(unit_load(&s->unit, "test.tl", text_string(&s->text), s->text.length));
    ck_assert(unit_compile(&s->unit));
    for (int i = 0; i < 16; i++) {
        s->x[i] = 1;
    }
    s->arrays[0] = (struct array){
        .name = "X", .dtype = DTYPE_F32, .rank = 2, .extents = {4, 4}, .rows = s->x, .borrowed = true};
    s->run = (struct run){.unit = &s->unit, .device = device};
    ck_assert(run_entry(&s->run, unit_entry(&s->unit), s->arrays));
}

static void close_subject(struct subject *s) {
    arena_free(s->unit.arena);
    text_free(&s->text);
}

static float result_of(const struct subject *s) {
    return ((const float *)s->arrays[1].rows)[15];
}

/* Y = f(f(...f(X))) */
static void write_chain(struct text_buffer *text, int launches) {
    text_append(text, "program chain(X: f32[M, N]) -> Y: f32[M, N] {\n    let H0 = twice(X);\n");
    for (int i = 1; i < launches - 1; i++) {
        text_printf(text, "    let H%d = twice(H%d);\n", i, i - 1);
    }
    text_printf(text, "    Y = twice(H%d);\n}\n", launches - 2);
}

START_TEST(a_chain_compiles_its_kernel_once_and_keeps_two_tensors) {
    enum { LAUNCHES = 20 };
    struct subject s = {0};
    text_append(&s.text, twice);
    write_chain(&s.text, LAUNCHES);
    run_subject(&s, DEVICE_CHOICE_SIM);
    ck_assert_float_eq(result_of(&s), (float)(1 << LAUNCHES));
    uint64_t compiled = 0, launches = 0, tile = 32 * 32 * sizeof(float);
    for (const struct launch_statistics *l = s.run.first; l; l = l->next) {
        compiled += l->device.kernels_compiled;
        /* X, which the caller may ask for again, and what the launch reads and writes. */
        ck_assert_uint_le(l->device.dram_taken, 3 * tile);
        launches++;
    }
    ck_assert_uint_eq(launches, LAUNCHES);
    ck_assert_uint_eq(compiled, 3);
    close_subject(&s);
}
END_TEST

/* H is read by the first launch after it and by the last; nobody reads U. */
static const char skip[] = "kernel add(A: f32[M, N], B: f32[M, N]) -> Y: f32[M, N] {\n"
                           "    for i in M, j in N { Y[i, j] = A[i, j] + B[i, j]; }\n"
                           "}\n"
                           "program skip(X: f32[M, N]) -> Y: f32[M, N] {\n"
                           "    let H = twice(X);\n"
                           "    let U = twice(H);\n"
                           "    let V = twice(X);\n"
                           "    let W = add(V, V);\n"
                           "    Y = add(H, W);\n"
                           "}\n";

START_TEST(a_tensor_lives_until_its_last_use) {
    for (int device = 0; device < 2; device++) {
        struct subject s = {0};
        text_append(&s.text, twice);
        text_append(&s.text, skip);
        run_subject(&s, device ? DEVICE_CHOICE_EVAL : DEVICE_CHOICE_SIM);
        ck_assert_float_eq(result_of(&s), 6);
        close_subject(&s);
    }
}
END_TEST

/* ---- what a kernel takes of the host ---- */

static bool count_kernel(const struct emitted_kernel *kernel, void *context) {
    ck_assert(kernel->host && kernel->plan && kernel->functions[TARGET_METALIUM][0].text);
    ++*(int *)context;
    return true;
}

/* Texts that were taken are gone; the host program of a program needs none of them. */
static void emit_all(struct unit *unit, int count) {
    struct emission emission;
    int taken = 0;
    ck_assert(
        module_emit_each(unit->arena, unit->diagnostics, unit->module, count_kernel, &taken, &emission));
    ck_assert_int_eq(taken, count);
    ck_assert_uint_eq(emission.kernel_count, 0);
}

/* Bytes that the unit of so many kernels has taken when they are compiled, and when they are emitted too. */
static size_t bytes_of_kernels(int count, bool emitted) {
    struct text_buffer text = {0};
    for (int i = 0; i < count; i++) {
        text_printf(
            &text,
            "kernel dense%d(A: bf16[M, K], B: bf16[K, N], bias: bf16[N]) -> C: bf16[M, N] {\n"
            "    for i in M, j in N { C[i, j] = max(sum(k in K: A[i, k] * B[k, j]) + bias[j], %d); }\n"
            "}\n",
            i, i);
    }
    struct unit unit = {.arena = arena_create()};
    unit.diagnostics = diagnostics_create(unit.arena);
    unit.options = (struct unit_options){.architecture = architecture_find("wormhole_b0")};
    ck_assert(unit_load(&unit, "test.tl", text_string(&text), text.length) && unit_compile(&unit));
    if (emitted) {
        emit_all(&unit, count);
    }
    size_t bytes = arena_bytes(unit.arena);
    arena_free(unit.arena);
    text_free(&text);
    return bytes;
}

/* What passes and proofs need on the way is given back: a kernel leaves its result alone. */
START_TEST(a_kernel_leaves_what_it_became) {
    size_t few = bytes_of_kernels(4, false), many = bytes_of_kernels(36, false);
    ck_assert_uint_lt((many - few) / 32, 80000);
    few = bytes_of_kernels(4, true) - few;
    many = bytes_of_kernels(36, true) - many;
    ck_assert_uint_lt((many - few) / 32, 4000);
}
END_TEST

/* A copy is equal and has its own names; what was shared, and what is equal at one place, is one node. */
START_TEST(a_copy_shares_what_is_equal) {
    struct arena *arena = arena_create(), *other = arena_create();
    struct span here = {.line = 3, .column = 5}, there = {.line = 4, .column = 5};
    struct node *a = node_new(arena, reference, REFERENCE, here, .name = arena_intern(arena, "a")),
                *again = node_new(arena, reference, REFERENCE, here, .name = arena_intern(arena, "a")),
                *elsewhere = node_new(arena, reference, REFERENCE, there, .name = arena_intern(arena, "a")),
                *sum = node_new(arena, call, CALL, here, .function = arena_intern(arena, "f"),
                                .arguments = LIST(arena, a, again, elsewhere, a));
    struct node *copy = node_copy(other, sum);
    ck_assert(node_equal(copy, sum));
    arena_free(arena);
    struct node_list arguments = node_as(copy, call)->arguments;
    ck_assert_uint_eq(arguments.count, 4);
    ck_assert_ptr_eq(arguments.items[0], arguments.items[1]);
    ck_assert_ptr_eq(arguments.items[0], arguments.items[3]);
    ck_assert_ptr_ne(arguments.items[0], arguments.items[2]);
    ck_assert_uint_eq(arguments.items[2]->span.line, 4);
    ck_assert_ptr_eq(node_as(arguments.items[2], reference)->name, arena_intern(other, "a"));
    arena_free(other);
}
END_TEST

UNIT_MAIN("program", a_kernel_leaves_what_it_became, a_copy_shares_what_is_equal,
          a_chain_compiles_its_kernel_once_and_keeps_two_tensors, a_tensor_lives_until_its_last_use)
