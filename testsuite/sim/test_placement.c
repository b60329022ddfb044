/* Where the pages of tensors lie: banks and addresses of every placement, room in DRAM and L1, and what
 * accessors know of them.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

static struct device_placement sharded(enum device_memory memory, uint64_t rows, uint64_t columns,
                                       uint64_t shard_rows, uint64_t shard_columns) {
    return (struct device_placement){memory, 2, {rows, columns}, {shard_rows, shard_columns}, .columns = 0};
}

/* The pages of a tensor as "bank:row" in order, rows counted in pages. */
static void describe(const struct device_tensor *tensor, uint64_t pages, uint32_t page_bytes, char *text,
                     size_t size) {
    size_t used = 0;
    for (uint64_t page = 0; page < pages; ++page) {
        uint32_t bank;
        uint64_t address;
        ck_assert(device_tensor_locate(tensor, page, &bank, &address));
        used +=
            (size_t)snprintf(text + used, size - used, "%s%u:%llu", page ? " " : "", (unsigned)bank,
                             (unsigned long long)((address - device_tensor_address(tensor)) / page_bytes));
    }
}

START_TEST(pages_lie_as_their_placement_says) {
    static const struct {
        uint64_t pages;
        struct device_placement placement;
        const char *places;
    } rows[] = {
        {14, {.memory = DEVICE_DRAM}, "0:0 1:0 2:0 3:0 4:0 5:0 6:0 7:0 8:0 9:0 10:0 11:0 0:1 1:1"},
        {5, {.memory = DEVICE_L1}, "0:0 1:0 2:0 3:0 0:1"},
        /* height: rows in pairs; the last shard is not full */
        {6, {DEVICE_DRAM, 2, {3, 2}, {2, 2}, .columns = 0}, "0:0 0:1 0:2 0:3 1:0 1:1"},
        /* width */
        {6, {DEVICE_DRAM, 2, {2, 3}, {2, 2}, .columns = 0}, "0:0 0:1 1:0 0:2 0:3 1:2"},
        /* block */
        {8, {DEVICE_DRAM, 2, {2, 4}, {1, 2}, .columns = 0}, "0:0 0:1 1:0 1:1 2:0 2:1 3:0 3:1"},
        /* three dimensions */
        {8, {DEVICE_DRAM, 3, {2, 2, 2}, {1, 2, 1}, .columns = 0}, "0:0 1:0 0:1 1:1 2:0 3:0 2:1 3:1"},
        /* more shards than banks: the fifth follows the first, behind its room */
        {5, {DEVICE_L1, 2, {5, 1}, {1, 2}, .columns = 0}, "0:0 1:0 2:0 3:0 0:2"},
        /* contiguous: 14 shards divide among 7 of the 12 banks, two neighbours in each */
        {14,
         {DEVICE_DRAM, 2, {14, 1}, {1, 1}, .contiguous = true},
         "0:0 0:1 1:0 1:1 2:0 2:1 3:0 3:1 4:0 4:1 5:0 5:1 6:0 6:1"},
        /* a prime number of shards has but one bank, few shards have one each */
        {13,
         {DEVICE_DRAM, 2, {13, 1}, {1, 1}, .contiguous = true},
         "0:0 0:1 0:2 0:3 0:4 0:5 0:6 0:7 0:8 0:9 0:10 0:11 0:12"},
        {6, {DEVICE_DRAM, 2, {3, 2}, {2, 1}, .contiguous = true}, "0:0 1:0 0:1 1:1 2:0 3:0"},
    };
    struct device *device =
        device_create(architecture_find("n150"), &(struct device_options){.grid_x = 2, .grid_y = 2});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        char text[512];
        struct device_tensor *tensor =
            device_tensor_place(device, "T", FORMAT_BF16, rows[i].pages, &rows[i].placement);
        ck_assert_ptr_nonnull(tensor);
        describe(tensor, rows[i].pages, 2048, text, sizeof text);
        ck_assert_str_eq(text, rows[i].places);
        uint32_t bank;
        uint64_t address;
        ck_assert(!device_tensor_locate(tensor, rows[i].pages, &bank, &address));
        device_tensor_free(device, tensor);
    }
    device_free(device);
}
END_TEST

