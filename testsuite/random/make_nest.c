/* Nests of random programs, in the shapes that authors give them. */
#include <string.h>

#include "support/arena.h"
#include "testsuite/random/maker.h"

/* ---- statements ---- */

struct statement *new_statement(struct maker *m, enum statement_kind kind) {
    struct statement *s = arena_allocate(m->arena, sizeof *s);
    s->kind = kind;
    s->pipeline = "";
    return s;
}

void add_statement(struct statement *loop, struct statement *s) {
    loop->body[loop->count++] = s;
}

struct statement *add_loop(struct maker *m, struct statement *around, size_t rank, const int *axes) {
    struct statement *loop = new_statement(m, STATEMENT_LOOP);
    loop->axis_count = rank;
    memcpy(loop->axes, axes, rank * sizeof *axes);
    loop->nested = rank > 1 && once_in(m, 4);
    if (around) {
        add_statement(around, loop);
    } else {
        m->kernel->body[m->kernel->count++] = loop;
    }
    for (size_t i = 0; i < rank; i++) {
        m->scope[m->scope_count++] = axes[i];
    }
    return loop;
}

int new_local(struct maker *m) {
    static const char *const names[] = {"s", "t", "u", "v", "w", "x", "y", "z", "m", "n", "c", "h", "o", "a"};
    struct kernel *kernel = m->kernel;
    kernel->locals[kernel->local_count].name = names[kernel->local_count];
    return (int)kernel->local_count++;
}

void show_local(struct maker *m, int local) {
    m->visible[m->visible_count++] = local;
}

/* A named value: of a fold also as a loop that gathers it. */
static void add_let(struct maker *m, struct statement *loop, struct expression *value, bool gathers) {
    bool fold = value->kind == EXPRESSION_FOLD;
    struct statement *s = new_statement(m, gathers && fold ? STATEMENT_VAR : STATEMENT_LET);
    s->value = make_float(m, value);
    s->target = new_local(m);
    m->kernel->locals[s->target].plain = s->kind == STATEMENT_LET && is_plain(m, value);
    if (s->kind == STATEMENT_VAR && strcmp(value->word, "sum") == 0 && once_in(m, 4)) {
        s->start = once_in(m, 2) ? make_expression(m, 0) : make_constant(m, "0.5");
        s->value = make_operator(m, "+", s->start, value);
    }
    if (s->kind == STATEMENT_LET && !m->kernel->locals[s->target].plain && once_in(m, 10)) {
        s->rounding = once_in(m, 2) ? ROUNDING_BF16 : ROUNDING_F32;
    }
    add_statement(loop, s);
    show_local(m, s->target);
}

static void add_lets(struct maker *m, struct statement *loop, uint32_t most, bool folds) {
    for (uint32_t i = 0; i <= most; i++) { /* the choice of no more ends the list also where it is full */
        size_t span = span_open(m->choices);
        bool more = once_in(m, 2) && i < most && m->kernel->local_count + 2 < LOCALS_MAX;
        if (more) {
            struct expression *value = folds || once_in(m, 2) ? make_fold(m) : make_expression(m, 2);
            add_let(m, loop, value, once_in(m, 3));
        }
        span_close(m->choices, span);
        if (!more) {
            return;
        }
    }
}

/* A result over these axes, the last two at times turned. */
void add_store(struct maker *m, struct statement *loop, struct expression *value, bool turn) {
    static const char *const names[] = {"Y", "Z", "O", "R", "S"};
    struct statement *s = new_statement(m, STATEMENT_STORE);
    int sizes[RANK_MAX];
    size_t results = 0, rank = m->scope_count;
    for (size_t i = 0; i < m->kernel->tensor_count; i++) {
        results += m->kernel->tensors[i].result;
    }
    memcpy(s->axes, m->scope, rank * sizeof *s->axes);
    if (turn && rank > 1) {
        s->axes[rank - 2] = m->scope[rank - 1];
        s->axes[rank - 1] = m->scope[rank - 2];
    }
    for (size_t i = 0; i < rank; i++) {
        sizes[i] = m->kernel->axes[s->axes[i]].size;
    }
    s->value = make_float(m, value);
    s->axis_count = rank;
    s->target = (int)m->kernel->tensor_count;
    new_tensor(m, names[results], rank, sizes)->result = true;
    add_statement(loop, s);
}

