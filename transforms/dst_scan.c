/* Scans by the vector unit: down each column of tiles, one tile after the other. The sums so far stay in registers of the
 * unit from tile to tile, so that nothing else of it stands between them.
 *
 *     for column in 0..i_tiles {
 *         copy_tile(cb_x_t, column, 0)
 *         ...                                          // its first row joins what the scan begins with
 *         cumsum_tile_init()
 *         cumsum_tile(0, 1)
 *         for row in 1..j_tiles {
 *             copy_tile(cb_x_t, row * i_tiles + column, 0)
 *             cumsum_tile(0, 0)
 *         }
 *     }
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

/* The tile of slot 3 scanned into slot 0, which holds what every row begins with. */
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
    struct call_operands none = {.slot = work, .bits = zero}, distance = {.slot = beside, .bits = number},
                         pick = {.slot = work, .source = {beside, work, rows}},
                         joined = {.slot = work, .source = {result, work}}, before = {.slot = beside},
                         keep = {.slot = result, .source = {beside, result, work}};
    struct list_builder step = {0};
    EMIT(m, out, span, reconfig_data_format_srca, index);
    EMIT(m, out, span, copy_init, index);
    EMIT(m, &step, span, copy_tile, index, result, beside);
    emit_behind_init(m, &step, span, DEVICE_CALL_rsub_unary_tile, &distance);
    emit_behind_init(m, &step, span, DEVICE_CALL_fill_tile_bitcast, &none);
    emit_behind_init(m, &step, span, DEVICE_CALL_where_tile, &pick);
    EMIT_PLAIN(m, &step, span, cumsum_tile_init);
    EMIT(m, &step, span, cumsum_tile, work, emit_number(m, 1));
    emit_behind_init(m, &step, span, combines, &joined);
    emit_behind_init(m, &step, span, DEVICE_CALL_relu_tile, &before);
    emit_behind_init(m, &step, span, DEVICE_CALL_where_tile, &keep);
    emit_loop(m, out, span, m->inner, emit_number(m, TILE_EDGE), &step);
}

/* ---- sums of whole numbers ---- */

/* The number in a slot, and what an operation on two makes of them. */
static void fill_whole(struct manager *m, struct list_builder *out, struct span span, struct node *slot, int64_t number) {
    struct call_operands operands = {.slot = slot, .bits = emit_number(m, number), .format = "UInt32"};
    emit_behind_init(m, out, span, DEVICE_CALL_fill_tile_int, &operands);
}

static void combine(struct manager *m, struct list_builder *out, struct span span, enum device_call_number call,
                    struct node *a, struct node *b) {
    struct call_operands operands = {.slot = a, .source = {a, b}, .format = "UInt32"};
    emit_behind_init(m, out, span, call, &operands);
}

