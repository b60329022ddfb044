/* The windows of circular buffers: how many pages are reserved at the back and waited for at the front,
 * whether every access is among them, and where the ring wraps. */
#include "proofs/windows.h"

#include <inttypes.h>

#include "proofs/fact.h"

static size_t state_size(const struct walk *w) {
    return w->buffer_count * sizeof(struct windows);
}

static void initial(struct walk *w, void *state) {
    struct windows *windows = state;
    const struct polynomial *zero = number(&w->values, 0);
    struct moves *moves = arena_allocate(w->compilation->arena, (2 * w->buffer_count + 1) * sizeof *moves);
    for (size_t i = 0; i < w->buffer_count; i++) {
        windows[i].back = windows[i].front =
            (struct side){.window = zero, .ring = {w->buffers[i].pages, zero}, .unmoved = NO};
        moves[2 * i] = moves[2 * i + 1] = (struct moves){.common = w->buffers[i].pages};
        windows[i].back.moves = &moves[2 * i];
        windows[i].front.moves = &moves[2 * i + 1];
    }
}

static void final(struct walk *w, void *state) {
    const struct windows *windows = state;
    for (size_t i = 0; i < w->buffer_count; i++)
        if (windows[i].front.opened.line || windows[i].front.moved.line)
            w->waited_at_end[i] = windows[i].front.window;
}

static bool concerns(const struct device_call *effect) {
    switch (effect->kind) {
    case EFFECT_RESERVE:
    case EFFECT_PUSH:
    case EFFECT_WAIT:
    case EFFECT_POP:
    case EFFECT_READ_PAGE:
    case EFFECT_READ_PART:
    case EFFECT_WRITE_PAGE:
    case EFFECT_WRITE_PART:
    case EFFECT_STORE:
    case EFFECT_MULTICAST:
    case EFFECT_PACK:
    case EFFECT_OPERATION:
        return true;
    default:
        return false;
    }
}

static const char *text_of(struct walk *w, const struct walked_call *call, int argument) {
    return node_text(w->compilation->arena, call->call->arguments.items[argument - 1]);
}

static void failed(struct walk *w, size_t buffer) {
    if (!w->quiet)
        w->failed[buffer] = true;
}

/* "1 page", "8 pages", "N pages" */
static const char *pages_text(struct walk *w, const struct polynomial *pages) {
    int64_t value;
    bool one = known_number(pages, &value) && value == 1;
    return arena_printf(w->compilation->arena, "%s page%s", value_text(w, pages), one ? "" : "s");
}

static const char *count_text(struct walk *w, const struct walked_call *call) {
    const struct polynomial *pages = argument_of(w, call, call->effect->pages);
    int64_t value;
    return known_number(pages, &value)
               ? pages_text(w, pages)
               : arena_printf(w->compilation->arena, "%s pages", text_of(w, call, call->effect->pages));
}

/* ---- what moves have in common ---- */

static bool divides(struct values *v, const struct polynomial *b, const struct polynomial *a) {
    return whole_multiple(v, a, b) || exact_quotient(v, a, b);
}

/* A number of the launch, and every number that it may be divides. */
static bool surely_divides(struct walk *w, const struct polynomial *count, int64_t whole) {
    int64_t least, most;
    bool fits = is_of_sizes(&w->values, count) && literal_range(w, count, &least, &most) && most <= whole;
    for (int64_t i = fits && least > 1 ? least : 1; fits && i <= most; i++)
        fits = whole % i == 0;
    return fits;
}

static void add_move(struct walk *w, struct moves *moves, const struct polynomial *count) {
    struct values *v = &w->values;
    int64_t common;
    if (!count || !moves->common) {
        moves->common = NULL;
    } else if (known_number(moves->common, &common)) {
        if (count->count && surely_divides(w, count, common)) {
            moves->common = count;
            return;
        }
        for (size_t i = 0; i < count->count; i++)
            common = common_divisor(common, count->terms[i].factor);
        moves->common = number(v, common);
    } else if (count->count && !divides(v, moves->common, count)) {
        moves->common = divides(v, count, moves->common) ? count : NULL;
    }
}

/* ---- where the ring wraps ---- */

struct wrap {
    const struct polynomial *at, *modulus, *count;
};

static bool straddles(struct witness *witness, void *context) {
    const struct wrap *wrap = context;
    int64_t at, modulus, count;
    return witness_value(witness, wrap->at, &at) && witness_value(witness, wrap->modulus, &modulus) &&
           witness_value(witness, wrap->count, &count) && at < modulus && count > 0 && count > modulus - at;
}

