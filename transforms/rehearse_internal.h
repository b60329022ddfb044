/* What the parts of a rehearsal share. */
#ifndef TILEC_TRANSFORMS_REHEARSE_INTERNAL_H
#define TILEC_TRANSFORMS_REHEARSE_INTERNAL_H

#include "ir/launch.h"
#include "transforms/call_effect.h"
#include "transforms/pass.h"

enum { EVENT_ARGUMENTS = 10, EVENT_LIMIT = 100000, STEP_LIMIT = 2000000, REHEARSED_CORES = 128 };

struct rehearsed_tensor {
    const struct node_parameter *parameter;
    uint32_t address; /* a number of its own */
    size_t rank;
    uint64_t dimensions[TENSOR_RANK_LIMIT]; /* in pages */
    uint64_t pages;
    struct span *written; /* of each page: by whom; line 0: by nobody */
    bool *done;
};

struct rehearsed_buffer {
    const struct node_circular_buffer *node;
    uint32_t base, pages, page_bytes, element_bytes;
};

struct rehearsal {
    struct compilation *compilation;
    struct arena *arena; /* of one launch */
    struct call_effects *effects;
    struct node *kernel; /* with the core grid of the rehearsal */
    struct launch launch;
    struct environment sizes;
    struct rehearsed_tensor *tensors;
    size_t tensor_count;
    struct rehearsed_buffer *buffers;
    size_t buffer_count;
    size_t events; /* of all functions and cores so far */
    bool unknown;  /* something that a rehearsal has no meaning for, or too much of it */
};

/* ---- traces: what one function does on one core, which depends on nothing but its arguments ---- */

/* A call with its numbers; words and names are 0, an accessor is its tensor's number. effect NULL: the function
 * ends here by a fault. */
struct event {
    const struct call_effect *effect;
    struct span span;
    uint32_t arguments[EVENT_ARGUMENTS]; /* counted from 0 */
    const char *fault, *help;
};

struct trace {
    struct event *events;
    size_t count;
};

/* False when something has no meaning: rehearsal->unknown is set. */
bool trace_function(struct rehearsal *rehearsal, const struct node_function *function, const uint32_t *arguments,
                    size_t argument_count, struct trace *trace);
/* The loops around an event: "at tid = 0, k = 3", or "". */
const char *trace_turn(struct rehearsal *rehearsal, const struct node_function *function, const uint32_t *arguments,
                       size_t argument_count, size_t event);

/* ---- playing them together ---- */

struct performer {
    const struct node_function *function;
    const uint32_t *arguments;
    size_t argument_count;
    struct trace trace;
    size_t at;
};

struct performed_core {
    uint32_t x, y;
    struct performer performers[3];
    size_t count;
};

/* " with M = 33, N = 70" */
const char *launch_text(struct rehearsal *rehearsal);
/* False after a reported fault. */
bool play(struct rehearsal *rehearsal, struct performed_core *cores, size_t core_count);

#endif
