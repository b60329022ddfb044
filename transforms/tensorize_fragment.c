/* Plain fragments (fragment_life.h), whose value is complete where it is read: the start of a fold moves to its
 * readers, and readers that a section has no room for read a copy. A reader or copy stands directly behind the last
 * update as far as compute is concerned, since the section of a fold is open until then. */
#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "transforms/fragment_life.h"
#include "transforms/tensorize.h"

struct settling {
    struct tensorizer *t;
    struct node *body; /* all statements, as they were before */
};

struct usage {
    const char *name;
    struct node_tile *start, *update;
    size_t reads;
};

static struct usage usage_of(struct node_list list, const char *fragment) {
    struct usage usage = {.name = fragment};
    for (size_t i = 0; i < list.count; i++) {
        struct fragment_usage here = fragment_usage_in(list.items[i], fragment);
        usage.start = here.start ? here.start : usage.start;
        usage.update = here.update ? here.update : usage.update;
        usage.reads += here.reads;
    }
    return usage;
}

static bool is_neutral(const struct node_tile *start, enum assign_operator op) {
    double value;
    if (!literal_value(start->value, &value))
        return false;
    return op == ASSIGN_ADD ? value == 0 && !signbit(value) : isinf(value) && value < 0;
}

/* ---- replacing the reads of a fragment ---- */

struct reading {
    struct arena *arena;
    const char *name;
    struct node *by;
};

static struct node *replace_access(struct node *node, void *context) {
    struct reading *r = context;
    struct node_access *access = node_as(node, access);
    return access && access->name == r->name ? r->by : node_map_children(r->arena, node, replace_access, r);
}

static struct node *replace_reads(struct node *node, void *context) {
    struct reading *r = context;
    struct node_tile *tile = node_as(node, tile);
    if (!tile)
        return node_map_children(r->arena, node, replace_reads, r);
    struct node *value = replace_access(tile->value, r);
    if (value == tile->value)
        return node;
    struct node_tile changed = *tile;
    changed.value = value;
    return arena_copy(r->arena, &changed, sizeof changed);
}

/* ---- one statement list ---- */

/* The statement of the list behind which the fragment has its final value. */
static size_t last_write(struct node_list list, const struct usage *usage) {
    size_t last = 0;
    for (size_t i = 0; i < list.count; i++) {
        struct fragment_usage here = fragment_usage_in(list.items[i], usage->name);
        if (here.start || here.update)
            last = i;
    }
    return last;
}

static struct node_list replace_from(struct tensorizer *t, struct node_list list, size_t first,
                                     const char *name, struct node *by) {
    struct reading reading = {t->arena, name, by};
    struct list_builder out = {0};
    for (size_t i = 0; i < list.count; i++)
        builder_add(t->arena, &out, i < first ? list.items[i] : replace_reads(list.items[i], &reading));
    return builder_list(&out);
}

/* The start value moves from in front of the fold to its readers. */
static struct node_list settle_start(struct tensorizer *t, struct node_list list, const struct usage *usage) {
    struct node_tile start = *usage->start;
    enum assign_operator op = usage->update->op;
    start.value = op == ASSIGN_ADD ? make_integer(t->arena, 0) : make_real(t->arena, -INFINITY);
    struct node *access = start.target, *by;
    if (op == ASSIGN_ADD)
        by = make_binary(t->arena, BINARY_ADD, access, usage->start->value);
    else
        by = make_call(t->arena, "max", LIST(t->arena, access, usage->start->value));
    list = replace_from(t, list, last_write(list, usage) + 1, usage->name, by);
    struct list_builder out = {0};
    for (size_t i = 0; i < list.count; i++)
        builder_add(t->arena, &out,
                    list.items[i] == &usage->start->base ? arena_copy(t->arena, &start, sizeof start)
                                                         : list.items[i]);
    return builder_list(&out);
}

/* Behind its last update the fragment is copied to a shared buffer, which the readers read instead. */
static struct node_list keep_copy(struct tensorizer *t, struct node_list list, const struct usage *usage) {
    struct storage fragment = *storage_find(t, usage->name);
    size_t last = last_write(list, usage);
    struct list_builder copied = {0}, out = {0};
    struct list_builder *outer = t->out;
    t->out = &copied;
    t->span = list.items[last]->span;
    const char *base = arena_printf(t->arena, "%s_copy", usage->name);
    const char *name =
        buffer_declare(t, MEMORY_SHARED, base, fragment.rank, fragment.axes,
                       fragment_type(fragment.dtype), fragment.orientation);
    struct node *read = buffer_access(t, usage->name);
    tile_emit(t, TILE_MAP, buffer_access(t, name), ASSIGN_SET, read);
    t->out = outer;
    list = replace_from(t, list, last + 1, usage->name, buffer_access(t, name));
    for (size_t i = 0; i < list.count; i++) {
        builder_add(t->arena, &out, list.items[i]);
        if (i == last)
            builder_add_all(t->arena, &out, builder_list(&copied));
    }
    return builder_list(&out);
}

