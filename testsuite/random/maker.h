/* What the files that make a random program share: a kernel in the making. */
#ifndef TILEC_TESTSUITE_MAKER_H
#define TILEC_TESTSUITE_MAKER_H

#include "testsuite/random/program.h"

enum { SCOPE_MAX = 8, FOLDS_MAX = 4 };

struct maker {
    struct arena *arena;
    struct choices *choices;
    struct random_program *program;
    struct kernel *kernel;
    int scope[SCOPE_MAX]; /* axes that an expression may use; the last two are rows and columns */
    size_t scope_count;
    int visible[LOCALS_MAX]; /* locals in scope */
    size_t visible_count;
    size_t folds;
    int in_place; /* the tensor that this nest overwrites, read at the axes of its write; -1: none */
    int in_place_axes[RANK_MAX];
    bool tiled; /* a grid of blocks */
};

#define PICK(m, list) ((list)[choose((m)->choices, sizeof(list) / sizeof *(list))])
/* True once in so many times, and never where every choice is the simplest. */
bool once_in(struct maker *m, uint32_t times);

/* make_expression.c */
int named_size(struct maker *m, const char *name);
int number_size(struct maker *m, int64_t value);
int new_axis(struct maker *m, const char *name, int size);
struct tensor *new_tensor(struct maker *m, const char *name, size_t rank, const int *sizes);
struct expression *make_constant(struct maker *m, const char *text);
struct expression *make_operator(struct maker *m, const char *word, struct expression *a,
                                 struct expression *b);
struct expression *make_unary(struct maker *m, const char *word, struct expression *operand);
struct expression *make_read(struct maker *m, int tensor, size_t rank, const int *axes);
/* A size as a number; a local, at an axis unless that is -1; a tensor at axes and one more, behind or before
 * the last. */
struct expression *make_size(struct maker *m, int size);
struct expression *make_local(struct maker *m, int local, int axis);
struct expression *make_line_read(struct maker *m, int tensor, size_t rank, const int *axes, int axis,
                                  bool columns);
struct expression *make_sum(struct maker *m, const char *word, size_t count, const int *axes,
                            struct expression *term);
/* An input over these axes: one that is there already, or a new one. bf16 where it must be. */
struct expression *make_input(struct maker *m, size_t rank, const int *axes, bool bf16);
/* Some function of a value, with an argument at which it is finite; a fold over axes of its own, of any kind;
 * a product of two matrices, for the last two axes in scope. */
struct expression *make_function(struct maker *m, struct expression *operand);
struct expression *make_fold(struct maker *m);
struct expression *make_product(struct maker *m);
struct expression *make_leaf(struct maker *m);
struct expression *make_expression(struct maker *m, int depth);
/* The same, or a float where it is a whole number. */
struct expression *make_float(struct maker *m, struct expression *e);
/* Is it bf16 as it stands in memory? */
bool is_plain(const struct maker *m, const struct expression *e);

/* make_nest.c: one kernel's statements. Tile programs: make_tiled.c */
struct statement *new_statement(struct maker *m, enum statement_kind kind);
void add_statement(struct statement *loop, struct statement *s);
struct statement *add_loop(struct maker *m, struct statement *around, size_t rank, const int *axes);
void add_store(struct maker *m, struct statement *loop, struct expression *value, bool turn);
int new_local(struct maker *m);
void show_local(struct maker *m, int local);
int loop_size(struct maker *m, const char *name);
void make_plain(struct maker *m);
void make_rows(struct maker *m);
void make_norm(struct maker *m);
void make_in_place(struct maker *m);
void make_gather(struct maker *m);
void make_strange(struct maker *m);
void make_tiled(struct maker *m);

/* make_kernel.c: one of these, its sizes bound, with conditions and layouts */
void make_kernel(struct maker *m, const char *name, bool alone);

#endif
