/* Cores that exchange blocks. Every exchange is shown to be a meeting of one sender and its receivers: it
 * goes on when all have come, and none can go on twice. All cores meet in the same order, so an order of
 * steps of one core in which meetings take no time (prove_deadlock.c) is one of all cores together. */
#include "transforms/prove_exchange.h"

#include <inttypes.h>
#include <string.h>

#include "ir/build.h"
#include "transforms/prove_internal.h"

static const char *label(const struct item *event) {
    return event->core->semaphore ? event->core->semaphore->name : "a semaphore";
}

/* An error with a note and a repair; always false. */
static bool refuse(struct exchanges *e, const struct item *at, const char *error, const struct item *see,
                   const char *note, const char *help) {
    walk_error(e->walk, at->span, "%s", error);
    if (see)
        walk_note(e->walk, see->span, "%s", note);
    walk_help(e->walk, "%s", help);
    return false;
}

static bool undecided(struct exchanges *e, const struct item *at, const char *what) {
    walk_undecided(e->walk, at->span, "not proved: %s", what);
    return false;
}

static const char *print(struct exchanges *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *print(struct exchanges *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprintf(e->walk->compilation->arena, format, arguments);
    va_end(arguments);
    return text;
}

static const char *block_name(struct exchanges *e, const struct exchange *x) {
    const struct item *data = x->sender.steps[STEP_DATA];
    return data && data->buffer < e->walk->buffer_count ? buffer_label(e->walk, data->buffer) : "the block";
}

/* ---- both sides are there ---- */

static bool check_sides(struct exchanges *e, const struct exchange *x) {
    const struct item *const *s = x->sender.steps, *const *r = x->receiver.steps;
    const struct item *sends = s[STEP_FLAG] ? s[STEP_FLAG] : s[STEP_DATA];
    if (!sends && (r[STEP_WAIT] || s[STEP_WAIT])) {
        const struct item *wait = r[STEP_WAIT] ? r[STEP_WAIT] : s[STEP_WAIT];
        return refuse(e, wait,
                      print(e, "%s waits for %s, which no core sends", e->function->name, label(wait)), NULL,
                      NULL, "the wait never returns: the other cores must multicast it");
    }
    if (!sends)
        return undecided(e, x->choice, "this is an exchange of one sender and its receivers");
    if (!r[STEP_WAIT])
        return refuse(e, sends, print(e, "%s is sent, but nobody waits for it", block_name(e, x)), x->choice,
                      "the cores on the other side of this condition receive it",
                      "noc_semaphore_wait on the receivers: else they use the pages before they have come");
    if (!s[STEP_FLAG])
        return refuse(
            e, r[STEP_WAIT],
            print(e, "%s waits for %s, which no core sends", e->function->name, label(r[STEP_WAIT])),
            s[STEP_DATA], "the block is sent here",
            "the wait never returns: noc_semaphore_set_multicast behind the block");
    if (!s[STEP_WAIT])
        return refuse(e, sends,
                      print(e, "%s is sent before the receivers have room for it", block_name(e, x)),
                      r[STEP_INCREASE], "they say here that they have",
                      "noc_semaphore_wait before it, for as many as there are receivers");
    if (!r[STEP_INCREASE])
        return refuse(
            e, s[STEP_WAIT],
            print(e, "%s waits for %s, which no core increases", e->function->name, label(s[STEP_WAIT])),
            r[STEP_WAIT], "the receivers wait here",
            "the wait never returns: noc_semaphore_inc on every receiver when it has room");
    return true;
}

/* ---- the order of each side ---- */

static bool check_sender_order(struct exchanges *e, const struct exchange *x) {
    const struct exchange_side *s = &x->sender;
    const struct item *const *at = s->steps;
    if (at[STEP_DATA] && s->at[STEP_DATA] < s->at[STEP_WAIT])
        return refuse(e, at[STEP_DATA],
                      print(e, "%s is sent before the receivers have room for it", block_name(e, x)),
                      at[STEP_WAIT], "they are waited for here", "noc_semaphore_wait before it");
    if (s->at[STEP_FLAG] < s->at[STEP_WAIT] || s->at[STEP_FLAG] < s->at[STEP_DATA])
        return refuse(
            e, at[STEP_FLAG],
            print(e, "%s tells that %s has come before it is sent", label(at[STEP_FLAG]), block_name(e, x)),
            at[s->at[STEP_DATA] ? STEP_DATA : STEP_WAIT],
            s->at[STEP_DATA] ? "it is sent here" : "room is waited for here",
            "the block first, then its flag: multicasts on one path land in order");
    if (!at[STEP_SET] && x->repeats)
        return refuse(e, at[STEP_WAIT],
                      print(e, "%s is waited for in every turn, but not set back to 0", label(at[STEP_WAIT])),
                      NULL, NULL,
                      print(e, "it is never again equal: noc_semaphore_set(%s, 0) behind the wait",
                            label(at[STEP_WAIT])));
    if (at[STEP_SET] && (s->at[STEP_SET] < s->at[STEP_WAIT] || s->at[STEP_SET] > s->at[STEP_FLAG]))
        return refuse(e, at[STEP_SET],
                      print(e, "%s is set back %s, when receivers may %s", label(at[STEP_SET]),
                            s->at[STEP_SET] < s->at[STEP_WAIT] ? "before its wait" : "behind the flag",
                            s->at[STEP_SET] < s->at[STEP_WAIT] ? "have increased it"
                                                               : "increase it for the next block"),
                      at[s->at[STEP_SET] < s->at[STEP_WAIT] ? STEP_WAIT : STEP_FLAG],
                      s->at[STEP_SET] < s->at[STEP_WAIT] ? "it is waited for here"
                                                         : "the flag lets them go on here",
                      "what they add is lost: set it back between the wait and the flag");
    return true;
}

/* Does the semaphore begin as something else than what is waited for? */
static bool begins_otherwise(const struct item *wait) {
    const struct node_semaphore *semaphore = wait->core->semaphore;
    int64_t first = 0, wanted;
    return semaphore && (!semaphore->initial || integer_value(semaphore->initial, &first)) &&
           known_number(wait->core->value, &wanted) && first != wanted;
}

static bool check_receiver_order(struct exchanges *e, const struct exchange *x) {
    const struct exchange_side *r = &x->receiver;
    const struct item *const *at = r->steps;
    if (r->at[STEP_WAIT] < r->at[STEP_INCREASE])
        return refuse(e, at[STEP_WAIT],
                      print(e, "waits for %s before it says that it has room", label(at[STEP_WAIT])),
                      at[STEP_INCREASE], "it says so here",
                      "the sender waits for that: the increment first, then the wait");
    if (!at[STEP_SET] && (x->repeats || !begins_otherwise(at[STEP_WAIT])))
        return refuse(
            e, at[STEP_WAIT],
            print(e, "%s is as the last block left it: the wait returns at once", label(at[STEP_WAIT])), NULL,
            NULL, print(e, "noc_semaphore_set(%s, 0) before the increment", label(at[STEP_WAIT])));
    if (at[STEP_SET] && r->at[STEP_SET] > r->at[STEP_INCREASE])
        return refuse(
            e, at[STEP_SET],
            print(e, "%s is cleared when the block may have come: its flag is lost", label(at[STEP_SET])),
            at[STEP_INCREASE], "the sender may go on from here",
            "clear it before the increment: the block may come right after that");
    return true;
}

/* ---- who is meant ---- */

static const char *core_text(struct exchanges *e, const struct polynomial *const core[2]) {
    return print(e, "(%s, %s)", core[0] ? value_text(e->walk, core[0]) : "sx",
                 core[1] ? value_text(e->walk, core[1]) : "sy");
}

static const char *range_text(struct exchanges *e, const struct rectangle *r) {
    return print(e, "(%s, %s) to (%s, %s)", value_text(e->walk, r->first[0]),
                 value_text(e->walk, r->first[1]), value_text(e->walk, r->last[0]),
                 value_text(e->walk, r->last[1]));
}

static const struct polynomial *own(struct exchanges *e, size_t d) {
    struct values *v = &e->walk->values;
    return atom_value(
        v, atom_find(v, &(struct atom){.kind = ATOM_CORE, .name = d ? "sy" : "sx", .position = d}));
}

/* In a direction in which every core sends for itself, the rectangle is that core's line. */
static bool check_line(struct exchanges *e, const struct exchange *x, const struct item *call) {
    for (size_t d = 0; d < 2; d++)
        if (!x->core[d] && (!same_value(x->to.first[d], own(e, d)) || !same_value(x->to.last[d], own(e, d))))
            return refuse(e, call,
                          print(e, "core %s sends to cores %s: they receive from others as well",
                                core_text(e, x->core), range_text(e, &x->to)),
                          x->choice, "these cores send",
                          "every core has one sender: send along the line of this one");
    return true;
}

/* ---- how many ---- */

/* What the sender's condition says is at most zero where it holds (or not); NULL: nothing. */
static const struct polynomial *guard_fact(struct exchanges *e, const struct exchange *x, bool sends) {
    const struct condition *c = x->sender.guard;
    bool holds = x->sender.holds == sends;
    for (; c && c->kind == CONDITION_NOT; c = c->a)
        holds = !holds;
    if (!c || c->kind != CONDITION_AT_MOST_ZERO)
        return NULL;
    struct values *v = &e->walk->values;
    return holds ? c->p : difference_of(v, number(v, 1), c->p);
}

/* The fact says that a product is at least 1, and no factor is below 0: neither is any of them 0. */
static bool by_a_factor(struct exchanges *e, const struct polynomial *p, const struct polynomial *limit,
                        const struct polynomial *fact) {
    struct values *v = &e->walk->values;
    bool product = fact->count == 2 && fact->terms[0].degree > 1 && fact->terms[0].factor < 0 &&
                   !fact->terms[1].degree && fact->terms[1].factor > 0;
    for (size_t i = 0; product && i < fact->terms[0].degree; i++) {
        const struct polynomial *above =
            difference_of(v, atom_value(v, fact->terms[0].atoms[i]), number(v, 1));
        if (prove_quietly(e->walk, sum_of(v, p, above), limit))
            return true;
    }
    return false;
}

/* p <= limit, also by a fact: a number that is at most 0. */
static bool at_most(struct exchanges *e, const struct polynomial *p, const struct polynomial *limit,
                    const struct polynomial *fact) {
    return prove_quietly(e->walk, p, limit) ||
           (fact && (prove_quietly(e->walk, difference_of(&e->walk->values, p, fact), limit) ||
                     by_a_factor(e, p, limit, fact)));
}

/* With the operand of every minimum and maximum that it is, where that is known. */
static const struct polynomial *decided(struct exchanges *e, const struct polynomial *p,
                                        const struct polynomial *fact) {
    struct values *v = &e->walk->values;
    for (size_t i = 0; p && i < p->count; i++) {
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            size_t index = p->terms[i].atoms[j];
            const struct atom *atom = &v->atoms[index];
            bool least = atom->kind == ATOM_MINIMUM;
            if (!least && atom->kind != ATOM_MAXIMUM)
                continue;
            const struct polynomial *is = at_most(e, atom->a, atom->b, fact)   ? (least ? atom->a : atom->b)
                                          : at_most(e, atom->b, atom->a, fact) ? (least ? atom->b : atom->a)
                                                                               : NULL;
            if (is)
                return decided(e, replace_atom(v, p, index, is), fact);
        }
    }
    return p;
}

