/* Where a kernel of nests over elements is cut into two launches, read as equations as auto_tile_tt reads them:
 *
 * - at a value that chooses what is read, which has to lie in a tensor.
 * - at a tensor that is read again and again in another layout than it has: it is laid out once.
 * - at a fold that one block cannot finish. A fold along rows and columns at once folds its last axis first, on all cores;
 *   the fold of a vector, which lies in no matrix, first makes the matrix of one row that it is; what all elements of a
 *   result read is made before them.
 * - between results that have no axis in common, which are made one after the other. A fold that both need is made first.
 * - at a value that is folded, or that a fold made, and that has not all axes of the result.
 */
#ifndef TILEC_TRANSFORMS_STAGES_CUT_H
#define TILEC_TRANSFORMS_STAGES_CUT_H

#include "transforms/auto_tile.h"

struct cut {
    bool *first;             /* of equations: results that the first kernel makes; NULL: it makes what lies between */
    struct equation between; /* a result of the first kernel, and an input of the second */
    struct equation *equation; /* of the second kernel: it has the rest in place of the part */
    const struct range *one; /* axis of the equation that lies between, beside those of the part; NULL: there is none */
    bool number;             /* other equations may have the same part, and read the same */
    struct node *part, *rest;
};

/* False: there is nothing to cut. */
bool cut_find(struct tiler *t, struct cut *cut);
/* The second kernel's part of the cut. */
void cut_replace(struct tiler *t, const struct cut *cut, struct equation *equation);

/* Marks the values that this one needs. */
void mark_needed(struct tiler *t, const struct node *value, bool *taken);
/* The type in which a tensor keeps the value as it is. */
enum dtype tensor_type(struct tiler *t, const struct node *value);

#endif
