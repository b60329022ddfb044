/* Accesses as affine systems for analysis/cover.h. The grid is taken as it is by three lemmas, so that
 * nothing is divided by a size:
 *
 * - the shares start .. start + count of all cores are the grid points, each once;
 * - numbers 0 .. n taken apart over extents whose product is n are all combinations of block numbers, each
 * once;
 * - a core's coordinate that multiplies a size is one literal after another.
 */
#ifndef TILEC_PROOFS_AFFINE_H
#define TILEC_PROOFS_AFFINE_H

#include "analysis/cover.h"
#include "proofs/tensor.h"

/* The iterations of an access under one alternative of its guard. */
struct iterations {
    size_t dimensions[COVER_DIMENSIONS]; /* atoms: cores, then the iteration of the grid, then inner loops */
    size_t count, outer; /* the first `outer` of them tell which core and which iteration of the grid */
    int64_t place[2];    /* column and row of the core, where it is no dimension but a literal; else -1 */
    const struct polynomial *facts[FACT_LIMIT];
    size_t fact_count;
    const struct polynomial *subscripts[TENSOR_RANK_LIMIT];
    size_t rank;
};

/* Which parameter of the cover stands for which number. */
struct affine {
    struct walk *walk;
    isl_ctx *ctx;
    struct cover *cover;
    struct monomial keys[COVER_PARAMETERS];
};

/* False: these iterations are beyond the lemmas, or not known. */
bool iterations_of(struct walk *walk, const struct page_access *access, size_t alternative,
                   struct iterations *found);
/* The iterations as a product of independent components: dimensions, facts and subscripts that have to do
 * with each other. At least one. */
size_t iterations_components(struct walk *walk, const struct iterations *whole, struct iterations *parts,
                             size_t limit, size_t subscripts[][TENSOR_RANK_LIMIT]);

/* A cover of a box without pieces; false: an extent is not affine. */
bool affine_begin(struct affine *affine, struct walk *walk, isl_ctx *ctx, struct cover *cover, size_t rank,
                  const struct polynomial *const *extents);
/* Adds the iterations as pieces; false: they are not affine. */
bool affine_add(struct affine *affine, const struct iterations *iterations);

/* To the last sentence of the explanation: the iterations of the access with the tiles that they reach, and
 * the tiles there are. */
void affine_explain(struct walk *walk, isl_ctx *ctx, const struct page_access *access, const char *label);
/* p <= limit in all iterations of a place, shown by isl. False: not shown. */
bool affine_at_most(struct walk *walk, isl_ctx *ctx, const struct page_access *place,
                    const struct polynomial *p, const struct polynomial *limit);

#endif
