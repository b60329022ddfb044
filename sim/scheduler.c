/* Runs the threads of a launch, one at a time, each until it blocks.
 *
 * Ready threads are a stack, so that the threads of one core run together and its L1 stays in the host's
 * cache; with a seed the next thread is drawn at random, and threads also give way at calls that would not
 * block. A fault signal raised by kernel code (a division by zero, a stack overflow) becomes a fault of the
 * device at that thread.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "sim/core.h"

_Thread_local struct thread *device_current;

/* Sanitizers enlarge frames; memory that is not touched costs nothing. */
#define THREAD_STACK_BYTES (256u << 10)

static const int fault_signals[] = {SIGFPE, SIGSEGV, SIGBUS, SIGILL};
#define FAULT_SIGNALS (sizeof fault_signals / sizeof fault_signals[0])

/* The process has one handler of a signal: the first launch that runs installs the device's, the last one
 * puts back what was there. */
static pthread_mutex_t handlers_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned handlers_users;
static struct sigaction previous_actions[FAULT_SIGNALS];

static uint64_t random_next(uint64_t *state) {
    /* splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void scheduler_wake(struct device_run *run, struct thread *t) {
    t->state = THREAD_READY;
    t->blocked_on = NULL;
    t->blocked_semaphore = NULL;
    run->ready[run->ready_count++] = t;
}

void thread_block(struct thread *t) {
    t->state = THREAD_BLOCKED;
    ++t->core->run->statistics.waits;
    coroutine_suspend(t->coroutine);
    device_current = t;
}

void thread_draw_yield(struct thread *t) {
    struct device_run *run = t->core->run;
    if (random_next(&run->random) % 4 != 0)
        return;
    run->ready[run->ready_count++] = t;
    coroutine_suspend(t->coroutine);
    device_current = t;
}

void thread_defer(struct thread *t) {
    struct device_run *run = t->core->run;
    if (run->device->options.seed != 0) {
        thread_yield(t);
        return;
    }
    memmove(run->ready + 1, run->ready, run->ready_count * sizeof *run->ready);
    run->ready[0] = t;
    ++run->ready_count;
    coroutine_suspend(t->coroutine);
    device_current = t;
}

uint32_t scheduler_draw(struct device_run *run, uint32_t limit) {
    return run->device->options.seed == 0 ? 0 : (uint32_t)(random_next(&run->random) % limit);
}

static struct thread *take_ready(struct device_run *run) {
    size_t last = run->ready_count - 1;
    size_t chosen =
        run->device->options.seed == 0 ? last : (size_t)(random_next(&run->random) % run->ready_count);
    struct thread *t = run->ready[chosen];
    run->ready[chosen] = run->ready[last];
    run->ready_count = last;
    return t;
}

static void thread_main(void *argument) {
    struct thread *t = argument;
    t->core->run->kernels[t->role]->entry();
    t->call = NULL;
    noc_check_exit(t);
    if (t->role == DEVICE_COMPUTE)
        compute_check_exit(t);
    t->state = THREAD_FINISHED;
}

static struct core_memory *memory_take(struct device_run *run) {
    size_t bytes = run->l1_end - run->l1_base;
    size_t marks = bytes / 16 + 8;
    struct core_memory *memory = run->free_memory;
    if (memory) {
        run->free_memory = memory->next;
        memset(memory->written, 0, marks);
        return memory;
    }
    memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    memory->l1 = aligned_alloc(64, (bytes + 64) / 64 * 64);
    memory->written = calloc(1, marks);
    memory->dst = aligned_alloc(64, sizeof *memory->dst * MAX_DST_TILES);
    if (!memory->l1 || !memory->written || !memory->dst) {
        free(memory->l1);
        free(memory->written);
        free(memory->dst);
        free(memory);
        return NULL;
    }
    return memory;
}

static void memory_give(struct device_run *run, struct core *core) {
    if (!core->memory)
        return;
    core->memory->next = run->free_memory;
    run->free_memory = core->memory;
    core->memory = NULL;
}

static struct coroutine *coroutine_take(struct device *device) {
    if (device->free_coroutine_count > 0)
        return device->free_coroutines[--device->free_coroutine_count];
    return coroutine_create(THREAD_STACK_BYTES);
}

static void coroutine_give(struct device *device, struct coroutine *coroutine) {
    if (device->free_coroutine_count == device->coroutine_capacity) {
        size_t capacity = device->coroutine_capacity * 2 + 16;
        struct coroutine **grown = realloc(device->free_coroutines, capacity * sizeof *grown);
        if (!grown) {
            coroutine_free(coroutine);
            return;
        }
        device->free_coroutines = grown;
        device->coroutine_capacity = capacity;
    }
    device->free_coroutines[device->free_coroutine_count++] = coroutine;
}

static bool thread_begin(struct device_run *run, struct thread *t) {
    if (!t->core->memory) {
        t->core->memory = memory_take(run);
        if (t->core->memory)
            t->core->compute.dst = t->core->memory->dst;
    }
    t->coroutine = t->core->memory ? coroutine_take(run->device) : NULL;
    if (!t->coroutine) {
        launch_out_of_memory(run);
        return false;
    }
    coroutine_start(t->coroutine, thread_main, t);
    return true;
}

static void thread_end(struct device_run *run, struct thread *t) {
    coroutine_give(run->device, t->coroutine);
    t->coroutine = NULL;
    free(t->reads.items);
    free(t->writes.items);
    t->reads = t->writes = (struct transfer_list){0};
    remote_discard(t);
    if (t->clock > run->statistics.cycles)
        run->statistics.cycles = t->clock;
    if (--t->core->unfinished == 0)
        memory_give(run, t->core);
}

/* Whether the signal came from code of the kernel, or from the end of the thread's stack. */
static bool fault_is_the_kernels(const struct thread *t, const siginfo_t *information,
                                 const ucontext_t *context) {
    if (!t || !t->coroutine)
        return false;
    if (information->si_signo == SIGSEGV && coroutine_guards(t->coroutine, information->si_addr))
        return true;
    const struct kernel_code *code = t->core->run->kernels[t->role];
#if defined(__x86_64__)
    uintptr_t at = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    uintptr_t at = (uintptr_t)context->uc_mcontext.pc;
#else
    uintptr_t at = 0;
    (void)context;
#endif
    if (code->shared)
        return information->si_signo == SIGFPE;
    return at - (uintptr_t)code->text < code->text_bytes;
}

static void on_fault_signal(int number, siginfo_t *information, void *context) {
    struct thread *t = device_current;
    if (fault_is_the_kernels(t, information, context))
        siglongjmp(t->core->run->escape, coroutine_guards(t->coroutine, information->si_addr) ? -1 : number);
    /* A fault of the device itself: let it happen again under the handler there was. */
    for (size_t i = 0; i < FAULT_SIGNALS; ++i) {
        if (fault_signals[i] == number)
            sigaction(number, &previous_actions[i], NULL);
    }
}

/* Names what the signal means. Runs on the resumer's stack. */
static void fault_from_signal(struct device_run *run, struct thread *t, int number) {
    const char *what = number == SIGFPE ? "the kernel divides an integer by zero"
                       : number == -1   ? "the kernel overflows its stack"
                                        : "the kernel reads or writes memory that is not its own";
    coroutine_abandon(t->coroutine);
    if (t->call)
        fault_launch(run, DEVICE_FAULT_KERNEL, "%s, after its call of %s", what, t->call);
    else
        fault_launch(run, DEVICE_FAULT_KERNEL, "%s before its first call", what);
    fault_locate(run, t);
}

static void run_ready_threads(struct device_run *run) {
    int number = sigsetjmp(run->escape, 0);
    if (number != 0) {
        struct thread *t = device_current;
        device_current = NULL;
        fault_from_signal(run, t, number);
    }
    while (!run->faulted) {
        if (run->flying > 0)
            remote_settle(run, run->ready_count == 0);
        if (run->ready_count == 0 || run->faulted)
            return;
        struct thread *t = take_ready(run);
        if (!t->coroutine && !thread_begin(run, t))
            return;
        device_current = t;
        if (!coroutine_resume(t->coroutine))
            thread_end(run, t);
        device_current = NULL;
    }
}

/* Does the other thread wait at the same call for the same thing, held to the same extent? */
static bool waits_alike(const struct thread *t, const struct thread *other) {
    if (other->state != THREAD_BLOCKED || other->line != t->line)
        return false;
    if (t->blocked_semaphore || other->blocked_semaphore)
        return t->blocked_semaphore && other->blocked_semaphore &&
               t->blocked_semaphore->spec == other->blocked_semaphore->spec &&
               t->blocked_semaphore->value == other->blocked_semaphore->value &&
               t->semaphore_wants == other->semaphore_wants;
    return t->blocked_on->spec == other->blocked_on->spec &&
           t->blocked_on->filled == other->blocked_on->filled;
}

/* What a thread waits for, and what there is: "3 free pages of a: 2 of 4 pages are full". */
static void describe_wait(const struct thread *t, char *text, size_t size) {
    const struct semaphore *semaphore = t->blocked_semaphore;
    if (semaphore) {
        snprintf(text, size, "semaphore %s to be %u: it is %u", semaphore->spec->name,
                 (unsigned)t->semaphore_wants, (unsigned)semaphore->value);
        return;
    }
    const struct circular_buffer *cb = t->blocked_on;
    bool reserves = cb->producer == t && cb->producer_blocked;
    uint32_t wanted = reserves ? cb->producer_wants : cb->consumer_wants;
    snprintf(text, size, "%u %s page%s of %s: %u of %u pages are full", (unsigned)wanted,
             reserves ? "free" : "full", wanted == 1 ? "" : "s", buffer_name(cb), (unsigned)cb->filled,
             (unsigned)cb->pages);
}

static void describe_blocked(const struct device_run *run, const struct thread *t, size_t alike, char *line,
                             size_t size) {
    char place[256], wait[256], at[256];
    struct device_loop loops[DEVICE_FAULT_LOOPS];
    fault_place(run, t->role, t->line, place, sizeof place);
    describe_wait(t, wait, sizeof wait);
    loops_print(loops, loops_list(t, loops, DEVICE_FAULT_LOOPS), at, sizeof at);
    int length = snprintf(line, size, "core (%u,%u) %s waits at %s in %s%s for %s", (unsigned)t->core->x,
                          (unsigned)t->core->y, role_name(t->role), place, t->call, at, wait);
    if (alike > 1 && length > 0 && (size_t)length < size)
        snprintf(line + length, size - (size_t)length, "; so %s %zu more core%s", alike == 2 ? "does" : "do",
                 alike - 1, alike == 2 ? "" : "s");
}

/* One line for each group of threads that wait at the same call for the same thing. */
static void describe_deadlock(struct device_run *run) {
    struct device_fault *fault = run->fault;
    size_t used = 0;
    size_t threads = run->launch->core_count * DEVICE_ROLES;
    bool first = true;
    for (size_t i = 0; i < threads; ++i) {
        struct thread *t = &run->cores[i / DEVICE_ROLES].threads[i % DEVICE_ROLES];
        if (t->state != THREAD_BLOCKED)
            continue;
        size_t alike = 0;
        bool seen = false;
        for (size_t j = 0; j < run->launch->core_count; ++j) {
            bool same = waits_alike(t, &run->cores[j].threads[t->role]);
            seen = seen || (same && j < i / DEVICE_ROLES);
            alike += same;
        }
        if (seen)
            continue;
        char line[768];
        describe_blocked(run, t, alike, line, sizeof line);
        if (first) {
            snprintf(fault->message, sizeof fault->message, "%s", line);
            fault_locate(run, t);
            snprintf(fault->call, sizeof fault->call, "%s", t->call);
            first = false;
        } else if (used + 1 < sizeof fault->details) {
            int added =
                snprintf(fault->details + used, sizeof fault->details - used, "%s%s", used ? "\n" : "", line);
            used += added > 0 ? (size_t)added : 0;
        }
    }
}

static void handlers_install(void) {
    struct sigaction action = {.sa_sigaction = on_fault_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    pthread_mutex_lock(&handlers_lock);
    for (size_t i = 0; handlers_users == 0 && i < FAULT_SIGNALS; ++i)
        sigaction(fault_signals[i], &action, &previous_actions[i]);
    ++handlers_users;
    pthread_mutex_unlock(&handlers_lock);
}

static void handlers_restore(void) {
    pthread_mutex_lock(&handlers_lock);
    --handlers_users;
    for (size_t i = 0; handlers_users == 0 && i < FAULT_SIGNALS; ++i)
        sigaction(fault_signals[i], &previous_actions[i], NULL);
    pthread_mutex_unlock(&handlers_lock);
}

bool scheduler_run(struct device_run *run) {
    stack_t previous_stack, stack = {0};
    size_t stack_bytes = 64u << 10;
    stack.ss_sp = malloc(stack_bytes);
    stack.ss_size = stack_bytes;
    if (!stack.ss_sp) {
        launch_out_of_memory(run);
        return false;
    }
    sigaltstack(&stack, &previous_stack);
    handlers_install();
    run_ready_threads(run);
    handlers_restore();
    sigaltstack(&previous_stack, NULL);
    free(stack.ss_sp);

    bool blocked = false;
    for (size_t i = 0; i < run->launch->core_count; ++i) {
        for (int role = 0; role < DEVICE_ROLES; ++role) {
            struct thread *t = &run->cores[i].threads[role];
            blocked = blocked || t->state == THREAD_BLOCKED;
        }
    }
    if (blocked && !run->faulted) {
        fault_launch(run, DEVICE_FAULT_DEADLOCK, "%s", "");
        describe_deadlock(run);
        run->fault->help =
            "who waits must be served: by as many pages pushed or popped before, in this order";
    }
    /* What a fault left behind. */
    for (size_t i = 0; i < run->launch->core_count; ++i) {
        for (int role = 0; role < DEVICE_ROLES; ++role) {
            struct thread *t = &run->cores[i].threads[role];
            if (t->coroutine)
                thread_end(run, t);
        }
        memory_give(run, &run->cores[i]);
    }
    while (run->free_memory) {
        struct core_memory *memory = run->free_memory;
        run->free_memory = memory->next;
        free(memory->l1);
        free(memory->written);
        free(memory->dst);
        free(memory);
    }
    return !run->faulted;
}
