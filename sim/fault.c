/* What a fault says: the core, its process, the place in the kernel and in the source, and the message. */
#include <stdarg.h>
#include <stdio.h>

#include "sim/core.h"

const char *role_name(enum device_role role) {
    static const char *const names[DEVICE_ROLES] = {"reader", "compute", "writer"};
    return names[role];
}

void fault_place(const struct device_run *run, enum device_role role, uint32_t line, char *text,
                 size_t size) {
    char place[sizeof run->fault->place] = "";
    const struct device_launch *launch = run->launch;
    if (launch->locate)
        launch->locate(launch->locate_context, role, line, place, sizeof place);
    const char *name = launch->kernels[role].name ? launch->kernels[role].name : role_name(role);
    if (place[0])
        snprintf(text, size, "%s:%u (%s)", name, (unsigned)line, place);
    else
        snprintf(text, size, "%s:%u", name, (unsigned)line);
}

static void fault_begin(struct device_run *run, enum device_fault_kind kind) {
    memset(run->fault, 0, sizeof *run->fault);
    run->fault->kind = kind;
    run->faulted = true;
}

void fault_launch(struct device_run *run, enum device_fault_kind kind, const char *format, ...) {
    va_list arguments;
    fault_begin(run, kind);
    va_start(arguments, format);
    vsnprintf(run->fault->message, sizeof run->fault->message, format, arguments);
    va_end(arguments);
}

void fault_locate(struct device_run *run, const struct thread *t) {
    struct device_fault *fault = run->fault;
    fault->core_x = t->core->x;
    fault->core_y = t->core->y;
    fault->role = t->role;
    fault->kernel = run->launch->kernels[t->role].name;
    fault->line = t->line;
    fault->iteration = thread_iteration(t);
    if (run->launch->locate)
        run->launch->locate(run->launch->locate_context, t->role, t->line, fault->place, sizeof fault->place);
}

void launch_out_of_memory(struct device_run *run) {
    fault_launch(run, DEVICE_FAULT_MEMORY, "there is not enough memory for the embedded device");
}

void thread_out_of_memory(struct thread *t) {
    launch_out_of_memory(t->core->run);
    for (;;)
        coroutine_suspend(t->coroutine);
}

void thread_fault(struct thread *t, const char *format, ...) {
    struct device_run *run = t->core->run;
    struct device_fault *fault = run->fault;
    va_list arguments;
    fault_begin(run, DEVICE_FAULT_KERNEL);
    fault_locate(run, t);
    snprintf(fault->call, sizeof fault->call, "%s", t->call ? t->call : "");
    va_start(arguments, format);
    vsnprintf(fault->message, sizeof fault->message, format, arguments);
    va_end(arguments);
    for (;;)
        coroutine_suspend(t->coroutine);
}

void device_fault_print(const struct device_fault *fault, char *text, size_t size) {
    char where[512] = "";
    switch (fault->kind) {
    case DEVICE_FAULT_MEMORY:
        break;
    case DEVICE_FAULT_LAUNCH:
        snprintf(where, sizeof where, "launch: ");
        break;
    case DEVICE_FAULT_COMPILE:
        snprintf(where, sizeof where, "the kernel does not compile: ");
        break;
    case DEVICE_FAULT_DEADLOCK:
        snprintf(where, sizeof where, "deadlock: ");
        break;
    case DEVICE_FAULT_KERNEL: {
        const char *kernel = fault->kernel ? fault->kernel : role_name(fault->role);
        int used = snprintf(where, sizeof where, "core (%u,%u) %s, %s", (unsigned)fault->core_x,
                            (unsigned)fault->core_y, role_name(fault->role), kernel);
        if (fault->line > 0 && used > 0 && (size_t)used < sizeof where)
            used += snprintf(where + used, sizeof where - (size_t)used, ":%u", (unsigned)fault->line);
        if (fault->place[0] && used > 0 && (size_t)used < sizeof where)
            used += snprintf(where + used, sizeof where - (size_t)used, " (%s)", fault->place);
        if (fault->call[0] && used > 0 && (size_t)used < sizeof where)
            used += snprintf(where + used, sizeof where - (size_t)used, ", %s", fault->call);
        if (fault->iteration > 1 && used > 0 && (size_t)used < sizeof where)
            used += snprintf(where + used, sizeof where - (size_t)used, " (iteration %llu)",
                             (unsigned long long)fault->iteration);
        if (used > 0 && (size_t)used < sizeof where)
            snprintf(where + used, sizeof where - (size_t)used, ": ");
        break;
    }
    }
    snprintf(text, size, "%s%s%s%s", where, fault->message, fault->details[0] ? "\n" : "", fault->details);
}
