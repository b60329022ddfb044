/* Scans: of each column of tiles the fold down to each row. What runs along rows is turned before and behind.
 *
 *     Y[i, j] = scan(sum, j: x[i, j])    =>    tile transpose x_t[j, i] = x[i, j]
 *                                              tile scan scan[j, i] = scan(sum, j: x_t[j, i])
 */
#include "analysis/match.h"
#include "ir/build.h"
#include "support/scalar.h"
#include "transforms/tensorize.h"

/* Sums of floats go on from tile to tile; anything else is scanned in one. */
static bool check_block(struct tensorizer *t, const struct node_scan *scan, bool whole) {
    const char *axis = node_as(scan->axis, reference)->name, *fold = word_text(WORDS_reduction_operator, scan->op);
    struct node_axis *block = axis_find(t, axis);
    int64_t step;
    bool sum = scan->op == REDUCTION_SUM;
    if (sum && !whole)
        return true;
    if (!block || !block->step || !integer_value(block->step, &step) || step > TILE_EDGE) {
        tensorize_fail(t, "a scan by %s of %s takes blocks of %s of %d elements at most", fold,
                       whole ? "whole numbers" : "floats", axis, TILE_EDGE);
        tensorize_help(t, "open %s `by %d`; each block may go on from the last element of the one before", axis,
                       TILE_EDGE);
    } else if (whole && !sum) {
        tensorize_fail(t, "a scan by %s of whole numbers has no way to the device yet", fold);
        tensorize_help(t, "convert what it scans, f32(...): whole numbers up to 16777216 are exact there");
    } else if (!sum) {
        report_remark(t->compilation->diagnostics, t->span,
                      "the device has no scan by %s: it picks one element of %s after the other, some 300 operations for each tile",
                      fold, axis);
    }
    return !t->failed;
}

/* A buffer of these axes that holds the value, also where it varies along one alone. */
static struct node *scan_operand(struct tensorizer *t, struct node *value, const char *const *shape) {
    struct node_access *access = node_as(value, access);
    if (!access || access->subscripts.count == 2)
        return value_materialize(t, value, "operand", 2, shape);
    const char *name =
        buffer_declare(t, MEMORY_SHARED, "operand", 2, shape, value_dtype(t, value), ORIENTATION_NONE);
    tensorize_assign(t, buffer_access(t, name), ASSIGN_SET, value);
    return buffer_access(t, name);
}

/* What the scan begins with, a row along the columns of its tiles. */
static struct node *scan_start(struct tensorizer *t, struct node_scan *scan, const char *other, bool whole) {
    enum dtype dtype = whole ? fragment_type(value_dtype(t, &scan->base)) : DTYPE_F32;
    if (scan->start->kind == NODE_ACCESS && value_dtype(t, scan->start) == dtype) {
        struct node *access = value_materialize(t, scan->start, "start", 1, &other);
        bool row = storage_find(t, node_as(access, access)->name)->orientation == ORIENTATION_ROW;
        return row || t->failed ? access : value_turned(t, access);
    }
    const char *name = buffer_declare(t, MEMORY_SHARED, "start", 1, &other, dtype, ORIENTATION_ROW);
    tensorize_assign(t, buffer_access(t, name), ASSIGN_SET, scan->start);
    return buffer_access(t, name);
}

/* Over (along, other); into the target, if there is one of its type, turned where that lies the other way. */
static struct node *emit_scan(struct tensorizer *t, struct node_scan *scan, const char *other, const char *target) {
    const char *along = node_as(scan->axis, reference)->name, *rows[2] = {along, other};
    enum dtype dtype = value_dtype(t, &scan->base);
    struct storage *given = target ? storage_find(t, target) : NULL;
    given = given && given->dtype == dtype ? given : NULL;
    bool turned = given && given->axes[0] != along;
    const char *name = given && !turned ? target : buffer_declare(t, MEMORY_SHARED, "scan", 2, rows, dtype, ORIENTATION_NONE);
    tile_emit(t, TILE_SCAN, buffer_access(t, name), ASSIGN_SET, &scan->base);
    if (!turned)
        return buffer_access(t, name);
    tile_emit(t, TILE_TRANSPOSE, buffer_access(t, target), ASSIGN_SET, buffer_access(t, name));
    return buffer_access(t, target);
}

static struct node *scan_block(struct tensorizer *t, struct node_scan *scan, size_t count, const char *const *axes,
                               const char *target) {
    const char *along = node_as(scan->axis, reference)->name, *varying[2];
    if (value_axes(&scan->base, count, axes, varying) != 2) {
        tensorize_fail(t, "this scans a vector along its only axis, and the device scans matrices");
        tensorize_help(t, "declare it as a matrix of one row, [o, %s] with o in 1: the data are the same", along);
        return &scan->base;
    }
    const char *other = varying[varying[0] == along];
    bool turned = match_order(scan->body, along, other) < 0;
    const char *shape[2] = {turned ? other : along, turned ? along : other};
    struct node *operand = scan_operand(t, scan->body, shape);
    enum dtype dtype = t->failed ? DTYPE_F32 : storage_find(t, node_as(operand, access)->name)->dtype;
    if (t->failed || !check_block(t, scan, !dtype_is_computed(dtype)))
        return &scan->base;
    if (is_narrow_whole(dtype) || is_block_type(dtype))
        operand = value_widened(t, operand);
    if (storage_find(t, node_as(operand, access)->name)->axes[0] != along)
        operand = value_turned(t, operand);
    struct node_scan made = *scan;
    made.body = operand;
    made.start = scan->start ? scan_start(t, scan, other, !dtype_is_computed(dtype)) : NULL;
    return t->failed ? &scan->base : emit_scan(t, arena_copy(t->arena, &made, sizeof made), other, target);
}

struct node *tensorize_scan(struct tensorizer *t, struct node_scan *scan, size_t count, const char *const *axes,
                            const char *target) {
    struct span whole = t->span;
    t->span = span_of_part(whole, scan->base.span);
    struct node *value = scan_block(t, scan, count, axes, target);
    t->span = whole;
    return value;
}
