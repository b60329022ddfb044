/* Kernels and programs of a unit by name: for those that load and compile it. */
#ifndef TILEC_DRIVER_UNIT_H
#define TILEC_DRIVER_UNIT_H

#include "driver/compile.h"

/* Of a kernel or program; "" of anything else. */
const char *item_name(const struct node *item);
/* The kernel or program of this name; NULL: the module has none. */
struct node *find_item(struct node *module, const char *name);
/* The unit's module with these items. */
struct node *with_items(struct unit *unit, struct node_list items);
/* The kernel that is launched where this one does not fit L1; NULL: it names none. */
const char *version_name(const struct node *kernel);

#endif