/* ---- nests ---- */

/* The size of an axis of results: mostly its own, at times a number or that of another. */
int loop_size(struct maker *m, const char *name) {
    switch (choose(m->choices, 12)) {
    case 10:
        return number_size(m, once_in(m, 2) ? 64 : 50);
    case 11:
        return named_size(m, "N");
    default:
        return named_size(m, name);
    }
}

static size_t open_axes(struct maker *m, int *axes) {
    static const uint8_t ranks[] = {2, 2, 2, 2, 3, 2, 1, 2, 3};
    size_t rank = PICK(m, ranks), count = 0;
    if (rank == 3) {
        axes[count++] = new_axis(m, "b", once_in(m, 4) ? number_size(m, 2) : named_size(m, "H"));
    }
    if (rank >= 2) {
        axes[count++] = new_axis(m, "i", loop_size(m, "M"));
    }
    axes[count++] = new_axis(m, "j", loop_size(m, "N"));
    return count;
}

/* What stands behind a product in practice: another one, a bias, a scale, a residual, an activation. */
static struct expression *make_epilogue(struct maker *m, struct expression *value) {
    for (uint32_t i = 0; i < 3; i++) {
        size_t span = span_open(m->choices);
        uint32_t step = choose(m->choices, 9);
        switch (step) {
        case 1:
        case 2:
            value = make_operator(m, once_in(m, 3) ? "-" : "+", value, make_leaf(m));
            break;
        case 3:
            value = make_operator(m, "*", value, make_leaf(m));
            break;
        case 4:
            value = make_operator(m, once_in(m, 3) ? "-" : "+", value, make_fold(m));
            break;
        case 5:
            value = make_operator(m, "*", value, make_fold(m));
            break;
        case 6:
            value = make_function(m, value);
            break;
        case 7:
            value = make_operator(m, "+", value, make_input(m, 1, &m->scope[m->scope_count - 1], false));
            break;
        case 8:
            value = value->kind == EXPRESSION_LOCAL ? make_operator(m, "*", value, value)
                                                    : make_unary(m, "square", value);
            break;
        default:
            break;
        }
        span_close(m->choices, span);
        if (step == 0) {
            break;
        }
    }
    return value;
}

void make_plain(struct maker *m) {
    int axes[3];
    size_t rank = open_axes(m, axes);
    struct statement *loop = add_loop(m, NULL, rank, axes);
    add_lets(m, loop, 2, false);
    struct expression *value = once_in(m, 2)
                                   ? make_epilogue(m, m->visible_count ? make_leaf(m) : make_fold(m))
                                   : make_expression(m, 3);
    if (m->folds == 0 && !once_in(m, 3)) {
        value = make_operator(m, once_in(m, 3) ? "-" : "+", make_fold(m), value);
    }
    add_store(m, loop, value, once_in(m, 10));
    if (once_in(m, 6)) {
        add_store(m, loop, make_expression(m, 2), false);
    }
}

