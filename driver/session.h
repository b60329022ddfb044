/* What the subcommands share: a unit loaded from the file of the command line, its messages, dumps, progress
 * and exit code. */
#ifndef TILEC_DRIVER_SESSION_H
#define TILEC_DRIVER_SESSION_H

#include "driver/compile.h"
#include "driver/options.h"
#include "support/explanation.h"
#include "support/text_buffer.h"

struct session {
    const struct settings *settings;
    struct arena *arena;
    const char *path, *text; /* of the file as it was read; text NULL: it could not be */
    size_t length;
    struct unit unit;
    enum rehearse rehearse;
    bool late_versions;               /* as in unit_options */
    struct explanations explanations; /* with --explain */
    struct list_builder dumps;        /* modules of one kernel, as each pass left them */
    const char **dump_names;
    size_t dump_count;
};

/* Reads the file of the command line; false after a printed error. */
bool session_open(struct session *session, struct arena *arena, const struct settings *settings);
/* Compiles the text that was read, as session_compile does. */
bool session_passes(struct session *session, const char *last);

/* Reads the file and compiles it up to `last` (NULL: all passes). False: session_finish gives the exit code.
 */
bool session_compile(struct session *session, struct arena *arena, const struct settings *settings,
                     const char *last);

/* Under --strict warnings become errors; false where there are errors then. */
bool session_is_sound(struct session *session);

/* Prints the diagnostics of at least this severity to stderr, and writes dumps. The result is the exit code;
 * fault: the errors are tilec's. */
enum exit_code session_finish(struct session *session, enum severity least, bool fault);

/* Says on a terminal, once a second has passed, what is going on; what NULL: nothing more. */
void progress(const struct settings *settings, const char *what);

/* Prints an error that has no diagnostic, as "error: ...". */
void print_error(const struct settings *settings, const char *message);

/* Is the text that was read JSON, so a plan? */
bool session_has_plan(const struct session *session);
/* `check` of a plan.json. */
enum exit_code check_plan(struct session *session);

/* The subcommands; the result is the exit code. */
enum exit_code command_run(struct arena *arena, const struct settings *settings);
enum exit_code command_build(struct arena *arena, const struct settings *settings);
enum exit_code command_check(struct arena *arena, const struct settings *settings);
enum exit_code command_ir(struct arena *arena, const struct settings *settings);
enum exit_code command_report(struct arena *arena, const struct settings *settings);
enum exit_code command_passes(struct arena *arena, const struct settings *settings);
enum exit_code command_completion(struct arena *arena, const struct settings *settings);
enum exit_code command_help(struct arena *arena, const struct settings *settings);
enum exit_code command_version(struct arena *arena, const struct settings *settings);

#endif
