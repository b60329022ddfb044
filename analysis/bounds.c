/* Subscripts against the extents of tensors and of the kernel's own arrays: the set of iterations outside, its
 * first point, and the advice that goes with it. */
#include "analysis/bounds.h"

#include <string.h>

#include <isl/ilp.h>
#include <isl/val.h>

#include "analysis/example.h"
#include "analysis/given.h"
#include "analysis/isl_util.h"
#include "analysis/products.h"
#include "ir/build.h"
#include "support/explanation.h"

/* One dimension of what is accessed: its elements are lower <= index < upper. */
struct extent {
    struct node *lower, *upper;
};

static bool names_sizes_only(const struct relations *r, struct node *expression) {
    for_each_node (node, expression)
        if (node->kind == NODE_ACCESS || (node->kind == NODE_REFERENCE && !relations_is_size(r, node)))
            return false;
    return true;
}

/* Of an array of the kernel's own: the range of its axis. Ranges that loop variables bound are refused where they
 * are lowered; the block of an axis in scope is read whole, at its axes, which is asked there as well. */
static bool local_extent(const struct relations *r, const struct node *item, struct extent *extent) {
    const struct node_axis *axis = (const struct node_axis *)item;
    if (!axis->lower || !names_sizes_only(r, axis->lower) || !names_sizes_only(r, axis->upper))
        return false;
    *extent = (struct extent){axis->lower, axis->upper};
    return true;
}

/* False where the dimension is not of a tensor or an array with ranges of its own. */
static bool extent_of(const struct relations *r, const struct access_site *site, size_t i,
                      struct extent *extent) {
    struct node *declaration = (struct node *)(uintptr_t)site->declaration;
    struct node_parameter *tensor = declaration ? node_as(declaration, parameter) : NULL;
    struct node_let *let = declaration ? node_as(declaration, let) : NULL;
    struct node_var *var = declaration ? node_as(declaration, var) : NULL;
    struct node_list list = tensor ? tensor->dimensions
                            : let  ? let->axes
                            : var  ? var->axes
                                   : (struct node_list){0};
    if (list.count != site->access->subscripts.count)
        return false;
    if (!tensor)
        return local_extent(r, list.items[i], extent);
    *extent = (struct extent){make_integer(r->arena, 0), list.items[i]};
    return true;
}

/* Iterations whose element lies before the extent (below) or behind it. NULL when that cannot be said. */
static __isl_give isl_set *outside(const struct relations *r, const struct access_site *site,
                                   size_t dimension, const struct extent *extent, bool below) {
    isl_pw_aff *limit = relations_size_at(r, site, below ? extent->lower : extent->upper);
    if (!limit)
        return NULL;
    isl_pw_aff *index = isl_pw_aff_copy(site->subscripts[dimension]);
    isl_set *wrong = below ? isl_pw_aff_lt_set(index, limit) : isl_pw_aff_ge_set(index, limit);
    return isl_set_intersect(isl_set_copy(site->domain), wrong);
}

static bool dimension_proved(const struct relations *r, const struct access_site *site, size_t dimension,
                             const struct extent *extent, bool below) {
    isl_question(r->ctx);
    isl_set *wrong = site->subscripts[dimension] ? outside(r, site, dimension, extent, below) : NULL;
    bool proved = wrong && isl_proved(isl_set_is_empty(wrong));
    isl_set_free(wrong);
    return proved;
}

/* The same where sizes are multiplied with loop variables or divide them, of which isl knows nothing. */
static bool product_proved(const struct relations *r, const struct access_site *site, size_t dimension,
                           const struct extent *extent, bool below) {
    struct node *index = site->access->subscripts.items[dimension];
    return below ? products_at_least(r, site, index, extent->lower, 0)
                 : products_at_least(r, site, extent->upper, index, 1);
}

