/* The calls of compute: DST, the matrix unit, the vector unit, the packer. Configuration calls do nothing
 * here, but for what they say about values: matmul_init whether the right operand is transposed.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "evaluate/machine.h"
#include "support/device_call.h"

struct tile {
    struct number items[TILE_ELEMENTS];
};

static int64_t argument(struct machine *m, const struct call *call, size_t index) {
    return integer_of(m, call->arguments[index]);
}

static bool is_integer(enum dtype dtype) {
    return dtype == DTYPE_U16 || dtype == DTYPE_U32 || dtype == DTYPE_I32;
}

/* ---- DST ---- */

static struct machine_slot *slot_at(struct machine *m, int64_t slot) {
    if (!m->state.section)
        machine_fault(m, m->span, "DST is used outside of tile_regs_acquire and tile_regs_release");
    else if (slot < 0 || slot >= DST_SLOTS)
        machine_fault(m, m->span, "DST slot %" PRId64 ", but there are %d", slot, DST_SLOTS);
    return m->stopped ? NULL : &m->state.dst[slot];
}

/* To write to: zero before its first write in a section. */
static struct machine_slot *slot_target(struct machine *m, int64_t slot) {
    struct machine_slot *target = slot_at(m, slot);
    if (target && !target->written)
        memset(target->items, 0, sizeof target->items);
    return target;
}

static struct machine_slot *slot_source(struct machine *m, int64_t slot) {
    struct machine_slot *source = slot_at(m, slot);
    if (source && !source->written) {
        machine_fault(m, m->span, "DST slot %" PRId64 " is read, but nothing wrote it in this section", slot);
        return NULL;
    }
    return source;
}

static void slot_written(struct machine_slot *slot, bool integer, int reduced) {
    slot->written = true;
    slot->integer = integer;
    slot->reduced = reduced;
}

static enum call_result acquire(struct machine *m, const struct call *call) {
    (void)call;
    if (m->state.section)
        machine_fault(m, m->span, "tile_regs_acquire before the last section is released");
    m->state.section = true;
    for (size_t i = 0; i < DST_SLOTS; i++)
        m->state.dst[i].written = false;
    return CALL_DONE;
}

static enum call_result release(struct machine *m, const struct call *call) {
    (void)call;
    if (!m->state.section)
        machine_fault(m, m->span, "tile_regs_release without tile_regs_acquire");
    m->state.section = false;
    return CALL_DONE;
}

/* ---- unpack ---- */

/* A tile at the front of a buffer; through the FPU's sources, or to DST at full width where the buffer is
 * configured so. */
static bool load(struct machine *m, int64_t id, int64_t page, bool fpu, struct tile *out, enum dtype *dtype) {
    struct ring *ring = ring_find(m, id);
    const struct number *tile = ring && !m->stopped ? ring_tile(m, ring, false, page) : NULL;
    if (!tile)
        return false;
    *dtype = ring->plan->dtype;
    bool through_sources = *dtype == DTYPE_F32 && (fpu || !ring->plan->full_width);
    for (size_t i = 0; i < TILE_ELEMENTS; i++) {
        if (number_is_hole(tile[i])) {
            machine_fault(m, m->span, "page %" PRId64 " of %s was not wholly written", page,
                          ring->plan->name);
            return false;
        }
        out->items[i] = through_sources ? number_fpu(m->model, false, tile[i]) : tile[i];
    }
    return true;
}

static size_t broadcast_index(int word, size_t row, size_t column) {
    switch (word) {
    case TEMPLATE_ROW:
        return column;
    case TEMPLATE_COL:
        return row * TILE_EDGE;
    case TEMPLATE_SCALAR:
        return 0;
    default:
        return row * TILE_EDGE + column;
    }
}

