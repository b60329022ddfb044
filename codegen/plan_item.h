/* A value of a plan that is checked, with the way to it: messages name it by its path, core_ranges[0].start.
 */
#ifndef TILEC_CODEGEN_PLAN_ITEM_H
#define TILEC_CODEGEN_PLAN_ITEM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "support/diagnostic.h"

struct arena;

struct plan_item {
    const struct plan_item *owner; /* NULL: the whole plan */
    const char *key;               /* in an object, else NULL */
    size_t index;                  /* in an array */
    json_t *value;                 /* NULL: there is none */
};

/* An entry of an object by its key, of an array by its index; without a value where the owner is neither or
 * has none. The owner must live as long. */
struct plan_item item_entry(const struct plan_item *object, const char *key);
struct plan_item item_element(const struct plan_item *array, size_t index);
/* How many elements an array or entries an object has; 0 of all else. */
size_t item_count(const struct plan_item *item);

/* The entries of an object, in order: for (void *at = item_first(object); at; at = item_next(object, at)) */
void *item_first(const struct plan_item *object);
void *item_next(const struct plan_item *object, void *at);
struct plan_item item_at(const struct plan_item *object, void *at);

bool item_is_integer(const struct plan_item *item, int64_t least, int64_t most);
bool item_is_word(const struct plan_item *item, const char *word);
/* The text of a string, NULL of all else. */
const char *item_text(const struct plan_item *item);

const char *item_path(struct arena *arena, const struct plan_item *item);

#endif
