/* Rows of any length: the equations of a group under loops over blocks of its streamed axes.
 *
 * A fold over a streamed axis is gathered by a loop of its own, and whatever waits for it stands behind that loop. Folds
 * that wait for equally many loops, and results along the axis, share one; values along the axis are computed again in
 * every loop that reads them.
 *
 *     m[i] = max(j: X[i, j])                 fragment acc[i] = -inf
 *     e[i, j] = exp(X[i, j] - m[i])          for j in 0..N by 256 { acc[i] max= max(j: X[i, j]) }
 *     s[i] = sum(j: e[i, j])            =>   shared m[i] = acc[i]
 *     Y[i, j] = e[i, j] / s[i]               fragment acc_2[i] = 0
 *                                            for j in 0..N by 256 { acc_2[i] += sum(j: exp(X[i, j] - m[i])) }
 *                                            shared s[i] = acc_2[i]
 *                                            for j in 0..N by 256 { Y[i, j] = exp(X[i, j] - m[i]) / s[i] }
 *
 * Without a streamed axis the equations follow each other as they are.
 */
#include <string.h>

#include "ir/build.h"
#include "transforms/auto_tile_emit.h"

enum { FOLD_LIMIT = 32 };

/* A fold that a loop gathers. */
struct gathering {
    struct node_reduction *reduction;
    struct node *terms; /* what it folds */
    struct accumulator accumulator;
};

/* What a list of statements computes: the equations and folds that are wanted there, and what they need. Stages count the
 * loops over streamed axes that stand before something in the list. */
struct scope {
    struct tiler *t;
    struct emitter *e;
    bool open[AXIS_LIMIT]; /* streamed axes of the group: a loop around has it */
    size_t panelled;       /* the equation whose own panels a loop around runs over; equation_count: none */
    const size_t *wanted;  /* equations */
    size_t wanted_count;
    struct gathering *gathered; /* folds over the axis opened last */
    size_t gathered_count;
    const char *folded; /* that axis */
    /* Of each equation: */
    bool *there; /* computed by statements around */
    bool *done;  /* by statements of this list so far */
    bool *needed;
    size_t *stage;       /* SIZE_MAX: not settled yet */
    struct node **value; /* with folds that are gathered already as what stands for them */
};

static size_t let_number(const struct tiler *t, const char *name) {
    size_t i = 0;
    while (i < t->equation_count && (t->equations[i].store || strcmp(t->equations[i].name, name) != 0))
        i++;
    return i;
}