/* copy_tile, unary_bcast, transpose_tile: variant 1 transposes. */
static enum call_result move(struct machine *m, const struct call *call) {
    struct tile tile;
    enum dtype dtype;
    bool spreads = strcmp(call->name, "unary_bcast") == 0;
    if (!load(m, argument(m, call, 0), argument(m, call, 1), false, &tile, &dtype))
        return CALL_DONE;
    struct machine_slot *slot = slot_target(m, argument(m, call, 2));
    for (size_t row = 0; slot && row < TILE_EDGE; row++) {
        for (size_t column = 0; column < TILE_EDGE; column++) {
            size_t from = call->variant ? column * TILE_EDGE + row
                          : spreads     ? broadcast_index(call->words[0], row, column)
                                        : row * TILE_EDGE + column;
            slot->items[row * TILE_EDGE + column] = tile.items[from];
        }
    }
    if (slot)
        slot_written(slot, is_integer(dtype), 0);
    return CALL_DONE;
}

/* ---- matrix unit ---- */

static inline void multiply(enum number_model model, const struct number *a, const struct number *b,
                            bool transpose, struct number *c) {
    for (size_t row = 0; row < TILE_EDGE; row++) {
        struct number *sums = c + row * TILE_EDGE;
        for (size_t k = 0; k < TILE_EDGE; k++) {
            struct number left = a[row * TILE_EDGE + k];
            for (size_t column = 0; column < TILE_EDGE; column++) {
                struct number right = b[transpose ? column * TILE_EDGE + k : k * TILE_EDGE + column];
                sums[column] = number_add(model, sums[column], number_multiply(model, left, right));
            }
        }
    }
}

/* The step of the device: operands and the results of all 32 products are canonical, sums on the way are
 * plain f32. */
static void multiply_device(const struct number *a, const struct number *b, bool transpose,
                            struct number *c) {
    for (size_t row = 0; row < TILE_EDGE; row++) {
        for (size_t column = 0; column < TILE_EDGE; column++) {
            struct number *result = &c[row * TILE_EDGE + column];
            float sum = (float)result->value;
            for (size_t k = 0; k < TILE_EDGE; k++) {
                float right = (float)b[transpose ? column * TILE_EDGE + k : k * TILE_EDGE + column].value;
                sum += (float)a[row * TILE_EDGE + k].value * right;
            }
            result->value = (double)f32_canonical(sum);
        }
    }
}

static void multiply_tiles(struct machine *m, int64_t in0, int64_t in1, int64_t tile0, int64_t tile1,
                           int64_t slot, bool transpose) {
    struct tile a, b;
    enum dtype dtype;
    if (!load(m, in0, tile0, true, &a, &dtype) || !load(m, in1, tile1, true, &b, &dtype))
        return;
    struct machine_slot *sum = slot_target(m, slot);
    if (!sum)
        return;
    switch (m->model) { /* a loop for each model: the compiler drops the others' arithmetic */
    case MODEL_IDEAL:
        multiply(MODEL_IDEAL, a.items, b.items, transpose, sum->items);
        break;
    case MODEL_DEVICE:
        multiply_device(a.items, b.items, transpose, sum->items);
        break;
    case MODEL_BOUND:
        multiply(MODEL_BOUND, a.items, b.items, transpose, sum->items);
        break;
    }
    slot_written(sum, false, sum->written ? sum->reduced : 0);
}

static enum call_result matmul_init(struct machine *m, const struct call *call) {
    m->state.transpose = argument(m, call, 2) != 0;
    return CALL_DONE;
}

static enum call_result matmul_tiles(struct machine *m, const struct call *call) {
    multiply_tiles(m, argument(m, call, 0), argument(m, call, 1), argument(m, call, 2), argument(m, call, 3),
                   argument(m, call, 4), m->state.transpose);
    return CALL_DONE;
}

