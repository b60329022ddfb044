/* One assignment of a tile program: reductions are taken out of its value, what remains is one elementwise
 * map.
 */
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/index_folds.h"
#include "transforms/tensorize.h"

/* ---- operands of a map brought into the shape of its target ---- */

struct fitting {
    struct tensorizer *t;
    struct node *target;
    struct {
        const char *name;
        struct node *made;
    } memo[16]; /* operands that were turned or widened */
    size_t memo_count;
};

static struct node *turn_operand(struct fitting *f, struct node *operand) {
    const char *name = node_as(operand, access)->name;
    struct storage *storage = storage_find(f->t, name);
    if (storage->memory == MEMORY_FRAGMENT)
        operand = value_materialize(f->t, operand, arena_printf(f->t->arena, "%s_copy", name), storage->rank,
                                    storage->axes);
    return value_turned(f->t, operand);
}

/* Each operand is made once. */
static struct node *make_operand(struct fitting *f, struct node *operand,
                                 struct node *make(struct fitting *f, struct node *operand)) {
    const char *name = node_as(operand, access)->name;
    for (size_t i = 0; i < f->memo_count; i++)
        if (f->memo[i].name == name)
            return f->memo[i].made;
    struct node *made = make(f, operand);
    if (f->memo_count < sizeof f->memo / sizeof *f->memo) {
        f->memo[f->memo_count].name = name;
        f->memo[f->memo_count++].made = made;
    }
    return made;
}

static struct node *widen_operand(struct fitting *f, struct node *operand) {
    return value_widened(f->t, operand);
}

static enum orientation wanted_orientation(const struct storage *target, const char *axis) {
    if (target->rank == 1)
        return target->orientation;
    return axis == target->axes[1] ? ORIENTATION_ROW : ORIENTATION_COLUMN;
}

static struct node *fit_access(struct fitting *f, struct node *node) {
    struct tensorizer *t = f->t;
    struct storage *target = storage_find(t, node_as(f->target, access)->name);
    struct storage *operand = storage_find(t, node_as(node, access)->name);
    if (!operand || operand->tensor || !access_is_axes(t, node, operand->rank, operand->axes)) {
        tensorize_fail(t, "%s is read at shifted or repeated subscripts: a block is read whole, at its axes",
                       node_as(node, access)->name);
        tensorize_help(t, "keep another block for what is shifted, loaded from its tensor");
        return node;
    }
    for (size_t i = 0; i < operand->rank; i++) {
        bool covered = false;
        for (size_t k = 0; k < target->rank; k++)
            covered |= target->axes[k] == operand->axes[i];
        if (!covered) {
            tensorize_fail(t, "axis %s of %s is no axis of %s, which the statement writes", operand->axes[i],
                           operand->staged ? operand->staged : operand->name,
                           target->staged ? target->staged : target->name);
            tensorize_help(t, "fold it: sum(%s: ...)", operand->axes[i]);
            return node;
        }
    }
    bool widened = is_narrow_whole(operand->dtype) || is_block_type(operand->dtype);
    if (operand->rank == 0)
        return target->rank && widened ? make_operand(f, node, widen_operand) : node;
    if (operand->rank == 2)
        return operand->axes[0] == target->axes[0] ? node : make_operand(f, node, turn_operand);
    enum orientation wanted = wanted_orientation(target, operand->axes[0]);
    if (operand->orientation == ORIENTATION_NONE)
        operand->orientation = wanted;
    if (operand->orientation != wanted)
        return make_operand(f, node, turn_operand);
    return target->rank == 2 && widened ? make_operand(f, node, widen_operand) : node;
}

/* What messages call a tensor or buffer. */
static const char *told_name(struct tensorizer *t, const char *name) {
    const struct storage *storage = storage_find(t, name);
    return storage->staged ? storage->staged : storage->name;
}

static struct node *fit(struct node *node, void *context) {
    struct fitting *f = context;
    struct tensorizer *t = f->t;
    if (t->failed)
        return node;
    if (node->kind == NODE_ACCESS)
        return fit_access(f, node);
    if (is_block_place(node))
        return node;
    if (is_tile_index(t, node) && !mentions(f->target, node_as(node, reference)->name)) {
        const char *axis = node_as(node, reference)->name, *target = node_as(f->target, access)->name;
        tensorize_fail(t, "axis %s is no axis of %s, which the statement writes", axis, told_name(t, target));
        tensorize_help(t, "the first index of the block is a number, lo(%s); a fold over its indices is sum(%s: ...)",
                       axis, axis);
        return node;
    }
    return node_map_children(t->arena, node, fit, f);
}

