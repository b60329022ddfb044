/* The subcommand build: compiles, emits, and writes all files of the output folder at once. */
#include "driver/named_files.h"
#include "driver/outputs.h"
#include "driver/session.h"
#include "support/arena.h"

enum exit_code command_build(struct arena *arena, const struct settings *settings) {
    struct session session;
    struct emission emission;
    bool ok = session_compile(&session, arena, settings, NULL), fault = false;
    if (ok) {
        ok = module_emit(arena, session.unit.diagnostics, session.unit.module, &emission);
        fault = !ok;
    }
    if (ok) {
        struct outputs outputs = outputs_of(arena, &emission, settings->targets);
        const char *failure = named_files_hit(&session, settings->directory, outputs.files, outputs.total);
        failure =
            failure ? failure : directory_write(arena, settings->directory, outputs.files, outputs.total);
        if (failure) {
            print_error(settings, failure);
            ok = false;
        }
    }
    enum exit_code code = session_finish(&session, SEVERITY_WARNING, fault);
    return code == EXIT_OK && !ok ? EXIT_USER_ERROR : code;
}
