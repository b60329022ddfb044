/* Affine functions taken apart: subscripts, products and reductions classified by their coefficients. */
#include "analysis/match.h"

#include <string.h>

#include <isl/aff.h>
#include <isl/local_space.h>
#include <isl/space.h>
#include <isl/val.h>

#include "analysis/isl_util.h"
#include "ir/build.h"
#include "ir/query.h"
#include "support/scalar.h"

#define NAME_LIMIT 32
#define FACTOR_LIMIT 16

/* ---- one subscript ---- */

struct names {
    const char *items[NAME_LIMIT];
    size_t count;
    bool overflow;
};

static struct names names_in(const struct node *expression) {
    struct names names = {.count = 0};
    for_each (reference, reference, expression) {
        size_t i = 0;
        while (i < names.count && strcmp(names.items[i], reference->name) != 0)
            i++;
        if (i == NAME_LIMIT)
            names.overflow = true;
        else if (i == names.count)
            names.items[names.count++] = reference->name;
    }
    return names;
}

/* The expression as a polynomial of degree one over its names, each a dimension; NULL when it is not one. */
static __isl_give isl_aff *linear(const struct node *node, const struct names *names,
                                  isl_local_space *space) {
    isl_ctx *ctx = isl_local_space_get_ctx(space);
    if (node->kind == NODE_INTEGER) {
        isl_val *value = isl_val_int_from_si(ctx, ((const struct node_integer *)node)->value);
        return isl_aff_val_on_domain(isl_local_space_copy(space), value);
    }
    if (node->kind == NODE_REFERENCE) {
        for (size_t i = 0; i < names->count; i++)
            if (strcmp(names->items[i], ((const struct node_reference *)node)->name) == 0)
                return isl_aff_var_on_domain(isl_local_space_copy(space), isl_dim_set, (unsigned)i);
        return NULL;
    }
    if (node->kind == NODE_UNARY && ((const struct node_unary *)node)->op == UNARY_NEGATE) {
        isl_aff *operand = linear(((const struct node_unary *)node)->operand, names, space);
        return operand ? isl_aff_neg(operand) : NULL;
    }
    if (node->kind != NODE_BINARY)
        return NULL;
    const struct node_binary *binary = (const struct node_binary *)node;
    isl_aff *left = linear(binary->left, names, space),
            *right = left ? linear(binary->right, names, space) : NULL;
    if (right && binary->op == BINARY_ADD)
        return isl_aff_add(left, right);
    if (right && binary->op == BINARY_SUBTRACT)
        return isl_aff_sub(left, right);
    bool constant = right && (isl_proved(isl_aff_is_cst(left)) || isl_proved(isl_aff_is_cst(right)));
    if (constant && binary->op == BINARY_MULTIPLY)
        return isl_aff_mul(left, right);
    int64_t divisor;
    if (right && integer_value(binary->right, &divisor) && divisor > 0 &&
        (binary->op == BINARY_DIVIDE || binary->op == BINARY_REMAINDER)) {
        isl_aff *quotient =
            isl_aff_floor(isl_aff_scale_down_val(isl_aff_copy(left), isl_val_int_from_si(ctx, divisor)));
        if (binary->op == BINARY_DIVIDE) {
            isl_aff_free(left);
            isl_aff_free(right);
            return quotient;
        }
        return isl_aff_sub(left, isl_aff_mul(quotient, right));
    }
    isl_aff_free(left);
    isl_aff_free(right);
    return NULL;
}

static bool is_axis(const struct matcher *m, const char *name) {
    for (size_t i = 0; i < m->axis_count; i++)
        if (strcmp(m->axes[i], name) == 0)
            return true;
    return false;
}

static bool involves(__isl_keep isl_aff *aff, size_t position) {
    return !isl_proved(isl_bool_not(isl_aff_involves_dims(aff, isl_dim_in, (unsigned)position, 1)));
}

