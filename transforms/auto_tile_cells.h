/* The reading of nests as equations keeps, for every tensor written and every var, a cell: the value it has
 * so far as an expression of its own axes. Shared by auto_tile_cells.c (what expressions mean while
 * statements are read), auto_tile_assign.c (what assignments do) and auto_tile_normalise.c (all other
 * statements).
 */
#ifndef TILEC_TRANSFORMS_AUTO_TILE_CELLS_H
#define TILEC_TRANSFORMS_AUTO_TILE_CELLS_H

#include "transforms/auto_tile.h"

enum { CELL_LIMIT = 128 };

enum cell_kind { CELL_TENSOR, CELL_VAR, CELL_LET };

struct cell {
    enum cell_kind kind;
    const char *name;
    struct span span;
    enum dtype dtype;
    size_t outer;      /* loops around its declaration */
    size_t conditions; /* conditions around it */
    size_t rank;
    struct range dims[AXIS_LIMIT]; /* its own axes, as `value` names them */
    struct node *value;            /* NULL: nothing written yet */
    bool initial;                  /* an inout tensor holds a value from outside */
    bool assigned;
    struct node *unwritten; /* of its axes: true of elements that have no value yet; NULL: of none */
    struct node_access *at;            /* of an inout tensor: all that is written of it, one element for each iteration of */
    struct range iterations[AXIS_LIMIT]; /* these loops, whose value is `value`; NULL: of all of its own axes */
    size_t iteration_count;
    size_t defined; /* the number of assignments up to that which gave it its first value */
    size_t order;   /* of its last assignment */
    size_t folds;   /* the number of assignments up to the last that a loop accumulates; 0: none */
    enum assign_operator folded; /* as this */
    struct span assigned_span;
};

struct loop {
    struct range range;
    struct node *body;
    size_t order;    /* assignments before it */
    bool first_only; /* inside `if k == 0`: the statement runs in the first iteration */
    size_t cells;    /* then: declared before this `if` */
    struct span branch_span;
};

struct normaliser {
    struct tiler *t;
    struct arena *arena;
    struct loop loops[AXIS_LIMIT];
    size_t loop_count;
    struct cell cells[CELL_LIMIT];
    size_t cell_count;
    const char *bound[AXIS_LIMIT]; /* axes of the reductions around the expression at hand */
    size_t bound_count;
    struct cell *self; /* the cell under assignment: its value may be read at the target's own axes */
    bool self_shared;  /* it is read more than once: give it a name */
    struct node *conditions[AXIS_LIMIT]; /* under which the statement at hand is carried out, of loops and values */
    size_t condition_count;
    size_t order;
    struct span span; /* of the statement */
};

/* Where to report a node: its own place, else that of the statement. */
struct span cell_place(const struct normaliser *n, const struct node *node);
/* The cell of this name, NULL when there is none; a new one, NULL after an error. */
struct cell *find_cell(struct normaliser *n, const char *name);
struct cell *add_cell(struct normaliser *n, struct cell cell);
/* The loop with this axis, -1 when there is none. */
int find_loop(const struct normaliser *n, const char *name);
/* The range of an axis node under a name of its own: the same for all iterations around, with a condition (range->within)
 * where its ends depend on loops. False after an error. */
bool open_range(struct normaliser *n, struct node_axis *axis, struct range *range);
/* Gives a value a name of its own: an equation; the cell then holds an access of it. */
void name_value(struct normaliser *n, struct cell *cell, struct node *value);
/* The value that a cell holds, with its own axes called `names`. NULL after an error. */
struct node *cell_value(struct normaliser *n, struct cell *cell, const char *const *names, struct span span);
/* The same as a reading of the program: a value carried between iterations is an error, a value that lives on
 * gets a name. */
struct node *read_cell(struct normaliser *n, struct cell *cell, const char *const *names, struct span span);
/* Inside `if k == 0`: is the cell one that iterations of k share, as it was before the loop? What the first
 * iteration alone does to it is then done before the loop. False after an error. */
