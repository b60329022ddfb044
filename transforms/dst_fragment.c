/* Fragments: accumulation in DST. Three shapes, one set of building blocks:
 *   beside its reader     for each subblock: start, accumulate over the whole operands, read, pack
 *   over a loop           the section opens in front of the loop, every iteration accumulates, the reader
 *                         behind the loop packs
 *   with partial tiles    start, every iteration and the reader are sections of their own; f32 tiles rest in
 *                         a circular buffer in between, which rotates a subblock at a time
 */
#include <math.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"
#include "transforms/buffer_use.h"
#include "transforms/dst_section.h"

static struct node *ref(struct manager *m, const char *name) {
    return emit_reference(m, name);
}

static struct node *number(struct manager *m, int64_t value) {
    return emit_number(m, value);
}

/* ---- the start value ---- */

/* DST is zero behind acquire, and a fresh section counts as -inf for max: these starts need no step before an
 * accumulation. */
static bool is_neutral(const struct fragment *f) {
    const struct node *value = f->start ? f->start->value : NULL;
    if (!f->update_count)
        return false;
    bool max = f->updates[0]->op == ASSIGN_MAX;
    if (value && value->kind == NODE_REAL) {
        double start = ((const struct node_real *)value)->value;
        return max ? isinf(start) && start < 0 : start == 0 && !signbit(start);
    }
    return !value || (!max && value->kind == NODE_INTEGER && attribute_integer(value, 1) == 0);
}

/* ---- accumulation ---- */

/* A matmul's operands as blocks of tiles. */
struct product {
    const char *left, *right;
    struct node *left_columns, *right_columns; /* row strides in tiles */
    struct node *stride;                       /* left_columns, at least 1: of an operand without tiles too */
    bool transposed;                           /* the right operand lies as (column, inner) */
    struct node *inner;                        /* tiles along the contracted axis */
};

static const char *subscript(struct node_access *access, size_t index) {
    return node_as(access->subscripts.items[index], reference)->name;
}

static bool subtracts(const struct node *number) {
    for_each (binary, binary, number)
        if (binary->op == BINARY_SUBTRACT)
            return true;
    return false;
}

/* Is the number above 0 wherever the kernel runs? Numbers of blocks are never below 0. */
static bool is_positive(const struct manager *m, const struct node *extent) {
    const struct node_call *least = size_call(extent, SIZE_min);
    const struct node_binary *binary =
        extent->kind == NODE_BINARY ? (const struct node_binary *)extent : NULL;
    int64_t known;
    if (integer_value(extent, &known))
        return known > 0;
    if (least)
        return is_positive(m, least->arguments.items[0]) && is_positive(m, least->arguments.items[1]);
    if (binary && binary->op == BINARY_ADD)
        return !subtracts(extent) && (is_positive(m, binary->left) || is_positive(m, binary->right));
    if (binary && binary->op == BINARY_MULTIPLY)
        return is_positive(m, binary->left) && is_positive(m, binary->right);
    return is_positive_extent(m->kernel, extent);
}

static struct product product_of(struct manager *m, struct node_tile *tile) {
    struct node_reduction *sum = node_as(tile->value, reduction);
    struct node_binary *times = node_as(sum->body, binary);
    struct node_access *left = node_as(times->left, access), *right = node_as(times->right, access);
    const char *axis = node_as(sum->axes.items[0], axis)->name;
    struct product p = {
        .left = left->name, .right = right->name, .inner = axis_tiles(tile, axis, RANGE_TILES)};
    if (block_side(m, left->name, 1, &p.left_columns) > 0 ||
        is_positive(m, axis_tiles(tile, axis, RANGE_EXTENT)))
        p.stride = p.left_columns;
    else
        p.stride = make_max(m->arena, number(m, 1), p.left_columns);
    block_side(m, right->name, 1, &p.right_columns);
    p.transposed =
        right->subscripts.count == 2 ? subscript(right, 1) == axis : !manager_facts(right->name, m).column;
    return p;
}

static bool is_number(const struct node *node, int64_t number) {
    int64_t value;
    return integer_value(node, &value) && value == number;
}

