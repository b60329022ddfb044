/* The pages of tensors: every page that is moved is one of its tensor, every number on the way to it stays at
 * or above 0, and every accessor is what its tensor is. */
#include "proofs/tensor.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "analysis/isl_util.h"
#include "ir/build.h"
#include "ir/format.h"
#include "ir/query.h"
#include "support/explanation.h"
#include "proofs/affine.h"
#include "proofs/internal.h"
#include "support/scalar.h"

/* The context of the walk. */
struct pages {
    struct page_accesses accesses;
    isl_ctx *ctx;
    const struct node **judged; /* differences about which something was said */
    size_t judged_count, judged_capacity;
};

static struct pages *pages_of(const struct walk *w) {
    return w->context;
}

/* ---- tensors ---- */

static struct tensor_fact tensor_fact(struct walk *w, struct node_parameter *parameter) {
    struct values *v = &w->values;
    struct tensor_fact fact = {.node = parameter, .rank = parameter->dimensions.count};
    for (size_t i = 0; i < fact.rank && i < TENSOR_RANK_LIMIT; i++) {
        const struct polynomial *extent = evaluate_number(w, parameter->dimensions.items[i]);
        fact.elements[i] = extent;
        fact.extents[i] = is_row_major(parameter) ? (i + 1 < fact.rank ? extent : number(v, 1))
                          : i + 2 < fact.rank     ? extent
                                                  : ceiling_of(v, extent, number(v, TILE_EDGE));
    }
    return fact;
}

static void find_tensors(struct walk *w, struct page_accesses *accesses) {
    struct node_list parameters = node_as(w->compilation->kernel, kernel)->parameters;
    accesses->tensors =
        arena_allocate(w->compilation->arena, (parameters.count + 1) * sizeof *accesses->tensors);
    struct launch_place place = walk_enter_launch(w);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count && parameter->dimensions.count <= TENSOR_RANK_LIMIT)
            accesses->tensors[accesses->tensor_count++] = tensor_fact(w, parameter);
    }
    walk_leave_launch(w, place);
}

static const struct tensor_fact *tensor_named(const struct page_accesses *accesses, const char *name) {
    for (size_t i = 0; i < accesses->tensor_count; i++)
        if (strcmp(accesses->tensors[i].node->name, name) == 0)
            return &accesses->tensors[i];
    return NULL;
}

/* "5 x 3 tiles" in numbers of the launch, or as the kernel says it. */
static const char *extents_text(struct walk *w, struct sample_launch *launch,
                                const struct tensor_fact *tensor) {
    struct arena *arena = w->compilation->arena;
    const char *text = "";
    for (size_t i = 0; i < tensor->rank; i++) {
        int64_t extent = 0;
        bool known = launch && sample_value(launch, tensor->extents[i], &extent);
        const char *one = known ? arena_printf(arena, "%" PRId64, extent) : value_text(w, tensor->extents[i]);
        text = arena_printf(arena, "%s%s%s", text, i ? " x " : "", one);
    }
    return arena_printf(arena, "%s tiles", text);
}

static void note_declaration(struct walk *w, const struct tensor_fact *tensor) {
    walk_note(w, tensor->node->base.span, "%s is declared here", tensor->node->name);
}

/* ---- faults in small launches ---- */

/* Where the walk stands, as an access of nothing. */
static struct page_access *place_here(struct walk *w) {
    struct page_access *place = arena_allocate(w->compilation->arena, sizeof *place);
    *place = (struct page_access){.function = w->function, .span = w->span, .guard = guard_here(w)};
    for (size_t i = 0; i < w->loop_count; i++) {
        if (w->loops[i].atom == ATOM_LIMIT)
            continue;
        place->loop_names[place->loop_count] = w->loops[i].name;
        place->loops[place->loop_count++] = w->loops[i].atom;
    }
    return place;
}

/* p > limit */
struct excess {
    const struct polynomial *p, *limit;
    int64_t value;
    bool found, whole;
};

static bool visit_excess(struct sample_launch *launch, void *context) {
    struct excess *excess = context;
    int64_t limit;
    excess->found = sample_value(launch, excess->p, &excess->value) &&
                    sample_value(launch, excess->limit, &limit) && excess->value > limit;
    return !excess->found;
}

/* The first launch and iteration where p > limit; NULL when none is found. */
static struct sample_launch *find_excess(struct walk *w, const struct page_access *place,
                                         struct excess *excess) {
    for (int sample = 0; sample < SAMPLE_COUNT; sample++) {
        struct sample_launch *launch = sample_launch(w, sample);
        if (launch)
            excess->whole = sample_visit_access(launch, place, visit_excess, excess) && launch->steps > 0;
        if (excess->found)
            return launch;
    }
    excess->whole = excess->whole && place->guard->known && !walk_has_sizes(w); /* the only launch there is */
    return NULL;
}

