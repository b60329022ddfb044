/* Scans by the vector unit: down each column of tiles, one tile after the other. The sums so far stay in registers of the
 * unit from tile to tile, so that nothing else of it stands between them.
 *
 *     cumsum_tile_init()
 *     for column in 0..i_tiles {
 *         for row in 0..j_tiles {
 *             tile_regs_acquire()
 *             copy_tile(cb_x_t, row * 1 + column, 0)
 *             cumsum_tile(0, row == 0)
 *             ...
 */
#include "ir/build.h"
#include "transforms/dst_section.h"

void emit_scan(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    struct arena *a = m->arena;
    struct span span = tile->base.span;
    struct part whole = whole_part(m, tile);
    const char *input = node_as(node_as(tile->value, scan)->body, access)->name,
               *r0 = name_fresh(&m->names, "r0"), *c0 = name_fresh(&m->names, "c0");
    struct node *columns, *row = emit_reference(m, r0), *column = emit_reference(m, c0),
                          *from = emit_reference(m, input), *slot = emit_number(m, 0), *one = emit_number(m, 1);
    block_side(m, input, 1, &columns);
    struct node *place = make_add(a, make_mul(a, row, columns), column);
    struct part part = {.row = row, .column = column, .rows = one, .columns = one, .most = 1};
    struct dst_plan plan = {.slots = 1};
    struct list_builder section = {0}, down = {0};
    EMIT_PLAIN(m, out, span, cumsum_tile_init);
    emit_section_begin(m, &section, span, node_as(tile->target, access)->name);
    EMIT(m, &section, span, reconfig_data_format_srca, from);
    EMIT(m, &section, span, copy_init, from);
    EMIT(m, &section, span, copy_tile, from, place, slot);
    EMIT(m, &section, span, cumsum_tile, slot, make_binary(a, BINARY_EQUAL, row, emit_number(m, 0)));
    emit_pack(m, &section, tile, &plan, &part, false);
    emit_loop(m, &down, span, r0, whole.rows, &section);
    emit_loop(m, out, span, c0, whole.columns, &down);
}
