/* Declarations in a kernel: let, var, shared and fragment, with the types and axes that their uses decide. */
#include "grammar/parse.h"
#include "grammar/resolve.h"
#include "ir/attributes.h"
#include "ir/value_type.h"

/* ---- types of untyped variables ---- */

static struct decision *decision_find(struct resolver *r, const struct node *declared) {
    struct decision *decision = r->decisions->buckets[pointer_hash(declared) % 256];
    while (decision && decision->declared != declared)
        decision = decision->next;
    return decision;
}

/* What the variable is known to need; the first value decides the first time. */
static void decide(struct resolver *r, struct entity *entity, const struct value *first) {
    struct decision *decision = decision_find(r, entity->declared);
    if (!decision) {
        decision = arena_allocate(r->arena, sizeof *decision);
        bool flexible = first->literal && !dtype_is_float(first->dtype) && first->dtype != DTYPE_BOOL;
        struct decision **bucket = &r->decisions->buckets[pointer_hash(entity->declared) % 256];
        *decision =
            (struct decision){entity->declared, flexible ? DTYPE_I32 : own_type(first), flexible, *bucket};
        *bucket = decision;
    }
    entity->dtype = decision->dtype;
    entity->integer_literal = decision->literal;
}

/* Joins the type of an assigned value. A var that began as a whole number becomes f32 with the first float.
 * Types only grow, so that the rounds end. */
void note_assignment(struct resolver *r, struct entity *entity, const struct value *value, bool arithmetic) {
    struct decision *decision = entity->untyped ? decision_find(r, entity->declared) : NULL;
    if (!decision || !value->node || value->dtype == DTYPE_BOOL)
        return;
    enum dtype joined;
    if (decision->literal && dtype_is_float(value->dtype)) {
        joined = DTYPE_F32;
        decision->literal = false;
    } else if (decision->literal && (value->dtype == DTYPE_INDEX || decision->dtype != DTYPE_I32)) {
        return;
    } else if (decision->literal) { /* narrow whole numbers are worked out as wider ones */
        joined = computed_type(value->dtype);
    } else {
        struct value held = value_of(value->node, decision->dtype, 0, value->span);
        joined = arithmetic ? arithmetic_type(r, value->span, &held, value)
                            : join_types(r, value->span, &held, value);
    }
    if (joined == DTYPE_NONE || joined == decision->dtype)
        return;
    decision->dtype = joined;
    r->decisions_changed = true;
}

/* ---- axes of declarations ---- */

/* Axes as written: `j` is an open block axis, `j in N` opens one. NULL entities where opened. */
struct declared_axes {
    struct node_list nodes;
    struct entity **entities;
    size_t count;
    uint64_t open;
    bool sound;
};

static struct node *axis_in_scope(struct resolver *r, struct node_axis *tree, struct entity **found,
                                  const char *what) {
    struct entity *axis = lookup(r, tree->name, tree->base.span);
    if (!axis)
        return NULL;
    if (axis->kind != ENTITY_AXIS || !axis->block) {
        report_error(r->diagnostics, tree->base.span, "an axis of %s is a block axis, and %s is %s", what,
                     axis->source, entity_kind_text(axis));
        report_note(r->diagnostics, axis->span, "%s is declared here", axis->source);
        report_help(r->diagnostics, (struct span){0},
                    "open an axis of its own with %s in ..., or make %s a block with `by`", tree->name,
                    tree->name);
        return NULL;
    }
    *found = axis;
    return node_new(r->arena, axis, AXIS, tree->base.span, .name = axis->name);
}

static struct declared_axes declared_axes(struct resolver *r, struct node_list trees, bool may_open,
                                          const char *what) {
    struct declared_axes result = {.count = trees.count, .sound = true};
    result.entities = arena_allocate(r->arena, (trees.count + 1) * sizeof *result.entities);
    struct list_builder nodes = {0};
    for (size_t i = 0; i < trees.count; i++) {
        struct node_axis *tree = node_as(trees.items[i], axis);
        struct node *made = NULL;
        if (tree->upper && !may_open) {
            report_error(r->diagnostics, tree->base.span, "not supported yet: %s with an axis of its own",
                         what);
            report_help(r->diagnostics, (struct span){0}, "its axes are block axes of the loops around it");
        } else {
            made = tree->upper ? open_axis(r, &tree->base, false)
                               : axis_in_scope(r, tree, &result.entities[i], what);
        }
        struct entity *axis = result.entities[i];
        if (axis && (result.open & axis_bit(axis))) {
            report_error(r->diagnostics, tree->base.span, "axis %s stands twice", axis->source);
            made = NULL;
        }
        result.open |= axis ? axis_bit(axis) : 0;
        result.sound &= made != NULL;
        builder_add(r->arena, &nodes, made);
    }
    result.nodes = builder_list(&nodes);
    return result;
}

