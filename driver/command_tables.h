/* The tables of the command line as rows: for its parser, and for all that is printed from them (help,
 * completion scripts, the manual page). Each file that includes this has rows of its own. */
#ifndef TILEC_DRIVER_COMMAND_TABLES_H
#define TILEC_DRIVER_COMMAND_TABLES_H

#include "driver/options.h"

static const struct {
    const char *name, *arguments, *summary, *help;
} commands[] = {
#define COMMAND(name, NAME, arguments, summary, help) {#name, arguments, summary, help},
#include "driver/commands.def"
};

enum option_id {
#define OPTION(NAME, name, letter, argument, commands, help) OPTION_##NAME,
#include "driver/options.def"
    OPTION_COUNT
};

static const struct {
    const char *name;
    int letter;           /* 0: none */
    const char *argument; /* NULL: it takes none */
    unsigned commands;    /* that have it, by bits */
    const char *help;
} options[] = {
#define ON(NAME) (1u << COMMAND_##NAME)
#define OPTION(NAME, name, letter, argument, commands, help) {name, letter, argument, commands, help},
#include "driver/options.def"
#undef ON
};

static const char *const exit_codes[] = {
#define EXIT_CODE(NAME, sentence) sentence,
#include "driver/exit_codes.def"
};

#endif
