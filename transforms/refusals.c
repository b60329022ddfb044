/* A refused kernel is compiled again without what was refused, for the messages about the rest.
 */
#include "transforms/refusals.h"

#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "support/arena.h"
#include "support/diagnostic.h"
#include "support/name_table.h"

/* ---- the statement that a message is about ---- */

static bool is_leaf(const struct node *node) {
    return node->kind == NODE_ASSIGN || node->kind == NODE_LET || node->kind == NODE_VAR ||
           node->kind == NODE_BUFFER || node->kind == NODE_STATEMENT || node->kind == NODE_TILE;
}

static bool is_nest(const struct node *node) {
    return node->kind == NODE_FOR || node->kind == NODE_GRID || node->kind == NODE_IF;
}

struct place_search {
    const struct span *place;
    struct node *statement; /* the innermost statement around the node at hand */
    struct node *found;     /* the statement of the last node that stands at the place: the innermost */
};

/* Text of a function stands where the function is defined: the statement is found by the nodes in it. */
static bool find_place(struct node *node, void *context) {
    struct place_search *search = context;
    struct node *outer = search->statement;
    if (is_leaf(node) || is_nest(node))
        search->statement = node;
    if (span_begins_at(&node->span, search->place))
        search->found = search->statement;
    node_each_child(node, find_place, search);
    search->statement = outer;
    return true;
}

static struct node *statement_at(struct node *kernel, const struct span *place) {
    struct place_search search = {.place = place};
    find_place(node_as(kernel, kernel)->body, &search);
    return search.found;
}

/* ---- what is left without it ---- */

enum mark { KEPT, REMOVED };

struct removal {
    struct arena *arena;
    struct node *kernel;
    struct node_list refused;
    struct name_table values;  /* lets, vars and buffers that are no more */
    struct name_table tensors; /* that a removed statement wrote */
    bool changed;
};

static bool is_marked(const struct name_table *names, const char *name) {
    const size_t *mark = name ? name_table_find(names, name) : NULL;
    return mark && *mark == REMOVED;
}

static void mark(struct removal *r, struct name_table *names, const char *name) {
    r->changed |= !is_marked(names, name);
    *name_table_add(names, name) = REMOVED;
}

static const char *written_name(struct node *leaf) {
    struct node_let *let = node_as(leaf, let);
    struct node_var *var = node_as(leaf, var);
    struct node_buffer *buffer = node_as(leaf, buffer);
    struct node_assign *assign = node_as(leaf, assign);
    struct node_tile *tile = node_as(leaf, tile);
    return let      ? let->name
           : var    ? var->name
           : buffer ? buffer->name
           : assign ? target_name(assign->target)
           : tile   ? target_name(tile->target)
                    : NULL;
}

static bool is_sound(const struct removal *r, struct node *statement) {
    for_each_node (node, statement)
        if (is_marked(&r->values, mentioned_name(node)))
            return false;
    return true;
}

static bool is_refused(const struct removal *r, const struct node *node) {
    for (size_t i = 0; i < r->refused.count; i++)
        if (r->refused.items[i] == node)
            return true;
    return false;
}

static bool is_empty(const struct node *node) {
    struct node_block *block = node_as((struct node *)(uintptr_t)node, block);
    return !node || (block && block->statements.count == 0);
}

static bool has_writer(struct node *body, const char *name) {
    for_each_node (node, body) {
        const char *written = is_leaf(node) && node->kind != NODE_BUFFER ? written_name(node) : NULL;
        if (written && strcmp(written, name) == 0)
            return true;
    }
    return false;
}

static void mark_written(struct removal *r, struct node *leaf) {
    const char *name = written_name(leaf);
    if (name)
        mark(r, find_parameter(r->kernel, name) ? &r->tensors : &r->values, name);
}

static struct node *remove_all(struct node *node, struct removal *r);

