/* All proofs of a device kernel in their order, what each shows, and what they share: numbers as text,
 * pointers into buffers, the tiles of a section. */
#include "proofs/prove.h"

#include "ir/attributes.h"
#include "support/architecture.h"
#include "support/explanation.h"
#include "proofs/internal.h"
#include "proofs/tensor.h"

#include <inttypes.h>

/* ---- what proofs share ---- */

bool prove_quietly(struct walk *w, const struct polynomial *p, const struct polynomial *limit) {
    w->quiet++;
    enum verdict verdict = prove_at_most(w, p, limit);
    w->quiet--;
    return verdict == PROVED;
}

void no_final(struct walk *w, void *state) {
    (void)w;
    (void)state;
}

/* Rounded up as `ceildiv` says it. */
static const char *quotient_text(struct walk *w, const struct atom *atom) {
    struct values *v = &w->values;
    const struct polynomial *up = sum_of(v, difference_of(v, atom->a, atom->b), number(v, 1));
    int64_t divisor;
    bool rounds_up = known_number(atom->b, &divisor) && up && up->count && never_negative(up) &&
                     up->terms[up->count - 1].degree > 0;
    return arena_printf(w->compilation->arena, rounds_up ? "ceildiv(%s, %s)" : "((%s) / %s)",
                        value_text(w, rounds_up ? up : atom->a), value_text(w, atom->b));
}

static const char *atom_text(struct walk *w, const struct atom *atom) {
    struct arena *arena = w->compilation->arena;
    switch (atom->kind) {
    case ATOM_MINIMUM:
        return arena_printf(arena, "min(%s, %s)", value_text(w, atom->a), value_text(w, atom->b));
    case ATOM_MAXIMUM:
        return arena_printf(arena, "max(%s, %s)", value_text(w, atom->a), value_text(w, atom->b));
    case ATOM_QUOTIENT:
        return quotient_text(w, atom);
    case ATOM_REMAINDER:
        return arena_printf(arena, "(%s) %% %s", value_text(w, atom->a), value_text(w, atom->b));
    case ATOM_INDEX:
        return "the block's number";
    case ATOM_POINTER:
        return "the window";
    case ATOM_NOC:
        return arena_printf(arena, "%s(%s, %s)", atom->name, value_text(w, atom->a), value_text(w, atom->b));
    default:
        return atom->name;
    }
}

const char *value_text(struct walk *w, const struct polynomial *p) {
    struct arena *arena = w->compilation->arena;
    const char *text = "";
    if (!p)
        return "an unknown number of";
    for (size_t i = 0; i < p->count; i++) {
        const struct monomial *term = &p->terms[i];
        int64_t factor = term->factor < 0 ? -term->factor : term->factor;
        const char *sign = i ? (term->factor < 0 ? " - " : " + ") : term->factor < 0 ? "-" : "";
        bool shows = factor != 1 || !term->degree;
        text = shows ? arena_printf(arena, "%s%s%" PRId64, text, sign, factor)
                     : arena_printf(arena, "%s%s", text, sign);
        for (size_t j = 0; j < term->degree; j++)
            text = arena_printf(arena, "%s%s%s", text, shows || j ? " * " : "",
                                atom_text(w, &w->values.atoms[term->atoms[j]]));
    }
    return p->count ? text : "0";
}

const struct atom *pointer_in(struct walk *w, const struct polynomial *address,
                              const struct polynomial **offset) {
    const struct atom *found = NULL;
    struct values *v = &w->values;
    for (size_t i = 0; address && i < address->count; i++) {
        for (size_t j = 0; j < address->terms[i].degree; j++) {
            const struct atom *atom = &v->atoms[address->terms[i].atoms[j]];
            if (atom->kind != ATOM_POINTER)
                continue;
            if (found || address->terms[i].degree != 1 || address->terms[i].factor != 1)
                return NULL;
            found = atom;
        }
    }
    if (found)
        *offset = difference_of(v, address, atom_value(v, (size_t)(found - v->atoms)));
    return found;
}

