/* Which calls a kernel's text names, and the runtime header without the others. */
#ifndef TILEC_SIM_USED_HEADER_H
#define TILEC_SIM_USED_HEADER_H

#include <stdbool.h>
#include <stdint.h>

/* A set of names by hash: it may hold more than was added, never less. */
#define USED_NAME_BITS 4096
struct used_names {
    uint64_t bits[USED_NAME_BITS / 64];
};

void used_names_collect(struct used_names *names, const char *text);
bool used_names_have(const struct used_names *names, const char *name);

/* Writes the header; out has room for all of it. */
void used_header_copy(const struct used_names *names, char *out);

#endif
