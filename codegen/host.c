/* host.py: the launch of every kernel as Python, tables of what they take, and behind them what all hosts
 * share (host_launch.py, host_command_line.py). */
#include "codegen/print.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/launch.h"
#include "support/text_buffer.h"

extern const char host_runtime[]; /* host_launch.py and host_command_line.py */

struct host {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct text_buffer out;
    bool failed;
    bool program; /* kernels lie in folders of their own */
};

/* ---- expressions ---- */

static const char *python(struct host *host, const struct spelled_names *names, struct node *node) {
    struct expression_context context = {.names = names, .language = LANGUAGE_PYTHON};
    const char *text = node ? spell_expression(&context, node) : NULL;
    host->failed = host->failed || !text;
    return text ? text : "";
}

static const char *python_name(const struct spelled_names *names, const char *name) {
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
                        python(host, names, operand->kind == NODE_REAL ? operand : node));
}

static const char *joined(struct arena *arena, const char *text, const char *item) {
    return arena_printf(arena, "%s%s%s", text, *text ? ", " : "", item);
}

/* ---- the sizes of a kernel or program ---- */

struct size_collection {
    struct arena *arena;
    struct node_list parameters;
    struct list_builder sizes;
};

static bool collect_size(struct node *node, void *context) {
    struct size_collection *collection = context;
    struct node_reference *reference = node_as(node, reference);
    bool known = !reference;
    for (size_t i = 0; reference && i < collection->parameters.count; i++)
        known =
            known || strcmp(node_as(collection->parameters.items[i], parameter)->name, reference->name) == 0;
    for (size_t i = 0; reference && i < collection->sizes.count; i++)
        known = known || strcmp(node_as(collection->sizes.items[i], reference)->name, reference->name) == 0;
    builder_add(collection->arena, &collection->sizes, known ? NULL : node);
    return node_each_child(node, collect_size, context);
}

static struct node_list conditions_of(struct node *entry) {
    return entry->kind == NODE_PROGRAM ? node_as(entry, program)->conditions
                                       : node_as(entry, kernel)->conditions;
}

/* In order of first mention in dimensions, then in conditions. */
static struct node_list sizes_of(struct arena *arena, struct node *entry) {
    struct size_collection collection = {.arena = arena, .parameters = launch_parameters(entry)};
    struct node_list conditions = conditions_of(entry);
    for (size_t i = 0; i < collection.parameters.count; i++) {
        struct node_list dimensions = node_as(collection.parameters.items[i], parameter)->dimensions;
        for (size_t j = 0; j < dimensions.count; j++)
            collect_size(dimensions.items[j], &collection);
    }
    for (size_t i = 0; i < conditions.count; i++)
        collect_size(conditions.items[i], &collection);
    return builder_list(&collection.sizes);
}

/* ---- the launch of a kernel ---- */

static int64_t number_of(const struct node *value, const char *key) {
    return attribute_integer(dictionary_get(value, key), 0);
}

/* Sizes and scalars: every name that an expression of a kernel's launch may mention. */
static struct node_list numbers_of(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters;
    struct list_builder numbers = {0};
    builder_add_all(host->arena, &numbers, sizes_of(host->arena, &source->kernel->base));
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!parameter->dimensions.count)
            builder_add(host->arena, &numbers, make_reference(host->arena, parameter->name));
    }
    return builder_list(&numbers);
}

static void print_head(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters, numbers = numbers_of(host, source);
    const char *all = "device";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count)
            all = joined(host->arena, all, python_name(&source->names, parameter->name));
    }
    for (size_t i = 0; i < numbers.count; i++)
        all = joined(host->arena, all, python(host, &source->names, numbers.items[i]));
    text_printf(&host->out, "\n\ndef launch_%s(%s):\n", source->kernel->name, all);
    text_printf(&host->out, "    \"\"\"Kernel %s: ttnn tensors, sizes in elements, scalars.\"\"\"\n",
                source->kernel->name);
}

/* Scalars become what their types hold, whoever calls: an argument is the bits of it. */
static void print_scalars(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const char *name = python_name(&source->names, parameter->name);
        if (!parameter->dimensions.count)
            text_printf(&host->out, "    %s = scalar_value(\"%s\", \"%s\", %s)\n", name, name,
                        word_text(WORDS_dtype, parameter->dtype), name);
    }
}

