/* The proofs, each one question, and what they share beyond the walk. */
#ifndef TILEC_PROOFS_INTERNAL_H
#define TILEC_PROOFS_INTERNAL_H

#include "proofs/walk.h"

extern const struct domain windows_domain;  /* every access in a window, no window straddles the ring's end */
extern const struct domain movement_domain; /* transfers are done before their window moves */
extern const struct domain slots_domain;    /* DST slots: capacity, written before they are read or packed */
extern const struct domain configuration_domain; /* start-up, data formats, inits */

/* Between the functions: who fills and empties a buffer, in which order. */
void prove_order(struct walk *walk, struct node_list functions);
/* Cores that send blocks to one another do so in rendezvous of one order, and nothing is lost between them.
 */
void prove_exchanges(struct walk *walk, struct node_list functions);
/* No function waits for ever for what another one does, or it itself. */
void prove_no_deadlock(struct walk *walk, struct node_list functions);

/* Sizes to look for faults with: small ones first, as the kernel's `where` wants them. */
enum { SAMPLE_COUNT = 9 };
int64_t size_of_sample(struct walk *walk, int sample, size_t atom);
bool walk_has_sizes(const struct walk *walk);

/* p <= limit is proved; nothing is searched for when it is not. */
bool prove_quietly(struct walk *walk, const struct polynomial *p, const struct polynomial *limit);
/* A number as messages say it. */
const char *value_text(struct walk *walk, const struct polynomial *p);
/* The window that an address is relative to, and how far it is from it; NULL when it is none of one window.
 */
const struct atom *pointer_in(struct walk *walk, const struct polynomial *address,
                              const struct polynomial **offset);
/* How many 32x32 tiles a DST section holds. */
int64_t section_tiles(const struct walk *walk);
bool dst_holds_f32(const struct walk *walk);
/* Shared parts of proofs that keep what any path leaves. */
void no_final(struct walk *walk, void *state);

#endif
