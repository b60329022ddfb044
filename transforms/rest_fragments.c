/* Fragments at rest: a fragment that no single DST section can make rests in an f32 circular buffer which compute
 * fills and empties for itself. It always holds one block: a statement that changes the fragment reads the old
 * block, writes the new one behind it, and drops the old one. So its statements are ordinary maps of buffers.
 *
 * Which they are: all that are not plain (fragment_life.h) or that several statements add to, but for products beside
 * each other; a fold over a loop that computes something else, too, or that has more tiles than a section;
 * accumulations over a loop into blocks of open size; and a fragment whose first value reads one at rest that changes
 * before the section begins.
 */
#include "transforms/rest_fragments.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/blocks.h"
#include "transforms/buffer_use.h"
#include "transforms/dst_section.h"
#include "transforms/fragment_life.h"

#define RESTING_LIMIT 128
#define HOME_L1 "l1"

struct resting {
    struct compilation *compilation;
    struct arena *arena;
    struct name_table *names;
    struct node *body;
    struct axis_scope scope;
    section_tiles *tiles;
    void *context;
    const char *fragments[RESTING_LIMIT]; /* that rest */
    size_t count;
};

bool fragment_rests(const struct node_buffer *buffer) {
    const char *home = attribute_word(attribute_get(&buffer->base, KEY_TT_HOME), "dst");
    return buffer->memory == MEMORY_FRAGMENT && strcmp(home, "dst") != 0 &&
           !attribute_get(&buffer->base, KEY_TT_SUBBLOCK);
}

static bool is_resting(const struct resting *r, const char *name) {
    for (size_t i = 0; i < r->count; i++)
        if (r->fragments[i] == name)
            return true;
    return false;
}

/* ---- sections that stay open ---- */

struct open_section open_section_of(struct arena *arena, struct node *body, const char *fragment) {
    struct open_section found = {0};
    bool inside = false;
    for_each_node (node, body) {
        struct node_tile *tile = node_as(node, tile);
        if (tile) {
            bool updates = strcmp(target_name(tile->target), fragment) == 0 && tile->op != ASSIGN_SET;
            bool moves = tile->operation == TILE_LOAD || tile->operation == TILE_STORE;
            if (mentions(tile->value, fragment))
                inside = false;
            else if (inside && !updates && !moves)
                found.interrupted = true;
        }
        struct buffer_use use = {0};
        if (node->kind == NODE_FOR && !is_one_iteration(arena, node_as(node, for)))
            use = buffer_use_of(fragment, node);
        if (use.update) {
            inside |= !use.reader;
            found.looped |= inside;
        }
    }
    return found;
}

/* ---- who rests ---- */

/* Is a fragment at rest that the first value reads changed before the section that computes it? */
static bool reads_what_changes(const struct resting *r, struct node_list list, const char *fragment) {
    struct node_tile *start = NULL;
    for (size_t i = 0; i < list.count; i++) {
        struct node_tile *tile = node_as(list.items[i], tile);
        if (start && mentions(list.items[i], fragment) && fragment_usage_in(list.items[i], fragment).reads)
            return false;
        for_each (tile, changed, start ? list.items[i] : NULL) {
            const char *name = target_name(changed->target);
            if (is_resting(r, name) && mentions(start->value, name))
                return true;
        }
        start = tile && target_name(tile->target) == fragment && tile->op == ASSIGN_SET ? tile : start;
    }
    return false;
}

/* Does the right operand of the product lie with the contracted axis along its columns? */
static bool is_turned_right(const struct node_tile *product) {
    struct node_reduction *sum = node_as(product->value, reduction);
    struct node_list right = node_as(node_as(sum->body, binary)->right, access)->subscripts;
    return node_as(right.items[right.count - 1], reference)->name == node_as(sum->axes.items[0], axis)->name;
}

/* May one section make several accumulations? Products beside each other, over the same axis, whose operands lie alike. */
static bool are_one_section(struct node_list list, const char *fragment, size_t updates) {
    struct node_tile *first = NULL;
    size_t found = 0;
    for (size_t i = 0; i < list.count; i++) {
        struct node_tile *tile = node_as(list.items[i], tile);
        if (!tile || target_name(tile->target) != fragment || tile->op == ASSIGN_SET)
            continue;
        first = first ? first : tile;
        if (tile->operation != TILE_MATMUL || is_turned_right(tile) != is_turned_right(first) ||
            !list_equal(node_as(tile->value, reduction)->axes, node_as(first->value, reduction)->axes))
            return false;
        found++;
    }
    return found == updates && updates <= SECTION_UPDATES;
}

static bool must_rest(struct resting *r, struct node_list list, struct node_buffer *buffer) {
    size_t updates = 0;
    for (size_t i = 0; i < list.count; i++)
        updates += fragment_usage_in(list.items[i], buffer->name).updates;
    if (!fragment_is_plain(list, buffer->name) || (updates > 1 && !are_one_section(list, buffer->name, updates)))
        return true;
    struct node *rows, *columns;
    int64_t height, width;
    struct buffer_use use = buffer_use_of(buffer->name, r->body);
    struct open_section open = open_section_of(r->arena, r->body, buffer->name);
    if (use.update && use.update->operation == TILE_REDUCE && folds_in_slots(use.update))
        return true;
    if (open.looped) {
        bool known = block_shape(r->arena, &r->scope, buffer, &rows, &columns) &&
                     integer_value(rows, &height) && integer_value(columns, &width);
        if (!known || (use.update->operation == TILE_REDUCE &&
                       (open.interrupted || height * width > r->tiles(buffer, r->context))))
            return true;
    }
    return reads_what_changes(r, list, buffer->name);
}

