/* The verifier of the three forms: what every pass may rely on. Names are declared once and in scope,
 * accesses have the rank of what they access, axes are bound where their elements are used, attributes have
 * known keys; a loop form has no tiles, a tile form nothing else, a device form only calls that exist, where
 * they belong.
 */
#ifndef TILEC_IR_VERIFY_H
#define TILEC_IR_VERIFY_H

#include "ir/ir.h"

enum form { FORM_LOOP, FORM_TILE, FORM_DEVICE };

/* The form that a kernel's statements show: device with roles or functions, tile with tile statements, else
 * loop. */
enum form kernel_form(const struct node *kernel);

/* False after at least one reported error. */
bool kernel_verify(struct arena *arena, struct diagnostics *diagnostics, struct node *kernel, enum form form);
/* The programs of a module, and that its items have names of their own. */
bool programs_verify(struct arena *arena, struct diagnostics *diagnostics, struct node *module);

#endif
