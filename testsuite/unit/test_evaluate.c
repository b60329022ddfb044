/* The evaluator: the same kernel in all forms and number models, error bounds, what a kernel computes element
 * by element. */
#include "testsuite/unit/evaluation.h"

#define MATMUL_HEAD "kernel matmul(in A: bf16[M, K], in B: bf16[K, N], in bias: bf16[N], out C: bf16[M, N]) "
#define MATMUL_LAUNCH                                                                                        \
    "@{tt.core_grid = [2, 2], tt.grid_blocks = [ceildiv(M, 64), ceildiv(N, 64)], tt.runtime_args = "         \
    "{start_id = start(), "                                                                                  \
    "count = count(), Mt = ceildiv(M, 32), Kt = ceildiv(K, 32), Nt = ceildiv(N, 32), Gm = ceildiv(M, 64), "  \
    "Gn = ceildiv(N, 64), "                                                                                  \
    "M = M, K = K, N = N, A_address = address(A), B_address = address(B), bias_address = address(bias), "    \
    "C_address = address(C)}} "
/* The text of a form comes in parts: a C compiler need not take long strings. */
static const char *const matmul_forms[][4] = {
    {MATMUL_HEAD
     "{ for i in 0..M, j in 0..N { C[i, j] = max(sum(k in 0..K: A[i, k] * B[k, j]) + bias[j], 0) } }"},

    {MATMUL_HEAD
     "{ for i in 0..M, j in 0..N { var acc: f32 = bias[j] for k in 0..K { acc += A[i, k] * B[k, j] } C[i, j] = max(acc, 0) } }"},

    {MATMUL_HEAD
     "{ grid i in 0..M by 64, j in 0..N by 64 { fragment acc[i, j]: f32 = bias[j] for k in 0..K by 128 { shared a[i, k]: bf16 = A[i, k] acc[i, j] += sum(k: a[i, k] * B[k, j]) } C[i, j] = max(acc[i, j], 0) } }"},

    {MATMUL_HEAD
     "{ grid i in 0..M by 64, j in 0..N by 64 { fragment acc[i, j]: f32 shared bias_in[j]: bf16 @{tt.orientation = row} tile load bias_in[j] = bias[j] tile map acc[i, j] = bias_in[j] for k in 0..K by 128 { shared A_in[i, k]: bf16 shared B_in[k, j]: bf16 tile load A_in[i, k] = A[i, k] tile load B_in[k, j] = B[k, j] tile matmul acc[i, j] += sum(k: A_in[i, k] * B_in[k, j]) } shared C_out[i, j]: bf16 tile map C_out[i, j] = max(acc[i, j], 0) tile store C[i, j] = C_out[i, j] } }"},

    {MATMUL_HEAD MATMUL_LAUNCH
     "{ for tid in start_id..start_id + count { delinearize i_block, j_block = tid over [Gm, Gn] for i in i_block * 64..min(M, i_block * 64 + 64) by 64, j in j_block * 64..min(N, j_block * 64 + 64) by 64 { fragment acc[i, j]: f32 shared bias_in[j]: bf16 @{tt.orientation = row} tile load bias_in[j] = bias[j] tile map acc[i, j] = bias_in[j] for k in 0..K by 128 { shared A_in[i, k]: bf16 shared B_in[k, j]: bf16 tile load A_in[i, k] = A[i, k] tile load B_in[k, j] = B[k, j] tile matmul acc[i, j] += sum(k: A_in[i, k] * B_in[k, j]) } shared C_out[i, j]: bf16 tile map C_out[i, j] = max(acc[i, j], 0) tile store C[i, j] = C_out[i, j] } } }"},

};

#define FORMS(list) (sizeof(list) / sizeof *(list))

static struct node *matmul_kernel(struct bench *b, const char *const *parts) {
    const char *text = "";
    for (size_t i = 0; i < 4 && parts[i]; i++)
        text = arena_printf(b->arena, "%s%s", text, parts[i]);
    return bench_kernel(b, text);
}

