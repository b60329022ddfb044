/* Maps, transposes and folds whose result goes straight to a circular buffer: a section computes as many
 * tiles as DST holds, step by step over all of them, so that every step is configured once.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/dst_section.h"

static const char *axis_name(struct node_access *access, size_t index) {
    return node_as(access->subscripts.items[index], reference)->name;
}

/* Where the axis of a vector lies. */
static bool is_column(struct manager *m, struct node_access *access) {
    return access->subscripts.count == 1 && manager_facts(access->name, m).column;
}

struct part whole_part(struct manager *m, struct node_tile *tile) {
    struct node_access *target = node_as(tile->target, access);
    size_t rank = target->subscripts.count;
    struct node *one = emit_number(m, 1), *zero = emit_number(m, 0);
    struct node *last = rank ? axis_tiles(tile, axis_name(target, rank - 1), RANGE_TILES) : one;
    struct part part = {.row = zero, .column = zero, .most = 1};
    if (rank == 2) {
        part.rows = axis_tiles(tile, axis_name(target, 0), RANGE_TILES);
        part.columns = last;
    } else {
        part.rows = is_column(m, target) ? last : one;
        part.columns = is_column(m, target) ? one : last;
    }
    return part;
}

/* ---- plans ---- */

bool plan_map(struct manager *m, struct node_tile *tile, bool fresh, struct dst_plan *plan) {
    struct node_access *target = node_as(tile->target, access);
    struct dst_request request = {.arena = m->arena,
                                  .kernel = m->kernel,
                                  .diagnostics = m->compilation->diagnostics,
                                  .span = tile->base.span,
                                  .target = target,
                                  .target_column = is_column(m, target),
                                  .value = tile->value,
                                  .lookup = manager_facts,
                                  .context = m,
                                  .fresh = fresh};
    bool made = dst_plan_make(&request, plan);
    m->failed |= !made;
    return made;
}

/* The DST slot of value `slot` of tile number t of a part: the first values of all tiles stand together,
 * their other slots behind. */
static struct node *slot_of(struct manager *m, const struct dst_plan *plan, const struct part *part,
                            struct node *t, int slot) {
    if (slot == 0)
        return t;
    struct node *others = make_mul(m->arena, t, emit_number(m, plan->slots - 1));
    return make_add(m->arena, others, emit_number(m, part->most + slot - 1));
}

/* The number of tile (r, c) of a part among its slots. */
static struct node *tile_number(struct manager *m, const struct part *part, struct node *r, struct node *c,
                                bool column_major) {
    return column_major ? make_add(m->arena, make_mul(m->arena, c, part->rows), r)
                        : make_add(m->arena, make_mul(m->arena, r, part->columns), c);
}

static struct node *operand_tile(struct manager *m, const struct dst_operand *operand, struct node *row,
                                 struct node *column) {
    struct node *columns;
    if (operand->spread >= SPREAD_NUMBER)
        return emit_number(m, 0);
    if (operand->spread == SPREAD_ROW)
        return column;
    if (operand->spread == SPREAD_COLUMN)
        return row;
    block_side(m, operand->buffer, 1, &columns);
    return make_add(m->arena, make_mul(m->arena, row, columns), column);
}

/* The circular buffer that the reader fills once with this; NULL when it makes none. */
static struct node_circular_buffer *
find_fill(struct manager *m, bool matches(struct node *fill, const void *wanted), const void *wanted) {
    struct node_list list = node_as(node_as(m->kernel, kernel)->body, block)->statements;
    for (size_t i = 0; i < list.count; i++) {
        struct node_circular_buffer *cb = node_as(list.items[i], circular_buffer);
        struct node *fill = cb ? attribute_get(&cb->base, KEY_TT_FILL) : NULL;
        if (fill && matches(fill, wanted))
            return cb;
    }
    return NULL;
}

static bool lies_along_columns(struct node *fill) {
    return strcmp(attribute_word(dictionary_get(fill, KEY_ALONG), ""), "columns") == 0;
}

