/* Two kernels, before and after a pass, on generated inputs of several sizes in the evaluator. */
#include "transforms/pass_check.h"

#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/trial.h"

enum {
    CHECKED_SIZES = 6,
    LAST_RESORT = 4
}; /* from the last resort on: only where no trial before it could be made */

/* The sizes that open size number n takes: one row for each trial. A few matrices show as much as many. */
static int64_t trial_size(size_t trial, size_t n, bool counts_matrices) {
    static const int64_t ragged[] = {37, 70, 45, 33, 65, 20};
    if (counts_matrices && trial < LAST_RESORT) {
        return 3 - (int64_t)trial % 3;
    }
    switch (trial) {
    case 0:
        return ragged[n % (sizeof ragged / sizeof *ragged)];
    case 1:
        return 32;
    case 2:
        return 1;
    case 3:
        return ragged[(n + 2) % (sizeof ragged / sizeof *ragged)];
    case 4:
        return 40; /* for kernels whose sizes must be equal */
    default:
        return 128; /* or multiples of a number */
    }
}

/* Elements that the tensors of a kernel may have together: the evaluator visits each many times. */
enum { ELEMENT_BUDGET = 1 << 22 };

static void choose_sizes(struct pass_trial *trial, struct node *kernel) {
    struct node_list sizes = open_sizes(trial->arena, kernel);
    for (size_t i = 0; i < sizes.count; i++) {
        const char *name = node_as(sizes.items[i], reference)->name;
        if (!size_is_settled(kernel, name)) {
            environment_set(&trial->sizes, name,
                            trial_size(trial->number, i, size_counts_matrices(kernel, name)));
        }
    }
}

/* What `where` settles follows from the others; what it does not after all is chosen like them. */
static void settle_sizes(struct pass_trial *trial, struct node *kernel) {
    struct node_list sizes = open_sizes(trial->arena, kernel);
    sizes_settle(&trial->sizes, kernel);
    for (size_t i = 0; i < sizes.count; i++) {
        const char *name = node_as(sizes.items[i], reference)->name;
        int64_t value;
        if (!environment_get(&trial->sizes, name, &value)) {
            environment_set(&trial->sizes, name,
                            trial_size(trial->number, i, size_counts_matrices(kernel, name)));
        }
    }
}

static bool generate_tensor(struct pass_trial *trial, struct node_parameter *parameter,
                            struct tensor_values *tensor) {
    *tensor = (struct tensor_values){
        .name = parameter->name, .dtype = parameter->dtype, .rank = parameter->dimensions.count};
    if (!parameter_extents(trial->diagnostics, &trial->sizes, &parameter->base, tensor->shape)) {
        return false;
    }
    struct trial_values values = {.state = 12345 + trial->input_count,
                                  .kind = trial->number % 2 == 0 ? trial->bits ? VALUES_HARD : VALUES_WHOLE
                                          : trial->number == 3   ? VALUES_BELOW
                                                                 : VALUES_BETWEEN};
    uint64_t count = tensor_elements(tensor);
    tensor->values = arena_allocate(trial->arena, (count + 1) * sizeof *tensor->values);
    for (uint64_t i = 0; i < count; i++) {
        tensor->values[i] = trial_value(&values, parameter->dtype);
    }
    return true;
}

/* Are all tensors together, at the sizes of the trial, small enough to compute with? Extents that are unknown
 * here are judged where they are used. */
static bool within_budget(struct pass_trial *trial, const struct node *kernel) {
    struct node_list parameters = launch_parameters(kernel);
    uint64_t total = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct diagnostics *scratch = diagnostics_create(trial->arena);
        uint64_t extents[TENSOR_RANK_LIMIT], count = 1;
        if (!is_tensor(parameter) || !parameter_extents(scratch, &trial->sizes, &parameter->base, extents)) {
            continue;
        }
        for (size_t j = 0; j < parameter->dimensions.count; j++) {
            if (__builtin_mul_overflow(count, extents[j], &count)) {
                return false;
            }
        }
        if (__builtin_add_overflow(total, count, &total)) {
            return false;
        }
    }
    return total <= ELEMENT_BUDGET;
}

/* Sizes and inputs of a trial; false when the kernel does not take such sizes. */
static bool prepare(struct pass_trial *trial, struct node *kernel) {
    struct node_list parameters = launch_parameters(kernel);
    choose_sizes(trial, kernel);
    trial->inputs = arena_allocate(trial->arena, (parameters.count + 1) * sizeof *trial->inputs);
    trial->scalars = arena_allocate(trial->arena, (parameters.count + 1) * sizeof *trial->scalars);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        bool is_float = parameter->dtype == DTYPE_F32 || parameter->dtype == DTYPE_BF16;
        double value = TRIAL_SCALAR;
        if (!is_tensor(parameter) && is_float) {
            if (parameter->value) {
                literal_value(parameter->value, &value);
            }
            trial->scalars[trial->scalar_count++] = (struct scalar_value){parameter->name, value};
        } else if (!is_tensor(parameter) && !is_float) {
            const struct node_integer *fallback = node_as(parameter->value, integer);
            environment_set(&trial->sizes, parameter->name, fallback ? fallback->value : 0);
        }
    }
    settle_sizes(trial, kernel);
    trial->too_large = !within_budget(trial, kernel);
    for (size_t i = 0; i < parameters.count && !trial->too_large; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (is_tensor(parameter) && parameter->direction != DIRECTION_OUT &&
            !generate_tensor(trial, parameter, &trial->inputs[trial->input_count++])) {
            return false;
        }
    }
    return !trial->too_large && conditions_check(trial->diagnostics, &trial->sizes, kernel);
}

