/* manage_dst_tt: compute as sections of DST. Every tile statement becomes acquire, the steps that compute its
 * tiles, commit, wait, pack, release; a section never holds more tiles than DST has.
 *
 *     role compute {                                            role compute {
 *         tile map cb_y[i, j] = exp(cb_x[i, j] - cb_m[i])           for r0 in 0..i_tiles {
 *     }                                                                 tile_regs_acquire()
 *                                                                       sub_tiles_bcast_cols(cb_x, cb_m, ...)
 *                                                                       exp_tile(...)
 *                                                          =>           tile_regs_commit()
 *                                                                       tile_regs_wait()
 *                                                                       pack_tile(...)
 *                                                                       tile_regs_release()
 *                                                                   }
 *                                                               }
 *
 * First every step is emitted with its init and its data format, then configure_compute() removes what
 * changes nothing and moves what does not change out of loops.
 */
#include <stdarg.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "support/architecture.h"
#include "transforms/dst_section.h"
#include "ir/query.h"
#include "ir/value_type.h"

void manager_fail(struct manager *m, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!m->failed)
        report_error(m->compilation->diagnostics, span, "%s", arena_vprintf(m->arena, format, arguments));
    va_end(arguments);
    m->failed = true;
}

struct fragment *fragment_find(struct manager *m, const char *name) {
    for (size_t i = 0; i < m->fragment_count; i++)
        if (m->fragments[i].name == name)
            return &m->fragments[i];
    return NULL;
}

struct node_circular_buffer *manager_buffer(struct manager *m, const char *name) {
    struct node_list list = node_as(node_as(m->kernel, kernel)->body, block)->statements;
    for (size_t i = 0; i < list.count; i++) {
        struct node_circular_buffer *cb = node_as(list.items[i], circular_buffer);
        if (cb && cb->name == name)
            return cb;
    }
    return NULL;
}

struct buffer_facts manager_facts(const char *name, void *context) {
    struct manager *m = context;
    struct fragment *fragment = fragment_find(m, name);
    struct node_circular_buffer *cb = fragment ? NULL : manager_buffer(m, name);
    const struct node *node = fragment ? &fragment->buffer->base : cb ? &cb->base : NULL;
    const char *orientation = attribute_word(attribute_get(node, KEY_TT_ORIENTATION), "row");
    return (struct buffer_facts){.known = node != NULL,
                                 .fragment = fragment != NULL,
                                 .dtype = fragment ? fragment_type(fragment->buffer->dtype)
                                          : cb     ? cb->dtype
                                                   : DTYPE_NONE,
                                 .column = strcmp(orientation, "column") == 0};
}

int64_t block_side(struct manager *m, const char *buffer, int side, struct node **expression) {
    struct fragment *fragment = fragment_find(m, buffer);
    const struct node *node = fragment ? &fragment->buffer->base : &manager_buffer(m, buffer)->base;
    struct node *value = node_as(attribute_get(node, KEY_TT_BLOCK), sequence)->items.items[side];
    *expression = in_launch_arguments(m->arena, m->kernel, value);
    return attribute_integer(*expression, 0);
}

struct node *axis_tiles(struct node_tile *tile, const char *axis, int which) {
    struct node_sequence *range =
        node_as(dictionary_get(attribute_get(&tile->base, KEY_TT_RANGES), axis), sequence);
    return range ? range->items.items[which] : NULL;
}

/* ---- fragments met on the way ---- */

/* Do the products of the fragment read their right operand in columns? */
static bool uses_transposed_right(struct node *kernel, const char *fragment) {
    bool column_major = false;
    for_each (tile, tile, kernel) {
        if (tile->operation != TILE_MATMUL || node_as(tile->target, access)->name != fragment)
            continue;
        struct node_reduction *sum = node_as(tile->value, reduction);
        struct node_list right = node_as(node_as(sum->body, binary)->right, access)->subscripts;
        struct node_reference *last = node_as(right.items[right.count - 1], reference);
        column_major = right.count == 2 && last->name == node_as(sum->axes.items[0], axis)->name;
    }
    return column_major;
}

