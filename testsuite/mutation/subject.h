/* A kernel under mutation: its loop form, its device form, launches of it, and what these give. */
#ifndef TILEC_TESTSUITE_SUBJECT_H
#define TILEC_TESTSUITE_SUBJECT_H

#include "driver/array.h"
#include "driver/compile.h"
#include "evaluate/evaluate.h"

/* Launches of validation, at sizes chosen to be hard; and later ones, at random sizes and on random grids, by
 * which those are counted that validation let through. */
enum { VALIDATION_LAUNCHES = 10, LATER_LAUNCHES = 12, LAUNCHES = VALIDATION_LAUNCHES + LATER_LAUNCHES };

/* One launch with its inputs and the results that the kernel itself gives. */
struct launch_case {
    const char *text;        /* "M = 70, N = 45" */
    uint32_t grid_x, grid_y; /* 0: the cores of its plan */
    uint64_t seed;           /* of the order of threads; validation has its own */
    struct environment sizes;
    struct tensor_values *inputs;
    size_t input_count;
    struct array *arrays; /* inputs and results on the embedded device, in the order of parameters */
};

struct subject {
    struct arena *arena;
    const char *path, *name;
    struct node *loop, *device;
    uint32_t grid_x, grid_y;
    struct launch_case launches[LAUNCHES];
    size_t validation_count, launch_count; /* the later ones stand behind those of validation */
    size_t mutants;
};

/* The kernels of a source, compiled, launched and found right: on the embedded device they give the bits of
 * their tile form in the evaluator, within the bound of their loop form. Prints why and returns SIZE_MAX when they
 * do not. seed: of the later launches. */
size_t subjects_read(struct arena *arena, const char *path, uint64_t seed, struct subject *subjects,
                     size_t room);

/* One run on the embedded device of a kernel in device form. NULL when it gave results, else the fault. */
const char *run_device(struct unit *unit, struct node *kernel, const struct launch_case *launch,
                       uint64_t seed, struct array **results);
/* NULL when the results are those of the launch, bit for bit. */
const char *results_difference(struct arena *arena, struct node *kernel, const struct launch_case *launch,
                               const struct array *results);

/* A unit with this text as IR, compiled to the end: what `tilec check FILE.ir` does before its small launches. */
struct unit *check_text(struct arena *arena, const struct subject *subject, const char *text);
const char *first_error(const struct unit *unit);

#endif
