/* Fresh names: deterministic, readable, unique in a kernel.
 */
#ifndef TILEC_IR_NAMES_H
#define TILEC_IR_NAMES_H

#include "ir/ir.h"

struct name_set {
    struct arena *arena;
    const char **names;
    size_t count, capacity;
};

/* Every name that the tree declares or mentions. */
struct name_set names_of(struct arena *arena, struct node *tree);

/* base, or base_2, base_3, ...: the first that is free; it is taken from now on. Interned. */
const char *name_fresh(struct name_set *set, const char *base);

#endif