/* " at core (0, 1), i = 2 with M = 33" */
static const char *where_text(struct walk *w, struct sample_launch *launch) {
    const char *iteration = sample_iteration_text(launch), *sizes = sample_size_text(launch);
    return arena_printf(w->compilation->arena, "%s%s%s%s", *iteration ? " at " : "", iteration,
                        *sizes ? " with " : "", sizes);
}

/* p <= limit at the place, by the prover or by isl. */
static bool at_most(struct walk *w, const struct page_access *place, const struct polynomial *p,
                    const struct polynomial *limit) {
    return p && limit &&
           (prove_guarded(w, place->guard, p, limit) || affine_at_most(w, pages_of(w)->ctx, place, p, limit));
}

/* e / 32 is below ceildiv(extent, 32) where e is below the extent. False: the subscript is no such quotient, or that is not
 * proved. */
static bool holds_element(struct walk *w, const struct page_access *access, size_t dimension) {
    struct values *v = &w->values;
    const struct polynomial *subscript = access->subscripts[dimension], *edge = number(v, TILE_EDGE);
    const struct tensor_fact *tensor = access->tensor;
    int64_t divisor;
    for (size_t i = 0; subscript && dimension + 2 >= tensor->rank && i < subscript->count; i++) {
        const struct monomial *term = &subscript->terms[i];
        const struct atom *atom = term->degree == 1 && term->factor == 1 ? &v->atoms[term->atoms[0]] : NULL;
        if (!atom || atom->kind != ATOM_QUOTIENT || !known_number(atom->b, &divisor) || divisor != TILE_EDGE)
            continue;
        const struct polynomial *dividend = atom->a,
                                *rest = difference_of(v, subscript, atom_value(v, term->atoms[0])),
                                *element = sum_of(v, product_of(v, rest, edge), dividend);
        return at_most(w, access, sum_of(v, element, number(v, 1)), tensor->elements[dimension]);
    }
    return false;
}

/* ---- numbers ---- */

static bool judged_before(struct walk *w, const struct node *node) {
    struct pages *pages = pages_of(w);
    for (size_t i = 0; i < pages->judged_count; i++)
        if (pages->judged[i] == node)
            return true;
    if (pages->judged_count == pages->judged_capacity) {
        size_t capacity = pages->judged_capacity ? 2 * pages->judged_capacity : 16;
        const struct node **judged = arena_allocate(w->compilation->arena, capacity * sizeof(void *));
        if (pages->judged_count)
            memcpy(judged, pages->judged, pages->judged_count * sizeof(void *));
        pages->judged = judged;
        pages->judged_capacity = capacity;
    }
    pages->judged[pages->judged_count++] = node;
    return false;
}

static void check_difference(struct walk *w, const struct node *difference, const struct polynomial *a,
                             const struct polynomial *b) {
    struct page_access *place = place_here(w);
    if (!a || !b || at_most(w, place, b, a) || judged_before(w, difference))
        return;
    const char *text = node_text(w->compilation->arena, difference);
    struct excess excess = {.p = b, .limit = a};
    struct sample_launch *launch = find_excess(w, place, &excess);
    if (!launch) {
        if (!excess.whole && !walk_check(w, w->span, "difference", b, a))
            walk_undecided(w, w->span, "not proved: %s is not below 0", text);
        return;
    }
    walk_error(w, w->span, "%s falls below 0%s", text, where_text(w, launch));
    walk_help(
        w,
        "numbers of the device have no sign: shorten the range of a loop around, or guard the place by a condition");
}

static void check_delinearized(struct walk *w, const struct node_delinearize *delinearize) {
    struct values *v = &w->values;
    const struct polynomial *value = evaluate_number(w, delinearize->value), *blocks = number(v, 1);
    for (size_t i = 0; i < delinearize->extents.count; i++)
        blocks = product_of(v, blocks, evaluate_number(w, delinearize->extents.items[i]));
    struct page_access *place = place_here(w);
    const struct polynomial *count = sum_of(v, value, number(v, 1));
    if (!count || !blocks || at_most(w, place, count, blocks) || judged_before(w, &delinearize->base))
        return;
    const char *text = node_text(w->compilation->arena, delinearize->value);
    struct excess excess = {.p = count, .limit = blocks};
    struct sample_launch *launch = find_excess(w, place, &excess);
    int64_t blocks_there;
    if (!launch) {
        if (!excess.whole && !walk_check(w, w->span, "blocks", count, blocks))
            walk_undecided(w, w->span, "not proved: %s is one of the blocks that it is taken apart into",
                           text);
    } else if (sample_value(launch, blocks, &blocks_there)) {
        walk_error(w, w->span, "%s is taken apart into %" PRId64 " blocks%s", text, blocks_there,
                   where_text(w, launch));
        walk_help(
            w,
            "give the blocks along each axis as the launch counts them: their product is that of %s, or of what the loop runs over",
            KEY_TT_GRID_BLOCKS);
    }
}

