/* The plane of cores that send blocks: which axes lie along it, which buffers may be sent, and to whom. */
#include "transforms/core_plane.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"

const char *const multicast_group_names[GROUP_COUNT] = {
    [GROUP_NONE] = "none", [GROUP_ROW] = "row", [GROUP_COLUMN] = "column", [GROUP_PLANE] = "plane"};

enum multicast_group multicast_group_of(const struct node *multicast) {
    const char *word = attribute_word(dictionary_get(multicast, KEY_GROUP), "");
    for (size_t i = GROUP_ROW; i < GROUP_COUNT; i++)
        if (strcmp(word, multicast_group_names[i]) == 0)
            return (enum multicast_group)i;
    return GROUP_NONE;
}

/* ---- the load of a buffer ---- */

struct loop_scope {
    struct node *loop;
    const struct loop_scope *outer;
};

struct load_search {
    struct arena *arena;
    const char *buffer;
    const struct loop_scope *scope; /* of the statement at hand */
    struct node_tile *load;         /* the last found, with the loops around it */
    const struct loop_scope *loops;
    size_t loads, writes;
};

static bool visit_load(struct node *node, void *context) {
    struct load_search *search = context;
    struct node_tile *tile = node_as(node, tile);
    if (tile && strcmp(target_name(tile->target), search->buffer) == 0) {
        search->writes++;
        if (tile->operation == TILE_LOAD) {
            search->load = tile;
            search->loops = search->scope;
            search->loads++;
        }
    }
    const struct loop_scope *outside = search->scope;
    if (node->kind == NODE_FOR) {
        struct loop_scope *scope = arena_allocate(search->arena, sizeof *scope);
        *scope = (struct loop_scope){node, outside};
        search->scope = scope;
    }
    node_each_child(node, visit_load, search);
    search->scope = outside;
    return true;
}

/* ---- which cores share it ---- */

struct plane_search {
    struct compilation *c;
    const struct node_grid *grid;
    struct core_plane *plane;
    bool failed;
};

static const char *tied_name(const struct plane_search *search, enum plane direction) {
    return node_as(search->grid->axes.items[search->plane->axis[direction]], axis)->name;
}

static bool is_read_alone(struct plane_search *search, const struct node_buffer *buffer,
                          const struct load_search *found) {
    struct diagnostics *d = search->c->diagnostics;
    if (found->loads == 1 && found->writes == 1)
        return true;
    if (found->loads)
        report_error(d, buffer->base.span,
                     "buffer %s is written more than once: no iteration of its own sends a block",
                     buffer->name);
    else
        report_error(d, buffer->base.span,
                     "buffer %s is computed on the core: there is no block of a tensor to send",
                     buffer->name);
    report_help(d, (struct span){0},
                "@multicast stands at a buffer that takes a block as it lies: shared %s = A[i, k] @multicast",
                buffer->name);
    return false;
}

/* Cores meet in every iteration: the loops around the load run equally often on all of them. */
static bool iterates_equally(struct plane_search *search, const struct node_buffer *buffer,
                             const struct load_search *found, const char *axis) {
    for (const struct loop_scope *scope = found->loops; scope; scope = scope->outer) {
        struct node_list axes = node_as(scope->loop, for)->axes;
        for (size_t i = 0; i < axes.count; i++) {
            struct node_axis *inner = node_as(axes.items[i], axis);
            if (!mentions(inner->lower, axis) && !mentions(inner->upper, axis))
                continue;
            report_error(
                search->c->diagnostics, buffer->base.span,
                "blocks of %s cannot be sent: the loop over %s around it depends on %s, so cores that would share a block run it unequally often",
                buffer->name, inner->name, axis);
            report_note(search->c->diagnostics, scope->loop->span, "this loop runs from %s to %s",
                        node_text(search->c->arena, inner->lower), node_text(search->c->arena, inner->upper));
            report_help(search->c->diagnostics, (struct span){0},
                        "leave @multicast out: every core then reads for itself");
            return false;
        }
    }
    return true;
}

/* May several cores stand along a direction? Not where there is a single one at every launch. */
static bool has_several(const struct plane_search *search, enum plane direction) {
    int64_t cores;
    return !integer_value(search->plane->grid[direction], &cores) || cores > 1;
}

