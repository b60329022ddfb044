/* The machine: instructions one after another, until the program ends or a fault stops it. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "evaluate/machine.h"

#define STORAGE_LIMIT ((uint64_t)1 << 28) /* elements of one buffer */

void machine_fault(struct machine *m, struct span span, const char *format, ...) {
    if (m->stopped)
        return;
    m->stopped = true;
    va_list arguments;
    va_start(arguments, format);
    const char *message = arena_vprintf(m->arena, format, arguments);
    va_end(arguments);
    report_error(m->diagnostics, span.line ? span : m->span, "%s", message);
}

bool machine_step(struct machine *m) {
    if (++m->steps > m->step_limit) {
        m->given_up |= !m->stopped;
        machine_fault(m, m->span, "the evaluation was given up after %" PRIu64 " steps", m->step_limit);
    }
    return !m->stopped;
}

/* ---- storage ---- */

static void declare(struct machine *m, const struct declaration *d) {
    struct storage *storage = &m->storages[d->storage];
    uint64_t count = 1;
    storage->rank = d->rank;
    for (size_t i = 0; i < d->rank; i++) {
        int64_t lower = integer_of(m, d->bounds[i].lower), upper = integer_of(m, d->bounds[i].upper);
        storage->lower[i] = lower;
        storage->extent[i] = upper > lower ? upper - lower : 0;
        if (__builtin_mul_overflow(count, (uint64_t)storage->extent[i], &count) || count > STORAGE_LIMIT) {
            m->given_up |= !m->stopped;
            machine_fault(m, m->span, "%s is too large to be evaluated",
                          m->program->storages[d->storage].name);
            return;
        }
    }
    if (count > storage->capacity) {
        storage->items = arena_allocate(m->arena, (size_t)count * sizeof *storage->items);
        storage->capacity = (size_t)count;
    }
    storage->count = (size_t)count;
    for (size_t i = 0; i < storage->count; i++)
        storage->items[i] = number_hole();
}

/* ---- assignments ---- */

static int64_t wrap(const struct assignment *a, int64_t value) {
    switch (a->type) {
    case NUMBER_I32:
        if (a->dtype == DTYPE_U8)
            return value & UINT8_MAX;
        return (int32_t)(uint32_t)(uint64_t)value;
    case NUMBER_U32:
        return (int64_t)((uint64_t)value & (a->dtype == DTYPE_U16 ? UINT16_MAX : UINT32_MAX));
    default:
        return value;
    }
}

/* Sums and products wrap by the type of the place, so 64 bits that wrap themselves are enough. */
static int64_t combine_integers(enum assign_operator op, int64_t a, int64_t b) {
    switch (op) {
    case ASSIGN_ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case ASSIGN_SUBTRACT:
        return (int64_t)((uint64_t)a - (uint64_t)b);
    case ASSIGN_MULTIPLY:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case ASSIGN_MAX:
        return a > b ? a : b;
    case ASSIGN_MIN:
        return a < b ? a : b;
    default:
        return b;
    }
}

static struct number combine(struct machine *m, enum assign_operator op, struct number a, struct number b) {
    switch (op) {
    case ASSIGN_ADD:
        return number_add(m->model, a, b);
    case ASSIGN_SUBTRACT:
        return number_subtract(m->model, a, b);
    case ASSIGN_MULTIPLY:
        return number_multiply(m->model, a, b);
    case ASSIGN_MAX:
        return number_function_2(m->model, m->greatest, a, b);
    case ASSIGN_MIN:
        return number_function_2(m->model, m->least, a, b);
    default:
        return b;
    }
}

static void assign_slot(struct machine *m, const struct assignment *a) {
    int64_t value = integer_of(m, a->value), *place = &m->slots[a->slot];
    if (a->op != ASSIGN_SET && *place == INT64_MIN) {
        machine_fault(m, m->span, "a variable is updated before it is written");
        return;
    }
    *place = wrap(a, combine_integers(a->op, *place, value));
}

