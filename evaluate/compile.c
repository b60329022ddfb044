/* A kernel to a program of the evaluator: parameters, statements, loops. */
#include <string.h>

#include "evaluate/compile.h"
#include "ir/attributes.h"
#include "ir/names.h"
#include "ir/query.h"

#define NESTING_LIMIT 400

struct instruction *instruction_add(struct compiler *c, enum instruction_kind kind, struct span span) {
    struct program *p = c->program;
    if (p->count == c->instruction_capacity) {
        c->instruction_capacity = c->instruction_capacity ? 2 * c->instruction_capacity : 64;
        struct instruction *instructions =
            arena_allocate(c->arena, c->instruction_capacity * sizeof *instructions);
        if (p->count)
            memcpy(instructions, p->instructions, p->count * sizeof *instructions);
        p->instructions = instructions;
    }
    struct instruction *instruction = &p->instructions[p->count++];
    *instruction = (struct instruction){.kind = kind, .span = span, .high = NO_SLOT, .step = NO_SLOT};
    return instruction;
}

uint32_t storage_new(struct compiler *c, const char *name, const struct node_parameter *parameter) {
    struct program *p = c->program;
    if (p->storage_count == c->storage_capacity) {
        c->storage_capacity = c->storage_capacity ? 2 * c->storage_capacity : 16;
        struct storage_plan *storages = arena_allocate(c->arena, c->storage_capacity * sizeof *storages);
        if (p->storage_count)
            memcpy(storages, p->storages, p->storage_count * sizeof *storages);
        p->storages = storages;
    }
    p->storages[p->storage_count] = (struct storage_plan){name, parameter};
    return (uint32_t)p->storage_count++;
}

static void emit_set(struct compiler *c, struct span span, uint32_t slot, const struct expression *value) {
    struct instruction *set = instruction_add(c, DO_SET, span);
    set->slot = slot;
    set->value = value;
}

static uint32_t emit_new_slot(struct compiler *c, struct span span, const struct expression *value) {
    uint32_t slot = slot_new(c);
    emit_set(c, span, slot, value);
    return slot;
}

/* ---- loops ---- */

struct loop {
    const struct node *node;
    struct node_list axes;
    const struct node *body;
};

/* The names of an axis, declared behind its bounds. */
static void declare_axis(struct compiler *c, const struct node_axis *axis, uint32_t slot, uint32_t high) {
    struct entity *entity =
        entity_add(c, high == NO_SLOT ? ENTITY_SLOT : ENTITY_AXIS, axis->name, &axis->base);
    entity->type = NUMBER_INDEX;
    entity->dtype = DTYPE_INDEX;
    entity->loop = true;
    entity->slot = high == NO_SLOT ? slot : slot_new(c);
    entity->lower = slot;
    entity->high = high;
}

static void compile_loop(struct compiler *c, const struct loop *loop, size_t index) {
    if (index == loop->axes.count) {
        compile_statement(c, loop->body);
        return;
    }
    const struct node_axis *axis = node_as(loop->axes.items[index], axis);
    struct span span = loop->node->span;
    if (!axis->lower || !axis->upper) {
        compile_fail(c, span, "axis %s of a loop has no range", axis->name);
        return;
    }
    const struct expression *lower = compile_integer(c, axis->lower, "a bound");
    const struct expression *upper = lower ? compile_integer(c, axis->upper, "a bound") : NULL;
    const struct expression *step = upper && axis->step ? compile_integer(c, axis->step, "a step") : NULL;
    if (c->failed)
        return;
    uint32_t slot = emit_new_slot(c, span, lower), limit = emit_new_slot(c, span, upper), stride = NO_SLOT,
             high = NO_SLOT;
    size_t mark = c->entity_count;
    if (covers_whole_axis(axis)) {
        declare_axis(c, axis, slot, limit);
        compile_loop(c, loop, index + 1);
        c->entity_count = mark;
        return;
    }
    if (step) {
        stride = emit_new_slot(c, span, step);
        c->program->instructions[c->program->count - 1].positive = true;
        high = slot_new(c);
    }
    uint32_t top = (uint32_t)c->program->count;
    struct instruction *test = instruction_add(c, DO_LOOP, span);
    test->slot = slot;
    test->limit = limit;
    test->high = high;
    test->step = stride;
    declare_axis(c, axis, slot, high);
    compile_loop(c, loop, index + 1);
    c->entity_count = mark;
    struct instruction *next = instruction_add(c, DO_NEXT, span);
    next->slot = slot;
    next->step = stride;
    next->target = top;
    c->program->instructions[top].target = (uint32_t)c->program->count;
}

