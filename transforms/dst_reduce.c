/* Folds by the vector unit: the tiles along the folded axis are gathered in one slot, element by element and at full
 * width, and that tile is folded in itself.
 *
 *     fill_tile_bitcast(0, bits(-inf))
 *     for k in 0..j_tiles {
 *         copy_tile(cb_z, row * 4 + k, 1)
 *         binary_max_tile(0, 1, 0)
 *     }
 *     sfpu_reduce(MAX, Float32, REDUCE_ROW, 0)
 */
#include "ir/build.h"
#include "ir/query.h"
#include "transforms/dst_section.h"

struct slot_fold {
    const char *pool;                 /* word of sfpu_reduce */
    enum device_call_number combines; /* two slots, element by element */
};

static const struct slot_fold folds[] = {
    [REDUCTION_SUM] = {"SUM", DEVICE_CALL_add_binary_tile},
    [REDUCTION_MAX] = {"MAX", DEVICE_CALL_binary_max_tile},
    [REDUCTION_MIN] = {"MIN", DEVICE_CALL_binary_min_tile},
};

/* One tile of results. */
static void slot_section(struct manager *m, struct list_builder *out, const struct part *part, void *context) {
    struct node_tile *tile = context;
    struct arena *a = m->arena;
    struct span span = tile->base.span;
    struct node_reduction *reduction = node_as(tile->value, reduction);
    const struct slot_fold *fold = &folds[reduction->op];
    struct node_access *input = node_as(reduction->body, access);
    const char *axis = node_as(reduction->axes.items[0], axis)->name;
    bool rows = folds_along_rows(reduction);
    struct node *columns, *from = emit_reference(m, input->name), *k = emit_reference(m, m->inner);
    block_side(m, input->name, 1, &columns);
    struct node *place = rows ? make_add(a, make_mul(a, part->row, columns), k)
                              : make_add(a, make_mul(a, k, columns), part->column);
    struct node *result = emit_number(m, 0), *work = emit_number(m, 1), *pool = emit_reference(m, fold->pool),
                *format = emit_reference(m, "Float32");
    struct node *neutral = make_call(a, "bits", LIST(a, make_real(a, reduction_neutral(reduction->op))));
    struct call_operands both = {.slot = result, .source = {result, work}};
    struct dst_plan plan = {.slots = 1};
    struct list_builder step = {0};
    emit_section_begin(m, out, span, node_as(tile->target, access)->name);
    EMIT_PLAIN(m, out, span, fill_tile_init);
    EMIT(m, out, span, fill_tile_bitcast, result, neutral);
    EMIT(m, out, span, reconfig_data_format_srca, from);
    EMIT(m, out, span, copy_init, from);
    emit_operation(m, out, span, device_calls[fold->combines].init, &both);
    EMIT(m, &step, span, copy_tile, from, place, work);
    emit_operation(m, &step, span, fold->combines, &both);
    emit_loop(m, out, span, m->inner, axis_tiles(tile, axis, RANGE_TILES), &step);
    EMIT(m, out, span, sfpu_reduce_init, pool, format);
    EMIT(m, out, span, sfpu_reduce, pool, format, emit_reference(m, rows ? "REDUCE_ROW" : "REDUCE_COL"), result);
    emit_pack(m, out, tile, &plan, part, false);
}

void emit_slot_reduce(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    emit_groups(m, out, tile, 1, slot_section, tile);
}
