/* One walk over the tile statements of a scope, for one buffer. */
#include "transforms/buffer_use.h"

#include <string.h>

#include "ir/query.h"

struct buffer_use buffer_use_of(const char *name, struct node *scope) {
    struct buffer_use use = {.name = name};
    for_each (tile, tile, scope) {
        bool written = strcmp(target_name(tile->target), name) == 0, read = mentions(tile->value, name);
        use.loaded |= written && tile->operation == TILE_LOAD;
        use.stored |= read && tile->operation == TILE_STORE;
        use.computed |= read && tile->operation != TILE_STORE;
        if (read)
            use.reader = tile;
        if (written && tile->op == ASSIGN_SET)
            use.writer = tile;
        if (written && tile->op != ASSIGN_SET)
            use.update = tile;
    }
    return use;
}
