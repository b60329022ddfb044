/* Branches on one truth value, as choices between values. */
#include "transforms/block_branches.h"

#include <string.h>

#include "ir/build.h"
#include "ir/query.h"

/* A result that a branch writes: a tensor has one value for each element, so both branches write it in one statement. */
struct written {
    struct written *next;
    const struct node_assign *assign;
    struct node *value;
};

struct chooser {
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct node_kernel *kernel;
    bool failed;
};

static void fail(struct chooser *c, struct span span, const char *help, const char *format, const char *name) {
    if (!c->failed) {
        report_error(c->diagnostics, span, format, name);
        report_help(c->diagnostics, (struct span){0}, "%s", help);
    }
    c->failed = true;
}

static bool is_cut_axis(const struct chooser *c, const char *name) {
    for_each (axis, axis, c->kernel->body)
        if (axis->step && strcmp(axis->name, name) == 0)
            return true;
    return false;
}

static bool is_one_truth(const struct chooser *c, const struct node *condition) {
    for_each_node (node, condition) {
        const struct node_reference *reference = node_as(node, reference);
        if (is_block_place(node))
            skip_below(node);
        else if (node->kind == NODE_ACCESS || node->kind == NODE_REDUCTION ||
                 (reference && is_cut_axis(c, reference->name)))
            return false;
    }
    return true;
}

static bool is_result(const struct chooser *c, const struct node *target) {
    const struct node_parameter *parameter = launch_parameter(&c->kernel->base, target_name(target));
    return parameter && parameter->direction == DIRECTION_OUT;
}

static struct node *chosen(struct arena *arena, struct node *condition, struct node *value, struct node *other) {
    return node_with_span(arena, make_call(arena, "select", LIST(arena, condition, value, other)), value->span);
}

static struct node *with_value(struct arena *arena, const struct node_assign *assign, struct node *value) {
    struct node_assign set = *assign;
    set.op = ASSIGN_SET;
    set.value = value;
    return arena_copy(arena, &set, sizeof set);
}

/* ---- statements of a branch ---- */

static struct written *choose_branches(struct chooser *c, struct node_if *branch, struct node *around,
                                       struct list_builder *out);

/* A result takes its value where the branch ends: nothing behind it in the branch changes what it reads. */
static void check_order(struct chooser *c, const struct written *written, const struct node *target) {
    for (; written; written = written->next)
        if (mentions(written->value, target_name(target)))
            fail(c, target->span, "write the result last in each branch",
                 "this changes %s behind the statement of the same branch that stores it in a result",
                 target_name(target));
}

static struct node *guarded(struct chooser *c, const struct node_assign *assign, struct node *value,
                            struct node *condition) {
    return with_value(c->arena, assign, chosen(c->arena, condition, value, assign->target));
}

static void guard_assign(struct chooser *c, const struct node_assign *assign, struct node *condition, bool joins,
                         struct written **results, struct list_builder *out) {
    if (!is_result(c, assign->target) && !joins) {
        struct node *value = make_update(c->arena, assign->op, assign->target, assign->value);
        check_order(c, *results, assign->target);
        builder_add(c->arena, out,
                    guarded(c, assign, node_with_span(c->arena, value, assign->value->span), condition));
        return;
    }
    struct written *written = arena_allocate(c->arena, sizeof *written);
    *written = (struct written){*results, assign, assign->value};
    *results = written;
}

static size_t count_mentions(struct node_list list, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < list.count; i++)
        for_each_node (node, list.items[i])
            count += node->kind == NODE_ACCESS      ? strcmp(node_as(node, access)->name, name) == 0
                     : node->kind == NODE_REFERENCE ? strcmp(node_as(node, reference)->name, name) == 0
                                                    : 0;
    return count;
}

static bool sets_in_both(const struct node_if *branch, const struct node *target);

/* Does what comes behind change what this statement gives the target? */
static bool changes_behind(struct node_list list, size_t i, const char *name) {
    for_each (assign, given, list.items[i])
        for (size_t k = i + 1; strcmp(target_name(given->target), name) == 0 && k < list.count; k++)
            for_each (assign, later, list.items[k])
                if (mentions(given->value, target_name(later->target)))
                    return true;
    return false;
}

/* Does the list give the target a value once, and speak of it nowhere else? */
static bool sets_once(struct node_list list, const struct node *target) {
    const char *name = target_name(target);
    for (size_t i = 0; i < list.count; i++) {
        const struct node_assign *assign = node_as(list.items[i], assign);
        const struct node_if *branch = node_as(list.items[i], if);
        bool sets = assign ? assign->op == ASSIGN_SET && node_equal(assign->target, target)
                           : branch && sets_in_both(branch, target);
        if (sets)
            return count_mentions(list, name) == count_mentions((struct node_list){1, &list.items[i]}, name) &&
                   (branch || count_mentions(list, name) == 1) && !changes_behind(list, i, name);
    }
    return false;
}

static struct node_list branch_list(struct node *const *branch) {
    const struct node_block *block = *branch ? node_as(*branch, block) : NULL;
    return block ? block->statements : (struct node_list){*branch ? 1 : 0, branch};
}

static bool sets_in_both(const struct node_if *branch, const struct node *target) {
    return sets_once(branch_list(&branch->then), target) && sets_once(branch_list(&branch->otherwise), target);
}

/* other: what this list is chosen against; without statements where it is no branch by itself. */
static struct written *guard_list(struct chooser *c, struct node_list list, struct node_list other,
                                  struct node *condition, struct list_builder *out);

