/* Command lines read by the tables of subcommands and options; help and suggestions printed from them. */
#include "driver/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/command_tables.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/diagnostic.h"
#include "transforms/pass.h"

/* Values of getopt_long for options, beyond all letters. */
enum { LONG_BASE = 256 };

static void print_overview(FILE *out) {
    fprintf(out, "tilec compiles tile kernels (.tl) for Tensix grids and runs them on an embedded device.\n\n"
                 "usage: tilec SUBCOMMAND [OPTIONS] [FILE]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-12s%s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\nExit codes:\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
        fprintf(out, "  %zu  %s\n", i, exit_codes[i]);
    }
    fprintf(out, "\nExamples:\n"
                 "  tilec run matmul.tl --in A=a.npy --in B=b.npy --in bias=v.npy --out C=c.npy\n"
                 "  tilec build matmul.tl -o out\n"
                 "  tilec ir matmul.tl --after tensorize_tt\n\n"
                 "`tilec SUBCOMMAND --help` explains one of them. FILE may be `-`: standard input.\n");
}

static void print_subcommand(enum command command) {
    printf("usage: tilec %s [OPTIONS]%s%s\n\n%s\nOptions:\n", commands[command].name,
           *commands[command].arguments ? " " : "", commands[command].arguments, commands[command].help);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!(options[i].commands & 1u << command)) {
            continue;
        }
        char letter[8] = "    ", left[64];
        if (options[i].letter) {
            snprintf(letter, sizeof letter, "-%c, ", options[i].letter);
        }
        snprintf(left, sizeof left, "%s--%s%s%s", letter, options[i].name, options[i].argument ? " " : "",
                 options[i].argument ? options[i].argument : "");
        printf("  %-29s %s\n", left, options[i].help);
    }
}

static enum exit_code usage(const struct settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints a usage error, and where help is. */
static enum exit_code usage(const struct settings *settings, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "tilec: error: ");
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    const char *command =
        settings && settings->command < COMMAND_COUNT ? commands[settings->command].name : NULL;
    fprintf(stderr, "\ntilec: help: `tilec%s%s --help` shows what there is\n", command ? " " : "",
            command ? command : "");
    return EXIT_USAGE;
}

/* "; did you mean 'x'?" or an empty text. */
static const char *suggestion(struct arena *arena, const char *prefix, const char *word,
                              const char *const *candidates, size_t count) {
    const char *nearest = suggest_nearest(word, candidates, count);
    return nearest ? arena_printf(arena, "; did you mean '%s%s'?", prefix, nearest) : "";
}

static enum exit_code unknown_option(struct arena *arena, const struct settings *settings, const char *text) {
    const char *names[OPTION_COUNT];
    size_t count = 0;
    const char *word = text + strspn(text, "-");
    char *name = arena_string_range(arena, word, strcspn(word, "="));
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].commands & 1u << settings->command) {
            names[count++] = options[i].name;
        } else if (strcmp(options[i].name, name) == 0) {
            return usage(settings, "'tilec %s' has no option '--%s'", commands[settings->command].name, name);
        }
    }
    return usage(settings, "unknown option '%s'%s", text, suggestion(arena, "--", name, names, count));
}

/* NAME=VALUE of an option that takes each name once. */
static enum exit_code append_binding(struct arena *arena, const struct settings *settings,
                                     enum option_id option, struct bindings *bindings, const char *text) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) {
        return usage(settings, "--%s: '%s' is not of the form %s", options[option].name, text,
                     options[option].argument);
    }
    size_t length = (size_t)(equals - text);
    for (size_t i = 0; i < bindings->count; i++) {
        if (strlen(bindings->items[i].name) == length && memcmp(bindings->items[i].name, text, length) == 0) {
            return usage(settings, "--%s: %s was given twice", options[option].name, bindings->items[i].name);
        }
    }
    struct binding *items = arena_allocate(arena, (bindings->count + 1) * sizeof *items);
    if (bindings->count) {
        memcpy(items, bindings->items, bindings->count * sizeof *items);
    }
    items[bindings->count].name = arena_string_range(arena, text, (size_t)(equals - text));
    items[bindings->count].value = equals + 1;
    bindings->items = items;
    bindings->count++;
    return EXIT_OK;
}

