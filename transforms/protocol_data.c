/* Data movement: loads and stores as loops over pages, padding, and the tiles that the reader makes.
 */
#include <math.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"
#include "ir/value_type.h"
#include "transforms/protocol.h"

static struct node *ref(struct protocol *p, const char *name) {
    return make_reference(p->arena, name);
}

static struct node *number(struct protocol *p, int64_t value) {
    return make_integer(p->arena, value);
}

static bool is_zero(const struct node *node) {
    int64_t value;
    return integer_value(node, &value) && value == 0;
}

static const char *home_of(struct protocol *p, const char *buffer) {
    for (size_t i = 0; i < p->home_count; i++)
        if (p->homes[i].buffer == buffer)
            return p->homes[i].home;
    return buffer;
}

/* A block of tiles between a tensor and a circular buffer. */
struct transfer {
    struct node_tile *tile;
    struct node_access *tensor, *buffer;
    struct node_circular_buffer *cb;
    const char *pointer; /* the let that holds the L1 address of the block */
    struct axis_range *rows,
        *columns; /* of the tensor's last two dimensions; rows NULL for a tensor of one dimension */
    struct node *row, *column; /* place in its tiles of one row or column that is a vector, of an element both; else NULL */
    bool turned;               /* such a column is a row of the block, or a row a column */
    struct node_parameter *by_rows; /* the tensor, if its pages are rows and it is not gathered; else NULL */
    bool gathered;             /* element by element: rows and columns are of the block; NULL: it has one of them */
    bool moves;                /* it does not lie where vectors and numbers have their elements */
};

static struct axis_range *subscript_range(struct protocol *p, struct node *subscript) {
    struct node_reference *reference = node_as(subscript, reference);
    return reference ? range_find(p, reference->name) : NULL;
}

/* One of the last two subscripts: the tiles of a block, or the one in which a number lies. */
static struct axis_range *tile_range(struct protocol *p, struct node *subscript) {
    struct axis_range *block = subscript_range(p, subscript);
    if (block && block->tiles)
        return block;
    struct axis_range one = {
        .first = make_div(p->arena, number_of_index(p, subscript), number(p, TILE_EDGE)), .tiles = number(p, 1)};
    return arena_copy(p->arena, &one, sizeof one);
}

/* A subscript of the last two as a place within its tile. */
static struct node *place_of(struct protocol *p, const struct transfer *t, size_t from_last) {
    size_t rank = t->tensor->subscripts.count;
    if (rank <= from_last)
        return number(p, 0);
    struct node *index = number_of_index(p, t->tensor->subscripts.items[rank - 1 - from_last]);
    return make_mod(p->arena, index, number(p, TILE_EDGE));
}

/* Which row or column of its tiles a vector is, where it is one of a matrix; which element of its tile a number is. */
static void find_places(struct protocol *p, struct transfer *t) {
    size_t count = t->buffer->subscripts.count;
    if (count == 0) {
        t->row = place_of(p, t, 1);
        t->column = place_of(p, t, 0);
        t->moves = !is_zero(t->row) || !is_zero(t->column);
    } else if (count == 1 && t->rows) {
        bool of_columns = !t->columns->name;
        const char *word = attribute_word(attribute_get(&t->cb->base, KEY_TT_ORIENTATION), "row");
        struct node *place = place_of(p, t, of_columns ? 0 : 1);
        *(of_columns ? &t->column : &t->row) = place;
        t->turned = (strcmp(word, "column") == 0) != of_columns;
        t->moves = t->turned || !is_zero(place);
    }
}

/* The axes of a block that is gathered, as it lies in its tiles. */
static void find_gathered(struct protocol *p, struct transfer *t) {
    struct node_list axes = t->buffer->subscripts;
    const char *word = attribute_word(attribute_get(&t->cb->base, KEY_TT_ORIENTATION), "row");
    bool column = axes.count == 1 && strcmp(word, "column") == 0;
    if (axes.count)
        *(column ? &t->rows : &t->columns) = subscript_range(p, axes.items[axes.count - 1]);
    if (axes.count == 2)
        t->rows = subscript_range(p, axes.items[0]);
    if ((axes.count && !column && (!t->columns || !t->columns->tiles)) || (t->rows && !t->rows->tiles))
        protocol_fail(p, t->tile->base.span, "%s is moved by other than whole blocks", t->tensor->name);
}