/* What proofs leave to the launch. */
static void print_checks(struct host *host, const struct kernel_source *source) {
    struct node_dictionary *checks = node_as(attribute_get(&source->kernel->base, KEY_TT_CHECKS), dictionary);
    struct node_list numbers = numbers_of(host, source);
    const char *values = "";
    for (size_t i = 0; i < numbers.count; i++) {
        const char *name = python(host, &source->names, numbers.items[i]);
        values = joined(host->arena, values, arena_printf(host->arena, "%s=%s", name, name));
    }
    for (size_t i = 0; checks && i < checks->entries.count; i++) {
        struct node_attribute *check = node_as(checks->entries.items[i], attribute);
        text_printf(&host->out, "    require(\"%s\", \"%s\", \"%s\", dict(%s))\n", source->kernel->name,
                    check->key, python(host, &source->names, check->value), values);
    }
}

static void print_arguments(struct host *host, const struct kernel_source *source) {
    const struct node_dictionary *list = launch_argument_list(&source->kernel->base);
    text_append(&host->out, "    def arguments(start, count, core_x, core_y):\n        return [\n");
    for (size_t i = 0; list && i < list->entries.count; i++) {
        struct node_attribute *entry = node_as(list->entries.items[i], attribute);
        text_printf(&host->out, "            %s,  # %s\n", python(host, &source->names, entry->value),
                    entry->key);
    }
    text_append(&host->out, "        ]\n\n");
}

static void print_buffers(struct host *host, const struct kernel_source *source) {
    text_append(&host->out, "    buffers = [  # number, format, bytes of a page, pages\n");
    for (size_t i = 0; i < source->buffers.count; i++) {
        struct node_circular_buffer *buffer = node_as(source->buffers.items[i], circular_buffer);
        struct node *cb = attribute_get(&buffer->base, KEY_TT_CB);
        text_printf(&host->out, "        (%lld, \"%s\", %lld, %s),  # %s\n", (long long)buffer->id,
                    attribute_word(dictionary_get(cb, KEY_DATA_FORMAT), ""),
                    (long long)number_of(cb, KEY_PAGE_SIZE), python(host, &source->names, buffer->pages),
                    buffer->name);
    }
    text_append(&host->out, "    ]\n");
}

/* The numbers and initial values of the semaphores. */
static const char *semaphores_text(struct host *host, const struct kernel_source *source) {
    const char *text = "";
    for (size_t i = 0; i < source->semaphores.count; i++) {
        struct node_semaphore *semaphore = node_as(source->semaphores.items[i], semaphore);
        text = joined(host->arena, text,
                      arena_printf(host->arena, "(%lld, %lld)", (long long)semaphore->id,
                                   (long long)attribute_integer(semaphore->initial, 0)));
    }
    return text;
}

static const char *blocks_text(struct host *host, const struct kernel_source *source) {
    struct node_sequence *blocks =
        node_as(attribute_get(&source->kernel->base, KEY_TT_GRID_BLOCKS), sequence);
    struct node *total = make_integer(host->arena, 1);
    for (size_t i = 0; blocks && i < blocks->items.count; i++)
        total = make_mul(host->arena, total, blocks->items.items[i]);
    return python(host, &source->names, total);
}

static const char *ranges_text(struct host *host, const struct kernel_source *source) {
    struct node_sequence *ranges =
        node_as(attribute_get(&source->kernel->base, KEY_TT_CORE_RANGES), sequence);
    const char *text = "";
    for (size_t i = 0; ranges && i < ranges->items.count; i++) {
        struct node_sequence *start = node_as(dictionary_get(ranges->items.items[i], KEY_START), sequence);
        struct node_sequence *extent = node_as(dictionary_get(ranges->items.items[i], KEY_EXTENT), sequence);
        if (start && extent && start->items.count == 2 && extent->items.count == 2)
            text = joined(host->arena, text,
                          arena_printf(host->arena, "(%lld, %lld, %lld, %lld)",
                                       (long long)attribute_integer(start->items.items[0], 0),
                                       (long long)attribute_integer(start->items.items[1], 0),
                                       (long long)attribute_integer(extent->items.items[0], 0),
                                       (long long)attribute_integer(extent->items.items[1], 0)));
    }
    host->failed = host->failed || !*text;
    return text;
}

