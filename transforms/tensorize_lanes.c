/* Folds of the vector unit that a loop goes on with: what the iterations bring is gathered by lanes, element j of the
 * folded axis in lane j % 32, and folded once behind the loop. So the elements meet in one order, whatever the panels.
 *
 *     tile map acc[i] = 0                                       shared acc[i]: f32
 *     for j in 0..N by 256 {                                    for j_lane in 0..32 by 32 {
 *         tile load X_in[i, j] = X[i, j]                            fragment acc_lanes[i, j_lane]: f32
 *         tile reduce acc[i] += sum(j: X_in[i, j])          =>      tile map acc_lanes[i, j_lane] = 0
 *     }                                                             for j in 0..N by 256 {
 *                                                                       tile load X_in[i, j] = X[i, j]
 *                                                                       tile reduce acc_lanes[i, j_lane] += sum(j: X_in[i, j])
 *                                                                   }
 *                                                                   tile reduce acc[i] = sum(j_lane: acc_lanes[i, j_lane])
 *                                                               }
 *
 * A fold that goes on with what the loop reads or changes otherwise is made by itself in each iteration, and joined.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/blocks.h"
#include "transforms/fragment_life.h"
#include "transforms/tensorize.h"

enum { GATHERED_LIMIT = 32 };

/* Not by lanes yet. */
static bool goes_on(const struct node_tile *tile) {
    return tile->operation == TILE_REDUCE && folds_in_slots(tile) && tile->op != ASSIGN_SET &&
           !lane_axis(tile);
}

static struct node *vector_fold(struct tensorizer *t, struct span span, struct node *target,
                                enum assign_operator op, struct node *fold) {
    struct node *node = node_new(t->arena, tile, TILE, span, .operation = TILE_REDUCE, .target = target,
                                 .op = op, .value = fold);
    return attribute_set(t->arena, node, KEY_TT_UNIT, make_reference(t->arena, "vector"));
}

static struct node *map_to(struct tensorizer *t, struct span span, struct node *target, struct node *value) {
    return node_new(t->arena, tile, TILE, span, .operation = TILE_MAP, .target = target, .op = ASSIGN_SET,
                    .value = value);
}

/* ---- loops that gather ---- */

/* A fragment that a loop around `gathers` updates, by one fold or several of a kind. */
struct gathered {
    const char *name, *lanes; /* lanes: NULL until they are declared, and where the loop runs once */
    struct node_tile *update; /* one of them */
    bool whole;               /* the fragment is no more than what the loop gathers */
};

struct gathering {
    struct tensorizer *t;
    const char *axis; /* of the lanes */
    struct gathered items[GATHERED_LIMIT];
    size_t count;
};

static struct gathered *find_gathered(struct gathering *g, const char *name) {
    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].name == name)
            return &g->items[i];
    return NULL;
}

/* Does the loop nothing to the fragment but go on with such folds? */
static bool only_folds(struct node *loop, const struct node_tile *update) {
    const char *name = target_name(update->target);
    for_each (tile, tile, loop) {
        bool changes = target_name(tile->target) == name;
        if (mentions(tile->value, name) || (changes && (!goes_on(tile) || tile->op != update->op)))
            return false;
    }
    return true;
}

/* Is there one update, and does it run once? */
static bool runs_once(struct tensorizer *t, struct node *loop, const char *name) {
    for_each (for, inner, loop)
        if (fragment_usage_in(&inner->base, name).update && !is_one_iteration(t->arena, inner))
            return false;
    return fragment_usage_in(loop, name).updates == 1;
}

static struct node *gather(struct node *node, void *context) {
    struct gathering *g = context;
    struct node_tile *tile = node_as(node, tile);
    struct gathered *item = tile ? find_gathered(g, target_name(tile->target)) : NULL;
    if (!item)
        return tile ? node : node_map_children(g->t->arena, node, gather, g);
    struct node_tile changed = *tile;
    if (item->lanes)
        changed.target = buffer_access(g->t, item->lanes);
    else
        changed.op = ASSIGN_SET;
    return arena_copy(g->t->arena, &changed, sizeof changed);
}

