/* Proofs that a sum of products of loop variables, sizes and quotients is not negative: loops and quotients are put at their ends,
 * the innermost first, and what holds of sizes (`where`, ranges that are not empty) is taken off. */
#include "analysis/products.h"

#include <string.h>

#include <isl/val.h>

#include "analysis/affine.h"
#include "analysis/product_sum.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"

enum { ATOMS_LIMIT = 48, FACTS_LIMIT = 48, MOST_STEPS = 4000, MOST_FACTS_USED = 4, MOST_DEPTH = 40, MOST_NODES = 2000 };

static const int64_t UNBOUNDED = -1;

enum atom_kind { ATOM_SIZE, ATOM_LOOP, ATOM_QUOTIENT, ATOM_REMAINDER };

/* What an atom is made of has lower numbers. */
struct atom {
    enum atom_kind kind;
    const char *name;
    const struct node_axis *axis; /* of a loop */
    struct product_sum lower, upper;         /* of loops and remainders: lower <= it <= upper */
    struct product_sum numerator, divisor;   /* of a quotient; the divisor is at least 1 */
    size_t remainder;                       /* of a quotient: the atom beside it */
    int64_t least;                          /* it is no less than that; UNBOUNDED: that is not known */
};

/* A size, and what it is by a condition. While that is worked out it stands for itself, so that circles end. */
struct size {
    const char *name;
    struct product_sum value;
};

struct question {
    const struct relations *relations;
    const struct access_site *site;
    struct size sizes[ATOMS_LIMIT];
    size_t size_count;
    struct atom atoms[ATOMS_LIMIT];
    size_t atom_count;
    struct product_sum facts[FACTS_LIMIT]; /* each at least 0 */
    size_t fact_count;
    size_t steps, nodes; /* of proofs; read of expressions: bounded, as definitions may go in circles */
};

static struct product_sum value_of(struct question *q, const struct node *node, int depth);
static bool never_negative(struct question *q, const struct product_sum *p, int facts);

static const struct product_sum unknown = {.lost = true};

/* ---- expressions ---- */

static size_t new_atom(struct question *q, struct atom atom) {
    if (q->atom_count == ATOMS_LIMIT)
        return ATOMS_LIMIT;
    q->atoms[q->atom_count] = atom;
    return q->atom_count++;
}

static struct product_sum atom_value(size_t atom) {
    return atom == ATOMS_LIMIT ? unknown : product_sum_atom(atom);
}

static struct product_sum plus_number(const struct product_sum *p, int64_t value) {
    struct product_sum number = product_sum_number(value);
    return product_sum_add(p, &number, 1);
}

static struct product_sum loop_value(struct question *q, const struct node_axis *axis, int depth) {
    for (size_t i = 0; i < q->atom_count; i++)
        if (q->atoms[i].kind == ATOM_LOOP && q->atoms[i].axis == axis)
            return product_sum_atom(i);
    struct atom loop = {.kind = ATOM_LOOP, .name = axis->name, .axis = axis};
    loop.lower = value_of(q, axis->lower, depth);
    loop.upper = value_of(q, axis->upper, depth);
    loop.upper = plus_number(&loop.upper, -1);
    if (loop.lower.lost || loop.upper.lost)
        return unknown;
    loop.least = never_negative(q, &loop.lower, 0) ? 0 : UNBOUNDED;
    return atom_value(new_atom(q, loop));
}

/* `where P == B * M` says what P is; NULL where nothing does. A size that it is made of itself is none. */
static struct node *definition_of(const struct question *q, const char *name) {
    struct node_list conditions = q->relations->kernel->conditions;
    for (size_t i = 0; i < conditions.count; i++) {
        struct node_binary *equal = node_as(conditions.items[i], binary);
        struct node_reference *left = equal && equal->op == BINARY_EQUAL ? node_as(equal->left, reference) : NULL;
        if (left && strcmp(left->name, name) == 0 && !mentions(equal->right, name))
            return equal->right;
    }
    return NULL;
}

static bool is_scalar(const struct question *q, const char *name) {
    struct node_list parameters = q->relations->kernel->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!parameter->dimensions.count && strcmp(parameter->name, name) == 0)
            return true;
    }
    return false;
}

