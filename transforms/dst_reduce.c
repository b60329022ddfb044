/* Folds by the vector unit: the tiles along the folded axis are gathered in one slot, element by element and at full
 * width, and that tile is folded in itself.
 *
 *     fill_tile_bitcast(0, bits(-inf))
 *     for k in 0..j_tiles {
 *         copy_tile(cb_z, row * 4 + k, 1)
 *         binary_max_tile(0, 1, 0)
 *     }
 *     sfpu_reduce(MAX, Float32, REDUCE_ROW, 0)
 *
 * Sums are gathered in groups of tiles, so that each term meets numbers of its own size:
 *
 *     for t in 0..j_tiles by 8 {
 *         fill_tile_bitcast(2, bits(0.0))
 *         for k in 0..min(8, j_tiles - t) {
 *             copy_tile(cb_z, row * 20 + t + k, 1)
 *             add_binary_tile(2, 1, 2)
 *         }
 *         add_binary_tile(0, 2, 0)
 *     }
 *
 * No call folds a tile by products. Its lines are picked one after the other, each as the sum of the line and of zeros,
 * and multiplied:
 *
 *     for lane in 0..32 {
 *         copy_tile(cb_index_columns, 0, 1)
 *         sub_unary_tile(1, bits(i32(lane)))
 *         where_tile(Float32, 1, 2, 3, 1)
 *         sfpu_reduce(SUM, Float32, REDUCE_ROW, 1)
 *         mul_binary_tile(0, 1, 0)
 *     }
 */
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/dst_section.h"

struct slot_fold {
    const char *pool;                         /* word of sfpu_reduce; NULL: it has none */
    enum device_call_number floats, i32, u32; /* two slots, element by element */
};

static const struct slot_fold folds[] = {
    [REDUCTION_SUM] = {"SUM", DEVICE_CALL_add_binary_tile, DEVICE_CALL_add_int_tile,
                       DEVICE_CALL_add_int_tile},
    [REDUCTION_PRODUCT] = {NULL, DEVICE_CALL_mul_binary_tile, DEVICE_CALL_mul_int_tile,
                           DEVICE_CALL_mul_int_tile},
    [REDUCTION_MAX] = {"MAX", DEVICE_CALL_binary_max_tile, DEVICE_CALL_binary_max_int32_tile,
                       DEVICE_CALL_binary_max_uint32_tile},
    [REDUCTION_MIN] = {"MIN", DEVICE_CALL_binary_min_tile, DEVICE_CALL_binary_min_int32_tile,
                       DEVICE_CALL_binary_min_uint32_tile},
};

/* What a section of a fold works on. */
struct folding {
    struct manager *m;
    struct node_tile *tile;
    struct node_reduction *reduction;
    const char *pool;
    enum device_call_number combines;
    enum dtype type;    /* f32, i32 or u32 */
    const char *format; /* its word */
    struct span span;
    bool rows;
};

static void fill(const struct folding *f, struct list_builder *out, struct node *slot, struct node *value) {
    struct manager *m = f->m;
    int64_t number;
    double real = 0;
    literal_value(value, &real);
    EMIT_PLAIN(m, out, f->span, fill_tile_init);
    if (f->type != DTYPE_F32 && integer_value(value, &number))
        EMIT(m, out, f->span, fill_tile_int, emit_reference(m, f->format), slot,
             emit_number(m, (int64_t)(uint32_t)number));
    else
        EMIT(m, out, f->span, fill_tile_bitcast, slot,
             make_call(m->arena, "bits", LIST(m->arena, make_real(m->arena, real))));
}

static void fill_neutral(const struct folding *f, struct list_builder *out, struct node *slot) {
    fill(f, out, slot, neutral_of_fold(f->m->arena, f->reduction->op, f->type));
}

static void reduce_slot(const struct folding *f, struct list_builder *out, const char *pool,
                        struct node *slot) {
    struct manager *m = f->m;
    struct node *word = emit_reference(m, pool), *format = emit_reference(m, f->format);
    EMIT(m, out, f->span, sfpu_reduce_init, word, format);
    EMIT(m, out, f->span, sfpu_reduce, word, format, emit_reference(m, f->rows ? "REDUCE_ROW" : "REDUCE_COL"),
         slot);
}

