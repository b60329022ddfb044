/* Semaphores: words of L1 that other cores count up or overwrite, and that a core waits for. */
#include "sim/calls.h"
#include "sim/core.h"

static uint32_t semaphore_bytes(const struct device_run *run) {
    return run->device->architecture->l1_alignment;
}

void semaphores_place(struct core *core) {
    const struct device_launch *launch = core->run->launch;
    for (size_t i = 0; i < launch->semaphore_count; ++i) {
        const struct device_semaphore *spec = &launch->semaphores[i];
        core->semaphores[spec->id] = (struct semaphore){.spec = spec, .value = spec->initial};
    }
}

struct semaphore *semaphore_at(struct thread *t, struct core *core, uint32_t address) {
    const struct device_run *run = core->run;
    uint32_t offset = address - run->semaphore_base, id = offset / semaphore_bytes(run);
    if (offset % semaphore_bytes(run) != 0 || id >= SEMAPHORE_LIMIT || !core->semaphores[id].spec) {
        fault_help(t, "addresses of semaphores come from get_semaphore");
        thread_fault(t, "is given an address that is no semaphore");
    }
    return &core->semaphores[id];
}

void semaphore_change(struct core *core, struct semaphore *semaphore, uint32_t value, uint64_t clock) {
    semaphore->value = value;
    if (semaphore->clock < clock)
        semaphore->clock = clock;
    for (int role = 0; role < DEVICE_ROLES; ++role) {
        struct thread *t = &core->threads[role];
        if (t->state == THREAD_BLOCKED && t->blocked_semaphore == semaphore && t->semaphore_wants == value)
            scheduler_wake(core->run, t);
    }
}

uint32_t device_get_semaphore(uint32_t line, uint32_t id) {
    struct thread *t = data_enter(line, "get_semaphore");
    if (id >= SEMAPHORE_LIMIT || !t->core->semaphores[id].spec) {
        fault_help(t, "a function's constant is the number in the declaration of its semaphore");
        thread_fault(t, "there is no semaphore number %u", (unsigned)id);
    }
    return t->core->run->semaphore_base + id * semaphore_bytes(t->core->run);
}

void device_noc_semaphore_set(uint32_t line, uint32_t address, uint32_t value) {
    struct thread *t = data_enter(line, "noc_semaphore_set");
    struct semaphore *semaphore = semaphore_at(t, t->core, address);
    thread_yield(t);
    remote_check_sources(t, address, sizeof(uint32_t));
    order_overwrite(t, t->core, semaphore);
    semaphore->progress = t->knows;
    t->clock += t->core->run->device->costs->call;
    semaphore_change(t->core, semaphore, value, t->clock);
}

void device_noc_semaphore_wait(uint32_t line, uint32_t address, uint32_t value) {
    struct thread *t = data_enter(line, "noc_semaphore_wait");
    struct semaphore *semaphore = semaphore_at(t, t->core, address);
    thread_yield(t);
    while (semaphore->value != value) {
        t->blocked_semaphore = semaphore;
        t->semaphore_wants = value;
        thread_block(t);
    }
    order_wait(t, semaphore);
    thread_order_learn(t, &semaphore->progress);
    if (t->clock < semaphore->clock)
        t->clock = semaphore->clock;
    t->clock += t->core->run->device->costs->poll;
}
