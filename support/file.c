/* Reading files whole or in part, and writing several so that all change or none does. */
#include "support/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/arena.h"

/* Reads until the end or the extent; NULL with errno set. size: of a regular file; 0: it is not known, as of
 * a pipe, which is read in growing pieces. */
static char *read_descriptor(struct arena *arena, int descriptor, size_t size, file_extent *extent,
                             void *context, size_t *length) {
    size_t capacity = size && !extent ? size + 2 : 1 << 16, used = 0;
    char *bytes = arena_allocate(arena, capacity);
    for (;;) {
        size_t wanted = extent ? extent(bytes, used, context) : SIZE_MAX;
        size_t expected = wanted < size ? wanted + 1 : size + 2;
        if (used >= wanted) {
            break;
        }
        if (used + 1 >= capacity || capacity < expected) {
            capacity = capacity < expected ? expected : capacity * 2;
            char *larger = arena_allocate(arena, capacity);
            memcpy(larger, bytes, used);
            bytes = larger;
        }
        size_t room = capacity - used - 1;
        ssize_t got = read(descriptor, bytes + used, room < wanted - used ? room : wanted - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return NULL;
        }
        if (got == 0) {
            break;
        }
        used += (size_t)got;
    }
    bytes[used] = 0;
    *length = used;
    return bytes;
}

char *file_read_extent(struct arena *arena, const char *path, file_extent *extent, void *context,
                       size_t *length, const char **error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *bytes = NULL;
    if (descriptor >= 0 && fstat(descriptor, &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            errno = EISDIR;
        } else {
            size_t size = S_ISREG(status.st_mode) && status.st_size > 0 ? (size_t)status.st_size : 0;
            bytes = read_descriptor(arena, descriptor, size, extent, context, length);
        }
    }
    if (!bytes) {
        *error = arena_printf(arena, "cannot read '%s': %s", path,
                              errno == EISDIR ? "it is a directory" : strerror(errno));
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    return bytes;
}

char *file_read(struct arena *arena, const char *path, size_t *length, const char **error) {
    return file_read_extent(arena, path, NULL, NULL, length, error);
}

const char *path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Makes the directory and those around it, the innermost first: most often it is there. */
static bool make_directory(char *path) {
    if (mkdir(path, 0777) == 0 || errno == EEXIST) {
        return true;
    }
    char *slash = strrchr(path, '/');
    if (errno != ENOENT || !slash || slash == path) {
        return false;
    }
    *slash = 0;
    bool ok = make_directory(path);
    *slash = '/';
    return ok && (mkdir(path, 0777) == 0 || errno == EEXIST);
}

/* The directory that a path lies in. */
static bool make_parents(struct arena *arena, const char *path) {
    char *copy = arena_string(arena, path), *slash = strrchr(copy, '/');
    if (!slash || slash == copy) {
        return true;
    }
    *slash = 0;
    return make_directory(copy);
}

static bool write_all(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t put = write(descriptor, bytes, length);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return false;
        }
        bytes += put;
        length -= (size_t)put;
    }
    return true;
}

static bool write_file(const char *path, const struct output_file *file) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        return false;
    }
    bool ok = write_all(descriptor, file->bytes, file->length) &&
              write_all(descriptor, file->more, file->more_length);
    int reason = errno;
    if (close(descriptor) != 0 && ok) {
        return false;
    }
    errno = reason;
    return ok;
}

/* Where file number i is kept: the new one before it is moved to its place, the old one after. */
static const char *staged_path(struct arena *arena, const char *stage, size_t i) {
    return arena_printf(arena, "%s/%zu", stage, i);
}

static const char *old_path(struct arena *arena, const char *stage, size_t i) {
    return arena_printf(arena, "%s/%zu.old", stage, i);
}

