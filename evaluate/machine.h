/* What the evaluator compiles a kernel to, and the machine that runs it: shared by the files
 * of this folder only.
 *
 * Names are resolved to numbered slots once; control flow becomes a list of instructions with jumps. Expressions stay
 * small trees.
 */
#ifndef TILEC_EVALUATE_MACHINE_H
#define TILEC_EVALUATE_MACHINE_H

#include "evaluate/evaluate.h"
#include "evaluate/number.h"

#define NO_SLOT UINT32_MAX

/* ---- expressions ---- */

enum number_type { NUMBER_INDEX, NUMBER_I32, NUMBER_U32, NUMBER_BOOL, NUMBER_FLOAT };

enum operation {
    OP_INTEGER, /* integers: u.integer, u.slot */
    OP_SLOT,
    OP_CHECKED_SLOT, /* of a var: may be unwritten */
    OP_REAL,         /* floats: u.real, u.slot */
    OP_NUMBER_SLOT,
    OP_ELEMENT, /* u.element */
    OP_NEGATE,
    OP_NOT,
    OP_ARITHMETIC, /* u.binary */
    OP_COMPARISON, /* of a and b, of one type; u.binary */
    OP_AND,
    OP_OR,
    OP_MINIMUM, /* of integers */
    OP_MAXIMUM,
    OP_CEILDIV,
    OP_RANDOM, /* of a seed and an index */
    OP_FUNCTION,
    OP_FUNCTION_2, /* u.function, of floats */
    OP_SELECT,     /* a ? b : c */
    OP_FOLD,       /* u.fold */
    OP_CONVERT,    /* a as `type` */
    OP_ROUND,      /* a as a store of u.dtype gives it */
    OP_FPU         /* a as the FPU takes it */
};

struct expression {
    enum operation operation;
    enum number_type type;
    bool narrow; /* a float that bf16 holds exactly */
    struct span span;
    const struct expression *a, *b, *c;
    union {
        int64_t integer;
        double real;
        uint32_t slot;
        enum binary_operator binary;
        enum dtype dtype;
        const struct language_function *function;
        const struct element *element;
        const struct fold *fold;
    } u;
};

/* An element of a tensor, buffer, let or var. */
struct element {
    const char *name;
    uint32_t storage;
    size_t rank;
    const struct expression *subscripts[TENSOR_RANK_LIMIT];
    const struct expression *otherwise; /* where a subscript is outside; NULL: a fault */
};

/* slot runs over lower..upper */
struct range {
    const struct expression *lower, *upper;
    uint32_t slot;
};

struct fold {
    enum reduction_operator op;
    int64_t neutral; /* of whole numbers: what a fold of nothing is */
    bool refuses;    /* of nothing */
    bool tiles; /* a sum of a tile operation: the device adds 32 terms at a time, see expression.c */
    bool lanes, along_rows; /* a sum of the vector unit, of a buffer along its rows or its columns */
    const struct expression *lane; /* it gathers every 32nd element alone, from this one on; NULL: all */
    size_t count;
    struct range ranges[TENSOR_RANK_LIMIT];
    const struct expression *body;
    const struct expression *start; /* of a scan: what it begins with; NULL: the neutral element */
};

/* ---- instructions ---- */

enum instruction_kind {
    DO_SET,    /* slot = value, an integer; with a test that a step is positive */
    DO_NUMBER, /* number slot = value, NULL: a hole */
    DO_LOOP,   /* leave for target when slot >= limit; a block also gets its upper end in high */
    DO_NEXT,   /* slot += step (NO_SLOT: 1), back to target */
    DO_BRANCH, /* to target when value is false */
    DO_JUMP,
    DO_DECLARE, /* storage, with its bounds */
    DO_ASSIGN,
    DO_DELINEARIZE,
    DO_END
};

enum place_kind { PLACE_SLOT, PLACE_NUMBER, PLACE_ELEMENT };

struct assignment {
    size_t count;
    struct range ranges[TENSOR_RANK_LIMIT];
    enum place_kind place;
    uint32_t slot;
    const char *name;
    const struct element *element;
    enum dtype dtype; /* DTYPE_NONE: no rounding */
    enum number_type type;
    enum assign_operator op;
    const struct expression *value;
    const struct fold *fold; /* the value, when it goes on from what the target holds */
};

struct declaration {
    uint32_t storage;
    size_t rank;
    struct range bounds[TENSOR_RANK_LIMIT];
};

struct delinearization {
    const struct expression *value;
    size_t count;
    uint32_t slots[TENSOR_RANK_LIMIT];
    const struct expression *extents[TENSOR_RANK_LIMIT];
};

struct instruction {
    enum instruction_kind kind;
    struct span span;
    uint32_t slot, limit, high, step, target;
    bool positive; /* DO_SET: a step */
    const struct expression *value;
    const struct assignment *assignment;
    const struct declaration *declaration;
    const struct delinearization *delinearization;
};

/* ---- the program ---- */

struct storage_plan {
    const char *name;
    const struct node_parameter *parameter; /* of a tensor */
};

struct program {
    enum number_model model;
    bool per_core;
    struct instruction *instructions;
    size_t count;
    uint32_t slots, numbers;
    struct storage_plan *storages; /* tensors first, in parameter order */
    size_t storage_count, tensor_count;
    uint32_t *argument_slots; /* of tt.runtime_args */
    size_t argument_count;
};

struct compile_request {
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct node *kernel;
    enum number_model model;
    const struct environment *sizes;
    const struct scalar_value *scalars;
    size_t scalar_count;
};

/* NULL after a reported error. */
struct program *program_compile(const struct compile_request *request);

/* ---- the machine ---- */

/* Elements by number: a tensor, buffer, let or var. */
struct storage {
    size_t rank;
    int64_t lower[TENSOR_RANK_LIMIT], extent[TENSOR_RANK_LIMIT];
    struct number *items;
    size_t count, capacity;
};

struct machine {
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct program *program;
    enum number_model model;
    double contraction;
    const struct language_function *greatest, *least; /* max and min */
    bool stopped;                                     /* after a fault */
    bool given_up;                                    /* the fault: beyond a limit of the evaluator */
    uint64_t steps, step_limit;
    int64_t *slots;
    struct number *numbers;
    struct storage *storages;
    struct span span; /* of the instruction at work */
};

/* Reports the first fault and stops the machine. */
void machine_fault(struct machine *machine, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool machine_step(struct machine *machine); /* false when the budget is spent */

/* expression.c: 0 when the machine stopped. */
int64_t integer_of(struct machine *machine, const struct expression *expression);
struct number number_of(struct machine *machine, const struct expression *expression);
struct number fold_of(struct machine *machine, const struct fold *fold, const struct number *from);
/* The place of an element; NULL outside (after a fault unless `quiet`). */
struct number *element_place(struct machine *machine, const struct element *element, bool quiet,
                             struct span span);

/* run.c: from the first instruction to the last, or to a fault. */
void machine_run(struct machine *machine);

#endif
