#include "codegen/plan_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codegen/print.h"
#include "ir/attributes.h"
#include "ir/launch.h"
#include "support/arena.h"

struct check {
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct json_value *plan;
    struct plan_facts *facts;
    int64_t columns, rows; /* core_grid; 0: not known */
    int64_t *order; /* of each core of the grid: 1 + its number in core_ranges; 0: in none. NULL: not known */
    const struct json_value **work; /* of each core: its entries */
    bool short_lists;
};

/* Cores of a grid that are told apart one by one. */
enum { CORE_LIMIT = 1 << 16, COORDINATE_LIMIT = 1 << 15, LIST_LIMIT = 1 << 12 };

static const struct span no_place;

static void help(struct check *c, const char *text) {
    report_help(c->diagnostics, no_place, "%s", text);
}

/* ---- values ---- */

static const struct json_value *required(struct check *c, const struct json_value *object, const char *key,
                                         enum json_kind kind, const char *what) {
    const struct json_value *value = json_get(object, key);
    if (value && value->kind == kind)
        return value;
    if (value)
        report_error(c->diagnostics, value->span, "%s takes %s", key, what);
    else
        report_error(c->diagnostics, object->span, "%s lacks %s: %s", object->key ? object->key : "the plan",
                     key, what);
    return NULL;
}

static bool is_integer(const struct json_value *value, int64_t least, int64_t most) {
    return value && value->kind == JSON_INTEGER && value->integer >= least && value->integer <= most;
}

/* [a, b], both from `least` on. */
static bool read_pair(struct check *c, const struct json_value *value, const char *key, int64_t least,
                      int64_t pair[2]) {
    const struct json_value *first =
        value && value->kind == JSON_ARRAY && value->count == 2 ? value->first : NULL;
    if (!first || !is_integer(first, least, COORDINATE_LIMIT) ||
        !is_integer(first->next, least, COORDINATE_LIMIT)) {
        report_error(c->diagnostics, value->span, "%s takes two whole numbers, at least %" PRId64, key,
                     least);
        return false;
    }
    pair[0] = first->integer;
    pair[1] = first->next->integer;
    return true;
}

static bool is_word(const struct json_value *value, const char *word) {
    return value && value->kind == JSON_STRING && strcmp(value->text, word) == 0;
}

/* Lists that are compared item by item are as short as those of any kernel. */
static void check_lengths(struct check *c) {
    static const char *const keys[] = {"layouts", "runtime_args", "circular_buffers", "bindings"};
    const struct json_value *accessors = json_get(c->plan, "accessors");
    bool fits = true;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct json_value *list = json_get(c->plan, keys[i]);
        if (list && list->count > LIST_LIMIT)
            report_error(c->diagnostics, list->key_span, "%s has more than %d entries", keys[i], LIST_LIMIT);
        fits = fits && (!list || list->count <= LIST_LIMIT);
    }
    for (const struct json_value *role = accessors ? accessors->first : NULL; role; role = role->next)
        if (role->count > LIST_LIMIT) {
            report_error(c->diagnostics, role->span, "accessors have more than %d entries", LIST_LIMIT);
            fits = false;
        }
    c->short_lists = fits;
}

/* ---- version and cores ---- */

static void check_version(struct check *c) {
    const char *what = "a whole number, at least 1";
    const struct json_value *version = required(c, c->plan, "schema_version", JSON_INTEGER, what);
    const struct json_value *backend = json_get(c->plan, "backend_version");
    if (version && version->integer < 1) {
        report_error(c->diagnostics, version->span, "schema_version takes %s", what);
    } else if (version && version->integer > PLAN_SCHEMA_VERSION) {
        report_error(c->diagnostics, version->span,
                     "schema_version %" PRId64 " is newer than this tilec, which knows %d", version->integer,
                     PLAN_SCHEMA_VERSION);
    }
    if (backend && backend->kind != JSON_STRING)
        report_error(c->diagnostics, backend->span, "backend_version takes a string");
    c->facts->schema_version = version ? version->integer : 0;
}

