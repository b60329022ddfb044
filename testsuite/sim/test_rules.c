/* Each rule of the hardware's API broken once: the whole message is asserted. A row's body becomes one
 * kernel, its first statement on line 4; the others are a reader that fills the input buffers, or nothing.
 */
#include "harness.h"

#include <stdio.h>

#define PROLOGUE                                                                                             \
    HEADER "enum { x = 0, y = 1, f = 2, d = 3, s = 4, o = 16, g = 17 };\n"                                   \
           "void kernel_main(void) {\n"

/* Fills x, y (bf16), f (f32), d (f32 to DST) and s (bf16, a scaler of ones). */
static const char filling_reader[] =
    PROLOGUE "const TensorAccessor H = tensor_accessor(0, get_arg_val(uint32_t, 0));\n"
             "const TensorAccessor W = tensor_accessor(1, get_arg_val(uint32_t, 1));\n"
             "const TensorAccessor S = tensor_accessor(2, get_arg_val(uint32_t, 2));\n"
             "for (uint32_t b = x; b <= s; ++b) { cb_reserve_back(b, 4); }\n"
             "for (uint32_t i = 0; i < 4; ++i) {\n"
             "noc_async_read_page(i, H, get_write_ptr(x) + i * 2048);\n"
             "noc_async_read_page(i, H, get_write_ptr(y) + i * 2048);\n"
             "noc_async_read_page(i, W, get_write_ptr(f) + i * 4096);\n"
             "noc_async_read_page(i, W, get_write_ptr(d) + i * 4096);\n"
             "noc_async_read_page(0, S, get_write_ptr(s) + i * 2048);\n"
             "}\n"
             "noc_async_read_barrier();\n"
             "for (uint32_t b = x; b <= s; ++b) { cb_push_back(b, 4); }\n"
             "}\n";

struct rule {
    enum device_role role;
    const char *body;
    const char *expected;
};

#define START "compute_kernel_hw_startup(REGULAR, x, y, o);\n"
#define WAIT "for (uint32_t b = x; b <= s; ++b) { cb_wait_front(b, 4); }\n"
#define COPY "copy_init(x); tile_regs_acquire(); copy_tile(x, 0, 0); tile_regs_commit();\n"
#define READ "const TensorAccessor H = tensor_accessor(0, get_arg_val(uint32_t, 0));\n"