/* One k step: rt tiles of the first, kt apart, times ct neighbours of the second. */
static enum call_result matmul_block(struct machine *m, const struct call *call) {
    int64_t v[9];
    for (size_t i = 0; i < 9; i++)
        v[i] = argument(m, call, i);
    for (int64_t row = 0; row < v[7]; row++)
        for (int64_t column = 0; column < v[6] && machine_step(m); column++)
            multiply_tiles(m, v[0], v[1], v[2] + row * v[8], v[3] + column, v[4] + row * v[6] + column,
                           v[5] != 0);
    return CALL_DONE;
}

enum { BINARY_KIND_ADD, BINARY_KIND_SUBTRACT, BINARY_KIND_MULTIPLY };
#define BINARY_VARIANT(kind, word) ((kind)*16 + (word))

/* The ideal product keeps its sign where the device, which adds it to the +0 of a fresh slot, turns -0 to +0.
 */
static struct number accumulate(enum number_model model, struct number sum, struct number product) {
    bool fresh = sum.value == 0 && !signbit(sum.value);
    return model != MODEL_DEVICE && fresh ? product : number_add(model, sum, product);
}

/* add_tiles and its family. A product is added to what DST holds. */
static enum call_result binary_tiles(struct machine *m, const struct call *call) {
    struct tile a, b;
    enum dtype dtype;
    int kind = call->variant / 16, word = call->variant % 16;
    if (!load(m, argument(m, call, 0), argument(m, call, 2), true, &a, &dtype) ||
        !load(m, argument(m, call, 1), argument(m, call, 3), true, &b, &dtype))
        return CALL_DONE;
    struct machine_slot *slot = slot_target(m, argument(m, call, 4));
    for (size_t i = 0; slot && i < TILE_ELEMENTS; i++) {
        struct number left = a.items[i], right = b.items[broadcast_index(word, i / TILE_EDGE, i % TILE_EDGE)];
        if (kind == BINARY_KIND_MULTIPLY)
            slot->items[i] = accumulate(m->model, slot->items[i], number_multiply(m->model, left, right));
        else
            slot->items[i] = kind == BINARY_KIND_ADD ? number_add(m->model, left, right)
                                                     : number_subtract(m->model, left, right);
    }
    if (slot)
        slot_written(slot, false, 0);
    return CALL_DONE;
}

/* The weight of a data element: the first row of the scaler's face over it. */
static struct number weight_of(const struct tile *scaler, bool rows, size_t row, size_t column) {
    size_t face_row = row / FACE_EDGE * FACE_EDGE, face_column = column / FACE_EDGE * FACE_EDGE;
    return scaler->items[face_row * TILE_EDGE + face_column + (rows ? column : row) % FACE_EDGE];
}

/* One row or column of the data folded onto its accumulator; sums as in a product: canonical at their end. */
static struct number fold_line(struct machine *m, const struct tile *data, const struct tile *scaler,
                               bool rows, bool greatest, size_t line, struct number sum) {
    float plain = (float)sum.value;
    for (size_t i = 0; i < TILE_EDGE && !m->stopped; i++) {
        size_t row = rows ? line : i, column = rows ? i : line;
        struct number value = data->items[row * TILE_EDGE + column],
                      weight = weight_of(scaler, rows, row, column);
        if (greatest && weight.value != 1)
            machine_fault(m, m->span, "the scaler of a maximum holds %g, not 1", weight.value);
        if (greatest)
            sum = number_function_2(m->model, m->greatest, sum, value);
        else if (m->model == MODEL_DEVICE)
            plain += (float)value.value * (float)weight.value;
        else
            sum = number_add(m->model, sum, number_multiply(m->model, value, weight));
    }
    bool device_sum = m->model == MODEL_DEVICE && !greatest;
    return device_sum ? (struct number){(double)f32_canonical(plain), 0} : sum;
}

