/* Access relations: one walk over a kernel opens a site for every access, with its domain, guards and
 * subscripts. */
#include "analysis/access.h"

#include <string.h>

#include "analysis/affine.h"
#include "analysis/isl_util.h"
#include "ir/build.h"
#include "ir/query.h"

/* A let, var or buffer in scope; the innermost first. */
struct local {
    const char *name;
    const struct node *declaration;
    const struct local *outer;
};

struct walk {
    struct relations *relations;
    struct scope scope;
    const struct local *locals;
    size_t grid_axes;
    struct guard guards[SCOPE_LIMIT];
    size_t guard_count;
    size_t order;
    struct node *statement;
    struct node *kernel;
    bool exact;
};

/* ---- the domain at one place ---- */

/* Are lo and len of the axis dimensions as well? Where the kernel asks for them: of all axes they are many. */
static bool has_place(const struct walk *walk, const struct node_axis *axis) {
    if (!axis->step)
        return false;
    for_each (call, call, walk->kernel)
        if (is_block_place(&call->base) && mentions(&call->base, axis->name))
            return true;
    return false;
}

/* lo(i) <= i < lo(i) + len(i); lo(i) whole steps behind the lower end; len(i) a step, or what is left of the
 * range. A whole axis is one block. Of any other step that is no literal: blocks anywhere in the range. */
static __isl_give isl_set *bound_block(const struct frame *f, __isl_take isl_set *set,
                                       const struct node_axis *axis, bool *exact) {
    struct arena *arena = f->relations->arena;
    struct node *index = make_reference(arena, axis->name);
    struct node *low = make_call(arena, "lo", LIST(arena, index)),
                *length = make_call(arena, "len", LIST(arena, index));
    struct node *end = make_add(arena, low, length);
    set = cut(set, at_least(f, index, low, 0), exact);
    set = cut(set, at_least(f, end, index, -1), exact);
    set = cut(set, at_least(f, low, axis->lower, 0), exact);
    set = cut(set, at_least(f, axis->upper, end, 0), exact);
    if (covers_whole_axis(axis)) {
        set = cut(set, at_least(f, axis->lower, low, 0), exact);
        return cut(set, at_least(f, end, axis->upper, 0), exact);
    }
    struct node *beside = make_mod(arena, make_sub(arena, low, axis->lower), axis->step);
    set = cut(set, at_least(f, make_integer(arena, 0), beside, 0), exact);
    isl_set *whole = at_least(f, length, axis->step, 0), *last = at_least(f, end, axis->upper, 0);
    if (whole && last)
        set = isl_set_intersect(set, isl_set_union(whole, last));
    else {
        isl_set_free(whole);
        isl_set_free(last);
        *exact = false;
    }
    return cut(set, at_least(f, axis->step, length, 0), exact);
}

static __isl_give isl_set *bound_axis(const struct walk *walk, const struct frame *f, __isl_take isl_set *set,
                                      const struct node_axis *axis, bool *exact) {
    set = bound(f, set, axis->name, axis->lower, false, exact);
    set = bound(f, set, axis->name, axis->upper, true, exact);
    return has_place(walk, axis) ? bound_block(f, set, axis, exact) : set;
}

/* Does the place run once for all elements of the axis, also where there are none? It lies in the one block
 * of the axis and asks nothing of its elements. */
static bool runs_once(const struct walk *walk, const struct node_access *access,
                      const struct node_axis *axis) {
    bool mentioned = mentions(&access->base, axis->name);
    for (size_t i = 0; i < walk->guard_count; i++)
        mentioned |= mentions(walk->guards[i].condition, axis->name);
    return covers_whole_axis(axis) && !mentioned;
}

/* Of an axis without elements the index counts as its lower end. */
static __isl_give isl_set *add_empty_axis(const struct walk *walk, const struct frame *f,
                                          __isl_take isl_set *set, __isl_take isl_set *before,
                                          const struct node_axis *axis, bool *exact) {
    struct arena *arena = f->relations->arena;
    struct node *index = make_reference(arena, axis->name);
    before = cut(before, at_least(f, axis->lower, axis->upper, 0), exact);
    before = cut(before, at_least(f, index, axis->lower, 0), exact);
    before = cut(before, at_least(f, axis->lower, index, 0), exact);
    if (has_place(walk, axis)) {
        struct node *low = make_call(arena, "lo", LIST(arena, index)),
                    *length = make_call(arena, "len", LIST(arena, index)), *zero = make_integer(arena, 0);
        before = cut(before, at_least(f, low, axis->lower, 0), exact);
        before = cut(before, at_least(f, axis->lower, low, 0), exact);
        before = cut(before, at_least(f, length, zero, 0), exact);
        before = cut(before, at_least(f, zero, length, 0), exact);
    }
    return isl_set_union(set, before);
}

