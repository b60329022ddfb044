/* Core to core: a block that one core reads and multicasts to a rectangle of others, and each rule of
 * semaphores and multicast broken once. The first core of a launch is the sender, the others receive; every
 * core writes what it has to its own pages.
 */
#include "harness.h"

#include <stdio.h>

enum { TURNS = 5 };

/* Lines 1 to 9. Arguments: number of the core, A, C, x0, y0, x1, y1 of the rectangle, receivers, coordinates
 * of the sender.
 */
#define PROLOGUE                                                                                             \
    HEADER "enum { data = 0, ready = 0, valid = 1, turns = 5 };\n"                                           \
           "void kernel_main(void) {\n"                                                                      \
           "const uint32_t core = get_arg_val(uint32_t, 0), receivers = get_arg_val(uint32_t, 7);\n"         \
           "const uint32_t x0 = get_arg_val(uint32_t, 3), y0 = get_arg_val(uint32_t, 4);\n"                  \
           "const uint32_t x1 = get_arg_val(uint32_t, 5), y1 = get_arg_val(uint32_t, 6);\n"                  \
           "const uint32_t sx = get_arg_val(uint32_t, 8), sy = get_arg_val(uint32_t, 9);\n"                  \
           "const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 1));\n"                        \
           "const uint32_t r = get_semaphore(ready), v = get_semaphore(valid);\n"
/* Lines 10 to 15: one line for each step of a turn, so that a step that is left out moves no other. */
#define TURN(head, reserve, sender, receiver, push, tail)                                                    \
    head "\nfor (uint32_t i = 0; i < turns; ++i) {\n" reserve                                                \
         "uint32_t at = get_write_ptr(data);\nif (core == 0) {\n" sender "} else {\n" receiver "}\n" push    \
         "}\n" tail "}\n"
#define HEAD "if (core == 0) noc_semaphore_set(v, 1);"
#define RESERVE "cb_reserve_back(data, 2); "
#define READ                                                                                                 \
    "for (uint32_t j = 0; j < 2; ++j) noc_async_read_page(i * 2 + j, A, at + j * 2048); "                    \
    "noc_async_read_barrier();\n"
#define AWAIT "noc_semaphore_wait(r, receivers);\n"
#define RESET "noc_semaphore_set(r, 0);\n"
#define RECTANGLE(address) "get_noc_multicast_addr(x0, y0, x1, y1, " address ")"
#define SEND "noc_async_write_multicast(at, " RECTANGLE("at") ", 4096, receivers, 1);\n"
#define FLUSH "noc_async_writes_flushed();\n"
#define TELL "noc_semaphore_set_multicast(v, " RECTANGLE("v") ", receivers);\n"
#define SENDER READ AWAIT RESET SEND FLUSH TELL
#define INVALID "noc_semaphore_set(v, 0);\n"
#define SAY "noc_semaphore_inc(get_noc_addr(sx, sy, r), 1);\n"
#define HEAR "noc_semaphore_wait(v, 1);\n"
#define RECEIVER INVALID SAY HEAR
#define PUSH "cb_push_back(data, 2);\n"
#define BARRIERS "noc_async_write_barrier(); noc_async_atomic_barrier();\n"

static const char reader[] = PROLOGUE TURN(HEAD, RESERVE, SENDER, RECEIVER, PUSH, BARRIERS);

static const char writer[] =
    HEADER "enum { data = 0, turns = 5 };\n"
           "void kernel_main(void) {\n"
           "const uint32_t core = get_arg_val(uint32_t, 0);\n"
           "const TensorAccessor C = tensor_accessor(0, get_arg_val(uint32_t, 2));\n"
           "for (uint32_t i = 0; i < turns; ++i) {\n"
           "cb_wait_front(data, 2);\n"
           "for (uint32_t j = 0; j < 2; ++j) {\n"
           "noc_async_write_page((core * turns + i) * 2 + j, C, get_read_ptr(data) + j * 2048);\n"
           "}\n"
           "noc_async_writes_flushed(); cb_pop_front(data, 2);\n"
           "}\n"
           "noc_async_write_barrier();\n"
           "}\n";

