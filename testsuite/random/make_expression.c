/* Sizes, axes, tensors and expressions of random programs. */
#include <stdlib.h>
#include <string.h>

#include "support/arena.h"
#include "testsuite/random/maker.h"

bool once_in(struct maker *m, uint32_t times) {
    return choose(m->choices, times) == times - 1;
}

/* ---- sizes, axes, tensors ---- */

/* Ragged and whole tiles, less than one, one element, nothing; mostly small, so that thousands run. */
static int64_t size_value(struct maker *m, bool leading) {
    static const int64_t usual[] = {1, 32, 33, 64, 40, 31, 2, 65, 17, 32, 96, 70, 45, 100},
                         few[] = {1, 2, 3, 2};
    if (once_in(m, 25)) {
        return 0;
    }
    return leading ? PICK(m, few) : PICK(m, usual);
}

static int add_size(struct maker *m, const char *name, int64_t value) {
    struct kernel *kernel = m->kernel;
    kernel->sizes[kernel->size_count] = (struct size){.name = name, .value = value, .base = -1, .divisor = 1};
    return (int)kernel->size_count++;
}

int named_size(struct maker *m, const char *name) {
    for (size_t i = 0; i < m->kernel->size_count; i++) {
        if (m->kernel->sizes[i].name && strcmp(m->kernel->sizes[i].name, name) == 0) {
            return (int)i;
        }
    }
    return m->kernel->size_count == SIZES_MAX ? 0 : add_size(m, name, size_value(m, *name == 'H'));
}

int number_size(struct maker *m, int64_t value) {
    for (size_t i = 0; i < m->kernel->size_count; i++) {
        if (!m->kernel->sizes[i].name && m->kernel->sizes[i].value == value) {
            return (int)i;
        }
    }
    return m->kernel->size_count == SIZES_MAX ? 0 : add_size(m, NULL, value);
}

int new_axis(struct maker *m, const char *name, int size) {
    struct kernel *kernel = m->kernel;
    kernel->axes[kernel->axis_count] = (struct axis){name, size};
    return (int)kernel->axis_count++;
}

/* What a fold of this kernel runs over: a size of its own, one of the others, or a number. */
static int fold_size(struct maker *m, const char *name) {
    switch (choose(m->choices, 8)) {
    case 5:
        return named_size(m, "N");
    case 6:
        return named_size(m, "M");
    case 7:
        return number_size(m, once_in(m, 2) ? 50 : 64);
    default:
        return named_size(m, name);
    }
}

struct tensor *new_tensor(struct maker *m, const char *name, size_t rank, const int *sizes) {
    struct kernel *kernel = m->kernel;
    struct tensor *tensor = &kernel->tensors[kernel->tensor_count++];
    *tensor = (struct tensor){.name = name, .rank = rank, .layout = "", .bf16 = choose(m->choices, 3) < 2};
    memcpy(tensor->sizes, sizes, rank * sizeof *sizes);
    return tensor;
}

/* ---- nodes ---- */

static struct expression *new_expression(struct maker *m, enum expression_kind kind, const char *word) {
    struct expression *e = arena_allocate(m->arena, sizeof *e);
    e->kind = kind;
    e->word = word;
    return e;
}

struct expression *make_constant(struct maker *m, const char *text) {
    struct expression *e = new_expression(m, EXPRESSION_CONSTANT, text);
    e->value = strtof(text, NULL);
    return e;
}

struct expression *make_operator(struct maker *m, const char *word, struct expression *a,
                                 struct expression *b) {
    struct expression *e = new_expression(m, EXPRESSION_BINARY, word);
    e->operands[0] = a;
    e->operands[1] = b;
    return e;
}

static struct expression *make_choice(struct maker *m, const char *word, struct expression *a,
                                      struct expression *b) {
    struct expression *e = make_operator(m, word, a, b);
    e->kind = EXPRESSION_CHOICE;
    return e;
}

struct expression *make_unary(struct maker *m, const char *word, struct expression *operand) {
    struct expression *e = new_expression(m, EXPRESSION_UNARY, word);
    e->operands[0] = operand;
    return e;
}

static struct expression *make_numbered(struct maker *m, enum expression_kind kind, int number, size_t rank,
                                        const int *axes) {
    struct expression *e = new_expression(m, kind, NULL);
    e->number = number;
    e->axis_count = rank;
    memcpy(e->axes, axes, rank * sizeof *axes);
    return e;
}

