/* host.py: the launch of every kernel as Python (host_kernel.c), tables of what they take, and behind them what
 * all hosts share (host_launch.py, host_command_line.py). */
#include "codegen/host_internal.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/launch.h"
#include "ir/query.h"

extern const char host_runtime[]; /* host_launch.py and host_command_line.py */

/* ---- expressions ---- */

const char *host_expression(struct host *host, const struct spelled_names *names, struct node *node) {
    struct expression_context context = {.names = names, .language = LANGUAGE_PYTHON};
    const char *text = node ? spell_expression(&context, node) : NULL;
    host->failed = host->failed || !text;
    return text ? text : "";
}

const char *host_name(const struct spelled_names *names, const char *name) {
    return spelled_name(names, LANGUAGE_PYTHON, name);
}

/* A number as it is, any other expression in quotes: evaluated when its sizes are known. */
static const char *quoted(struct host *host, const struct spelled_names *names, struct node *node) {
    struct node_unary *unary = node_as(node, unary);
    struct node *operand = unary && unary->op == UNARY_NEGATE ? unary->operand : node;
    const char *sign = operand == node ? "" : "-";
    int64_t number;
    if (integer_value(operand, &number))
        return arena_printf(host->arena, "%s%lld", sign, (long long)number);
    return arena_printf(host->arena, operand->kind == NODE_REAL ? "%s%s" : "%s\"%s\"",
                        operand->kind == NODE_REAL ? sign : "",
                        host_expression(host, names, operand->kind == NODE_REAL ? operand : node));
}

const char *host_joined(struct arena *arena, const char *text, const char *item) {
    return arena_printf(arena, "%s%s%s", text, *text ? ", " : "", item);
}

/* ---- tables ---- */

/* The numbers of a list, one for each axis. */
static const char *list_text(struct host *host, const struct spelled_names *names, const struct node *value) {
    struct node_list items = value && value->kind == NODE_SEQUENCE
                                 ? ((const struct node_sequence *)value)->items
                                 : (struct node_list){0};
    const char *text = "";
    for (size_t i = 0; i < items.count; i++)
        text = host_joined(host->arena, text, quoted(host, names, items.items[i]));
    return text;
}

/* How the shards go to the banks: the words that the author gave, in the spelling of ttnn. */
static const char *order_text(struct host *host, const struct node *nd_shard) {
    static const struct {
        const char *key, *name;
    } rows[] = {{KEY_SHARD_ORIENTATION, "orientation"}, {KEY_SHARD_DISTRIBUTION, "distribution"}};
    const char *text = "";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *word = attribute_word(dictionary_get(nd_shard, rows[i].key), NULL);
        if (word)
            text = arena_printf(host->arena, "%s, \"%s\": \"%s\"", text, rows[i].name, word);
    }
    return text;
}

/* How a sharded tensor is cut, in L1 with the rows and columns of cores that hold its shards: nothing of
 * others. */
static const char *shards_text(struct host *host, const struct spelled_names *names,
                               const struct node *buffer) {
    struct node *nd_shard = dictionary_get(buffer, KEY_ND_SHARD);
    bool in_l1 = strcmp(attribute_word(dictionary_get(buffer, KEY_MEMORY), ""), "l1") == 0;
    struct node *in_turn = dictionary_get(nd_shard, KEY_SHARD_CORES);
    const char *cores =
        nd_shard && in_l1 ? arena_printf(host->arena, ", \"cores\": [%s]",
                                         list_text(host, names, in_turn ? in_turn : dictionary_get(nd_shard, KEY_PROJECTED_GRID)))
                          : "";
    return nd_shard ? arena_printf(host->arena, ", \"grid\": [%s], \"shard\": [%s]%s%s",
                                   list_text(host, names, dictionary_get(nd_shard, KEY_SHARD_GRID)),
                                   list_text(host, names, dictionary_get(nd_shard, KEY_SHARD_SHAPE)), cores,
                                   order_text(host, nd_shard))
                    : "";
}