static bool is_constant(struct node *fill, const void *wanted) {
    enum spread spread = *(const enum spread *)wanted;
    return spread == SPREAD_ZEROS ? dictionary_get(fill, KEY_ZEROS) != NULL
                                  : dictionary_get(fill, KEY_INDEX) != NULL &&
                                        lies_along_columns(fill) == (spread == SPREAD_INDEX_COLUMNS);
}

struct node *constant_buffer(struct manager *m, struct span span, enum spread spread) {
    struct node_circular_buffer *made = find_fill(m, is_constant, &spread);
    if (made)
        return emit_reference(m, made->name);
    manager_fail(
        m, span,
        spread == SPREAD_ZEROS
            ? "a row of 16-bit values spreads over DST by an addition to a tile of zeros, which this kernel lacks"
            : "an index is made of a tile of indices, which this kernel lacks");
    return emit_number(m, 0);
}

static struct node *operand_buffer(struct manager *m, struct span span, const struct dst_operand *operand) {
    if (operand->spread >= SPREAD_ZEROS)
        return constant_buffer(m, span, operand->spread);
    return operand->buffer ? emit_reference(m, operand->buffer) : NULL;
}

/* ---- steps ---- */

struct step_place {
    struct node_tile *tile;
    const struct dst_plan *plan;
    const struct part *part;
    bool column_major;
    struct node *t, *row, *column; /* the tile: its number in the part, its place in the block */
};

/* Does the axis of a target lie along the columns of tiles? */
static bool is_along_columns(struct manager *m, struct node_access *target, const char *axis) {
    return axis_name(target, target->subscripts.count - 1) == axis && !is_column(m, target);
}

/* The scalar of a step, at the tile at hand. */
static struct node *scalar_at(struct manager *m, const struct dst_step *step,
                              const struct step_place *place) {
    if (!step->axis)
        return step->scalar;
    bool columns = is_along_columns(m, node_as(place->tile->target, access), step->axis);
    struct node *tile = make_add(m->arena, axis_tiles(place->tile, step->axis, RANGE_FIRST),
                                 columns ? place->column : place->row);
    return simplify(m->arena, substitute(m->arena, step->scalar, step->axis,
                                         make_mul(m->arena, tile, emit_number(m, TILE_EDGE))));
}

static struct call_operands operands_of(struct manager *m, const struct dst_step *step,
                                        const struct step_place *place) {
    struct span span = place->tile->base.span;
    static const char *const words[] = {
        [SPREAD_ROW] = "ROW", [SPREAD_COLUMN] = "COL", [SPREAD_NUMBER] = "SCALAR"};
    bool spreads = step->call == DEVICE_CALL_unary_bcast;
    struct call_operands operands = {.spread = spreads ? emit_reference(m, words[step->a.spread]) : NULL,
                                     .a = operand_buffer(m, span, &step->a),
                                     .b = operand_buffer(m, span, &step->b),
                                     .slot = slot_of(m, place->plan, place->part, place->t, step->slot),
                                     .bits = scalar_at(m, step, place),
                                     .format = step->format};
    if (operands.a)
        operands.tile_a = operand_tile(m, &step->a, place->row, place->column);
    if (operands.b)
        operands.tile_b = operand_tile(m, &step->b, place->row, place->column);
    for (size_t i = 0; i < 3; i++)
        operands.source[i] = slot_of(m, place->plan, place->part, place->t, step->source[i]);
    return operands;
}

/* The formats of the buffers that the call reads, and its init. */
static void configure_operation(struct manager *m, struct list_builder *out, struct span span,
                                const struct device_call *call, const struct call_operands *operands) {
    if (call->b)
        EMIT(m, out, span, reconfig_data_format, emit_reference(m, "REGULAR"), operands->a,
             call->b == call->a ? operands->a : operands->b);
    else if (call->a)
        EMIT(m, out, span, reconfig_data_format_srca, operands->a);
    emit_operation(m, out, span, call->init, operands);
}

