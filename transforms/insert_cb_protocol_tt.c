/* insert_cb_protocol_tt: axes become numbers of tiles, loads and stores become page loops, and every circular
 * buffer gets its protocol.
 *
 *     for k in 0..K by 128 {
 *         shared A_in[i, k]: bf16 @{tt.home = cb_A_in}
 *         tile load A_in[i, k] = A[i, k]
 *         tile matmul acc[i, j] += sum(k: A_in[i, k] * ...)
 *     }
 *
 *     =>
 *
 *     for k_block in 0..ceildiv(K, 128) {
 *         let k_tiles: u32 = min(4, Kt - k_block * 4)
 *         role reader {
 *             cb_reserve_back(cb_A_in, 8)
 *             ...                                                 a read for every page
 *             cb_push_back(cb_A_in, 8)
 *         }
 *         role compute {
 *             cb_wait_front(cb_A_in, 8)
 *             tile matmul acc[i, j] += sum(k: cb_A_in[i, k] * ...)
 *             cb_pop_front(cb_A_in, 8)
 *         }
 *     }
 *
 * A buffer is reserved before its first write and pushed behind its last, waited for before its first read
 * and popped behind its last, all in the statement list that declares it, a block at a time: counts are
 * constant, so the buffer wraps at its end. A fragment that rests in L1 is a ring of two blocks which compute fills
 * and empties for itself: it holds one block between statements, which has been waited for; one that gives the
 * fragment a new value writes the other, and drops the old.
 */
#include "transforms/host_numbers.h"
#include "transforms/protocol.h"
#include "transforms/rest_fragments.h"

#include <stdarg.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"

void protocol_fail(struct protocol *p, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!p->failed)
        report_error(p->compilation->diagnostics, span, "%s", arena_vprintf(p->arena, format, arguments));
    va_end(arguments);
    p->failed = true;
}

struct axis_range *range_find(struct protocol *p, const char *name) {
    for (size_t i = p->range_count; i-- > 0;)
        if (p->ranges[i].name == name)
            return &p->ranges[i];
    return NULL;
}

struct node *launch_value(struct protocol *p, struct node *expression) {
    return in_launch_arguments(p->arena, p->kernel, expression);
}

struct node_circular_buffer *circular_buffer_of(struct protocol *p, const char *name) {
    struct node_list list = node_as(node_as(p->kernel, kernel)->body, block)->statements;
    for (size_t i = 0; i < list.count; i++) {
        struct node_circular_buffer *cb = node_as(list.items[i], circular_buffer);
        if (cb && cb->name == name)
            return cb;
    }
    return NULL;
}

struct node *block_rows(const struct node_circular_buffer *cb) {
    return node_as(attribute_get(&cb->base, KEY_TT_BLOCK), sequence)->items.items[0];
}

struct node *block_columns(const struct node_circular_buffer *cb) {
    return node_as(attribute_get(&cb->base, KEY_TT_BLOCK), sequence)->items.items[1];
}

struct node *block_pages(struct protocol *p, const struct node_circular_buffer *cb) {
    return launch_value(p, make_mul(p->arena, block_rows(cb), block_columns(cb)));
}

struct node *page_bytes(struct protocol *p, const struct node_circular_buffer *cb) {
    struct node *bytes = dictionary_get(attribute_get(&cb->base, KEY_TT_CB), KEY_PAGE_SIZE);
    for (size_t i = 0; i < p->tile_count; i++)
        if (p->tiles[i].dtype == cb->dtype)
            return make_reference(p->arena, p->tiles[i].bytes->name);
    if (p->tile_count == sizeof p->tiles / sizeof *p->tiles)
        return bytes;
    const char *name = name_fresh(
        &p->names, arena_printf(p->arena, "%s_tile_bytes", word_text(WORDS_dtype, (int)cb->dtype)));
    struct node *constant =
        node_new(p->arena, constant, CONSTANT, ((struct span){0}), .name = name, .value = bytes);
    p->tiles[p->tile_count].dtype = cb->dtype;
    p->tiles[p->tile_count++].bytes = node_as(constant, constant);
    return make_reference(p->arena, name);
}

