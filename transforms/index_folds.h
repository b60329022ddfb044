/* Folds of indices and literals, by what their context is. */
#ifndef TILEC_TRANSFORMS_INDEX_FOLDS_H
#define TILEC_TRANSFORMS_INDEX_FOLDS_H

#include "ir/value_type.h"

/* Is what has this name such a fold, kept as i32? */
typedef bool counts_as_index(const char *name, void *context);

bool folds_indices(const struct value_types *types, struct node *value);
/* The value; whole: it is worked out as a whole number. counts: NULL where nothing of the kind has a name. */
struct node *index_folds(struct arena *arena, const struct value_types *types, struct node *value, bool whole,
                         counts_as_index *counts, void *context);

#endif
