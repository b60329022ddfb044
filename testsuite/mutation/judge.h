/* Judges one mutant: by the proofs, by small launches, by validation against tile form, by later launches. */
#ifndef TILEC_TESTSUITE_JUDGE_H
#define TILEC_TESTSUITE_JUDGE_H

#include "testsuite/mutation/mutate.h"
#include "testsuite/mutation/subject.h"

enum verdict {
#define VERDICT(name, word) VERDICT_##name,
#include "testsuite/mutation/verdicts.def"
#undef VERDICT
    VERDICT_COUNT
};

enum { RECORD_TEXT = 400 };

struct record {
    enum verdict verdict;
    const char *what; /* the kind of mutation */
    bool right; /* of VERDICT_PROOF and VERDICT_LAUNCH, where it was asked: it runs right all the same */
    char reason[RECORD_TEXT]; /* the error of the refusal, or what a run showed */
};

/* The IR of a mutant as text; NULL when there is no such number. */
const char *mutant_text(struct arena *arena, const struct subject *subject, size_t number,
                        struct mutation *mutation);
void mutant_judge(const struct subject *subject, size_t number, struct record *record);
/* Does it run right, whatever the proofs say of it? */
bool mutant_runs_right(const struct subject *subject, size_t number);

/* The question that an error answers: "windows"; "other" when no row of rules.def knows it. */
const char *rule_of(const char *error);

#endif
