/* Mutants of a kernel in device form: one change each, numbered over all the places where a change can be
 * made. The numbering follows the tree and is the same in every run.
 *
 *   lists of statements   drop, double, swap with the next, into and out of a loop or `if` beside it
 *   numbers               one more, one less, one operand alone, another operator, another name of the same
 *                         kind
 *   calls                 another call of the same shape, another template word, two arguments exchanged
 *   declarations          pages, number, type and attributes of a circular buffer; address and shape of an
 *                         accessor
 *   the launch            launch arguments exchanged or changed, blocks of the grid, setting of compute
 */
#ifndef TILEC_TESTSUITE_MUTATE_H
#define TILEC_TESTSUITE_MUTATE_H

#include "ir/ir.h"

struct mutation {
    const char *what;           /* "drop" */
    const char *place;          /* the function, or "kernel" */
    const char *before, *after; /* the statement's first line; after NULL where it did not change itself */
};

/* NULL when there is no such number. */
struct node *mutant(struct arena *arena, struct node *kernel, size_t number, struct mutation *mutation);
size_t mutant_count(struct arena *arena, struct node *kernel);

#endif
