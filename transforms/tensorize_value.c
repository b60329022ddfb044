/* Values on their way into buffers: their type, their axes, loads of tensors, tiles turned. */
#include <string.h>

#include "analysis/match.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/tensorize.h"

static enum dtype element_of(const char *name, void *context) {
    const struct storage *storage = storage_find(context, name);
    return storage ? storage->dtype : DTYPE_NONE;
}

struct value_types tensor_types(struct tensorizer *t) {
    return (struct value_types){t->compilation->kernel, element_of, t};
}

enum dtype value_type_of(struct tensorizer *t, struct node *value) {
    struct value_types types = tensor_types(t);
    return value_type(&types, value);
}

enum dtype value_dtype(struct tensorizer *t, struct node *value) {
    return kept_type(&(struct value_types){t->compilation->kernel, element_of, t}, value);
}

/* ---- axes ---- */

size_t value_axes(struct node *value, size_t count, const char *const *order, const char **found) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        if (match_varies(value, order[i]))
            found[size++] = order[i];
    return size;
}

bool access_is_axes(struct tensorizer *t, struct node *node, size_t count, const char *const *axes) {
    (void)t;
    struct node_access *access = node_as(node, access);
    if (!access || access->subscripts.count != count || access->otherwise)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        if (!reference || reference->name != axes[i])
            return false;
    }
    return true;
}

/* ---- turning ---- */

struct node *value_widened(struct tensorizer *t, struct node *node) {
    const struct storage *source = storage_find(t, node_as(node, access)->name);
    enum dtype wide = source->dtype == DTYPE_BOOL    ? DTYPE_I32
                      : is_block_type(source->dtype) ? DTYPE_BF16
                                                     : computed_type(source->dtype);
    const char *base = arena_printf(t->arena, "%s_wide", source->name);
    const char *name =
        buffer_declare(t, MEMORY_SHARED, base, source->rank,
                       arena_copy(t->arena, source->axes, sizeof source->axes), wide, source->orientation);
    tile_emit(t, TILE_MAP, buffer_access(t, name), ASSIGN_SET, node);
    return buffer_access(t, name);
}

struct node *value_turned(struct tensorizer *t, struct node *node) {
    enum dtype dtype = storage_find(t, node_as(node, access)->name)->dtype;
    if (is_narrow_whole(dtype) || is_block_type(dtype))
        node = value_widened(t, node);
    struct storage *source = storage_find(t, node_as(node, access)->name);
    const char *axes[2] = {source->axes[source->rank - 1], source->axes[0]};
    enum orientation turned = source->rank == 2                           ? ORIENTATION_NONE
                              : source->orientation == ORIENTATION_COLUMN ? ORIENTATION_ROW
                                                                          : ORIENTATION_COLUMN;
    const char *base = arena_printf(t->arena, "%s_t", source->name);
    const char *name = buffer_declare(t, MEMORY_SHARED, base, source->rank, axes, source->dtype, turned);
    struct node *access = buffer_access(t, name);
    tile_emit(t, TILE_TRANSPOSE, access, ASSIGN_SET, node);
    return access;
}

struct node *value_materialize(struct tensorizer *t, struct node *value, const char *base, size_t count,
                               const char *const *axes) {
    struct node_access *access = node_as(value, access);
    struct storage *storage = access ? storage_find(t, access->name) : NULL;
    if (storage && !storage->tensor && storage->memory == MEMORY_SHARED && storage->rank == count)
        return value;
    const char *name =
        buffer_declare(t, MEMORY_SHARED, base, count, axes, value_dtype(t, value), ORIENTATION_NONE);
    tensorize_assign(t, buffer_access(t, name), ASSIGN_SET, value);
    return buffer_access(t, name);
}

/* ---- staging ---- */