/* The number of a streamed axis that no loop around has; -1: it is none. */
static int closed_axis(const struct scope *s, const char *name) {
    for (size_t i = 0; i < s->t->group.inner_count; i++)
        if (s->t->group.streamed[i] && !s->open[i] && strcmp(s->t->group.inner[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int own_closed_axis(const struct scope *s, const struct equation *equation) {
    int found = -1;
    for (size_t i = 0; i < equation->axis_count && found < 0; i++)
        found = closed_axis(s, equation->axes[i].name);
    return found;
}

static int folded_axis(const struct scope *s, const struct node_reduction *reduction) {
    const struct node_axis *axis = node_as(reduction->axes.items[0], axis);
    return axis->lower ? -1 : closed_axis(s, axis->name);
}

static bool has_closed_fold(const struct scope *s, struct node *value) {
    for_each (reduction, reduction, value)
        if (folded_axis(s, reduction) >= 0)
            return true;
    return false;
}

/* A result along panels of its own that gathers over a streamed axis does so in each of them. */
static bool gathers_by_panels(const struct scope *s, size_t i) {
    const struct equation *equation = &s->t->equations[i];
    return i != s->panelled && has_own_panels(s->t, equation) && has_closed_fold(s, equation->value);
}

static size_t greater(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t stage_of(struct scope *s, size_t i);

/* How many loops what the expression reads waits for; its own folds are one more each, unless they run inside. */
static size_t stage_of_value(struct scope *s, struct node *value, bool folds_inside) {
    size_t stage = 0;
    for_each_node (node, value) {
        struct node_access *access = node_as(node, access);
        struct node_reduction *reduction = node_as(node, reduction);
        size_t let = access ? let_number(s->t, access->name) : s->t->equation_count;
        if (let < s->t->equation_count && !s->there[let])
            stage = greater(stage, stage_of(s, let));
        if (reduction && folded_axis(s, reduction) >= 0) {
            stage = greater(stage, stage_of_value(s, reduction->body, folds_inside) + !folds_inside);
            skip_below(node);
        }
    }
    return stage;
}

static size_t stage_of(struct scope *s, size_t i) {
    const struct equation *equation = &s->t->equations[i];
    if (s->stage[i] == SIZE_MAX)
        s->stage[i] =
            stage_of_value(s, equation->value, own_closed_axis(s, equation) >= 0 || gathers_by_panels(s, i));
    return s->stage[i];
}

static void need_value(struct scope *s, struct node *value);

static void need(struct scope *s, size_t i) {
    if (s->there[i] || s->needed[i])
        return;
    s->needed[i] = true;
    need_value(s, s->t->equations[i].value);
}

static void need_value(struct scope *s, struct node *value) {
    for_each (access, access, value) {
        size_t let = let_number(s->t, access->name);
        if (let < s->t->equation_count)
            need(s, let);
    }
}

/* The greatest stage of what is needed. */
static size_t last_stage(struct scope *s) {
    size_t last = 0;
    for (size_t i = 0; i < s->t->equation_count; i++)
        if (s->needed[i])
            last = greater(last, stage_of(s, i));
    for (size_t i = 0; i < s->gathered_count; i++)
        last = greater(last, stage_of_value(s, s->gathered[i].terms, false));
    return last;
}

/* A tensor that is changed in place is overwritten when all that reads its old values has run. */
static void delay_changes(struct scope *s) {
    size_t last = last_stage(s);
    for (size_t i = 0; i < s->t->equation_count; i++) {
        const struct equation *equation = &s->t->equations[i];
        struct node_parameter *tensor =
            s->needed[i] && equation->store ? relations_tensor(s->t->relations, equation->name) : NULL;
        if (tensor && tensor->direction == DIRECTION_INOUT)
            s->stage[i] = last + (own_closed_axis(s, equation) < 0 && last > 0);
    }
}

/* Fills in what the equations of the scope need. around: NULL at the top. */
static void scope_open(struct scope *s, const struct scope *around) {
    size_t count = s->t->equation_count + 1;
    struct arena *arena = s->t->arena;
    s->there = arena_allocate(arena, count * sizeof *s->there);
    s->done = arena_allocate(arena, count * sizeof *s->done);
    s->needed = arena_allocate(arena, count * sizeof *s->needed);
    s->stage = arena_allocate(arena, count * sizeof *s->stage);
    s->value = arena_allocate(arena, count * sizeof *s->value);
    for (size_t i = 0; i < s->t->equation_count; i++) {
        s->there[i] = around && (around->there[i] || around->done[i]);
        s->done[i] = s->needed[i] = false;
        s->stage[i] = SIZE_MAX;
        s->value[i] = s->t->equations[i].value;
    }
    for (size_t i = 0; i < s->wanted_count; i++)
        need(s, s->wanted[i]);
    for (size_t i = 0; i < s->gathered_count; i++)
        need_value(s, s->gathered[i].terms);
    delay_changes(s);
}

/* ---- values that are put where they are read ---- */

/* How often the name is read; in *folded, how often inside folds. */
static size_t count_reads(struct node *value, const char *name, size_t *folded) {
    size_t count = 0;
    for_each_node (node, value) {
        struct node_access *access = node_as(node, access);
        struct node_reduction *reduction = node_as(node, reduction);
        count += access && strcmp(access->name, name) == 0;
        if (reduction) {
            size_t inside = count_reads(reduction->body, name, folded);
            count += inside;
            *folded += inside;
            skip_below(node);
        }
    }
    return count;
}

/* The one place that reads the value, outside folds but that of the loop; NULL: there are others. */
static struct node **only_reader(struct scope *s, const char *name) {
    struct node **reader = NULL;
    size_t count = 0, folded = 0;
    for (size_t i = 0; i < s->t->equation_count + s->gathered_count; i++) {
        bool equation = i < s->t->equation_count;
        struct node **value = equation ? &s->value[i] : &s->gathered[i - s->t->equation_count].terms;
        size_t reads = equation && !s->needed[i] ? 0 : count_reads(*value, name, &folded);
        reader = reads ? value : reader;
        count += reads;
    }
    return count == 1 && folded == 0 ? reader : NULL;
}

/* A value along the axis of the loop that one statement reads needs no buffer. */
static void inline_values(struct scope *s) {
    for (size_t i = s->t->equation_count; i-- > 0;) {
        const struct equation *let = &s->t->equations[i];
        bool unrounded = let->dtype == DTYPE_F32 || let->dtype == DTYPE_NONE;
        if (!s->needed[i] || let->store || !unrounded || !is_own_axis(let, s->folded) ||
            find_kind(s->value[i], NODE_REDUCTION))
            continue;
        struct node **reader = only_reader(s, let->name);
        if (reader) {
            *reader = value_inlined(s->t, *reader, let, s->value[i]);
            s->needed[i] = false;
        }
    }
}

/* ---- statements ---- */

static void emit_scope(struct scope *s);

static void emit_one(struct scope *s, size_t i) {
    struct equation *equation = arena_copy(s->t->arena, &s->t->equations[i], sizeof *equation); /* the emitter keeps it */
    equation->value = s->value[i];
    if (gathers_by_panels(s, i)) {
        struct list_builder body = {0}, *out = s->e->out;
        struct scope inside = *s;
        inside.panelled = i;
        inside.wanted = &i;
        inside.wanted_count = 1;
        inside.gathered_count = 0;
        s->e->out = &body;
        scope_open(&inside, s);
        emit_scope(&inside);
        s->e->out = out;
        emit_own_panels(s->e, equation, builder_list(&body));
    } else if (i == s->panelled) {
        emit_statement(s->e, equation);
    } else {
        emit_equation(s->e, equation);
    }
    s->done[i] = true;
}

/* What a loop over a streamed axis does. */
struct loop {
    size_t axis;
    struct gathering folds[FOLD_LIMIT];
    size_t fold_count;
    size_t *results; /* equations */
    size_t result_count;
    struct span span;
};

static bool is_gathered(const struct loop *loop, const struct node_reduction *reduction) {
    for (size_t i = 0; i < loop->fold_count; i++)
        if (node_equal(&loop->folds[i].reduction->base, &reduction->base))
            return true;
    return false;
}

/* The folds of an equation that the loop gathers get their accumulators. */
static void add_folds(struct scope *s, struct loop *loop, size_t i, size_t stage) {
    struct equation *equation = &s->t->equations[i];
    for_each (reduction, reduction, s->value[i]) {
        if (folded_axis(s, reduction) != (int)loop->axis ||
            stage_of_value(s, reduction->body, false) != stage || is_gathered(loop, reduction))
            continue;
        if (loop->fold_count == FOLD_LIMIT) {
            tile_fail(s->t, equation->span, "one pass over %s folds more than %d values",
                      s->t->group.inner[loop->axis].name, FOLD_LIMIT);
            return;
        }
        struct gathering *fold = &loop->folds[loop->fold_count];
        *fold = (struct gathering){.reduction = reduction, .terms = reduction->body};
        s->e->equation = equation;
        if (!accumulator_open(s->e, reduction, &fold->accumulator))
            return;
        loop->span = loop->span.line ? loop->span : fold->accumulator.span;
        loop->fold_count++;
    }
}

static struct loop loop_at(struct scope *s, size_t axis, size_t stage) {
    struct tiler *t = s->t;
    struct loop loop = {.axis = axis,
                        .results = arena_allocate(t->arena, (s->wanted_count + 1) * sizeof(size_t))};
    for (size_t i = 0; i < t->equation_count && !t->failed; i++)
        if (s->needed[i] && own_closed_axis(s, &t->equations[i]) < 0 && !gathers_by_panels(s, i))
            add_folds(s, &loop, i, stage);
    for (size_t k = 0; k < s->wanted_count; k++)
        if (own_closed_axis(s, &t->equations[s->wanted[k]]) == (int)axis &&
            stage_of(s, s->wanted[k]) == stage) {
            loop.results[loop.result_count++] = s->wanted[k];
            loop.span = loop.span.line ? loop.span : t->equations[s->wanted[k]].span;
        }
    return loop;
}

/* Tiles of a block of the loop: fewer where a fragment has them, which lies in a DST section. */
static int64_t block_tiles(struct scope *inside, const struct range *range) {
    struct list_builder values = {0};
    int64_t most = INT64_MAX;
    for (size_t i = 0; i < inside->t->equation_count; i++) {
        if (!inside->needed[i])
            continue;
        builder_add(inside->t->arena, &values, inside->value[i]);
        if (is_own_axis(&inside->t->equations[i], range->name) && find_kind(inside->value[i], NODE_REDUCTION))
            most = inside->e->section;
    }
    for (size_t i = 0; i < inside->gathered_count; i++)
        builder_add(inside->t->arena, &values, inside->gathered[i].terms);
    int64_t tiles = stream_tiles(inside->e, range, builder_list(&values));
    return tiles < most ? tiles : most;
}

static void emit_loop(struct scope *s, struct loop *loop) {
    struct tiler *t = s->t;
    const struct range *range = &t->group.inner[loop->axis];
    struct list_builder body = {0}, *out = s->e->out;
    struct scope inside = *s;
    inside.open[loop->axis] = true;
    inside.wanted = loop->results;
    inside.wanted_count = loop->result_count;
    inside.gathered = loop->folds;
    inside.gathered_count = loop->fold_count;
    inside.folded = range->name;
    scope_open(&inside, s);
    inline_values(&inside);
    int64_t tiles = block_tiles(&inside, range);
    s->e->out = &body;
    emit_scope(&inside);
    s->e->out = out;
    struct node *axis = make_axis(t->arena, range->name, range->lower, range->upper,
                                  make_integer(t->arena, tiles * TILE_EDGE));
    builder_add(t->arena, out,
                node_new(t->arena, for, FOR, loop->span, .axes = LIST(t->arena, axis),
                         .body = make_block(t->arena, loop->span, builder_list(&body))));
    for (size_t k = 0; k < loop->fold_count; k++)
        for (size_t i = 0; i < t->equation_count; i++)
            s->value[i] = replace_equal(t->arena, s->value[i], &loop->folds[k].reduction->base,
                                        accumulated(s->e, &loop->folds[k].accumulator));
}

static void emit_scope(struct scope *s) {
    struct tiler *t = s->t;
    size_t last = last_stage(s);
    for (size_t stage = 0; stage <= last && !t->failed; stage++) {
        for (size_t i = 0; i < t->equation_count && !t->failed; i++)
            if (s->needed[i] && own_closed_axis(s, &t->equations[i]) < 0 && stage_of(s, i) == stage)
                emit_one(s, i);
        for (size_t i = 0; i < s->gathered_count && !t->failed; i++)
            if (stage_of_value(s, s->gathered[i].terms, false) == stage)
                builder_add(t->arena, s->e->out,
                            accumulate(s->e, &s->gathered[i].accumulator, s->folded, s->gathered[i].terms));
        for (size_t axis = 0; axis < t->group.inner_count && !t->failed; axis++) {
            if (closed_axis(s, t->group.inner[axis].name) < 0)
                continue;
            struct loop loop = loop_at(s, axis, stage);
            if (!t->failed && loop.fold_count + loop.result_count > 0)
                emit_loop(s, &loop);
        }
    }
}

/* All results of the group, with no loop around. */
static struct scope top_scope(struct tiler *t, struct emitter *e) {
    size_t *wanted = arena_allocate(t->arena, (t->equation_count + 1) * sizeof *wanted);
    struct scope s = {.t = t, .e = e, .panelled = t->equation_count, .wanted = wanted};
    for (size_t i = 0; i < t->equation_count; i++)
        if (t->equations[i].store)
            wanted[s.wanted_count++] = i;
    scope_open(&s, NULL);
    return s;
}

void emit_group(struct emitter *e) {
    struct scope s = top_scope(e->t, e);
    emit_scope(&s);
}

/* ---- buffers ---- */

struct distinction {
    struct tiler *t;
    struct list_builder seen; /* references */
    const char *from, *to;
};

static struct node *rename_buffer(struct node *node, void *context) {
    struct distinction *d = context;
    struct node *mapped = node_map_children(d->t->arena, node, rename_buffer, d);
    struct node_access *access = node_as(mapped, access);
    if (!access || strcmp(access->name, d->from) != 0)
        return mapped;
    struct node_access renamed = *access;
    renamed.name = d->to;
    return arena_copy(d->t->arena, &renamed, sizeof renamed);
}

static bool is_seen(const struct distinction *d, const char *name) {
    for (size_t i = 0; i < d->seen.count; i++)
        if (strcmp(node_as(d->seen.items[i], reference)->name, name) == 0)
            return true;
    return false;
}

/* The list with its buffer number `at` under another name. */
static struct node_list rename_in_list(struct distinction *d, struct node_list list, size_t at) {
    struct arena *arena = d->t->arena;
    struct node_buffer renamed = *node_as(list.items[at], buffer);
    struct list_builder changed = {0};
    d->from = renamed.name;
    d->to = renamed.name = name_fresh(&d->t->names, d->from);
    diagnostics_rename(d->t->compilation->diagnostics, d->to, d->from);
    for (size_t k = 0; k < list.count; k++)
        builder_add(arena, &changed,
                    k == at  ? arena_copy(arena, &renamed, sizeof renamed)
                    : k < at ? list.items[k]
                             : rename_buffer(list.items[k], d));
    return builder_list(&changed);
}

static struct node_list distinct_list(struct distinction *d, struct node_list list) {
    struct arena *arena = d->t->arena;
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i]->kind != NODE_BUFFER)
            continue;
        if (is_seen(d, node_as(list.items[i], buffer)->name))
            list = rename_in_list(d, list, i);
        builder_add(arena, &d->seen, make_reference(arena, node_as(list.items[i], buffer)->name));
    }
    struct list_builder distinct = {0};
    for (size_t i = 0; i < list.count; i++) {
        struct node_for *loop = node_as(list.items[i], for);
        struct node_block *body = loop ? node_as(loop->body, block) : NULL;
        struct node_for copy;
        if (body) {
            copy = *loop;
            copy.body = make_block(arena, body->base.span, distinct_list(d, body->statements));
        }
        builder_add(arena, &distinct, body ? arena_copy(arena, &copy, sizeof copy) : list.items[i]);
    }
    return builder_list(&distinct);
}

struct node_list buffers_distinct(struct tiler *t, struct node_list statements) {
    struct distinction d = {.t = t};
    return distinct_list(&d, statements);
}

/* ---- what is streamed ---- */

/* Does every statement run over at most one streamed axis and fold at most one at a time? */
static bool may_stream(struct tiler *t, size_t axis) {
    const struct range *range = &t->group.inner[axis];
    int64_t lower;
    if (!is_tile_axis(t, range->name) || !integer_value(range->lower, &lower))
        return false;
    for (size_t i = 0; i < t->equation_count; i++) {
        const struct equation *equation = &t->equations[i];
        for (size_t k = 0; is_own_axis(equation, range->name) && k < t->group.inner_count; k++)
            if (t->group.streamed[k] && is_own_axis(equation, t->group.inner[k].name))
                return false;
        for_each (reduction, reduction, equation->value)
            for (size_t k = 0; k < reduction->axes.count; k++)
                if (reduction->axes.count > 1 &&
                    strcmp(node_as(reduction->axes.items[k], axis)->name, range->name) == 0)
                    return false;
    }
    return true;
}

bool stream_axes(struct tiler *t, bool fixed_too) {
    bool any = false;
    memset(t->group.streamed, 0, sizeof t->group.streamed);
    for (size_t i = 0; i < t->group.inner_count; i++) {
        int64_t tiles = fixed_tiles(&t->group.inner[i]);
        bool several = tiles > PANEL_TILES; /* one block is held as well as streamed */
        t->group.streamed[i] = (tiles < 0 || (fixed_too && several)) && may_stream(t, i);
        any |= t->group.streamed[i];
    }
    return any;
}

/* The stages of the loops over an axis: one bit each, those beyond 63 as one. */
static uint64_t stages_of_axis(struct scope *s, int axis) {
    uint64_t stages = 0;
    for (size_t i = 0; i < s->t->equation_count; i++) {
        struct equation *equation = &s->t->equations[i];
        int own = own_closed_axis(s, equation);
        size_t stage = stage_of(s, i);
        if (own == axis && equation->store)
            stages |= UINT64_C(1) << (stage < 63 ? stage : 63);
        for_each (reduction, reduction, equation->value)
            if (own < 0 && folded_axis(s, reduction) == axis) {
                stage = stage_of_value(s, reduction->body, false);
                stages |= UINT64_C(1) << (stage < 63 ? stage : 63);
            }
    }
    return stages;
}

bool is_read_once(struct tiler *t) {
    struct scope s = top_scope(t, NULL);
    for (size_t i = 0; i < t->equation_count; i++)
        if (gathers_by_panels(&s, i) ||
            (own_closed_axis(&s, &t->equations[i]) >= 0 && has_closed_fold(&s, t->equations[i].value)))
            return false;
    for (size_t axis = 0; axis < t->group.inner_count; axis++) {
        uint64_t stages = t->group.streamed[axis] ? stages_of_axis(&s, (int)axis) : 0;
        if (stages & (stages - 1))
            return false;
    }
    return true;
}