/* Does the reader of the fragment read buffers beside it? A fold fills its section with sums and leaves their
 * slots no company. */
static bool reads_others(struct node_list list, const char *fragment) {
    for (size_t i = 0; i < list.count; i++)
        for_each (tile, tile, list.items[i])
            for_each (access, access, mentions(tile->value, fragment) ? tile->value : NULL)
                if (access->name != fragment)
                    return true;
    return false;
}

/* Does a reader of the fragment read another plain one too? A section has one. */
static bool reads_another(struct settling *s, struct node_list list, const char *fragment) {
    for (size_t i = 0; i < list.count; i++)
        for_each (tile, tile, list.items[i])
            for_each (access, access, mentions(tile->value, fragment) ? tile->value : NULL) {
                const struct storage *other = storage_find(s->t, access->name);
                if (access->name != fragment && other && other->memory == MEMORY_FRAGMENT && !other->tensor &&
                    fragment_is_plain_in(s->body, access->name))
                    return true;
            }
    return false;
}

/* Is the fragment read by a statement of other axes, which would need it spread? */
static bool is_spread(struct node_list list, const char *fragment) {
    for (size_t i = 0; i < list.count; i++)
        for_each (tile, tile, list.items[i])
            for_each (access, access, tile->value)
                if (access->name == fragment &&
                    !list_equal(access->subscripts, node_as(tile->target, access)->subscripts))
                    return true;
    return false;
}

/* ---- what stands between the last update and the reader ---- */

/* The statement of the list, behind `last`, that reads the fragment; the length of the list when none does.
 */
static size_t reader_behind(struct node_list list, size_t last, const char *fragment) {
    size_t reader = last + 1;
    for (; reader < list.count; reader++) {
        if (fragment_usage_in(list.items[reader], fragment).reads)
            break;
    }
    return reader;
}

static bool computes_between(struct node_list list, size_t first, size_t end) {
    for (size_t i = first; i < end; i++)
        for_each (tile, tile, list.items[i])
            if (tile->operation != TILE_LOAD && tile->operation != TILE_STORE)
                return true;
    return false;
}

/* A reader that reads nothing else moves, with the declaration of what it writes, to the last update. */
static struct node_list read_at_once(struct tensorizer *t, struct node_list list, size_t last,
                                     size_t reader) {
    struct node_tile *tile = node_as(list.items[reader], tile);
    const char *written = node_as(tile->target, access)->name;
    struct list_builder moved = {0}, rest = {0}, out = {0};
    for (size_t i = last + 1; i < reader; i++) {
        struct node_buffer *buffer = node_as(list.items[i], buffer);
        builder_add(t->arena, buffer && buffer->name == written ? &moved : &rest, list.items[i]);
    }
    for (size_t i = 0; i <= last; i++)
        builder_add(t->arena, &out, list.items[i]);
    builder_add_all(t->arena, &out, builder_list(&moved));
    builder_add(t->arena, &out, &tile->base);
    builder_add_all(t->arena, &out, builder_list(&rest));
    for (size_t i = reader + 1; i < list.count; i++)
        builder_add(t->arena, &out, list.items[i]);
    return builder_list(&out);
}

/* Is it the first value of a section? A fragment that outlives the list and is not plain rests in L1, and so do its
 * values. */
static bool begins_section(struct settling *s, struct node_list list, const struct node_tile *tile) {
    const char *target = target_name(tile->target);
    const struct storage *storage = storage_find(s->t, target);
    if (!storage || storage->tensor || storage->memory != MEMORY_FRAGMENT)
        return false;
    for (size_t i = 0; i < list.count; i++) {
        struct node_buffer *buffer = node_as(list.items[i], buffer);
        if (buffer && buffer->name == target)
            return true;
    }
    return fragment_is_plain_in(s->body, target);
}

