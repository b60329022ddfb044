/* The cores that take part, in the order of their shares: row-major over tt.core_grid, each with its NoC
 * coordinates.
 *
 *     tt.core_ranges = [{start = [0, 0], extent = [8, 8]}]
 *     tt.core_map = [[0, 0, 18, 18], [1, 0, 19, 18], ...]                 x, y, and x, y of the NoC
 */
#include <inttypes.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "support/architecture.h"
#include "transforms/pass.h"
#include "ir/query.h"

static struct node *numbers(struct arena *arena, size_t count, const uint32_t *values) {
    struct list_builder items = {0};
    for (size_t i = 0; i < count; i++)
        builder_add(arena, &items, make_integer(arena, values[i]));
    return node_new(arena, sequence, SEQUENCE, ((struct span){0}), .items = builder_list(&items));
}

/* The grid of cores that the partition settled, columns and rows; false after a reported error. */
static bool core_grid(struct compilation *c, uint32_t grid[2]) {
    const struct architecture *a = c->architecture;
    struct node_sequence *settled = node_as(attribute_get(c->kernel, KEY_TT_CORE_GRID), sequence);
    if (!settled || settled->items.count != 2) {
        report_error(c->diagnostics, c->kernel->span, "kernel %s has no %s = [x, y]",
                     node_as(c->kernel, kernel)->name, KEY_TT_CORE_GRID);
        report_help(c->diagnostics, (struct span){0},
                    "layout_aware_work_partition_tt settles the cores: run it first");
        return false;
    }
    int64_t x = attribute_integer(settled->items.items[0], 0),
            y = attribute_integer(settled->items.items[1], 0);
    if (x < 1 || y < 1 || x > a->grid_x || y > a->grid_y) {
        report_error(c->diagnostics, c->kernel->span,
                     "a grid of %" PRId64 "x%" PRId64 " cores is not within the %ux%u cores of %s", x, y,
                     a->grid_x, a->grid_y, a->name);
        report_help(c->diagnostics, (struct span){0}, "choose a grid of at least 1x1 and at most %ux%u cores",
                    a->grid_x, a->grid_y);
        return false;
    }
    grid[0] = (uint32_t)x;
    grid[1] = (uint32_t)y;
    return true;
}

bool tt_tiles_to_core_map(struct compilation *c) {
    uint32_t grid[2];
    if (!core_grid(c, grid))
        return false;
    struct list_builder cores = {0};
    for (uint32_t y = 0; y < grid[1]; y++) {
        for (uint32_t x = 0; x < grid[0]; x++) {
            uint32_t core[4] = {x, y, 0, 0};
            architecture_noc_coordinates(c->architecture, x, y, &core[2], &core[3]);
            builder_add(c->arena, &cores, numbers(c->arena, 4, core));
        }
    }
    struct node *map =
        node_new(c->arena, sequence, SEQUENCE, ((struct span){0}), .items = builder_list(&cores));
    struct node *range = dictionary_set(c->arena, NULL, KEY_START, numbers(c->arena, 2, (uint32_t[]){0, 0}));
    range = dictionary_set(c->arena, range, KEY_EXTENT, numbers(c->arena, 2, grid));
    struct node *ranges =
        node_new(c->arena, sequence, SEQUENCE, ((struct span){0}), .items = LIST(c->arena, range));
    c->kernel = attribute_set(c->arena, c->kernel, KEY_TT_CORE_MAP, map);
    c->kernel = attribute_set(c->arena, c->kernel, KEY_TT_CORE_RANGES, ranges);
    return true;
}
