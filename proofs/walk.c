/* The walk over a function of device form: its state at each statement, through loops, branches and
 * helpers. */
#include "proofs/walk.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/l1.h"
#include "ir/query.h"
#include "ir/size.h"

/* ---- the kernel ---- */

static bool is_multiple(const struct polynomial *p, int64_t of) {
    bool all = p && of > 0;
    for (size_t i = 0; all && i < p->count; i++)
        all = p->terms[i].factor % of == 0;
    return all;
}

/* A buffer of `max(d, p)` pages, p a multiple of d, has d where its blocks have no pages: windows then hold
 * nothing, wherever they lie. At all other sizes the ring has p pages. */
static const struct polynomial *pages_of(struct walk *w, struct node *pages) {
    const struct node_call *max = size_call(pages, SIZE_max);
    int64_t least;
    if (max && integer_value(max->arguments.items[0], &least)) {
        const struct polynomial *p = evaluate_number(w, max->arguments.items[1]);
        if (is_multiple(p, least))
            return p;
    }
    return evaluate_number(w, pages);
}

static struct buffer_fact buffer_fact(struct walk *w, struct node_circular_buffer *buffer) {
    struct arena *arena = w->compilation->arena;
    struct node *cb = attribute_get(&buffer->base, KEY_TT_CB);
    bool full = attribute_integer(dictionary_get(cb, KEY_UNPACK_TO_DEST), 0) != 0;
    const char *type = word_text(WORDS_dtype, (int)buffer->dtype);
    return (struct buffer_fact){
        .node = buffer,
        .pages = pages_of(w, buffer->pages),
        .page_bytes = page_size_of(&buffer->base),
        .format = arena_intern(arena, arena_printf(arena, "%s%s", type, full ? " unpacked to DST" : "")),
        .full_width = full,
        .integers = buffer->dtype == DTYPE_U16 || buffer->dtype == DTYPE_U32 || buffer->dtype == DTYPE_I32,
    };
}

/* Sizes in the order in which the tensors name them, the grid points of a launch, and its cores. */
static void read_launch(struct walk *w) {
    const struct node *kernel = w->compilation->kernel;
    struct node_list parameters = ((const struct node_kernel *)kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++)
        for (size_t j = 0; j < node_as(parameters.items[i], parameter)->dimensions.count; j++)
            evaluate_number(w, node_as(parameters.items[i], parameter)->dimensions.items[j]);
    struct node_sequence *blocks = node_as(attribute_get(kernel, KEY_TT_GRID_BLOCKS), sequence),
                         *grid = node_as(attribute_get(kernel, KEY_TT_CORE_GRID), sequence);
    for (size_t i = 0; grid && grid->items.count == 2 && i < 2; i++)
        w->values.cores[i] = attribute_integer(grid->items.items[i], 0);
    w->values.points = blocks ? number(&w->values, 1) : NULL;
    for (size_t i = 0; blocks && i < blocks->items.count; i++)
        w->values.points =
            product_of(&w->values, w->values.points, evaluate_number(w, blocks->items.items[i]));
}

struct walk *walk_create(struct compilation *c) {
    struct walk *w = arena_allocate(c->arena, sizeof *w);
    struct node_block *body = node_as(node_as(c->kernel, kernel)->body, block);
    struct node_list statements = body ? body->statements : (struct node_list){0};
    *w = (struct walk){.compilation = c, .witness = "", .errors = c->diagnostics->error_count};
    w->values.arena = c->arena;
    w->values.atoms = arena_allocate(c->arena, ATOM_LIMIT * sizeof *w->values.atoms);
    w->buffers = arena_allocate(c->arena, (statements.count + 1) * sizeof *w->buffers);
    w->failed = arena_allocate(c->arena, statements.count + 1);
    w->waited_at_end = arena_allocate(c->arena, (statements.count + 1) * sizeof *w->waited_at_end);
    struct launch_place place = walk_enter_launch(w);
    read_launch(w);
    for (size_t i = 0; i < statements.count; i++) {
        struct node_circular_buffer *buffer = node_as(statements.items[i], circular_buffer);
        if (buffer)
            w->buffers[w->buffer_count++] = buffer_fact(w, buffer);
    }
    walk_leave_launch(w, place);
    return w;
}

static struct node_function *helper_of(const struct walk *w, const char *name) {
    struct node_list statements = node_as(node_as(w->compilation->kernel, kernel)->body, block)->statements;
    for (size_t i = 0; i < statements.count; i++) {
        struct node_function *function = node_as(statements.items[i], function);
        if (function && function->role == ROLE_HELPER && strcmp(function->name, name) == 0)
            return function;
    }
    return NULL;
}