static void convert(struct manager *m, struct list_builder *out, struct span span, const char *cast, struct node *slot) {
    struct call_operands operands = {.slot = slot, .format = cast};
    emit_behind_init(m, out, span, DEVICE_CALL_typecast_tile, &operands);
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

struct scanning {
    struct manager *m;
    struct node_tile *tile;
    struct span span;
    enum reduction_operator op;
    enum dtype type;          /* f32, i32 or u32 */
    const char *input;
    struct node *start;       /* the buffer of what it begins with; NULL: the neutral element */
    struct node *columns;     /* of tiles in a block of the input */
    struct node *column;      /* at hand */
};

/* What the column of tiles begins with, in every row of the slot. */
static void spread_start(const struct scanning *s, struct list_builder *out, struct node *slot) {
    struct manager *m = s->m;
    struct call_operands operands = {
        .spread = emit_reference(m, "ROW"), .a = s->start, .tile_a = s->column, .slot = slot};
    EMIT(m, out, s->span, reconfig_data_format, emit_reference(m, "REGULAR"), s->start, s->start);
    emit_behind_init(m, out, s->span, DEVICE_CALL_unary_bcast, &operands);
    emit_operation(m, out, s->span, DEVICE_CALL_unary_bcast_uninit, &operands);
}

/* The first row of slot 0 is added to what the column of tiles begins with. */
static void add_start(const struct scanning *s, struct list_builder *out) {
    struct manager *m = s->m;
    struct node *sums = emit_number(m, 0), *start = emit_number(m, 1), *beside = emit_number(m, 2),
                *zeros = emit_number(m, 3), *index = constant_buffer(m, s->span, SPREAD_INDEX_ROWS);
    struct call_operands none = {.slot = zeros, .bits = make_call(m->arena, "bits", LIST(m->arena, make_real(m->arena, 0)))},
                         first = {.slot = start, .source = {beside, zeros, start}},
                         joined = {.slot = sums, .source = {sums, start}};
    spread_start(s, out, start);
    EMIT(m, out, s->span, reconfig_data_format_srca, index);
    EMIT(m, out, s->span, copy_init, index);
    EMIT(m, out, s->span, copy_tile, index, emit_number(m, 0), beside);
    emit_behind_init(m, out, s->span, DEVICE_CALL_fill_tile_bitcast, &none);
    emit_behind_init(m, out, s->span, DEVICE_CALL_where_tile, &first);
    emit_behind_init(m, out, s->span, DEVICE_CALL_add_binary_tile, &joined);
}

static void fill_neutral(const struct scanning *s, struct list_builder *out, struct node *slot) {
    struct arena *a = s->m->arena;
    struct call_operands operands = {
        .slot = slot, .bits = make_call(a, "bits", LIST(a, make_real(a, reduction_neutral(s->op))))};
    emit_behind_init(s->m, out, s->span, DEVICE_CALL_fill_tile_bitcast, &operands);
}

/* The tile of this row: the first of its column, or one behind, which goes on from the one before. */
static void scan_section(const struct scanning *s, struct list_builder *out, struct node *row, struct node *is_first,
                         bool begins) {
    struct manager *m = s->m;
    struct node *from = emit_reference(m, s->input), *slot = emit_number(m, 0), *one = emit_number(m, 1);
    struct node *place = make_add(m->arena, make_mul(m->arena, row, s->columns), s->column);
    struct part part = {.row = row, .column = s->column, .rows = one, .columns = one, .most = 1};
    struct dst_plan plan = {.slots = 1};
    bool sum = s->op == REDUCTION_SUM;
    emit_section_begin(m, out, s->span, node_as(s->tile->target, access)->name);
    EMIT(m, out, s->span, reconfig_data_format_srca, from);
    EMIT(m, out, s->span, copy_init, from);
    EMIT(m, out, s->span, copy_tile, from, place, sum ? slot : emit_number(m, 3));
    if (s->type != DTYPE_F32) {
        EMIT(m, out, s->span, copy_tile, from, place, one);
        scan_halves(m, out, s->span);
        if (s->start) {
            spread_start(s, out, one);
            combine(m, out, s->span, DEVICE_CALL_add_int_tile, slot, one);
        }
    } else if (sum) {
        if (begins && s->start)
            add_start(s, out);
        if (begins)
            EMIT_PLAIN(m, out, s->span, cumsum_tile_init);
        EMIT(m, out, s->span, cumsum_tile, slot, is_first);
    } else {
        if (s->start)
            spread_start(s, out, slot);
        else
            fill_neutral(s, out, slot);
        scan_rows(m, out, s->span, s->op);
    }
    emit_pack(m, out, s->tile, &plan, &part, false);
}

/* The tiles of a column behind the first, in the loop body of that one. */
static void scan_behind(const struct scanning *s, struct list_builder *out, struct node *rows) {
    struct manager *m = s->m;
    int64_t count;
    if (integer_value(rows, &count) && count <= 1)
        return;
    const char *name = name_fresh(&m->names, "r0");
    struct list_builder section = {0};
    scan_section(s, &section, emit_reference(m, name), emit_number(m, 0), false);
    builder_add(m->arena, out,
                make_for(m->arena, s->span, name, emit_number(m, 1), rows, NULL,
                         make_block(m->arena, s->span, builder_list(&section))));
}

void emit_scan(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    struct node_scan *scan = node_as(tile->value, scan);
    struct node_access *input = node_as(scan->body, access), *start = scan->start ? node_as(scan->start, access) : NULL;
    const char *r0 = name_fresh(&m->names, "r0"), *c0 = name_fresh(&m->names, "c0");
    struct part whole = whole_part(m, tile);
    struct scanning s = {.m = m,
                         .tile = tile,
                         .span = tile->base.span,
                         .op = scan->op,
                         .type = fragment_type(manager_buffer(m, input->name)->dtype),
                         .input = input->name,
                         .start = start ? emit_reference(m, start->name) : NULL,
                         .column = emit_reference(m, c0)};
    block_side(m, input->name, 1, &s.columns);
    bool goes_on = s.op == REDUCTION_SUM && s.type == DTYPE_F32;
    struct list_builder first = {0}, down = {0};
    scan_section(&s, &first, goes_on ? emit_number(m, 0) : emit_reference(m, r0), emit_number(m, 1), true);
    if (goes_on)
        scan_behind(&s, &first, whole.rows);
    emit_loop(m, &down, s.span, r0, goes_on ? make_min(m->arena, emit_number(m, 1), whole.rows) : whole.rows, &first);
    emit_loop(m, out, s.span, c0, whole.columns, &down);
}
