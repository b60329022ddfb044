/* The front end: from the text of a .tl file to a module of the IR in loop form.
 *
 * Errors are reported, as many as one run can find, and never end the process. Every kernel of the module is
 * resolved: names are unique in it, every scalar, buffer and let has its type, every statement its axes.
 * Kernels that a program launches appear once for each combination of compile-time arguments.
 */
#ifndef TILEC_GRAMMAR_FRONT_H
#define TILEC_GRAMMAR_FRONT_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct diagnostics;
struct node;

/* -D name=value: fixes a size or a parameter of type index in every kernel and program that has it. */
struct define {
    const char *name;
    int64_t value;
};

/* The module, NULL after a reported error. The text must outlive the diagnostics; path is what messages name,
 * and where imports are searched from. */
struct node *front_end(struct arena *arena, struct diagnostics *diagnostics, const char *path,
                       const char *text, size_t length, const struct define *defines, size_t define_count);

#endif
