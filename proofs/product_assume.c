/* Numbers and conditions under the assumptions of a run: that an iteration is run, that a condition holds or
 * not. */
#include "proofs/product_internal.h"

enum { USE_LIMIT = 4 }; /* assumptions for one number */

/* What an assumption says is at most zero; NULL when it says no such thing. */
static const struct polynomial *assumed(struct symbolic_run *r, const struct assumption *a) {
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

/* q <= 0 bounds its latest atom by the others: p with the atom at this bound, where that makes it no smaller.
 */
static const struct polynomial *with_assumption(struct symbolic_run *r, const struct polynomial *p,
                                                const struct polynomial *q) {
    struct values *v = r->values;
    const struct polynomial *factor, *rest, *of_p, *rest_of_p;
    size_t atom = latest_atom(q);
    int64_t sign;
    if (atom == ATOM_LIMIT || !linear_in_atom(v, q, atom, &factor, &rest) || !known_number(factor, &sign) ||
        (sign != 1 && sign != -1) || !linear_in_atom(v, p, atom, &of_p, &rest_of_p) || !of_p->count ||
        !(sign > 0 ? never_negative(of_p) : never_positive(of_p)))
        return p;
    const struct polynomial *bound = sign > 0 ? difference_of(v, number(v, 0), rest) : rest;
    const struct polynomial *greater = sum_of(v, product_of(v, of_p, bound), rest_of_p);
    return greater ? greater : p;
}

/* With some assumptions used already. */
static bool at_most_zero_by(struct symbolic_run *r, const struct polynomial *p, uint32_t used) {
    struct values *v = r->values;
    r->steps--;
    if (prove_quietly(r->walk, p, number(v, 0)))
        return true;
    for (size_t i = r->assumption_count; i-- > 0 && r->steps > 0 && __builtin_popcount(used) < USE_LIMIT;) {
        const struct assumption *a = &r->assumptions[i];
        const struct polynomial *q = assumed(r, a), *greater = used >> i & 1 ? p : with_assumption(r, p, q);
        if ((greater != p && at_most_zero_by(r, greater, used | UINT32_C(1) << i)) ||
            (q && prove_quietly(r->walk, p, q)))
            return true;
        if (a->leaf->kind == CONDITION_ZERO && a->holds &&
            (prove_quietly(r->walk, p, a->leaf->p) ||
             prove_quietly(r->walk, sum_of(v, p, a->leaf->p), number(v, 0))))
            return true;
    }
    return false;
}

bool entails_at_most_zero(struct symbolic_run *r, const struct polynomial *p) {
    return p && at_most_zero_by(r, p, 0);
}

bool entails_at_least(struct symbolic_run *r, const struct polynomial *p, int64_t least) {
    return entails_at_most_zero(r, difference_of(r->values, number(r->values, least), p));
}

static int leaf_truth(struct symbolic_run *r, const struct condition *leaf) {
    struct values *v = r->values;
    int64_t known;
    for (size_t i = 0; i < r->assumption_count; i++)
        if (r->assumptions[i].leaf->kind == leaf->kind && same_value(r->assumptions[i].leaf->p, leaf->p))
            return r->assumptions[i].holds;
    if (leaf->kind == CONDITION_ZERO) {
        if (known_number(leaf->p, &known))
            return known == 0;
        const struct polynomial *opposite = difference_of(v, number(v, 0), leaf->p);
        return entails_at_least(r, leaf->p, 1) || entails_at_least(r, opposite, 1) ? 0 : -1;
    }
    return entails_at_most_zero(r, leaf->p) ? 1 : entails_at_least(r, leaf->p, 1) ? 0 : -1;
}

int entailed_truth(struct symbolic_run *r, const struct condition *c) {
    int a, b, decides = c->kind == CONDITION_OR;
    switch (c->kind) {
    case CONDITION_NOT:
        a = entailed_truth(r, c->a);
        return a < 0 ? a : !a;
    case CONDITION_AND:
    case CONDITION_OR:
        a = entailed_truth(r, c->a);
        b = a == decides ? a : entailed_truth(r, c->b);
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

const struct condition *iterations_condition(struct symbolic_run *r, const struct event_item *loop,
                                             int64_t least) {
    struct values *v = r->values;
    struct condition leaf = {.kind = CONDITION_AT_MOST_ZERO,
                             .p = difference_of(v, number(v, least), loop->trips)};
    return leaf.p ? arena_copy(v->arena, &leaf, sizeof leaf) : NULL;
}

bool loop_has_iterations(struct symbolic_run *r, const struct event_item *loop, int64_t least) {
    const struct condition *leaf = iterations_condition(r, loop, least);
    return leaf && entailed_truth(r, leaf) == 1;
}
