/* Values of compiled expressions. */
#include <inttypes.h>

#include "evaluate/machine.h"
#include "ir/query.h"

static int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* An exact result as the type holds it. */
static int64_t settle(enum number_type type, int64_t value) {
    switch (type) {
    case NUMBER_I32:
        return (int32_t)(uint32_t)(uint64_t)value;
    case NUMBER_U32:
        return (uint32_t)(uint64_t)value;
    default:
        return value;
    }
}

static int64_t overflow(struct machine *m, const struct expression *e) {
    machine_fault(m, e->span, "an index does not fit 64 bits");
    return 0;
}

/* 64 bits hold every sum and product of 32-bit operands modulo 2^64, of which the low bits count. */
static int64_t integer_arithmetic(struct machine *m, const struct expression *e, int64_t a, int64_t b) {
    bool wraps = e->type == NUMBER_I32 || e->type == NUMBER_U32;
    int64_t value = 0;
    switch (e->u.binary) {
    case BINARY_ADD:
        if (__builtin_add_overflow(a, b, &value) && !wraps)
            return overflow(m, e);
        break;
    case BINARY_SUBTRACT:
        if (__builtin_sub_overflow(a, b, &value) && !wraps)
            return overflow(m, e);
        break;
    case BINARY_MULTIPLY:
        if (__builtin_mul_overflow(a, b, &value) && !wraps)
            return overflow(m, e);
        break;
    case BINARY_BIT_AND:
        return settle(e->type, a & b);
    case BINARY_BIT_OR:
        return settle(e->type, a | b);
    case BINARY_BIT_XOR:
        return settle(e->type, a ^ b);
    case BINARY_SHIFT_LEFT: /* by a count modulo 32 */
        if (__builtin_mul_overflow(a, (int64_t)1 << (b & 31), &value) && !wraps)
            return overflow(m, e);
        break;
    case BINARY_SHIFT_RIGHT:
        return settle(e->type, a >> (b & 31));
    default:
        if (b == 0 && wraps)
            return 0;
        if (b == 0) {
            machine_fault(m, e->span, "division by zero");
            return 0;
        }
        if (b == -1)
            return settle(e->type, e->u.binary == BINARY_DIVIDE ? (int64_t)(0 - (uint64_t)a) : 0);
        value = e->u.binary == BINARY_DIVIDE ? floor_divide(a, b) : a - floor_divide(a, b) * b;
    }
    return settle(e->type, value);
}

static int64_t ceiling_divide(struct machine *m, const struct expression *e) {
    int64_t a = integer_of(m, e->a), b = integer_of(m, e->b);
    if (b <= 0) {
        machine_fault(m, e->span, "ceildiv by %" PRId64, b);
        return 0;
    }
    return floor_divide(a, b) + (a % b != 0);
}

/* A float cut to the whole numbers of the type that it is converted to. */
static int64_t truncate(struct machine *m, const struct expression *e) {
    double value = number_of(m, e->a).value;
    int64_t most = e->u.dtype == DTYPE_U8    ? UINT8_MAX
                   : e->u.dtype == DTYPE_U16 ? UINT16_MAX
                   : e->type == NUMBER_U32   ? (int64_t)UINT32_MAX
                                             : INT32_MAX;
    bool is_signed = e->u.dtype != DTYPE_U8 && e->type != NUMBER_U32;
    return whole_from_float(value, is_signed ? INT32_MIN : 0, most);
}

static int64_t convert_to_integer(struct machine *m, const struct expression *e) {
    if (e->a->type == NUMBER_FLOAT)
        return e->type == NUMBER_BOOL ? number_of(m, e->a).value != 0 : truncate(m, e);
    int64_t value = integer_of(m, e->a);
    return e->type == NUMBER_BOOL ? value != 0 : settle(e->type, value);
}

static int64_t fold_integers(struct machine *m, const struct expression *e);

static int64_t select_integer(struct machine *m, const struct expression *e) {
    return integer_of(m, number_of(m, e->a).value != 0 ? e->b : e->c);
}

/* Integers wider than 2^53 do not come up here: elements have 32 bits. */
static int64_t element_integer(struct machine *m, const struct expression *e) {
    double value = number_of(m, e).value;
    return value > -0x1p62 && value < 0x1p62 ? (int64_t)value : 0;
}

