/* tile_pad_tt: what ragged edges need.
 *
 * A block whose extent is fixed is made no larger than the padded tensor. An axis that is contracted or
 * folded and is not whole tiles must be neutral beyond its extent, in every operand (0 * NaN is NaN): a load
 * is told to write the neutral element there (`tt.pad`), a computed operand selects it:
 *
 *     tile load X_in[i, j] = X[i, j]               tile load X_in[i, j] = X[i, j] @{tt.pad = {j = -inf}}
 *     tile reduce m[i] = max(j: X_in[i, j])   =>   tile reduce m[i] = max(j: X_in[i, j])
 *     tile map e[i, j] = exp(X_in[i, j] - m[i])    tile map e[i, j] = select(inside(j), exp(X_in[i, j] - m[i]), 0)
 *     tile reduce s[i] = sum(j: e[i, j])           tile reduce s[i] = sum(j: e[i, j])
 *
 * Padding of all other axes is never read into a valid element.
 */
#include <math.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/element_range.h"
#include "ir/query.h"
#include "ir/names.h"
#include "ir/value_type.h"
#include "support/scalar.h"
#include "transforms/pass.h"

enum { AXES_AROUND = 32 };

/* One operand that must be neutral along an axis. */
struct request {
    const char *buffer, *axis;
    double neutral;
    const char *copy; /* a masked copy for this reader alone; NULL: the buffer itself is neutral */
    bool copied;      /* the copy stands in the program */
};

struct padder {
    struct compilation *compilation;
    struct arena *arena;
    struct name_table names;
    struct node *body;
    struct request requests[256];
    size_t request_count;
    bool failed;
};

/* ---- block sizes ---- */

static bool extent_of(struct arena *arena, const struct node_axis *axis, int64_t *extent) {
    return axis->lower && integer_value(simplify(arena, make_sub(arena, axis->upper, axis->lower)), extent);
}

static int64_t round_up(int64_t value) {
    return value <= TILE_EDGE ? TILE_EDGE : (value + TILE_EDGE - 1) / TILE_EDGE * TILE_EDGE;
}

static struct node *clip_axis(struct padder *p, struct node *node) {
    struct node_axis *axis = node_as(node, axis);
    int64_t extent, step;
    if (!axis->step || !axis->lower)
        return node;
    bool known = integer_value(axis->step, &step), fixed = extent_of(p->arena, axis, &extent);
    bool whole = covers_whole_axis(axis) && attribute_integer(axis->lower, -1) == 0;
    if (!known && !whole) {
        report_error(p->compilation->diagnostics, node->span,
                     "the block size of %s is neither a number nor its whole range", axis->name);
        p->failed = true;
        return node;
    }
    if (!known || step == 1 || (whole && step == 0))
        return node;
    int64_t clipped = fixed && step >= extent ? round_up(extent) : step;
    if (clipped % TILE_EDGE) {
        report_error(p->compilation->diagnostics, node->span,
                     "blocks of %s are %lld elements; a block is whole tiles", axis->name, (long long)step);
        report_help(p->compilation->diagnostics, (struct span){0}, "use a multiple of %d", TILE_EDGE);
        p->failed = true;
        return node;
    }
    return clipped == step ? node
                           : node_with_span(p->arena,
                                            make_axis(p->arena, axis->name, axis->lower, axis->upper,
                                                      make_integer(p->arena, clipped)),
                                            node->span);
}

static struct node *clip_blocks(struct node *node, void *context) {
    struct padder *p = context;
    if (node->kind == NODE_AXIS)
        return clip_axis(p, node);
    return node_map_children(p->arena, node, clip_blocks, p);
}

/* ---- what must be neutral ---- */

/* The axis of this name that has a range. */
static struct node_axis *find_axis(struct node *body, const char *name) {
    for_each (axis, axis, body)
        if (axis->name == name && axis->lower)
            return axis;
    return NULL;
}

/* Does the axis end where a block or an element around it does? */
static bool ends_with_blocks(const struct node_axis *axis) {
    return find_block_place(axis->upper) != NULL;
}

static bool is_ragged(struct padder *p, const char *name) {
    struct node_axis *axis = find_axis(p->body, name);
    int64_t extent;
    return axis && !(extent_of(p->arena, axis, &extent) && extent % TILE_EDGE == 0);
}