static void compile_if(struct compiler *c, const struct node_if *node) {
    const struct expression *condition = compile_expression(c, node->condition);
    if (!condition)
        return;
    size_t branch = c->program->count, mark = c->entity_count;
    instruction_add(c, DO_BRANCH, node->base.span)->value = condition;
    compile_statement(c, node->then);
    c->entity_count = mark;
    size_t jump = c->program->count;
    if (node->otherwise) {
        instruction_add(c, DO_JUMP, node->base.span);
        c->program->instructions[branch].target = (uint32_t)c->program->count;
        compile_statement(c, node->otherwise);
        c->entity_count = mark;
        c->program->instructions[jump].target = (uint32_t)c->program->count;
    } else {
        c->program->instructions[branch].target = (uint32_t)c->program->count;
    }
}

/* ---- declarations ---- */

/* What a let, var or buffer is stored as, and over which axes its value runs. */
struct shape {
    size_t rank;
    struct range ranges[TENSOR_RANK_LIMIT];
    const char *
        bound[TENSOR_RANK_LIMIT]; /* block axes in scope that the value runs over; NULL: an axis of its own */
};

/* An axis without range is one in scope: its block, or the one element it stands for. */
static bool shape_of_axis(struct compiler *c, const struct node_axis *axis, struct shape *shape) {
    struct range *range = &shape->ranges[shape->rank];
    struct span span = axis->base.span;
    if (axis->lower) {
        range->lower = compile_integer(c, axis->lower, "a bound");
        range->upper = range->lower && axis->upper ? compile_integer(c, axis->upper, "a bound") : NULL;
        range->slot = slot_new(c);
        shape->rank++;
        return range->upper != NULL;
    }
    struct entity *entity = entity_find(c, axis->name);
    if (!entity || (entity->kind != ENTITY_AXIS && !(entity->kind == ENTITY_SLOT && entity->loop))) {
        compile_fail(c, span, "%s is no axis in scope", axis->name);
        return false;
    }
    bool block = entity->kind == ENTITY_AXIS;
    range->slot = entity->slot;
    range->lower = expression_slot(c, block ? entity->lower : entity->slot, NUMBER_INDEX, span);
    range->upper = block ? expression_slot(c, entity->high, NUMBER_INDEX, span)
                         : expression_arithmetic(c, BINARY_ADD, range->lower,
                                                 expression_integer(c, 1, NUMBER_INDEX, span));
    if (!block) /* the loop's own element stays as it is */
        range->slot = slot_new(c);
    else
        shape->bound[shape->rank] = axis->name;
    shape->rank++;
    return true;
}

static bool shape_of(struct compiler *c, struct span span, struct node_list axes, struct shape *shape) {
    if (axes.count > TENSOR_RANK_LIMIT) {
        compile_fail(c, span, "more than %d axes", TENSOR_RANK_LIMIT);
        return false;
    }
    for (size_t i = 0; i < axes.count; i++)
        if (!shape_of_axis(c, node_as(axes.items[i], axis), shape))
            return false;
    return true;
}

static void emit_declaration(struct compiler *c, struct span span, uint32_t storage,
                             const struct shape *shape) {
    struct declaration *declaration = arena_allocate(c->arena, sizeof *declaration);
    declaration->storage = storage;
    declaration->rank = shape->rank;
    memcpy(declaration->bounds, shape->ranges, sizeof declaration->bounds);
    instruction_add(c, DO_DECLARE, span)->declaration = declaration;
}

static void bind_shape(struct compiler *c, const struct shape *shape, bool bound) {
    for (size_t i = 0; i < shape->rank; i++) {
        struct entity *entity = shape->bound[i] ? entity_find(c, shape->bound[i]) : NULL;
        if (entity)
            entity->bound = bound;
    }
}

