/* The matcher of access relations: what a subscript, an access and a reduction are, by the coefficients of
 * their affine functions and never by spelling: A[k, i], A[0 + i, k * 1] and swapped operands all match.
 */
#ifndef TILEC_ANALYSIS_MATCH_H
#define TILEC_ANALYSIS_MATCH_H

#include <isl/ctx.h>

#include "ir/ir.h"

enum subscript_kind {
    SUBSCRIPT_AXIS,    /* one axis, coefficient 1 */
    SUBSCRIPT_SHIFTED, /* one axis, coefficient 1, plus something free of axes */
    SUBSCRIPT_NUMBER,  /* free of axes */
    SUBSCRIPT_AFFINE,  /* any other affine function */
    SUBSCRIPT_OTHER    /* not affine */
};

struct subscript {
    enum subscript_kind kind;
    const char *axis; /* of AXIS and SHIFTED */
};

struct matcher {
    struct arena *arena;
    isl_ctx *ctx;
    const char *const *axes; /* names that are axes; all others are numbers */
    size_t axis_count;
};

struct subscript match_subscript(const struct matcher *matcher, const struct node *expression);

/* The access with every subscript that is an axis spelled as that axis. The same node when it was. */
struct node *match_canonical(const struct matcher *matcher, struct node *access);

/* Which names are axes that tiles are cut along. */
typedef bool match_tiles(const char *name, void *context);

/* Is the expression free of them, outside of lo(i) and len(i)? */
bool match_is_free(const struct node *expression, match_tiles *in_tiles, void *context);
/* Is subscript i of the access a number, of sizes and of axes that count single elements, and the other of its last two an
 * axis in tiles, as in v[i, 3] and w[d + 1, j]? Read, such an access is a vector: one row or column of a tensor. */
bool match_line(const struct node_access *access, size_t i, match_tiles *in_tiles, void *context);
/* Is it where a row or column of tiles begins, a multiple of 32 that is written out? The line is the first of its tiles. */
bool match_begins_tiles(const struct node *subscript);
/* Are the last two subscripts of the access numbers, as in n[0], X[3, d] and n[b, 0, 0]? Read, it is a number. */
bool match_element(const struct node_access *access, match_tiles *in_tiles, void *context);

/* Does the expression vary along the axis (no reduction inside it folds it)? */
bool match_varies(const struct node *expression, const char *axis);

/* Does first stand before second (1) or behind it (-1) in the first access of the value that varies along
 * both? 0: there is none. */
int match_order(const struct node *value, const char *first, const char *second);

enum match_kind {
    MATCH_NONE,
    MATCH_CONTRACTION, /* a sum of products: left over (row, inner), right over (inner, column) */
    MATCH_FOLD         /* a sum or maximum of an elementwise expression along rows or columns */
};

struct match {
    enum match_kind kind;
    const char *row, *column, *inner; /* axes by role; row or column is NULL for a vector result */
    struct node *left,
        *right;         /* the operands of a contraction; factors free of all three axes join the left one */
    bool left_turned;   /* left lies as (inner, row) */
    bool right_turned;  /* right lies as (column, inner) */
    bool along_rows;    /* of a fold: the folded axis is the last of its operand, the result a column */
    const char *reason; /* of MATCH_NONE: why not, for a message */
};

/* What a reduction over one axis computes for a result with these axes (one or two, rows first). */
struct match match_reduction(const struct matcher *matcher, const struct node *reduction, size_t count,
                             const char *const *axes);

#endif
