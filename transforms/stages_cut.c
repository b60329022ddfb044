/* Where a kernel is cut: the first place that can be, of those that stages_cut.h tells in their order. */
#include "transforms/stages_cut.h"

#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/auto_tile_views.h"

/* ---- folds to a number ---- */

/* A fold of folds of its own kind, as one over the axes of all. */
static struct node_reduction flattened(struct tiler *t, const struct node_reduction *fold) {
    struct node_reduction flat = *fold;
    for (struct node_reduction *inner; (inner = node_as(flat.body, reduction)) && inner->op == flat.op &&
                                       flat.axes.count + inner->axes.count <= AXIS_LIMIT;
         flat.body = inner->body)
        flat.axes = list_concat(t->arena, flat.axes, inner->axes);
    return flat;
}

/* An axis of the result with one element, which the fold does not vary along: what lies between keeps it, as the other of
 * the two dimensions that make tiles. */
static const struct range *axis_of_one(const struct tiler *t, const struct equation *equation,
                                       struct node *fold) {
    for (size_t i = 0; i < equation->axis_count; i++) {
        const struct range *range = &equation->axes[i];
        int64_t lower, upper;
        if (integer_value(range->lower, &lower) && integer_value(range->upper, &upper) && lower == 0 &&
            upper == 1 && !match_varies(fold, range->name) && !is_matrix_axis(t, range->name))
            return range;
    }
    return NULL;
}

enum dtype tensor_type(struct tiler *t, const struct node *value) {
    struct value_types types = tiler_types(t);
    return kept_type(&types, value);
}

static bool add_axis(struct equation *equation, const struct range *range) {
    int64_t lower;
    if (equation->axis_count == AXIS_LIMIT || !integer_value(range->lower, &lower) || lower != 0)
        return false;
    equation->axes[equation->axis_count++] = *range;
    return true;
}

static struct node *fold_over(struct tiler *t, const struct node_reduction *like, struct node_list axes,
                              struct node *body) {
    struct node_reduction fold = *like;
    fold.axes = axes;
    fold.body = body;
    return axes.count ? arena_copy(t->arena, &fold, sizeof fold) : body;
}

/* Axes in tiles of the equation that the node varies along. */
static size_t varying_tiles(const struct tiler *t, const struct equation *equation, struct node *node) {
    size_t count = 0;
    for (size_t i = 0; i < equation->axis_count; i++)
        count += is_tile_axis(t, equation->axes[i].name) && match_varies(node, equation->axes[i].name);
    return count;
}

/* Axes in tiles that a fold runs along, and the last of them; 0 where it is no fold to cut. */
static size_t folded_tiles(const struct tiler *t, const struct node_reduction *fold, const struct node_axis **last) {
    size_t tiles = 0;
    for (size_t i = 0; i < fold->axes.count; i++) {
        const struct node_axis *axis = node_as(fold->axes.items[i], axis);
        if (!axis_named(t, axis->name) || !match_varies(fold->body, axis->name))
            return 0;
        if (is_tile_axis(t, axis->name)) {
            *last = axis;
            tiles++;
        }
    }
    return folds_by_parts(fold->op) ? tiles : 0;
}

static void begin_between(struct tiler *t, struct cut *cut, const struct equation *equation) {
    cut->between = (struct equation){
        .name = name_fresh(&t->names, "between"), .store = true, .span = equation->span};
}

/* Of the equation's axes, those of matrices that the node varies along. */
static bool add_matrices(struct tiler *t, struct cut *cut, const struct equation *equation, struct node *node) {
    for (size_t i = 0; i < equation->axis_count; i++)
        if (is_matrix_axis(t, equation->axes[i].name) && match_varies(node, equation->axes[i].name) &&
            !add_axis(&cut->between, &equation->axes[i]))
            return false;
    return true;
}

static void end_between(struct tiler *t, struct cut *cut, struct node *value) {
    cut->between.value = value;
    cut->between.dtype = tensor_type(t, value);
}

static struct range new_axis_of_one(struct tiler *t, struct span span) {
    return (struct range){.name = name_fresh(&t->names, "o"), .lower = make_integer(t->arena, 0),
                          .upper = make_integer(t->arena, 1), .span = span};
}

