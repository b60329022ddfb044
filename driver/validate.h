/* Translation validation of the passes behind tile form: what they made of a kernel, emitted and run on the embedded
 * device, gives the bits that the evaluator finds for its tile form.
 */
#ifndef TILEC_DRIVER_VALIDATE_H
#define TILEC_DRIVER_VALIDATE_H

#include "driver/compile.h"
#include "transforms/pass_check.h"

/* "insert_cb_protocol_tt to verify_tt_ir": the passes that are validated together. */
const char *validated_passes(struct arena *arena);

/* Compares compilation->kernel, in device form with all passes done, with its tile form. CHECK_DIFFERENT: *how says
 * where. CHECK_IMPOSSIBLE: an error was reported. */
enum check_outcome validate_kernel(struct unit *unit, struct compilation *compilation,
                                   struct node *tile_form, const char **how);

#endif
