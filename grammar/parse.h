/* The parser and the tree it builds: nodes of the IR, not yet resolved. The tree differs from loop form in
 * this:
 *
 *   kernel, program  parameters in source order; results are parameters with direction out
 *   function         a def: role helper, parameters (dtype may be absent), body an expression
 *   text             at top level: an import
 *   axis             `i in M` has no lower bound; the name stands first in the span
 *   let, var, buffer dtype, axes and value absent where the source leaves them out; the span begins with the
 *                    name
 *   call             arguments may be attribute nodes (`relu = 1`) or axis nodes (`sum(k in K, 1)`, an error
 *                    later)
 *   launch           an assignment to several targets
 *   attributes       key as written; value NULL for `@name`, else a dictionary whose entries are attributes or
 *                    plain values
 */
#ifndef TILEC_GRAMMAR_PARSE_H
#define TILEC_GRAMMAR_PARSE_H

#include "ir/ir.h"

/* An open '{', and the column at which its line begins. */
struct brace {
    struct span place;
    uint32_t indentation;
};

struct parse {
    struct arena *arena;
    struct diagnostics *diagnostics;
    uint32_t file;
    uint32_t line, column;                   /* where the scanner stands */
    struct span previous;                    /* the token before the latest */
    struct span latest;                      /* the latest token */
    const char *latest_text, *previous_text; /* as written, shortened */
    bool faulty, scanned_faulty; /* the latest token had an error of its own; so has the one being scanned */
    struct brace *braces;        /* that are open, outermost first */
    size_t brace_count;
    struct span unclosed;           /* of the first whose '}' stands at another indentation; line 0: none */
    uint32_t indented, indentation; /* the line of the latest token, and the column where it begins */
    struct list_builder items;
    bool *broken; /* by item */
    bool lost;
    unsigned errors; /* reported before the current item */
};

struct parsed {
    struct node_list items;
    const bool *broken; /* by item: errors were reported inside it */
    bool lost;          /* an item could not even be named */
};

/* The items of a source registered as `file`; errors are reported. */
struct parsed parse_source(struct arena *arena, struct diagnostics *diagnostics, uint32_t file);

/* The first length bytes of a span. */
struct span span_of_name(struct span span, const char *name);

#endif
