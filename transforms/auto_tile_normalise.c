/* Nests over elements as equations. Statements are read in program order, each over its whole iteration space
 * at once; for every tensor written and every var there is a cell with the value it has so far, as an
 * expression of its own axes. An assignment whose loops its target does not name accumulates over them. What
 * this reading would change is refused: a value that depends on another iteration, a part of an output, a
 * condition, a range that is not a box.
 */
#include <math.h>
#include <string.h>

#include "analysis/dependence.h"
#include "ir/build.h"
#include "transforms/auto_tile_cells.h"

static void walk_list(struct normaliser *n, struct node *body);

/* ---- assignments ---- */

/* What an assignment does to its target: target = value, or target operator= value; ADD may take the value
 * away. */
struct update {
    enum assign_operator op;
    struct node *value;
    bool negative;
};

/* x = x + e, x = e + x, x = x - e, x = x * e, x = max(x, e), ... as an operator. */
static struct update as_update(const struct node_assign *assign) {
    struct update update = {assign->op, assign->value, false};
    struct node_binary *binary = node_as(assign->value, binary);
    struct node_call *call = node_as(assign->value, call);
    struct node *left = NULL, *right = NULL;
    enum assign_operator op = ASSIGN_SET;
    if (update.op == ASSIGN_SUBTRACT)
        return (struct update){ASSIGN_ADD, assign->value, true};
    if (update.op != ASSIGN_SET)
        return update;
    if (binary) {
        left = binary->left;
        right = binary->right;
        op = binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT ? ASSIGN_ADD
             : binary->op == BINARY_MULTIPLY                           ? ASSIGN_MULTIPLY
                                                                       : ASSIGN_SET;
    } else if (call && call->arguments.count == 2) {
        left = call->arguments.items[0];
        right = call->arguments.items[1];
        op = strcmp(call->function, "max") == 0   ? ASSIGN_MAX
             : strcmp(call->function, "min") == 0 ? ASSIGN_MIN
                                                  : ASSIGN_SET;
    }
    if (op == ASSIGN_SET)
        return update;
    bool subtracts = binary && binary->op == BINARY_SUBTRACT;
    if (node_equal(left, assign->target))
        return (struct update){op, right, subtracts};
    if (node_equal(right, assign->target) && !subtracts)
        return (struct update){op, left, false};
    return update;
}

static enum reduction_operator reduction_of(enum assign_operator op) {
    return op == ASSIGN_ADD   ? REDUCTION_SUM
           : op == ASSIGN_MAX ? REDUCTION_MAX
           : op == ASSIGN_MIN ? REDUCTION_MIN
                              : REDUCTION_PRODUCT;
}

static bool is_neutral(const struct node *node, enum assign_operator op) {
    double value;
    if (node->kind == NODE_UNARY && ((const struct node_unary *)node)->op == UNARY_NEGATE)
        return literal_value(((const struct node_unary *)node)->operand, &value) && op == ASSIGN_MAX &&
               isinf(value) && value > 0;
    if (!literal_value(node, &value))
        return false;
    return op == ASSIGN_ADD   ? value == 0
           : op == ASSIGN_MAX ? isinf(value) && value < 0
           : op == ASSIGN_MIN ? isinf(value) && value > 0
                              : value == 1;
}

static struct node *combine(struct arena *arena, enum assign_operator op, bool negative, struct node *old,
                            struct node *value) {
    if (is_neutral(old, op))
        return negative ? make_negation(arena, value) : value;
    if (negative)
        return make_binary(arena, BINARY_SUBTRACT, old, value);
    if (op == ASSIGN_MAX || op == ASSIGN_MIN)
        return make_call(arena, op == ASSIGN_MAX ? "max" : "min", LIST(arena, old, value));
    return make_binary(arena, op == ASSIGN_ADD ? BINARY_ADD : BINARY_MULTIPLY, old, value);
}

/* Another assignment in the loop that does something else to the cell than accumulate in the same way. */
struct conflict_search {
    struct normaliser *n;
    const char *name, *loop;
    enum assign_operator op;
    struct node *conflict;
};

static bool is_first_iteration(const struct normaliser *n, const struct node_if *branch, int *loop);