static bool parse_number(const char *text, uint64_t limit, uint64_t *value, const char **end) {
    if (!isdigit((unsigned char)*text)) {
        return false;
    }
    char *stop;
    errno = 0;
    *value = strtoull(text, &stop, 10);
    *end = stop;
    return errno == 0 && *value <= limit;
}

static bool parse_grid(const char *text, struct settings *settings) {
    uint64_t x, y;
    const char *end;
    if (!parse_number(text, UINT32_MAX, &x, &end) || *end != 'x' ||
        !parse_number(end + 1, UINT32_MAX, &y, &end) || *end || !x || !y) {
        return false;
    }
    settings->grid_x = (uint32_t)x;
    settings->grid_y = (uint32_t)y;
    return true;
}

static enum exit_code one_of(struct arena *arena, const struct settings *settings, const char *option,
                             const char *value, const char *const *words, size_t count, size_t *index) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], value) == 0) {
            *index = i;
            return EXIT_OK;
        }
    }
    const char *list = "";
    for (size_t i = 0; i < count; i++) {
        list = arena_printf(arena, "%s%s%s", list, i ? ", " : "", words[i]);
    }
    return usage(settings, "--%s: unknown '%s'%s (one of %s)", option, value,
                 suggestion(arena, "", value, words, count), list);
}

static enum exit_code choose_pass(struct arena *arena, const struct settings *settings, const char *option,
                                  const char *value, bool parse, const char **pass) {
    const char **names = arena_allocate(arena, (pass_count + 1) * sizeof *names);
    size_t count = 0;
    if (parse) {
        names[count++] = AFTER_PARSE;
    }
    for (size_t i = 0; i < pass_count; i++) {
        names[count++] = passes[i].name;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], value) == 0) {
            *pass = names[i];
            return EXIT_OK;
        }
    }
    return usage(settings, "--%s: there is no pass '%s'%s (`tilec passes` lists them)", option, value,
                 suggestion(arena, "", value, names, count));
}

static enum exit_code choose_architecture(struct arena *arena, struct settings *settings, const char *value) {
    const char *names[64];
    size_t count = 0;
    while (count < 64 && architecture_name(count)) {
        names[count] = architecture_name(count);
        count++;
    }
    size_t index;
    settings->architecture = value;
    return one_of(arena, settings, "arch", value, names, count, &index);
}

static enum exit_code apply_words(struct arena *arena, struct settings *settings, enum option_id option,
                                  const char *value) {
    static const char *const devices[] = {"sim", "eval"}, *const targets[] = {"c", "metalium", "all"},
                             *const colours[] = {"auto", "always", "never"};
    size_t index = 0;
    enum exit_code code;
    if (option == OPTION_DEVICE) {
        code = one_of(arena, settings, "device", value, devices, 2, &index);
        settings->device = (enum device_choice)index;
        return code;
    }
    if (option == OPTION_TARGET) {
        code = one_of(arena, settings, "target", value, targets, 3, &index);
        settings->targets[TARGET_C] = index != TARGET_METALIUM;
        settings->targets[TARGET_METALIUM] = index != TARGET_C;
        return code;
    }
    code = one_of(arena, settings, "color", value, colours, 3, &index);
    settings->colour = index == 1 || (index == 0 && settings->colour);
    return code;
}

/* -D NAME=VALUE: a whole number of 32 bits. */
static enum exit_code append_define(struct arena *arena, struct settings *settings, const char *text) {
    enum exit_code code = append_binding(arena, settings, OPTION_DEFINE, &settings->defines, text);
    if (code != EXIT_OK) {
        return code;
    }
    const char *value = settings->defines.items[settings->defines.count - 1].value;
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    bool digits = isdigit((unsigned char)value[*value == '-']);
    if (!digits || *end || errno || number < INT32_MIN || number > INT32_MAX) {
        return usage(settings, "--define: '%s': the value is no whole number from -2^31 to 2^31 - 1", text);
    }
    return EXIT_OK;
}

