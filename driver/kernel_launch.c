/* A launch of a kernel on the embedded device, step by step: tensors, buffers, cores, kernels. */
#include "driver/kernel_launch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "driver/placement.h"
#include "ir/attributes.h"
#include "ir/l1.h"
#include "ir/query.h"
#include "support/arena.h"
#include "support/tile_layout.h"

/* ---- tensors ---- */

/* Lanes of tiles beyond a tensor: NaN, or an integer that is as unlikely to be right. No kernel may rely on
 * them. */
static uint32_t padding_of(enum data_format format) {
    return format == FORMAT_BF16 ? 0x7fc0u : format == FORMAT_F32 ? 0x7fc00000u : 0xdeadbeefu;
}

uint64_t array_pages(const struct array *array, const struct device_placement *placement) {
    uint64_t rows = 1;
    if (!placement->row_bytes)
        return tensor_pages(array->rank, array->extents);
    for (size_t i = 0; i + 1 < array->rank; i++)
        rows *= array->extents[i];
    return rows;
}

/* Bytes of a row that hold elements: an empty one takes room as well. */
static size_t valid_bytes(const struct array *array, const struct device_placement *placement) {
    return array->extents[array->rank - 1] ? placement->row_bytes : 0;
}

/* The array's elements to the pages of its tensor, one by one. */
static void fill_pages(struct tensor_value *value, enum data_format format) {
    const struct array *array = &value->array;
    const struct device_placement *placement = device_tensor_placement(value->tensor);
    uint64_t pages = array_pages(array, placement);
    size_t valid = valid_bytes(array, placement), bytes = device_tensor_page_bytes(value->tensor);
    unsigned char *page = arena_allocate(value->arena, bytes);
    memset(page, 0xff, bytes); /* a row's rest is NaN, or as unlikely an integer */
    for (uint64_t i = 0; i < pages; i++) {
        if (placement->row_bytes)
            memcpy(page, (const unsigned char *)array->rows + i * valid, valid);
        else
            tensor_tilize(format, array->rank, array->extents, array->rows, i, 1, page, padding_of(format));
        device_tensor_write(value->tensor, i, 1, page);
    }
}

/* A tensor that an earlier launch placed: this one must mean the same place. */
static enum tensor_place check_place(struct kernel_launch *l, struct node_parameter *parameter,
                                     const struct tensor_value *value,
                                     const struct device_placement *wanted) {
    const struct device_placement *actual = device_tensor_placement(value->tensor);
    if (placement_equal(actual, wanted))
        return TENSOR_PLACED;
    report_error(l->diagnostics, parameter->base.span, "%s is %s, but %s of kernel %s is to be %s",
                 value->array.name, placement_text(l->arena, actual), parameter->name,
                 node_as(l->kernel, kernel)->name, placement_text(l->arena, wanted));
    report_note(l->diagnostics, value->placed_by->span, "it was placed for %s here",
                node_as(value->placed_by, parameter)->name);
    report_help(l->diagnostics, (struct span){0},
                "give both the same @layout: a tensor of a program keeps its place");
    return TENSOR_REFUSED;
}

enum tensor_place kernel_launch_place(struct kernel_launch *l, struct node_parameter *parameter,
                                      struct tensor_value *value, struct device_placement *placement) {
    struct array *array = &value->array;
    enum data_format format;
    if (!dtype_format(array->dtype, &format)) {
        report_error(l->diagnostics, parameter->base.span,
                     "%s: the embedded device has no tensors of type %s", parameter->name,
                     word_text(WORDS_dtype, array->dtype));
        return TENSOR_REFUSED;
    }
    if (!placement_find(l->diagnostics, l->sizes, parameter, array->extents, placement))
        return TENSOR_REFUSED;
    if (value->tensor)
        return check_place(l, parameter, value, placement);
    uint64_t pages = array_pages(array, placement);
    value->placed_by = &parameter->base;
    value->tensor = device_tensor_place(l->device, array->name, format, pages, placement);
    if (!value->tensor)
        return TENSOR_WITHOUT_ROOM;
    if (value->given)
        fill_pages(value, format);
    return TENSOR_PLACED;
}

