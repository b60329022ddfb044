/* Cores that wait for each other: they run in turns, in every number model, and what they do wrong ends the
 * evaluation. */
#include "testsuite/unit/evaluation.h"

/* Core 0 reads the tile of X and sends it to core 1; each writes it to its row of tiles of Y. */
#define CORES                                                                                                \
    "kernel k(in X: bf16[32, 20], out Y: bf16[64, 20]) @{tt.core_grid = [2, 1], tt.core_map = [[0, 0, 18, "  \
    "18], [1, 0, 19, 18]], tt.grid_blocks = [2], tt.runtime_args = {start_id = start(), count = count(), "   \
    "X_address = address(X), Y_address = address(Y), x = core_x(), first = noc_x(0, 0), last = noc_x(1, "    \
    "0), row = noc_y(0, 0)}} { circular_buffer cb_x = 0: bf16 pages 2 semaphore ready = 0 "
#define READER(sender, receiver)                                                                             \
    "semaphore valid = 1 function reader reader() { constant cb_x = 0 constant ready = 0 constant valid = "  \
    "1 let x: u32 = get_arg_val(uint32_t, 4) let first: u32 = get_arg_val(uint32_t, 5) let last: u32 = "     \
    "get_arg_val(uint32_t, 6) let row: u32 = get_arg_val(uint32_t, 7) accessor X at get_arg_val(uint32_t, "  \
    "2) tiles [1, 1] cb_reserve_back(cb_x, 1) let at: u32 = get_write_ptr(cb_x) if x == 0 { " sender         \
    " } else { " receiver " } cb_push_back(cb_x, 1) } "
#define READ "noc_async_read_page(page(X, 0, 0), X, at) noc_semaphore_set(get_semaphore(valid), 1) "
#define ROOM "noc_semaphore_wait(get_semaphore(ready), 1) "
#define SEND "noc_async_write_multicast(at, get_noc_multicast_addr(first, row, last, row, at), 2048, 1, 1) "
#define TELL                                                                                                 \
    "noc_semaphore_set_multicast(get_semaphore(valid), get_noc_multicast_addr(first, row, last, row, "       \
    "get_semaphore(valid)), 1) "
#define SAY "noc_semaphore_inc(get_noc_addr(first, row, get_semaphore(ready)), 1) "
#define HEAR "noc_semaphore_wait(get_semaphore(valid), 1) noc_async_atomic_barrier() "
#define WRITER                                                                                               \
    "function writer writer() { constant cb_x = 0 let x: u32 = get_arg_val(uint32_t, 4) accessor Y at "      \
    "get_arg_val(uint32_t, 3) tiles [2, 1] cb_wait_front(cb_x, 1) noc_async_write_page(page(Y, x, 0), Y, "   \
    "get_read_ptr(cb_x)) cb_pop_front(cb_x, 1) } }"

static const struct {
    const char *text, *message;
} faults[] = {
    {CORES READER(READ ROOM SEND TELL, SAY HEAR) WRITER, NULL},
    {CORES READER(READ ROOM ROOM SEND TELL, SAY HEAR) WRITER, NULL}, /* the count stays until it is set */
    {CORES READER(READ "noc_semaphore_wait(get_semaphore(ready), 2) " SEND TELL, SAY HEAR) WRITER,
     "reader waits for ever on core 0: noc_semaphore_wait until ready is 2, and it is 1"},
    {CORES READER(READ ROOM SEND, SAY HEAR) WRITER,
     "reader waits for ever on core 1: noc_semaphore_wait until valid is 1, and it is 0"},
    {CORES READER(READ SEND TELL, SAY HEAR) WRITER,
     "a multicast to cb_x of core 1, which has 0 pages reserved from page 0 on, writes page 0"},
    {CORES READER(READ ROOM TELL, SAY HEAR) WRITER, "Y[32, 0] is never written"},
    {CORES READER(
         READ ROOM
         "noc_async_write_multicast(at, get_noc_multicast_addr(first, row, last, row, at), 2048, 2, 1) ",
         SAY HEAR) WRITER,
     "a multicast to 2 receivers, but the rectangle (18, 18)..(19, 18) has 1 beside the sender"},
    {CORES READER(
         READ ROOM
         "noc_async_write_multicast(at, get_noc_multicast_addr(first, row, first, row, at), 2048, 0, 1) ",
         SAY HEAR) WRITER,
     "a multicast to 0 receivers, but the rectangle (18, 18)..(18, 18) has 0 beside the sender"},
    {CORES READER(
         READ ROOM
         "noc_async_write_multicast(at, get_noc_multicast_addr(first, row, last + 1, row, at), 2048, 2, 1) ",
         SAY HEAR) WRITER,
     "no core of the launch has the NoC coordinates (20, 18)"},
    {CORES READER(
         READ ROOM
         "noc_async_write_multicast(at, get_noc_multicast_addr(first, row, last, row, at), 1024, 1, 1) ",
         SAY HEAR) WRITER,
     "a multicast of 1024 bytes from byte 0 of a page of cb_x is not whole pages"},
    {CORES READER(
         READ ROOM
         "noc_async_write_multicast(at, get_noc_multicast_addr(first, row, last, row, at + 2048), 2048, 1, 1) ",
         SAY HEAR) WRITER,
     "a multicast from address 65536 goes to address 67584: a block has one place on all cores"},
    {CORES READER(READ ROOM SEND TELL, "noc_semaphore_inc(get_noc_addr(70, row, get_semaphore(ready)), 1) ")
         WRITER,
     "70 is no NoC coordinate"},
    {CORES READER(READ ROOM SEND TELL, "noc_semaphore_inc(get_noc_addr(first, row, at), 1) ") WRITER,
     "address 65536 is no semaphore"},
    {CORES READER("noc_semaphore_set(get_semaphore(2), 1) ", SAY HEAR) WRITER,
     "there is no semaphore number 2"},
};

START_TEST(cores_meet_or_fail) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        bench_expect(faults[i].text, faults[i].message);
}
END_TEST

START_TEST(every_model_carries_the_values) {
    for (int model = MODEL_IDEAL; model <= MODEL_BOUND; model++) {
        struct bench b = bench_open();
        struct node *kernel = bench_kernel(&b, faults[0].text);
        bench_fill(&b, kernel, FILL_REALS);
        struct evaluation_result result = bench_run(&b, kernel, (enum number_model)model, PADDING_NAN);
        for (size_t i = 0; i < 64 * 20; i++)
            ck_assert(result.outputs[0].values[i] == b.inputs[0].values[i % (32 * 20)]);
        bench_close(&b);
    }
}
END_TEST

START_TEST(cores_must_be_on_the_map) {
    struct bench b = bench_open();
    struct node *kernel = bench_kernel(
        &b,
        "kernel k(in X: bf16[32, 20], out Y: bf16[32, 20]) @{tt.core_grid = [2, 1], tt.core_map = [[0, 0, 18, 18]], tt.grid_blocks = [1], tt.runtime_args = {start_id = start()}} { semaphore ready = 0 function writer writer() { } }");
    struct evaluation_result result;
    bench_fill(&b, kernel, FILL_REALS);
    ck_assert(!bench_try(&b, kernel, MODEL_DEVICE, PADDING_NAN, &result));
    ck_assert_str_eq(bench_message(&b),
                     "core (1, 0) has no NoC coordinates: the kernel has semaphores and needs tt.core_map");
    bench_close(&b);
}
END_TEST

UNIT_MAIN("evaluate_cores", cores_meet_or_fail, every_model_carries_the_values, cores_must_be_on_the_map)
