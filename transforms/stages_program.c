/* A kernel in stages is a program under the name of the kernel. A program of the author that launches it launches its
 * stages instead: their tensors in between get names there, and dimensions in its sizes.
 */
#include "transforms/stages.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/names.h"
#include "ir/query.h"

/* ---- the program of one kernel ---- */

static struct node *between_variable(struct arena *arena, const struct node_parameter *between) {
    struct list_builder axes = {0};
    for (size_t i = 0; i < between->dimensions.count; i++) {
        const char *name = arena_intern(arena, arena_printf(arena, "%s_%zu", between->name, i));
        builder_add(arena, &axes,
                    make_axis(arena, name, make_integer(arena, 0), between->dimensions.items[i], NULL));
    }
    return node_new(arena, var, VAR, between->base.span, .name = between->name, .axes = builder_list(&axes),
                    .dtype = between->dtype);
}

static struct node *stage_launch(struct arena *arena, struct node *kernel) {
    const struct node_kernel *stage = node_as(kernel, kernel);
    struct list_builder results = {0}, arguments = {0};
    for (size_t i = 0; i < stage->parameters.count; i++) {
        const struct node_parameter *parameter = node_as(stage->parameters.items[i], parameter);
        builder_add(arena, parameter->direction == DIRECTION_OUT ? &results : &arguments,
                    make_reference(arena, parameter->name));
    }
    return node_new(arena, launch, LAUNCH, kernel->span, .results = builder_list(&results),
                    .kernel = stage->name, .arguments = builder_list(&arguments));
}

struct node *stages_program(struct arena *arena, struct node *kernel, const struct stages *stages) {
    const struct node_kernel *whole = node_as(kernel, kernel);
    struct list_builder statements = {0};
    if (stages->between)
        builder_add(arena, &statements, between_variable(arena, stages->between));
    for (size_t i = 0; i < 2; i++)
        builder_add(arena, &statements, stage_launch(arena, stages->kernels[i]));
    struct node *program = node_new(arena, program, PROGRAM, kernel->span, .name = whole->name,
                                    .parameters = whole->parameters, .conditions = whole->conditions,
                                    .body = make_block(arena, kernel->span, builder_list(&statements)));
    return attribute_set(arena, program, KEY_TT_STAGES, make_integer(arena, 1));
}

bool is_stages_program(const struct node *item) {
    return item->kind == NODE_PROGRAM && attribute_get(item, KEY_TT_STAGES);
}

/* ---- launches of such programs ---- */

struct inliner {
    struct arena *arena;
    struct node_list items;
    struct name_table names;         /* of the program that launches */
    struct node *program;            /* that one */
    struct list_builder *statements; /* so far */
};

/* The dimensions of a tensor of the program: of a parameter or of what a launch before leaves. */
static struct node_list dimensions_of(struct inliner *in, const char *name) {
    struct node_list parameters = node_as(in->program, program)->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (strcmp(parameter->name, name) == 0)
            return parameter->dimensions;
    }
    struct list_builder dimensions = {0};
    struct node_list statements = builder_list(in->statements);
    for (size_t i = 0; i < statements.count; i++) {
        const struct node_var *var = node_as(statements.items[i], var);
        for (size_t k = 0; var && strcmp(var->name, name) == 0 && k < var->axes.count; k++)
            builder_add(in->arena, &dimensions, node_as(var->axes.items[k], axis)->upper);
    }
    return builder_list(&dimensions);
}

/* What stands for each name of the launched program. */
struct meaning {
    const char *name;
    struct node *value;
};

struct meanings {
    struct arena *arena;
    struct meaning *items;
    size_t count;
};

static void mean(struct meanings *meanings, const char *name, struct node *value) {
    for (size_t i = 0; i < meanings->count; i++)
        if (strcmp(meanings->items[i].name, name) == 0)
            return;
    struct meaning *items = arena_allocate(meanings->arena, (meanings->count + 1) * sizeof *items);
    if (meanings->count)
        memcpy(items, meanings->items, meanings->count * sizeof *items);
    items[meanings->count] = (struct meaning){name, value};
    meanings->items = items;
    meanings->count++;
}

