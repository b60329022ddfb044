/* Writes to other cores: multicast of pages and of semaphores, increments of semaphores.
 *
 * What was issued may land at any time until it is waited for. Pages land as late as the rules allow: with a
 * barrier, or before a semaphore multicast that is ordered behind them, which takes the same path (linked)
 * and on Blackhole a flush in between. Semaphores land at once, and their sender then gives way to all
 * others, so that whoever is told too early runs into it; with a seed they also land late. The bytes that
 * leave are those that L1 holds at the flush. A block is sent whole: bytes of it that were not written, of
 * pages beyond the end of a tensor, are unwritten where they land.
 */
#include <stdlib.h>

#include "sim/calls.h"
#include "sim/core.h"

/* ---- addresses: 32 bits of L1 address, then 6 for each coordinate, and one that says multicast ---- */

enum { COORDINATE_BITS = 6 };
_Static_assert(NOC_EDGE == 1 << COORDINATE_BITS, "a coordinate fits its bits");
#define MULTICAST_BIT ((uint64_t)1 << 63)

static uint64_t pack_corner(struct thread *t, uint32_t x, uint32_t y, uint32_t first_bit) {
    if (x >= NOC_EDGE || y >= NOC_EDGE)
        thread_fault(t, "(%u,%u) are no NoC coordinates", (unsigned)x, (unsigned)y);
    return (uint64_t)x << first_bit | (uint64_t)y << (first_bit + COORDINATE_BITS);
}

uint64_t device_get_noc_addr(uint32_t line, uint32_t x, uint32_t y, uint32_t address) {
    struct thread *t = data_enter(line, "get_noc_addr");
    return pack_corner(t, x, y, 32) | pack_corner(t, x, y, 32 + 2 * COORDINATE_BITS) | address;
}

uint64_t device_get_noc_multicast_addr(uint32_t line, uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1,
                                       uint32_t address) {
    struct thread *t = data_enter(line, "get_noc_multicast_addr");
    return MULTICAST_BIT | pack_corner(t, x0, y0, 32) | pack_corner(t, x1, y1, 32 + 2 * COORDINATE_BITS) |
           address;
}

static uint32_t coordinate(uint64_t target, int which) {
    return (uint32_t)(target >> (32 + which * COORDINATE_BITS)) % NOC_EDGE;
}

static struct core *core_at(struct thread *t, uint32_t x, uint32_t y) {
    struct device_run *run = t->core->run;
    uint16_t core = run->noc_cores[y][x];
    if (core == 0 || core == CORE_IDLE)
        fault_help(t, "NoC coordinates of a core come from launch arguments: noc_x(x, y), noc_y(x, y)");
    if (core == 0)
        thread_fault(t, "no core has the NoC coordinates (%u,%u)", (unsigned)x, (unsigned)y);
    if (core == CORE_IDLE)
        thread_fault(t, "the core at the NoC coordinates (%u,%u) takes no part in the launch", (unsigned)x,
                     (unsigned)y);
    return &run->cores[core - 1];
}

/* ---- receivers ---- */

/* The next core of the rectangle but the sender's, from place *at on; NULL at its end. */
static struct core *next_receiver(const struct thread *t, const struct rectangle *cores, uint32_t *at) {
    uint32_t columns = cores->x1 - cores->x0 + 1, count = columns * (cores->y1 - cores->y0 + 1);
    struct device_run *run = t->core->run;
    while (*at < count) {
        uint16_t core = run->noc_cores[cores->y0 + *at / columns][cores->x0 + *at % columns];
        ++*at;
        if (core != 0 && core != CORE_IDLE && &run->cores[core - 1] != t->core)
            return &run->cores[core - 1];
    }
    return NULL;
}

/* The rectangle of a multicast, with receivers as many as the call says. On the second NoC, which is the
 * writer's, start and end are exchanged.
 */
