/* Blocks that one core reads and sends to others: where a function branches into sender and receivers, and
 * what each does. */
#ifndef TILEC_PROOFS_EXCHANGE_H
#define TILEC_PROOFS_EXCHANGE_H

#include "proofs/events.h"

enum { EXCHANGE_LIMIT = 16 };

enum exchange_step { STEP_SET, STEP_INCREASE, STEP_WAIT, STEP_DATA, STEP_FLAG, STEP_COUNT };

/* One way through an exchange: its calls between cores, and where they stand in it (0: not at all). */
struct exchange_side {
    const struct event_item *steps[STEP_COUNT];
    int at[STEP_COUNT];
    const struct event_item *own;  /* the sender sets the word that it sends; not STEP_SET */
    bool flushed;                  /* what was sent is known to have left */
    const struct condition *guard; /* under which this is done, NULL: always */
    bool holds;                    /* whether it must hold */
    bool unclear;                  /* calls in loops, twice, or both ways of a condition */
};

/* Columns (0) and rows (1) of cores, first and last. */
struct rectangle {
    const struct polynomial *first[2], *last[2];
};

struct exchange {
    const struct event_item *choice, *list; /* the list that the choice stands in */
    struct exchange_side sender, receiver;
    bool repeats;                       /* in a loop */
    const struct polynomial *core[2];   /* column and row of the sender; NULL: those of every core */
    struct rectangle to;                /* whom the block is sent to */
    const struct polynomial *plane[2];  /* columns and rows of cores that run it; NULL: all of the grid */
    const struct polynomial *receivers; /* how many cores these are but for the sender; NULL: not known */
};

/* A semaphore that is set outside of exchanges. */
struct first_set {
    const struct event_item *event;
    const struct event_item
        *choice; /* the condition on the core under which it is; NULL: every core does it */
    const struct polynomial *core[2]; /* then: the column and row that do it; both NULL: not known */
    size_t before;                    /* how many exchanges come before it */
};

struct exchanges {
    struct walk *walk;
    const struct node_function *function;
    const struct event_item *events;
    struct exchange items[EXCHANGE_LIMIT];
    size_t count;
    struct first_set sets[EXCHANGE_LIMIT];
    size_t set_count;
    const struct polynomial *plane[2]; /* where the search stands */
    struct first_set within;           /* likewise: of a set that is found there */
    const struct event_item *stray;    /* a call between cores outside of exchanges */
    const struct event_item
        *uneven; /* a loop or condition around an exchange that differs from core to core */
};

/* What a function has; false when it has no calls between cores. */
bool find_exchanges(struct walk *walk, const struct node_function *function, struct exchanges *found);
/* Does the number differ from core to core? */
bool differs_by_core(const struct walk *walk, const struct polynomial *p);
/* Is a number of iterations the same on all cores of a plane that begins at core (0, 0), and 0 on others? Of
 * a direction in which it reaches over all cores, `plane` stays as it is. */
bool even_in_plane(const struct walk *walk, const struct polynomial *iterations,
                   const struct polynomial *plane[2]);
bool condition_differs(const struct walk *walk, const struct condition *condition);
bool has_core_calls(const struct event_item *items);
/* The column (position 0) or row (1) of the core at a NoC coordinate; NULL when it is that of no core. */
const struct polynomial *core_at_noc(const struct exchanges *e, const struct polynomial *noc,
                                     size_t position);
/* The cores of a multicast; false when the corners are no cores. */
bool rectangle_of(const struct exchanges *e, const struct event_item *call, struct rectangle *rectangle);

/* ---- rules of an exchange: each reports what is amiss, and is false then ---- */

/* An error with a note (unless `see` is NULL) and a repair; always false. */
bool exchange_refuse(struct exchanges *e, const struct event_item *at, const char *error,
                     const struct event_item *see, const char *note, const char *help);
/* A warning that this is not proved; always false. */
bool exchange_undecided(struct exchanges *e, const struct event_item *at, const char *what);
const char *exchange_print(struct exchanges *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *semaphore_label(const struct event_item *event);
/* What is sent, as messages say it. */
const char *exchange_block(struct exchanges *e, const struct exchange *x);
const char *core_text(struct exchanges *e, const struct polynomial *const core[2]);
/* The column (0) or row (1) of the core that runs this. */
const struct polynomial *own_coordinate(struct exchanges *e, size_t direction);
/* Rectangles of block and flag, and the numbers of receivers that calls give. */
bool check_rectangles(struct exchanges *e, struct exchange *x);

#endif
