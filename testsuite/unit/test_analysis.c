/* The analyses on isl, by tables of strings: what a subscript is, what a reduction computes, which accesses
 * stay in bounds. */
#include <stdlib.h>
#include <string.h>

#include "analysis/access.h"
#include "analysis/bounds.h"
#include "analysis/isl_util.h"
#include "analysis/match.h"
#include "ir/build.h"
#include "support/arena.h"
#include "support/text_buffer.h"
#include "testsuite/unit/unit.h"

struct fixture {
    struct arena *arena;
    struct diagnostics *diagnostics;
    isl_ctx *ctx;
};

static struct fixture begin(void) {
    isl_errors_abort = true;
    struct fixture f = {.arena = arena_create()};
    f.diagnostics = diagnostics_create(f.arena);
    f.ctx = isl_begin();
    return f;
}

static void end(struct fixture *f) {
    isl_end(f->ctx);
    arena_free(f->arena);
}

static struct node *read_kernel(struct fixture *f, const char *signature, const char *body) {
    const char *text = arena_printf(f->arena, "source \"k.tl\" kernel k(%s { %s }", signature, body);
    struct node *module = module_read(f->arena, f->diagnostics,
                                      diagnostics_add_source(f->diagnostics, "k.ir", text, strlen(text)));
    ck_assert_msg(module != NULL, "does not read: %s", text);
    return node_as(module, module)->items.items[0];
}

/* The value of `y[0] = value`. */
static struct node *read_value(struct fixture *f, const char *value) {
    struct node *kernel = read_kernel(f, "out y: f32[1])", arena_printf(f->arena, "y[0] = %s", value));
    return node_as(node_as(node_as(kernel, kernel)->body, block)->statements.items[0], assign)->value;
}

static const char *const axes[] = {"i", "j", "k"};

static struct matcher matcher_of(struct fixture *f) {
    return (struct matcher){f->arena, f->ctx, axes, 3};
}

/* ---- subscripts ---- */

static const struct {
    const char *text;
    enum subscript_kind kind;
    const char *axis;
} subscripts[] = {
    {"i", SUBSCRIPT_AXIS, "i"},         {"0 + i", SUBSCRIPT_AXIS, "i"},
    {"k * 1", SUBSCRIPT_AXIS, "k"},     {"2 * i - i", SUBSCRIPT_AXIS, "i"},
    {"i + j - j", SUBSCRIPT_AXIS, "i"}, {"-(-(j))", SUBSCRIPT_AXIS, "j"},
    {"i + M - M", SUBSCRIPT_AXIS, "i"}, {"i + 1", SUBSCRIPT_SHIFTED, "i"},
    {"i + M", SUBSCRIPT_SHIFTED, "i"},  {"3", SUBSCRIPT_NUMBER, NULL},
    {"M - 1", SUBSCRIPT_NUMBER, NULL},  {"i - i", SUBSCRIPT_NUMBER, NULL},
    {"2 * i", SUBSCRIPT_AFFINE, NULL},  {"i + j", SUBSCRIPT_AFFINE, NULL},
    {"-i", SUBSCRIPT_AFFINE, NULL},     {"i / 2", SUBSCRIPT_AFFINE, NULL},
    {"i % 32", SUBSCRIPT_AFFINE, NULL}, {"i + j / 2", SUBSCRIPT_AFFINE, NULL},
    {"i * i", SUBSCRIPT_OTHER, NULL},   {"i * M", SUBSCRIPT_OTHER, NULL},
    {"p[i]", SUBSCRIPT_OTHER, NULL},    {"i / M", SUBSCRIPT_OTHER, NULL},
};

START_TEST(subscripts_match_by_coefficients) {
    struct fixture f = begin();
    struct matcher m = matcher_of(&f);
    for (size_t i = 0; i < sizeof subscripts / sizeof *subscripts; i++) {
        struct subscript s = match_subscript(&m, read_value(&f, subscripts[i].text));
        ck_assert_msg(s.kind == subscripts[i].kind, "%s is of kind %d", subscripts[i].text, (int)s.kind);
        ck_assert_msg(s.axis == subscripts[i].axis ||
                          (s.axis && subscripts[i].axis && strcmp(s.axis, subscripts[i].axis) == 0),
                      "%s has axis %s", subscripts[i].text, s.axis ? s.axis : "none");
    }
    end(&f);
}
END_TEST

static const char *const canonical[][2] = {
    {"A[0 + i, k * 1]", "A[i, k]"},
    {"A[i, k]", "A[i, k]"},
    {"A[i + 1, j + 0]", "A[i + 1, j]"},
    {"A[i * i, 7]", "A[i * i, 7]"},
};