static bool is_regular(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Moves a staged file to its place, the file that stood there behind it; *replaced: one stood there. */
static bool move_file(struct arena *arena, const char *stage, const char *directory,
                      const struct output_file *files, size_t i, bool *replaced) {
    const char *target = arena_printf(arena, "%s/%s", directory, files[i].path);
    *replaced = false;
    if (!files[i].bytes && !is_regular(target)) {
        return true;
    }
    if (!make_parents(arena, target)) {
        return false;
    }
    *replaced = rename(target, old_path(arena, stage, i)) == 0;
    return (*replaced || errno == ENOENT) &&
           (!files[i].bytes || rename(staged_path(arena, stage, i), target) == 0);
}

/* The old file in its place again, or none where none was. */
static void move_back(struct arena *arena, const char *stage, const char *directory,
                      const struct output_file *files, size_t i, bool replaced) {
    const char *target = arena_printf(arena, "%s/%s", directory, files[i].path);
    if (replaced) {
        rename(old_path(arena, stage, i), target);
    } else if (files[i].bytes) {
        unlink(target);
    }
}

/* All files to their places; on failure everything is put back. Old ones are removed. */
static bool commit(struct arena *arena, const char *stage, const char *directory,
                   const struct output_file *files, size_t count) {
    bool *replaced = arena_allocate(arena, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (move_file(arena, stage, directory, files, i, &replaced[i])) {
            continue;
        }
        int reason = errno;
        if (replaced[i]) {
            move_back(arena, stage, directory, files, i, true);
        }
        while (i-- > 0) {
            move_back(arena, stage, directory, files, i, replaced[i]);
        }
        errno = reason;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (replaced[i]) {
            unlink(old_path(arena, stage, i));
        }
    }
    return true;
}

/* What stands in the way of a file of this path below root: NULL, or a sentence that names it. */
static const char *obstacle(struct arena *arena, const char *root, const char *path) {
    struct stat status;
    char *full = arena_printf(arena, "%s/%s", root, path);
    for (char *slash = full + strlen(root); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        bool blocked = stat(full, &status) == 0 && !S_ISDIR(status.st_mode);
        if (blocked) {
            return arena_printf(arena, "cannot write '%s/%s': '%s' is no directory", root, path, full);
        }
        *slash = '/';
    }
    if (lstat(full, &status) != 0 || S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) {
        return NULL;
    }
    return arena_printf(arena, "cannot write '%s': %s", full,
                        S_ISDIR(status.st_mode) ? "a directory of this name is in the way"
                                                : "what stands there is no file");
}

const char *directory_write(struct arena *arena, const char *directory, const struct output_file *files,
                            size_t count) {
    char *root = arena_string(arena, *directory ? directory : ".");
    for (size_t length = strlen(root); length > 1 && root[length - 1] == '/'; length--) {
        root[length - 1] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        const char *blocked = files[i].bytes ? obstacle(arena, root, files[i].path) : NULL;
        if (blocked) {
            return blocked;
        }
    }
    if (!make_directory(root)) {
        return arena_printf(arena, "cannot make the directory '%s': %s", root, strerror(errno));
    }
    char *stage = arena_printf(arena, "%s/.writing-XXXXXX", root);
    if (!mkdtemp(stage)) {
        return arena_printf(arena, "cannot write to '%s': %s", root, strerror(errno));
    }
    const char *failure = NULL;
    for (size_t i = 0; i < count && !failure; i++) {
        if (files[i].bytes && !write_file(staged_path(arena, stage, i), &files[i])) {
            failure = arena_printf(arena, "cannot write '%s/%s': %s", root, files[i].path, strerror(errno));
        }
    }
    if (!failure && !commit(arena, stage, root, files, count)) {
        failure = arena_printf(arena, "cannot write to '%s': %s", root, strerror(errno));
    }
    for (size_t i = 0; failure && i < count; i++) {
        unlink(staged_path(arena, stage, i));
    }
    rmdir(stage);
    return failure;
}

/* The target of a link, for a path that is one; else the path itself. NULL: the link leads nowhere. */
static const char *behind_link(struct arena *arena, const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISLNK(status.st_mode)) {
        return path;
    }
    char *real = realpath(path, NULL);
    const char *copy = real ? arena_string(arena, real) : NULL;
    free(real);
    return copy;
}

/* The directory that holds a file of this path. */
static const char *directory_of(struct arena *arena, const char *path) {
    const char *base = path_base(path);
    return base == path       ? "."
           : base == path + 1 ? "/"
                              : arena_string_range(arena, path, (size_t)(base - path - 1));
}

const char *file_obstacle(struct arena *arena, const char *path) {
    struct stat status;
    const char *target = behind_link(arena, path);
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return access(path, W_OK) == 0 && !S_ISDIR(status.st_mode)
                   ? NULL
                   : arena_printf(arena, "cannot write '%s': %s", path,
                                  strerror(S_ISDIR(status.st_mode) ? EISDIR : errno));
    }
    if (!target) {
        return arena_printf(arena, "cannot write '%s': it is a link to what is not there", path);
    }
    if (!*path_base(target)) {
        return arena_printf(arena, "cannot write '%s': it names no file", path);
    }
    const char *directory = directory_of(arena, target);
    if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return arena_printf(arena, "cannot write '%s': there is no directory '%s'", path, directory);
    }
    return access(directory, W_OK | X_OK) == 0
               ? NULL
               : arena_printf(arena, "cannot write '%s': %s", path, strerror(errno));
}

const char *file_write(struct arena *arena, const char *path, const void *bytes, size_t length,
                       const void *more, size_t more_length) {
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        /* A device or a pipe cannot be replaced: it is written to. */
        int descriptor = open(path, O_WRONLY | O_CLOEXEC);
        bool ok = descriptor >= 0 && write_all(descriptor, bytes, length) &&
                  write_all(descriptor, more, more_length);
        int reason = errno;
        if (descriptor >= 0 && close(descriptor) != 0 && ok) {
            ok = false;
            reason = errno;
        }
        return ok ? NULL : arena_printf(arena, "cannot write '%s': %s", path, strerror(reason));
    }
    const char *failure = file_obstacle(arena, path);
    if (failure) {
        return failure;
    }
    path = behind_link(arena, path);
    const char *base = path_base(path), *directory = directory_of(arena, path);
    struct output_file file = {
        .path = base, .bytes = bytes, .length = length, .more = more, .more_length = more_length};
    return directory_write(arena, directory, &file, 1);
}
