/* The vector unit: operations on values that are in DST already. */
#include "sim/calls.h"
#include "sim/compute.h"

static void check_vector_init(const struct compute_call *call) {
    const struct device_call *last = call->thread->core->compute.vector_init,
                             *init = &device_calls[call->row->init];
    if (!last)
        thread_fault(call->thread, "%s is missing before it", init->name);
    if (last != init)
        thread_fault(call->thread, "needs %s, but the last init of the vector unit is %s", init->name,
                     last->name);
    for (unsigned i = 0; i < init->word_count; i++)
        if (call_argument(call, call->row->words + i) != call->thread->core->compute.vector_words[i])
            thread_fault(call->thread, "differs in its format from %s", init->name);
}

static const struct {
    enum slot_contents from, to;
} casts[] = {
    [WORD_f32_to_i32] = {HOLDS_FLOATS, HOLDS_WHOLE},   [WORD_f32_to_u32] = {HOLDS_FLOATS, HOLDS_WHOLE},
    [WORD_f32_to_bf16] = {HOLDS_FLOATS, HOLDS_FLOATS}, [WORD_i32_to_f32] = {HOLDS_WHOLE, HOLDS_FLOATS},
    [WORD_u32_to_f32] = {HOLDS_WHOLE, HOLDS_FLOATS},   [WORD_u16_to_u32] = {HOLDS_U16, HOLDS_WHOLE},
    [WORD_u32_to_u16] = {HOLDS_WHOLE, HOLDS_U16},      [WORD_u8_to_i32] = {HOLDS_U8, HOLDS_WHOLE},
    [WORD_i32_to_u8] = {HOLDS_WHOLE, HOLDS_U8},
};

/* What the call makes of its operands. */
static enum slot_contents given(const struct compute_call *call) {
    const struct device_call *row = call->row;
    if (row->number == DEVICE_CALL_typecast_tile)
        return casts[call_argument(call, row->words)].to;
    uint32_t format = row->either ? call_argument(call, row->format) : WORD_Float32;
    bool whole = row->whole || format == WORD_Int32 || format == WORD_UInt32;
    return whole ? HOLDS_WHOLE : HOLDS_FLOATS;
}

/* What it takes in a slot; the condition of a choice is of either kind, as its bits say. */
static enum slot_contents taken(const struct compute_call *call, size_t source, const struct dst_slot *slot) {
    const struct device_call *row = call->row;
    if (row->number == DEVICE_CALL_typecast_tile)
        return casts[call_argument(call, row->words)].from;
    bool condition = row->number == DEVICE_CALL_where_tile && source == 0;
    return condition && slot->holds == HOLDS_WHOLE ? HOLDS_WHOLE : condition ? HOLDS_FLOATS : given(call);
}

static uint32_t vector_cycles(const struct clock_costs *costs, enum call_cost cost) {
    return cost == COST_FUNCTION         ? costs->vector_function
           : cost == COST_TWO_OPERATIONS ? 2 * costs->vector_operation
                                         : costs->vector_operation;
}

void vector_run(struct compute_call *call, call_meaning *meaning) {
    const struct device_call *row = call->row;
    struct thread *t = call->thread;
    check_vector_init(call);
    ++t->core->run->statistics.vector_operations;
    /* What reads no slot gives the same value everywhere: what the mask of a reduction leaves of it is as
     * good as a reduced value. */
    uint32_t reduced = row->source[0] ? 0 : t->core->compute.reduce_mask;
    for (size_t i = 0; i < 3 && row->source[i]; ++i) {
        uint32_t slot = call_argument(call, row->source[i]);
        const struct dst_slot *state = &t->core->compute.slots[slot];
        call->source[i] = dst_source(t, slot, taken(call, i, state));
        if (state->holds >= HOLDS_U16 && state->computed)
            thread_fault(t, "reads DST slot %u, which typecast_tile made for the packer", (unsigned)slot);
        reduced = reduced ? reduced : t->core->compute.slots[slot].reduced;
    }
    uint32_t slot = call_argument(call, row->slot);
    call->target = dst_target(t, slot);
    t->core->compute.sums_kept &= row->number == DEVICE_CALL_cumsum_tile;
    meaning(call);
    dst_written(t, slot, given(call), reduced);
    t->clock += vector_cycles(t->core->run->device->costs, row->cost);
}

static const struct tile_engine *engine_of(const struct compute_call *call) {
    return call->thread->core->run->device->engine;
}

#define UNARY_FUNCTION(name, tolerance, slope)                                                               \
    void mean_unary_##name(const struct compute_call *call) {                                                \
        engine_of(call)->unary[VECTOR_UNARY_##name](call->target);                                           \
    }
#define BINARY_MEANING(name, function)                                                                       \
    void mean_binary_##name(const struct compute_call *call) {                                               \
        engine_of(call)->binary[function](call->source[0], call->source[1], call->target);                   \
    }
#define BINARY_FUNCTION(name, tolerance, slope) BINARY_MEANING(name, VECTOR_FUNCTION_##name)
#include "support/functions.def"

