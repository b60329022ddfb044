/* The files of a build: which there are for a choice of targets, and their paths. */
#ifndef TILEC_DRIVER_OUTPUTS_H
#define TILEC_DRIVER_OUTPUTS_H

#include <stdbool.h>

#include "codegen/emit.h"
#include "support/file.h"

struct arena;

struct outputs {
    struct output_file *files;
    size_t count; /* files to write */
    /* and, behind them, those of a kernel's folder that only another choice has: to be removed */
    size_t total;
};

/* Of one kernel. */
struct outputs outputs_of_kernel(struct arena *arena, const struct emitted_kernel *kernel,
                                 const bool targets[TARGET_COUNT]);

/* Of all kernels that the emission has, and the host programs of its programs. */
struct outputs outputs_of(struct arena *arena, const struct emission *emission,
                          const bool targets[TARGET_COUNT]);

#endif
