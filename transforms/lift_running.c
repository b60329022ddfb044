/* Running folds of a nest that is lifted: what a loop over elements hands from one to the next, and reads on the way.
 *
 *     for j in 0..N {                        for j in 0..N by 128 {
 *         s += X[i, j]                           let s_at[j] = scan(sum, j: X[i, j], s)
 *         Y[i, j] = s                =>          s = sum(j: select(j == lo(j) + len(j) - 1, s_at[j], 0))
 *     }                                          Y[i, j] = s_at[j]
 *                                            }
 *
 * A fold down to the element at hand, sum(k in 0..j + 1: X[i, k]), is written as such a loop first.
 */
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/auto_tile_cells.h"
#include "transforms/lift.h"

/* ---- what runs ---- */

bool is_read_in(const struct node *body, const char *name) {
    for_each_node (node, body) {
        struct node_assign *assign = node_as(node, assign);
        const char *target = assign ? target_name(assign->target) : NULL;
        if (target && strcmp(target, name) == 0) {
            struct update update = as_update(assign);
            if (mentions(update.value, name))
                return true;
            skip_below(node);
        } else if (mentioned_name(node) && strcmp(mentioned_name(node), name) == 0) {
            return true;
        }
    }
    return false;
}

/* Does one of the statements change the name by an operator, and another read it? Those of a branch do not count: what the
 * first iteration does alone stands before the loop. */
static bool is_running_in(const struct node_block *block, const char *name) {
    bool changed = false, read = false;
    for (size_t i = 0; block && i < block->statements.count; i++) {
        struct node_assign *assign = node_as(block->statements.items[i], assign);
        const char *target = assign ? target_name(assign->target) : NULL;
        struct update update = assign ? as_update(assign) : (struct update){.op = ASSIGN_SET};
        if (target && strcmp(target, name) == 0 && update.op != ASSIGN_SET && !mentions(update.value, name))
            changed = true;
        else
            read |= block->statements.items[i]->kind != NODE_IF && mentions(block->statements.items[i], name);
    }
    return changed && read;
}

bool counts_matrices(const struct node_kernel *kernel, const char *axis) {
    bool counts = false;
    for_each (access, access, kernel->body) {
        const struct node_parameter *tensor = launch_parameter(&kernel->base, access->name);
        size_t rank = access->subscripts.count;
        for (size_t i = 0; tensor && i < rank; i++) {
            bool varies = mentions(access->subscripts.items[i], axis);
            if (varies && i + 2 >= rank)
                return false;
            counts |= varies;
        }
    }
    return counts;
}

/* Is the name given a value that is made of itself, but for what is gathered? */
static bool is_state_in(const struct node *body, const char *name) {
    for_each (assign, assign, body) {
        const char *target = target_name(assign->target);
        if (target && strcmp(target, name) == 0 && mentions(as_update(assign).value, name))
            return true;
    }
    return false;
}

/* A var of the body around that a loop over elements changes and reads. */
static bool has_running(const struct node_kernel *kernel, const char *name) {
    for_each (for, loop, kernel->body) {
        struct node_axis *axis = node_as(loop->axes.items[loop->axes.count - 1], axis);
        bool declared = false;
        for_each (var, var, loop->body)
            declared |= strcmp(var->name, name) == 0;
        if (!axis->step && !declared &&
            (is_running_in(node_as(loop->body, block), name) ||
             (is_state_in(loop->body, name) && counts_matrices(kernel, axis->name))))
            return true;
    }
    return false;
}

bool lift_runs(const struct node_kernel *kernel) {
    for_each (var, var, kernel->body)
        if (has_running(kernel, var->name))
            return true;
    return false;
}

/* ---- folds down to the element at hand ---- */

/* A loop over elements of which a fold runs along one axis. */
struct running_loop {
    struct tiler *t;
    struct name_table names;
};

/* Does the expression mention a name that the body declares: a loop variable, let or var? */
static bool mentions_declared(const struct node *expression, const struct node *body) {
    for_each_node (node, body) {
        struct node_let *let = node_as(node, let);
        struct node_var *var = node_as(node, var);
        struct node_for *loop = node_as(node, for);
        for (size_t i = 0; loop && i < loop->axes.count; i++)
            if (mentions(expression, node_as(loop->axes.items[i], axis)->name))
                return true;
        if ((let && mentions(expression, let->name)) || (var && mentions(expression, var->name)))
            return true;
    }
    return false;
}

