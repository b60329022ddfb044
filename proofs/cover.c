/* Every tile of every result is written exactly once in a launch, by whichever core, and nothing is read that
 * another core or iteration may have overwritten. Shown by isl on affine systems of the writes; where that
 * does not show it, small launches are looked at tile by tile. */
#include "proofs/affine.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/isl_util.h"
#include "ir/build.h"
#include "support/explanation.h"
#include "proofs/internal.h"

enum { TILE_LIMIT = 1 << 16 };

struct question {
    struct walk *walk;
    const struct page_accesses *accesses;
    const struct tensor_fact *tensor;
    isl_ctx *ctx;
};

static bool concerns(const struct question *q, const struct page_access *access, bool write) {
    return access->tensor == q->tensor && access->write == write;
}

/* ---- by affine systems ---- */

/* Of a tensor that is changed in place, what is not written keeps its value. */
static bool may_leave_out(const struct question *q) {
    return q->tensor->node->direction == DIRECTION_INOUT;
}

static bool is_covered(const struct question *q, const struct cover *cover) {
    return cover_disjoint(q->ctx, cover) && (may_leave_out(q) || cover_complete(q->ctx, cover));
}

/* Parts of the iterations that have nothing to do with each other are judged one by one. */
static bool covered_by_components(const struct question *q, const struct iterations *whole) {
    enum { COMPONENT_LIMIT = COVER_DIMENSIONS + 1 };
    struct arena *arena = q->walk->compilation->arena;
    struct iterations *parts = arena_allocate(arena, COMPONENT_LIMIT * sizeof *parts);
    size_t subscripts[COMPONENT_LIMIT][TENSOR_RANK_LIMIT];
    const struct cover *covers[COMPONENT_LIMIT];
    size_t count = iterations_components(q->walk, whole, parts, COMPONENT_LIMIT, subscripts);
    for (size_t i = 0; i < count; i++) {
        const struct polynomial *extents[TENSOR_RANK_LIMIT];
        struct cover *cover = arena_allocate(arena, sizeof *cover);
        struct affine affine;
        for (size_t k = 0; k < parts[i].rank; k++)
            extents[k] = q->tensor->extents[subscripts[i][k]];
        if (!affine_begin(&affine, q->walk, q->ctx, cover, parts[i].rank, extents) ||
            !affine_add(&affine, &parts[i]))
            return false;
        bool known = false;
        for (size_t k = 0; k < i; k++)
            known = known || cover_same(covers[k], cover);
        if (!known && !is_covered(q, cover))
            return false;
        covers[i] = cover;
    }
    return count > 0;
}

static bool add_access(const struct question *q, struct affine *affine, const struct page_access *access) {
    for (size_t i = 0; i < access->guard->count; i++) {
        struct iterations iterations;
        if (!iterations_of(q->walk, access, i, &iterations) || !affine_add(affine, &iterations))
            return false;
    }
    return true;
}

static bool covered_as_whole(const struct question *q) {
    struct cover *cover = arena_allocate(q->walk->compilation->arena, sizeof *cover);
    struct affine affine;
    if (!affine_begin(&affine, q->walk, q->ctx, cover, q->tensor->rank, q->tensor->extents))
        return false;
    for (size_t i = 0; i < q->accesses->count; i++)
        if (concerns(q, q->accesses->items[i], true) && !add_access(q, &affine, q->accesses->items[i]))
            return false;
    return is_covered(q, cover);
}

static bool covered(const struct question *q) {
    const struct page_access *only = NULL;
    size_t systems = 0;
    for (size_t i = 0; i < q->accesses->count; i++) {
        const struct page_access *access = q->accesses->items[i];
        if (!concerns(q, access, true))
            continue;
        only = access;
        systems += access->guard->count;
    }
    struct iterations whole;
    if (systems != 1)
        return covered_as_whole(q);
    return iterations_of(q->walk, only, 0, &whole) && covered_by_components(q, &whole);
}

/* ---- tile by tile ---- */

