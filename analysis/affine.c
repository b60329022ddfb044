/* Expressions in affine form; what is not affine has none, and a condition that is not has no set. */
#include "analysis/affine.h"

#include <string.h>

#include <isl/constraint.h>
#include <isl/val.h>

#include "analysis/isl_util.h"
#include "ir/size.h"

static __isl_give isl_aff *affine_at(const struct frame *f, const struct node *node, int depth);

static int find_variable(const struct scope *scope, const char *name, enum variable_part part) {
    for (size_t i = scope ? scope->variable_count : 0; i-- > 0;)
        if (scope->variables[i].part == part && strcmp(scope->variables[i].name, name) == 0)
            return (int)i;
    return -1;
}

static const struct node *find_let(const struct scope *scope, const char *name) {
    for (size_t i = scope ? scope->let_count : 0; i-- > 0;)
        if (strcmp(scope->lets[i]->name, name) == 0)
            return scope->lets[i]->value;
    return NULL;
}

static __isl_give isl_aff *affine_name(const struct frame *f, const char *name, enum variable_part part,
                                       int depth) {
    int at = find_variable(f->scope, name, part);
    if (at >= 0)
        return isl_aff_var_on_domain(isl_local_space_copy(f->space), isl_dim_set, (unsigned)at);
    if (part != PART_INDEX)
        return NULL;
    const struct node *value = find_let(f->scope, name);
    if (value && depth < SCOPE_LIMIT)
        return affine_at(f, value, depth + 1);
    at = isl_space_find_dim_by_name(f->relations->space, isl_dim_param, name);
    return at < 0 ? NULL : isl_aff_var_on_domain(isl_local_space_copy(f->space), isl_dim_param, (unsigned)at);
}

static __isl_give isl_aff *affine_constant(const struct frame *f, int64_t value) {
    isl_val *constant = isl_val_int_from_si(f->relations->ctx, value);
    return isl_aff_val_on_domain(isl_local_space_copy(f->space), constant);
}

/* floor(left / right); right a positive constant. */
static __isl_give isl_aff *affine_quotient(__isl_take isl_aff *left, __isl_keep isl_aff *right) {
    isl_val *divisor = isl_aff_get_constant_val(right);
    bool usable = isl_proved(isl_aff_is_cst(right)) && isl_proved(isl_val_is_int(divisor)) &&
                  isl_proved(isl_val_is_pos(divisor));
    if (usable)
        return isl_aff_floor(isl_aff_scale_down_val(left, divisor));
    isl_val_free(divisor);
    isl_aff_free(left);
    return NULL;
}

static __isl_give isl_aff *affine_product(__isl_take isl_aff *left, __isl_take isl_aff *right) {
    if (isl_proved(isl_aff_is_cst(left)) || isl_proved(isl_aff_is_cst(right)))
        return isl_aff_mul(left, right);
    isl_aff_free(left);
    isl_aff_free(right);
    return NULL;
}

static __isl_give isl_aff *affine_binary(const struct frame *f, const struct node_binary *binary, int depth) {
    isl_aff *left = affine_at(f, binary->left, depth),
            *right = left ? affine_at(f, binary->right, depth) : NULL;
    isl_aff *result = NULL;
    if (!left || !right) {
        isl_aff_free(left);
        return NULL;
    }
    switch (binary->op) {
    case BINARY_ADD:
        return isl_aff_add(left, right);
    case BINARY_SUBTRACT:
        return isl_aff_sub(left, right);
    case BINARY_MULTIPLY:
        return affine_product(left, right);
    case BINARY_DIVIDE:
        result = affine_quotient(left, right);
        isl_aff_free(right);
        return result;
    case BINARY_REMAINDER:
        result = affine_quotient(isl_aff_copy(left), right);
        if (result)
            return isl_aff_sub(left, isl_aff_mul(result, right));
        isl_aff_free(left);
        isl_aff_free(right);
        return NULL;
    default:
        isl_aff_free(left);
        isl_aff_free(right);
        return NULL;
    }
}

static __isl_give isl_aff *affine_ceildiv(const struct frame *f, struct node *const *arguments, int depth) {
    isl_aff *left = affine_at(f, arguments[0], depth);
    isl_aff *right = left ? affine_at(f, arguments[1], depth) : NULL;
    if (left && right)
        left = isl_aff_add_constant_si(isl_aff_add(left, isl_aff_copy(right)), -1);
    isl_aff *result = right ? affine_quotient(left, right) : NULL;
    if (!right)
        isl_aff_free(left);
    isl_aff_free(right);
    return result;
}

