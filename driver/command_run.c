/* The subcommand run: arrays in, the launches of a kernel or program, arrays and statistics out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "driver/named_files.h"
#include "driver/run.h"
#include "driver/session.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/file.h"

static const struct span no_place;

static const char *bound_to(const struct bindings *bindings, const char *name) {
    for (size_t i = 0; i < bindings->count; i++) {
        if (strcmp(bindings->items[i].name, name) == 0) {
            return bindings->items[i].value;
        }
    }
    return NULL;
}

/* "X: bf16[B, 64]" */
static const char *parameter_text(struct arena *arena, const struct node_parameter *parameter) {
    const char *text =
        arena_printf(arena, "%s: %s", parameter->name, word_text(WORDS_dtype, parameter->dtype));
    for (size_t i = 0; i < parameter->dimensions.count; i++) {
        text = arena_printf(arena, "%s%s%s", text, i ? ", " : "[",
                            node_text(arena, parameter->dimensions.items[i]));
    }
    return parameter->dimensions.count ? arena_printf(arena, "%s]", text) : text;
}

/* The options that give a parameter: "--in X=FILE.npy". */
static const char *options_text(struct arena *arena, const struct node_parameter *parameter) {
    const char *name = parameter->name;
    if (parameter->dimensions.count == 0) {
        return arena_printf(arena, "--set %s=VALUE%s", name, parameter->value ? " (has a default)" : "");
    }
    const char *in = arena_printf(arena, "--in %s=FILE.npy", name),
               *out = arena_printf(arena, "--out %s=FILE.npy", name);
    return parameter->direction == DIRECTION_IN    ? in
           : parameter->direction == DIRECTION_OUT ? out
                                                   : arena_printf(arena, "%s %s", in, out);
}

static void list_parameters(struct session *session, struct node *entry) {
    struct node_list parameters = launch_parameters(entry);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        report_help(session->unit.diagnostics, no_place, "  %-32s %s",
                    parameter_text(session->arena, parameter), options_text(session->arena, parameter));
    }
}

/* A parameter was given by an option of another kind. */
static void refuse_kind(struct session *session, const struct node_parameter *parameter, const char *option) {
    bool tensor = parameter->dimensions.count > 0, out = parameter->direction == DIRECTION_OUT;
    report_error(session->unit.diagnostics, parameter->base.span, "--%s %s: %s is %s, given by --%s %s=%s",
                 option, parameter->name, parameter->name,
                 !tensor ? "a scalar"
                 : out   ? "a result"
                         : "an input",
                 !tensor ? "set"
                 : out   ? "out"
                         : "in",
                 parameter->name, tensor ? "FILE.npy" : "VALUE");
}

/* Does a dimension of a parameter name it? */
static bool is_size(struct node_list parameters, const char *name) {
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        for (size_t j = 0; j < parameter->dimensions.count; j++) {
            if (mentions(parameter->dimensions.items[j], name)) {
                return true;
            }
        }
    }
    return false;
}

/* Every name of the bindings must be a parameter that the option suits. */
static bool check_names(struct session *session, struct node *entry, const struct bindings *bindings,
                        const char *option) {
    struct node_list parameters = launch_parameters(entry);
    const char **names = arena_allocate(session->arena, (parameters.count + 1) * sizeof *names);
    bool set = strcmp(option, "set") == 0, in = strcmp(option, "in") == 0, ok = true;
    const struct node_parameter *other = NULL;
    size_t count = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        bool tensor = parameter->dimensions.count > 0;
        bool suits = set ? !tensor : tensor && parameter->direction != (in ? DIRECTION_OUT : DIRECTION_IN);
        if (suits) {
            names[count++] = parameter->name;
        }
    }
    for (size_t i = 0; i < bindings->count; i++) {
        const char *name = bindings->items[i].name;
        size_t j = 0;
        while (j < count && strcmp(names[j], name) != 0) {
            j++;
        }
        if (j == count) {
            const char *nearest = suggest_nearest(name, names, count);
            for (size_t k = 0; k < parameters.count; k++) {
                const struct node_parameter *parameter = node_as(parameters.items[k], parameter);
                other = strcmp(parameter->name, name) == 0 ? parameter : other;
            }
            if (other) {
                refuse_kind(session, other, option);
                return false;
            }
            const char *fixed = bound_to(&session->settings->defines, name);
            if (fixed) {
                report_error(session->unit.diagnostics, entry->span, "--%s %s: -D %s=%s fixes it already",
                             option, name, name, fixed);
                return false;
            }
            report_error(session->unit.diagnostics, entry->span, "--%s %s: there is no such parameter",
                         option, name);
            if (is_size(parameters, name)) {
                report_help(session->unit.diagnostics, no_place,
                            "%s is a size, and follows from the shapes of the arrays", name);
            } else if (nearest) {
                report_help(session->unit.diagnostics, no_place, "did you mean '%s'?", nearest);
            }
            list_parameters(session, entry);
        }
        ok &= j < count;
    }
    return ok;
}

