/* Blocks that one core reads and sends to others. The first core of the group is the sender:
 *
 *     if sx == 0 { ... ask for the pages of the block ... }
 *     ... so for all blocks that are loaded together: all pages are on their way before any is waited for ...
 *     noc_async_read_barrier()
 *     if sx == 0 {
 *         ... padding ...
 *         noc_semaphore_wait(get_semaphore(a_ready), 7)          all receivers have room
 *         noc_semaphore_set(get_semaphore(a_ready), 0)
 *         noc_async_write_multicast(block, rectangle, bytes, 7, 1)
 *         noc_async_writes_flushed()
 *         noc_semaphore_set_multicast(get_semaphore(a_valid), rectangle, 7)
 *     } else {
 *         noc_semaphore_set(get_semaphore(a_valid), 0)
 *         noc_semaphore_inc(get_noc_addr(row_x0, row_y0, get_semaphore(a_ready)), 1)
 *         noc_semaphore_wait(get_semaphore(a_valid), 1)          the block is there
 *     }
 *
 * The block lies at the same address on all cores: circular buffers do, and all cores have pushed equally
 * often. The flag follows the block on the same path, so that it does not arrive before it.
 */
#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/core_plane.h"
#include "transforms/protocol.h"

bool is_multicast(const struct node_circular_buffer *cb) {
    return attribute_get(&cb->base, KEY_TT_MULTICAST) != NULL;
}

/* The group of a buffer, in launch arguments. */
struct group {
    struct node *is_sender;         /* condition */
    struct node *cores, *receivers; /* number of them, and without the sender */
    struct node *ready, *valid;     /* L1 addresses of its semaphores */
    struct node *corners[4];        /* x, y of the first core, which sends, and of the last */
};

static struct node *semaphore_address(struct protocol *p, struct node *multicast, const char *key) {
    return make_call(p->arena, "get_semaphore", LIST(p->arena, dictionary_get(multicast, key)));
}

static struct group group_of(struct protocol *p, const struct node_circular_buffer *cb) {
    struct arena *arena = p->arena;
    struct node *multicast = attribute_get(&cb->base, KEY_TT_MULTICAST);
    struct node_sequence *plane = node_as(attribute_get(p->kernel, KEY_TT_CORE_PLANE), sequence);
    enum multicast_group kind = multicast_group_of(multicast);
    if (!plane || kind == GROUP_NONE || !dictionary_get(multicast, KEY_READY) ||
        !dictionary_get(multicast, KEY_VALID)) {
        protocol_fail(p, cb->base.span, "%s has no group of cores, no plane or no semaphores to be sent by",
                      cb->name);
        return (struct group){0};
    }
    struct node *one = make_integer(arena, 1), *zero = make_integer(arena, 0);
    struct node *x = launch_value(p, make_call(arena, "core_x", (struct node_list){0}));
    struct node *y = launch_value(p, make_call(arena, "core_y", (struct node_list){0}));
    struct node *const *grid = plane->items.items;
    struct node *const *corners = multicast_corners(arena, kind, grid).items;
    struct node *first_column = make_binary(arena, BINARY_EQUAL, x, zero),
                *first_row = make_binary(arena, BINARY_EQUAL, y, zero);
    struct node *cores = kind == GROUP_ROW      ? grid[PLANE_X]
                         : kind == GROUP_COLUMN ? grid[PLANE_Y]
                                                : make_mul(arena, grid[PLANE_Y], grid[PLANE_X]);
    struct group group = {.is_sender = kind == GROUP_ROW ? first_column
                                       : kind == GROUP_COLUMN
                                           ? first_row
                                           : make_binary(arena, BINARY_AND, first_column, first_row),
                          .cores = launch_value(p, cores),
                          .receivers = launch_value(p, make_sub(arena, cores, one)),
                          .ready = semaphore_address(p, multicast, KEY_READY),
                          .valid = semaphore_address(p, multicast, KEY_VALID)};
    for (size_t i = 0; i < 4; i++)
        group.corners[i] =
            launch_value(p, make_call(arena, i % 2 ? "noc_y" : "noc_x",
                                      LIST(arena, corners[i / 2 * 2], corners[i / 2 * 2 + 1])));
    return group;
}

static void add_call(struct protocol *p, struct list_builder *out, struct span span, const char *function,
                     size_t count, struct node *const *arguments) {
    builder_add(p->arena, out, call_statement(p, span, function, count, arguments));
}

/* ---- one block ---- */

static struct node *rectangle(struct protocol *p, const struct group *group, struct node *address) {
    return make_call(
        p->arena, "get_noc_multicast_addr",
        LIST(p->arena, group->corners[0], group->corners[1], group->corners[2], group->corners[3], address));
}

static struct node *block_bytes(struct protocol *p, const struct node_circular_buffer *cb) {
    return simplify(p->arena, make_mul(p->arena, block_pages(p, cb), page_bytes(p, cb)));
}