static bool search_conflict(struct node *node, void *context) {
    struct conflict_search *search = context;
    struct node_assign *assign = node_as(node, assign);
    struct node_if *branch = node_as(node, if);
    int loop;
    if (branch && is_first_iteration(search->n, branch, &loop) &&
        strcmp(search->n->loops[loop].range.name, search->loop) == 0)
        return !branch->otherwise || search_conflict(branch->otherwise, context);
    if (!assign)
        return node_each_child(node, search_conflict, context);
    struct node_access *access = node_as(assign->target, access);
    struct node_reference *reference = node_as(assign->target, reference);
    const char *name = access ? access->name : reference ? reference->name : "";
    if (strcmp(name, search->name) == 0 && as_update(assign).op != search->op)
        search->conflict = node;
    return !search->conflict;
}

/* The loops beyond the target's axes, over which it accumulates; the axes of the target in their order. False
 * after an error. */
struct target {
    struct cell *cell;
    const char *names[AXIS_LIMIT];
    size_t folded[AXIS_LIMIT], folded_count; /* loops, outermost first */
};

static struct node *dimension_of(const struct normaliser *n, const struct cell *cell, size_t i) {
    return cell->kind == CELL_TENSOR ? relations_tensor(n->t->relations, cell->name)->dimensions.items[i]
                                     : cell->dims[i].upper;
}

/* A loop of the target must run over the whole dimension: tiles are written whole. */
static bool covers_dimension(struct normaliser *n, struct cell *cell, size_t i, const struct range *range) {
    struct node *lower = cell->kind == CELL_TENSOR ? make_integer(n->arena, 0) : cell->dims[i].lower;
    struct node *upper = dimension_of(n, cell, i);
    if (relations_equal_sizes(n->t->relations, range->lower, lower) &&
        relations_equal_sizes(n->t->relations, range->upper, upper))
        return true;
    if (tile_fail(
            n->t, n->span,
            "%s is written for %s in %s..%s, but dimension %zu of %s runs over %s..%s: the device writes whole tiles",
            cell->name, range->name, node_text(n->arena, range->lower), node_text(n->arena, range->upper),
            i + 1, cell->name, node_text(n->arena, lower), node_text(n->arena, upper)))
        tile_help(
            n->t,
            "write results of their own, one for each part, and join them behind the launch (numpy.concatenate)");
    return false;
}

/* A subscript of what is written; value: what is. */
static void fail_as_no_variable(struct normaliser *n, struct span span, const struct node_access *access,
                                size_t i, struct node *value) {
    struct matcher matcher = tiler_matcher(n->t);
    struct node_reduction *reduction = node_as(value, reduction);
    enum subscript_kind kind = match_subscript(&matcher, access->subscripts.items[i]).kind;
    const char *text = node_text(n->arena, access->subscripts.items[i]);
    if (!tile_fail(
            n->t, span,
            "subscript %s of %s is no loop variable of its own: a result is written at its loop variables, one for each dimension",
            text, access->name))
        return;
    if (kind == SUBSCRIPT_NUMBER)
        tile_help(n->t, "open a loop for it, as in `for o in 1`, and write o for %s", text);
    else if (kind == SUBSCRIPT_AFFINE)
        tile_help(
            n->t,
            "give %s a dimension for each loop variable in it, as in [b, i] for b * M + i: the data are the same",
            access->name);
    else
        tile_help(
            n->t,
            "write this part of %s as a result of its own, from its beginning, and place it behind the launch",
            access->name);
    if (kind == SUBSCRIPT_NUMBER && reduction && access->subscripts.count == 1)
        advise_single_number(n->t, reduction, NULL);
}

static bool open_target(struct normaliser *n, struct node *node, struct node *value, struct target *target) {
    struct tiler *t = n->t;
    struct node_access *access = node_as(node, access);
    struct node_reference *reference = node_as(node, reference);
    const char *name = access ? access->name : reference ? reference->name : "this";
    struct cell *cell = find_cell(n, name);
    if (!cell || cell->kind == CELL_LET) {
        tile_fail(t, cell_place(n, node), "%s is no result of this kernel and no `var`", name);
        return false;
    }
    target->cell = cell;
    size_t rank = access ? access->subscripts.count : 0;
    if (rank != cell->rank) {
        tile_fail(t, cell_place(n, node), "%s takes %zu subscripts", name, cell->rank);
        return false;
    }
    bool used[AXIS_LIMIT] = {false};
    struct matcher matcher = tiler_matcher(t);
    for (size_t i = 0; i < rank; i++) {
        struct subscript s = match_subscript(&matcher, access->subscripts.items[i]);
        int loop = s.kind == SUBSCRIPT_AXIS ? find_loop(n, s.axis) : -1;
        if (loop < (int)cell->outer || used[loop] || n->loops[loop].first_only) {
            fail_as_no_variable(n, cell_place(n, node), access, i, value);
            return false;
        }
        used[loop] = true;
        if (!covers_dimension(n, cell, i, &n->loops[loop].range))
            return false;
        target->names[i] = n->loops[loop].range.name;
    }
    for (size_t i = cell->outer; i < n->loop_count; i++)
        if (!used[i] && !n->loops[i].first_only)
            target->folded[target->folded_count++] = i;
    return true;
}

