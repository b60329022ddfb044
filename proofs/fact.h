/* What is known where the walk stands: conditions as numbers that are at least 0. */
#ifndef TILEC_PROOFS_FACT_H
#define TILEC_PROOFS_FACT_H

#include "proofs/walk.h"

enum { FACT_LIMIT = 24, ALTERNATIVE_LIMIT = 8 };

/* Numbers that are all at least 0. */
struct facts {
    const struct polynomial *items[FACT_LIMIT];
    size_t count;
};

/* A condition as alternatives that exclude each other: it holds where all facts of one of them do. */
struct alternatives {
    bool known; /* false: what is listed holds, but says not all of the condition: it has more than comparisons */
    size_t count;
    struct facts items[ALTERNATIVE_LIMIT];
};

/* The names of the condition are those of the walk as it stands. */
struct alternatives *condition_alternatives(struct walk *walk, struct node *condition, bool holds);
/* Both of them, as alternatives again. */
struct alternatives *both_hold(struct walk *walk, const struct alternatives *a, const struct alternatives *b);
/* fact >= 0 */
struct alternatives *fact_alternative(struct walk *walk, const struct polynomial *fact);
/* Behind branches, where a holds behind the first and b behind the other: b + (a - b) * min(x, 1) for a
 * condition x > 0 on what is never below 0. NULL where the condition is none. */
const struct polynomial *joined_value(struct walk *walk, const struct polynomial *a,
                                      const struct polynomial *b);
bool alternatives_mention(const struct values *values, const struct alternatives *a, size_t atom);
/* Without the alternatives that surely never hold. */
const struct alternatives *possible_alternatives(struct walk *walk, const struct alternatives *a);
/* All conditions around the place where the walk stands. */
struct alternatives *guard_here(struct walk *walk);
/* What every launch fulfils: its `where`, and that no result is empty. */
void launch_facts(struct walk *walk, struct facts *facts);

/* p <= limit where the walk stands, within the loops and under the guard. Nothing is searched for. */
bool prove_guarded(struct walk *walk, const struct alternatives *guard, const struct polynomial *p,
                   const struct polynomial *limit);

#endif
