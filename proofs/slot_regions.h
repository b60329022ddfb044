/* What a DST section wrote, as regions: a slot expression with the loops and conditions that were open since
 * the section began.
 */
#ifndef TILEC_PROOFS_SLOT_REGIONS_H
#define TILEC_PROOFS_SLOT_REGIONS_H

#include "proofs/fact.h"
#include "proofs/internal.h"

enum { REGION_LOOPS = 6 };

/* A condition around a write, as it stood there. */
struct region_guard {
    const struct node *condition;
    bool holds;
    const struct alternatives *met, *unmet;
    const struct region_guard *outer;
};

struct region {
    const struct polynomial *slot, *count;
    const struct node_call *call;
    struct span span;
    const struct node_for *loops[REGION_LOOPS]; /* open since the section began, the outermost first */
    uint16_t locals[REGION_LOOPS];              /* their variables */
    size_t local_count;
    size_t carried; /* the loop whose earlier iterations wrote it; ATOM_LIMIT: this iteration did */
    const struct region_guard *guards; /* the innermost first */
    const struct region *next;
};

/* The slot is written on every path that comes here, in every launch. */
bool surely_written(struct walk *walk, const struct region *written, const struct polynomial *slot);
/* No path that comes here wrote any of `count` slots from this one on. */
bool surely_fresh(struct walk *walk, const struct region *written, const struct polynomial *slot,
                  const struct polynomial *count);
/* A launch that comes here and did not write the slot. Leaves walk->witness. */
bool find_missing(struct walk *walk, const struct region *written, const struct polynomial *slot);
/* The region that wrote the slot before, in a launch that comes here; NULL when none is found. */
const struct region *find_written(struct walk *walk, const struct region *written,
                                  const struct polynomial *slot);

#endif
