/* Statements: assignments, loops, grids and branches become loop form. */
#include "grammar/parse.h"
#include "grammar/resolve.h"
#include "ir/element_range.h"

/* ---- targets ---- */

static bool assignable(struct resolver *r, struct entity *entity, struct span span) {
    bool tensor = entity->kind == ENTITY_TENSOR && entity->direction != DIRECTION_IN;
    if (tensor || entity->kind == ENTITY_VAR || entity->kind == ENTITY_BUFFER)
        return true;
    report_error(r->diagnostics, span, "%s is %s and cannot be assigned", entity->source,
                 entity_kind_text(entity));
    report_note(r->diagnostics, entity->span, "%s is declared here", entity->source);
    if (entity->kind == ENTITY_TENSOR)
        report_help(r->diagnostics, (struct span){0}, "to change it in place, declare it inout");
    if (entity->kind == ENTITY_LET)
        report_help(r->diagnostics, (struct span){0}, "a let is written once; what changes is a var");
    return false;
}

static struct value whole_target(struct resolver *r, struct entity *entity, struct span span) {
    if (entity->kind == ENTITY_TENSOR) {
        report_error(r->diagnostics, span, "%s is a tensor: say which elements, as in %s[...] = ...",
                     entity->source, entity->source);
        report_note(r->diagnostics, entity->span, "%s is declared here", entity->source);
        return poison(span);
    }
    if (entity->rank)
        return access_whole(r, entity, span);
    return value_of(node_new(r->arena, reference, REFERENCE, span, .name = entity->name), entity->dtype, 0,
                    span);
}

/* A block axis may stand in one subscript of a target only. */
static bool axes_stand_once(struct resolver *r, const struct value *target) {
    struct node_access *access = node_as(target->node, access);
    for (unsigned axis = 0; access && axis < r->open_count; axis++) {
        size_t count = 0;
        for (size_t i = 0; i < access->subscripts.count; i++)
            count += mentions(access->subscripts.items[i], r->open[axis]->name);
        if (count > 1) {
            report_error(r->diagnostics, target->span,
                         "not supported yet: block axis %s in two subscripts of a target",
                         r->open[axis]->source);
            return false;
        }
    }
    return true;
}

static struct value resolve_target(struct resolver *r, struct node *tree, struct entity **entity) {
    struct node_reference *reference = node_as(tree, reference);
    struct node_access *access = node_as(tree, access);
    if (!reference && !access) {
        report_error(r->diagnostics, tree->span, "this cannot be assigned");
        return poison(tree->span);
    }
    const char *name = reference ? reference->name : access->name;
    *entity = lookup(r, name, tree->span);
    if (!*entity && reference && !r->diagnostics->unshown)
        report_help(r->diagnostics, (struct span){0},
                    "to declare it: let %s = ..., or var %s = ... where it changes", name, name);
    if (!*entity || !assignable(r, *entity, tree->span))
        return poison(tree->span);
    if (access && access->otherwise) {
        report_error(r->diagnostics, access->otherwise->span,
                     "a target has no `else`: what is out of bounds is not written");
        return poison(tree->span);
    }
    return reference ? whole_target(r, *entity, tree->span) : resolve_access(r, tree, false, entity);
}

/* ---- assignments ---- */

static bool target_covers(struct resolver *r, const struct value *target, const struct value *value) {
    uint64_t more = value->axes & ~target->axes;
    if (!more)
        return true;
    const char *axes = axes_text(r, more);
    report_error(r->diagnostics, value->span, "this value varies along %s, and %s does not", axes,
                 told_text(r, target->node));
    report_help(r->diagnostics, (struct span){0}, "fold it, as in sum(%s: ...)", axes);
    return false;
}

/* What the operator stores, for the check of types: `c += x` is arithmetic of both. */
static struct value stored_value(struct resolver *r, const struct value *target, enum assign_operator op,
                                 struct value value) {
    if (op == ASSIGN_SET || !value.node)
        return value;
    bool keeps = op == ASSIGN_MAX || op == ASSIGN_MIN;
    struct value stored = value;
    stored.dtype =
        keeps ? join_types(r, value.span, target, &value) : arithmetic_type(r, value.span, target, &value);
    stored.literal = false;
    stored.narrow = !keeps && both_narrow(target, &value);
    return stored.dtype == DTYPE_NONE ? poison(value.span) : stored;
}

