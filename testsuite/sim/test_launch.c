/* Launches: what is wrong with one as a whole, kernels that do not compile, deadlocks, races, the tables of
 * calls. */
#include "harness.h"
#include "support/device_call.h"

#include <stdio.h>
#include <stdlib.h>

static void empty(struct harness *h) {
    harness_begin(h, "n150", 0);
    harness_buffer(h, 0, "a", FORMAT_BF16, 2);
    harness_core(h, 0, 0, NULL, 0);
    harness_kernels(h, NULL, NULL, NULL);
}

START_TEST(buffers_beyond_l1_are_refused) {
    struct harness h;
    empty(&h);
    harness_buffer(&h, 1, "panel", FORMAT_F32, 341);
    harness_expect(&h,
                   "launch: the circular buffers take 1400832 bytes of L1, but n150 has 1393312 for them\n"
                   "a: 2 pages of 2048 bytes (bf16), 4096 bytes\n"
                   "panel: 341 pages of 4096 bytes (f32), 1396736 bytes");
    h.buffers[1].pages = 339;
    harness_run(&h);
    harness_end(&h);
}
END_TEST

START_TEST(buffers_and_cores_that_do_not_exist_are_refused) {
    struct harness h;
    empty(&h);
    h.buffers[0].id = 32;
    harness_expect(&h, "launch: buffer a has identifier 32, but n150 has 32 circular buffers");
    h.buffers[0].id = 0;
    harness_buffer(&h, 0, "b", FORMAT_BF16, 2);
    harness_expect(&h, "launch: buffers a and b have the same identifier 0");
    h.buffers[1].id = 1;
    h.buffers[1].page_bytes = 100;
    harness_expect(&h, "launch: buffer b has 2 pages of 100 bytes: pages are multiples of 16 bytes");
    h.buffers[1].page_bytes = 2048;
    h.buffers[1].unpack_to_dest = true;
    harness_expect(&h, "launch: buffer b is unpacked to DST at full width: that takes f32 and f32 DST");
    h.buffers[1].unpack_to_dest = false;
    harness_core(&h, 8, 0, NULL, 0);
    harness_expect(&h, "launch: core (8,0) is outside the grid of 8 x 8");
    h.cores[1].x = 0;
    harness_expect(&h, "launch: core (0,0) is listed twice");
    h.cores[1].x = 1;
    h.cores[1].argument_count = 342;
    harness_expect(&h, "launch: core (1,0) is given 342 runtime arguments; at most 341 are possible");
    harness_end(&h);
}
END_TEST

static const struct {
    const char *text, *expected;
} compile_errors[] = {
    {"void kernel_main(void) {}\n",
     "the kernel does not compile: reader.c does not begin a line with #include \"tilec_device.h\""},
    {"/* A comment. */\n" HEADER "void kernel_main(void) {\n    cb_wait_front(0 1);\n}\n",
     "the kernel does not compile: reader.c:4: error: macro 'cb_wait_front' used with too few args"},
    {HEADER "void kernel_main(void) { cb_wait_frnt(0, 1); }\n",
     "the kernel does not compile: reader.c:2: warning: implicit declaration of function 'cb_wait_frnt'"},
    {HEADER "#include <stdio.h>\nvoid kernel_main(void) {}\n",
     "the kernel does not compile: reader.c:2: error: kernels include tilec_device.h and nothing else"},
    {HEADER "void kernel(void) {}\n", "the kernel does not compile: the kernel has no kernel_main"},
    {HEADER "void kernel_main(void) { get_write_ptr(0) }\n",
     "the kernel does not compile: reader.c:2: error: ';' expected (got \"}\")"},
};

START_TEST(a_kernel_that_does_not_compile_is_told_with_its_line) {
    struct harness h;
    empty(&h);
    harness_kernels(&h, compile_errors[_i].text, NULL, NULL);
    harness_expect(&h, compile_errors[_i].expected);
    harness_end(&h);
}
END_TEST

static void locate(void *context, enum device_role role, uint32_t line, char *place, size_t size) {
    snprintf(place, size, "%s:%u", (const char *)context, (unsigned)line * 10 + (unsigned)role);
}

