/* The compute kernel's machine state: start-up, DST sections, formats, packing; what calls do by their rows. */
#include "sim/compute.h"

#include <stdio.h>

#include "sim/calls.h"

const char *source_format_name(uint32_t source_format) {
    return source_format % 2 ? "f32 unpacked to DST"
                             : data_format_name((enum data_format)(source_format / 2));
}

static struct circular_buffer *buffer_at(const struct compute_call *call, unsigned position) {
    return position ? buffer_find(call->thread, call_argument(call, position)) : NULL;
}

static void take(struct thread *t, uint32_t cycles) {
    t->clock += cycles;
}

/* An init or a reconfiguration. */
static void take_initialise(struct thread *t) {
    take(t, t->core->run->device->costs->initialise);
}

/* Where a sum along rows reads the data through SrcB and the scaler through SrcA, these two are exchanged. */
static void find_sources(const struct compute_call *call, const struct circular_buffer **a,
                         const struct circular_buffer **b) {
    const struct device_call *row = call->row;
    bool swapped = row->swaps && call_argument(call, row->words) == WORD_SUM &&
                   call_argument(call, row->words + 1u) == WORD_REDUCE_ROW;
    *a = swapped ? call->b : call->a;
    *b = swapped ? call->a : call->b;
}

static void start_up(const struct compute_call *call) {
    struct thread *t = call->thread;
    struct compute_state *state = &t->core->compute;
    if (state->started)
        thread_fault(t, "is called twice: it is for the beginning of the kernel only");
    bool reverse = call_argument(call, call->row->order) == WORD_REVERSE;
    state->started = true;
    state->startup_order = call_argument(call, call->row->order);
    state->source_a = (reverse ? call->b : call->a)->source_format;
    state->source_b = (reverse ? call->a : call->b)->source_format;
    state->pack_format = buffer_at(call, call->row->out)->spec->format;
    take_initialise(t);
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
    if (to == SECTION_ACQUIRED)
        memset(state->slots, 0, sizeof state->slots);
    take(t, t->core->run->device->costs->call);
}

void compute_check_exit(struct thread *t) {
    const struct compute_state *state = &t->core->compute;
    if (state->section != SECTION_FREE)
        thread_fault(t, "the kernel ends with the DST section %s since line %u: tile_regs_release is missing",
                     section_name(state->section), (unsigned)state->section_line);
}

static void check_section_has(struct thread *t, uint32_t slot) {
    const struct device_run *run = t->core->run;
    if (slot < run->dst_tiles)
        return;
    fault_help(t, "take fewer tiles in one section");
    thread_fault(t, "DST slot %u, but a section has %u tiles%s", (unsigned)slot, (unsigned)run->dst_tiles,
                 run->launch->fp32_dest_acc ? " of f32" : "");
}

/* Of what is read or packed. */
static void check_slot_written(struct thread *t, uint32_t slot, const char *what) {
    if (t->core->compute.slots[slot].written)
        return;
    fault_help(t, "every slot that is read or packed must be written in its section");
    thread_fault(t, "%s DST slot %u, which nothing wrote in this section", what, (unsigned)slot);
}

/* Device form keeps 16 bits of what one operation makes of 16-bit tiles, no more. */
static bool is_narrow_form(const struct thread *t) {
    return t->core->run->launch->device_form && !t->core->run->launch->fp32_dest_acc;
}

static void check_narrow(struct thread *t, bool exceeds, const char *what, uint32_t slot, const char *left) {
    if (!exceeds || !is_narrow_form(t))
        return;
    fault_help(t, "set fp32_dest_acc_en = 1: 16 bits hold what one operation makes of 16-bit tiles, no more");
    thread_fault(t, "%s DST slot %u, where 16 bits of a %s are left", what, (unsigned)slot, left);
}

static void check_buffer_width(struct thread *t, const struct circular_buffer *cb) {
    if (!cb || cb->spec->format != FORMAT_F32 || !is_narrow_form(t))
        return;
    fault_help(t, "set fp32_dest_acc_en = 1");
    thread_fault(t, "is for %s, which is f32, and DST holds 16 bits", buffer_name(cb));
}

