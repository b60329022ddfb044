#include "codegen/json.h"

#include <inttypes.h>

#include "support/text_buffer.h"

static void quote(struct text_buffer *out, const char *text) {
    text_append(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            text_printf(out, "\\%c", c);
        else if (c < 0x20)
            text_printf(out, "\\u%04x", c);
        else
            text_append_range(out, text, 1);
    }
    text_append(out, "\"");
}

static void new_line(struct json *json) {
    text_append(json->out, "\n");
    for (int i = 0; i < json->depth; i++)
        text_append(json->out, "  ");
}

/* What stands before a value: comma, line, key. */
static void begin_value(struct json *json, const char *key) {
    if (json->depth > 0) {
        bool flat = json->levels[json->depth - 1].flat, filled = json->levels[json->depth - 1].filled;
        if (filled)
            text_append(json->out, flat ? ", " : ",");
        if (!flat)
            new_line(json);
        json->levels[json->depth - 1].filled = true;
    }
    if (key) {
        quote(json->out, key);
        text_append(json->out, ": ");
    }
}

static void open_level(struct json *json, const char *key, bool flat, char open, char close) {
    begin_value(json, key);
    text_printf(json->out, "%c", open);
    json->levels[json->depth].filled = false;
    json->levels[json->depth].flat = flat || (json->depth > 0 && json->levels[json->depth - 1].flat);
    json->levels[json->depth].close = close;
    json->depth++;
}

void json_object(struct json *json, const char *key, bool flat) {
    open_level(json, key, flat, '{', '}');
}

void json_array(struct json *json, const char *key, bool flat) {
    open_level(json, key, flat, '[', ']');
}

void json_end(struct json *json) {
    json->depth--;
    if (json->levels[json->depth].filled && !json->levels[json->depth].flat)
        new_line(json);
    text_printf(json->out, "%c", json->levels[json->depth].close);
}

void json_string(struct json *json, const char *key, const char *value) {
    begin_value(json, key);
    quote(json->out, value);
}

void json_integer(struct json *json, const char *key, int64_t value) {
    begin_value(json, key);
    text_printf(json->out, "%" PRId64, value);
}

void json_word(struct json *json, const char *key, const char *word) {
    begin_value(json, key);
    text_append(json->out, word);
}