void resolve_assignment(struct resolver *r, struct list_builder *out, struct node *tree,
                        struct node *target_tree, enum assign_operator op, struct value value) {
    struct entity *entity = NULL;
    struct value target = resolve_target(r, target_tree, &entity);
    if (!target.node) {
        if (entity)
            entity->written = true;
        return;
    }
    if (op != ASSIGN_SET)
        check_written(r, entity, target_tree->span);
    entity->written = true;
    if (entity->dtype != DTYPE_U16 || entity->kind == ENTITY_VAR)
        value = wrapped(r, value);
    if (!value.node || !axes_stand_once(r, &target))
        return;
    bool keeps = op == ASSIGN_SET || op == ASSIGN_MAX || op == ASSIGN_MIN;
    note_assignment(r, entity, &value, !keeps);
    target.dtype = entity->dtype;
    struct value stored = stored_value(r, &target, op, value);
    if (!target_covers(r, &target, &value) ||
        !check_storable(r, &stored, entity->dtype, entity->source, entity->span))
        return;
    /* Sums and products of whole numbers may wrap later. */
    bool later = entity->dtype != DTYPE_BF16 && op != ASSIGN_MAX && op != ASSIGN_MIN;
    if (entity->rounds && op != ASSIGN_SET && !later) {
        value.node = make_update(r->arena, op, value_held(r, entity, target).node, value.node);
        op = ASSIGN_SET;
    }
    struct node *made =
        node_new(r->arena, assign, ASSIGN, tree->span, .target = target.node, .op = op, .value = value.node);
    builder_add(r->arena, out, resolve_attributes(r, made, tree, PLACE_ASSIGNMENT));
}

/* ---- nests ---- */

static struct node_list resolve_axes(struct resolver *r, struct node_list trees, bool *sound) {
    struct list_builder axes = {0};
    for (size_t i = 0; i < trees.count; i++) {
        struct node *axis = open_axis(r, trees.items[i], true);
        *sound &= axis != NULL;
        builder_add(r->arena, &axes, axis);
    }
    return builder_list(&axes);
}

/* The problem with names as the source has them. */
static void report_range(struct resolver *r, const struct element_range_problem *problem) {
    struct told_names names = {.first = r->told}, *before = r->diagnostics->telling;
    r->diagnostics->telling = &names;
    report_error(r->diagnostics, problem->span, "%s", problem->text);
    if (problem->help)
        report_help(r->diagnostics, (struct span){0}, "%s", problem->help);
    r->diagnostics->telling = before;
}

static enum dtype element_in_scope(const char *name, void *context) {
    const struct entity *entity = lookup_quietly(context, name);
    return entity && entity->kind != ENTITY_AXIS ? entity->dtype : DTYPE_NONE;
}

/* One loop after another, innermost first, each with what keeps to a range that differs from element to element of the
 * blocks around it. NULL after a report. */
static struct node *keep_to_ranges(struct resolver *r, struct node *loop, unsigned open) {
    struct node_list axes = node_as(loop, for)->axes;
    struct block_around around[sizeof r->open / sizeof *r->open];
    struct blocks_around blocks = {around, 0};
    bool differs = false;
    for (; blocks.count < open; blocks.count++)
        around[blocks.count] = (struct block_around){r->open[blocks.count]->name, r->open[blocks.count]->step};
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        differs |= bound_differs(axis->lower, blocks) || bound_differs(axis->upper, blocks);
    }
    struct node *body = node_as(loop, for)->body, *made = loop;
    for (size_t i = axes.count; differs && i-- > 0;) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        struct element_range_problem problem;
        struct value_types types = {NULL, element_in_scope, r};
        made = node_new(r->arena, for, FOR, loop->span, .axes = LIST(r->arena, axes.items[i]), .body = body);
        if (bound_differs(axis->lower, blocks) || bound_differs(axis->upper, blocks))
            made = element_range_settle(r->arena, node_as(made, for), blocks, &types, &problem);
        if (!made) {
            report_range(r, &problem);
            return NULL;
        }
        body = make_block(r->arena, loop->span, LIST(r->arena, made));
    }
    return made;
}

static struct node *resolve_for(struct resolver *r, struct node *tree) {
    struct node_for *loop = node_as(tree, for);
    struct entity *mark = scope_mark(r);
    unsigned open = r->open_count;
    bool sound = true, nested = r->inside_loop;
    struct node_list axes = resolve_axes(r, loop->axes, &sound);
    r->inside_loop = true;
    struct node *body = resolve_block(r, loop->body);
    r->inside_loop = nested;
    scope_close(r, mark);
    if (!sound || !body)
        return NULL;
    struct node *made = node_new(r->arena, for, FOR, tree->span, .axes = axes, .body = body);
    made = keep_to_ranges(r, made, open);
    return made ? resolve_attributes(r, made, tree, PLACE_LOOP) : NULL;
}

