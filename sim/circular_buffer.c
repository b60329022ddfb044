/* Circular buffers and the L1 they lie in. */
#include "sim/calls.h"
#include "sim/core.h"

bool l1_is_written(const struct core *core, uint32_t address, uint32_t bytes) {
    const uint8_t *marks = l1_marks(core, address);
    uint32_t count = bytes / 16, i = 0;
    uint64_t all = ~(uint64_t)0;
    if (address % 16 != 0 || bytes % 16 != 0) {
        uint32_t mark = address % 16 / 2, end = (address % 16 + bytes + 1) / 2;
        while (mark < end && marks[mark / 8] >> mark % 8 & 1)
            ++mark;
        return mark == end;
    }
    for (; i + 8 <= count; i += 8) {
        uint64_t eight;
        memcpy(&eight, marks + i, 8);
        all &= eight;
    }
    for (; i < count; ++i)
        all &= marks[i] | ~(uint64_t)0xff;
    return all == ~(uint64_t)0;
}

void report_no_buffer(struct thread *t, uint32_t id) {
    fault_help(t, "a function's constant is the number in the declaration of its circular buffer");
    thread_fault(t, "is for circular buffer number %u, which does not exist", (unsigned)id);
}

/* Is any byte of it written? */
static bool l1_is_touched(const struct core *core, uint32_t address, uint32_t bytes) {
    const uint8_t *marks = l1_marks(core, address);
    for (uint32_t i = 0; i < bytes / 16; ++i)
        if (marks[i])
            return true;
    return false;
}

void buffer_check_written(struct thread *t, const struct circular_buffer *cb, uint32_t page) {
    uint32_t address = cb->base + (cb->read_page + page) * cb->page_bytes;
    if (l1_is_written(t->core, address, cb->page_bytes))
        return;
    fault_help(t, "the producer must write every page that is read, before it pushes it");
    thread_fault(t, "reads page %u of %s, %s", (unsigned)page, buffer_name(cb),
                 l1_is_touched(t->core, address, cb->page_bytes) ? "which is not wholly written"
                                                                 : "which nobody wrote");
}

void buffer_check_window(struct thread *t, const struct circular_buffer *cb, int64_t page, bool to_write) {
    uint32_t first = to_write ? cb->write_page : cb->read_page;
    uint32_t window =
        to_write ? (cb->producer == t ? cb->reserved : 0) : (cb->consumer == t ? cb->waited : 0);
    if (page < 0 || page >= window) {
        fault_help(t, to_write ? "cb_reserve_back must cover every page that is written before the push"
                               : "cb_wait_front must cover every page that is read before the pop");
        thread_fault(t, "%s page %lld of %s, and %u %s %s", to_write ? "writes" : "reads", (long long)page,
                     buffer_name(cb), (unsigned)window, window == 1 ? "is" : "are",
                     to_write ? "reserved" : "waited for");
    }
    if (first + page >= cb->pages) {
        fault_help(t, "take pages and steps that keep every window in one turn of the ring");
        thread_fault(
            t, "page %lld of the window of %s, which begins at page %u, lies behind the end of the ring",
            (long long)page, buffer_name(cb), (unsigned)first);
    }
}

void buffers_check_empty(struct device_run *run) {
    for (size_t i = 0; i < run->launch->core_count * run->launch->buffer_count; ++i) {
        struct circular_buffer *cb = &run->all_buffers[i];
        if (cb->pop_line == 0 || cb->filled == 0)
            continue;
        cb->consumer->line = cb->pop_line;
        fault_launch(run, DEVICE_FAULT_KERNEL, "%u page%s of %s %s never popped", (unsigned)cb->filled,
                     cb->filled == 1 ? "" : "s", buffer_name(cb), cb->filled == 1 ? "is" : "are");
        fault_locate(run, cb->consumer);
        fault_help(cb->consumer, "every page that is pushed must be popped once");
        return;
    }
}

static void be_producer(struct thread *t, struct circular_buffer *cb) {
    if (cb->producer == t)
        return;
    if (cb->producer)
        thread_fault(t, "buffer %s is filled by the %s kernel: a buffer has one producer", buffer_name(cb),
                     role_name(cb->producer->role));
    cb->producer = t;
}