/* ---- masks: the last tile of an axis ---- */

struct mask {
    const char *axis;
    bool columns;
};

static bool is_mask(struct node *fill, const void *wanted) {
    const struct mask *mask = wanted;
    return strcmp(attribute_word(dictionary_get(fill, KEY_MASK), ""), mask->axis) == 0 &&
           lies_along_columns(fill) == mask->columns;
}

static struct node *equal_or_null(struct manager *m, struct node *left, struct node *right) {
    left = simplify(m->arena, left);
    right = simplify(m->arena, right);
    return node_equal(left, right) ? NULL : make_binary(m->arena, BINARY_EQUAL, left, right);
}

static struct node *both(struct manager *m, struct node *a, struct node *b) {
    return a && b ? make_binary(m->arena, BINARY_AND, a, b) : a ? a : b;
}

/* A slot that a mask works in: of the tile, or one that all tiles of the section share, behind theirs. */
static struct node *mask_slot(struct manager *m, const struct dst_step *step, const struct step_place *place,
                              int slot) {
    return step->shares ? emit_number(m, place->part->most * place->plan->slots + slot)
                        : slot_of(m, place->plan, place->part, place->t, slot);
}

static void mask_tile(struct manager *m, struct list_builder *out, const struct dst_step *step,
                      const struct step_place *place, struct node_circular_buffer *mask) {
    struct span span = place->tile->base.span;
    struct node *slot = slot_of(m, place->plan, place->part, place->t, step->slot);
    struct node *condition = mask_slot(m, step, place, step->source[0]);
    struct node *other = mask_slot(m, step, place, step->source[1]);
    const struct {
        enum device_call_number call;
        struct call_operands operands;
    } calls[] = {
        {DEVICE_CALL_copy_tile,
         {.a = emit_reference(m, mask->name), .tile_a = emit_number(m, 0), .slot = condition}},
        {step->format ? DEVICE_CALL_fill_tile_int : DEVICE_CALL_fill_tile_bitcast,
         {.slot = other, .bits = step->scalar, .format = step->format}},
        {DEVICE_CALL_where_tile, {.slot = slot, .source = {condition, slot, other}, .format = step->format}}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        configure_operation(m, out, span, &device_calls[calls[i].call], &calls[i].operands);
        emit_operation(m, out, span, calls[i].call, &calls[i].operands);
    }
}

/* The tiles of the part that hold the end of the axis: its last column of tiles, or its last row. */
static void emit_mask(struct manager *m, struct list_builder *out, const struct dst_step *step,
                      const struct step_place *shape) {
    struct node_tile *tile = shape->tile;
    const struct part *part = shape->part;
    struct node_access *target = node_as(tile->target, access);
    bool columns = is_along_columns(m, target, step->axis);
    struct node_circular_buffer *mask = find_fill(m, is_mask, &(struct mask){step->axis, columns});
    if (!mask)
        return; /* every block of the axis is full */
    struct node *tiles = axis_tiles(tile, step->axis, RANGE_TILES),
                *first = axis_tiles(tile, step->axis, RANGE_FIRST);
    struct node *extent = axis_tiles(tile, step->axis, RANGE_EXTENT);
    struct node *begin = columns ? part->column : part->row, *count = columns ? part->columns : part->rows;
    struct node *ends_block = equal_or_null(m, make_add(m->arena, begin, count), tiles);
    struct node *all = in_launch_arguments(m->arena, m->kernel, tiles_of(m->arena, extent));
    struct node *condition = both(m, ends_block, equal_or_null(m, make_add(m->arena, first, tiles), all));
    struct list_builder body = {0}, guarded = {0};
    struct step_place place = *shape;
    struct node *one = emit_number(m, 1), *edge = make_sub(m->arena, count, one);
    struct node *r = columns ? emit_reference(m, m->row) : edge,
                *c = columns ? edge : emit_reference(m, m->column);
    place.t = tile_number(m, part, r, c, shape->column_major);
    mask_tile(m, &body, step, &place, mask);
    emit_loop(m, &guarded, tile->base.span, columns ? m->row : m->column,
              columns ? part->rows : part->columns, &body);
    if (!condition) {
        builder_add_all(m->arena, out, builder_list(&guarded));
        return;
    }
    struct node *then = make_block(m->arena, tile->base.span, builder_list(&guarded));
    builder_add(m->arena, out,
                node_new(m->arena, if, IF, tile->base.span, .condition = condition, .then = then));
}

