/* What `@schedule(multicast = 1)` asks for: every operand that a loop over panels streams, and that one of
 * the grid axes which cores share does not index, becomes a buffer of its own that cores send to each other.
 *
 *     for k in 0..K by 256 { acc[i, j] += sum(k: A[i, k] * B[k, j]) }
 *
 *     for k in 0..K by 256 {
 *         shared A_in[i, k]: bf16 = A[i, k] @{multicast = 1}
 *         shared B_in[k, j]: bf16 = B[k, j] @{multicast = 1}
 *         acc[i, j] += sum(k: A_in[i, k] * B_in[k, j])
 *     }
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "transforms/auto_tile_emit.h"

static bool wants_multicast(const struct node *kernel) {
    return attribute_integer(dictionary_get(attribute_get(kernel, KEY_TT_SCHEDULE), KEY_MULTICAST), 0) != 0;
}

/* Do cores that stand apart along one of the grid's last two axes want the same block? */
static bool is_shared(const struct tiler *t, const struct node *access) {
    size_t count = t->group.outer_count;
    for (size_t i = count > 2 ? count - 2 : 0; i < count; i++)
        if (!match_varies(access, t->group.outer[i].name))
            return true;
    return false;
}

/* The axes of the tiles of an access, one of a line; 0 where another subscript there is no axis. */
static size_t tile_subscripts(const struct tiler *t, const struct node_access *access, const char **axes) {
    size_t rank = access->subscripts.count, count = 0;
    for (size_t i = rank < 2 ? 0 : rank - 2; i < rank; i++) {
        struct node_reference *axis = node_as(access->subscripts.items[i], reference);
        if (is_line(t, access, i))
            continue;
        if (!axis)
            return 0;
        axes[count++] = axis->name;
    }
    return count;
}

/* The first operand that is sent and is not a buffer yet. */
static struct node *find_operand(const struct emitter *e, struct node *body, const char *folded) {
    for_each (access, access, body) {
        const char *axes[2];
        if (relations_tensor(e->t->relations, access->name) && match_varies(&access->base, folded) &&
            tile_subscripts(e->t, access, axes) && is_shared(e->t, &access->base))
            return &access->base;
    }
    return NULL;
}

struct node *emit_multicast(struct emitter *e, struct node *body, const char *folded,
                            struct list_builder *out) {
    struct node *found;
    if (!wants_multicast(e->t->compilation->kernel))
        return body;
    while ((found = find_operand(e, body, folded))) {
        struct node_access *access = node_as(found, access);
        const char *axes[2], *name = name_fresh(&e->t->names, arena_printf(e->arena, "%s_in", access->name));
        struct list_builder parts = {0}, subscripts = {0};
        size_t count = tile_subscripts(e->t, access, axes);
        for (size_t i = 0; i < count; i++) {
            builder_add(e->arena, &parts, make_axis(e->arena, axes[i], NULL, NULL, NULL));
            builder_add(e->arena, &subscripts, make_reference(e->arena, axes[i]));
        }
        struct node *buffer =
            node_new(e->arena, buffer, BUFFER, e->equation->span, .memory = MEMORY_SHARED, .name = name,
                     .axes = builder_list(&parts),
                     .dtype = relations_tensor(e->t->relations, access->name)->dtype, .value = found);
        builder_add(e->arena, out, attribute_set(e->arena, buffer, KEY_MULTICAST, make_integer(e->arena, 1)));
        struct node *read =
            node_with_span(e->arena, make_access(e->arena, name, builder_list(&subscripts)), found->span);
        body = replace_equal(e->arena, body, found, read);
    }
    return body;
}

/* ---- kernels that nothing can be sent in ---- */

bool check_multicast(struct compilation *c, bool tiled) {
    const char *kernel = node_as(c->kernel, kernel)->name;
    if (!wants_multicast(c->kernel) || find_multicast(c->kernel))
        return true;
    if (tiled) {
        report_error(
            c->diagnostics, c->kernel->span,
            "multicast = 1: kernel %s streams nothing that two cores want: every operand of its folds depends on all axes that cores share",
            kernel);
        report_help(c->diagnostics, (struct span){0}, "leave multicast out of its @schedule");
        return false;
    }
    report_error(
        c->diagnostics, c->kernel->span,
        "multicast = 1: kernel %s is a tile program, whose author decides what cores send to each other",
        kernel);
    report_help(c->diagnostics, (struct span){0},
                "put @multicast behind the buffers that are sent: shared a = A[i, k] @multicast");
    return false;
}