static void check_slot(struct thread *t, uint32_t slot) {
    const struct compute_state *state = &t->core->compute;
    if (state->section != SECTION_ACQUIRED)
        thread_fault(t, "works on DST between tile_regs_acquire and tile_regs_commit, but the section is %s",
                     section_name(state->section));
    check_section_has(t, slot);
}

struct tile *dst_target(struct thread *t, uint32_t slot) {
    check_slot(t, slot);
    return &t->core->compute.dst[slot];
}

/* 0 where nothing wrote it. */
struct tile *dst_accumulator(struct thread *t, uint32_t slot) {
    struct tile *tile = dst_target(t, slot);
    if (t->core->compute.slots[slot].holds != HOLDS_FLOATS)
        thread_fault(t, "adds to DST slot %u, which holds integers", (unsigned)slot);
    check_narrow(t, t->core->compute.slots[slot].written, "adds to", slot, "sum");
    if (!t->core->compute.slots[slot].written)
        memset(tile, 0, sizeof *tile);
    return tile;
}

static const char *contents_name(enum slot_contents holds) {
    static const char *const names[] = {"floats", "integers", "integers of 16 bits", "integers of 8 bits"};
    return names[holds];
}

struct tile *dst_source(struct thread *t, uint32_t slot, enum slot_contents holds) {
    check_slot(t, slot);
    const struct dst_slot *state = &t->core->compute.slots[slot];
    check_slot_written(t, slot, "reads");
    check_narrow(t, state->computed, "goes on from", slot, "result");
    if (state->holds != holds)
        thread_fault(t, "reads DST slot %u as %s, but it holds %s", (unsigned)slot, contents_name(holds),
                     contents_name(state->holds));
    return &t->core->compute.dst[slot];
}

void dst_written(struct thread *t, uint32_t slot, enum slot_contents holds, uint32_t reduced) {
    const struct device_run *run = t->core->run;
    struct dst_slot *state = &t->core->compute.slots[slot];
    state->written = state->computed = true;
    state->holds = holds;
    state->reduced = reduced;
    if (!run->launch->fp32_dest_acc && holds == HOLDS_FLOATS)
        run->device->engine->round_bf16(&t->core->compute.dst[slot]);
}

/* Packing. */

static enum slot_contents contents_of(enum data_format format) {
    return !data_format_is_integer(format) ? HOLDS_FLOATS
           : format == FORMAT_U16          ? HOLDS_U16
           : format == FORMAT_U8           ? HOLDS_U8
                                           : HOLDS_WHOLE;
}

static void check_pack(struct thread *t, const struct circular_buffer *cb, uint32_t slot) {
    const struct compute_state *state = &t->core->compute;
    enum data_format format = cb->spec->format;
    if (state->section != SECTION_PACKING)
        thread_fault(t, "packs between tile_regs_wait and tile_regs_release, but the DST section is %s",
                     section_name(state->section));
    check_section_has(t, slot);
    const struct dst_slot *source = &state->slots[slot];
    check_slot_written(t, slot, "packs");
    check_buffer_width(t, cb);
    if (state->pack_format != format)
        thread_fault(
            t,
            "packs to %s of format %s, but the packer is configured for %s: pack_reconfig_data_format is missing",
            buffer_name(cb), data_format_name(format),
            data_format_name((enum data_format)state->pack_format));
    if (source->holds != contents_of(format))
        thread_fault(t, "packs %s of DST slot %u to %s of format %s", contents_name(source->holds),
                     (unsigned)slot, buffer_name(cb), data_format_name(format));
    if (source->holds >= HOLDS_U16 && !source->computed)
        thread_fault(
            t,
            "packs DST slot %u as it was unpacked, but integers of 16 and 8 bits are packed as typecast_tile leaves them",
            (unsigned)slot);
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

/* Whole numbers of 16 or 8 bits: the low bits of each word. */
static void pack_narrow(const struct tile *tile, uint32_t width, uint8_t *bytes) {
    for (uint32_t row = 0; row < TILE_EDGE; ++row)
        for (uint32_t column = 0; column < TILE_EDGE; ++column)
            memcpy(bytes + tile_element_index(row, column) * width, &tile->element[row * TILE_EDGE + column],
                   width);
}

static void pack(const struct compute_call *call) {
    struct thread *t = call->thread;
    struct device_run *run = t->core->run;
    struct circular_buffer *cb = buffer_at(call, call->row->buffer);
    uint32_t order = call_argument(call, 1), dst = call_argument(call, call->row->slot);
    uint32_t index = call_argument(call, call->row->tile_a);
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
    case FORMAT_U16:
    case FORMAT_U8:
        pack_narrow(tile, data_format_element_bytes(format), bytes);
        break;
    default:
        thread_fault(t, "the embedded device does not pack format %s", data_format_name(format));
    }
    l1_mark(t->core, address, cb->page_bytes, true);
    cb->scaler_checked = 0;
    ++run->statistics.tiles_packed;
    t->clock += cb->page_bytes / run->device->costs->pack_bytes_per_cycle;
}