static enum call_result reduce_tile(struct machine *m, const struct call *call) {
    struct tile data, scaler;
    enum dtype dtype;
    bool rows = call->words[1] == TEMPLATE_REDUCE_ROW, greatest = call->words[0] == TEMPLATE_MAX;
    if (!load(m, argument(m, call, 0), argument(m, call, 2), true, &data, &dtype) ||
        !load(m, argument(m, call, 1), argument(m, call, 3), true, &scaler, &dtype))
        return CALL_DONE;
    struct machine_slot *slot = slot_target(m, argument(m, call, 4));
    if (!slot)
        return CALL_DONE;
    bool fresh = !slot->written;
    for (size_t line = 0; line < TILE_EDGE; line++) {
        struct number *sum = &slot->items[rows ? line * TILE_EDGE : line];
        if (fresh && greatest)
            *sum = number_exact(m->model, -(double)INFINITY);
        *sum = fold_line(m, &data, &scaler, rows, greatest, line, *sum);
    }
    slot_written(slot, false, call->words[1]);
    return CALL_DONE;
}

/* ---- packer ---- */

static enum call_result pack(struct machine *m, const struct call *call) {
    struct machine_slot *slot = slot_source(m, argument(m, call, 0));
    struct ring *ring = slot ? ring_find(m, argument(m, call, 1)) : NULL;
    struct number *tile = ring ? ring_tile(m, ring, true, argument(m, call, 2)) : NULL;
    if (!tile || m->stopped)
        return CALL_DONE;
    enum dtype dtype = ring->plan->dtype;
    if (slot->integer != is_integer(dtype)) {
        machine_fault(m, m->span, "%s of DST are packed to %s, which is %s",
                      slot->integer ? "integers" : "floats", ring->plan->name,
                      word_text(WORDS_dtype, (int)dtype));
        return CALL_DONE;
    }
    if (m->model == MODEL_DEVICE && (dtype == DTYPE_BFP8 || dtype == DTYPE_BFP4)) {
        machine_fault(m, m->span, "stores of %s are evaluated in the ideal model only",
                      word_text(WORDS_dtype, (int)dtype));
        return CALL_DONE;
    }
    for (size_t i = 0; i < TILE_ELEMENTS; i++) {
        bool cleared = (slot->reduced == TEMPLATE_REDUCE_ROW && i % TILE_EDGE != 0) ||
                       (slot->reduced == TEMPLATE_REDUCE_COL && i >= TILE_EDGE);
        tile[i] = cleared ? (struct number){0, 0} : number_store(m->model, dtype, slot->items[i]);
    }
    return CALL_DONE;
}

/* ---- vector unit ---- */

static enum call_result unary(struct machine *m, const struct call *call) {
    struct machine_slot *slot = slot_source(m, argument(m, call, 0));
    for (size_t i = 0; slot && i < TILE_ELEMENTS; i++)
        slot->items[i] = number_function(m->model, call->function, slot->items[i]);
    return CALL_DONE;
}

enum vector_kind {
    VECTOR_ADD,
    VECTOR_SUBTRACT,
    VECTOR_MULTIPLY,
    VECTOR_DIVIDE,
    VECTOR_EQUAL,
    VECTOR_NOT_EQUAL,
    VECTOR_LESS,
    VECTOR_LESS_EQUAL,
    VECTOR_GREATER,
    VECTOR_GREATER_EQUAL,
    VECTOR_REVERSE_SUBTRACT,
    VECTOR_FUNCTION
};

static struct number vector_operation(struct machine *m, const struct call *call, struct number a,
                                      struct number b) {
    static const enum binary_operator comparisons[] = {
        [VECTOR_EQUAL] = BINARY_EQUAL,     [VECTOR_NOT_EQUAL] = BINARY_NOT_EQUAL,
        [VECTOR_LESS] = BINARY_LESS,       [VECTOR_LESS_EQUAL] = BINARY_LESS_EQUAL,
        [VECTOR_GREATER] = BINARY_GREATER, [VECTOR_GREATER_EQUAL] = BINARY_GREATER_EQUAL};
    switch ((enum vector_kind)call->variant) {
    case VECTOR_ADD:
        return number_add(m->model, a, b);
    case VECTOR_SUBTRACT:
        return number_subtract(m->model, a, b);
    case VECTOR_REVERSE_SUBTRACT:
        return number_subtract(m->model, b, a);
    case VECTOR_MULTIPLY:
        return number_multiply(m->model, a, b);
    case VECTOR_DIVIDE:
        return number_divide(m->model, a, b);
    case VECTOR_FUNCTION:
        return number_function_2(m->model, call->function, a, b);
    default:
        return number_compare(m->model, comparisons[call->variant], a, b);
    }
}

