#include "transforms/prove_together.h"

#include <string.h>

#include "transforms/prove_internal.h"

/* Steps: numbers that are compared; that many and so many for every event, loop and choice. */
enum { BASE_STEPS = 1000, STEPS_AN_ITEM = 100 };
enum { ASSUMPTION_LIMIT = 32, PEEL_LIMIT = 4, RATIO_LIMIT = 8, UNROLL_LIMIT = 32, ALIGN_LIMIT = 2 };

/* What is still to come of a function: a list, and behind it those around. */
struct frame {
    const struct item *at;
    const struct frame *up;
};

struct position {
    const struct frame *fronts[FUNCTION_LIMIT];
    const struct polynomial **fills; /* by buffer: pages pushed and not popped */
    int demands;                     /* first turns that went on their own since somebody waited for them */
};

struct assumption {
    const struct condition *leaf;
    bool holds;
};

/* STUCK: not proved to go on. SPLIT: it depends on a condition, which `split` names. */
enum outcome { DONE, STUCK, SPLIT };

struct run {
    const struct side_by_side *kernel;
    struct walk *walk;
    struct values *values;
    struct assumption assumptions[ASSUMPTION_LIMIT];
    size_t assumption_count;
    const struct condition *split;
    int steps, alignments;
    const struct item **stuck;
    size_t stuck_count; /* how many functions were at it when `stuck` was noted */
};

/* ---- what is known ---- */

/* What an assumption says is at most zero; NULL when it says no such thing. */
static const struct polynomial *assumed(struct run *r, const struct assumption *a) {
    if (a->leaf->kind != CONDITION_AT_MOST_ZERO)
        return NULL;
    return a->holds ? a->leaf->p : difference_of(r->values, number(r->values, 1), a->leaf->p);
}

static size_t latest_atom(const struct polynomial *p) {
    size_t latest = ATOM_LIMIT;
    for (size_t i = 0; p && i < p->count; i++)
        if (p->terms[i].degree == 1 && (latest == ATOM_LIMIT || p->terms[i].atoms[0] > latest))
            latest = p->terms[i].atoms[0];
    return latest;
}

/* q <= 0 bounds its latest atom by the others: p with the atom at this bound, where that makes it no smaller. */
static const struct polynomial *with_assumption(struct run *r, const struct polynomial *p, const struct polynomial *q) {
    struct values *v = r->values;
    const struct polynomial *factor, *rest, *of_p, *rest_of_p;
    size_t atom = latest_atom(q);
    int64_t sign;
    if (atom == ATOM_LIMIT || !part_by_atom(v, q, atom, &factor, &rest) || !known_number(factor, &sign) ||
        (sign != 1 && sign != -1) || !part_by_atom(v, p, atom, &of_p, &rest_of_p) || !of_p->count ||
        !(sign > 0 ? never_negative(of_p) : never_positive(of_p)))
        return p;
    const struct polynomial *bound = sign > 0 ? difference_of(v, number(v, 0), rest) : rest;
    const struct polynomial *greater = sum_of(v, product_of(v, of_p, bound), rest_of_p);
    return greater ? greater : p;
}

/* With some assumptions used already. */
static bool at_most_zero_by(struct run *r, const struct polynomial *p, uint32_t used) {
    struct values *v = r->values;
    r->steps--;
    if (prove_quietly(r->walk, p, number(v, 0)))
        return true;
    for (size_t i = r->assumption_count; i-- > 0 && r->steps > 0;) {
        const struct assumption *a = &r->assumptions[i];
        const struct polynomial *q = assumed(r, a), *greater = used >> i & 1 ? p : with_assumption(r, p, q);
        if ((greater != p && at_most_zero_by(r, greater, used | UINT32_C(1) << i)) || (q && prove_quietly(r->walk, p, q)))
            return true;
        if (a->leaf->kind == CONDITION_ZERO && a->holds &&
            (prove_quietly(r->walk, p, a->leaf->p) || prove_quietly(r->walk, sum_of(v, p, a->leaf->p), number(v, 0))))
            return true;
    }
    return false;
}

