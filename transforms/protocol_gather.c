/* Loads that copy elements: each element of a block from where its subscripts say, by way of source tiles that the reader
 * keeps in L1 (move_cache.c). Outside of the tensor it is the value that `else` says. Whole tiles are filled: beyond the
 * range of an axis with what its subscripts say there.
 *
 *     for i_element in 0..32 {
 *         for j_element in 0..32 {
 *             if 3 <= i * 32 + i_element && ... {
 *                 let X_0: u32 = i * 32 + i_element - 3                     the subscripts
 *                 let X_slot: u32 = X_0 / 32 % 2 * 2 + X_1 / 32 % 2          where the tile is kept
 *                 let X_page: u32 = X_0 / 32 * Nt + X_1 / 32
 *                 if l1_load_u32(pages + X_slot * 4) != X_page { ...         it is read, and its page remembered
 *                 }
 *                 l1_copy_u16(a_write + ..., X_tiles + X_slot * bf16_tile_bytes + ...)
 */
#include <math.h>
#include <string.h>

#include "analysis/match.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/move_cache.h"
#include "transforms/protocol.h"

static struct node *ref(struct protocol *p, const char *name) {
    return make_reference(p->arena, name);
}

static struct node *number(struct protocol *p, int64_t value) {
    return make_integer(p->arena, value);
}

static struct node *let(struct protocol *p, struct span span, const char *name, struct node *value) {
    return node_new(p->arena, let, LET, span, .name = name, .dtype = DTYPE_U32, .value = value);
}

/* ---- caches ---- */

static struct cache *cache_of(struct protocol *p, const char *tiles) {
    for (size_t i = 0; i < p->cache_count; i++)
        if (strcmp(p->caches[i].tiles, tiles) == 0)
            return &p->caches[i];
    return NULL;
}

/* The address of a circular buffer of the reader's own, as a let. */
static const char *take_pointer(struct protocol *p, struct span span, const char *buffer, struct list_builder *body) {
    const char *pointer = name_fresh(&p->names, buffer + strlen("cb_"));
    struct node *address = make_call(p->arena, "get_write_ptr", LIST(p->arena, ref(p, buffer)));
    builder_add(p->arena, body, let(p, span, pointer, address));
    return pointer;
}

/* All its room, for good. */
static void take_buffer(struct protocol *p, const char *buffer, struct list_builder *body) {
    struct node *arguments[] = {ref(p, buffer), circular_buffer_of(p, buffer)->pages};
    builder_add(p->arena, body, call_statement(p, (struct span){0}, "cb_reserve_back", 2, arguments));
}

static struct node_list caches_of(const struct node_tile *load) {
    struct node *facts = attribute_get(&load->base, KEY_TT_CACHE);
    return facts ? node_as(facts, sequence)->items : (struct node_list){0};
}

void gather_pointers(struct protocol *p, const struct node_tile *load, struct list_builder *out) {
    struct node_list caches = caches_of(load);
    for (size_t i = 0; i < caches.count; i++) {
        struct node *facts = caches.items[i];
        struct cache *cache = cache_of(p, attribute_word(dictionary_get(facts, KEY_TILES), ""));
        if (i == 0)
            p->tags = take_pointer(p, load->base.span, attribute_word(dictionary_get(facts, KEY_TAGS), ""), out);
        if (cache)
            cache->pointer = take_pointer(p, load->base.span, cache->tiles, out);
    }
}

static struct node *tag_address(struct protocol *p, const struct cache *cache, struct node *slot) {
    struct node *place = make_add(p->arena, number(p, cache->first_tag), slot);
    return make_add(p->arena, ref(p, p->tags), make_mul(p->arena, place, number(p, 4)));
}

