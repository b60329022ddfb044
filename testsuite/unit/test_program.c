/* Programs: what a run of many launches takes of the device and of the host. */
#include <string.h>

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
    s->unit.options = (struct unit_options){.architecture = architecture_find("wormhole_b0")};
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

UNIT_MAIN("program", a_chain_compiles_its_kernel_once_and_keeps_two_tensors,
          a_tensor_lives_until_its_last_use)