static void check_grid(struct check *c) {
    const struct json_value *grid =
        required(c, c->plan, "core_grid", JSON_ARRAY, "[x, y], the cores that take part");
    int64_t pair[2];
    if (!grid || !read_pair(c, grid, "core_grid", 1, pair))
        return;
    if (pair[0] * pair[1] > CORE_LIMIT) {
        report_error(c->diagnostics, grid->span, "core_grid has more than %d cores", CORE_LIMIT);
        return;
    }
    c->columns = pair[0];
    c->rows = pair[1];
    c->order = arena_allocate(c->arena, (size_t)(c->columns * c->rows) * sizeof *c->order);
    c->work = arena_allocate(c->arena, (size_t)(c->columns * c->rows) * sizeof *c->work);
}

static void add_range(struct check *c, const struct json_value *range, const int64_t start[2],
                      const int64_t extent[2]) {
    if (start[0] + extent[0] > c->columns || start[1] + extent[1] > c->rows) {
        report_error(c->diagnostics, range->span,
                     "cores from [%" PRId64 ", %" PRId64 "], %" PRId64 "x%" PRId64
                     " of them, are not within the core_grid of %" PRId64 "x%" PRId64,
                     start[0], start[1], extent[0], extent[1], c->columns, c->rows);
        return;
    }
    for (int64_t y = start[1]; y < start[1] + extent[1]; y++)
        for (int64_t x = start[0]; x < start[0] + extent[0]; x++) {
            if (c->order[y * c->columns + x]) {
                report_error(c->diagnostics, range->span, "core (%" PRId64 ",%" PRId64 ") is in two ranges",
                             x, y);
                return;
            }
            c->order[y * c->columns + x] = ++c->facts->cores;
        }
}

static void check_ranges(struct check *c) {
    unsigned errors = c->diagnostics->error_count;
    const struct json_value *ranges =
        required(c, c->plan, "core_ranges", JSON_ARRAY, "a list of {start: [x, y], extent: [w, h]}");
    if (ranges && !ranges->count)
        report_error(c->diagnostics, ranges->span, "core_ranges names no cores");
    for (const struct json_value *range = ranges ? ranges->first : NULL; range; range = range->next) {
        const struct json_value *start = json_get(range, "start"), *extent = json_get(range, "extent");
        int64_t from[2], size[2];
        if (!start || !extent)
            report_error(c->diagnostics, range->span, "a range is {start: [x, y], extent: [w, h]}");
        else if (read_pair(c, start, "start", 0, from) && read_pair(c, extent, "extent", 1, size) && c->order)
            add_range(c, range, from, size);
    }
    if (c->diagnostics->error_count != errors)
        c->order = NULL;
}

/* ---- core_map, core_plane ---- */

/* [x, y, noc_x, noc_y] */
static bool read_row(const struct json_value *row, int64_t numbers[4]) {
    const struct json_value *item = row->kind == JSON_ARRAY && row->count == 4 ? row->first : NULL;
    for (size_t i = 0; item && i < 4; i++, item = item->next) {
        if (!is_integer(item, 0, COORDINATE_LIMIT))
            return false;
        numbers[i] = item->integer;
    }
    return row->kind == JSON_ARRAY && row->count == 4;
}