/* Values of rows (or columns) that later statements read: normalisations, statistics and their kind. */
void make_rows(struct maker *m) {
    bool columns = once_in(m, 4), batched = once_in(m, 5);
    int row = named_size(m, "M"), column = loop_size(m, "N"), axes[2];
    size_t rank = 0;
    if (batched) {
        axes[rank++] = new_axis(m, "b", named_size(m, "H"));
    }
    axes[rank++] = columns ? new_axis(m, "j", column) : new_axis(m, "i", row);
    struct statement *loop = add_loop(m, NULL, rank, axes);
    add_lets(m, loop, 2, true);
    const char *name = columns ? "i" : "j";
    int size = columns ? row : column;
    if (once_in(m, 3)) {
        int axis = new_axis(m, name, size);
        struct statement *s = new_statement(m, STATEMENT_LET);
        m->scope[m->scope_count++] = axis;
        /* It varies along its axis, so that a fold over it folds something. */
        s->value = make_input(m, 2, m->scope + m->scope_count - 2, false);
        if (once_in(m, 2)) {
            s->value = make_operator(m, once_in(m, 2) ? "-" : "*", s->value, make_expression(m, 1));
        }
        if (once_in(m, 2)) {
            s->value = make_function(m, s->value);
        }
        m->scope_count--;
        s->target = new_local(m);
        s->axes[0] = axis;
        s->axis_count = 1;
        m->kernel->locals[s->target] = (struct local){.name = m->kernel->locals[s->target].name,
                                                      .axis_count = 1,
                                                      .axes = {axis},
                                                      .indexed = true,
                                                      .plain = is_plain(m, s->value)};
        add_statement(loop, s);
        show_local(m, s->target);
        add_lets(m, loop, 1, true);
    }
    bool stores_rows = !batched || once_in(m, 20); /* b would lie in tiles of the result */
    if (stores_rows && once_in(m, 3)) {
        add_store(m, loop, make_expression(m, 2), false);
        return;
    }
    int inner = new_axis(m, name, size);
    struct statement *inside = add_loop(m, loop, 1, &inner);
    size_t outside = m->visible_count;
    add_lets(m, inside, 1, false);
    add_store(m, inside, make_expression(m, 3), columns);
    if (stores_rows && once_in(m, 5)) {
        m->scope_count--;
        m->visible_count = outside;
        add_store(m, loop, make_expression(m, 2), false);
    }
}

/* A tensor that is changed in place, its new value read by what follows. */
void make_in_place(struct maker *m) {
    int axes[3], sizes[3];
    size_t rank = open_axes(m, axes);
    struct statement *loop = add_loop(m, NULL, rank, axes);
    for (size_t i = 0; i < rank; i++) {
        sizes[i] = m->kernel->axes[axes[i]].size;
    }
    add_lets(m, loop, 1, false);
    m->in_place = (int)m->kernel->tensor_count;
    memcpy(m->in_place_axes, axes, rank * sizeof *axes);
    new_tensor(m, "I", rank, sizes)->in_place = true;
    struct statement *s = new_statement(m, STATEMENT_STORE);
    s->target = m->in_place;
    s->axis_count = rank;
    memcpy(s->axes, axes, rank * sizeof *axes);
    s->value = make_float(m, make_expression(m, 2));
    add_statement(loop, s);
    if (once_in(m, 2)) {
        add_store(m, loop, make_expression(m, 2), false);
    }
    m->in_place = -1;
}

/* A sum that is gathered in the result itself, and perhaps an epilogue over it. */
void make_gather(struct maker *m) {
    int axes[3], sizes[3];
    size_t rank = open_axes(m, axes);
    memcpy(m->scope, axes, rank * sizeof *axes);
    m->scope_count = rank;
    struct statement *s = new_statement(m, STATEMENT_GATHER);
    struct expression *fold = rank > 1 ? make_product(m) : make_fold(m);
    if (fold->kind != EXPRESSION_FOLD || strcmp(fold->word, "sum") != 0) {
        int k = new_axis(m, "k", named_size(m, "K")), line[2] = {axes[rank - 1], k};
        struct expression *sum = arena_allocate(m->arena, sizeof *sum);
        *sum = (struct expression){.kind = EXPRESSION_FOLD, .word = "sum", .axes = {k}, .axis_count = 1};
        sum->operands[0] = make_input(m, 2, line, false);
        fold = sum;
    }
    s->value = fold;
    if (once_in(m, 3)) {
        s->start = make_expression(m, 0);
        s->value = make_operator(m, "+", s->start, fold);
    }
    s->order = (int)choose(m->choices, (uint32_t)(rank + fold->axis_count));
    s->axis_count = rank;
    memcpy(s->axes, axes, rank * sizeof *axes);
    for (size_t i = 0; i < rank; i++) {
        sizes[i] = m->kernel->axes[axes[i]].size;
    }
    s->target = (int)m->kernel->tensor_count;
    struct tensor *result = new_tensor(m, "Y", rank, sizes);
    result->result = true;
    result->bf16 = false;
    m->kernel->body[m->kernel->count++] = s;
}

