/* Dependences between blocks: whether outputs are complete and written once, and whether a block reads
 * another's. */
#include "analysis/dependence.h"

#include <string.h>

#include "analysis/example.h"
#include "analysis/first_use.h"
#include "analysis/isl_util.h"
#include "analysis/overlap.h"
#include "ir/build.h"
#include "support/explanation.h"

/* ---- outputs ---- */

static bool is_write(const struct access_site *site) {
    return site->kind != ACCESS_READ;
}

static bool names(const struct access_site *site, const struct node_parameter *tensor) {
    return strcmp(site->access->name, tensor->name) == 0 &&
           site->access->subscripts.count == tensor->dimensions.count;
}

/* All elements of a tensor, over the parameters. NULL when an extent is not affine. */
static __isl_give isl_set *all_elements(const struct relations *r, const struct node_parameter *tensor) {
    isl_space *space = isl_space_add_dims(isl_space_set_from_params(isl_space_copy(r->space)), isl_dim_set,
                                          (unsigned)tensor->dimensions.count);
    isl_set *box = isl_set_universe(isl_space_copy(space));
    isl_local_space *local = isl_local_space_from_space(space);
    struct access_site place = {.domain = box};
    for (size_t i = 0; i < tensor->dimensions.count && box; i++) {
        place.domain = box;
        isl_pw_aff *extent = relations_size_at(r, &place, tensor->dimensions.items[i]);
        if (!extent) {
            isl_set_free(box);
            box = NULL;
            break;
        }
        isl_pw_aff *index =
            isl_pw_aff_from_aff(isl_aff_var_on_domain(isl_local_space_copy(local), isl_dim_set, (unsigned)i));
        box = isl_set_intersect(box, isl_pw_aff_lt_set(index, extent));
        box = isl_set_lower_bound_si(box, isl_dim_set, (unsigned)i, 0);
    }
    isl_local_space_free(local);
    return box ? isl_set_intersect_params(box, isl_set_copy(r->context)) : NULL;
}

/* Elements of an output that nothing writes. */
struct coverage {
    isl_set *missing;               /* NULL where a range or subscript is not affine */
    const struct access_site *site; /* the last that writes; NULL when none does */
};

static struct coverage coverage_of(const struct relations *r, const struct node_parameter *tensor) {
    struct coverage c = {.missing = all_elements(r, tensor)};
    for (size_t i = 0; i < r->site_count; i++) {
        if (!is_write(&r->sites[i]) || !names(&r->sites[i], tensor))
            continue;
        c.site = &r->sites[i];
        isl_map *map = c.missing && c.site->exact ? relations_map(c.site) : NULL;
        if (map)
            c.missing = isl_set_subtract(c.missing, isl_map_range(map));
        else
            c.missing = isl_set_free(c.missing);
    }
    return c;
}

/* The range of a subscript that is a loop variable; NULL where it is none. */
static const struct node_axis *range_of(const struct access_site *site, const struct node *subscript) {
    const struct node_reference *reference = node_as((struct node *)(uintptr_t)subscript, reference);
    for (size_t i = site->axis_count; reference && i-- > 0;)
        if (site->axes[i] && site->ranges[i] && strcmp(site->axes[i], reference->name) == 0)
            return site->ranges[i];
    return NULL;
}

/* A loop around the site that never runs, at no size; NULL: there is none. */
static const struct node_axis *empty_range(const struct relations *r, const struct access_site *site) {
    for (size_t i = 0; i < site->axis_count; i++)
        if (site->ranges[i] && site->ranges[i]->lower && site->ranges[i]->upper &&
            site->ranges[i]->base.span.line &&
            relations_at_least(r, site->ranges[i]->lower, site->ranges[i]->upper))
            return site->ranges[i];
    return NULL;
}

/* Which loops stop before the end of a dimension, or begin behind its beginning. */
static void note_short_range(const struct relations *r, struct diagnostics *d,
                             const struct node_parameter *tensor, const struct access_site *site) {
    for (size_t i = 0; i < tensor->dimensions.count; i++) {
        const struct node_axis *range = range_of(site, site->access->subscripts.items[i]);
        struct node *extent = tensor->dimensions.items[i];
        if (!range || !range->lower || !range->upper || !range->base.span.line ||
            (relations_at_least(r, make_integer(r->arena, 0), range->lower) &&
             relations_at_least(r, range->upper, extent)))
            continue;
        report_note(d, range->base.span, "%s takes %s..%s here, and dimension %zu of %s has %s elements",
                    range->name, node_text(r->arena, range->lower), node_text(r->arena, range->upper), i + 1,
                    tensor->name, node_text(r->arena, extent));
    }
}

