/* Facts where the walk stands: guards, launch conditions and ranges of loops as alternatives, and proofs
 * from them. */
#include "proofs/fact.h"

#include "ir/build.h"
#include "proofs/internal.h"

/* ---- conditions ---- */

static struct alternatives *alternatives_new(struct walk *w) {
    struct alternatives *made = arena_allocate(w->compilation->arena, sizeof *made);
    made->known = true;
    made->count = 0;
    return made;
}

static struct alternatives *always(struct walk *w) {
    struct alternatives *made = alternatives_new(w);
    made->count = 1;
    made->items[0].count = 0;
    return made;
}

static struct alternatives *unknown(struct walk *w) {
    struct alternatives *made = always(w);
    made->known = false;
    return made;
}

static bool add_fact(struct facts *facts, const struct polynomial *fact) {
    if (!fact || facts->count == FACT_LIMIT)
        return false;
    facts->items[facts->count++] = fact;
    return true;
}

struct alternatives *both_hold(struct walk *w, const struct alternatives *a, const struct alternatives *b) {
    struct alternatives *made = alternatives_new(w);
    made->known = a->known && b->known;
    if (a->count * b->count > ALTERNATIVE_LIMIT)
        return unknown(w);
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++) {
            struct facts *facts = &made->items[made->count++];
            *facts = a->items[i];
            for (size_t k = 0; k < b->items[j].count; k++)
                if (!add_fact(facts, b->items[j].items[k]))
                    return unknown(w);
        }
    return made;
}

/* The two exclude each other. */
static struct alternatives *either(struct walk *w, const struct alternatives *a,
                                   const struct alternatives *b) {
    struct alternatives *made = alternatives_new(w);
    if (!a->known || !b->known || a->count + b->count > ALTERNATIVE_LIMIT)
        return unknown(w);
    for (size_t i = 0; i < a->count; i++)
        made->items[made->count++] = a->items[i];
    for (size_t i = 0; i < b->count; i++)
        made->items[made->count++] = b->items[i];
    return made;
}

struct alternatives *fact_alternative(struct walk *w, const struct polynomial *fact) {
    struct alternatives *made = always(w);
    return add_fact(&made->items[0], fact) ? made : unknown(w);
}

/* a - b - more >= 0 */
static struct alternatives *exceeds(struct walk *w, const struct polynomial *a, const struct polynomial *b,
                                    int64_t more) {
    struct values *v = &w->values;
    return fact_alternative(w, difference_of(v, difference_of(v, a, b), number(v, more)));
}

static struct alternatives *compared(struct walk *w, enum binary_operator op, const struct polynomial *a,
                                     const struct polynomial *b) {
    switch (op) {
    case BINARY_LESS:
        return exceeds(w, b, a, 1);
    case BINARY_LESS_EQUAL:
        return exceeds(w, b, a, 0);
    case BINARY_GREATER:
        return exceeds(w, a, b, 1);
    case BINARY_GREATER_EQUAL:
        return exceeds(w, a, b, 0);
    case BINARY_EQUAL:
        return both_hold(w, exceeds(w, a, b, 0), exceeds(w, b, a, 0));
    case BINARY_NOT_EQUAL:
        return either(w, exceeds(w, a, b, 1), exceeds(w, b, a, 1));
    default:
        return unknown(w);
    }
}

static enum binary_operator opposite(enum binary_operator op) {
    switch (op) {
    case BINARY_LESS:
        return BINARY_GREATER_EQUAL;
    case BINARY_LESS_EQUAL:
        return BINARY_GREATER;
    case BINARY_GREATER:
        return BINARY_LESS_EQUAL;
    case BINARY_GREATER_EQUAL:
        return BINARY_LESS;
    case BINARY_EQUAL:
        return BINARY_NOT_EQUAL;
    case BINARY_NOT_EQUAL:
        return BINARY_EQUAL;
    default:
        return op;
    }
}

