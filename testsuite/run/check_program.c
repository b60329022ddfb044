/* Compiles and runs a program in all the ways that may change nothing, and compares. */
#include "testsuite/run/check_program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/array_values.h"
#include "driver/outputs.h"
#include "driver/run.h"
#include "evaluate/evaluate.h"
#include "ir/verify.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/text_buffer.h"

struct check {
    struct arena *arena;
    const struct checked_program *program;
    const char *broken;  /* the first promise that was */
    const char *refused; /* what a launch was refused for: sizes that do not fit, or that nobody gave */
};

static const char *file_of(const struct checked_program *program) {
    return program->file ? program->file : "generated.tl";
}

static void break_promise(struct check *check, const char *what) {
    check->broken = check->broken ? check->broken : what;
}

/* ---- compiling ---- */

static const char *module_text(struct arena *arena, const struct node *module) {
    struct text_buffer text = {0};
    node_print(module, PRINT_SPANS, &text);
    const char *copy = arena_string(arena, text_string(&text));
    text_free(&text);
    return copy;
}

static void check_text(struct check *check, const struct pass *pass, struct node *kernel) {
    struct diagnostics *diagnostics = diagnostics_create(check->arena);
    struct node *module = node_new(check->arena, module, MODULE, kernel->span,
                                   .source = file_of(check->program), .items = LIST(check->arena, kernel));
    const char *text = module_text(check->arena, module);
    struct node *back = module_read(check->arena, diagnostics,
                                    diagnostics_add_source(diagnostics, "printed.ir", text, strlen(text)));
    if (!back || !node_equal(module, back)) {
        break_promise(check,
                      arena_printf(check->arena, "the IR after %s does not read back equal: %s", pass->name,
                                   diagnostics->first ? diagnostics->first->message : "another tree"));
    } else if (strcmp(module_text(check->arena, back), text) != 0) {
        break_promise(check,
                      arena_printf(check->arena, "the IR after %s prints another text when it was read back",
                                   pass->name));
    }
}

static void check_again(struct check *check, const struct pass *pass, const struct compilation *compilation) {
    struct compilation again = *compilation;
    again.diagnostics = diagnostics_create(check->arena);
    if (!pass->run(&again)) {
        break_promise(
            check, arena_printf(check->arena, "%s fails on its own result: %s", pass->name,
                                again.diagnostics->first ? again.diagnostics->first->message : "no reason"));
    } else if (!node_equal(compilation->kernel, again.kernel)) {
        break_promise(check, arena_printf(check->arena, "%s changes its own result", pass->name));
    }
}

static void observe(const struct pass *pass, const struct compilation *compilation, bool changed,
                    double seconds, void *context) {
    (void)seconds;
    if (changed) {
        check_text(context, pass, compilation->kernel);
    }
    check_again(context, pass, compilation);
}

enum compile_mode { COMPILE_CHECKED, COMPILE_FIXED, COMPILE_PLAIN };

static const char *architecture_of(const struct checked_program *program) {
    return program->architecture ? program->architecture : "wormhole_b0";
}

static struct unit *compile(struct check *check, enum compile_mode mode, uint32_t grid_x, uint32_t grid_y) {
    const struct checked_program *program = check->program;
    struct unit *unit = arena_allocate(check->arena, sizeof *unit);
    unit->arena = check->arena;
    unit->diagnostics = diagnostics_create(check->arena);
    unit->options = (struct unit_options){
        .architecture = architecture_find(architecture_of(program)), .grid_x = grid_x, .grid_y = grid_y};
    unit->options.keep_tile_forms = true;
    if (mode == COMPILE_CHECKED) {
        unit->options.check_passes = true;
        unit->options.observe = observe;
        unit->options.context = check;
    }
    unit->options.defines = mode == COMPILE_FIXED ? program->sizes : program->fixed;
    unit->options.define_count = mode == COMPILE_FIXED ? program->size_count : program->fixed_count;
    if (unit_load(unit, file_of(program), program->text, strlen(program->text))) {
        unit_compile(unit);
    }
    return unit;
}

static const struct diagnostic *first_of(const struct unit *unit, enum severity severity) {
    for (const struct diagnostic *one = unit->diagnostics->first; one; one = one->next) {
        if (one->severity == severity) {
            return one;
        }
    }
    return NULL;
}

/* The first error; NULL when there is none. */
static const struct diagnostic *first_error(const struct unit *unit) {
    return first_of(unit, SEVERITY_ERROR);
}

