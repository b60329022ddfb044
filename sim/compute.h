/* What the files of the compute kernel's calls share. */
#ifndef TILEC_SIM_COMPUTE_H
#define TILEC_SIM_COMPUTE_H

#include "sim/core.h"

/* Notes an init; a and b: buffers that SrcA and SrcB must be configured for, or NULL. */
void operation_init(struct thread *t, struct operation operation, const struct circular_buffer *a,
                    const struct circular_buffer *b);

/* Faults unless the last init is of this kind and these parameters and the formats fit; init: its name. */
void operation_check(struct thread *t, struct operation operation, const char *init,
                     const struct circular_buffer *a, const struct circular_buffer *b);

/* A tile as SrcA or SrcB hold it. */
void source_load(struct thread *t, struct circular_buffer *cb, uint32_t tile, struct tile *out);

/* ROW, COL or SCALAR of a tile over all of it. */
void tile_broadcast(const struct tile *in, uint32_t type, struct tile *out);

#endif
