/* Axes of a statement: which are bound where it stands, in which order, and by blocks of which size. */
#include "grammar/resolve.h"

/* ---- ranges ---- */

static struct node *block_call(struct resolver *r, const char *function, const struct entity *block) {
    return make_call(r->arena, function, LIST(r->arena, make_reference(r->arena, block->name)));
}

/* `x in i` visits the elements of block i: its range; false when upper is no block axis. */
static bool elements_of_block(struct resolver *r, struct node_axis *tree, struct node **lower,
                              struct node **upper) {
    struct node_reference *reference = tree->lower ? NULL : node_as(tree->upper, reference);
    struct entity *block = reference ? lookup_quietly(r, reference->name) : NULL;
    if (!block || block->kind != ENTITY_AXIS || !block->block)
        return false;
    *lower = block_call(r, "lo", block);
    *upper = make_add(r->arena, *lower, block_call(r, "len", block));
    return true;
}

/* A block of a size that is 0 may be the whole of an axis without elements. */
static struct node *resolve_step(struct resolver *r, struct node *tree, const struct node *upper) {
    struct node *step = resolve_number(r, tree, "the size of a block");
    int64_t value;
    bool whole = step && upper && node_equal(step, upper) && tree->kind == NODE_REFERENCE;
    if (step && integer_value(step, &value) && value < 1 && !(whole && value == 0)) {
        report_error(r->diagnostics, tree->span, "the size of a block is at least 1");
        return NULL;
    }
    return step;
}

/* A bound is one number; of a loop over blocks it may differ from element to element of the blocks around it. */
static struct node *resolve_bound(struct resolver *r, struct node *tree, bool blocks) {
    return blocks ? resolve_element_number(r, tree, "a bound") : resolve_number(r, tree, "a bound");
}

static struct entity *declare_axis(struct resolver *r, struct node_axis *tree, const char **name,
                                   bool block) {
    bool opens = block && r->open_count < sizeof r->open / sizeof *r->open;
    if (block && !opens)
        report_error(r->diagnostics, tree->base.span, "more than 64 block axes are open here");
    struct entity *axis = declare(r, ENTITY_AXIS, tree->name, tree->base.span);
    axis->dtype = DTYPE_INDEX;
    axis->written = true;
    axis->block = opens;
    *name = axis->name;
    if (opens) {
        axis->block_index = r->open_count;
        r->open[r->open_count++] = axis;
    }
    return axis;
}

/* Does the range begin at 0 or later? */
static bool begins_at_a_count(struct resolver *r, struct node *lower) {
    struct node *positive, *negative;
    int64_t number;
    return lower && size_parts(r, lower, &positive, &negative) && integer_value(negative, &number) &&
           number == 0;
}

struct node *open_axis(struct resolver *r, struct node *tree, bool may_block) {
    struct node_axis *axis = node_as(tree, axis);
    struct node *lower = NULL, *upper = NULL, *step = NULL;
    const char *name;
    if (!elements_of_block(r, axis, &lower, &upper)) {
        bool blocks = axis->step && may_block && !r->opens_grid;
        lower = axis->lower ? resolve_bound(r, axis->lower, blocks) : make_integer(r->arena, 0);
        upper = resolve_bound(r, axis->upper, blocks);
    }
    bool sound = lower && upper;
    if (axis->step) {
        step = resolve_step(r, axis->step, upper);
        sound = sound && step;
        if (!may_block) {
            report_error(r->diagnostics, axis->step->span, "not supported yet: an axis in blocks here");
            report_help(r->diagnostics, (struct span){0}, "leave out `by`: this axis visits elements");
            sound = false;
        }
    }
    struct entity *entity = declare_axis(r, axis, &name, axis->step && may_block);
    entity->counts = begins_at_a_count(r, lower);
    entity->step = step;
    entity->lower = lower;
    entity->upper = upper;
    return sound ? node_new(r->arena, axis, AXIS, tree->span, .name = name, .lower = lower, .upper = upper,
                            .step = step)
                 : NULL;
}

/* ---- order of appearance ---- */

struct node_list axes_in_order(struct resolver *r, struct node *value, uint64_t axes) {
    struct list_builder found = {0};
    for_each (reference, reference, value)
        for (unsigned i = 0; i < r->open_count; i++)
            if (r->open[i]->name == reference->name && (axes >> i & 1)) {
                axes &= ~((uint64_t)1 << i);
                builder_add(r->arena, &found,
                            node_new(r->arena, axis, AXIS, reference->base.span, .name = reference->name));
            }
    return builder_list(&found);
}