static void report_missing(const struct relations *r, struct diagnostics *d,
                           const struct node_parameter *tensor, struct coverage c) {
    struct example *first = example_of(r, isl_set_copy(c.missing));
    const struct node_axis *empty = empty_range(r, c.site);
    if (empty) {
        report_error(d, empty->base.span,
                     "%s in %s..%s takes no value: a range goes up, from its first value to before its last",
                     empty->name, node_text(r->arena, empty->lower), node_text(r->arena, empty->upper));
        return;
    }
    report_error(d, c.site->span, "not every element of %s is written", tensor->name);
    if (first)
        report_note(d, tensor->base.span, "nothing writes %s%s",
                    example_element(first, tensor->name, 0, tensor->dimensions.count), example_sizes(first));
    else
        report_note(d, tensor->base.span, "%s is declared here", tensor->name);
    note_short_range(r, d, tensor, c.site);
    report_help(d, (struct span){0},
                "let the loops run over all of %s, or declare it inout: then it keeps what it held",
                tensor->name);
}

static bool check_coverage(const struct relations *r, struct diagnostics *d,
                           const struct node_parameter *tensor) {
    isl_question(r->ctx);
    struct coverage c = coverage_of(r, tensor);
    bool covered = c.missing && c.site && isl_proved(isl_set_is_empty(c.missing));
    if (!c.site) {
        report_error(d, tensor->base.span, "output %s is never written", tensor->name);
    } else if (!c.missing) {
        report_error(
            d, c.site->span,
            "it cannot be shown that every element of %s is written: a range, a subscript or a condition there depends on more than loop variables and sizes times numbers",
            tensor->name);
        report_help(
            d, (struct span){0},
            "write it in loops over sizes, without a condition: select(condition, value, other) chooses between values");
    } else if (!covered) {
        report_missing(r, d, tensor, c);
    }
    isl_set_free(c.missing);
    return covered;
}

bool dependence_coverage(const struct relations *r, struct diagnostics *d) {
    bool sound = true;
    for (size_t i = 0; i < r->kernel->parameters.count; i++) {
        const struct node_parameter *tensor = node_as(r->kernel->parameters.items[i], parameter);
        if (!tensor->dimensions.count || tensor->direction != DIRECTION_OUT)
            continue;
        isl_question(r->ctx);
        struct coverage c = coverage_of(r, tensor);
        for (unsigned k = 0; c.missing && k < (unsigned)isl_set_dim(c.missing, isl_dim_param); k++)
            c.missing = isl_set_lower_bound_si(c.missing, isl_dim_param, k, 1);
        if (c.missing && c.site && isl_proved(isl_bool_not(isl_set_is_empty(c.missing)))) {
            report_missing(r, d, tensor, c);
            sound = false;
        }
        isl_set_free(c.missing);
    }
    return sound;
}

/* ---- pairs of accesses ---- */

/* Is there no such pair? NULL, which could not be said, is no proof. */
static bool is_no_pair(__isl_take isl_map *pairs) {
    bool none = pairs && isl_proved(isl_map_is_empty(pairs));
    isl_map_free(pairs);
    return none;
}

