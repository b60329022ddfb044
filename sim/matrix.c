/* The matrix unit: products, elementwise operations of two buffers, reductions. */
#include "sim/calls.h"
#include "sim/compute.h"

static void count_products(struct thread *t, uint32_t products) {
    const struct device *device = t->core->run->device;
    t->core->run->statistics.tile_products += products;
    t->clock += (uint64_t)products * device->costs->tile_product[device->architecture->fidelity];
}

/* A product reads in1 into SrcA and in0 into SrcB. */

static struct operation matmul_operation(uint32_t transpose) {
    return (struct operation){.kind = OPERATION_MATMUL, .parameters = {transpose != 0}};
}

static struct operation matmul_block_operation(uint32_t transpose, uint32_t ct, uint32_t rt, uint32_t kt) {
    return (struct operation){.kind = OPERATION_MATMUL_BLOCK, .parameters = {transpose != 0, ct, rt, kt}};
}

void device_matmul_init(uint32_t line, uint32_t in0, uint32_t in1, uint32_t transpose) {
    struct thread *t = compute_enter(line, "matmul_init");
    operation_init(t, matmul_operation(transpose), buffer_find(t, in1), buffer_find(t, in0));
}

void device_matmul_block_init(uint32_t line, uint32_t in0, uint32_t in1, uint32_t transpose, uint32_t ct,
                              uint32_t rt, uint32_t kt) {
    struct thread *t = compute_enter(line, "matmul_block_init");
    if (ct == 0 || rt == 0 || kt == 0 || ct > t->core->run->dst_tiles || rt > t->core->run->dst_tiles ||
        ct * rt > t->core->run->dst_tiles)
        thread_fault(t, "a block of rt %u x ct %u tiles (kt %u) does not fit the %u tiles of a DST section",
                     (unsigned)rt, (unsigned)ct, (unsigned)kt, (unsigned)t->core->run->dst_tiles);
    operation_init(t, matmul_block_operation(transpose, ct, rt, kt), buffer_find(t, in1),
                   buffer_find(t, in0));
}

/* A slot to be added to: 0 where nothing wrote it. */
static struct tile *accumulator(struct thread *t, uint32_t slot) {
    struct tile *tile = dst_target(t, slot);
    if (t->core->compute.slots[slot].integer)
        thread_fault(t, "adds to DST slot %u, which holds integers", (unsigned)slot);
    if (!t->core->compute.slots[slot].written)
        memset(tile, 0, sizeof *tile);
    return tile;
}

/* One k step: rt tiles of in0, kt apart, times ct neighbouring tiles of in1, which may be transposed. */
static void multiply_block(struct thread *t, struct circular_buffer *a, struct circular_buffer *b,
                           uint32_t tile0, uint32_t tile1, uint32_t dst, bool transpose, uint32_t ct,
                           uint32_t rt, uint32_t kt) {
    const struct device *device = t->core->run->device;
    const struct operand *left[MAX_DST_TILES], *right[MAX_DST_TILES];
    const struct tile *right_tile[MAX_DST_TILES];
    uint64_t clock = t->clock;
    for (uint32_t row = 0; row < rt; ++row)
        left[row] = operand_load(t, a, tile0 + row * kt);
    for (uint32_t column = 0; column < ct; ++column) {
        right[column] = operand_load(t, b, tile1 + column);
        right_tile[column] = transpose ? &device->scratch[column] : &right[column]->tile;
        if (transpose)
            device->engine->transpose(&right[column]->tile, &device->scratch[column]);
    }
    uint64_t unpacked = t->clock;
    for (uint32_t row = 0; row < rt; ++row) {
        for (uint32_t column = 0; column < ct; ++column) {
            uint32_t slot = dst + row * ct + column;
            bool exact = tile_products_are_exact(left[row]->range, right[column]->range);
            (exact ? device->engine->multiply_exact
                   : device->engine->multiply)(&left[row]->tile, right_tile[column], accumulator(t, slot));
            dst_written(t, slot, false, t->core->compute.slots[slot].reduced);
        }
    }
    /* The unpackers work ahead of the matrix unit: the slower of the two counts. */
    t->clock = clock;
    count_products(t, rt * ct);
    t->clock = t->clock > unpacked ? t->clock : unpacked;
}

