/* Cores that exchange blocks. Every exchange is shown to be a meeting of one sender and its receivers: it
 * goes on when all have come, and none can go on twice. All cores meet in the same order, so an order of
 * steps of one core in which meetings take no time (deadlock.c) is one of all cores together. */
#include "proofs/exchange.h"

#include <inttypes.h>
#include <string.h>

#include "ir/build.h"
#include "proofs/internal.h"

const char *semaphore_label(const struct event_item *event) {
    return event->core->semaphore ? event->core->semaphore->name : "a semaphore";
}

bool exchange_refuse(struct exchanges *e, const struct event_item *at, const char *error,
                     const struct event_item *see, const char *note, const char *help) {
    walk_error(e->walk, at->span, "%s", error);
    if (see)
        walk_note(e->walk, see->span, "%s", note);
    walk_help(e->walk, "%s", help);
    return false;
}

bool exchange_undecided(struct exchanges *e, const struct event_item *at, const char *what) {
    walk_undecided(e->walk, at->span, "not proved: %s", what);
    return false;
}

const char *exchange_print(struct exchanges *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprintf(e->walk->compilation->arena, format, arguments);
    va_end(arguments);
    return text;
}

const char *exchange_block(struct exchanges *e, const struct exchange *x) {
    const struct event_item *data = x->sender.steps[STEP_DATA];
    return data && data->buffer < e->walk->buffer_count ? buffer_label(e->walk, data->buffer) : "the block";
}

/* ---- both sides are there ---- */

static bool check_sides(struct exchanges *e, const struct exchange *x) {
    const struct event_item *const *s = x->sender.steps, *const *r = x->receiver.steps;
    const struct event_item *sends = s[STEP_FLAG] ? s[STEP_FLAG] : s[STEP_DATA];
    if (!sends && (r[STEP_WAIT] || s[STEP_WAIT])) {
        const struct event_item *wait = r[STEP_WAIT] ? r[STEP_WAIT] : s[STEP_WAIT];
        return exchange_refuse(e, wait,
                               exchange_print(e, "%s waits for %s, which no core sends", e->function->name,
                                              semaphore_label(wait)),
                               NULL, NULL, "the wait never returns: the other cores must multicast it");
    }
    if (!sends)
        return exchange_undecided(e, x->choice, "this is an exchange of one sender and its receivers");
    if (!r[STEP_WAIT])
        return exchange_refuse(
            e, sends, exchange_print(e, "%s is sent, but nobody waits for it", exchange_block(e, x)),
            x->choice, "the cores on the other side of this condition receive it",
            "noc_semaphore_wait on the receivers: else they use the pages before they have come");
    if (!s[STEP_FLAG])
        return exchange_refuse(e, r[STEP_WAIT],
                               exchange_print(e, "%s waits for %s, which no core sends", e->function->name,
                                              semaphore_label(r[STEP_WAIT])),
                               s[STEP_DATA], "the block is sent here",
                               "the wait never returns: noc_semaphore_set_multicast behind the block");
    if (!s[STEP_WAIT])
        return exchange_refuse(
            e, sends,
            exchange_print(e, "%s is sent before the receivers have room for it", exchange_block(e, x)),
            r[STEP_INCREASE], "they say here that they have",
            "noc_semaphore_wait before it, for as many as there are receivers");
    if (!r[STEP_INCREASE])
        return exchange_refuse(
            e, s[STEP_WAIT],
            exchange_print(e, "%s waits for %s, which no core increases", e->function->name,
                           semaphore_label(s[STEP_WAIT])),
            r[STEP_WAIT], "the receivers wait here",
            "the wait never returns: noc_semaphore_inc on every receiver when it has room");
    return true;
}

/* ---- the order of each side ---- */