static void print_tensors(struct host *host, const struct spelled_names *names, struct node_list parameters) {
    text_append(&host->out, "    \"tensors\": {\n");
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct node *buffer = attribute_get(&parameter->base, KEY_TT_BUFFER);
        const char *shape = "";
        if (!parameter->dimensions.count)
            continue;
        for (size_t j = 0; j < parameter->dimensions.count; j++)
            shape = host_joined(host->arena, shape, quoted(host, names, parameter->dimensions.items[j]));
        text_printf(
            &host->out,
            "        \"%s\": {\"direction\": \"%s\", \"dtype\": \"%s\", \"memory\": \"%s\"%s, \"shape\": [%s]%s},\n",
            host_name(names, parameter->name), word_text(WORDS_direction, parameter->direction),
            word_text(WORDS_dtype, parameter->dtype),
            attribute_word(dictionary_get(buffer, KEY_MEMORY), "dram"),
            is_row_major(parameter) ? ", \"format\": \"row_major\"" : "", shape,
            shards_text(host, names, buffer));
    }
    text_append(&host->out, "    },\n    \"scalars\": {");
    const char *comma = "";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count)
            continue;
        text_printf(&host->out, "%s\"%s\": {\"dtype\": \"%s\", \"default\": %s}", comma,
                    host_name(names, parameter->name), word_text(WORDS_dtype, parameter->dtype),
                    parameter->value ? quoted(host, names, parameter->value) : "None");
        comma = ", ";
    }
    text_append(&host->out, "},\n");
}

/* The author's names of those that mean something else in Python: "class_": "class". */
static const char *author_text(struct host *host, const struct spelled_names *names, struct node *entry) {
    struct node_list parameters = launch_parameters(entry), sizes = entry_sizes(host->arena, entry);
    const char *text = "";
    for (size_t i = 0; i < parameters.count + sizes.count; i++) {
        const char *name = i < parameters.count ? node_as(parameters.items[i], parameter)->name
                                                : node_as(sizes.items[i - parameters.count], reference)->name;
        const char *spelled = host_name(names, name);
        if (strcmp(spelled, name) != 0)
            text = host_joined(host->arena, text, arena_printf(host->arena, "\"%s\": \"%s\"", spelled, name));
    }
    return text;
}

static void print_entry(struct host *host, const struct spelled_names *names, struct node *entry,
                        const char *name) {
    struct node_list sizes = entry_sizes(host->arena, entry), conditions = launch_conditions(entry);
    const char *size_names = "", *condition_texts = "", *settled = "";
    for (size_t i = 0; i < sizes.count; i++)
        size_names = host_joined(
            host->arena, size_names,
            arena_printf(host->arena, "\"%s\"", host_name(names, node_as(sizes.items[i], reference)->name)));
    for (size_t i = 0; i < conditions.count; i++) {
        const char *size = condition_settles(conditions.items[i]);
        condition_texts = host_joined(
            host->arena, condition_texts,
            arena_printf(host->arena, "\"%s\"", host_expression(host, names, conditions.items[i])));
        if (size)
            settled = host_joined(
                host->arena, settled,
                arena_printf(host->arena, "(\"%s\", \"%s\")", host_name(names, size),
                             host_expression(host, names, node_as(conditions.items[i], binary)->right)));
    }
    text_printf(&host->out, "    \"name\": \"%s\",\n    \"author\": {%s},\n", name,
                author_text(host, names, entry));
    print_tensors(host, names, launch_parameters(entry));
    text_printf(&host->out, "    \"sizes\": [%s],\n    \"settled\": [%s],\n    \"conditions\": [%s],\n",
                size_names, settled, condition_texts);
}

static void print_kernel_table(struct host *host, const struct kernel_source *source) {
    text_printf(&host->out, "KERNELS[\"%s\"] = {\n", source->kernel->name);
    print_entry(host, &source->names, &source->kernel->base, source->kernel->name);
    text_printf(&host->out, "    \"launch\": launch_%s,\n}\n\n", source->kernel->name);
}

/* ---- steps ---- */

struct step_printer {
    struct host *host;
    const struct spelled_names *names; /* of the entry */
    const struct kernel_source *const *kernels;
    const char *const *const *parameters; /* of each kernel, as it spells them; NULL: it is not launched */
    size_t count;
};

