/* The planner's part of whole numbers: operators of i32 and u32 as calls on slots, conversions, and what the packer
 * stores. Where a call of the device differs from the language (division by 0, counts of shifts, NaN as a whole
 * number), the steps around it make the difference.
 */
#include <string.h>

#include "ir/build.h"
#include "support/scalar.h"
#include "transforms/dst_planner.h"
#include "transforms/host_numbers.h"

const char *format_word(enum dtype held) {
    return held == DTYPE_U32 ? "UInt32" : held == DTYPE_I32 ? "Int32" : "Float32";
}

/* ---- types ---- */

/* Floats or whole numbers: what a condition is made of decides how DST holds its 1 or 0. */
static enum dtype truth_type(struct planner *p, struct node *condition) {
    struct node_binary *binary = node_as(condition, binary);
    struct node_unary *unary = node_as(condition, unary);
    struct node_call *call = node_as(condition, call);
    if (unary)
        return held_type(p, unary->operand);
    if (binary && (binary->op == BINARY_AND || binary->op == BINARY_OR)) {
        enum dtype left = held_type(p, binary->left), right = held_type(p, binary->right);
        return left == DTYPE_F32 && right == DTYPE_F32 ? DTYPE_F32 : DTYPE_I32;
    }
    if (binary) {
        enum dtype joined = joined_type(computed_type(value_type(&p->types, binary->left)),
                                        computed_type(value_type(&p->types, binary->right)));
        joined = joined == DTYPE_INDEX ? p->index : joined;
        return joined == DTYPE_F32 ? DTYPE_F32 : DTYPE_I32;
    }
    if (call && strcmp(call->function, "select") == 0)
        return held_type(p, call->arguments.items[1]);
    if (call && conversion_type(condition) == DTYPE_BOOL)
        return held_type(p, call->arguments.items[0]) == DTYPE_F32 ? DTYPE_F32 : DTYPE_I32;
    return call ? DTYPE_F32 : DTYPE_I32;
}

enum dtype held_type(struct planner *p, struct node *value) {
    enum dtype type = computed_type(value_type(&p->types, value));
    if (is_number(p, value))
        return DTYPE_F32;
    return type == DTYPE_BOOL ? truth_type(p, value) : type == DTYPE_INDEX ? p->index : type;
}

static int fill(struct planner *p, int slot, enum dtype type, struct node *number) {
    step_add(
        p, (struct dst_step){
               .call = DEVICE_CALL_fill_tile_int, .slot = slot, .format = format_word(type), .scalar = number});
    return slot;
}

static int fill_number(struct planner *p, int slot, enum dtype type, int64_t value) {
    return fill(p, slot, type, make_integer(p->request->arena, (int64_t)(uint32_t)value));
}

static void operate(struct planner *p, enum device_call_number call, enum dtype type, int a, int b, int out) {
    step_add(p, (struct dst_step){.call = call, .slot = out, .source = {a, b}, .format = format_word(type)});
}

void plan_whole_fill(struct planner *p, int slot, int64_t number) {
    fill_number(p, slot, DTYPE_U32, number);
}

void plan_whole_call(struct planner *p, enum device_call_number call, int a, int b, int out) {
    operate(p, call, DTYPE_U32, a, b, out);
}

void plan_whole_number(struct planner *p, enum device_call_number call, int slot, int64_t number) {
    int other = fill_number(p, slot_take(p), DTYPE_U32, number);
    operate(p, call, DTYPE_U32, slot, other, slot);
    slot_free(p, other);
}

void plan_offset(struct planner *p, int slot, enum dtype type, struct node_reference *axis) {
    int first = slot_take(p);
    step_add(p, (struct dst_step){.call = DEVICE_CALL_fill_tile_int,
                                  .slot = first,
                                  .format = format_word(type),
                                  .scalar = &axis->base,
                                  .axis = axis->name});
    operate(p, DEVICE_CALL_add_int_tile, type, slot, first, slot);
    slot_free(p, first);
}

/* condition ? yes : no, whole numbers all three. */
static void choose(struct planner *p, int condition, int yes, int no, int out) {
    step_add(p, (struct dst_step){.call = DEVICE_CALL_where_tile,
                                  .slot = out,
                                  .source = {condition, yes, no},
                                  .format = "Int32"});
}

static void cast(struct planner *p, int slot, const char *word) {
    step_add(p, (struct dst_step){
                    .call = DEVICE_CALL_typecast_tile, .slot = slot, .source = {slot}, .format = word});
}