static struct transfer transfer_of(struct protocol *p, struct node_tile *tile, const char *suffix) {
    bool load = tile->operation == TILE_LOAD;
    struct transfer t = {.tile = tile,
                         .tensor = node_as(load ? tile->value : tile->target, access),
                         .buffer = node_as(load ? tile->target : tile->value, access)};
    t.cb = circular_buffer_of(p, home_of(p, t.buffer->name));
    t.pointer = name_fresh(&p->names, arena_printf(p->arena, "%s_%s", t.buffer->name, suffix));
    size_t rank = t.tensor->subscripts.count;
    t.gathered = attribute_get(&tile->base, KEY_TT_MOVE) != NULL;
    if (t.gathered) {
        find_gathered(p, &t);
        return t;
    }
    t.by_rows = find_parameter(p->kernel, t.tensor->name);
    t.by_rows = t.by_rows && is_row_major(t.by_rows) ? t.by_rows : NULL;
    t.columns = tile_range(p, t.tensor->subscripts.items[rank - 1]);
    t.rows = rank > 1 ? tile_range(p, t.tensor->subscripts.items[rank - 2]) : NULL;
    if (!t.cb || !t.columns || !t.columns->tiles || (rank > 1 && (!t.rows || !t.rows->tiles)))
        protocol_fail(p, tile->base.span, "%s is moved by other than whole blocks", t.tensor->name);
    if (load && !p->failed)
        find_places(p, &t);
    return t;
}

/* for name in 0..tiles { body }, or the body alone for one tile. */
static struct node *tile_loop(struct protocol *p, struct span span, const char *name, struct node *tiles,
                              struct node *body) {
    int64_t count;
    if (integer_value(tiles, &count) && count == 1)
        return substitute(p->arena, body, name, number(p, 0));
    struct node *block = body->kind == NODE_BLOCK ? body : make_block(p->arena, span, LIST(p->arena, body));
    return make_for(p->arena, span, name, number(p, 0), tiles, NULL, block);
}

static struct node *fold(struct protocol *p, struct node *node) {
    return simplify(p->arena, node);
}

/* The L1 address of tile (row, column) of what is read, in the block. */
static struct node *tile_address(struct protocol *p, const struct transfer *t, struct node *row,
                                 struct node *column) {
    if (t->turned)
        return make_add(p->arena, ref(p, t->pointer),
                        make_mul(p->arena, t->column ? row : column, page_bytes(p, t->cb)));
    struct node *columns = launch_value(p, block_columns(t->cb));
    struct node *index = make_add(p->arena, make_mul(p->arena, row, columns), column);
    return make_add(p->arena, ref(p, t->pointer), make_mul(p->arena, index, page_bytes(p, t->cb)));
}

/* How many elements the block has that is at hand. */
static struct node *block_length(struct protocol *p, const struct axis_range *range) {
    struct node *first = make_mul(p->arena, range->first, number(p, TILE_EDGE));
    if (!range->tiles)
        return number(p, 1);
    return range->extent ? make_min(p->arena, range->axis->step, make_sub(p->arena, range->extent, first))
                         : range->axis->step;
}

/* lo(i) + len(i), the end of a block: its range; NULL for anything else. */
static struct axis_range *block_that_ends(struct protocol *p, const struct node_binary *sum) {
    struct node_call *low = sum && sum->op == BINARY_ADD ? node_as(sum->left, call) : NULL,
                     *length = low ? node_as(sum->right, call) : NULL;
    bool ends = length && strcmp(low->function, "lo") == 0 && strcmp(length->function, "len") == 0 &&
                list_equal(low->arguments, length->arguments);
    struct axis_range *range = ends ? subscript_range(p, low->arguments.items[0]) : NULL;
    return range && range->tiles ? range : NULL;
}

static struct node *block_end(struct protocol *p, const struct axis_range *range) {
    struct node *tiles = make_add(p->arena, range->first, block_tiles(p->arena, range->axis)),
                *end = make_mul(p->arena, tiles, number(p, TILE_EDGE));
    return range->extent ? make_min(p->arena, range->extent, end) : end;
}

