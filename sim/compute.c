/* The compute kernel's machine state: start-up, DST sections, formats, packing, and loads from buffers into
 * DST. */
#include "sim/compute.h"

#include <stdio.h>

#include "sim/calls.h"

const char *source_format_name(uint32_t source_format) {
    return source_format % 2 ? "f32 unpacked to DST"
                             : data_format_name((enum data_format)(source_format / 2));
}

static struct thread *compute_thread(uint32_t line, const char *name) {
    struct thread *t = call_enter(line, name);
    if (t->role != DEVICE_COMPUTE)
        thread_fault(t, "is a call of compute kernels");
    return t;
}

struct thread *compute_enter(uint32_t line, const char *name) {
    struct thread *t = compute_thread(line, name);
    if (!t->core->compute.started)
        thread_fault(t, "compute_kernel_hw_startup must come first");
    return t;
}

void device_compute_kernel_hw_startup(uint32_t line, uint32_t order, uint32_t in0, uint32_t in1,
                                      uint32_t out) {
    struct thread *t = compute_thread(line, "compute_kernel_hw_startup");
    struct compute_state *state = &t->core->compute;
    if (state->started)
        thread_fault(t, "is called twice: it is for the beginning of the kernel only");
    const struct circular_buffer *first = buffer_find(t, in0), *second = buffer_find(t, in1);
    state->started = true;
    state->startup_order = order;
    state->source_a = order == WORD_REVERSE ? second->source_format : first->source_format;
    state->source_b = order == WORD_REVERSE ? first->source_format : second->source_format;
    state->pack_format = buffer_find(t, out)->spec->format;
    t->clock += t->core->run->device->costs->initialise;
}

/* DST sections. */

static const char *section_name(enum section_state section) {
    static const char *const names[] = {"released", "acquired", "committed", "being packed"};
    return names[section];
}

static void section_step(struct thread *t, enum section_state from, enum section_state to) {
    static const char *const before[] = {"tile_regs_release", "tile_regs_acquire", "tile_regs_commit",
                                         "tile_regs_wait"};
    struct compute_state *state = &t->core->compute;
    if (state->section != from) {
        if (state->section_line == 0)
            thread_fault(t, "%s must come before it: no DST section was acquired yet", before[from]);
        thread_fault(t, "%s must come before it: the DST section is %s since line %u", before[from],
                     section_name(state->section), (unsigned)state->section_line);
    }
    state->section = to;
    state->section_line = t->line;
    t->clock += t->core->run->device->costs->call;
}

void device_tile_regs_acquire(uint32_t line) {
    struct thread *t = compute_enter(line, "tile_regs_acquire");
    section_step(t, SECTION_FREE, SECTION_ACQUIRED);
    memset(t->core->compute.slots, 0, sizeof t->core->compute.slots);
}

void device_tile_regs_commit(uint32_t line) {
    section_step(compute_enter(line, "tile_regs_commit"), SECTION_ACQUIRED, SECTION_COMMITTED);
}

void device_tile_regs_wait(uint32_t line) {
    section_step(compute_enter(line, "tile_regs_wait"), SECTION_COMMITTED, SECTION_PACKING);
}

void device_tile_regs_release(uint32_t line) {
    section_step(compute_enter(line, "tile_regs_release"), SECTION_PACKING, SECTION_FREE);
}

void compute_check_exit(struct thread *t) {
    const struct compute_state *state = &t->core->compute;
    if (state->section != SECTION_FREE)
        thread_fault(t, "the kernel ends with the DST section %s since line %u: tile_regs_release is missing",
                     section_name(state->section), (unsigned)state->section_line);
}

static void check_slot(struct thread *t, uint32_t slot) {
    const struct device_run *run = t->core->run;
    const struct compute_state *state = &t->core->compute;
    if (state->section != SECTION_ACQUIRED)
        thread_fault(t, "works on DST between tile_regs_acquire and tile_regs_commit, but the section is %s",
                     section_name(state->section));
    if (slot >= run->dst_tiles)
        thread_fault(t, "DST slot %u, but a section has %u tiles%s", (unsigned)slot, (unsigned)run->dst_tiles,
                     run->launch->fp32_dest_acc ? " of f32" : "");
}