static bool is_one_tile(const struct part *part) {
    return is_number(part->rows, 1) && is_number(part->columns, 1);
}

/* Of a block that is known to have no elements: nothing is multiplied, and its operands are not read. */
static bool is_no_tile(const struct part *part) {
    return is_number(part->rows, 0) || is_number(part->columns, 0);
}

static void configure_matmul(struct manager *m, struct list_builder *out, struct node_tile *tile,
                             const struct part *part) {
    if (is_no_tile(part))
        return;
    struct product p = product_of(m, tile);
    struct span span = tile->base.span;
    struct node *transpose = number(m, p.transposed);
    EMIT(m, out, span, reconfig_data_format, ref(m, "REVERSE"), ref(m, p.left), ref(m, p.right));
    if (is_one_tile(part))
        EMIT(m, out, span, matmul_init, ref(m, p.left), ref(m, p.right), transpose);
    else
        EMIT(m, out, span, matmul_block_init, ref(m, p.left), ref(m, p.right), transpose,
             p.transposed ? number(m, 1) : part->columns, part->rows, p.stride);
}

/* One k step of the part: an outer product of its rows and columns of tiles. A transposed right operand does
 * not have its tiles of one k step side by side, so its columns come one by one and the slots run down the
 * columns. */
static void emit_product(struct manager *m, struct list_builder *out, struct node_tile *tile,
                         const struct part *part) {
    if (is_no_tile(part))
        return;
    struct product p = product_of(m, tile);
    struct arena *a = m->arena;
    struct span span = tile->base.span;
    struct node *k = ref(m, m->inner), *c = ref(m, m->column), *left = ref(m, p.left),
                *right = ref(m, p.right);
    struct node *left_tile = make_add(a, make_mul(a, part->row, p.left_columns), k);
    struct node *column = make_add(a, part->column, c);
    struct list_builder step = {0}, columns = {0};
    struct node *right_tile = p.transposed ? make_add(a, make_mul(a, column, p.right_columns), k)
                                           : make_add(a, make_mul(a, k, p.right_columns), part->column);
    if (is_one_tile(part)) {
        right_tile = simplify(a, substitute(a, right_tile, m->column, number(m, 0)));
        EMIT(m, &step, span, matmul_tiles, left, right, left_tile, right_tile, number(m, 0));
    } else if (p.transposed) {
        EMIT(m, &columns, span, matmul_block, left, right, left_tile, right_tile, make_mul(a, c, part->rows),
             number(m, 1), number(m, 1), part->rows, p.stride);
        emit_loop(m, &step, span, m->column, part->columns, &columns);
    } else {
        EMIT(m, &step, span, matmul_block, left, right, left_tile, right_tile, number(m, 0), number(m, 0),
             part->columns, part->rows, p.stride);
    }
    emit_loop(m, out, span, m->inner, p.inner, &step);
}

/* ---- folds ---- */

struct fold {
    const char *input, *scaler;
    struct node *input_columns, *inner;
    bool rows; /* along the rows: one result for every row, REDUCE_ROW */
    const char *pool, *dimension;
};

static const char *find_scaler(struct manager *m, enum dtype dtype) {
    struct node_list list = node_as(node_as(m->kernel, kernel)->body, block)->statements;
    for (size_t i = 0; i < list.count; i++) {
        struct node_circular_buffer *cb = node_as(list.items[i], circular_buffer);
        if (cb && cb->dtype == dtype && dictionary_get(attribute_get(&cb->base, KEY_TT_FILL), KEY_SCALER))
            return cb->name;
    }
    return NULL;
}

static const char *folded_axis(const struct node_tile *update) {
    return node_as(node_as(update->value, reduction)->axes.items[0], axis)->name;
}

/* Has the folded axis no elements, whatever the launch? Then no operation folds. */
static bool folds_nothing(struct node_tile *update) {
    return attribute_integer(axis_tiles(update, folded_axis(update), RANGE_EXTENT), 1) == 0;
}

