#include "analysis/isl_util.h"

#include <isl/options.h>

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