struct tile *dst_target(struct thread *t, uint32_t slot) {
    check_slot(t, slot);
    return &t->core->compute.dst[slot];
}

struct tile *dst_source(struct thread *t, uint32_t slot) {
    check_slot(t, slot);
    const struct dst_slot *state = &t->core->compute.slots[slot];
    if (!state->written)
        thread_fault(t, "reads DST slot %u, which nothing wrote in this section", (unsigned)slot);
    if (state->integer)
        thread_fault(t, "reads DST slot %u as floats, but it holds integers", (unsigned)slot);
    return &t->core->compute.dst[slot];
}

void dst_written(struct thread *t, uint32_t slot, bool integer, uint32_t reduced) {
    const struct device_run *run = t->core->run;
    struct dst_slot *state = &t->core->compute.slots[slot];
    state->written = true;
    state->integer = integer;
    state->reduced = reduced;
    if (!run->launch->fp32_dest_acc && !integer)
        run->device->engine->round_bf16(&t->core->compute.dst[slot]);
}

/* Packing. */

static bool is_integer(enum data_format format) {
    return format == FORMAT_U16 || format == FORMAT_U32 || format == FORMAT_I32;
}

static void check_pack(struct thread *t, const struct circular_buffer *cb, uint32_t slot) {
    const struct device_run *run = t->core->run;
    const struct compute_state *state = &t->core->compute;
    enum data_format format = cb->spec->format;
    if (state->section != SECTION_PACKING)
        thread_fault(t, "packs between tile_regs_wait and tile_regs_release, but the DST section is %s",
                     section_name(state->section));
    if (slot >= run->dst_tiles)
        thread_fault(t, "DST slot %u, but a section has %u tiles%s", (unsigned)slot, (unsigned)run->dst_tiles,
                     run->launch->fp32_dest_acc ? " of f32" : "");
    const struct dst_slot *source = &state->slots[slot];
    if (!source->written)
        thread_fault(t, "packs DST slot %u, which nothing wrote in this section", (unsigned)slot);
    if (state->pack_format != format)
        thread_fault(
            t,
            "packs to %s of format %s, but the packer is configured for %s: pack_reconfig_data_format is missing",
            buffer_name(cb), data_format_name(format),
            data_format_name((enum data_format)state->pack_format));
    if (source->integer != is_integer(format))
        thread_fault(t, "packs %s of DST slot %u to %s of format %s", source->integer ? "integers" : "floats",
                     (unsigned)slot, buffer_name(cb), data_format_name(format));
    if (state->reduce_mask != source->reduced) {
        if (state->reduce_mask)
            thread_fault(
                t, "packs DST slot %u under the mask of reduce_init at line %u: reduce_uninit is missing",
                (unsigned)slot, (unsigned)state->reduce_line);
        thread_fault(
            t,
            "packs DST slot %u, a result of reduce_tile, after reduce_uninit: its other elements are undefined",
            (unsigned)slot);
    }
    if (!cb->tiles)
        thread_fault(t, "packs a tile to %s, but its pages have %u bytes and a tile of %s has %u",
                     buffer_name(cb), (unsigned)cb->page_bytes, data_format_name(format),
                     (unsigned)data_format_tile_bytes(format));
}

/* The result of a reduction as the masked packer writes it: zero outside its column or row. */
static const struct tile *mask_tile(struct thread *t, const struct tile *tile, uint32_t dimension) {
    struct tile *masked = &t->core->run->device->scratch[0];
    memset(masked, 0, sizeof *masked);
    for (uint32_t i = 0; i < TILE_EDGE; ++i) {
        uint32_t at = dimension == WORD_REDUCE_ROW ? i * TILE_EDGE : i;
        masked->element[at] = tile->element[at];
    }
    return masked;
}