/* So many pages from here on lie in one turn of the ring. As many as all moves have in common do, from any
 * multiple of it: it divides the ring. */
static bool surely_in_one_turn(struct walk *w, const struct side *side, const struct polynomial *count) {
    const struct ring_position *ring = &side->ring;
    return (ring->modulus && prove_quietly(w, sum_of(&w->values, ring->at, count), ring->modulus)) ||
           (!w->quiet && side->moves->common && prove_quietly(w, count, side->moves->common));
}

static enum verdict in_one_turn(struct walk *w, const struct side *side, const struct polynomial *count) {
    const struct ring_position *ring = &side->ring;
    struct wrap wrap = {ring->at, ring->modulus, count};
    if (surely_in_one_turn(w, side, count))
        return PROVED;
    bool known = ring->modulus && ring->at && count;
    return known && !w->quiet && find_witness(w, straddles, &wrap) ? REFUTED : UNDECIDED;
}

/* Once for a side: what follows has the same reason. */
static bool doubt_position(struct walk *w, const struct side *side) {
    bool first = !w->quiet && !side->moves->doubted;
    side->moves->doubted |= first;
    return first;
}

static void report_wrap(struct walk *w, const struct walked_call *call, size_t buffer,
                        const struct ring_position *ring, struct span earlier, const char *verb) {
    const struct polynomial *pages = w->buffers[buffer].pages;
    struct arena *arena = w->compilation->arena;
    const char *at = same_value(ring->modulus, pages)
                         ? arena_printf(arena, "page %s", value_text(w, ring->at))
                         : arena_printf(arena, "any multiple of %s", value_text(w, ring->modulus));
    walk_error(w, call->span, "%s %s of %s from %s on%s, but it wraps after %s: a window may not straddle",
               verb, count_text(w, call), buffer_label(w, buffer), at, w->witness, pages_text(w, pages));
    walk_note(w, earlier, "the move before it is here");
    walk_note(w, w->buffers[buffer].node->base.span, "%s is declared here", buffer_label(w, buffer));
    walk_help(w, "take steps that divide the pages of %s, or that add up to whole turns of it",
              buffer_label(w, buffer));
    failed(w, buffer);
}

static void ring_step(struct walk *w, struct side *side, const struct walked_call *call, size_t buffer,
                      const struct polynomial *count, const char *verb) {
    struct values *v = &w->values;
    add_move(w, side->moves, count);
    enum verdict verdict = in_one_turn(w, side, count);
    if (verdict == REFUTED)
        report_wrap(w, call, buffer, &side->ring, side->moved, verb);
    else if (verdict == UNDECIDED && doubt_position(w, side))
        walk_undecided(w, call->span, "not proved: %s %s of %s within one turn of it", verb,
                       count_text(w, call), buffer_label(w, buffer));
    const struct polynomial *next = sum_of(v, side->ring.at, count);
    int64_t place, modulus;
    if (verdict == REFUTED || !next || (verdict == UNDECIDED && !w->quiet))
        side->ring = (struct ring_position){NULL, NULL};
    else if (known_number(next, &place) && known_number(side->ring.modulus, &modulus) && modulus > 0)
        side->ring.at = number(v, place % modulus);
    else
        side->ring.at = same_value(next, side->ring.modulus) ? number(v, 0) : next;
}

/* ---- opening and moving windows ---- */

static void check_capacity(struct walk *w, const struct walked_call *call, size_t buffer,
                           const struct polynomial *count) {
    const struct polynomial *pages = w->buffers[buffer].pages;
    enum verdict verdict = prove_at_most(w, count, pages);
    const char *name = arena_printf(w->compilation->arena, "capacity_of_%s", buffer_label(w, buffer));
    if (verdict == UNDECIDED && count && pages && !walk_check(w, call->span, name, count, pages))
        walk_undecided(w, call->span, "not proved: %s of %s fit its pages", count_text(w, call),
                       buffer_label(w, buffer));
    if (verdict != REFUTED)
        return;
    walk_error(w, call->span, "%s of %s%s: circular buffer %s has %s", call->effect->name,
               count_text(w, call), w->witness, buffer_label(w, buffer), pages_text(w, pages));
    walk_note(w, w->buffers[buffer].node->base.span, "%s is declared here", buffer_label(w, buffer));
    walk_help(w, "such a call never returns: give the buffer as many pages, or take smaller steps");
    failed(w, buffer);
}

