/* A random program as a tree: what is printed as .tl text, and what its meaning is computed from without any
 * part of the compiler. */
#ifndef TILEC_TESTSUITE_PROGRAM_H
#define TILEC_TESTSUITE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/scalar.h"
#include "testsuite/random/choices.h"

struct arena;

enum {
    RANK_MAX = 4,
    SIZES_MAX = 12,
    AXES_MAX = 48,
    TENSORS_MAX = 14,
    SCALARS_MAX = 3,
    LOCALS_MAX = 16,
    CONDITIONS_MAX = 4,
    STATEMENTS_MAX = 12,
    KERNELS_MAX = 3,
    LAUNCHES_MAX = 4
};

/* A whole number of a kernel or program. */
struct size {
    const char *name; /* NULL: the number itself stands in the text */
    int64_t value; /* at the launch; of a kernel that a program launches, at the launch that is looked at */
    int base;      /* `where name == base / divisor - minus`; -1: free */
    int64_t divisor, minus;
};

struct tensor {
    const char *name;
    bool bf16, in_place, result;
    size_t rank;
    int sizes[RANK_MAX];
    const char *layout; /* "" or an attribute behind the type */
};

/* An axis of a loop or a fold: a name that may occur again where this one is out of scope. */
struct axis {
    const char *name;
    int size;
};

enum expression_kind {
    EXPRESSION_CONSTANT,
    EXPRESSION_SCALAR,  /* number: of the kernel's scalars */
    EXPRESSION_SIZE,    /* number: of its sizes, as a float */
    EXPRESSION_ACCESS,  /* number: of its tensors, at axes */
    EXPRESSION_LOCAL,   /* number: of its locals, at axes */
    EXPRESSION_FOLD,    /* word sum, max or min of operand 0 over axes */
    EXPRESSION_UNARY,   /* function word of operand 0 */
    EXPRESSION_BINARY,  /* operator word */
    EXPRESSION_CHOICE,  /* function word, max or min, of operands 0 and 1 */
    EXPRESSION_SELECT,  /* operands 0 > 1 ? 2 : 3 */
    EXPRESSION_STRANGE, /* the word, of which nobody knows what it means */
    EXPRESSION_VARIANT  /* number: an index parameter; where it is 1 operand 0, else operand 1 */
};

struct expression {
    enum expression_kind kind;
    const char *word;
    int number;
    float value; /* of a constant, whose text is the word */
    int axes[RANK_MAX];
    size_t axis_count;
    struct expression *operands[4];
};

/* A named value inside a kernel, defined once. */
struct local {
    const char *name;
    size_t axis_count;
    int axes[RANK_MAX]; /* that its definition runs over and that are subscripts */
    bool indexed;       /* is read with subscripts */
    bool plain;         /* bf16 as it stands: an access that nothing changed */
};

enum statement_kind {
    STATEMENT_LET,      /* a local, without written axes or over its own: let e[j in N] = ... */
    STATEMENT_VAR,      /* var acc = 0; for k { acc += ... }: a fold, written as a loop */
    STATEMENT_SHARED,   /* a block */
    STATEMENT_FRAGMENT, /* a block that gathers: fragment acc = start; for k by b { acc += ... } */
    STATEMENT_STORE,    /* a tensor at axes */
    STATEMENT_GATHER,   /* a tensor set to 0 and added to, in two nests of their own: only at the top */
    STATEMENT_LOOP      /* a loop over axes around statements */
};

enum rounding { ROUNDING_NONE, ROUNDING_F32, ROUNDING_BF16 };

struct statement {
    enum statement_kind kind;
    int target; /* local or tensor */
    int axes[RANK_MAX];
    size_t axis_count;
    enum rounding rounding;       /* the type that is written behind the name of a local */
    struct expression *value;     /* the whole value; of a var, fragment, gather: a fold, or start + fold */
    struct expression *start;     /* what those begin with; NULL: the neutral element */
    int order;                    /* of the loops of a gather */
    const char *block;            /* of the folded axis of a fragment */
    bool gemm;                    /* its product is written as gemm(a, b, acc) with shared blocks */
    const char *pipeline;         /* attribute of its loop, or "" */
    bool grid, nested;            /* loop: over blocks of a grid; one loop inside another */
    const char *blocks[RANK_MAX]; /* of a grid */
    struct statement *body[STATEMENTS_MAX];
    size_t count;
};

struct condition {
    const char *text; /* in names of sizes; holds at the launch */
};

struct scalar {
    const char *name, *text; /* the value that is given */
    float value;
    bool fallback; /* has a default, which is the value */
};

struct kernel {
    const char *name;
    struct size sizes[SIZES_MAX];
    struct tensor tensors[TENSORS_MAX]; /* in the order of their declaration; results stand behind */
    struct axis axes[AXES_MAX];
    struct local locals[LOCALS_MAX];
    struct scalar scalars[SCALARS_MAX];
    struct condition conditions[CONDITIONS_MAX];
    struct statement *body[STATEMENTS_MAX];
    size_t size_count, tensor_count, axis_count, local_count, scalar_count, condition_count, count;
    bool has_variant; /* a parameter `mode: index = 1` */
};

/* One launch: what the tensors, sizes and scalars of the kernel are in the program. */
struct launch_of {
    int kernel;
    int tensors[TENSORS_MAX], sizes[SIZES_MAX];
    int mode;
    bool makes[TENSORS_MAX]; /* this result is a new tensor of the program: let */
};

struct random_program {
    struct kernel kernels[KERNELS_MAX];
    size_t kernel_count;
    bool program; /* a `program` launches the kernels; else the only kernel is launched by itself */
    struct size sizes[SIZES_MAX];
    struct tensor tensors[TENSORS_MAX]; /* of the program, or of the only kernel; names with rank 0: unused */
    bool made[TENSORS_MAX];             /* by a launch, as a let: no parameter of the program */
    size_t size_count, tensor_count;
    struct launch_of launches[LAUNCHES_MAX];
    size_t launch_count;
    /* how it is compiled and run */
    const char *architecture;
    uint32_t grid_x, grid_y;
    bool fixed;   /* sizes by -D */
    bool whole;   /* inputs are small whole numbers */
    bool strange; /* breaks a rule, or asks what the device does not do: may be refused */
    uint32_t schedule;
    uint64_t inputs; /* seed of their values */
};

/* The program of these choices. */
struct random_program *program_make(struct arena *arena, struct choices *choices);

/* Its .tl text. */
const char *program_text(struct arena *arena, const struct random_program *program);

/* A tensor's contents, row-major: what a value is in exact arithmetic and how far the device's may lie from
 * it. */
struct contents {
    size_t count;
    double *values, *errors;
};

/* The contents of every tensor of the program after it ran; before, those of inputs and tensors in place are
 * set. */
void program_run(struct arena *arena, const struct random_program *program, struct contents *contents);

size_t contents_count(const struct size *sizes, const struct tensor *tensor);

#endif
