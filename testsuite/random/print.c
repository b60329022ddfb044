/* The .tl text of a random program, as an author would write it. */
#include <string.h>

#include "support/arena.h"
#include "support/text_buffer.h"
#include "testsuite/random/program.h"

struct printer {
    struct arena *arena;
    const struct random_program *program;
    const struct kernel *kernel;
    struct text_buffer text;
};

static const char *size_text(struct printer *p, const struct size *size) {
    return size->name ? size->name : arena_printf(p->arena, "%lld", (long long)size->value);
}

static const char *axis_name(const struct printer *p, int axis) {
    return p->kernel->axes[axis].name;
}

static const char *axis_size(struct printer *p, int axis) {
    return size_text(p, &p->kernel->sizes[p->kernel->axes[axis].size]);
}

/* ---- expressions ---- */

static void print_subscripts(struct printer *p, size_t count, const int *axes) {
    for (size_t i = 0; i < count; i++) {
        text_printf(&p->text, "%s%s", i ? ", " : "[", axis_name(p, axes[i]));
    }
    text_append(&p->text, count ? "]" : "");
}

/* `i in M, j in N` */
static void print_axes(struct printer *p, size_t count, const int *axes) {
    for (size_t i = 0; i < count; i++) {
        text_printf(&p->text, "%s%s in %s", i ? ", " : "", axis_name(p, axes[i]), axis_size(p, axes[i]));
    }
}

static int precedence(const struct expression *e) {
    return e->kind != EXPRESSION_BINARY ? 3 : strchr("+-", *e->word) ? 1 : 2;
}

static void print_expression(struct printer *p, const struct expression *e);

static void print_operand(struct printer *p, const struct expression *e, bool bracket) {
    text_append(&p->text, bracket ? "(" : "");
    print_expression(p, e);
    text_append(&p->text, bracket ? ")" : "");
}

static void print_call(struct printer *p, const char *word, size_t count,
                       struct expression *const *operands) {
    text_printf(&p->text, "%s(", word);
    for (size_t i = 0; i < count; i++) {
        text_append(&p->text, i ? ", " : "");
        print_expression(p, operands[i]);
    }
    text_append(&p->text, ")");
}

static void print_expression(struct printer *p, const struct expression *e) {
    switch (e->kind) {
    case EXPRESSION_CONSTANT:
    case EXPRESSION_STRANGE:
        text_append(&p->text, e->word);
        break;
    case EXPRESSION_SCALAR:
        text_append(&p->text, p->kernel->scalars[e->number].name);
        break;
    case EXPRESSION_SIZE:
        text_append(&p->text, size_text(p, &p->kernel->sizes[e->number]));
        break;
    case EXPRESSION_ACCESS:
        text_append(&p->text, p->kernel->tensors[e->number].name);
        print_subscripts(p, e->axis_count, e->axes);
        break;
    case EXPRESSION_LOCAL:
        text_append(&p->text, p->kernel->locals[e->number].name);
        print_subscripts(p, e->axis_count, e->axes);
        break;
    case EXPRESSION_FOLD:
        text_printf(&p->text, "%s(", e->word);
        print_axes(p, e->axis_count, e->axes);
        text_append(&p->text, ": ");
        print_expression(p, e->operands[0]);
        text_append(&p->text, ")");
        break;
    case EXPRESSION_UNARY:
        print_call(p, e->word, 1, e->operands);
        break;
    case EXPRESSION_BINARY:
        print_operand(p, e->operands[0], precedence(e->operands[0]) < precedence(e));
        text_printf(&p->text, " %s ", e->word);
        print_operand(p, e->operands[1], precedence(e->operands[1]) <= precedence(e));
        break;
    case EXPRESSION_CHOICE:
        print_call(p, e->word, 2, e->operands);
        break;
    case EXPRESSION_SELECT:
        text_append(&p->text, "select(");
        print_expression(p, e->operands[0]);
        text_append(&p->text, " > ");
        print_expression(p, e->operands[1]);
        text_append(&p->text, ", ");
        print_expression(p, e->operands[2]);
        text_append(&p->text, ", ");
        print_expression(p, e->operands[3]);
        text_append(&p->text, ")");
        break;
    case EXPRESSION_VARIANT:
        text_append(&p->text, "select(mode == 1, ");
        print_expression(p, e->operands[0]);
        text_append(&p->text, ", ");
        print_expression(p, e->operands[1]);
        text_append(&p->text, ")");
        break;
    }
}

