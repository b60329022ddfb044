/* A text that grows at its end. */
#include "support/text_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/arena.h"

static void reserve(struct text_buffer *buffer, size_t more) {
    if (buffer->capacity - buffer->length > more)
        return;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity - buffer->length <= more)
        capacity *= 2;
    char *text = realloc(buffer->text, capacity);
    if (!text)
        out_of_memory(capacity);
    buffer->text = text;
    buffer->capacity = capacity;
}

void text_append_range(struct text_buffer *buffer, const char *text, size_t length) {
    reserve(buffer, length);
    memcpy(buffer->text + buffer->length, text, length);
    buffer->length += length;
    buffer->text[buffer->length] = '\0';
}

void text_append(struct text_buffer *buffer, const char *text) {
    text_append_range(buffer, text, strlen(text));
}

void text_printf(struct text_buffer *buffer, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    size_t room = buffer->capacity - buffer->length;
    int length = vsnprintf(buffer->text ? buffer->text + buffer->length : NULL, room, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length >= room) {
        reserve(buffer, (size_t)length);
        vsnprintf(buffer->text + buffer->length, (size_t)length + 1, format, again);
    }
    buffer->length += length > 0 ? (size_t)length : 0;
    va_end(again);
}

void text_indent(struct text_buffer *buffer, int levels) {
    for (int i = 0; i < levels; i++)
        text_append(buffer, "    ");
}

const char *text_string(const struct text_buffer *buffer) {
    return buffer->text ? buffer->text : "";
}

void text_free(struct text_buffer *buffer) {
    free(buffer->text);
    *buffer = (struct text_buffer){0};
}
