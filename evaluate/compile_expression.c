/* Expressions of the IR to expressions of the evaluator. */
#include <string.h>

#include "evaluate/compile.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "ir/attributes.h"
#include "ir/build.h"

#define DEPTH_LIMIT 1000

static const char *text_of(struct compiler *c, const struct node *node) {
    return node_text(c->arena, node);
}

/* ---- names ---- */

static const struct expression *reference_to(struct compiler *c, const struct entity *entity,
                                             struct span span) {
    switch (entity->kind) {
    case ENTITY_NUMBER:
        return entity->value;
    case ENTITY_SLOT: {
        struct expression *e =
            expression_new(c, entity->checked ? OP_CHECKED_SLOT : OP_SLOT, entity->type, span);
        e->u.slot = entity->slot;
        return e;
    }
    case ENTITY_FLOAT: {
        struct expression *e = expression_new(c, OP_NUMBER_SLOT, NUMBER_FLOAT, span);
        e->u.slot = entity->slot;
        return e;
    }
    case ENTITY_AXIS:
        if (!entity->bound) {
            compile_fail(c, span, "%s stands for a whole block here, but its assignment does not run over %s",
                         entity->name, entity->name);
            return NULL;
        }
        return expression_slot(c, entity->slot, NUMBER_INDEX, span);
    default:
        compile_fail(c, span, "%s is no number", entity->name);
        return NULL;
    }
}

static const struct expression *compile_reference(struct compiler *c,
                                                  const struct node_reference *reference) {
    const struct entity *entity = entity_find(c, reference->name);
    if (!entity) {
        compile_fail(c, reference->base.span, "there is no %s here", reference->name);
        return NULL;
    }
    return reference_to(c, entity, reference->base.span);
}

/* ---- the FPU ---- */

static const struct expression *fpu_operand(struct compiler *c, const struct expression *a) {
    struct expression *e = expression_new(c, OP_FPU, NUMBER_FLOAT, a->span);
    e->a = a;
    e->narrow = a->narrow;
    return e;
}

/* An operator with both operands as the FPU takes them. */
static const struct expression *fpu_combination(struct compiler *c, const struct expression *body) {
    struct expression *combination = expression_new(c, OP_ARITHMETIC, NUMBER_FLOAT, body->span);
    *combination = *body;
    combination->a = fpu_operand(c, body->a);
    combination->b = fpu_operand(c, body->b);
    return combination;
}

/* A sum takes the factors of a product through the FPU, and what a reduce of the matrix unit adds up. */
const struct expression *compile_fpu(struct compiler *c, const struct expression *body) {
    bool product = body->operation == OP_ARITHMETIC && body->u.binary == BINARY_MULTIPLY;
    return product                               ? fpu_combination(c, body)
           : c->tile && !folds_in_slots(c->tile) ? fpu_operand(c, body)
                                                 : body;
}

/* ---- accesses ---- */

static bool compile_subscripts(struct compiler *c, struct node_list subscripts,
                               const struct expression **out) {
    for (size_t i = 0; i < subscripts.count && !c->failed; i++)
        out[i] = compile_integer(c, subscripts.items[i], "a subscript");
    return !c->failed;
}

static bool check_rank(struct compiler *c, const struct node_access *access, size_t rank, size_t limit) {
    if (access->subscripts.count == rank && rank <= limit)
        return true;
    compile_fail(c, access->base.span, "%s has %zu dimension%s, but %zu subscript%s", access->name, rank,
                 rank == 1 ? "" : "s", access->subscripts.count, access->subscripts.count == 1 ? "" : "s");
    return false;
}

const struct element *compile_element(struct compiler *c, const struct node_access *access,
                                      const struct entity *entity) {
    struct element *element = arena_allocate(c->arena, sizeof *element);
    element->name = access->name;
    element->storage = entity->index;
    element->rank = entity->rank;
    enum number_type type = entity->type;
    if (!check_rank(c, access, entity->rank, TENSOR_RANK_LIMIT) ||
        !compile_subscripts(c, access->subscripts, element->subscripts))
        return NULL;
    if (access->otherwise) {
        const struct expression *otherwise = compile_expression(c, access->otherwise);
        if (!otherwise)
            return NULL;
        element->otherwise = expression_as(c, otherwise, type);
    }
    return element;
}

static bool dtype_is_narrow(enum dtype dtype) {
    return dtype == DTYPE_BF16 || dtype == DTYPE_BFP8 || dtype == DTYPE_BFP4;
}

