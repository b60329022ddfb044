/* Loops of several functions in lockstep: iteration by iteration, once they are brought into a shape for it.
 */
#include "proofs/product_internal.h"

enum { RATIO_LIMIT = 8, UNROLL_LIMIT = 32, ALIGN_LIMIT = 2 };

/* Loops that go on in lockstep, iteration by iteration. */
struct lockstep {
    bool member[FUNCTION_LIMIT];
    const struct event_item *loops[FUNCTION_LIMIT], *first;
    const struct event_item *bodies[FUNCTION_LIMIT];
    size_t atom;
    const struct polynomial *iteration; /* its number, counted from 0 */
};

static bool lockstep_bodies(struct symbolic_run *r, struct lockstep *j) {
    struct values *v = r->values;
    const struct event_item *counted = j->first;
    bool same = j->first->step == 1, wraps = false; /* bounds below 0 do */
    for (size_t f = 0; f < r->kernel->function_count; f++) {
        const struct event_item *loop = j->member[f] ? j->loops[f] : j->first;
        same = same && loop->atom == j->first->atom;
        wraps = wraps || !entails_at_least(r, loop->lower, 0) || !entails_at_least(r, loop->upper, 0);
    }
    if (wraps || (!same && !(counted = loop_counted(r->walk, j->first, j->first->trips))))
        return false;
    j->atom = counted->atom;
    j->iteration = difference_of(v, atom_value(v, j->atom), counted->lower);
    for (size_t f = 0; f < r->kernel->function_count; f++)
        if (j->member[f])
            j->bodies[f] = same ? j->loops[f]->body : loop_iteration(r->walk, j->loops[f], j->iteration);
    return true;
}

/* Equal under what is assumed. */
static bool equal(struct symbolic_run *r, const struct polynomial *a, const struct polynomial *b) {
    return same_value(a, b) || (entails_at_most_zero(r, difference_of(r->values, a, b)) &&
                                entails_at_most_zero(r, difference_of(r->values, b, a)));
}

static bool same_fills(struct symbolic_run *r, const struct polynomial **a, const struct polynomial **b) {
    for (size_t i = 0; i < r->walk->buffer_count; i++)
        if (!equal(r, a[i], b[i]))
            return false;
    return true;
}

/* An iteration is run: there is one, and its number is below theirs. */
static void assume_iteration(struct symbolic_run *r, const struct lockstep *j) {
    const struct event_item one_more = {.trips = difference_of(r->values, j->first->trips, j->iteration)};
    const struct condition *some = iterations_condition(r, j->first, 1),
                           *below = iterations_condition(r, &one_more, 1);
    if (r->assumption_count + 2 > ASSUMPTION_LIMIT || !some || !below)
        return;
    r->assumptions[r->assumption_count++] = (struct assumption){some, true};
    r->assumptions[r->assumption_count++] = (struct assumption){below, true};
}

/* An iteration from these fills; by cases of what differs from iteration to iteration, which must agree in
 * the end. */
static enum outcome run_iteration(struct symbolic_run *r, const struct lockstep *j,
                                  const struct polynomial **before, const struct polynomial ***after,
                                  bool cases) {
    struct product_state p = {.fills = copy_fills(r, before)};
    for (size_t f = 0; f < r->kernel->function_count; f++)
        p.fronts[f] = j->member[f] ? continuation_new(r, j->bodies[f], NULL) : NULL;
    size_t assumptions = r->assumption_count;
    assume_iteration(r, j);
    enum outcome outcome = run_product(r, &p);
    r->assumption_count = assumptions;
    *after = p.fills;
    if (outcome != SPLIT || !cases || !condition_depends(r->values, r->split, j->atom) ||
        r->assumption_count == ASSUMPTION_LIMIT)
        return outcome;
    const struct condition *leaf = r->split;
    const struct polynomial **ends[2];
    for (int holds = 0; holds < 2; holds++) {
        r->split = NULL;
        r->assumptions[r->assumption_count++] = (struct assumption){leaf, holds};
        outcome = run_iteration(r, j, before, &ends[holds], true);
        r->assumption_count--;
        if (outcome != DONE)
            return outcome;
    }
    *after = ends[0];
    return same_fills(r, ends[0], ends[1]) ? DONE : STUCK;
}

