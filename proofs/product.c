/* The product of the functions of a core, run symbolically: which of them goes on, what that does to fills.
 */
#include <string.h>

#include "proofs/fact.h"
#include "proofs/product_internal.h"

/* Steps: numbers that are compared; that many and so many for every event, loop and choice. */
enum { BASE_STEPS = 1000, STEPS_AN_ITEM = 100 };

/* ---- positions ---- */

const struct continuation *continuation_new(struct symbolic_run *r, const struct event_item *at,
                                            const struct continuation *up) {
    return arena_copy(r->values->arena, &(struct continuation){at, up}, sizeof(struct continuation));
}

const struct event_item *product_head(struct product_state *p, size_t function) {
    const struct continuation **front = &p->fronts[function];
    while (*front && !(*front)->at)
        *front = (*front)->up;
    return *front ? (*front)->at : NULL;
}

void product_replace(struct symbolic_run *r, struct product_state *p, size_t function,
                     const struct event_item *items) {
    const struct continuation *front = p->fronts[function];
    const struct continuation *rest = continuation_new(r, front->at->next, front->up);
    p->fronts[function] = items ? continuation_new(r, items, rest) : rest;
}

const struct polynomial **copy_fills(struct symbolic_run *r, const struct polynomial **fills) {
    return arena_copy(r->values->arena, fills, (r->walk->buffer_count + 1) * sizeof *fills);
}

struct product_state product_copy(struct symbolic_run *r, const struct product_state *p) {
    struct product_state copy = *p;
    copy.fills = copy_fills(r, p->fills);
    return copy;
}

static bool fires(struct symbolic_run *r, struct product_state *p, const struct event_item *event) {
    struct values *v = r->values;
    const struct polynomial **fill = &p->fills[event->buffer];
    switch (event->effect) {
    case EFFECT_WAIT:
        return entails_at_most_zero(r, difference_of(v, event->pages, *fill));
    case EFFECT_RESERVE:
        return entails_at_most_zero(
            r, difference_of(v, sum_of(v, *fill, event->pages), r->walk->buffers[event->buffer].pages));
    case EFFECT_PUSH:
        *fill = sum_of(v, *fill, event->pages);
        return true;
    default:
        *fill = difference_of(v, *fill, event->pages);
        return true;
    }
}

/* One step of a function, loops of several iterations apart. */
static bool advance(struct symbolic_run *r, struct product_state *p, size_t function) {
    const struct event_item *head = product_head(p, function);
    int64_t trips;
    int holds;
    if (!head || r->steps <= 0)
        return false;
    switch (head->kind) {
    case ITEM_EVENT:
        if (!fires(r, p, head))
            return false;
        product_replace(r, p, function, NULL);
        return true;
    case ITEM_CHOICE:
        holds = entailed_truth(r, head->condition);
        if (holds < 0)
            return false;
        r->split = NULL;
        product_replace(r, p, function, holds ? head->body : head->otherwise);
        return true;
    default:
        /* Below 0 an upper bound wraps. */
        if (!known_number(head->trips, &trips))
            trips = r->assumption_count && entails_at_most_zero(r, head->trips) &&
                            entails_at_least(r, head->upper, 0)
                        ? 0
                        : 2;
        if (trips > 1)
            return false;
        product_replace(r, p, function,
                        trips == 1 ? loop_iteration(r->walk, head, number(r->values, 0)) : NULL);
        return true;
    }
}

/* ---- all functions ---- */

static void note_stuck(struct symbolic_run *r, struct product_state *p) {
    size_t count = 0;
    for (size_t f = 0; f < r->kernel->function_count; f++)
        count += product_head(p, f) && product_head(p, f)->kind == ITEM_EVENT;
    if (count < r->stuck_count)
        return;
    r->stuck_count = count;
    for (size_t f = 0; f < r->kernel->function_count; f++) {
        const struct event_item *head = product_head(p, f);
        r->stuck[f] = head && head->kind == ITEM_EVENT ? head : NULL;
    }
}

enum outcome run_product(struct symbolic_run *r, struct product_state *p) {
    for (;;) {
        bool moved = false, ended = true;
        for (size_t f = 0; f < r->kernel->function_count; f++) {
            while (advance(r, p, f))
                moved = true;
            if (r->split)
                return SPLIT;
            ended = ended && !product_head(p, f);
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

static bool run_cases(struct symbolic_run *r) {
    struct values *v = r->values;
    struct product_state p = {.fills =
                                  arena_allocate(v->arena, (r->walk->buffer_count + 1) * sizeof *p.fills)};
    for (size_t i = 0; i < r->walk->buffer_count; i++)
        p.fills[i] = number(v, 0);
    for (size_t f = 0; f < r->kernel->function_count; f++)
        p.fronts[f] = continuation_new(r, r->kernel->events[f], NULL);
    enum outcome outcome = run_product(r, &p);
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

static void assume(struct symbolic_run *r, const struct polynomial *at_most_zero) {
    struct values *v = r->values;
    struct condition leaf = {.kind = CONDITION_AT_MOST_ZERO, .p = at_most_zero};
    if (leaf.p && leaf.p->count && r->assumption_count < ASSUMPTION_LIMIT / 2)
        r->assumptions[r->assumption_count++] =
            (struct assumption){arena_copy(v->arena, &leaf, sizeof leaf), true};
}

/* Where a size is at most `most`, so are its parts: floor(p / d) is at most its value there, for p that grows
 * with it. */
static void assume_parts(struct symbolic_run *r, size_t size, const struct polynomial *most) {
    struct values *v = r->values;
    for (size_t i = size + 1, count = v->count; i < count; i++) {
        const struct polynomial *factor, *rest, *part = atom_value(v, i);
        int64_t known;
        if (v->atoms[i].kind == ATOM_QUOTIENT && known_number(v->atoms[i].b, &known) &&
            linear_in_atom(v, v->atoms[i].a, size, &factor, &rest) && factor->count &&
            never_negative(factor) && known_number(factor, &known) && !depends_on_atom(v, rest, size))
            assume(r, difference_of(v, part, replace_atom(v, part, size, most)));
    }
}

/* What holds of every launch. */
static void assume_launch(struct symbolic_run *r) {
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

bool prove_all_end(const struct product *kernel, const struct event_item **stuck) {
    struct symbolic_run run = {.kernel = kernel,
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
