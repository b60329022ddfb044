/* Nests over elements as equations. Statements are read in program order, each over its whole iteration space
 * at once; for every tensor written and every var there is a cell with the value it has so far, as an
 * expression of its own axes. An assignment whose loops its target does not name accumulates over them. What
 * this reading would change is refused: a value that depends on another iteration, a part of an output, a
 * condition that varies, a range that is not a box.
 */
#include <string.h>

#include "analysis/dependence.h"
#include "ir/build.h"
#include "ir/query.h"
#include "transforms/auto_tile_cells.h"

static void walk_list(struct normaliser *n, struct node *body);

/* ---- conditions ---- */

static struct node_assign *only_assign(struct node *body) {
    struct node_block *block = node_as(body, block);
    return node_as(block && block->statements.count == 1 ? block->statements.items[0] : body, assign);
}

/* What stands in `if k == 0` is read as if it stood before the loop over k (read_assign asks whether it may). */
static void open_first(struct normaliser *n, const struct node_if *branch, int loop) {
    n->loops[loop].first_only = true;
    n->loops[loop].cells = n->cell_count;
    n->loops[loop].branch_span = cell_place(n, &branch->base);
}

/* `if k == 0 { C = e at 0 } else { C += e }`: the accumulation of e from the neutral element. */
static bool walk_first_or_rest(struct normaliser *n, struct node_if *branch, int loop) {
    struct node_assign *first = only_assign(branch->then), *rest = only_assign(branch->otherwise);
    struct update update = rest ? as_update(rest) : (struct update){.op = ASSIGN_SET};
    if (!first || !rest || first->op != ASSIGN_SET || update.op == ASSIGN_SET || update.negative ||
        !node_equal(first->target, rest->target))
        return false;
    const struct range *range = &n->loops[loop].range;
    struct node *at_first = simplify(n->arena, substitute(n->arena, update.value, range->name, range->lower));
    if (!node_equal(at_first, simplify(n->arena, first->value)) && !node_equal(update.value, first->value))
        return false;
    struct node_assign start = *first;
    start.value = make_real(n->arena, reduction_neutral(fold_of_update(update.op)));
    open_first(n, branch, loop);
    read_assign(n, &start);
    n->loops[loop].first_only = false;
    if (!n->t->failed)
        read_assign(n, rest);
    return true;
}

/* Does the loop variable stand on the left of an assignment? `if i == 0 { Y[i, j] = ... }`, of i. */
static bool writes_at(struct node *body, const char *axis) {
    for_each (assign, assign, body)
        if (mentions(assign->target, axis))
            return true;
    return false;
}

/* Is what the first iteration does told without the loop: does it read and change only what all iterations share? */
static bool is_shared_only(const struct normaliser *n, struct node *body, int loop) {
    for_each_node (node, body) {
        const char *name = mentioned_name(node);
        const struct cell *cell = name ? find_cell((struct normaliser *)(uintptr_t)n, name) : NULL;
        if (cell && cell->outer > (size_t)loop)
            return false;
    }
    return !writes_at(body, n->loops[loop].range.name);
}

/* A branch whose statements are carried out where a condition holds: each is a choice for itself. */
static void walk_where(struct normaliser *n, struct node *condition, struct node *body) {
    if (!open_condition(n, condition))
        return;
    walk_list(n, body);
    n->condition_count--;
}

static void walk_conditions(struct normaliser *n, struct node_if *branch) {
    struct node *condition = resolve(branch->condition, n);
    struct node *other = node_new(n->arena, unary, UNARY, condition->span, .op = UNARY_NOT, .operand = condition);
    if (!n->t->failed)
        walk_where(n, condition, branch->then);
    if (branch->otherwise && !n->t->failed)
        walk_where(n, other, branch->otherwise);
}

static void walk_both(struct normaliser *n, struct node_if *branch) {
    const struct cell *before = cells_kept(n);
    walk_list(n, branch->then);
    struct cell *then = cells_kept(n);
    cells_restore(n, before);
    if (branch->otherwise && !n->t->failed)
        walk_list(n, branch->otherwise);
    if (!n->t->failed)
        cells_choose(n, branch, before, then);
}

static void walk_if(struct normaliser *n, struct node_if *branch) {
    int loop;
    if (is_of_launch(n, branch->condition)) {
        walk_both(n, branch);
        return;
    }
    if (is_first_iteration(n, branch, &loop) && is_shared_only(n, branch->then, loop)) {
        if (!branch->otherwise) {
            struct range *range = &n->loops[loop].range;
            open_first(n, branch, loop);
            walk_list(n, substitute(n->arena, branch->then, range->name, range->lower));
            n->loops[loop].first_only = false;
            return;
        }
        if (walk_first_or_rest(n, branch, loop))
            return;
    }
    walk_conditions(n, branch);
}

/* ---- declarations ---- */

/* Opens the axes of a let or var as loops, so that its value is read like any other. Returns how many loops
 * there were. */
