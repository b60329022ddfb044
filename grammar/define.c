/* -D NAME=VALUE: which names it fixes, and what is said of one that it fixes nowhere. */
#include <string.h>

#include "grammar/resolve.h"

static const struct span nowhere;

const struct define *defines_find(struct front *front, const char *name) {
    for (size_t i = 0; i < front->define_count; i++) {
        if (strcmp(front->defines[i].name, name) == 0) {
            front->define_used[i] = true;
            return &front->defines[i];
        }
    }
    return NULL;
}

/* What a name is searched among: the names that -D can fix, and the parameter of that name. */
struct search {
    struct front *front;
    const char *name;
    const char **names;
    size_t count, capacity;
    struct node_parameter *parameter; /* NULL: none has the name */
};

static void add_name(struct search *search, const char *name) {
    for (size_t i = 0; i < search->count; i++)
        if (strcmp(search->names[i], name) == 0)
            return;
    if (search->count == search->capacity) {
        search->capacity = 2 * search->capacity + 16;
        const char **names = arena_allocate(search->front->arena, search->capacity * sizeof *names);
        if (search->count)
            memcpy(names, search->names, search->count * sizeof *names);
        search->names = names;
    }
    search->names[search->count++] = name;
}

static void search_parameters(struct search *search, struct node_list parameters) {
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        for (size_t j = 0; j < parameter->dimensions.count; j++)
            for_each (reference, size, parameter->dimensions.items[j])
                add_name(search, size->name);
        if (!parameter->dimensions.count && parameter->dtype == DTYPE_INDEX)
            add_name(search, parameter->name);
        if (!search->parameter && strcmp(parameter->name, search->name) == 0)
            search->parameter = parameter;
    }
}

/* "M, N" */
static const char *names_text(struct arena *arena, const struct search *search) {
    const char *text = "";
    for (size_t i = 0; i < search->count; i++)
        text = arena_printf(arena, "%s%s%s", text, i ? ", " : "", search->names[i]);
    return text;
}

/* A parameter has the name, and is none that -D fixes. */
static void report_parameter(struct search *search) {
    struct diagnostics *diagnostics = search->front->diagnostics;
    const struct node_parameter *parameter = search->parameter;
    bool tensor = parameter->dimensions.count > 0;
    if (!tensor && parameter->dtype == DTYPE_INDEX) {
        report_error(diagnostics, parameter->base.span,
                     "-D %s fixes nothing: every launch of the program gives %s", parameter->name,
                     parameter->name);
        return;
    }
    report_error(diagnostics, parameter->base.span,
                 "-D fixes sizes and parameters of type index, and %s is %s%s", parameter->name,
                 tensor ? "a tensor of " : "", word_text(WORDS_dtype, parameter->dtype));
    if (!tensor)
        report_help(diagnostics, nowhere, "its value is given when it runs: --set %s=VALUE", parameter->name);
    else if (search->count)
        report_help(diagnostics, nowhere, "there is %s", names_text(search->front->arena, search));
}

static void report_unused(struct front *front, const char *name) {
    struct search search = {.front = front, .name = name};
    for (struct item *item = front->items; item; item = item->next) {
        struct node_kernel *kernel = node_as(item->tree, kernel);
        struct node_program *program = node_as(item->tree, program);
        if (kernel || program)
            search_parameters(&search, kernel ? kernel->parameters : program->parameters);
    }
    if (search.parameter) {
        report_parameter(&search);
        return;
    }
    report_error(front->diagnostics, nowhere,
                 "-D %s: there is no size or parameter of type index of this name", name);
    const char *nearest = suggest_nearest(name, search.names, search.count);
    if (nearest)
        report_help(front->diagnostics, nowhere, "did you mean %s?", nearest);
    if (search.count)
        report_help(front->diagnostics, nowhere, "there is %s", names_text(front->arena, &search));
}

static bool given_before(const struct front *front, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(front->defines[i].name, front->defines[index].name) == 0)
            return true;
    return false;
}

void defines_check(struct front *front) {
    for (size_t i = 0; i < front->define_count; i++) {
        if (given_before(front, i))
            report_error(front->diagnostics, nowhere, "-D %s was given twice", front->defines[i].name);
        else if (!front->define_used[i])
            report_unused(front, front->defines[i].name);
    }
}
