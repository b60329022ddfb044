/* Ranges of loops: whether their ends fit u32, and whether the number of their blocks is known at launch. */
#include "analysis/ranges.h"

#include <string.h>

#include "analysis/example.h"
#include "analysis/isl_util.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"
#include "support/scalar.h"

struct walk {
    const struct relations *relations;
    struct diagnostics *diagnostics;
    bool (*check)(struct walk *walk, const struct node_axis *axis, const struct node *loop);
    bool sound;
};

/* { sizes: left < right }, with all results at least one element large; NULL where that is not affine. */
static __isl_give isl_set *sizes_below(const struct relations *r, const struct node *left,
                                       const struct node *right) {
    isl_aff *a = relations_size(r, left), *b = a ? relations_size(r, right) : NULL;
    if (!b) {
        isl_aff_free(a);
        return NULL;
    }
    isl_set *below = isl_set_params(isl_set_from_basic_set(isl_aff_lt_basic_set(a, b)));
    below = isl_set_intersect(below, isl_set_copy(r->context));
    struct node *one = make_integer(r->arena, 1);
    for (size_t i = 0; i < r->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(r->kernel->parameters.items[i], parameter);
        for (size_t k = 0; parameter->direction != DIRECTION_IN && k < parameter->dimensions.count; k++) {
            isl_aff *extent = relations_size(r, parameter->dimensions.items[k]);
            isl_aff *least = extent ? relations_size(r, one) : NULL;
            if (least)
                below = isl_set_intersect(
                    below, isl_set_params(isl_set_from_basic_set(isl_aff_ge_basic_set(extent, least))));
        }
    }
    return below;
}

static struct span place_of(const struct node_axis *axis, const struct node *loop) {
    return axis->base.span.line ? axis->base.span : loop->span;
}

/* Is the end of the axis at or above `least` at every launch? */
static bool check_end(struct walk *walk, const struct node_axis *axis, const struct node *loop,
                      struct node *least) {
    const struct relations *r = walk->relations;
    isl_question(r->ctx);
    isl_set *wrong = sizes_below(r, axis->upper, least);
    if (!wrong ||
        isl_proved(isl_set_is_empty(wrong))) { /* what is not affine is refused where it is lowered */
        isl_set_free(wrong);
        return true;
    }
    const char *upper = node_text(r->arena, axis->upper), *lower = node_text(r->arena, axis->lower);
    const char *bound = node_text(r->arena, least);
    struct example *first = example_of(r, isl_set_from_params(wrong));
    report_error(walk->diagnostics, place_of(axis, loop),
                 "the range of %s, %s..%s, may end before it begins%s", axis->name, lower, upper,
                 first ? example_sizes(first) : "");
    report_help(walk->diagnostics, (struct span){0}, "state `where %s >= %s`", upper, bound);
    return false;
}

/* The axis that a bound depends on, or another value; NULL when it is of sizes alone. */
static const char *dependence_of(const struct walk *walk, struct node *bound) {
    for_each (reference, reference, bound)
        if (!relations_is_size(walk->relations, &reference->base))
            return reference->name;
    return NULL;
}

/* The axis of this name; NULL when it is none. */
static const struct node_axis *axis_of(const struct walk *walk, const char *name) {
    for_each (axis, axis, walk->relations->kernel->body)
        if (axis->lower && axis->name == name)
            return axis;
    return NULL;
}

/* What no core knows before the loop runs: data, NULL when the bound has none. The element of an axis and the place
 * of a block are numbers there. */
static const char *data_of(const struct walk *walk, struct node *bound) {
    for_each_node (node, bound) {
        struct node_reference *reference = node_as(node, reference);
        if (is_block_place(node))
            skip_below(node);
        else if (node->kind == NODE_ACCESS)
            return node_as(node, access)->name;
        else if (reference && !relations_is_size(walk->relations, node)) {
            const struct node_axis *axis = axis_of(walk, reference->name);
            if (!axis || axis->step)
                return reference->name;
        }
    }
    return NULL;
}