static struct rectangle rectangle_of(struct thread *t, uint64_t target, uint32_t receivers) {
    if (!(target & MULTICAST_BIT))
        thread_fault(t, "is given the address of one core: get_noc_multicast_addr makes that of a rectangle");
    bool swapped = t->role == DEVICE_WRITER;
    int first = swapped ? 2 : 0, last = swapped ? 0 : 2;
    struct rectangle cores = {coordinate(target, first), coordinate(target, first + 1),
                              coordinate(target, last), coordinate(target, last + 1)};
    if (cores.x0 > cores.x1 || cores.y0 > cores.y1)
        thread_fault(t, "the rectangle (%u,%u) to (%u,%u) runs backwards%s", (unsigned)coordinate(target, 0),
                     (unsigned)coordinate(target, 1), (unsigned)coordinate(target, 2),
                     (unsigned)coordinate(target, 3),
                     swapped ? " for the writer: on its NoC start and end are exchanged" : "");
    core_at(t, cores.x0, cores.y0);
    core_at(t, cores.x1, cores.y1);
    uint32_t found = 0;
    for (uint32_t y = cores.y0; y <= cores.y1; ++y)
        for (uint32_t x = cores.x0; x <= cores.x1; ++x)
            if (t->core->run->noc_cores[y][x] != 0) /* columns of memory hold no cores */
                found += core_at(t, x, y) != t->core;
    if (found != receivers || found == 0)
        thread_fault(
            t, "multicasts to %u receiver%s, but the rectangle (%u,%u) to (%u,%u) has %u beside the sender%s",
            (unsigned)receivers, receivers == 1 ? "" : "s", (unsigned)cores.x0, (unsigned)cores.y0,
            (unsigned)cores.x1, (unsigned)cores.y1, (unsigned)found,
            found == 0 ? ": nothing may be sent to nobody" : "");
    return cores;
}

/* What is written to a core whose kernels have ended reaches those that follow. */
static void check_running(struct thread *t, const struct core *core) {
    if (core->unfinished == 0)
        thread_fault(t, "the kernels of core (%u,%u) have ended", (unsigned)core->x, (unsigned)core->y);
}

static struct circular_buffer *buffer_at(const struct core *core, uint32_t address) {
    for (size_t i = 0; i < core->run->launch->buffer_count; ++i) {
        struct circular_buffer *cb = &core->buffers[i];
        if (address - cb->base < cb->pages * cb->page_bytes)
            return cb;
    }
    return NULL;
}

/* Has the core reserved these bytes of its buffer? */
static bool is_reserved(const struct circular_buffer *cb, uint32_t address, uint32_t bytes) {
    uint32_t begin = cb->base + cb->write_page * cb->page_bytes;
    return address >= begin && address + bytes <= begin + cb->reserved * cb->page_bytes;
}

/* ---- landing ---- */

static void land_pages(struct thread *t, struct remote_write *write) {
    const uint8_t *bytes = write->copy ? write->copy : l1_bytes(t->core, write->source);
    struct core *core;
    for (uint32_t at = 0; (core = next_receiver(t, &write->cores, &at)) != NULL;) {
        struct circular_buffer *cb = buffer_at(core, write->address);
        --cb->incoming;
        memcpy(l1_bytes(core, write->address), bytes, write->bytes);
        l1_mark(core, write->address, write->bytes, true);
        if (write->marks)
            memcpy(l1_marks(core, write->address), write->marks, write->bytes / 16);
    }
    free(write->copy);
    free(write->marks);
    write->copy = write->marks = NULL;
}

static struct semaphore *known_semaphore(struct core *core, uint32_t address) {
    return &core->semaphores[(address - core->run->semaphore_base) /
                             core->run->device->architecture->l1_alignment];
}

static void land_flag(struct thread *t, struct remote_write *write) {
    uint32_t value = write->departed ? write->value : known_semaphore(t->core, write->source)->value, at = 0;
    struct core *core;
    while ((core = next_receiver(t, &write->cores, &at)) != NULL)
        semaphore_change(core, known_semaphore(core, write->address), value, write->arrival);
}