/* A vector without an orientation takes that of its first operand that has one, and is a row where it is
 * shared and none has. */
static void orient(struct tensorizer *t, struct storage *target, struct node *value) {
    for_each (access, access, value) {
        const struct storage *operand = storage_find(t, access->name);
        if (operand && operand->rank == 1 && operand->orientation != ORIENTATION_NONE) {
            target->orientation = operand->orientation;
            return;
        }
    }
    if (target->memory == MEMORY_SHARED)
        target->orientation = ORIENTATION_ROW;
}

/* What lies beyond a tensor in its tiles would have a say in the exponents of its last blocks. */
static bool check_stored(struct tensorizer *t, const struct storage *target) {
    if (!is_block_type(target->dtype))
        return true;
    const char *name = target->staged ? target->staged : target->name,
               *type = word_text(WORDS_dtype, target->dtype);
    tensorize_fail(t, "%s is %s, and the device makes no values of block formats yet: it reads them", name,
                   type);
    tensorize_help(t, "declare it as bf16, which holds all values of %s", type);
    return false;
}

static void emit_map(struct tensorizer *t, struct node *target, struct node *value) {
    struct fitting f = {.t = t, .target = target};
    struct storage *storage = storage_find(t, node_as(target, access)->name);
    if (!check_stored(t, storage))
        return;
    if (storage->rank == 1 && storage->orientation == ORIENTATION_NONE)
        orient(t, storage, value);
    struct node *fitted = fit(index_values(t, value, storage->dtype), &f);
    if (!t->failed)
        tile_emit(t, TILE_MAP, target, ASSIGN_SET, fitted);
}

/* ---- reductions inside a value ---- */

struct extraction {
    struct tensorizer *t;
    size_t count;
    const char *const *axes;
};

static struct node *extract(struct node *node, void *context) {
    struct extraction *e = context;
    if (e->t->failed)
        return node;
    struct node_reduction *reduction = node_as(node, reduction);
    if (node->kind == NODE_SCAN)
        return tensorize_scan(e->t, node_as(node, scan), e->count, e->axes, NULL);
    if (!reduction)
        return node_map_children(e->t->arena, node, extract, e);
    const char *axes[2];
    size_t count = value_axes(node, e->count, e->axes, axes);
    return tensorize_reduction(e->t, reduction, count, axes, NULL);
}

/* Does a unit fold on from what the fragment holds? The matrix unit has no minimum. */
static bool accumulates(struct tensorizer *t, enum assign_operator op, struct node_reduction *reduction) {
    return op != ASSIGN_SET && op == update_of_fold(reduction->op) &&
           (op != ASSIGN_MIN || value_dtype(t, reduction->body) == DTYPE_F32);
}

/* ---- targets ---- */

/* The row in a buffer of the tensor's type. */
static struct node *stored_row(struct tensorizer *t, struct node *row, enum dtype dtype, const char *tensor) {
    const struct storage *storage = storage_find(t, node_as(row, access)->name);
    if (storage->dtype == dtype)
        return row;
    const char *name =
        buffer_declare(t, MEMORY_SHARED, arena_printf(t->arena, "%s_out", tensor), 1,
                       arena_copy(t->arena, storage->axes, sizeof storage->axes), dtype, ORIENTATION_ROW);
    storage_find(t, name)->staged = tensor;
    row = dtype == DTYPE_BOOL ? make_call(t->arena, word_text(WORDS_dtype, dtype), LIST(t->arena, row)) : row;
    tile_emit(t, TILE_MAP, buffer_access(t, name), ASSIGN_SET, row);
    return buffer_access(t, name);
}

/* A vector or matrix of tiles goes to its tensor: through a buffer of the tensor's type that the writer
 * empties. */
static void assign_tensor(struct tensorizer *t, struct node_access *target, struct node *value) {
    const char *axes[2];
    size_t count;
    bool moved = target_is_moved(t, target);
    if (!(moved ? stored_axes(t, target, axes, &count) : access_tile_axes(t, target, false, axes, &count)))
        return;
    struct storage *tensor = storage_find(t, target->name);
    struct extraction extraction = {t, count, axes};
    value = extract(value, &extraction);
    if (t->failed)
        return;
    const char *base = arena_printf(t->arena, "%s_out", target->name);
    const char *name = buffer_declare(t, MEMORY_SHARED, base, count, axes, tensor->dtype, ORIENTATION_NONE);
    storage_find(t, name)->staged = target->name;
    emit_map(t, buffer_access(t, name), value);
    if (t->failed)
        return;
    struct node *stored = buffer_access(t, name);
    if (count == 1 && storage_find(t, name)->orientation == ORIENTATION_COLUMN)
        stored = stored_row(t, value_turned(t, stored), tensor->dtype, target->name);
    if (moved)
        emit_stored(t, target, stored);
    else
        tile_emit(t, TILE_STORE, access_numbered(t, target), ASSIGN_SET, stored);
}