struct alternatives *condition_alternatives(struct walk *w, struct node *condition, bool holds) {
    struct node_binary *binary = node_as(condition, binary);
    struct node_unary *unary = node_as(condition, unary);
    if (unary && unary->op == UNARY_NOT)
        return condition_alternatives(w, unary->operand, !holds);
    if (!binary)
        return unknown(w);
    bool conjunction = binary->op == BINARY_AND, disjunction = binary->op == BINARY_OR;
    if (conjunction || disjunction) {
        struct alternatives *left = condition_alternatives(w, binary->left, holds),
                            *right = condition_alternatives(w, binary->right, holds);
        return conjunction == holds
                   ? both_hold(w, left, right)
                   : either(w, left, both_hold(w, condition_alternatives(w, binary->left, !holds), right));
    }
    return compared(w, holds ? binary->op : opposite(binary->op), evaluate_number(w, binary->left),
                    evaluate_number(w, binary->right));
}

struct alternatives *guard_here(struct walk *w) {
    const struct name_value *names = w->names;
    struct alternatives *guard = always(w);
    for (size_t i = 0; i < w->condition_count; i++) {
        w->names = w->conditions[i].names;
        guard = both_hold(w, guard,
                          condition_alternatives(w, w->conditions[i].condition, w->conditions[i].holds));
    }
    w->names = names;
    return guard;
}

/* ---- what is known ---- */

/* Sizes have 32 bits: larger numbers say little of them, and spoil facts that are combined with theirs. */
static bool has_wide_factor(const struct polynomial *fact) {
    for (size_t i = 0; i < fact->count; i++)
        if (fact->terms[i].factor < INT32_MIN || fact->terms[i].factor > INT32_MAX)
            return true;
    return false;
}

/* Conditions have a sign, and atoms of the proofs are at least 0: may one that is made of others be below it?
 */
static bool has_sign(struct values *v, const struct polynomial *p) {
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            const struct atom atom = v->atoms[p->terms[i].atoms[j]];
            if (atom.kind < ATOM_MINIMUM || atom.kind > ATOM_REMAINDER)
                continue;
            bool a = !never_below_zero(v, atom.a), b = !never_below_zero(v, atom.b);
            if ((atom.kind == ATOM_MAXIMUM     ? a && b
                 : atom.kind == ATOM_REMAINDER ? b
                                               : a || b) ||
                has_sign(v, atom.a) || has_sign(v, atom.b))
                return true;
        }
    return false;
}

/* Something to count with: not where a number has a sign, nor where no number of at least 0 fulfils it, since
 * then it is of a scalar below 0, with which no function counts. */
static bool is_of_counts(struct values *v, const struct polynomial *fact) {
    return !has_sign(v, fact) && !never_below_zero(v, difference_of(v, number(v, -1), fact));
}

static void condition_facts(struct walk *w, struct facts *facts, struct node *condition) {
    struct alternatives *holds = condition_alternatives(w, condition, true);
    for (size_t i = 0; holds->known && holds->count == 1 && i < holds->items[0].count; i++) {
        const struct polynomial *fact = holds->items[0].items[i];
        if (!has_wide_factor(fact) && is_of_counts(&w->values, fact))
            add_fact(facts, fact);
    }
}

/* The only result; NULL where there are more, of which one at least has elements. */
static struct node_parameter *only_result(const struct node_kernel *kernel) {
    struct node_parameter *result = NULL;
    for (size_t i = 0; i < kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(kernel->parameters.items[i], parameter);
        if (!parameter->dimensions.count || parameter->direction == DIRECTION_IN)
            continue;
        if (result)
            return NULL;
        result = parameter;
    }
    return result;
}

void launch_facts(struct walk *w, struct facts *facts) {
    struct node_kernel *kernel = node_as(w->compilation->kernel, kernel);
    struct launch_place place = walk_enter_launch(w);
    struct values *v = &w->values;
    for (size_t i = 0; i < kernel->conditions.count; i++)
        condition_facts(w, facts, kernel->conditions.items[i]);
    struct node_parameter *result = only_result(kernel);
    for (size_t i = 0; result && i < result->dimensions.count; i++)
        add_fact(facts, difference_of(v, evaluate_number(w, result->dimensions.items[i]), number(v, 1)));
    walk_leave_launch(w, place);
}