/* Whatever the placement, no two pages share bytes, and each keeps what was written. */
START_TEST(pages_keep_their_contents) {
    enum { ROWS = 7, COLUMNS = 5, PAGES = ROWS * COLUMNS };
    static uint8_t written[PAGES][2048], read[PAGES][2048];
    struct device *device = device_create(architecture_find("n150"), NULL);
    for (uint64_t r = 1; r <= ROWS; ++r) {
        for (uint64_t c = 1; c <= COLUMNS; ++c) {
            struct device_placement placement =
                sharded((r + c) % 2 ? DEVICE_L1 : DEVICE_DRAM, ROWS, COLUMNS, r, c);
            struct device_tensor *tensor = device_tensor_place(device, "T", FORMAT_BF16, PAGES, &placement);
            for (int page = 0; page < PAGES; ++page)
                memset(written[page], (int)(page + 31 * r + 7 * c) & 0xff, sizeof *written);
            ck_assert(device_tensor_write(tensor, 0, PAGES, written));
            ck_assert(device_tensor_read(tensor, 0, PAGES, read));
            ck_assert_mem_eq(written, read, sizeof read);
            device_tensor_free(device, tensor);
        }
    }
    device_free(device);
}
END_TEST

START_TEST(l1_has_an_end) {
    struct device *device = device_create(architecture_find("n150"), NULL);
    const struct architecture *architecture = architecture_find("n150");
    struct device_placement l1 = {.memory = DEVICE_L1}, dram = {.memory = DEVICE_DRAM};
    ck_assert_uint_eq(device_l1_free(device), architecture->l1_buffer_bytes);
    struct device_tensor *a = device_tensor_place(device, "a", FORMAT_BF16, 64 * 3 + 1, &l1);
    ck_assert_uint_eq(device_l1_free(device), architecture->l1_buffer_bytes - 4 * 2048);
    ck_assert_uint_eq(device_tensor_address(a), architecture->l1_bytes - 4 * 2048);
    ck_assert_uint_eq(device_placement_bank_bytes(device, FORMAT_BF16, 64 * 3 + 1, &l1), 4 * 2048);
    ck_assert_ptr_nonnull(device_tensor_place(device, "b", FORMAT_BF16, 64, &dram));
    ck_assert_uint_eq(device_l1_free(device), architecture->l1_buffer_bytes - 4 * 2048);
    ck_assert_ptr_null(device_tensor_place(device, "c", FORMAT_F32, 64 * 400, &l1));
    device_tensor_free(device, a);
    ck_assert_uint_eq(device_l1_free(device), architecture->l1_buffer_bytes);
    struct device_placement wrong = sharded(DEVICE_DRAM, 3, 3, 2, 2);
    ck_assert_ptr_null(device_tensor_place(device, "d", FORMAT_F32, 8, &wrong));
    wrong.shard[0] = 0;
    ck_assert_ptr_null(device_tensor_place(device, "d", FORMAT_F32, 9, &wrong));
    wrong.shard[0] = UINT32_MAX;
    wrong.shard[1] = UINT32_MAX;
    ck_assert_ptr_null(device_tensor_place(device, "d", FORMAT_F32, 9, &wrong));
    device_free(device);
}
END_TEST

START_TEST(facts_are_those_of_the_tensor) {
    uint32_t words[DEVICE_FACTS_LIMIT];
    struct device *device = device_create(architecture_find("n150"), NULL);
    struct device_placement placement = sharded(DEVICE_DRAM, 3, 2, 1, 2), l1 = {.memory = DEVICE_L1};
    struct device_tensor *tensors[] = {device_tensor_allocate(device, "a", FORMAT_BF16, 6),
                                       device_tensor_place(device, "b", FORMAT_F32, 6, &l1),
                                       device_tensor_place(device, "c", FORMAT_BF16, 6, &placement)};
    static const uint32_t first[] = {2, 2048}, second[] = {0, 4096},
                          third[] = {3, 2048, 2, 3, 3, 2, 1, 2, 0 | 0x100u << 16, 0x200};
    ck_assert_uint_eq(device_tensor_facts(tensors[0], words), 2);
    ck_assert_mem_eq(words, first, sizeof first);
    ck_assert_uint_eq(device_tensor_facts(tensors[1], words), 2);
    ck_assert_mem_eq(words, second, sizeof second);
    ck_assert_uint_eq(device_tensor_facts(tensors[2], words), sizeof third / sizeof *third);
    ck_assert_mem_eq(words, third, sizeof third);
    device_free(device);
}
END_TEST