/* How many cores receive: the rectangle without the sender. */
static bool count_receivers(struct exchanges *e, struct exchange *x) {
    struct values *v = &e->walk->values;
    const struct polynomial *count = number(v, 1), *one = number(v, 1), *fact = guard_fact(e, x, true);
    bool inside = true, outside = false;
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *first = x->to.first[d],
                                *last = x->to.last[d] = decided(e, x->to.last[d], fact);
        count = product_of(v, count, sum_of(v, difference_of(v, last, first), one));
        if (!x->core[d])
            continue;
        inside = inside && at_most(e, first, x->core[d], fact) && at_most(e, x->core[d], last, fact);
        outside = outside || at_most(e, sum_of(v, x->core[d], one), first, fact) ||
                  at_most(e, sum_of(v, last, one), x->core[d], fact);
    }
    x->receivers = inside ? difference_of(v, count, one) : outside ? count : NULL;
    return x->receivers != NULL;
}

static bool check_number(struct exchanges *e, const struct exchange *x, const struct item *call,
                         const struct polynomial *said, const char *does) {
    struct values *v = &e->walk->values;
    const struct polynomial *apart = difference_of(v, decided(e, said, guard_fact(e, x, true)), x->receivers);
    int64_t number_said;
    bool one = known_number(said, &number_said) && number_said == 1;
    if (!apart || !(never_negative(apart) || never_positive(apart)))
        return undecided(e, call,
                         print(e, "%s %s receivers are all that there are", does, value_text(e->walk, said)));
    if (!apart->count)
        return true;
    return refuse(e, call,
                  print(e, "%s %s receiver%s, but cores %s are %s without the sender", does,
                        value_text(e->walk, said), one ? "" : "s", range_text(e, &x->to),
                        value_text(e->walk, x->receivers)),
                  x->choice, print(e, "core %s sends", core_text(e, x->core)),
                  "count the cores of the rectangle without the sender");
}

