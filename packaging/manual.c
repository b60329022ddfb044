/* Build tool: prints the manual page tilec.1 from the tables of subcommands, options and exit codes: manual
 * VERSION. */
#include <stdio.h>
#include <string.h>

#include "driver/command_tables.h"

/* Text of a line: what troff would take for its own is escaped. */
static void print_text(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        switch (text[i]) {
        case '\\':
            fputs("\\e", stdout);
            break;
        case '-':
            fputs("\\-", stdout);
            break;
        case '`':
            fputs("\\(ga", stdout);
            break;
        case '\'':
            fputs("\\(aq", stdout);
            break;
        case '.':
            fputs(i == 0 ? "\\&." : ".", stdout);
            break;
        default:
            putchar(text[i]);
        }
}

/* Sentences, and behind an empty line the examples as they are. */
static void print_description(const char *text) {
    int examples = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length && strncmp(text, "Examples:", length) == 0) {
            examples = 1;
            puts("Examples:\n.PP\n.nf\n.RS");
        } else if (length) {
            size_t indent = examples ? strspn(text, " ") : 0;
            print_text(text + indent, length - indent);
            puts("");
        } else {
            puts(".PP");
        }
        text += length + (text[length] == '\n');
    }
    if (examples)
        puts(".RE\n.fi");
}

static void print_option(size_t i) {
    printf(".TP\n");
    if (options[i].letter)
        printf("\\fB\\-%c\\fR, ", options[i].letter);
    printf("\\fB\\-\\-");
    print_text(options[i].name, strlen(options[i].name));
    printf("\\fR");
    if (options[i].argument) {
        printf(" \\fI");
        print_text(options[i].argument, strlen(options[i].argument));
        printf("\\fR");
    }
    puts("");
    print_text(options[i].help, strlen(options[i].help));
    puts("");
    unsigned all = (1u << COMMAND_COUNT) - 1;
    if ((options[i].commands & all) == all)
        return;
    printf("(of");
    for (unsigned command = 0, first = 1; command < COMMAND_COUNT; command++)
        if (options[i].commands & 1u << command) {
            printf("%s \\fB%s\\fR", first ? "" : ",", commands[command].name);
            first = 0;
        }
    puts(")");
}

int main(int argument_count, char **arguments) {
    printf(".TH TILEC 1 \"\" \"tilec %s\" \"User Commands\"\n", argument_count > 1 ? arguments[1] : "");
    puts(
        ".SH NAME\ntilec \\- compile tile kernels for Tensix grids, and run them on an embedded device\n"
        ".SH SYNOPSIS\n\\fBtilec\\fR \\fISUBCOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIFILE\\fR]\n"
        ".SH DESCRIPTION\n"
        "A kernel is written in a \\fB.tl\\fR file, as loop nests or as a tile program. tilec proves that it stays in bounds and keeps its\n"
        "dependences, turns it into reader, compute and writer for every core, and runs it on an embedded simulator of the device, or\n"
        "writes TT\\-Metalium C++ with a host program. \\fIFILE\\fR may be \\fB\\-\\fR, standard input.\n"
        ".SH SUBCOMMANDS");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf(".SS \"%s%s%s\"\n", commands[i].name, *commands[i].arguments ? " " : "",
               commands[i].arguments);
        print_description(commands[i].help);
    }
    puts(".SH OPTIONS");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        print_option(i);
    puts(".SH EXIT STATUS");
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
        printf(".TP\n\\fB%zu\\fR\n", i);
        print_text(exit_codes[i], strlen(exit_codes[i]));
        puts("");
    }
    puts(
        ".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nNo colour in messages unless \\fB\\-\\-color always\\fR is given.\n"
        ".TP\n\\fBTMPDIR\\fR\nWhere the IR goes at a fault of tilec (default: /tmp).");
    return 0;
}