/* False where nothing is folded, and after a fault. */
static bool fold_of(struct manager *m, struct node_tile *tile, struct fold *fold) {
    struct node_reduction *reduction = node_as(tile->value, reduction);
    struct node_access *input = node_as(reduction->body, access);
    const char *axis = folded_axis(tile);
    if (folds_nothing(tile))
        return false;
    fold->input = input->name;
    fold->scaler = find_scaler(m, manager_facts(input->name, m).dtype);
    fold->inner = axis_tiles(tile, axis, RANGE_TILES);
    fold->rows = subscript(input, 1) == axis;
    fold->pool = reduction->op == REDUCTION_MAX ? "MAX" : "SUM";
    fold->dimension = fold->rows ? "REDUCE_ROW" : "REDUCE_COL";
    block_side(m, input->name, 1, &fold->input_columns);
    if (!fold->scaler)
        manager_fail(m, tile->base.span, "no scaler tile of the type of %s; memory_space_lower_tt gives one",
                     input->name);
    return fold->scaler != NULL;
}

static void configure_fold(struct manager *m, struct list_builder *out, struct node_tile *tile,
                           const char *target) {
    struct fold f;
    struct span span = tile->base.span;
    if (!fold_of(m, tile, &f))
        return;
    bool swapped = f.rows && strcmp(f.pool, "SUM") == 0; /* the sum along rows takes its scaler by SrcA */
    EMIT(m, out, span, reconfig_data_format, ref(m, "REGULAR"), ref(m, swapped ? f.scaler : f.input),
         ref(m, swapped ? f.input : f.scaler));
    EMIT(m, out, span, reduce_init, ref(m, f.pool), ref(m, f.dimension), ref(m, f.input), ref(m, f.scaler),
         ref(m, target));
}

static void emit_fold(struct manager *m, struct list_builder *out, struct node_tile *tile,
                      const struct part *part) {
    struct fold f;
    struct span span = tile->base.span;
    struct arena *a = m->arena;
    if (!fold_of(m, tile, &f))
        return;
    struct node *k = ref(m, m->inner), *t = ref(m, m->tile);
    struct node *place = make_add(a, f.rows ? part->row : part->column, t);
    struct node *source = f.rows ? make_add(a, make_mul(a, place, f.input_columns), k)
                                 : make_add(a, make_mul(a, k, f.input_columns), place);
    struct list_builder step = {0}, inner = {0};
    EMIT(m, &step, span, reduce_tile, ref(m, f.pool), ref(m, f.dimension), ref(m, f.input), ref(m, f.scaler),
         source, number(m, 0), t);
    emit_loop(m, &inner, span, m->inner, f.inner, &step);
    emit_loop(m, out, span, m->tile, f.rows ? part->rows : part->columns, &inner);
}

static void unconfigure_fold(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    struct fold f;
    if (fold_of(m, tile, &f))
        EMIT(m, out, tile->base.span, reduce_uninit, ref(m, f.input));
}

/* May the axis that the update folds have no elements? */
static bool may_be_empty(struct manager *m, struct node_tile *update) {
    const char *axis = folded_axis(update);
    struct node *extent = axis_tiles(update, axis, RANGE_EXTENT);
    struct node *tiles =
        make_add(m->arena, axis_tiles(update, axis, RANGE_FIRST), axis_tiles(update, axis, RANGE_TILES));
    bool full_block = node_equal(extent, make_mul(m->arena, tiles, number(m, TILE_EDGE)));
    int64_t known;
    return integer_value(extent, &known) ? known <= 0 : !full_block && !is_positive(m, extent);
}

/* Do the panels begin or end where another block does? There may be none then, which no number of the launch tells. */
static bool follows_blocks(struct manager *m, struct node_tile *update) {
    struct node *extent = axis_tiles(update, folded_axis(update), RANGE_EXTENT);
    struct node *first = axis_tiles(update, folded_axis(update), RANGE_FIRST);
    size_t blocks = 0;
    for_each (reference, reference, first)
        blocks++;
    return blocks > 1 || (!known_at_launch(m->arena, m->kernel, extent) && !is_positive(m, extent));
}

/* May a loop around the update run not at all? Loops over blocks of the folded axis do where it has no
 * elements, which is another question. */
