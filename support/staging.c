/* Staging folders: made, locked, cleared, and cleared of those that were left behind. */
#include "support/staging.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/arena.h"

#define PREFIX ".writing-"
#define OLD ".old"

const char *staging_new(struct arena *arena, const struct staging *staging, size_t i) {
    return arena_printf(arena, "%s/%zu", staging->path, i);
}

const char *staging_old(struct arena *arena, const struct staging *staging, size_t i) {
    return arena_printf(arena, "%s/%zu" OLD, staging->path, i);
}

/* Is it the name of an entry, as above? */
static bool is_entry(const char *name) {
    size_t digits = 0;
    while (isdigit((unsigned char)name[digits])) {
        digits++;
    }
    return digits > 0 && (!name[digits] || strcmp(name + digits, OLD) == 0);
}

/* Removes the folder with its entries; one that holds anything else stays. */
static void remove_folder(const char *path) {
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (is_entry(entry->d_name)) {
            unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(path);
}

/* The folder, open; -1 with errno set. */
static int open_folder(const char *path) {
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Removes the folders in the directory whose processes have ended. */
static void remove_left_behind(struct arena *arena, const char *directory) {
    DIR *all = opendir(directory);
    struct dirent *entry;
    while (all && (entry = readdir(all))) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0) {
            const char *path = arena_printf(arena, "%s/%s", directory, entry->d_name);
            int folder = open_folder(path);
            if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) == 0) {
                remove_folder(path);
            }
            if (folder >= 0) {
                close(folder);
            }
        }
    }
    if (all) {
        closedir(all);
    }
}

/* Does the path still lead to the open folder? Between its making and its lock another process may have taken
 * it for one that was left behind. */
static bool is_there(const char *path, int folder) {
    struct stat by_path, open_one;
    return lstat(path, &by_path) == 0 && fstat(folder, &open_one) == 0 && by_path.st_ino == open_one.st_ino &&
           by_path.st_dev == open_one.st_dev;
}

bool staging_open(struct arena *arena, const char *directory, struct staging *staging) {
    remove_left_behind(arena, directory);
    for (;;) {
        char *path = arena_printf(arena, "%s/" PREFIX "XXXXXX", directory);
        if (!mkdtemp(path)) {
            return false;
        }
        *staging = (struct staging){path, open_folder(path)};
        if (staging->lock < 0) {
            int reason = errno;
            if (rmdir(path) != 0 && errno == ENOENT) {
                continue; /* another process removed it */
            }
            errno = reason;
            return false;
        }
        /* Where the file system has no locks, this fails, and so it does for everyone who looks for folders
         * left behind. */
        flock(staging->lock, LOCK_EX);
        if (is_there(path, staging->lock)) {
            return true;
        }
        close(staging->lock);
    }
}

void staging_close(struct staging *staging) {
    int reason = errno;
    remove_folder(staging->path);
    close(staging->lock);
    errno = reason;
}