static enum exit_code apply(struct arena *arena, struct settings *settings, enum option_id option,
                            const char *value) {
    const char *end;
    bool ok = true;
    switch (option) {
    case OPTION_IN:
        return append_binding(arena, settings, option, &settings->in, value);
    case OPTION_OUT:
        return append_binding(arena, settings, option, &settings->out, value);
    case OPTION_SET:
        return append_binding(arena, settings, option, &settings->set, value);
    case OPTION_DEFINE:
        return append_define(arena, settings, value);
    case OPTION_DIRECTORY:
        settings->directory = value;
        ok = *value;
        break;
    case OPTION_ARCH:
        return choose_architecture(arena, settings, value);
    case OPTION_GRID:
        ok = parse_grid(value, settings);
        break;
    case OPTION_KERNEL:
        settings->kernel = value;
        ok = *value;
        break;
    case OPTION_SCHEDULE:
        if (!parse_number(value, UINT64_MAX, &settings->seed, &end) || *end) {
            return usage(settings, "--schedule: '%s' is no SEED: a whole number from 0 to 2^64 - 1", value);
        }
        break;
    case OPTION_STATS:
        settings->stats = true;
        break;
    case OPTION_AFTER:
        return choose_pass(arena, settings, "after", value, true, &settings->after);
    case OPTION_ONLY:
        return choose_pass(arena, settings, "only", value, false, &settings->only);
    case OPTION_FROM:
        return choose_pass(arena, settings, "from", value, true, &settings->from);
    case OPTION_STRICT:
        settings->strict = true;
        break;
    case OPTION_PLAIN:
        settings->plain = true;
        break;
    case OPTION_DUMP:
        settings->dump = value;
        ok = *value;
        break;
    case OPTION_CHECK_PASSES:
        settings->check_passes = true;
        break;
    case OPTION_EXPLAIN:
        settings->explain = true;
        break;
    case OPTION_DEVICE:
    case OPTION_TARGET:
    case OPTION_COLOR:
        return apply_words(arena, settings, option, value);
    case OPTION_HELP:
    case OPTION_VERSION:
    case OPTION_COUNT:
        break;
    }
    return ok ? EXIT_OK
              : usage(settings, "--%s: '%s' is not of the form %s", options[option].name, value,
                      options[option].argument);
}

/* The word of a subcommand; `--help`, `-V` and the like stand for the subcommands of these names. */
static const char *command_word(const char *word) {
    const enum option_id also[] = {OPTION_HELP, OPTION_VERSION};
    for (size_t i = 0; i < sizeof also / sizeof *also; i++) {
        const char *name = options[also[i]].name;
        bool letter = word[0] == '-' && word[1] == options[also[i]].letter && !word[2];
        if (letter || (strncmp(word, "--", 2) == 0 && strcmp(word + 2, name) == 0)) {
            return name;
        }
    }
    return word;
}

static enum exit_code find_command(struct arena *arena, const char *word, struct settings *settings) {
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].name;
        if (strcmp(names[i], word) == 0) {
            settings->command = (enum command)i;
            return EXIT_OK;
        }
    }
    settings->command = COMMAND_COUNT;
    size_t length = strlen(word);
    if (length > 3 && strcmp(word + length - 3, ".tl") == 0) {
        return usage(settings, "the subcommand is missing; did you mean 'tilec run %s'?", word);
    }
    if (*word == '-') {
        return usage(settings, "'%s' is no subcommand, and options stand behind one", word);
    }
    return usage(settings, "unknown subcommand '%s'%s", word,
                 suggestion(arena, "", word, names, COMMAND_COUNT));
}

/* The tables of getopt_long for one subcommand. */
struct getopt_tables {
    struct option long_options[OPTION_COUNT + 1];
    char letters[2 * OPTION_COUNT + 2];
};

static void fill_tables(enum command command, struct getopt_tables *tables) {
    size_t count = 0;
    char *letter = tables->letters;
    *letter++ = ':';
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!(options[i].commands & 1u << command)) {
            continue;
        }
        tables->long_options[count++] = (struct option){
            options[i].name, options[i].argument ? required_argument : no_argument, NULL, LONG_BASE + (int)i};
        if (options[i].letter) {
            *letter++ = (char)options[i].letter;
            if (options[i].argument) {
                *letter++ = ':';
            }
        }
    }
}

