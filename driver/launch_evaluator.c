/* A launch in the evaluator, of the tile form that the kernel was made of. */
#include "driver/array_values.h"
#include "driver/launch_backend.h"
#include "support/arena.h"

static const struct span no_place;

static void refuse_device_form(struct launcher *launcher, struct node *kernel) {
    struct diagnostics *diagnostics = launcher->run->unit->diagnostics;
    report_error(diagnostics, kernel->span,
                 "kernel %s was given in device form: the evaluator computes what loop and tile form say",
                 node_as(kernel, kernel)->name);
    report_help(diagnostics, no_place,
                "run it on the embedded device, which is the default, or give the evaluator its source");
}

bool launch_on_evaluator(struct launcher *launcher, struct node *kernel, const struct environment *sizes,
                         const struct scalar_list *scalars, struct tensor_value **tensors) {
    struct unit *unit = launcher->run->unit;
    struct node_list parameters = launch_parameters(kernel);
    struct tensor_values *inputs = arena_allocate(launcher->arena, (parameters.count + 1) * sizeof *inputs);
    struct scalar_value *numbers = arena_allocate(launcher->arena, (scalars->count + 1) * sizeof *numbers);
    struct node *tile_form = unit_tile_form(unit, node_as(kernel, kernel)->name);
    struct evaluation_request request = {.kernel = tile_form,
                                         .model = MODEL_DEVICE,
                                         .inputs = inputs,
                                         .scalars = numbers,
                                         .sizes = sizes};
    if (!tile_form) {
        refuse_device_form(launcher, kernel);
        return false;
    }
    for (size_t i = 0, tensor = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        struct array *array = &tensors[tensor++]->array;
        if (parameter->direction != DIRECTION_OUT) {
            inputs[request.input_count++] = array_values(launcher->arena, parameter->name, array);
        }
    }
    for (size_t i = 0; i < scalars->count; i++) {
        numbers[request.scalar_count++] =
            (struct scalar_value){scalars->items[i].name, scalars->items[i].value};
    }
    struct evaluation_result result;
    if (!evaluate_kernel(launcher->arena, unit->diagnostics, &request, &result)) {
        if (!result.given_up) {
            report_evaluator_fault(launcher, kernel);
        }
        return false;
    }
    for (size_t i = 0, tensor = 0, output = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        struct tensor_value *value = tensors[tensor++];
        if (parameter->direction != DIRECTION_IN) {
            array_make_writable(value->arena, &value->array);
            array_take_values(&value->array, &result.outputs[output++]);
        }
    }
    return true;
}