/* A core of the grid, and neither it nor its place on the NoC twice. */
static void check_row(struct check *c, const struct json_value *map, const struct json_value *row,
                      const int64_t numbers[4]) {
    if (c->columns && (numbers[0] >= c->columns || numbers[1] >= c->rows)) {
        report_error(c->diagnostics, row->span,
                     "core_map names core (%" PRId64 ",%" PRId64 "), which is not within core_grid",
                     numbers[0], numbers[1]);
        report_help(c->diagnostics, no_place, "core_grid has %" PRId64 " columns and %" PRId64 " rows",
                    c->columns, c->rows);
        return;
    }
    for (const struct json_value *other = map->first; other != row; other = other->next) {
        int64_t before[4];
        if (!read_row(other, before))
            continue;
        bool same_core = before[0] == numbers[0] && before[1] == numbers[1];
        if (!same_core && (before[2] != numbers[2] || before[3] != numbers[3]))
            continue;
        report_error(c->diagnostics, row->span, "core_map has %s twice: [%" PRId64 ", %" PRId64 "]",
                     same_core ? "a core" : "NoC coordinates", numbers[same_core ? 0 : 2],
                     numbers[same_core ? 1 : 3]);
        report_note(c->diagnostics, other->span, "the first time is here");
        help(c, "every core stands in core_map once, at coordinates of its own");
        return;
    }
}

static void check_map(struct check *c) {
    const struct json_value *map = json_get(c->plan, "core_map");
    if (map && (map->kind != JSON_ARRAY || map->count > LIST_LIMIT)) {
        report_error(c->diagnostics, map->span, "core_map takes a list of [x, y, noc_x, noc_y], %d at most",
                     LIST_LIMIT);
        return;
    }
    for (const struct json_value *row = map ? map->first : NULL; row; row = row->next) {
        int64_t numbers[4];
        if (!read_row(row, numbers))
            report_error(c->diagnostics, row->span,
                         "a row of core_map is [x, y, noc_x, noc_y], whole numbers from 0");
        else
            check_row(c, map, row, numbers);
    }
}

/* Rows and columns of a plane, where they are numbers, are within the grid. */
static void check_plane(struct check *c) {
    const struct json_value *plane = json_get(c->plan, "core_plane");
    const int64_t limits[2] = {c->rows, c->columns};
    if (plane && (plane->kind != JSON_ARRAY || plane->count != 2)) {
        report_error(c->diagnostics, plane->span, "core_plane takes [Gy, Gx], rows and columns of cores");
        return;
    }
    const struct json_value *side = plane ? plane->first : NULL;
    for (size_t i = 0; side && c->columns; side = side->next, i++)
        if (side->kind != JSON_STRING && !is_integer(side, 0, limits[i])) {
            report_error(c->diagnostics, side->span,
                         "core_plane has more %s than core_grid, which has %" PRId64, i ? "columns" : "rows",
                         limits[i]);
            help(c, "core_plane is [Gy, Gx], core_grid [x, y]");
        }
}

/* ---- work ---- */

/* "(3,0)" */
static bool read_core(const char *key, int64_t *x, int64_t *y) {
    char again[64];
    if (sscanf(key, "(%" SCNd64 ",%" SCNd64 ")", x, y) != 2)
        return false;
    snprintf(again, sizeof again, "(%" PRId64 ",%" PRId64 ")", *x, *y);
    return strcmp(again, key) == 0;
}

enum work_kind { WORK_NONE, WORK_BLOCKS, WORK_SHARES, WORK_PLACES };

static enum work_kind kind_of(const struct json_value *entry) {
    return json_get(entry, "io")      ? WORK_BLOCKS
           : json_get(entry, "start") ? WORK_SHARES
           : json_get(entry, "sy")    ? WORK_PLACES
                                      : WORK_NONE;
}

/* Places the entries of every core, and tells of which kind they are; WORK_NONE after a report, or without
 * entries. */
