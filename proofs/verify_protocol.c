/* Counts of pages that are pushed, waited for and popped, compared role against role on every circular
 * buffer. */
#include "proofs/verify_protocol.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "support/device_call.h"

/* ---- sums of pages: a number of pages times what multiplies it (trips of loops, conditions) ---- */

struct factor {
    const char *key;  /* equal keys, equal values: in terms of launch arguments and numbered values */
    const char *text; /* as the source says it */
    const struct factor *outer;
};

struct term {
    int64_t pages;
    const char *key, *text;
};

struct sum {
    struct term *terms;
    size_t count, capacity;
};

#define FACTOR_LIMIT 32

struct side {
    struct sum sum;
    struct node_function *function; /* the first that does it */
    struct node_function *other;    /* another one that does it too */
    struct span span;
};

struct account {
    struct node_circular_buffer *buffer;
    struct side pushed, popped;
};

struct binding {
    const char *name;
    struct node *value;
    const struct binding *next;
};

struct audit {
    struct compilation *compilation;
    struct account *accounts;
    size_t account_count;
    const char **values; /* texts of numbered values, interned */
    size_t value_count, value_capacity;
    struct node_function *function;
    const struct binding *bindings;
    int64_t number;               /* what multiplies the statement at hand: a number */
    const struct factor *factors; /* and the values that are none */
    int depth, unknown_values;
    bool unclear; /* a call names no circular buffer, or a number is too large: no judgement on balance */
};

/* ---- values by number: equal numbers, equal values, in every function ---- */

static struct node *numbered_value(struct audit *audit, const char *text) {
    struct arena *arena = audit->compilation->arena;
    const char *interned = arena_intern(arena, text);
    size_t number = 0;
    while (number < audit->value_count && audit->values[number] != interned)
        number++;
    if (number == audit->value_capacity) {
        audit->value_capacity = audit->value_capacity ? 2 * audit->value_capacity : 32;
        const char **values = arena_allocate(arena, audit->value_capacity * sizeof *values);
        if (audit->value_count)
            memcpy(values, audit->values, audit->value_count * sizeof *values);
        audit->values = values;
    }
    if (number == audit->value_count)
        audit->values[audit->value_count++] = interned;
    return make_reference(arena, arena_printf(arena, "#%zu", number));
}

static void bind(struct audit *audit, const char *name, struct node *value) {
    struct binding *binding = arena_allocate(audit->compilation->arena, sizeof *binding);
    *binding = (struct binding){name, value, audit->bindings};
    audit->bindings = binding;
}

static struct node *resolve_in(struct node *node, void *context) {
    struct audit *audit = context;
    struct node_reference *reference = node_as(node, reference);
    if (!reference)
        return node_map_children(audit->compilation->arena, node, resolve_in, context);
    for (const struct binding *b = audit->bindings; b; b = b->next) {
        if (strcmp(b->name, reference->name) != 0)
            continue;
        /* A variable may differ from one mention to the next: every mention is a value of its own. */
        return b->value
                   ? b->value
                   : make_reference(audit->compilation->arena,
                                    arena_printf(audit->compilation->arena, "?%d", audit->unknown_values++));
    }
    return node;
}

/* The expression with names replaced by what they stand for. */
static struct node *resolve(struct audit *audit, struct node *expression) {
    return simplify(audit->compilation->arena, resolve_in(expression, audit));
}

/* A short form of a resolved value: itself when it is a number or a name, else its number. Texts stay short
 * under any nesting. */
static struct node *short_value(struct audit *audit, struct node *value) {
    bool is_short = value->kind == NODE_INTEGER || value->kind == NODE_REFERENCE;
    return is_short ? value : numbered_value(audit, node_text(audit->compilation->arena, value));
}

/* ---- terms ---- */

static int compare_factors(const void *a, const void *b) {
    return strcmp((*(const struct factor *const *)a)->key, (*(const struct factor *const *)b)->key);
}