void device_pack_tile(uint32_t line, uint32_t order, uint32_t dst, uint32_t buffer, uint32_t index) {
    struct thread *t = compute_enter(line, "pack_tile");
    struct device_run *run = t->core->run;
    struct circular_buffer *cb = buffer_find(t, buffer);
    enum data_format format = cb->spec->format;
    check_pack(t, cb, dst);
    enum pack_order pack_order = order == WORD_OUT_OF_ORDER ? PACK_OUT_OF_ORDER : PACK_IN_ORDER;
    if (cb->pack_order != PACK_NONE && cb->pack_order != pack_order)
        thread_fault(t, "mixes packing in order and by index in one reserved window of %s", buffer_name(cb));
    cb->pack_order = pack_order;
    uint32_t address = buffer_write_page(t, cb, pack_order == PACK_IN_ORDER ? cb->pack_next++ : index);
    const struct tile *tile = &t->core->compute.dst[dst];
    if (t->core->compute.slots[dst].reduced)
        tile = mask_tile(t, tile, t->core->compute.slots[dst].reduced);
    uint8_t *bytes = l1_bytes(t->core, address);
    switch (format) {
    case FORMAT_BF16:
        run->device->engine->narrow_bf16(tile, bytes);
        break;
    case FORMAT_F32:
    case FORMAT_U32:
    case FORMAT_I32:
        run->device->engine->narrow_f32(tile, bytes);
        break;
    default:
        thread_fault(t, "the embedded device does not pack format %s", data_format_name(format));
    }
    l1_mark(t->core, address, cb->page_bytes, true);
    cb->scaler_checked = 0;
    ++run->statistics.tiles_packed;
    t->clock += cb->page_bytes / run->device->costs->pack_bytes_per_cycle;
}

void device_pack_reconfig_data_format(uint32_t line, uint32_t buffer) {
    struct thread *t = compute_enter(line, "pack_reconfig_data_format");
    struct compute_state *state = &t->core->compute;
    if (state->reduce_mask) /* its mask makes the packer count rows, which a new format may not find */
        thread_fault(
            t,
            "comes under the mask of reduce_init at line %u: it belongs before it, or behind reduce_uninit",
            (unsigned)state->reduce_line);
    state->pack_format = buffer_find(t, buffer)->spec->format;
    t->clock += t->core->run->device->costs->initialise;
}

/* Formats of the sources. */

void device_reconfig_data_format(uint32_t line, uint32_t order, uint32_t in0, uint32_t in1) {
    struct thread *t = compute_enter(line, "reconfig_data_format");
    struct compute_state *state = &t->core->compute;
    uint32_t first = buffer_find(t, in0)->source_format, second = buffer_find(t, in1)->source_format;
    state->source_a = order == WORD_REVERSE ? second : first;
    state->source_b = order == WORD_REVERSE ? first : second;
    state->startup_order = order;
    t->clock += t->core->run->device->costs->initialise;
}

void device_reconfig_data_format_srca(uint32_t line, uint32_t buffer) {
    struct thread *t = compute_enter(line, "reconfig_data_format_srca");
    t->core->compute.source_a = buffer_find(t, buffer)->source_format;
    t->clock += t->core->run->device->costs->initialise;
}

void device_reconfig_data_format_srcb(uint32_t line, uint32_t buffer) {
    struct thread *t = compute_enter(line, "reconfig_data_format_srcb");
    t->core->compute.source_b = buffer_find(t, buffer)->source_format;
    t->clock += t->core->run->device->costs->initialise;
}

/* Operations: an init for kind and parameters, then calls that must fit it. */

static void check_sources(struct thread *t, const struct circular_buffer *a,
                          const struct circular_buffer *b) {
    const struct compute_state *state = &t->core->compute;
    if (a && state->source_a != a->source_format)
        thread_fault(t, "SrcA is configured for %s, but %s is %s: reconfig_data_format is missing",
                     source_format_name(state->source_a), buffer_name(a),
                     source_format_name(a->source_format));
    if (b && state->source_b != b->source_format)
        thread_fault(t, "SrcB is configured for %s, but %s is %s: reconfig_data_format is missing",
                     source_format_name(state->source_b), buffer_name(b),
                     source_format_name(b->source_format));
}