static struct product_sum size_value(struct question *q, const struct node_reference *reference, int depth) {
    if (!relations_is_size(q->relations, &reference->base))
        return unknown;
    for (size_t i = 0; i < q->size_count; i++)
        if (strcmp(q->sizes[i].name, reference->name) == 0)
            return q->sizes[i].value;
    if (q->size_count == ATOMS_LIMIT)
        return unknown;
    struct atom atom = {.kind = ATOM_SIZE, .name = reference->name, .least = is_scalar(q, reference->name) ? UNBOUNDED : 0};
    struct size *size = &q->sizes[q->size_count++];
    *size = (struct size){reference->name, atom_value(new_atom(q, atom))};
    struct node *definition = definition_of(q, reference->name);
    struct product_sum value = definition ? value_of(q, definition, depth) : unknown;
    if (!value.lost)
        size->value = value;
    return size->value;
}

/* As affine.c reads a name: loops, lets of numbers, sizes. */
static struct product_sum name_value(struct question *q, const struct node_reference *reference, int depth) {
    const struct scope *scope = q->site->scope;
    for (size_t i = scope->variable_count; i-- > 0;)
        if (scope->variables[i].part == PART_INDEX && strcmp(scope->variables[i].name, reference->name) == 0)
            return loop_value(q, scope->variables[i].axis, depth);
    for (size_t i = scope->let_count; i-- > 0;)
        if (strcmp(scope->lets[i]->name, reference->name) == 0)
            return value_of(q, scope->lets[i]->value, depth);
    return size_value(q, reference, depth);
}

/* Is it at least `least`? */
static bool is_at_least(struct question *q, const struct product_sum *p, int64_t least) {
    struct product_sum above = plus_number(p, -least);
    return never_negative(q, &above, 1);
}

/* The atom numerator / divisor. Before it stands numerator % divisor: a quotient is put at its ends first, so that divisor *
 * quotient + remainder is the numerator. */
static size_t division(struct question *q, const struct product_sum *numerator, const struct product_sum *divisor) {
    for (size_t i = 0; i < q->atom_count; i++)
        if (q->atoms[i].kind == ATOM_QUOTIENT && product_sum_equal(&q->atoms[i].numerator, numerator) &&
            product_sum_equal(&q->atoms[i].divisor, divisor))
            return i;
    if (q->atom_count + 2 > ATOMS_LIMIT)
        return ATOMS_LIMIT;
    struct atom remainder = {.kind = ATOM_REMAINDER, .upper = plus_number(divisor, -1)};
    struct atom quotient = {.kind = ATOM_QUOTIENT, .numerator = *numerator, .divisor = *divisor};
    quotient.least = is_at_least(q, numerator, 0) ? 0 : UNBOUNDED;
    quotient.remainder = new_atom(q, remainder);
    return new_atom(q, quotient);
}

/* floor(left / right), or what is left of it. Whole multiples of a divisor of one term come out of the quotient. */
static struct product_sum divided(struct question *q, const struct product_sum *left, const struct product_sum *right,
                                 bool remainder) {
    if (left->lost || right->lost || !is_at_least(q, right, 1))
        return unknown;
    struct product_sum whole = {0}, rest = *left, most = plus_number(right, -1);
    if (right->count == 1)
        product_sum_divide(left, &right->terms[0], &whole, &rest);
    most = product_sum_add(&most, &rest, -1);
    if (is_at_least(q, &rest, 0) && is_at_least(q, &most, 0))
        return remainder ? rest : whole;
    size_t at = division(q, &rest, right);
    if (at == ATOMS_LIMIT)
        return unknown;
    struct product_sum atom = product_sum_atom(remainder ? q->atoms[at].remainder : at);
    return remainder ? atom : product_sum_add(&whole, &atom, 1);
}

static struct product_sum binary_value(struct question *q, const struct node_binary *binary, int depth) {
    struct product_sum left = value_of(q, binary->left, depth), right = value_of(q, binary->right, depth);
    switch (binary->op) {
    case BINARY_ADD:
        return product_sum_add(&left, &right, 1);
    case BINARY_SUBTRACT:
        return product_sum_add(&left, &right, -1);
    case BINARY_MULTIPLY:
        return product_sum_multiply(&left, &right);
    case BINARY_DIVIDE:
    case BINARY_REMAINDER:
        return divided(q, &left, &right, binary->op == BINARY_REMAINDER);
    default:
        return unknown;
    }
}

