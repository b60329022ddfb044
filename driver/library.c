/* The library's interface of tilec.h, on top of a unit and a run. */
#include "include/tilec.h"

#include <string.h>

#include "driver/outputs.h"
#include "driver/run.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/text_buffer.h"

struct tilec_unit {
    struct arena *arena;
    struct unit unit;
    enum tilec_status status;
    const char *diagnostics, *ir;
    struct outputs outputs;
    bool emitted;
};

static const struct span no_place;

static const enum dtype dtypes[] = {[TILEC_BF16] = DTYPE_BF16,
                                    [TILEC_F32] = DTYPE_F32,
                                    [TILEC_U16] = DTYPE_U16,
                                    [TILEC_U32] = DTYPE_U32,
                                    [TILEC_I32] = DTYPE_I32};

enum { TYPE_COUNT = sizeof dtypes / sizeof *dtypes };

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
                              .check_passes = options->check_passes};
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
    unit->unit.diagnostics = diagnostics_create(arena);
    char *copy = arena_string_range(arena, text, length);
    bool ok = set_options(unit, options ? options : &defaults) &&
              unit_load(&unit->unit, arena_string(arena, path), copy, length) && unit_compile(&unit->unit);
    unit->status = ok ? TILEC_OK : unit->unit.broken ? TILEC_FAULT : TILEC_ERROR;
    return unit;
}

void tilec_free(struct tilec_unit *unit) {
    if (unit) {
        arena_free(unit->arena);
    }
}

enum tilec_status tilec_status(const struct tilec_unit *unit) {
    return unit->status;
}

static const char *take_text(struct tilec_unit *unit, struct text_buffer *text) {
    const char *copy = arena_string(unit->arena, text_string(text));
    text_free(text);
    return copy;
}

const char *tilec_diagnostics(struct tilec_unit *unit) {
    struct text_buffer text = {0};
    diagnostics_print(unit->unit.diagnostics, SEVERITY_WARNING, false, &text);
    return unit->diagnostics = take_text(unit, &text);
}

const char *tilec_ir(struct tilec_unit *unit) {
    if (unit->status == TILEC_OK && !unit->ir) {
        struct text_buffer text = {0};
        node_print(unit->unit.module, PRINT_SPANS, &text);
        unit->ir = take_text(unit, &text);
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

/* ---- running ---- */

static struct tilec_array *find_array(struct tilec_array *arrays, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(arrays[i].name, name) == 0) {
            return &arrays[i];
        }
    }
    return NULL;
}

static bool take_array(struct tilec_unit *unit, const struct node_parameter *parameter,
                       const struct tilec_array *given, struct array *array) {
    struct diagnostics *diagnostics = unit->unit.diagnostics;
    if (!given) {
        report_error(diagnostics, parameter->base.span, "the array of %s was not given", parameter->name);
        return false;
    }
    if (parameter->direction == DIRECTION_OUT) {
        return true;
    }
    if ((unsigned)given->type >= TYPE_COUNT || dtypes[given->type] != parameter->dtype) {
        report_error(diagnostics, parameter->base.span, "%s is %s: the array given has another type",
                     parameter->name, word_text(WORDS_dtype, parameter->dtype));
        return false;
    }
    if (given->rank != parameter->dimensions.count || given->rank > TILEC_RANK_MAX) {
        report_error(diagnostics, parameter->base.span, "%s has %zu dimensions: the array given has %zu",
                     parameter->name, parameter->dimensions.count, given->rank);
        return false;
    }
    *array = (struct array){.name = parameter->name, .dtype = parameter->dtype, .rank = given->rank};
    memcpy(array->extents, given->shape, given->rank * sizeof *given->shape);
    array->rows = array_bytes(array) > 0 ? given->data : arena_allocate(unit->arena, 1);
    array->borrowed = array_bytes(array) > 0;
    return true;
}

static bool give_array(struct tilec_unit *unit, const struct node_parameter *parameter,
                       const struct array *array, struct tilec_array *given) {
    bool same = given->rank == array->rank &&
                memcmp(given->shape, array->extents, array->rank * sizeof *array->extents) == 0;
    if (given->data && !same) {
        report_error(unit->unit.diagnostics, parameter->base.span,
                     "the array given for %s has another shape than the result", parameter->name);
        return false;
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

/* One of the two directions for every tensor parameter. */
static bool each_array(struct tilec_unit *unit, struct node *entry, struct array *own,
                       struct tilec_array *arrays, size_t count, bool take) {
    struct node_list parameters = launch_parameters(entry);
    for (size_t i = 0, tensor = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        struct array *array = &own[tensor++];
        struct tilec_array *given = find_array(arrays, count, parameter->name);
        if (take ? !take_array(unit, parameter, given, array)
                 : parameter->direction != DIRECTION_IN && !give_array(unit, parameter, array, given)) {
            return false;
        }
    }
    return true;
}

enum tilec_status tilec_run(struct tilec_unit *unit, struct tilec_array *arrays, size_t count,
                            const struct tilec_run_options *options) {
    static const struct tilec_run_options defaults;
    options = options ? options : &defaults;
    struct node *entry = unit->status == TILEC_OK ? unit_entry(&unit->unit) : NULL;
    if (!entry) {
        return unit->status == TILEC_OK ? TILEC_ERROR : unit->status;
    }
    struct run_scalar *scalars = arena_allocate(unit->arena, (options->scalar_count + 1) * sizeof *scalars);
    for (size_t i = 0; i < options->scalar_count; i++) {
        scalars[i] = (struct run_scalar){options->scalars[i].name, options->scalars[i].value};
    }
    struct run run = {.unit = &unit->unit,
                      .device = options->evaluator ? DEVICE_CHOICE_EVAL : DEVICE_CHOICE_SIM,
                      .seed = options->seed,
                      .scalars = scalars,
                      .scalar_count = options->scalar_count};
    struct array *own = arena_allocate(unit->arena, (launch_parameters(entry).count + 1) * sizeof *own);
    bool ok = each_array(unit, entry, own, arrays, count, true) && run_entry(&run, entry, own) &&
              each_array(unit, entry, own, arrays, count, false);
    return ok ? TILEC_OK : run.fault ? TILEC_FAULT : TILEC_ERROR;
}
