/* Data movement: tensor pages to and from L1, runtime arguments, stores into L1.
 *
 * Transfers move their bytes as late as the rules allow: a read at its barrier, a write at its flush or
 * barrier.
 */
#include <stdlib.h>

#include "sim/calls.h"
#include "sim/core.h"

uint32_t device_get_arg_val(uint32_t line, uint32_t index) {
    struct thread *t = call_enter(line, "get_arg_val");
    if (index >= t->core->argument_count)
        thread_fault(t, "reads runtime argument %u, but the launch gives this core %zu", (unsigned)index,
                     t->core->argument_count);
    return t->core->arguments[index];
}

static struct device_tensor *bound_tensor(struct thread *t, uint32_t ordinal) {
    const struct device_kernel *kernel = &t->core->run->launch->kernels[t->role];
    if (ordinal >= kernel->accessor_count)
        thread_fault(t, "uses tensor binding %u, but the launch gives this kernel %zu", (unsigned)ordinal,
                     kernel->accessor_count);
    return (struct device_tensor *)kernel->accessors[ordinal];
}

/* The compile-time arguments of a kernel describe its tensors one after another; each must be as it is bound.
 */
static void check_facts(struct thread *t, uint32_t ordinal, const struct device_tensor *tensor) {
    const struct device_kernel *kernel = &t->core->run->launch->kernels[t->role];
    uint32_t expected[DEVICE_FACTS_LIMIT];
    size_t first = 0, count = device_tensor_facts(tensor, expected);
    if (!kernel->compile_time_arguments)
        return;
    for (uint32_t i = 0; i < ordinal; ++i) {
        uint32_t words[DEVICE_FACTS_LIMIT];
        first += device_tensor_facts(kernel->accessors[i], words);
    }
    size_t given =
        kernel->compile_time_argument_count > first ? kernel->compile_time_argument_count - first : 0;
    const uint32_t *facts = kernel->compile_time_arguments + (given ? first : 0);
    if (given >= count && memcmp(facts, expected, count * sizeof *facts) == 0)
        return;
    char wanted[160], found[160];
    facts_describe(expected, count, wanted, sizeof wanted);
    facts_describe(facts, given, found, sizeof found);
    thread_fault(
        t,
        "binding %u is tensor %s, %s, but the kernel's compile-time arguments from %zu on describe %s: TensorAccessorArgs must be created via the tensors that are bound",
        (unsigned)ordinal, tensor->name, wanted, first, found);
}

void device_tensor_accessor(uint32_t line, uint32_t ordinal, uint32_t address) {
    struct thread *t = data_enter(line, "tensor_accessor");
    const struct device_tensor *tensor = bound_tensor(t, ordinal);
    if (address != tensor->address) {
        fault_help(t, "an accessor takes the launch argument whose value is the address of its tensor");
        thread_fault(t, "binding %u is made at an address that is not that of tensor %s", (unsigned)ordinal,
                     tensor->name);
    }
    check_facts(t, ordinal, tensor);
}

static struct page_state *page_of(struct thread *t, const struct device_tensor *tensor, uint64_t page) {
    if (page >= tensor->pages) {
        fault_help(t, "every page of a tensor that is read or written must exist");
        thread_fault(t, "is for page %llu of %s, which has %llu", (unsigned long long)page, tensor->name,
                     (unsigned long long)tensor->pages);
    }
    struct page_state *state = &tensor->states[page];
    uint32_t launch = t->core->run->device->launches;
    if (state->launch != launch) {
        state->launch = launch;
        state->reader = state->writer = 0;
    }
    return state;
}

/* The fault that comes is about this page, and where it was written. */
static void note_writer(struct thread *t, const struct device_tensor *tensor, uint64_t page,
                        const char *what) {
    const struct page_state *state = &tensor->states[page];
    struct device_run *run = t->core->run;
    fault_page(t, tensor, page);
    fault_note(run, &run->cores[state->writer - 1].threads[state->writer_role], state->writer_line,
               "it %s here", what);
}

