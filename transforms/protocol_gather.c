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

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
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

void gather_pointers(struct protocol *p, const struct node_tile *load, struct list_builder *out) {
    struct node *facts = attribute_get(&load->base, KEY_TT_CACHE);
    struct cache *cache = cache_of(p, attribute_word(dictionary_get(facts, KEY_TILES), ""));
    p->tags = take_pointer(p, load->base.span, attribute_word(dictionary_get(facts, KEY_TAGS), ""), out);
    if (cache)
        cache->pointer = take_pointer(p, load->base.span, cache->tiles, out);
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
        struct node *facts = attribute_get(&tile->base, KEY_TT_CACHE);
        if (!facts)
            continue;
        if (p->cache_count == sizeof p->caches / sizeof *p->caches) {
            protocol_fail(p, tile->base.span, "this kernel reads too many tensors element by element");
            return;
        }
        struct cache cache = {.tiles = attribute_word(dictionary_get(facts, KEY_TILES), ""),
                              .first_tag = attribute_integer(dictionary_get(facts, KEY_FIRST_TAG), 0),
                              .slots = node_as(dictionary_get(facts, KEY_SLOTS), sequence)->items};
        if (!tags)
            take_buffer(p, tags = attribute_word(dictionary_get(facts, KEY_TAGS), ""), &body);
        take_buffer(p, cache.tiles, &body);
        count = cache.first_tag + attribute_integer(circular_buffer_of(p, cache.tiles)->pages, 0);
        p->caches[p->cache_count++] = cache;
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

/* ---- one element ---- */

struct gather {
    struct protocol *p;
    struct span span;
    struct node_access *tensor;
    struct node_parameter *parameter;
    struct cache *cache;
    struct node *to;        /* L1 address of the element */
    int64_t bytes;          /* of an element */
    const char *names[TENSOR_RANK_LIMIT]; /* of the subscripts */
};

static struct node *extent_of(const struct gather *g, size_t i) {
    return launch_value(g->p, g->parameter->dimensions.items[i]);
}

/* The tile of a subscript of the last two dimensions, the index itself of any other. */
static struct node *page_index(const struct gather *g, size_t i) {
    struct node *index = ref(g->p, g->names[i]);
    bool in_tiles = i + 2 >= g->tensor->subscripts.count;
    return in_tiles ? make_div(g->p->arena, index, number(g->p, TILE_EDGE)) : index;
}

static struct node *page_extent(const struct gather *g, size_t i) {
    struct node *extent = g->parameter->dimensions.items[i];
    bool in_tiles = i + 2 >= g->tensor->subscripts.count;
    return launch_value(g->p, in_tiles ? tiles_of(g->p->arena, extent) : extent);
}

/* minus <= plus && plus < extent + minus */
static struct node *is_inside(const struct gather *g, size_t i, struct signed_index index) {
    struct arena *a = g->p->arena;
    struct node *below = make_binary(a, BINARY_LESS, index.plus, make_add(a, extent_of(g, i), index.minus));
    int64_t minus;
    if (integer_value(index.minus, &minus) && minus == 0)
        return below;
    return make_binary(a, BINARY_AND, make_binary(a, BINARY_LESS_EQUAL, index.minus, index.plus), below);
}

static struct node *joined_condition(struct protocol *p, struct node *all, struct node *one) {
    return all ? make_binary(p->arena, BINARY_AND, all, one) : one;
}

static struct node *slot_of(const struct gather *g) {
    struct arena *a = g->p->arena;
    struct node *slot = number(g->p, 0);
    for (size_t i = 0; i < g->cache->slots.count; i++) {
        struct node *count = g->cache->slots.items[i];
        slot = make_add(a, make_mul(a, slot, count), make_mod(a, page_index(g, i), count));
    }
    return slot;
}

static struct node *page_number(const struct gather *g) {
    struct arena *a = g->p->arena;
    struct node *page = number(g->p, 0);
    for (size_t i = 0; i < g->tensor->subscripts.count; i++)
        page = make_add(a, make_mul(a, page, page_extent(g, i)), page_index(g, i));
    return page;
}

/* if l1_load_u32(tag) != page { read it, wait, remember it } */
static struct node *fetch(const struct gather *g, const char *slot, const char *page, struct node *line) {
    struct protocol *p = g->p;
    struct span span = g->span;
    struct list_builder indices = {0};
    for (size_t i = 0; i < g->tensor->subscripts.count; i++)
        builder_add(p->arena, &indices, page_index(g, i));
    struct node *tag = tag_address(p, g->cache, ref(p, slot));
    struct node *read[] = {node_new(p->arena, page, PAGE, ((struct span){0}), .tensor = g->tensor->name,
                                    .indices = builder_list(&indices)),
                           ref(p, g->tensor->name), line},
                *remember[] = {tag, ref(p, page)};
    struct node *body[] = {call_statement(p, span, "noc_async_read_page", 3, read),
                           call_statement(p, span, "noc_async_read_barrier", 0, NULL),
                           call_statement(p, span, "l1_store_u32", 2, remember)};
    struct node *missing = make_binary(p->arena, BINARY_NOT_EQUAL,
                                       make_call(p->arena, "l1_load_u32", LIST(p->arena, tag)), ref(p, page));
    return node_new(p->arena, if, IF, span, .condition = missing,
                    .then = make_block(p->arena, span, list_of(p->arena, sizeof body / sizeof *body, body)));
}

/* Where an element lies in its tile, in bytes. */
static struct node *place_in_tile(const struct gather *g) {
    struct protocol *p = g->p;
    size_t rank = g->tensor->subscripts.count;
    struct node *edge = number(p, TILE_EDGE);
    struct node *row = rank > 1 ? make_mod(p->arena, ref(p, g->names[rank - 2]), edge) : number(p, 0);
    struct node *column = make_mod(p->arena, ref(p, g->names[rank - 1]), edge);
    return make_mul(p->arena, element_index(p, row, column), number(p, g->bytes));
}

static struct node *copy_element(const struct gather *g, struct list_builder *body) {
    struct protocol *p = g->p;
    struct span span = g->span;
    const char *name = g->tensor->name;
    const char *slot = name_fresh(&p->names, arena_printf(p->arena, "%s_slot", name)),
               *page = name_fresh(&p->names, arena_printf(p->arena, "%s_page", name));
    builder_add(p->arena, body, let(p, span, slot, slot_of(g)));
    builder_add(p->arena, body, let(p, span, page, page_number(g)));
    struct node *line = make_add(p->arena, ref(p, g->cache->pointer),
                                 make_mul(p->arena, ref(p, slot),
                                          page_bytes(p, circular_buffer_of(p, g->cache->tiles))));
    builder_add(p->arena, body, fetch(g, slot, page, line));
    struct node *arguments[] = {g->to, make_add(p->arena, line, place_in_tile(g))};
    const char *call = arena_intern(p->arena, arena_printf(p->arena, "l1_copy_u%d", (int)g->bytes * 8));
    builder_add(p->arena, body, call_statement(p, span, call, 2, arguments));
    return make_block(p->arena, span, builder_list(body));
}

static struct node *store_otherwise(const struct gather *g, enum dtype dtype) {
    struct protocol *p = g->p;
    double value = 0;
    if (g->tensor->otherwise && !literal_value(g->tensor->otherwise, &value)) {
        struct node_unary *negated = node_as(g->tensor->otherwise, unary);
        if (negated && literal_value(negated->operand, &value))
            value = -value;
    }
    struct node *bits = is_whole_type(dtype) ? number(p, (int64_t)(uint32_t)(int64_t)value)
                                             : format_bits(p, dtype, value, false);
    struct node *arguments[] = {g->to, bits};
    const char *call = arena_intern(p->arena, arena_printf(p->arena, "l1_store_u%d", (int)g->bytes * 8));
    return call_statement(p, g->span, call, 2, arguments);
}

/* The subscripts as lets, and whether they are in the tensor. */
static struct node *open_subscripts(struct gather *g, struct list_builder *body) {
    struct protocol *p = g->p;
    struct node *inside = NULL;
    for (size_t i = 0; i < g->tensor->subscripts.count; i++) {
        struct signed_index index = signed_index_of(p, g->tensor->subscripts.items[i]);
        inside = joined_condition(p, inside, is_inside(g, i, index));
        g->names[i] = name_fresh(&p->names, arena_printf(p->arena, "%s_%zu", g->tensor->name, i));
        builder_add(p->arena, body,
                    let(p, g->span, g->names[i], make_sub(p->arena, index.plus, index.minus)));
    }
    return inside;
}

/* The element at the ranges at hand. */
static struct node *gather_element(struct gather *g, enum dtype dtype) {
    struct protocol *p = g->p;
    struct list_builder body = {0};
    struct node *inside = open_subscripts(g, &body);
    struct span span = g->span;
    struct node *then = copy_element(g, &body),
                *otherwise = make_block(p->arena, span, LIST(p->arena, store_otherwise(g, dtype)));
    return node_new(p->arena, if, IF, span, .condition = inside, .then = then, .otherwise = otherwise);
}

/* ---- the block ---- */

static struct node_parameter *parameter_of(struct protocol *p, const char *name) {
    struct node_list parameters = node_as(p->kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++)
        if (strcmp(node_as(parameters.items[i], parameter)->name, name) == 0)
            return node_as(parameters.items[i], parameter);
    return NULL;
}

static struct node *loop_over(struct protocol *p, struct span span, const char *name, struct node *count,
                              struct node *body) {
    struct node *block = make_block(p->arena, span, LIST(p->arena, body));
    return make_for(p->arena, span, name, number(p, 0), count, NULL, block);
}

/* Axis `name` is the element number `element` of the tile for now. */
static void push_element(struct protocol *p, const struct axis_range *range, struct node *tile,
                         struct node *element) {
    struct node *first = make_mul(p->arena, make_add(p->arena, range->first, tile), number(p, TILE_EDGE));
    p->ranges[p->range_count++] = (struct axis_range){
        .name = range->name, .axis = range->axis, .first = make_add(p->arena, first, element)};
}

struct node *gather_tile(struct protocol *p, struct node_tile *load, const struct node_circular_buffer *cb,
                         const struct gathered_tile *tile) {
    struct gather g = {.p = p, .span = load->base.span, .tensor = node_as(load->value, access)};
    struct span span = load->base.span;
    struct node *facts = attribute_get(&load->base, KEY_TT_CACHE);
    g.parameter = parameter_of(p, g.tensor->name);
    g.cache = facts ? cache_of(p, attribute_word(dictionary_get(facts, KEY_TILES), "")) : NULL;
    if (!g.cache || !g.parameter || p->range_count + 2 > sizeof p->ranges / sizeof *p->ranges) {
        protocol_fail(p, span, "%s has no place for its tiles", g.tensor->name);
        return make_block(p->arena, span, (struct node_list){0});
    }
    g.bytes = element_bytes(cb->dtype);
    size_t mark = p->range_count;
    const char *row = name_fresh(&p->names, "i"), *column = name_fresh(&p->names, "j");
    struct node *at_row = tile->rows ? ref(p, row) : number(p, 0),
                *at_column = tile->columns ? ref(p, column) : number(p, 0);
    struct axis_range rows = tile->rows ? *tile->rows : (struct axis_range){0},
                      columns = tile->columns ? *tile->columns : (struct axis_range){0};
    if (tile->rows)
        push_element(p, &rows, tile->row, at_row);
    if (tile->columns)
        push_element(p, &columns, tile->column, at_column);
    g.to = make_add(p->arena, tile->address,
                    make_mul(p->arena, element_index(p, at_row, at_column), number(p, g.bytes)));
    struct node *body = gather_element(&g, cb->dtype);
    p->range_count = mark;
    if (tile->columns)
        body = loop_over(p, span, column, number(p, TILE_EDGE), body);
    if (tile->rows)
        body = loop_over(p, span, row, number(p, TILE_EDGE), body);
    return body;
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

/* Half a row of a tile, which lies together in both: as much of it as there is. */
static struct node *write_half(struct gather *g, struct node *elements, struct node *from) {
    struct protocol *p = g->p;
    struct list_builder body = {0}, indices = {0};
    struct node *inside = open_subscripts(g, &body);
    for (size_t i = 0; i < g->tensor->subscripts.count; i++)
        builder_add(p->arena, &indices, page_index(g, i));
    struct node *page = node_new(p->arena, page, PAGE, ((struct span){0}), .tensor = g->tensor->name,
                                 .indices = builder_list(&indices)),
                *arguments[] = {page, ref(p, g->tensor->name), place_in_tile(g), from,
                                make_mul(p->arena, elements, number(p, g->bytes))};
    builder_add(p->arena, &body, call_statement(p, g->span, "noc_async_write", 5, arguments));
    return node_new(p->arena, if, IF, g->span, .condition = inside,
                    .then = make_block(p->arena, g->span, builder_list(&body)));
}

struct node *scatter_tile(struct protocol *p, struct node_tile *store, const struct node_circular_buffer *cb,
                          const struct gathered_tile *tile) {
    struct span span = store->base.span;
    struct gather g = {.p = p,
                       .span = span,
                       .tensor = node_as(store->target, access),
                       .bytes = element_bytes(cb->dtype)};
    struct arena *a = p->arena;
    g.parameter = parameter_of(p, g.tensor->name);
    if (p->range_count + 2 > sizeof p->ranges / sizeof *p->ranges) {
        protocol_fail(p, span, "loops nest too deeply");
        return make_block(a, span, (struct node_list){0});
    }
    size_t mark = p->range_count;
    const char *row = name_fresh(&p->names, "i"), *half = name_fresh(&p->names, "half");
    struct node *at_row = tile->rows ? ref(p, row) : number(p, 0), *edge = number(p, FACE_EDGE),
                *at_column = make_mul(a, ref(p, half), edge);
    struct axis_range rows = tile->rows ? *tile->rows : (struct axis_range){0}, columns = *tile->columns;
    if (tile->rows)
        push_element(p, &rows, tile->row, at_row);
    push_element(p, &columns, tile->column, at_column);
    struct node *here = elements_here(p, &columns, tile->column),
                *from = make_add(a, tile->address,
                                 make_mul(a, element_index(p, at_row, at_column), number(p, g.bytes)));
    struct node *body = write_half(&g, make_min(a, edge, make_sub(a, here, at_column)), from);
    p->range_count = mark;
    body = loop_over(p, span, half, make_ceildiv(a, here, edge), body);
    return tile->rows ? loop_over(p, span, row, elements_here(p, &rows, tile->row), body) : body;
}
