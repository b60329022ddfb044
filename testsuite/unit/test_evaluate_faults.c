/* Whatever is wrong with a kernel, its evaluation ends with one located message. */
#include "testsuite/unit/evaluation.h"

#define HEAD "kernel k(in X: f32[M, N], in V: i32[3], out Y: f32[M, N]) { "

/* M = 3, N = 2, V = 0. */
static const struct {
    const char *text, *message;
} faults[] = {
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = X[i, j + 1] } }",
     "index 2 of X is outside its dimension 2, 0..2"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = X[i - 1, j] } }",
     "index -1 of X is outside its dimension 1, 0..3"},
    {HEAD "for i in 0..M + 1, j in 0..N { Y[i, j] = 0 } }", "index 3 of Y is outside its dimension 1, 0..3"},
    {HEAD "for i in 1..M, j in 0..N { Y[i, j] = 0 } }", "Y[0, 0] is never written"},
    {HEAD "for i in 0..M, j in 0..N { if j == 0 || i != 1 { Y[i, j] = 0 } } }", "Y[1, 1] is never written"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] += 1 } }", "Y is updated where nothing was written to it"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = Y[i, j] } }", "Y is read where nothing was written to it"},
    {HEAD "grid i in 0..M by 2, j in 0..N by 2 { fragment a[i, j]: f32 Y[i, j] = a[i, j] } }",
     "a is read where nothing was written to it"},
    {HEAD
     "grid i in 0..M by 2, j in 0..N by 2 { fragment a[i, j]: f32 a[i, j] += X[i, j] Y[i, j] = a[i, j] } }",
     "a is updated where nothing was written to it"},
    {HEAD "for i in 0..M, j in 0..N { var s: f32 Y[i, j] = s } }", "a variable is read before it is written"},
    {HEAD "for i in 0..M, j in 0..N { var s: i32 s += 1 Y[i, j] = s } }",
     "a variable is updated before it is written"},
    {HEAD "for i in 0..M, j in 0..N { var s: i32 Y[i, j] = s } }", "a variable is read before it is written"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = 1 / (M - M) } }", "division by zero"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = 7 % (N - N) } }", "division by zero"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = ceildiv(7, V[0] - 1) } }", "ceildiv by -1"},
    {HEAD "for i in 0..M by V[0], j in 0..N { Y[lo(i), j] = 1 } }", "the step of a loop is 0"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = max(t in 0..0: t) } }", "max over no elements"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = V[(i + 2) * 4611686018427387904] } }",
     "an index does not fit 64 bits"},
    {HEAD "for t in 0..1000000000 { for u in 0..1000000000 { var s: i32 = 0 } } }",
     "the evaluation was given up after 100000000 steps"},
    {HEAD "for i in 0..M, j in 0..N { let z[a in 0..100000, b in 0..100000] = 0 Y[i, j] = z[0, 0] } }",
     "z is too large to be evaluated"},
    {HEAD "delinearize a, b = 9 over [3, 3] }", "delinearize: 9 is no position in its extents"},
    /* What the compiler of the evaluator refuses. */
    {HEAD "for i in 0..M { Y[i] = 0 } }", "Y has 2 dimensions, but 1 subscript"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = Z[i] } }", "there is no Z here"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = frobnicate(X[i, j]) } }", "there is no function frobnicate"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = exp(1, 2) } }", "exp takes 1 argument, not 2"},
    {HEAD "for i in 0..M by 2 { for j in 0..N { Y[lo(i), j] = X[i, j] } } }",
     "i stands for a whole block here, but its assignment does not run over i"},
    {HEAD "for i in 0..M, j in 0..N { Y[X[i, j], j] = 0 } }", "a subscript must be an integer: X[i, j]"},
    {HEAD "for i in 0..M, j in 0..N { let n: i32 = X[i, j] } }",
     "a float value does not become an integer by itself: convert it"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = sum(t: X[t, j]) } }", "t is no block axis in scope"},
    {HEAD "for i in 0..M, j in 0..N { frobnicate(i) } }", "a call is no statement of loop or tile form"},
    {HEAD "for i in 0..M, j in 0..N { i = 3 } }", "i cannot be assigned"},
    {HEAD "role compute { tile_regs_acquire() } }", "device form is what a device runs: it has no meaning here"},
};

START_TEST(faults_are_found) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (int model = MODEL_IDEAL; model <= MODEL_BOUND; model++) {
            struct bench b = bench_open();
            environment_set(&b.sizes, "M", 3);
            environment_set(&b.sizes, "N", 2);
            struct node *kernel = bench_kernel(&b, faults[i].text);
            struct evaluation_result result;
            bench_fill(&b, kernel, FILL_REALS);
            memset(b.inputs[1].values, 0, 3 * sizeof(double));
            ck_assert_msg(!bench_try(&b, kernel, (enum number_model)model, &result), "%s",
                          faults[i].text);
            ck_assert_str_eq(bench_message(&b), faults[i].message);
            ck_assert_uint_eq(b.diagnostics->error_count, 1);
            ck_assert_uint_eq(b.diagnostics->first->span.line, 1);
            bench_close(&b);
        }
    }
}
END_TEST

START_TEST(requests_that_do_not_fit_are_refused) {
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(
        &b,
        "kernel k(in A: f32[M, K], in B: f32[K], in a: f32, out Y: f32[M]) where M > 2 { for i in 0..M { Y[i] = a } }");
    struct evaluation_result result;
    static const struct {
        int64_t m, k;
        bool give, scalar;
        enum dtype dtype;
        const char *message;
    } rows[] = {
        {3, 4, true, true, DTYPE_F32, NULL},
        {3, 4, false, true, DTYPE_F32, "tensor B has no values"},
        {3, 4, true, false, DTYPE_F32, "scalar a has no value"},
        {3, 4, true, true, DTYPE_BF16, "tensor A is f32, but bf16 was given"},
        {2, 4, true, true, DTYPE_F32, "the condition M > 2 does not hold"},
        {3, 5, true, true, DTYPE_F32, "size K is 4 in dimension 1 of B, but 5 in dimension 2 of A"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct environment sizes = {.arena = b.arena};
        b.sizes = sizes;
        environment_set(&b.sizes, "M", rows[i].m);
        environment_set(&b.sizes, "K", 4);
        bench_fill(&b, kernel, FILL_REALS);
        b.sizes = sizes;
        b.inputs[0].shape[1] = (uint64_t)rows[i].k;
        b.inputs[0].dtype = rows[i].dtype;
        b.input_count = rows[i].give ? 2 : 1;
        b.scalars[0] = (struct scalar_value){"a", 1};
        b.scalar_count = rows[i].scalar;
        b.diagnostics = diagnostics_create(b.arena);
        ck_assert_int_eq(bench_try(&b, kernel, MODEL_IDEAL, &result), !rows[i].message);
        ck_assert_str_eq(bench_message(&b), rows[i].message ? rows[i].message : "");
    }
    bench_close(&b);
}
END_TEST

UNIT_MAIN("evaluate_faults", faults_are_found, requests_that_do_not_fit_are_refused)
