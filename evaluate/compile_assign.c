/* Assignments to what the machine runs: the ranges of the axes of the left side, the place, the value. */
#include <string.h>

#include "evaluate/compile.h"
#include "ir/attributes.h"
#include "ir/query.h"

/* ---- the axes that an assignment runs over ---- */

struct axis_walk {
    struct compiler *compiler;
    struct assignment *assignment;
    uint32_t entities[TENSOR_RANK_LIMIT]; /* indices of the axes */
};

static void add_axis(struct axis_walk *walk, const struct node_reference *reference) {
    struct compiler *c = walk->compiler;
    struct assignment *a = walk->assignment;
    struct entity *entity = entity_find(c, reference->name);
    if (!entity || entity->kind != ENTITY_AXIS || entity->bound)
        return;
    if (a->count == TENSOR_RANK_LIMIT) {
        compile_fail(c, reference->base.span, "an assignment over more than %d axes", TENSOR_RANK_LIMIT);
        return;
    }
    entity->bound = true;
    walk->entities[a->count] = (uint32_t)(entity - c->entities);
    struct range *range = &a->ranges[a->count++];
    range->slot = entity->slot;
    range->lower = expression_slot(c, entity->lower, NUMBER_INDEX, reference->base.span);
    range->upper = expression_slot(c, entity->high, NUMBER_INDEX, reference->base.span);
}

static void add_axes(struct axis_walk *walk, struct node *subscript) {
    for_each_node (node, subscript) {
        if (is_block_place(node))
            skip_below(node);
        else if (node->kind == NODE_REFERENCE)
            add_axis(walk, (const struct node_reference *)node);
    }
}

static void unbind(struct axis_walk *walk) {
    for (size_t i = 0; i < walk->assignment->count; i++)
        walk->compiler->entities[walk->entities[i]].bound = false;
}

/* ---- the place ---- */

static void set_scalar(struct compiler *c, struct assignment *a, const struct node_reference *reference) {
    const struct entity *entity = entity_find(c, reference->name);
    if (!entity || !entity->variable || (entity->kind != ENTITY_SLOT && entity->kind != ENTITY_FLOAT)) {
        compile_fail(c, reference->base.span, entity ? "%s cannot be assigned" : "there is no %s here",
                     reference->name);
        return;
    }
    a->place = entity->kind == ENTITY_SLOT ? PLACE_SLOT : PLACE_NUMBER;
    a->slot = entity->slot;
    a->type = entity->kind == ENTITY_SLOT ? entity->type : NUMBER_FLOAT;
    a->dtype = entity->kind == ENTITY_SLOT ? entity->dtype : DTYPE_NONE;
}

/* A fragment lies in DST or in partial tiles of the same format: tt.compute says whether that is f32, whatever type
 * it is declared as. */
static bool is_held_in_f32(const struct compiler *c, const struct entity *entity) {
    const struct node_buffer *buffer =
        entity->node && entity->node->kind == NODE_BUFFER ? (const struct node_buffer *)entity->node : NULL;
    const struct node *compute = attribute_get(c->kernel, KEY_TT_COMPUTE);
    return buffer && buffer->memory == MEMORY_FRAGMENT && entity->type == NUMBER_FLOAT &&
           attribute_integer(dictionary_get(compute, KEY_FP32_DEST_ACC_EN), 0) == 1;
}

static void set_access(struct compiler *c, struct assignment *a, const struct node_access *access) {
    const struct entity *found = entity_find(c, access->name);
    if (!found || found->kind != ENTITY_STORAGE) {
        compile_fail(c, access->base.span, found ? "%s has no elements" : "there is no %s here",
                     access->name);
        return;
    }
    struct entity entity = *found;
    a->type = entity.type;
    a->dtype = entity.variable && entity.type == NUMBER_FLOAT ? DTYPE_NONE : entity.dtype;
    a->dtype = is_held_in_f32(c, &entity) ? DTYPE_F32 : a->dtype;
    a->place = PLACE_ELEMENT;
    a->element = compile_element(c, access, &entity);
}

/* ---- the value ---- */

/* `target += sum(...)` goes on adding to what the target holds, one element after another; max= and the like
 * too. */
static bool continues(enum assign_operator op, const struct node *value) {
    if (value->kind != NODE_REDUCTION)
        return false;
    switch (((const struct node_reduction *)value)->op) {
    case REDUCTION_SUM:
        return op == ASSIGN_ADD;
    case REDUCTION_PRODUCT:
        return op == ASSIGN_MULTIPLY;
    case REDUCTION_MAX:
        return op == ASSIGN_MAX;
    case REDUCTION_MIN:
        return op == ASSIGN_MIN;
    default:
        return false;
    }
}

/* Does a loop over elements, which the target does not depend on, enclose the assignment? Then += is a sum
 * over that loop. */
static bool sums_over_loop(struct compiler *c, const struct node *target) {
    for (size_t i = 0; i < c->entity_count; i++)
        if (c->entities[i].loop && !mentions(target, c->entities[i].name))
            return true;
    return false;
}

