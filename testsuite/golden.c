/* The golden runner: every FOLDER/CASE.ir and FOLDER/CASE.tl of the test suite is run through the compiler's
 * command line, and what it prints is compared with the files beside it: CASE.out (standard output) and
 * CASE.err (messages). A missing file means: nothing.
 *
 *     // One sentence that says what the case shows.
 *     // run: --only tile_pad_tt -D M=50
 *
 * FOLDER/CASE.run is the same two lines alone, for a program that lives elsewhere: the words of its run line
 * are the whole command, `ir ../../examples/matmul/matmul.tl`.
 *
 * The second line is optional. Its words follow `tilec ir CASE`, or `tilec SUBCOMMAND CASE` when it begins
 * with a subcommand. In a folder named after a pass the default is `--only PASS`, in the folder `kernels`
 * `tilec build CASE --target metalium`, elsewhere `--after parse`. The output of `build` is its kernels, one
 * after another (host programs and plans have tests of their own). A case whose CASE.err has an error must
 * exit with 1 (or 2 when the line is a usage error), every other with 0.
 *
 * What a refusal advises is tried. Behind these lines stand
 *
 *     // help: OLD => NEW       a help of the message has NEW word for word, and the case with NEW for OLD is accepted
 *     // way: OLD => NEW        the same, where the message says it in general
 *     // way: other_case.tl     what the message advises is written there
 *     // way: -D N=64           these options do it, in place of those of the case
 *     // way: none              the message says that there is no way
 *
 * Several lines of the first two are one change; `\n` in them is the end of a line. Every refusal in a folder of
 * `advised` has such a line, and every file of refused/ways is named by one.
 *
 *     golden DIRECTORY [--bless] [FILTER...]
 *
 * One process per case. Printed IR must read back and print the same. --bless rewrites the files of failing
 * cases and lists them; it refuses a case that crashed, found a fault of the compiler, or printed IR that
 * does not read back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/command_line.h"
#include "ir/ir.h"
#include "support/arena.h"
#include "support/diagnostic.h"
#include "support/file.h"
#include "support/text_buffer.h"
#include "transforms/pass.h"

enum { CASE_SECONDS = 60, WORDS_MAX = 64, WAYS_MAX = 8 };

/* Folders whose refusals say what to write instead. */
static const char *const advised[] = {"auto_tile_tt", "memory_space_lower_tt", "refused", "tensorize_tt"};

struct way {
    const char *from, *to; /* from: NULL where `to` is another case, options or `none` */
    bool literal;          /* the message has `to` word for word */
};

struct golden_case {
    const char *folder; /* in the test suite */
    const char *file;   /* in the folder */
    const char *stem;   /* file without its suffix */
    char *words[WORDS_MAX];
    int word_count;
    bool builds, prints_ir, has_sentence;
    const char *run_line, *text;
    struct way ways[WAYS_MAX];
    size_t way_count;
};

struct outcome {
    const char *out, *err;
    size_t out_length, err_length;
    int exit_code; /* -1: ended by a signal */
    int signal;
};

struct suite {
    struct arena *arena;
    const char *root, *scratch;
    bool bless;
    char **filters;
    int filter_count;
    unsigned passed, failed, blessed, refused;
    struct text_buffer ways; /* the files that cases name as ways */
};

static bool has_suffix(const char *name, const char *suffix) {
    size_t length = strlen(name), tail = strlen(suffix);
    return length > tail && strcmp(name + length - tail, suffix) == 0;
}

static bool is_pass(const char *name) {
    return pass_find(name) != NULL;
}

static bool has_word(const struct golden_case *test, const char *word) {
    for (int i = 0; i < test->word_count; i++) {
        size_t length = strlen(word);
        if (strncmp(test->words[i], word, length) == 0 &&
            (!test->words[i][length] || test->words[i][length] == '=')) {
            return true;
        }
    }
    return false;
}

static void add_word(struct golden_case *test, const char *word) {
    if (test->word_count < WORDS_MAX - 1) {
        test->words[test->word_count++] = (char *)(uintptr_t)word;
    }
}

