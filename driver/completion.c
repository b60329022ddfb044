/* Completion scripts for bash, zsh and fish, printed from the tables of subcommands and options. */
#include <stdio.h>
#include <string.h>

#include "driver/command_tables.h"
#include "support/architecture.h"
#include "transforms/pass.h"

/* ---- values ---- */

enum values {
    VALUES_NONE,
    VALUES_WORDS,
    VALUES_PASSES,
    VALUES_PRODUCTS,
    VALUES_DIRECTORIES,
    VALUES_FILES,
    VALUES_FREE
};

/* What can stand behind an option, by the word that its help has for it. */
static enum values values_of(size_t option) {
    const char *argument = options[option].argument;
    return !argument                                   ? VALUES_NONE
           : strchr(argument, '|')                     ? VALUES_WORDS
           : strcmp(argument, "PASS") == 0             ? VALUES_PASSES
           : strcmp(argument, "DIR") == 0              ? VALUES_DIRECTORIES
           : strstr(argument, "FILE")                  ? VALUES_FILES
           : strcmp(options[option].name, "arch") == 0 ? VALUES_PRODUCTS
                                                       : VALUES_FREE;
}

static bool has_words(enum values values) {
    return values == VALUES_WORDS || values == VALUES_PASSES || values == VALUES_PRODUCTS;
}

/* "sim eval"; the words of a text with bars between them. */
static void print_words(const char *argument) {
    for (const char *at = argument; *at; at++) {
        putchar(*at == '|' ? ' ' : *at);
    }
}

static void print_values(size_t option) {
    enum values values = values_of(option);
    if (values == VALUES_WORDS) {
        print_words(options[option].argument);
    }
    if (values == VALUES_PASSES) {
        printf(AFTER_PARSE);
    }
    for (size_t i = 0; values == VALUES_PASSES && i < pass_count; i++) {
        printf(" %s", passes[i].name);
    }
    for (size_t i = 0; values == VALUES_PRODUCTS && architecture_name(i); i++) {
        printf("%s%s", i ? " " : "", architecture_name(i));
    }
}

static void print_commands(void) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("%s%s", i ? " " : "", commands[i].name);
    }
}

/* What stands behind a subcommand that takes no file: "[bash|zsh|fish]" gives words, "[SUBCOMMAND]" the
 * subcommands. */
static void print_subjects(size_t command) {
    const char *arguments = commands[command].arguments, *bar = strchr(arguments, '|');
    if (bar) {
        char words[64];
        snprintf(words, sizeof words, "%s", arguments + 1);
        words[strcspn(words, "]")] = 0;
        print_words(words);
    } else if (strstr(arguments, "SUBCOMMAND")) {
        print_commands();
    }
}

static bool takes_file(size_t command) {
    return strstr(commands[command].arguments, "FILE") != NULL;
}

/* Text within single quotes; a character of `special` gets a backslash. */
static void print_quoted(const char *text, const char *special, const char *quote) {
    for (; *text; text++) {
        if (*text == '\'') {
            fputs(quote, stdout);
        } else {
            printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
        }
    }
}

/* ---- bash ---- */

static void print_bash_option(size_t option) {
    enum values values = values_of(option);
    if (!has_words(values) && values != VALUES_DIRECTORIES) {
        return;
    }
    printf("    --%s", options[option].name);
    if (options[option].letter) {
        printf("|-%c", options[option].letter);
    }
    printf(") COMPREPLY=($(compgen ");
    if (values == VALUES_DIRECTORIES) {
        printf("-d");
    } else {
        printf("-W \"");
        print_values(option);
        printf("\"");
    }
    printf(" -- \"$word\")); return ;;\n");
}

static void print_bash_command(size_t command) {
    printf("        %s) COMPREPLY=($(compgen -W \"", commands[command].name);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].commands & 1u << command) {
            printf("--%s ", options[i].name);
        }
    }
    printf("\" -- \"$word\")) ;;\n");
}

static void print_bash(void) {
    printf("_tilec()\n{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W \"");
    print_commands();
    printf("\" -- \"$word\"))\n        return\n    fi\n    case $last in\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        print_bash_option(i);
    }
    printf("    esac\n    case $word in\n    -*) case ${COMP_WORDS[1]} in\n");
    for (size_t command = 0; command < COMMAND_COUNT; command++) {
        print_bash_command(command);
    }
    printf("        esac ;;\n    *) case ${COMP_WORDS[1]} in\n");
    for (size_t command = 0; command < COMMAND_COUNT; command++) {
        if (!takes_file(command)) {
            printf("        %s) COMPREPLY=($(compgen -W \"", commands[command].name);
            print_subjects(command);
            printf("\" -- \"$word\")) ;;\n");
        }
    }
    printf(
        "        *) COMPREPLY=($(compgen -f -X '!*.@(tl|ir|npy|json)' -- \"$word\") $(compgen -d -- \"$word\")) ;;\n"
        "        esac ;;\n    esac\n}\nshopt -s extglob\ncomplete -o filenames -F _tilec tilec\n");
}

