/* The vector unit: operations on values that are in DST already. */
#include "sim/calls.h"
#include "sim/compute.h"

static void vector_init(uint32_t line, const char *name) {
    struct thread *t = compute_enter(line, name);
    t->core->compute.vector_init = name;
    t->clock += t->core->run->device->costs->initialise;
}

static struct thread *vector_enter(uint32_t line, const char *name, const char *init) {
    struct thread *t = compute_enter(line, name);
    const char *last = t->core->compute.vector_init;
    if (!last)
        thread_fault(t, "%s is missing before it", init);
    if (last != init && strcmp(last, init) != 0)
        thread_fault(t, "needs %s, but the last init of the vector unit is %s", init, last);
    ++t->core->run->statistics.vector_operations;
    return t;
}

static uint32_t reduced_of(const struct thread *t, uint32_t a, uint32_t b) {
    const struct dst_slot *slots = t->core->compute.slots;
    return slots[a].reduced ? slots[a].reduced : slots[b].reduced;
}

static void unary(uint32_t line, const char *name, const char *init, enum vector_unary function,
                  uint32_t dst) {
    struct thread *t = vector_enter(line, name, init);
    struct tile *tile = dst_source(t, dst);
    t->core->run->device->engine->unary[function](tile);
    dst_written(t, dst, false, reduced_of(t, dst, dst));
    const struct clock_costs *costs = t->core->run->device->costs;
    bool simple = function == VECTOR_UNARY_relu || function == VECTOR_UNARY_abs ||
                  function == VECTOR_UNARY_neg || function == VECTOR_UNARY_square;
    t->clock += simple ? costs->vector_operation : costs->vector_function;
}

static void binary(uint32_t line, const char *name, const char *init, enum vector_binary function,
                   uint32_t dst0, uint32_t dst1, uint32_t out) {
    struct thread *t = vector_enter(line, name, init);
    const struct tile *a = dst_source(t, dst0), *b = dst_source(t, dst1);
    uint32_t reduced = reduced_of(t, dst0, dst1);
    t->core->run->device->engine->binary[function](a, b, dst_target(t, out));
    dst_written(t, out, false, reduced);
    const struct clock_costs *costs = t->core->run->device->costs;
    t->clock += function == VECTOR_DIV ? costs->vector_function : costs->vector_operation;
}

#define INIT_CALL(name)                                                                                      \
    void device_##name(uint32_t line) {                                                                      \
        vector_init(line, #name);                                                                            \
    }

