/* A fragment larger than a DST section, accumulated over panels of a known extent: when all panels of the
 * operands fit L1 together, the loop over panels becomes one block. The fragment is then computed subblock by
 * subblock with the reduction innermost, and no partial tile leaves DST.
 *
 *     for k in 0..1024 by 64 { ... }   =>   for k in 0..1024 by 1024 { ... }
 *
 * Buffers of the loop keep their depth where that fits, else hold one block.
 */
#include "transforms/hold_panels.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/l1.h"
#include "ir/query.h"
#include "support/architecture.h"
#include "transforms/blocks.h"
#include "transforms/buffer_use.h"
#include "transforms/shards.h"

struct holder {
    struct compilation *compilation;
    struct arena *arena;
    struct node *body; /* the whole program as it stands */
    struct axis_scope scope;
};

/* ---- bytes of L1 ---- */

struct measure {
    struct arena *arena;
    struct axis_scope scope;
    int64_t bytes;
    bool known;
};

static void measure_buffer(struct measure *m, struct node_buffer *buffer) {
    struct node *rows, *columns;
    int64_t bytes = 0;
    m->known =
        m->known && block_shape(m->arena, &m->scope, buffer, &rows, &columns) &&
        integer_value(pages_l1_bytes(m->arena, &buffer->base, shared_pages(m->arena, buffer, rows, columns)),
                      &bytes);
    m->bytes += bytes;
}

static bool measure_node(struct node *node, void *context) {
    struct measure *m = context;
    struct node_for *loop = node_as(node, for);
    struct node_buffer *buffer = node_as(node, buffer);
    size_t mark = m->scope.count;
    if (buffer && buffer->memory == MEMORY_SHARED)
        measure_buffer(m, buffer);
    if (loop)
        m->known &= axis_scope_push(&m->scope, loop->axes);
    node_each_child(node, measure_node, context);
    m->scope.count = mark;
    return true;
}

/* Do the shared buffers of the program fit the L1 of a core? Not when a size is open. */
static bool fits(struct holder *h, struct node *body) {
    struct measure m = {.arena = h->arena, .known = true};
    measure_node(body, &m);
    return m.known && m.bytes <= l1_for_buffers(h->compilation);
}

/* ---- which loops ---- */

struct accumulation {
    const char *fragment; /* that the loop updates and does not read */
    bool several;
};

static struct accumulation accumulation_in(struct holder *h, struct node *loop) {
    struct accumulation found = {0};
    for_each (tile, tile, loop) {
        const char *name = target_name(tile->target);
        struct node_buffer *buffer = find_declaration(h->body, name);
        bool outlives = buffer && buffer->memory == MEMORY_FRAGMENT && !find_declaration(loop, name);
        if (tile->operation == TILE_MATMUL || outlives) {
            found.several |= (found.fragment && found.fragment != name) || tile->op == ASSIGN_SET;
            found.fragment = name;
        }
    }
    found.several |= found.fragment && buffer_use_of(found.fragment, loop).reader;
    return found;
}

static bool is_larger_than_section(struct holder *h, const char *fragment) {
    struct node_buffer *buffer = find_declaration(h->body, fragment);
    int64_t total = 1;
    for (size_t i = 0; buffer && i < buffer->axes.count; i++) {
        struct node_axis *axis = axis_scope_find(&h->scope, node_as(buffer->axes.items[i], axis)->name);
        int64_t tiles;
        if (!axis || !axis->step || !integer_value(block_tiles(h->arena, axis), &tiles))
            return false;
        total *= tiles;
    }
    return buffer && total > (int64_t)h->compilation->architecture->dst_tiles_f32;
}

/* ---- the rewriting ---- */

static struct node *single_depth(struct node *node, void *context) {
    struct arena *arena = context;
    struct node *facts = node->kind == NODE_BUFFER ? attribute_get(node, KEY_TT_CB) : NULL;
    if (facts)
        return attribute_set(arena, node, KEY_TT_CB,
                             dictionary_set(arena, facts, KEY_DEPTH, make_integer(arena, 1)));
    return node_map_children(arena, node, single_depth, context);
}

struct exchange {
    struct arena *arena;
    struct node *from, *to;
};

static struct node *exchange_node(struct node *node, void *context) {
    struct exchange *e = context;
    return node == e->from ? e->to : node_map_children(e->arena, node, exchange_node, e);
}

static struct node *with_whole_axis(struct holder *h, struct node_for *loop, int64_t extent, bool single) {
    struct node_axis axis = *node_as(loop->axes.items[0], axis);
    struct node_for whole = *loop;
    axis.step = make_integer(h->arena, (extent + TILE_EDGE - 1) / TILE_EDGE * TILE_EDGE);
    struct node *copy = arena_copy(h->arena, &axis, sizeof axis);
    whole.axes = LIST(h->arena, copy);
    whole.body = single ? single_depth(loop->body, h->arena) : loop->body;
    return arena_copy(h->arena, &whole, sizeof whole);
}

static struct node *hold(struct node *node, void *context);

static struct node *hold_loop(struct holder *h, struct node_for *loop) {
    struct accumulation found = accumulation_in(h, &loop->base);
    struct node_axis *axis = node_as(loop->axes.items[0], axis);
    int64_t lower, upper, step;
    if (loop->axes.count != 1 || !found.fragment || found.several || !axis->step ||
        !integer_value(axis->lower, &lower) || lower != 0 || !integer_value(axis->upper, &upper) ||
        !integer_value(axis->step, &step) || step >= upper)
        return NULL;
    if (find_declaration(&loop->base, found.fragment) || !is_larger_than_section(h, found.fragment))
        return NULL;
    for (int single = 0; single < 2; single++) {
        struct node *whole = with_whole_axis(h, loop, upper, single);
        struct exchange exchange = {h->arena, &loop->base, whole};
        struct node *body = exchange_node(h->body, &exchange);
        if (fits(h, body)) {
            h->body = body;
            return whole;
        }
    }
    return NULL;
}

static struct node *hold(struct node *node, void *context) {
    struct holder *h = context;
    struct node_for *loop = node_as(node, for);
    struct node *held = loop ? hold_loop(h, loop) : NULL;
    size_t mark = h->scope.count;
    if (held || (loop && !axis_scope_push(&h->scope, loop->axes)))
        return held ? held : node;
    struct node *mapped = node_map_children(h->arena, node, hold, h);
    h->scope.count = mark;
    return mapped;
}

struct node *hold_panels(struct compilation *compilation, struct node *body) {
    struct holder *h = arena_allocate(compilation->arena, sizeof *h);
    h->compilation = compilation;
    h->arena = compilation->arena;
    h->body = body;
    return hold(body, h);
}