/* What lies between, read at its own axes, at 0 along the axis `one`. */
static struct node *read_between(struct tiler *t, const struct cut *cut, const char *one) {
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < cut->between.axis_count; i++) {
        const char *name = cut->between.axes[i].name;
        builder_add(t->arena, &subscripts,
                    one && strcmp(name, one) == 0 ? make_integer(t->arena, 0) : make_reference(t->arena, name));
    }
    return make_access(t->arena, cut->between.name, builder_list(&subscripts));
}

/* The last axis in tiles and those of matrices are folded first; the axes in tiles before it then. A single one is left
 * for the second kernel. */
static bool cut_by_axes(struct tiler *t, struct cut *cut, struct node_reduction *written) {
    struct node_reduction fold = flattened(t, written);
    struct list_builder first = {0}, second = {0};
    const struct node_axis *last = NULL;
    size_t tiles = folded_tiles(t, &fold, &last);
    begin_between(t, cut, cut->equation);
    if (!add_matrices(t, cut, cut->equation, &written->base) || !add_axis(&cut->between, cut->one))
        return false;
    for (size_t i = 0; i < fold.axes.count; i++) {
        struct node *node = fold.axes.items[i];
        const char *name = node_as(node, axis)->name;
        bool now = !is_tile_axis(t, name) || (tiles > 1 && node_as(node, axis) == last);
        builder_add(t->arena, now ? &first : &second, node);
        if (!now && !add_axis(&cut->between, axis_named(t, name)))
            return false;
    }
    end_between(t, cut, fold_over(t, &fold, builder_list(&first), fold.body));
    cut->part = &written->base;
    cut->rest = fold_over(t, &fold, builder_list(&second), read_between(t, cut, NULL));
    return true;
}

static bool contains(const struct node *tree, const struct node *node) {
    for_each_node (inner, tree)
        if (inner == node)
            return true;
    return false;
}

/* Does the node vary along the same axes in tiles as the other, of those that are given? */
static bool varies_alike(const struct tiler *t, size_t count, const struct range *axes, struct node *node,
                         struct node *other) {
    for (size_t i = 0; i < count; i++)
        if (is_tile_axis(t, axes[i].name) &&
            match_varies(node, axes[i].name) != match_varies(other, axes[i].name))
            return false;
    return true;
}

/* The largest part of the value that has this node and varies along the same axes in tiles. */
static struct node *part_alike(const struct tiler *t, struct node *value, size_t count, const struct range *axes,
                               struct node *node) {
    for_each_node (part, value)
        if (contains(part, node) && varies_alike(t, count, axes, part, node))
            return part;
    return node;
}

/* The tree with the axes of its folds under names that follow from their order alone. */
static struct node *canonical(struct tiler *t, struct node *tree) {
    size_t count = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for_each (reduction, reduction, tree)
            for (size_t i = 0; i < reduction->axes.count && !changed; i++) {
                const char *name = node_as(reduction->axes.items[i], axis)->name;
                changed = name[0] != '%';
                if (changed)
                    tree = rename_entity(t->arena, tree, name, arena_printf(t->arena, "%%%zu", count++));
            }
    }
    return tree;
}

struct alike {
    struct tiler *t;
    struct node *part, *rest;
    size_t count;
};

/* In place of every part that is the same but for the names of its axes. */
static struct node *replace_alike(struct node *node, void *context) {
    struct alike *alike = context;
    if (node->kind == alike->part->kind && find_kind(node, NODE_REDUCTION) &&
        node_equal(canonical(alike->t, node), alike->part)) {
        alike->count++;
        return alike->rest;
    }
    return node_map_children(alike->t->arena, node, replace_alike, alike);
}

static size_t count_alike(struct tiler *t, struct node *part) {
    struct alike alike = {.t = t, .part = canonical(t, part), .rest = part};
    for (size_t i = 0; i < t->equation_count; i++)
        replace_alike(t->equations[i].value, &alike);
    return alike.count;
}

