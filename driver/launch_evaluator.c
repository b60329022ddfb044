/* A launch in the evaluator, with the numbers of arrays as it keeps them. */
#include <string.h>

#include "driver/launch_backend.h"
#include "evaluate/evaluate.h"
#include "support/arena.h"

static double element_value(const struct array *array, uint64_t i) {
    uint16_t half;
    uint32_t word;
    if (array->dtype == DTYPE_BF16 || array->dtype == DTYPE_U16) {
        memcpy(&half, (const char *)array->rows + i * 2, 2);
        return array->dtype == DTYPE_BF16 ? (double)f32_from_bf16(half) : (double)half;
    }
    memcpy(&word, (const char *)array->rows + i * 4, 4);
    switch (array->dtype) {
    case DTYPE_I32:
        return (double)(int32_t)word;
    case DTYPE_U32:
        return (double)word;
    default:
        return (double)f32_canonical(f32_from_bits(word));
    }
}

static void set_element(struct array *array, uint64_t i, double value) {
    uint16_t half;
    uint32_t word;
    switch (array->dtype) {
    case DTYPE_BF16:
        half = bf16_from_f32((float)value);
        memcpy((char *)array->rows + i * 2, &half, 2);
        return;
    case DTYPE_U16:
        half = (uint16_t)(int64_t)value;
        memcpy((char *)array->rows + i * 2, &half, 2);
        return;
    case DTYPE_F32:
        word = f32_canonical_bits(f32_bits((float)value));
        break;
    default: /* u32, i32 */
        word = (uint32_t)(int64_t)value;
        break;
    }
    memcpy((char *)array->rows + i * 4, &word, 4);
}

static struct tensor_values values_of(struct arena *arena, const char *name, const struct array *array) {
    struct tensor_values values = {.name = name, .dtype = array->dtype, .rank = array->rank};
    memcpy(values.shape, array->extents, array->rank * sizeof *array->extents);
    uint64_t count = array_count(array);
    values.values = arena_allocate(arena, ((size_t)count + 1) * sizeof *values.values);
    for (uint64_t i = 0; i < count; i++) {
        values.values[i] = element_value(array, i);
    }
    return values;
}

static void take_output(struct tensor_value *value, const struct tensor_values *output) {
    struct array *array = &value->array;
    uint64_t count = array_count(array);
    array_make_writable(value->arena, array);
    for (uint64_t i = 0; i < count; i++) {
        set_element(array, i, output->values[i]);
    }
}

bool launch_on_evaluator(struct launcher *launcher, struct node *kernel, const struct environment *sizes,
                         const struct scalar_list *scalars, struct tensor_value **tensors) {
    struct unit *unit = launcher->run->unit;
    struct node_list parameters = launch_parameters(kernel);
    struct tensor_values *inputs = arena_allocate(launcher->arena, (parameters.count + 1) * sizeof *inputs);
    struct scalar_value *numbers = arena_allocate(launcher->arena, (scalars->count + 1) * sizeof *numbers);
    struct node *tile_form = unit_tile_form(unit, node_as(kernel, kernel)->name);
    struct evaluation_request request = {.kernel = tile_form ? tile_form : kernel,
                                         .model = MODEL_DEVICE,
                                         .inputs = inputs,
                                         .scalars = numbers,
                                         .sizes = sizes,
                                         .padding = PADDING_NAN};
    for (size_t i = 0, tensor = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        struct array *array = &tensors[tensor++]->array;
        if (parameter->direction != DIRECTION_OUT) {
            inputs[request.input_count++] = values_of(launcher->arena, parameter->name, array);
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
            take_output(value, &result.outputs[output++]);
        }
    }
    return true;
}