/* ---- statements ---- */

static void walk_node(struct walk *w, void *state, struct node *node);

/* States last for a loop or a choice: those given back are taken first. */
struct spare_state {
    struct spare_state *next;
};

static void *copy_state(struct walk *w, const void *state) {
    size_t size = w->domain->state_size(w);
    struct spare_state *spare = w->spare_states;
    if (spare)
        w->spare_states = spare->next;
    else
        spare = arena_allocate(w->compilation->arena, size > sizeof *spare ? size : sizeof *spare);
    return size ? memcpy(spare, state, size) : spare;
}

static void give_back_state(struct walk *w, void *state) {
    struct spare_state *spare = state;
    spare->next = w->spare_states;
    w->spare_states = spare;
}

static void assign_state(struct walk *w, void *to, const void *from) {
    memcpy(to, from, w->domain->state_size(w));
}

static bool concerns(struct walk *w, struct node *body) {
    for_each (statement, statement, body) {
        skip_below(statement);
        const char *name = node_as(statement->call, call)->function;
        const struct device_call *effect = device_call_acting(name);
        struct node_function *helper = effect ? NULL : helper_of(w, name);
        if (effect ? w->domain->concerns(effect) : helper && concerns(w, helper->body))
            return true;
    }
    return false;
}

/* What is not walked is not proved: a text that goes beyond what the proofs follow is refused. */
static void beyond(struct walk *w, struct span span, const char *what, int limit) {
    walk_error(w, span, "this is beyond the %d %s that proofs follow", limit, what);
    walk_help(w, "say it with fewer, or part the kernel");
    w->beyond |= !w->quiet;
}

static void declares(struct walk *w, struct node *node) {
    if (w->watch && !w->quiet)
        w->watch->declares(w, node);
}

static void walk_loop_axis(struct walk *w, void *state, struct node_for *loop, size_t axis);

static void walk_iteration(struct walk *w, void *state, struct node_for *loop, size_t axis, size_t atom,
                           const struct polynomial *value, const struct polynomial *left) {
    const struct name_value *names = w->names;
    const char *name = node_as(loop->axes.items[axis], axis)->name;
    walk_bind(w, name, value);
    w->loops[w->loop_count++] = (struct open_loop){loop, name, atom, left};
    walk_loop_axis(w, state, loop, axis + 1);
    w->loop_count--;
    w->names = names;
}

/* The first two iterations on their own: what goes wrong there goes wrong. What the second leaves as the
 * first did is what any later iteration begins with. */
static void walk_first_iterations(struct walk *w, const void *before, void *invariant, struct node_for *loop,
                                  size_t axis, const struct loop_range *range) {
    struct values *v = &w->values;
    void *first = copy_state(w, before);
    int64_t trips;
    walk_iteration(w, first, loop, axis, ATOM_LIMIT, range->lower, range->trips);
    if (!known_number(range->trips, &trips) || trips > 1) {
        void *second = copy_state(w, first);
        walk_iteration(w, second, loop, axis, ATOM_LIMIT, sum_of(v, range->lower, number(v, range->step)),
                       difference_of(v, range->trips, number(v, 1)));
        w->domain->narrow(w, invariant, first, second);
        give_back_state(w, second);
    }
    give_back_state(w, first);
}

/* Within a quiet iteration loops are taken as they first look. Whether the invariant is one, the judged
 * iteration shows, unless something was reported of it anyway. */
static void check_fixpoint(struct walk *w, const void *invariant, const void *end, struct node_for *loop,
                           const struct loop_range *range, unsigned reported) {
    if (reported == w->open + w->compilation->diagnostics->error_count &&
        !w->domain->is_fixpoint(w, invariant, end, range))
        walk_undecided(w, loop->base.span,
                       "not proved: every iteration of this loop begins as the one before it");
}

