/* Sums of products that the matrix unit would cut: their factors are taken apart into bf16 parts of so few bits that it
 * loses nothing of the products of parts.
 *
 * f32: three parts of 8 bits, and the six products of parts that an f32 can tell from the whole.
 *
 *     x = high + middle + low:  high = bf16(x), middle = bf16(x - high), low = x - high - middle
 *
 * The differences are exact. The products of the high parts are summed by themselves; the others, 2^-8 of them and
 * below, into a fragment of their own, least first. An infinite factor is its own high part, and so are NaN: the first
 * sum is what it must be, the second one no number, and left out.
 *
 * Whole numbers: digits of 6 bits, of which products and the sums of a block are whole f32. (Of digits of 8 bits the device
 * would have to align products to more bits than it adds.) What digits of one weight add up to is made whole, and joins
 * what the higher ones add up to, 6 bits further left. It wraps as whole numbers do: weights from 2^32 on are not computed.
 */
#include <inttypes.h>
#include <math.h>

#include "ir/build.h"
#include "ir/query.h"
#include "transforms/tensorize.h"

enum { DIGIT_BITS = 6, PART_LIMIT = 6 };

struct parts {
    struct node *items[PART_LIMIT];
    int count;
};

/* A product that is taken apart, with the sum's axes. */
struct split {
    struct tensorizer *t;
    struct node_reduction *reduction;
    struct parts left, right;
    size_t count;
    const char *const *axes;
    enum orientation orientation;
};

static enum dtype type_of(struct tensorizer *t, struct node *access) {
    return storage_find(t, node_as(access, access)->name)->dtype;
}

bool is_split(struct tensorizer *t, const struct factor_pair *pair) {
    enum dtype left = type_of(t, pair->left.access), right = type_of(t, pair->right.access);
    return is_whole_type(left) || is_whole_type(right) ||
           (t->exact && (left == DTYPE_F32 || right == DTYPE_F32));
}

/* ---- parts ---- */

/* What is left of an f32 behind the parts made so far, which bf16 rounds. */
static struct node *float_part(struct tensorizer *t, struct node *factor, const struct parts *parts) {
    struct node *rest = factor;
    for (int i = 0; i < parts->count; i++)
        rest = make_binary(t->arena, BINARY_SUBTRACT, rest, parts->items[i]);
    return rest;
}

static struct node *digit(struct tensorizer *t, struct node *factor, const struct parts *parts) {
    struct arena *arena = t->arena;
    struct node *places = make_integer(arena, parts->count * DIGIT_BITS),
                *shifted = parts->count ? make_binary(arena, BINARY_SHIFT_RIGHT, factor, places) : factor,
                *mask = make_integer(arena, (1 << DIGIT_BITS) - 1);
    return make_call(arena, "f32", LIST(arena, make_binary(arena, BINARY_BIT_AND, shifted, mask)));
}

static int digits_of(enum dtype type) {
    int bits = type == DTYPE_BOOL ? 1 : type == DTYPE_U8 ? 8 : type == DTYPE_U16 ? 16 : 32;
    return (bits + DIGIT_BITS - 1) / DIGIT_BITS;
}

/* The factor in parts, each as the matrix unit takes it; a factor that it takes whole is one. What the unpacker does not
 * turn is turned before. */
static struct parts parts_of(struct tensorizer *t, struct node *factor, const struct operand_shape *shape) {
    enum dtype type = type_of(t, factor);
    bool whole = is_whole_type(type);
    int count = whole ? digits_of(type) : type == DTYPE_F32 ? EXACT_PARTS : 0;
    factor = shape->may_turn ? factor : operand_laid(t, factor, shape);
    struct storage source = *storage_find(t, node_as(factor, access)->name);
    struct parts parts = {.items = {factor}};
    for (; parts.count < count; parts.count++) {
        const char *base = arena_printf(t->arena, "%s_part", source.name);
        const char *name = buffer_declare(t, MEMORY_SHARED, base, source.rank,
                                          arena_copy(t->arena, source.axes, sizeof source.axes), DTYPE_BF16,
                                          source.orientation);
        tile_emit(t, TILE_MAP, buffer_access(t, name), ASSIGN_SET,
                  whole ? digit(t, factor, &parts) : float_part(t, factor, &parts));
        parts.items[parts.count] = buffer_access(t, name);
    }
    parts.count = count ? count : 1;
    for (int i = 0; i < parts.count; i++)
        parts.items[i] = operand_laid(t, parts.items[i], shape);
    return parts;
}

/* ---- sums ---- */