struct node *call_statement(struct protocol *p, struct span span, const char *function, size_t count,
                            struct node *const *arguments) {
    return make_statement(p->arena, span, function, list_of(p->arena, count, arguments));
}

void role_add(struct protocol *p, struct list_builder *out, enum role role, struct span span,
              struct node_list statements) {
    struct node_role *last = out->count ? node_as(out->items[out->count - 1], role) : NULL;
    if (last && last->role == role) {
        struct node_list joined = list_concat(p->arena, node_as(last->body, block)->statements, statements);
        out->items[out->count - 1] = node_new(p->arena, role, ROLE, last->base.span, .role = role,
                                              .body = make_block(p->arena, span, joined));
        return;
    }
    builder_add(
        p->arena, out,
        node_new(p->arena, role, ROLE, span, .role = role, .body = make_block(p->arena, span, statements)));
}

/* ---- buffers of a statement list ---- */

struct local_buffer {
    const char *name, *home;
    struct node_circular_buffer *cb;
    size_t first_write, last_write, first_read,
        last_read; /* by compute, as statement numbers; SIZE_MAX: none */
};

/* The statement that reads the fragment which statement `index` writes: its section computes there, so
 * operands stay until then. */
static size_t section_end(struct node_list list, size_t index) {
    struct node_tile *tile = node_as(list.items[index], tile);
    for (size_t i = index + 1; tile && i < list.count; i++) {
        struct node_tile *reader = node_as(list.items[i], tile);
        if (reader && reader->operation == TILE_MAP && mentions(reader->value, target_name(tile->target)))
            return i;
    }
    return index;
}

static bool writes_fragment(struct node_list list, size_t index) {
    struct node_tile *tile = node_as(list.items[index], tile);
    for (size_t i = 0; tile && i < index; i++) {
        struct node_buffer *buffer = node_as(list.items[i], buffer);
        if (buffer && buffer->memory == MEMORY_FRAGMENT && !fragment_rests(buffer) &&
            strcmp(buffer->name, target_name(tile->target)) == 0)
            return true;
    }
    return false;
}

/* The statement at which the device computes statement `index`. */
static size_t computed_at(struct node_list list, size_t index) {
    return writes_fragment(list, index) ? section_end(list, index) : index;
}

static struct local_buffer local_buffer(struct protocol *p, struct node_buffer *buffer,
                                        struct node_list list) {
    struct local_buffer local = {.name = buffer->name,
                                 .home = attribute_word(attribute_get(&buffer->base, KEY_TT_HOME), ""),
                                 .first_write = SIZE_MAX,
                                 .last_write = SIZE_MAX,
                                 .first_read = SIZE_MAX,
                                 .last_read = SIZE_MAX};
    local.cb = circular_buffer_of(p, local.home);
    for (size_t i = 0; i < list.count; i++) {
        bool written = false, read = false;
        for_each (tile, tile, list.items[i]) {
            written |= tile->operation != TILE_LOAD && strcmp(target_name(tile->target), buffer->name) == 0;
            read |= tile->operation != TILE_STORE && mentions(tile->value, buffer->name);
        }
        if (written) {
            local.first_write = local.first_write == SIZE_MAX ? i : local.first_write;
            local.last_write = i;
        }
        if (read) {
            local.first_read = local.first_read == SIZE_MAX ? i : local.first_read;
            size_t end = computed_at(list, i);
            local.last_read = local.last_read == SIZE_MAX || end > local.last_read ? end : local.last_read;
        }
    }
    if (!local.cb)
        protocol_fail(p, buffer->base.span,
                      "buffer %s has no circular buffer; memory_space_lower_tt gives it one", buffer->name);
    return local;
}

static void emit_protocol(struct protocol *p, struct list_builder *out, const char *function,
                          const struct local_buffer *local, struct span span) {
    struct node *arguments[] = {make_reference(p->arena, local->home), block_pages(p, local->cb)};
    role_add(p, out, ROLE_COMPUTE, span, LIST(p->arena, call_statement(p, span, function, 2, arguments)));
}

/* ---- statements ---- */

static struct node_list lower_list(struct protocol *p, struct node_list list);
static struct node_list lower_flat_list(struct protocol *p, struct node_list list);