/* The slot gets what the lanes hold. */
static void reload(const struct folding *f, struct list_builder *out, const struct part *part, struct node *slot) {
    struct manager *m = f->m;
    struct arena *a = m->arena;
    const char *target = node_as(f->tile->target, access)->name;
    struct node *columns, *held = emit_reference(m, target);
    block_side(m, target, 1, &columns);
    EMIT(m, out, f->span, reconfig_data_format_srca, held);
    EMIT(m, out, f->span, copy_init, held);
    EMIT(m, out, f->span, copy_tile, held, make_add(a, make_mul(a, part->row, columns), part->column), slot);
}

/* The slot gets what the fold begins with, or what the lanes hold. */
static void begin(const struct folding *f, struct list_builder *out, const struct part *part, struct node *slot) {
    if (f->tile->op == ASSIGN_SET)
        fill_neutral(f, out, slot);
    else
        reload(f, out, part, slot);
}

/* `count` tiles along the axis from tile `first` on join what the slot holds. */
static void join_tiles(const struct folding *f, struct list_builder *out, const struct part *part,
                       struct node *first, struct node *count, struct node *slot) {
    struct manager *m = f->m;
    struct arena *a = m->arena;
    const char *input = node_as(f->reduction->body, access)->name;
    struct node *columns, *from = emit_reference(m, input), *work = emit_number(m, 1);
    block_side(m, input, 1, &columns);
    struct node *k = make_add(a, first, emit_reference(m, m->inner));
    struct node *place = f->rows ? make_add(a, make_mul(a, part->row, columns), k)
                                 : make_add(a, make_mul(a, k, columns), part->column);
    struct call_operands both = {.slot = slot, .source = {slot, work}, .format = f->format};
    struct list_builder step = {0};
    EMIT(m, out, f->span, reconfig_data_format_srca, from);
    EMIT(m, out, f->span, copy_init, from);
    emit_operation(m, out, f->span, device_calls[f->combines].init, &both);
    EMIT(m, &step, f->span, copy_tile, from, place, work);
    emit_operation(m, &step, f->span, f->combines, &both);
    emit_loop(m, out, f->span, m->inner, count, &step);
}

/* The tiles of a block, in slot 0. */
static void gather_groups(const struct folding *f, struct list_builder *out, const struct part *part,
                          struct node *tiles) {
    struct manager *m = f->m;
    struct arena *a = m->arena;
    struct node *result = emit_number(m, 0), *group = emit_number(m, 2), *none = emit_number(m, 0),
                *most = emit_number(m, SUM_GROUP_TILES), *first = emit_reference(m, m->tile);
    struct call_operands joined = {.slot = result, .source = {result, group}, .format = f->format};
    struct list_builder body = {0};
    struct node *count =
        emit_let(m, &body, f->span, "group", make_min(a, most, make_sub(a, tiles, first)));
    begin(f, out, part, result);
    fill(f, &body, group, make_integer(a, 0));
    join_tiles(f, &body, part, first, count, group);
    emit_behind_init(f->m, &body, f->span, f->combines, &joined);
    builder_add(a, out,
                make_for(a, f->span, m->tile, none, tiles, most, make_block(a, f->span, builder_list(&body))));
}

/* The tiles along the axis, gathered in the slot. Sums go by groups, and a block that is no more than one is added to
 * the lanes whole. */