static const int64_t matmul_sizes[][3] = {{50, 70, 90}, {64, 128, 64}, {1, 1, 1},    {33, 129, 65},
                                          {5, 0, 7},    {0, 5, 7},     {200, 40, 30}};

static void set_sizes(struct bench *b, const int64_t *sizes) {
    environment_set(&b->sizes, "M", sizes[0]);
    environment_set(&b->sizes, "K", sizes[1]);
    environment_set(&b->sizes, "N", sizes[2]);
}

START_TEST(forms_of_matmul_agree) {
    for (size_t s = 0; s < FORMS(matmul_sizes); s++) {
        for (int filling = FILL_INTEGERS; filling <= FILL_REALS; filling++) {
            struct bench b = bench_open();
            set_sizes(&b, matmul_sizes[s]);
            struct node *first = matmul_kernel(&b, matmul_forms[0]);
            bench_fill(&b, first, (enum filling)filling);
            struct evaluation_result expected = bench_run(&b, first, MODEL_IDEAL);
            for (size_t f = 1; f < FORMS(matmul_forms); f++) {
                struct node *kernel = matmul_kernel(&b, matmul_forms[f]);
                struct evaluation_result got = bench_run(&b, kernel, MODEL_IDEAL);
                const char *difference = filling == FILL_INTEGERS
                                             ? evaluation_bit_difference(b.arena, &expected, &got)
                                             : evaluation_difference(b.arena, &expected, &got);
                ck_assert_msg(!difference, "form %zu, sizes %zu: %s", f, s, difference);
            }
            bench_close(&b);
        }
    }
}
END_TEST

/* bf16 operands, f32 sums in ascending k, one rounding at the store: the bias comes first in all forms but
 * the first. */
START_TEST(forms_of_matmul_have_equal_bits_on_the_device) {
    for (size_t s = 0; s < FORMS(matmul_sizes); s++) {
        struct bench b = bench_open();
        set_sizes(&b, matmul_sizes[s]);
        struct node *first = matmul_kernel(&b, matmul_forms[1]);
        bench_fill(&b, first, FILL_REALS);
        struct evaluation_result expected = bench_run(&b, first, MODEL_DEVICE);
        for (size_t f = 2; f < FORMS(matmul_forms); f++) {
            struct evaluation_result got =
                bench_run(&b, matmul_kernel(&b, matmul_forms[f]), MODEL_DEVICE);
            const char *difference = evaluation_bit_difference(b.arena, &expected, &got);
            ck_assert_msg(!difference, "form %zu, sizes %zu: %s", f, s, difference);
        }
        bench_close(&b);
    }
}
END_TEST

static const char *const softmax_forms[] = {
    "kernel softmax(in X: bf16[M, N], out Y: bf16[M, N]) { for i in 0..M { let m = max(j in 0..N: X[i, j]) let e[j in 0..N]: f32 = exp(X[i, j] - m) let s = sum(j in 0..N: e[j]) for j in 0..N { Y[i, j] = e[j] / s } } }",

    "kernel softmax(in X: bf16[M, N], out Y: bf16[M, N]) { grid i in 0..M by 32 { for j in 0..N by N { let m[i]: bf16 = max(j: X[i, j]) let e[i, j]: f32 = exp(X[i, j] - m[i]) let s[i]: f32 = sum(j: e[i, j]) Y[i, j] = e[i, j] / s[i] } } }",

    "kernel softmax(in X: bf16[M, N], out Y: bf16[M, N]) { grid i in 0..M by 32 { for j in 0..N by N { shared x[i, j]: bf16 shared m[i]: bf16 @{tt.orientation = column} shared e[i, j]: f32 shared s[i]: f32 @{tt.orientation = column} shared y[i, j]: bf16 tile load x[i, j] = X[i, j] tile reduce m[i] = max(j: x[i, j]) tile map e[i, j] = select(inside(j), exp(x[i, j] - m[i]), 0) tile reduce s[i] = sum(j: e[i, j]) @{tt.unit = vector} tile map y[i, j] = e[i, j] / s[i] tile store Y[i, j] = y[i, j] } } }",

    /* A running maximum and sum over panels. */
    "kernel softmax(in X: bf16[M, N], out Y: bf16[M, N]) { grid i in 0..M by 32 { fragment m[i]: f32 = -inf fragment s[i]: f32 = 0 for j in 0..N by 32 { m[i] max= max(j: X[i, j]) } for j in 0..N by 32 { s[i] += sum(j: exp(X[i, j] - m[i])) } for j in 0..N by 32 { Y[i, j] = exp(X[i, j] - m[i]) / s[i] } } }",
};

