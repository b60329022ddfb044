/* Kernels written by hand, as the code generator writes them. */
#ifndef TILEC_TESTSUITE_SIM_KERNELS_H
#define TILEC_TESTSUITE_SIM_KERNELS_H

/* Blocked matmul. Arguments: start, count (blocks), Mt, Kt, Nt, A, B, C. Constants rt, ct, kt are given by
 * macro. */
#define MATMUL_ARGUMENTS                                                                                     \
    "    const uint32_t start = get_arg_val(uint32_t, 0);\n"                                                 \
    "    const uint32_t count = get_arg_val(uint32_t, 1);\n"                                                 \
    "    const uint32_t Kt = get_arg_val(uint32_t, 3);\n"                                                    \
    "    const uint32_t Nt = get_arg_val(uint32_t, 4);\n"

#define MATMUL_READER(rt, ct, kt)                                                                            \
    "#include \"tilec_device.h\"\n"                                                                          \
    "enum { a = 0, b = 1, rt = " #rt ", ct = " #ct ", kt = " #kt " };\n"                                     \
    "void kernel_main(void)\n{\n" MATMUL_ARGUMENTS                                                           \
    "    const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 5));\n"                           \
    "    const TensorAccessor B = tensor_accessor(1, get_arg_val(uint32_t, 6));\n"                           \
    "    const uint32_t Gn = Nt / ct;\n"                                                                     \
    "    for (uint32_t tid = start; tid < start + count; ++tid) {\n"                                         \
    "        const uint32_t m = tid / Gn * rt;\n"                                                            \
    "        const uint32_t n = tid % Gn * ct;\n"                                                            \
    "        for (uint32_t k = 0; k < Kt; k += kt) {\n"                                                      \
    "            cb_reserve_back(a, rt * kt);\n"                                                             \
    "            cb_reserve_back(b, kt * ct);\n"                                                             \
    "            const uint32_t to_a = get_write_ptr(a);\n"                                                  \
    "            const uint32_t to_b = get_write_ptr(b);\n"                                                  \
    "            for (uint32_t i = 0; i < rt; ++i) {\n"                                                      \
    "                for (uint32_t j = 0; j < kt; ++j) {\n"                                                  \
    "                    noc_async_read_page((m + i) * Kt + k + j, A, to_a + (i * kt + j) * 2048);\n"        \
    "                }\n"                                                                                    \
    "            }\n"                                                                                        \
    "            for (uint32_t i = 0; i < kt; ++i) {\n"                                                      \
    "                for (uint32_t j = 0; j < ct; ++j) {\n"                                                  \
    "                    noc_async_read_page((k + i) * Nt + n + j, B, to_b + (i * ct + j) * 2048);\n"        \
    "                }\n"                                                                                    \
    "            }\n"                                                                                        \
    "            noc_async_read_barrier();\n"                                                                \
    "            cb_push_back(a, rt * kt);\n"                                                                \
    "            cb_push_back(b, kt * ct);\n"                                                                \
    "        }\n"                                                                                            \
    "    }\n"                                                                                                \
    "}\n"

#define MATMUL_COMPUTE(rt, ct, kt)                                                                           \
    "#include \"tilec_device.h\"\n"                                                                          \
    "enum { a = 0, b = 1, c = 16, rt = " #rt ", ct = " #ct ", kt = " #kt " };\n"                             \
    "void kernel_main(void)\n{\n" MATMUL_ARGUMENTS "    compute_kernel_hw_startup(REVERSE, a, b, c);\n"      \
    "    matmul_block_init(a, b, 0, ct, rt, kt);\n"                                                          \
    "    for (uint32_t tid = start; tid < start + count; ++tid) {\n"                                         \
    "        tile_regs_acquire();\n"                                                                         \
    "        for (uint32_t k = 0; k < Kt; k += kt) {\n"                                                      \
    "            cb_wait_front(a, rt * kt);\n"                                                               \
    "            cb_wait_front(b, kt * ct);\n"                                                               \
    "            for (uint32_t i = 0; i < kt; ++i) {\n"                                                      \
    "                matmul_block(a, b, i, i * ct, 0, 0, ct, rt, kt);\n"                                     \
    "            }\n"                                                                                        \
    "            cb_pop_front(a, rt * kt);\n"                                                                \
    "            cb_pop_front(b, kt * ct);\n"                                                                \
    "        }\n"                                                                                            \
    "        tile_regs_commit();\n"                                                                          \
    "        cb_reserve_back(c, rt * ct);\n"                                                                 \
    "        tile_regs_wait();\n"                                                                            \
    "        for (uint32_t i = 0; i < rt * ct; ++i) {\n"                                                     \
    "            pack_tile(OUT_OF_ORDER, i, c, i);\n"                                                        \
    "        }\n"                                                                                            \
    "        tile_regs_release();\n"                                                                         \
    "        cb_push_back(c, rt * ct);\n"                                                                    \
    "    }\n"                                                                                                \
    "    (void)Nt;\n"                                                                                        \
    "}\n"

#define MATMUL_WRITER(rt, ct)                                                                                \
    "#include \"tilec_device.h\"\n"                                                                          \
    "enum { c = 16, rt = " #rt ", ct = " #ct " };\n"                                                         \
    "void kernel_main(void)\n{\n" MATMUL_ARGUMENTS                                                           \
    "    const TensorAccessor C = tensor_accessor(0, get_arg_val(uint32_t, 7));\n"                           \
    "    const uint32_t Gn = Nt / ct;\n"                                                                     \
    "    for (uint32_t tid = start; tid < start + count; ++tid) {\n"                                         \
    "        const uint32_t m = tid / Gn * rt;\n"                                                            \
    "        const uint32_t n = tid % Gn * ct;\n"                                                            \
    "        cb_wait_front(c, rt * ct);\n"                                                                   \
    "        const uint32_t from = get_read_ptr(c);\n"                                                       \
    "        for (uint32_t i = 0; i < rt; ++i) {\n"                                                          \
    "            for (uint32_t j = 0; j < ct; ++j) {\n"                                                      \
    "                noc_async_write_page((m + i) * Nt + n + j, C, from + (i * ct + j) * 2048);\n"           \
    "            }\n"                                                                                        \
    "        }\n"                                                                                            \
    "        noc_async_writes_flushed();\n"                                                                  \
    "        cb_pop_front(c, rt * ct);\n"                                                                    \
    "    }\n"                                                                                                \
    "    noc_async_write_barrier();\n"                                                                       \
    "    (void)Kt;\n"                                                                                        \
    "}\n"

#endif