/* The command line of a case from its second line and its folder. */
static void plan_words(struct suite *suite, struct golden_case *test) {
    char *line = arena_string(suite->arena, test->run_line ? test->run_line : "");
    char *word = strtok(line, " \t\r");
    bool kernels = strcmp(test->folder, "kernels") == 0;
    const char *command = word && word[0] != '-' ? word : kernels ? "build" : "ir";
    add_word(test, "tilec");
    add_word(test, command);
    if (!has_suffix(test->file, ".run")) {
        add_word(test, test->file);
    }
    for (word = command == word ? strtok(NULL, " \t\r") : word; word; word = strtok(NULL, " \t\r")) {
        add_word(test, word);
    }
    bool help = has_word(test, "--help") || has_word(test, "-h");
    test->builds = strcmp(command, "build") == 0 && !help;
    test->prints_ir = strcmp(command, "ir") == 0 && !help;
    if (test->prints_ir) {
        bool placed = has_word(test, "--only") || has_word(test, "--after");
        add_word(test, "--plain");
        if (!placed) {
            add_word(test, is_pass(test->folder) ? "--only" : "--after");
            add_word(test, is_pass(test->folder) ? test->folder : "parse");
        }
    }
    if (test->builds && kernels) {
        add_word(test, "--target=metalium");
    }
    if (test->builds) {
        add_word(test, "-o");
        add_word(test, arena_printf(suite->arena, "%s/build", suite->scratch));
    }
}

/* A part of a line, with `\\n` as the end of a line. */
static const char *unescaped(struct suite *suite, const char *start, const char *end) {
    char *text = arena_string_range(suite->arena, start, (size_t)(end - start));
    for (char *at = strstr(text, "\\n"); at; at = strstr(at, "\\n")) {
        *at = '\n';
        memmove(at + 1, at + 2, strlen(at + 2) + 1);
    }
    return text;
}

/* `help: OLD => NEW` or `way: ...`; false when the line is neither. */
static bool read_way(struct suite *suite, struct golden_case *test, const char *line) {
    bool literal = strncmp(line, "// help: ", 9) == 0;
    if ((!literal && strncmp(line, "// way: ", 8) != 0) || test->way_count == WAYS_MAX) {
        return false;
    }
    const char *start = line + (literal ? 9 : 8), *end = start + strcspn(start, "\n");
    const char *arrow = strstr(start, " => ");
    struct way way = {.literal = literal};
    if (arrow && arrow < end) {
        way.from = unescaped(suite, start, arrow);
        start = arrow + 4;
    }
    way.to = unescaped(suite, start, end);
    test->ways[test->way_count++] = way;
    return true;
}

static const char *next_line(const char *text) {
    const char *end = strchr(text, '\n');
    return end ? end + 1 : text + strlen(text);
}

static void read_head(struct suite *suite, struct golden_case *test, const char *path) {
    size_t length;
    const char *error;
    const char *line = test->text = file_read(suite->arena, path, &length, &error);
    test->has_sentence = line && strncmp(line, "// ", 3) == 0 && strncmp(line, "// run:", 7) != 0;
    line = line ? next_line(line) : "";
    if (strncmp(line, "// run:", 7) == 0) {
        test->run_line = arena_string_range(suite->arena, line + 7, strcspn(line + 7, "\n"));
        line = next_line(line);
    }
    while (read_way(suite, test, line)) {
        line = next_line(line);
    }
}

static void redirect(int descriptor, const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, descriptor) < 0) {
        _exit(99);
    }
    close(file);
}