static void set_cell(struct normaliser *n, struct target *target, struct node *value) {
    struct cell *cell = target->cell;
    for (size_t i = 0; i < cell->rank; i++)
        cell->dims[i] = n->loops[find_loop(n, target->names[i])].range;
    cell->value = value;
    cell->assigned = true;
    cell->assigned_span = n->span;
    cell->order = n->order++;
}

static void accumulate(struct normaliser *n, struct target *target, struct update update, struct node *node) {
    struct cell *cell = target->cell;
    struct loop *outermost = &n->loops[target->folded[0]];
    if (update.op == ASSIGN_SET && !mentions(update.value, cell->name)) {
        if (tile_fail(n->t, cell_place(n, node),
                      "every iteration of %s overwrites %s: only the last would count", outermost->range.name,
                      node_text(n->arena, node))) {
            note_next_iteration(n, &outermost->range, "overwrites what");
            tile_help(n->t, "to add them up write sum(%s in %s: ...)", outermost->range.name,
                      node_text(n->arena, outermost->range.upper));
        }
        return;
    }
    if (update.op == ASSIGN_SET || mentions(update.value, cell->name)) {
        fail_as_carried(n, cell, &outermost->range, cell_place(n, node));
        return;
    }
    struct conflict_search search = {n, cell->name, outermost->range.name, update.op, NULL};
    search_conflict(outermost->body, &search);
    if (search.conflict) {
        if (tile_fail(n->t, cell_place(n, search.conflict),
                      "%s is changed in another way by the loop over %s that accumulates it", cell->name,
                      outermost->range.name))
            tile_help(
                n->t,
                "for a value that is changed in two ways in turn there is no way yet; two values in two loops are");
        return;
    }
    struct node *old = cell_value(n, cell, target->names, cell_place(n, node));
    struct node *value = old ? resolve(update.value, n) : NULL;
    if (n->t->failed)
        return;
    struct list_builder axes = {0};
    for (size_t i = 0; i < target->folded_count; i++) {
        struct range *range = &n->loops[target->folded[i]].range;
        struct node *axis = make_axis(n->arena, range->name, range->lower, range->upper, NULL);
        builder_add(n->arena, &axes, node_with_span(n->arena, axis, range->span));
    }
    struct node *reduction = node_new(n->arena, reduction, REDUCTION, n->span, .op = reduction_of(update.op),
                                      .axes = builder_list(&axes), .body = value);
    set_cell(n, target, combine(n->arena, update.op, update.negative, old, reduction));
}

struct mention_count {
    const char *name;
    size_t count;
};

static bool count_mention(struct node *node, void *context) {
    struct mention_count *m = context;
    struct node_reference *reference = node_as(node, reference);
    struct node_access *access = node_as(node, access);
    const char *name = reference ? reference->name : access ? access->name : NULL;
    m->count += name && strcmp(name, m->name) == 0;
    return node_each_child(node, count_mention, context);
}

static void walk_assign(struct normaliser *n, struct node_assign *assign) {
    struct target target = {0};
    if (!open_target(n, assign->target, assign->value, &target))
        return;
    struct update update = as_update(assign);
    if (target.folded_count) {
        accumulate(n, &target, update, assign->target);
        return;
    }
    struct mention_count mentioned = {.name = target.cell->name};
    count_mention(update.value, &mentioned);
    n->self = target.cell;
    n->self_shared = mentioned.count + (update.op != ASSIGN_SET) > 1;
    struct node *value = resolve(update.value, n);
    if (update.op != ASSIGN_SET && !n->t->failed) {
        struct node *old = read_cell(n, target.cell, target.names, cell_place(n, assign->target));
        value = old ? combine(n->arena, update.op, update.negative, old, value) : NULL;
    }
    n->self = NULL;
    if (!n->t->failed)
        set_cell(n, &target, value);
}