/* The axes of an index expression, as the numbers that they are here. */
static struct node *index_in_numbers(struct node *node, void *context) {
    struct protocol *p = context;
    struct axis_range *ending = block_that_ends(p, node_as(node, binary));
    if (ending)
        return block_end(p, ending);
    struct node_call *call = node_as(node, call);
    bool length = call && strcmp(call->function, "len") == 0;
    bool of_block = length || (call && strcmp(call->function, "lo") == 0);
    struct node *inner = of_block ? call->arguments.items[0] : node;
    struct axis_range *range = inner->kind == NODE_REFERENCE ? subscript_range(p, inner) : NULL;
    if (range && length)
        return block_length(p, range);
    if (range && range->tiles) /* a block begins at whole tiles */
        return make_mul(p->arena, range->first, number(p, TILE_EDGE));
    return range ? range->first : node_map_children(p->arena, node, index_in_numbers, p);
}

/* Device form counts in u32, where only sums, differences and products may pass below 0 on their way. */
static struct signed_index difference_of(struct protocol *p, struct node *node);

static struct signed_index difference_of_product(struct protocol *p, struct node *left, struct node *right) {
    struct signed_index a = difference_of(p, left), b = difference_of(p, right);
    struct arena *arena = p->arena;
    return (struct signed_index){
        make_add(arena, make_mul(arena, a.plus, b.plus), make_mul(arena, a.minus, b.minus)),
        make_add(arena, make_mul(arena, a.plus, b.minus), make_mul(arena, a.minus, b.plus))};
}

/* Of (d - 1) / 2 and (d - 1) % n, which floor, a multiple of the divisor, which is 1 at least, is added that keeps what is
 * divided from falling below 0, and taken from the quotient. What is subtracted and no number, as in (i - j) % n, leaves its
 * remainder: n * (j / n) is taken out first. */
static struct signed_index difference_of_quotient(struct protocol *p, const struct node_binary *quotient) {
    struct arena *arena = p->arena;
    struct signed_index left = difference_of(p, quotient->left);
    struct node *right = quotient->right, *zero = number(p, 0), *lifted, *turns;
    int64_t divisor = 1, below;
    bool known = integer_value(right, &divisor);
    if (divisor <= 0 || is_zero(left.minus))
        return (struct signed_index){arena_copy(arena, quotient, sizeof *quotient), zero};
    if (integer_value(left.minus, &below)) {
        int64_t count = (below + divisor - 1) / divisor;
        turns = number(p, count);
        lifted = make_add(arena, left.plus,
                          known ? number(p, count * divisor - below)
                                : make_mul(arena, turns, make_sub(arena, right, number(p, 1))));
    } else {
        turns = make_add(arena, make_div(arena, left.minus, right), number(p, 1));
        lifted = make_add(arena, left.plus, make_sub(arena, right, make_mod(arena, left.minus, right)));
    }
    if (quotient->op == BINARY_REMAINDER)
        return (struct signed_index){make_mod(arena, lifted, right), zero};
    return (struct signed_index){make_div(arena, lifted, right), turns};
}

static bool is_quotient(const struct node *node) {
    const struct node_binary *binary = node->kind == NODE_BINARY ? (const struct node_binary *)node : NULL;
    return binary && (binary->op == BINARY_DIVIDE || binary->op == BINARY_REMAINDER);
}

static struct signed_index difference_of(struct protocol *p, struct node *node) {
    struct arena *arena = p->arena;
    struct node_binary *binary = node_as(node, binary);
    const struct node_call *least = size_call(node, SIZE_min),
                           *call = least ? least : size_call(node, SIZE_max);
    struct node *zero = number(p, 0);
    int64_t value;
    if (integer_value(node, &value) && value < 0)
        return (struct signed_index){zero, make_integer(arena, -value)};
    struct node_unary *unary = node_as(node, unary);
    if (unary && unary->op == UNARY_NEGATE) {
        struct signed_index turned = difference_of(p, unary->operand);
        return (struct signed_index){turned.minus, turned.plus};
    }
    if (binary && binary->op == BINARY_MULTIPLY)
        return difference_of_product(p, binary->left, binary->right);
    if (is_quotient(node))
        return difference_of_quotient(p, binary);
    if (!call && !(binary && (binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT)))
        return (struct signed_index){node, zero};
    struct signed_index a = difference_of(p, call ? call->arguments.items[0] : binary->left);
    struct signed_index b = difference_of(p, call ? call->arguments.items[1] : binary->right);
    if (!call && binary->op == BINARY_ADD)
        return (struct signed_index){make_add(arena, a.plus, b.plus), make_add(arena, a.minus, b.minus)};
    if (!call)
        return (struct signed_index){make_add(arena, a.plus, b.minus), make_add(arena, a.minus, b.plus)};
    if (is_zero(a.minus) && is_zero(b.minus))
        return (struct signed_index){node, zero};
    struct node *left = make_add(arena, a.plus, b.minus), *right = make_add(arena, b.plus, a.minus);
    return (struct signed_index){least ? make_min(arena, left, right) : make_max(arena, left, right),
                               make_add(arena, a.minus, b.minus)};
}

