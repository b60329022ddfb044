/* A launch: shapes, scalars and sizes are bound to the kernel's parameters, then the backend runs it. */
#include "driver/launch.h"

#include <inttypes.h>
#include <string.h>

#include "driver/array_values.h"
#include "driver/kernel_launch.h"
#include "driver/launch_backend.h"
#include "driver/nearby.h"
#include "driver/placement.h"
#include "ir/attributes.h"
#include "ir/l1.h"
#include "support/architecture.h"
#include "support/arena.h"

static const struct span no_place;

void scalar_list_add(struct scalar_list *list, const char *name, float value) {
    struct named_scalar *items = arena_allocate(list->arena, (list->count + 1) * sizeof *items);
    if (list->count) {
        memcpy(items, list->items, list->count * sizeof *items);
    }
    items[list->count] = (struct named_scalar){name, value};
    list->items = items;
    list->count++;
}

bool scalar_list_get(const struct scalar_list *list, const char *name, float *value) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            *value = list->items[i].value;
            return true;
        }
    }
    return false;
}

bool launcher_open(struct launcher *launcher, struct run *run) {
    *launcher = (struct launcher){.run = run};
    if (run->device == DEVICE_CHOICE_EVAL) {
        return true;
    }
    struct device_options options = {.seed = run->seed};
    launcher->device = device_create(run->unit->options.architecture, &options);
    if (!launcher->device) {
        report_error(run->unit->diagnostics, no_place, "there is not enough memory for the embedded device");
    }
    return launcher->device != NULL;
}

void launcher_close(struct launcher *launcher) {
    device_free(launcher->device);
    launcher->device = NULL;
}

void launcher_fetch(struct tensor_value *value) {
    if (value->device_newer) {
        tensor_value_fetch(value);
        value->device_newer = false;
    }
}

/* The sizes of a launch, and the extents of its results. */
static bool bind_launch(struct launcher *launcher, struct node *kernel, struct environment *sizes,
                        struct tensor_value **tensors) {
    struct unit *unit = launcher->run->unit;
    struct node_list parameters = launch_tensors(launcher->arena, kernel);
    struct tensor_shape *shapes = arena_allocate(launcher->arena, (parameters.count + 1) * sizeof *shapes);
    size_t known = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct tensor_value *value = tensors[i];
        if (parameter->direction == DIRECTION_OUT) {
            continue;
        }
        if (!value->given) {
            report_error(unit->diagnostics, parameter->base.span, "%s is read before it was written",
                         value->array.name);
            return false;
        }
        shapes[known++] = (struct tensor_shape){parameter->name, value->array.rank, value->array.extents};
    }
    return sizes_bind(unit->diagnostics, sizes, kernel, shapes, known) &&
           placement_covers(unit->diagnostics, sizes, kernel) && sizes_hold(unit->diagnostics, sizes, kernel);
}

static bool set_results(struct launcher *launcher, struct node *kernel, const struct environment *sizes,
                        struct tensor_value **tensors) {
    struct unit *unit = launcher->run->unit;
    struct node_list parameters = launch_tensors(launcher->arena, kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct array *array = &tensors[i]->array;
        uint64_t extents[TENSOR_RANK_LIMIT];
        if (parameter->direction != DIRECTION_OUT) {
            continue;
        }
        if (!parameter_extents(unit->diagnostics, sizes, &parameter->base, extents)) {
            return false;
        }
        bool same = array->rank == parameter->dimensions.count &&
                    memcmp(array->extents, extents, array->rank * sizeof *extents) == 0;
        if (array->rows && (!same || array->dtype != parameter->dtype)) {
            report_error(unit->diagnostics, parameter->base.span,
                         "the result %s does not have the shape of %s", parameter->name, array->name);
            return false;
        }
        array->dtype = parameter->dtype;
        array->rank = parameter->dimensions.count;
        memcpy(array->extents, extents, array->rank * sizeof *extents);
    }
    return true;
}

/* "ids[2, 5]" */
static const char *element_text(struct arena *arena, const char *name, const struct array *array, uint64_t at) {
    const char *text = "";
    for (size_t i = array->rank; i-- > 0; at /= array->extents[i]) {
        text = arena_printf(arena, "%" PRIu64 "%s%s", at % array->extents[i], *text ? ", " : "", text);
    }
    return arena_printf(arena, "%s[%s]", name, text);
}

static struct tensor_value *value_of(struct launcher *launcher, struct node *kernel, struct tensor_value **tensors,
                                     const char *name, struct node_parameter **parameter) {
    struct node_list parameters = launch_tensors(launcher->arena, kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        *parameter = node_as(parameters.items[i], parameter);
        if (strcmp((*parameter)->name, name) == 0) {
            return tensors[i];
        }
    }
    return NULL;
}

/* Data that choose places are places (tt.indices). */
static bool check_indices(struct launcher *launcher, struct node *kernel, const struct environment *sizes,
                          struct tensor_value **tensors) {
    struct diagnostics *d = launcher->run->unit->diagnostics;
    struct node *list = attribute_get(kernel, KEY_TT_INDICES);
    for (size_t i = 0; list && i < node_as(list, sequence)->items.count; i++) {
        struct node *one = node_as(list, sequence)->items.items[i];
        const char *name = attribute_word(dictionary_get(one, KEY_DATA), ""),
                   *of = attribute_word(dictionary_get(one, KEY_OF), "");
        struct node_parameter *parameter;
        struct tensor_value *value = value_of(launcher, kernel, tensors, name, &parameter);
        int64_t below;
        if (!value || !size_evaluate(diagnostics_create(launcher->arena), sizes, dictionary_get(one, KEY_BELOW), &below)) {
            continue;
        }
        launcher_fetch(value);
        for (uint64_t at = 0, count = array_count(&value->array); value->array.rows && at < count; at++) {
            double index = array_element(&value->array, at);
            if (index >= 0 && index < (double)below) {
                continue;
            }
            report_error(d, parameter->base.span, "%s is %.0f, and %s has %" PRId64 " places there: 0 to %" PRId64,
                         element_text(launcher->arena, name, &value->array, at), index, of, below, below - 1);
            report_help(d, no_place,
                        "where an index may be outside on purpose, say what is read then, %s[... else 0], or write under a condition",
                        of);
            return false;
        }
    }
    return true;
}

