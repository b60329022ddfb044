/* plan.json: what a launch of the kernel needs, and where every line of the emitted files comes from. Sizes
 * that are open stand as expressions in the spelling of the IR's text form.
 */
#include "codegen/print.h"

#include <string.h>

#include "codegen/json.h"
#include "codegen/plan_check.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/format.h"
#include "ir/launch.h"
#include "support/text_buffer.h"

enum { DESCRIPTOR_DEPTH = 12 };

struct plan {
    const struct kernel_source *source;
    struct json json;
};

/* ---- attributes as JSON ---- */

static void print_value(struct plan *plan, const char *key, struct node *value, int depth) {
    struct json *json = &plan->json;
    int64_t number;
    if (integer_value(value, &number)) {
        json_integer(json, key, number);
    } else if (value->kind == NODE_SEQUENCE && depth < DESCRIPTOR_DEPTH) {
        struct node_list items = node_as(value, sequence)->items;
        json_array(json, key, true);
        for (size_t i = 0; i < items.count; i++)
            print_value(plan, NULL, items.items[i], depth + 1);
        json_end(json);
    } else if (value->kind == NODE_DICTIONARY && depth < DESCRIPTOR_DEPTH) {
        struct node_list entries = node_as(value, dictionary)->entries;
        json_object(json, key, true);
        for (size_t i = 0; i < entries.count; i++)
            print_value(plan, node_as(entries.items[i], attribute)->key,
                        node_as(entries.items[i], attribute)->value, depth + 1);
        json_end(json);
    } else if (value->kind == NODE_TEXT) {
        json_string(json, key, node_as(value, text)->value);
    } else {
        json_string(json, key, node_text(plan->source->arena, value));
    }
}

static void print_attribute(struct plan *plan, const char *key, const char *attribute) {
    struct node *value = attribute_get(&plan->source->kernel->base, attribute);
    if (value)
        print_value(plan, key, value, 0);
}

/* ---- parts ---- */

static void print_parameters(struct plan *plan) {
    struct json *json = &plan->json;
    struct node_list parameters = plan->source->kernel->parameters;
    json_object(json, "layouts", false);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct node *buffer = attribute_get(&parameter->base, KEY_TT_BUFFER);
        struct node_list entries = buffer && buffer->kind == NODE_DICTIONARY
                                       ? node_as(buffer, dictionary)->entries
                                       : (struct node_list){0};
        if (!parameter->dimensions.count)
            continue;
        json_object(json, parameter->name, true);
        json_string(json, "direction", word_text(WORDS_direction, parameter->direction));
        json_array(json, "shape", true);
        for (size_t j = 0; j < parameter->dimensions.count; j++)
            print_value(plan, NULL, parameter->dimensions.items[j], 0);
        json_end(json);
        for (size_t j = 0; j < entries.count; j++)
            print_value(plan, node_as(entries.items[j], attribute)->key,
                        node_as(entries.items[j], attribute)->value, 0);
        json_end(json);
    }
    json_end(json);
}

static void print_scalars(struct plan *plan) {
    struct json *json = &plan->json;
    struct node_list parameters = plan->source->kernel->parameters;
    json_object(json, "scalars", false);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count)
            continue;
        json_object(json, parameter->name, true);
        json_string(json, "dtype", word_text(WORDS_dtype, parameter->dtype));
        if (parameter->value)
            print_value(plan, "default", parameter->value, 0);
        json_end(json);
    }
    json_end(json);
}

static void print_runtime_arguments(struct plan *plan) {
    const struct node_dictionary *arguments = launch_argument_list(&plan->source->kernel->base);
    struct json *json = &plan->json;
    json_array(json, "runtime_args", false);
    for (size_t i = 0; arguments && i < arguments->entries.count; i++) {
        struct node_attribute *entry = node_as(arguments->entries.items[i], attribute);
        json_object(json, NULL, true);
        json_string(json, "name", entry->key);
        json_string(json, "type", "uint32");
        json_integer(json, "offset", (int64_t)(i * sizeof(uint32_t)));
        print_value(plan, "value", entry->value, 0);
        json_end(json);
    }
    json_end(json);
}

