/* The library's interface of tilec.h, on top of a unit and a run. */
#include "include/tilec.h"

#include <string.h>

#include "driver/outputs.h"
#include "driver/run.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/text_buffer.h"

_Static_assert(TILEC_VERSION_MAJOR == PROJECT_MAJOR && TILEC_VERSION_MINOR == PROJECT_MINOR &&
                   TILEC_VERSION_PATCH == PROJECT_PATCH,
               "the header has the version of the project");
_Static_assert(TILEC_RANK_MAX >= TENSOR_RANK_LIMIT, "an array has room for every rank");

struct tilec_unit {
    struct arena *arena;
    struct unit unit;
    enum tilec_status status;
    struct arena *run_arena;         /* of the last run; NULL: there was none */
    struct diagnostics *diagnostics; /* of the last call that had something to say */
    struct text_buffer text;         /* they as text */
    const char *ir;
    struct outputs outputs;
    bool emitted;
};

static const struct span no_place;

static const enum dtype dtypes[] = {
    [TILEC_BF16] = DTYPE_BF16, [TILEC_F32] = DTYPE_F32, [TILEC_U16] = DTYPE_U16,  [TILEC_U32] = DTYPE_U32,
    [TILEC_I32] = DTYPE_I32,   [TILEC_U8] = DTYPE_U8,   [TILEC_BOOL] = DTYPE_BOOL};

enum { TYPE_COUNT = sizeof dtypes / sizeof *dtypes };

const char *tilec_version(void) {
    return TILEC_VERSION;
}

static bool set_options(struct tilec_unit *unit, const struct tilec_options *options) {
    const char *architecture = options->architecture ? options->architecture : "wormhole_b0";
    struct define *defines = arena_allocate(unit->arena, (options->define_count + 1) * sizeof *defines);
    for (size_t i = 0; i < options->define_count; i++) {
        defines[i] =
            (struct define){arena_string(unit->arena, options->defines[i].name), options->defines[i].value};
    }
    unit->unit.options =
        (struct unit_options){.architecture = architecture_find(architecture),
                              .grid_x = options->grid_x,
                              .grid_y = options->grid_y,
                              .kernel = options->kernel ? arena_string(unit->arena, options->kernel) : NULL,
                              .defines = defines,
                              .define_count = options->define_count,
                              .check_passes = options->check_passes,
                              .keep_tile_forms = true};
    if (!unit->unit.options.architecture) {
        report_error(unit->unit.diagnostics, no_place, "there is no architecture '%s'", architecture);
    }
    return unit->unit.options.architecture != NULL;
}

struct tilec_unit *tilec_compile(const char *path, const char *text, size_t length,
                                 const struct tilec_options *options) {
    static const struct tilec_options defaults;
    struct arena *arena = arena_create();
    struct tilec_unit *unit = arena_allocate(arena, sizeof *unit);
    unit->arena = arena;
    unit->unit.arena = arena;
    unit->unit.diagnostics = unit->diagnostics = diagnostics_create(arena);
    char *copy = arena_string_range(arena, text, length);
    bool ok = set_options(unit, options ? options : &defaults) &&
              unit_load(&unit->unit, arena_string(arena, path ? path : "source"), copy, length) &&
              unit_compile(&unit->unit);
    unit->status = ok ? TILEC_OK : unit->unit.broken ? TILEC_FAULT : TILEC_ERROR;
    return unit;
}

void tilec_free(struct tilec_unit *unit) {
    if (unit) {
        text_free(&unit->text);
        arena_free(unit->run_arena);
        arena_free(unit->arena);
    }
}

enum tilec_status tilec_status(const struct tilec_unit *unit) {
    return unit->status;
}

const char *tilec_diagnostics(struct tilec_unit *unit) {
    text_free(&unit->text);
    unit->text = (struct text_buffer){0};
    diagnostics_print(unit->diagnostics, SEVERITY_WARNING, false, &unit->text);
    return text_string(&unit->text);
}

const char *tilec_ir(struct tilec_unit *unit) {
    if (unit->status == TILEC_OK && !unit->ir) {
        struct text_buffer text = {0};
        node_print(unit->unit.module, PRINT_SPANS, &text);
        unit->ir = arena_string(unit->arena, text_string(&text));
        text_free(&text);
    }
    return unit->ir;
}

static void emit(struct tilec_unit *unit) {
    static const bool all[TARGET_COUNT] = {true, true};
    struct emission emission;
    if (unit->emitted || unit->status != TILEC_OK) {
        return;
    }
    unit->emitted = true;
    if (module_emit(unit->arena, unit->unit.diagnostics, unit->unit.module, &emission)) {
        unit->outputs = outputs_of(unit->arena, &emission, all);
    } else {
        unit->status = TILEC_FAULT;
        unit->diagnostics = unit->unit.diagnostics;
    }
}