static __isl_give isl_set *domain_at(const struct walk *walk, const struct node_access *access,
                                     isl_local_space *local, bool *exact) {
    const struct relations *r = walk->relations;
    struct frame f = {.scope = &walk->scope, .relations = r, .space = local};
    isl_set *set = isl_set_universe(isl_local_space_get_space(local));
    *exact = walk->exact;
    for (size_t i = 0; i < walk->scope.variable_count; i++) {
        const struct node_axis *axis = walk->scope.variables[i].axis;
        if (!axis || !axis->lower)
            continue;
        isl_set *before = runs_once(walk, access, axis) ? isl_set_copy(set) : NULL;
        set = bound_axis(walk, &f, set, axis, exact);
        if (before)
            set = add_empty_axis(walk, &f, set, before, axis, exact);
    }
    for (size_t i = 0; i < walk->guard_count; i++)
        set = cut(set, condition_set(&f, walk->guards[i].condition, walk->guards[i].negated, exact), exact);
    return isl_set_intersect_params(set, isl_set_copy(r->context));
}

static __isl_give isl_local_space *space_at(const struct walk *walk) {
    isl_space *space = isl_space_add_dims(isl_space_set_from_params(isl_space_copy(walk->relations->space)),
                                          isl_dim_set, (unsigned)walk->scope.variable_count);
    for (size_t i = 0; i < walk->scope.variable_count; i++)
        if (walk->scope.variables[i].part == PART_INDEX)
            space = isl_space_set_dim_name(space, isl_dim_set, (unsigned)i, walk->scope.variables[i].name);
    return isl_local_space_from_space(space);
}

static struct access_site *new_site(struct relations *r) {
    if (r->site_count == r->site_capacity) {
        r->site_capacity = r->site_capacity ? 2 * r->site_capacity : 16;
        struct access_site *sites = arena_allocate(r->arena, r->site_capacity * sizeof *sites);
        if (r->site_count)
            memcpy(sites, r->sites, r->site_count * sizeof *sites);
        r->sites = sites;
    }
    return &r->sites[r->site_count++];
}

/* Accesses of one statement under the same axes have one domain, unless it depends on what they mention. */
static const struct access_site *site_beside(const struct walk *walk, const struct access_site *site) {
    const struct relations *r = walk->relations;
    const struct access_site *last = r->site_count ? &r->sites[r->site_count - 1] : NULL;
    bool same = last && last->statement == site->statement && last->order == site->order &&
                last->axis_count == site->axis_count;
    for (size_t i = 0; same && i < site->axis_count; i++)
        same = last->ranges[i] == site->ranges[i] && last->axes[i] == site->axes[i] &&
               (!site->ranges[i] || runs_once(walk, last->access, site->ranges[i]) ==
                                        runs_once(walk, site->access, site->ranges[i]));
    return same ? last : NULL;
}

static const struct node *declaration_of(const struct walk *walk, const char *name) {
    for (const struct local *local = walk->locals; local; local = local->outer)
        if (strcmp(local->name, name) == 0)
            return local->declaration;
    struct node_parameter *tensor = relations_tensor(walk->relations, name);
    return tensor ? &tensor->base : NULL;
}

