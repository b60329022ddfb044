/* Sums of products of whole numbers: their normal form, and what a name is multiplied by. */
#include "transforms/index_sum.h"

#include <string.h>

#include "ir/build.h"
#include "ir/format.h"

static bool same_factors(const struct index_term *a, const struct index_term *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = node_equal(a->factors[i], b->factors[i]);
    return same;
}

static bool sum_add(struct index_sum *sum, struct index_term term) {
    size_t at = 0;
    while (at < sum->count && !same_factors(&sum->terms[at], &term))
        at++;
    if (at == sum->count) {
        if (!term.times)
            return true;
        if (sum->count == SUM_TERMS)
            return false;
        sum->terms[sum->count++] = term;
        return true;
    }
    if (__builtin_add_overflow(sum->terms[at].times, term.times, &sum->terms[at].times))
        return false;
    if (!sum->terms[at].times) {
        memmove(&sum->terms[at], &sum->terms[at + 1], (sum->count - at - 1) * sizeof *sum->terms);
        sum->count--;
    }
    return true;
}

static bool term_times(struct arena *arena, struct index_term a, const struct index_term *b,
                       struct index_term *product) {
    *product = a;
    if (__builtin_mul_overflow(a.times, b->times, &product->times) || a.count + b->count > SUM_FACTORS)
        return false;
    for (size_t i = 0; i < b->count; i++) {
        size_t at = product->count++;
        const char *text = node_text(arena, b->factors[i]);
        for (; at > 0 && strcmp(node_text(arena, product->factors[at - 1]), text) > 0; at--)
            product->factors[at] = product->factors[at - 1];
        product->factors[at] = b->factors[i];
    }
    return true;
}

static bool add_times(struct index_sum *sum, const struct index_sum *other, int64_t times) {
    for (size_t i = 0; i < other->count; i++) {
        struct index_term term = other->terms[i];
        if (__builtin_mul_overflow(term.times, times, &term.times) || !sum_add(sum, term))
            return false;
    }
    return true;
}

static bool sum_of_binary(struct arena *arena, struct node_binary *binary, struct index_sum *sum) {
    struct index_sum left, right;
    if (!index_sum_of(arena, binary->left, &left) || !index_sum_of(arena, binary->right, &right))
        return false;
    if (binary->op != BINARY_MULTIPLY)
        return add_times(sum, &left, 1) && add_times(sum, &right, binary->op == BINARY_ADD ? 1 : -1);
    for (size_t i = 0; i < left.count; i++)
        for (size_t k = 0; k < right.count; k++) {
            struct index_term product;
            if (!term_times(arena, left.terms[i], &right.terms[k], &product) || !sum_add(sum, product))
                return false;
        }
    return true;
}

bool index_sum_of(struct arena *arena, struct node *expression, struct index_sum *sum) {
    struct node_binary *binary = node_as(expression, binary);
    struct node_unary *unary = node_as(expression, unary);
    int64_t value;
    sum->count = 0;
    if (integer_value(expression, &value))
        return sum_add(sum, (struct index_term){.times = value});
    if (binary && (binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT || binary->op == BINARY_MULTIPLY))
        return sum_of_binary(arena, binary, sum);
    if (unary && unary->op == UNARY_NEGATE) {
        struct index_sum operand;
        return index_sum_of(arena, unary->operand, &operand) && add_times(sum, &operand, -1);
    }
    return sum_add(sum, (struct index_term){.times = 1, .factors = {expression}, .count = 1});
}

/* A term without its sign. */
static struct node *term_node(struct arena *arena, const struct index_term *term) {
    int64_t times = term->times < 0 ? -term->times : term->times;
    struct node *product = make_integer(arena, times);
    for (size_t i = 0; i < term->count; i++)
        product = i == 0 && times == 1 ? term->factors[0] : make_mul(arena, product, term->factors[i]);
    return product;
}

