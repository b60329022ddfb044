/* Which axes of a nest lie in tiles. Where every tensor is read and written by its tiles, these are the axes of its last two
 * dimensions. Else the choice is by cost: of all pairs of the result's axes, and of an axis for each fold, those that
 * move the fewest elements one by one.
 *
 *     Y[n, o, p, q] = sum(c, r, s: X[n, c, p + r, q + s] * F[o, c, r, s])        o, q and c: rows of X are moved, and
 *                                                                                products of matrices summed
 */
#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "transforms/auto_tile_views.h"

/* Rough cycles: of a tile that is moved, or folded, as a whole; of an element of a row, and of any other element, which the
 * processors that move data copy. */
enum {
    COST_TILE = 300,
    COST_PRODUCT = 64,
    COST_LINES = 4, /* times a tile, of one of its rows or columns */
    COST_IN_ROW = 4,
    COST_ELEMENT = 40,
    COST_LAUNCH = 20000,
    USUAL_EXTENT = 64, /* of an axis */
    USUAL_WINDOW = 4,  /* of one that a fold adds to another in a subscript */
    BLOCK_EDGE = 128   /* of a block of results, which reads an operand once */
};

bool is_tiled_name(const struct tiled_axes *tiled, const char *name) {
    for (size_t i = 0; i < tiled->count; i++)
        if (strcmp(tiled->names[i], name) == 0)
            return true;
    return false;
}

static bool lies_in(const char *name, void *context) {
    return is_tiled_name(context, name);
}

static bool is_free(const struct node *subscript, const struct tiled_axes *tiled) {
    return match_is_free(subscript, lies_in, (void *)tiled);
}

/* Is it axis + e, with e free of the axes in tiles? */
static bool runs_along(const struct node *subscript, const char *axis, const struct tiled_axes *tiled) {
    if (subscript->kind == NODE_REFERENCE)
        return strcmp(((const struct node_reference *)subscript)->name, axis) == 0;
    const struct node_binary *sum = subscript->kind == NODE_BINARY ? (const struct node_binary *)subscript : NULL;
    if (!sum || (sum->op != BINARY_ADD && sum->op != BINARY_SUBTRACT))
        return false;
    return (runs_along(sum->left, axis, tiled) && is_free(sum->right, tiled)) ||
           (sum->op == BINARY_ADD && runs_along(sum->right, axis, tiled) && is_free(sum->left, tiled));
}

/* ---- what is moved by tiles ---- */

static bool runs_over_all(struct tiler *t, const struct range *range, const struct node *extent) {
    int64_t lower;
    return integer_value(range->lower, &lower) && lower == 0 &&
           relations_equal_sizes(t->relations, range->upper, extent);
}

bool is_plain_access(struct tiler *t, const struct equation *equation, const struct node_access *access,
                     const struct tiled_axes *tiled) {
    const struct node_parameter *tensor = relations_tensor(t->relations, access->name);
    size_t rank = access->subscripts.count;
    const char *seen = NULL;
    if (access->otherwise)
        return false;
    for (size_t i = 0; i < rank; i++) {
        const struct node *subscript = access->subscripts.items[i];
        if (is_free(subscript, tiled))
            continue;
        const char *axis =
            subscript->kind == NODE_REFERENCE ? ((const struct node_reference *)subscript)->name : NULL;
        if (i + 2 < rank || !axis || (seen && strcmp(seen, axis) == 0))
            return false;
        if (!is_own_axis(equation, axis) &&
            !runs_over_all(t, axis_named(t, axis), tensor->dimensions.items[i]))
            return false;
        seen = axis;
    }
    return true;
}

bool is_plain_result(const struct equation *equation, const struct tiled_axes *tiled) {
    size_t rank = equation->axis_count;
    if (equation->at)
        return false;
    for (size_t i = 0; i < rank; i++)
        if (is_tiled_name(tiled, equation->axes[i].name) != (i + 2 >= rank))
            return false;
    return true;
}

/* The axes in tiles as they follow from where they stand. */
static struct tiled_axes usual_axes(const struct tiler *t) {
    struct tiled_axes tiled = {.count = 0};
    for (size_t i = 0; i < t->axis_count && tiled.count < sizeof tiled.names / sizeof *tiled.names; i++)
        if (is_tile_axis(t, t->axis_names[i]))
            tiled.names[tiled.count++] = t->axis_names[i];
    return tiled;
}