/* The first pair of iterations with their element, as a note at a; a writes. */
static void note_pair(const struct relations *r, struct diagnostics *d, const struct access_site *a,
                      const struct access_site *b, __isl_take isl_map *pairs) {
    isl_map *of_a_alone = relations_map(a); /* NULL: the pairs are too many for an example */
    isl_map_free(of_a_alone);
    if (!of_a_alone)
        pairs = isl_map_free(pairs);
    struct example *first = pairs ? overlap_example(r, b, pairs) : NULL;
    if (!first) {
        report_note(d, a->span, "%s is written here", a->access->name);
        return;
    }
    size_t of_a = (size_t)isl_set_dim(b->domain, isl_dim_set),
           of_element = of_a + (size_t)isl_set_dim(a->domain, isl_dim_set);
    bool turned = false; /* of one access: b comes before a */
    for (size_t i = 0; a == b && i < of_a; i++)
        if (example_value(first, i) != example_value(first, of_a + i)) {
            turned = example_value(first, i) < example_value(first, of_a + i);
            break;
        }
    const char *element = example_element(first, b->access->name, of_element, b->access->subscripts.count);
    const char *early = example_axes(first, a, of_a), *late = example_axes(first, b, 0);
    if (a == b)
        report_note(d, a->span, "%s is written at %s, and again at %s%s", element, turned ? late : early,
                    turned ? early : late, example_sizes(first));
    else
        report_note(d, a->span, "%s is written here at %s, and %s at %s%s", element, early,
                    is_write(b) ? "again" : "read", late, example_sizes(first));
}

/* A block axis that has one block: what runs once per block runs once. */
static bool is_one_block(const struct relations *r, const struct node_axis *axis) {
    return axis && axis->step &&
           relations_at_least(r, axis->step, make_sub(r->arena, axis->upper, axis->lower));
}

/* { iteration -> element }, without axes that are one block and select nothing. */
static __isl_give isl_map *write_map(const struct relations *r, const struct access_site *site) {
    isl_map *map = relations_map(site);
    for (size_t i = site->axis_count; map && i-- > 0;)
        if (site->axes[i] && !mentions(&site->access->base, site->axes[i]) &&
            is_one_block(r, site->ranges[i]))
            map = isl_map_project_out(map, isl_dim_in, (unsigned)i, 1);
    return map;
}

/* Of each write: different iterations write different elements. */
static bool check_written_once(const struct relations *r, struct diagnostics *d,
                               const struct access_site *site) {
    isl_map *map = write_map(r, site);
    isl_question(r->ctx);
    bool once = map && isl_proved(isl_map_is_injective(map));
    isl_map_free(map);
    if (once)
        return true;
    const char *extra = NULL;
    for (size_t i = 0; i < site->axis_count && !extra; i++)
        if (site->axes[i] && !mentions(&site->access->base, site->axes[i]) &&
            !is_one_block(r, site->ranges[i]))
            extra = site->axes[i];
    if (extra)
        report_error(d, site->span,
                     "%s is written once for every %s: no subscript of it selects an element by %s",
                     node_text(r->arena, &site->access->base), extra, extra);
    else
        report_error(d, site->span, "it cannot be shown that each element of %s is written once",
                     site->access->name);
    isl_question(r->ctx);
    isl_map *pairs = overlap_across(r, site, site);
    if (!pairs || isl_proved(isl_map_is_empty(pairs))) {
        isl_map_free(pairs);
        pairs = overlap_before(r, site, site);
    }
    note_pair(r, d, site, site, pairs);
    report_help(d, (struct span){0},
                "gather in a `fragment` what the iterations of a loop give, and write the result once");
    return false;
}

/* What one block of the grid writes, another neither writes nor reads. */
static bool check_across(const struct relations *r, struct diagnostics *d, const struct access_site *write,
                         const struct access_site *other) {
    isl_question(r->ctx);
    if (is_no_pair(overlap_across(r, write, other)))
        return true;
    report_error(d, other->span, "%s here %s an element that another block of the grid writes",
                 node_text(r->arena, &other->access->base), write->exact && other->exact ? "is" : "may be");
    note_pair(r, d, write, other, overlap_across(r, write, other));
    report_help(d, (struct span){0},
                is_write(other)
                    ? "blocks run in any order: let each element be written by one block"
                    : "blocks run in any order: write to a tensor of its own, and not over what is read");
    return false;
}

/* A tensor is read by a process that does not wait for the one that writes it. */
static bool check_read_back(const struct relations *r, struct diagnostics *d, const struct access_site *write,
                            const struct access_site *other) {
    isl_question(r->ctx);
    if (other->kind == ACCESS_WRITE || is_no_pair(overlap_before(r, write, other)))
        return true;
    report_error(d, other->span,
                 "%s is read here after the same block %s it: memory is read ahead of what is written",
                 node_text(r->arena, &other->access->base),
                 write->exact && other->exact ? "wrote" : "may have written");
    note_pair(r, d, write, other, overlap_before(r, write, other));
    report_help(
        d, (struct span){0},
        "keep the value in a `shared` or `fragment` block and read that, or launch two kernels from a program");
    return false;
}