/* Without written axes, a declaration has those of its value. */
static void infer_axes(struct resolver *r, struct declared_axes *axes, const struct value *value) {
    if (axes->count || !value->node || !value->axes)
        return;
    axes->nodes = axes_in_order(r, value->node, value->axes);
    axes->count = axes->nodes.count;
    axes->open = value->axes;
    axes->entities = arena_allocate(r->arena, (axes->count + 1) * sizeof *axes->entities);
    for (size_t i = 0; i < axes->count; i++)
        for (unsigned j = 0; j < r->open_count; j++)
            if (r->open[j]->name == node_as(axes->nodes.items[i], axis)->name)
                axes->entities[i] = r->open[j];
}

static bool covers(struct resolver *r, const char *name, const struct declared_axes *axes,
                   const struct value *value) {
    uint64_t more = value->axes & ~axes->open;
    if (!value->node || !more)
        return value->node != NULL;
    report_error(r->diagnostics, value->span, "this value varies along %s, which is no axis of %s",
                 axes_text(r, more), name);
    report_help(r->diagnostics, (struct span){0}, "fold it, as in sum(%s: ...), or give %s the axis",
                axes_text(r, more), name);
    return false;
}

static struct entity *declare_with_axes(struct resolver *r, enum entity_kind kind, struct node *tree,
                                        const char *name, const struct declared_axes *axes,
                                        enum dtype dtype) {
    struct entity *entity = declare(r, kind, name, tree->span);
    entity->declared = tree;
    entity->dtype = dtype;
    entity->rank = axes->count;
    entity->axes = axes->entities;
    return entity;
}

/* ---- declarations ---- */

static bool check_type(struct resolver *r, enum dtype dtype, struct span span, const char *what) {
    if (dtype != DTYPE_BFP8 && dtype != DTYPE_BFP4)
        return true;
    report_error(r->diagnostics, span, "%s has no single values of type %s", what,
                 word_text(WORDS_dtype, dtype));
    report_help(r->diagnostics, (struct span){0}, "block formats are for tensors, shared and fragment");
    return false;
}

/* The value of a declaration, resolved where its own axes are in scope. */
static struct value initial_value(struct resolver *r, struct node *tree) {
    return tree ? wrapped(r, resolve_expression(r, tree)) : poison((struct span){0});
}

void resolve_let(struct resolver *r, struct node *tree, struct list_builder *out) {
    struct node_let *let = node_as(tree, let);
    struct entity *mark = scope_mark(r);
    struct declared_axes axes = declared_axes(r, let->axes, true, "a let");
    struct value value = initial_value(r, let->value);
    scope_close(r, mark);
    infer_axes(r, &axes, &value);
    enum dtype dtype = let->dtype != DTYPE_NONE ? let->dtype : own_type(&value);
    bool sound = axes.sound && check_type(r, let->dtype, tree->span, "a let");
    if (!let->value)
        report_error(r->diagnostics, tree->span, "a let needs a value: let %s = ...", let->name);
    sound = sound && covers(r, let->name, &axes, &value) &&
            check_storable(r, &value, dtype, let->name, tree->span);
    struct entity *entity = declare_with_axes(r, ENTITY_LET, tree, let->name, &axes, dtype);
    entity->written = true;
    int64_t number;
    if (sound && let->dtype == DTYPE_NONE && !axes.count && value.literal &&
        integer_value(value.node, &number))
        entity->value = value; /* a name of the literal, which takes the type of its context */
    if (sound) {
        struct node *made = node_new(r->arena, let, LET, tree->span, .name = entity->name, .axes = axes.nodes,
                                     .dtype = dtype, .value = value.node);
        builder_add(r->arena, out, resolve_attributes(r, made, tree, PLACE_OTHER));
    }
}

