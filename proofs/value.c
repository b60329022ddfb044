/* Polynomials over atoms in a normal form; equal numbers are one object. */
#include "proofs/value.h"

#include <string.h>

/* ---- monomials ---- */

/* Higher degrees first, then by atoms. An order of products: two terms keep it when both are multiplied by a
 * third, or divided. */
static int compare_terms(const struct monomial *a, const struct monomial *b) {
    if (a->degree != b->degree)
        return a->degree < b->degree ? 1 : -1;
    for (int i = 0; i < a->degree; i++)
        if (a->atoms[i] != b->atoms[i])
            return a->atoms[i] < b->atoms[i] ? -1 : 1;
    return 0;
}

static uint64_t terms_hash(const struct monomial *terms, size_t count) {
    uint64_t hash = count, words[TERM_WORDS];
    for (size_t i = 0; i < count; i++) {
        memcpy(words, &terms[i], sizeof words);
        for (size_t j = 0; j < TERM_WORDS; j++) {
            hash = (hash ^ words[j]) * UINT64_C(0x9e3779b97f4a7c15);
            hash ^= hash >> 32;
        }
    }
    return hash;
}

/* The place of a polynomial of these terms, or the free one where it belongs. */
static const struct polynomial **place_of(const struct values *v, uint64_t hash, const struct monomial *terms,
                                          size_t count) {
    for (size_t at = hash & (v->places - 1);; at = (at + 1) & (v->places - 1)) {
        const struct polynomial *p = v->polynomials[at];
        if (!p ||
            (p->hash == hash && p->count == count && memcmp(p->terms, terms, count * sizeof *terms) == 0))
            return &v->polynomials[at];
    }
}

static void make_room(struct values *v) {
    const struct polynomial **before = v->polynomials;
    size_t places = v->places;
    v->places = places ? 2 * places : 512;
    v->polynomials = arena_allocate(v->arena, v->places * sizeof *v->polynomials);
    for (size_t i = 0; i < places; i++)
        if (before[i])
            *place_of(v, before[i]->hash, before[i]->terms, before[i]->count) = before[i];
}

/* Of terms in order; without those whose factor is 0. NULL when there are too many. */
static const struct polynomial *polynomial_of(struct values *v, struct monomial *terms, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (terms[i].factor != 0)
            terms[kept++] = terms[i];
    if (kept > MONOMIAL_LIMIT)
        return NULL;
    if (2 * v->polynomial_count >= v->places)
        make_room(v);
    uint64_t hash = terms_hash(terms, kept);
    const struct polynomial **place = place_of(v, hash, terms, kept);
    if (*place)
        return *place;
    struct polynomial *p = arena_allocate(v->arena, sizeof *p + kept * sizeof *terms);
    p->hash = hash;
    p->count = kept;
    if (kept)
        memcpy(p->terms, terms, kept * sizeof *terms);
    v->polynomial_count++;
    return *place = p;
}

const struct polynomial *number(struct values *v, int64_t value) {
    return polynomial_of(v, &(struct monomial){.factor = value}, 1);
}

const struct polynomial *atom_value(struct values *v, size_t atom) {
    if (atom >= ATOM_LIMIT)
        return NULL;
    return polynomial_of(v, &(struct monomial){.factor = 1, .degree = 1, .atoms = {(uint16_t)atom}}, 1);
}

/* a + factor * b */
static const struct polynomial *combine(struct values *v, const struct polynomial *a,
                                        const struct polynomial *b, int64_t factor) {
    struct monomial terms[2 * MONOMIAL_LIMIT];
    size_t count = 0, i = 0, j = 0;
    if (!a || !b)
        return NULL;
    if (!b->count)
        return a;
    while (i < a->count || j < b->count) {
        int order = i == a->count ? 1 : j == b->count ? -1 : compare_terms(&a->terms[i], &b->terms[j]);
        struct monomial *term = &terms[count++];
        int64_t more = 0;
        *term = order <= 0 ? a->terms[i++] : b->terms[j];
        if (order > 0)
            term->factor = 0;
        if (order >= 0 && (__builtin_mul_overflow(b->terms[j++].factor, factor, &more) ||
                           __builtin_add_overflow(term->factor, more, &term->factor)))
            return NULL;
    }
    return polynomial_of(v, terms, count);
}

const struct polynomial *sum_of(struct values *v, const struct polynomial *a, const struct polynomial *b) {
    return combine(v, a, b, 1);
}

