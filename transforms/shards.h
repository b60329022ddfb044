/* Shards of a tensor: what an author says of them, checked and completed, and the room that tensors take of
 * L1.
 *
 * An axis is counted in units: tiles along M and N, its rows and columns (the last two dimensions; a vector
 * is one row), elements along the axes before them. A shard that is not whole tiles is rounded up to them.
 */
#ifndef TILEC_TRANSFORMS_SHARDS_H
#define TILEC_TRANSFORMS_SHARDS_H

#include "transforms/pass.h"

/* The nd_shard of a tensor parameter with everything that follows from it: axes, grid, shard_shape_elems,
 * order, align_tiles, projected_grid and projected_shard_tiles. entry: as the author gave it; its values
 * stay. NULL after a reported error. */
struct node *shards_settle(struct compilation *c, const struct node_parameter *parameter,
                           const struct node_attribute *entry, bool in_l1);

/* The conditions of a kernel, and that the shards of the tensor cover its open sizes where its entry (settled
 * before) has both grid and shape; the same list where that says nothing new. */
struct node_list shards_conditions(struct compilation *c, const struct node_parameter *parameter,
                                   const struct node_attribute *entry, struct node_list conditions);

/* Where a message about the entry of an attribute points: to it, or to the node that carries the attribute.
 */
struct span entry_span(const struct node *owner, const struct node_attribute *entry);
/* Where a message about an entry of tt.shard of a tensor points. */
struct span placement_span(const struct node_parameter *parameter, const char *key);

bool is_sharded(const struct node_parameter *parameter);

/* Bytes that a tensor takes of each core's L1; 0 when it lies in DRAM or its size is open, INT64_MAX where
 * they are beyond counting. */
uint64_t known_l1_bytes(const struct compilation *c, const struct node_parameter *parameter);
/* Bytes of a core's L1 that its circular buffers may have beside the tensors of the kernel. */
int64_t l1_for_buffers(const struct compilation *c);

#endif
