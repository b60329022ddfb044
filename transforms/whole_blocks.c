/* Loops over the elements of a block, and blocks of one element. */
#include "transforms/whole_blocks.h"

#include <string.h>

#include "ir/build.h"
#include "ir/query.h"

enum { OPEN_LIMIT = 32, SHORTENED_LIMIT = 128 };

/* An axis over elements that is open, and the block that it runs over. */
struct open_element {
    const char *element, *block;
};

/* A buffer without those of its axes that have one element. */
struct shortened {
    const char *name;
    uint32_t dropped; /* places of its subscripts */
};

struct settling {
    struct arena *arena;
    struct node *body;
    struct open_element open[OPEN_LIMIT];
    size_t open_count;
    struct shortened shortened[SHORTENED_LIMIT];
    size_t shortened_count;
    bool failed; /* the loop at hand has no such form */
};

const char *block_of_elements(const struct node_axis *axis) {
    struct node_call *first = axis->lower && !axis->step ? node_as(axis->lower, call) : NULL;
    struct node_binary *end = axis->upper ? node_as(axis->upper, binary) : NULL;
    struct node_call *length = end && end->op == BINARY_ADD ? node_as(end->right, call) : NULL;
    if (!first || strcmp(first->function, "lo") != 0 || !length || strcmp(length->function, "len") != 0 ||
        !node_equal(end->left, axis->lower) ||
        !node_equal(first->arguments.items[0], length->arguments.items[0]))
        return NULL;
    struct node_reference *block = node_as(first->arguments.items[0], reference);
    return block ? block->name : NULL;
}

/* ---- loops over the elements of a block ---- */

static struct node *with_blocks(const struct settling *s, struct node *node) {
    for (size_t i = 0; i < s->open_count; i++)
        node = substitute(s->arena, node, s->open[i].element, make_reference(s->arena, s->open[i].block));
    return node;
}

/* The statement for all open elements; what its target has not is folded. */
static void settle_assign(struct settling *s, struct list_builder *out, const struct node_assign *assign) {
    struct node_assign whole = *assign;
    struct list_builder folded = {0};
    whole.target = with_blocks(s, assign->target);
    whole.value = with_blocks(s, assign->value);
    for (size_t i = 0; i < s->open_count; i++)
        if (!mentions(assign->target, s->open[i].element))
            builder_add(s->arena, &folded, make_axis(s->arena, s->open[i].block, NULL, NULL, NULL));
    s->failed |= assign->target->kind != NODE_ACCESS || (folded.count && assign->op == ASSIGN_SET);
    if (folded.count)
        whole.value = node_new(s->arena, reduction, REDUCTION, assign->value->span, .op = fold_of_update(assign->op),
                               .axes = builder_list(&folded), .body = whole.value);
    builder_add(s->arena, out, arena_copy(s->arena, &whole, sizeof whole));
}

static size_t count_mentions(struct node_list list, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < list.count; i++)
        for_each_node (node, list.items[i])
            count += mentioned_name(node) == name;
    return count;
}

/* A value that gets more axes: its subscripts are those that it has, and the blocks behind them. */
struct widening {
    struct arena *arena;
    const char *name;
    struct node_list blocks;
    struct node *by; /* the value itself, where it has no axes of its own; else NULL */
};

static struct node *widen(struct node *node, void *context) {
    struct widening *w = context;
    struct node_reference *reference = node_as(node, reference);
    struct node *mapped = node_map_children(w->arena, node, widen, w);
    struct node_access *access = node_as(mapped, access);
    if (reference && reference->name == w->name)
        return w->by ? w->by : make_access(w->arena, w->name, w->blocks);
    if (!access || access->name != w->name)
        return mapped;
    return make_access(w->arena, w->name, list_concat(w->arena, access->subscripts, w->blocks));
}

static struct node_list widen_in(struct widening w, struct node_list list) {
    struct list_builder out = {0};
    for (size_t i = 0; i < list.count; i++)
        builder_add(w.arena, &out, widen(list.items[i], &w));
    return builder_list(&out);
}

/* A value of each element: it stands where it is used once, and is a block of its own where it is rounded or used more
 * often. Returns the statements behind it. */
