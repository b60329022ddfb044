/* Is a number at most another, whenever the walk comes here? Proved by replacing atoms, the latest first, by
 * what bounds them; refuted by a launch and an iteration of the loops at hand, tried at the ends of their
 * ranges. */
#include <inttypes.h>
#include <string.h>

#include "ir/build.h"
#include "proofs/fact.h"
#include "proofs/internal.h"

/* ---- ranges in literals ---- */

#define UNBOUNDED (INT64_MAX / 4)

static int64_t greatest(const struct values *v, const struct polynomial *p, bool greatest_wanted);

const struct polynomial *upper_when_run(struct values *v, const struct polynomial *lower,
                                        const struct polynomial *upper) {
    const struct atom *atom =
        upper && upper->count == 1 && upper->terms[0].degree == 1 && upper->terms[0].factor == 1
            ? &v->atoms[upper->terms[0].atoms[0]]
            : NULL;
    if (!atom || atom->kind != ATOM_MAXIMUM || !lower)
        return upper;
    const struct polynomial *a = difference_of(v, lower, atom->a), *b = difference_of(v, lower, atom->b);
    return never_negative(a)   ? upper_when_run(v, lower, atom->b)
           : never_negative(b) ? upper_when_run(v, lower, atom->a)
                               : upper;
}

static int64_t loop_last(const struct values *v, const struct atom *loop) {
    int64_t upper = greatest(v, loop->b, true), lower;
    if (upper >= UNBOUNDED || !known_number(loop->a, &lower) || lower >= upper)
        return upper >= UNBOUNDED ? UNBOUNDED : upper - 1;
    return lower + (upper - 1 - lower) / loop->step * loop->step;
}

static int64_t atom_greatest(const struct values *v, const struct atom *atom) {
    int64_t a, b;
    switch (atom->kind) {
    case ATOM_LOOP:
        return loop_last(v, atom);
    case ATOM_INDEX:
        a = greatest(v, atom->extents[atom->position], true);
        return a >= UNBOUNDED ? UNBOUNDED : a - 1;
    case ATOM_MINIMUM:
    case ATOM_MAXIMUM:
        a = greatest(v, atom->a, true);
        b = greatest(v, atom->b, true);
        return (atom->kind == ATOM_MINIMUM) == (a < b) ? a : b;
    case ATOM_QUOTIENT:
        a = greatest(v, atom->a, true);
        return a >= UNBOUNDED || !known_number(atom->b, &b) || b < 1 ? UNBOUNDED : a / b;
    case ATOM_REMAINDER:
        b = greatest(v, atom->b, true);
        return b >= UNBOUNDED ? UNBOUNDED : b - 1;
    case ATOM_CORE:
        return v->cores[atom->position] > 0 ? v->cores[atom->position] - 1 : UNBOUNDED;
    default:
        return UNBOUNDED;
    }
}

static int64_t atom_least(const struct values *v, const struct atom *atom) {
    int64_t least = 0, a, b;
    switch (atom->kind) {
    case ATOM_SIZE:
        least = atom->positive;
        break;
    case ATOM_LOOP:
        least = greatest(v, atom->a, false);
        break;
    case ATOM_MINIMUM:
    case ATOM_MAXIMUM:
        a = greatest(v, atom->a, false);
        b = greatest(v, atom->b, false);
        least = (atom->kind == ATOM_MINIMUM) == (a < b) ? a : b;
        break;
    case ATOM_QUOTIENT:
        a = greatest(v, atom->a, false);
        least = a > 0 && known_number(atom->b, &b) && b > 0 ? a / b : 0;
        break;
    default:
        break;
    }
    return least > 0 ? least : 0;
}