static const struct rule rules[] = {
    /* Start-up and inits. */
    {DEVICE_COMPUTE, "copy_init(x);\n",
     "core (0,0) compute, compute.c:4, copy_init: compute_kernel_hw_startup must come first"},
    {DEVICE_COMPUTE, START START,
     "core (0,0) compute, compute.c:5, compute_kernel_hw_startup: is called twice: it is for the beginning of the kernel only"},
    {DEVICE_COMPUTE, START "matmul_init(x, y, 0);\n",
     "core (0,0) compute, compute.c:5, matmul_init: is the first operation, so compute_kernel_hw_startup must be given REVERSE"},
    {DEVICE_COMPUTE, START WAIT "tile_regs_acquire();\ncopy_tile(x, 0, 0);\n",
     "core (0,0) compute, compute.c:7, copy_tile: copy_init is missing before it"},
    {DEVICE_COMPUTE, START WAIT "tile_regs_acquire();\nadd_init(x, y);\ncopy_tile(x, 0, 0);\n",
     "core (0,0) compute, compute.c:8, copy_tile: needs copy_init, but the last init is add_init at line 7"},
    {DEVICE_COMPUTE, START WAIT "tile_regs_acquire();\nadd_init(x, y);\nsub_tiles(x, y, 0, 0, 0);\n",
     "core (0,0) compute, compute.c:8, sub_tiles: needs sub_init, but the last init is add_init at line 7"},
    {DEVICE_COMPUTE,
     START WAIT "tile_regs_acquire();\nadd_bcast_rows_init(x, y);\nadd_tiles_bcast_cols(x, y, 0, 0, 0);\n",
     "core (0,0) compute, compute.c:8, add_tiles_bcast_cols: needs add_bcast_cols_init, but the last init is add_bcast_rows_init at line 7"},
    {DEVICE_COMPUTE,
     START WAIT COPY
     "tile_regs_wait();\ntile_regs_release(); tile_regs_acquire();\ncopy_tile(x, 1, 0); exp_tile(0);\n",
     "core (0,0) compute, compute.c:9, exp_tile: exp_tile_init is missing before it"},
    {DEVICE_COMPUTE,
     START WAIT "tile_regs_acquire(); copy_init(x); copy_tile(x, 0, 0); softplus_tile_init();\n"
                "softplus_tile(0, 0x3f800000, 0x3f800000, 0);\n",
     "core (0,0) compute, compute.c:7, softplus_tile: is given 0x00000000 where 0x41a00000 stands, the bits of 20"},
    {DEVICE_COMPUTE,
     START WAIT
     "copy_init(x); tile_regs_acquire(); exp_tile_init();\ncopy_tile(x, 0, 0);\nrecip_tile_init();\nexp_tile(0);\n",
     "core (0,0) compute, compute.c:9, exp_tile: needs exp_tile_init, but the last init of the vector unit is recip_tile_init"},
    {DEVICE_COMPUTE,
     "compute_kernel_hw_startup(REVERSE, x, y, o);\n" WAIT
     "matmul_block_init(x, y, 0, 2, 1, 2);\ntile_regs_acquire();\nmatmul_block(x, y, 0, 0, 0, 0, 1, 2, 2);\n",
     "core (0,0) compute, compute.c:8, matmul_block: differs in its parameters from matmul_block_init at line 6"},
    {DEVICE_COMPUTE, "compute_kernel_hw_startup(REVERSE, x, y, o);\nmatmul_block_init(x, y, 0, 4, 2, 2);\n",
     "core (0,0) compute, compute.c:5, matmul_block_init: a block of rt 2 x ct 4 tiles (kt 2) does not fit the 4 tiles of a DST section"},
    {DEVICE_COMPUTE, START "reconfig_data_format(REGULAR, x, x); unary_bcast_init(COL, x);\ncopy_init(x);\n",
     "core (0,0) compute, compute.c:6, copy_init: comes after unary_bcast_init at line 5 without unary_bcast_uninit"},
    {DEVICE_COMPUTE, START "reconfig_data_format(REGULAR, x, x); unary_bcast_init(ROW, x);\n",
     "core (0,0) compute, compute.c:5, unary_bcast_init: spreads rows of 16-bit values over DST of f32, where the device writes them as 16-bit rows"},
    {DEVICE_COMPUTE, START "unary_bcast_init(7, x);\n",
     "core (0,0) compute, compute.c:5, unary_bcast_init: is given 7 where ROW, COL or SCALAR stands"},
    {DEVICE_COMPUTE, START "reduce_init(SUM, SUM, x, y, o);\n",
     "core (0,0) compute, compute.c:5, reduce_init: is given 0 where REDUCE_ROW or REDUCE_COL stands"},
    {DEVICE_COMPUTE, START "where_tile_init();\nwhere_tile(Float16_b, 0, 1, 2, 0);\n",
     "core (0,0) compute, compute.c:6, where_tile: DST holds f32 in this launch: its format must be Float32"},

    /* Formats. */
    {DEVICE_COMPUTE, START "copy_init(f);\n",
     "core (0,0) compute, compute.c:5, copy_init: SrcA is configured for bf16, but f is f32: reconfig_data_format is missing"},
    {DEVICE_COMPUTE, START "add_init(x, f);\n",
     "core (0,0) compute, compute.c:5, add_init: SrcB is configured for bf16, but f is f32: reconfig_data_format is missing"},
    {DEVICE_COMPUTE, "compute_kernel_hw_startup(REGULAR, f, y, o);\ncopy_init(d);\n",
     "core (0,0) compute, compute.c:5, copy_init: SrcA is configured for f32, but d is f32 unpacked to DST: reconfig_data_format is missing"},
    {DEVICE_COMPUTE,
     START WAIT "copy_init(x); tile_regs_acquire();\nreconfig_data_format_srca(f);\ncopy_tile(f, 0, 0);\n",
     "core (0,0) compute, compute.c:8, copy_tile: reads another format than copy_init at line 6 was given: the init must follow the reconfiguration"},
    {DEVICE_COMPUTE,
     START WAIT COPY "tile_regs_wait();\ncb_reserve_back(g, 1);\npack_tile(OUT_OF_ORDER, 0, g, 0);\n",
     "core (0,0) compute, compute.c:9, pack_tile: packs to g of format f32, but the packer is configured for bf16: pack_reconfig_data_format is missing"},
    {DEVICE_COMPUTE,
     "compute_kernel_hw_startup(REGULAR, d, y, o);\n" WAIT
     "add_init(d, y);\ntile_regs_acquire();\nadd_tiles(d, y, 0, 0, 0);\n",
     "core (0,0) compute, compute.c:8, add_tiles: d is unpacked to DST at full width and cannot feed the matrix unit"},
    {DEVICE_COMPUTE, "compute_kernel_hw_startup(REGULAR, f, s, o);\nreduce_init(MAX, REDUCE_ROW, f, s, o);\n",
     "core (0,0) compute, compute.c:5, reduce_init: the scaler s is bf16, but the data f is f32: a scaler has its data's format"},
    {DEVICE_COMPUTE, "compute_kernel_hw_startup(REGULAR, d, f, o);\nreduce_init(SUM, REDUCE_ROW, d, f, o);\n",
     "core (0,0) compute, compute.c:5, reduce_init: SrcA is configured for f32 unpacked to DST, but f is f32: reconfig_data_format is missing"},

    /* DST. */
    {DEVICE_COMPUTE, START "tile_regs_commit();\n",
     "core (0,0) compute, compute.c:5, tile_regs_commit: tile_regs_acquire must come before it: no DST section was acquired yet"},
    {DEVICE_COMPUTE, START "tile_regs_acquire();\ntile_regs_acquire();\n",
     "core (0,0) compute, compute.c:6, tile_regs_acquire: tile_regs_release must come before it: the DST section is acquired since line 5"},
    {DEVICE_COMPUTE, START "tile_regs_acquire();\ntile_regs_wait();\n",
     "core (0,0) compute, compute.c:6, tile_regs_wait: tile_regs_commit must come before it: the DST section is acquired since line 5"},
    {DEVICE_COMPUTE, START "tile_regs_acquire();\ntile_regs_commit(); tile_regs_release();\n",
     "core (0,0) compute, compute.c:6, tile_regs_release: tile_regs_wait must come before it: the DST section is committed since line 6"},
    {DEVICE_COMPUTE, START "tile_regs_acquire();\ntile_regs_commit();\n",
     "core (0,0) compute, compute.c:6: the kernel ends with the DST section committed since line 6: tile_regs_release is missing"},
    {DEVICE_COMPUTE, START WAIT "copy_init(x);\ncopy_tile(x, 0, 0);\n",
     "core (0,0) compute, compute.c:7, copy_tile: works on DST between tile_regs_acquire and tile_regs_commit, but the section is released"},
    {DEVICE_COMPUTE, START WAIT "copy_init(x); tile_regs_acquire();\ncopy_tile(x, 0, 4);\n",
     "core (0,0) compute, compute.c:7, copy_tile: DST slot 4, but a section has 4 tiles of f32\n"
     "help: take fewer tiles in one section"},
    {DEVICE_COMPUTE, START WAIT "add_init(x, y); tile_regs_acquire();\nadd_tiles(x, y, 0, 0, 4);\n",
     "core (0,0) compute, compute.c:7, add_tiles: DST slot 4, but a section has 4 tiles of f32\n"
     "help: take fewer tiles in one section"},
    {DEVICE_COMPUTE, START "exp_tile_init(); tile_regs_acquire();\nexp_tile(1);\n",
     "core (0,0) compute, compute.c:6, exp_tile: reads DST slot 1, which nothing wrote in this section\n"
     "help: every slot that is read or packed must be written in its section"},
    {DEVICE_COMPUTE,
     START WAIT COPY "tile_regs_wait(); cb_reserve_back(o, 1);\npack_tile(OUT_OF_ORDER, 1, o, 0);\n",
     "core (0,0) compute, compute.c:8, pack_tile: packs DST slot 1, which nothing wrote in this section\n"
     "help: every slot that is read or packed must be written in its section"},
    {DEVICE_COMPUTE, START WAIT COPY "cb_reserve_back(o, 1);\npack_tile(OUT_OF_ORDER, 0, o, 0);\n",
     "core (0,0) compute, compute.c:8, pack_tile: packs between tile_regs_wait and tile_regs_release, but the DST section is committed"},

    /* Packing windows. */
    {DEVICE_COMPUTE,
     START WAIT COPY "tile_regs_wait(); cb_reserve_back(o, 2);\npack_tile(OUT_OF_ORDER, 0, o, 2);\n",
     "core (0,0) compute, compute.c:8, pack_tile: writes page 2 of o, and 2 are reserved\n"
     "help: cb_reserve_back must cover every page that is written before the push"},
    {DEVICE_COMPUTE, START WAIT COPY "tile_regs_wait();\npack_tile(OUT_OF_ORDER, 0, o, 0);\n",
     "core (0,0) compute, compute.c:8, pack_tile: writes page 0 of o, and 0 are reserved\n"
     "help: cb_reserve_back must cover every page that is written before the push"},
    {DEVICE_COMPUTE,
     START WAIT COPY
     "tile_regs_wait(); cb_reserve_back(o, 2);\npack_tile(OUT_OF_ORDER, 0, o, 1);\npack_tile(IN_ORDER, 0, o, 0);\n",
     "core (0,0) compute, compute.c:9, pack_tile: mixes packing in order and by index in one reserved window of o"},

    /* Reductions. */
    {DEVICE_COMPUTE,
     START WAIT "reduce_init(MAX, REDUCE_ROW, x, s, o);\ntile_regs_acquire();\n"
                "reduce_tile(MAX, REDUCE_ROW, x, s, 0, 0, 0); tile_regs_commit(); tile_regs_wait();\n"
                "pack_reconfig_data_format(o);\n",
     "core (0,0) compute, compute.c:9, pack_reconfig_data_format: comes under the mask of reduce_init at "
     "line "
     "6: it belongs before it, or behind reduce_uninit"},
    {DEVICE_COMPUTE,
     START WAIT "reduce_init(MAX, REDUCE_ROW, x, s, o); copy_init(x); tile_regs_acquire();\n"
                "copy_tile(x, 0, 0); tile_regs_commit(); tile_regs_wait(); cb_reserve_back(o, 1);\n"
                "pack_tile(OUT_OF_ORDER, 0, o, 0);\n",
     "core (0,0) compute, compute.c:8, pack_tile: packs DST slot 0 under the mask of reduce_init at line 6: reduce_uninit is missing"},
    {DEVICE_COMPUTE,
     START WAIT
     "reduce_init(MAX, REDUCE_ROW, x, s, o); tile_regs_acquire();\n"
     "reduce_tile(MAX, REDUCE_ROW, x, s, 0, 0, 0); tile_regs_commit(); tile_regs_wait(); reduce_uninit(x);\n"
     "cb_reserve_back(o, 1);\npack_tile(OUT_OF_ORDER, 0, o, 0);\n",
     "core (0,0) compute, compute.c:9, pack_tile: packs DST slot 0, a result of reduce_tile, after reduce_uninit: its other elements are undefined"},
    {DEVICE_COMPUTE,
     START WAIT
     "reduce_init(MAX, REDUCE_ROW, x, y, o); tile_regs_acquire();\nreduce_tile(MAX, REDUCE_ROW, x, y, 0, 0, 0);\n",
     "core (0,0) compute, compute.c:7, reduce_tile: the scaler y has 2 at row 0, column 0: a maximum takes 1 in row 0 of each face\n"
     "help: a scaler has its weights in the first row of every face, and 0 elsewhere"},
    {DEVICE_COMPUTE,
     START WAIT
     "reduce_init(SUM, REDUCE_COL, x, y, o); tile_regs_acquire();\nreduce_tile(SUM, REDUCE_COL, x, y, 0, 0, 0);\n",
     "core (0,0) compute, compute.c:7, reduce_tile: the scaler y has 2 at row 1, column 0: only row 0 of each face may be filled\n"
     "help: a scaler has its weights in the first row of every face, and 0 elsewhere"},
    {DEVICE_COMPUTE,
     START WAIT
     "reduce_init(MAX, REDUCE_ROW, x, s, o); tile_regs_acquire();\nreduce_tile(MAX, REDUCE_COL, x, s, 0, 0, 0);\n",
     "core (0,0) compute, compute.c:7, reduce_tile: differs in its parameters from reduce_init at line 6"},

    /* Circular buffers. */
    {DEVICE_COMPUTE, "cb_reserve_back(9, 1);\n",
     "core (0,0) compute, compute.c:4, cb_reserve_back: is for circular buffer number 9, which does not exist\n"
     "help: a function's constant is the number in the declaration of its circular buffer"},
    {DEVICE_COMPUTE, "cb_reserve_back(o, 5);\n",
     "core (0,0) compute, compute.c:4, cb_reserve_back: reserves 5 of the pages of o, which has 4: it would wait for ever"},
    {DEVICE_COMPUTE, "cb_wait_front(x, 5);\n",
     "core (0,0) compute, compute.c:4, cb_wait_front: waits for 5 of the pages of x, which has 4: it would wait for ever"},
    {DEVICE_COMPUTE, "cb_reserve_back(o, 1);\ncb_push_back(o, 2);\n",
     "core (0,0) compute, compute.c:5, cb_push_back: pushes 2 of the pages of o, with 1 reserved"},
    {DEVICE_COMPUTE, "cb_wait_front(x, 1);\ncb_pop_front(x, 2);\n",
     "core (0,0) compute, compute.c:5, cb_pop_front: pops 2 of the pages of x, with 1 waited for"},
    {DEVICE_COMPUTE, "cb_wait_front(x, 2);\ncb_wait_front(x, 2);\n",
     "core (0,0) compute, compute.c:5, cb_wait_front: waits for 2 of the pages of x after a wait for 2, with none popped since: waits count from the front"},
    {DEVICE_COMPUTE, START "cb_wait_front(x, 2); copy_init(x); tile_regs_acquire();\ncopy_tile(x, 2, 0);\n",
     "core (0,0) compute, compute.c:6, copy_tile: reads page 2 of x, and 2 are waited for\n"
     "help: cb_wait_front must cover every page that is read before the pop"},
    {DEVICE_READER,
     "for (uint32_t i = 0; i < 3; ++i) { cb_reserve_back(o, 1); cb_push_back(o, 1); cb_wait_front(o, 1); cb_pop_front(o, 1); }\n"
     "cb_reserve_back(o, 2);\ncb_push_back(o, 2);\n",
     "core (0,0) reader, reader.c:6, cb_push_back: pushes 2 of the pages of o from page 3 on, but it wraps after page 3: pushes must sum to exactly its 4 pages"},
    {DEVICE_READER,
     "cb_reserve_back(o, 3); cb_push_back(o, 3); cb_wait_front(o, 3); cb_pop_front(o, 3);\n"
     "cb_reserve_back(o, 3); cb_push_back(o, 1); cb_reserve_back(o, 1); cb_push_back(o, 1); cb_wait_front(o, 2);\n"
     "cb_pop_front(o, 2);\n",
     "core (0,0) reader, reader.c:6, cb_pop_front: pops 2 of the pages of o from page 3 on, but it wraps after page 3: pops must sum to exactly its 4 pages"},
    {DEVICE_COMPUTE, "cb_reserve_back(x, 1);\n",
     "core (0,0) compute, compute.c:4, cb_reserve_back: buffer x is filled by the reader kernel: a buffer has one producer"},
    {DEVICE_COMPUTE,
     START
     "cb_reserve_back(o, 1); cb_push_back(o, 1); cb_wait_front(o, 1); copy_init(o); tile_regs_acquire();\n"
     "copy_tile(o, 0, 0);\n",
     "core (0,0) compute, compute.c:6, copy_tile: reads page 0 of o, which nobody wrote\n"
     "help: the producer must write every page that is read, before it pushes it"},

    /* Data movement. */
    {DEVICE_READER, "get_arg_val(uint32_t, 9);\n",
     "core (0,0) reader, reader.c:4, get_arg_val: reads runtime argument 9, but the launch gives this core 4"},
    {DEVICE_READER, "tensor_accessor(7, 0);\n",
     "core (0,0) reader, reader.c:4, tensor_accessor: uses tensor binding 7, but the launch gives this kernel 4"},
    {DEVICE_READER, "tensor_accessor(0, 12);\n",
     "core (0,0) reader, reader.c:4, tensor_accessor: binding 0 is made at an address that is not that of tensor H\n"
     "help: an accessor takes the launch argument whose value is the address of its tensor"},
    {DEVICE_READER, READ "cb_reserve_back(x, 1);\nnoc_async_read_page(4, H, get_write_ptr(x));\n",
     "core (0,0) reader, reader.c:6, noc_async_read_page: is for page 4 of H, which has 4\n"
     "help: every page of a tensor that is read or written must exist"},
    {DEVICE_READER, READ "cb_reserve_back(x, 2);\nnoc_async_read_page(0, H, get_write_ptr(x) + 16);\n",
     "core (0,0) reader, reader.c:6, noc_async_read_page: L1 address 0x19d90 and the DRAM address 0x40 of page 0 of H differ modulo 32"},
    {DEVICE_READER, READ "cb_reserve_back(x, 1);\nnoc_async_read_page(0, H, get_write_ptr(x) + 2048);\n",
     "core (0,0) reader, reader.c:6, noc_async_read_page: writes page 1 of x, and 1 is reserved\n"
     "help: cb_reserve_back must cover every page that is written before the push"},
    {DEVICE_READER, READ "noc_async_read_page(0, H, 64);\n",
     "core (0,0) reader, reader.c:5, noc_async_read_page: is given an address outside of every circular buffer\n"
     "help: addresses come from get_write_ptr and get_read_ptr, with an offset within the window"},
    {DEVICE_READER,
     READ "cb_reserve_back(x, 1);\nnoc_async_read_page(0, H, get_write_ptr(x));\ncb_push_back(x, 1);\n",
     "core (0,0) reader, reader.c:7, cb_push_back: pushes pages of x with a read into them in flight\n"
     "help: noc_async_read_barrier must stand before the push"},
    {DEVICE_READER, READ "cb_reserve_back(x, 1);\nnoc_async_read_page(0, H, get_write_ptr(x));\n",
     "core (0,0) reader, reader.c:6: the reader ends with this read in flight\n"
     "help: noc_async_read_barrier must stand before the end"},
    {DEVICE_READER,
     READ
     "cb_reserve_back(x, 1);\nnoc_async_read_page(0, H, get_write_ptr(x));\nl1_store_u16(get_write_ptr(x), 1);\n",
     "core (0,0) reader, reader.c:7, l1_store_u16: stores to a page of x with a read into it in flight\n"
     "help: noc_async_read_barrier must stand before the store"},
    {DEVICE_READER, "cb_reserve_back(x, 1);\nl1_store_u32(get_write_ptr(x) + 2, 1);\n",
     "core (0,0) reader, reader.c:5, l1_store_u32: stores 4 bytes to byte 2 of a page of x\n"
     "help: a store is as wide as an element, or covers whole ones, and is aligned to its width"},
    {DEVICE_READER,
     READ
     "cb_reserve_back(x, 2);\nnoc_async_read_page(0, H, get_write_ptr(x));\n"
     "l1_copy_u16(get_write_ptr(x) + 2048, get_write_ptr(x));\n",
     "core (0,0) reader, reader.c:7, l1_copy_u16: copies from a page of x with a read into it in flight\n"
     "help: noc_async_read_barrier must stand before the store"},
    {DEVICE_READER, "cb_reserve_back(x, 2);\nl1_copy_u16(get_write_ptr(x) + 2048, get_write_ptr(x));\n",
     "core (0,0) reader, reader.c:5, l1_copy_u16: copies from a page of x what nobody wrote\n"
     "help: what is copied must be written before"},
    {DEVICE_READER, "cb_reserve_back(x, 1);\nl1_copy_u32(get_write_ptr(x), get_write_ptr(x) + 2);\n",
     "core (0,0) reader, reader.c:5, l1_copy_u32: copies 4 bytes from byte 2 of a page of x\n"
     "help: a store is as wide as an element, or covers whole ones, and is aligned to its width"},
    {DEVICE_READER, "cb_reserve_back(x, 1);\nl1_copy_u16(get_write_ptr(x), get_write_ptr(x) + 2048);\n",
     "core (0,0) reader, reader.c:5, l1_copy_u16: writes page 1 of x, and 1 is reserved\n"
     "help: cb_reserve_back must cover every page that is written before the push"},
    {DEVICE_READER, "l1_store_u32(get_write_ptr(x), 1);\n",
     "core (0,0) reader, reader.c:4, l1_store_u32: writes page 0 of x, and 0 are reserved\n"
     "help: cb_reserve_back must cover every page that is written before the push"},
    {DEVICE_READER,
     "const TensorAccessor U = tensor_accessor(3, get_arg_val(uint32_t, 3));\ncb_reserve_back(x, 1);\n"
     "noc_async_read_page(2, U, get_write_ptr(x));\n",
     "core (0,0) reader, reader.c:6, noc_async_read_page: page 2 of tensor U was never written"},
    {DEVICE_WRITER,
     READ "cb_wait_front(x, 1);\nnoc_async_write_page(0, H, get_read_ptr(x));\ncb_pop_front(x, 1);\n",
     "core (0,0) writer, writer.c:7, cb_pop_front: pops pages of x with a write from them in flight\n"
     "help: noc_async_writes_flushed must stand before the pop"},
    {DEVICE_WRITER,
     READ
     "cb_wait_front(x, 1);\nnoc_async_write_page(0, H, get_read_ptr(x));\nnoc_async_writes_flushed(); cb_pop_front(x, 1);\n",
     "core (0,0) writer, writer.c:6: the writer ends with this write not acknowledged\n"
     "help: noc_async_write_barrier must stand before the end"},
    {DEVICE_WRITER, READ "cb_wait_front(x, 1);\nnoc_async_write_page(0, H, get_read_ptr(x) + 2048);\n",
     "core (0,0) writer, writer.c:6, noc_async_write_page: reads page 1 of x, and 1 is waited for\n"
     "help: cb_wait_front must cover every page that is read before the pop"},
    {DEVICE_COMPUTE, "noc_async_read_barrier();\n",
     "core (0,0) compute, compute.c:4, noc_async_read_barrier: is a call of data movement kernels"},
    {DEVICE_WRITER, "tile_regs_acquire();\n",
     "core (0,0) writer, writer.c:4, tile_regs_acquire: is a call of compute kernels"},

    /* Faults of the kernel's own code. */
    {DEVICE_COMPUTE,
     "const uint32_t zero = get_arg_val(uint32_t, 0) - get_arg_val(uint32_t, 0);\ncb_wait_front(x, 7 / zero);\n",
     "core (0,0) compute, compute.c:4: the kernel divides an integer by zero, after its call of get_arg_val"},
    {DEVICE_COMPUTE, "cb_wait_front(x, 1);\n*(volatile uint32_t *)8 = 1;\n",
     "core (0,0) compute, compute.c:4: the kernel reads or writes memory that is not its own, after its call of cb_wait_front"},
    {DEVICE_COMPUTE, "*(volatile uint32_t *)8 = 1;\n",
     "core (0,0) compute, compute.c: the kernel reads or writes memory that is not its own before its first call"},
    {DEVICE_COMPUTE, "volatile uint32_t frame[256];\nframe[0] = 1;\nkernel_main();\n",
     "core (0,0) compute, compute.c: the kernel overflows its stack before its first call"},
};