const struct polynomial *difference_of(struct values *v, const struct polynomial *a,
                                       const struct polynomial *b) {
    return combine(v, a, b, -1);
}

/* False when a factor or the degree is too large. */
static bool multiply_terms(const struct monomial *a, const struct monomial *b, struct monomial *product) {
    *product = (struct monomial){.degree = (uint16_t)(a->degree + b->degree)};
    if (product->degree > DEGREE_LIMIT || __builtin_mul_overflow(a->factor, b->factor, &product->factor))
        return false;
    for (size_t i = 0, j = 0; i + j < product->degree;) {
        bool left = j == b->degree || (i < a->degree && a->atoms[i] <= b->atoms[j]);
        uint16_t atom = left ? a->atoms[i] : b->atoms[j];
        product->atoms[i + j] = atom;
        i += left;
        j += !left;
    }
    return true;
}

/* Puts a term where it belongs, or adds it to the one like it that is there; false when a factor overflows.
 * Terms come nearly in order: their order is that of their products with a third. */
static bool insert_term(struct monomial *terms, size_t *count, const struct monomial *term) {
    size_t at = *count;
    int order = -1;
    while (at > 0 && (order = compare_terms(&terms[at - 1], term)) > 0)
        at--;
    if (at > 0 && order == 0)
        return !__builtin_add_overflow(terms[at - 1].factor, term->factor, &terms[at - 1].factor);
    memmove(terms + at + 1, terms + at, (*count - at) * sizeof *terms);
    terms[at] = *term;
    ++*count;
    return true;
}

const struct polynomial *product_of(struct values *v, const struct polynomial *a,
                                    const struct polynomial *b) {
    struct monomial terms[4 * MONOMIAL_LIMIT], term;
    size_t count = 0;
    if (!a || !b || a->count * b->count > 4 * MONOMIAL_LIMIT)
        return NULL;
    if (!a->count || !b->count)
        return a->count ? b : a;
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (!multiply_terms(&a->terms[i], &b->terms[j], &term) || !insert_term(terms, &count, &term))
                return NULL;
    return polynomial_of(v, terms, count);
}

/* ---- questions ---- */

bool same_product(const struct monomial *a, const struct monomial *b) {
    bool same = a->degree == b->degree;
    for (size_t i = 0; same && i < a->degree; i++)
        same = a->atoms[i] == b->atoms[i];
    return same;
}

bool known_number(const struct polynomial *p, int64_t *value) {
    if (!p || p->count > 1 || (p->count && p->terms[0].degree))
        return false;
    *value = p->count ? p->terms[0].factor : 0;
    return true;
}

bool never_negative(const struct polynomial *p) {
    for (size_t i = 0; p && i < p->count; i++)
        if (p->terms[i].factor < 0)
            return false;
    return p != NULL;
}

bool never_positive(const struct polynomial *p) {
    for (size_t i = 0; p && i < p->count; i++)
        if (p->terms[i].factor > 0)
            return false;
    return p != NULL;
}

/* Atoms are made of earlier ones only. */
bool is_of_sizes(const struct values *v, const struct polynomial *p) {
    for (size_t i = 0; p && i < p->count; i++)
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            const struct atom *atom = &v->atoms[p->terms[i].atoms[j]];
            bool made = atom->kind >= ATOM_MINIMUM && atom->kind <= ATOM_REMAINDER;
            if (atom->kind != ATOM_SIZE && !(made && is_of_sizes(v, atom->a) && is_of_sizes(v, atom->b)))
                return false;
        }
    return p != NULL;
}

bool depends_on_atom(const struct values *v, const struct polynomial *p, size_t atom) {
    for (size_t i = 0; p && i < p->count; i++) {
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            size_t index = p->terms[i].atoms[j];
            const struct atom *inner = &v->atoms[index];
            if (index == atom)
                return true;
            if (index < atom)
                continue;
            if (depends_on_atom(v, inner->a, atom) || depends_on_atom(v, inner->b, atom))
                return true;
            for (size_t k = 0; k < inner->extent_count; k++)
                if (depends_on_atom(v, inner->extents[k], atom))
                    return true;
        }
    }
    return false;
}

/* ---- atoms ---- */