static enum work_kind collect_work(struct check *c, const struct json_value *partition) {
    enum work_kind kind = WORK_NONE;
    unsigned errors = c->diagnostics->error_count;
    for (const struct json_value *core = partition->first; core; core = core->next) {
        int64_t x, y;
        if (!read_core(core->key, &x, &y)) {
            report_error(c->diagnostics, core->key_span,
                         "%s is no core: keys of work_partition have the form (x,y)", core->key);
        } else if (c->order &&
                   (x < 0 || y < 0 || x >= c->columns || y >= c->rows || !c->order[y * c->columns + x])) {
            report_error(c->diagnostics, core->key_span,
                         "core %s has work, but is in no range of core_ranges", core->key);
        } else if (core->kind != JSON_ARRAY) {
            report_error(c->diagnostics, core->span, "the work of a core is a list");
        } else if (c->order) {
            c->work[y * c->columns + x] = core;
        }
        for (const struct json_value *entry = core->first; entry; entry = entry->next) {
            enum work_kind here = kind_of(entry);
            if (here == WORK_NONE || (kind != WORK_NONE && here != kind))
                report_error(
                    c->diagnostics, entry->span,
                    "an entry is {io, jo}, or {start, count}, or {sy, sx, count}, and all are alike");
            kind = here;
        }
    }
    return c->diagnostics->error_count == errors ? kind : WORK_NONE;
}

/* Blocks along each axis, outermost first, and which of them some core has. */
struct cover {
    size_t axes;
    int64_t extents[TENSOR_RANK_LIMIT + 1], total;
    const struct json_value **owner;
};

/* The indices of an entry, aligned to the end: outer, io, jo. */
static size_t read_block(const struct json_value *entry, int64_t *indices) {
    const struct json_value *outer = json_get(entry, "outer"), *io = json_get(entry, "io"),
                            *jo = json_get(entry, "jo");
    size_t count = 0;
    if (outer && outer->kind != JSON_ARRAY)
        return 0;
    for (const struct json_value *item = outer ? outer->first : NULL; item; item = item->next) {
        if (count == TENSOR_RANK_LIMIT - 2 || !is_integer(item, 0, INT32_MAX))
            return 0;
        indices[count++] = item->integer;
    }
    if (!is_integer(io, 0, INT32_MAX) || !is_integer(jo, 0, INT32_MAX))
        return 0;
    indices[count++] = io->integer;
    indices[count++] = jo->integer;
    return count;
}

/* The extents of grid_blocks, with 1 for the axis that a grid of one axis lacks. False: the plan has none, or
 * they are open. */
static bool given_extents(const struct check *c, struct cover *cover) {
    const struct json_value *blocks = json_get(c->plan, "grid_blocks");
    for (const struct json_value *item = blocks ? blocks->first : NULL; item; item = item->next) {
        if (cover->axes == TENSOR_RANK_LIMIT || !is_integer(item, 0, INT32_MAX))
            return false;
        cover->extents[cover->axes++] = item->integer;
    }
    if (cover->axes == 1)
        cover->extents[cover->axes++] = 1;
    return cover->axes > 0;
}

/* Without grid_blocks: as far as the entries reach. */
static void found_extents(const struct check *c, struct cover *cover) {
    *cover = (struct cover){.axes = 0};
    for (int64_t i = 0; i < c->columns * c->rows; i++)
        for (const struct json_value *entry = c->work[i] ? c->work[i]->first : NULL; entry;
             entry = entry->next) {
            int64_t indices[TENSOR_RANK_LIMIT];
            cover->axes = read_block(entry, indices);
            for (size_t axis = 0; axis < cover->axes; axis++)
                if (indices[axis] >= cover->extents[axis])
                    cover->extents[axis] = indices[axis] + 1;
        }
}

static const char *block_text(struct check *c, size_t axes, const int64_t *indices) {
    const char *outer = "";
    for (size_t i = 0; i + 2 < axes; i++)
        outer = arena_printf(c->arena, "%s%s%" PRId64, outer, i ? ", " : "outer = [", indices[i]);
    return arena_printf(c->arena, "%s%sio = %" PRId64 ", jo = %" PRId64, outer, axes > 2 ? "], " : "",
                        indices[axes - 2], indices[axes - 1]);
}

