/* plan.json: what a launch of the kernel needs, and where every line of the emitted files comes from. Sizes
 * that are open stand as expressions in the spelling of the IR's text form.
 */
#include <stdio.h>
#include <string.h>

#include "codegen/plan.h"
#include "codegen/plan_check.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/format.h"
#include "ir/launch.h"
#include "ir/query.h"

enum { DESCRIPTOR_DEPTH = 12 };

/* ---- values ---- */

void plan_put(struct plan *plan, json_t *object, const char *key, json_t *value) {
    plan->failed |= json_object_set_new_nocheck(object, key, value) != 0;
}

void plan_add(struct plan *plan, json_t *array, json_t *value) {
    plan->failed |= json_array_append_new(array, value) != 0;
}

/* JSON is UTF-8, which the name of a file need not be: then '?' stands for what is no ASCII. */
static json_t *string_of(const struct plan *plan, const char *text) {
    json_t *value = json_string(text);
    if (value)
        return value;
    char *plain = arena_string(plan->source->arena, text);
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return json_string(plain);
}

static json_t *value_of(struct plan *plan, struct node *node, int depth);

static json_t *list_of_values(struct plan *plan, struct node_list nodes, int depth) {
    json_t *list = json_array();
    for (size_t i = 0; i < nodes.count; i++)
        plan_add(plan, list, value_of(plan, nodes.items[i], depth));
    return list;
}

static void put_entries(struct plan *plan, json_t *object, struct node *dictionary, int depth) {
    struct node_list entries = dictionary && dictionary->kind == NODE_DICTIONARY
                                   ? node_as(dictionary, dictionary)->entries
                                   : (struct node_list){0};
    for (size_t i = 0; i < entries.count; i++) {
        struct node_attribute *entry = node_as(entries.items[i], attribute);
        plan_put(plan, object, entry->key, value_of(plan, entry->value, depth));
    }
}

static json_t *value_of(struct plan *plan, struct node *node, int depth) {
    int64_t number;
    if (integer_value(node, &number))
        return json_integer(number);
    if (node->kind == NODE_SEQUENCE && depth < DESCRIPTOR_DEPTH)
        return list_of_values(plan, node_as(node, sequence)->items, depth + 1);
    if (node->kind == NODE_DICTIONARY && depth < DESCRIPTOR_DEPTH) {
        json_t *object = json_object();
        put_entries(plan, object, node, depth + 1);
        return object;
    }
    return string_of(plan, node->kind == NODE_TEXT ? node_as(node, text)->value
                                                   : node_text(plan->source->arena, node));
}

json_t *plan_value(struct plan *plan, struct node *node) {
    return value_of(plan, node, 0);
}

void plan_put_attribute(struct plan *plan, const char *key, const char *attribute) {
    struct node *value = attribute_get(&plan->source->kernel->base, attribute);
    if (value)
        plan_put(plan, plan->top, key, plan_value(plan, value));
}

/* ---- parts ---- */

static void put_parameters(struct plan *plan) {
    json_t *layouts = json_object();
    struct node_list parameters = plan->source->kernel->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!parameter->dimensions.count)
            continue;
        json_t *layout = json_object();
        plan_put(plan, layout, "direction", json_string(word_text(WORDS_direction, parameter->direction)));
        plan_put(plan, layout, "shape", list_of_values(plan, parameter->dimensions, 0));
        put_entries(plan, layout, attribute_get(&parameter->base, KEY_TT_BUFFER), 0);
        plan_put(plan, layouts, parameter->name, layout);
    }
    plan_put(plan, plan->top, "layouts", layouts);
}

static void put_scalars(struct plan *plan) {
    json_t *scalars = json_object();
    struct node_list parameters = plan->source->kernel->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count)
            continue;
        json_t *scalar = json_object();
        plan_put(plan, scalar, "dtype", json_string(word_text(WORDS_dtype, parameter->dtype)));
        if (parameter->value)
            plan_put(plan, scalar, "default", plan_value(plan, parameter->value));
        plan_put(plan, scalars, parameter->name, scalar);
    }
    plan_put(plan, plan->top, "scalars", scalars);
}

static void put_runtime_arguments(struct plan *plan) {
    const struct node_dictionary *arguments = launch_argument_list(&plan->source->kernel->base);
    json_t *list = json_array();
    for (size_t i = 0; arguments && i < arguments->entries.count; i++) {
        struct node_attribute *entry = node_as(arguments->entries.items[i], attribute);
        json_t *argument = json_object();
        plan_put(plan, argument, "name", json_string(entry->key));
        plan_put(plan, argument, "type", json_string("uint32"));
        plan_put(plan, argument, "offset", json_integer((json_int_t)(i * sizeof(uint32_t))));
        plan_put(plan, argument, "value", plan_value(plan, entry->value));
        plan_add(plan, list, argument);
    }
    plan_put(plan, plan->top, "runtime_args", list);
}

