/* Launches that did not end: whose fault it is, and where. A kernel that was device form when it was read is
 * the author's: an error at a place of that text. What tilec made must run: everything else is a fault of
 * tilec. */
#include <inttypes.h>
#include <string.h>

#include "driver/launch_backend.h"
#include "ir/query.h"
#include "support/arena.h"

static const struct span no_place;

static const enum role roles[DEVICE_ROLES] = {
    [DEVICE_READER] = ROLE_READER, [DEVICE_COMPUTE] = ROLE_COMPUTE, [DEVICE_WRITER] = ROLE_WRITER};

/* " with M = 33, N = 65"; "" where no size is open. */
static const char *sizes_text(struct arena *arena, struct node *kernel, const struct environment *sizes) {
    struct node_list open = open_sizes(arena, kernel);
    const char *text = "";
    for (size_t i = 0; i < open.count; i++) {
        const char *name = node_as(open.items[i], reference)->name;
        int64_t value;
        if (environment_get(sizes, name, &value)) {
            text = arena_printf(arena, "%s%s%s = %" PRId64, text, *text ? ", " : " with ", name, value);
        }
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

static void report_author_fault(struct launcher *launcher, const struct kernel_launch *l, struct span span,
                                const struct device_fault *fault) {
    struct unit *unit = launcher->run->unit;
    struct node *kernel = l->kernel;
    const char *with = sizes_text(unit->arena, kernel, l->sizes);
    if (fault->kind != DEVICE_FAULT_KERNEL) {
        report_error(unit->diagnostics, span.line ? span : kernel->span,
                     "the device refused kernel %s%s: %s%s", node_as(kernel, kernel)->name, with,
                     fault->kind == DEVICE_FAULT_DEADLOCK ? "deadlock: " : "", fault->message);
    } else {
        report_error(unit->diagnostics, span.line ? span : kernel->span, "%s%s%s", fault->call,
                     *fault->call ? ": " : "", fault->message);
        report_note(unit->diagnostics, no_place,
                    "so says the device, in %s on core (%" PRIu32 ", %" PRIu32 "), in iteration %" PRIu64
                    " of this line%s",
                    word_text(WORDS_role, (int)roles[fault->role]), fault->core_x, fault->core_y,
                    fault->iteration, with);
    }
    for (const char *line = fault->details; *line;) {
        size_t length = strcspn(line, "\n");
        report_note(unit->diagnostics, no_place, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    report_author(launcher);
}

/* The subscripts of a tile: "1, 0". */
static const char *tile_text(struct arena *arena, const struct array *array, uint64_t page) {
    const char *text = "";
    for (size_t i = array->rank; i-- > 0;) {
        uint64_t edge = i + 2 < array->rank ? 1 : TILE_EDGE,
                 tiles = (array->extents[i] + edge - 1) / edge;
        text = arena_printf(arena, "%" PRIu64 "%s%s", page % tiles, *text ? ", " : "", text);
        page /= tiles;
    }
    return text;
}

/* A launch came to its end without this page of a result. */
static void report_unwritten(struct launcher *launcher, const struct kernel_launch *l,
                             const struct device_fault *fault) {
    struct unit *unit = launcher->run->unit;
    struct node_list parameters = launch_tensors(l->arena, l->kernel);
    size_t i = 0;
    while (l->tensors[i]->tensor != fault->tensor ||
           node_as(parameters.items[i], parameter)->direction != DIRECTION_OUT)
        i++;
    const struct node_parameter *result = node_as(parameters.items[i], parameter);
    report_error(unit->diagnostics, result->base.span, "%stile [%s] of %s is never written%s",
                 launcher->authored ? "" : "fault of tilec: ",
                 tile_text(l->arena, &l->tensors[i]->array, fault->page), result->name,
                 sizes_text(l->arena, l->kernel, l->sizes));
    report_help(unit->diagnostics, no_place, "%s", fault->help);
    if (launcher->authored) {
        report_author(launcher);
    } else {
        launcher->run->fault = true;
    }
}

void report_device_fault(struct launcher *launcher, const struct kernel_launch *l,
                         const struct device_fault *fault) {
    struct unit *unit = launcher->run->unit;
    struct node *kernel = l->kernel;
    struct span span = no_place;
    if (fault->kernel && fault->line > 0) {
        const struct emitted_function *function = &l->emitted->functions[TARGET_C][fault->role];
        span = fault->line <= function->line_count ? function->lines[fault->line - 1].nearest : span;
    }
    if (fault->kind == DEVICE_FAULT_MEMORY) {
        report_error(unit->diagnostics, kernel->span, "kernel %s was not run: %s",
                     node_as(kernel, kernel)->name, fault->message);
        return;
    }
    if (fault->kind == DEVICE_FAULT_RESULT) {
        report_unwritten(launcher, l, fault);
        return;
    }
    if (launcher->authored && fault->kind != DEVICE_FAULT_COMPILE) {
        report_author_fault(launcher, l, span, fault);
        return;
    }
    char text[8192];
    device_fault_print(fault, text, sizeof text);
    report_error(unit->diagnostics, span, "fault of tilec: the device refused kernel %s: %s",
                 node_as(kernel, kernel)->name, text);
    launcher->run->fault = true;
}

void report_evaluator_fault(struct launcher *launcher, struct node *kernel) {
    struct unit *unit = launcher->run->unit;
    if (launcher->authored) {
        report_author(launcher);
        return;
    }
    report_note(unit->diagnostics, no_place,
                "fault of tilec: the evaluator refused kernel %s, which tilec made",
                node_as(kernel, kernel)->name);
    launcher->run->fault = true;
}
