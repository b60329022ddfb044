/* Which iteration writes an element: the subscripts of a target, solved for its loops one dimension after the other. */
#include "transforms/auto_tile_invert.h"

#include <string.h>

#include "analysis/box.h"
#include "ir/build.h"
#include "ir/query.h"
#include "transforms/index_sum.h"

struct node *all_of(struct arena *arena, size_t count, struct node *const *conditions) {
    struct node *all = NULL;
    for (size_t i = 0; i < count; i++)
        all = all ? make_binary(arena, BINARY_AND, all, conditions[i]) : conditions[i];
    return all;
}

static struct node *lower_of(const struct inversion *v, size_t d) {
    return v->cell->kind == CELL_TENSOR ? make_integer(v->n->arena, 0) : v->cell->dims[d].lower;
}

static struct node *upper_of(const struct inversion *v, size_t d) {
    return v->cell->kind == CELL_TENSOR
               ? relations_tensor(v->n->t->relations, v->cell->name)->dimensions.items[d]
               : v->cell->dims[d].upper;
}

static struct node *element(const struct inversion *v, size_t d) {
    return make_reference(v->n->arena, v->dims[d].name);
}

static void add_guard(struct inversion *v, enum binary_operator op, struct node *left, struct node *right) {
    struct arena *arena = v->n->arena;
    if (v->guard_count < GUARD_LIMIT)
        v->guards[v->guard_count++] =
            make_binary(arena, op, index_tidied(arena, left), index_tidied(arena, right));
}

static void set_place(struct inversion *v, size_t loop, struct node *at) {
    v->solved[loop] = true;
    v->places[v->place_count].loop = v->n->loops[loop].range.name;
    v->places[v->place_count++].at = index_tidied(v->n->arena, at);
}

/* The number, of loops that are not known yet, and of what is. */
static struct node *at_places(const struct inversion *v, struct node *number) {
    for (size_t i = 0; i < v->place_count; i++)
        number = substitute(v->n->arena, number, v->places[i].loop, v->places[i].at);
    return number;
}

static struct node *subscript_at(const struct inversion *v, size_t d) {
    return at_places(v, v->subscripts[d]);
}

/* The loops in the expression that are neither known nor folded. */
static size_t open_loops(const struct inversion *v, const struct node *expression, size_t *loops) {
    size_t count = 0;
    for (size_t i = v->cell->outer; i < v->n->loop_count; i++)
        if (!v->solved[i] && !v->folded[i] && mentions(expression, v->n->loops[i].range.name))
            loops[count++] = i;
    return count;
}

/* ---- one loop ---- */

/* p == rest + times * loop, times at least 1; down: p == rest - times * loop. */
static void solve_linear(struct inversion *v, size_t d, size_t loop, struct node *rest, struct node *times,
                         bool down) {
    struct arena *a = v->n->arena;
    const struct range *range = &v->n->loops[loop].range;
    struct node *p = element(v, d), *first = make_mul(a, times, range->lower),
                *end = make_mul(a, times, range->upper);
    int64_t factor;
    bool dense = integer_value(times, &factor) && factor == 1;
    if (down) {
        add_guard(v, BINARY_LESS_EQUAL, p, make_sub(a, rest, first));
        add_guard(v, BINARY_GREATER, p, make_sub(a, rest, end));
    } else {
        add_guard(v, BINARY_GREATER_EQUAL, p, make_add(a, rest, first));
        add_guard(v, BINARY_LESS, p, make_add(a, rest, end));
    }
    struct node *distance = index_tidied(a, down ? make_sub(a, rest, p) : make_sub(a, p, rest));
    int64_t constant;
    if (dense) {
        set_place(v, loop, distance);
    } else if (!down && integer_value(times, &factor) && integer_value(rest, &constant)) {
        int64_t quotient = (constant - ((constant % factor) + factor) % factor) / factor;
        add_guard(v, BINARY_EQUAL, make_mod(a, p, times), make_integer(a, constant - quotient * factor));
        set_place(v, loop, make_sub(a, make_div(a, p, times), make_integer(a, quotient)));
    } else {
        add_guard(v, BINARY_EQUAL, make_mod(a, distance, times), make_integer(a, 0));
        set_place(v, loop, make_div(a, distance, times));
    }
}