/* What all elements of `value` read is a number, a tensor of one element for each matrix. */
static bool cut_as_number(struct tiler *t, struct cut *cut, struct node *value, struct node *fold) {
    struct equation *equation = cut->equation;
    struct range first = new_axis_of_one(t, equation->span), second = new_axis_of_one(t, equation->span);
    cut->part = part_alike(t, value, t->axis_count, t->axes, fold);
    cut->number = true;
    begin_between(t, cut, equation);
    if (!add_matrices(t, cut, equation, cut->part))
        return false;
    size_t matrices = cut->between.axis_count;
    if (!add_axis(&cut->between, &first) || !add_axis(&cut->between, &second))
        return false;
    end_between(t, cut, cut->part);
    if (!equation->store && cut->part == equation->value && equation->dtype != DTYPE_NONE)
        cut->between.dtype = equation->dtype;
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < cut->between.axis_count; i++)
        builder_add(t->arena, &subscripts,
                    i < matrices ? make_reference(t->arena, cut->between.axes[i].name) : make_integer(t->arena, 0));
    cut->rest = make_access(t->arena, cut->between.name, builder_list(&subscripts));
    return true;
}

/* A fold that is the same for all elements of a matrix. */
static bool is_of_matrices(struct tiler *t, struct node_reduction *written) {
    struct node_reduction fold = flattened(t, written);
    const struct node_axis *last = NULL;
    for (size_t i = 0; i < t->axis_count; i++)
        if (match_varies(&written->base, t->axes[i].name) && is_tile_axis(t, t->axes[i].name))
            return false;
    return folded_tiles(t, &fold, &last) > 0;
}

/* What such a fold needs of others of its kind is made before it. */
static struct node_reduction *innermost(struct tiler *t, struct node_reduction *fold) {
    for_each (reduction, inner, fold->body)
        if (is_of_matrices(t, inner))
            return innermost(t, inner);
    return fold;
}

/* The fold, or what it needs first: where all elements that it folds read that, it is a number. */
static bool cut_at(struct tiler *t, struct cut *cut, struct node_reduction *outer) {
    struct node_reduction *fold = innermost(t, outer);
    cut->one = axis_of_one(t, cut->equation, &fold->base);
    bool alone = cut->one && fold == outer && count_alike(t, &fold->base) == 1;
    if (!alone)
        cut->one = NULL;
    return alone ? cut_by_axes(t, cut, fold) : cut_as_number(t, cut, fold == outer ? cut->equation->value : outer->body, &fold->base);
}

static bool cut_fold(struct tiler *t, struct cut *cut) {
    for (size_t i = 0; i < t->equation_count; i++)
        for_each (reduction, reduction, t->equations[i].value) {
            cut->equation = &t->equations[i];
            if (is_of_matrices(t, reduction) && cut_at(t, cut, reduction))
                return true;
        }
    return false;
}

/* ---- results ---- */

/* Of the axes that cores may share so far, those that the equation has as well; `count`: those that are left. */
static size_t shared_axes(const struct tiler *t, const struct equation *equation, const struct range *shared,
                          size_t count, struct range *left) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool has = false;
        for (size_t k = 0; k < equation->axis_count; k++)
            has |= same_range(t, &shared[i], &equation->axes[k]);
        if (has)
            left[kept++] = shared[i];
    }
    return kept;
}

/* The first result and those that have an axis in common with it go first; where all have one, the first goes alone. */
static bool part_results(struct tiler *t, bool *results) {
    struct range shared[AXIS_LIMIT];
    size_t shared_count = 0, stores = 0, taken = 0, begin = 0;
    for (size_t i = 0; i < t->equation_count; i++) {
        const struct equation *equation = &t->equations[i];
        struct range left[AXIS_LIMIT];
        results[i] = false;
        if (!equation->store)
            continue;
        if (stores++ == 0) {
            begin = i;
            memcpy(shared, equation->axes, sizeof shared);
            shared_count = equation->axis_count;
        }
        size_t kept = shared_axes(t, equation, shared, shared_count, left);
        if (kept || i == begin) {
            memcpy(shared, left, sizeof shared);
            shared_count = kept;
            results[i] = true;
            taken++;
        }
    }
    for (size_t i = begin + 1; taken == stores && i < t->equation_count; i++)
        results[i] = false;
    return stores > 1;
}

/* ---- values ---- */

/* The value that is looked at, with the axes of its equation and of the folds around it. */
struct value_search {
    struct tiler *t;
    struct cut *cut;
    size_t count;
    struct range axes[2 * AXIS_LIMIT];
    bool nested, found;
};