START_TEST(accesses_become_canonical) {
    struct fixture f = begin();
    struct matcher m = matcher_of(&f);
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        const char *text = node_text(f.arena, match_canonical(&m, read_value(&f, canonical[i][0])));
        ck_assert_msg(strcmp(text, canonical[i][1]) == 0, "%s became %s", canonical[i][0], text);
    }
    end(&f);
}
END_TEST

/* ---- reductions ---- */

/* For a result with these axes: what the match says, as text. */
static const char *const reductions[][3] = {
    {"i j", "sum(k: A[i, k] * B[k, j])", "A[i, k] x B[k, j]"},
    {"i j", "sum(k: B[k, j] * A[i, k])", "A[i, k] x B[k, j]"},
    {"i j", "sum(k: A[k, i] * B[k, j])", "A[k, i] turned x B[k, j]"},
    {"i j", "sum(k: A[i, k] * B[j, k])", "A[i, k] x B[j, k] turned"},
    {"i j", "sum(k: A[k, i] * B[j, k])", "A[k, i] turned x B[j, k] turned"},
    {"i j", "sum(k: A[0 + i, k * 1] * B[k, j])", "A[0 + i, k * 1] x B[k, j]"},
    {"i j", "sum(k: 2.0 * A[i, k] * B[k, j])", "A[i, k] * 2.0 x B[k, j]"},
    {"i j", "sum(k: A[i, k] * r[i] * B[k, j])", "A[i, k] * r[i] x B[k, j]"},
    {"i j", "sum(k: w[k] * A[i, k] * B[k, j])", "w[k] * A[i, k] x B[k, j]"},
    {"i j", "sum(k: exp(A[i, k]) * B[k, j])", "exp(A[i, k]) x B[k, j]"},
    {"i j", "sum(k: A[b, i, k] * B[b, k, j])", "A[b, i, k] x B[b, k, j]"},
    {"i", "sum(k: A[i, k] * x[k])", "A[i, k] x x[k]"},
    {"j", "sum(k: x[k] * A[k, j])", "x[k] x A[k, j]"},
    {"i", "sum(k: A[i, k])", "fold along rows"},
    {"j", "sum(i: A[i, j])", "fold along columns"},
    {"i", "sum(k: A[i, k] * A[i, k])", "fold along rows"},
    {"i", "max(k: exp(A[i, k]) - m[i])", "fold along rows"},
    {"i", "min(k: A[k, i])", "fold along columns"},
    {"i j", "sum(k: A[i, k] + B[k, j])",
     "none: a factor of the product varies along the rows and the columns of the result"},
    {"i j", "max(k: A[i, k] * B[k, j])", "none: only a sum of products contracts two operands"},
    {"i j", "sum(k: A[i, j] * B[k, j])",
     "none: a factor of the product varies along the rows and the columns of the result"},
    {"i j", "sum(k: A[i, k] * r[i])",
     "none: its body is not a product of two operands that both vary along the summed axis"},
    {"i", "sum(k: r[i])", "none: its body does not vary along the folded axis"},
    {"i", "product(k: A[i, k])", "fold along rows"},
    {"i", "argmax(k: A[i, k])", "none: the device folds by sum, product, max and min only"},
    {"i j", "sum(k, l: A[i, k, l] * B[k, l, j])", "none: it folds several axes at once"},
    {"i j k", "sum(l: A[i, j, k, l])", "none: the result has more than two axes"},
    {"", "sum(k: x[k])", "none: the result is a single number"},
};

static const char *match_text(struct fixture *f, const struct match *m) {
    if (m->kind == MATCH_NONE) {
        return arena_printf(f->arena, "none: %s", m->reason);
    }
    if (m->kind == MATCH_FOLD) {
        return m->along_rows ? "fold along rows" : "fold along columns";
    }
    return arena_printf(f->arena, "%s%s x %s%s", node_text(f->arena, m->left),
                        m->left_turned ? " turned" : "", node_text(f->arena, m->right),
                        m->right_turned ? " turned" : "");
}

START_TEST(reductions_match_by_access) {
    struct fixture f = begin();
    struct matcher m = matcher_of(&f);
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++) {
        const char *result[3];
        size_t count = 0;
        char *names = arena_string(f.arena, reductions[i][0]);
        for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
            result[count++] = name;
        }
        struct match match = match_reduction(&m, read_value(&f, reductions[i][1]), count, result);
        const char *text = match_text(&f, &match);
        ck_assert_msg(strcmp(text, reductions[i][2]) == 0, "%s for [%s] is %s", reductions[i][1],
                      reductions[i][0], text);
    }
    end(&f);
}
END_TEST

/* ---- bounds ---- */

