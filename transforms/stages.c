/* Where a kernel is cut into two launches: at a fold that one block cannot finish, at a value of which another fold takes
 * single elements, or between results. A fold along rows and
 * columns at once folds its last axis first, on all cores; the fold of a vector, which lies in no matrix, first makes the
 * matrix of one row that it is; what all elements of a result read is made before them. Results that have no axis in common
 * are made one after the other. All are read as equations, as auto_tile_tt reads them, and written as loops over elements
 * again.
 */
#include "transforms/stages.h"

#include <string.h>

#include "analysis/isl_util.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "support/diagnostic.h"
#include "transforms/auto_tile.h"

/* Results that the first kernel makes, or what it works out of one for the second: the equation of what lies between. */
struct cut {
    bool *first; /* of equations: the first kernel stores these; NULL: it stores what lies between */
    struct equation *equation; /* of the second kernel: it has the rest in place of the part */
    struct node_reduction *fold;
    const struct range *one; /* axis of the equation that the rest reads, but not the part; NULL: there is none */
    struct node *part, *rest;
    struct equation between;
};

/* ---- what is cut ---- */

/* A fold of folds of its own kind, as one over the axes of all. */
static struct node_reduction flattened(struct tiler *t, const struct node_reduction *fold) {
    struct node_reduction flat = *fold;
    for (struct node_reduction *inner; (inner = node_as(flat.body, reduction)) && inner->op == flat.op &&
                                       flat.axes.count + inner->axes.count <= AXIS_LIMIT;
         flat.body = inner->body)
        flat.axes = list_concat(t->arena, flat.axes, inner->axes);
    return flat;
}

static bool folds_in_any_order(enum reduction_operator op) {
    return op == REDUCTION_SUM || op == REDUCTION_PRODUCT || op == REDUCTION_MAX || op == REDUCTION_MIN;
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

static enum dtype element_of(const char *name, void *context) {
    const struct tiler *t = context;
    struct node_parameter *tensor = relations_tensor(t->relations, name);
    const struct equation *let = equation_named(t, name);
    return tensor ? tensor->dtype : let ? let->dtype : DTYPE_NONE;
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
    return folds_in_any_order(fold->op) ? tiles : 0;
}

/* The matrices that the fold is made for, and one more axis. */
static bool begin_between(struct tiler *t, struct cut *cut, const struct equation *equation,
                          const struct range *one) {
    cut->between = (struct equation){
        .name = name_fresh(&t->names, "between"), .store = true, .span = equation->span};
    for (size_t i = 0; i < equation->axis_count; i++)
        if (match_varies(&cut->fold->base, equation->axes[i].name) &&
            !add_axis(&cut->between, &equation->axes[i]))
            return false;
    return add_axis(&cut->between, one);
}

static void end_between(struct tiler *t, struct cut *cut, struct node *value) {
    cut->between.value = value;
    cut->between.dtype = kept_type(&(struct value_types){&t->kernel->base, element_of, t}, value);
}

/* The last axis in tiles and those of matrices are folded first; the axes in tiles before it then. A single one is left
 * for the second kernel. */
static bool cut_by_axes(struct tiler *t, struct cut *cut, const struct equation *equation,
                        const struct range *one) {
    struct node_reduction fold = flattened(t, cut->fold);
    struct list_builder first = {0}, second = {0};
    const struct node_axis *last = NULL;
    size_t tiles = folded_tiles(t, &fold, &last);
    if (!begin_between(t, cut, equation, one))
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
    cut->part = &cut->fold->base;
    cut->rest = fold_over(t, &fold, builder_list(&second),
                          access_of(t->arena, cut->between.name, cut->between.axis_count, cut->between.axes));
    return true;
}

/* The largest part of the equation's value that has this node and is the same for all elements of a matrix. */
static struct node *constant_part(const struct tiler *t, const struct equation *equation, struct node *node) {
    for_each_node (part, equation->value) {
        bool has = false;
        for_each_node (inner, part)
            has |= inner == node;
        if (has && !varying_tiles(t, equation, part))
            return part;
    }
    return node;
}

/* What all elements of the result read is a row of its own, as long as theirs: the same number in every place. */
static bool cut_as_row(struct tiler *t, struct cut *cut, const struct equation *equation) {
    const struct range *last = equation->axis_count ? &equation->axes[equation->axis_count - 1] : NULL;
    if (!last || !is_tile_axis(t, last->name))
        return false;
    struct range one = {.name = name_fresh(&t->names, "o"), .lower = make_integer(t->arena, 0),
                        .upper = make_integer(t->arena, 1), .span = last->span};
    if (!begin_between(t, cut, equation, &one) || !add_axis(&cut->between, last))
        return false;
    cut->part = constant_part(t, equation, &cut->fold->base);
    end_between(t, cut, cut->part);
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < cut->between.axis_count; i++)
        builder_add(t->arena, &subscripts,
                    i + 2 == cut->between.axis_count ? one.lower
                                                     : make_reference(t->arena, cut->between.axes[i].name));
    cut->rest = make_access(t->arena, cut->between.name, builder_list(&subscripts));
    return true;
}