/* Shards in L1 lie on a rectangle of cores, row by row: (0, 0), (1, 0), (0, 1), ... */
START_TEST(shards_in_l1_lie_on_a_rectangle_of_cores) {
    uint32_t words[DEVICE_FACTS_LIMIT];
    struct device *device = device_create(architecture_find("n150"), NULL);
    struct device_placement placement = sharded(DEVICE_L1, 3, 2, 1, 1);
    placement.columns = 2;
    struct device_tensor *tensor = device_tensor_place(device, "a", FORMAT_BF16, 6, &placement);
    static const uint32_t expected[] = {
        1, 2048, 2, 6, 3, 2, 1, 1, 0x1212 | 0x1312u << 16, 0x1213 | 0x1313u << 16, 0x1214 | 0x1314u << 16};
    ck_assert_uint_eq(device_tensor_facts(tensor, words), sizeof expected / sizeof *expected);
    ck_assert_mem_eq(words, expected, sizeof expected);
    device_free(device);
}
END_TEST

/* By columns: (0, 0), (0, 1), (1, 0), ... The rows of two shards stand in columns of two cores. */
START_TEST(shards_by_columns_lie_on_the_turned_rectangle) {
    uint32_t words[DEVICE_FACTS_LIMIT];
    struct device *device = device_create(architecture_find("n150"), NULL);
    struct device_placement placement = sharded(DEVICE_L1, 3, 2, 1, 1);
    placement.columns = 2;
    placement.by_columns = true;
    struct device_tensor *tensor = device_tensor_place(device, "a", FORMAT_BF16, 6, &placement);
    static const uint32_t expected[] = {
        1, 2048, 2, 6, 3, 2, 1, 1, 0x1212 | 0x1213u << 16, 0x1312 | 0x1313u << 16, 0x1412 | 0x1413u << 16};
    ck_assert_uint_eq(device_tensor_facts(tensor, words), sizeof expected / sizeof *expected);
    ck_assert_mem_eq(words, expected, sizeof expected);
    device_free(device);
}
END_TEST

/* As TensorAccessor packs it: beside the number of banks. */
START_TEST(contiguous_shards_are_marked_for_accessors) {
    uint32_t words[DEVICE_FACTS_LIMIT];
    struct device *device = device_create(architecture_find("n150"), NULL);
    struct device_placement placement = sharded(DEVICE_DRAM, 26, 1, 1, 1);
    placement.contiguous = true;
    struct device_tensor *tensor = device_tensor_place(device, "a", FORMAT_BF16, 26, &placement);
    device_tensor_facts(tensor, words);
    ck_assert_uint_eq(words[0], 3);
    ck_assert_uint_eq(words[3], 0x80000002u);
    device_free(device);
}
END_TEST

#define COPY_IN                                                                                              \
    HEADER                                                                                                   \
    "void kernel_main(void) {\nconst TensorAccessor T = tensor_accessor(0, get_arg_val(uint32_t, 0));\n"     \
    "for (uint32_t i = 0; i < 6; ++i) {\ncb_reserve_back(0, 1);\n"                                           \
    "noc_async_read_page(i, T, get_write_ptr(0));\nnoc_async_read_barrier(); cb_push_back(0, 1); }\n}\n"
#define COPY_OUT                                                                                             \
    HEADER                                                                                                   \
    "void kernel_main(void) {\nconst TensorAccessor T = tensor_accessor(0, get_arg_val(uint32_t, 1));\n"     \
    "for (uint32_t i = 0; i < 6; ++i) {\ncb_wait_front(0, 1);\n"                                             \
    "noc_async_write_page(i, T, get_read_ptr(0));\nnoc_async_write_barrier(); cb_pop_front(0, 1); "          \
    "}\n}\n"