static bool check_written_again(const struct relations *r, struct diagnostics *d,
                                const struct access_site *write, const struct access_site *other) {
    isl_question(r->ctx);
    if (!is_write(other))
        return true;
    for (int turn = 0; turn < 2; turn++) {
        const struct access_site *first = turn ? other : write, *second = turn ? write : other;
        if (is_no_pair(overlap_before(r, first, second)))
            continue;
        report_error(d, second->span, "%s %s written before by the same block",
                     node_text(r->arena, &second->access->base),
                     first->exact && second->exact ? "was" : "may have been");
        note_pair(r, d, first, second, overlap_before(r, first, second));
        report_help(d, (struct span){0},
                    "keep what is not final in a `shared` or `fragment` block and write the result once");
        return false;
    }
    return true;
}

/* The first statement behind a buffer's declaration that reads it. */
static size_t first_use_of(const struct relations *r, const struct access_site *declaration,
                           const char *name) {
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < r->site_count; i++)
        if (r->sites[i].order > declaration->order && r->sites[i].order < first &&
            strcmp(r->sites[i].access->name, name) == 0)
            first = r->sites[i].order;
    return first;
}

/* A block that was declared with a tensor's old values may still be on its way when they are overwritten,
 * unless something computed with it before or in that very statement. */
static bool check_overwritten(const struct relations *r, struct diagnostics *d,
                              const struct access_site *write, const struct access_site *other) {
    const struct node_buffer *buffer = node_as(other->statement, buffer);
    if (!buffer || other->order >= write->order || first_use_of(r, other, buffer->name) <= write->order)
        return true;
    isl_question(r->ctx);
    if (is_no_pair(overlap_before(r, other, write)))
        return true;
    report_error(d, write->span,
                 "%s is overwritten here while %s may still be on its way: nothing used it before",
                 node_text(r->arena, &write->access->base), buffer->name);
    report_note(d, other->span, "%s holds elements of %s from here on", buffer->name, write->access->name);
    report_help(d, (struct span){0}, "write %s behind the first statement that uses %s", write->access->name,
                buffer->name);
    return false;
}

static bool check_pair(const struct relations *r, struct diagnostics *d, const struct access_site *write,
                       const struct access_site *other) {
    if (!overlap_same_grid(write, other))
        return true;
    return check_across(r, d, write, other) && check_read_back(r, d, write, other) &&
           check_written_again(r, d, write, other) && check_overwritten(r, d, write, other);
}

static bool check_output(const struct relations *r, struct diagnostics *d,
                         const struct node_parameter *tensor) {
    bool sound = true;
    for (size_t i = 0; i < r->site_count && sound; i++)
        sound =
            !is_write(&r->sites[i]) || !names(&r->sites[i], tensor) || check_written_once(r, d, &r->sites[i]);
    sound = sound && (tensor->direction == DIRECTION_INOUT || check_coverage(r, d, tensor));
    for (size_t i = 0; i < r->site_count && sound; i++) {
        const struct access_site *write = &r->sites[i];
        if (!is_write(write) || !names(write, tensor))
            continue;
        for (size_t k = 0; k < r->site_count && sound; k++) {
            const struct access_site *other = &r->sites[k];
            if (k == i || !names(other, tensor) || (is_write(other) && k < i))
                continue;
            if (!is_write(other) && tensor->direction == DIRECTION_OUT && other->order <= write->order) {
                report_error(d, other->span, "output %s is read before it is written", tensor->name);
                report_note(d, write->span, "it is written here");
                report_help(d, (struct span){0}, "declare it inout to read what it held");
                sound = false;
            }
            sound = sound && check_pair(r, d, write, other);
        }
    }
    return sound;
}

bool dependence_check(const struct relations *r, struct diagnostics *d) {
    bool sound = first_use_check(r->kernel->body, d);
    for (size_t i = 0; i < r->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(r->kernel->parameters.items[i], parameter);
        if (parameter->dimensions.count && parameter->direction != DIRECTION_IN)
            sound &= check_output(r, d, parameter);
    }
    return sound;
}