static const char *tensors_text(struct host *host, const struct kernel_source *source, size_t count,
                                const char *const *names) {
    const char *text = "";
    for (size_t i = 0; i < count; i++)
        text = joined(host->arena, text, python_name(&source->names, names[i]));
    return text;
}

/* All tensors, what the kernel writes last. */
static const char *io_text(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters;
    const char *text = "";
    for (int written = 0; written < 2; written++)
        for (size_t i = 0; i < parameters.count; i++) {
            struct node_parameter *parameter = node_as(parameters.items[i], parameter);
            if (parameter->dimensions.count && (parameter->direction != DIRECTION_IN) == written)
                text = joined(host->arena, text, python_name(&source->names, parameter->name));
        }
    return text;
}

static const char *compute_text(struct host *host, const struct kernel_source *source) {
    struct node *compute = attribute_get(&source->kernel->base, KEY_TT_COMPUTE);
    const char *unpacked = "";
    if (!source->functions[1])
        return "None";
    for (size_t i = 0; i < source->buffers.count; i++) {
        struct node_circular_buffer *buffer = node_as(source->buffers.items[i], circular_buffer);
        if (number_of(attribute_get(&buffer->base, KEY_TT_CB), KEY_UNPACK_TO_DEST))
            unpacked =
                joined(host->arena, unpacked, arena_printf(host->arena, "%lld", (long long)buffer->id));
    }
    return arena_printf(
        host->arena, "compute_config(\"%s\", fp32_dest_acc_en=%s, dst_full_sync_en=%s, unpack_to_dest=[%s])",
        attribute_word(dictionary_get(compute, KEY_MATH_FIDELITY), "HiFi4"),
        number_of(compute, KEY_FP32_DEST_ACC_EN) ? "True" : "False",
        number_of(compute, KEY_DST_FULL_SYNC_EN) ? "True" : "False", unpacked);
}

static void print_accessors(struct host *host, const struct kernel_source *source,
                            const struct emitted_kernel *emitted, size_t role) {
    if (source->functions[role])
        text_printf(
            &host->out, "[%s],\n",
            tensors_text(host, source, emitted->accessors[role].count, emitted->accessors[role].tensors));
    else
        text_append(&host->out, "None,\n");
}

static void print_launch(struct host *host, const struct kernel_source *source,
                         const struct emitted_kernel *emitted) {
    print_head(host, source);
    print_scalars(host, source);
    print_checks(host, source);
    text_append(&host->out, "\n");
    print_arguments(host, source);
    print_buffers(host, source);
    text_append(&host->out, "    launch(\n        device,\n");
    text_printf(&host->out, "        folder=\"%s\",\n", host->program ? source->kernel->name : "");
    text_printf(&host->out, "        tensors=[%s],\n", io_text(host, source));
    text_printf(&host->out, "        ranges=[%s],  # x, y, width, height\n", ranges_text(host, source));
    text_printf(&host->out, "        blocks=%s,\n", blocks_text(host, source));
    text_append(&host->out, "        arguments=arguments,\n        buffers=buffers,\n");
    if (source->semaphores.count)
        text_printf(&host->out, "        semaphores=[%s],  # number, initial value\n",
                    semaphores_text(host, source));
    text_append(&host->out, "        reader=");
    print_accessors(host, source, emitted, 0);
    text_append(&host->out, "        writer=");
    print_accessors(host, source, emitted, 2);
    text_printf(&host->out, "        compute=%s,\n    )\n\n\n", compute_text(host, source));
}

/* ---- tables ---- */