static struct node_tile *producer_of(struct padder *p, const char *buffer) {
    for_each (tile, tile, p->body) {
        struct node_access *target = node_as(tile->target, access);
        if (target && target->name == buffer)
            return tile;
    }
    return NULL;
}

static struct request *find_request(struct padder *p, const char *buffer, const char *axis) {
    for (size_t i = 0; i < p->request_count; i++)
        if (p->requests[i].buffer == buffer && p->requests[i].axis == axis)
            return &p->requests[i];
    return NULL;
}

static bool is_maskable(const struct node_tile *producer) {
    return producer && (producer->operation == TILE_LOAD || producer->operation == TILE_MAP);
}

/* Does what fills the buffer hold the neutral element there, or can it without a copy? */
static bool may_hold(struct padder *p, const char *buffer, const char *axis, double neutral) {
    struct request *before = find_request(p, buffer, axis);
    return is_maskable(producer_of(p, buffer)) && (!before || (before->neutral == neutral && !before->copy));
}

/* A second reader with another neutral element, or a producer that cannot mask, gets a masked copy. */
static void request(struct padder *p, const char *buffer, const char *axis, double neutral) {
    struct node_tile *producer = producer_of(p, buffer);
    struct request *before = find_request(p, buffer, axis);
    for (size_t i = 0; i < p->request_count; i++)
        if (p->requests[i].buffer == buffer && p->requests[i].axis == axis &&
            p->requests[i].neutral == neutral)
            return;
    if (p->request_count == sizeof p->requests / sizeof *p->requests || !producer)
        return;
    /* Tensors of block formats hold 0 beyond their end, and no other buffer is of one. */
    if (is_block_type(find_declaration(p->body, buffer)->dtype) && neutral == 0)
        return;
    const char *turned =
        producer->operation == TILE_TRANSPOSE ? node_as(producer->value, access)->name : NULL;
    if (turned && !before && may_hold(p, turned, axis, neutral)) {
        request(p, turned, axis, neutral);
        p->requests[p->request_count++] =
            (struct request){.buffer = buffer, .axis = axis, .neutral = neutral, .copied = true};
        return;
    }
    struct request added = {.buffer = buffer, .axis = axis, .neutral = neutral};
    if (before || !is_maskable(producer))
        added.copy = name_fresh(&p->names, arena_printf(p->arena, "%s_padded", buffer));
    p->requests[p->request_count++] = added;
}

static bool has_reference(struct node *access, const char *name) {
    struct node_access *a = node_as(access, access);
    for (size_t i = 0; a && i < a->subscripts.count; i++) {
        struct node_reference *reference = node_as(a->subscripts.items[i], reference);
        if (reference && reference->name == name)
            return true;
    }
    return false;
}

static double neutral_of(struct padder *p, const char *buffer, enum reduction_operator op) {
    double neutral = 0;
    literal_value(neutral_of_fold(p->arena, op, find_declaration(p->body, buffer)->dtype), &neutral);
    return neutral;
}

static void request_operand(struct padder *p, struct node *operand, const char *axis,
                            enum reduction_operator op) {
    struct node_access *access = node_as(operand, access);
    if (access && has_reference(operand, axis))
        request(p, access->name, axis, neutral_of(p, access->name, op));
}

static void collect_requests(struct padder *p) {
    for_each (tile, tile, p->body) {
        struct node_reduction *reduction = node_as(tile->value, reduction);
        const char *axis = reduction ? node_as(reduction->axes.items[0], axis)->name : NULL;
        if (!reduction || !is_ragged(p, axis))
            continue;
        struct node_binary *product = node_as(reduction->body, binary);
        if (tile->operation == TILE_MATMUL && product) {
            request_operand(p, product->left, axis, reduction->op);
            request_operand(p, product->right, axis, reduction->op);
        } else {
            request_operand(p, reduction->body, axis, reduction->op);
        }
    }
}

/* ---- the rewriting ---- */

static struct node *neutral_literal(struct arena *arena, double neutral) {
    return isinf(neutral) ? make_real(arena, neutral) : make_integer(arena, (int64_t)neutral);
}

