/* What a tile program declares without a value is written before it is read.
 */
#ifndef TILEC_ANALYSIS_FIRST_USE_H
#define TILEC_ANALYSIS_FIRST_USE_H

#include "ir/ir.h"

/* Reports every shared and fragment buffer whose first use reads it. */
bool first_use_check(struct node *body, struct diagnostics *diagnostics);

#endif
