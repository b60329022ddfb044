/* Translation validation: did a pass keep what the kernel computes? Both kernels run in the evaluator's ideal
 * numbers on generated inputs, at ragged, whole and unit sizes, with padding lanes full of NaN.
 */
#ifndef TILEC_TRANSFORMS_PASS_CHECK_H
#define TILEC_TRANSFORMS_PASS_CHECK_H

#include "transforms/pass.h"

enum check_outcome { CHECK_EQUAL, CHECK_DIFFERENT, CHECK_IMPOSSIBLE };

/* Compares compilation->kernel with the kernel before. CHECK_DIFFERENT: *how says where (in the arena).
 * CHECK_IMPOSSIBLE: an error was reported, the kernel before cannot be evaluated. */
enum check_outcome pass_check(struct compilation *compilation, const struct node *before, const char **how);

#endif
