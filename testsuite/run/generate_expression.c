/* Sizes, tensors and expressions of random programs. */
#include <string.h>

#include "support/arena.h"
#include "testsuite/run/generate_internal.h"

uint32_t pick(struct maker *m, uint32_t limit) {
    return choose(m->choices, limit);
}

bool once_in(struct maker *m, uint32_t times) {
    return pick(m, times) == times - 1;
}

/* ---- sizes and tensors ---- */

static int64_t random_size(struct maker *m) {
    static const int64_t usual[] = {33, 64, 32, 1, 40, 70, 31, 65, 96, 100, 2, 17};
    return once_in(m, 40) ? 0 : PICK(m, usual);
}

/* A size of the kernel, known by name. */
const char *declare_size(struct maker *m, const char *name) {
    struct generated *program = &m->program;
    for (size_t i = 0; i < program->size_count; i++) {
        if (strcmp(program->sizes[i].name, name) == 0) {
            return program->sizes[i].name;
        }
    }
    program->sizes[program->size_count++] = (struct define){name, random_size(m)};
    return name;
}

/* What an axis runs over: mostly a size of its own, at times a number, or the size of another axis. */
const char *axis_size(struct maker *m, const char *name) {
    if (once_in(m, 12)) {
        static const char *const numbers[] = {"32", "50", "64", "1"};
        return PICK(m, numbers);
    }
    return declare_size(m, once_in(m, 12) ? "N" : name);
}

void scope_axis(struct maker *m, const char *name, const char *size) {
    m->scope[m->scope_count++] = (struct axis){name, size};
}

const char *element_type(struct maker *m) {
    return pick(m, 3) == 2 && !m->narrow ? "f32" : "bf16";
}

struct tensor *declare_tensor(struct maker *m, size_t rank, const char *const *sizes) {
    static const char *const names[] = {"A", "B", "C", "D", "E", "F", "G", "U", "V"};
    struct tensor *tensor = &m->tensors[m->tensor_count];
    *tensor = (struct tensor){.name = names[m->tensor_count], .rank = rank};
    text_printf(&m->parameters, "%s%s: %s[", m->tensor_count ? ", " : "", tensor->name, element_type(m));
    for (size_t i = 0; i < rank; i++) {
        tensor->sizes[i] = sizes[i];
        text_printf(&m->parameters, "%s%s", i ? ", " : "", sizes[i]);
    }
    text_append(&m->parameters, "]");
    m->tensor_count++;
    return tensor;
}

const char *access_text(struct maker *m, const char *name, size_t rank, const struct axis *axes) {
    const char *text = arena_printf(m->arena, "%s[", name);
    for (size_t i = 0; i < rank; i++) {
        text = arena_printf(m->arena, "%s%s%s", text, i ? ", " : "", axes[i].name);
    }
    return arena_printf(m->arena, "%s]", text);
}

/* An input read at these axes: a tensor of this shape that is there already, or a new one. */
const char *input_at(struct maker *m, size_t rank, const struct axis *axes) {
    const char *sizes[3] = {NULL};
    bool reuse = pick(m, 3) == 2 || m->tensor_count == TENSOR_LIMIT;
    for (size_t i = 0; reuse && i < m->tensor_count; i++) {
        bool same = m->tensors[i].rank == rank;
        for (size_t j = 0; same && j < rank; j++) {
            same = strcmp(m->tensors[i].sizes[j], axes[j].size) == 0;
        }
        if (same) {
            return access_text(m, m->tensors[i].name, rank, axes);
        }
    }
    if (m->tensor_count == TENSOR_LIMIT) {
        return "0.5";
    }
    for (size_t i = 0; i < rank; i++) {
        sizes[i] = axes[i].size;
    }
    return access_text(m, declare_tensor(m, rank, sizes)->name, rank, axes);
}

/* A tensor over some of the axes in scope: mostly the innermost ones in order, at times turned or with some
 * left out. must: an axis that it has, or -1. */
const char *input_text(struct maker *m, int must) {
    struct axis axes[3];
    size_t rank = 0;
    bool turn = once_in(m, 6), vector = once_in(m, 3);
    for (size_t i = 0; i < m->scope_count && rank < 3; i++) {
        bool wanted = (int)i == must || (vector ? rank == 0 && must < 0 && once_in(m, 2) : !once_in(m, 5));
        if (wanted && !(must >= 0 && (int)i < must && rank == 2)) {
            axes[rank++] = m->scope[i];
        }
    }
    if (rank == 0 && m->scope_count == 0) {
        return "0.25";
    }
    if (rank == 0) {
        axes[rank++] = m->scope[m->scope_count - 1];
    }
    if (strcmp(axes[0].name, "b") == 0 &&
        rank < 3) { /* selects matrices: it leads three dimensions, or does not occur */
        axes[0] = rank > 1 ? axes[1] : m->scope[m->scope_count - 1];
        rank = 1;
    }
    if (turn && rank > 1) {
        struct axis last = axes[rank - 1];
        axes[rank - 1] = axes[rank - 2];
        axes[rank - 2] = last;
    }
    return input_at(m, rank, axes);
}

