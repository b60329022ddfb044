/* The printers behind emit.h. */
#ifndef TILEC_CODEGEN_PRINT_H
#define TILEC_CODEGEN_PRINT_H

#include "codegen/emit.h"
#include "codegen/spelling.h"

/* A kernel with what its printers share. */
struct kernel_source {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct node_kernel *kernel;
    const char *file;                               /* the source's name without folders, "" when unknown */
    uint32_t span_file;                             /* spans of this file are places in it */
    struct spelled_names names;                     /* arena NULL: not collected yet */
    struct node_function *functions[EMITTED_ROLES]; /* NULL: nothing runs in this role */
    struct node_list helpers, buffers, semaphores;
};

struct printed_function {
    const char *text;
    size_t line_count;
    const struct emitted_place *lines;
    struct node_list accessors;
};

/* One role in one language. False after a reported internal error. */
bool function_print(const struct kernel_source *source, enum target target, struct node_function *function,
                    struct printed_function *printed);

/* host.py of a kernel, or of a program over the kernels it launches; host: the name of the file itself, file:
 * that of the source. NULL after a reported internal error. */
const char *host_print(struct arena *arena, struct diagnostics *diagnostics,
                       const struct kernel_source *const *kernels, const struct emitted_kernel *emitted,
                       size_t count, const struct node *entry, const char *host, const char *file);

/* start and count of a core in plan.json where sizes are open, as expressions of its entries. */
struct open_share {
    const char *start, *count;
};
struct open_share open_share(struct arena *arena, uint32_t core);

/* plan.json. NULL after a reported internal error. */
const char *plan_print(const struct kernel_source *source, const struct emitted_kernel *emitted);

#endif
