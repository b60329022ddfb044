/* Cores that run together: semaphores, multicast, and whose turn it is. Writes to other cores take place at
 * once; when they may land on the device is the embedded device's business. What is checked here are windows,
 * receivers and deadlock.
 */
#include <inttypes.h>
#include <string.h>

#include "evaluate/machine.h"

#define SEMAPHORE_BASE 0x8000u /* addresses mean nothing outside the evaluator */
#define SEMAPHORE_BYTES 16

/* ---- the core at work ---- */

static void core_enter(struct machine *m, struct machine_core *core) {
    m->core = core;
    m->state = core->state;
}

void core_leave(struct machine *m) {
    m->core->state = m->state;
}

/* ---- whose turn it is ---- */

static bool runnable(const struct machine_thread *t) {
    if (t->finished)
        return false;
    if (!t->waits)
        return true;
    if (t->waits_semaphore)
        return t->waits_semaphore->value == t->waits_value;
    uint32_t filled = t->waits_for->filled;
    bool reserves = strcmp(t->waits->name, "cb_reserve_back") == 0;
    return reserves ? t->waits_for->pages - filled >= t->waits_pages : filled >= t->waits_pages;
}

static const char *wait_text(struct machine *m, const struct machine_thread *t) {
    const struct machine_semaphore *semaphore = t->waits_semaphore;
    if (semaphore)
        return arena_printf(m->arena, "%s until %s is %u, and it is %u", t->waits->name,
                            semaphore->plan->name, t->waits_value, semaphore->value);
    return arena_printf(m->arena, "%s of %u pages of %s, which holds %u of %u", t->waits->name,
                        t->waits_pages, t->waits_for->plan->name, t->waits_for->filled, t->waits_for->pages);
}

/* Who waits in the same place for the same is told once. */
static bool is_told(struct machine *m, const struct machine_core *last, const struct machine_thread *t,
                    const char *text) {
    for (const struct machine_core *core = m->cores; core < last; core++) {
        const struct machine_thread *other = &core->threads[t - last->threads];
        if (!other->finished && other->waits == t->waits && strcmp(wait_text(m, other), text) == 0)
            return true;
    }
    return false;
}

/* The first thread that waits is the error, the others are notes. */
static void report_deadlock(struct machine *m) {
    for (size_t i = 0; i < m->core_count; i++)
        for (size_t j = 0; j < m->program->thread_count; j++) {
            const struct machine_core *core = &m->cores[i];
            const struct machine_thread *t = &core->threads[j];
            const char *role =
                m->program->thread_count > 1 ? word_text(WORDS_role, (int)t->role) : "the kernel";
            const char *text = t->finished ? NULL : wait_text(m, t);
            if (!text || is_told(m, core, t, text))
                continue;
            if (m->stopped)
                report_note(m->diagnostics, t->span, "%s waits on core %u: %s", role, core->number, text);
            else
                machine_fault(m, t->span, "%s waits for ever on core %u: %s", role, core->number, text);
        }
}

/* Runs the threads of a core that can run, each until it waits. */
static bool core_run(struct machine *m, struct machine_core *core) {
    bool progress = false;
    core_enter(m, core);
    for (size_t i = 0; i < m->program->thread_count && !m->stopped; i++) {
        struct machine_thread *t = &core->threads[i];
        if (!runnable(t))
            continue;
        progress = true;
        t->waits = NULL;
        thread_run(m, t);
        core->unfinished -= t->finished;
    }
    core_leave(m);
    return progress;
}

void cores_run(struct machine *m) {
    bool progress = true, left = true;
    while (left && progress && !m->stopped) {
        progress = left = false;
        for (size_t i = 0; i < m->core_count && !m->stopped; i++) {
            progress |= core_run(m, &m->cores[i]);
            left |= m->cores[i].unfinished > 0;
        }
    }
    if (left && !m->stopped)
        report_deadlock(m);
}

/* ---- addresses ---- */

int64_t semaphore_address(struct machine *m, int64_t id, struct span span) {
    if (id >= 0 && id < SEMAPHORE_LIMIT && m->core->semaphores[id].plan)
        return SEMAPHORE_BASE + id * SEMAPHORE_BYTES;
    machine_fault(m, span, "there is no semaphore number %" PRId64, id);
    return 0;
}