/* sum(k in L..j + 1: e) of a loop over j from L on, where e depends on k and on what is around the loop. */
static bool runs_along(struct tiler *t, const struct node_reduction *fold, const struct node_axis *axis,
                       const struct node *body) {
    struct node_axis *own = fold->axes.count == 1 ? node_as(fold->axes.items[0], axis) : NULL;
    if (!own || !own->lower || own->step || !folds_by_parts(fold->op) || axis->step || mentions(fold->body, axis->name) ||
        mentions_declared(&fold->base, body))
        return false;
    struct node *end = make_add(t->arena, make_reference(t->arena, axis->name), make_integer(t->arena, 1));
    return node_equal(simplify(t->arena, own->upper), simplify(t->arena, end)) &&
           relations_equal_sizes(t->relations, own->lower, axis->lower);
}

static const struct node_reduction *find_running(struct tiler *t, const struct node *body,
                                                 const struct node_axis *axis) {
    for_each (reduction, fold, body)
        if (runs_along(t, fold, axis, body))
            return fold;
    return NULL;
}

/* Nested loops over boxes of elements are one. */
static struct node_for merged(struct arena *arena, const struct node_for *loop) {
    struct node_for whole = *loop;
    for (;;) {
        struct node_block *block = node_as(whole.body, block);
        struct node_for *inner = block && block->statements.count == 1 ? node_as(block->statements.items[0], for) : NULL;
        if (!inner || inner->base.attributes.count)
            return whole;
        for (size_t i = 0; i < inner->axes.count; i++)
            for (size_t k = 0; k < whole.axes.count; k++)
                if (node_as(inner->axes.items[i], axis)->step ||
                    mentions(inner->axes.items[i], node_as(whole.axes.items[k], axis)->name))
                    return whole;
        whole.axes = list_concat(arena, whole.axes, inner->axes);
        whole.body = inner->body;
    }
}

/* What runs: a var, and the statement that each iteration begins with. */
struct running_var {
    struct node *var, *update;
};

static struct running_var running_var(struct running_loop *r, const struct node_reduction *fold, const char *axis) {
    struct arena *a = r->t->arena;
    struct value_types types = types_in(&r->t->kernel->base);
    enum dtype dtype = fragment_type(value_type(&types, &fold->base));
    const char *name = name_fresh(&r->names, "running"), *own = node_as(fold->axes.items[0], axis)->name;
    return (struct running_var){
        node_new(a, var, VAR, fold->base.span, .name = name, .dtype = dtype,
                 .value = neutral_of_fold(a, fold->op, dtype)),
        node_new(a, assign, ASSIGN, fold->base.span, .target = make_reference(a, name), .op = update_of_fold(fold->op),
                 .value = substitute(a, fold->body, own, make_reference(a, axis)))};
}

/* The statement among these that does the same to another var; NULL: there is none. */
static struct node_assign *same_update(struct list_builder updates, struct node *update) {
    const struct node_assign *wanted = node_as(update, assign);
    for (size_t i = 0; i < updates.count; i++) {
        struct node_assign *known = node_as(updates.items[i], assign);
        if (known->op == wanted->op && node_equal(known->value, wanted->value))
            return known;
    }
    return NULL;
}

/* The loop over the axis alone, in which every fold that runs along it is a var; the vars before it. */
static struct node *with_vars(struct running_loop *r, const struct node_for *loop, struct node *axis) {
    struct arena *a = r->t->arena;
    struct list_builder vars = {0}, body = {0};
    struct node *rest = loop->body;
    const struct node_reduction *fold;
    while ((fold = find_running(r->t, rest, node_as(axis, axis)))) {
        struct running_var made = running_var(r, fold, node_as(axis, axis)->name);
        struct node_assign *known = same_update(body, made.update);
        if (!known) {
            builder_add(a, &vars, made.var);
            builder_add(a, &body, made.update);
        }
        rest = replace_equal(a, rest, &fold->base, (known ? known : node_as(made.update, assign))->target);
    }
    builder_add_all(a, &body, node_as(rest, block)->statements);
    builder_add(a, &vars,
                node_new(a, for, FOR, loop->base.span, .axes = LIST(a, axis),
                         .body = make_block(a, rest->span, builder_list(&body))));
    return make_block(a, loop->base.span, builder_list(&vars));
}

/* ---- folds that a loop does not change ---- */

/* Does the body write something that the expression reads? */
static bool reads_written(const struct node *expression, const struct node *body) {
    for_each (assign, assign, body)
        if (mentions(expression, target_name(assign->target)))
            return true;
    return false;
}

