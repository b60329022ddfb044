/* Run-time checks: p <= limit as a condition on the sizes of a launch, with everything that varies within it
 * at the end of its range where p is greatest. */
#include <inttypes.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "proofs/internal.h"
#include "proofs/prove.h"

enum { STEP_LIMIT = 64 };

struct search {
    struct walk *walk;
    int steps; /* left */
};

/* ---- numbers of sizes as expressions ---- */

static struct node *polynomial_node(struct walk *w, const struct polynomial *p);

static struct node *atom_node(struct walk *w, const struct atom *atom) {
    struct arena *arena = w->compilation->arena;
    if (atom->kind == ATOM_SIZE)
        return make_reference(arena, atom->name);
    struct values *v = &w->values;
    struct node *a = polynomial_node(w, atom->a), *b = polynomial_node(w, atom->b);
    int64_t divisor;
    const struct polynomial *dividend = difference_of(v, atom->a, difference_of(v, atom->b, number(v, 1)));
    if (atom->kind == ATOM_QUOTIENT && known_number(atom->b, &divisor) && dividend &&
        never_negative(dividend))
        return make_ceildiv(arena, polynomial_node(w, dividend), b); /* (x + b - 1) / b */
    switch (atom->kind) {
    case ATOM_MINIMUM:
        return make_min(arena, a, b);
    case ATOM_MAXIMUM:
        return make_max(arena, a, b);
    case ATOM_QUOTIENT:
        return make_div(arena, a, b);
    default:
        return make_mod(arena, a, b);
    }
}

static struct node *polynomial_node(struct walk *w, const struct polynomial *p) {
    struct arena *arena = w->compilation->arena;
    struct node *sum = NULL;
    for (size_t i = 0; i < p->count; i++) {
        int64_t factor = p->terms[i].factor, size = factor < 0 ? -factor : factor;
        struct node *term = NULL;
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            struct node *one = atom_node(w, &w->values.atoms[p->terms[i].atoms[j]]);
            term = term ? make_mul(arena, term, one) : one;
        }
        if (!term || size != 1)
            term = term ? make_mul(arena, term, make_integer(arena, size)) : make_integer(arena, size);
        if (!sum)
            sum = factor < 0 ? make_sub(arena, make_integer(arena, 0), term) : term;
        else
            sum = factor < 0 ? make_sub(arena, sum, term) : make_add(arena, sum, term);
    }
    return sum ? sum : make_integer(arena, 0);
}

struct node *size_as_sum(struct compilation *compilation, struct node *size) {
    struct walk *w = walk_create(compilation);
    struct launch_place place = walk_enter_launch(w);
    const struct polynomial *p = evaluate_number(w, size);
    walk_leave_launch(w, place);
    int64_t constant = 0;
    for (size_t i = 0; p && i < p->count; i++)
        if (p->terms[i].degree == 0)
            constant = p->terms[i].factor;
    const struct polynomial *rest = difference_of(&w->values, p, number(&w->values, constant));
    return rest ? make_add(compilation->arena, make_integer(compilation->arena, constant),
                           polynomial_node(w, rest))
                : size;
}

/* a <= b, where p is a - b and both have no minus; 1 where it always holds, NULL where it never does. */
static struct node *comparison(struct walk *w, const struct polynomial *p) {
    struct values *v = &w->values;
    const struct polynomial *left = number(v, 0), *right = left;
    int64_t value;
    if (known_number(p, &value))
        return value <= 0 ? make_integer(w->compilation->arena, 1) : NULL;
    for (size_t i = 0; i < p->count; i++) {
        const struct polynomial *term = number(v, p->terms[i].factor);
        for (size_t j = 0; j < p->terms[i].degree; j++)
            term = product_of(v, term, atom_value(v, p->terms[i].atoms[j]));
        if (p->terms[i].factor > 0)
            left = sum_of(v, left, term);
        else
            right = difference_of(v, right, term);
    }
    if (!left || !right)
        return NULL;
    return make_binary(w->compilation->arena, BINARY_LESS_EQUAL, polynomial_node(w, left),
                       polynomial_node(w, right));
}

/* ---- without what varies ---- */

static size_t latest_varying(struct values *v, const struct polynomial *p) {
    size_t latest = ATOM_LIMIT;
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            size_t index = p->terms[i].atoms[j];
            if (!is_of_sizes(v, atom_value(v, index)) && (latest == ATOM_LIMIT || index > latest))
                latest = index;
        }
    return latest;
}

static struct node *condition(struct search *search, const struct polynomial *p);