#define UNARY_CALL(call, name)                                                                               \
    INIT_CALL(call##_init)                                                                                   \
    void device_##call(uint32_t line, uint32_t dst) {                                                        \
        unary(line, #call, #call "_init", VECTOR_UNARY_##name, dst);                                         \
    }
#define BINARY_CALL(call, function)                                                                          \
    INIT_CALL(call##_init)                                                                                   \
    void device_##call(uint32_t line, uint32_t dst0, uint32_t dst1, uint32_t out) {                          \
        binary(line, #call, #call "_init", function, dst0, dst1, out);                                       \
    }
UNARY_CALL(exp_tile, exp)
UNARY_CALL(log_tile, log)
UNARY_CALL(sqrt_tile, sqrt)
UNARY_CALL(rsqrt_tile, rsqrt)
UNARY_CALL(recip_tile, recip)
UNARY_CALL(sigmoid_tile, sigmoid)
UNARY_CALL(silu_tile, silu)
UNARY_CALL(tanh_tile, tanh)
UNARY_CALL(relu_tile, relu)
UNARY_CALL(abs_tile, abs)
UNARY_CALL(negative_tile, neg)
UNARY_CALL(square_tile, square)
BINARY_CALL(binary_max_tile, VECTOR_FUNCTION_max)
BINARY_CALL(binary_min_tile, VECTOR_FUNCTION_min)
BINARY_CALL(add_binary_tile, VECTOR_ADD)
BINARY_CALL(sub_binary_tile, VECTOR_SUB)
BINARY_CALL(mul_binary_tile, VECTOR_MUL)
BINARY_CALL(div_binary_tile, VECTOR_DIV)
BINARY_CALL(eq_binary_tile, VECTOR_EQ)
BINARY_CALL(ne_binary_tile, VECTOR_NE)
BINARY_CALL(lt_binary_tile, VECTOR_LT)
BINARY_CALL(le_binary_tile, VECTOR_LE)
BINARY_CALL(gt_binary_tile, VECTOR_GT)
BINARY_CALL(ge_binary_tile, VECTOR_GE)

INIT_CALL(fill_tile_init)
INIT_CALL(binop_with_scalar_tile_init)
INIT_CALL(where_tile_init)

static void fill(struct tile *tile, uint32_t bits) {
    float value = f32_from_bits(f32_canonical_bits(bits));
    for (uint32_t i = 0; i < TILE_ELEMENTS; ++i)
        tile->element[i] = value;
}

void device_fill_tile_bitcast(uint32_t line, uint32_t dst, uint32_t bits) {
    struct thread *t = vector_enter(line, "fill_tile_bitcast", "fill_tile_init");
    fill(dst_target(t, dst), bits);
    /* The same value everywhere: what the mask of a reduction leaves of it is as good as a reduced value. */
    dst_written(t, dst, false, t->core->compute.reduce_mask);
    t->clock += t->core->run->device->costs->vector_operation;
}

static void with_scalar(uint32_t line, const char *name, enum vector_binary function, bool reversed,
                        uint32_t dst, uint32_t bits) {
    struct thread *t = vector_enter(line, name, "binop_with_scalar_tile_init");
    struct tile *tile = dst_source(t, dst), *scalar = &t->core->run->device->scratch[0];
    fill(scalar, bits);
    t->core->run->device->engine->binary[function](reversed ? scalar : tile, reversed ? tile : scalar, tile);
    dst_written(t, dst, false, reduced_of(t, dst, dst));
    t->clock += t->core->run->device->costs->vector_operation;
}

void device_add_unary_tile(uint32_t line, uint32_t dst, uint32_t bits) {
    with_scalar(line, "add_unary_tile", VECTOR_ADD, false, dst, bits);
}

void device_sub_unary_tile(uint32_t line, uint32_t dst, uint32_t bits) {
    with_scalar(line, "sub_unary_tile", VECTOR_SUB, false, dst, bits);
}

void device_mul_unary_tile(uint32_t line, uint32_t dst, uint32_t bits) {
    with_scalar(line, "mul_unary_tile", VECTOR_MUL, false, dst, bits);
}

void device_rsub_unary_tile(uint32_t line, uint32_t dst, uint32_t bits) {
    with_scalar(line, "rsub_unary_tile", VECTOR_SUB, true, dst, bits);
}

void device_where_tile(uint32_t line, uint32_t format, uint32_t condition, uint32_t then, uint32_t otherwise,
                       uint32_t out) {
    struct thread *t = vector_enter(line, "where_tile", "where_tile_init");
    bool wide = t->core->run->launch->fp32_dest_acc;
    if (format != (uint32_t)(wide ? WORD_Float32 : WORD_Float16_b))
        thread_fault(t, "DST holds %s in this launch: its format must be %s", wide ? "f32" : "bf16",
                     wide ? "Float32" : "Float16_b");
    const struct tile *chooser = dst_source(t, condition);
    const struct tile *a = dst_source(t, then), *b = dst_source(t, otherwise);
    uint32_t reduced = reduced_of(t, condition, condition);
    reduced = reduced ? reduced : reduced_of(t, then, otherwise);
    t->core->run->device->engine->select(chooser, a, b, dst_target(t, out));
    dst_written(t, out, false, reduced);
    t->clock += 2 * t->core->run->device->costs->vector_operation;
}
