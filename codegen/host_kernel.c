/* The launch of a kernel as a function of host.py, launch_NAME: scalars, checks, arguments, buffers, and the call
 * that host_launch.py makes of them. */
#include "codegen/host_internal.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/l1.h"
#include "ir/launch.h"
#include "ir/query.h"

static int64_t number_of(const struct node *value, const char *key) {
    return attribute_integer(dictionary_get(value, key), 0);
}

/* Sizes and scalars: every name that an expression of a kernel's launch may mention. */
static struct node_list numbers_of(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters;
    struct list_builder numbers = {0};
    builder_add_all(host->arena, &numbers, entry_sizes(host->arena, &source->kernel->base));
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!parameter->dimensions.count)
            builder_add(host->arena, &numbers, make_reference(host->arena, parameter->name));
    }
    return builder_list(&numbers);
}

/* What the launch function takes: the device, tensors, sizes and scalars. */
static const char *taken_text(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters, numbers = numbers_of(host, source);
    const char *all = "device";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count)
            all = host_joined(host->arena, all, host_name(&source->names, parameter->name));
    }
    for (size_t i = 0; i < numbers.count; i++)
        all = host_joined(host->arena, all, host_expression(host, &source->names, numbers.items[i]));
    return all;
}

static void print_head(struct host *host, const struct kernel_source *source) {
    text_printf(&host->out, "\n\ndef launch_%s(%s):\n", source->kernel->name, taken_text(host, source));
    text_printf(&host->out, "    \"\"\"Kernel %s: ttnn tensors, sizes in elements, scalars.\"\"\"\n",
                source->kernel->name);
}

/* Scalars become what their types hold, whoever calls: an argument is the bits of it. */
static void print_scalars(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const char *name = host_name(&source->names, parameter->name);
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
        const char *name = host_expression(host, &source->names, numbers.items[i]);
        values = host_joined(host->arena, values, arena_printf(host->arena, "%s=%s", name, name));
    }
    for (size_t i = 0; checks && i < checks->entries.count; i++) {
        struct node_attribute *check = node_as(checks->entries.items[i], attribute);
        text_printf(&host->out, "    require(\"%s\", \"%s\", \"%s\", dict(%s))\n", source->kernel->name,
                    check->key, host_expression(host, &source->names, check->value), values);
    }
}

static void print_arguments(struct host *host, const struct kernel_source *source) {
    const struct node_dictionary *list = launch_argument_list(&source->kernel->base);
    text_append(&host->out, "    def arguments(start, count, core_x, core_y):\n        return [\n");
    for (size_t i = 0; list && i < list->entries.count; i++) {
        struct node_attribute *entry = node_as(list->entries.items[i], attribute);
        text_printf(&host->out, "            %s,  # %s\n",
                    host_expression(host, &source->names, entry->value), entry->key);
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
                    (long long)page_size_of(&buffer->base),
                    host_expression(host, &source->names, buffer->pages), buffer->name);
    }
    text_printf(&host->out, "    ]\n    l1 = %s  # bytes of a core for them\n",
                host_expression(host, &source->names, buffers_l1_bytes(host->arena, &source->kernel->base)));
}

/* The numbers and initial values of the semaphores. */
static const char *semaphores_text(struct host *host, const struct kernel_source *source) {
    const char *text = "";
    for (size_t i = 0; i < source->semaphores.count; i++) {
        struct node_semaphore *semaphore = node_as(source->semaphores.items[i], semaphore);
        text = host_joined(host->arena, text,
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
    return host_expression(host, &source->names, total);
}

static const char *ranges_text(struct host *host, const struct kernel_source *source) {
    struct node_sequence *ranges =
        node_as(attribute_get(&source->kernel->base, KEY_TT_CORE_RANGES), sequence);
    const char *text = "";
    for (size_t i = 0; ranges && i < ranges->items.count; i++) {
        struct node_sequence *start = node_as(dictionary_get(ranges->items.items[i], KEY_START), sequence);
        struct node_sequence *extent = node_as(dictionary_get(ranges->items.items[i], KEY_EXTENT), sequence);
        if (start && extent && start->items.count == 2 && extent->items.count == 2)
            text = host_joined(host->arena, text,
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
        text = host_joined(host->arena, text, host_name(&source->names, names[i]));
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
                text = host_joined(host->arena, text, host_name(&source->names, parameter->name));
        }
    return text;
}

/* Those whose pages are rows. */
static const char *rows_text(struct host *host, const struct kernel_source *source) {
    struct node_list parameters = source->kernel->parameters;
    const char *text = "";
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (is_row_major(parameter))
            text = host_joined(host->arena, text, host_name(&source->names, parameter->name));
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
                host_joined(host->arena, unpacked, arena_printf(host->arena, "%lld", (long long)buffer->id));
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

/* The kernel that is launched in place of this one where its buffers have no room. */
static void print_version(struct host *host, const struct kernel_source *source) {
    const char *version = attribute_word(attribute_get(&source->kernel->base, KEY_TT_WHEN_FULL), NULL);
    if (version)
        text_printf(&host->out, "    if l1 > l1_room(device):\n        return launch_%s(%s)\n", version,
                    taken_text(host, source));
}

/* The folder of the kernel's files, as seen from that of the host program. */
static const char *folder_text(struct host *host, const struct kernel_source *source) {
    const char *name = source->kernel->name;
    return host->entry->kind == NODE_PROGRAM      ? name
           : host->entry == &source->kernel->base ? ""
                                                  : arena_printf(host->arena, "../%s", name);
}

void host_print_launch(struct host *host, const struct kernel_source *source,
                       const struct emitted_kernel *emitted) {
    print_head(host, source);
    print_scalars(host, source);
    print_checks(host, source);
    text_append(&host->out, "\n");
    print_arguments(host, source);
    print_buffers(host, source);
    print_version(host, source);
    text_append(&host->out, "    launch(\n        device,\n");
    text_printf(&host->out, "        folder=\"%s\",\n", folder_text(host, source));
    text_printf(&host->out, "        tensors=[%s],\n", io_text(host, source));
    text_printf(&host->out, "        ranges=[%s],  # x, y, width, height\n", ranges_text(host, source));
    text_printf(&host->out, "        blocks=%s,\n", blocks_text(host, source));
    text_append(&host->out, "        arguments=arguments,\n        buffers=buffers,\n        l1=l1,\n");
    if (source->semaphores.count)
        text_printf(&host->out, "        semaphores=[%s],  # number, initial value\n",
                    semaphores_text(host, source));
    const char *rows = rows_text(host, source);
    if (*rows)
        text_printf(&host->out, "        rows=[%s],  # tensors whose pages are rows\n", rows);
    text_append(&host->out, "        reader=");
    print_accessors(host, source, emitted, 0);
    text_append(&host->out, "        writer=");
    print_accessors(host, source, emitted, 2);
    text_printf(&host->out, "        compute=%s,\n    )\n\n\n", compute_text(host, source));
}
