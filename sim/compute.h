/* What the files of the compute kernel's calls share.
 *
 * A call of compute comes to compute_call, which checks and does what its row says: role, start-up, words,
 * init, formats, DST section and slots. What is left of an operation is its meaning, mean_NAME, of which
 * device_calls.h, made by header.c, has the prototypes.
 */
#ifndef TILEC_SIM_COMPUTE_H
#define TILEC_SIM_COMPUTE_H

#include "sim/core.h"
#include "support/device_call.h"

struct compute_call {
    struct thread *thread;
    const struct device_call *row;
    const uint32_t *arguments;
    struct circular_buffer *a, *b; /* that stand for them in the row; NULL: it has none */
    const struct tile *source[3];  /* of the vector unit: the slots read */
    struct tile *target;           /* and written: the first source itself where it works in place */
};
typedef void call_meaning(const struct compute_call *call);

/* meaning: of an operation of a unit, else NULL */
void compute_call(uint32_t line, const struct device_call *row, const uint32_t *arguments,
                  call_meaning *meaning);

/* A call of the vector unit. */
void vector_run(struct compute_call *call, call_meaning *meaning);

/* The argument at a position of the row. */
static inline uint32_t call_argument(const struct compute_call *call, unsigned position) {
    return call->arguments[position - 1];
}

/* A DST slot to be wholly written; to be added to, 0 where nothing wrote it; to be read. */
struct tile *dst_target(struct thread *t, uint32_t slot);
struct tile *dst_accumulator(struct thread *t, uint32_t slot);
struct tile *dst_source(struct thread *t, uint32_t slot, enum slot_contents holds);
/* After an operation wrote it: rounds where DST has 16 bits. */
void dst_written(struct thread *t, uint32_t slot, enum slot_contents holds, uint32_t reduced);

/* The bytes of a page as the unpacker gives them: whole to DST where the buffer says so, else through SrcA or
 * SrcB. */
struct unpacked {
    enum slot_contents holds;
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