/* ---- zsh ---- */

static void print_zsh_option(size_t option) {
    static const char special[] = "[]:\\", quote[] = "'\\''";
    enum values values = values_of(option);
    const char *argument = options[option].argument;
    printf(" \\\n            '*'");
    if (options[option].letter) {
        printf("{-%c%s,--%s%s}", options[option].letter, argument ? "+" : "", options[option].name,
               argument ? "=" : "");
    } else {
        printf("--%s%s", options[option].name, argument ? "=" : "");
    }
    printf("'[");
    print_quoted(options[option].help, special, quote);
    printf("]");
    if (argument) {
        printf(":");
        print_quoted(argument, special, quote);
        printf(":%s", values == VALUES_DIRECTORIES ? "_files -/" : values == VALUES_FILES ? "_files" : "");
    }
    if (has_words(values)) {
        printf("(");
        print_values(option);
        printf(")");
    }
    printf("'");
}

static void print_zsh(void) {
    printf("#compdef tilec\n\n_tilec() {\n    local -a subcommands\n    subcommands=(\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("        '%s:", commands[i].name);
        print_quoted(commands[i].summary, ":\\", "'\\''");
        printf("'\n");
    }
    printf(
        "    )\n    if (( CURRENT == 2 )); then\n        _describe subcommand subcommands\n        return\n    fi\n"
        "    shift words\n    (( CURRENT-- ))\n    case $words[1] in\n");
    for (size_t command = 0; command < COMMAND_COUNT; command++) {
        printf("    %s)\n        _arguments", commands[command].name);
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            if (options[i].commands & 1u << command) {
                print_zsh_option(i);
            }
        }
        if (takes_file(command)) {
            printf(" \\\n            ':FILE:_files -g \"*.(tl|ir|json)\"'");
        } else if (*commands[command].arguments) {
            printf(" \\\n            ':subject:(");
            print_subjects(command);
            printf(")'");
        }
        printf("\n        ;;\n");
    }
    printf(
        "    esac\n}\n\nif [ \"$funcstack[1]\" = _tilec ]; then\n    _tilec \"$@\"\nelse\n    compdef _tilec tilec\nfi\n");
}

/* ---- fish ---- */

static void print_fish_option(size_t option) {
    enum values values = values_of(option);
    printf("complete -c tilec -n '__fish_seen_subcommand_from");
    for (size_t command = 0; command < COMMAND_COUNT; command++) {
        if (options[option].commands & 1u << command) {
            printf(" %s", commands[command].name);
        }
    }
    printf("' -l %s", options[option].name);
    if (options[option].letter) {
        printf(" -s %c", options[option].letter);
    }
    if (has_words(values)) {
        printf(" -x -a '");
        print_values(option);
        printf("'");
    } else {
        printf("%s", values == VALUES_DIRECTORIES ? " -x -a '(__fish_complete_directories)'"
                     : values == VALUES_FILES     ? " -r"
                     : values == VALUES_FREE      ? " -x"
                                                  : "");
    }
    printf(" -d '");
    print_quoted(options[option].help, "\\", "\\'");
    printf("'\n");
}

static void print_fish(void) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("complete -c tilec -n __fish_use_subcommand -f -a %s -d '", commands[i].name);
        print_quoted(commands[i].summary, "\\", "\\'");
        printf("'\n");
        if (!takes_file(i)) {
            printf("complete -c tilec -n '__fish_seen_subcommand_from %s' -f -a '", commands[i].name);
            print_subjects(i);
            printf("'\n");
        }
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        print_fish_option(i);
    }
}

/* ---- shells ---- */

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

enum { SHELLS = sizeof shells / sizeof *shells };

/* The row of a shell; SHELLS: there is none. */
static size_t find_shell(const char *shell) {
    size_t i = 0;
    while (i < SHELLS && strcmp(shells[i].name, shell) != 0) {
        i++;
    }
    return i;
}

bool completion_exists(const char *shell) {
    return find_shell(shell) < SHELLS;
}

void print_completion(const char *shell) {
    size_t row = shell ? find_shell(shell) : 0;
    if (row < SHELLS) {
        shells[row].print();
    }
}
