/* How this project asks isl: one context for one compilation, an operation budget for every question, and
 * answers that are true only when isl says so. "Could not tell" (an error, a budget used up) is never read as
 * a proof.
 */
#ifndef TILEC_ANALYSIS_ISL_UTIL_H
#define TILEC_ANALYSIS_ISL_UTIL_H

#include <stdbool.h>

#include <isl/ctx.h>
#include <isl/map.h>
#include <isl/set.h>

struct arena;

/* Set by tests: an error of isl, or an object that outlives its context, ends the process. */
extern bool isl_errors_abort;

/* A new context; NULL never. Freed by isl_end after all its objects. */
isl_ctx *isl_begin(void);
void isl_end(isl_ctx *ctx);

/* Before every question: forgets earlier errors and gives the question a budget of its own. */
void isl_question(isl_ctx *ctx);

/* As isl writes them; they are freed. "" for NULL. */
const char *isl_set_text(struct arena *arena, __isl_take isl_set *set);
const char *isl_map_text(struct arena *arena, __isl_take isl_map *map);

static inline bool isl_proved(isl_bool answer) {
    return answer == isl_bool_true;
}

#endif
