/* What each core knows of the others, whatever the order in which they happen to run: a vector clock a core.
 *
 * A core's own time goes on with what others must learn of: a reservation, a multicast, a write to a
 * semaphore. Writing to a semaphore hands over all that the writer knows, a wait that returns takes it. Two
 * accesses that no such chain orders may come in either order on the device, and that is a fault even where
 * the order at hand gives the right result. The threads of a core share what they know: circular buffers
 * order them.
 */
#include <stdlib.h>

#include "sim/core.h"

static uint32_t core_count(const struct device_run *run) {
    return (uint32_t)run->launch->core_count;
}

bool order_open(struct device_run *run) {
    size_t cores = run->launch->core_count, pages = 0;
    if (run->launch->semaphore_count == 0)
        return true;
    for (size_t i = 0; i < run->launch->buffer_count; ++i)
        pages += run->launch->buffers[i].pages;
    size_t vectors = cores * (1 + 2 * run->launch->semaphore_count);
    uint32_t *words = run->order_words = calloc(vectors * cores + 1, sizeof *words);
    struct page_order *order = run->order_pages = calloc(cores * pages + 1, sizeof *order);
    if (!words || !order)
        return false;
    for (size_t i = 0; i < cores; ++i) {
        struct core *core = &run->cores[i];
        core->knows = words;
        words += cores;
        for (size_t j = 0; j < run->launch->semaphore_count; ++j) {
            struct semaphore *semaphore = &core->semaphores[run->launch->semaphores[j].id];
            semaphore->hands_over = words;
            semaphore->increments = words + cores;
            words += 2 * cores;
        }
        for (size_t j = 0; j < run->launch->buffer_count; ++j) {
            core->buffers[j].order = order;
            order += core->buffers[j].pages;
        }
    }
    return true;
}

void order_close(struct device_run *run) {
    free(run->order_words);
    free(run->order_pages);
}

static void merge(uint32_t *into, const uint32_t *from, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i)
        into[i] = into[i] > from[i] ? into[i] : from[i];
}

static uint32_t step(struct core *core) {
    return ++core->knows[core->index];
}

static bool knows(const struct core *core, struct event event) {
    return event.time == 0 || core->knows[event.core] >= event.time;
}

/* ---- semaphores ---- */

_Noreturn static void report_race(struct thread *t, const struct core *owner,
                                  const struct semaphore *semaphore, uint32_t other, const char *what) {
    const struct core *core = &t->core->run->cores[other];
    thread_fault(
        t,
        "%s of core (%u,%u) is %s by core (%u,%u), and nothing says which comes first: one may undo the other",
        semaphore->spec->name, (unsigned)owner->x, (unsigned)owner->y, what, (unsigned)core->x,
        (unsigned)core->y);
}

void order_overwrite(struct thread *t, struct core *owner, struct semaphore *semaphore) {
    struct core *core = t->core;
    if (!knows(core, semaphore->overwritten))
        report_race(t, owner, semaphore, semaphore->overwritten.core, "also set");
    for (uint32_t i = 0; i < core_count(core->run); ++i)
        if (semaphore->increments[i] > core->knows[i])
            report_race(t, owner, semaphore, i, "also increased");
    semaphore->overwritten = (struct event){core->index, step(core)};
    merge(semaphore->hands_over, core->knows, core_count(core->run));
}

void order_increase(struct thread *t, struct core *owner, struct semaphore *semaphore) {
    struct core *core = t->core;
    if (!knows(core, semaphore->overwritten))
        report_race(t, owner, semaphore, semaphore->overwritten.core, "also set");
    semaphore->increments[core->index] = step(core);
    merge(semaphore->hands_over, core->knows, core_count(core->run));
}

void order_wait(struct thread *t, const struct semaphore *semaphore) {
    merge(t->core->knows, semaphore->hands_over, core_count(t->core->run));
}

/* ---- pages ---- */

void order_reserve(struct thread *t, struct circular_buffer *cb) {
    if (t->core->knows)
        cb->reserved_at = step(t->core);
}

static uint32_t page_at(const struct circular_buffer *cb, uint32_t address) {
    return (address - cb->base) / cb->page_bytes;
}

void order_send(struct thread *t, struct core *receiver, struct circular_buffer *cb, uint32_t address,
                uint32_t bytes) {
    struct core *core = t->core;
    if (!core->knows)
        thread_fault(
            t,
            "multicasts to %s of other cores, but the launch has no semaphore that could say that they are ready",
            buffer_name(cb));
    uint32_t known = core->knows[receiver->index];
    for (uint32_t page = page_at(cb, address); page <= page_at(cb, address + bytes - 1); ++page) {
        if (known < cb->reserved_at || known < cb->order[page].written)
            thread_fault(
                t,
                "multicasts to page %u of %s of core (%u,%u), which has %s it, but nothing tells core (%u,%u) so: the semaphore that says ready must come behind that and be waited for",
                (unsigned)page, buffer_name(cb), (unsigned)receiver->x, (unsigned)receiver->y,
                known < cb->reserved_at ? "reserved" : "written", (unsigned)core->x, (unsigned)core->y);
        cb->order[page].arrival = (struct event){core->index, core->knows[core->index]};
    }
}

/* The page, which a multicast may write, is touched by its own core. */
static void check_arrival(struct thread *t, struct circular_buffer *cb, uint32_t page, const char *what) {
    const struct event arrival = cb->order[page].arrival;
    const struct core *sender = &t->core->run->cores[arrival.core];
    if (!knows(t->core, arrival)) {
        fault_help(t, "wait for the semaphore that its sender sets behind the multicast, in every iteration");
        thread_fault(
            t,
            "%s page %u of %s, which a multicast of core (%u,%u) writes, without waiting for a semaphore that tells of it",
            what, (unsigned)page, buffer_name(cb), (unsigned)sender->x, (unsigned)sender->y);
    }
}

void order_write(struct thread *t, struct circular_buffer *cb, uint32_t address, uint32_t bytes) {
    if (!cb->order)
        return;
    for (uint32_t page = page_at(cb, address); page <= page_at(cb, address + bytes - 1); ++page) {
        check_arrival(t, cb, page, "writes");
        cb->order[page].written = step(t->core);
    }
}

void order_push(struct thread *t, struct circular_buffer *cb, uint32_t pages) {
    for (uint32_t i = 0; cb->order && i < pages; ++i) {
        check_arrival(t, cb, cb->write_page + i, "pushes");
        cb->order[cb->write_page + i] = (struct page_order){0};
    }
}