static void fill_tensor(struct device_tensor *tensor, enum data_format format, float value) {
    uint8_t page[4096];
    uint16_t half = bf16_from_f32(value);
    for (uint32_t i = 0; i < TILE_ELEMENTS; ++i) {
        if (format == FORMAT_BF16)
            memcpy(page + i * 2, &half, 2);
        else
            memcpy(page + i * 4, &value, 4);
    }
    for (uint32_t i = 0; i < 4; ++i)
        ck_assert(device_tensor_write(tensor, i, 1, page));
}

static void fill_scaler(struct device_tensor *tensor) {
    uint16_t page[TILE_ELEMENTS] = {0};
    for (uint32_t face = 0; face < 4; ++face) {
        for (uint32_t i = 0; i < FACE_EDGE; ++i)
            page[face * 256 + i] = bf16_from_f32(1.0f);
    }
    for (uint32_t i = 0; i < 4; ++i)
        ck_assert(device_tensor_write(tensor, i, 1, page));
}

/* The device in which every rule is broken: tensors H (bf16), W (f32), S (scaler), U (never written), buffers
 * of 4 pages. */
static void begin_rule(struct harness *h, uint32_t arguments[4]) {
    harness_begin(h, "n150", 0);
    struct device_tensor *tensors[4] = {device_tensor_allocate(h->device, "H", FORMAT_BF16, 4),
                                        device_tensor_allocate(h->device, "W", FORMAT_F32, 4),
                                        device_tensor_allocate(h->device, "S", FORMAT_BF16, 4),
                                        device_tensor_allocate(h->device, "U", FORMAT_BF16, 4)};
    fill_tensor(tensors[0], FORMAT_BF16, 2.0f);
    fill_tensor(tensors[1], FORMAT_F32, 3.0f);
    fill_scaler(tensors[2]);
    for (int i = 0; i < 4; ++i) {
        for (int role = 0; role < DEVICE_ROLES; ++role)
            harness_bind(h, (enum device_role)role, tensors[i]);
        arguments[i] = device_tensor_address(tensors[i]);
    }
    harness_buffer(h, 0, "x", FORMAT_BF16, 4);
    harness_buffer(h, 1, "y", FORMAT_BF16, 4);
    harness_buffer(h, 2, "f", FORMAT_F32, 4);
    harness_buffer(h, 3, "d", FORMAT_F32, 4);
    h->buffers[3].unpack_to_dest = true;
    harness_buffer(h, 4, "s", FORMAT_BF16, 4);
    harness_buffer(h, 16, "o", FORMAT_BF16, 4);
    harness_buffer(h, 17, "g", FORMAT_F32, 4);
    harness_core(h, 0, 0, arguments, 4);
}

START_TEST(a_broken_rule_is_a_fault) {
    const struct rule *row = &rules[_i];
    struct harness h;
    uint32_t arguments[4];
    char text[4096];
    begin_rule(&h, arguments);
    snprintf(text, sizeof text, "%s%s}\n", PROLOGUE, row->body);
    harness_kernels(&h, row->role == DEVICE_READER ? text : filling_reader,
                    row->role == DEVICE_COMPUTE ? text : NULL, row->role == DEVICE_WRITER ? text : NULL);
    harness_expect(&h, row->expected);
    harness_end(&h);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("rules");
    tcase_add_loop_test(tests, a_broken_rule_is_a_fault, 0, (int)(sizeof rules / sizeof rules[0]));
    return harness_main("sim rules", tests);
}
