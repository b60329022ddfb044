/* Sizes: what may stand in them, and their normal form, sums of terms with whole coefficients, so that
 * H + 2 - 2 - 1 + 1 is H. */
#include "grammar/resolve.h"
#include "ir/size.h"

/* ---- what a launch knows ---- */

/* The first scalar of a float type in the number, NULL when it has none. */
static struct node_reference *find_float(struct resolver *r, struct node *number) {
    for_each (reference, reference, number) {
        struct entity *entity = lookup_quietly(r, reference->name);
        if (entity && entity->kind == ENTITY_SCALAR && dtype_is_float(entity->dtype))
            return reference;
    }
    return NULL;
}

bool check_known_to_launch(struct resolver *r, struct node *node, const char *what, struct span span) {
    const struct node *unfit = size_unfit_part(node);
    struct node_reference *scalar = find_float(r, node);
    if (!unfit && !scalar)
        return true;
    struct span place = unfit ? unfit->span : scalar->base.span;
    report_error(r->diagnostics, place.line ? place : span,
                 "%s is worked out before the launch, from sizes and whole numbers, and %s is neither", what,
                 unfit ? node_text(r->arena, unfit) : lookup_quietly(r, scalar->name)->source);
    report_help(
        r->diagnostics, (struct span){0},
        "sizes, parameters of type index and whole literals stand there, with + - * / %%, comparisons, min, "
        "max, abs, select, ceildiv and out");
    return false;
}

/* ---- the normal form ---- */

enum { MOST_TERMS = 32 };

struct size_sum {
    struct node *terms[MOST_TERMS];
    int64_t coefficients[MOST_TERMS];
    size_t count;
    int64_t constant;
    bool overflow;
};

static void add_term(struct size_sum *sum, struct node *term, int64_t coefficient) {
    for (size_t i = 0; i < sum->count; i++) {
        if (node_equal(sum->terms[i], term)) {
            sum->overflow |= __builtin_add_overflow(sum->coefficients[i], coefficient, &sum->coefficients[i]);
            return;
        }
    }
    if (sum->count == MOST_TERMS) {
        sum->overflow = true;
        return;
    }
    sum->terms[sum->count] = term;
    sum->coefficients[sum->count++] = coefficient;
}

static void add_size(struct resolver *r, struct size_sum *sum, struct node *size, int64_t coefficient);

/* A product with a number is a coefficient; any other operation is a term of its own, with its operands in
 * normal form. */
static void add_operation(struct resolver *r, struct size_sum *sum, struct node_binary *binary,
                          int64_t coefficient) {
    struct node *left = size_normal_form(r, binary->left), *right = size_normal_form(r, binary->right), *made;
    int64_t factor;
    switch (binary->op) {
    case BINARY_MULTIPLY:
        if (integer_value(left, &factor) || integer_value(right, &factor)) {
            sum->overflow |= __builtin_mul_overflow(coefficient, factor, &coefficient);
            add_size(r, sum, left->kind == NODE_INTEGER ? right : left, coefficient);
            return;
        }
        made = make_mul(r->arena, left, right);
        break;
    case BINARY_DIVIDE:
        made = make_div(r->arena, left, right);
        break;
    case BINARY_REMAINDER:
        made = make_mod(r->arena, left, right);
        break;
    default:
        made = make_binary(r->arena, binary->op, left, right);
    }
    if (integer_value(made, &factor))
        add_size(r, sum, made, coefficient);
    else
        add_term(sum, made, coefficient);
}

