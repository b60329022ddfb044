/* memory_space_lower_tt: where every buffer lives.
 *
 *                                    circular_buffer cb_A_in = 0: bf16 pages 16       (at the top of the kernel)
 *     shared A_in[i, k]: bf16   =>   shared A_in[i, k]: bf16 @{tt.home = cb_A_in}
 *     fragment acc[i, j]: f32        fragment acc[i, j]: f32 @{tt.home = dst, tt.subblock = [2, 2]}
 *
 * Circular buffers are numbered as users of the device expect: what the reader fills from 0, what the writer
 * empties from 16, what compute keeps for itself from 24. A fragment lives in DST when it fits a section with
 * the slots that its reader needs; when it is larger it is cut into subblocks that do, one after the other,
 * if its operands are whole in L1 (no loop over panels), else its partial tiles rest in an f32 circular
 * buffer between panels. Reductions, masks and rows that spread over DST get the tiles that the reader makes
 * for them once. What the FPU computes of a map is marked, and compute is set (tt.compute): from here on tile form
 * says every bit of a result. A buffer whose blocks are sent between cores (tt.multicast) gets two semaphores.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "support/architecture.h"
#include "transforms/buffer_use.h"
#include "transforms/blocks.h"
#include "transforms/dst_plan.h"
#include "transforms/hold_panels.h"
#include "transforms/move_cache.h"
#include "transforms/rest_fragments.h"
#include "ir/names.h"
#include "transforms/pass.h"
#include "ir/query.h"
#include "ir/value_type.h"

enum id_class { CLASS_INPUT, CLASS_OUTPUT, CLASS_INTERMEDIATE };
static const int first_id[] = {[CLASS_INPUT] = 0, [CLASS_OUTPUT] = 16, [CLASS_INTERMEDIATE] = 24};

#define BUFFER_LIMIT 128
enum { TAG_PAGES = 4 }; /* of the tags of all caches */

struct lowering {
    struct compilation *compilation;
    struct arena *arena;
    struct name_table names;
    struct axis_scope scope;
    struct node *body;
    struct list_builder circular_buffers, semaphores;
    bool taken[CIRCULAR_BUFFER_LIMIT];
    const char *tags; /* the circular buffer of the tags of all caches; NULL: there is none yet */
    int64_t tag_count;
    struct node_buffer *buffers[BUFFER_LIMIT]; /* every buffer of the kernel */
    size_t buffer_count;
    bool failed;
};

static struct node *pair(struct arena *arena, struct node *first, struct node *second) {
    return node_new(arena, sequence, SEQUENCE, ((struct span){0}), .items = LIST(arena, first, second));
}

static struct node *word(struct arena *arena, const char *text) {
    return make_reference(arena, text);
}

/* ---- buffers of the kernel ---- */

static struct buffer_facts lookup(const char *name, void *context) {
    struct lowering *l = context;
    for (size_t i = 0; i < l->buffer_count; i++)
        if (strcmp(l->buffers[i]->name, name) == 0) {
            struct node_buffer *buffer = l->buffers[i];
            const char *orientation = attribute_word(attribute_get(&buffer->base, KEY_TT_ORIENTATION), "row");
            bool fragment = buffer->memory == MEMORY_FRAGMENT;
            return (struct buffer_facts){.known = true,
                                         .fragment = fragment && !fragment_rests(buffer),
                                         .dtype = fragment ? fragment_type(buffer->dtype) : buffer->dtype,
                                         .column = strcmp(orientation, "column") == 0};
        }
    return (struct buffer_facts){0};
}

/* ---- circular buffers ---- */

static void report_full(struct lowering *l, int limit) {
    struct diagnostics *d = l->compilation->diagnostics;
    report_error(d, l->compilation->kernel->span,
                 "this kernel needs more than the %d circular buffers of %s: it has %zu blocks in memory",
                 limit, l->compilation->architecture->name, l->buffer_count);
    for (size_t i = 0; i < l->buffer_count; i++)
        report_note(d, l->buffers[i]->base.span, "%s", l->buffers[i]->name);
    report_help(d, (struct span){0},
                "write longer expressions over fewer `shared` blocks, or launch two kernels from a program");
}

