/* What the blocks of a tile program owe each other: every element of an output is written, once, by one grid
 * point; no grid point reads what another one writes; nothing is read before it is written.
 */
#ifndef TILEC_ANALYSIS_DEPENDENCE_H
#define TILEC_ANALYSIS_DEPENDENCE_H

#include "analysis/access.h"

/* Reports what is not proved. */
bool dependence_check(const struct relations *relations, struct diagnostics *diagnostics);

#endif