static void add_site(struct walk *walk, struct node_access *access, enum access_kind kind) {
    struct relations *r = walk->relations;
    isl_question(r->ctx); /* the place of each access is a question of its own: kernels have any number */
    isl_local_space *local = space_at(walk);
    struct frame f = {.scope = &walk->scope, .relations = r, .space = local};
    struct access_site site = {.kind = kind,
                               .access = access,
                               .declaration = declaration_of(walk, access->name),
                               .span = access->base.span.line ? access->base.span : walk->statement->span,
                               .statement = walk->statement,
                               .order = walk->order,
                               .grid_axes = walk->grid_axes,
                               .axis_count = walk->scope.variable_count};
    const char **axes = arena_allocate(r->arena, (walk->scope.variable_count + 1) * sizeof *axes);
    const struct node_axis **ranges =
        arena_allocate(r->arena, (walk->scope.variable_count + 1) * sizeof *ranges);
    for (size_t i = 0; i < walk->scope.variable_count; i++) {
        axes[i] = walk->scope.variables[i].part == PART_INDEX ? walk->scope.variables[i].name : NULL;
        ranges[i] = walk->scope.variables[i].axis;
    }
    site.axes = axes;
    site.ranges = ranges;
    const struct access_site *beside = site_beside(walk, &site);
    site.scope = beside ? beside->scope : arena_copy(r->arena, &walk->scope, sizeof walk->scope);
    site.guards = beside ? beside->guards
                         : arena_copy(r->arena, walk->guards, walk->guard_count * sizeof *walk->guards);
    site.guard_count = walk->guard_count;
    site.exact = beside && beside->exact && walk->exact;
    site.domain = beside ? isl_set_copy(beside->domain) : domain_at(walk, access, local, &site.exact);
    site.subscripts = arena_allocate(r->arena, (access->subscripts.count + 1) * sizeof *site.subscripts);
    for (size_t i = 0; i < access->subscripts.count; i++)
        site.subscripts[i] = piecewise(&f, access->subscripts.items[i]);
    isl_local_space_free(local);
    *new_site(r) = site;
}

/* ---- the walk ---- */

static void walk_expression(struct walk *walk, struct node *node);
static void walk_statement(struct walk *walk, struct node *node);

static bool visit_expression(struct node *child, void *context) {
    walk_expression(context, child);
    return true;
}

static void push_variable(struct walk *walk, const char *name, enum variable_part part,
                          const struct node_axis *axis) {
    if (walk->scope.variable_count < SCOPE_LIMIT)
        walk->scope.variables[walk->scope.variable_count++] = (struct variable){name, part, axis};
    else
        walk->exact = false;
}

static void push_axes(struct walk *walk, struct node_list axes) {
    for (size_t i = 0; i < axes.count; i++) {
        struct node_axis *axis = node_as(axes.items[i], axis);
        if (!axis->lower)
            continue; /* in scope already */
        walk_expression(walk, axis->lower);
        walk_expression(walk, axis->upper);
        push_variable(walk, axis->name, PART_INDEX, axis);
        if (has_place(walk, axis)) {
            push_variable(walk, axis->name, PART_LOW, NULL);
            push_variable(walk, axis->name, PART_LENGTH, NULL);
        }
    }
}

static void walk_expression(struct walk *walk, struct node *node) {
    struct node_access *access = node_as(node, access);
    struct node_reduction *reduction = node_as(node, reduction);
    if (reduction) {
        size_t mark = walk->scope.variable_count;
        push_axes(walk, reduction->axes);
        walk_expression(walk, reduction->body);
        walk->scope.variable_count = mark;
        return;
    }
    if (access)
        add_site(walk, access, ACCESS_READ);
    node_each_child(node, visit_expression, walk);
}

static void walk_assign(struct walk *walk, struct node_assign *assign) {
    struct node_access *target = node_as(assign->target, access);
    walk_expression(walk, assign->value);
    if (!target)
        return;
    add_site(walk, target, assign->op == ASSIGN_SET ? ACCESS_WRITE : ACCESS_UPDATE);
    for (size_t i = 0; i < target->subscripts.count; i++)
        walk_expression(walk, target->subscripts.items[i]);
}

static void walk_list(struct walk *walk, struct node *body) {
    size_t lets = walk->scope.let_count, variables = walk->scope.variable_count;
    const struct local *locals = walk->locals;
    struct node_block *block = node_as(body, block);
    if (block)
        for (size_t i = 0; i < block->statements.count; i++)
            walk_statement(walk, block->statements.items[i]);
    else
        walk_statement(walk, body);
    walk->scope.let_count = lets;
    walk->scope.variable_count = variables;
    walk->locals = locals;
}

static void walk_branch(struct walk *walk, struct node *condition, bool negated, struct node *body) {
    if (!body)
        return;
    bool pushed = walk->guard_count < SCOPE_LIMIT, exact = walk->exact;
    if (pushed)
        walk->guards[walk->guard_count++] = (struct guard){condition, negated};
    walk->exact &= pushed;
    walk_list(walk, body);
    walk->guard_count -= pushed;
    walk->exact = exact;
}