/* The position of a kernel, the count of them where there is none. */
static size_t find_kernel(const struct step_printer *p, const char *name) {
    size_t i = 0;
    while (i < p->count && strcmp(p->kernels[i]->kernel->name, name) != 0)
        i++;
    return i;
}

static struct node *argument_at(struct node_list arguments, size_t at) {
    struct node *argument = at < arguments.count ? arguments.items[at] : NULL;
    struct node_attribute *named = argument ? node_as(argument, attribute) : NULL;
    return named ? named->value : argument;
}

/* One launch, as an entry of steps. */
static void print_call(struct step_printer *p, struct node_launch *launch, size_t callee) {
    struct host *host = p->host;
    struct node_list parameters = p->kernels[callee]->kernel->parameters;
    size_t argument = 0, result = 0;
    const char *tensors = "", *scalars = "";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const char *name = p->parameters[callee][i];
        bool made = parameter->direction == DIRECTION_OUT;
        struct node *actual =
            made ? argument_at(launch->results, result++) : argument_at(launch->arguments, argument++);
        actual = actual ? actual : parameter->value;
        if (!actual) {
            report_error(host->diagnostics, launch->base.span,
                         "internal error: the launch of %s gives nothing for %s", launch->kernel, name);
            host->failed = true;
        } else if (parameter->dimensions.count) {
            tensors = host_joined(
                host->arena, tensors,
                arena_printf(host->arena, "\"%s\": \"%s\"", name, host_expression(host, p->names, actual)));
        } else {
            scalars =
                host_joined(host->arena, scalars,
                            arena_printf(host->arena, "\"%s\": %s", name, quoted(host, p->names, actual)));
        }
    }
    text_printf(&host->out, "        {\"kernel\": \"%s\", \"tensors\": {%s}, \"scalars\": {%s}},\n",
                launch->kernel, tensors, scalars);
}

static void print_step(struct step_printer *p, struct node_launch *launch) {
    size_t callee = find_kernel(p, launch->kernel);
    if (callee < p->count) {
        print_call(p, launch, callee);
        return;
    }
    report_error(p->host->diagnostics, launch->base.span, "internal error: the module has no kernel %s",
                 launch->kernel);
    p->host->failed = true;
}

/* A kernel by itself: one launch on its own parameters. */
static void print_own_step(struct host *host, const struct kernel_source *source, const char *const *names) {
    struct node_list parameters = source->kernel->parameters;
    const char *tensors = "", *scalars = "";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const char *pair = arena_printf(host->arena, "\"%s\": \"%s\"", names[i], names[i]);
        if (parameter->dimensions.count)
            tensors = host_joined(host->arena, tensors, pair);
        else
            scalars = host_joined(host->arena, scalars, pair);
    }
    text_printf(&host->out, "        {\"kernel\": \"%s\", \"tensors\": {%s}, \"scalars\": {%s}},\n",
                source->kernel->name, tensors, scalars);
}

/* ---- the file ---- */

static void print_preface(struct host *host, struct node *entry, const char *name, const char *host_file,
                          const char *file) {
    struct node_list parameters = launch_parameters(entry);
    const char *flags = "";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count && parameter->direction != DIRECTION_OUT)
            flags = arena_printf(host->arena, "%s --in %s=%s.npy", flags, parameter->name, parameter->name);
        if (parameter->dimensions.count && parameter->direction != DIRECTION_IN)
            flags = arena_printf(host->arena, "%s --out %s=%s.npy", flags, parameter->name, parameter->name);
        if (!parameter->dimensions.count)
            flags = arena_printf(host->arena, parameter->value ? "%s [--set %s=VALUE]" : "%s --set %s=VALUE",
                                 flags, parameter->name);
    }
    text_printf(
        &host->out,
        "#!/usr/bin/env python3\n"
        "\"\"\"Runs %s %s%s%s on a Tenstorrent card by ttnn.generic_op.\n\n"
        "    python3 %s%s\n\n"
        "Made by tilec. Needs ttnn 0.81 and numpy. bf16 arrays have the type <V2, the two bytes of each value.\n"
        "\"\"\"\n\n"
        "import argparse\nimport difflib\nimport os\nimport re\nimport sys\n\nimport numpy as np\nimport ttnn\n\n"
        "HERE = os.path.dirname(os.path.abspath(__file__))\nKERNELS = {}\n",
        entry->kind == NODE_PROGRAM ? "program" : "kernel", name, *file ? " of " : "", file, host_file,
        flags);
}

