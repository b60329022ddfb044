/* What authors write by habit of other languages: tables of words and of what says the same here. */
#include "grammar/habits.h"

#include <string.h>

struct habit {
    const char *word, *help;
};

static const struct habit types[] = {
    {"bfloat16", "did you mean bf16?"},
    {"bfloat", "did you mean bf16?"},
    {"float", "did you mean f32?"},
    {"float32", "did you mean f32?"},
    {"fp32", "did you mean f32?"},
    {"half", "there is no float16: a tensor of it is declared bf16 or f32, which take float16 arrays"},
    {"float16", "there is no float16: a tensor of it is declared bf16 or f32, which take float16 arrays"},
    {"fp16", "there is no float16: a tensor of it is declared bf16 or f32, which take float16 arrays"},
    {"f16", "there is no float16: a tensor of it is declared bf16 or f32, which take float16 arrays"},
    {"double", "the widest type is f32"},
    {"float64", "the widest type is f32"},
    {"f64", "the widest type is f32"},
    {"int", "did you mean index, a number that sizes and subscripts take, or i32?"},
    {"size_t", "did you mean index?"},
    {"int32", "did you mean i32?"},
    {"int64", "the widest whole numbers are i32 and u32"},
    {"i64", "the widest whole numbers are i32 and u32"},
    {"uint", "did you mean u32?"},
    {"uint32", "did you mean u32?"},
    {"uint16", "did you mean u16?"},
    {"uint8", "did you mean u8?"},
    {"byte", "did you mean u8?"},
    {"boolean", "did you mean bool?"},
};

static const struct habit functions[] = {
    {"range", "a loop names its bounds: for i in M, or for i in 2..M"},
    {"arange", "the index of an element is a value: for j in N { Y[j] = j; }"},
    {"where", "a choice is select(condition, a, b)"},
    {"maximum", "did you mean max?"},
    {"minimum", "did you mean min?"},
    {"fmax", "did you mean max?"},
    {"fmin", "did you mean min?"},
    {"mean", "a mean is sum(j in N: ...) / N"},
    {"average", "a mean is sum(j in N: ...) / N"},
    {"softmax",
     "write it out: let m = max(k in N: X[i, k]); let s = sum(k in N: exp(X[i, k] - m)); and exp(X[i, j] - m) / s"},
    {"norm", "a norm is sqrt(sum(j in N: square(...)))"},
    {"prod", "did you mean product?"},
    {"len", "the sizes of a tensor are the names in its dimensions: X: f32[M, N] has M rows"},
    {"dot", "a product of matrices is sum(k in K: A[i, k] * B[k, j])"},
    {"matmul", "a product of matrices is sum(k in K: A[i, k] * B[k, j])"},
    {"gemm", "gemm is a statement: gemm(a, b, acc) adds the product of a and b to acc"},
    {"float", "did you mean f32(...)?"},
    {"int", "did you mean i32(...)?"},
};

static const struct habit characters[] = {
    {"?", "a choice is select(condition, a, b)"},
    {"#", "a comment begins with //"},
    {".", "functions take what they are of: exp(x)"},
};

/* Names of other languages that begin a statement or join two expressions. The grammar reads them as names, and does
 * not take what follows them or that they follow. */
static const struct habit words[] = {
    {"and", "did you mean &&?"},
    {"or", "did you mean ||?"},
    {"not", "did you mean !?"},
    {"while", "loops count: for i in M { ... }"},
    {"return", "a kernel gives what it assigns to its results: Y[i, j] = ..."},
    {"elif", "did you mean else if?"},
    {"auto", "a value is named by let v = ..., or by var v: f32 = ... where it changes"},
    {"const", "a value is named by let v = ..., or by var v: f32 = ... where it changes"},
    {"float", "a value is named by let v: f32 = ..., or by var v: f32 = ... where it changes"},
    {"double", "a value is named by let v: f32 = ..., or by var v: f32 = ... where it changes"},
    {"int", "a value is named by let v = ..., or by var v = ... where it changes"},
    {"pass", "a block may be empty: { }"},
    {"lambda", "a function is def f(x) = ...; before the kernel"},
};

/* word: the token and the one before it. */
static const struct habit tokens[] = {
    {", :", "a whole dimension is visited by a loop: for j in N { ... X[i, j] ... }"},
    {"[ :", "a whole dimension is visited by a loop: for j in N { ... X[i, j] ... }"},
    {"+ +", "did you mean += 1?"},
    {") {", "a function is one expression: def f(x) = ...;"},
    {"* *", "a square is square(x) or x * x; of x above 0 any power is exp(y * log(x))"},
    {"] [", "one pair of brackets takes all subscripts: X[i, j]"},
    {"for (", "a loop is for i in M { ... }, or for i in 2..M { ... }"},
};

/* A token that stands where something else is expected: the latter tells what the author writes. */
static const struct {
    const char *token, *expected, *help;
} instead[] = {
    {"if", "an operator", "a choice is select(condition, a, b)"},
    {"for", "')'", "a reduction begins with its axis: sum(k in N: X[i, k])"},
    {":", "'..'", "a range is written 0..M, and what a loop does stands in braces: for i in 0..M { ... }"},
    {":", "']'", "a range of elements is visited by a loop: for j in 0..N { ... X[i, j] ... }"},
    {"+", "'+='", "did you mean += 1?"},
    {":", "'+='", "an assignment is Y[i, j] = ..."},
};

static const char *help_of(const struct habit *habits, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(habits[i].word, word) == 0)
            return habits[i].help;
    return NULL;
}

#define HELP_OF(habits, word) help_of(habits, sizeof(habits) / sizeof *(habits), word)

const char *habit_of_type(const char *name) {
    return HELP_OF(types, name);
}

const char *habit_of_function(const char *name) {
    return HELP_OF(functions, name);
}

const char *habit_of_word(const char *word) {
    return HELP_OF(words, word);
}

const char *habit_of_expectation(const char *token, const char *expected) {
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++)
        if (strcmp(instead[i].token, token) == 0 && strstr(expected, instead[i].expected))
            return instead[i].help;
    return NULL;
}

const char *habit_of_character(char character) {
    return HELP_OF(characters, ((const char[]){character, 0}));
}

const char *habit_of_token(const char *previous, const char *token) {
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        const char *space = strchr(tokens[i].word, ' ');
        size_t length = (size_t)(space - tokens[i].word);
        if (strlen(previous) == length && strncmp(tokens[i].word, previous, length) == 0 &&
            strcmp(space + 1, token) == 0)
            return tokens[i].help;
    }
    return NULL;
}