/* The semaphore of a core at an address; NULL after a fault. */
static struct machine_semaphore *semaphore_at(struct machine *m, struct machine_core *core, int64_t address) {
    int64_t offset = address - SEMAPHORE_BASE;
    if (offset >= 0 && offset % SEMAPHORE_BYTES == 0 && offset / SEMAPHORE_BYTES < SEMAPHORE_LIMIT &&
        core->semaphores[offset / SEMAPHORE_BYTES].plan)
        return &core->semaphores[offset / SEMAPHORE_BYTES];
    machine_fault(m, m->span, "address %" PRId64 " is no semaphore", address);
    return NULL;
}

/* A NoC address as one number: 32 bits of L1 address and 6 for each of x0, y0, x1, y1. */
enum { COORDINATE_BITS = 6, COORDINATE_LIMIT = 1 << COORDINATE_BITS };

struct target {
    uint32_t corners[4];
    int64_t address;
};

int64_t noc_address_of(struct machine *m, const struct noc_place *place) {
    int64_t packed = integer_of(m, place->address) & UINT32_MAX;
    for (int i = 0; i < 4 && !m->stopped; i++) {
        int64_t corner = integer_of(m, place->corners[i]);
        if (corner < 0 || corner >= COORDINATE_LIMIT) {
            machine_fault(m, m->span, "%" PRId64 " is no NoC coordinate", corner);
            return 0;
        }
        packed |= corner << (32 + COORDINATE_BITS * i);
    }
    return packed;
}

static struct target target_of(int64_t packed) {
    struct target target = {.address = packed & UINT32_MAX};
    for (int i = 0; i < 4; i++)
        target.corners[i] = (uint32_t)(packed >> (32 + COORDINATE_BITS * i)) % COORDINATE_LIMIT;
    return target;
}

static struct machine_core *core_at(struct machine *m, uint32_t noc_x, uint32_t noc_y) {
    for (size_t i = 0; i < m->core_count; i++)
        if (m->cores[i].noc_x == noc_x && m->cores[i].noc_y == noc_y)
            return &m->cores[i];
    machine_fault(m, m->span, "no core of the launch has the NoC coordinates (%u, %u)", noc_x, noc_y);
    return NULL;
}

static bool is_receiver(const struct machine *m, const struct machine_core *core,
                        const struct target *target) {
    const uint32_t *corners = target->corners;
    return core != m->core && core->noc_x >= corners[0] && core->noc_x <= corners[2] &&
           core->noc_y >= corners[1] && core->noc_y <= corners[3];
}

/* Does the rectangle hold the number of receivers that the call says? */
static bool receivers_check(struct machine *m, const struct target *target, int64_t receivers) {
    int64_t found = 0;
    if (!core_at(m, target->corners[0], target->corners[1]) ||
        !core_at(m, target->corners[2], target->corners[3]))
        return false;
    for (size_t i = 0; i < m->core_count; i++)
        found += is_receiver(m, &m->cores[i], target);
    if (found == receivers && receivers > 0)
        return true;
    machine_fault(m, m->span,
                  "a multicast to %" PRId64 " receivers, but the rectangle (%u, %u)..(%u, %u) has %" PRId64
                  " beside the sender",
                  receivers, target->corners[0], target->corners[1], target->corners[2], target->corners[3],
                  found);
    return false;
}

/* ---- semaphores ---- */

static int64_t argument(struct machine *m, const struct call *call, size_t index) {
    return integer_of(m, call->arguments[index]);
}

static enum call_result semaphore_set(struct machine *m, const struct call *call) {
    struct machine_semaphore *semaphore = semaphore_at(m, m->core, argument(m, call, 0));
    if (semaphore)
        semaphore->value = (uint32_t)argument(m, call, 1);
    return CALL_DONE;
}

static enum call_result semaphore_wait(struct machine *m, const struct call *call) {
    struct machine_semaphore *semaphore = semaphore_at(m, m->core, argument(m, call, 0));
    uint32_t value = (uint32_t)argument(m, call, 1);
    if (!semaphore || semaphore->value == value)
        return CALL_DONE;
    m->thread->waits_semaphore = semaphore;
    m->thread->waits_value = value;
    return CALL_BLOCKED;
}

