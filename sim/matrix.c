/* The matrix unit: products, elementwise operations of two buffers, reductions. */
#include "sim/calls.h"
#include "sim/compute.h"

static void count_products(struct thread *t, uint32_t products) {
    const struct device *device = t->core->run->device;
    t->core->run->statistics.tile_products += products;
    t->clock += (uint64_t)products * device->costs->tile_product[device->architecture->fidelity];
}

/* One k step: rt tiles of in0, which is in SrcB, kt apart, times ct neighbouring tiles of in1, in SrcA, which
 * may be transposed. */
static void multiply(const struct compute_call *call, bool transpose, uint32_t ct, uint32_t rt, uint32_t kt) {
    struct thread *t = call->thread;
    uint32_t tile0 = call_argument(call, call->row->tile_b), tile1 = call_argument(call, call->row->tile_a);
    uint32_t dst = call_argument(call, call->row->slot);
    const struct device *device = t->core->run->device;
    const struct operand *left[MAX_DST_TILES], *right[MAX_DST_TILES];
    const struct tile *right_tile[MAX_DST_TILES];
    uint64_t clock = t->clock;
    for (uint32_t row = 0; row < rt; ++row)
        left[row] = operand_load(t, call->b, tile0 + row * kt);
    for (uint32_t column = 0; column < ct; ++column) {
        right[column] = operand_load(t, call->a, tile1 + column);
        right_tile[column] = transpose ? &device->scratch[column] : &right[column]->tile;
        if (transpose)
            device->engine->transpose(&right[column]->tile, &device->scratch[column]);
    }
    uint64_t unpacked = t->clock;
    for (uint32_t row = 0; row < rt; ++row) {
        for (uint32_t column = 0; column < ct; ++column) {
            uint32_t slot = dst + row * ct + column;
            bool exact = tile_products_are_exact(left[row]->range, right[column]->range);
            (exact ? device->engine->multiply_exact : device->engine->multiply)(
                &left[row]->tile, right_tile[column], dst_accumulator(t, slot));
            dst_written(t, slot, HOLDS_FLOATS, t->core->compute.slots[slot].reduced);
        }
    }
    /* The unpackers work ahead of the matrix unit: the slower of the two counts. */
    t->clock = clock;
    count_products(t, rt * ct);
    t->clock = t->clock > unpacked ? t->clock : unpacked;
}

void mean_multiply(const struct compute_call *call) {
    multiply(call, call->thread->core->compute.operation.transposed, 1, 1, 1);
}

void mean_multiply_block(const struct compute_call *call) {
    const struct device_call *row = call->row;
    multiply(call, call_argument(call, row->parameters_shared) != 0, call_argument(call, row->columns),
             call_argument(call, row->rows), call_argument(call, row->stride));
}

/* Elementwise on two buffers: the first in SrcA, the second, which may be spread, in SrcB. */
static void elementwise(const struct compute_call *call, enum vector_binary kind) {
    struct thread *t = call->thread;
    const struct device *device = t->core->run->device;
    uint32_t dst = call_argument(call, call->row->slot);
    const struct tile *left = &operand_load(t, call->a, call_argument(call, call->row->tile_a))->tile;
    const struct tile *right = &operand_load(t, call->b, call_argument(call, call->row->tile_b))->tile;
    if (call->row->spread) {
        tile_broadcast(right, call->row->spread, &device->scratch[0]);
        right = &device->scratch[0];
    }
    if (call->row->write == WRITE_MULTIPLIES) {
        /* The product is added to what DST holds: 0 after tile_regs_acquire. */
        struct tile *target = dst_accumulator(t, dst), *product = &device->scratch[1];
        device->engine->binary[kind](left, right, product);
        device->engine->binary[VECTOR_ADD](target, product, target);
    } else {
        device->engine->binary[kind](left, right, dst_target(t, dst));
    }
    dst_written(t, dst, HOLDS_FLOATS, 0);
}

#define ELEMENTWISE_MEANING(name, function)                                                                  \
    void mean_elementwise_##name(const struct compute_call *call) {                                          \
        elementwise(call, function);                                                                         \
    }
ELEMENTWISE_MEANING(add, VECTOR_ADD)
ELEMENTWISE_MEANING(sub, VECTOR_SUB)
ELEMENTWISE_MEANING(mul, VECTOR_MUL)

/* Reductions. */

static const char scaler_help[] = "a scaler has its weights in the first row of every face, and 0 elsewhere";