int64_t integer_of(struct machine *m, const struct expression *e) {
    switch (e->operation) {
    case OP_INTEGER:
        return e->u.integer;
    case OP_SLOT:
        return m->slots[e->u.slot];
    case OP_CHECKED_SLOT:
        if (m->slots[e->u.slot] == INT64_MIN) {
            machine_fault(m, e->span, "a variable is read before it is written");
            return 0;
        }
        return m->slots[e->u.slot];
    case OP_ELEMENT:
        return element_integer(m, e);
    case OP_NEGATE:
        return settle(e->type, (int64_t)(0 - (uint64_t)integer_of(m, e->a)));
    case OP_NOT:
        return number_of(m, e->a).value == 0;
    case OP_ARITHMETIC: {
        int64_t a = integer_of(m, e->a);
        return integer_arithmetic(m, e, a, integer_of(m, e->b));
    }
    case OP_COMPARISON:
    case OP_AND:
    case OP_OR:
        return number_of(m, e).value != 0;
    case OP_MINIMUM: {
        int64_t a = integer_of(m, e->a), b = integer_of(m, e->b);
        return a < b ? a : b;
    }
    case OP_MAXIMUM: {
        int64_t a = integer_of(m, e->a), b = integer_of(m, e->b);
        return a > b ? a : b;
    }
    case OP_CEILDIV:
        return ceiling_divide(m, e);
    case OP_RANDOM: {
        uint32_t seed = (uint32_t)integer_of(m, e->a);
        return random_word(seed, (uint32_t)integer_of(m, e->b));
    }
    case OP_SELECT:
        return select_integer(m, e);
    case OP_FOLD:
        return fold_integers(m, e);
    case OP_CONVERT:
        return convert_to_integer(m, e);
    case OP_REAL:
    case OP_NUMBER_SLOT:
    case OP_FUNCTION:
    case OP_FUNCTION_2:
    case OP_ROUND:
    case OP_FPU:
        break;
    }
    return 0;
}

/* ---- elements ---- */

static struct number *outside(struct machine *m, const struct element *element, size_t dimension,
                              int64_t index, bool quiet, struct span span) {
    const struct storage *storage = &m->storages[element->storage];
    if (!quiet && !m->stopped)
        machine_fault(m, span, "index %" PRId64 " of %s is outside its dimension %zu, %" PRId64 "..%" PRId64,
                      index, element->name, dimension + 1, storage->lower[dimension],
                      storage->lower[dimension] + storage->extent[dimension]);
    return NULL;
}

struct number *element_place(struct machine *m, const struct element *element, bool quiet, struct span span) {
    const struct storage *storage = &m->storages[element->storage];
    size_t at = 0;
    for (size_t i = 0; i < element->rank; i++) {
        const struct expression *subscript = element->subscripts[i];
        int64_t index =
            subscript->operation == OP_SLOT ? m->slots[subscript->u.slot] : integer_of(m, subscript);
        int64_t position = index - storage->lower[i];
        if (position < 0 || position >= storage->extent[i])
            return outside(m, element, i, index, quiet, span);
        at = at * (size_t)storage->extent[i] + (size_t)position;
    }
    return &storage->items[at];
}

static struct number read_element(struct machine *m, const struct expression *e) {
    const struct element *element = e->u.element;
    struct number *place = element_place(m, element, element->otherwise != NULL, e->span);
    if (!place)
        return element->otherwise && !m->stopped ? number_of(m, element->otherwise) : (struct number){0, 0};
    if (number_is_hole(*place)) {
        machine_fault(m, e->span, "%s is read where nothing was written to it", element->name);
        return (struct number){0, 0};
    }
    return *place;
}

/* ---- folds ---- */

struct folding {
    const struct fold *fold;
    bool any;
    struct number value; /* so far; of argmax and argmin the best element */
    int64_t integer, best;
    double absolute; /* sum of |terms| */
    uint64_t terms;
};

/* a better than b? NaN wins, as in max. */
static bool better(enum reduction_operator op, double a, double b) {
    if (b != b)
        return false;
    return a != a || (op == REDUCTION_ARGMAX ? a > b : a < b);
}

