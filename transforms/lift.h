/* Nests over elements that carry state over loops of blocks, as tile programs. Such a nest is not read as equations:
 * it is written for all elements of a block at once, statement by statement.
 *
 *     for i in 0..M {                                    grid i in 0..M by 32 {
 *         var m: f32 = -inf                                  fragment m[i]: f32 = -inf
 *         for j in 0..N by 128 {                             for j in 0..N by 128 {
 *             let z[j]: f32 = X[i, j] * 2            =>          shared z[i, j]: f32 = X[i, j] * 2
 *             m = max(m, max(j: z[j]))                           m[i] = max(m[i], max(j: z[i, j]))
 *         }                                                  }
 *         Y[i] = m                                           Y[i] = m[i]
 *     }                                                  }
 *
 * lift.c finds the nest and writes the program, lift_axes.c opens its axes, lift_shapes.c settles which of them blocks
 * have, lift_running.c what an element hands to the next, lift_values.c what statements become.
 */
#ifndef TILEC_TRANSFORMS_LIFT_H
#define TILEC_TRANSFORMS_LIFT_H

#include "ir/element_range.h"
#include "transforms/auto_tile.h"

enum { LIFT_AXES = 32, LIFT_NAMES = 128, OPEN_LIMIT = 64 };

enum lifted_kind {
    LIFTED_ROW,   /* an element axis of the nest that lies in tiles: a block axis of the grid */
    LIFTED_WHOLE, /* an axis that arrays of the nest open: one block */
    LIFTED_BLOCK, /* a loop over blocks */
    LIFTED_MATRICES /* a loop over elements that count matrices: what it changes is state, as that of a loop over blocks */
};

/* A block axis of the tile program. */
struct lifted_axis {
    enum lifted_kind kind;
    const char *name;
    struct node *lower, *upper, *step;
    struct span span;
};

/* A let or var of the nest. */
struct held {
    const char *name;
    struct span span;
    bool variable;
    enum dtype dtype;
    size_t own_count;
    size_t own[2];     /* its own axes, as numbers of lifted axes */
    size_t opened;     /* loops that were open where it is declared */
    uint64_t follows;  /* those that the ranges of loops depend on which change it */
    uint64_t varies;   /* the lifted axes that it has a value for each of */
    size_t axis_count; /* those in the order of its block: rows, columns */
    size_t axes[2];
};

/* A loop that is open, or an axis that a reduction folds. */
struct opened {
    size_t axis;
    bool elements; /* a loop over elements: a set, of which statements may gather over all */
    const struct node *body; /* of the loop */
};

struct lifter {
    struct tiler *t;
    struct arena *arena;
    struct lifted_axis axes[LIFT_AXES];
    size_t axis_count;
    struct held held[LIFT_NAMES];
    size_t held_count;
    struct opened opened[OPEN_LIMIT];
    size_t open_count;
    const char *row; /* the axis of one element of a kernel that keeps vars itself; NULL: a nest keeps them */
    struct node_axis *matrices[AXIS_LIMIT]; /* element axes that remain: outer ones */
    size_t matrix_count;
    struct list_builder *out;    /* statements under construction */
    struct list_builder *before; /* in front of the outermost loop over blocks; NULL: outside of all */
    struct span span;            /* of the statement */
};

/* ---- lift.c ---- */
/* Does the kernel carry state over loops of blocks, or fold ranges that differ from element to element? */
bool lift_wanted(const struct node_kernel *kernel);
/* The body of the kernel as a tile program; NULL after a reported error. */
struct node *lift_nest(struct tiler *t);
bool lift_fail(struct lifter *l, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A set of lifted axes has their bits; an axis that is none has no bit. */
static inline uint64_t lifted_bit(size_t axis) {
    return axis < LIFT_AXES ? (uint64_t)1 << axis : 0;
}

/* ---- lift_axes.c ---- */
struct held *held_find(struct lifter *l, const char *name);
/* The lifted axis of this name; LIFT_AXES when there is none. */
size_t lifted_find(const struct lifter *l, const char *name);
size_t lifted_add(struct lifter *l, struct lifted_axis axis);
/* The statements of a body with every axis settled: loops over elements are open no more, except those over blocks that
 * they became; own axes and ranges of reductions name lifted axes. */
struct node *lift_axes_of(struct lifter *l, struct node *body);
/* The lifted axes that a value varies along. */
uint64_t lift_varies(struct lifter *l, const struct node *value);

/* ---- lift_shapes.c ---- */
/* Which axes every let and var has, from the values that it gets. */
void lift_shapes(struct lifter *l, struct node *body);
/* The axes of a block that varies along some, in order: as tensors lie in the tree, else rows of the nest first. False
 * after a reported error. */
bool held_shape(struct lifter *l, struct held *held, struct node *tree);

/* ---- lift_running.c ---- */
/* The body with folds down to the element at hand, sum(k in 0..j + 1: e), as vars that run along their loop. */
struct node *lift_running_folds(struct tiler *t);
/* The body with folds that the loop does not change as lets, which are added to the list. */
struct node *lift_hoisted(struct lifter *l, const struct node_for *loop, struct node *body, struct list_builder *lets);
/* Does the axis count matrices of tensors, and lie in tiles of none? */
bool counts_matrices(const struct node_kernel *kernel, const char *axis);
/* Does a loop over elements change a var that it also reads? */
bool lift_runs(const struct node_kernel *kernel);
/* Does the body read the name, but for changing it by an operator? */
bool is_read_in(const struct node *body, const char *name);
/* The fold that an element hands to the next, along an axis of the loop around: its value at each element, by a name of its
 * own, and the statement that keeps the last one for the next block. */
struct running {
    const char *at;
    struct node *let, *end;
};
struct running lift_running(struct lifter *l, const struct node_assign *assign, const char *axis);

/* ---- lift_values.c ---- */
/* The statements of a settled body as those of a tile program, added to l->out. */
void lift_list(struct lifter *l, struct node_list list);

#endif
