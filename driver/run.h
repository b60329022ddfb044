/* Running a compiled kernel or program on arrays: launches in order, intermediates in the device's DRAM.
 * Nothing here prints.
 */
#ifndef TILEC_DRIVER_RUN_H
#define TILEC_DRIVER_RUN_H

#include "driver/array.h"
#include "driver/compile.h"
#include "driver/options.h"
#include "sim/device.h"

struct run_scalar {
    const char *name;
    const char *text; /* as given: a number */
};

/* What one launch moved of a tensor. */
struct tensor_statistics {
    const char *parameters, *tensor; /* of the kernel, and what the program calls the tensor that they get */
    struct device_pages pages;
};

/* What one launch did. */
struct launch_statistics {
    const char *kernel;
    uint64_t blocks;
    uint32_t grid_x, grid_y, cores; /* cores: with work */
    uint64_t l1_bytes;              /* of circular buffers, on one core */
    uint64_t l1_tensor_bytes;       /* of the tensors there */
    bool empty;                     /* the results have no elements: nothing was run */
    bool measured;                  /* by the device; false: the evaluator ran */
    struct device_statistics device;
    const struct tensor_statistics *tensors;
    size_t tensor_count;
    struct launch_statistics *next;
};

struct run {
    struct unit *unit;
    enum device_choice device;
    uint64_t seed;
    const struct run_scalar *scalars;
    size_t scalar_count;
    void (*announce)(const char *kernel, void *context); /* before a launch; may be NULL */
    void *context;
    /* results */
    struct launch_statistics *first, *last;
    bool fault; /* a reported error is a fault of tilec */
};

/* Runs a program or kernel of the unit, compiled to the end. arrays: one for every tensor parameter, in their
 * order; those of direction in and inout filled, the extents and rows of the others are set here. False after
 * a reported error. */
bool run_entry(struct run *run, struct node *entry, struct array *arrays);

#endif
