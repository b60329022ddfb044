/* Questions that several passes ask of a kernel: its parameters and sizes, the tensor that drives the
 * partition, the number of blocks of an axis, names that are taken. Nothing here changes a tree or decides
 * anything.
 */
#ifndef TILEC_IR_QUERY_H
#define TILEC_IR_QUERY_H

#include "ir/format.h"
#include "ir/ir.h"
#include "ir/launch.h"
#include "ir/names.h"

/* The parameter of this name, NULL when the kernel has none. */
struct node_parameter *find_parameter(struct node *kernel, const char *name);
/* Tensors have dimensions, scalars have none. */
bool is_tensor(const struct node_parameter *parameter);

/* Are its pages rows of the last dimension, by tt.buffer? Else they are tiles. */
bool is_row_major(const struct node_parameter *parameter);

/* The open sizes of a kernel: references in order of first mention in the dimensions of its parameters. */
struct node_list open_sizes(struct arena *arena, struct node *kernel);
/* Those of a kernel or program, and behind them what only its conditions mention. */
struct node_list entry_sizes(struct arena *arena, struct node *entry);
/* Does a dimension before the last two mention this size? It counts matrices then, and not their elements. */
bool size_counts_matrices(struct node *kernel, const char *name);
/* Does the expression consist of literals, sizes and scalar parameters only, so that the launch can evaluate
 * it? */
bool known_at_launch(struct arena *arena, struct node *kernel, struct node *expression);
/* Is it a whole number that is given at launch and may be below 0, since it is no dimension of a tensor
 * and no condition of the kernel says by itself that it is not (`t >= 0`)? */
bool may_be_negative(const struct node *kernel, const char *name);

/* Of tile form: the tensor that a `store` writes; of several the one with most dimensions, of equals the
 * first. NULL without a store. */
struct node_parameter *written_tensor(struct node *kernel);
/* A tensor read with its dimensions in another order, for advice: what is no loop variable stands before the last two
 * subscripts, which loop variables fill up, of new names where they are lacking. */
struct node *access_in_matrices(struct arena *arena, const struct node_access *access);
/* The name that an assignment writes: of an access, or of a reference. */
const char *target_name(const struct node *target);

/* Does an assignment in the body write this name? */
bool is_assigned(const struct node *body, const char *name);

/* What a fold of nothing is: 0, 1, -inf or inf. */
double reduction_neutral(enum reduction_operator op);
/* What `x op= e` over the elements of an axis folds. */
enum reduction_operator fold_of_update(enum assign_operator op);
/* How a fold joins what was folded before: SET where no update does. */
enum assign_operator update_of_fold(enum reduction_operator op);
/* Is a fold by it one of the folds of its parts: a sum, product, maximum, minimum? */
bool folds_by_parts(enum reduction_operator op);
/* Is one of the dimensions of the parameter this size, by its name alone? */
bool binds_size(const struct node_parameter *parameter, const char *size);

/* Does the reduction of a buffer fold its columns, to one result for every row? */
bool folds_along_rows(const struct node_reduction *reduction);

/* Does the vector unit fold in DST slots what this reduce reads, at full width? It is marked so (tensorize_tt): f32, which
 * the matrix unit would cut. */
bool folds_in_slots(const struct node_tile *reduce);

/* Sums of the vector unit are sums of groups of so many tiles, each gathered by itself, counted from where the block
 * begins. */
enum { SUM_GROUP_TILES = 8 };

/* The axis of the lanes that a reduce gathers in, element j of the folded axis in lane j % 32: the axis of its target that
 * the operand has not. NULL: the reduce folds to one element. */
const char *lane_axis(const struct node_tile *reduce);

/* Does the tree ask anywhere for contractions without TF32? */
bool asks_exactness(struct node *tree);
/* bf16 parts of an f32 factor of such a contraction. */
enum { EXACT_PARTS = 3 };

/* The declaration of a buffer in the tree, NULL when it has none. */
struct node_buffer *find_declaration(struct node *tree, const char *name);
/* The first buffer that is sent, by its author's mark; NULL when there is none. */
struct node *find_multicast(struct node *tree);
/* Is the function called in the tree? The kernel launched in the program? */
bool calls(struct node *tree, const char *function);
bool launches_kernel(struct node *program, const char *kernel);

/* lo and len of the block at hand. */
bool is_block_place(const struct node *node);
/* The first of them in the expression, NULL when it has none: with one, it is no number of sizes alone. */
struct node *find_block_place(struct node *expression);

/* upper - lower of an axis that has a range; how often its loop runs (ceildiv of it by the step). */
struct node *axis_extent(struct arena *arena, const struct node_axis *axis);
struct node *axis_trips(struct arena *arena, const struct node_axis *axis);
/* A block axis whose step is its upper bound, `j in 0..N by N`, has one block, also where that has no
 * elements: its loop runs once at all sizes. */
bool covers_whole_axis(const struct node_axis *axis);

/* A number that the launch works out for each core by itself: its share of the blocks, its place on the
 * grid. */
bool is_core_function(const char *name);
/* Does the value of a launch argument differ from core to core? By where a core stands, and not only by its share? */
bool differs_between_cores(const struct node *value);
bool depends_on_place(const struct node *value);

/* The name of a launch argument; NULL when the kernel has no such entry. */
const char *runtime_argument_name(const struct node *kernel, size_t position);

/* The names of a kernel, those of its launch arguments too. */
struct name_table kernel_names(struct arena *arena, struct node *kernel);

/* What stands at the top of a kernel of device form: a circular buffer, a semaphore or a constant. */
bool is_declaration(const struct node *node);

#endif