static int reduced_of(const struct machine_slot *a, const struct machine_slot *b) {
    return a->reduced ? a->reduced : b->reduced;
}

static enum call_result vector_binary(struct machine *m, const struct call *call) {
    struct machine_slot *a = slot_source(m, argument(m, call, 0)),
                        *b = a ? slot_source(m, argument(m, call, 1)) : NULL;
    struct machine_slot *out = b ? slot_target(m, argument(m, call, 2)) : NULL;
    if (!out)
        return CALL_DONE;
    int reduced = reduced_of(a, b);
    for (size_t i = 0; i < TILE_ELEMENTS; i++)
        out->items[i] = vector_operation(m, call, a->items[i], b->items[i]);
    slot_written(out, false, reduced);
    return CALL_DONE;
}

static enum call_result vector_scalar(struct machine *m, const struct call *call) {
    struct machine_slot *slot = slot_source(m, argument(m, call, 0));
    struct number scalar = number_argument(m, call->arguments[1]);
    for (size_t i = 0; slot && i < TILE_ELEMENTS; i++)
        slot->items[i] = vector_operation(m, call, slot->items[i], scalar);
    return CALL_DONE;
}

static enum call_result fill(struct machine *m, const struct call *call) {
    struct machine_slot *slot = slot_target(m, argument(m, call, 0));
    struct number scalar = number_argument(m, call->arguments[1]);
    for (size_t i = 0; slot && i < TILE_ELEMENTS; i++)
        slot->items[i] = scalar;
    if (slot)
        slot_written(slot, false, 0);
    return CALL_DONE;
}

static enum call_result where(struct machine *m, const struct call *call) {
    struct machine_slot *source[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < 3; i++)
        if (!(source[i] = slot_source(m, argument(m, call, i))))
            return CALL_DONE;
    struct machine_slot *out = slot_target(m, argument(m, call, 3));
    if (!out)
        return CALL_DONE;
    int reduced = source[0]->reduced ? source[0]->reduced : reduced_of(source[1], source[2]);
    for (size_t i = 0; i < TILE_ELEMENTS; i++)
        out->items[i] =
            number_select(m->model, source[0]->items[i], source[1]->items[i], source[2]->items[i]);
    slot_written(out, false, reduced);
    return CALL_DONE;
}

/* A configuration call: the buffers that it names exist. Variant: how many of its first arguments are
 * buffers. */
static enum call_result configure(struct machine *m, const struct call *call) {
    for (int i = 0; i < call->variant; i++)
        ring_find(m, argument(m, call, (size_t)i));
    return CALL_DONE;
}