/* The first tile of an axis begins at 0. */
static bool adds_nothing(struct manager *m, const struct dst_step *step,
                         const struct call_operands *operands) {
    struct node *none = make_integer(m->arena, 0);
    return step->call == DEVICE_CALL_add_unary_tile && step->axis &&
           node_equal(operands->bits, substitute(m->arena, step->scalar, step->axis, none));
}

void emit_steps(struct manager *m, struct list_builder *out, struct node_tile *tile,
                const struct dst_plan *plan, const struct part *part, bool column_major) {
    struct span span = tile->base.span;
    struct node *r = emit_reference(m, m->row), *c = emit_reference(m, m->column);
    struct step_place place = {.tile = tile, .plan = plan, .part = part, .column_major = column_major};
    place.t = tile_number(m, part, r, c, column_major);
    place.row = make_add(m->arena, part->row, r);
    place.column = make_add(m->arena, part->column, c);
    for (size_t i = 0; i < plan->count; i++) {
        const struct dst_step *step = &plan->steps[i];
        struct list_builder body = {0}, columns = {0};
        if (!step->call) {
            emit_mask(m, out, step, &place);
            continue;
        }
        struct call_operands operands = operands_of(m, step, &place);
        if (adds_nothing(m, step, &operands))
            continue;
        configure_operation(m, out, span, &device_calls[step->call], &operands);
        emit_operation(m, &body, span, step->call, &operands);
        emit_loop(m, &columns, span, m->column, part->columns, &body);
        emit_loop(m, out, span, m->row, part->rows, &columns);
        if (step->call == DEVICE_CALL_unary_bcast)
            emit_operation(m, out, span, DEVICE_CALL_unary_bcast_uninit, &operands);
    }
}

void emit_pack(struct manager *m, struct list_builder *out, struct node_tile *tile,
               const struct dst_plan *plan, const struct part *part, bool column_major) {
    struct span span = tile->base.span;
    const char *target = node_as(tile->target, access)->name;
    struct node *width, *r = emit_reference(m, m->row), *c = emit_reference(m, m->column);
    struct node *t = slot_of(m, plan, part, tile_number(m, part, r, c, column_major), plan->result);
    block_side(m, target, 1, &width);
    struct node *row = make_add(m->arena, part->row, r), *column = make_add(m->arena, part->column, c);
    struct node *place = make_add(m->arena, make_mul(m->arena, row, width), column);
    struct list_builder body = {0}, columns = {0};
    emit_pack_begin(m, out, span);
    EMIT(m, &body, span, pack_tile, emit_reference(m, "OUT_OF_ORDER"), t, emit_reference(m, target), place);
    emit_loop(m, &columns, span, m->column, part->columns, &body);
    emit_loop(m, out, span, m->row, part->rows, &columns);
    emit_pack_end(m, out, span);
}

/* ---- groups of tiles ---- */

static struct node *clipped(struct manager *m, int64_t most, struct node *total, struct node *done) {
    int64_t count;
    if (most == 1 || (integer_value(total, &count) && count % most == 0))
        return emit_number(m, most);
    return make_min(m->arena, emit_number(m, most), make_sub(m->arena, total, done));
}

