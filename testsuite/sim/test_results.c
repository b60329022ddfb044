/* Tensors that a launch makes or changes in place: every page once, and read and written in an order that
 * holds under every schedule.
 */
#include "harness.h"

#include <stdio.h>

enum { PAGES = 4, SEEDS = 24 };

#define BEGIN(tensor)                                                                                        \
    HEADER "void kernel_main(void) {\nconst TensorAccessor T = tensor_accessor(" #tensor ", "
#define X_ADDRESS "get_arg_val(uint32_t, 0));\n"
#define Y_ADDRESS "get_arg_val(uint32_t, 1));\n"
#define FIRST "get_arg_val(uint32_t, 2)"
#define COUNT "get_arg_val(uint32_t, 3)"
#define READ(buffer, page)                                                                                   \
    "cb_reserve_back(" #buffer ", 1); noc_async_read_page(" page ", T, get_write_ptr(" #buffer "));\n"       \
    "noc_async_read_barrier(); cb_push_back(" #buffer ", 1);\n"
#define WRITE(page)                                                                                          \
    "cb_wait_front(0, 1); noc_async_write_page(" page ", T, get_read_ptr(0));\n"                             \
    "noc_async_writes_flushed(); cb_pop_front(0, 1);\n"
#define EACH "for (uint32_t i = " FIRST "; i < " FIRST " + " COUNT "; ++i) {\n"

/* Copies pages FIRST.. of X to Y. */
#define READER BEGIN(0) X_ADDRESS EACH READ(0, "i") "}\n}\n"
#define WRITER(page) BEGIN(1) Y_ADDRESS EACH WRITE(page) "}\nnoc_async_write_barrier();\n}\n"

struct stage {
    struct harness h;
    struct device_tensor *x, *y;
    uint32_t arguments[2][4];
    struct device_result results[1];
};

/* Two cores with two pages each, of X and Y; buffers 0 and 1; a semaphore `done`. */
static void stage_begin(struct stage *s, uint64_t seed) {
    static const struct device_semaphore semaphores[] = {{0, "done", 0}};
    static uint8_t bytes[PAGES * 2048];
    harness_begin(&s->h, "n150", seed);
    s->x = device_tensor_allocate(s->h.device, "X", FORMAT_BF16, PAGES);
    s->y = device_tensor_allocate(s->h.device, "Y", FORMAT_BF16, PAGES);
    ck_assert(device_tensor_write(s->x, 0, PAGES, bytes));
    for (uint32_t core = 0; core < 2; ++core) {
        uint32_t words[] = {device_tensor_address(s->x), device_tensor_address(s->y), 2 * core, 2};
        memcpy(s->arguments[core], words, sizeof words);
        harness_core(&s->h, core, 0, s->arguments[core], 4);
    }
    for (int role = 0; role < DEVICE_ROLES; ++role) {
        harness_bind(&s->h, (enum device_role)role, s->x);
        harness_bind(&s->h, (enum device_role)role, s->y);
    }
    harness_buffer(&s->h, 0, "a", FORMAT_BF16, 2);
    harness_buffer(&s->h, 1, "b", FORMAT_BF16, 2);
    s->h.launch.semaphores = semaphores;
    s->h.launch.semaphore_count = 1;
    s->h.launch.results = s->results;
    s->h.launch.result_count = 1;
    s->results[0] = (struct device_result){s->y, true};
}

START_TEST(a_result_is_written_once_and_whole) {
    struct stage s;
    stage_begin(&s, 0);
    harness_kernels(&s.h, READER, NULL, WRITER("i"));
    harness_run(&s.h);
    harness_run(&s.h); /* each launch on its own */
    harness_end(&s.h);
}
END_TEST

static const struct {
    const char *writer, *expected;
} results[] = {
    {WRITER("i / 2 * 2"),
     "core (0,0) writer, writer.c:5, noc_async_write_page at i = 1: page 0 of Y is written again\n"
     "core (0,0) writer, writer.c:5: it is written before here\n"
     "help: every tile of a result is written once, by one core"},
    {WRITER("i % 2"),
     "core (1,0) writer, writer.c:5, noc_async_write_page at i = 2: page 0 of Y is written again\n"
     "core (0,0) writer, writer.c:5: it is written before here\n"
     "help: every tile of a result is written once, by one core"},
    {BEGIN(1) Y_ADDRESS EACH "if (i == 3) { cb_wait_front(0, 1); cb_pop_front(0, 1); } else {\n" WRITE(
         "i") "} }\nnoc_async_write_barrier();\n}\n",
     "at the end of the launch: page 3 of Y is never written\n"
     "help: the blocks of all cores together must cover the result"},
};

START_TEST(a_result_that_is_not_made_so_is_a_fault) {
    struct stage s;
    stage_begin(&s, 0);
    harness_kernels(&s.h, READER, NULL, WRITER("i"));
    harness_run(&s.h); /* what an earlier launch wrote does not count */
    harness_kernels(&s.h, READER, NULL, results[_i].writer);
    harness_expect(&s.h, results[_i].expected);
    ck_assert_ptr_eq(s.h.fault.tensor, s.y);
    ck_assert_uint_eq(s.h.fault.page, _i == 2 ? 3 : 0);
    harness_end(&s.h);
}
END_TEST

