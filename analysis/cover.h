/* Does a set of writes reach every point of a box exactly once? The writes come as pieces, each an affine
 * system of its own dimensions over parameters that all share; the box is that of the points 0 <= x_k <
 * extent_k.
 *
 * Dimensions that others determine may be added (a quotient, a minimum): they change no answer.
 */
#ifndef TILEC_ANALYSIS_COVER_H
#define TILEC_ANALYSIS_COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <isl/ctx.h>

#include "ir/ir.h"

enum {
    COVER_PARAMETERS = 2 * TENSOR_RANK_LIMIT + 8,
    COVER_DIMENSIONS = TENSOR_RANK_LIMIT + 8,
    COVER_CONSTRAINTS = 64,
    COVER_RANK = TENSOR_RANK_LIMIT,
    COVER_PIECES = 160
};

struct linear {
    int64_t constant, parameters[COVER_PARAMETERS], dimensions[COVER_DIMENSIONS];
};

/* Numbers that are at least 0. */
struct linear_system {
    struct linear constraints[COVER_CONSTRAINTS];
    size_t count;
};

struct cover_piece {
    size_t dimensions, independent; /* the first of them; the others follow from these */
    size_t outer;                   /* the first dimensions: the core and its iteration of the grid */
    int64_t place[2]; /* of the core, where the piece is of one column or row of cores alone; else -1 */
    const char *names[COVER_DIMENSIONS];
    struct linear_system domain;
    struct linear subscripts[COVER_RANK];
};

struct cover {
    size_t parameters;
    const char *names[COVER_PARAMETERS];
    struct linear_system context; /* what is known of the parameters */
    size_t rank;
    struct linear extents[COVER_RANK]; /* of the parameters */
    struct cover_piece *pieces[COVER_PIECES];
    size_t count;
};

/* The piece has no iterations: it may be left out. False: not shown. */
bool cover_piece_empty(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *piece);
/* Are they one question but for names? Rows and columns often are. */
bool cover_same(const struct cover *a, const struct cover *b);
/* No point is reached by two iterations, of one piece or of two. False: not shown. */
bool cover_disjoint(isl_ctx *ctx, const struct cover *cover);
/* Every point of the box is reached. False: not shown. */
bool cover_complete(isl_ctx *ctx, const struct cover *cover);
/* No iteration of a and one of b meet in a point unless they are of the same iteration of the same core. Both
 * pieces have the same outer dimensions. False: not shown. */
bool cover_conflict_free(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *a,
                         const struct cover_piece *b);

/* As isl writes them: { iteration -> point } of a piece; the points of the box that no piece reaches; the
 * box. */
const char *cover_piece_text(struct arena *arena, isl_ctx *ctx, const struct cover *cover,
                             const struct cover_piece *piece);
const char *cover_missing_text(struct arena *arena, isl_ctx *ctx, const struct cover *cover);
const char *cover_box_text(struct arena *arena, isl_ctx *ctx, const struct cover *cover);

#endif