static void print_buffers(struct plan *plan) {
    struct json *json = &plan->json;
    json_array(json, "circular_buffers", false);
    for (size_t i = 0; i < plan->source->buffers.count; i++) {
        struct node_circular_buffer *buffer = node_as(plan->source->buffers.items[i], circular_buffer);
        struct node *cb = attribute_get(&buffer->base, KEY_TT_CB);
        struct node_list entries =
            cb && cb->kind == NODE_DICTIONARY ? node_as(cb, dictionary)->entries : (struct node_list){0};
        json_object(json, NULL, true);
        json_integer(json, "id", buffer->id);
        json_string(json, "name", buffer->name);
        print_value(plan, "pages", buffer->pages, 0);
        for (size_t j = 0; j < entries.count; j++)
            print_value(plan, node_as(entries.items[j], attribute)->key,
                        node_as(entries.items[j], attribute)->value, 0);
        json_end(json);
    }
    json_end(json);
}

/* Of kernels whose cores exchange data. */
static void print_semaphores(struct plan *plan) {
    struct json *json = &plan->json;
    if (!plan->source->semaphores.count)
        return;
    json_array(json, "semaphores", false);
    for (size_t i = 0; i < plan->source->semaphores.count; i++) {
        struct node_semaphore *semaphore = node_as(plan->source->semaphores.items[i], semaphore);
        json_object(json, NULL, true);
        json_integer(json, "id", semaphore->id);
        json_string(json, "name", semaphore->name);
        json_integer(json, "initial", attribute_integer(semaphore->initial, 0));
        json_end(json);
    }
    json_end(json);
}

/* ---- the work of every core ---- */

struct work {
    struct node_list extents; /* blocks along each grid axis */
    bool fixed;               /* all of them are numbers, and few enough to list */
    int64_t total;
    struct node *blocks; /* their product */
    uint32_t grid_x, grid_y;
};

static bool find_work(const struct kernel_source *source, struct work *work) {
    struct node_sequence *extents =
        node_as(attribute_get(&source->kernel->base, KEY_TT_GRID_BLOCKS), sequence);
    struct node_sequence *grid = node_as(attribute_get(&source->kernel->base, KEY_TT_CORE_GRID), sequence);
    if (!extents || !grid || grid->items.count != 2)
        return false;
    *work = (struct work){.extents = extents->items,
                          .fixed = true,
                          .total = 1,
                          .blocks = make_integer(source->arena, 1),
                          .grid_x = (uint32_t)attribute_integer(grid->items.items[0], 0),
                          .grid_y = (uint32_t)attribute_integer(grid->items.items[1], 0)};
    for (size_t i = 0; i < work->extents.count; i++) {
        struct node *extent = simplify(source->arena, work->extents.items[i]);
        int64_t number;
        work->blocks = make_mul(source->arena, work->blocks, extent);
        work->fixed = work->fixed && integer_value(extent, &number) && number >= 0 &&
                      !__builtin_mul_overflow(work->total, number, &work->total) &&
                      work->total <= PLAN_BLOCK_LIMIT;
    }
    return work->grid_x > 0 && work->grid_y > 0;
}

/* One block by its indices: io and jo along the last two grid axes, outer along those before. */
static void print_block(struct plan *plan, const int64_t *indices, size_t count) {
    struct json *json = &plan->json;
    json_object(json, NULL, true);
    json_integer(json, "io", count > 1 ? indices[count - 2] : indices[0]);
    json_integer(json, "jo", count > 1 ? indices[count - 1] : 0);
    if (count > 2) {
        json_array(json, "outer", true);
        for (size_t i = 0; i + 2 < count; i++)
            json_integer(json, NULL, indices[i]);
        json_end(json);
    }
    json_end(json);
}

/* Consecutive blocks along each grid axis. */
struct block_range {
    int64_t first, count;
};

/* Is the axis before the last counted first? */
static bool is_column_major(const struct plan *plan) {
    struct node *schedule = attribute_get(&plan->source->kernel->base, KEY_TT_SCHEDULE);
    return strcmp(attribute_word(dictionary_get(schedule, KEY_ORDER), ""), "column_major") == 0;
}

/* The blocks from number `start` of those in the ranges, counted as the kernel counts them. */
static void print_blocks(struct plan *plan, const struct block_range *ranges, size_t axes, int64_t start,
                         int64_t count) {
    int64_t indices[TENSOR_RANK_LIMIT] = {0};
    bool turned = axes > 1 && is_column_major(plan);
    for (int64_t block = start; block < start + count; block++) {
        int64_t rest = block;
        for (size_t n = axes; n-- > 0;) {
            size_t i = turned && n + 2 >= axes ? 2 * axes - 3 - n : n;
            indices[i] = ranges[i].first + rest % ranges[i].count;
            rest /= ranges[i].count;
        }
        print_block(plan, indices, axes);
    }
}