void emit_caches(struct protocol *p, struct list_builder *out) {
    struct list_builder body = {0};
    const char *tags = NULL;
    int64_t count = 0;
    for_each (tile, tile, p->kernel) {
        struct node_list caches = caches_of(tile);
        for (size_t i = 0; i < caches.count; i++) {
            struct node *facts = caches.items[i];
            if (p->cache_count == sizeof p->caches / sizeof *p->caches) {
                protocol_fail(p, tile->base.span, "this kernel reads too many tensors element by element");
                return;
            }
            struct cache cache = {.tiles = attribute_word(dictionary_get(facts, KEY_TILES), ""),
                                  .first_tag = attribute_integer(dictionary_get(facts, KEY_FIRST_TAG), 0),
                                  .rows = dictionary_get(facts, KEY_ROWS) != NULL,
                              .slots = node_as(dictionary_get(facts, KEY_SLOTS), sequence)->items};
            if (!tags)
                take_buffer(p, tags = attribute_word(dictionary_get(facts, KEY_TAGS), ""), &body);
            take_buffer(p, cache.tiles, &body);
            count = cache.first_tag;
            for (size_t k = 0, all = 1; k < cache.slots.count; k++) {
                all *= (size_t)attribute_integer(cache.slots.items[k], 1);
                count = cache.first_tag + (int64_t)all;
            }
            p->caches[p->cache_count++] = cache;
        }
    }
    if (!count)
        return;
    const struct cache all = {.first_tag = 0};
    const char *slot = name_fresh(&p->names, "slot");
    p->tags = take_pointer(p, (struct span){0}, tags, &body);
    struct node *arguments[] = {tag_address(p, &all, ref(p, slot)), number(p, UINT32_MAX)};
    struct node *forget = call_statement(p, (struct span){0}, "l1_store_u32", 2, arguments);
    builder_add(p->arena, &body,
                make_for(p->arena, (struct span){0}, slot, number(p, 0), number(p, count), NULL,
                         make_block(p->arena, (struct span){0}, LIST(p->arena, forget))));
    role_add(p, out, ROLE_READER, (struct span){0}, builder_list(&body));
}

/* ---- accesses ---- */

/* An access of the load: of its tensor, or of one whose data choose a place. */
struct gathered {
    struct node_access *access;
    struct node_parameter *parameter;
    struct cache *cache;
    const char *names[TENSOR_RANK_LIMIT]; /* the lets of its subscripts */
    const char *value;                    /* of data: the let of the number */
};

enum { GATHERED_LIMIT = 8 };

struct gather {
    struct protocol *p;
    struct span span;
    struct gathered all[GATHERED_LIMIT]; /* the first is the tensor's own */
    size_t count;
};

static struct node *extent_of(const struct gather *g, const struct gathered *of, size_t i) {
    return launch_value(g->p, of->parameter->dimensions.items[i]);
}

static enum kept kept_of(const struct gathered *of) {
    return is_row_major(of->parameter) ? KEPT_PARTS : of->cache && of->cache->rows ? KEPT_ROWS : KEPT_TILES;
}

/* How many elements along a dimension what is kept covers: a tile, or a part of a row. */
static struct node *edge_of(const struct gather *g, const struct gathered *of, size_t i) {
    return number(g->p, cache_edge(kept_of(of), of->access->subscripts.count, i));
}

/* Which of them a subscript lies in. */
static struct node *kept_index(const struct gather *g, const struct gathered *of, size_t i) {
    return make_div(g->p->arena, ref(g->p, of->names[i]), edge_of(g, of, i));
}

static struct node *kept_extent(const struct gather *g, const struct gathered *of, size_t i) {
    return launch_value(g->p, make_ceildiv(g->p->arena, of->parameter->dimensions.items[i], edge_of(g, of, i)));
}

static struct node *joined_condition(struct protocol *p, struct node *all, struct node *one) {
    return all ? make_binary(p->arena, BINARY_AND, all, one) : one;
}

/* minus <= plus && plus < extent + minus */
static struct node *is_inside(const struct gather *g, const struct gathered *of, size_t i, struct signed_index index) {
    struct arena *a = g->p->arena;
    struct node *below = make_binary(a, BINARY_LESS, index.plus, make_add(a, extent_of(g, of, i), index.minus));
    int64_t minus;
    if (integer_value(index.minus, &minus) && minus == 0)
        return below;
    return make_binary(a, BINARY_AND, make_binary(a, BINARY_LESS_EQUAL, index.minus, index.plus), below);
}