/* The greatest (least) value by its parts alone; UNBOUNDED (-UNBOUNDED) when there is none. */
static int64_t greatest(const struct values *v, const struct polynomial *p, bool wanted) {
    int64_t sum = 0, bound = wanted ? UNBOUNDED : -UNBOUNDED;
    if (!p)
        return bound;
    for (size_t i = 0; i < p->count; i++) {
        int64_t product = p->terms[i].factor;
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            const struct atom *atom = &v->atoms[p->terms[i].atoms[j]];
            bool rising = (p->terms[i].factor > 0) == wanted;
            int64_t factor = rising ? atom_greatest(v, atom) : atom_least(v, atom);
            if (factor >= UNBOUNDED || __builtin_mul_overflow(product, factor, &product))
                return bound;
        }
        if (__builtin_add_overflow(sum, product, &sum) || sum >= UNBOUNDED || sum <= -UNBOUNDED)
            return bound;
    }
    return sum;
}

bool literal_range(struct walk *walk, const struct polynomial *p, int64_t *least, int64_t *most) {
    *least = greatest(&walk->values, p, false);
    *most = greatest(&walk->values, p, true);
    return *least > -UNBOUNDED && *most < UNBOUNDED;
}

/* ---- proofs ---- */

/* A proof that p <= 0, for p times `scale`: p is whole, so scale * p <= scale - 1 is enough. */
struct bound_search {
    struct values *values;
    int steps; /* left */
};

static bool at_most_zero(struct bound_search *search, const struct polynomial *p, int64_t scale);

/* The latest atom before `end`; ATOM_LIMIT when there is none. */
static size_t latest_atom(const struct polynomial *p, size_t end) {
    size_t latest = ATOM_LIMIT;
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = 0; j < p->terms[i].degree; j++)
            if (p->terms[i].atoms[j] < end && (latest == ATOM_LIMIT || p->terms[i].atoms[j] > latest))
                latest = p->terms[i].atoms[j];
    return latest;
}

/* factor * atom + rest, where the atom is bounded. */
struct bounded_atom {
    const struct atom *atom;
    const struct polynomial *factor, *rest;
    int64_t scale;
};

static bool with_bound(struct bound_search *search, const struct bounded_atom *p,
                       const struct polynomial *bound) {
    struct values *v = search->values;
    return bound && at_most_zero(search, sum_of(v, product_of(v, p->factor, bound), p->rest), p->scale);
}

/* By what the atom is at most (at least), by its parts alone. */
static bool with_literal(struct bound_search *search, const struct bounded_atom *p, bool rising) {
    int64_t bound = rising ? atom_greatest(search->values, p->atom) : atom_least(search->values, p->atom);
    return bound < UNBOUNDED && with_bound(search, p, number(search->values, bound));
}

static const struct polynomial *less_one(struct values *v, const struct polynomial *p) {
    return difference_of(v, p, number(v, 1));
}

/* factor * floor(a / b) + rest, by times b: (a - b + 1) / b <= floor(a / b) <= a / b. */
static bool quotient_bounded(struct bound_search *search, const struct bounded_atom *p, bool rising) {
    struct values *v = search->values;
    const struct polynomial *a = rising ? p->atom->a : difference_of(v, p->atom->a, less_one(v, p->atom->b));
    int64_t scale, divisor;
    if (!known_number(p->atom->b, &divisor) || __builtin_mul_overflow(p->scale, divisor, &scale))
        return false;
    return at_most_zero(search, sum_of(v, product_of(v, p->factor, a), product_of(v, p->rest, p->atom->b)),
                        scale);
}

/* What a core's share may have, from where it starts. */
static const struct polynomial *points_from_start(struct values *v) {
    size_t start = atom_find(v, &(struct atom){.kind = ATOM_START, .name = "start_id"});
    return difference_of(v, v->points, atom_value(v, start));
}