static void land_increment(struct thread *t, struct remote_write *write) {
    struct device_run *run = t->core->run;
    struct core *core = &run->cores[run->noc_cores[write->cores.y0][write->cores.x0] - 1];
    struct semaphore *semaphore = known_semaphore(core, write->address);
    semaphore_change(core, semaphore, semaphore->value + write->value, write->arrival);
}

static void land(struct thread *t, struct remote_write *write) {
    if (write->landed)
        return;
    write->landed = true;
    t->core->run->flying -= write->kind != REMOTE_PAGES;
    if (write->kind == REMOTE_PAGES)
        land_pages(t, write);
    else if (write->kind == REMOTE_FLAG)
        land_flag(t, write);
    else
        land_increment(t, write);
}

/* Lands the flags and increments up to this one, the pages that they cannot overtake first. */
static void land_until(struct thread *t, size_t last) {
    for (size_t i = 0; i <= last; ++i) {
        struct remote_write *write = &t->remote.items[i];
        if (write->kind != REMOTE_PAGES || write->ordered)
            land(t, write);
    }
}

static void drop_settled(struct thread *t) {
    size_t kept = 0;
    for (size_t i = 0; i < t->remote.count; ++i)
        if (!t->remote.items[i].landed || !t->remote.items[i].departed)
            t->remote.items[kept++] = t->remote.items[i];
    t->remote.count = kept;
}

void remote_settle(struct device_run *run, bool all) {
    for (size_t i = 0; i < run->launch->core_count * DEVICE_ROLES; ++i) {
        struct thread *t = &run->cores[i / DEVICE_ROLES].threads[i % DEVICE_ROLES];
        for (size_t j = 0; j < t->remote.count; ++j)
            if (!t->remote.items[j].landed && t->remote.items[j].kind != REMOTE_PAGES &&
                (all || scheduler_draw(run, 8) == 0))
                land_until(t, j);
        drop_settled(t);
    }
}

/* ---- leaving and acknowledgement ---- */

static void depart(struct thread *t, struct remote_write *write) {
    if (write->departed)
        return;
    write->departed = true;
    if (write->kind == REMOTE_FLAG)
        write->value = known_semaphore(t->core, write->source)->value;
    if (write->kind != REMOTE_PAGES || write->landed)
        return;
    write->copy = malloc(write->bytes);
    if (!write->copy)
        thread_out_of_memory(t);
    memcpy(write->copy, l1_bytes(t->core, write->source), write->bytes);
}

void remote_flush(struct thread *t) {
    for (size_t i = 0; i < t->remote.count; ++i)
        depart(t, &t->remote.items[i]);
    drop_settled(t);
}

void remote_acknowledge(struct thread *t) {
    for (size_t i = 0; i < t->remote.count; ++i)
        if (t->remote.items[i].kind != REMOTE_INCREMENT) {
            land(t, &t->remote.items[i]);
            t->remote.items[i].departed = true;
        }
    drop_settled(t);
    uint64_t acknowledged = t->noc_free + t->core->run->device->costs->multicast_latency;
    if (t->multicast_unacknowledged && t->clock < acknowledged)
        t->clock = acknowledged;
    t->multicast_unacknowledged = false;
}

void device_noc_async_atomic_barrier(uint32_t line) {
    struct thread *t = data_enter(line, "noc_async_atomic_barrier");
    thread_yield(t);
    for (size_t i = 0; i < t->remote.count; ++i)
        if (t->remote.items[i].kind == REMOTE_INCREMENT)
            land(t, &t->remote.items[i]);
    drop_settled(t);
    if (t->atomics > 0)
        t->clock += t->core->run->device->costs->atomic_latency;
    t->atomics = 0;
}

/* ---- rules between calls ---- */

void remote_check_link(struct thread *t) {
    if (t->link_open)
        thread_fault(
            t,
            "the last multicast was linked: its path is held for another multicast to the same cores, and nothing else may be waited for or written before that");
}

