/* What a random program computes: its tree over arrays with named axes, in float64, each value with a bound
 * of the error that the language allows the device (u = 2^-23 an operation, 2^-20 a function, 2^-23 a term of
 * a sum, TF32 operands of sums of f32, half an ulp where a value is stored as bf16). No part of the compiler
 * takes part. */
#include <math.h>
#include <string.h>

#include "support/arena.h"
#include "testsuite/random/program.h"

enum { FIELD_RANK = 8 };

/* Values over some axes of a kernel, row-major in the order of `axes`. */
struct field {
    int axes[FIELD_RANK];
    int64_t extents[FIELD_RANK];
    size_t rank, count;
    double *values, *errors;
};

struct meaning {
    struct arena *arena;
    const struct random_program *program;
    const struct kernel *kernel;
    const struct launch_of *launch;
    struct contents *tensors; /* of the kernel */
    struct field locals[LOCALS_MAX];
};

static const double unit = 0x1p-23, function_unit = 0x1p-20, smallest = 0x1p-125;

/* ---- sizes ---- */

static void settle_sizes(struct size *sizes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (sizes[i].base >= 0) {
            sizes[i].value = sizes[sizes[i].base].value / sizes[i].divisor - sizes[i].minus;
        }
    }
}

size_t contents_count(const struct size *sizes, const struct tensor *tensor) {
    size_t count = 1;
    for (size_t i = 0; i < tensor->rank; i++) {
        count *= (size_t)sizes[tensor->sizes[i]].value;
    }
    return count;
}

/* ---- fields ---- */

static struct field field_over(struct meaning *m, size_t rank, const int *axes) {
    struct field field = {.rank = rank, .count = 1};
    for (size_t i = 0; i < rank; i++) {
        field.axes[i] = axes[i];
        field.extents[i] = m->kernel->sizes[m->kernel->axes[axes[i]].size].value;
        field.count *= (size_t)field.extents[i];
    }
    field.values = arena_allocate(m->arena, (field.count + 1) * sizeof(double));
    field.errors = arena_allocate(m->arena, (field.count + 1) * sizeof(double));
    return field;
}

static bool field_has(const struct field *field, int axis) {
    for (size_t i = 0; i < field->rank; i++) {
        if (field->axes[i] == axis) {
            return true;
        }
    }
    return false;
}

/* The axes of all operands. */
static struct field field_joined(struct meaning *m, size_t count, const struct field *operands) {
    struct field all = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < operands[i].rank; j++) {
            if (!field_has(&all, operands[i].axes[j])) {
                all.axes[all.rank++] = operands[i].axes[j];
            }
        }
    }
    return field_over(m, all.rank, all.axes);
}

/* A walk over the elements of one field, with the places of the same point in others. */
struct walk {
    const struct field *over;
    int64_t at[FIELD_RANK];
    size_t count, strides[4][FIELD_RANK], places[4];
};

static void walk_add(struct walk *walk, size_t rank, const int *axes, const int64_t *extents) {
    size_t stride = 1, *strides = walk->strides[walk->count++];
    for (size_t j = rank; j-- > 0; stride *= (size_t)extents[j]) {
        for (size_t i = 0; i < walk->over->rank; i++) {
            if (walk->over->axes[i] == axes[j]) {
                strides[i] += stride;
            }
        }
    }
}

static void walk_next(struct walk *walk) {
    for (size_t i = walk->over->rank; i-- > 0;) {
        for (size_t k = 0; k < walk->count; k++) {
            walk->places[k] += walk->strides[k][i];
        }
        if (++walk->at[i] < walk->over->extents[i]) {
            return;
        }
        for (size_t k = 0; k < walk->count; k++) {
            walk->places[k] -= walk->strides[k][i] * (size_t)walk->at[i];
        }
        walk->at[i] = 0;
    }
}

/* ---- one element ---- */

struct number {
    double value, error;
};

static double relu(double x) {
    return fmax(x, 0);
}
static double negative(double x) {
    return -x;
}
static double square(double x) {
    return x * x;
}
static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double silu(double x) {
    return x / (1 + exp(-x));
}
static double reciprocal(double x) {
    return 1 / x;
}
static double reciprocal_root(double x) {
    return 1 / sqrt(x);
}