void device_matmul_tiles(uint32_t line, uint32_t in0, uint32_t in1, uint32_t tile0, uint32_t tile1,
                         uint32_t dst) {
    struct thread *t = compute_enter(line, "matmul_tiles");
    struct circular_buffer *a = buffer_find(t, in0), *b = buffer_find(t, in1);
    uint32_t transpose = t->core->compute.operation.parameters[0];
    operation_check(t,
                    t->core->compute.operation.kind == OPERATION_MATMUL ? matmul_operation(transpose)
                                                                        : matmul_operation(0),
                    "matmul_init", b, a);
    multiply_block(t, a, b, tile0, tile1, dst, transpose != 0, 1, 1, 1);
}

void device_matmul_block(uint32_t line, uint32_t in0, uint32_t in1, uint32_t tile0, uint32_t tile1,
                         uint32_t dst, uint32_t transpose, uint32_t ct, uint32_t rt, uint32_t kt) {
    struct thread *t = compute_enter(line, "matmul_block");
    struct circular_buffer *a = buffer_find(t, in0), *b = buffer_find(t, in1);
    operation_check(t, matmul_block_operation(transpose, ct, rt, kt), "matmul_block_init", b, a);
    multiply_block(t, a, b, tile0, tile1, dst, transpose != 0, ct, rt, kt);
}

/* Elementwise on two buffers: in0 in SrcA, in1, which may be broadcast, in SrcB. */

static struct operation binary_operation(enum vector_binary kind, uint32_t broadcast) {
    return (struct operation){.kind = OPERATION_BINARY, .parameters = {(uint32_t)kind, broadcast}};
}

static void binary_init(struct thread *t, uint32_t in0, uint32_t in1, enum vector_binary kind,
                        uint32_t broadcast) {
    operation_init(t, binary_operation(kind, broadcast), buffer_find(t, in0), buffer_find(t, in1));
}

static void binary_tiles(struct thread *t, uint32_t in0, uint32_t in1, uint32_t tile0, uint32_t tile1,
                         uint32_t dst, enum vector_binary kind, uint32_t broadcast, const char *init) {
    const struct device *device = t->core->run->device;
    struct circular_buffer *a = buffer_find(t, in0), *b = buffer_find(t, in1);
    const struct operation *current = &t->core->compute.operation;
    if (current->kind == OPERATION_BINARY &&
        (current->parameters[0] != (uint32_t)kind || current->parameters[1] != broadcast))
        thread_fault(t, "needs %s, but the last init is %s at line %u", init, current->call,
                     (unsigned)current->line);
    operation_check(t, binary_operation(kind, broadcast), init, a, b);
    const struct tile *left = &operand_load(t, a, tile0)->tile, *right = &operand_load(t, b, tile1)->tile;
    if (broadcast) {
        tile_broadcast(right, broadcast, &device->scratch[0]);
        right = &device->scratch[0];
    }
    if (kind == VECTOR_MUL) {
        /* The product is added to what DST holds: 0 after tile_regs_acquire. */
        struct tile *target = accumulator(t, dst), *product = &device->scratch[1];
        device->engine->binary[VECTOR_MUL](left, right, product);
        device->engine->binary[VECTOR_ADD](target, product, target);
    } else {
        device->engine->binary[kind](left, right, dst_target(t, dst));
    }
    dst_written(t, dst, false, 0);
}

