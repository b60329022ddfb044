/* Blocks that one core reads and sends to others: which cores want the same block of a buffer that its author
 * marks by `multicast`, and the plane of cores on which the blocks of the grid lie for that. Of tile form.
 *
 *     grid i in 0..M by 64, j in 0..N by 64 {
 *         for k in 0..K by 64 {
 *             shared a[i, k]: bf16 @{multicast = 1}      free of j: the same for all cores of a row
 *             tile load a[i, k] = A[i, k]
 *
 * The last two axes of the grid lie along rows and columns of cores, a single axis along row after row. Every
 * core in use runs the same number of blocks, in the same order, so that senders and receivers meet in every
 * iteration; where blocks do not divide evenly, a core beyond the last block repeats it and stores nothing.
 */
#ifndef TILEC_TRANSFORMS_CORE_PLANE_H
#define TILEC_TRANSFORMS_CORE_PLANE_H

#include "transforms/local_shard.h"

/* The cores that share a block; the first of them, by sx and sy, sends it. */
enum multicast_group { GROUP_NONE, GROUP_ROW, GROUP_COLUMN, GROUP_PLANE, GROUP_COUNT };
extern const char *const multicast_group_names[GROUP_COUNT];
enum multicast_group multicast_group_of(const struct node *multicast); /* of a value of tt.multicast */

/* Indexed by direction: rows along y, columns along x. */
struct core_plane {
    bool used;                  /* some block is sent */
    bool groups[GROUP_COUNT];   /* those that share some buffer */
    int axis[PLANE_DIRECTIONS]; /* number of the grid axis along it; the same for a grid of one axis */
    struct node *grid[PLANE_DIRECTIONS];   /* Gy, Gx: cores in use */
    struct node *blocks[PLANE_DIRECTIONS]; /* By, Bx: of one core; of one axis both are the same */
};

/* Settles the plane and writes tt.multicast of every buffer that is sent. blocks: along each axis of the
 * grid; cores: [x, y] at most. False after a reported error. */
bool core_plane_find(struct compilation *c, const struct node_grid *grid, struct node_list blocks,
                     const int64_t cores[2], const struct shard_owners *owners, struct core_plane *plane);

/* [x, y] of the first and the last core of the group that the core at hand belongs to, as x, y, x, y in
 * core_x() and core_y(). grid: [Gy, Gx]. */
struct node_list multicast_corners(struct arena *arena, enum multicast_group group,
                                   struct node *const grid[PLANE_DIRECTIONS]);

/* min(1, ...): is the core at hand in use? 1 where all are. cores: as above. */
struct node *core_plane_member(struct arena *arena, const struct core_plane *plane, const int64_t cores[2]);

#endif
