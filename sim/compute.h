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

/* The bytes of a page as the unpacker gives them: whole to DST where the buffer says so, else through SrcA or
 * SrcB. */
struct unpacked {
    bool integer;
    struct tile_range range; /* of floats */
};
struct unpacked tile_unpack(struct thread *t, const struct circular_buffer *cb, const uint8_t *bytes,
                            struct tile *out);

/* A tile as SrcA or SrcB hold it: valid during the call at hand. */
struct operand {
    struct tile tile;
    struct tile_range range;
    struct circular_buffer *buffer; /* of which it is a page */
    uint32_t page;
    uint64_t call; /* the last that used it */
};
const struct operand *operand_load(struct thread *t, struct circular_buffer *cb, uint32_t tile);

/* ROW, COL or SCALAR of a tile over all of it. */
void tile_broadcast(const struct tile *in, uint32_t type, struct tile *out);

#endif