static struct node *resolve_grid(struct resolver *r, struct node *tree) {
    struct node_grid *grid = node_as(tree, grid);
    if (r->inside_grid || r->inside_loop) {
        report_error(r->diagnostics, tree->span,
                     "a grid stands at the top of a kernel, not inside another %s",
                     r->inside_grid ? "grid" : "loop");
        report_help(r->diagnostics, (struct span){0}, "use for");
    }
    struct entity *mark = scope_mark(r);
    bool sound = true, outside = r->inside_grid;
    r->opens_grid = true;
    struct node_list axes = resolve_axes(r, grid->axes, &sound);
    r->opens_grid = false;
    r->inside_grid = true;
    struct node *body = resolve_block(r, grid->body);
    r->inside_grid = outside;
    scope_close(r, mark);
    if (!sound || !body)
        return NULL;
    return resolve_attributes(r, node_new(r->arena, grid, GRID, tree->span, .axes = axes, .body = body), tree,
                              PLACE_LOOP);
}

/* A branch that is never taken is checked and dropped; it writes nothing. */
static void resolve_dead_block(struct resolver *r, struct node *tree) {
    size_t count = 0;
    for (struct entity *entity = r->newest; entity; entity = entity->older)
        count++;
    bool *written = arena_allocate(r->arena, count + 1);
    count = 0;
    for (struct entity *entity = r->newest; entity; entity = entity->older)
        written[count++] = entity->written;
    resolve_block(r, tree);
    count = 0;
    for (struct entity *entity = r->newest; entity; entity = entity->older)
        entity->written = written[count++];
}

static void resolve_if(struct resolver *r, struct node *tree, struct list_builder *out) {
    struct node_if *branch = node_as(tree, if);
    struct node *condition = resolve_condition(r, branch->condition), *otherwise = NULL;
    int64_t known;
    if (integer_value(condition, &known)) {
        struct node *taken = known ? branch->then : branch->otherwise,
                    *dead = known ? branch->otherwise : branch->then;
        if (dead)
            resolve_dead_block(r, dead);
        struct node *block = taken ? resolve_block(r, taken) : NULL;
        if (block)
            builder_add_all(r->arena, out, node_as(block, block)->statements);
        return;
    }
    struct node *then = resolve_block(r, branch->then);
    if (branch->otherwise)
        otherwise = resolve_block(r, branch->otherwise);
    if (!condition || !then || (branch->otherwise && !otherwise))
        return;
    struct node *made =
        node_new(r->arena, if, IF, tree->span, .condition = condition, .then = then, .otherwise = otherwise);
    builder_add(r->arena, out, resolve_attributes(r, made, tree, PLACE_OTHER));
}

static void resolve_statement(struct resolver *r, struct node *tree, struct list_builder *out) {
    switch (tree->kind) {
    case NODE_FOR:
        builder_add(r->arena, out, resolve_for(r, tree));
        break;
    case NODE_GRID:
        builder_add(r->arena, out, resolve_grid(r, tree));
        break;
    case NODE_IF:
        resolve_if(r, tree, out);
        break;
    case NODE_LET:
        resolve_let(r, tree, out);
        break;
    case NODE_VAR:
        resolve_var(r, tree, out);
        break;
    case NODE_BUFFER:
        resolve_buffer(r, tree, out);
        break;
    case NODE_ASSIGN: {
        struct node_assign *assign = node_as(tree, assign);
        struct value value = resolve_expression(r, assign->value);
        resolve_assignment(r, out, tree, assign->target, assign->op, value);
        break;
    }
    case NODE_STATEMENT:
        resolve_tile_statement(r, tree, out);
        break;
    default:
        report_error(r->diagnostics, tree->span, "kernels are launched by programs, not inside a kernel");
    }
}

struct node *resolve_block(struct resolver *r, struct node *tree) {
    struct node_block *block = node_as(tree, block);
    if (!enter(r, tree->span)) {
        leave(r);
        return NULL;
    }
    struct entity *mark = scope_mark(r);
    struct list_builder statements = {0};
    for (size_t i = 0; i < block->statements.count; i++)
        resolve_statement(r, block->statements.items[i], &statements);
    scope_close(r, mark);
    leave(r);
    return make_block(r->arena, tree->span, builder_list(&statements));
}