/* ---- blocks that belong to places of cores: of shards, or of a plane ---- */

struct core_place {
    struct arena *arena;
    uint32_t x, y;
};

static struct node *at_core(struct node *node, void *context) {
    struct core_place *place = context;
    struct node_call *call = node_as(node, call);
    if (call && strcmp(call->function, "core_x") == 0)
        return make_integer(place->arena, place->x);
    if (call && strcmp(call->function, "core_y") == 0)
        return make_integer(place->arena, place->y);
    return node_map_children(place->arena, node, at_core, place);
}

static int64_t entry_of_pair(const struct plan *plan, const char *key, size_t index, int64_t fallback) {
    struct node_sequence *pair = node_as(attribute_get(&plan->source->kernel->base, key), sequence);
    return pair && index < pair->items.count
               ? attribute_integer(simplify(plan->source->arena, pair->items.items[index]), fallback)
               : fallback;
}

/* Where a core stands along rows, PLANE_SY, or columns, PLANE_SX: shards may be laid by columns. */
static int64_t place_number(const struct plan *plan, size_t axes, struct core_place *place,
                            enum plane_position position) {
    const struct node *kernel = &plan->source->kernel->base;
    struct node_list arguments = launch_argument_list(kernel)->entries;
    size_t tiles = attribute_get(kernel, KEY_TT_CORE_PLANE) ? 0 : SHARD_TILES;
    size_t index = RUNTIME_OUTER + (axes > 2 ? axes - 2 : 0) + tiles + position;
    struct node *value = index < arguments.count ? node_as(arguments.items[index], attribute)->value : NULL;
    return attribute_integer(value ? simplify(place->arena, at_core(value, place)) : NULL, 0);
}

/* Narrows the ranges to the blocks of a core. Rows of cores share one axis, columns another; one axis along
 * both fills a row after the other. */
static void narrow_to_place(const struct plan *plan, size_t grid_axes, struct core_place *place,
                            struct block_range *ranges) {
    int64_t rows = entry_of_pair(plan, KEY_TT_PLANE_AXES, 0, -1),
            columns = entry_of_pair(plan, KEY_TT_PLANE_AXES, 1, -1);
    int64_t y = place_number(plan, grid_axes, place, PLANE_SY),
            x = place_number(plan, grid_axes, place, PLANE_SX);
    int64_t width = entry_of_pair(plan, KEY_TT_CORE_PLANE, 1, INT32_MAX);
    bool single = rows >= 0 && rows == columns;
    for (size_t d = 0; d < (single ? 1 : 2); d++) {
        int64_t axis = d == 0 ? rows : columns, each = entry_of_pair(plan, KEY_TT_PLANE_BLOCKS, d, 0);
        int64_t at = single ? y * width + x : d == 0 ? y : x;
        if (axis < 0)
            continue;
        struct block_range *range = &ranges[axis];
        int64_t left = x < width ? range->count - at * each : 0;
        *range = (struct block_range){at * each, left < 0 ? 0 : left < each ? left : each};
    }
}

static void print_placed_blocks(struct plan *plan, const struct work *work, struct core_place *place) {
    struct block_range ranges[TENSOR_RANK_LIMIT];
    int64_t count = 1;
    for (size_t i = 0; i < work->extents.count; i++)
        ranges[i] =
            (struct block_range){0, attribute_integer(simplify(place->arena, work->extents.items[i]), 0)};
    narrow_to_place(plan, work->extents.count, place, ranges);
    for (size_t i = 0; i < work->extents.count; i++)
        count *= ranges[i].count;
    print_blocks(plan, ranges, work->extents.count, 0, count);
}

/* Where sizes are open: how many blocks the core runs. */
static void print_open_place(struct plan *plan, const struct work *work, struct core_place *place) {
    const struct node_dictionary *arguments = launch_argument_list(&plan->source->kernel->base);
    struct node *count = node_as(arguments->entries.items[RUNTIME_COUNT], attribute)->value;
    json_object(&plan->json, NULL, true);
    json_integer(&plan->json, "sy", place_number(plan, work->extents.count, place, PLANE_SY));
    json_integer(&plan->json, "sx", place_number(plan, work->extents.count, place, PLANE_SX));
    print_value(plan, "count", simplify(place->arena, at_core(count, place)), 0);
    json_end(&plan->json);
}

