/* A growing string: printers write into one, and its owner decides where the text goes. */
#ifndef TILEC_SUPPORT_TEXT_BUFFER_H
#define TILEC_SUPPORT_TEXT_BUFFER_H

#include <stddef.h>

struct text_buffer {
    char *text; /* terminated; NULL while empty */
    size_t length, capacity;
};

void text_append(struct text_buffer *buffer, const char *text);
void text_append_range(struct text_buffer *buffer, const char *text, size_t length);
void text_printf(struct text_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_indent(struct text_buffer *buffer, int levels);  /* four spaces a level */
const char *text_string(const struct text_buffer *buffer); /* never NULL */
void text_free(struct text_buffer *buffer);

#endif