static struct node *slot_of(const struct gather *g, const struct gathered *of) {
    struct arena *a = g->p->arena;
    struct node *slot = number(g->p, 0);
    for (size_t i = 0; i < of->cache->slots.count; i++) {
        struct node *count = of->cache->slots.items[i];
        slot = make_add(a, make_mul(a, slot, count), make_mod(a, kept_index(g, of, i), count));
    }
    return slot;
}

static struct node *page_number(const struct gather *g, const struct gathered *of) {
    struct arena *a = g->p->arena;
    struct node *page = number(g->p, 0);
    for (size_t i = 0; i < of->access->subscripts.count; i++)
        page = make_add(a, make_mul(a, page, kept_extent(g, of, i)), kept_index(g, of, i));
    return page;
}

static struct node *page_of(const struct gather *g, const struct gathered *of) {
    struct list_builder indices = {0};
    size_t rank = of->access->subscripts.count;
    for (size_t i = 0; i < rank; i++)
        builder_add(g->p->arena, &indices,
                    i + 1 == rank && is_row_major(of->parameter) ? number(g->p, 0)
                    : i + 2 == rank && kept_of(of) == KEPT_ROWS
                        ? make_div(g->p->arena, kept_index(g, of, i), number(g->p, TILE_EDGE))
                        : kept_index(g, of, i));
    return node_new(g->p->arena, page, PAGE, ((struct span){0}), .tensor = of->access->name,
                    .indices = builder_list(&indices));
}

/* Where an element lies in its page, in bytes. */
static struct node *place_in_page(const struct gather *g, const struct gathered *of) {
    struct protocol *p = g->p;
    size_t rank = of->access->subscripts.count;
    if (is_row_major(of->parameter))
        return make_mul(p->arena, ref(p, of->names[rank - 1]), number(p, element_bytes(of->parameter->dtype)));
    struct node *edge = number(p, TILE_EDGE);
    struct node *row = rank > 1 ? make_mod(p->arena, ref(p, of->names[rank - 2]), edge) : number(p, 0);
    struct node *column = make_mod(p->arena, ref(p, of->names[rank - 1]), edge);
    return make_mul(p->arena, element_index(p, row, column), number(p, element_bytes(of->parameter->dtype)));
}

/* Where a half of the row begins in its tile, in bytes. */
static struct node *half_in_tile(const struct gather *g, const struct gathered *of, int64_t half) {
    struct protocol *p = g->p;
    size_t rank = of->access->subscripts.count;
    struct node *row = make_mod(p->arena, ref(p, of->names[rank - 2]), number(p, TILE_EDGE));
    return make_mul(p->arena, element_index(p, row, number(p, half * FACE_EDGE)),
                    number(p, element_bytes(of->parameter->dtype)));
}

/* Halves begin 64 bytes apart, each as far behind as its place in the tile is behind a multiple of 64. */
static struct node *half_in_row(const struct gather *g, const struct gathered *of, struct node *half) {
    struct arena *a = g->p->arena;
    int64_t bytes = element_bytes(of->parameter->dtype) * FACE_EDGE;
    struct node *row = ref(g->p, of->names[of->access->subscripts.count - 2]),
                *behind = bytes >= KEPT_HALF_BYTES
                              ? number(g->p, 0)
                              : make_mul(a, make_mod(a, row, number(g->p, KEPT_HALF_BYTES / bytes)), number(g->p, bytes));
    return make_add(a, make_mul(a, half, number(g->p, KEPT_HALF_BYTES)), behind);
}

static struct node *place_in_row(const struct gather *g, const struct gathered *of) {
    struct arena *a = g->p->arena;
    struct node *edge = number(g->p, FACE_EDGE),
                *column = make_mod(a, ref(g->p, of->names[of->access->subscripts.count - 1]), number(g->p, TILE_EDGE));
    return make_add(a, half_in_row(g, of, make_div(a, column, edge)),
                    make_mul(a, make_mod(a, column, edge), number(g->p, element_bytes(of->parameter->dtype))));
}

