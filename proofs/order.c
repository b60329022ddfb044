/* Between the functions of a kernel: each side of a circular buffer belongs to one function, what is read is
 * written, and every iteration of the loop that functions share moves as many pages in as out.
 *
 * A side is a flow: pages moved before, in each iteration of, and behind the outermost loops. Equal loops of
 * two functions are one atom, so flows compare term by term. */
#include <string.h>

#include "ir/attributes.h"
#include "proofs/internal.h"

enum { ITEM_LIMIT = 6 };

struct flow_item {
    size_t loop; /* ATOM_LIMIT: outside of loops */
    const struct polynomial *pages;
    struct span span;
};

struct flow {
    const struct polynomial *in_loop; /* pages moved since the outermost loop began; NULL: unknown */
    bool unclear;
    struct flow_item items[ITEM_LIMIT];
    size_t count;
    struct span span;
};

struct flows {
    struct flow back, front;
};

/* Who uses a side, over all functions. */
struct user {
    const struct node_function *function;
    struct span span;
};

struct traffic {
    struct flow pushed, popped;
    struct user producer, consumer;
    bool written, read;
    struct span waited;
};

/* ---- one function ---- */

static size_t state_size(const struct walk *w) {
    return w->buffer_count * sizeof(struct flows);
}

static void initial(struct walk *w, void *state) {
    struct flows *flows = state;
    for (size_t i = 0; i < w->buffer_count; i++)
        flows[i].back = flows[i].front = (struct flow){.in_loop = number(&w->values, 0)};
}

static bool concerns(const struct device_call *effect) {
    return (effect->kind >= EFFECT_RESERVE && effect->kind <= EFFECT_WRITE_PART) ||
           effect->kind == EFFECT_STORE || effect->kind == EFFECT_PACK || effect->kind == EFFECT_OPERATION;
}

static void add_item(struct flow *flow, size_t loop, const struct polynomial *pages, struct values *v,
                     struct span span) {
    struct flow_item *last = flow->count ? &flow->items[flow->count - 1] : NULL;
    int64_t known;
    if (!pages) {
        flow->unclear = true;
    } else if (known_number(pages, &known) && known == 0) {
        return;
    } else if (last && loop == ATOM_LIMIT && last->loop == ATOM_LIMIT) {
        last->pages = sum_of(v, last->pages, pages);
        flow->unclear |= !last->pages;
    } else if (flow->count == ITEM_LIMIT) {
        flow->unclear = true;
    } else {
        flow->items[flow->count++] = (struct flow_item){loop, pages, span};
    }
}

static void use_side(struct walk *w, size_t buffer, bool back, struct span span) {
    struct traffic *account = (struct traffic *)w->context + buffer;
    struct user *user = back ? &account->producer : &account->consumer;
    if (!user->function) {
        *user = (struct user){w->function, span};
        return;
    }
    if (user->function == w->function || w->failed[buffer] || w->quiet)
        return;
    w->failed[buffer] = true;
    walk_error(w, span, "circular buffer %s is %s by %s and by %s", buffer_label(w, buffer),
               back ? "filled" : "emptied", user->function->name, w->function->name);
    walk_note(w, user->span, "%s does so here", user->function->name);
    walk_help(w, "a circular buffer has one producer and one consumer");
}

static void access_buffer(struct walk *w, const struct walked_call *call, int argument, bool back) {
    size_t buffer = buffer_of(w, call, argument);
    if (!argument || buffer == w->buffer_count)
        return;
    struct traffic *account = (struct traffic *)w->context + buffer;
    use_side(w, buffer, back, call->span);
    account->written |= back;
    account->read |= !back;
}

static void access_address(struct walk *w, const struct walked_call *call) {
    const struct polynomial *offset;
    const struct atom *pointer = pointer_in(w, argument_of(w, call, call->effect->address), &offset);
    bool back = !writes_tensor(call->effect);
    struct traffic *accounts = w->context;
    if (!pointer) { /* anywhere, as far as is known */
        for (size_t i = 0; i < w->buffer_count; i++)
            accounts[i].written |= back;
        return;
    }
    use_side(w, (size_t)pointer->step, back, call->span);
    accounts[pointer->step].written |= back;
    accounts[pointer->step].read |= !back;
}