BINARY_MEANING(add, VECTOR_ADD)
BINARY_MEANING(sub, VECTOR_SUB)
BINARY_MEANING(mul, VECTOR_MUL)
BINARY_MEANING(div, VECTOR_DIV)
BINARY_MEANING(eq, VECTOR_EQ)
BINARY_MEANING(ne, VECTOR_NE)
BINARY_MEANING(lt, VECTOR_LT)
BINARY_MEANING(le, VECTOR_LE)
BINARY_MEANING(gt, VECTOR_GT)
BINARY_MEANING(ge, VECTOR_GE)

static float fold_line(uint32_t pool, const float element[TILE_EDGE], bool rows) {
    float folded = element[0];
    if (pool == WORD_SUM)
        return scalar_sum_of_line(element, rows);
    for (uint32_t k = 1; k < TILE_EDGE; ++k)
        folded = pool == WORD_MAX ? scalar_max(folded, element[k]) : scalar_min(folded, element[k]);
    return folded;
}

static uint32_t fold_words(uint32_t pool, bool is_signed, const uint32_t element[TILE_EDGE]) {
    uint32_t folded = element[0];
    for (uint32_t k = 1; k < TILE_EDGE; ++k) {
        uint32_t next = element[k];
        bool greater = is_signed ? (int32_t)next > (int32_t)folded : next > folded;
        folded = pool == WORD_SUM ? folded + next : greater == (pool == WORD_MAX) ? next : folded;
    }
    return folded;
}

/* Rows are folded into the first column, or columns into the first row. What the chips leave beside it is not known:
 * of their own registers it is NaN here. */
void mean_reduce_slot(const struct compute_call *call) {
    const struct tile *in = call->source[0];
    struct tile *out = call->target;
    uint32_t pool = call_argument(call, 1), format = call_argument(call, 2);
    bool whole = format == WORD_Int32 || format == WORD_UInt32;
    bool rows = call_argument(call, 3) == WORD_REDUCE_ROW;
    bool *folded_rows = &call->thread->core->compute.folded_rows;
    if (!rows && *folded_rows && pool != WORD_SUM) /* wormhole_b0 is wrong then */
        thread_fault(call->thread, "folds columns behind rows, and needs an init of its own");
    *folded_rows = rows;
    for (uint32_t i = 0; i < TILE_EDGE; ++i) {
        uint32_t from = rows ? i * TILE_EDGE : i, step = rows ? 1 : TILE_EDGE;
        float line[TILE_EDGE];
        uint32_t words[TILE_EDGE];
        for (uint32_t k = 0; k < TILE_EDGE; ++k)
            line[k] = in->element[from + k * step];
        memcpy(words, line, sizeof words);
        for (uint32_t k = rows ? 2 : 1; k < (rows ? 16 : 4); k += rows ? 2 : 1)
            out->element[from + k * step] = f32_from_bits(0x7fc00000);
        uint32_t bits =
            whole ? fold_words(pool, format == WORD_Int32, words) : f32_bits(fold_line(pool, line, rows));
        memcpy(&out->element[from], &bits, sizeof bits);
    }
}

void mean_sum_so_far(const struct compute_call *call) {
    struct compute_state *state = &call->thread->core->compute;
    struct tile *tile = call->target;
    bool first = call_argument(call, 2) != 0;
    if (!first && !state->sums_kept)
        thread_fault(call->thread, "goes on from sums that another call of the vector unit has overwritten");
    for (uint32_t column = 0; column < TILE_EDGE; ++column) {
        float sum = first ? 0 : state->sums[column];
        for (uint32_t row = 0; row < TILE_EDGE; ++row) {
            float *element = &tile->element[row * TILE_EDGE + column];
            *element = sum = scalar_add(sum, *element);
        }
        state->sums[column] = sum;
    }
    state->sums_kept = true;
}

static void fill(struct tile *tile, uint32_t bits) {
    float value = f32_from_bits(f32_canonical_bits(bits));
    for (uint32_t i = 0; i < TILE_ELEMENTS; ++i)
        tile->element[i] = value;
}

void mean_fill(const struct compute_call *call) {
    fill(call->target, call_argument(call, 2));
}

static void with_scalar(const struct compute_call *call, enum vector_binary function, bool reversed) {
    struct tile *scalar = &call->thread->core->run->device->scratch[0], *tile = call->target;
    fill(scalar, call_argument(call, 2));
    engine_of(call)->binary[function](reversed ? scalar : tile, reversed ? tile : scalar, tile);
}

#define SCALAR_MEANING(name, function, reversed)                                                             \
    void mean_scalar_##name(const struct compute_call *call) {                                               \
        with_scalar(call, function, reversed);                                                               \
    }
SCALAR_MEANING(add, VECTOR_ADD, false)
SCALAR_MEANING(sub, VECTOR_SUB, false)
SCALAR_MEANING(mul, VECTOR_MUL, false)
SCALAR_MEANING(rsub, VECTOR_SUB, true)