static bool make_cut(struct tiler *t, struct cut *cut, const struct equation *equation,
                     struct node_reduction *written) {
    struct node_reduction fold = flattened(t, written);
    const struct node_axis *last = NULL;
    const struct range *one = axis_of_one(t, equation, &written->base);
    cut->fold = written;
    if (!folded_tiles(t, &fold, &last) || varying_tiles(t, equation, &written->base))
        return false;
    cut->one = one;
    return one ? cut_by_axes(t, cut, equation, one) : cut_as_row(t, cut, equation);
}

static bool cut_fold(struct tiler *t, struct cut *cut) {
    for (size_t i = 0; i < t->equation_count; i++)
        for_each (reduction, reduction, t->equations[i].value) {
            cut->equation = &t->equations[i];
            if (make_cut(t, cut, &t->equations[i], reduction))
                return true;
            skip_below(reduction);
        }
    return false;
}

/* What a fold takes element by element and another one computes: a fold, or a value with one in it. */
static struct node *folded_operand(struct tiler *t, const struct node_reduction *fold) {
    for_each_node (node, fold->body) {
        struct node_access *access = node_as(node, access);
        const struct equation *let = access ? equation_named(t, access->name) : NULL;
        if (varies_along_own(fold, node) &&
            (node->kind == NODE_REDUCTION || (let && find_kind(let->value, NODE_REDUCTION))))
            return node;
    }
    return NULL;
}

static bool cut_operand(struct tiler *t, struct cut *cut, struct equation *equation,
                        const struct node_reduction *fold, struct node *operand) {
    cut->between = (struct equation){
        .name = name_fresh(&t->names, "between"), .store = true, .span = equation->span};
    for (size_t i = 0; i < equation->axis_count; i++)
        if (match_varies(operand, equation->axes[i].name) && !add_axis(&cut->between, &equation->axes[i]))
            return false;
    for (size_t i = 0; i < fold->axes.count; i++) {
        const struct range *range = axis_named(t, node_as(fold->axes.items[i], axis)->name);
        if (match_varies(operand, range->name) && !add_axis(&cut->between, range))
            return false;
    }
    cut->equation = equation;
    cut->part = operand;
    cut->rest = access_of(t->arena, cut->between.name, cut->between.axis_count, cut->between.axes);
    end_between(t, cut, operand);
    return cut->between.axis_count > 1;
}

/* Elements are taken of tensors. */
static bool cut_elements(struct tiler *t, struct cut *cut) {
    for (size_t i = 0; i < t->equation_count; i++)
        for_each (reduction, reduction, t->equations[i].value) {
            bool elements = takes_elements(t, &t->equations[i], reduction);
            struct node *operand = elements ? folded_operand(t, reduction) : NULL;
            if (operand && cut_operand(t, cut, &t->equations[i], reduction, operand))
                return true;
        }
    return false;
}

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
static bool part_results(struct tiler *t, struct cut *cut) {
    struct range shared[AXIS_LIMIT];
    size_t shared_count = 0, stores = 0, taken = 0, begin = 0;
    cut->first = arena_allocate(t->arena, (t->equation_count + 1) * sizeof *cut->first);
    for (size_t i = 0; i < t->equation_count; i++) {
        const struct equation *equation = &t->equations[i];
        struct range left[AXIS_LIMIT];
        cut->first[i] = false;
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
            cut->first[i] = true;
            taken++;
        }
    }
    for (size_t i = begin + 1; taken == stores && i < t->equation_count; i++)
        cut->first[i] = false;
    return stores > 1;
}

/* ---- equations as loops ---- */

static struct node_list axes_of(struct tiler *t, const struct equation *equation) {
    struct list_builder axes = {0};
    for (size_t i = 0; i < equation->axis_count; i++) {
        const struct range *range = &equation->axes[i];
        builder_add(t->arena, &axes,
                    node_with_span(t->arena,
                                   make_axis(t->arena, range->name, range->lower, range->upper, NULL),
                                   range->span));
    }
    return builder_list(&axes);
}

/* A value without axes is read by its name. */
static struct node *as_written(struct node *node, void *context) {
    struct arena *arena = context;
    struct node_access *access = node_as(node, access);
    return access && !access->subscripts.count
               ? node_with_span(arena, make_reference(arena, access->name), node->span)
               : node_map_children(arena, node, as_written, arena);
}