/* Every loop around has this iteration, and every block number its block. */
static void iteration_facts(struct walk *w, struct facts *facts, const struct polynomial *p) {
    struct values *v = &w->values;
    for (size_t i = 0; i < w->loop_count; i++) {
        if (w->loops[i].left)
            add_fact(facts, difference_of(v, w->loops[i].left, number(v, 1)));
        if (w->loops[i].atom == ATOM_LIMIT)
            continue;
        const struct atom *loop = &v->atoms[w->loops[i].atom];
        const struct polynomial *upper = upper_when_run(v, loop->a, loop->b);
        add_fact(facts, difference_of(v, difference_of(v, upper, loop->a), number(v, 1)));
    }
    for (size_t i = 0; i < v->count; i++)
        if (v->atoms[i].kind == ATOM_INDEX && depends_on_atom(v, p, i))
            add_fact(facts, difference_of(v, v->atoms[i].extents[v->atoms[i].position], number(v, 1)));
}

/* product - 1 >= 0: no factor is 0. */
static void open_product(struct walk *w, struct facts *facts, const struct polynomial *fact) {
    struct values *v = &w->values;
    if (fact->count != 2 || fact->terms[0].degree < 2 || fact->terms[0].factor < 1 || fact->terms[1].degree ||
        fact->terms[1].factor >= 0)
        return;
    for (size_t j = 0; j < fact->terms[0].degree; j++)
        add_fact(facts, difference_of(v, atom_value(v, fact->terms[0].atoms[j]), number(v, 1)));
}

/* atom - k >= 0 for a literal k above 0: of max(x, 0) that x is as large, of a quotient that its dividend is.
 */
static void open_atom(struct walk *w, struct facts *facts, const struct polynomial *fact) {
    struct values *v = &w->values;
    int64_t divisor;
    if (fact->count != 2 || fact->terms[0].degree != 1 || fact->terms[0].factor != 1 ||
        fact->terms[1].degree || fact->terms[1].factor >= 0)
        return;
    size_t index = fact->terms[0].atoms[0];
    const struct atom atom = v->atoms[index];
    const struct polynomial *least = number(v, -fact->terms[1].factor);
    if (atom.kind == ATOM_MAXIMUM) {
        const struct polynomial *value = atom_value(v, index), *same = upper_when_run(v, number(v, 0), value);
        if (same != value)
            add_fact(facts, difference_of(v, same, least));
    } else if (atom.kind == ATOM_QUOTIENT && known_number(atom.b, &divisor)) {
        add_fact(facts, difference_of(v, atom.a, product_of(v, least, atom.b)));
    }
}

/* A minimum that is large has large arms, a maximum that is small has small ones. */
static void open_arms(struct walk *w, struct facts *facts) {
    struct values *v = &w->values;
    for (size_t i = 0; i < facts->count; i++) {
        const struct polynomial *fact = facts->items[i];
        open_product(w, facts, fact);
        open_atom(w, facts, fact);
        for (size_t j = 0; j < fact->count; j++) {
            const struct monomial *term = &fact->terms[j];
            const struct atom atom = v->atoms[term->degree == 1 ? term->atoms[0] : 0];
            if (term->degree != 1 || atom.kind != (term->factor > 0 ? ATOM_MINIMUM : ATOM_MAXIMUM))
                continue;
            const struct polynomial *factor = number(v, term->factor),
                                    *rest = difference_of(
                                        v, fact, product_of(v, factor, atom_value(v, term->atoms[0])));
            add_fact(facts, sum_of(v, rest, product_of(v, factor, atom.a)));
            add_fact(facts, sum_of(v, rest, product_of(v, factor, atom.b)));
        }
    }
}

/* p + factor * fact <= 0, where that fact (at least 0) cancels a term of p. `depth`: facts to take at most.
 */