/* A sum of the products of parts whose numbers add up to `most` down to `least`. */
static struct node *sum_of_parts(struct split *s, const char *base, int most, int least) {
    struct tensorizer *t = s->t;
    const char *name = buffer_declare(t, MEMORY_FRAGMENT, base, s->count, s->axes, DTYPE_F32, s->orientation);
    struct node *sum = buffer_access(t, name);
    tile_emit(t, TILE_MAP, sum, ASSIGN_SET, make_integer(t->arena, 0));
    for (int order = most; order >= least; order--)
        for (int i = 0; i < s->left.count; i++)
            if (order - i >= 0 && order - i < s->right.count)
                matmul_emit(t, name, s->reduction, s->left.items[i], s->right.items[order - i]);
    return sum;
}

static struct node *float_sum(struct split *s) {
    struct tensorizer *t = s->t;
    report_remark(
        t->compilation->diagnostics, t->span,
        "this multiplies f32 as sums of bf16 parts, which each block of a factor is taken apart into: %s products of the matrix unit in place of one",
        s->left.count == s->right.count ? "six" : "three");
    struct node *correction = value_materialize(t, sum_of_parts(s, "corrections", EXACT_PARTS - 1, 1), "correction",
                                                s->count, s->axes);
    struct node *sum = sum_of_parts(s, "acc", 0, 0);
    struct node *finite = make_binary(t->arena, BINARY_LESS, make_call(t->arena, "abs", LIST(t->arena, correction)),
                                      make_real(t->arena, INFINITY));
    struct node *chosen = make_call(t->arena, "select",
                                    LIST(t->arena, finite, correction, make_real(t->arena, 0)));
    return make_binary(t->arena, BINARY_ADD, sum, chosen);
}

static int pairs_of_order(const struct split *s, int order) {
    int pairs = 0;
    for (int i = 0; i < s->left.count; i++)
        pairs += order - i >= 0 && order - i < s->right.count;
    return pairs;
}

/* Are the sums of a block whole f32? False after a reported error. */
static bool check_length(struct split *s, int most) {
    struct tensorizer *t = s->t;
    const char *name = node_as(s->reduction->axes.items[0], axis)->name;
    int64_t length, greatest = (1 << DIGIT_BITS) - 1, pairs = 1;
    for (int order = 0; order <= most; order++)
        pairs = pairs_of_order(s, order) > pairs ? pairs_of_order(s, order) : pairs;
    int64_t limit = (1 << 24) / (pairs * greatest * greatest) / 32 * 32;
    struct node_axis *axis = axis_find(t, name);
    if (axis && integer_value(axis->step, &length) && length <= limit)
        return true;
    tensorize_fail(
        t, "this multiplies whole numbers over blocks of %s, and sums of more than %" PRId64 " products are not exact",
        name, limit);
    tensorize_help(t, "make the blocks smaller: `%s in ... by 256`", name);
    return false;
}

static struct node *whole_sum(struct split *s) {
    struct tensorizer *t = s->t;
    struct arena *arena = t->arena;
    int highest = s->left.count + s->right.count - 2, most = 31 / DIGIT_BITS;
    most = highest < most ? highest : most;
    if (!check_length(s, most))
        return &s->reduction->base;
    struct node *whole = NULL;
    int products = 0;
    for (int order = most; order >= 0; order--) {
        products += pairs_of_order(s, order);
        struct node *sum = make_call(arena, "i32", LIST(arena, sum_of_parts(s, "digits", order, order)));
        if (whole)
            sum = make_binary(arena, BINARY_ADD,
                              make_binary(arena, BINARY_SHIFT_LEFT, whole, make_integer(arena, DIGIT_BITS)), sum);
        const char *name = buffer_declare(t, MEMORY_SHARED, "whole", s->count, s->axes, DTYPE_I32, s->orientation);
        whole = buffer_access(t, name);
        tile_emit(t, TILE_MAP, whole, ASSIGN_SET, sum);
    }
    report_remark(
        t->compilation->diagnostics, t->span,
        "this multiplies whole numbers by their digits of %d bits, which each block of a factor is taken apart into: %d products of the matrix unit",
        DIGIT_BITS, products);
    enum dtype type = value_type_of(t, &s->reduction->base);
    return type == DTYPE_I32 ? whole : make_call(arena, word_text(WORDS_dtype, type), LIST(arena, whole));
}

struct node *split_product(struct tensorizer *t, struct node_reduction *reduction,
                           const struct factor_pair *pair, size_t count, const char *const *axes,
                           enum orientation orientation) {
    bool whole = is_whole_type(type_of(t, pair->left.access));
    struct split s = {.t = t,
                      .reduction = reduction,
                      .left = parts_of(t, pair->left.access, &pair->left.shape),
                      .right = parts_of(t, pair->right.access, &pair->right.shape),
                      .count = count,
                      .axes = axes,
                      .orientation = orientation};
    return whole ? whole_sum(&s) : float_sum(&s);
}