static void reconfigure_packer(const struct compute_call *call) {
    struct thread *t = call->thread;
    struct compute_state *state = &t->core->compute;
    if (state->reduce_mask) /* its mask makes the packer count rows, which a new format may not find */
        thread_fault(
            t,
            "comes under the mask of reduce_init at line %u: it belongs before it, or behind reduce_uninit",
            (unsigned)state->reduce_line);
    state->pack_format = buffer_at(call, call->row->buffer)->spec->format;
    take_initialise(t);
}

/* Formats of the sources. */

static void reconfigure(const struct compute_call *call) {
    struct compute_state *state = &call->thread->core->compute;
    bool reverse = call->row->order && call_argument(call, call->row->order) == WORD_REVERSE;
    const struct circular_buffer *a = reverse ? call->b : call->a, *b = reverse ? call->a : call->b;
    if (a)
        state->source_a = a->source_format;
    if (b)
        state->source_b = b->source_format;
    if (call->row->order)
        state->startup_order = call_argument(call, call->row->order);
    take_initialise(call->thread);
}

/* Operations: an init with arguments, then calls that must fit it. */

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

/* What the calls of an init repeat: words, numbers, the very buffers. */
static void collect_key(const struct compute_call *call, uint32_t key[CALL_KEY_LIMIT]) {
    const struct device_call *row = call->row;
    size_t used = 0;
    memset(key, 0, CALL_KEY_LIMIT * sizeof *key);
    for (unsigned i = 0; i < row->word_count; ++i)
        key[used++] = call_argument(call, row->words + i);
    for (unsigned i = 0; i < row->parameter_count; ++i) {
        uint32_t value = call_argument(call, row->parameters_shared + i);
        key[used++] = i == 0 ? value != 0 : value; /* the first: whether tiles are transposed */
    }
    if (row->same_buffers) {
        key[used++] = call_argument(call, row->a);
        key[used++] = call_argument(call, row->b);
    }
}

/* A block of products that the init tells of fits DST. */
static void check_block(const struct compute_call *call) {
    const struct device_call *row = call->row;
    uint32_t most = call->thread->core->run->dst_tiles;
    uint32_t ct = call_argument(call, row->columns), rt = call_argument(call, row->rows),
             kt = call_argument(call, row->stride);
    if (ct == 0 || rt == 0 || kt == 0 || ct > most || rt > most || ct * rt > most)
        thread_fault(call->thread,
                     "a block of rt %u x ct %u tiles (kt %u) does not fit the %u tiles of a DST section",
                     (unsigned)rt, (unsigned)ct, (unsigned)kt, (unsigned)most);
}

static void check_scaler_format(const struct compute_call *call) {
    enum data_format data = call->a->spec->format, scaler = call->b->spec->format;
    if (data != scaler)
        thread_fault(
            call->thread, "the scaler %s is %s, but the data %s is %s: a scaler has its data's format",
            buffer_name(call->b), data_format_name(scaler), buffer_name(call->a), data_format_name(data));
}

/* MOVB2D, which spreads rows, writes what SrcB holds of 16-bit values as 16-bit rows of DST. */
static void check_broadcast_rows(const struct compute_call *call) {
    struct thread *t = call->thread;
    enum data_format format = call->a->spec->format;
    bool narrow = format == FORMAT_BF16 || format == FORMAT_BFP8 || format == FORMAT_BFP4;
    if (call_argument(call, call->row->words) == WORD_ROW && narrow && t->core->run->launch->fp32_dest_acc)
        thread_fault(
            t, "spreads rows of 16-bit values over DST of f32, where the device writes them as 16-bit rows");
}

