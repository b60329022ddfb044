/* The runner: forms before and after every pass, time, observers, and under check the comparison of results.
 */
#include "transforms/pass.h"

#include <string.h>
#include <time.h>

#include "ir/verify.h"
#include "support/arena.h"
#include "transforms/pass_check.h"

const struct pass passes[] = {
#define PASS(name, needs, gives, summary) {#name, needs, gives, summary, name},
#include "transforms/passes.def"
};

const size_t pass_count = sizeof passes / sizeof *passes;

const struct pass *pass_find(const char *name) {
    for (size_t i = 0; i < pass_count; i++) {
        if (strcmp(passes[i].name, name) == 0) {
            return &passes[i];
        }
    }
    return NULL;
}

const char *pass_before(const char *name) {
    const struct pass *pass = pass_find(name);
    return pass && pass > passes ? pass[-1].name : NULL;
}

const char *form_name(enum form form) {
    static const char *const names[] = {[FORM_LOOP] = "loop", [FORM_TILE] = "tile", [FORM_DEVICE] = "device"};
    return names[form];
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool report_wrong_result(struct compilation *compilation, const char *group, const char *how,
                         const char *note) {
    struct diagnostics *diagnostics = compilation->diagnostics;
    struct node_kernel *kernel = node_as(compilation->kernel, kernel);
    if (compilation->authored) {
        report_error(diagnostics, kernel->base.span,
                     "the text of kernel %s does not hold: taken at its word, %s %s", kernel->name, group,
                     how);
    } else {
        report_error(diagnostics, kernel->base.span, "fault of tilec: %s %s", group, how);
    }
    if (note) {
        report_note(diagnostics, (struct span){0}, "%s", note);
    }
    if (compilation->authored) {
        report_help(
            diagnostics, (struct span){0},
            "in IR text the passes believe what attributes and declarations say: these must agree with the statements");
    }
    return !compilation->authored;
}

/* A pass left something wrong. */
static bool left_wrong(struct compilation *compilation, const struct pass *pass, const char *how,
                       const char *note) {
    const char *name = arena_printf(compilation->arena, "pass %s", pass->name);
    if (report_wrong_result(compilation, name, how, note)) {
        compilation->broken = pass;
    }
    return false;
}

/* Reports that a pass broke its promise, whoever wrote what it was given. */
static bool broken(struct compilation *compilation, const struct pass *pass, const char *how) {
    compilation->broken = pass;
    report_error(compilation->diagnostics, compilation->kernel->span, "fault of tilec: pass %s %s",
                 pass->name, how);
    return false;
}

static bool same_results(struct compilation *compilation, const struct pass *pass,
                         const struct node *before) {
    const char *how = NULL;
    enum check_outcome outcome = pass_check(compilation, before, &how);
    if (outcome == CHECK_DIFFERENT) {
        left_wrong(compilation, pass, "changed the results", how);
    }
    return outcome == CHECK_EQUAL;
}

static bool run_pass(struct compilation *compilation, const struct pass *pass,
                     const struct pass_options *options) {
    struct node *before = compilation->kernel;
    unsigned errors = compilation->diagnostics->error_count;
    if (compilation->form != pass->needs) {
        return broken(compilation, pass, "was given another form of IR than it needs");
    }
    if (pass->needs == FORM_TILE && pass->gives == FORM_DEVICE) {
        compilation->tile_form = before;
    }
    double start = seconds_now();
    bool ok = pass->run(compilation);
    double seconds = seconds_now() - start;
    if (!ok) {
        return compilation->diagnostics->error_count > errors
                   ? false
                   : broken(compilation, pass, "failed without a reason");
    }
    if (compilation->diagnostics->error_count > errors) {
        return false;
    }
    compilation->form = pass->gives;
    bool changed = compilation->kernel != before;
    if (!kernel_verify(compilation->arena, compilation->diagnostics, compilation->kernel, pass->gives)) {
        return left_wrong(compilation, pass, "left IR that breaks the rules of its form", NULL);
    }
    if (options->check && changed && pass->gives != FORM_DEVICE && !same_results(compilation, pass, before)) {
        return false;
    }
    if (options->observe) {
        options->observe(pass, compilation, changed, seconds, options->context);
    }
    return true;
}

bool passes_run(struct compilation *compilation, const char *first, const struct pass_options *options) {
    const struct pass *pass = first ? pass_find(first) + 1 : passes;
    for (; pass < passes + pass_count; pass++) {
        if (!run_pass(compilation, pass, options)) {
            return false;
        }
        if (options->last && strcmp(options->last, pass->name) == 0) {
            break;
        }
    }
    return true;
}
