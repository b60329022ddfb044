/* Loads of what lies in no tiles of its tensor as a block wants it: at subscripts that shift, stretch, turn back or mix the
 * block's axes, or that may be out of bounds (`else`). The load has them as they are: in them an axis of the block is the
 * index of its element.
 *
 *     shared a[i, j]: bf16 = X[n, i + 3, 2 * j else 0]    =>    tile load a[i, j] = X[n, i + 3, 2 * j else 0] @{tt.move = elements}
 */
#include <string.h>

#include "analysis/match.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/format.h"
#include "ir/query.h"
#include "support/scalar.h"
#include "transforms/tensorize.h"

/* Is it a multiple of 16 whatever the sizes, and no axis of a block? A size times 16 is. */
static bool is_multiple(struct tensorizer *t, const struct node *node) {
    const struct node_binary *binary = node->kind == NODE_BINARY ? (const struct node_binary *)node : NULL;
    int64_t value;
    if (integer_value(node, &value))
        return value % FACE_EDGE == 0;
    if (!binary || !is_number_of_elements(t, node))
        return false;
    bool left = is_multiple(t, binary->left), right = is_multiple(t, binary->right);
    return binary->op == BINARY_MULTIPLY ? left || right
                                         : (binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT) && left && right;
}

static bool is_block(struct tensorizer *t, const char *name) {
    struct node_axis *axis = axis_find(t, name);
    return axis && axis->step && attribute_integer(axis->step, 0) != 1;
}

static bool subscripts_move(struct tensorizer *t, const struct node_access *access) {
    size_t rank = access->subscripts.count;
    const char *seen = NULL;
    if (access->otherwise)
        return true;
    for (size_t i = 0; i < rank; i++) {
        struct node *subscript = access->subscripts.items[i];
        struct node_reference *reference = node_as(subscript, reference);
        const char *axis = reference && is_block(t, reference->name) ? reference->name : NULL;
        if (!axis && is_number_of_elements(t, subscript))
            continue;
        if (!axis || i + 2 < rank || (seen && strcmp(seen, axis) == 0))
            return true;
        seen = axis;
    }
    return false;
}

/* Half a row of a tile of bytes is shorter than a read of rows may be on any product. */
static bool has_rows_of_bytes(struct tensorizer *t, const struct node_access *access) {
    const struct storage *tensor = storage_find(t, access->name);
    const struct node_parameter *parameter = node_as(tensor->declaration, parameter);
    uint32_t tile_bytes = 0;
    device_format(tensor->dtype, &tile_bytes);
    return parameter && is_row_major(parameter) && tile_bytes == TILE_ELEMENTS;
}

bool access_is_moved(struct tensorizer *t, const struct node_access *access) {
    return has_rows_of_bytes(t, access) || subscripts_move(t, access);
}

/* Values of block formats share exponents: they have no place of their own. */
static bool may_move(struct tensorizer *t, const struct node_access *access) {
    const struct storage *tensor = storage_find(t, access->name);
    if (!is_block_type(tensor->dtype))
        return true;
    tensorize_fail(t, "%s is %s, whose values share exponents with their neighbours: they stay where they are",
                   access->name, word_text(WORDS_dtype, tensor->dtype));
    tensorize_help(t, "declare %s as bf16, which holds all values of %s", access->name,
                   word_text(WORDS_dtype, tensor->dtype));
    return false;
}

bool moved_axes(struct tensorizer *t, const struct node_access *access, const char **axes, size_t *count) {
    *count = 0;
    if (!may_move(t, access))
        return false;
    for (size_t i = 0; i < access->subscripts.count; i++)
        for_each (reference, reference, access->subscripts.items[i]) {
            bool known = !is_block(t, reference->name);
            for (size_t k = 0; k < *count; k++)
                known |= axes[k] == reference->name;
            if (known)
                continue;
            if (*count == 2) {
                tensorize_fail(t, "%s is read along %s, %s and %s at once: a block of it has two axes",
                               access->name, axes[0], axes[1], reference->name);
                tensorize_help(t, "open one of them without `by`: it takes one element after the other then");
                return false;
            }
            axes[(*count)++] = reference->name;
        }
    return true;
}

/* Is it the buffer of these axes, in any order? */
bool has_moved_axes(const struct storage *buffer, size_t count, const char *const *axes) {
    bool same = buffer->rank == count;
    for (size_t i = 0; same && i < count; i++)
        same = axes[i] == buffer->axes[0] || (count == 2 && axes[i] == buffer->axes[1]);
    return same;
}

/* How the load or store that was emitted last moves. */
static void mark_moved(struct tensorizer *t, const char *way) {
    struct node **tile = &t->out->items[t->out->count - 1];
    *tile = attribute_set(t->arena, *tile, KEY_TT_MOVE, make_reference(t->arena, way));
}

/* Is it axis + e, with e a multiple of 16 that is no axis of a block? */
static bool runs_along(struct tensorizer *t, const struct node *subscript, const char *axis) {
    const struct node_binary *sum = subscript->kind == NODE_BINARY ? (const struct node_binary *)subscript : NULL;
    if (subscript->kind == NODE_REFERENCE)
        return ((const struct node_reference *)subscript)->name == axis;
    if (!sum || (sum->op != BINARY_ADD && sum->op != BINARY_SUBTRACT))
        return false;
    return (runs_along(t, sum->left, axis) && is_multiple(t, sum->right)) ||
           (sum->op == BINARY_ADD && runs_along(t, sum->right, axis) && is_multiple(t, sum->left));
}

bool target_is_moved(struct tensorizer *t, const struct node_access *access) {
    size_t rank = access->subscripts.count;
    bool moved = subscripts_move(t, access);
    for (size_t i = rank < 2 ? rank : rank - 2; i < rank; i++)
        moved |= is_number_of_elements(t, access->subscripts.items[i]);
    return moved;
}

bool stored_axes(struct tensorizer *t, const struct node_access *access, const char **axes, size_t *count) {
    size_t rank = access->subscripts.count;
    const struct node *last = access->subscripts.items[rank - 1];
    if (!moved_axes(t, access, axes, count))
        return false;
    if (*count == 2 && runs_along(t, last, axes[0])) {
        const char *first = axes[0];
        axes[0] = axes[1];
        axes[1] = first;
    }
    bool rows = *count && runs_along(t, last, axes[*count - 1]);
    for (size_t i = 0; rows && i + 1 < rank; i++)
        rows = !match_varies(access->subscripts.items[i], axes[*count - 1]);
    if (rows)
        return true;
    tensorize_fail(t, "subscript %s of %s does not run along a block: a result is written row by row, from a multiple of 16 on",
                   node_text(t->arena, last), access->name);
    tensorize_help(t, "write %s at its own loop variables, and read what it is made of at other places",
                   access->name);
    return false;
}

void emit_moved(struct tensorizer *t, struct node *target, struct node_access *access) {
    struct node_access numbered = *node_as(access_numbered(t, access), access);
    numbered.otherwise = access->otherwise;
    tile_emit(t, TILE_LOAD, target, ASSIGN_SET, arena_copy(t->arena, &numbered, sizeof numbered));
    mark_moved(t, "elements");
}

void emit_stored(struct tensorizer *t, struct node_access *access, struct node *buffer) {
    tile_emit(t, TILE_STORE, access_numbered(t, access), ASSIGN_SET, buffer);
    mark_moved(t, "rows");
}
