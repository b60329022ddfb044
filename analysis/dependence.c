#include "analysis/dependence.h"

#include <string.h>

#include "analysis/bounds.h"
#include "analysis/isl_util.h"
#include "ir/build.h"

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

static bool check_coverage(const struct relations *r, struct diagnostics *d,
                           const struct node_parameter *tensor) {
    isl_question(r->ctx);
    isl_set *missing = all_elements(r, tensor);
    const struct access_site *site = NULL;
    bool exact = missing != NULL;
    for (size_t i = 0; i < r->site_count && exact; i++) {
        if (!is_write(&r->sites[i]) || !names(&r->sites[i], tensor))
            continue;
        site = &r->sites[i];
        isl_map *map = relations_map(site);
        exact &= site->exact && map != NULL;
        if (map)
            missing = isl_set_subtract(missing, isl_map_range(map));
    }
    struct span span = site ? site->span : tensor->base.span;
    bool covered = exact && isl_proved(isl_set_is_empty(missing));
    if (!covered && !site) {
        report_error(d, tensor->base.span, "output %s is never written", tensor->name);
    } else if (!covered && !exact) {
        report_error(
            d, span,
            "it cannot be shown that every element of %s is written: its ranges or subscripts are not affine",
            tensor->name);
    } else if (!covered) {
        struct access_site element = {.axis_count = 0};
        const char *first = bounds_first_point(r, &element, isl_set_copy(missing));
        report_error(d, span, "not every element of %s is written%s%s", tensor->name,
                     first[0] ? ", for example " : "", first);
        report_note(d, tensor->base.span, "%s is declared here", tensor->name);
    }
    isl_set_free(missing);
    return covered;
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
    return false;
}

/* { grid point -> element } of a site. */
static __isl_give isl_map *grid_map(const struct access_site *site) {
    isl_map *map = relations_map(site);
    if (!map)
        return NULL;
    unsigned dimensions = (unsigned)isl_map_dim(map, isl_dim_in);
    return isl_map_project_out(map, isl_dim_in, (unsigned)site->grid_axes,
                               dimensions - (unsigned)site->grid_axes);
}

/* What one grid point writes, another neither writes nor reads. */
static bool check_conflict(const struct relations *r, struct diagnostics *d, const struct access_site *write,
                           const struct access_site *other) {
    if (!write->grid_axes || write->grid_axes != other->grid_axes)
        return true;
    isl_question(r->ctx);
    isl_map *to = grid_map(write), *from = grid_map(other);
    bool apart = false;
    if (to && from) {
        isl_map *pairs = isl_map_apply_range(from, isl_map_reverse(to));
        isl_map *same = isl_map_identity(isl_map_get_space(pairs));
        apart = isl_proved(isl_map_is_subset(pairs, same));
        isl_map_free(pairs);
        isl_map_free(same);
    } else {
        isl_map_free(to);
        isl_map_free(from);
    }
    if (apart)
        return true;
    report_error(d, other->span, "%s here may be an element that another block of the grid writes",
                 node_text(r->arena, &other->access->base));
    report_note(d, write->span, "%s is written here", write->access->name);
    return false;
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
                sound = false;
            }
            sound = sound && check_conflict(r, d, write, other);
        }
    }
    return sound;
}

/* ---- buffers ---- */

struct first_use {
    const char *name;
    enum { USE_NONE, USE_READ, USE_WRITE } use;
    struct span span;
};

static bool find_use(struct node *node, void *context) {
    struct first_use *first = context;
    struct node_assign *assign = node_as(node, assign);
    struct node_access *access = node_as(node, access);
    struct node_reference *reference = node_as(node, reference);
    if (node->kind == NODE_STATEMENT) {
        if (mentions(node, first->name))
            first->use = USE_WRITE; /* tile statements name what they write */
    } else if (assign) {
        struct node_access *target = node_as(assign->target, access);
        find_use(assign->value, context);
        if (first->use == USE_NONE && target && strcmp(target->name, first->name) == 0) {
            first->use = assign->operator== ASSIGN_SET ? USE_WRITE : USE_READ;
            first->span = node->span;
        }
        if (first->use == USE_READ && !first->span.line)
            first->span = node->span;
    } else if ((access && strcmp(access->name, first->name) == 0) ||
               (reference && strcmp(reference->name, first->name) == 0)) {
        first->use = USE_READ;
        first->span = node->span;
    } else {
        node_each_child(node, find_use, context);
    }
    return first->use == USE_NONE;
}

struct buffer_walk {
    struct diagnostics *diagnostics;
    bool sound;
};

static bool check_buffers(struct node *node, void *context) {
    struct buffer_walk *walk = context;
    struct node_block *block = node_as(node, block);
    for (size_t i = 0; block && i < block->statements.count; i++) {
        struct node_buffer *buffer = node_as(block->statements.items[i], buffer);
        if (!buffer || buffer->value)
            continue;
        struct first_use first = {.name = buffer->name};
        for (size_t k = i + 1; k < block->statements.count && first.use == USE_NONE; k++)
            find_use(block->statements.items[k], &first);
        if (first.use == USE_READ) {
            report_error(walk->diagnostics, first.span, "%s is read before it is written", buffer->name);
            report_note(walk->diagnostics, buffer->base.span, "%s is declared here without a value",
                        buffer->name);
            walk->sound = false;
        }
    }
    return node_each_child(node, check_buffers, context);
}

bool dependence_check(const struct relations *r, struct diagnostics *d) {
    struct buffer_walk walk = {d, true};
    check_buffers(r->kernel->body, &walk);
    for (size_t i = 0; i < r->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(r->kernel->parameters.items[i], parameter);
        if (parameter->dimensions.count && parameter->direction != DIRECTION_IN)
            walk.sound &= check_output(r, d, parameter);
    }
    return walk.sound;
}