bool wants_views(struct tiler *t) {
    struct tiled_axes tiled = usual_axes(t);
    for (size_t i = 0; i < t->equation_count; i++) {
        const struct equation *equation = &t->equations[i];
        if (equation->store && !is_plain_result(equation, &tiled))
            return true;
        for_each (access, access, equation->value)
            if (relations_tensor(t->relations, access->name) &&
                !is_plain_access(t, equation, access, &tiled))
                return true;
    }
    return false;
}

/* ---- cost ---- */

struct costs {
    struct tiler *t;
    const struct equation *equation;
    struct tiled_axes tiled;
    struct range around[4 * AXIS_LIMIT]; /* of the equation and of the folds around what is at hand */
    size_t count;
};

/* Does a fold run along the axis, over what lies around an element of the result: X[p + r]? */
static bool is_window(const struct costs *c, const char *axis) {
    if (is_own_axis(c->equation, axis))
        return false;
    for_each (access, access, c->equation->value)
        for (size_t i = 0; i < access->subscripts.count; i++)
            for (size_t k = 0; k < c->equation->axis_count; k++)
                if (match_varies(access->subscripts.items[i], axis) &&
                    match_varies(access->subscripts.items[i], c->equation->axes[k].name))
                    return true;
    return false;
}

/* Of no size that is given: which axes are folded in tiles says in which order terms are added, and results are the same
 * with sizes open and fixed. */
static double extent_of(const struct costs *c, const struct range *range) {
    return is_window(c, range->name) ? USUAL_WINDOW : USUAL_EXTENT;
}

size_t axes_of_view(const struct equation *equation, const struct node_access *access,
                    const struct tiled_axes *tiled, const char **axes) {
    size_t count = 0, rank = access->subscripts.count;
    /* Those of the result in its order, a folded one where it makes operands of a product: rows, folded, columns. */
    const char *own[2] = {NULL, NULL};
    for (size_t i = 0, k = 0; i < equation->axis_count && k < 2; i++)
        if (is_tiled_name(tiled, equation->axes[i].name))
            own[k++] = equation->axes[i].name;
    for (int turn = 0; turn < 3; turn++)
        for (size_t i = 0; i < tiled->count; i++) {
            const char *name = tiled->names[i];
            int place = own[0] && strcmp(name, own[0]) == 0 ? 0 : own[1] && strcmp(name, own[1]) == 0 ? 2 : 1;
            if (place != turn || !match_varies(&access->base, name))
                continue;
            if (count == 2)
                return 3;
            axes[count++] = name;
        }
    bool turned = count == 2 && runs_along(access->subscripts.items[rank - 1], axes[0], tiled);
    if (turned) {
        const char *last = axes[0];
        axes[0] = axes[1];
        axes[1] = last;
    }
    return count;
}

/* Are rows of the view parts of rows of the tensor? */
static bool moves_rows(const struct node_access *access, const struct tiled_axes *tiled, const char *last) {
    size_t rank = access->subscripts.count;
    if (!last || !runs_along(access->subscripts.items[rank - 1], last, tiled))
        return false;
    for (size_t i = 0; i + 1 < rank; i++)
        if (match_varies(access->subscripts.items[i], last))
            return false;
    return true;
}

/* What an access moves: elements, the tiles that they fill, and how often a kernel does so. */
struct moved {
    double elements, tiles, repeats;
};

static struct moved moved_by(const struct costs *c, const struct node_access *access) {
    struct moved moved = {1, 1, 1};
    for (size_t i = 0; i < c->count; i++) {
        double extent = extent_of(c, &c->around[i]);
        bool tiled = is_tiled_name(&c->tiled, c->around[i].name);
        if (match_varies(&access->base, c->around[i].name)) {
            moved.elements *= extent;
            moved.tiles *= tiled ? ceil(extent / TILE_EDGE) : extent;
        } else {
            moved.repeats *= tiled ? ceil(extent / BLOCK_EDGE) : extent;
        }
    }
    return moved;
}

/* Has the view at most twice the elements of its tensor? */
static bool is_as_large(const struct costs *c, const struct node_access *access, double elements) {
    const struct node_parameter *tensor = relations_tensor(c->t->relations, access->name);
    double all = 1;
    for (size_t i = 0; i < tensor->dimensions.count; i++) {
        double largest = 1;
        for (size_t k = 0; k < c->count; k++)
            if (match_varies(access->subscripts.items[i], c->around[k].name))
                largest = fmax(largest, extent_of(c, &c->around[k]));
        all *= largest;
    }
    return elements <= 2 * all;
}