/* unary_bcast leaves the unpacker changed until its uninit. */
static void check_broadcast_active(const struct compute_call *call) {
    struct compute_state *state = &call->thread->core->compute;
    if (call->row->init != DEVICE_CALL_unary_bcast_init) {
        if (state->broadcast_active)
            thread_fault(call->thread, "comes after unary_bcast_init at line %u without unary_bcast_uninit",
                         (unsigned)state->broadcast_line);
        return;
    }
    uint32_t type = call_argument(call, call->row->words);
    check_broadcast_rows(call);
    if (state->broadcast_active && state->broadcast_active != type)
        thread_fault(call->thread,
                     "comes after unary_bcast_init of another type at line %u without unary_bcast_uninit",
                     (unsigned)state->broadcast_line);
    state->broadcast_active = type;
    state->broadcast_line = call->thread->line;
}

static void initialise(const struct compute_call *call) {
    const struct device_call *row = call->row;
    struct thread *t = call->thread;
    struct compute_state *state = &t->core->compute;
    struct operation operation = {.init = row, .line = t->line};
    const struct circular_buffer *a, *b;
    buffer_at(call, row->out);
    if (row->rows)
        check_block(call);
    if (row->swaps)
        check_scaler_format(call);
    check_broadcast_active(call);
    if (row->product && !state->first_operation_done && state->startup_order != WORD_REVERSE)
        thread_fault(t, "is the first operation, so compute_kernel_hw_startup must be given REVERSE");
    find_sources(call, &a, &b);
    check_sources(t, a, b);
    state->first_operation_done = true;
    collect_key(call, operation.key);
    operation.transposed = row->transposed && call_argument(call, row->transposed) != 0;
    operation.format_a = state->source_a;
    operation.format_b = state->source_b;
    state->operation = operation;
    if (row->number == DEVICE_CALL_reduce_init) {
        state->reduce_mask = call_argument(call, row->words + 1u);
        state->reduce_line = t->line;
    }
    take_initialise(t);
}

static void end_operation(const struct compute_call *call) {
    struct compute_state *state = &call->thread->core->compute;
    buffer_at(call, call->row->buffer);
    if (call->row->init == DEVICE_CALL_reduce_init) {
        state->reduce_mask = 0;
    } else {
        if (state->broadcast_active != call_argument(call, call->row->words))
            thread_fault(call->thread, "has no unary_bcast_init of its type before it");
        state->broadcast_active = 0;
        state->operation = (struct operation){.init = NULL};
    }
    take_initialise(call->thread);
}

static void check_operation(const struct compute_call *call) {
    struct thread *t = call->thread;
    const struct operation *current = &t->core->compute.operation;
    const struct device_call *init = &device_calls[call->row->init];
    const struct circular_buffer *a, *b;
    uint32_t key[CALL_KEY_LIMIT];
    if (!current->init)
        thread_fault(t, "%s is missing before it", init->name);
    if (current->init != init)
        thread_fault(t, "needs %s, but the last init is %s at line %u", init->name, current->init->name,
                     (unsigned)current->line);
    collect_key(call, key);
    if (memcmp(current->key, key, sizeof key) != 0)
        thread_fault(t, "differs in its parameters from %s at line %u", current->init->name,
                     (unsigned)current->line);
    check_buffer_width(t, call->a);
    find_sources(call, &a, &b);
    check_sources(t, a, b);
    if ((a && current->format_a != a->source_format) || (b && current->format_b != b->source_format))
        thread_fault(
            t, "reads another format than %s at line %u was given: the init must follow the reconfiguration",
            current->init->name, (unsigned)current->line);
}

/* All calls. */

/* The words that a parameter takes, for a message. */
static void words_for(enum parameter_kind kind, char *text, size_t size) {
    size_t used = 0, left = 0;
    for (size_t i = 0; i < call_word_count; ++i)
        left += call_words[i].kind == kind;
    for (size_t i = 0; i < call_word_count && used < size; ++i)
        if (call_words[i].kind == kind)
            used += (size_t)snprintf(text + used, size - used, "%s%s", call_words[i].word,
                                     --left > 1  ? ", "
                                     : left == 1 ? " or "
                                                 : "");
}

