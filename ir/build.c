/* Simplifying constructors: constants are folded and neutral operands dropped. */
#include "ir/build.h"
#include "ir/size.h"

#include <string.h>

static const struct span nowhere;

static struct span span_of(const struct node *left, const struct node *right) {
    return left && right ? span_join(left->span, right->span) : left ? left->span : nowhere;
}

bool integer_value(const struct node *node, int64_t *value) {
    if (!node || node->kind != NODE_INTEGER)
        return false;
    *value = ((const struct node_integer *)node)->value;
    return true;
}

bool literal_value(const struct node *node, double *value) {
    if (node->kind == NODE_INTEGER)
        *value = (double)((const struct node_integer *)node)->value;
    else if (node->kind == NODE_REAL)
        *value = ((const struct node_real *)node)->value;
    else
        return false;
    return true;
}

struct node *make_negation(struct arena *arena, struct node *value) {
    return node_new(arena, unary, UNARY, value->span, .op = UNARY_NEGATE, .operand = value);
}

struct node *make_update(struct arena *arena, enum assign_operator op, struct node *old, struct node *value) {
    switch (op) {
    case ASSIGN_ADD:
        return make_binary(arena, BINARY_ADD, old, value);
    case ASSIGN_SUBTRACT:
        return make_binary(arena, BINARY_SUBTRACT, old, value);
    case ASSIGN_MULTIPLY:
        return make_binary(arena, BINARY_MULTIPLY, old, value);
    case ASSIGN_MAX:
    case ASSIGN_MIN:
        return make_call(arena, op == ASSIGN_MAX ? "max" : "min", LIST(arena, old, value));
    default:
        return value;
    }
}

struct node *make_integer(struct arena *arena, int64_t value) {
    return node_new(arena, integer, INTEGER, nowhere, .value = value);
}

struct node *make_real(struct arena *arena, double value) {
    return node_new(arena, real, REAL, nowhere, .value = value);
}

struct node *make_reference(struct arena *arena, const char *name) {
    return node_new(arena, reference, REFERENCE, nowhere, .name = arena_intern(arena, name));
}

struct node *make_access(struct arena *arena, const char *name, struct node_list subscripts) {
    return node_new(arena, access, ACCESS, nowhere, .name = arena_intern(arena, name),
                    .subscripts = subscripts);
}

static int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

bool integer_operate(enum binary_operator op, int64_t a, int64_t b, int64_t *out) {
    bool divides = b != 0 && !(a == INT64_MIN && b == -1);
    switch (op) {
    case BINARY_ADD:
        return !__builtin_add_overflow(a, b, out);
    case BINARY_SUBTRACT:
        return !__builtin_sub_overflow(a, b, out);
    case BINARY_MULTIPLY:
        return !__builtin_mul_overflow(a, b, out);
    case BINARY_DIVIDE:
        *out = divides ? floor_divide(a, b) : 0;
        return divides;
    case BINARY_REMAINDER:
        *out = divides ? a - floor_divide(a, b) * b : 0;
        return divides;
    case BINARY_BIT_AND:
        *out = a & b;
        return true;
    case BINARY_BIT_OR:
        *out = a | b;
        return true;
    case BINARY_BIT_XOR:
        *out = a ^ b;
        return true;
    case BINARY_SHIFT_LEFT: /* by a count modulo 32, as in whole numbers of 32 bits */
        return !__builtin_mul_overflow(a, (int64_t)1 << (b & 31), out);
    case BINARY_SHIFT_RIGHT:
        *out = a >> (b & 31);
        return true;
    case BINARY_EQUAL:
        *out = a == b;
        return true;
    case BINARY_NOT_EQUAL:
        *out = a != b;
        return true;
    case BINARY_LESS:
        *out = a < b;
        return true;
    case BINARY_LESS_EQUAL:
        *out = a <= b;
        return true;
    case BINARY_GREATER:
        *out = a > b;
        return true;
    case BINARY_GREATER_EQUAL:
        *out = a >= b;
        return true;
    case BINARY_AND:
        *out = a && b;
        return true;
    case BINARY_OR:
        *out = a || b;
        return true;
    }
    return false;
}

/* x op literal and literal op x where the literal is neutral or absorbs; NULL when neither. */
static struct node *neutral(struct arena *arena, enum binary_operator op, struct node *left,
                            struct node *right) {
    int64_t a, b;
    bool has_left = integer_value(left, &a), has_right = integer_value(right, &b);
    switch (op) {
    case BINARY_ADD:
        return has_left && a == 0 ? right : has_right && b == 0 ? left : NULL;
    case BINARY_SUBTRACT:
        return has_right && b == 0 ? left : node_equal(left, right) ? make_integer(arena, 0) : NULL;
    case BINARY_MULTIPLY:
        if (has_left && a == 1)
            return right;
        if (has_right && b == 1)
            return left;
        return (has_left && a == 0) || (has_right && b == 0) ? make_integer(arena, 0) : NULL;
    case BINARY_DIVIDE:
        return has_right && b == 1 ? left : NULL;
    case BINARY_REMAINDER:
        return has_right && b == 1 ? make_integer(arena, 0) : NULL;
    default:
        return NULL;
    }
}