/* [tiles, first, extent] of the axes that a statement mentions, by name; NULL: it mentions none. */
static struct node *ranges_of(struct protocol *p, struct node *statement) {
    struct node *ranges = NULL;
    for_each (reference, reference, statement) {
        struct axis_range *range = range_find(p, reference->name);
        if (!range || !range->tiles || dictionary_get(ranges, range->name))
            continue;
        struct node *end = make_mul(p->arena, make_add(p->arena, range->first, range->tiles),
                                    make_integer(p->arena, TILE_EDGE));
        struct node *extent = range->extent ? launch_value(p, range->extent) : end;
        struct node *triple = node_new(p->arena, sequence, SEQUENCE, ((struct span){0}),
                                       .items = LIST(p->arena, range->tiles, range->first, extent));
        ranges = dictionary_set(p->arena, ranges, range->name, triple);
    }
    return ranges;
}

static bool follows_axes(struct protocol *p, struct node *number) {
    for_each (reference, reference, number)
        if (range_find(p, reference->name))
            return true;
    return false;
}

static struct node *rename_buffers(struct node *node, void *context) {
    struct protocol *p = context;
    struct node *mapped = node_map_children(p->arena, node, rename_buffers, p);
    struct node_access *access = node_as(mapped, access);
    if (!access)
        return mapped;
    const char *home = access->name;
    for (size_t i = 0; i < p->home_count; i++)
        if (p->homes[i].buffer == access->name)
            home = p->homes[i].home;
    return home == access->name ? mapped : make_access(p->arena, home, access->subscripts);
}

static void emit_ring(struct protocol *p, struct list_builder *out, const char *function,
                      const struct ring *ring, struct span span) {
    struct node *arguments[] = {make_reference(p->arena, ring->cb->name), block_pages(p, ring->cb)};
    role_add(p, out, ROLE_COMPUTE, span, LIST(p->arena, call_statement(p, span, function, 2, arguments)));
}

static struct ring *ring_of(struct protocol *p, const char *fragment) {
    for (size_t i = p->ring_count; i-- > 0;)
        if (p->rings[i].fragment == fragment)
            return &p->rings[i];
    return NULL;
}

static void add_ring(struct protocol *p, struct node_buffer *buffer) {
    const char *home = attribute_word(attribute_get(&buffer->base, KEY_TT_HOME), "");
    if (p->ring_count == sizeof p->rings / sizeof *p->rings ||
        p->home_count == sizeof p->homes / sizeof *p->homes) {
        protocol_fail(p, buffer->base.span, "this kernel keeps too many fragments in memory");
        return;
    }
    p->homes[p->home_count].buffer = buffer->name;
    p->homes[p->home_count++].home = home;
    p->rings[p->ring_count++] = (struct ring){.fragment = buffer->name, .cb = circular_buffer_of(p, home)};
}

struct numbering {
    struct protocol *p;
    const struct node_access *target;
};

/* The whole numbers of a value, of single elements and of places of blocks, as what they are here. */
static struct node *count_places(struct node *node, void *context) {
    struct numbering *n = context;
    struct node_call *call = node_as(node, call);
    if (node->kind == NODE_ACCESS || (call && strcmp(call->function, "inside") == 0))
        return node;
    if (!is_whole_number(n->p->kernel, n->target, node))
        return node_map_children(n->p->arena, node, count_places, n);
    return follows_axes(n->p, node) ? number_of_index(n->p, node) : node;
}

static struct node *with_numbers(struct protocol *p, struct node *node) {
    struct node_tile *tile = node_as(node, tile);
    struct numbering n = {p, tile ? node_as(tile->target, access) : NULL};
    if (!tile || tile->operation != TILE_MAP)
        return node;
    struct node_tile counted = *tile;
    counted.value = count_places(tile->value, &n);
    return counted.value == tile->value ? node : arena_copy(p->arena, &counted, sizeof counted);
}