static struct product_sum value_of(struct question *q, const struct node *node, int depth) {
    if (depth > MOST_DEPTH || q->nodes++ > MOST_NODES)
        return unknown;
    const struct node_call *ceildiv = size_call(node, SIZE_ceildiv);
    if (ceildiv) {
        struct product_sum left = value_of(q, ceildiv->arguments.items[0], depth + 1),
                          right = value_of(q, ceildiv->arguments.items[1], depth + 1);
        struct product_sum last = plus_number(&right, -1);
        left = product_sum_add(&left, &last, 1);
        return divided(q, &left, &right, false);
    }
    switch (node->kind) {
    case NODE_INTEGER:
        return product_sum_number(((const struct node_integer *)node)->value);
    case NODE_REFERENCE:
        return name_value(q, (const struct node_reference *)node, depth + 1);
    case NODE_BINARY:
        return binary_value(q, (const struct node_binary *)node, depth + 1);
    case NODE_UNARY:
        if (((const struct node_unary *)node)->op == UNARY_NEGATE) {
            struct product_sum zero = {0}, value = value_of(q, ((const struct node_unary *)node)->operand, depth + 1);
            return product_sum_add(&zero, &value, -1);
        }
        return unknown;
    default:
        return unknown;
    }
}

/* ---- proofs ---- */

static bool factors_count(const struct question *q, const struct product *term) {
    for (size_t i = 0; i < term->degree; i++)
        if (q->atoms[term->atoms[i]].least == UNBOUNDED)
            return false;
    return true;
}

/* Is every term at least 0, where an atom that has a least value is written as that and a count? */
static bool plainly_at_least_zero(const struct question *q, const struct product_sum *p) {
    struct product_sum moved = *p;
    for (size_t atom = 0; atom < q->atom_count && !moved.lost; atom++) {
        struct product_sum factor, rest;
        if (q->atoms[atom].least <= 0 || !product_sum_take(&moved, atom, &factor, &rest) || !factor.count)
            continue;
        struct product_sum raised = product_sum_atom(atom);
        raised = plus_number(&raised, q->atoms[atom].least);
        raised = product_sum_multiply(&factor, &raised);
        moved = product_sum_add(&rest, &raised, 1);
    }
    bool sound = !moved.lost;
    for (size_t i = 0; i < moved.count && sound; i++)
        sound = moved.terms[i].times >= 0 && factors_count(q, &moved.terms[i]);
    return sound;
}

/* The atom to put at its ends first: what others are made of comes later. */
static size_t last_atom(const struct question *q, const struct product_sum *p) {
    size_t last = ATOMS_LIMIT;
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->terms[i].degree; k++) {
            size_t atom = p->terms[i].atoms[k];
            if (q->atoms[atom].kind != ATOM_SIZE && (last == ATOMS_LIMIT || atom > last))
                last = atom;
        }
    return last;
}

static struct product_sum put(const struct product_sum *factor, const struct product_sum *rest,
                             const struct product_sum *value) {
    struct product_sum product = product_sum_multiply(factor, value);
    return product_sum_add(rest, &product, 1);
}

/* factor * (numerator / divisor) + rest, a whole number, is at least 0 where divisor times it is above -divisor. */
static bool quotient_at_ends(struct question *q, const struct atom *atom, const struct product_sum *factor,
                             const struct product_sum *rest, int facts) {
    struct product_sum multiple, left, remainder = product_sum_atom(atom->remainder);
    struct product_sum below = product_sum_add(&atom->numerator, &remainder, -1); /* divisor * quotient */
    if (atom->divisor.count == 1) {
        product_sum_divide(factor, &atom->divisor.terms[0], &multiple, &left);
        if (!left.count) {
            struct product_sum exact = put(&multiple, rest, &below);
            return never_negative(q, &exact, facts);
        }
    }
    struct product_sum slack = plus_number(&atom->divisor, -1);
    struct product_sum scaled = product_sum_multiply(rest, &atom->divisor);
    scaled = put(factor, &scaled, &below);
    scaled = product_sum_add(&scaled, &slack, 1);
    return never_negative(q, &scaled, facts);
}

static bool atom_at_ends(struct question *q, const struct product_sum *p, size_t last, int facts) {
    const struct atom *atom = &q->atoms[last];
    struct product_sum factor, rest;
    if (!product_sum_take(p, last, &factor, &rest))
        return false;
    if (atom->kind == ATOM_QUOTIENT)
        return quotient_at_ends(q, atom, &factor, &rest, facts);
    struct product_sum zero = {0}, negative = product_sum_add(&zero, &factor, -1);
    struct product_sum low = put(&factor, &rest, &atom->lower), high = put(&factor, &rest, &atom->upper);
    bool grows = never_negative(q, &factor, 0), falls = !grows && never_negative(q, &negative, 0);
    return (falls || never_negative(q, &low, facts)) && (grows || never_negative(q, &high, facts));
}