/* ---- conditions ---- */

/* `k == lower` of a loop around it. */
static bool is_first_iteration(const struct normaliser *n, const struct node_if *branch, int *loop) {
    struct node_binary *binary = node_as(branch->condition, binary);
    if (!binary || binary->op != BINARY_EQUAL)
        return false;
    for (int swap = 0; swap < 2; swap++) {
        struct node_reference *axis = node_as(swap ? binary->right : binary->left, reference);
        struct node *value = swap ? binary->left : binary->right;
        *loop = axis ? find_loop(n, axis->name) : -1;
        if (*loop >= 0 && !n->loops[*loop].first_only &&
            relations_equal_sizes(n->t->relations, n->loops[*loop].range.lower, value))
            return true;
    }
    return false;
}

static struct node_assign *only_assign(struct node *body) {
    struct node_block *block = node_as(body, block);
    return node_as(block && block->statements.count == 1 ? block->statements.items[0] : body, assign);
}

/* `if k == 0 { C = e at 0 } else { C += e }`: the accumulation of e from the neutral element. */
static bool walk_first_or_rest(struct normaliser *n, struct node_if *branch, int loop) {
    struct node_assign *first = only_assign(branch->then), *rest = only_assign(branch->otherwise);
    struct update update = rest ? as_update(rest) : (struct update){ASSIGN_SET, NULL, false};
    if (!first || !rest || first->op != ASSIGN_SET || update.op == ASSIGN_SET || update.negative ||
        !node_equal(first->target, rest->target))
        return false;
    const struct range *range = &n->loops[loop].range;
    struct node *at_first = simplify(n->arena, substitute(n->arena, update.value, range->name, range->lower));
    if (!node_equal(at_first, simplify(n->arena, first->value)) && !node_equal(update.value, first->value))
        return false;
    double neutral = update.op == ASSIGN_ADD   ? 0
                     : update.op == ASSIGN_MAX ? -(double)INFINITY
                     : update.op == ASSIGN_MIN ? (double)INFINITY
                                               : 1;
    struct node_assign start = *first;
    start.value = make_real(n->arena, neutral);
    n->loops[loop].first_only = true;
    walk_assign(n, &start);
    n->loops[loop].first_only = false;
    if (!n->t->failed)
        walk_assign(n, rest);
    return true;
}

static bool find_axis(struct node *node, void *context) {
    const char **found = context;
    struct node_reference *reference = node_as(node, reference);
    if (reference)
        *found = reference->name;
    return !*found && node_each_child(node, find_axis, context);
}

static void walk_if(struct normaliser *n, struct node_if *branch) {
    int loop;
    if (is_first_iteration(n, branch, &loop)) {
        if (!branch->otherwise) {
            struct range *range = &n->loops[loop].range;
            n->loops[loop].first_only = true;
            walk_list(n, substitute(n->arena, branch->then, range->name, range->lower));
            n->loops[loop].first_only = false;
            return;
        }
        if (walk_first_or_rest(n, branch, loop))
            return;
    }
    const char *name = NULL;
    find_axis(branch->condition, &name);
    if (tile_fail(
            n->t, n->span,
            "this statement depends on a condition on %s: on the device all elements take the same statements",
            name ? name : "a constant"))
        tile_help(
            n->t,
            name && axis_named(n->t, name)
                ? "multiply by a vector of 0 and 1, an input, that says for which %s it holds: keep[%s] * ..."
                : "choose between values: select(condition, value, other)",
            name, name);
}

/* ---- declarations ---- */

static bool has_data(struct node *node, void *context) {
    (void)context;
    return node->kind != NODE_ACCESS && node->kind != NODE_REDUCTION &&
           node_each_child(node, has_data, context);
}

/* Opens the axes of a let or var as loops, so that its value is read like any other. Returns how many loops
 * there were. */
