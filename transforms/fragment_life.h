/* How the statements of a tile program use a fragment. Of tile form.
 *
 * A fragment is *plain* where one DST section may make its value: one map gives the first value in the list that
 * declares it, accumulations follow, in loops or not, and then it is read and not changed any more. Every other
 * one is carried from statement to statement: it rests in L1.
 */
#ifndef TILEC_TRANSFORMS_FRAGMENT_LIFE_H
#define TILEC_TRANSFORMS_FRAGMENT_LIFE_H

#include "ir/ir.h"

struct fragment_usage {
    struct node_tile *start;  /* the last map that gives it a value */
    struct node_tile *update; /* the last accumulation */
    size_t starts, updates, reads; /* how many; reads: mentions in values */
};

struct fragment_usage fragment_usage_in(struct node *statement, const char *fragment);

/* Does a loop of the list both read the fragment and change it? */
bool fragment_is_running(struct node_list list, const char *fragment);
/* list: the statements that declare it. */
bool fragment_is_plain(struct node_list list, const char *fragment);
/* The same of the fragment that the tree declares; true where it declares none of this name. */
bool fragment_is_plain_in(struct node *tree, const char *fragment);

/* The first statement of the list that reads the fragment where it may have no value, since the loop that gives it one
 * may have no iterations; NULL: there is none. */
struct node_tile *fragment_read_too_early(const struct node *kernel, struct arena *arena, struct node_list list,
                                          const char *fragment);

#endif
