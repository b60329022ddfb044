/* A kernel that is cut, as two kernels: the equations of each are written as loops over elements again.
 */
#include "transforms/stages.h"

#include <string.h>

#include "analysis/bounds.h"
#include "analysis/dependence.h"
#include "analysis/isl_util.h"
#include "analysis/ranges.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "support/diagnostic.h"
#include "transforms/lift.h"
#include "transforms/stages_cut.h"

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
                 .target = equation->at ? &equation->at->base
                                        : access_of(t->arena, equation->name, equation->axis_count, equation->axes));
    return node_new(t->arena, for, FOR, span, .axes = axes, .body = make_block(t->arena, span, LIST(t->arena, assign)));
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

static bool mentioned_in(struct node_list nodes, const char *name) {
    bool found = false;
    for (size_t i = 0; i < nodes.count; i++)
        found |= mentions(nodes.items[i], name);
    return found;
}

/* A name that the body or a parameter that is kept uses, and that none binds which is kept. */
static bool lacks_size(struct node *body, const struct node_list all, const bool *kept,
                       const struct node_parameter *between, const char *name) {
    bool used = mentions(body, name), bound = between && binds_size(between, name);
    for (size_t i = 0; i < all.count; i++) {
        const struct node_parameter *parameter = node_as(all.items[i], parameter);
        used |= kept[i] && mentioned_in(parameter->dimensions, name);
        bool given = parameter->direction != DIRECTION_OUT || !is_assigned(body, parameter->name);
        bound |= kept[i] && given && binds_size(parameter, name);
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

/* What the body does not write, it only reads. */
static struct node *parameter_of(struct arena *arena, struct node *node, const struct node *body) {
    struct node_parameter parameter = *node_as(node, parameter);
    if (parameter.direction == DIRECTION_IN || is_assigned(body, parameter.name))
        return node;
    parameter.direction = DIRECTION_IN;
    return arena_copy(arena, &parameter, sizeof parameter);
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
            builder_add(t->arena, &parameters, parameter_of(t->arena, all.items[i], body));
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
        mark_needed(t, made->value, taken);
    for (size_t i = 0; i < t->equation_count; i++)
        if (t->equations[i].store && taken[i])
            mark_needed(t, t->equations[i].value, taken);
    return kernel_of(t, name, body_of(t, taken, made), between, direction);
}

/* What the second kernel needs and the first one stores is read where it is stored; `given`: the values that are. */
static void read_results(struct tiler *t, const bool *first, bool *given) {
    for (size_t i = 0; i < t->equation_count; i++) {
        const struct equation *result = &t->equations[i];
        struct node_access *access = node_as(result->value, access);
        struct equation *let = access && first[i] ? equation_named(t, access->name) : NULL;
        if (!let || let->axis_count != result->axis_count ||
            result->dtype != (let->dtype == DTYPE_NONE ? tensor_type(t, let->value) : let->dtype))
            continue;
        struct list_builder subscripts = {0};
        for (size_t k = 0; k < result->axis_count; k++)
            for (size_t m = 0; m < let->axis_count; m++)
                if (mentions(access->subscripts.items[m], result->axes[k].name))
                    builder_add(t->arena, &subscripts, make_reference(t->arena, let->axes[m].name));
        if (subscripts.count != result->axis_count)
            continue;
        let->value = make_access(t->arena, result->name, builder_list(&subscripts));
        given[let - t->equations] = true;
    }
}

/* Do these equations read, of what is changed in place, what one of the others has overwritten by then? Accesses in
 * equations are to what a tensor held at first, but for the values that are given. */
static bool reads_overwritten(struct tiler *t, const bool *taken, const bool *before, const bool *given) {
    for (size_t i = 0; i < t->equation_count; i++)
        for_each (access, access, taken[i] && !given[i] ? t->equations[i].value : NULL)
            for (size_t k = 0; k < t->equation_count; k++)
                if (t->equations[k].store && (before[k] || (taken[k] && k < i)) &&
                    strcmp(t->equations[k].name, access->name) == 0)
                    return true;
    return false;
}

static bool make_kernels(struct tiler *t, const struct cut *cut, struct stages *stages) {
    size_t size = (t->equation_count + 1) * sizeof(bool);
    bool *first = memset(arena_allocate(t->arena, size), 0, size),
         *second = memset(arena_allocate(t->arena, size), 0, size),
         *given = memset(arena_allocate(t->arena, size), 0, size),
         *none = memset(arena_allocate(t->arena, size), 0, size);
    for (size_t i = 0; i < t->equation_count; i++) {
        first[i] = cut->first && cut->first[i];
        second[i] = t->equations[i].store && !first[i];
    }
    stages->between = cut->first ? NULL : between_parameter(t, &cut->between);
    stages->kernels[0] = kernel_of_results(t, stages->names[0], first, cut->first ? NULL : &cut->between,
                                           stages->between, DIRECTION_OUT);
    bool sound = !reads_overwritten(t, first, none, given);
    if (cut->first)
        read_results(t, cut->first, given);
    for (size_t i = 0; !cut->first && i < t->equation_count; i++)
        cut_replace(t, cut, &t->equations[i]);
    stages->kernels[1] =
        kernel_of_results(t, stages->names[1], second, NULL, stages->between, DIRECTION_IN);
    return sound && !reads_overwritten(t, second, cut->first ? cut->first : none, given);
}

/* The first kernel that has the data which choose places as its author wrote them checks them. */
static void check_places(struct tiler *t, struct node *indices, struct stages *stages) {
    for (size_t k = 0; indices && k < 2; k++) {
        struct list_builder own = {0};
        struct node_list all = node_as(indices, sequence)->items;
        for (size_t i = 0; i < all.count; i++)
            if (find_parameter(stages->kernels[k], attribute_word(dictionary_get(all.items[i], KEY_DATA), "")))
                builder_add(t->arena, &own, all.items[i]);
        if (own.count) {
            struct node *list = node_new(t->arena, sequence, SEQUENCE, ((struct span){0}), .items = builder_list(&own));
            stages->kernels[k] = attribute_set(t->arena, stages->kernels[k], KEY_TT_INDICES, list);
            return;
        }
    }
}

/* Every access is in bounds and every value there before it is read: that is asked of the kernel as it was written. */
static bool is_sound(struct tiler *t) {
    struct diagnostics *diagnostics = t->compilation->diagnostics;
    return ranges_counted(t->relations, diagnostics) && bounds_check(t->relations, diagnostics) &&
           dependence_coverage(t->relations, diagnostics);
}

bool stages_split(struct compilation *compilation, struct stages *stages) {
    struct node_kernel *kernel = node_as(compilation->kernel, kernel);
    struct cut cut = {0};
    if (lift_wanted(kernel))
        return false;
    isl_ctx *ctx = isl_begin();
    struct compilation quiet = *compilation;
    quiet.diagnostics = diagnostics_create(compilation->arena);
    struct tiler t = {
        .compilation = &quiet, .arena = compilation->arena, .kernel = kernel, .launches_apart = true};
    t.relations = relations_of(t.arena, ctx, compilation->kernel);
    bool found = is_sound(&t) && tile_read(&t) && !t.condition_count && cut_find(&t, &cut) &&
                 make_kernels(&t, &cut, stages);
    if (found)
        check_places(&t, tile_indices(&t), stages);
    relations_free(t.relations);
    isl_end(ctx);
    return found;
}
