/* What runs one launch once its sizes are bound: the embedded device or the evaluator. For launch.c only. */
#ifndef TILEC_DRIVER_LAUNCH_BACKEND_H
#define TILEC_DRIVER_LAUNCH_BACKEND_H

#include "driver/launch.h"

bool launch_on_device(struct launcher *launcher, struct node *kernel, const struct environment *sizes,
                      const struct scalar_list *scalars, struct tensor_value **tensors,
                      struct launch_statistics *statistics);
bool launch_on_evaluator(struct launcher *launcher, struct node *kernel, const struct environment *sizes,
                         const struct scalar_list *scalars, struct tensor_value **tensors);

#endif