struct rectangle {
    uint32_t x, y, width, height;
};

struct stage {
    struct harness h;
    struct rectangle cores;
    struct device_tensor *source, *result;
    float values[TURNS * 2 * TILE_ELEMENTS];
    uint32_t arguments[32][10];
};

static const struct device_semaphore semaphores[] = {{0, "ready", 0}, {1, "valid", 0}};

static void stage_begin(struct stage *s, const char *product, uint64_t seed, struct rectangle cores) {
    const struct architecture *architecture = architecture_find(product);
    uint32_t corners[4], count = cores.width * cores.height;
    harness_begin(&s->h, product, seed);
    s->cores = cores;
    harness_buffer(&s->h, 0, "data", FORMAT_BF16, 4);
    s->h.launch.semaphores = semaphores;
    s->h.launch.semaphore_count = 2;
    harness_values(s->values, sizeof s->values / sizeof *s->values, 7);
    s->source = harness_matrix(&s->h, "A", FORMAT_BF16, s->values, TURNS * 2 * TILE_EDGE, TILE_EDGE);
    s->result = harness_output(&s->h, "C", FORMAT_BF16, count * TURNS * 2 * TILE_EDGE, TILE_EDGE);
    architecture_noc_coordinates(architecture, cores.x, cores.y, &corners[0], &corners[1]);
    architecture_noc_coordinates(architecture, cores.x + cores.width - 1, cores.y + cores.height - 1,
                                 &corners[2], &corners[3]);
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t *words = s->arguments[i];
        words[0] = i;
        words[1] = device_tensor_address(s->source);
        words[2] = device_tensor_address(s->result);
        memcpy(words + 3, corners, sizeof corners);
        words[7] = count - 1;
        memcpy(words + 8, corners, 2 * sizeof *corners);
        harness_core(&s->h, cores.x + i % cores.width, cores.y + i / cores.width, words, 10);
    }
    harness_bind(&s->h, DEVICE_READER, s->source);
    harness_bind(&s->h, DEVICE_WRITER, s->result);
}

/* ---- what is right ---- */

static const struct {
    const char *product;
    struct rectangle cores;
} shapes[] = {
    {"n150", {0, 0, 2, 1}}, {"n150", {0, 0, 1, 3}}, {"n150", {2, 3, 4, 2}},
    {"p150", {0, 0, 2, 2}}, {"p150", {4, 1, 6, 2}}, /* over the columns that hold no cores */
};

START_TEST(every_core_gets_every_block) {
    static float result[32 * TURNS * 2 * TILE_ELEMENTS];
    struct rectangle cores = shapes[_i].cores;
    uint32_t count = cores.width * cores.height;
    for (uint64_t seed = 0; seed < 12; ++seed) {
        struct stage s;
        stage_begin(&s, shapes[_i].product, seed, cores);
        harness_kernels(&s.h, reader, NULL, writer);
        harness_run(&s.h);
        harness_read_matrix(s.result, FORMAT_BF16, result, count * TURNS * 2 * TILE_EDGE, TILE_EDGE);
        for (uint32_t core = 0; core < count; ++core)
            ck_assert_mem_eq(result + core * (sizeof s.values / sizeof *s.values), s.values, sizeof s.values);
        ck_assert_uint_eq(s.h.statistics.pages.read[DEVICE_AT_DRAM], 2 * TURNS);
        ck_assert_uint_eq(s.h.statistics.pages_sent, 2 * TURNS);
        ck_assert_uint_eq(s.h.statistics.pages_received, 2 * TURNS * (count - 1));
        harness_end(&s.h);
    }
}
END_TEST