/* Sums, differences and products alone may pass below 0 on their way. */
static bool has_no_sign(const struct node *index) {
    for_each_node (node, index)
        if (node->kind == NODE_CALL || is_quotient(node))
            return true;
    return false;
}

struct node *number_of_index(struct protocol *p, struct node *expression) {
    struct node *index = index_in_numbers(expression, p);
    if (has_no_sign(index)) {
        struct signed_index parts = difference_of(p, index);
        index = is_zero(parts.minus) ? parts.plus : make_sub(p->arena, parts.plus, parts.minus);
    }
    return launch_value(p, index);
}

struct signed_index signed_index_of(struct protocol *p, struct node *expression) {
    struct signed_index parts = difference_of(p, index_in_numbers(expression, p));
    return (struct signed_index){launch_value(p, parts.plus), launch_value(p, parts.minus)};
}

struct node *end_of_range(struct protocol *p, struct node *bound) {
    struct signed_index parts = difference_of(p, index_in_numbers(bound, p));
    const struct node_call *greatest = size_call(parts.plus, SIZE_max);
    if (is_zero(parts.minus))
        return launch_value(p, parts.plus);
    bool counted = greatest && (node_equal(greatest->arguments.items[0], parts.minus) ||
                                node_equal(greatest->arguments.items[1], parts.minus));
    struct node *least = counted ? parts.plus : make_max(p->arena, parts.plus, parts.minus);
    return launch_value(p, make_sub(p->arena, least, parts.minus));
}

static struct node *page_of(struct protocol *p, const struct transfer *t) {
    struct list_builder indices = {0};
    size_t rank = t->tensor->subscripts.count;
    for (size_t i = 0; i + 2 < rank; i++)
        builder_add(p->arena, &indices, number_of_index(p, t->tensor->subscripts.items[i]));
    if (t->rows)
        builder_add(p->arena, &indices, make_add(p->arena, t->rows->first, ref(p, p->row)));
    builder_add(p->arena, &indices, make_add(p->arena, t->columns->first, ref(p, p->column)));
    return node_new(p->arena, page, PAGE, ((struct span){0}), .tensor = t->tensor->name,
                    .indices = builder_list(&indices));
}

static struct node *move_block(struct protocol *p, const struct transfer *t, const char *function) {
    struct span span = t->tile->base.span;
    struct node *row = t->rows ? ref(p, p->row) : number(p, 0);
    struct node *arguments[] = {page_of(p, t), ref(p, t->tensor->name),
                                tile_address(p, t, row, ref(p, p->column))};
    struct node *body = call_statement(p, span, function, 3, arguments);
    body = tile_loop(p, span, p->column, t->columns->tiles, body);
    body = t->rows ? tile_loop(p, span, p->row, t->rows->tiles, body) : body;
    return fold(p, body);
}

/* ---- rows ---- */

static struct tile_of_rows tile_of_rows(struct protocol *p, const struct transfer *t) {
    struct node_list dimensions = t->by_rows->dimensions;
    struct arena *a = p->arena;
    struct node *edge = number(p, TILE_EDGE), *row = t->rows ? ref(p, p->row) : number(p, 0), *column = ref(p, p->column);
    struct list_builder leading = {0};
    size_t rank = dimensions.count;
    for (size_t i = 0; i + 2 < rank; i++)
        builder_add(a, &leading, number_of_index(p, t->tensor->subscripts.items[i]));
    return (struct tile_of_rows){
        .span = t->tile->base.span,
        .tensor = t->by_rows,
        .leading = builder_list(&leading),
        .first_row = t->rows ? make_mul(a, make_add(a, t->rows->first, row), edge) : NULL,
        .first_column = make_mul(a, make_add(a, t->columns->first, column), edge),
        .rows = rank > 1 ? launch_value(p, dimensions.items[rank - 2]) : NULL,
        .columns = launch_value(p, dimensions.items[rank - 1]),
        .only = t->row,
        .address = tile_address(p, t, row, column)};
}

