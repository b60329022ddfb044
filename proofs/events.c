/* The event order of a core: statements become a list of events, loops and choices, by their roles. */
#include "proofs/events.h"

#include "ir/build.h"
#include "proofs/internal.h"

struct builder {
    struct walk *walk;
    int helpers;
    bool unknown; /* an event is on no circular buffer */
    bool all;     /* not only what circular buffers have */
};

/* ---- conditions ---- */

static const struct condition *condition_new(struct values *v, struct condition condition) {
    return arena_copy(v->arena, &condition, sizeof condition);
}

static const struct condition *leaf(struct values *v, enum condition_kind kind, const struct polynomial *p) {
    return condition_new(v, (struct condition){.kind = p ? kind : CONDITION_UNKNOWN, .p = p});
}

/* a < b */
static const struct condition *less(struct values *v, const struct polynomial *a,
                                    const struct polynomial *b) {
    return leaf(v, CONDITION_AT_MOST_ZERO, sum_of(v, difference_of(v, a, b), number(v, 1)));
}

static const struct condition *negated(struct values *v, const struct condition *condition) {
    return condition_new(v, (struct condition){.kind = CONDITION_NOT, .a = condition});
}

static const struct condition *condition_of(struct walk *w, struct node *node) {
    struct values *v = &w->values;
    struct node_unary *unary = node_as(node, unary);
    struct node_binary *binary = node_as(node, binary);
    if (unary && unary->op == UNARY_NOT)
        return negated(v, condition_of(w, unary->operand));
    if (!binary)
        return leaf(v, CONDITION_UNKNOWN, NULL);
    if (binary->op == BINARY_AND || binary->op == BINARY_OR)
        return condition_new(
            v, (struct condition){.kind = binary->op == BINARY_AND ? CONDITION_AND : CONDITION_OR,
                                  .a = condition_of(w, binary->left),
                                  .b = condition_of(w, binary->right)});
    const struct polynomial *a = evaluate_number(w, binary->left), *b = evaluate_number(w, binary->right);
    switch (binary->op) {
    case BINARY_EQUAL:
        return leaf(v, CONDITION_ZERO, difference_of(v, a, b));
    case BINARY_NOT_EQUAL:
        return negated(v, leaf(v, CONDITION_ZERO, difference_of(v, a, b)));
    case BINARY_LESS:
        return less(v, a, b);
    case BINARY_GREATER:
        return less(v, b, a);
    case BINARY_LESS_EQUAL:
        return leaf(v, CONDITION_AT_MOST_ZERO, difference_of(v, a, b));
    case BINARY_GREATER_EQUAL:
        return leaf(v, CONDITION_AT_MOST_ZERO, difference_of(v, b, a));
    default:
        return leaf(v, CONDITION_UNKNOWN, NULL);
    }
}

const struct condition *condition_replace(struct values *v, const struct condition *condition, size_t atom,
                                          const struct polynomial *by) {
    if (!condition || !condition_depends(v, condition, atom))
        return condition;
    struct condition copy = *condition;
    copy.a = condition_replace(v, copy.a, atom, by);
    copy.b = condition_replace(v, copy.b, atom, by);
    if (copy.p && !(copy.p = replace_atom(v, copy.p, atom, by)))
        copy.kind = CONDITION_UNKNOWN;
    return condition_new(v, copy);
}

bool condition_depends(const struct values *v, const struct condition *condition, size_t atom) {
    return condition && (depends_on_atom(v, condition->p, atom) || condition_depends(v, condition->a, atom) ||
                         condition_depends(v, condition->b, atom));
}

/* ---- trees ---- */

static struct event_item *item_new(struct walk *w, struct event_item item) {
    return arena_copy(w->compilation->arena, &item, sizeof item);
}

const struct event_item *items_append(struct walk *w, const struct event_item *first,
                                      const struct event_item *second) {
    const struct event_item **at = NULL, *head = second;
    for (; first; first = first->next) {
        struct event_item *copy = item_new(w, *first);
        *(at ? at : &head) = copy;
        at = &copy->next;
    }
    if (at)
        *at = second;
    return head;
}

size_t items_count(const struct event_item *items) {
    size_t count = 0;
    for (const struct event_item *i = items; i; i = i->next)
        count += 1 + items_count(i->body) + items_count(i->otherwise);
    return count;
}