static void open_window(struct walk *w, struct side *side, const struct walked_call *call, size_t buffer,
                        const struct polynomial *count) {
    bool wait = call->effect->kind == EFFECT_WAIT;
    int64_t known = 1;
    check_capacity(w, call, buffer, count);
    bool some = !known_number(count, &known) || known > 0, covered = prove_quietly(w, count, side->window);
    if (wait && side->unmoved == YES && some && covered && !w->failed[buffer]) {
        walk_error(w, call->span, "waits for %s of %s after a wait for %s, with none popped since",
                   count_text(w, call), buffer_label(w, buffer), value_text(w, side->window));
        walk_note(w, side->opened, "the wait before it is here");
        walk_help(w, "waits count from the front: pop what was used, or wait for the pages of both");
        failed(w, buffer);
    }
    if (!covered)
        side->window = prove_quietly(w, side->window, count) ? count : NULL;
    if (some) {
        side->unmoved = YES;
        side->opened = call->span;
    }
}

static void move_window(struct walk *w, struct side *side, const struct walked_call *call, size_t buffer,
                        const struct polynomial *count) {
    bool push = call->effect->kind == EFFECT_PUSH;
    const char *verb = push ? "pushes" : "pops", *opened = push ? "reserved" : "waited for";
    struct values *v = &w->values;
    enum verdict verdict = side->window ? prove_at_most(w, count, side->window) : UNDECIDED;
    if (w->quiet && verdict == UNDECIDED && count && side->window &&
        prove_guarded(w, guard_here(w), count, side->window))
        verdict = PROVED;
    if (verdict == REFUTED) {
        walk_error(w, call->span, "%s %s of %s with %s %s%s", verb, count_text(w, call),
                   buffer_label(w, buffer), value_text(w, side->window), opened, w->witness);
        walk_note(w, side->opened, "the last %s is here", push ? "cb_reserve_back" : "cb_wait_front");
        walk_note(w, side->moved, "the last %s is here", push ? "cb_push_back" : "cb_pop_front");
        walk_help(w, "%s before it: what is %s must be %s", push ? "cb_reserve_back" : "cb_wait_front",
                  push ? "pushed" : "popped", opened);
        failed(w, buffer);
    } else if (verdict == UNDECIDED && !w->quiet &&
               !walk_check(w, call->span,
                           arena_printf(w->compilation->arena, "window_of_%s", buffer_label(w, buffer)),
                           count, side->window)) {
        walk_undecided(w, call->span, "not proved: %s %s of %s that are %s", verb, count_text(w, call),
                       buffer_label(w, buffer), opened);
    }
    if (!w->failed[buffer])
        ring_step(w, side, call, buffer, count, verb);
    bool all = verdict == PROVED && prove_quietly(w, side->window, count);
    side->window = all ? number(v, 0) : verdict == PROVED ? difference_of(v, side->window, count) : NULL;
    int64_t known = 1;
    if (!known_number(count, &known) || known > 0) {
        side->unmoved = NO;
        side->moved = call->span;
    }
}

/* ---- accesses ---- */

static void report_access(struct walk *w, const struct walked_call *call, size_t buffer,
                          const struct side *side, bool back, const char *what) {
    int64_t pages;
    bool none = known_number(side->window, &pages) && pages == 0;
    const char *opened = back ? "reserved" : "waited for";
    const char *beyond = arena_printf(w->compilation->arena, "%" PRId64 " beyond the %s", w->excess,
                                      pages_text(w, side->window));
    walk_error(w, call->span, "%s %s of %s%s, %s %s", back ? "writes" : "reads", what,
               buffer_label(w, buffer), w->witness, none ? "with nothing" : beyond, opened);
    if (!none)
        walk_note(w, side->opened, "the last %s is here", back ? "cb_reserve_back" : "cb_wait_front");
    else
        walk_note(w, side->moved, "the last %s is here", back ? "cb_push_back" : "cb_pop_front");
    walk_help(w, "%s must cover every page that is %s before the %s",
              back ? "cb_reserve_back" : "cb_wait_front", back ? "written" : "read", back ? "push" : "pop");
    failed(w, buffer);
}

