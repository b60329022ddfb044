/* Launches in numbers. A fault is shown by the first iteration of the first core that meets it. */
#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/launch.h"
#include "proofs/internal.h"
#include "proofs/tensor.h"

#define STEP_LIMIT (1 << 19)

static atom_number atom_now;

bool sample_value(struct sample_launch *s, const struct polynomial *p, int64_t *value) {
    return polynomial_number(p, atom_now, s, value);
}

static bool atom_now(void *context, size_t index, int64_t *value) {
    struct sample_launch *s = context;
    const struct atom *atom = &s->walk->values.atoms[index];
    int64_t a, b;
    switch (atom->kind) {
    case ATOM_SIZE:
        s->used[index] = true;
        *value = size_of_sample(s->walk, s->sample, index);
        return true;
    case ATOM_START:
        *value = s->start;
        return true;
    case ATOM_COUNT:
        *value = s->count;
        return true;
    case ATOM_CORE:
        s->used[index] = true;
        *value = s->core[atom->position];
        return true;
    case ATOM_LOOP:
        *value = s->iteration[index];
        return s->bound[index];
    case ATOM_INDEX:
        s->used[index] = true;
        return index_number(atom, atom_now, s, value);
    case ATOM_POINTER:
    case ATOM_NOC:
    case ATOM_SEMAPHORE:
        return false;
    default:
        break;
    }
    return sample_value(s, atom->a, &a) && sample_value(s, atom->b, &b) &&
           atom_operate(atom->kind, a, b, value);
}

/* ---- launches ---- */

static bool facts_hold(struct sample_launch *s, const struct facts *facts) {
    int64_t value;
    bool known = true;
    for (size_t i = 0; i < facts->count; i++) {
        if (!sample_value(s, facts->items[i], &value))
            known = false;
        else if (value < 0)
            return false;
    }
    s->partial = s->partial || !known;
    return known;
}

static bool guard_holds(struct sample_launch *s, const struct alternatives *guard) {
    for (size_t i = 0; guard->known && i < guard->count; i++)
        if (facts_hold(s, &guard->items[i]))
            return true;
    return false;
}

static bool launch_is_taken(struct sample_launch *s) {
    struct walk *w = s->walk;
    struct node_list wanted = node_as(w->compilation->kernel, kernel)->conditions;
    struct launch_place place = walk_enter_launch(w);
    bool taken = true;
    for (size_t i = 0; taken && i < wanted.count; i++)
        taken = guard_holds(s, condition_alternatives(w, wanted.items[i], true));
    walk_leave_launch(w, place);
    struct facts facts = {0};
    launch_facts(w, &facts);
    return taken && facts_hold(s, &facts);
}

struct sample_launch *sample_launch(struct walk *w, int sample) {
    if (sample >= SAMPLE_COUNT || (sample && !walk_has_sizes(w)))
        return NULL;
    struct sample_launch *s = arena_allocate(w->compilation->arena, sizeof *s);
    *s = (struct sample_launch){
        .walk = w, .sample = sample, .cores = {w->values.cores[0], w->values.cores[1]}, .steps = STEP_LIMIT};
    if (s->cores[0] < 1 || s->cores[1] < 1 || !launch_is_taken(s) ||
        !sample_value(s, w->values.points, &s->points) || s->points < 0)
        return NULL;
    memset(s->used, 0, sizeof s->used);
    s->partial = false;
    return s;
}

static bool come(struct sample_launch *s, size_t depth, sample_visit *visit, void *context) {
    const struct page_access *access = s->access;
    if (depth == access->loop_count)
        return !guard_holds(s, access->guard) || visit(s, context);
    size_t atom = access->loops[depth];
    const struct atom *loop = &s->walk->values.atoms[atom];
    int64_t lower, upper;
    if (!sample_value(s, loop->a, &lower) || !sample_value(s, loop->b, &upper)) {
        s->partial = true;
        return true;
    }
    bool goes_on = true;
    s->bound[atom] = true;
    for (int64_t iteration = lower; goes_on && iteration < upper && s->steps > 0; iteration += loop->step) {
        s->steps--;
        s->iteration[atom] = iteration;
        goes_on = come(s, depth + 1, visit, context);
    }
    s->bound[atom] = !goes_on; /* where a search ends, the iteration stands */
    return goes_on;
}

bool sample_visit_access(struct sample_launch *s, const struct page_access *access, sample_visit *visit,
                         void *context) {
    int64_t cores = s->cores[0] * s->cores[1];
    s->access = access;
    memset(s->bound, 0, sizeof s->bound);
    for (int64_t core = 0; core < cores; core++) {
        struct launch_share share = launch_share((uint64_t)s->points, (uint32_t)cores, (uint32_t)core);
        s->start = (int64_t)share.start;
        s->count = (int64_t)share.count;
        s->core[0] = core % s->cores[0];
        s->core[1] = core / s->cores[0];
        if (!come(s, 0, visit, context))
            return false;
    }
    return true;
}

/* ---- texts ---- */

static const char *with_value(struct arena *arena, const char *text, const char *name, int64_t value) {
    return arena_printf(arena, "%s%s%s = %" PRId64, text, *text ? ", " : "", name, value);
}

const char *sample_iteration_text(struct sample_launch *s) {
    struct arena *arena = s->walk->compilation->arena;
    const struct values *v = &s->walk->values;
    const char *text = "";
    bool core = false;
    int64_t value;
    for (size_t i = 0; i < v->count; i++)
        core = core || (v->atoms[i].kind == ATOM_CORE && s->used[i]);
    if (core)
        text = arena_printf(arena, "core (%" PRId64 ", %" PRId64 ")", s->core[0], s->core[1]);
    for (size_t i = 0; i < s->access->loop_count; i++) {
        text = with_value(arena, text, s->access->loop_names[i], s->iteration[s->access->loops[i]]);
        for (size_t j = 0; j < v->count; j++)
            if (v->atoms[j].kind == ATOM_INDEX && s->used[j] &&
                same_value(v->atoms[j].a, atom_value(&s->walk->values, s->access->loops[i])) &&
                atom_now(s, j, &value))
                text = with_value(arena, text, v->atoms[j].name, value);
    }
    return text;
}

const char *sample_size_text(struct sample_launch *s) {
    const struct values *v = &s->walk->values;
    const char *text = "";
    for (size_t i = 0; i < v->count; i++)
        if (v->atoms[i].kind == ATOM_SIZE && s->used[i])
            text = with_value(s->walk->compilation->arena, text, v->atoms[i].name,
                              size_of_sample(s->walk, s->sample, i));
    return text;
}
