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
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = 1 / V[0] } }", "division by zero"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = 7 % V[0] } }", "division by zero"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = ceildiv(7, V[0] - 1) } }", "ceildiv by -1"},
    {HEAD "for i in 0..M by V[0], j in 0..N { Y[lo(i), j] = 1 } }", "the step of a loop is 0"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = i32(1.0 / V[0]) } }",
     "inf does not fit an integer of 32 bits"},
    {HEAD "for i in 0..M, j in 0..N { Y[i, j] = max(t in 0..0: V[t]) } }", "max over no elements"},
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
    {HEAD "for i in 0..M, j in 0..N { frobnicate(i) } }", "there is no device call frobnicate"},
    {HEAD "for i in 0..M, j in 0..N { i = 3 } }", "i cannot be assigned"},
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
            ck_assert_msg(!bench_try(&b, kernel, (enum number_model)model, PADDING_NAN, &result), "%s",
                          faults[i].text);
            ck_assert_str_eq(bench_message(&b), faults[i].message);
            ck_assert_uint_eq(b.diagnostics->error_count, 1);
            ck_assert_uint_eq(b.diagnostics->first->span.line, 1);
            bench_close(&b);
        }
    }
}
END_TEST

#define DEVICE                                                                                               \
    "kernel k(in X: bf16[64, 20], out Y: bf16[64, 20]) @{tt.core_grid = [1, 1], tt.grid_blocks = [1], "      \
    "tt.runtime_args = "                                                                                     \
    "{start_id = start(), count = count(), X_address = address(X), Y_address = address(Y)}} { "              \
    "circular_buffer cb_x = 0: bf16 pages 2 circular_buffer cb_y = 16: bf16 pages 2 circular_buffer cb_w = " \
    "3: f32 pages 2 "
#define READ                                                                                                 \
    "function reader reader() { constant cb_x = 0 accessor X at get_arg_val(uint32_t, 2) tiles [2, 1] "      \
    "cb_reserve_back(cb_x, 2) "                                                                              \
    "let x: u32 = get_write_ptr(cb_x) for r in 0..2 { noc_async_read_page(page(X, r, 0), X, x + r * 2048) "  \
    "} cb_push_back(cb_x, 2) } "
#define COMPUTE(body)                                                                                        \
    "function compute compute() { constant cb_x = 0 constant cb_y = 16 constant cb_w = 3 "                   \
    "cb_wait_front(cb_x, 2) " body " } "
#define COPY                                                                                                 \
    COMPUTE("for r in 0..2 { tile_regs_acquire() copy_tile(cb_x, r, 0) cb_reserve_back(cb_y, 1) "            \
            "pack_tile(OUT_OF_ORDER, 0, cb_y, 0) "                                                           \
            "tile_regs_release() cb_push_back(cb_y, 1) } cb_pop_front(cb_x, 2)")
#define WRITE                                                                                                \
    "function writer writer() { constant cb_y = 16 accessor Y at get_arg_val(uint32_t, 3) tiles [2, 1] for " \
    "r in 0..2 { "                                                                                           \
    "cb_wait_front(cb_y, 1) noc_async_write_page(page(Y, r, 0), Y, get_read_ptr(cb_y)) cb_pop_front(cb_y, "  \
    "1) } } }"
#define WRITER(body) "function writer writer() { constant cb_y = 16 " body " } }"