/* ---- normalisations, as they stand in text books ---- */

/* A named value, alone or for every element of an axis. Returns what reads it there, or at `at`. */
static struct expression *add_named(struct maker *m, struct statement *loop, struct expression *value,
                                    int axis, int at) {
    struct statement *s = new_statement(m, STATEMENT_LET);
    s->value = value;
    s->target = new_local(m);
    struct local *local = &m->kernel->locals[s->target];
    if (axis >= 0) {
        s->axes[0] = local->axes[0] = axis;
        s->axis_count = local->axis_count = 1;
        local->indexed = true;
    }
    add_statement(loop, s);
    return make_local(m, s->target, at);
}

/* One in the making: X is read along rows (or columns), at an axis of its own each time. */
struct norm {
    struct maker *m;
    struct statement *loop;
    const char *name; /* of that axis, and its size */
    int size, tensor, axes[2];
    size_t rank; /* of the axes around */
    bool columns;
};

static int next_axis(const struct norm *n) {
    return new_axis(n->m, n->name, n->size);
}

static struct expression *read_line(const struct norm *n, int axis) {
    return make_line_read(n->m, n->tensor, n->rank, n->axes, axis, n->columns);
}

/* sum(j: f(X[i, j] - offset)); without a function or an offset where these are NULL. */
static struct expression *fold_line(const struct norm *n, const char *word, const char *function,
                                    struct expression *offset) {
    int axis = next_axis(n);
    struct expression *term = read_line(n, axis);
    term = offset ? make_operator(n->m, "-", term, offset) : term;
    term = function ? make_unary(n->m, function, term) : term;
    return make_sum(n->m, word, 1, &axis, term);
}

static struct expression *name_value(const struct norm *n, struct expression *value) {
    return add_named(n->m, n->loop, value, -1, -1);
}

static struct expression *inverse_root(const struct norm *n, struct expression *value, const char *epsilon) {
    return make_unary(n->m, "rsqrt", make_operator(n->m, "+", value, make_constant(n->m, epsilon)));
}

static struct expression *softmax_value(const struct norm *n, int last) {
    struct expression *most = name_value(n, fold_line(n, "max", NULL, NULL));
    int own = next_axis(n), folded = next_axis(n);
    struct expression *shifted = make_operator(n->m, "-", read_line(n, own), most);
    struct expression *e = add_named(n->m, n->loop, make_unary(n->m, "exp", shifted), own, folded);
    struct expression *sum = name_value(n, make_sum(n->m, "sum", 1, &folded, e));
    return make_operator(n->m, "/", make_local(n->m, e->number, last), sum);
}

static struct expression *layer_value(const struct norm *n, int last) {
    struct expression *count = make_operator(n->m, "+", make_size(n->m, n->size), make_constant(n->m, "1"));
    struct expression *mean = name_value(n, make_operator(n->m, "/", fold_line(n, "sum", NULL, NULL), count));
    struct expression *squares = fold_line(n, "sum", "square", mean);
    struct expression *variance = name_value(n, make_operator(n->m, "/", squares, count));
    return make_operator(n->m, "*", make_operator(n->m, "-", read_line(n, last), mean),
                         inverse_root(n, variance, "0.001"));
}