/* The numbers of a list, one for each axis. */
static const char *list_text(struct host *host, const struct spelled_names *names, const struct node *value) {
    struct node_list items = value && value->kind == NODE_SEQUENCE
                                 ? ((const struct node_sequence *)value)->items
                                 : (struct node_list){0};
    const char *text = "";
    for (size_t i = 0; i < items.count; i++)
        text = joined(host->arena, text, quoted(host, names, items.items[i]));
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
    const char *cores =
        nd_shard && in_l1 ? arena_printf(host->arena, ", \"cores\": [%s]",
                                         list_text(host, names, dictionary_get(nd_shard, KEY_PROJECTED_GRID)))
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
            shape = joined(host->arena, shape, quoted(host, names, parameter->dimensions.items[j]));
        text_printf(
            &host->out,
            "        \"%s\": {\"direction\": \"%s\", \"dtype\": \"%s\", \"memory\": \"%s\", \"shape\": [%s]%s},\n",
            python_name(names, parameter->name), word_text(WORDS_direction, parameter->direction),
            word_text(WORDS_dtype, parameter->dtype),
            attribute_word(dictionary_get(buffer, KEY_MEMORY), "dram"), shape,
            shards_text(host, names, buffer));
    }
    text_append(&host->out, "    },\n    \"scalars\": {");
    const char *comma = "";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count)
            continue;
        text_printf(&host->out, "%s\"%s\": {\"dtype\": \"%s\", \"default\": %s}", comma,
                    python_name(names, parameter->name), word_text(WORDS_dtype, parameter->dtype),
                    parameter->value ? quoted(host, names, parameter->value) : "None");
        comma = ", ";
    }
    text_append(&host->out, "},\n");
}

/* The author's names of those that mean something else in Python: "class_": "class". */
static const char *author_text(struct host *host, const struct spelled_names *names, struct node *entry) {
    struct node_list parameters = launch_parameters(entry), sizes = sizes_of(host->arena, entry);
    const char *text = "";
    for (size_t i = 0; i < parameters.count + sizes.count; i++) {
        const char *name = i < parameters.count ? node_as(parameters.items[i], parameter)->name
                                                : node_as(sizes.items[i - parameters.count], reference)->name;
        const char *spelled = python_name(names, name);
        if (strcmp(spelled, name) != 0)
            text = joined(host->arena, text, arena_printf(host->arena, "\"%s\": \"%s\"", spelled, name));
    }
    return text;
}

static void print_entry(struct host *host, const struct spelled_names *names, struct node *entry,
                        const char *name) {
    struct node_list sizes = sizes_of(host->arena, entry), conditions = conditions_of(entry);
    const char *size_names = "", *condition_texts = "", *settled = "";
    for (size_t i = 0; i < sizes.count; i++)
        size_names = joined(host->arena, size_names,
                            arena_printf(host->arena, "\"%s\"",
                                         python_name(names, node_as(sizes.items[i], reference)->name)));
    for (size_t i = 0; i < conditions.count; i++) {
        const char *size = condition_settles(conditions.items[i]);
        condition_texts =
            joined(host->arena, condition_texts,
                   arena_printf(host->arena, "\"%s\"", python(host, names, conditions.items[i])));
        if (size)
            settled = joined(host->arena, settled,
                             arena_printf(host->arena, "(\"%s\", \"%s\")", python_name(names, size),
                                          python(host, names, node_as(conditions.items[i], binary)->right)));
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
    size_t count;
};

static const struct kernel_source *find_kernel(const struct step_printer *p, const char *name) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->kernels[i]->kernel->name, name) == 0)
            return p->kernels[i];
    return NULL;
}

static struct node *argument_at(struct node_list arguments, size_t at) {
    struct node *argument = at < arguments.count ? arguments.items[at] : NULL;
    struct node_attribute *named = argument ? node_as(argument, attribute) : NULL;
    return named ? named->value : argument;
}

/* What is printed of one kernel of a program: its names, and all that is allocated, in an arena of its own. */
struct visit {
    struct kernel_source source;
    struct arena *lasting; /* the arena of the host program */
};

static struct visit visit_begin(struct host *host, const struct kernel_source *source) {
    struct visit visit = {*source, host->arena};
    host->arena = visit.source.arena = arena_create();
    if (!source->names.arena)
        visit.source.names = spelled_names(host->arena, source->diagnostics, &source->kernel->base);
    return visit;
}

static void visit_end(struct host *host, const struct visit *visit) {
    arena_free(host->arena);
    host->arena = visit->lasting;
}