static double sign(double x) {
    return (x > 0) - (x < 0);
}
static double clamp(double x, double least, double most) {
    return fmin(fmax(x, least), most);
}
static double relu6(double x) {
    return clamp(x, 0, 6);
}
static double hardtanh(double x) {
    return clamp(x, -1, 1);
}
static double hardsigmoid(double x) {
    return relu6(x + 3) / 6;
}
static double hardswish(double x) {
    return x * hardsigmoid(x);
}
static double leaky_relu(double x) {
    return x > 0 ? x : 0.01 * x;
}
static double elu(double x) {
    return x > 0 ? x : expm1(x);
}
static double softsign(double x) {
    return x / (1 + fabs(x));
}
static double gelu(double x) {
    return 0.5 * x * erfc(-x * sqrt(0.5));
}
static double gelu_tanh(double x) {
    return x * sigmoid(2 * sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x));
}
static double mish(double x) {
    return x * tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
}

enum exactness { FUNCTION_KEEPS, FUNCTION_OF_DEVICE, FUNCTION_MADE };

/* What one is off by itself: nothing; function_unit of its value; of one that is made of others four times that, of its operand too.
 * Without a slope it is monotone to both sides of 0. */
struct function {
    const char *word;
    double (*function)(double x);
    enum exactness exactness;
    double slope;
};

static const struct function functions[] = {{"exp", exp, FUNCTION_OF_DEVICE, 0},
                                            {"log", log, FUNCTION_OF_DEVICE, 0},
                                            {"sqrt", sqrt, FUNCTION_OF_DEVICE, 0},
                                            {"rsqrt", reciprocal_root, FUNCTION_OF_DEVICE, 0},
                                            {"recip", reciprocal, FUNCTION_OF_DEVICE, 0},
                                            {"tanh", tanh, FUNCTION_OF_DEVICE, 0},
                                            {"sigmoid", sigmoid, FUNCTION_OF_DEVICE, 0},
                                            {"silu", silu, FUNCTION_OF_DEVICE, 1.1},
                                            {"relu", relu, FUNCTION_KEEPS, 1},
                                            {"abs", fabs, FUNCTION_KEEPS, 1},
                                            {"neg", negative, FUNCTION_KEEPS, 1},
                                            {"square", square, FUNCTION_OF_DEVICE, 0},
                                            {"erf", erf, FUNCTION_OF_DEVICE, 0},
                                            {"sin", sin, FUNCTION_OF_DEVICE, 1},
                                            {"cos", cos, FUNCTION_OF_DEVICE, 1},
                                            {"atan", atan, FUNCTION_OF_DEVICE, 0},
                                            {"asinh", asinh, FUNCTION_OF_DEVICE, 0},
                                            {"cbrt", cbrt, FUNCTION_OF_DEVICE, 0},
                                            {"log1p", log1p, FUNCTION_OF_DEVICE, 0},
                                            {"floor", floor, FUNCTION_OF_DEVICE, 0},
                                            {"ceil", ceil, FUNCTION_OF_DEVICE, 0},
                                            {"trunc", trunc, FUNCTION_OF_DEVICE, 0},
                                            {"round", nearbyint, FUNCTION_OF_DEVICE, 0},
                                            {"sign", sign, FUNCTION_OF_DEVICE, 0},
                                            {"relu6", relu6, FUNCTION_KEEPS, 1},
                                            {"hardtanh", hardtanh, FUNCTION_KEEPS, 1},
                                            {"hardsigmoid", hardsigmoid, FUNCTION_MADE, 0},
                                            {"hardswish", hardswish, FUNCTION_MADE, 1.5},
                                            {"leaky_relu", leaky_relu, FUNCTION_MADE, 0},
                                            {"elu", elu, FUNCTION_MADE, 0},
                                            {"softsign", softsign, FUNCTION_MADE, 0},
                                            {"gelu", gelu, FUNCTION_MADE, 1.2},
                                            {"gelu_tanh", gelu_tanh, FUNCTION_MADE, 1.2},
                                            {"mish", mish, FUNCTION_MADE, 1.2}};

static const struct function *function_find(const char *word) {
    size_t i = 0;
    while (strcmp(functions[i].word, word) != 0) {
        i++;
    }
    return &functions[i];
}

