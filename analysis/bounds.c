#include "analysis/bounds.h"

#include <string.h>

#include <isl/ilp.h>
#include <isl/point.h>
#include <isl/val.h>

#include "analysis/isl_util.h"
#include "ir/build.h"
#include "support/text_buffer.h"

/* A scalar parameter may have any value; an example is looked for in this range. */
#define EXAMPLE_LIMIT (1 << 20)

/* Iterations whose element lies below 0 (below) or at or above the extent. NULL when that cannot be said. */
static __isl_give isl_set *outside(const struct relations *r, const struct access_site *site,
                                   size_t dimension, const struct node *extent, bool below) {
    isl_pw_aff *index = isl_pw_aff_copy(site->subscripts[dimension]);
    isl_set *wrong;
    if (below) {
        isl_pw_aff *zero = relations_size_at(r, site, make_integer(r->arena, 0));
        wrong = isl_pw_aff_lt_set(index, zero);
    } else {
        isl_pw_aff *limit = relations_size_at(r, site, extent);
        if (!limit) {
            isl_pw_aff_free(index);
            return NULL;
        }
        wrong = isl_pw_aff_ge_set(index, limit);
    }
    return isl_set_intersect(isl_set_copy(site->domain), wrong);
}

/* The extents of what is accessed; false for a buffer or an intermediate value. */
static bool extents_of(const struct relations *r, const struct access_site *site, struct node_list *extents) {
    struct node_parameter *tensor = relations_tensor(r, site->access->name);
    if (!tensor || tensor->dimensions.count != site->access->subscripts.count)
        return false;
    *extents = tensor->dimensions;
    return true;
}

static bool dimension_proved(const struct relations *r, const struct access_site *site, size_t dimension,
                             const struct node *extent, bool below) {
    isl_question(r->ctx);
    isl_set *wrong = site->subscripts[dimension] ? outside(r, site, dimension, extent, below) : NULL;
    bool proved = wrong && isl_proved(isl_set_is_empty(wrong));
    isl_set_free(wrong);
    return proved;
}

bool bounds_proved(const struct relations *r, const struct access_site *site) {
    struct node_list extents;
    if (!extents_of(r, site, &extents))
        return true;
    for (size_t i = 0; i < extents.count; i++)
        if (!dimension_proved(r, site, i, extents.items[i], true) ||
            !dimension_proved(r, site, i, extents.items[i], false))
            return false;
    return true;
}

/* ---- messages ---- */

static void append_coordinate(struct text_buffer *out, __isl_keep isl_point *point, unsigned position,
                              const char *name, const char *lead) {
    isl_val *value = isl_point_get_coordinate_val(point, isl_dim_set, (int)position);
    text_printf(out, "%s%s = %ld", lead, name, isl_val_get_num_si(value));
    isl_val_free(value);
}

const char *bounds_first_point(const struct relations *r, const struct access_site *site,
                               __isl_take isl_set *set) {
    unsigned sizes = (unsigned)isl_set_dim(set, isl_dim_param);
    set = isl_set_move_dims(set, isl_dim_set, 0, isl_dim_param, 0, sizes);
    for (unsigned i = 0; i < sizes; i++) {
        set = isl_set_lower_bound_si(set, isl_dim_set, i, -EXAMPLE_LIMIT);
        set = isl_set_upper_bound_si(set, isl_dim_set, i, EXAMPLE_LIMIT);
    }
    isl_point *point = isl_set_sample_point(isl_set_lexmin(set));
    struct text_buffer out = {0};
    if (point && isl_proved(isl_bool_not(isl_point_is_void(point)))) {
        for (unsigned i = 0; i < sizes; i++)
            append_coordinate(&out, point, i, isl_space_get_dim_name(r->space, isl_dim_param, i),
                              i ? ", " : "with ");
        bool first = true;
        for (size_t i = 0; site && i < site->axis_count; i++) {
            if (!site->axes[i])
                continue;
            append_coordinate(&out, point, sizes + (unsigned)i, site->axes[i],
                              first ? (sizes ? " at " : "at ") : ", ");
            first = false;
        }
    }
    isl_point_free(point);
    const char *text = arena_string(r->arena, text_string(&out));
    text_free(&out);
    return text;
}

