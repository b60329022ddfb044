/* Structural proofs about the three processes of a device kernel: what is pushed into a circular buffer is
 * popped, no call waits for more pages than the buffer has, and DST sections go acquire, commit, wait,
 * release. Where the structure proves neither balance nor imbalance nothing is said.
 */
#ifndef TILEC_PROOFS_VERIFY_PROTOCOL_H
#define TILEC_PROOFS_VERIFY_PROTOCOL_H

#include "ir/compilation.h"

/* Every circular buffer of the kernel: one producer, one consumer, as many pages popped as pushed, no count
 * beyond its pages. */
void verify_circular_buffer_protocol(struct compilation *compilation);
/* The DST sections of one function of compute. */
void verify_dst_sections(struct compilation *compilation, struct node_function *function);

#endif
