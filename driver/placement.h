/* Where the tensors of a launch lie on the embedded device: tt.buffer of a parameter at the sizes of the
 * launch. */
#ifndef TILEC_DRIVER_PLACEMENT_H
#define TILEC_DRIVER_PLACEMENT_H

#include "ir/launch.h"
#include "sim/device.h"

/* extents: of the tensor. Shards of open sizes must cover them. False after a reported error. */
bool placement_find(struct diagnostics *diagnostics, const struct environment *sizes,
                    const struct node_parameter *parameter, const uint64_t *extents,
                    struct device_placement *placement);
/* Do the shards of all tensors cover them? Asked before the conditions that say so: this message names the
 * shards. */
bool placement_covers(struct diagnostics *diagnostics, const struct environment *sizes,
                      const struct node *kernel);
bool placement_equal(const struct device_placement *first, const struct device_placement *second);
/* "interleaved in DRAM", "sharded in DRAM by 2x4 tiles". */
const char *placement_text(struct arena *arena, const struct device_placement *placement);

#endif