/* Signature, body, the first message ("" when every access is proved). */
static const char *const bounds[][3] = {
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { y[i] = A[i] }", ""},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { y[i] = A[M - 1 - i] }", ""},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { y[i] = A[min(i + 1, M - 1)] }", ""},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { if i + 1 < M { y[i] = A[i + 1] } }", ""},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { if i + 1 >= M { y[i] = 0 } else { y[i] = A[i + 1] } }",
     ""},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { if i > 0 && i < 5 { y[i] = A[i - 1] } }", ""},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { y[i] = A[i + 1 else 0] }", ""},
    {"in A: f32[M, M], out y: f32[M])", "for i in 0..M { y[i] = sum(j in 0..i + 1: A[i, j]) }", ""},
    {"in A: f32[M], in B: f32[N], out y: f32[M])", "for i in 0..min(M, N) { y[i] = A[i] + B[i] }", ""},
    {"in A: f32[M], in B: f32[N], out y: f32[M]) where M == N", "for i in 0..M { y[i] = B[i] }", ""},
    {"in A: f32[M], in B: f32[N], out y: f32[M]) where M <= N && M > 1",
     "for i in 0..M { y[i] = B[i] + A[1] }", ""},
    {"in X: f32[H], in F: f32[R], out y: f32[P]) where P == (H - R) / 2 + 1, H >= R",
     "for p in 0..P { y[p] = sum(r in 0..R: X[p * 2 + r] * F[r]) }", ""},
    {"in A: f32[100], out y: f32[25])", "for i in 0..25 { y[i] = A[4 * i + 3] }", ""},
    {"in A: f32[N / 32 + 1], out y: f32[N])", "for i in 0..N { y[i] = A[i / 32] }", ""},
    {"in A: f32[32], out y: f32[N])", "for i in 0..N { y[i] = A[i % 32] }", ""},
    {"in A: f32[M], out y: f32[M])",
     "grid i in 0..M by 32 { for x in lo(i)..lo(i) + len(i) { y[x] = A[x] } }", ""},
    {"in A: f32[M], out y: f32[M])", "let q = M - 1 for i in 0..M { y[i] = A[q - i] }", ""},
    {"in A: f32[64], out y: f32[65])", "for i in 0..65 { y[i] = A[i] }",
     "index i of A runs to 64, but A has 64 elements"},
    {"in A: f32[4, 8], out y: f32[8])", "for i in 0..8 { y[i] = A[i, i] }",
     "index i of A runs to 7, but A has 4 rows"},
    {"in A: f32[8, 4], out y: f32[8])", "for i in 0..8 { y[i] = A[i, i] }",
     "index i of A runs to 7, but A has 4 columns"},
    {"in A: f32[2, 8, 8], out y: f32[8])", "for i in 0..8 { y[i] = A[i, i, i] }",
     "index i of A runs to 7, but A has an extent of 2 in dimension 1"},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { y[i] = A[i - 1] }", "index i - 1 of A runs down to -1"},
    {"in A: f32[M], in B: f32[N], out y: f32[M])", "for i in 0..M { y[i] = B[i] }",
     "index i of B leaves it: B has N elements"},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M + 1 { y[i] = 0 }",
     "index i of y leaves it: y has M elements"},
    {"in A: f32[M], out y: f32[M])", "for i in 0..M { y[i] = A[i * i] }",
     "index i * i of A is not proved to stay inside it: A has M elements"},
    {"in A: f32[M], in s: index, out y: f32[M])", "for i in 0..M { y[i] = A[i + s] }",
     "index i + s of A falls below 0"},
    {"in A: f32[M], out y: f32[M])", "grid i in 0..M by 32 { y[i] = A[i + 1] }",
     "index i + 1 of A leaves it: A has M elements"},
    {"in A: f32[M], out y: f32[M])", "let e[i in 0..M] = A[i] for i in 0..M { y[i] = e[i] }", ""},
    {"in A: f32[M], out y: f32[M])", "let e[i in 0..M] = A[i] for i in 0..M - 1 { y[i] = e[i + 1] }", ""},
    {"in A: f32[M], out y: f32[M])", "let e[i in 0..M - 1] = A[i] for i in 0..M { y[i] = e[i] }",
     "index i of e leaves it: e has M - 1 elements"},
    {"in A: f32[M], out y: f32[M])", "let e[i in 1..M] = A[i] for i in 0..M { y[i] = e[i] }",
     "index i of e runs down to 0, but e has 1..M in dimension 1"},
    {"in A: f32[M], in s: index, out y: f32[M])", "let e[i in s..M] = A[i] for i in 0..M { y[i] = e[i] }",
     "index i of A falls below 0"},
    {"in A: f32[M], out y: f32[M])",
     "for i in 0..M { var e[j in 0..4]: f32 = 0 for j in 0..8 { e[j] = A[i] } y[i] = e[0] }",
     "index j of e runs to 7, but e has 4 elements"},
    {"in A: f32[M, N], out y: f32[M])",
     "let e[i in 0..M, j in 0..N] = A[i, j] for i in 0..M { y[i] = sum(j in 0..N: e[j, i]) }",
     "index j of e leaves it: e has M rows"},
};

