/* What was proved of the kernels of a compilation, for who wants to read it: sentences with their places, and
 * the sets and relations behind them. Collected only where a list is at hand. */
#ifndef TILEC_SUPPORT_EXPLANATION_H
#define TILEC_SUPPORT_EXPLANATION_H

#include <stdbool.h>

#include "support/diagnostic.h"

struct arena;

struct explanation {
    const char *kernel, *sentence;
    struct span span;      /* line 0: of the kernel as a whole */
    struct set_text *sets; /* in order */
    struct explanation *next;
};

struct set_text {
    const char *label, *text; /* "iterations", "{ [i] -> [i] : ... }" */
    struct set_text *next;
};

struct explanations {
    struct arena *arena;
    const char *kernel; /* the one at hand */
    struct explanation *first, *last;
};

/* list NULL: nobody reads it. */
void explain(struct explanations *list, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* To the sentence told last; an empty text is left out. */
void explain_set(struct explanations *list, const char *label, const char *text);

#endif