static struct node *joined(struct search *search, enum binary_operator op, struct node *a, struct node *b) {
    bool either = op == BINARY_OR;
    if (a && b && (a->kind == NODE_INTEGER || b->kind == NODE_INTEGER))
        return (a->kind == NODE_INTEGER) == either ? a : b;
    if (either && (!a || !b))
        return a ? a : b;
    return a && b ? make_binary(search->walk->compilation->arena, op, a, b) : NULL;
}

/* factor * atom + rest <= 0 */
struct latest_atom {
    const struct atom *atom;
    const struct polynomial *factor, *rest;
};

static struct node *with_bound(struct search *search, const struct latest_atom *p,
                               const struct polynomial *bound) {
    struct values *v = &search->walk->values;
    const struct polynomial *sum = sum_of(v, product_of(v, p->factor, bound), p->rest);
    return sum ? condition(search, sum) : NULL;
}

static struct node *without_atom(struct search *search, const struct latest_atom *p, bool rising) {
    struct values *v = &search->walk->values;
    const struct atom *atom = p->atom;
    const struct polynomial *one = number(v, 1), *zero = number(v, 0);
    bool minimum = atom->kind == ATOM_MINIMUM;
    size_t start;
    switch (atom->kind) {
    case ATOM_LOOP:
        return with_bound(search, p,
                          rising ? difference_of(v, upper_when_run(v, atom->a, atom->b), one) : atom->a);
    case ATOM_INDEX:
        return with_bound(search, p, rising ? difference_of(v, atom->extents[atom->position], one) : zero);
    case ATOM_CORE:
        return with_bound(search, p, rising ? number(v, v->cores[atom->position] - 1) : zero);
    case ATOM_START:
        return with_bound(search, p, rising ? v->points : zero);
    case ATOM_COUNT:
        start = atom_find(v, &(struct atom){.kind = ATOM_START, .name = "start_id"});
        return with_bound(search, p, rising ? difference_of(v, v->points, atom_value(v, start)) : zero);
    case ATOM_MINIMUM:
    case ATOM_MAXIMUM:
        return joined(search, minimum == rising ? BINARY_OR : BINARY_AND, with_bound(search, p, atom->a),
                      with_bound(search, p, atom->b));
    case ATOM_REMAINDER:
        return with_bound(search, p, rising ? difference_of(v, atom->b, one) : zero);
    case ATOM_QUOTIENT:
        return rising ? NULL : with_bound(search, p, zero);
    default:
        return NULL;
    }
}

/* A condition that makes p <= 0; NULL when none is found. */
static struct node *condition(struct search *search, const struct polynomial *p) {
    struct values *v = &search->walk->values;
    if (search->steps-- <= 0)
        return NULL;
    size_t latest = latest_varying(v, p);
    if (latest == ATOM_LIMIT)
        return comparison(search->walk, p);
    struct latest_atom found = {.atom = &v->atoms[latest]};
    if (!linear_in_atom(v, p, latest, &found.factor, &found.rest))
        return NULL;
    bool rising = never_negative(found.factor);
    return rising || never_positive(found.factor) ? without_atom(search, &found, rising) : NULL;
}

/* ---- the list ---- */

static const char *fresh_name(struct walk *w, const char *name) {
    const char *fresh = name;
    for (int i = 2; dictionary_get(w->compilation->checks, fresh); i++)
        fresh = arena_printf(w->compilation->arena, "%s_%d", name, i);
    return fresh;
}

static bool same_condition(struct walk *w, const struct node *condition) {
    struct node_dictionary *checks = node_as(w->compilation->checks, dictionary);
    for (size_t i = 0; checks && i < checks->entries.count; i++)
        if (node_equal(node_as(checks->entries.items[i], attribute)->value, condition))
            return true;
    return false;
}

static void add_check(struct walk *w, struct span span, const char *name, struct node *holds) {
    w->open++;
    holds->span = span;
    if (!same_condition(w, holds))
        w->compilation->checks =
            dictionary_set(w->compilation->arena, w->compilation->checks, fresh_name(w, name), holds);
}

bool walk_check(struct walk *w, struct span span, const char *name, const struct polynomial *p,
                const struct polynomial *limit) {
    struct search search = {.walk = w, .steps = STEP_LIMIT};
    const struct polynomial *excess = difference_of(&w->values, p, limit);
    struct node *holds = excess ? condition(&search, excess) : NULL;
    if (!holds || holds->kind == NODE_INTEGER || w->quiet)
        return holds != NULL;
    add_check(w, span, name, holds);
    return true;
}

void walk_check_sign(struct walk *w, struct span span, const char *name) {
    struct arena *arena = w->compilation->arena;
    struct node *holds =
        make_binary(arena, BINARY_LESS_EQUAL, make_integer(arena, 0), make_reference(arena, name));
    add_check(w, span, arena_printf(arena, "sign_of_%s", name), holds);
}