/* A launch whose results are empty has nothing to do. */
static bool writes_nothing(struct launcher *launcher, struct node *kernel, struct tensor_value **tensors) {
    struct node_list parameters = launch_tensors(launcher->arena, kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->direction != DIRECTION_IN && array_count(&tensors[i]->array) > 0) {
            return false;
        }
    }
    return true;
}

static void mark_written(struct launcher *launcher, struct node *kernel, struct tensor_value **tensors,
                         bool empty) {
    struct node_list parameters = launch_tensors(launcher->arena, kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct tensor_value *value = tensors[i];
        if (parameter->direction != DIRECTION_IN) {
            value->given = true;
            value->device_newer = launcher->device && !empty;
        }
    }
}

/* Do the circular buffers of a kernel fit what the tensors leave of L1? */
static bool fits_l1(struct launcher *launcher, struct node *kernel, const struct environment *sizes,
                    struct tensor_value **tensors) {
    const struct architecture *architecture = launcher->run->unit->options.architecture;
    struct diagnostics *scratch = diagnostics_create(launcher->arena);
    struct node_list parameters = launch_tensors(launcher->arena, kernel);
    int64_t room = launcher->device ? device_l1_free(launcher->device) : architecture->l1_buffer_bytes, bytes;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node *share =
            tensor_l1_bytes(launcher->arena, architecture, node_as(parameters.items[i], parameter));
        if (!tensors[i]->tensor && size_evaluate(scratch, sizes, share, &bytes)) {
            room -= bytes;
        }
    }
    return !size_evaluate(scratch, sizes, buffers_l1_bytes(launcher->arena, kernel), &bytes) || bytes <= room;
}

/* The kernel, or what is launched in its place at such sizes. */
static struct launchable *choose_version(struct launcher *launcher, struct launchable *launchable,
                                         const struct environment *sizes, struct tensor_value **tensors) {
    struct unit *unit = launcher->run->unit;
    if (!attribute_get(launchable->kernel, KEY_TT_WHEN_FULL) ||
        fits_l1(launcher, launchable->kernel, sizes, tensors)) {
        return launchable;
    }
    if (!launchable->version) {
        struct node *version = unit_version(unit, launchable->kernel);
        launchable->version =
            version ? arena_copy(unit->arena, &(struct launchable){.kernel = version}, sizeof *launchable)
                    : launchable;
    }
    return launchable->version;
}

static bool run_launch(struct launcher *launcher, struct launchable *launchable, struct environment *sizes,
                       const struct scalar_list *scalars, struct tensor_value **tensors) {
    struct run *run = launcher->run;
    struct node *kernel = launchable->kernel;
    if (!bind_launch(launcher, kernel, sizes, tensors) || !set_results(launcher, kernel, sizes, tensors)) {
        return false;
    }
    launchable = choose_version(launcher, launchable, sizes, tensors);
    if (launchable->kernel != kernel && !sizes_hold(run->unit->diagnostics, sizes, launchable->kernel)) {
        return false;
    }
    kernel = launchable->kernel;
    if (!check_indices(launcher, kernel, sizes, tensors)) {
        return false;
    }
    struct launch_statistics *statistics = arena_allocate(run->unit->arena, sizeof *statistics);
    statistics->kernel = node_as(kernel, kernel)->name;
    if (unit_author_wrote_device_form(run->unit, statistics->kernel)) {
        launcher->authored = statistics->kernel;
    }
    *(run->last ? &run->last->next : &run->first) = statistics;
    run->last = statistics;
    bool empty = statistics->empty = writes_nothing(launcher, kernel, tensors);
    bool ok = empty ||
              (launcher->device ? launch_on_device(launcher, launchable, sizes, scalars, tensors, statistics)
                                : launch_on_evaluator(launcher, kernel, sizes, scalars, tensors));
    if (ok) {
        mark_written(launcher, kernel, tensors, empty);
    }
    return ok;
}

bool launcher_run(struct launcher *launcher, struct launchable *launchable, struct environment *sizes,
                  const struct scalar_list *scalars, struct tensor_value **tensors) {
    struct run *run = launcher->run;
    if (run->announce) {
        run->announce(node_as(launchable->kernel, kernel)->name, run->context);
    }
    launcher->arena = arena_create();
    diagnostics_tell(run->unit->diagnostics, node_as(launchable->kernel, kernel)->name);
    bool ok = run_launch(launcher, launchable, sizes, scalars, tensors);
    diagnostics_tell(run->unit->diagnostics, NULL);
    arena_free(launcher->arena);
    launcher->arena = NULL;
    return ok;
}

void launchable_release(struct launchable *launchable) {
    if (launchable->version && launchable->version != launchable) {
        launchable_release(launchable->version);
    }
    arena_free(launchable->arena);
    launchable->arena = NULL;
}

void launcher_release(struct launcher *launcher, struct tensor_value *value) {
    if (value->tensor) {
        device_tensor_free(launcher->device, value->tensor);
    }
    arena_free(value->arena);
    *value = (struct tensor_value){.array.name = value->array.name};
}
