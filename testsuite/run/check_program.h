/* Everything that tilec promises of one program, asked of one that somebody wrote or a generator made: it is
 * refused with a message inside its text, or it compiles, and
 *   - the embedded device gives the bits of the evaluator's device model, also of special values, zeros of both
 *     signs and values around the least normal number, and they lie within a bound.
 * A thorough check asks also that
 *   - the ideal model agrees after every pass, every pass is idempotent, its IR prints and reads back equal,
 *   - the emitted files come again, byte for byte, from the text of the last IR,
 *   - bits are the same under every order of threads, on every grid, at open and at fixed sizes.
 */
#ifndef TILEC_TESTSUITE_CHECK_PROGRAM_H
#define TILEC_TESTSUITE_CHECK_PROGRAM_H

#include "driver/run.h"

struct arena;

enum { CHECKED_SIZES = 13, CHECKED_SCALARS = 4 };

/* What the results of a run must be: NULL where they are, else a sentence. before: what tensors that are read
 * held, by name. */
typedef const char *results_judge(struct arena *arena, const void *context, const struct array *before,
                                  size_t before_count, const struct array *after, size_t after_count);

struct checked_program {
    const char *text;
    const char *file;         /* its name, which tells IR text; NULL: "generated.tl" */
    const char *architecture; /* NULL: wormhole_b0 */
    uint32_t grid_x, grid_y;
    struct define sizes[CHECKED_SIZES]; /* every size that the text mentions */
    size_t size_count;
    struct run_scalar scalars[CHECKED_SCALARS];
    size_t scalar_count;
    bool open;                          /* for open sizes only: fixed ones are not tried */
    struct define fixed[CHECKED_SIZES]; /* what is fixed in every build */
    size_t fixed_count;
    bool whole;                /* inputs are small whole numbers */
    uint64_t inputs, schedule; /* seeds of their values, and of the order of threads */
    results_judge *judge;      /* NULL: the carried bound of the kernel `meaning` decides */
    const void *context;
    /* a kernel in .tl with the same parameters that says what the results are; NULL: the text */
    const char *meaning;
};

enum verdict {
    VERDICT_GOOD,
    VERDICT_REFUSED, /* with a place in the program, when it was compiled or launched */
    VERDICT_WARNED,  /* good, but for a warning */
    VERDICT_BROKEN   /* a promise was */
};

struct judgement {
    enum verdict verdict;
    const char *reason; /* of a refusal the first error; what promise was broken */
};

enum thoroughness { CHECK_QUICK, CHECK_THOROUGH };

struct judgement program_check(struct arena *arena, const struct checked_program *program,
                               enum thoroughness thoroughness);

/* The floats of inputs: in (-2, 2) or whole numbers from -3 to 3; the same with special values between; zeros of
 * both signs with 1 and -1; values so small that what is computed with them lies around the least normal number. */
enum input_kind { INPUT_PLAIN, INPUT_SPECIAL, INPUT_ZEROS, INPUT_TINY, INPUT_KINDS };

/* Fills the array of a parameter, by its place among all, with the values that a check gives it. */
void checked_fill(const struct checked_program *program, size_t parameter, enum input_kind kind,
                  struct array *array);

#endif