/* Is the condition decided in all iterations of a loop from lower to upper? */
static bool decided_between(struct symbolic_run *r, const struct event_item *loop, size_t atom,
                            const struct condition *leaf, const struct polynomial *lower,
                            const struct polynomial *upper) {
    struct values *v = r->values;
    const struct condition *split = r->split;
    struct event_item iterations = *loop;
    iterations.body = NULL;
    const struct event_item *part = loop_between(r->walk, &iterations, lower, upper);
    int holds = part ? entailed_truth(r, condition_replace(v, leaf, atom, atom_value(v, part->atom))) : -1;
    r->split = split;
    return holds >= 0;
}

static const struct polynomial *after_iterations(struct values *v, const struct event_item *loop,
                                                 const struct polynomial *iterations) {
    return sum_of(v, loop->lower, product_of(v, iterations, number(v, loop->step)));
}

/* The loop as its first iterations, those between, and its last ones. */
static const struct event_item *peeled(struct symbolic_run *r, const struct event_item *loop, int first,
                                       int last) {
    struct values *v = r->values;
    const struct polynomial *until = difference_of(v, loop->trips, number(v, last));
    const struct event_item *items = loop_between(r->walk, loop, after_iterations(v, loop, number(v, first)),
                                                  last ? after_iterations(v, loop, until) : loop->upper);
    for (int i = first; items && i-- > 0;)
        items = items_append(r->walk, loop_iteration(r->walk, loop, number(v, i)), items);
    for (int i = 0; items && i < last; i++)
        items = items_append(r->walk, items, loop_iteration(r->walk, loop, sum_of(v, until, number(v, i))));
    return items;
}

static enum outcome peel_loop(struct symbolic_run *r, struct product_state *p, size_t function, int first,
                              int last) {
    const struct event_item *loop = product_head(p, function);
    if (!loop_has_iterations(r, loop, first + last))
        return r->split ? SPLIT : STUCK;
    const struct event_item *items = peeled(r, loop, first, last);
    if (items)
        product_replace(r, p, function, items);
    return items ? DONE : STUCK;
}

/* A condition that changes near the first or the last iteration only: these iterations go on their own. */
static enum outcome peel_by(struct symbolic_run *r, struct product_state *p, const struct lockstep *j,
                            const struct condition *leaf) {
    struct values *v = r->values;
    const struct atom *range = &v->atoms[j->atom];
    struct event_item loop = *j->first;
    loop.lower = range->a;
    loop.step = range->step;
    for (int iterations = 1; iterations <= PEEL_LIMIT; iterations++) {
        const struct polynomial *count = number(v, iterations);
        bool first = decided_between(r, &loop, j->atom, leaf, after_iterations(v, &loop, count), range->b);
        bool last =
            !first && decided_between(r, &loop, j->atom, leaf, range->a,
                                      after_iterations(v, &loop, difference_of(v, j->first->trips, count)));
        if (!first && !last)
            continue;
        r->split = NULL;
        for (size_t f = 0; f < r->kernel->function_count; f++) {
            enum outcome outcome = j->member[f] ? peel_loop(r, p, f, first, !first) : DONE;
            if (outcome != DONE)
                return outcome;
        }
        return DONE;
    }
    return STUCK;
}

/* What an iteration changes, when every iteration changes it so: fills before iteration `iteration`. */
static bool fills_by_iteration(struct symbolic_run *r, const struct lockstep *j,
                               const struct polynomial **before, const struct polynomial **after,
                               const struct polynomial *iteration, const struct polynomial **fills) {
    struct values *v = r->values;
    for (size_t i = 0; i < r->walk->buffer_count; i++) {
        bool unchanged = equal(r, after[i], before[i]);
        const struct polynomial *change = unchanged ? number(v, 0) : difference_of(v, after[i], before[i]);
        if (!change || depends_on_atom(v, change, j->atom))
            return false;
        fills[i] = sum_of(v, before[i], product_of(v, change, iteration));
    }
    return true;
}

/* By induction over iterations: each begins with the fills of the first, or with those that grow alike in
 * every iteration. */
