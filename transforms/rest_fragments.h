/* A step of memory_space_lower_tt: which fragments rest in L1, and what that makes of their statements.
 */
#ifndef TILEC_TRANSFORMS_REST_FRAGMENTS_H
#define TILEC_TRANSFORMS_REST_FRAGMENTS_H

#include "ir/names.h"
#include "transforms/pass.h"

/* How many tiles of a plain fragment a section holds beside what its reader and its first value need. */
typedef int64_t section_tiles(struct node_buffer *fragment, void *context);

/* The body with `tt.home = l1` at every fragment that rests in L1. Each of its statements gives it a whole new value:
 *
 *     tile matmul o[i, e] += sum(...)       fragment o_next[i, e]: f32
 *                                           tile map o_next[i, e] = o[i, e]
 *                                     =>    tile matmul o_next[i, e] += sum(...)
 *                                           tile map o[i, e] = o_next[i, e]
 *
 * and the first one stands in front of all loops. */
struct node *rest_fragments(struct compilation *compilation, struct name_table *names, struct node *body,
                            section_tiles *tiles, void *context);

/* Is this the declaration of a fragment that rests in L1, before or after it has its circular buffer? */
bool fragment_rests(const struct node_buffer *buffer);

/* Does a section that the fragment keeps open over a loop meet another one, in the loop or before its reader? */
struct open_section {
    bool looped, interrupted;
};
struct open_section open_section_of(struct arena *arena, struct node *body, const char *fragment);

#endif
