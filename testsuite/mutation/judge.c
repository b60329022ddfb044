/* A mutant's verdict: proofs, then launches on the embedded device; and which question a refusal answers. */
#include "testsuite/mutation/judge.h"

#include <stdio.h>
#include <string.h>

#include "driver/rehearse.h"
#include "support/arena.h"
#include "support/file.h"
#include "support/text_buffer.h"

static const uint64_t seeds[] = {0, 1, 12345};
enum { SEEDS = sizeof seeds / sizeof *seeds };

static const struct {
    const char *phrase, *question;
} rules[] = {
#define RULE(question, phrase) {phrase, question},
#include "testsuite/mutation/rules.def"
};

const char *rule_of(const char *error) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strstr(error, rules[i].phrase))
            return rules[i].question;
    return "other";
}

/* ---- texts ---- */

static const char *module_text(struct arena *arena, const struct subject *s, struct node *kernel) {
    struct text_buffer buffer = {0};
    struct node *module = node_new(arena, module, MODULE, kernel->span, .source = path_base(s->path),
                                   .items = LIST(arena, kernel));
    node_print(module, PRINT_PLAIN, &buffer);
    const char *text = arena_string(arena, text_string(&buffer));
    text_free(&buffer);
    return text;
}

const char *mutant_text(struct arena *arena, const struct subject *s, size_t number,
                        struct mutation *mutation) {
    struct node *kernel = mutant(arena, s->device, number, mutation);
    return kernel ? module_text(arena, s, kernel) : NULL;
}

/* ---- runs ---- */

/* In the order of their weight. FINDS_REFUSAL: a run-time check of the plan does not let the launch begin. */
enum finding { FINDS_NOTHING, FINDS_REFUSAL, FINDS_DIFFERENCE, FINDS_FAULT };

static enum finding run(struct arena *arena, struct unit *unit, struct node *kernel,
                        const struct launch_case *launch, uint64_t seed, const char **reason) {
    struct array *results;
    enum finding finding = FINDS_FAULT;
    const char *wrong = run_device(unit, kernel, launch, seed, &results);
    if (wrong && strstr(wrong, "run-time check"))
        finding = FINDS_REFUSAL;
    else if (!wrong && (wrong = results_difference(arena, kernel, launch, results)) != NULL)
        finding = FINDS_DIFFERENCE;
    if (!wrong)
        return FINDS_NOTHING;
    *reason = arena_printf(arena, "seed %llu%s%s: %s", (unsigned long long)seed, *launch->text ? ", " : "",
                           launch->text, wrong);
    return finding;
}

/* The launches from `first` on, to the first that has other results or breaks a rule; each under its own
 * seed, or under those of validation. */
static enum finding run_all(struct arena *arena, const struct subject *s, struct unit *unit,
                            struct node *kernel, size_t first, size_t end, const char **reason) {
    enum finding worst = FINDS_NOTHING;
    for (size_t i = first; i < end && worst <= FINDS_REFUSAL; i++) {
        const struct launch_case *launch = &s->launches[i];
        for (size_t j = 0; j < (launch->seed ? 1 : SEEDS) && worst <= FINDS_REFUSAL; j++) {
            const char *why;
            enum finding finding =
                run(arena, unit, kernel, launch, launch->seed ? launch->seed : seeds[j], &why);
            if (finding > worst) {
                worst = finding;
                *reason = why;
            }
        }
    }
    return worst;
}

/* ---- the judgement ---- */

static void settle(struct record *record, enum verdict verdict, const char *reason) {
    record->verdict = verdict;
    snprintf(record->reason, sizeof record->reason, "%s", reason ? reason : "");
    for (char *at = record->reason; *at; at++)
        *at = *at == '\n' ? ' ' : *at;
}

static struct node *kernel_of(const struct unit *unit) {
    return node_as(unit->module, module)->items.items[0];
}

static void judge(struct arena *arena, const struct subject *s, const char *text, struct record *record) {
    struct unit *unit = check_text(arena, s, text);
    const char *error = first_error(unit);
    if (unit->broken || (error && strstr(error, "fault of tilec"))) {
        settle(record, VERDICT_BROKEN, error);
        return;
    }
    if (error) {
        settle(record, VERDICT_PROOF, error);
        return;
    }
    if (!rehearse_kernel(unit, kernel_of(unit))) {
        settle(record, VERDICT_LAUNCH, first_error(unit));
        return;
    }
    static const enum verdict of_validation[] = {[FINDS_NOTHING] = VERDICT_EQUAL,
                                                 [FINDS_REFUSAL] = VERDICT_PLAN,
                                                 [FINDS_DIFFERENCE] = VERDICT_VALIDATION,
                                                 [FINDS_FAULT] = VERDICT_HOLE};
    const char *reason = NULL;
    struct node *kernel = kernel_of(unit);
    enum verdict verdict = of_validation[run_all(arena, s, unit, kernel, 0, s->validation_count, &reason)];
    if (verdict == VERDICT_EQUAL) {
        enum finding found = run_all(arena, s, unit, kernel, s->validation_count, s->launch_count, &reason);
        verdict = found > FINDS_REFUSAL ? VERDICT_SURVIVOR : of_validation[found];
    }
    settle(record, verdict, reason);
}

void mutant_judge(const struct subject *s, size_t number, struct record *record) {
    struct arena *arena = arena_create();
    struct mutation mutation;
    const char *text = mutant_text(arena, s, number, &mutation);
    record->what = mutation.what;
    if (strcmp(text, module_text(arena, s, s->device)) == 0)
        settle(record, VERDICT_SAME, "");
    else
        judge(arena, s, text, record);
    arena_free(arena);
}

bool mutant_runs_right(const struct subject *s, size_t number) {
    struct arena *arena = arena_create();
    struct mutation mutation;
    struct node *kernel = mutant(arena, s->device, number, &mutation);
    struct unit *unit = check_text(arena, s, module_text(arena, s, s->device));
    unit->module = node_new(arena, module, MODULE, kernel->span, .source = path_base(s->path),
                            .items = LIST(arena, kernel));
    const char *reason;
    bool right = run_all(arena, s, unit, kernel, 0, s->launch_count, &reason) == FINDS_NOTHING;
    arena_free(arena);
    return right;
}
