/* Blocks of one element that are all of their axis.
 *
 * An axis opened `by 1` counts matrices. Where a fixed size makes blocks of one of `j in N by N`, it is meant as rows or
 * columns all the same, which is told by its use: no tensor has it before its last two dimensions, and what is read along
 * it, kept along it or folded is in tiles. Such a block is one tile with one element. */
#include "ir/build.h"
#include "ir/query.h"
#include "support/scalar.h"
#include "transforms/tensorize.h"

static bool names(struct node_list axes, const char *name) {
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        if (axis->name == name && !axis->upper)
            return true;
    }
    return false;
}

/* Is it read, kept or folded along in these statements, and does it count no matrices there? */
static bool lies_in_tiles(struct node *body, const char *name) {
    bool found = false;
    for_each_node (node, body) {
        const struct node_access *access = node_as(node, access);
        const struct node_buffer *buffer = node_as(node, buffer);
        const struct node_reduction *fold = node_as(node, reduction);
        for (size_t i = 0; access && i < access->subscripts.count; i++) {
            if (!mentions(access->subscripts.items[i], name))
                continue;
            if (i + 2 < access->subscripts.count)
                return false;
            found = true;
        }
        found |= (buffer && names(buffer->axes, name)) || (fold && names(fold->axes, name));
    }
    return found;
}

static bool is_whole_of_one(const struct node_axis *axis) {
    int64_t lower, upper, step;
    return axis->step && integer_value(axis->lower, &lower) && integer_value(axis->upper, &upper) &&
           integer_value(axis->step, &step) && lower == 0 && upper == 1 && step == 1;
}

static struct node *in_tiles(struct node *node, void *context) {
    struct arena *arena = context;
    struct node_for *loop = node_as(node, for);
    struct list_builder axes = {0};
    for (size_t i = 0; loop && i < loop->axes.count; i++) {
        struct node_axis axis = *node_as(loop->axes.items[i], axis);
        if (is_whole_of_one(&axis) && lies_in_tiles(loop->body, axis.name))
            axis.step = make_integer(arena, TILE_EDGE);
        builder_add(arena, &axes, arena_copy(arena, &axis, sizeof axis));
    }
    if (!loop)
        return node_map_children(arena, node, in_tiles, arena);
    struct node_for mapped = *loop;
    mapped.axes = builder_list(&axes);
    mapped.body = in_tiles(loop->body, arena);
    return arena_copy(arena, &mapped, sizeof mapped);
}

struct node *single_blocks_tiled(struct arena *arena, struct node *body) {
    return in_tiles(body, arena);
}
