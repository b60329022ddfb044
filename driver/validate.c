/* The trials of pass_check, each in the evaluator and on a device that has compiled the kernel once. */
#include "driver/validate.h"

#include <string.h>

#include "driver/array_values.h"
#include "driver/kernel_launch.h"
#include "support/arena.h"

const char *validated_passes(struct arena *arena) {
    const struct pass *first = passes;
    while (first->gives != FORM_DEVICE) {
        first++;
    }
    return arena_printf(arena, "%s to %s", first->name, passes[pass_count - 1].name);
}

static const struct tensor_values *find_values(const struct tensor_values *values, size_t count,
                                               const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(values[i].name, name) == 0) {
            return &values[i];
        }
    }
    return NULL;
}

/* The tensors of a launch: inputs with the values of the trial, results with none. */
static bool make_tensors(struct pass_trial *trial, struct node_list parameters,
                         struct tensor_value **tensors) {
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const struct tensor_values *given = find_values(trial->inputs, trial->input_count, parameter->name);
        struct tensor_value *value = tensors[i] =
            tensor_value_create(trial->arena, trial->diagnostics, &trial->sizes, parameter);
        if (!value) {
            return false;
        }
        value->given = given != NULL;
        array_make_writable(trial->arena, &value->array);
        if (given) {
            array_take_values(&value->array, given);
        }
    }
    return true;
}

/* What the device left of the results. */
static void fetch_results(struct pass_trial *trial, struct node_list parameters,
                          struct tensor_value **tensors, struct evaluation_result *results) {
    results->outputs = arena_allocate(trial->arena, (parameters.count + 1) * sizeof *results->outputs);
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->direction != DIRECTION_IN) {
            tensor_value_fetch(tensors[i]);
            results->outputs[results->count++] =
                array_values(trial->arena, parameter->name, &tensors[i]->array);
        }
    }
}

/* What the device makes of the trial; NULL where it made nothing, with the reason in *how or, where the trial is none
 * for the device, without one. */
static struct evaluation_result *run_trial(struct kernel_stage *stage, struct compilation *compilation,
                                           struct pass_trial *trial, const char **how) {
    struct node_list parameters = launch_tensors(trial->arena, stage->kernel);
    struct tensor_value **tensors = arena_allocate(trial->arena, (parameters.count + 1) * sizeof *tensors);
    struct evaluation_result *results = arena_allocate(trial->arena, sizeof *results);
    struct scalar_list scalars = {.arena = trial->arena};
    struct kernel_launch launch = {.arena = trial->arena,
                                   .diagnostics = trial->diagnostics,
                                   .kernel = stage->kernel,
                                   .sizes = &trial->sizes,
                                   .scalars = &scalars,
                                   .tensors = tensors};
    struct device_fault *fault = arena_allocate(trial->arena, sizeof *fault);
    for (size_t i = 0; i < trial->scalar_count; i++) {
        scalar_list_add(&scalars, trial->scalars[i].name, (float)trial->scalars[i].value);
    }
    if (!make_tensors(trial, parameters, tensors) || !has_results(parameters, tensors) ||
        !checks_hold(trial->diagnostics, &trial->sizes, stage->kernel)) {
        return NULL;
    }
    enum stage_end end = kernel_stage_run(stage, &launch, fault);
    if (end == STAGE_RAN) {
        fetch_results(trial, parameters, tensors, results);
    } else if (end != STAGE_UNFIT) {
        *how = arena_printf(compilation->arena, "the device refuses it: %s",
                            end == STAGE_FAULT ? fault->message : trial->diagnostics->first->message);
    }
    kernel_stage_release(stage, &launch);
    return end == STAGE_RAN ? results : NULL;
}

static enum check_outcome judge_trial(struct compilation *compilation, struct pass_trial *trial,
                                      struct node *tile_form, const char **how, void *context) {
    struct evaluation_result expected, *results = run_trial(context, compilation, trial, how);
    if (!results) {
        return *how ? CHECK_DIFFERENT : CHECK_UNFIT;
    }
    if (!pass_trial_evaluate(trial, tile_form, MODEL_DEVICE, &expected)) {
        report_error(compilation->diagnostics, tile_form->span, "the kernel cannot be evaluated: %s",
                     trial->diagnostics->first->message);
        return CHECK_IMPOSSIBLE;
    }
    *how = evaluation_bit_difference(compilation->arena, &expected, results);
    return *how ? CHECK_DIFFERENT : CHECK_EQUAL;
}

enum check_outcome validate_kernel(struct unit *unit, struct compilation *compilation, struct node *tile_form,
                                   const char **how) {
    struct device_options options = {0};
    struct kernel_stage stage;
    enum check_outcome outcome = CHECK_IMPOSSIBLE;
    if (kernel_stage_open(&stage, unit, compilation->kernel, &options)) {
        struct trial_judge judge = {
            .judge = judge_trial, .context = &stage, .act = "launched on the embedded device", .bits = true};
        outcome = pass_trials(compilation, tile_form, &judge, how);
    }
    kernel_stage_close(&stage);
    return outcome;
}
