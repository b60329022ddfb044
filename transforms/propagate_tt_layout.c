/* tt.cb of every shared buffer: bytes of a page, depth in blocks, data format, and whether compute unpacks it
 * to DST at full width.
 *
 * A buffer that is unpacked to DST cannot feed the matrix unit. So an f32 buffer that compute reads both ways
 * becomes two:
 *
 *     shared x[i, k]: f32                           shared x[i, k]: f32          unpack_to_dest = 1
 *     tile load x[i, k] = X[i, k]                   shared x_fpu[i, k]: f32      unpack_to_dest = 0
 *     tile map y[i, k] = exp(x[i, k])               tile load x[i, k] = X[i, k]
 *     tile matmul c[i, j] += sum(k: x[i, k] * ...)  tile map x_fpu[i, k] = x[i, k]
 *                                                   tile map y[i, k] = exp(x[i, k])
 *                                                   tile matmul c[i, j] += sum(k: x_fpu[i, k] * ...)
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/pass.h"
#include "ir/query.h"

struct propagation {
    struct compilation *compilation;
    struct name_table names;
    int64_t pipeline; /* depth that the innermost loop around the statement at hand asks for; 0: none */
};

/* ---- how the statements of a buffer's scope use it ---- */

struct uses {
    const char *name;
    bool loaded, stored;
    bool full_width; /* by the vector unit: map and transpose, and what adds to it in place */
    bool matrix;     /* as an operand of the matrix unit */
};

static bool writes(const struct node_tile *tile, const char *name) {
    const char *target = target_name(tile->target);
    return target && strcmp(target, name) == 0;
}

static bool feeds_matrix_unit(const struct node_tile *tile) {
    return tile->operation == TILE_MATMUL || (tile->operation == TILE_REDUCE && !folds_in_slots(tile));
}

static struct uses uses_of(const char *name, struct node_list scope) {
    struct uses uses = {.name = name};
    for (size_t i = 0; i < scope.count; i++)
        for_each (tile, tile, scope.items[i]) {
            bool reads = mentions(tile->value, name), written = writes(tile, name);
            uses.loaded |= written && tile->operation == TILE_LOAD;
            uses.stored |= reads && tile->operation == TILE_STORE;
            uses.matrix |= reads && feeds_matrix_unit(tile);
            uses.full_width |= reads && !feeds_matrix_unit(tile) && tile->operation != TILE_STORE;
            uses.full_width |= written && tile->op != ASSIGN_SET;
        }
    return uses;
}

/* ---- two buffers for one ---- */

struct split {
    struct arena *arena;
    const char *from, *to;
    struct node_list subscripts; /* the axes of the buffer */
};

static struct node *split_uses(struct node *node, void *context) {
    struct split *split = context;
    struct node_tile *tile = node_as(node, tile);
    if (!tile)
        return node_map_children(split->arena, node, split_uses, context);
    if (feeds_matrix_unit(tile) && mentions(tile->value, split->from)) {
        struct node_tile *copy = arena_copy(split->arena, tile, sizeof *tile);
        copy->value = rename_entity(split->arena, tile->value, split->from, split->to);
        node = &copy->base;
    }
    if (!writes(tile, split->from))
        return node;
    struct node *copy =
        node_new(split->arena, tile, TILE, node->span, .operation = TILE_MAP,
                 .target = make_access(split->arena, split->to, split->subscripts), .op = ASSIGN_SET,
                 .value = make_access(split->arena, split->from, split->subscripts));
    return make_block(split->arena, node->span, LIST(split->arena, node, copy));
}

/* The scope of the buffer with the matrix unit's copy declared in front, filled behind every producer, and
 * read by the matrix unit. */
static struct node_list split_buffer(struct propagation *p, struct node_buffer *buffer,
                                     struct node_list scope) {
    struct arena *arena = p->compilation->arena;
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < buffer->axes.count; i++)
        builder_add(arena, &subscripts, make_reference(arena, node_as(buffer->axes.items[i], axis)->name));
    struct split split = {.arena = arena, .from = buffer->name, .subscripts = builder_list(&subscripts)};
    split.to = name_fresh(&p->names, arena_printf(arena, "%s_fpu", buffer->name));
    struct node *declared = node_new(arena, buffer, BUFFER, buffer->base.span, .memory = buffer->memory,
                                     .name = split.to, .axes = buffer->axes, .dtype = buffer->dtype);
    struct node *orientation = attribute_get(&buffer->base, KEY_TT_ORIENTATION);
    if (orientation)
        declared = attribute_set(arena, declared, KEY_TT_ORIENTATION, orientation);
    struct node *rest = split_uses(make_block(arena, buffer->base.span, scope), &split);
    return list_concat(arena, LIST(arena, declared), node_as(rest, block)->statements);
}