/* ---- who waits is reached ---- */

static bool refuse_reach(struct exchanges *e, const struct exchange *x, const struct item *call,
                         const char *missed) {
    return refuse(e, x->receiver.steps[STEP_WAIT],
                  print(e, "cores of %s wait for %s, but it is sent to cores %s", missed, block_name(e, x),
                        range_text(e, &x->to)),
                  call, "it is sent here", "the rectangle must have all cores that wait");
}

/* In a direction in which one core sends, the rectangle has all others that have turns. */
static bool check_reach(struct exchanges *e, const struct exchange *x, const struct item *call) {
    struct values *v = &e->walk->values;
    const struct polynomial *fact = guard_fact(e, x, true), *zero = number(v, 0), *one = number(v, 1);
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *last = NULL, *first = x->to.first[d];
        int64_t from, to, sender;
        if (!x->core[d])
            continue;
        if (x->plane[d])
            last = difference_of(v, x->plane[d], one);
        else if (v->cores[d] > 0)
            last = number(v, v->cores[d] - 1);
        bool begins =
            at_most(e, first, zero, fact) || (same_value(x->core[d], zero) && at_most(e, first, one, fact));
        if (last && begins && at_most(e, last, x->to.last[d], fact))
            continue;
        bool known = !x->plane[d] && known_number(first, &from) && known_number(x->to.last[d], &to) &&
                     known_number(x->core[d], &sender);
        for (int64_t at = 0; known && at < v->cores[d]; at++)
            if (at != sender && (at < from || at > to))
                return refuse_reach(e, x, call, print(e, "%s %" PRId64, d ? "row" : "column", at));
        return undecided(
            e, call, print(e, "cores %s are all that wait for %s", range_text(e, &x->to), block_name(e, x)));
    }
    return true;
}