static struct node *settle_buffer(struct plane_search *search, struct node *node) {
    struct node_buffer *buffer = node_as(node, buffer);
    struct compilation *c = search->c;
    struct load_search found = {.arena = c->arena, .buffer = buffer->name};
    bool same[PLANE_DIRECTIONS];
    visit_load(search->grid->body, &found);
    search->failed |= !is_read_alone(search, buffer, &found);
    for (size_t d = 0; d < PLANE_DIRECTIONS && !search->failed; d++) {
        const char *axis = tied_name(search, d);
        same[d] = !mentions(found.load->value, axis);
        if (same[d])
            search->failed |= !iterates_equally(search, buffer, &found, axis);
    }
    if (search->failed)
        return node;
    if (!same[PLANE_Y] && !same[PLANE_X]) {
        bool single = search->plane->axis[PLANE_Y] == search->plane->axis[PLANE_X];
        report_error(
            c->diagnostics, buffer->base.span, "no two cores want the same block of %s: %s depends on %s%s%s",
            buffer->name, node_text(c->arena, found.load->value), tied_name(search, PLANE_Y),
            single ? "" : " and ", single ? ", the only axis that cores share" : tied_name(search, PLANE_X));
        report_help(c->diagnostics, (struct span){0},
                    "leave @multicast out: every core reads its own blocks");
        search->failed = true;
        return node;
    }
    bool row = same[PLANE_X] && has_several(search, PLANE_X),
         column = same[PLANE_Y] && has_several(search, PLANE_Y);
    enum multicast_group group = row && column ? GROUP_PLANE
                                 : row         ? GROUP_ROW
                                 : column      ? GROUP_COLUMN
                                               : GROUP_NONE;
    if (group == GROUP_NONE) {
        report_remark(c->diagnostics, buffer->base.span, "buffer %s: no core to send to, it is read",
                      buffer->name);
        return node;
    }
    search->plane->used = search->plane->groups[group] = true;
    struct node *word = make_reference(c->arena, multicast_group_names[group]);
    return attribute_set(c->arena, node, KEY_TT_MULTICAST, dictionary_set(c->arena, NULL, KEY_GROUP, word));
}

static struct node *settle_buffers(struct node *node, void *context) {
    struct plane_search *search = context;
    if (search->failed)
        return node;
    if (node->kind == NODE_BUFFER && attribute_get(node, KEY_MULTICAST))
        return settle_buffer(search, node);
    return node_map_children(search->c->arena, node, settle_buffers, search);
}

/* ---- what stands against it ---- */

/* A core that repeats the last block reads again what another may have overwritten by then. */
static bool reads_no_result(struct compilation *c, const struct node_grid *grid) {
    struct node_list parameters = node_as(c->kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const struct node_tile *load = NULL, *store = NULL;
        if (!is_tensor(parameter) || parameter->direction == DIRECTION_IN)
            continue;
        for_each (tile, tile, grid->body) {
            if (tile->operation == TILE_LOAD && mentions(tile->value, parameter->name))
                load = tile;
            if (tile->operation == TILE_STORE && strcmp(target_name(tile->target), parameter->name) == 0)
                store = tile;
        }
        if (!load || !store)
            continue;
        report_error(
            c->diagnostics, load->base.span,
            "%s is read and written by a kernel that sends blocks: at the edge of the plane cores repeat a block, and would read what another core writes",
            parameter->name);
        if (store->base.span.line != load->base.span.line)
            report_note(c->diagnostics, store->base.span, "it is written here");
        report_help(c->diagnostics, (struct span){0},
                    "write to a tensor of its own, or leave @multicast out");
        return false;
    }
    return true;
}

static bool is_allowed(struct compilation *c, const struct node_grid *grid, const struct node *buffer,
                       const struct shard_owners *owners) {
    if (!owners->anchor)
        return reads_no_result(c, grid);
    report_error(
        c->diagnostics, buffer->span,
        "blocks of %s cannot be sent: %s is sharded in L1, and cores run the blocks of their own shards, which need not be equally many",
        ((const struct node_buffer *)buffer)->name, owners->anchor->name);
    report_help(c->diagnostics, (struct span){0}, "leave @multicast out, or leave %s in DRAM",
                owners->anchor->name);
    return false;
}

/* ---- the plane ---- */

static struct node *share_of(struct arena *arena, struct node *total, int64_t parts) {
    return parts == 1 ? total : make_ceildiv(arena, total, make_integer(arena, parts));
}