/* A loop that does not go on never ends. */
static void check_step(struct walk *w, const struct node_axis *axis) {
    const struct polynomial *step = evaluate_number(w, axis->step), *one = number(&w->values, 1);
    struct page_access *place = place_here(w);
    if ((step && at_most(w, place, one, step)) || judged_before(w, &axis->base))
        return;
    struct excess excess = {.p = one, .limit = step};
    struct sample_launch *launch = step ? find_excess(w, place, &excess) : NULL;
    const char *text = node_text(w->compilation->arena, axis->step);
    if (launch) {
        walk_error(w, axis->base.span, "the step of %s is at least 1, and %s is 0%s", axis->name, text,
                   where_text(w, launch));
        walk_help(w, "a loop whose step is 0 never ends: max(%s, 1)", text);
    } else if (!excess.whole && !(step && walk_check(w, axis->base.span, "step", one, step)))
        walk_undecided(w, axis->base.span, "not proved: %s, the step of %s, is at least 1", text, axis->name);
}

/* ---- accessors ---- */

static bool differs(struct sample_launch *launch, const struct polynomial *a, const struct polynomial *b,
                    int64_t *x, int64_t *y) {
    return sample_value(launch, a, x) && sample_value(launch, b, y) && *x != *y;
}

static void report_extent(struct walk *w, const struct node_accessor *accessor,
                          const struct tensor_fact *tensor, size_t dimension,
                          const struct polynomial *given) {
    const char *text = node_text(w->compilation->arena, accessor->dimensions.items[dimension]);
    int64_t has, wanted;
    for (int sample = 0; sample < SAMPLE_COUNT; sample++) {
        struct sample_launch *launch = sample_launch(w, sample);
        if (!launch || !differs(launch, given, tensor->extents[dimension], &has, &wanted))
            continue;
        const char *sizes = sample_size_text(launch);
        walk_error(w, accessor->base.span,
                   "accessor %s counts %" PRId64 " tiles along dimension %zu%s%s, but %s has %" PRId64,
                   accessor->name, has, dimension + 1, *sizes ? " with " : "", sizes, tensor->node->name,
                   wanted);
        note_declaration(w, tensor);
        walk_help(w, "its tiles along dimension %zu are %s", dimension + 1,
                  value_text(w, tensor->extents[dimension]));
        return;
    }
    const char *name = arena_printf(w->compilation->arena, "tiles_of_%s", tensor->node->name);
    if (!walk_check(w, accessor->base.span, name, given, tensor->extents[dimension]) ||
        !walk_check(w, accessor->base.span, name, tensor->extents[dimension], given))
        walk_undecided(w, accessor->base.span, "not proved: %s are the tiles of %s along dimension %zu", text,
                       tensor->node->name, dimension + 1);
}

/* The tensor whose address that is, "" when it is none. */
static const char *address_owner(struct walk *w, const struct polynomial *address) {
    bool one = address && address->count == 1 && address->terms[0].degree == 1;
    const char *name = one ? w->values.atoms[address->terms[0].atoms[0]].name : "";
    size_t length = strlen(name);
    return strncmp(name, "address(", 8) == 0 ? arena_string_range(w->compilation->arena, name + 8, length - 9)
                                             : "";
}

