/* The subcommand build: compiles, emits, and writes all files of the output folder at once. */
#include "driver/named_files.h"
#include "driver/outputs.h"
#include "driver/session.h"
#include "support/arena.h"

/* A build on its way to its directory. */
struct build {
    struct session *session;
    struct directory_writer *writer;
    const char *failure;
};

static bool add_files(struct build *build, struct outputs outputs) {
    const struct settings *settings = build->session->settings;
    build->failure = named_files_hit(build->session, settings->directory, outputs.files, outputs.total);
    for (size_t i = 0; i < outputs.total && !build->failure; i++) {
        build->failure = directory_add(build->writer, &outputs.files[i]);
    }
    return !build->failure;
}

static bool add_kernel(const struct emitted_kernel *kernel, void *context) {
    struct build *build = context;
    struct arena *arena = arena_create();
    bool ok = add_files(build, outputs_of_kernel(arena, kernel, build->session->settings->targets));
    arena_free(arena);
    return ok;
}

/* Emits kernel by kernel, each written to the stage before the next. False: build->failure says why, or a fault
 * of tilec was reported. */
static bool write_build(struct build *build) {
    struct session *session = build->session;
    struct emission emission;
    build->writer = directory_open(session->arena, session->settings->directory, &build->failure);
    if (!build->writer) {
        return false;
    }
    if (module_emit_each(session->arena, session->unit.diagnostics, session->unit.module, add_kernel, build,
                         &emission) &&
        add_files(build, outputs_of(session->arena, &emission, session->settings->targets))) {
        build->failure = directory_commit(build->writer);
        return !build->failure;
    }
    directory_abandon(build->writer);
    return false;
}

enum exit_code command_build(struct arena *arena, const struct settings *settings) {
    struct session session;
    struct build build = {.session = &session};
    bool ok = session_compile(&session, arena, settings, NULL), fault = false;
    if (ok) {
        ok = write_build(&build);
        fault = !ok && !build.failure;
    }
    if (build.failure) {
        print_error(settings, build.failure);
    }
    enum exit_code code = session_finish(&session, SEVERITY_WARNING, fault);
    return code == EXIT_OK && !ok ? EXIT_USER_ERROR : code;
}