static void fold_step(struct machine *m, struct folding *f) {
    struct number term = number_of(m, f->fold->body);
    switch (f->fold->op) {
    case REDUCTION_SUM:
        if (m->model == MODEL_BOUND) { /* c times the absolute terms comes at the end instead of a step's u */
            f->absolute += fabs(term.value);
            f->value.value += term.value;
            f->value.extra += term.extra;
        } else {
            f->value = number_add(m->model, f->value, term);
        }
        break;
    case REDUCTION_PRODUCT:
        f->value = number_multiply(m->model, f->value, term);
        break;
    case REDUCTION_MAX:
        f->value = f->any ? number_function_2(m->model, m->greatest, f->value, term) : term;
        break;
    case REDUCTION_MIN:
        f->value = f->any ? number_function_2(m->model, m->least, f->value, term) : term;
        break;
    case REDUCTION_ARGMAX:
    case REDUCTION_ARGMIN:
        if (!f->any || better(f->fold->op, term.value, f->value.value)) {
            f->value = term;
            f->best = m->slots[f->fold->ranges[0].slot];
        }
        break;
    }
    f->any = true;
    f->terms++;
}

static void fold_integer_step(struct machine *m, struct folding *f) {
    int64_t term = integer_of(m, f->fold->body);
    switch (f->fold->op) {
    case REDUCTION_SUM:
        f->integer = (int64_t)((uint64_t)f->integer + (uint64_t)term);
        break;
    case REDUCTION_PRODUCT:
        f->integer = (int64_t)((uint64_t)f->integer * (uint64_t)term);
        break;
    case REDUCTION_MAX:
        f->integer = f->fold->refuses && !f->any ? term : term > f->integer ? term : f->integer;
        break;
    case REDUCTION_MIN:
        f->integer = f->fold->refuses && !f->any ? term : term < f->integer ? term : f->integer;
        break;
    case REDUCTION_ARGMAX:
    case REDUCTION_ARGMIN:
        if (!f->any || (f->fold->op == REDUCTION_ARGMAX ? term > f->integer : term < f->integer)) {
            f->integer = term;
            f->best = m->slots[f->fold->ranges[0].slot];
        }
        break;
    }
    f->any = true;
}

/* A term of a sum of the matrix unit, whose operands are canonical: a plain product. */
static float plain_term(struct machine *m, const struct expression *body) {
    if (body->operation != OP_ARITHMETIC)
        return (float)number_of(m, body).value;
    float left = (float)number_of(m, body->a).value;
    return left * (float)number_of(m, body->b).value;
}

/* The matrix unit folds a tile at a time: products and sums on the way are plain f32, what it leaves is canonical.
 * Beyond the end of the axis a tile holds zeros, and adds them. */
static void fold_tiles(struct machine *m, struct folding *f) {
    const struct range *range = &f->fold->ranges[0];
    int64_t lower = integer_of(m, range->lower), upper = integer_of(m, range->upper);
    float sum = (float)f->value.value;
    for (int64_t x = lower; x < upper && machine_step(m); x++) {
        m->slots[range->slot] = x;
        sum += plain_term(m, f->fold->body);
        if (x + 1 == upper && (upper - lower) % TILE_EDGE)
            sum += 0.0f;
        if (x + 1 == upper || (x + 1 - lower) % TILE_EDGE == 0)
            sum = f32_canonical(sum);
    }
    f->value = (struct number){(double)sum, 0};
}

/* A lane of the vector unit: terms in ascending order, of a sum in groups of tiles. */
struct lane {
    bool sum;
    float value, group;
};

static void lane_add(struct lane *lane, float term) {
    if (lane->sum)
        lane->group = f32_canonical(lane->group + term);
    else
        lane->value = f32_canonical(lane->value * term);
}

static void lane_join(struct lane *lane) {
    lane->value = f32_canonical(lane->value + lane->group);
    lane->group = 0;
}

static float lane_term(struct machine *m, const struct folding *f, int64_t x) {
    m->slots[f->fold->ranges[0].slot] = x;
    return (float)number_of(m, f->fold->body).value;
}

/* The sum of one lane goes on from what it held. */
static void fold_lane(struct machine *m, struct folding *f) {
    const struct range *range = &f->fold->ranges[0];
    int64_t lower = integer_of(m, range->lower), upper = integer_of(m, range->upper);
    int64_t number = integer_of(m, f->fold->lane);
    struct lane lane = {.sum = true, .value = (float)f->value.value};
    for (int64_t x = lower + number, tile = 0; x < upper && machine_step(m); x += TILE_EDGE) {
        lane_add(&lane, lane_term(m, f, x));
        if (++tile % SUM_GROUP_TILES == 0)
            lane_join(&lane);
    }
    lane_join(&lane);
    f->value = (struct number){(double)lane.value, 0};
}

