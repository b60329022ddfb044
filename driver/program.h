/* Launches of a program on bound sizes and scalars. For run.c only. */
#ifndef TILEC_DRIVER_PROGRAM_H
#define TILEC_DRIVER_PROGRAM_H

#include "driver/launch.h"

/* values: of the program's tensor parameters, in order. False after a reported error. */
bool program_launch(struct launcher *launcher, struct node *entry, struct environment *sizes,
                    struct scalar_list *scalars, struct tensor_value *values, size_t count);

#endif