/* Does the value come to DST through SrcA, which holds TF32? So says tt.cb of its buffer. */
static bool comes_through_sources(const struct compiler *c, const struct entity *entity) {
    bool moves = c->tile && (c->tile->operation == TILE_MAP || c->tile->operation == TILE_TRANSPOSE ||
                             c->tile->operation == TILE_SCAN);
    const struct node *facts = moves && entity->node ? attribute_get(entity->node, KEY_TT_CB) : NULL;
    return facts && entity->dtype == DTYPE_F32 &&
           attribute_integer(dictionary_get(facts, KEY_UNPACK_TO_DEST), 0) == 0;
}

static const struct expression *compile_access(struct compiler *c, const struct node_access *access) {
    const struct entity *found = entity_find(c, access->name);
    struct span span = access->base.span;
    if (!found || found->kind != ENTITY_STORAGE) {
        compile_fail(c, span, found ? "%s has no elements" : "there is no %s here", access->name);
        return NULL;
    }
    struct entity entity = *found; /* compiling may move the entities */
    struct expression *e = expression_new(c, OP_ELEMENT, entity.type, span);
    e->narrow = dtype_is_narrow(entity.dtype);
    e->u.element = compile_element(c, access, &entity);
    if (c->failed)
        return NULL;
    return comes_through_sources(c, &entity) ? fpu_operand(c, e) : e;
}

/* ---- operators ---- */

/* The common type of two operands. */
static enum number_type join(enum number_type a, enum number_type b) {
    if (a == NUMBER_FLOAT || b == NUMBER_FLOAT)
        return NUMBER_FLOAT;
    if (a == NUMBER_U32 || b == NUMBER_U32)
        return NUMBER_U32;
    if (a == NUMBER_I32 || b == NUMBER_I32)
        return NUMBER_I32;
    return a == NUMBER_BOOL && b == NUMBER_BOOL ? NUMBER_I32 : NUMBER_INDEX;
}

static const struct expression *operate(struct compiler *c, enum operation operation, enum number_type type,
                                        struct span span, const struct expression *a,
                                        const struct expression *b) {
    struct expression *e = expression_new(c, operation, type, span);
    e->a = a;
    e->b = b;
    return e;
}

static const struct expression *compile_binary(struct compiler *c, const struct node_binary *binary) {
    const struct expression *a = compile_expression(c, binary->left);
    const struct expression *b = a ? compile_expression(c, binary->right) : NULL;
    if (!b)
        return NULL;
    struct span span = binary->base.span;
    if (binary->op == BINARY_AND || binary->op == BINARY_OR)
        return operate(c, binary->op == BINARY_AND ? OP_AND : OP_OR, NUMBER_BOOL, span, a, b);
    bool shifts = binary->op == BINARY_SHIFT_LEFT || binary->op == BINARY_SHIFT_RIGHT;
    enum number_type type =
        shifts && a->type != NUMBER_INDEX ? join(a->type, a->type) : join(a->type, b->type);
    a = expression_as(c, a, type);
    b = expression_as(c, b, type);
    bool compares = binary->op >= BINARY_EQUAL && binary->op <= BINARY_GREATER_EQUAL;
    if ((binary->op == BINARY_REMAINDER || is_operator_on_bits(binary->op)) && type == NUMBER_FLOAT) {
        compile_fail(c, span, "%s is for integers", word_text(WORDS_binary_operator, (int)binary->op));
        return NULL;
    }
    struct expression *e =
        expression_new(c, compares ? OP_COMPARISON : OP_ARITHMETIC, compares ? NUMBER_BOOL : type, span);
    e->a = a;
    e->b = b;
    e->u.binary = binary->op;
    return e;
}

static const struct expression *compile_unary(struct compiler *c, const struct node_unary *unary) {
    const struct expression *a = compile_expression(c, unary->operand);
    if (!a)
        return NULL;
    if (unary->op == UNARY_NOT)
        return operate(c, OP_NOT, NUMBER_BOOL, unary->base.span, a, NULL);
    struct expression *e =
        expression_new(c, OP_NEGATE, a->type == NUMBER_BOOL ? NUMBER_I32 : a->type, unary->base.span);
    e->a = expression_as(c, a, e->type);
    e->narrow = a->narrow;
    return e;
}

/* ---- calls ---- */

static bool argument_count(struct compiler *c, const struct node_call *call, size_t count) {
    if (call->arguments.count == count)
        return true;
    compile_fail(c, call->base.span, "%s takes %zu argument%s, not %zu", call->function, count,
                 count == 1 ? "" : "s", call->arguments.count);
    return false;
}