bool pass_trial_evaluate(struct pass_trial *trial, const struct node *kernel, enum number_model model,
                         struct evaluation_result *result) {
    struct evaluation_request request = {.kernel = kernel,
                                         .model = model,
                                         .inputs = trial->inputs,
                                         .input_count = trial->input_count,
                                         .scalars = trial->scalars,
                                         .scalar_count = trial->scalar_count,
                                         .sizes = &trial->sizes};
    return evaluate_kernel(trial->arena, trial->diagnostics, &request, result);
}

static bool all_integers(const struct evaluation_result *result) {
    for (size_t i = 0; i < result->count; i++) {
        uint64_t count = tensor_elements(&result->outputs[i]);
        for (uint64_t j = 0; j < count; j++) {
            double value = result->outputs[i].values[j];
            if (!(value == (double)(int64_t)value)) {
                return false;
            }
        }
    }
    return true;
}

static const char *first_message(struct pass_trial *trial) {
    return trial->diagnostics->first ? trial->diagnostics->first->message : "no reason was given";
}

static enum check_outcome check_trial(struct compilation *compilation, struct pass_trial *trial,
                                      struct node *before, const char **how, void *context) {
    (void)context;
    struct evaluation_result old = {0}, new = {0};
    if (!pass_trial_evaluate(trial, before, MODEL_IDEAL, &old)) {
        report_error(compilation->diagnostics,
                     trial->diagnostics->first ? trial->diagnostics->first->span : before->span,
                     "the kernel cannot be evaluated: %s", first_message(trial));
        return CHECK_IMPOSSIBLE;
    }
    if (!pass_trial_evaluate(trial, compilation->kernel, MODEL_IDEAL, &new)) {
        *how = arena_printf(compilation->arena, "what it left fails: %s", first_message(trial));
        return CHECK_DIFFERENT;
    }
    const char *difference = evaluation_difference(compilation->arena, &old, &new);
    if (!difference && all_integers(&old)) {
        difference = evaluation_bit_difference(compilation->arena, &old, &new);
    }
    *how = difference;
    return difference ? CHECK_DIFFERENT : CHECK_EQUAL;
}

static const char *sizes_text(struct compilation *compilation, const struct environment *sizes) {
    const char *text = "";
    for (size_t i = 0; i < sizes->count; i++) {
        text = arena_printf(compilation->arena, "%s%s%s = %lld", text, i ? ", " : "", sizes->items[i].name,
                            (long long)sizes->items[i].value);
    }
    return text;
}

enum check_outcome pass_trials(struct compilation *compilation, struct node *before,
                               const struct trial_judge *judge, const char **how) {
    size_t done = 0;
    bool too_large = false;
    for (size_t number = 0; number < CHECKED_SIZES; number++) {
        struct arena *arena = arena_create();
        struct pass_trial trial = {.arena = arena,
                                   .diagnostics = diagnostics_create(arena),
                                   .number = number,
                                   .bits = judge->bits,
                                   .sizes = {.arena = arena}};
        bool needed = number < LAST_RESORT || done == 0;
        enum check_outcome outcome = CHECK_UNFIT;
        /* A pass may add conditions of a launch: sizes that those refuse are not compared. */
        if (needed && prepare(&trial, before) &&
            conditions_check(trial.diagnostics, &trial.sizes, compilation->kernel)) {
            outcome = judge->judge(compilation, &trial, before, how, judge->context);
            done += outcome == CHECK_EQUAL;
            if (outcome == CHECK_DIFFERENT) {
                *how = arena_printf(compilation->arena, "with %s, %s", sizes_text(compilation, &trial.sizes),
                                    *how);
            }
        }
        too_large |= trial.too_large;
        arena_free(arena);
        if (outcome == CHECK_DIFFERENT || outcome == CHECK_IMPOSSIBLE) {
            return outcome;
        }
    }
    if (!done && too_large) {
        report_error(compilation->diagnostics, before->span,
                     "the sizes are too large for --check-passes: the tensors have more than %d elements",
                     ELEMENT_BUDGET);
        report_help(compilation->diagnostics, (struct span){0},
                    "fix smaller sizes by -D, or leave them open");
        return CHECK_IMPOSSIBLE;
    }
    if (!done) {
        report_error(compilation->diagnostics, before->span,
                     "no sizes were found at which the kernel can be %s: its results were not compared",
                     judge->act);
        return CHECK_IMPOSSIBLE;
    }
    return CHECK_EQUAL;
}

enum check_outcome pass_check(struct compilation *compilation, const struct node *before, const char **how) {
    return pass_trials(compilation, (struct node *)(uintptr_t)before,
                       &(struct trial_judge){.judge = check_trial, .act = "evaluated"}, how);
}