/* Both halves of a row of a tile. */
static void read_row(const struct gather *g, const struct gathered *of, struct node *line, struct list_builder *out) {
    struct protocol *p = g->p;
    for (int64_t half = 0; half < 2; half++) {
        struct node *part[] = {page_of(g, of), ref(p, of->access->name), half_in_tile(g, of, half),
                               make_add(p->arena, line, half_in_row(g, of, number(p, half))),
                               number(p, element_bytes(of->parameter->dtype) * FACE_EDGE)};
        builder_add(p->arena, out, call_statement(p, g->span, "noc_async_read", 5, part));
    }
}

/* Where it lies in what is kept: the tile, or a part of the row. */
static struct node *place_in_kept(const struct gather *g, const struct gathered *of) {
    struct protocol *p = g->p;
    size_t last = of->access->subscripts.count - 1;
    if (kept_of(of) == KEPT_TILES)
        return place_in_page(g, of);
    if (kept_of(of) == KEPT_ROWS)
        return place_in_row(g, of);
    return make_mul(p->arena, make_mod(p->arena, ref(p, of->names[last]), edge_of(g, of, last)),
                    number(p, element_bytes(of->parameter->dtype)));
}

static struct node *read_kept(const struct gather *g, const struct gathered *of, struct node *line) {
    struct protocol *p = g->p;
    size_t last = of->access->subscripts.count - 1;
    struct node *tensor = ref(p, of->access->name), *tile[] = {page_of(g, of), tensor, line};
    if (!is_row_major(of->parameter))
        return call_statement(p, g->span, "noc_async_read_page", 3, tile);
    struct node *bytes = number(p, element_bytes(of->parameter->dtype)), *edge = edge_of(g, of, last),
                *first = make_mul(p->arena, kept_index(g, of, last), edge),
                *elements = make_min(p->arena, edge, make_sub(p->arena, extent_of(g, of, last), first)),
                *part[] = {page_of(g, of), tensor, make_mul(p->arena, first, bytes), line,
                           make_mul(p->arena, elements, bytes)};
    return call_statement(p, g->span, "noc_async_read", 5, part);
}

/* The tile that has the element is in L1 behind these statements: if l1_load_u32(tag) != page { read it, wait, remember it }.
 * The element's address. */
static struct node *fetch(const struct gather *g, const struct gathered *of, struct list_builder *body) {
    struct protocol *p = g->p;
    const char *name = of->access->name;
    const char *slot = name_fresh(&p->names, arena_printf(p->arena, "%s_slot", name)),
               *page = name_fresh(&p->names, arena_printf(p->arena, "%s_page", name));
    builder_add(p->arena, body, let(p, g->span, slot, slot_of(g, of)));
    builder_add(p->arena, body, let(p, g->span, page, page_number(g, of)));
    struct node *bytes = kept_of(of) == KEPT_ROWS ? number(p, KEPT_ROW_BYTES)
                                                  : page_bytes(p, circular_buffer_of(p, of->cache->tiles)),
                *line = make_add(p->arena, ref(p, of->cache->pointer), make_mul(p->arena, ref(p, slot), bytes)),
                *tag = tag_address(p, of->cache, ref(p, slot)),
                *remember[] = {tag, ref(p, page)};
    struct list_builder reading = {0};
    if (kept_of(of) == KEPT_ROWS)
        read_row(g, of, line, &reading);
    else
        builder_add(p->arena, &reading, read_kept(g, of, line));
    builder_add(p->arena, &reading, call_statement(p, g->span, "noc_async_read_barrier", 0, NULL));
    builder_add(p->arena, &reading, call_statement(p, g->span, "l1_store_u32", 2, remember));
    struct node *missing = make_binary(p->arena, BINARY_NOT_EQUAL,
                                       make_call(p->arena, "l1_load_u32", LIST(p->arena, tag)), ref(p, page));
    builder_add(p->arena, body,
                node_new(p->arena, if, IF, g->span, .condition = missing,
                         .then = make_block(p->arena, g->span, builder_list(&reading))));
    return make_add(p->arena, line, place_in_kept(g, of));
}

