/* That what a kernel says of its cores fits together and fits the product: the grid, the rectangles that
 * cover it, the NoC coordinates of its cores, and the shards that they own. What an attribute that is absent
 * would say is not judged here.
 */
#ifndef TILEC_TRANSFORMS_VERIFY_CORES_H
#define TILEC_TRANSFORMS_VERIFY_CORES_H

#include "transforms/pass.h"

void verify_cores(struct compilation *compilation);

#endif