/* The type of an untyped let: what its value is, found by compiling it once for nothing. */
static enum number_type value_type(struct compiler *c, const struct node *value) {
    const struct expression *e = compile_expression(c, value);
    return e ? e->type : NUMBER_FLOAT;
}

static enum dtype dtype_of(enum number_type type) {
    static const enum dtype dtypes[] = {[NUMBER_INDEX] = DTYPE_INDEX,
                                        [NUMBER_I32] = DTYPE_I32,
                                        [NUMBER_U32] = DTYPE_U32,
                                        [NUMBER_BOOL] = DTYPE_BOOL,
                                        [NUMBER_FLOAT] = DTYPE_F32};
    return dtypes[type];
}

/* A let or var with axes. Its own axes are visible to the value only. */
static void compile_function_of_axes(struct compiler *c, const struct node *node, const char *name,
                                     struct node_list axes, enum dtype dtype, const struct node *value) {
    struct shape shape = {0};
    if (!shape_of(c, node->span, axes, &shape))
        return;
    size_t mark = c->entity_count;
    for (size_t i = 0; i < shape.rank; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        if (!axis->lower)
            continue;
        struct entity *own = entity_add(c, ENTITY_SLOT, axis->name, &axis->base);
        own->type = NUMBER_INDEX;
        own->slot = shape.ranges[i].slot;
    }
    bind_shape(c, &shape, true);
    if (!dtype)
        dtype = value ? dtype_of(value_type(c, value)) : DTYPE_F32;
    struct entity stored = {.kind = ENTITY_STORAGE,
                            .name = name,
                            .node = node,
                            .dtype = dtype,
                            .rank = shape.rank,
                            .type = number_type_of(dtype),
                            .variable = true};
    stored.index = storage_new(c, name, NULL);
    emit_declaration(c, node->span, stored.index, &shape);
    if (value && !c->failed)
        compile_fill(c, node, &stored, shape.rank, shape.ranges, value, false);
    bind_shape(c, &shape, false);
    c->entity_count = mark;
    *entity_add(c, ENTITY_STORAGE, name, node) = stored;
}

static void compile_scalar(struct compiler *c, const struct node *node, const char *name, enum dtype dtype,
                           const struct node *value, bool variable) {
    const struct expression *e = value ? compile_expression(c, value) : NULL;
    if (c->failed)
        return;
    enum number_type type = dtype ? number_type_of(dtype) : e && !variable ? e->type : NUMBER_FLOAT;
    if (e && e->type == NUMBER_FLOAT && type != NUMBER_FLOAT) {
        compile_fail(c, node->span, "a float value does not become an integer by itself: convert it");
        return;
    }
    e = e ? expression_rounded(c, expression_as(c, e, type), dtype, node->span) : NULL;
    bool real = type == NUMBER_FLOAT;
    uint32_t slot = real ? c->program->numbers++ : slot_new(c);
    struct instruction *set = instruction_add(c, real ? DO_NUMBER : DO_SET, node->span);
    set->slot = slot;
    set->value = e || real ? e : expression_integer(c, INT64_MIN, NUMBER_INDEX, node->span);
    struct entity *entity = entity_add(c, real ? ENTITY_FLOAT : ENTITY_SLOT, name, node);
    entity->type = type;
    entity->dtype = dtype ? dtype : dtype_of(type);
    entity->slot = slot;
    entity->variable = variable;
    entity->checked = variable && !e;
}

static void compile_buffer(struct compiler *c, const struct node_buffer *buffer) {
    struct shape shape = {0};
    if (!shape_of(c, buffer->base.span, buffer->axes, &shape))
        return;
    struct entity stored = {.kind = ENTITY_STORAGE,
                            .name = buffer->name,
                            .node = &buffer->base,
                            .dtype = buffer->dtype,
                            .rank = shape.rank,
                            .type = number_type_of(buffer->dtype)};
    stored.index = storage_new(c, buffer->name, NULL);
    emit_declaration(c, buffer->base.span, stored.index, &shape);
    if (buffer->value) {
        bind_shape(c, &shape, true);
        compile_fill(c, &buffer->base, &stored, shape.rank, shape.ranges, buffer->value, true);
        bind_shape(c, &shape, false);
    }
    *entity_add(c, ENTITY_STORAGE, buffer->name, &buffer->base) = stored;
}

