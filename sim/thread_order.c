/* What the threads of one core know of each other, where they reach pages of the same tensor: a vector clock
 * a thread, counted in barriers.
 *
 * A push hands over what its thread knows, and the wait that its pages fill takes it; so do a pop and a
 * reserve, a semaphore that is set and the wait for it. A transfer is over with the first barrier behind it.
 * So a page may be overwritten where its reads are over in every order of the threads, and be read again
 * where it has been written: an order that is right by luck is a fault as well.
 */
#include <stdlib.h>

#include "sim/core.h"

/* Is the tensor bound to the kernel of this role? */
static bool is_bound(const struct device_kernel *kernel, const struct device_tensor *tensor) {
    for (size_t i = 0; kernel->text && i < kernel->accessor_count; ++i)
        if (kernel->accessors[i] == tensor)
            return true;
    return false;
}

static bool follow_tensor(struct device_run *run, struct device_tensor *tensor) {
    if (!tensor->accesses)
        tensor->accesses = calloc(tensor->pages + 1, sizeof *tensor->accesses);
    run->follows_threads = true;
    return tensor->accesses != NULL;
}

/* Tensors that both data movement kernels reach, and those that are changed in place. */
static bool follow_tensors(struct device_run *run) {
    const struct device_launch *launch = run->launch;
    const struct device_kernel *reader = &launch->kernels[DEVICE_READER];
    for (size_t i = 0; reader->text && i < reader->accessor_count; ++i)
        if (is_bound(&launch->kernels[DEVICE_WRITER], reader->accessors[i]) &&
            !follow_tensor(run, (struct device_tensor *)reader->accessors[i]))
            return false;
    for (size_t i = 0; i < launch->result_count; ++i)
        if (!launch->results[i].complete &&
            !follow_tensor(run, (struct device_tensor *)launch->results[i].tensor))
            return false;
    return true;
}

bool thread_order_open(struct device_run *run) {
    size_t pages = 0, cores = run->launch->core_count, buffers = run->launch->buffer_count;
    if (!follow_tensors(run))
        return false;
    if (!run->follows_threads)
        return true;
    for (size_t i = 0; i < buffers; ++i)
        pages += run->launch->buffers[i].pages;
    struct progress *progress = run->all_progress = calloc(2 * cores * pages + 1, sizeof *progress);
    for (size_t i = 0; progress && i < cores * buffers; ++i) {
        struct circular_buffer *cb = &run->all_buffers[i];
        cb->push_progress = progress;
        cb->pop_progress = progress + cb->pages;
        progress += 2 * (size_t)cb->pages;
    }
    return run->all_progress != NULL;
}

void thread_order_close(struct device_run *run) {
    for (int memory = 0; run->follows_threads && memory < DEVICE_MEMORIES; ++memory)
        for (struct device_tensor *tensor = run->device->tensors[memory]; tensor; tensor = tensor->next) {
            free(tensor->accesses);
            tensor->accesses = NULL;
        }
    free(run->all_progress);
}

void thread_order_learn(struct thread *t, const struct progress *progress) {
    for (int role = 0; role < DEVICE_ROLES; ++role) {
        if (t->knows.reads[role] < progress->reads[role])
            t->knows.reads[role] = progress->reads[role];
        if (t->knows.writes[role] < progress->writes[role])
            t->knows.writes[role] = progress->writes[role];
    }
}

void thread_order_window(struct thread *t, const struct circular_buffer *cb, const struct progress *progress,
                         uint32_t first, uint32_t pages) {
    for (uint32_t i = 0; progress && i < pages; ++i)
        thread_order_learn(t, &progress[(first + i) % cb->pages]);
}

void thread_order_move(const struct thread *t, struct progress *progress, uint32_t first, uint32_t pages) {
    for (uint32_t i = 0; progress && i < pages; ++i)
        progress[first + i] = t->knows;
}

_Noreturn static void report(struct thread *t, const struct device_tensor *tensor, uint64_t page, int role,
                             uint32_t line, bool write, bool after_write) {
    const char *other = role_name((enum device_role)role);
    fault_note(t->core->run, &t->core->threads[role], line, "the %s %s it here", other,
               after_write ? "writes" : "reads");
    fault_page(t, tensor, page);
    fault_help(
        t,
        !write
            ? "read it before it is overwritten, or let the writer tell that its barrier has passed"
            : "what is written must depend on what was read: on a page that is pushed behind the read's barrier");
    thread_fault(t, "page %llu of %s is %s by the %s, and nothing makes it wait until the %s has %s it",
                 (unsigned long long)page, tensor->name, write ? "overwritten" : "read", role_name(t->role),
                 other, after_write ? "written" : "read");
}

void thread_order_read(struct thread *t, struct device_tensor *tensor, uint64_t page) {
    if (!tensor->accesses)
        return;
    struct page_accesses *accesses = &tensor->accesses[page];
    for (int role = 0; role < DEVICE_ROLES; ++role)
        if (t->knows.writes[role] < accesses->writes[role].over)
            report(t, tensor, page, role, accesses->writes[role].line, false, true);
    accesses->reads[t->role] = (struct page_access){t->knows.reads[t->role] + 1, t->line};
}

void thread_order_write(struct thread *t, struct device_tensor *tensor, uint64_t page) {
    if (!tensor->accesses)
        return;
    struct page_accesses *accesses = &tensor->accesses[page];
    for (int role = 0; role < DEVICE_ROLES; ++role) {
        if (t->knows.reads[role] < accesses->reads[role].over)
            report(t, tensor, page, role, accesses->reads[role].line, true, false);
        if (role != (int)t->role && t->knows.writes[role] < accesses->writes[role].over)
            report(t, tensor, page, role, accesses->writes[role].line, true, true);
    }
    accesses->writes[t->role] = (struct page_access){t->knows.writes[t->role] + 1, t->line};
}