static void walk_loop(struct walk *w, void *state, struct node_for *loop, size_t axis,
                      const struct loop_range *range) {
    const struct domain *domain = w->domain;
    const struct polynomial *value = atom_value(&w->values, range->atom);
    void *end = copy_state(w, state), *invariant = copy_state(w, state);
    w->quiet++;
    walk_iteration(w, end, loop, axis, range->atom, value, NULL);
    w->quiet--;
    domain->widen(w, invariant, end, range);
    if (!w->quiet) {
        if (domain->stabilise) {
            assign_state(w, end, invariant);
            w->quiet++;
            walk_iteration(w, end, loop, axis, range->atom, value, NULL);
            w->quiet--;
            if (!domain->stabilise(w, state, invariant, end, range))
                walk_first_iterations(w, state, invariant, loop, axis, range);
        }
        unsigned reported = w->open + (unsigned)w->compilation->diagnostics->error_count;
        assign_state(w, end, invariant);
        walk_iteration(w, end, loop, axis, range->atom, value, NULL);
        if (domain->is_fixpoint)
            check_fixpoint(w, invariant, end, loop, range, reported);
    }
    domain->after_loop(w, state, invariant, end, range);
    give_back_state(w, invariant);
    give_back_state(w, end);
}

struct loop_range walk_loop_range(struct walk *w, struct node_for *loop, size_t at) {
    struct values *v = &w->values;
    struct node_axis *axis = node_as(loop->axes.items[at], axis);
    struct loop_range range = {
        .lower = evaluate_number(w, axis->lower), .upper = evaluate_number(w, axis->upper), .step = 1};
    if (axis->step && (!known_number(evaluate_number(w, axis->step), &range.step) || range.step < 1)) {
        range.lower = range.upper = NULL;
        range.step = 1;
    }
    range.trips = ceiling_of(v, difference_of(v, range.upper, range.lower), number(v, range.step));
    struct atom atom = {.kind = ATOM_LOOP,
                        .name = axis->name,
                        .a = range.lower,
                        .b = range.upper,
                        .step = range.step,
                        .depth = (int)w->loop_count,
                        .origin = range.trips ? NULL : loop};
    range.atom = atom_find(v, &atom);
    return range;
}

static void walk_loop_axis(struct walk *w, void *state, struct node_for *loop, size_t axis) {
    if (axis == loop->axes.count) {
        walk_node(w, state, loop->body);
        return;
    }
    w->state = state;
    if (node_as(loop->axes.items[axis], axis)->step)
        declares(w, loop->axes.items[axis]);
    struct loop_range range = walk_loop_range(w, loop, axis);
    int64_t trips;
    bool known = known_number(range.trips, &trips);
    if (known && trips <= 0)
        return;
    if (w->loop_count == LOOP_LIMIT || range.atom == ATOM_LIMIT) {
        beyond(w, loop->base.span,
               w->loop_count == LOOP_LIMIT ? "loops around a statement" : "numbers of a kernel",
               w->loop_count == LOOP_LIMIT ? LOOP_LIMIT : ATOM_LIMIT);
        return;
    }
    if (known && trips == 1)
        walk_iteration(w, state, loop, axis, ATOM_LIMIT, range.lower, NULL);
    else
        walk_loop(w, state, loop, axis, &range);
}

static void walk_branch(struct walk *w, void *state, struct node_if *choice, bool holds) {
    struct node *branch = holds ? choice->then : choice->otherwise;
    if (!branch)
        return;
    if (w->condition_count == CONDITION_LIMIT) {
        beyond(w, choice->base.span, "conditions around a statement", CONDITION_LIMIT);
        return;
    }
    w->conditions[w->condition_count++] = (struct open_condition){choice->condition, w->names, holds};
    walk_node(w, state, branch);
    w->condition_count--;
}

static void walk_if(struct walk *w, void *state, struct node_if *choice) {
    int known = condition_value(w, choice->condition);
    if (known >= 0) {
        walk_branch(w, state, choice, known != 0);
        return;
    }
    void *otherwise = copy_state(w, state);
    walk_branch(w, state, choice, true);
    walk_branch(w, otherwise, choice, false);
    w->join_condition = choice->condition;
    w->domain->join(w, state, otherwise);
    w->join_condition = NULL;
    give_back_state(w, otherwise);
}

struct node_function *walk_enter_helper(struct walk *w, const struct node_call *call) {
    struct node_function *helper = helper_of(w, call->function);
    const struct name_value *inside = NULL;
    if (!helper || helper->parameters.count != call->arguments.count)
        return NULL;
    for (size_t i = 0; i < call->arguments.count; i++) {
        struct name_value *bound = arena_allocate(w->compilation->arena, sizeof *bound);
        *bound = (struct name_value){node_as(helper->parameters.items[i], parameter)->name,
                                     evaluate_number(w, call->arguments.items[i]), inside};
        inside = bound;
    }
    w->names = inside;
    return helper;
}