static void add_term(struct audit *audit, struct sum *sum) {
    struct arena *arena = audit->compilation->arena;
    const struct factor *sorted[FACTOR_LIMIT];
    size_t count = 0;
    const char *key = "", *text = "";
    for (const struct factor *f = audit->factors; f && !audit->unclear; f = f->outer) {
        if (count == FACTOR_LIMIT)
            audit->unclear = true;
        else
            sorted[count++] = f;
        text = arena_printf(arena, " * %s%s", f->text, text);
    }
    if (audit->unclear)
        return;
    if (count)
        qsort(sorted, count, sizeof *sorted, compare_factors);
    for (size_t i = 0; i < count; i++)
        key = arena_printf(arena, "%s;%s", key, sorted[i]->key);
    for (size_t i = 0; i < sum->count; i++) {
        if (strcmp(sum->terms[i].key, key) == 0) {
            audit->unclear |=
                __builtin_add_overflow(sum->terms[i].pages, audit->number, &sum->terms[i].pages);
            return;
        }
    }
    if (sum->count == sum->capacity) {
        sum->capacity = sum->capacity ? 2 * sum->capacity : 4;
        struct term *terms = arena_allocate(arena, sum->capacity * sizeof *terms);
        if (sum->count)
            memcpy(terms, sum->terms, sum->count * sizeof *terms);
        sum->terms = terms;
    }
    sum->terms[sum->count++] = (struct term){audit->number, key, text};
}

static void push_factor(struct audit *audit, const char *key, const char *text) {
    struct factor *factor = arena_allocate(audit->compilation->arena, sizeof *factor);
    *factor = (struct factor){key, text, audit->factors};
    audit->factors = factor;
}

/* Multiplies what follows by a value: products fall into their factors. The source tells how to say it. */
static void multiply(struct audit *audit, struct node *value, struct node *source) {
    struct node_binary *product = node_as(value, binary), *written = node_as(source, binary);
    int64_t literal;
    if (integer_value(value, &literal)) {
        audit->unclear |= __builtin_mul_overflow(audit->number, literal < 0 ? 0 : literal, &audit->number);
    } else if (product && product->op == BINARY_MULTIPLY) {
        bool same_shape = written && written->op == BINARY_MULTIPLY;
        multiply(audit, product->left, same_shape ? written->left : product->left);
        multiply(audit, product->right, same_shape ? written->right : product->right);
    } else {
        struct arena *arena = audit->compilation->arena;
        bool atom = source->kind == NODE_REFERENCE || source->kind == NODE_CALL;
        push_factor(audit, node_text(arena, short_value(audit, value)),
                    arena_printf(arena, atom ? "%s" : "(%s)", node_text(arena, source)));
    }
}

static const char *sum_text(struct arena *arena, const struct sum *sum) {
    const char *text = "";
    for (size_t i = 0; i < sum->count; i++) {
        const struct term *term = &sum->terms[i];
        const char *plus = i ? " + " : "";
        if (term->pages == 1 && term->text[0])
            text = arena_printf(arena, "%s%s%s", text, plus, term->text + strlen(" * "));
        else
            text = arena_printf(arena, "%s%s%" PRId64 "%s", text, plus, term->pages, term->text);
    }
    return text;
}

static int64_t pages_of(const struct sum *sum, const char *key) {
    for (size_t i = 0; i < sum->count; i++)
        if (strcmp(sum->terms[i].key, key) == 0)
            return sum->terms[i].pages;
    return 0;
}

/* Surely different: terms are never negative, so sums differ when some terms of one are greater and none is
 * smaller. */
static bool sums_differ(const struct sum *a, const struct sum *b) {
    bool greater = false, smaller = false;
    for (size_t i = 0; i < a->count; i++) {
        int64_t other = pages_of(b, a->terms[i].key);
        greater |= a->terms[i].pages > other;
        smaller |= a->terms[i].pages < other;
    }
    for (size_t i = 0; i < b->count; i++)
        smaller |= b->terms[i].pages > pages_of(a, b->terms[i].key);
    return greater != smaller;
}

/* ---- the walk ---- */

/* Of a call that moves the window of a circular buffer; else EFFECT_NONE. */
static enum effect_kind protocol_call(const struct node_call *call) {
    const struct device_call *row = device_call_find(call->function);
    bool moves = row && row->pages && call->arguments.count == row->count;
    return moves ? row->kind : EFFECT_NONE;
}

static struct account *account_of(struct audit *audit, struct node *argument) {
    struct node_reference *name = node_as(argument, reference);
    int64_t id = -1;
    bool has_id = integer_value(resolve(audit, argument), &id);
    for (size_t i = 0; i < audit->account_count; i++) {
        struct node_circular_buffer *buffer = audit->accounts[i].buffer;
        if (name ? strcmp(buffer->name, name->name) == 0 : has_id && buffer->id == id)
            return &audit->accounts[i];
    }
    return NULL;
}

