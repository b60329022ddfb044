/* An entry point is run: sizes and scalars are bound, then a kernel or the launches of a program in order. */
#include "driver/run.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/launch.h"
#include "driver/nearby.h"
#include "driver/placement.h"
#include "support/arena.h"

static const struct span no_place;

static struct diagnostics *diagnostics_of(struct run *run) {
    return run->unit->diagnostics;
}

/* ---- scalars ---- */

static const char *scalar_text(const struct run *run, const char *name) {
    for (size_t i = 0; i < run->scalar_count; i++) {
        if (strcmp(run->scalars[i].name, name) == 0) {
            return run->scalars[i].text;
        }
    }
    return NULL;
}

static bool read_integer(struct run *run, const struct node_parameter *parameter, const char *text,
                         int64_t *value) {
    char *end;
    errno = 0;
    if (parameter->dtype == DTYPE_BOOL && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        *value = strcmp(text, "true") == 0;
        return true;
    }
    long long number = strtoll(text, &end, 10);
    int64_t least = parameter->dtype == DTYPE_I32 || parameter->dtype == DTYPE_INDEX ? INT32_MIN : 0;
    int64_t most = parameter->dtype == DTYPE_BOOL  ? 1
                   : parameter->dtype == DTYPE_U16 ? UINT16_MAX
                   : parameter->dtype == DTYPE_U32 ? UINT32_MAX
                                                   : INT32_MAX;
    if (end == text || *end || errno || number < least || number > most) {
        report_error(diagnostics_of(run), parameter->base.span, "%s is %s: '%s' is no such number",
                     parameter->name, word_text(WORDS_dtype, parameter->dtype), text);
        return false;
    }
    *value = number;
    return true;
}

static bool read_float(struct run *run, const struct node_parameter *parameter, const char *text,
                       float *value) {
    char *end;
    errno = 0;
    float number = strtof(text, &end);
    bool too_large = errno == ERANGE && isinf(number);
    if (end == text || *end) {
        report_error(diagnostics_of(run), parameter->base.span, "%s is %s: '%s' is no number",
                     parameter->name, word_text(WORDS_dtype, parameter->dtype), text);
        return false;
    }
    *value = parameter->dtype == DTYPE_BF16 ? f32_from_bf16(bf16_from_f32(number)) : number;
    if (too_large || (isinf(*value) && !isinf(number))) {
        report_error(diagnostics_of(run), parameter->base.span, "%s is %s: '%s' is more than it holds",
                     parameter->name, word_text(WORDS_dtype, parameter->dtype), text);
        return false;
    }
    return true;
}

static bool default_value(const struct node_parameter *parameter, double *value) {
    struct node_integer *integer = node_as(parameter->value, integer);
    struct node_real *real = node_as(parameter->value, real);
    *value = integer ? (double)integer->value : real ? real->value : 0;
    return integer || real;
}

/* The scalar parameters of the entry: integers into the environment, others as numbers. */
static bool bind_scalars(struct run *run, const struct node *entry, struct environment *sizes,
                         struct scalar_list *scalars) {
    struct node_list parameters = launch_parameters(entry);
    bool ok = true;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const char *text = scalar_text(run, parameter->name);
        bool is_float = parameter->dtype == DTYPE_F32 || parameter->dtype == DTYPE_BF16;
        int64_t integer;
        double fallback;
        float real;
        if (parameter->dimensions.count > 0) {
            continue;
        }
        if (!text && !default_value(parameter, &fallback)) {
            report_error(diagnostics_of(run), parameter->base.span, "the scalar %s has no value",
                         parameter->name);
            report_help(diagnostics_of(run), no_place, "give it by --set %s=VALUE", parameter->name);
            ok = false;
        } else if (is_float) {
            real = (float)(text ? 0 : fallback);
            ok &= !text || read_float(run, parameter, text, &real);
            scalar_list_add(run->unit->arena, scalars, parameter->name, real);
        } else {
            integer = text ? 0 : (int64_t)fallback;
            ok &= !text || read_integer(run, parameter, text, &integer);
            environment_set(sizes, parameter->name, integer);
        }
    }
    return ok;
}

/* ---- programs ---- */

/* A tensor of a program by name: a parameter or an intermediate. */
struct slot {
    const char *name;
    struct tensor_value *value;
};

struct program_run {
    struct run *run;
    struct launcher *launcher;
    struct environment *sizes;
    struct scalar_list *scalars;
    struct slot *slots;
    size_t slot_count, slot_capacity;
    bool ok;
};