static bool solve_one(struct inversion *v, size_t d, struct node *subscript, size_t loop) {
    struct arena *a = v->n->arena;
    struct index_sum sum;
    struct node *times, *one = make_integer(a, 1);
    if (!index_sum_of(a, subscript, &sum) || !index_sum_take(a, &sum, v->n->loops[loop].range.name, &times))
        return false;
    struct node *rest = index_sum_node(a, &sum), *down = index_tidied(a, make_negation(a, times));
    if (relations_at_least(v->n->t->relations, times, one))
        solve_linear(v, d, loop, rest, times, false);
    else if (relations_at_least(v->n->t->relations, down, one))
        solve_linear(v, d, loop, rest, down, true);
    else
        return false;
    return true;
}

static bool solve_dimension(struct inversion *v, size_t d) {
    struct node *subscript = subscript_at(v, d);
    size_t loops[AXIS_LIMIT], count = open_loops(v, subscript, loops);
    if (count == 0)
        add_guard(v, BINARY_EQUAL, element(v, d), subscript);
    v->done[d] = count == 0 || (count == 1 && solve_one(v, d, subscript, loops[0]));
    return v->done[d];
}

/* ---- several loops in one dimension: b * M + i, with i below M ---- */

struct digit {
    size_t loop;
    struct node *times, *span; /* span: times * how many values it takes */
    bool down;                 /* it counts down: it is the last value of the loop less the loop */
};

/* The size that a condition of the kernel gives to a name, `P == B * M`; the name itself where there is none. */
static struct node *defined_size(const struct inversion *v, struct node *size) {
    struct node_list conditions = v->n->t->kernel->conditions;
    for (size_t i = 0; i < conditions.count; i++) {
        struct node_binary *equal = node_as(conditions.items[i], binary);
        if (equal && equal->op == BINARY_EQUAL && node_equal(equal->left, size))
            return equal->right;
    }
    return size;
}

static bool is_same_size(const struct inversion *v, struct node *a, struct node *b) {
    return index_equal(v->n->arena, a, b) || index_equal(v->n->arena, defined_size(v, a), defined_size(v, b)) ||
           relations_equal_sizes(v->n->t->relations, a, b);
}

static bool digit_of(const struct inversion *v, struct index_sum *sum, size_t loop, struct digit *digit) {
    const struct range *range = &v->n->loops[loop].range;
    int64_t lower;
    digit->loop = loop;
    if (!integer_value(range->lower, &lower) || lower != 0 ||
        !index_sum_take(v->n->arena, sum, range->name, &digit->times))
        return false;
    struct arena *a = v->n->arena;
    struct node *up = index_tidied(a, make_negation(a, digit->times));
    digit->down = relations_at_least(v->n->t->relations, up, make_integer(a, 0));
    if (digit->down) { /* -t * i is t * (last - i) - t * last */
        digit->times = up;
        struct node *last = make_sub(a, range->upper, make_integer(a, 1));
        if (!index_sum_of(a, make_sub(a, index_sum_node(a, sum), make_mul(a, up, last)), sum))
            return false;
    }
    digit->span = index_tidied(a, make_mul(a, digit->times, range->upper));
    return true;
}

/* Puts the digits in order, the one that counts single elements first; exact[i]: digit i + 1 begins where digit i ends. */
static bool order_digits(const struct inversion *v, struct digit *digits, size_t count, bool *exact) {
    struct node *end = make_integer(v->n->arena, 1);
    for (size_t i = 0; i < count; i++) {
        size_t found = count;
        for (size_t k = i; k < count && found == count; k++)
            if (is_same_size(v, digits[k].times, end))
                found = k;
        bool equal = found < count;
        for (size_t k = i; i > 0 && k < count && found == count; k++)
            if (relations_at_least(v->n->t->relations, digits[k].times, end))
                found = k;
        if (found == count)
            return false;
        if (i > 0)
            exact[i - 1] = equal;
        struct digit next = digits[found];
        digits[found] = digits[i];
        digits[i] = next;
        end = next.span;
    }
    return true;
}

/* b * (M + L) + M + i, with i below L: what is added stays within the lowest digit. */
static bool adds_within(const struct inversion *v, const struct digit *digits, struct node *rest) {
    struct arena *a = v->n->arena;
    return relations_at_least(v->n->t->relations, rest, make_integer(a, 0)) &&
           relations_at_least(v->n->t->relations, digits[1].times, make_add(a, rest, digits[0].span));
}

