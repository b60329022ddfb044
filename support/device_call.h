/* The device calls: rows of device_calls.def, by number and by name. */
#ifndef TILEC_SUPPORT_DEVICE_CALL_H
#define TILEC_SUPPORT_DEVICE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DEVICE_CALL_matmul_tiles: its place in device_calls. */
enum device_call_number {
    DEVICE_CALL_NONE,
#define CALL(name, role, effect, init, header, ...) DEVICE_CALL_##name,
#include "support/device_calls.def"
    DEVICE_CALL_END
};

enum call_role { CALL_OF_ANY, CALL_OF_DATA, CALL_OF_COMPUTE };

enum effect_kind {
    EFFECT_NONE,
    EFFECT_VALUE,       /* gives a number */
    EFFECT_NOC_ADDRESS, /* gives the NoC address of a place, or of one on all cores of a rectangle */
    EFFECT_RESERVE,
    EFFECT_PUSH,
    EFFECT_WAIT,
    EFFECT_POP,
    EFFECT_READ_PAGE,
    EFFECT_READ_PART, /* of a page of a tensor */
    EFFECT_WRITE_PAGE,
    EFFECT_WRITE_PART, /* of a page of a tensor */
    EFFECT_READ_BARRIER,
    EFFECT_WRITE_BARRIER,
    EFFECT_WRITES_FLUSHED,
    EFFECT_STORE, /* of the data movement processor */
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

/* Of the vector unit: a simple operation on a tile, two of them, an elementary function. */
enum call_cost { COST_OPERATION, COST_TWO_OPERATIONS, COST_FUNCTION };

enum parameter_class { CLASS_WORD, CLASS_NUMBER, CLASS_PAGE, CLASS_ACCESSOR, CLASS_ADDRESS };

enum parameter_kind {
    PARAMETER_NONE,
#define PARAMETER(kind, class, name, maker) PARAMETER_##kind,
#include "support/device_calls.def"
    PARAMETER_END
};

struct parameter_info {
    enum parameter_class class;
    const char *name;              /* in C */
    enum device_call_number maker; /* of a NoC address */
};
extern const struct parameter_info parameter_infos[PARAMETER_END];

struct call_word {
    enum parameter_kind kind;
    const char *word;
    uint32_t value;
    const char *metalium; /* NULL: only for kernels written by hand */
};
extern const struct call_word call_words[];
extern const size_t call_word_count;

#define CALL_PARAMETER_LIMIT 9
#define CALL_KEY_LIMIT 4 /* words, numbers and buffers that the calls of an init repeat */
#define CALL_CONSTANT_LIMIT 3

/* Positions count from 1 over all parameters; 0: it has none. */
struct device_call {
    enum device_call_number number;
    const char *name;
    enum call_role role;
    enum effect_kind kind;
    enum device_call_number init;                   /* that must stand before it; of an init: itself */
    const char *header;                             /* below "api/"; "": that of the role */
    const char *metalium;                           /* its C++ text, where it is no call of that name */
    unsigned char parameters[CALL_PARAMETER_LIMIT]; /* enum parameter_kind */
    unsigned char count, templates;                 /* parameters; the words among them, which come first */
    unsigned char buffer, pages;                    /* of protocol, packing and one-sided reconfiguration */
    unsigned char address, bytes;                   /* of data movement; the bytes of a store: their number */
    unsigned char offset;                           /* within a page */
    unsigned char from;                             /* of a store: the address of what it copies; 0: it stores a value */
    unsigned char target, size,
        receivers;                   /* core to core: the NoC address, bytes, how many cores it stands for */
    unsigned char linked;            /* of a multicast: 1, its path is held for the next */
    unsigned char value;             /* of a semaphore: set, waited for or added */
    unsigned char order;             /* REGULAR or REVERSE */
    unsigned char a, b;              /* the buffers read through SrcA and SrcB */
    unsigned char out;               /* the buffer packed to */
    unsigned char tile_a, tile_b;    /* the tiles read of them */
    unsigned char format;            /* the word that says what DST holds */
    unsigned char words, word_count; /* template arguments that init and call share */
    unsigned char parameters_shared, parameter_count; /* and numbers */
    unsigned char rows, columns, stride;              /* of a block of products: rt, ct, kt */
    unsigned char slot;                               /* the slot written, or packed */
    unsigned char source[3];                          /* slots read */
    unsigned char transposed; /* of a product's init: how all its calls take the right tiles */
    enum effect_write write;
    enum call_cost cost;
    unsigned char spread;   /* the word of what an operation spreads of its second buffer; 0: nothing */
    unsigned char constant; /* the first CONSTANT; others follow */
    float constants[CALL_CONSTANT_LIMIT]; /* what stands there */
    const char *define;                   /* for the preprocessor, where DST holds f32; NULL: none */
    const char *meaning;                  /* on the embedded device */
    bool matrix, swaps, product, same_buffers, whole, either; /* as device_calls.def says */
};
extern const struct device_call device_calls[DEVICE_CALL_END];

/* NULL: there is none of that name. */
const struct device_call *device_call_find(const char *name);
/* The same, and NULL for calls that do nothing but give a value. */
const struct device_call *device_call_acting(const char *name);
const struct call_word *call_word_find(const char *word);
/* Is it a word of device form, for parameters of that kind? */
bool call_word_fits(const char *word, enum parameter_kind kind);

/* The call that computes a function of functions.def. */
const struct device_call *function_call_find(const char *function);

static inline bool writes_tensor(const struct device_call *call) {
    return call->kind == EFFECT_WRITE_PAGE || call->kind == EFFECT_WRITE_PART;
}

static inline bool reads_tensor(const struct device_call *call) {
    return call->kind == EFFECT_READ_PAGE || call->kind == EFFECT_READ_PART;
}

static inline bool device_call_acts(const struct device_call *call) {
    return call->kind != EFFECT_VALUE && call->kind != EFFECT_NOC_ADDRESS;
}

/* The constant that the row gives for the parameter; NULL: the parameter is none. */
static inline const float *call_constant(const struct device_call *call, size_t index) {
    bool is_constant = call->constant && call->parameters[index] == PARAMETER_CONSTANT;
    return is_constant ? &call->constants[index + 1 - call->constant] : NULL;
}

static inline const struct parameter_info *call_parameter(const struct device_call *call, size_t index) {
    return &parameter_infos[call->parameters[index]];
}

#endif