void plan_cast(struct planner *p, int slot, enum dtype from, enum dtype to) {
    if (from == to || (from != DTYPE_F32 && to != DTYPE_F32)) /* i32 and u32 have the same bits */
        return;
    cast(p, slot,
         to == DTYPE_F32 ? (from == DTYPE_U32 ? "u32_to_f32" : "i32_to_f32")
                         : (to == DTYPE_U32 ? "f32_to_u32" : "f32_to_i32"));
}

/* A number that is known at launch, without conversions between whole types of 32 bits around it. */
static struct node *launch_number(struct planner *p, struct node *value) {
    enum dtype converted = conversion_type(value);
    if (converted == DTYPE_I32 || converted == DTYPE_U32)
        value = node_as(value, call)->arguments.items[0];
    return is_number(p, value) ? value : NULL;
}

int plan_as(struct planner *p, struct node *value, enum dtype type) {
    struct node *number = launch_number(p, value);
    enum dtype own = computed_type(value_type(&p->types, value));
    int64_t literal;
    if (p->failed)
        return 0;
    if (number && (type != DTYPE_F32 || own == DTYPE_U32)) {
        if (!device_counts(p->request->kernel, number)) {
            fail_as_negative(p, "i32");
            return 0;
        }
        enum dtype held = type == DTYPE_F32 ? own : type;
        int slot = slot_take(p);
        if (integer_value(number, &literal))
            fill_number(p, slot, held, literal);
        else
            fill(p, slot, held, number);
        plan_cast(p, slot, held, type);
        return slot;
    }
    enum dtype index = p->index;
    p->index = own == DTYPE_INDEX ? type : index; /* an expression of indices is worked out as it is wanted */
    int slot = plan_held(p, number && conversion_type(value) ? number : value);
    plan_cast(p, slot, number ? DTYPE_F32 : held_type(p, value), type);
    p->index = index;
    return slot;
}

/* ---- operators ---- */

static const struct {
    enum device_call_number i32, u32;
} operators[] = {
    [BINARY_ADD] = {DEVICE_CALL_add_int_tile, DEVICE_CALL_add_int_tile},
    [BINARY_SUBTRACT] = {DEVICE_CALL_sub_int_tile, DEVICE_CALL_sub_int_tile},
    [BINARY_MULTIPLY] = {DEVICE_CALL_mul_int_tile, DEVICE_CALL_mul_int_tile},
    [BINARY_DIVIDE] = {DEVICE_CALL_div_int32_floor_tile, DEVICE_CALL_NONE},
    [BINARY_REMAINDER] = {DEVICE_CALL_remainder_int32_tile, DEVICE_CALL_remainder_uint32_tile},
    [BINARY_BIT_AND] = {DEVICE_CALL_bitwise_and_binary_tile, DEVICE_CALL_bitwise_and_binary_tile},
    [BINARY_BIT_OR] = {DEVICE_CALL_bitwise_or_binary_tile, DEVICE_CALL_bitwise_or_binary_tile},
    [BINARY_BIT_XOR] = {DEVICE_CALL_bitwise_xor_binary_tile, DEVICE_CALL_bitwise_xor_binary_tile},
    [BINARY_SHIFT_LEFT] = {DEVICE_CALL_binary_left_shift_tile, DEVICE_CALL_binary_left_shift_tile},
    [BINARY_SHIFT_RIGHT] = {DEVICE_CALL_binary_right_shift_tile, DEVICE_CALL_binary_logical_right_shift_tile},
    [BINARY_EQUAL] = {DEVICE_CALL_eq_int_tile, DEVICE_CALL_eq_int_tile},
    [BINARY_NOT_EQUAL] = {DEVICE_CALL_ne_int_tile, DEVICE_CALL_ne_int_tile},
    [BINARY_LESS] = {DEVICE_CALL_lt_int_tile, DEVICE_CALL_lt_int_tile},
    [BINARY_LESS_EQUAL] = {DEVICE_CALL_le_int_tile, DEVICE_CALL_le_int_tile},
    [BINARY_GREATER] = {DEVICE_CALL_gt_int_tile, DEVICE_CALL_gt_int_tile},
    [BINARY_GREATER_EQUAL] = {DEVICE_CALL_ge_int_tile, DEVICE_CALL_ge_int_tile},
    /* of conditions, which are 1 and 0 */
    [BINARY_AND] = {DEVICE_CALL_bitwise_and_binary_tile, DEVICE_CALL_bitwise_and_binary_tile},
    [BINARY_OR] = {DEVICE_CALL_bitwise_or_binary_tile, DEVICE_CALL_bitwise_or_binary_tile},
};

static bool is_power_of_two(int64_t value, int *exponent) {
    for (*exponent = 0; *exponent < 32; ++*exponent)
        if (value == (int64_t)1 << *exponent)
            return true;
    return false;
}

