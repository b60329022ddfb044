/* One kernel on its way through the compiler: what passes and proofs see of it. */
#ifndef TILEC_IR_COMPILATION_H
#define TILEC_IR_COMPILATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ir/ir.h"
#include "ir/verify.h"

struct architecture;
struct explanations;
struct pass;

/* Rows that a core holds in L1 may be streamed, or the other way round. */
enum rows { ROWS_ONE_WAY, ROWS_MAY_STREAM, ROWS_MAY_HOLD };

struct compilation {
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct architecture *architecture;
    uint32_t grid_x, grid_y; /* cores to use; within the architecture's grid */
    struct node *kernel;     /* the kernel as it stands; a pass replaces it */
    enum form form;
    struct node *tile_form; /* the kernel as the last pass of tile form left it; NULL before that */
    /* The kernel was read as IR text: what it breaks of the rules of a form, and what passes make of it that does
     * not fit together, is its author's. */
    bool authored;
    /* What the same kernel for rows of any length is called (tt.when_full); NULL: there may be none. */
    const char *streamed_name;
    enum rows rows; /* set by auto_tile_tt: what else the kernel may do with its rows */
    bool relays; /* out: it reads a tensor again and again that a launch of its own would lay out once */
    /* what verify_tt_ir leaves to the launch: conditions on sizes by name; NULL: nothing */
    struct node *checks;
    struct explanations *explanations; /* what is proved is told here; NULL: nobody asks */
    const struct pass *broken;         /* set by the runner and verify_tt_ir: this pass broke its promise,
                                        * or found that another one did: a fault of tilec */
};

#endif
