/* Devices and launches. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/calls.h"
#include "sim/core.h"

char *copy_string(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

static uint32_t align_up(uint32_t value, uint32_t alignment) {
    return (value + alignment - 1) / alignment * alignment;
}

struct device *device_create(const struct architecture *architecture, const struct device_options *options) {
    struct device_options chosen = options ? *options : (struct device_options){0};
    if (chosen.grid_x == 0)
        chosen.grid_x = architecture->grid_x;
    if (chosen.grid_y == 0)
        chosen.grid_y = architecture->grid_y;
    if (chosen.grid_x > architecture->grid_x || chosen.grid_y > architecture->grid_y)
        return NULL;
    struct device *device = calloc(1, sizeof *device);
    if (!device)
        return NULL;
    device->architecture = architecture;
    device->costs = clock_costs_of(architecture->chip);
    device->options = chosen;
    device->options.compiler = NULL;
    device->compiler = chosen.compiler ? copy_string(chosen.compiler) : NULL;
    device->engine = tile_engine_best();
    device->scratch = aligned_alloc(64, sizeof *device->scratch * SCRATCH_TILES);
    device->operands = operands_create();
    if (!device->scratch || !device->operands || (chosen.compiler && !device->compiler)) {
        device_free(device);
        return NULL;
    }
    return device;
}

void device_free(struct device *device) {
    if (!device)
        return;
    for (int memory = 0; memory < DEVICE_MEMORIES; ++memory)
        while (device->tensors[memory])
            device_tensor_free(device, device->tensors[memory]);
    kernels_free(device);
    for (size_t i = 0; i < device->free_coroutine_count; ++i)
        coroutine_free(device->free_coroutines[i]);
    free(device->free_coroutines);
    free(device->scratch);
    free(device->operands);
    free(device->compiler);
    free(device);
}

void device_set_seed(struct device *device, uint64_t seed) {
    device->options.seed = seed;
}

/* Launches. */

static bool check_buffer(struct device_run *run, const struct device_buffer *buffer) {
    const struct architecture *architecture = run->device->architecture;
    if (buffer->id >= architecture->circular_buffers || buffer->id >= CIRCULAR_BUFFER_LIMIT)
        fault_launch(run, DEVICE_FAULT_LAUNCH, "buffer %s has identifier %u, but %s has %u circular buffers",
                     buffer->name, (unsigned)buffer->id, architecture->name,
                     (unsigned)architecture->circular_buffers);
    else if (run->buffer_index[buffer->id] != 0)
        fault_launch(run, DEVICE_FAULT_LAUNCH, "buffers %s and %s have the same identifier %u",
                     run->launch->buffers[run->buffer_index[buffer->id] - 1].name, buffer->name,
                     (unsigned)buffer->id);
    else if (buffer->pages == 0 || buffer->page_bytes == 0 ||
             buffer->page_bytes % architecture->l1_alignment != 0)
        fault_launch(run, DEVICE_FAULT_LAUNCH,
                     "buffer %s has %u pages of %u bytes: pages are multiples of %u bytes", buffer->name,
                     (unsigned)buffer->pages, (unsigned)buffer->page_bytes,
                     (unsigned)architecture->l1_alignment);
    else if (buffer->pages > 0xffff)
        fault_launch(run, DEVICE_FAULT_LAUNCH, "buffer %s has %u pages: counts have 16 bits", buffer->name,
                     (unsigned)buffer->pages);
    else if (buffer->unpack_to_dest && (buffer->format != FORMAT_F32 || !run->launch->fp32_dest_acc))
        fault_launch(run, DEVICE_FAULT_LAUNCH,
                     "buffer %s is unpacked to DST at full width: that takes f32 and f32 DST", buffer->name);
    return !run->faulted;
}

