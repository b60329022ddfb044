/* Explanations: a list of what was proved, kept where one is asked for. */
#include "support/explanation.h"

#include <stdarg.h>
#include <stdio.h>

#include "support/arena.h"

void explain(struct explanations *list, struct span span, const char *format, ...) {
    char text[512];
    va_list arguments;
    if (!list)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct explanation *told = arena_allocate(list->arena, sizeof *told);
    *told = (struct explanation){
        .kernel = list->kernel, .sentence = arena_string(list->arena, text), .span = span};
    *(list->last ? &list->last->next : &list->first) = told;
    list->last = told;
}

void explain_set(struct explanations *list, const char *label, const char *text) {
    if (!list || !list->last || !*text)
        return;
    struct set_text **end = &list->last->sets;
    while (*end)
        end = &(*end)->next;
    *end = arena_allocate(list->arena, sizeof **end);
    **end =
        (struct set_text){.label = arena_string(list->arena, label), .text = arena_string(list->arena, text)};
}