static void put_buffers(struct plan *plan) {
    json_t *list = json_array();
    for (size_t i = 0; i < plan->source->buffers.count; i++) {
        struct node_circular_buffer *buffer = node_as(plan->source->buffers.items[i], circular_buffer);
        json_t *entry = json_object();
        plan_put(plan, entry, "id", json_integer(buffer->id));
        plan_put(plan, entry, "name", json_string(buffer->name));
        plan_put(plan, entry, "pages", plan_value(plan, buffer->pages));
        put_entries(plan, entry, attribute_get(&buffer->base, KEY_TT_CB), 0);
        plan_add(plan, list, entry);
    }
    plan_put(plan, plan->top, "circular_buffers", list);
}

/* Of kernels whose cores exchange data. */
static void put_semaphores(struct plan *plan) {
    if (!plan->source->semaphores.count)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < plan->source->semaphores.count; i++) {
        struct node_semaphore *semaphore = node_as(plan->source->semaphores.items[i], semaphore);
        json_t *entry = json_object();
        plan_put(plan, entry, "id", json_integer(semaphore->id));
        plan_put(plan, entry, "name", json_string(semaphore->name));
        plan_put(plan, entry, "initial", json_integer(attribute_integer(semaphore->initial, 0)));
        plan_add(plan, list, entry);
    }
    plan_put(plan, plan->top, "semaphores", list);
}

static void put_accessors(struct plan *plan, const struct emitted_kernel *emitted) {
    static const char *const names[EMITTED_ROLES] = {"reader", "compute", "writer"};
    json_t *accessors = json_object();
    for (size_t role = 0; role < EMITTED_ROLES; role++) {
        json_t *tensors = json_array();
        for (size_t i = 0; i < emitted->accessors[role].count; i++)
            plan_add(plan, tensors, json_string(emitted->accessors[role].tensors[i]));
        plan_put(plan, accessors, names[role], tensors);
    }
    plan_put(plan, plan->top, "accessors", accessors);
}

/* The number of the launch argument that is a tensor's address; -1: there is none. */
static int64_t address_argument(const struct plan *plan, const char *tensor) {
    const struct node_dictionary *arguments = launch_argument_list(&plan->source->kernel->base);
    for (size_t i = 0; arguments && i < arguments->entries.count; i++) {
        struct node_call *call = node_as(node_as(arguments->entries.items[i], attribute)->value, call);
        struct node_reference *named =
            call && strcmp(call->function, "address") == 0 && call->arguments.count == 1
                ? node_as(call->arguments.items[0], reference)
                : NULL;
        if (named && strcmp(named->name, tensor) == 0)
            return (int64_t)i;
    }
    return -1;
}

/* Tiles along each dimension; a vector is one row. Returns the tiles of a row, and of the tensor in *total.
 */
static struct node *count_tiles(struct arena *arena, struct node_list dimensions, struct node **total) {
    struct node *row = NULL, *edge = make_integer(arena, TILE_EDGE);
    *total = make_integer(arena, 1);
    for (size_t i = 0; i < dimensions.count; i++) {
        row =
            i + 2 >= dimensions.count ? make_ceildiv(arena, dimensions.items[i], edge) : dimensions.items[i];
        *total = make_mul(arena, *total, row);
    }
    return simplify(arena, row);
}

static void put_tiles(struct plan *plan, json_t *binding, const struct node_parameter *parameter) {
    struct node *total, *row = count_tiles(plan->source->arena, parameter->dimensions, &total);
    plan_put(plan, binding, "tile_shape",
             plan_value(plan, dictionary_get(attribute_get(&parameter->base, KEY_TT_BUFFER), KEY_TILE_SHAPE)));
    plan_put(plan, binding, "tiles_per_row", plan_value(plan, row));
    plan_put(plan, binding, "total_tiles", plan_value(plan, simplify(plan->source->arena, total)));
}

/* Of pages that are rows: how many, and the bytes of their elements; the next begins where the device's alignment says. */
static void put_rows(struct plan *plan, json_t *binding, const struct node_parameter *parameter) {
    struct arena *arena = plan->source->arena;
    struct node *rows = make_integer(arena, 1);
    size_t last = parameter->dimensions.count - 1;
    uint32_t bytes = 0;
    device_format(parameter->dtype, &bytes);
    for (size_t i = 0; i < last; i++)
        rows = make_mul(arena, rows, parameter->dimensions.items[i]);
    struct node *row = make_mul(arena, parameter->dimensions.items[last], make_integer(arena, bytes / TILE_ELEMENTS));
    plan_put(plan, binding, "total_rows", plan_value(plan, simplify(arena, rows)));
    plan_put(plan, binding, "row_bytes", plan_value(plan, simplify(arena, row)));
}

