/* What a section surely wrote, and what it surely did not.
 *
 * A region that stands in open loops is what this iteration of them wrote; behind a loop, what all its
 * iterations wrote; one that a loop carries, what its earlier iterations wrote. A slot is surely written when
 * under every outcome of the conditions around writes some region reaches it:
 *
 * - by one of its iterations, that of the same numbers. Loops of equal ranges share a variable: where the
 * slot that is read mentions it, its loop is open and has this iteration, and so had the other one. Any other
 * loop of the region stands for its first iteration, and must have one, or for the iteration that the slot
 * says, or for that of an open loop which moves the slot alike;
 * - or as one of all slots from the first to the last, with no gap between them.
 *
 * Of a carried region the first iteration and the one before count; there must have been one. */
#include "proofs/slot_regions.h"

enum { SPLIT_DEPTH = 4, SPLIT_LIMIT = 64, POSITIVE_DEPTH = 4 };

/* Atoms that stand for an iteration. */
struct chosen {
    size_t atoms[REGION_LOOPS + 1];
    const struct polynomial *iterations[REGION_LOOPS + 1];
    size_t count;
};

static void choose(struct chosen *chosen, size_t atom, const struct polynomial *iteration) {
    chosen->atoms[chosen->count] = atom;
    chosen->iterations[chosen->count++] = iteration;
}

static const struct polynomial *at_chosen(struct values *v, const struct polynomial *p,
                                          const struct chosen *chosen) {
    for (size_t i = 0; i < chosen->count; i++)
        p = replace_atom(v, p, chosen->atoms[i], chosen->iterations[i]);
    return p;
}