static struct subscript classify(const struct matcher *m, __isl_keep isl_aff *aff,
                                 const struct names *names) {
    struct subscript result = {SUBSCRIPT_NUMBER, NULL};
    bool others = false;
    for (size_t i = 0; i < names->count; i++) {
        if (!involves(aff, i))
            continue;
        isl_val *coefficient = isl_aff_get_coefficient_val(aff, isl_dim_in, (int)i);
        bool one = isl_proved(isl_val_is_one(coefficient));
        isl_val_free(coefficient);
        if (!is_axis(m, names->items[i])) {
            others = true;
        } else if (result.axis || !one) {
            return (struct subscript){SUBSCRIPT_AFFINE, NULL};
        } else {
            result = (struct subscript){SUBSCRIPT_AXIS, names->items[i]};
        }
    }
    isl_val *constant = isl_aff_get_constant_val(aff);
    bool shifted = others || isl_aff_dim(aff, isl_dim_div) > 0 || !isl_proved(isl_val_is_zero(constant));
    isl_val_free(constant);
    if (result.axis && isl_aff_dim(aff, isl_dim_div) > 0)
        return (struct subscript){SUBSCRIPT_AFFINE, NULL};
    if (result.axis && shifted)
        result.kind = SUBSCRIPT_SHIFTED;
    return result;
}

bool match_is_free(const struct node *subscript, match_tiles *in_tiles, void *context) {
    for_each_node (node, subscript) {
        struct node_reference *reference = node_as(node, reference);
        if (is_block_place(node))
            skip_below(node);
        else if (node->kind == NODE_ACCESS || (reference && in_tiles(reference->name, context)))
            return false;
    }
    return true;
}

bool match_line(const struct node_access *access, size_t i, match_tiles *in_tiles, void *context) {
    size_t rank = access->subscripts.count;
    if (rank < 2 || i + 2 < rank || !match_is_free(access->subscripts.items[i], in_tiles, context))
        return false;
    struct node_reference *other = node_as(access->subscripts.items[2 * rank - 3 - i], reference);
    return other && in_tiles(other->name, context);
}

bool match_begins_tiles(const struct node *subscript) {
    int64_t place;
    return integer_value(subscript, &place) && place >= 0 && place % TILE_EDGE == 0;
}

bool match_element(const struct node_access *access, match_tiles *in_tiles, void *context) {
    size_t rank = access->subscripts.count;
    for (size_t i = rank < 2 ? 0 : rank - 2; i < rank; i++)
        if (!match_is_free(access->subscripts.items[i], in_tiles, context))
            return false;
    return rank > 0;
}

struct subscript match_subscript(const struct matcher *m, const struct node *expression) {
    const struct subscript other = {SUBSCRIPT_OTHER, NULL};
    struct names names = names_in(expression);
    if (names.overflow)
        return other;
    isl_question(m->ctx);
    isl_local_space *space =
        isl_local_space_from_space(isl_space_set_alloc(m->ctx, 0, (unsigned)names.count));
    isl_aff *aff = linear(expression, &names, space);
    isl_local_space_free(space);
    struct subscript result = aff ? classify(m, aff, &names) : other;
    isl_aff_free(aff);
    return result;
}

struct node *match_canonical(const struct matcher *m, struct node *node) {
    struct node_access *access = node_as(node, access);
    struct list_builder subscripts = {0};
    bool changed = false;
    for (size_t i = 0; i < access->subscripts.count; i++) {
        struct node *item = access->subscripts.items[i];
        if (item->kind != NODE_REFERENCE && item->kind != NODE_INTEGER) {
            struct subscript s = match_subscript(m, item);
            if (s.kind == SUBSCRIPT_AXIS) {
                item = node_with_span(m->arena, make_reference(m->arena, s.axis), item->span);
                changed = true;
            }
        }
        builder_add(m->arena, &subscripts, item);
    }
    if (!changed)
        return node;
    struct node_access canonical = *access;
    canonical.subscripts = builder_list(&subscripts);
    return arena_copy(m->arena, &canonical, sizeof canonical);
}

/* ---- reductions ---- */

bool match_varies(const struct node *expression, const char *axis) {
    if (!axis)
        return false;
    for_each_node (node, expression) {
        struct node_reduction *reduction = node_as(node, reduction);
        struct node_reference *reference = node_as(node, reference);
        for (size_t i = 0; reduction && i < reduction->axes.count; i++)
            if (strcmp(node_as(reduction->axes.items[i], axis)->name, axis) == 0)
                skip_below(node);
        if (reference && strcmp(reference->name, axis) == 0)
            return true;
    }
    return false;
}

