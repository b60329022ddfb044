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
        call->source[i] = dst_source(t, slot);
        reduced = reduced ? reduced : t->core->compute.slots[slot].reduced;
    }
    uint32_t slot = call_argument(call, row->slot);
    call->target = dst_target(t, slot);
    meaning(call);
    dst_written(t, slot, false, reduced);
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
