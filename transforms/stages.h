/* A kernel of nests over elements that takes several launches: as two kernels and any tensor between them (stages.c), and as
 * the program that launches them (stages_program.c).
 *
 *     kernel total(X: bf16[M, N]) -> s: f32[1]    s[o] = sum(i in M, j in N: X[i, j])
 * =>
 *     kernel total_1(X) -> between: f32[1, M]     between[o, i] = sum(j in N: X[i, j])
 *     kernel total_2(between) -> s                s[o] = sum(i in M: between[o, i])
 */
#ifndef TILEC_TRANSFORMS_STAGES_H
#define TILEC_TRANSFORMS_STAGES_H

#include "ir/compilation.h"

struct stages {
    const char *names[2];          /* what the kernels are to be called */
    struct node *kernels[2];       /* in loop form, in the order of their launches */
    struct node_parameter *between; /* a result of the first, an input of the second; NULL: they share none */
};

/* False: there is nothing to cut. Reports nothing; the compilation's kernel stays as it is. */
bool stages_split(struct compilation *compilation, struct stages *stages);

/* The program that launches both in place of the kernel. */
struct node *stages_program(struct arena *arena, struct node *kernel, const struct stages *stages);
/* Is it one of these? */
bool is_stages_program(const struct node *item);
/* The program, with the launches of such programs among the items in place of every launch of one of them. */
struct node *stages_inlined(struct arena *arena, struct node *program, struct node_list items);

#endif
