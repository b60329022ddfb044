/* Whom an exchange is with: the rectangle that is sent to, how many cores receive, whether all that wait are
 * among them. */
#include <inttypes.h>

#include "proofs/exchange.h"
#include "proofs/internal.h"

const char *core_text(struct exchanges *e, const struct polynomial *const core[2]) {
    return exchange_print(e, "(%s, %s)", core[0] ? value_text(e->walk, core[0]) : "sx",
                          core[1] ? value_text(e->walk, core[1]) : "sy");
}

static const char *range_text(struct exchanges *e, const struct rectangle *r) {
    return exchange_print(e, "(%s, %s) to (%s, %s)", value_text(e->walk, r->first[0]),
                          value_text(e->walk, r->first[1]), value_text(e->walk, r->last[0]),
                          value_text(e->walk, r->last[1]));
}

const struct polynomial *own_coordinate(struct exchanges *e, size_t d) {
    struct values *v = &e->walk->values;
    return atom_value(
        v, atom_find(v, &(struct atom){.kind = ATOM_CORE, .name = d ? "sy" : "sx", .position = d}));
}

/* In a direction in which every core sends for itself, the rectangle is that core's line. */
static bool check_line(struct exchanges *e, const struct exchange *x, const struct event_item *call) {
    for (size_t d = 0; d < 2; d++)
        if (!x->core[d] && (!same_value(x->to.first[d], own_coordinate(e, d)) ||
                            !same_value(x->to.last[d], own_coordinate(e, d))))
            return exchange_refuse(
                e, call,
                exchange_print(e, "core %s sends to cores %s: they receive from others as well",
                               core_text(e, x->core), range_text(e, &x->to)),
                x->choice, "these cores send", "every core has one sender: send along the line of this one");
    return true;
}

/* ---- how many ---- */

/* What the sender's condition says is at most zero where it holds (or not); NULL: nothing. */
static const struct polynomial *guard_fact(struct exchanges *e, const struct exchange *x, bool sends) {
    const struct condition *c = x->sender.guard;
    bool holds = x->sender.holds == sends;
    for (; c && c->kind == CONDITION_NOT; c = c->a)
        holds = !holds;
    if (!c || c->kind != CONDITION_AT_MOST_ZERO)
        return NULL;
    struct values *v = &e->walk->values;
    return holds ? c->p : difference_of(v, number(v, 1), c->p);
}

/* The fact says that a product is at least 1, and no factor is below 0: neither is any of them 0. */
static bool by_a_factor(struct exchanges *e, const struct polynomial *p, const struct polynomial *limit,
                        const struct polynomial *fact) {
    struct values *v = &e->walk->values;
    bool product = fact->count == 2 && fact->terms[0].degree > 1 && fact->terms[0].factor < 0 &&
                   !fact->terms[1].degree && fact->terms[1].factor > 0;
    for (size_t i = 0; product && i < fact->terms[0].degree; i++) {
        const struct polynomial *above =
            difference_of(v, atom_value(v, fact->terms[0].atoms[i]), number(v, 1));
        if (prove_quietly(e->walk, sum_of(v, p, above), limit))
            return true;
    }
    return false;
}

/* p <= limit, also by a fact: a number that is at most 0. */
static bool at_most(struct exchanges *e, const struct polynomial *p, const struct polynomial *limit,
                    const struct polynomial *fact) {
    return prove_quietly(e->walk, p, limit) ||
           (fact && (prove_quietly(e->walk, difference_of(&e->walk->values, p, fact), limit) ||
                     by_a_factor(e, p, limit, fact)));
}

/* With the operand of every minimum and maximum that it is, where that is known. */
static const struct polynomial *decided(struct exchanges *e, const struct polynomial *p,
                                        const struct polynomial *fact) {
    struct values *v = &e->walk->values;
    for (size_t i = 0; p && i < p->count; i++) {
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            size_t index = p->terms[i].atoms[j];
            const struct atom *atom = &v->atoms[index];
            bool least = atom->kind == ATOM_MINIMUM;
            if (!least && atom->kind != ATOM_MAXIMUM)
                continue;
            const struct polynomial *is = at_most(e, atom->a, atom->b, fact)   ? (least ? atom->a : atom->b)
                                          : at_most(e, atom->b, atom->a, fact) ? (least ? atom->b : atom->a)
                                                                               : NULL;
            if (is)
                return decided(e, replace_atom(v, p, index, is), fact);
        }
    }
    return p;
}

/* How many cores receive: the rectangle without the sender. */
static bool count_receivers(struct exchanges *e, struct exchange *x) {
    struct values *v = &e->walk->values;
    const struct polynomial *count = number(v, 1), *one = number(v, 1), *fact = guard_fact(e, x, true);
    bool inside = true, outside = false;
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *first = x->to.first[d],
                                *last = x->to.last[d] = decided(e, x->to.last[d], fact);
        count = product_of(v, count, sum_of(v, difference_of(v, last, first), one));
        if (!x->core[d])
            continue;
        inside = inside && at_most(e, first, x->core[d], fact) && at_most(e, x->core[d], last, fact);
        outside = outside || at_most(e, sum_of(v, x->core[d], one), first, fact) ||
                  at_most(e, sum_of(v, last, one), x->core[d], fact);
    }
    x->receivers = inside ? difference_of(v, count, one) : outside ? count : NULL;
    return x->receivers != NULL;
}

