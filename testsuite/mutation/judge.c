/* A mutant's verdict: proofs, evaluator and embedded device in turn, and the question that refused it. */
#include "testsuite/mutation/judge.h"

#include <stdio.h>
#include <string.h>

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

/* FINDS_REFUSAL: a run-time check of the plan does not let the launch begin. */
enum finding { FINDS_NOTHING, FINDS_REFUSAL, FINDS_DIFFERENCE, FINDS_FAULT };

struct findings {
    enum finding evaluator, device;
    const char *reason;
};

static void find(struct findings *findings, enum finding *place, enum finding finding, const char *reason) {
    if (finding <= *place)
        return;
    *place = finding;
    if (!findings->reason || finding == FINDS_FAULT)
        findings->reason = reason;
}

static const char *at_launch(struct arena *arena, const struct launch_case *launch, const char *who,
                             const char *what) {
    return arena_printf(arena, "%s%s%s: %s", who, *launch->text ? " with " : "", launch->text, what);
}

/* Both number models; the device's numbers may differ from the original's within the bound of loop form. */
static void validate(struct arena *arena, struct node *kernel, const struct launch_case *launch,
                     struct findings *findings) {
    struct evaluation_result ideal, device;
    const char *wrong = run_evaluator(arena, kernel, launch, MODEL_IDEAL, &ideal);
    if (wrong) {
        find(findings, &findings->evaluator, FINDS_FAULT, at_launch(arena, launch, "evaluator", wrong));
        return;
    }
    wrong = evaluation_difference(arena, &launch->ideal, &ideal);
    if (!wrong && (wrong = run_evaluator(arena, kernel, launch, MODEL_DEVICE, &device)) != NULL) {
        find(findings, &findings->evaluator, FINDS_FAULT, at_launch(arena, launch, "evaluator", wrong));
        return;
    }
    if (!wrong && evaluation_bit_difference(arena, &launch->device, &device))
        wrong = evaluation_excess(arena, &device, &launch->bound);
    if (wrong)
        find(findings, &findings->evaluator, FINDS_DIFFERENCE, at_launch(arena, launch, "evaluator", wrong));
}

static void run(struct arena *arena, struct unit *unit, struct node *kernel, const struct launch_case *launch,
                size_t seed_count, struct findings *findings) {
    for (size_t i = 0; i < seed_count; i++) {
        struct device_outcome outcome;
        const char *fault = run_device(unit, kernel, launch, seeds[i], &outcome);
        const char *who = arena_printf(arena, "device, seed %llu,", (unsigned long long)seeds[i]);
        if (fault) {
            bool refused = strstr(fault, "run-time check") != NULL;
            find(findings, &findings->device, refused ? FINDS_REFUSAL : FINDS_FAULT,
                 at_launch(arena, launch, who, fault));
            return;
        }
        if (outcome.pages_written > launch->pages_written)
            find(findings, &findings->device, FINDS_FAULT,
                 at_launch(arena, launch, who, "tiles of the result are written more than once"));
        const char *difference = device_difference(arena, kernel, launch, &outcome);
        if (difference)
            find(findings, &findings->device, FINDS_DIFFERENCE, at_launch(arena, launch, who, difference));
    }
}

static struct findings run_all(struct arena *arena, const struct subject *s, struct unit *unit,
                               struct node *kernel) {
    struct findings findings = {0};
    for (size_t i = 0; i < s->launch_count && !findings.evaluator; i++) {
        validate(arena, kernel, &s->launches[i], &findings);
        /* The device may see a broken rule, or not let the launch begin. */
        if (findings.evaluator)
            run(arena, unit, kernel, &s->launches[i], 1, &findings);
    }
    for (size_t i = 0; i < s->launch_count && !findings.evaluator && findings.device <= FINDS_REFUSAL; i++)
        run(arena, unit, kernel, &s->launches[i], SEEDS, &findings);
    return findings;
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
        settle(record, VERDICT_PROVED, error);
        return;
    }
    struct findings found = run_all(arena, s, unit, kernel_of(unit));
    enum verdict verdict = found.device == FINDS_REFUSAL                                   ? VERDICT_PROVED
                           : found.evaluator == FINDS_FAULT || found.device == FINDS_FAULT ? VERDICT_HOLE
                           : found.evaluator                                               ? VERDICT_VALIDATED
                           : found.device                                                  ? VERDICT_SURVIVOR
                                          : VERDICT_EQUIVALENT;
    if (verdict == VERDICT_HOLE && !found.evaluator)
        verdict = VERDICT_SURVIVOR;
    settle(record, verdict, found.reason);
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
    struct findings findings = run_all(arena, s, unit, kernel);
    bool right = !findings.evaluator && !findings.device;
    arena_free(arena);
    return right;
}