void tensor_value_fetch(struct tensor_value *value) {
    struct array *array = &value->array;
    enum data_format format = FORMAT_F32;
    dtype_format(array->dtype, &format);
    const struct device_placement *placement = device_tensor_placement(value->tensor);
    uint64_t pages = array_pages(array, placement);
    size_t valid = valid_bytes(array, placement);
    array_make_writable(value->arena, array);
    unsigned char *page = arena_allocate(value->arena, device_tensor_page_bytes(value->tensor));
    for (uint64_t i = 0; i < pages; i++) {
        device_tensor_read(value->tensor, i, 1, page);
        if (placement->row_bytes)
            memcpy((unsigned char *)array->rows + i * valid, page, valid);
        else
            tensor_untilize(format, array->rank, array->extents, page, i, 1, array->rows);
    }
}

/* The tensor of a parameter by its name. */
static const struct tensor_value *find_tensor(const struct kernel_launch *l, const char *name) {
    struct node_list tensors = launch_tensors(l->arena, l->kernel);
    size_t i = 0;
    while (strcmp(node_as(tensors.items[i], parameter)->name, name) != 0)
        i++;
    return l->tensors[i];
}

/* ---- declarations ---- */

/* The statements of that kind at the top of the kernel. */
static struct node_list declarations(struct kernel_launch *l, enum node_kind kind) {
    struct node_list statements = node_as(node_as(l->kernel, kernel)->body, block)->statements;
    struct list_builder found = {0};
    for (size_t i = 0; i < statements.count; i++)
        if (statements.items[i]->kind == kind)
            builder_add(l->arena, &found, statements.items[i]);
    return builder_list(&found);
}

bool kernel_launch_buffers(struct kernel_launch *l) {
    struct node_list list = l->buffers = declarations(l, NODE_CIRCULAR_BUFFER);
    struct device_buffer *buffers = arena_allocate(l->arena, (list.count + 1) * sizeof *buffers);
    l->launch.buffers = buffers;
    l->launch.buffer_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        struct node_circular_buffer *buffer = node_as(list.items[i], circular_buffer);
        struct node *attributes = attribute_get(&buffer->base, KEY_TT_CB);
        enum data_format format;
        int64_t pages, bytes = page_size_of(&buffer->base);
        if (!size_evaluate(l->diagnostics, l->sizes, buffer->pages, &pages))
            return false;
        if (!dtype_format(buffer->dtype, &format) || pages < 0) {
            report_error(l->diagnostics, buffer->base.span, "circular buffer %s: %" PRId64 " pages of %s",
                         buffer->name, pages, word_text(WORDS_dtype, buffer->dtype));
            return false;
        }
        buffers[i] = (struct device_buffer){
            .id = (uint32_t)buffer->id,
            .name = buffer->name,
            .format = format,
            .pages = pages > UINT32_MAX ? UINT32_MAX : (uint32_t)pages,
            .page_bytes = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes,
            .unpack_to_dest =
                attributes && attribute_integer(dictionary_get(attributes, KEY_UNPACK_TO_DEST), 0) != 0};
    }
    int64_t total;
    if (!size_evaluate(l->diagnostics, l->sizes, buffers_l1_bytes(l->arena, l->kernel), &total))
        return false;
    l->l1_bytes = (uint64_t)total;
    return true;
}

static void prepare_semaphores(struct kernel_launch *l) {
    struct node_list list = declarations(l, NODE_SEMAPHORE);
    struct device_semaphore *semaphores = arena_allocate(l->arena, (list.count + 1) * sizeof *semaphores);
    for (size_t i = 0; i < list.count; i++) {
        struct node_semaphore *semaphore = node_as(list.items[i], semaphore);
        semaphores[i] =
            (struct device_semaphore){.id = (uint32_t)semaphore->id,
                                      .name = semaphore->name,
                                      .initial = (uint32_t)attribute_integer(semaphore->initial, 0)};
    }
    l->launch.semaphores = semaphores;
    l->launch.semaphore_count = list.count;
}

/* ---- cores ---- */

