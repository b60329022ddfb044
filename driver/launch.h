/* One launch of one kernel: sizes, buffers, arguments, and the device that runs it: the embedded one, or the
 * evaluator of the IR.
 */
#ifndef TILEC_DRIVER_LAUNCH_H
#define TILEC_DRIVER_LAUNCH_H

#include "codegen/emit.h"
#include "driver/run.h"

/* Floating scalar arguments by name. */
struct scalar_list {
    struct arena *arena;
    struct named_scalar {
        const char *name;
        float value;
    } * items;
    size_t count;
};

void scalar_list_add(struct scalar_list *list, const char *name, float value);
bool scalar_list_get(const struct scalar_list *list, const char *name, float *value);

/* A tensor between launches: on the host as rows, on the device as tiles, or both. */
struct tensor_value {
    struct array array;           /* rows NULL while only the device has the contents */
    struct arena *arena;          /* of its rows */
    bool given;                   /* has contents */
    struct device_tensor *tensor; /* NULL: not on the device */
    struct node *placed_by;       /* the parameter of the launch that gave it its place there */
    bool device_newer;
};

/* A kernel to be launched, once or more: its text is made for the first launch. Zero-initialise but for the
 * kernel. */
struct launchable {
    struct node *kernel; /* in device form */
    struct arena *arena; /* of what was emitted; NULL: nothing was */
    struct emitted_kernel emitted;
    struct launchable *version; /* for sizes at which this one does not fit L1; NULL: none was launched yet */
};

struct launcher {
    struct run *run;
    struct arena *arena;   /* of the launch at hand */
    struct device *device; /* NULL: the evaluator runs */
    /* a kernel that was launched and was device form when it was read; NULL: none yet */
    const char *authored;
};

bool launcher_open(struct launcher *launcher, struct run *run);
void launcher_close(struct launcher *launcher);

/* Launches a kernel. tensors: one for each tensor parameter in order; the extents of results are set when
 * they have no rows. False after a reported error. */
bool launcher_run(struct launcher *launcher, struct launchable *launchable, struct environment *sizes,
                  const struct scalar_list *scalars, struct tensor_value **tensors);

/* After their last launch: what a kernel and a tensor took on host and device is free again. */
void launchable_release(struct launchable *launchable);
void launcher_release(struct launcher *launcher, struct tensor_value *value);

/* Brings the contents of a tensor to its rows. */
void launcher_fetch(struct tensor_value *value);

#endif