static bool may_idle(struct manager *m, struct node_tile *update, struct node *scope) {
    for_each (for, loop, scope) {
        bool around = buffer_use_of(target_name(update->target), &loop->base).update == update;
        for (size_t i = 0; around && i < loop->axes.count; i++) {
            struct node_axis *axis = node_as(loop->axes.items[i], axis);
            struct node *first = axis_tiles(update, folded_axis(update), RANGE_FIRST);
            int64_t trips, lower;
            bool panels = mentions(first, axis->name),
                 runs = integer_value(axis_trips(m->arena, axis), &trips)
                            ? trips > 0
                            : integer_value(axis->lower, &lower) && lower == 0 &&
                                  is_positive_extent(m->kernel, axis->upper);
            if (!panels && !runs)
                return true;
        }
    }
    return false;
}

static void fill_neutral(struct manager *m, struct list_builder *out, struct node_tile *update,
                         const struct part *part) {
    struct span span = update->base.span;
    double neutral = node_as(update->value, reduction)->op == REDUCTION_MAX ? -INFINITY : 0;
    struct list_builder fill = {0};
    struct node *bits = make_call(m->arena, "bits", LIST(m->arena, make_real(m->arena, neutral)));
    EMIT(m, &fill, span, fill_tile_bitcast, ref(m, m->tile), bits);
    EMIT_PLAIN(m, out, span, fill_tile_init);
    emit_loop(m, out, span, m->tile, make_mul(m->arena, part->rows, part->columns), &fill);
}

/* An accumulation over nothing leaves its neutral element, which the slots get explicitly: where the folded
 * axis may be empty and is; without asking, where that is known or a loop (NULL: none) may not reach the
 * update at all. */
static void emit_empty(struct manager *m, struct list_builder *out, struct node_tile *update,
                       const struct part *part, struct node *loop) {
    struct list_builder body = {0};
    bool idle = follows_blocks(m, update) || may_idle(m, update, loop);
    if (!idle && !may_be_empty(m, update))
        return;
    fill_neutral(m, &body, update, part);
    if (idle || folds_nothing(update)) {
        builder_add_all(m->arena, out, builder_list(&body));
        return;
    }
    struct node *extent = axis_tiles(update, folded_axis(update), RANGE_EXTENT);
    struct node *empty = make_binary(m->arena, BINARY_EQUAL, extent, number(m, 0));
    builder_add(m->arena, out,
                node_new(m->arena, if, IF, update->base.span, .condition = empty,
                         .then = make_block(m->arena, update->base.span, builder_list(&body))));
}

static void reduce_section(struct manager *m, struct list_builder *out, const struct part *part,
                           void *context) {
    struct node_tile *tile = context;
    struct dst_plan plan = {.slots = 1};
    const char *target = node_as(tile->target, access)->name;
    emit_section_begin(m, out, tile->base.span, target);
    configure_fold(m, out, tile, target);
    emit_empty(m, out, tile, part, NULL);
    emit_fold(m, out, tile, part);
    emit_pack(m, out, tile, &plan, part, false);
}

void emit_reduce(struct manager *m, struct list_builder *out, struct node_tile *tile) {
    emit_groups(m, out, tile, m->capacity, reduce_section, tile);
    unconfigure_fold(m, out, tile);
}

static void configure_update(struct manager *m, struct list_builder *out, struct node_tile *tile,
                             const struct part *part, const char *target) {
    if (tile->operation == TILE_MATMUL)
        configure_matmul(m, out, tile, part);
    else
        configure_fold(m, out, tile, target);
}

/* The first values of the part's slots, then the unit set for the accumulation, which stands in `loop` (NULL:
 * in none). A fold's neutral element is filled in under its packer mask. */
static void begin_accumulation(struct manager *m, struct list_builder *out, struct fragment *f,
                               const struct part *part, const char *target, struct node *loop) {
    struct dst_plan plan;
    bool neutral = is_neutral(f);
    if (!neutral && f->start && plan_map(m, f->start, false, &plan))
        emit_steps(m, out, f->start, &plan, part, f->column_major);
    if (f->update_count)
        configure_update(m, out, f->updates[0], part, target);
    if (neutral)
        emit_empty(m, out, f->updates[0], part, loop);
}

