/* The first point of a set by lexicographic minimum, with sizes and scalars kept readable. */
#include "analysis/example.h"

#include <string.h>

#include <isl/point.h>
#include <isl/val.h>

#include "analysis/isl_util.h"
#include "support/text_buffer.h"

/* A scalar parameter may have any value; an example is looked for in this range. */
#define EXAMPLE_LIMIT (1 << 20)

/* What is asked of sizes and scalar parameters, the readable first. */
static const struct preference {
    int size, scalar;
} preferences[] = {{1, 0}, {1, -1}, {0, -1}, {0, -EXAMPLE_LIMIT}};

static bool is_size(const struct relations *r, unsigned parameter) {
    const char *name = isl_space_get_dim_name(r->space, isl_dim_param, parameter);
    for (size_t i = 0; i < r->kernel->parameters.count; i++)
        if (strcmp(node_as(r->kernel->parameters.items[i], parameter)->name, name) == 0)
            return false;
    return true;
}

/* The first point of a set without parameters whose first dimensions were the parameters; NULL when there is
 * none. */
static __isl_give isl_point *first_point(const struct relations *r, __isl_take isl_set *set, unsigned sizes,
                                         struct preference wanted) {
    isl_question(r->ctx);
    for (unsigned i = 0; i < sizes; i++) {
        set = isl_set_lower_bound_si(set, isl_dim_set, i, is_size(r, i) ? wanted.size : wanted.scalar);
        set = isl_set_upper_bound_si(set, isl_dim_set, i, EXAMPLE_LIMIT);
    }
    isl_point *point = isl_set_sample_point(isl_set_lexmin(set));
    if (point && isl_proved(isl_bool_not(isl_point_is_void(point))))
        return point;
    isl_point_free(point);
    return NULL;
}

struct example *example_of(const struct relations *r, __isl_take isl_set *set) {
    if (!set) /* it could not be computed within the budget */
        return NULL;
    unsigned sizes = (unsigned)isl_set_dim(set, isl_dim_param);
    unsigned dimensions = sizes + (unsigned)isl_set_dim(set, isl_dim_set);
    set = isl_set_move_dims(set, isl_dim_set, 0, isl_dim_param, 0, sizes);
    isl_point *point = NULL;
    for (size_t i = 0; i < sizeof preferences / sizeof *preferences && !point; i++)
        point = first_point(r, isl_set_copy(set), sizes, preferences[i]);
    isl_set_free(set);
    if (!point)
        return NULL;
    struct example *example = arena_allocate(r->arena, sizeof *example);
    *example = (struct example){r, sizes, arena_allocate(r->arena, (dimensions + 1) * sizeof(int64_t))};
    for (unsigned i = 0; i < dimensions; i++) {
        isl_val *value = isl_point_get_coordinate_val(point, isl_dim_set, (int)i);
        example->values[i] = isl_val_get_num_si(value);
        isl_val_free(value);
    }
    isl_point_free(point);
    return example;
}

int64_t example_value(const struct example *example, size_t dimension) {
    return example->values[example->size_count + dimension];
}

static const char *finished(const struct relations *r, struct text_buffer *text) {
    const char *copy = arena_string(r->arena, text_string(text));
    text_free(text);
    return copy;
}

const char *example_sizes(const struct example *example) {
    struct text_buffer out = {0};
    for (size_t i = 0; i < example->size_count; i++)
        text_printf(&out, "%s%s = %lld", i ? ", " : " with ",
                    isl_space_get_dim_name(example->relations->space, isl_dim_param, (unsigned)i),
                    (long long)example->values[i]);
    return finished(example->relations, &out);
}

const char *example_axes(const struct example *example, const struct access_site *site, size_t first) {
    struct text_buffer out = {0};
    const char *lead = "";
    for (size_t i = 0; i < site->axis_count; i++)
        if (site->axes[i]) {
            text_printf(&out, "%s%s = %lld", lead, site->axes[i],
                        (long long)example_value(example, first + i));
            lead = ", ";
        }
    return finished(example->relations, &out);
}

const char *example_element(const struct example *example, const char *name, size_t first, size_t rank) {
    struct text_buffer out = {0};
    text_printf(&out, "%s[", name);
    for (size_t i = 0; i < rank; i++)
        text_printf(&out, "%s%lld", i ? ", " : "", (long long)example_value(example, first + i));
    text_printf(&out, "]");
    return finished(example->relations, &out);
}