static bool at_most_zero(struct run *r, const struct polynomial *p) {
    return p && at_most_zero_by(r, p, 0);
}

static bool at_least(struct run *r, const struct polynomial *p, int64_t least) {
    return at_most_zero(r, difference_of(r->values, number(r->values, least), p));
}

static int leaf_truth(struct run *r, const struct condition *leaf) {
    struct values *v = r->values;
    int64_t known;
    for (size_t i = 0; i < r->assumption_count; i++)
        if (r->assumptions[i].leaf->kind == leaf->kind && same_value(r->assumptions[i].leaf->p, leaf->p))
            return r->assumptions[i].holds;
    if (leaf->kind == CONDITION_ZERO) {
        if (known_number(leaf->p, &known))
            return known == 0;
        const struct polynomial *opposite = difference_of(v, number(v, 0), leaf->p);
        return at_least(r, leaf->p, 1) || at_least(r, opposite, 1) ? 0 : -1;
    }
    return at_most_zero(r, leaf->p) ? 1 : at_least(r, leaf->p, 1) ? 0 : -1;
}

/* 1 true, 0 false; -1: it depends, on `split` when that is a number. */
static int truth(struct run *r, const struct condition *c) {
    int a, b, decides = c->kind == CONDITION_OR;
    switch (c->kind) {
    case CONDITION_NOT:
        a = truth(r, c->a);
        return a < 0 ? a : !a;
    case CONDITION_AND:
    case CONDITION_OR:
        a = truth(r, c->a);
        b = a == decides ? a : truth(r, c->b);
        return a == decides || b == decides ? decides : a < 0 || b < 0 ? -1 : !decides;
    case CONDITION_UNKNOWN:
        return -1;
    default:
        a = leaf_truth(r, c);
        if (a < 0)
            r->split = c;
        return a;
    }
}

static const struct condition *turns_condition(struct run *r, const struct item *loop, int64_t least) {
    struct values *v = r->values;
    struct condition leaf = {.kind = CONDITION_AT_MOST_ZERO,
                             .p = difference_of(v, number(v, least), loop->trips)};
    return leaf.p ? arena_copy(v->arena, &leaf, sizeof leaf) : NULL;
}

/* Are there so many turns? If that is not known, it is what to split by. */
static bool has_turns(struct run *r, const struct item *loop, int64_t least) {
    const struct condition *leaf = turns_condition(r, loop, least);
    return leaf && truth(r, leaf) == 1;
}

/* ---- positions ---- */

static const struct frame *frame_new(struct run *r, const struct item *at, const struct frame *up) {
    return arena_copy(r->values->arena, &(struct frame){at, up}, sizeof(struct frame));
}

static const struct item *head_of(struct position *p, size_t function) {
    const struct frame **front = &p->fronts[function];
    while (*front && !(*front)->at)
        *front = (*front)->up;
    return *front ? (*front)->at : NULL;
}

/* These items in place of the head. */
static void replace_head(struct run *r, struct position *p, size_t function, const struct item *items) {
    const struct frame *front = p->fronts[function];
    const struct frame *rest = frame_new(r, front->at->next, front->up);
    p->fronts[function] = items ? frame_new(r, items, rest) : rest;
}

static const struct polynomial **copy_fills(struct run *r, const struct polynomial **fills) {
    return arena_copy(r->values->arena, fills, (r->walk->buffer_count + 1) * sizeof *fills);
}

static struct position copy_position(struct run *r, const struct position *p) {
    struct position copy = *p;
    copy.fills = copy_fills(r, p->fills);
    return copy;
}

