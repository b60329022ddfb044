/* All functions of a core side by side: who goes on, what that does to fills, and whether every one of them ends. */
#include <string.h>

#include "proofs/fact.h"
#include "proofs/together_internal.h"

/* Steps: numbers that are compared; that many and so many for every event, loop and choice. */
enum { BASE_STEPS = 1000, STEPS_AN_ITEM = 100 };

/* ---- positions ---- */

const struct frame *frame_new(struct run *r, const struct item *at, const struct frame *up) {
    return arena_copy(r->values->arena, &(struct frame){at, up}, sizeof(struct frame));
}

const struct item *position_head(struct position *p, size_t function) {
    const struct frame **front = &p->fronts[function];
    while (*front && !(*front)->at)
        *front = (*front)->up;
    return *front ? (*front)->at : NULL;
}

void position_replace(struct run *r, struct position *p, size_t function, const struct item *items) {
    const struct frame *front = p->fronts[function];
    const struct frame *rest = frame_new(r, front->at->next, front->up);
    p->fronts[function] = items ? frame_new(r, items, rest) : rest;
}

const struct polynomial **copy_fills(struct run *r, const struct polynomial **fills) {
    return arena_copy(r->values->arena, fills, (r->walk->buffer_count + 1) * sizeof *fills);
}

struct position position_copy(struct run *r, const struct position *p) {
    struct position copy = *p;
    copy.fills = copy_fills(r, p->fills);
    return copy;
}

static bool happens(struct run *r, struct position *p, const struct item *event) {
    struct values *v = r->values;
    const struct polynomial **fill = &p->fills[event->buffer];
    switch (event->effect) {
    case EFFECT_WAIT:
        return run_at_most_zero(r, difference_of(v, event->pages, *fill));
    case EFFECT_RESERVE:
        return run_at_most_zero(
            r, difference_of(v, sum_of(v, *fill, event->pages), r->walk->buffers[event->buffer].pages));
    case EFFECT_PUSH:
        *fill = sum_of(v, *fill, event->pages);
        return true;
    default:
        *fill = difference_of(v, *fill, event->pages);
        return true;
    }
}

/* One step of a function, loops of several turns apart. */
static bool advance(struct run *r, struct position *p, size_t function) {
    const struct item *head = position_head(p, function);
    int64_t trips;
    int holds;
    if (!head || r->steps <= 0)
        return false;
    switch (head->kind) {
    case ITEM_EVENT:
        if (!happens(r, p, head))
            return false;
        position_replace(r, p, function, NULL);
        return true;
    case ITEM_CHOICE:
        holds = run_truth(r, head->condition);
        if (holds < 0)
            return false;
        r->split = NULL;
        position_replace(r, p, function, holds ? head->body : head->otherwise);
        return true;
    default:
        /* Below 0 an upper bound wraps. */
        if (!known_number(head->trips, &trips))
            trips = r->assumption_count && run_at_most_zero(r, head->trips) && run_at_least(r, head->upper, 0)
                        ? 0
                        : 2;
        if (trips > 1)
            return false;
        position_replace(r, p, function, trips == 1 ? loop_turn(r->walk, head, number(r->values, 0)) : NULL);
        return true;
    }
}

/* ---- all functions ---- */

static void note_stuck(struct run *r, struct position *p) {
    size_t count = 0;
    for (size_t f = 0; f < r->kernel->function_count; f++)
        count += position_head(p, f) && position_head(p, f)->kind == ITEM_EVENT;
    if (count < r->stuck_count)
        return;
    r->stuck_count = count;
    for (size_t f = 0; f < r->kernel->function_count; f++) {
        const struct item *head = position_head(p, f);
        r->stuck[f] = head && head->kind == ITEM_EVENT ? head : NULL;
    }
}

