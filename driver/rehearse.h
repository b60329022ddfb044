/* Rehearsals: a kernel in device form is launched on the embedded device at a few small sizes, with generated
 * tensors. What the proofs can only leave undecided shows here where it breaks a rule on one of them: pages
 * that nobody wrote, waits without an end, tiles left out.
 *
 * A fault is an error that names loops, core and sizes. A kernel that passes is not proved by it.
 */
#ifndef TILEC_DRIVER_REHEARSE_H
#define TILEC_DRIVER_REHEARSE_H

#include "driver/compile.h"

/* Call it on a kernel in which the proofs found nothing wrong. False after a reported error: the author's
 * where the unit was read as IR text, else a fault of tilec, and unit->broken is set. */
bool rehearse_kernel(struct unit *unit, struct node *kernel);

#endif
