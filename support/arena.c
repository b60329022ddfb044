/* The arena: chunks that double, interned strings, and everything freed at once. */
#include "support/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first chunk; each further one has twice as much, up to the limit, so that a small compilation takes
 * little and a large one asks rarely. Large chunks come from the system zeroed, and what is not used of them
 * costs nothing. */
#define CHUNK_SIZE ((size_t)64 * 1024)
#define CHUNK_LIMIT ((size_t)1024 * 1024)
#define ALIGNMENT 16u

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) unsigned char data[];
};

struct interned {
    struct interned *next;
    uint32_t hash;
    char text[];
};

#define BUCKETS 1024u

struct arena {
    struct chunk *chunks;
    struct interned *buckets[BUCKETS];
};

void out_of_memory(size_t wanted) {
    fprintf(stderr, "error: this machine has not enough memory: %zu more bytes are wanted\n", wanted);
    exit(EXIT_FAILURE);
}

/* The zeroed memory of this size. */
static void *zeroed(size_t size) {
    void *memory = calloc(1, size);
    if (!memory)
        out_of_memory(size);
    return memory;
}

struct arena *arena_create(void) {
    return zeroed(sizeof(struct arena));
}

void arena_free(struct arena *arena) {
    if (!arena)
        return;
    for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

size_t arena_bytes(const struct arena *arena) {
    size_t bytes = 0;
    for (const struct chunk *chunk = arena->chunks; chunk; chunk = chunk->next)
        bytes += chunk->used;
    return bytes;
}

void *arena_allocate(struct arena *arena, size_t size) {
    if (size > SIZE_MAX / 2)
        out_of_memory(size);
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t grown = !chunk ? CHUNK_SIZE : chunk->size < CHUNK_LIMIT / 2 ? 2 * chunk->size : CHUNK_LIMIT;
        size_t capacity = size > grown ? size : grown;
        chunk = zeroed(sizeof *chunk + capacity);
        chunk->size = capacity;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *memory = chunk->data + chunk->used;
    chunk->used += size;
    return memory;
}

void *arena_copy(struct arena *arena, const void *data, size_t size) {
    void *copy = arena_allocate(arena, size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

char *arena_string_range(struct arena *arena, const char *text, size_t length) {
    char *copy = arena_allocate(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_string(struct arena *arena, const char *text) {
    return arena_string_range(arena, text, strlen(text));
}

/* Straight into the room that the last chunk has left; written again where it does not fit there. */
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments) {
    struct chunk *chunk = arena->chunks;
    char *text = chunk ? (char *)chunk->data + chunk->used : NULL;
    size_t room = chunk ? chunk->size - chunk->used : 0;
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(text, room, format, arguments);
    size_t size = length < 0 ? 1 : (size_t)length + 1;
    bool fits = length >= 0 && size <= room;
    if (chunk && !fits)
        memset(text, 0, room);
    text = arena_allocate(arena, size);
    if (!fits && length > 0)
        vsnprintf(text, size, format, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

const char *arena_intern_range(struct arena *arena, const char *text, size_t length) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    struct interned **bucket = &arena->buckets[hash % BUCKETS];
    for (struct interned *entry = *bucket; entry; entry = entry->next)
        if (entry->hash == hash && strlen(entry->text) == length && memcmp(entry->text, text, length) == 0)
            return entry->text;
    struct interned *entry = arena_allocate(arena, sizeof *entry + length + 1);
    entry->hash = hash;
    memcpy(entry->text, text, length);
    entry->next = *bucket;
    *bucket = entry;
    return entry->text;
}

const char *arena_intern(struct arena *arena, const char *text) {
    return arena_intern_range(arena, text, strlen(text));
}