/* One or two axes in tiles: that which is the last one of the result stays last, others are in the order of the loops. */
static bool add_tiles(struct value_search *s, struct node *part) {
    const struct equation *equation = s->cut->equation;
    const struct range *last = equation->axis_count ? &equation->axes[equation->axis_count - 1] : NULL;
    struct equation *between = &s->cut->between;
    size_t matrices = between->axis_count;
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < s->count; i++) {
            const struct range *range = &s->axes[i];
            bool is_last = last && strcmp(range->name, last->name) == 0;
            if (is_tile_axis(s->t, range->name) && match_varies(part, range->name) && is_last == (turn == 1) &&
                !add_axis(between, range))
                return false;
        }
    size_t tiles = between->axis_count - matrices;
    return tiles == 1 || tiles == 2;
}

/* The part is made by the first kernel. */
static bool cut_part(struct value_search *s, struct node *part) {
    struct tiler *t = s->t;
    struct cut *cut = s->cut;
    begin_between(t, cut, cut->equation);
    if (!add_matrices(t, cut, cut->equation, part))
        return false;
    size_t matrices = cut->between.axis_count;
    if (!add_tiles(s, part))
        return false;
    struct range one = new_axis_of_one(t, cut->equation->span);
    bool column = matrices && cut->between.axis_count == matrices + 1;
    if (column && !add_axis(&cut->between, &one))
        return false;
    end_between(t, cut, part);
    if (!cut->equation->store && part == cut->equation->value && cut->equation->dtype != DTYPE_NONE)
        cut->between.dtype = cut->equation->dtype == DTYPE_INDEX ? DTYPE_I32 : cut->equation->dtype;
    cut->part = part;
    cut->rest = read_between(t, cut, column ? one.name : NULL);
    return true;
}

static size_t tiles_of(const struct value_search *s, struct node *node, size_t count) {
    size_t tiles = 0;
    for (size_t i = 0; i < count; i++)
        tiles += is_tile_axis(s->t, s->axes[i].name) && match_varies(node, s->axes[i].name);
    return tiles;
}

/* A fold inside a fold, or one that the result does not vary along with all its axes. */
static bool search_fold(struct node *node, void *context) {
    struct value_search *s = context;
    struct node_reduction *reduction = node_as(node, reduction);
    if (!reduction)
        return node_each_child(node, search_fold, s);
    size_t own = s->cut->equation->axis_count, count = s->count;
    struct node *part = part_alike(s->t, s->cut->equation->value, s->count, s->axes, node);
    bool smaller = s->nested || tiles_of(s, part, own) < varying_tiles(s->t, s->cut->equation, s->cut->equation->value);
    if (smaller && part != s->cut->equation->value && cut_part(s, part)) {
        s->found = true;
        return false;
    }
    for (size_t i = 0; i < reduction->axes.count && s->count < 2 * AXIS_LIMIT; i++)
        s->axes[s->count++] = *axis_named(s->t, node_as(reduction->axes.items[i], axis)->name);
    bool nested = s->nested;
    s->nested = true;
    bool on = search_fold(reduction->body, s);
    s->nested = nested;
    s->count = count;
    return on;
}

static bool cut_value(struct tiler *t, struct cut *cut, struct equation *equation) {
    struct value_search s = {.t = t, .cut = cut, .count = equation->axis_count};
    memcpy(s.axes, equation->axes, equation->axis_count * sizeof *equation->axes);
    cut->equation = equation;
    cut->one = NULL;
    if (!equation->store)
        return find_kind(equation->value, NODE_REDUCTION) && equation->value->kind != NODE_ACCESS &&
               cut_part(&s, equation->value);
    search_fold(equation->value, &s);
    return s.found;
}

static bool cut_first_value(struct tiler *t, struct cut *cut) {
    for (size_t i = 0; i < t->equation_count; i++)
        if (cut_value(t, cut, &t->equations[i]))
            return true;
    return false;
}

/* ---- what is laid out once ---- */

static bool cut_access(struct tiler *t, struct cut *cut, struct equation *equation, struct node_access *access,
                       const struct tiled_axes *tiled) {
    struct view view;
    struct list_builder subscripts = {0};
    if (!view_of_access(t, equation, access, tiled, &view))
        return false;
    cut->equation = equation;
    begin_between(t, cut, equation);
    for (size_t i = 0; i < view.axis_count; i++) {
        struct range one = new_axis_of_one(t, equation->span);
        if (!add_axis(&cut->between, view.axes[i] ? axis_named(t, view.axes[i]) : &one))
            return false;
        builder_add(t->arena, &subscripts,
                    view.axes[i] ? make_reference(t->arena, view.axes[i]) : make_integer(t->arena, 0));
    }
    end_between(t, cut, &access->base);
    cut->part = &access->base;
    cut->rest = make_access(t->arena, cut->between.name, builder_list(&subscripts));
    return true;
}

