/* Ranges that differ from element to element: where they end at last, and what keeps to each of them. */
#include "ir/element_range.h"

#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"
#include "support/scalar.h"

/* ---- bounds ---- */

static const struct block_around *block_named(struct blocks_around around, const char *name) {
    for (size_t i = 0; i < around.count; i++)
        if (strcmp(around.items[i].name, name) == 0)
            return &around.items[i];
    return NULL;
}

bool bound_differs(const struct node *bound, struct blocks_around around) {
    for_each_node (node, bound) {
        struct node_reference *reference = node_as(node, reference);
        if (is_block_place(node))
            skip_below(node);
        else if (reference && block_named(around, reference->name))
            return true;
    }
    return false;
}

struct extreme {
    struct arena *arena;
    struct blocks_around around;
};

/* value + number, joined with a number that stands last. */
static struct node *plus_number(struct arena *arena, struct node *value, int64_t number) {
    struct node_binary *sum = node_as(value, binary);
    int64_t last;
    bool adds = sum && sum->op == BINARY_ADD, joins = adds || (sum && sum->op == BINARY_SUBTRACT);
    if (joins && integer_value(sum->right, &last))
        return plus_number(arena, sum->left, number + (adds ? last : -last));
    return number < 0 ? make_sub(arena, value, make_integer(arena, -number))
                      : make_add(arena, value, make_integer(arena, number));
}

static struct node *extreme_of(const struct extreme *e, struct node *bound, bool greatest);

static struct node *extreme_of_binary(const struct extreme *e, const struct node_binary *binary,
                                      bool greatest) {
    int64_t right;
    bool literal = integer_value(binary->right, &right), subtracts = binary->op == BINARY_SUBTRACT;
    if (literal && (binary->op == BINARY_ADD || subtracts)) {
        struct node *left = extreme_of(e, binary->left, greatest);
        return left ? plus_number(e->arena, left, subtracts ? -right : right) : NULL;
    }
    bool scales = (binary->op == BINARY_MULTIPLY && (!literal || right >= 0)) ||
                  (binary->op == BINARY_DIVIDE && (!literal || right > 0));
    bool sums = binary->op == BINARY_ADD || subtracts;
    if (!sums && !(scales && (binary->op == BINARY_DIVIDE ? !bound_differs(binary->right, e->around) : true)))
        return NULL;
    struct node *first = extreme_of(e, binary->left, greatest),
                *second = extreme_of(e, binary->right, subtracts ? !greatest : greatest);
    return first && second ? make_binary(e->arena, binary->op, first, second) : NULL;
}

/* The least or the greatest value of a bound in the blocks: it rises or falls along each of their axes. NULL where
 * that is not known. Numbers that are no literals are sizes and indices, which are not below 0. */
static struct node *extreme_of(const struct extreme *e, struct node *bound, bool greatest) {
    struct arena *arena = e->arena;
    struct node_reference *reference = node_as(bound, reference);
    struct node_binary *binary = node_as(bound, binary);
    if (!bound_differs(bound, e->around))
        return bound;
    if (reference) {
        struct node *low = make_call(arena, "lo", LIST(arena, bound)),
                    *length = make_call(arena, "len", LIST(arena, bound));
        return greatest ? plus_number(arena, make_add(arena, low, length), -1) : low;
    }
    if (binary)
        return extreme_of_binary(e, binary, greatest);
    if (!size_call(bound, SIZE_min) && !size_call(bound, SIZE_max) && !size_call(bound, SIZE_ceildiv))
        return NULL;
    struct list_builder arguments = {0};
    const struct node_call *call = (const struct node_call *)bound;
    for (size_t i = 0; i < call->arguments.count; i++) {
        struct node *argument = extreme_of(e, call->arguments.items[i], greatest);
        if (!argument)
            return NULL;
        builder_add(arena, &arguments, argument);
    }
    return make_call(arena, call->function, builder_list(&arguments));
}

struct node *bound_extreme(struct arena *arena, struct node *bound, struct blocks_around around, bool greatest) {
    return extreme_of(&(struct extreme){arena, around}, bound, greatest);
}