static bool happens(struct run *r, struct position *p, const struct item *event) {
    struct values *v = r->values;
    const struct polynomial **fill = &p->fills[event->buffer];
    switch (event->effect) {
    case EFFECT_WAIT:
        return at_most_zero(r, difference_of(v, event->pages, *fill));
    case EFFECT_RESERVE:
        return at_most_zero(r, difference_of(v, sum_of(v, *fill, event->pages), r->walk->buffers[event->buffer].pages));
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
    const struct item *head = head_of(p, function);
    int64_t trips;
    int holds;
    if (!head || r->steps <= 0)
        return false;
    switch (head->kind) {
    case ITEM_EVENT:
        if (!happens(r, p, head))
            return false;
        replace_head(r, p, function, NULL);
        return true;
    case ITEM_CHOICE:
        holds = truth(r, head->condition);
        if (holds < 0)
            return false;
        r->split = NULL;
        replace_head(r, p, function, holds ? head->body : head->otherwise);
        return true;
    default:
        /* Below 0 an upper bound wraps. */
        if (!known_number(head->trips, &trips))
            trips = r->assumption_count && at_most_zero(r, head->trips) && at_least(r, head->upper, 0) ? 0 : 2;
        if (trips > 1)
            return false;
        replace_head(r, p, function, trips == 1 ? loop_turn(r->walk, head, number(r->values, 0)) : NULL);
        return true;
    }
}

/* ---- loops ---- */

static enum outcome run_together(struct run *r, struct position *p);

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
        wraps = wraps || !at_least(r, loop->lower, 0) || !at_least(r, loop->upper, 0);
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
    return same_value(a, b) || (at_most_zero(r, difference_of(r->values, a, b)) &&
                                at_most_zero(r, difference_of(r->values, b, a)));
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
    int holds = part ? truth(r, condition_replace(v, leaf, atom, atom_value(v, part->atom))) : -1;
    r->split = split;
    return holds >= 0;
}

static const struct polynomial *after_turns(struct values *v, const struct item *loop, const struct polynomial *turns) {
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
    const struct item *loop = head_of(p, function);
    if (!has_turns(r, loop, first + last))
        return r->split ? SPLIT : STUCK;
    const struct item *items = peeled(r, loop, first, last);
    if (items)
        replace_head(r, p, function, items);
    return items ? DONE : STUCK;
}

/* A condition that changes near the first or the last turn only: these turns go on their own. */
static enum outcome peel_by(struct run *r, struct position *p, const struct joint *j, const struct condition *leaf) {
    struct values *v = r->values;
    const struct atom *range = &v->atoms[j->atom];
    struct item loop = *j->first;
    loop.lower = range->a;
    loop.step = range->step;
    for (int turns = 1; turns <= PEEL_LIMIT; turns++) {
        const struct polynomial *count = number(v, turns);
        bool first = decided_between(r, &loop, j->atom, leaf, after_turns(v, &loop, count), range->b);
        bool last = !first && decided_between(r, &loop, j->atom, leaf, range->a,
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

/* By induction over turns: each begins with the fills of the first, or with those that grow alike in every turn. */
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
        if (!has_turns(r, j->first, 0))
            return r->split ? SPLIT : STUCK;
        if (!same_fills(r, next, after) ||
            !fills_by_turn(r, j, entry, next, difference_of(v, j->first->trips, j->turn), p->fills))
            return STUCK;
    }
    for (size_t f = 0; f < r->kernel->function_count; f++)
        if (j->member[f])
            replace_head(r, p, f, NULL);
    return DONE;
}

static const struct item *loop_head(struct position *p, size_t function) {
    const struct item *head = head_of(p, function);
    return head && head->kind == ITEM_LOOP && head->trips ? head : NULL;
}

/* The functions that stand at a loop of as many turns as this one does. */
static struct joint joint_of(struct run *r, struct position *p, size_t function, bool alone, size_t *members) {
    struct joint j = {.first = loop_head(p, function)};
    *members = 0;
    for (size_t f = 0; j.first && f < r->kernel->function_count; f++) {
        j.loops[f] = loop_head(p, f);
        j.member[f] = alone ? f == function : j.loops[f] && same_value(j.loops[f]->trips, j.first->trips);
        *members += j.member[f];
    }
    return j;
}

/* STUCK: nothing of this kind goes on. */
static enum outcome advance_joint(struct run *r, struct position *p, bool alone) {
    for (size_t f = 0; f < r->kernel->function_count; f++) {
        size_t members;
        struct joint j = joint_of(r, p, f, alone, &members);
        bool again = false; /* the same loops were tried from an earlier function */
        for (size_t g = 0; g < f; g++)
            again = again || (!alone && j.member[g]);
        if (!j.first || again || (!alone && members < 2) || !joint_bodies(r, &j))
            continue;
        enum outcome outcome = run_joint(r, p, &j);
        if (outcome != STUCK)
            return outcome;
    }
    return STUCK;
}

/* Loops that do not fit one another as they stand. */

static bool whole_ratio(struct values *v, const struct polynomial *a, const struct polynomial *b, int64_t *ratio) {
    for (*ratio = 2; *ratio <= RATIO_LIMIT; ++*ratio)
        if (same_value(a, product_of(v, b, number(v, *ratio))))
            return true;
    return false;
}

/* A loop of several turns of the loop a turn. */
static const struct item *grouped_turns(struct run *r, const struct item *loop, const struct polynomial *trips,
                                        int64_t ratio) {
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
    if (inner->kind != ITEM_LOOP || inner->next || !inner->trips || items_depend(r->walk, inner, loop->atom) ||
        items_depend(r->walk, inner->body, inner->atom))
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
        replace_head(r, p, i / count, grouped);
        return DONE;
    }
    for (size_t f = 0; f < count; f++) {
        const struct item *loop = loop_head(p, f), *flat = loop ? flattened(r, loop) : NULL;
        if (!flat)
            continue;
        replace_head(r, p, f, flat);
        return DONE;
    }
    return STUCK;
}