static bool without_atom(struct bound_search *search, const struct bounded_atom *p) {
    struct values *v = search->values;
    const struct atom *atom = p->atom;
    bool rising = never_negative(p->factor);
    switch (atom->kind) {
    case ATOM_LOOP:
        return with_bound(search, p, rising ? less_one(v, upper_when_run(v, atom->a, atom->b)) : atom->a) ||
               with_literal(search, p, rising);
    case ATOM_INDEX:
        return with_bound(search, p,
                          rising ? less_one(v, upper_when_run(v, number(v, 0), atom->extents[atom->position]))
                                 : number(v, 0));
    case ATOM_START:
        return with_bound(search, p, rising ? v->points : number(v, 0));
    case ATOM_COUNT:
        return with_bound(search, p, rising ? points_from_start(v) : number(v, 0));
    case ATOM_CORE:
        return with_literal(search, p, rising);
    case ATOM_MINIMUM:
        if (rising)
            return with_bound(search, p, atom->a) || with_bound(search, p, atom->b);
        return (with_bound(search, p, atom->a) && with_bound(search, p, atom->b)) ||
               with_literal(search, p, false);
    case ATOM_MAXIMUM:
        if (rising)
            return with_bound(search, p, atom->a) && with_bound(search, p, atom->b);
        return with_bound(search, p, atom->a) || with_bound(search, p, atom->b);
    case ATOM_QUOTIENT:
        return quotient_bounded(search, p, rising) || with_literal(search, p, rising);
    case ATOM_REMAINDER:
        return with_bound(search, p, rising ? less_one(v, atom->b) : number(v, 0));
    default:
        return !rising && with_literal(search, p, false);
    }
}

/* p <= most, which is not below 0, whatever its atoms are: only its literal may be above 0. */
static bool never_above(const struct polynomial *p, int64_t most) {
    for (size_t i = 0; i < p->count; i++)
        if (p->terms[i].factor > (p->terms[i].degree ? 0 : most))
            return false;
    return true;
}

static bool at_most_zero(struct bound_search *search, const struct polynomial *p, int64_t scale) {
    struct values *v = search->values;
    struct bounded_atom bounded = {.scale = scale};
    int64_t value;
    if (!p || search->steps-- <= 0)
        return false;
    if (known_number(p, &value))
        return value < scale;
    if (never_above(p, scale - 1))
        return true;
    /* An atom whose factor has no sign yet waits for the atoms in it. */
    for (size_t at = latest_atom(p, ATOM_LIMIT); at != ATOM_LIMIT; at = latest_atom(p, at)) {
        bounded.atom = &v->atoms[at];
        if (linear_in_atom(v, p, at, &bounded.factor, &bounded.rest) &&
            (never_negative(bounded.factor) || never_positive(bounded.factor)))
            return without_atom(search, &bounded);
    }
    return false;
}

/* Whatever the launch and the iterations of loops are: nothing but p is looked at, so it is asked once. */
static bool never_above_zero(struct values *v, struct polynomial *p) {
    if (p->never_above_zero == NOT_ASKED) {
        struct bound_search search = {.values = v, .steps = 400};
        p->never_above_zero = greatest(v, p, true) <= 0 || at_most_zero(&search, p, 1) ? SHOWN : NOT_SHOWN;
    }
    return p->never_above_zero == SHOWN;
}

bool never_below_zero(struct values *v, const struct polynomial *p) {
    struct polynomial *negated = (struct polynomial *)difference_of(v, number(v, 0), p);
    return negated && never_above_zero(v, negated);
}

/* ---- witnesses ---- */

static atom_number atom_at;

bool witness_value(struct witness *w, const struct polynomial *p, int64_t *value) {
    return polynomial_number(p, atom_at, w, value);
}

static int iteration_of_loop(const struct witness *w, size_t atom) {
    for (size_t i = 0; i < w->local_count; i++)
        if (w->locals[i] == atom)
            return (int)(w->local_iterations >> i & 1);
    for (size_t i = 0; i < w->walk->loop_count; i++)
        if (w->walk->loops[i].atom == atom)
            return (int)(w->iterations >> 2 * i & 3);
    return 1;
}

