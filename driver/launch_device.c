/* A launch of `run` on the embedded device: what has no room there is told, what moved is counted. */
#include <inttypes.h>

#include "driver/kernel_launch.h"
#include "driver/launch_backend.h"
#include "driver/nearby.h"
#include "driver/placement.h"
#include "ir/attributes.h"
#include "ir/l1.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/tile_layout.h"

/* Bytes of L1 that would fit at sizes that the kernel takes. */
struct fitting {
    const struct kernel_launch *l;
    struct node *bytes;
};

static bool fits(const struct environment *sizes, void *context) {
    const struct fitting *fitting = context;
    struct diagnostics *scratch = diagnostics_create(sizes->arena);
    int64_t bytes;
    return conditions_check(scratch, sizes, fitting->l->kernel) &&
           placement_covers(scratch, sizes, fitting->l->kernel) &&
           size_evaluate(scratch, sizes, fitting->bytes, &bytes) && bytes >= 0 &&
           bytes <= device_l1_free(fitting->l->device);
}

/* Of L1, at the sizes of the launch. */
static uint64_t bytes_now(const struct kernel_launch *l, const struct node *bytes) {
    int64_t number = 0;
    size_evaluate(l->diagnostics, l->sizes, bytes, &number);
    return number > 0 ? (uint64_t)number : 0;
}

static void report_no_room(struct kernel_launch *l, const struct architecture *architecture,
                           const struct node_parameter *parameter, const struct array *array,
                           const struct device_placement *placement) {
    enum data_format format = FORMAT_F32;
    uint64_t pages = array_pages(array, placement);
    dtype_format(array->dtype, &format);
    if (device_has_room(l->device, format, pages, placement)) {
        report_error(l->diagnostics, parameter->base.span,
                     "this machine has not enough memory for %s on the embedded device: %" PRIu64
                     " tiles of %u bytes",
                     parameter->name, pages, data_format_tile_bytes(format));
    } else if (placement->memory == DEVICE_L1) {
        struct fitting room = {l, tensor_l1_bytes(l->arena, architecture, parameter)};
        report_error(l->diagnostics, parameter->base.span,
                     "L1 has no room for %s: it takes %" PRIu64 " bytes of each core, and %u are free",
                     parameter->name, bytes_now(l, room.bytes), device_l1_free(l->device));
        const char *others = sizes_nearby(l->arena, l->sizes, l->kernel, fits, &room);
        report_help(l->diagnostics, (struct span){0}, "leave it in DRAM, which is the default%s%s",
                    *others ? "; it would have room with " : "", others);
    } else {
        report_error(l->diagnostics, parameter->base.span,
                     "the device's DRAM has no room for %s: %" PRIu64 " tiles of %u bytes", parameter->name,
                     pages, data_format_tile_bytes(format));
    }
}

static bool place_all(struct kernel_launch *l, const struct architecture *architecture) {
    struct node_list tensors = launch_tensors(l->arena, l->kernel);
    for (size_t i = 0; i < tensors.count; i++) {
        struct node_parameter *parameter = node_as(tensors.items[i], parameter);
        struct device_placement placement;
        enum tensor_place place = kernel_launch_place(l, parameter, l->tensors[i], &placement);
        if (place == TENSOR_WITHOUT_ROOM) {
            report_no_room(l, architecture, parameter, &l->tensors[i]->array, &placement);
        }
        if (place != TENSOR_PLACED) {
            return false;
        }
    }
    return true;
}

/* Sizes that a page count depends on, with their values: "K = 4096, N = 64". */
static const char *mentioned_sizes(const struct kernel_launch *l, struct node *pages) {
    const char *text = "";
    for_each (reference, size, pages) {
        int64_t value;
        if (environment_get(l->sizes, size->name, &value)) {
            text = arena_printf(l->arena, "%s%s%s = %" PRId64, text, *text ? ", " : "", size->name, value);
        }
    }
    return text;
}

static void report_tensors_in_l1(struct kernel_launch *l, const struct architecture *architecture) {
    struct node_list tensors = launch_tensors(l->arena, l->kernel);
    for (size_t i = 0; i < tensors.count; i++) {
        struct node_parameter *parameter = node_as(tensors.items[i], parameter);
        if (lies_in_l1(parameter)) {
            report_note(l->diagnostics, parameter->base.span, "%s lies in L1: %" PRIu64 " bytes of each core",
                        parameter->name, bytes_now(l, tensor_l1_bytes(l->arena, architecture, parameter)));
        }
    }
}