/* ---- expressions ---- */

static const char *constant_text(struct maker *m) {
    static const char *const constants[] = {"1", "0.5", "2", "-1.25", "0", "0.1", "3"};
    return PICK(m, constants);
}

const char *scalar_text(struct maker *m) {
    static const char *const names[] = {"alpha", "beta", "gamma", "delta"}, *const values[] = {"0.5", "-1.5",
                                                                                               "2", "0.1"};
    struct generated *program = &m->program;
    size_t i = pick(m, 2);
    if (i < program->scalar_count) {
        return program->scalars[i].name;
    }
    i = program->scalar_count++;
    program->scalars[i] = (struct run_scalar){names[i], values[i]};
    return names[i];
}

static const char *const unary_names[] = {
#define UNARY_FUNCTION(name, tolerance, slope, intrinsic) #name,
#include "support/functions.def"
};
static const char *const binary_names[] = {
#define BINARY_FUNCTION(name, tolerance, slope, intrinsic) #name,
#include "support/functions.def"
};

/* Functions with poles or steep flanks mostly get arguments at which results are finite. */
static const char *unary_text(struct maker *m, int depth) {
    const char *name = PICK(m, unary_names), *operand = expression_text(m, depth - 1);
    bool tame = !once_in(m, 12);
    if (tame && (strcmp(name, "log") == 0 || strcmp(name, "rsqrt") == 0 || strcmp(name, "recip") == 0 ||
                 strcmp(name, "sqrt") == 0)) {
        return arena_printf(m->arena, "%s(abs(%s) + 0.5)", name, operand);
    }
    if (tame && strcmp(name, "exp") == 0) {
        return arena_printf(m->arena, "exp(min(%s, 4))", operand);
    }
    return arena_printf(m->arena, "%s(%s)", name, operand);
}

/* A fold over an axis of its own, in scope inside. */
const char *reduction_text(struct maker *m, int depth) {
    static const char *const folds[] = {"sum", "max", "sum", "min"};
    static const char *const axes[] = {"k", "l", "p", "q"}, *const sizes[] = {"K", "L", "K", "L"};
    if (m->reductions == 4) {
        return input_text(m, -1);
    }
    size_t number = m->reductions++;
    const char *fold = PICK(m, folds), *name = axes[number], *size = axis_size(m, sizes[number]);
    int at = (int)m->scope_count;
    scope_axis(m, name, size);
    const char *value = input_text(m, at);
    switch (pick(m, 4)) {
    case 0:
        break;
    case 1:
    case 2:
        value = arena_printf(m->arena, "%s * %s", value, input_text(m, at));
        break;
    default:
        value = arena_printf(m->arena, "%s + %s", value, depth > 1 ? unary_text(m, 1) : input_text(m, -1));
        break;
    }
    m->scope_count--;
    return arena_printf(m->arena, "%s(%s in %s: %s)", fold, name, size, value);
}

static const char *leaf_text(struct maker *m) {
    uint32_t choice = pick(m, 10);
    if (choice == 9) {
        return scalar_text(m);
    }
    if (choice == 8) {
        return constant_text(m);
    }
    return m->value_count && choice >= 5 ? m->values[pick(m, (uint32_t)m->value_count)] : input_text(m, -1);
}

static const char *binary_text(struct maker *m, int depth) {
    static const char *const operators[] = {"+", "-", "*"};
    const char *a = expression_text(m, depth - 1), *b = expression_text(m, depth - 1);
    switch (pick(m, 8)) {
    case 5:
        return arena_printf(m->arena, "%s(%s, %s)", PICK(m, binary_names), a, b);
    case 6:
        return arena_printf(m->arena, "(%s) / (abs(%s) + 1)", a, b);
    case 7:
        return arena_printf(m->arena, "select(%s > %s, %s, %s)", a, constant_text(m), b, a);
    default:
        return arena_printf(m->arena, "(%s %s %s)", a, PICK(m, operators), b);
    }
}

const char *expression_text(struct maker *m, int depth) {
    uint32_t choice = depth > 0 ? pick(m, 8) : 0;
    if (choice < 2) {
        return leaf_text(m);
    }
    if (choice < 4) {
        return unary_text(m, depth);
    }
    return choice == 7 && m->program.family != FAMILY_ELEMENTWISE ? reduction_text(m, depth)
                                                                  : binary_text(m, depth);
}
