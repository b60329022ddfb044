/* Folds that take one element after the other. What varies along both axes of the result and along the folded one, and is no
 * sum of products, has no tile of its own: sum(d: abs(A[i, d] - B[j, d])). For every d a column of A and a row, which is a
 * column of B, are spread over a tile of the result.
 */
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "transforms/auto_tile.h"

struct element_folds {
    struct tiler *t;
    const struct equation *equation;
};

/* The axes of the result along which the reduction varies, of those that lie in tiles. */
static size_t result_axes(const struct tiler *t, const struct equation *equation, const struct node *reduction,
                          const char **axes) {
    size_t count = 0;
    for (size_t i = 0; i < equation->axis_count; i++)
        if (is_tile_axis(t, equation->axes[i].name) && match_varies(reduction, equation->axes[i].name))
            axes[count++] = equation->axes[i].name;
    return count;
}

static bool is_tiled(const struct tiler *t, const struct node_axis *axis, const void *context) {
    (void)context;
    return is_tile_axis(t, axis->name);
}

/* Does it vary along both axes of its result, and is no sum of products of one operand along each? */
static bool takes_elements(struct tiler *t, const struct equation *equation,
                           const struct node_reduction *reduction) {
    struct matcher matcher = tiler_matcher(t);
    struct node_reduction alone = *reduction;
    struct list_builder tiled = {0};
    const char *axes[AXIS_LIMIT];
    for (size_t i = 0; i < reduction->axes.count; i++)
        if (is_tiled(t, node_as(reduction->axes.items[i], axis), NULL))
            builder_add(t->arena, &tiled, reduction->axes.items[i]);
    alone.axes = builder_list(&tiled);
    size_t count = result_axes(t, equation, &reduction->base, axes);
    return tiled.count && count == 2 && match_reduction(&matcher, &alone.base, count, axes).kind == MATCH_NONE;
}

static bool varies_along_own(const struct node_reduction *reduction, const struct node *node) {
    for (size_t i = 0; i < reduction->axes.count; i++)
        if (match_varies(node, node_as(reduction->axes.items[i], axis)->name))
            return true;
    return false;
}

/* The intermediate value that the fold would read at elements of it; NULL: there is none. */
static const struct equation *value_at_elements(struct tiler *t, const struct node_reduction *reduction) {
    for_each (access, access, reduction->body) {
        const struct equation *let = equation_named(t, access->name);
        if (let && varies_along_own(reduction, &access->base))
            return let;
    }
    return NULL;
}

/* What is computed for every element is computed in the fold, where that is elementwise as well: a value as it is stored. */
static struct node *value_in_place(struct tiler *t, const struct equation *let) {
    bool stored = let->dtype != DTYPE_NONE && let->dtype != DTYPE_F32;
    return stored ? make_call(t->arena, word_text(WORDS_dtype, (int)let->dtype), LIST(t->arena, let->value))
                  : let->value;
}

static void fail_as_computed(struct element_folds *folds, const struct node_reduction *reduction, struct span span,
                             const char *what) {
    if (tile_fail(folds->t, span,
                  "%s is computed for all %s, and a fold takes one element of it after the other, which the device does of tensors",
                  what, node_as(reduction->axes.items[0], axis)->name))
        tile_help(folds->t, "store it in a tensor, in a kernel of its own, and read that here");
}

/* The fold with the values that it reads at elements written out; a failure where they are folds themselves. */
static struct node_reduction *write_out_values(struct element_folds *folds, struct node_reduction *reduction) {
    struct tiler *t = folds->t;
    for (const struct equation *let; !t->failed && (let = value_at_elements(t, reduction));) {
        if (find_kind(let->value, NODE_REDUCTION) || let->old) {
            fail_as_computed(folds, reduction, folds->equation->span, let->name);
            return reduction;
        }
        struct node_reduction written = *reduction;
        written.body = value_inlined(t, reduction->body, let, value_in_place(t, let));
        reduction = arena_copy(t->arena, &written, sizeof written);
    }
    for_each (reduction, inner, reduction->body)
        if (varies_along_own(reduction, &inner->base))
            fail_as_computed(folds, reduction, span_of_part(folds->equation->span, inner->base.span),
                             node_text(t->arena, &inner->base));
    return reduction;
}

static void remark_elements(struct element_folds *folds, const struct node_reduction *reduction) {
    struct tiler *t = folds->t;
    const char *axes[AXIS_LIMIT];
    result_axes(t, folds->equation, &reduction->base, axes);
    report_remark(
        t->compilation->diagnostics, span_of_part(folds->equation->span, reduction->base.span),
        "this varies along %s and %s and is no sum of products: it takes one element of %s after the other, each with all its operations for every tile of the result",
        axes[0], axes[1], node_as(reduction->axes.items[0], axis)->name);
}

static struct node *take(struct node *node, void *context) {
    struct element_folds *folds = context;
    struct tiler *t = folds->t;
    struct node *mapped = node_map_children(t->arena, node, take, folds);
    struct node_reduction *reduction = node_as(mapped, reduction);
    if (!reduction || !takes_elements(t, folds->equation, reduction))
        return mapped;
    remark_elements(folds, reduction);
    struct node_reduction single = rename_own_axes(t, write_out_values(folds, reduction), is_tiled, NULL);
    for (size_t i = 0; i < single.axes.count; i++)
        axis_take_singly(t, node_as(single.axes.items[i], axis)->name);
    return arena_copy(t->arena, &single, sizeof single);
}

struct node *take_elements(struct tiler *t, const struct equation *equation) {
    struct element_folds folds = {t, equation};
    return take(equation->value, &folds);
}
