/* Conditions over boxes of axes, as sets of isl. */
#include "analysis/box.h"

#include "analysis/affine.h"
#include "analysis/isl_util.h"
#include "ir/build.h"

/* Conditions that are not affine, each a dimension of its own: true where that is 1. */
struct opaque {
    const struct frame *frame;
    struct arena *arena;
    struct node_list conditions;
};

static const char *opaque_name(struct arena *arena, size_t number) {
    return arena_printf(arena, "condition %zu", number);
}

static struct node *name_opaque(struct node *node, void *context) {
    struct opaque *o = context;
    struct node_binary *binary = node_as(node, binary);
    struct node_unary *unary = node_as(node, unary);
    bool exact = true;
    if ((binary && (binary->op == BINARY_AND || binary->op == BINARY_OR)) || (unary && unary->op == UNARY_NOT))
        return node_map_children(o->arena, node, name_opaque, o);
    isl_set *set = condition_set(o->frame, node, false, &exact);
    bool affine = set != NULL;
    isl_set_free(set);
    if (affine)
        return node;
    size_t at = 0;
    while (at < o->conditions.count && !node_equal(o->conditions.items[at], node))
        at++;
    if (at == o->conditions.count)
        o->conditions = list_append(o->arena, o->conditions, node);
    return make_binary(o->arena, BINARY_EQUAL, make_reference(o->arena, opaque_name(o->arena, at)),
                       make_integer(o->arena, 1));
}

static isl_local_space *space_of(const struct relations *r, const struct scope *scope) {
    isl_space *space = isl_space_set_from_params(isl_space_copy(r->space));
    space = isl_space_add_dims(space, isl_dim_set, (unsigned)scope->variable_count);
    return isl_local_space_from_space(space);
}

static void add_variable(struct scope *scope, const char *name) {
    scope->variables[scope->variable_count++] = (struct variable){.name = name, .part = PART_INDEX};
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
    for (size_t i = 0; i < opaque.conditions.count && scope.variable_count < SCOPE_LIMIT; i++)
        add_variable(&scope, opaque_name(r->arena, i));
    f.space = space_of(r, &scope);
    isl_set *set = isl_set_universe(isl_local_space_get_space(f.space));
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        set = bound(&f, set, axis->name, axis->lower, false, &exact);
        set = bound(&f, set, axis->name, axis->upper, true, &exact);
    }
    set = cut(set, condition_set(&f, condition, false, &exact), &exact);
    set = isl_set_intersect_params(set, isl_set_copy(r->context));
    bool never = isl_proved(isl_set_is_empty(set));
    isl_set_free(set);
    isl_local_space_free(f.space);
    return never;
}