/* The reader pushes one page less than compute waits for, and compute never feeds the writer. */
START_TEST(a_deadlock_names_every_core_that_waits) {
    struct harness h;
    empty(&h);
    h.launch.core_count = 0;
    for (uint32_t i = 0; i < 3; ++i)
        harness_core(&h, i, 1, NULL, 0);
    harness_buffer(&h, 16, "c", FORMAT_BF16, 2);
    harness_kernels(
        &h,
        HEADER
        "void kernel_main(void) {\nfor (uint32_t i = 0; i < 3; ++i) { cb_reserve_back(0, 1); cb_push_back(0, 1); }\n}\n",
        HEADER "void kernel_main(void) {\nfor (uint32_t i = 0; i < 2; ++i) {\n"
               "cb_wait_front(0, 2);\ncb_pop_front(0, 2); }\n}\n",
        HEADER "void kernel_main(void) {\ncb_wait_front(16, 1);\n}\n");
    h.launch.locate = locate;
    h.launch.locate_context = (void *)"source.tl";
    for (uint64_t seed = 0; seed < 4; ++seed) {
        device_free(h.device);
        h.device = device_create(architecture_find("n150"), &(struct device_options){.seed = seed});
        harness_expect(
            &h,
            "deadlock: core (0,1) compute waits at compute.c:4 (source.tl:41) in cb_wait_front at i = 1 for 2 full pages of a: 1 of 2 pages are full; so do 2 more cores\n"
            "core (0,1) writer waits at writer.c:3 (source.tl:32) in cb_wait_front for 1 full page of c: 0 of 2 pages are full; so do 2 more cores\n"
     "help: who waits must be served: by as many pages pushed or popped before, in this order");
        ck_assert_int_eq(h.fault.kind, DEVICE_FAULT_DEADLOCK);
        ck_assert_int_eq(h.fault.role, DEVICE_COMPUTE);
        ck_assert_uint_eq(h.fault.line, 4);
    }
    harness_end(&h);
}
END_TEST

START_TEST(fault_carries_the_source_place) {
    struct harness h;
    empty(&h);
    h.launch.locate = locate;
    h.launch.locate_context = (void *)"source.tl";
    harness_kernels(&h, HEADER "void kernel_main(void) {\nget_arg_val(uint32_t, 0);\n}\n", NULL, NULL);
    harness_expect(
        &h,
        "core (0,0) reader, reader.c:3 (source.tl:30), get_arg_val: reads runtime argument 0, but the launch gives this core 0");
    harness_end(&h);
}
END_TEST

/* Two cores write one page; or one reads what another writes: found whatever the order of threads. */
START_TEST(races_between_cores_are_found_in_every_order) {
    static const char *const reader =
        HEADER "void kernel_main(void) {\nconst TensorAccessor T = tensor_accessor(0, 64);\n"
               "cb_reserve_back(0, 1); noc_async_read_page(get_arg_val(uint32_t, 0), T, get_write_ptr(0));\n"
               "noc_async_read_barrier(); cb_push_back(0, 1);\n}\n";
    static const char *const writer =
        HEADER "void kernel_main(void) {\nconst TensorAccessor T = tensor_accessor(0, 64);\n"
               "cb_wait_front(0, 1); noc_async_write_page(get_arg_val(uint32_t, 1), T, get_read_ptr(0));\n"
               "noc_async_write_barrier(); cb_pop_front(0, 1);\n}\n";
    static const uint32_t pages[3][2][2] = {{{0, 2}, {1, 2}}, {{0, 1}, {1, 3}}, {{0, 2}, {1, 3}}};
    uint8_t bytes[4 * 2048] = {0};
    for (int i = 0; i < 3; ++i) {
        for (uint64_t seed = 0; seed < 6; ++seed) {
            struct harness h;
            harness_begin(&h, "n150", seed);
            struct device_tensor *tensor = device_tensor_allocate(h.device, "T", FORMAT_BF16, 4);
            ck_assert(device_tensor_write(tensor, 0, 4, bytes));
            harness_bind(&h, DEVICE_READER, tensor);
            harness_bind(&h, DEVICE_WRITER, tensor);
            harness_buffer(&h, 0, "a", FORMAT_BF16, 2);
            harness_core(&h, 0, 0, pages[i][0], 2);
            harness_core(&h, 1, 0, pages[i][1], 2);
            harness_kernels(&h, reader, NULL, writer);
            bool good = device_run(h.device, &h.launch, &h.fault, NULL);
            ck_assert_int_eq(good, i == 2);
            if (!good)
                ck_assert_msg(strstr(h.fault.message, "in the same launch") != NULL, "%s", h.fault.message);
            harness_end(&h);
        }
    }
}
END_TEST

