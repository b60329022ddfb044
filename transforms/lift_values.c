/* Statements of a lifted nest: lets are shared blocks and vars fragments, values are read at the axes of their blocks,
 * and what loops over blocks read again in every iteration is loaded before them.
 */
#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "transforms/lift.h"

static struct node *lift_value(struct node *node, void *context);

/* ---- blocks ---- */

static struct node *block_access(struct lifter *l, const char *name, size_t count, const size_t *axes) {
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < count; i++)
        builder_add(l->arena, &subscripts, make_reference(l->arena, l->axes[axes[i]].name));
    return make_access(l->arena, name, builder_list(&subscripts));
}

static struct node *declare_block(struct lifter *l, enum memory memory, const char *name, enum dtype dtype,
                                  size_t count, const size_t *axes, struct node *value) {
    struct list_builder parts = {0};
    for (size_t i = 0; i < count; i++)
        builder_add(l->arena, &parts, make_axis(l->arena, l->axes[axes[i]].name, NULL, NULL, NULL));
    return node_new(l->arena, buffer, BUFFER, l->span, .memory = memory, .name = name,
                    .axes = builder_list(&parts), .dtype = dtype, .value = value);
}

/* ---- loops over blocks ---- */

/* The statements of one are under construction in `body`, those in front of the outermost in `before`. */
struct block_loop {
    struct list_builder body, *out, *before;
};

static void open_loop(struct lifter *l, struct block_loop *loop) {
    *loop = (struct block_loop){.out = l->out, .before = l->before};
    l->before = l->before ? l->before : l->out;
    l->out = &loop->body;
}

/* An element's own blocks begin at its own place, and those of a block of rows where the first of them needs it: a
 * difference that sums and the like alone do not show. */
static bool check_beginning(struct lifter *l, const struct lifted_axis *axis, const struct node *body,
                            struct blocks_around around) {
    const struct node *use = find_use_of_blocks(body, axis->name);
    if (!use || (!bound_differs(axis->lower, around) && !is_block_place(use)))
        return true;
    if (lift_fail(
            l, use->span.line ? use->span : axis->span,
            "this depends on where blocks of %s begin and end, which differs from element to element: %s..%s",
            axis->name, node_text(l->arena, axis->lower), node_text(l->arena, axis->upper)))
        tile_help(l->t, "write it for blocks of rows, under `grid ... by 32`, which begin and end together");
    return false;
}

/* The type of a block that is declared by then, or of what the kernel has. */
static enum dtype lifted_element(const char *name, void *context) {
    struct lifter *l = context;
    const struct list_builder *lists[] = {l->before, l->out};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; lists[k] && i < lists[k]->count; i++) {
            struct node_buffer *buffer = node_as(lists[k]->items[i], buffer);
            if (buffer && strcmp(buffer->name, name) == 0)
                return buffer->dtype;
        }
    struct value_types types = types_in(l->t->compilation->kernel);
    return types.element(name, types.context);
}

/* The loop with what keeps to ranges that differ from element to element. */
static void close_loop(struct lifter *l, struct block_loop *loop, const struct lifted_axis *axis,
                       struct node_list attributes) {
    struct block_around around[LIFT_AXES];
    struct blocks_around blocks = {around, 0};
    l->out = loop->out;
    l->before = loop->before;
    for (size_t i = 0; i < l->axis_count; i++)
        if (l->axes[i].kind == LIFTED_ROW || l->axes[i].kind == LIFTED_BLOCK)
            around[blocks.count++] = (struct block_around){l->axes[i].name, l->axes[i].step};
    struct node *range = make_axis(l->arena, axis->name, axis->lower, axis->upper, axis->step);
    struct node *made = node_new(l->arena, for, FOR, axis->span, .axes = LIST(l->arena, node_with_span(l->arena, range, axis->span)),
                                 .body = make_block(l->arena, axis->span, builder_list(&loop->body)));
    if (bound_differs(axis->lower, blocks) || bound_differs(axis->upper, blocks)) {
        struct element_range_problem problem;
        if (!check_beginning(l, axis, node_as(made, for)->body, blocks))
            return;
        struct value_types types = {l->t->compilation->kernel, lifted_element, l};
        struct node *settled = element_range_settle(l->arena, node_as(made, for), blocks, &types, &problem);
        if (!settled) {
            if (lift_fail(l, problem.span, "%s", problem.text) && problem.help)
                tile_help(l->t, "%s", problem.help);
            return;
        }
        made = settled;
    }
    builder_add(l->arena, l->out, node_with_attributes(l->arena, made, attributes));
}

/* The loop over elements that count matrices, as it is. */
static void close_matrices(struct lifter *l, struct block_loop *opened, const struct node_for *loop) {
    struct node_for lifted = *loop;
    l->out = opened->out;
    l->before = opened->before;
    lifted.body = make_block(l->arena, loop->body->span, builder_list(&opened->body));
    builder_add(l->arena, l->out, arena_copy(l->arena, &lifted, sizeof lifted));
}

/* ---- reductions over ranges of their own ---- */