static struct launch_word *address_words(struct kernel_launch *l, size_t *count) {
    struct node_list tensors = launch_tensors(l->arena, l->kernel);
    struct launch_word *words = arena_allocate(l->arena, (tensors.count + 1) * sizeof *words);
    for (size_t i = 0; i < tensors.count; i++)
        words[i] = (struct launch_word){node_as(tensors.items[i], parameter)->name,
                                        device_tensor_address(l->tensors[i]->tensor)};
    *count = tensors.count;
    return words;
}

bool kernel_launch_cores(struct kernel_launch *l) {
    const struct scalar_list *scalars = l->scalars;
    struct launch_word *words = arena_allocate(l->arena, (scalars->count + 1) * sizeof *words);
    for (size_t i = 0; i < scalars->count; i++)
        words[i] = (struct launch_word){scalars->items[i].name, f32_bits(scalars->items[i].value)};
    struct launch launch = {
        .kernel = l->kernel, .sizes = l->sizes, .scalars = words, .scalar_count = scalars->count};
    launch.addresses = address_words(l, &launch.address_count);
    const struct node_dictionary *list = launch_argument_list(l->kernel);
    if (!launch_prepare(l->diagnostics, &launch))
        return false;
    size_t arguments = list ? list->entries.count : 0, count = (size_t)launch.grid_x * launch.grid_y;
    struct device_core *cores = arena_allocate(l->arena, (count + 1) * sizeof *cores);
    for (uint32_t core = 0; core < count; core++) {
        uint32_t *values = arena_allocate(l->arena, (arguments + 1) * sizeof *values);
        if (!launch_arguments(l->diagnostics, &launch, core, values))
            return false;
        cores[core] = (struct device_core){core % launch.grid_x, core / launch.grid_x, values, arguments};
    }
    l->launch.cores = cores;
    l->launch.core_count = count;
    l->blocks = launch.blocks;
    l->grid_x = launch.grid_x;
    l->grid_y = launch.grid_y;
    return true;
}

/* ---- kernels ---- */

/* The compile-time arguments of a kernel: what its accessors know of the tensors that are bound, as the host
 * program makes them. */
static void describe_tensors(struct kernel_launch *l, struct device_kernel *kernel) {
    uint32_t *words =
        arena_allocate(l->arena, (kernel->accessor_count + 1) * DEVICE_FACTS_LIMIT * sizeof *words);
    kernel->compile_time_arguments = words;
    for (size_t i = 0; i < kernel->accessor_count; i++)
        kernel->compile_time_argument_count +=
            device_tensor_facts(kernel->accessors[i], words + kernel->compile_time_argument_count);
}

struct span kernel_launch_span(const struct kernel_launch *l, enum device_role role, uint32_t line) {
    const struct emitted_function *function = &l->emitted->functions[TARGET_C][role];
    return line > 0 && line <= function->line_count ? function->lines[line - 1].nearest : (struct span){0};
}

/* Where a line of an emitted kernel comes from, for the device's messages. */
static void locate(void *context, enum device_role role, uint32_t line, char *place, size_t size) {
    const struct kernel_launch *l = context;
    struct span span = kernel_launch_span(l, role, line);
    place[0] = 0;
    if (span.line && span.file < l->diagnostics->source_count)
        snprintf(place, size, "%s:%u:%u", l->diagnostics->sources[span.file].path, span.line, span.column);
}

/* Every page of an `out` is written, once; of an `inout` none twice. */
static void prepare_results(struct kernel_launch *l) {
    struct node_list tensors = launch_tensors(l->arena, l->kernel);
    struct device_result *results = arena_allocate(l->arena, (tensors.count + 1) * sizeof *results);
    size_t count = 0;
    for (size_t i = 0; i < tensors.count; i++) {
        enum direction direction = node_as(tensors.items[i], parameter)->direction;
        if (direction != DIRECTION_IN)
            results[count++] = (struct device_result){l->tensors[i]->tensor, direction == DIRECTION_OUT};
    }
    l->launch.results = results;
    l->launch.result_count = count;
}