static struct expression *root_value(const struct norm *n, int last) {
    struct expression *power = name_value(n, fold_line(n, "sum", "square", NULL));
    return make_operator(n->m, "*", read_line(n, last), inverse_root(n, power, "0.01"));
}

static struct expression *log_softmax_value(const struct norm *n, int last) {
    struct expression *most = name_value(n, fold_line(n, "max", NULL, NULL));
    struct expression *sum =
        make_operator(n->m, "+", fold_line(n, "sum", "exp", most), make_constant(n->m, "0.5"));
    struct expression *log = make_operator(n->m, "+", make_unary(n->m, "log", sum), most);
    return make_operator(n->m, "-", read_line(n, last), name_value(n, log));
}

/* softmax, layer norm, RMS norm, log-softmax, of rows or of columns, at times of matrices that b selects. */
void make_norm(struct maker *m) {
    static struct expression *(*const values[])(const struct norm *n, int last) = {
        softmax_value, layer_value, root_value, log_softmax_value};
    bool columns = once_in(m, 4), batched = once_in(m, 5);
    int rows = named_size(m, "M"), across = loop_size(m, "N"), sizes[3];
    struct norm n = {
        .m = m, .columns = columns, .name = columns ? "i" : "j", .size = columns ? rows : across};
    if (batched) {
        n.axes[n.rank++] = new_axis(m, "b", number_size(m, 2));
    }
    n.axes[n.rank++] = new_axis(m, columns ? "j" : "i", columns ? across : rows);
    n.loop = add_loop(m, NULL, n.rank, n.axes);
    uint32_t shape = choose(m->choices, 4);
    sizes[0] = m->kernel->axes[n.axes[0]].size;
    sizes[n.rank - 1] = rows;
    sizes[n.rank] = across;
    n.tensor = (int)m->kernel->tensor_count;
    struct tensor *x = new_tensor(m, "Q", n.rank + 1, sizes);
    x->bf16 |= shape == 0 || shape == 3; /* maxima are folded exactly in bf16 alone */
    int last = next_axis(&n);
    struct expression *value = values[shape](&n, last);
    struct statement *inside = add_loop(m, n.loop, 1, &last);
    value = once_in(m, 2) ? make_operator(m, "*", value, make_input(m, 1, &last, false)) : value;
    add_store(m, inside, value, columns);
}

/* ---- programs that break one rule ---- */

void make_strange(struct maker *m) {
    static const char *const values[] = {"A[i + 1 else 0, j]",
                                         "A[i, i]",
                                         "A[i, j] + i",
                                         "product(k in K: A[i, k])",
                                         "sum(k in 0..i + 1: A[i, k])",
                                         "A[j, i, 0]",
                                         "sum(k in 3..N: A[i, k])",
                                         "A[2, j]",
                                         "A[i, 0]",
                                         "argmax(k in N: A[i, k])",
                                         "undeclared[i, j]",
                                         "select(i > j, A[i, j], 0)",
                                         "A[i, j + 1 else 0.5]",
                                         "sum(k in N: sum(l in N: A[k, l]))",
                                         "sum(k in N, l in N: A[i, k] * A[k, l])",
                                         "exp(",
                                         "A[i, j] % 2",
                                         "i32(A[i, j])",
                                         "A[i / 2, j]",
                                         "bf16(A[i, j]) * 3"};
    int size = named_size(m, "N"), axes[2] = {new_axis(m, "i", size), new_axis(m, "j", size)};
    struct statement *loop = add_loop(m, NULL, 2, axes);
    struct expression *value = make_input(m, 2, axes, false);
    loop->grid = once_in(m, 4);
    loop->blocks[0] = loop->blocks[1] = "32";
    value->kind = EXPRESSION_STRANGE;
    value->word = PICK(m, values);
    m->program->strange = true;
    add_store(m, loop, once_in(m, 4) ? make_operator(m, "*", value, make_input(m, 2, axes, false)) : value,
              once_in(m, 4));
}
