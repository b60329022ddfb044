/* What the blocks of a tile program owe each other: every element of an output is written, once, by one block
 * of the grid; no block reads what another one writes, or what it wrote itself (the process that reads does
 * not wait for the one that writes); nothing is read before it is written.
 */
#ifndef TILEC_ANALYSIS_DEPENDENCE_H
#define TILEC_ANALYSIS_DEPENDENCE_H

#include "analysis/access.h"

struct explanations;

/* Reports what is not proved of a tile program, with the first iterations that break it. */
bool dependence_check(const struct relations *relations, struct diagnostics *diagnostics);

/* Of nests over elements: reports every output of which some elements are certainly never written. */
bool dependence_coverage(const struct relations *relations, struct diagnostics *diagnostics);

/* Of nests over elements: may the statements that write and read the tensor be carried out one after the other, each over its
 * whole iteration space? Reports the first that may not, or of which that cannot be shown. */
bool dependence_in_order(const struct relations *relations, struct diagnostics *diagnostics, const char *tensor);

/* What was proved of outputs: which elements nothing writes. */
void dependence_explain(const struct relations *relations, struct explanations *list);

/* Adds to the error reported last the first two iterations of a nest of which one writes an element of the
 * tensor that the other reads. */
void dependence_note(const struct relations *relations, struct diagnostics *diagnostics, const char *tensor);

#endif