static void walk_nest(struct walk *walk, struct node_list axes, struct node *body, bool grid) {
    size_t mark = walk->scope.variable_count, grid_axes = walk->grid_axes;
    push_axes(walk, axes);
    if (grid)
        walk->grid_axes = walk->scope.variable_count;
    walk_list(walk, body);
    walk->scope.variable_count = mark;
    walk->grid_axes = grid_axes;
}

/* The axes that a let or var opens are those of its value; its name is in scope behind it. */
static void walk_definition(struct walk *walk, const struct node *declaration, const char *name,
                            struct node_list axes, struct node *value) {
    size_t mark = walk->scope.variable_count;
    push_axes(walk, axes);
    if (value)
        walk_expression(walk, value);
    walk->scope.variable_count = mark;
    struct local local = {name, declaration, walk->locals};
    walk->locals = arena_copy(walk->relations->arena, &local, sizeof local);
}

static void walk_statement(struct walk *walk, struct node *node) {
    walk->statement = node;
    walk->order++;
    switch (node->kind) {
    case NODE_BLOCK:
        walk_list(walk, node);
        break;
    case NODE_GRID:
        walk_nest(walk, node_as(node, grid)->axes, node_as(node, grid)->body, true);
        break;
    case NODE_FOR:
        walk_nest(walk, node_as(node, for)->axes, node_as(node, for)->body, false);
        break;
    case NODE_IF:
        walk_expression(walk, node_as(node, if)->condition);
        walk_branch(walk, node_as(node, if)->condition, false, node_as(node, if)->then);
        walk_branch(walk, node_as(node, if)->condition, true, node_as(node, if)->otherwise);
        break;
    case NODE_LET:
        walk_definition(walk, node, node_as(node, let)->name, node_as(node, let)->axes,
                        node_as(node, let)->value);
        if (!node_as(node, let)->axes.count && walk->scope.let_count < SCOPE_LIMIT)
            walk->scope.lets[walk->scope.let_count++] = node_as(node, let);
        break;
    case NODE_VAR:
        walk_definition(walk, node, node_as(node, var)->name, node_as(node, var)->axes,
                        node_as(node, var)->value);
        break;
    case NODE_BUFFER:
        walk_definition(walk, node, node_as(node, buffer)->name, node_as(node, buffer)->axes,
                        node_as(node, buffer)->value);
        break;
    case NODE_ASSIGN:
        walk_assign(walk, node_as(node, assign));
        break;
    case NODE_STATEMENT:
        walk_expression(walk, node_as(node, statement)->call);
        break;
    default:
        break;
    }
}

/* ---- parameters ---- */

static void add_parameter(struct relations *r, const char *name) {
    if (isl_space_find_dim_by_name(r->space, isl_dim_param, name) >= 0)
        return;
    unsigned at = (unsigned)isl_space_dim(r->space, isl_dim_param);
    r->space = isl_space_add_dims(r->space, isl_dim_param, 1);
    r->space = isl_space_set_dim_name(r->space, isl_dim_param, at, name);
}

static bool is_scalar(const struct relations *r, const char *name) {
    for (size_t i = 0; i < r->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(r->kernel->parameters.items[i], parameter);
        if (strcmp(parameter->name, name) == 0)
            return parameter->dimensions.count == 0;
    }
    return false;
}

/* The space of expressions of sizes alone: a point of no dimensions. */
static __isl_give isl_local_space *size_space(const struct relations *r) {
    return isl_local_space_from_space(isl_space_set_from_params(isl_space_copy(r->space)));
}

static void build_parameters(struct relations *r) {
    struct node_list parameters = r->kernel->parameters;
    r->space = isl_space_params_alloc(r->ctx, 0);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!parameter->dimensions.count && parameter->dtype == DTYPE_INDEX)
            add_parameter(r, parameter->name);
        for (size_t k = 0; k < parameter->dimensions.count; k++)
            for_each (reference, size, parameter->dimensions.items[k])
                add_parameter(r, size->name);
    }
    isl_local_space *local = size_space(r);
    struct frame f = {.relations = r, .space = local};
    r->context = isl_set_universe(isl_space_copy(r->space));
    isl_size count = isl_space_dim(r->space, isl_dim_param);
    for (unsigned i = 0; (int)i < count; i++)
        if (!is_scalar(r, isl_space_get_dim_name(r->space, isl_dim_param, i)))
            r->context = isl_set_lower_bound_si(r->context, isl_dim_param, i, 0);
    for (size_t i = 0; i < r->kernel->conditions.count; i++) {
        isl_set *holds = condition_set(&f, r->kernel->conditions.items[i], false, &r->exact);
        r->exact &= holds != NULL;
        if (holds)
            r->context = isl_set_intersect(r->context, isl_set_params(holds));
    }
    isl_local_space_free(local);
}

