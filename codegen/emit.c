/* A module to its files: each kernel in both languages, its plan and its host program. */
#include "codegen/emit.h"

#include <string.h>

#include "codegen/print.h"
#include "support/file.h"

static const enum role roles[EMITTED_ROLES] = {ROLE_READER, ROLE_COMPUTE, ROLE_WRITER};
static const char *const files[TARGET_COUNT][EMITTED_ROLES] = {
    {"reader.c", "compute.c", "writer.c"},
    {"reader.cpp", "compute.cpp", "writer.cpp"},
};

const char *emitted_file_name(enum target target, size_t role) {
    return files[target][role];
}

/* The parts of a kernel in device form; false after a reported error when it is in another form. */
static bool find_parts(struct kernel_source *source) {
    struct node_block *block = node_as(source->kernel->body, block);
    struct list_builder helpers = {0}, buffers = {0}, semaphores = {0};
    bool device_form = block != NULL;
    for (size_t i = 0; block && i < block->statements.count; i++) {
        struct node *statement = block->statements.items[i];
        struct node_function *function = node_as(statement, function);
        if (statement->kind == NODE_CIRCULAR_BUFFER)
            builder_add(source->arena, &buffers, statement);
        else if (statement->kind == NODE_SEMAPHORE)
            builder_add(source->arena, &semaphores, statement);
        else if (function && function->role == ROLE_HELPER)
            builder_add(source->arena, &helpers, statement);
        else if (function)
            for (size_t role = 0; role < EMITTED_ROLES; role++)
                source->functions[role] = function->role == roles[role] ? function : source->functions[role];
        else
            device_form = false;
    }
    source->helpers = builder_list(&helpers);
    source->buffers = builder_list(&buffers);
    source->semaphores = builder_list(&semaphores);
    if (!device_form)
        report_error(source->diagnostics, source->kernel->base.span,
                     "internal error: kernel %s is not in device form after the split", source->kernel->name);
    return device_form;
}

static bool source_open(struct kernel_source *source, struct arena *arena, struct diagnostics *diagnostics,
                        const struct node *module, struct node *kernel) {
    const struct node_module *of = (const struct node_module *)module;
    *source = (struct kernel_source){.arena = arena,
                                     .diagnostics = diagnostics,
                                     .kernel = node_as(kernel, kernel),
                                     .file = of->source ? path_base(of->source) : "",
                                     .span_file = module->span.file};
    return find_parts(source);
}

/* Names take far more room than the rest of a source: they come last, in the arena of what is printed. */
static void source_name(struct kernel_source *source) {
    source->names = spelled_names(source->arena, source->diagnostics, &source->kernel->base);
}

static void take_accessors(struct arena *arena, struct emitted_kernel *emitted, size_t role,
                           struct node_list accessors) {
    const char **tensors = arena_allocate(arena, (accessors.count + 1) * sizeof *tensors);
    for (size_t i = 0; i < accessors.count; i++)
        tensors[i] = node_as(accessors.items[i], accessor)->name;
    emitted->accessors[role].count = accessors.count;
    emitted->accessors[role].tensors = tensors;
}

static bool print_target(const struct kernel_source *source, enum target target,
                         struct emitted_kernel *emitted) {
    bool fine = true;
    for (size_t role = 0; role < EMITTED_ROLES; role++) {
        struct printed_function printed;
        if (!source->functions[role])
            continue;
        fine = function_print(source, target, source->functions[role], &printed) && fine;
        emitted->functions[target][role] = (struct emitted_function){
            emitted_file_name(target, role), printed.text, printed.line_count, printed.lines};
        take_accessors(source->arena, emitted, role, printed.accessors);
    }
    return fine;
}

bool kernel_emit_target(struct arena *arena, struct diagnostics *diagnostics, const struct node *module,
                        struct node *kernel, enum target target, struct emitted_kernel *emitted) {
    struct kernel_source source;
    *emitted = (struct emitted_kernel){.name = node_as(kernel, kernel)->name, .kernel = kernel};
    if (!source_open(&source, arena, diagnostics, module, kernel))
        return false;
    source_name(&source);
    return print_target(&source, target, emitted);
}

