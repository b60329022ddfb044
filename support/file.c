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

/* Reads until the end or the extent; NULL with errno set. */
static char *read_descriptor(struct arena *arena, int descriptor, size_t capacity, file_extent *extent,
                             void *context, size_t *length) {
    char *bytes = arena_allocate(arena, capacity);
    size_t used = 0;
    for (;;) {
        size_t wanted = extent ? extent(bytes, used, context) : SIZE_MAX;
        if (used >= wanted) {
            break;
        }
        if (used + 1 >= capacity) {
            char *larger = arena_allocate(arena, capacity * 2);
            memcpy(larger, bytes, used);
            bytes = larger;
            capacity *= 2;
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
            /* A pipe has no size: it is read in growing pieces. */
            bool sized = S_ISREG(status.st_mode) && status.st_size > 0 && !extent;
            size_t capacity = sized ? (size_t)status.st_size + 2 : 1 << 16;
            bytes = read_descriptor(arena, descriptor, capacity, extent, context, length);
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

/* Makes the directories of a path up to its last slash (or all of it). */
static bool make_parents(const char *path, bool all) {
    char *copy = strdup(path);
    bool ok = copy != NULL;
    for (char *p = ok && *copy ? copy + 1 : NULL; ok && p && *p; p++) {
        if (*p == '/') {
            *p = 0;
            ok = mkdir(copy, 0777) == 0 || errno == EEXIST;
            *p = '/';
        }
    }
    if (ok && all) {
        ok = mkdir(copy, 0777) == 0 || errno == EEXIST;
    }
    int reason = errno;
    free(copy);
    errno = reason;
    return ok;
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

/* Removes what stage and backup hold, file by file, then the directories that are left empty. */
static void remove_staged(struct arena *arena, const char *stage, const struct output_file *files,
                          size_t count) {
    for (size_t i = 0; i < count; i++) {
        unlink(arena_printf(arena, "%s/new/%s", stage, files[i].path));
        unlink(arena_printf(arena, "%s/old/%s", stage, files[i].path));
    }
    for (size_t i = 0; i < count; i++) {
        for (int side = 0; side < 2; side++) {
            char *path = arena_printf(arena, "%s/%s/%s", stage, side ? "old" : "new", files[i].path);
            size_t root = strlen(stage) + 5;
            for (char *slash = strrchr(path, '/'); slash && (size_t)(slash - path) >= root;
                 slash = strrchr(path, '/')) {
                *slash = 0;
                rmdir(path);
            }
        }
    }
    rmdir(arena_printf(arena, "%s/new", stage));
    rmdir(arena_printf(arena, "%s/old", stage));
    rmdir(stage);
}

static bool is_regular(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Moves every staged file to its place, the file that stood there to old/. On failure puts everything back.
 */
static bool commit(struct arena *arena, const char *stage, const char *directory,
                   const struct output_file *files, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *staged = arena_printf(arena, "%s/new/%s", stage, files[i].path);
        const char *target = arena_printf(arena, "%s/%s", directory, files[i].path);
        const char *old = arena_printf(arena, "%s/old/%s", stage, files[i].path);
        if (!files[i].bytes && !is_regular(target)) {
            continue;
        }
        bool ok = make_parents(target, false) && make_parents(old, false) &&
                  (rename(target, old) == 0 || errno == ENOENT) &&
                  (!files[i].bytes || rename(staged, target) == 0);
        if (ok) {
            continue;
        }
        int reason = errno;
        rename(old, target);
        while (i-- > 0) {
            target = arena_printf(arena, "%s/%s", directory, files[i].path);
            old = arena_printf(arena, "%s/old/%s", stage, files[i].path);
            if (rename(old, target) != 0 && files[i].bytes) {
                unlink(target);
            }
        }
        errno = reason;
        return false;
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
    if (!make_parents(root, true)) {
        return arena_printf(arena, "cannot make the directory '%s': %s", root, strerror(errno));
    }
    char *stage = arena_printf(arena, "%s/.writing-XXXXXX", root);
    if (!mkdtemp(stage)) {
        return arena_printf(arena, "cannot write to '%s': %s", root, strerror(errno));
    }
    const char *failure = NULL;
    for (size_t i = 0; i < count && !failure; i++) {
        const char *path = arena_printf(arena, "%s/new/%s", stage, files[i].path);
        if (files[i].bytes && (!make_parents(path, false) || !write_file(path, &files[i]))) {
            failure = arena_printf(arena, "cannot write '%s/%s': %s", root, files[i].path, strerror(errno));
        }
    }
    if (!failure && !commit(arena, stage, root, files, count)) {
        failure = arena_printf(arena, "cannot write to '%s': %s", root, strerror(errno));
    }
    remove_staged(arena, stage, files, count);
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
    const char *given = path;
    path = behind_link(arena, given);
    if (!path) {
        return arena_printf(arena, "cannot write '%s': it is a link to what is not there", given);
    }
    const char *base = path_base(path);
    if (!*base) {
        return arena_printf(arena, "cannot write '%s': it names no file", path);
    }
    const char *directory = base == path       ? "."
                            : base == path + 1 ? "/"
                                               : arena_string_range(arena, path, (size_t)(base - path - 1));
    if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return arena_printf(arena, "cannot write '%s': there is no directory '%s'", path, directory);
    }
    struct output_file file = {
        .path = base, .bytes = bytes, .length = length, .more = more, .more_length = more_length};
    return directory_write(arena, directory, &file, 1);
}