static struct number apply_unary(const char *word, struct number x) {
    const struct function *f = function_find(word);
    double y = f->function(x.value), low = f->function(x.value - x.error),
           high = f->function(x.value + x.error);
    double error = f->slope > 0 ? f->slope * x.error : fmax(fabs(high - y), fabs(low - y));
    bool pole = strcmp(word, "recip") == 0 || strcmp(word, "rsqrt") == 0 || strcmp(word, "log") == 0;
    if (isnan(low) || isnan(high) || (pole && fabs(x.value) <= x.error)) {
        error = INFINITY;
    }
    if (f->exactness == FUNCTION_MADE) {
        error += 4 * function_unit * (fabs(x.value) + fabs(y) + x.error);
    }
    return (struct number){y, f->exactness == FUNCTION_KEEPS ? error
                                                             : error + function_unit * fabs(y) + smallest};
}

static struct number apply_binary(char op, struct number a, struct number b) {
    struct number c = {0};
    switch (op) {
    case '+':
        c = (struct number){a.value + b.value, a.error + b.error};
        break;
    case '-':
        c = (struct number){a.value - b.value, a.error + b.error};
        break;
    case '*':
        c = (struct number){a.value * b.value,
                            fabs(a.value) * b.error + fabs(b.value) * a.error + a.error * b.error};
        break;
    default: {
        double least = fabs(b.value) - b.error;
        c.value = a.value / b.value;
        c.error = least > 0 ? (a.error + fabs(c.value) * b.error) / least + 2 * function_unit * fabs(c.value)
                            : INFINITY;
        break;
    }
    }
    c.error += unit * fabs(c.value) + smallest;
    return c;
}

/* What may be one or the other lies as far off as the farther one. */
static struct number apply_select(struct number a, struct number b, struct number c, struct number d) {
    struct number taken = a.value > b.value ? c : d, other = a.value > b.value ? d : c;
    if (fabs(a.value - b.value) <= a.error + b.error && (a.error > 0 || b.error > 0)) {
        taken.error = fmax(taken.error, fabs(other.value - taken.value) + other.error);
    }
    return taken;
}

static struct number apply_choice(bool max, struct number a, struct number b) {
    double value = max ? fmax(a.value, b.value) : fmin(a.value, b.value);
    return (struct number){isnan(a.value) || isnan(b.value) ? NAN : value, fmax(a.error, b.error)};
}

static struct number apply(const struct expression *e, const struct number *x) {
    switch (e->kind) {
    case EXPRESSION_UNARY:
        return apply_unary(e->word, x[0]);
    case EXPRESSION_BINARY:
        return apply_binary(*e->word, x[0], x[1]);
    case EXPRESSION_CHOICE:
        return apply_choice(strcmp(e->word, "max") == 0, x[0], x[1]);
    default:
        return apply_select(x[0], x[1], x[2], x[3]);
    }
}

/* ---- expressions ---- */

static struct field evaluate(struct meaning *m, const struct expression *e);

static struct field constant_field(struct meaning *m, double value) {
    struct field field = field_over(m, 0, NULL);
    field.values[0] = value;
    return field;
}

/* An array of these extents, read at axes that may stand in any order. */
static struct field read_field(struct meaning *m, const struct expression *e, size_t rank,
                               const int64_t *extents, const double *values, const double *errors) {
    struct field field = field_over(m, e->axis_count, e->axes);
    struct walk walk = {.over = &field};
    walk_add(&walk, rank, e->axes, extents);
    for (size_t i = 0; i < field.count; i++, walk_next(&walk)) {
        field.values[i] = values[walk.places[0]];
        field.errors[i] = errors[walk.places[0]];
    }
    return field;
}

static struct field access_field(struct meaning *m, const struct expression *e) {
    const struct tensor *tensor = &m->kernel->tensors[e->number];
    int64_t extents[RANK_MAX];
    for (size_t i = 0; i < tensor->rank; i++) {
        extents[i] = m->kernel->sizes[tensor->sizes[i]].value;
    }
    const struct contents *contents = &m->tensors[e->number];
    return read_field(m, e, tensor->rank, extents, contents->values, contents->errors);
}

