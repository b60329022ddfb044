/* What a turn of a loop does to windows and to positions in rings, and what so any turn begins with. */
#include "proofs/windows.h"

/* ---- what divides what ---- */

bool whole_multiple(struct values *v, const struct polynomial *a, const struct polynomial *b) {
    if (!a || !b || !a->count || !b->count || b->terms[0].factor == 0)
        return false;
    int64_t ratio = a->terms[0].factor / b->terms[0].factor;
    return ratio > 0 && same_value(product_of(v, b, number(v, ratio)), a);
}

int64_t common_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* ---- turns ---- */

bool same_ring(const struct ring *a, const struct ring *b) {
    return same_value(a->at, b->at) && same_value(a->modulus, b->modulus);
}

/* The value before turn v, from what it is before the loop and after turn v. */
static const struct polynomial *before_turn(struct walk *w, const struct polynomial *before,
                                            const struct polynomial *after, const struct loop_turns *loop) {
    struct values *v = &w->values;
    const struct polynomial *turn = atom_value(v, loop->atom), *step = number(v, loop->step), *change;
    if (!before || !after || same_value(before, after))
        return same_value(before, after) ? before : NULL;
    if (depends_on_atom(v, after, loop->atom)) {
        const struct polynomial *at_first =
            replace_atom(v, after, loop->atom, difference_of(v, loop->lower, step));
        return same_value(at_first, before) ? replace_atom(v, after, loop->atom, difference_of(v, turn, step))
                                            : NULL;
    }
    change = difference_of(v, after, before);
    return sum_of(v, before,
                  product_of(v, change, quotient_of(v, difference_of(v, turn, loop->lower), step)));
}

static const struct ring anywhere = {NULL, NULL};

/* Steps that come back to a place again and again: the ring modulo the step. */
static struct ring ring_modulo(struct walk *w, const struct ring *before, const struct polynomial *change,
                               const struct loop_turns *loop) {
    struct values *v = &w->values;
    int64_t modulus, at, step, trips;
    const struct polynomial *zero = number(v, 0);
    if (whole_multiple(v, before->modulus, change) &&
        (same_value(before->at, zero) || whole_multiple(v, before->at, change)))
        return (struct ring){change, zero};
    if (!known_number(before->modulus, &modulus) || !known_number(before->at, &at) ||
        !known_number(change, &step))
        return anywhere;
    int64_t common = common_divisor(modulus, step);
    bool all_places = common > 0 && (!known_number(loop->trips, &trips) || trips >= modulus / common);
    return all_places ? (struct ring){number(v, common), number(v, at % common)} : anywhere;
}

static struct ring ring_before_turn(struct walk *w, const struct ring *before, const struct ring *after,
                                    const struct loop_turns *loop) {
    struct values *v = &w->values;
    if (!before->modulus || !after->modulus)
        return anywhere;
    if (!same_value(before->modulus, after->modulus)) { /* a loop within it forgot the turn */
        bool from_zero = same_value(after->at, number(v, 0)) && whole_multiple(v, before->at, after->modulus);
        bool within = whole_multiple(v, before->modulus, after->modulus);
        return within && (from_zero || same_value(before->at, after->at)) ? *after : anywhere;
    }
    if (same_value(before->at, after->at))
        return *before;
    const struct polynomial *change = difference_of(v, after->at, before->at);
    if (depends_on_atom(v, change, loop->atom))
        return anywhere;
    if (prove_quietly(w, sum_of(v, before->at, product_of(v, change, loop->trips)), before->modulus))
        return (struct ring){before->modulus, before_turn(w, before->at, after->at, loop)};
    return ring_modulo(w, before, change, loop);
}

static void enter_side(struct walk *w, struct side *entry, const struct side *end,
                       const struct loop_turns *loop) {
    entry->window = before_turn(w, entry->window, end->window, loop);
    entry->ring = ring_before_turn(w, &entry->ring, &end->ring, loop);
    if (entry->unmoved != end->unmoved)
        entry->unmoved = UNKNOWN;
    entry->opened = end->opened;
    entry->moved = end->moved;
}

void windows_enter(struct walk *w, void *entry, const void *end, const struct loop_turns *loop) {
    for (size_t i = 0; i < w->buffer_count; i++) {
        enter_side(w, &((struct windows *)entry)[i].back, &((const struct windows *)end)[i].back, loop);
        enter_side(w, &((struct windows *)entry)[i].front, &((const struct windows *)end)[i].front, loop);
    }
}

static const struct polynomial *at_next_turn(struct walk *w, const struct polynomial *p,
                                             const struct loop_turns *loop) {
    struct values *v = &w->values;
    return replace_atom(v, p, loop->atom, sum_of(v, atom_value(v, loop->atom), number(v, loop->step)));
}

