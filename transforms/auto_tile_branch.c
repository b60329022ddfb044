/* `if` on what the launch knows, a scalar or a size: the same branch for all elements and all iterations of every loop, so that
 * each branch is read as if it stood there alone. What a cell holds behind it is a choice between the values that it holds
 * behind each.
 */
#include <string.h>

#include "ir/build.h"
#include "transforms/auto_tile_cells.h"

static bool is_variable(struct normaliser *n, const char *name) {
    for (size_t i = 0; i < n->cell_count; i++)
        if (strcmp(n->cells[i].name, name) == 0)
            return true;
    return find_loop(n, name) >= 0;
}

bool is_of_launch(struct normaliser *n, const struct node *condition) {
    for_each_node (node, condition) {
        const struct node_reference *reference = node_as((struct node *)(uintptr_t)node, reference);
        if (node->kind == NODE_ACCESS || node->kind == NODE_REDUCTION ||
            (reference && is_variable(n, reference->name)))
            return false;
    }
    return true;
}

struct cell *cells_kept(const struct normaliser *n) {
    return arena_copy(n->arena, n->cells, (n->cell_count + 1) * sizeof *n->cells);
}

void cells_restore(struct normaliser *n, const struct cell *kept) {
    memcpy(n->cells, kept, n->cell_count * sizeof *n->cells);
}

static bool is_assigned_since(const struct cell *cell, const struct cell *before) {
    return cell->assigned != before->assigned || cell->order != before->order;
}

/* The value of a cell behind a branch that perhaps does not give it one; NULL after an error. */
static struct node *value_behind(struct normaliser *n, struct cell *cell, const char *const *names,
                                 const struct node_if *branch) {
    if (cell->value || cell->initial)
        return cell_value(n, cell, names, n->span);
    if (tile_fail(n->t, cell_place(n, &branch->base),
                  "%s is written where %s holds, or where it does not, and has no value else", cell->name,
                  node_text(n->arena, branch->condition)))
        tile_help(n->t, "write it in both branches, or before them");
    return NULL;
}

void cells_choose(struct normaliser *n, const struct node_if *branch, const struct cell *before,
                  struct cell *then) {
    for (size_t i = 0; i < n->cell_count && !n->t->failed; i++) {
        struct cell *otherwise = &n->cells[i];
        bool first = is_assigned_since(&then[i], &before[i]),
             second = is_assigned_since(otherwise, &before[i]);
        if (!first && !second)
            continue;
        struct cell chosen = first ? then[i] : *otherwise;
        const char *names[AXIS_LIMIT];
        for (size_t k = 0; k < chosen.rank; k++)
            names[k] = chosen.dims[k].name;
        struct node *a = value_behind(n, &then[i], names, branch),
                    *b = a ? value_behind(n, otherwise, names, branch) : NULL;
        if (!b)
            return;
        struct node *condition = resolve(branch->condition, n);
        struct node *left = unwritten_at(n, &then[i], names), *right = unwritten_at(n, otherwise, names);
        chosen.unwritten = left && right ? make_binary(n->arena, BINARY_OR, left, right) : left ? left : right;
        chosen.value = make_call(n->arena, "select", LIST(n->arena, condition, a, b));
        bool folds = then[i].folds > before[i].folds || otherwise->folds > before[i].folds;
        chosen.folded = then[i].folds > before[i].folds ? then[i].folded : otherwise->folded;
        chosen.assigned_span = n->span;
        chosen.order = n->order++;
        chosen.folds = folds ? n->order : before[i].folds;
        *otherwise = chosen;
    }
}
