/* The parts of tensorize_tt: what it knows of buffers and axes, and the lowering of one assignment to tile
 * operations.
 */
#ifndef TILEC_TRANSFORMS_TENSORIZE_H
#define TILEC_TRANSFORMS_TENSORIZE_H

#include "ir/names.h"
#include "ir/value_type.h"
#include "transforms/pass.h"

enum orientation { ORIENTATION_NONE, ORIENTATION_ROW, ORIENTATION_COLUMN };

/* A tensor parameter or a buffer. */
struct storage {
    const char *name;
    struct node *declaration; /* parameter or buffer */
    bool tensor, written;     /* written: an output (its loads are not shared between statements) */
    enum memory memory;
    enum dtype dtype;
    size_t rank;
    const char *axes[2]; /* of a buffer: names of its axes, rank of them */
    const char *staged;  /* of a buffer that moves a tensor's blocks: the tensor */
    size_t depth;        /* of a buffer: how many axes are open where it is declared */
    struct node *loaded; /* of a shared buffer: the access of a tensor that fills it; NULL where it is computed */
    struct span filled;  /* of a shared buffer: the statement that writes it; line 0 before that */
    enum orientation orientation;
};

/* A tensor access already brought into a buffer, good until the statement list that loaded it ends. */
struct staged {
    struct node *access;
    const char *buffer;
};

struct tensorizer {
    struct compilation *compilation;
    struct arena *arena;
    struct name_table names;
    struct storage *storages; /* pointers into it die when one is added */
    size_t storage_count, storage_capacity;
    struct node_axis **axes; /* block and element axes in scope, outermost first */
    size_t axis_count, axis_capacity;
    struct staged *staged;
    size_t staged_count, staged_capacity;
    struct list_builder conditions; /* on sizes, which the launch checks beside those of the kernel */
    struct list_builder *out;       /* the statement list under construction */
    struct span span;               /* of the statement under work: what generated statements carry */
    bool exact;                     /* no contraction may cut f32 to TF32 */
    bool failed;
};

/* ---- tensorize_tt.c ---- */
struct storage *storage_find(struct tensorizer *t, const char *name);
struct storage *storage_add(struct tensorizer *t, struct storage storage);
/* Declares a buffer named after base in the current statement list; axes: names, count of them. */
const char *buffer_declare(struct tensorizer *t, enum memory memory, const char *base, size_t count,
                           const char *const *axes, enum dtype dtype, enum orientation orientation);
struct node *buffer_access(struct tensorizer *t, const char *name);
void tile_emit(struct tensorizer *t, enum tile_operation operation, struct node *target,
               enum assign_operator op, struct node *value);
