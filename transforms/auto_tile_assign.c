/* An assignment as an equation: what it does to the cell of its target, an update or a fold over the loops
 * that the target does not name. */
#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/auto_tile_cells.h"

/* The target as it is, or cut to a type. */
static bool is_read_of(struct node *value, struct node *target, enum dtype *cut) {
    *cut = conversion_type(value);
    return node_equal(*cut == DTYPE_NONE ? value : node_as(value, call)->arguments.items[0], target);
}

/* x = u16(u16(x) + e): what is cut again where it is read is an update of x; x = bool(max(x, e)) likewise. */
static struct update as_cut_update(const struct node_assign *assign, enum dtype cut) {
    struct node_assign whole = *assign;
    whole.value = node_as(assign->value, call)->arguments.items[0];
    struct update update = as_update(&whole);
    bool again = cut == DTYPE_BOOL ? update.op == ASSIGN_MAX || update.op == ASSIGN_MIN : update.cut == cut;
    return again ? update : (struct update){ASSIGN_SET, assign->value, false, DTYPE_NONE};
}

struct update as_update(const struct node_assign *assign) {
    struct update update = {assign->op, assign->value, false, DTYPE_NONE};
    enum dtype stored = conversion_type(assign->value);
    if (update.op == ASSIGN_SET && is_narrow_whole(stored))
        return as_cut_update(assign, stored);
    enum dtype cut;
    struct node_binary *binary = node_as(assign->value, binary);
    struct node_call *call = node_as(assign->value, call);
    struct node *left = NULL, *right = NULL;
    enum assign_operator op = ASSIGN_SET;
    if (update.op == ASSIGN_SUBTRACT)
        return (struct update){ASSIGN_ADD, assign->value, true, DTYPE_NONE};
    if (update.op != ASSIGN_SET)
        return update;
    if (binary) {
        left = binary->left;
        right = binary->right;
        op = binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT ? ASSIGN_ADD
             : binary->op == BINARY_MULTIPLY                           ? ASSIGN_MULTIPLY
             : binary->op == BINARY_OR                                 ? ASSIGN_MAX
             : binary->op == BINARY_AND                                ? ASSIGN_MIN
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
    if (is_read_of(left, assign->target, &cut))
        return (struct update){op, right, subtracts, cut};
    if (is_read_of(right, assign->target, &cut) && !subtracts)
        return (struct update){op, left, false, cut};
    return update;
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

struct node *update_combined(struct arena *arena, struct update update, struct node *old, struct node *value) {
    enum assign_operator op = update.op;
    bool negative = update.negative;
    if (is_neutral(old, op) && !negative)
        return value;
    if (update.cut != DTYPE_NONE)
        old = make_call(arena, word_text(WORDS_dtype, (int)update.cut), LIST(arena, old));
    if (negative) /* from 0 as well: 0 - 0 is 0, and -0 is not */
        return make_binary(arena, BINARY_SUBTRACT, old, value);
    return make_update(arena, op, old, value);
}

/* Truth values are folded as 1 and 0. */
struct node *truth_as_number(struct arena *arena, struct node *truth) {
    return truth->kind == NODE_INTEGER ? truth : make_call(arena, "f32", LIST(arena, truth));
}

bool is_first_iteration(const struct normaliser *n, const struct node_if *branch, int *loop) {
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

/* Another assignment in the loop that does something else to the cell than accumulate in the same way. */
static struct node *find_conflict(struct normaliser *n, const struct loop *outermost, const char *cell,
                                  enum assign_operator op) {
    const struct node *first = NULL; /* a branch of the first iteration alone, which may begin the cell */
    for_each_node (node, outermost->body) {
        struct node_assign *assign = node_as(node, assign);
        struct node_if *branch = node_as(node, if);
        int loop;
        if (branch && is_first_iteration(n, branch, &loop) &&
            strcmp(n->loops[loop].range.name, outermost->range.name) == 0)
            first = branch->then;
        if (node == first)
            skip_below(node);
        const char *name = assign ? target_name(assign->target) : NULL;
        if (name && strcmp(name, cell) == 0 && as_update(assign).op != op)
            return node;
    }
    return NULL;
}

bool has_conflict(struct normaliser *n, const struct loop *outermost, const struct cell *cell,
                  enum assign_operator op) {
    struct node *conflict = find_conflict(n, outermost, cell->name, op);
    if (!conflict)
        return false;
    if (tile_fail(n->t, cell_place(n, conflict),
                  "%s is changed in another way by the loop over %s that accumulates it", cell->name,
                  outermost->range.name))
        tile_help(
            n->t,
            "for a value that is changed in two ways in turn there is no way yet; two values in two loops are");
    return true;
}

struct target {
    struct cell *cell;
    const char *names[AXIS_LIMIT];           /* axes of the target in their order */
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
    int64_t extent;
    bool single = integer_value(dimension_of(n, find_cell(n, access->name), i), &extent) && extent == 1;
    if (kind == SUBSCRIPT_NUMBER && single)
        tile_help(n->t, "open a loop for it, as in `for o in 1`, and write o for %s", text);
    else if (kind == SUBSCRIPT_NUMBER)
        tile_help(
            n->t,
            "write this part of %s as a result of its own, without this dimension, and join them behind the launch (numpy.stack)",
            access->name);
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

void fail_as_no_place(struct normaliser *n, struct node *target) {
    struct node_access *access = node_as(target, access);
    if (!access || !tile_fail(n->t, cell_place(n, target),
                              "an element of %s does not tell which iteration writes it, at %s: the last of several would count",
                              access->name, node_text(n->arena, target)))
        return;
    tile_help(n->t,
              "give %s a dimension for each loop variable, as in [b, i] for b * M + i; or add up what meets in an element by +=",
              access->name);
}

/* The cell and the axes of a target, and the loops beyond them, over which it accumulates. False after an
 * error. */
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

void cell_assign(struct normaliser *n, struct cell *cell, const struct range *dims, struct node *value) {
    memcpy(cell->dims, dims, cell->rank * sizeof *dims);
    cell->unwritten = NULL;
    cell->defined = cell->value ? cell->defined : n->order + 1;
    cell->value = value;
    cell->assigned = true;
    cell->assigned_span = n->span;
    cell->order = n->order++;
}

static void set_cell(struct normaliser *n, struct target *target, struct node *value) {
    struct range dims[AXIS_LIMIT];
    for (size_t i = 0; i < target->cell->rank; i++)
        dims[i] = n->loops[find_loop(n, target->names[i])].range;
    cell_assign(n, target->cell, dims, value);
}

void fail_as_overwritten(struct normaliser *n, const struct range *loop, struct node *target) {
    if (!tile_fail(n->t, cell_place(n, target), "every iteration of %s overwrites %s: only the last would count",
                   loop->name, node_text(n->arena, target)))
        return;
    note_next_iteration(n, loop, "overwrites what");
    tile_help(n->t, "to add them up write sum(%s in %s: ...)", loop->name, node_text(n->arena, loop->upper));
}

static void accumulate(struct normaliser *n, struct target *target, struct update update, struct node *node) {
    struct cell *cell = target->cell;
    struct loop *outermost = &n->loops[target->folded[0]];
    if (update.op == ASSIGN_SET && !mentions(update.value, cell->name)) {
        fail_as_overwritten(n, &outermost->range, node);
        return;
    }
    if (update.op == ASSIGN_SET || mentions(update.value, cell->name)) {
        fail_as_carried(n, cell, &outermost->range, cell_place(n, node));
        return;
    }
    if (has_conflict(n, outermost, cell, update.op))
        return;
    struct node *old = cell_value(n, cell, target->names, cell_place(n, node));
    struct node *value = old ? resolve(update.value, n) : NULL;
    if (n->t->failed)
        return;
    bool truth = cell->dtype == DTYPE_BOOL;
    if (truth) {
        old = truth_as_number(n->arena, old);
        value = truth_as_number(n->arena, value);
    }
    struct list_builder axes = {0};
    for (size_t i = 0; i < target->folded_count; i++) {
        struct range *range = &n->loops[target->folded[i]].range;
        struct node *axis = make_axis(n->arena, range->name, range->lower, range->upper, NULL);
        builder_add(n->arena, &axes, node_with_span(n->arena, axis, range->span));
    }
    struct node *reduction = node_new(n->arena, reduction, REDUCTION, n->span, .op = fold_of_update(update.op),
                                      .axes = builder_list(&axes), .body = value);
    struct node *combined = update_combined(n->arena, update, old, reduction);
    set_cell(n, target, truth ? make_call(n->arena, "bool", LIST(n->arena, combined)) : combined);
    cell->folds = n->order;
    cell->folded = update.op;
}

/* The launch refuses sizes at which the loop has no iteration. */
static void require_iteration(struct normaliser *n, const struct loop *loop) {
    struct tiler *t = n->t;
    struct node *needed = make_binary(n->arena, BINARY_GREATER, loop->range.upper, loop->range.lower);
    for (size_t i = 0; i < t->condition_count; i++)
        if (node_equal(t->conditions[i], needed))
            return;
    if (t->condition_count == AXIS_LIMIT) {
        tile_fail(t, loop->branch_span, "more than %d loops have a first iteration of its own", AXIS_LIMIT);
        return;
    }
    t->conditions[t->condition_count++] = needed;
    report_remark(
        t->compilation->diagnostics, loop->branch_span,
        "this runs once, in the first iteration of %s: where there is none a launch is refused, it needs %s",
        loop->range.name, node_text(n->arena, needed));
    report_help(t->compilation->diagnostics, (struct span){0}, "state `where %s`",
                node_text(n->arena, needed));
}

/* What stands in `if k == 0` may be done before the loop over k: to a cell that the iterations share, which the
 * loop has not changed yet, or changes in the same way. Where there is no iteration it would not be done; that
 * matters to a cell that had a value before the loop. False also after an error. */
static bool first_may_assign(struct normaliser *n, const struct cell *cell, struct update update) {
    for (size_t i = 0; i < n->loop_count && !n->t->failed; i++) {
        const struct loop *loop = &n->loops[i];
        struct node *least = make_add(n->arena, loop->range.lower, make_integer(n->arena, 1));
        if (!loop->first_only || (size_t)(cell - n->cells) >= loop->cells)
            continue;
        if (cell->outer > i)
            fail_as_condition(n, loop->branch_span, loop->range.name);
        else if (cell->folds > loop->order && update.op != cell->folded)
            first_may_read(n, cell);
        else if ((cell->initial || (cell->value && cell->defined <= loop->order)) &&
                 !relations_at_least(n->t->relations, loop->range.upper, least)) {
            if (relations_at_least(n->t->relations, loop->range.lower, loop->range.upper))
                return false; /* never */
            require_iteration(n, loop);
        }
    }
    return !n->t->failed;
}

/* `s[0] = ...` where the dimension has one element: the same as at o, in a loop over o in 0..1 around this statement. The
 * target at such loops. */
static struct node *open_single_places(struct normaliser *n, struct node *target) {
    struct node_access *access = node_as(target, access);
    struct cell *cell = access ? find_cell(n, access->name) : NULL;
    if (!cell || cell->kind != CELL_TENSOR || cell->rank != access->subscripts.count)
        return target;
    struct list_builder subscripts = {0};
    bool opened = false;
    for (size_t i = 0; i < cell->rank; i++) {
        struct node *subscript = access->subscripts.items[i];
        int64_t place, extent;
        if (integer_value(subscript, &place) && place == 0 &&
            integer_value(dimension_of(n, cell, i), &extent) && extent == 1 && n->loop_count < AXIS_LIMIT) {
            struct range range = {.name = axis_fresh(n->t, "o"),
                                  .lower = make_integer(n->arena, 0),
                                  .upper = make_integer(n->arena, 1),
                                  .span = cell_place(n, target)};
            axis_declare(n->t, range);
            n->loops[n->loop_count++] =
                (struct loop){.range = range,
                              .body = make_block(n->arena, n->span, (struct node_list){0}),
                              .order = n->order};
            subscript = make_reference(n->arena, range.name);
            opened = true;
        }
        builder_add(n->arena, &subscripts, subscript);
    }
    if (!opened)
        return target;
    return node_with_span(n->arena, make_access(n->arena, access->name, builder_list(&subscripts)),
                          target->span);
}

/* A part of a result, where it may be done: before the loop, if its first iteration alone does it. */
static void assign_at_places(struct normaliser *n, struct node_assign *assign) {
    struct update update = as_update(assign);
    if (first_may_assign(n, find_cell(n, target_name(assign->target)), update))
        assign_part(n, assign, update);
}

static void assign_at(struct normaliser *n, struct node_assign *assign) {
    struct target target = {0};
    if (is_part(n, assign->target)) {
        assign_at_places(n, assign);
        return;
    }
    if (!open_target(n, assign->target, assign->value, &target))
        return;
    struct update update = as_update(assign);
    if (!first_may_assign(n, target.cell, update))
        return;
    if (target.folded_count) {
        accumulate(n, &target, update, assign->target);
        return;
    }
    size_t mentioned = 0;
    for_each_node (node, update.value)
        mentioned += mentioned_name(node) && strcmp(mentioned_name(node), target.cell->name) == 0;
    n->self = target.cell;
    n->self_shared = mentioned + (update.op != ASSIGN_SET) > 1;
    struct node *value = resolve(update.value, n);
    if (update.op != ASSIGN_SET && !n->t->failed) {
        struct node *old = read_cell(n, target.cell, target.names, cell_place(n, assign->target));
        value = old ? update_combined(n->arena, update, old, value) : NULL;
    }
    n->self = NULL;
    if (!n->t->failed)
        set_cell(n, &target, value);
}

void read_assign(struct normaliser *n, struct node_assign *assign) {
    size_t mark = n->loop_count;
    struct node_assign at_loops = *assign;
    at_loops.target = open_single_places(n, assign->target);
    assign_at(n, at_loops.target == assign->target ? assign : &at_loops);
    n->loop_count = mark;
}
