/* Files, read whole and written whole or not at all. Nothing here prints: a failure is a sentence.
 *
 * Writing goes through a staging directory beside the target, on the same file system: a failure at any
 * point, and a full disk, leaves every existing file as it was.
 */
#ifndef TILEC_SUPPORT_FILE_H
#define TILEC_SUPPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* The bytes of a file in the arena, followed by a zero byte. NULL with *error set. */
char *file_read(struct arena *arena, const char *path, size_t *length, const char **error);

/* How many bytes of a file are wanted, judged by the first `have` of them: asked again after every piece, and
 * reading ends when it says no more than there are. */
typedef size_t file_extent(const char *bytes, size_t have, void *context);
char *file_read_extent(struct arena *arena, const char *path, file_extent *extent, void *context,
                       size_t *length, const char **error);

/* One file to be written. Its path is relative to the set's directory and may have folders. */
struct output_file {
    const char *path;
    const void *bytes; /* NULL: a regular file of this path is removed */
    size_t length;
    const void *more; /* written behind bytes; may be NULL */
    size_t more_length;
};

/* Why a file of this path could not be written, as far as that can be told beforehand; NULL: nothing is known
 * against it. */
const char *file_obstacle(struct arena *arena, const char *path);
/* Writes one file; path as given, in a directory that is there, through a link to its target. NULL, or why
 * not (in the arena). */
const char *file_write(struct arena *arena, const char *path, const void *bytes, size_t length,
                       const void *more, size_t more_length);

/* Writes all files into the directory, which is made with its parents if it is missing; other files there
 * stay. Nothing is written when a directory stands where a file goes, or a file where a folder goes. NULL, or
 * why not. */
const char *directory_write(struct arena *arena, const char *directory, const struct output_file *files,
                            size_t count);

/* The last part of a path. */
const char *path_base(const char *path);

#endif
