/* What the functions of a kernel do with circular buffers, and nothing else: lists of events, loops and
 * choices, with numbers as polynomials. Loops of equal ranges at equal depth have one variable, in every
 * function. */
#ifndef TILEC_PROOFS_EVENTS_H
#define TILEC_PROOFS_EVENTS_H

#include "proofs/walk.h"

enum condition_kind {
    CONDITION_AT_MOST_ZERO,
    CONDITION_ZERO,
    CONDITION_NOT, /* of a */
    CONDITION_AND, /* of a and b */
    CONDITION_OR,
    CONDITION_UNKNOWN,
};

struct condition {
    enum condition_kind kind;
    const struct polynomial *p;
    const struct condition *a, *b;
};

/* A call between cores. What a call has not is NULL. */
struct core_call {
    /* set, waited for, increased or sent; NULL: none, or none that is known */
    const struct node_semaphore *semaphore;
    const struct polynomial *value;      /* set, waited for, added */
    const struct polynomial *corners[4]; /* NoC coordinates: x, y of a core; x0, y0, x1, y1 of a rectangle */
    const struct polynomial *source, *target; /* L1 addresses here and there */
    const struct polynomial *bytes, *receivers, *linked;
};

enum item_kind { ITEM_EVENT, ITEM_LOOP, ITEM_CHOICE };

struct event_item {
    enum item_kind kind;
    struct span span;
    const struct event_item *next;
    enum effect_kind
        effect; /* of an event: RESERVE, PUSH, WAIT, POP; others in the tree of all events only */
    size_t buffer;
    const struct core_call *core; /* NULL: a call of this core alone */
    const struct polynomial *pages;
    size_t atom; /* of a loop */
    const char *name;
    const struct polynomial *lower, *upper, *trips; /* NULL: unknown */
    int64_t step;
    const struct condition *condition; /* of a choice */
    const struct event_item *body,
        *otherwise; /* of a loop; of a choice, when the condition holds and when not */
};

/* The events of a function; false when one is on no circular buffer of the kernel. The names of the walk
 * stay. */
bool function_events(struct walk *walk, const struct node_function *function,
                     const struct event_item **events);

/* The same with the calls between cores, reads (of the buffer into which they go) and barriers. */
bool function_all_events(struct walk *walk, const struct node_function *function,
                         const struct event_item **events);
/* Is there such an event on the buffer among them? */
bool function_moves(const struct event_item *events, enum effect_kind effect, size_t buffer);

/* ---- trees ---- */

/* With every mention of the variable replaced. */
const struct event_item *items_replace(struct walk *walk, const struct event_item *items, size_t atom,
                                       const struct polynomial *by);
/* The items of one list and then those of the other. */
const struct event_item *items_append(struct walk *walk, const struct event_item *first,
                                      const struct event_item *second);
size_t items_count(const struct event_item *items);
bool items_depend(const struct walk *walk, const struct event_item *items, size_t atom);
/* A loop like this one from another bound to another; NULL when there is no room for its variable. */
const struct event_item *loop_between(struct walk *walk, const struct event_item *loop,
                                      const struct polynomial *lower, const struct polynomial *upper);
/* Its body in iteration number `iteration`, counted from 0. */
const struct event_item *loop_iteration(struct walk *walk, const struct event_item *loop,
                                        const struct polynomial *iteration);
/* A loop of so many iterations, counted from 0, without a body. */
struct event_item *loop_counted(struct walk *walk, const struct event_item *like,
                                const struct polynomial *trips);

const struct condition *condition_replace(struct values *v, const struct condition *condition, size_t atom,
                                          const struct polynomial *by);
bool condition_depends(const struct values *v, const struct condition *condition, size_t atom);

#endif