static bool loop_at(struct witness *w, size_t index, int64_t *value) {
    const struct atom *atom = &w->walk->values.atoms[index];
    int64_t lower, upper;
    if (!witness_value(w, atom->a, &lower) || !witness_value(w, atom->b, &upper) || lower < 0 ||
        upper <= lower)
        return false;
    int64_t last = lower + (upper - 1 - lower) / atom->step * atom->step;
    int iteration = iteration_of_loop(w, index);
    *value = iteration == 0 ? lower : iteration == 1 ? last : lower + atom->step;
    return *value <= last && (iteration != 2 || *value < last);
}

static bool atom_now(struct witness *w, size_t index, int64_t *value) {
    const struct atom *atom = &w->walk->values.atoms[index];
    int64_t a, b;
    switch (atom->kind) {
    case ATOM_SIZE:
        *value = size_of_sample(w->walk, w->sample, index);
        return true; /* every sample is at least 1 */
    case ATOM_START:
    case ATOM_CORE:
        *value = 0;
        return true;
    case ATOM_COUNT:
        return witness_value(w, w->walk->values.points, value); /* one core may have them all */
    case ATOM_LOOP:
        return loop_at(w, index, value);
    case ATOM_INDEX:
        return index_number(atom, atom_at, w, value);
    case ATOM_POINTER:
    case ATOM_NOC:
    case ATOM_SEMAPHORE:
        return false;
    default:
        break;
    }
    return witness_value(w, atom->a, &a) && witness_value(w, atom->b, &b) && a >= 0 && b >= 0 &&
           atom_operate(atom->kind, a, b, value);
}

static bool atom_at(void *context, size_t index, int64_t *value) {
    struct witness *w = context;
    if (!w->known[index])
        w->known[index] = atom_now(w, index, &w->value[index]) ? 1 : -1;
    *value = w->value[index];
    return w->known[index] > 0;
}

/* 1 true, 0 false, -1 not known. */
static int condition_at(struct witness *w, struct node *condition) {
    struct node_binary *binary = node_as(condition, binary);
    struct node_unary *unary = node_as(condition, unary);
    int64_t left, right, value;
    if (unary && unary->op == UNARY_NOT) {
        int operand = condition_at(w, unary->operand);
        return operand < 0 ? operand : !operand;
    }
    if (!binary)
        return -1;
    if (binary->op == BINARY_AND || binary->op == BINARY_OR) {
        int a = condition_at(w, binary->left), b = condition_at(w, binary->right);
        int decides = binary->op == BINARY_OR;
        return a == decides || b == decides ? decides : a < 0 || b < 0 ? -1 : !decides;
    }
    if (!witness_value(w, evaluate_number(w->walk, binary->left), &left) ||
        !witness_value(w, evaluate_number(w->walk, binary->right), &right))
        return -1;
    bool compares = binary->op >= BINARY_EQUAL && binary->op <= BINARY_GREATER_EQUAL;
    return compares && integer_operate(binary->op, left, right, &value) ? value != 0 : -1;
}

bool witness_comes_here(struct witness *w) {
    struct walk *walk = w->walk;
    struct launch_place place = walk_enter_launch(walk);
    struct node_list wanted = node_as(walk->compilation->kernel, kernel)->conditions;
    bool comes = true;
    int64_t value;
    for (size_t i = 0; comes && i < walk->loop_count; i++)
        comes = walk->loops[i].atom == ATOM_LIMIT || atom_at(w, walk->loops[i].atom, &value);
    for (size_t i = 0; comes && i < wanted.count; i++)
        comes = condition_at(w, wanted.items[i]) == 1;
    walk_leave_launch(walk, place);
    for (size_t i = 0; comes && i < walk->condition_count; i++) {
        walk->names = walk->conditions[i].names;
        comes = condition_at(w, walk->conditions[i].condition) == (walk->conditions[i].holds ? 1 : 0);
    }
    walk->names = place.names;
    return comes;
}

