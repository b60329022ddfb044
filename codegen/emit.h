/* Code generation: device form as text. It prints what the passes decided, node by node by the spelling
 * tables, and decides nothing.
 *
 * Each kernel of a module gives reader, compute and writer in every language, a plan, and a host program; each
 * program gives one host program more, which runs its launches in order. Everything lies in the arena; writing
 * files is the caller's.
 */
#ifndef TILEC_CODEGEN_EMIT_H
#define TILEC_CODEGEN_EMIT_H

#include "ir/ir.h"

enum target { TARGET_C, TARGET_METALIUM, TARGET_COUNT };

/* Where a line comes from; a span of line 0: none. */
struct emitted_place {
    struct span source;  /* in the source that the module names */
    struct span nearest; /* in whichever file: of a statement without loc(...), in the IR text itself */
};

/* One kernel of a role, in one language. */
struct emitted_function {
    const char *file; /* "reader.c" */
    const char *text;
    size_t line_count;
    const struct emitted_place *lines; /* of line i + 1 */
};

enum { EMITTED_ROLES = 3 }; /* reader, compute, writer: in this order */

struct emitted_kernel {
    const char *name;                                               /* also its folder */
    struct node *kernel;                                            /* as it was printed */
    struct emitted_function functions[TARGET_COUNT][EMITTED_ROLES]; /* text NULL: nothing runs in this role */
    /* Tensors in the order of the accessors' ordinals, by role. */
    struct {
        size_t count;
        const char *const *tensors;
    } accessors[EMITTED_ROLES];
    const char *host; /* host.py */
    const char *plan; /* plan.json */
};

/* The host program of a program: host.py, of several programs host_NAME.py each. */
struct emitted_host {
    const char *file, *text;
};

struct emission {
    struct emitted_kernel *kernels;
    size_t kernel_count;
    struct emitted_host *hosts;
    size_t host_count;
};

/* The file's name without folders: "reader.cpp". */
const char *emitted_file_name(enum target target, size_t role);

/* Kernels in device form, and the programs that launch them. False after a reported internal error. */
bool module_emit(struct arena *arena, struct diagnostics *diagnostics, const struct node *module,
                 struct emission *emission);

/* The same with every kernel given to `take` and gone behind it; emission then has the host programs alone. False
 * after a reported internal error, or when take says so. */
typedef bool emitted_take(const struct emitted_kernel *kernel, void *context);
bool module_emit_each(struct arena *arena, struct diagnostics *diagnostics, const struct node *module,
                      emitted_take *take, void *context, struct emission *emission);

/* One kernel in one language only: what `run` compiles, byte for byte what module_emit gives. */
bool kernel_emit_target(struct arena *arena, struct diagnostics *diagnostics, const struct node *module,
                        struct node *kernel, enum target target, struct emitted_kernel *emitted);

#endif
