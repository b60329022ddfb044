/* The rules of types: which type an operation has, what joins, and whether a literal fits. */
#include <math.h>
#include <string.h>

#include "grammar/resolve.h"
#include "support/scalar.h"

bool dtype_is_float(enum dtype dtype) {
    return dtype == DTYPE_BF16 || dtype == DTYPE_F32 || dtype == DTYPE_BFP8 || dtype == DTYPE_BFP4;
}

bool dtype_is_integer(enum dtype dtype) {
    return dtype == DTYPE_INDEX || dtype == DTYPE_I32 || dtype == DTYPE_U32 || dtype == DTYPE_U16 ||
           dtype == DTYPE_U8;
}

static const char *dtype_text(enum dtype dtype) {
    return word_text(WORDS_dtype, dtype);
}

/* The number of a literal node. */
static double literal_number(const struct value *value) {
    int64_t integer;
    if (integer_value(value->node, &integer))
        return (double)integer;
    struct node_real *real = node_as(value->node, real);
    return real ? real->value : 0;
}

/* Has bf16 this number exactly? */
static bool fits_bf16(const struct value *value) {
    if (value->node->kind != NODE_INTEGER && value->node->kind != NODE_REAL)
        return false;
    double number = literal_number(value);
    float single = (float)number;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    return isinf(number) || isnan(number) || ((double)single == number && (bits & 0xffffu) == 0);
}

/* Literals and sizes convert in a float context; the integers of tensors only when asked. */
static bool converts_to_float(const struct value *value) {
    return value->literal || value->dtype == DTYPE_INDEX || value->dtype == DTYPE_BOOL ||
           dtype_is_float(value->dtype);
}

static void report_mixture(struct resolver *r, struct span span, const struct value *a,
                           const struct value *b) {
    report_error(r->diagnostics, span, "%s and %s do not mix", dtype_text(a->dtype), dtype_text(b->dtype));
    const struct value *whole = dtype_is_float(a->dtype) ? b : a;
    enum dtype wanted = dtype_is_float(a->dtype) || dtype_is_float(b->dtype) ? DTYPE_F32 : b->dtype;
    report_help(r->diagnostics, (struct span){0}, "convert one of them, as in %s(%s)", dtype_text(wanted),
                told_text(r, whole->node));
}

static bool integer_fits(int64_t value, enum dtype dtype) {
    switch (dtype) {
    case DTYPE_U8:
        return value >= 0 && value <= UINT8_MAX;
    case DTYPE_U16:
        return value >= 0 && value <= UINT16_MAX;
    case DTYPE_U32:
        return value >= 0 && value <= UINT32_MAX;
    case DTYPE_I32:
    case DTYPE_INDEX:
        return value >= INT32_MIN && value <= INT32_MAX;
    case DTYPE_BOOL:
        return value == 0 || value == 1;
    default:
        return true;
    }
}

static bool report_misfit(struct resolver *r, const struct value *value, enum dtype dtype) {
    report_error(r->diagnostics, value->span, "%s does not fit %s", told_text(r, value->node),
                 dtype_text(dtype));
    return false;
}

/* A literal beside the whole numbers of a tensor takes their type, i32 beside u8. Sizes are worked out with more
 * bits. */
static bool literal_fits(struct resolver *r, const struct value *literal, enum dtype dtype) {
    int64_t integer;
    dtype = dtype == DTYPE_U8 ? DTYPE_I32 : dtype;
    return dtype == DTYPE_INDEX || dtype == DTYPE_BOOL || !integer_value(literal->node, &integer) ||
           integer_fits(integer, dtype) || report_misfit(r, literal, dtype);
}

static bool is_byte(const struct value *value) {
    return value->dtype == DTYPE_U8 || value->dtype == DTYPE_BOOL;
}

