/* The parts of auto_tile_tt. A kernel of nests over elements is read as equations (auto_tile_normalise.c),
 * which values get one is settled (auto_tile_values.c), the equations are brought into one group under common
 * outer axes (auto_tile_group.c), and the group is written as a tile program (auto_tile_emit.c).
 *
 *     for i, j { C[i, j] = 0 }
 *     for k, i, j { C[i, j] += A[i, k] * B[k, j] }   =>   C[i, j] = max(sum(k in 0..K: A[i, k] * B[k, j]), 0)
 *     for i, j { C[i, j] = max(C[i, j], 0) }
 */
#ifndef TILEC_TRANSFORMS_AUTO_TILE_H
#define TILEC_TRANSFORMS_AUTO_TILE_H

#include "analysis/access.h"
#include "analysis/match.h"
#include "ir/names.h"
#include "ir/value_type.h"
#include "transforms/pass.h"

enum { AXIS_LIMIT = TENSOR_RANK_LIMIT };

/* An axis with its range. */
struct range {
    const char *name;
    struct node *lower, *upper;
    struct span span;
    struct span statement; /* that opens it; line 0: unknown */
    struct node *within;   /* of loops around: the values that it takes, where they differ from iteration to iteration; NULL */
    bool single;           /* of a fold that takes one element after the other, also of what lies in tiles */
};

/* name[axes] = value: of a tensor (store) or of an intermediate value. In values every intermediate is read
 * as an access with all its axes.
 */
struct equation {
    const char *name;
    bool store, unnamed; /* unnamed: a reduction that stood inside another equation */
    bool old;            /* reads what an inout tensor held before another equation overwrites it */
    bool folds_indices;  /* a fold of indices or literals, as i32 */
    enum dtype dtype;    /* NONE: of the value */
    size_t axis_count;
    struct range axes[AXIS_LIMIT];
    bool whole[AXIS_LIMIT]; /* this axis is an inner one of the group */
    struct node *value;
    struct node_access *at; /* of a store: the element, of its axes; NULL: the one at its axes */
    struct span span;
};

/* Axes of the tile program: those of the grid, then those that a block of the grid covers, whole or streamed. Along any
 * other axis an output is written by panels of its own.
 */
struct group {
    size_t outer_count, inner_count;
    struct range outer[AXIS_LIMIT], inner[AXIS_LIMIT];
    bool streamed[AXIS_LIMIT]; /* inner: covered block by block, once for every fold that waits for another */
};

/* A value of an inout tensor that is read, by another statement than the one that overwrites it. */
struct old_value {
    struct span span;
    const char *tensor;
};

struct tiler {
    struct compilation *compilation;
    struct arena *arena;
    struct node_kernel *kernel;
    struct relations *relations;
    struct name_table names;
    struct range *axes; /* every axis by its name, loops and reductions */
    const char **axis_names;
    size_t axis_count, axis_capacity;
    struct equation *equations;
    size_t equation_count, equation_capacity;
    struct group group;
    struct node *conditions[AXIS_LIMIT]; /* that the launch checks beside those of the kernel */
    size_t condition_count;
    struct old_value *old_value; /* the first one; NULL: there is none */
    struct view *views;  /* auto_tile_views.h */
    size_t view_count, view_capacity;
    bool has_version;            /* for sizes at which it does not fit L1 */
    bool launches_apart;         /* what reads an old value may do so in a launch before the one that overwrites it */
    bool failed;
};

/* ---- auto_tile_tt.c ---- */
/* The kernel is refused: of several reasons the first is told. True when this is the one, which help may
 * follow. */
