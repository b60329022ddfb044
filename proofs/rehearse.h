/* Rehearsals of a launch: the functions of a device kernel, every core, number by number and without data, on
 * a few launches of small sizes. What the proofs can only leave undecided shows here when it goes wrong on
 * one of them: pages of tensors, pages of circular buffers that nobody wrote, waits without an end.
 *
 * A fault is an error that names launch, core and iteration. A kernel that passes is not proved by it.
 */
#ifndef TILEC_PROOFS_REHEARSE_H
#define TILEC_PROOFS_REHEARSE_H

#include "ir/compilation.h"

/* Call it on a kernel in which the proofs found nothing wrong. */
void rehearse_device_kernel(struct compilation *compilation);

#endif