bool bounds_proved(const struct relations *r, const struct access_site *site) {
    struct extent extent;
    for (size_t i = 0; i < site->access->subscripts.count; i++)
        if (extent_of(r, site, i, &extent) &&
            (!dimension_proved(r, site, i, &extent, true) || !dimension_proved(r, site, i, &extent, false)))
            return false;
    return true;
}

struct node_list bounds_conditions(const struct relations *r, const struct access_site **place) {
    struct list_builder conditions = {0};
    struct extent extent;
    for (size_t i = 0; i < r->site_count; i++) {
        const struct access_site *site = &r->sites[i];
        for (size_t k = 0; k < site->access->subscripts.count && !site->access->otherwise; k++)
            for (int below = 1; below >= 0; below--) {
                if (!extent_of(r, site, k, &extent) || dimension_proved(r, site, k, &extent, below) ||
                    product_proved(r, site, k, &extent, below))
                    continue;
                struct node *bound = below ? extent.lower : extent.upper,
                            *condition = given_condition(r, site, site->access->subscripts.items[k], bound, below);
                bool known = !condition;
                for (size_t m = 0; !known && m < conditions.count; m++)
                    known = node_equal(conditions.items[m], condition);
                if (known)
                    continue;
                *place = conditions.count ? *place : site;
                builder_add(r->arena, &conditions, condition);
            }
    }
    return builder_list(&conditions);
}

/* ---- messages ---- */