static bool check_sender_order(struct exchanges *e, const struct exchange *x) {
    const struct exchange_side *s = &x->sender;
    const struct event_item *const *at = s->steps;
    if (at[STEP_DATA] && s->at[STEP_DATA] < s->at[STEP_WAIT])
        return exchange_refuse(
            e, at[STEP_DATA],
            exchange_print(e, "%s is sent before the receivers have room for it", exchange_block(e, x)),
            at[STEP_WAIT], "they are waited for here", "noc_semaphore_wait before it");
    if (s->at[STEP_FLAG] < s->at[STEP_WAIT] || s->at[STEP_FLAG] < s->at[STEP_DATA])
        return exchange_refuse(e, at[STEP_FLAG],
                               exchange_print(e, "%s tells that %s has come before it is sent",
                                              semaphore_label(at[STEP_FLAG]), exchange_block(e, x)),
                               at[s->at[STEP_DATA] ? STEP_DATA : STEP_WAIT],
                               s->at[STEP_DATA] ? "it is sent here" : "room is waited for here",
                               "the block first, then its flag: multicasts on one path land in order");
    if (!at[STEP_SET] && x->repeats)
        return exchange_refuse(
            e, at[STEP_WAIT],
            exchange_print(e, "%s is waited for in every iteration, but not set back to 0",
                           semaphore_label(at[STEP_WAIT])),
            NULL, NULL,
            exchange_print(e, "it is never again equal: noc_semaphore_set(%s, 0) behind the wait",
                           semaphore_label(at[STEP_WAIT])));
    if (at[STEP_SET] && (s->at[STEP_SET] < s->at[STEP_WAIT] || s->at[STEP_SET] > s->at[STEP_FLAG]))
        return exchange_refuse(
            e, at[STEP_SET],
            exchange_print(e, "%s is set back %s, when receivers may %s", semaphore_label(at[STEP_SET]),
                           s->at[STEP_SET] < s->at[STEP_WAIT] ? "before its wait" : "behind the flag",
                           s->at[STEP_SET] < s->at[STEP_WAIT] ? "have increased it"
                                                              : "increase it for the next block"),
            at[s->at[STEP_SET] < s->at[STEP_WAIT] ? STEP_WAIT : STEP_FLAG],
            s->at[STEP_SET] < s->at[STEP_WAIT] ? "it is waited for here" : "the flag lets them go on here",
            "what they add is lost: set it back between the wait and the flag");
    return true;
}

/* Does the semaphore begin as something else than what is waited for? */
static bool begins_otherwise(const struct event_item *wait) {
    const struct node_semaphore *semaphore = wait->core->semaphore;
    int64_t first = 0, wanted;
    return semaphore && (!semaphore->initial || integer_value(semaphore->initial, &first)) &&
           known_number(wait->core->value, &wanted) && first != wanted;
}

static bool check_receiver_order(struct exchanges *e, const struct exchange *x) {
    const struct exchange_side *r = &x->receiver;
    const struct event_item *const *at = r->steps;
    if (r->at[STEP_WAIT] < r->at[STEP_INCREASE])
        return exchange_refuse(
            e, at[STEP_WAIT],
            exchange_print(e, "waits for %s before it says that it has room", semaphore_label(at[STEP_WAIT])),
            at[STEP_INCREASE], "it says so here",
            "the sender waits for that: the increment first, then the wait");
    if (!at[STEP_SET] && (x->repeats || !begins_otherwise(at[STEP_WAIT])))
        return exchange_refuse(e, at[STEP_WAIT],
                               exchange_print(e, "%s is as the last block left it: the wait returns at once",
                                              semaphore_label(at[STEP_WAIT])),
                               NULL, NULL,
                               exchange_print(e, "noc_semaphore_set(%s, 0) before the increment",
                                              semaphore_label(at[STEP_WAIT])));
    if (at[STEP_SET] && r->at[STEP_SET] > r->at[STEP_INCREASE])
        return exchange_refuse(e, at[STEP_SET],
                               exchange_print(e,
                                              "%s is cleared when the block may have come: its flag is lost",
                                              semaphore_label(at[STEP_SET])),
                               at[STEP_INCREASE], "the sender may go on from here",
                               "clear it before the increment: the block may come right after that");
    return true;
}

