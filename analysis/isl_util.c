/* The isl context of a compilation: budgets for questions, and texts of sets and maps. */
#include "analysis/isl_util.h"

#include <stdlib.h>

#include <isl/options.h>

#include "support/arena.h"

/* Everything asked here needs below 41 000 operations; the largest budget ends a question within about 0.2 s.
 */
#define OPERATIONS 50000

bool isl_errors_abort;

isl_ctx *isl_begin(void) {
    isl_ctx *ctx = isl_ctx_alloc();
    isl_options_set_on_error(ctx, isl_errors_abort ? ISL_ON_ERROR_ABORT : ISL_ON_ERROR_CONTINUE);
    isl_ctx_set_max_operations(ctx, OPERATIONS);
    return ctx;
}

void isl_end(isl_ctx *ctx) {
    isl_ctx_free(ctx);
}

void isl_question(isl_ctx *ctx) {
    isl_ctx_reset_error(ctx);
    isl_ctx_reset_operations(ctx);
}

static const char *kept(struct arena *arena, char *text) {
    const char *copy = arena_string(arena, text ? text : "");
    free(text);
    return copy;
}

const char *isl_set_text(struct arena *arena, __isl_take isl_set *set) {
    const char *text = kept(arena, set ? isl_set_to_str(set) : NULL);
    isl_set_free(set);
    return text;
}

const char *isl_map_text(struct arena *arena, __isl_take isl_map *map) {
    const char *text = kept(arena, map ? isl_map_to_str(map) : NULL);
    isl_map_free(map);
    return text;
}
