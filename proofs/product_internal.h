/* The search for an order in which all functions of a core end: what its parts share. */
#ifndef TILEC_PROOFS_PRODUCT_INTERNAL_H
#define TILEC_PROOFS_PRODUCT_INTERNAL_H

#include "proofs/internal.h"
#include "proofs/product.h"

enum { ASSUMPTION_LIMIT = 32, PEEL_LIMIT = 4 };

/* What is still to come of a function: a list, and behind it those around. */
struct continuation {
    const struct event_item *at;
    const struct continuation *up;
};

struct product_state {
    const struct continuation *fronts[FUNCTION_LIMIT];
    const struct polynomial **fills; /* by buffer: pages pushed and not popped */
    int demands; /* first iterations that went on their own since somebody waited for them */
};

struct assumption {
    const struct condition *leaf;
    bool holds;
};

/* STUCK: not proved to go on. SPLIT: it depends on a condition, which `split` names. */
enum outcome { DONE, STUCK, SPLIT };

struct symbolic_run {
    const struct product *kernel;
    struct walk *walk;
    struct values *values;
    struct assumption assumptions[ASSUMPTION_LIMIT];
    size_t assumption_count;
    const struct condition *split;
    int steps, alignments;
    const struct event_item **stuck;
    size_t stuck_count; /* how many functions were at it when `stuck` was noted */
};

/* ---- what is known, under the assumptions of the run (product_assume.c) ---- */

bool entails_at_most_zero(struct symbolic_run *run, const struct polynomial *p); /* false for NULL */
bool entails_at_least(struct symbolic_run *run, const struct polynomial *p, int64_t least);
/* 1 true, 0 false; -1: it depends, on `split` when that is a number. */
int entailed_truth(struct symbolic_run *run, const struct condition *condition);
const struct condition *iterations_condition(struct symbolic_run *run, const struct event_item *loop,
                                             int64_t least);
/* Are there so many iterations? If that is not known, it is what to split by. */
bool loop_has_iterations(struct symbolic_run *run, const struct event_item *loop, int64_t least);

/* ---- positions ---- */

const struct continuation *continuation_new(struct symbolic_run *run, const struct event_item *at,
                                            const struct continuation *up);
const struct event_item *product_head(struct product_state *position, size_t function);
/* These items in place of the head. */
void product_replace(struct symbolic_run *run, struct product_state *position, size_t function,
                     const struct event_item *items);
struct product_state product_copy(struct symbolic_run *run, const struct product_state *position);
const struct polynomial **copy_fills(struct symbolic_run *run, const struct polynomial **fills);

/* Every function as far as it comes. */
enum outcome run_product(struct symbolic_run *run, struct product_state *position);
/* Loops at which functions stand, in some way (product_loops.c); STUCK: none is known. */
enum outcome loops_advance(struct symbolic_run *run, struct product_state *position);

#endif
