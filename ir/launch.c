/* The parameters of a launch, its share of blocks, and the arguments of every core. */
#include "ir/launch.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"

struct node_list launch_parameters(const struct node *kernel) {
    return kernel->kind == NODE_PROGRAM ? ((const struct node_program *)kernel)->parameters
                                        : ((const struct node_kernel *)kernel)->parameters;
}

struct node_list launch_conditions(const struct node *kernel) {
    return kernel->kind == NODE_PROGRAM ? ((const struct node_program *)kernel)->conditions
                                        : ((const struct node_kernel *)kernel)->conditions;
}

struct node_list launch_tensors(struct arena *arena, const struct node *kernel) {
    struct node_list parameters = launch_parameters(kernel);
    struct list_builder tensors = {0};
    for (size_t i = 0; i < parameters.count; i++)
        if (node_as(parameters.items[i], parameter)->dimensions.count > 0)
            builder_add(arena, &tensors, parameters.items[i]);
    return builder_list(&tensors);
}

struct node_parameter *launch_parameter(const struct node *kernel, const char *name) {
    struct node_list parameters = launch_parameters(kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (strcmp(parameter->name, name) == 0)
            return parameter;
    }
    return NULL;
}

bool launch_noc_coordinates(const struct node *kernel, int64_t x, int64_t y, uint32_t noc[2]) {
    const struct node_sequence *map = node_as(attribute_get(kernel, KEY_TT_CORE_MAP), sequence);
    if (!map) {
        noc[0] = (uint32_t)x;
        noc[1] = (uint32_t)y;
        return true;
    }
    for (size_t i = 0; i < map->items.count; i++) {
        const struct node_sequence *row = node_as(map->items.items[i], sequence);
        if (!row || row->items.count != 4 || attribute_integer(row->items.items[0], -1) != x ||
            attribute_integer(row->items.items[1], -1) != y)
            continue;
        noc[0] = (uint32_t)attribute_integer(row->items.items[2], 0);
        noc[1] = (uint32_t)attribute_integer(row->items.items[3], 0);
        return true;
    }
    return false;
}

struct launch_share launch_share(uint64_t blocks, uint32_t cores, uint32_t core) {
    uint64_t each = cores ? blocks / cores + (blocks % cores != 0) : 0;
    uint64_t start = each * core < blocks ? each * core : blocks;
    return (struct launch_share){start, blocks - start < each ? blocks - start : each};
}

static const struct node_sequence *sequence_attribute(struct diagnostics *diagnostics,
                                                      const struct node *kernel, const char *key) {
    struct node_sequence *sequence = node_as(attribute_get(kernel, key), sequence);
    if (!sequence)
        report_error(diagnostics, kernel->span, "the kernel has no %s: a launch needs it", key);
    return sequence;
}

bool launch_prepare(struct diagnostics *diagnostics, struct launch *launch) {
    const struct node_sequence *blocks = sequence_attribute(diagnostics, launch->kernel, KEY_TT_GRID_BLOCKS);
    const struct node_sequence *grid = sequence_attribute(diagnostics, launch->kernel, KEY_TT_CORE_GRID);
    if (!blocks || !grid)
        return false;
    int64_t total = 1, value, edges[2];
    for (size_t i = 0; i < blocks->items.count; i++) {
        if (!size_evaluate(diagnostics, launch->sizes, blocks->items.items[i], &value))
            return false;
        if (value < 0) {
            report_error(diagnostics, launch->kernel->span, "the grid has %" PRId64 " blocks along axis %zu",
                         value, i + 1);
            return false;
        }
        if (__builtin_mul_overflow(total, value, &total) || total > UINT32_MAX) {
            report_error(diagnostics, launch->kernel->span, "the grid has more than 2^32 blocks");
            return false;
        }
    }
    if (grid->items.count != 2 ||
        !size_evaluate(diagnostics, launch->sizes, grid->items.items[0], &edges[0]) ||
        !size_evaluate(diagnostics, launch->sizes, grid->items.items[1], &edges[1]) || edges[0] < 1 ||
        edges[1] < 1 || edges[0] > 1000 || edges[1] > 1000) {
        report_error(diagnostics, launch->kernel->span, "%s must be [x, y], the cores of a launch",
                     KEY_TT_CORE_GRID);
        return false;
    }
    launch->blocks = (uint64_t)total;
    launch->grid_x = (uint32_t)edges[0];
    launch->grid_y = (uint32_t)edges[1];
    return true;
}

const struct node_dictionary *launch_argument_list(const struct node *kernel) {
    return node_as(attribute_get(kernel, KEY_TT_RUNTIME_ARGS), dictionary);
}

static bool find_word(const struct launch_word *words, size_t count, const char *name, uint32_t *value) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].name, name) == 0) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

static bool address_argument(struct diagnostics *diagnostics, const struct launch *launch,
                             const struct node_call *call, int64_t *address) {
    uint32_t word;
    struct node_reference *tensor =
        call->arguments.count == 1 ? node_as(call->arguments.items[0], reference) : NULL;
    if (tensor && find_word(launch->addresses, launch->address_count, tensor->name, &word)) {
        *address = word;
        return true;
    }
    report_error(diagnostics, call->base.span, "%s: no tensor of the launch",
                 node_text(launch->sizes->arena, &call->base));
    return false;
}

static bool argument_value(struct diagnostics *diagnostics, const struct launch *launch,
                           const struct size_core *core, const struct node_attribute *entry, int64_t *value) {
    uint32_t word;
    struct node_call *call = node_as(entry->value, call);
    struct node_reference *reference = node_as(entry->value, reference);
    if (reference && find_word(launch->scalars, launch->scalar_count, reference->name, &word)) {
        *value = word;
        return true;
    }
    if (call && strcmp(call->function, "address") == 0)
        return address_argument(diagnostics, launch, call, value);
    if (!size_evaluate_on(diagnostics, launch->sizes, launch->kernel, core, entry->value, value))
        return false;
    if (*value < INT32_MIN || *value > UINT32_MAX) {
        report_error(diagnostics, launch->kernel->span,
                     "launch argument %s is %" PRId64 ", which does not fit 32 bits", entry->key, *value);
        return false;
    }
    return true;
}

bool launch_argument_value(struct diagnostics *diagnostics, const struct launch *launch, uint32_t core,
                           size_t position, int64_t *value) {
    const struct node_dictionary *list = launch_argument_list(launch->kernel);
    struct launch_share share = launch_share(launch->blocks, launch->grid_x * launch->grid_y, core);
    struct size_core place = {share.start, share.count, core % launch->grid_x, core / launch->grid_x};
    return argument_value(diagnostics, launch, &place, node_as(list->entries.items[position], attribute),
                          value);
}

bool launch_arguments(struct diagnostics *diagnostics, const struct launch *launch, uint32_t core,
                      uint32_t *arguments) {
    const struct node_dictionary *list = launch_argument_list(launch->kernel);
    for (size_t i = 0; list && i < list->entries.count; i++) {
        int64_t value;
        if (!launch_argument_value(diagnostics, launch, core, i, &value))
            return false;
        arguments[i] = (uint32_t)value;
    }
    return true;
}
