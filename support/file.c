/* Reading files whole or in part, and writing several so that all change or none does. */
#include "support/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/arena.h"
#include "support/staging.h"

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

/* ---- signals ---- */

static const int ending_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

enum { ENDING_SIGNALS = sizeof ending_signals / sizeof *ending_signals };

/* A signal that ends the process waits from here on, so that what was begun can be taken back. */
static sigset_t hold_signals(void) {
    sigset_t ending, before;
    sigemptyset(&ending);
    for (size_t i = 0; i < ENDING_SIGNALS; i++) {
        sigaddset(&ending, ending_signals[i]);
    }
    pthread_sigmask(SIG_BLOCK, &ending, &before);
    return before;
}

/* Does one wait? Then errno is EINTR. */
static bool interrupted(void) {
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < ENDING_SIGNALS; i++) {
        if (sigismember(&pending, ending_signals[i]) == 1) {
            errno = EINTR;
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

/* Bytes that are written between two looks at the signals that wait. */
enum { WRITTEN_AT_ONCE = 1 << 20 };

static bool write_all(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        if (interrupted()) {
            return false;
        }
        ssize_t put = write(descriptor, bytes, length < WRITTEN_AT_ONCE ? length : WRITTEN_AT_ONCE);
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

static bool is_regular(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool file_is_foreign(const char *path, const char *mark) {
    enum { SEARCHED = 1 << 16 };
    struct stat status;
    int descriptor = stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0
                         ? open(path, O_RDONLY | O_CLOEXEC)
                         : -1;
    char *begin = descriptor >= 0 ? malloc(SEARCHED) : NULL;
    ssize_t length = begin ? read(descriptor, begin, SEARCHED) : 0;
    bool foreign = length > 0 && !memmem(begin, (size_t)length, mark, strlen(mark));
    free(begin);
    if (descriptor >= 0) {
        close(descriptor);
    }
    return foreign;
}

static bool is_own(const char *path, const struct output_file *file) {
    return !file->mark || !file_is_foreign(path, file->mark);
}

/* Keeps the file that stands at the target as `old`. Where there are links it also stays where it is until the
 * new one replaces it: at no moment is there none. */
static bool keep_old(const char *target, const char *old, bool replace) {
    return (replace && link(target, old) == 0) || rename(target, old) == 0;
}

/* Moves a staged file to its place, the file that stood there behind it; *replaced: one stood there. */
static bool move_file(struct arena *arena, const struct staging *stage, const char *directory,
                      const struct output_file *files, size_t i, bool *replaced) {
    const char *target = arena_printf(arena, "%s/%s", directory, files[i].path);
    *replaced = false;
    if (!files[i].bytes && !(is_regular(target) && is_own(target, &files[i]))) {
        return true;
    }
    if (!make_parents(arena, target)) {
        return false;
    }
    *replaced = keep_old(target, staging_old(arena, stage, i), files[i].bytes != NULL);
    return (*replaced || errno == ENOENT) &&
           (!files[i].bytes || rename(staging_new(arena, stage, i), target) == 0);
}

/* The old file in its place again, or none where none was. */
static void move_back(struct arena *arena, const struct staging *stage, const char *directory,
                      const struct output_file *files, size_t i, bool replaced) {
    const char *target = arena_printf(arena, "%s/%s", directory, files[i].path);
    if (replaced) {
        rename(staging_old(arena, stage, i), target);
    } else if (files[i].bytes) {
        unlink(target);
    }
}

/* All files to their places; on failure everything is put back. */
static bool commit(struct arena *arena, const struct staging *stage, const char *directory,
                   const struct output_file *files, size_t count) {
    bool *replaced = arena_allocate(arena, count + 1);
    for (size_t i = 0; i < count; i++) {
        replaced[i] = false;
        if (!interrupted() && move_file(arena, stage, directory, files, i, &replaced[i])) {
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
    return true;
}

/* What stands in the way of a file of this path below root: NULL, or a sentence that names it. */
static const char *obstacle(struct arena *arena, const char *root, const struct output_file *file) {
    struct stat status;
    const char *path = file->path;
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
        return is_own(full, file)
                   ? NULL
                   : arena_printf(
                         arena, "cannot write '%s': the file there was not made by tilec, and is kept", full);
    }
    return arena_printf(arena, "cannot write '%s': %s", full,
                        S_ISDIR(status.st_mode) ? "a directory of this name is in the way"
                                                : "what stands there is no file");
}

struct directory_writer {
    struct arena *arena;
    const char *root;
    struct staging stage;
    sigset_t signals; /* that were held before */
    /* What was added: bytes tell only whether there are some. */
    struct output_file *files;
    size_t count, capacity;
};

struct directory_writer *directory_open(struct arena *arena, const char *directory, const char **failure) {
    char *root = arena_string(arena, *directory ? directory : ".");
    for (size_t length = strlen(root); length > 1 && root[length - 1] == '/'; length--) {
        root[length - 1] = 0;
    }
    if (!make_directory(root)) {
        *failure = arena_printf(arena, "cannot make the directory '%s': %s", root, strerror(errno));
        return NULL;
    }
    struct directory_writer *writer = arena_allocate(arena, sizeof *writer);
    *writer = (struct directory_writer){.arena = arena, .root = root, .signals = hold_signals()};
    if (!staging_open(arena, root, &writer->stage)) {
        *failure = arena_printf(arena, "cannot write to '%s': %s", root, strerror(errno));
        pthread_sigmask(SIG_SETMASK, &writer->signals, NULL);
        return NULL;
    }
    return writer;
}

const char *directory_add(struct directory_writer *writer, const struct output_file *file) {
    struct arena *arena = writer->arena;
    const char *blocked = file->bytes ? obstacle(arena, writer->root, file) : NULL;
    if (blocked) {
        return blocked;
    }
    if (file->bytes && !write_file(staging_new(arena, &writer->stage, writer->count), file)) {
        return arena_printf(arena, "cannot write '%s/%s': %s", writer->root, file->path, strerror(errno));
    }
    if (writer->count == writer->capacity) {
        size_t capacity = writer->capacity ? 2 * writer->capacity : 64;
        struct output_file *files = arena_allocate(arena, capacity * sizeof *files);
        if (writer->count) {
            memcpy(files, writer->files, writer->count * sizeof *files);
        }
        writer->files = files;
        writer->capacity = capacity;
    }
    writer->files[writer->count++] = (struct output_file){
        .path = arena_string(arena, file->path), .bytes = file->bytes ? "" : NULL, .mark = file->mark};
    return NULL;
}

void directory_abandon(struct directory_writer *writer) {
    staging_close(&writer->stage);
    pthread_sigmask(SIG_SETMASK, &writer->signals, NULL);
}

const char *directory_commit(struct directory_writer *writer) {
    const char *failure = NULL;
    if (!commit(writer->arena, &writer->stage, writer->root, writer->files, writer->count)) {
        failure = arena_printf(writer->arena, "cannot write to '%s': %s", writer->root, strerror(errno));
    }
    directory_abandon(writer);
    return failure;
}

const char *directory_write(struct arena *arena, const char *directory, const struct output_file *files,
                            size_t count) {
    const char *failure = NULL;
    struct directory_writer *writer = directory_open(arena, directory, &failure);
    if (!writer) {
        return failure;
    }
    for (size_t i = 0; i < count && !failure; i++) {
        failure = directory_add(writer, &files[i]);
    }
    if (!failure) {
        return directory_commit(writer);
    }
    directory_abandon(writer);
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

bool file_identify(struct arena *arena, const char *path, struct file_identity *identity) {
    struct stat status;
    *identity = (struct file_identity){0};
    if (stat(path, &status) == 0) {
        identity->device = status.st_dev;
        identity->number = status.st_ino;
        return S_ISREG(status.st_mode);
    }
    if (stat(directory_of(arena, path), &status) != 0) {
        return false;
    }
    identity->device = status.st_dev;
    identity->number = status.st_ino;
    identity->name = path_base(path);
    return *identity->name != 0;
}

bool file_identity_equal(const struct file_identity *first, const struct file_identity *second) {
    return first->device == second->device && first->number == second->number &&
           (first->name && second->name ? strcmp(first->name, second->name) == 0
                                        : first->name == second->name);
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