/* ---- subscripts ---- */

struct indexing {
    const struct gather *g;
    size_t before; /* data that come before this access have their values */
};

/* Data as the numbers that were loaded. */
static struct node *with_values(struct node *node, void *context) {
    const struct indexing *x = context;
    const struct gather *g = x->g;
    for (size_t i = x->before + 1; node->kind == NODE_ACCESS && i < g->count; i++)
        if (node_equal(node, &g->all[i].access->base))
            return ref(g->p, g->all[i].value);
    return node_map_children(g->p->arena, node, with_values, (void *)x);
}

/* Does the access, or only its subscript i, vary along the axis, also by what chooses its places? */
static bool varies(const struct node *node, const struct axis_range *range) {
    return range && match_varies(node, range->name);
}

/* Subscripts that vary along the columns of the block, or all others, as lets; whether they are in the tensor, NULL: there are
 * none. */
static struct node *open_subscripts(struct gather *g, size_t which, const struct axis_range *columns, bool along,
                                    struct list_builder *body) {
    struct protocol *p = g->p;
    struct gathered *of = &g->all[which];
    struct node *inside = NULL;
    for (size_t i = 0; i < of->access->subscripts.count; i++) {
        struct indexing x = {g, which};
        struct node *subscript = of->access->subscripts.items[i];
        if (varies(subscript, columns) != along)
            continue;
        struct signed_index index = signed_index_of(p, with_values(subscript, &x));
        inside = joined_condition(p, inside, is_inside(g, of, i, index));
        builder_add(p->arena, body, let(p, g->span, of->names[i], make_sub(p->arena, index.plus, index.minus)));
    }
    return inside;
}

static struct node_list statements_of(struct protocol *p, struct node *node) {
    struct node_block *block = node_as(node, block);
    return block ? block->statements : LIST(p->arena, node);
}

/* if condition { statements; inner } else { otherwise }; without a condition the statements alone. */
static struct node *guarded(const struct gather *g, struct node *condition, struct list_builder *statements,
                            struct node *inner, struct node *otherwise) {
    struct arena *a = g->p->arena;
    if (!condition)
        return inner;
    builder_add_all(a, statements, statements_of(g->p, inner));
    return node_new(a, if, IF, g->span, .condition = condition,
                    .then = make_block(a, g->span, builder_list(statements)),
                    .otherwise = otherwise ? make_block(a, g->span, statements_of(g->p, otherwise)) : NULL);
}

/* The number that `else` says; NULL: 0. */
static double literal_of(const struct node *otherwise) {
    const struct node_unary *negated =
        otherwise && otherwise->kind == NODE_UNARY ? (const struct node_unary *)otherwise : NULL;
    double value = 0;
    if (!otherwise || literal_value(otherwise, &value))
        return value;
    return negated && literal_value(negated->operand, &value) ? -value : 0;
}

/* Number `which` of the data is loaded in front of what needs it. */
static struct node *load_index(struct gather *g, size_t which, struct node *inner, struct node *otherwise) {
    struct protocol *p = g->p;
    struct gathered *of = &g->all[which];
    struct list_builder body = {0};
    struct node *inside = open_subscripts(g, which, NULL, false, &body);
    struct node *address = fetch(g, of, &body);
    const char *call = arena_intern(
        p->arena, arena_printf(p->arena, "l1_load_u%d", (int)element_bytes(of->parameter->dtype) * 8));
    builder_add(p->arena, &body, let(p, g->span, of->value, make_call(p->arena, call, LIST(p->arena, address))));
    if (inside && of->access->otherwise) { /* a number of its own is what it is outside: the rest goes on with that */
        struct node *own = let(p, g->span, of->value, number(p, (int64_t)(uint32_t)(int64_t)literal_of(of->access->otherwise)));
        otherwise = make_block(p->arena, g->span, list_concat(p->arena, LIST(p->arena, own), statements_of(p, inner)));
    }
    return guarded(g, inside, &body, inner, otherwise);
}

