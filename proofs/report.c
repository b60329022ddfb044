/* What proofs ask of a call, and how they report. */
#include <string.h>

#include "ir/build.h"
#include "proofs/walk.h"
#include "support/arena.h"
#include "support/explanation.h"

/* ---- arguments ---- */

static struct node *argument_node(const struct walked_call *call, int argument) {
    bool there = argument > 0 && (size_t)argument <= call->call->arguments.count;
    return there ? call->call->arguments.items[argument - 1] : NULL;
}

const struct polynomial *argument_of(struct walk *w, const struct walked_call *call, int argument) {
    return evaluate_number(w, argument_node(call, argument));
}

const char *word_of(const struct walked_call *call, int argument) {
    struct node_reference *word = node_as(argument_node(call, argument), reference);
    return word ? word->name : "";
}

size_t buffer_of(struct walk *w, const struct walked_call *call, int argument) {
    struct node *node = argument_node(call, argument);
    struct node_reference *name = node_as(node, reference);
    int64_t id;
    bool has_id = node && known_number(evaluate_number(w, node), &id);
    for (size_t i = 0; i < w->buffer_count; i++) {
        const struct node_circular_buffer *buffer = w->buffers[i].node;
        if (has_id ? buffer->id == id : name && strcmp(buffer->name, name->name) == 0)
            return i;
    }
    return w->buffer_count;
}

const char *buffer_label(const struct walk *w, size_t buffer) {
    return w->buffers[buffer].node->name;
}

/* ---- reports ---- */

/* NULL while the walk is quiet: nothing is put together that nobody reads. */
static const char *message_text(struct walk *w, const char *format, va_list arguments) {
    return w->quiet || w->beyond ? NULL : arena_vprintf(w->compilation->arena, format, arguments);
}

void walk_error(struct walk *w, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = message_text(w, format, arguments);
    va_end(arguments);
    if (text)
        report_error(w->compilation->diagnostics, span, "%s", text);
}

void walk_note(struct walk *w, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = message_text(w, format, arguments);
    va_end(arguments);
    if (text && span.line)
        report_note(w->compilation->diagnostics, span, "%s", text);
}

void walk_help(struct walk *w, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = message_text(w, format, arguments);
    va_end(arguments);
    if (text)
        report_help(w->compilation->diagnostics, (struct span){0}, "%s", text);
}

void walk_undecided(struct walk *w, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = message_text(w, format, arguments);
    va_end(arguments);
    if (!text)
        return;
    w->open++;
    if (w->compilation->authored) {
        report_warning(w->compilation->diagnostics, span, "%s", text);
        return;
    }
    /* a statement of a .tl becomes many calls: one warning for all of them, in its author's words */
    explain(w->compilation->explanations, span, "%s", text);
    report_warning(
        w->compilation->diagnostics, span,
        "not proved for all sizes: what the device does for this stays in bounds, in order, and writes each element once; `tilec check --explain` lists what is open");
}
