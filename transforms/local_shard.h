/* The partition local_shard: a tensor that is sharded in L1 ties the blocks of the grid to the cores that
 * hold its shards. Of tile form.
 *
 *     C: bf16[M, N] @layout(memory = l1, block = [4, 2])
 *     grid i in 0..M by 32, j in 0..N by 64 { ... tile store C[i, j] = ... }
 *
 * Rows of shards lie along y, columns along x: i runs along y, j along x, and the core (x, y) computes the
 * blocks of its shard. A tensor that is cut along an axis before its rows, and not along its rows, has the
 * matrices of that axis along y. With orientation = col_major it is the other way round. A direction in which
 * there is a single shard is free: a core runs all blocks of an axis that no direction is tied to.
 */
#ifndef TILEC_TRANSFORMS_LOCAL_SHARD_H
#define TILEC_TRANSFORMS_LOCAL_SHARD_H

#include "transforms/pass.h"

enum plane { PLANE_Y, PLANE_X, PLANE_DIRECTIONS };

/* Indexed by direction: rows along y, columns along x. */
struct shard_owners {
    const struct node_parameter *anchor;   /* whose shards settle the cores; NULL: the partition is global */
    int64_t grid[PLANE_DIRECTIONS];        /* Gy, Gx: shards, so cores */
    struct node *tiles[PLANE_DIRECTIONS];  /* Sm, Sn: of a shard */
    struct node *extent[PLANE_DIRECTIONS]; /* of a shard along what is cut: in tiles, or in matrices */
    bool matrices;                         /* an axis before the rows runs along y */
    int axis[PLANE_DIRECTIONS];            /* number of the grid axis that runs along it; -1: free */
    struct node *blocks[PLANE_DIRECTIONS]; /* of that axis in one shard; 1 where it is free */
    bool by_columns; /* the plane is turned: rows of shards lie along x, columns along y */
};

/* [rows, columns] of the cores over which shards of whole rows go on, row after row; NULL: they do not. Contiguous shares of
 * blocks lie on the same cores. */
struct node *shard_cores(const struct node_parameter *parameter);

/* Finds the tensor that settles the cores, if any: the written one, else the first input whose shards follow
 * the blocks. Others in L1 must agree with it. False after a reported error. */
bool shard_owners_find(struct compilation *c, const struct node_grid *grid, struct shard_owners *owners);

#endif