static void copy(struct harness *h, const struct device_placement *from, const struct device_placement *to,
                 struct device_tensor *tensors[2], uint32_t arguments[2]) {
    static uint8_t bytes[6 * 2048];
    for (size_t i = 0; i < sizeof bytes; ++i)
        bytes[i] = (uint8_t)(i * 7 / 5);
    harness_begin(h, "n150", 1);
    tensors[0] = device_tensor_place(h->device, "X", FORMAT_BF16, 6, from);
    tensors[1] = device_tensor_place(h->device, "Y", FORMAT_BF16, 6, to);
    ck_assert(device_tensor_write(tensors[0], 0, 6, bytes));
    for (int i = 0; i < 2; ++i)
        arguments[i] = device_tensor_address(tensors[i]);
    h->launch.core_count = 0;
    harness_core(h, 0, 0, arguments, 2);
    harness_buffer(h, 0, "a", FORMAT_BF16, 2);
    harness_bind(h, DEVICE_READER, tensors[0]);
    harness_bind(h, DEVICE_WRITER, tensors[1]);
    harness_kernels(h, COPY_IN, NULL, COPY_OUT);
}

START_TEST(accessors_reach_every_placement) {
    struct device_placement placements[] = {{.memory = DEVICE_DRAM},
                                            {.memory = DEVICE_L1},
                                            sharded(DEVICE_DRAM, 3, 2, 2, 1),
                                            sharded(DEVICE_L1, 2, 3, 1, 2),
                                            sharded(DEVICE_DRAM, 6, 1, 4, 3)};
    enum { COUNT = sizeof placements / sizeof *placements };
    for (int i = 0; i < COUNT * COUNT; ++i) {
        struct harness h;
        struct device_tensor *tensors[2];
        uint32_t arguments[2];
        static uint8_t x[6 * 2048], y[6 * 2048];
        copy(&h, &placements[i / COUNT], &placements[i % COUNT], tensors, arguments);
        harness_run(&h);
        ck_assert(device_tensor_read(tensors[0], 0, 6, x) && device_tensor_read(tensors[1], 0, 6, y));
        ck_assert_mem_eq(x, y, sizeof x);
        harness_end(&h);
    }
}
END_TEST