static void cover_block(struct check *c, struct cover *cover, const struct json_value *entry) {
    int64_t indices[TENSOR_RANK_LIMIT], number = 0;
    size_t axes = read_block(entry, indices);
    if (!axes || axes != cover->axes) {
        report_error(c->diagnostics, entry->span, "a block of this plan is {io, jo%s}, whole numbers from 0",
                     cover->axes > 2 ? ", outer" : "");
        return;
    }
    for (size_t i = 0; i < axes; i++) {
        if (indices[i] >= cover->extents[i]) {
            report_error(c->diagnostics, entry->span, "block %s is beyond grid_blocks",
                         block_text(c, axes, indices));
            return;
        }
        number = number * cover->extents[i] + indices[i];
    }
    if (cover->owner[number]) {
        report_error(c->diagnostics, entry->span, "block %s is computed twice", block_text(c, axes, indices));
        report_note(c->diagnostics, cover->owner[number]->span, "the first time is here");
        return;
    }
    cover->owner[number] = entry;
    c->facts->blocks++;
}

static void report_gap(struct check *c, const struct cover *cover, int64_t number) {
    int64_t indices[TENSOR_RANK_LIMIT + 1];
    for (size_t i = cover->axes; i-- > 0; number /= cover->extents[i])
        indices[i] = number % cover->extents[i];
    report_error(c->diagnostics, json_get(c->plan, "work_partition")->key_span, "no core computes block %s",
                 block_text(c, cover->axes, indices));
}

/* Every block once. */
static void check_blocks(struct check *c) {
    struct cover cover = {0};
    if (!given_extents(c, &cover))
        found_extents(c, &cover);
    cover.total = 1;
    for (size_t i = 0; i < cover.axes; i++)
        if (__builtin_mul_overflow(cover.total, cover.extents[i], &cover.total) ||
            cover.total > PLAN_BLOCK_LIMIT) {
            report_error(c->diagnostics, json_get(c->plan, "work_partition")->key_span,
                         "the plan has more than %d blocks", PLAN_BLOCK_LIMIT);
            return;
        }
    unsigned errors = c->diagnostics->error_count;
    cover.owner = arena_allocate(c->arena, (size_t)(cover.total + 1) * sizeof *cover.owner);
    c->facts->blocks = 0;
    for (int64_t i = 0; i < c->columns * c->rows; i++)
        for (const struct json_value *entry = c->work[i] ? c->work[i]->first : NULL; entry;
             entry = entry->next)
            cover_block(c, &cover, entry);
    for (int64_t i = 0; i < cover.total && c->diagnostics->error_count == errors; i++)
        if (!cover.owner[i])
            report_gap(c, &cover, i);
}

static const struct json_value *only_entry(struct check *c, int64_t core) {
    const struct json_value *entries = c->work[core];
    if (entries && entries->count == 1)
        return entries->first;
    report_error(c->diagnostics, entries ? entries->span : json_get(c->plan, "work_partition")->key_span,
                 "core (%" PRId64 ",%" PRId64 ") takes one entry where sizes are open", core % c->columns,
                 core / c->columns);
    return NULL;
}

/* Shares of open sizes: consecutive, by the number of the core in core_ranges. */
static void check_shares(struct check *c) {
    for (int64_t i = 0; i < c->columns * c->rows; i++) {
        const struct json_value *entry = c->order[i] ? only_entry(c, i) : NULL;
        if (!entry)
            continue;
        struct open_share share = open_share(c->arena, (uint32_t)(c->order[i] - 1));
        const char *const keys[] = {"start", "count"}, *const texts[] = {share.start, share.count};
        for (size_t k = 0; k < 2; k++)
            if (!is_word(json_get(entry, keys[k]), texts[k])) {
                report_error(c->diagnostics, entry->span,
                             "%s of core (%" PRId64 ",%" PRId64 ") is not its share of the blocks", keys[k],
                             i % c->columns, i / c->columns);
                report_help(c->diagnostics, no_place, "the share of core number %" PRId64 " has %s = \"%s\"",
                            c->order[i] - 1, keys[k], texts[k]);
            }
    }
}