/* The value that a target of this type takes; NULL after a failure. */
static const struct expression *compile_assigned(struct compiler *c, struct span span,
                                                 const struct node *value, enum number_type type) {
    const struct expression *e = compile_expression(c, value);
    if (e && e->type == NUMBER_FLOAT && type != NUMBER_FLOAT) {
        compile_fail(c, span, "a float value does not become an integer by itself: convert it");
        return NULL;
    }
    return e;
}

static void compile_value(struct compiler *c, struct assignment *a, const struct node *statement,
                          const struct node *target, const struct node *value) {
    if (a->type == NUMBER_FLOAT && continues(a->op, value)) {
        enum number_type type;
        const struct fold *fold = compile_fold(c, (const struct node_reduction *)value, &type);
        if (!fold)
            return;
        if (type == NUMBER_FLOAT) {
            a->fold = fold;
            return;
        }
        struct expression *e = expression_new(c, OP_FOLD, type, value->span);
        e->u.fold = fold;
        a->value = expression_as(c, e, a->type);
        return;
    }
    const struct expression *e = compile_assigned(c, statement->span, value, a->type);
    if (!e)
        return;
    bool sums =
        a->op == ASSIGN_ADD && statement->kind == NODE_ASSIGN && !c->exact && sums_over_loop(c, target);
    e = expression_as(c, e, a->type);
    a->value = sums && e->type == NUMBER_FLOAT ? compile_fpu(c, e) : e;
}

static void emit(struct compiler *c, const struct node *statement, struct assignment *a) {
    if (c->failed)
        return;
    bool moves =
        statement->kind == NODE_TILE && ((const struct node_tile *)statement)->operation == TILE_LOAD;
    if (c->program->model != MODEL_IDEAL && !moves && (a->dtype == DTYPE_BFP8 || a->dtype == DTYPE_BFP4)) {
        compile_fail(c, statement->span, "stores of %s are evaluated in the ideal model only",
                     word_text(WORDS_dtype, (int)a->dtype));
        return;
    }
    instruction_add(c, DO_ASSIGN, statement->span)->assignment = a;
}

/* `t = t + e` and `t = e + t` are `t += e`: the e, else NULL. */
static const struct node *addend(const struct node *target, const struct node *value) {
    const struct node_binary *sum = value->kind == NODE_BINARY ? (const struct node_binary *)value : NULL;
    if (!sum || sum->op != BINARY_ADD)
        return NULL;
    return node_equal(sum->left, target) ? sum->right : node_equal(sum->right, target) ? sum->left : NULL;
}

void compile_assignment(struct compiler *c, const struct node *statement, const struct node *target,
                        enum assign_operator op, const struct node *value) {
    const struct node *added =
        op == ASSIGN_SET && statement->kind == NODE_ASSIGN ? addend(target, value) : NULL;
    op = added ? ASSIGN_ADD : op;
    value = added ? added : value;
    struct assignment *a = arena_allocate(c->arena, sizeof *a);
    struct axis_walk walk = {.compiler = c, .assignment = a};
    const struct node_access *access =
        target->kind == NODE_ACCESS ? (const struct node_access *)target : NULL;
    a->op = op;
    a->name = access ? access->name : "";
    for (size_t i = 0; access && i < access->subscripts.count; i++)
        add_axes(&walk, access->subscripts.items[i]);
    if (access)
        set_access(c, a, access);
    else if (target->kind == NODE_REFERENCE)
        set_scalar(c, a, (const struct node_reference *)target);
    else
        compile_fail(c, target->span, "%s cannot be assigned", node_text(c->arena, target));
    if (!c->failed)
        compile_value(c, a, statement, target, value);
    unbind(&walk);
    emit(c, statement, a);
}

void compile_fill(struct compiler *c, const struct node *statement, const struct entity *entity, size_t count,
                  const struct range *ranges, const struct node *value, bool rounds) {
    struct assignment *a = arena_allocate(c->arena, sizeof *a);
    struct element *element = arena_allocate(c->arena, sizeof *element);
    *element = (struct element){.name = entity->name, .storage = entity->index, .rank = count};
    a->count = count;
    for (size_t i = 0; i < count; i++) {
        a->ranges[i] = ranges[i];
        element->subscripts[i] = expression_slot(c, ranges[i].slot, NUMBER_INDEX, statement->span);
    }
    a->name = entity->name;
    a->place = PLACE_ELEMENT;
    a->element = element;
    a->type = entity->type;
    a->dtype = rounds || entity->type != NUMBER_FLOAT ? entity->dtype : DTYPE_NONE;
    const struct expression *e = compile_assigned(c, statement->span, value, a->type);
    if (!e)
        return;
    e = expression_as(c, e, a->type);
    a->value = rounds ? e : expression_rounded(c, e, entity->dtype, statement->span);
    emit(c, statement, a);
}