START_TEST(tensors_hold_what_was_written_within_their_pages) {
    struct device *device = device_create(architecture_find("p150"), NULL);
    uint8_t page[4096], back[4096];
    struct device_tensor *a = device_tensor_allocate(device, "a", FORMAT_F32, 20);
    struct device_tensor *b = device_tensor_allocate(device, "b", FORMAT_BF16, 1);
    ck_assert_uint_eq(device_tensor_address(a) % 64, 0);
    ck_assert_uint_ne(device_tensor_address(a), device_tensor_address(b));
    memset(page, 0x5a, sizeof page);
    ck_assert(device_tensor_write(a, 19, 1, page));
    ck_assert(!device_tensor_write(a, 20, 1, page));
    ck_assert(!device_tensor_write(a, 0, 21, page));
    ck_assert(device_tensor_read(a, 19, 1, back));
    ck_assert_mem_eq(page, back, sizeof page);
    ck_assert(!device_tensor_read(a, 18, 1, back));
    uint32_t address = device_tensor_address(a);
    device_tensor_free(device, a);
    a = device_tensor_allocate(device, "c", FORMAT_BF16, 40);
    ck_assert_uint_eq(device_tensor_address(a), address);
    ck_assert_ptr_null(device_tensor_allocate(device, "huge", FORMAT_F32, (uint64_t)1 << 40));
    ck_assert_ptr_null(device_create(architecture_find("n150"), &(struct device_options){.grid_x = 9}));
    device_free(device);
}
END_TEST

/* A thousand launches in one process, faults among them, leave nothing behind. */
START_TEST(launches_leave_nothing_behind) {
    struct harness h;
    empty(&h);
    harness_kernels(&h, HEADER "void kernel_main(void) { cb_reserve_back(0, 1); cb_push_back(0, 1); }\n",
                    HEADER "void kernel_main(void) { cb_wait_front(0, 1); cb_pop_front(0, 1); }\n",
                    HEADER "void kernel_main(void) { }\n");
    for (int i = 0; i < 1000; ++i) {
        h.buffers[0].pages = i % 3 == 0 ? 0 : 2;
        ck_assert_int_eq(device_run(h.device, &h.launch, &h.fault, &h.statistics), i % 3 != 0);
    }
    harness_end(&h);
}
END_TEST

START_TEST(an_endless_kernel_is_stopped) {
    struct harness h;
    empty(&h);
    device_free(h.device);
    h.device = device_create(architecture_find("n150"), &(struct device_options){.step_limit = 1000});
    harness_kernels(&h,
                    HEADER "void kernel_main(void) {\nfor (;;) {\ncb_reserve_back(0, 1);\n"
                           "cb_push_back(0, 1); cb_wait_front(0, 1); cb_pop_front(0, 1); }\n}\n",
                    NULL, NULL);
    harness_expect(
        &h,
        "core (0,0) reader, reader.c:5, cb_pop_front: the launch makes more than 1000 calls and iterations of loops");
    harness_end(&h);
}
END_TEST

/* Another compiler gives the same results and the same faults. */
START_TEST(another_compiler_gives_the_same_results) {
    struct harness h;
    empty(&h);
    device_free(h.device);
    h.device = device_create(architecture_find("n150"), &(struct device_options){.compiler = "cc"});
    harness_kernels(&h, HEADER "void kernel_main(void) {\ncb_reserve_back(0, 1);\ncb_push_back(0, 2);\n}\n",
                    NULL, NULL);
    harness_expect(
        &h, "core (0,0) reader, reader.c:4, cb_push_back: pushes 2 of the pages of a, with 1 reserved");
    harness_kernels(&h, HEADER "void kernel_main(void) {\ncb_reserve_back(0, 1);\ncb_push_back(0, 1);\n}\n",
                    NULL, NULL);
    harness_run(&h);
    ck_assert_uint_eq(h.statistics.calls, 2);
    harness_kernels(&h, HEADER "void kernel_main(void) { int unused; }\n", NULL, NULL);
    ck_assert(!device_run(h.device, &h.launch, &h.fault, NULL));
    ck_assert_int_eq(h.fault.kind, DEVICE_FAULT_COMPILE);
    ck_assert_msg(strstr(h.fault.message, "unused") != NULL, "%s", h.fault.message);
    harness_end(&h);
}
END_TEST

/* The header's macro of this name takes so many arguments. */
START_TEST(header_has_every_call) {
    char define[128];
    const struct device_call *call = &device_calls[_i];
    snprintf(define, sizeof define, "#define %s(", call->name);
    const char *at = strstr(device_runtime_header, define);
    ck_assert_msg(at != NULL, "%s is missing", call->name);
    at += strlen(define);
    int arguments = *at != ')';
    for (; *at != ')'; ++at)
        arguments += *at == ',';
    ck_assert_msg(arguments == call->count, "%s takes %d arguments, not %d", call->name, arguments,
                  call->count);
}
END_TEST