/* The rows and columns that places have: of shards, each of which has a core, or of the cores of a plane. */
static bool find_places(struct check *c, int64_t size[2]) {
    const struct json_value *grid = json_get(c->plan, "shard_grid");
    size[0] = c->rows;
    size[1] = c->columns;
    if (!grid && json_get(c->plan, "core_plane"))
        return true;
    if (!grid)
        report_error(c->diagnostics, c->plan->span,
                     "cores have places, but the plan lacks shard_grid or core_plane, [Gy, Gx]");
    if (!grid || !read_pair(c, grid, "shard_grid", 1, size))
        return false;
    if (size[0] * size[1] == c->facts->cores)
        return true;
    report_error(c->diagnostics, grid->span,
                 "there are %" PRId64 " shards, and core_ranges has %" PRId64 " cores: each owns one",
                 size[0] * size[1], c->facts->cores);
    return false;
}

/* Every place on one core. */
static void check_places(struct check *c) {
    int64_t size[2];
    if (!find_places(c, size))
        return;
    const struct json_value **owner = arena_allocate(c->arena, (size_t)(size[0] * size[1]) * sizeof *owner);
    for (int64_t i = 0; i < c->columns * c->rows; i++) {
        const struct json_value *entry = c->order[i] ? only_entry(c, i) : NULL;
        const struct json_value *sy = json_get(entry, "sy"), *sx = json_get(entry, "sx");
        if (!entry)
            continue;
        if (!is_integer(sy, 0, size[0] - 1) || !is_integer(sx, 0, size[1] - 1)) {
            report_error(c->diagnostics, entry->span,
                         "sy and sx are not within %" PRId64 " rows and %" PRId64 " columns", size[0],
                         size[1]);
        } else if (owner[sy->integer * size[1] + sx->integer]) {
            report_error(c->diagnostics, entry->span,
                         "the place sy = %" PRId64 ", sx = %" PRId64 " is computed twice", sy->integer,
                         sx->integer);
            report_note(c->diagnostics, owner[sy->integer * size[1] + sx->integer]->span,
                        "the first time is here");
        } else {
            owner[sy->integer * size[1] + sx->integer] = entry;
        }
    }
}

static void check_work(struct check *c) {
    const struct json_value *partition =
        required(c, c->plan, "work_partition", JSON_OBJECT, "the work of every core, by \"(x,y)\"");
    if (!partition)
        return;
    unsigned errors = c->diagnostics->error_count;
    enum work_kind kind = collect_work(c, partition);
    if (!c->order || c->diagnostics->error_count != errors)
        return;
    if (kind == WORK_SHARES)
        check_shares(c);
    else if (kind == WORK_PLACES)
        check_places(c);
    else
        check_blocks(c);
}

/* ---- tensors ---- */

static void check_word(struct check *c, const struct json_value *layout, const char *key, const char *first,
                       const char *second) {
    const struct json_value *value = json_get(layout, key);
    if (!value)
        report_error(c->diagnostics, layout->key_span, "layout of %s lacks %s", layout->key, key);
    else if (!is_word(value, first) && !is_word(value, second))
        report_error(c->diagnostics, value->span, "%s of %s takes %s or %s", key, layout->key, first, second);
}

static void check_layouts(struct check *c) {
    const struct json_value *layouts =
        required(c, c->plan, "layouts", JSON_OBJECT, "where every tensor lies");
    c->facts->tensors = layouts ? layouts->count : 0;
    for (const struct json_value *layout = layouts ? layouts->first : NULL; layout; layout = layout->next) {
        if (layout->kind != JSON_OBJECT) {
            report_error(c->diagnostics, layout->span, "the layout of %s takes entries", layout->key);
            continue;
        }
        bool sharded = is_word(json_get(layout, KEY_LAYOUT_KIND), "sharded"),
             described = json_get(layout, KEY_ND_SHARD) != NULL;
        check_word(c, layout, KEY_MEMORY, "dram", "l1");
        check_word(c, layout, KEY_LAYOUT_KIND, "interleaved", "sharded");
        if (sharded != described)
            report_error(c->diagnostics, layout->key_span,
                         sharded ? "%s is sharded, but has no nd_shard"
                                 : "%s is interleaved, but has an nd_shard",
                         layout->key);
        if (json_get(layout, KEY_HALO) || json_get(json_get(layout, KEY_ND_SHARD), KEY_HALO))
            report_error(c->diagnostics, layout->key_span, "halo unsupported: %s holds its own elements only",
                         layout->key);
    }
}

