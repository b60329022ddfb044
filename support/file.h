/* Files, read whole and written whole or not at all. Nothing here prints: a failure is a sentence.
 *
 * Writing goes through a staging directory beside the target, on the same file system (staging.h): a failure at
 * any point, a full disk, and a signal that ends the process leave every existing file as it was.
 */
#ifndef TILEC_SUPPORT_FILE_H
#define TILEC_SUPPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    /* What files of this kind hold near their beginning: a file without it, which is another's, is neither
     * replaced nor removed. NULL: any is. */
    const char *mark;
};

/* Is there a regular file of this path that has contents, and not this mark near its beginning? */
bool file_is_foreign(const char *path, const char *mark);

/* Which file a path means, however it is spelled and through which link: the file itself, or where there is none
 * its directory and name. */
struct file_identity {
    uint64_t device, number;
    const char *name; /* NULL: the file is there */
};

/* False: it is no regular file, as a device or a pipe, and cannot become one. */
bool file_identify(struct arena *arena, const char *path, struct file_identity *identity);
bool file_identity_equal(const struct file_identity *first, const struct file_identity *second);

/* Why a file of this path could not be written, as far as that can be told beforehand; NULL: nothing is known
 * against it. */
const char *file_obstacle(struct arena *arena, const char *path);
/* Writes one file; path as given, in a directory that is there, through a link to its target. NULL, or why
 * not (in the arena). */
const char *file_write(struct arena *arena, const char *path, const void *bytes, size_t length,
                       const void *more, size_t more_length);

/* A set of files on its way into a directory, which is made with its parents if it is missing; other files there
 * stay. What was added is staged at once and takes its place when all are committed. Signals that end the process
 * wait in between, and end it behind directory_commit or directory_abandon, of which one must follow. */
struct directory_writer;

/* NULL with *failure set. */
struct directory_writer *directory_open(struct arena *arena, const char *directory, const char **failure);
/* NULL, or why not: also when a directory stands where the file goes, a file where a folder goes, or a file of
 * somebody else. The bytes are not needed any more. */
const char *directory_add(struct directory_writer *writer, const struct output_file *file);
/* NULL, or why not: then nothing was written. */
const char *directory_commit(struct directory_writer *writer);
void directory_abandon(struct directory_writer *writer);

/* All at once. */
const char *directory_write(struct arena *arena, const char *directory, const struct output_file *files,
                            size_t count);

/* The last part of a path. */
const char *path_base(const char *path);

#endif