static void compile_delinearize(struct compiler *c, const struct node_delinearize *node) {
    struct delinearization *d = arena_allocate(c->arena, sizeof *d);
    d->count = node->names.count;
    if (d->count == 0 || d->count > TENSOR_RANK_LIMIT || node->extents.count != d->count) {
        compile_fail(c, node->base.span, "delinearize to %zu names over %zu extents", node->names.count,
                     node->extents.count);
        return;
    }
    d->value = compile_integer(c, node->value, "what delinearize takes apart");
    for (size_t i = 0; i < d->count && !c->failed; i++) {
        d->extents[i] = compile_integer(c, node->extents.items[i], "an extent");
        d->slots[i] = slot_new(c);
    }
    if (c->failed)
        return;
    instruction_add(c, DO_DELINEARIZE, node->base.span)->delinearization = d;
    for (size_t i = 0; i < d->count; i++) {
        struct node_reference *name = node_as(node->names.items[i], reference);
        if (!name) {
            compile_fail(c, node->base.span, "delinearize gives values to names only");
            return;
        }
        if (strcmp(name->name, NAME_UNUSED) == 0)
            continue;
        struct entity *entity = entity_add(c, ENTITY_SLOT, name->name, &node->base);
        entity->type = NUMBER_INDEX;
        entity->slot = d->slots[i];
    }
}

static void compile_tile(struct compiler *c, const struct node_tile *tile) {
    c->tile = tile;
    compile_assignment(c, &tile->base, tile->target, tile->op, tile->value);
    c->tile = NULL;
}

/* ---- statements ---- */

static void compile_kind(struct compiler *c, const struct node *node) {
    size_t mark = c->entity_count;
    switch (node->kind) {
    case NODE_BLOCK:
        for (size_t i = 0; i < ((const struct node_block *)node)->statements.count; i++)
            compile_statement(c, ((const struct node_block *)node)->statements.items[i]);
        c->entity_count = mark;
        break;
    case NODE_GRID:
        compile_loop(c,
                     &(struct loop){node, ((const struct node_grid *)node)->axes,
                                    ((const struct node_grid *)node)->body},
                     0);
        break;
    case NODE_FOR:
        compile_loop(c,
                     &(struct loop){node, ((const struct node_for *)node)->axes,
                                    ((const struct node_for *)node)->body},
                     0);
        break;
    case NODE_IF:
        compile_if(c, (const struct node_if *)node);
        break;
    case NODE_LET: {
        const struct node_let *let = (const struct node_let *)node;
        if (let->axes.count)
            compile_function_of_axes(c, node, let->name, let->axes, let->dtype, let->value);
        else
            compile_scalar(c, node, let->name, let->dtype, let->value, false);
        break;
    }
    case NODE_VAR: {
        const struct node_var *var = (const struct node_var *)node;
        if (var->axes.count)
            compile_function_of_axes(c, node, var->name, var->axes, var->dtype, var->value);
        else
            compile_scalar(c, node, var->name, var->dtype, var->value, true);
        break;
    }
    case NODE_BUFFER:
        compile_buffer(c, (const struct node_buffer *)node);
        break;
    case NODE_ASSIGN: {
        const struct node_assign *assign = (const struct node_assign *)node;
        compile_assignment(c, node, assign->target, assign->op, assign->value);
        break;
    }
    case NODE_TILE:
        compile_tile(c, (const struct node_tile *)node);
        break;
    case NODE_DELINEARIZE:
        compile_delinearize(c, (const struct node_delinearize *)node);
        break;
    case NODE_CIRCULAR_BUFFER: /* homes of buffers, which mean nothing in tile form, and their semaphores */
    case NODE_SEMAPHORE:
        break;
    default:
        compile_fail(c, node->span, "a %s is no statement of loop or tile form",
                     node->kind == NODE_STATEMENT ? "call" : node_info(node->kind)->name);
    }
}

void compile_statement(struct compiler *c, const struct node *node) {
    if (c->failed)
        return;
    bool exact = c->exact;
    c->exact = exact || attribute_get(node, KEY_EXACT);
    if (++c->depth > NESTING_LIMIT)
        compile_fail(c, node->span, "statements are nested too deeply");
    else
        compile_kind(c, node);
    c->depth--;
    c->exact = exact;
}
