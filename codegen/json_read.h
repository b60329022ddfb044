/* A reader of JSON: a text as a tree of values with their places, which json_print writes again as json.h
 * does. */
#ifndef TILEC_CODEGEN_JSON_READ_H
#define TILEC_CODEGEN_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/diagnostic.h"

struct arena;
struct text_buffer;

enum json_kind { JSON_WORD, JSON_INTEGER, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
    enum json_kind kind;
    struct span span;
    const char *key; /* in an object */
    struct span key_span;
    const char *text; /* of a string without its escapes; of a number or word as it stands */
    int64_t integer;
    struct json_value *first, *next; /* items of an array or object, in order */
    size_t count;
    bool flat; /* an array or object on one line */
};

/* The value of a registered source. NULL after a reported error; it stops at the first one. Keys of an object
 * are different, whole numbers fit 64 bits, and levels JSON_DEPTH. */
struct json_value *json_read(struct arena *arena, struct diagnostics *diagnostics, uint32_t source);

/* The entry of an object; NULL: there is none, or it is no object. */
const struct json_value *json_get(const struct json_value *object, const char *key);

void json_print(const struct json_value *value, struct text_buffer *out);

#endif