static void register_fragment(struct manager *m, struct node_buffer *buffer) {
    struct node_sequence *subblock = node_as(attribute_get(&buffer->base, KEY_TT_SUBBLOCK), sequence);
    if (m->fragment_count == sizeof m->fragments / sizeof *m->fragments || !subblock) {
        manager_fail(m, buffer->base.span, "fragment %s has no home; memory_space_lower_tt gives it one",
                     buffer->name);
        return;
    }
    struct fragment *f = &m->fragments[m->fragment_count++];
    *f = (struct fragment){.name = buffer->name,
                           .buffer = buffer,
                           .home = attribute_word(attribute_get(&buffer->base, KEY_TT_HOME), "dst"),
                           .height = attribute_integer(subblock->items.items[0], 1),
                           .width = attribute_integer(subblock->items.items[1], 1),
                           .column_major = uses_transposed_right(m->kernel, buffer->name)};
}

/* A fragment of DST that the loop accumulates and does not read; NULL when there is none. */
static struct fragment *find_update(struct manager *m, struct node_for *loop) {
    struct fragment *found = NULL;
    for_each (tile, tile, &loop->base) {
        struct fragment *f = fragment_find(m, node_as(tile->target, access)->name);
        if (f && tile->op != ASSIGN_SET && strcmp(f->home, "dst") == 0 && !f->looped)
            found = f;
    }
    return found;
}

/* ---- statements ---- */

static void manage_tile(struct manager *m, struct list_builder *out, struct node_tile *tile);
static struct node_list manage_list(struct manager *m, struct node_list list);

static void manage_fragment(struct manager *m, struct list_builder *out, struct fragment *f,
                            struct node_tile *tile) {
    bool dst = strcmp(f->home, "dst") == 0;
    if (tile->op == ASSIGN_SET) {
        f->start = tile;
        if (!dst)
            fragment_start_partials(m, out, f);
    } else if (dst && !f->looped) {
        f->updates[f->update_count++] = tile;
    } else {
        fragment_update(m, out, f, tile);
    }
}

static void manage_tile(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    struct fragment *written = fragment_find(m, node_as(tile->target, access)->name);
    struct fragment *read = NULL;
    for_each (access, access, tile->value) {
        struct fragment *f = fragment_find(m, access->name);
        read = f ? f : read;
    }
    if (written)
        manage_fragment(m, out, written, tile);
    else if (read)
        fragment_read(m, out, read, tile);
    else if (tile->operation == TILE_MAP)
        emit_map(m, out, tile);
    else if (tile->operation == TILE_TRANSPOSE)
        emit_transpose(m, out, tile);
    else if (tile->operation == TILE_SCAN)
        emit_scan(m, out, tile);
    else if (tile->operation == TILE_REDUCE && folds_in_slots(tile))
        emit_slot_reduce(m, out, tile);
    else if (tile->operation == TILE_REDUCE)
        emit_reduce(m, out, tile);
    else
        manager_fail(m, tile->base.span, "%s is not lowered here",
                     word_text(WORDS_tile_operation, tile->operation));
}

static void manage_role(struct manager *m, struct list_builder *out, struct node_role *role) {
    struct list_builder body = {0};
    struct node_list list = node_as(role->body, block)->statements;
    for (size_t i = 0; i < list.count && !m->failed; i++) {
        struct node_tile *tile = node_as(list.items[i], tile);
        if (tile)
            manage_tile(m, &body, tile);
        else
            builder_add(m->arena, &body, list.items[i]);
    }
    if (body.count)
        builder_add(m->arena, out,
                    node_new(m->arena, role, ROLE, role->base.span, .role = role->role,
                             .body = make_block(m->arena, role->base.span, builder_list(&body))));
}