static size_t open_axes(struct normaliser *n, struct node_list axes, struct cell *cell, struct node **value) {
    size_t mark = n->loop_count;
    for (size_t i = 0; i < axes.count && !n->t->failed; i++) {
        struct node_axis *axis = node_as(axes.items[i], axis);
        struct range range;
        if (!open_range(n, axis, &range))
            break;
        if (range.within) {
            tile_fail(n->t, range.span, "the range of %s, an axis of %s, depends on a loop around it", axis->name,
                      cell->name);
            break;
        }
        if (n->loop_count == AXIS_LIMIT) {
            tile_fail(n->t, range.span, "%s has more than %d axes, with the loops around it", cell->name,
                      AXIS_LIMIT);
            break;
        }
        if (range.name != axis->name && *value)
            *value = substitute(n->arena, *value, axis->name, make_reference(n->arena, range.name));
        n->loops[n->loop_count++] =
            (struct loop){.range = range, .body = make_block(n->arena, n->span, (struct node_list){0})};
        cell->dims[cell->rank++] = range;
    }
    return mark;
}

static void walk_let(struct normaliser *n, struct node_let *let) {
    struct cell cell = {.kind = CELL_LET,
                        .name = let->name,
                        .span = let->base.span,
                        .assigned_span = n->span,
                        .dtype = let->dtype,
                        .outer = n->loop_count};
    struct node *value = let->value;
    size_t mark = open_axes(n, let->axes, &cell, &value);
    value = n->t->failed ? value : resolve(value, n);
    n->loop_count = mark;
    if (n->t->failed)
        return;
    cell.value = value;
    if (find_kind(value, NODE_ACCESS) || find_kind(value, NODE_REDUCTION))
        name_value(n, &cell, value);
    add_cell(n, cell);
}

static void walk_var(struct normaliser *n, struct node_var *var) {
    struct cell cell = {.kind = CELL_VAR,
                        .name = var->name,
                        .dtype = var->dtype == DTYPE_BOOL ? DTYPE_BOOL : DTYPE_NONE,
                        .span = var->base.span,
                        .assigned_span = n->span,
                        .outer = n->loop_count,
                        .conditions = n->condition_count};
    struct node *value = var->value;
    size_t mark = open_axes(n, var->axes, &cell, &value);
    cell.value = value && !n->t->failed ? resolve(value, n) : NULL;
    cell.defined = n->order;
    n->loop_count = mark;
    if (!n->t->failed)
        add_cell(n, cell);
}

/* ---- statements ---- */

static void walk_nest(struct normaliser *n, struct node_list axes, struct node *body) {
    size_t mark = n->loop_count, conditions = n->condition_count;
    for (size_t i = 0; i < axes.count && !n->t->failed; i++) {
        struct node_axis *axis = node_as(axes.items[i], axis);
        struct range range;
        if (!open_range(n, axis, &range) || (range.within && !open_condition(n, range.within)))
            return;
        if (n->loop_count == AXIS_LIMIT) {
            tile_fail(n->t, range.span, "more than %d loops stand in one nest", AXIS_LIMIT);
            return;
        }
        if (range.name != axis->name)
            body = substitute(n->arena, body, axis->name, make_reference(n->arena, range.name));
        n->loops[n->loop_count++] = (struct loop){.range = range, .order = n->order};
    }
    for (size_t i = mark; i < n->loop_count; i++)
        n->loops[i].body = body;
    walk_list(n, body);
    n->loop_count = mark;
    n->condition_count = conditions;
}

static void walk_statement(struct normaliser *n, struct node *node) {
    n->span = node->span.line ? node->span : n->span;
    switch (node->kind) {
    case NODE_BLOCK:
        walk_list(n, node);
        break;
    case NODE_FOR:
        walk_nest(n, node_as(node, for)->axes, node_as(node, for)->body);
        break;
    case NODE_GRID:
        walk_nest(n, node_as(node, grid)->axes, node_as(node, grid)->body);
        break;
    case NODE_IF:
        walk_if(n, node_as(node, if));
        break;
    case NODE_LET:
        walk_let(n, node_as(node, let));
        break;
    case NODE_VAR:
        walk_var(n, node_as(node, var));
        break;
    case NODE_ASSIGN:
        read_assign(n, node_as(node, assign));
        break;
    default:
        if (tile_fail(
                n->t, n->span,
                "%s in a nest over elements: buffers and tile statements stand under a `grid` of blocks",
                node->kind == NODE_BUFFER ? word_text(WORDS_memory, (int)node_as(node, buffer)->memory)
                                          : "a tile statement"))
            tile_help(n->t,
                      "of elements it is `var`, `let` and =; for blocks write `grid i in M by 32, ...`");
    }
}

