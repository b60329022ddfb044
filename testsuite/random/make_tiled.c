/* Tile programs: a grid of blocks, with fragments that gather and shared values. */
#include <string.h>

#include "support/arena.h"
#include "testsuite/random/maker.h"

/* ---- tile programs ---- */

static const char *block_text(struct maker *m) {
    static const char *const blocks[] = {"32", "64", "32", "128", "96"};
    return PICK(m, blocks);
}

/* A block that gathers a fold over blocks of its axis. */
static void add_fragment(struct maker *m, struct statement *grid) {
    static const char *const pipelines[] = {"", " @pipeline(2)", "", " @pipeline(3)"};
    bool rows = once_in(m, 3);
    struct statement *s = new_statement(m, STATEMENT_FRAGMENT);
    struct expression *fold;
    if (rows) {
        bool column = once_in(m, 3);
        int outer = m->scope[column ? 1 : 0], k = new_axis(m, "k", named_size(m, "K")), line[2] = {outer, k};
        if (column) {
            line[0] = k, line[1] = outer;
        }
        bool max = once_in(m, 3);
        fold = arena_allocate(m->arena, sizeof *fold);
        *fold = (struct expression){
            .kind = EXPRESSION_FOLD, .word = max ? "max" : "sum", .axes = {k}, .axis_count = 1};
        fold->operands[0] = make_input(m, 2, line, max);
        s->axes[0] = outer;
        s->axis_count = 1;
    } else {
        fold = make_product(m);
        s->axes[0] = m->scope[0];
        s->axes[1] = m->scope[1];
        s->axis_count = 2;
        s->gemm = once_in(m, 2);
    }
    s->value = fold;
    if (strcmp(fold->word, "sum") == 0 && s->axis_count == 2 && once_in(m, 4)) {
        size_t rank = once_in(m, 2) ? 2 : 1; /* a whole block, or a row for all of its rows */
        s->start = make_input(m, rank, m->scope + 2 - rank, false);
        s->value = make_operator(m, "+", s->start, fold);
    }
    s->block = block_text(m);
    s->pipeline = PICK(m, pipelines);
    s->target = new_local(m);
    add_statement(grid, s);
    show_local(m, s->target);
}

/* Does a value vary at all? What has no axes is no block. */
static bool has_axes(const struct expression *e) {
    if (e->kind == EXPRESSION_VARIANT) {
        return has_axes(e->operands[0]) && has_axes(e->operands[1]);
    }
    bool any = e->kind == EXPRESSION_ACCESS || e->kind == EXPRESSION_LOCAL;
    for (size_t i = 0; i < 4 && !any; i++) {
        any = e->operands[i] && has_axes(e->operands[i]);
    }
    return any;
}

/* A block of values, in the type of these or in one that is written. */
static void add_shared(struct maker *m, struct statement *grid) {
    struct statement *s = new_statement(m, STATEMENT_SHARED);
    s->value = make_float(m, make_expression(m, 2));
    if (!has_axes(s->value)) {
        s->value = make_operator(m, "+", make_input(m, 2, m->scope, false), s->value);
    }
    s->target = new_local(m);
    if (once_in(m, 2)) {
        memcpy(s->axes, grid->axes, 2 * sizeof *s->axes);
        s->axis_count = 2;
        s->rounding = once_in(m, 2) ? ROUNDING_BF16 : ROUNDING_F32;
    }
    add_statement(grid, s);
    show_local(m, s->target);
}

void make_tiled(struct maker *m) {
    int axes[2] = {new_axis(m, "i", loop_size(m, "M")), new_axis(m, "j", loop_size(m, "N"))};
    struct statement *grid = add_loop(m, NULL, 2, axes);
    grid->grid = true;
    m->tiled = true;
    grid->blocks[0] = block_text(m);
    grid->blocks[1] = block_text(m);
    for (uint32_t i = 0; i < 2; i++) {
        size_t span = span_open(m->choices);
        bool more = once_in(m, 2);
        if (more) {
            add_fragment(m, grid);
        }
        span_close(m->choices, span);
    }
    m->folds = FOLDS_MAX; /* other folds of a tile program stand in fragments */
    for (uint32_t i = 0; i < 2; i++) {
        size_t span = span_open(m->choices);
        bool more = once_in(m, 2);
        if (more) {
            add_shared(m, grid);
        }
        span_close(m->choices, span);
    }
    add_store(m, grid, make_expression(m, 3), false);
    if (once_in(m, 6)) {
        add_store(m, grid, make_expression(m, 2), false);
    }
}