void remote_check_sources(struct thread *t, uint32_t address, uint32_t bytes) {
    for (size_t i = 0; i < t->remote.count; ++i) {
        const struct remote_write *write = &t->remote.items[i];
        if (write->departed || write->source >= address + bytes || address >= write->source + write->bytes)
            continue;
        fault_help(t, "noc_async_writes_flushed must stand before what changes the bytes that are sent");
        if (write->kind == REMOTE_FLAG)
            thread_fault(t, "%s is set while a multicast of it is in flight",
                         known_semaphore(t->core, address)->spec->name);
        thread_fault(t, "a multicast may still read these bytes");
    }
}

void remote_check_targets(struct thread *t, struct circular_buffer *cb, uint32_t address, uint32_t bytes) {
    struct device_run *run = t->core->run;
    for (size_t i = 0; cb->incoming > 0 && i < run->launch->core_count * DEVICE_ROLES; ++i) {
        struct thread *sender = &run->cores[i / DEVICE_ROLES].threads[i % DEVICE_ROLES];
        for (size_t j = 0; j < sender->remote.count; ++j) {
            const struct remote_write *write = &sender->remote.items[j];
            uint32_t at = 0;
            struct core *core;
            if (write->landed || write->kind != REMOTE_PAGES || write->address >= address + bytes ||
                address >= write->address + write->bytes)
                continue;
            while ((core = next_receiver(sender, &write->cores, &at)) != NULL)
                if (core == t->core)
                    thread_fault(
                        t,
                        "a multicast of core (%u,%u) into these pages of %s may not have landed: the semaphore that told of it can overtake it",
                        (unsigned)sender->core->x, (unsigned)sender->core->y, buffer_name(cb));
        }
    }
}

void remote_check_exit(struct thread *t) {
    remote_check_link(t);
    for (size_t i = 0; i < t->core->run->launch->buffer_count; ++i) {
        struct circular_buffer *cb = &t->core->buffers[i];
        if (cb->producer == t)
            remote_check_targets(t, cb, cb->base, cb->pages * cb->page_bytes);
    }
    if (t->multicast_unacknowledged)
        thread_fault(
            t,
            "the kernel ends with multicasts that are not acknowledged: noc_async_write_barrier is missing");
    if (t->atomics > 0)
        thread_fault(
            t,
            "the kernel ends with increments of semaphores that are not acknowledged: noc_async_atomic_barrier is missing");
}

void remote_discard(struct thread *t) {
    for (size_t i = 0; i < t->remote.count; ++i) {
        free(t->remote.items[i].copy);
        free(t->remote.items[i].marks);
    }
    free(t->remote.items);
    t->remote = (struct remote_write_list){0};
}

/* ---- sending ---- */

static void remote_add(struct thread *t, struct remote_write write) {
    struct remote_write_list *list = &t->remote;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 8;
        struct remote_write *items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            thread_out_of_memory(t);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = write;
    t->core->run->flying += write.kind != REMOTE_PAGES;
}

/* A flag or an increment: it lands at once, or later if the seed says so, and all others go first. */
static void remote_tell(struct thread *t, struct remote_write write) {
    remote_add(t, write);
    if (scheduler_draw(t->core->run, 2) == 0)
        land_until(t, t->remote.count - 1);
    drop_settled(t);
    thread_defer(t);
}

static uint32_t distance(uint32_t from, uint32_t low, uint32_t high) {
    uint32_t below = from > low ? from - low : 0, above = high > from ? high - from : 0;
    return below > above ? below : above;
}

/* When the farthest core has what was sent last. */
static uint64_t arrival_at(struct thread *t, const struct rectangle *cores) {
    const struct clock_costs *costs = t->core->run->device->costs;
    uint32_t x = 0, y = 0;
    architecture_noc_coordinates(t->core->run->device->architecture, t->core->x, t->core->y, &x, &y);
    uint64_t sent = t->clock > t->noc_free ? t->clock : t->noc_free;
    return sent + costs->remote_base +
           costs->remote_hop * (distance(x, cores->x0, cores->x1) + distance(y, cores->y0, cores->y1));
}