/* ---- parts of a fragment ---- */

static struct node *clipped(struct manager *m, struct node *tiles, int64_t most, struct node *first) {
    int64_t total;
    if (most == 1 || (integer_value(tiles, &total) && total % most == 0))
        return number(m, most);
    if (integer_value(tiles, &total) && total < most)
        return tiles;
    return make_min(m->arena, number(m, most), make_sub(m->arena, tiles, first));
}

/* Loops over the subblocks of the tiles that exist; the loop names. One subblock that is the whole block has
 * no loop. */
struct subblocks {
    struct part part;
    const char *row, *column; /* loops; NULL where one iteration covers the side */
    struct part whole;
    struct list_builder lets;
};

static struct subblocks subblocks_of(struct manager *m, const struct fragment *f, struct node_tile *tile) {
    struct subblocks s = {.whole = whole_part(m, tile)};
    struct node *side;
    int64_t rows = block_side(m, f->name, 0, &side), columns = block_side(m, f->name, 1, &side);
    s.row = rows <= 0 || rows > f->height ? name_fresh(&m->names, "r0") : NULL; /* 0: of open size */
    s.column = columns <= 0 || columns > f->width ? name_fresh(&m->names, "c0") : NULL;
    s.part.row = s.row ? ref(m, s.row) : number(m, 0);
    s.part.column = s.column ? ref(m, s.column) : number(m, 0);
    s.part.most = f->height * f->width;
    s.part.rows =
        s.row ? emit_let(m, &s.lets, tile->base.span, "rows", clipped(m, s.whole.rows, f->height, s.part.row))
              : s.whole.rows;
    s.part.columns = s.column ? emit_let(m, &s.lets, tile->base.span, "columns",
                                         clipped(m, s.whole.columns, f->width, s.part.column))
                              : s.whole.columns;
    return s;
}

static void close_subblocks(struct manager *m, struct list_builder *out, const struct fragment *f,
                            struct subblocks *s, struct span span, struct list_builder *body) {
    struct list_builder inner = s->lets, outer = {0};
    builder_add_all(m->arena, &inner, builder_list(body));
    if (s->column)
        builder_add(m->arena, &outer,
                    make_for(m->arena, span, s->column, number(m, 0), s->whole.columns,
                             f->width > 1 ? number(m, f->width) : NULL,
                             make_block(m->arena, span, builder_list(&inner))));
    else
        outer = inner;
    if (s->row)
        builder_add(m->arena, out,
                    make_for(m->arena, span, s->row, number(m, 0), s->whole.rows,
                             f->height > 1 ? number(m, f->height) : NULL,
                             make_block(m->arena, span, builder_list(&outer))));
    else
        builder_add_all(m->arena, out, builder_list(&outer));
}

/* ---- partial tiles in L1 ---- */

static void partial_call(struct manager *m, struct list_builder *out, struct fragment *f, struct span span,
                         enum device_call_number call) {
    struct node *arguments[] = {ref(m, f->home), number(m, f->height * f->width)};
    emit_call(m, out, span, call, 2, arguments);
}

static struct node *part_tiles(struct manager *m, const struct part *part) {
    return make_mul(m->arena, part->rows, part->columns);
}

/* A section that goes on with the partial tiles, and is packed to the target. */
static void reload_partials(struct manager *m, struct list_builder *out, struct fragment *f, struct span span,
                            const struct part *part, const char *target) {
    struct list_builder body = {0};
    struct node *t = ref(m, m->tile), *home = ref(m, f->home);
    partial_call(m, out, f, span, DEVICE_CALL_cb_wait_front);
    emit_section_begin(m, out, span, target);
    EMIT(m, out, span, reconfig_data_format_srca, home);
    EMIT(m, out, span, copy_init, home);
    EMIT(m, &body, span, copy_tile, home, t, t);
    emit_loop(m, out, span, m->tile, part_tiles(m, part), &body);
    partial_call(m, out, f, span, DEVICE_CALL_cb_pop_front);
}