static int take_id(struct lowering *l, enum id_class class) {
    int limit = (int)l->compilation->architecture->circular_buffers;
    for (int id = first_id[class]; id < limit && id < CIRCULAR_BUFFER_LIMIT; id++)
        if (!l->taken[id]) {
            l->taken[id] = true;
            return id;
        }
    for (int id = 0; id < limit && id < CIRCULAR_BUFFER_LIMIT; id++)
        if (!l->taken[id]) {
            l->taken[id] = true;
            return id;
        }
    if (!l->failed)
        report_full(l, limit);
    l->failed = true;
    return 0;
}

static bool shape_of_block(struct lowering *l, const struct node_buffer *buffer, struct node **rows,
                           struct node **columns) {
    if (block_shape(l->arena, &l->scope, buffer, rows, columns))
        return true;
    report_error(l->compilation->diagnostics, buffer->base.span,
                 "buffer %s stands outside the blocks of its axes", buffer->name);
    l->failed = true;
    return false;
}

static const char *role_of(bool data_movement, const char *role) {
    return data_movement ? role : "compute";
}

/* The tensor that a buffer is filled from or stored to, NULL when there is none. */
static const char *moved_tensor(struct node *body, const char *buffer) {
    for_each (tile, tile, body) {
        if (tile->operation == TILE_LOAD && target_name(tile->target) == buffer)
            return node_as(tile->value, access)->name;
        if (tile->operation == TILE_STORE && mentions(tile->value, buffer))
            return target_name(tile->target);
    }
    return NULL;
}

/* What a buffer holds, in the author's words. */
static const char *contents_of(struct lowering *l, const struct node_buffer *buffer) {
    const char *tensor = moved_tensor(l->body, buffer->name);
    return tensor                   ? arena_printf(l->arena, "blocks of %s", tensor)
           : buffer->base.span.line ? arena_printf(l->arena, "what line %u computes", buffer->base.span.line)
                                    : buffer->name;
}

/* span: of what the buffer holds blocks of; told: what that is, for messages. */
static const char *add_circular_buffer(struct lowering *l, struct span span, const char *base,
                                       const char *told, enum id_class class, enum dtype dtype,
                                       struct node *pages, struct node_list attributes) {
    const char *name = name_fresh(&l->names, arena_printf(l->arena, "cb_%s", base));
    diagnostics_rename(l->compilation->diagnostics, name, told);
    struct node *node = node_new(l->arena, circular_buffer, CIRCULAR_BUFFER, span, .name = name,
                                 .id = take_id(l, class), .dtype = dtype, .pages = pages);
    builder_add(l->arena, &l->circular_buffers, node_with_attributes(l->arena, node, attributes));
    return name;
}

static struct node *cb_facts(struct lowering *l, enum dtype dtype, int64_t depth, bool full_width) {
    uint32_t bytes;
    const char *format = device_format(dtype, &bytes);
    struct node *facts = dictionary_set(l->arena, NULL, KEY_PAGE_SIZE, make_integer(l->arena, bytes));
    facts = dictionary_set(l->arena, facts, KEY_DEPTH, make_integer(l->arena, depth));
    facts = dictionary_set(l->arena, facts, KEY_DATA_FORMAT, word(l->arena, format));
    return dictionary_set(l->arena, facts, KEY_UNPACK_TO_DEST, make_integer(l->arena, full_width));
}

/* The attributes of a circular buffer, set on a carrier of any kind. */
static struct node_list cb_attributes(struct lowering *l, struct node *facts, struct node *rows,
                                      struct node *columns, const char *producer, const char *consumer,
                                      struct node *orientation) {
    struct node *carrier = make_block(l->arena, (struct span){0}, (struct node_list){0});
    carrier = attribute_set(l->arena, carrier, KEY_TT_CB, facts);
    carrier = attribute_set(l->arena, carrier, KEY_TT_BLOCK, pair(l->arena, rows, columns));
    carrier = attribute_set(l->arena, carrier, KEY_TT_PRODUCER, word(l->arena, producer));
    carrier = attribute_set(l->arena, carrier, KEY_TT_CONSUMER, word(l->arena, consumer));
    carrier = orientation ? attribute_set(l->arena, carrier, KEY_TT_ORIENTATION, orientation) : carrier;
    return carrier->attributes;
}

/* ---- semaphores ---- */

