/* What tile statements do with a buffer: who writes it, who reads it, and on which side. Of
 * tile form, and of device form until DST is managed. */
#ifndef TILEC_TRANSFORMS_BUFFER_USE_H
#define TILEC_TRANSFORMS_BUFFER_USE_H

#include "ir/ir.h"

struct buffer_use {
    const char *name;
    /* The last of each kind in order of the program, NULL: there is none: what gives it a value, what reads
     * it, what accumulates into it. */
    struct node_tile *writer, *reader, *update;
    bool loaded, stored, computed; /* by the reader, by the writer; computed: compute reads it */
};

/* Of the buffer of this name, in all statements of the scope. */
struct buffer_use buffer_use_of(const char *name, struct node *scope);

#endif