static struct node_list settle_let(struct settling *s, struct list_builder *out, const struct node_let *let,
                                   struct node_list rest) {
    struct list_builder axes = {0}, subscripts = {0};
    builder_add_all(s->arena, &axes, let->axes);
    for (size_t i = 0; i < let->axes.count; i++)
        s->failed |= node_as(let->axes.items[i], axis)->lower != NULL;
    for (size_t i = 0; i < s->open_count; i++)
        if (mentions(let->value, s->open[i].element) || mentions(let->value, s->open[i].block)) {
            builder_add(s->arena, &axes, make_axis(s->arena, s->open[i].block, NULL, NULL, NULL));
            builder_add(s->arena, &subscripts, make_reference(s->arena, s->open[i].block));
        }
    struct node_let whole = *let;
    struct widening widening = {s->arena, let->name, builder_list(&subscripts), NULL};
    whole.value = with_blocks(s, let->value);
    whole.axes = builder_list(&axes);
    bool rounds = let->dtype != DTYPE_F32 && let->dtype != DTYPE_NONE;
    if (!let->axes.count && !rounds && count_mentions(rest, let->name) == 1)
        widening.by = whole.value;
    else
        builder_add(s->arena, out, arena_copy(s->arena, &whole, sizeof whole));
    return widening.by || widening.blocks.count ? widen_in(widening, rest) : rest;
}

static void settle_elements(struct settling *s, struct list_builder *out, struct node_list list);

static void settle_loop(struct settling *s, struct list_builder *out, const struct node_for *loop) {
    struct list_builder others = {0}, body = {0};
    size_t mark = s->open_count;
    for (size_t i = 0; i < loop->axes.count; i++) {
        struct node_axis *axis = node_as(loop->axes.items[i], axis);
        const char *block = block_of_elements(axis);
        if (block && s->open_count < OPEN_LIMIT)
            s->open[s->open_count++] = (struct open_element){axis->name, block};
        else
            builder_add(s->arena, &others, loop->axes.items[i]);
    }
    struct node_block *block = node_as(loop->body, block);
    settle_elements(s, &body, block ? block->statements : LIST(s->arena, loop->body));
    s->open_count = mark;
    if (!others.count) {
        builder_add_all(s->arena, out, builder_list(&body));
        return;
    }
    struct node_for rest = *loop;
    rest.axes = builder_list(&others);
    rest.body = make_block(s->arena, loop->body->span, builder_list(&body));
    builder_add(s->arena, out, arena_copy(s->arena, &rest, sizeof rest));
}

/* The statements of a body in which elements are open. */
static void settle_elements(struct settling *s, struct list_builder *out, struct node_list list) {
    while (list.count) {
        struct node *statement = list.items[0];
        list = (struct node_list){list.count - 1, list.items + 1};
        if (statement->kind == NODE_ASSIGN)
            settle_assign(s, out, node_as(statement, assign));
        else if (statement->kind == NODE_LET)
            list = settle_let(s, out, node_as(statement, let), list);
        else if (statement->kind == NODE_FOR)
            settle_loop(s, out, node_as(statement, for));
        else
            s->failed = true;
    }
}

static bool opens_elements(struct node_for *loop) {
    for (size_t i = 0; i < loop->axes.count; i++)
        if (block_of_elements(node_as(loop->axes.items[i], axis)))
            return true;
    return false;
}

static struct node *settle_statement(struct node *node, void *context) {
    struct settling *s = context;
    struct node_for *loop = node_as(node, for);
    if (!loop || !opens_elements(loop))
        return node_map_children(s->arena, node, settle_statement, s);
    struct list_builder out = {0};
    s->failed = false;
    settle_loop(s, &out, loop);
    return s->failed ? node : make_block(s->arena, node->span, builder_list(&out));
}

/* ---- axes of one element ---- */

/* Does the axis of one element count matrices: it stands in no tiles of a tensor? */
static bool counts_matrices(struct node *body, const char *name) {
    bool unit = false;
    for_each (axis, axis, body) {
        int64_t step;
        unit |= axis->name == name && axis->lower && axis->step && integer_value(axis->step, &step) && step == 1;
    }
    for_each (access, access, unit ? body : NULL) {
        struct node_buffer *buffer = find_declaration(body, access->name);
        for (size_t i = 0; !buffer && i < access->subscripts.count; i++)
            unit &= i + 2 < access->subscripts.count || !mentions(access->subscripts.items[i], name);
    }
    return unit;
}