/* How accessors walk a tensor, and the argument that binds them to it. */
static json_t *binding_of(struct plan *plan, const struct node_parameter *parameter) {
    struct node *buffer = attribute_get(&parameter->base, KEY_TT_BUFFER),
                *shard = dictionary_get(buffer, KEY_ND_SHARD);
    uint32_t bytes = 0;
    device_format(parameter->dtype, &bytes);
    json_t *binding = json_object(), *argument = json_object();
    plan_put(plan, binding, "layout_ref", json_string(parameter->name));
    bool rows = is_row_major(parameter);
    plan_put(plan, binding, "stride_mode", json_string(shard ? "sharded" : rows ? "row_major" : "tiled"));
    if (rows)
        put_rows(plan, binding, parameter);
    else
        put_tiles(plan, binding, parameter);
    if (shard) {
        plan_put(plan, binding, "shard_tiles",
                 plan_value(plan, dictionary_get(shard, KEY_PROJECTED_SHARD_TILES)));
        plan_put(plan, binding, "shard_grid", plan_value(plan, dictionary_get(shard, KEY_PROJECTED_GRID)));
    }
    plan_put(plan, argument, "runtime_arg_idx", json_integer(address_argument(plan, parameter->name)));
    plan_put(plan, argument, "base_offset", json_integer(0));
    if (!rows)
        plan_put(plan, argument, "tile_size_bytes", json_integer(bytes));
    plan_put(plan, binding, "runtime_binding", argument);
    return binding;
}

static void put_bindings(struct plan *plan) {
    json_t *bindings = json_object();
    struct node_list parameters = plan->source->kernel->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count && attribute_get(&parameter->base, KEY_TT_BUFFER))
            plan_put(plan, bindings, parameter->name, binding_of(plan, parameter));
    }
    plan_put(plan, plan->top, "bindings", bindings);
}

/* {"12": "7:9-7:20"}: where line 12 comes from. */
static json_t *places_of(struct plan *plan, const struct emitted_function *function) {
    json_t *places = json_object();
    for (size_t i = 0; i < function->line_count; i++) {
        const struct span *span = &function->lines[i].source;
        char line[24], place[64];
        if (!span->line)
            continue;
        snprintf(line, sizeof line, "%zu", i + 1);
        snprintf(place, sizeof place, "%u:%u-%u:%u", span->line, span->column, span->end_line,
                 span->end_column);
        plan_put(plan, places, line, json_string(place));
    }
    return places;
}

static void put_sites(struct plan *plan, const struct emitted_kernel *emitted) {
    json_t *sites = json_object();
    for (enum target target = 0; target < TARGET_COUNT; target++)
        for (size_t role = 0; role < EMITTED_ROLES; role++) {
            const struct emitted_function *function = &emitted->functions[target][role];
            if (function->text)
                plan_put(plan, sites, function->file, places_of(plan, function));
        }
    plan_put(plan, plan->top, "sites", sites);
}

static void put_all(struct plan *plan, const struct emitted_kernel *emitted) {
    const struct kernel_source *source = plan->source;
    plan_put(plan, plan->top, "schema_version", json_integer(PLAN_SCHEMA_VERSION));
    plan_put(plan, plan->top, "backend_version", json_string("TT-Metalium 0.81"));
    plan_put(plan, plan->top, "kernel", json_string(source->kernel->name));
    plan_put(plan, plan->top, "source", string_of(plan, source->file));
    plan_put_attribute(plan, "partition_mode", KEY_TT_PARTITION_MODE);
    plan_put_attribute(plan, "core_grid", KEY_TT_CORE_GRID);
    plan_put_attribute(plan, "core_ranges", KEY_TT_CORE_RANGES);
    plan_put_attribute(plan, "core_map", KEY_TT_CORE_MAP);
    plan_put_attribute(plan, "grid_blocks", KEY_TT_GRID_BLOCKS);
    plan_put_attribute(plan, "grid_tiles", KEY_TT_GRID_TILES);
    plan_put_work(plan);
    put_parameters(plan);
    put_scalars(plan);
    put_runtime_arguments(plan);
    put_buffers(plan);
    put_semaphores(plan);
    put_accessors(plan, emitted);
    put_bindings(plan);
    plan_put_attribute(plan, "compute", KEY_TT_COMPUTE);
    plan_put_attribute(plan, "verified", KEY_TT_VERIFIED);
    plan_put_attribute(plan, "checks", KEY_TT_CHECKS);
    plan_put_attribute(plan, "when_full", KEY_TT_WHEN_FULL);
    put_sites(plan, emitted);
}

const char *plan_print(const struct kernel_source *source, const struct emitted_kernel *emitted) {
    struct plan plan = {.source = source, .top = json_object()};
    put_all(&plan, emitted);
    const char *text = plan.failed ? NULL : plan_text(source->arena, plan.top);
    json_decref(plan.top);
    if (!text)
        report_error(source->diagnostics, source->kernel->base.span,
                     "internal error: kernel %s has no plan, or no %s and %s", source->kernel->name,
                     KEY_TT_GRID_BLOCKS, KEY_TT_CORE_GRID);
    return text;
}