/* Loops run as they would without the branch. */
static struct node *guard_loop(struct chooser *c, const struct node_for *loop, struct node *condition) {
    struct node_for guarded = *loop;
    struct list_builder body = {0};
    struct written *results =
        guard_list(c, node_as(loop->body, block)->statements, (struct node_list){0}, condition, &body);
    if (results)
        fail(c, results->assign->base.span, "write the loop once, with a branch in it that gives both values",
             "%s is written in a loop of one branch, and each element of a result takes one statement",
             target_name(results->assign->target));
    guarded.body = make_block(c->arena, loop->body->span, builder_list(&body));
    return arena_copy(c->arena, &guarded, sizeof guarded);
}

static struct written *guard_list(struct chooser *c, struct node_list list, struct node_list other,
                                  struct node *condition, struct list_builder *out) {
    struct written *results = NULL;
    for (size_t i = 0; i < list.count && !c->failed; i++) {
        struct node *node = list.items[i];
        if (node->kind == NODE_ASSIGN) {
            const struct node_assign *assign = node_as(node, assign);
            bool joins = sets_once(list, assign->target) && sets_once(other, assign->target);
            guard_assign(c, assign, condition, joins, &results, out);
        } else if (node->kind == NODE_FOR) {
            builder_add(c->arena, out, guard_loop(c, node_as(node, for), condition));
        } else if (node->kind == NODE_IF) {
            for (struct written *next, *inner = choose_branches(c, node_as(node, if), condition, out); inner;
                 inner = next) {
                const struct node *target = inner->assign->target;
                next = inner->next;
                if (is_result(c, target) || (sets_once(list, target) && sets_once(other, target))) {
                    inner->next = results;
                    results = inner;
                } else {
                    builder_add(c->arena, out, guarded(c, inner->assign, inner->value, condition));
                }
            }
        } else {
            if (node->kind != NODE_BUFFER && node->kind != NODE_LET && node->kind != NODE_VAR)
                fail(c, node->span, "write the condition inside it",
                     "this stands under a condition, and what a branch holds are values, loops and branches%s", "");
            builder_add(c->arena, out, node);
        }
    }
    return results;
}

/* ---- both branches ---- */

static struct node *both(struct arena *arena, struct node *around, struct node *condition) {
    return around ? make_binary(arena, BINARY_AND, around, condition) : condition;
}

static struct written *taken(struct written **list, const struct node *target) {
    for (struct written **at = list; *at; at = &(*at)->next)
        if (node_equal((*at)->assign->target, target)) {
            struct written *found = *at;
            *at = found->next;
            return found;
        }
    return NULL;
}

static void fail_as_one_sided(struct chooser *c, const struct written *written) {
    fail(c, written->assign->base.span, "write it in both branches",
         "%s is written in one branch alone, and has no value where the other is taken",
         target_name(written->assign->target));
}

/* around: holds where these branches are reached; NULL: always. What is given back are the results that both write. */
static struct written *choose_branches(struct chooser *c, struct node_if *branch, struct node *around,
                                       struct list_builder *out) {
    struct arena *arena = c->arena;
    struct node *condition = branch->condition;
    if (!is_one_truth(c, condition))
        fail(c, branch->base.span,
             "lo(i) and len(i) ask of a block i; select(condition, value, other) chooses element by element",
             "%s is not one truth value for a block, and all its elements take the same statements",
             node_text(arena, condition));
    for_each (assign, assign, &branch->base)
        if (mentions(condition, target_name(assign->target)))
            fail(c, assign->base.span, "give the condition a name before it: let first = ...",
                 "this changes %s, which the condition of its branch reads", target_name(assign->target));
    struct node *negated =
        node_new(arena, unary, UNARY, condition->span, .op = UNARY_NOT, .operand = condition);
    struct node_list then_list = branch_list(&branch->then), other_list = branch_list(&branch->otherwise);
    struct written *first = guard_list(c, then_list, other_list, both(arena, around, condition), out), *results = NULL,
                   *second = guard_list(c, other_list, then_list, both(arena, around, negated), out);
    for (struct written *next; first && !c->failed; first = next) {
        struct written *other = taken(&second, first->assign->target);
        next = first->next;
        if (!other) {
            fail_as_one_sided(c, first);
            break;
        }
        first->value = chosen(c->arena, condition, first->value, other->value);
        first->next = results;
        results = first;
    }
    if (second && !c->failed)
        fail_as_one_sided(c, second);
    return results;
}

static struct node *choose(struct node *node, void *context) {
    struct chooser *c = context;
    struct node *mapped = node->kind == NODE_BLOCK ? node : node_map_children(c->arena, node, choose, c);
    struct node_block *block = node_as(node, block);
    if (!block || c->failed)
        return mapped;
    struct list_builder out = {0};
    for (size_t i = 0; i < block->statements.count && !c->failed; i++) {
        struct node_if *branch = node_as(block->statements.items[i], if);
        if (!branch) {
            builder_add(c->arena, &out, choose(block->statements.items[i], c));
            continue;
        }
        for (struct written *result = choose_branches(c, branch, NULL, &out); result; result = result->next)
            builder_add(c->arena, &out, with_value(c->arena, result->assign, result->value));
    }
    return make_block(c->arena, node->span, builder_list(&out));
}

struct node *block_branches(struct arena *arena, struct diagnostics *diagnostics, struct node *kernel) {
    struct chooser c = {.arena = arena, .diagnostics = diagnostics, .kernel = node_as(kernel, kernel)};
    if (!find_kind(c.kernel->body, NODE_IF))
        return kernel;
    struct node_kernel settled = *c.kernel;
    settled.body = choose(settled.body, &c);
    return c.failed ? NULL : arena_copy(arena, &settled, sizeof settled);
}