static bool same_atom(const struct atom *a, const struct atom *b) {
    if (a->kind != b->kind || a->step != b->step || a->origin != b->origin || a->depth != b->depth ||
        a->write != b->write || a->position != b->position || a->extent_count != b->extent_count ||
        a->a != b->a || a->b != b->b)
        return false;
    for (size_t i = 0; i < a->extent_count; i++)
        if (a->extents[i] != b->extents[i])
            return false;
    return a->kind != ATOM_SIZE || strcmp(a->name, b->name) == 0;
}

size_t atom_find(struct values *v, const struct atom *atom) {
    for (size_t i = 0; i < v->count; i++)
        if (same_atom(&v->atoms[i], atom))
            return i;
    if (v->count == ATOM_LIMIT)
        return ATOM_LIMIT;
    v->atoms[v->count] = *atom;
    return v->count++;
}

static const struct polynomial *atom_of_two(struct values *v, enum atom_kind kind, const struct polynomial *a,
                                            const struct polynomial *b) {
    if (!a || !b)
        return NULL;
    return atom_value(v, atom_find(v, &(struct atom){.kind = kind, .name = "", .a = a, .b = b}));
}

static int64_t floor_quotient(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* a = whole * divisor + rest, for a literal divisor: what of every factor is a multiple of it. */
static void split_by(struct values *v, const struct polynomial *a, int64_t divisor,
                     const struct polynomial **whole, const struct polynomial **rest) {
    struct monomial quotients[MONOMIAL_LIMIT], rests[MONOMIAL_LIMIT];
    for (size_t i = 0; i < a->count; i++) {
        quotients[i] = rests[i] = a->terms[i];
        quotients[i].factor = floor_quotient(a->terms[i].factor, divisor);
        rests[i].factor = a->terms[i].factor - quotients[i].factor * divisor;
    }
    *whole = polynomial_of(v, quotients, a->count);
    *rest = polynomial_of(v, rests, a->count);
}

const struct polynomial *quotient_of(struct values *v, const struct polynomial *a,
                                     const struct polynomial *b) {
    int64_t divisor, dividend;
    const struct polynomial *whole, *rest;
    if (!a || !b)
        return NULL;
    if (same_value(a, b))
        return number(v, 1);
    if (!known_number(b, &divisor))
        return atom_of_two(v, ATOM_QUOTIENT, a, b);
    if (divisor <= 0)
        return NULL;
    split_by(v, a, divisor, &whole, &rest);
    if (known_number(rest, &dividend))
        return whole; /* 0 <= rest < divisor */
    return sum_of(v, whole, atom_of_two(v, ATOM_QUOTIENT, rest, b));
}

const struct polynomial *exact_quotient(struct values *v, const struct polynomial *a,
                                        const struct polynomial *b) {
    if (!a || !b || a->count != 1 || b->count != 1 || a->terms[0].factor % b->terms[0].factor != 0)
        return NULL;
    const struct monomial *whole = &a->terms[0], *part = &b->terms[0];
    struct monomial rest = {.factor = whole->factor / part->factor};
    size_t taken = 0;
    for (size_t i = 0; i < whole->degree; i++) {
        if (taken < part->degree && whole->atoms[i] == part->atoms[taken])
            taken++;
        else
            rest.atoms[rest.degree++] = whole->atoms[i];
    }
    return taken == part->degree ? polynomial_of(v, &rest, 1) : NULL;
}

const struct polynomial *remainder_of(struct values *v, const struct polynomial *a,
                                      const struct polynomial *b) {
    int64_t divisor, dividend;
    const struct polynomial *whole, *rest;
    if (!a || !b)
        return NULL;
    if (!known_number(b, &divisor))
        return same_value(a, b) ? number(v, 0) : atom_of_two(v, ATOM_REMAINDER, a, b);
    if (divisor <= 0)
        return NULL;
    split_by(v, a, divisor, &whole, &rest);
    return known_number(rest, &dividend) ? rest : atom_of_two(v, ATOM_REMAINDER, rest, b);
}

const struct polynomial *ceiling_of(struct values *v, const struct polynomial *a,
                                    const struct polynomial *b) {
    return quotient_of(v, difference_of(v, sum_of(v, a, b), number(v, 1)), b);
}

const struct polynomial *minimum_of(struct values *v, const struct polynomial *a,
                                    const struct polynomial *b) {
    const struct polynomial *difference = difference_of(v, a, b);
    if (difference && never_positive(difference))
        return a;
    if (difference && never_negative(difference))
        return b;
    return atom_of_two(v, ATOM_MINIMUM, a, b);
}

const struct polynomial *maximum_of(struct values *v, const struct polynomial *a,
                                    const struct polynomial *b) {
    const struct polynomial *difference = difference_of(v, a, b);
    if (difference && never_positive(difference))
        return b;
    if (difference && never_negative(difference))
        return a;
    return atom_of_two(v, ATOM_MAXIMUM, a, b);
}

/* ---- replacing ---- */

static const struct polynomial *rebuilt_atom(struct values *v, size_t index, size_t atom,
                                             const struct polynomial *by) {
    struct atom inner = v->atoms[index];
    const struct polynomial *a = inner.a ? replace_atom(v, inner.a, atom, by) : NULL,
                            *b = inner.b ? replace_atom(v, inner.b, atom, by) : NULL;
    if ((inner.a && !a) || (inner.b && !b))
        return NULL;
    switch (inner.kind) {
    case ATOM_MINIMUM:
        return minimum_of(v, a, b);
    case ATOM_MAXIMUM:
        return maximum_of(v, a, b);
    case ATOM_QUOTIENT:
        return quotient_of(v, a, b);
    case ATOM_REMAINDER:
        return remainder_of(v, a, b);
    default:
        break;
    }
    inner.a = a;
    inner.b = b;
    for (size_t i = 0; i < inner.extent_count; i++)
        if (!(inner.extents[i] = replace_atom(v, inner.extents[i], atom, by)))
            return NULL;
    return atom_value(v, atom_find(v, &inner));
}

const struct polynomial *replace_atom(struct values *v, const struct polynomial *p, size_t atom,
                                      const struct polynomial *by) {
    if (!p || !by)
        return NULL;
    if (!depends_on_atom(v, p, atom))
        return p;
    const struct polynomial *result = number(v, 0);
    for (size_t i = 0; i < p->count; i++) {
        const struct polynomial *term = number(v, p->terms[i].factor);
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            size_t index = p->terms[i].atoms[j];
            const struct polynomial *factor = index == atom ? by : atom_value(v, index);
            if (index > atom && depends_on_atom(v, factor, atom))
                factor = rebuilt_atom(v, index, atom, by);
            term = product_of(v, term, factor);
        }
        result = sum_of(v, result, term);
    }
    return result;
}