void operation_init(struct thread *t, struct operation operation, const struct circular_buffer *a,
                    const struct circular_buffer *b) {
    struct compute_state *state = &t->core->compute;
    if (state->broadcast_active && operation.kind != OPERATION_UNARY_BROADCAST)
        thread_fault(t, "comes after unary_bcast_init at line %u without unary_bcast_uninit",
                     (unsigned)state->broadcast_line);
    bool matmul = operation.kind == OPERATION_MATMUL || operation.kind == OPERATION_MATMUL_BLOCK;
    if (matmul && !state->first_operation_done && state->startup_order != WORD_REVERSE)
        thread_fault(t, "is the first operation, so compute_kernel_hw_startup must be given REVERSE");
    check_sources(t, a, b);
    state->first_operation_done = true;
    operation.format_a = state->source_a;
    operation.format_b = state->source_b;
    operation.call = t->call;
    operation.line = t->line;
    state->operation = operation;
    t->clock += t->core->run->device->costs->initialise;
}

static void operation_mismatch(struct thread *t, const struct operation *current, const char *init) {
    if (current->kind == OPERATION_NONE)
        thread_fault(t, "%s is missing before it", init);
    thread_fault(t, "needs %s, but the last init is %s at line %u", init, current->call,
                 (unsigned)current->line);
}

void operation_check(struct thread *t, struct operation operation, const char *init,
                     const struct circular_buffer *a, const struct circular_buffer *b) {
    const struct operation *current = &t->core->compute.operation;
    if (current->kind != operation.kind)
        operation_mismatch(t, current, init);
    for (int i = 0; i < 4; ++i) {
        if (current->parameters[i] != operation.parameters[i])
            thread_fault(t, "differs in its parameters from %s at line %u", current->call,
                         (unsigned)current->line);
    }
    check_sources(t, a, b);
    if ((a && current->format_a != a->source_format) || (b && current->format_b != b->source_format))
        thread_fault(
            t, "reads another format than %s at line %u was given: the init must follow the reconfiguration",
            current->call, (unsigned)current->line);
}

/* Loads into DST. */

struct unpacked tile_unpack(struct thread *t, const struct circular_buffer *cb, const uint8_t *bytes,
                            struct tile *out) {
    const struct tile_engine *engine = t->core->run->device->engine;
    switch (cb->spec->format) {
    case FORMAT_BF16:
        return (struct unpacked){false, engine->widen_bf16(bytes, out)};
    case FORMAT_F32:
        return (struct unpacked){
            false, (cb->spec->unpack_to_dest ? engine->widen_f32 : engine->widen_tf32)(bytes, out)};
    case FORMAT_U32:
    case FORMAT_I32:
        if (!t->core->run->launch->fp32_dest_acc)
            thread_fault(t, "loads %s of format %s, but DST has 16 bits in this launch", buffer_name(cb),
                         data_format_name(cb->spec->format));
        for (uint32_t row = 0; row < TILE_EDGE; ++row) {
            for (uint32_t column = 0; column < TILE_EDGE; column += FACE_EDGE)
                memcpy(&out->element[row * TILE_EDGE + column], bytes + tile_element_index(row, column) * 4,
                       FACE_EDGE * 4);
        }
        return (struct unpacked){.integer = true};
    default:
        thread_fault(t, "the embedded device does not unpack format %s", data_format_name(cb->spec->format));
    }
}

/* Loads a tile of the window waited for; true: integers. */
static bool load_tile(struct thread *t, struct circular_buffer *cb, uint32_t tile, struct tile *out) {
    return tile_unpack(t, cb, buffer_read_tile(t, cb, tile), out).integer;
}

void device_copy_init(uint32_t line, uint32_t buffer) {
    struct thread *t = compute_enter(line, "copy_init");
    operation_init(t, (struct operation){.kind = OPERATION_COPY}, buffer_find(t, buffer), NULL);
}

void device_copy_tile(uint32_t line, uint32_t buffer, uint32_t tile, uint32_t dst) {
    struct thread *t = compute_enter(line, "copy_tile");
    struct circular_buffer *cb = buffer_find(t, buffer);
    operation_check(t, (struct operation){.kind = OPERATION_COPY}, "copy_init", cb, NULL);
    bool integer = load_tile(t, cb, tile, dst_target(t, dst));
    dst_written(t, dst, integer, 0);
}

void device_transpose_init(uint32_t line, uint32_t buffer) {
    struct thread *t = compute_enter(line, "transpose_init");
    operation_init(t, (struct operation){.kind = OPERATION_TRANSPOSE}, buffer_find(t, buffer), NULL);
}