static struct node *add_semaphore(struct lowering *l, const struct node_buffer *buffer, const char *key) {
    const char *name = name_fresh(&l->names, arena_printf(l->arena, "%s_%s", buffer->name, key));
    if (l->semaphores.count == SEMAPHORE_LIMIT && !l->failed) {
        report_error(
            l->compilation->diagnostics, buffer->base.span,
            "@multicast of %s is one too many: a kernel has %d semaphores, and each buffer that is sent takes two",
            buffer->name, SEMAPHORE_LIMIT);
        report_help(l->compilation->diagnostics, (struct span){0}, "put @multicast at %d buffers at most",
                    SEMAPHORE_LIMIT / 2);
        l->failed = true;
    }
    builder_add(l->arena, &l->semaphores,
                node_new(l->arena, semaphore, SEMAPHORE, buffer->base.span, .name = name,
                         .id = (int64_t)l->semaphores.count));
    return word(l->arena, name);
}

/* tt.multicast of a circular buffer: the group, and the semaphores by which its cores meet. NULL where
 * nothing is sent. */
static struct node *multicast_facts(struct lowering *l, const struct node_buffer *buffer) {
    struct node *facts = attribute_get(&buffer->base, KEY_TT_MULTICAST);
    if (!facts)
        return NULL;
    facts = dictionary_set(l->arena, facts, KEY_READY, add_semaphore(l, buffer, KEY_READY));
    return dictionary_set(l->arena, facts, KEY_VALID, add_semaphore(l, buffer, KEY_VALID));
}

/* Has a block of the buffer no tiles at some sizes: is it a whole axis that may have no elements? */
static bool may_be_empty(struct lowering *l, const struct node_buffer *buffer) {
    bool empty = false;
    for (size_t i = 0; i < buffer->axes.count; i++) {
        struct node_axis *axis = axis_scope_find(&l->scope, node_as(buffer->axes.items[i], axis)->name);
        int64_t step;
        empty |= integer_value(axis->step, &step) ? step <= 0
                                                  : !is_positive_extent(l->compilation->kernel, axis->step);
    }
    return empty;
}

static struct node *lower_shared(struct lowering *l, struct node_buffer *buffer) {
    struct buffer_use usage = buffer_use_of(buffer->name, l->body);
    struct node *rows, *columns, *facts = attribute_get(&buffer->base, KEY_TT_CB);
    if (!facts || !shape_of_block(l, buffer, &rows, &columns))
        return &buffer->base;
    enum id_class class = usage.loaded ? CLASS_INPUT : usage.stored ? CLASS_OUTPUT : CLASS_INTERMEDIATE;
    struct node *one = make_integer(l->arena, 1), *pages = shared_pages(l->arena, buffer, rows, columns);
    if (may_be_empty(l, buffer)) /* the device has no buffers without pages */
        pages = make_max(l->arena, shared_pages(l->arena, buffer, one, one), pages);
    struct node_list attributes =
        cb_attributes(l, facts, rows, columns, role_of(usage.loaded, "reader"),
                      role_of(usage.stored, "writer"), attribute_get(&buffer->base, KEY_TT_ORIENTATION));
    struct node *multicast = multicast_facts(l, buffer);
    if (multicast) {
        struct node *carrier = node_with_attributes(
            l->arena, make_block(l->arena, (struct span){0}, (struct node_list){0}), attributes);
        attributes = attribute_set(l->arena, carrier, KEY_TT_MULTICAST, multicast)->attributes;
    }
    const char *name = add_circular_buffer(l, buffer->base.span, buffer->name, contents_of(l, buffer), class,
                                           buffer->dtype, pages, attributes);
    return attribute_set(l->arena, &buffer->base, KEY_TT_HOME, word(l->arena, name));
}

/* ---- fragments ---- */

/* The largest subblock of at most `capacity` tiles whose sides divide the block's (`exact`), or fit it. */
static void choose_subblock(int64_t rows, int64_t columns, int64_t capacity, bool exact, int64_t *r,
                            int64_t *c) {
    *r = *c = 1;
    for (int64_t h = 1; h <= rows && h <= capacity; h++)
        for (int64_t w = 1; w <= columns && h * w <= capacity; w++) {
            if (exact && (rows % h || columns % w))
                continue;
            bool larger = h * w > *r * *c, squarer = h * w == *r * *c && h + w < *r + *c;
            if (larger || squarer) {
                *r = h;
                *c = w;
            }
        }
}

static bool mentions_fragment(struct lowering *l, struct node *node) {
    for_each (access, access, node)
        if (lookup(access->name, l).fragment)
            return true;
    return false;
}

