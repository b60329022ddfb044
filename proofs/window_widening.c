/* Widening of windows and of positions in rings: from what one iteration of a loop does to the invariant of
 * all. */
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

/* ---- iterations ---- */

bool same_ring(const struct ring_position *a, const struct ring_position *b) {
    return same_value(a->at, b->at) && same_value(a->modulus, b->modulus);
}

/* The value before iteration v, from what it is before the loop and after iteration v. */
static const struct polynomial *before_iteration(struct walk *w, const struct polynomial *before,
                                                 const struct polynomial *after,
                                                 const struct loop_range *loop) {
    struct values *v = &w->values;
    const struct polynomial *iteration = atom_value(v, loop->atom), *step = number(v, loop->step), *change;
    if (!before || !after || same_value(before, after))
        return same_value(before, after) ? before : NULL;
    if (depends_on_atom(v, after, loop->atom)) {
        const struct polynomial *at_first =
            replace_atom(v, after, loop->atom, difference_of(v, loop->lower, step));
        return same_value(at_first, before)
                   ? replace_atom(v, after, loop->atom, difference_of(v, iteration, step))
                   : NULL;
    }
    change = difference_of(v, after, before);
    return sum_of(v, before,
                  product_of(v, change, quotient_of(v, difference_of(v, iteration, loop->lower), step)));
}

static const struct ring_position anywhere = {NULL, NULL};

/* Steps that come back to a place again and again: the ring modulo the step. */
static struct ring_position ring_modulo(struct walk *w, const struct ring_position *before,
                                        const struct polynomial *change, const struct loop_range *loop) {
    struct values *v = &w->values;
    int64_t modulus, at, step, trips;
    const struct polynomial *zero = number(v, 0);
    if (whole_multiple(v, before->modulus, change) &&
        (same_value(before->at, zero) || whole_multiple(v, before->at, change)))
        return (struct ring_position){change, zero};
    if (!known_number(before->modulus, &modulus) || !known_number(before->at, &at) ||
        !known_number(change, &step))
        return anywhere;
    int64_t common = common_divisor(modulus, step);
    bool all_places = common > 0 && (!known_number(loop->trips, &trips) || trips >= modulus / common);
    return all_places ? (struct ring_position){number(v, common), number(v, at % common)} : anywhere;
}

