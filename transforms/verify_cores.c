/* The rules of grid, core ranges, core map and owners of shards, one function each. */
#include "transforms/verify_cores.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "support/architecture.h"

struct cores {
    struct compilation *compilation;
    const struct architecture *architecture;
    const char *kernel;
    int64_t columns, rows; /* tt.core_grid; 0: not known */
    bool *seen; /* cores of the product, row by row: those that a rectangle or a row of the map names */
};

static const struct span no_place;

/* Where an attribute's value stands; the kernel where it is not from a text. */
static struct span place_of(const struct cores *c, const struct node *value) {
    return value && value->span.line ? value->span : c->compilation->kernel->span;
}

static bool read_numbers(const struct node *value, size_t count, int64_t *numbers) {
    struct node_list items = value && value->kind == NODE_SEQUENCE
                                 ? ((const struct node_sequence *)value)->items
                                 : (struct node_list){0};
    for (size_t i = 0; i < items.count && i < count; i++)
        if (!integer_value(items.items[i], &numbers[i]))
            return false;
    return items.count == count;
}

static void forget_cores(struct cores *c) {
    size_t count = (size_t)c->architecture->grid_x * c->architecture->grid_y;
    memset(c->seen, 0, count * sizeof *c->seen);
}

static void help_to_settle(struct cores *c, const char *key, const char *pass) {
    report_help(c->compilation->diagnostics, no_place, "leave %s to the pass %s", key, pass);
}

/* ---- tt.core_grid ---- */

static void check_grid(struct cores *c) {
    const struct architecture *a = c->architecture;
    struct node *value = attribute_get(c->compilation->kernel, KEY_TT_CORE_GRID);
    int64_t grid[2];
    if (!value)
        return;
    if (read_numbers(value, 2, grid) && grid[0] >= 1 && grid[1] >= 1 && grid[0] <= a->grid_x &&
        grid[1] <= a->grid_y) {
        c->columns = grid[0];
        c->rows = grid[1];
        return;
    }
    report_error(c->compilation->diagnostics, place_of(c, value),
                 "%s of kernel %s is no grid within the %ux%u cores of %s", KEY_TT_CORE_GRID, c->kernel,
                 a->grid_x, a->grid_y, a->name);
    report_help(c->compilation->diagnostics, no_place,
                "it takes [columns, rows], at least [1, 1] and at most [%u, %u]", a->grid_x, a->grid_y);
}

/* ---- tt.core_ranges ---- */

/* Marks the cores of a rectangle. False after a report. */
static bool mark_range(struct cores *c, const struct node *range) {
    const struct architecture *a = c->architecture;
    struct diagnostics *d = c->compilation->diagnostics;
    int64_t start[2], extent[2];
    if (!read_numbers(dictionary_get(range, KEY_START), 2, start) ||
        !read_numbers(dictionary_get(range, KEY_EXTENT), 2, extent)) {
        report_error(d, c->compilation->kernel->span,
                     "%s of kernel %s: a range is {%s = [x, y], %s = [w, h]}", KEY_TT_CORE_RANGES, c->kernel,
                     KEY_START, KEY_EXTENT);
        return false;
    }
    if (start[0] < 0 || start[1] < 0 || extent[0] < 1 || extent[1] < 1 || start[0] >= a->grid_x ||
        start[1] >= a->grid_y || extent[0] > a->grid_x - start[0] || extent[1] > a->grid_y - start[1]) {
        report_error(d, c->compilation->kernel->span,
                     "cores from [%" PRId64 ", %" PRId64 "], %" PRId64 "x%" PRId64
                     " of them, are not within the %ux%u of %s",
                     start[0], start[1], extent[0], extent[1], a->grid_x, a->grid_y, a->name);
        return false;
    }
    for (int64_t y = start[1]; y < start[1] + extent[1]; y++)
        for (int64_t x = start[0]; x < start[0] + extent[0]; x++) {
            bool *seen = &c->seen[y * a->grid_x + x];
            if (*seen) {
                report_error(d, place_of(c, range), "core (%" PRId64 ", %" PRId64 ") is in two ranges of %s",
                             x, y, KEY_TT_CORE_RANGES);
                help_to_settle(c, KEY_TT_CORE_RANGES, "tt_tiles_to_core_map");
                return false;
            }
            *seen = true;
        }
    return true;
}

/* The ranges name the cores of the grid, and no others. */
static void compare_ranges(struct cores *c, const struct node *ranges) {
    const struct architecture *a = c->architecture;
    for (int64_t i = 0; i < (int64_t)a->grid_x * a->grid_y; i++) {
        int64_t x = i % a->grid_x, y = i / a->grid_x;
        bool wanted = x < c->columns && y < c->rows;
        if (c->seen[i] == wanted)
            continue;
        report_error(c->compilation->diagnostics, place_of(c, ranges),
                     wanted ? "core (%" PRId64 ", %" PRId64 ") is in %s = [%" PRId64 ", %" PRId64
                              "], but in no range of %s"
                            : "core (%" PRId64 ", %" PRId64 ") is not in %s = [%" PRId64 ", %" PRId64
                              "], but in a range of %s",
                     x, y, KEY_TT_CORE_GRID, c->columns, c->rows, KEY_TT_CORE_RANGES);
        report_help(c->compilation->diagnostics, no_place,
                    "the cores of the grid are {%s = [0, 0], %s = [%" PRId64 ", %" PRId64 "]}", KEY_START,
                    KEY_EXTENT, c->columns, c->rows);
        return;
    }
}