/* A refusal names a place of the program, in words of its author. */
static void check_refusal(struct check *check, const struct unit *unit) {
    const struct diagnostic *error = first_error(unit);
    uint32_t lines = 1;
    for (const char *at = check->program->text; *at; at++) {
        lines += *at == '\n';
    }
    if (!error) {
        break_promise(check, "refused without an error");
    } else if (unit->broken || strstr(error->message, "fault of tilec") || strstr(error->message, "_tt ")) {
        break_promise(check, arena_printf(check->arena, "%s%s%s", error->message, error->notes ? ": " : "",
                                          error->notes ? error->notes->message : ""));
    } else if (error->span.file != 0 || error->span.line < 1 || error->span.line > lines) {
        break_promise(check, arena_printf(check->arena, "this refusal has no place in the program: %s",
                                          error->message));
    }
}

static bool emitted(struct check *check, struct unit *unit, struct outputs *outputs) {
    static const bool all[TARGET_COUNT] = {true, true};
    struct emission emission;
    if (!module_emit(check->arena, unit->diagnostics, unit->module, &emission)) {
        const struct diagnostic *error = first_error(unit);
        break_promise(check, arena_printf(check->arena, "nothing was emitted: %s",
                                          error ? error->message : "no reason"));
        return false;
    }
    *outputs = outputs_of(check->arena, &emission, all);
    return true;
}

/* The kernels come again from the text of the last IR alone. */
static void check_emission(struct check *check, struct unit *unit) {
    const char *text = module_text(check->arena, unit->module);
    struct unit again = {
        .arena = check->arena, .diagnostics = diagnostics_create(check->arena), .options = unit->options};
    struct outputs first, second;
    again.options.check_passes = false;
    again.options.define_count = 0; /* fixed in the text */
    again.options.observe = NULL;
    if (!emitted(check, unit, &first)) {
        return;
    }
    if (!unit_load(&again, "last.ir", text, strlen(text)) || !unit_compile(&again)) {
        const struct diagnostic *error = first_error(&again);
        break_promise(check, arena_printf(check->arena, "the last IR does not compile: %s",
                                          error ? error->message : "no reason"));
        return;
    }
    if (!emitted(check, &again, &second)) {
        return;
    }
    bool same = first.count == second.count;
    for (size_t i = 0; same && i < first.count; i++) {
        same = first.files[i].length == second.files[i].length &&
               memcmp(first.files[i].bytes, second.files[i].bytes, first.files[i].length) == 0;
    }
    if (!same) {
        break_promise(check, "the text of the last IR gives other files");
    }
}

/* ---- running ---- */

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Whole numbers are small: 0 to 63. */
static uint32_t input_number(uint64_t *state) {
    return (uint32_t)(next_random(state) % 64);
}

static float input_value(uint64_t *state, enum input_kind kind, bool whole) {
    static const float specials[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, 3e38f, 1e-30f};
    static const float zeros[] = {0.0f, -0.0f, -0.0f, 1.0f, -1.0f};
    uint64_t bits = next_random(state);
    float value = (float)((double)(bits & 0xffffff) * 0x1p-22 - 2.0);
    switch (kind) {
    case INPUT_SPECIAL:
        if (bits % 61 == 0) {
            return specials[next_random(state) % 8];
        }
        break;
    case INPUT_ZEROS:
        return zeros[bits % 5];
    case INPUT_TINY: /* products, sums and operands around the least normal number */
        return value * (bits % 3 ? 0x1p-63f : 0x1p-125f);
    default:
        break;
    }
    return whole ? (float)(bits % 7) - 3 : value;
}

void checked_fill(const struct checked_program *program, size_t parameter, enum input_kind kind,
                  struct array *array) {
    uint64_t state = 77 + program->inputs * 16 + parameter;
    for (uint64_t i = 0; i < array_count(array); i++) {
        if (array->dtype == DTYPE_F32) /* subnormal numbers too */
            ((float *)array->rows)[i] = input_value(&state, kind, program->whole);
        else
            array_set(array, i,
                      array->dtype == DTYPE_BF16 ? (double)input_value(&state, kind, program->whole)
                                                 : (double)(input_number(&state) % (array->dtype == DTYPE_BFP4 ? 8 : 64)));
    }
}

struct execution {
    struct array *arrays;
    /* what arrays of direction in and inout held before */
    struct array *before;
    struct tensor_values *inputs;
    size_t count, input_count;
    bool ok;
};

/* The sizes and whole parameters that the program runs with. */
static struct environment environment_of(struct check *check) {
    const struct checked_program *program = check->program;
    struct environment environment = {.arena = check->arena};
    for (size_t i = 0; i < program->size_count; i++) {
        environment_set(&environment, program->sizes[i].name, program->sizes[i].value);
    }
    return environment;
}