static enum call_result semaphore_increase(struct machine *m, const struct call *call) {
    struct target target = target_of(argument(m, call, 0));
    struct machine_core *core = m->stopped ? NULL : core_at(m, target.corners[0], target.corners[1]);
    struct machine_semaphore *semaphore = core ? semaphore_at(m, core, target.address) : NULL;
    if (semaphore)
        semaphore->value += (uint32_t)argument(m, call, 1);
    return CALL_DONE;
}

static enum call_result semaphore_multicast(struct machine *m, const struct call *call) {
    struct machine_semaphore *source = semaphore_at(m, m->core, argument(m, call, 0));
    struct target target = target_of(argument(m, call, 1));
    if (m->stopped || !receivers_check(m, &target, argument(m, call, 2)))
        return CALL_DONE;
    for (size_t i = 0; i < m->core_count && !m->stopped; i++) {
        struct machine_core *core = &m->cores[i];
        struct machine_semaphore *semaphore =
            is_receiver(m, core, &target) ? semaphore_at(m, core, target.address) : NULL;
        if (semaphore)
            semaphore->value = source->value;
    }
    return CALL_DONE;
}

/* ---- data ---- */

/* One page of the sender to the same place of a receiver, which must have reserved it. */
static void page_send(struct machine *m, const struct ring *from, const struct number *page,
                      struct machine_core *core) {
    struct ring *to = &core->state.rings[from - m->state.rings];
    int64_t at = (page - from->items) / TILE_ELEMENTS - to->write_page;
    if (at < 0 || at >= to->reserved)
        machine_fault(
            m, m->span,
            "a multicast to %s of core %u, which has %u pages reserved from page %u on, writes page %" PRId64,
            to->plan->name, core->number, to->reserved, to->write_page, at + to->write_page);
    if (m->stopped)
        return;
    memcpy(to->items + (page - from->items), page, TILE_ELEMENTS * sizeof *page);
    to->used = true;
}

static bool in_reserved(struct machine *m, int64_t address) {
    for (size_t i = 0; i < m->program->buffer_count; i++) {
        const struct ring *ring = &m->state.rings[i];
        int64_t begin = ring->base + (int64_t)ring->write_page * ring->page_bytes;
        if (address >= begin && address < begin + (int64_t)ring->reserved * ring->page_bytes)
            return true;
    }
    return false;
}

/* Source, NoC addresses, bytes, receivers; whether it is linked means nothing here. */
static enum call_result write_multicast(struct machine *m, const struct call *call) {
    int64_t source = argument(m, call, 0), bytes = argument(m, call, 2);
    struct target target = target_of(argument(m, call, 1));
    if (m->stopped || !receivers_check(m, &target, argument(m, call, 3)))
        return CALL_DONE;
    if (target.address != source) {
        machine_fault(m, m->span,
                      "a multicast from address %" PRId64 " goes to address %" PRId64
                      ": a block has one place on all cores",
                      source, target.address);
        return CALL_DONE;
    }
    for (int64_t sent = 0; sent < bytes && !m->stopped;) {
        struct ring *ring;
        uint32_t byte;
        const struct number *page = ring_page(m, source + sent, in_reserved(m, source + sent), &ring, &byte);
        if (page && (byte != 0 || bytes - sent < ring->page_bytes))
            machine_fault(m, m->span,
                          "a multicast of %" PRId64 " bytes from byte %u of a page of %s is not whole pages",
                          bytes, byte, ring->plan->name);
        for (size_t i = 0; i < m->core_count && !m->stopped; i++)
            if (is_receiver(m, &m->cores[i], &target))
                page_send(m, ring, page, &m->cores[i]);
        sent += m->stopped ? 0 : ring->page_bytes;
    }
    return CALL_DONE;
}

static const struct {
    const char *name;
    call_meaning *meaning;
} meanings[] = {
    {"noc_semaphore_set", semaphore_set},           {"noc_semaphore_wait", semaphore_wait},
    {"noc_semaphore_inc", semaphore_increase},      {"noc_semaphore_set_multicast", semaphore_multicast},
    {"noc_async_write_multicast", write_multicast}, {"noc_async_atomic_barrier", call_nothing},
};

bool core_call_find(const char *name, struct call *call) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (strcmp(meanings[i].name, name) == 0) {
            call->meaning = meanings[i].meaning;
            return true;
        }
    }
    return false;
}