/* The vector unit gathers the tiles along the axis element by element and folds that tile: a sum in a fixed tree, a
 * product lane by lane, each picked by adding it to zeros. */
static void fold_lanes(struct machine *m, struct folding *f) {
    const struct range *range = &f->fold->ranges[0];
    int64_t lower = integer_of(m, range->lower), upper = integer_of(m, range->upper);
    bool sum = f->fold->op == REDUCTION_SUM;
    struct lane lanes[TILE_EDGE];
    float line[TILE_EDGE], product = 1;
    for (int64_t i = 0; i < TILE_EDGE; i++)
        lanes[i] = (struct lane){sum, sum ? 0 : 1, 0};
    for (int64_t x = lower; x < upper && machine_step(m); x++) {
        struct lane *lane = &lanes[(x - lower) % TILE_EDGE];
        lane_add(lane, lane_term(m, f, x));
        if (sum && (x - lower) / TILE_EDGE % SUM_GROUP_TILES == SUM_GROUP_TILES - 1)
            lane_join(lane);
    }
    for (int64_t i = 0; i < TILE_EDGE; i++) {
        if (sum)
            lane_join(&lanes[i]);
        line[i] = lanes[i].value;
    }
    for (int64_t i = 0; !sum && i < TILE_EDGE; i++)
        product = f32_canonical(product * (line[i] + 0));
    f->value = (struct number){(double)(sum ? scalar_sum_of_line(line, f->fold->along_rows) : product), 0};
}

static void fold_run(struct machine *m, struct folding *f, size_t depth) {
    const struct range *range = &f->fold->ranges[depth];
    bool integers = f->fold->body->type != NUMBER_FLOAT;
    int64_t lower = integer_of(m, range->lower), upper = integer_of(m, range->upper), step = 1;
    if (f->fold->lane) {
        lower += integer_of(m, f->fold->lane);
        step = TILE_EDGE;
    }
    for (int64_t x = lower; x < upper && machine_step(m); x += step) {
        m->slots[range->slot] = x;
        if (depth + 1 < f->fold->count)
            fold_run(m, f, depth + 1);
        else if (integers)
            fold_integer_step(m, f);
        else
            fold_step(m, f);
    }
}

static struct number fold_bound(struct machine *m, const struct folding *f) {
    double c = m->contraction > 0 ? m->contraction : (double)f->terms * UNIT;
    return number_settle((struct number){f->value.value, f->value.extra + c * f->absolute});
}

struct number fold_of(struct machine *m, const struct fold *fold, const struct number *from) {
    struct folding f = {.fold = fold, .value = number_exact(m->model, reduction_neutral(fold->op))};
    struct number start;
    if (fold->start) {
        start = number_of(m, fold->start);
        from = &start;
    }
    if (from) {
        f.value = *from;
        f.any = true;
        f.absolute = fabs(from->value);
    }
    if (fold->lanes && m->model == MODEL_DEVICE)
        fold_lanes(m, &f);
    else if (fold->lane && fold->op == REDUCTION_SUM && m->model == MODEL_DEVICE)
        fold_lane(m, &f);
    else if (fold->tiles && m->model == MODEL_DEVICE)
        fold_tiles(m, &f);
    else
        fold_run(m, &f, 0);
    return fold->op == REDUCTION_SUM && m->model == MODEL_BOUND ? fold_bound(m, &f) : f.value;
}

static int64_t fold_integers(struct machine *m, const struct expression *e) {
    const struct fold *fold = e->u.fold;
    struct folding f = {.fold = fold, .integer = fold->neutral, .value = {reduction_neutral(fold->op), 0}};
    if (fold->start) {
        f.integer = integer_of(m, fold->start);
        f.any = true;
    }
    fold_run(m, &f, 0);
    bool position = fold->op == REDUCTION_ARGMAX || fold->op == REDUCTION_ARGMIN;
    if (!f.any && fold->refuses && !m->stopped)
        machine_fault(m, e->span, "%s over no elements", word_text(WORDS_reduction_operator, (int)fold->op));
    return settle(e->type, position ? f.best : f.integer);
}

/* ---- floats ---- */