START_TEST(forms_of_softmax_agree_within_their_bound) {
    static const int64_t sizes[][2] = {{1, 1}, {40, 70}, {32, 32}, {3, 200}};
    for (size_t s = 0; s < FORMS(sizes); s++) {
        struct bench b = bench_open();
        environment_set(&b.sizes, "M", sizes[s][0]);
        environment_set(&b.sizes, "N", sizes[s][1]);
        struct node *first = bench_kernel(&b, softmax_forms[0]);
        bench_fill(&b, first, FILL_REALS);
        struct evaluation_result ideal = bench_run(&b, first, MODEL_IDEAL);
        struct evaluation_result bound = bench_run(&b, first, MODEL_BOUND);
        for (size_t f = 0; f < FORMS(softmax_forms); f++) {
            struct node *kernel = bench_kernel(&b, softmax_forms[f]);
            struct evaluation_result got = bench_run(&b, kernel, MODEL_IDEAL);
            struct evaluation_result device = bench_run(&b, kernel, MODEL_DEVICE);
            const char *difference = evaluation_difference(b.arena, &ideal, &got);
            ck_assert_msg(!difference, "form %zu: %s", f, difference);
            difference = evaluation_excess(b.arena, &device, &bound);
            ck_assert_msg(!difference, "form %zu: %s", f, difference);
        }
        bench_close(&b);
    }
}
END_TEST

/* A bound that anything satisfies would be worthless: it must be near the error that occurs, and exact where
 * nothing rounds. */
START_TEST(bounds_are_sound_and_tight) {
    struct bench b = bench_open();
    set_sizes(&b, matmul_sizes[0]);
    struct node *kernel = matmul_kernel(&b, matmul_forms[0]);
    bench_fill(&b, kernel, FILL_REALS);
    struct evaluation_result bound = bench_run(&b, kernel, MODEL_BOUND);
    struct evaluation_result device =
        bench_run(&b, matmul_kernel(&b, matmul_forms[4]), MODEL_DEVICE);
    const char *excess = evaluation_excess(b.arena, &device, &bound);
    ck_assert_msg(!excess, "%s", excess);
    double most = 0, widest = 0;
    for (uint64_t i = 0; i < tensor_elements(&bound.outputs[0]); i++) {
        double error = device.outputs[0].values[i] - bound.outputs[0].values[i];
        most = error > most ? error : most;
        widest = bound.outputs[0].extra[i] > widest ? bound.outputs[0].extra[i] : widest;
    }
    ck_assert(widest < 4 * most);
    struct node *copy = bench_kernel(
        &b,
        "kernel copy(in A: bf16[M, K], out Y: bf16[M, K]) { for i in 0..M, j in 0..K { Y[i, j] = -A[i, j] } }");
    bench_fill(&b, copy, FILL_REALS);
    bound = bench_run(&b, copy, MODEL_BOUND);
    for (uint64_t i = 0; i < tensor_elements(&bound.outputs[0]); i++)
        ck_assert(bound.outputs[0].extra[i] == 0);
    bench_close(&b);
}
END_TEST