/* What is printed of one kernel of a program, its names and all that is allocated, is in an arena of its
 * own. Returns the names of its parameters. */
static const char *const *print_kernel(struct host *host, const struct kernel_source *source,
                                       const struct emitted_kernel *emitted) {
    struct arena *lasting = host->arena;
    struct kernel_source own = *source;
    const char **parameters =
        arena_allocate(lasting, (source->kernel->parameters.count + 1) * sizeof *parameters);
    host->arena = own.arena = arena_create();
    if (!source->names.arena)
        own.names = spelled_names(own.arena, source->diagnostics, &source->kernel->base);
    host_print_launch(host, &own, emitted);
    print_kernel_table(host, &own);
    for (size_t i = 0; i < own.kernel->parameters.count; i++)
        parameters[i] = arena_string(
            lasting, host_name(&own.names, node_as(own.kernel->parameters.items[i], parameter)->name));
    arena_free(host->arena);
    host->arena = lasting;
    return parameters;
}

static bool is_version_of(const struct kernel_source *kernel, const char *name) {
    const char *version = attribute_word(attribute_get(&kernel->kernel->base, KEY_TT_WHEN_FULL), NULL);
    return version && strcmp(version, name) == 0;
}

/* Is the kernel the entry or launched by it, or launched in place of one that is? */
static bool is_used(const struct kernel_source *const *kernels, size_t count, struct node *entry,
                    const char *name) {
    struct node_program *program = node_as(entry, program);
    bool used = false;
    for (size_t i = 0; i < count && !used; i++) {
        const char *other = kernels[i]->kernel->name;
        used = (strcmp(other, name) == 0 || is_version_of(kernels[i], name)) &&
               (program ? launches_kernel(program->body, other) : &kernels[i]->kernel->base == entry);
    }
    return used;
}

const char *host_print(struct arena *arena, struct diagnostics *diagnostics,
                       const struct kernel_source *const *kernels, const struct emitted_kernel *emitted,
                       size_t count, const struct node *entry, const char *host_file, const char *file) {
    struct node *top = (struct node *)entry;
    struct node_program *program = node_as(top, program);
    struct host host = {.arena = arena, .diagnostics = diagnostics, .entry = entry};
    const struct kernel_source *own = kernels[count - 1];
    struct spelled_names names = program ? spelled_names(arena, diagnostics, entry) : own->names;
    const char *name = program ? program->name : own->kernel->name;
    print_preface(&host, top, name, host_file, file);
    const char *const **parameters = arena_allocate(arena, (count + 1) * sizeof *parameters);
    for (size_t i = 0; i < count; i++)
        if (is_used(kernels, count, top, kernels[i]->kernel->name))
            parameters[i] = print_kernel(&host, kernels[i], &emitted[i]);
    text_append(&host.out, "ENTRY = {\n");
    if (program)
        print_entry(&host, &names, top, name);
    else
        text_printf(&host.out, "    **KERNELS[\"%s\"],\n", name);
    text_append(&host.out, "    \"steps\": [\n");
    struct step_printer steps = {&host, &names, kernels, parameters, count};
    for_each (launch, launch, program ? program->body : NULL)
        print_step(&steps, launch);
    if (!program)
        print_own_step(&host, own, parameters[count - 1]);
    text_append(&host.out, "    ],\n}\n\n");
    text_append(&host.out, host_runtime);
    const char *text = host.failed ? NULL : arena_string(arena, text_string(&host.out));
    if (host.failed && !diagnostics->error_count)
        report_error(diagnostics, entry->span, "internal error: %s lacks what its host program needs", name);
    text_free(&host.out);
    return text;
}
