/* Conditions over boxes of axes, as sets of isl. */
#include "analysis/box.h"

#include "analysis/affine.h"
#include "analysis/isl_util.h"
#include "ir/build.h"

/* What is not affine, each a dimension of its own: quotients, remainders and products by sizes, and conditions of other parts, true
 * where that is 1. */
struct opaque {
    const struct frame *frame;
    struct arena *arena;
    struct node_list parts;
};

static const char *opaque_name(struct arena *arena, size_t number) {
    return arena_printf(arena, "part %zu", number);
}

static struct node *named_part(struct opaque *o, struct node *node) {
    size_t at = 0;
    while (at < o->parts.count && !node_equal(o->parts.items[at], node))
        at++;
    if (at == o->parts.count)
        o->parts = list_append(o->arena, o->parts, node);
    return make_reference(o->arena, opaque_name(o->arena, at));
}

static bool is_affine_condition(const struct opaque *o, const struct node *node) {
    bool exact = true;
    isl_set *set = condition_set(o->frame, node, false, &exact);
    bool known = set != NULL;
    isl_set_free(set);
    return known;
}

static bool is_number_of_its_own(const struct opaque *o, const struct node *node) {
    const struct node_binary *binary = node->kind == NODE_BINARY ? (const struct node_binary *)node : NULL;
    if (!binary || (binary->op != BINARY_MULTIPLY && binary->op != BINARY_DIVIDE && binary->op != BINARY_REMAINDER))
        return false;
    isl_aff *aff = affine(o->frame, node);
    bool known = aff != NULL;
    isl_aff_free(aff);
    return !known;
}

static struct node *zero_numbers(struct node *node, void *context) {
    struct opaque *o = context;
    return is_number_of_its_own(o, node) ? make_integer(o->arena, 0)
                                         : node_map_children(o->arena, node, zero_numbers, o);
}

static struct node *name_numbers(struct node *node, void *context) {
    struct opaque *o = context;
    return is_number_of_its_own(o, node) ? named_part(o, node) : node_map_children(o->arena, node, name_numbers, o);
}

static struct node *name_opaque(struct node *node, void *context) {
    struct opaque *o = context;
    struct node_binary *binary = node_as(node, binary);
    struct node_unary *unary = node_as(node, unary);
    if ((binary && (binary->op == BINARY_AND || binary->op == BINARY_OR)) || (unary && unary->op == UNARY_NOT))
        return node_map_children(o->arena, node, name_opaque, o);
    if (is_affine_condition(o, node))
        return node;
    if (is_affine_condition(o, zero_numbers(node, o)))
        return name_numbers(node, o);
    return make_binary(o->arena, BINARY_EQUAL, named_part(o, node), make_integer(o->arena, 1));
}

static isl_local_space *space_of(const struct relations *r, const struct scope *scope) {
    isl_space *space = isl_space_set_from_params(isl_space_copy(r->space));
    space = isl_space_add_dims(space, isl_dim_set, (unsigned)scope->variable_count);
    return isl_local_space_from_space(space);
}

static void add_variable(struct scope *scope, const char *name) {
    scope->variables[scope->variable_count++] = (struct variable){.name = name, .part = PART_INDEX};
}

/* A remainder is below its divisor. */
static __isl_give isl_set *bound_part(const struct frame *f, __isl_take isl_set *set, const struct node *part,
                                      const char *name, bool *exact) {
    const struct node_binary *binary = part->kind == NODE_BINARY ? (const struct node_binary *)part : NULL;
    if (!binary || binary->op != BINARY_REMAINDER)
        return set;
    set = bound(f, set, name, make_integer(f->relations->arena, 0), false, exact);
    return bound(f, set, name, binary->right, true, exact);
}

bool box_never(const struct relations *r, struct node_list axes, const struct node *condition) {
    struct scope scope = {0};
    bool exact = true;
    if (axes.count > SCOPE_LIMIT)
        return false;
    isl_question(r->ctx);
    for (size_t i = 0; i < axes.count; i++)
        add_variable(&scope, node_as(axes.items[i], axis)->name);
    struct frame f = {&scope, r, space_of(r, &scope)};
    struct opaque opaque = {&f, r->arena, {0}};
    condition = name_opaque((struct node *)(uintptr_t)condition, &opaque);
    isl_local_space_free(f.space);
    for (size_t i = 0; i < opaque.parts.count && scope.variable_count < SCOPE_LIMIT; i++)
        add_variable(&scope, opaque_name(r->arena, i));
    f.space = space_of(r, &scope);
    isl_set *set = isl_set_universe(isl_local_space_get_space(f.space));
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        set = bound(&f, set, axis->name, axis->lower, false, &exact);
        set = bound(&f, set, axis->name, axis->upper, true, &exact);
    }
    for (size_t i = 0; i < opaque.parts.count && axes.count + i < scope.variable_count; i++)
        set = bound_part(&f, set, opaque.parts.items[i], opaque_name(r->arena, i), &exact);
    set = cut(set, condition_set(&f, condition, false, &exact), &exact);
    set = isl_set_intersect_params(set, isl_set_copy(r->context));
    bool never = isl_proved(isl_set_is_empty(set));
    isl_set_free(set);
    isl_local_space_free(f.space);
    return never;
}
