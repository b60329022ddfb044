/* What runs one launch once its sizes are bound, the embedded device or the evaluator, and says where it does
 * not end. */
#ifndef TILEC_DRIVER_LAUNCH_BACKEND_H
#define TILEC_DRIVER_LAUNCH_BACKEND_H

#include "driver/kernel_launch.h"

bool launch_on_device(struct launcher *launcher, struct launchable *launchable,
                      const struct environment *sizes, const struct scalar_list *scalars,
                      struct tensor_value **tensors, struct launch_statistics *statistics);
bool launch_on_evaluator(struct launcher *launcher, struct node *kernel, const struct environment *sizes,
                         const struct scalar_list *scalars, struct tensor_value **tensors);

/* Messages of launches that did not end. Where no launched kernel was the author's device form, they are
 * faults of tilec. */
void report_device_fault(struct launcher *launcher, const struct kernel_launch *launch,
                         const struct device_fault *fault);
/* Behind the evaluator's own error. */
void report_evaluator_fault(struct launcher *launcher, struct node *kernel);
/* What the device says of a kernel, at the place in its text, with loops, core and sizes; and what would mend
 * it. */
void report_kernel_fault(const struct kernel_launch *launch, const struct device_fault *fault);
/* " with M = 33, N = 65"; "" where there are no sizes. */
const char *launch_sizes_text(struct arena *arena, const struct environment *sizes);

#endif