/* Rows one by one, columns in groups; a block that is one column wide: rows in groups. */
void emit_groups(struct manager *m, struct list_builder *out, struct node_tile *tile, int64_t most,
                 section_body *body, void *context) {
    struct part whole = whole_part(m, tile);
    struct span span = tile->base.span;
    int64_t total;
    bool tall = integer_value(whole.columns, &total) && total == 1;
    struct node *along = tall ? whole.rows : whole.columns;
    struct node *side;
    int64_t block = block_side(m, node_as(tile->target, access)->name, tall ? 0 : 1, &side);
    bool whole_group = (integer_value(along, &total) && total <= most) ||
                       (block > 0 && block <= most); /* one group covers the block */
    const char *start = name_fresh(&m->names, tall ? "r0" : "c0");
    struct node *first = whole_group ? emit_number(m, 0) : emit_reference(m, start);
    struct list_builder group = {0}, row = {0};
    struct node *count =
        whole_group ? along
                    : emit_let(m, &group, span, tall ? "rows" : "columns", clipped(m, most, along, first));
    const char *outer = tall ? NULL : name_fresh(&m->names, "r0");
    struct part part = {.row = tall ? first : emit_reference(m, outer),
                        .column = tall ? emit_number(m, 0) : first,
                        .rows = tall ? count : emit_number(m, 1),
                        .columns = tall ? emit_number(m, 1) : count,
                        .most = most};
    if (!tall && integer_value(whole.rows, &total) && total == 1)
        part.row = emit_number(m, 0);
    body(m, &group, &part, context);
    if (first->kind == NODE_REFERENCE)
        builder_add(m->arena, &row,
                    make_for(m->arena, span, start, emit_number(m, 0), along,
                             most > 1 ? emit_number(m, most) : NULL,
                             make_block(m->arena, span, builder_list(&group))));
    else
        row = group;
    if (tall)
        builder_add_all(m->arena, out, builder_list(&row));
    else
        emit_loop(m, out, span, outer, whole.rows, &row);
}

struct map_context {
    struct node_tile *tile;
    struct dst_plan plan;
};

static void map_section(struct manager *m, struct list_builder *out, const struct part *part, void *context) {
    struct map_context *map = context;
    emit_section_begin(m, out, map->tile->base.span, node_as(map->tile->target, access)->name);
    emit_steps(m, out, map->tile, &map->plan, part, false);
    emit_pack(m, out, map->tile, &map->plan, part, false);
}

void emit_map(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    struct map_context map = {.tile = tile};
    if (!plan_map(m, tile, true, &map.plan))
        return;
    int64_t most = dst_plan_tiles(&map.plan, m->capacity);
    if (most < 1) {
        dst_fail_as_large(m->compilation->diagnostics, tile->base.span, map.plan.slots + map.plan.shared,
                          m->capacity);
        m->failed = true;
        return;
    }
    emit_groups(m, out, tile, most, map_section, &map);
}

/* ---- transposes ---- */

static void transpose_section(struct manager *m, struct list_builder *out, const struct part *part,
                              void *context) {
    struct node_tile *tile = context;
    struct span span = tile->base.span;
    struct node_access *source = node_as(tile->value, access);
    struct node *width, *r = emit_reference(m, m->row), *c = emit_reference(m, m->column),
                        *from = emit_reference(m, source->name);
    struct dst_plan plan = {.slots = 1};
    block_side(m, source->name, 1, &width);
    struct node *row = make_add(m->arena, part->row, r), *column = make_add(m->arena, part->column, c);
    struct node *place = make_add(m->arena, make_mul(m->arena, column, width), row);
    struct list_builder body = {0}, columns = {0};
    emit_section_begin(m, out, span, node_as(tile->target, access)->name);
    EMIT(m, out, span, reconfig_data_format_srca, from);
    EMIT(m, out, span, transpose_init, from);
    EMIT(m, &body, span, transpose_tile, from, place, tile_number(m, part, r, c, false));
    emit_loop(m, &columns, span, m->column, part->columns, &body);
    emit_loop(m, out, span, m->row, part->rows, &columns);
    emit_pack(m, out, tile, &plan, part, false);
}

void emit_transpose(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    emit_groups(m, out, tile, m->capacity, transpose_section, tile);
}