/* ---- statements ---- */

/* The fold of a value that is one, or that begins with another value. */
static const struct expression *fold_of(const struct statement *s) {
    return s->start ? s->value->operands[1] : s->value;
}

static void print_start(struct printer *p, const struct statement *s) {
    const char *word = fold_of(s)->word;
    if (s->start) {
        print_expression(p, s->start);
    } else {
        text_append(&p->text, strcmp(word, "sum") == 0 ? "0" : strcmp(word, "max") == 0 ? "-inf" : "inf");
    }
}

static const char *update_text(const struct expression *fold) {
    return strcmp(fold->word, "sum") == 0 ? "+=" : strcmp(fold->word, "max") == 0 ? "max=" : "min=";
}

static const char *type_text(enum rounding rounding) {
    return rounding == ROUNDING_NONE ? "" : rounding == ROUNDING_F32 ? ": f32" : ": bf16";
}

static void print_var(struct printer *p, const struct statement *s, int depth) {
    const struct expression *fold = fold_of(s);
    const char *name = p->kernel->locals[s->target].name;
    text_printf(&p->text, "var %s: f32 = ", name);
    print_start(p, s);
    text_append(&p->text, ";\n");
    text_indent(&p->text, depth);
    text_append(&p->text, "for ");
    print_axes(p, fold->axis_count, fold->axes);
    text_printf(&p->text, " { %s %s ", name, update_text(fold));
    print_expression(p, fold->operands[0]);
    text_append(&p->text, "; }\n");
}

static void print_fragment(struct printer *p, const struct statement *s, int depth) {
    const struct expression *fold = fold_of(s), *term = fold->operands[0];
    const char *name = p->kernel->locals[s->target].name;
    text_printf(&p->text, "fragment %s", name);
    print_subscripts(p, s->axis_count, s->axes);
    text_append(&p->text, ": f32 = ");
    print_start(p, s);
    text_append(&p->text, ";\n");
    text_indent(&p->text, depth);
    text_append(&p->text, "for ");
    print_axes(p, 1, fold->axes);
    text_printf(&p->text, " by %s%s {\n", s->block, s->pipeline);
    if (s->gemm) {
        text_indent(&p->text, depth + 1);
        text_printf(&p->text, "shared %s_a = ", name);
        print_expression(p, term->operands[0]);
        text_printf(&p->text, ", %s_b = ", name);
        print_expression(p, term->operands[1]);
        text_append(&p->text, ";\n");
        text_indent(&p->text, depth + 1);
        text_printf(&p->text, "gemm(%s_a, %s_b, %s);\n", name, name, name);
    } else {
        text_indent(&p->text, depth + 1);
        text_printf(&p->text, "%s %s %s(%s: ", name, update_text(fold), fold->word,
                    axis_name(p, fold->axes[0]));
        print_expression(p, term);
        text_append(&p->text, ");\n");
    }
    text_indent(&p->text, depth);
    text_append(&p->text, "}\n");
}

static void print_target(struct printer *p, const struct statement *s) {
    text_append(&p->text, p->kernel->tensors[s->target].name);
    print_subscripts(p, s->axis_count, s->axes);
}

/* Y = start over its axes, then Y += term over these and the folded ones in any order. */
static void print_gather(struct printer *p, const struct statement *s, int depth) {
    const struct expression *fold = fold_of(s);
    int axes[2 * RANK_MAX];
    size_t count = 0, own = s->axis_count;
    memcpy(axes, s->axes, own * sizeof *axes);
    memcpy(axes + own, fold->axes, fold->axis_count * sizeof *axes);
    count = own + fold->axis_count;
    text_append(&p->text, "for ");
    print_axes(p, own, s->axes);
    text_append(&p->text, " { ");
    print_target(p, s);
    text_append(&p->text, " = ");
    print_start(p, s);
    text_append(&p->text, "; }\n");
    text_indent(&p->text, depth);
    text_append(&p->text, "for ");
    for (size_t i = 0; i < count; i++) {
        int axis = axes[(i + (size_t)s->order) % count];
        text_printf(&p->text, "%s%s in %s", i ? ", " : "", axis_name(p, axis), axis_size(p, axis));
    }
    text_append(&p->text, " { ");
    print_target(p, s);
    text_append(&p->text, " += ");
    print_expression(p, fold->operands[0]);
    text_append(&p->text, "; }\n");
}