static void be_consumer(struct thread *t, struct circular_buffer *cb) {
    if (cb->consumer == t)
        return;
    if (cb->consumer)
        thread_fault(t, "buffer %s is emptied by the %s kernel: a buffer has one consumer", buffer_name(cb),
                     role_name(cb->consumer->role));
    cb->consumer = t;
}

void device_cb_reserve_back(uint32_t line, uint32_t buffer, uint32_t pages) {
    struct thread *t = call_enter(line, "cb_reserve_back");
    struct circular_buffer *cb = buffer_find(t, buffer);
    be_producer(t, cb);
    if (pages > cb->pages)
        thread_fault(t, "reserves %u of the pages of %s, which has %u: it would wait for ever",
                     (unsigned)pages, buffer_name(cb), (unsigned)cb->pages);
    thread_yield(t);
    while (cb->pages - cb->filled < pages) {
        cb->producer_blocked = true;
        cb->producer_wants = pages;
        t->blocked_on = cb;
        thread_block(t);
    }
    if (pages > 0) {
        uint64_t freed = cb->pop_clock[(cb->write_page + pages - 1) % cb->pages];
        t->clock = (t->clock > freed ? t->clock : freed) + t->core->run->device->costs->call;
    }
    if (pages > cb->reserved) {
        thread_order_window(t, cb, cb->pop_progress, cb->write_page + cb->reserved, pages - cb->reserved);
        cb->reserved = pages;
        order_reserve(t, cb);
    }
}

void device_cb_push_back(uint32_t line, uint32_t buffer, uint32_t pages) {
    struct thread *t = call_enter(line, "cb_push_back");
    struct circular_buffer *cb = buffer_find(t, buffer);
    be_producer(t, cb);
    if (pages > cb->reserved)
        thread_fault(t, "pushes %u of the pages of %s, with %u reserved", (unsigned)pages, buffer_name(cb),
                     (unsigned)cb->reserved);
    if (cb->write_page + pages > cb->pages)
        thread_fault(
            t,
            "pushes %u of the pages of %s from page %u on, but it wraps after page %u: pushes must sum to exactly its %u pages",
            (unsigned)pages, buffer_name(cb), (unsigned)cb->write_page, (unsigned)cb->pages - 1,
            (unsigned)cb->pages);
    if (t->reads.count > 0 &&
        transfers_overlap(&t->reads, cb->base + cb->write_page * cb->page_bytes, pages * cb->page_bytes)) {
        fault_help(t, "noc_async_read_barrier must stand before the push");
        thread_fault(t, "pushes pages of %s with a read into them in flight", buffer_name(cb));
    }
    remote_check_targets(t, cb, cb->base + cb->write_page * cb->page_bytes, pages * cb->page_bytes);
    order_push(t, cb, pages);
    t->clock += t->core->run->device->costs->call;
    for (uint32_t i = 0; i < pages; ++i)
        cb->push_clock[cb->write_page + i] = t->clock;
    thread_order_move(t, cb->push_progress, cb->write_page, pages);
    cb->write_page += pages;
    if (cb->write_page == cb->pages)
        cb->write_page = 0;
    cb->filled += pages;
    cb->reserved -= pages;
    cb->pushed += pages;
    cb->pack_order = PACK_NONE;
    cb->pack_next = 0;
    if (cb->consumer_blocked && cb->filled >= cb->consumer_wants) {
        cb->consumer_blocked = false;
        scheduler_wake(t->core->run, cb->consumer);
    }
    thread_yield(t);
}

void device_cb_wait_front(uint32_t line, uint32_t buffer, uint32_t pages) {
    struct thread *t = call_enter(line, "cb_wait_front");
    struct circular_buffer *cb = buffer_find(t, buffer);
    be_consumer(t, cb);
    if (pages > cb->pages)
        thread_fault(t, "waits for %u of the pages of %s, which has %u: it would wait for ever",
                     (unsigned)pages, buffer_name(cb), (unsigned)cb->pages);
    if (cb->wait_is_used && pages > 0 && pages <= cb->waited)
        thread_fault(
            t,
            "waits for %u of the pages of %s after a wait for %u, with none popped since: waits count from the front",
            (unsigned)pages, buffer_name(cb), (unsigned)cb->waited);
    thread_yield(t);
    while (cb->filled < pages) {
        cb->consumer_blocked = true;
        cb->consumer_wants = pages;
        t->blocked_on = cb;
        thread_block(t);
    }
    if (pages > 0) {
        uint64_t arrived = cb->push_clock[(cb->read_page + pages - 1) % cb->pages];
        t->clock = (t->clock > arrived ? t->clock : arrived) + t->core->run->device->costs->call;
        cb->wait_is_used = true;
    }
    if (pages > cb->waited) {
        thread_order_window(t, cb, cb->push_progress, cb->read_page + cb->waited, pages - cb->waited);
        cb->waited = pages;
    }
}