/* ---- in place ---- */

#define CHANGE(...) BEGIN(0) X_ADDRESS EACH __VA_ARGS__ "}\nnoc_async_write_barrier();\n}\n"
#define TOLD "noc_semaphore_wait(get_semaphore(0), i + 1);\n"
#define TELLING "noc_async_write_barrier(); noc_semaphore_set(get_semaphore(0), i + 1);\n"

static const struct {
    const char *reader, *writer;
} right_orders[] = {
    /* The page that is written depends on the read. */
    {CHANGE(READ(0, "i")), CHANGE(WRITE("i"))},
    /* Read again behind the writer's barrier. */
    {CHANGE(READ(0, "i") TOLD READ(1, "i") "cb_wait_front(1, 1); cb_pop_front(1, 1);\n"),
     CHANGE(WRITE("i") TELLING)},
    /* Read twice, and both before the push that the writer waits for. */
    {CHANGE(READ(1, "i") READ(0, "i") "cb_wait_front(1, 1); cb_pop_front(1, 1);\n"), CHANGE(WRITE("i"))},
};

START_TEST(a_tensor_changes_in_place) {
    for (uint64_t seed = 0; seed < SEEDS; ++seed) {
        struct stage s;
        stage_begin(&s, seed);
        s.results[0] = (struct device_result){s.x, false};
        harness_kernels(&s.h, right_orders[_i].reader, NULL, right_orders[_i].writer);
        harness_run(&s.h);
        harness_end(&s.h);
    }
}
END_TEST

static const struct {
    const char *reader, *writer;
    const char *expected; /* with seed 0 */
} wrong_orders[] = {
    /* The old value is read once more, behind the push that lets the writer go on. */
    {CHANGE(READ(0, "i") READ(1, "i") "cb_wait_front(1, 1); cb_pop_front(1, 1);\n"), CHANGE(WRITE("i")),
     "core (0,0) writer, writer.c:5, noc_async_write_page at i = 0: page 0 of X is overwritten by the writer, and nothing makes it wait until the reader has read it\n"
     "core (0,0) reader, reader.c:7: the reader reads it here\n"
     "help: what is written must depend on what was read: on a page that is pushed behind the read's barrier"},
    /* The new value is read where it may still be on its way. */
    {CHANGE(READ(0, "i") TOLD READ(1, "i") "cb_wait_front(1, 1); cb_pop_front(1, 1);\n"),
     CHANGE(WRITE("i") "noc_semaphore_set(get_semaphore(0), i + 1);\n"),
     "core (0,0) reader, reader.c:8, noc_async_read_page at i = 0: page 0 of X is read by the reader, and nothing makes it wait until the writer has written it\n"
     "core (0,0) writer, writer.c:5: the writer writes it here\n"
     "help: read it before it is overwritten, or let the writer tell that its barrier has passed"},
    /* The same page over and over: the reader may be a turn ahead. */
    {CHANGE(READ(0, "0")), CHANGE(WRITE("0")),
     "core (0,0) writer, writer.c:5, noc_async_write_page at i = 0: page 0 of X is overwritten by the writer, and nothing makes it wait until the reader has read it\n"
     "core (0,0) reader, reader.c:5: the reader reads it here\n"
     "help: what is written must depend on what was read: on a page that is pushed behind the read's barrier"},
    /* A page that another read brings lets the writer go on. */
    {CHANGE(READ(0, "3 - i") READ(1, "i") "cb_wait_front(1, 1); cb_pop_front(1, 1);\n"), CHANGE(WRITE("i")),
     "core (0,0) writer, writer.c:5, noc_async_write_page at i = 0: page 0 of X is overwritten by the writer, and nothing makes it wait until the reader has read it\n"
     "core (0,0) reader, reader.c:7: the reader reads it here\n"
     "help: what is written must depend on what was read: on a page that is pushed behind the read's barrier"},
};

START_TEST(an_order_by_luck_is_a_fault) {
    for (uint64_t seed = 0; seed < SEEDS; ++seed) {
        struct stage s;
        stage_begin(&s, seed);
        s.h.launch.core_count = 1;
        s.results[0] = (struct device_result){s.x, false};
        harness_kernels(&s.h, wrong_orders[_i].reader, NULL, wrong_orders[_i].writer);
        if (seed == 0)
            harness_expect(&s.h, wrong_orders[_i].expected);
        else
            ck_assert_msg(!device_run(s.h.device, &s.h.launch, &s.h.fault, NULL), "order %d, seed %u", _i,
                          (unsigned)seed);
        harness_end(&s.h);
    }
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("results");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_result_is_written_once_and_whole);
    tcase_add_loop_test(tests, a_result_that_is_not_made_so_is_a_fault, 0,
                        (int)(sizeof results / sizeof *results));
    tcase_add_loop_test(tests, a_tensor_changes_in_place, 0,
                        (int)(sizeof right_orders / sizeof *right_orders));
    tcase_add_loop_test(tests, an_order_by_luck_is_a_fault, 0,
                        (int)(sizeof wrong_orders / sizeof *wrong_orders));
    return harness_main("sim results", tests);
}
