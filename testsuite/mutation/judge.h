/* Judges one mutant: by the proofs, by the evaluator against loop form, by the embedded device. */
#ifndef TILEC_TESTSUITE_JUDGE_H
#define TILEC_TESTSUITE_JUDGE_H

#include "testsuite/mutation/mutate.h"
#include "testsuite/mutation/subject.h"

enum verdict {
    VERDICT_NONE,       /* not judged */
    VERDICT_SAME,       /* no mutant: the change gives the same text */
    VERDICT_PROVED,     /* a proof rejects it, or the plan has a run-time check that does not let it begin */
    VERDICT_VALIDATED,  /* well-formed, but other results: translation validation rejects it */
    VERDICT_EQUIVALENT, /* the results are the same everywhere */
    VERDICT_HOLE,       /* accepted by the proofs, and a run breaks a rule that they answer for */
    VERDICT_SURVIVOR,   /* accepted by proofs and validation, and wrong on the device */
    VERDICT_BROKEN,     /* a fault of tilec: a crash, a hang, an internal error */
    VERDICT_COUNT
};

enum { RECORD_TEXT = 400 };

struct record {
    enum verdict verdict;
    const char *what;         /* the kind of mutation */
    bool right;               /* of VERDICT_PROVED, where it was asked: it runs right all the same */
    char reason[RECORD_TEXT]; /* the error of the proof, or what a run showed */
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