static void remember(struct tensorizer *t, struct node *access, const char *buffer) {
    if (t->staged_count == t->staged_capacity) {
        t->staged_capacity = t->staged_capacity ? 2 * t->staged_capacity : 16;
        struct staged *staged = arena_allocate(t->arena, t->staged_capacity * sizeof *staged);
        if (t->staged_count)
            memcpy(staged, t->staged, t->staged_count * sizeof *staged);
        t->staged = staged;
    }
    t->staged[t->staged_count++] = (struct staged){access, buffer};
}

/* One of the last two subscripts is no block axis; axis: an element axis, NULL where the subscript is no
 * axis. */
static void fail_as_no_block(struct tensorizer *t, struct node_access *access, size_t i,
                             struct node_axis *axis) {
    struct node *subscript = access->subscripts.items[i];
    const char *text = node_text(t->arena, subscript);
    tensorize_fail(t, "subscript %s of %s is no block axis: the last two dimensions are read by whole blocks",
                   text, access->name);
    if (axis)
        tensorize_help(t, "write its loop over blocks: `%s in ... by 32`", axis->name);
    else if (subscript->kind == NODE_REFERENCE)
        tensorize_help(
            t, "fold block by block: fragment s[...]: f32 = 0; for %s in ... by 32 { s += sum(%s: ...); }",
            node_as(subscript, reference)->name, node_as(subscript, reference)->name);
    else if (subscript->kind == NODE_INTEGER)
        tensorize_help(
            t,
            "open an axis for it where the dimension is 1, `for o in 1 by 32`; else fold a product with a vector of 0 and 1, an input: sum(k: ... * pick[k])");
    else
        tensorize_help(
            t,
            "a dimension before the last two is read at any such subscript: give all tensors that have it this order, "
            "with dimensions of 1 behind it where two are lacking, as in %s",
            node_text(t->arena, access_in_matrices(t->arena, access)));
}

static bool is_block_axis(const char *name, void *context) {
    struct node_axis *axis = axis_find(context, name);
    return axis && axis->step && attribute_integer(axis->step, 0) != 1;
}

bool is_number_of_elements(struct tensorizer *t, const struct node *expression) {
    return match_is_free(expression, is_block_axis, t);
}

static bool is_line(struct tensorizer *t, const struct node_access *access, size_t i) {
    return match_line(access, i, is_block_axis, t);
}

enum orientation line_orientation(struct tensorizer *t, const struct node_access *access) {
    size_t rank = access->subscripts.count;
    bool column = rank > 1 && is_line(t, access, rank - 1), row = rank > 1 && is_line(t, access, rank - 2);
    bool moved = (column || row) && !match_begins_tiles(access->subscripts.items[column ? rank - 1 : rank - 2]);
    return moved ? ORIENTATION_NONE : column ? ORIENTATION_COLUMN : ORIENTATION_ROW;
}

/* Values of a block format share exponents, which only the first row or column of a tile would keep. */
static bool check_line(struct tensorizer *t, const struct node_access *access) {
    const struct storage *tensor = storage_find(t, access->name);
    size_t rank = access->subscripts.count;
    for (size_t i = rank < 2 ? rank : rank - 2; tensor && is_block_type(tensor->dtype) && i < rank; i++) {
        bool number = is_line(t, access, i) || match_element(access, is_block_axis, t);
        if (!number || match_begins_tiles(access->subscripts.items[i]))
            continue;
        tensorize_fail(t, "subscript %s of %s is no multiple of 32, and values of %s share exponents with their neighbours",
                       node_text(t->arena, access->subscripts.items[i]), access->name,
                       word_text(WORDS_dtype, tensor->dtype));
        tensorize_help(t, "declare %s as bf16, which holds all values of %s", access->name,
                       word_text(WORDS_dtype, tensor->dtype));
        return false;
    }
    return true;
}