/* The plan of a map, which manage_dst_tt makes again of the value that it marks; false after a reported error. */
static bool plan_of(struct lowering *l, struct node_tile *tile, struct dst_plan *plan) {
    struct node_access *target = node_as(tile->target, access);
    struct dst_request request = {.arena = l->arena,
                                  .kernel = l->compilation->kernel,
                                  .diagnostics = l->compilation->diagnostics,
                                  .span = tile->base.span,
                                  .target = target,
                                  .target_column = lookup(target->name, l).column,
                                  .value = tile->value,
                                  .lookup = lookup,
                                  .context = l,
                                  .fresh = !mentions_fragment(l, &tile->base),
                                  .chooses = true};
    l->failed |= !dst_plan_make(&request, plan);
    return !l->failed;
}

/* How many tiles of a fragment a section holds while it computes this map. */
static int64_t tiles_beside(struct lowering *l, struct node_tile *tile, int64_t capacity) {
    struct dst_plan plan;
    if (!tile || !node_as(tile->target, access))
        return capacity;
    if (!plan_of(l, tile, &plan))
        return 1;
    int64_t tiles = dst_plan_tiles(&plan, capacity);
    if (tiles < 1) {
        dst_fail_as_large(l->compilation->diagnostics, tile->base.span, plan.slots + plan.shared, capacity);
        l->failed = true;
        return 1;
    }
    return tiles;
}

/* As many of a plain fragment as its reader and its first value leave room for. */
static int64_t tiles_in_section(struct node_buffer *buffer, void *context) {
    struct lowering *l = context;
    struct buffer_use usage = buffer_use_of(buffer->name, l->body);
    int64_t capacity = (int64_t)l->compilation->architecture->dst_tiles_f32;
    int64_t reading = tiles_beside(l, usage.reader, capacity),
            starting = l->failed ? 1 : tiles_beside(l, usage.writer, capacity);
    return reading < starting ? reading : starting;
}

/* A ring of two blocks: the one that is, and behind it the one that a statement makes of it. */
static struct node *lower_resting(struct lowering *l, struct node_buffer *buffer) {
    enum dtype type = fragment_type(buffer->dtype);
    struct node *rows, *columns;
    if (!shape_of_block(l, buffer, &rows, &columns))
        return &buffer->base;
    struct node *two = make_integer(l->arena, 2), *one = make_integer(l->arena, 1);
    struct node *block = make_mul(l->arena, rows, columns), *pages = make_mul(l->arena, two, block);
    report_remark(
        l->compilation->diagnostics, buffer->base.span,
        "this rests in L1 between the statements that change it, in two blocks of %s tile%s: each reads and writes it whole",
        node_text(l->arena, block), attribute_integer(block, 0) == 1 ? "" : "s");
    if (may_be_empty(l, buffer)) /* the device has no buffers without pages */
        pages = make_max(l->arena, one, pages);
    struct node_list attributes =
        cb_attributes(l, cb_facts(l, type, 2, type == DTYPE_F32), rows, columns, "compute", "compute",
                      attribute_get(&buffer->base, KEY_TT_ORIENTATION));
    const char *name = add_circular_buffer(l, buffer->base.span, buffer->name, contents_of(l, buffer),
                                           CLASS_INTERMEDIATE, type, pages, attributes);
    struct node *node = attribute_set(l->arena, &buffer->base, KEY_TT_HOME, word(l->arena, name));
    return attribute_set(l->arena, node, KEY_TT_BLOCK, pair(l->arena, rows, columns));
}

/* A side of open size is cut as a long one. */
static int64_t side_of(struct node *tiles) {
    int64_t known;
    return integer_value(tiles, &known) ? known : INT32_MAX;
}

