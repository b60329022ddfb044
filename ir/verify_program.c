/* Programs: every launch names a kernel of the module and gives it what it asks for, a tensor is written
 * before it is read, and no launch writes what it reads.
 */
#include <string.h>

#include "ir/build.h"
#include "ir/verify_internal.h"
#include "support/arena.h"

struct program_tensor {
    const char *name;
    enum dtype dtype;
    size_t rank;
    bool input, written;
};

struct program_walk {
    struct verifier *v;
    const struct node_module *module;
    struct program_tensor *tensors;
    size_t count;
};

/* A tensor of the callee and the one of the program that stands for it. */
struct binding {
    const struct node_parameter *parameter;
    const char *actual;
};

static struct program_tensor *tensor_of(const struct program_walk *p, const struct node *node) {
    const struct node_reference *name = node_as((struct node *)node, reference);
    for (size_t i = 0; name && i < p->count; i++)
        if (strcmp(p->tensors[i].name, name->name) == 0)
            return &p->tensors[i];
    return NULL;
}

/* ---- arguments ---- */

static void verify_scalar(struct program_walk *p, const struct node_parameter *parameter,
                          const struct node *argument) {
    enum value_kind wanted = value_kind_of(parameter->dtype);
    bool plain = argument->kind == NODE_REAL || argument->kind == NODE_REFERENCE;
    enum value_kind given = verify_expression(p->v, argument);
    bool fits = given == VALUE_INTEGER || given == wanted;
    if (given == VALUE_FLOAT && fits && !plain)
        verify_error(p->v, argument, "%s of a launch is a name or a literal, and this is computed",
                     parameter->name);
    else if (given != VALUE_NONE && !fits)
        verify_error(p->v, argument, "this is no value for %s, which is %s", parameter->name,
                     word_text(WORDS_dtype, parameter->dtype));
}

static bool verify_tensor(struct program_walk *p, const struct node_launch *launch,
                          const struct node_parameter *parameter, const struct node *actual) {
    struct verifier *v = p->v;
    struct program_tensor *tensor = tensor_of(p, actual);
    if (!tensor)
        verify_error(v, actual, "%s of %s is no tensor of the program", parameter->name, launch->kernel);
    else if (tensor->dtype != parameter->dtype || tensor->rank != parameter->dimensions.count)
        verify_error(v, actual, "%s of %s is %s with %zu dimensions, and %s is %s with %zu", parameter->name,
                     launch->kernel, word_text(WORDS_dtype, parameter->dtype), parameter->dimensions.count,
                     tensor->name, word_text(WORDS_dtype, tensor->dtype), tensor->rank);
    else if (parameter->direction != DIRECTION_OUT && !tensor->written)
        verify_error(v, actual, "%s is read before it is written", tensor->name);
    else if (parameter->direction != DIRECTION_IN && tensor->input)
        verify_error(v, actual, "%s is an input, and %s writes it", tensor->name, launch->kernel);
    else
        return true;
    return false;
}

/* Blocks of a launch run in any order: what it writes it neither reads nor writes under another name. */
static void verify_apart(struct program_walk *p, const struct node_launch *launch,
                         const struct binding *bindings, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            const struct node_parameter *written = bindings[i].parameter, *other = bindings[j].parameter;
            bool both = other->direction != DIRECTION_IN;
            if (i == j || (both && j < i) || written->direction == DIRECTION_IN ||
                strcmp(bindings[i].actual, bindings[j].actual) != 0)
                continue;
            verify_error(p->v, &launch->base, "%s %s %s and writes %s, and both are %s here", launch->kernel,
                         both ? "writes" : "reads", other->name, written->name, bindings[i].actual);
            report_help(p->v->diagnostics, (struct span){0},
                        "blocks of a launch run in any order: give each result a tensor of its own");
            return;
        }
}

/* ---- launches ---- */

static const struct node_kernel *callee_of(const struct program_walk *p, const char *name) {
    for (size_t i = 0; i < p->module->items.count; i++) {
        const struct node_kernel *kernel = node_as(p->module->items.items[i], kernel);
        if (kernel && strcmp(kernel->name, name) == 0)
            return kernel;
    }
    return NULL;
}

static bool counts_agree(struct program_walk *p, const struct node_launch *launch,
                         const struct node_kernel *callee) {
    size_t results = 0;
    for (size_t i = 0; i < callee->parameters.count; i++)
        results += node_as(callee->parameters.items[i], parameter)->direction == DIRECTION_OUT;
    size_t arguments = callee->parameters.count - results;
    bool agree = results == launch->results.count && arguments == launch->arguments.count;
    if (!agree)
        verify_error(p->v, &launch->base, "%s has %zu results and %zu arguments, and %zu and %zu are given",
                     launch->kernel, results, arguments, launch->results.count, launch->arguments.count);
    return agree;
}

