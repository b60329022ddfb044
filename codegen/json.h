/* A writer of JSON: values in order into a text, two spaces a level; arrays of plain values stay on one line.
 */
#ifndef TILEC_CODEGEN_JSON_H
#define TILEC_CODEGEN_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct text_buffer;

enum { JSON_DEPTH = 32 };

struct json {
    struct text_buffer *out;
    int depth;
    struct {
        bool filled, flat;
        char close;
    } levels[JSON_DEPTH];
};

/* key: NULL within an array. flat: its values stand on one line. */
void json_object(struct json *json, const char *key, bool flat);
void json_array(struct json *json, const char *key, bool flat);
void json_end(struct json *json);
void json_string(struct json *json, const char *key, const char *value);
void json_integer(struct json *json, const char *key, int64_t value);
/* A value as it stands: true, false, null, or a number. */
void json_word(struct json *json, const char *key, const char *word);

#endif