/* The scaler tile: row 0 of each face holds the weights, all else is 0; both faces that share an axis agree.
 */
static void check_scaler(struct thread *t, struct circular_buffer *cb, uint32_t tile,
                         const struct tile *scaler, uint32_t pool, uint32_t dimension) {
    uint32_t address = cb->base + (cb->read_page + tile) * cb->page_bytes;
    if (cb->scaler_checked == cb->pushed + 1 && cb->scaler_address == address)
        return;
    for (uint32_t row = 0; row < TILE_EDGE; ++row) {
        for (uint32_t column = 0; column < TILE_EDGE; ++column) {
            float value = scaler->element[row * TILE_EDGE + column];
            bool beyond = row % FACE_EDGE != 0 && value != 0.0f;
            bool other = row % FACE_EDGE == 0 && pool == WORD_MAX && value != 1.0f;
            if (beyond || other)
                fault_help(t, scaler_help);
            if (beyond)
                thread_fault(
                    t, "the scaler %s has %g at row %u, column %u: only row 0 of each face may be filled",
                    buffer_name(cb), (double)value, (unsigned)row, (unsigned)column);
            if (other)
                thread_fault(
                    t, "the scaler %s has %g at row %u, column %u: a maximum takes 1 in row 0 of each face",
                    buffer_name(cb), (double)value, (unsigned)row, (unsigned)column);
        }
    }
    for (uint32_t i = 0; i < TILE_EDGE; ++i) {
        uint32_t lane = i % FACE_EDGE, half = i / FACE_EDGE;
        uint32_t one = dimension == WORD_REDUCE_ROW ? i : half * FACE_EDGE * TILE_EDGE + lane;
        uint32_t two = dimension == WORD_REDUCE_ROW ? FACE_EDGE * TILE_EDGE + i : one + FACE_EDGE;
        if (scaler->element[one] != scaler->element[two]) {
            fault_help(t, scaler_help);
            thread_fault(t, "the faces of the scaler %s disagree for %s %u: %g and %g", buffer_name(cb),
                         dimension == WORD_REDUCE_ROW ? "column" : "row", (unsigned)i,
                         (double)scaler->element[one], (double)scaler->element[two]);
        }
    }
    cb->scaler_checked = cb->pushed + 1;
    cb->scaler_address = address;
}

static void reduce_rows(const struct tile_engine *engine, const struct tile *data, uint32_t pool,
                        const float *weights, float *line) {
    if (pool == WORD_MAX)
        engine->max_rows(data, line);
    else
        engine->add_rows(data, weights, line);
}

void mean_reduce(const struct compute_call *call) {
    struct thread *t = call->thread;
    const struct device *device = t->core->run->device;
    uint32_t pool = call_argument(call, call->row->words),
             dimension = call_argument(call, call->row->words + 1u);
    uint32_t scaler_tile = call_argument(call, call->row->tile_b), dst = call_argument(call, call->row->slot);
    const struct tile *values = &operand_load(t, call->a, call_argument(call, call->row->tile_a))->tile;
    const struct tile *weights = &operand_load(t, call->b, scaler_tile)->tile;
    check_scaler(t, call->b, scaler_tile, weights, pool, dimension);
    bool fresh = !t->core->compute.slots[dst < MAX_DST_TILES ? dst : 0].written;
    struct tile *target = dst_accumulator(t, dst);
    /* The accumulators as a row, for either dimension. */
    float sums[TILE_EDGE], factors[TILE_EDGE];
    uint32_t step = dimension == WORD_REDUCE_ROW ? TILE_EDGE : 1;
    for (uint32_t i = 0; i < TILE_EDGE; ++i) {
        sums[i] = fresh && pool == WORD_MAX ? f32_from_bits(0xff800000u) : target->element[i * step];
        uint32_t half = i / FACE_EDGE, lane = i % FACE_EDGE;
        factors[i] = weights->element[dimension == WORD_REDUCE_ROW ? i : half * FACE_EDGE * TILE_EDGE + lane];
    }
    if (dimension == WORD_REDUCE_ROW) {
        device->engine->transpose(values, &device->scratch[0]);
        values = &device->scratch[0];
    }
    reduce_rows(device->engine, values, pool, factors, sums);
    for (uint32_t i = 0; i < TILE_EDGE; ++i)
        target->element[i * step] = sums[i];
    dst_written(t, dst, HOLDS_FLOATS, dimension);
}