/* ---- bodies ---- */

/* A block of the body that its folds read with one neutral element: it holds that where it is made. */
struct kept_block {
    const char *name;
    double neutral;
    bool several; /* neutral elements, or values */
};

enum { KEPT_BLOCKS = 32 };

struct keeper {
    struct arena *arena;
    struct blocks_around around;
    const struct value_types *types;
    const char *axis;
    struct node *inside; /* is the element of the axis inside? */
    struct node *any;    /* is any of its block? NULL: always, of a block that is run */
    struct node *body;
    struct kept_block blocks[KEPT_BLOCKS];
    size_t block_count;
    bool finding; /* the blocks: nothing is changed yet */
    struct element_range_problem *problem;
};

static bool folds_axis(const struct node_reduction *reduction, const char *name) {
    for (size_t i = 0; i < reduction->axes.count; i++) {
        struct node_axis *axis = node_as(reduction->axes.items[i], axis);
        if (!axis->lower && strcmp(axis->name, name) == 0)
            return true;
    }
    return false;
}

static struct kept_block *block_of(struct keeper *k, const struct node *value) {
    const char *name = value->kind == NODE_ACCESS ? ((const struct node_access *)value)->name : NULL;
    for (size_t i = 0; name && i < k->block_count; i++)
        if (strcmp(k->blocks[i].name, name) == 0)
            return &k->blocks[i];
    return NULL;
}

/* A fold reads the value with this neutral element outside: does its block see to that? */
static bool is_kept_by_block(struct keeper *k, const struct node *value, double neutral) {
    struct kept_block *block = block_of(k, value);
    if (block && k->finding) {
        block->several |= !isnan(block->neutral) && block->neutral != neutral;
        block->neutral = neutral;
    }
    return block && !block->several && block->neutral == neutral;
}

static struct node *selected(struct keeper *k, struct node *value, double neutral) {
    if (is_kept_by_block(k, value, neutral))
        return value;
    struct node *other =
        isinf(neutral) ? make_real(k->arena, neutral) : make_integer(k->arena, (int64_t)neutral);
    struct node *choice = make_call(k->arena, "select", LIST(k->arena, k->inside, value, other));
    return node_with_span(k->arena, choice, value->span);
}

/* Does the value differ from element to element of a block that the range depends on? */
static bool shares_axis(const struct keeper *k, const struct node *value) {
    for_each (reference, reference, value)
        if (strcmp(reference->name, k->axis) != 0 && block_named(k->around, reference->name) &&
            mentions(k->inside, reference->name))
            return true;
    return false;
}

/* The folded value, neutral outside: of a product that is added up one factor is, so that it stays a product. What is the
 * same for all elements of the blocks is multiplied by 1 inside and by 0 outside. */
static struct node *kept_inside(struct keeper *k, struct node *value, double neutral) {
    struct node_binary *product = node_as(value, binary);
    if (neutral == 0 && !shares_axis(k, value))
        return make_binary(k->arena, BINARY_MULTIPLY, value, selected(k, make_integer(k->arena, 1), 0));
    if (neutral != 0 || !product || product->op != BINARY_MULTIPLY)
        return selected(k, value, neutral);
    struct node_binary kept = *product;
    bool right = !mentions(product->left, k->axis) ||
                 (!shares_axis(k, product->left) && shares_axis(k, product->right) &&
                  mentions(product->right, k->axis));
    if (right)
        kept.right = kept_inside(k, product->right, neutral);
    else
        kept.left = kept_inside(k, product->left, neutral);
    return arena_copy(k->arena, &kept, sizeof kept);
}

static double neutral_of(const struct keeper *k, const struct node_reduction *reduction) {
    double neutral = 0;
    literal_value(neutral_of_fold(k->arena, reduction->op, value_type(k->types, reduction->body)), &neutral);
    return neutral;
}