/* Who moved a tile first, and where. */
struct visit {
    const struct page_access *access;
    const char *where;
    int64_t core[2], iteration;
};

struct tiles {
    const struct question *question;
    struct visit *visits; /* one for each tile */
    int64_t count, extents[TENSOR_RANK_LIMIT], at;
    const struct page_access *access; /* of the fault */
};

static const char *tile_name(struct walk *w, const struct tiles *tiles, int64_t tile) {
    struct arena *arena = w->compilation->arena;
    size_t rank = tiles->question->tensor->rank;
    const char *text = "";
    for (size_t i = rank; i-- > 0; tile /= tiles->extents[i])
        text =
            arena_printf(arena, "%" PRId64 "%s%s", tile % tiles->extents[i], i + 1 < rank ? ", " : "", text);
    return rank > 1 ? arena_printf(arena, "(%s)", text) : text;
}

static bool tiles_begin(const struct question *q, struct sample_launch *launch, struct tiles *tiles) {
    *tiles = (struct tiles){.question = q, .count = 1};
    for (size_t i = 0; i < q->tensor->rank; i++) {
        if (!sample_value(launch, q->tensor->extents[i], &tiles->extents[i]) || tiles->extents[i] < 0 ||
            tiles->extents[i] > TILE_LIMIT)
            return false;
        tiles->count *= tiles->extents[i];
        if (tiles->count > TILE_LIMIT)
            return false;
    }
    size_t bytes = ((size_t)tiles->count + 1) * sizeof *tiles->visits;
    tiles->visits = arena_allocate(q->walk->compilation->arena, bytes);
    memset(tiles->visits, 0, bytes);
    return true;
}

/* The tile of the access where the launch stands; -1: none of the tensor, or not known. */
static int64_t tile_now(const struct tiles *tiles, struct sample_launch *launch) {
    int64_t tile = 0, at;
    for (size_t i = 0; i < launch->access->rank; i++) {
        if (!sample_value(launch, launch->access->subscripts[i], &at)) {
            launch->partial = true;
            return -1;
        }
        if (at < 0 || at >= tiles->extents[i])
            return -1;
        tile = tile * tiles->extents[i] + at;
    }
    return tile;
}

/* Which iteration of the outermost loop; cores are distinguished by themselves. */
static int64_t iteration_now(const struct sample_launch *launch) {
    return launch->access->loop_count ? launch->iteration[launch->access->loops[0]] : 0;
}

static bool visit_write(struct sample_launch *launch, void *context) {
    struct tiles *tiles = context;
    int64_t tile = tile_now(tiles, launch);
    if (tile < 0)
        return true;
    struct visit *visit = &tiles->visits[tile];
    tiles->at = tile;
    if (visit->access) {
        tiles->access = launch->access;
        return false;
    }
    *visit = (struct visit){launch->access,
                            sample_iteration_text(launch),
                            {launch->core[0], launch->core[1]},
                            iteration_now(launch)};
    return true;
}

/* " with M = 33" */
static const char *sizes_text(struct walk *w, struct sample_launch *launch) {
    const char *sizes = sample_size_text(launch);
    return *sizes ? arena_printf(w->compilation->arena, " with %s", sizes) : "";
}

static const char *core_text(struct walk *w, const int64_t core[2]) {
    return arena_printf(w->compilation->arena, "core (%" PRId64 ", %" PRId64 ")", core[0], core[1]);
}

/* "core (0, 1)" stands before the iteration, once. */
static const char *iteration_text(struct walk *w, const int64_t core[2], const char *iteration) {
    struct arena *arena = w->compilation->arena;
    if (strncmp(iteration, "core", 4) == 0)
        return iteration;
    return arena_printf(arena, "%s%s%s", core_text(w, core), *iteration ? ", " : "", iteration);
}

