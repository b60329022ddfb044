/* A kernel under mutation: its loop form, its device form, launches of it, and what these must give. */
#ifndef TILEC_TESTSUITE_SUBJECT_H
#define TILEC_TESTSUITE_SUBJECT_H

#include "driver/array.h"
#include "driver/compile.h"
#include "evaluate/evaluate.h"

enum { LAUNCHES = 5, SCALARS_MAX = 8 };

/* One launch with its inputs and expected results. */
struct launch_case {
    const char *text; /* "M = 70, N = 45" */
    bool one_core;    /* the whole launch on a single core */
    struct environment sizes;
    struct tensor_values *inputs;
    size_t input_count;
    struct scalar_value scalars[SCALARS_MAX];
    size_t scalar_count;
    struct evaluation_result ideal;  /* of loop form */
    struct evaluation_result bound;  /* of loop form: how far the device's numbers may be off */
    struct evaluation_result device; /* of device form, in the device's numbers */
    struct array *arrays; /* inputs and results on the embedded device, in the order of parameters */
    uint64_t pages_written;
};

struct subject {
    struct arena *arena;
    const char *path, *name;
    struct node *loop, *device;
    uint32_t grid_x, grid_y;
    struct launch_case launches[LAUNCHES];
    size_t launch_count;
    size_t mutants;
};

/* The kernels of a source, compiled, launched and found right. Prints why and returns 0 when they are not. */
size_t subjects_read(struct arena *arena, const char *path, struct subject *subjects, size_t room);

/* One run of a kernel in device form. NULL when it gave results, else the fault. */
const char *run_evaluator(struct arena *arena, struct node *kernel, const struct launch_case *launch,
                          enum number_model model, struct evaluation_result *result);

struct device_outcome {
    struct array *arrays;
    uint64_t pages_written;
};
const char *run_device(struct unit *unit, struct node *kernel, const struct launch_case *launch,
                       uint64_t seed, struct device_outcome *outcome);
/* NULL when the results are the expected ones, bit for bit. */
const char *device_difference(struct arena *arena, struct node *kernel, const struct launch_case *launch,
                              const struct device_outcome *outcome);

/* A unit with this text as IR, compiled to the end: exactly what `tilec check FILE.ir` does. */
struct unit *check_text(struct arena *arena, const struct subject *subject, const char *text);
const char *first_error(const struct unit *unit);

#endif