static size_t open_axes(struct normaliser *n, struct node_list axes, struct cell *cell, struct node **value) {
    size_t mark = n->loop_count;
    for (size_t i = 0; i < axes.count && !n->t->failed; i++) {
        struct node_axis *axis = node_as(axes.items[i], axis);
        struct range range;
        if (!open_range(n, axis, &range))
            break;
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
    if (!has_data(value, NULL))
        name_value(n, &cell, value);
    add_cell(n, cell);
}

static void walk_var(struct normaliser *n, struct node_var *var) {
    struct cell cell = {.kind = CELL_VAR,
                        .name = var->name,
                        .span = var->base.span,
                        .assigned_span = n->span,
                        .outer = n->loop_count};
    struct node *value = var->value;
    size_t mark = open_axes(n, var->axes, &cell, &value);
    cell.value = value && !n->t->failed ? resolve(value, n) : NULL;
    n->loop_count = mark;
    if (!n->t->failed)
        add_cell(n, cell);
}

/* ---- statements ---- */

static void walk_nest(struct normaliser *n, struct node_list axes, struct node *body) {
    size_t mark = n->loop_count;
    for (size_t i = 0; i < axes.count && !n->t->failed; i++) {
        struct node_axis *axis = node_as(axes.items[i], axis);
        struct range range;
        if (!open_range(n, axis, &range))
            return;
        if (n->loop_count == AXIS_LIMIT) {
            tile_fail(n->t, range.span, "more than %d loops stand in one nest", AXIS_LIMIT);
            return;
        }
        if (range.name != axis->name)
            body = substitute(n->arena, body, axis->name, make_reference(n->arena, range.name));
        n->loops[n->loop_count++] = (struct loop){.range = range};
    }
    for (size_t i = mark; i < n->loop_count; i++)
        n->loops[i].body = body;
    walk_list(n, body);
    n->loop_count = mark;
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
        walk_assign(n, node_as(node, assign));
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

/* The outputs in the order of their last assignment, those that others still read from before it at the end.
 */
static void add_stores(struct normaliser *n) {
    for (size_t order = 0; order < n->order; order++)
        for (size_t i = 0; i < n->cell_count; i++) {
            struct cell *cell = &n->cells[i];
            if (cell->kind != CELL_TENSOR || !cell->assigned || cell->order != order)
                continue;
            struct equation equation = {.name = cell->name,
                                        .store = true,
                                        .dtype = cell->dtype,
                                        .axis_count = cell->rank,
                                        .value = cell->value,
                                        .span = cell->assigned_span};
            memcpy(equation.axes, cell->dims, cell->rank * sizeof *cell->dims);
            equation_add(n->t, equation);
        }
    for (size_t i = 0; i < n->cell_count; i++)
        if (n->cells[i].kind == CELL_TENSOR && !n->cells[i].assigned && !n->cells[i].initial)
            tile_fail(n->t, n->cells[i].span, "result %s is never written", n->cells[i].name);
}

/* The old value of an inout tensor is read while blocks of it are written: only at the same element, and only
 * by its own equation. */
struct old_value_search {
    const struct equation *equation;
    const char *name;
    bool own, elsewhere; /* elsewhere: read at another element than the equation's */
};

static bool search_old_value(struct node *node, void *context) {
    struct old_value_search *search = context;
    struct node_access *access = node_as(node, access);
    bool old = access && strcmp(access->name, search->name) == 0;
    for (size_t i = 0; old && i < access->subscripts.count; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        search->elsewhere |=
            search->own && (!reference || strcmp(reference->name, search->equation->axes[i].name) != 0);
    }
    search->elsewhere |= old && !search->own;
    return node_each_child(node, search_old_value, context);
}

static void check_initial_values(struct normaliser *n) {
    for (size_t c = 0; c < n->cell_count; c++) {
        struct cell *cell = &n->cells[c];
        for (size_t i = 0; cell->initial && cell->assigned && i < n->t->equation_count && !n->t->failed;
             i++) {
            struct equation *equation = &n->t->equations[i];
            struct old_value_search search = {
                equation, cell->name, equation->store && strcmp(equation->name, cell->name) == 0, false};
            search_old_value(equation->value, &search);
            if (!search.elsewhere)
                continue;
            tile_fail(
                n->t, equation->span,
                search.own
                    ? "%s is read at other elements than this writes, which other blocks may have overwritten"
                    : "the old value of %s is read here, in the nest that overwrites it",
                cell->name);
            dependence_note(n->t->relations, n->t->compilation->diagnostics, cell->name);
            report_help(n->t->compilation->diagnostics, (struct span){0},
                        "write to a tensor of its own, or launch two kernels from a program");
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