static void report_twice(const struct question *q, struct sample_launch *launch, const struct tiles *tiles) {
    struct walk *w = q->walk;
    const struct visit *first = &tiles->visits[tiles->at];
    const char *again = iteration_text(w, launch->core, sample_iteration_text(launch)),
               *before = iteration_text(w, first->core, first->where);
    walk_error(w, tiles->access->span, "tile %s of %s is written twice%s: by %s, and again by %s",
               tile_name(w, tiles, tiles->at), q->tensor->node->name, sizes_text(w, launch), before, again);
    if (first->access != tiles->access)
        walk_note(w, first->access->span, "it is written first here");
    walk_note(w, q->tensor->node->base.span, "%s is declared here", q->tensor->node->name);
    walk_help(
        w,
        "every tile of a result is written once in a launch: let different iterations and cores write different tiles");
}

static const struct page_access *last_write(const struct question *q) {
    const struct page_access *last = NULL;
    for (size_t i = 0; i < q->accesses->count; i++)
        if (concerns(q, q->accesses->items[i], true))
            last = q->accesses->items[i];
    return last;
}

static void report_left_out(const struct question *q, struct sample_launch *launch, const struct tiles *tiles,
                            int64_t tile) {
    struct walk *w = q->walk;
    walk_error(w, last_write(q)->span, "no core writes tile %s of %s%s", tile_name(w, tiles, tile),
               q->tensor->node->name, sizes_text(w, launch));
    walk_note(w, q->tensor->node->base.span, "%s is declared here", q->tensor->node->name);
    walk_help(w, "let the ranges of the loops around reach every tile, up to the last row and column");
}

/* True when a fault was found and reported. */
static bool look_at_writes(const struct question *q, struct sample_launch *launch, bool *whole) {
    struct tiles tiles;
    *whole = false;
    if (!tiles_begin(q, launch, &tiles))
        return false;
    for (size_t i = 0; i < q->accesses->count; i++) {
        const struct page_access *access = q->accesses->items[i];
        if (!concerns(q, access, true))
            continue;
        if (!access->guard->known)
            return false;
        if (!sample_visit_access(launch, access, visit_write, &tiles)) {
            report_twice(q, launch, &tiles);
            return true;
        }
    }
    if (launch->steps <= 0 || launch->partial)
        return false;
    for (int64_t tile = 0; tile < tiles.count && !may_leave_out(q); tile++)
        if (!tiles.visits[tile].access) {
            report_left_out(q, launch, &tiles, tile);
            return true;
        }
    *whole = true;
    return false;
}

/* The tiles that nothing writes, of all writes together. */
static const char *missing_text(const struct question *q) {
    struct cover *cover = arena_allocate(q->walk->compilation->arena, sizeof *cover);
    struct affine affine;
    if (!affine_begin(&affine, q->walk, q->ctx, cover, q->tensor->rank, q->tensor->extents))
        return "";
    for (size_t i = 0; i < q->accesses->count; i++)
        if (concerns(q, q->accesses->items[i], true) && !add_access(q, &affine, q->accesses->items[i]))
            return "";
    return cover_missing_text(q->walk->compilation->arena, q->ctx, cover);
}

static void explain_cover(const struct question *q) {
    struct explanations *list = q->walk->compilation->explanations;
    if (!list)
        return;
    explain(list, last_write(q)->span,
            may_leave_out(q) ? "no tile of %s is written twice, by whichever core"
                             : "every tile of %s is written exactly once, by whichever core",
            q->tensor->node->name);
    for (size_t i = 0; i < q->accesses->count; i++)
        if (concerns(q, q->accesses->items[i], true))
            affine_explain(q->walk, q->ctx, q->accesses->items[i], "written");
    if (!may_leave_out(q))
        explain_set(list, "never written", missing_text(q));
}

/* Are parts of its pages written? Loop form has proved which elements that are; here nothing is asked of them. */
static bool is_written_in_parts(const struct question *q) {
    for (size_t i = 0; i < q->accesses->count; i++)
        if (concerns(q, q->accesses->items[i], true) && q->accesses->items[i]->part)
            return true;
    return false;
}