/* Names every buffer with its share of L1, and every tensor that lies there. */
static void report_overflow(struct device_run *run, uint64_t bytes) {
    const struct device_launch *launch = run->launch;
    const struct architecture *architecture = run->device->architecture;
    uint32_t tensors = tensors_l1_bytes(run->device);
    if (tensors > 0)
        fault_launch(
            run, DEVICE_FAULT_LAUNCH,
            "the circular buffers take %llu bytes of L1, but %s has %u for them beside %u of tensors",
            (unsigned long long)bytes, architecture->name,
            (unsigned)(architecture->l1_buffer_bytes - tensors), (unsigned)tensors);
    else
        fault_launch(run, DEVICE_FAULT_LAUNCH,
                     "the circular buffers take %llu bytes of L1, but %s has %u for them",
                     (unsigned long long)bytes, architecture->name, (unsigned)architecture->l1_buffer_bytes);
    size_t used = 0;
    for (size_t i = 0; i < launch->buffer_count && used < sizeof run->fault->details; ++i) {
        const struct device_buffer *buffer = &launch->buffers[i];
        int added =
            snprintf(run->fault->details + used, sizeof run->fault->details - used,
                     "%s%s: %u pages of %u bytes (%s), %llu bytes", i ? "\n" : "", buffer->name,
                     (unsigned)buffer->pages, (unsigned)buffer->page_bytes, data_format_name(buffer->format),
                     (unsigned long long)buffer->pages * buffer->page_bytes);
        used += added > 0 ? (size_t)added : 0;
    }
    for (const struct device_tensor *tensor = run->device->tensors[DEVICE_L1];
         tensor && used < sizeof run->fault->details; tensor = tensor->next) {
        int added = snprintf(run->fault->details + used, sizeof run->fault->details - used,
                             "%stensor %s: %llu bytes", used ? "\n" : "", tensor->name,
                             (unsigned long long)tensor->bank_pages * tensor->page_bytes);
        used += added > 0 ? (size_t)added : 0;
    }
}

static bool check_launch(struct device_run *run) {
    const struct device_launch *launch = run->launch;
    const struct device *device = run->device;
    uint64_t bytes = 0;
    for (size_t i = 0; i < launch->buffer_count; ++i) {
        if (!check_buffer(run, &launch->buffers[i]))
            return false;
        run->buffer_index[launch->buffers[i].id] = (uint8_t)(i + 1);
        bytes = (bytes + 63) / 64 * 64 + (uint64_t)launch->buffers[i].pages * launch->buffers[i].page_bytes;
    }
    if (bytes > device->architecture->l1_buffer_bytes - tensors_l1_bytes(device)) {
        report_overflow(run, bytes);
        return false;
    }
    for (size_t i = 0; i < launch->core_count; ++i) {
        const struct device_core *core = &launch->cores[i];
        if (core->x >= device->options.grid_x || core->y >= device->options.grid_y) {
            fault_launch(run, DEVICE_FAULT_LAUNCH, "core (%u,%u) is outside the grid of %u x %u",
                         (unsigned)core->x, (unsigned)core->y, (unsigned)device->options.grid_x,
                         (unsigned)device->options.grid_y);
            return false;
        }
        if (core->argument_count > device->architecture->runtime_arguments) {
            fault_launch(run, DEVICE_FAULT_LAUNCH,
                         "core (%u,%u) is given %zu runtime arguments; at most %u are possible",
                         (unsigned)core->x, (unsigned)core->y, core->argument_count,
                         (unsigned)device->architecture->runtime_arguments);
            return false;
        }
        for (size_t j = 0; j < i; ++j) {
            if (launch->cores[j].x == core->x && launch->cores[j].y == core->y) {
                fault_launch(run, DEVICE_FAULT_LAUNCH, "core (%u,%u) is listed twice", (unsigned)core->x,
                             (unsigned)core->y);
                return false;
            }
        }
    }
    return true;
}