/* Takes a multiple of the fact off so that a term of p, which is above 0 in both, goes. */
static bool without_fact(struct question *q, const struct product_sum *p, const struct product_sum *fact, int facts) {
    for (size_t i = 0; i < fact->count; i++)
        for (size_t k = 0; k < p->count; k++) {
            struct product times;
            if (!fact->terms[i].degree || !product_divides(&fact->terms[i], &p->terms[k], &times) ||
                times.times < 1 || !factors_count(q, &times))
                continue;
            struct product_sum multiple = {.terms = {times}, .count = 1};
            multiple = product_sum_multiply(&multiple, fact);
            struct product_sum left = product_sum_add(p, &multiple, -1);
            if (never_negative(q, &left, facts - 1))
                return true;
        }
    return false;
}

static bool never_negative(struct question *q, const struct product_sum *p, int facts) {
    if (p->lost || q->steps >= MOST_STEPS)
        return false;
    q->steps++;
    if (plainly_at_least_zero(q, p))
        return true;
    size_t last = last_atom(q, p);
    if (last < ATOMS_LIMIT && atom_at_ends(q, p, last, facts))
        return true;
    for (size_t i = 0; i < q->fact_count && facts > 0; i++)
        if (without_fact(q, p, &q->facts[i], facts))
            return true;
    return false;
}

/* ---- what is known ---- */

static void raise_least(struct question *q, size_t atom, int64_t least) {
    if (least > q->atoms[atom].least)
        q->atoms[atom].least = least;
}

/* Of a term that makes up for all others, which are below 0, no factor is 0; an atom alone is at least the number that it makes up
 * for, or a count. */
static void learn_signs(struct question *q, const struct product_sum *p) {
    for (size_t i = 0; i < p->count; i++) {
        const struct product *term = &p->terms[i];
        struct product_sum others = {0}, one = {.terms = {*term}, .count = 1};
        others = product_sum_add(&others, p, -1);
        others = product_sum_add(&others, &one, 1); /* term >= others */
        if (term->times <= 0 || !term->degree)
            continue;
        int64_t number;
        if (term->degree == 1 && term->times == 1 && product_sum_is_number(&others, &number) && number >= 0)
            raise_least(q, term->atoms[0], number);
        else if (term->degree == 1 && plainly_at_least_zero(q, &others))
            raise_least(q, term->atoms[0], 0);
        others = plus_number(&others, -1);
        if (factors_count(q, term) && plainly_at_least_zero(q, &others))
            for (size_t k = 0; k < term->degree; k++)
                raise_least(q, term->atoms[k], 1);
    }
}

/* p >= 0 */
static void add_fact(struct question *q, const struct product_sum *p) {
    if (p->lost)
        return;
    learn_signs(q, p);
    for (size_t i = 0; i < q->fact_count; i++)
        if (product_sum_equal(&q->facts[i], p))
            return;
    if (q->fact_count < FACTS_LIMIT)
        q->facts[q->fact_count++] = *p;
}

static enum binary_operator opposite(enum binary_operator op) {
    return op == BINARY_LESS            ? BINARY_GREATER_EQUAL
           : op == BINARY_LESS_EQUAL    ? BINARY_GREATER
           : op == BINARY_GREATER       ? BINARY_LESS_EQUAL
           : op == BINARY_GREATER_EQUAL ? BINARY_LESS
           : op == BINARY_EQUAL         ? BINARY_NOT_EQUAL
                                        : BINARY_EQUAL;
}