static void walk_helper(struct walk *w, void *state, const struct node_call *call) {
    const struct name_value *names = w->names;
    struct span span = w->span;
    struct node_function *helper = w->helpers < HELPER_LIMIT ? walk_enter_helper(w, call) : NULL;
    if (w->helpers == HELPER_LIMIT)
        beyond(w, span, "helpers that call each other", HELPER_LIMIT);
    if (helper && concerns(w, helper->body)) {
        w->helpers++;
        walk_node(w, state, helper->body);
        w->helpers--;
    }
    w->names = names;
    w->span = span;
}

static void walk_statement(struct walk *w, void *state, struct node_statement *statement) {
    struct node_call *call = node_as(statement->call, call);
    if (!w->helpers)
        w->span = statement->base.span.line ? statement->base.span : call->base.span;
    const struct device_call *effect = device_call_acting(call->function);
    if (!effect)
        walk_helper(w, state, call);
    else if (w->domain->concerns(effect))
        w->domain->transfer(w, state, &(struct walked_call){call, effect, w->span});
}

/* Along one axis the block's number is the grid point's own; one grid point alone has number 0, and so has
 * the only block along an axis. */
static const struct polynomial *index_value(struct walk *w, const struct atom *atom) {
    int64_t known;
    if (atom->extent_count == 1)
        return atom->a;
    if ((known_number(atom->a, &known) && known == 0) ||
        (known_number(atom->extents[atom->position], &known) && known == 1))
        return number(&w->values, 0);
    return atom_value(&w->values, atom_find(&w->values, atom));
}

static void bind_delinearized(struct walk *w, struct node_delinearize *delinearize) {
    struct atom atom = {.kind = ATOM_INDEX, .a = evaluate_number(w, delinearize->value)};
    bool known = atom.a && delinearize->extents.count <= TENSOR_RANK_LIMIT;
    for (size_t i = 0; known && i < delinearize->extents.count; i++) {
        atom.extents[atom.extent_count++] = evaluate_number(w, delinearize->extents.items[i]);
        known = atom.extents[i] != NULL;
    }
    for (size_t i = 0; i < delinearize->names.count; i++) {
        const char *name = node_as(delinearize->names.items[i], reference)->name;
        atom.position = i;
        atom.name = name;
        walk_bind(w, name, known && i < atom.extent_count ? index_value(w, &atom) : NULL);
    }
}

bool walk_declare(struct walk *w, struct node *node) {
    switch (node->kind) {
    case NODE_LET:
        walk_bind(w, node_as(node, let)->name, evaluate_number(w, node_as(node, let)->value));
        return true;
    case NODE_CONSTANT:
        walk_bind(w, node_as(node, constant)->name, evaluate_number(w, node_as(node, constant)->value));
        return true;
    case NODE_VAR:
        walk_bind(w, node_as(node, var)->name, NULL);
        return true;
    case NODE_DELINEARIZE:
        bind_delinearized(w, node_as(node, delinearize));
        return true;
    default:
        return false;
    }
}

static void walk_node(struct walk *w, void *state, struct node *node) {
    const struct name_value *names = w->names;
    w->state = state;
    if (!w->helpers && node->span.line)
        w->span = node->span;
    switch (node->kind) {
    case NODE_BLOCK:
        for (size_t i = 0; i < node_as(node, block)->statements.count; i++)
            walk_node(w, state, node_as(node, block)->statements.items[i]);
        w->names = names;
        break;
    case NODE_FOR:
        if (concerns(w, node_as(node, for)->body))
            walk_loop_axis(w, state, node_as(node, for), 0);
        break;
    case NODE_IF:
        if (concerns(w, node))
            walk_if(w, state, node_as(node, if));
        break;
    case NODE_DELINEARIZE:
        declares(w, node);
        walk_declare(w, node);
        break;
    case NODE_ACCESSOR:
        declares(w, node);
        break;
    case NODE_STATEMENT:
        walk_statement(w, state, node_as(node, statement));
        break;
    default:
        walk_declare(w, node);
        break;
    }
    w->state = state;
}

void walk_function(struct walk *w, const struct domain *domain, const struct node_function *function) {
    w->domain = domain;
    w->spare_states = NULL;
    w->function = function;
    w->names = w->kernel_names;
    w->span = function->base.span;
    void *state = arena_allocate(w->compilation->arena, domain->state_size(w) + 1);
    memset(w->failed, 0, w->buffer_count + 1);
    domain->initial(w, state);
    walk_node(w, state, function->body);
    domain->final(w, state);
    w->domain = NULL;
}