static bool solve_digits(struct inversion *v, size_t d) {
    struct arena *a = v->n->arena;
    struct node *subscript = subscript_at(v, d);
    size_t loops[AXIS_LIMIT], count = open_loops(v, subscript, loops);
    struct digit digits[AXIS_LIMIT];
    struct index_sum sum;
    bool exact[AXIS_LIMIT] = {false};
    if (count < 2 || !index_sum_of(a, subscript, &sum))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!digit_of(v, &sum, loops[i], &digits[i]))
            return false;
    if (!order_digits(v, digits, count, exact))
        return false;
    struct node *zero = make_integer(a, 0), *rest = index_sum_node(a, &sum), *p = element(v, d);
    bool within = sum.count > 0 && adds_within(v, digits, rest);
    struct node *first = within ? rest : zero; /* of the lowest digit */
    rest = within ? zero : rest;
    bool whole = (within || sum.count == 0) && v->cell->kind == CELL_TENSOR &&
                 is_same_size(v, digits[count - 1].span, upper_of(v, d));
    if (!whole) {
        add_guard(v, BINARY_GREATER_EQUAL, p, rest);
        add_guard(v, BINARY_LESS, p, make_add(a, rest, digits[count - 1].span));
    }
    struct node *left = index_tidied(a, make_sub(a, p, rest));
    for (size_t i = count; i-- > 0;) {
        struct node *at = i ? make_div(a, left, digits[i].times) : make_sub(a, left, first),
                    *upper = v->n->loops[digits[i].loop].range.upper;
        if (within && i == 0)
            add_guard(v, BINARY_GREATER_EQUAL, left, first);
        if (i + 1 < count && !exact[i])
            add_guard(v, BINARY_LESS, at, upper);
        set_place(v, digits[i].loop, digits[i].down ? make_sub(a, make_sub(a, upper, make_integer(a, 1)), at) : at);
        left = i ? make_mod(a, left, digits[i].times) : left;
    }
    v->done[d] = true;
    return true;
}

/* ---- all dimensions ---- */

/* Of several loops that may be folded the one with the most values is solved, and the others are folded; all are where a
 * subscript cannot be solved, as i / 2. */
static void fold_others(struct inversion *v) {
    size_t d = 0;
    while (d < v->rank && v->done[d])
        d++;
    size_t loops[AXIS_LIMIT], count = open_loops(v, subscript_at(v, d), loops), most = 0;
    int64_t extent = -1;
    for (size_t i = 0; i < count; i++) {
        int64_t upper;
        if (!integer_value(v->n->loops[loops[i]].range.upper, &upper))
            upper = INT64_MAX;
        most = upper > extent ? i : most;
        extent = upper > extent ? upper : extent;
    }
    for (size_t i = 0; i < count; i++)
        v->folded[loops[i]] = count == 1 || i != most;
}

/* A loop of one value is known: with fixed sizes, (a * B + b) * M + i may be a + b + i. */
static void solve_single_values(struct inversion *v) {
    for (size_t i = v->cell->outer; i < v->n->loop_count; i++) {
        const struct range *range = &v->n->loops[i].range;
        struct node *next = make_add(v->n->arena, range->lower, make_integer(v->n->arena, 1));
        if (!v->solved[i] && relations_equal_sizes(v->n->t->relations, range->upper, next))
            set_place(v, i, range->lower);
    }
}

static bool solve_all(struct inversion *v, bool folds) {
    solve_single_values(v);
    for (;;) {
        bool progress = false, complete = true;
        for (size_t d = 0; d < v->rank; d++)
            progress |= !v->done[d] && solve_dimension(v, d);
        for (size_t d = 0; d < v->rank && !progress; d++)
            progress |= !v->done[d] && solve_digits(v, d);
        for (size_t d = 0; d < v->rank; d++)
            complete &= v->done[d];
        if (complete)
            return true;
        if (!progress && !folds)
            return false;
        if (!progress)
            fold_others(v);
    }
}

/* A loop that runs over a whole dimension is an axis of the result as it stands. */
static bool take_loop(struct inversion *v, size_t d) {
    struct node_reference *reference = node_as(v->subscripts[d], reference);
    int loop = reference ? find_loop(v->n, reference->name) : -1;
    if (loop < (int)v->cell->outer || v->solved[loop])
        return false;
    const struct range *range = &v->n->loops[loop].range;
    if (!relations_equal_sizes(v->n->t->relations, range->lower, lower_of(v, d)) ||
        !relations_equal_sizes(v->n->t->relations, range->upper, upper_of(v, d)))
        return false;
    v->dims[d] = *range;
    v->solved[loop] = v->done[d] = true;
    return true;
}

