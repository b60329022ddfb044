/* A loop over blocks from a size on becomes one from the next whole tile on, and in front of it one over the tile that
 * the size lies in, in which what lies before it is left out of all folds. Which blocks there are changes by that: so
 * the loop may do no more than fold. Where the size is whole tiles at every launch, nothing stands in front. */
#include "transforms/panel_begin.h"

#include <math.h>
#include <string.h>

#include "analysis/ranges.h"
#include "ir/build.h"
#include "ir/names.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "support/scalar.h"

struct beginning {
    struct arena *arena;
    const struct relations *relations;
    struct diagnostics *diagnostics;
    struct name_table names;
    struct node *body; /* of the kernel */
    struct value_types types;
    const char *axis;  /* of the loop at hand */
    struct node *first;
    bool failed;
};

static struct node *tile(struct beginning *b) {
    return make_integer(b->arena, TILE_EDGE);
}

static struct node *whole_tiles_before(struct beginning *b, struct node *first) {
    return make_mul(b->arena, make_div(b->arena, first, tile(b)), tile(b));
}

/* ---- what lies before the first element ---- */

static struct node *chosen(struct beginning *b, struct node *value, struct node *neutral) {
    struct node *inside =
        make_binary(b->arena, BINARY_GREATER_EQUAL, make_reference(b->arena, b->axis), b->first);
    return make_call(b->arena, "select", LIST(b->arena, inside, value, neutral));
}

/* Of a product every factor that varies along the axis: 0 times an infinite number is none. */
static struct node *choose_factors(struct beginning *b, struct node *value, struct node *neutral) {
    struct node_binary *product = node_as(value, binary);
    if (product && product->op == BINARY_MULTIPLY)
        return node_with_span(b->arena,
                              make_binary(b->arena, BINARY_MULTIPLY, choose_factors(b, product->left, neutral),
                                          choose_factors(b, product->right, neutral)),
                              value->span);
    return mentions(value, b->axis) ? chosen(b, value, neutral) : value;
}

static struct node *choose(struct node *node, void *context) {
    struct beginning *b = context;
    struct node_reduction *reduction = node_as(node, reduction);
    struct node *mapped = node_map_children(b->arena, node, choose, b);
    for (size_t i = 0; reduction && i < reduction->axes.count; i++)
        if (node_as(reduction->axes.items[i], axis)->name == b->axis) {
            struct node_reduction changed = *node_as(mapped, reduction);
            struct node *neutral = neutral_of_fold(b->arena, changed.op, value_type(&b->types, changed.body));
            changed.body = changed.op == REDUCTION_SUM ? choose_factors(b, changed.body, neutral)
                                                       : chosen(b, changed.body, neutral);
            return arena_copy(b->arena, &changed, sizeof changed);
        }
    return mapped;
}

/* ---- which loops may be cut ---- */

static bool declares(struct node *body, const char *name) {
    for_each_node (node, body) {
        struct node_let *let = node_as(node, let);
        struct node_buffer *buffer = node_as(node, buffer);
        if ((let && let->name == name) || (buffer && buffer->name == name))
            return true;
    }
    return false;
}

/* What an assignment does to something that outlives the loop, beside folding along the axis; NULL: nothing. */
static struct node *more_than_folds(struct beginning *b, struct node *body) {
    for_each (assign, assign, body) {
        const char *target = target_name(assign->target);
        struct node_reduction *fold = node_as(assign->value, reduction);
        if (declares(body, target))
            continue;
        bool folds = fold && assign->op != ASSIGN_SET && fold->axes.count == 1 &&
                     node_as(fold->axes.items[0], axis)->name == b->axis && fold->op != REDUCTION_ARGMAX &&
                     fold->op != REDUCTION_ARGMIN;
        for_each (assign, other, body)
            folds &= !mentions(other->value, target);
        if (!folds)
            return &assign->base;
    }
    for_each (call, call, body)
        if (is_block_place(&call->base) && mentions(&call->base, b->axis))
            return &call->base;
    return NULL;
}

static void advise_whole_tiles(struct beginning *b, const char *first) {
    report_help(b->diagnostics, (struct span){0}, "state that they begin at whole tiles: `where (%s) %% %d == 0`", first,
                TILE_EDGE);
    b->failed = true;
}

static bool may_be_cut(struct beginning *b, const struct node_for *loop, const struct node_axis *axis) {
    struct node *more = more_than_folds(b, loop->body);
    if (!more)
        return true;
    const char *first = node_text(b->arena, axis->lower);
    report_error(b->diagnostics, axis->base.span.line ? axis->base.span : loop->base.span,
                 "blocks of %s begin at %s, which may lie within a tile, and do more than fold", axis->name, first);
    report_note(b->diagnostics, more->span, "this depends on where blocks begin");
    advise_whole_tiles(b, first);
    return false;
}

/* ---- the loops ---- */