static void transfer(struct walk *w, void *state, const struct walked_call *call) {
    struct flows *flows = state;
    const struct device_call *effect = call->effect;
    struct values *v = &w->values;
    if (effect->kind == EFFECT_OPERATION) {
        access_buffer(w, call, effect->a, false);
        access_buffer(w, call, effect->b, false);
    } else if (effect->kind == EFFECT_PACK) {
        access_buffer(w, call, effect->buffer, true);
    } else if (effect->address) {
        access_address(w, call);
    } else {
        size_t buffer = buffer_of(w, call, effect->buffer);
        if (buffer == w->buffer_count)
            return;
        bool back = effect->kind == EFFECT_RESERVE || effect->kind == EFFECT_PUSH;
        struct flow *flow = back ? &flows[buffer].back : &flows[buffer].front;
        const struct polynomial *pages = argument_of(w, call, effect->pages);
        use_side(w, buffer, back, call->span);
        if (effect->kind == EFFECT_WAIT)
            ((struct traffic *)w->context)[buffer].waited = call->span;
        if (effect->kind != EFFECT_PUSH && effect->kind != EFFECT_POP)
            return;
        flow->span = call->span;
        if (w->loop_count)
            flow->in_loop = sum_of(v, flow->in_loop, pages);
        else
            add_item(flow, ATOM_LIMIT, pages, v, call->span);
    }
}

static void join_flow(struct flow *into, const struct flow *other) {
    bool same = into->count == other->count;
    for (size_t i = 0; same && i < into->count; i++)
        same = same_value(into->items[i].pages, other->items[i].pages);
    into->unclear |= !same;
    if (!same_value(into->in_loop, other->in_loop))
        into->in_loop = NULL;
}

static void join(struct walk *w, void *into, const void *other) {
    for (size_t i = 0; i < w->buffer_count; i++) {
        join_flow(&((struct flows *)into)[i].back, &((const struct flows *)other)[i].back);
        join_flow(&((struct flows *)into)[i].front, &((const struct flows *)other)[i].front);
    }
}

static void widen(struct walk *w, void *invariant, const void *end, const struct loop_range *loop) {
    (void)w;
    (void)invariant;
    (void)end;
    (void)loop;
}

static void flow_after_loop(struct walk *w, struct flow *flow, const struct flow *end,
                            const struct loop_range *loop) {
    struct values *v = &w->values;
    const struct polynomial *change = difference_of(v, end->in_loop, flow->in_loop);
    if (change && depends_on_atom(v, change, loop->atom))
        change = NULL;
    flow->unclear |= end->unclear;
    if (end->span.line)
        flow->span = end->span;
    if (w->loop_count)
        flow->in_loop = sum_of(v, flow->in_loop, product_of(v, change, loop->trips));
    else
        add_item(flow, loop->atom, change, v, end->span);
}

static void after_loop(struct walk *w, void *state, const void *invariant, const void *end,
                       const struct loop_range *loop) {
    (void)invariant;
    for (size_t i = 0; i < w->buffer_count; i++) {
        struct flows *at = (struct flows *)state + i;
        const struct flows *to = (const struct flows *)end + i;
        flow_after_loop(w, &at->back, &to->back, loop);
        flow_after_loop(w, &at->front, &to->front, loop);
    }
}

static void final(struct walk *w, void *state) {
    const struct flows *flows = state;
    struct traffic *accounts = w->context;
    for (size_t i = 0; i < w->buffer_count; i++) {
        if (flows[i].back.count || flows[i].back.unclear)
            accounts[i].pushed = flows[i].back;
        if (flows[i].front.count || flows[i].front.unclear)
            accounts[i].popped = flows[i].front;
    }
}

static const struct domain order_domain = {
    .state_size = state_size,
    .initial = initial,
    .transfer = transfer,
    .final = final,
    .join = join,
    .widen = widen,
    .after_loop = after_loop,
    .pointer = walk_window_address,
    .concerns = concerns,
};

/* ---- all functions ---- */

/* The first loop that moves pages, and what is moved before it. */
static const struct flow_item *first_loop(const struct flow *flow, const struct polynomial **before,
                                          struct values *v) {
    *before = number(v, 0);
    for (size_t i = 0; i < flow->count; i++) {
        if (flow->items[i].loop != ATOM_LIMIT)
            return &flow->items[i];
        *before = sum_of(v, *before, flow->items[i].pages);
    }
    return NULL;
}

static bool surely_differ(struct values *v, const struct polynomial *a, const struct polynomial *b) {
    const struct polynomial *difference = difference_of(v, a, b);
    return difference && difference->count && (never_negative(difference) || never_positive(difference));
}