void kernel_launch_settle(struct kernel_launch *l) {
    static const enum device_role roles[EMITTED_ROLES] = {DEVICE_READER, DEVICE_COMPUTE, DEVICE_WRITER};
    struct node *compute = attribute_get(l->kernel, KEY_TT_COMPUTE);
    prepare_semaphores(l);
    prepare_results(l);
    for (size_t role = 0; role < EMITTED_ROLES; role++) {
        size_t count = l->emitted->accessors[role].count;
        const struct device_tensor **tensors = arena_allocate(l->arena, (count + 1) * sizeof *tensors);
        for (size_t i = 0; i < count; i++)
            tensors[i] = find_tensor(l, l->emitted->accessors[role].tensors[i])->tensor;
        const struct emitted_function *function = &l->emitted->functions[TARGET_C][role];
        struct device_kernel *kernel = &l->launch.kernels[roles[role]];
        *kernel = (struct device_kernel){
            .name = function->file, .text = function->text, .accessors = tensors, .accessor_count = count};
        describe_tensors(l, kernel);
    }
    l->launch.fp32_dest_acc =
        compute && attribute_integer(dictionary_get(compute, KEY_FP32_DEST_ACC_EN), 0) != 0;
    l->launch.device_form = true;
    l->launch.locate = locate;
    l->launch.locate_context = l;
}

struct tensor_value *tensor_value_create(struct arena *arena, struct diagnostics *diagnostics,
                                         const struct environment *sizes, struct node_parameter *parameter) {
    struct tensor_value *value = arena_allocate(arena, sizeof *value);
    *value = (struct tensor_value){
        .array = {.name = parameter->name, .dtype = parameter->dtype, .rank = parameter->dimensions.count},
        .arena = arena};
    return parameter_extents(diagnostics, sizes, &parameter->base, value->array.extents) ? value : NULL;
}

bool has_results(struct node_list parameters, struct tensor_value *const *tensors) {
    for (size_t i = 0; i < parameters.count; i++)
        if (node_as(parameters.items[i], parameter)->direction != DIRECTION_IN &&
            array_count(&tensors[i]->array) > 0)
            return true;
    return false;
}

/* ---- stages ---- */

bool kernel_stage_open(struct kernel_stage *stage, struct unit *unit, struct node *kernel,
                       const struct device_options *options) {
    *stage = (struct kernel_stage){.arena = arena_create(), .kernel = kernel};
    if (!kernel_emit_target(stage->arena, unit->diagnostics, unit->module, kernel, TARGET_C, &stage->emitted))
        return false;
    stage->device = device_create(unit->options.architecture, options);
    return true;
}

void kernel_stage_close(struct kernel_stage *stage) {
    device_free(stage->device);
    arena_free(stage->arena);
    *stage = (struct kernel_stage){0};
}

static bool place_tensors(struct kernel_launch *l) {
    struct node_list tensors = launch_tensors(l->arena, l->kernel);
    for (size_t i = 0; i < tensors.count; i++) {
        struct device_placement placement;
        if (kernel_launch_place(l, node_as(tensors.items[i], parameter), l->tensors[i], &placement) !=
            TENSOR_PLACED)
            return false;
    }
    return true;
}

enum stage_end kernel_stage_run(struct kernel_stage *stage, struct kernel_launch *l,
                                struct device_fault *fault) {
    l->device = stage->device;
    l->emitted = &stage->emitted;
    if (!l->device || !place_tensors(l) || !kernel_launch_buffers(l) ||
        l->l1_bytes > device_l1_free(l->device))
        return STAGE_UNFIT;
    if (!kernel_launch_cores(l))
        return STAGE_REFUSED;
    kernel_launch_settle(l);
    struct device_statistics statistics = {0};
    bool ran = device_run(l->device, &l->launch, fault, &statistics);
    l->calls = statistics.calls;
    if (ran)
        return STAGE_RAN;
    return fault->kind == DEVICE_FAULT_MEMORY || fault->kind == DEVICE_FAULT_LIMIT ? STAGE_UNFIT
                                                                                   : STAGE_FAULT;
}

void kernel_stage_release(struct kernel_stage *stage, const struct kernel_launch *l) {
    size_t count = launch_tensors(l->arena, l->kernel).count;
    for (size_t i = 0; i < count; i++) {
        if (l->tensors[i]->tensor)
            device_tensor_free(stage->device, l->tensors[i]->tensor);
        l->tensors[i]->tensor = NULL;
    }
}
