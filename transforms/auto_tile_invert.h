/* Targets of assignments the other way round: for an element of a result, the iteration that writes it.
 *
 *     for k in K { Y[i, k + N] = ... }    =>    Y[i, q] is written where q >= N and q < N + K, at k = q - N
 */
#ifndef TILEC_TRANSFORMS_AUTO_TILE_INVERT_H
#define TILEC_TRANSFORMS_AUTO_TILE_INVERT_H

#include "transforms/auto_tile_cells.h"

enum { GUARD_LIMIT = 4 * AXIS_LIMIT };

struct inversion {
    struct normaliser *n;
    const struct cell *cell;
    size_t rank;
    struct node *subscripts[AXIS_LIMIT];
    struct range dims[AXIS_LIMIT]; /* axes of the result: a loop where one runs over a whole dimension, else new ones */
    bool done[AXIS_LIMIT];
    struct {
        const char *loop;
        struct node *at; /* of dims, loops that are folded, and sizes */
    } places[AXIS_LIMIT];
    size_t place_count;
    bool solved[AXIS_LIMIT], folded[AXIS_LIMIT]; /* loops by their number: given by the element; several write to it */
    struct range folds[AXIS_LIMIT];              /* of folded ones that are narrower than the loop */
    struct node *guards[GUARD_LIMIT];            /* all hold where an iteration writes the element */
    size_t guard_count, first_condition; /* the last of them are conditions as the author wrote them, of loops */
};

/* folds: several iterations may write one element, so that what they give is folded. False: no iteration can be told from
 * the element. Nothing is reported. */
bool invert_target(struct inversion *v, struct normaliser *n, const struct node_access *target, bool folds);
/* Leaves out the guards that always hold where the others do. */
void inversion_settle(struct inversion *v);
/* The axes that an expression mentions, with their ranges, as node_axis. */
struct node_list axes_mentioned(struct normaliser *n, const struct node *expression);
/* Conditions joined by &&; NULL of none. */
struct node *all_of(struct arena *arena, size_t count, struct node *const *conditions);

#endif
