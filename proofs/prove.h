/* Proofs about the three functions of a device kernel by abstract interpretation: one walk over each function
 * for each question, no loop is run. docs/proofs.md says what is proved, how, and what is not.
 *
 * A rule that is broken for some launch is an error that names both places, the values and a repair. What is
 * neither proved nor refuted is a remark.
 */
#ifndef TILEC_PROOFS_PROVE_H
#define TILEC_PROOFS_PROVE_H

#include "ir/compilation.h"

/* All proofs. Call it on a kernel whose sides of circular buffers balance and whose DST sections are in order
 * (verify_protocol.h): what follows from such faults is not distinguished from faults of its own. False,
 * behind an error, where the kernel has more of something than the proofs follow. */
bool prove_device_kernel(struct compilation *compilation);

/* A size that the host works out as one sum of products, like terms added: 14336 + ceildiv(N, 32) * 16384.
 * The size itself where it is no such sum. */
struct node *size_as_sum(struct compilation *compilation, struct node *size);

#endif