/* f32 contractions pass TF32, and the bound knows; @exact does not. */
START_TEST(contractions_of_f32_pass_tf32) {
    struct bench b = bench_open();
    static const char *const texts[] = {
        "kernel dot(in A: f32[K], in B: f32[K], out Y: f32[1]) { for i in 0..1 { Y[i] = sum(k in 0..K: A[k] * B[k]) } }",
        "kernel dot(in A: f32[K], in B: f32[K], out Y: f32[1]) { for i in 0..1 { Y[i] = sum(k in 0..K: A[k] * B[k]) @{exact = 1} } }",
        "kernel dot(in A: f32[K], in B: f32[K], out Y: f32[1]) { for i in 0..1 { var s: f32 = 0 for k in 0..K { s += A[k] * B[k] } Y[i] = s } }",
    };
    environment_set(&b.sizes, "K", 1);
    double values[3], bounds[3];
    for (size_t i = 0; i < 3; i++) {
        struct node *kernel = bench_kernel(&b, texts[i]);
        bench_fill(&b, kernel, FILL_REALS);
        b.inputs[0].values[0] = 1 + 0x1p-23;
        b.inputs[1].values[0] = 1;
        values[i] = bench_run(&b, kernel, MODEL_DEVICE).outputs[0].values[0];
        bounds[i] = bench_run(&b, kernel, MODEL_BOUND).outputs[0].extra[0];
    }
    ck_assert(values[0] == 1 && values[1] == 1 + 0x1p-23 && values[2] == 1);
    ck_assert(bounds[0] > 0x1p-10 && bounds[1] < 0x1p-20 && bounds[2] > 0x1p-10);
    bench_close(&b);
}
END_TEST

/* Scalars, integers, guarded and data-dependent accesses: the value of Y[0] for X = [3, 1, 2], V = [0.5, -4,
 * 8]. */
static const struct {
    const char *type, *statements;
    double value;
} values[] = {
    {"i32", "Y[0] = 7 / 2 + X[0]", 6},
    {"i32", "Y[0] = (X[1] - 8) / 2", -4},
    {"i32", "Y[0] = (X[1] - 8) % 3", 2},
    {"i32", "Y[0] = X[0] * 2000000000", 1705032704},
    {"u32", "Y[0] = 5 - 7", 4294967294.0},
    {"u16", "Y[0] = 65535 + 3", 2},
    {"i32", "Y[0] = X[7 else 9] + X[-1 else -9]", 0},
    {"f32", "Y[0] = V[X[1]]", -4},
    {"i32", "Y[0] = argmax(j in 0..3: V[j]) * 10 + argmin(j in 0..3: V[j])", 21},
    {"f32", "Y[0] = product(j in 0..3: V[j])", -16},
    {"f32", "Y[0] = min(j in 0..3: V[j]) + max(j in 1..1: V[j])", -(double)INFINITY},
    {"i32", "Y[0] = sum(j in 0..3: X[j] * X[j])", 14},
    {"f32", "Y[0] = select(X[0] > 2 && !(V[1] >= 0), V[2], V[9])", 8},
    {"f32", "var s = 0 for j in 0..3 { s = s * 10 + X[j] } Y[0] = s", 312},
    {"i32", "var n: i32 = 1 for j in 0..3 { n *= X[j] } n += 1 Y[0] = n", 7},
    {"f32", "var s: f32 = -inf for j in 0..3 { s max= V[j] } s -= 1 Y[0] = s", 7},
    {"f32", "var o[e in 0..3]: f32 = V[e] for e in 0..3 { o[e] = o[e] + 1 } Y[0] = o[2]", 9},
    {"f32", "Y[0] = 0 for j in 0..3 by 2 { let z[j] = V[j] * 2 Y[0] += sum(j: z[j]) + len(j) - lo(j) }", 10},
    {"f32", "if X[0] == 3 { Y[0] = 1 } else { Y[0] = 2 }", 1},
    {"i32", "Y[0] = i32(V[1] / 3)", -1},
    {"f32", "Y[0] = bf16(V[0]) + f32(X[0])", 3.5},
    {"i32", "Y[0] = ceildiv(X[0], 2) + min(X[0], 1) + max(4, X[2])", 7},
    {"f32", "Y[0] = relu(V[1]) + abs(V[1]) + square(V[0]) + neg(V[2])", -3.75},
    {"f32", "for j in 0..3 by 3 { for k in 0..2 by 2 { let o[j, k] = V[j] * k Y[0] = max(j, k: o[j, k]) } }",
     8},
};