static void check_accessor(struct walk *w, const struct node_accessor *accessor) {
    const struct tensor_fact *tensor = tensor_named(&pages_of(w)->accesses, accessor->name);
    if (!tensor) {
        walk_error(w, accessor->base.span, "accessor %s is of no tensor of the kernel", accessor->name);
        return;
    }
    const char *owner = address_owner(w, evaluate_number(w, accessor->address));
    if (strcmp(owner, tensor->node->name) != 0) {
        walk_error(w, accessor->base.span,
                   *owner ? "accessor %s is made with the address of %s"
                          : "accessor %s is made with %s, which is no address of a tensor",
                   accessor->name, *owner ? owner : node_text(w->compilation->arena, accessor->address));
        note_declaration(w, tensor);
        walk_help(
            w,
            "TensorAccessorArgs must be created via the tensor that is bound: take the launch argument whose value is address(%s)",
            tensor->node->name);
    }
    if (accessor->dimensions.count != tensor->rank) {
        walk_error(w, accessor->base.span, "accessor %s has %zu dimensions, %s has %zu", accessor->name,
                   accessor->dimensions.count, tensor->node->name, tensor->rank);
        note_declaration(w, tensor);
        return;
    }
    for (size_t i = 0; i < tensor->rank; i++) {
        const struct polynomial *given = evaluate_number(w, accessor->dimensions.items[i]);
        const struct page_access *place = place_here(w);
        if (!same_value(given, tensor->extents[i]) &&
            !(at_most(w, place, given, tensor->extents[i]) && at_most(w, place, tensor->extents[i], given)))
            report_extent(w, accessor, tensor, i, given);
    }
}

/* ---- what the walk tells ---- */

static const struct walk_watch pages_watch;

/* What is evaluated to judge a statement is not judged itself. */
static void declares(struct walk *w, struct node *statement) {
    w->watch = NULL;
    if (statement->kind == NODE_ACCESSOR)
        check_accessor(w, node_as(statement, accessor));
    else if (statement->kind == NODE_AXIS)
        check_step(w, node_as(statement, axis));
    else
        check_delinearized(w, node_as(statement, delinearize));
    w->watch = &pages_watch;
}

static void subtracts(struct walk *w, const struct node *difference, const struct polynomial *a,
                      const struct polynomial *b) {
    w->watch = NULL;
    check_difference(w, difference, a, b);
    w->watch = &pages_watch;
}

/* Numbers of the device have no sign, and so have the atoms of the proofs: what the launch gives is checked
 * where a function counts with it. */
static void refers(struct walk *w, const struct polynomial *value) {
    struct node *kernel = w->compilation->kernel;
    struct node_list parameters = node_as(kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        const char *name = node_as(parameters.items[i], parameter)->name;
        if (may_be_negative(kernel, name) &&
            depends_on_atom(&w->values, value,
                            atom_find(&w->values, &(struct atom){.kind = ATOM_SIZE, .name = name})))
            walk_check_sign(w, w->span, name);
    }
}

static const struct walk_watch pages_watch = {declares, subtracts, refers};

/* ---- accesses ---- */

static struct page_access *page_access(struct walk *w, const struct walked_call *call) {
    const struct node_page *page = node_as(call->call->arguments.items[0], page);
    const struct tensor_fact *tensor = page ? tensor_named(&pages_of(w)->accesses, page->tensor) : NULL;
    if (!tensor || page->indices.count != tensor->rank)
        return NULL;
    struct page_access *access = place_here(w);
    access->tensor = tensor;
    access->span = call->span;
    access->text = node_text(w->compilation->arena, &page->base);
    access->write = writes_tensor(call->effect);
    access->part = call->effect->offset != 0;
    access->rank = tensor->rank;
    for (size_t i = 0; i < access->rank; i++)
        access->subscripts[i] = evaluate_number(w, page->indices.items[i]);
    return access;
}

static void collect(struct walk *w, struct page_access *access) {
    struct page_accesses *all = &pages_of(w)->accesses;
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? 2 * all->capacity : 16;
        struct page_access **items = arena_allocate(w->compilation->arena, all->capacity * sizeof *items);
        if (all->count)
            memcpy(items, all->items, all->count * sizeof *items);
        all->items = items;
    }
    all->items[all->count++] = access;
}

static const char *tile_text(struct walk *w, struct sample_launch *launch, const struct page_access *access) {
    struct arena *arena = w->compilation->arena;
    const char *text = "";
    for (size_t i = 0; i < access->rank; i++) {
        int64_t at = 0;
        sample_value(launch, access->subscripts[i], &at);
        text = arena_printf(arena, "%s%s%" PRId64, text, i ? ", " : "", at);
    }
    return access->rank > 1 ? arena_printf(arena, "(%s)", text) : text;
}