int match_order(const struct node *value, const char *first, const char *second) {
    for_each (access, access, value) {
        int outer = -1, inner = -1;
        for (size_t i = 0; i < access->subscripts.count; i++) {
            if (match_varies(access->subscripts.items[i], first))
                outer = (int)i;
            if (match_varies(access->subscripts.items[i], second))
                inner = (int)i;
        }
        if (outer >= 0 && inner >= 0)
            return outer < inner ? 1 : -1;
    }
    return 0;
}

/* Does the value lie as (second, first)? */
static bool lies_turned(struct node *value, const char *first, const char *second) {
    return match_order(value, first, second) < 0;
}

static bool add_factors(struct node *node, struct node **factors, size_t *count) {
    struct node_binary *binary = node_as(node, binary);
    if (binary && binary->op == BINARY_MULTIPLY)
        return add_factors(binary->left, factors, count) && add_factors(binary->right, factors, count);
    if (*count == FACTOR_LIMIT)
        return false;
    factors[(*count)++] = node;
    return true;
}

static struct node *times(struct arena *arena, struct node *product, struct node *factor) {
    return product && factor ? make_binary(arena, BINARY_MULTIPLY, product, factor)
           : product         ? product
                             : factor;
}

/* Sorts the factors of a product into those over (row, inner) and those over (inner, column); a reason when
 * they do not fall apart. */
static const char *match_product(const struct matcher *m, struct node *body, struct match *match) {
    struct node *factors[FACTOR_LIMIT], *rest = NULL;
    size_t count = 0;
    if (!add_factors(body, factors, &count))
        return "the product has too many factors";
    for (size_t i = 0; i < count; i++) {
        bool row = match_varies(factors[i], match->row), column = match_varies(factors[i], match->column);
        bool inner = match_varies(factors[i], match->inner);
        if (row && column)
            return "a factor of the product varies along the rows and the columns of the result";
        if (row || (inner && !column && (!match->row || match->column)))
            match->left = times(m->arena, match->left, factors[i]);
        else if (column || inner)
            match->right = times(m->arena, match->right, factors[i]);
        else
            rest = times(m->arena, rest, factors[i]);
    }
    if (!match->left || !match->right || !match_varies(match->left, match->inner) ||
        !match_varies(match->right, match->inner))
        return "its body is not a product of two operands that both vary along the summed axis";
    match->left = times(m->arena, match->left, rest);
    return NULL;
}

struct match match_reduction(const struct matcher *m, const struct node *node, size_t count,
                             const char *const *axes) {
    const struct node_reduction *reduction = (const struct node_reduction *)node;
    struct match match = {.kind = MATCH_NONE};
    if (node->kind != NODE_REDUCTION || reduction->axes.count != 1 || count < 1 || count > 2) {
        match.reason = count > 2   ? "the result has more than two axes"
                       : count < 1 ? "the result is a single number"
                                   : "it folds several axes at once";
        return match;
    }
    match.inner = node_as(reduction->axes.items[0], axis)->name;
    if (reduction->op == REDUCTION_ARGMAX || reduction->op == REDUCTION_ARGMIN) {
        match.reason = "the device folds by sum, product, max and min only";
        return match;
    }
    bool rows = count == 2 || !lies_turned(reduction->body, axes[0], match.inner);
    match.row = rows ? axes[0] : NULL;
    match.column = count == 2 ? axes[1] : rows ? NULL : axes[0];
    match.along_rows = count == 1 && rows;
    struct match product = match;
    const char *reason = reduction->op == REDUCTION_SUM ? match_product(m, reduction->body, &product)
                                                        : "only a sum of products contracts two operands";
    if (!reason) {
        product.kind = MATCH_CONTRACTION;
        product.left_turned = lies_turned(product.left, product.row, product.inner);
        product.right_turned = lies_turned(product.right, product.inner, product.column);
        return product;
    }
    if (count == 2)
        match.reason = reason;
    else if (!match_varies(reduction->body, match.inner))
        match.reason = "its body does not vary along the folded axis";
    else
        match.kind = MATCH_FOLD;
    return match;
}