/* Integers only: index and size expressions. x * 0 vanishes, which a float must not. */
static struct node *make_index(struct arena *arena, enum binary_operator op, struct node *left,
                               struct node *right) {
    int64_t a, b, value;
    if (integer_value(left, &a) && integer_value(right, &b) && integer_operate(op, a, b, &value))
        return node_new(arena, integer, INTEGER, span_of(left, right), .value = value);
    struct node *simpler = neutral(arena, op, left, right);
    return simpler ? simpler : make_binary(arena, op, left, right);
}

struct node *make_binary(struct arena *arena, enum binary_operator op, struct node *left,
                         struct node *right) {
    return node_new(arena, binary, BINARY, span_of(left, right), .op = op, .left = left, .right = right);
}

struct node *make_add(struct arena *arena, struct node *left, struct node *right) {
    return make_index(arena, BINARY_ADD, left, right);
}

struct node *make_sub(struct arena *arena, struct node *left, struct node *right) {
    return make_index(arena, BINARY_SUBTRACT, left, right);
}

struct node *make_mul(struct arena *arena, struct node *left, struct node *right) {
    return make_index(arena, BINARY_MULTIPLY, left, right);
}

struct node *make_div(struct arena *arena, struct node *left, struct node *right) {
    return make_index(arena, BINARY_DIVIDE, left, right);
}

struct node *make_mod(struct arena *arena, struct node *left, struct node *right) {
    return make_index(arena, BINARY_REMAINDER, left, right);
}

struct node *make_call(struct arena *arena, const char *function, struct node_list arguments) {
    return node_new(arena, call, CALL, nowhere, .function = arena_intern(arena, function),
                    .arguments = arguments);
}

struct node *make_min(struct arena *arena, struct node *left, struct node *right) {
    int64_t a, b;
    if (integer_value(left, &a) && integer_value(right, &b))
        return a < b ? left : right;
    return node_equal(left, right) ? left : make_call(arena, "min", LIST(arena, left, right));
}

struct node *make_max(struct arena *arena, struct node *left, struct node *right) {
    int64_t a, b;
    if (integer_value(left, &a) && integer_value(right, &b))
        return a > b ? left : right;
    return node_equal(left, right) ? left : make_call(arena, "max", LIST(arena, left, right));
}

struct node *make_ceildiv(struct arena *arena, struct node *left, struct node *right) {
    int64_t a, b;
    if (integer_value(right, &b) && b == 1)
        return left;
    if (integer_value(left, &a) && integer_value(right, &b) && b > 0 && a <= INT64_MAX - b)
        return make_integer(arena, floor_divide(a + b - 1, b));
    return make_call(arena, "ceildiv", LIST(arena, left, right));
}

struct node *make_statement(struct arena *arena, struct span span, const char *function,
                            struct node_list arguments) {
    return node_new(arena, statement, STATEMENT, span, .call = make_call(arena, function, arguments));
}

struct node *make_block(struct arena *arena, struct span span, struct node_list statements) {
    return node_new(arena, block, BLOCK, span, .statements = statements);
}

struct node *make_axis(struct arena *arena, const char *name, struct node *lower, struct node *upper,
                       struct node *step) {
    return node_new(arena, axis, AXIS, nowhere, .name = arena_intern(arena, name), .lower = lower,
                    .upper = upper, .step = step);
}

struct node *make_for(struct arena *arena, struct span span, const char *name, struct node *lower,
                      struct node *upper, struct node *step, struct node *body) {
    struct node *axis = make_axis(arena, name, lower, upper, step);
    return node_new(arena, for, FOR, span, .axes = LIST(arena, axis), .body = body);
}

static struct node *fold_min(struct arena *arena, struct node *const *arguments) {
    return make_min(arena, arguments[0], arguments[1]);
}

static struct node *fold_max(struct arena *arena, struct node *const *arguments) {
    return make_max(arena, arguments[0], arguments[1]);
}

static struct node *fold_ceildiv(struct arena *arena, struct node *const *arguments) {
    return make_ceildiv(arena, arguments[0], arguments[1]);
}

static struct node *fold_select(struct arena *arena, struct node *const *arguments) {
    int64_t chosen;
    return integer_value(arguments[0], &chosen) ? arguments[chosen ? 1 : 2]
                                                : make_call(arena, "select", list_of(arena, 3, arguments));
}

static struct node *simplify_in(struct node *node, void *context) {
    static struct node *(*const folds[])(struct arena *, struct node *const *) = {
#define SIZE_FUNCTION(name, count, arguments, device, c, metalium, python) fold_##name,
#include "ir/size_functions.def"
    };
    struct arena *arena = context;
    struct node *mapped = node_map_children(arena, node, simplify_in, context);
    struct node_binary *binary = node_as(mapped, binary);
    enum size_function which = size_function_of(mapped);
    if (binary) {
        int64_t a, b, value;
        if (integer_value(binary->left, &a) && integer_value(binary->right, &b) &&
            integer_operate(binary->op, a, b, &value))
            return node_new(arena, integer, INTEGER, mapped->span, .value = value);
        struct node *simpler = neutral(arena, binary->op, binary->left, binary->right);
        return simpler ? simpler : mapped;
    }
    if (which == SIZE_FUNCTION_COUNT)
        return mapped;
    struct node *made = folds[which](arena, node_as(mapped, call)->arguments.items);
    return node_equal(made, mapped) ? mapped : made;
}

struct node *simplify(struct arena *arena, struct node *node) {
    return node ? simplify_in(node, arena) : NULL;
}