/* shared a[i, k] = A[i, k] is the load itself; false when the value needs more than that. */
static bool assign_load(struct tensorizer *t, struct node *target, struct node *value) {
    struct node_access *access = node_as(value, access);
    struct storage *tensor = access ? storage_find(t, access->name) : NULL;
    struct storage *buffer = storage_find(t, node_as(target, access)->name);
    const char *axes[2];
    if (!tensor || !tensor->tensor || buffer->memory != MEMORY_SHARED || buffer->dtype != tensor->dtype)
        return false;
    size_t count;
    bool moved = access_is_moved(t, access);
    if (moved && (!moved_axes(t, access, axes, &count) || !has_moved_axes(buffer, count, axes)))
        return false;
    if (!moved && (!access_tile_axes(t, access, true, axes, &count) || count != buffer->rank))
        return false;
    for (size_t i = 0; i < count && !moved; i++)
        if (axes[i] != buffer->axes[i])
            return false;
    if (count == 1 && !moved) {
        enum orientation orientation = line_orientation(t, access);
        if (orientation != ORIENTATION_NONE && buffer->orientation != ORIENTATION_NONE &&
            buffer->orientation != orientation)
            return false;
        buffer->orientation = orientation != ORIENTATION_NONE ? orientation : buffer->orientation;
    }
    struct span whole = t->span;
    t->span = span_of_part(whole, value->span);
    buffer->loaded = value;
    if (moved)
        emit_moved(t, target, access);
    else
        tile_emit(t, TILE_LOAD, target, ASSIGN_SET, access_numbered(t, access));
    t->span = whole;
    return true;
}

/* acc = acc + sum(...), acc = max(acc, max(...)): the reduction that continues on what the fragment holds, and by
 * which operator; else NULL. */
static struct node_reduction *continued(struct node *target, struct node *value, enum assign_operator *op) {
    struct node_binary *sum = node_as(value, binary);
    struct node_call *max = node_as(value, call);
    struct node *sides[2] = {NULL, NULL};
    enum assign_operator update = ASSIGN_ADD;
    if (sum && sum->op == BINARY_ADD) {
        sides[0] = sum->left;
        sides[1] = sum->right;
    } else if (max && strcmp(max->function, "max") == 0 && max->arguments.count == 2) {
        sides[0] = max->arguments.items[0];
        sides[1] = max->arguments.items[1];
        update = ASSIGN_MAX;
    }
    for (int i = 0; i < 2; i++) {
        struct node_reduction *reduction = sides[i] ? node_as(sides[1 - i], reduction) : NULL;
        if (reduction && node_equal(sides[i], target)) {
            *op = update;
            return reduction;
        }
    }
    return NULL;
}

static void assign_fragment(struct tensorizer *t, struct node *target, enum assign_operator op,
                            struct node *value) {
    const char *name = node_as(target, access)->name;
    struct node_reduction *reduction = op == ASSIGN_SET ? continued(target, value, &op) : NULL;
    reduction = reduction ? reduction : node_as(value, reduction);
    struct storage *fragment = storage_find(t, name);
    const char *varying[2];
    bool whole =
        reduction && value_axes(&reduction->base, fragment->rank, fragment->axes, varying) == fragment->rank;
    if (whole && accumulates(t, op, reduction)) {
        tensorize_accumulate(t, name, reduction);
        return;
    }
    value = make_update(t->arena, op, target, value);
    struct extraction extraction = {t, fragment->rank,
                                    arena_copy(t->arena, fragment->axes, sizeof fragment->axes)};
    value = extract(value, &extraction);
    if (!t->failed)
        emit_map(t, target, value);
}

/* A shared block goes from who fills it to who reads it: one statement fills it, as often as it is declared.
 * False after a reported error. */