static struct field local_field(struct meaning *m, const struct expression *e) {
    const struct local *local = &m->kernel->locals[e->number];
    const struct field *field = &m->locals[e->number];
    if (!local->indexed) {
        return *field;
    }
    /* Its own axes first, renamed to the subscripts; those around its definition as they are. */
    struct field renamed = *field;
    for (size_t i = 0; i < field->rank; i++) {
        for (size_t j = 0; j < local->axis_count; j++) {
            renamed.axes[i] = field->axes[i] == local->axes[j] ? e->axes[j] : renamed.axes[i];
        }
    }
    return renamed;
}

static bool reads_axis(const struct expression *access, int axis) {
    for (size_t i = 0; i < access->axis_count; i++) {
        if (access->axes[i] == axis) {
            return true;
        }
    }
    return false;
}

static bool has_axis_beyond(const struct expression *a, const struct expression *b) {
    for (size_t i = 0; i < a->axis_count; i++) {
        if (!reads_axis(b, a->axes[i])) {
            return true;
        }
    }
    return false;
}

/* Does the matrix unit take this term whole: a value of bf16 as it stands, or the product of two that is a
 * matrix product? Other products are values of f32. */
static bool fits_unit(const struct kernel *kernel, const struct expression *e) {
    if (e->kind == EXPRESSION_BINARY && *e->word == '*') {
        const struct expression *a = e->operands[0], *b = e->operands[1];
        return a->kind == EXPRESSION_ACCESS && b->kind == EXPRESSION_ACCESS && fits_unit(kernel, a) &&
               fits_unit(kernel, b) && has_axis_beyond(a, b) && has_axis_beyond(b, a);
    }
    return e->kind == EXPRESSION_ACCESS && kernel->tensors[e->number].bf16;
}

static struct field fold_field(struct meaning *m, const struct expression *e) {
    struct field term = evaluate(m, e->operands[0]), over = {0};
    bool sum = strcmp(e->word, "sum") == 0, max = strcmp(e->word, "max") == 0;
    double truncation = fits_unit(m->kernel, e->operands[0]) ? 0 : 0x1p-9 + 0x1p-10, turns = 1, repeats = 1;
    for (size_t j = 0; j < e->axis_count; j++) {
        double extent = (double)m->kernel->sizes[m->kernel->axes[e->axes[j]].size].value;
        turns *= extent;
        repeats *= field_has(&term, e->axes[j]) ? 1 : extent;
    }
    for (size_t i = 0; i < term.rank; i++) {
        bool folded = false;
        for (size_t j = 0; j < e->axis_count; j++) {
            folded |= term.axes[i] == e->axes[j];
        }
        if (!folded) {
            over.axes[over.rank++] = term.axes[i];
        }
    }
    struct field result = field_over(m, over.rank, over.axes);
    double *absolute = arena_allocate(m->arena, (result.count + 1) * sizeof(double));
    for (size_t i = 0; i < result.count; i++) {
        result.values[i] = sum ? 0 : max ? -INFINITY : INFINITY;
    }
    struct walk walk = {.over = &term};
    walk_add(&walk, result.rank, result.axes, result.extents);
    for (size_t i = 0; i < term.count; i++, walk_next(&walk)) {
        struct number one = {term.values[i], term.errors[i]};
        double *value = &result.values[walk.places[0]], *error = &result.errors[walk.places[0]];
        if (sum) {
            *value += repeats * one.value;
            *error += repeats * (one.error + truncation * (fabs(one.value) + one.error));
            absolute[walk.places[0]] += repeats * fabs(one.value);
        } else if (repeats > 0) {
            struct number both = apply_choice(max, (struct number){*value, *error}, one);
            *value = both.value;
            *error = both.error;
        }
    }
    for (size_t i = 0; i < result.count; i++) {
        result.errors[i] += (turns + 2) * unit * absolute[i];
    }
    return result;
}