size_t tilec_file_count(struct tilec_unit *unit) {
    emit(unit);
    return unit->outputs.count;
}

struct tilec_file tilec_file(struct tilec_unit *unit, size_t index) {
    emit(unit);
    if (index >= unit->outputs.count) {
        return (struct tilec_file){0};
    }
    const struct output_file *file = &unit->outputs.files[index];
    return (struct tilec_file){file->path, file->bytes, file->length};
}

/* ---- parameters ---- */

/* What runs, without a word where that is not clear. */
static struct node *entry_of(struct tilec_unit *unit, struct arena *arena) {
    struct unit quiet = unit->unit;
    quiet.diagnostics = diagnostics_create(arena);
    return unit->status == TILEC_OK ? unit_entry(&quiet) : NULL;
}

static struct node_list parameters_of(struct tilec_unit *unit) {
    struct arena *arena = arena_create();
    struct node *entry = entry_of(unit, arena);
    arena_free(arena);
    return entry ? launch_parameters(entry) : (struct node_list){0};
}

size_t tilec_parameter_count(struct tilec_unit *unit) {
    return parameters_of(unit).count;
}

struct tilec_parameter tilec_parameter(struct tilec_unit *unit, size_t index) {
    static const enum tilec_direction directions[] = {
        [DIRECTION_IN] = TILEC_IN, [DIRECTION_OUT] = TILEC_OUT, [DIRECTION_INOUT] = TILEC_INOUT};
    struct node_list parameters = parameters_of(unit);
    if (index >= parameters.count) {
        return (struct tilec_parameter){0};
    }
    struct node_parameter *parameter = node_as(parameters.items[index], parameter);
    return (struct tilec_parameter){.name = parameter->name,
                                    .type = word_text(WORDS_dtype, parameter->dtype),
                                    .direction = directions[parameter->direction],
                                    .rank = parameter->dimensions.count,
                                    .has_default = parameter->value != NULL};
}

/* ---- running ---- */

/* One run: its unit has an arena and diagnostics of its own. */
struct library_run {
    struct unit unit;
    struct node *entry;
    struct tilec_array *given;
    size_t given_count;
    struct array *own; /* of the tensor parameters, in order */
};

static struct tilec_array *find_array(const struct library_run *run, const char *name) {
    for (size_t i = 0; i < run->given_count; i++) {
        if (strcmp(run->given[i].name, name) == 0) {
            return &run->given[i];
        }
    }
    return NULL;
}

/* Is this a parameter of the kind: a tensor, or else a scalar? And the first that was given of its name? */
static bool check_name(struct library_run *run, const char *name, bool tensor, bool again) {
    struct node_parameter *parameter = launch_parameter(run->entry, name);
    const char *kind = tensor ? "array" : "scalar";
    if (again) {
        report_error(run->unit.diagnostics, no_place, "the %s %s was given twice", kind, name);
    } else if (!parameter || (parameter->dimensions.count > 0) != tensor) {
        report_error(run->unit.diagnostics, run->entry->span, "there is no %s parameter '%s'",
                     tensor ? "tensor" : "scalar", name);
    }
    return !again && parameter && (parameter->dimensions.count > 0) == tensor;
}

static bool check_names(struct library_run *run, const struct tilec_run_options *options) {
    bool ok = true;
    for (size_t i = 0; i < run->given_count; i++) {
        const char *name = run->given[i].name;
        ok &= check_name(run, name, true, find_array(run, name) != &run->given[i]);
    }
    for (size_t i = 0; i < options->scalar_count; i++) {
        bool again = false;
        for (size_t j = 0; j < i; j++) {
            again |= strcmp(options->scalars[i].name, options->scalars[j].name) == 0;
        }
        ok &= check_name(run, options->scalars[i].name, false, again);
    }
    return ok;
}

/* Elements of a given array, at most as many as can be addressed; UINT64_MAX: more. */
static uint64_t given_count(const struct tilec_array *given) {
    uint64_t count = 1;
    bool overflow = false;
    for (size_t i = 0; i < given->rank; i++) {
        if (given->shape[i] == 0) {
            return 0;
        }
        overflow |= __builtin_mul_overflow(count, given->shape[i], &count);
    }
    return overflow || count > PTRDIFF_MAX / sizeof(uint32_t) ? UINT64_MAX : count;
}

static bool refuse(struct library_run *run, const struct node_parameter *parameter, const char *why) {
    report_error(run->unit.diagnostics, parameter->base.span, "%s: %s", parameter->name, why);
    return false;
}