/* ---- which semaphores ---- */

static bool same_semaphore(const struct event_item *a, const struct event_item *b) {
    return a->core->semaphore && a->core->semaphore == b->core->semaphore;
}

static bool has_value(const struct event_item *event, int64_t wanted) {
    int64_t value;
    return known_number(event->core->value, &value) && value == wanted;
}

/* The set that gives the sender its flag before an exchange; NULL: there is none. */
static const struct first_set *first_flag(struct exchanges *e, const struct exchange *x) {
    for (size_t i = 0; i < e->set_count; i++)
        if (same_semaphore(e->sets[i].event, x->sender.steps[STEP_FLAG]) &&
            e->sets[i].before <= (size_t)(x - e->items))
            return &e->sets[i];
    return NULL;
}

/* Is it on the core that sends? */
static bool check_first_flag(struct exchanges *e, const struct exchange *x, const struct first_set *set) {
    const struct event_item *flag = x->sender.steps[STEP_FLAG];
    if (!set || !set->choice)
        return true;
    if (!set->core[0] && !set->core[1])
        return exchange_undecided(
            e, set->event, exchange_print(e, "%s is set on the core that sends it", semaphore_label(flag)));
    for (size_t d = 0; d < 2; d++)
        if (set->core[d] && !same_value(set->core[d], x->core[d]))
            return exchange_refuse(
                e, flag,
                exchange_print(e, "%s is sent by core %s, but set on core %s alone", semaphore_label(flag),
                               core_text(e, x->core), core_text(e, set->core)),
                set->event, "it is set here", "the word that is sent is the sender's own: set it there");
    return true;
}

static bool check_flag(struct exchanges *e, const struct exchange *x) {
    const struct event_item *flag = x->sender.steps[STEP_FLAG], *wait = x->receiver.steps[STEP_WAIT];
    const struct first_set *set = x->sender.own ? NULL : first_flag(e, x);
    const struct event_item *first = set ? set->event : x->sender.own;
    if (!check_first_flag(e, x, set))
        return false;
    const struct node_semaphore *semaphore = flag->core->semaphore;
    int64_t value = 0, wanted;
    bool known = first ? known_number(first->core->value, &value)
                       : !semaphore->initial || integer_value(semaphore->initial, &value);
    if (!known || !known_number(wait->core->value, &wanted))
        return exchange_undecided(
            e, wait,
            exchange_print(e, "%s is sent with the value that is waited for", semaphore_label(wait)));
    if (value != wanted)
        return exchange_refuse(
            e, flag,
            exchange_print(e, "%s is sent as %" PRId64 ", but the receivers wait for %" PRId64,
                           semaphore_label(flag), value, wanted),
            wait, "they wait here",
            exchange_print(e, "noc_semaphore_set(%s, %" PRId64 ") on the sender before its first block",
                           semaphore_label(flag), wanted));
    return true;
}

/* What is not known is no fault. */
static bool check_known(struct exchanges *e, const struct exchange *x) {
    const struct event_item *const *s = x->sender.steps, *const *r = x->receiver.steps;
    const struct event_item *const steps[] = {s[STEP_WAIT], s[STEP_SET],      s[STEP_FLAG],
                                              r[STEP_SET],  r[STEP_INCREASE], r[STEP_WAIT]};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] && !steps[i]->core->semaphore)
            return exchange_undecided(e, steps[i], "which semaphore is meant");
    if (!s[STEP_FLAG]->core->target || !s[STEP_FLAG]->core->source)
        return exchange_undecided(e, s[STEP_FLAG], "which word is sent where");
    return true;
}