bool items_depend(const struct walk *w, const struct event_item *items, size_t atom) {
    const struct values *v = &w->values;
    for (const struct event_item *i = items; i; i = i->next)
        if (depends_on_atom(v, i->pages, atom) || depends_on_atom(v, i->lower, atom) ||
            depends_on_atom(v, i->upper, atom) || condition_depends(v, i->condition, atom) ||
            items_depend(w, i->body, atom) || items_depend(w, i->otherwise, atom))
            return true;
    return false;
}

bool function_moves(const struct event_item *items, enum effect_kind effect, size_t buffer) {
    for (const struct event_item *i = items; i; i = i->next)
        if ((i->kind == ITEM_EVENT && i->effect == effect && i->buffer == buffer) ||
            function_moves(i->body, effect, buffer) || function_moves(i->otherwise, effect, buffer))
            return true;
    return false;
}

/* A loop whose range changes has another variable. */
static void replace_range(struct walk *w, struct event_item *loop, size_t atom, const struct polynomial *by) {
    struct values *v = &w->values;
    size_t before = loop->atom;
    loop->lower = loop->lower ? replace_atom(v, loop->lower, atom, by) : NULL;
    loop->upper = loop->upper ? replace_atom(v, loop->upper, atom, by) : NULL;
    loop->trips = loop->trips ? replace_atom(v, loop->trips, atom, by) : NULL;
    struct atom changed = v->atoms[before];
    changed.a = loop->lower;
    changed.b = loop->upper;
    loop->atom = atom_find(v, &changed);
    loop->body = items_replace(w, loop->body, before, atom_value(v, loop->atom));
}

const struct event_item *items_replace(struct walk *w, const struct event_item *items, size_t atom,
                                       const struct polynomial *by) {
    struct values *v = &w->values;
    const struct event_item *head = NULL, **at = &head;
    for (const struct event_item *i = items; i; i = i->next) {
        struct event_item *copy = item_new(w, *i);
        if (copy->kind == ITEM_EVENT && copy->pages)
            copy->pages = replace_atom(v, copy->pages, atom, by);
        copy->condition = condition_replace(v, copy->condition, atom, by);
        copy->body = items_replace(w, copy->body, atom, by);
        copy->otherwise = items_replace(w, copy->otherwise, atom, by);
        if (copy->kind == ITEM_LOOP &&
            (depends_on_atom(v, copy->lower, atom) || depends_on_atom(v, copy->upper, atom)))
            replace_range(w, copy, atom, by);
        *at = copy;
        at = &copy->next;
    }
    return head;
}

static size_t loop_atom(struct values *v, const struct event_item *like, const struct polynomial *lower,
                        const struct polynomial *upper, int64_t step) {
    struct atom atom = v->atoms[like->atom];
    atom.a = lower;
    atom.b = upper;
    atom.step = step;
    return lower && upper ? atom_find(v, &atom) : ATOM_LIMIT;
}

const struct event_item *loop_between(struct walk *w, const struct event_item *loop,
                                      const struct polynomial *lower, const struct polynomial *upper) {
    struct values *v = &w->values;
    struct event_item copy = *loop;
    copy.atom = loop_atom(v, loop, lower, upper, loop->step);
    if (copy.atom == ATOM_LIMIT)
        return NULL;
    copy.lower = lower;
    copy.upper = upper;
    copy.trips = ceiling_of(v, difference_of(v, upper, lower), number(v, loop->step));
    copy.body = items_replace(w, loop->body, loop->atom, atom_value(v, copy.atom));
    copy.next = NULL;
    return item_new(w, copy);
}

const struct event_item *loop_iteration(struct walk *w, const struct event_item *loop,
                                        const struct polynomial *iteration) {
    struct values *v = &w->values;
    const struct polynomial *value = sum_of(v, loop->lower, product_of(v, iteration, number(v, loop->step)));
    return items_replace(w, loop->body, loop->atom, value);
}

struct event_item *loop_counted(struct walk *w, const struct event_item *like,
                                const struct polynomial *trips) {
    struct values *v = &w->values;
    struct event_item copy = *like;
    copy.lower = number(v, 0);
    copy.upper = copy.trips = trips;
    copy.step = 1;
    copy.atom = loop_atom(v, like, copy.lower, trips, 1);
    copy.body = copy.next = NULL;
    return copy.atom == ATOM_LIMIT ? NULL : item_new(w, copy);
}

/* ---- functions ---- */