struct node_axis *axis_find(struct tensorizer *t, const char *name);
/* A loop of a tile program, with its statements lowered. */
void tensorize_loop(struct tensorizer *t, struct node *loop);
void tensorize_fail(struct tensorizer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What to do about it. */
void tensorize_help(struct tensorizer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- tensorize_assign.c: target op= value ---- */
/* Floats: what the matrix unit computes with. */
static inline bool dtype_is_computed(enum dtype dtype) {
    return dtype == DTYPE_BF16 || dtype == DTYPE_F32 || is_block_type(dtype);
}
void tensorize_assign(struct tensorizer *t, struct node *target, enum assign_operator op, struct node *value);
/* An assignment that stands in the program, which writes a shared block once: it may become several of the above. */
void tensorize_statement_assign(struct tensorizer *t, struct node *target, enum assign_operator op,
                                struct node *value);

/* ---- tensorize_elements.c ---- */
/* The value, for a target with these axes, with folds that take one element after the other in fragments of their own. */
struct node *elements_taken(struct tensorizer *t, size_t count, const char *const *axes, struct node *value);
/* Is the value such a fold, which the fragment gathers? It is done then. */
bool elements_accumulated(struct tensorizer *t, struct node *target, enum assign_operator op, struct node *value);
/* What stands for an access of a block at a number beside one of its axes: the fold that chooses it. NULL: it is none. */
struct node *element_of_block(struct tensorizer *t, struct node_access *access);

/* ---- tensorize_index.c ---- */
/* Is it the index of an element, along an axis that is read by tiles? */
bool is_tile_index(struct tensorizer *t, const struct node *node);
/* The value, to be stored as that type, with expressions of indices that f32 may not hold as i32(...). */
struct node *index_values(struct tensorizer *t, struct node *value, enum dtype stored);

/* ---- tensorize_reduction.c ---- */
/* The accumulation `fragment op= reduction`; the operands are buffers. */
void tensorize_accumulate(struct tensorizer *t, const char *fragment, struct node_reduction *reduction);
/* The reduction as a value over the given axes: an access of a buffer that holds it. target: a shared buffer
 * of the program to write to, or NULL. */
struct node *tensorize_reduction(struct tensorizer *t, struct node_reduction *reduction, size_t axis_count,
                                 const char *const *axes, const char *target);
/* How a factor of a matrix product lies: over two axes, or along `second` alone. The unpacker turns the right one. */
struct operand_shape {
    const char *first, *second;
    bool may_turn;
};
/* The factors of a product, in buffers. */
struct factor_pair {
    struct {
        struct operand_shape shape;
        struct node *access;
    } left, right;
};
/* The buffer as the matrix unit takes it: as it lies, or turned. */
struct node *operand_laid(struct tensorizer *t, struct node *access, const struct operand_shape *shape);
void matmul_emit(struct tensorizer *t, const char *fragment, struct node_reduction *reduction,
                 struct node *left, struct node *right);
/* Is it one product for a result with these axes? */
bool is_sum_of_products(struct tensorizer *t, struct node_reduction *reduction, size_t count, const char *const *axes);
/* How a vector that accumulates this reduction lies in its tiles. */
enum orientation reduction_orientation(struct node_reduction *reduction, const char *axis);

/* ---- tensorize_scan.c ---- */
/* The scan as an access of a buffer that holds it, of a statement over the given axes. target: a shared buffer of the program
 * that takes it where its type is that of the scan, or NULL. */
struct node *tensorize_scan(struct tensorizer *t, struct node_scan *scan, size_t axis_count,
                            const char *const *axes, const char *target);

/* ---- tensorize_exact.c ---- */
/* Does the product take parts of its factors? */
bool is_split(struct tensorizer *t, const struct factor_pair *pair);
/* The sum of products of f32 factors as a value over the given axes. */
struct node *split_product(struct tensorizer *t, struct node_reduction *reduction,
                           const struct factor_pair *pair, size_t count, const char *const *axes,
                           enum orientation orientation);

/* ---- tensorize_fragment.c ---- */
/* Every fragment gets one reader that reads it once, a map (else a copy is kept in a shared buffer), and a
 * fold starts from its neutral element (another start value is added by the reader). */
struct node *fragments_settle(struct tensorizer *t, struct node *body);

/* ---- tensorize_lanes.c ---- */
/* Folds of the vector unit that go on with a fragment, tile reduce acc[i] += ..., as the device makes them: by lanes that
 * are folded behind the loop, or each by itself. */
struct node *lanes_open(struct tensorizer *t, struct node *body);

/* ---- tensorize_narrow.c ---- */
/* The statements with what they keep of u8, u16 and bool kept with 32 bits. */
struct node *fragments_widened(struct arena *arena, struct node *body);

/* ---- tensorize_single.c ---- */
/* The statements with blocks that are the one element of their axis as tiles, where that is what they are used as. */
struct node *single_blocks_tiled(struct arena *arena, struct node *body);

/* ---- tensorize_split.c ---- */
/* Maps that need more DST slots than a section has are cut into several. */
struct node *maps_split(struct tensorizer *t, struct node *body);

/* ---- tensorize_value.c ---- */
/* value_type of ir/value_type.h, and kept_type: of a buffer that keeps the value. */
struct value_types tensor_types(struct tensorizer *t);
enum dtype value_type_of(struct tensorizer *t, struct node *value);
enum dtype value_dtype(struct tensorizer *t, struct node *value);
/* The block axes that the value varies over, in the order of `order` (count of them); returns how many. */
size_t value_axes(struct node *value, size_t count, const char *const *order, const char **found);
/* The value as a buffer access: itself when it is one of the wanted shape, else a new buffer. axes: its axes
 * in order. */
struct node *value_materialize(struct tensorizer *t, struct node *value, const char *base, size_t count,
                               const char *const *axes);
/* A buffer of u8, u16 or bool as one of 32 bits, of a block format as one of bf16: as these alone tiles are turned, spread
 * by the vector unit, and folded. */
struct node *value_widened(struct tensorizer *t, struct node *access);
/* Has the expression no axis that is read by blocks? */
bool is_number_of_elements(struct tensorizer *t, const struct node *expression);
/* The same access with its tiles turned: `[k, i]` for `[i, k]`, a row vector for a column. */
struct node *value_turned(struct tensorizer *t, struct node *access);
/* The value with every tensor access replaced by a buffer that a load filled. */
struct node *value_stage(struct tensorizer *t, struct node *value);
/* The axes of the tiles that a tensor access covers, and how many: its last subscripts, which must be blocks, or, where
 * it is read, blocks and numbers. False after an error. */
bool access_tile_axes(struct tensorizer *t, struct node_access *access, bool read, const char **axes,
                      size_t *count);
/* ---- tensorize_move.c ---- */
/* Is the tensor read in another way than by whole tiles, at block axes and numbers? */
bool access_is_moved(struct tensorizer *t, const struct node_access *access);
/* The block axes of such an access, two at most. False after an error. */
bool moved_axes(struct tensorizer *t, const struct node_access *access, const char **axes, size_t *count);
bool has_moved_axes(const struct storage *buffer, size_t count, const char *const *axes);
/* Is the tensor written in another way than by whole tiles? */
bool target_is_moved(struct tensorizer *t, const struct node_access *access);
/* The same of what is written, where rows of the block are parts of rows of the tensor. False after an error. */
bool stored_axes(struct tensorizer *t, const struct node_access *access, const char **axes, size_t *count);
void emit_stored(struct tensorizer *t, struct node_access *access, struct node *buffer);
void emit_moved(struct tensorizer *t, struct node *target, struct node_access *access);
/* How what an access with one axis brings lies in its tiles; NONE: the reader moves it there, as its first use wants it. */
enum orientation line_orientation(struct tensorizer *t, const struct node_access *access);
/* The access with leading one-element blocks as numbers: X[lo(b), i, j]. */
struct node *access_numbered(struct tensorizer *t, struct node_access *access);
bool access_is_axes(struct tensorizer *t, struct node *access, size_t count, const char *const *axes);

#endif