void device_transpose_tile(uint32_t line, uint32_t buffer, uint32_t tile, uint32_t dst) {
    struct thread *t = compute_enter(line, "transpose_tile");
    struct circular_buffer *cb = buffer_find(t, buffer);
    struct tile *scratch = &t->core->run->device->scratch[0];
    operation_check(t, (struct operation){.kind = OPERATION_TRANSPOSE}, "transpose_init", cb, NULL);
    struct tile *target = dst_target(t, dst);
    bool integer = load_tile(t, cb, tile, scratch);
    t->core->run->device->engine->transpose(scratch, target);
    dst_written(t, dst, integer, 0);
}

static void check_broadcast_type(struct thread *t, uint32_t type) {
    if (type != WORD_ROW && type != WORD_COL && type != WORD_SCALAR)
        thread_fault(t, "broadcasts ROW, COL or SCALAR");
}

/* MOVB2D, which spreads rows, writes what SrcB holds of 16-bit values as 16-bit rows of DST. */
static void check_broadcast_rows(struct thread *t, uint32_t type, const struct circular_buffer *cb) {
    enum data_format format = cb->spec->format;
    bool narrow = format == FORMAT_BF16 || format == FORMAT_BFP8 || format == FORMAT_BFP4;
    if (type == WORD_ROW && narrow && t->core->run->launch->fp32_dest_acc)
        thread_fault(
            t, "spreads rows of 16-bit values over DST of f32, where the device writes them as 16-bit rows");
}

void device_unary_bcast_init(uint32_t line, uint32_t type, uint32_t buffer) {
    struct thread *t = compute_enter(line, "unary_bcast_init");
    struct compute_state *state = &t->core->compute;
    struct circular_buffer *cb = buffer_find(t, buffer);
    check_broadcast_type(t, type);
    check_broadcast_rows(t, type, cb);
    if (state->broadcast_active && state->broadcast_active != type)
        thread_fault(t, "comes after unary_bcast_init of another type at line %u without unary_bcast_uninit",
                     (unsigned)state->broadcast_line);
    /* Both sources are configured alike: the broadcast reads through SrcB, full-width f32 through SrcA's
     * unpacker. */
    operation_init(t, (struct operation){.kind = OPERATION_UNARY_BROADCAST, .parameters = {type}}, cb, cb);
    state->broadcast_active = type;
    state->broadcast_line = line;
}

void device_unary_bcast(uint32_t line, uint32_t type, uint32_t buffer, uint32_t tile, uint32_t dst) {
    struct thread *t = compute_enter(line, "unary_bcast");
    struct circular_buffer *cb = buffer_find(t, buffer);
    struct tile *scratch = &t->core->run->device->scratch[0];
    operation_check(t, (struct operation){.kind = OPERATION_UNARY_BROADCAST, .parameters = {type}},
                    "unary_bcast_init", cb, cb);
    struct tile *target = dst_target(t, dst);
    bool integer = load_tile(t, cb, tile, scratch);
    tile_broadcast(scratch, type, target);
    dst_written(t, dst, integer, 0);
}

void device_unary_bcast_uninit(uint32_t line, uint32_t type, uint32_t buffer) {
    struct thread *t = compute_enter(line, "unary_bcast_uninit");
    struct compute_state *state = &t->core->compute;
    buffer_find(t, buffer);
    if (state->broadcast_active != type)
        thread_fault(t, "has no unary_bcast_init of its type before it");
    state->broadcast_active = 0;
    state->operation = (struct operation){.kind = OPERATION_NONE};
    t->clock += t->core->run->device->costs->initialise;
}

void tile_broadcast(const struct tile *in, uint32_t type, struct tile *out) {
    for (uint32_t row = 0; row < TILE_EDGE; ++row) {
        for (uint32_t column = 0; column < TILE_EDGE; ++column) {
            uint32_t from = (type == WORD_COL ? row * TILE_EDGE : 0) + (type == WORD_ROW ? column : 0);
            memcpy(&out->element[row * TILE_EDGE + column], &in->element[from], sizeof(float));
        }
    }
}