/* The comparisons that a condition is made of by &&. */
static void add_condition(struct question *q, const struct node *condition, bool negated) {
    if (condition->kind == NODE_UNARY && ((const struct node_unary *)condition)->op == UNARY_NOT) {
        add_condition(q, ((const struct node_unary *)condition)->operand, !negated);
        return;
    }
    const struct node_binary *binary = condition->kind == NODE_BINARY ? (const struct node_binary *)condition : NULL;
    if (!binary)
        return;
    if (binary->op == (negated ? BINARY_OR : BINARY_AND)) {
        add_condition(q, binary->left, negated);
        add_condition(q, binary->right, negated);
    }
    if (binary->op < BINARY_EQUAL || binary->op == BINARY_AND || binary->op == BINARY_OR)
        return;
    struct product_sum left = value_of(q, binary->left, 0), right = value_of(q, binary->right, 0);
    struct product_sum above = product_sum_add(&left, &right, -1), below = product_sum_add(&right, &left, -1);
    enum binary_operator op = negated ? opposite(binary->op) : binary->op;
    bool strict = op == BINARY_LESS || op == BINARY_GREATER;
    above = plus_number(&above, strict ? -1 : 0);
    below = plus_number(&below, strict ? -1 : 0);
    if (op == BINARY_GREATER || op == BINARY_GREATER_EQUAL || op == BINARY_EQUAL)
        add_fact(q, &above);
    if (op == BINARY_LESS || op == BINARY_LESS_EQUAL || op == BINARY_EQUAL)
        add_fact(q, &below);
}

/* The ranges around an iteration have elements: that of a whole block only where its elements are meant. */
static void add_ranges(struct question *q) {
    const struct scope *scope = q->site->scope;
    for (size_t i = 0; i < scope->variable_count; i++) {
        const struct node_axis *axis = scope->variables[i].axis;
        if (!axis || !axis->lower || (axis->step && !mentions(&q->site->access->base, axis->name)))
            continue;
        struct product_sum lower = value_of(q, axis->lower, 0), upper = value_of(q, axis->upper, 0);
        struct product_sum length = product_sum_add(&upper, &lower, -1);
        length = plus_number(&length, -1);
        add_fact(q, &length);
    }
}

static struct question *question_of(const struct relations *r, const struct access_site *site) {
    struct question *q = arena_allocate(r->arena, sizeof *q);
    *q = (struct question){.relations = r, .site = site};
    for (size_t turn = 0; turn < 2; turn++) { /* ranges may be the reason why a divisor in a condition is not 0 */
        for (size_t i = 0; i < r->kernel->conditions.count; i++)
            add_condition(q, r->kernel->conditions.items[i], false);
        add_ranges(q);
    }
    for (size_t i = 0; i < site->guard_count; i++)
        add_condition(q, site->guards[i].condition, site->guards[i].negated);
    return q;
}

static bool proved_at_least(struct question *q, const struct product_sum *p, int64_t least) {
    struct product_sum above = plus_number(p, -least);
    q->steps = 0;
    return never_negative(q, &above, MOST_FACTS_USED);
}

bool products_at_least(const struct relations *r, const struct access_site *site, struct node *left,
                       struct node *right, int64_t least) {
    struct question *q = question_of(r, site);
    struct product_sum a = value_of(q, left, 0), b = value_of(q, right, 0);
    struct product_sum difference = product_sum_add(&a, &b, -1);
    return proved_at_least(q, &difference, least);
}

/* ---- digits ---- */

/* A sum of sizes alone, which is no number. */
static bool is_stride(const struct question *q, const struct product_sum *p) {
    int64_t number;
    bool sizes = !p->lost && !product_sum_is_number(p, &number);
    for (size_t i = 0; i < p->count && sizes; i++)
        for (size_t k = 0; k < p->terms[i].degree; k++)
            sizes &= q->atoms[p->terms[i].atoms[k]].kind == ATOM_SIZE;
    return sizes;
}

/* What a loop variable is multiplied by, the longest first: of b * M * N + i * N + j it is M * N. */
static bool find_stride(const struct question *q, const struct product_sum *p, struct product_sum *stride) {
    size_t degree = 0;
    for (size_t atom = 0; atom < q->atom_count; atom++) {
        struct product_sum factor, rest;
        if (q->atoms[atom].kind != ATOM_LOOP || !product_sum_take(p, atom, &factor, &rest) || !factor.count ||
            !is_stride(q, &factor) || factor.terms[0].degree <= degree)
            continue;
        degree = factor.terms[0].degree;
        *stride = factor;
    }
    return degree > 0;
}

/* The same sum of sizes, by the numbers that they have in another question. */
static struct product_sum carried_over(const struct question *from, const struct product_sum *p, struct question *to) {
    struct product_sum carried = {.lost = p->lost};
    for (size_t i = 0; i < p->count; i++) {
        struct product_sum term = product_sum_number(p->terms[i].times);
        for (size_t k = 0; k < p->terms[i].degree; k++) {
            struct node *name = make_reference(to->relations->arena, from->atoms[p->terms[i].atoms[k]].name);
            struct product_sum size = size_value(to, node_as(name, reference), 0);
            term = product_sum_multiply(&term, &size);
        }
        carried = product_sum_add(&carried, &term, 1);
    }
    return carried;
}