static enum outcome run_lockstep(struct symbolic_run *r, struct product_state *p, const struct lockstep *j) {
    struct values *v = r->values;
    const struct polynomial **after, **before = p->fills, **next = copy_fills(r, before),
                                     **entry = copy_fills(r, before);
    enum outcome outcome = run_iteration(r, j, before, &after, false);
    if (outcome == SPLIT && condition_depends(v, r->split, j->atom)) {
        const struct condition *leaf = r->split;
        outcome = peel_by(r, p, j, leaf);
        if (outcome != STUCK)
            return outcome;
        r->split = NULL;
        outcome = run_iteration(r, j, before, &after, true);
    }
    if (outcome != DONE)
        return outcome;
    if (!same_fills(r, before, after)) {
        const struct polynomial *one = number(v, 1);
        if (!fills_by_iteration(r, j, before, after, j->iteration, entry) ||
            !fills_by_iteration(r, j, before, after, sum_of(v, j->iteration, one), next))
            return STUCK;
        outcome = run_iteration(r, j, entry, &after, true);
        if (outcome != DONE)
            return outcome;
        if (!loop_has_iterations(r, j->first, 0))
            return r->split ? SPLIT : STUCK;
        if (!same_fills(r, next, after) ||
            !fills_by_iteration(r, j, entry, next, difference_of(v, j->first->trips, j->iteration), p->fills))
            return STUCK;
    }
    for (size_t f = 0; f < r->kernel->function_count; f++)
        if (j->member[f])
            product_replace(r, p, f, NULL);
    return DONE;
}

static const struct event_item *loop_head(struct product_state *p, size_t function) {
    const struct event_item *head = product_head(p, function);
    return head && head->kind == ITEM_LOOP && head->trips ? head : NULL;
}

/* Of some functions, those that stand at a loop of as many iterations as this one does. */
static struct lockstep lockstep_of(struct symbolic_run *r, struct product_state *p, size_t function,
                                   unsigned among, size_t *members) {
    struct lockstep j = {.first = loop_head(p, function)};
    *members = 0;
    for (size_t f = 0; j.first && f < r->kernel->function_count; f++) {
        j.loops[f] = loop_head(p, f);
        j.member[f] = (among >> f & 1) && j.loops[f] && same_value(j.loops[f]->trips, j.first->trips);
        *members += j.member[f];
    }
    return j;
}

static enum outcome try_lockstep(struct symbolic_run *r, struct product_state *p, struct lockstep *j) {
    return lockstep_bodies(r, j) ? run_lockstep(r, p, j) : STUCK;
}

/* All that have as many iterations, else all but one of them. */
static enum outcome advance_lockstep(struct symbolic_run *r, struct product_state *p) {
    enum outcome outcome = STUCK;
    for (size_t f = 0; outcome == STUCK && f < r->kernel->function_count; f++) {
        size_t members, fewer;
        struct lockstep j = lockstep_of(r, p, f, ~0u, &members);
        bool again = false; /* the same loops were tried from an earlier function */
        for (size_t g = 0; g < f; g++)
            again = again || j.member[g];
        if (again || members < 2)
            continue;
        outcome = try_lockstep(r, p, &j);
        for (size_t g = 0; outcome == STUCK && members > 2 && g < r->kernel->function_count; g++) {
            struct lockstep part = lockstep_of(r, p, f, ~(1u << g), &fewer);
            outcome = j.member[g] ? try_lockstep(r, p, &part) : STUCK;
        }
    }
    return outcome;
}

static enum outcome advance_alone(struct symbolic_run *r, struct product_state *p) {
    enum outcome outcome = STUCK;
    for (size_t f = 0; outcome == STUCK && f < r->kernel->function_count; f++) {
        size_t members;
        struct lockstep j = lockstep_of(r, p, f, 1u << f, &members);
        outcome = members ? try_lockstep(r, p, &j) : STUCK;
    }
    return outcome;
}

/* Loops that do not fit one another as they stand. */

static bool whole_ratio(struct values *v, const struct polynomial *a, const struct polynomial *b,
                        int64_t *ratio) {
    for (*ratio = 2; *ratio <= RATIO_LIMIT; ++*ratio)
        if (same_value(a, product_of(v, b, number(v, *ratio))))
            return true;
    return false;
}