/* "256 rows", "M columns", "64 elements", "an extent of 3 in dimension 1". */
static const char *extent_text(const struct relations *r, const struct node_list extents, size_t dimension) {
    const char *text = node_text(r->arena, extents.items[dimension]);
    if (extents.count == 1)
        return arena_printf(r->arena, "%s elements", text);
    if (dimension + 2 < extents.count)
        return arena_printf(r->arena, "an extent of %s in dimension %zu", text, dimension + 1);
    return arena_printf(r->arena, "%s %s", text, dimension + 1 == extents.count ? "columns" : "rows");
}

/* The largest or smallest value of a subscript, when it is one number whatever the sizes are. */
static bool extreme_index(const struct access_site *site, size_t dimension, bool below, long *value) {
    isl_map *map = isl_map_from_pw_aff(isl_pw_aff_copy(site->subscripts[dimension]));
    isl_set *range = isl_map_range(isl_map_intersect_domain(map, isl_set_copy(site->domain)));
    range = isl_set_project_out(range, isl_dim_param, 0, (unsigned)isl_set_dim(range, isl_dim_param));
    isl_val *extreme = below ? isl_set_dim_min_val(range, 0) : isl_set_dim_max_val(range, 0);
    bool known = isl_proved(isl_val_is_int(extreme));
    *value = known ? isl_val_get_num_si(extreme) : 0;
    isl_val_free(extreme);
    return known;
}

static void report_outside(const struct relations *r, struct diagnostics *d, const struct access_site *site,
                           struct node_list extents, size_t dimension, bool below) {
    const char *index = node_text(r->arena, site->access->subscripts.items[dimension]),
               *name = site->access->name;
    const char *extent = extent_text(r, extents, dimension);
    struct node *subscript = site->access->subscripts.items[dimension];
    struct span span = subscript->span.line ? subscript->span : site->span;
    long value;
    int64_t fixed;
    isl_question(r->ctx);
    isl_set *wrong = outside(r, site, dimension, extents.items[dimension], below);
    if (!wrong)
        report_error(
            d, span,
            "index %s of %s cannot be compared with its extent: %s has %s, which is not affine in the sizes",
            index, name, name, extent);
    else if (below && extreme_index(site, dimension, true, &value))
        report_error(d, span, "index %s of %s runs down to %ld", index, name, value);
    else if (below)
        report_error(d, span, "index %s of %s is not proved to stay at or above 0", index, name);
    else if (integer_value(extents.items[dimension], &fixed) && extreme_index(site, dimension, false, &value))
        report_error(d, span, "index %s of %s runs to %ld, but %s has %s", index, name, value, name, extent);
    else
        report_error(d, span, "index %s of %s is not proved to stay inside it: %s has %s", index, name, name,
                     extent);
    const char *first = wrong ? bounds_first_point(r, site, wrong) : "";
    if (first[0])
        report_note(d, span, "first %s", first);
    report_note(d, relations_tensor(r, name)->base.span, "%s is declared here", name);
    if (below || site->kind == ACCESS_READ)
        report_help(
            d, (struct span){0},
            "shorten the range, state what holds of the sizes by `where`, or read `%s[... else value]`",
            name);
}

static bool check_site(const struct relations *r, struct diagnostics *d, const struct access_site *site) {
    struct node_list extents;
    if (!extents_of(r, site, &extents) || site->access->otherwise)
        return true;
    for (size_t i = 0; i < extents.count; i++) {
        if (!site->subscripts[i]) {
            struct node *subscript = site->access->subscripts.items[i];
            report_error(d, subscript->span.line ? subscript->span : site->span,
                         "subscript %zu of %s is not an affine function of loop variables and sizes, so it "
                         "cannot be proved in bounds",
                         i + 1, site->access->name);
            report_help(d, (struct span){0}, "give the value for elements outside: `%s[... else value]`",
                        site->access->name);
            return false;
        }
        for (int below = 1; below >= 0; below--)
            if (!dimension_proved(r, site, i, extents.items[i], below)) {
                report_outside(r, d, site, extents, i, below);
                return false;
            }
    }
    return true;
}

bool bounds_check(const struct relations *r, struct diagnostics *d) {
    bool sound = true;
    for (size_t i = 0; i < r->site_count; i++)
        sound &= check_site(r, d, &r->sites[i]);
    return sound;
}