static void check_count(struct audit *audit, const struct account *account, struct node_call *call,
                        struct span span) {
    int64_t count, pages;
    if (!integer_value(resolve(audit, call->arguments.items[1]), &count) ||
        !integer_value(account->buffer->pages, &pages) || pages < 1 || count <= pages)
        return;
    struct diagnostics *d = audit->compilation->diagnostics;
    report_error(d, span, "%s of %" PRId64 " pages: circular buffer %s has %" PRId64, call->function, count,
                 account->buffer->name, pages);
    report_note(d, account->buffer->base.span, "%s is declared here", account->buffer->name);
    report_help(d, (struct span){0}, "such a call never returns: give the buffer at least %" PRId64 " pages",
                count);
}

static void enter_call(struct audit *audit, struct side *side, struct span span, struct node *count) {
    int64_t number = audit->number;
    const struct factor *factors = audit->factors;
    multiply(audit, resolve(audit, count), count);
    if (audit->number)
        add_term(audit, &side->sum);
    audit->number = number;
    audit->factors = factors;
    if (!side->function) {
        side->function = audit->function;
        side->span = span;
    } else if (side->function != audit->function && !side->other) {
        side->other = audit->function;
    }
}

static void audit_call(struct audit *audit, struct node_call *call, struct span span) {
    enum effect_kind kind = protocol_call(call);
    if (kind == EFFECT_NONE)
        return;
    struct account *account = account_of(audit, call->arguments.items[0]);
    if (!account || audit->function->role == ROLE_HELPER) {
        audit->unclear = true;
        return;
    }
    check_count(audit, account, call, span);
    if (kind == EFFECT_PUSH || kind == EFFECT_POP)
        enter_call(audit, kind == EFFECT_PUSH ? &account->pushed : &account->popped, span,
                   call->arguments.items[1]);
}

static bool audit_node(struct node *node, void *context);

static const char *resolved_text(struct audit *audit, struct node *expression) {
    if (!expression)
        return "";
    return node_text(audit->compilation->arena, short_value(audit, resolve(audit, expression)));
}

/* A loop variable is a value of its own: equal at equal depth in loops of equal ranges. */
static void audit_loop(struct audit *audit, struct node_for *loop) {
    struct arena *arena = audit->compilation->arena;
    int64_t number = audit->number;
    const struct factor *factors = audit->factors;
    int depth = audit->depth;
    for (size_t i = 0; i < loop->axes.count; i++) {
        struct node_axis *axis = node_as(loop->axes.items[i], axis);
        if (!axis->lower || !axis->upper) {
            audit->unclear = true;
            continue;
        }
        struct node *trips = axis_trips(arena, axis);
        multiply(audit, resolve(audit, trips), trips);
        bind(audit, axis->name,
             numbered_value(audit,
                            arena_printf(arena, "for %d %s %s %s", audit->depth++,
                                         resolved_text(audit, axis->lower), resolved_text(audit, axis->upper),
                                         resolved_text(audit, axis->step))));
    }
    audit_node(loop->body, audit);
    audit->number = number;
    audit->factors = factors;
    audit->depth = depth;
}

static void audit_branches(struct audit *audit, struct node_if *choice) {
    struct arena *arena = audit->compilation->arena;
    const struct factor *factors = audit->factors;
    const char *condition = resolved_text(audit, choice->condition),
               *text = node_text(arena, choice->condition);
    push_factor(audit, arena_printf(arena, "if %s", condition), arena_printf(arena, "[%s]", text));
    audit_node(choice->then, audit);
    audit->factors = factors;
    push_factor(audit, arena_printf(arena, "else %s", condition), arena_printf(arena, "[!(%s)]", text));
    if (choice->otherwise)
        audit_node(choice->otherwise, audit);
    audit->factors = factors;
}

static void bind_delinearized(struct audit *audit, struct node_delinearize *delinearize) {
    struct arena *arena = audit->compilation->arena;
    const char *value = resolved_text(audit, delinearize->value), *extents = "";
    for (size_t i = 0; i < delinearize->extents.count; i++)
        extents = arena_printf(arena, "%s %s", extents, resolved_text(audit, delinearize->extents.items[i]));
    for (size_t i = 0; i < delinearize->names.count; i++)
        bind(audit, node_as(delinearize->names.items[i], reference)->name,
             numbered_value(audit, arena_printf(arena, "delinearize %zu %s over%s", i, value, extents)));
}