static bool check_semaphores(struct exchanges *e, const struct exchange *x) {
    const struct event_item *const *s = x->sender.steps, *const *r = x->receiver.steps;
    struct values *v = &e->walk->values;
    if (!check_known(e, x))
        return false;
    if (!same_semaphore(r[STEP_INCREASE], s[STEP_WAIT]))
        return exchange_refuse(
            e, r[STEP_INCREASE],
            exchange_print(e, "increases %s, but the sender waits for %s", semaphore_label(r[STEP_INCREASE]),
                           semaphore_label(s[STEP_WAIT])),
            s[STEP_WAIT], "it waits here", "one semaphore counts the receivers that have room");
    if (!has_value(r[STEP_INCREASE], 1))
        return exchange_refuse(e, r[STEP_INCREASE],
                               exchange_print(e, "increases %s by %s, but the sender counts receivers",
                                              semaphore_label(r[STEP_INCREASE]),
                                              value_text(e->walk, r[STEP_INCREASE]->core->value)),
                               s[STEP_WAIT], "it waits here", "every receiver adds 1");
    if (!same_semaphore(s[STEP_FLAG], r[STEP_WAIT]) ||
        !same_value(s[STEP_FLAG]->core->target, s[STEP_FLAG]->core->source))
        return exchange_refuse(
            e, s[STEP_FLAG],
            exchange_print(e, "%s is sent%s, but the receivers wait for %s", semaphore_label(s[STEP_FLAG]),
                           same_semaphore(s[STEP_FLAG], r[STEP_WAIT]) ? " to another word" : "",
                           semaphore_label(r[STEP_WAIT])),
            r[STEP_WAIT], "they wait here", "one semaphore tells that the block has come");
    if (s[STEP_SET] && (!same_semaphore(s[STEP_SET], s[STEP_WAIT]) || !has_value(s[STEP_SET], 0)))
        return exchange_refuse(
            e, s[STEP_SET],
            exchange_print(e, "%s is set to %s between wait and flag, but %s counts the receivers",
                           semaphore_label(s[STEP_SET]), value_text(e->walk, s[STEP_SET]->core->value),
                           semaphore_label(s[STEP_WAIT])),
            s[STEP_WAIT], "it is waited for here", "what counts them begins at 0 for every block");
    if (r[STEP_SET] && (!same_semaphore(r[STEP_SET], r[STEP_WAIT]) ||
                        same_value(r[STEP_SET]->core->value, r[STEP_WAIT]->core->value)))
        return exchange_refuse(e, r[STEP_WAIT],
                               exchange_print(e, "%s is as the last block left it: the wait returns at once",
                                              semaphore_label(r[STEP_WAIT])),
                               r[STEP_SET], exchange_print(e, "%s is set here", semaphore_label(r[STEP_SET])),
                               exchange_print(e, "noc_semaphore_set(%s, 0) before the increment",
                                              semaphore_label(r[STEP_WAIT])));
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *where = core_at_noc(e, r[STEP_INCREASE]->core->corners[d], d);
        const struct polynomial *sender = x->core[d] ? x->core[d] : own_coordinate(e, d);
        const struct polynomial *distance = difference_of(v, where, sender);
        if (!distance)
            return exchange_undecided(e, r[STEP_INCREASE], "which core is told that there is room");
        if (distance->count)
            return exchange_refuse(
                e, r[STEP_INCREASE],
                exchange_print(e, "tells a core of %s %s that it has room, but core %s sends",
                               d ? "row" : "column", value_text(e->walk, where), core_text(e, x->core)),
                s[STEP_WAIT], "it waits for that here", "noc_semaphore_inc at the core that sends");
    }
    return check_flag(e, x);
}

/* ---- the block ---- */

/* The last move of the buffer before the exchange, in its list. */
static const struct event_item *move_before(const struct exchange *x, size_t buffer) {
    const struct event_item *last = NULL;
    for (const struct event_item *i = x->list; i != x->choice; i = i->next)
        if (i->kind == ITEM_EVENT && i->buffer == buffer &&
            (i->effect == EFFECT_RESERVE || i->effect == EFFECT_PUSH))
            last = i;
    return last;
}

