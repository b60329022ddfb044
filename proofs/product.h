/* The product of the functions of a core. Circular buffers make them a network whose outcome no order of
 * steps changes: an event that may happen stays possible until it does. So one complete order that is found
 * for every size proves that no order ends in a deadlock, and one run that stops shows one. */
#ifndef TILEC_PROOFS_PRODUCT_H
#define TILEC_PROOFS_PRODUCT_H

#include "proofs/events.h"

enum { FUNCTION_LIMIT = 8 };

struct product {
    struct walk *walk;
    size_t function_count;
    const struct node_function *functions[FUNCTION_LIMIT];
    const struct event_item *events[FUNCTION_LIMIT];
};

/* ---- for all sizes ---- */

/* Is there an order in which all functions end, whatever the launch? If not, stuck (of function_count) takes
 * the event at which each stood where the search ended, NULL for one that stood at none. */
bool prove_all_end(const struct product *kernel, const struct event_item **stuck);

/* ---- for one launch ---- */

enum replay_result { REPLAY_ENDS, REPLAY_STOPS, REPLAY_UNKNOWN };

/* A function that waits for ever: event NULL when it has ended. */
struct replay_stop {
    const struct event_item *event;
    int64_t pages;
    const char *at;                /* "tid = 0, k = 1", may be empty */
    const struct event_item *loop; /* the innermost around it, NULL when there is none */
};

struct replay {
    const struct product *kernel;
    int sample;              /* of sizes */
    int64_t count;           /* of grid points at most; 0: all */
    int64_t *depths;         /* by buffer: 0, or its pages in this run */
    int64_t *pages, *filled; /* results, by buffer */
    struct replay_stop stops[FUNCTION_LIMIT];
    const char *sizes; /* "M = 256, K = 64" */
};

enum { UNLIMITED_DEPTH = 1 << 30 };

struct replay *replay_create(const struct product *kernel);
/* Runs the launch; only when it is one that the kernel takes, else UNKNOWN. */
enum replay_result replay_run(struct replay *replay);
/* Goes through small launches, few blocks a core first; true at the first that stops. */
bool replay_find_stop(struct replay *replay);

#endif