static void check_writes(const struct question *q) {
    struct walk *w = q->walk;
    bool whole = false;
    if (is_written_in_parts(q))
        return;
    if (covered(q)) {
        explain_cover(q);
        return;
    }
    for (int sample = 0; sample < SAMPLE_COUNT; sample++) {
        struct sample_launch *launch = sample_launch(w, sample);
        if (launch && look_at_writes(q, launch, &whole))
            return;
    }
    if (whole && !walk_has_sizes(w))
        return; /* the only launch there is */
    walk_undecided(w, last_write(q)->span, "not proved: every tile of %s is written exactly once",
                   q->tensor->node->name);
}

/* ---- tensors that are changed in place ---- */

/* The read and the write of a tensor, of which only those of one iteration of one core may meet. */
struct meeting {
    const struct iterations *read, *write;
    const size_t *subscripts; /* of the tensor, those that the two have */
};

/* Do both have the same dimensions of iterations, that is the same cores and blocks? */
static bool same_iterations(const struct meeting *m) {
    return m->read->outer == m->write->outer && memcmp(m->read->dimensions, m->write->dimensions,
                                                       m->read->outer * sizeof *m->read->dimensions) == 0;
}

static bool conflict_free(const struct question *q, const struct meeting *m) {
    struct cover *cover = arena_allocate(q->walk->compilation->arena, sizeof *cover);
    const struct polynomial *extents[TENSOR_RANK_LIMIT];
    struct affine affine;
    for (size_t k = 0; k < m->read->rank; k++)
        extents[k] = q->tensor->extents[m->subscripts ? m->subscripts[k] : k];
    if (!same_iterations(m) || !affine_begin(&affine, q->walk, q->ctx, cover, m->read->rank, extents) ||
        !affine_add(&affine, m->read))
        return false;
    size_t reads = cover->count;
    if (!affine_add(&affine, m->write))
        return false;
    for (size_t i = 0; i < reads; i++)
        for (size_t j = reads; j < cover->count; j++)
            if (!cover_conflict_free(q->ctx, cover, cover->pieces[i], cover->pieces[j]))
                return false;
    return true;
}

/* Where all components meet in one iteration of their own, the whole does. False: they are not alike, or one
 * does not. */
static bool conflict_free_by_components(const struct question *q, const struct meeting *whole) {
    enum { COMPONENT_LIMIT = COVER_DIMENSIONS + 1 };
    struct arena *arena = q->walk->compilation->arena;
    struct iterations *reads = arena_allocate(arena, 2 * COMPONENT_LIMIT * sizeof *reads),
                      *writes = reads + COMPONENT_LIMIT;
    size_t read_subscripts[COMPONENT_LIMIT][TENSOR_RANK_LIMIT],
        write_subscripts[COMPONENT_LIMIT][TENSOR_RANK_LIMIT], iterations = 0;
    size_t read_count = iterations_components(q->walk, whole->read, reads, COMPONENT_LIMIT, read_subscripts),
           write_count =
               iterations_components(q->walk, whole->write, writes, COMPONENT_LIMIT, write_subscripts);
    for (size_t i = 0; i < read_count; i++) {
        size_t j = 0, bytes = reads[i].rank * sizeof **read_subscripts;
        while (j < write_count && (writes[j].rank != reads[i].rank ||
                                   memcmp(write_subscripts[j], read_subscripts[i], bytes) != 0))
            j++;
        struct meeting part = {&reads[i], &writes[j], read_subscripts[i]};
        iterations += reads[i].rank ? reads[i].outer : 0;
        if (reads[i].rank && (j == write_count || !conflict_free(q, &part)))
            return false;
    }
    /* A component without a subscript would meet in any iteration of its own. */
    return iterations == whole->read->outer;
}