static void walk_list(struct normaliser *n, struct node *body) {
    struct node_block *block = node_as(body, block);
    size_t cells = n->cell_count;
    struct span span = n->span;
    for (size_t i = 0; block && i < block->statements.count && !n->t->failed; i++)
        walk_statement(n, block->statements.items[i]);
    if (!block)
        walk_statement(n, body);
    n->cell_count = cells;
    n->span = span;
}

static void add_tensors(struct normaliser *n) {
    struct node_list parameters = n->t->kernel->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->direction == DIRECTION_IN || !parameter->dimensions.count)
            continue;
        struct cell cell = {.kind = CELL_TENSOR,
                            .name = parameter->name,
                            .span = parameter->base.span,
                            .dtype = parameter->dtype,
                            .rank = parameter->dimensions.count,
                            .initial = parameter->direction == DIRECTION_INOUT};
        if (cell.rank > AXIS_LIMIT)
            tile_fail(n->t, cell.span, "%s has more than %d dimensions", cell.name, AXIS_LIMIT);
        else
            add_cell(n, cell);
    }
}

static void check_whole(struct normaliser *n, const struct cell *cell) {
    const char *names[AXIS_LIMIT];
    for (size_t i = 0; i < cell->rank; i++)
        names[i] = cell->dims[i].name;
    if (!cell_is_whole(n, cell, names, NULL) &&
        tile_fail(n->t, cell->assigned_span, "it cannot be shown that every element of %s is written",
                  cell->name))
        tile_help(n->t, "write to all of %s before its parts, or to the others in an `else`", cell->name);
}

/* The outputs in the order of their last assignment, those that others still read from before it at the end.
 */
static void add_stores(struct normaliser *n) {
    for (size_t order = 0; order < n->order; order++)
        for (size_t i = 0; i < n->cell_count; i++) {
            struct cell *cell = &n->cells[i];
            if (cell->kind != CELL_TENSOR || !cell->assigned || cell->order != order)
                continue;
            if (!cell->initial)
                check_whole(n, cell);
            struct equation equation = {.name = cell->name,
                                        .store = true,
                                        .dtype = cell->dtype,
                                        .axis_count = cell->rank,
                                        .value = cell->value,
                                        .span = cell->assigned_span};
            memcpy(equation.axes, cell->dims, cell->rank * sizeof *cell->dims);
            if (cell->at) {
                equation.at = cell->at;
                equation.axis_count = cell->iteration_count;
                memcpy(equation.axes, cell->iterations, cell->iteration_count * sizeof *cell->iterations);
            }
            equation_add(n->t, equation);
        }
    for (size_t i = 0; i < n->cell_count; i++)
        if (n->cells[i].kind == CELL_TENSOR && !n->cells[i].assigned && !n->cells[i].initial)
            tile_fail(n->t, n->cells[i].span, "result %s is never written", n->cells[i].name);
}

/* Old values of an inout tensor that is written: the iteration that writes an element reads it before, so what an
 * equation reads at the loop variables of the write is the old value for sure. Any other element may be read before
 * or after its own iteration. */
struct old_value_search {
    const struct equation *equation;
    const struct cell *cell;
    bool found, elsewhere;
};

static void search_old_value(struct node *value, struct old_value_search *search) {
    for_each (access, access, value) {
        bool old = strcmp(access->name, search->cell->name) == 0;
        search->found |= old;
        for (size_t i = 0; old && i < access->subscripts.count; i++) {
            struct node_reference *reference = node_as(access->subscripts.items[i], reference);
            search->elsewhere |= !reference || strcmp(reference->name, search->cell->dims[i].name) != 0 ||
                                 !is_own_axis(search->equation, reference->name);
        }
    }
}

static void check_initial_values(struct normaliser *n) {
    struct tiler *t = n->t;
    for (size_t c = 0; c < n->cell_count; c++) {
        struct cell *cell = &n->cells[c];
        for (size_t i = 0; cell->initial && cell->assigned && i < t->equation_count && !t->failed; i++) {
            struct equation *equation = &t->equations[i];
            bool own = equation->store && strcmp(equation->name, cell->name) == 0;
            struct old_value_search search = {equation, cell, false, false};
            search_old_value(equation->value, &search);
            if (search.elsewhere && (own || !t->launches_apart))
                fail_as_old_value(t, equation->span, cell->name, own);
            equation->old |= search.found && !own;
            if (search.found && !own && !t->old_value)
                t->old_value = arena_copy(t->arena, &(struct old_value){equation->span, cell->name},
                                          sizeof(struct old_value));
        }
    }
}

void tile_normalise(struct tiler *t) {
    struct normaliser *n = arena_allocate(t->arena, sizeof *n);
    *n = (struct normaliser){.t = t, .arena = t->arena, .span = t->kernel->base.span};
    add_tensors(n);
    size_t tensors = n->cell_count;
    if (!t->failed)
        walk_list(n, t->kernel->body);
    n->cell_count = tensors;
    if (!t->failed)
        add_stores(n);
    if (!t->failed)
        check_initial_values(n);
}