/* p == digit * stride + rest, with 0 <= rest < stride. */
static bool take_digit(struct question *q, const struct product_sum *p, const struct product_sum *stride,
                       struct product_sum *digit, struct product_sum *rest) {
    *digit = (struct product_sum){0};
    *rest = *p;
    if (stride->count == 1)
        product_sum_divide(p, &stride->terms[0], digit, rest);
    for (size_t atom = 0; atom < q->atom_count && stride->count > 1; atom++) {
        struct product_sum factor, others, one = product_sum_atom(atom);
        if (!product_sum_take(rest, atom, &factor, &others) || !product_sum_equal(&factor, stride))
            continue;
        *digit = product_sum_add(digit, &one, 1);
        *rest = others;
    }
    struct product_sum room = product_sum_add(stride, rest, -1);
    return proved_at_least(q, rest, 0) && proved_at_least(q, &room, 1);
}

/* Over the domain of the site; NULL where it multiplies or divides. */
static __isl_give isl_pw_aff *affine_sum(const struct question *q, const struct product_sum *p) {
    isl_local_space *space = isl_local_space_from_space(isl_set_get_space(q->site->domain));
    isl_aff *sum = isl_aff_zero_on_domain(isl_local_space_copy(space));
    for (size_t i = 0; i < p->count && sum; i++) {
        const struct product *term = &p->terms[i];
        const struct atom *atom = term->degree ? &q->atoms[term->atoms[0]] : NULL;
        isl_aff *one = NULL;
        for (size_t k = 0; atom && atom->kind == ATOM_LOOP && k < q->site->axis_count; k++)
            if (q->site->axes[k] && q->site->ranges[k] == atom->axis)
                one = isl_aff_var_on_domain(isl_local_space_copy(space), isl_dim_set, (unsigned)k);
        int at = atom && atom->kind == ATOM_SIZE ? isl_space_find_dim_by_name(q->relations->space, isl_dim_param, atom->name) : -1;
        if (at >= 0)
            one = isl_aff_var_on_domain(isl_local_space_copy(space), isl_dim_param, (unsigned)at);
        if (!atom)
            one = isl_aff_val_on_domain(isl_local_space_copy(space), isl_val_one(q->relations->ctx));
        if (one && term->degree <= 1)
            sum = isl_aff_add(sum, isl_aff_scale_val(one, isl_val_int_from_si(q->relations->ctx, term->times)));
        else {
            isl_aff_free(one);
            sum = isl_aff_free(sum);
        }
    }
    isl_local_space_free(space);
    return sum ? isl_pw_aff_from_aff(sum) : NULL;
}

static __isl_give isl_map *equal_map(const struct question *p, const struct product_sum *a, const struct question *q,
                                     const struct product_sum *b) {
    isl_pw_aff *left = affine_sum(p, a), *right = left ? affine_sum(q, b) : NULL;
    if (right)
        return isl_pw_aff_eq_map(left, right);
    isl_pw_aff_free(left);
    return NULL;
}

__isl_give isl_map *products_equal(const struct relations *r, const struct access_site *a, const struct access_site *b,
                                   size_t dimension) {
    struct question *p = question_of(r, a), *q = question_of(r, b);
    struct product_sum left = value_of(p, a->access->subscripts.items[dimension], 0),
                       right = value_of(q, b->access->subscripts.items[dimension], 0);
    isl_map *equal = NULL;
    while (!left.lost && !right.lost) {
        struct product_sum of_left, of_right, digit, other, rest, others;
        isl_map *same = equal_map(p, &left, q, &right);
        if (!same && find_stride(p, &left, &of_left))
            of_right = carried_over(p, &of_left, q);
        else if (!same && find_stride(q, &right, &of_right))
            of_left = carried_over(q, &of_right, p);
        else
            return same && equal ? isl_map_intersect(equal, same) : same ? same : isl_map_free(equal);
        if (!take_digit(p, &left, &of_left, &digit, &rest) || !take_digit(q, &right, &of_right, &other, &others) ||
            !(same = equal_map(p, &digit, q, &other)))
            break;
        equal = equal ? isl_map_intersect(equal, same) : same;
        left = rest;
        right = others;
    }
    return isl_map_free(equal);
}
