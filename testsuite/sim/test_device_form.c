/* Rules of device form beside those of the hardware: each is broken once, by kernels that run where the
 * launch does not ask for them.
 */
#include "harness.h"

#include <stdio.h>

#define PROLOGUE                                                                                             \
    HEADER "enum { a = 0, f = 1, n = 2, o = 16, g = 17 };\n"                                                 \
           "void kernel_main(void) {\n"
#define X "const TensorAccessor X = tensor_accessor(0, get_arg_val(uint32_t, 0));\n"
#define DONE "noc_async_read_barrier();\n"
#define FILL(pages)                                                                                          \
    "for (uint32_t i = 0; i < " #pages                                                                       \
    "; ++i) { cb_reserve_back(a, 1); noc_async_read_page(i, X, get_write_ptr(a)); " DONE                     \
    "cb_push_back(a, 1); }\n"
#define ZEROS                                                                                                \
    "cb_reserve_back(f, 1); for (uint32_t i = 0; i < 1024; ++i) l1_store_u32(get_write_ptr(f) + i * 4, 0); cb_push_back(f, 1);\n"
#define DRAIN(pages)                                                                                         \
    "for (uint32_t i = 0; i < " #pages "; ++i) {\ncb_wait_front(a, 1);\ncb_pop_front(a, 1); }\n"

static const struct {
    const char *reader, *writer; /* bodies, the first statement on line 4 */
    const char *expected;        /* NULL: it is right in device form too */
} rules[] = {
    /* Pages. */
    {X "cb_reserve_back(f, 1);\nnoc_async_read_page(0, X, get_write_ptr(f));\n" DONE, NULL,
     "core (0,0) reader, reader.c:6, noc_async_read_page: X is bf16, and f is f32\n"
     "help: a circular buffer that tensors are read to or written from has their type"},
    {X "cb_reserve_back(a, 2);\nnoc_async_read_page(0, X, get_write_ptr(a) + 1024);\n" DONE, NULL,
     "core (0,0) reader, reader.c:6, noc_async_read_page: is given an address in the middle of a page of a\n"
     "help: a page of a tensor goes to the beginning of a page of its buffer"},
    /* Stores. */
    {"cb_reserve_back(f, 1);\nl1_store_u16(get_write_ptr(f), 1);\n", NULL,
     "core (0,0) reader, reader.c:5, l1_store_u16: stores 2 bytes to f, which is f32\n"
     "help: a store is as wide as an element, or covers whole ones, and is aligned to its width"},
    {"cb_reserve_back(a, 1);\nl1_store_u16(get_write_ptr(a), 1); l1_store_u32(get_write_ptr(a) + 4, 0x1a000);\n",
     NULL, NULL},
    {"cb_reserve_back(a, 1);\nl1_store_u32(get_write_ptr(a), get_write_ptr(a) + 4);\n", NULL,
     "core (0,0) reader, reader.c:5, l1_store_u32: stores an L1 address\n"
     "help: what is stored must be the same wherever the buffers lie"},
    {"cb_reserve_back(f, 1);\nl1_store_u32(get_write_ptr(f), get_read_ptr(f));\n", NULL,
     "core (0,0) reader, reader.c:5, l1_store_u32: stores an L1 address\n"
     "help: what is stored must be the same wherever the buffers lie"},
    {"cb_reserve_back(a, 1);\nl1_store_u16(get_write_ptr(a), get_semaphore(3));\n", NULL,
     "core (0,0) reader, reader.c:5, l1_store_u16: stores an L1 address\n"
     "help: what is stored must be the same wherever the buffers lie"},
    {"cb_reserve_back(n, 1);\nl1_store_u32(get_write_ptr(n), 0xffa51000);\n", NULL, NULL},
    /* Pages that are left. */
    {X FILL(4), DRAIN(4), NULL},
    {X FILL(4), DRAIN(3),
     "core (0,0) writer, writer.c:6: 1 page of a is never popped\n"
     "help: every page that is pushed must be popped once"},
    {X FILL(3), "cb_wait_front(a, 3);\n", NULL}, /* resident */
};

#define COMPUTE                                                                                              \
    PROLOGUE "compute_kernel_hw_startup(REGULAR, a, a, o);\n"                                                \
             "copy_init(a); exp_tile_init(); add_binary_tile_init(); fill_tile_init();\n"                    \
             "cb_wait_front(a, 2); cb_reserve_back(o, 1); tile_regs_acquire();\n"
#define PACK                                                                                                 \
    "tile_regs_commit(); tile_regs_wait(); pack_tile(OUT_OF_ORDER, 0, o, 0); tile_regs_release();\n"         \
    "cb_push_back(o, 1); cb_pop_front(a, 2);\n}\n"
#define NARROW                                                                                               \
    "help: set fp32_dest_acc_en = 1: 16 bits hold what one operation makes of 16-bit tiles, no more"