static struct tensor_value *find_slot(const struct program_run *program, const char *name) {
    for (size_t i = 0; i < program->slot_count; i++) {
        if (strcmp(program->slots[i].name, name) == 0) {
            return program->slots[i].value;
        }
    }
    return NULL;
}

static void add_slot(struct program_run *program, const char *name, struct tensor_value *value) {
    struct arena *arena = program->run->unit->arena;
    if (program->slot_count == program->slot_capacity) {
        program->slot_capacity = program->slot_capacity ? 2 * program->slot_capacity : 16;
        struct slot *slots = arena_allocate(arena, program->slot_capacity * sizeof *slots);
        if (program->slot_count) {
            memcpy(slots, program->slots, program->slot_count * sizeof *slots);
        }
        program->slots = slots;
    }
    program->slots[program->slot_count++] = (struct slot){name, value};
}

static struct node *named_argument(struct node *argument) {
    struct node_attribute *named = node_as(argument, attribute);
    return named ? named->value : argument;
}

/* The scalar argument of a launch: an integer into the callee's sizes, another number into its scalars. */
static bool pass_scalar(struct program_run *program, const struct node_parameter *parameter,
                        struct node *argument, struct environment *sizes, struct scalar_list *scalars) {
    struct arena *arena = program->run->unit->arena;
    bool is_float = parameter->dtype == DTYPE_F32 || parameter->dtype == DTYPE_BF16;
    struct node_real *real = node_as(argument, real);
    struct node_reference *reference = node_as(argument, reference);
    float value;
    int64_t integer;
    if (is_float && reference && scalar_list_get(program->scalars, reference->name, &value)) {
        scalar_list_add(arena, scalars, parameter->name, value);
        return true;
    }
    if (is_float && real) {
        scalar_list_add(arena, scalars, parameter->name, (float)real->value);
        return true;
    }
    if (!size_evaluate(diagnostics_of(program->run), program->sizes, argument, &integer)) {
        return false;
    }
    if (is_float) {
        scalar_list_add(arena, scalars, parameter->name, (float)integer);
    } else {
        environment_set(sizes, parameter->name, integer);
    }
    return true;
}

static struct tensor_value *result_slot(struct program_run *program, const char *name) {
    struct tensor_value *value = find_slot(program, name);
    if (!value) {
        value = arena_allocate(program->run->unit->arena, sizeof *value);
        value->array.name = name;
        add_slot(program, name, value);
    }
    return value;
}

static bool run_launch(struct program_run *program, struct node_launch *launch) {
    struct run *run = program->run;
    struct arena *arena = run->unit->arena;
    struct node *kernel = unit_kernel(run->unit, launch->kernel);
    struct environment sizes = {.arena = arena};
    struct scalar_list scalars = {0};
    struct node_list parameters = launch_parameters(kernel);
    struct tensor_value **tensors = arena_allocate(arena, (parameters.count + 1) * sizeof *tensors);
    size_t argument = 0, result = 0, count = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->direction == DIRECTION_OUT) {
            struct node_reference *name = node_as(launch->results.items[result++], reference);
            tensors[count++] = result_slot(program, name->name);
            continue;
        }
        struct node *given = argument < launch->arguments.count
                                 ? named_argument(launch->arguments.items[argument++])
                                 : parameter->value;
        if (parameter->dimensions.count == 0) {
            if (!pass_scalar(program, parameter, given, &sizes, &scalars)) {
                return false;
            }
            continue;
        }
        struct node_reference *name = node_as(given, reference);
        struct tensor_value *value = name ? find_slot(program, name->name) : NULL;
        if (!value) {
            report_error(diagnostics_of(run), launch->base.span, "%s of %s is no tensor of the program",
                         parameter->name, launch->kernel);
            return false;
        }
        tensors[count++] = value;
    }
    return launcher_run(program->launcher, kernel, &sizes, &scalars, tensors);
}

static bool visit_launch(struct node *node, void *context) {
    struct program_run *program = context;
    struct node_launch *launch = node_as(node, launch);
    if (launch) {
        return program->ok = run_launch(program, launch);
    }
    return node_each_child(node, visit_launch, context);
}

static bool run_program(struct run *run, struct launcher *launcher, struct node *entry,
                        struct environment *sizes, struct scalar_list *scalars, struct tensor_value *values,
                        size_t count) {
    struct program_run program = {
        .run = run, .launcher = launcher, .sizes = sizes, .scalars = scalars, .ok = true};
    for (size_t i = 0; i < count; i++) {
        add_slot(&program, values[i].array.name, &values[i]);
    }
    visit_launch(node_as(entry, program)->body, &program);
    return program.ok;
}

