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
    fault->loop_count = loops_list(t, fault->loops, DEVICE_FAULT_LOOPS);
    if (run->launch->locate)
        run->launch->locate(run->launch->locate_context, t->role, t->line, fault->place, sizeof fault->place);
}

void fault_note(struct device_run *run, const struct thread *t, uint32_t line, const char *format, ...) {
    struct device_note *note = &run->fault->note;
    va_list arguments;
    note->core_x = t->core->x;
    note->core_y = t->core->y;
    note->role = t->role;
    note->kernel = run->launch->kernels[t->role].name;
    note->line = line;
    if (run->launch->locate)
        run->launch->locate(run->launch->locate_context, t->role, line, note->place, sizeof note->place);
    va_start(arguments, format);
    vsnprintf(note->message, sizeof note->message, format, arguments);
    va_end(arguments);
}

void fault_page(struct thread *t, const struct device_tensor *tensor, uint64_t page) {
    t->core->run->fault->tensor = tensor;
    t->core->run->fault->page = page;
}

void fault_help(struct thread *t, const char *help) {
    t->core->run->fault->help = help;
}

void launch_out_of_memory(struct device_run *run) {
    fault_launch(run, DEVICE_FAULT_MEMORY, "there is not enough memory for the embedded device");
}

void thread_out_of_memory(struct thread *t) {
    launch_out_of_memory(t->core->run);
    for (;;)
        coroutine_suspend(t->coroutine);
}

/* The thread stays where it is. */
_Noreturn static void fault_of_thread(struct thread *t, enum device_fault_kind kind, const char *format,
                                      va_list arguments) {
    struct device_run *run = t->core->run;
    struct device_fault *fault = run->fault;
    fault_begin(run, kind);
    fault_locate(run, t);
    snprintf(fault->call, sizeof fault->call, "%s", t->call ? t->call : "");
    vsnprintf(fault->message, sizeof fault->message, format, arguments);
    for (;;)
        coroutine_suspend(t->coroutine);
}

void thread_fault(struct thread *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_of_thread(t, DEVICE_FAULT_KERNEL, format, arguments);
}

void thread_fault_limit(struct thread *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_of_thread(t, DEVICE_FAULT_LIMIT, format, arguments);
}

/* "core (0,0) reader, reader.c:12 (source.tl:4:5)" */
static int print_place(char *text, size_t size, uint32_t core_x, uint32_t core_y, enum device_role role,
                       const char *kernel, uint32_t line, const char *place) {
    char number[16] = "";
    if (line > 0)
        snprintf(number, sizeof number, ":%u", (unsigned)line);
    return snprintf(text, size, "core (%u,%u) %s, %s%s%s%s%s", (unsigned)core_x, (unsigned)core_y,
                    role_name(role), kernel ? kernel : role_name(role), number, place[0] ? " (" : "", place,
                    place[0] ? ")" : "");
}

static void print_where(const struct device_fault *fault, char *where, size_t size) {
    int used = print_place(where, size, fault->core_x, fault->core_y, fault->role, fault->kernel, fault->line,
                           fault->place);
    if (fault->call[0] && used > 0 && (size_t)used < size)
        used += snprintf(where + used, size - (size_t)used, ", %s", fault->call);
    char loops[256];
    loops_print(fault->loops, fault->loop_count, loops, sizeof loops);
    if (used > 0 && (size_t)used < size)
        used += snprintf(where + used, size - (size_t)used, "%s", loops);
    if (used > 0 && (size_t)used < size)
        snprintf(where + used, size - (size_t)used, ": ");
}

void device_fault_print(const struct device_fault *fault, char *text, size_t size) {
    static const char *const beginnings[] = {
        [DEVICE_FAULT_LAUNCH] = "launch: ",
        [DEVICE_FAULT_COMPILE] = "the kernel does not compile: ",
        [DEVICE_FAULT_DEADLOCK] = "deadlock: ",
        [DEVICE_FAULT_RESULT] = "at the end of the launch: ",
        [DEVICE_FAULT_MEMORY] = "",
    };
    char where[512], note[512] = "";
    if (fault->kind == DEVICE_FAULT_KERNEL || fault->kind == DEVICE_FAULT_LIMIT)
        print_where(fault, where, sizeof where);
    else
        snprintf(where, sizeof where, "%s", beginnings[fault->kind]);
    const struct device_note *other = &fault->note;
    if (other->line > 0) {
        int used = print_place(note, sizeof note, other->core_x, other->core_y, other->role, other->kernel,
                               other->line, other->place);
        if (used > 0 && (size_t)used < sizeof note)
            snprintf(note + used, sizeof note - (size_t)used, ": %s", other->message);
    }
    snprintf(text, size, "%s%s%s%s%s%s%s%s", where, fault->message, fault->details[0] ? "\n" : "",
             fault->details, note[0] ? "\n" : "", note, fault->help ? "\nhelp: " : "",
             fault->help ? fault->help : "");
}