static struct execution execute(struct check *check, struct unit *unit, enum device_choice device,
                                uint64_t seed, enum input_kind kind) {
    const struct checked_program *program = check->program;
    struct run run = {.unit = unit,
                      .device = device,
                      .seed = seed,
                      .scalars = program->scalars,
                      .scalar_count = program->scalar_count};
    struct node *entry = unit_entry(unit);
    struct node_list parameters = launch_parameters(entry);
    struct execution result = {
        .arrays = arena_allocate(check->arena, (parameters.count + 1) * sizeof *result.arrays),
        .before = arena_allocate(check->arena, (parameters.count + 1) * sizeof *result.before),
        .inputs = arena_allocate(check->arena, (parameters.count + 1) * sizeof *result.inputs)};
    struct environment sizes = environment_of(check);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        struct array *array = &result.arrays[result.count++];
        *array = (struct array){
            .name = parameter->name, .dtype = parameter->dtype, .rank = parameter->dimensions.count};
        if (!parameter_extents(unit->diagnostics, &sizes, &parameter->base, array->extents)) {
            break_promise(check, "a size of the program is not known");
            return result;
        }
        if (parameter->direction != DIRECTION_OUT) {
            array->rows = arena_allocate(check->arena, array_bytes(array) + 4);
            checked_fill(program, i, kind, array);
            result.before[result.input_count] = *array;
            result.before[result.input_count].rows =
                arena_copy(check->arena, array->rows, array_bytes(array) + 4);
            result.inputs[result.input_count++] = array_values(check->arena, array->name, array);
        }
    }
    unsigned errors = unit->diagnostics->error_count;
    result.ok = run_entry(&run, entry, result.arrays);
    if (!result.ok) {
        const struct diagnostic *error = first_error(unit);
        const char *message = error && unit->diagnostics->error_count > errors ? error->message : "no reason";
        if (run.fault || !error || error->span.line == 0) {
            break_promise(check, arena_printf(check->arena, "the run failed: %s", message));
        } else {
            check->refused = message;
        }
    }
    return result;
}

static void require_same(struct check *check, const struct execution *a, const struct execution *b,
                         const char *what) {
    for (size_t i = 0; a->ok && b->ok && i < a->count; i++) {
        uint64_t count = array_count(&a->arrays[i]);
        size_t width = array_bytes(&a->arrays[i]) / (count ? count : 1);
        for (uint64_t j = 0; j < count; j++) {
            if (memcmp((char *)a->arrays[i].rows + j * width, (char *)b->arrays[i].rows + j * width, width) !=
                0) {
                break_promise(check,
                              arena_printf(check->arena, "%s: element %llu of %s is %a and %a", what,
                                           (unsigned long long)j, a->arrays[i].name,
                                           array_element(&a->arrays[i], j), array_element(&b->arrays[i], j)));
                return;
            }
        }
    }
}

/* The bound is that of the program as its author wrote it, or of what says what it means. */
static void check_carried_bound(struct check *check, const struct execution *execution) {
    const struct checked_program *program = check->program;
    const char *text = program->meaning ? program->meaning : program->text;
    struct diagnostics *diagnostics = diagnostics_create(check->arena);
    struct node *module = front_end(check->arena, diagnostics, "meaning.tl", text, strlen(text), NULL, 0);
    struct node *kernel = module ? node_as(module, module)->items.items[0] : NULL;
    struct environment sizes = environment_of(check);
    struct scalar_value scalars[CHECKED_SCALARS];
    struct evaluation_request request = {.kernel = kernel,
                                         .model = MODEL_BOUND,
                                         .inputs = execution->inputs,
                                         .input_count = execution->input_count,
                                         .sizes = &sizes,
                                         .scalars = scalars};
    struct evaluation_result bound,
        values = {.outputs = arena_allocate(check->arena, (execution->count + 1) * sizeof *values.outputs)};
    for (size_t i = 0; i < program->scalar_count; i++) {
        scalars[request.scalar_count++] =
            (struct scalar_value){program->scalars[i].name, strtof(program->scalars[i].text, NULL)};
    }
    for (size_t i = 0; kernel && i < execution->count; i++) {
        struct node_parameter *parameter = launch_parameter(kernel, execution->arrays[i].name);
        if (!parameter) {
            break_promise(check, arena_printf(check->arena, "what it means says nothing of %s",
                                              execution->arrays[i].name));
            return;
        }
        if (parameter->direction != DIRECTION_IN) {
            values.outputs[values.count++] =
                array_values(check->arena, execution->arrays[i].name, &execution->arrays[i]);
        }
    }
    if (!kernel || !evaluate_kernel(check->arena, diagnostics, &request, &bound)) {
        break_promise(check, arena_printf(check->arena, "the bound cannot be evaluated: %s",
                                          diagnostics->first ? diagnostics->first->message : "no reason"));
        return;
    }
    const char *excess = evaluation_excess(check->arena, &values, &bound);
    if (excess) {
        break_promise(check, arena_printf(check->arena, "beyond the bound: %s", excess));
    }
}

