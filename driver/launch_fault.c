/* Launches that did not end: whose fault it is, and where. A kernel that was device form when it was read is
 * the author's: an error at a place of that text. What tilec made must run: everything else is a fault of
 * tilec. */
#include <inttypes.h>
#include <string.h>

#include "driver/launch_backend.h"
#include "support/arena.h"

static const struct span no_place;

const char *launch_sizes_text(struct arena *arena, const struct environment *sizes) {
    const char *text = "";
    for (size_t i = 0; i < sizes->count; i++) {
        text = arena_printf(arena, "%s%s%s = %" PRId64, text, i ? ", " : " with ", sizes->items[i].name,
                            sizes->items[i].value);
    }
    return text;
}

/* What every message on an author's device form ends with. */
static void report_author(struct launcher *launcher) {
    struct unit *unit = launcher->run->unit;
    report_help(unit->diagnostics, no_place,
                "kernel %s runs as its text says, and not all that it rests on is proved: mend the text",
                launcher->authored);
}

/* "at tid = 0, k = 3 on core (1, 0) with M = 33" */
static const char *moment_text(const struct kernel_launch *l, const struct device_fault *fault) {
    const char *text = "";
    for (size_t i = 0; i < fault->loop_count; i++) {
        text = arena_printf(l->arena, "%s%s%s = %" PRIu32, text, i ? ", " : " at ", fault->loops[i].name,
                            fault->loops[i].value);
    }
    if (l->launch.core_count > 1) {
        text = arena_printf(l->arena, "%s on core (%" PRIu32 ", %" PRIu32 ")", text, fault->core_x,
                            fault->core_y);
    }
    text = arena_printf(l->arena, "%s%s", text, launch_sizes_text(l->arena, l->sizes));
    return *text ? text + 1 : "in every launch";
}

/* The subscripts of a tile: "1, 0". */
static const char *tile_text(struct arena *arena, const struct array *array, uint64_t page) {
    const char *text = "";
    for (size_t i = array->rank; i-- > 0;) {
        uint64_t edge = i + 2 < array->rank ? 1 : TILE_EDGE, tiles = (array->extents[i] + edge - 1) / edge;
        text = arena_printf(arena, "%" PRIu64 "%s%s", page % tiles, *text ? ", " : "", text);
        page /= tiles;
    }
    return text;
}

/* The launch came to its end without this tile of a result. */
static void report_unwritten(const struct kernel_launch *l, const struct device_fault *fault) {
    struct node_list parameters = launch_tensors(l->arena, l->kernel);
    size_t i = 0;
    while (l->tensors[i]->tensor != fault->tensor ||
           node_as(parameters.items[i], parameter)->direction != DIRECTION_OUT)
        i++;
    const struct node_parameter *result = node_as(parameters.items[i], parameter);
    report_error(l->diagnostics, result->base.span, "tile [%s] of %s is never written%s",
                 tile_text(l->arena, &l->tensors[i]->array, fault->page), result->name,
                 launch_sizes_text(l->arena, l->sizes));
}

static void report_fault(const struct kernel_launch *l, const struct device_fault *fault) {
    struct span place = fault->kernel ? kernel_launch_span(l, fault->role, fault->line) : no_place,
                span = place.line ? place : l->kernel->span;
    switch (fault->kind) {
    case DEVICE_FAULT_RESULT:
        report_unwritten(l, fault);
        break;
    case DEVICE_FAULT_KERNEL:
        report_error(l->diagnostics, span, "%s%s%s, %s", fault->call, *fault->call ? ": " : "",
                     fault->message, moment_text(l, fault));
        break;
    default:
        report_error(l->diagnostics, span, "the device refused kernel %s%s: %s%s",
                     node_as(l->kernel, kernel)->name, launch_sizes_text(l->arena, l->sizes),
                     fault->kind == DEVICE_FAULT_DEADLOCK ? "deadlock: " : "", fault->message);
    }
}

void report_kernel_fault(const struct kernel_launch *l, const struct device_fault *fault) {
    report_fault(l, fault);
    for (const char *line = fault->details; *line;) {
        size_t length = strcspn(line, "\n");
        report_note(l->diagnostics, no_place, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    if (fault->note.line) {
        report_note(l->diagnostics, kernel_launch_span(l, fault->note.role, fault->note.line), "%s",
                    fault->note.message);
    }
    if (fault->help) {
        report_help(l->diagnostics, no_place, "%s", fault->help);
    }
}

void report_device_fault(struct launcher *launcher, const struct kernel_launch *l,
                         const struct device_fault *fault) {
    struct unit *unit = launcher->run->unit;
    if (fault->kind == DEVICE_FAULT_MEMORY) {
        report_error(unit->diagnostics, l->kernel->span, "kernel %s was not run: %s",
                     node_as(l->kernel, kernel)->name, fault->message);
        return;
    }
    if (launcher->authored && fault->kind != DEVICE_FAULT_COMPILE) {
        report_kernel_fault(l, fault);
        report_author(launcher);
        return;
    }
    char text[8192];
    device_fault_print(fault, text, sizeof text);
    report_error(unit->diagnostics,
                 fault->kernel ? kernel_launch_span(l, fault->role, fault->line) : no_place,
                 "fault of tilec: the device refused kernel %s: %s", node_as(l->kernel, kernel)->name, text);
    launcher->run->fault = true;
}

void report_evaluator_fault(struct launcher *launcher, struct node *kernel) {
    struct unit *unit = launcher->run->unit;
    if (unit->from_ir) {
        report_help(unit->diagnostics, no_place, "kernel %s computes what its text says: mend the text",
                    node_as(kernel, kernel)->name);
        return;
    }
    report_note(unit->diagnostics, no_place,
                "fault of tilec: the evaluator refused kernel %s, which tilec made",
                node_as(kernel, kernel)->name);
    launcher->run->fault = true;
}