/* Blocks are counted before the loop runs, from sizes and from where the loops around it stand. */
static bool check_counted(struct walk *walk, const struct node_axis *axis, const struct node *loop) {
    struct node *ends[] = {axis->lower, axis->upper};
    struct span place = place_of(axis, loop);
    for (size_t i = 0; i < 2; i++) {
        const char *data = data_of(walk, ends[i]), *found = dependence_of(walk, ends[i]);
        if (data) {
            report_error(
                walk->diagnostics, place,
                "the range of blocks %s depends on %s: blocks are counted before the loop runs, from sizes and loop variables",
                axis->name, data);
            report_help(
                walk->diagnostics, (struct span){0},
                "run over all blocks, and choose with a matrix of 0 and 1, an input, what counts: select(mask[i, j] != 0, ..., ...)");
            return false;
        }
        struct node *sent = found ? find_multicast((struct node *)(uintptr_t)loop) : NULL;
        if (sent) {
            report_error(
                walk->diagnostics, place,
                "the range of blocks %s depends on %s, and cores that send blocks to each other run the same iterations",
                axis->name, found);
            report_note(walk->diagnostics, sent->span, "this is sent");
            report_help(walk->diagnostics, (struct span){0},
                        "leave out @multicast, or let %s run over the whole dimension", axis->name);
            return false;
        }
    }
    return true;
}

bool ranges_begin_at_tiles(const struct relations *r, const struct node_axis *axis) {
    struct node *beyond = make_mod(r->arena, axis->lower, make_integer(r->arena, TILE_EDGE));
    isl_question(r->ctx);
    isl_set *wrong = sizes_below(r, make_integer(r->arena, 0), beyond);
    bool proved = wrong && isl_proved(isl_set_is_empty(wrong));
    isl_set_free(wrong);
    return proved;
}

static bool check_blocks(struct walk *walk, const struct node_axis *axis, const struct node *loop) {
    const struct relations *r = walk->relations;
    int64_t lower;
    bool known = integer_value(axis->lower, &lower), follows = dependence_of(walk, axis->lower);
    const struct node_call *call = size_call(axis->upper, SIZE_min);
    if (follows || dependence_of(walk, axis->upper)) /* counted where the loop stands; of less than none, none */
        return true;
    if (call) {
        report_error(walk->diagnostics, place_of(axis, loop),
                     "blocks of %s end at %s, and nothing says which of the two that is", axis->name,
                     node_text(r->arena, axis->upper));
        report_help(walk->diagnostics, (struct span){0}, "state `where %s <= %s`, or the other way round",
                    node_text(r->arena, call->arguments.items[0]),
                    node_text(r->arena, call->arguments.items[1]));
        return false;
    }
    /* A loop from 0 may be empty: what it would have added up is its neutral element. */
    return check_end(walk, axis, loop, known && lower ? make_integer(r->arena, lower + 1) : axis->lower);
}

static bool check_range(struct walk *walk, const struct node_axis *axis, const struct node *loop) {
    return axis->step ? check_blocks(walk, axis, loop)
                      : check_end(walk, axis, loop, make_integer(walk->relations->arena, 0));
}

static bool check_counted_range(struct walk *walk, const struct node_axis *axis, const struct node *loop) {
    return !axis->step || check_counted(walk, axis, loop);
}

static void check_axes(struct walk *walk, struct node_list axes, const struct node *loop) {
    for (size_t i = 0; i < axes.count; i++) {
        struct node_axis *axis = node_as(axes.items[i], axis);
        if (axis->lower)
            walk->sound &= walk->check(walk, axis, loop);
    }
}

static bool check_loops(struct walk walk) {
    for_each_node (node, walk.relations->kernel->body) {
        struct node_for *loop = node_as(node, for);
        struct node_grid *grid = node_as(node, grid);
        if (loop)
            check_axes(&walk, loop->axes, node);
        if (grid)
            check_axes(&walk, grid->axes, node);
    }
    return walk.sound;
}

bool ranges_counted(const struct relations *r, struct diagnostics *d) {
    return check_loops((struct walk){r, d, check_counted_range, true});
}

bool ranges_check(const struct relations *r, struct diagnostics *d) {
    return check_loops((struct walk){r, d, check_range, true});
}

static struct node *settled(struct node *node, void *context) {
    const struct relations *r = context;
    struct node *mapped = node_map_children(r->arena, node, settled, context);
    struct node_axis *axis = node_as(mapped, axis);
    struct node *upper = axis ? axis->upper : NULL;
    const struct node_call *least = size_call(upper, SIZE_min),
                           *call = least ? least : size_call(upper, SIZE_max);
    for (size_t i = 0; call && i < 2; i++)
        if (relations_equal_sizes(r, axis->upper, call->arguments.items[i])) {
            struct node_axis plain = *axis;
            plain.upper = call->arguments.items[i];
            return arena_copy(r->arena, &plain, sizeof plain);
        }
    return mapped;
}

struct node *ranges_settled(const struct relations *r, struct node *node) {
    return settled(node, (struct relations *)(uintptr_t)r);
}
