/* An evaluation from inputs to results: tensors opened, cores placed and run, outputs taken and compared. */
#include "evaluate/evaluate.h"

#include <inttypes.h>
#include <string.h>

#include "evaluate/machine.h"

#define DEFAULT_STEPS ((uint64_t)20000000000)
#define ELEMENT_LIMIT ((uint64_t)1 << 30)

uint64_t tensor_elements(const struct tensor_values *tensor) {
    uint64_t count = 1;
    for (size_t i = 0; i < tensor->rank; i++)
        count *= tensor->shape[i];
    return count;
}

/* One evaluation at work. */
struct session {
    struct arena *arena; /* of the evaluation: freed at its end */
    struct diagnostics *diagnostics;
    const struct evaluation_request *request;
    struct environment sizes;
    struct machine machine;
    struct program *program;
};

static bool is_tensor(const struct node_parameter *parameter) {
    return parameter->dimensions.count > 0;
}

static bool is_input(const struct node_parameter *parameter) {
    return parameter->direction != DIRECTION_OUT;
}

/* ---- sizes and scalars ---- */

static const struct tensor_values *input_find(const struct evaluation_request *request, const char *name) {
    for (size_t i = 0; i < request->input_count; i++)
        if (strcmp(request->inputs[i].name, name) == 0)
            return &request->inputs[i];
    return NULL;
}

static bool is_float(enum dtype dtype) {
    return dtype == DTYPE_F32 || dtype == DTYPE_BF16 || dtype == DTYPE_BFP8 || dtype == DTYPE_BFP4;
}

static void set_integer_scalars(struct session *s) {
    for (size_t i = 0; i < s->request->scalar_count; i++) {
        const struct scalar_value *scalar = &s->request->scalars[i];
        const struct node_parameter *parameter = launch_parameter(s->request->kernel, scalar->name);
        if (parameter && !is_float(parameter->dtype) && scalar->value > -0x1p53 && scalar->value < 0x1p53)
            environment_set(&s->sizes, scalar->name, (int64_t)scalar->value);
    }
}

static bool bind(struct session *s) {
    const struct evaluation_request *request = s->request;
    struct tensor_shape *shapes = arena_allocate(s->arena, (request->input_count + 1) * sizeof *shapes);
    struct node_list parameters = launch_parameters(request->kernel);
    for (size_t i = 0; request->sizes && i < request->sizes->count; i++)
        environment_set(&s->sizes, request->sizes->items[i].name, request->sizes->items[i].value);
    set_integer_scalars(s);
    for (size_t i = 0; i < request->input_count; i++)
        shapes[i] =
            (struct tensor_shape){request->inputs[i].name, request->inputs[i].rank, request->inputs[i].shape};
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const struct tensor_values *input = input_find(request, parameter->name);
        if (is_tensor(parameter) && is_input(parameter) && !input) {
            report_error(s->diagnostics, parameter->base.span, "tensor %s has no values", parameter->name);
            return false;
        }
        if (input && input->dtype != parameter->dtype) {
            report_error(s->diagnostics, parameter->base.span, "tensor %s is %s, but %s was given",
                         parameter->name, word_text(WORDS_dtype, (int)parameter->dtype),
                         word_text(WORDS_dtype, (int)input->dtype));
            return false;
        }
    }
    return sizes_bind(s->diagnostics, &s->sizes, request->kernel, shapes, request->input_count) &&
           conditions_check(s->diagnostics, &s->sizes, request->kernel);
}

/* ---- tensors ---- */

static struct number input_element(const struct session *s, const struct tensor_values *input,
                                   uint64_t index) {
    struct number x = number_exact(s->request->model, input->values[index]);
    if (!is_float(input->dtype))
        x.extra = 0;
    if (s->request->model == MODEL_BOUND && input->extra)
        x.extra = input->extra[index];
    if (s->request->model == MODEL_DEVICE && is_float(input->dtype))
        x.value = (double)f32_canonical((float)x.value);
    return x;
}

static bool open_tensor(struct session *s, size_t index) {
    const struct node_parameter *parameter = s->program->storages[index].parameter;
    struct storage *storage = &s->machine.storages[index];
    const struct tensor_values *input = is_input(parameter) ? input_find(s->request, parameter->name) : NULL;
    uint64_t extents[TENSOR_RANK_LIMIT], count = 1;
    if (!parameter_extents(s->diagnostics, &s->sizes, &parameter->base, extents))
        return false;
    storage->rank = parameter->dimensions.count;
    for (size_t i = 0; i < storage->rank; i++) {
        storage->lower[i] = 0;
        storage->extent[i] = (int64_t)extents[i];
        if (__builtin_mul_overflow(count, extents[i], &count) || count > ELEMENT_LIMIT) {
            s->machine.given_up = true;
            report_error(s->diagnostics, parameter->base.span, "tensor %s is too large to be evaluated",
                         parameter->name);
            return false;
        }
    }
    storage->count = storage->capacity = (size_t)count;
    storage->items = arena_allocate(s->arena, (count + 1) * sizeof *storage->items);
    for (uint64_t i = 0; i < count; i++)
        storage->items[i] = input ? input_element(s, input, i) : number_hole();
    return true;
}