/* Does the fragment begin with what folds begin with, get its value by the loop at `index`, and change nowhere else? */
static bool is_made_by_loop(struct tensorizer *t, struct node_list list, size_t index,
                            const struct gathered *item) {
    enum dtype type = fragment_type(storage_find(t, item->name)->dtype);
    struct node *neutral = neutral_of_fold(t->arena, fold_of_update(item->update->op), type);
    double start, wanted = 0;
    literal_value(neutral, &wanted);
    bool declared = false, started = false;
    for (size_t i = 0; i < list.count; i++) {
        struct node_buffer *buffer = node_as(list.items[i], buffer);
        struct fragment_usage here = fragment_usage_in(list.items[i], item->name);
        declared |= buffer && buffer->name == item->name;
        if (i == index || !(here.start || here.update || (here.reads && i < index)))
            continue;
        if (i > index || here.reads || here.update || &here.start->base != list.items[i] ||
            !literal_value(here.start->value, &start) || start != wanted)
            return false;
        started = true;
    }
    return declared && started;
}

/* What the loop at `index` of the list gathers. Of an update that runs once, and joins something else, there is nothing to
 * gather. */
static struct gathering gathering_of(struct tensorizer *t, struct node_list list, size_t index) {
    struct gathering g = {.t = t};
    struct node *loop = list.items[index];
    for_each (tile, tile, loop) {
        const char *name = target_name(tile->target);
        if (!goes_on(tile) || g.count == GATHERED_LIMIT || find_gathered(&g, name) ||
            find_declaration(loop, name) || !only_folds(loop, tile))
            continue;
        struct gathered item = {.name = name, .update = tile};
        item.whole = is_made_by_loop(t, list, index, &item);
        if (item.whole || !runs_once(t, loop, name))
            g.items[g.count++] = item;
    }
    return g;
}

/* The list without the declaration and the first value of the fragment, as far as it is built. */
static void drop_fragment(struct list_builder *out, const char *name) {
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        struct node_buffer *buffer = node_as(out->items[i], buffer);
        struct node_tile *tile = node_as(out->items[i], tile);
        if ((buffer && buffer->name == name) || (tile && target_name(tile->target) == name))
            continue;
        out->items[kept++] = out->items[i];
    }
    out->count = kept;
}

static struct node *fold_of_lanes(struct gathering *g, const struct gathered *item) {
    struct node_reduction *fold = node_as(item->update->value, reduction);
    struct arena *arena = g->t->arena;
    struct node *axis = make_axis(arena, g->axis, NULL, NULL, NULL);
    return node_new(arena, reduction, REDUCTION, fold->base.span, .op = fold->op, .axes = LIST(arena, axis),
                    .body = buffer_access(g->t, item->lanes));
}

/* Declares where the fold of the lanes goes: the fragment, as a shared block, or a part that joins it. */
static const char *declare_result(struct gathering *g, const struct gathered *item,
                                  struct list_builder *out) {
    struct tensorizer *t = g->t;
    struct storage *fragment = storage_find(t, item->name);
    enum dtype dtype = fragment_type(fragment->dtype);
    if (!item->whole)
        return buffer_declare(t, MEMORY_SHARED, arena_printf(t->arena, "%s_part", item->name), fragment->rank,
                              fragment->axes, dtype, fragment->orientation);
    drop_fragment(out, item->name);
    struct node_buffer shared = *node_as(fragment->declaration, buffer);
    shared.memory = fragment->memory = MEMORY_SHARED;
    shared.dtype = fragment->dtype = dtype;
    fragment->declaration = arena_copy(t->arena, &shared, sizeof shared);
    builder_add(t->arena, out, fragment->declaration);
    return item->name;
}

/* Declares the lanes, with what they begin with. */
static void declare_lanes(struct gathering *g, struct gathered *item, struct list_builder *out) {
    struct tensorizer *t = g->t;
    struct node_reduction *fold = node_as(item->update->value, reduction);
    struct storage fragment = *storage_find(t, item->name);
    bool rows = folds_along_rows(fold);
    const char *axes[2] = {rows ? fragment.axes[0] : g->axis, rows ? g->axis : fragment.axes[0]};
    item->lanes = buffer_declare(t, MEMORY_FRAGMENT, arena_printf(t->arena, "%s_lanes", item->name), 2, axes,
                                 fragment_type(fragment.dtype), ORIENTATION_NONE);
    builder_add(t->arena, out,
                map_to(t, t->span, buffer_access(t, item->lanes),
                       neutral_of_fold(t->arena, fold->op, fragment_type(fragment.dtype))));
}