struct expression *make_read(struct maker *m, int tensor, size_t rank, const int *axes) {
    return make_numbered(m, EXPRESSION_ACCESS, tensor, rank, axes);
}

struct expression *make_size(struct maker *m, int size) {
    return make_numbered(m, EXPRESSION_SIZE, size, 0, m->scope);
}

struct expression *make_local(struct maker *m, int local, int axis) {
    return make_numbered(m, EXPRESSION_LOCAL, local, axis >= 0 ? 1 : 0, &axis);
}

struct expression *make_line_read(struct maker *m, int tensor, size_t rank, const int *axes, int axis,
                                  bool columns) {
    int at[RANK_MAX];
    memcpy(at, axes, rank * sizeof *at);
    at[rank] = axis;
    if (columns) {
        at[rank] = at[rank - 1];
        at[rank - 1] = axis;
    }
    return make_read(m, tensor, rank + 1, at);
}

bool is_plain(const struct maker *m, const struct expression *e) {
    if (e->kind == EXPRESSION_ACCESS) {
        return m->kernel->tensors[e->number].bf16;
    }
    return e->kind == EXPRESSION_LOCAL && m->kernel->locals[e->number].plain;
}

/* Does it select matrices of tensors? Then it leads three dimensions, or does not occur. */
static bool is_leading(const struct maker *m, int axis) {
    return *m->kernel->axes[axis].name == 'b';
}

/* ---- leaves ---- */

static bool matches(const struct maker *m, const struct tensor *tensor, size_t rank, const int *axes,
                    bool bf16) {
    bool same = tensor->rank == rank && !tensor->result && !tensor->in_place && (tensor->bf16 || !bf16);
    for (size_t i = 0; same && i < rank; i++) {
        same = tensor->sizes[i] == m->kernel->axes[axes[i]].size;
    }
    return same;
}

struct expression *make_input(struct maker *m, size_t rank, const int *axes, bool bf16) {
    static const char *const names[] = {"A", "X", "C", "D", "E", "F", "G", "U", "V", "W"};
    struct kernel *kernel = m->kernel;
    int sizes[RANK_MAX];
    bool full = kernel->tensor_count >= sizeof names / sizeof *names;
    if (full || once_in(m, 2)) {
        for (size_t i = 0; i < kernel->tensor_count; i++) {
            if (matches(m, &kernel->tensors[i], rank, axes, bf16)) {
                return make_read(m, (int)i, rank, axes);
            }
        }
    }
    if (full) {
        return make_constant(m, "0.5");
    }
    for (size_t i = 0; i < rank; i++) {
        sizes[i] = kernel->axes[axes[i]].size;
    }
    struct tensor *tensor = new_tensor(m, names[kernel->tensor_count], rank, sizes);
    tensor->bf16 |= bf16;
    return make_read(m, (int)(tensor - kernel->tensors), rank, axes);
}

/* The last axes in scope, at most this many. */
static struct expression *input_at_last(struct maker *m, size_t rank, bool bf16) {
    rank = rank < m->scope_count ? rank : m->scope_count;
    return make_input(m, rank, m->scope + m->scope_count - rank, bf16);
}

/* Are the last two axes in scope rows and columns? At times also where the first of them leads. */
static bool has_rows(struct maker *m) {
    return m->scope_count > 1 && (!is_leading(m, m->scope[m->scope_count - 2]) || once_in(m, 60));
}

static struct expression *make_tensor_leaf(struct maker *m) {
    size_t count = m->scope_count;
    if (count == 0) {
        return make_constant(m, "0.25");
    }
    switch (choose(m->choices, 9)) {
    case 4:
    case 5:
        return input_at_last(m, 1, false); /* a row */
    case 6:
    case 7:
        return make_input(m, 1, &m->scope[has_rows(m) ? count - 2 : count - 1], false); /* a column */
    case 8:
        if (has_rows(m)) { /* turned */
            int axes[2] = {m->scope[count - 1], m->scope[count - 2]};
            return make_input(m, 2, axes, false);
        }
        return input_at_last(m, 1, false);
    default:
        return input_at_last(m, once_in(m, 4) && has_rows(m) ? 2 : 3, false);
    }
}