/* lo(j) + len(j) - 1 */
static bool is_last_of_block(struct padder *p, const struct node *place, const char *axis) {
    struct node *block = make_reference(p->arena, axis);
    struct node *end = make_binary(p->arena, BINARY_ADD, make_call(p->arena, "lo", LIST(p->arena, block)),
                                   make_call(p->arena, "len", LIST(p->arena, block)));
    return node_equal(place, make_binary(p->arena, BINARY_SUBTRACT, end, make_integer(p->arena, 1)));
}

/* Does the condition say that an index is below the end of its axis: j <= i of an axis that ends with the block i? */
static bool keeps_below_end(struct padder *p, struct node *condition, const struct node_axis *axis) {
    struct block_around around[AXES_AROUND];
    struct blocks_around blocks = {around, 0};
    struct node_binary *comparison = node_as(condition, binary);
    struct node_reference *index = comparison ? node_as(comparison->left, reference) : NULL;
    if (comparison && comparison->op == BINARY_AND)
        return keeps_below_end(p, comparison->left, axis) || keeps_below_end(p, comparison->right, axis);
    if (index && index->name == axis->name && comparison->op == BINARY_EQUAL)
        return is_last_of_block(p, comparison->right, axis->name);
    bool strictly = comparison && comparison->op == BINARY_LESS;
    if (!index || index->name != axis->name || (!strictly && comparison->op != BINARY_LESS_EQUAL))
        return false;
    for_each (axis, other, p->body)
        if (other->step && other->lower && blocks.count < AXES_AROUND)
            around[blocks.count++] = (struct block_around){other->name, other->step};
    struct node *bound = comparison->right;
    bound = strictly ? bound : make_add(p->arena, bound, make_integer(p->arena, 1));
    struct node *end = bound_extreme(p->arena, bound, blocks, true);
    return end && node_equal(end, axis->upper);
}

/* Is the element of the axis inside? Of an axis that ends at one place in all blocks a mask says so, else its index. */
static struct node *inside_of(struct padder *p, const struct node_axis *axis) {
    struct node *index = make_reference(p->arena, axis->name);
    return ends_with_blocks(axis) ? make_binary(p->arena, BINARY_LESS, index, axis->upper)
                                  : make_call(p->arena, "inside", LIST(p->arena, index));
}

static struct node *masked(struct padder *p, const struct request *r, struct node *value) {
    const struct node_axis *axis = find_axis(p->body, r->axis);
    struct node *inside = inside_of(p, axis);
    struct node_call *call = node_as(value, call);
    bool chosen = call && strcmp(call->function, "select") == 0;
    double other;
    if (chosen && node_equal(call->arguments.items[0], inside))
        return value;
    if (chosen && literal_value(call->arguments.items[2], &other) && other == r->neutral &&
        keeps_below_end(p, call->arguments.items[0], axis))
        return value;
    return make_call(p->arena, "select",
                     LIST(p->arena, inside, value, neutral_literal(p->arena, r->neutral)));
}

/* The producer with what the requests for its buffer demand of itself. */
static struct node *pad_producer(struct padder *p, struct node *node) {
    struct node_tile *tile = node_as(node, tile);
    const char *buffer = node_as(tile->target, access) ? node_as(tile->target, access)->name : NULL;
    for (size_t i = 0; i < p->request_count; i++) {
        const struct request *r = &p->requests[i];
        if (r->buffer != buffer || r->copy || r->copied)
            continue;
        if (node_as(node, tile)->operation == TILE_LOAD) {
            struct node *pad = dictionary_set(p->arena, attribute_get(node, KEY_TT_PAD), r->axis,
                                              neutral_literal(p->arena, r->neutral));
            node = attribute_set(p->arena, node, KEY_TT_PAD, pad);
        } else if (node_as(node, tile)->operation == TILE_MAP) {
            struct node_tile changed = *node_as(node, tile);
            changed.value = masked(p, r, changed.value);
            if (changed.value != node_as(node, tile)->value)
                node = arena_copy(p->arena, &changed, sizeof changed);
        }
    }
    return node;
}

