/* Compiles a random program, runs it, and compares the results with its meaning. */
#include "testsuite/random/judge.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/arena.h"

static const struct {
    const char *name, *words;
    enum outcome outcome;
} causes[] = {
#define REFUSAL(name, words, document) {document, words, OUTCOME_REFUSED},
#define OWED(name, words, what) {what, words, OUTCOME_OWED},
#define NOTICE(name, words, what) {what, words, OUTCOME_GOOD},
#include "testsuite/random/refusals.def"
};

const char *outcome_name(enum outcome outcome) {
    static const char *const names[OUTCOME_COUNT] = {"good",
                                                     "refused as documented",
                                                     "known to be wrong",
                                                     "refused, and nobody says so",
                                                     "warned",
                                                     "broken",
                                                     "crashed",
                                                     "hung"};
    return names[outcome];
}

const char *cause_name(enum cause cause) {
    return causes[cause].name;
}

/* ---- results ---- */

struct judge_context {
    const struct random_program *program;
    struct outcome_report *report;
};

static double array_element(const struct array *array, size_t i) {
    return array->dtype == DTYPE_BF16 ? (double)f32_from_bf16(((const uint16_t *)array->rows)[i])
                                      : (double)((const float *)array->rows)[i];
}

static const struct array *array_of(const struct array *arrays, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(arrays[i].name, name) == 0) {
            return &arrays[i];
        }
    }
    return NULL;
}

/* Beyond f32 and its infinities nothing is promised; nor is it where the bound is open. */
static bool is_open(double value, double error) {
    return isnan(value) || isnan(error) || fabs(value) + error > 1e37;
}

static const char *compare(struct arena *arena, struct outcome_report *report, const struct array *array,
                           const struct contents *contents) {
    for (size_t i = 0; i < contents->count; i++) {
        double is = array_element(array, i), want = contents->values[i], error = contents->errors[i];
        bool exact = isinf(want) && error == 0;
        report->elements++;
        if (!exact && is_open(want, error)) {
            report->open++;
        } else if (exact ? is != want : !(fabs(is - want) <= error)) {
            return arena_printf(arena, "element %zu of %s is %.9g: it means %.9g within %.3g", i, array->name,
                                is, want, error);
        }
    }
    return NULL;
}

static const char *judge_results(struct arena *arena, const void *context, const struct array *before,
                                 size_t before_count, const struct array *after, size_t after_count) {
    const struct judge_context *judge = context;
    const struct random_program *program = judge->program;
    struct contents contents[TENSORS_MAX] = {0};
    for (size_t i = 0; i < program->tensor_count; i++) {
        const struct array *array = array_of(before, before_count, program->tensors[i].name);
        size_t count = contents_count(program->sizes, &program->tensors[i]);
        contents[i] = (struct contents){count, arena_allocate(arena, (count + 1) * sizeof(double)),
                                        arena_allocate(arena, (count + 1) * sizeof(double))};
        for (size_t j = 0; array && j < count; j++) {
            contents[i].values[j] = array_element(array, j);
        }
    }
    program_run(arena, program, contents);
    const char *wrong = NULL;
    for (size_t i = 0; i < program->tensor_count && !wrong; i++) {
        const struct tensor *tensor = &program->tensors[i];
        const struct array *array = array_of(after, after_count, tensor->name);
        if (array && (tensor->result || tensor->in_place)) {
            wrong = compare(arena, judge->report, array, &contents[i]);
        }
    }
    return wrong;
}

/* ---- outcomes ---- */