static int64_t floor_quotient(int64_t a, int64_t b) {
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

struct circular_buffer *window_at(struct thread *t, uint32_t address, uint32_t bytes, bool to_write) {
    struct core *core = t->core;
    struct circular_buffer *cb = NULL;
    for (size_t i = 0; i < core->run->launch->buffer_count; ++i) {
        struct circular_buffer *candidate = &core->buffers[i];
        if (address - candidate->base < candidate->pages * candidate->page_bytes) {
            cb = candidate;
            break;
        }
    }
    if (!cb) {
        fault_help(t, "addresses come from get_write_ptr and get_read_ptr, with an offset within the window");
        thread_fault(t, "is given an address outside of every circular buffer");
    }
    uint32_t first = to_write ? cb->write_page : cb->read_page;
    int64_t offset = (int64_t)(address - cb->base) - (int64_t)first * cb->page_bytes;
    int64_t last = floor_quotient(offset + bytes - 1, cb->page_bytes);
    for (int64_t page = floor_quotient(offset, cb->page_bytes); page <= last; ++page)
        buffer_check_window(t, cb, page, to_write);
    return cb;
}

/* In device form, where a tensor and its buffer have one type and pages move whole. */
static void check_page_form(struct thread *t, const struct device_tensor *tensor,
                            const struct circular_buffer *cb, uint32_t address) {
    if (!t->core->run->launch->device_form)
        return;
    if (cb->spec->format != tensor->format) {
        fault_help(t, "a circular buffer that tensors are read to or written from has their type");
        thread_fault(t, "%s is %s, and %s is %s", tensor->name, data_format_name(tensor->format),
                     buffer_name(cb), data_format_name(cb->spec->format));
    }
    if ((address - cb->base) % cb->page_bytes != 0) {
        fault_help(t, "a page of a tensor goes to the beginning of a page of its buffer");
        thread_fault(t, "is given an address in the middle of a page of %s", buffer_name(cb));
    }
}

static void transfer_add(struct thread *t, struct transfer_list *list, struct transfer transfer) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        struct transfer *items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            thread_out_of_memory(t);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = transfer;
}

bool transfers_overlap(const struct transfer_list *list, uint32_t address, uint32_t bytes) {
    for (size_t i = 0; i < list->count; ++i) {
        const struct transfer *item = &list->items[i];
        if (item->address < address + bytes && address < item->address + item->bytes)
            return true;
    }
    return false;
}

static void check_alignment(struct thread *t, const struct device_tensor *tensor, uint64_t page,
                            uint32_t offset, uint32_t address, uint32_t alignment) {
    uint64_t remote = tensor_page_address(tensor, page) + offset;
    if ((remote ^ address) % alignment != 0)
        thread_fault(t, "L1 address 0x%x and the %s address 0x%llx of page %llu of %s differ modulo %u",
                     (unsigned)address, tensor->placement.memory == DEVICE_L1 ? "L1" : "DRAM",
                     (unsigned long long)remote, (unsigned long long)page, tensor->name, (unsigned)alignment);
}

/* Counts a page that is read or written, and lets the clock issue its transfer; when it will have landed. */
static uint64_t account(struct thread *t, struct device_tensor *tensor, uint64_t page, uint32_t bytes,
                        bool is_write) {
    struct device_run *run = t->core->run;
    enum device_place place = tensor_page_place(tensor, page, t->core);
    const struct transfer_cost *cost =
        is_write ? &run->device->costs->write[place] : &run->device->costs->read[place];
    uint64_t *free = place == DEVICE_AT_OWN_L1 ? &t->copy_free : &t->noc_free;
    if (tensor->launch != run->device->launches) {
        tensor->launch = run->device->launches;
        tensor->moved = (struct device_pages){0};
    }
    uint32_t page_bytes = tensor->placement.row_bytes ? tensor->placement.row_bytes : tensor->page_bytes;
    tensor->part_bytes += bytes;
    if (tensor->part_bytes >= page_bytes) {
        tensor->part_bytes -= page_bytes;
        ++(is_write ? run->statistics.pages.written : run->statistics.pages.read)[place];
        ++(is_write ? tensor->moved.written : tensor->moved.read)[place];
    }
    if (place == DEVICE_AT_DRAM)
        run->dram_bytes += bytes;
    t->clock += cost->issue;
    if (*free < t->clock)
        *free = t->clock;
    *free += (uint64_t)bytes * 100 / cost->bytes_per_100_cycles;
    return *free + cost->latency;
}