/* Over the tiles of a block. */
static struct node *each_tile(struct protocol *p, const struct transfer *t, struct node *body) {
    struct span span = t->tile->base.span;
    body = tile_loop(p, span, p->column, t->columns->tiles, body);
    return fold(p, t->rows ? tile_loop(p, span, p->row, t->rows->tiles, body) : body);
}

/* The rows of a block; reads fill whole tiles, which are cleared first where the tensor does not. */
static struct node *move_block_by_rows(struct protocol *p, const struct transfer *t, bool write) {
    struct tile_of_rows tile = tile_of_rows(p, t);
    struct node *clear = write ? NULL : clear_rows(p, &tile), *move = each_tile(p, t, move_rows(p, &tile, write));
    struct span span = t->tile->base.span;
    return clear ? make_block(p->arena, span, LIST(p->arena, each_tile(p, t, clear), move)) : move;
}

static struct node *pointer_let(struct protocol *p, const struct transfer *t, const char *function) {
    struct node *value = make_call(p->arena, function, LIST(p->arena, ref(p, t->cb->name)));
    return node_new(p->arena, let, LET, t->tile->base.span, .name = t->pointer, .dtype = DTYPE_U32,
                    .value = value);
}

static struct node *protocol_call(struct protocol *p, const struct transfer *t, const char *function) {
    struct node *arguments[] = {ref(p, t->cb->name), block_pages(p, t->cb)};
    return call_statement(p, t->tile->base.span, function, 2, arguments);
}

static struct node *plain_call(struct protocol *p, struct span span, const char *function) {
    return call_statement(p, span, function, 0, NULL);
}

/* ---- padding ---- */

/* The neutral element behind the end of one axis, in the last tile of the block that holds the end. */
static struct node *pad_axis(struct protocol *p, const struct transfer *t, const char *name, double value) {
    struct axis_range *range = range_find(p, name);
    struct arena *arena = p->arena;
    bool columns = range == t->columns, filled = columns != t->turned;
    if (!range || !range->extent)
        return NULL;
    struct node *extent = launch_value(p, range->extent);
    struct node *used = fold(p, make_mod(arena, extent, number(p, TILE_EDGE)));
    int64_t known;
    if (integer_value(used, &known) && known == 0)
        return NULL;
    struct node *last = make_sub(arena, range->tiles, number(p, 1));
    struct node *row = columns ? (t->rows ? ref(p, p->row) : number(p, 0)) : last;
    struct node *column = columns ? last : ref(p, p->column);
    struct span span = t->tile->base.span;
    struct node *arguments[] = {tile_address(p, t, row, column), used,
                                is_whole_type(t->cb->dtype) ? number(p, (int64_t)(uint32_t)(int64_t)value)
                                                            : format_bits(p, t->cb->dtype, value, false)};
    struct node *body = call_statement(
        p, span, fill_helper(p, filled ? FILL_COLUMNS : FILL_ROWS, t->cb->dtype), 3, arguments);
    if (columns)
        body = t->rows ? tile_loop(p, span, p->row, t->rows->tiles, body) : body;
    else
        body = tile_loop(p, span, p->column, t->columns->tiles, body);
    struct node *total = tiles_before(p, range->extent);
    struct node *end = fold(p, make_add(arena, range->first, range->tiles));
    struct node *ragged =
        integer_value(used, &known) ? NULL : make_binary(arena, BINARY_NOT_EQUAL, used, number(p, 0));
    struct node *here = node_equal(end, total) ? NULL : make_binary(arena, BINARY_EQUAL, end, total);
    struct node *condition = ragged && here ? make_binary(arena, BINARY_AND, ragged, here)
                             : ragged       ? ragged
                                            : here;
    body = fold(p, body);
    return condition ? node_new(arena, if, IF, span, .condition = condition,
                                .then = body->kind == NODE_BLOCK ? body
                                                                 : make_block(arena, span, LIST(arena, body)))
                     : body;
}