static void check_bounds(struct walk *w, const struct page_access *access) {
    struct values *v = &w->values;
    const struct tensor_fact *tensor = access->tensor;
    unsigned open = w->open;
    for (size_t i = 0; i < access->rank; i++) {
        struct excess excess = {.p = sum_of(v, access->subscripts[i], number(v, 1)),
                                .limit = tensor->extents[i]};
        if (at_most(w, access, excess.p, excess.limit) || holds_element(w, access, i))
            continue;
        struct sample_launch *launch = excess.p ? find_excess(w, access, &excess) : NULL;
        if (!launch) {
            const char *name = arena_printf(w->compilation->arena, "pages_of_%s", tensor->node->name);
            if (!excess.whole && !walk_check(w, access->span, name, excess.p, excess.limit))
                walk_undecided(w, access->span, "not proved: %s is within %s", access->text,
                               extents_text(w, NULL, tensor));
            continue;
        }
        walk_error(w, access->span, "%s tile %s of %s%s, which has %s", access->write ? "writes" : "reads",
                   tile_text(w, launch, access), tensor->node->name, where_text(w, launch),
                   extents_text(w, launch, tensor));
        note_declaration(w, tensor);
        walk_help(w, "clip the range of the loop that runs too far, or guard the call by a condition");
        return;
    }
    if (w->open != open)
        return;
    explain(w->compilation->explanations, access->span, "%s, that %s %s, is within %s", access->text,
            w->function->name, access->write ? "writes" : "reads", extents_text(w, NULL, tensor));
    affine_explain(w, pages_of(w)->ctx, access, "iterations");
}

/* Bytes from the offset on end in the page. */
static void check_part(struct walk *w, const struct page_access *access, const struct walked_call *call) {
    const struct tensor_fact *tensor = access->tensor;
    uint32_t tile_bytes;
    device_format(tensor->node->dtype, &tile_bytes);
    const struct polynomial *page_bytes = number(&w->values, tile_bytes);
    if (is_row_major(tensor->node))
        page_bytes = product_of(&w->values, tensor->elements[tensor->rank - 1],
                                number(&w->values, tile_bytes / TILE_ELEMENTS));
    const struct polynomial *end = sum_of(&w->values, argument_of(w, call, call->effect->offset),
                                          argument_of(w, call, call->effect->size));
    if (!at_most(w, access, end, page_bytes))
        walk_undecided(w, access->span, "not proved: what is %s of %s ends in it", access->write ? "written" : "read",
                       access->text);
}

static void check_direction(struct walk *w, const struct page_access *access) {
    const struct node_parameter *tensor = access->tensor->node;
    bool wrong = access->write ? tensor->direction == DIRECTION_IN : tensor->direction == DIRECTION_OUT;
    if (!wrong)
        return;
    walk_error(w, access->span, "%s %s %s: it is declared %s", w->function->name,
               access->write ? "writes" : "reads", tensor->name, access->write ? "in" : "out");
    note_declaration(w, access->tensor);
    walk_help(w, "a tensor that is read and written is declared inout");
}

/* ---- the walk ---- */

static size_t state_size(const struct walk *w) {
    (void)w;
    return 0;
}

static void initial(struct walk *w, void *state) {
    (void)w;
    (void)state;
}

static void transfer(struct walk *w, void *state, const struct walked_call *call) {
    (void)state;
    bool moves = reads_tensor(call->effect) || writes_tensor(call->effect);
    struct page_access *access = w->quiet || !moves ? NULL : page_access(w, call);
    if (!access)
        return;
    check_direction(w, access);
    check_bounds(w, access);
    if (access->part)
        check_part(w, access, call);
    collect(w, access);
}

static void join(struct walk *w, void *into, const void *other) {
    (void)w;
    (void)into;
    (void)other;
}

static void widen(struct walk *w, void *invariant, const void *end, const struct loop_range *loop) {
    (void)w;
    (void)invariant;
    (void)end;
    (void)loop;
}

static void after_loop(struct walk *w, void *state, const void *invariant, const void *end,
                       const struct loop_range *loop) {
    widen(w, state, end, loop);
    (void)invariant;
}

/* All calls: numbers around those that move no page have no sign either. */
static bool concerns(const struct device_call *effect) {
    (void)effect;
    return true;
}

static const struct domain pages_domain = {
    .state_size = state_size,
    .initial = initial,
    .transfer = transfer,
    .final = no_final,
    .join = join,
    .widen = widen,
    .after_loop = after_loop,
    .concerns = concerns,
};

struct page_accesses *prove_pages(struct walk *w, struct node_list functions) {
    struct pages *pages = arena_allocate(w->compilation->arena, sizeof *pages);
    *pages = (struct pages){0};
    w->context = pages;
    w->watch = &pages_watch;
    pages->ctx = isl_begin();
    find_tensors(w, &pages->accesses);
    for (size_t i = 0; i < functions.count; i++)
        walk_function(w, &pages_domain, node_as(functions.items[i], function));
    w->watch = NULL;
    isl_end(pages->ctx);
    return &pages->accesses;
}