static void advance(uint64_t *clock, uint64_t to) {
    if (*clock < to)
        *clock = to;
}

/* A part of a page has bytes, and ends in it: in its row, where pages are rows. */
static void check_part_bounds(struct thread *t, const struct device_tensor *tensor, uint32_t offset, uint32_t bytes,
                              bool is_write) {
    uint32_t page_bytes = tensor->placement.row_bytes ? tensor->placement.row_bytes : tensor->page_bytes;
    if (bytes > 0 && offset <= page_bytes && bytes <= page_bytes - offset)
        return;
    fault_help(t, "a part of a page has bytes, and ends in it");
    thread_fault(t, "%s bytes %u to %u of a page of %s, which has %u", is_write ? "writes" : "reads",
                 (unsigned)offset, (unsigned)(offset + bytes), tensor->name, (unsigned)page_bytes);
}

static void read_part(struct thread *t, uint32_t line, struct device_tensor *tensor, uint32_t page, uint32_t offset,
                      uint32_t address, uint32_t bytes) {
    struct device_run *run = t->core->run;
    struct page_state *state = page_of(t, tensor, page);
    uint16_t self = (uint16_t)(t->core->index + 1);
    if (!state->written)
        thread_fault(t, "page %u of tensor %s was never written", (unsigned)page, tensor->name);
    if (state->writer != 0 && state->writer != self) {
        note_writer(t, tensor, page, "is written");
        thread_fault(t, "page %u of tensor %s is written by core (%u,%u) in the same launch", (unsigned)page,
                     tensor->name, (unsigned)run->cores[state->writer - 1].x,
                     (unsigned)run->cores[state->writer - 1].y);
    }
    thread_order_read(t, tensor, page);
    state->reader = state->reader == 0 || state->reader == self ? self : PAGE_MANY;
    const struct architecture *architecture = run->device->architecture;
    struct circular_buffer *cb = window_at(t, address, bytes, true);
    check_alignment(t, tensor, page, offset, address,
                    tensor->placement.memory == DEVICE_L1 ? architecture->l1_alignment
                                                          : architecture->dram_read_alignment);
    remote_check_sources(t, address, bytes);
    remote_check_targets(t, cb, address, bytes);
    order_write(t, cb, address, bytes);
    l1_mark(t->core, address, bytes, false);
    transfer_add(t, &t->reads, (struct transfer){tensor, page, address, offset, bytes});
    t->read_line = line;
    advance(&t->reads_landed, account(t, tensor, page, bytes, false));
}

void device_noc_async_read_page(uint32_t line, uint32_t page, uint32_t ordinal, uint32_t address) {
    struct thread *t = data_enter(line, "noc_async_read_page");
    struct device_tensor *tensor = bound_tensor(t, ordinal);
    page_of(t, tensor, page);
    check_page_form(t, tensor, window_at(t, address, tensor->page_bytes, true), address);
    read_part(t, line, tensor, page, 0, address, tensor->page_bytes);
}

void device_noc_async_read(uint32_t line, uint32_t page, uint32_t ordinal, uint32_t offset, uint32_t address,
                           uint32_t bytes) {
    struct thread *t = data_enter(line, "noc_async_read");
    struct device_tensor *tensor = bound_tensor(t, ordinal);
    page_of(t, tensor, page);
    check_part_bounds(t, tensor, offset, bytes, false);
    read_part(t, line, tensor, page, offset, address, bytes);
}

void device_noc_async_read_barrier(uint32_t line) {
    struct thread *t = data_enter(line, "noc_async_read_barrier");
    thread_yield(t);
    for (size_t i = 0; i < t->reads.count; ++i) {
        const struct transfer *item = &t->reads.items[i];
        memcpy(l1_bytes(t->core, item->address), tensor_page(item->tensor, item->page) + item->offset, item->bytes);
        l1_mark(t->core, item->address, item->bytes, true);
    }
    if (t->reads.count > 0)
        advance(&t->clock, t->reads_landed);
    t->reads.count = 0;
    ++t->knows.reads[t->role];
}