static struct ring_position ring_before_iteration(struct walk *w, const struct ring_position *before,
                                                  const struct ring_position *after,
                                                  const struct loop_range *loop) {
    struct values *v = &w->values;
    if (!before->modulus || !after->modulus)
        return anywhere;
    if (!same_value(before->modulus, after->modulus)) { /* a loop within it forgot the iteration */
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
        return (struct ring_position){before->modulus, before_iteration(w, before->at, after->at, loop)};
    return ring_modulo(w, before, change, loop);
}

static void widen_side(struct walk *w, struct side *invariant, const struct side *end,
                       const struct loop_range *loop) {
    invariant->window = before_iteration(w, invariant->window, end->window, loop);
    invariant->ring = ring_before_iteration(w, &invariant->ring, &end->ring, loop);
    if (invariant->unmoved != end->unmoved)
        invariant->unmoved = UNKNOWN;
    invariant->opened = end->opened;
    invariant->moved = end->moved;
}

void windows_widen(struct walk *w, void *invariant, const void *end, const struct loop_range *loop) {
    for (size_t i = 0; i < w->buffer_count; i++) {
        widen_side(w, &((struct windows *)invariant)[i].back, &((const struct windows *)end)[i].back, loop);
        widen_side(w, &((struct windows *)invariant)[i].front, &((const struct windows *)end)[i].front, loop);
    }
}

static const struct polynomial *at_next_iteration(struct walk *w, const struct polynomial *p,
                                                  const struct loop_range *loop) {
    struct values *v = &w->values;
    return replace_atom(v, p, loop->atom, sum_of(v, atom_value(v, loop->atom), number(v, loop->step)));
}

/* Are the positions the same place of the ring: does a number of whole turns lie between them? */
static bool same_place(struct walk *w, const struct polynomial *a, const struct ring_position *b) {
    int64_t turns, modulus;
    if (same_value(a, b->at))
        return true;
    return a && b->at && known_number(b->modulus, &modulus) && modulus > 0 &&
           known_number(difference_of(&w->values, b->at, a), &turns) && turns % modulus == 0;
}

/* What was unknown before the loop and is so behind an iteration is in all of them. */
static bool stabilise_side(struct walk *w, const struct side *before, struct side *invariant,
                           const struct side *end, const struct loop_range *loop) {
    bool stable = true;
    if ((before->window || end->window) &&
        !same_value(at_next_iteration(w, invariant->window, loop), end->window)) {
        stable = false;
        invariant->window = NULL;
    }
    const struct polynomial *next = at_next_iteration(w, invariant->ring.at, loop);
    if ((before->ring.modulus || end->ring.modulus) &&
        (!same_value(invariant->ring.modulus, end->ring.modulus) || !same_place(w, next, &end->ring))) {
        stable = false;
        invariant->ring = anywhere;
    }
    return stable;
}

bool windows_stabilise(struct walk *w, const void *before, void *invariant, const void *end,
                       const struct loop_range *loop) {
    bool stable = true;
    for (size_t i = 0; i < w->buffer_count; i++) {
        const struct windows *at = (const struct windows *)before + i, *to = (const struct windows *)end + i;
        struct windows *from = (struct windows *)invariant + i;
        stable &= stabilise_side(w, &at->back, &from->back, &to->back, loop);
        stable &= stabilise_side(w, &at->front, &from->front, &to->front, loop);
    }
    return stable;
}

/* What the invariant knows is so behind the iteration; what it does not know may be anything. */
static bool side_is_fixpoint(struct walk *w, const struct side *invariant, const struct side *end,
                             const struct loop_range *loop) {
    bool window =
        !invariant->window || same_value(at_next_iteration(w, invariant->window, loop), end->window);
    return window && (!invariant->ring.modulus ||
                      (same_value(invariant->ring.modulus, end->ring.modulus) &&
                       same_place(w, at_next_iteration(w, invariant->ring.at, loop), &end->ring)));
}

bool windows_are_fixpoint(struct walk *w, const void *invariant, const void *end,
                          const struct loop_range *loop) {
    bool fixpoint = true;
    for (size_t i = 0; i < w->buffer_count; i++) {
        const struct windows *from = (const struct windows *)invariant + i,
                             *to = (const struct windows *)end + i;
        fixpoint = fixpoint && side_is_fixpoint(w, &from->back, &to->back, loop) &&
                   side_is_fixpoint(w, &from->front, &to->front, loop);
    }
    return fixpoint;
}

void windows_narrow(struct walk *w, void *invariant, const void *first, const void *second) {
    for (size_t i = 0; i < w->buffer_count; i++) {
        struct windows *at = (struct windows *)invariant + i;
        const struct windows *one = (const struct windows *)first + i,
                             *two = (const struct windows *)second + i;
        if (!at->back.window && same_value(one->back.window, two->back.window))
            at->back.window = two->back.window;
        if (!at->front.window && same_value(one->front.window, two->front.window))
            at->front.window = two->front.window;
    }
}

/* A number of steps that is not known leaves the ring at some multiple of what divides them all. */
static struct ring_position rounded(struct walk *w, struct ring_position ring) {
    int64_t modulus, at;
    if (!ring.at || known_number(ring.at, &at) || !known_number(ring.modulus, &modulus))
        return ring;
    for (size_t i = 0; i < ring.at->count; i++)
        modulus = common_divisor(modulus, ring.at->terms[i].factor);
    return modulus > 0 ? (struct ring_position){number(&w->values, modulus), number(&w->values, 0)}
                       : anywhere;
}

/* after: the loop's variable behind its last iteration. Iterations that leave the ring where it was leave it
 * there, also when there are none. */
static struct ring_position ring_after_loop(struct walk *w, const struct ring_position *before,
                                            const struct ring_position *invariant,
                                            const struct loop_range *loop, const struct polynomial *after) {
    struct values *v = &w->values;
    struct ring_position ring = {invariant->modulus, replace_atom(v, invariant->at, loop->atom, after)};
    if (same_value(ring.at, ring.modulus))
        ring.at = number(v, 0);
    /* Steps that add up to whole turns end where they began. */
    if (ring.modulus && !same_value(ring.modulus, before->modulus) &&
        whole_multiple(v, product_of(v, ring.modulus, loop->trips), before->modulus))
        return *before;
    return ring.at ? rounded(w, ring) : anywhere;
}

static void side_after_loop(struct walk *w, struct side *state, const struct side *invariant,
                            const struct side *end, const struct loop_range *loop,
                            const struct polynomial *after) {
    if (!same_ring(&invariant->ring, &state->ring))
        state->ring = ring_after_loop(w, &state->ring, &invariant->ring, loop, after);
    state->window = replace_atom(&w->values, invariant->window, loop->atom, after);
    if (state->unmoved != end->unmoved)
        state->unmoved = UNKNOWN;
    state->opened = end->opened;
    state->moved = end->moved;
}

void windows_after_loop(struct walk *w, void *state, const void *invariant, const void *end,
                        const struct loop_range *loop) {
    struct values *v = &w->values;
    const struct polynomial *after =
        sum_of(v, loop->lower, product_of(v, loop->trips, number(v, loop->step)));
    for (size_t i = 0; i < w->buffer_count; i++) {
        struct windows *at = (struct windows *)state + i;
        const struct windows *from = (const struct windows *)invariant + i,
                             *to = (const struct windows *)end + i;
        side_after_loop(w, &at->back, &from->back, &to->back, loop, after);
        side_after_loop(w, &at->front, &from->front, &to->front, loop, after);
    }
}