/* Every buffer whose pages follow from the sizes of the launch; the others in one sum. */
static void report_buffers(struct kernel_launch *l) {
    uint64_t rest = 0;
    for (size_t i = 0; i < l->buffers.count; i++) {
        struct node_circular_buffer *buffer = node_as(l->buffers.items[i], circular_buffer);
        const struct device_buffer *device = &l->launch.buffers[i];
        const char *sizes = mentioned_sizes(l, buffer->pages);
        uint64_t bytes = (uint64_t)device->pages * device->page_bytes;
        if (*sizes) {
            report_note(l->diagnostics, buffer->base.span, "%s: %u tiles of %u bytes with %s", buffer->name,
                        device->pages, device->page_bytes, sizes);
        } else {
            rest += bytes;
        }
    }
    if (rest) {
        report_note(l->diagnostics, (struct span){0}, "what does not depend on sizes: %" PRIu64 " bytes",
                    rest);
    }
}

static void report_overrun(struct kernel_launch *l, const struct architecture *architecture) {
    struct fitting fitting = {l, buffers_l1_bytes(l->arena, l->kernel)};
    uint64_t available = device_l1_free(l->device);
    bool shared = available < architecture->l1_buffer_bytes;
    report_error(l->diagnostics, l->kernel->span,
                 "kernel %s needs %" PRIu64
                 " bytes of L1 for its blocks at these sizes, and a core of %s has %" PRIu64 "%s",
                 node_as(l->kernel, kernel)->name, l->l1_bytes, architecture->name, available,
                 shared ? " beside the tensors in L1" : "");
    report_buffers(l);
    report_tensors_in_l1(l, architecture);
    const char *others = sizes_nearby(l->arena, l->sizes, l->kernel, fits, &fitting);
    if (*others) {
        report_help(l->diagnostics, (struct span){0}, "it would fit with %s", others);
    }
    if (shared) {
        report_help(l->diagnostics, (struct span){0}, "leave some of the tensors in DRAM");
    }
    report_help(
        l->diagnostics, (struct span){0},
        "under a `grid` make the blocks smaller, `in ... by ...`; rows of a nest over elements, `for i in M`, are streamed where they have no room");
}

/* One entry for each tensor: a program may give one to several parameters. */
static void count_tensors(struct kernel_launch *l, struct arena *lasting,
                          struct launch_statistics *statistics) {
    struct node_list tensors = launch_tensors(l->arena, l->kernel);
    struct tensor_statistics *entries = arena_allocate(lasting, (tensors.count + 1) * sizeof *entries);
    size_t count = 0;
    for (size_t i = 0; i < tensors.count; i++) {
        const struct node_parameter *parameter = node_as(tensors.items[i], parameter);
        const struct tensor_value *value = l->tensors[i];
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
    statistics->tensors = entries;
    statistics->tensor_count = count;
}

static void count_cores(const struct kernel_launch *l, struct launch_statistics *statistics) {
    for (size_t i = 0; i < l->launch.core_count; i++) {
        const struct device_core *core = &l->launch.cores[i];
        statistics->cores += core->argument_count > RUNTIME_COUNT && core->arguments[RUNTIME_COUNT] > 0;
    }
    statistics->blocks = l->blocks;
    statistics->grid_x = l->grid_x;
    statistics->grid_y = l->grid_y;
}

/* The text of the kernel, if no earlier launch made it. */
static bool emit(struct launcher *launcher, struct launchable *launchable) {
    struct unit *unit = launcher->run->unit;
    if (!launchable->arena) {
        launchable->arena = arena_create();
        if (!kernel_emit_target(launchable->arena, unit->diagnostics, unit->module, launchable->kernel,
                                TARGET_C, &launchable->emitted)) {
            launcher->run->fault = true;
            return false;
        }
    }
    return true;
}

static bool prepare(struct kernel_launch *l, const struct architecture *architecture,
                    struct launch_statistics *statistics) {
    if (!place_all(l, architecture) || !kernel_launch_buffers(l)) {
        return false;
    }
    statistics->l1_bytes = l->l1_bytes;
    statistics->l1_tensor_bytes = architecture->l1_buffer_bytes - device_l1_free(l->device);
    if (l->l1_bytes > device_l1_free(l->device)) {
        report_overrun(l, architecture);
        return false;
    }
    if (!kernel_launch_cores(l)) {
        return false;
    }
    count_cores(l, statistics);
    kernel_launch_settle(l);
    return true;
}

bool launch_on_device(struct launcher *launcher, struct launchable *launchable,
                      const struct environment *sizes, const struct scalar_list *scalars,
                      struct tensor_value **tensors, struct launch_statistics *statistics) {
    struct unit *unit = launcher->run->unit;
    struct kernel_launch l = {.device = launcher->device,
                              .arena = launcher->arena,
                              .diagnostics = unit->diagnostics,
                              .kernel = launchable->kernel,
                              .emitted = &launchable->emitted,
                              .sizes = sizes,
                              .scalars = scalars,
                              .tensors = tensors};
    struct device_fault fault = {0};
    if (!emit(launcher, launchable) || !prepare(&l, unit->options.architecture, statistics)) {
        return false;
    }
    if (!device_run(l.device, &l.launch, &fault, &statistics->device)) {
        report_device_fault(launcher, &l, &fault);
        return false;
    }
    statistics->measured = true;
    count_tensors(&l, unit->arena, statistics);
    return true;
}