void dependence_note(const struct relations *r, struct diagnostics *d, const char *tensor) {
    for (size_t i = 0; i < r->site_count; i++)
        for (size_t k = 0; k < r->site_count; k++) {
            const struct access_site *write = &r->sites[i], *read = &r->sites[k];
            if (!is_write(write) || is_write(read) || strcmp(write->access->name, tensor) != 0 ||
                strcmp(read->access->name, tensor) != 0)
                continue;
            isl_question(r->ctx);
            isl_map *pairs = overlap_before(r, write, read);
            if (!pairs || isl_proved(isl_map_is_empty(pairs))) {
                isl_map_free(pairs);
                pairs = overlap_before(r, read, write);
                pairs = pairs ? isl_map_reverse(pairs) : NULL;
            }
            note_pair(r, d, write, read, pairs);
            return;
        }
}

/* ---- nests, one statement after the other ---- */

/* Both add to an element, or both take the maximum: in any order. */
static bool update_alike(const struct access_site *a, const struct access_site *b) {
    const struct node_assign *first = node_as(a->statement, assign), *second = node_as(b->statement, assign);
    return a->kind == ACCESS_UPDATE && b->kind == ACCESS_UPDATE && first && second && first->op == second->op;
}

/* Does an iteration of b come before one of a that touches the same element, although b stands behind a, or reads what a, the
 * same statement, writes? */
static bool is_out_of_order(const struct relations *r, const struct access_site *a, const struct access_site *b) {
    bool same = a->order == b->order;
    if (a == b || a->order > b->order || (!is_write(a) && !is_write(b)) || update_alike(a, b) ||
        (same && !is_write(a)))
        return false;
    isl_question(r->ctx);
    return !is_no_pair(same ? overlap_before(r, a, b) : overlap_before(r, b, a));
}

static void report_order(const struct relations *r, struct diagnostics *d, const struct access_site *a,
                         const struct access_site *b) {
    bool same = a->order == b->order;
    const char *access = node_text(r->arena, &b->access->base);
    if (same)
        report_error(d, b->span, "%s is read here behind the iteration that writes it", access);
    else
        report_error(d, b->span, "%s is %s here before an iteration in which a statement above %s it", access,
                     is_write(b) ? "written" : "read", is_write(a) ? "writes" : "reads");
    isl_question(r->ctx);
    isl_map *pairs = same ? overlap_before(r, a, b) : overlap_before(r, b, a);
    if (same)
        note_pair(r, d, a, b, pairs);
    else if (is_write(b))
        note_pair(r, d, b, a, pairs);
    else
        note_pair(r, d, a, b, pairs ? isl_map_reverse(pairs) : NULL);
    report_help(d, (struct span){0},
                same ? "write to a tensor of its own, or launch two kernels from a program"
                     : "write each part in loops of its own, one behind the other: a nest is read statement by "
                       "statement, each for all elements");
}

bool dependence_in_order(const struct relations *r, struct diagnostics *d, const char *tensor) {
    for (size_t i = 0; i < r->site_count; i++)
        for (size_t k = 0; k < r->site_count; k++) {
            const struct access_site *a = &r->sites[i], *b = &r->sites[k];
            if (strcmp(a->access->name, tensor) != 0 || strcmp(b->access->name, tensor) != 0 ||
                !is_out_of_order(r, a, b))
                continue;
            report_order(r, d, a, b);
            return false;
        }
    return true;
}

void dependence_explain(const struct relations *r, struct explanations *list) {
    for (size_t i = 0; list && i < r->kernel->parameters.count; i++) {
        const struct node_parameter *tensor = node_as(r->kernel->parameters.items[i], parameter);
        if (!tensor->dimensions.count || tensor->direction != DIRECTION_OUT)
            continue;
        isl_question(r->ctx);
        struct coverage c = coverage_of(r, tensor);
        if (c.missing && c.site && isl_proved(isl_set_is_empty(c.missing))) {
            explain(list, c.site->span, "every element of %s is written", tensor->name);
            explain_set(list, "elements", isl_set_text(r->arena, all_elements(r, tensor)));
            explain_set(list, "never written", isl_set_text(r->arena, isl_set_copy(c.missing)));
        }
        isl_set_free(c.missing);
    }
}
