/* A kernel as a program: which names it begins with, and whether it is run for every core. */
#include <string.h>

#include "evaluate/compile.h"
#include "ir/attributes.h"
#include "ir/query.h"
#include "ir/verify.h"

/* ---- names ---- */

static void add_sizes(struct compiler *c) {
    for (size_t i = 0; i < c->sizes->count; i++) {
        const struct size_value *size = &c->sizes->items[i];
        struct entity *entity = entity_add(c, ENTITY_NUMBER, size->name, NULL);
        entity->value = expression_integer(c, size->value, NUMBER_INDEX, size->span);
    }
}

static const double *scalar_find(const struct compile_request *request, const char *name) {
    for (size_t i = 0; i < request->scalar_count; i++)
        if (strcmp(request->scalars[i].name, name) == 0)
            return &request->scalars[i].value;
    return NULL;
}

static void add_scalar(struct compiler *c, const struct compile_request *request,
                       const struct node_parameter *parameter) {
    const double *value = scalar_find(request, parameter->name);
    int64_t known;
    struct expression *e;
    if (number_type_of(parameter->dtype) != NUMBER_FLOAT) {
        if (!environment_get(c->sizes, parameter->name, &known))
            compile_fail(c, parameter->base.span, "scalar %s has no value", parameter->name);
        return; /* among the sizes */
    }
    if (value) {
        e = expression_new(c, OP_REAL, NUMBER_FLOAT, parameter->base.span);
        e->u.real = (double)f32_canonical((float)*value);
        e->narrow = parameter->dtype == DTYPE_BF16;
        entity_add(c, ENTITY_NUMBER, parameter->name, &parameter->base)->value = e;
    } else if (parameter->value) {
        const struct expression *given = compile_expression(c, parameter->value);
        if (given)
            entity_add(c, ENTITY_NUMBER, parameter->name, &parameter->base)->value =
                expression_as(c, given, NUMBER_FLOAT);
    } else {
        compile_fail(c, parameter->base.span, "scalar %s has no value", parameter->name);
    }
}

static void add_tensor(struct compiler *c, const struct node_parameter *parameter) {
    struct entity *entity = entity_add(c, ENTITY_STORAGE, parameter->name, &parameter->base);
    entity->dtype = parameter->dtype;
    entity->type = number_type_of(parameter->dtype);
    entity->rank = parameter->dimensions.count;
    entity->index = storage_new(c, parameter->name, parameter);
    c->program->tensor_count++;
}

/* The launch arguments as names, which tile form has. Float scalars stay numbers. */
static void add_launch_arguments(struct compiler *c) {
    const struct node_dictionary *list = launch_argument_list(c->kernel);
    size_t count = list ? list->entries.count : 0;
    c->program->argument_count = count;
    c->program->argument_slots = arena_allocate(c->arena, (count + 1) * sizeof *c->program->argument_slots);
    for (size_t i = 0; i < count; i++) {
        const char *name = node_as(list->entries.items[i], attribute)->key;
        const struct entity *known = entity_find(c, name);
        c->program->argument_slots[i] = NO_SLOT;
        if (known && known->kind == ENTITY_NUMBER && known->value->type == NUMBER_FLOAT)
            continue;
        uint32_t slot = c->program->argument_slots[i] = slot_new(c);
        struct entity *entity = entity_add(c, ENTITY_SLOT, name, NULL);
        entity->type = NUMBER_INDEX;
        entity->slot = slot;
    }
}

/* Launch arguments that a body without shares names: numbers that are the same on every core. */
static void add_numbers_of_launch(struct compiler *c) {
    const struct node_dictionary *list = launch_argument_list(c->kernel);
    const struct node *body = ((const struct node_kernel *)c->kernel)->body;
    for (size_t i = 0; list && i < list->entries.count; i++) {
        const struct node_attribute *entry = node_as(list->entries.items[i], attribute);
        int64_t value;
        if (entity_find(c, entry->key) || !mentions(body, entry->key))
            continue;
        if (!size_evaluate(c->diagnostics, c->sizes, entry->value, &value)) {
            c->failed = true;
            return;
        }
        entity_add(c, ENTITY_NUMBER, entry->key, entry->value)->value =
            expression_integer(c, value, NUMBER_INDEX, entry->value->span);
    }
}

/* ---- the program ---- */

/* Is the kernel run once for each core's share? */
static bool runs_per_core(struct compiler *c) {
    const struct node_dictionary *list = launch_argument_list(c->kernel);
    for (size_t i = 0; list && i < list->entries.count; i++) {
        const struct node_attribute *entry = node_as(list->entries.items[i], attribute);
        if (differs_between_cores(entry->value) &&
            mentions(((const struct node_kernel *)c->kernel)->body, entry->key))
            return true;
    }
    return false;
}

struct program *program_compile(const struct compile_request *request) {
    struct compiler c = {.arena = request->arena,
                         .diagnostics = request->diagnostics,
                         .kernel = request->kernel,
                         .sizes = request->sizes};
    struct program *p = c.program = arena_allocate(request->arena, sizeof *c.program);
    struct node_list parameters = launch_parameters(request->kernel);
    const struct node *body = ((const struct node_kernel *)request->kernel)->body;
    p->model = request->model;
    if (kernel_form(request->kernel) == FORM_DEVICE)
        compile_fail(&c, request->kernel->span, "device form is what a device runs: it has no meaning here");
    p->per_core = runs_per_core(&c);
    c.exact = attribute_get(request->kernel, KEY_EXACT);
    add_sizes(&c);
    for (size_t i = 0; i < parameters.count && !c.failed; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count)
            add_tensor(&c, parameter);
        else
            add_scalar(&c, request, parameter);
    }
    if (p->per_core)
        add_launch_arguments(&c);
    else
        add_numbers_of_launch(&c);
    if (!c.failed)
        compile_statement(&c, body);
    instruction_add(&c, DO_END, request->kernel->span);
    return c.failed ? NULL : p;
}