static struct field evaluate(struct meaning *m, const struct expression *e) {
    switch (e->kind) {
    case EXPRESSION_CONSTANT:
        return constant_field(m, (double)e->value);
    case EXPRESSION_SCALAR:
        return constant_field(m, (double)m->kernel->scalars[e->number].value);
    case EXPRESSION_SIZE:
        return constant_field(m, (double)m->kernel->sizes[e->number].value);
    case EXPRESSION_ACCESS:
        return access_field(m, e);
    case EXPRESSION_LOCAL:
        return local_field(m, e);
    case EXPRESSION_FOLD:
        return fold_field(m, e);
    case EXPRESSION_VARIANT:
        return evaluate(m, e->operands[m->launch->mode == 1 ? 0 : 1]);
    default:
        break;
    }
    struct field operands[4];
    size_t count = e->kind == EXPRESSION_UNARY ? 1 : e->kind == EXPRESSION_SELECT ? 4 : 2;
    for (size_t k = 0; k < count; k++) {
        operands[k] = evaluate(m, e->operands[k]);
    }
    struct field result = field_joined(m, count, operands);
    struct walk walk = {.over = &result};
    for (size_t k = 0; k < count; k++) {
        walk_add(&walk, operands[k].rank, operands[k].axes, operands[k].extents);
    }
    for (size_t i = 0; i < result.count; i++, walk_next(&walk)) {
        struct number x[4];
        for (size_t k = 0; k < count; k++) {
            x[k] = (struct number){operands[k].values[walk.places[k]], operands[k].errors[walk.places[k]]};
        }
        struct number y = apply(e, x);
        result.values[i] = y.value;
        result.errors[i] = y.error;
    }
    return result;
}

/* ---- statements ---- */

static double stored_error(double value, double error) {
    return error + 0x1p-8 * (fabs(value) + error) + smallest;
}

static void round_field(struct field *field) {
    for (size_t i = 0; i < field->count; i++) {
        field->errors[i] = stored_error(field->values[i], field->errors[i]);
    }
}

static void store(struct meaning *m, const struct statement *s) {
    struct field value = evaluate(m, s->value), target = field_over(m, s->axis_count, s->axes);
    struct contents *contents = &m->tensors[s->target];
    struct walk walk = {.over = &target};
    walk_add(&walk, value.rank, value.axes, value.extents);
    for (size_t i = 0; i < target.count; i++, walk_next(&walk)) {
        double number = value.values[walk.places[0]], error = value.errors[walk.places[0]];
        contents->values[i] = number;
        contents->errors[i] = m->kernel->tensors[s->target].bf16 ? stored_error(number, error) : error;
    }
}

static void run_statement(struct meaning *m, const struct statement *s) {
    switch (s->kind) {
    case STATEMENT_LOOP:
        for (size_t i = 0; i < s->count; i++) {
            run_statement(m, s->body[i]);
        }
        break;
    case STATEMENT_STORE:
    case STATEMENT_GATHER:
        store(m, s);
        break;
    default:
        m->locals[s->target] = evaluate(m, s->value);
        if (s->rounding == ROUNDING_BF16) {
            struct field copy = field_over(m, m->locals[s->target].rank, m->locals[s->target].axes);
            memcpy(copy.values, m->locals[s->target].values, copy.count * sizeof(double));
            memcpy(copy.errors, m->locals[s->target].errors, copy.count * sizeof(double));
            round_field(&copy);
            m->locals[s->target] = copy;
        }
        break;
    }
}

void program_run(struct arena *arena, const struct random_program *program, struct contents *contents) {
    for (size_t i = 0; i < program->launch_count; i++) {
        const struct launch_of *launch = &program->launches[i];
        struct kernel *kernel = arena_copy(arena, &program->kernels[launch->kernel], sizeof *kernel);
        struct contents tensors[TENSORS_MAX];
        struct meaning m = {
            .arena = arena, .program = program, .kernel = kernel, .launch = launch, .tensors = tensors};
        for (size_t j = 0; j < kernel->size_count; j++) {
            if (kernel->sizes[j].name && kernel->sizes[j].base < 0) {
                kernel->sizes[j].value = program->sizes[launch->sizes[j]].value;
            }
        }
        settle_sizes(kernel->sizes, kernel->size_count);
        for (size_t j = 0; j < kernel->tensor_count; j++) {
            tensors[j] = contents[launch->tensors[j]];
        }
        for (size_t j = 0; j < kernel->count; j++) {
            run_statement(&m, kernel->body[j]);
        }
    }
}
