/* What the files of the generator share: a program in the making. */
#ifndef TILEC_TESTSUITE_GENERATE_INTERNAL_H
#define TILEC_TESTSUITE_GENERATE_INTERNAL_H

#include "support/text_buffer.h"
#include "testsuite/run/generate.h"

enum { SCOPE_LIMIT = 12, TENSOR_LIMIT = 6 };

struct axis {
    const char *name, *size; /* size: a name or a number, as text */
};

struct tensor {
    const char *name;
    size_t rank;
    const char *sizes[3];
};

struct maker {
    struct arena *arena;
    struct choices *choices;
    struct generated program;
    struct axis scope[SCOPE_LIMIT]; /* axes that an expression may use */
    size_t scope_count;
    struct tensor tensors[TENSOR_LIMIT + 3];
    size_t tensor_count;
    const char *values[SCOPE_LIMIT]; /* accesses of lets in scope, as text */
    size_t value_count, reductions, names;
    bool narrow; /* tensors are bf16 */
    struct text_buffer parameters, body;
};

/* generate_expression.c: choices. A number below limit; true once in so many times; an entry of a list. */
uint32_t pick(struct maker *m, uint32_t limit);
bool once_in(struct maker *m, uint32_t times);
#define PICK(m, list) ((list)[pick((m), sizeof(list) / sizeof *(list))])

/* A size of the kernel, known by name. */
const char *declare_size(struct maker *m, const char *name);
/* What an axis runs over: mostly a size of its own, at times a number, or the size of another axis. */
const char *axis_size(struct maker *m, const char *name);
/* An axis more that expressions may use. */
void scope_axis(struct maker *m, const char *name, const char *size);
const char *element_type(struct maker *m);
struct tensor *declare_tensor(struct maker *m, size_t rank, const char *const *sizes);
const char *access_text(struct maker *m, const char *name, size_t rank, const struct axis *axes);
/* An input read at these axes: a tensor of this shape that is there already, or a new one. */
const char *input_at(struct maker *m, size_t rank, const struct axis *axes);
/* A tensor over some of the axes in scope, with the axis of number `must` unless it is -1. */
const char *input_text(struct maker *m, int must);
const char *scalar_text(struct maker *m);
/* A fold over an axis of its own. */
const char *reduction_text(struct maker *m, int depth);
const char *expression_text(struct maker *m, int depth);

#endif