/* A tensor that a launch of its own lays out once, as the kernel reads it. */
static bool cut_relaid(struct tiler *t, struct cut *cut) {
    struct tiled_axes tiled;
    if (!view_axes(t, &tiled))
        return false;
    for (size_t i = 0; i < t->equation_count; i++) {
        struct node_access *access = relaid_access(t, &t->equations[i], &tiled);
        if (access && cut_access(t, cut, &t->equations[i], access, &tiled))
            return true;
    }
    return false;
}

/* ---- places ---- */

/* A value that chooses what is read is made by a launch before, which keeps it in a tensor. */
static bool cut_place(struct tiler *t, struct cut *cut) {
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *let = &t->equations[i];
        struct range one = {0};
        bool single = let->axis_count == 0, added = true;
        if (let->store || !chooses_places(t, let->name))
            continue;
        if (single)
            one = new_axis_of_one(t, let->span);
        cut->equation = let;
        begin_between(t, cut, let);
        for (size_t k = 0; k < let->axis_count; k++)
            added &= add_axis(&cut->between, &let->axes[k]);
        if (!added || (single && !add_axis(&cut->between, &one)))
            return false;
        end_between(t, cut, let->value);
        cut->between.dtype = DTYPE_I32;
        cut->part = let->value;
        cut->rest = read_between(t, cut, single ? one.name : NULL);
        return true;
    }
    return false;
}

/* ---- the order of decision ---- */

void mark_needed(struct tiler *t, const struct node *value, bool *taken) {
    for_each (access, access, value)
        for (size_t i = 0; i < t->equation_count; i++)
            if (!t->equations[i].store && !taken[i] && strcmp(t->equations[i].name, access->name) == 0) {
                taken[i] = true;
                mark_needed(t, t->equations[i].value, taken);
            }
}

/* Is the value what one of these results is? */
static bool is_stored(const struct tiler *t, const struct equation *let, const bool *results) {
    for (size_t i = 0; i < t->equation_count; i++) {
        struct node_access *access = node_as(t->equations[i].value, access);
        if (t->equations[i].store && results[i] && access && strcmp(access->name, let->name) == 0)
            return true;
    }
    return false;
}

static bool *needed_by(struct tiler *t, const bool *results, bool wanted) {
    bool *needed = arena_allocate(t->arena, (t->equation_count + 1) * sizeof *needed);
    memset(needed, 0, t->equation_count * sizeof *needed);
    for (size_t i = 0; i < t->equation_count; i++)
        if (t->equations[i].store && results[i] == wanted)
            mark_needed(t, t->equations[i].value, needed);
    return needed;
}

/* A fold that both kernels would make: one is made for both. */
static bool cut_shared_value(struct tiler *t, struct cut *cut, const bool *results) {
    const bool *first = needed_by(t, results, true), *second = needed_by(t, results, false);
    for (size_t i = 0; i < t->equation_count; i++)
        if (first[i] && second[i] && !is_stored(t, &t->equations[i], results) &&
            cut_value(t, cut, &t->equations[i]))
            return true;
    return false;
}

bool cut_find(struct tiler *t, struct cut *cut) {
    if (cut_place(t, cut) || cut_relaid(t, cut) || cut_fold(t, cut))
        return true;
    bool *results = arena_allocate(t->arena, (t->equation_count + 1) * sizeof *results);
    if (!part_results(t, results))
        return cut_first_value(t, cut);
    if (!cut_shared_value(t, cut, results))
        cut->first = results;
    return true;
}

void cut_replace(struct tiler *t, const struct cut *cut, struct equation *equation) {
    if (cut->number) {
        struct alike alike = {.t = t, .part = canonical(t, cut->part), .rest = cut->rest};
        equation->value = replace_alike(equation->value, &alike);
    } else if (equation == cut->equation) {
        equation->value = replace_equal(t->arena, equation->value, cut->part, cut->rest);
        if (equation->dtype == DTYPE_INDEX) /* a position, which a tensor keeps as a whole number */
            equation->dtype = DTYPE_I32;
    }
}
