/* Types of values, from their leaves up. */
#include "ir/value_type.h"

#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "support/scalar.h"

static bool is_bf16_constant(double value) {
    return isnan(value) || (double)f32_from_bf16(bf16_from_f32((float)value)) == value;
}

bool is_narrow_whole(enum dtype dtype) {
    return dtype == DTYPE_U8 || dtype == DTYPE_U16 || dtype == DTYPE_BOOL;
}

bool is_block_type(enum dtype dtype) {
    return dtype == DTYPE_BFP8 || dtype == DTYPE_BFP4;
}

bool is_whole_type(enum dtype dtype) {
    return is_narrow_whole(dtype) || dtype == DTYPE_U32 || dtype == DTYPE_I32;
}

enum dtype computed_type(enum dtype dtype) {
    switch (dtype) {
    case DTYPE_U8:
        return DTYPE_I32;
    case DTYPE_U16:
        return DTYPE_U32;
    case DTYPE_U32:
    case DTYPE_I32:
    case DTYPE_BOOL:
    case DTYPE_INDEX:
        return dtype;
    default:
        return DTYPE_F32;
    }
}

enum dtype fragment_type(enum dtype declared) {
    enum dtype type = computed_type(declared);
    return type == DTYPE_BOOL ? DTYPE_I32 : type == DTYPE_INDEX ? DTYPE_F32 : type;
}

struct node *neutral_of_fold(struct arena *arena, enum reduction_operator op, enum dtype type) {
    static const struct {
        int64_t least, greatest;
    } limits[] = {[DTYPE_BOOL] = {0, 1},
                  [DTYPE_U8] = {0, UINT8_MAX},
                  [DTYPE_U16] = {0, UINT16_MAX},
                  [DTYPE_U32] = {0, UINT32_MAX},
                  [DTYPE_I32] = {INT32_MIN, INT32_MAX}};
    double neutral = reduction_neutral(op);
    if (!isinf(neutral))
        return make_integer(arena, (int64_t)neutral);
    if (is_whole_type(type))
        return make_integer(arena, neutral < 0 ? limits[type].least : limits[type].greatest);
    return make_real(arena, neutral);
}

enum dtype joined_type(enum dtype a, enum dtype b) {
    if (a == b && a != DTYPE_BOOL)
        return a;
    if (a == DTYPE_F32 || b == DTYPE_F32)
        return DTYPE_F32;
    if (a == DTYPE_U32 || b == DTYPE_U32)
        return DTYPE_U32;
    return a == DTYPE_INDEX && b == DTYPE_INDEX ? DTYPE_INDEX : DTYPE_I32;
}

enum dtype conversion_type(const struct node *value) {
    const struct node_call *call = value->kind == NODE_CALL ? (const struct node_call *)value : NULL;
    int dtype = call && call->arguments.count == 1 ? word_value(WORDS_dtype, call->function) : DTYPE_NONE;
    return dtype > DTYPE_NONE ? (enum dtype)dtype : DTYPE_NONE;
}

/* ---- types that hold a value as it is ---- */

/* The literal as a float, which it becomes beside floats. */
static enum dtype float_of(const struct node *value, enum dtype dtype) {
    double number;
    if (dtype != DTYPE_INDEX)
        return dtype == DTYPE_BF16 ? DTYPE_BF16 : DTYPE_F32;
    return literal_value(value, &number) && is_bf16_constant(number) ? DTYPE_BF16 : DTYPE_F32;
}

static bool is_float(enum dtype dtype) {
    return computed_type(dtype) == DTYPE_F32;
}

/* Of a choice between two values. */
static enum dtype chosen_type(const struct node *left, enum dtype a, const struct node *right, enum dtype b) {
    if (is_float(a) || is_float(b))
        return float_of(left, a) == DTYPE_BF16 && float_of(right, b) == DTYPE_BF16 ? DTYPE_BF16 : DTYPE_F32;
    return a == b ? a : joined_type(computed_type(a), computed_type(b));
}

static enum dtype call_type(const struct value_types *types, const struct node_call *call) {
    enum dtype converted = conversion_type(&call->base);
    struct node *const *arguments = call->arguments.items;
    size_t count = call->arguments.count, first = strcmp(call->function, "select") == 0;
    if (converted == DTYPE_F32) { /* bf16 holds whole numbers of 8 bits */
        enum dtype from = value_type(types, arguments[0]);
        return from == DTYPE_U8 || from == DTYPE_BOOL ? DTYPE_BF16 : DTYPE_F32;
    }
    if (converted != DTYPE_NONE)
        return converted;
    if (strcmp(call->function, "inside") == 0)
        return DTYPE_BOOL;
    if (strcmp(call->function, "fpu") == 0 || count == 0)
        return DTYPE_F32;
    if (strcmp(call->function, "lo") == 0 || strcmp(call->function, "len") == 0 ||
        strcmp(call->function, "ceildiv") == 0)
        return DTYPE_INDEX;
    if (strcmp(call->function, "random") == 0)
        return DTYPE_U32;
    bool keeps = first || function_keeps_values(call->function);
    enum dtype type = value_type(types, arguments[first]);
    if (count == first + 1)
        return keeps ? type : DTYPE_F32;
    type = chosen_type(arguments[first], type, arguments[first + 1], value_type(types, arguments[first + 1]));
    if (type == DTYPE_BOOL && !first)
        return DTYPE_I32;
    return keeps || !is_float(type) ? type : DTYPE_F32;
}

