/* The pass pipeline: what a pass sees, and the runner that checks forms, dumps, times and compares results
 * around every pass.
 */
#ifndef TILEC_TRANSFORMS_PASS_H
#define TILEC_TRANSFORMS_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ir/compilation.h"

/* A pass: false only after a diagnostic was reported. Running it again changes nothing. */
typedef bool pass_run(struct compilation *compilation);

struct pass {
    const char *name;
    enum form needs, gives;
    const char *summary;
    pass_run *run;
};

extern const struct pass passes[]; /* verify_tt_ir is the last */
extern const size_t pass_count;

#define PASS(name, needs, gives, summary) bool name(struct compilation *compilation);
#include "transforms/passes.def"

/* Called after every pass with the kernel it left; changed is false when the pass returned the same tree. */
typedef void pass_observer(const struct pass *pass, const struct compilation *compilation, bool changed,
                           double seconds, void *context);

struct pass_options {
    const char *last;       /* stop after this pass; NULL: run all */
    bool check; /* compare evaluator results before and after every pass of loop and tile form, on generated inputs */
    pass_observer *observe; /* may be NULL */
    void *context;
};

const struct pass *pass_find(const char *name);
/* The name of the pass before this one; NULL for the first. */
const char *pass_before(const char *name);
const char *form_name(enum form form);

/* Reports that what passes ("pass manage_dst_tt") made of a kernel is wrong, and how ("changed the results").
 * True: a fault of tilec. Passes take IR text at its word: there it is an error of the text's author. `note` may
 * be NULL. */
bool report_wrong_result(struct compilation *compilation, const char *group, const char *how,
                         const char *note);

/* Runs the pipeline on compilation->kernel, starting behind the pass `first` (NULL: at the beginning). False
 * after a reported error. A pass that breaks its promise (the form it gives, a pass that fails without a
 * diagnostic, under check the results) is a fault of tilec: reported, compilation->broken set, the kernel
 * left as that pass made it; in IR text a wrong form or result is an error of its author. */
bool passes_run(struct compilation *compilation, const char *first, const struct pass_options *options);

#endif