static void emit_compute(struct protocol *p, struct list_builder *out, struct node *node) {
    struct node *ranges = ranges_of(p, node), *renamed = rename_buffers(with_numbers(p, node), p);
    struct ring *ring = ring_of(p, target_name(node_as(node, tile)->target));
    if (ranges)
        renamed = attribute_set(p->arena, renamed, KEY_TT_RANGES, ranges);
    if (ring)
        emit_ring(p, out, "cb_reserve_back", ring, node->span);
    role_add(p, out, ROLE_COMPUTE, node->span, LIST(p->arena, renamed));
    if (!ring)
        return;
    emit_ring(p, out, "cb_push_back", ring, node->span);
    if (ring->filled)
        emit_ring(p, out, "cb_pop_front", ring, node->span);
    emit_ring(p, out, "cb_wait_front", ring, node->span);
    ring->filled = true;
}

/* ---- loops over axes ---- */

static void push_element(struct protocol *p, struct node_axis *axis, struct node *value) {
    p->ranges[p->range_count++] = (struct axis_range){.name = axis->name, .axis = axis, .first = value};
}

struct node *tiles_before(struct protocol *p, struct node *end) {
    const struct node_call *least = size_call(end, SIZE_min);
    struct node *whole = divide_by_tile(p->arena, end);
    if (least)
        return make_min(p->arena, tiles_before(p, least->arguments.items[0]),
                        tiles_before(p, least->arguments.items[1]));
    return whole ? whole : launch_value(p, tiles_of(p->arena, end));
}

/* The tiles of this block that exist, as a literal or as a let in front of the body. */
static struct node *existing_tiles(struct protocol *p, struct node_axis *axis, struct span span,
                                   struct node *first, struct node *extent, struct list_builder *lets) {
    struct node *full = block_tiles(p->arena, axis);
    if (!extent || attribute_integer(full, 0) == 1)
        return launch_value(p, full); /* a block of one tile exists wherever the loop runs */
    struct node *total = tiles_before(p, extent), *tiles = total;
    if (!covers_whole_axis(axis))
        tiles = make_min(p->arena, full, make_sub(p->arena, total, first));
    if (tiles->kind == NODE_INTEGER || tiles->kind == NODE_REFERENCE)
        return tiles;
    const char *name = name_fresh(&p->names, arena_printf(p->arena, "%s_tiles", axis->name));
    builder_add(p->arena, lets,
                node_new(p->arena, let, LET, span, .name = name, .dtype = DTYPE_U32, .value = tiles));
    return make_reference(p->arena, name);
}

static bool is_element(const struct node_axis *axis) {
    return !axis->step || attribute_integer(axis->step, 0) == 1;
}

/* The element of an axis that has one, known or recovered from the core's share. */
static bool is_single_element(struct protocol *p, const struct node_axis *axis) {
    struct node *lower = launch_value(p, axis->lower), *upper = launch_value(p, axis->upper);
    return is_one_of_many(p->arena, axis) ||
           node_equal(make_add(p->arena, lower, make_integer(p->arena, 1)), upper);
}

/* The blocks of an axis whose range follows from axes around it. One that begins where another block does may end
 * before that: there are none then. */
static struct node *count_here(struct protocol *p, const struct node_axis *axis, struct node *base) {
    struct node *end = tiles_before(p, axis->upper);
    int64_t first;
    if (!integer_value(base, &first))
        end = make_max(p->arena, end, base);
    return make_ceildiv(p->arena, make_sub(p->arena, end, base), block_tiles(p->arena, axis));
}

/* Opens one axis of the loop at `span`: what stands around the body goes to `lets`, the loop (NULL without
 * one) is completed by the caller. Statements have the places of statements, which the text form carries; an
 * axis has none of its own there. */
