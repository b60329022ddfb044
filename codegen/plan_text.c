/* JSON as text: what fits a line stands on one, else every entry begins one of its own. */
#include <string.h>

#include "codegen/plan.h"
#include "support/text_buffer.h"

enum { LINE_WIDTH = 160 };

struct line {
    char text[LINE_WIDTH];
    size_t length, room;
};

static int append_to_line(const char *bytes, size_t size, void *context) {
    struct line *line = context;
    if (size > line->room - line->length)
        return -1;
    memcpy(line->text + line->length, bytes, size);
    line->length += size;
    return 0;
}

static int append_to_text(const char *bytes, size_t size, void *context) {
    text_append_range(context, bytes, size);
    return 0;
}

/* No fewer characters than the value takes on one line; counting ends beyond the limit. */
static size_t least_width(json_t *value, size_t limit) {
    const char *key;
    json_t *entry;
    size_t width = 2 + json_string_length(value), index;
    json_object_foreach (value, key, entry) {
        width += strlen(key) + 4 + least_width(entry, limit);
        if (width > limit)
            break;
    }
    json_array_foreach (value, index, entry) {
        width += least_width(entry, limit);
        if (width > limit)
            break;
    }
    return json_is_number(value) ? 1 : width;
}

static bool print_value(struct text_buffer *out, json_t *value, size_t line_start, int depth);

/* key: NULL in an array. */
static bool print_entry(struct text_buffer *out, const char *key, json_t *value, bool first, int depth) {
    text_append(out, first ? "\n" : ",\n");
    size_t line_start = out->length;
    for (int i = 0; i < depth; i++)
        text_append_range(out, "  ", 2);
    if (key) {
        json_t *name = json_string(key);
        bool fine = name && json_dump_callback(name, append_to_text, out, JSON_ENCODE_ANY) == 0;
        json_decref(name);
        if (!fine)
            return false;
        text_append(out, ": ");
    }
    return print_value(out, value, line_start, depth);
}

static bool print_value(struct text_buffer *out, json_t *value, size_t line_start, int depth) {
    bool object = json_is_object(value), fine = true;
    if (!object && !json_is_array(value))
        return json_dump_callback(value, append_to_text, out, JSON_ENCODE_ANY) == 0;
    size_t used = out->length - line_start;
    struct line line = {.room = depth > 0 && used < LINE_WIDTH ? LINE_WIDTH - used : 0};
    if (least_width(value, line.room) <= line.room &&
        json_dump_callback(value, append_to_line, &line, 0) == 0) {
        text_append_range(out, line.text, line.length);
        return true;
    }
    const char *key;
    json_t *entry;
    size_t index = 0;
    text_append(out, object ? "{" : "[");
    json_object_foreach (value, key, entry) {
        fine = fine && print_entry(out, key, entry, index++ == 0, depth + 1);
    }
    json_array_foreach (value, index, entry) {
        fine = fine && print_entry(out, NULL, entry, index == 0, depth + 1);
    }
    text_append(out, "\n");
    for (int i = 0; i < depth; i++)
        text_append_range(out, "  ", 2);
    text_append(out, object ? "}" : "]");
    return fine;
}

const char *plan_text(struct arena *arena, json_t *plan) {
    struct text_buffer out = {0};
    const char *text = NULL;
    if (print_value(&out, plan, 0, 0)) {
        text_append(&out, "\n");
        text = arena_string(arena, text_string(&out));
    }
    text_free(&out);
    return text;
}