/* "256 rows", "1 column", "M columns", "64 elements", "an extent of 3 in dimension 1". */
static const char *extent_text(const struct relations *r, size_t rank, size_t dimension, const char *extent) {
    bool one = strcmp(extent, "1") == 0;
    if (rank == 1)
        return arena_printf(r->arena, "%s element%s", extent, one ? "" : "s");
    if (dimension + 2 < rank)
        return arena_printf(r->arena, "an extent of %s in dimension %zu", extent, dimension + 1);
    return arena_printf(r->arena, "%s %s%s", extent, dimension + 1 == rank ? "column" : "row",
                        one ? "" : "s");
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

/* What is reported: one end of one dimension of an access. */
struct fault {
    const struct relations *r;
    const struct access_site *site;
    size_t dimension;
    struct extent extent;
    bool below;
};

static bool from_zero(const struct fault *f) {
    int64_t lower;
    return integer_value(f->extent.lower, &lower) && lower == 0;
}

/* The first iteration that leaves the tensor, with the index and the extent behind its dimensions. */
static struct example *first_outside(const struct fault *f) {
    const struct access_site *site = f->site;
    isl_set *wrong = outside(f->r, site, f->dimension, &f->extent, f->below);
    isl_pw_aff *extent = relations_size_at(f->r, site, f->below ? f->extent.lower : f->extent.upper);
    if (!wrong || !extent) {
        isl_set_free(wrong);
        isl_pw_aff_free(extent);
        return NULL;
    }
    isl_map *values = isl_map_from_pw_aff(isl_pw_aff_copy(site->subscripts[f->dimension]));
    values = isl_map_flat_range_product(values, isl_map_from_pw_aff(extent));
    return example_of(f->r, isl_set_flatten(isl_map_wrap(isl_map_intersect_domain(values, wrong))));
}

static void note_first(const struct fault *f, struct diagnostics *d, struct span span) {
    struct example *first = first_outside(f);
    if (!first)
        return;
    const struct access_site *site = f->site;
    struct arena *arena = f->r->arena;
    size_t after = (size_t)isl_set_dim(site->domain, isl_dim_set);
    const char *axes = example_axes(first, site, 0), *name = site->access->name;
    const char *index = node_text(arena, site->access->subscripts.items[f->dimension]);
    const char *place = arena_printf(arena, "%s%s%s%s", site->exact && f->r->exact ? "first" : "perhaps",
                                     *axes ? " at " : "", axes, example_sizes(first));
    long long value = example_value(first, after);
    const char *extent = arena_printf(arena, "%lld", (long long)example_value(first, after + 1));
    if (f->below || !from_zero(f))
        report_note(d, span, "%s: %s is %lld there", place, index, value);
    else
        report_note(d, span, "%s: %s is %lld there, and %s has %s", place, index, value, name,
                    extent_text(f->r, site->access->subscripts.count, f->dimension, extent));
}

/* A subscript that is a loop variable and a number. */
static const struct node_axis *shifted_axis(const struct access_site *site, struct node *subscript,
                                            int64_t *shift) {
    struct node_binary *binary = node_as(subscript, binary);
    struct node_reference *reference = node_as(binary ? binary->left : subscript, reference);
    bool known = !binary || (binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT);
    *shift = 0;
    if (!reference || !known || (binary && !integer_value(binary->right, shift)))
        return NULL;
    if (binary && binary->op == BINARY_SUBTRACT)
        *shift = -*shift;
    for (size_t i = site->axis_count; i-- > 0;)
        if (site->axes[i] && site->ranges[i] && strcmp(site->axes[i], reference->name) == 0)
            return site->ranges[i];
    return NULL;
}

static bool is_scalar(const struct relations *r, const struct node_reference *reference) {
    for (size_t i = 0; reference && i < r->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(r->kernel->parameters.items[i], parameter);
        if (!parameter->dimensions.count && strcmp(parameter->name, reference->name) == 0)
            return true;
    }
    return false;
}

/* A loop variable with a shift that runs beyond the extent. */
static const char *upper_advice(const struct fault *f, const struct node_axis *axis, int64_t shift) {
    struct arena *arena = f->r->arena;
    struct node *extent = f->extent.upper;
    struct node *end = make_sub(arena, extent, make_integer(arena, shift));
    if (relations_at_least(f->r, axis->upper, make_add(arena, end, make_integer(arena, 1))))
        return arena_printf(arena, "end %s at %s", axis->name, node_text(arena, end));
    isl_aff *known = relations_size(f->r, axis->upper);
    isl_aff_free(known);
    struct node *needed = make_add(arena, axis->upper, make_integer(arena, shift));
    return known ? arena_printf(arena, "state `where %s <= %s`", node_text(arena, needed),
                                node_text(arena, extent))
                 : NULL;
}

/* What would bring the index into the tensor, as far as that can be said. */
static const char *range_advice(const struct fault *f) {
    struct arena *arena = f->r->arena;
    struct node *subscript = f->site->access->subscripts.items[f->dimension];
    int64_t shift, lower, least;
    const struct node_axis *axis = shifted_axis(f->site, subscript, &shift);
    const char *advice = NULL;
    if (is_scalar(f->r, node_as(subscript, reference)))
        return arena_printf(
            arena, "state `where %s`",
            node_text(arena, f->below ? make_binary(arena, BINARY_GREATER_EQUAL, subscript, f->extent.lower)
                                      : make_binary(arena, BINARY_LESS, subscript, f->extent.upper)));
    int64_t number;
    if (f->below && integer_value(subscript, &number) && integer_value(f->extent.lower, &least) &&
        least == 0) {
        struct node *meant = make_sub(arena, f->extent.upper, make_integer(arena, -number));
        if (!integer_value(meant, &number) || number >= 0)
            return arena_printf(arena, "write %s: indices count from the beginning", node_text(arena, meant));
    }
    if (axis && f->below && integer_value(axis->lower, &lower) && integer_value(f->extent.lower, &least) &&
        lower < least - shift)
        return arena_printf(arena, "begin %s at %lld", axis->name, (long long)(least - shift));
    if (axis && !f->below)
        advice = upper_advice(f, axis, shift);
    return advice ? advice : "shorten the range or state what holds of the sizes by `where`";
}

/* Does the subscript run over exactly this extent? */
static bool runs_over(const struct fault *f, struct node *subscript, const struct extent *extent) {
    int64_t shift;
    const struct node_axis *axis = shifted_axis(f->site, subscript, &shift);
    return axis && subscript->kind == NODE_REFERENCE &&
           relations_equal_sizes(f->r, axis->lower, extent->lower) &&
           relations_equal_sizes(f->r, axis->upper, extent->upper);
}

static struct node *with_subscript(const struct fault *f, struct node_list subscripts, size_t i,
                                   struct node *subscript) {
    struct list_builder changed = {0};
    for (size_t k = 0; k < subscripts.count; k++)
        builder_add(f->r->arena, &changed, k == i ? subscript : subscripts.items[k]);
    return make_access(f->r->arena, f->site->access->name, builder_list(&changed));
}

/* `B[k, j]` for `B[j, k]`: two subscripts exchanged, and both fit. */
static struct node *exchanged_access(const struct fault *f) {
    struct node_list subscripts = f->site->access->subscripts;
    struct node *own = subscripts.items[f->dimension];
    struct extent other;
    for (size_t k = 0; k < subscripts.count; k++)
        if (k != f->dimension && extent_of(f->r, f->site, k, &other) && runs_over(f, own, &other) &&
            runs_over(f, subscripts.items[k], &f->extent)) {
            struct node *once = with_subscript(f, subscripts, k, own);
            return with_subscript(f, node_as(once, access)->subscripts, f->dimension, subscripts.items[k]);
        }
    return NULL;
}

/* `row[j]` for `row[i]`: the one other loop variable that runs over the dimension, and is no subscript yet.
 */
static struct node *other_access(const struct fault *f) {
    struct node_list subscripts = f->site->access->subscripts;
    struct node *found = NULL;
    for (size_t k = 0; k < f->site->axis_count; k++) {
        struct node *other = f->site->axes[k] ? make_reference(f->r->arena, f->site->axes[k]) : NULL;
        bool used = !other;
        for (size_t i = 0; other && i < subscripts.count; i++)
            used |= node_equal(subscripts.items[i], other);
        if (used || !runs_over(f, other, &f->extent))
            continue;
        if (found)
            return NULL;
        found = with_subscript(f, subscripts, f->dimension, other);
    }
    return found;
}

/* The access that was meant where one loop variable stands for another; NULL where that cannot be said. */
static struct node *meant_access(const struct fault *f) {
    int64_t shift;
    struct node *subscript = f->site->access->subscripts.items[f->dimension];
    if (f->below || subscript->kind != NODE_REFERENCE || !shifted_axis(f->site, subscript, &shift))
        return NULL;
    struct node *meant = exchanged_access(f);
    return meant ? meant : other_access(f);
}

static void report_outside(const struct fault *f, struct diagnostics *d) {
    const struct relations *r = f->r;
    const struct access_site *site = f->site;
    struct node *subscript = site->access->subscripts.items[f->dimension];
    const char *index = node_text(r->arena, subscript), *name = site->access->name;
    const char *extent =
        extent_text(r, site->access->subscripts.count, f->dimension, node_text(r->arena, f->extent.upper));
    if (!from_zero(f))
        extent = arena_printf(r->arena, "%s..%s in dimension %zu", node_text(r->arena, f->extent.lower),
                              node_text(r->arena, f->extent.upper), f->dimension + 1);
    struct span span = subscript->span.line ? subscript->span : site->span;
    bool certain = site->exact && r->exact;
    long value;
    int64_t fixed;
    if (f->below && extreme_index(site, f->dimension, true, &value))
        report_error(d, span, "index %s of %s runs down to %ld%s", index, name, value,
                     from_zero(f) ? "" : arena_printf(r->arena, ", but %s has %s", name, extent));
    else if (f->below)
        report_error(d, span,
                     certain ? "index %s of %s falls below %s"
                             : "index %s of %s is not proved to stay at or above %s",
                     index, name, node_text(r->arena, f->extent.lower));
    else if (integer_value(f->extent.upper, &fixed) && extreme_index(site, f->dimension, false, &value))
        report_error(d, span, "index %s of %s runs to %ld, but %s has %s", index, name, value, name, extent);
    else
        report_error(d, span,
                     certain ? "index %s of %s leaves it: %s has %s"
                             : "index %s of %s is not proved to stay inside it: %s has %s",
                     index, name, name, extent);
    note_first(f, d, span);
    report_note(d, site->declaration->span, "%s is declared here", name);
    struct node *meant = meant_access(f);
    if (meant)
        report_help(d, (struct span){0}, "did you mean %s?", node_text(r->arena, meant));
    report_help(d, (struct span){0}, meant ? "else %s" : "%s", range_advice(f));
}

/* ---- subscripts that no proof reaches ---- */

/* The tensor whose data a subscript comes from; NULL where it comes from none. */
static const char *data_of(struct node *subscript) {
    struct node_access *access = node_as(find_kind(subscript, NODE_ACCESS), access);
    return access ? access->name : NULL;
}

/* A size that the subscript is divided by, and that may be 0. */
static struct node *doubtful_divisor(const struct relations *r, const struct access_site *site,
                                     struct node *subscript) {
    for_each (binary, binary, subscript)
        if ((binary->op == BINARY_DIVIDE || binary->op == BINARY_REMAINDER) &&
            names_sizes_only(r, binary->right) &&
            !products_at_least(r, site, binary->right, make_integer(r->arena, 1), 0))
            return binary->right;
    return NULL;
}

/* The index of the data is compared with each place instead, which costs a fold over all of them. */
static void advise_data(struct diagnostics *d, const struct access_site *site, size_t i) {
    const char *name = site->access->name, *index = node_text(d->arena, site->access->subscripts.items[i]);
    if (i + 2 < site->access->subscripts.count)
        report_help(d, (struct span){0},
                    "fold all matrices, with a factor that is 1 for the one that is meant: sum(v in ...: select(v == %s, 1, 0) * ... %s[v, ...])",
                    index, name);
    else if (site->kind == ACCESS_READ)
        report_help(d, (struct span){0},
                    "fold all rows, with a factor that is 1 for the one that is meant: sum(v in ...: select(v == %s, 1, 0) * %s[v, ...])",
                    index, name);
    else
        report_help(d, (struct span){0}, "write it in a nest over elements, `for ... { %s = ...; }`: there data may choose places",
                    node_text(d->arena, &site->access->base));
}

/* What would show it, or do without. */
static void advise_unknown(const struct relations *r, struct diagnostics *d, const struct access_site *site,
                           size_t i) {
    struct node *divisor = doubtful_divisor(r, site, site->access->subscripts.items[i]);
    if (divisor)
        report_help(d, (struct span){0}, "state `where %s >= 1`: it is divided by, and may be 0",
                    node_text(r->arena, divisor));
    else
        report_help(d, (struct span){0}, "state what holds of the sizes by `where`, as in P == B * M for b * M + i");
    if (site->kind != ACCESS_READ || site->declaration->kind != NODE_PARAMETER)
        return;
    struct node_access guarded = *site->access;
    guarded.otherwise = make_integer(r->arena, 0);
    report_help(d, (struct span){0}, "or say what it reads outside: %s", node_text(r->arena, &guarded.base));
}

static void report_unknown(const struct relations *r, struct diagnostics *d, const struct access_site *site,
                           size_t i, const struct extent *extent) {
    struct node *subscript = site->access->subscripts.items[i];
    struct span span = subscript->span.line ? subscript->span : site->span;
    const char *data = data_of(subscript), *text = node_text(r->arena, subscript), *name = site->access->name;
    if (data)
        report_error(
            d, span,
            "subscript %s of %s comes from the data of %s: blocks are written at their block variables",
            text, name, data);
    else
        report_error(d, span, "index %s of %s is not proved to stay inside it: %s has %s", text, name, name,
                     extent_text(r, site->access->subscripts.count, i, node_text(r->arena, extent->upper)));
    report_note(d, site->declaration->span, "%s is declared here", name);
    if (data)
        advise_data(d, site, i);
    else
        advise_unknown(r, d, site, i);
}

/* Does isl know the subscript and its extent? */
static bool is_sum(const struct relations *r, const struct access_site *site, size_t dimension,
                   const struct extent *extent, bool below) {
    isl_question(r->ctx);
    isl_set *wrong = site->subscripts[dimension] ? outside(r, site, dimension, extent, below) : NULL;
    bool known = wrong != NULL;
    isl_set_free(wrong);
    return known;
}

/* Is it a value that the kernel works out of data? */
static bool is_value_of_data(const struct relations *r, const char *name) {
    for_each (var, var, r->kernel->body)
        if (strcmp(var->name, name) == 0)
            return true;
    for_each (let, let, r->kernel->body)
        if (strcmp(let->name, name) == 0)
            return find_kind(let->value, NODE_ACCESS) || find_kind(let->value, NODE_REDUCTION);
    return false;
}

/* Does the number come from data, by an element of a tensor or by a value that the kernel works out? */
static bool comes_from_data(const struct relations *r, const struct node *subscript) {
    for_each_node (node, subscript) {
        const struct node_reference *reference = node_as((struct node *)(uintptr_t)node, reference);
        if (node->kind == NODE_ACCESS || (reference && is_value_of_data(r, reference->name)))
            return true;
    }
    return false;
}

static bool check_site(const struct relations *r, struct diagnostics *d, const struct access_site *site) {
    struct extent extent;
    for (size_t i = 0; i < site->access->subscripts.count && !site->access->otherwise; i++) {
        if (!extent_of(r, site, i, &extent))
            continue;
        if (!site->subscripts[i] && (site->kind == ACCESS_READ || !site->grid_axes) &&
            comes_from_data(r, site->access->subscripts.items[i]))
            continue; /* a place that data choose: outside the device reads 0, and a nest writes nothing */
        for (int below = 1; below >= 0; below--)
            if (!dimension_proved(r, site, i, &extent, below) && !product_proved(r, site, i, &extent, below)) {
                if (is_sum(r, site, i, &extent, below))
                    report_outside(&(struct fault){r, site, i, extent, below}, d);
                else
                    report_unknown(r, d, site, i, &extent);
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

/* Iterations that leave what is accessed along any dimension: none where the access is proved. */
static __isl_give isl_set *outside_all(const struct relations *r, const struct access_site *site) {
    isl_set *all = isl_set_empty(isl_set_get_space(site->domain));
    struct extent extent;
    for (size_t i = 0; i < site->access->subscripts.count; i++)
        for (int below = 1; below >= 0 && extent_of(r, site, i, &extent); below--)
            all = isl_set_union(all, outside(r, site, i, &extent, below));
    return all;
}

/* In bounds, as far as isl knows the dimensions, and in the others with loops and quotients at their ends. */
static bool proved_at_ends(const struct relations *r, const struct access_site *site) {
    struct extent extent;
    for (size_t i = 0; i < site->access->subscripts.count; i++)
        for (int below = 1; below >= 0; below--)
            if (!extent_of(r, site, i, &extent) || (!dimension_proved(r, site, i, &extent, below) &&
                                                    !product_proved(r, site, i, &extent, below)))
                return false;
    return true;
}

void bounds_explain(const struct relations *r, struct explanations *list) {
    for (size_t i = 0; list && i < r->site_count; i++) {
        const struct access_site *site = &r->sites[i];
        struct extent extent;
        if (!extent_of(r, site, 0, &extent) || site->access->otherwise)
            continue;
        bool sums = bounds_proved(r, site);
        if (!sums && !proved_at_ends(r, site))
            continue;
        explain(list, site->span, "%s %s is within %s%s", node_text(r->arena, &site->access->base),
                site->kind == ACCESS_READ ? "that is read" : "that is written", site->access->name,
                sums ? "" : ": its loops and quotients were put at their ends");
        if (!sums)
            continue;
        isl_question(r->ctx);
        explain_set(list, "elements", isl_map_text(r->arena, relations_map(site)));
        explain_set(list, "outside", isl_set_text(r->arena, outside_all(r, site)));
    }
}
