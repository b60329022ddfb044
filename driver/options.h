/* The command line: one table of subcommands (commands.def), one of options (options.def); parsing, help,
 * suggestions, completion scripts and the manual page follow from them (command_tables.h).
 */
#ifndef TILEC_DRIVER_OPTIONS_H
#define TILEC_DRIVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codegen/emit.h"

struct arena;

enum exit_code {
#define EXIT_CODE(NAME, sentence) EXIT_##NAME,
#include "driver/exit_codes.def"
};

enum command {
#define COMMAND(name, NAME, arguments, summary, help) COMMAND_##NAME,
#include "driver/commands.def"
    COMMAND_COUNT
};

/* NAME=VALUE, in the order given. */
struct binding {
    const char *name, *value;
};
struct bindings {
    const struct binding *items;
    size_t count;
};

enum device_choice { DEVICE_CHOICE_SIM, DEVICE_CHOICE_EVAL };

struct settings {
    enum command command;
    const char *input;
    struct bindings in, out, set, defines;
    const char *directory;
    bool targets[TARGET_COUNT];
    const char *architecture;
    uint32_t grid_x, grid_y; /* 0: the product's */
    const char *kernel;
    enum device_choice device;
    uint64_t seed;
    bool stats;
    const char *after, *only, *from; /* "parse" or a pass; NULL: not given */
    bool plain, check_passes, explain, strict;
    const char *dump;
    bool colour;
    bool terminal; /* messages go to a terminal */
};

#define AFTER_PARSE "parse"

/* Parses a command line. EXIT_OK: *settings is ready. EXIT_USAGE: a message was printed to stderr. Help or
 * the version asked for by an option: printed to stdout, *done set. */
enum exit_code settings_parse(struct arena *arena, int argc, char **argv, struct settings *settings,
                              bool *done);

/* Help on a subcommand, NULL: on all; and the version. To stdout. */
enum exit_code print_help(struct arena *arena, const char *subcommand);
void print_version(void);

/* The completion script for a shell, NULL: for bash, to stdout. */
void print_completion(const char *shell);
bool completion_exists(const char *shell);

#endif