static bool check_semaphores(struct device_run *run) {
    const struct device_launch *launch = run->launch;
    for (size_t i = 0; i < launch->semaphore_count; ++i) {
        const struct device_semaphore *semaphore = &launch->semaphores[i];
        if (semaphore->id >= SEMAPHORE_LIMIT)
            fault_launch(run, DEVICE_FAULT_LAUNCH, "semaphore %s has identifier %u: there are %u",
                         semaphore->name, (unsigned)semaphore->id, (unsigned)SEMAPHORE_LIMIT);
        for (size_t j = 0; j < i; ++j)
            if (launch->semaphores[j].id == semaphore->id)
                fault_launch(run, DEVICE_FAULT_LAUNCH, "semaphores %s and %s have the same identifier %u",
                             launch->semaphores[j].name, semaphore->name, (unsigned)semaphore->id);
        if (run->faulted)
            return false;
    }
    return true;
}

static void mark_results(struct device_run *run) {
    for (size_t i = 0; i < run->launch->result_count; ++i)
        ((struct device_tensor *)run->launch->results[i].tensor)->result_of = run->device->launches;
}

/* Every page of what is to be complete was written in this launch. */
static bool check_results(struct device_run *run) {
    for (size_t i = 0; i < run->launch->result_count; ++i) {
        const struct device_tensor *tensor = run->launch->results[i].tensor;
        for (uint64_t page = 0; run->launch->results[i].complete && page < tensor->pages; ++page) {
            const struct page_state *state = &tensor->states[page];
            if (state->launch == run->device->launches && state->writer != 0)
                continue;
            run->fault->tensor = tensor;
            run->fault->page = page;
            run->fault->help = "the blocks of all cores together must cover the result";
            fault_launch(run, DEVICE_FAULT_RESULT, "page %llu of %s is never written",
                         (unsigned long long)page, tensor->name);
            return false;
        }
    }
    return true;
}

static bool compile_kernels(struct device_run *run) {
    for (int role = 0; role < DEVICE_ROLES; ++role) {
        if (run->launch->kernels[role].text && !kernel_compile(run, (enum device_role)role))
            return false;
    }
    return true;
}

static void place_buffers(struct device_run *run, struct core *core, uint64_t *clocks, uint8_t *operands) {
    uint32_t address = run->l1_base;
    for (size_t i = 0; i < run->launch->buffer_count; ++i) {
        const struct device_buffer *spec = &run->launch->buffers[i];
        struct circular_buffer *cb = &core->buffers[i];
        address = align_up(address, 64);
        cb->spec = spec;
        cb->pages = spec->pages;
        cb->page_bytes = spec->page_bytes;
        cb->base = address;
        cb->source_format = source_format_of(spec->format, spec->unpack_to_dest);
        cb->tiles = spec->page_bytes == data_format_tile_bytes(spec->format);
        cb->push_clock = clocks;
        cb->pop_clock = clocks + spec->pages;
        clocks += 2 * (size_t)spec->pages;
        cb->operands = operands;
        operands += spec->pages;
        address += spec->pages * spec->page_bytes;
    }
    run->l1_end = address;
}

/* Which core the NoC finds at each pair of coordinates. */
static void place_cores(struct device_run *run) {
    const struct device *device = run->device;
    uint32_t noc_x, noc_y;
    for (uint32_t y = 0; y < device->options.grid_y; ++y)
        for (uint32_t x = 0; x < device->options.grid_x; ++x)
            if (architecture_noc_coordinates(device->architecture, x, y, &noc_x, &noc_y))
                run->noc_cores[noc_y][noc_x] = CORE_IDLE;
    for (size_t i = 0; i < run->launch->core_count; ++i)
        if (architecture_noc_coordinates(device->architecture, run->cores[i].x, run->cores[i].y, &noc_x,
                                         &noc_y))
            run->noc_cores[noc_y][noc_x] = (uint16_t)(i + 1);
}

/* Where L1 lies for device form, which must not mind: what is stored there is hardly a number by chance, being
 * a NaN as f32 and as bf16. */
#define STRANGE_L1_BASE 0xffa50000u