static struct node_list send(struct protocol *p, struct span span, const struct group *group,
                             struct node *block, struct node *bytes) {
    struct arena *arena = p->arena;
    struct list_builder out = {0};
    struct node *zero = make_integer(arena, 0), *linked = make_integer(arena, 1);
    add_call(p, &out, span, "noc_semaphore_wait", 2, (struct node *[]){group->ready, group->receivers});
    add_call(p, &out, span, "noc_semaphore_set", 2, (struct node *[]){group->ready, zero});
    add_call(p, &out, span, "noc_async_write_multicast", 5,
             (struct node *[]){block, rectangle(p, group, block), bytes, group->receivers, linked});
    add_call(p, &out, span, "noc_async_writes_flushed", 0, NULL);
    add_call(p, &out, span, "noc_semaphore_set_multicast", 3,
             (struct node *[]){group->valid, rectangle(p, group, group->valid), group->receivers});
    return builder_list(&out);
}

/* A receiver has reserved the room: it clears its flag, which may be set right after, and counts itself at
 * the sender. */
static struct node_list receive(struct protocol *p, struct span span, const struct group *group) {
    struct arena *arena = p->arena;
    struct list_builder out = {0};
    struct node *zero = make_integer(arena, 0), *one = make_integer(arena, 1);
    struct node *counter =
        make_call(arena, "get_noc_addr", LIST(arena, group->corners[0], group->corners[1], group->ready));
    add_call(p, &out, span, "noc_semaphore_set", 2, (struct node *[]){group->valid, zero});
    add_call(p, &out, span, "noc_semaphore_inc", 2, (struct node *[]){counter, one});
    add_call(p, &out, span, "noc_semaphore_wait", 2, (struct node *[]){group->valid, one});
    return builder_list(&out);
}

struct node *multicast_read(struct protocol *p, struct span span, const struct node_circular_buffer *cb,
                            struct node *reading) {
    struct group group = group_of(p, cb);
    if (p->failed)
        return NULL;
    return node_new(p->arena, if, IF, span, .condition = group.is_sender,
                    .then = make_block(p->arena, span, LIST(p->arena, reading)));
}

struct node *multicast_send(struct protocol *p, struct span span, const struct node_circular_buffer *cb,
                            const char *pointer, struct node_list padding) {
    struct arena *arena = p->arena;
    struct group group = group_of(p, cb);
    int64_t receivers;
    if (p->failed)
        return NULL;
    struct node_list sending = send(p, span, &group, make_reference(arena, pointer), block_bytes(p, cb));
    if (!integer_value(group.receivers, &receivers))
        sending = LIST(arena, node_new(arena, if, IF, span,
                                       .condition = make_binary(arena, BINARY_GREATER, group.cores,
                                                                make_integer(arena, 1)),
                                       .then = make_block(arena, span, sending)));
    return node_new(arena, if, IF, span, .condition = group.is_sender,
                    .then = make_block(arena, span, list_concat(arena, padding, sending)),
                    .otherwise = make_block(arena, span, receive(p, span, &group)));
}

/* ---- around all blocks ---- */

static const struct node_circular_buffer *next_multicast(struct protocol *p, size_t *at) {
    struct node_list list = node_as(node_as(p->kernel, kernel)->body, block)->statements;
    while (*at < list.count) {
        const struct node_circular_buffer *cb = node_as(list.items[(*at)++], circular_buffer);
        if (cb && is_multicast(cb))
            return cb;
    }
    return NULL;
}

/* The flag that a sender sends is its own, and it is set for good. */
void emit_multicast_start(struct protocol *p, struct list_builder *out) {
    const struct node_circular_buffer *cb;
    struct span span = p->kernel->span;
    for (size_t at = 0; (cb = next_multicast(p, &at));) {
        struct group group = group_of(p, cb);
        struct list_builder body = {0};
        if (p->failed)
            return;
        add_call(p, &body, span, "noc_semaphore_set", 2,
                 (struct node *[]){group.valid, make_integer(p->arena, 1)});
        struct node *set = node_new(p->arena, if, IF, span, .condition = group.is_sender,
                                    .then = make_block(p->arena, span, builder_list(&body)));
        role_add(p, out, ROLE_READER, span, LIST(p->arena, set));
    }
}

/* Nothing is on its way when the reader ends: neither blocks and flags of a sender nor counts of a receiver.
 */
void emit_multicast_end(struct protocol *p, struct list_builder *out) {
    size_t at = 0;
    struct span span = p->kernel->span;
    if (!next_multicast(p, &at))
        return;
    struct list_builder body = {0};
    add_call(p, &body, span, "noc_async_write_barrier", 0, NULL);
    add_call(p, &body, span, "noc_async_atomic_barrier", 0, NULL);
    role_add(p, out, ROLE_READER, span, builder_list(&body));
}
