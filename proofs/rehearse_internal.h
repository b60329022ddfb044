/* What the parts of a rehearsal share. */
#ifndef TILEC_PROOFS_REHEARSE_INTERNAL_H
#define TILEC_PROOFS_REHEARSE_INTERNAL_H

#include "ir/launch.h"
#include "support/device_call.h"
#include "ir/compilation.h"

enum {
    EVENT_ARGUMENTS = 10,
    EVENT_LIMIT = 100000,
    STEP_LIMIT = 2000000,
    REHEARSED_CORES = 128,
    FUNCTION_LIMIT = 3
};

/* Calls of the functions of one core that moved a page, counted from 1; 0: none. */
struct rehearsed_page_order {
    size_t core; /* counted from 1 */
    uint32_t read[FUNCTION_LIMIT], written[FUNCTION_LIMIT];
};

struct rehearsed_tensor {
    const struct node_parameter *parameter;
    uint32_t address; /* a number of its own */
    size_t rank;
    uint64_t dimensions[TENSOR_RANK_LIMIT]; /* in pages */
    uint64_t pages;
    struct span *written; /* of each page: by whom; line 0: by nobody */
    bool *done;
    struct rehearsed_page_order *order; /* of each page, where the tensor is changed in place; else NULL */
};

struct rehearsed_buffer {
    const struct node_circular_buffer *node;
    uint32_t base, pages, page_bytes, element_bytes;
};

struct rehearsed_semaphore {
    const struct node_semaphore *node;
    uint32_t address;
};

struct tracer;
struct known_call;

struct rehearsal {
    struct tracer *tracer; /* of the interpreter: its state, used for one function after another, and the
                              calls that it met */
    struct known_call *known;
    struct compilation *compilation;
    struct arena *arena; /* of one launch */
    struct node *kernel; /* with the core grid of the rehearsal */
    struct launch launch;
    struct environment sizes;
    struct rehearsed_tensor *tensors;
    size_t tensor_count;
    struct rehearsed_buffer *buffers;
    size_t buffer_count;
    struct rehearsed_semaphore *semaphores;
    size_t semaphore_count;
    size_t events; /* of all functions and cores so far */
    bool unknown;  /* something that a rehearsal has no meaning for, or too much of it */
};

/* ---- traces: what one function does on one core, which depends on nothing but its arguments ---- */

/* A call with its numbers; words and names are 0, an accessor is its tensor's number, a NoC address the L1
 * address in it. effect NULL: the function ends here by a fault. */
struct rehearsed_event {
    const struct device_call *effect;
    const struct node_call *call;
    struct span span;
    uint32_t arguments[EVENT_ARGUMENTS]; /* counted from 0 */
    uint32_t cores[4];                   /* x0, y0, x1, y1 of the NoC address, both corners included */
    const char *fault, *help;
};

struct trace {
    struct rehearsed_event *events;
    size_t count;
};

/* False when something has no meaning: rehearsal->unknown is set. */
bool trace_function(struct rehearsal *rehearsal, const struct node_function *function,
                    const uint32_t *arguments, size_t argument_count, struct trace *trace);
/* The loops around an event: "at tid = 0, k = 3", or "". */
const char *trace_iteration(struct rehearsal *rehearsal, const struct node_function *function,
                            const uint32_t *arguments, size_t argument_count, size_t event);

/* ---- playing all cores ---- */

struct performer {
    const struct node_function *function;
    const uint32_t *arguments;
    size_t argument_count;
    struct trace trace;
    size_t at;
};

struct performed_core {
    uint32_t x, y, noc[2]; /* noc: its NoC coordinates, where the kernel has semaphores */
    struct performer performers[FUNCTION_LIMIT];
    size_t count;
};

/* " with M = 33, N = 70" */
const char *launch_text(struct rehearsal *rehearsal);
/* False after a reported fault. */
bool play(struct rehearsal *rehearsal, struct performed_core *cores, size_t core_count);

enum { DST_LIMIT = 64 };

struct ring_page {
    uint32_t covered;                 /* bytes written; page_bytes: all of them */
    unsigned char *bytes, *known;     /* of single stores: the bytes, and which there are; NULL: none */
    uint32_t read_batch, write_batch; /* the transfers that touched it last; 0: none */
    uint32_t pushed[FUNCTION_LIMIT], popped[FUNCTION_LIMIT]; /* what came before its last move */
};

/* SLOT_MOVED: the bits of a tile that was unpacked; SLOT_COMPUTED: a result, rounded where DST holds 16 bits.
 */
enum slot_state { SLOT_UNWRITTEN, SLOT_MOVED, SLOT_COMPUTED };

struct rehearsed_ring {
    const struct rehearsed_buffer *buffer;
    uint32_t write_page, read_page, filled, reserved, waited;
    struct ring_page *pages;
};

struct rehearsed_core {
    struct performed_core *performed;
    struct rehearsed_ring *rings;
    uint32_t read_batch, write_batch,
        flushed_batch; /* numbers of the transfers that no barrier has ended yet */
    enum slot_state slots[DST_LIMIT];
    uint32_t *semaphores;            /* values */
    uint32_t (*set)[FUNCTION_LIMIT]; /* of each semaphore: what came before it was set */
    uint32_t knows[FUNCTION_LIMIT][FUNCTION_LIMIT];
    uint32_t *sent; /* of each semaphore: the transfers that its last multicast belongs to; 0: none */
    const struct rehearsed_event *linked; /* the multicast whose path is held for the next one; NULL: none */
};

struct player {
    struct rehearsal *rehearsal;
    struct rehearsed_core *cores, *core; /* core: at work */
    size_t core_count;
    struct performer *performer;
    const struct rehearsed_event *event;
    uint32_t slot_count;
    bool full_width; /* DST holds f32 */
    bool failed;
};

/* Reports the fault of the event at work, once. */
void fail(struct player *player, const char *help, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The argument at a position in device_calls.def. */
uint32_t event_argument(const struct player *player, int position);
struct rehearsed_ring *ring_of(struct player *player, int position);
/* The ring of the core at work that an address lies in, and the byte from its window on; NULL after a fault.
 */
struct rehearsed_ring *ring_at(struct player *player, uint32_t address, bool back, int64_t *offset);
/* A page of the window at the back or at the front; NULL after a fault. */
struct ring_page *window_page(struct player *player, struct rehearsed_ring *ring, bool back, int64_t page);
void page_written(struct rehearsed_ring *ring, struct ring_page *page);
/* False: the thread has to wait. */
bool perform(struct player *player);
/* rehearse_order.c: what surely came before what is done next. */
void order_note(const struct player *player, uint32_t stamp[FUNCTION_LIMIT]);
void order_learn(const struct player *player, const uint32_t stamp[FUNCTION_LIMIT]);
/* A page of a tensor that is changed in place is read or written. */
void order_transfer(struct player *player, struct rehearsed_tensor *tensor, uint32_t page, bool write);
/* rehearse_cores.c: calls that reach other cores, and semaphores. */
bool perform_between_cores(struct player *player);

#endif