static bool is_placed(const struct plan *plan) {
    return attribute_get(&plan->source->kernel->base, KEY_TT_PLANE_AXES) != NULL;
}

/* ---- shares of all blocks ---- */

static void print_share(struct plan *plan, const struct work *work, struct launch_share share) {
    struct block_range ranges[TENSOR_RANK_LIMIT];
    for (size_t i = 0; i < work->extents.count; i++)
        ranges[i] = (struct block_range){
            0, attribute_integer(simplify(plan->source->arena, work->extents.items[i]), 0)};
    print_blocks(plan, ranges, work->extents.count, (int64_t)share.start, (int64_t)share.count);
}

/* The rule of launch_share, on the entries `blocks` and `blocks_per_core`. */
struct open_share open_share(struct arena *arena, uint32_t core) {
    struct node *blocks = make_reference(arena, "blocks"), *each = make_reference(arena, "blocks_per_core");
    struct node *start = make_min(arena, make_mul(arena, make_integer(arena, core), each), blocks);
    struct node *count = make_min(arena, each, make_sub(arena, blocks, make_reference(arena, "start")));
    return (struct open_share){node_text(arena, start), node_text(arena, count)};
}

static void print_open_share(struct plan *plan, uint32_t core) {
    struct open_share share = open_share(plan->source->arena, core);
    json_object(&plan->json, NULL, true);
    json_string(&plan->json, "start", share.start);
    json_string(&plan->json, "count", share.count);
    json_end(&plan->json);
}

static void print_core(struct plan *plan, const struct work *work, uint32_t core) {
    struct core_place place = {plan->source->arena, core % work->grid_x, core / work->grid_x};
    json_array(&plan->json, arena_printf(place.arena, "(%u,%u)", place.x, place.y), true);
    if (is_placed(plan) && work->fixed)
        print_placed_blocks(plan, work, &place);
    else if (is_placed(plan))
        print_open_place(plan, work, &place);
    else if (work->fixed)
        print_share(plan, work, launch_share((uint64_t)work->total, work->grid_x * work->grid_y, core));
    else
        print_open_share(plan, core);
    json_end(&plan->json);
}

static void print_partition(struct plan *plan, const struct work *work) {
    struct arena *arena = plan->source->arena;
    uint32_t cores = work->grid_x * work->grid_y;
    print_value(plan, "blocks", work->blocks, 0);
    if (is_placed(plan)) {
        print_attribute(plan, "shard_grid", KEY_TT_SHARD_GRID);
        print_attribute(plan, "local_shape_tiles", KEY_TT_LOCAL_SHAPE_TILES);
        print_attribute(plan, "core_plane", KEY_TT_CORE_PLANE);
    } else {
        print_value(plan, "blocks_per_core",
                    simplify(arena, make_ceildiv(arena, work->blocks, make_integer(arena, cores))), 0);
    }
    json_object(&plan->json, "work_partition", false);
    for (uint32_t core = 0; core < cores; core++)
        print_core(plan, work, core);
    json_end(&plan->json);
}

/* ---- places ---- */

static void print_places(struct plan *plan, const struct emitted_function *function) {
    struct json *json = &plan->json;
    json_object(json, function->file, false);
    for (size_t i = 0; i < function->line_count; i++) {
        const struct span *span = &function->lines[i].source;
        if (span->line)
            json_string(json, arena_printf(plan->source->arena, "%zu", i + 1),
                        arena_printf(plan->source->arena, "%u:%u-%u:%u", span->line, span->column,
                                     span->end_line, span->end_column));
    }
    json_end(json);
}

static void print_sites(struct plan *plan, const struct emitted_kernel *emitted) {
    json_object(&plan->json, "sites", false);
    for (enum target target = 0; target < TARGET_COUNT; target++)
        for (size_t role = 0; role < EMITTED_ROLES; role++)
            if (emitted->functions[target][role].text)
                print_places(plan, &emitted->functions[target][role]);
    json_end(&plan->json);
}

