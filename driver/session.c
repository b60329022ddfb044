/* A subcommand's work around a unit: loading, passes with progress and dumps, messages, and the exit code. */
#include "driver/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "driver/named_files.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/file.h"

/* ---- progress ---- */

static char activity[160];
static volatile sig_atomic_t activity_length;

static void show_activity(int signal) {
    (void)signal;
    int saved = errno;
    ssize_t ignored = write(STDERR_FILENO, activity, (size_t)activity_length);
    (void)ignored;
    errno = saved;
}

void progress(const struct settings *settings, const char *what) {
    struct itimerval timer = {0};
    if (!settings->terminal) {
        return;
    }
    setitimer(ITIMER_REAL, &timer, NULL);
    if (!what) {
        return;
    }
    int length = snprintf(activity, sizeof activity, "tilec: %s ...\n", what);
    activity_length = length < (int)sizeof activity ? length : (int)sizeof activity - 1;
    struct sigaction action = {.sa_handler = show_activity, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    timer.it_value.tv_sec = 1;
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- messages ---- */

void print_error(const struct settings *settings, const char *message) {
    fprintf(stderr, "%serror:%s %s\n", settings->colour ? "\033[1;31m" : "",
            settings->colour ? "\033[0m" : "", message);
}

/* ---- dumps ---- */

static struct node *module_of(struct session *session, struct node *kernel) {
    struct node_module *module = node_as(session->unit.module, module);
    return node_new(session->arena, module, MODULE, module->base.span, .source = module->source,
                    .items = LIST(session->arena, kernel));
}

static void observe(const struct pass *pass, const struct compilation *compilation, bool changed,
                    double seconds, void *context) {
    struct session *session = context;
    (void)changed;
    (void)seconds;
    builder_add(session->arena, &session->dumps,
                module_of(session, node_copy(session->arena, compilation->kernel)));
    const char **names = arena_allocate(session->arena, session->dumps.count * sizeof *names);
    if (session->dump_count) {
        memcpy(names, session->dump_names, session->dump_count * sizeof *names);
    }
    names[session->dump_count++] =
        arena_printf(session->arena, "%s/%02d_%s.ir", node_as(compilation->kernel, kernel)->name,
                     (int)(pass - passes) + 1, pass->name);
    session->dump_names = names;
}

static bool write_dumps(struct session *session) {
    struct output_file *files = arena_allocate(session->arena, (session->dump_count + 1) * sizeof *files);
    for (size_t i = 0; i < session->dump_count; i++) {
        struct text_buffer text = {0};
        node_print(session->dumps.items[i], PRINT_SPANS, &text);
        files[i] = (struct output_file){.path = session->dump_names[i],
                                        .bytes = arena_string(session->arena, text_string(&text)),
                                        .length = text.length,
                                        .mark = "source \""};
        text_free(&text);
    }
    const char *directory = session->settings->dump;
    const char *failure = named_files_hit(session, directory, files, session->dump_count);
    failure = failure ? failure : directory_write(session->arena, directory, files, session->dump_count);
    if (failure) {
        print_error(session->settings, failure);
    }
    return !failure;
}

/* The IR at a fault of tilec, into a file that a report can carry: what a broken pass left, or all kernels as
 * they were run. */
static void dump_fault(struct session *session) {
    const struct unit *unit = &session->unit;
    const char *directory = getenv("TMPDIR");
    const char *path = arena_printf(session->arena, "%s/tilec-fault-%ld.ir",
                                    directory && *directory ? directory : "/tmp", (long)getpid());
    struct text_buffer text = {0};
    node_print(unit->broken ? module_of(session, unit->broken_kernel) : unit->module, PRINT_SPANS, &text);
    const char *failure = file_write(session->arena, path, text_string(&text), text.length, NULL, 0);
    fprintf(stderr, "tilec: this is a fault of tilec%s%s. %s%s; please report it with the source file.\n",
            unit->broken ? ", in " : "", unit->broken ? unit->broken : "",
            failure ? failure : "The IR is in ", failure ? "" : path);
    text_free(&text);
}

/* ---- compiling ---- */

/* A source is read up to its first NUL byte and its limit: an endless device ends there. */
static size_t source_extent(const char *bytes, size_t have, void *context) {
    size_t *judged = context;
    bool zero = memchr(bytes + *judged, 0, have - *judged) != NULL;
    *judged = have;
    return zero ? 0 : (size_t)SOURCE_LIMIT + 1;
}

/* -D NAME=VALUE */
static void read_defines(struct session *session, struct unit_options *options) {
    const struct bindings *given = &session->settings->defines;
    struct define *defines = arena_allocate(session->arena, (given->count + 1) * sizeof *defines);
    for (size_t i = 0; i < given->count; i++) {
        defines[i] = (struct define){given->items[i].name, strtoll(given->items[i].value, NULL, 10)};
    }
    options->defines = defines;
    options->define_count = given->count;
}

bool session_open(struct session *session, struct arena *arena, const struct settings *settings) {
    *session = (struct session){.settings = settings, .arena = arena};
    session->unit = (struct unit){.arena = arena, .diagnostics = diagnostics_create(arena)};
    const char *error;
    size_t judged = 0;
    bool standard_input = strcmp(settings->input, "-") == 0;
    session->path = standard_input ? "<stdin>" : settings->input;
    session->text = file_read_extent(arena, standard_input ? "/dev/stdin" : settings->input, source_extent,
                                     &judged, &session->length, &error);
    if (!session->text) {
        print_error(settings, standard_input ? "cannot read standard input" : error);
    }
    return session->text != NULL;
}

bool session_is_sound(struct session *session) {
    if (session->settings->strict) {
        diagnostics_promote_warnings(session->unit.diagnostics);
    }
    return session->unit.diagnostics->error_count == 0;
}

bool session_passes(struct session *session, const char *last) {
    const struct settings *settings = session->settings;
    struct unit_options *options = &session->unit.options;
    *options = (struct unit_options){.architecture = architecture_find(settings->architecture),
                                     .grid_x = settings->grid_x,
                                     .grid_y = settings->grid_y,
                                     .kernel = settings->kernel,
                                     .from = settings->from,
                                     .last = last,
                                     .only = settings->only,
                                     .check_passes = settings->check_passes,
                                     .keep_tile_forms = settings->device == DEVICE_CHOICE_EVAL,
                                     .late_versions = session->late_versions,
                                     .rehearse = session->rehearse,
                                     .explanations = settings->explain ? &session->explanations : NULL,
                                     .observe = settings->dump ? observe : NULL,
                                     .context = session};
    session->explanations = (struct explanations){.arena = session->arena};
    progress(settings, arena_printf(session->arena, "compiling %s", settings->input));
    read_defines(session, options);
    bool ok = unit_load(&session->unit, session->path, session->text, session->length) &&
              unit_compile(&session->unit);
    progress(settings, NULL);
    return ok && session_is_sound(session);
}

bool session_compile(struct session *session, struct arena *arena, const struct settings *settings,
                     const char *last) {
    return session_open(session, arena, settings) && session_passes(session, last);
}

enum exit_code session_finish(struct session *session, enum severity least, bool fault) {
    struct diagnostics *diagnostics = session->unit.diagnostics;
    struct text_buffer text = {0};
    progress(session->settings, NULL);
    session_is_sound(session);
    diagnostics_print(diagnostics, least, session->settings->colour, &text);
    fputs(text_string(&text), stderr);
    text_free(&text);
    bool dumped = !session->settings->dump || session->dump_count == 0 || write_dumps(session);
    if (session->unit.broken || (fault && diagnostics->error_count > 0)) {
        dump_fault(session);
        return EXIT_INTERNAL;
    }
    if (diagnostics->error_count > 0) {
        return EXIT_USER_ERROR;
    }
    return dumped ? EXIT_OK : EXIT_USER_ERROR;
}