static double literal(const struct node *node) {
    return node->kind == NODE_REAL ? ((const struct node_real *)node)->value
                                   : (double)attribute_integer(node, 0);
}

/* Adds a statement; an `if` joins one with the same condition that stands last. */
static void add_joined(struct protocol *p, struct list_builder *out, struct node *node) {
    struct node_if *last = out->count ? node_as(out->items[out->count - 1], if) : NULL;
    struct node_if *added = node_as(node, if);
    if (!last || !added || !node_equal(last->condition, added->condition)) {
        builder_add(p->arena, out, node);
        return;
    }
    struct node_list both = list_concat(p->arena, node_as(last->then, block)->statements,
                                        node_as(added->then, block)->statements);
    struct node_if joined = *last;
    joined.then = make_block(p->arena, last->base.span, both);
    out->items[out->count - 1] = arena_copy(p->arena, &joined, sizeof joined);
}

static void pad_block(struct protocol *p, const struct transfer *t, struct list_builder *out) {
    struct node_dictionary *pads = node_as(attribute_get(&t->tile->base, KEY_TT_PAD), dictionary);
    for (size_t i = 0; pads && i < pads->entries.count; i++) {
        struct node_attribute *entry = node_as(pads->entries.items[i], attribute);
        add_joined(p, out, pad_axis(p, t, entry->key, literal(entry->value)));
    }
}

/* ---- lines and elements ---- */

/* What lies beside a vector or a number in its tiles is written as well. */
static void fill_beside(struct protocol *p, const struct transfer *t, struct list_builder *out) {
    struct span span = t->tile->base.span;
    const struct axis_range *range = t->rows ? t->rows : t->columns;
    if (t->rows && t->columns)
        return;
    struct node *row = t->rows ? ref(p, p->row) : number(p, 0), *column = t->columns ? ref(p, p->column) : number(p, 0),
                *zero[] = {tile_address(p, t, row, column), number(p, 0)},
                *body = call_statement(p, span, fill_helper(p, FILL_TILE, t->cb->dtype), 2, zero);
    builder_add(p->arena, out,
                fold(p, range ? tile_loop(p, span, t->rows ? p->row : p->column, range->tiles, body) : body));
}

static struct node *gather_block(struct protocol *p, const struct transfer *t) {
    struct span span = t->tile->base.span;
    struct node *row = t->rows ? ref(p, p->row) : number(p, 0),
                *column = t->columns ? ref(p, p->column) : number(p, 0);
    struct gathered_tile tile = {t->rows, t->columns, row, column, tile_address(p, t, row, column)};
    struct node *body = gather_tile(p, t->tile, t->cb, &tile);
    body = t->columns ? tile_loop(p, span, p->column, t->columns->tiles, body) : body;
    return fold(p, t->rows ? tile_loop(p, span, p->row, t->rows->tiles, body) : body);
}

/* Every tile's row, column or element is moved to where vectors and numbers have theirs, within the tile. */
static void move_line(struct protocol *p, const struct transfer *t, struct list_builder *out) {
    struct span span = t->tile->base.span;
    struct node *zero = number(p, 0);
    if (t->by_rows && halves_land_apart(p, t->by_rows)) {
        struct tile_of_rows tile = tile_of_rows(p, t);
        builder_add(p->arena, out, each_tile(p, t, settle_rows(p, &tile)));
    }
    if (t->gathered) {
        gather_pointers(p, t->tile, out);
        fill_beside(p, t, out);
        builder_add(p->arena, out, gather_block(p, t));
    }
    if (!t->moves)
        return;
    if (t->row && t->column) {
        struct node *arguments[] = {tile_address(p, t, zero, zero), t->row, t->column};
        builder_add(p->arena, out, fold(p, call_statement(p, span, element_helper(p, t->cb->dtype), 3, arguments)));
        return;
    }
    bool columns = t->column != NULL;
    struct node *arguments[] = {tile_address(p, t, columns ? ref(p, p->row) : zero, columns ? zero : ref(p, p->column)),
                                columns ? t->column : t->row};
    struct node *body =
        call_statement(p, span, line_helper(p, columns, t->turned, t->cb->dtype), 2, arguments);
    builder_add(p->arena, out, fold(p, tile_loop(p, span, columns ? p->row : p->column,
                                                 (columns ? t->rows : t->columns)->tiles, body)));
}

