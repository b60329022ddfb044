/* All equations agree on their axes. Those that all have in common go to the grid; those of intermediate
 * values and folds are covered whole by one block; other axes of outputs are streamed.
 */
#include <string.h>

#include "support/architecture.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/auto_tile_emit.h"
#include "transforms/shards.h"

/* ---- common axes ---- */

static int axis_at(const struct equation *equation, const char *name) {
    for (size_t i = 0; i < equation->axis_count; i++)
        if (strcmp(equation->axes[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* The equation with axes of its own called otherwise, all at once. */
static void rename_own(struct tiler *t, struct equation *equation, size_t count, const char *const *from,
                       const char *const *to) {
    equation->value = rename_axes(t, equation->value, count, from, to);
    if (equation->at)
        equation->at = node_as(rename_axes(t, &equation->at->base, count, from, to), access);
    struct range axes[AXIS_LIMIT];
    memcpy(axes, equation->axes, sizeof axes);
    for (size_t i = 0; i < equation->axis_count; i++)
        for (size_t k = 0; k < count; k++)
            if (strcmp(equation->axes[i].name, from[k]) == 0)
                axes[i].name = to[k];
    memcpy(equation->axes, axes, sizeof axes);
}

/* Outputs of separate nests: equal ranges are the same axis, in the order of the first output. */
static void unify_stores(struct tiler *t) {
    const struct equation *first = NULL;
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *equation = &t->equations[i];
        if (!equation->store)
            continue;
        if (!first) {
            first = equation;
            continue;
        }
        const char *from[AXIS_LIMIT], *to[AXIS_LIMIT];
        size_t count = 0;
        bool used[AXIS_LIMIT] = {false};
        for (size_t k = 0; k < first->axis_count; k++)
            used[k] = axis_at(equation, first->axes[k].name) >= 0;
        for (size_t a = 0; a < equation->axis_count; a++) {
            if (axis_at(first, equation->axes[a].name) >= 0)
                continue;
            for (size_t k = 0; k < first->axis_count; k++)
                if (!used[k] && same_range(t, &first->axes[k], &equation->axes[a])) {
                    used[k] = true;
                    from[count] = equation->axes[a].name;
                    to[count++] = first->axes[k].name;
                    break;
                }
        }
        rename_own(t, equation, count, from, to);
    }
}

static struct node_access *find_access(struct node *value, const char *name) {
    for_each (access, access, value)
        if (strcmp(access->name, name) == 0)
            return access;
    return NULL;
}

/* Does every access of the name have the axis at this place? */
static bool is_read_at(struct node *value, const char *name, size_t position, const char *axis) {
    for_each (access, access, value) {
        bool named = strcmp(access->name, name) == 0;
        struct node_reference *reference =
            named ? node_as(access->subscripts.items[position], reference) : NULL;
        if (named && !(reference && strcmp(reference->name, axis) == 0))
            return false;
    }
    return true;
}

/* Every reading of an intermediate value runs over the same elements of it: one loop computes and reads them. */
static void check_parts(struct tiler *t, const struct equation *let, const char *const *axes,
                        const struct node_access *access) {
    for (size_t i = 0; i < access->subscripts.count && !t->failed; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        const struct range *here = reference ? axis_named(t, reference->name) : NULL,
                           *there = axis_named(t, axes[i]);
        if (here && there && !same_range(t, here, there) &&
            tile_fail(
                t, access->base.span.line ? access->base.span : let->span,
                "%s is read over %s..%s here and over %s..%s elsewhere: the device reads all that it computes",
                access->name, node_text(t->arena, here->lower), node_text(t->arena, here->upper),
                node_text(t->arena, there->lower), node_text(t->arena, there->upper)))
            tile_help(t, "store %s in a tensor, and read the part in a kernel of its own", access->name);
    }
}

/* Intermediate values take the axes of the place that reads them first. */
static void unify_values(struct tiler *t) {
    for (size_t i = t->equation_count; i-- > 0;) {
        struct equation *let = &t->equations[i];
        struct node_access *first = NULL;
        for (size_t k = t->equation_count; k-- > 0 && !first && !let->store;)
            first = find_access(t->equations[k].value, let->name);
        if (!first)
            continue;
        const char *from[AXIS_LIMIT], *to[AXIS_LIMIT];
        for (size_t k = 0; k < let->axis_count; k++) {
            from[k] = let->axes[k].name;
            to[k] = node_as(first->subscripts.items[k], reference)->name;
        }
        for (size_t k = 0; k < t->equation_count; k++)
            for_each (access, access, t->equations[k].value)
                if (strcmp(access->name, let->name) == 0)
                    check_parts(t, let, to, access);
        rename_own(t, let, let->axis_count, from, to);
    }
}

/* Is the axis one of every equation, and is every intermediate value read at that very axis? */
static bool is_common(struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->equation_count; i++) {
        const struct equation *equation = &t->equations[i];
        int at = axis_at(equation, name);
        if (at < 0)
            return false;
        if (equation->store)
            continue;
        for (size_t k = 0; k < t->equation_count; k++)
            if (!is_read_at(t->equations[k].value, equation->name, (size_t)at, name))
                return false;
    }
    return true;
}

static const struct equation *first_store(const struct tiler *t) {
    for (size_t i = 0; i < t->equation_count; i++)
        if (t->equations[i].store)
            return &t->equations[i];
    return NULL;
}

static void choose_outer(struct tiler *t) {
    const struct equation *store = first_store(t);
    for (size_t i = 0; store && i < store->axis_count; i++)
        if (is_common(t, store->axes[i].name))
            t->group.outer[t->group.outer_count++] = store->axes[i];
    if (t->group.outer_count)
        return;
    for (size_t i = 0; i < t->equation_count; i++)
        if (&t->equations[i] != store) {
            if (tile_fail(t, t->equations[i].span, "%s and %s have no axis in common that cores could share",
                          t->equations[i].unnamed ? "a fold in this statement" : t->equations[i].name,
                          store ? store->name : "the result"))
                tile_help(t, "write each as a kernel of its own, and launch them from a program");
            return;
        }
    tile_fail(t, store ? store->span : t->kernel->base.span, "the result has no axis that cores could share");
}

/* ---- axes that a block covers whole ---- */

/* Axes of one equation by the whole axis that each stands for. Axes of different reductions may share one:
 * only one is open at a time. */
struct inner_map {
    struct tiler *t;
    const struct equation *equation;
    struct {
        const char *from, *to;
        size_t scope; /* 0: an axis of the equation; else the number of the reduction that opens it */
    } entries[2 * AXIS_LIMIT];
    size_t count;
    size_t scope, scopes; /* at hand; so far */
};

static const char *mapped_axis(const struct inner_map *map, const char *from) {
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->entries[i].from, from) == 0)
            return map->entries[i].to;
    return NULL;
}

