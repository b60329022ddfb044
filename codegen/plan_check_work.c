/* What the cores of a plan compute: every block once. Entries are of one kind: blocks {io, jo, outer}, shares
 * of open sizes {start, count}, or places {sy, sx, count}.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codegen/plan_check_internal.h"
#include "codegen/print.h"
#include "ir/launch.h"
#include "support/arena.h"

enum work_kind { WORK_NONE, WORK_BLOCKS, WORK_SHARES, WORK_PLACES };

struct work {
    struct check *check;
    struct plan_item partition;
    struct plan_item *cores; /* of each core of the grid: its entries, without a value where it has none */
};

/* "(3,0)" */
static bool read_core(const char *key, int64_t *x, int64_t *y) {
    char again[64];
    if (sscanf(key, "(%" SCNd64 ",%" SCNd64 ")", x, y) != 2)
        return false;
    snprintf(again, sizeof again, "(%" PRId64 ",%" PRId64 ")", *x, *y);
    return strcmp(again, key) == 0;
}

static enum work_kind kind_of(const struct plan_item *entry) {
    return json_object_get(entry->value, "io")      ? WORK_BLOCKS
           : json_object_get(entry->value, "start") ? WORK_SHARES
           : json_object_get(entry->value, "sy")    ? WORK_PLACES
                                                    : WORK_NONE;
}

/* Finds the core of an entry of the partition; reports what is none. */
static void place_core(struct work *w, const struct plan_item *core) {
    struct check *c = w->check;
    int64_t x, y;
    if (!read_core(core->key, &x, &y))
        check_error(c, core, "this is no core: keys of work_partition have the form (x,y)");
    else if (c->order && (x < 0 || y < 0 || x >= c->columns || y >= c->rows || !c->order[y * c->columns + x]))
        check_error(c, core, "the core has work, but is in no range of core_ranges");
    else if (!json_is_array(core->value))
        check_error(c, core, "the work of a core is a list");
    else if (c->order)
        w->cores[y * c->columns + x] = *core;
}

/* Places the entries of every core, and tells of which kind they are; WORK_NONE after a report, or without
 * entries. */
static enum work_kind collect_work(struct work *w) {
    enum work_kind kind = WORK_NONE;
    unsigned errors = w->check->diagnostics->error_count;
    for (void *at = item_first(&w->partition); at; at = item_next(&w->partition, at)) {
        struct plan_item core = item_at(&w->partition, at);
        place_core(w, &core);
        for (size_t i = 0; i < item_count(&core); i++) {
            struct plan_item entry = item_element(&core, i);
            enum work_kind here = kind_of(&entry);
            if (here == WORK_NONE || (kind != WORK_NONE && here != kind))
                check_error(w->check, &entry,
                            "an entry is {io, jo}, or {start, count}, or {sy, sx, count}, and all are alike");
            kind = here;
        }
    }
    return w->check->diagnostics->error_count == errors ? kind : WORK_NONE;
}

static int64_t core_count(const struct work *w) {
    return w->check->columns * w->check->rows;
}

/* ---- blocks ---- */

/* An entry of a core. */
struct owner {
    int64_t core; /* -1: none yet */
    size_t entry;
};

/* Blocks along each axis, outermost first, and which core has them. */
struct cover {
    size_t axes;
    int64_t extents[TENSOR_RANK_LIMIT + 1], total;
    struct owner *owners;
};

/* The indices of an entry, aligned to the end: outer, io, jo. 0: it is no block. */
static size_t read_block(const struct plan_item *entry, int64_t *indices) {
    struct plan_item outer = item_entry(entry, "outer");
    const struct plan_item last[] = {item_entry(entry, "io"), item_entry(entry, "jo")};
    size_t count = item_count(&outer);
    if ((outer.value && !json_is_array(outer.value)) || count > TENSOR_RANK_LIMIT - 2)
        return 0;
    for (size_t i = 0; i < count + 2; i++) {
        struct plan_item index = i < count ? item_element(&outer, i) : last[i - count];
        if (!item_is_integer(&index, 0, INT32_MAX))
            return 0;
        indices[i] = json_integer_value(index.value);
    }
    return count + 2;
}