/* What the read reaches, only the same iteration of the same core writes. */
static bool within_iteration(const struct question *q, const struct page_access *read,
                             const struct page_access *write) {
    for (size_t i = 0; i < read->guard->count; i++)
        for (size_t j = 0; j < write->guard->count; j++) {
            struct iterations reads, writes;
            struct meeting whole = {&reads, &writes, NULL};
            if (!iterations_of(q->walk, read, i, &reads) || !iterations_of(q->walk, write, j, &writes) ||
                !same_iterations(&whole) ||
                (!conflict_free_by_components(q, &whole) && !conflict_free(q, &whole)))
                return false;
        }
    return true;
}

static bool visit_read(struct sample_launch *launch, void *context) {
    struct tiles *tiles = context;
    int64_t tile = tile_now(tiles, launch);
    const struct visit *visit = tile < 0 ? NULL : &tiles->visits[tile];
    tiles->at = tile;
    return !visit || !visit->access ||
           (visit->core[0] == launch->core[0] && visit->core[1] == launch->core[1] &&
            visit->iteration == iteration_now(launch));
}

static bool look_at_reads(const struct question *q, const struct page_access *read,
                          const struct page_access *write) {
    struct walk *w = q->walk;
    for (int sample = 0; sample < SAMPLE_COUNT; sample++) {
        struct sample_launch *launch = sample_launch(w, sample);
        struct tiles tiles;
        if (!launch || !tiles_begin(q, launch, &tiles))
            continue;
        sample_visit_access(launch, write, visit_write, &tiles);
        if (sample_visit_access(launch, read, visit_read, &tiles))
            continue;
        const struct visit *other = &tiles.visits[tiles.at];
        const char *here = iteration_text(w, launch->core, sample_iteration_text(launch)),
                   *there = iteration_text(w, other->core, other->where);
        walk_error(w, read->span, "tile %s of %s is read by %s%s, and may have been overwritten by %s",
                   tile_name(w, &tiles, tiles.at), q->tensor->node->name, here, sizes_text(w, launch), there);
        walk_note(w, write->span, "it is written here");
        walk_help(
            w,
            "a tensor that is changed in place is read only where it is written: by the same core, in the same iteration");
        return true;
    }
    return false;
}

static void check_reads(const struct question *q) {
    for (size_t i = 0; i < q->accesses->count; i++) {
        const struct page_access *read = q->accesses->items[i];
        for (size_t j = 0; concerns(q, read, false) && j < q->accesses->count; j++) {
            const struct page_access *write = q->accesses->items[j];
            if (!concerns(q, write, true))
                continue;
            if (within_iteration(q, read, write)) {
                explain(q->walk->compilation->explanations, read->span,
                        "what is read of %s, no other core and no other iteration writes",
                        q->tensor->node->name);
                continue;
            }
            if (look_at_reads(q, read, write))
                continue;
            walk_undecided(q->walk, read->span,
                           "not proved: no other iteration or core overwrites what is read of %s",
                           q->tensor->node->name);
        }
    }
}

/* ---- all tensors ---- */

/* Has the tensor no elements, whatever the launch? */
static bool is_empty(const struct node_parameter *tensor) {
    int64_t extent;
    for (size_t i = 0; i < tensor->dimensions.count; i++)
        if (integer_value(tensor->dimensions.items[i], &extent) && extent == 0)
            return true;
    return false;
}

static void check_tensor(const struct question *q) {
    const struct node_parameter *tensor = q->tensor->node;
    if (tensor->direction == DIRECTION_IN)
        return;
    if (!last_write(q)) {
        if (!may_leave_out(q) && !is_empty(tensor))
            walk_error(q->walk, tensor->base.span, "nothing writes the result %s", tensor->name);
        return;
    }
    check_writes(q);
    if (tensor->direction == DIRECTION_INOUT)
        check_reads(q);
}

void prove_cover(struct walk *w, const struct page_accesses *accesses) {
    struct question question = {.walk = w, .accesses = accesses, .ctx = isl_begin()};
    for (size_t i = 0; i < accesses->tensor_count; i++) {
        question.tensor = &accesses->tensors[i];
        check_tensor(&question);
    }
    isl_end(question.ctx);
}
