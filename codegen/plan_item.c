/* Steps from a value of a plan to its entries and elements, and the path of a value as text. */
#include "codegen/plan_item.h"

#include <string.h>

#include "support/arena.h"

struct plan_item item_entry(const struct plan_item *object, const char *key) {
    return (struct plan_item){.owner = object, .key = key, .value = json_object_get(object->value, key)};
}

struct plan_item item_element(const struct plan_item *array, size_t index) {
    return (struct plan_item){.owner = array, .index = index, .value = json_array_get(array->value, index)};
}

size_t item_count(const struct plan_item *item) {
    return json_is_array(item->value) ? json_array_size(item->value) : json_object_size(item->value);
}

void *item_first(const struct plan_item *object) {
    return json_object_iter(object->value);
}

void *item_next(const struct plan_item *object, void *at) {
    return json_object_iter_next(object->value, at);
}

struct plan_item item_at(const struct plan_item *object, void *at) {
    return (struct plan_item){
        .owner = object, .key = json_object_iter_key(at), .value = json_object_iter_value(at)};
}

bool item_is_integer(const struct plan_item *item, int64_t least, int64_t most) {
    json_int_t value = json_integer_value(item->value);
    return json_is_integer(item->value) && value >= least && value <= most;
}

bool item_is_word(const struct plan_item *item, const char *word) {
    const char *text = item_text(item);
    return text && strcmp(text, word) == 0;
}

const char *item_text(const struct plan_item *item) {
    return json_string_value(item->value);
}

static bool is_name(const char *key) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return *key && strspn(key, letters) == strlen(key);
}

const char *item_path(struct arena *arena, const struct plan_item *item) {
    if (!item->owner)
        return "the plan";
    const char *owner = item->owner->owner ? item_path(arena, item->owner) : "";
    if (!item->key)
        return arena_printf(arena, "%s[%zu]", owner, item->index);
    return arena_printf(arena, is_name(item->key) ? "%s%s%s" : "%s%s[\"%s\"]", owner,
                        is_name(item->key) && *owner ? "." : "", item->key);
}
