/* From the words of a command line to its subcommand, with one arena for all. */
#include "driver/command_line.h"

#include <stdio.h>

#include "driver/session.h"
#include "support/arena.h"
#include "support/file.h"

typedef enum exit_code subcommand(struct arena *arena, const struct settings *settings);

static subcommand *const subcommands[] = {
#define COMMAND(name, NAME, arguments, summary, help) [COMMAND_##NAME] = command_##name,
#include "driver/commands.def"
};

int command_line(int argc, char **argv) {
    struct arena *arena = arena_create();
    struct settings settings;
    bool done;
    enum exit_code code = settings_parse(arena, argc, argv, &settings, &done);
    if (code == EXIT_OK && !done) {
        code = subcommands[settings.command](arena, &settings);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "error: cannot write to standard output\n");
        code = code == EXIT_OK ? EXIT_USER_ERROR : code;
    }
    arena_free(arena);
    return (int)code;
}