/* The extents of grid_blocks, with 1 for the axis that a grid of one axis lacks. False: the plan has none, or
 * they are open. */
static bool given_extents(const struct check *c, struct cover *cover) {
    struct plan_item blocks = item_entry(&c->plan, "grid_blocks");
    for (size_t i = 0; i < item_count(&blocks); i++) {
        struct plan_item extent = item_element(&blocks, i);
        if (cover->axes == TENSOR_RANK_LIMIT || !item_is_integer(&extent, 0, INT32_MAX))
            return false;
        cover->extents[cover->axes++] = json_integer_value(extent.value);
    }
    if (cover->axes == 1)
        cover->extents[cover->axes++] = 1;
    return cover->axes > 0;
}

/* Without grid_blocks: as far as the entries reach. */
static void found_extents(const struct work *w, struct cover *cover) {
    *cover = (struct cover){.axes = 0};
    for (int64_t core = 0; core < core_count(w); core++)
        for (size_t i = 0; i < item_count(&w->cores[core]); i++) {
            struct plan_item entry = item_element(&w->cores[core], i);
            int64_t indices[TENSOR_RANK_LIMIT];
            cover->axes = read_block(&entry, indices);
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

static void cover_block(struct work *w, struct cover *cover, struct owner owner) {
    struct check *c = w->check;
    struct plan_item entry = item_element(&w->cores[owner.core], owner.entry);
    int64_t indices[TENSOR_RANK_LIMIT], number = 0;
    size_t axes = read_block(&entry, indices);
    if (!axes || axes != cover->axes) {
        check_error(c, &entry, "a block of this plan is {io, jo%s}, whole numbers from 0",
                    cover->axes > 2 ? ", outer" : "");
        return;
    }
    for (size_t i = 0; i < axes; i++) {
        if (indices[i] >= cover->extents[i]) {
            check_error(c, &entry, "block %s is beyond grid_blocks", block_text(c, axes, indices));
            return;
        }
        number = number * cover->extents[i] + indices[i];
    }
    struct owner *before = &cover->owners[number];
    if (before->core >= 0) {
        struct plan_item first = item_element(&w->cores[before->core], before->entry);
        check_error(c, &entry, "block %s is computed twice", block_text(c, axes, indices));
        check_note(c, "the first time is", &first);
        return;
    }
    *before = owner;
    c->facts->blocks++;
}

static void report_gap(struct work *w, const struct cover *cover, int64_t number) {
    int64_t indices[TENSOR_RANK_LIMIT + 1];
    for (size_t i = cover->axes; i-- > 0; number /= cover->extents[i])
        indices[i] = number % cover->extents[i];
    check_error(w->check, &w->partition, "no core computes block %s",
                block_text(w->check, cover->axes, indices));
}

/* Every block once. */
static void check_blocks(struct work *w) {
    struct check *c = w->check;
    struct cover cover = {0};
    if (!given_extents(c, &cover))
        found_extents(w, &cover);
    cover.total = cover.axes > 0; /* without grid_blocks and entries: no block */
    for (size_t i = 0; i < cover.axes; i++)
        if (__builtin_mul_overflow(cover.total, cover.extents[i], &cover.total) ||
            cover.total > PLAN_BLOCK_LIMIT) {
            check_error(c, &w->partition, "the plan has more than %d blocks", PLAN_BLOCK_LIMIT);
            return;
        }
    unsigned errors = c->diagnostics->error_count;
    cover.owners = arena_allocate(c->arena, (size_t)(cover.total + 1) * sizeof *cover.owners);
    for (int64_t i = 0; i < cover.total; i++)
        cover.owners[i].core = -1;
    c->facts->blocks = 0;
    for (int64_t core = 0; core < core_count(w); core++)
        for (size_t i = 0; i < item_count(&w->cores[core]); i++)
            cover_block(w, &cover, (struct owner){core, i});
    for (int64_t i = 0; i < cover.total && c->diagnostics->error_count == errors; i++)
        if (cover.owners[i].core < 0)
            report_gap(w, &cover, i);
}

/* ---- open sizes ---- */

static struct plan_item only_entry(struct work *w, int64_t core) {
    const struct plan_item *entries = &w->cores[core];
    if (item_count(entries) == 1)
        return item_element(entries, 0);
    check_error(w->check, entries->value ? entries : &w->partition,
                "core (%" PRId64 ",%" PRId64 ") takes one entry where sizes are open",
                core % w->check->columns, core / w->check->columns);
    return (struct plan_item){0};
}

/* Shares of open sizes: consecutive, by the number of the core in core_ranges. */
static void check_shares(struct work *w) {
    struct check *c = w->check;
    for (int64_t core = 0; core < core_count(w); core++) {
        struct plan_item entry = c->order[core] ? only_entry(w, core) : (struct plan_item){0};
        if (!entry.value)
            continue;
        struct open_share share = open_share(c->arena, (uint32_t)(c->order[core] - 1));
        const char *const keys[] = {"start", "count"}, *const texts[] = {share.start, share.count};
        for (size_t k = 0; k < 2; k++) {
            struct plan_item value = item_entry(&entry, keys[k]);
            if (!item_is_word(&value, texts[k])) {
                check_error(c, &entry, "%s is not the core's share of the blocks", keys[k]);
                check_help(c, "the share of core number %" PRId64 " has %s = \"%s\"", c->order[core] - 1,
                           keys[k], texts[k]);
            }
        }
    }
}

/* The rows and columns that places have: of shards, each of which has a core, or of the cores of a plane. */
static bool find_places(struct check *c, int64_t size[2]) {
    struct plan_item grid = item_entry(&c->plan, "shard_grid"), plane = item_entry(&c->plan, "core_plane");
    size[0] = c->rows;
    size[1] = c->columns;
    if (!grid.value && plane.value)
        return true;
    if (!grid.value)
        check_error(c, &c->plan, "cores have places, but it lacks shard_grid or core_plane, [Gy, Gx]");
    if (!grid.value || !check_pair(c, &grid, 1, size))
        return false;
    if (size[0] * size[1] == c->facts->cores)
        return true;
    check_error(c, &grid,
                "there are %" PRId64 " shards, and core_ranges has %" PRId64 " cores: each owns one",
                size[0] * size[1], c->facts->cores);
    return false;
}

/* Every place on one core. */
static void check_places(struct work *w) {
    struct check *c = w->check;
    int64_t size[2];
    if (!find_places(c, size))
        return;
    const struct plan_item **owners = arena_allocate(c->arena, (size_t)(size[0] * size[1]) * sizeof *owners);
    for (int64_t core = 0; core < core_count(w); core++) {
        struct plan_item entry = c->order[core] ? only_entry(w, core) : (struct plan_item){0};
        struct plan_item sy = item_entry(&entry, "sy"), sx = item_entry(&entry, "sx");
        int64_t y = json_integer_value(sy.value), x = json_integer_value(sx.value);
        if (!entry.value)
            continue;
        if (!item_is_integer(&sy, 0, size[0] - 1) || !item_is_integer(&sx, 0, size[1] - 1)) {
            check_error(c, &entry, "sy and sx are not within %" PRId64 " rows and %" PRId64 " columns",
                        size[0], size[1]);
        } else if (owners[y * size[1] + x]) {
            struct plan_item first = item_element(owners[y * size[1] + x], 0);
            check_error(c, &entry, "the place sy = %" PRId64 ", sx = %" PRId64 " is computed twice", y, x);
            check_note(c, "the first time is", &first);
        } else {
            owners[y * size[1] + x] = &w->cores[core];
        }
    }
}

void check_work(struct check *c) {
    struct work work = {
        .check = c,
        .partition = check_required(c, "work_partition", JSON_OBJECT, "the work of every core, by \"(x,y)\""),
        .cores = arena_allocate(c->arena, (size_t)(c->columns * c->rows + 1) * sizeof *work.cores)};
    if (!work.partition.value)
        return;
    unsigned errors = c->diagnostics->error_count;
    enum work_kind kind = collect_work(&work);
    if (!c->order || c->diagnostics->error_count != errors)
        return;
    if (kind == WORK_SHARES)
        check_shares(&work);
    else if (kind == WORK_PLACES)
        check_places(&work);
    else
        check_blocks(&work);
}