/* fragment acc = neutral; for c in C by 256 { acc op= fold(c: e) }; what stands for the fold. min(e) is -max(-e). */
static struct node *lift_panels(struct lifter *l, const struct node_reduction *reduction) {
    struct node_axis *axis = node_as(reduction->axes.items[0], axis);
    struct held acc = {.name = name_fresh(&l->t->names, "acc"), .varies = lift_varies(l, &reduction->base)};
    struct value_types types = types_in(l->t->compilation->kernel);
    enum dtype gathered = fragment_type(value_type(&types, &reduction->base));
    bool minimum = reduction->op == REDUCTION_MIN && gathered == DTYPE_F32;
    enum reduction_operator op = minimum ? REDUCTION_MAX : reduction->op;
    if (reduction->axes.count != 1) {
        if (lift_fail(l, reduction->base.span, "this folds several axes at once"))
            tile_help(l->t, "fold one of the fold along the other: sum(%s in ...: sum(...))", axis->name);
        return NULL;
    }
    if (!held_shape(l, &acc, reduction->body))
        return NULL;
    if (!acc.axis_count) {
        lift_fail(l, reduction->base.span,
                  "this fold gives a single number, which the device has no place for");
        return NULL;
    }
    struct node *start = neutral_of_fold(l->arena, op, value_type(&types, reduction->body));
    builder_add(l->arena, l->out,
                declare_block(l, MEMORY_FRAGMENT, acc.name, gathered, acc.axis_count, acc.axes, start));
    struct block_loop loop;
    open_loop(l, &loop);
    struct node *body = lift_value(reduction->body, l);
    struct node *fold = node_new(l->arena, reduction, REDUCTION, reduction->base.span, .op = op,
                                 .axes = LIST(l->arena, make_axis(l->arena, axis->name, NULL, NULL, NULL)),
                                 .body = minimum ? make_negation(l->arena, body) : body);
    struct node *access = block_access(l, acc.name, acc.axis_count, acc.axes);
    builder_add(l->arena, l->out,
                node_new(l->arena, assign, ASSIGN, span_of_part(l->span, reduction->base.span),
                         .target = access, .op = update_of_fold(op), .value = fold));
    close_loop(l, &loop, &l->axes[lifted_find(l, axis->name)], (struct node_list){0});
    return minimum ? make_negation(l->arena, access) : access;
}

/* ---- accesses ---- */

/* Does the expression mention an axis that a loop over blocks opens? */
static bool varies_in_loops(struct lifter *l, struct node *expression) {
    for_each (reference, reference, expression) {
        size_t axis = lifted_find(l, reference->name);
        bool loop = axis != LIFT_AXES &&
                    (l->axes[axis].kind == LIFTED_BLOCK || l->axes[axis].kind == LIFTED_MATRICES);
        if (loop || held_find(l, reference->name))
            return true;
    }
    return false;
}

/* What every iteration reads again is loaded once, in front of the loops: an input at rows and whole axes. */
static struct node *load_before(struct lifter *l, struct node_access *access) {
    struct node_parameter *tensor = relations_tensor(l->t->relations, access->name);
    size_t rank = access->subscripts.count, count = 0, axes[2];
    if (!l->before || !tensor || tensor->direction != DIRECTION_IN || access->otherwise)
        return &access->base;
    for (size_t i = 0; i < rank; i++) {
        struct node *subscript = access->subscripts.items[i];
        struct node_reference *reference = node_as(subscript, reference);
        size_t axis = reference ? lifted_find(l, reference->name) : LIFT_AXES;
        if (varies_in_loops(l, subscript) || (i + 2 >= rank && axis == LIFT_AXES))
            return &access->base;
        if (i + 2 >= rank)
            axes[count++] = axis;
    }
    for (size_t i = 0; i < l->before->count; i++) {
        struct node_buffer *loaded = node_as(l->before->items[i], buffer);
        bool same = loaded && loaded->memory == MEMORY_SHARED && loaded->axes.count == count;
        if (same && loaded->value && node_equal(loaded->value, &access->base))
            return block_access(l, loaded->name, count, axes);
    }
    const char *name = name_fresh(&l->t->names, arena_printf(l->arena, "%s_in", access->name));
    struct span whole = l->span;
    l->span = span_of_part(whole, access->base.span);
    builder_add(l->arena, l->before,
                declare_block(l, MEMORY_SHARED, name, tensor->dtype, count, axes, &access->base));
    l->span = whole;
    return block_access(l, name, count, axes);
}

static struct node *lift_access(struct lifter *l, struct node_access *access) {
    struct held *held = held_find(l, access->name);
    if (!held)
        return load_before(l, access);
    for (size_t i = 0; i < access->subscripts.count; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        if (i < held->own_count && (!reference || lifted_find(l, reference->name) != held->own[i])) {
            lift_fail(l, access->base.span.line ? access->base.span : l->span,
                      "%s is read at other subscripts than its axes, and a block is read whole",
                      access->name);
            return &access->base;
        }
    }
    return node_with_span(l->arena, block_access(l, held->name, held->axis_count, held->axes),
                          access->base.span);
}