static struct node *keep_folds(struct node *node, void *context) {
    struct keeper *k = context;
    struct node *mapped = node_map_children(k->arena, node, keep_folds, context);
    struct node_reduction *reduction = node_as(mapped, reduction);
    if (!reduction || !folds_axis(reduction, k->axis))
        return mapped;
    struct node_reduction kept = *reduction;
    kept.body = kept_inside(k, reduction->body, neutral_of(k, reduction));
    return arena_copy(k->arena, &kept, sizeof kept);
}

static bool declares(const struct node *body, const char *name) {
    for_each_node (node, body) {
        struct node_let *let = node_as(node, let);
        struct node_var *var = node_as(node, var);
        struct node_buffer *buffer = node_as(node, buffer);
        const char *declared = let ? let->name : var ? var->name : buffer ? buffer->name : NULL;
        if (declared && strcmp(declared, name) == 0)
            return true;
    }
    return false;
}

/* `x += sum(j: e)` and the like: outside there is nothing to add. */
static bool adds_folds_alone(const struct node_assign *assign, const char *axis) {
    struct node_reduction *reduction = node_as(assign->value, reduction);
    if (!reduction || !folds_axis(reduction, axis))
        return false;
    return assign->op != ASSIGN_SET && fold_of_update(assign->op) == reduction->op;
}

const struct node *find_use_of_blocks(const struct node *body, const char *axis) {
    for_each_node (node, body) {
        struct node_assign *assign = node_as(node, assign);
        const char *name = assign ? target_name(assign->target) : NULL;
        const struct node_call *place = is_block_place(node) ? (const struct node_call *)node : NULL;
        if (place && mentions(place->arguments.items[0], axis))
            return node;
        if (!assign || (name && declares(body, name)))
            continue;
        if (!adds_folds_alone(assign, axis) || mentions(assign->value, name))
            return node;
    }
    return NULL;
}

/* What outlives the loop is changed where the iteration is one of the element's own. */
static struct node *keep_assign(struct keeper *k, struct node_assign *assign) {
    const char *name = target_name(assign->target);
    if (!name || declares(k->body, name))
        return &assign->base;
    if (mentions(assign->target, k->axis)) {
        k->problem->span = assign->base.span;
        k->problem->text = arena_printf(
            k->arena,
            "%s is written along %s, whose range differs from element to element: blocks are written whole",
            name, k->axis);
        k->problem->help = arena_printf(
            k->arena, "let %s run over the whole dimension, and write select(..., ..., 0)", k->axis);
        return &assign->base;
    }
    if (!k->any || adds_folds_alone(assign, k->axis))
        return &assign->base;
    struct node_assign kept = *assign;
    kept.op = ASSIGN_SET;
    kept.value =
        make_call(k->arena, "select",
                  LIST(k->arena, k->any, make_update(k->arena, assign->op, assign->target, assign->value),
                       assign->target));
    return arena_copy(k->arena, &kept, sizeof kept);
}

/* A block that is made in the loop, along the axis and those that its range depends on. */
static void find_block(struct keeper *k, const struct node *node) {
    struct node_buffer *buffer = node_as((struct node *)(uintptr_t)node, buffer);
    struct node_let *let = node_as((struct node *)(uintptr_t)node, let);
    struct node_list axes = buffer ? buffer->axes : let ? let->axes : (struct node_list){0};
    const char *name = buffer ? buffer->name : let ? let->name : NULL;
    bool along = false, all = name && (let || buffer->value) && k->block_count < KEPT_BLOCKS;
    for (size_t i = 0; i < axes.count; i++)
        along |= strcmp(node_as(axes.items[i], axis)->name, k->axis) == 0;
    for_each (reference, reference, k->inside) {
        bool has = !block_named(k->around, reference->name);
        for (size_t i = 0; i < axes.count; i++)
            has |= strcmp(node_as(axes.items[i], axis)->name, reference->name) == 0;
        all &= has || strcmp(reference->name, k->axis) == 0;
    }
    for_each (assign, assign, k->body)
        all &= !name || !target_name(assign->target) || strcmp(target_name(assign->target), name) != 0;
    if (along && all)
        k->blocks[k->block_count++] = (struct kept_block){.name = name, .neutral = (double)NAN};
}