static size_t scope_of(const struct inner_map *map, const char *from) {
    return axis_at(map->equation, from) >= 0 ? 0 : map->scope;
}

static bool is_taken(const struct inner_map *map, const char *to, size_t scope) {
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->entries[i].to, to) == 0 &&
            (scope == 0 || map->entries[i].scope == 0 || map->entries[i].scope == scope))
            return true;
    return false;
}

static void fail_as_turned(struct inner_map *map, const char *format, const char *axis) {
    if (tile_fail(map->t, map->equation->span, "%s", arena_printf(map->t->arena, format, axis)))
        tile_help(
            map->t,
            "compute the value in a kernel of its own, which stores it in a tensor, and read that twice");
}

static void map_axis(struct inner_map *map, const char *from, const char *to) {
    const char *known = mapped_axis(map, from);
    size_t scope = scope_of(map, from);
    if (known && strcmp(known, to) != 0)
        fail_as_turned(map, "a value is read along %s and along another axis at once", from);
    else if (!known && is_taken(map, to, scope))
        fail_as_turned(map, "two axes of this statement run over the same axis %s of a value", to);
    if (known || map->t->failed || map->count == sizeof map->entries / sizeof *map->entries)
        return;
    map->entries[map->count].from = from;
    map->entries[map->count].to = to;
    map->entries[map->count++].scope = scope;
}