/* All texts of the last of the kernels; those before it have what a host program needs of them. */
static bool emit_kernel(const struct kernel_source *const *sources, size_t count,
                        struct emitted_kernel *kernels) {
    const struct kernel_source *source = sources[count - 1];
    struct emitted_kernel *emitted = &kernels[count - 1];
    *emitted = (struct emitted_kernel){.name = source->kernel->name, .kernel = &source->kernel->base};
    bool fine = true;
    for (enum target target = 0; target < TARGET_COUNT; target++)
        fine = print_target(source, target, emitted) && fine;
    if (!fine)
        return false;
    emitted->plan = plan_print(source, emitted);
    emitted->host = host_print(source->arena, source->diagnostics, sources, kernels, count,
                               &source->kernel->base, "host.py", source->file);
    return emitted->plan && emitted->host;
}

/* What host programs of programs need of a kernel, once its texts are gone. */
static struct emitted_kernel without_texts(struct arena *arena, const struct emitted_kernel *emitted) {
    struct emitted_kernel rest = {.name = emitted->name, .kernel = emitted->kernel};
    for (size_t role = 0; role < EMITTED_ROLES; role++) {
        size_t count = emitted->accessors[role].count;
        rest.accessors[role].count = count;
        rest.accessors[role].tensors =
            arena_copy(arena, emitted->accessors[role].tensors, count * sizeof(const char *));
    }
    return rest;
}

/* Emits the last of the kernels; with take, in an arena of its own, of which nothing is kept. */
static bool emit_next(const struct kernel_source **sources, size_t count, emitted_take *take, void *context,
                      struct emitted_kernel *kernels) {
    const struct kernel_source *source = sources[count - 1];
    struct emitted_kernel *emitted = &kernels[count - 1];
    struct kernel_source own = *source;
    own.arena = take ? arena_create() : source->arena;
    source_name(&own);
    sources[count - 1] = &own;
    bool fine = emit_kernel(sources, count, kernels);
    sources[count - 1] = source;
    if (!take)
        return fine;
    fine = fine && take(emitted, context);
    *emitted = without_texts(source->arena, emitted);
    arena_free(own.arena);
    return fine;
}

static const char *host_file(struct arena *arena, const struct node_program *program, size_t programs) {
    return programs == 1 ? "host.py" : arena_printf(arena, "host_%s.py", program->name);
}

bool module_emit_each(struct arena *arena, struct diagnostics *diagnostics, const struct node *module,
                      emitted_take *take, void *context, struct emission *emission) {
    const struct node_module *of = (const struct node_module *)module;
    struct emitted_kernel *kernels = arena_allocate(arena, (of->items.count + 1) * sizeof *kernels);
    const struct kernel_source **sources = arena_allocate(arena, (of->items.count + 1) * sizeof *sources);
    struct emitted_host *hosts = arena_allocate(arena, (of->items.count + 1) * sizeof *hosts);
    size_t count = 0, programs = 0;
    for (size_t i = 0; i < of->items.count; i++) {
        struct node *item = of->items.items[i];
        programs += item->kind == NODE_PROGRAM;
        if (item->kind != NODE_KERNEL)
            continue;
        struct kernel_source *source = arena_allocate(arena, sizeof *source);
        sources[count++] = source;
        if (!source_open(source, arena, diagnostics, module, item) ||
            !emit_next(sources, count, take, context, kernels))
            return false;
    }
    *emission = (struct emission){.kernels = kernels, .kernel_count = take ? 0 : count, .hosts = hosts};
    for (size_t i = 0; i < of->items.count; i++) {
        struct node_program *program = node_as(of->items.items[i], program);
        if (!program)
            continue;
        struct emitted_host *host = &hosts[emission->host_count++];
        host->file = host_file(arena, program, programs);
        host->text = host_print(arena, diagnostics, sources, kernels, count, &program->base, host->file,
                                of->source ? path_base(of->source) : "");
        if (!host->text)
            return false;
    }
    return true;
}

bool module_emit(struct arena *arena, struct diagnostics *diagnostics, const struct node *module,
                 struct emission *emission) {
    return module_emit_each(arena, diagnostics, module, NULL, NULL, emission);
}