static struct node *value_kernel(struct bench *b, const char *type, const char *statements) {
    struct node *kernel =
        bench_kernel(b, arena_printf(b->arena, "kernel k(in X: i32[3], in V: f32[3], out Y: %s[1]) { %s }",
                                     type, statements));
    bench_fill(b, kernel, FILL_INTEGERS);
    static const double x[] = {3, 1, 2}, v[] = {0.5, -4, 8};
    memcpy(b->inputs[0].values, x, sizeof x);
    memcpy(b->inputs[1].values, v, sizeof v);
    return kernel;
}

START_TEST(expressions_have_their_values) {
    for (size_t i = 0; i < FORMS(values); i++) {
        for (int model = MODEL_IDEAL; model <= MODEL_BOUND; model++) {
            struct bench b = bench_open();
            struct node *kernel = value_kernel(&b, values[i].type, values[i].statements);
            double got = bench_run(&b, kernel, (enum number_model)model).outputs[0].values[0];
            ck_assert_msg(got == values[i].value, "%s is %.17g", values[i].statements, got);
            bench_close(&b);
        }
    }
}
END_TEST

START_TEST(rounding_follows_the_model) {
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(
        &b,
        "kernel k(in X: f32[4], out Y: bf16[4]) { for i in 0..4 { let t = X[i] * 3 Y[i] = t + bf16(1.001) } }");
    bench_fill(&b, kernel, FILL_REALS);
    static const double x[] = {1 + 0x1p-23, 1e-39, 0x1p-9, 3e38};
    memcpy(b.inputs[0].values, x, sizeof x);
    struct evaluation_result ideal = bench_run(&b, kernel, MODEL_IDEAL),
                             device = bench_run(&b, kernel, MODEL_DEVICE);
    ck_assert(ideal.outputs[0].values[0] == 3 + 3 * 0x1p-23 + (double)1.001f);
    ck_assert(device.outputs[0].values[0] == 4 && device.outputs[0].values[1] == 1 &&
              device.outputs[0].values[2] == 1.0078125);
    ck_assert(device.outputs[0].values[3] == (double)INFINITY && ideal.outputs[0].values[3] > 8e38);
    bench_close(&b);
}
END_TEST

START_TEST(scalars_and_state_are_passed) {
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(
        &b,
        "kernel k(inout S: f32[2], in a: f32, in n: index = 3, in m: i32) where n == 3 { for i in 0..2 { S[i] += a * n + m } }");
    bench_fill(&b, kernel, FILL_REALS);
    b.inputs[0].values[0] = 1;
    b.inputs[0].values[1] = 2;
    b.scalars[0] = (struct scalar_value){"a", 0.5};
    b.scalars[1] = (struct scalar_value){"m", -4};
    b.scalar_count = 2;
    struct evaluation_result result = bench_run(&b, kernel, MODEL_DEVICE);
    ck_assert(result.count == 1 && result.outputs[0].values[0] == -1.5 &&
              result.outputs[0].values[1] == -0.5);
    bench_close(&b);
}
END_TEST

UNIT_MAIN("evaluate", forms_of_matmul_agree, forms_of_matmul_have_equal_bits_on_the_device,
          forms_of_softmax_agree_within_their_bound, bounds_are_sound_and_tight,
          contractions_of_f32_pass_tf32,
          expressions_have_their_values, rounding_follows_the_model, scalars_and_state_are_passed)
