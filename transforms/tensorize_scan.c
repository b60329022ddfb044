/* Scans: of each column of tiles the fold down to each row. What runs along rows is turned before and behind.
 *
 *     Y[i, j] = scan(sum, j: x[i, j])    =>    tile transpose x_t[j, i] = x[i, j]
 *                                              tile scan scan[j, i] = scan(sum, j: x_t[j, i])
 */
#include "analysis/match.h"
#include "ir/build.h"
#include "transforms/tensorize.h"

static bool check_scan(struct tensorizer *t, const struct node_scan *scan, size_t count) {
    const char *axis = node_as(scan->axis, reference)->name, *fold = word_text(WORDS_reduction_operator, scan->op);
    if (count != 2) {
        tensorize_fail(t, "this scans a vector along its only axis, and the device scans matrices");
        tensorize_help(t, "declare it as a matrix of one row, [o, %s] with o in 1: the data are the same", axis);
    } else if (scan->op != REDUCTION_SUM) {
        tensorize_fail(t, "a scan by %s has no way to the device yet: it scans by sum", fold);
    }
    return !t->failed;
}

static struct node *scan_block(struct tensorizer *t, struct node_scan *scan, size_t count, const char *const *axes) {
    const char *along = node_as(scan->axis, reference)->name, *varying[2];
    if (!check_scan(t, scan, value_axes(&scan->base, count, axes, varying)))
        return &scan->base;
    const char *other = varying[varying[0] == along];
    bool turned = match_order(scan->body, along, other) < 0;
    const char *shape[2] = {turned ? other : along, turned ? along : other};
    struct node *operand = value_materialize(t, scan->body, "operand", 2, shape);
    if (t->failed)
        return &scan->base;
    struct storage *storage = storage_find(t, node_as(operand, access)->name);
    if (!dtype_is_computed(storage->dtype)) {
        tensorize_fail(t, "this scans whole numbers (%s), and the device scans floats only",
                       word_text(WORDS_dtype, storage->dtype));
        tensorize_help(t, "convert what it scans, f32(...): sums up to 16777216 are exact there");
        return &scan->base;
    }
    if (is_block_type(storage->dtype))
        operand = value_widened(t, operand);
    if (storage_find(t, node_as(operand, access)->name)->axes[0] != along)
        operand = value_turned(t, operand);
    const char *rows[2] = {along, other};
    const char *name = buffer_declare(t, MEMORY_SHARED, "scan", 2, rows, DTYPE_F32, ORIENTATION_NONE);
    struct node_scan whole = *scan;
    whole.body = operand;
    tile_emit(t, TILE_SCAN, buffer_access(t, name), ASSIGN_SET, arena_copy(t->arena, &whole, sizeof whole));
    return buffer_access(t, name);
}

struct node *tensorize_scan(struct tensorizer *t, struct node_scan *scan, size_t count, const char *const *axes) {
    struct span whole = t->span;
    t->span = span_of_part(whole, scan->base.span);
    struct node *value = scan_block(t, scan, count, axes);
    t->span = whole;
    return value;
}
