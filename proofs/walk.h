/* The walk over a function of device form that all proofs share. It knows names, loops, conditions and
 * helpers; a proof brings an abstract domain: states, the transfer function of a call, join and widening.
 *
 * A loop is walked at most three times in a row: without reports, to see what an iteration does to the state;
 * once more, to see whether the widened state is a fixpoint; then from that state, for judgement.
 */
#ifndef TILEC_PROOFS_WALK_H
#define TILEC_PROOFS_WALK_H

#include "support/device_call.h"
#include "ir/compilation.h"
#include "proofs/value.h"

enum { LOOP_LIMIT = 32, CONDITION_LIMIT = 32, HELPER_LIMIT = 4 };

struct buffer_fact {
    struct node_circular_buffer *node;
    const struct polynomial *pages;
    int64_t page_bytes; /* 0: unknown */
    const char *format; /* as the unpackers see it, interned; the packer sees the type alone */
    bool full_width;    /* unpacked to DST, never to SrcA and SrcB */
    bool integers;
};

struct name_value {
    const char *name;
    const struct polynomial *value; /* NULL: unknown */
    const struct name_value *next;
};

struct open_loop {
    const struct node_for *node;
    const char *name;
    size_t atom; /* ATOM_LIMIT: the variable stands for one known value */
    /* then: the iterations from this one on, above 0 wherever it is taken; NULL: unknown */
    const struct polynomial *left;
};

struct open_condition {
    struct node *condition;
    const struct name_value *names; /* as they stood there */
    bool holds;
};

struct walk;

/* What a call is, with its effect and arguments. */
struct walked_call {
    const struct node_call *call;
    const struct device_call *effect;
    struct span span;
};

/* The values of a loop's variable. */
struct loop_range {
    size_t atom;
    const struct polynomial *lower, *upper, *trips;
    int64_t step;
};

/* An abstract domain. An invariant is the state in which any iteration of a loop may begin; `end` is the
 * state that an iteration leaves which began in it. */
struct domain {
    size_t (*state_size)(const struct walk *walk);
    void (*initial)(struct walk *walk, void *state); /* of a function, at its beginning */
    void (*transfer)(struct walk *walk, void *state, const struct walked_call *call);
    void (*final)(struct walk *walk, void *state); /* judges the state at the end of a function */
    /* into: either of the two states */
    void (*join)(struct walk *walk, void *into, const void *other);
    /* Makes an invariant of the state before the loop, of which it is a copy, and of what one iteration
     * leaves: a count that grows by d is before + d * (number of the iteration). */
    void (*widen)(struct walk *walk, void *invariant, const void *end, const struct loop_range *loop);
    /* NULL, or: is it a fixpoint? What of it is none is widened to "unknown", and the first two iterations
     * are judged on their own. */
    bool (*stabilise)(struct walk *walk, const void *before, void *invariant, const void *end,
                      const struct loop_range *loop);
    /* With stabilise: from the states that the first two iterations leave, what is the same in both. */
    void (*narrow)(struct walk *walk, void *invariant, const void *first, const void *second);
    /* state is the one before the loop: becomes what holds behind it. */
    void (*after_loop)(struct walk *walk, void *state, const void *invariant, const void *end,
                       const struct loop_range *loop);
    /* NULL, or the address of a window. */
    const struct polynomial *(*pointer)(struct walk *walk, const void *state, size_t buffer, bool write,
                                        struct span span);
    bool (*concerns)(const struct device_call *effect); /* calls that touch the state */
    /* NULL, or: does the judged iteration end in what the invariant says of the next one? */
    bool (*is_fixpoint)(struct walk *walk, const void *invariant, const void *end,
                        const struct loop_range *loop);
};

/* For `pointer`: the address of a window, whenever it was taken; how long it holds is a question of
 * movement.c.
 */
const struct polynomial *walk_window_address(struct walk *walk, const void *state, size_t buffer, bool write,
                                             struct span span);

/* What a domain may ask to see beside calls. */
struct walk_watch {
    /* An accessor, a delinearize statement, or an axis with a step, with its names as they stand. */
    void (*declares)(struct walk *walk, struct node *statement);
    /* a - b, or -b where a is 0, in a number of the function, which must not fall below 0. It may come more
     * than once. */
    void (*subtracts)(struct walk *walk, const struct node *difference, const struct polynomial *a,
                      const struct polynomial *b);
    /* A name in a number of the function. It may come more than once. */
    void (*refers)(struct walk *walk, const struct polynomial *value);
};