/* Once, by a launch of its own, or every time that the kernel asks for it. */
static double cost_of_access(struct costs *c, const struct node_access *access, bool *relaid) {
    const char *axes[AXIS_LIMIT];
    size_t in_tiles = axes_of_view(c->equation, access, &c->tiled, axes);
    *relaid = false;
    if (in_tiles > 2)
        return INFINITY;
    struct moved moved = moved_by(c, access);
    double as_tiles = moved.repeats * moved.tiles * COST_TILE;
    if (is_plain_access(c->t, c->equation, access, &c->tiled))
        return in_tiles < 2 && access->subscripts.count > 1 ? as_tiles * COST_LINES : as_tiles;
    bool rows = moves_rows(access, &c->tiled, in_tiles ? axes[in_tiles - 1] : NULL);
    double once = moved.elements * (rows ? COST_IN_ROW : COST_ELEMENT) + moved.tiles * COST_TILE,
           apart = once + moved.tiles * COST_TILE + as_tiles + COST_LAUNCH;
    *relaid = in_tiles > 0 && !find_kind(&access->base, NODE_CALL) && apart < moved.repeats * once &&
              is_as_large(c, access, moved.elements);
    return *relaid ? apart : moved.repeats * once;
}

static double tiles_around(const struct costs *c) {
    double tiles = 1;
    for (size_t i = 0; i < c->count; i++) {
        double extent = extent_of(c, &c->around[i]);
        tiles *= is_tiled_name(&c->tiled, c->around[i].name) ? ceil(extent / TILE_EDGE) : extent;
    }
    return tiles;
}

static double cost_of_value(struct costs *c, struct node *value, struct tiled_axes *chosen);

/* What the fold costs where `folded`, of its axes, lies in tiles (NULL: none). */
static double cost_of_fold(struct costs *c, struct node_reduction *fold, const char *folded,
                           struct tiled_axes *chosen) {
    struct matcher matcher = tiler_matcher(c->t);
    const char *own[AXIS_LIMIT];
    size_t own_count = 0;
    double cost = COST_TILE;
    for (size_t i = 0; i < c->equation->axis_count; i++)
        if (is_tiled_name(&c->tiled, c->equation->axes[i].name) &&
            match_varies(&fold->base, c->equation->axes[i].name))
            own[own_count++] = c->equation->axes[i].name;
    if (folded) {
        struct node_reduction alone = *fold;
        for (size_t i = 0; i < fold->axes.count; i++)
            if (strcmp(node_as(fold->axes.items[i], axis)->name, folded) == 0)
                alone.axes = LIST(c->t->arena, fold->axes.items[i]);
        enum match_kind kind = match_reduction(&matcher, &alone.base, own_count, own).kind;
        if (kind == MATCH_NONE || c->tiled.count == sizeof c->tiled.names / sizeof *c->tiled.names)
            return INFINITY;
        cost = kind == MATCH_CONTRACTION ? COST_PRODUCT : COST_TILE;
        c->tiled.names[c->tiled.count++] = folded;
    }
    size_t mark = c->count;
    for (size_t i = 0; i < fold->axes.count && c->count < sizeof c->around / sizeof *c->around; i++)
        c->around[c->count++] = *axis_named(c->t, node_as(fold->axes.items[i], axis)->name);
    if (folded && chosen->count < sizeof chosen->names / sizeof *chosen->names)
        chosen->names[chosen->count++] = folded;
    cost = cost * tiles_around(c) + cost_of_value(c, fold->body, chosen);
    c->count = mark;
    c->tiled.count -= folded != NULL;
    return cost;
}

/* The cheapest way of the fold; its axis in tiles, and those of folds inside, join `chosen`. */
static double cost_of_best_fold(struct costs *c, struct node_reduction *fold, struct tiled_axes *chosen) {
    struct tiled_axes best = *chosen;
    double least = INFINITY;
    for (size_t i = 0; i <= fold->axes.count; i++) {
        const char *folded = i ? node_as(fold->axes.items[i - 1], axis)->name : NULL;
        struct tiled_axes with = *chosen;
        double cost = folded && is_tiled_name(&c->tiled, folded) ? INFINITY : cost_of_fold(c, fold, folded, &with);
        if (cost < least) {
            least = cost;
            best = with;
        }
    }
    *chosen = best;
    return least;
}

struct cost_visit {
    struct costs *c;
    struct tiled_axes *chosen;
    double cost;
};

static bool add_cost(struct node *node, void *context) {
    struct cost_visit *visit = context;
    visit->cost += cost_of_value(visit->c, node, visit->chosen);
    return true;
}

static double cost_of_value(struct costs *c, struct node *value, struct tiled_axes *chosen) {
    struct node_access *access = node_as(value, access);
    struct node_reduction *fold = node_as(value, reduction);
    struct cost_visit visit = {c, chosen, 0};
    if (fold)
        return cost_of_best_fold(c, fold, chosen);
    bool relaid;
    if (access && relations_tensor(c->t->relations, access->name))
        return cost_of_access(c, access, &relaid);
    if (!access)
        node_each_child(value, add_cost, &visit);
    return visit.cost;
}