/* clang-format off */
#define BINARY_FAMILY(op, kind)                                                       \
    {#op "_init", configure, 2},                                                      \
    {#op "_bcast_rows_init", configure, 2},                                           \
    {#op "_bcast_cols_init", configure, 2},                                           \
    {#op "_bcast_scalar_init", configure, 2},                                         \
    {#op "_tiles", binary_tiles, BINARY_VARIANT(kind, TEMPLATE_uint32_t)},            \
    {#op "_tiles_bcast_rows", binary_tiles, BINARY_VARIANT(kind, TEMPLATE_ROW)},      \
    {#op "_tiles_bcast_cols", binary_tiles, BINARY_VARIANT(kind, TEMPLATE_COL)},      \
    {#op "_tiles_bcast_scalar", binary_tiles, BINARY_VARIANT(kind, TEMPLATE_SCALAR)}
#define VECTOR_FAMILY(op, kind)               \
    {#op "_binary_tile_init", configure, 0},  \
    {#op "_binary_tile", vector_binary, kind}
/* clang-format on */

static const struct {
    const char *name;
    call_meaning *meaning;
    int variant;
} meanings[] = {
    {"compute_kernel_hw_startup", configure, 3},
    {"tile_regs_acquire", acquire, 0},
    {"tile_regs_commit", configure, 0},
    {"tile_regs_wait", configure, 0},
    {"tile_regs_release", release, 0},
    {"pack_tile", pack, 0},
    {"pack_reconfig_data_format", configure, 1},
    {"reconfig_data_format", configure, 2},
    {"reconfig_data_format_srca", configure, 1},
    {"reconfig_data_format_srcb", configure, 1},
    {"copy_init", configure, 1},
    {"copy_tile", move, 0},
    {"unary_bcast_init", configure, 1},
    {"unary_bcast", move, 0},
    {"unary_bcast_uninit", configure, 1},
    {"transpose_init", configure, 1},
    {"transpose_tile", move, 1},
    {"matmul_init", matmul_init, 0},
    {"matmul_tiles", matmul_tiles, 0},
    {"matmul_block_init", configure, 2},
    {"matmul_block", matmul_block, 0},
    BINARY_FAMILY(add, BINARY_KIND_ADD),
    BINARY_FAMILY(sub, BINARY_KIND_SUBTRACT),
    BINARY_FAMILY(mul, BINARY_KIND_MULTIPLY),
    {"reduce_init", configure, 3},
    {"reduce_tile", reduce_tile, 0},
    {"reduce_uninit", configure, 1},
    {"fill_tile_init", configure, 0},
    {"fill_tile_bitcast", fill, 0},
    {"binop_with_scalar_tile_init", configure, 0},
    {"add_unary_tile", vector_scalar, VECTOR_ADD},
    {"sub_unary_tile", vector_scalar, VECTOR_SUBTRACT},
    {"mul_unary_tile", vector_scalar, VECTOR_MULTIPLY},
    {"rsub_unary_tile", vector_scalar, VECTOR_REVERSE_SUBTRACT},
    {"where_tile_init", configure, 0},
    {"where_tile", where, 0},
    VECTOR_FAMILY(add, VECTOR_ADD),
    VECTOR_FAMILY(sub, VECTOR_SUBTRACT),
    VECTOR_FAMILY(mul, VECTOR_MULTIPLY),
    VECTOR_FAMILY(div, VECTOR_DIVIDE),
    VECTOR_FAMILY(eq, VECTOR_EQUAL),
    VECTOR_FAMILY(ne, VECTOR_NOT_EQUAL),
    VECTOR_FAMILY(lt, VECTOR_LESS),
    VECTOR_FAMILY(le, VECTOR_LESS_EQUAL),
    VECTOR_FAMILY(gt, VECTOR_GREATER),
    VECTOR_FAMILY(ge, VECTOR_GREATER_EQUAL),
};

/* Functions of the language by the names of their calls. */
static bool function_meaning(const char *name, struct call *call) {
    for (size_t i = 0; i < language_function_count; i++) {
        const struct language_function *function = &language_functions[i];
        const char *intrinsic = function_call_find(function->name)->name;
        size_t length = strlen(intrinsic);
        if (strncmp(name, intrinsic, length) != 0)
            continue;
        bool init = strcmp(name + length, "_init") == 0;
        if (!init && name[length])
            continue;
        call->meaning = init ? configure : function->arity == 2 ? vector_binary : unary;
        call->variant = init ? 0 : VECTOR_FUNCTION;
        call->function = function;
        return true;
    }
    return false;
}

bool tile_call_find(const char *name, struct call *call) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (strcmp(meanings[i].name, name) == 0) {
            call->meaning = meanings[i].meaning;
            call->variant = meanings[i].variant;
            return true;
        }
    }
    return function_meaning(name, call);
}