static const struct {
    const char *text, *message;
} device_faults[] = {
    {DEVICE READ COPY WRITE, NULL},
    {DEVICE READ COMPUTE("cb_wait_front(cb_x, 3)") WRITE, "cb_wait_front of 3 pages, but cb_x has 2"},
    {DEVICE READ COMPUTE("cb_pop_front(cb_x, 1) cb_wait_front(cb_x, 2)") WRITE,
     "compute waits for ever on core 0: cb_wait_front of 2 pages of cb_x, which holds 1 of 2"},
    {DEVICE READ COMPUTE("cb_pop_front(cb_x, 2) cb_pop_front(cb_x, 1)") WRITE,
     "1 pages of cb_x are popped, but 0 are waited for"},
    {DEVICE READ COMPUTE("cb_push_back(cb_y, 1)") WRITE, "1 pages of cb_y are pushed, but 0 are reserved"},
    {DEVICE READ COMPUTE(
         "cb_reserve_back(cb_y, 1) cb_push_back(cb_y, 1) cb_reserve_back(cb_y, 2) cb_push_back(cb_y, 2)")
         WRITE,
     "2 pages of cb_y are pushed from page 1 on, but it wraps at 2"},
    {DEVICE READ COMPUTE("copy_tile(cb_x, 0, 0)") WRITE,
     "DST is used outside of tile_regs_acquire and tile_regs_release"},
    {DEVICE READ COMPUTE("tile_regs_acquire() copy_tile(cb_x, 2, 0)") WRITE,
     "page 2 of cb_x is read, but 2 pages are waited for"},
    {DEVICE READ COMPUTE("tile_regs_acquire() copy_tile(cb_x, 0, 8)") WRITE, "DST slot 8, but there are 8"},
    {DEVICE READ COMPUTE("tile_regs_acquire() exp_tile(1)") WRITE,
     "DST slot 1 is read, but nothing wrote it in this section"},
    {DEVICE READ COMPUTE("tile_regs_acquire() tile_regs_acquire()") WRITE,
     "tile_regs_acquire before the last section is released"},
    {DEVICE READ COMPUTE("tile_regs_acquire() copy_tile(cb_x, 0, 0) pack_tile(OUT_OF_ORDER, 0, cb_y, 0)")
         WRITE,
     "page 0 of cb_y is written, but 0 pages are reserved"},
    {DEVICE READ COMPUTE(
         "cb_reserve_back(cb_w, 1) cb_push_back(cb_w, 1) cb_wait_front(cb_w, 1) tile_regs_acquire() copy_tile(cb_w, 0, 0)")
         WRITE,
     "page 0 of cb_w was not wholly written"},
    {DEVICE READ COMPUTE("cb_wait_front(9, 1)") WRITE, "there is no circular buffer number 9"},
    {DEVICE READ COMPUTE("let n: u32 = get_arg_val(uint32_t, 4)") WRITE,
     "launch argument 4 is read, but there are 4"},
    {DEVICE READ COPY WRITER("accessor Y at 77 tiles [2, 1]"), "no tensor lies at address 77"},
    {DEVICE READ COPY WRITER(
         "accessor Y at get_arg_val(uint32_t, 3) tiles [2, 1] cb_wait_front(cb_y, 1) noc_async_write_page(page(Y, 0, 1), Y, get_read_ptr(cb_y))"),
     "tile 1 of dimension 2 of Y, which has 1 tiles there"},
    {DEVICE READ COPY WRITER(
         "accessor Y at get_arg_val(uint32_t, 3) tiles [9, 1] cb_wait_front(cb_y, 1) noc_async_write_page(page(Y, 5, 0), Y, get_read_ptr(cb_y))"),
     "page 5 of Y, which has 2"},
    {DEVICE READ COPY WRITER(
         "accessor Y at get_arg_val(uint32_t, 3) tiles [2, 1] cb_wait_front(cb_y, 1) noc_async_write_page(page(Y, 0, 0), Y, get_read_ptr(cb_y) + 2)"),
     "a tile of Y goes to the middle of a page of cb_y"},
    {DEVICE READ COPY WRITER(
         "accessor Y at get_arg_val(uint32_t, 3) tiles [2, 1] noc_async_write_page(page(Y, 0, 0), Y, 5)"),
     "address 5 is in no circular buffer"},
    {DEVICE READ COPY WRITER("cb_wait_front(cb_y, 1) l1_store_u16(get_read_ptr(cb_y), 1)"),
     "page 0 of cb_y is written, but 0 pages are reserved"},
    {DEVICE READ COPY WRITER(""), "Y[0, 0] is never written"},
    {DEVICE READ COPY WRITER(
         "constant cb_z = 16 accessor Y at get_arg_val(uint32_t, 3) tiles [2, 1] cb_wait_front(cb_z, 1) noc_async_write_page(page(Y, 0, 0), Y, get_read_ptr(cb_z)) cb_pop_front(cb_z, 1)"),
     "Y[32, 0] is never written"},
    {DEVICE
     "function reader reader() { constant cb_w = 3 accessor X at get_arg_val(uint32_t, 2) tiles [2, 1] cb_reserve_back(cb_w, 1) noc_async_read_page(page(X, 0, 0), X, get_write_ptr(cb_w)) } " COPY
         WRITE,
     "X is bf16, but cb_w is f32"},
    {DEVICE
     "function reader reader() { constant cb_w = 3 cb_reserve_back(cb_w, 1) l1_store_u16(get_write_ptr(cb_w), 1) } " COPY
         WRITE,
     "l1_store_u16 at byte 0 of a page of cb_w, which is f32"},
    {DEVICE "function helper loop(in n: u32) { loop(n) } function reader reader() { loop(1) } " COPY WRITE,
     "loop calls itself, or helpers call each other too deeply"},
    {DEVICE "circular_buffer cb_z = 3: bf16 pages 1 " READ COPY WRITE,
     "circular buffers cb_w and cb_z have the same number"},
    {DEVICE "circular_buffer cb_z = 4: bf16 pages 0 " READ COPY WRITE, "circular buffer cb_z has 0 pages"},
    {DEVICE READ COMPUTE("tile_regs_acquire() copy_tile(cb_x, 0, 0) cb_reserve_back(cb_x, M)") WRITE,
     "there is no M here"},
};