static bool proved_with(struct walk *w, const struct facts *facts, size_t first, const struct polynomial *p,
                        int depth) {
    struct values *v = &w->values;
    const struct polynomial *zero = number(v, 0);
    if (prove_quietly(w, p, zero))
        return true;
    for (size_t i = first; depth > 0 && p && i < facts->count; i++) {
        const struct polynomial *fact = facts->items[i];
        int64_t tried = 0;
        for (size_t j = 0; j < fact->count; j++)
            for (size_t k = 0; k < p->count; k++) {
                int64_t factor = -p->terms[k].factor / fact->terms[j].factor;
                if (!same_product(&fact->terms[j], &p->terms[k]) || factor < 1 || factor == tried)
                    continue;
                tried = factor;
                if (proved_with(w, facts, i + 1, sum_of(v, p, product_of(v, fact, number(v, factor))),
                                depth - 1))
                    return true;
            }
    }
    return false;
}

/* p <= 0 for either arm of a minimum that p falls with: it is one of them. */
static bool proved_by_arms(struct walk *w, const struct facts *facts, const struct polynomial *p) {
    struct values *v = &w->values;
    for (size_t i = 0; i < p->count; i++) {
        const struct monomial *term = &p->terms[i];
        const struct atom atom = v->atoms[term->degree == 1 ? term->atoms[0] : 0];
        if (term->degree == 1 && term->factor < 0 && atom.kind == ATOM_MINIMUM)
            return proved_with(w, facts, 0, replace_atom(v, p, term->atoms[0], atom.a), 3) &&
                   proved_with(w, facts, 0, replace_atom(v, p, term->atoms[0], atom.b), 3);
    }
    return false;
}

bool prove_guarded(struct walk *w, const struct alternatives *guard, const struct polynomial *p,
                   const struct polynomial *limit) {
    const struct polynomial *excess = difference_of(&w->values, p, limit);
    if (!excess || prove_quietly(w, p, limit))
        return excess != NULL;
    for (size_t i = 0; i < guard->count; i++) {
        struct facts facts = guard->items[i];
        launch_facts(w, &facts);
        iteration_facts(w, &facts, excess);
        open_arms(w, &facts);
        if (!proved_with(w, &facts, 0, excess, 3) && !proved_by_arms(w, &facts, excess))
            return false;
    }
    return true;
}

const struct alternatives *possible_alternatives(struct walk *w, const struct alternatives *a) {
    struct values *v = &w->values;
    struct alternatives *possible = alternatives_new(w);
    possible->known = a->known;
    for (size_t i = 0; i < a->count; i++) {
        struct alternatives one = {.known = true, .count = 1, .items = {a->items[i]}};
        bool holds = true;
        for (size_t j = 0; j < a->items[i].count && holds && a->known; j++)
            holds = !prove_guarded(w, &one, a->items[i].items[j], number(v, -1));
        if (holds)
            possible->items[possible->count++] = a->items[i];
    }
    return possible;
}

bool alternatives_mention(const struct values *v, const struct alternatives *a, size_t atom) {
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < a->items[i].count; j++)
            if (depends_on_atom(v, a->items[i].items[j], atom))
                return true;
    return false;
}

const struct polynomial *joined_value(struct walk *w, const struct polynomial *a,
                                      const struct polynomial *b) {
    struct values *v = &w->values;
    const struct polynomial *one = number(v, 1);
    if (same_value(a, b) || !a || !b || !w->join_condition)
        return same_value(a, b) ? a : NULL;
    const struct alternatives *met = condition_alternatives(w, w->join_condition, true);
    const struct polynomial *fact =
        met->known && met->count == 1 && met->items[0].count == 1 ? met->items[0].items[0] : NULL;
    if (!fact || !prove_guarded(w, guard_here(w), number(v, -1), fact))
        return NULL;
    return sum_of(v, b, product_of(v, difference_of(v, a, b), minimum_of(v, sum_of(v, fact, one), one)));
}