/* A function waits for what another one does in a loop: the first turn of that goes on its own. */
static enum outcome demand(struct run *r, struct position *p) {
    size_t count = r->kernel->function_count;
    for (size_t i = 0; i < count * count && p->demands < PEEL_LIMIT; i++) {
        const struct item *event = head_of(p, i / count), *loop = loop_head(p, i % count);
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

/* Loops that go on together for `turns` turns less than the shortest has, each with some of its turns before. */
struct alignment {
    bool member[FUNCTION_LIMIT];
    int surplus[FUNCTION_LIMIT], first[FUNCTION_LIMIT]; /* turns on their own, and how many of them come first */
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
    struct position with = copy_position(r, p);
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

static void note_stuck(struct run *r, struct position *p) {
    size_t count = 0;
    for (size_t f = 0; f < r->kernel->function_count; f++)
        count += head_of(p, f) && head_of(p, f)->kind == ITEM_EVENT;
    if (count < r->stuck_count)
        return;
    r->stuck_count = count;
    for (size_t f = 0; f < r->kernel->function_count; f++) {
        const struct item *head = head_of(p, f);
        r->stuck[f] = head && head->kind == ITEM_EVENT ? head : NULL;
    }
}

static enum outcome advance_loops(struct run *r, struct position *p) {
    typedef enum outcome attempt(struct run *, struct position *);
    static attempt *const attempts[] = {reshape, demand, align};
    enum outcome outcome = advance_joint(r, p, false);
    if (outcome == STUCK)
        outcome = advance_joint(r, p, true);
    for (size_t i = 0; outcome == STUCK && r->steps > 0 && i < sizeof attempts / sizeof *attempts; i++)
        outcome = attempts[i](r, p);
    return outcome;
}

/* Every function as far as it comes. */
static enum outcome run_together(struct run *r, struct position *p) {
    for (;;) {
        bool moved = false, ended = true;
        for (size_t f = 0; f < r->kernel->function_count; f++) {
            while (advance(r, p, f))
                moved = true;
            if (r->split)
                return SPLIT;
            ended = ended && !head_of(p, f);
        }
        if (ended)
            return DONE;
        enum outcome outcome = moved ? DONE : advance_loops(r, p);
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

bool prove_all_end(const struct side_by_side *kernel, const struct item **stuck) {
    struct run run = {.kernel = kernel,
                      .walk = kernel->walk,
                      .values = &kernel->walk->values,
                      .steps = BASE_STEPS,
                      .stuck = stuck};
    for (size_t f = 0; f < kernel->function_count; f++)
        run.steps += STEPS_AN_ITEM * (int)items_count(kernel->events[f]);
    memset(stuck, 0, kernel->function_count * sizeof *stuck);
    return run_cases(&run);
}