/* lo(i), len(i), inside(i): the argument is an axis. */
static const struct expression *compile_axis_call(struct compiler *c, const struct node_call *call) {
    struct span span = call->base.span;
    if (!argument_count(c, call, 1))
        return NULL;
    struct node_reference *reference = node_as(call->arguments.items[0], reference);
    const struct entity *axis = reference ? entity_find(c, reference->name) : NULL;
    bool inside = strcmp(call->function, "inside") == 0, low = strcmp(call->function, "lo") == 0;
    if (!axis || (axis->kind != ENTITY_AXIS && axis->kind != ENTITY_SLOT)) {
        compile_fail(c, span, "%s takes an axis in scope", call->function);
        return NULL;
    }
    if (inside)
        return expression_integer(c, 1, NUMBER_BOOL, span);
    if (axis->kind == ENTITY_SLOT) /* an element axis: a block of one */
        return low ? reference_to(c, axis, span) : expression_integer(c, 1, NUMBER_INDEX, span);
    const struct expression *lower = expression_slot(c, axis->lower, NUMBER_INDEX, span);
    return low ? lower
               : expression_arithmetic(c, BINARY_SUBTRACT, expression_slot(c, axis->high, NUMBER_INDEX, span),
                                       lower);
}

static const struct expression *compile_select(struct compiler *c, const struct node_call *call) {
    if (!argument_count(c, call, 3))
        return NULL;
    struct expression *e = expression_new(c, OP_SELECT, NUMBER_INDEX, call->base.span);
    const struct expression *then, *otherwise;
    if (!(e->a = compile_expression(c, call->arguments.items[0])) ||
        !(then = compile_expression(c, call->arguments.items[1])) ||
        !(otherwise = compile_expression(c, call->arguments.items[2])))
        return NULL;
    e->type = then->type == otherwise->type ? then->type : join(then->type, otherwise->type);
    e->b = expression_as(c, then, e->type);
    e->c = expression_as(c, otherwise, e->type);
    e->narrow = e->b->narrow && e->c->narrow;
    return e;
}

/* A function of the language; max and min of integers stay integers. */
static const struct expression *compile_function(struct compiler *c, const struct node_call *call,
                                                 const struct language_function *function) {
    if (!argument_count(c, call, function->arity))
        return NULL;
    const struct expression *operands[2] = {0};
    for (size_t i = 0; i < function->arity; i++)
        if (!(operands[i] = compile_expression(c, call->arguments.items[i])))
            return NULL;
    if (function->arity == 2 && operands[0]->type != NUMBER_FLOAT && operands[1]->type != NUMBER_FLOAT) {
        enum number_type type = join(operands[0]->type, operands[1]->type);
        return operate(c, strcmp(function->name, "max") == 0 ? OP_MAXIMUM : OP_MINIMUM, type, call->base.span,
                       expression_as(c, operands[0], type), expression_as(c, operands[1], type));
    }
    struct expression *e =
        expression_new(c, function->arity == 2 ? OP_FUNCTION_2 : OP_FUNCTION, NUMBER_FLOAT, call->base.span);
    e->a = expression_as(c, operands[0], NUMBER_FLOAT);
    e->b = operands[1] ? expression_as(c, operands[1], NUMBER_FLOAT) : NULL;
    e->narrow = function_keeps_values(function->name) && e->a->narrow && (!e->b || e->b->narrow);
    e->u.function = function;
    return e;
}

const struct expression *expression_rounded(struct compiler *c, const struct expression *value,
                                            enum dtype dtype, struct span span) {
    if (dtype != DTYPE_BF16 || value->narrow)
        return value;
    struct expression *e = expression_new(c, OP_ROUND, value->type, span);
    e->a = value;
    e->u.dtype = dtype;
    e->narrow = true;
    return e;
}

/* f32(x), i32(x), ...: a conversion, which for narrower floats rounds as a store does. */
static const struct expression *compile_conversion(struct compiler *c, const struct node_call *call,
                                                   enum dtype dtype) {
    if (!argument_count(c, call, 1))
        return NULL;
    const struct expression *a = compile_expression(c, call->arguments.items[0]);
    if (!a)
        return NULL;
    bool narrow = dtype == DTYPE_U16 || dtype == DTYPE_U8, real = a->type == NUMBER_FLOAT;
    if (narrow && real) {
        struct expression *cut = expression_new(c, OP_CONVERT, number_type_of(dtype), call->base.span);
        cut->a = a;
        cut->u.dtype = dtype;
        return cut;
    }
    a = expression_rounded(c, expression_as(c, a, number_type_of(dtype)), dtype, call->base.span);
    int64_t mask = dtype == DTYPE_U16 ? UINT16_MAX : UINT8_MAX;
    return narrow ? expression_arithmetic(c, BINARY_BIT_AND, a,
                                          expression_integer(c, mask, a->type, call->base.span))
                  : a;
}