/* A kernel that was compiled for another placement is refused where it makes its accessor. */
START_TEST(facts_of_another_binding_are_a_fault) {
    static const struct {
        uint32_t words[DEVICE_FACTS_LIMIT];
        size_t count;
        const char *described;
    } rows[] = {
        {{2, 2048}, 2, "interleaved in DRAM with pages of 2048 bytes"},
        {{3, 2048, 2, 3, 3, 2, 1, 2, 0},
         9,
         "sharded over 3 banks of DRAM with pages of 2048 bytes, shards of 1x2 pages"},
        {{0}, 0, "nothing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        struct harness h;
        struct device_tensor *tensors[2];
        uint32_t arguments[2];
        char expected[1024];
        struct device_placement from = sharded(DEVICE_DRAM, 3, 2, 2, 1), to = {.memory = DEVICE_DRAM};
        copy(&h, &from, &to, tensors, arguments);
        h.launch.kernels[DEVICE_READER].compile_time_arguments = rows[i].words;
        h.launch.kernels[DEVICE_READER].compile_time_argument_count = rows[i].count;
        snprintf(
            expected, sizeof expected,
            "core (0,0) reader, reader.c:3, tensor_accessor: binding 0 is tensor X, sharded over 4 banks of DRAM with pages of 2048 bytes, shards of 2x1 pages, but the kernel's compile-time arguments from 0 on describe %s: TensorAccessorArgs must be created via the tensors that are bound",
            rows[i].described);
        harness_expect(&h, expected);
        harness_end(&h);
    }
}
END_TEST

START_TEST(buffers_give_way_to_tensors) {
    struct harness h;
    struct device_tensor *tensors[2];
    uint32_t arguments[2];
    struct device_placement dram = {.memory = DEVICE_DRAM}, l1 = {.memory = DEVICE_L1};
    copy(&h, &dram, &dram, tensors, arguments);
    ck_assert_ptr_nonnull(device_tensor_place(h.device, "big", FORMAT_BF16, 64 * 679, &l1));
    harness_buffer(&h, 1, "b", FORMAT_BF16, 1);
    harness_expect(
        &h,
        "launch: the circular buffers take 6144 bytes of L1, but n150 has 2720 for them beside 1390592 of tensors\n"
        "a: 2 pages of 2048 bytes (bf16), 4096 bytes\n"
        "b: 1 pages of 2048 bytes (bf16), 2048 bytes\n"
        "tensor big: 1390592 bytes");
    harness_end(&h);
}
END_TEST

/* A core that reads 32 pages of a tensor with this first page in its reach: what is counted, and the clock.
 */
static struct device_statistics read_pages(enum device_memory memory, uint32_t page) {
    struct harness h;
    uint8_t bytes[2 * 2048] = {0};
    struct device_placement placement = {.memory = memory};
    harness_begin(&h, "n150", 0);
    struct device_tensor *tensor = device_tensor_place(h.device, "X", FORMAT_BF16, 2, &placement);
    uint32_t arguments[] = {device_tensor_address(tensor), page};
    ck_assert(device_tensor_write(tensor, 0, 2, bytes));
    harness_bind(&h, DEVICE_READER, tensor);
    harness_buffer(&h, 0, "a", FORMAT_BF16, 1);
    harness_core(&h, 0, 0, arguments, 2);
    harness_kernels(&h,
                    HEADER "void kernel_main(void) {\n"
                           "const TensorAccessor X = tensor_accessor(0, get_arg_val(uint32_t, 0));\n"
                           "cb_reserve_back(0, 1);\n"
                           "for (uint32_t i = 0; i < 32; ++i)\n"
                           "noc_async_read_page(get_arg_val(uint32_t, 1), X, get_write_ptr(0));\n"
                           "noc_async_read_barrier();\n"
                           "}\n",
                    NULL, NULL);
    harness_run(&h);
    struct device_pages pages = device_tensor_pages(tensor);
    ck_assert_mem_eq(&pages, &h.statistics.pages, sizeof pages);
    harness_end(&h);
    return h.statistics;
}

/* Page 0 of a tensor that is interleaved in L1 lies on core (0, 0), page 1 on core (1, 0). */
START_TEST(memories_are_counted_and_cost_each_for_itself) {
    struct device_statistics dram = read_pages(DEVICE_DRAM, 0), own = read_pages(DEVICE_L1, 0),
                             other = read_pages(DEVICE_L1, 1);
    ck_assert_uint_eq(dram.pages.read[DEVICE_AT_DRAM], 32);
    ck_assert_uint_eq(own.pages.read[DEVICE_AT_OWN_L1], 32);
    ck_assert_uint_eq(other.pages.read[DEVICE_AT_OTHER_L1], 32);
    ck_assert_uint_eq(own.pages.read[DEVICE_AT_DRAM] + own.pages.read[DEVICE_AT_OTHER_L1], 0);
    ck_assert_uint_eq(dram.dram_cycles, 32 * 2048 / 267);
    ck_assert_uint_eq(own.dram_cycles + other.dram_cycles, 0);
    ck_assert_uint_lt(own.cycles, other.cycles);
    ck_assert_uint_lt(other.cycles, dram.cycles);
    ck_assert_uint_ge(dram.cycles, 382 + 32 * (2048 * 100 / 2210));
    ck_assert_uint_ge(other.cycles, 288 + 32 * (2048 * 100 / 2870));
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("placement");
    tcase_add_test(tests, pages_lie_as_their_placement_says);
    tcase_add_test(tests, pages_keep_their_contents);
    tcase_add_test(tests, l1_has_an_end);
    tcase_add_test(tests, facts_are_those_of_the_tensor);
    tcase_add_test(tests, shards_in_l1_lie_on_a_rectangle_of_cores);
    tcase_add_test(tests, shards_by_columns_lie_on_the_turned_rectangle);
    tcase_add_test(tests, contiguous_shards_are_marked_for_accessors);
    tcase_add_test(tests, accessors_reach_every_placement);
    tcase_add_test(tests, facts_of_another_binding_are_a_fault);
    tcase_add_test(tests, buffers_give_way_to_tensors);
    tcase_add_test(tests, memories_are_counted_and_cost_each_for_itself);
    return harness_main("placement", tests);
}