/* ---- running ---- */

/* The arguments of a core as names: whole numbers with a sign. */
static bool set_arguments(struct session *s, const struct launch *launch, uint32_t core) {
    const struct program *p = s->program;
    struct machine *m = &s->machine;
    for (size_t i = 0; i < p->argument_count; i++) {
        int64_t value;
        if (!launch_argument_value(s->diagnostics, launch, core, i, &value))
            return false;
        if (p->argument_slots[i] != NO_SLOT)
            m->slots[p->argument_slots[i]] = value;
    }
    return true;
}

static bool prepare_launch(struct session *s, struct launch *launch) {
    const struct program *p = s->program;
    struct node_list parameters = launch_parameters(s->request->kernel);
    struct launch_word *addresses = arena_allocate(s->arena, (p->tensor_count + 1) * sizeof *addresses);
    struct launch_word *scalars = arena_allocate(s->arena, (parameters.count + 1) * sizeof *scalars);
    *launch = (struct launch){.kernel = s->request->kernel,
                              .sizes = &s->sizes,
                              .addresses = addresses,
                              .scalars = scalars,
                              .address_count = p->tensor_count};
    for (size_t i = 0; i < p->tensor_count; i++)
        addresses[i] = (struct launch_word){p->storages[i].name, 0};
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (is_tensor(parameter) || !is_float(parameter->dtype))
            continue;
        double value = 0;
        struct node_real *real = node_as(parameter->value, real);
        struct node_integer *integer = node_as(parameter->value, integer);
        value = real ? real->value : integer ? (double)integer->value : 0;
        for (size_t j = 0; j < s->request->scalar_count; j++)
            if (strcmp(s->request->scalars[j].name, parameter->name) == 0)
                value = s->request->scalars[j].value;
        scalars[launch->scalar_count++] = (struct launch_word){parameter->name, f32_bits((float)value)};
    }
    return launch_prepare(s->diagnostics, launch);
}

/* The cores one after another: what each computes of its share. */
static bool run_cores(struct session *s) {
    struct launch launch;
    if (!prepare_launch(s, &launch))
        return false;
    for (uint32_t i = 0; i < launch.grid_x * launch.grid_y && !s->machine.stopped; i++) {
        if (!set_arguments(s, &launch, i))
            return false;
        machine_run(&s->machine);
    }
    return !s->machine.stopped;
}

static bool run(struct session *s) {
    struct machine *m = &s->machine;
    const struct program *p = s->program;
    m->arena = s->arena;
    m->diagnostics = s->diagnostics;
    m->program = p;
    m->model = s->request->model;
    m->contraction = s->request->contraction;
    m->greatest = language_function_find("max");
    m->least = language_function_find("min");
    m->step_limit = s->request->steps ? s->request->steps : DEFAULT_STEPS;
    m->slots = arena_allocate(s->arena, (p->slots + 1) * sizeof *m->slots);
    m->numbers = arena_allocate(s->arena, (p->numbers + 1) * sizeof *m->numbers);
    m->storages = arena_allocate(s->arena, (p->storage_count + 1) * sizeof *m->storages);
    for (size_t i = 0; i < p->tensor_count; i++)
        if (!open_tensor(s, i))
            return false;
    if (p->per_core)
        return run_cores(s);
    machine_run(m);
    return !m->stopped;
}

/* ---- results ---- */

static const char *position_text(struct arena *arena, const struct tensor_values *tensor, uint64_t index) {
    const char *text = "";
    for (size_t i = tensor->rank; i-- > 0;) {
        text = arena_printf(arena, "%" PRIu64 "%s%s", index % tensor->shape[i], *text ? ", " : "", text);
        index /= tensor->shape[i];
    }
    return arena_printf(arena, "%s[%s]", tensor->name, text);
}

static bool take_output(struct session *s, struct arena *arena, size_t index, struct tensor_values *output) {
    const struct node_parameter *parameter = s->program->storages[index].parameter;
    struct storage *storage = &s->machine.storages[index];
    *output = (struct tensor_values){
        .name = arena_string(arena, parameter->name), .dtype = parameter->dtype, .rank = storage->rank};
    for (size_t i = 0; i < storage->rank; i++)
        output->shape[i] = (uint64_t)storage->extent[i];
    output->values = arena_allocate(arena, (storage->count + 1) * sizeof *output->values);
    output->extra = arena_allocate(arena, (storage->count + 1) * sizeof *output->extra);
    for (size_t i = 0; i < storage->count; i++) {
        if (number_is_hole(storage->items[i])) {
            report_error(s->diagnostics, parameter->base.span, "%s is never written",
                         position_text(arena, output, i));
            return false;
        }
        output->values[i] = storage->items[i].value;
        output->extra[i] = storage->items[i].extra;
    }
    return true;
}

