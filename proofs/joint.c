/* Loops of several functions together: turn by turn, or brought into a shape in which they go so. */
#include "proofs/together_internal.h"

enum { RATIO_LIMIT = 8, UNROLL_LIMIT = 32, ALIGN_LIMIT = 2 };

/* Loops that go on together, turn by turn. */
struct joint {
    bool member[FUNCTION_LIMIT];
    const struct item *loops[FUNCTION_LIMIT], *first;
    const struct item *bodies[FUNCTION_LIMIT];
    size_t atom;
    const struct polynomial *turn; /* its number, counted from 0 */
};

static bool joint_bodies(struct run *r, struct joint *j) {
    struct values *v = r->values;
    const struct item *counted = j->first;
    bool same = j->first->step == 1, wraps = false; /* bounds below 0 do */
    for (size_t f = 0; f < r->kernel->function_count; f++) {
        const struct item *loop = j->member[f] ? j->loops[f] : j->first;
        same = same && loop->atom == j->first->atom;
        wraps = wraps || !run_at_least(r, loop->lower, 0) || !run_at_least(r, loop->upper, 0);
    }
    if (wraps || (!same && !(counted = loop_counted(r->walk, j->first, j->first->trips))))
        return false;
    j->atom = counted->atom;
    j->turn = difference_of(v, atom_value(v, j->atom), counted->lower);
    for (size_t f = 0; f < r->kernel->function_count; f++)
        if (j->member[f])
            j->bodies[f] = same ? j->loops[f]->body : loop_turn(r->walk, j->loops[f], j->turn);
    return true;
}

/* Equal under what is assumed. */
static bool equal(struct run *r, const struct polynomial *a, const struct polynomial *b) {
    return same_value(a, b) || (run_at_most_zero(r, difference_of(r->values, a, b)) &&
                                run_at_most_zero(r, difference_of(r->values, b, a)));
}

static bool same_fills(struct run *r, const struct polynomial **a, const struct polynomial **b) {
    for (size_t i = 0; i < r->walk->buffer_count; i++)
        if (!equal(r, a[i], b[i]))
            return false;
    return true;
}

/* A turn is run: there is one, and its number is below theirs. */
static void assume_turn(struct run *r, const struct joint *j) {
    const struct item one_more = {.trips = difference_of(r->values, j->first->trips, j->turn)};
    const struct condition *some = turns_condition(r, j->first, 1), *below = turns_condition(r, &one_more, 1);
    if (r->assumption_count + 2 > ASSUMPTION_LIMIT || !some || !below)
        return;
    r->assumptions[r->assumption_count++] = (struct assumption){some, true};
    r->assumptions[r->assumption_count++] = (struct assumption){below, true};
}

/* A turn from these fills; by cases of what differs from turn to turn, which must agree in the end. */
static enum outcome run_turn(struct run *r, const struct joint *j, const struct polynomial **before,
                             const struct polynomial ***after, bool cases) {
    struct position p = {.fills = copy_fills(r, before)};
    for (size_t f = 0; f < r->kernel->function_count; f++)
        p.fronts[f] = j->member[f] ? frame_new(r, j->bodies[f], NULL) : NULL;
    size_t assumptions = r->assumption_count;
    assume_turn(r, j);
    enum outcome outcome = run_together(r, &p);
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
        outcome = run_turn(r, j, before, &ends[holds], true);
        r->assumption_count--;
        if (outcome != DONE)
            return outcome;
    }
    *after = ends[0];
    return same_fills(r, ends[0], ends[1]) ? DONE : STUCK;
}

/* Is the condition decided in all turns of a loop from lower to upper? */
static bool decided_between(struct run *r, const struct item *loop, size_t atom, const struct condition *leaf,
                            const struct polynomial *lower, const struct polynomial *upper) {
    struct values *v = r->values;
    const struct condition *split = r->split;
    struct item turns = *loop;
    turns.body = NULL;
    const struct item *part = loop_between(r->walk, &turns, lower, upper);
    int holds = part ? run_truth(r, condition_replace(v, leaf, atom, atom_value(v, part->atom))) : -1;
    r->split = split;
    return holds >= 0;
}

static const struct polynomial *after_turns(struct values *v, const struct item *loop,
                                            const struct polynomial *turns) {
    return sum_of(v, loop->lower, product_of(v, turns, number(v, loop->step)));
}