static bool load_array(struct session *session, const struct node_parameter *parameter, const char *path,
                       struct array *array) {
    struct diagnostics *diagnostics = session->unit.diagnostics;
    struct npy_array npy;
    struct npy_error npy_error;
    const char *error;
    size_t length;
    char *bytes = file_read_extent(session->arena, path, npy_file_extent, NULL, &length, &error);
    if (!bytes && strcmp(path, "-") == 0) {
        report_error(diagnostics, no_place, "--in %s=-: there is no file '-'; standard input is /dev/stdin",
                     parameter->name);
        return false;
    }
    if (!bytes) {
        report_error(diagnostics, parameter->base.span, "--in %s: %s", parameter->name, error);
        return false;
    }
    if (!npy_parse(bytes, length, &npy, &npy_error)) {
        report_error(diagnostics, parameter->base.span, "--in %s: cannot use '%s': %s", parameter->name, path,
                     npy_error.message);
        return false;
    }
    return array_from_npy(session->arena, diagnostics, parameter, path, &npy, array);
}

static bool load_arrays(struct session *session, struct node *entry, struct array *arrays) {
    const struct settings *settings = session->settings;
    struct node_list parameters = launch_parameters(entry);
    bool ok = check_names(session, entry, &settings->in, "in");
    ok = check_names(session, entry, &settings->out, "out") && ok;
    ok = check_names(session, entry, &settings->set, "set") && ok;
    bool missing = false;
    for (size_t i = 0, tensor = 0; ok && i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        struct array *array = &arrays[tensor++];
        const char *path = bound_to(&settings->in, parameter->name);
        if (parameter->direction != DIRECTION_OUT && path) {
            ok = load_array(session, parameter, path, array);
        } else if (parameter->direction != DIRECTION_OUT && !missing) {
            missing = true;
            report_error(session->unit.diagnostics, parameter->base.span, "the array of %s was not given",
                         parameter->name);
            list_parameters(session, entry);
        }
    }
    return ok && !missing;
}

static bool write_arrays(struct session *session, struct node *entry, const struct array *arrays) {
    const struct settings *settings = session->settings;
    struct node_list parameters = launch_parameters(entry);
    bool ok = true;
    for (size_t i = 0, tensor = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count == 0) {
            continue;
        }
        const struct array *array = &arrays[tensor++];
        const char *path = bound_to(&settings->out, parameter->name);
        if (path) {
            char header[NPY_HEADER_MAX];
            size_t length = npy_header(array_npy_type(array), array->rank, array->extents, header);
            const char *failure =
                file_write(session->arena, path, header, length, array->rows, array_bytes(array));
            if (failure) {
                report_error(session->unit.diagnostics, no_place, "--out %s: %s", parameter->name, failure);
                ok = false;
            }
        } else if (parameter->direction != DIRECTION_IN && settings->out.count == 0 && !settings->stats) {
            report_warning(session->unit.diagnostics, no_place,
                           "%s was computed and not written: give --out %s=FILE.npy", parameter->name,
                           parameter->name);
        }
    }
    return ok;
}

/* "24 read from DRAM, 8 from own L1, 12 written to DRAM"; "none" where nothing moved. */
static const char *pages_text(struct arena *arena, const struct device_pages *pages) {
    static const char *const places[DEVICE_PLACES] = {[DEVICE_AT_DRAM] = "DRAM",
                                                      [DEVICE_AT_OWN_L1] = "the core's own L1",
                                                      [DEVICE_AT_OTHER_L1] = "L1 of other cores"};
    const char *text = "";
    for (int written = 0; written < 2; written++) {
        const uint64_t *counts = written ? pages->written : pages->read;
        const char *word = written ? " written to" : " read from";
        for (int place = 0; place < DEVICE_PLACES; place++) {
            if (counts[place]) {
                text = arena_printf(arena, "%s%s%" PRIu64 "%s %s", text, *text ? ", " : "", counts[place],
                                    word, places[place]);
                word = written ? " to" : " from";
            }
        }
    }
    return *text ? text : "none";
}

