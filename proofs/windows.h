/* What the proof of windows knows of a circular buffer where it stands, and what a loop makes of it. */
#ifndef TILEC_PROOFS_WINDOWS_H
#define TILEC_PROOFS_WINDOWS_H

#include "proofs/internal.h"

/* A position in the ring: at + any multiple of modulus. Both NULL: unknown. */
struct ring_position {
    const struct polynomial *modulus, *at;
};

enum answer { NO, YES, UNKNOWN };

/* What all moves of a side have in common, on whatever path they are. Every move that may come before a place
 * that is judged was walked before it: those of the loops around it in their quiet iterations. So every
 * window there begins at a multiple of `common`, also where its position in the ring is not known. */
struct moves {
    const struct polynomial *common; /* divides the ring and every move; NULL: no such number is known */
    bool doubted;                    /* where its windows lie in the ring was left open, and reported */
};

struct side {
    const struct polynomial *window; /* pages reserved, or waited for; NULL: unknown */
    struct ring_position ring;
    struct moves *moves; /* of all states of this function */
    enum answer unmoved; /* a call opened the window, and nothing moved it since */
    struct span opened, moved;
};

struct windows {
    struct side back, front;
};

bool same_ring(const struct ring_position *a, const struct ring_position *b);
/* Is a = k * b for a whole k > 0? */
bool whole_multiple(struct values *v, const struct polynomial *a, const struct polynomial *b);
int64_t common_divisor(int64_t a, int64_t b);

/* As walk.h says of a proof, of the windows of all buffers. */
void windows_widen(struct walk *walk, void *invariant, const void *end, const struct loop_range *loop);
bool windows_stabilise(struct walk *walk, const void *before, void *invariant, const void *end,
                       const struct loop_range *loop);
bool windows_are_fixpoint(struct walk *walk, const void *invariant, const void *end,
                          const struct loop_range *loop);
void windows_narrow(struct walk *walk, void *invariant, const void *first, const void *second);
void windows_after_loop(struct walk *walk, void *state, const void *invariant, const void *end,
                        const struct loop_range *loop);

#endif
