#include "codegen/json_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/json.h"
#include "support/arena.h"
#include "support/text_buffer.h"

struct reader {
    struct arena *arena;
    struct diagnostics *diagnostics;
    uint32_t source;
    const char *at, *end, *line_start;
    uint32_t line;
    int depth;
};

static struct json_value *read_value(struct reader *r);

/* ---- places ---- */

static uint32_t column(const struct reader *r) {
    return (uint32_t)(r->at - r->line_start) + 1;
}

static struct span here(const struct reader *r) {
    return (struct span){r->source, r->line, column(r), r->line, column(r) + (r->at < r->end)};
}

static struct span up_to_here(const struct reader *r, struct span start) {
    start.end_line = r->line;
    start.end_column = column(r);
    return start;
}

static void *fail(struct reader *r, struct span span, const char *message) {
    report_error(r->diagnostics, span, "this is no JSON: %s", message);
    return NULL;
}

static void skip_space(struct reader *r) {
    for (; r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at; r->at++) {
        if (*r->at == '\n') {
            r->line++;
            r->line_start = r->at + 1;
        }
    }
}

static bool take(struct reader *r, char wanted) {
    skip_space(r);
    if (r->at >= r->end || *r->at != wanted)
        return false;
    r->at++;
    return true;
}

/* ---- strings ---- */

static void append_code_point(struct text_buffer *out, unsigned code) {
    char bytes[3];
    size_t count = 0;
    if (code < 0x80) {
        bytes[count++] = (char)code;
    } else if (code < 0x800) {
        bytes[count++] = (char)(0xc0 | code >> 6);
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[count++] = (char)(0xe0 | code >> 12);
        bytes[count++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    }
    text_append_range(out, bytes, count);
}

/* Behind a backslash. Each half of a surrogate pair becomes a character of its own: names and sizes have
 * none. */
static bool read_escape(struct reader *r, struct text_buffer *out) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter = r->at < r->end && *r->at ? strchr(letters, *r->at) : NULL;
    if (letter) {
        text_append_range(out, &meanings[letter - letters], 1);
        r->at++;
        return true;
    }
    char digits[5] = "";
    if (r->end - r->at < 5 || *r->at != 'u')
        return false;
    memcpy(digits, r->at + 1, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4 || strtoul(digits, NULL, 16) == 0)
        return false;
    append_code_point(out, (unsigned)strtoul(digits, NULL, 16));
    r->at += 5;
    return true;
}

/* The quote is taken. */
static const char *read_string(struct reader *r) {
    struct text_buffer text = {0};
    const char *result = NULL;
    while (r->at < r->end && *r->at != '"' && (unsigned char)*r->at >= 0x20) {
        if (*r->at != '\\') {
            text_append_range(&text, r->at++, 1);
            continue;
        }
        r->at++;
        if (!read_escape(r, &text)) {
            text_free(&text);
            return fail(r, here(r), "no such escape in a string");
        }
    }
    if (r->at < r->end && *r->at == '"') {
        r->at++;
        result = arena_string(r->arena, text_string(&text));
    } else {
        fail(r, here(r), "a string does not end on its line");
    }
    text_free(&text);
    return result;
}

/* ---- values ---- */

static struct json_value *value_at(struct reader *r, enum json_kind kind, struct span start) {
    struct json_value *value = arena_allocate(r->arena, sizeof *value);
    *value = (struct json_value){.kind = kind, .span = up_to_here(r, start)};
    return value;
}

static struct json_value *read_number(struct reader *r) {
    struct span start = here(r);
    const char *first = r->at;
    bool real = false;
    while (r->at < r->end && *r->at && (isdigit((unsigned char)*r->at) || strchr("+-.eE", *r->at)))
        real |= strchr(".eE", *r->at++) != NULL;
    const char *text = arena_string_range(r->arena, first, (size_t)(r->at - first)),
               *digits = text + (*text == '-');
    struct json_value *value = value_at(r, real ? JSON_REAL : JSON_INTEGER, start);
    char *end;
    errno = 0;
    value->text = text;
    value->integer = real ? 0 : strtoll(text, &end, 10);
    if (real)
        strtod(text, &end);
    if (!isdigit((unsigned char)*digits) || (digits[0] == '0' && isdigit((unsigned char)digits[1])) || *end)
        return fail(r, value->span, "no such number");
    if (!real && errno == ERANGE)
        return fail(r, value->span, "a whole number that does not fit 64 bits");
    return value;
}

static struct json_value *read_word(struct reader *r) {
    static const char *const words[] = {"true", "false", "null"};
    struct span start = here(r);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(r->end - r->at) >= length && strncmp(r->at, words[i], length) == 0) {
            r->at += length;
            struct json_value *value = value_at(r, JSON_WORD, start);
            value->text = words[i];
            return value;
        }
    }
    return fail(r, start, r->at < r->end ? "a value is expected" : "it ends within a value");
}

