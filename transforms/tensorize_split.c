/* A map computes in the slots of a DST section, and there are few. An expression that needs more of them is
 * cut: a part of it goes to a shared buffer of its own first.
 */
#include <string.h>

#include "ir/build.h"
#include "support/architecture.h"
#include "transforms/dst_plan.h"
#include "transforms/tensorize.h"

enum { TOO_MANY = 1000 };

struct splitter {
    struct tensorizer *t;
    struct node *body; /* all statements */
};

struct planning {
    struct tensorizer *t;
    bool in_section; /* the value reads one fragment once: it is in DST then */
};

static struct buffer_facts lookup(const char *name, void *context) {
    const struct planning *planning = context;
    const struct storage *storage = storage_find(planning->t, name);
    if (!storage || storage->tensor)
        return (struct buffer_facts){0};
    return (struct buffer_facts){.known = true,
                                 .fragment = storage->memory == MEMORY_FRAGMENT && planning->in_section,
                                 .dtype = storage->dtype,
                                 .column = storage->orientation == ORIENTATION_COLUMN};
}

/* Fragments that are read together, or twice, are read from L1. */
static bool reads_one_fragment(struct tensorizer *t, struct node *value) {
    size_t reads = 0;
    for_each (access, access, value) {
        const struct storage *storage = storage_find(t, access->name);
        reads += storage && !storage->tensor && storage->memory == MEMORY_FRAGMENT;
    }
    return reads == 1;
}

/* DST slots that the value needs when it is computed over the axes of the target. */
static int slots_of(struct tensorizer *t, struct node_access *target, struct node *value) {
    struct dst_plan plan;
    struct planning planning = {t, reads_one_fragment(t, value)};
    struct dst_request request = {.arena = t->arena,
                                  .kernel = t->compilation->kernel,
                                  .diagnostics = diagnostics_create(t->arena),
                                  .target = target,
                                  .target_column = lookup(target->name, &planning).column,
                                  .value = value,
                                  .lookup = lookup,
                                  .context = &planning,
                                  .chooses = true};
    return dst_plan_make(&request, &plan) ? plan.slots : TOO_MANY;
}

/* ---- the part that is cut out ---- */

/* The axes of the target that the value varies over. */
static size_t axes_in(struct node_access *target, struct node *value, const char **axes) {
    const char *order[2];
    for (size_t i = 0; i < target->subscripts.count; i++)
        order[i] = node_as(target->subscripts.items[i], reference)->name;
    return value_axes(value, target->subscripts.count, order, axes);
}

/* Operators and functions of what varies; a number needs no buffer. */
static bool is_part(struct node_access *target, struct node *node) {
    const char *axes[2];
    struct node_call *call = node_as(node, call);
    return (node->kind == NODE_BINARY || node->kind == NODE_UNARY ||
            (call && strcmp(call->function, "inside") != 0)) &&
           axes_in(target, node, axes) > 0;
}

/* A part as a value of its own: an expression of indices is a whole number, wherever it stands. */
static struct node *part_value(struct tensorizer *t, struct node *part) {
    return value_type_of(t, part) == DTYPE_INDEX ? make_call(t->arena, "i32", LIST(t->arena, part)) : part;
}

/* The part of a value that needs the most slots of those that need at most so many, and more than one; NULL
 * when there is none. */
static struct node *largest_part(struct tensorizer *t, struct node_access *target, struct node *value,
                                 int most) {
    struct node *best = NULL;
    int slots = 1;
    for_each_node (node, value) {
        bool part = node != value && is_part(target, node);
        int needed = part ? slots_of(t, target, part_value(t, node)) : 0;
        if (needed <= most && needed > slots) {
            best = node;
            slots = needed;
        }
    }
    return best;
}

/* How a vector over that axis lies beside the target. */
static enum orientation vector_orientation(struct tensorizer *t, struct node_access *target,
                                           const char *axis) {
    const struct storage *storage = storage_find(t, target->name);
    if (storage->rank == 1)
        return storage->orientation;
    return axis == storage->axes[0] ? ORIENTATION_COLUMN : ORIENTATION_ROW;
}

/* A buffer for the part, declared and filled in front of the map; the access of it. */
static struct node *keep_part(struct tensorizer *t, struct node_access *target, struct node *part) {
    const char *axes[2];
    size_t count = axes_in(target, part, axes);
    struct node *value = part_value(t, part);
    const char *name = buffer_declare(t, MEMORY_SHARED, "part", count, axes, value_dtype(t, value),
                                      count == 1 ? vector_orientation(t, target, axes[0]) : ORIENTATION_NONE);
    struct node *access = buffer_access(t, name);
    tile_emit(t, TILE_MAP, access, ASSIGN_SET, value);
    return access;
}

/* ---- statements ---- */

static struct node *split_map(struct splitter *s, struct node_tile *tile) {
    struct tensorizer *t = s->t;
    struct node_access *target = node_as(tile->target, access);
    struct node_tile rest = *tile;
    int capacity = (int)t->compilation->architecture->dst_tiles_f32, parts = 0;
    while (slots_of(t, target, rest.value) > capacity) {
        struct node *part = largest_part(t, target, rest.value, capacity);
        if (!part)
            break; /* memory_space_lower_tt says what is too deep */
        t->span = tile->base.span;
        rest.value = replace_equal(t->arena, rest.value, part, keep_part(t, target, part));
        parts++;
    }
    if (parts)
        report_remark(t->compilation->diagnostics, tile->base.span,
                      "this needs more tiles at once than the %d that the device computes on: %d of its parts go through the core's memory",
                      capacity, parts);
    return rest.value == tile->value ? &tile->base : arena_copy(t->arena, &rest, sizeof rest);
}

static struct node *split(struct node *node, void *context) {
    struct splitter *s = context;
    struct node_block *block = node_as(node, block);
    if (!block)
        return node_map_children(s->t->arena, node, split, s);
    struct list_builder out = {0};
    struct list_builder *outer = s->t->out;
    for (size_t i = 0; i < block->statements.count; i++) {
        struct node_tile *tile = node_as(block->statements.items[i], tile);
        s->t->out = &out;
        struct node *statement =
            tile && tile->operation == TILE_MAP ? split_map(s, tile) : split(block->statements.items[i], s);
        builder_add(s->t->arena, &out, statement);
    }
    s->t->out = outer;
    struct node_list list = builder_list(&out);
    return list_equal(list, block->statements) ? node : make_block(s->t->arena, node->span, list);
}

struct node *maps_split(struct tensorizer *t, struct node *body) {
    struct splitter s = {t, body};
    return split(body, &s);
}
