/* A launch on the embedded device: tensors are placed, kernels emitted and run, results read back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "driver/launch_backend.h"
#include "driver/nearby.h"
#include "driver/placement.h"
#include "ir/attributes.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/tile_layout.h"

/* One launch on its way to the device. */
struct preparation {
    struct launcher *launcher;
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct node *kernel;
    struct node_list parameters;
    struct tensor_value **tensors; /* of the tensor parameters, in order */
    const struct environment *sizes;
    const struct emitted_kernel *emitted;
    struct device_launch launch;
    struct launch_statistics *statistics;
};

/* The value of a tensor parameter by name. */
static struct tensor_value *find_tensor(const struct preparation *p, const char *name) {
    for (size_t i = 0, tensor = 0; i < p->parameters.count; i++) {
        struct node_parameter *parameter = node_as(p->parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        if (strcmp(parameter->name, name) == 0) {
            return p->tensors[tensor];
        }
        tensor++;
    }
    return NULL;
}

/* Lanes of tiles beyond a tensor: NaN, or an integer that is as unlikely to be right. No kernel may rely on
 * them. */
static uint32_t padding_of(enum data_format format) {
    return format == FORMAT_BF16 ? 0x7fc0u : format == FORMAT_F32 ? 0x7fc00000u : 0xdeadbeefu;
}

/* A tensor that an earlier launch placed: this one must mean the same place. */
static bool check_place(struct preparation *p, struct node_parameter *parameter,
                        const struct tensor_value *value, const struct device_placement *wanted) {
    const struct device_placement *actual = device_tensor_placement(value->tensor);
    if (placement_equal(actual, wanted)) {
        return true;
    }
    report_error(p->diagnostics, parameter->base.span, "%s is %s, but %s of kernel %s is to be %s",
                 value->array.name, placement_text(p->arena, actual), parameter->name,
                 node_as(p->kernel, kernel)->name, placement_text(p->arena, wanted));
    report_note(p->diagnostics, value->placed_by->span, "it was placed for %s here",
                node_as(value->placed_by, parameter)->name);
    report_help(p->diagnostics, (struct span){0},
                "give both the same @layout: a tensor of a program keeps its place");
    return false;
}

/* Would the tensor have room in L1 at these sizes? */
struct room {
    const struct preparation *p;
    const struct node_parameter *parameter;
    enum data_format format;
};

static bool has_room(const struct environment *sizes, void *context) {
    const struct room *room = context;
    struct diagnostics *scratch = diagnostics_create(sizes->arena);
    struct device *device = room->p->launcher->device;
    struct device_placement placement;
    uint64_t extents[TENSOR_RANK_LIMIT];
    return parameter_extents(scratch, sizes, &room->parameter->base, extents) &&
           placement_find(scratch, sizes, room->parameter, extents, &placement) &&
           conditions_check(scratch, sizes, room->p->kernel) &&
           device_placement_bank_bytes(device, room->format,
                                       tensor_pages(room->parameter->dimensions.count, extents),
                                       &placement) <= device_l1_free(device);
}

static bool report_no_room(struct preparation *p, const struct node_parameter *parameter,
                           enum data_format format, uint64_t pages,
                           const struct device_placement *placement) {
    if (device_has_room(p->launcher->device, format, pages, placement)) {
        report_error(p->diagnostics, parameter->base.span,
                     "this machine has not enough memory for %s on the embedded device: %" PRIu64
                     " tiles of %u bytes",
                     parameter->name, pages, data_format_tile_bytes(format));
    } else if (placement->memory == DEVICE_L1) {
        report_error(p->diagnostics, parameter->base.span,
                     "L1 has no room for %s: it takes %" PRIu64 " bytes of each core, and %u are free",
                     parameter->name,
                     device_placement_bank_bytes(p->launcher->device, format, pages, placement),
                     device_l1_free(p->launcher->device));
        struct room room = {p, parameter, format};
        const char *others = sizes_nearby(p->arena, p->sizes, p->kernel, has_room, &room);
        report_help(p->diagnostics, (struct span){0}, "leave it in DRAM, which is the default%s%s",
                    *others ? "; it would have room with " : "", others);
    } else {
        report_error(p->diagnostics, parameter->base.span,
                     "the device's DRAM has no room for %s: %" PRIu64 " tiles of %u bytes", parameter->name,
                     pages, data_format_tile_bytes(format));
    }
    return false;
}

/* Gives the tensor its place, and its contents if it has some. */
static bool upload(struct preparation *p, struct node_parameter *parameter, struct tensor_value *value) {
    struct array *array = &value->array;
    struct device_placement placement;
    enum data_format format;
    if (!dtype_format(array->dtype, &format)) {
        report_error(p->diagnostics, parameter->base.span,
                     "%s: the embedded device has no tensors of type %s", parameter->name,
                     word_text(WORDS_dtype, array->dtype));
        return false;
    }
    if (!placement_find(p->diagnostics, p->sizes, parameter, array->extents, &placement)) {
        return false;
    }
    if (value->tensor) {
        return check_place(p, parameter, value, &placement);
    }
    uint64_t pages = tensor_pages(array->rank, array->extents);
    value->placed_by = &parameter->base;
    value->tensor = device_tensor_place(p->launcher->device, array->name, format, pages, &placement);
    if (!value->tensor) {
        return report_no_room(p, parameter, format, pages, &placement);
    }
    for (uint64_t page = 0; value->given && page < pages; page++) {
        unsigned char tile[TILE_ELEMENTS * sizeof(uint32_t)];
        tensor_tilize(format, array->rank, array->extents, array->rows, page, 1, tile, padding_of(format));
        device_tensor_write(value->tensor, page, 1, tile);
    }
    return true;
}

static bool upload_all(struct preparation *p) {
    for (size_t i = 0, tensor = 0; i < p->parameters.count; i++) {
        struct node_parameter *parameter = node_as(p->parameters.items[i], parameter);
        if (parameter->dimensions.count > 0 && !upload(p, parameter, p->tensors[tensor++])) {
            return false;
        }
    }
    return true;
}

/* Sizes that a page count depends on, with their values: "K = 4096, N = 64". */
struct mentioned_sizes {
    const struct preparation *p;
    const char *text;
};

static bool visit_size(struct node *node, void *context) {
    struct mentioned_sizes *mentioned = context;
    struct node_reference *reference = node_as(node, reference);
    int64_t value;
    if (reference && environment_get(mentioned->p->sizes, reference->name, &value)) {
        mentioned->text = arena_printf(mentioned->p->arena, "%s%s%s = %" PRId64, mentioned->text,
                                       *mentioned->text ? ", " : "", reference->name, value);
    }
    return node_each_child(node, visit_size, context);
}

static void report_tensors_in_l1(struct preparation *p) {
    for (size_t i = 0, tensor = 0; i < p->parameters.count; i++) {
        struct node_parameter *parameter = node_as(p->parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        const struct array *array = &p->tensors[tensor]->array;
        const struct device_placement *placement = device_tensor_placement(p->tensors[tensor++]->tensor);
        enum data_format format;
        if (placement->memory == DEVICE_L1 && dtype_format(array->dtype, &format)) {
            uint64_t pages = tensor_pages(array->rank, array->extents);
            report_note(p->diagnostics, parameter->base.span, "%s lies in L1: %" PRIu64 " bytes of each core",
                        parameter->name,
                        device_placement_bank_bytes(p->launcher->device, format, pages, placement));
        }
    }
}

/* Would the circular buffers fit what there is, at sizes that the kernel takes? */
struct fitting {
    const struct preparation *p;
    struct node_list buffers;
    uint64_t available;
};

static bool buffers_fit(const struct environment *sizes, void *context) {
    const struct fitting *fitting = context;
    struct diagnostics *scratch = diagnostics_create(sizes->arena);
    uint64_t total = 0;
    for (size_t i = 0; i < fitting->buffers.count; i++) {
        struct node_circular_buffer *buffer = node_as(fitting->buffers.items[i], circular_buffer);
        int64_t pages;
        if (!size_evaluate(scratch, sizes, buffer->pages, &pages) || pages < 0 || pages > UINT16_MAX) {
            return false;
        }
        total += (uint64_t)pages * fitting->p->launch.buffers[i].page_bytes;
    }
    return total <= fitting->available && conditions_check(scratch, sizes, fitting->p->kernel);
}

/* Every buffer whose pages follow from the sizes of the launch; the others in one sum. */
static void report_buffers(struct preparation *p, struct node_list buffers) {
    uint64_t rest = 0;
    for (size_t i = 0; i < buffers.count; i++) {
        struct node_circular_buffer *buffer = node_as(buffers.items[i], circular_buffer);
        const struct device_buffer *device = &p->launch.buffers[i];
        struct mentioned_sizes mentioned = {p, ""};
        uint64_t bytes = (uint64_t)device->pages * device->page_bytes;
        visit_size(buffer->pages, &mentioned);
        if (*mentioned.text) {
            report_note(p->diagnostics, buffer->base.span, "%s: %u tiles of %u bytes with %s", buffer->name,
                        device->pages, device->page_bytes, mentioned.text);
        } else {
            rest += bytes;
        }
    }
    if (rest) {
        report_note(p->diagnostics, (struct span){0}, "what does not depend on sizes: %" PRIu64 " bytes",
                    rest);
    }
}

static bool report_overrun(struct preparation *p, struct node_list buffers, uint64_t total) {
    const struct architecture *architecture = p->launcher->run->unit->options.architecture;
    struct fitting fitting = {p, buffers, device_l1_free(p->launcher->device)};
    bool shared = fitting.available < architecture->l1_buffer_bytes;
    report_error(p->diagnostics, p->kernel->span,
                 "kernel %s needs %" PRIu64
                 " bytes of L1 for its blocks at these sizes, and a core of %s has %" PRIu64 "%s",
                 node_as(p->kernel, kernel)->name, total, architecture->name, fitting.available,
                 shared ? " beside the tensors in L1" : "");
    report_buffers(p, buffers);
    report_tensors_in_l1(p);
    const char *others = sizes_nearby(p->arena, p->sizes, p->kernel, buffers_fit, &fitting);
    if (*others) {
        report_help(p->diagnostics, (struct span){0}, "it would fit with %s", others);
    }
    if (shared) {
        report_help(p->diagnostics, (struct span){0}, "leave some of the tensors in DRAM");
    }
    report_help(
        p->diagnostics, (struct span){0},
        "rows of any width are folded by a kernel that does no more, r[i] = sum(j in N: S[i, j]), of what another has stored; under a `grid` make the blocks smaller, `in ... by ...`");
    return false;
}

/* The statements of that kind at the top of the kernel. */
static struct node_list declarations(struct preparation *p, enum node_kind kind) {
    struct node_list statements = node_as(node_as(p->kernel, kernel)->body, block)->statements;
    struct list_builder found = {0};
    for (size_t i = 0; i < statements.count; i++) {
        if (statements.items[i]->kind == kind) {
            builder_add(p->arena, &found, statements.items[i]);
        }
    }
    return builder_list(&found);
}

static void prepare_semaphores(struct preparation *p) {
    struct node_list list = declarations(p, NODE_SEMAPHORE);
    struct device_semaphore *semaphores = arena_allocate(p->arena, (list.count + 1) * sizeof *semaphores);
    for (size_t i = 0; i < list.count; i++) {
        struct node_semaphore *semaphore = node_as(list.items[i], semaphore);
        semaphores[i] =
            (struct device_semaphore){.id = (uint32_t)semaphore->id,
                                      .name = semaphore->name,
                                      .initial = (uint32_t)attribute_integer(semaphore->initial, 0)};
    }
    p->launch.semaphores = semaphores;
    p->launch.semaphore_count = list.count;
}

static bool prepare_buffers(struct preparation *p) {
    struct node_list list = declarations(p, NODE_CIRCULAR_BUFFER);
    struct device_buffer *buffers = arena_allocate(p->arena, (list.count + 1) * sizeof *buffers);
    uint64_t total = 0;
    p->launch.buffers = buffers;
    p->launch.buffer_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        struct node_circular_buffer *buffer = node_as(list.items[i], circular_buffer);
        struct node *attributes = attribute_get(&buffer->base, KEY_TT_CB);
        enum data_format format;
        int64_t pages;
        if (!size_evaluate(p->diagnostics, p->sizes, buffer->pages, &pages)) {
            return false;
        }
        if (!dtype_format(buffer->dtype, &format) || pages < 0) {
            report_error(p->diagnostics, buffer->base.span, "circular buffer %s: %" PRId64 " pages of %s",
                         buffer->name, pages, word_text(WORDS_dtype, buffer->dtype));
            return false;
        }
        uint32_t page_bytes = data_format_tile_bytes(format);
        uint64_t bytes = pages > UINT32_MAX ? UINT32_MAX : (uint64_t)pages * page_bytes;
        total += bytes;
        buffers[i] = (struct device_buffer){
            .id = (uint32_t)buffer->id,
            .name = buffer->name,
            .format = format,
            .pages = pages > UINT32_MAX ? UINT32_MAX : (uint32_t)pages,
            .page_bytes = page_bytes,
            .unpack_to_dest =
                attributes && attribute_integer(dictionary_get(attributes, KEY_UNPACK_TO_DEST), 0) != 0};
    }
    p->statistics->l1_bytes = total;
    p->statistics->l1_tensor_bytes =
        p->launcher->run->unit->options.architecture->l1_buffer_bytes - device_l1_free(p->launcher->device);
    return total <= device_l1_free(p->launcher->device) || report_overrun(p, list, total);
}

/* The compile-time arguments of a kernel: what its accessors know of the tensors that are bound, as the host
 * program makes them. */
static void describe_tensors(struct preparation *p, struct device_kernel *kernel) {
    uint32_t *words =
        arena_allocate(p->arena, (kernel->accessor_count + 1) * DEVICE_FACTS_LIMIT * sizeof *words);
    kernel->compile_time_arguments = words;
    for (size_t i = 0; i < kernel->accessor_count; i++) {
        kernel->compile_time_argument_count +=
            device_tensor_facts(kernel->accessors[i], words + kernel->compile_time_argument_count);
    }
}

static void prepare_kernels(struct preparation *p) {
    static const enum device_role roles[EMITTED_ROLES] = {DEVICE_READER, DEVICE_COMPUTE, DEVICE_WRITER};
    for (size_t role = 0; role < EMITTED_ROLES; role++) {
        size_t count = p->emitted->accessors[role].count;
        const struct device_tensor **tensors = arena_allocate(p->arena, (count + 1) * sizeof *tensors);
        for (size_t i = 0; i < count; i++) {
            tensors[i] = find_tensor(p, p->emitted->accessors[role].tensors[i])->tensor;
        }
        const struct emitted_function *function = &p->emitted->functions[TARGET_C][role];
        p->launch.kernels[roles[role]] = (struct device_kernel){
            .name = function->file, .text = function->text, .accessors = tensors, .accessor_count = count};
        describe_tensors(p, &p->launch.kernels[roles[role]]);
    }
}

static struct launch_word *address_words(struct preparation *p, size_t *count) {
    struct launch_word *words = arena_allocate(p->arena, (p->parameters.count + 1) * sizeof *words);
    *count = 0;
    for (size_t i = 0; i < p->parameters.count; i++) {
        struct node_parameter *parameter = node_as(p->parameters.items[i], parameter);
        if (parameter->dimensions.count > 0) {
            words[(*count)++] = (struct launch_word){
                parameter->name, device_tensor_address(find_tensor(p, parameter->name)->tensor)};
        }
    }
    return words;
}

static bool prepare_cores(struct preparation *p, const struct scalar_list *scalars) {
    struct launch_word *words = arena_allocate(p->arena, (scalars->count + 1) * sizeof *words);
    for (size_t i = 0; i < scalars->count; i++) {
        words[i] = (struct launch_word){scalars->items[i].name, f32_bits(scalars->items[i].value)};
    }
    struct launch launch = {
        .kernel = p->kernel, .sizes = p->sizes, .scalars = words, .scalar_count = scalars->count};
    launch.addresses = address_words(p, &launch.address_count);
    const struct node_dictionary *list = launch_argument_list(p->kernel);
    if (!launch_prepare(p->diagnostics, &launch)) {
        return false;
    }
    size_t arguments = list ? list->entries.count : 0, count = (size_t)launch.grid_x * launch.grid_y;
    struct device_core *cores = arena_allocate(p->arena, (count + 1) * sizeof *cores);
    for (uint32_t core = 0; core < count; core++) {
        uint32_t *values = arena_allocate(p->arena, (arguments + 1) * sizeof *values);
        if (!launch_arguments(p->diagnostics, &launch, core, values)) {
            return false;
        }
        cores[core] = (struct device_core){core % launch.grid_x, core / launch.grid_x, values, arguments};
        p->statistics->cores += arguments > RUNTIME_COUNT && values[RUNTIME_COUNT] > 0;
    }
    p->launch.cores = cores;
    p->launch.core_count = count;
    p->statistics->blocks = launch.blocks;
    p->statistics->grid_x = launch.grid_x;
    p->statistics->grid_y = launch.grid_y;
    return true;
}

/* Where a line of an emitted kernel comes from, for the device's messages. */
static void locate(void *context, enum device_role role, uint32_t line, char *place, size_t size) {
    struct preparation *p = context;
    const struct emitted_function *function = &p->emitted->functions[TARGET_C][role];
    struct span span =
        line > 0 && line <= function->line_count ? function->lines[line - 1].nearest : (struct span){0};
    place[0] = 0;
    if (span.line && span.file < p->diagnostics->source_count) {
        snprintf(place, size, "%s:%u:%u", p->diagnostics->sources[span.file].path, span.line, span.column);
    }
}

/* One entry for each tensor: a program may give one to several parameters. */
static void count_tensors(struct preparation *p) {
    struct arena *lasting = p->launcher->run->unit->arena;
    struct tensor_statistics *entries = arena_allocate(lasting, (p->parameters.count + 1) * sizeof *entries);
    size_t count = 0;
    for (size_t i = 0, tensor = 0; i < p->parameters.count; i++) {
        struct node_parameter *parameter = node_as(p->parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        const struct tensor_value *value = p->tensors[tensor++];
        size_t entry = 0;
        while (entry < count && entries[entry].tensor != value->array.name) {
            entry++;
        }
        bool known = entry < count;
        entries[entry] = (struct tensor_statistics){
            .parameters = known ? arena_printf(lasting, "%s, %s", entries[entry].parameters, parameter->name)
                                : parameter->name,
            .tensor = value->array.name,
            .pages = device_tensor_pages(value->tensor)};
        count += !known;
    }
    p->statistics->tensors = entries;
    p->statistics->tensor_count = count;
}

static bool run_prepared(struct preparation *p) {
    struct device_fault fault = {0};
    if (device_run(p->launcher->device, &p->launch, &fault, &p->statistics->device)) {
        p->statistics->measured = true;
        count_tensors(p);
        return true;
    }
    report_device_fault(p->launcher, p->kernel, p->sizes, p->emitted, &fault);
    return false;
}

/* The text of the kernel, if no earlier launch made it. */
static bool emit(struct preparation *p, struct launchable *launchable) {
    struct unit *unit = p->launcher->run->unit;
    if (!launchable->arena) {
        launchable->arena = arena_create();
        if (!kernel_emit_target(launchable->arena, unit->diagnostics, unit->module, launchable->kernel,
                                TARGET_C, &launchable->emitted)) {
            p->launcher->run->fault = true;
            return false;
        }
    }
    p->emitted = &launchable->emitted;
    return true;
}

bool launch_on_device(struct launcher *launcher, struct launchable *launchable,
                      const struct environment *sizes, const struct scalar_list *scalars,
                      struct tensor_value **tensors, struct launch_statistics *statistics) {
    struct node *kernel = launchable->kernel;
    struct preparation p = {.launcher = launcher,
                            .arena = launcher->arena,
                            .diagnostics = launcher->run->unit->diagnostics,
                            .kernel = kernel,
                            .parameters = launch_parameters(kernel),
                            .tensors = tensors,
                            .sizes = sizes,
                            .statistics = statistics};
    struct node *compute = attribute_get(kernel, KEY_TT_COMPUTE);
    p.launch.fp32_dest_acc =
        compute && attribute_integer(dictionary_get(compute, KEY_FP32_DEST_ACC_EN), 0) != 0;
    p.launch.locate = locate;
    p.launch.locate_context = &p;
    if (!emit(&p, launchable) || !upload_all(&p) || !prepare_buffers(&p) || !prepare_cores(&p, scalars)) {
        return false;
    }
    prepare_semaphores(&p);
    prepare_kernels(&p);
    return run_prepared(&p);
}