static struct node *lower_fragment(struct lowering *l, struct node_buffer *buffer) {
    enum dtype type = fragment_type(buffer->dtype);
    struct node *rows, *columns;
    int64_t height, width;
    if (!shape_of_block(l, buffer, &rows, &columns))
        return &buffer->base;
    int64_t r = side_of(rows), c = side_of(columns), most = tiles_in_section(buffer, l);
    struct open_section open = open_section_of(l->arena, l->body, buffer->name);
    bool partial = open.looped && (r * c > most || open.interrupted);
    choose_subblock(r, c, most, partial, &height, &width);
    struct node *subblock = pair(l->arena, make_integer(l->arena, height), make_integer(l->arena, width));
    struct node *home = word(l->arena, "dst");
    if (partial) {
        struct node *pages = make_integer(l->arena, r * c);
        struct node_list attributes = cb_attributes(l, cb_facts(l, type, 1, type == DTYPE_F32), rows, columns,
                                                    "compute", "compute", NULL);
        home = word(l->arena, add_circular_buffer(l, buffer->base.span, buffer->name, contents_of(l, buffer),
                                                  CLASS_INTERMEDIATE, type, pages, attributes));
    }
    struct node *node = attribute_set(l->arena, &buffer->base, KEY_TT_HOME, home);
    node = attribute_set(l->arena, node, KEY_TT_SUBBLOCK, subblock);
    return attribute_set(l->arena, node, KEY_TT_BLOCK, pair(l->arena, rows, columns));
}

/* ---- tiles that the reader makes once ---- */

static bool has_fill(struct lowering *l, const struct node *fill, enum dtype dtype) {
    for (size_t i = 0; i < l->circular_buffers.count; i++) {
        struct node_circular_buffer *cb = node_as(l->circular_buffers.items[i], circular_buffer);
        if (cb->dtype == dtype && node_equal(attribute_get(&cb->base, KEY_TT_FILL), fill))
            return true;
    }
    return false;
}

static void add_fill(struct lowering *l, const char *base, enum dtype dtype, struct node *fill) {
    if (has_fill(l, fill, dtype))
        return;
    struct node *one = make_integer(l->arena, 1);
    struct node_list attributes =
        cb_attributes(l, cb_facts(l, dtype, 1, false), one, one, "reader", "compute", NULL);
    struct node *carrier = node_with_attributes(
        l->arena, make_block(l->arena, (struct span){0}, (struct node_list){0}), attributes);
    carrier = attribute_set(l->arena, carrier, KEY_TT_FILL, fill);
    add_circular_buffer(l, (struct span){0}, base, "a tile of constants", CLASS_INPUT, dtype, one,
                        carrier->attributes);
}

static void add_scaler(struct lowering *l, struct node_tile *tile) {
    struct node_access *operand = node_as(node_as(tile->value, reduction)->body, access);
    enum dtype dtype = lookup(operand->name, l).dtype;
    struct node *fill = dictionary_set(l->arena, NULL, KEY_SCALER, make_integer(l->arena, 1));
    add_fill(l, "scaler", dtype, fill);
}

/* The masks of a map: what `inside` asks of the axes at hand. */
static void add_masks(struct lowering *l, const struct node_access *target, struct node *value) {
    for_each (call, call, value) {
        if (strcmp(call->function, "inside") != 0)
            continue;
        const char *name = node_as(call->arguments.items[0], reference)->name;
        struct node_axis *axis = axis_scope_find(&l->scope, name);
        struct node *extent = axis ? clipping_extent(l->arena, axis) : NULL;
        if (!extent)
            continue;
        size_t last = target->subscripts.count - 1;
        struct node_reference *inner = node_as(target->subscripts.items[last], reference);
        bool columns = inner->name == name && !(last == 0 && lookup(target->name, l).column);
        struct node *fill = dictionary_set(l->arena, NULL, KEY_MASK, word(l->arena, name));
        fill = dictionary_set(l->arena, fill, KEY_ALONG, word(l->arena, columns ? "columns" : "rows"));
        fill = dictionary_set(l->arena, fill, KEY_EXTENT, extent);
        add_fill(l, arena_printf(l->arena, "mask_%s", name), DTYPE_BF16, fill);
    }
}

static void add_index(struct lowering *l, const char *along) {
    struct node *fill = dictionary_set(l->arena, NULL, KEY_INDEX, make_integer(l->arena, 1));
    add_fill(l, arena_printf(l->arena, "index_%s", along), DTYPE_BF16,
             dictionary_set(l->arena, fill, KEY_ALONG, word(l->arena, along)));
}

/* The tiles of a fold: the matrix unit multiplies by ones, products of the vector unit pick lines by their index. */
static void add_tiles_of_fold(struct lowering *l, struct node_tile *tile) {
    struct node_reduction *reduction = node_as(tile->value, reduction);
    if (!folds_in_slots(tile))
        add_scaler(l, tile);
    else if (reduction->op == REDUCTION_PRODUCT && !lane_axis(tile))
        add_index(l, folds_along_rows(reduction) ? "columns" : "rows");
}

