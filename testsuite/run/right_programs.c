/* The right programs of the fault battery: what looks like a fault and is none must be accepted and give
 * right results.
 *
 *     right_programs [--quick] FOLDER MEANINGS [PART/PARTS]
 *
 * Every .tl and every right_*.ir of FOLDER, or of one of its parts, is judged by check_program, thoroughly but
 * for --quick, once for each line of its head that gives sizes, whole parameters and the grid of cores (the
 * product's when left out):
 *
 *     // with: M=33 N=65 grid=3x2
 *
 * The same sizes fixed must give the same, unless the line says `open`: layouts may ask more of sizes that
 * are fixed. What IR text computes says the kernel of its name, MEANINGS/NAME.tl, or of the name in a line
 * `// means: NAME`. IR without such a line runs at the sizes below.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/compile.h"
#include "ir/launch.h"
#include "support/arena.h"
#include "support/file.h"
#include "testsuite/run/check_program.h"

/* Sizes of IR text: one block with a ragged end, many blocks on few cores, and more cores than blocks. */
static const char *const usual[] = {"M=33 N=40 K=50 grid=1x1", "M=300 N=97 K=130 grid=2x2",
                                    "M=96 N=64 K=64 grid=8x8"};

static bool has_suffix(const char *name, const char *suffix) {
    size_t length = strlen(name), tail = strlen(suffix);
    return length > tail && strcmp(name + length - tail, suffix) == 0;
}

static char *text_of(struct arena *arena, const char *path) {
    size_t length;
    const char *error;
    return file_read(arena, path, &length, &error);
}

/* The first kernel of a source; NULL when it does not read. */
static struct node *first_kernel(struct arena *arena, const struct checked_program *program) {
    struct unit unit = {.arena = arena, .diagnostics = diagnostics_create(arena)};
    bool loaded = unit_load(&unit, program->file, program->text, strlen(program->text));
    return loaded ? node_as(unit.module, module)->items.items[0] : NULL;
}

/* NAME=VALUE is a scalar parameter where the kernel has one of that name, else a size; IR has no use for
 * sizes that it does not mention. */
static void add_value(struct checked_program *program, const struct node *kernel, const char *name,
                      const char *value) {
    struct node_parameter *parameter = launch_parameter(kernel, name);
    if (parameter && parameter->dimensions.count == 0 && program->scalar_count < CHECKED_SCALARS) {
        program->scalars[program->scalar_count++] = (struct run_scalar){name, value};
    } else if (program->size_count < CHECKED_SIZES) {
        program->sizes[program->size_count++] =
            (struct define){.name = name, .value = strtoll(value, NULL, 10)};
    }
}

static void read_values(struct checked_program *program, const struct node *kernel, char *line) {
    for (char *word = strtok(line, " \r"); word; word = strtok(NULL, " \r")) {
        char *value = strchr(word, '=');
        if (!value) {
            program->open |= strcmp(word, "open") == 0;
            continue;
        }
        *value++ = 0;
        if (strcmp(word, "grid") == 0) {
            sscanf(value, "%ux%u", &program->grid_x, &program->grid_y);
        } else {
            add_value(program, kernel, word, value);
        }
    }
}

struct tally {
    enum thoroughness thoroughness;
    unsigned passed, failed;
};

static void judge(struct arena *arena, const struct checked_program *source, const char *line,
                  struct tally *tally) {
    struct checked_program program = *source;
    struct node *kernel = first_kernel(arena, source);
    if (kernel) {
        read_values(&program, kernel, arena_string(arena, line));
    }
    struct judgement judgement = kernel ? program_check(arena, &program, tally->thoroughness)
                                        : (struct judgement){VERDICT_BROKEN, "it does not read"};
    bool good = judgement.verdict == VERDICT_GOOD || judgement.verdict == VERDICT_WARNED;
    tally->passed += good;
    tally->failed += !good;
    if (!good) {
        printf("FAIL %s with %s: %s%s\n", source->file, line,
               judgement.verdict == VERDICT_REFUSED ? "refused: " : "", judgement.reason);
    }
}

/* What stands behind `key` in the comments that a text begins with; NULL when no line has it. */
static const char *head_line(struct arena *arena, const char *text, const char *key) {
    for (const char *at = text; at && strncmp(at, "//", 2) == 0;
         at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        if (strncmp(at, key, strlen(key)) == 0) {
            return arena_string_range(arena, at + strlen(key), strcspn(at + strlen(key), "\r\n"));
        }
    }
    return NULL;
}

static void judge_file(const char *folder, const char *name, const char *meanings, struct tally *tally) {
    struct arena *arena = arena_create();
    bool is_ir = has_suffix(name, ".ir");
    char *text = text_of(arena, arena_printf(arena, "%s/%s", folder, name));
    struct checked_program program = {.text = text ? text : "", .file = name};
    unsigned lines = 0;
    if (is_ir) {
        struct node *kernel = first_kernel(arena, &program);
        const char *given = head_line(arena, program.text, "// means: ");
        const char *path = arena_printf(arena, "%s/%s.tl", meanings,
                                        given    ? given
                                        : kernel ? node_as(kernel, kernel)->name
                                                 : "");
        program.meaning = text_of(arena, path);
        if (!program.meaning) {
            printf("FAIL %s: nothing says what it computes: %s\n", name, path);
            tally->failed++;
            arena_free(arena);
            return;
        }
    }
    for (char *at = text; at && strncmp(at, "//", 2) == 0;
         at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        if (strncmp(at, "// with:", 8) == 0) {
            judge(arena, &program, arena_string_range(arena, at + 8, strcspn(at + 8, "\n")), tally);
            lines++;
        }
    }
    for (size_t i = 0; is_ir && lines == 0 && i < sizeof usual / sizeof *usual; i++) {
        judge(arena, &program, usual[i], tally);
    }
    if (!is_ir && lines == 0) {
        printf("FAIL %s: it has no line `// with:`\n", name);
        tally->failed++;
    }
    arena_free(arena);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_program(const struct dirent *entry) {
    return has_suffix(entry->d_name, ".tl") ||
           (has_suffix(entry->d_name, ".ir") && strncmp(entry->d_name, "right_", 6) == 0);
}

int main(int count, char **words) {
    struct tally tally = {.thoroughness = CHECK_THOROUGH};
    int part = 1, parts = 1;
    if (count > 1 && strcmp(words[1], "--quick") == 0) {
        tally.thoroughness = CHECK_QUICK;
        words++;
        count--;
    }
    if (count < 3 || count > 4 ||
        (count == 4 && (sscanf(words[3], "%d/%d", &part, &parts) != 2 || part < 1 || part > parts))) {
        fprintf(stderr, "usage: right_programs [--quick] FOLDER MEANINGS [PART/PARTS]\n");
        return 2;
    }
    struct dirent **entries;
    int files = scandir(words[1], &entries, is_program, by_name);
    for (int i = 0; i < files; i++) {
        if (i % parts == part - 1) {
            judge_file(words[1], entries[i]->d_name, words[2], &tally);
        }
        free(entries[i]);
    }
    if (files >= 0) {
        free(entries);
    }
    printf("right programs: %u passed, %u failed\n", tally.passed, tally.failed);
    return tally.failed > 0 || tally.passed == 0;
}