static struct node *remove_statement(struct node *node, void *context) {
    struct removal *r = context;
    if (is_leaf(node)) {
        bool removed = is_refused(r, node) || !is_sound(r, node);
        if (removed)
            mark_written(r, node);
        return removed ? NULL : node;
    }
    if (is_nest(node) && is_refused(r, node))
        return remove_all(node, r);
    struct node *mapped = node_map_children(r->arena, node, remove_statement, r);
    struct node_for *loop = node_as(mapped, for);
    struct node_grid *grid = node_as(mapped, grid);
    struct node_if *branch = node_as(mapped, if);
    bool empty = (loop && is_empty(loop->body)) || (grid && is_empty(grid->body)) ||
                 (branch && is_empty(branch->then) && is_empty(branch->otherwise));
    return empty ? NULL : mapped;
}

static struct node *remove_all(struct node *node, struct removal *r) {
    for_each_node (part, node)
        if (is_leaf(part))
            mark_written(r, part);
    return NULL;
}

/* A tensor that is not written any more is given; one that is written in part keeps what it held. */
static struct node *keep_tensors(struct removal *r, struct node_kernel *kernel) {
    struct list_builder parameters = {0};
    for (size_t i = 0; i < kernel->parameters.count; i++) {
        struct node_parameter parameter = *node_as(kernel->parameters.items[i], parameter);
        if (is_marked(&r->tensors, parameter.name))
            parameter.direction = has_writer(kernel->body, parameter.name) ? DIRECTION_INOUT : DIRECTION_IN;
        builder_add(r->arena, &parameters, arena_copy(r->arena, &parameter, sizeof parameter));
    }
    kernel->parameters = builder_list(&parameters);
    return arena_copy(r->arena, kernel, sizeof *kernel);
}

static bool writes_nothing(struct node *kernel) {
    struct node_list parameters = node_as(kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++)
        if (has_writer(node_as(kernel, kernel)->body, node_as(parameters.items[i], parameter)->name))
            return false;
    return true;
}

/* The kernel without the statements that the errors are about; NULL when these are about no statement, or
 * all. */
static struct node *without_refused(struct arena *arena, struct node *kernel,
                                    const struct diagnostic *errors) {
    struct removal r = {
        .arena = arena, .kernel = kernel, .values = {.arena = arena}, .tensors = {.arena = arena}};
    struct list_builder refused = {0};
    for (const struct diagnostic *error = errors; error; error = error->next) {
        struct node *statement =
            error->severity == SEVERITY_ERROR ? statement_at(kernel, &error->span) : NULL;
        if (statement)
            builder_add(arena, &refused, statement);
    }
    r.refused = builder_list(&refused);
    if (!r.refused.count)
        return NULL;
    struct node_kernel rest = *node_as(kernel, kernel);
    do {
        r.changed = false;
        rest.body = node_map_children(arena, rest.body, remove_statement, &r);
    } while (r.changed);
    struct node *kept = keep_tensors(&r, &rest);
    return writes_nothing(kept) ? NULL : kept;
}

/* ---- the rest ---- */

void refusals_add(const struct compilation *compilation, struct node *kernel, const char *first,
                  const struct pass_options *options, const struct diagnostic *errors) {
    struct diagnostics *all = compilation->diagnostics;
    struct pass_options quiet = {.last = options->last};
    if (kernel_form(kernel) == FORM_DEVICE) /* its statements are steps of one protocol */
        return;
    for (int round = 0; round < DIAGNOSTIC_CAP; round++) {
        kernel = without_refused(compilation->arena, kernel, errors);
        if (!kernel)
            return;
        struct diagnostics *aside = diagnostics_continue(compilation->arena, all);
        struct compilation rest = *compilation;
        rest.kernel = kernel;
        rest.form = kernel_form(kernel);
        rest.diagnostics = aside;
        rest.explanations = NULL;
        if (passes_run(&rest, first, &quiet) || rest.broken)
            return;
        errors = aside->first;
        for (const struct diagnostic *error = errors; error; error = error->next)
            if (error->severity == SEVERITY_ERROR && statement_at(kernel, &error->span))
                diagnostics_adopt(all, error);
    }
}