/* A page of a result is written once, by one core. */
static void check_written_once(struct thread *t, const struct device_tensor *tensor, uint64_t page) {
    const struct page_state *state = &tensor->states[page];
    if (state->writer == 0 || tensor->result_of != t->core->run->device->launches)
        return;
    note_writer(t, tensor, page, "is written before");
    fault_help(t, "every tile of a result is written once, by one core");
    thread_fault(t, "page %llu of %s is written again", (unsigned long long)page, tensor->name);
}

/* Cores that reach a page which this one writes: nothing says who comes first. */
static void check_other_cores(struct thread *t, const struct device_tensor *tensor, uint64_t page) {
    const struct page_state *state = &tensor->states[page];
    const struct device_run *run = t->core->run;
    uint16_t self = (uint16_t)(t->core->index + 1);
    bool written = state->writer != 0 && state->writer != self;
    uint16_t other = written ? state->writer : state->reader;
    if (other == 0 || other == self)
        return;
    if (written)
        note_writer(t, tensor, page, "is written");
    if (other == PAGE_MANY)
        thread_fault(t, "page %llu of tensor %s is read by several cores in the same launch",
                     (unsigned long long)page, tensor->name);
    thread_fault(t, "page %llu of tensor %s is %s by core (%u,%u) in the same launch",
                 (unsigned long long)page, tensor->name, written ? "also written" : "read",
                 (unsigned)run->cores[other - 1].x, (unsigned)run->cores[other - 1].y);
}

/* A byte of a page that is written in parts is written once a launch, and no page also as a whole. */
static void mark_part(struct thread *t, struct device_tensor *tensor, uint64_t page, uint32_t offset,
                      uint32_t bytes) {
    const struct page_state *state = &tensor->states[page];
    if (!tensor->parts)
        tensor->parts = calloc(tensor->pages, tensor->page_bytes / 8);
    if (!tensor->parts)
        thread_out_of_memory(t);
    uint8_t *marks = tensor->parts + page * (tensor->page_bytes / 8);
    if (!state->writer)
        memset(marks, 0, tensor->page_bytes / 8);
    for (uint32_t i = offset; i < offset + bytes; ++i) {
        if (marks[i / 8] >> (i % 8) & 1) {
            note_writer(t, tensor, page, "is written before");
            fault_help(t, "every element of a result is written once, by one core");
            thread_fault(t, "byte %u of page %llu of %s is written again", (unsigned)i, (unsigned long long)page,
                         tensor->name);
        }
        marks[i / 8] |= (uint8_t)(1u << (i % 8));
    }
}

/* Cores may write parts of a page side by side; what another core reads of it is not there yet, or no more. */
static void check_part(struct thread *t, const struct device_tensor *tensor, uint64_t page, uint32_t offset,
                       uint32_t bytes) {
    const struct page_state *state = &tensor->states[page];
    uint16_t self = (uint16_t)(t->core->index + 1);
    check_part_bounds(t, tensor, offset, bytes, true);
    if (state->reader != 0 && state->reader != self)
        check_other_cores(t, tensor, page);
}

static void write_part(struct thread *t, uint32_t line, struct device_tensor *tensor, uint64_t page,
                       uint32_t offset, uint32_t address, uint32_t bytes) {
    struct page_state *state = &tensor->states[page];
    state->writer = (uint16_t)(t->core->index + 1);
    state->writer_line = line;
    state->writer_role = (uint8_t)t->role;
    struct circular_buffer *cb = window_at(t, address, bytes, false);
    check_alignment(t, tensor, page, offset, address, t->core->run->device->architecture->l1_alignment);
    uint32_t first = (address - cb->base) / cb->page_bytes, last = (address - cb->base + bytes - 1) / cb->page_bytes;
    bool written = l1_is_written(t->core, address, bytes);
    for (uint32_t i = first; !written && i <= last; ++i)
        buffer_check_written(t, cb, i - cb->read_page);
    transfer_add(t, &t->writes, (struct transfer){tensor, page, address, offset, bytes});
    t->write_line = line;
    advance(&t->writes_landed, account(t, tensor, page, bytes, true));
}