/* The axes that remain; all where none would. */
static struct node_list shorten(struct settling *s, const char *name, struct node_list axes) {
    struct list_builder kept = {0};
    uint32_t dropped = 0;
    for (size_t i = 0; i < axes.count && i < 32; i++) {
        struct node_axis *axis = node_as(axes.items[i], axis);
        if (!axis->lower && counts_matrices(s->body, axis->name))
            dropped |= 1u << i;
        else
            builder_add(s->arena, &kept, axes.items[i]);
    }
    if (!dropped || !kept.count || s->shortened_count == SHORTENED_LIMIT)
        return axes;
    s->shortened[s->shortened_count++] = (struct shortened){name, dropped};
    return builder_list(&kept);
}

static struct node *shorten_access(struct settling *s, struct node *node) {
    struct node_access *access = node_as(node, access);
    uint32_t dropped = 0;
    for (size_t i = 0; i < s->shortened_count; i++)
        if (s->shortened[i].name == access->name)
            dropped = s->shortened[i].dropped;
    if (!dropped)
        return node;
    struct list_builder kept = {0};
    for (size_t i = 0; i < access->subscripts.count; i++)
        if (!(dropped >> i & 1))
            builder_add(s->arena, &kept, access->subscripts.items[i]);
    struct node_access shorter = *access;
    shorter.subscripts = builder_list(&kept);
    return arena_copy(s->arena, &shorter, sizeof shorter);
}

/* A fold along an axis of one element is its operand. */
static struct node *shorten_reduction(struct settling *s, struct node *node) {
    struct node_reduction shorter = *node_as(node, reduction);
    struct list_builder kept = {0};
    for (size_t i = 0; i < shorter.axes.count; i++) {
        struct node_axis *axis = node_as(shorter.axes.items[i], axis);
        if (axis->lower || !counts_matrices(s->body, axis->name))
            builder_add(s->arena, &kept, shorter.axes.items[i]);
    }
    if (kept.count == shorter.axes.count || shorter.op == REDUCTION_ARGMAX || shorter.op == REDUCTION_ARGMIN)
        return node;
    shorter.axes = builder_list(&kept);
    return kept.count ? arena_copy(s->arena, &shorter, sizeof shorter) : shorter.body;
}

/* lo(p) of an axis of one element is p, len(p) is 1. */
static struct node *shorten_place(struct settling *s, struct node *node) {
    struct node_call *call = node_as(node, call);
    struct node_reference *axis = is_block_place(node) ? node_as(call->arguments.items[0], reference) : NULL;
    if (!axis || !counts_matrices(s->body, axis->name))
        return node;
    return strcmp(call->function, "lo") == 0 ? call->arguments.items[0] : make_integer(s->arena, 1);
}

static struct node *shorten_axis(struct settling *s, struct node *node) {
    struct node_axis axis = *node_as(node, axis);
    if (!axis.lower || !axis.step || !counts_matrices(s->body, axis.name))
        return node;
    axis.step = NULL;
    return arena_copy(s->arena, &axis, sizeof axis);
}

static struct node *shorten_node(struct node *node, void *context) {
    struct settling *s = context;
    if (node->kind == NODE_BUFFER) {
        struct node_buffer shorter = *node_as(node, buffer);
        shorter.axes = shorten(s, shorter.name, shorter.axes);
        node = shorter.axes.count == node_as(node, buffer)->axes.count ? node
                                                                      : arena_copy(s->arena, &shorter, sizeof shorter);
    } else if (node->kind == NODE_LET) {
        struct node_let shorter = *node_as(node, let);
        shorter.axes = shorten(s, shorter.name, shorter.axes);
        node = shorter.axes.count == node_as(node, let)->axes.count ? node
                                                                   : arena_copy(s->arena, &shorter, sizeof shorter);
    }
    struct node *mapped = node_map_children(s->arena, node, shorten_node, s);
    return mapped->kind == NODE_ACCESS      ? shorten_access(s, mapped)
           : mapped->kind == NODE_AXIS      ? shorten_axis(s, mapped)
           : mapped->kind == NODE_CALL      ? shorten_place(s, mapped)
           : mapped->kind == NODE_REDUCTION ? shorten_reduction(s, mapped)
                                            : mapped;
}

struct node *whole_blocks(struct arena *arena, struct node *body) {
    struct settling *s = arena_allocate(arena, sizeof *s);
    *s = (struct settling){.arena = arena};
    s->body = settle_statement(body, s);
    bool units = false;
    for_each (axis, axis, s->body)
        units |= axis->step && counts_matrices(s->body, axis->name);
    return units ? shorten_node(s->body, s) : s->body;
}