enum outcome run_together(struct run *r, struct position *p) {
    for (;;) {
        bool moved = false, ended = true;
        for (size_t f = 0; f < r->kernel->function_count; f++) {
            while (advance(r, p, f))
                moved = true;
            if (r->split)
                return SPLIT;
            ended = ended && !position_head(p, f);
        }
        if (ended)
            return DONE;
        enum outcome outcome = moved ? DONE : loops_advance(r, p);
        if (outcome == STUCK)
            note_stuck(r, p);
        if (outcome != DONE)
            return outcome;
    }
}

/* ---- the whole ---- */

static bool run_cases(struct run *r) {
    struct values *v = r->values;
    struct position p = {.fills = arena_allocate(v->arena, (r->walk->buffer_count + 1) * sizeof *p.fills)};
    for (size_t i = 0; i < r->walk->buffer_count; i++)
        p.fills[i] = number(v, 0);
    for (size_t f = 0; f < r->kernel->function_count; f++)
        p.fronts[f] = frame_new(r, r->kernel->events[f], NULL);
    enum outcome outcome = run_together(r, &p);
    if (outcome != SPLIT || r->assumption_count == ASSUMPTION_LIMIT)
        return outcome == DONE;
    const struct condition *leaf = r->split;
    for (int holds = 0; holds < 2; holds++) {
        r->split = NULL;
        r->assumptions[r->assumption_count++] = (struct assumption){leaf, holds};
        bool ends = run_cases(r);
        r->assumption_count--;
        if (!ends)
            return false;
    }
    return true;
}

static void assume(struct run *r, const struct polynomial *at_most_zero) {
    struct values *v = r->values;
    struct condition leaf = {.kind = CONDITION_AT_MOST_ZERO, .p = at_most_zero};
    if (leaf.p && leaf.p->count && r->assumption_count < ASSUMPTION_LIMIT / 2)
        r->assumptions[r->assumption_count++] =
            (struct assumption){arena_copy(v->arena, &leaf, sizeof leaf), true};
}

/* Where a size is at most `most`, so are its parts: floor(p / d) is at most its value there, for p that grows
 * with it. */
static void assume_parts(struct run *r, size_t size, const struct polynomial *most) {
    struct values *v = r->values;
    for (size_t i = size + 1, count = v->count; i < count; i++) {
        const struct polynomial *factor, *rest, *part = atom_value(v, i);
        int64_t known;
        if (v->atoms[i].kind == ATOM_QUOTIENT && known_number(v->atoms[i].b, &known) &&
            part_by_atom(v, v->atoms[i].a, size, &factor, &rest) && factor->count && never_negative(factor) &&
            known_number(factor, &known) && !depends_on_atom(v, rest, size))
            assume(r, difference_of(v, part, replace_atom(v, part, size, most)));
    }
}

/* What holds of every launch. */
static void assume_launch(struct run *r) {
    struct values *v = r->values;
    struct facts facts = {.count = 0};
    launch_facts(r->walk, &facts);
    for (size_t i = 0; i < facts.count; i++) {
        const struct polynomial *fact = facts.items[i];
        int64_t factor = fact->count ? fact->terms[0].factor : 0;
        assume(r, difference_of(v, number(v, 0), fact));
        if (fact->count == 2 && fact->terms[0].degree == 1 && factor == -1 && !fact->terms[1].degree)
            assume_parts(r, fact->terms[0].atoms[0], number(v, fact->terms[1].factor));
    }
}

bool prove_all_end(const struct side_by_side *kernel, const struct item **stuck) {
    struct run run = {.kernel = kernel,
                      .walk = kernel->walk,
                      .values = &kernel->walk->values,
                      .steps = BASE_STEPS,
                      .stuck = stuck};
    for (size_t f = 0; f < kernel->function_count; f++)
        run.steps += STEPS_AN_ITEM * (int)items_count(kernel->events[f]);
    memset(stuck, 0, kernel->function_count * sizeof *stuck);
    assume_launch(&run);
    return run_cases(&run);
}