/* ---- the block ---- */

static struct node *store_otherwise(const struct gather *g, struct node *to) {
    struct protocol *p = g->p;
    enum dtype dtype = g->all[0].parameter->dtype;
    double value = literal_of(g->all[0].access->otherwise);
    struct node *bits = is_whole_type(dtype) ? number(p, (int64_t)(uint32_t)(int64_t)value)
                                             : format_bits(p, dtype, value, false);
    struct node *arguments[] = {to, bits};
    const char *call = arena_intern(p->arena, arena_printf(p->arena, "l1_store_u%d", (int)element_bytes(dtype) * 8));
    return call_statement(p, g->span, call, 2, arguments);
}

static struct node_parameter *parameter_of(struct protocol *p, const char *name) {
    struct node_list parameters = node_as(p->kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++)
        if (strcmp(node_as(parameters.items[i], parameter)->name, name) == 0)
            return node_as(parameters.items[i], parameter);
    return NULL;
}

static struct node *loop_over(struct protocol *p, struct span span, const char *name, struct node *count,
                              struct node *body) {
    struct node *block = make_block(p->arena, span, statements_of(p, body));
    return make_for(p->arena, span, name, number(p, 0), count, NULL, block);
}

/* Axis `name` is the element number `element` of the tile for now. */
static void push_element(struct protocol *p, const struct axis_range *range, struct node *tile,
                         struct node *element) {
    struct node *first = make_mul(p->arena, make_add(p->arena, range->first, tile), number(p, TILE_EDGE));
    p->ranges[p->range_count++] = (struct axis_range){
        .name = range->name, .axis = range->axis, .first = make_add(p->arena, first, element)};
}

/* The accesses of a load, in the order of its caches; of a store its target alone. False after an error. */
static bool open_gather(struct gather *g, struct node *root, struct node_list caches) {
    struct protocol *p = g->p;
    for_each (access, access, root) {
        struct gathered one = {.access = access, .parameter = parameter_of(p, access->name)};
        if (g->count < caches.count)
            one.cache = cache_of(p, attribute_word(dictionary_get(caches.items[g->count], KEY_TILES), ""));
        if (!one.parameter || (caches.count && !one.cache) || g->count == GATHERED_LIMIT ||
            p->range_count + 2 > sizeof p->ranges / sizeof *p->ranges) {
            protocol_fail(p, g->span, "%s has no place for its tiles", access->name);
            return false;
        }
        for (size_t i = 0; i < access->subscripts.count; i++)
            one.names[i] = name_fresh(&p->names, arena_printf(p->arena, "%s_%zu", access->name, i));
        one.value = name_fresh(&p->names, arena_printf(p->arena, "%s_here", access->name));
        g->all[g->count++] = one;
    }
    return true;
}

/* What the subscripts that vary along the columns (along), or all others, ask for around the inner statement. */
static struct node *around(struct gather *g, const struct axis_range *columns, bool along, struct node *inner,
                           struct node *otherwise) {
    struct list_builder body = {0};
    struct node *inside = open_subscripts(g, 0, columns, along, &body), *all = inner;
    all = guarded(g, inside, &body, inner, otherwise);
    for (size_t i = 1; i < g->count; i++) /* what they need of each other stands further in, so further on */
        if (varies(&g->all[i].access->base, columns) == along)
            all = load_index(g, i, all, otherwise);
    return all;
}