/* ---- loads and stores ---- */

static struct node *scatter_block(struct protocol *p, const struct transfer *t) {
    struct span span = t->tile->base.span;
    struct node *row = t->rows ? ref(p, p->row) : number(p, 0), *column = ref(p, p->column);
    struct gathered_tile tile = {t->rows, t->columns, row, column, tile_address(p, t, row, column)};
    struct node *body = tile_loop(p, span, p->column, t->columns->tiles, scatter_tile(p, t->tile, t->cb, &tile));
    return fold(p, t->rows ? tile_loop(p, span, p->row, t->rows->tiles, body) : body);
}

/* The page loops of one block; of blocks that are sent, on the core that sends them. */
static struct node *read_block(struct protocol *p, const struct transfer *t) {
    struct node *pages = t->gathered  ? NULL
                         : t->by_rows ? move_block_by_rows(p, t, false)
                                      : move_block(p, t, "noc_async_read_page");
    return is_multicast(t->cb) ? multicast_read(p, t->tile->base.span, t->cb, pages) : pages;
}

static void pad_and_send(struct protocol *p, const struct transfer *t, struct list_builder *body) {
    struct list_builder padding = {0};
    if (!is_multicast(t->cb)) {
        move_line(p, t, body);
        pad_block(p, t, body);
        return;
    }
    move_line(p, t, &padding);
    pad_block(p, t, &padding);
    builder_add(p->arena, body,
                multicast_send(p, t->tile->base.span, t->cb, t->pointer, builder_list(&padding)));
}

void emit_loads(struct protocol *p, struct list_builder *out, struct node_list loads) {
    struct transfer transfers[64];
    struct list_builder body = {0};
    size_t count = loads.count < 64 ? loads.count : 64;
    struct span span = loads.items[0]->span;
    for (size_t i = 0; i < count; i++)
        transfers[i] = transfer_of(p, node_as(loads.items[i], tile), "write");
    if (loads.count > count)
        protocol_fail(p, span, "more than 64 loads stand together");
    if (p->failed)
        return;
    for (size_t i = 0; i < count; i++)
        builder_add(p->arena, &body, protocol_call(p, &transfers[i], "cb_reserve_back"));
    for (size_t i = 0; i < count; i++)
        builder_add(p->arena, &body, pointer_let(p, &transfers[i], "get_write_ptr"));
    for (size_t i = 0; i < count; i++) {
        struct node *read = read_block(p, &transfers[i]);
        if (read && read->kind == NODE_BLOCK)
            builder_add_all(p->arena, &body, node_as(read, block)->statements);
        else
            builder_add(p->arena, &body, read);
    }
    builder_add(p->arena, &body, plain_call(p, span, "noc_async_read_barrier"));
    for (size_t i = 0; i < count; i++)
        pad_and_send(p, &transfers[i], &body);
    for (size_t i = 0; i < count; i++)
        builder_add(p->arena, &body, protocol_call(p, &transfers[i], "cb_push_back"));
    role_add(p, out, ROLE_READER, span, builder_list(&body));
}

void emit_store(struct protocol *p, struct list_builder *out, struct node_tile *store, struct node *exists) {
    struct transfer t = transfer_of(p, store, "read");
    struct span span = store->base.span;
    if (p->failed)
        return;
    struct node *move = t.gathered  ? scatter_block(p, &t)
                        : t.by_rows ? move_block_by_rows(p, &t, true)
                                    : move_block(p, &t, "noc_async_write_page");
    if (exists)
        move = node_new(p->arena, if, IF, span, .condition = exists,
                        .then = make_block(p->arena, span, LIST(p->arena, move)));
    struct node *body[] = {protocol_call(p, &t, "cb_wait_front"), pointer_let(p, &t, "get_read_ptr"), move,
                           plain_call(p, span, "noc_async_writes_flushed"),
                           protocol_call(p, &t, "cb_pop_front")};
    role_add(p, out, ROLE_WRITER, span, list_of(p->arena, sizeof body / sizeof *body, body));
}

/* ---- tiles that the reader makes once ---- */