#define BINARY_CALL(op, kind, init, call, broadcast)                                                         \
    void device_##init(uint32_t line, uint32_t in0, uint32_t in1) {                                          \
        binary_init(compute_enter(line, #init), in0, in1, kind, broadcast);                                  \
    }                                                                                                        \
    void device_##call(uint32_t line, uint32_t in0, uint32_t in1, uint32_t tile0, uint32_t tile1,            \
                       uint32_t dst) {                                                                       \
        binary_tiles(compute_enter(line, #call), in0, in1, tile0, tile1, dst, kind, broadcast, #init);       \
    }
#define BINARY_CALLS(op, kind)                                                                               \
    BINARY_CALL(op, kind, op##_init, op##_tiles, 0)                                                          \
    BINARY_CALL(op, kind, op##_bcast_rows_init, op##_tiles_bcast_rows, WORD_ROW)                             \
    BINARY_CALL(op, kind, op##_bcast_cols_init, op##_tiles_bcast_cols, WORD_COL)                             \
    BINARY_CALL(op, kind, op##_bcast_scalar_init, op##_tiles_bcast_scalar, WORD_SCALAR)
BINARY_CALLS(add, VECTOR_ADD)
BINARY_CALLS(sub, VECTOR_SUB)
BINARY_CALLS(mul, VECTOR_MUL)

/* Reductions. A sum along rows has the scaler in SrcA and the data in SrcB; the others the other way round.
 */

static bool reduce_is_swapped(uint32_t pool, uint32_t dimension) {
    return pool == WORD_SUM && dimension == WORD_REDUCE_ROW;
}

static struct operation reduce_operation(uint32_t pool, uint32_t dimension, uint32_t in, uint32_t scaler) {
    return (struct operation){.kind = OPERATION_REDUCE, .parameters = {pool, dimension, in, scaler}};
}

void device_reduce_init(uint32_t line, uint32_t pool, uint32_t dimension, uint32_t in, uint32_t scaler,
                        uint32_t out) {
    struct thread *t = compute_enter(line, "reduce_init");
    struct circular_buffer *data = buffer_find(t, in), *factor = buffer_find(t, scaler);
    buffer_find(t, out);
    if (pool > WORD_MAX || (dimension != WORD_REDUCE_ROW && dimension != WORD_REDUCE_COL))
        thread_fault(t, "reduces by SUM or MAX, along REDUCE_ROW or REDUCE_COL");
    if (data->spec->format != factor->spec->format)
        thread_fault(t, "the scaler %s is %s, but the data %s is %s: a scaler has its data's format",
                     buffer_name(factor), data_format_name(factor->spec->format), buffer_name(data),
                     data_format_name(data->spec->format));
    bool swapped = reduce_is_swapped(pool, dimension);
    operation_init(t, reduce_operation(pool, dimension, in, scaler), swapped ? factor : data,
                   swapped ? data : factor);
    t->core->compute.reduce_mask = dimension;
    t->core->compute.reduce_line = line;
}

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
            if (row % FACE_EDGE != 0 && value != 0.0f)
                thread_fault(
                    t, "the scaler %s has %g at row %u, column %u: only row 0 of each face may be filled",
                    buffer_name(cb), (double)value, (unsigned)row, (unsigned)column);
            if (row % FACE_EDGE == 0 && pool == WORD_MAX && value != 1.0f)
                thread_fault(
                    t, "the scaler %s has %g at row %u, column %u: a maximum takes 1 in row 0 of each face",
                    buffer_name(cb), (double)value, (unsigned)row, (unsigned)column);
        }
    }
    for (uint32_t i = 0; i < TILE_EDGE; ++i) {
        uint32_t lane = i % FACE_EDGE, half = i / FACE_EDGE;
        uint32_t one = dimension == WORD_REDUCE_ROW ? i : half * FACE_EDGE * TILE_EDGE + lane;
        uint32_t two = dimension == WORD_REDUCE_ROW ? FACE_EDGE * TILE_EDGE + i : one + FACE_EDGE;
        if (scaler->element[one] != scaler->element[two])
            thread_fault(t, "the faces of the scaler %s disagree for %s %u: %g and %g", buffer_name(cb),
                         dimension == WORD_REDUCE_ROW ? "column" : "row", (unsigned)i,
                         (double)scaler->element[one], (double)scaler->element[two]);
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

void device_reduce_tile(uint32_t line, uint32_t pool, uint32_t dimension, uint32_t in, uint32_t scaler,
                        uint32_t tile, uint32_t scaler_tile, uint32_t dst) {
    struct thread *t = compute_enter(line, "reduce_tile");
    const struct device *device = t->core->run->device;
    struct circular_buffer *data = buffer_find(t, in), *factor = buffer_find(t, scaler);
    bool swapped = reduce_is_swapped(pool, dimension);
    operation_check(t, reduce_operation(pool, dimension, in, scaler), "reduce_init", swapped ? factor : data,
                    swapped ? data : factor);
    const struct tile *values = &operand_load(t, data, tile)->tile;
    const struct tile *weights = &operand_load(t, factor, scaler_tile)->tile;
    check_scaler(t, factor, scaler_tile, weights, pool, dimension);
    bool fresh = !t->core->compute.slots[dst < MAX_DST_TILES ? dst : 0].written;
    struct tile *target = accumulator(t, dst);
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
    dst_written(t, dst, false, dimension);
}

void device_reduce_uninit(uint32_t line, uint32_t in) {
    struct thread *t = compute_enter(line, "reduce_uninit");
    buffer_find(t, in);
    t->core->compute.reduce_mask = 0;
    t->clock += t->core->run->device->costs->initialise;
}