static const struct event_item *events_of(struct builder *b, struct node *node,
                                          const struct event_item *rest);

static const struct node_semaphore *semaphore_at(struct walk *w, const struct polynomial *address) {
    struct node_list statements = node_as(node_as(w->compilation->kernel, kernel)->body, block)->statements;
    bool atom =
        address && address->count == 1 && address->terms[0].degree == 1 && address->terms[0].factor == 1;
    const struct atom *at = atom ? &w->values.atoms[address->terms[0].atoms[0]] : NULL;
    for (size_t i = 0; at && at->kind == ATOM_SEMAPHORE && i < statements.count; i++) {
        const struct node_semaphore *semaphore = node_as(statements.items[i], semaphore);
        if (semaphore && semaphore->id == at->step)
            return semaphore;
    }
    return NULL;
}

static const struct core_call *core_call_of(struct walk *w, const struct walked_call *call) {
    const struct device_call *effect = call->effect;
    struct core_call core = {.value = argument_of(w, call, effect->value),
                             .source = argument_of(w, call, effect->address),
                             .bytes = argument_of(w, call, effect->size),
                             .receivers = argument_of(w, call, effect->receivers)};
    if (effect->kind == EFFECT_MULTICAST)
        core.linked = argument_of(w, call, effect->linked);
    struct node_call *to =
        effect->target ? node_as(call->call->arguments.items[effect->target - 1], call) : NULL;
    for (size_t i = 0; to && i < to->arguments.count && i < 5; i++) {
        const struct polynomial *value = evaluate_number(w, to->arguments.items[i]);
        if (i + 1 == to->arguments.count)
            core.target = value;
        else
            core.corners[i] = value;
    }
    core.semaphore = semaphore_at(w, core.source ? core.source : core.target);
    return arena_copy(w->compilation->arena, &core, sizeof core);
}

/* What a function does beside moving windows. */
static const struct event_item *other_event(struct builder *b, const struct walked_call *call,
                                            const struct event_item *rest) {
    struct walk *w = b->walk;
    struct event_item item = {.kind = ITEM_EVENT,
                              .span = call->span,
                              .next = rest,
                              .effect = call->effect->kind,
                              .buffer = w->buffer_count};
    const struct polynomial *offset;
    const struct atom *pointer = NULL;
    switch (item.effect) {
    case EFFECT_SEMAPHORE_SET:
    case EFFECT_SEMAPHORE_WAIT:
    case EFFECT_SEMAPHORE_INCREASE:
    case EFFECT_SEMAPHORE_MULTICAST:
    case EFFECT_MULTICAST:
        item.core = core_call_of(w, call);
        pointer = item.effect == EFFECT_MULTICAST ? pointer_in(w, item.core->source, &offset) : NULL;
        break;
    case EFFECT_READ_PAGE:
    case EFFECT_READ_PART:
        pointer = pointer_in(w, argument_of(w, call, call->effect->address), &offset);
        break;
    case EFFECT_READ_BARRIER:
    case EFFECT_WRITE_BARRIER:
    case EFFECT_WRITES_FLUSHED:
    case EFFECT_ATOMIC_BARRIER:
        break;
    default:
        return rest;
    }
    item.buffer = pointer ? (size_t)pointer->step : item.buffer;
    return item_new(w, item);
}

static const struct event_item *event_of(struct builder *b, struct node_statement *statement,
                                         const struct event_item *rest) {
    struct walk *w = b->walk;
    struct node_call *call = node_as(statement->call, call);
    const struct device_call *effect = device_call_acting(call->function);
    if (!effect) {
        const struct name_value *names = w->names;
        struct node_function *helper = b->helpers < HELPER_LIMIT ? walk_enter_helper(w, call) : NULL;
        b->helpers++;
        rest = helper ? events_of(b, helper->body, rest) : rest;
        b->helpers--;
        w->names = names;
        return rest;
    }
    struct walked_call walked = {call, effect,
                                 statement->base.span.line ? statement->base.span : call->base.span};
    if (effect->kind < EFFECT_RESERVE || effect->kind > EFFECT_POP)
        return b->all ? other_event(b, &walked, rest) : rest;
    struct event_item item = {.kind = ITEM_EVENT,
                              .span = walked.span,
                              .next = rest,
                              .effect = effect->kind,
                              .buffer = buffer_of(w, &walked, effect->buffer),
                              .pages = argument_of(w, &walked, effect->pages)};
    b->unknown |= item.buffer == w->buffer_count;
    return item_new(w, item);
}