/* What 16 bits of DST hold: kernels of compute, with 2 pages in a. */
static const struct {
    const char *compute, *expected; /* NULL: right in device form too */
} narrow[] = {
    {COMPUTE "copy_tile(a, 0, 0); exp_tile_init();\nexp_tile(0);\n" PACK, NULL},
    {COMPUTE
     "copy_tile(a, 0, 0); copy_tile(a, 1, 1); add_binary_tile_init();\nadd_binary_tile(0, 1, 0);\n" PACK,
     NULL},
    {COMPUTE "copy_tile(a, 0, 0); exp_tile_init();\nexp_tile(0);\nexp_tile(0);\n" PACK,
     "core (0,0) compute, compute.c:9, exp_tile: goes on from DST slot 0, where 16 bits of a result are left\n" NARROW},
    {COMPUTE
     "copy_tile(a, 0, 0); fill_tile_bitcast(1, 0x3f800000); add_binary_tile_init();\nadd_binary_tile(0, 1, 0);\n" PACK,
     "core (0,0) compute, compute.c:8, add_binary_tile: goes on from DST slot 1, where 16 bits of a result are left\n" NARROW},
    {COMPUTE "mul_init(a, a); mul_tiles(a, a, 0, 0, 0);\n" PACK, NULL},
    {COMPUTE "mul_init(a, a); mul_tiles(a, a, 0, 0, 0);\nmul_tiles(a, a, 1, 1, 0);\n" PACK,
     "core (0,0) compute, compute.c:8, mul_tiles: adds to DST slot 0, where 16 bits of a sum are left\n" NARROW},
    {COMPUTE
     "copy_tile(a, 0, 0); tile_regs_commit(); tile_regs_wait(); cb_reserve_back(g, 1); pack_reconfig_data_format(g);\n"
     "pack_tile(OUT_OF_ORDER, 0, g, 0); tile_regs_release(); cb_pop_front(a, 2);\n}\n",
     "core (0,0) compute, compute.c:8, pack_tile: is for g, which is f32, and DST holds 16 bits\n"
     "help: set fp32_dest_acc_en = 1"},
    {PROLOGUE
     "compute_kernel_hw_startup(REGULAR, f, f, o);\ncopy_init(f); cb_wait_front(f, 1); tile_regs_acquire();\n"
     "copy_tile(f, 0, 0);\ntile_regs_commit(); tile_regs_wait(); tile_regs_release();\n}\n",
     "core (0,0) compute, compute.c:6, copy_tile: is for f, which is f32, and DST holds 16 bits\n"
     "help: set fp32_dest_acc_en = 1"},
};

static void begin(struct harness *h, bool device_form, uint32_t arguments[1]) {
    static const struct device_semaphore semaphores[] = {{3, "ready", 0}};
    static uint8_t bytes[4 * 2048];
    harness_begin(h, "n150", 0);
    struct device_tensor *tensor = device_tensor_allocate(h->device, "X", FORMAT_BF16, 4);
    ck_assert(device_tensor_write(tensor, 0, 4, bytes));
    arguments[0] = device_tensor_address(tensor);
    harness_bind(h, DEVICE_READER, tensor);
    harness_bind(h, DEVICE_WRITER, tensor);
    harness_buffer(h, 0, "a", FORMAT_BF16, 4);
    harness_buffer(h, 1, "f", FORMAT_F32, 4);
    harness_buffer(h, 2, "n", FORMAT_I32, 4);
    harness_buffer(h, 16, "o", FORMAT_BF16, 4);
    harness_buffer(h, 17, "g", FORMAT_F32, 4);
    harness_core(h, 0, 0, arguments, 1);
    h->launch.semaphores = semaphores;
    h->launch.semaphore_count = 1;
    h->launch.device_form = device_form;
}

static void end(struct harness *h, const char *expected) {
    if (h->launch.device_form && expected)
        harness_expect(h, expected);
    else
        harness_run(h);
    harness_end(h);
}

START_TEST(device_form_has_rules_of_its_own) {
    for (int device_form = 0; device_form < 2; ++device_form) {
        struct harness h;
        uint32_t arguments[1];
        char reader[2048], writer[2048];
        begin(&h, device_form, arguments);
        snprintf(reader, sizeof reader, "%s%s}\n", PROLOGUE, rules[_i].reader);
        snprintf(writer, sizeof writer, "%s%s}\n", PROLOGUE, rules[_i].writer ? rules[_i].writer : "");
        harness_kernels(&h, reader, NULL, writer);
        end(&h, rules[_i].expected);
    }
}
END_TEST

START_TEST(sixteen_bits_of_DST_hold_one_result) {
    for (int device_form = 0; device_form < 2; ++device_form) {
        struct harness h;
        uint32_t arguments[1];
        begin(&h, device_form, arguments);
        h.launch.fp32_dest_acc = false;
        harness_kernels(&h, PROLOGUE X FILL(2) ZEROS "}\n", narrow[_i].compute, NULL);
        end(&h, narrow[_i].expected);
    }
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("device form");
    tcase_add_loop_test(tests, sixteen_bits_of_DST_hold_one_result, 0, (int)(sizeof narrow / sizeof *narrow));
    tcase_add_loop_test(tests, device_form_has_rules_of_its_own, 0, (int)(sizeof rules / sizeof *rules));
    return harness_main("sim device form", tests);
}
