/* A map's expression as steps on DST slots: which unit computes what, and where each value lies.
 *
 * One plan computes one tile; slots are numbered per tile. Slot 0 holds the fragment when the expression
 * reads one (it is in DST already), else the result. The FPU takes bf16 operands straight from circular
 * buffers (exact products and sums, one rounding); every other operand is loaded to DST at full width and the
 * vector unit works there, so no value of DST passes through SrcA or SrcB.
 *
 * What the FPU computes is chosen once, by memory_space_lower_tt, and stands in tile form as fpu(...): a
 * product there is added to a slot of zeros, so that -0 becomes +0. Later plans obey.
 *
 * The index of an element along an axis of the target is a tile of 0 to 31, along columns or rows, which the
 * reader makes once, and the number of the tile's first element added to it.
 */
#ifndef TILEC_TRANSFORMS_DST_PLAN_H
#define TILEC_TRANSFORMS_DST_PLAN_H

#include "ir/ir.h"
#include "support/device_call.h"

/* How a buffer's tiles meet the target's tile (r, c). */
enum spread {
    SPREAD_FULL,   /* tile (r, c) */
    SPREAD_ROW,    /* tile c of a row vector, over all rows */
    SPREAD_COLUMN, /* tile r of a column vector, over all columns */
    SPREAD_NUMBER, /* the first element of the one tile of a number, over rows and columns */
    /* Tiles that the reader makes once; the operand names no buffer. */
    SPREAD_ZEROS,
    SPREAD_INDEX_COLUMNS, /* 0 to 31 along the columns */
    SPREAD_INDEX_ROWS     /* along the rows */
};

struct dst_operand {
    const char *buffer; /* NULL: none, or a tile that the reader makes */
    enum spread spread;
};

/* A device call on slots: an operation on buffers, or one of the vector unit. Without a call: slot =
 * inside(axis) ? slot : scalar, with a condition and the scalar in the first two sources: slots of the tile's own
 * that are free then, else among those that all tiles share. */
struct dst_step {
    enum device_call_number call;
    int slot;             /* written */
    int source[3];        /* read, in the order of the call */
    struct dst_operand a; /* a row vector spread by itself: only at full width */
    struct dst_operand b;
    const char *format; /* the word of its leading argument, NULL: Float32 */
    struct node *
        scalar; /* a whole number, or bits(...) of a literal or of sizes, or a reference to a scalar parameter */
    /* Of a mask. With a call: whose name in the scalar stands for the first element of the tile at hand. */
    const char *axis;
    bool shares;       /* of a mask: its sources are slots that all tiles share */
    struct node *part; /* of an operation of the FPU: of the value */
};

struct dst_plan {
    struct dst_step *steps;
    size_t count, capacity;
    int slots;            /* per tile, at least 1 */
    int shared;           /* further slots that all tiles of a section use in turn, counted from 0 */
    int result;           /* the slot of the result */
    const char *fragment; /* read from slot 0, or NULL */
};

/* What the planner asks of a buffer. */
struct buffer_facts {
    bool known, fragment;
    enum dtype dtype;
    bool column; /* a vector of one axis lies as a column */
};
typedef struct buffer_facts buffer_lookup(const char *name, void *context);

struct dst_request {
    struct arena *arena;
    const struct node *kernel; /* its parameters tell scalars from sizes */
    struct diagnostics *diagnostics;
    struct span span;
    struct node_access *target; /* subscripts: the axes */
    bool target_column;         /* a vector target lies as a column */
    struct node *value;
    buffer_lookup *lookup;
    void *context;
    bool fresh;   /* no slot was written before in the section: the FPU may multiply (it accumulates) */
    bool chooses; /* the plan chooses what the FPU computes; else the value says it */
};

/* How many tiles a section of so many slots computes at once; 0: not even one. */
int64_t dst_plan_tiles(const struct dst_plan *plan, int64_t capacity);

/* The refusal of a value that needs so many slots at once, of so many that a section has. */
void dst_fail_as_large(struct diagnostics *diagnostics, struct span span, int64_t needed, int64_t available);

/* False after a reported error. */
bool dst_plan_make(const struct dst_request *request, struct dst_plan *plan);

/* The value that was planned, with what the plan has the FPU compute as fpu(...). Its parts are distinct
 * nodes. */
struct node *dst_plan_marked(struct arena *arena, const struct dst_plan *plan, struct node *value);

/* The word of DST for what a slot holds: f32, i32 or u32. */
const char *format_word(enum dtype held);
/* Does a step of the plan need this tile of the reader's? */
bool dst_plan_needs(const struct dst_plan *plan, enum spread spread);

#endif