static bool set_up_cores(struct device_run *run) {
    const struct device_launch *launch = run->launch;
    size_t pages = 0;
    for (size_t i = 0; i < launch->buffer_count; ++i)
        pages += launch->buffers[i].pages;
    size_t cores = launch->core_count > 0 ? launch->core_count : 1;
    size_t buffers = launch->buffer_count > 0 ? launch->buffer_count : 1;
    run->cores = calloc(cores, sizeof *run->cores);
    run->all_buffers = calloc(cores * buffers, sizeof *run->all_buffers);
    run->all_page_clocks = calloc(cores * pages * 2 + 1, sizeof *run->all_page_clocks);
    run->all_operands = calloc(cores * pages + 1, sizeof *run->all_operands);
    run->ready = calloc(cores * DEVICE_ROLES, sizeof *run->ready);
    if (!run->cores || !run->all_buffers || !run->all_page_clocks || !run->all_operands || !run->ready)
        return false;
    operands_forget(run->device->operands);
    run->l1_base =
        launch->device_form ? STRANGE_L1_BASE : align_up(run->device->architecture->l1_buffer_base, 64);
    run->semaphore_base = run->l1_base - SEMAPHORE_LIMIT * run->device->architecture->l1_alignment;
    run->dst_tiles = launch->fp32_dest_acc ? run->device->architecture->dst_tiles_f32
                                           : run->device->architecture->dst_tiles_16;
    for (size_t i = launch->core_count; i-- > 0;) {
        struct core *core = &run->cores[i];
        core->run = run;
        core->index = (uint32_t)i;
        core->x = launch->cores[i].x;
        core->y = launch->cores[i].y;
        core->arguments = launch->cores[i].arguments;
        core->argument_count = launch->cores[i].argument_count;
        core->buffers = run->all_buffers + i * launch->buffer_count;
        place_buffers(run, core, run->all_page_clocks + i * pages * 2, run->all_operands + i * pages);
        semaphores_place(core);
        for (int role = DEVICE_ROLES - 1; role >= 0; --role) {
            struct thread *t = &core->threads[role];
            t->core = core;
            t->role = (enum device_role)role;
            t->state = THREAD_FINISHED;
            if (!run->kernels[role])
                continue;
            ++core->unfinished;
            scheduler_wake(run, t);
        }
    }
    place_cores(run);
    return order_open(run) && thread_order_open(run);
}

static void tear_down(struct device_run *run) {
    free(run->cores);
    free(run->all_buffers);
    free(run->all_page_clocks);
    free(run->all_operands);
    free(run->ready);
    order_close(run);
    thread_order_close(run);
}

bool device_run(struct device *device, const struct device_launch *launch, struct device_fault *fault,
                struct device_statistics *statistics) {
    struct device_run *run = calloc(1, sizeof *run);
    memset(fault, 0, sizeof *fault);
    if (!run) {
        fault->kind = DEVICE_FAULT_MEMORY;
        snprintf(fault->message, sizeof fault->message, "there is not enough memory for the embedded device");
        return false;
    }
    run->device = device;
    run->launch = launch;
    run->fault = fault;
    run->random = device->options.seed;
    run->step_limit = device->options.step_limit ? device->options.step_limit : UINT64_MAX;
    run->statistics.dram_taken = device->taken[DEVICE_DRAM];
    ++device->launches;
    bool good = check_launch(run) && check_semaphores(run) && compile_kernels(run);
    if (good && !set_up_cores(run)) {
        launch_out_of_memory(run);
        good = false;
    }
    mark_results(run);
    good = good && scheduler_run(run);
    if (good && launch->device_form)
        buffers_check_empty(run);
    good = good && !run->faulted && check_results(run);
    /* DRAM serves no launch faster than all its banks together, however many cores ask. */
    run->statistics.dram_cycles = run->dram_bytes / device->costs->dram_bytes_per_cycle;
    if (run->statistics.cycles < run->statistics.dram_cycles)
        run->statistics.cycles = run->statistics.dram_cycles;
    if (statistics)
        *statistics = run->statistics;
    tear_down(run);
    free(run);
    return good;
}
