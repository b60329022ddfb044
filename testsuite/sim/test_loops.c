/* Loops of kernels: every one is counted, wherever it stands in the text, and a fault tells where in its
 * loops the thread was; by the compiler within the process and by another one.
 */
#include "harness.h"

static void begin(struct harness *h, const char *compiler, uint64_t limit) {
    harness_begin(h, "n150", 0);
    device_free(h->device);
    h->device = device_create(architecture_find("n150"),
                              &(struct device_options){.compiler = compiler, .step_limit = limit});
    harness_buffer(h, 0, "a", FORMAT_BF16, 4);
    harness_core(h, 0, 0, NULL, 0);
}

static const char *const compilers[] = {NULL, "cc"};

/* ---- counting ---- */

#define MAIN HEADER "void kernel_main(void) {\n"

static const char *const endless[] = {
    MAIN "for (;;) { }\n}\n",
    MAIN "for (uint32_t i = 0; i < 2; i = 0) ;\n}\n",
    MAIN "uint32_t i = 0;\nwhile (i < 2)\ni ^= 1;\n}\n",
    MAIN "uint32_t i = 0;\ndo { i ^= 1; } while (i < 2);\n}\n",
    MAIN "uint32_t i = 0;\nfor (i = 0; ; ++i)\nif (i) { i = 0; } else i = 0;\n}\n",
    HEADER
    "static void spin(void) {\nwhile /* for (;;) */ (1) { }\n}\nvoid kernel_main(void) {\nspin();\n}\n",
};

START_TEST(a_loop_without_calls_is_stopped) {
    for (size_t i = 0; i < sizeof endless / sizeof *endless; ++i) {
        struct harness h;
        begin(&h, compilers[_i], 100000);
        harness_kernels(&h, endless[i], NULL, NULL);
        ck_assert(!device_run(h.device, &h.launch, &h.fault, NULL));
        ck_assert_msg(h.fault.kind == DEVICE_FAULT_LIMIT, "kernel %zu: %s", i, h.fault.message);
        harness_end(&h);
    }
}
END_TEST

/* What only looks like a loop, loops without braces, branches within and around them: all mean what they say. */
static const char odd[] = HEADER
    "// for (;;) {\n"
    "/* while (1) { \n for (;;) */\n"
    "#define TWICE for (uint32_t t = 0; t < 2; ++t)\n"
    "#define LONG while \\\n (1)\n"
    "static uint32_t format(uint32_t forward) { return forward; }\n"
    /* Nothing comes behind them. */
    "static uint32_t first_above(uint32_t n) { for (uint32_t i = n;; ++i) if (i > n) return i; }\n"
    "static uint32_t third(void) { uint32_t i = 0; while (1) { if (++i == 3) return i; } }\n"
    "void kernel_main(void) {\n"
    "uint32_t sum = 0;\n"
    "const char *text = \"for (;;) while (\\\") {\";\n"
    "const char quote = '\"', open = '(';\n"
    "if (text[0] == 'f') for (uint32_t i = 0, j = 3; i < j; ++i) if (i == 1) sum += 10; else sum += 1; else sum = 0;\n"
    "TWICE sum += 100;\n"
    "for (uint32_t i = format((2)); /* ; */ i > 0 && (i < 9); --i)\n for (const char *c = \"ab\"; *c; ++c) sum += 1000;\n"
    "uint32_t k = 0; do if (k == 1) break; else continue; while (++k < 5);\n"
    "while (k-- > 0) { if (k) continue; sum += 10000; }\n"
    "for (int32_t n = -2; n < 0; ++n) { uint32_t while_ = 1; sum += while_ * 100000; }\n"
    "for (uint32_t i = 0; i++ < 3;) sum += 1000000 * i;\n"
    "sum += 10000000 * (first_above(1) + third());\n"
    "if (sum != 56214212 || quote != '\"' || open != '(') get_arg_val(uint32_t, sum);\n"
    "}\n";

START_TEST(wrapped_loops_mean_what_they_did) {
    struct harness h;
    begin(&h, compilers[_i], 0);
    harness_kernels(&h, odd, NULL, NULL);
    harness_run(&h);
    harness_end(&h);
}
END_TEST

/* ---- places ---- */

#define FAIL "get_arg_val(uint32_t, 9);\n"
#define FAILS(line, at)                                                                                      \
    "core (0,0) reader, reader.c:" #line ", get_arg_val" at                                                  \
    ": reads runtime argument 9, but the launch gives this core 0"

static const struct {
    const char *text, *expected;
} places[] = {
    {MAIN FAIL "}\n", FAILS(3, "")},
    {MAIN
     "for (uint32_t i = 5; i < 8; i += 2)\nfor (uint32_t j = 0; j < 4; ++j) {\nif (i == 7 && j == 2)\n" FAIL
     "}\n}\n",
     FAILS(6, " at i = 7, j = 2")},
    /* Behind a loop, and behind one that was left early. */
    {MAIN "for (uint32_t i = 0; i < 3; ++i) { }\nfor (uint32_t k = 4; k < 6; ++k) {\n" FAIL "}\n}\n",
     FAILS(5, " at k = 4")},
    {MAIN
     "for (uint32_t i = 0; i < 3; ++i) {\nfor (uint32_t j = 0; j < 3; ++j)\nif (j == 1) break;\nif (i == 0) continue;\n"
     "for (uint32_t j = 7; j < 9; ++j)\n if (j == 8) break;\n}\n" FAIL "}\n",
     FAILS(10, "")},
    /* In a function, with the loops around its call. */
    {HEADER
     "static void fill(uint32_t count) {\nfor (uint32_t word = 0; word < count; ++word)\nif (word == 6)\n" FAIL
     "}\n"
     "void kernel_main(void) {\nfor (uint32_t tid = 0; tid < 5; ++tid)\nfill(tid + 3);\n}\n",
     FAILS(5, " at tid = 4, word = 6")},
    /* What has no variable has no name; a condition is what counts. */
    {MAIN "uint32_t n = 0;\nwhile (n < 4) {\nfor (uint32_t i = 0; i < n; ++i)\nif (n == 3)\n" FAIL
          "++n; }\n}\n",
     FAILS(7, " at i = 0")},
    /* A condition may change the variable: it is what the iteration sees. */
    {MAIN "for (uint32_t i = 0; i++ < 5;)\nif (i == 3)\n" FAIL "}\n", FAILS(5, " at i = 3")},
};

START_TEST(a_fault_tells_the_loops_around_it) {
    for (size_t i = 0; i < sizeof compilers / sizeof *compilers; ++i) {
        struct harness h;
        begin(&h, compilers[i], 0);
        harness_kernels(&h, places[_i].text, NULL, NULL);
        harness_expect(&h, places[_i].expected);
        harness_end(&h);
    }
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("loops");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_loop_without_calls_is_stopped, 0, 2);
    tcase_add_loop_test(tests, wrapped_loops_mean_what_they_did, 0, 2);
    tcase_add_loop_test(tests, a_fault_tells_the_loops_around_it, 0, (int)(sizeof places / sizeof *places));
    return harness_main("sim loops", tests);
}