/* Pages first .. first + more of the window. */
static void access_pages(struct walk *w, const struct walked_call *call, size_t buffer,
                         const struct side *side, bool back, const struct polynomial *last,
                         const char *what) {
    struct values *v = &w->values;
    const struct polynomial *count = sum_of(v, last, number(v, 1));
    if (w->quiet || w->failed[buffer])
        return;
    enum verdict verdict = side->window ? prove_at_most(w, count, side->window) : UNDECIDED;
    if (verdict == REFUTED) {
        report_access(w, call, buffer, side, back, what);
        return;
    }
    const char *name = arena_printf(w->compilation->arena, "window_of_%s", buffer_label(w, buffer));
    if (verdict == UNDECIDED && !walk_check(w, call->span, name, count, side->window))
        walk_undecided(w, call->span, "not proved: %s of %s is %s", what, buffer_label(w, buffer),
                       back ? "reserved" : "waited for");
    if (verdict == PROVED && surely_in_one_turn(w, side, side->window))
        return;
    enum verdict lies = in_one_turn(w, side, count);
    if (lies == PROVED)
        return;
    if (lies == UNDECIDED) {
        if (!walk_check(w, call->span, name, sum_of(v, side->ring.at, count), side->ring.modulus) &&
            doubt_position(w, side))
            walk_undecided(w, call->span, "not proved: %s of %s lies before the end of the ring", what,
                           buffer_label(w, buffer));
        return;
    }
    walk_error(w, call->span, "%s %s of %s past its wrap%s: the window straddles the end of the ring",
               back ? "writes" : "reads", what, buffer_label(w, buffer), w->witness);
    walk_note(w, side->moved, "the last %s is here", back ? "cb_push_back" : "cb_pop_front");
    if (same_value(side->ring.modulus, w->buffers[buffer].pages))
        walk_note(w, w->buffers[buffer].node->base.span, "the window begins at page %s of %s",
                  value_text(w, side->ring.at), value_text(w, w->buffers[buffer].pages));
    else
        walk_note(w, w->buffers[buffer].node->base.span, "windows begin at every multiple of %s within %s",
                  value_text(w, side->ring.modulus), pages_text(w, w->buffers[buffer].pages));
    walk_help(w, "take pages and steps that keep every window in one turn of the ring");
    failed(w, buffer);
}

static void access_tile(struct walk *w, struct windows *windows, const struct walked_call *call,
                        int buffer_at, int tile_at, const struct polynomial *more) {
    size_t buffer = buffer_of(w, call, buffer_at);
    if (!buffer_at || !tile_at || buffer == w->buffer_count)
        return;
    bool back = call->effect->kind == EFFECT_PACK;
    const struct polynomial *last = sum_of(&w->values, argument_of(w, call, tile_at), more);
    access_pages(w, call, buffer, back ? &windows[buffer].back : &windows[buffer].front, back, last,
                 arena_printf(w->compilation->arena, "tile %s", text_of(w, call, tile_at)));
}

/* A block of products reads rt tiles of in0, kt apart, and ct neighbours of in1. */
static void access_operands(struct walk *w, struct windows *windows, const struct walked_call *call) {
    const struct device_call *effect = call->effect;
    struct values *v = &w->values;
    const struct polynomial *more_a = number(v, 0), *more_b = more_a, *one = number(v, 1);
    if (effect->rows) {
        more_a = difference_of(v, argument_of(w, call, effect->columns), one);
        more_b = product_of(v, difference_of(v, argument_of(w, call, effect->rows), one),
                            argument_of(w, call, effect->stride));
    }
    access_tile(w, windows, call, effect->a, effect->tile_a, more_a);
    access_tile(w, windows, call, effect->b, effect->tile_b, more_b);
}

/* A page of a tensor goes to the beginning of a page of its buffer, a stored value to a multiple of its
 * bytes. */
static void check_alignment(struct walk *w, const struct walked_call *call, size_t buffer,
                            const struct polynomial *offset, int64_t unit, int argument) {
    struct values *v = &w->values;
    const struct polynomial *rest = remainder_of(v, offset, number(v, unit));
    enum verdict verdict = rest ? prove_at_most(w, rest, number(v, 0)) : UNDECIDED;
    bool store = call->effect->kind == EFFECT_STORE;
    if (verdict == PROVED || w->failed[buffer])
        return;
    if (verdict == UNDECIDED) {
        walk_undecided(w, call->span, "not proved: %s is a multiple of %" PRId64 " bytes behind the window",
                       text_of(w, call, argument), unit);
        return;
    }
    walk_error(w, call->span, "%s is given an address in the middle of a %s of %s%s", call->effect->name,
               store ? "value" : "page", buffer_label(w, buffer), w->witness);
    walk_help(w, store ? "values are stored at multiples of their bytes"
                       : "a page of a tensor goes to the beginning of a page of its buffer");
    failed(w, buffer);
}