static bool fill_once(struct tensorizer *t, struct storage *buffer, enum assign_operator op,
                      struct node *value) {
    const char *name = buffer->name;
    if (op != ASSIGN_SET) {
        tensorize_fail(t, "%s is shared, and a shared block is written once", name);
        tensorize_help(t, "add up in a fragment: fragment %s[...]: f32 = 0", name);
        return false;
    }
    if (buffer->filled.line) {
        tensorize_fail(t, "%s is shared, and a shared block is written once", name);
        report_note(t->compilation->diagnostics, buffer->filled, "%s is written here", name);
        const char *next = name_fresh(&t->names, arena_printf(t->arena, "%s_next", name));
        struct node *own = make_access(t->arena, next, node_as(buffer_access(t, name), access)->subscripts);
        tensorize_help(
            t, "give the new value a block of its own, `shared %s: %s = %s`, and read that from here on",
            node_text(t->arena, own), word_text(WORDS_dtype, buffer->dtype), node_text(t->arena, value));
        return false;
    }
    if (t->axis_count > buffer->depth) {
        tensorize_fail(t, "%s is shared, and a shared block is written once: this loop writes it every time",
                       name);
        report_note(t->compilation->diagnostics, buffer->declaration->span,
                    "%s is declared here and outlives the loop", name);
        tensorize_help(
            t,
            "declare it in the loop, where it is read; what a loop gathers is a fragment, `fragment %s[...]: f32 = 0` before it and `%s += sum(...: ...)` in it",
            name, name);
        return false;
    }
    buffer->filled = t->span;
    return true;
}

static void assign_shared(struct tensorizer *t, struct node *target, struct node *value) {
    struct storage *buffer = storage_find(t, node_as(target, access)->name);
    struct node_reduction *reduction = node_as(value, reduction);
    const char *const *axes = arena_copy(t->arena, buffer->axes, sizeof buffer->axes);
    if (reduction) {
        tensorize_reduction(t, reduction, buffer->rank, axes, buffer->name);
        return;
    }
    struct extraction extraction = {t, buffer->rank, axes};
    struct node_scan *scan = node_as(value, scan);
    value = scan ? tensorize_scan(t, scan, buffer->rank, axes, buffer->name) : extract(value, &extraction);
    if (!t->failed && !node_equal(value, target))
        emit_map(t, target, value);
}

/* Folds that take single elements, before the tensors that they read are loaded by blocks. */
static struct node *without_elements(struct tensorizer *t, struct node_access *target, struct node *value) {
    struct storage *storage = storage_find(t, target->name);
    const char *axes[2] = {storage->axes[0], storage->axes[1]};
    size_t count = storage->rank;
    if (storage->tensor && target_is_moved(t, target) && !stored_axes(t, target, axes, &count))
        return value;
    if (storage->tensor && !target_is_moved(t, target) && !access_tile_axes(t, target, false, axes, &count))
        return value;
    return count == 2 ? elements_taken(t, count, arena_copy(t->arena, axes, sizeof axes), value) : value;
}

void tensorize_assign(struct tensorizer *t, struct node *target, enum assign_operator op,
                      struct node *value) {
    struct node_access *access = node_as(target, access);
    struct storage *storage = access ? storage_find(t, access->name) : NULL;
    if (!storage) {
        tensorize_fail(t, "the left side is no tensor and no buffer of blocks");
        return;
    }
    if (storage->tensor && op != ASSIGN_SET) {
        tensorize_fail(t, "%s is updated in place, and blocks of a tensor are written once", access->name);
        tensorize_help(t,
                       "write %s = %s ... for an element by element change; add up over a loop in a fragment",
                       node_text(t->arena, target), node_text(t->arena, target));
        return;
    }
    if (!storage->tensor && !access_is_axes(t, target, storage->rank, storage->axes)) {
        tensorize_fail(t, "%s is written at other subscripts than its axes, and a block is written whole",
                       access->name);
        return;
    }
    if (!storage->tensor && op == ASSIGN_SET && assign_load(t, target, value))
        return;
    if (!t->failed && !storage->tensor && elements_accumulated(t, target, op, value))
        return;
    if (!t->failed)
        value = value_stage(t, without_elements(t, access, value));
    if (t->failed)
        return;
    storage = storage_find(t, access->name);
    if (storage->tensor)
        assign_tensor(t, access, value);
    else if (storage->memory == MEMORY_FRAGMENT)
        assign_fragment(t, target, op, value);
    else
        assign_shared(t, target, value);
}

void tensorize_statement_assign(struct tensorizer *t, struct node *target, enum assign_operator op,
                                struct node *value) {
    struct node_access *access = node_as(target, access);
    struct storage *storage = access ? storage_find(t, access->name) : NULL;
    if (storage && !storage->tensor && storage->memory == MEMORY_SHARED && !fill_once(t, storage, op, value))
        return;
    if (storage && is_whole_type(storage->dtype) && storage->dtype != DTYPE_BOOL) {
        struct value_types types = tensor_types(t);
        value = index_folds(t->arena, &types, value, true, NULL, NULL);
    }
    tensorize_assign(t, target, op, value);
}