static struct node *equation_statement(struct tiler *t, const struct equation *equation) {
    struct span span = equation->span;
    struct node_list axes = axes_of(t, equation);
    struct node *value = as_written(equation->value, t->arena);
    if (!equation->store)
        return node_new(t->arena, let, LET, span, .name = equation->name, .axes = axes,
                        .dtype = equation->dtype, .value = value);
    struct node *assign =
        node_new(t->arena, assign, ASSIGN, span, .op = ASSIGN_SET, .value = value,
                 .target = access_of(t->arena, equation->name, equation->axis_count, equation->axes));
    return node_new(t->arena, for, FOR, span, .axes = axes, .body = make_block(t->arena, span, LIST(t->arena, assign)));
}

/* The values that one needs stand before it. */
static void add_needed(struct tiler *t, struct node *value, bool *taken) {
    for_each (access, access, value)
        for (size_t i = 0; i < t->equation_count; i++)
            if (!t->equations[i].store && !taken[i] && strcmp(t->equations[i].name, access->name) == 0) {
                taken[i] = true;
                add_needed(t, t->equations[i].value, taken);
            }
}

/* Those that are taken, in their order, with `between` behind them where it is one. */
static struct node *body_of(struct tiler *t, const bool *taken, const struct equation *between) {
    struct list_builder statements = {0};
    for (size_t i = 0; i < t->equation_count; i++)
        if (taken[i])
            builder_add(t->arena, &statements, equation_statement(t, &t->equations[i]));
    if (between)
        builder_add(t->arena, &statements, equation_statement(t, between));
    return make_block(t->arena, t->kernel->base.span, builder_list(&statements));
}

/* ---- kernels ---- */

static struct node_parameter *between_parameter(struct tiler *t, const struct equation *between) {
    struct list_builder dimensions = {0};
    for (size_t i = 0; i < between->axis_count; i++)
        builder_add(t->arena, &dimensions, between->axes[i].upper);
    struct node *parameter =
        node_new(t->arena, parameter, PARAMETER, between->span, .direction = DIRECTION_OUT,
                 .name = between->name, .dtype = between->dtype, .dimensions = builder_list(&dimensions));
    return node_as(parameter, parameter);
}

static bool binds(const struct node_parameter *parameter, const char *name) {
    for (size_t i = 0; i < parameter->dimensions.count; i++) {
        struct node_reference *size = node_as(parameter->dimensions.items[i], reference);
        if (size && strcmp(size->name, name) == 0)
            return true;
    }
    return false;
}

static bool mentioned_in(struct node_list nodes, const char *name) {
    bool found = false;
    for (size_t i = 0; i < nodes.count; i++)
        found |= mentions(nodes.items[i], name);
    return found;
}

/* A name that the body or a parameter that is kept uses, and that none binds which is kept. */
static bool lacks_size(struct node *body, const struct node_list all, const bool *kept,
                       const struct node_parameter *between, const char *name) {
    bool used = mentions(body, name), bound = between && binds(between, name);
    for (size_t i = 0; i < all.count; i++) {
        const struct node_parameter *parameter = node_as(all.items[i], parameter);
        used |= kept[i] && mentioned_in(parameter->dimensions, name);
        bound |= kept[i] && parameter->direction != DIRECTION_OUT && binds(parameter, name);
    }
    return used && !bound;
}

/* Parameters that the body mentions, and those that say what its sizes are. */
static void keep_parameters(struct node_list all, struct node *body, const struct node_parameter *between,
                            bool *kept) {
    for (size_t i = 0; i < all.count; i++)
        kept[i] = mentions(body, node_as(all.items[i], parameter)->name);
    for (size_t i = 0; i < all.count; i++) {
        const struct node_parameter *parameter = node_as(all.items[i], parameter);
        for (size_t k = 0; k < parameter->dimensions.count && parameter->direction != DIRECTION_OUT; k++) {
            struct node_reference *size = node_as(parameter->dimensions.items[k], reference);
            kept[i] |= size && lacks_size(body, all, kept, between, size->name);
        }
    }
}

/* Conditions of what the kernel has: others are asked by the program. */
static struct node_list conditions_of(struct tiler *t, struct node_list conditions,
                                      struct node_list parameters) {
    struct list_builder kept = {0};
    for (size_t i = 0; i < conditions.count; i++) {
        bool known = true;
        for_each (reference, reference, conditions.items[i]) {
            bool found = false;
            for (size_t k = 0; k < parameters.count; k++) {
                const struct node_parameter *parameter = node_as(parameters.items[k], parameter);
                found |= strcmp(parameter->name, reference->name) == 0 ||
                         mentioned_in(parameter->dimensions, reference->name);
            }
            known &= found;
        }
        if (known)
            builder_add(t->arena, &kept, conditions.items[i]);
    }
    return builder_list(&kept);
}