struct checked_program checked_of(struct arena *arena, const struct random_program *program) {
    struct checked_program checked = {.text = program_text(arena, program),
                                      .architecture = program->architecture,
                                      .grid_x = program->grid_x,
                                      .grid_y = program->grid_y,
                                      .open = program->program, /* -D means the sizes of every kernel */
                                      .whole = program->whole,
                                      .inputs = program->inputs,
                                      .schedule = program->schedule};
    for (size_t i = 0; i < program->size_count; i++) {
        if (program->sizes[i].name) {
            struct define size = {program->sizes[i].name, program->sizes[i].value};
            checked.sizes[checked.size_count++] = size;
            if (program->fixed) {
                checked.fixed[checked.fixed_count++] = size;
            }
        }
    }
    for (size_t i = 0; i < program->tensor_count; i++) {
        checked.open |= *program->tensors[i].layout != 0; /* shards may ask more of sizes that are fixed */
    }
    const struct kernel *kernel = &program->kernels[0];
    bool open_variant = false; /* a condition says what the device must know of its parameter */
    for (size_t i = 0; i < kernel->condition_count; i++) {
        open_variant |= strncmp(kernel->conditions[i].text, "mode", 4) == 0;
    }
    if (!program->program && kernel->has_variant && !open_variant) {
        checked.fixed[checked.fixed_count++] = (struct define){"mode", 1};
    }
    for (size_t i = 0; !program->program && i < kernel->scalar_count; i++) {
        checked.scalars[checked.scalar_count++] =
            (struct run_scalar){kernel->scalars[i].name, kernel->scalars[i].text};
    }
    return checked;
}

static void settle(struct outcome_report *report, const struct judgement *judgement) {
    static const enum outcome outcomes[] = {[VERDICT_GOOD] = OUTCOME_GOOD,
                                            [VERDICT_REFUSED] = OUTCOME_UNKNOWN,
                                            [VERDICT_WARNED] = OUTCOME_WARNED,
                                            [VERDICT_BROKEN] = OUTCOME_BROKEN};
    report->outcome = outcomes[judgement->verdict];
    snprintf(report->reason, sizeof report->reason, "%s", judgement->reason ? judgement->reason : "");
    for (size_t i = 0; judgement->verdict != VERDICT_GOOD && i < CAUSE_COUNT; i++) {
        bool suits = causes[i].outcome == OUTCOME_REFUSED ? judgement->verdict == VERDICT_REFUSED
                     : causes[i].outcome == OUTCOME_GOOD  ? judgement->verdict == VERDICT_WARNED
                                                          : true;
        if (suits && strstr(judgement->reason, causes[i].words)) {
            report->outcome = causes[i].outcome;
            report->cause = (enum cause)i;
            return;
        }
    }
}

void random_program_judge(struct arena *arena, const struct random_program *program,
                          enum thoroughness thoroughness, struct outcome_report *report) {
    struct judge_context context = {program, report};
    struct checked_program checked = checked_of(arena, program);
    checked.judge = program->strange ? NULL : judge_results;
    checked.context = &context;
    /* A thorough check looks for small sizes of its own, and need not find any that keep the conditions. */
    bool conditions = !program->program && program->kernels[0].condition_count > 0;
    struct judgement judgement = program_check(arena, &checked, conditions ? CHECK_QUICK : thoroughness);
    settle(report, &judgement);
    if (program->strange && judgement.verdict == VERDICT_REFUSED) {
        report->outcome = OUTCOME_REFUSED;
        report->cause = CAUSE_STRANGE;
    }
}

/* The next word of four letters or more: names of random programs are shorter. NULL at the end. */
static const char *next_word(const char *text, size_t *length) {
    while (*text) {
        while (*text && !isalpha((unsigned char)*text)) {
            text++;
        }
        *length = 0;
        while (isalpha((unsigned char)text[*length])) {
            (*length)++;
        }
        if (*length >= 4) {
            return text;
        }
        text += *length;
    }
    return NULL;
}

bool outcome_same(const struct outcome_report *a, const struct outcome_report *b) {
    const char *left = a->reason, *right = b->reason;
    size_t left_length = 0, right_length = 0;
    bool same = a->outcome == b->outcome;
    while (same && left && right) {
        left = next_word(left + left_length, &left_length);
        right = next_word(right + right_length, &right_length);
        same = left && right ? left_length == right_length && memcmp(left, right, left_length) == 0
                             : left == right;
    }
    return same;
}