void resolve_var(struct resolver *r, struct node *tree, struct list_builder *out) {
    struct node_var *var = node_as(tree, var);
    struct entity *mark = scope_mark(r);
    struct declared_axes axes = declared_axes(r, var->axes, true, "a var");
    struct value value = initial_value(r, var->value);
    scope_close(r, mark);
    bool untyped = var->dtype == DTYPE_NONE,
         sound = axes.sound && check_type(r, var->dtype, tree->span, "a var");
    if (untyped && !var->value) {
        report_error(r->diagnostics, tree->span, "var %s needs a type or a value", var->name);
        sound = false;
    }
    struct entity *entity = declare_with_axes(r, ENTITY_VAR, tree, var->name, &axes, var->dtype);
    entity->written = !untyped ? var->value != NULL : true;
    entity->untyped = untyped && value.node;
    entity->rounds = var->dtype == DTYPE_BF16 || var->dtype == DTYPE_U8 || var->dtype == DTYPE_U16;
    if (entity->untyped)
        decide(r, entity, &value);
    if (var->value)
        sound = sound && covers(r, var->name, &axes, &value) &&
                check_storable(r, &value, entity->dtype, var->name, tree->span);
    if (sound) {
        struct node *made = node_new(r->arena, var, VAR, tree->span, .name = entity->name, .axes = axes.nodes,
                                     .dtype = entity->dtype, .value = value.node);
        builder_add(r->arena, out, resolve_attributes(r, made, tree, PLACE_OTHER));
    }
}

static enum dtype buffer_type(struct resolver *r, const struct node_buffer *buffer,
                              const struct value *value) {
    if (buffer->dtype != DTYPE_NONE || !value->node)
        return buffer->dtype;
    if (buffer->memory == MEMORY_FRAGMENT && value->literal)
        return DTYPE_F32;
    if (!value->literal && value->dtype != DTYPE_INDEX)
        return value->dtype;
    report_error(r->diagnostics, buffer->base.span, "buffer %s needs a type: %s[...]: bf16 = ...",
                 buffer->name, buffer->name);
    return DTYPE_NONE;
}

/* Blocks are sent from L1 to L1, where a fragment need not lie. */
static void check_multicast(struct resolver *r, const struct node *tree, const struct node *made) {
    const struct node_buffer *buffer = (const struct node_buffer *)made;
    if (!attribute_get(made, KEY_MULTICAST) || buffer->memory == MEMORY_SHARED)
        return;
    report_error(r->diagnostics, tree->span, "fragment %s has no place in L1, to which a block could be sent",
                 buffer->name);
    report_help(r->diagnostics, (struct span){0}, "@multicast stands at a shared buffer: shared %s = ...",
                buffer->name);
}

void resolve_buffer(struct resolver *r, struct node *tree, struct list_builder *out) {
    struct node_buffer *buffer = node_as(tree, buffer);
    const char *memory = word_text(WORDS_memory, buffer->memory);
    struct declared_axes axes =
        declared_axes(r, buffer->axes, false, arena_printf(r->arena, "a %s buffer", memory));
    struct value value = initial_value(r, buffer->value);
    infer_axes(r, &axes, &value);
    bool sound = axes.sound && (!buffer->value || covers(r, buffer->name, &axes, &value));
    if (sound && !axes.count) {
        report_error(r->diagnostics, tree->span, "buffer %s has no block axes", buffer->name);
        report_help(r->diagnostics, (struct span){0},
                    "a %s holds blocks, as in %s a[i, k], inside loops with `by`; one number is a var",
                    memory, memory);
        sound = false;
    }
    enum dtype dtype = buffer_type(r, buffer, &value);
    if (!buffer->value && dtype == DTYPE_NONE)
        report_error(r->diagnostics, tree->span, "buffer %s needs a type or a value", buffer->name);
    sound = sound && dtype != DTYPE_NONE &&
            (!buffer->value || check_storable(r, &value, dtype, buffer->name, tree->span));
    struct entity *entity = declare_with_axes(r, ENTITY_BUFFER, tree, buffer->name, &axes, dtype);
    entity->written = buffer->value != NULL;
    entity->accumulates = entity->written && buffer->memory == MEMORY_FRAGMENT;
    if (sound) {
        struct node *made =
            node_new(r->arena, buffer, BUFFER, tree->span, .memory = buffer->memory, .name = entity->name,
                     .axes = axes.nodes, .dtype = dtype, .value = value.node);
        made = resolve_attributes(r, made, tree, PLACE_BUFFER);
        check_multicast(r, tree, made);
        builder_add(r->arena, out, made);
    }
}