static bool take_outputs(struct session *s, struct arena *arena, struct evaluation_result *result) {
    result->outputs = arena_allocate(arena, (s->program->tensor_count + 1) * sizeof *result->outputs);
    result->count = 0;
    for (size_t i = 0; i < s->program->tensor_count; i++)
        if (s->program->storages[i].parameter->direction != DIRECTION_IN &&
            !take_output(s, arena, i, &result->outputs[result->count++]))
            return false;
    return true;
}

bool evaluate_kernel(struct arena *arena, struct diagnostics *diagnostics,
                     const struct evaluation_request *request, struct evaluation_result *result) {
    struct session s = {.arena = arena_create(), .diagnostics = diagnostics, .request = request};
    s.sizes.arena = s.arena;
    bool fine = bind(&s);
    if (fine) {
        struct compile_request compile = {.arena = s.arena,
                                          .diagnostics = diagnostics,
                                          .kernel = request->kernel,
                                          .model = request->model,
                                          .sizes = &s.sizes,
                                          .scalars = request->scalars,
                                          .scalar_count = request->scalar_count};
        s.program = program_compile(&compile);
        fine = s.program && run(&s) && take_outputs(&s, arena, result);
    }
    result->given_up = s.machine.given_up;
    arena_free(s.arena);
    return fine;
}

/* ---- comparison ---- */

typedef bool element_agrees(const struct tensor_values *a, const struct tensor_values *b, uint64_t index);

static bool agrees_closely(const struct tensor_values *a, const struct tensor_values *b, uint64_t i) {
    double x = a->values[i], y = b->values[i];
    if (x == y || (x != x && y != y))
        return true;
    double scale = fmax(fmax(1, fabs(x)), fmax(a->extra[i], b->extra[i]));
    return fabs(x - y) <= 1e-10 * scale;
}

static bool agrees_bitwise(const struct tensor_values *a, const struct tensor_values *b, uint64_t i) {
    double x = a->values[i], y = b->values[i];
    return (x != x && y != y) || f64_bits(x) == f64_bits(y);
}

static const char *difference(struct arena *arena, const struct evaluation_result *a,
                              const struct evaluation_result *b, element_agrees *agrees) {
    if (a->count != b->count)
        return arena_printf(arena, "%zu outputs against %zu", a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct tensor_values *x = &a->outputs[i], *y = &b->outputs[i];
        uint64_t count = tensor_elements(x);
        if (strcmp(x->name, y->name) != 0 || x->rank != y->rank ||
            memcmp(x->shape, y->shape, x->rank * sizeof *x->shape) != 0)
            return arena_printf(arena, "output %s against %s, or their shapes differ", x->name, y->name);
        for (uint64_t j = 0; j < count; j++)
            if (!agrees(x, y, j))
                return arena_printf(arena, "%s is %.17g against %.17g", position_text(arena, x, j),
                                    x->values[j], y->values[j]);
    }
    return NULL;
}

const char *evaluation_difference(struct arena *arena, const struct evaluation_result *a,
                                  const struct evaluation_result *b) {
    return difference(arena, a, b, agrees_closely);
}

const char *evaluation_bit_difference(struct arena *arena, const struct evaluation_result *a,
                                      const struct evaluation_result *b) {
    return difference(arena, a, b, agrees_bitwise);
}

const char *evaluation_excess(struct arena *arena, const struct evaluation_result *values,
                              const struct evaluation_result *bound) {
    const char *worst = NULL;
    double most = 0;
    if (values->count != bound->count)
        return arena_printf(arena, "%zu outputs against %zu", values->count, bound->count);
    for (size_t i = 0; i < values->count; i++) {
        const struct tensor_values *x = &values->outputs[i], *e = &bound->outputs[i];
        uint64_t count = tensor_elements(x);
        if (count != tensor_elements(e))
            return arena_printf(arena, "the shapes of %s differ", x->name);
        for (uint64_t j = 0; j < count; j++) {
            double value = x->values[j], ideal = e->values[j], error = fabs(value - ideal);
            bool fine = value == ideal || (value != value && ideal != ideal) || error <= e->extra[j];
            double excess = fine ? 0 : error / e->extra[j];
            if (fine || (worst && !(excess > most)))
                continue;
            most = excess;
            worst = arena_printf(arena, "%s is %.9g, ideally %.9g: off by %.3g, allowed %.3g",
                                 position_text(arena, x, j), value, ideal, error, e->extra[j]);
        }
    }
    return worst;
}