/* Another constant would be another function. */
static void check_constants(const struct compute_call *call) {
    for (size_t i = 0; call->row->constant && i < call->row->count; ++i) {
        const float *constant = call_constant(call->row, i);
        if (constant && f32_bits(*constant) != call->arguments[i])
            thread_fault(call->thread, "is given 0x%08x where 0x%08x stands, the bits of %g",
                         (unsigned)call->arguments[i], (unsigned)f32_bits(*constant), (double)*constant);
    }
}

static void check_words(const struct compute_call *call) {
    bool wide = call->thread->core->run->launch->fp32_dest_acc;
    for (size_t i = 0; i < call->row->templates; ++i) {
        enum parameter_kind kind = call->row->parameters[i];
        uint32_t value = call->arguments[i];
        bool known = false;
        for (size_t j = 0; j < call_word_count; ++j)
            known |= call_words[j].kind == kind && call_words[j].value == value;
        char words[128];
        words_for(kind, words, known ? 0 : sizeof words);
        if (!known)
            thread_fault(call->thread, "is given %u where %s stands", (unsigned)value, words);
        if (kind == PARAMETER_DST_FORMAT && (value == WORD_Int32 || value == WORD_UInt32)) {
            if (!wide)
                thread_fault(call->thread, "DST holds 16 bits in this launch, and whole numbers take 32");
            if (!call->row->whole && !call->row->either && call->row->kind == EFFECT_VECTOR)
                thread_fault(call->thread, "is of floats, and given the format of whole numbers");
        } else if (kind == PARAMETER_DST_FORMAT && call->row->whole)
            thread_fault(call->thread, "is of whole numbers: its format must be Int32 or UInt32");
        else if (kind == PARAMETER_DST_FORMAT && value != (uint32_t)(wide ? WORD_Float32 : WORD_Float16_b))
            thread_fault(call->thread, "DST holds %s in this launch: its format must be %s",
                         wide ? "f32" : "bf16", wide ? "Float32" : "Float16_b");
    }
}

static void run_call(struct compute_call *call, call_meaning *meaning) {
    struct thread *t = call->thread;
    switch (call->row->kind) {
    case EFFECT_STARTUP:
        start_up(call);
        break;
    case EFFECT_ACQUIRE:
        section_step(t, SECTION_FREE, SECTION_ACQUIRED);
        break;
    case EFFECT_COMMIT:
        section_step(t, SECTION_ACQUIRED, SECTION_COMMITTED);
        break;
    case EFFECT_DST_WAIT:
        section_step(t, SECTION_COMMITTED, SECTION_PACKING);
        break;
    case EFFECT_RELEASE:
        section_step(t, SECTION_PACKING, SECTION_FREE);
        break;
    case EFFECT_PACK:
        pack(call);
        break;
    case EFFECT_RECONFIGURE:
        reconfigure(call);
        break;
    case EFFECT_RECONFIGURE_PACKER:
        reconfigure_packer(call);
        break;
    case EFFECT_INIT:
        initialise(call);
        break;
    case EFFECT_UNINIT:
        end_operation(call);
        break;
    case EFFECT_OPERATION:
        check_operation(call);
        meaning(call);
        break;
    case EFFECT_VECTOR_INIT:
        t->core->compute.vector_init = call->row;
        t->core->compute.folded_rows = false;
        t->core->compute.sums_kept = false;
        for (unsigned i = 0; i < call->row->word_count; i++)
            t->core->compute.vector_words[i] = call_argument(call, call->row->words + i);
        take_initialise(t);
        break;
    case EFFECT_VECTOR:
        vector_run(call, meaning);
        break;
    default: /* header.c makes no such call of compute */
        break;
    }
}

void compute_call(uint32_t line, const struct device_call *row, const uint32_t *arguments,
                  call_meaning *meaning) {
    struct thread *t = call_enter(line, row->name);
    struct compute_call call = {.thread = t, .row = row, .arguments = arguments};
    if (t->role != DEVICE_COMPUTE)
        thread_fault(t, "is a call of compute kernels");
    if (!t->core->compute.started && row->kind != EFFECT_STARTUP)
        thread_fault(t, "compute_kernel_hw_startup must come first");
    call.a = buffer_at(&call, row->a);
    call.b = buffer_at(&call, row->b);
    check_words(&call);
    check_constants(&call);
    run_call(&call, meaning);
}
