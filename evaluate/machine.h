/* What the evaluator compiles a kernel to, and the machine that runs it: shared by the files
 * of this folder only.
 *
 * Names are resolved to numbered slots once; control flow becomes a list of instructions with jumps, so that
 * a thread of device form can stop at a circular buffer and go on later without a stack of its own.
 * Expressions stay small trees.
 */
#ifndef TILEC_EVALUATE_MACHINE_H
#define TILEC_EVALUATE_MACHINE_H

#include "evaluate/evaluate.h"
#include "evaluate/number.h"
#include "support/architecture.h"

#define CALL_ARGUMENT_LIMIT 10
#define DST_SLOTS 8
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
    OP_WINDOW,  /* u.window */
    OP_NEGATE,
    OP_NOT,
    OP_ARITHMETIC, /* u.binary */
    OP_COMPARISON, /* of a and b, of one type; u.binary */
    OP_AND,
    OP_OR,
    OP_MINIMUM, /* of integers */
    OP_MAXIMUM,
    OP_CEILDIV,
    OP_FUNCTION,
    OP_FUNCTION_2, /* u.function, of floats */
    OP_SELECT,     /* a ? b : c */
    OP_FOLD,       /* u.fold */
    OP_CONVERT,    /* a as `type` */
    OP_ROUND,      /* a as a store of u.dtype gives it */
    OP_FPU,        /* a as the FPU takes it */
    OP_BITS,       /* the f32 bits of the float a */
    OP_PAGE,       /* u.page */
    OP_ARGUMENT,   /* launch argument a */
    OP_POINTER,    /* L1 address of circular buffer a: u.integer 1: to write to, 0: to read from */
    OP_SEMAPHORE,  /* L1 address of semaphore a */
    OP_NOC_ADDRESS /* u.noc */
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
        const struct window *window;
        const struct fold *fold;
        const struct page *page;
        const struct noc_place *noc;
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

/* An element of the window of a circular buffer, before manage_dst_tt. */
struct window {
    const char *name;
    uint32_t buffer;        /* id */
    bool column;            /* a vector that lies as a column */
    uint32_t rows, columns; /* of a block, in tiles */
    size_t rank;
    const struct expression *subscripts[2];
};

/* slot runs over lower..upper */
struct range {
    const struct expression *lower, *upper;
    uint32_t slot;
};

struct fold {
    enum reduction_operator op;
    bool tiles; /* a sum of a tile operation: the device adds 32 terms at a time, see expression.c */
    size_t count;
    struct range ranges[TENSOR_RANK_LIMIT];
    const struct expression *body;
};

struct page {
    const char *name;
    bool accessor;  /* dimensions stand at the accessor, else at the tensor */
    uint32_t index; /* of accessor or tensor */
    size_t count;
    const struct expression *indices[TENSOR_RANK_LIMIT];
};

/* An L1 address on the cores of a rectangle of NoC coordinates. */
struct noc_place {
    const struct expression *corners[4]; /* x0, y0, x1, y1; of one core both corners are alike */
    const struct expression *address;
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
    DO_ACCESSOR,
    DO_CALL,
    DO_END
};

enum place_kind { PLACE_SLOT, PLACE_NUMBER, PLACE_ELEMENT, PLACE_WINDOW };