bool tile_fail(struct tiler *t, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tile_help(struct tiler *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An element read with `else`; the caller says what to do if this is the failure that is told (true). */
bool fail_as_guarded(struct tiler *t, struct span span, const char *name);
/* An old value of this inout tensor is read in the nest that overwrites it; own: by the statement that does. */
void fail_as_old_value(struct tiler *t, struct span span, const char *tensor, bool own);
struct matcher tiler_matcher(const struct tiler *t);
const struct range *axis_named(const struct tiler *t, const char *name);
void axis_declare(struct tiler *t, struct range range);
/* Its fold takes one element of it after the other. */
void axis_take_singly(struct tiler *t, const char *name);
/* A name that is free, for an axis that messages go on to tell as `base`. */
const char *axis_fresh(struct tiler *t, const char *base);
struct equation *equation_add(struct tiler *t, struct equation equation);
struct equation *equation_named(const struct tiler *t, const char *name);
bool same_range(const struct tiler *t, const struct range *a, const struct range *b);
/* The access name[axes]. */
/* Of names in equations. */
struct value_types tiler_types(struct tiler *t);
struct node *access_of(struct arena *arena, const char *name, size_t count, const struct range *axes);
/* A value that is read in another statement than the one that it was written in: its accesses and reductions
 * keep the place of that one. */
struct node *value_moved(struct arena *arena, struct node *value, struct span statement);
/* The expression with axes renamed, all at once; reductions inside whose axis would be captured get a fresh
 * one. */
struct node *rename_axes(struct tiler *t, struct node *node, size_t count, const char *const *from,
                         const char *const *to);
/* A new axis with the range of one that exists; its name. */
const char *axis_duplicate(struct tiler *t, const char *name);
/* The reduction with those of its axes that the test picks under names of their own. */
typedef bool axis_test(const struct tiler *t, const struct node_axis *axis, const void *context);
struct node_reduction rename_own_axes(struct tiler *t, const struct node_reduction *reduction,
                                      axis_test *picks, const void *context);
size_t count_nodes(const struct node *tree);
size_t count_equal(const struct node *tree, const struct node *wanted);
/* Is the axis counted, one element after the other: does it stand before the last two dimensions of a tensor, where it
 * selects matrices, or does a fold take it so? Any other axis of a tensor lies in tiles. */
bool is_matrix_axis(const struct tiler *t, const char *name);
bool is_tile_axis(const struct tiler *t, const char *name);
/* Is the subscript a number, of sizes and of axes that are counted? */
bool is_counted(const struct tiler *t, const struct node *subscript);
/* Is the tensor read along one row or column: is subscript i, of the last two, a number? */
bool is_line(const struct tiler *t, const struct node_access *access, size_t i);
bool is_outer(const struct tiler *t, const char *name);
bool is_inner(const struct tiler *t, const char *name);
bool is_streamed(const struct tiler *t, const char *name);
/* Is it an axis of the equation's target? NULL: of none. */
bool is_own_axis(const struct equation *equation, const char *name);

/* The last two dimensions of every result are cut into tiles, and count no matrices of another tensor. */
void check_targets(struct tiler *t);
/* A fold of rows and columns at once, or of all that a tensor of one dimension has. */
void advise_single_number(struct tiler *t, const struct node_reduction *reduction, const char *counted);
void fail_as_single_number(struct tiler *t, const struct equation *equation,
                           const struct node_reduction *reduction);
/* A fold along both axes at once of what is no single number. */
void fail_as_rows_and_columns(struct tiler *t, const struct equation *equation,
                              const struct node_reduction *reduction, const char *first, const char *second);

/* ---- the steps ---- */
/* The nests as equations, those that one place alone reads in that place. False after an error. */
bool tile_read(struct tiler *t);
/* tt.indices: what a launch can say of the places that data choose, of which one outside reads as 0 on the device, and is not
 * written; NULL: there are none. */
struct node *tile_indices(struct tiler *t);
void tile_normalise(struct tiler *t);
void inline_equations(struct tiler *t);
/* Does the value of this name stand in a subscript: does it choose what is read? */
bool chooses_places(const struct tiler *t, const char *name);
/* An expression with a value, that of an equation, where it reads it. */
struct node *value_inlined(struct tiler *t, struct node *node, const struct equation *definition,
                           struct node *value);
void narrow_equations(struct tiler *t);
void extract_reductions(struct tiler *t);
/* The value of the equation, with folds that vary along both axes of its result and are no sums of products over axes that
 * count elements (auto_tile_elements.c). */
struct node *take_elements(struct tiler *t, const struct equation *equation);
/* Equal ranges of different equations are the same axis. */
void tile_unify(struct tiler *t);
void tile_group(struct tiler *t);
/* Costly values that a block of the group would work out again along an axis that they lack (auto_tile_repeated.c). */
void extract_repeated(struct tiler *t);
/* Bytes of L1 that the group takes with its axes covered whole; -1 where a size is open. */
int64_t tile_footprint(struct tiler *t);
/* Marks the inner axes that may be streamed: those of open size, all with fixed_too. False: there is none. */
bool stream_axes(struct tiler *t, bool fixed_too);
/* A remark: how often the statements of a block read each tensor along streamed axes (auto_tile_report.c). */
void report_streamed(struct tiler *t, struct node_list statements);
/* Does one loop over each streamed axis do? */
bool is_read_once(struct tiler *t);
struct node *tile_emit_program(struct tiler *t);
/* Does the kernel, tiled here or a tile program of its author, send something if its schedule asks for it?
 * False after a reported error. */
bool check_multicast(struct compilation *c, bool tiled);

#endif