static void print_statement(struct printer *p, const struct statement *s, int depth);

static void print_loop(struct printer *p, const struct statement *s, int depth) {
    size_t open = s->nested && !s->grid ? s->axis_count : 1;
    for (size_t i = 0; i < open; i++) {
        if (i > 0) {
            text_indent(&p->text, depth + (int)i);
        }
        text_append(&p->text, s->grid ? "grid " : "for ");
        for (size_t j = open > 1 ? i : 0; j < (open > 1 ? i + 1 : s->axis_count); j++) {
            text_append(&p->text, open == 1 && j ? ", " : "");
            print_axes(p, 1, &s->axes[j]);
            text_printf(&p->text, "%s%s", s->grid ? " by " : "", s->grid ? s->blocks[j] : "");
        }
        text_append(&p->text, " {\n");
    }
    for (size_t i = 0; i < s->count; i++) {
        print_statement(p, s->body[i], depth + (int)open);
    }
    for (size_t i = open; i-- > 0;) {
        text_indent(&p->text, depth + (int)i);
        text_append(&p->text, "}\n");
    }
}

static void print_statement(struct printer *p, const struct statement *s, int depth) {
    text_indent(&p->text, depth);
    switch (s->kind) {
    case STATEMENT_LET:
        text_printf(&p->text, "let %s", p->kernel->locals[s->target].name);
        if (p->kernel->locals[s->target].indexed) {
            text_append(&p->text, "[");
            print_axes(p, s->axis_count, s->axes);
            text_append(&p->text, "]");
        }
        text_printf(&p->text, "%s = ", type_text(s->rounding));
        print_expression(p, s->value);
        text_append(&p->text, ";\n");
        break;
    case STATEMENT_SHARED:
        text_printf(&p->text, "shared %s", p->kernel->locals[s->target].name);
        if (s->axis_count) {
            print_subscripts(p, s->axis_count, s->axes);
        }
        text_printf(&p->text, "%s = ", type_text(s->rounding));
        print_expression(p, s->value);
        text_append(&p->text, ";\n");
        break;
    case STATEMENT_VAR:
        print_var(p, s, depth);
        break;
    case STATEMENT_FRAGMENT:
        print_fragment(p, s, depth);
        break;
    case STATEMENT_STORE:
        print_target(p, s);
        text_append(&p->text, " = ");
        print_expression(p, s->value);
        text_append(&p->text, ";\n");
        break;
    case STATEMENT_GATHER:
        print_gather(p, s, depth);
        break;
    case STATEMENT_LOOP:
        print_loop(p, s, depth);
        break;
    }
}

/* ---- kernels and programs ---- */

static void print_tensor(struct printer *p, const struct size *sizes, const struct tensor *tensor,
                         bool first) {
    text_printf(&p->text, "%s%s%s: %s[", first ? "" : ", ", tensor->in_place ? "inout " : "", tensor->name,
                tensor->bf16 ? "bf16" : "f32");
    for (size_t i = 0; i < tensor->rank; i++) {
        text_printf(&p->text, "%s%s", i ? ", " : "", size_text(p, &sizes[tensor->sizes[i]]));
    }
    text_printf(&p->text, "]%s", tensor->layout);
}

static void print_results(struct printer *p, const struct size *sizes, size_t count,
                          const struct tensor *tensors, const bool *made) {
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (tensors[i].result && !(made && made[i])) {
            text_append(&p->text, first ? " -> " : "");
            print_tensor(p, sizes, &tensors[i], first);
            first = false;
        }
    }
}