static bool audit_node(struct node *node, void *context) {
    struct audit *audit = context;
    const struct binding *bindings = audit->bindings;
    switch (node->kind) {
    case NODE_FOR:
        audit_loop(audit, node_as(node, for));
        audit->bindings = bindings;
        break;
    case NODE_IF:
        audit_branches(audit, node_as(node, if));
        break;
    case NODE_BLOCK:
        node_each_child(node, audit_node, context);
        audit->bindings = bindings;
        break;
    case NODE_LET:
        bind(audit, node_as(node, let)->name, short_value(audit, resolve(audit, node_as(node, let)->value)));
        break;
    case NODE_CONSTANT:
        bind(audit, node_as(node, constant)->name,
             short_value(audit, resolve(audit, node_as(node, constant)->value)));
        break;
    case NODE_VAR:
        bind(audit, node_as(node, var)->name, NULL);
        break;
    case NODE_DELINEARIZE:
        bind_delinearized(audit, node_as(node, delinearize));
        break;
    case NODE_STATEMENT:
        audit_call(audit, node_as(node_as(node, statement)->call, call), node->span);
        break;
    default:
        break;
    }
    return true;
}

/* ---- judgement ---- */

/* "reader pushes 8 * count pages" */
static const char *side_text(struct arena *arena, const struct side *side, const char *does,
                             const char *nothing) {
    if (!side->sum.count)
        return nothing;
    return arena_printf(arena, "%s %s %s pages", side->function->name, does, sum_text(arena, &side->sum));
}

static bool check_single(struct audit *audit, const struct account *account, const struct side *side,
                         const char *verb) {
    if (!side->other)
        return true;
    struct diagnostics *d = audit->compilation->diagnostics;
    report_error(d, side->other->base.span, "circular buffer %s is %s by %s and by %s", account->buffer->name,
                 verb, side->function->name, side->other->name);
    report_note(d, side->span, "%s does so here", side->function->name);
    report_help(d, (struct span){0}, "a circular buffer has one producer and one consumer");
    return false;
}

/* Tiles that the reader makes once stay for the whole launch: pushed within the pages of the buffer, never
 * popped. */
static bool is_resident(const struct account *account) {
    const struct sum *pushed = &account->pushed.sum;
    int64_t pages;
    return attribute_get(&account->buffer->base, KEY_TT_FILL) && !account->popped.function &&
           pushed->count == 1 && !pushed->terms[0].key[0] && integer_value(account->buffer->pages, &pages) &&
           pushed->terms[0].pages <= pages;
}

static void check_balance(struct audit *audit, const struct account *account) {
    const struct side *pushed = &account->pushed, *popped = &account->popped;
    struct compilation *c = audit->compilation;
    if (audit->unclear || is_resident(account) || !sums_differ(&pushed->sum, &popped->sum))
        return;
    report_error(c->diagnostics, account->buffer->base.span, "circular buffer %s does not balance: %s, %s",
                 account->buffer->name, side_text(c->arena, pushed, "pushes", "nothing is pushed"),
                 side_text(c->arena, popped, "pops", "nothing is popped"));
    if (pushed->function)
        report_note(c->diagnostics, pushed->span, "%s pushes here", pushed->function->name);
    if (popped->function)
        report_note(c->diagnostics, popped->span, "%s pops here", popped->function->name);
    report_help(c->diagnostics, (struct span){0}, "every page that is pushed must be popped once");
}

void verify_circular_buffer_protocol(struct compilation *c) {
    struct node_block *body = node_as(node_as(c->kernel, kernel)->body, block);
    struct node_list statements = body ? body->statements : (struct node_list){0};
    struct audit audit = {.compilation = c, .number = 1};
    audit.accounts = arena_allocate(c->arena, (statements.count + 1) * sizeof *audit.accounts);
    for (size_t i = 0; i < statements.count; i++) {
        struct node_circular_buffer *buffer = node_as(statements.items[i], circular_buffer);
        if (buffer)
            audit.accounts[audit.account_count++].buffer = buffer;
    }
    for (size_t i = 0; i < statements.count; i++) {
        audit.function = node_as(statements.items[i], function);
        audit.bindings = NULL;
        if (audit.function)
            audit_node(audit.function->body, &audit);
    }
    for (size_t i = 0; i < audit.account_count; i++) {
        const struct account *account = &audit.accounts[i];
        bool one_producer = check_single(&audit, account, &account->pushed, "filled");
        bool one_consumer = check_single(&audit, account, &account->popped, "emptied");
        if (one_producer && one_consumer)
            check_balance(&audit, account);
    }
}