static void assign_element(struct machine *m, const struct assignment *a) {
    if (a->place == PLACE_SLOT) {
        assign_slot(m, a);
        return;
    }
    struct number *place = a->place == PLACE_NUMBER ? &m->numbers[a->slot]
                                                    : element_place(m, a->element, false, m->span),
                  value;
    if (!place)
        return;
    if (a->op != ASSIGN_SET && number_is_hole(*place)) {
        machine_fault(m, m->span, "%s is updated where nothing was written to it", a->name);
        return;
    }
    if (a->fold) {
        struct number old = *place;
        value = fold_of(m, a->fold, &old);
    } else if (a->type == NUMBER_FLOAT) {
        value = number_of(m, a->value);
        value = a->op == ASSIGN_SET ? value : combine(m, a->op, *place, value);
    } else {
        int64_t old = a->op == ASSIGN_SET ? 0 : (int64_t)place->value;
        value = (struct number){(double)wrap(a, combine_integers(a->op, old, integer_of(m, a->value))), 0};
    }
    if (!m->stopped)
        *place = a->dtype ? number_store(m->model, a->dtype, value) : value;
}

static void assign(struct machine *m, const struct assignment *a, size_t depth) {
    if (depth == a->count) {
        assign_element(m, a);
        return;
    }
    const struct range *range = &a->ranges[depth];
    int64_t upper = integer_of(m, range->upper);
    for (int64_t x = integer_of(m, range->lower); x < upper && machine_step(m); x++) {
        m->slots[range->slot] = x;
        assign(m, a, depth + 1);
    }
}

/* ---- control ---- */

static void delinearize(struct machine *m, const struct delinearization *d) {
    int64_t rest = integer_of(m, d->value);
    for (size_t i = d->count; i-- > 0;) {
        int64_t extent = integer_of(m, d->extents[i]);
        if (extent <= 0 || rest < 0 || (i == 0 && rest >= extent)) {
            machine_fault(m, m->span, "delinearize: %" PRId64 " is no position in its extents",
                          integer_of(m, d->value));
            return;
        }
        m->slots[d->slots[i]] = rest % extent;
        rest /= extent;
    }
}

/* True when the loop is over. */
static bool leave_loop(struct machine *m, const struct instruction *i) {
    int64_t at = m->slots[i->slot], limit = m->slots[i->limit];
    if (at >= limit)
        return true;
    if (i->high != NO_SLOT) {
        int64_t high;
        m->slots[i->high] =
            __builtin_add_overflow(at, m->slots[i->step], &high) || high > limit ? limit : high;
    }
    return false;
}

static void next(struct machine *m, const struct instruction *i) {
    int64_t step = i->step == NO_SLOT ? 1 : m->slots[i->step];
    if (__builtin_add_overflow(m->slots[i->slot], step, &m->slots[i->slot]))
        machine_fault(m, i->span, "a loop runs beyond 64 bits");
}

static void set(struct machine *m, const struct instruction *i) {
    int64_t value = integer_of(m, i->value);
    m->slots[i->slot] = value;
    if (i->positive && value <= 0)
        machine_fault(m, i->span, "the step of a loop is %" PRId64, value);
}

void machine_run(struct machine *m) {
    for (uint32_t at = 0; !m->stopped;) {
        const struct instruction *i = &m->program->instructions[at++];
        m->span = i->span;
        if (!machine_step(m))
            return;
        switch (i->kind) {
        case DO_SET:
            set(m, i);
            break;
        case DO_NUMBER:
            m->numbers[i->slot] = i->value ? number_of(m, i->value) : number_hole();
            break;
        case DO_LOOP:
            at = leave_loop(m, i) ? i->target : at;
            break;
        case DO_NEXT:
            next(m, i);
            at = i->target;
            break;
        case DO_BRANCH:
            at = number_of(m, i->value).value != 0 ? at : i->target;
            break;
        case DO_JUMP:
            at = i->target;
            break;
        case DO_DECLARE:
            declare(m, i->declaration);
            break;
        case DO_ASSIGN:
            assign(m, i->assignment, 0);
            break;
        case DO_DELINEARIZE:
            delinearize(m, i->delinearization);
            break;
        case DO_END:
            return;
        }
    }
}
