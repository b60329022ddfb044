/* The planner's part of indices: which references of a value are indices of elements, and their tiles. */
#include <string.h>

#include "ir/build.h"
#include "transforms/dst_planner.h"
#include "transforms/host_numbers.h"

bool is_number(const struct planner *p, struct node *value) {
    return is_whole_number(p->request->kernel, p->request->target, value);
}

bool is_element_index(const struct planner *p, const struct node *value) {
    struct node_list axes = p->request->target->subscripts;
    for (size_t i = 0; value->kind == NODE_REFERENCE && i < axes.count; i++)
        if (node_equal(axes.items[i], value))
            return true;
    return false;
}

void fail_as_negative(struct planner *p, const char *type) {
    bool first = !p->failed;
    planner_fail(p,
                 "this number counts blocks or matrices, and may be below 0 where it is divided or compared");
    if (first)
        report_help(p->request->diagnostics, (struct span){0},
                    "convert what it is made of: max(%s(b) - 1, 0) for max(b - 1, 0)", type);
}

static enum spread spread_of(const struct planner *p, const struct node *axis) {
    struct node_list axes = p->request->target->subscripts;
    bool last = node_equal(axes.items[axes.count - 1], axis);
    return last && !(axes.count == 1 && p->request->target_column) ? SPREAD_INDEX_COLUMNS : SPREAD_INDEX_ROWS;
}

int plan_index(struct planner *p, struct node_reference *axis) {
    struct arena *arena = p->request->arena;
    if (!is_element_index(p, &axis->base)) {
        planner_fail(p, arena_printf(arena, "%s is no axis of %s, which the statement writes", axis->name,
                                     p->request->target->name));
        return 0;
    }
    int slot = slot_take(p);
    step_add(p, (struct dst_step){
                    .call = DEVICE_CALL_copy_tile, .slot = slot, .a = {.spread = spread_of(p, &axis->base)}});
    if (p->index == DTYPE_F32) {
        struct node *first = make_call(arena, "i32", LIST(arena, &axis->base));
        step_add(p, (struct dst_step){.call = DEVICE_CALL_add_unary_tile,
                                      .slot = slot,
                                      .source = {slot},
                                      .scalar = make_call(arena, "bits", LIST(arena, first)),
                                      .axis = axis->name});
        return slot;
    }
    plan_cast(p, slot, DTYPE_F32, p->index);
    plan_offset(p, slot, p->index, axis);
    return slot;
}
