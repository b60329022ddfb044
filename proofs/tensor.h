/* The pages of tensors that a kernel moves, and the questions about them: docs/proofs.md. */
#ifndef TILEC_PROOFS_TENSOR_H
#define TILEC_PROOFS_TENSOR_H

#include "proofs/fact.h"

/* A tensor parameter, in tiles. */
struct tensor_fact {
    struct node_parameter *node;
    size_t rank;
    const struct polynomial
        *extents[TENSOR_RANK_LIMIT]; /* of the last two dimensions the tiles, of rows 1 of the last; NULL: unknown */
    const struct polynomial *elements[TENSOR_RANK_LIMIT]; /* along each dimension */
};

/* A noc_async_read_page or noc_async_write_page, with what is around it. */
struct page_access {
    const struct node_function *function;
    const struct tensor_fact *tensor;
    struct span span;
    const char *text; /* "page(C, i * 2 + r, j)" */
    bool write, part; /* part: bytes of a page, not all of it */
    size_t rank;
    const struct polynomial *subscripts[TENSOR_RANK_LIMIT]; /* NULL: unknown */
    size_t loops[LOOP_LIMIT];                               /* atoms, outermost first */
    const char *loop_names[LOOP_LIMIT];
    size_t loop_count;
    struct alternatives *guard;
};

struct page_accesses {
    struct tensor_fact *tensors;
    size_t tensor_count;
    struct page_access **items; /* in the order of the walk, function after function */
    size_t count, capacity;
};

/* Every access in bounds, every accessor what its tensor is; collects the accesses. */
struct page_accesses *prove_pages(struct walk *walk, struct node_list functions);
/* Every tile of every result written exactly once, nothing read that another core or iteration overwrites. */
void prove_cover(struct walk *walk, const struct page_accesses *accesses);

/* ---- launches in numbers: faults are looked for in small ones, every iteration of every core in order ----
 */

struct sample_launch {
    struct walk *walk;
    int sample; /* of sizes */
    int64_t points, cores[2], core[2], start, count;
    int64_t steps; /* left */
    bool partial; /* a condition, a range or a page was not known: there may be accesses that no visit came to
                   */
    bool bound[ATOM_LIMIT], used[ATOM_LIMIT];
    int64_t iteration[ATOM_LIMIT];
    const struct page_access *access;
};

/* False ends the search. */
typedef bool sample_visit(struct sample_launch *launch, void *context);

/* The sample launch of that number, or NULL: there is none, or the kernel does not take it. */
struct sample_launch *sample_launch(struct walk *walk, int sample);
/* Comes to the access in every iteration of every core. False when visit ended it. */
bool sample_visit_access(struct sample_launch *launch, const struct page_access *access, sample_visit *visit,
                         void *context);
bool sample_value(struct sample_launch *launch, const struct polynomial *p, int64_t *value);
/* "at core (0, 1), i = 2, r = 1": where the launch stands. Empty when there is nothing to say. */
const char *sample_iteration_text(struct sample_launch *launch);
/* "M = 33, N = 97": the sizes that were looked at. */
const char *sample_size_text(struct sample_launch *launch);

#endif
