/* A step of memory_space_lower_tt: loops over panels that fit L1 whole become one block.
 */
#ifndef TILEC_TRANSFORMS_HOLD_PANELS_H
#define TILEC_TRANSFORMS_HOLD_PANELS_H

#include "transforms/pass.h"

struct node *hold_panels(struct compilation *compilation, struct node *body);

#endif
