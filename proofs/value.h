/* Numbers of device form as polynomials over atoms: sizes of the launch, loop variables, minima, quotients.
 *
 * Equal numbers have equal polynomials wherever they stand, in every function of a kernel, so that counts can
 * be compared without running anything: there is one object of each, which no walk changes, so equal numbers
 * are equal pointers. Every atom is at least 0 (device form computes in u32). NULL is a number of which
 * nothing is known; every operation on it gives NULL.
 */
#ifndef TILEC_PROOFS_VALUE_H
#define TILEC_PROOFS_VALUE_H

#include "ir/ir.h"

enum { ATOM_LIMIT = 2048, DEGREE_LIMIT = TENSOR_RANK_LIMIT + 2, MONOMIAL_LIMIT = 32 };

enum { TERM_WORDS = 6 };

struct monomial {
    int64_t factor;
    uint16_t degree, atoms[DEGREE_LIMIT + 1]; /* ascending, 0 behind the last */
};
_Static_assert(sizeof(struct monomial) == TERM_WORDS * sizeof(uint64_t) &&
                   sizeof(int64_t) + sizeof(uint16_t) * (DEGREE_LIMIT + 2) == TERM_WORDS * sizeof(uint64_t),
               "equal monomials are equal bytes");

struct polynomial {
    uint64_t hash;
    enum { NOT_ASKED, SHOWN, NOT_SHOWN } never_above_zero; /* by all that is known of its atoms (bound.c) */
    size_t count;
    struct monomial terms[]; /* ordered, no factor is 0 */
};

enum atom_kind {
    ATOM_SIZE,    /* a size, a scalar, an address: fixed by the launch */
    ATOM_START,   /* the core's first grid point */
    ATOM_COUNT,   /* how many it has */
    ATOM_CORE,    /* its column (position 0) or row (position 1) on the core grid */
    ATOM_LOOP,    /* a <= value < b, in steps of `step` */
    ATOM_INDEX,   /* coordinate `position` of a over the extents */
    ATOM_MINIMUM, /* of a and b */
    ATOM_MAXIMUM,
    ATOM_QUOTIENT,  /* floor(a / b) */
    ATOM_REMAINDER, /* a mod b */
    ATOM_POINTER,   /* the L1 address of a buffer's window */
    ATOM_NOC,       /* where the NoC finds the core (a, b): its column (position 0) or row (position 1) */
    ATOM_SEMAPHORE, /* the L1 address of semaphore number `step` */
};

struct atom {
    enum atom_kind kind;
    const char *name; /* as messages say it */
    const struct polynomial *a, *b, *extents[TENSOR_RANK_LIMIT];
    size_t extent_count, position;
    int64_t step; /* of a loop; of a pointer: the buffer */
    /* Of a pointer: the last move of its window when it was taken; of a loop whose range is unknown: the
     * loop. */
    const void *origin;
    struct span span; /* of a pointer: where it was taken */
    int depth;        /* of a loop: how many loops are around it */
    bool write;       /* of a pointer: to the back of the buffer */
    bool positive;    /* of a size: a launch where it is 0 writes nothing and is not run */
};

struct values {
    struct arena *arena;
    struct atom *atoms;
    size_t count;
    const struct polynomial **polynomials; /* all there are, by hash; a power of 2 of places, NULL: free */
    size_t places, polynomial_count;
    const struct polynomial *points; /* the grid points of a launch: no share goes beyond; NULL: unknown */
    int64_t cores[2];                /* columns and rows of the core grid; 0: unknown */
};

const struct polynomial *number(struct values *v, int64_t value);
const struct polynomial *atom_value(struct values *v, size_t atom);
/* The index of an atom like this one, a new one when there is none; ATOM_LIMIT when there are too many. */
size_t atom_find(struct values *v, const struct atom *atom);

const struct polynomial *sum_of(struct values *v, const struct polynomial *a, const struct polynomial *b);
const struct polynomial *difference_of(struct values *v, const struct polynomial *a,
                                       const struct polynomial *b);
const struct polynomial *product_of(struct values *v, const struct polynomial *a, const struct polynomial *b);
const struct polynomial *quotient_of(struct values *v, const struct polynomial *a,
                                     const struct polynomial *b);
const struct polynomial *remainder_of(struct values *v, const struct polynomial *a,
                                      const struct polynomial *b);
const struct polynomial *minimum_of(struct values *v, const struct polynomial *a, const struct polynomial *b);
const struct polynomial *maximum_of(struct values *v, const struct polynomial *a, const struct polynomial *b);
/* c where a is b * c and both are single products; else NULL. */
const struct polynomial *exact_quotient(struct values *v, const struct polynomial *a,
                                        const struct polynomial *b);
/* a / b rounded up. */
const struct polynomial *ceiling_of(struct values *v, const struct polynomial *a, const struct polynomial *b);

/* The same product of atoms, whatever the factors? */
bool same_product(const struct monomial *a, const struct monomial *b);
/* NULL equals nothing. */
static inline bool same_value(const struct polynomial *a, const struct polynomial *b) {
    return a && a == b;
}
bool known_number(const struct polynomial *p, int64_t *value);
/* Known to the launch: sizes, and what is made of them. */
bool is_of_sizes(const struct values *v, const struct polynomial *p);
/* Does it depend on the atom, also through other atoms? */
bool depends_on_atom(const struct values *v, const struct polynomial *p, size_t atom);
/* What a variable that is at least lower is below, where `upper` says it: of max(x, lower) that is x. */
const struct polynomial *upper_when_run(struct values *v, const struct polynomial *lower,
                                        const struct polynomial *upper);
/* With every mention of the atom, also within other atoms, replaced. */
const struct polynomial *replace_atom(struct values *v, const struct polynomial *p, size_t atom,
                                      const struct polynomial *by);
/* p = factor(atom) * atom + rest: the factor of a polynomial in which the atom stands alone in its power;
 * false when it stands in a power beyond 1. */
bool linear_in_atom(struct values *v, const struct polynomial *p, size_t atom,
                    const struct polynomial **factor, const struct polynomial **rest);
/* No monomial has a negative (positive) factor. */
bool never_negative(const struct polynomial *p);
bool never_positive(const struct polynomial *p);

/* What an atom is in one launch; false: nothing is known of it. */
typedef bool atom_number(void *context, size_t atom, int64_t *value);
/* p with every atom as `of` says; false when one is not known, or when the number does not fit. */
bool polynomial_number(const struct polynomial *p, atom_number *of, void *context, int64_t *value);
/* The number of a minimum, maximum, quotient or remainder of a and b; false for a quotient or remainder of
 * what is below 0 or by what is below 1. */
bool atom_operate(enum atom_kind kind, int64_t a, int64_t b, int64_t *value);
/* The number of an ATOM_INDEX. */
bool index_number(const struct atom *index, atom_number *of, void *context, int64_t *value);

#endif
