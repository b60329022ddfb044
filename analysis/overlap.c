/* Pairs of iterations that touch the same element, cut to those that follow one another in a given way. */
#include "analysis/overlap.h"

#include <isl/val.h>

#include "analysis/isl_util.h"
#include "analysis/products.h"
#include "ir/build.h"

/* { iteration of a -> iteration of b } that touch one element, as far as subscripts are affine or have digits: others may be equal. */
static __isl_give isl_map *same_element(const struct relations *r, const struct access_site *a,
                                        const struct access_site *b) {
    bool taken[TENSOR_RANK_LIMIT] = {false};
    for (size_t i = 0; i < a->access->subscripts.count && i < b->access->subscripts.count; i++)
        taken[i] = a->subscripts[i] && b->subscripts[i];
    isl_map *from = relations_map_of(a, taken), *to = from ? relations_map_of(b, taken) : NULL;
    if (!to) {
        isl_map_free(from);
        return NULL;
    }
    isl_map *pairs = isl_map_apply_range(from, isl_map_reverse(to));
    for (size_t i = 0; i < a->access->subscripts.count && i < b->access->subscripts.count; i++) {
        isl_map *equal = taken[i] ? NULL : products_equal(r, a, b, i);
        pairs = equal ? isl_map_intersect(pairs, equal) : pairs;
    }
    return pairs;
}

/* The loops, counted as dimensions, that both accesses stand in. */
static size_t common_axes(const struct access_site *a, const struct access_site *b) {
    size_t count = a->axis_count < b->axis_count ? a->axis_count : b->axis_count, i = 0;
    while (i < count && a->ranges[i] == b->ranges[i])
        i++;
    return i;
}

/* The index of an axis: of the element. */
static __isl_give isl_pw_aff *element_of(const struct access_site *site, size_t axis) {
    isl_local_space *space = isl_local_space_from_space(isl_set_get_space(site->domain));
    return isl_pw_aff_from_aff(isl_aff_var_on_domain(space, isl_dim_set, (unsigned)axis));
}

/* The number of the iteration that an axis is in; NULL when it is not known. */
static __isl_give isl_pw_aff *iteration_of(const struct relations *r, const struct access_site *site,
                                           size_t axis) {
    const struct node_axis *range = site->ranges[axis];
    isl_pw_aff *element = element_of(site, axis);
    int64_t step;
    if (!range->step)
        return element;
    isl_pw_aff *lower = relations_size_at(r, site, range->lower);
    if (lower && integer_value(range->step, &step))
        return isl_pw_aff_floor(
            isl_pw_aff_scale_down_val(isl_pw_aff_sub(element, lower), isl_val_int_from_si(r->ctx, step)));
    isl_pw_aff_free(element);
    isl_pw_aff_free(lower);
    if (relations_at_least(r, range->step, make_sub(r->arena, range->upper, range->lower)))
        return relations_size_at(r, site, make_integer(r->arena, 0));
    return NULL;
}

enum succession { SAME_ITERATION, EARLIER_ITERATION, LATER_ITERATION };

/* The pairs cut to those whose iterations along one axis follow one another so. */
static __isl_give isl_map *cut_iterations(const struct relations *r, __isl_take isl_map *pairs,
                                          const struct access_site *a, const struct access_site *b,
                                          size_t axis, enum succession succession) {
    if (!a->ranges[axis]) /* lo and len go with their axis */
        return succession == SAME_ITERATION
                   ? pairs
                   : isl_map_intersect(pairs, isl_map_empty(isl_map_get_space(pairs)));
    isl_pw_aff *left = iteration_of(r, a, axis), *right = iteration_of(r, b, axis);
    if (!left && succession == SAME_ITERATION)
        return pairs;
    if (!left) {
        left = element_of(a, axis);
        right = element_of(b, axis);
    }
    isl_map *iterations = succession == SAME_ITERATION      ? isl_pw_aff_eq_map(left, right)
                          : succession == EARLIER_ITERATION ? isl_pw_aff_lt_map(left, right)
                                                            : isl_pw_aff_gt_map(left, right);
    return isl_map_intersect(pairs, iterations);
}

bool overlap_same_grid(const struct access_site *a, const struct access_site *b) {
    return a->grid_axes == b->grid_axes && common_axes(a, b) >= a->grid_axes;
}

__isl_give isl_map *overlap_across(const struct relations *r, const struct access_site *a,
                                   const struct access_site *b) {
    if (!overlap_same_grid(a, b))
        return NULL;
    isl_map *pairs = same_element(r, a, b);
    isl_map *across = pairs ? isl_map_empty(isl_map_get_space(pairs)) : NULL;
    for (size_t i = 0; across && i < a->grid_axes; i++)
        for (enum succession s = EARLIER_ITERATION; a->ranges[i] && s <= LATER_ITERATION; s++)
            across = isl_map_union(across, cut_iterations(r, isl_map_copy(pairs), a, b, i, s));
    isl_map_free(pairs);
    return across;
}

__isl_give isl_map *overlap_before(const struct relations *r, const struct access_site *a,
                                   const struct access_site *b) {
    size_t common = common_axes(a, b);
    if (!overlap_same_grid(a, b))
        return NULL;
    isl_map *same = same_element(r, a, b);
    isl_map *before = same ? isl_map_empty(isl_map_get_space(same)) : NULL;
    for (size_t i = 0; before && i < common; i++) {
        if (i >= a->grid_axes && a->ranges[i])
            before = isl_map_union(before, cut_iterations(r, isl_map_copy(same), a, b, i, EARLIER_ITERATION));
        same = cut_iterations(r, same, a, b, i, SAME_ITERATION);
    }
    if (before && a->order < b->order)
        return isl_map_union(before, same);
    isl_map_free(same);
    return before;
}

struct example *overlap_example(const struct relations *r, const struct access_site *b,
                                __isl_take isl_map *pairs) {
    isl_map *element = relations_map(b);
    if (!element) {
        isl_map_free(pairs);
        return NULL;
    }
    isl_map *all = isl_map_flat_range_product(isl_map_reverse(pairs), element);
    return example_of(r, isl_set_flatten(isl_map_wrap(all)));
}
