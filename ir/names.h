/* Fresh names: deterministic, readable, unique in a kernel.
 */
#ifndef TILEC_IR_NAMES_H
#define TILEC_IR_NAMES_H

#include "ir/ir.h"
#include "support/name_table.h"

/* Every name that the tree declares or mentions. */
struct name_table names_of(struct arena *arena, struct node *tree);

/* base, or base_2, base_3, ...: the first that is free; it is taken from now on. Interned. */
const char *name_fresh(struct name_table *names, const char *base);
/* Adds what the tree mentions: every name of which mentions() says so. */
void names_add_mentioned(struct name_table *names, struct node *tree);
/* The name is free again. */
void name_release(struct name_table *names, const char *name);

/* A number of delinearize that nothing uses: it has no name. */
#define NAME_UNUSED "_"

#endif