/* A key and its colon; false after a report. */
static bool read_key(struct reader *r, const char **key, struct span *span) {
    skip_space(r);
    *span = here(r);
    if (!take(r, '"')) {
        fail(r, here(r), "a key in quotes is expected");
        return false;
    }
    *key = read_string(r);
    *span = up_to_here(r, *span);
    if (!*key)
        return false;
    if (!take(r, ':')) {
        fail(r, here(r), "a colon is expected behind a key");
        return false;
    }
    return true;
}

static int by_key_and_place(const void *a, const void *b) {
    const struct json_value *first = *(const struct json_value *const *)a,
                            *second = *(const struct json_value *const *)b;
    int order = strcmp(first->key, second->key);
    bool before = first->key_span.line != second->key_span.line
                      ? first->key_span.line < second->key_span.line
                      : first->key_span.column < second->key_span.column;
    return order ? order : before ? -1 : 1;
}

/* Keys of an object differ. */
static bool check_keys(struct reader *r, const struct json_value *object) {
    const struct json_value **items = arena_allocate(r->arena, (object->count + 1) * sizeof *items);
    size_t count = 0;
    for (const struct json_value *item = object->first; item; item = item->next)
        items[count++] = item;
    qsort(items, count, sizeof *items, by_key_and_place);
    for (size_t i = 1; i < count; i++)
        if (strcmp(items[i - 1]->key, items[i]->key) == 0) {
            report_error(r->diagnostics, items[i]->key_span, "the key %s stands twice", items[i]->key);
            report_note(r->diagnostics, items[i - 1]->key_span, "the first one is here");
            return false;
        }
    return true;
}

/* The items of an array or object whose bracket is taken. */
static struct json_value *read_items(struct reader *r, enum json_kind kind, struct span start) {
    char close = kind == JSON_OBJECT ? '}' : ']';
    struct json_value *value = value_at(r, kind, start), **link = &value->first;
    if (++r->depth > JSON_DEPTH)
        return fail(r, start, "it is nested too deep");
    bool closed = take(r, close);
    while (!closed) {
        const char *key = NULL;
        struct span key_span = {0};
        if (kind == JSON_OBJECT && !read_key(r, &key, &key_span))
            return NULL;
        struct json_value *item = read_value(r);
        if (!item)
            return NULL;
        item->key = key;
        item->key_span = key_span;
        *link = item;
        link = &item->next;
        value->count++;
        closed = take(r, close);
        if (!closed && !take(r, ','))
            return fail(r, here(r), "a comma or the closing bracket is expected");
    }
    r->depth--;
    value->span = up_to_here(r, start);
    value->flat = value->span.line == value->span.end_line;
    return kind == JSON_ARRAY || check_keys(r, value) ? value : NULL;
}

static struct json_value *read_value(struct reader *r) {
    skip_space(r);
    struct span start = here(r);
    if (take(r, '{'))
        return read_items(r, JSON_OBJECT, start);
    if (take(r, '['))
        return read_items(r, JSON_ARRAY, start);
    if (take(r, '"')) {
        const char *text = read_string(r);
        struct json_value *value = text ? value_at(r, JSON_STRING, start) : NULL;
        if (value)
            value->text = text;
        return value;
    }
    if (r->at < r->end && (*r->at == '-' || isdigit((unsigned char)*r->at)))
        return read_number(r);
    return read_word(r);
}

struct json_value *json_read(struct arena *arena, struct diagnostics *diagnostics, uint32_t source) {
    const struct source *text = &diagnostics->sources[source];
    struct reader r = {.arena = arena,
                       .diagnostics = diagnostics,
                       .source = source,
                       .at = text->text,
                       .end = text->text + text->length,
                       .line_start = text->text,
                       .line = 1};
    struct json_value *value = read_value(&r);
    skip_space(&r);
    return value && r.at < r.end ? fail(&r, here(&r), "there is text behind the value") : value;
}

const struct json_value *json_get(const struct json_value *object, const char *key) {
    if (!object || object->kind != JSON_OBJECT)
        return NULL;
    for (const struct json_value *item = object->first; item; item = item->next)
        if (strcmp(item->key, key) == 0)
            return item;
    return NULL;
}

static void print_value(struct json *json, const struct json_value *value) {
    switch (value->kind) {
    case JSON_INTEGER:
        json_integer(json, value->key, value->integer);
        break;
    case JSON_STRING:
        json_string(json, value->key, value->text);
        break;
    case JSON_WORD:
    case JSON_REAL:
        json_word(json, value->key, value->text);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        (value->kind == JSON_ARRAY ? json_array : json_object)(json, value->key, value->flat);
        for (const struct json_value *item = value->first; item; item = item->next)
            print_value(json, item);
        json_end(json);
        break;
    }
}

void json_print(const struct json_value *value, struct text_buffer *out) {
    struct json json = {.out = out};
    print_value(&json, value);
    text_append(out, "\n");
}