/* Readers that cannot read where the fragment is complete read a copy that is made there. */
static struct node_list settle_reader(struct settling *s, struct node_list list,
                                      const struct usage *usage) {
    struct tensorizer *t = s->t;
    size_t last = last_write(list, usage), reader = reader_behind(list, last, usage->name);
    struct node_tile *tile = reader < list.count ? node_as(list.items[reader], tile) : NULL;
    bool fold = usage->update && usage->update->operation == TILE_REDUCE,
         others = reads_others(list, usage->name);
    if (usage->reads > 1 || is_spread(list, usage->name) || (fold && others) ||
        (reader < list.count && !tile) || (tile && begins_section(s, list, tile)) || reads_another(s, list, usage->name))
        return keep_copy(t, list, usage);
    if (tile && !others && computes_between(list, last + 1, reader))
        return read_at_once(t, list, last, reader);
    return list;
}

/* ---- a fragment that is read and then changed again ---- */

/* The first statement that changes the fragment behind one that reads it, or by what it holds; the length of the list
 * where there is none. */
static size_t second_life(struct node_list list, const char *fragment) {
    bool was_read = false;
    size_t second = 0;
    for (; second < list.count; second++) {
        struct fragment_usage here = fragment_usage_in(list.items[second], fragment);
        if ((was_read || here.reads) && (here.start || here.update))
            break;
        was_read |= here.reads > 0;
    }
    return second;
}

/* What it gathers from there on is gathered by another fragment, which begins with what this one holds. */
static struct node_list begin_second_life(struct tensorizer *t, struct node_list list, size_t second,
                                          const char *fragment) {
    struct storage first = *storage_find(t, fragment);
    struct list_builder out = {0};
    struct list_builder *outer = t->out;
    struct node *changes = list.items[second];
    for (size_t i = 0; i < second; i++)
        builder_add(t->arena, &out, list.items[i]);
    t->out = &out;
    t->span = changes->span;
    const char *name =
        buffer_declare(t, MEMORY_FRAGMENT, fragment, first.rank, first.axes, first.dtype, first.orientation);
    struct node_tile *begins = node_as(changes, tile);
    begins = begins && begins->op == ASSIGN_SET ? begins : NULL;
    tile_emit(t, TILE_MAP, buffer_access(t, name), ASSIGN_SET, begins ? begins->value : buffer_access(t, fragment));
    t->out = outer;
    struct reading renamed = {t->arena, fragment, buffer_access(t, name)};
    for (size_t i = begins ? second + 1 : second; i < list.count; i++)
        builder_add(t->arena, &out, replace_access(list.items[i], &renamed));
    return builder_list(&out);
}

/* False after a reported error. */
static bool check_value(struct tensorizer *t, struct node_list list, const struct node_buffer *buffer) {
    struct node_tile *early =
        fragment_read_too_early(t->compilation->kernel, t->arena, list, buffer->name);
    if (!early || t->failed)
        return !t->failed;
    t->span = early->base.span;
    tensorize_fail(t, "%s may have no value here: the loop that gives it one may have no iterations", buffer->name);
    report_note(t->compilation->diagnostics, buffer->base.span, "%s is declared here, without a value",
                buffer->name);
    tensorize_help(t, "say what it is then where it is declared: fragment %s: %s = 0",
                   node_text(t->arena, buffer_access(t, buffer->name)), word_text(WORDS_dtype, buffer->dtype));
    return false;
}

static struct node_list settle_list(struct settling *s, struct node_list list) {
    struct tensorizer *t = s->t;
    for (size_t i = 0; i < list.count; i++) {
        struct node_buffer *buffer = node_as(list.items[i], buffer);
        if (!buffer || buffer->memory != MEMORY_FRAGMENT || !check_value(t, list, buffer) ||
            fragment_is_running(list, buffer->name))
            continue;
        size_t second = second_life(list, buffer->name);
        if (second < list.count)
            list = begin_second_life(t, list, second, buffer->name);
        if (!fragment_is_plain(list, buffer->name))
            continue;
        struct usage usage = usage_of(list, buffer->name);
        if (usage.update && lane_axis(usage.update))
            continue;
        if (usage.update && usage.update->operation == TILE_REDUCE && usage.start &&
            !is_neutral(usage.start, usage.update->op))
            list = settle_start(t, list, &usage);
        list = settle_reader(s, list, &usage);
    }
    return list;
}

static struct node *settle(struct node *node, void *context) {
    struct settling *s = context;
    struct node *mapped = node_map_children(s->t->arena, node, settle, s);
    struct node_block *block = node_as(mapped, block);
    if (!block)
        return mapped;
    struct node_list list = settle_list(s, block->statements);
    return list_equal(list, block->statements) ? mapped : make_block(s->t->arena, node->span, list);
}

struct node *fragments_settle(struct tensorizer *t, struct node *body) {
    return settle(body, &(struct settling){t, body});
}