/* ---- entries ---- */

/* The name that stands at a place of the source; "" where none does. */
static const char *name_at(struct run *run, struct span span) {
    const struct diagnostics *diagnostics = diagnostics_of(run);
    const char *text = span.line && span.file < diagnostics->source_count && span.end_line == span.line
                           ? diagnostics->sources[span.file].text
                           : NULL;
    for (uint32_t line = 1; text && line < span.line; line++) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return text && strcspn(text, "\n") + 1 >= span.end_column
               ? arena_string_range(run->unit->arena, text + span.column - 1, span.end_column - span.column)
               : "";
}

/* Sizes fixed by -D that a given array contradicts: named as the user wrote them. */
static bool check_defined(struct run *run, const struct node_parameter *parameter,
                          const struct array *array) {
    const struct unit_options *options = &run->unit->options;
    for (size_t i = 0; i < parameter->dimensions.count; i++) {
        struct node_integer *fixed = node_as(parameter->dimensions.items[i], integer);
        const char *name = fixed && options->define_count ? name_at(run, fixed->base.span) : "";
        for (size_t j = 0; j < options->define_count; j++) {
            const struct define *define = &options->defines[j];
            if (strcmp(define->name, name) == 0 && define->value == fixed->value &&
                (uint64_t)fixed->value != array->extents[i]) {
                report_error(diagnostics_of(run), parameter->base.span,
                             "-D %s is %" PRId64 ", and dimension %zu of %s is %" PRIu64, name, define->value,
                             i, parameter->name, array->extents[i]);
                return false;
            }
        }
    }
    return true;
}

/* Binds the sizes of the entry, and sets the extents of the results. */
static bool bind_sizes(struct run *run, struct node *entry, struct environment *sizes, struct array *arrays) {
    struct arena *arena = run->unit->arena;
    struct node_list parameters = launch_parameters(entry);
    struct tensor_shape *shapes = arena_allocate(arena, (parameters.count + 1) * sizeof *shapes);
    size_t known = 0, tensor = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        if (parameter->direction != DIRECTION_OUT) {
            if (!check_defined(run, parameter, &arrays[tensor])) {
                return false;
            }
            shapes[known++] =
                (struct tensor_shape){parameter->name, arrays[tensor].rank, arrays[tensor].extents};
        }
        tensor++;
    }
    if (!sizes_bind(diagnostics_of(run), sizes, entry, shapes, known) ||
        !placement_covers(diagnostics_of(run), sizes, entry) ||
        !sizes_hold(diagnostics_of(run), sizes, entry)) {
        return false;
    }
    tensor = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        struct array *array = &arrays[tensor++];
        if (parameter->direction == DIRECTION_OUT) {
            *array = (struct array){
                .name = parameter->name, .dtype = parameter->dtype, .rank = parameter->dimensions.count};
            if (!parameter_extents(diagnostics_of(run), sizes, &parameter->base, array->extents)) {
                return false;
            }
            array->rows = arena_allocate(arena, array_bytes(array) + 1);
        }
    }
    return true;
}

bool run_entry(struct run *run, struct node *entry, struct array *arrays) {
    struct arena *arena = run->unit->arena;
    struct environment sizes = {.arena = arena};
    struct scalar_list scalars = {0};
    if (!bind_scalars(run, entry, &sizes, &scalars) || !bind_sizes(run, entry, &sizes, arrays)) {
        return false;
    }
    struct node_list parameters = launch_parameters(entry);
    struct tensor_value *values = arena_allocate(arena, (parameters.count + 1) * sizeof *values);
    struct tensor_value **pointers = arena_allocate(arena, (parameters.count + 1) * sizeof *pointers);
    size_t count = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count > 0) {
            values[count].array = arrays[count];
            values[count].given = parameter->direction != DIRECTION_OUT;
            pointers[count] = &values[count];
            count++;
        }
    }
    struct launcher launcher;
    if (!launcher_open(&launcher, run)) {
        return false;
    }
    bool ok = entry->kind == NODE_PROGRAM
                  ? run_program(run, &launcher, entry, &sizes, &scalars, values, count)
                  : launcher_run(&launcher, entry, &sizes, &scalars, pointers);
    for (size_t i = 0; i < count && ok; i++) {
        ok = launcher_fetch(&launcher, &values[i]);
        arrays[i] = values[i].array;
    }
    launcher_close(&launcher);
    return ok;
}
