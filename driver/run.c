/* An entry point is run: sizes and scalars are bound, then a kernel or the launches of a program in order. */
#include "driver/run.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/nearby.h"
#include "driver/placement.h"
#include "driver/program.h"
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
            scalar_list_add(scalars, parameter->name, real);
        } else {
            integer = text ? 0 : (int64_t)fallback;
            ok &= !text || read_integer(run, parameter, text, &integer);
            environment_set(sizes, parameter->name, integer);
        }
    }
    return ok;
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
                             i + 1, parameter->name, array->extents[i]);
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
    struct scalar_list scalars = {.arena = arena};
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
            values[count].arena = arena;
            values[count].given = parameter->direction != DIRECTION_OUT;
            pointers[count] = &values[count];
            count++;
        }
    }
    struct launcher launcher;
    struct launchable alone = {.kernel = entry};
    if (!launcher_open(&launcher, run)) {
        return false;
    }
    bool ok = entry->kind == NODE_PROGRAM ? program_launch(&launcher, entry, &sizes, &scalars, values, count)
                                          : launcher_run(&launcher, &alone, &sizes, &scalars, pointers);
    launchable_release(&alone);
    for (size_t i = 0; i < count && ok; i++) {
        launcher_fetch(&values[i]);
        arrays[i] = values[i].array;
    }
    launcher_close(&launcher);
    return ok;
}