struct relations *relations_of(struct arena *arena, isl_ctx *ctx, struct node *kernel) {
    struct relations *r = arena_allocate(arena, sizeof *r);
    *r = (struct relations){.arena = arena, .kernel = node_as(kernel, kernel), .ctx = ctx, .exact = true};
    isl_question(ctx);
    build_parameters(r);
    struct walk *walk = arena_allocate(arena, sizeof *walk);
    *walk =
        (struct walk){.relations = r, .statement = kernel, .kernel = kernel, .exact = true};
    walk_list(walk, r->kernel->body);
    return r;
}

void relations_free(struct relations *r) {
    if (!r)
        return;
    for (size_t i = 0; i < r->site_count; i++) {
        isl_set_free(r->sites[i].domain);
        for (size_t k = 0; k < r->sites[i].access->subscripts.count; k++)
            isl_pw_aff_free(r->sites[i].subscripts[k]);
    }
    isl_set_free(r->context);
    isl_space_free(r->space);
}

struct node_parameter *relations_tensor(const struct relations *r, const char *name) {
    for (size_t i = 0; i < r->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(r->kernel->parameters.items[i], parameter);
        if (parameter->dimensions.count && strcmp(parameter->name, name) == 0)
            return parameter;
    }
    return NULL;
}

__isl_give isl_aff *relations_size(const struct relations *r, const struct node *expression) {
    isl_local_space *local = size_space(r);
    struct frame f = {.relations = r, .space = local};
    isl_aff *aff = affine(&f, expression);
    isl_local_space_free(local);
    return aff;
}

__isl_give isl_pw_aff *relations_size_at(const struct relations *r, const struct access_site *site,
                                         const struct node *expression) {
    isl_local_space *local = isl_local_space_from_space(isl_set_get_space(site->domain));
    struct frame f = {.relations = r, .space = local};
    isl_aff *aff = affine(&f, expression);
    isl_local_space_free(local);
    return aff ? isl_pw_aff_from_aff(aff) : NULL;
}

__isl_give isl_map *relations_map_of(const struct access_site *site, const bool *taken) {
    isl_space *space = isl_space_map_from_domain_and_range(
        isl_set_get_space(site->domain),
        isl_space_set_from_params(isl_space_params(isl_set_get_space(site->domain))));
    isl_map *map = isl_map_universe(space);
    for (size_t i = 0; i < site->access->subscripts.count; i++) {
        if (taken && !taken[i])
            continue;
        if (!site->subscripts[i]) {
            isl_map_free(map);
            return NULL;
        }
        map = isl_map_flat_range_product(map, isl_map_from_pw_aff(isl_pw_aff_copy(site->subscripts[i])));
    }
    return isl_map_intersect_domain(map, isl_set_copy(site->domain));
}

__isl_give isl_map *relations_map(const struct access_site *site) {
    return relations_map_of(site, NULL);
}

static bool compare_sizes(const struct relations *r, const struct node *a, const struct node *b, bool equal) {
    if (node_equal(a, b))
        return true;
    isl_question(r->ctx);
    isl_local_space *local = size_space(r);
    struct frame f = {.relations = r, .space = local};
    isl_pw_aff *left = piecewise(&f, a), *right = left ? piecewise(&f, b) : NULL;
    isl_local_space_free(local);
    if (!right) {
        isl_pw_aff_free(left);
        return false;
    }
    isl_set *so = equal ? isl_pw_aff_eq_set(left, right) : isl_pw_aff_ge_set(left, right);
    so = isl_set_params(so);
    bool always = isl_proved(isl_set_is_subset(r->context, so));
    isl_set_free(so);
    return always;
}

bool relations_is_size(const struct relations *r, const struct node *node) {
    struct node_reference *reference = node_as((struct node *)(uintptr_t)node, reference);
    return reference && isl_space_find_dim_by_name(r->space, isl_dim_param, reference->name) >= 0;
}

bool relations_equal_sizes(const struct relations *r, const struct node *a, const struct node *b) {
    return compare_sizes(r, a, b, true);
}

bool relations_at_least(const struct relations *r, const struct node *a, const struct node *b) {
    return compare_sizes(r, a, b, false);
}