static bool is_open(const struct walk *w, const struct node_for *loop, size_t atom, size_t *index) {
    for (size_t i = 0; i < w->loop_count; i++) {
        if (w->loops[i].atom == atom && (!loop || w->loops[i].node == loop)) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* The first of the region's loops of which all iterations count. */
static size_t first_whole_loop(const struct walk *w, const struct region *region) {
    size_t index, whole = 0;
    while (whole < region->local_count) {
        bool carries = region->locals[whole] == region->carried;
        if (!is_open(w, region->loops[whole], region->locals[whole], &index))
            break;
        whole++;
        if (carries)
            break;
    }
    return whole;
}

static const struct polynomial *trips_of(struct values *v, const struct atom *loop) {
    return ceiling_of(v, difference_of(v, loop->b, loop->a), number(v, loop->step));
}

static bool is_positive(struct walk *w, const struct alternatives *facts, const struct polynomial *p,
                        int depth);

/* A quotient of what is at least its divisor, a minimum of such numbers. */
static bool is_positive_atom(struct walk *w, const struct alternatives *facts, size_t index, int depth) {
    const struct atom atom = w->values.atoms[index];
    struct values *v = &w->values;
    if (atom.kind == ATOM_QUOTIENT)
        return is_positive(w, facts, sum_of(v, difference_of(v, atom.a, atom.b), number(v, 1)), depth - 1);
    if (atom.kind == ATOM_MINIMUM)
        return is_positive(w, facts, atom.a, depth - 1) && is_positive(w, facts, atom.b, depth - 1);
    return atom.kind == ATOM_MAXIMUM &&
           (is_positive(w, facts, atom.a, depth - 1) || is_positive(w, facts, atom.b, depth - 1));
}

/* p >= 1. Atoms are at least 0, so it is enough that one of its products is. */
static bool is_positive(struct walk *w, const struct alternatives *facts, const struct polynomial *p,
                        int depth) {
    struct values *v = &w->values;
    if (!p || depth == 0 || prove_guarded(w, facts, number(v, 1), p))
        return p && depth > 0;
    bool found = false;
    for (size_t i = 0; never_negative(p) && i < p->count && !found; i++) {
        found = true;
        for (size_t j = 0; found && j < p->terms[i].degree; j++)
            found = prove_guarded(w, facts, number(v, 1), atom_value(v, p->terms[i].atoms[j])) ||
                    is_positive_atom(w, facts, p->terms[i].atoms[j], depth);
    }
    return found;
}

static bool has_an_iteration(struct walk *w, const struct alternatives *facts, size_t loop) {
    const struct atom atom = w->values.atoms[loop];
    return is_positive(w, facts, difference_of(&w->values, atom.b, atom.a), POSITIVE_DEPTH);
}

/* ---- conditions ---- */

/* Does one of them hold wherever `facts` do? */
static bool surely_met(struct walk *w, const struct alternatives *facts, const struct alternatives *condition,
                       const struct chosen *chosen) {
    struct values *v = &w->values;
    for (size_t i = 0; i < facts->count; i++) {
        struct alternatives one = {.known = facts->known, .count = 1, .items = {facts->items[i]}};
        bool met = false;
        for (size_t j = 0; condition->known && j < condition->count && !met; j++) {
            met = true;
            for (size_t k = 0; met && k < condition->items[j].count; k++)
                met =
                    prove_guarded(w, &one, number(v, 0), at_chosen(v, condition->items[j].items[k], chosen));
        }
        if (!met)
            return false;
    }
    return true;
}

static bool guards_met(struct walk *w, const struct alternatives *facts, const struct region *region,
                       const struct chosen *chosen) {
    for (const struct region_guard *g = region->guards; g; g = g->outer)
        if (!surely_met(w, facts, g->met, chosen))
            return false;
    return true;
}

/* Is it the same in all iterations of the region's loops from `first` on? */
static bool is_invariant(const struct values *v, const struct region *region,
                         const struct region_guard *guard, size_t first) {
    for (size_t i = first; i < region->local_count; i++)
        if (alternatives_mention(v, guard->met, region->locals[i]))
            return false;
    return guard->met->known && guard->unmet->known;
}

/* ---- from the first to the last slot ---- */

static const struct polynomial *last_iteration(struct values *v, const struct atom *loop) {
    const struct polynomial *one = number(v, 1), *step = number(v, loop->step);
    if (loop->step == 1)
        return difference_of(v, loop->b, one);
    return sum_of(v, loop->a, product_of(v, difference_of(v, trips_of(v, loop), one), step));
}

/* The region's first or last slot, its loops from `first` on at the ends of their ranges; NULL where one
 * moves the slot neither up nor down alone. `before`: the carrying loop has iterations before this one. */
static const struct polynomial *region_end(struct walk *w, const struct region *region, size_t first,
                                           bool last, bool before) {
    struct values *v = &w->values;
    const struct polynomial *slot = region->slot;
    for (size_t i = region->local_count; i-- > first;) {
        size_t index = region->locals[i];
        const struct atom loop = v->atoms[index];
        const struct polynomial *factor, *rest, *end;
        if (!slot || !linear_in_atom(v, slot, index, &factor, &rest) || depends_on_atom(v, rest, index) ||
            !(never_negative(factor) || never_positive(factor)))
            return NULL;
        bool falls = factor->count && never_positive(factor);
        end = last == falls ? loop.a
              : before && index == region->carried
                  ? difference_of(v, atom_value(v, index), number(v, loop.step))
                  : last_iteration(v, &loop);
        slot = replace_atom(v, slot, index, end);
    }
    return last ? difference_of(v, sum_of(v, slot, region->count), number(v, 1)) : slot;
}

/* How far the slot moves from iteration to iteration of a loop, either way; NULL: not the same in every
 * iteration. */
static const struct polynomial *stride_of(struct values *v, const struct region *region, size_t loop) {
    const struct polynomial *factor, *rest;
    if (!linear_in_atom(v, region->slot, loop, &factor, &rest) || depends_on_atom(v, rest, loop))
        return NULL;
    factor = product_of(v, factor, number(v, v->atoms[loop].step));
    return never_positive(factor) ? difference_of(v, number(v, 0), factor) : factor;
}

/* Are all slots from the first to the last written, by the loops from `first` on? One after another moves
 * what the others write by no more than its own length. */
static bool is_dense(struct walk *w, const struct region *region, size_t first) {
    struct values *v = &w->values;
    const struct polynomial *length = region->count;
    bool used[REGION_LOOPS] = {false};
    for (size_t left = region->local_count - first; left > 0; left--) {
        size_t next = first;
        const struct polynomial *stride = NULL;
        for (; next < region->local_count; next++) {
            stride = used[next] ? NULL : stride_of(v, region, region->locals[next]);
            if (stride && prove_quietly(w, stride, length))
                break;
        }
        if (next == region->local_count)
            return false;
        used[next] = true;
        const struct atom loop = v->atoms[region->locals[next]];
        length = sum_of(v, length, product_of(v, stride, difference_of(v, trips_of(v, &loop), number(v, 1))));
    }
    return true;
}

/* Ranges of the loops from `first` on do not depend on each other. */
static bool is_rectangular(const struct values *v, const struct region *region, size_t first) {
    for (size_t i = first; i < region->local_count; i++)
        for (size_t j = first; j < i; j++) {
            const struct atom *loop = &v->atoms[region->locals[i]];
            if (depends_on_atom(v, loop->a, region->locals[j]) ||
                depends_on_atom(v, loop->b, region->locals[j]))
                return false;
        }
    return true;
}

static bool reaches_densely(struct walk *w, const struct alternatives *facts, const struct region *region,
                            size_t first, const struct chosen *iteration, const struct polynomial *slot) {
    struct values *v = &w->values;
    struct region whole = *region;
    whole.slot = at_chosen(v, region->slot, iteration);
    for (const struct region_guard *g = region->guards; g; g = g->outer)
        if (!is_invariant(v, region, g, first))
            return false;
    if (!whole.slot || !is_rectangular(v, region, first) || !is_dense(w, &whole, first))
        return false;
    const struct polynomial *least = region_end(w, &whole, first, false, false),
                            *most = region_end(w, &whole, first, true, false);
    if (!least || !most || !prove_guarded(w, facts, slot, most) || !prove_guarded(w, facts, least, slot))
        return false;
    for (size_t i = first; i < region->local_count; i++)
        if (!has_an_iteration(w, facts, region->locals[i]))
            return false;
    return guards_met(w, facts, region, iteration);
}

/* ---- one iteration ---- */

/* The variable of an open loop whose iterations move `slot` by `stride`; NULL when there is none. */
static const struct polynomial *variable_that_moves(struct walk *w, const struct polynomial *slot,
                                                    const struct polynomial *stride) {
    const struct polynomial *factor, *rest;
    for (size_t i = 0; i < w->loop_count; i++)
        if (w->loops[i].atom != ATOM_LIMIT &&
            linear_in_atom(&w->values, slot, w->loops[i].atom, &factor, &rest) && same_value(factor, stride))
            return atom_value(&w->values, w->loops[i].atom);
    return NULL;
}

/* Where a loop moves the slot by one from iteration to iteration, the iteration that writes `slot`; where by
 * more, the iteration of the number that an open loop has which moves `slot` alike. It must be one of its
 * iterations; NULL when it is none. */
static const struct polynomial *iteration_that_writes(struct walk *w, const struct alternatives *facts,
                                                      const struct polynomial *at, size_t loop,
                                                      const struct polynomial *slot) {
    struct values *v = &w->values;
    const struct atom atom = v->atoms[loop];
    const struct polynomial *factor, *rest, *iteration, *one = number(v, 1);
    if (atom.step != 1 || !at || !linear_in_atom(v, at, loop, &factor, &rest) || !factor->count ||
        depends_on_atom(v, rest, loop))
        return NULL;
    iteration = same_value(factor, one) ? difference_of(v, slot, rest) : variable_that_moves(w, slot, factor);
    bool inside = iteration && prove_guarded(w, facts, atom.a, iteration) &&
                  prove_guarded(w, facts, sum_of(v, iteration, one), atom.b);
    return inside ? iteration : NULL;
}

/* `solved`: the loop whose iteration follows from the slot; local_count: none. */
static bool reaches_in_an_iteration(struct walk *w, const struct alternatives *facts,
                                    const struct region *region, size_t first, const struct chosen *iteration,
                                    const struct polynomial *slot, size_t solved) {
    struct values *v = &w->values;
    struct chosen chosen = {.count = 0};
    size_t index;
    for (size_t i = region->local_count; i-- > first;) {
        size_t loop = region->locals[i];
        if (i == solved || is_open(w, NULL, loop, &index))
            continue;
        if (!has_an_iteration(w, facts, loop))
            return false;
        choose(&chosen, loop, v->atoms[loop].a);
    }
    if (iteration->count)
        choose(&chosen, iteration->atoms[0], iteration->iterations[0]);
    const struct polynomial *at = at_chosen(v, region->slot, &chosen);
    if (solved < region->local_count) {
        const struct polynomial *value = iteration_that_writes(w, facts, at, region->locals[solved], slot);
        if (!value)
            return false;
        choose(&chosen, region->locals[solved], value);
        at = at_chosen(v, region->slot, &chosen);
    }
    const struct polynomial *past = sum_of(v, at, at_chosen(v, region->count, &chosen));
    return (same_value(at, slot) || (prove_guarded(w, facts, at, slot) &&
                                     prove_guarded(w, facts, sum_of(v, slot, number(v, 1)), past))) &&
           guards_met(w, facts, region, &chosen);
}

/* The range of a loop depends on no other one from `first` on, nor theirs on it. */
static bool stands_alone(const struct values *v, const struct region *region, size_t first, size_t at) {
    const struct atom *own = &v->atoms[region->locals[at]];
    for (size_t i = first; i < region->local_count; i++) {
        const struct atom *other = &v->atoms[region->locals[i]];
        if (i != at &&
            (depends_on_atom(v, own->a, region->locals[i]) || depends_on_atom(v, own->b, region->locals[i]) ||
             depends_on_atom(v, other->a, region->locals[at]) ||
             depends_on_atom(v, other->b, region->locals[at])))
            return false;
    }
    return true;
}

static bool reaches(struct walk *w, const struct alternatives *facts, const struct region *region,
                    size_t first, const struct chosen *iteration, const struct polynomial *slot) {
    size_t none = region->local_count;
    if (reaches_in_an_iteration(w, facts, region, first, iteration, slot, none) ||
        reaches_densely(w, facts, region, first, iteration, slot))
        return true;
    for (size_t i = first; i < region->local_count; i++)
        if (stands_alone(&w->values, region, first, i) &&
            reaches_in_an_iteration(w, facts, region, first, iteration, slot, i))
            return true;
    return false;
}

/* lower + step <= variable: there was an iteration before this one. */
static const struct polynomial *iteration_before(struct values *v, size_t loop) {
    return difference_of(v, atom_value(v, loop), number(v, v->atoms[loop].step));
}

static bool carried_reaches(struct walk *w, const struct alternatives *facts, const struct region *region,
                            size_t first, const struct polynomial *slot) {
    struct values *v = &w->values;
    const struct polynomial *before = iteration_before(v, region->carried),
                            *lower = v->atoms[region->carried].a;
    struct chosen at_first = {.count = 0}, at_previous = {.count = 0};
    if (!first || region->locals[first - 1] != region->carried || !prove_guarded(w, facts, lower, before))
        return false;
    /* Their iterations do not depend on the carrying one. */
    for (size_t i = first; i < region->local_count; i++)
        if (depends_on_atom(v, v->atoms[region->locals[i]].a, region->carried) ||
            depends_on_atom(v, v->atoms[region->locals[i]].b, region->carried))
            return false;
    choose(&at_first, region->carried, lower);
    choose(&at_previous, region->carried, before);
    return reaches(w, facts, region, first, &at_first, slot) ||
           reaches(w, facts, region, first, &at_previous, slot);
}

static bool region_reaches(struct walk *w, const struct alternatives *facts, const struct region *region,
                           const struct polynomial *slot) {
    size_t first = first_whole_loop(w, region);
    struct chosen none = {.count = 0};
    return region->carried == ATOM_LIMIT ? reaches(w, facts, region, first, &none, slot)
                                         : carried_reaches(w, facts, region, first, slot);
}

/* ---- every outcome of the conditions ---- */

struct question {
    const struct region *written;
    const struct polynomial *slot;
    int splits; /* left */
};

static bool is_covered(struct walk *w, const struct alternatives *facts, struct question *question,
                       int depth);

static bool covered_either_way(struct walk *w, const struct alternatives *facts, struct question *question,
                               const struct alternatives *met, const struct alternatives *unmet, int depth) {
    const struct alternatives *one = both_hold(w, facts, met), *other = both_hold(w, facts, unmet);
    return one->known && other->known && is_covered(w, one, question, depth - 1) &&
           is_covered(w, other, question, depth - 1);
}

/* A condition of the region, or whether its loop had an iteration before, decided either way. */
static bool splits_on(struct walk *w, const struct alternatives *facts, struct question *question,
                      const struct region *region, int depth) {
    struct values *v = &w->values;
    size_t first = first_whole_loop(w, region);
    const struct chosen none = {.count = 0};
    if (region->carried != ATOM_LIMIT) {
        const struct polynomial *lower = v->atoms[region->carried].a,
                                *later = difference_of(v, iteration_before(v, region->carried), lower),
                                *now = difference_of(v, lower, atom_value(v, region->carried));
        return first && later && now && !prove_guarded(w, facts, number(v, 0), later) &&
               covered_either_way(w, facts, question, fact_alternative(w, later), fact_alternative(w, now),
                                  depth);
    }
    for (const struct region_guard *g = region->guards; g; g = g->outer)
        if (is_invariant(v, region, g, first) && !surely_met(w, facts, g->met, &none))
            return covered_either_way(w, facts, question, g->met, g->unmet, depth);
    return false;
}

static bool is_covered(struct walk *w, const struct alternatives *facts, struct question *question,
                       int depth) {
    facts = possible_alternatives(w, facts);
    if (!facts->count)
        return true;
    for (const struct region *r = question->written; r; r = r->next)
        if (region_reaches(w, facts, r, question->slot))
            return true;
    for (const struct region *r = question->written; depth > 0 && r && question->splits > 0; r = r->next) {
        question->splits--;
        if (splits_on(w, facts, question, r, depth))
            return true;
    }
    return false;
}

/* Every literal slot that it may be is written. */
static bool each_is_covered(struct walk *w, const struct region *written, const struct polynomial *slot) {
    int64_t least, most;
    bool covered = literal_range(w, slot, &least, &most) && most > least && most - least < section_tiles(w);
    for (int64_t i = least; covered && i <= most; i++) {
        struct question question = {written, number(&w->values, i), SPLIT_LIMIT};
        covered = is_covered(w, guard_here(w), &question, SPLIT_DEPTH);
    }
    return covered;
}

/* Wrote the iteration at hand of the open loops this very slot? That costs nothing to ask. */
static bool is_just_written(const struct walk *w, const struct region *written, const struct polynomial *slot) {
    for (const struct region *r = written; r; r = r->next)
        if (!r->guards && r->carried == ATOM_LIMIT && same_value(r->slot, slot) &&
            first_whole_loop(w, r) == r->local_count)
            return true;
    return false;
}

bool surely_written(struct walk *w, const struct region *written, const struct polynomial *slot) {
    struct question question = {written, slot, SPLIT_LIMIT};
    struct alternatives nothing = {.known = true, .count = 1};
    if (is_just_written(w, written, slot))
        return true;
    for (const struct region *r = written; r; r = r->next)
        if (!r->guards && r->carried == ATOM_LIMIT && region_reaches(w, &nothing, r, slot))
            return true;
    return is_covered(w, guard_here(w), &question, SPLIT_DEPTH) || each_is_covered(w, written, slot);
}

/* ---- what is surely not written ---- */

/* Before the first slot of the region or behind its last. */
static bool is_disjoint(struct walk *w, const struct alternatives *facts, const struct region *region,
                        const struct polynomial *slot, const struct polynomial *count) {
    struct values *v = &w->values;
    bool carried = region->carried != ATOM_LIMIT;
    size_t whole = first_whole_loop(w, region), first = carried && whole ? whole - 1 : whole;
    const struct polynomial *least = region_end(w, region, first, false, carried),
                            *most = region_end(w, region, first, true, carried);
    return (most && prove_guarded(w, facts, sum_of(v, most, number(v, 1)), slot)) ||
           (least && prove_guarded(w, facts, sum_of(v, slot, count), least));
}

static bool excludes(struct walk *w, const struct alternatives *facts, const struct region *region) {
    size_t first = region->carried == ATOM_LIMIT ? first_whole_loop(w, region) : 0;
    for (const struct region_guard *g = region->guards; g; g = g->outer)
        if (is_invariant(&w->values, region, g, first) &&
            !possible_alternatives(w, both_hold(w, facts, g->met))->count)
            return true;
    return false;
}

bool surely_fresh(struct walk *w, const struct region *written, const struct polynomial *slot,
                  const struct polynomial *count) {
    const struct alternatives *facts = written ? possible_alternatives(w, guard_here(w)) : NULL;
    for (const struct region *r = written; r; r = r->next)
        if (!is_disjoint(w, facts, r, slot, count) && !excludes(w, facts, r))
            return false;
    return slot && count;
}

/* ---- launches in which it is so, or not ---- */

struct search {
    const struct region *written;
    const struct polynomial *slot;
    struct witness *inner;
    const struct region *found;
};

/* The slots of a region for one combination of the ends of its loops from `own` on. */
static bool region_at(struct witness *outer, struct witness *inner, const struct region *region, size_t own,
                      uint32_t iterations, int64_t *first, int64_t *count) {
    witness_begin(inner, outer->walk, outer->sample, outer->iterations);
    inner->locals = region->locals + own;
    inner->local_count = region->local_count - own;
    inner->local_iterations = iterations;
    for (size_t i = own; i < region->local_count; i++) {
        int64_t value;
        if (!witness_value(inner, atom_value(&outer->walk->values, region->locals[i]), &value))
            return false;
    }
    return witness_value(inner, region->slot, first) && witness_value(inner, region->count, count);
}

static bool is_later_iteration(struct witness *w, size_t loop) {
    struct values *v = &w->walk->values;
    int64_t now, lower;
    return witness_value(w, atom_value(v, loop), &now) && witness_value(w, v->atoms[loop].a, &lower) &&
           now > lower;
}

/* Do all of the numbers hold? UNKNOWN where one has no value. */
enum answer { NO, YES, UNKNOWN };

static enum answer facts_in(struct witness *w, const struct facts *facts) {
    enum answer outcome = YES;
    for (size_t i = 0; i < facts->count; i++) {
        int64_t value;
        if (!witness_value(w, facts->items[i], &value))
            outcome = UNKNOWN;
        else if (value < 0)
            return NO;
    }
    return outcome;
}

/* Do the conditions of the region hold? UNKNOWN where one is not the same in all its iterations. */
static enum answer guards_in(struct witness *w, const struct region *region) {
    struct values *v = &w->walk->values;
    size_t first = region->carried == ATOM_LIMIT ? first_whole_loop(w->walk, region) : 0;
    enum answer all = YES;
    for (const struct region_guard *g = region->guards; g; g = g->outer) {
        enum answer any = is_invariant(v, region, g, first) ? NO : UNKNOWN;
        for (size_t i = 0; any != YES && i < g->met->count && is_invariant(v, region, g, first); i++) {
            enum answer one = facts_in(w, &g->met->items[i]);
            any = one == NO ? any : one;
        }
        if (any == NO)
            return NO;
        all = any == UNKNOWN ? UNKNOWN : all;
    }
    return all;
}

static bool is_missing(struct witness *w, void *context) {
    struct search *search = context;
    int64_t slot, first, count;
    if (!witness_value(w, search->slot, &slot))
        return false;
    for (const struct region *r = search->written; r; r = r->next) {
        int64_t least = INT64_MAX, greatest = INT64_MIN;
        bool carried = r->carried != ATOM_LIMIT;
        size_t whole = first_whole_loop(w->walk, r), own = carried && whole ? whole - 1 : whole;
        if ((carried && !is_later_iteration(w, r->carried)) || guards_in(w, r) == NO)
            continue;
        for (uint32_t iterations = 0; iterations < 1u << (r->local_count - own); iterations++) {
            if (!region_at(w, search->inner, r, own, iterations, &first, &count))
                continue;
            least = first < least ? first : least;
            greatest = first + count - 1 > greatest ? first + count - 1 : greatest;
        }
        if (least <= slot && slot <= greatest)
            return false;
    }
    return true;
}

bool find_missing(struct walk *w, const struct region *written, const struct polynomial *slot) {
    struct search search = {written, slot, .inner = NULL};
    search.inner = arena_allocate(w->compilation->arena, sizeof *search.inner);
    return find_witness(w, is_missing, &search);
}

/* Loops that are open have the iteration at hand; the one that carries the region is at its first, an earlier
 * one. */
static bool was_written(struct witness *w, void *context) {
    struct search *search = context;
    int64_t slot, first, count;
    if (!witness_value(w, search->slot, &slot))
        return false;
    for (const struct region *r = search->written; r; r = r->next) {
        if (guards_in(w, r) != YES)
            continue;
        for (uint32_t iterations = 0; iterations < 1u << r->local_count; iterations++) {
            bool possible = true, inside = false;
            for (size_t i = 0; i < r->local_count && possible; i++) {
                size_t index;
                bool last = iterations >> i & 1, open = is_open(w->walk, r->loops[i], r->locals[i], &index);
                uint32_t iteration = open ? w->iterations >> 2 * index & 3 : 0;
                if (r->locals[i] == r->carried) {
                    possible = !last && open && is_later_iteration(w, r->carried);
                    inside = true;
                } else if (open && !inside) {
                    possible = iteration < 2 && last == (iteration == 1);
                }
            }
            if (possible && region_at(w, search->inner, r, 0, iterations, &first, &count) && first <= slot &&
                slot < first + count) {
                search->found = r;
                return true;
            }
        }
    }
    return false;
}

const struct region *find_written(struct walk *w, const struct region *written,
                                  const struct polynomial *slot) {
    struct search search = {written, slot, .inner = NULL};
    search.inner = arena_allocate(w->compilation->arena, sizeof *search.inner);
    return find_witness(w, was_written, &search) ? search.found : NULL;
}
