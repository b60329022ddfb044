/* A hidden folder beside files that are being written: there they are whole before any is moved to its place.
 *
 * It is locked for as long as the process lives, however that ends: a folder that nobody locks was left
 * behind, and the next writer of the directory removes it. */
#ifndef TILEC_SUPPORT_STAGING_H
#define TILEC_SUPPORT_STAGING_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct staging {
    const char *path;
    int lock; /* the folder, open and locked */
};

/* Makes the folder, and removes what others left behind in the directory. False: errno says why not. */
bool staging_open(struct arena *arena, const char *directory, struct staging *staging);
/* Removes the folder with what is still in it. errno stays. */
void staging_close(struct staging *staging);

/* Paths of entry number i: the new file before it is moved to its place, the old one after. */
const char *staging_new(struct arena *arena, const struct staging *staging, size_t i);
const char *staging_old(struct arena *arena, const struct staging *staging, size_t i);

#endif
