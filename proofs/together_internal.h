/* The search for an order in which all functions of a core end: what its parts share. */
#ifndef TILEC_PROOFS_TOGETHER_INTERNAL_H
#define TILEC_PROOFS_TOGETHER_INTERNAL_H

#include "proofs/internal.h"
#include "proofs/together.h"

enum { ASSUMPTION_LIMIT = 32, PEEL_LIMIT = 4 };

/* What is still to come of a function: a list, and behind it those around. */
struct frame {
    const struct item *at;
    const struct frame *up;
};

struct position {
    const struct frame *fronts[FUNCTION_LIMIT];
    const struct polynomial **fills; /* by buffer: pages pushed and not popped */
    int demands;                     /* first turns that went on their own since somebody waited for them */
};

struct assumption {
    const struct condition *leaf;
    bool holds;
};

/* STUCK: not proved to go on. SPLIT: it depends on a condition, which `split` names. */
enum outcome { DONE, STUCK, SPLIT };

struct run {
    const struct side_by_side *kernel;
    struct walk *walk;
    struct values *values;
    struct assumption assumptions[ASSUMPTION_LIMIT];
    size_t assumption_count;
    const struct condition *split;
    int steps, alignments;
    const struct item **stuck;
    size_t stuck_count; /* how many functions were at it when `stuck` was noted */
};

/* ---- what is known, under the assumptions of the run (assume.c) ---- */

bool run_at_most_zero(struct run *run, const struct polynomial *p); /* false for NULL */
bool run_at_least(struct run *run, const struct polynomial *p, int64_t least);
/* 1 true, 0 false; -1: it depends, on `split` when that is a number. */
int run_truth(struct run *run, const struct condition *condition);
const struct condition *turns_condition(struct run *run, const struct item *loop, int64_t least);
/* Are there so many turns? If that is not known, it is what to split by. */
bool loop_has_turns(struct run *run, const struct item *loop, int64_t least);

/* ---- positions ---- */

const struct frame *frame_new(struct run *run, const struct item *at, const struct frame *up);
const struct item *position_head(struct position *position, size_t function);
/* These items in place of the head. */
void position_replace(struct run *run, struct position *position, size_t function, const struct item *items);
struct position position_copy(struct run *run, const struct position *position);
const struct polynomial **copy_fills(struct run *run, const struct polynomial **fills);

/* Every function as far as it comes. */
enum outcome run_together(struct run *run, struct position *position);
/* Loops at which functions stand, in some way (joint.c); STUCK: none is known. */
enum outcome loops_advance(struct run *run, struct position *position);

#endif