void device_noc_async_write_page(uint32_t line, uint32_t page, uint32_t ordinal, uint32_t address) {
    struct thread *t = data_enter(line, "noc_async_write_page");
    remote_check_link(t);
    struct device_tensor *tensor = bound_tensor(t, ordinal);
    page_of(t, tensor, page);
    check_written_once(t, tensor, page);
    check_other_cores(t, tensor, page);
    thread_order_write(t, tensor, page);
    check_page_form(t, tensor, window_at(t, address, tensor->page_bytes, false), address);
    write_part(t, line, tensor, page, 0, address, tensor->page_bytes);
}

void device_noc_async_write(uint32_t line, uint32_t page, uint32_t ordinal, uint32_t offset, uint32_t address,
                            uint32_t bytes) {
    struct thread *t = data_enter(line, "noc_async_write");
    remote_check_link(t);
    struct device_tensor *tensor = bound_tensor(t, ordinal);
    page_of(t, tensor, page);
    check_part(t, tensor, page, offset, bytes);
    mark_part(t, tensor, page, offset, bytes);
    thread_order_write(t, tensor, page);
    write_part(t, line, tensor, page, offset, address, bytes);
}

static void writes_leave(struct thread *t) {
    for (size_t i = 0; i < t->writes.count; ++i) {
        const struct transfer *item = &t->writes.items[i];
        memcpy(tensor_page(item->tensor, item->page) + item->offset, l1_bytes(t->core, item->address), item->bytes);
        item->tensor->states[item->page].written = true;
        t->unacknowledged = true;
    }
    t->writes.count = 0;
}

void device_noc_async_writes_flushed(uint32_t line) {
    struct thread *t = data_enter(line, "noc_async_writes_flushed");
    thread_yield(t);
    if (t->writes.count > 0 || t->remote.count > 0)
        advance(&t->clock, t->noc_free);
    if (t->writes.count > 0)
        advance(&t->clock, t->copy_free);
    writes_leave(t);
    remote_flush(t);
}

void device_noc_async_write_barrier(uint32_t line) {
    struct thread *t = data_enter(line, "noc_async_write_barrier");
    remote_check_link(t);
    thread_yield(t);
    writes_leave(t);
    remote_acknowledge(t);
    if (t->unacknowledged)
        advance(&t->clock, t->writes_landed);
    t->unacknowledged = false;
    ++t->knows.writes[t->role];
}

/* The buffer whose window at the back holds the element at this address, which the thread stores or copies. */
static struct circular_buffer *element_at(struct thread *t, uint32_t address, uint32_t bytes, bool stores) {
    struct circular_buffer *cb = window_at(t, address, 1, true);
    uint32_t element = data_format_tile_bytes(cb->spec->format) / TILE_ELEMENTS;
    const char *verb = stores ? "stores" : "copies", *where = stores ? "to" : "from";
    bool narrow = t->core->run->launch->device_form && bytes < element, straddles = address % bytes != 0;
    if (narrow || straddles)
        fault_help(t, "a store is as wide as an element, or covers whole ones, and is aligned to its width");
    if (straddles)
        thread_fault(t, "%s %u bytes %s byte %u of a page of %s", verb, (unsigned)bytes, where,
                     (unsigned)((address - cb->base) % cb->page_bytes), buffer_name(cb));
    if (narrow)
        thread_fault(t, "%s %u bytes %s %s, which is %s", verb, (unsigned)bytes, where, buffer_name(cb),
                     data_format_name(cb->spec->format));
    if (t->reads.count > 0 && transfers_overlap(&t->reads, address, bytes)) {
        fault_help(t, "noc_async_read_barrier must stand before the store");
        thread_fault(t, "%s %s a page of %s with a read into it in flight", verb, where, buffer_name(cb));
    }
    return cb;
}

/* In device form what is stored is the same wherever buffers lie. Where such a launch puts L1 no float is but NaN; a whole
 * number may be anything. */
static void check_stored_value(struct thread *t, const struct circular_buffer *cb, uint32_t value) {
    const struct device_run *run = t->core->run;
    if (run->launch->device_form && !data_format_is_integer(cb->spec->format) && value >= run->semaphore_base &&
        value < run->l1_end) {
        fault_help(t, "what is stored must be the same wherever the buffers lie");
        thread_fault(t, "stores an L1 address");
    }
}

