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
    {"boolean", "did you mean bool?"},
};

static const struct habit functions[] = {
    {"range", "a loop names its bounds: for i in M, or for i in 2..M"},
    {"arange", "indices are given as an input (numpy.arange)"},
    {"where", "a choice is select(condition, a, b)"},
    {"maximum", "did you mean max?"},
    {"minimum", "did you mean min?"},
    {"fmax", "did you mean max?"},
    {"fmin", "did you mean min?"},
    {"mean", "a mean is sum(j in N: ...) / N"},
    {"dot", "a product of matrices is sum(k in K: A[i, k] * B[k, j])"},
    {"matmul", "a product of matrices is sum(k in K: A[i, k] * B[k, j])"},
    {"float", "did you mean f32(...)?"},
    {"int", "did you mean i32(...)?"},
    {"pow", "x * x is a square; where x is above 0, def pow(x, y) = exp(y * log(x));"},
};

static const struct habit characters[] = {
    {"?", "a choice is select(condition, a, b)"},
    {"&", "&& joins conditions; there are no operations on bits"},
    {"|", "|| joins conditions; there are no operations on bits"},
    {"^", "a square is square(x) or x * x; there are no operations on bits"},
    {"~", "! negates a condition; there are no operations on bits"},
    {"#", "a comment begins with //"},
};

/* word: the token and the one before it. */
static const struct habit tokens[] = {
    {"* *", "a square is square(x) or x * x; of x above 0 any power is exp(y * log(x))"},
    {"] [", "one pair of brackets takes all subscripts: X[i, j]"},
    {"for (", "a loop is for i in M { ... }, or for i in 2..M { ... }"},
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