/* Behind the producer: the masked copies that some readers of its buffer need. */
static void add_copies(struct padder *p, struct node *node, struct list_builder *out) {
    struct node_tile *tile = node_as(node, tile);
    struct node_access *target = node_as(tile->target, access);
    for (size_t i = 0; target && i < p->request_count; i++) {
        struct request *r = &p->requests[i];
        if (r->buffer != target->name || !r->copy || r->copied)
            continue;
        struct node_buffer copy = *find_declaration(p->body, r->buffer);
        copy.name = r->copy;
        builder_add(p->arena, out, arena_copy(p->arena, &copy, sizeof copy));
        builder_add(p->arena, out,
                    node_new(p->arena, tile, TILE, node->span, .operation = TILE_MAP,
                             .target = make_access(p->arena, r->copy, target->subscripts), .op = ASSIGN_SET,
                             .value = masked(p, r, tile->target)));
        r->copied = true;
    }
}

/* A reader of a masked copy reads the copy. */
static struct node *redirect(struct padder *p, struct node *node) {
    struct node_tile *tile = node_as(node, tile);
    struct node_reduction *reduction = node_as(tile->value, reduction);
    if (!reduction)
        return node;
    const char *axis = node_as(reduction->axes.items[0], axis)->name;
    struct node_tile changed = *tile;
    for (size_t i = 0; i < p->request_count; i++) {
        struct request *r = &p->requests[i];
        if (r->copy && r->axis == axis && r->neutral == neutral_of(p, r->buffer, reduction->op))
            changed.value = rename_entity(p->arena, changed.value, r->buffer, r->copy);
    }
    return changed.value == tile->value ? node : arena_copy(p->arena, &changed, sizeof changed);
}

static struct node *pad(struct node *node, void *context) {
    struct padder *p = context;
    if (node->kind != NODE_TILE)
        return node_map_children(p->arena, node, pad, p);
    struct node *padded = redirect(p, pad_producer(p, node));
    struct list_builder out = {0};
    builder_add(p->arena, &out, padded);
    add_copies(p, padded, &out);
    return out.count == 1 ? padded : make_block(p->arena, node->span, builder_list(&out));
}

/* ---- parameters: the padded shape, recorded ---- */

static struct node *record_padding(struct padder *p, struct node *node) {
    struct node_parameter *parameter = node_as(node, parameter);
    struct list_builder padded = {0};
    bool ragged = false;
    for (size_t i = 0; i < parameter->dimensions.count; i++) {
        struct node *extent = parameter->dimensions.items[i];
        int64_t value;
        bool tiled = i + 2 >= parameter->dimensions.count, known = integer_value(extent, &value);
        ragged |= tiled && (!known || value % TILE_EDGE);
        struct node *tile = make_integer(p->arena, TILE_EDGE);
        builder_add(p->arena, &padded,
                    tiled ? make_mul(p->arena, make_ceildiv(p->arena, extent, tile), tile) : extent);
    }
    if (!ragged)
        return node;
    struct node *original =
        node_new(p->arena, sequence, SEQUENCE, ((struct span){0}), .items = parameter->dimensions);
    struct node *whole =
        node_new(p->arena, sequence, SEQUENCE, ((struct span){0}), .items = builder_list(&padded));
    struct node *padding = dictionary_set(p->arena, NULL, KEY_ORIGINAL_SHAPE, original);
    return attribute_set(p->arena, node, KEY_TT_PADDING,
                         dictionary_set(p->arena, padding, KEY_PADDED_SHAPE, whole));
}

bool tile_pad_tt(struct compilation *compilation) {
    struct arena *arena = compilation->arena;
    struct node_kernel kernel = *node_as(compilation->kernel, kernel);
    struct padder *p = arena_allocate(arena, sizeof *p);
    *p = (struct padder){
        .compilation = compilation, .arena = arena, .names = names_of(arena, compilation->kernel)};
    p->body = clip_blocks(kernel.body, p);
    if (p->failed)
        return false;
    collect_requests(p);
    kernel.body = pad(p->body, p);
    struct list_builder parameters = {0};
    for (size_t i = 0; i < kernel.parameters.count; i++)
        builder_add(arena, &parameters, record_padding(p, kernel.parameters.items[i]));
    kernel.parameters = builder_list(&parameters);
    if (!node_equal(&kernel.base, compilation->kernel))
        compilation->kernel = arena_copy(arena, &kernel, sizeof kernel);
    return true;
}