static void check_iterations(struct walk *w, size_t buffer, const struct traffic *account) {
    struct values *v = &w->values;
    const struct polynomial *before_push, *before_pop;
    const struct flow_item *in = first_loop(&account->pushed, &before_push, v),
                           *out = first_loop(&account->popped, &before_pop, v);
    if (account->pushed.unclear || account->popped.unclear || !in || !out || in->loop != out->loop)
        return;
    const char *loop = v->atoms[in->loop].name;
    if (surely_differ(v, in->pages, out->pages)) {
        walk_error(w, out->span, "in every iteration of %s, %s pushes %s of the pages of %s, and %s pops %s",
                   loop, account->producer.function->name, value_text(w, in->pages), buffer_label(w, buffer),
                   account->consumer.function->name, value_text(w, out->pages));
        walk_note(w, in->span, "%s pushes here", account->producer.function->name);
        walk_help(
            w,
            "what an iteration pushes the same iteration must pop: the buffer fills up, or runs dry, as iterations go on");
    } else if (surely_differ(v, before_push, before_pop)) {
        walk_error(w, out->span, "before the loop over %s, %s pushes %s of the pages of %s, and %s pops %s",
                   loop, account->producer.function->name, value_text(w, before_push),
                   buffer_label(w, buffer), account->consumer.function->name, value_text(w, before_pop));
        walk_note(w, in->span, "%s pushes here", account->producer.function->name);
        walk_help(w, "pages come out in the order in which they went in");
    }
}

static const struct polynomial *total(struct walk *w, const struct flow *flow) {
    struct values *v = &w->values;
    const struct polynomial *sum = number(v, 0);
    for (size_t i = 0; i < flow->count; i++) {
        const struct polynomial *pages = flow->items[i].pages;
        if (flow->items[i].loop != ATOM_LIMIT) {
            const struct atom *loop = &v->atoms[flow->items[i].loop];
            pages = product_of(v, pages,
                               ceiling_of(v, difference_of(v, loop->b, loop->a), number(v, loop->step)));
        }
        sum = sum_of(v, sum, pages);
    }
    return flow->unclear ? NULL : sum;
}

/* Pages waited for at the end, beyond what was pushed. */
static void check_last_wait(struct walk *w, size_t buffer, const struct traffic *account) {
    struct values *v = &w->values;
    const struct polynomial *pushed = total(w, &account->pushed);
    const struct polynomial *wanted = sum_of(v, total(w, &account->popped), w->waited_at_end[buffer]);
    const struct polynomial *missing = difference_of(v, wanted, pushed);
    if (!missing || !missing->count || !never_negative(missing) || !account->consumer.function)
        return;
    walk_error(w, account->waited, "%s waits for %s of the pages of %s in all, but %s of them are pushed",
               account->consumer.function->name, value_text(w, wanted), buffer_label(w, buffer),
               value_text(w, pushed));
    walk_note(w, account->pushed.span, "the last cb_push_back is here");
    walk_help(w, "the wait never returns: wait for what is pushed only");
}

static void check_contents(struct walk *w, size_t buffer, const struct traffic *account) {
    if (account->written || !account->read || !account->pushed.count)
        return;
    walk_error(w, account->pushed.span, "pages of %s are pushed and read, but nothing writes them",
               buffer_label(w, buffer));
    walk_note(w, account->consumer.span, "%s reads them", account->consumer.function->name);
    walk_help(w, "read, store or pack into the window between cb_reserve_back and cb_push_back");
}

static void check_role(struct walk *w, size_t buffer, const struct user *user, const char *key,
                       const char *verb) {
    struct node_circular_buffer *node = w->buffers[buffer].node;
    const char *wanted = attribute_word(attribute_get(&node->base, key), NULL);
    if (!wanted || !user->function || strcmp(wanted, word_text(WORDS_role, (int)user->function->role)) == 0)
        return;
    walk_error(w, user->span, "%s %s circular buffer %s, but its %s is %s", user->function->name, verb,
               buffer_label(w, buffer), key, wanted);
    walk_note(w, node->base.span, "%s is declared here", buffer_label(w, buffer));
    walk_help(w, "let the %s do it, or say %s = %s", wanted, key,
              word_text(WORDS_role, (int)user->function->role));
}

void prove_order(struct walk *w, struct node_list functions) {
    struct traffic *accounts =
        arena_allocate(w->compilation->arena, (w->buffer_count + 1) * sizeof *accounts);
    w->context = accounts;
    for (size_t i = 0; i < functions.count; i++)
        walk_function(w, &order_domain, node_as(functions.items[i], function));
    for (size_t i = 0; i < w->buffer_count; i++) {
        check_role(w, i, &accounts[i].producer, KEY_TT_PRODUCER, "fills");
        check_role(w, i, &accounts[i].consumer, KEY_TT_CONSUMER, "empties");
        /* Behind other faults these would only follow from them. */
        if (w->errors != w->compilation->diagnostics->error_count)
            continue;
        check_iterations(w, i, &accounts[i]);
        check_last_wait(w, i, &accounts[i]);
        check_contents(w, i, &accounts[i]);
    }
}
