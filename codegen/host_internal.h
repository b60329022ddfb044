/* What the two files that print host.py share. */
#ifndef TILEC_CODEGEN_HOST_INTERNAL_H
#define TILEC_CODEGEN_HOST_INTERNAL_H

#include "codegen/print.h"
#include "support/text_buffer.h"

/* A host program that is being printed. */
struct host {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct text_buffer out;
    bool failed;
    const struct node *entry; /* the program or kernel that it launches */
};

/* An expression in Python; "" with host->failed set where it has none, or where there is no node. */
const char *host_expression(struct host *host, const struct spelled_names *names, struct node *node);
const char *host_name(const struct spelled_names *names, const char *name);
/* "text, item" */
const char *host_joined(struct arena *arena, const char *text, const char *item);

/* def launch_NAME(device, tensors, sizes, scalars): ... (host_kernel.c) */
void host_print_launch(struct host *host, const struct kernel_source *source,
                       const struct emitted_kernel *emitted);

#endif
