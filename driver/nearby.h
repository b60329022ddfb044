/* What sizes of a launch would do where those that were given do not: for the help of messages. */
#ifndef TILEC_DRIVER_NEARBY_H
#define TILEC_DRIVER_NEARBY_H

#include <stdbool.h>

#include "ir/launch.h"

/* Do these sizes do? */
typedef bool sizes_judge(const struct environment *sizes, void *context);

/* "M = 64, or with N = 128": sizes near those that were given, one of them changed at a time and what `where`
 * settles following it, at which the judge accepts. "" where none was found. */
const char *sizes_nearby(struct arena *arena, const struct environment *given, const struct node *kernel,
                         sizes_judge *accepts, void *context);

/* Do the `where` conditions of a kernel or program hold, and its run-time checks? False after a reported
 * error, with sizes that would do. */
bool sizes_hold(struct diagnostics *diagnostics, const struct environment *sizes, const struct node *kernel);

#endif