/* ---- the attribute ---- */

static struct node *with_circular_buffer(struct propagation *p, struct node *node, const struct uses *uses) {
    struct compilation *c = p->compilation;
    struct node_buffer *buffer = node_as(node, buffer);
    uint32_t page_size;
    const char *format = device_format(buffer->dtype, &page_size);
    if (attribute_get(node, KEY_TT_CB))
        return node;
    if (!format) {
        report_error(c->diagnostics, node->span, "buffer %s: no circular buffer holds tiles of %s",
                     buffer->name, word_text(WORDS_dtype, buffer->dtype));
        report_help(c->diagnostics, (struct span){0},
                    "buffers hold bf16, f32, bfp8, bfp4, u8, u16, u32, i32 or bool");
        return node;
    }
    bool streamed = uses->loaded || uses->stored;
    int64_t depth = uses->loaded && p->pipeline ? p->pipeline : streamed ? 2 : 1;
    bool unpack = buffer->dtype == DTYPE_F32 && uses->full_width;
    struct node *value = dictionary_set(c->arena, NULL, KEY_PAGE_SIZE, make_integer(c->arena, page_size));
    value = dictionary_set(c->arena, value, KEY_DEPTH, make_integer(c->arena, depth));
    value = dictionary_set(c->arena, value, KEY_DATA_FORMAT, make_reference(c->arena, format));
    value = dictionary_set(c->arena, value, KEY_UNPACK_TO_DEST, make_integer(c->arena, unpack));
    return attribute_set(c->arena, node, KEY_TT_CB, value);
}

static int64_t pipeline_depth(struct compilation *c, const struct node *loop) {
    struct node *pipeline = attribute_get(loop, KEY_PIPELINE);
    int64_t depth = attribute_integer(pipeline, 0);
    if (pipeline && depth < 1) {
        report_error(c->diagnostics, loop->span,
                     "%s of %s: a loop is pipelined over a number of blocks from 1", KEY_PIPELINE,
                     node_text(c->arena, pipeline));
        return 0;
    }
    return depth;
}

static struct node *propagate(struct node *node, void *context);

static struct node *propagate_block(struct propagation *p, struct node_block *block) {
    struct arena *arena = p->compilation->arena;
    struct node_list rest = block->statements;
    struct list_builder statements = {0};
    while (rest.count) {
        struct node *statement = rest.items[0];
        struct node_buffer *buffer = node_as(statement, buffer);
        rest = (struct node_list){rest.count - 1, rest.items + 1};
        if (buffer && buffer->memory == MEMORY_SHARED) {
            struct uses uses = uses_of(buffer->name, rest);
            if (buffer->dtype == DTYPE_F32 && uses.full_width && uses.matrix)
                rest = split_buffer(p, buffer, rest);
            builder_add(arena, &statements, with_circular_buffer(p, statement, &uses));
        } else {
            builder_add(arena, &statements, propagate(statement, p));
        }
    }
    bool same = statements.count == block->statements.count;
    for (size_t i = 0; same && i < statements.count; i++)
        same = statements.items[i] == block->statements.items[i];
    return same ? &block->base : make_block(arena, block->base.span, builder_list(&statements));
}

static struct node *propagate(struct node *node, void *context) {
    struct propagation *p = context;
    if (node->kind == NODE_BLOCK)
        return propagate_block(p, node_as(node, block));
    int64_t outside = p->pipeline;
    if (node->kind == NODE_FOR || node->kind == NODE_GRID)
        p->pipeline = pipeline_depth(p->compilation, node);
    struct node *mapped = node_map_children(p->compilation->arena, node, propagate, context);
    p->pipeline = outside;
    return mapped;
}

bool propagate_tt_layout(struct compilation *c) {
    unsigned errors = c->diagnostics->error_count;
    struct propagation p = {.compilation = c, .names = kernel_names(c->arena, c->kernel)};
    struct node *kernel = propagate(c->kernel, &p);
    if (c->diagnostics->error_count != errors)
        return false;
    c->kernel = kernel;
    return true;
}