struct walk {
    struct compilation *compilation;
    struct values values;
    struct buffer_fact *buffers;
    size_t buffer_count;
    bool *failed; /* buffers about which an error was reported in this function */
    const struct node_function *function;
    const struct name_value *names, *kernel_names;
    struct open_loop loops[LOOP_LIMIT];
    size_t loop_count;
    struct open_condition conditions[CONDITION_LIMIT];
    size_t condition_count;
    unsigned errors; /* reported before the proofs */
    bool beyond;     /* the kernel has more than the proofs follow: nothing else is reported */
    unsigned open;   /* questions that were left open: warnings and checks of the launch */
    int quiet;       /* above 0: nothing is reported */
    int helpers;
    bool launching;              /* between walk_enter_launch and walk_leave_launch */
    struct node *join_condition; /* while branches are joined: their condition */
    const struct domain *domain;
    const struct walk_watch *watch;   /* or NULL */
    void *state;                      /* while an expression is evaluated */
    struct spare_state *spare_states; /* of the domain at hand */
    struct span span;
    /* By buffer: pages waited for and not popped when its consumer ends. */
    const struct polynomial **waited_at_end;
    void *context; /* of a proof that looks at all functions */
    /* Of the last rule that was refuted: "at r = 2, step = 6 with M = 33"; may be empty. */
    const char *witness;
    int64_t excess; /* and by how much, where prove_at_most refuted it */
};

struct walk *walk_create(struct compilation *compilation);
void walk_function(struct walk *walk, const struct domain *domain, const struct node_function *function);

const struct polynomial *evaluate_number(struct walk *walk, struct node *expression);
/* What the host works out (conditions, shapes, launch arguments, pages of buffers) is made of the kernel's
 * names alone, of whole numbers with a sign. Between these two evaluate_number has its rules; the second is
 * given what the first gave. */
struct launch_place {
    const struct name_value *names;
    bool launching;
};
struct launch_place walk_enter_launch(struct walk *walk);
void walk_leave_launch(struct walk *walk, struct launch_place place);
/* The buffer that an argument names, buffer_count when it names none. */
size_t buffer_of(struct walk *walk, const struct walked_call *call, int argument);
const struct polynomial *argument_of(struct walk *walk, const struct walked_call *call, int argument);
/* The word of a template argument, "" when there is none. */
const char *word_of(const struct walked_call *call, int argument);
const char *buffer_label(const struct walk *walk, size_t buffer);
/* 1: surely true, 0: surely false, -1: it depends. */
int condition_value(struct walk *walk, struct node *condition);

/* ---- for walks of another kind: names, loops and helpers as this one knows them ---- */

void walk_bind(struct walk *walk, const char *name, const struct polynomial *value);
/* Binds the names that a let, constant, var or delinearize declares; false when the statement is none of
 * them. */
bool walk_declare(struct walk *walk, struct node *statement);
struct loop_range walk_loop_range(struct walk *walk, struct node_for *loop, size_t axis);
/* The helper that is called, with its parameters bound; NULL when there is none, and nothing is bound. */
struct node_function *walk_enter_helper(struct walk *walk, const struct node_call *call);

/* ---- rules ---- */

enum verdict { PROVED, REFUTED, UNDECIDED };

/* p <= limit whenever the walk comes to where it stands? REFUTED with a witness. */
enum verdict prove_at_most(struct walk *walk, const struct polynomial *p, const struct polynomial *limit);

/* p >= 0 whatever the launch and the turns of loops are; nothing but p is looked at. */
bool never_below_zero(struct values *values, const struct polynomial *p);
/* Literal bounds of a number; false when it has none. */
bool literal_range(struct walk *walk, const struct polynomial *p, int64_t *least, int64_t *most);

/* A launch and an iteration of every loop. Values of atoms are worked out when they are asked for. */
struct witness {
    struct walk *walk;
    int sample;                    /* of sizes */
    uint32_t iterations;           /* 2 bits for each open loop: first, last, second */
    uint32_t local_iterations;     /* for loops that are not open: 0 first, 1 last, by bits */
    signed char known[ATOM_LIMIT]; /* 1 known, -1 impossible */
    int64_t value[ATOM_LIMIT];
    const uint16_t *locals; /* loops that were open when a value was noted, with iterations of their own */
    size_t local_count;
};
typedef bool witness_test(struct witness *witness, void *context);
/* Is there a launch and an iteration that comes here and passes the test? Leaves walk->witness. */
bool find_witness(struct walk *walk, witness_test *test, void *context);
void witness_begin(struct witness *witness, struct walk *walk, int sample, uint32_t iterations);
bool witness_value(struct witness *witness, const struct polynomial *p, int64_t *value);
/* Every loop around has an iteration, every condition around holds, the launch is one that the kernel takes.
 */
bool witness_comes_here(struct witness *witness);

/* ---- reports: none while the walk is quiet ---- */

void walk_error(struct walk *walk, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void walk_note(struct walk *walk, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void walk_help(struct walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What is neither proved nor refuted: p <= limit becomes a check of the launch, as a condition on its sizes
 * under this name. False when no such condition is found. */
bool walk_check(struct walk *walk, struct span span, const char *name, const struct polynomial *p,
                const struct polynomial *limit);
/* A whole number that the launch gives must not be below 0 where it counts something. */
void walk_check_sign(struct walk *walk, struct span span, const char *name);
/* What is neither proved nor refuted, and no condition on sizes, as a warning. */
void walk_undecided(struct walk *walk, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