/* The tensor of an address in runtime_args, NULL: it is another argument. */
static const char *address_of(struct check *c, const struct json_value *value) {
    size_t length = value && value->kind == JSON_STRING ? strlen(value->text) : 0;
    if (length < 10 || strncmp(value->text, "address(", 8) != 0 || value->text[length - 1] != ')')
        return NULL;
    return arena_string_range(c->arena, value->text + 8, length - 9);
}

static void check_arguments(struct check *c) {
    const struct json_value *arguments = json_get(c->plan, "runtime_args"),
                            *layouts = json_get(c->plan, "layouts");
    int64_t offset = 0;
    if (!arguments)
        return;
    const struct json_value **given = arena_allocate(c->arena, (c->facts->tensors + 1) * sizeof *given);
    for (const struct json_value *entry = arguments->first; entry; entry = entry->next, offset += 4) {
        const struct json_value *name = json_get(entry, "name");
        const char *tensor = address_of(c, json_get(entry, "value"));
        size_t index = 0;
        const struct json_value *layout = tensor && layouts ? layouts->first : NULL;
        for (; layout && strcmp(layout->key, tensor) != 0; layout = layout->next)
            index++;
        if (!name || name->kind != JSON_STRING || !is_word(json_get(entry, "type"), "uint32") ||
            !is_integer(json_get(entry, "offset"), offset, offset))
            report_error(c->diagnostics, entry->span,
                         "argument %" PRId64 " takes a name, type \"uint32\" and offset %" PRId64, offset / 4,
                         offset);
        for (const struct json_value *other = arguments->first; name && other != entry; other = other->next)
            if (is_word(json_get(other, "name"), name->text ? name->text : ""))
                report_error(c->diagnostics, entry->span, "two arguments are named %s", name->text);
        if (tensor && !layout)
            report_error(c->diagnostics, entry->span,
                         "the address of %s is an argument, but layouts has no such tensor", tensor);
        else if (layout && given[index])
            report_error(c->diagnostics, entry->span, "the address of %s is an argument twice", tensor);
        else if (layout)
            given[index] = entry;
    }
    size_t index = 0;
    for (const struct json_value *layout = layouts ? layouts->first : NULL; layout;
         layout = layout->next, index++)
        if (!given[index])
            report_error(c->diagnostics, layout->key_span, "no argument gives the address of %s",
                         layout->key);
}

static void check_accessors(struct check *c) {
    const struct json_value *accessors = json_get(c->plan, "accessors"),
                            *layouts = json_get(c->plan, "layouts");
    for (const struct json_value *role = accessors ? accessors->first : NULL; role; role = role->next)
        for (const struct json_value *tensor = role->first; tensor; tensor = tensor->next)
            if (tensor->kind != JSON_STRING || !json_get(layouts, tensor->text)) {
                report_error(c->diagnostics, tensor->span, "an accessor of the %s is of no tensor of layouts",
                             role->key ? role->key : "kernel");
                help(c, "TensorAccessorArgs must be created via TensorAccessorArgs(tensor) from the tensor "
                        "that is bound");
            }
}