static void gather(const struct folding *f, struct list_builder *out, const struct part *part,
                   struct node *slot) {
    struct manager *m = f->m;
    const struct node_access *input = node_as(f->reduction->body, access);
    const char *axis = node_as(f->reduction->axes.items[0], axis)->name;
    struct node *tiles = axis_tiles(f->tile, axis, RANGE_TILES), *none = emit_number(m, 0), *work = emit_number(m, 1),
                *side;
    int64_t most = block_side(m, input->name, f->rows, &side);
    bool sum = f->reduction->op == REDUCTION_SUM && f->type == DTYPE_F32,
         grouped = sum && (most <= 0 || most > SUM_GROUP_TILES);
    if (grouped) {
        gather_groups(f, out, part, tiles);
    } else if (sum && f->tile->op != ASSIGN_SET) {
        struct call_operands both = {.slot = slot, .source = {slot, work}, .format = f->format};
        fill(f, out, slot, make_integer(m->arena, 0));
        join_tiles(f, out, part, none, tiles, slot);
        reload(f, out, part, work);
        emit_behind_init(f->m, out, f->span, f->combines, &both);
    } else {
        begin(f, out, part, slot);
        join_tiles(f, out, part, none, tiles, slot);
    }
}

/* The lines of slot 3 one after the other, in ascending order; those beyond a short axis are 1. */
static void combine_lanes(const struct folding *f, struct list_builder *out) {
    struct manager *m = f->m;
    struct arena *a = m->arena;
    const enum spread spread = f->rows ? SPREAD_INDEX_COLUMNS : SPREAD_INDEX_ROWS;
    struct node *result = emit_number(m, 0), *work = emit_number(m, 1), *zeros = emit_number(m, 2),
                *lanes = emit_number(m, 3), *lane = emit_reference(m, m->inner);
    struct node *index = constant_buffer(m, f->span, spread);
    struct node *number = make_call(a, "bits", LIST(a, make_call(a, "i32", LIST(a, lane))));
    struct call_operands beside = {.slot = work, .source = {work}, .bits = number},
                         pick = {.slot = work, .source = {work, zeros, lanes}, .format = f->format},
                         combine = {.slot = result, .source = {result, work}, .format = f->format};
    struct list_builder step = {0};
    fill_neutral(f, out, result);
    fill(f, out, zeros, make_integer(a, 0));
    EMIT(m, out, f->span, reconfig_data_format_srca, index);
    EMIT(m, out, f->span, copy_init, index);
    EMIT(m, &step, f->span, copy_tile, index, result, work);
    emit_behind_init(f->m, &step, f->span, DEVICE_CALL_sub_unary_tile, &beside);
    emit_behind_init(f->m, &step, f->span, DEVICE_CALL_where_tile, &pick);
    reduce_slot(f, &step, "SUM", work);
    emit_behind_init(f->m, &step, f->span, f->combines, &combine);
    const char *axis = node_as(f->reduction->axes.items[0], axis)->name;
    int64_t extent;
    bool few = integer_value(axis_tiles(f->tile, axis, RANGE_EXTENT), &extent) && extent < TILE_EDGE;
    emit_loop(m, out, f->span, m->inner, emit_number(m, few ? extent : TILE_EDGE), &step);
}

/* One tile of results, or of lanes. */
static void slot_section(struct manager *m, struct list_builder *out, const struct part *part,
                         void *context) {
    struct node_tile *tile = context;
    struct node_reduction *reduction = node_as(tile->value, reduction);
    const struct slot_fold *fold = &folds[reduction->op];
    enum dtype type = fragment_type(manager_buffer(m, node_as(reduction->body, access)->name)->dtype);
    struct folding f = {.m = m,
                        .tile = tile,
                        .reduction = reduction,
                        .pool = fold->pool,
                        .combines = type == DTYPE_I32   ? fold->i32
                                    : type == DTYPE_U32 ? fold->u32
                                                        : fold->floats,
                        .type = type,
                        .format = format_word(type),
                        .span = tile->base.span,
                        .rows = folds_along_rows(reduction)};
    struct dst_plan plan = {.slots = 1};
    emit_section_begin(m, out, f.span, node_as(tile->target, access)->name);
    if (lane_axis(tile)) {
        gather(&f, out, part, emit_number(m, 0));
    } else if (f.pool) {
        gather(&f, out, part, emit_number(m, 0));
        reduce_slot(&f, out, f.pool, emit_number(m, 0));
    } else {
        gather(&f, out, part, emit_number(m, 3));
        combine_lanes(&f, out);
    }
    emit_pack(m, out, tile, &plan, part, false);
}

void emit_slot_reduce(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    emit_groups(m, out, tile, 1, slot_section, tile);
}