/* The push behind the exchange, and whether what was sent has left before it. */
static const struct event_item *push_behind(const struct exchange *x, size_t buffer, bool *flushed) {
    *flushed = x->sender.flushed;
    for (const struct event_item *i = x->choice->next; i; i = i->next) {
        if (i->kind != ITEM_EVENT)
            continue;
        if (i->effect == EFFECT_PUSH && i->buffer == buffer)
            return i;
        *flushed = *flushed || i->effect == EFFECT_WRITES_FLUSHED || i->effect == EFFECT_WRITE_BARRIER;
    }
    return NULL;
}

static bool check_window(struct exchanges *e, const struct exchange *x) {
    const struct event_item *data = x->sender.steps[STEP_DATA], *before = move_before(x, data->buffer);
    struct walk *w = e->walk;
    bool flushed;
    const struct event_item *push = push_behind(x, data->buffer, &flushed);
    const char *buffer = buffer_label(w, data->buffer);
    if (!before || before->effect != EFFECT_RESERVE)
        return exchange_refuse(
            e, x->receiver.steps[STEP_INCREASE],
            exchange_print(e, "says that there is room in %s, but has reserved none", buffer), before,
            "the pages before it are pushed here",
            "cb_reserve_back on every core before the exchange: the block comes right after the increment");
    if (!push)
        return exchange_undecided(
            e, data,
            exchange_print(e, "the pages of %s are pushed on every core behind the exchange", buffer));
    if (!flushed)
        return exchange_refuse(
            e, push, exchange_print(e, "pushes pages of %s that are still being sent", buffer), data,
            "they are sent here",
            "noc_async_writes_flushed between them: the pages may be used and overwritten when they are pushed");
    const struct polynomial *bytes =
        product_of(&w->values, push->pages, number(&w->values, w->buffers[data->buffer].page_bytes));
    const struct polynomial *distance = difference_of(&w->values, data->core->bytes, bytes);
    if (!distance || (distance->count && !never_negative(distance) && !never_positive(distance)))
        return exchange_undecided(e, data,
                                  exchange_print(e, "all pages of %s that are pushed are sent", buffer));
    if (distance->count)
        return exchange_refuse(e, data,
                               exchange_print(e, "sends %s bytes of %s, but %s are pushed",
                                              value_text(w, data->core->bytes), buffer, value_text(w, bytes)),
                               push, "they are pushed here",
                               "send what is pushed: its pages times their bytes");
    return true;
}

static bool check_data(struct exchanges *e, const struct exchange *x) {
    const struct exchange_side *s = &x->sender;
    const struct event_item *data = s->steps[STEP_DATA];
    const struct polynomial *offset = NULL;
    int64_t none;
    if (!data)
        return true;
    const struct atom *pointer = pointer_in(e->walk, data->core->source, &offset);
    if (!pointer || !pointer->write || !known_number(offset, &none) || none != 0)
        return exchange_undecided(e, data, "what is sent begins where a window of a circular buffer does");
    if (!same_value(data->core->source, data->core->target))
        return exchange_refuse(
            e, data,
            exchange_print(e, "%s is sent to another address than it has here", exchange_block(e, x)), NULL,
            NULL, "a window lies at one address on all cores: send it to the address that it has");
    return check_window(e, x);
}

/* ---- all cores alike ---- */