bool first_may_read(struct normaliser *n, const struct cell *cell);
/* Every element takes the same statements: a condition on this loop variable; NULL: on no loop variable. */
void fail_as_condition(struct normaliser *n, struct span span, const char *name);
/* The least or the greatest value of a number in all iterations of the loops that it depends on; NULL where that is not
 * known. */
struct node *index_extreme(struct normaliser *n, struct node *bound, bool greatest);
/* What stands under a condition; false after an error. */
bool open_condition(struct normaliser *n, struct node *condition);
/* An expression of the program with every reading of a cell replaced by its value and accesses canonical. */
struct node *resolve(struct node *node, void *normaliser);

/* ---- auto_tile_branch.c: `if` on what the launch knows ---- */
bool is_of_launch(struct normaliser *n, const struct node *condition);
/* The cells as they are, to be restored for the other branch. */
struct cell *cells_kept(const struct normaliser *n);
void cells_restore(struct normaliser *n, const struct cell *kept);
/* The cells at hand are those behind the second branch: they become what holds behind both. */
void cells_choose(struct normaliser *n, const struct node_if *branch, const struct cell *before,
                  struct cell *then);

/* What an assignment does to its target: target = value, or target operator= value; ADD may take the value
 * away. */
struct update {
    enum assign_operator op;
    struct node *value;
    bool negative;
    enum dtype cut; /* of x: `x = u8(x) + e`; DTYPE_NONE: as it is */
};

/* x = x + e, x = e + x, x = x - e, x = x * e, x = max(x, e), ... as an operator. */
struct update as_update(const struct node_assign *assign);
/* `if k == lower` of a loop around it: the branch is run in the first iteration. */
bool is_first_iteration(const struct normaliser *n, const struct node_if *branch, int *loop);
/* Gives the cell of the target the value that the assignment makes of it (auto_tile_assign.c). */
void read_assign(struct normaliser *n, struct node_assign *assign);
/* old op value; truth values as 1 and 0. */
struct node *update_combined(struct arena *arena, struct update update, struct node *old, struct node *value);
struct node *truth_as_number(struct arena *arena, struct node *truth);
/* The cell holds this value from now on, of these axes. */
void cell_assign(struct normaliser *n, struct cell *cell, const struct range *dims, struct node *value);
/* Another assignment in the loop that does something else to the cell than accumulate by op; told. */
bool has_conflict(struct normaliser *n, const struct loop *outermost, const struct cell *cell,
                  enum assign_operator op);
/* A target whose elements give no iteration that writes them. */
void fail_as_no_place(struct normaliser *n, struct node *target);
/* Every iteration of the loop writes the same elements. */
void fail_as_overwritten(struct normaliser *n, const struct range *loop, struct node *target);

/* ---- auto_tile_parts.c: results written in part, or at other places than bare loop variables ---- */
bool is_part(struct normaliser *n, struct node *target);
/* The access with `else 0` where it may be out of bounds outside of the conditions at hand. */
struct node *access_guarded(struct normaliser *n, struct node *access);
void assign_part(struct normaliser *n, struct node_assign *assign, struct update update);
/* What changes nothing where it joins an element of this type. */
struct node *neutral_of(struct arena *arena, enum assign_operator op, enum dtype type);
/* Where the cell has no value yet, with its axes called `names`; NULL: nowhere. */
struct node *unwritten_at(struct normaliser *n, const struct cell *cell, const char *const *names);
/* Have all elements at these axes a value where the condition holds (NULL: anywhere)? */
bool cell_is_whole(struct normaliser *n, const struct cell *cell, const char *const *names,
                   const struct node *where);

/* Adds to the error reported last the first iteration that depends on the one before it. does: "needs what",
 * "overwrites what". */
void note_next_iteration(const struct normaliser *n, const struct range *loop, const char *does);
/* The value of this cell depends on the iteration of the loop before. */
void fail_as_carried(struct normaliser *n, const struct cell *cell, const struct range *loop,
                     struct span span);

#endif
