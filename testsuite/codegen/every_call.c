/* Prints a module in device form that makes every call of ir/intrinsics.def, one kernel for the calls of each
 * header: what codegen makes of it is checked against the real headers, so a row with a wrong header or a
 * wrong number of arguments fails there.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum role { ANY, DATA, COMPUTE };
enum result { STATEMENT, VALUE, NOC_ADDRESS };

struct row {
    const char *name;
    enum role role;
    enum result result;
    int templates, arguments;
    const char *header;
};

static const struct row rows[] = {
#define INTRINSIC(name, role, result, templates, arguments, header)                                          \
    {#name, role, result, templates, arguments, header},
#include "ir/intrinsics.def"
};

/* Arguments that are NoC addresses. */
static const struct {
    const char *name;
    int index;
    const char *maker;
} addresses[] = {
#define NOC_ARGUMENT(name, index, maker) {#name, index, #maker},
#include "ir/intrinsics.def"
};

/* Template arguments that a call takes, where it takes some. */
static const struct {
    const char *name, *words[3];
} choices[] = {
    {"get_arg_val", {"uint32_t"}},
    {"compute_kernel_hw_startup", {"REVERSE", "REGULAR"}},
    {"reconfig_data_format", {"REGULAR", "REVERSE"}},
    {"pack_tile", {"OUT_OF_ORDER"}},
    {"unary_bcast_init", {"ROW", "COL", "SCALAR"}},
    {"unary_bcast", {"ROW", "COL", "SCALAR"}},
    {"unary_bcast_uninit", {"ROW", "COL", "SCALAR"}},
    {"reduce_init", {"SUM, REDUCE_ROW", "SUM, REDUCE_COL", "MAX, REDUCE_ROW"}},
    {"reduce_tile", {"SUM, REDUCE_ROW", "SUM, REDUCE_COL", "MAX, REDUCE_ROW"}},
    {"where_tile", {"Float32", "Float16_b"}},
};

static int choice_of(const char *name) {
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (strcmp(choices[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int arguments_of(const char *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].arguments;
    return 0;
}

/* The argument of a call that is a NoC address, made in its place; false: it is a number. */
static bool print_address(const char *name, int index) {
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        if (addresses[i].index != index || strcmp(addresses[i].name, name) != 0)
            continue;
        printf("%s(1", addresses[i].maker);
        for (int j = 1; j < arguments_of(addresses[i].maker); j++)
            printf(", 1");
        printf(")");
        return true;
    }
    return false;
}

static void print_call(const struct row *row, const char *words, unsigned *fresh) {
    bool page = strstr(row->name, "_page") != NULL;
    printf("        ");
    if (row->result == VALUE)
        printf("let value_%u: u32 = ", (*fresh)++);
    printf("%s(%s", row->name, words);
    for (int i = 0; i < row->arguments; i++) {
        const char *argument = page && i == 0   ? "page(A, 1, 2)"
                               : page && i == 1 ? "A"
                               : i == 0         ? "cb_in"
                                                : "1";
        printf("%s", i || *words ? ", " : "");
        if (!print_address(row->name, i))
            printf("%s", argument);
    }
    printf(")\n");
}

static int print_row(const struct row *row, unsigned *fresh) {
    int choice = choice_of(row->name);
    if (!row->templates) {
        print_call(row, "", fresh);
        return 0;
    }
    if (choice < 0) {
        fprintf(stderr, "every_call: %s takes template arguments: name some in `choices`\n", row->name);
        return 1;
    }
    for (int i = 0; i < 3 && choices[choice].words[i]; i++)
        print_call(row, choices[choice].words[i], fresh);
    return 0;
}

/* The calls of a role that this header declares. */
static int print_function(const char *name, enum role role, const char *header) {
    unsigned fresh = 0;
    int failures = 0;
    printf("    function %s %s() {\n        constant cb_in = 0\n", name, name);
    if (role == DATA)
        printf("        accessor A at get_arg_val(uint32_t, 0) tiles [4, 4]\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((rows[i].role == ANY || rows[i].role == role) && rows[i].result != NOC_ADDRESS &&
            strcmp(rows[i].header, header) == 0)
            failures += print_row(&rows[i], &fresh);
    printf("    }\n");
    return failures;
}

/* A kernel for a header, named after it. */
static int print_kernel(const char *header) {
    int failures = 0;
    printf("\nkernel calls_");
    for (const char *at = header; *at; at++)
        putchar(strchr("/.", *at) ? '_' : *at);
    printf(
        "(in A: bf16[128, 128]) @{tt.core_grid = [1, 1], tt.core_ranges = [{start = [0, 0], extent = [1, 1]}], tt.grid_blocks = [1], tt.runtime_args = {start_id = start()}} {\n");
    failures += print_function("compute", COMPUTE, header);
    if (!*header)
        failures += print_function("reader", DATA, header) + print_function("writer", DATA, header);
    printf("}\n");
    return failures;
}

int main(void) {
    int failures = 0;
    printf("source \"every_call.tl\"\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && strcmp(rows[i].header, rows[j].header) != 0;
        failures += first ? print_kernel(rows[i].header) : 0;
    }
    return failures != 0;
}