static void fill_words(struct protocol *p, struct list_builder *body, enum fill_helper helper,
                       enum dtype dtype, struct node *pointer, double value) {
    struct node *arguments[] = {pointer, format_bits(p, dtype, value, true)};
    builder_add(p->arena, body,
                call_statement(p, (struct span){0}, fill_helper(p, helper, dtype), 2, arguments));
}

static void fill_mask(struct protocol *p, struct list_builder *body, struct node_circular_buffer *cb,
                      struct node *fill, struct node *pointer) {
    struct arena *arena = p->arena;
    struct node *extent = dictionary_get(fill, KEY_EXTENT);
    /* Elements of the last tile; all where there is none, since nothing is below 0. */
    struct node *before =
        make_mod(arena, make_add(arena, extent, number(p, TILE_EDGE - 1)), number(p, TILE_EDGE));
    struct node *valid = launch_value(p, make_add(arena, before, number(p, 1)));
    bool columns = strcmp(attribute_word(dictionary_get(fill, KEY_ALONG), ""), "columns") == 0;
    fill_words(p, body, FILL_TILE, cb->dtype, pointer, 1);
    struct node *arguments[] = {pointer, valid, number(p, 0)};
    builder_add(arena, body,
                call_statement(p, (struct span){0},
                               fill_helper(p, columns ? FILL_COLUMNS : FILL_ROWS, cb->dtype), 3, arguments));
}

static void emit_fill(struct protocol *p, struct list_builder *out, struct node_circular_buffer *cb,
                      struct node *fill) {
    struct list_builder body = {0};
    struct arena *arena = p->arena;
    struct span none = {0};
    struct node *one[] = {ref(p, cb->name), number(p, 1)};
    const char *pointer = name_fresh(&p->names, arena_printf(arena, "%s_write", cb->name + strlen("cb_")));
    builder_add(arena, &body, call_statement(p, none, "cb_reserve_back", 2, one));
    builder_add(arena, &body,
                node_new(arena, let, LET, none, .name = pointer, .dtype = DTYPE_U32,
                         .value = make_call(arena, "get_write_ptr", LIST(arena, ref(p, cb->name)))));
    if (dictionary_get(fill, KEY_SCALER)) {
        fill_words(p, &body, FILL_TILE, cb->dtype, ref(p, pointer), 0);
        fill_words(p, &body, FILL_SCALER, cb->dtype, ref(p, pointer), 1);
    } else if (dictionary_get(fill, KEY_ZEROS)) {
        fill_words(p, &body, FILL_TILE, cb->dtype, ref(p, pointer), 0);
    } else if (dictionary_get(fill, KEY_INDEX)) {
        struct node *tile = ref(p, pointer);
        bool columns = strcmp(attribute_word(dictionary_get(fill, KEY_ALONG), ""), "columns") == 0;
        enum fill_helper helper = columns ? FILL_INDEX_COLUMNS : FILL_INDEX_ROWS;
        builder_add(arena, &body, call_statement(p, none, fill_helper(p, helper, cb->dtype), 1, &tile));
    } else {
        fill_mask(p, &body, cb, fill, ref(p, pointer));
    }
    builder_add(arena, &body, call_statement(p, none, "cb_push_back", 2, one));
    role_add(p, out, ROLE_READER, none, builder_list(&body));
}

static void each_fill(struct protocol *p, struct list_builder *out, const char *compute_call, bool make) {
    struct node_list list = node_as(node_as(p->kernel, kernel)->body, block)->statements;
    for (int pass = make ? 0 : 1; pass < 2; pass++)
        for (size_t i = 0; i < list.count; i++) {
            struct node_circular_buffer *cb = node_as(list.items[i], circular_buffer);
            struct node *fill = cb ? attribute_get(&cb->base, KEY_TT_FILL) : NULL;
            if (!fill)
                continue;
            struct node *one[] = {ref(p, cb->name), number(p, 1)};
            if (pass == 0)
                emit_fill(p, out, cb, fill);
            else
                role_add(p, out, ROLE_COMPUTE, (struct span){0},
                         LIST(p->arena, call_statement(p, (struct span){0}, compute_call, 2, one)));
        }
}

void emit_fills(struct protocol *p, struct list_builder *out) {
    each_fill(p, out, "cb_wait_front", true);
}

void emit_fill_pops(struct protocol *p, struct list_builder *out) {
    each_fill(p, out, "cb_pop_front", false);
}