/* Where the sender does not send, nobody waits. */
static bool check_guard(struct exchanges *e, const struct exchange *x, const struct item *call) {
    struct values *v = &e->walk->values;
    const struct polynomial *fact = guard_fact(e, x, false), *others = number(v, 1);
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *cores = v->cores[d] > 0 ? number(v, v->cores[d]) : NULL;
        if (x->core[d])
            others = product_of(v, others, x->plane[d] ? x->plane[d] : cores);
    }
    if (!x->sender.guard || (fact && others && at_most(e, others, number(v, 1), fact)))
        return true;
    return undecided(e, call, print(e, "%s is sent whenever others wait for it", block_name(e, x)));
}

static bool check_rectangles(struct exchanges *e, struct exchange *x) {
    const struct item *const *s = x->sender.steps, *call = s[STEP_DATA] ? s[STEP_DATA] : s[STEP_FLAG];
    struct rectangle flag;
    if (!rectangle_of(e, call, &x->to) || !rectangle_of(e, s[STEP_FLAG], &flag))
        return undecided(e, call, "which cores a multicast goes to");
    for (size_t d = 0; d < 2; d++)
        if (!same_value(x->to.first[d], flag.first[d]) || !same_value(x->to.last[d], flag.last[d]))
            return refuse(e, s[STEP_FLAG],
                          print(e, "%s goes to cores %s, but %s went to %s", label(s[STEP_FLAG]),
                                range_text(e, &flag), block_name(e, x), range_text(e, &x->to)),
                          call, "it is sent here", "block and flag must go to the same cores");
    if (!check_line(e, x, call))
        return false;
    if (!count_receivers(e, x))
        return undecided(e, call, "whether the sender is among the cores that it sends to");
    if (!check_reach(e, x, call) || !check_guard(e, x, call))
        return false;
    return (!s[STEP_DATA] || check_number(e, x, s[STEP_DATA], s[STEP_DATA]->core->receivers, "sends to")) &&
           check_number(e, x, s[STEP_FLAG], s[STEP_FLAG]->core->receivers, "sends to") &&
           check_number(e, x, s[STEP_WAIT], s[STEP_WAIT]->core->value, "waits for");
}

