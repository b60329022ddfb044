/* Single elements of blocks. A fold along a block that varies along both axes of what it is for, and is no sum of products,
 * takes one element of the block after the other:
 *
 *     acc[i, j] += sum(d: abs(a[i, d] - B[j, d]))   =>   for e in 0..len(d) { acc[i, j] += abs(A[i, lo(d) + e] - B[j, lo(d) + e]) }
 *
 * A block that a tensor fills is read there; of one that is computed an element is chosen along its axis, by a fold.
 */
#include <string.h>

#include "analysis/match.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/tensorize.h"

struct element_folds {
    struct tensorizer *t;
    size_t count;
    const char *const *axes; /* of the target */
    const char *block;       /* the folded axis at hand, and the number in its place */
    struct node *place;
};

/* ---- one element of the folded axis ---- */

static struct node *at_element(struct node *node, void *context) {
    struct element_folds *folds = context;
    struct tensorizer *t = folds->t;
    struct node_reference *reference = node_as(node, reference);
    struct node_access *access = node_as(node, access);
    struct storage *storage = access ? storage_find(t, access->name) : NULL;
    if (reference && strcmp(reference->name, folds->block) == 0)
        return folds->place;
    if (is_block_place(node))
        return node;
    if (storage && storage->loaded && match_varies(node, folds->block) &&
        access_is_axes(t, node, storage->rank, storage->axes))
        return node_map_children(t->arena, node_with_span(t->arena, storage->loaded, node->span), at_element, folds);
    return node_map_children(t->arena, node, at_element, folds);
}

/* for e in 0..len(d) { fragment op= body at lo(d) + e } */
static void gather_elements(struct element_folds *folds, const char *fragment, const struct node_reduction *reduction) {
    struct tensorizer *t = folds->t;
    struct arena *a = t->arena;
    const char *block = node_as(reduction->axes.items[0], axis)->name, *element = name_fresh(&t->names, block);
    struct node *axis = make_reference(a, block);
    struct element_folds inner = *folds;
    inner.block = block;
    inner.place = make_add(a, make_call(a, "lo", LIST(a, axis)), make_reference(a, element));
    report_remark(
        t->compilation->diagnostics, t->span,
        "this varies along %s and %s and is no sum of products: it takes one element of %s after the other, each with all its operations for every tile of the result",
        folds->axes[0], folds->axes[1], block);
    struct node *assign = node_new(a, assign, ASSIGN, t->span, .target = buffer_access(t, fragment),
                                   .op = update_of_fold(reduction->op), .value = at_element(reduction->body, &inner));
    tensorize_loop(t, make_for(a, t->span, element, make_integer(a, 0), make_call(a, "len", LIST(a, axis)), NULL,
                               make_block(a, t->span, LIST(a, assign))));
}

/* ---- which folds do ---- */

static bool takes_elements(const struct element_folds *folds, struct node_reduction *reduction) {
    struct tensorizer *t = folds->t;
    struct node_axis *own = reduction->axes.count == 1 ? node_as(reduction->axes.items[0], axis) : NULL;
    bool position = reduction->op == REDUCTION_ARGMAX || reduction->op == REDUCTION_ARGMIN;
    if (!own || own->lower || !axis_find(t, own->name) || position || folds->count != 2)
        return false;
    return match_varies(&reduction->base, folds->axes[0]) &&
           match_varies(&reduction->base, folds->axes[1]) &&
           !is_sum_of_products(t, reduction, folds->count, folds->axes);
}

static struct node *take(struct node *node, void *context) {
    struct element_folds *folds = context;
    struct tensorizer *t = folds->t;
    struct node_reduction *reduction = node_as(node, reduction);
    if (!reduction || !takes_elements(folds, reduction))
        return node_map_children(t->arena, node, take, folds);
    struct span whole = t->span;
    t->span = span_of_part(whole, node->span);
    const char *fragment = buffer_declare(t, MEMORY_FRAGMENT, "acc", folds->count, folds->axes,
                                          fragment_type(value_type_of(t, node)), ORIENTATION_NONE);
    tensorize_assign(t, buffer_access(t, fragment), ASSIGN_SET,
                     neutral_of_fold(t->arena, reduction->op, value_type_of(t, reduction->body)));
    gather_elements(folds, fragment, reduction);
    t->span = whole;
    return buffer_access(t, fragment);
}

struct node *elements_taken(struct tensorizer *t, size_t count, const char *const *axes, struct node *value) {
    struct element_folds folds = {.t = t, .count = count, .axes = axes};
    return take(value, &folds);
}

bool elements_accumulated(struct tensorizer *t, struct node *target, enum assign_operator op, struct node *value) {
    const char *name = node_as(target, access)->name;
    struct storage *fragment = storage_find(t, name);
    struct node_reduction *reduction = node_as(value, reduction);
    struct element_folds folds = {.t = t, .count = fragment->rank,
                                  .axes = arena_copy(t->arena, fragment->axes, sizeof fragment->axes)};
    if (fragment->memory != MEMORY_FRAGMENT || !reduction || op != update_of_fold(reduction->op) ||
        !takes_elements(&folds, reduction))
        return false;
    gather_elements(&folds, name, reduction);
    return true;
}

/* ---- one element of a block ---- */

struct node *element_of_block(struct tensorizer *t, struct node_access *access) {
    const struct storage *block = storage_find(t, access->name);
    struct arena *a = t->arena;
    size_t numbers = 0, at = 0;
    if (block->rank != 2 || access->subscripts.count != 2)
        return NULL;
    for (size_t i = 0; i < 2; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        if (reference && reference->name == block->axes[i])
            continue;
        at = i;
        numbers++;
    }
    if (numbers != 1 || !is_number_of_elements(t, access->subscripts.items[at]))
        return NULL;
    struct node *axis = make_reference(a, block->axes[at]),
                *here = make_binary(a, BINARY_EQUAL, axis, access->subscripts.items[at]);
    struct node *chosen = make_call(a, "select", LIST(a, here, buffer_access(t, block->name), make_integer(a, 0)));
    return node_new(a, reduction, REDUCTION, access->base.span, .op = REDUCTION_SUM,
                    .axes = LIST(a, make_axis(a, block->axes[at], NULL, NULL, NULL)), .body = chosen);
}