struct assignment {
    size_t count;
    struct range ranges[TENSOR_RANK_LIMIT];
    enum place_kind place;
    uint32_t slot;
    const char *name;
    const struct element *element;
    const struct window *window;
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

struct accessor_binding {
    uint32_t accessor;
    const struct expression *address;
    size_t rank;
    const struct expression *dimensions[TENSOR_RANK_LIMIT];
};

struct machine;
struct call;
enum call_result { CALL_DONE, CALL_BLOCKED };
typedef enum call_result call_meaning(struct machine *machine, const struct call *call);

struct call {
    const char *name;
    call_meaning *meaning;
    int variant;                              /* which of a family */
    const struct language_function *function; /* of the vector unit */
    int words[2];                             /* template arguments: enum template_word */
    bool accessor;
    uint32_t operand; /* accessor or tensor of a NoC transfer */
    size_t count;
    const struct expression *arguments[CALL_ARGUMENT_LIMIT];
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
    const struct accessor_binding *accessor;
    const struct call *call;
};

enum template_word {
#define WORD(kind, word, value, metalium) TEMPLATE_##word,
#include "support/device_calls.def"
    TEMPLATE_WORD_COUNT
};

/* ---- the program ---- */

struct buffer_plan { /* a circular buffer */
    const char *name;
    uint32_t id;
    enum dtype dtype;
    const struct expression *pages;
    bool full_width; /* unpacked to DST, never to the FPU */
    struct span span;
};

struct semaphore_plan {
    const char *name;
    uint32_t id, initial;
};

struct storage_plan {
    const char *name;
    const struct node_parameter *parameter; /* of a tensor */
};

struct program {
    enum number_model model;
    bool per_core, device, split;
    struct instruction *instructions;
    size_t count;
    uint32_t slots, numbers;
    struct storage_plan *storages; /* tensors first, in parameter order */
    size_t storage_count, tensor_count;
    struct buffer_plan *buffers;
    size_t buffer_count;
    struct semaphore_plan semaphores[SEMAPHORE_LIMIT];
    size_t semaphore_count; /* 0: no core waits for another */
    size_t accessor_count;
    uint32_t *argument_slots; /* of tt.runtime_args in tile form and before the split */
    size_t argument_count;
    struct {
        enum role role;
        uint32_t start;
    } threads[3];
    size_t thread_count;
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

/* A tensor as the device holds it: whole tiles, each row by row. */
struct machine_pages {
    const char *name;
    enum dtype dtype;
    uint32_t address;
    size_t rank;
    uint64_t dimensions[TENSOR_RANK_LIMIT]; /* in tiles */
    uint64_t count;
    struct number *items;
};

struct ring { /* a circular buffer of the core at work */
    const struct buffer_plan *plan;
    uint32_t pages, page_bytes, element_bytes, base;
    struct number *items;
    bool used; /* since the items were all holes */
    uint32_t write_page, read_page, filled, reserved, waited;
};

struct accessor_state {
    bool bound;
    uint32_t tensor;
    size_t rank;
    int64_t dimensions[TENSOR_RANK_LIMIT];
};

struct machine_slot {
    bool written, integer;
    int reduced; /* 0, or the dimension whose other elements the packer clears */
    struct number items[TILE_ELEMENTS];
};

struct machine_thread {
    enum role role;
    uint32_t at;
    bool finished;
    const struct call *waits; /* the call that blocks it */
    const struct ring *waits_for;
    uint32_t waits_pages;
    const struct machine_semaphore *waits_semaphore; /* instead of a circular buffer */
    uint32_t waits_value;
    struct span span;
};

struct machine_semaphore {
    const struct semaphore_plan *plan; /* NULL: not declared */
    uint32_t value;
};

/* What belongs to a core alone. */
struct core_state {
    uint32_t *arguments;
    int64_t *slots;
    struct number *numbers;
    struct storage *storages;
    struct ring *rings;
    struct accessor_state *accessors;
    struct machine_slot *dst;
    bool section;   /* between acquire and release */
    bool transpose; /* of the last matmul_init */
};

struct machine_core {
    uint32_t number, x, y, noc_x, noc_y;
    struct machine_semaphore semaphores[SEMAPHORE_LIMIT]; /* by number */
    struct machine_thread threads[3];
    size_t unfinished;       /* threads */
    struct core_state state; /* while others run */
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
    struct machine_core *cores; /* that run together; one where no core waits for another */
    size_t core_count;
    size_t argument_count;
    struct machine_pages *tensors;
    struct machine_core *core; /* at work */
    struct core_state state;
    struct machine_thread *thread;
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

/* run.c */
enum run_result { RUN_FINISHED, RUN_BLOCKED };
enum run_result thread_run(struct machine *machine, struct machine_thread *thread);

/* data_movement.c: circular buffers and data movement. */
/* Memory for all circular buffers, all empty; again for the next core. False after a fault. */
bool rings_open(struct machine *machine);
void rings_reset(struct machine *machine);
struct ring *ring_find(struct machine *machine, int64_t id);
/* The tile of a page of the window at the front (to read) or at the back; NULL after a fault. */
struct number *ring_tile(struct machine *machine, struct ring *ring, bool write, int64_t page);
struct number *window_place(struct machine *machine, const struct window *window, bool write,
                            struct span span);
int64_t pointer_of(struct machine *machine, int64_t id, bool write);
int64_t page_of(struct machine *machine, const struct page *page, struct span span);
void accessor_bind(struct machine *machine, const struct accessor_binding *binding);
/* An argument that is the bits of an f32. */
struct number number_argument(struct machine *machine, const struct expression *argument);

/* A page of a ring by its address, in the window reserved or waited for; NULL after a fault. */
struct number *ring_page(struct machine *machine, int64_t address, bool write, struct ring **ring,
                         uint32_t *byte);

/* cores.c: cores that run together, semaphores, multicast. */
int64_t semaphore_address(struct machine *machine, int64_t id, struct span span);
int64_t noc_address_of(struct machine *machine, const struct noc_place *place);
/* Keeps the memory of the core at work in its place. */
void core_leave(struct machine *machine);
/* Runs the cores at hand to their ends, one at a time, each until it waits. */
void cores_run(struct machine *machine);
/* The meaning of a call of core to core. */
bool core_call_find(const char *name, struct call *call);

/* Of a call that waits for what has taken place, or configures what is not looked at. */
call_meaning call_nothing;
/* The meaning of a device call: its row by name, false when there is none. */
bool call_find(const char *name, struct call *call);
/* compute.c: the calls of compute. */
bool tile_call_find(const char *name, struct call *call);

#endif