static struct node *open_axis(struct protocol *p, struct node_axis *axis, struct span span,
                              struct list_builder *lets) {
    struct arena *arena = p->arena;
    int64_t known;
    bool follows = follows_axes(p, axis->lower) || follows_axes(p, axis->upper) ||
                   !integer_value(axis->lower, &known);
    struct node_axis here = *axis;
    here.lower = follows ? end_of_range(p, axis->lower) : launch_value(p, axis->lower);
    here.upper = follows ? end_of_range(p, axis->upper) : launch_value(p, axis->upper);
    if (is_element(axis)) {
        if (is_single_element(p, axis)) {
            push_element(p, axis, here.lower);
            return NULL;
        }
        push_element(p, axis, make_reference(arena, axis->name));
        return make_axis(arena, axis->name, here.lower, here.upper, NULL);
    }
    struct node *base = divide_by_tile(arena, here.lower),
                *extent = clipping_extent(arena, follows ? &here : axis), *loop = NULL;
    if (!base) {
        bool first = !p->failed;
        protocol_fail(p, axis->base.span.line ? axis->base.span : span,
                      "blocks of %s do not begin at whole tiles", axis->name);
        if (first)
            report_help(p->compilation->diagnostics, (struct span){0},
                        "block %s by a number, a multiple of 32: `%s in ... by 32`", axis->name, axis->name);
        return NULL;
    }
    struct node *first = base;
    if (!is_single_block(arena, axis)) {
        const char *block = name_fresh(&p->names, arena_printf(arena, "%s_block", axis->name));
        struct node *trips = follows ? count_here(p, &here, base) : launch_value(p, axis_trips(arena, axis));
        loop = make_axis(arena, block, make_integer(arena, 0), trips, NULL);
        first =
            make_add(arena, base, make_mul(arena, make_reference(arena, block), block_tiles(arena, axis)));
    }
    struct node *tiles = existing_tiles(p, axis, span, first, extent, lets);
    p->ranges[p->range_count++] = (struct axis_range){axis->name, axis, first, tiles, extent};
    return loop;
}

static struct node_list lower_nest(struct protocol *p, struct node_for *loop, size_t index) {
    if (index == loop->axes.count)
        return lower_list(p, node_as(loop->body, block)->statements);
    struct list_builder body = {0};
    size_t mark = p->range_count;
    if (mark == sizeof p->ranges / sizeof *p->ranges) {
        protocol_fail(p, loop->base.span, "loops nest too deeply");
        return (struct node_list){0};
    }
    struct node *axis = open_axis(p, node_as(loop->axes.items[index], axis), loop->base.span, &body);
    if (!p->failed)
        builder_add_all(p->arena, &body, lower_nest(p, loop, index + 1));
    p->range_count = mark;
    if (!axis)
        return builder_list(&body);
    struct node *block = make_block(p->arena, loop->base.span, builder_list(&body));
    struct node *node = node_new(p->arena, for, FOR, loop->base.span, .axes = LIST(p->arena, axis), .body = block);
    return LIST(p->arena, node);
}

/* A loop over the core's share has no block axis of a tensor: it stays, with its body lowered. */
static bool is_share_loop(struct node *kernel, struct node_for *loop) {
    const char *start = runtime_argument_name(kernel, RUNTIME_START_ID);
    struct node_axis *axis = node_as(loop->axes.items[0], axis);
    struct node_reference *lower = node_as(axis->lower, reference);
    return loop->axes.count == 1 && !axis->step && lower && start && strcmp(lower->name, start) == 0;
}

/* Conditions of tile form stand around one store each (grid_to_persistent_tt). */
static void lower_guard(struct protocol *p, struct list_builder *out, const struct node_if *guard) {
    struct node_list statements = node_as(guard->then, block)->statements;
    struct node_tile *store = statements.count == 1 ? node_as(statements.items[0], tile) : NULL;
    if (store && store->operation == TILE_STORE && !guard->otherwise)
        emit_store(p, out, store, guard->condition);
    else
        protocol_fail(p, guard->base.span, "a condition stands around something else than one store");
}

static void lower_statement(struct protocol *p, struct list_builder *out, struct node *node) {
    struct node_for *loop = node_as(node, for);
    struct node_tile *tile = node_as(node, tile);
    struct node_buffer *buffer = node_as(node, buffer);
    struct node_if *guard = node_as(node, if);
    if (loop && is_share_loop(p->kernel, loop)) {
        struct node *body =
            make_block(p->arena, node->span, lower_list(p, node_as(loop->body, block)->statements));
        builder_add(p->arena, out, node_new(p->arena, for, FOR, node->span, .axes = loop->axes, .body = body));
    } else if (loop) {
        struct node_list nest = lower_nest(p, loop, 0);
        for (size_t i = 0; i < nest.count; i++) {
            struct node_role *role = node_as(nest.items[i], role);
            if (role)
                role_add(p, out, role->role, nest.items[i]->span, node_as(role->body, block)->statements);
            else
                builder_add(p->arena, out, nest.items[i]);
        }
    } else if (tile && tile->operation == TILE_STORE) {
        emit_store(p, out, tile, NULL);
    } else if (guard) {
        lower_guard(p, out, guard);
    } else if (tile) {
        emit_compute(p, out, node);
    } else if (buffer && fragment_rests(buffer)) {
        add_ring(p, buffer);
    } else if (!buffer || buffer->memory == MEMORY_FRAGMENT) {
        builder_add(p->arena, out, node);
    }
}