static double cost_of_result(const struct costs *c) {
    const struct equation *equation = c->equation;
    double elements = 1;
    if (!equation->store || is_plain_result(equation, &c->tiled))
        return tiles_around(c) * COST_TILE;
    for (size_t i = 0; i < equation->axis_count; i++)
        elements *= extent_of(c, &equation->axes[i]);
    if (!is_tiled_name(&c->tiled, equation->axes[equation->axis_count - 1].name))
        return INFINITY; /* results are written in parts of rows */
    return elements * COST_IN_ROW + tiles_around(c) * COST_TILE;
}

/* ---- the choice ---- */

/* Is what is settled of its axes as the equation has it: those in tiles are the ones at these places? */
static bool agrees(const struct equation *equation, const struct tiled_axes *settled, size_t first, size_t second) {
    for (size_t i = 0; i < equation->axis_count; i++)
        if (is_tiled_name(settled, equation->axes[i].name) && i != first && i != second)
            return false;
    return true;
}

bool choose_tiled_axes(struct tiler *t, const struct equation *equation, struct tiled_axes *tiled) {
    struct tiled_axes best = {.count = 0};
    double least = INFINITY;
    size_t rank = equation->axis_count;
    /* From the last pair to the first: of equal costs the one that stands as tensors have theirs. */
    for (size_t second = rank; second-- > 0;)
        for (size_t first = second + 1; first-- > 0;) {
            if (!agrees(equation, tiled, first, second))
                continue;
            struct costs c = {.t = t, .equation = equation};
            memcpy(c.around, equation->axes, rank * sizeof *c.around);
            c.count = rank;
            c.tiled.names[c.tiled.count++] = equation->axes[first].name;
            if (first != second)
                c.tiled.names[c.tiled.count++] = equation->axes[second].name;
            struct tiled_axes chosen = c.tiled;
            double cost = cost_of_result(&c) + cost_of_value(&c, equation->value, &chosen);
            if (cost < least) {
                least = cost;
                best = chosen;
            }
        }
    for (size_t i = 0; i < best.count; i++)
        if (!is_tiled_name(tiled, best.names[i]) && tiled->count < sizeof tiled->names / sizeof *tiled->names)
            tiled->names[tiled->count++] = best.names[i];
    return isfinite(least);
}

void keep_usual_axes(struct tiler *t, const struct equation *equation, struct tiled_axes *tiled) {
    struct tiled_axes usual = usual_axes(t);
    for (size_t i = 0; i < usual.count; i++)
        if ((is_own_axis(equation, usual.names[i]) || mentions(equation->value, usual.names[i])) &&
            !is_tiled_name(tiled, usual.names[i]) && tiled->count < sizeof tiled->names / sizeof *tiled->names)
            tiled->names[tiled->count++] = usual.names[i];
}

/* ---- what is laid out once ---- */

static bool find_relaid(struct node *node, void *context);

struct relaid_search {
    struct costs costs;
    struct node_access *found;
};

static bool find_in_fold(struct relaid_search *search, struct node_reduction *fold) {
    struct costs *c = &search->costs;
    size_t mark = c->count;
    for (size_t i = 0; i < fold->axes.count && c->count < sizeof c->around / sizeof *c->around; i++)
        c->around[c->count++] = *axis_named(c->t, node_as(fold->axes.items[i], axis)->name);
    bool on = find_relaid(fold->body, search);
    c->count = mark;
    return on;
}

static bool find_relaid(struct node *node, void *context) {
    struct relaid_search *search = context;
    struct node_access *access = node_as(node, access);
    bool relaid = false;
    if (node->kind == NODE_REDUCTION)
        return find_in_fold(search, node_as(node, reduction));
    if (access && relations_tensor(search->costs.t->relations, access->name))
        cost_of_access(&search->costs, access, &relaid);
    if (relaid)
        search->found = access;
    return !relaid && (access || node_each_child(node, find_relaid, search));
}

struct node_access *relaid_access(struct tiler *t, const struct equation *equation,
                                  const struct tiled_axes *tiled) {
    struct relaid_search search = {.costs = {.t = t, .equation = equation, .tiled = *tiled}};
    memcpy(search.costs.around, equation->axes, equation->axis_count * sizeof *equation->axes);
    search.costs.count = equation->axis_count;
    find_relaid(equation->value, &search);
    return search.found;
}