/* What a loop accumulates in DST has one section around the loop: the block is one subblock. */
static bool is_one_subblock(struct manager *m, const struct fragment *f) {
    struct node *side;
    if (block_side(m, f->name, 0, &side) <= f->height && block_side(m, f->name, 1, &side) <= f->width)
        return true;
    manager_fail(m, f->buffer->base.span,
                 "fragment %s stays in DST over a loop, so its %s is no larger than its %s", f->name,
                 KEY_TT_BLOCK, KEY_TT_SUBBLOCK);
    return false;
}

static void manage_loop(struct manager *m, struct list_builder *out, struct node_for *loop) {
    struct fragment *update = find_update(m, loop);
    if (update && is_one_subblock(m, update)) {
        struct list_builder opening = {0};
        update->looped = true;
        fragment_open(m, &opening, update, &loop->base);
        builder_add(m->arena, out,
                    node_new(m->arena, role, ROLE, loop->base.span, .role = ROLE_COMPUTE,
                             .body = make_block(m->arena, loop->base.span, builder_list(&opening))));
    }
    struct node *body =
        make_block(m->arena, loop->body->span, manage_list(m, node_as(loop->body, block)->statements));
    struct node_for managed = *loop;
    managed.body = body;
    builder_add(m->arena, out, arena_copy(m->arena, &managed, sizeof managed));
}

static struct node_list manage_list(struct manager *m, struct node_list list) {
    struct list_builder out = {0};
    for (size_t i = 0; i < list.count && !m->failed; i++) {
        struct node *node = list.items[i];
        if (node->kind == NODE_BUFFER)
            register_fragment(m, node_as(node, buffer));
        else if (node->kind == NODE_ROLE && node_as(node, role)->role == ROLE_COMPUTE)
            manage_role(m, &out, node_as(node, role));
        else if (node->kind == NODE_FOR)
            manage_loop(m, &out, node_as(node, for));
        else
            builder_add(m->arena, &out, node);
    }
    return builder_list(&out);
}

/* Sections of f32: 16 bits would round what tile form does not. */
static bool check_compute(struct compilation *c) {
    struct node *compute = attribute_get(c->kernel, KEY_TT_COMPUTE);
    if (attribute_integer(dictionary_get(compute, KEY_FP32_DEST_ACC_EN), 0) == 1 &&
        attribute_integer(dictionary_get(compute, KEY_DST_FULL_SYNC_EN), 0) == 0)
        return true;
    report_error(c->diagnostics, c->kernel->span, "kernel %s has no %s of {%s = 1, %s = 0}",
                 node_as(c->kernel, kernel)->name, KEY_TT_COMPUTE, KEY_FP32_DEST_ACC_EN, KEY_DST_FULL_SYNC_EN);
    report_help(c->diagnostics, (struct span){0}, "memory_space_lower_tt settles it: begin there, or write it");
    return false;
}

bool manage_dst_tt(struct compilation *compilation) {
    struct arena *arena = compilation->arena;
    struct node_kernel kernel = *node_as(compilation->kernel, kernel);
    if (!find_kind(compilation->kernel, NODE_TILE))
        return true;
    if (!check_compute(compilation))
        return false;
    struct manager *m = arena_allocate(arena, sizeof *m);
    m->compilation = compilation;
    m->arena = arena;
    m->kernel = compilation->kernel;
    m->names = kernel_names(arena, compilation->kernel);
    m->row = name_fresh(&m->names, "row");
    m->column = name_fresh(&m->names, "column");
    m->tile = name_fresh(&m->names, "t");
    m->inner = name_fresh(&m->names, "step");
    m->capacity = compilation->architecture->dst_tiles_f32;
    struct node *body =
        make_block(arena, kernel.body->span, manage_list(m, node_as(kernel.body, block)->statements));
    if (m->failed)
        return false;
    kernel.body = configure_compute(arena, compilation->kernel, body);
    compilation->kernel = arena_copy(arena, &kernel, sizeof kernel);
    return true;
}