static void find_blocks(struct keeper *k) {
    for_each_node (node, k->body)
        find_block(k, node);
    k->finding = true;
    keep_folds(k->body, k);
    k->finding = false;
}

/* The block with the neutral element of its folds outside. */
static struct node *keep_block(struct keeper *k, struct node *node) {
    struct node_buffer *buffer = node_as(node, buffer);
    struct node_let *let = node_as(node, let);
    struct node *read = make_access(k->arena, buffer ? buffer->name : let->name, (struct node_list){0});
    struct kept_block *block = block_of(k, read);
    if (!block || block->several || isnan(block->neutral))
        return node;
    struct node *value = selected(k, buffer ? buffer->value : let->value, block->neutral);
    if (buffer) {
        struct node_buffer kept = *buffer;
        kept.value = value;
        return arena_copy(k->arena, &kept, sizeof kept);
    }
    struct node_let kept = *let;
    kept.value = value;
    return arena_copy(k->arena, &kept, sizeof kept);
}

static struct node *keep_statements(struct node *node, void *context) {
    struct keeper *k = context;
    struct node_assign *assign = node_as(node, assign);
    if (node->kind == NODE_BUFFER || node->kind == NODE_LET)
        return keep_block(k, node);
    return assign ? keep_assign(k, assign) : node_map_children(k->arena, node, keep_statements, context);
}

/* ---- what the range depends on ---- */

static bool folds_in(const struct keeper *k, const struct node *value) {
    for_each (reduction, reduction, value)
        if (folds_axis(reduction, k->axis))
            return true;
    return false;
}

/* A fold has a value for each element of the blocks that its range depends on. */
static bool check_target(struct keeper *k, const struct node *statement) {
    const struct node_assign *assign = node_as((struct node *)(uintptr_t)statement, assign);
    const struct node_buffer *buffer = node_as((struct node *)(uintptr_t)statement, buffer);
    const struct node *value = assign ? assign->value : buffer ? buffer->value : NULL;
    if (!value || !folds_in(k, value))
        return true;
    for_each (reference, reference, k->inside) {
        bool has = strcmp(reference->name, k->axis) == 0 || !block_named(k->around, reference->name) ||
                   (assign && mentions(assign->target, reference->name));
        for (size_t i = 0; buffer && i < buffer->axes.count; i++)
            has |= strcmp(node_as(buffer->axes.items[i], axis)->name, reference->name) == 0;
        if (has)
            continue;
        k->problem->span = statement->span;
        k->problem->text = arena_printf(
            k->arena,
            "this folds %s, whose range differs from element to element of %s, and what it writes has no axis %s",
            k->axis, reference->name, reference->name);
        k->problem->help =
            arena_printf(k->arena, "write to a block with the axis %s, or give %s a range of sizes",
                         reference->name, k->axis);
        return false;
    }
    return true;
}

/* ---- the loop ---- */

/* index < end, or index <= i for an end i + 1. */
static struct node *before(struct arena *arena, struct node *index, struct node *end) {
    struct node_binary *sum = node_as(end, binary);
    int64_t one;
    if (sum && sum->op == BINARY_ADD && integer_value(sum->right, &one) && one == 1)
        return make_binary(arena, BINARY_LESS_EQUAL, index, sum->left);
    return make_binary(arena, BINARY_LESS, index, end);
}

static struct node *both(struct arena *arena, struct node *a, struct node *b) {
    return a && b ? make_binary(arena, BINARY_AND, a, b) : a ? a : b;
}

/* Do all elements of a block have as many iterations: does the end rise by 1 with i, from one behind a multiple of
 * the blocks of i, which divide those of the loop? */
static bool ends_in_one_block(const struct node_axis *axis, struct blocks_around around) {
    struct node_binary *sum = node_as(axis->upper, binary);
    struct node_reference *reference = node_as(sum ? sum->left : axis->upper, reference);
    const struct block_around *block = reference ? block_named(around, reference->name) : NULL;
    int64_t lower, step, size, offset = 0;
    if (!block || (sum && (sum->op != BINARY_ADD || !integer_value(sum->right, &offset))) ||
        !integer_value(axis->lower, &lower) || !integer_value(axis->step, &step) ||
        !integer_value(block->step, &size) || size < 1)
        return false;
    return step % size == 0 && (offset - lower - 1) % size == 0;
}