/* A loop of several iterations of the loop an iteration. */
static const struct event_item *grouped_iterations(struct symbolic_run *r, const struct event_item *loop,
                                                   const struct polynomial *trips, int64_t ratio) {
    struct values *v = r->values;
    struct event_item *grouped = loop_counted(r->walk, loop, trips);
    for (int64_t i = ratio; grouped && i-- > 0;) {
        const struct polynomial *iteration =
            sum_of(v, product_of(v, atom_value(v, grouped->atom), number(v, ratio)), number(v, i));
        grouped->body = items_append(r->walk, loop_iteration(r->walk, loop, iteration), grouped->body);
    }
    return grouped;
}

/* A loop over nothing but a loop, as one. */
static const struct event_item *flattened(struct symbolic_run *r, const struct event_item *loop) {
    const struct event_item *inner = loop->body;
    if (inner->kind != ITEM_LOOP || inner->next || !inner->trips ||
        items_depend(r->walk, inner, loop->atom) || items_depend(r->walk, inner->body, inner->atom))
        return NULL;
    const struct polynomial *trips = product_of(r->values, loop->trips, inner->trips);
    struct event_item *flat = trips ? loop_counted(r->walk, loop, trips) : NULL;
    if (flat)
        flat->body = inner->body;
    return flat;
}

/* Of loops that are not as they might be, one in a better shape. */
static enum outcome reshape(struct symbolic_run *r, struct product_state *p) {
    struct values *v = r->values;
    size_t count = r->kernel->function_count;
    int64_t ratio;
    for (size_t i = 0; i < count * count; i++) {
        const struct event_item *loop = loop_head(p, i / count), *other = loop_head(p, i % count),
                                *grouped = NULL;
        if (loop && other && whole_ratio(v, loop->trips, other->trips, &ratio))
            grouped = grouped_iterations(r, loop, other->trips, ratio);
        if (!grouped)
            continue;
        product_replace(r, p, i / count, grouped);
        return DONE;
    }
    for (size_t f = 0; f < count; f++) {
        const struct event_item *loop = loop_head(p, f), *flat = loop ? flattened(r, loop) : NULL;
        if (!flat)
            continue;
        product_replace(r, p, f, flat);
        return DONE;
    }
    return STUCK;
}

/* A function waits for what another one does in a loop: the first iteration of that goes on its own. */
static enum outcome demand(struct symbolic_run *r, struct product_state *p) {
    size_t count = r->kernel->function_count;
    for (size_t i = 0; i < count * count && p->demands < PEEL_LIMIT; i++) {
        const struct event_item *event = product_head(p, i / count), *loop = loop_head(p, i % count);
        if (!event || !loop || event->kind != ITEM_EVENT)
            continue;
        enum effect_kind wanted = event->effect == EFFECT_RESERVE ? EFFECT_POP : EFFECT_PUSH;
        if (!function_moves(loop->body, wanted, event->buffer))
            continue;
        p->demands++;
        return peel_loop(r, p, i % count, 1, 0);
    }
    for (size_t f = 0; f < count; f++) {
        const struct event_item *loop = loop_head(p, f);
        int64_t trips;
        if (loop && known_number(loop->trips, &trips) && trips <= UNROLL_LIMIT)
            return peel_loop(r, p, f, 1, 0);
    }
    return STUCK;
}

/* Loops that go on together for `iterations` iterations less than the shortest has, each with some of its
 * iterations before. */
struct alignment {
    bool member[FUNCTION_LIMIT];
    int surplus[FUNCTION_LIMIT],
        first[FUNCTION_LIMIT]; /* iterations on their own, and how many of them come first */
    size_t members;
    bool equal;
};