void device_cb_pop_front(uint32_t line, uint32_t buffer, uint32_t pages) {
    struct thread *t = call_enter(line, "cb_pop_front");
    struct circular_buffer *cb = buffer_find(t, buffer);
    be_consumer(t, cb);
    if (pages > cb->waited)
        thread_fault(t, "pops %u of the pages of %s, with %u waited for", (unsigned)pages, buffer_name(cb),
                     (unsigned)cb->waited);
    if (cb->read_page + pages > cb->pages)
        thread_fault(
            t,
            "pops %u of the pages of %s from page %u on, but it wraps after page %u: pops must sum to exactly its %u pages",
            (unsigned)pages, buffer_name(cb), (unsigned)cb->read_page, (unsigned)cb->pages - 1,
            (unsigned)cb->pages);
    uint32_t address = cb->base + cb->read_page * cb->page_bytes, bytes = pages * cb->page_bytes;
    if (t->writes.count > 0 && transfers_overlap(&t->writes, address, bytes)) {
        fault_help(t, "noc_async_writes_flushed must stand before the pop");
        thread_fault(t, "pops pages of %s with a write from them in flight", buffer_name(cb));
    }
    remote_check_sources(t, address, bytes);
    if (pages == 0)
        return;
    l1_mark(t->core, address, bytes, false);
    thread_order_move(t, cb->pop_progress, cb->read_page, pages);
    t->clock += t->core->run->device->costs->call;
    for (uint32_t page = cb->read_page; page < cb->read_page + pages; ++page) {
        cb->pop_clock[page] = t->clock;
        if (cb->operands[page] != 0)
            operand_release(t->core->run->device->operands, cb, page);
    }
    cb->read_page += pages;
    if (cb->read_page == cb->pages)
        cb->read_page = 0;
    cb->filled -= pages;
    cb->waited -= pages;
    cb->wait_is_used = false;
    cb->pop_line = line;
    cb->scaler_checked = 0;
    if (cb->producer_blocked && cb->pages - cb->filled >= cb->producer_wants) {
        cb->producer_blocked = false;
        scheduler_wake(t->core->run, cb->producer);
    }
    thread_yield(t);
}

uint32_t device_get_write_ptr(uint32_t line, uint32_t buffer) {
    struct thread *t = call_enter(line, "get_write_ptr");
    struct circular_buffer *cb = buffer_find(t, buffer);
    if (t->role == DEVICE_COMPUTE)
        thread_fault(t, "is a call of data movement kernels");
    return cb->base + cb->write_page * cb->page_bytes;
}

uint32_t device_get_read_ptr(uint32_t line, uint32_t buffer) {
    struct thread *t = call_enter(line, "get_read_ptr");
    struct circular_buffer *cb = buffer_find(t, buffer);
    if (t->role == DEVICE_COMPUTE)
        thread_fault(t, "is a call of data movement kernels");
    return cb->base + cb->read_page * cb->page_bytes;
}

const uint8_t *buffer_read_tile(struct thread *t, struct circular_buffer *cb, uint32_t tile) {
    buffer_check_window(t, cb, tile, false);
    if (!cb->tiles)
        thread_fault(t, "reads a tile of %s, but its pages have %u bytes and a tile of %s has %u",
                     buffer_name(cb), (unsigned)cb->page_bytes, data_format_name(cb->spec->format),
                     (unsigned)data_format_tile_bytes(cb->spec->format));
    buffer_check_written(t, cb, tile);
    ++t->core->run->statistics.tiles_unpacked;
    t->clock += cb->page_bytes / t->core->run->device->costs->unpack_bytes_per_cycle;
    return l1_bytes(t->core, cb->base + (cb->read_page + tile) * cb->page_bytes);
}

uint32_t buffer_write_page(struct thread *t, struct circular_buffer *cb, uint32_t index) {
    buffer_check_window(t, cb, index, true);
    return cb->base + (cb->write_page + index) * cb->page_bytes;
}