static int64_t compute_setting(const struct walk *w, const char *key) {
    return attribute_integer(dictionary_get(attribute_get(w->compilation->kernel, KEY_TT_COMPUTE), key), 0);
}

bool dst_holds_f32(const struct walk *w) {
    return compute_setting(w, KEY_FP32_DEST_ACC_EN) != 0;
}

int64_t section_tiles(const struct walk *w) {
    const struct architecture *a = w->compilation->architecture;
    int64_t tiles = dst_holds_f32(w) ? a->dst_tiles_f32 : a->dst_tiles_16;
    return compute_setting(w, KEY_DST_FULL_SYNC_EN) ? 2 * tiles : tiles;
}

/* ---- all of them ---- */

static struct node_list functions_of(struct compilation *c) {
    struct node_block *body = node_as(node_as(c->kernel, kernel)->body, block);
    struct list_builder functions = {0};
    for (size_t i = 0; body && i < body->statements.count; i++) {
        struct node_function *function = node_as(body->statements.items[i], function);
        if (function && function->role != ROLE_HELPER)
            builder_add(c->arena, &functions, &function->base);
    }
    return builder_list(&functions);
}

/* The proofs of one function, and what each shows of it. */
static const struct function_proof {
    const struct domain *domain;
    bool data, compute; /* asked of reader and writer, of compute */
    const char *shown;
} function_proofs[] = {
    {&windows_domain, true, true,
     "reads pages only where they are waited for, writes them only where they are reserved, and no window straddles the end of its ring"},
    {&movement_domain, true, false,
     "moves a window only when its transfers are done, and ends with all of them done"},
    {&configuration_domain, false, true,
     "runs every operation under its own init, in the formats of its buffers"},
    {&slots_domain, false, true,
     "keeps to the slots of its DST sections, and packs what was written in them"},
};

/* A sentence, where nothing was reported and nothing left open since `open` was counted. */
static void explain_proved(const struct walk *w, unsigned open, struct span span, const char *subject,
                           const char *shown) {
    const struct compilation *c = w->compilation;
    if (c->diagnostics->error_count == w->errors && w->open == open)
        explain(c->explanations, span, "%s%s", subject, shown);
}

static void prove_function(struct walk *w, const struct node_function *function) {
    bool compute = function->role == ROLE_COMPUTE;
    for (size_t i = 0; i < sizeof function_proofs / sizeof *function_proofs; i++) {
        const struct function_proof *row = &function_proofs[i];
        unsigned open = w->open;
        if (!(compute ? row->compute : row->data))
            continue;
        walk_function(w, row->domain, function);
        explain_proved(w, open, function->base.span,
                       arena_printf(w->compilation->arena, "%s ", function->name), row->shown);
    }
}

bool prove_device_kernel(struct compilation *c) {
    struct walk *w = walk_create(c);
    struct node_list functions = functions_of(c);
    struct span span = c->kernel->span;
    for (size_t i = 0; i < functions.count; i++)
        prove_function(w, node_as(functions.items[i], function));
    unsigned open = w->open;
    prove_order(w, functions);
    explain_proved(
        w, open, span, "",
        "every circular buffer has one producer and one consumer, and what an iteration pushes the same iteration pops");
    const struct page_accesses *accesses = prove_pages(w, functions);
    if (c->diagnostics->error_count == w->errors) /* what is out of bounds covers nothing */
        prove_cover(w, accesses);
    open = w->open;
    if (c->diagnostics->error_count == w->errors)
        prove_exchanges(w, functions);
    if (c->diagnostics->error_count == w->errors)
        prove_no_deadlock(w, functions);
    explain_proved(w, open, span, "",
                   "no function waits for ever: neither for pages, nor for space, nor for another core");
    return !w->beyond;
}