void mean_where(const struct compute_call *call) {
    engine_of(call)->select(call->source[0], call->source[1], call->source[2], call->target);
}

/* ---- whole numbers ---- */

typedef uint32_t word __attribute__((may_alias));

static bool is_signed(const struct compute_call *call) {
    return call_argument(call, call->row->words) == WORD_Int32;
}

void mean_fill_whole(const struct compute_call *call) {
    uint32_t value = call_argument(call, 3);
    for (uint32_t i = 0; i < TILE_ELEMENTS; ++i)
        memcpy(&call->target->element[i], &value, sizeof value);
}

/* As scalar.h says. */
#define WHOLE_MEANING(name, expression)                                                                      \
    void mean_whole_##name(const struct compute_call *call) {                                                \
        const word *left = (const word *)call->source[0]->element,                                           \
                   *right = (const word *)call->source[1]->element;                                          \
        word *out = (word *)call->target->element;                                                           \
        for (uint32_t i = 0; i < TILE_ELEMENTS; ++i) {                                                       \
            uint32_t a = left[i], b = right[i];                                                              \
            out[i] = (expression);                                                                           \
        }                                                                                                    \
    }
WHOLE_MEANING(add, a + b)
WHOLE_MEANING(sub, a - b)
WHOLE_MEANING(mul, a *b)
WHOLE_MEANING(and, a &b)
WHOLE_MEANING(or, a | b)
WHOLE_MEANING(xor, a ^ b)
WHOLE_MEANING(eq, a == b)
WHOLE_MEANING(ne, a != b)
WHOLE_MEANING(max, (int32_t)a > (int32_t)b ? a : b)
WHOLE_MEANING(min, (int32_t)a < (int32_t)b ? a : b)
WHOLE_MEANING(max_unsigned, a > b ? a : b)
WHOLE_MEANING(min_unsigned, a < b ? a : b)
WHOLE_MEANING(shift_left, b < 32 ? a << b : 0)
WHOLE_MEANING(shift_right_logical, b < 32 ? a >> b : 0)
WHOLE_MEANING(shift_right,
              is_signed(call) ? (b < 32 ? (uint32_t)((int32_t)a >> b) : 0) : a >> (b < 32 ? b : 31))
/* What the chips leave of a quotient by 0 is not known. */
WHOLE_MEANING(div_floor, b == 0 ? 0xdeadbeefu : whole_quotient(a, b))
WHOLE_MEANING(remainder, b == 0 ? a : whole_remainder(a, b))
WHOLE_MEANING(remainder_unsigned, b == 0 ? a : a % b)

#define WHOLE_COMPARISON(name, op)                                                                           \
    static void name##_signed(const struct compute_call *call);                                              \
    static void name##_unsigned(const struct compute_call *call);                                            \
    void mean_whole_##name(const struct compute_call *call) {                                                \
        (is_signed(call) ? name##_signed : name##_unsigned)(call);                                           \
    }                                                                                                        \
    COMPARISON_LOOP(name##_signed, (int32_t), op)                                                            \
    COMPARISON_LOOP(name##_unsigned, (uint32_t), op)
#define COMPARISON_LOOP(name, type, op)                                                                      \
    static void name(const struct compute_call *call) {                                                      \
        const word *left = (const word *)call->source[0]->element,                                           \
                   *right = (const word *)call->source[1]->element;                                          \
        word *out = (word *)call->target->element;                                                           \
        for (uint32_t i = 0; i < TILE_ELEMENTS; ++i)                                                         \
            out[i] = type left[i] op type right[i];                                                          \
    }
WHOLE_COMPARISON(lt, <)
WHOLE_COMPARISON(le, <=)
WHOLE_COMPARISON(gt, >)
WHOLE_COMPARISON(ge, >=)

/* Between floats and whole numbers as the chips do it: towards zero, clamped, NaN as +infinity; to nearest even. */
static uint32_t cast(uint32_t which, uint32_t bits) {
    float value = f32_from_bits(bits);
    switch (which) {
    case WORD_f32_to_i32:
        return value != value ? INT32_MAX : (uint32_t)whole_from_float(value, INT32_MIN, INT32_MAX);
    case WORD_f32_to_u32:
        return value != value ? UINT32_MAX : (uint32_t)whole_from_float(value, 0, UINT32_MAX);
    case WORD_f32_to_bf16:
        return f32_bits(f32_from_bf16(bf16_from_f32(value)));
    case WORD_i32_to_f32:
        return f32_bits((float)(int32_t)bits);
    case WORD_u32_to_f32:
        return f32_bits((float)bits);
    case WORD_u32_to_u16:
        return bits < UINT16_MAX ? bits : UINT16_MAX;
    case WORD_i32_to_u8:
        return bits & UINT8_MAX;
    default: /* widening */
        return bits;
    }
}

void mean_cast(const struct compute_call *call) {
    word *at = (word *)call->target->element;
    uint32_t which = call_argument(call, call->row->words);
    for (uint32_t i = 0; i < TILE_ELEMENTS; ++i)
        at[i] = cast(which, at[i]);
}