static struct node *complete(struct node *node, void *context);

/* The loop at `index` of the list, which gathers; around it the lanes of what it does not gather at once. */
static void add_gathering_loop(struct gathering *g, struct list_builder *out, struct node_list list,
                               size_t index) {
    struct tensorizer *t = g->t;
    struct arena *arena = t->arena;
    struct node *loop = list.items[index];
    struct list_builder body = {0}, joins = {0}, *outer = t->out;
    const char *folded = node_as(node_as(g->items[0].update->value, reduction)->axes.items[0], axis)->name;
    g->axis = name_fresh(&t->names, arena_printf(arena, "%s_lane", folded));
    const char *results[GATHERED_LIMIT];
    bool lanes = false;
    for (size_t i = 0; i < g->count; i++) {
        struct gathered *item = &g->items[i];
        bool once = item->whole && runs_once(t, loop, item->name);
        t->span = item->update->base.span;
        t->out = out;
        results[i] = declare_result(g, item, out);
        t->out = &body;
        if (!once)
            declare_lanes(g, item, &body);
        lanes |= !once;
    }
    t->out = outer;
    builder_add(arena, &body, complete(gather(loop, g), t));
    for (size_t i = 0; i < g->count; i++) {
        const struct gathered *item = &g->items[i];
        struct span span = item->update->base.span;
        struct node *result = buffer_access(t, results[i]), *held = buffer_access(t, item->name);
        if (item->lanes)
            builder_add(arena, &body, vector_fold(t, span, result, ASSIGN_SET, fold_of_lanes(g, item)));
        if (!item->whole)
            builder_add(arena, &joins,
                        map_to(t, span, held, make_update(arena, item->update->op, held, result)));
    }
    struct node *edge = make_integer(arena, TILE_EDGE),
                *axis = make_axis(arena, g->axis, make_integer(arena, 0), edge, edge);
    if (lanes)
        builder_add(arena, out,
                    node_new(arena, for, FOR, loop->span, .axes = LIST(arena, axis),
                             .body = make_block(arena, loop->span, builder_list(&body))));
    else
        builder_add_all(arena, out, builder_list(&body));
    builder_add_all(arena, out, builder_list(&joins));
}

/* ---- folds by themselves ---- */

/* The fold has a section of its own, and joins what the fragment holds. */
static void add_join(struct tensorizer *t, struct list_builder *out, struct node_tile *tile) {
    struct storage fragment = *storage_find(t, target_name(tile->target));
    struct list_builder *outer = t->out;
    t->out = out;
    t->span = tile->base.span;
    const char *part =
        buffer_declare(t, MEMORY_SHARED, arena_printf(t->arena, "%s_part", fragment.name), fragment.rank,
                       fragment.axes, fragment_type(fragment.dtype), fragment.orientation);
    t->out = outer;
    struct node *held = tile->target, *found = buffer_access(t, part);
    builder_add(t->arena, out, vector_fold(t, t->span, found, ASSIGN_SET, tile->value));
    builder_add(t->arena, out, map_to(t, t->span, held, make_update(t->arena, tile->op, held, found)));
}

static struct node *complete(struct node *node, void *context) {
    struct tensorizer *t = context;
    struct node_block *block = node_as(node, block);
    if (!block)
        return node_map_children(t->arena, node, complete, t);
    struct list_builder out = {0};
    bool changed = false;
    for (size_t i = 0; i < block->statements.count; i++) {
        struct node *statement = block->statements.items[i];
        struct node_tile *tile = node_as(statement, tile);
        struct gathering g = {.t = t};
        if (statement->kind == NODE_FOR)
            g = gathering_of(t, block->statements, i);
        if (g.count)
            add_gathering_loop(&g, &out, block->statements, i);
        else if (tile && goes_on(tile))
            add_join(t, &out, tile);
        else
            builder_add(t->arena, &out, complete(statement, t));
        changed |= out.items[out.count - 1] != statement;
    }
    return changed ? make_block(t->arena, node->span, builder_list(&out)) : node;
}

struct node *lanes_open(struct tensorizer *t, struct node *body) {
    return complete(body, t);
}