static __isl_give isl_aff *affine_call(const struct frame *f, const struct node_call *call, int depth) {
    struct node_reference *block =
        call->arguments.count == 1 ? node_as(call->arguments.items[0], reference) : NULL;
    if (block && strcmp(call->function, "lo") == 0)
        return affine_name(f, block->name, PART_LOW, depth);
    if (block && strcmp(call->function, "len") == 0)
        return affine_name(f, block->name, PART_LENGTH, depth);
    return size_function_of(&call->base) == SIZE_ceildiv ? affine_ceildiv(f, call->arguments.items, depth)
                                                         : NULL;
}

static __isl_give isl_aff *affine_at(const struct frame *f, const struct node *node, int depth) {
    isl_aff *operand;
    switch (node->kind) {
    case NODE_INTEGER:
        return affine_constant(f, ((const struct node_integer *)node)->value);
    case NODE_REFERENCE:
        return affine_name(f, ((const struct node_reference *)node)->name, PART_INDEX, depth);
    case NODE_UNARY:
        if (((const struct node_unary *)node)->op != UNARY_NEGATE)
            return NULL;
        operand = affine_at(f, ((const struct node_unary *)node)->operand, depth);
        return operand ? isl_aff_neg(operand) : NULL;
    case NODE_BINARY:
        return affine_binary(f, (const struct node_binary *)node, depth);
    case NODE_CALL:
        return affine_call(f, (const struct node_call *)node, depth);
    default:
        return NULL;
    }
}

__isl_give isl_aff *affine(const struct frame *f, const struct node *node) {
    return affine_at(f, node, 0);
}

typedef isl_pw_aff *piecewise_operation(isl_pw_aff *left, isl_pw_aff *right);

/* NULL where either operand is not affine by pieces, or operation is NULL. */
static __isl_give isl_pw_aff *piecewise_of(const struct frame *f, piecewise_operation *operation,
                                           const struct node *a, const struct node *b) {
    isl_pw_aff *left = operation ? piecewise(f, a) : NULL, *right = left ? piecewise(f, b) : NULL;
    if (right)
        return operation(left, right);
    isl_pw_aff_free(left);
    return NULL;
}

static bool is_literal(const struct node *node) {
    return node->kind == NODE_INTEGER;
}

static __isl_give isl_pw_aff *piecewise_binary(const struct frame *f, const struct node_binary *binary) {
    bool scales = binary->op == BINARY_MULTIPLY && (is_literal(binary->left) || is_literal(binary->right));
    piecewise_operation *operation = binary->op == BINARY_ADD        ? isl_pw_aff_add
                                     : binary->op == BINARY_SUBTRACT ? isl_pw_aff_sub
                                     : scales                        ? isl_pw_aff_mul
                                                                     : NULL;
    return piecewise_of(f, operation, binary->left, binary->right);
}

static __isl_give isl_pw_aff *pieces_min(const struct frame *f, struct node *const *arguments) {
    return piecewise_of(f, isl_pw_aff_min, arguments[0], arguments[1]);
}

static __isl_give isl_pw_aff *pieces_max(const struct frame *f, struct node *const *arguments) {
    return piecewise_of(f, isl_pw_aff_max, arguments[0], arguments[1]);
}

static __isl_give isl_pw_aff *pieces_ceildiv(const struct frame *f, struct node *const *arguments) {
    isl_aff *quotient = affine_ceildiv(f, arguments, 0);
    return quotient ? isl_pw_aff_from_aff(quotient) : NULL;
}

static __isl_give isl_pw_aff *pieces_select(const struct frame *f, struct node *const *arguments) {
    (void)f, (void)arguments; /* conditions are no pieces yet */
    return NULL;
}

__isl_give isl_pw_aff *piecewise(const struct frame *f, const struct node *node) {
    static isl_pw_aff *(*const pieces[])(const struct frame *, struct node *const *) = {
#define SIZE_FUNCTION(name, count, arguments, device, c, metalium, python) pieces_##name,
#include "ir/size_functions.def"
    };
    enum size_function which = size_function_of(node);
    if (which != SIZE_FUNCTION_COUNT)
        return pieces[which](f, ((const struct node_call *)node)->arguments.items);
    isl_aff *aff = affine(f, node);
    if (aff)
        return isl_pw_aff_from_aff(aff);
    if (node->kind == NODE_BINARY)
        return piecewise_binary(f, (const struct node_binary *)node);
    if (node->kind != NODE_UNARY || ((const struct node_unary *)node)->op != UNARY_NEGATE)
        return NULL;
    isl_pw_aff *operand = piecewise(f, ((const struct node_unary *)node)->operand);
    return operand ? isl_pw_aff_neg(operand) : NULL;
}