START_TEST(bounds_are_proved_or_refused) {
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        struct fixture f = begin();
        struct relations *r = relations_of(f.arena, f.ctx, read_kernel(&f, bounds[i][0], bounds[i][1]));
        bool sound = bounds_check(r, f.diagnostics);
        const char *message = f.diagnostics->first ? f.diagnostics->first->message : "";
        ck_assert_msg(strcmp(message, bounds[i][2]) == 0, "k(%s { %s }: %s", bounds[i][0], bounds[i][1],
                      message);
        ck_assert(sound == (bounds[i][2][0] == 0));
        relations_free(r);
        end(&f);
    }
}
END_TEST

/* ---- sizes ---- */

static const struct {
    const char *conditions, *left, *right;
    bool equal, at_least;
} sizes[] = {
    {"", "M", "M", true, true},
    {"", "M + 0", "M", true, true},
    {"", "M + 1", "M", false, true},
    {"", "M", "0", false, true},
    {"", "M", "1", false, false},
    {" where M == N", "M", "N", true, true},
    {" where M == N + 2", "M - 1", "N + 1", true, true},
    {" where M >= N", "M", "N", false, true},
    {" where M > 3 || N > 3", "M + N", "4", false, true},
    {" where !(M < N)", "M", "N", false, true},
    {"", "M * N", "N * M", false, false},
};

START_TEST(sizes_compare_under_conditions) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture f = begin();
        const char *signature = arena_printf(f.arena, "in A: f32[M], in B: f32[N])%s", sizes[i].conditions);
        struct relations *r = relations_of(f.arena, f.ctx, read_kernel(&f, signature, ""));
        struct node *left = read_value(&f, sizes[i].left), *right = read_value(&f, sizes[i].right);
        ck_assert_msg(relations_equal_sizes(r, left, right) == sizes[i].equal, "%s == %s%s", sizes[i].left,
                      sizes[i].right, sizes[i].conditions);
        ck_assert_msg(relations_at_least(r, left, right) == sizes[i].at_least, "%s >= %s%s", sizes[i].left,
                      sizes[i].right, sizes[i].conditions);
        relations_free(r);
        end(&f);
    }
}
END_TEST

/* A question that is too hard is answered "not proved", and the next one gets its own budget. */
START_TEST(budget_ends_hard_questions) {
    isl_errors_abort = false;
    struct arena *arena = arena_create();
    struct fixture f = {.arena = arena, .diagnostics = diagnostics_create(arena), .ctx = isl_begin()};
    struct relations *r = relations_of(
        arena, f.ctx, read_kernel(&f, "in A: f32[M], out y: f32[M])", "for i in 0..M { y[i] = A[i] }"));
    isl_ctx_set_max_operations(f.ctx, 10);
    ck_assert(!bounds_proved(r, &r->sites[0]));
    isl_ctx_set_max_operations(f.ctx, 50000);
    ck_assert(bounds_proved(r, &r->sites[0]));
    relations_free(r);
    end(&f);
}
END_TEST

/* So is the place of every access, however many a kernel has. */
START_TEST(budget_is_that_of_one_access) {
    isl_errors_abort = false;
    struct arena *arena = arena_create();
    struct fixture f = {.arena = arena, .diagnostics = diagnostics_create(arena), .ctx = isl_begin()};
    isl_ctx_set_max_operations(f.ctx, 1000);
    struct text_buffer body = {0};
    text_append(&body, "for i in 0..M { y[i] = A[i]");
    for (int i = 0; i < 100; i++)
        text_append(&body, " + A[i]");
    text_append(&body, " }");
    struct relations *r =
        relations_of(arena, f.ctx, read_kernel(&f, "in A: f32[M], out y: f32[M])", text_string(&body)));
    ck_assert_uint_eq(r->site_count, 102);
    for (size_t i = 0; i < r->site_count; i++)
        ck_assert_msg(r->sites[i].subscripts[0], "access %zu", i);
    text_free(&body);
    relations_free(r);
    end(&f);
}
END_TEST

UNIT_MAIN("analysis", subscripts_match_by_coefficients, accesses_become_canonical, reductions_match_by_access,
          bounds_are_proved_or_refused, sizes_compare_under_conditions, budget_ends_hard_questions,
          budget_is_that_of_one_access)