/* A local that can be read here: one without axes of its own, or at the innermost axis of its size. */
static struct expression *make_local_leaf(struct maker *m) {
    int local = m->visible[choose(m->choices, (uint32_t)m->visible_count)];
    const struct local *entry = &m->kernel->locals[local];
    if (!entry->indexed) {
        return make_numbered(m, EXPRESSION_LOCAL, local, 0, m->scope);
    }
    for (size_t i = m->scope_count; i-- > 0;) {
        if (m->kernel->axes[m->scope[i]].size == m->kernel->axes[entry->axes[0]].size) {
            return make_numbered(m, EXPRESSION_LOCAL, local, 1, &m->scope[i]);
        }
    }
    return make_tensor_leaf(m);
}

static struct expression *make_scalar_leaf(struct maker *m) {
    static const char *const names[] = {"alpha", "beta", "gamma"}, *const values[] = {"0.5", "-1.5", "2"};
    struct kernel *kernel = m->kernel;
    size_t number = choose(m->choices, 2);
    if (number >= kernel->scalar_count) {
        number = kernel->scalar_count++;
        kernel->scalars[number] =
            (struct scalar){names[number], values[number], strtof(values[number], NULL), once_in(m, 2)};
    }
    return make_numbered(m, EXPRESSION_SCALAR, (int)number, 0, m->scope);
}

struct expression *make_leaf(struct maker *m) {
    static const char *const constants[] = {"0.5", "2", "1", "-1.25", "0.1", "3"};
    if (m->in_place >= 0 && once_in(m, 2)) {
        return make_read(m, m->in_place, m->kernel->tensors[m->in_place].rank, m->in_place_axes);
    }
    switch (choose(m->choices, 12)) {
    case 6:
    case 7:
    case 8:
    case 9:
        return m->visible_count ? make_local_leaf(m) : make_tensor_leaf(m);
    case 10:
        return make_constant(m, PICK(m, constants));
    case 11:
        return make_scalar_leaf(m);
    default:
        return make_tensor_leaf(m);
    }
}

/* ---- folds ---- */

static bool name_is_free(const struct maker *m, const char *name) {
    for (size_t i = 0; i < m->scope_count; i++) {
        if (strcmp(m->kernel->axes[m->scope[i]].name, name) == 0) {
            return false;
        }
    }
    return true;
}

static int fold_axis(struct maker *m, int size) {
    static const char *const names[] = {"k", "l", "q", "r", "d", "e", "f", "g"};
    size_t i = 0;
    while (i < 7 && !name_is_free(m, names[i])) {
        i++;
    }
    return new_axis(m, names[i], size);
}

struct expression *make_sum(struct maker *m, const char *word, size_t count, const int *axes,
                            struct expression *term) {
    struct expression *e = new_expression(m, EXPRESSION_FOLD, word);
    e->axis_count = count;
    memcpy(e->axes, axes, count * sizeof *axes);
    e->operands[0] = term;
    return e;
}

/* One operand of a product: over an axis of the result and the folded one, either way round, at times with
 * the leading axis of the result. */
static struct expression *make_factor(struct maker *m, int outer, int k, bool first) {
    bool turn = once_in(m, 3), batch = is_leading(m, m->scope[0]) && m->scope_count > 2 && !once_in(m, 3);
    int axes[3], *at = axes;
    if (batch) {
        *at++ = m->scope[0];
    }
    *at++ = first != turn ? outer : k;
    *at++ = first != turn ? k : outer;
    return make_input(m, (size_t)(at - axes), axes, false);
}

struct expression *make_product(struct maker *m) {
    int k = fold_axis(m, fold_size(m, once_in(m, 3) ? "L" : "K"));
    struct expression *a = make_factor(m, m->scope[m->scope_count - 2], k, true);
    struct expression *b = make_factor(m, m->scope[m->scope_count - 1], k, false);
    bool swap = once_in(m, 4);
    return make_sum(m, "sum", 1, &k, make_operator(m, "*", swap ? b : a, swap ? a : b));
}