static int64_t floor_to_tile(int64_t number) {
    return (number >= 0 ? number / TILE_EDGE : -((-number + TILE_EDGE - 1) / TILE_EDGE)) * TILE_EDGE;
}

/* A number at or below the bound that is a multiple of a tile: blocks begin at whole tiles, and so do those around. */
static struct node *whole_tiles_below(struct arena *arena, struct node *bound) {
    const struct node_call *least = size_call(bound, SIZE_min),
                           *call = least ? least : size_call(bound, SIZE_max);
    struct node_binary *sum = node_as(bound, binary);
    struct node *edge = make_integer(arena, TILE_EDGE);
    int64_t number;
    if (integer_value(bound, &number))
        return make_mul(arena, make_div(arena, bound, edge), edge);
    if (is_block_place(bound) && strcmp(((const struct node_call *)bound)->function, "lo") == 0)
        return bound;
    if (call) {
        struct node *a = whole_tiles_below(arena, call->arguments.items[0]),
                    *b = whole_tiles_below(arena, call->arguments.items[1]);
        return least ? make_min(arena, a, b) : make_max(arena, a, b);
    }
    if (sum && (sum->op == BINARY_ADD || sum->op == BINARY_SUBTRACT) && integer_value(sum->right, &number))
        return plus_number(arena, whole_tiles_below(arena, sum->left),
                           floor_to_tile(sum->op == BINARY_ADD ? number : -number));
    return make_mul(arena, make_div(arena, bound, edge), edge);
}

struct node *element_range_settle(struct arena *arena, const struct node_for *loop,
                                  struct blocks_around around, const struct value_types *types,
                                  struct element_range_problem *problem) {
    struct node_axis *axis = node_as(loop->axes.items[0], axis);
    struct node *lower = bound_extreme(arena, axis->lower, around, false),
                *upper = bound_extreme(arena, axis->upper, around, true);
    struct node *index = make_reference(arena, axis->name);
    bool begins = bound_differs(axis->lower, around), ends = bound_differs(axis->upper, around);
    *problem =
        (struct element_range_problem){.span = axis->base.span.line ? axis->base.span : loop->base.span};
    if (!lower || !upper) {
        problem->text =
            arena_printf(arena, "nothing says where the range of %s, %s..%s, begins and ends in a block",
                         axis->name, node_text(arena, axis->lower), node_text(arena, axis->upper));
        problem->help = "ranges are sums, products, quotients, min and max of indices and sizes";
        return NULL;
    }
    struct node *low = make_call(arena, "lo", LIST(arena, index)),
                *end = make_add(arena, low, make_call(arena, "len", LIST(arena, index)));
    struct keeper k = {.arena = arena,
                       .around = around,
                       .types = types,
                       .axis = axis->name,
                       .body = loop->body,
                       .problem = problem};
    struct node *from = begins ? make_binary(arena, BINARY_GREATER_EQUAL, index, axis->lower) : NULL,
                *until = ends ? before(arena, index, axis->upper) : NULL,
                *behind = begins ? make_binary(arena, BINARY_GREATER, end, axis->lower) : NULL,
                *ahead = ends && !ends_in_one_block(axis, around) ? before(arena, low, axis->upper) : NULL;
    k.inside = both(arena, from, until);
    k.any = both(arena, behind, ahead);
    for_each_node (node, loop->body)
        if (!check_target(&k, node))
            return NULL;
    find_blocks(&k);
    struct node_for settled = *loop;
    settled.body = keep_statements(keep_folds(loop->body, &k), &k);
    struct node_axis range = *axis;
    range.lower = begins ? whole_tiles_below(arena, lower) : lower;
    range.upper = upper;
    settled.axes = LIST(arena, (struct node *)arena_copy(arena, &range, sizeof range));
    return problem->text ? NULL : arena_copy(arena, &settled, sizeof settled);
}