/* Parts of so many blocks that cover the total; where there is a single part at most, 1 also of nothing. */
static struct node *parts_of(struct arena *arena, struct node *total, struct node *each, int64_t most) {
    int64_t known;
    if (most == 1)
        return make_integer(arena, 1);
    return make_ceildiv(
        arena, total,
        integer_value(each, &known) && known > 0 ? each : make_max(arena, each, make_integer(arena, 1)));
}

static void spread_two(struct arena *arena, struct node_list blocks, const int64_t cores[2],
                       struct core_plane *plane) {
    for (size_t d = 0; d < PLANE_DIRECTIONS; d++) {
        struct node *total = blocks.items[plane->axis[d]];
        int64_t most = cores[d == PLANE_X ? 0 : 1];
        plane->blocks[d] = share_of(arena, total, most);
        plane->grid[d] = parts_of(arena, total, plane->blocks[d], most);
    }
}

/* A single axis fills one row of cores after the other. Of open sizes all cores are in use, which takes no
 * quotient of quotients to say: where there are few blocks, more of them repeat the last. */
static void spread_one(struct arena *arena, struct node *total, const int64_t cores[2],
                       struct core_plane *plane) {
    struct node *each = share_of(arena, total, cores[0] * cores[1]);
    int64_t parts, used = cores[0] * cores[1];
    if (integer_value(parts_of(arena, total, each, used), &parts))
        used = parts;
    plane->blocks[PLANE_Y] = plane->blocks[PLANE_X] = each;
    plane->grid[PLANE_X] = make_integer(arena, used < cores[0] ? used : cores[0]);
    plane->grid[PLANE_Y] = make_integer(arena, (used + cores[0] - 1) / cores[0]);
}

bool core_plane_find(struct compilation *c, const struct node_grid *grid, struct node_list blocks,
                     const int64_t cores[2], const struct shard_owners *owners, struct core_plane *plane) {
    const struct node *first = find_multicast(grid->body);
    *plane = (struct core_plane){0};
    if (!first)
        return true;
    if (!is_allowed(c, grid, first, owners))
        return false;
    int axes = (int)grid->axes.count;
    plane->axis[PLANE_Y] = axes > 1 ? axes - 2 : 0;
    plane->axis[PLANE_X] = axes - 1;
    if (axes > 1)
        spread_two(c->arena, blocks, cores, plane);
    else
        spread_one(c->arena, blocks.items[0], cores, plane);
    struct plane_search search = {.c = c, .grid = grid, .plane = plane};
    struct node *kernel = settle_buffers(c->kernel, &search);
    if (search.failed)
        return false;
    c->kernel = kernel;
    return true;
}

/* 1 where the core stands in the first `used` rows or columns, else 0. */
static struct node *is_within(struct arena *arena, struct node *used, const char *place, int64_t cores) {
    int64_t known;
    if (integer_value(used, &known) && known >= cores)
        return make_integer(arena, 1);
    struct node *left = make_sub(arena, used, make_call(arena, place, (struct node_list){0}));
    return make_min(arena, make_max(arena, left, make_integer(arena, 0)), make_integer(arena, 1));
}

struct node *core_plane_member(struct arena *arena, const struct core_plane *plane, const int64_t cores[2]) {
    return make_mul(arena, is_within(arena, plane->grid[PLANE_Y], "core_y", cores[1]),
                    is_within(arena, plane->grid[PLANE_X], "core_x", cores[0]));
}

/* The last of so many places, which a launch of no blocks must know as well. */
static struct node *last_of(struct arena *arena, struct node *places) {
    struct node *one = make_integer(arena, 1);
    int64_t known;
    return make_sub(arena, integer_value(places, &known) && known > 0 ? places : make_max(arena, places, one),
                    one);
}

struct node_list multicast_corners(struct arena *arena, enum multicast_group group,
                                   struct node *const grid[PLANE_DIRECTIONS]) {
    struct node *zero = make_integer(arena, 0);
    struct node *x = make_call(arena, "core_x", (struct node_list){0}),
                *y = make_call(arena, "core_y", (struct node_list){0});
    struct node *last_x = last_of(arena, grid[PLANE_X]), *last_y = last_of(arena, grid[PLANE_Y]);
    return group == GROUP_ROW      ? LIST(arena, zero, y, last_x, y)
           : group == GROUP_COLUMN ? LIST(arena, x, zero, x, last_y)
                                   : LIST(arena, zero, zero, last_x, last_y);
}