/* ---- which semaphores ---- */

static bool same_semaphore(const struct item *a, const struct item *b) {
    return a->core->semaphore && a->core->semaphore == b->core->semaphore;
}

static bool has_value(const struct item *event, int64_t wanted) {
    int64_t value;
    return known_number(event->core->value, &value) && value == wanted;
}

/* What the sender's flag holds before the first block; NULL: unknown. */
static const struct item *first_flag(struct exchanges *e, const struct item *flag) {
    for (size_t i = 0; i < e->set_count; i++)
        if (same_semaphore(e->sets[i], flag))
            return e->sets[i];
    return NULL;
}

static bool check_flag(struct exchanges *e, const struct exchange *x) {
    const struct item *flag = x->sender.steps[STEP_FLAG], *wait = x->receiver.steps[STEP_WAIT],
                      *first = x->sender.own ? x->sender.own : first_flag(e, flag);
    const struct node_semaphore *semaphore = flag->core->semaphore;
    int64_t value = 0, wanted;
    bool known = first ? known_number(first->core->value, &value)
                       : !semaphore->initial || integer_value(semaphore->initial, &value);
    if (!known || !known_number(wait->core->value, &wanted))
        return undecided(e, wait, print(e, "%s is sent with the value that is waited for", label(wait)));
    if (value != wanted)
        return refuse(e, flag,
                      print(e, "%s is sent as %" PRId64 ", but the receivers wait for %" PRId64, label(flag),
                            value, wanted),
                      wait, "they wait here",
                      print(e, "noc_semaphore_set(%s, %" PRId64 ") on the sender before its first block",
                            label(flag), wanted));
    return true;
}

static bool check_semaphores(struct exchanges *e, const struct exchange *x) {
    const struct item *const *s = x->sender.steps, *const *r = x->receiver.steps;
    struct values *v = &e->walk->values;
    if (!same_semaphore(r[STEP_INCREASE], s[STEP_WAIT]))
        return refuse(e, r[STEP_INCREASE],
                      print(e, "increases %s, but the sender waits for %s", label(r[STEP_INCREASE]),
                            label(s[STEP_WAIT])),
                      s[STEP_WAIT], "it waits here", "one semaphore counts the receivers that have room");
    if (!has_value(r[STEP_INCREASE], 1))
        return refuse(e, r[STEP_INCREASE],
                      print(e, "increases %s by %s, but the sender counts receivers", label(r[STEP_INCREASE]),
                            value_text(e->walk, r[STEP_INCREASE]->core->value)),
                      s[STEP_WAIT], "it waits here", "every receiver adds 1");
    if (!same_semaphore(s[STEP_FLAG], r[STEP_WAIT]) ||
        !same_value(s[STEP_FLAG]->core->target, s[STEP_FLAG]->core->source))
        return refuse(e, s[STEP_FLAG],
                      print(e, "%s is sent%s, but the receivers wait for %s", label(s[STEP_FLAG]),
                            same_semaphore(s[STEP_FLAG], r[STEP_WAIT]) ? " to another word" : "",
                            label(r[STEP_WAIT])),
                      r[STEP_WAIT], "they wait here", "one semaphore tells that the block has come");
    if (s[STEP_SET] && (!same_semaphore(s[STEP_SET], s[STEP_WAIT]) || !has_value(s[STEP_SET], 0)))
        return refuse(e, s[STEP_SET],
                      print(e, "%s is set to %s between wait and flag, but %s counts the receivers",
                            label(s[STEP_SET]), value_text(e->walk, s[STEP_SET]->core->value),
                            label(s[STEP_WAIT])),
                      s[STEP_WAIT], "it is waited for here", "what counts them begins at 0 for every block");
    if (r[STEP_SET] && (!same_semaphore(r[STEP_SET], r[STEP_WAIT]) || has_value(r[STEP_SET], 1)))
        return refuse(
            e, r[STEP_WAIT],
            print(e, "%s is as the last block left it: the wait returns at once", label(r[STEP_WAIT])),
            r[STEP_SET], print(e, "%s is set here", label(r[STEP_SET])),
            print(e, "noc_semaphore_set(%s, 0) before the increment", label(r[STEP_WAIT])));
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *where = core_at_noc(e, r[STEP_INCREASE]->core->corners[d], d);
        const struct polynomial *sender = x->core[d] ? x->core[d] : own(e, d);
        const struct polynomial *apart = difference_of(v, where, sender);
        if (!apart)
            return undecided(e, r[STEP_INCREASE], "which core is told that there is room");
        if (apart->count)
            return refuse(e, r[STEP_INCREASE],
                          print(e, "tells a core of %s %s that it has room, but core %s sends",
                                d ? "row" : "column", value_text(e->walk, where), core_text(e, x->core)),
                          s[STEP_WAIT], "it waits for that here", "noc_semaphore_inc at the core that sends");
    }
    return check_flag(e, x);
}