/* Issue and link of a multicast. */
static void multicast_begin(struct thread *t, const struct rectangle *cores, uint32_t bytes, bool linked) {
    const struct clock_costs *costs = t->core->run->device->costs;
    bool on_link = linked || t->link_open;
    if (t->link_open && memcmp(&t->link, cores, sizeof *cores) != 0)
        thread_fault(t, "the multicast before it was linked, to other cores: (%u,%u) to (%u,%u)",
                     (unsigned)t->link.x0, (unsigned)t->link.y0, (unsigned)t->link.x1, (unsigned)t->link.y1);
    t->link_open = linked;
    t->link = *cores;
    t->multicast_unacknowledged = true;
    t->clock += on_link ? costs->linked_issue : costs->multicast_issue;
    if (t->noc_free < t->clock)
        t->noc_free = t->clock;
    t->noc_free += (uint64_t)bytes * 100 /
                   (on_link ? costs->linked_bytes_per_100_cycles : costs->multicast_bytes_per_100_cycles);
}

/* The bytes lie in a window of the sender, and none is still on its way there. */
static struct circular_buffer *check_source(struct thread *t, uint32_t source, uint32_t bytes) {
    uint32_t alignment = t->core->run->device->architecture->l1_alignment;
    struct circular_buffer *cb = buffer_at(t->core, source);
    if (source % alignment != 0 || bytes % alignment != 0 || bytes == 0)
        thread_fault(t, "%u bytes from 0x%x: a multicast moves multiples of %u bytes from such an address",
                     (unsigned)bytes, (unsigned)source, (unsigned)alignment);
    window_at(t, source, bytes, cb && cb->producer == t);
    if (t->reads.count > 0 && transfers_overlap(&t->reads, source, bytes))
        thread_fault(t, "multicasts pages of %s with reads in flight: noc_async_read_barrier is missing",
                     buffer_name(cb));
    return cb;
}

/* Which of the bytes are written, NULL: all. The sender may pop its pages before they land elsewhere. */
static uint8_t *copy_marks(struct thread *t, uint32_t source, uint32_t bytes) {
    if (l1_is_written(t->core, source, bytes))
        return NULL;
    uint8_t *marks = malloc(bytes / 16);
    if (!marks)
        thread_out_of_memory(t);
    return memcpy(marks, l1_marks(t->core, source), bytes / 16);
}

static void check_target(struct thread *t, const struct circular_buffer *from, uint32_t source,
                         uint32_t address, uint32_t bytes, const struct rectangle *cores) {
    struct core *core;
    if (address - from->base >= from->pages * from->page_bytes)
        thread_fault(t, "multicasts pages of %s to 0x%x, which is outside of it", buffer_name(from),
                     (unsigned)address);
    if (address != source)
        thread_fault(t, "multicasts byte %u of %s to byte %u: a block has the same place on all cores",
                     (unsigned)(source - from->base), buffer_name(from), (unsigned)(address - from->base));
    for (uint32_t at = 0; (core = next_receiver(t, cores, &at)) != NULL;) {
        check_running(t, core);
        const struct circular_buffer *cb = &core->buffers[from - t->core->buffers];
        uint32_t page = (address - cb->base) / cb->page_bytes;
        if (!is_reserved(cb, address, bytes))
            thread_fault(
                t,
                "multicasts %u pages to %s of core (%u,%u) from page %u on, which has %u reserved from page %u on: receivers reserve before they say that they are ready",
                (unsigned)(bytes / cb->page_bytes), buffer_name(cb), (unsigned)core->x, (unsigned)core->y,
                (unsigned)page, (unsigned)cb->reserved, (unsigned)cb->write_page);
    }
}