START_TEST(header_has_every_word) {
    char line[64];
    for (size_t i = 0; i < call_word_count; ++i) {
        bool type = call_words[i].kind == PARAMETER_TYPE;
        snprintf(line, sizeof line, type ? "typedef unsigned int %s;" : "    %s = ", call_words[i].word);
        ck_assert_msg(strstr(device_runtime_header, line) != NULL, "%s is missing", call_words[i].word);
    }
}
END_TEST

/* Kernels that use every call compile with a strict C compiler too: what the header alone declares is enough.
 */
START_TEST(the_header_declares_every_call_strictly) {
    struct harness h;
    empty(&h);
    device_free(h.device);
    h.device = device_create(architecture_find("n150"),
                             &(struct device_options){.compiler = "cc -Wextra -Wpedantic"});
    static char text[32768];
    size_t used = (size_t)snprintf(text, sizeof text,
                                   HEADER "void kernel_main(void) {\nif (0) {\n"
                                          "const TensorAccessor A = tensor_accessor(0, 0);\n");
    for (size_t i = 1; i < DEVICE_CALL_END; ++i) {
        const struct device_call *call = &device_calls[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "(void)%s(", call->name);
        for (size_t j = 0; j < call->count; ++j)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", j ? ", " : "",
                                     call_parameter(call, j)->class == CLASS_ACCESSOR ? "A"
                                     : call->parameters[j] == PARAMETER_TYPE          ? "uint32_t"
                                                                                      : "0");
        used += (size_t)snprintf(text + used, sizeof text - used, ");\n");
    }
    snprintf(text + used, sizeof text - used, "}\n}\n");
    harness_kernels(&h, text, NULL, NULL);
    harness_run(&h);
    harness_end(&h);
}
END_TEST

START_TEST(equal_texts_are_compiled_once) {
    static const char idle[] = HEADER "void kernel_main(void) {}\n",
                      other[] = HEADER "\nvoid kernel_main(void) {}\n";
    struct harness h;
    empty(&h);
    harness_kernels(&h, idle, other, idle);
    harness_run(&h);
    ck_assert_uint_eq(h.statistics.kernels_compiled, 2);
    harness_run(&h);
    ck_assert_uint_eq(h.statistics.kernels_compiled, 0);
    harness_kernels(&h, other, NULL, HEADER "void kernel_main(void) { ; }\n");
    harness_run(&h);
    ck_assert_uint_eq(h.statistics.kernels_compiled, 1);
    harness_end(&h);
}
END_TEST

/* Far more texts than a device keeps: the first is compiled again, the last ones are not. */
START_TEST(codes_that_are_not_used_are_given_back) {
    enum { TEXTS = 600 };
    char text[128];
    struct harness h;
    empty(&h);
    for (int turn = 0; turn < TEXTS + 2; ++turn) {
        int number = turn < TEXTS ? turn : turn == TEXTS ? TEXTS - 1 : 0;
        snprintf(text, sizeof text, HEADER "void kernel_main(void) { enum { number = %d }; }\n", number);
        harness_kernels(&h, text, NULL, NULL);
        harness_run(&h);
        ck_assert_uint_eq(h.statistics.kernels_compiled, turn != TEXTS);
    }
    harness_end(&h);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("launch");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, buffers_beyond_l1_are_refused);
    tcase_add_test(tests, buffers_and_cores_that_do_not_exist_are_refused);
    tcase_add_loop_test(tests, a_kernel_that_does_not_compile_is_told_with_its_line, 0,
                        (int)(sizeof compile_errors / sizeof compile_errors[0]));
    tcase_add_test(tests, a_deadlock_names_every_core_that_waits);
    tcase_add_test(tests, fault_carries_the_source_place);
    tcase_add_test(tests, races_between_cores_are_found_in_every_order);
    tcase_add_test(tests, tensors_hold_what_was_written_within_their_pages);
    tcase_add_test(tests, launches_leave_nothing_behind);
    tcase_add_test(tests, equal_texts_are_compiled_once);
    tcase_add_test(tests, codes_that_are_not_used_are_given_back);
    tcase_add_test(tests, an_endless_kernel_is_stopped);
    tcase_add_test(tests, another_compiler_gives_the_same_results);
    tcase_add_loop_test(tests, header_has_every_call, 1, DEVICE_CALL_END);
    tcase_add_test(tests, header_has_every_word);
    tcase_add_test(tests, the_header_declares_every_call_strictly);
    return harness_main("sim launch", tests);
}