/* What was unknown before the loop and is so behind a turn is in all of them. */
static bool settle_side(struct walk *w, const struct side *before, struct side *entry, const struct side *end,
                        const struct loop_turns *loop) {
    bool settled = true;
    if ((before->window || end->window) && !same_value(at_next_turn(w, entry->window, loop), end->window)) {
        settled = false;
        entry->window = NULL;
    }
    const struct polynomial *next = at_next_turn(w, entry->ring.at, loop);
    if ((before->ring.modulus || end->ring.modulus) &&
        (!same_value(entry->ring.modulus, end->ring.modulus) || !same_value(next, end->ring.at))) {
        settled = false;
        entry->ring = anywhere;
    }
    return settled;
}

bool windows_settle(struct walk *w, const void *before, void *entry, const void *end,
                    const struct loop_turns *loop) {
    bool settled = true;
    for (size_t i = 0; i < w->buffer_count; i++) {
        const struct windows *at = (const struct windows *)before + i, *to = (const struct windows *)end + i;
        struct windows *from = (struct windows *)entry + i;
        settled &= settle_side(w, &at->back, &from->back, &to->back, loop);
        settled &= settle_side(w, &at->front, &from->front, &to->front, loop);
    }
    return settled;
}

/* What entry knows is so behind the turn; what it does not know may be anything. */
static bool confirm_side(struct walk *w, const struct side *entry, const struct side *end,
                         const struct loop_turns *loop) {
    bool window = !entry->window || same_value(at_next_turn(w, entry->window, loop), end->window);
    return window &&
           (!entry->ring.modulus || (same_value(entry->ring.modulus, end->ring.modulus) &&
                                     same_value(at_next_turn(w, entry->ring.at, loop), end->ring.at)));
}

bool windows_confirm(struct walk *w, const void *entry, const void *end, const struct loop_turns *loop) {
    bool confirmed = true;
    for (size_t i = 0; i < w->buffer_count; i++) {
        const struct windows *from = (const struct windows *)entry + i, *to = (const struct windows *)end + i;
        confirmed = confirmed && confirm_side(w, &from->back, &to->back, loop) &&
                    confirm_side(w, &from->front, &to->front, loop);
    }
    return confirmed;
}

void windows_steady(struct walk *w, void *entry, const void *first, const void *second) {
    for (size_t i = 0; i < w->buffer_count; i++) {
        struct windows *at = (struct windows *)entry + i;
        const struct windows *one = (const struct windows *)first + i,
                             *two = (const struct windows *)second + i;
        if (!at->back.window && same_value(one->back.window, two->back.window))
            at->back.window = two->back.window;
        if (!at->front.window && same_value(one->front.window, two->front.window))
            at->front.window = two->front.window;
    }
}

/* A number of steps that is not known leaves the ring at some multiple of what divides them all. */
static struct ring rounded(struct walk *w, struct ring ring) {
    int64_t modulus, at;
    if (!ring.at || known_number(ring.at, &at) || !known_number(ring.modulus, &modulus))
        return ring;
    for (size_t i = 0; i < ring.at->count; i++)
        modulus = common_divisor(modulus, ring.at->terms[i].factor);
    return modulus > 0 ? (struct ring){number(&w->values, modulus), number(&w->values, 0)} : anywhere;
}

/* after: the loop's variable behind its last turn. Turns that leave the ring where it was leave it there,
 * also when there are none. */
static struct ring ring_after_loop(struct walk *w, const struct ring *before, const struct ring *entry,
                                   const struct loop_turns *loop, const struct polynomial *after) {
    struct values *v = &w->values;
    struct ring ring = {entry->modulus, replace_atom(v, entry->at, loop->atom, after)};
    if (same_value(ring.at, ring.modulus))
        ring.at = number(v, 0);
    /* Steps that add up to whole turns end where they began. */
    if (ring.modulus && !same_value(ring.modulus, before->modulus) &&
        whole_multiple(v, product_of(v, ring.modulus, loop->trips), before->modulus))
        return *before;
    return ring.at ? rounded(w, ring) : anywhere;
}

static void leave_side(struct walk *w, struct side *state, const struct side *entry, const struct side *end,
                       const struct loop_turns *loop, const struct polynomial *after) {
    if (!same_ring(&entry->ring, &state->ring))
        state->ring = ring_after_loop(w, &state->ring, &entry->ring, loop, after);
    state->window = replace_atom(&w->values, entry->window, loop->atom, after);
    if (state->unmoved != end->unmoved)
        state->unmoved = UNKNOWN;
    state->opened = end->opened;
    state->moved = end->moved;
}

void windows_leave(struct walk *w, void *state, const void *entry, const void *end,
                   const struct loop_turns *loop) {
    struct values *v = &w->values;
    const struct polynomial *after =
        sum_of(v, loop->lower, product_of(v, loop->trips, number(v, loop->step)));
    for (size_t i = 0; i < w->buffer_count; i++) {
        struct windows *at = (struct windows *)state + i;
        const struct windows *from = (const struct windows *)entry + i, *to = (const struct windows *)end + i;
        leave_side(w, &at->back, &from->back, &to->back, loop, after);
        leave_side(w, &at->front, &from->front, &to->front, loop, after);
    }
}
