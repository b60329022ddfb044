/* Translation validation: did a pass keep what the kernel computes? Both kernels run in the evaluator's ideal
 * numbers on generated inputs, at ragged, whole and unit sizes: passes that leave loop or tile form. What those behind
 * make of tile form is run on the embedded device, by the driver (driver/validate.h).
 */
#ifndef TILEC_TRANSFORMS_PASS_CHECK_H
#define TILEC_TRANSFORMS_PASS_CHECK_H

#include "evaluate/evaluate.h"
#include "transforms/pass.h"

/* CHECK_UNFIT: of a trial alone, which compared nothing: the kernel does not take it. */
enum check_outcome { CHECK_EQUAL, CHECK_DIFFERENT, CHECK_IMPOSSIBLE, CHECK_UNFIT };

/* Compares compilation->kernel with the kernel before. CHECK_DIFFERENT: *how says where (in the arena).
 * CHECK_IMPOSSIBLE: an error was reported, the kernel before cannot be evaluated. */
enum check_outcome pass_check(struct compilation *compilation, const struct node *before, const char **how);

/* Two kernels at the sizes and with the inputs of one trial. */
struct pass_trial {
    struct arena *arena;             /* of this trial, as all of the following */
    struct diagnostics *diagnostics; /* scratch */
    size_t number;
    bool bits;                /* as its judge asks */
    struct environment sizes; /* whole parameters too */
    struct tensor_values *inputs;
    struct scalar_value *scalars; /* all that are no whole numbers */
    size_t input_count, scalar_count;
    bool too_large; /* the tensors have more elements than the evaluator can go through */
};

/* The kernel at the sizes and with the inputs of the trial; false after an error in its diagnostics. */
bool pass_trial_evaluate(struct pass_trial *trial, const struct node *kernel, enum number_model model,
                         struct evaluation_result *result);

struct trial_judge {
    enum check_outcome (*judge)(struct compilation *compilation, struct pass_trial *trial,
                                struct node *before, const char **how, void *context);
    void *context;
    const char *act; /* what a trial does with the kernel: "evaluated" */
    bool bits;       /* equal bits are asked for: of values that are hard to get right, too */
};

/* Trials of both kernels, until one of them finds a difference or fails: how it ended. CHECK_IMPOSSIBLE after
 * a reported error where none of them compared anything. */
enum check_outcome pass_trials(struct compilation *compilation, struct node *before,
                               const struct trial_judge *judge, const char **how);

#endif