static const struct event_item *loop_of(struct builder *b, struct node_for *loop, size_t axis,
                                        const struct event_item *rest) {
    struct walk *w = b->walk;
    if (axis == loop->axes.count)
        return events_of(b, loop->body, rest);
    struct loop_range iterations = walk_loop_range(w, loop, axis);
    const char *name = node_as(loop->axes.items[axis], axis)->name;
    int64_t trips;
    bool known = known_number(iterations.trips, &trips), once = known && trips == 1;
    if ((known && trips <= 0) || w->loop_count == LOOP_LIMIT || iterations.atom == ATOM_LIMIT)
        return rest;
    const struct name_value *names = w->names;
    walk_bind(w, name, once ? iterations.lower : atom_value(&w->values, iterations.atom));
    w->loops[w->loop_count++] =
        (struct open_loop){.node = loop, .name = name, .atom = once ? ATOM_LIMIT : iterations.atom};
    const struct event_item *body = loop_of(b, loop, axis + 1, once ? rest : NULL);
    w->loop_count--;
    w->names = names;
    if (once)
        return body;
    if (!body)
        return rest;
    return item_new(w, (struct event_item){.kind = ITEM_LOOP,
                                           .span = loop->base.span,
                                           .next = rest,
                                           .atom = iterations.atom,
                                           .name = name,
                                           .lower = iterations.lower,
                                           .upper = iterations.upper,
                                           .trips = iterations.trips,
                                           .step = iterations.step,
                                           .body = body});
}

static const struct event_item *choice_of(struct builder *b, struct node_if *choice,
                                          const struct event_item *rest) {
    struct walk *w = b->walk;
    int known = condition_value(w, choice->condition);
    if (known >= 0) {
        struct node *branch = known ? choice->then : choice->otherwise;
        return branch ? events_of(b, branch, rest) : rest;
    }
    const struct event_item *then = events_of(b, choice->then, NULL);
    const struct event_item *otherwise = choice->otherwise ? events_of(b, choice->otherwise, NULL) : NULL;
    if (!then && !otherwise)
        return rest;
    return item_new(w, (struct event_item){.kind = ITEM_CHOICE,
                                           .span = choice->base.span,
                                           .next = rest,
                                           .condition = condition_of(w, choice->condition),
                                           .body = then,
                                           .otherwise = otherwise});
}

/* Names are bound in order; the list is made from its end. */
static const struct event_item *block_events(struct builder *b, struct node_list statements,
                                             const struct event_item *rest) {
    struct walk *w = b->walk;
    const struct name_value *names = w->names;
    const struct event_item **parts =
        arena_allocate(w->compilation->arena, (statements.count + 1) * sizeof *parts);
    for (size_t i = 0; i < statements.count; i++)
        parts[i] = walk_declare(w, statements.items[i]) ? NULL : events_of(b, statements.items[i], NULL);
    w->names = names;
    for (size_t i = statements.count; i-- > 0;)
        rest = parts[i] ? items_append(w, parts[i], rest) : rest;
    return rest;
}

static const struct event_item *events_of(struct builder *b, struct node *node,
                                          const struct event_item *rest) {
    switch (node->kind) {
    case NODE_BLOCK:
        return block_events(b, node_as(node, block)->statements, rest);
    case NODE_FOR:
        return loop_of(b, node_as(node, for), 0, rest);
    case NODE_IF:
        return choice_of(b, node_as(node, if), rest);
    case NODE_STATEMENT:
        return event_of(b, node_as(node, statement), rest);
    default:
        return rest;
    }
}

static bool build(struct builder *builder, const struct node_function *function,
                  const struct event_item **events) {
    static const struct domain pointers = {.pointer = walk_window_address};
    struct walk *w = builder->walk;
    const struct name_value *names = w->names;
    w->function = function;
    w->names = w->kernel_names;
    w->domain = builder->all ? &pointers : NULL;
    *events = events_of(builder, function->body, NULL);
    w->names = names;
    w->domain = NULL;
    return !builder->unknown;
}

bool function_events(struct walk *w, const struct node_function *function, const struct event_item **events) {
    return build(&(struct builder){.walk = w}, function, events);
}

bool function_all_events(struct walk *w, const struct node_function *function,
                         const struct event_item **events) {
    return build(&(struct builder){.walk = w, .all = true}, function, events);
}