/* argument: which of the call is the address. */
static void access_address(struct walk *w, struct windows *windows, const struct walked_call *call,
                           int argument) {
    struct values *v = &w->values;
    const struct polynomial *address = argument_of(w, call, argument), *offset;
    const struct atom *pointer = pointer_in(w, address, &offset);
    bool sends = call->effect->kind == EFFECT_MULTICAST, sized = call->effect->size != 0;
    bool back = sends ? pointer && pointer->write : !writes_tensor(call->effect);
    if (!pointer) {
        walk_undecided(w, call->span, "not proved: %s is in a window of a circular buffer",
                       text_of(w, call, argument));
        return;
    }
    size_t buffer = (size_t)pointer->step;
    if (pointer->write != back && !w->quiet && !w->failed[buffer]) {
        walk_error(w, call->span, "%s %s the %s of %s: its address is of %s", call->effect->name,
                   back ? "writes to" : "reads from", back ? "front" : "back", buffer_label(w, buffer),
                   back ? "get_read_ptr" : "get_write_ptr");
        walk_note(w, pointer->span, "the address is taken here");
        walk_help(
            w,
            "what is written is reserved at the back (get_write_ptr), what is read is waited for at the front (get_read_ptr)");
        failed(w, buffer);
        return;
    }
    int64_t page_bytes = w->buffers[buffer].page_bytes,
            bytes = call->effect->bytes ? call->effect->bytes : page_bytes;
    if (page_bytes < 1)
        return;
    if (!sized)
        check_alignment(w, call, buffer, offset, bytes, argument);
    /* The last page touched: floor((offset + bytes - 1) / page_bytes). */
    const struct polynomial *size = sized ? argument_of(w, call, call->effect->size) : number(v, bytes);
    if (!size) {
        walk_undecided(w, call->span, "not proved: %s are bytes of the window",
                       text_of(w, call, call->effect->size));
        return;
    }
    const struct polynomial *last =
        quotient_of(v, sum_of(v, offset, sum_of(v, size, number(v, -1))), number(v, page_bytes));
    access_pages(w, call, buffer, back ? &windows[buffer].back : &windows[buffer].front, back, last,
                 arena_printf(w->compilation->arena, "%s bytes at %s", value_text(w, size),
                              text_of(w, call, argument)));
}

static void transfer(struct walk *w, void *state, const struct walked_call *call) {
    struct windows *windows = state;
    const struct device_call *effect = call->effect;
    if (effect->kind == EFFECT_OPERATION) {
        access_operands(w, windows, call);
    } else if (effect->kind == EFFECT_PACK) {
        access_tile(w, windows, call, effect->buffer, effect->tile_a, number(&w->values, 0));
    } else if (effect->address) {
        if (!w->quiet)
            access_address(w, windows, call, effect->address);
        if (!w->quiet && effect->from)
            access_address(w, windows, call, effect->from);
    } else {
        size_t buffer = buffer_of(w, call, effect->buffer);
        const struct polynomial *count = argument_of(w, call, effect->pages);
        if (buffer == w->buffer_count || w->failed[buffer])
            return;
        bool back = effect->kind == EFFECT_RESERVE || effect->kind == EFFECT_PUSH;
        struct side *side = back ? &windows[buffer].back : &windows[buffer].front;
        if (effect->kind == EFFECT_RESERVE || effect->kind == EFFECT_WAIT)
            open_window(w, side, call, buffer, count);
        else
            move_window(w, side, call, buffer, count);
    }
}

/* ---- where paths meet ---- */

static void join_side(struct walk *w, struct side *into, const struct side *other) {
    into->window = joined_value(w, into->window, other->window);
    if (!same_ring(&into->ring, &other->ring))
        into->ring = (struct ring_position){NULL, NULL};
    if (into->unmoved != other->unmoved)
        into->unmoved = UNKNOWN;
    if (!into->opened.line)
        into->opened = other->opened;
    if (!into->moved.line)
        into->moved = other->moved;
}

static void join(struct walk *w, void *into, const void *other) {
    for (size_t i = 0; i < w->buffer_count; i++) {
        join_side(w, &((struct windows *)into)[i].back, &((const struct windows *)other)[i].back);
        join_side(w, &((struct windows *)into)[i].front, &((const struct windows *)other)[i].front);
    }
}

const struct domain windows_domain = {
    .state_size = state_size,
    .initial = initial,
    .transfer = transfer,
    .final = final,
    .join = join,
    .widen = windows_widen,
    .stabilise = windows_stabilise,
    .narrow = windows_narrow,
    .after_loop = windows_after_loop,
    .pointer = walk_window_address,
    .concerns = concerns,
    .is_fixpoint = windows_are_fixpoint,
};