/* between: made (OUT) or read (IN) by the kernel; NULL: there is nothing. */
static struct node *kernel_of(struct tiler *t, const char *name, struct node *body,
                              struct node_parameter *between, enum direction direction) {
    struct node_list all = t->kernel->parameters;
    bool *kept = arena_allocate(t->arena, (all.count + 1) * sizeof *kept);
    struct node_parameter *own = between ? arena_copy(t->arena, between, sizeof *between) : NULL;
    struct list_builder parameters = {0};
    keep_parameters(all, body, direction == DIRECTION_IN ? between : NULL, kept);
    if (own)
        own->direction = direction;
    if (own && direction == DIRECTION_IN)
        builder_add(t->arena, &parameters, &own->base);
    for (size_t i = 0; i < all.count; i++)
        if (kept[i])
            builder_add(t->arena, &parameters, all.items[i]);
    if (own && direction == DIRECTION_OUT)
        builder_add(t->arena, &parameters, &own->base);
    struct node_kernel kernel = *t->kernel;
    kernel.name = name;
    kernel.parameters = builder_list(&parameters);
    kernel.conditions = conditions_of(t, kernel.conditions, kernel.parameters);
    kernel.body = body;
    return arena_copy(t->arena, &kernel, sizeof kernel);
}

/* The kernel of these results, and of what lies between where it makes that. */
static struct node *kernel_of_results(struct tiler *t, const char *name, bool *taken, const struct equation *made,
                                      struct node_parameter *between, enum direction direction) {
    if (made)
        add_needed(t, made->value, taken);
    for (size_t i = 0; i < t->equation_count; i++)
        if (t->equations[i].store && taken[i])
            add_needed(t, t->equations[i].value, taken);
    return kernel_of(t, name, body_of(t, taken, made), between, direction);
}

/* In the equation that is cut, and in others that have the same part, and axes at which to read the rest. */
static void replace_part(struct tiler *t, const struct cut *cut, struct equation *equation) {
    struct node *rest = cut->rest;
    const struct range *one = cut->one ? axis_of_one(t, equation, cut->part) : NULL;
    if (equation != cut->equation && !one)
        return;
    if (one)
        rest = rename_entity(t->arena, rest, cut->one->name, one->name);
    equation->value = replace_equal(t->arena, equation->value, cut->part, rest);
}

static void make_kernels(struct tiler *t, const struct cut *cut, struct stages *stages) {
    bool *first = arena_allocate(t->arena, (t->equation_count + 1) * sizeof *first),
         *second = arena_allocate(t->arena, (t->equation_count + 1) * sizeof *second);
    for (size_t i = 0; i < t->equation_count; i++) {
        first[i] = cut->first && cut->first[i];
        second[i] = t->equations[i].store && !first[i];
    }
    stages->between = cut->first ? NULL : between_parameter(t, &cut->between);
    stages->kernels[0] = kernel_of_results(t, stages->names[0], first, cut->first ? NULL : &cut->between,
                                           stages->between, DIRECTION_OUT);
    for (size_t i = 0; !cut->first && i < t->equation_count; i++)
        replace_part(t, cut, &t->equations[i]);
    stages->kernels[1] =
        kernel_of_results(t, stages->names[1], second, NULL, stages->between, DIRECTION_IN);
}

/* What is changed in place cannot be read by a launch behind the one that changes it. */
static bool changes_in_place(const struct node_kernel *kernel) {
    for (size_t i = 0; i < kernel->parameters.count; i++)
        if (node_as(kernel->parameters.items[i], parameter)->direction == DIRECTION_INOUT)
            return true;
    return false;
}

bool stages_split(struct compilation *compilation, struct stages *stages) {
    struct node_kernel *kernel = node_as(compilation->kernel, kernel);
    struct cut cut = {0};
    if (changes_in_place(kernel))
        return false;
    isl_ctx *ctx = isl_begin();
    struct compilation quiet = *compilation;
    quiet.diagnostics = diagnostics_create(compilation->arena);
    struct tiler t = {.compilation = &quiet, .arena = compilation->arena, .kernel = kernel};
    t.relations = relations_of(t.arena, ctx, compilation->kernel);
    bool found = tile_read(&t) && !t.condition_count && 
                 (cut_elements(&t, &cut) || cut_fold(&t, &cut) || part_results(&t, &cut));
    if (found)
        make_kernels(&t, &cut, stages);
    relations_free(t.relations);
    isl_end(ctx);
    return found;
}