static bool map_reads(struct node *node, void *context);

static bool map_inside(struct node *node, struct inner_map *map, node_visit *visit) {
    size_t outside = map->scope;
    if (node->kind == NODE_REDUCTION)
        map->scope = ++map->scopes;
    bool result = node_each_child(node, visit, map);
    map->scope = outside;
    return result;
}

/* Subscripts of intermediate values bind their axes to those of the value's buffer. */
static bool map_reads(struct node *node, void *context) {
    struct inner_map *map = context;
    struct node_access *access = node_as(node, access);
    const struct equation *let = access ? equation_named(map->t, access->name) : NULL;
    for (size_t i = 0; let && i < let->axis_count && !map->t->failed; i++)
        if (!is_outer(map->t, let->axes[i].name))
            map_axis(map, node_as(access->subscripts.items[i], reference)->name, let->axes[i].name);
    return map_inside(node, map, map_reads);
}

/* A whole axis of the same range that the equation does not use yet. */
static void map_to_inner(struct inner_map *map, const struct range *range, bool may_add) {
    struct tiler *t = map->t;
    struct group *g = &t->group;
    if (mapped_axis(map, range->name) || is_outer(t, range->name))
        return;
    for (int same_name = 1; same_name >= 0; same_name--)
        for (size_t i = 0; i < g->inner_count; i++) {
            bool named = strcmp(g->inner[i].name, range->name) == 0;
            if (named == (same_name == 1) && !is_taken(map, g->inner[i].name, scope_of(map, range->name)) &&
                same_range(t, &g->inner[i], range)) {
                map_axis(map, range->name, g->inner[i].name);
                return;
            }
        }
    if (!may_add || g->inner_count == AXIS_LIMIT)
        return;
    g->inner[g->inner_count++] = *range;
    map_axis(map, range->name, range->name);
}

/* A reduction over a whole axis folds the axis in scope. */
static struct node *fold_inner(struct node *node, void *context) {
    struct inner_map *map = context;
    struct tiler *t = map->t;
    struct node_reduction *reduction = node_as(node, reduction);
    if (!reduction)
        return node_map_children(t->arena, node, fold_inner, map);
    struct node_reduction folded = *reduction;
    struct list_builder axes = {0};
    for (size_t i = 0; i < reduction->axes.count; i++) {
        struct node_axis axis = *node_as(reduction->axes.items[i], axis);
        const char *whole = mapped_axis(map, axis.name);
        if (whole) {
            axis.name = whole;
            axis.lower = axis.upper = NULL;
        }
        builder_add(t->arena, &axes, arena_copy(t->arena, &axis, sizeof axis));
    }
    folded.axes = builder_list(&axes);
    folded.body = fold_inner(reduction->body, map);
    return arena_copy(t->arena, &folded, sizeof folded);
}

static struct node *rename_mapped(struct node *node, void *context) {
    struct inner_map *map = context;
    struct node_reference *reference = node_as(node, reference);
    const char *whole = reference ? mapped_axis(map, reference->name) : NULL;
    if (whole)
        return node_with_span(map->t->arena, make_reference(map->t->arena, whole), node->span);
    return reference ? node : node_map_children(map->t->arena, node, rename_mapped, map);
}

static void apply_map(struct inner_map *map, struct equation *equation) {
    equation->value = rename_mapped(fold_inner(equation->value, map), map);
    for (size_t k = 0; k < equation->axis_count; k++) {
        const char *whole = mapped_axis(map, equation->axes[k].name);
        equation->axes[k].name = whole ? whole : equation->axes[k].name;
        equation->whole[k] |= whole != NULL;
    }
}

static bool is_inner_panel(const struct tiler *t, const struct node_axis *axis, const void *context) {
    (void)context;
    return axis->lower && is_inner(t, axis->name);
}