/* ---- conditions ---- */

static __isl_give isl_set *at_least_by_pieces(const struct frame *f, const struct node *left,
                                              const struct node *right, int offset) {
    isl_pw_aff *difference = piecewise_of(f, isl_pw_aff_sub, left, right);
    isl_aff *least = difference ? affine_constant(f, -offset) : NULL;
    return least ? isl_pw_aff_ge_set(difference, isl_pw_aff_from_aff(least)) : NULL;
}

__isl_give isl_set *at_least(const struct frame *f, const struct node *left, const struct node *right,
                             int offset) {
    isl_aff *a = affine(f, left), *b = a ? affine(f, right) : NULL;
    if (!b) {
        isl_aff_free(a);
        return at_least_by_pieces(f, left, right, offset);
    }
    return isl_set_from_basic_set(isl_basic_set_from_constraint(
        isl_inequality_from_aff(isl_aff_add_constant_si(isl_aff_sub(a, b), offset))));
}

static __isl_give isl_set *comparison_set(const struct frame *f, const struct node_binary *b, bool negated) {
    enum binary_operator op = b->op;
    if (negated)
        op = op == BINARY_LESS            ? BINARY_GREATER_EQUAL
             : op == BINARY_GREATER_EQUAL ? BINARY_LESS
             : op == BINARY_GREATER       ? BINARY_LESS_EQUAL
             : op == BINARY_LESS_EQUAL    ? BINARY_GREATER
             : op == BINARY_EQUAL         ? BINARY_NOT_EQUAL
                                          : BINARY_EQUAL;
    switch (op) {
    case BINARY_LESS:
        return at_least(f, b->right, b->left, -1);
    case BINARY_LESS_EQUAL:
        return at_least(f, b->right, b->left, 0);
    case BINARY_GREATER:
        return at_least(f, b->left, b->right, -1);
    case BINARY_GREATER_EQUAL:
        return at_least(f, b->left, b->right, 0);
    default: {
        int strict = op == BINARY_EQUAL ? 0 : -1;
        isl_set *above = at_least(f, b->left, b->right, strict),
                *below = above ? at_least(f, b->right, b->left, strict) : NULL;
        if (!below) {
            isl_set_free(above);
            return NULL;
        }
        return strict ? isl_set_union(above, below) : isl_set_intersect(above, below);
    }
    }
}

__isl_give isl_set *condition_set(const struct frame *f, const struct node *node, bool negated, bool *exact) {
    if (node->kind == NODE_UNARY && ((const struct node_unary *)node)->op == UNARY_NOT)
        return condition_set(f, ((const struct node_unary *)node)->operand, !negated, exact);
    if (node->kind != NODE_BINARY)
        return NULL;
    const struct node_binary *binary = (const struct node_binary *)node;
    if (binary->op != BINARY_AND && binary->op != BINARY_OR)
        return binary->op >= BINARY_EQUAL ? comparison_set(f, binary, negated) : NULL;
    isl_set *left = condition_set(f, binary->left, negated, exact),
            *right = condition_set(f, binary->right, negated, exact);
    bool both = (binary->op == BINARY_AND) != negated;
    if (left && right)
        return both ? isl_set_intersect(left, right) : isl_set_union(left, right);
    if (both) {
        *exact = false;
        return left ? left : right;
    }
    isl_set_free(left);
    isl_set_free(right);
    return NULL;
}

__isl_give isl_set *cut(__isl_take isl_set *set, __isl_take isl_set *by, bool *exact) {
    if (!by)
        *exact = false;
    return by ? isl_set_intersect(set, by) : set;
}

static struct node_reference index_reference(const char *name) {
    return (struct node_reference){.base = {.kind = NODE_REFERENCE}, .name = name};
}

__isl_give isl_set *bound(const struct frame *f, __isl_take isl_set *set, const char *name,
                          const struct node *limit, bool below, bool *exact) {
    const struct node_call *every = size_call(limit, below ? SIZE_min : SIZE_max),
                           *some = size_call(limit, below ? SIZE_max : SIZE_min);
    if (every) {
        set = bound(f, set, name, every->arguments.items[0], below, exact);
        return bound(f, set, name, every->arguments.items[1], below, exact);
    }
    if (some) {
        isl_set *first = bound(f, isl_set_copy(set), name, some->arguments.items[0], below, exact);
        return isl_set_union(first, bound(f, set, name, some->arguments.items[1], below, exact));
    }
    struct node_reference self = index_reference(name);
    return cut(set, below ? at_least(f, limit, &self.base, -1) : at_least(f, &self.base, limit, 0), exact);
}