static void new_dimension(struct inversion *v, size_t d) {
    const char *name = "p";
    for (size_t i = v->n->loop_count; i-- > v->cell->outer;)
        if (mentions(v->subscripts[d], v->n->loops[i].range.name))
            name = v->n->loops[i].range.name;
    v->dims[d] = (struct range){.name = axis_fresh(v->n->t, name),
                                .lower = lower_of(v, d),
                                .upper = upper_of(v, d),
                                .span = cell_place(v->n, v->subscripts[d]),
                                .statement = v->n->span};
    axis_declare(v->n->t, v->dims[d]);
}

struct node_list axes_mentioned(struct normaliser *n, const struct node *expression) {
    struct list_builder axes = {0};
    for (size_t i = 0; i < n->t->axis_count; i++) {
        const struct range *range = &n->t->axes[i];
        if (mentions(expression, range->name))
            builder_add(n->arena, &axes, make_axis(n->arena, range->name, range->lower, range->upper, NULL));
    }
    return builder_list(&axes);
}

/* A loop that no subscript gives, and a condition does: `if k == 3`. */
static bool solve_equal(struct inversion *v, struct node *condition) {
    struct node_binary *equal = node_as(condition, binary);
    if (equal && equal->op == BINARY_AND)
        return solve_equal(v, equal->left) || solve_equal(v, equal->right);
    for (int turn = 0; equal && equal->op == BINARY_EQUAL && turn < 2; turn++) {
        struct node_reference *reference = node_as(turn ? equal->right : equal->left, reference);
        struct node *value = at_places(v, turn ? equal->left : equal->right);
        int loop = reference ? find_loop(v->n, reference->name) : -1;
        size_t open[AXIS_LIMIT];
        if (loop < (int)v->cell->outer || v->solved[loop] || v->folded[loop] || find_kind(value, NODE_ACCESS) ||
            open_loops(v, value, open))
            continue;
        const struct range *range = &v->n->loops[loop].range;
        add_guard(v, BINARY_GREATER_EQUAL, value, range->lower);
        add_guard(v, BINARY_LESS, value, range->upper);
        set_place(v, (size_t)loop, value);
        return true;
    }
    return false;
}

/* Conditions are guards as well; those around the declaration of the cell hold wherever it is. */
static void take_conditions(struct inversion *v) {
    for (size_t i = v->cell->conditions; i < v->n->condition_count; i++)
        while (solve_equal(v, v->n->conditions[i]))
            ;
    v->first_condition = v->guard_count;
    for (size_t i = v->cell->conditions; i < v->n->condition_count && v->guard_count < GUARD_LIMIT; i++)
        v->guards[v->guard_count++] = v->n->conditions[i];
}

void inversion_settle(struct inversion *v) {
    struct arena *a = v->n->arena;
    struct node *all = all_of(a, v->guard_count, v->guards);
    struct node_list axes = all ? axes_mentioned(v->n, all) : (struct node_list){0};
    for (size_t i = 0; i < v->guard_count;) {
        struct node *guard = v->guards[i], *last = v->guards[v->guard_count - 1];
        struct node *broken = node_new(a, unary, UNARY, guard->span, .op = UNARY_NOT, .operand = guard);
        memmove(&v->guards[i], &v->guards[i + 1], (v->guard_count - i - 1) * sizeof *v->guards);
        v->guards[v->guard_count - 1] = broken;
        int64_t truth;
        bool never = (integer_value(guard, &truth) && truth) ||
                     box_never(v->n->t->relations, axes, all_of(a, v->guard_count, v->guards));
        v->guards[v->guard_count - 1] = last;
        if (never) {
            v->guard_count--;
            v->guards[v->guard_count] = NULL;
        } else {
            memmove(&v->guards[i + 1], &v->guards[i], (v->guard_count - i - 1) * sizeof *v->guards);
            v->guards[i++] = guard;
        }
    }
}

bool invert_target(struct inversion *v, struct normaliser *n, const struct node_access *target, bool folds) {
    *v = (struct inversion){.n = n, .cell = find_cell(n, target->name), .rank = target->subscripts.count};
    for (size_t i = 0; i < n->loop_count; i++)
        v->solved[i] = i < v->cell->outer || n->loops[i].first_only;
    for (size_t d = 0; d < v->rank; d++) {
        v->subscripts[d] = resolve(target->subscripts.items[d], n);
        if (n->t->failed)
            return false;
    }
    for (size_t d = 0; d < v->rank; d++)
        if (!take_loop(v, d))
            new_dimension(v, d);
    if (!solve_all(v, folds))
        return false;
    take_conditions(v);
    for (size_t i = v->cell->outer; i < n->loop_count; i++)
        v->folded[i] = !v->solved[i];
    return true;
}