/* A count of a shift is modulo 32, and the device's shifts by more give 0. */
static int plan_shift(struct planner *p, enum binary_operator op, struct node *left, struct node *right,
                      enum dtype type) {
    enum device_call_number call = type == DTYPE_U32 ? operators[op].u32 : operators[op].i32;
    int64_t count;
    bool known = integer_value(right, &count);
    int a, b;
    if (known) {
        a = plan_as(p, left, type);
        b = p->failed ? 0 : slot_take(p);
        fill_number(p, b, type, count & 31);
    } else if (plan_operands(p, left, right, type, &a, &b)) {
        int mask = fill_number(p, slot_take(p), type, 31);
        operate(p, DEVICE_CALL_bitwise_and_binary_tile, type, b, mask, b);
        slot_free(p, mask);
    } else {
        return 0;
    }
    operate(p, call, type, a, b, a);
    slot_free(p, b);
    return a;
}

/* x / 2^n and x % 2^n are a shift and a mask, for i32 too, since both floor. */
static int plan_power_of_two(struct planner *p, enum binary_operator op, struct node *left, int exponent,
                             enum dtype type) {
    if (op == BINARY_DIVIDE)
        return plan_shift(p, BINARY_SHIFT_RIGHT, left, make_integer(p->request->arena, exponent), type);
    int a = plan_as(p, left, type);
    int mask = p->failed ? 0 : fill_number(p, slot_take(p), type, ((int64_t)1 << exponent) - 1);
    operate(p, DEVICE_CALL_bitwise_and_binary_tile, type, a, mask, a);
    slot_free(p, mask);
    return a;
}

/* Where the divisor is 0, so is the result. */
static void settle_division(struct planner *p, int value, int divisor) {
    int zero = fill_number(p, slot_take(p), DTYPE_I32, 0);
    choose(p, divisor, value, zero, value);
    slot_free(p, zero);
}

/* u32 by the division of i32: half the dividend by a divisor below 2^31 gives the quotient but for its last bit, which
 * the rest tells; a divisor beyond that is contained once at most. */
static int plan_unsigned_division(struct planner *p, int a, int b) {
    int half = slot_take(p), s = slot_take(p);
    fill_number(p, s, DTYPE_U32, 1);
    operate(p, DEVICE_CALL_binary_logical_right_shift_tile, DTYPE_U32, a, s, half);
    operate(p, DEVICE_CALL_div_int32_floor_tile, DTYPE_I32, half, b, half);
    operate(p, DEVICE_CALL_binary_left_shift_tile, DTYPE_U32, half, s, half);
    fill_number(p, s, DTYPE_I32, 31);
    operate(p, DEVICE_CALL_binary_right_shift_tile, DTYPE_I32, b, s, s);
    operate(p, DEVICE_CALL_bitwise_or_binary_tile, DTYPE_U32, half, s,
            half); /* all ones for a great divisor */
    operate(p, DEVICE_CALL_bitwise_xor_binary_tile, DTYPE_U32, half, s, half); /* and 0 */
    operate(p, DEVICE_CALL_mul_int_tile, DTYPE_U32, half, b, s);
    operate(p, DEVICE_CALL_sub_int_tile, DTYPE_U32, a, s, a);
    operate(p, DEVICE_CALL_ge_int_tile, DTYPE_U32, a, b, s);
    operate(p, DEVICE_CALL_add_int_tile, DTYPE_U32, half, s, a);
    fill_number(p, s, DTYPE_I32, 0);
    choose(p, b, a, s, a);
    slot_free(p, half);
    slot_free(p, s);
    return a;
}

static int plan_division(struct planner *p, enum binary_operator op, struct node *left, struct node *right,
                         enum dtype type) {
    int64_t divisor;
    int exponent, a, b;
    bool known = integer_value(right, &divisor);
    if (known && is_power_of_two(divisor, &exponent))
        return plan_power_of_two(p, op, left, exponent, type);
    if (!plan_operands(p, left, right, type, &a, &b))
        return 0;
    if (op == BINARY_DIVIDE && type == DTYPE_U32) {
        plan_unsigned_division(p, a, b);
    } else {
        operate(p, type == DTYPE_U32 ? operators[op].u32 : operators[op].i32, type, a, b, a);
        if (!known)
            settle_division(p, a, b);
    }
    slot_free(p, b);
    return a;
}

int plan_whole_binary(struct planner *p, enum binary_operator op, struct node *left, struct node *right,
                      enum dtype type) {
    int a, b;
    if (op == BINARY_DIVIDE || op == BINARY_REMAINDER)
        return plan_division(p, op, left, right, type);
    if (op == BINARY_SHIFT_LEFT || op == BINARY_SHIFT_RIGHT)
        return plan_shift(p, op, left, right, type);
    if (!plan_operands(p, left, right, type, &a, &b))
        return 0;
    operate(p, type == DTYPE_U32 ? operators[op].u32 : operators[op].i32, type, a, b, a);
    slot_free(p, b);
    return a;
}