/* ---- the block ---- */

/* The last move of the buffer before the exchange, in its list. */
static const struct item *move_before(const struct exchange *x, size_t buffer) {
    const struct item *last = NULL;
    for (const struct item *i = x->list; i != x->choice; i = i->next)
        if (i->kind == ITEM_EVENT && i->buffer == buffer &&
            (i->effect == EFFECT_RESERVE || i->effect == EFFECT_PUSH))
            last = i;
    return last;
}

/* The push behind the exchange, and whether what was sent has left before it. */
static const struct item *push_behind(const struct exchange *x, size_t buffer, bool *flushed) {
    *flushed = x->sender.flushed;
    for (const struct item *i = x->choice->next; i; i = i->next) {
        if (i->kind != ITEM_EVENT)
            continue;
        if (i->effect == EFFECT_PUSH && i->buffer == buffer)
            return i;
        *flushed = *flushed || i->effect == EFFECT_WRITES_FLUSHED || i->effect == EFFECT_WRITE_BARRIER;
    }
    return NULL;
}

static bool check_window(struct exchanges *e, const struct exchange *x) {
    const struct item *data = x->sender.steps[STEP_DATA], *before = move_before(x, data->buffer);
    struct walk *w = e->walk;
    bool flushed;
    const struct item *push = push_behind(x, data->buffer, &flushed);
    const char *buffer = buffer_label(w, data->buffer);
    if (!before || before->effect != EFFECT_RESERVE)
        return refuse(
            e, x->receiver.steps[STEP_INCREASE],
            print(e, "says that there is room in %s, but has reserved none", buffer), before,
            "the pages before it are pushed here",
            "cb_reserve_back on every core before the exchange: the block comes right after the increment");
    if (!push)
        return undecided(e, data,
                         print(e, "the pages of %s are pushed on every core behind the exchange", buffer));
    if (!flushed)
        return refuse(e, push, print(e, "pushes pages of %s that are still being sent", buffer), data,
                      "they are sent here",
                      "noc_async_writes_flushed between them: the pages may be used and overwritten when "
                      "they are pushed");
    const struct polynomial *bytes =
        product_of(&w->values, push->pages, number(&w->values, w->buffers[data->buffer].page_bytes));
    const struct polynomial *apart = difference_of(&w->values, data->core->bytes, bytes);
    if (!apart || (apart->count && !never_negative(apart) && !never_positive(apart)))
        return undecided(e, data, print(e, "all pages of %s that are pushed are sent", buffer));
    if (apart->count)
        return refuse(e, data,
                      print(e, "sends %s bytes of %s, but %s are pushed", value_text(w, data->core->bytes),
                            buffer, value_text(w, bytes)),
                      push, "they are pushed here", "send what is pushed: its pages times their bytes");
    return true;
}

