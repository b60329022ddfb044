/* Sums of products of f32 that the matrix unit does not cut: a factor is the sum of three bf16 parts, of 8 bits each, and
 * a product that of the six products of parts which an f32 can tell from the whole.
 *
 *     x = high + middle + low:  high = bf16(x), middle = bf16(x - high), low = x - high - middle
 *
 * The differences are exact. The products of the high parts are summed by themselves; the others, 2^-8 of them and
 * below, into a fragment of their own, least first. An infinite factor is its own high part, and so are NaN: the first
 * sum is what it must be, the second one no number, and left out.
 */
#include <math.h>

#include "ir/build.h"
#include "transforms/tensorize.h"

enum { PART_LIMIT = 3 };

struct parts {
    struct node *items[PART_LIMIT];
    int count;
};

static bool is_f32(struct tensorizer *t, struct node *access) {
    return storage_find(t, node_as(access, access)->name)->dtype == DTYPE_F32;
}

bool is_split(struct tensorizer *t, const struct factor_pair *pair) {
    return t->exact && (is_f32(t, pair->left.access) || is_f32(t, pair->right.access));
}

/* A buffer of bf16 that holds what is left of the factor behind the parts made so far. */
static struct node *make_part(struct tensorizer *t, struct node *factor, const struct parts *parts) {
    static const char *const names[PART_LIMIT] = {"high", "middle", "low"};
    const struct storage *source = storage_find(t, node_as(factor, access)->name);
    const char *base = arena_printf(t->arena, "%s_%s", source->name, names[parts->count]);
    const char *name = buffer_declare(t, MEMORY_SHARED, base, source->rank,
                                      arena_copy(t->arena, source->axes, sizeof source->axes), DTYPE_BF16,
                                      source->orientation);
    struct node *rest = factor;
    for (int i = 0; i < parts->count; i++)
        rest = make_binary(t->arena, BINARY_SUBTRACT, rest, parts->items[i]);
    tile_emit(t, TILE_MAP, buffer_access(t, name), ASSIGN_SET, rest);
    return buffer_access(t, name);
}

static struct parts parts_of(struct tensorizer *t, struct node *factor, const struct operand_shape *shape) {
    struct parts parts = {.items = {factor}, .count = 1};
    if (is_f32(t, factor))
        for (parts.count = 0; parts.count < PART_LIMIT; parts.count++)
            parts.items[parts.count] = make_part(t, factor, &parts);
    for (int i = 0; i < parts.count; i++)
        parts.items[i] = operand_laid(t, parts.items[i], shape);
    return parts;
}

static struct node *empty_sum(struct tensorizer *t, const char *base, size_t count, const char *const *axes,
                              enum orientation orientation) {
    const char *name = buffer_declare(t, MEMORY_FRAGMENT, base, count, axes, DTYPE_F32, orientation);
    tile_emit(t, TILE_MAP, buffer_access(t, name), ASSIGN_SET, make_integer(t->arena, 0));
    return buffer_access(t, name);
}

/* Adds the products of parts whose numbers sum up to `order`. */
static void add_products(struct tensorizer *t, struct node *sum, struct node_reduction *reduction,
                         const struct parts *left, const struct parts *right, int order) {
    for (int i = 0; i < left->count; i++)
        if (order - i >= 0 && order - i < right->count)
            matmul_emit(t, node_as(sum, access)->name, reduction, left->items[i], right->items[order - i]);
}

struct node *split_product(struct tensorizer *t, struct node_reduction *reduction,
                           const struct factor_pair *pair, size_t count, const char *const *axes,
                           enum orientation orientation) {
    struct parts left = parts_of(t, pair->left.access, &pair->left.shape),
                 right = parts_of(t, pair->right.access, &pair->right.shape);
    report_remark(
        t->compilation->diagnostics, t->span,
        "this multiplies f32 as sums of bf16 parts, which each block of a factor is taken apart into: %s products of the matrix unit in place of one",
        left.count == right.count ? "six" : "three");
    struct node *corrections = empty_sum(t, "corrections", count, axes, orientation);
    for (int order = PART_LIMIT - 1; order > 0; order--)
        add_products(t, corrections, reduction, &left, &right, order);
    struct node *correction = value_materialize(t, corrections, "correction", count, axes);
    struct node *sum = empty_sum(t, "acc", count, axes, orientation);
    add_products(t, sum, reduction, &left, &right, 0);
    struct node *finite = make_binary(t->arena, BINARY_LESS,
                                      make_call(t->arena, "abs", LIST(t->arena, correction)),
                                      make_real(t->arena, INFINITY));
    struct node *chosen = make_call(t->arena, "select",
                                    LIST(t->arena, finite, correction, make_real(t->arena, 0)));
    return make_binary(t->arena, BINARY_ADD, sum, chosen);
}