static enum option_id option_of(int got) {
    if (got >= LONG_BASE) {
        return (enum option_id)(got - LONG_BASE);
    }
    size_t i = 0;
    while (i < OPTION_COUNT && options[i].letter != got) {
        i++;
    }
    return (enum option_id)i;
}

static enum exit_code parse_options(struct arena *arena, int argc, char **argv, struct settings *settings,
                                    bool *done) {
    struct getopt_tables tables = {0};
    fill_tables(settings->command, &tables);
    optind = 0; /* glibc and musl: start anew */
    opterr = 0;
    for (;;) {
        int got = getopt_long(argc, argv, tables.letters, tables.long_options, NULL);
        if (got == -1) {
            return EXIT_OK;
        }
        if (got == ':') {
            return usage(settings, "'%s' needs a value", argv[optind - 1]);
        }
        if (got == '?' && optopt && optopt < LONG_BASE) {
            return usage(settings, "unknown option '-%c'", optopt);
        }
        if (got == '?') {
            return optopt ? usage(settings, "'--%s' takes no value", options[optopt - LONG_BASE].name)
                          : unknown_option(arena, settings, argv[optind - 1]);
        }
        enum option_id option = option_of(got);
        if (option == OPTION_HELP || option == OPTION_VERSION) {
            option == OPTION_HELP ? print_subcommand(settings->command) : print_version();
            *done = true;
            return EXIT_OK;
        }
        enum exit_code code = apply(arena, settings, option, optarg);
        if (code != EXIT_OK) {
            return code;
        }
    }
}

static enum exit_code check_combination(const struct settings *settings) {
    const char *subject = settings->command == COMMAND_COMPLETION ? settings->input : NULL;
    if (subject && !completion_exists(subject)) {
        return usage(settings, "there is no completion script for '%s': %s", subject,
                     commands[COMMAND_COMPLETION].arguments);
    }
    if (settings->only && (settings->after || settings->from)) {
        return usage(settings, "--only runs one pass alone: --after and --from do not go with it");
    }
    const struct architecture *product = architecture_find(settings->architecture);
    if (settings->grid_x > product->grid_x || settings->grid_y > product->grid_y) {
        return usage(settings, "--grid: %s has %ux%u cores, not %ux%u", product->name, product->grid_x,
                     product->grid_y, settings->grid_x, settings->grid_y);
    }
    return EXIT_OK;
}

enum exit_code print_help(struct arena *arena, const char *subcommand) {
    struct settings settings;
    if (!subcommand) {
        print_overview(stdout);
        return EXIT_OK;
    }
    enum exit_code code = find_command(arena, command_word(subcommand), &settings);
    if (code == EXIT_OK) {
        print_subcommand(settings.command);
    }
    return code;
}

void print_version(void) {
    printf("tilec " TILEC_VERSION "\n");
}

enum exit_code settings_parse(struct arena *arena, int argc, char **argv, struct settings *settings,
                              bool *done) {
    *done = false;
    *settings = (struct settings){
        .command = COMMAND_COUNT, .directory = "out", .targets = {true, true}, .architecture = "wormhole_b0"};
    settings->terminal = isatty(STDERR_FILENO);
    settings->colour = settings->terminal && !getenv("NO_COLOR");
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    enum exit_code code = find_command(arena, command_word(argv[1]), settings);
    if (code == EXIT_OK) {
        code = parse_options(arena, argc - 1, argv + 1, settings, done);
    }
    if (code != EXIT_OK || *done) {
        return code;
    }
    char **rest = argv + 1 + optind;
    int left = argc - 1 - optind;
    const char *wanted = commands[settings->command].arguments;
    bool takes_one = *wanted, needs_one = *wanted && *wanted != '[';
    if (left > takes_one) {
        bool array = settings->command == COMMAND_RUN && strchr(rest[takes_one], '=');
        return usage(settings, "unexpected argument '%s'%s%s%s", rest[takes_one],
                     array ? "; did you mean '--in " : "", array ? rest[takes_one] : "", array ? "'?" : "");
    }
    if (left < needs_one || (left && !*rest[0])) {
        return usage(settings, "no %s was given", wanted);
    }
    settings->input = left ? rest[0] : NULL;
    return check_combination(settings);
}