/* Scans by other folds than sums pick rows by their index, and sums of floats the first one, for what they begin with. */
static void add_tiles_of_scan(struct lowering *l, struct node_tile *tile) {
    struct node_scan *scan = node_as(tile->value, scan);
    if (scan->op != REDUCTION_SUM || scan->start)
        add_index(l, "rows");
}

/* The tiles of zeros and of indices that a plan needs. */
static void add_constants(struct lowering *l, const struct dst_plan *plan) {
    struct node *one = make_integer(l->arena, 1);
    if (dst_plan_needs(plan, SPREAD_ZEROS))
        add_fill(l, "zeros", DTYPE_BF16, dictionary_set(l->arena, NULL, KEY_ZEROS, one));
    if (dst_plan_needs(plan, SPREAD_INDEX_COLUMNS))
        add_index(l, "columns");
    if (dst_plan_needs(plan, SPREAD_INDEX_ROWS))
        add_index(l, "rows");
}

/* A map with what the FPU computes of it marked, and the tiles that it needs. */
static struct node *lower_map(struct lowering *l, struct node_tile *tile) {
    struct dst_plan plan;
    struct node_tile marked = *tile;
    marked.value = node_unshared(l->arena, tile->value);
    add_masks(l, node_as(tile->target, access), tile->value);
    if (!plan_of(l, &marked, &plan))
        return &tile->base;
    add_constants(l, &plan);
    marked.value = dst_plan_marked(l->arena, &plan, marked.value);
    return node_equal(marked.value, tile->value) ? &tile->base : arena_copy(l->arena, &marked, sizeof marked);
}

/* ---- caches of source tiles ---- */

static const char *add_reader_buffer(struct lowering *l, struct span span, const char *base, const char *told,
                                     enum dtype dtype, int64_t pages) {
    struct node *count = make_integer(l->arena, pages), *one = make_integer(l->arena, 1);
    struct node_list attributes =
        cb_attributes(l, cb_facts(l, dtype, 1, false), one, count, "reader", "reader", NULL);
    return add_circular_buffer(l, span, base, told, CLASS_INPUT, dtype, count, attributes);
}

static enum dtype tensor_type(struct lowering *l, const char *name) {
    struct node_list parameters = node_as(l->compilation->kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++)
        if (strcmp(node_as(parameters.items[i], parameter)->name, name) == 0)
            return node_as(parameters.items[i], parameter)->dtype;
    return DTYPE_NONE;
}

/* Where tiles of the tensor are kept for an access. */
static struct node *add_cache(struct lowering *l, const struct node_tile *load, const struct node_access *access) {
    struct list_builder counts = {0};
    int64_t slots[TENSOR_RANK_LIMIT];
    enum dtype dtype = tensor_type(l, access->name);
    uint32_t bytes;
    device_format(dtype, &bytes);
    struct node_list axes = node_as(load->target, access)->subscripts;
    enum kept kept = cache_kind(access, axes, is_row_major(find_parameter(l->compilation->kernel, access->name)));
    int64_t all = (int64_t)cache_slots(access, axes, kept, bytes, slots);
    int64_t pages = kept == KEPT_ROWS ? (all * KEPT_ROW_BYTES + bytes - 1) / bytes : all;
    const char *told = arena_printf(l->arena, "tiles of %s", access->name);
    for (size_t i = 0; i < access->subscripts.count; i++)
        builder_add(l->arena, &counts, make_integer(l->arena, slots[i]));
    const char *tiles =
        add_reader_buffer(l, load->base.span, arena_printf(l->arena, "%s_tiles", access->name), told, dtype, pages);
    if (!l->tags)
        l->tags = add_reader_buffer(l, load->base.span, "pages", "pages that the reader keeps", DTYPE_U32, TAG_PAGES);
    struct node *cache = dictionary_set(l->arena, NULL, KEY_TILES, word(l->arena, tiles));
    cache = dictionary_set(l->arena, cache, KEY_TAGS, word(l->arena, l->tags));
    cache = dictionary_set(l->arena, cache, KEY_FIRST_TAG, make_integer(l->arena, l->tag_count));
    cache = dictionary_set(l->arena, cache, KEY_SLOTS,
                           node_new(l->arena, sequence, SEQUENCE, ((struct span){0}), .items = builder_list(&counts)));
    if (kept == KEPT_ROWS)
        cache = dictionary_set(l->arena, cache, KEY_ROWS, make_integer(l->arena, 1));
    l->tag_count += all;
    if (l->tag_count > TAG_PAGES * TILE_ELEMENTS && !l->failed) {
        report_error(l->compilation->diagnostics, load->base.span,
                     "this kernel reads more tensors element by element than the reader keeps tiles of");
        l->failed = true;
    }
    return cache;
}