static bool find_resting(struct node *node, void *context) {
    struct resting *r = context;
    struct node_block *block = node_as(node, block);
    struct node_for *loop = node_as(node, for);
    size_t mark = r->scope.count;
    for (size_t i = 0; block && i < block->statements.count; i++) {
        struct node_buffer *buffer = node_as(block->statements.items[i], buffer);
        if (buffer && buffer->memory == MEMORY_FRAGMENT && r->count < RESTING_LIMIT &&
            !is_resting(r, buffer->name) &&
            (fragment_rests(buffer) || must_rest(r, block->statements, buffer)))
            r->fragments[r->count++] = buffer->name;
    }
    bool pushed = !loop || axis_scope_push(&r->scope, loop->axes);
    if (pushed)
        node_each_child(node, find_resting, context);
    r->scope.count = mark;
    return true;
}

/* ---- their statements ---- */

static struct node *declare(struct resting *r, struct node_buffer *like, const char *name, struct span span) {
    struct node_buffer buffer = *like;
    buffer.dtype = fragment_type(like->dtype);
    buffer.name = name;
    buffer.base.span = span;
    return arena_copy(r->arena, &buffer, sizeof buffer);
}

static void add_map(struct resting *r, struct list_builder *out, struct span span, struct node *target,
                    struct node *value) {
    builder_add(r->arena, out,
                node_new(r->arena, tile, TILE, span, .operation = TILE_MAP, .target = target,
                         .op = ASSIGN_SET, .value = value));
}

/* An accumulation by the matrix unit goes on from the old value in a section of its own, and gives the fragment what that
 * makes. */
static void add_accumulation(struct resting *r, struct list_builder *out, struct node_tile *tile) {
    struct node_access *target = node_as(tile->target, access);
    struct node_buffer *fragment = find_declaration(r->body, target->name);
    struct span span = tile->base.span;
    const char *name = name_fresh(r->names, arena_printf(r->arena, "%s_next", target->name));
    struct node *own = make_access(r->arena, name, target->subscripts);
    struct node_tile changed = *tile;
    changed.target = own;
    builder_add(r->arena, out, declare(r, fragment, name, span));
    add_map(r, out, span, own, tile->target);
    builder_add(r->arena, out, arena_copy(r->arena, &changed, sizeof changed));
    add_map(r, out, span, tile->target, own);
}

/* Does the list give the fragment a value before anything else happens to it? */
static bool begins_with_value(struct node_list list, const char *fragment) {
    for (size_t i = 0; i < list.count; i++) {
        struct node_tile *tile = node_as(list.items[i], tile);
        struct fragment_usage here = fragment_usage_in(list.items[i], fragment);
        if (here.start || here.update || here.reads)
            return tile && tile->op == ASSIGN_SET && !here.reads;
    }
    return true;
}

static void add_declaration(struct resting *r, struct list_builder *out, struct node_list list,
                            struct node_buffer *buffer) {
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < buffer->axes.count; i++)
        builder_add(r->arena, &subscripts,
                    make_reference(r->arena, node_as(buffer->axes.items[i], axis)->name));
    builder_add(r->arena, out,
                attribute_set(r->arena, &buffer->base, KEY_TT_HOME, make_reference(r->arena, HOME_L1)));
    if (!begins_with_value(list, buffer->name))
        add_map(r, out, buffer->base.span, make_access(r->arena, buffer->name, builder_list(&subscripts)),
                make_integer(r->arena, 0));
}

static struct node *rest(struct node *node, void *context) {
    struct resting *r = context;
    struct node_block *block = node_as(node, block);
    if (!block)
        return node_map_children(r->arena, node, rest, r);
    struct list_builder out = {0};
    for (size_t i = 0; i < block->statements.count; i++) {
        struct node *statement = block->statements.items[i];
        struct node_buffer *buffer = node_as(statement, buffer);
        struct node_tile *tile = node_as(statement, tile);
        if (buffer && is_resting(r, buffer->name) && !fragment_rests(buffer))
            add_declaration(r, &out, block->statements, buffer);
        else if (tile && tile->op != ASSIGN_SET && is_resting(r, target_name(tile->target)) && !folds_in_slots(tile))
            add_accumulation(r, &out, tile);
        else
            builder_add(r->arena, &out, rest(statement, r));
    }
    struct node_list list = builder_list(&out);
    return list_equal(list, block->statements) ? node : make_block(r->arena, node->span, list);
}

struct node *rest_fragments(struct compilation *compilation, struct name_table *names, struct node *body,
                            section_tiles *tiles, void *context) {
    struct resting *r = arena_allocate(compilation->arena, sizeof *r);
    *r = (struct resting){.compilation = compilation,
                          .arena = compilation->arena,
                          .names = names,
                          .body = body,
                          .tiles = tiles,
                          .context = context};
    for (size_t before = RESTING_LIMIT; before != r->count;) { /* one that rests may make others rest */
        before = r->count;
        find_resting(body, r);
    }
    return r->count ? rest(body, r) : body;
}