static void check_bound(struct check *check, const struct execution *execution) {
    const struct checked_program *program = check->program;
    if (!program->judge) {
        check_carried_bound(check, execution);
        return;
    }
    const char *wrong = program->judge(check->arena, program->context, execution->before,
                                       execution->input_count, execution->arrays, execution->count);
    if (wrong) {
        break_promise(check, arena_printf(check->arena, "beyond the bound: %s", wrong));
    }
}

/* Sizes that are known when it is compiled, and another grid of cores. */
static void check_other_builds(struct check *check, const struct execution *device, enum input_kind kind) {
    const struct checked_program *program = check->program;
    struct unit *fixed = program->open || program->fixed_count
                             ? NULL
                             : compile(check, COMPILE_FIXED, program->grid_x, program->grid_y);
    if (fixed && !first_error(fixed)) {
        struct execution other = execute(check, fixed, DEVICE_CHOICE_SIM, 0, kind);
        require_same(check, device, &other, "open and fixed sizes");
    } else if (fixed) {
        check_refusal(check, fixed);
        break_promise(check, arena_printf(check->arena, "accepted with open sizes only: %s",
                                          first_error(fixed)->message));
    }
    struct unit *wide = compile(check, COMPILE_PLAIN, 5, 3);
    if (!first_error(wide)) {
        struct execution other = execute(check, wide, DEVICE_CHOICE_SIM, 0, kind);
        require_same(check, device, &other, "two grids of cores");
    }
}

static void check_run(struct check *check, struct unit *unit, enum thoroughness thoroughness,
                      enum input_kind kind) {
    const struct checked_program *program = check->program;
    struct execution device = execute(check, unit, DEVICE_CHOICE_SIM, program->schedule, kind);
    if (!device.ok) {
        return;
    }
    if (unit->tile_forms.count > 0) { /* none of text in device form */
        struct execution evaluator = execute(check, unit, DEVICE_CHOICE_EVAL, 0, kind);
        require_same(check, &device, &evaluator, "device and evaluator");
    }
    if (thoroughness == CHECK_THOROUGH) {
        struct execution other = execute(check, unit, DEVICE_CHOICE_SIM, 1 + strlen(program->text), kind);
        require_same(check, &device, &other, "two orders of threads");
        if (!unit->from_ir) { /* whose sizes and grid are its own */
            check_other_builds(check, &device, kind);
        }
    }
    if (kind == INPUT_PLAIN && !check->broken) {
        check_bound(check, &device);
    }
}

/* A quick check takes one kind of hard values, in turn. */
static void check_runs(struct check *check, struct unit *unit, enum thoroughness thoroughness) {
    uint64_t turn = INPUT_PLAIN + 1 + check->program->inputs % (INPUT_KINDS - INPUT_PLAIN - 1);
    for (int kind = INPUT_PLAIN; kind < INPUT_KINDS && !check->broken && !check->refused; kind++) {
        if (kind == INPUT_PLAIN || thoroughness == CHECK_THOROUGH || (uint64_t)kind == turn) {
            check_run(check, unit, thoroughness, (enum input_kind)kind);
        }
    }
}

struct judgement program_check(struct arena *arena, const struct checked_program *program,
                               enum thoroughness thoroughness) {
    struct check check = {.arena = arena, .program = program};
    struct unit *unit = compile(&check, thoroughness == CHECK_THOROUGH ? COMPILE_CHECKED : COMPILE_PLAIN,
                                program->grid_x, program->grid_y);
    const struct diagnostic *error = first_error(unit);
    if (error || !unit->module) {
        check_refusal(&check, unit);
    } else if (!check.broken) {
        if (thoroughness == CHECK_THOROUGH) {
            check_emission(&check, unit);
        }
        check_runs(&check, unit, thoroughness);
    }
    const struct diagnostic *warning = first_of(unit, SEVERITY_WARNING);
    const char *refused = error ? error->message : check.refused;
    if (check.broken) {
        return (struct judgement){VERDICT_BROKEN, check.broken};
    }
    if (refused) {
        return (struct judgement){VERDICT_REFUSED, refused};
    }
    return warning ? (struct judgement){VERDICT_WARNED, warning->message}
                   : (struct judgement){VERDICT_GOOD, NULL};
}