/* Panels of a reduction run inside the loop over whole axes: one of the same name gets a name of its own. */
static struct node *rename_panels(struct node *node, void *context) {
    struct tiler *t = context;
    struct node *mapped = node_map_children(t->arena, node, rename_panels, t);
    struct node_reduction *reduction = node_as(mapped, reduction);
    if (!reduction)
        return mapped;
    struct node_reduction renamed = rename_own_axes(t, reduction, is_inner_panel, NULL);
    return arena_copy(t->arena, &renamed, sizeof renamed);
}

static void separate_names(struct tiler *t) {
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *equation = &t->equations[i];
        for (size_t k = 0; k < equation->axis_count; k++)
            if (!equation->whole[k] && is_inner(t, equation->axes[k].name)) {
                const char *from[] = {equation->axes[k].name},
                           *to[] = {axis_duplicate(t, equation->axes[k].name)};
                rename_own(t, equation, 1, from, to);
            }
        equation->value = rename_panels(equation->value, t);
    }
}

/* A reduction along rows or columns, which is no contraction. */
static bool is_fold(const struct tiler *t, const struct equation *equation, struct node *reduction) {
    struct matcher matcher = tiler_matcher(t);
    const char *axes[AXIS_LIMIT];
    size_t count = 0;
    for (size_t i = 0; i < equation->axis_count; i++)
        if (is_tile_axis(t, equation->axes[i].name) && match_varies(reduction, equation->axes[i].name))
            axes[count++] = equation->axes[i].name;
    return match_reduction(&matcher, reduction, count, axes).kind == MATCH_FOLD;
}

/* A fold whose operand has to be computed, or whose operand other equations share, covers its axis whole;
 * that of one tensor alone runs by panels. A contraction runs by panels, unless the axis belongs to an
 * intermediate value. */
struct fold_walk {
    struct inner_map *map;
    bool may_add;
};

static bool map_folds(struct node *node, void *context) {
    struct fold_walk *walk = context;
    struct inner_map *map = walk->map;
    struct node_reduction *reduction = node_as(node, reduction);
    size_t outside = map->scope;
    if (reduction)
        map->scope = ++map->scopes;
    if (reduction && is_fold(map->t, map->equation, node)) {
        bool computed = reduction->body->kind != NODE_ACCESS || reduction->op == REDUCTION_MIN;
        bool whole = computed || map->t->equation_count > 1;
        for (size_t i = 0; i < reduction->axes.count; i++) {
            const struct range *range = axis_named(map->t, node_as(reduction->axes.items[i], axis)->name);
            if (is_tile_axis(map->t, range->name))
                map_to_inner(map, range, walk->may_add && whole);
        }
    }
    bool result = node_each_child(node, map_folds, context);
    map->scope = outside;
    return result;
}

/* Is every reduction of the value a fold? */
static bool has_no_contraction(const struct inner_map *map, struct node *value) {
    for_each (reduction, reduction, value)
        if (!is_fold(map->t, map->equation, &reduction->base))
            return false;
    return true;
}

static struct inner_map begin_map(struct tiler *t, const struct equation *equation) {
    struct inner_map map = {.t = t, .equation = equation};
    for (size_t k = 0; k < equation->axis_count; k++)
        if (equation->whole[k])
            map_axis(&map, equation->axes[k].name, equation->axes[k].name);
    return map;
}

/* Whole axes are, in this order of decision, those of intermediate values, those of folds, and those of
 * outputs of the same range. Other axes of outputs are streamed, and so are those of contractions, whose
 * block must fit a DST section. */
static void choose_inner(struct tiler *t) {
    for (int turn = 0; turn < 4 && !t->failed; turn++)
        for (size_t i = 0; i < t->equation_count && !t->failed; i++) {
            struct equation before = t->equations[i];
            struct inner_map map = begin_map(t, &before);
            struct fold_walk folds = {&map, turn == 1};
            map_reads(before.value, &map);
            bool own = turn == 0 ? !before.store
                                 : turn == 2 && before.store && has_no_contraction(&map, before.value);
            for (size_t k = 0; own && k < before.axis_count && !t->failed; k++)
                map_to_inner(&map, &before.axes[k], turn == 0);
            if ((turn == 1 || turn == 3) && !t->failed)
                map_folds(before.value, &folds);
            if (!t->failed)
                apply_map(&map, &t->equations[i]);
        }
    if (!t->failed)
        separate_names(t);
}