static struct alignment alignment_of(struct symbolic_run *r, struct product_state *p, size_t function,
                                     int less) {
    struct alignment a = {.equal = true};
    const struct event_item *loop = loop_head(p, function);
    int64_t difference, least = 0;
    for (size_t f = 0; loop && f < r->kernel->function_count; f++) {
        const struct event_item *other = loop_head(p, f);
        if (!other || !known_number(difference_of(r->values, other->trips, loop->trips), &difference) ||
            difference < -PEEL_LIMIT || difference > PEEL_LIMIT)
            continue;
        a.member[f] = true;
        a.surplus[f] = (int)difference;
        least = difference < least ? difference : least;
        a.equal = a.equal && difference == 0;
        a.members++;
    }
    for (size_t f = 0; f < r->kernel->function_count; f++)
        if (a.member[f])
            a.surplus[f] += less - (int)least;
    return a;
}

/* The next way to have iterations of their own before and behind; false after the last. */
static bool next_alignment(struct alignment *a) {
    for (size_t f = 0; f < FUNCTION_LIMIT; f++) {
        if (a->member[f] && a->first[f]++ < a->surplus[f])
            return true;
        a->first[f] = 0;
    }
    return false;
}

static enum outcome run_aligned(struct symbolic_run *r, struct product_state *p, const struct alignment *a) {
    struct product_state with = product_copy(r, p);
    enum outcome outcome = DONE;
    for (size_t f = 0; outcome == DONE && f < r->kernel->function_count; f++)
        if (a->surplus[f])
            outcome = peel_loop(r, &with, f, a->first[f], a->surplus[f] - a->first[f]);
    if (outcome == DONE)
        outcome = run_product(r, &with);
    if (outcome == DONE)
        *p = with;
    return outcome;
}

/* Some functions an iteration ahead of others. */
static enum outcome align(struct symbolic_run *r, struct product_state *p) {
    enum outcome outcome = STUCK;
    if (r->alignments == ALIGN_LIMIT)
        return STUCK;
    r->alignments++;
    for (int less = 0; outcome == STUCK && less < 2; less++) {
        for (size_t f = 0; outcome == STUCK && f < r->kernel->function_count; f++) {
            struct alignment a = alignment_of(r, p, f, less);
            bool another = a.members > 1 && !(less == 0 && a.equal);
            for (; outcome == STUCK && another && r->steps > 0; another = next_alignment(&a))
                outcome = run_aligned(r, p, &a);
        }
    }
    r->alignments--;
    return outcome;
}

/* A loop of more iterations as two: the first has as many as another function's. */
static enum outcome split_loop(struct symbolic_run *r, struct product_state *p, size_t f,
                               const struct event_item *other) {
    struct values *v = r->values;
    struct product_state with = product_copy(r, p);
    const struct event_item *loop = loop_head(p, f);
    int64_t known;
    if (known_number(difference_of(v, loop->trips, other->trips), &known) ||
        !entails_at_most_zero(r, difference_of(v, other->trips, loop->trips)))
        return STUCK;
    const struct polynomial *middle = after_iterations(v, loop, other->trips);
    const struct event_item *first = loop_between(r->walk, loop, loop->lower, middle),
                            *rest = loop_between(r->walk, loop, middle, loop->upper);
    if (!first || !rest)
        return STUCK;
    product_replace(r, &with, f, items_append(r->walk, first, rest));
    enum outcome outcome = run_product(r, &with);
    if (outcome == DONE)
        *p = with;
    return outcome;
}

static enum outcome split_loops(struct symbolic_run *r, struct product_state *p) {
    size_t count = r->kernel->function_count;
    enum outcome outcome = STUCK;
    if (r->alignments == ALIGN_LIMIT)
        return STUCK;
    r->alignments++;
    for (size_t i = 0; outcome == STUCK && i < count * count; i++) {
        const struct event_item *loop = loop_head(p, i / count), *other = loop_head(p, i % count);
        outcome = loop && other && loop != other ? split_loop(r, p, i / count, other) : STUCK;
    }
    r->alignments--;
    return outcome;
}

enum outcome loops_advance(struct symbolic_run *r, struct product_state *p) {
    typedef enum outcome attempt(struct symbolic_run *, struct product_state *);
    static attempt *const attempts[] = {advance_lockstep, advance_alone, reshape, split_loops, demand, align};
    enum outcome outcome = STUCK;
    for (size_t i = 0; outcome == STUCK && r->steps > 0 && i < sizeof attempts / sizeof *attempts; i++)
        outcome = attempts[i](r, p);
    return outcome;
}