/* One launch, as an entry of steps. */
static void print_call(struct step_printer *p, struct node_launch *launch,
                       const struct kernel_source *callee) {
    struct host *host = p->host;
    size_t argument = 0, result = 0;
    const char *tensors = "", *scalars = "";
    for (size_t i = 0; i < callee->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(callee->kernel->parameters.items[i], parameter);
        const char *name = python_name(&callee->names, parameter->name);
        bool made = parameter->direction == DIRECTION_OUT;
        struct node *actual =
            made ? argument_at(launch->results, result++) : argument_at(launch->arguments, argument++);
        actual = actual ? actual : parameter->value;
        if (!actual) {
            report_error(host->diagnostics, launch->base.span,
                         "internal error: the launch of %s gives nothing for %s", launch->kernel, name);
            host->failed = true;
        } else if (parameter->dimensions.count) {
            tensors =
                joined(host->arena, tensors,
                       arena_printf(host->arena, "\"%s\": \"%s\"", name, python(host, p->names, actual)));
        } else {
            scalars = joined(host->arena, scalars,
                             arena_printf(host->arena, "\"%s\": %s", name, quoted(host, p->names, actual)));
        }
    }
    text_printf(&host->out, "        {\"kernel\": \"%s\", \"tensors\": {%s}, \"scalars\": {%s}},\n",
                launch->kernel, tensors, scalars);
}

static void print_step(struct step_printer *p, struct node_launch *launch) {
    const struct kernel_source *callee = find_kernel(p, launch->kernel);
    if (!callee) {
        report_error(p->host->diagnostics, launch->base.span, "internal error: the module has no kernel %s",
                     launch->kernel);
        p->host->failed = true;
        return;
    }
    struct visit visit = visit_begin(p->host, callee);
    print_call(p, launch, &visit.source);
    visit_end(p->host, &visit);
}

static bool visit_launch(struct node *node, void *context) {
    struct node_launch *launch = node_as(node, launch);
    if (launch)
        print_step(context, launch);
    return launch || node_each_child(node, visit_launch, context);
}

/* Is the kernel launched by the program? */
struct launch_search {
    const char *kernel;
    bool found;
};

static bool search_launch(struct node *node, void *context) {
    struct launch_search *search = context;
    struct node_launch *launch = node_as(node, launch);
    search->found = search->found || (launch && strcmp(launch->kernel, search->kernel) == 0);
    return node_each_child(node, search_launch, context);
}

static bool is_launched(struct node_program *program, const char *kernel) {
    struct launch_search search = {.kernel = kernel};
    search_launch(program->body, &search);
    return search.found;
}

/* A kernel by itself: one launch on its own parameters. */
static void print_own_step(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters;
    const char *tensors = "", *scalars = "";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const char *name = python_name(&source->names, parameter->name);
        const char *pair = arena_printf(host->arena, "\"%s\": \"%s\"", name, name);
        if (parameter->dimensions.count)
            tensors = joined(host->arena, tensors, pair);
        else
            scalars = joined(host->arena, scalars, pair);
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

static void print_kernel(struct host *host, const struct kernel_source *source,
                         const struct emitted_kernel *emitted) {
    struct visit visit = visit_begin(host, source);
    print_launch(host, &visit.source, emitted);
    print_kernel_table(host, &visit.source);
    visit_end(host, &visit);
}

const char *host_print(struct arena *arena, struct diagnostics *diagnostics,
                       const struct kernel_source *const *kernels, const struct emitted_kernel *emitted,
                       size_t count, const struct node *entry, const char *host_file, const char *file) {
    struct node *top = (struct node *)entry;
    struct node_program *program = node_as(top, program);
    struct host host = {.arena = arena, .diagnostics = diagnostics, .program = program != NULL};
    struct spelled_names names = program ? spelled_names(arena, diagnostics, entry) : kernels[0]->names;
    const char *name = program ? program->name : kernels[0]->kernel->name;
    print_preface(&host, top, name, host_file, file);
    for (size_t i = 0; i < count; i++) {
        if (program && !is_launched(program, kernels[i]->kernel->name))
            continue;
        print_kernel(&host, kernels[i], &emitted[i]);
    }
    text_append(&host.out, "ENTRY = {\n");
    if (program)
        print_entry(&host, &names, top, name);
    else
        text_printf(&host.out, "    **KERNELS[\"%s\"],\n", name);
    text_append(&host.out, "    \"steps\": [\n");
    struct step_printer steps = {&host, &names, kernels, count};
    if (program)
        visit_launch(program->body, &steps);
    else
        print_own_step(&host, kernels[0]);
    text_append(&host.out, "    ],\n}\n\n");
    text_append(&host.out, host_runtime);
    const char *text = host.failed ? NULL : arena_string(arena, text_string(&host.out));
    if (host.failed && !diagnostics->error_count)
        report_error(diagnostics, entry->span, "internal error: %s lacks what its host program needs", name);
    text_free(&host.out);
    return text;
}