static const char *witness_text(struct witness *w) {
    struct walk *walk = w->walk;
    struct arena *arena = walk->compilation->arena;
    const char *text = "", *sizes = "";
    for (size_t i = 0; i < walk->loop_count; i++) {
        const struct open_loop *loop = &walk->loops[i];
        int64_t value;
        if (loop->atom != ATOM_LIMIT && atom_at(w, loop->atom, &value))
            text = arena_printf(arena, "%s%s%s = %" PRId64, text, *text ? ", " : "", loop->name, value);
    }
    for (size_t i = 0; i < walk->values.count; i++)
        if (walk->values.atoms[i].kind == ATOM_SIZE && w->known[i] > 0)
            sizes = arena_printf(arena, "%s%s%s = %" PRId64, sizes, *sizes ? ", " : "",
                                 walk->values.atoms[i].name, w->value[i]);
    return arena_printf(arena, "%s%s%s%s", *text ? " at " : "", text, *sizes ? " with " : "", sizes);
}

bool walk_has_sizes(const struct walk *walk) {
    for (size_t i = 0; i < walk->values.count; i++)
        if (walk->values.atoms[i].kind == ATOM_SIZE)
            return true;
    return false;
}

/* The next combination of iterations; false after the last. */
static bool next_iterations(const struct walk *walk, uint32_t *iterations, int choices) {
    for (size_t i = 0; i < walk->loop_count && i < 16; i++) {
        if (walk->loops[i].atom == ATOM_LIMIT)
            continue;
        uint32_t iteration = *iterations >> 2 * i & 3;
        *iterations &= ~(UINT32_C(3) << 2 * i);
        if ((int)iteration + 1 < choices) {
            *iterations |= (iteration + 1) << 2 * i;
            return true;
        }
    }
    return false;
}

void witness_begin(struct witness *w, struct walk *walk, int sample, uint32_t iterations) {
    w->walk = walk;
    w->sample = sample;
    w->iterations = iterations;
    w->local_iterations = 0;
    w->local_count = 0;
    memset(w->known, 0, walk->values.count);
}

/* Do the loops whose variable stands for one value have that iteration? Asked of a copy: what only this needs
 * is not part of the message. */
static bool known_iterations_come(const struct witness *w) {
    struct witness *copy = arena_copy(w->walk->compilation->arena, w, sizeof *w);
    int64_t left;
    for (size_t i = 0; i < w->walk->loop_count; i++)
        if (w->walk->loops[i].left && !(witness_value(copy, w->walk->loops[i].left, &left) && left > 0))
            return false;
    return true;
}

bool find_witness(struct walk *walk, witness_test *test, void *context) {
    struct witness *w = arena_allocate(walk->compilation->arena, sizeof *w);
    size_t loops = 0;
    for (size_t i = 0; i < walk->loop_count; i++)
        loops += walk->loops[i].atom != ATOM_LIMIT;
    for (int sample = 0; sample < (walk_has_sizes(walk) ? SAMPLE_COUNT : 1); sample++) {
        uint32_t iterations = 0;
        do {
            witness_begin(w, walk, sample, iterations);
            if (witness_comes_here(w) && test(w, context) && known_iterations_come(w)) {
                walk->witness = witness_text(w);
                return true;
            }
        } while (next_iterations(walk, &iterations, loops > 4 ? 2 : 3));
    }
    return false;
}

static bool is_positive(struct witness *w, void *context) {
    int64_t value;
    bool positive = witness_value(w, context, &value) && value > 0;
    w->walk->excess = positive ? value : 0;
    return positive;
}

enum verdict prove_at_most(struct walk *walk, const struct polynomial *p, const struct polynomial *limit) {
    struct polynomial *excess = (struct polynomial *)difference_of(&walk->values, p, limit);
    walk->witness = "";
    if (!excess)
        return UNDECIDED;
    if (never_above_zero(&walk->values, excess))
        return PROVED;
    if (walk->quiet)
        return UNDECIDED;
    if (find_witness(walk, is_positive, excess))
        return REFUTED;
    return prove_guarded(walk, guard_here(walk), p, limit) ? PROVED : UNDECIDED;
}