static struct number arithmetic(struct machine *m, const struct expression *e) {
    struct number a = number_of(m, e->a), b = number_of(m, e->b);
    switch (e->u.binary) {
    case BINARY_ADD:
        return number_add(m->model, a, b);
    case BINARY_SUBTRACT:
        return number_subtract(m->model, a, b);
    case BINARY_MULTIPLY:
        return number_multiply(m->model, a, b);
    default:
        return number_divide(m->model, a, b);
    }
}

static struct number comparison(struct machine *m, const struct expression *e) {
    if (e->a->type == NUMBER_FLOAT) {
        struct number a = number_of(m, e->a);
        return number_compare(m->model, e->u.binary, a, number_of(m, e->b));
    }
    int64_t a = integer_of(m, e->a), b = integer_of(m, e->b);
    bool holds = false;
    switch (e->u.binary) {
    case BINARY_EQUAL:
        holds = a == b;
        break;
    case BINARY_NOT_EQUAL:
        holds = a != b;
        break;
    case BINARY_LESS:
        holds = a < b;
        break;
    case BINARY_LESS_EQUAL:
        holds = a <= b;
        break;
    case BINARY_GREATER:
        holds = a > b;
        break;
    default:
        holds = a >= b;
    }
    return (struct number){holds, 0};
}

/* && and ||: the second only where it decides, or where the bound of the first is open. */
static struct number connective(struct machine *m, const struct expression *e) {
    struct number a = number_of(m, e->a);
    bool decided = (a.value != 0) == (e->operation == OP_OR);
    if (decided && a.extra == 0)
        return (struct number){a.value != 0, 0};
    struct number b = number_of(m, e->b);
    bool value = e->operation == OP_OR ? a.value != 0 || b.value != 0 : a.value != 0 && b.value != 0;
    return (struct number){value, a.extra > 0 || b.extra > 0 ? 1 : 0};
}

static struct number select_number(struct machine *m, const struct expression *e) {
    struct number condition = number_of(m, e->a);
    if (condition.extra == 0 || m->model != MODEL_BOUND)
        return number_of(m, condition.value != 0 ? e->b : e->c);
    struct number then = number_of(m, e->b);
    return number_select(m->model, condition, then, number_of(m, e->c));
}

/* A whole number becomes f32 where its context is: its least bits are lost beyond 2^24, in every model. */
static struct number from_integer(struct machine *m, int64_t value) {
    return number_exact(m->model, (double)(float)value);
}

struct number number_of(struct machine *m, const struct expression *e) {
    switch (e->operation) {
    case OP_REAL:
        return number_exact(m->model, e->u.real);
    case OP_NUMBER_SLOT:
        if (number_is_hole(m->numbers[e->u.slot])) {
            machine_fault(m, e->span, "a variable is read before it is written");
            return (struct number){0, 0};
        }
        return m->numbers[e->u.slot];
    case OP_ELEMENT:
        return read_element(m, e);
    case OP_COMPARISON:
        return comparison(m, e);
    case OP_AND:
    case OP_OR:
        return connective(m, e);
    case OP_NOT: {
        struct number a = number_of(m, e->a);
        return (struct number){a.value == 0, m->model == MODEL_BOUND ? a.extra : 0};
    }
    default:
        break;
    }
    if (e->type != NUMBER_FLOAT)
        return from_integer(m, integer_of(m, e));
    switch (e->operation) {
    case OP_NEGATE:
        return number_negate(m->model, number_of(m, e->a));
    case OP_ARITHMETIC:
        return arithmetic(m, e);
    case OP_FUNCTION:
        return number_function(m->model, e->u.function, number_of(m, e->a));
    case OP_FUNCTION_2: {
        struct number a = number_of(m, e->a);
        return number_function_2(m->model, e->u.function, a, number_of(m, e->b));
    }
    case OP_SELECT:
        return select_number(m, e);
    case OP_FOLD:
        return fold_of(m, e->u.fold, NULL);
    case OP_CONVERT:
        return e->a->type == NUMBER_FLOAT ? number_of(m, e->a) : from_integer(m, integer_of(m, e->a));
    case OP_ROUND:
        return number_store(m->model, e->u.dtype, number_of(m, e->a));
    case OP_FPU:
        return number_fpu(m->model, e->narrow, number_of(m, e->a));
    default:
        return (struct number){0, 0};
    }
}