struct node *gather_tile(struct protocol *p, struct node_tile *load, const struct node_circular_buffer *cb,
                         const struct gathered_tile *tile) {
    struct gather g = {.p = p, .span = load->base.span};
    struct span span = load->base.span;
    if (!open_gather(&g, load->value, caches_of(load)))
        return make_block(p->arena, span, (struct node_list){0});
    size_t mark = p->range_count;
    const char *row = name_fresh(&p->names, "i"), *column = name_fresh(&p->names, "j");
    struct node *at_row = tile->rows ? ref(p, row) : number(p, 0),
                *at_column = tile->columns ? ref(p, column) : number(p, 0), *edge = number(p, TILE_EDGE);
    struct axis_range rows = tile->rows ? *tile->rows : (struct axis_range){0},
                      columns = tile->columns ? *tile->columns : (struct axis_range){0};
    if (tile->rows)
        push_element(p, &rows, tile->row, at_row);
    if (tile->columns)
        push_element(p, &columns, tile->column, at_column);
    int64_t bytes = element_bytes(cb->dtype);
    struct node *to = make_add(p->arena, tile->address,
                               make_mul(p->arena, element_index(p, at_row, at_column), number(p, bytes)));
    struct list_builder copy = {0};
    struct node *arguments[] = {to, fetch(&g, &g.all[0], &copy)};
    const char *call = arena_intern(p->arena, arena_printf(p->arena, "l1_copy_u%d", (int)bytes * 8));
    builder_add(p->arena, &copy, call_statement(p, span, call, 2, arguments));
    struct node *body = make_block(p->arena, span, builder_list(&copy)), *nothing = store_otherwise(&g, to);
    if (tile->columns) {
        body = around(&g, &columns, true, body, nothing);
        body = loop_over(p, span, column, edge, body);
        nothing = loop_over(p, span, column, edge, nothing);
    }
    body = around(&g, tile->columns ? &columns : NULL, false, body, nothing);
    p->range_count = mark;
    return tile->rows ? loop_over(p, span, row, edge, body) : body;
}

/* ---- stores ---- */

/* Elements of an axis that exist in its tile number `tile` of the block. */
static struct node *elements_here(struct protocol *p, const struct axis_range *range, struct node *tile) {
    if (!range->extent)
        return number(p, TILE_EDGE);
    struct node *before = make_mul(p->arena, make_add(p->arena, range->first, tile), number(p, TILE_EDGE));
    return make_min(p->arena, number(p, TILE_EDGE),
                    make_sub(p->arena, launch_value(p, range->extent), before));
}

struct node *scatter_tile(struct protocol *p, struct node_tile *store, const struct node_circular_buffer *cb,
                          const struct gathered_tile *tile) {
    struct span span = store->base.span;
    struct gather g = {.p = p, .span = span};
    struct arena *a = p->arena;
    if (!open_gather(&g, store->target, (struct node_list){0}))
        return make_block(a, span, (struct node_list){0});
    size_t mark = p->range_count;
    int64_t bytes = element_bytes(cb->dtype);
    const char *row = name_fresh(&p->names, "i"), *half = name_fresh(&p->names, "half");
    struct node *at_row = tile->rows ? ref(p, row) : number(p, 0), *edge = number(p, FACE_EDGE),
                *at_column = make_mul(a, ref(p, half), edge);
    struct axis_range rows = tile->rows ? *tile->rows : (struct axis_range){0}, columns = *tile->columns;
    if (tile->rows)
        push_element(p, &rows, tile->row, at_row);
    push_element(p, &columns, tile->column, at_column);
    struct node *here = elements_here(p, &columns, tile->column),
                *elements = make_min(a, edge, make_sub(a, here, at_column)),
                *from = make_add(a, tile->address,
                                 make_mul(a, element_index(p, at_row, at_column), number(p, bytes)));
    /* Half a row of a tile, which lies together in both: as much of it as there is. */
    struct node *arguments[] = {page_of(&g, &g.all[0]), ref(p, g.all[0].access->name), place_in_page(&g, &g.all[0]),
                                from, make_mul(a, elements, number(p, bytes))};
    struct node *body = around(&g, &columns, true, call_statement(p, span, "noc_async_write", 5, arguments), NULL);
    body = loop_over(p, span, half, make_ceildiv(a, here, edge), body);
    body = around(&g, &columns, false, body, NULL);
    p->range_count = mark;
    return tile->rows ? loop_over(p, span, row, elements_here(p, &rows, tile->row), body) : body;
}
