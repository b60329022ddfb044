/* Every access of a kernel in loop form as a relation: the iterations that perform it and the element each of
 * them touches.
 *
 * Sizes and scalar parameters of type index are isl parameters, the sizes not negative and bound by the
 * kernel's `where`. A block axis stands for the elements of all its blocks: clipping is exact by
 * construction. What is not affine (a bound, a condition) is left out, so a domain may be too large, never
 * too small; `exact` tells.
 */
#ifndef TILEC_ANALYSIS_ACCESS_H
#define TILEC_ANALYSIS_ACCESS_H

#include <isl/aff.h>
#include <isl/ctx.h>
#include <isl/map.h>
#include <isl/set.h>
#include <isl/space.h>

#include "ir/ir.h"

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_UPDATE /* reads and writes: op= */ };

struct scope;

struct guard {
    const struct node *condition;
    bool negated;
};

struct access_site {
    enum access_kind kind;
    struct node_access *access;
    const struct node
        *declaration; /* of what is accessed: a tensor parameter, or a let, var or buffer in scope */
    struct span span; /* of the access, or of its statement where the access has none */
    struct node *statement;
    size_t order;      /* statements in program order */
    size_t grid_axes;  /* the first dimensions of the domain that are axes of a grid */
    size_t axis_count; /* dimensions of the domain that are axes; further ones are lo and len of blocks */
    const char *const *axes;               /* names; NULL for lo and len */
    const struct node_axis *const *ranges; /* as declared; NULL for lo and len */
    const struct scope *scope; /* what names mean there */
    const struct guard *guards; /* conditions around it */
    size_t guard_count;
    isl_set *domain;
    bool exact;              /* the domain is exact */
    isl_pw_aff **subscripts; /* over the domain; NULL where a subscript is not affine */
};

struct relations {
    struct arena *arena;
    struct node_kernel *kernel;
    isl_ctx *ctx;
    isl_space *space; /* of the parameters */
    isl_set *context; /* what is known of them */
    bool exact;       /* that is all that `where` says */
    struct access_site *sites;
    size_t site_count, site_capacity;
};

/* The relations of a kernel; freed by relations_free. */
struct relations *relations_of(struct arena *arena, isl_ctx *ctx, struct node *kernel);
void relations_free(struct relations *relations);

/* The tensor parameter of this name, NULL when there is none. */
struct node_parameter *relations_tensor(const struct relations *relations, const char *name);

/* An expression of sizes over a space of no dimensions; NULL when it is not affine. */
__isl_give isl_aff *relations_size(const struct relations *relations, const struct node *expression);

/* The same over the domain of a site. */
__isl_give isl_pw_aff *relations_size_at(const struct relations *relations, const struct access_site *site,
                                         const struct node *expression);

/* { iteration -> element } of a site whose subscripts are all affine; NULL when one is not. */
__isl_give isl_map *relations_map(const struct access_site *site);
/* { iteration -> the subscripts that are taken }. */
__isl_give isl_map *relations_map_of(const struct access_site *site, const bool *taken);

/* Is the node the name of a size? */
bool relations_is_size(const struct relations *relations, const struct node *node);
/* Is this so whenever the kernel may be launched: a == b, a >= b? */
bool relations_equal_sizes(const struct relations *relations, const struct node *a, const struct node *b);
bool relations_at_least(const struct relations *relations, const struct node *a, const struct node *b);

#endif