/* The writer's NoC runs the other way: start and end of its rectangles are exchanged. */
START_TEST(writer_multicasts_on_its_own_noc) {
    struct stage s;
    static const char text[] = HEADER
        "enum { valid = 1 };\n"
        "void kernel_main(void) {\n"
        "const uint32_t core = get_arg_val(uint32_t, 0), v = get_semaphore(valid);\n"
        "if (core == 0) {\n"
        "noc_semaphore_set(v, 1);\n"
        "noc_semaphore_set_multicast(v, get_noc_multicast_addr(get_arg_val(uint32_t, 5), get_arg_val(uint32_t, 6), get_arg_val(uint32_t, 3), get_arg_val(uint32_t, 4), v), 3);\n"
        "noc_async_write_barrier();\n"
        "} else {\n"
        "noc_semaphore_wait(v, 1);\n"
        "}\n"
        "}\n";
    stage_begin(&s, "n150", 0, (struct rectangle){1, 1, 2, 2});
    harness_kernels(&s.h, NULL, NULL, text);
    harness_run(&s.h);
    harness_end(&s.h);
}
END_TEST

/* Blocks that are multicast cost the receivers less than reading each for itself, and more than nothing. */
START_TEST(clock_counts_the_way) {
    uint64_t cycles[2];
    for (int far = 0; far < 2; ++far) {
        struct stage s;
        stage_begin(&s, "n150", 0, (struct rectangle){0, 0, far ? 8 : 2, 1});
        harness_kernels(&s.h, reader, NULL, writer);
        harness_run(&s.h);
        cycles[far] = s.h.statistics.cycles;
        harness_end(&s.h);
    }
    ck_assert_uint_gt(cycles[0], TURNS * (382 + 4096 * 100 / 2210 + 4096 * 100 / 2890));
    ck_assert_uint_ge(cycles[1], cycles[0] + 6 * 10);
    ck_assert_uint_lt(cycles[1], 2 * cycles[0]);
}
END_TEST

/* Each core could have its pages sooner, but not all of them at once. */
START_TEST(dram_serves_all_cores_together) {
    struct stage s;
    static const char text[] =
        HEADER "void kernel_main(void) {\n"
               "const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 1));\n"
               "cb_reserve_back(0, 1);\n"
               "for (uint32_t i = 0; i < 64; ++i) noc_async_read_page(i % 10, A, get_write_ptr(0));\n"
               "noc_async_read_barrier();\n"
               "}\n";
    stage_begin(&s, "n150", 0, (struct rectangle){0, 0, 8, 4});
    harness_kernels(&s.h, text, NULL, NULL);
    harness_run(&s.h);
    ck_assert_uint_eq(s.h.statistics.cycles, 32 * 64 * 2048 / 267);
    harness_end(&s.h);
}
END_TEST

/* Initial values hold again at every launch. */
START_TEST(semaphores_begin_anew) {
    struct stage s;
    static const struct device_semaphore initial[] = {{15, "limit", 7}};
    static const char text[] = HEADER "void kernel_main(void) {\n"
                                      "const uint32_t limit = get_semaphore(15);\n"
                                      "noc_semaphore_wait(limit, 7);\nnoc_semaphore_set(limit, 8);\n}\n";
    stage_begin(&s, "n150", 0, (struct rectangle){0, 0, 2, 1});
    s.h.launch.semaphores = initial;
    s.h.launch.semaphore_count = 1;
    harness_kernels(&s.h, text, NULL, NULL);
    harness_run(&s.h);
    harness_run(&s.h);
    harness_end(&s.h);
}
END_TEST

/* ---- what is not ---- */

struct rule {
    const char *product, *reader;
    const char *expected;
};

#define SENDS(...) PROLOGUE TURN(HEAD, RESERVE, __VA_ARGS__, RECEIVER, PUSH, BARRIERS)
#define RECEIVES(...) PROLOGUE TURN(HEAD, RESERVE, SENDER, __VA_ARGS__, PUSH, BARRIERS)