/* A tensor with one axis of the result and the folded one, as rows or as columns; or a local along it. */
static struct expression *make_line(struct maker *m, int k, bool bf16) {
    for (size_t i = 0; i < m->visible_count; i++) {
        const struct local *local = &m->kernel->locals[m->visible[i]];
        if (local->indexed && m->kernel->axes[local->axes[0]].size == m->kernel->axes[k].size && !bf16 &&
            !once_in(m, 3)) {
            return make_numbered(m, EXPRESSION_LOCAL, m->visible[i], 1, &k);
        }
    }
    size_t count = m->scope_count;
    if (count == 0) {
        return make_input(m, 1, &k, bf16);
    }
    int outer = m->scope[has_rows(m) && !once_in(m, 3) ? count - 2 : count - 1],
        axes[3] = {m->scope[0], outer, k};
    if (once_in(m, 4)) {
        axes[1] = k, axes[2] = outer;
    }
    bool batch = is_leading(m, m->scope[0]) && outer != m->scope[0] && !once_in(m, 3);
    return make_input(m, batch ? 3 : 2, axes + !batch, bf16);
}

/* Another tensor read as this one. */
static struct expression *make_sibling(struct maker *m, const struct expression *line, int k) {
    return line->kind == EXPRESSION_ACCESS && !once_in(m, 40)
               ? make_input(m, line->axis_count, line->axes, false)
               : make_line(m, k, false);
}

static struct expression *make_term(struct maker *m, int k) {
    static const char *const functions[] = {"square", "abs",  "exp",   "relu", "sigmoid",
                                            "tanh",   "gelu", "floor", "sin",  "leaky_relu"};
    struct expression *line = make_line(m, k, false);
    switch (choose(m->choices, 8)) {
    case 2:
        return make_operator(m, "*", line, make_input(m, 1, &k, false));
    case 3:
        return make_operator(m, "*", line, make_sibling(m, line, k));
    case 4:
        return make_operator(m, once_in(m, 2) ? "-" : "+", line, make_sibling(m, line, k));
    case 5:
        return make_unary(m, PICK(m, functions), line);
    case 6: {
        /* a value of the row, such as its mean; rarely one that varies along the other axis as well */
        struct expression *offset = line->kind == EXPRESSION_ACCESS && m->scope_count > 1 && !once_in(m, 40)
                                        ? make_input(m, 1, &line->axes[line->axes[0] == k ? 1 : 0], false)
                                        : make_leaf(m);
        return make_unary(m, "square", make_operator(m, "-", line, offset));
    }
    default:
        return line;
    }
}

/* Over a leading axis, or over that and another. */
static struct expression *make_leading_fold(struct maker *m, const char *word) {
    int axes[2] = {fold_axis(m, named_size(m, "H")), -1};
    m->scope[m->scope_count++] = axes[0];
    axes[1] = fold_axis(m, fold_size(m, "K"));
    m->scope_count--;
    bool both = !has_rows(m) || !once_in(m, 12), bf16 = strcmp(word, "sum") != 0;
    int at[3] = {axes[0], both ? axes[1] : m->scope[m->scope_count - 2], m->scope[m->scope_count - 1]};
    if (both && once_in(m, 3)) {
        at[1] = at[2], at[2] = axes[1];
    }
    return make_sum(m, word, both ? 2 : 1, axes, make_input(m, 3, at, bf16));
}

