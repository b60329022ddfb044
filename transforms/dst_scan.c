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
 *
 * Nothing of the unit runs by other folds. Of a block of one tile the rows are picked one after the other, spread over those
 * behind by a running sum with zeros, and join what these rows have so far:
 *
 *     for step in 0..32 {
 *         copy_tile(cb_index_rows, 0, 2)
 *         rsub_unary_tile(2, bits(i32(step)))
 *         fill_tile_bitcast(1, bits(0.0))
 *         where_tile(Float32, 2, 1, 3, 1)
 *         cumsum_tile(1, 1)
 *         binary_max_tile(0, 1, 1)
 *         relu_tile(2)
 *         where_tile(Float32, 2, 0, 1, 0)
 *     }
 */
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/dst_section.h"

/* ---- other folds than sums ---- */

static void operate(struct manager *m, struct list_builder *out, struct span span, enum device_call_number call,
                    const struct call_operands *operands) {
    emit_operation(m, out, span, device_calls[call].init, operands);
    emit_operation(m, out, span, call, operands);
}

/* The tile of slot 3 scanned into slot 0. */
static void scan_rows(struct manager *m, struct list_builder *out, struct span span, enum reduction_operator op) {
    struct arena *a = m->arena;
    const enum spread spread = SPREAD_INDEX_ROWS;
    struct node *result = emit_number(m, 0), *work = emit_number(m, 1), *beside = emit_number(m, 2),
                *rows = emit_number(m, 3), *lane = emit_reference(m, m->inner),
                *index = constant_buffer(m, span, spread);
    struct node *zero = make_call(a, "bits", LIST(a, make_real(a, 0))),
                *number = make_call(a, "bits", LIST(a, make_call(a, "i32", LIST(a, lane))));
    enum device_call_number combines = op == REDUCTION_MAX   ? DEVICE_CALL_binary_max_tile
                                       : op == REDUCTION_MIN ? DEVICE_CALL_binary_min_tile
                                                             : DEVICE_CALL_mul_binary_tile;
    struct call_operands first = {.slot = result, .bits = make_call(a, "bits", LIST(a, make_real(a, reduction_neutral(op))))},
                         none = {.slot = work, .bits = zero}, distance = {.slot = beside, .bits = number},
                         pick = {.slot = work, .source = {beside, work, rows}},
                         joined = {.slot = work, .source = {result, work}}, before = {.slot = beside},
                         keep = {.slot = result, .source = {beside, result, work}};
    struct list_builder step = {0};
    operate(m, out, span, DEVICE_CALL_fill_tile_bitcast, &first);
    EMIT(m, out, span, reconfig_data_format_srca, index);
    EMIT(m, out, span, copy_init, index);
    EMIT(m, &step, span, copy_tile, index, result, beside);
    operate(m, &step, span, DEVICE_CALL_rsub_unary_tile, &distance);
    operate(m, &step, span, DEVICE_CALL_fill_tile_bitcast, &none);
    operate(m, &step, span, DEVICE_CALL_where_tile, &pick);
    EMIT_PLAIN(m, &step, span, cumsum_tile_init);
    EMIT(m, &step, span, cumsum_tile, work, emit_number(m, 1));
    operate(m, &step, span, combines, &joined);
    operate(m, &step, span, DEVICE_CALL_relu_tile, &before);
    operate(m, &step, span, DEVICE_CALL_where_tile, &keep);
    emit_loop(m, out, span, m->inner, emit_number(m, TILE_EDGE), &step);
}

/* ---- sums of whole numbers ---- */

/* The number in a slot, and what an operation on two makes of them. */
static void fill_whole(struct manager *m, struct list_builder *out, struct span span, struct node *slot, int64_t number) {
    struct call_operands operands = {.slot = slot, .bits = emit_number(m, number), .format = "UInt32"};
    operate(m, out, span, DEVICE_CALL_fill_tile_int, &operands);
}

static void combine(struct manager *m, struct list_builder *out, struct span span, enum device_call_number call,
                    struct node *a, struct node *b) {
    struct call_operands operands = {.slot = a, .source = {a, b}, .format = "UInt32"};
    operate(m, out, span, call, &operands);
}

static void convert(struct manager *m, struct list_builder *out, struct span span, const char *cast, struct node *slot) {
    struct call_operands operands = {.slot = slot, .format = cast};
    operate(m, out, span, DEVICE_CALL_typecast_tile, &operands);
}

/* The tile of slots 0 and 1 scanned into slot 0: as floats, the low and the high 16 bits of each number by themselves,
 * whose sums over a tile are exact. */
static void scan_halves(struct manager *m, struct list_builder *out, struct span span) {
    struct node *half[] = {emit_number(m, 0), emit_number(m, 1)}, *work = emit_number(m, 2);
    fill_whole(m, out, span, work, 0xffff);
    combine(m, out, span, DEVICE_CALL_bitwise_and_binary_tile, half[0], work);
    fill_whole(m, out, span, work, 16);
    combine(m, out, span, DEVICE_CALL_binary_logical_right_shift_tile, half[1], work);
    for (size_t i = 0; i < 2; i++) {
        convert(m, out, span, "i32_to_f32", half[i]);
        EMIT_PLAIN(m, out, span, cumsum_tile_init);
        EMIT(m, out, span, cumsum_tile, half[i], emit_number(m, 1));
        convert(m, out, span, "f32_to_i32", half[i]);
    }
    combine(m, out, span, DEVICE_CALL_binary_left_shift_tile, half[1], work);
    combine(m, out, span, DEVICE_CALL_add_int_tile, half[0], half[1]);
}

/* ---- scans ---- */

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
    enum reduction_operator op = node_as(tile->value, scan)->op;
    bool whole_numbers = fragment_type(manager_buffer(m, input)->dtype) != DTYPE_F32, sums = op == REDUCTION_SUM && !whole_numbers;
    if (sums)
        EMIT_PLAIN(m, out, span, cumsum_tile_init);
    emit_section_begin(m, &section, span, node_as(tile->target, access)->name);
    EMIT(m, &section, span, reconfig_data_format_srca, from);
    EMIT(m, &section, span, copy_init, from);
    EMIT(m, &section, span, copy_tile, from, place, op == REDUCTION_SUM ? slot : emit_number(m, 3));
    if (whole_numbers) {
        EMIT(m, &section, span, copy_tile, from, place, one);
        scan_halves(m, &section, span);
    } else if (sums) {
        EMIT(m, &section, span, cumsum_tile, slot, make_binary(a, BINARY_EQUAL, row, emit_number(m, 0)));
    } else {
        scan_rows(m, &section, span, op);
    }
    emit_pack(m, &section, tile, &plan, &part, false);
    emit_loop(m, &down, span, r0, whole.rows, &section);
    emit_loop(m, out, span, c0, whole.columns, &down);
}