static enum dtype binary_type(const struct value_types *types, const struct node_binary *binary) {
    if (binary->op >= BINARY_EQUAL)
        return DTYPE_BOOL;
    enum dtype left = computed_type(value_type(types, binary->left));
    if (binary->op == BINARY_SHIFT_LEFT || binary->op == BINARY_SHIFT_RIGHT)
        left = left == DTYPE_BOOL ? DTYPE_I32 : left;
    if ((binary->op == BINARY_SHIFT_LEFT || binary->op == BINARY_SHIFT_RIGHT) && left != DTYPE_INDEX)
        return left;
    return joined_type(left, computed_type(value_type(types, binary->right)));
}

static enum dtype declared_type(const char *name, void *kernel) {
    struct node_parameter *parameter = find_parameter(kernel, name);
    if (parameter)
        return parameter->dtype;
    for_each_node (node, (struct node *)kernel) {
        struct node_buffer *buffer = node_as(node, buffer);
        struct node_let *let = node_as(node, let);
        struct node_var *var = node_as(node, var);
        const char *declared = buffer ? buffer->name : let ? let->name : var ? var->name : NULL;
        if (declared && strcmp(declared, name) == 0)
            return buffer ? buffer->dtype : let ? let->dtype : var->dtype;
    }
    return DTYPE_NONE;
}

struct value_types types_in(struct node *kernel) {
    return (struct value_types){kernel, declared_type, kernel};
}

static enum dtype reference_type(const struct value_types *types, const char *name) {
    struct node_parameter *parameter = types->kernel ? launch_parameter(types->kernel, name) : NULL;
    enum dtype element = parameter ? DTYPE_NONE : types->element(name, types->context);
    return parameter ? parameter->dtype : element != DTYPE_NONE ? element : DTYPE_INDEX;
}

static enum dtype folded_type(enum reduction_operator op, enum dtype type) {
    bool keeps = op == REDUCTION_MAX || op == REDUCTION_MIN;
    if (op == REDUCTION_ARGMAX || op == REDUCTION_ARGMIN)
        return DTYPE_I32;
    return keeps && type != DTYPE_INDEX && type != DTYPE_BOOL ? type : joined_type(computed_type(type), computed_type(type));
}

enum dtype value_type(const struct value_types *types, const struct node *value) {
    switch (value->kind) {
    case NODE_INTEGER:
        return DTYPE_INDEX;
    case NODE_REAL:
        return is_bf16_constant(((const struct node_real *)value)->value) ? DTYPE_BF16 : DTYPE_F32;
    case NODE_REFERENCE:
        return reference_type(types, ((const struct node_reference *)value)->name);
    case NODE_ACCESS: {
        enum dtype element = types->element(((const struct node_access *)value)->name, types->context);
        if (element == DTYPE_BFP8 || element == DTYPE_BFP4)
            return DTYPE_BF16; /* which holds all their values */
        return element == DTYPE_NONE ? DTYPE_F32 : element;
    }
    case NODE_UNARY: {
        const struct node_unary *unary = (const struct node_unary *)value;
        enum dtype type = value_type(types, unary->operand);
        return unary->op == UNARY_NOT ? DTYPE_BOOL : type == DTYPE_BF16 ? type : computed_type(type);
    }
    case NODE_BINARY:
        return binary_type(types, (const struct node_binary *)value);
    case NODE_REDUCTION: {
        const struct node_reduction *reduction = (const struct node_reduction *)value;
        return folded_type(reduction->op, value_type(types, reduction->body));
    }
    case NODE_SCAN: {
        const struct node_scan *scan = (const struct node_scan *)value;
        return folded_type(scan->op, value_type(types, scan->body));
    }
    case NODE_CALL:
        return call_type(types, (const struct node_call *)value);
    default:
        return DTYPE_F32;
    }
}

enum dtype kept_type(const struct value_types *types, const struct node *value) {
    enum dtype type = value_type(types, value);
    if (type == DTYPE_INDEX)
        return float_of(value, type);
    bool accessed = value->kind == NODE_ACCESS;
    return accessed || is_float(type) ? type : type == DTYPE_BOOL ? DTYPE_I32 : computed_type(type);
}