static void verify_launch(struct program_walk *p, const struct node_launch *launch) {
    const struct node_kernel *callee = callee_of(p, launch->kernel);
    if (!callee) {
        verify_error(p->v, &launch->base, "there is no kernel %s", launch->kernel);
        return;
    }
    if (!counts_agree(p, launch, callee))
        return;
    size_t argument = 0, result = 0, count = 0;
    bool sound = true;
    struct binding *bindings = arena_allocate(p->v->arena, (callee->parameters.count + 1) * sizeof *bindings);
    for (size_t i = 0; i < callee->parameters.count; i++) {
        const struct node_parameter *parameter = node_as(callee->parameters.items[i], parameter);
        const struct node *actual = parameter->direction == DIRECTION_OUT
                                        ? launch->results.items[result++]
                                        : launch->arguments.items[argument++];
        if (!parameter->dimensions.count) {
            verify_scalar(p, parameter, actual);
            continue;
        }
        if (verify_tensor(p, launch, parameter, actual))
            bindings[count++] = (struct binding){parameter, tensor_of(p, actual)->name};
        else
            sound = false;
    }
    if (sound)
        verify_apart(p, launch, bindings, count);
    for (size_t i = 0; i < launch->results.count; i++) {
        struct program_tensor *tensor = tensor_of(p, launch->results.items[i]);
        if (tensor)
            tensor->written = true;
    }
}

/* ---- programs ---- */

static void verify_intermediate(struct program_walk *p, const struct node_var *var) {
    bool plain = !var->value && var->axes.count;
    for (size_t i = 0; plain && i < var->axes.count; i++) {
        const struct node_axis *axis = node_as(var->axes.items[i], axis);
        int64_t lower;
        plain = axis && axis->upper && !axis->step && integer_value(axis->lower, &lower) && lower == 0;
        if (plain)
            verify_number(p->v, axis->upper, "a dimension");
    }
    if (!plain)
        verify_error(p->v, &var->base, "%s is no tensor between launches: it has dimensions and no value",
                     var->name);
    struct scope_name *added = scope_add(p->v, NAME_TENSOR, var->name, &var->base);
    added->rank = var->axes.count;
    p->tensors[p->count++] = (struct program_tensor){var->name, var->dtype, var->axes.count, false, false};
}

static void verify_step(struct program_walk *p, const struct node *node) {
    const struct node_var *var = node_as((struct node *)node, var);
    const struct node_launch *launch = node_as((struct node *)node, launch);
    if (!var && !launch) {
        verify_error(p->v, node, "a program is a list of launches, and a %s stands here",
                     node_info(node->kind)->name);
        return;
    }
    if (!verify_present(p->v, node))
        return;
    if (var)
        verify_intermediate(p, var);
    else
        verify_launch(p, launch);
}

static void verify_program(struct program_walk *p, const struct node_program *program) {
    struct verifier *v = p->v;
    const struct node_block *body = node_as(program->body, block);
    if (!verify_present(v, &program->base))
        return;
    verify_signature(v, program->parameters, program->conditions);
    size_t steps = body ? body->statements.count : 0;
    p->tensors = arena_allocate(v->arena, (program->parameters.count + steps + 1) * sizeof *p->tensors);
    for (size_t i = 0; i < program->parameters.count; i++) {
        const struct node_parameter *parameter = node_as(program->parameters.items[i], parameter);
        if (parameter->dimensions.count)
            p->tensors[p->count++] = (struct program_tensor){
                parameter->name, parameter->dtype, parameter->dimensions.count,
                parameter->direction == DIRECTION_IN, parameter->direction != DIRECTION_OUT};
    }
    for (size_t i = 0; i < steps; i++)
        verify_step(p, body->statements.items[i]);
    for (size_t i = 0; !v->failed && i < program->parameters.count; i++) {
        const struct node_parameter *parameter = node_as(program->parameters.items[i], parameter);
        for (size_t j = 0; j < p->count; j++)
            if (parameter->direction == DIRECTION_OUT && p->tensors[j].name == parameter->name &&
                !p->tensors[j].written)
                verify_error(v, &parameter->base, "result %s is never written", parameter->name);
    }
}

static const char *name_of_item(const struct node *item) {
    return item->kind == NODE_PROGRAM  ? ((const struct node_program *)item)->name
           : item->kind == NODE_KERNEL ? ((const struct node_kernel *)item)->name
                                       : NULL;
}

bool programs_verify(struct arena *arena, struct diagnostics *diagnostics, struct node *module) {
    struct node_module *items = node_as(module, module);
    bool fine = true;
    for (size_t i = 0; i < items->items.count; i++) {
        struct node *item = items->items.items[i];
        struct verifier v = {.arena = arena, .diagnostics = diagnostics, .kernel = item, .span = item->span};
        struct program_walk walk = {.v = &v, .module = items};
        const char *name = name_of_item(item);
        for (size_t j = 0; name && j < i; j++) {
            const char *before = name_of_item(items->items.items[j]);
            if (before && strcmp(before, name) == 0)
                verify_error(&v, item, "a second kernel or program is called %s", name);
        }
        if (item->kind == NODE_PROGRAM)
            verify_program(&walk, node_as(item, program));
        fine &= !v.failed;
    }
    return fine;
}