static void print_accessors(struct plan *plan, const struct emitted_kernel *emitted) {
    static const char *const names[EMITTED_ROLES] = {"reader", "compute", "writer"};
    json_object(&plan->json, "accessors", false);
    for (size_t role = 0; role < EMITTED_ROLES; role++) {
        json_array(&plan->json, names[role], true);
        for (size_t i = 0; i < emitted->accessors[role].count; i++)
            json_string(&plan->json, NULL, emitted->accessors[role].tensors[i]);
        json_end(&plan->json);
    }
    json_end(&plan->json);
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

/* How accessors walk a tensor, and the argument that binds them to it. */
static void print_binding(struct plan *plan, const struct node_parameter *parameter) {
    struct arena *arena = plan->source->arena;
    struct json *json = &plan->json;
    struct node *buffer = attribute_get(&parameter->base, KEY_TT_BUFFER),
                *shard = dictionary_get(buffer, KEY_ND_SHARD);
    struct node *total, *row = count_tiles(arena, parameter->dimensions, &total);
    uint32_t bytes = 0;
    device_format(parameter->dtype, &bytes);
    json_object(json, parameter->name, true);
    json_string(json, "layout_ref", parameter->name);
    json_string(json, "stride_mode", shard ? "sharded" : "tiled");
    print_value(plan, "tile_shape", dictionary_get(buffer, KEY_TILE_SHAPE), 0);
    print_value(plan, "tiles_per_row", row, 0);
    print_value(plan, "total_tiles", simplify(arena, total), 0);
    if (shard) {
        print_value(plan, "shard_tiles", dictionary_get(shard, KEY_PROJECTED_SHARD_TILES), 0);
        print_value(plan, "shard_grid", dictionary_get(shard, KEY_PROJECTED_GRID), 0);
    }
    json_object(json, "runtime_binding", true);
    json_integer(json, "runtime_arg_idx", address_argument(plan, parameter->name));
    json_integer(json, "base_offset", 0);
    json_integer(json, "tile_size_bytes", bytes);
    json_end(json);
    json_end(json);
}

static void print_bindings(struct plan *plan) {
    struct node_list parameters = plan->source->kernel->parameters;
    json_object(&plan->json, "bindings", false);
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count && attribute_get(&parameter->base, KEY_TT_BUFFER))
            print_binding(plan, parameter);
    }
    json_end(&plan->json);
}

const char *plan_print(const struct kernel_source *source, const struct emitted_kernel *emitted) {
    struct text_buffer out = {0};
    struct plan plan = {.source = source, .json = {.out = &out}};
    struct work work;
    if (!find_work(source, &work)) {
        report_error(source->diagnostics, source->kernel->base.span,
                     "internal error: kernel %s lacks %s or %s", source->kernel->name, KEY_TT_GRID_BLOCKS,
                     KEY_TT_CORE_GRID);
        return NULL;
    }
    json_object(&plan.json, NULL, false);
    json_integer(&plan.json, "schema_version", PLAN_SCHEMA_VERSION);
    json_string(&plan.json, "backend_version", "TT-Metalium 0.81");
    json_string(&plan.json, "kernel", source->kernel->name);
    json_string(&plan.json, "source", source->file);
    print_attribute(&plan, "partition_mode", KEY_TT_PARTITION_MODE);
    print_attribute(&plan, "core_grid", KEY_TT_CORE_GRID);
    print_attribute(&plan, "core_ranges", KEY_TT_CORE_RANGES);
    print_attribute(&plan, "core_map", KEY_TT_CORE_MAP);
    print_attribute(&plan, "grid_blocks", KEY_TT_GRID_BLOCKS);
    print_attribute(&plan, "grid_tiles", KEY_TT_GRID_TILES);
    print_partition(&plan, &work);
    print_parameters(&plan);
    print_scalars(&plan);
    print_runtime_arguments(&plan);
    print_buffers(&plan);
    print_semaphores(&plan);
    print_accessors(&plan, emitted);
    print_bindings(&plan);
    print_attribute(&plan, "compute", KEY_TT_COMPUTE);
    print_attribute(&plan, "verified", KEY_TT_VERIFIED);
    print_attribute(&plan, "checks", KEY_TT_CHECKS);
    print_sites(&plan, emitted);
    json_end(&plan.json);
    text_append(&out, "\n");
    const char *text = arena_string(source->arena, text_string(&out));
    text_free(&out);
    return text;
}