/* ---- streaming ---- */

static bool folds_streamed(const struct tiler *t, const struct equation *equation) {
    for_each (reduction, reduction, equation->value) {
        const struct node_axis *axis = node_as(reduction->axes.items[0], axis);
        if (!axis->lower && is_streamed(t, axis->name))
            return true;
    }
    return false;
}

/* An output that gathers over a streamed axis does so in the loops of the others where all of its own axis fits a DST
 * section: what those compute is not computed again for it. */
static void hold_short_axes(struct tiler *t) {
    struct group *g = &t->group;
    int64_t section = t->compilation->architecture->dst_tiles_f32;
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *equation = &t->equations[i];
        for (size_t k = 0; k < equation->axis_count && folds_streamed(t, equation); k++) {
            const struct range *range = &equation->axes[k];
            int64_t tiles = is_tile_axis(t, range->name) ? fixed_tiles(range) : -1;
            if (tiles < 0 || tiles > section || is_outer(t, range->name) || g->inner_count == AXIS_LIMIT)
                continue;
            if (!is_inner(t, range->name))
                g->inner[g->inner_count++] = *range;
            equation->whole[k] = true;
        }
    }
    separate_names(t);
}

/* Panels of an output's own stand around the loops that it gathers over, and what those compute again: no loop there has
 * the name of its axis. */
static void separate_panels(struct tiler *t) {
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *equation = &t->equations[i];
        for (size_t k = 0; k < equation->axis_count; k++) {
            const char *from[] = {equation->axes[k].name};
            bool taken = false;
            for (size_t other = 0; other < t->equation_count; other++)
                taken |= other != i && mentions(t->equations[other].value, from[0]);
            if (!taken || is_outer(t, from[0]) || is_inner(t, from[0]))
                continue;
            const char *to[] = {axis_duplicate(t, from[0])};
            rename_own(t, equation, 1, from, to);
        }
    }
}

/* Is one of the streamed axes of open size? */
static bool streams_open_axis(const struct tiler *t) {
    for (size_t i = 0; i < t->group.inner_count; i++)
        if (t->group.streamed[i] && fixed_tiles(&t->group.inner[i]) < 0)
            return true;
    return false;
}

/* Axes that a block of the grid covers are streamed where one loop over each does, or where what is kept of fixed sizes is
 * far beyond L1. Else they are held in L1, whole: where they have no room after all, or a launch has none, the kernel is
 * compiled with them streamed. tt.streamed decides where it is there.
 */
static void choose_streamed(struct tiler *t) {
    struct compilation *c = t->compilation;
    int64_t room = l1_for_buffers(c),
            asked = attribute_integer(attribute_get(&t->kernel->base, KEY_TT_STREAMED), -1);
    bool full = tile_footprint(t) / 2 > room, may_stream = stream_axes(t, full) || stream_axes(t, true),
         streamed = may_stream && asked != 0 && (asked == 1 || full || is_read_once(t));
    if (may_stream && asked < 0)
        c->rows = !streamed ? ROWS_MAY_STREAM : full ? ROWS_ONE_WAY : ROWS_MAY_HOLD;
    if (!streamed) {
        t->has_version = asked < 0 && streams_open_axis(t) && c->streamed_name;
        memset(t->group.streamed, 0, sizeof t->group.streamed);
        return;
    }
    if (tile_footprint(t) > room)
        stream_axes(t, true);
    hold_short_axes(t);
    separate_panels(t);
}

void tile_unify(struct tiler *t) {
    unify_stores(t);
    unify_values(t);
}

void tile_group(struct tiler *t) {
    tile_unify(t);
    choose_outer(t);
    if (!t->failed)
        choose_inner(t);
    if (!t->failed)
        choose_streamed(t);
}