/* The loads that stand together from statement `first` on, declarations between them included; *next is the
 * statement behind. */
static struct node_list load_group(struct protocol *p, struct node_list list, size_t first, size_t *next) {
    struct list_builder loads = {0};
    size_t i = first;
    for (*next = first; i < list.count; i++) {
        struct node_tile *tile = node_as(list.items[i], tile);
        if (tile && tile->operation == TILE_LOAD) {
            builder_add(p->arena, &loads, list.items[i]);
            *next = i + 1;
        } else if (list.items[i]->kind != NODE_BUFFER) {
            break;
        }
    }
    return builder_list(&loads);
}

static size_t collect_locals(struct protocol *p, struct node_list list, struct local_buffer *locals,
                             size_t limit) {
    size_t count = 0;
    for (size_t i = 0; i < list.count && count < limit && !p->failed; i++) {
        struct node_buffer *buffer = node_as(list.items[i], buffer);
        if (!buffer || buffer->memory != MEMORY_SHARED)
            continue;
        locals[count++] = local_buffer(p, buffer, list);
        if (p->home_count < sizeof p->homes / sizeof *p->homes) {
            p->homes[p->home_count].buffer = buffer->name;
            p->homes[p->home_count++].home = locals[count - 1].home;
        }
    }
    return count;
}

static void emit_fragments_of(struct protocol *p, struct list_builder *out, struct node_list list,
                              size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        struct node_buffer *buffer = node_as(list.items[i], buffer);
        if (buffer && buffer->memory == MEMORY_FRAGMENT)
            lower_statement(p, out, list.items[i]);
    }
}

/* A loop of one iteration is no loop: its axes open here (their lets stand in front) and its statements join
 * the list, so that a buffer filled in it may be used until the list ends. An axis name that is taken gets a
 * fresh one. */
static struct node_list flatten(struct protocol *p, struct node_list list) {
    struct list_builder flat = {0};
    for (size_t i = 0; i < list.count && !p->failed; i++) {
        struct node_for *loop = node_as(list.items[i], for);
        bool single = loop && !is_share_loop(p->kernel, loop);
        for (size_t k = 0; single && k < loop->axes.count; k++) {
            struct node_axis *axis = node_as(loop->axes.items[k], axis);
            single = (is_element(axis) ? is_single_element(p, axis) : is_single_block(p->arena, axis)) &&
                     p->range_count + loop->axes.count < 32;
        }
        if (!single) {
            builder_add(p->arena, &flat, list.items[i]);
            continue;
        }
        struct node *node = list.items[i];
        for (size_t k = 0; k < loop->axes.count; k++) {
            const char *name = node_as(loop->axes.items[k], axis)->name;
            if (range_find(p, name))
                node = rename_entity(p->arena, node, name, name_fresh(&p->names, name));
        }
        loop = node_as(node, for);
        for (size_t k = 0; k < loop->axes.count; k++)
            open_axis(p, node_as(loop->axes.items[k], axis), loop->base.span, &flat);
        builder_add_all(p->arena, &flat, flatten(p, node_as(loop->body, block)->statements));
    }
    return builder_list(&flat);
}

static struct node_list lower_list(struct protocol *p, struct node_list list) {
    size_t mark = p->range_count;
    struct node_list lowered = lower_flat_list(p, flatten(p, list));
    p->range_count = mark;
    return lowered;
}

/* The statement behind which nothing asks for the fragment. */
static size_t last_mention(struct node_list list, const char *fragment) {
    size_t last = 0;
    for (size_t i = 0; i < list.count; i++)
        for_each (tile, tile, list.items[i])
            if (target_name(tile->target) == fragment || mentions(tile->value, fragment)) {
                size_t end = computed_at(list, i);
                last = end > last ? end : last;
            }
    return last;
}

