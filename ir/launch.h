/* What a launch settles: sizes from the shapes of the tensors, `where` conditions, the share of blocks and
 * the arguments of every core. Shared by the evaluator, the driver of the embedded device and the plan.
 */
#ifndef TILEC_IR_LAUNCH_H
#define TILEC_IR_LAUNCH_H

#include "ir/ir.h"
#include "ir/size.h"

struct tensor_shape {
    const char *name;
    size_t rank;
    const uint64_t *extents;
};

/* Binds every size that the given tensors of a kernel or program mention; integer scalars that are not set
 * take their defaults, and sizes that no tensor mentions what `where` says. Sizes already in the environment
 * must agree. A disagreement names both tensors. False after a reported error. */
bool sizes_bind(struct diagnostics *diagnostics, struct environment *environment, const struct node *kernel,
                const struct tensor_shape *shapes, size_t count);
/* NAME == value: the name, else NULL. */
const char *condition_settles(const struct node *condition);
/* Sets every size without a value that a `where` condition settles: P == (H + 1) / 2, with all of the right
 * side known. */
void sizes_settle(struct environment *environment, const struct node *kernel);
/* Has `where` a condition with this size alone on its left side? */
bool size_is_settled(const struct node *kernel, const char *name);
/* The `where` conditions of a kernel or program; false after one that does not hold was reported. */
bool conditions_check(struct diagnostics *diagnostics, const struct environment *environment,
                      const struct node *kernel);
/* The run-time checks of a kernel (tt.checks); false after one that does not hold was reported. */
bool checks_hold(struct diagnostics *diagnostics, const struct environment *environment,
                 const struct node *kernel);
/* The extents of a tensor parameter (room for TENSOR_RANK_LIMIT); false after a reported error. */
bool parameter_extents(struct diagnostics *diagnostics, const struct environment *environment,
                       const struct node *parameter, uint64_t *extents);

/* Parameters of a kernel or program, and what it demands of sizes (`where`). */
struct node_list launch_parameters(const struct node *kernel);
struct node_list launch_conditions(const struct node *kernel);
/* Those that are tensors. */
struct node_list launch_tensors(struct arena *arena, const struct node *kernel);
/* The parameter of that name, NULL when there is none. */
struct node_parameter *launch_parameter(const struct node *kernel, const char *name);

/* A buffer's address, or the 32 bits of a scalar that is no integer. */
struct launch_word {
    const char *name; /* of the parameter */
    uint32_t value;
};

struct launch {
    const struct node *kernel; /* with tt.runtime_args, tt.grid_blocks and tt.core_grid */
    const struct environment *sizes;
    const struct launch_word *addresses, *scalars;
    size_t address_count, scalar_count;
    /* Set by launch_prepare. */
    uint64_t blocks;
    uint32_t grid_x, grid_y;
};

struct launch_share {
    uint64_t start, count;
};

/* Consecutive blocks, ceil(blocks / cores) each, clipped: a core without work gets none. */
struct launch_share launch_share(uint64_t blocks, uint32_t cores, uint32_t core);

/* Evaluates the blocks and the core grid. False after a reported error. */
bool launch_prepare(struct diagnostics *diagnostics, struct launch *launch);
/* Position of an entry in tt.runtime_args; the extents of further outer grid axes begin at RUNTIME_OUTER. */
enum runtime_position {
    RUNTIME_START_ID,
    RUNTIME_COUNT,
    RUNTIME_MT,
    RUNTIME_KT,
    RUNTIME_NT,
    RUNTIME_GM,
    RUNTIME_GN,
    RUNTIME_OUTER
};
/* Behind the extents of outer axes where blocks belong to places of cores (tt.plane_axes): in
 * tt.partition_mode local_shard behind SHARD_TILES more, Sm and Sn. Ly and Lx stand only where their
 * direction counts blocks of an axis of its own. */
enum plane_position { PLANE_GY, PLANE_GX, PLANE_SY, PLANE_SX, PLANE_BLOCKS, SHARD_TILES = 2 };
/* How many arguments a core gets, and their names; NULL when the kernel has no tt.runtime_args. */
const struct node_dictionary *launch_argument_list(const struct node *kernel);
/* The NoC coordinates of a logical core by the kernel's tt.core_map; false when it is not there. Before they
 * are settled, in tile form, where nothing is sent yet, they are those of the logical core. */
bool launch_noc_coordinates(const struct node *kernel, int64_t x, int64_t y, uint32_t noc[2]);
/* One argument of one core, counted row by row over the core grid: a whole number that its 32 bits hold with or
 * without a sign. False after a reported error. */
bool launch_argument_value(struct diagnostics *diagnostics, const struct launch *launch, uint32_t core,
                           size_t position, int64_t *value);
/* The arguments of one core, as words. False after a reported error. */
bool launch_arguments(struct diagnostics *diagnostics, const struct launch *launch, uint32_t core,
                      uint32_t *arguments);

#endif