static struct node *node_with_term(struct arena *arena, struct node *sum, const struct index_term *term) {
    struct node *product = term_node(arena, term), *zero = make_integer(arena, 0);
    if (term->times < 0)
        return make_binary(arena, BINARY_SUBTRACT, sum ? sum : zero, product);
    return sum ? make_add(arena, sum, product) : product;
}

/* What is added stands before what is taken away, and the constant last; it stands first where nothing else is added. */
struct node *index_sum_node(struct arena *arena, const struct index_sum *sum) {
    const struct index_term *constant = NULL;
    struct node *node = NULL;
    for (size_t i = 0; i < sum->count; i++)
        if (!sum->terms[i].count)
            constant = &sum->terms[i];
        else if (sum->terms[i].times > 0)
            node = node_with_term(arena, node, &sum->terms[i]);
    if (!node && constant && constant->times > 0) {
        node = term_node(arena, constant);
        constant = NULL;
    }
    for (size_t i = 0; i < sum->count; i++)
        if (sum->terms[i].count && sum->terms[i].times < 0)
            node = node_with_term(arena, node, &sum->terms[i]);
    node = constant ? node_with_term(arena, node, constant) : node;
    return node ? node : make_integer(arena, 0);
}

struct node *index_tidied(struct arena *arena, struct node *expression) {
    struct index_sum sum;
    return index_sum_of(arena, expression, &sum)
               ? node_with_span(arena, index_sum_node(arena, &sum), expression->span)
               : expression;
}

bool index_equal(struct arena *arena, struct node *a, struct node *b) {
    struct index_sum sum;
    return index_sum_of(arena, make_binary(arena, BINARY_SUBTRACT, a, b), &sum) && sum.count == 0;
}

bool index_sum_take(struct arena *arena, struct index_sum *sum, const char *name, struct node **times) {
    struct index_sum taken = {.count = 0}, left = {.count = 0};
    for (size_t i = 0; i < sum->count; i++) {
        struct index_term term = sum->terms[i];
        size_t count = 0;
        for (size_t k = 0; k < sum->terms[i].count; k++) {
            struct node_reference *reference = node_as(sum->terms[i].factors[k], reference);
            bool here = reference && strcmp(reference->name, name) == 0;
            if (here && !count++) {
                memmove(&term.factors[k], &term.factors[k + 1], (term.count - k - 1) * sizeof *term.factors);
                term.count--;
            } else if (mentions(sum->terms[i].factors[k], name)) {
                return false;
            }
        }
        if (!sum_add(count ? &taken : &left, term))
            return false;
    }
    *times = index_sum_node(arena, &taken);
    *sum = left;
    return true;
}

struct node *index_lifted(struct arena *arena, struct node *node) {
    struct node_binary *quotient = node_as(node, binary);
    struct index_sum sum, taken = {.count = 0}, lifted = {.count = 0};
    int64_t divisor;
    if (!quotient || (quotient->op != BINARY_DIVIDE && quotient->op != BINARY_REMAINDER) ||
        !integer_value(quotient->right, &divisor) || divisor <= 0 || !index_sum_of(arena, quotient->left, &sum))
        return node;
    for (size_t i = 0; i < sum.count; i++) {
        struct index_term term = sum.terms[i];
        if (term.times > 0)
            continue;
        /* As few times the divisor as a constant needs, as often as a name counts. */
        term.times = term.count ? -term.times : (-term.times + divisor - 1) / divisor;
        if (!sum_add(&taken, term))
            return node;
    }
    if (!taken.count || !add_times(&lifted, &sum, 1) || !add_times(&lifted, &taken, divisor))
        return node;
    struct node *above = index_sum_node(arena, &lifted);
    struct node *whole = quotient->op == BINARY_REMAINDER
                             ? make_mod(arena, above, quotient->right)
                             : make_sub(arena, make_div(arena, above, quotient->right),
                                        index_sum_node(arena, &taken));
    return node_with_span(arena, whole, node->span);
}