bool linear_in_atom(struct values *v, const struct polynomial *p, size_t atom,
                    const struct polynomial **factor, const struct polynomial **rest) {
    struct monomial with[MONOMIAL_LIMIT], without[MONOMIAL_LIMIT];
    size_t with_count = 0, without_count = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct monomial *term = &p->terms[i];
        struct monomial reduced = {.factor = term->factor};
        for (size_t j = 0; j < term->degree; j++)
            if (term->atoms[j] != atom)
                reduced.atoms[reduced.degree++] = term->atoms[j];
        if (term->degree - reduced.degree > 1)
            return false;
        if (reduced.degree == term->degree)
            without[without_count++] = *term;
        else
            with[with_count++] = reduced;
    }
    *factor = polynomial_of(v, with, with_count);
    *rest = polynomial_of(v, without, without_count);
    return *factor && *rest;
}

/* ---- in numbers ---- */

bool polynomial_number(const struct polynomial *p, atom_number *of, void *context, int64_t *value) {
    int64_t sum = 0;
    if (!p)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        int64_t product = p->terms[i].factor, factor;
        for (size_t j = 0; j < p->terms[i].degree; j++)
            if (!of(context, p->terms[i].atoms[j], &factor) ||
                __builtin_mul_overflow(product, factor, &product))
                return false;
        if (__builtin_add_overflow(sum, product, &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool atom_operate(enum atom_kind kind, int64_t a, int64_t b, int64_t *value) {
    bool divides = kind == ATOM_QUOTIENT || kind == ATOM_REMAINDER;
    if (divides && (a < 0 || b < 1))
        return false;
    if (divides)
        *value = kind == ATOM_QUOTIENT ? a / b : a % b;
    else
        *value = (kind == ATOM_MINIMUM) == (a < b) ? a : b;
    return true;
}

bool index_number(const struct atom *index, atom_number *of, void *context, int64_t *value) {
    if (!polynomial_number(index->a, of, context, value))
        return false;
    for (size_t i = index->extent_count; i-- > index->position;) {
        int64_t extent;
        if (!polynomial_number(index->extents[i], of, context, &extent) || extent < 1)
            return false;
        if (i == index->position)
            *value = i ? *value % extent : *value;
        else
            *value /= extent;
    }
    return true;
}