static bool check_number(struct exchanges *e, const struct exchange *x, const struct event_item *call,
                         const struct polynomial *said, const char *does) {
    struct values *v = &e->walk->values;
    const struct polynomial *distance =
        difference_of(v, decided(e, said, guard_fact(e, x, true)), x->receivers);
    int64_t number_said;
    bool one = known_number(said, &number_said) && number_said == 1;
    if (!distance || !(never_negative(distance) || never_positive(distance)))
        return exchange_undecided(
            e, call,
            exchange_print(e, "%s %s receivers are all that there are", does, value_text(e->walk, said)));
    if (!distance->count)
        return true;
    return exchange_refuse(e, call,
                           exchange_print(e, "%s %s receiver%s, but cores %s are %s without the sender", does,
                                          value_text(e->walk, said), one ? "" : "s", range_text(e, &x->to),
                                          value_text(e->walk, x->receivers)),
                           x->choice, exchange_print(e, "core %s sends", core_text(e, x->core)),
                           "count the cores of the rectangle without the sender");
}

/* ---- who waits is reached ---- */

static bool refuse_reach(struct exchanges *e, const struct exchange *x, const struct event_item *call,
                         const char *missed) {
    return exchange_refuse(e, x->receiver.steps[STEP_WAIT],
                           exchange_print(e, "cores of %s wait for %s, but it is sent to cores %s", missed,
                                          exchange_block(e, x), range_text(e, &x->to)),
                           call, "it is sent here", "the rectangle must have all cores that wait");
}

/* In a direction in which one core sends, the rectangle has all others that have iterations. */
static bool check_reach(struct exchanges *e, const struct exchange *x, const struct event_item *call) {
    struct values *v = &e->walk->values;
    const struct polynomial *fact = guard_fact(e, x, true), *zero = number(v, 0), *one = number(v, 1);
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *last = NULL, *first = x->to.first[d];
        int64_t from, to, sender;
        if (!x->core[d])
            continue;
        if (x->plane[d])
            last = difference_of(v, x->plane[d], one);
        else if (v->cores[d] > 0)
            last = number(v, v->cores[d] - 1);
        bool begins =
            at_most(e, first, zero, fact) || (same_value(x->core[d], zero) && at_most(e, first, one, fact));
        if (last && begins && at_most(e, last, x->to.last[d], fact))
            continue;
        bool known = !x->plane[d] && known_number(first, &from) && known_number(x->to.last[d], &to) &&
                     known_number(x->core[d], &sender);
        for (int64_t at = 0; known && at < v->cores[d]; at++)
            if (at != sender && (at < from || at > to))
                return refuse_reach(e, x, call, exchange_print(e, "%s %" PRId64, d ? "row" : "column", at));
        return exchange_undecided(e, call,
                                  exchange_print(e, "cores %s are all that wait for %s",
                                                 range_text(e, &x->to), exchange_block(e, x)));
    }
    return true;
}

/* Where the sender does not send, nobody waits. */
static bool check_guard(struct exchanges *e, const struct exchange *x, const struct event_item *call) {
    struct values *v = &e->walk->values;
    const struct polynomial *fact = guard_fact(e, x, false), *others = number(v, 1);
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *cores = v->cores[d] > 0 ? number(v, v->cores[d]) : NULL;
        if (x->core[d])
            others = product_of(v, others, x->plane[d] ? x->plane[d] : cores);
    }
    if (!x->sender.guard || (fact && others && at_most(e, others, number(v, 1), fact)))
        return true;
    return exchange_undecided(
        e, call, exchange_print(e, "%s is sent whenever others wait for it", exchange_block(e, x)));
}

bool check_rectangles(struct exchanges *e, struct exchange *x) {
    const struct event_item *const *s = x->sender.steps, *call = s[STEP_DATA] ? s[STEP_DATA] : s[STEP_FLAG];
    struct rectangle flag;
    if (!rectangle_of(e, call, &x->to) || !rectangle_of(e, s[STEP_FLAG], &flag))
        return exchange_undecided(e, call, "which cores a multicast goes to");
    for (size_t d = 0; d < 2; d++)
        if (!same_value(x->to.first[d], flag.first[d]) || !same_value(x->to.last[d], flag.last[d]))
            return exchange_refuse(e, s[STEP_FLAG],
                                   exchange_print(e, "%s goes to cores %s, but %s went to %s",
                                                  semaphore_label(s[STEP_FLAG]), range_text(e, &flag),
                                                  exchange_block(e, x), range_text(e, &x->to)),
                                   call, "it is sent here", "block and flag must go to the same cores");
    if (!check_line(e, x, call))
        return false;
    if (!count_receivers(e, x))
        return exchange_undecided(e, call, "whether the sender is among the cores that it sends to");
    if (!check_reach(e, x, call) || !check_guard(e, x, call))
        return false;
    return (!s[STEP_DATA] || check_number(e, x, s[STEP_DATA], s[STEP_DATA]->core->receivers, "sends to")) &&
           check_number(e, x, s[STEP_FLAG], s[STEP_FLAG]->core->receivers, "sends to") &&
           check_number(e, x, s[STEP_WAIT], s[STEP_WAIT]->core->value, "waits for");
}