struct expression *make_fold(struct maker *m) {
    if (m->folds >= FOLDS_MAX || m->scope_count == 0) {
        return make_leaf(m);
    }
    m->folds++;
    bool rows = !has_rows(m);
    switch (choose(m->choices, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (!rows) {
            return make_product(m);
        }
        break;
    case 9:
    case 10: {
        int k = fold_axis(m, fold_size(m, rows ? "N" : "K"));
        return make_sum(m, once_in(m, 3) ? "min" : "max", 1, &k, make_line(m, k, true));
    }
    case 11:
        return make_leading_fold(m, once_in(m, 4) ? "max" : "sum");
    default:
        break;
    }
    int k = fold_axis(m, fold_size(m, rows ? "N" : "K"));
    return make_sum(m, "sum", 1, &k, make_term(m, k));
}

/* ---- expressions ---- */

/* Functions with poles or steep flanks get arguments at which results are finite. */
struct expression *make_function(struct maker *m, struct expression *operand) {
    static const char *const functions[] = {
        "relu",  "silu",     "sigmoid",   "tanh",      "abs",        "neg",         "square",
        "exp",   "sqrt",     "rsqrt",     "log",       "recip",      "erf",         "sin",
        "cos",   "atan",     "asinh",     "cbrt",      "log1p",      "floor",       "ceil",
        "trunc", "round",    "sign",      "relu6",     "hardtanh",   "hardsigmoid", "gelu",
        "mish",  "softsign", "hardswish", "gelu_tanh", "leaky_relu", "elu"};
    const char *word = PICK(m, functions);
    if (strcmp(word, "exp") == 0) {
        operand = make_choice(m, "min", operand, make_constant(m, "4"));
    } else if (strstr("sqrt rsqrt log recip log1p", word)) {
        operand = make_operator(m, "+", make_unary(m, "abs", operand), make_constant(m, "0.5"));
    }
    return make_unary(m, word, operand);
}

static struct expression *make_select(struct maker *m, int depth) {
    struct expression *e = new_expression(m, EXPRESSION_SELECT, NULL);
    e->operands[0] = make_leaf(m);
    e->operands[1] = once_in(m, 2) ? make_leaf(m) : make_constant(m, "0");
    e->operands[2] = make_expression(m, depth - 1);
    e->operands[3] = once_in(m, 2) ? make_leaf(m) : make_constant(m, "0");
    return e;
}

/* Of literals and sizes alone: a whole number, by the rules of the language. */
static bool is_whole(const struct expression *e) {
    switch (e->kind) {
    case EXPRESSION_CONSTANT:
        return !strchr(e->word, '.');
    case EXPRESSION_SIZE:
        return true;
    case EXPRESSION_UNARY:
        return is_whole(e->operands[0]) && strstr("relu6 hardtanh abs neg square sign", e->word);
    case EXPRESSION_BINARY:
    case EXPRESSION_CHOICE:
    case EXPRESSION_VARIANT:
        return is_whole(e->operands[0]) && is_whole(e->operands[1]);
    case EXPRESSION_SELECT:
        return is_whole(e->operands[2]) && is_whole(e->operands[3]);
    default:
        return false;
    }
}

struct expression *make_float(struct maker *m, struct expression *e) {
    return is_whole(e) ? make_operator(m, "+", e, make_constant(m, "0.5")) : e;
}

/* By a number that is never 0, or by a size. */
static struct expression *make_quotient(struct maker *m, int depth) {
    struct expression *value = make_float(m, make_expression(m, depth - 1));
    if (once_in(m, 2)) {
        return make_operator(
            m, "/", value, make_operator(m, "+", make_unary(m, "abs", make_leaf(m)), make_constant(m, "1")));
    }
    for (size_t i = 0; i < m->kernel->size_count; i++) {
        if (m->kernel->sizes[i].name) {
            return make_operator(m, "/", value, make_numbered(m, EXPRESSION_SIZE, (int)i, 0, m->scope));
        }
    }
    return make_operator(m, "/", value, make_constant(m, "3"));
}

static struct expression *make_variant(struct maker *m, int depth) {
    struct expression *e = new_expression(m, EXPRESSION_VARIANT, NULL);
    m->kernel->has_variant = true;
    e->operands[0] = make_float(m, make_expression(m, depth - 1)); /* each has the type of the whole */
    e->operands[1] = make_float(m, make_leaf(m));
    return e;
}

static struct expression *make_any(struct maker *m, int depth) {
    static const char *const operators[] = {"+", "*", "-"};
    switch (choose(m->choices, 16)) {
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7: {
        struct expression *a = make_expression(m, depth - 1);
        const char *word = PICK(m, operators);
        return make_operator(m, word, a, make_expression(m, depth - 1));
    }
    case 8:
    case 9:
    case 10:
        return make_fold(m);
    case 11:
    case 12:
        return make_function(m, make_expression(m, depth - 1));
    case 13: {
        struct expression *a = make_expression(m, depth - 1);
        return make_choice(m, once_in(m, 3) ? "min" : "max", a,
                           once_in(m, 2) ? make_leaf(m) : make_constant(m, "0"));
    }
    case 14:
        return once_in(m, 3) ? make_variant(m, depth) : make_select(m, depth);
    case 15:
        return make_quotient(m, depth);
    default:
        return make_leaf(m);
    }
}

struct expression *make_expression(struct maker *m, int depth) {
    size_t span = span_open(m->choices);
    struct expression *e = depth > 0 ? make_any(m, depth) : make_leaf(m);
    span_close(m->choices, span);
    return e;
}