static void print_conditions(struct printer *p, const struct kernel *kernel) {
    bool first = true;
    for (size_t i = 0; i < kernel->size_count; i++) {
        const struct size *size = &kernel->sizes[i];
        if (size->base >= 0) {
            text_printf(&p->text, "%s%s == %s", first ? " where " : ", ", size->name,
                        kernel->sizes[size->base].name);
            if (size->divisor > 1) {
                text_printf(&p->text, " / %lld", (long long)size->divisor);
            }
            if (size->minus) {
                text_printf(&p->text, " - %lld", (long long)size->minus);
            }
            first = false;
        }
    }
    for (size_t i = 0; i < kernel->condition_count; i++) {
        text_printf(&p->text, "%s%s", first ? " where " : ", ", kernel->conditions[i].text);
        first = false;
    }
}

static void print_kernel(struct printer *p, const struct kernel *kernel) {
    p->kernel = kernel;
    text_printf(&p->text, "kernel %s(", kernel->name);
    bool first = true;
    for (size_t i = 0; i < kernel->tensor_count; i++) {
        if (!kernel->tensors[i].result) {
            print_tensor(p, kernel->sizes, &kernel->tensors[i], first);
            first = false;
        }
    }
    for (size_t i = 0; i < kernel->scalar_count; i++) {
        const struct scalar *scalar = &kernel->scalars[i];
        text_printf(&p->text, "%s%s: f32", first ? "" : ", ", scalar->name);
        if (scalar->fallback) {
            text_printf(&p->text, " = %s", scalar->text);
        }
        first = false;
    }
    text_printf(&p->text, "%s",
                !kernel->has_variant ? ")"
                : first              ? "mode: index = 1)"
                                     : ", mode: index = 1)");
    print_results(p, kernel->sizes, kernel->tensor_count, kernel->tensors, NULL);
    print_conditions(p, kernel);
    text_append(&p->text, " {\n");
    for (size_t i = 0; i < kernel->count; i++) {
        print_statement(p, kernel->body[i], 1);
    }
    text_append(&p->text, "}\n");
}

static void print_launch(struct printer *p, const struct launch_of *launch) {
    const struct kernel *kernel = &p->program->kernels[launch->kernel];
    bool first = true, let = false;
    for (size_t i = 0; i < kernel->tensor_count; i++) {
        let |= launch->makes[i];
    }
    text_append(&p->text, let ? "    let " : "    ");
    for (size_t i = 0; i < kernel->tensor_count; i++) {
        if (kernel->tensors[i].result) {
            text_printf(&p->text, "%s%s", first ? "" : ", ", p->program->tensors[launch->tensors[i]].name);
            first = false;
        }
    }
    text_printf(&p->text, "%s%s(", first ? "" : " = ", kernel->name);
    first = true;
    for (size_t i = 0; i < kernel->tensor_count; i++) {
        if (!kernel->tensors[i].result) {
            text_printf(&p->text, "%s%s", first ? "" : ", ", p->program->tensors[launch->tensors[i]].name);
            first = false;
        }
    }
    for (size_t i = 0; i < kernel->scalar_count; i++) {
        text_printf(&p->text, "%s%s = %s", first ? "" : ", ", kernel->scalars[i].name,
                    kernel->scalars[i].text);
        first = false;
    }
    if (kernel->has_variant) {
        text_printf(&p->text, "%smode = %d", first ? "" : ", ", launch->mode);
    }
    text_append(&p->text, ");\n");
}

const char *program_text(struct arena *arena, const struct random_program *program) {
    struct printer p = {.arena = arena, .program = program};
    for (size_t i = 0; i < program->kernel_count; i++) {
        print_kernel(&p, &program->kernels[i]);
    }
    if (program->program) {
        bool first = true;
        text_append(&p.text, "program p(");
        for (size_t i = 0; i < program->tensor_count; i++) {
            if (!program->made[i] && !program->tensors[i].result) {
                print_tensor(&p, program->sizes, &program->tensors[i], first);
                first = false;
            }
        }
        text_append(&p.text, ")");
        print_results(&p, program->sizes, program->tensor_count, program->tensors, program->made);
        text_append(&p.text, " {\n");
        for (size_t i = 0; i < program->launch_count; i++) {
            print_launch(&p, &program->launches[i]);
        }
        text_append(&p.text, "}\n");
    }
    const char *text = arena_string(arena, text_string(&p.text));
    text_free(&p.text);
    return text;
}
