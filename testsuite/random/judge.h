/* A random program before its judge: what it must keep, and whether a refusal is one that docs/language.md
 * owns to. */
#ifndef TILEC_TESTSUITE_JUDGE_H
#define TILEC_TESTSUITE_JUDGE_H

#include "testsuite/random/program.h"
#include "testsuite/run/check_program.h"

enum outcome {
    OUTCOME_GOOD,
    OUTCOME_REFUSED, /* as documented */
    OUTCOME_OWED,    /* in a way that is known to be wrong */
    OUTCOME_UNKNOWN, /* refused otherwise */
    OUTCOME_WARNED,
    OUTCOME_BROKEN,
    OUTCOME_CRASHED, /* the process ended; told by the parent */
    OUTCOME_HUNG,
    OUTCOME_COUNT
};

enum cause {
#define REFUSAL(name, words, document) CAUSE_##name,
#include "testsuite/random/refusals.def"
    CAUSE_COUNT
};

struct outcome_report {
    enum outcome outcome;
    enum cause cause; /* of what is known */
    char reason[600];
    uint64_t elements, open; /* compared with the meaning; beyond every bound, so that nothing was asked */
};

const char *outcome_name(enum outcome outcome);
const char *cause_name(enum cause cause);

/* Compiles, runs and compares. */
void random_program_judge(struct arena *arena, const struct random_program *program,
                          enum thoroughness thoroughness, struct outcome_report *report);

/* What is given to the compiler and the run. */
struct checked_program checked_of(struct arena *arena, const struct random_program *program);

/* Do two failures look like one: the same words but for names and numbers? */
bool outcome_same(const struct outcome_report *a, const struct outcome_report *b);

#endif