static struct node_list lower_flat_list(struct protocol *p, struct node_list list) {
    struct local_buffer locals[64];
    size_t local_count = collect_locals(p, list, locals, 64);
    struct list_builder out = {0};
    size_t rings = p->ring_count;
    for (size_t i = 0, next; i < list.count && !p->failed; i = next) {
        struct node_list loads = load_group(p, list, i, &next);
        if (loads.count) {
            emit_fragments_of(p, &out, list, i, next);
            emit_loads(p, &out, loads);
            continue;
        }
        next = i + 1;
        struct span span = list.items[i]->span;
        for (size_t k = 0; k < local_count; k++)
            if (locals[k].first_read == i)
                emit_protocol(p, &out, "cb_wait_front", &locals[k], span);
        for (size_t k = 0; k < local_count; k++)
            if (locals[k].first_write == i)
                emit_protocol(p, &out, "cb_reserve_back", &locals[k], span);
        lower_statement(p, &out, list.items[i]);
        for (size_t k = 0; k < local_count; k++)
            if (locals[k].last_write == i)
                emit_protocol(p, &out, "cb_push_back", &locals[k], span);
        for (size_t k = 0; k < local_count; k++)
            if (locals[k].last_read == i)
                emit_protocol(p, &out, "cb_pop_front", &locals[k], span);
        for (size_t k = rings; k < p->ring_count; k++)
            if (p->rings[k].filled && last_mention(list, p->rings[k].fragment) == i)
                emit_ring(p, &out, "cb_pop_front", &p->rings[k], span);
    }
    p->ring_count = rings;
    return builder_list(&out);
}

static bool takes_blocks_apart(const struct node_for *loop) {
    struct node_block *body = node_as(loop->body, block);
    return body && body->statements.count && body->statements.items[0]->kind == NODE_DELINEARIZE;
}

/* Block numbers are taken apart of a core's share. False after a reported error. */
static bool check_shares(struct compilation *c) {
    for_each (for, loop, c->kernel) {
        if (!takes_blocks_apart(loop) || is_share_loop(c->kernel, loop))
            continue;
        const char *start = runtime_argument_name(c->kernel, RUNTIME_START_ID);
        report_error(c->diagnostics, loop->base.span,
                     "this loop takes block numbers apart, but is not over the share of a core");
        report_help(c->diagnostics, (struct span){0}, "a share begins at %s", start ? start : "start_id");
        return false;
    }
    return true;
}

bool insert_cb_protocol_tt(struct compilation *compilation) {
    struct arena *arena = compilation->arena;
    if (find_kind(compilation->kernel, NODE_ROLE))
        return true;
    if (!check_shares(compilation))
        return false;
    struct protocol *p = arena_allocate(arena, sizeof *p);
    p->compilation = compilation;
    p->arena = arena;
    p->kernel = compilation->kernel;
    p->names = kernel_names(arena, compilation->kernel);
    p->row = name_fresh(&p->names, "r");
    p->column = name_fresh(&p->names, "c");
    struct node_kernel kernel = *node_as(compilation->kernel, kernel);
    struct node_list list = node_as(kernel.body, block)->statements;
    struct list_builder body = {0}, declarations = {0}, rest = {0};
    for (size_t i = 0; i < list.count; i++)
        builder_add(arena, is_declaration(list.items[i]) ? &declarations : &rest, list.items[i]);
    emit_fills(p, &body);
    emit_caches(p, &body);
    emit_multicast_start(p, &body);
    builder_add_all(arena, &body, lower_list(p, builder_list(&rest)));
    emit_fill_pops(p, &body);
    emit_multicast_end(p, &body);
    struct span end = kernel.base.span;
    role_add(p, &body, ROLE_WRITER, end,
             LIST(arena, make_statement(arena, end, "noc_async_write_barrier", (struct node_list){0})));
    if (p->failed)
        return false;
    for (size_t i = 0; i < p->tile_count; i++)
        builder_add(arena, &declarations, &p->tiles[i].bytes->base);
    struct node_list top = list_concat(arena, builder_list(&declarations), builder_list(&p->helpers));
    kernel.body = make_block(arena, kernel.body->span, list_concat(arena, top, builder_list(&body)));
    compilation->kernel = arena_copy(arena, &kernel, sizeof kernel);
    return true;
}
