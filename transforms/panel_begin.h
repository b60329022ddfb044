/* Loops over blocks that begin at a size: blocks of the device begin at whole tiles.
 *
 *                                          for k in K / 2 / 32 * 32..min(K, ceildiv(K / 2, 32) * 32) by 32 {
 *     for k in K / 2..K by 64 {                acc[i] += sum(k: select(k >= K / 2, X[i, k], 0))
 *         acc[i] += sum(k: X[i, k])   =>   }
 *     }                                    for k in ceildiv(K / 2, 32) * 32..K by 64 {
 *                                              acc[i] += sum(k: X[i, k])
 *                                          }
 */
#ifndef TILEC_TRANSFORMS_PANEL_BEGIN_H
#define TILEC_TRANSFORMS_PANEL_BEGIN_H

#include "analysis/access.h"

/* The kernel with such loops so; NULL after a reported error. */
struct node *panels_begun(const struct relations *relations, struct diagnostics *diagnostics, struct node *kernel);

#endif
