/* One launch of a kernel in device form on the embedded device: its tensors are placed and filled, and what it
 * says of buffers, semaphores and arguments becomes numbers at the sizes of the launch. `run` and rehearsals
 * launch so.
 *
 * A stage is a device of a kernel's own, for launches at any sizes one after another: its text is emitted
 * once, and the device compiles it once.
 */
#ifndef TILEC_DRIVER_KERNEL_LAUNCH_H
#define TILEC_DRIVER_KERNEL_LAUNCH_H

#include "driver/launch.h"
#include "ir/launch.h"

struct kernel_launch {
    struct device *device;
    struct arena *arena;             /* of the launch */
    struct diagnostics *diagnostics; /* whose sources the places of faults are in as well */
    struct node *kernel;
    const struct emitted_kernel *emitted;
    const struct environment *sizes; /* whole parameters too */
    const struct scalar_list *scalars;
    struct tensor_value **tensors; /* of the tensor parameters, in order */
    /* Set by the steps. */
    struct device_launch launch;
    struct node_list buffers; /* declarations, in the order of launch.buffers */
    uint64_t l1_bytes;        /* of all circular buffers, on one core */
    uint64_t calls;           /* that the device made, of a launch of a stage */
    uint64_t blocks;
    uint32_t grid_x, grid_y;
};

/* The steps of a launch, in this order; device_run of `launch` is the last. */
enum tensor_place { TENSOR_PLACED, TENSOR_REFUSED, TENSOR_WITHOUT_ROOM };
/* Gives a tensor its place on the device, and its contents if it has some; lanes of its tiles beyond it are
 * NaN. TENSOR_REFUSED: after a reported error; TENSOR_WITHOUT_ROOM: nothing was reported. */
/* How many pages a tensor of the array has, tiles or rows. */
uint64_t array_pages(const struct array *array, const struct device_placement *placement);
enum tensor_place kernel_launch_place(struct kernel_launch *launch, struct node_parameter *parameter,
                                      struct tensor_value *value, struct device_placement *placement);
/* Circular buffers, whatever room there is for them. False after a reported error. */
bool kernel_launch_buffers(struct kernel_launch *launch);
/* Blocks, cores and the arguments of each. False after a reported error. */
bool kernel_launch_cores(struct kernel_launch *launch);
/* Semaphores, kernels and settings. */
void kernel_launch_settle(struct kernel_launch *launch);

/* The author's place of a line of the emitted kernel; line 0 of it: there is none. */
struct span kernel_launch_span(const struct kernel_launch *launch, enum device_role role, uint32_t line);

/* The value of a tensor parameter at the sizes of a launch, with no contents yet. NULL after a reported error: it
 * has none at such sizes. */
struct tensor_value *tensor_value_create(struct arena *arena, struct diagnostics *diagnostics,
                                         const struct environment *sizes, struct node_parameter *parameter);
/* Has any result an element? */
bool has_results(struct node_list parameters, struct tensor_value *const *tensors);

/* Brings the contents of a tensor from the device to its rows, every tile of which a launch has written. */
void tensor_value_fetch(struct tensor_value *value);

/* ---- stages ---- */

struct kernel_stage {
    struct arena *arena; /* of what was emitted */
    struct device *device;
    struct node *kernel;
    struct emitted_kernel emitted;
};

/* unit: has the kernel's module, and the architecture. False after a reported error, a fault of tilec. */
bool kernel_stage_open(struct kernel_stage *stage, struct unit *unit, struct node *kernel,
                       const struct device_options *options);
void kernel_stage_close(struct kernel_stage *stage);

enum stage_end {
    STAGE_RAN,
    STAGE_UNFIT,   /* device or machine have no room for such a launch, or the kernel takes no such sizes */
    STAGE_REFUSED, /* what the host works out fails: reported */
    STAGE_FAULT,   /* the device says why */
};
/* Launches the kernel once. `launch` has arena, diagnostics, kernel (that of the stage, or the same on other
 * cores), sizes, scalars and tensors; its tensors stay on the device until kernel_stage_release. */
enum stage_end kernel_stage_run(struct kernel_stage *stage, struct kernel_launch *launch,
                                struct device_fault *fault);
void kernel_stage_release(struct kernel_stage *stage, const struct kernel_launch *launch);

#endif
