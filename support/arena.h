/* A bump allocator: everything of one compilation lives in one arena and is freed at once. Memory is zeroed.
 * Running out of memory ends the process with a message: no caller has to check.
 */
#ifndef TILEC_SUPPORT_ARENA_H
#define TILEC_SUPPORT_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_create(void);
void arena_free(struct arena *arena);
/* Bytes that were allocated, without what chunks have left. */
size_t arena_bytes(const struct arena *arena);

/* Zeroed memory, aligned for any object. */
void *arena_allocate(struct arena *arena, size_t size);

/* Copies of size bytes; of a string; of its first length bytes (terminated). */
void *arena_copy(struct arena *arena, const void *data, size_t size);
char *arena_string(struct arena *arena, const char *text);
char *arena_string_range(struct arena *arena, const char *text, size_t length);

/* A string made by printf rules. */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments);

/* Ends the process for want of so many bytes, with exit code 1: what was asked for is too much for this
 * machine. */
_Noreturn void out_of_memory(size_t wanted);

/* Interned strings: equal texts give the same pointer within one arena. */
const char *arena_intern(struct arena *arena, const char *text);
const char *arena_intern_range(struct arena *arena, const char *text, size_t length);

#endif
