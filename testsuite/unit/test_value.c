/* Polynomials: one object of each, in order, whichever way they came to be. */
#include "proofs/value.h"

#include "support/arena.h"
#include "testsuite/unit/unit.h"

enum { ATOMS = 5 };

static struct values *values_new(struct arena *arena) {
    struct values *v = arena_allocate(arena, sizeof *v);
    v->arena = arena;
    v->atoms = arena_allocate(arena, ATOM_LIMIT * sizeof *v->atoms);
    for (size_t i = 0; i < ATOMS; i++) {
        const char *name = arena_printf(arena, "s%zu", i);
        ck_assert_uint_eq(atom_find(v, &(struct atom){.kind = ATOM_SIZE, .name = name}), i);
    }
    return v;
}

/* The next number of a fixed series. */
static int64_t next(uint32_t *seed, int64_t least, int64_t most) {
    *seed = *seed * 1664525u + 1013904223u;
    return least + (int64_t)(*seed >> 8) % (most - least + 1);
}

/* A sum of a few products of at most two atoms, small enough that three of them can be multiplied. */
static const struct polynomial *some(struct values *v, uint32_t *seed) {
    const struct polynomial *sum = number(v, next(seed, -3, 3));
    for (int64_t terms = next(seed, 0, 3); terms > 0; terms--) {
        const struct polynomial *term = number(v, next(seed, -3, 3));
        for (int64_t degree = next(seed, 0, 2); degree > 0; degree--) {
            term = product_of(v, term, atom_value(v, (size_t)next(seed, 0, ATOMS - 1)));
        }
        sum = sum_of(v, sum, term);
    }
    return sum;
}

static bool of_atom(void *context, size_t atom, int64_t *value) {
    *value = ((const int64_t *)context)[atom];
    return true;
}

static int64_t at(const struct polynomial *p, int64_t *atoms) {
    int64_t value;
    ck_assert_ptr_nonnull(p);
    ck_assert(polynomial_number(p, of_atom, atoms, &value));
    return value;
}

START_TEST(equal_numbers_are_one_object) {
    struct arena *arena = arena_create();
    struct values *v = values_new(arena);
    uint32_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        const struct polynomial *a = some(v, &seed), *b = some(v, &seed), *c = some(v, &seed);
        ck_assert_ptr_eq(sum_of(v, a, b), sum_of(v, b, a));
        ck_assert_ptr_eq(product_of(v, a, b), product_of(v, b, a));
        ck_assert_ptr_eq(sum_of(v, sum_of(v, a, b), c), sum_of(v, a, sum_of(v, b, c)));
        ck_assert_ptr_eq(product_of(v, product_of(v, a, b), c), product_of(v, a, product_of(v, b, c)));
        ck_assert_ptr_eq(product_of(v, a, sum_of(v, b, c)),
                         sum_of(v, product_of(v, a, b), product_of(v, a, c)));
        ck_assert_ptr_eq(difference_of(v, sum_of(v, a, b), b), a);
        ck_assert_ptr_eq(difference_of(v, a, a), number(v, 0));
    }
    arena_free(arena);
}
END_TEST

START_TEST(parts_make_the_whole) {
    struct arena *arena = arena_create();
    struct values *v = values_new(arena);
    uint32_t seed = 2;
    for (int i = 0; i < 2000; i++) {
        const struct polynomial *p = product_of(v, some(v, &seed), some(v, &seed)), *factor, *rest;
        size_t atom = (size_t)next(&seed, 0, ATOMS - 1);
        if (linear_in_atom(v, p, atom, &factor, &rest)) {
            ck_assert(!depends_on_atom(v, factor, atom) && !depends_on_atom(v, rest, atom));
            ck_assert_ptr_eq(sum_of(v, product_of(v, factor, atom_value(v, atom)), rest), p);
        }
        const struct polynomial *divisor = number(v, next(&seed, 1, 7)),
                                *quotient = quotient_of(v, p, divisor),
                                *remainder = remainder_of(v, p, divisor);
        int64_t literal;
        if (known_number(remainder, &literal)) {
            ck_assert_ptr_eq(sum_of(v, product_of(v, quotient, divisor), remainder), p);
        }
    }
    arena_free(arena);
}
END_TEST

START_TEST(operations_are_those_of_numbers) {
    struct arena *arena = arena_create();
    struct values *v = values_new(arena);
    uint32_t seed = 3;
    for (int i = 0; i < 2000; i++) {
        const struct polynomial *a = some(v, &seed), *b = some(v, &seed);
        int64_t atoms[ATOMS];
        for (size_t j = 0; j < ATOMS; j++) {
            atoms[j] = next(&seed, 0, 9);
        }
        ck_assert_int_eq(at(sum_of(v, a, b), atoms), at(a, atoms) + at(b, atoms));
        ck_assert_int_eq(at(difference_of(v, a, b), atoms), at(a, atoms) - at(b, atoms));
        ck_assert_int_eq(at(product_of(v, a, b), atoms), at(a, atoms) * at(b, atoms));
    }
    arena_free(arena);
}
END_TEST

START_TEST(what_does_not_fit_is_unknown) {
    struct arena *arena = arena_create();
    struct values *v = values_new(arena);
    const struct polynomial *huge = number(v, INT64_MAX), *s = atom_value(v, 0), *power = number(v, 1);
    ck_assert_ptr_null(sum_of(v, huge, number(v, 1)));
    ck_assert_ptr_null(product_of(v, product_of(v, huge, s), number(v, 2)));
    ck_assert_ptr_null(difference_of(v, number(v, -2), huge));
    ck_assert_ptr_null(sum_of(v, NULL, s));
    ck_assert(!same_value(NULL, NULL));
    for (int i = 0; i < DEGREE_LIMIT; i++) {
        power = product_of(v, power, s);
    }
    ck_assert_ptr_nonnull(power);
    ck_assert_ptr_null(product_of(v, power, s));
    arena_free(arena);
}
END_TEST

UNIT_MAIN("value", equal_numbers_are_one_object, parts_make_the_whole, operations_are_those_of_numbers,
          what_does_not_fit_is_unknown)