static enum dtype join_integers(struct resolver *r, struct span span, const struct value *a,
                                const struct value *b) {
    if ((b->literal && !a->literal && !literal_fits(r, b, a->dtype)) ||
        (a->literal && !b->literal && !literal_fits(r, a, b->dtype)))
        return DTYPE_NONE;
    if (!a->literal && !b->literal &&
        ((a->dtype == DTYPE_U16 && is_byte(b)) || (b->dtype == DTYPE_U16 && is_byte(a))))
        return DTYPE_I32; /* as which bytes are worked out */
    if (a->dtype == b->dtype || b->literal || b->dtype == DTYPE_BOOL)
        return a->dtype == DTYPE_BOOL && b->literal ? DTYPE_I32 : a->dtype;
    if (a->literal || a->dtype == DTYPE_INDEX || a->dtype == DTYPE_BOOL)
        return b->dtype;
    if (b->dtype == DTYPE_INDEX)
        return a->dtype;
    for (enum dtype narrow = DTYPE_U8; narrow <= DTYPE_U16; narrow++)
        if (a->dtype == narrow || b->dtype == narrow)
            return a->dtype == narrow ? b->dtype : a->dtype;
    report_mixture(r, span, a, b);
    return DTYPE_NONE;
}

enum dtype join_types(struct resolver *r, struct span span, const struct value *a, const struct value *b) {
    if (!a->node || !b->node)
        return DTYPE_NONE;
    bool a_float = dtype_is_float(a->dtype), b_float = dtype_is_float(b->dtype);
    if (!a_float && !b_float)
        return join_integers(r, span, a, b);
    if (!converts_to_float(a) || !converts_to_float(b)) {
        report_mixture(r, span, a, b);
        return DTYPE_NONE;
    }
    bool a_keeps = a->dtype == DTYPE_BF16 || (a->literal && fits_bf16(a));
    bool b_keeps = b->dtype == DTYPE_BF16 || (b->literal && fits_bf16(b));
    return a_keeps && b_keeps && !(a->literal && b->literal) ? DTYPE_BF16 : DTYPE_F32;
}

enum dtype arithmetic_type(struct resolver *r, struct span span, const struct value *a,
                           const struct value *b) {
    enum dtype joined = join_types(r, span, a, b);
    return dtype_is_float(joined) ? DTYPE_F32 : joined == DTYPE_BOOL ? DTYPE_I32 : joined;
}

/* Both are integers, or the target is bool. */
static bool integer_storable(const struct value *value, enum dtype dtype) {
    if (value->dtype == dtype || value->dtype == DTYPE_INDEX)
        return dtype != DTYPE_BOOL || value->dtype == dtype;
    if (value->dtype == DTYPE_U16)
        return dtype != DTYPE_BOOL && dtype != DTYPE_U8;
    if (value->narrow && value->dtype == DTYPE_I32 && dtype == DTYPE_U16)
        return true;
    if (value->dtype == DTYPE_BOOL || value->dtype == DTYPE_U8)
        return dtype != DTYPE_BOOL;
    return dtype == DTYPE_INDEX && value->dtype != DTYPE_BOOL;
}

static bool report_unstorable(struct resolver *r, const struct value *value, enum dtype dtype,
                              const char *what, struct span declared) {
    report_error(r->diagnostics, value->span, "a value of type %s does not become %s by itself",
                 dtype_text(value->dtype), dtype_text(dtype));
    if (declared.line)
        report_note(r->diagnostics, declared, "%s is declared here", what);
    if (dtype == DTYPE_BOOL)
        report_help(r->diagnostics, (struct span){0}, "compare it: ... != 0");
    else if (dtype == DTYPE_INDEX)
        report_help(r->diagnostics, (struct span){0},
                    "it takes whole numbers: literals, sizes and parameters of type index");
    else
        report_help(r->diagnostics, (struct span){0}, "convert it: %s(...)",
                    dtype == DTYPE_BFP8 || dtype == DTYPE_BFP4 ? "f32" : dtype_text(dtype));
    return false;
}