static const struct rule
    rules[] =
        {
            /* Receivers and rectangles. */
            {"n150",
             SENDS(READ AWAIT RESET
                   "noc_async_write_multicast(at, " RECTANGLE("at") ", 4096, 3, 1);\n" FLUSH TELL),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: multicasts to 3 receivers, but the rectangle (18,18) to (20,18) has 2 beside the sender"},
            {"n150",
             SENDS(READ AWAIT RESET
                   "noc_async_write_multicast(at, " RECTANGLE("at") ", 4096, 1, 1);\n" FLUSH TELL),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: multicasts to 1 receiver, but the rectangle (18,18) to (20,18) has 2 beside the sender"},
            {"n150",
             SENDS(
                 READ AWAIT RESET
                 "noc_async_write_multicast(at, get_noc_multicast_addr(x0, y0, x0, y0, at), 4096, 0, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: multicasts to 0 receivers, but the rectangle (18,18) to (18,18) has 0 beside the sender: nothing may be sent to nobody"},
            {"n150",
             SENDS(READ AWAIT RESET SEND FLUSH
                   "noc_semaphore_set_multicast(v, " RECTANGLE("v") ", receivers + 1);\n"),
             "core (0,0) reader, reader.c:19, noc_semaphore_set_multicast at i = 0: multicasts to 3 receivers, but the rectangle (18,18) to (20,18) has 2 beside the sender"},
            {"n150",
             SENDS(
                 READ AWAIT RESET
                 "noc_async_write_multicast(at, get_noc_multicast_addr(x0, y0, 30, y1, at), 4096, receivers, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: no core has the NoC coordinates (30,18)\n"
     "help: NoC coordinates of a core come from launch arguments: noc_x(x, y), noc_y(x, y)"},
            {"n150",
             SENDS(
                 READ AWAIT RESET
                 "noc_async_write_multicast(at, get_noc_multicast_addr(x0, y0, 64, y1, at), 4096, receivers, 1);\n"),
             "core (0,0) reader, reader.c:17, get_noc_multicast_addr at i = 0: (64,18) are no NoC coordinates"},
            {"n150",
             SENDS(
                 READ AWAIT RESET
                 "noc_async_write_multicast(at, get_noc_multicast_addr(x0, y0, x1 + 1, y1, at), 4096, 3, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: the core at the NoC coordinates (21,18) takes no part in the launch\n"
     "help: NoC coordinates of a core come from launch arguments: noc_x(x, y), noc_y(x, y)"},
            {"n150",
             SENDS(
                 READ AWAIT RESET
                 "noc_async_write_multicast(at, get_noc_multicast_addr(x1, y0, x0, y1, at), 4096, receivers, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: the rectangle (20,18) to (18,18) runs backwards"},
            {"n150",
             SENDS(READ AWAIT RESET "noc_async_write_multicast(at, get_noc_addr(x1, y1, at), 4096, 1, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: is given the address of one core: get_noc_multicast_addr makes that of a rectangle"},
            {"n150", RECEIVES(INVALID "noc_semaphore_inc(" RECTANGLE("r") ", 1);\n" HEAR),
             "core (1,0) reader, reader.c:22, noc_semaphore_inc at i = 0: is given the address of a rectangle: get_noc_addr makes that of one core"},
            {"n150", RECEIVES(INVALID "noc_semaphore_inc(get_noc_addr(1, 1, r), 1);\n" HEAR),
             "core (1,0) reader, reader.c:22, noc_semaphore_inc at i = 0: no core has the NoC coordinates (1,1)\n"
     "help: NoC coordinates of a core come from launch arguments: noc_x(x, y), noc_y(x, y)"},
            {"n150", RECEIVES(INVALID "noc_semaphore_inc(get_noc_addr(sx, sy, r + 4), 1);\n" HEAR),
             "core (1,0) reader, reader.c:22, noc_semaphore_inc at i = 0: is given an address that is no semaphore\n"
     "help: addresses of semaphores come from get_semaphore"},
            {"n150", RECEIVES(INVALID "noc_semaphore_inc(get_noc_addr(sx, sy + 1, r), 1);\n" HEAR),
             "core (1,0) reader, reader.c:22, noc_semaphore_inc at i = 0: the core at the NoC coordinates (18,19) takes no part in the launch\n"
     "help: NoC coordinates of a core come from launch arguments: noc_x(x, y), noc_y(x, y)"},

            /* Bytes and places. */
            {"n150",
             SENDS(READ AWAIT RESET
                   "noc_async_write_multicast(at, " RECTANGLE("at") ", 4090, receivers, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: 4090 bytes from 0x19d80: a multicast moves multiples of 16 bytes from such an address"},
            {"n150",
             SENDS(READ AWAIT RESET
                   "noc_async_write_multicast(at + 4, " RECTANGLE("at") ", 2048, receivers, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: 2048 bytes from 0x19d84: a multicast moves multiples of 16 bytes from such an address"},
            {"n150",
             SENDS(READ AWAIT RESET
                   "noc_async_write_multicast(at, " RECTANGLE("at") ", 8192, receivers, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: writes page 2 of data, and 2 are reserved\n"
     "help: cb_reserve_back must cover every page that is written before the push"},
            {"n150",
             SENDS(READ AWAIT RESET
                   "noc_async_write_multicast(at, " RECTANGLE("at + 2048") ", 2048, receivers, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: multicasts byte 0 of data to byte 2048: a block has the same place on all cores"},
            {"n150",
             SENDS(READ AWAIT RESET
                   "noc_async_write_multicast(at, " RECTANGLE("64") ", 2048, receivers, 1);\n"),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: multicasts pages of data to 0x40, which is outside of it"},
            {"n150",
             SENDS(
                 "for (uint32_t j = 0; j < 2; ++j) noc_async_read_page(i * 2 + j, A, at + j * 2048);\n" AWAIT
                     RESET SEND),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: multicasts pages of data with reads in flight: noc_async_read_barrier is missing"},
            {"n150", SENDS("noc_async_read_page(i, A, at); noc_async_read_barrier();\n" AWAIT RESET SEND),
             "core (0,0) writer, writer.c:9, noc_async_write_page at i = 0, j = 1: reads page 1 of data, which nobody wrote\n"
     "help: the producer must write every page that is read, before it pushes it"},
            {"n150", SENDS(READ RESET SEND FLUSH TELL),
             "core (0,0) reader, reader.c:16, noc_async_write_multicast at i = 0: multicasts 2 pages to data of core (1,0) from page 0 on, which has 0 reserved from page 0 on: receivers reserve before they say that they are ready"},
            {"n150", SENDS(READ "noc_semaphore_wait(r, 1);\n" RESET SEND FLUSH TELL),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: multicasts 2 pages to data of core (2,0) from page 0 on, which has 0 reserved from page 0 on: receivers reserve before they say that they are ready"},
            {"n150",
             SENDS(READ AWAIT RESET "noc_semaphore_set_multicast(at, " RECTANGLE("v") ", receivers);\n"),
             "core (0,0) reader, reader.c:17, noc_semaphore_set_multicast at i = 0: is given an address that is no semaphore\n"
     "help: addresses of semaphores come from get_semaphore"},
            {"n150",
             SENDS(READ AWAIT RESET "noc_semaphore_set_multicast(v, " RECTANGLE("at") ", receivers);\n"),
             "core (0,0) reader, reader.c:17, noc_semaphore_set_multicast at i = 0: is given an address that is no semaphore\n"
     "help: addresses of semaphores come from get_semaphore"},
            {"n150", SENDS("noc_semaphore_wait(get_semaphore(2), 1);\n"),
             "core (0,0) reader, reader.c:14, get_semaphore at i = 0: there is no semaphore number 2\n"
     "help: a function's constant is the number in the declaration of its semaphore"},

            /* Landing. */
            {"n150",
             SENDS(READ AWAIT RESET
                   "noc_async_write_multicast(at, " RECTANGLE("at") ", 4096, receivers, 0);\n" FLUSH TELL),
             "core (1,0) reader, reader.c:25, cb_push_back at i = 0: a multicast of core (0,0) into these pages of data may not have landed: the semaphore that told of it can overtake it"},
            {"p150", SENDS(READ AWAIT RESET SEND TELL),
             "core (1,0) reader, reader.c:24, cb_push_back at i = 0: a multicast of core (0,0) into these pages of data may not have landed: the semaphore that told of it can overtake it"},
            {"n150", SENDS(READ AWAIT RESET TELL SEND FLUSH),
             "core (1,0) writer, writer.c:9, noc_async_write_page at i = 0, j = 0: reads page 0 of data, which nobody wrote\n"
     "help: the producer must write every page that is read, before it pushes it"},
            {"n150", SENDS(READ AWAIT RESET SEND "noc_async_write_barrier();\n" TELL),
             "core (0,0) reader, reader.c:18, noc_async_write_barrier at i = 0: the last multicast was linked: its path is held for another multicast to the same cores, and nothing else may be waited for or written before that"},
            {"n150",
             SENDS(
                 READ AWAIT RESET SEND FLUSH
                 "noc_semaphore_set_multicast(v, get_noc_multicast_addr(x1, y1, x1, y1, v), 1);\n"),
             "core (0,0) reader, reader.c:19, noc_semaphore_set_multicast at i = 0: the multicast before it was linked, to other cores: (18,18) to (20,18)"},
            {"n150", SENDS(READ AWAIT RESET SEND "noc_async_read_page(i, A, at);\n"),
             "core (0,0) reader, reader.c:18, noc_async_read_page at i = 0: a multicast may still read these bytes\n"
     "help: noc_async_writes_flushed must stand before what changes the bytes that are sent"},
            {"n150", SENDS(READ AWAIT RESET SEND "l1_store_u32(at, 0);\n"),
             "core (0,0) reader, reader.c:18, l1_store_u32 at i = 0: a multicast may still read these bytes\n"
     "help: noc_async_writes_flushed must stand before what changes the bytes that are sent"},
            {"n150", SENDS(READ AWAIT RESET SEND FLUSH TELL "noc_semaphore_set(v, 0);\n"),
             "core (0,0) reader, reader.c:20, noc_semaphore_set at i = 0: valid is set while a multicast of it is in flight\n"
     "help: noc_async_writes_flushed must stand before what changes the bytes that are sent"},
            {"n150", RECEIVES(INVALID SAY "noc_async_read_page(i, A, at); noc_async_read_barrier();\n" HEAR), "core (1,0) reader, reader.c:23, noc_async_read_page at i = 0: writes page 0 of data, which a multicast of core (0,0) writes, without waiting for a semaphore that tells of it\nhelp: wait for the semaphore that its sender sets behind the multicast, in every iteration"},

            /* Ends. */
            {"n150", PROLOGUE TURN(HEAD, RESERVE, SENDER, RECEIVER, PUSH, "noc_async_atomic_barrier();\n"),
             "core (0,0) reader, reader.c:27: the kernel ends with multicasts that are not acknowledged: noc_async_write_barrier is missing"},
            {"n150", PROLOGUE TURN(HEAD, RESERVE, SENDER, RECEIVER, PUSH, "noc_async_write_barrier();\n"),
             "core (1,0) reader, reader.c:27: the kernel ends with increments of semaphores that are not acknowledged: noc_async_atomic_barrier is missing"},
            {"n150", SENDS(READ AWAIT RESET SEND FLUSH "return;\n"),
             "core (0,0) reader, reader.c:18 at i = 0: the last multicast was linked: its path is held for another multicast to the same cores, and nothing else may be waited for or written before that"},
            {"n150", RECEIVES("if (core == 2) return;\n" INVALID SAY HEAR),
             "deadlock: core (0,0) reader waits at reader.c:15 in noc_semaphore_wait at i = 0 for semaphore ready to be 2: it is 1\n"
             "core (0,0) writer waits at writer.c:7 in cb_wait_front at i = 0 for 2 full pages of data: 0 of 4 pages are full; so do 2 more cores\n"
             "core (1,0) reader waits at reader.c:24 in noc_semaphore_wait at i = 0 for semaphore valid to be 1: it is 0\n"
     "help: who waits must be served: by as many pages pushed or popped before, in this order"},

            /* Order. */
            {"n150", RECEIVES(SAY INVALID HEAR),
             "core (1,0) reader, reader.c:22, noc_semaphore_set at i = 0: valid of core (1,0) is also set by core (0,0), and nothing says which comes first: one may undo the other"},
            {"n150", RECEIVES(SAY HEAR),
             "core (0,0) reader, reader.c:19, noc_semaphore_set_multicast at i = 1: multicasts 1 to valid of core (1,0), which is 1 already: its waits cannot tell this one from the last; a receiver sets it to another value before it says that it is ready"},
            {"n150", RECEIVES(INVALID SAY),
             "core (1,0) reader, reader.c:24, cb_push_back at i = 0: pushes page 0 of data, which a multicast of core (0,0) writes, without waiting for a semaphore that tells of it\nhelp: wait for the semaphore that its sender sets behind the multicast, in every iteration"},
            {"n150", SENDS(READ AWAIT SEND FLUSH TELL RESET),
             "core (0,0) reader, reader.c:19, noc_semaphore_set at i = 0: ready of core (0,0) is also increased by core (1,0), and nothing says which comes first: one may undo the other"},
            {"n150", SENDS(READ AWAIT SEND FLUSH TELL),
             "deadlock: core (0,0) reader waits at reader.c:15 in noc_semaphore_wait at i = 1 for semaphore ready to be 2: it is 4\n"
             "core (0,0) writer waits at writer.c:7 in cb_wait_front at i = 1 for 2 full pages of data: 0 of 4 pages are full; so do 2 more cores\n"
             "core (1,0) reader waits at reader.c:22 in noc_semaphore_wait at i = 1 for semaphore valid to be 1: it is 0; so does 1 more core\n"
     "help: who waits must be served: by as many pages pushed or popped before, in this order"},
            {"n150", PROLOGUE TURN("", RESERVE, SENDER, RECEIVER, PUSH, BARRIERS),
             "core (0,0) reader, reader.c:19, noc_semaphore_set_multicast at i = 0: multicasts 0 to valid of core (1,0), which is 0 already: its waits cannot tell this one from the last; a receiver sets it to another value before it says that it is ready"},
            {"n150", SENDS(READ "noc_semaphore_wait(r, 3);\n" RESET SEND FLUSH TELL),
             "deadlock: core (0,0) reader waits at reader.c:15 in noc_semaphore_wait at i = 0 for semaphore ready to be 3: it is 2\n"
             "core (0,0) writer waits at writer.c:7 in cb_wait_front at i = 0 for 2 full pages of data: 0 of 4 pages are full; so do 2 more cores\n"
             "core (1,0) reader waits at reader.c:23 in noc_semaphore_wait at i = 0 for semaphore valid to be 1: it is 0; so does 1 more core\n"
     "help: who waits must be served: by as many pages pushed or popped before, in this order"},
            {"n150", PROLOGUE TURN(HEAD, "", RESERVE SENDER, RECEIVER RESERVE, PUSH, BARRIERS),
             "core (0,0) reader, reader.c:17, noc_async_write_multicast at i = 0: multicasts 2 pages to data of core (1,0) from page 0 on, which has 0 reserved from page 0 on: receivers reserve before they say that they are ready"},
};

START_TEST(a_broken_rule_is_a_fault) {
    struct stage s;
    stage_begin(&s, rules[_i].product, 0, (struct rectangle){0, 0, 3, 1});
    harness_kernels(&s.h, rules[_i].reader, NULL, writer);
    harness_expect(&s.h, rules[_i].expected);
    harness_end(&s.h);
}
END_TEST

/* What may come in either order is found in every order. */
START_TEST(races_do_not_hide_behind_the_schedule) {
    static const char *const races[] = {RECEIVES(SAY INVALID HEAR), RECEIVES(INVALID SAY),
                                        SENDS(READ AWAIT SEND FLUSH TELL RESET), RECEIVES(SAY HEAR),
                                        RECEIVES(INVALID SAY "l1_store_u32(at, 1);\n" HEAR)};
    for (size_t i = 0; i < sizeof races / sizeof *races; ++i)
        for (uint64_t seed = 0; seed < 40; ++seed) {
            struct stage s;
            stage_begin(&s, "n150", seed, (struct rectangle){0, 0, 3, 1});
            harness_kernels(&s.h, races[i], NULL, writer);
            ck_assert_msg(!device_run(s.h.device, &s.h.launch, &s.h.fault, NULL), "race %zu, seed %u", i,
                          (unsigned)seed);
            harness_end(&s.h);
        }
}
END_TEST

/* A sender at the end of the launch's list comes last, when all receivers are ready: it must wait for them
 * all the same.
 */
START_TEST(sender_must_know_that_receivers_are_ready) {
    struct stage s;
    stage_begin(&s, "n150", 0, (struct rectangle){0, 0, 3, 1});
    struct device_core first = s.h.cores[0];
    s.h.cores[0] = s.h.cores[2];
    s.h.cores[2] = first;
    harness_kernels(&s.h, SENDS(READ SEND FLUSH TELL), NULL, writer);
    harness_expect(
        &s.h,
        "core (0,0) reader, reader.c:15, noc_async_write_multicast at i = 0: multicasts to page 0 of data of core (1,0), which has reserved it, but nothing tells core (0,0) so: the semaphore that says ready must come behind that and be waited for");
    harness_end(&s.h);
}
END_TEST

/* Without semaphores no core can know that another is ready. */
START_TEST(multicast_takes_a_semaphore) {
    struct stage s;
    static const char text[] = HEADER
        "void kernel_main(void) {\n"
        "const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 1));\n"
        "cb_reserve_back(0, 1);\n"
        "const uint32_t at = get_write_ptr(0);\n"
        "noc_async_read_page(0, A, at); noc_async_read_barrier();\n"
        "if (get_arg_val(uint32_t, 0) == 1)\n"
        "noc_async_write_multicast(at, get_noc_multicast_addr(get_arg_val(uint32_t, 3), get_arg_val(uint32_t, 4), get_arg_val(uint32_t, 5), get_arg_val(uint32_t, 6), at), 2048, 1, 0);\n"
        "}\n";
    static const char waiting[] = HEADER "void kernel_main(void) {\ncb_wait_front(0, 1);\n}\n";
    stage_begin(&s, "n150", 0, (struct rectangle){0, 0, 2, 1});
    s.h.launch.semaphore_count = 0;
    harness_kernels(&s.h, text, NULL, waiting);
    harness_expect(
        &s.h,
        "core (1,0) reader, reader.c:8, noc_async_write_multicast: multicasts to data of other cores, but the launch has no semaphore that could say that they are ready");
    harness_kernels(&s.h, text, NULL, NULL);
    harness_expect(
        &s.h,
        "core (1,0) reader, reader.c:8, noc_async_write_multicast: the kernels of core (0,0) have ended");
    harness_end(&s.h);
}
END_TEST

static const struct {
    struct device_semaphore semaphores[2];
    const char *expected;
} launches[] = {
    {{{16, "many", 0}, {1, "valid", 0}}, "launch: semaphore many has identifier 16: there are 16"},
    {{{1, "ready", 0}, {1, "valid", 0}}, "launch: semaphores ready and valid have the same identifier 1"},
};

START_TEST(semaphores_that_do_not_exist_are_refused) {
    struct stage s;
    stage_begin(&s, "n150", 0, (struct rectangle){0, 0, 3, 1});
    s.h.launch.semaphores = launches[_i].semaphores;
    harness_kernels(&s.h, reader, NULL, writer);
    harness_expect(&s.h, launches[_i].expected);
    harness_end(&s.h);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("remote");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, every_core_gets_every_block, 0, (int)(sizeof shapes / sizeof *shapes));
    tcase_add_test(tests, writer_multicasts_on_its_own_noc);
    tcase_add_test(tests, clock_counts_the_way);
    tcase_add_test(tests, dram_serves_all_cores_together);
    tcase_add_test(tests, semaphores_begin_anew);
    tcase_add_loop_test(tests, a_broken_rule_is_a_fault, 0, (int)(sizeof rules / sizeof *rules));
    tcase_add_test(tests, races_do_not_hide_behind_the_schedule);
    tcase_add_test(tests, sender_must_know_that_receivers_are_ready);
    tcase_add_test(tests, multicast_takes_a_semaphore);
    tcase_add_loop_test(tests, semaphores_that_do_not_exist_are_refused, 0,
                        (int)(sizeof launches / sizeof *launches));
    return harness_main("sim remote", tests);
}
