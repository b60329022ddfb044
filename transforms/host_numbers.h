/* Whole numbers among the values of a kernel: made of sizes, integer scalars, launch arguments and places of
 * blocks alone. The
 * device counts in words without a sign, so it computes sums and products of them only; whatever asks for
 * more than that where a number may be below 0 is worked out by the host. */
#ifndef TILEC_TRANSFORMS_HOST_NUMBERS_H
#define TILEC_TRANSFORMS_HOST_NUMBERS_H

#include "ir/ir.h"
#include "ir/names.h"

/* target: of the statement whose value this is. Its axes are indices of elements, which differ within a tile;
 * NULL: it has none. An axis of single elements and the first of a block are numbers. */
bool is_whole_number(const struct node *kernel, const struct node_access *target, struct node *node);
/* Is a whole number right as i32 when the device computes it in u32? */
bool device_counts(const struct node *kernel, struct node *node);

/* The kernel of tile form with a name for each whole number of its values that the device cannot compute; the
 * names with their values are added to the entries of tt.runtime_args. */
struct node *host_numbers_name(struct arena *arena, struct node *kernel, struct name_table *names,
                               struct list_builder *entries);

#endif