/* Is it a number of f32, the widest type there is? */
bool check_real(struct resolver *r, const struct value *value) {
    double number = literal_number(value);
    if (!isinf(number) && isinf((float)number)) {
        report_misfit(r, value, DTYPE_F32);
        report_help(r->diagnostics, (struct span){0},
                    "f32 ends at 3.4028235e38, and infinity is written inf");
        return false;
    }
    if (number != 0 && (float)number == 0)
        report_warning(r->diagnostics, value->span, "this number is 0 in f32, the widest type");
    return true;
}

static float rounded(double number, enum dtype dtype) {
    float single = (float)number;
    return dtype == DTYPE_F32 ? single : f32_from_bf16(bf16_from_f32(single));
}

bool check_storable(struct resolver *r, const struct value *value, enum dtype dtype, const char *what,
                    struct span declared) {
    int64_t integer;
    if (!value->node || dtype == DTYPE_NONE)
        return value->node != NULL;
    bool constant = integer_value(value->node, &integer);
    double number = value->literal ? literal_number(value) : 0;
    bool too_large = dtype_is_float(dtype) && !isinf(number) && isinf(rounded(number, dtype));
    if ((constant && !integer_fits(integer, dtype)) || too_large) {
        report_misfit(r, value, dtype);
        if (declared.line)
            report_note(r->diagnostics, declared, "%s is declared here", what);
        return false;
    }
    if (value->literal && !dtype_is_float(value->dtype) && (constant || dtype != DTYPE_BOOL))
        return true;
    bool fine = dtype_is_float(dtype) ? converts_to_float(value)
                                      : !dtype_is_float(value->dtype) && integer_storable(value, dtype);
    return fine ? true : report_unstorable(r, value, dtype, what, declared);
}

/* Is the value of u16 worked out with more bits, and perhaps more than 16 of them are set? */
static bool may_leave_u16(struct node *node) {
    const struct node_call *call = node_as(node, call);
    const struct node_binary *binary = node_as(node, binary);
    if (call && strcmp(call->function, "select") == 0)
        return may_leave_u16(call->arguments.items[1]) || may_leave_u16(call->arguments.items[2]);
    if (!binary)
        return node->kind == NODE_UNARY;
    bool keeps = binary->op == BINARY_BIT_AND || binary->op == BINARY_BIT_OR || binary->op == BINARY_BIT_XOR;
    return keeps ? may_leave_u16(binary->left) || may_leave_u16(binary->right)
                 : binary->op <= BINARY_MULTIPLY || binary->op == BINARY_SHIFT_LEFT;
}

struct value wrapped(struct resolver *r, struct value value) {
    if (value.node && value.dtype == DTYPE_U16 && may_leave_u16(value.node))
        value.node =
            node_with_span(r->arena, make_call(r->arena, "u16", LIST(r->arena, value.node)), value.span);
    return value;
}

struct value operand_as(struct resolver *r, struct value value, enum dtype dtype) {
    value = wrapped(r, value);
    if (value.node && value.dtype == DTYPE_U16 && dtype == DTYPE_I32 && !value.literal)
        value.node =
            node_with_span(r->arena, make_call(r->arena, "i32", LIST(r->arena, value.node)), value.span);
    return value;
}

static bool is_narrow(const struct value *value) {
    return value->narrow || value->literal || is_byte(value) || value->dtype == DTYPE_U16;
}

bool both_narrow(const struct value *a, const struct value *b) {
    return is_narrow(a) && is_narrow(b);
}

enum dtype own_type(const struct value *value) {
    if (value->dtype == DTYPE_U8 && value->node->kind != NODE_ACCESS)
        return DTYPE_I32; /* as which it is worked out */
    if (value->literal)
        return dtype_is_float(value->dtype) ? DTYPE_F32 : value->dtype == DTYPE_BOOL ? DTYPE_BOOL : DTYPE_I32;
    return value->dtype;
}