static void add_size(struct resolver *r, struct size_sum *sum, struct node *size, int64_t coefficient) {
    struct node_integer *integer = node_as(size, integer);
    struct node_binary *binary = node_as(size, binary);
    struct node_unary *unary = node_as(size, unary);
    int64_t product, negative;
    if (integer) {
        sum->overflow |= __builtin_mul_overflow(integer->value, coefficient, &product);
        sum->overflow |= __builtin_add_overflow(sum->constant, product, &sum->constant);
    } else if (binary && (binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT)) {
        sum->overflow |= __builtin_sub_overflow((int64_t)0, coefficient, &negative);
        add_size(r, sum, binary->left, coefficient);
        add_size(r, sum, binary->right, binary->op == BINARY_ADD ? coefficient : negative);
    } else if (unary && unary->op == UNARY_NEGATE) {
        sum->overflow |= __builtin_sub_overflow((int64_t)0, coefficient, &negative);
        add_size(r, sum, unary->operand, negative);
    } else if (binary) {
        add_operation(r, sum, binary, coefficient);
    } else {
        add_term(sum, size, coefficient);
    }
}

/* Terms with a positive coefficient first, then the others, then the constant. */
static struct node *sum_node(struct arena *arena, const struct size_sum *sum) {
    struct node *result = NULL;
    for (int negative = 0; negative < 2; negative++) {
        for (size_t i = 0; i < sum->count; i++) {
            int64_t coefficient = sum->coefficients[i];
            if (coefficient == 0 || (coefficient < 0) != (negative == 1))
                continue;
            bool subtract = negative && result && coefficient != INT64_MIN;
            struct node *factor = make_integer(arena, subtract ? -coefficient : coefficient);
            struct node *term = coefficient == -1 && !result ? make_negation(arena, sum->terms[i])
                                                             : make_mul(arena, factor, sum->terms[i]);
            result = !result    ? term
                     : subtract ? make_sub(arena, result, term)
                                : make_add(arena, result, term);
        }
    }
    if (!result)
        return make_integer(arena, sum->constant);
    bool subtract = sum->constant < 0 && sum->constant != INT64_MIN;
    return subtract ? make_sub(arena, result, make_integer(arena, -sum->constant))
                    : make_add(arena, result, make_integer(arena, sum->constant));
}

struct node *size_normal_form(struct resolver *r, struct node *size) {
    struct size_sum sum = {0};
    struct node_binary *binary = node_as(size, binary);
    if (!binary && size->kind != NODE_UNARY)
        return size;
    bool comparison = binary && binary->op >= BINARY_EQUAL;
    if (comparison) {
        struct node *left = size_normal_form(r, binary->left), *right = size_normal_form(r, binary->right);
        return node_with_span(r->arena, make_binary(r->arena, binary->op, left, right), size->span);
    }
    add_size(r, &sum, size, 1);
    return sum.overflow ? size : node_with_span(r->arena, sum_node(r->arena, &sum), size->span);
}

/* ---- signs ---- */

/* A size, or a variable of a range that begins at 0 or later. */
static bool is_count(struct resolver *r, struct node *term) {
    struct node_reference *reference = node_as(term, reference);
    struct entity *entity = reference ? lookup_quietly(r, reference->name) : NULL;
    return entity && entity->name == reference->name && (entity->kind == ENTITY_SIZE || entity->counts);
}

bool size_parts(struct resolver *r, struct node *size, struct node **positive, struct node **negative) {
    struct size_sum sum = {0}, positives = {0}, negatives = {0};
    add_size(r, &sum, size, 1);
    if (sum.overflow || sum.constant < -INT32_MAX)
        return false;
    positives.constant = sum.constant > 0 ? sum.constant : 0;
    negatives.constant = sum.constant < 0 ? -sum.constant : 0;
    for (size_t i = 0; i < sum.count; i++) {
        if (!is_count(r, sum.terms[i]) || sum.coefficients[i] < -INT32_MAX)
            return false;
        bool below = sum.coefficients[i] < 0;
        add_term(below ? &negatives : &positives, sum.terms[i],
                 below ? -sum.coefficients[i] : sum.coefficients[i]);
    }
    *positive = sum_node(r->arena, &positives);
    *negative = sum_node(r->arena, &negatives);
    return true;
}
