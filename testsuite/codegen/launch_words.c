/* The launch arguments that C computes, for comparison with those of host.py:
 *     launch_words FILE.ir KERNEL A=64x32 ... @A=4096 ... alpha=1.5
 * Shapes of tensors, @addresses, scalars. Prints `x y word word ...` for every core.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/launch.h"
#include "support/arena.h"
#include "support/file.h"
#include "support/text_buffer.h"

enum { LIMIT = 16, WORDS = 256 };

struct given {
    struct environment sizes;
    struct tensor_shape shapes[LIMIT];
    uint64_t extents[LIMIT][TENSOR_RANK_LIMIT];
    size_t shape_count;
    struct launch_word addresses[LIMIT], scalars[LIMIT];
    size_t address_count, scalar_count;
};

static void read_shape(struct given *given, const char *name, const char *text) {
    size_t rank = 0;
    uint64_t *extents = given->extents[given->shape_count];
    for (const char *at = text; rank < TENSOR_RANK_LIMIT; at++) {
        char *end;
        extents[rank++] = strtoull(at, &end, 10);
        if (*end != 'x')
            break;
        at = end;
    }
    given->shapes[given->shape_count++] = (struct tensor_shape){name, rank, extents};
}

static void read_given(struct arena *arena, struct given *given, struct node *kernel, const char *text) {
    const char *equals = strchr(text, '=');
    const char *name = equals ? arena_string_range(arena, text, (size_t)(equals - text)) : text;
    const char *value = equals ? equals + 1 : "";
    struct node_parameter *parameter = launch_parameter(kernel, name + (*name == '@'));
    if (!parameter || given->shape_count == LIMIT || given->address_count == LIMIT ||
        given->scalar_count == LIMIT) {
        fprintf(stderr, "launch_words: %s is no parameter\n", text);
        exit(2);
    }
    if (*name == '@') {
        given->addresses[given->address_count++] =
            (struct launch_word){name + 1, (uint32_t)strtoul(value, NULL, 10)};
    } else if (parameter->dimensions.count) {
        read_shape(given, name, value);
    } else if (parameter->dtype == DTYPE_F32 || parameter->dtype == DTYPE_BF16) {
        float number = strtof(value, NULL);
        struct launch_word word = {name, 0};
        memcpy(&word.value, &number, sizeof number);
        given->scalars[given->scalar_count++] = word;
    } else {
        environment_set(&given->sizes, name, strtoll(value, NULL, 10));
    }
}

static struct node *find_kernel(struct node *module, const char *name) {
    struct node_module *of = node_as(module, module);
    for (size_t i = 0; of && i < of->items.count; i++) {
        struct node_kernel *kernel = node_as(of->items.items[i], kernel);
        if (kernel && strcmp(kernel->name, name) == 0)
            return of->items.items[i];
    }
    return NULL;
}

static bool print_words(struct diagnostics *diagnostics, struct node *kernel, struct given *given) {
    struct launch launch = {.kernel = kernel,
                            .sizes = &given->sizes,
                            .addresses = given->addresses,
                            .scalars = given->scalars,
                            .address_count = given->address_count,
                            .scalar_count = given->scalar_count};
    const struct node_dictionary *list = launch_argument_list(kernel);
    uint32_t words[WORDS];
    if (!list || list->entries.count > WORDS ||
        !sizes_bind(diagnostics, &given->sizes, kernel, given->shapes, given->shape_count) ||
        !launch_prepare(diagnostics, &launch))
        return false;
    for (uint32_t core = 0; core < launch.grid_x * launch.grid_y; core++) {
        if (!launch_arguments(diagnostics, &launch, core, words))
            return false;
        printf("%u %u", core % launch.grid_x, core / launch.grid_x);
        for (size_t i = 0; i < list->entries.count; i++)
            printf(" %" PRIu32, words[i]);
        printf("\n");
    }
    return true;
}

int main(int count, char **arguments) {
    struct arena *arena = arena_create();
    struct diagnostics *diagnostics = diagnostics_create(arena);
    const char *error = "launch_words FILE.ir KERNEL NAME=VALUE ...";
    size_t length;
    char *text = count > 2 ? file_read(arena, arguments[1], &length, &error) : NULL;
    struct node *module = text ? module_read(arena, diagnostics,
                                             diagnostics_add_source(diagnostics, arguments[1], text, length))
                               : NULL;
    struct node *kernel = module ? find_kernel(module, arguments[2]) : NULL;
    struct given given = {.sizes = {.arena = arena}};
    for (int i = 3; kernel && i < count; i++)
        read_given(arena, &given, kernel, arguments[i]);
    bool printed = kernel && print_words(diagnostics, kernel, &given);
    if (!printed) {
        struct text_buffer messages = {0};
        diagnostics_print(diagnostics, SEVERITY_REMARK, false, &messages);
        fprintf(stderr, "%s%s\n", text_string(&messages), text ? "" : error);
        text_free(&messages);
    }
    arena_free(arena);
    return !printed;
}
