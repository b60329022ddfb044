/* What `report` and `check` say of rows that are streamed: how often their tensors are read. */
#include <string.h>

#include "ir/build.h"
#include "transforms/auto_tile.h"

enum { WAY_LIMIT = 8 };

/* How often the elements of a tensor are read for one block of the grid: so many times, and so many times for every block
 * of axes that it does not have. */
struct readings {
    const struct tiler *t;
    const char *tensor;
    struct {
        const char *blocks; /* "": once in all */
        unsigned times;
    } ways[WAY_LIMIT];
    size_t count;
};

static void add_reading(struct readings *r, const char *blocks) {
    size_t i = 0;
    while (i < r->count && strcmp(r->ways[i].blocks, blocks) != 0)
        i++;
    if (i == WAY_LIMIT)
        return;
    r->ways[i].blocks = blocks;
    r->ways[i].times = i < r->count ? r->ways[i].times + 1 : 1;
    r->count += i == r->count;
}

static bool varies_along(const struct readings *r, struct node *body, const char *axis) {
    for_each (access, access, body)
        if (strcmp(access->name, r->tensor) == 0 && match_varies(&access->base, axis))
            return true;
    return false;
}

/* blocks: of the loops around, along which the tensor does not vary. */
static void count_readings(struct readings *r, struct node_list list, const char *blocks) {
    for (size_t i = 0; i < list.count; i++) {
        struct node_for *loop = node_as(list.items[i], for);
        if (!loop || !mentions(loop->body, r->tensor))
            continue;
        const char *inside = blocks;
        bool streamed = false;
        for (size_t k = 0; k < loop->axes.count; k++) {
            const char *axis = node_as(loop->axes.items[k], axis)->name;
            streamed |= is_streamed(r->t, axis);
            if ((is_streamed(r->t, axis) || !is_inner(r->t, axis)) && !varies_along(r, loop->body, axis))
                inside = arena_printf(r->t->arena, "%s%s%s", inside, *inside ? " and " : "", axis);
        }
        if (streamed)
            add_reading(r, inside);
        else
            count_readings(r, node_as(loop->body, block)->statements, inside);
    }
}

static const char *times_text(struct arena *arena, unsigned times) {
    return times == 1 ? "once" : times == 2 ? "twice" : arena_printf(arena, "%u times", times);
}

/* "X is read 3 times, V once for every block of e" */
static const char *readings_text(struct tiler *t, struct node_list statements) {
    const char *text = "";
    for (size_t i = 0; i < t->kernel->parameters.count; i++) {
        struct node_parameter *tensor = node_as(t->kernel->parameters.items[i], parameter);
        struct readings r = {.t = t, .tensor = tensor->name};
        if (!tensor->dimensions.count || tensor->direction == DIRECTION_OUT)
            continue;
        count_readings(&r, statements, "");
        for (size_t k = 0; k < r.count; k++)
            text = arena_printf(t->arena, "%s%s%s%s%s%s%s", text,
                                k       ? " and "
                                : *text ? ", "
                                        : "",
                                k ? "" : tensor->name,
                                k       ? ""
                                : *text ? " "
                                        : " is read ",
                                times_text(t->arena, r.ways[k].times),
                                *r.ways[k].blocks ? " for every block of " : "", r.ways[k].blocks);
    }
    return text;
}

static const char *axes_text(const struct tiler *t) {
    const char *text = "";
    for (size_t i = 0; i < t->group.inner_count; i++)
        if (t->group.streamed[i])
            text = arena_printf(t->arena, "%s%s%s", text, *text ? " and " : "", t->group.inner[i].name);
    return text;
}

void report_streamed(struct tiler *t, struct node_list statements) {
    const char *axes = axes_text(t);
    if (*axes)
        report_remark(t->compilation->diagnostics, t->kernel->base.span,
                      "kernel %s streams what lies along %s, whatever its length: %s", t->kernel->name, axes,
                      readings_text(t, statements));
}
