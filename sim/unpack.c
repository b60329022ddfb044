/* Loads from buffers into DST: as they are, transposed, spread. */
#include "sim/calls.h"
#include "sim/compute.h"
#include "support/block_format.h"

/* Whole numbers as they are; of 16 and 8 bits, in the low bits of the word. */
static enum slot_contents unpack_whole(struct thread *t, const struct circular_buffer *cb,
                                       const uint8_t *bytes, struct tile *out) {
    enum data_format format = cb->spec->format;
    uint32_t width = data_format_element_bytes(format);
    if (!t->core->run->launch->fp32_dest_acc)
        thread_fault(t, "loads %s of format %s, but DST has 16 bits in this launch", buffer_name(cb),
                     data_format_name(format));
    for (uint32_t row = 0; row < TILE_EDGE; ++row) {
        for (uint32_t column = 0; column < TILE_EDGE; ++column) {
            uint32_t word = 0; /* little endian */
            memcpy(&word, bytes + tile_element_index(row, column) * width, width);
            memcpy(&out->element[row * TILE_EDGE + column], &word, sizeof word);
        }
    }
    return width == 4 ? HOLDS_WHOLE : width == 2 ? HOLDS_U16 : HOLDS_U8;
}

/* Values of a block format, which bf16 holds too. */
static struct tile_range unpack_blocks(enum data_format format, const uint8_t *bytes, struct tile *out) {
    float values[TILE_ELEMENTS];
    struct tile_range range = {.least = UINT8_MAX, .most = 0};
    block_decode(format, bytes, values);
    for (uint32_t row = 0; row < TILE_EDGE; ++row) {
        for (uint32_t column = 0; column < TILE_EDGE; ++column) {
            float value = values[tile_element_index(row, column)];
            uint8_t exponent = (uint8_t)(f32_bits(value) >> 23 & 0xff);
            out->element[row * TILE_EDGE + column] = value;
            if (value != 0) {
                range.least = exponent < range.least ? exponent : range.least;
                range.most = exponent > range.most ? exponent : range.most;
            }
        }
    }
    return range;
}

struct unpacked tile_unpack(struct thread *t, const struct circular_buffer *cb, const uint8_t *bytes,
                            struct tile *out) {
    const struct tile_engine *engine = t->core->run->device->engine;
    switch (cb->spec->format) {
    case FORMAT_BF16:
        return (struct unpacked){HOLDS_FLOATS, engine->widen_bf16(bytes, out)};
    case FORMAT_F32:
        return (struct unpacked){
            HOLDS_FLOATS, (cb->spec->unpack_to_dest ? engine->widen_f32 : engine->widen_tf32)(bytes, out)};
    case FORMAT_U32:
    case FORMAT_I32:
    case FORMAT_U16:
    case FORMAT_U8:
        return (struct unpacked){.holds = unpack_whole(t, cb, bytes, out)};
    case FORMAT_BFP8:
    case FORMAT_BFP4:
        return (struct unpacked){HOLDS_FLOATS, unpack_blocks(cb->spec->format, bytes, out)};
    default:
        thread_fault(t, "the embedded device does not unpack format %s", data_format_name(cb->spec->format));
    }
}

/* Loads a tile of the window waited for; what it holds. */
static enum slot_contents load_tile(struct thread *t, struct circular_buffer *cb, uint32_t tile,
                                    struct tile *out) {
    return tile_unpack(t, cb, buffer_read_tile(t, cb, tile), out).holds;
}

static struct tile *target_of(const struct compute_call *call) {
    return dst_target(call->thread, call_argument(call, call->row->slot));
}

/* The bits of a tile, as they were unpacked. */
static void written(const struct compute_call *call, enum slot_contents holds) {
    uint32_t slot = call_argument(call, call->row->slot);
    dst_written(call->thread, slot, holds, 0);
    call->thread->core->compute.slots[slot].computed = false;
}

void mean_copy(const struct compute_call *call) {
    uint32_t tile = call_argument(call, call->row->tile_a);
    written(call, load_tile(call->thread, call->a, tile, target_of(call)));
}

void mean_transpose(const struct compute_call *call) {
    const struct device *device = call->thread->core->run->device;
    struct tile *target = target_of(call);
    enum slot_contents holds =
        load_tile(call->thread, call->a, call_argument(call, call->row->tile_a), &device->scratch[0]);
    device->engine->transpose(&device->scratch[0], target);
    written(call, holds);
}

void mean_spread(const struct compute_call *call) {
    const struct device *device = call->thread->core->run->device;
    struct tile *target = target_of(call);
    enum slot_contents holds =
        load_tile(call->thread, call->a, call_argument(call, call->row->tile_a), &device->scratch[0]);
    tile_broadcast(&device->scratch[0], call_argument(call, call->row->words), target);
    written(call, holds);
}

void tile_broadcast(const struct tile *in, uint32_t type, struct tile *out) {
    for (uint32_t row = 0; row < TILE_EDGE; ++row) {
        for (uint32_t column = 0; column < TILE_EDGE; ++column) {
            uint32_t from = (type == WORD_COL ? row * TILE_EDGE : 0) + (type == WORD_ROW ? column : 0);
            memcpy(&out->element[row * TILE_EDGE + column], &in->element[from], sizeof(float));
        }
    }
}