/* The loop as its first turns, those between, and its last ones. */
static const struct item *peeled(struct run *r, const struct item *loop, int first, int last) {
    struct values *v = r->values;
    const struct polynomial *until = difference_of(v, loop->trips, number(v, last));
    const struct item *items = loop_between(r->walk, loop, after_turns(v, loop, number(v, first)),
                                            last ? after_turns(v, loop, until) : loop->upper);
    for (int i = first; items && i-- > 0;)
        items = items_append(r->walk, loop_turn(r->walk, loop, number(v, i)), items);
    for (int i = 0; items && i < last; i++)
        items = items_append(r->walk, items, loop_turn(r->walk, loop, sum_of(v, until, number(v, i))));
    return items;
}

static enum outcome peel_loop(struct run *r, struct position *p, size_t function, int first, int last) {
    const struct item *loop = position_head(p, function);
    if (!loop_has_turns(r, loop, first + last))
        return r->split ? SPLIT : STUCK;
    const struct item *items = peeled(r, loop, first, last);
    if (items)
        position_replace(r, p, function, items);
    return items ? DONE : STUCK;
}

/* A condition that changes near the first or the last turn only: these turns go on their own. */
static enum outcome peel_by(struct run *r, struct position *p, const struct joint *j,
                            const struct condition *leaf) {
    struct values *v = r->values;
    const struct atom *range = &v->atoms[j->atom];
    struct item loop = *j->first;
    loop.lower = range->a;
    loop.step = range->step;
    for (int turns = 1; turns <= PEEL_LIMIT; turns++) {
        const struct polynomial *count = number(v, turns);
        bool first = decided_between(r, &loop, j->atom, leaf, after_turns(v, &loop, count), range->b);
        bool last =
            !first && decided_between(r, &loop, j->atom, leaf, range->a,
                                      after_turns(v, &loop, difference_of(v, j->first->trips, count)));
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

/* What a turn changes, when every turn changes it so: fills before turn `turn`. */
static bool fills_by_turn(struct run *r, const struct joint *j, const struct polynomial **before,
                          const struct polynomial **after, const struct polynomial *turn,
                          const struct polynomial **fills) {
    struct values *v = r->values;
    for (size_t i = 0; i < r->walk->buffer_count; i++) {
        bool steady = equal(r, after[i], before[i]);
        const struct polynomial *change = steady ? number(v, 0) : difference_of(v, after[i], before[i]);
        if (!change || depends_on_atom(v, change, j->atom))
            return false;
        fills[i] = sum_of(v, before[i], product_of(v, change, turn));
    }
    return true;
}

/* By induction over turns: each begins with the fills of the first, or with those that grow alike in every
 * turn. */
static enum outcome run_joint(struct run *r, struct position *p, const struct joint *j) {
    struct values *v = r->values;
    const struct polynomial **after, **before = p->fills, **next = copy_fills(r, before),
                                     **entry = copy_fills(r, before);
    enum outcome outcome = run_turn(r, j, before, &after, false);
    if (outcome == SPLIT && condition_depends(v, r->split, j->atom)) {
        const struct condition *leaf = r->split;
        outcome = peel_by(r, p, j, leaf);
        if (outcome != STUCK)
            return outcome;
        r->split = NULL;
        outcome = run_turn(r, j, before, &after, true);
    }
    if (outcome != DONE)
        return outcome;
    if (!same_fills(r, before, after)) {
        const struct polynomial *one = number(v, 1);
        if (!fills_by_turn(r, j, before, after, j->turn, entry) ||
            !fills_by_turn(r, j, before, after, sum_of(v, j->turn, one), next))
            return STUCK;
        outcome = run_turn(r, j, entry, &after, true);
        if (outcome != DONE)
            return outcome;
        if (!loop_has_turns(r, j->first, 0))
            return r->split ? SPLIT : STUCK;
        if (!same_fills(r, next, after) ||
            !fills_by_turn(r, j, entry, next, difference_of(v, j->first->trips, j->turn), p->fills))
            return STUCK;
    }
    for (size_t f = 0; f < r->kernel->function_count; f++)
        if (j->member[f])
            position_replace(r, p, f, NULL);
    return DONE;
}

static const struct item *loop_head(struct position *p, size_t function) {
    const struct item *head = position_head(p, function);
    return head && head->kind == ITEM_LOOP && head->trips ? head : NULL;
}

/* Of some functions, those that stand at a loop of as many turns as this one does. */
static struct joint joint_of(struct run *r, struct position *p, size_t function, unsigned among,
                             size_t *members) {
    struct joint j = {.first = loop_head(p, function)};
    *members = 0;
    for (size_t f = 0; j.first && f < r->kernel->function_count; f++) {
        j.loops[f] = loop_head(p, f);
        j.member[f] = (among >> f & 1) && j.loops[f] && same_value(j.loops[f]->trips, j.first->trips);
        *members += j.member[f];
    }
    return j;
}

static enum outcome try_joint(struct run *r, struct position *p, struct joint *j) {
    return joint_bodies(r, j) ? run_joint(r, p, j) : STUCK;
}

/* All that have as many turns, else all but one of them. */
static enum outcome advance_joint(struct run *r, struct position *p) {
    enum outcome outcome = STUCK;
    for (size_t f = 0; outcome == STUCK && f < r->kernel->function_count; f++) {
        size_t members, fewer;
        struct joint j = joint_of(r, p, f, ~0u, &members);
        bool again = false; /* the same loops were tried from an earlier function */
        for (size_t g = 0; g < f; g++)
            again = again || j.member[g];
        if (again || members < 2)
            continue;
        outcome = try_joint(r, p, &j);
        for (size_t g = 0; outcome == STUCK && members > 2 && g < r->kernel->function_count; g++) {
            struct joint part = joint_of(r, p, f, ~(1u << g), &fewer);
            outcome = j.member[g] ? try_joint(r, p, &part) : STUCK;
        }
    }
    return outcome;
}

static enum outcome advance_alone(struct run *r, struct position *p) {
    enum outcome outcome = STUCK;
    for (size_t f = 0; outcome == STUCK && f < r->kernel->function_count; f++) {
        size_t members;
        struct joint j = joint_of(r, p, f, 1u << f, &members);
        outcome = members ? try_joint(r, p, &j) : STUCK;
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

/* A loop of several turns of the loop a turn. */
static const struct item *grouped_turns(struct run *r, const struct item *loop,
                                        const struct polynomial *trips, int64_t ratio) {
    struct values *v = r->values;
    struct item *grouped = loop_counted(r->walk, loop, trips);
    for (int64_t i = ratio; grouped && i-- > 0;) {
        const struct polynomial *turn =
            sum_of(v, product_of(v, atom_value(v, grouped->atom), number(v, ratio)), number(v, i));
        grouped->body = items_append(r->walk, loop_turn(r->walk, loop, turn), grouped->body);
    }
    return grouped;
}

/* A loop over nothing but a loop, as one. */
static const struct item *flattened(struct run *r, const struct item *loop) {
    const struct item *inner = loop->body;
    if (inner->kind != ITEM_LOOP || inner->next || !inner->trips ||
        items_depend(r->walk, inner, loop->atom) || items_depend(r->walk, inner->body, inner->atom))
        return NULL;
    const struct polynomial *trips = product_of(r->values, loop->trips, inner->trips);
    struct item *flat = trips ? loop_counted(r->walk, loop, trips) : NULL;
    if (flat)
        flat->body = inner->body;
    return flat;
}

/* Of loops that are not as they might be, one in a better shape. */
static enum outcome reshape(struct run *r, struct position *p) {
    struct values *v = r->values;
    size_t count = r->kernel->function_count;
    int64_t ratio;
    for (size_t i = 0; i < count * count; i++) {
        const struct item *loop = loop_head(p, i / count), *other = loop_head(p, i % count), *grouped = NULL;
        if (loop && other && whole_ratio(v, loop->trips, other->trips, &ratio))
            grouped = grouped_turns(r, loop, other->trips, ratio);
        if (!grouped)
            continue;
        position_replace(r, p, i / count, grouped);
        return DONE;
    }
    for (size_t f = 0; f < count; f++) {
        const struct item *loop = loop_head(p, f), *flat = loop ? flattened(r, loop) : NULL;
        if (!flat)
            continue;
        position_replace(r, p, f, flat);
        return DONE;
    }
    return STUCK;
}

/* A function waits for what another one does in a loop: the first turn of that goes on its own. */
static enum outcome demand(struct run *r, struct position *p) {
    size_t count = r->kernel->function_count;
    for (size_t i = 0; i < count * count && p->demands < PEEL_LIMIT; i++) {
        const struct item *event = position_head(p, i / count), *loop = loop_head(p, i % count);
        if (!event || !loop || event->kind != ITEM_EVENT)
            continue;
        enum effect_kind wanted = event->effect == EFFECT_RESERVE ? EFFECT_POP : EFFECT_PUSH;
        if (!function_moves(loop->body, wanted, event->buffer))
            continue;
        p->demands++;
        return peel_loop(r, p, i % count, 1, 0);
    }
    for (size_t f = 0; f < count; f++) {
        const struct item *loop = loop_head(p, f);
        int64_t trips;
        if (loop && known_number(loop->trips, &trips) && trips <= UNROLL_LIMIT)
            return peel_loop(r, p, f, 1, 0);
    }
    return STUCK;
}

/* Loops that go on together for `turns` turns less than the shortest has, each with some of its turns before.
 */
struct alignment {
    bool member[FUNCTION_LIMIT];
    int surplus[FUNCTION_LIMIT],
        first[FUNCTION_LIMIT]; /* turns on their own, and how many of them come first */
    size_t members;
    bool equal;
};

static struct alignment alignment_of(struct run *r, struct position *p, size_t function, int less) {
    struct alignment a = {.equal = true};
    const struct item *loop = loop_head(p, function);
    int64_t difference, least = 0;
    for (size_t f = 0; loop && f < r->kernel->function_count; f++) {
        const struct item *other = loop_head(p, f);
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

/* The next way to have turns of their own before and behind; false after the last. */
static bool next_alignment(struct alignment *a) {
    for (size_t f = 0; f < FUNCTION_LIMIT; f++) {
        if (a->member[f] && a->first[f]++ < a->surplus[f])
            return true;
        a->first[f] = 0;
    }
    return false;
}

static enum outcome run_aligned(struct run *r, struct position *p, const struct alignment *a) {
    struct position with = position_copy(r, p);
    enum outcome outcome = DONE;
    for (size_t f = 0; outcome == DONE && f < r->kernel->function_count; f++)
        if (a->surplus[f])
            outcome = peel_loop(r, &with, f, a->first[f], a->surplus[f] - a->first[f]);
    if (outcome == DONE)
        outcome = run_together(r, &with);
    if (outcome == DONE)
        *p = with;
    return outcome;
}

/* Some functions a turn ahead of others. */
static enum outcome align(struct run *r, struct position *p) {
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

/* A loop of more turns as two: the first has as many as another function's. */
static enum outcome part_loop(struct run *r, struct position *p, size_t f, const struct item *other) {
    struct values *v = r->values;
    struct position with = position_copy(r, p);
    const struct item *loop = loop_head(p, f);
    int64_t known;
    if (known_number(difference_of(v, loop->trips, other->trips), &known) ||
        !run_at_most_zero(r, difference_of(v, other->trips, loop->trips)))
        return STUCK;
    const struct polynomial *middle = after_turns(v, loop, other->trips);
    const struct item *first = loop_between(r->walk, loop, loop->lower, middle),
                      *rest = loop_between(r->walk, loop, middle, loop->upper);
    if (!first || !rest)
        return STUCK;
    position_replace(r, &with, f, items_append(r->walk, first, rest));
    enum outcome outcome = run_together(r, &with);
    if (outcome == DONE)
        *p = with;
    return outcome;
}

static enum outcome part(struct run *r, struct position *p) {
    size_t count = r->kernel->function_count;
    enum outcome outcome = STUCK;
    if (r->alignments == ALIGN_LIMIT)
        return STUCK;
    r->alignments++;
    for (size_t i = 0; outcome == STUCK && i < count * count; i++) {
        const struct item *loop = loop_head(p, i / count), *other = loop_head(p, i % count);
        outcome = loop && other && loop != other ? part_loop(r, p, i / count, other) : STUCK;
    }
    r->alignments--;
    return outcome;
}

enum outcome loops_advance(struct run *r, struct position *p) {
    typedef enum outcome attempt(struct run *, struct position *);
    static attempt *const attempts[] = {advance_joint, advance_alone, reshape, part, demand, align};
    enum outcome outcome = STUCK;
    for (size_t i = 0; outcome == STUCK && r->steps > 0 && i < sizeof attempts / sizeof *attempts; i++)
        outcome = attempts[i](r, p);
    return outcome;
}