static void print_statistics(struct arena *arena, const struct run *run) {
    const struct architecture *architecture = run->unit->options.architecture;
    for (const struct launch_statistics *s = run->first; s; s = s->next) {
        if (!s->measured) {
            printf("%s: %s\n", s->kernel,
                   s->empty ? "its results have no elements"
                            : "run by the evaluator, which measures nothing");
            continue;
        }
        printf("%s: %" PRIu64 " block%s on %u of %ux%u cores\n", s->kernel, s->blocks,
               s->blocks == 1 ? "" : "s", s->cores, s->grid_x, s->grid_y);
        printf("  L1 of a core   %" PRIu64 " of %u bytes in circular buffers", s->l1_bytes,
               architecture->l1_buffer_bytes);
        if (s->l1_tensor_bytes) {
            printf(", %" PRIu64 " in tensors", s->l1_tensor_bytes);
        }
        printf("\n");
        printf("  tiles          %s\n", pages_text(arena, &s->device.pages));
        for (size_t i = 0; i < s->tensor_count; i++) {
            const struct tensor_statistics *tensor = &s->tensors[i];
            bool renamed = strcmp(tensor->parameters, tensor->tensor) != 0;
            const char *name = arena_printf(arena, "%s%s%s", tensor->parameters, renamed ? " = " : "",
                                            renamed ? tensor->tensor : "");
            printf("    %-12s %s\n", name, pages_text(arena, &tensor->pages));
        }
        if (s->device.pages_sent) {
            printf("  multicast      %" PRIu64 " tiles sent, %" PRIu64 " received by other cores\n",
                   s->device.pages_sent, s->device.pages_received);
        }
        printf("  matrix unit    %" PRIu64 " tile products of 32x32x32\n", s->device.tile_products);
        printf("  vector unit    %" PRIu64 " operations\n", s->device.vector_operations);
        printf("  DST            %" PRIu64 " tiles unpacked, %" PRIu64 " packed\n", s->device.tiles_unpacked,
               s->device.tiles_packed);
        printf("  clock          about %" PRIu64 " cycles, %.1f us at %u MHz%s\n", s->device.cycles,
               (double)s->device.cycles / architecture->clock_mhz, architecture->clock_mhz,
               s->device.cycles == s->device.dram_cycles ? ": what DRAM takes for all tiles" : "");
    }
}

static void announce(const char *kernel, void *context) {
    struct session *session = context;
    progress(session->settings, arena_printf(session->arena, "running %s", kernel));
}

enum exit_code command_run(struct arena *arena, const struct settings *settings) {
    struct session session;
    struct run run = {.unit = &session.unit,
                      .device = settings->device,
                      .seed = settings->seed,
                      .announce = announce,
                      .context = &session};
    bool ok = session_open(&session, arena, settings);
    session.late_versions = true;
    ok = ok && session_passes(&session, NULL);
    struct node *entry = ok ? unit_entry(&session.unit) : NULL;
    if (entry) {
        struct run_scalar *scalars = arena_allocate(arena, (settings->set.count + 1) * sizeof *scalars);
        for (size_t i = 0; i < settings->set.count; i++) {
            scalars[i] = (struct run_scalar){settings->set.items[i].name, settings->set.items[i].value};
        }
        run.scalars = scalars;
        run.scalar_count = settings->set.count;
        struct array *arrays = arena_allocate(arena, (launch_parameters(entry).count + 1) * sizeof *arrays);
        ok = load_arrays(&session, entry, arrays) && named_files_check(&session, entry) &&
             run_entry(&run, entry, arrays) && session_is_sound(&session) &&
             write_arrays(&session, entry, arrays);
        if (ok && settings->stats) {
            print_statistics(arena, &run);
        }
    }
    enum exit_code code = session_finish(&session, SEVERITY_WARNING, run.fault);
    return code == EXIT_OK && !(ok && entry) ? EXIT_USER_ERROR : code;
}