/* A binding is of a tensor, and its argument is that tensor's address. */
static void check_bindings(struct check *c) {
    const struct json_value *bindings = json_get(c->plan, "bindings"),
                            *layouts = json_get(c->plan, "layouts");
    const struct json_value *arguments = json_get(c->plan, "runtime_args");
    for (const struct json_value *binding = bindings ? bindings->first : NULL; binding;
         binding = binding->next) {
        const struct json_value *bound = json_get(binding, "runtime_binding"),
                                *index = json_get(bound, "runtime_arg_idx");
        const struct json_value *argument = arguments ? arguments->first : NULL;
        for (int64_t i = 0; argument && index && i < index->integer; i++)
            argument = argument->next;
        const char *tensor =
            index && is_integer(index, 0, INT32_MAX) ? address_of(c, json_get(argument, "value")) : NULL;
        if (!binding->key || !json_get(layouts, binding->key))
            report_error(c->diagnostics, binding->span, "a binding is of a tensor of layouts");
        else if (bound && (!tensor || strcmp(tensor, binding->key) != 0)) {
            report_error(c->diagnostics, bound->span,
                         "the accessor of %s is bound to an argument that is not its address", binding->key);
            help(c, "TensorAccessorArgs must be created via TensorAccessorArgs(tensor) from the tensor that "
                    "is bound");
        }
    }
}

static void check_buffers(struct check *c) {
    const struct json_value *buffers = json_get(c->plan, "circular_buffers");
    c->facts->buffers = buffers ? buffers->count : 0;
    for (const struct json_value *buffer = buffers ? buffers->first : NULL; buffer; buffer = buffer->next) {
        const struct json_value *id = json_get(buffer, "id");
        if (!is_integer(id, 0, 63) || !is_integer(json_get(buffer, KEY_PAGE_SIZE), 1, INT32_MAX)) {
            report_error(c->diagnostics, buffer->span,
                         "a circular buffer takes an id from 0 to 63 and a page_size from 1");
            continue;
        }
        for (const struct json_value *other = buffers->first; other != buffer; other = other->next)
            if (is_integer(json_get(other, "id"), id->integer, id->integer))
                report_error(c->diagnostics, buffer->span, "two circular buffers have the number %" PRId64,
                             id->integer);
    }
}

static void check_semaphores(struct check *c) {
    const struct json_value *semaphores = json_get(c->plan, "semaphores");
    for (const struct json_value *semaphore = semaphores ? semaphores->first : NULL; semaphore;
         semaphore = semaphore->next) {
        const struct json_value *id = json_get(semaphore, "id");
        if (!is_integer(id, 0, 15) || !is_integer(json_get(semaphore, "initial"), 0, UINT32_MAX)) {
            report_error(c->diagnostics, semaphore->span,
                         "a semaphore takes an id from 0 to 15 and an initial value of 32 bits");
            continue;
        }
        for (const struct json_value *other = semaphores->first; other != semaphore; other = other->next)
            if (is_integer(json_get(other, "id"), id->integer, id->integer))
                report_error(c->diagnostics, semaphore->span, "two semaphores have the number %" PRId64,
                             id->integer);
    }
}

bool plan_check(struct arena *arena, struct diagnostics *diagnostics, const struct json_value *plan,
                struct plan_facts *facts) {
    unsigned errors = diagnostics->error_count;
    const struct json_value *kernel = json_get(plan, "kernel");
    *facts = (struct plan_facts){.kernel = kernel && kernel->kind == JSON_STRING ? kernel->text : "",
                                 .blocks = -1};
    struct check check = {.arena = arena, .diagnostics = diagnostics, .plan = plan, .facts = facts};
    if (plan->kind != JSON_OBJECT) {
        report_error(diagnostics, plan->span, "a plan is an object, {\"schema_version\": 1, ...}");
        return false;
    }
    check_version(&check);
    check_grid(&check);
    check_ranges(&check);
    check_map(&check);
    check_plane(&check);
    check_work(&check);
    check_layouts(&check);
    check_lengths(&check);
    if (check.short_lists) {
        check_arguments(&check);
        check_accessors(&check);
        check_bindings(&check);
        check_buffers(&check);
    }
    check_semaphores(&check);
    return diagnostics->error_count == errors;
}