static bool is_same_in(const struct node_reduction *fold, const struct node_for *loop) {
    for (size_t i = 0; i < loop->axes.count; i++)
        if (mentions(&fold->base, node_as(loop->axes.items[i], axis)->name))
            return false;
    return node_as(fold->axes.items[0], axis)->lower && !mentions_declared(&fold->base, loop->body) &&
           !reads_written(&fold->base, loop->body);
}

struct node *lift_hoisted(struct lifter *l, const struct node_for *loop, struct node *body, struct list_builder *lets) {
    struct value_types types = types_in(&l->t->kernel->base);
    for_each (reduction, fold, loop->body) {
        if (!is_same_in(fold, loop))
            continue;
        const char *name = name_fresh(&l->t->names, "folded");
        builder_add(l->arena, lets,
                    node_new(l->arena, let, LET, fold->base.span, .name = name,
                             .dtype = kept_type(&types, &fold->base), .value = &fold->base));
        body = replace_equal(l->arena, body, &fold->base, make_reference(l->arena, name));
        skip_below(fold);
    }
    return body;
}

static struct node *write_vars(struct node *node, void *context) {
    struct running_loop *r = context;
    struct arena *arena = r->t->arena;
    struct node_for *loop = node_as(node, for);
    struct node_for whole = loop ? merged(arena, loop) : (struct node_for){0};
    for (size_t i = 0; i < whole.axes.count && node_as(whole.body, block); i++) {
        if (!find_running(r->t, whole.body, node_as(whole.axes.items[i], axis)))
            continue;
        struct node *inner = with_vars(r, &whole, whole.axes.items[i]);
        struct list_builder others = {0};
        for (size_t k = 0; k < whole.axes.count; k++)
            if (k != i)
                builder_add(arena, &others, whole.axes.items[k]);
        whole.axes = builder_list(&others);
        whole.body = inner;
        return write_vars(others.count ? arena_copy(arena, &whole, sizeof whole) : inner, r);
    }
    return node_map_children(arena, node, write_vars, r);
}

struct node *lift_running_folds(struct tiler *t) {
    struct running_loop r = {.t = t, .names = names_of(t->arena, &t->kernel->base)};
    return write_vars(t->kernel->body, &r);
}

/* ---- one statement ---- */

static struct node *block_place(struct lifter *l, const char *function, const char *axis) {
    return make_call(l->arena, function, LIST(l->arena, make_reference(l->arena, axis)));
}

/* At this element of the block the value, else the other one. */
static struct node *only_at(struct lifter *l, const char *axis, struct node *element, struct node *value,
                            struct node *other) {
    struct node *here = make_binary(l->arena, BINARY_EQUAL, make_reference(l->arena, axis), element);
    return make_call(l->arena, "select", LIST(l->arena, here, value, other));
}

struct running lift_running(struct lifter *l, const struct node_assign *assign, const char *axis) {
    struct arena *a = l->arena;
    struct span span = assign->base.span;
    struct update update = as_update(assign);
    const char *name = target_name(assign->target), *at = name_fresh(&l->t->names, arena_printf(a, "%s_at", name));
    enum reduction_operator op = fold_of_update(update.op);
    struct node *first = block_place(l, "lo", axis), *one = make_integer(a, 1),
                *last = make_binary(a, BINARY_SUBTRACT, make_binary(a, BINARY_ADD, first, block_place(l, "len", axis)), one);
    struct held *held = held_find(l, name);
    enum dtype dtype = held->dtype == DTYPE_NONE ? DTYPE_F32 : fragment_type(held->dtype);
    struct node *term = update.negative ? make_negation(a, update.value) : update.value;
    struct node *scan = node_new(a, scan, SCAN, span, .op = op, .axis = make_reference(a, axis), .body = term,
                                 .start = assign->target);
    struct node *value = make_reference(a, at), *none = make_integer(a, 0);
    struct node *end = node_new(a, reduction, REDUCTION, span, .op = REDUCTION_SUM,
                                .axes = LIST(a, make_axis(a, axis, NULL, NULL, NULL)),
                                .body = only_at(l, axis, last, value, none));
    diagnostics_rename(l->t->compilation->diagnostics, at, name);
    return (struct running){
        .at = at,
        .let = node_new(a, let, LET, span, .name = at, .dtype = dtype, .value = scan),
        .end = node_new(a, assign, ASSIGN, span, .target = assign->target, .op = ASSIGN_SET, .value = end)};
}