static const struct expression *compile_random(struct compiler *c, const struct node_call *call) {
    if (!argument_count(c, call, 2))
        return NULL;
    const struct expression *seed = compile_integer(c, call->arguments.items[0], "a seed");
    const struct expression *index = seed ? compile_integer(c, call->arguments.items[1], "an index") : NULL;
    return index ? operate(c, OP_RANDOM, NUMBER_U32, call->base.span, expression_as(c, seed, NUMBER_U32),
                           expression_as(c, index, NUMBER_U32))
                 : NULL;
}

static const struct expression *compile_ceildiv(struct compiler *c, const struct node_call *call) {
    if (!argument_count(c, call, 2))
        return NULL;
    const struct expression *a = compile_integer(c, call->arguments.items[0], "an operand of ceildiv");
    const struct expression *b =
        a ? compile_integer(c, call->arguments.items[1], "an operand of ceildiv") : NULL;
    if (!b)
        return NULL;
    enum number_type type = join(a->type, b->type);
    return operate(c, OP_CEILDIV, type, call->base.span, expression_as(c, a, type),
                   expression_as(c, b, type));
}

/* fpu(e): the operands as the FPU takes them. It adds a product, and what it spreads, to a slot of zeros. */
static const struct expression *compile_fpu_call(struct compiler *c, const struct node_call *call) {
    if (!argument_count(c, call, 1))
        return NULL;
    const struct expression *body = compile_expression(c, call->arguments.items[0]);
    if (!body)
        return NULL;
    bool combines = body->operation == OP_ARITHMETIC;
    const struct expression *value = combines ? fpu_combination(c, body) : fpu_operand(c, body);
    bool added = !combines || body->u.binary == BINARY_MULTIPLY;
    if (!added || c->program->model != MODEL_DEVICE)
        return value;
    const struct expression *zero =
        expression_as(c, expression_integer(c, 0, NUMBER_INDEX, call->base.span), NUMBER_FLOAT);
    return expression_arithmetic(c, BINARY_ADD, zero, value);
}

static const struct expression *compile_call(struct compiler *c, const struct node_call *call) {
    const char *name = call->function;
    const struct language_function *function = language_function_find(name);
    int dtype = word_value(WORDS_dtype, name);
    if (function)
        return compile_function(c, call, function);
    if (strcmp(name, "lo") == 0 || strcmp(name, "len") == 0 || strcmp(name, "inside") == 0)
        return compile_axis_call(c, call);
    if (strcmp(name, "select") == 0)
        return compile_select(c, call);
    if (strcmp(name, "fpu") == 0)
        return compile_fpu_call(c, call);
    if (strcmp(name, "ceildiv") == 0)
        return compile_ceildiv(c, call);
    if (strcmp(name, "random") == 0)
        return compile_random(c, call);
    if (dtype > 0)
        return compile_conversion(c, call, (enum dtype)dtype);
    compile_fail(c, call->base.span, "there is no function %s", name);
    return NULL;
}

/* ---- reductions ---- */

/* What an axis in scope was before a reduction folds it: inside, its name means the element of the fold. */
struct folded_axis {
    const char *name; /* NULL: an axis of the reduction's own */
    uint32_t slot;
    bool bound;
};

static bool compile_fold_axis(struct compiler *c, const struct node_axis *axis, struct range *range,
                              struct folded_axis *folded) {
    struct span span = axis->base.span;
    range->slot = slot_new(c);
    *folded = (struct folded_axis){0};
    if (axis->lower) {
        if (!axis->upper || !(range->lower = compile_integer(c, axis->lower, "a bound")) ||
            !(range->upper = compile_integer(c, axis->upper, "a bound")))
            return false;
        struct entity *entity = entity_add(c, ENTITY_SLOT, axis->name, &axis->base);
        entity->type = NUMBER_INDEX;
        entity->slot = range->slot;
        return true;
    }
    struct entity *entity = entity_find(c, axis->name);
    if (!entity || entity->kind != ENTITY_AXIS) {
        compile_fail(c, span, "%s is no block axis in scope", axis->name);
        return false;
    }
    *folded = (struct folded_axis){axis->name, entity->slot, entity->bound};
    entity->slot = range->slot;
    entity->bound = true;
    range->lower = expression_slot(c, entity->lower, NUMBER_INDEX, span);
    range->upper = expression_slot(c, entity->high, NUMBER_INDEX, span);
    return true;
}