static struct node *lift_value(struct node *node, void *context) {
    struct lifter *l = context;
    struct node_reference *reference = node_as(node, reference);
    struct node_access *access = node_as(node, access);
    struct node_reduction *reduction = node_as(node, reduction);
    struct held *held = reference ? held_find(l, reference->name) : NULL;
    if (l->t->failed || is_block_place(node))
        return node;
    if (held && held->axis_count)
        return node_with_span(l->arena, block_access(l, held->name, held->axis_count, held->axes),
                              node->span);
    if (access)
        return lift_access(l, access);
    if (reduction && node_as(reduction->axes.items[0], axis)->lower) {
        struct node *panels = lift_panels(l, reduction);
        return panels ? panels : node;
    }
    return node_map_children(l->arena, node, lift_value, l);
}

/* ---- statements ---- */

/* What has a value for each element of a block is a block; a number stays as it is. */
static void lift_let(struct lifter *l, struct node_let *let) {
    struct held *held = held_find(l, let->name);
    struct node *value = lift_value(let->value, l);
    if (l->t->failed)
        return;
    if (!held->axis_count) {
        struct node_let number = *let;
        number.value = value;
        builder_add(l->arena, l->out, arena_copy(l->arena, &number, sizeof number));
        return;
    }
    enum dtype dtype = let->dtype == DTYPE_INDEX || !let->dtype ? DTYPE_F32 : let->dtype;
    builder_add(l->arena, l->out,
                declare_block(l, MEMORY_SHARED, held->name, dtype, held->axis_count, held->axes, value));
}

static void lift_var(struct lifter *l, struct node_var *var) {
    struct held *held = held_find(l, var->name);
    struct node *value = var->value ? lift_value(var->value, l) : NULL;
    if (!l->t->failed)
        builder_add(l->arena, l->out,
                    declare_block(l, MEMORY_FRAGMENT, held->name, var->dtype ? var->dtype : DTYPE_F32,
                                  held->axis_count, held->axes, value));
}

/* Where a dimension has one element, 0 is the row of the kernel. */
static struct node *at_row(struct lifter *l, struct node *target) {
    struct node_access *access = node_as(target, access);
    struct node_parameter *tensor = access ? relations_tensor(l->t->relations, access->name) : NULL;
    struct list_builder subscripts = {0};
    for (size_t i = 0; tensor && i < access->subscripts.count; i++) {
        int64_t place, extent;
        bool single = integer_value(access->subscripts.items[i], &place) && place == 0 &&
                      integer_value(tensor->dimensions.items[i], &extent) && extent == 1;
        builder_add(l->arena, &subscripts,
                    single ? make_reference(l->arena, l->row) : access->subscripts.items[i]);
    }
    return tensor ? node_with_span(l->arena, make_access(l->arena, access->name, builder_list(&subscripts)), target->span)
                  : target;
}

/* What a kernel of one row writes to a tensor is the only element along its axis. */
static void lift_of_row(struct lifter *l, struct node_assign *assign, bool varies) {
    assign->target = at_row(l, assign->target);
    if (varies && !mentions(assign->target, l->row))
        assign->value = node_new(l->arena, reduction, REDUCTION, assign->value->span, .op = REDUCTION_SUM,
                                 .axes = LIST(l->arena, make_axis(l->arena, l->row, NULL, NULL, NULL)),
                                 .body = assign->value);
}

static void lift_assign(struct lifter *l, struct node_assign *assign) {
    struct node_assign lifted = *assign;
    const char *name = target_name(assign->target);
    struct held *held = name ? held_find(l, name) : NULL;
    if (held)
        lifted.target = lift_value(assign->target, l);
    lifted.value = lift_value(assign->value, l);
    if (!held && l->row)
        lift_of_row(l, &lifted, lift_varies(l, assign->value) & 1);
    builder_add(l->arena, l->out, arena_copy(l->arena, &lifted, sizeof lifted));
}

static void lift_loop(struct lifter *l, struct node_for *loop) {
    struct node_list list = node_as(loop->body, block)->statements;
    size_t axis = lifted_find(l, node_as(loop->axes.items[0], axis)->name);
    struct block_loop opened;
    open_loop(l, &opened);
    lift_list(l, list);
    if (!l->t->failed && l->axes[axis].kind == LIFTED_MATRICES)
        close_matrices(l, &opened, loop);
    else if (!l->t->failed)
        close_loop(l, &opened, &l->axes[axis], loop->base.attributes);
}

void lift_list(struct lifter *l, struct node_list list) {
    for (size_t i = 0; i < list.count && !l->t->failed; i++) {
        struct node *node = list.items[i];
        l->span = node->span.line ? node->span : l->span;
        switch (node->kind) {
        case NODE_LET:
            lift_let(l, node_as(node, let));
            break;
        case NODE_VAR:
            lift_var(l, node_as(node, var));
            break;
        case NODE_FOR:
            lift_loop(l, node_as(node, for));
            break;
        default:
            lift_assign(l, node_as(node, assign));
        }
    }
}
