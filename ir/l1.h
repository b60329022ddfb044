/* The L1 that a kernel takes of each of its cores, worked out here alone: expressions of sizes. Who checks,
 * stamps, launches or prints it evaluates or prints these.
 *
 * They count what architecture.l1_buffer_bytes has room for: semaphores and the kernels themselves lie below
 * it. The device begins buffers and tensors at multiples of 64 bytes, and so does every tile: nothing lies
 * between them.
 */
#ifndef TILEC_IR_L1_H
#define TILEC_IR_L1_H

#include "ir/ir.h"

struct architecture;

/* Bytes of a page, by tt.cb; 0: it does not say. */
int64_t page_size_of(const struct node *buffer);
/* Of the pages of one buffer, which carries tt.cb. */
struct node *pages_l1_bytes(struct arena *arena, const struct node *buffer, struct node *pages);
struct node *buffer_l1_bytes(struct arena *arena, const struct node_circular_buffer *buffer);
/* Of all circular buffers of a kernel in device form. */
struct node *buffers_l1_bytes(struct arena *arena, struct node *kernel);

bool lies_in_l1(const struct node_parameter *parameter); /* by tt.buffer */
/* Of a tensor: its shard, or its share of pages that all cores of the product take in turn; 0 of one in
 * DRAM. */
struct node *tensor_l1_bytes(struct arena *arena, const struct architecture *architecture,
                             const struct node_parameter *parameter);

#endif