static void l1_write(struct thread *t, struct circular_buffer *cb, uint32_t address, const void *value,
                     uint32_t bytes, uint64_t cycles) {
    remote_check_sources(t, address, bytes);
    remote_check_targets(t, cb, address, bytes);
    order_write(t, cb, address, bytes);
    memmove(l1_bytes(t->core, address), value, bytes); /* little-endian, as the device is */
    uint32_t bit = (address - t->core->run->l1_base) / 2;
    t->core->memory->written[bit / 8] |= (uint8_t)((bytes == 4 ? 3u : 1u) << (bit % 8));
    t->clock += cycles;
}

static void l1_store(struct thread *t, uint32_t address, uint32_t value, uint32_t bytes) {
    struct circular_buffer *cb = element_at(t, address, bytes, true);
    check_stored_value(t, cb, value);
    l1_write(t, cb, address, &value, bytes, 5);
}

void device_l1_store_u8(uint32_t line, uint32_t address, uint32_t value) {
    struct thread *t = data_enter(line, "l1_store_u8");
    l1_store(t, address, value, 1);
}

void device_l1_store_u16(uint32_t line, uint32_t address, uint32_t value) {
    struct thread *t = data_enter(line, "l1_store_u16");
    l1_store(t, address, value, 2);
}

void device_l1_store_u32(uint32_t line, uint32_t address, uint32_t value) {
    struct thread *t = data_enter(line, "l1_store_u32");
    l1_store(t, address, value, 4);
}

/* A mark stands for two bytes: of a byte they are marked together. */
static void check_written(struct thread *t, uint32_t from, uint32_t bytes) {
    const struct circular_buffer *source = element_at(t, from, bytes, false);
    uint32_t bit = (from - t->core->run->l1_base) / 2, marks = bytes == 4 ? 3 : 1;
    if ((t->core->memory->written[bit / 8] >> (bit % 8) & marks) != marks) {
        fault_help(t, "what is copied must be written before");
        thread_fault(t, "copies from a page of %s what nobody wrote", buffer_name(source));
    }
}

static uint32_t l1_load(struct thread *t, uint32_t from, uint32_t bytes) {
    uint32_t value = 0;
    check_written(t, from, bytes);
    memcpy(&value, l1_bytes(t->core, from), bytes); /* little-endian, as the device is */
    t->clock += 7;
    return value;
}

uint32_t device_l1_load_u8(uint32_t line, uint32_t from) {
    struct thread *t = data_enter(line, "l1_load_u8");
    return l1_load(t, from, 1);
}

uint32_t device_l1_load_u16(uint32_t line, uint32_t from) {
    struct thread *t = data_enter(line, "l1_load_u16");
    return l1_load(t, from, 2);
}

uint32_t device_l1_load_u32(uint32_t line, uint32_t from) {
    struct thread *t = data_enter(line, "l1_load_u32");
    return l1_load(t, from, 4);
}

static void l1_copy(struct thread *t, uint32_t address, uint32_t from, uint32_t bytes) {
    check_written(t, from, bytes);
    l1_write(t, element_at(t, address, bytes, true), address, l1_bytes(t->core, from), bytes, 12);
}

void device_l1_copy_u8(uint32_t line, uint32_t address, uint32_t from) {
    struct thread *t = data_enter(line, "l1_copy_u8");
    l1_copy(t, address, from, 1);
}

void device_l1_copy_u16(uint32_t line, uint32_t address, uint32_t from) {
    struct thread *t = data_enter(line, "l1_copy_u16");
    l1_copy(t, address, from, 2);
}

void device_l1_copy_u32(uint32_t line, uint32_t address, uint32_t from) {
    struct thread *t = data_enter(line, "l1_copy_u32");
    l1_copy(t, address, from, 4);
}

void noc_check_exit(struct thread *t) {
    remote_check_exit(t);
    if (t->reads.count > 0) {
        t->line = t->read_line;
        fault_help(t, "noc_async_read_barrier must stand before the end");
        thread_fault(t, "the %s ends with this read in flight", role_name(t->role));
    }
    if (t->writes.count > 0 || t->unacknowledged) {
        t->line = t->write_line;
        fault_help(t, "noc_async_write_barrier must stand before the end");
        thread_fault(t, "the %s ends with this write not acknowledged", role_name(t->role));
    }
}