/* ---- DST sections ---- */

enum section_state { SECTION_NONE, SECTION_ACQUIRED, SECTION_COMMITTED, SECTION_PACKING };

struct section_walk {
    struct diagnostics *diagnostics;
    enum section_state state;
    struct span begin; /* of the call that led to the state */
    bool failed;       /* one error a function: what follows would only mislead */
};

static const struct {
    enum effect_kind call;
    enum section_state needs, gives;
} section_calls[] = {
    {EFFECT_ACQUIRE, SECTION_NONE, SECTION_ACQUIRED},
    {EFFECT_COMMIT, SECTION_ACQUIRED, SECTION_COMMITTED},
    {EFFECT_DST_WAIT, SECTION_COMMITTED, SECTION_PACKING},
    {EFFECT_PACK, SECTION_PACKING, SECTION_PACKING},
    {EFFECT_RELEASE, SECTION_PACKING, SECTION_NONE},
};

static const char *const section_states[] = {
    "outside a DST section",
    "behind tile_regs_acquire",
    "behind tile_regs_commit",
    "behind tile_regs_wait",
};

static void section_error(struct section_walk *walk, struct span span, const char *what,
                          enum section_state needs) {
    walk->failed = true;
    report_error(walk->diagnostics, span, "%s must stand %s, here it stands %s", what, section_states[needs],
                 section_states[walk->state]);
    if (walk->state != SECTION_NONE)
        report_note(walk->diagnostics, walk->begin, "the last step of the section is here");
    report_help(walk->diagnostics, (struct span){0},
                "a section goes acquire, commit, wait, release, one after another");
}

static void section_call(struct section_walk *walk, struct node_call *call, struct span span) {
    const struct device_call *row = device_call_find(call->function);
    for (size_t i = 0; row && i < sizeof section_calls / sizeof *section_calls; i++) {
        if (row->kind != section_calls[i].call)
            continue;
        if (walk->state != section_calls[i].needs) {
            section_error(walk, span, call->function, section_calls[i].needs);
            return;
        }
        if (walk->state != section_calls[i].gives)
            walk->begin = span;
        walk->state = section_calls[i].gives;
    }
}

/* A body that runs any number of times, or not at all, leaves the section as it found it. */
static bool visit_section(struct node *node, void *context) {
    struct section_walk *walk = context;
    enum section_state before = walk->state;
    if (node->kind == NODE_STATEMENT) {
        section_call(walk, node_as(node_as(node, statement)->call, call), node->span);
    } else if (node->kind == NODE_IF) {
        struct node_if *choice = node_as(node, if);
        visit_section(choice->then, context);
        enum section_state after = walk->state;
        walk->state = walk->failed ? after : before;
        if (!walk->failed && choice->otherwise)
            visit_section(choice->otherwise, context);
        if (!walk->failed && walk->state != after) {
            walk->failed = true;
            report_error(walk->diagnostics, node->span, "this `if` ends %s one way and %s the other",
                         section_states[after], section_states[walk->state]);
            report_help(walk->diagnostics, (struct span){0},
                        "both branches must leave a DST section in the same state");
        }
    } else if (node->kind == NODE_BLOCK || node->kind == NODE_FOR) {
        node_each_child(node, visit_section, context);
        if (node->kind == NODE_FOR && !walk->failed && walk->state != before)
            section_error(walk, node->span, "the end of this loop's body", before);
    }
    return !walk->failed;
}

void verify_dst_sections(struct compilation *c, struct node_function *function) {
    struct section_walk walk = {.diagnostics = c->diagnostics};
    visit_section(function->body, &walk);
    if (!walk.failed && walk.state != SECTION_NONE)
        section_error(&walk, function->base.span, "the end of the function", SECTION_NONE);
}