static bool check_data(struct exchanges *e, const struct exchange *x) {
    const struct exchange_side *s = &x->sender;
    const struct item *data = s->steps[STEP_DATA];
    const struct polynomial *offset = NULL;
    int64_t none;
    if (!data)
        return true;
    const struct atom *pointer = pointer_in(e->walk, data->core->source, &offset);
    if (!pointer || !pointer->write || !known_number(offset, &none) || none != 0)
        return undecided(e, data, "what is sent begins where a window of a circular buffer does");
    if (!same_value(data->core->source, data->core->target))
        return refuse(e, data, print(e, "%s is sent to another address than it has here", block_name(e, x)),
                      NULL, NULL,
                      "a window lies at one address on all cores: send it to the address that it has");
    return check_window(e, x);
}

/* ---- all cores alike ---- */

/* An event on the buffer that some cores have and others have not, or that moves other pages there. */
static const struct item *uneven_move(struct exchanges *e, const struct item *items, size_t buffer,
                                      bool uneven) {
    for (const struct item *i = items; i; i = i->next) {
        bool moves = i->kind == ITEM_EVENT && i->effect == EFFECT_PUSH && i->buffer == buffer;
        if (moves && (uneven || differs_by_core(e->walk, i->pages)))
            return i;
        const struct polynomial *plane[2];
        bool inner = uneven || (i->kind == ITEM_CHOICE
                                    ? condition_differs(e->walk, i->condition)
                                    : i->kind == ITEM_LOOP && !even_in_plane(e->walk, i->trips, plane));
        const struct item *found = uneven_move(e, i->body, buffer, inner);
        found = found ? found : uneven_move(e, i->otherwise, buffer, inner);
        if (found)
            return found;
    }
    return NULL;
}

static bool check_alike(struct exchanges *e, const struct exchange *x) {
    const struct item *data = x->sender.steps[STEP_DATA];
    const struct item *move = data ? uneven_move(e, e->events, data->buffer, false) : NULL;
    if (!move)
        return true;
    return refuse(e, move,
                  print(e, "pushes %s pages of %s on some cores and others elsewhere",
                        value_text(e->walk, move->pages), buffer_label(e->walk, data->buffer)),
                  data, "its pages are sent here, to the address that they have on the sender",
                  "the windows of a buffer that is sent move alike on all cores");
}

/* Two exchanges with one semaphore: what one counts the other takes. */
static bool check_apart(struct exchanges *e, const struct exchange *a, const struct exchange *b) {
    bool same_core = true;
    for (size_t d = 0; d < 2; d++)
        same_core = same_core && (a->core[d] == b->core[d] || same_value(a->core[d], b->core[d]));
    const struct item *const *first = a->sender.steps, *const *second = b->sender.steps;
    for (int step = STEP_WAIT; !same_core && step <= STEP_FLAG; step += STEP_FLAG - STEP_WAIT)
        if (same_semaphore(first[step], second[step]))
            return refuse(e, second[step],
                          print(e, "%s serves two senders, core %s and core %s", label(second[step]),
                                core_text(e, a->core), core_text(e, b->core)),
                          first[step], "the other exchange is here",
                          "every direction has semaphores of its own: what one counts the other would take");
    return true;
}

/* ---- the proof ---- */

static bool check_exchange(struct exchanges *e, struct exchange *x) {
    if (x->sender.unclear || x->receiver.unclear)
        return undecided(e, x->choice, "this is an exchange of one sender and its receivers");
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
            undecided(e, e->events, "exchanges of two functions wait for one another");
        bool right = !e->uneven;
        if (e->uneven)
            refuse(e, e->uneven,
                   print(e, "cores exchange blocks in %s turns, which differ from core to core",
                         value_text(w, e->uneven->trips)),
                   e->count ? e->items[0].choice : NULL, "the exchange is here",
                   "who has fewer turns leaves the others waiting: let every core take all of them");
        for (size_t i = 0; right && i < e->count; i++)
            right = check_exchange(e, &e->items[i]) && right;
        for (size_t i = 1; right && i < e->count; i++)
            for (size_t j = 0; right && j < i; j++)
                right = check_apart(e, &e->items[j], &e->items[i]);
        if (right && e->stray)
            undecided(e, e->stray,
                      "this call between cores is part of an exchange of one sender and its receivers");
    }
}