/* The number of the lane: its place in the block of lanes. */
static const struct expression *compile_lane(struct compiler *c, const char *axis, struct span span) {
    struct entity *entity = entity_find(c, axis);
    if (!entity || entity->kind != ENTITY_AXIS) {
        compile_fail(c, span, "%s is no block axis in scope", axis);
        return NULL;
    }
    return expression_arithmetic(c, BINARY_SUBTRACT, expression_slot(c, entity->slot, NUMBER_INDEX, span),
                                 expression_slot(c, entity->lower, NUMBER_INDEX, span));
}

static enum dtype element_of(const char *name, void *context) {
    const struct entity *entity = entity_find(context, name);
    return entity && entity->kind != ENTITY_AXIS ? entity->dtype : DTYPE_NONE;
}

const struct fold *compile_fold(struct compiler *c, const struct node_reduction *reduction,
                                enum number_type *type) {
    struct fold *fold = arena_allocate(c->arena, sizeof *fold);
    struct folded_axis folded[TENSOR_RANK_LIMIT];
    size_t mark = c->entity_count;
    fold->op = reduction->op;
    fold->count = reduction->axes.count;
    bool vector = c->tile && folds_in_slots(c->tile);
    bool ordered = c->tile && (fold->op == REDUCTION_SUM || fold->op == REDUCTION_PRODUCT);
    const char *lane = vector ? lane_axis(c->tile) : NULL;
    fold->lanes = ordered && vector && !lane;
    fold->along_rows = fold->lanes && folds_along_rows(reduction);
    fold->tiles = ordered && fold->op == REDUCTION_SUM && fold->count == 1 && !vector;
    fold->lane = lane ? compile_lane(c, lane, reduction->base.span) : NULL;
    bool position = fold->op == REDUCTION_ARGMAX || fold->op == REDUCTION_ARGMIN;
    if (fold->count == 0 || fold->count > TENSOR_RANK_LIMIT || (position && fold->count != 1)) {
        compile_fail(c, reduction->base.span, "%s over %zu axes",
                     word_text(WORDS_reduction_operator, (int)fold->op), fold->count);
        return NULL;
    }
    for (size_t i = 0; i < fold->count; i++)
        if (!compile_fold_axis(c, node_as(reduction->axes.items[i], axis), &fold->ranges[i], &folded[i]))
            return NULL;
    enum dtype folded_type = value_type(&(struct value_types){c->kernel, element_of, c}, reduction->body);
    struct node *neutral = neutral_of_fold(c->arena, fold->op, folded_type);
    const struct expression *body = compile_expression(c, reduction->body);
    c->entity_count = mark;
    for (size_t i = fold->count; i-- > 0;) {
        struct entity *entity = folded[i].name ? entity_find(c, folded[i].name) : NULL;
        if (!entity)
            continue;
        entity->slot = folded[i].slot;
        entity->bound = folded[i].bound;
    }
    if (!body)
        return NULL;
    if (body->type == NUMBER_BOOL)
        body = expression_as(c, body, NUMBER_I32);
    fold->refuses = position || !integer_value(neutral, &fold->neutral);
    bool fpu = fold->op == REDUCTION_SUM && body->type == NUMBER_FLOAT && !c->exact;
    fold->body = fpu ? compile_fpu(c, body) : body;
    *type = position ? NUMBER_I32 : body->type;
    return fold;
}