int plan_whole_function(struct planner *p, const char *function, struct node *left, struct node *right,
                        enum dtype type) {
    bool max = strcmp(function, "max") == 0, is_unsigned = type == DTYPE_U32;
    int a, b;
    if (!plan_operands(p, left, right, type, &a, &b))
        return 0;
    operate(p,
            max ? (is_unsigned ? DEVICE_CALL_binary_max_uint32_tile : DEVICE_CALL_binary_max_int32_tile)
                : (is_unsigned ? DEVICE_CALL_binary_min_uint32_tile : DEVICE_CALL_binary_min_int32_tile),
            type, a, b, a);
    slot_free(p, b);
    return a;
}

/* ---- conversions ---- */

/* Toward zero, clamped; NaN, which the device takes for an infinity, is 0 before. */
static void plan_truncation(struct planner *p, int slot, enum dtype to) {
    int test = slot_take(p), zero = slot_take(p);
    step_add(p, (struct dst_step){.call = DEVICE_CALL_eq_binary_tile, .slot = test, .source = {slot, slot}});
    step_add(
        p, (struct dst_step){.call = DEVICE_CALL_fill_tile_bitcast,
                             .slot = zero,
                             .scalar = make_call(p->request->arena, "bits",
                                                 LIST(p->request->arena, make_real(p->request->arena, 0)))});
    step_add(p,
             (struct dst_step){.call = DEVICE_CALL_where_tile, .slot = slot, .source = {test, slot, zero}});
    slot_free(p, zero);
    slot_free(p, test);
    plan_cast(p, slot, DTYPE_F32, to);
}

/* Has the value, which DST holds as that type, a fraction that a conversion to whole numbers cuts? */
static bool is_real(struct planner *p, struct node *value, enum dtype held) {
    enum dtype own = value_type(&p->types, value);
    return held == DTYPE_F32 && own != DTYPE_BOOL && own != DTYPE_INDEX && !launch_number(p, value);
}

static int plan_to_narrow(struct planner *p, struct node *value, int64_t most) {
    enum dtype from = held_type(p, value);
    bool condition = value_type(&p->types, value) == DTYPE_BOOL;
    bool real = is_real(p, value, from);
    int slot = plan_as(p, value, real ? DTYPE_F32 : DTYPE_U32);
    if (p->failed || condition)
        return slot;
    if (real)
        plan_truncation(p, slot, DTYPE_U32);
    plan_whole_number(p, real ? DEVICE_CALL_binary_min_uint32_tile : DEVICE_CALL_bitwise_and_binary_tile,
                      slot, most);
    return slot;
}

/* The same as a comparison with 0. */
static int plan_to_truth(struct planner *p, struct node *value) {
    struct node *zero = make_integer(p->request->arena, 0);
    if (value_type(&p->types, value) == DTYPE_BOOL)
        return plan_held(p, value);
    return plan_held(p, make_binary(p->request->arena, BINARY_NOT_EQUAL, value, zero));
}

int plan_conversion(struct planner *p, struct node *value, enum dtype to) {
    enum dtype own = value_type(&p->types, value), from = held_type(p, value);
    int slot;
    switch (to) {
    case DTYPE_U8:
        return plan_to_narrow(p, value, UINT8_MAX);
    case DTYPE_U16:
        return plan_to_narrow(p, value, UINT16_MAX);
    case DTYPE_BOOL:
        return plan_to_truth(p, value);
    case DTYPE_I32:
    case DTYPE_U32:
        if (!is_real(p, value, from))
            return plan_as(p, value, to);
        slot = plan_held(p, value);
        if (!p->failed)
            plan_truncation(p, slot, to);
        return slot;
    default:
        slot = plan_as(p, value, DTYPE_F32);
        if (to == DTYPE_BF16 && own != DTYPE_BF16 && !p->failed)
            cast(p, slot, "f32_to_bf16");
        return slot;
    }
}

/* ---- what the packer stores ---- */

void plan_stored(struct planner *p, int slot, struct node *value, enum dtype type) {
    enum dtype own = value_type(&p->types, value);
    if (type == DTYPE_U16 && !is_narrow_whole(own))
        plan_whole_number(p, DEVICE_CALL_bitwise_and_binary_tile, slot, UINT16_MAX); /* the cast clamps */
    if (type == DTYPE_U16)
        cast(p, slot, "u32_to_u16");
    if (type == DTYPE_U8 || type == DTYPE_BOOL)
        cast(p, slot, "i32_to_u8");
}
