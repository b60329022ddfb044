/* One walk over the tile statements of a scope, for one buffer. */
#include "transforms/buffer_use.h"

#include <string.h>

#include "ir/query.h"

static bool collect_use(struct node *node, void *context) {
    struct buffer_use *use = context;
    struct node_tile *tile = node_as(node, tile);
    if (!tile)
        return node_each_child(node, collect_use, context);
    bool written = strcmp(target_name(tile->target), use->name) == 0, read = mentions(tile->value, use->name);
    use->loaded |= written && tile->operation == TILE_LOAD;
    use->stored |= read && tile->operation == TILE_STORE;
    use->computed |= read && tile->operation != TILE_STORE;
    if (read)
        use->reader = tile;
    if (written && tile->op == ASSIGN_SET)
        use->writer = tile;
    if (written && tile->op != ASSIGN_SET)
        use->update = tile;
    return true;
}

struct buffer_use buffer_use_of(const char *name, struct node *scope) {
    struct buffer_use use = {.name = name};
    collect_use(scope, &use);
    return use;
}