static bool take_array(struct library_run *run, const struct node_parameter *parameter, struct array *array) {
    const struct tilec_array *given = find_array(run, parameter->name);
    if (!given) {
        return refuse(run, parameter, "the array was not given");
    }
    if (parameter->direction == DIRECTION_OUT) {
        return true;
    }
    *array = (struct array){.name = parameter->name, .dtype = parameter->dtype, .rank = given->rank};
    bool blocks = array_is_of_blocks(array);
    if ((unsigned)given->type >= TYPE_COUNT ||
        dtypes[given->type] != (blocks ? DTYPE_F32 : parameter->dtype)) {
        report_error(run->unit.diagnostics, parameter->base.span,
                     "%s is %s: the array given has another type", parameter->name,
                     word_text(WORDS_dtype, parameter->dtype));
        return false;
    }
    if (given->rank != parameter->dimensions.count || given->rank > TENSOR_RANK_LIMIT) {
        report_error(run->unit.diagnostics, parameter->base.span,
                     "%s has %zu dimensions: the array given has %zu", parameter->name,
                     parameter->dimensions.count, given->rank);
        return false;
    }
    uint64_t count = given_count(given);
    if (count == UINT64_MAX) {
        return refuse(run, parameter, "the array given has more elements than memory");
    }
    if (count > 0 && !given->data) {
        return refuse(run, parameter, "the array given has no data");
    }
    memcpy(array->extents, given->shape, given->rank * sizeof *given->shape);
    array->rows = count > 0 ? given->data : arena_allocate(run->unit.arena, 1);
    array->borrowed = count > 0;
    if (blocks && count > 0) {
        array->rows = arena_copy(run->unit.arena, array->rows, array_bytes(array));
        array->borrowed = false;
        array_round_blocks(array);
    }
    return true;
}

/* May the result be stored to what was given? */
static bool check_result(struct library_run *run, const struct node_parameter *parameter,
                         struct array *array) {
    const struct tilec_array *given = find_array(run, parameter->name);
    bool same = given->rank == array->rank &&
                memcmp(given->shape, array->extents, array->rank * sizeof *array->extents) == 0;
    return parameter->direction == DIRECTION_IN || !given->data || same ||
           refuse(run, parameter, "the array given has another shape than the result");
}

static bool give_array(struct library_run *run, const struct node_parameter *parameter, struct array *array) {
    struct tilec_array *given = find_array(run, parameter->name);
    if (parameter->direction == DIRECTION_IN) {
        return true;
    }
    for (size_t type = 0; type < TYPE_COUNT; type++) {
        if (dtypes[type] == array->dtype) {
            given->type = (enum tilec_type)type;
        }
    }
    given->rank = array->rank;
    memcpy(given->shape, array->extents, array->rank * sizeof *array->extents);
    if (!given->data) {
        given->data = array->rows;
    } else if (array->rows != given->data && array_bytes(array) > 0) {
        memcpy(given->data, array->rows, array_bytes(array));
    }
    return true;
}

/* Calls visit for every tensor parameter; stops and returns false when it does. */
static bool each_tensor(struct library_run *run,
                        bool (*visit)(struct library_run *, const struct node_parameter *, struct array *)) {
    struct node_list parameters = launch_parameters(run->entry);
    for (size_t i = 0, tensor = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count > 0 && !visit(run, parameter, &run->own[tensor++])) {
            return false;
        }
    }
    return true;
}

enum tilec_status tilec_run(struct tilec_unit *unit, struct tilec_array *arrays, size_t count,
                            const struct tilec_run_options *options) {
    static const struct tilec_run_options defaults;
    options = options ? options : &defaults;
    if (unit->status != TILEC_OK) {
        return unit->status;
    }
    arena_free(unit->run_arena);
    struct arena *arena = unit->run_arena = arena_create();
    struct library_run run = {.unit = unit->unit, .given = arrays, .given_count = count};
    run.unit.arena = arena;
    run.unit.diagnostics = unit->diagnostics = diagnostics_continue(arena, unit->unit.diagnostics);
    run.entry = unit_entry(&run.unit);
    if (!run.entry || !check_names(&run, options)) {
        return TILEC_ERROR;
    }
    struct run_scalar *scalars = arena_allocate(arena, (options->scalar_count + 1) * sizeof *scalars);
    for (size_t i = 0; i < options->scalar_count; i++) {
        scalars[i] = (struct run_scalar){options->scalars[i].name, options->scalars[i].value};
    }
    struct run launches = {.unit = &run.unit,
                           .device = options->evaluator ? DEVICE_CHOICE_EVAL : DEVICE_CHOICE_SIM,
                           .seed = options->seed,
                           .scalars = scalars,
                           .scalar_count = options->scalar_count};
    run.own = arena_allocate(arena, (launch_parameters(run.entry).count + 1) * sizeof *run.own);
    bool ok = each_tensor(&run, take_array) && run_entry(&launches, run.entry, run.own) &&
              each_tensor(&run, check_result) && each_tensor(&run, give_array);
    return ok ? TILEC_OK : launches.fault ? TILEC_FAULT : TILEC_ERROR;
}
