/* Everything that tilec promises of one program, asked of a generated one: it is refused with a message
 * inside its text, or it compiles, and
 *   - the ideal model agrees after every pass, every pass is idempotent, its IR prints and reads back equal,
 *   - the emitted files come again, byte for byte, from the text of the last IR,
 *   - the embedded device gives the bits of the evaluator's device model, under every order of threads, on
 *     every grid, at open and at fixed sizes,
 *   - and they lie within the carried bound.
 */
#ifndef TILEC_TESTSUITE_CHECK_PROGRAM_H
#define TILEC_TESTSUITE_CHECK_PROGRAM_H

#include "testsuite/run/generate.h"

enum verdict { VERDICT_GOOD, VERDICT_REFUSED, VERDICT_BROKEN };

struct judgement {
    enum verdict verdict;
    const char *reason; /* of a refusal the first error; what promise was broken */
};

struct judgement program_check(struct arena *arena, const struct generated *program);

#endif