/* A load that copies elements, with the caches of its tensor and of those whose data choose the places, in the order of the
 * text. */
static struct node *lower_moved(struct lowering *l, struct node_tile *load) {
    struct list_builder caches = {0};
    for_each (access, access, load->value)
        builder_add(l->arena, &caches, add_cache(l, load, access));
    return attribute_set(l->arena, &load->base, KEY_TT_CACHE,
                         node_new(l->arena, sequence, SEQUENCE, ((struct span){0}), .items = builder_list(&caches)));
}

/* ---- the walk ---- */

static struct node *lower(struct node *node, void *context) {
    struct lowering *l = context;
    struct node_for *loop = node_as(node, for);
    struct node_buffer *buffer = node_as(node, buffer);
    struct node_tile *tile = node_as(node, tile);
    if (l->failed)
        return node;
    if (buffer && buffer->memory == MEMORY_FRAGMENT && fragment_rests(buffer))
        return lower_resting(l, buffer);
    if (buffer && !attribute_get(node, KEY_TT_HOME))
        return buffer->memory == MEMORY_SHARED ? lower_shared(l, buffer) : lower_fragment(l, buffer);
    if (tile && tile->operation == TILE_MAP)
        return lower_map(l, tile);
    if (tile && tile->operation == TILE_LOAD && attribute_get(node, KEY_TT_MOVE))
        return lower_moved(l, tile);
    if (tile && tile->operation == TILE_REDUCE)
        add_tiles_of_fold(l, tile);
    if (tile && tile->operation == TILE_SCAN)
        add_tiles_of_scan(l, tile);
    size_t mark = l->scope.count;
    if (loop && !axis_scope_push(&l->scope, loop->axes))
        l->failed = true;
    struct node *mapped = node_map_children(l->arena, node, lower, l);
    l->scope.count = mark;
    return mapped;
}

/* How compute is set: DST holds f32, so that a value is rounded where tile form stores it and nowhere else. */
static struct node *compute_facts(struct compilation *c) {
    struct arena *arena = c->arena;
    struct node *facts = dictionary_set(arena, NULL, KEY_FP32_DEST_ACC_EN, make_integer(arena, 1));
    facts = dictionary_set(arena, facts, KEY_MATH_FIDELITY,
                           make_reference(arena, fidelity_name(c->architecture->fidelity)));
    return dictionary_set(arena, facts, KEY_DST_FULL_SYNC_EN, make_integer(arena, 0));
}

static void collect_buffers(struct lowering *l, struct node *body) {
    l->body = body;
    l->buffer_count = 0;
    for_each (buffer, buffer, body)
        if (l->buffer_count < BUFFER_LIMIT)
            l->buffers[l->buffer_count++] = buffer;
}

bool memory_space_lower_tt(struct compilation *compilation) {
    struct node_kernel kernel = *node_as(compilation->kernel, kernel);
    struct lowering *l = arena_allocate(compilation->arena, sizeof *l);
    l->compilation = compilation;
    l->arena = compilation->arena;
    l->names = kernel_names(l->arena, compilation->kernel);
    if (find_kind(kernel.body, NODE_CIRCULAR_BUFFER))
        return true;
    kernel.body = hold_panels(compilation, kernel.body);
    collect_buffers(l, kernel.body);
    kernel.body = rest_fragments(compilation, &l->names, kernel.body, tiles_in_section, l);
    if (l->failed)
        return false;
    collect_buffers(l, kernel.body);
    struct node *body = lower(kernel.body, l);
    if (l->failed)
        return false;
    struct node_list declared =
        list_concat(l->arena, builder_list(&l->circular_buffers), builder_list(&l->semaphores));
    struct node_list statements = list_concat(l->arena, declared, node_as(body, block)->statements);
    kernel.body = make_block(l->arena, body->span, statements);
    compilation->kernel = attribute_set(l->arena, arena_copy(l->arena, &kernel, sizeof kernel),
                                        KEY_TT_COMPUTE, compute_facts(compilation));
    return true;
}