/* An event on the buffer that some cores have and others have not, or that moves other pages there. */
static const struct event_item *uneven_move(struct exchanges *e, const struct event_item *items,
                                            size_t buffer, bool uneven) {
    for (const struct event_item *i = items; i; i = i->next) {
        bool moves = i->kind == ITEM_EVENT && i->effect == EFFECT_PUSH && i->buffer == buffer;
        if (moves && (uneven || differs_by_core(e->walk, i->pages)))
            return i;
        const struct polynomial *plane[2];
        bool inner = uneven || (i->kind == ITEM_CHOICE
                                    ? condition_differs(e->walk, i->condition)
                                    : i->kind == ITEM_LOOP && !even_in_plane(e->walk, i->trips, plane));
        const struct event_item *found = uneven_move(e, i->body, buffer, inner);
        found = found ? found : uneven_move(e, i->otherwise, buffer, inner);
        if (found)
            return found;
    }
    return NULL;
}

static bool check_alike(struct exchanges *e, const struct exchange *x) {
    const struct event_item *data = x->sender.steps[STEP_DATA];
    const struct event_item *move = data ? uneven_move(e, e->events, data->buffer, false) : NULL;
    if (!move)
        return true;
    return exchange_refuse(e, move,
                           exchange_print(e, "pushes %s pages of %s on some cores and others elsewhere",
                                          value_text(e->walk, move->pages),
                                          buffer_label(e->walk, data->buffer)),
                           data, "its pages are sent here, to the address that they have on the sender",
                           "the windows of a buffer that is sent move alike on all cores");
}

/* Two exchanges with one semaphore: what one counts the other takes. */
static bool check_distinct(struct exchanges *e, const struct exchange *a, const struct exchange *b) {
    bool same_core = true;
    for (size_t d = 0; d < 2; d++)
        same_core = same_core && (a->core[d] == b->core[d] || same_value(a->core[d], b->core[d]));
    const struct event_item *const *first = a->sender.steps, *const *second = b->sender.steps;
    for (int step = STEP_WAIT; !same_core && step <= STEP_FLAG; step += STEP_FLAG - STEP_WAIT)
        if (same_semaphore(first[step], second[step]))
            return exchange_refuse(
                e, second[step],
                exchange_print(e, "%s serves two senders, core %s and core %s", semaphore_label(second[step]),
                               core_text(e, a->core), core_text(e, b->core)),
                first[step], "the other exchange is here",
                "every direction has semaphores of its own: what one counts the other would take");
    return true;
}

/* ---- the proof ---- */

static bool check_exchange(struct exchanges *e, struct exchange *x) {
    if (x->sender.unclear || x->receiver.unclear)
        return exchange_undecided(e, x->choice, "this is an exchange of one sender and its receivers");
    return check_sides(e, x) && check_sender_order(e, x) && check_receiver_order(e, x) &&
           check_rectangles(e, x) && check_semaphores(e, x) && check_data(e, x) && check_alike(e, x);
}

void prove_exchanges(struct walk *w, struct node_list functions) {
    size_t exchanging = 0;
    for (size_t f = 0; f < functions.count; f++) {
        struct exchanges *e = arena_allocate(w->compilation->arena, sizeof *e);
        if (!find_exchanges(w, node_as(functions.items[f], function), e))
            continue;
        if (++exchanging > 1)
            exchange_undecided(e, e->events, "exchanges of two functions wait for one another");
        bool right = !e->uneven;
        if (e->uneven)
            exchange_refuse(
                e, e->uneven,
                exchange_print(e, "cores exchange blocks in %s iterations, which differ from core to core",
                               value_text(w, e->uneven->trips)),
                e->count ? e->items[0].choice : NULL, "the exchange is here",
                "who has fewer iterations leaves the others waiting: let every core take all of them");
        for (size_t i = 0; right && i < e->count; i++)
            right = check_exchange(e, &e->items[i]) && right;
        for (size_t i = 1; right && i < e->count; i++)
            for (size_t j = 0; right && j < i; j++)
                right = check_distinct(e, &e->items[j], &e->items[i]);
        if (right && e->stray)
            exchange_undecided(
                e, e->stray,
                "this call between cores is part of an exchange of one sender and its receivers");
    }
}