START_TEST(device_faults_are_found) {
    for (size_t i = 0; i < sizeof device_faults / sizeof *device_faults; i++)
        bench_expect(device_faults[i].text, device_faults[i].message);
}
END_TEST

/* A lane of padding that reaches a result shows. */
START_TEST(padding_that_leaks_is_seen) {
    static const char leak[] = DEVICE READ COMPUTE(
        "tile_regs_acquire() copy_tile(cb_x, 0, 0) for r in 0..2 { transpose_tile(cb_x, r, r) } cb_reserve_back(cb_y, 2) for r in 0..2 { pack_tile(OUT_OF_ORDER, r, cb_y, r) } tile_regs_release() cb_push_back(cb_y, 2)")
        WRITE;
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(&b, leak);
    bench_fill(&b, kernel, FILL_REALS);
    struct evaluation_result nan = bench_run(&b, kernel, MODEL_IDEAL, PADDING_NAN),
                             zero = bench_run(&b, kernel, MODEL_IDEAL, PADDING_ZERO);
    struct evaluation_result large = bench_run(&b, kernel, MODEL_IDEAL, PADDING_LARGE);
    uint64_t at = 25 * 20; /* row 25 of the transposed tile is column 25 of the tensor, which has 20 */
    ck_assert(nan.outputs[0].values[at] != nan.outputs[0].values[at]);
    ck_assert(zero.outputs[0].values[at] == 0 && large.outputs[0].values[at] > 1e29);
    ck_assert(evaluation_difference(b.arena, &nan, &zero) != NULL);
    bench_close(&b);
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
        ck_assert_int_eq(bench_try(&b, kernel, MODEL_IDEAL, PADDING_NAN, &result), !rows[i].message);
        ck_assert_str_eq(bench_message(&b), rows[i].message ? rows[i].message : "");
    }
    bench_close(&b);
}
END_TEST

UNIT_MAIN("evaluate_faults", faults_are_found, device_faults_are_found, padding_that_leaks_is_seen,
          requests_that_do_not_fit_are_refused)