static struct node *by_meaning(struct node *node, void *context) {
    struct meanings *meanings = context;
    struct node_reference *reference = node_as(node, reference);
    if (!reference)
        return node_map_children(meanings->arena, node, by_meaning, meanings);
    for (size_t i = 0; i < meanings->count; i++)
        if (strcmp(meanings->items[i].name, reference->name) == 0)
            return meanings->items[i].value;
    return node;
}

static struct node *argument_value(struct node *argument) {
    struct node_attribute *named = node_as(argument, attribute);
    return named ? named->value : argument;
}

/* Parameters mean what the launch gives, sizes the dimensions of that. */
static struct meanings meanings_of(struct inliner *in, const struct node_launch *launch,
                                   const struct node_program *callee) {
    struct meanings meanings = {.arena = in->arena};
    size_t argument = 0, result = 0;
    for (size_t i = 0; i < callee->parameters.count; i++) {
        const struct node_parameter *parameter = node_as(callee->parameters.items[i], parameter);
        struct node *given = parameter->direction == DIRECTION_OUT ? launch->results.items[result++]
                             : argument < launch->arguments.count
                                 ? argument_value(launch->arguments.items[argument++])
                                 : parameter->value;
        struct node_reference *tensor = given ? node_as(given, reference) : NULL;
        mean(&meanings, parameter->name, given);
        if (!tensor || !parameter->dimensions.count)
            continue;
        struct node_list dimensions = dimensions_of(in, tensor->name);
        for (size_t k = 0; k < parameter->dimensions.count && k < dimensions.count; k++) {
            struct node_reference *size = node_as(parameter->dimensions.items[k], reference);
            if (size)
                mean(&meanings, size->name, dimensions.items[k]);
        }
    }
    return meanings;
}

static struct node_list all_by_meaning(struct meanings *meanings, struct node_list list) {
    struct list_builder result = {0};
    for (size_t i = 0; i < list.count; i++)
        builder_add(meanings->arena, &result, by_meaning(list.items[i], meanings));
    return builder_list(&result);
}

static void inline_statement(struct inliner *in, struct node *statement);

static void inline_launch(struct inliner *in, const struct node_launch *launch,
                          const struct node_program *callee) {
    struct meanings meanings = meanings_of(in, launch, callee);
    struct node_list body = node_as(callee->body, block)->statements;
    for (size_t i = 0; i < body.count; i++) {
        const struct node_var *var = node_as(body.items[i], var);
        const struct node_launch *stage = node_as(body.items[i], launch);
        if (var) {
            struct node_parameter between = {.base = {.kind = NODE_PARAMETER, .span = var->base.span},
                                             .name = name_fresh(&in->names, var->name),
                                             .dtype = var->dtype};
            struct list_builder dimensions = {0};
            for (size_t k = 0; k < var->axes.count; k++)
                builder_add(in->arena, &dimensions,
                            by_meaning(node_as(var->axes.items[k], axis)->upper, &meanings));
            between.dimensions = builder_list(&dimensions);
            mean(&meanings, var->name, make_reference(in->arena, between.name));
            builder_add(in->arena, in->statements, between_variable(in->arena, &between));
            continue;
        }
        struct node_launch inlined = *stage;
        inlined.base.span = launch->base.span;
        inlined.results = all_by_meaning(&meanings, stage->results);
        inlined.arguments = all_by_meaning(&meanings, stage->arguments);
        inline_statement(in, arena_copy(in->arena, &inlined, sizeof inlined));
    }
}

static void inline_statement(struct inliner *in, struct node *statement) {
    const struct node_launch *launch = node_as(statement, launch);
    for (size_t i = 0; launch && i < in->items.count; i++) {
        struct node_program *callee = node_as(in->items.items[i], program);
        if (callee && strcmp(callee->name, launch->kernel) == 0) {
            inline_launch(in, launch, callee);
            return;
        }
    }
    builder_add(in->arena, in->statements, statement);
}

struct node *stages_inlined(struct arena *arena, struct node *program, struct node_list items) {
    struct list_builder statements = {0};
    struct inliner in = {arena, items, names_of(arena, program), program, &statements};
    struct node_list body = node_as(node_as(program, program)->body, block)->statements;
    for (size_t i = 0; i < body.count; i++)
        inline_statement(&in, body.items[i]);
    struct node_program inlined = *node_as(program, program);
    inlined.body = make_block(arena, program->span, builder_list(&statements));
    return arena_copy(arena, &inlined, sizeof inlined);
}