static struct node *loop_over(struct beginning *b, const struct node_for *loop, size_t index, struct node *lower,
                              struct node *upper, struct node *step, struct node *body) {
    struct node_axis axis = *node_as(loop->axes.items[index], axis);
    axis.lower = lower;
    axis.upper = upper ? upper : axis.upper;
    axis.step = step ? step : axis.step;
    struct list_builder axes = {0};
    for (size_t i = 0; i < loop->axes.count; i++)
        builder_add(b->arena, &axes, i == index ? arena_copy(b->arena, &axis, sizeof axis) : loop->axes.items[i]);
    struct node_for made = *loop;
    made.axes = builder_list(&axes);
    made.body = body;
    return arena_copy(b->arena, &made, sizeof made);
}

/* The copy of a loop has names of its own. */
static struct node *with_fresh_names(struct beginning *b, struct node *loop) {
    struct node *renamed = loop;
    for_each_node (node, loop) {
        const struct node_axis *axis = node_as(node, axis);
        const char *name = axis && axis->lower              ? axis->name
                           : node->kind == NODE_LET         ? node_as(node, let)->name
                           : node->kind == NODE_BUFFER      ? node_as(node, buffer)->name
                           : node->kind == NODE_VAR         ? node_as(node, var)->name
                                                            : NULL;
        if (name)
            renamed = rename_entity(b->arena, renamed, name, name_fresh(&b->names, name));
    }
    return renamed;
}

static struct node *begin_loop(struct beginning *b, const struct node_for *loop, size_t index) {
    struct node_axis *axis = node_as(loop->axes.items[index], axis);
    struct node *whole = whole_tiles_before(b, axis->lower);
    if (ranges_begin_at_tiles(b->relations, axis))
        return loop_over(b, loop, index, whole, NULL, NULL, loop->body);
    if (!may_be_cut(b, loop, axis))
        return NULL;
    struct node *next = make_mul(b->arena, make_ceildiv(b->arena, axis->lower, tile(b)), tile(b));
    b->axis = axis->name;
    b->first = axis->lower;
    int64_t begins, ends;
    bool nothing = integer_value(next, &begins) && integer_value(axis->upper, &ends) && begins >= ends;
    struct node *front = loop_over(b, loop, index, whole, make_min(b->arena, axis->upper, next), tile(b),
                                   choose(loop->body, b));
    struct node *rest = loop_over(b, loop, index, next, NULL, NULL, loop->body);
    return nothing ? front
                   : make_block(b->arena, loop->base.span, LIST(b->arena, with_fresh_names(b, front), rest));
}

/* Does the axis begin at a size, or at a number within a tile: not where another axis says? */
static bool begins_at_size(const struct beginning *b, const struct node_axis *axis) {
    int64_t known;
    if (!axis->lower || !axis->step || attribute_integer(axis->step, 0) == 1)
        return false;
    if (integer_value(axis->lower, &known))
        return known % TILE_EDGE != 0;
    for_each (reference, reference, axis->lower)
        if (!relations_is_size(b->relations, &reference->base))
            return false;
    return true;
}

/* Blocks that cores share begin at whole tiles. */
static struct node *begin_grid(struct beginning *b, struct node *node) {
    struct node_grid grid = *node_as(node, grid);
    struct list_builder axes = {0};
    for (size_t i = 0; i < grid.axes.count; i++) {
        struct node_axis axis = *node_as(grid.axes.items[i], axis);
        bool begins = begins_at_size(b, &axis);
        if (begins && !ranges_begin_at_tiles(b->relations, &axis)) {
            const char *first = node_text(b->arena, axis.lower);
            report_error(b->diagnostics, axis.base.span.line ? axis.base.span : node->span,
                         "blocks of %s begin at %s, which may lie within a tile", axis.name, first);
            advise_whole_tiles(b, first);
        }
        axis.lower = begins ? whole_tiles_before(b, axis.lower) : axis.lower;
        builder_add(b->arena, &axes, begins ? arena_copy(b->arena, &axis, sizeof axis) : grid.axes.items[i]);
    }
    grid.axes = builder_list(&axes);
    return list_equal(grid.axes, node_as(node, grid)->axes) ? node : arena_copy(b->arena, &grid, sizeof grid);
}

static struct node *begin(struct node *node, void *context) {
    struct beginning *b = context;
    struct node *mapped = node_map_children(b->arena, node, begin, b);
    struct node_for *loop = node_as(mapped, for);
    if (mapped->kind == NODE_GRID)
        return begin_grid(b, mapped);
    for (size_t i = 0; loop && !b->failed && i < loop->axes.count; i++)
        if (begins_at_size(b, node_as(loop->axes.items[i], axis))) {
            b->axis = node_as(loop->axes.items[i], axis)->name;
            struct node *begun = begin_loop(b, loop, i);
            return begun ? begun : mapped;
        }
    return mapped;
}

struct node *panels_begun(const struct relations *relations, struct diagnostics *diagnostics, struct node *kernel) {
    struct arena *arena = relations->arena;
    struct beginning b = {.arena = arena,
                          .relations = relations,
                          .diagnostics = diagnostics,
                          .names = names_of(arena, kernel),
                          .types = types_in(kernel)};
    struct node *begun = begin(kernel, &b);
    return b.failed ? NULL : begun;
}
