/* Prints docs/passes.md from the tables of passes and attributes: passes_doc > docs/passes.md. A test
 * compares the two. */
#include <stdio.h>
#include <string.h>

enum form { FORM_LOOP, FORM_TILE, FORM_DEVICE };

static const char *const forms[] = {"loop", "tile", "device"};

static const struct {
    const char *name;
    enum form needs, gives;
    const char *summary;
} rows[] = {
#define PASS(name, needs, gives, summary) {#name, needs, gives, summary},
#include "transforms/passes.def"
};

static const struct {
    const char *key, *owner, *sentence;
} attributes[] = {
#define ATTRIBUTE(NAME, key, owner, shape, sentence) {key, owner, sentence},
#include "ir/attributes.def"
};

enum { ROWS = sizeof rows / sizeof *rows, ATTRIBUTES = sizeof attributes / sizeof *attributes };

/* The attributes that a pass, the source, or another attribute owns, as rows of a table. */
static void print_attributes(const char *owner) {
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (strcmp(attributes[i].owner, owner) == 0) {
            printf("| `%s` | %s | %s |\n", attributes[i].key, owner, attributes[i].sentence);
        }
    }
}

int main(void) {
    printf(
        "# The passes\n\n"
        "Made from `transforms/passes.def` and `ir/attributes.def` by `ninja docs`: change those. The forms are those of `ir.md`.\n\n"
        "| | pass | form | what it settles |\n|---:|---|---|---|\n");
    for (size_t i = 0; i < ROWS; i++) {
        printf("| %zu | `%s` | %s%s%s | %s |\n", i + 1, rows[i].name, forms[rows[i].needs],
               rows[i].needs == rows[i].gives ? "" : " to ",
               rows[i].needs == rows[i].gives ? "" : forms[rows[i].gives], rows[i].summary);
    }
    printf(
        "\n`tilec ir FILE --after PASS` prints the IR behind a pass, `--only PASS` runs one alone on IR text, and `--check-passes` compares\n"
        "the results of the kernel before and after each; those behind tile form are compared together, on the embedded device.\n\n"
        "# The attributes\n\n"
        "A pass writes its decisions as attributes; later passes read them and never decide again.\n\n"
        "| key | written by | what it says |\n|---|---|---|\n");
    print_attributes("source");
    for (size_t i = 0; i < ROWS; i++) {
        print_attributes(rows[i].name);
    }
    printf("\nEntries of attributes that are dictionaries:\n\n| key | in | what it says |\n|---|---|---|\n");
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (strncmp(attributes[i].owner, "tt.", 3) == 0) {
            printf("| `%s` | `%s` | %s |\n", attributes[i].key, attributes[i].owner, attributes[i].sentence);
        }
    }
    return 0;
}
