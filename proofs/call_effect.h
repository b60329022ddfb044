/* What each device call does, as far as proofs ask: rows of call_effects.def, found by name. */
#ifndef TILEC_PROOFS_CALL_EFFECT_H
#define TILEC_PROOFS_CALL_EFFECT_H

#include <stdbool.h>
#include <stddef.h>

enum effect_kind {
    EFFECT_NONE,
    EFFECT_RESERVE,
    EFFECT_PUSH,
    EFFECT_WAIT,
    EFFECT_POP,
    EFFECT_READ_PAGE,
    EFFECT_WRITE_PAGE,
    EFFECT_READ_BARRIER,
    EFFECT_WRITE_BARRIER,
    EFFECT_WRITES_FLUSHED,
    EFFECT_STORE,
    EFFECT_SEMAPHORE_SET,
    EFFECT_SEMAPHORE_WAIT,
    EFFECT_SEMAPHORE_INCREASE,
    EFFECT_SEMAPHORE_MULTICAST,
    EFFECT_MULTICAST, /* writes pages of this core to others */
    EFFECT_ATOMIC_BARRIER,
    EFFECT_STARTUP,
    EFFECT_ACQUIRE,
    EFFECT_COMMIT,
    EFFECT_DST_WAIT,
    EFFECT_RELEASE,
    EFFECT_PACK,
    EFFECT_RECONFIGURE,
    EFFECT_RECONFIGURE_PACKER,
    EFFECT_INIT,
    EFFECT_OPERATION, /* reads windows through the unpackers, writes DST */
    EFFECT_UNINIT,
    EFFECT_VECTOR_INIT,
    EFFECT_VECTOR /* reads and writes DST */
};

/* How an operation writes its slots. */
enum effect_write { WRITE_SETS, WRITE_ADDS, WRITE_MULTIPLIES };

/* Arguments count from 1, template arguments first; 0: it has none. */
struct call_effect {
    const char *name;
    enum effect_kind kind;
    const char *init;            /* the init that must stand before it; of an init: its own name */
    int buffer;                  /* of protocol, packing and one-sided reconfiguration */
    int pages;                   /* of protocol */
    int address, bytes;          /* of data movement; the bytes of a store: their number */
    int target, size, receivers; /* of core to core: the NoC address, bytes, how many cores it stands for */
    int linked;                  /* of a multicast: 1, its path is held for the next */
    int value;                   /* of a semaphore: set, waited for or added */
    int order;                   /* REGULAR or REVERSE */
    int a, b;                    /* the buffers read through SrcA and SrcB */
    int out;                     /* of start-up: the buffer packed to */
    int tile_a, tile_b;          /* the tiles read of them */
    int words, word_count;       /* template arguments that init and call share */
    int parameters, parameter_count;
    int same_buffers;          /* 1: the init is for these very buffers, not for their formats */
    int rows, columns, stride; /* of a block of products: rt, ct, kt */
    int slot;                  /* the slot written, or packed */
    int source[3];             /* slots read */
    enum effect_write write;
    bool matrix;  /* the FPU: no buffers that are unpacked to DST, no integers */
    bool swaps;   /* SUM along REDUCE_ROW exchanges SrcA and SrcB */
    bool product; /* a matmul: as the first operation it wants start-up in REVERSE */
};

struct call_effects;
struct arena;
struct call_effects *call_effects_create(struct arena *arena);
/* By an interned name; NULL for helpers and values. */
const struct call_effect *call_effect_find(const struct call_effects *effects, const char *name);

#endif