static char *read_or_empty(struct arena *arena, const char *path, size_t *length) {
    const char *error;
    char *text = file_read(arena, path, length, &error);
    if (!text) {
        *length = 0;
        text = arena_string(arena, "");
    }
    return text;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void remove_tree(const char *path) {
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* The files below a directory, sorted, each under a line with its path. */
static bool is_kernel_file(const char *name) {
    return has_suffix(name, ".cpp") || has_suffix(name, ".c");
}

/* The kernels below root, each behind a line with its name. */
static void append_files(struct arena *arena, const char *root, const char *path, struct text_buffer *out) {
    struct dirent **entries;
    const char *full = *path ? arena_printf(arena, "%s/%s", root, path) : root;
    int count = scandir(full, &entries, visible, by_name);
    for (int i = 0; i < count; i++) {
        const char *inner = arena_printf(arena, "%s%s%s", path, *path ? "/" : "", entries[i]->d_name);
        const char *inner_full = arena_printf(arena, "%s/%s", root, inner);
        struct stat status;
        if (stat(inner_full, &status) == 0 && S_ISDIR(status.st_mode)) {
            append_files(arena, root, inner, out);
        } else if (is_kernel_file(inner)) {
            size_t length;
            text_printf(out, "==== %s\n", inner);
            char *text = read_or_empty(arena, inner_full, &length);
            text_append_range(out, text, length);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

/* A command in a folder of the test suite. */
static struct outcome run_words(struct suite *suite, const char *folder, int count, char **words) {
    struct outcome outcome = {0};
    const char *out = arena_printf(suite->arena, "%s/out", suite->scratch);
    const char *err = arena_printf(suite->arena, "%s/err", suite->scratch);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(arena_printf(suite->arena, "%s/%s", suite->root, folder)) != 0) {
            _exit(99);
        }
        redirect(STDOUT_FILENO, out);
        redirect(STDERR_FILENO, err);
        alarm(CASE_SECONDS);
        int code = command_line(count, words);
        fflush(NULL);
        _exit(code);
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    outcome.out = read_or_empty(suite->arena, out, &outcome.out_length);
    outcome.err = read_or_empty(suite->arena, err, &outcome.err_length);
    return outcome;
}

static struct outcome run_case(struct suite *suite, struct golden_case *test) {
    const char *build = arena_printf(suite->arena, "%s/build", suite->scratch);
    remove_tree(build);
    struct outcome outcome = run_words(suite, test->folder, test->word_count, test->words);
    if (test->builds && outcome.exit_code == 0) {
        struct text_buffer files = {0};
        append_files(suite->arena, build, "", &files);
        outcome.out = arena_string(suite->arena, text_string(&files));
        outcome.out_length = strlen(outcome.out);
        text_free(&files);
    }
    return outcome;
}

/* Does printed IR read back, and print the same again? */
static bool reads_back(const char *text, size_t length) {
    struct arena *arena = arena_create();
    struct diagnostics *diagnostics = diagnostics_create(arena);
    struct node *module =
        module_read(arena, diagnostics, diagnostics_add_source(diagnostics, "output", text, length));
    struct text_buffer again = {0};
    if (module) {
        node_print(module, PRINT_PLAIN, &again);
    }
    bool same = module && again.length == length && memcmp(text_string(&again), text, length) == 0;
    text_free(&again);
    arena_free(arena);
    return same;
}

static void show_difference(struct suite *suite, const char *expected, const char *text, size_t length) {
    const char *actual = arena_printf(suite->arena, "%s/actual", suite->scratch);
    unlink(actual);
    file_write(suite->arena, actual, text, length, NULL, 0);
    const char *old = access(expected, R_OK) == 0 ? expected : "/dev/null";
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execlp("diff", "diff", "-u", "--label", expected, "--label", "now", old, actual, (char *)NULL);
        _exit(99);
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
}

/* Writes, or removes where there is nothing to expect. */
static void bless_file(struct suite *suite, const char *path, const char *text, size_t length) {
    if (length == 0) {
        unlink(path);
        return;
    }
    const char *failure = file_write(suite->arena, path, text, length, NULL, 0);
    if (failure) {
        fprintf(stderr, "golden: %s\n", failure);
        exit(2);
    }
}

static int expected_exit(const char *err) {
    return strncmp(err, "tilec: error:", 13) == 0 ? 2 : strstr(err, "error: ") ? 1 : 0;
}

static const char *fault(const struct golden_case *test, const struct outcome *outcome) {
    if (!test->has_sentence) {
        return "its first line is no comment that says what it shows";
    }
    if (outcome->signal) {
        return outcome->signal == SIGALRM ? "it hung" : "it crashed";
    }
    if (outcome->exit_code > 2) {
        return "the compiler found a fault of its own";
    }
    if (outcome->exit_code == 0 && test->prints_ir && !reads_back(outcome->out, outcome->out_length)) {
        return "the printed IR does not read back";
    }
    int code = expected_exit(outcome->err);
    if (code != outcome->exit_code && !(code == 1 && outcome->exit_code == 2)) {
        return "its exit code does not agree with its messages";
    }
    return NULL;
}

/* ---- what a refusal advises ---- */

static bool is_advised(const struct golden_case *test) {
    for (size_t i = 0; i < sizeof advised / sizeof *advised; i++) {
        if (strcmp(test->folder, advised[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The text with the first `from` behind its comments replaced; NULL where it has none. */
static const char *replaced(struct suite *suite, const char *text, const struct way *way) {
    const char *body = text;
    while (strncmp(body, "//", 2) == 0) {
        body = next_line(body);
    }
    const char *at = strstr(body, way->from);
    return !at ? NULL
               : arena_printf(suite->arena, "%.*s%s%s", (int)(at - text), text, way->to,
                              at + strlen(way->from));
}

static void add_options(struct suite *suite, struct golden_case *check, const char *line) {
    char *words = arena_string(suite->arena, line ? line : "");
    for (char *word = strtok(words, " \t\r"); word; word = strtok(NULL, " \t\r")) {
        if (strcmp(word, "-D") == 0 || strcmp(word, "--arch") == 0 || strcmp(word, "--kernel") == 0) {
            add_word(check, word);
            add_word(check, strtok(NULL, " \t\r"));
        }
    }
}

/* What is wrong with the ways of a refusal; NULL: nothing. */
static const char *fault_of_ways(struct suite *suite, struct golden_case *test, const char *err) {
    struct golden_case check = {.word_count = 0};
    const char *text = test->text, *file = NULL, *options = test->run_line;
    if (!test->way_count) {
        return is_advised(test) && strstr(err, "error: ")
                   ? "no line says what it advises (way: ... or help: ...)"
                   : NULL;
    }
    add_word(&check, "tilec");
    add_word(&check, "check");
    for (size_t i = 0; i < test->way_count; i++) {
        const struct way *way = &test->ways[i];
        if (!way->from && strcmp(way->to, "none") == 0) {
            return strstr(err, "no way") ? NULL : "its message does not say that there is no way";
        }
        if (way->literal && !strstr(err, way->to)) {
            return arena_printf(suite->arena, "its message does not say `%s`", way->to);
        }
        if (way->from) {
            text = replaced(suite, text, way);
        } else if (way->to[0] == '-') {
            options = way->to;
        } else {
            file = way->to;
            text_printf(&suite->ways, "%s\n", strrchr(file, '/') ? strrchr(file, '/') : file);
        }
        if (!text) {
            return arena_printf(suite->arena, "it has no `%s`", way->from);
        }
    }
    if (!file) {
        file = arena_printf(suite->arena, "%s/%s", suite->scratch, test->file);
        unlink(file);
        file_write(suite->arena, file, text, strlen(text), NULL, 0);
    }
    add_word(&check, file);
    add_options(suite, &check, options);
    struct outcome outcome = run_words(suite, test->folder, check.word_count, check.words);
    return outcome.exit_code == 0
               ? NULL
               : arena_printf(suite->arena, "what it advises is refused:\n%s", outcome.err);
}

static void check_case(struct suite *suite, struct golden_case *test) {
    const char *base = arena_printf(suite->arena, "%s/%s/%s", suite->root, test->folder, test->stem);
    const char *out = arena_printf(suite->arena, "%s.out", base),
               *err = arena_printf(suite->arena, "%s.err", base);
    struct outcome outcome = run_case(suite, test);
    size_t out_length, err_length;
    const char *expected_out = read_or_empty(suite->arena, out, &out_length);
    const char *expected_err = read_or_empty(suite->arena, err, &err_length);
    bool same_out = out_length == outcome.out_length && memcmp(expected_out, outcome.out, out_length) == 0;
    bool same_err = err_length == outcome.err_length && memcmp(expected_err, outcome.err, err_length) == 0;
    const char *broken = fault(test, &outcome);
    broken = broken ? broken : fault_of_ways(suite, test, outcome.err);
    if (broken) {
        printf("FAIL %s/%s: %s\n", test->folder, test->file, broken);
        fwrite(outcome.err, 1, outcome.err_length, stdout);
        suite->failed++;
        suite->refused++;
    } else if (same_out && same_err) {
        suite->passed++;
    } else if (suite->bless) {
        bless_file(suite, out, outcome.out, outcome.out_length);
        bless_file(suite, err, outcome.err, outcome.err_length);
        printf("blessed %s/%s%s%s\n", test->folder, test->stem, same_out ? "" : " .out",
               same_err ? "" : " .err");
        suite->blessed++;
    } else {
        printf("FAIL %s/%s\n", test->folder, test->file);
        if (!same_out) {
            show_difference(suite, out, outcome.out, outcome.out_length);
        }
        if (!same_err) {
            show_difference(suite, err, outcome.err, outcome.err_length);
        }
        suite->failed++;
    }
}

static bool wanted(const struct suite *suite, const char *folder, const char *file) {
    const char *path = arena_printf(suite->arena, "%s/%s", folder, file);
    for (int i = 0; i < suite->filter_count; i++) {
        if (strstr(path, suite->filters[i])) {
            return true;
        }
    }
    return suite->filter_count == 0;
}

static void check_folder(struct suite *suite, const char *folder) {
    struct dirent **entries;
    int count = scandir(arena_printf(suite->arena, "%s/%s", suite->root, folder), &entries, visible, by_name);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        bool is_case = has_suffix(name, ".ir") || has_suffix(name, ".tl") || has_suffix(name, ".run");
        if (is_case && wanted(suite, folder, name)) {
            size_t stem_length = (size_t)(strrchr(name, '.') - name);
            struct golden_case test = {.folder = folder,
                                       .file = arena_string(suite->arena, name),
                                       .stem = arena_string_range(suite->arena, name, stem_length)};
            read_head(suite, &test, arena_printf(suite->arena, "%s/%s/%s", suite->root, folder, name));
            plan_words(suite, &test);
            check_case(suite, &test);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

/* A way that no refusal names any more is stale. */
static void check_ways(struct suite *suite) {
    struct dirent **entries;
    int count =
        scandir(arena_printf(suite->arena, "%s/refused/ways", suite->root), &entries, visible, by_name);
    for (int i = 0; i < count; i++) {
        if (!strstr(text_string(&suite->ways), arena_printf(suite->arena, "/%s\n", entries[i]->d_name))) {
            printf("FAIL refused/ways/%s: no case names it\n", entries[i]->d_name);
            suite->failed++;
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: golden DIRECTORY [--bless] [FILTER...]\n");
        return 2;
    }
    struct suite suite = {.arena = arena_create(), .root = argv[1]};
    suite.bless = argc > 2 && strcmp(argv[2], "--bless") == 0;
    suite.filters = argv + 2 + suite.bless;
    suite.filter_count = argc - 2 - suite.bless;
    char scratch[] = "/tmp/golden-XXXXXX";
    suite.scratch = mkdtemp(scratch);
    if (!suite.scratch) {
        perror("golden: /tmp");
        return 2;
    }
    char *root = realpath(suite.root, NULL);
    suite.root = root;
    struct dirent **entries;
    int count = root ? scandir(root, &entries, visible, by_name) : -1;
    for (int i = 0; i < count; i++) {
        struct stat status;
        const char *path = arena_printf(suite.arena, "%s/%s", root, entries[i]->d_name);
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
            check_folder(&suite, entries[i]->d_name);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    if (suite.filter_count == 0) {
        check_ways(&suite);
    }
    text_free(&suite.ways);
    remove_tree(suite.scratch);
    free(root);
    arena_free(suite.arena);
    printf("golden: %u passed, %u failed", suite.passed, suite.failed);
    if (suite.bless) {
        printf(", %u blessed, %u refused", suite.blessed, suite.refused);
    }
    printf("\n");
    bool nothing = suite.passed + suite.failed + suite.blessed == 0;
    if (nothing) {
        printf("golden: no case was found\n");
    }
    return suite.failed || nothing ? 1 : 0;
}