void device_noc_async_write_multicast(uint32_t line, uint32_t source, uint64_t target, uint32_t bytes,
                                      uint32_t receivers, uint32_t linked) {
    struct thread *t = data_enter(line, "noc_async_write_multicast");
    struct rectangle cores = rectangle_of(t, target, receivers);
    struct circular_buffer *cb = check_source(t, source, bytes);
    check_target(t, cb, source, (uint32_t)target, bytes, &cores);
    multicast_begin(t, &cores, bytes, linked != 0);
    struct core *core;
    for (uint32_t at = 0; (core = next_receiver(t, &cores, &at)) != NULL;) {
        struct circular_buffer *to = &core->buffers[cb - t->core->buffers];
        order_send(t, core, to, source, bytes);
        ++to->incoming;
        l1_mark(core, source, bytes, false);
    }
    remote_add(t, (struct remote_write){.kind = REMOTE_PAGES,
                                        .cores = cores,
                                        .source = source,
                                        .address = source,
                                        .bytes = bytes,
                                        .linked = linked != 0,
                                        .marks = copy_marks(t, source, bytes)});
    t->core->run->statistics.pages_sent += bytes / cb->page_bytes;
    t->core->run->statistics.pages_received += (uint64_t)(bytes / cb->page_bytes) * receivers;
    thread_yield(t);
}

/* A flag must change the word that it overwrites, else who waits for it cannot tell it from the one before.
 *
 */
static void tell_receivers(struct thread *t, const struct rectangle *cores, uint32_t source,
                           uint32_t address) {
    uint32_t value = known_semaphore(t->core, source)->value, at = 0;
    struct core *core;
    while ((core = next_receiver(t, cores, &at)) != NULL) {
        struct semaphore *semaphore = known_semaphore(core, address);
        check_running(t, core);
        order_overwrite(t, core, semaphore);
        semaphore->progress = (struct progress){0}; /* threads of another core speak for none of this one */
        if (semaphore->value == value)
            thread_fault(
                t,
                "multicasts %u to %s of core (%u,%u), which is %u already: its waits cannot tell this one from the last; a receiver sets it to another value before it says that it is ready",
                (unsigned)value, semaphore->spec->name, (unsigned)core->x, (unsigned)core->y,
                (unsigned)value);
    }
}

void device_noc_semaphore_set_multicast(uint32_t line, uint32_t source, uint64_t target, uint32_t receivers) {
    struct thread *t = data_enter(line, "noc_semaphore_set_multicast");
    struct rectangle cores = rectangle_of(t, target, receivers);
    semaphore_at(t, t->core, source);
    semaphore_at(t, t->core, (uint32_t)target);
    multicast_begin(t, &cores, 0, false);
    tell_receivers(t, &cores, source, (uint32_t)target);
    bool needs_flush = t->core->run->device->architecture->chip == CHIP_BLACKHOLE;
    for (size_t i = 0; i < t->remote.count; ++i) {
        struct remote_write *write = &t->remote.items[i];
        write->ordered |= write->kind == REMOTE_PAGES && write->linked &&
                          memcmp(&write->cores, &cores, sizeof cores) == 0 &&
                          (write->departed || !needs_flush);
    }
    remote_tell(t, (struct remote_write){.kind = REMOTE_FLAG,
                                         .cores = cores,
                                         .source = source,
                                         .address = (uint32_t)target,
                                         .bytes = sizeof(uint32_t),
                                         .arrival = arrival_at(t, &cores)});
}

void device_noc_semaphore_inc(uint32_t line, uint64_t target, uint32_t increment) {
    struct thread *t = data_enter(line, "noc_semaphore_inc");
    if (target & MULTICAST_BIT)
        thread_fault(t, "is given the address of a rectangle: get_noc_addr makes that of one core");
    remote_check_link(t);
    struct rectangle cores = {coordinate(target, 0), coordinate(target, 1), coordinate(target, 0),
                              coordinate(target, 1)};
    struct core *core = core_at(t, cores.x0, cores.y0);
    struct semaphore *semaphore = semaphore_at(t, core, (uint32_t)target);
    check_running(t, core);
    t->clock += t->core->run->device->costs->remote_issue;
    ++t->atomics;
    order_increase(t, core, semaphore);
    semaphore->progress = core == t->core ? t->knows : (struct progress){0};
    remote_tell(t, (struct remote_write){.kind = REMOTE_INCREMENT,
                                         .cores = cores,
                                         .address = (uint32_t)target,
                                         .value = increment,
                                         .departed = true,
                                         .arrival = arrival_at(t, &cores)});
}