/* The fold over the elements of the block down to the one at hand: in order, each sum rounded. */
static const struct expression *compile_scan(struct compiler *c, const struct node_scan *scan) {
    const struct node_reference *axis = node_as(scan->axis, reference);
    struct entity *entity = axis ? entity_find(c, axis->name) : NULL;
    if (!entity || entity->kind != ENTITY_AXIS || !entity->bound) {
        compile_fail(c, scan->base.span, "%s is no block axis with an element at hand", text_of(c, scan->axis));
        return NULL;
    }
    struct span span = scan->base.span;
    uint32_t element = entity->slot;
    struct fold *fold = arena_allocate(c->arena, sizeof *fold);
    fold->op = scan->op;
    fold->count = 1;
    fold->ranges[0].slot = slot_new(c);
    fold->ranges[0].lower = expression_slot(c, entity->lower, NUMBER_INDEX, span);
    fold->ranges[0].upper = expression_arithmetic(c, BINARY_ADD, expression_slot(c, element, NUMBER_INDEX, span),
                                                  expression_integer(c, 1, NUMBER_INDEX, span));
    entity->slot = fold->ranges[0].slot;
    const struct expression *body = compile_expression(c, scan->body);
    entity = entity_find(c, axis->name);
    entity->slot = element;
    if (!body)
        return NULL;
    /* Other folds than sums spread their terms by sums with 0. */
    bool spread = scan->op != REDUCTION_SUM && body->type == NUMBER_FLOAT && c->program->model == MODEL_DEVICE;
    const struct expression *zero = expression_integer(c, 0, NUMBER_INDEX, span);
    fold->body = body->type == NUMBER_BOOL ? expression_as(c, body, NUMBER_I32)
                 : spread ? expression_arithmetic(c, BINARY_ADD, expression_as(c, zero, NUMBER_FLOAT), body)
                          : body;
    const struct expression *start = scan->start ? compile_expression(c, scan->start) : NULL;
    if (scan->start && !start)
        return NULL;
    if (start) {
        start = expression_as(c, start, fold->body->type);
        bool added = start->type == NUMBER_FLOAT && scan->op == REDUCTION_SUM;
        fold->start = added ? expression_arithmetic(c, BINARY_ADD, expression_as(c, zero, NUMBER_FLOAT), start) : start;
    }
    struct expression *e = expression_new(c, OP_FOLD, fold->body->type, span);
    e->u.fold = fold;
    e->narrow = !start && (scan->op == REDUCTION_MAX || scan->op == REDUCTION_MIN) && body->narrow;
    return e;
}

static const struct expression *compile_reduction(struct compiler *c,
                                                  const struct node_reduction *reduction) {
    struct expression *e = expression_new(c, OP_FOLD, NUMBER_FLOAT, reduction->base.span);
    e->u.fold = compile_fold(c, reduction, &e->type);
    bool order = reduction->op == REDUCTION_MAX || reduction->op == REDUCTION_MIN;
    e->narrow = e->u.fold && order && e->u.fold->body->narrow;
    return e->u.fold ? e : NULL;
}

/* ---- all kinds ---- */

static const struct expression *compile_real(struct compiler *c, const struct node_real *real) {
    struct expression *e = expression_new(c, OP_REAL, NUMBER_FLOAT, real->base.span);
    float single = f32_canonical((float)real->value);
    e->u.real = (double)single;
    e->narrow = f32_from_bf16(bf16_from_f32(single)) == single;
    return e;
}

static const struct expression *compile_kind(struct compiler *c, const struct node *node) {
    switch (node->kind) {
    case NODE_INTEGER:
        return expression_integer(c, ((const struct node_integer *)node)->value, NUMBER_INDEX, node->span);
    case NODE_REAL:
        return compile_real(c, (const struct node_real *)node);
    case NODE_REFERENCE:
        return compile_reference(c, (const struct node_reference *)node);
    case NODE_ACCESS:
        return compile_access(c, (const struct node_access *)node);
    case NODE_UNARY:
        return compile_unary(c, (const struct node_unary *)node);
    case NODE_BINARY:
        return compile_binary(c, (const struct node_binary *)node);
    case NODE_CALL:
        return compile_call(c, (const struct node_call *)node);
    case NODE_SCAN:
        return compile_scan(c, (const struct node_scan *)node);
    case NODE_REDUCTION:
        return compile_reduction(c, (const struct node_reduction *)node);
    default:
        compile_fail(c, node->span, "%s is no value", text_of(c, node));
        return NULL;
    }
}

const struct expression *compile_expression(struct compiler *c, const struct node *node) {
    if (c->failed || !node)
        return NULL;
    if (++c->depth > DEPTH_LIMIT)
        compile_fail(c, node->span, "this expression is nested too deeply");
    const struct expression *e = c->failed ? NULL : compile_kind(c, node);
    c->depth--;
    return c->failed ? NULL : e;
}

const struct expression *compile_integer(struct compiler *c, const struct node *node, const char *what) {
    const struct expression *e = compile_expression(c, node);
    if (e && e->type == NUMBER_FLOAT) {
        compile_fail(c, node->span, "%s must be an integer: %s", what, text_of(c, node));
        return NULL;
    }
    return e;
}