static void rest_partials(struct manager *m, struct list_builder *out, struct fragment *f, struct span span,
                          const struct part *part) {
    struct list_builder body = {0};
    struct node *t = ref(m, m->tile), *home = ref(m, f->home);
    partial_call(m, out, f, span, DEVICE_CALL_cb_reserve_back);
    emit_pack_begin(m, out, span);
    EMIT(m, &body, span, pack_tile, ref(m, "OUT_OF_ORDER"), t, home, t);
    emit_loop(m, out, span, m->tile, part_tiles(m, part), &body);
    emit_pack_end(m, out, span);
    partial_call(m, out, f, span, DEVICE_CALL_cb_push_back);
}

void fragment_start_partials(struct manager *m, struct list_builder *out, struct fragment *f) {
    struct node_tile *tile = f->start;
    struct span span = tile->base.span;
    struct subblocks s = subblocks_of(m, f, tile);
    struct list_builder body = {0};
    struct dst_plan plan;
    emit_section_begin(m, &body, span, f->home);
    if (plan_map(m, tile, false, &plan))
        emit_steps(m, &body, tile, &plan, &s.part, f->column_major);
    rest_partials(m, &body, f, span, &s.part);
    close_subblocks(m, out, f, &s, span, &body);
}

/* ---- the statements of a fragment ---- */

static void accumulate(struct manager *m, struct list_builder *out, struct node_tile *tile,
                       const struct part *part) {
    if (tile->operation == TILE_MATMUL)
        emit_product(m, out, tile, part);
    else
        emit_fold(m, out, tile, part);
}

void fragment_open(struct manager *m, struct list_builder *out, struct fragment *f, struct node *loop) {
    struct node_tile *update = buffer_use_of(f->name, loop).update,
                     *reader = buffer_use_of(f->name, m->kernel).reader;
    struct span span = f->start ? f->start->base.span : loop->span;
    struct subblocks s = subblocks_of(m, f, update);
    const char *target = reader ? node_as(reader->target, access)->name : f->name;
    f->updates[f->update_count++] = update;
    emit_section_begin(m, out, span, target);
    begin_accumulation(m, out, f, &s.part, target, loop);
}

void fragment_update(struct manager *m, struct list_builder *out, struct fragment *f,
                     struct node_tile *tile) {
    struct subblocks s = subblocks_of(m, f, tile);
    struct span span = tile->base.span;
    struct list_builder body = {0};
    if (strcmp(f->home, "dst") == 0) {
        accumulate(m, out, tile, &s.part);
        return;
    }
    reload_partials(m, &body, f, span, &s.part, f->home);
    configure_update(m, &body, tile, &s.part, f->home);
    accumulate(m, &body, tile, &s.part);
    rest_partials(m, &body, f, span, &s.part);
    close_subblocks(m, out, f, &s, span, &body);
}

void fragment_read(struct manager *m, struct list_builder *out, struct fragment *f, struct node_tile *tile) {
    struct subblocks s = subblocks_of(m, f, tile);
    struct span span = tile->base.span;
    struct list_builder body = {0};
    struct dst_plan plan;
    const char *target = node_as(tile->target, access)->name;
    bool partial = strcmp(f->home, "dst") != 0;
    if (!plan_map(m, tile, false, &plan))
        return;
    if (partial) {
        reload_partials(m, &body, f, span, &s.part, target);
    } else if (!f->looped) {
        emit_section_begin(m, &body, span, target);
        begin_accumulation(m, &body, f, &s.part, target, NULL);
        for (size_t i = 0; i < f->update_count; i++) {
            if (i)
                configure_update(m, &body, f->updates[i], &s.part, target);
            accumulate(m, &body, f->updates[i], &s.part);
        }
    }
    emit_steps(m, &body, tile, &plan, &s.part, f->column_major);
    emit_pack(m, &body, tile, &plan, &s.part, f->column_major);
    close_subblocks(m, out, f, &s, span, &body);
    if (f->update_count && f->updates[0]->operation == TILE_REDUCE)
        unconfigure_fold(m, out, f->updates[0]);
}