static void check_ranges(struct cores *c) {
    struct node *value = attribute_get(c->compilation->kernel, KEY_TT_CORE_RANGES);
    struct node_sequence *ranges = node_as(value, sequence);
    bool fit = ranges && ranges->items.count;
    if (value && !fit)
        report_error(c->compilation->diagnostics, c->compilation->kernel->span,
                     "%s of kernel %s names no cores", KEY_TT_CORE_RANGES, c->kernel);
    forget_cores(c);
    for (size_t i = 0; ranges && i < ranges->items.count; i++)
        fit = mark_range(c, ranges->items.items[i]) && fit;
    if (fit && c->columns)
        compare_ranges(c, value);
}

/* ---- tt.core_map ---- */

/* One row of the map, [x, y, noc_x, noc_y]. False after a report. */
static bool check_row(struct cores *c, const struct node *row) {
    const struct architecture *a = c->architecture;
    struct diagnostics *d = c->compilation->diagnostics;
    struct span place = place_of(c, row);
    int64_t numbers[4], columns = c->columns ? c->columns : a->grid_x, rows = c->rows ? c->rows : a->grid_y;
    uint32_t noc_x = 0, noc_y = 0;
    if (!read_numbers(row, 4, numbers)) {
        report_error(d, place, "a row of %s is [x, y, noc_x, noc_y]", KEY_TT_CORE_MAP);
    } else if (numbers[0] < 0 || numbers[1] < 0 || numbers[0] >= columns || numbers[1] >= rows) {
        report_error(d, place,
                     "%s names core (%" PRId64 ", %" PRId64 "), which is not within the %" PRId64 "x%" PRId64
                     " of the grid",
                     KEY_TT_CORE_MAP, numbers[0], numbers[1], columns, rows);
    } else if (c->seen[numbers[1] * a->grid_x + numbers[0]]) {
        report_error(d, place, "%s names core (%" PRId64 ", %" PRId64 ") twice", KEY_TT_CORE_MAP, numbers[0],
                     numbers[1]);
    } else {
        c->seen[numbers[1] * a->grid_x + numbers[0]] = true;
        architecture_noc_coordinates(a, (uint32_t)numbers[0], (uint32_t)numbers[1], &noc_x, &noc_y);
        if (numbers[2] == noc_x && numbers[3] == noc_y)
            return true;
        report_error(d, place,
                     "%s places core (%" PRId64 ", %" PRId64 ") at [%" PRId64 ", %" PRId64
                     "] of the NoC: of %s it is at [%u, %u]",
                     KEY_TT_CORE_MAP, numbers[0], numbers[1], numbers[2], numbers[3], a->name, noc_x, noc_y);
        report_help(d, no_place,
                    "a map of another product takes --arch; else leave %s to the pass tt_tiles_to_core_map",
                    KEY_TT_CORE_MAP);
        return false;
    }
    help_to_settle(c, KEY_TT_CORE_MAP, "tt_tiles_to_core_map");
    return false;
}

static void check_map(struct cores *c) {
    struct node *value = attribute_get(c->compilation->kernel, KEY_TT_CORE_MAP);
    struct node_sequence *map = node_as(value, sequence);
    if (value && !map)
        report_error(c->compilation->diagnostics, place_of(c, value), "%s of kernel %s must be a list [...]",
                     KEY_TT_CORE_MAP, c->kernel);
    forget_cores(c);
    for (size_t i = 0; map && i < map->items.count; i++)
        if (!check_row(c, map->items.items[i]))
            return;
}

/* ---- tt.shard_grid ---- */

/* Every shard has its core: the plane of shards lies on the grid as it is, or turned. */
static void check_shards(struct cores *c) {
    struct node *kernel = c->compilation->kernel, *value = attribute_get(kernel, KEY_TT_SHARD_GRID);
    int64_t shards[2] = {0, 0};
    if (!value || !c->columns ||
        strcmp(attribute_word(attribute_get(kernel, KEY_TT_PARTITION_MODE), ""), "local_shard") != 0)
        return;
    if (read_numbers(value, 2, shards) && ((shards[0] == c->rows && shards[1] == c->columns) ||
                                           (shards[0] == c->columns && shards[1] == c->rows)))
        return;
    report_error(c->compilation->diagnostics, place_of(c, value),
                 "%s of kernel %s is not the %" PRId64 " rows and %" PRId64
                 " columns of %s: each core owns one shard",
                 KEY_TT_SHARD_GRID, c->kernel, c->rows, c->columns, KEY_TT_CORE_GRID);
    help_to_settle(c, KEY_TT_SHARD_GRID, "layout_aware_work_partition_tt");
}

void verify_cores(struct compilation *compilation) {
    const struct architecture *a = compilation->architecture;
    struct cores c = {
        .compilation = compilation, .architecture = a, .kernel = node_as(compilation->kernel, kernel)->name};
    c.seen = arena_allocate(compilation->arena, (size_t)a->grid_x * a->grid_y * sizeof *c.seen);
    check_grid(&c);
    check_ranges(&c);
    check_map(&c);
    check_shards(&c);
}