bool access_tile_axes(struct tensorizer *t, struct node_access *access, bool read, const char **axes,
                      size_t *found) {
    size_t rank = access->subscripts.count, count = rank < 2 ? rank : 2;
    *found = 0;
    if (read && !check_line(t, access))
        return false;
    for (size_t i = 0; i < rank; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        struct node_axis *axis = reference ? axis_find(t, reference->name) : NULL;
        bool inner = i + count >= rank, block = axis && axis->step;
        if (inner && read && (is_line(t, access, i) || match_element(access, is_block_axis, t)))
            continue;
        if (inner && !block) {
            fail_as_no_block(t, access, i, axis);
            return false;
        }
        if (!inner && block && attribute_integer(axis->step, 0) != 1) {
            tensorize_fail(
                t, "subscript %s of %s is a block, and only the last two dimensions are read by blocks",
                axis->name, access->name);
            tensorize_help(t, "open %s without `by`: it counts matrices then", axis->name);
            return false;
        }
        if (inner)
            axes[(*found)++] = reference->name;
    }
    if (*found == 2 && axes[0] == axes[1]) {
        tensorize_fail(t, "%s is read along its diagonal: the device reads whole tiles", access->name);
        tensorize_help(t, "fold it block by block: sum(k: select(k == %s, %s[%s, k], 0))", axes[0], access->name,
                       axes[0]);
        return false;
    }
    return true;
}

struct node *access_numbered(struct tensorizer *t, struct node_access *access) {
    size_t rank = access->subscripts.count;
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < rank; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        struct node_axis *axis = reference ? axis_find(t, reference->name) : NULL;
        bool numbered = i + 2 < rank && axis && axis->step && attribute_integer(axis->step, 0) == 1;
        struct node *subscript = access->subscripts.items[i];
        builder_add(t->arena, &subscripts,
                    numbered ? make_call(t->arena, "lo", LIST(t->arena, subscript)) : subscript);
    }
    return make_access(t->arena, access->name, builder_list(&subscripts));
}

static struct node *stage_access(struct tensorizer *t, struct node *node) {
    struct node_access *access = node_as(node, access);
    struct storage *tensor = storage_find(t, access->name);
    for (size_t i = 0; i < t->staged_count; i++)
        if (node_equal(t->staged[i].access, node))
            return buffer_access(t, t->staged[i].buffer);
    const char *axes[2];
    size_t count;
    bool moved = access_is_moved(t, access);
    if (!(moved ? moved_axes(t, access, axes, &count) : access_tile_axes(t, access, true, axes, &count)))
        return node;
    bool shareable = !tensor->written;
    struct span whole = t->span;
    t->span = span_of_part(whole, node->span);
    const char *base = arena_printf(t->arena, "%s_in", access->name);
    const char *name = buffer_declare(t, MEMORY_SHARED, base, count, axes, tensor->dtype,
                                      count == 1 && !moved ? line_orientation(t, access) : ORIENTATION_NONE);
    storage_find(t, name)->staged = access->name;
    if (moved)
        emit_moved(t, buffer_access(t, name), access);
    else
        tile_emit(t, TILE_LOAD, buffer_access(t, name), ASSIGN_SET, access_numbered(t, access));
    t->span = whole;
    if (shareable)
        remember(t, node, name);
    return buffer_access(t, name);
}

static struct node *stage(struct node *node, void *context) {
    struct tensorizer *t = context;
    struct node_access *access = node_as(node, access);
    struct storage *storage = access ? storage_find(t, access->name) : NULL;
    if (access && !storage)
        tensorize_fail(t, "%s is no tensor and no buffer of blocks", access->name);
    if (t->failed)
        return node;
    if (storage && storage->tensor)
        return stage_access(t, node);
    struct node *element = storage ? element_of_block(t, access) : NULL;
    if (element)
        return element;
    struct span whole = t->span;
    if (node->kind == NODE_REDUCTION || node->kind == NODE_SCAN)
        t->span = span_of_part(whole, node->span);
    struct node *staged = node_map_children(t->arena, node, stage, t);
    t->span = whole;
    return staged;
}

struct node *value_stage(struct tensorizer *t, struct node *value) {
    return stage(value, t);
}
