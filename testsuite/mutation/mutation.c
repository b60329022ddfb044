/* The mutation run: every mutant of the kernels of the given sources, judged.
 *
 *     mutation [--jobs N] [--keep N] [--list VERDICT] [--records FILE] [--seed N] [--refused] SOURCE ...
 *     mutation --mutant N FILE.tl     judges one and prints its IR; mutants are numbered within a file
 *
 * A source is a .tl file, or a folder of such. --keep N judges one of N; --list also shows the mutants of a
 * verdict; --records writes a line for each mutant; --seed takes other later launches; --refused runs what is
 * rejected, and shows what is right on every launch tried all the same.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/arena.h"
#include "testsuite/mutation/judge.h"

enum { SUBJECTS_MAX = 64, JOBS_MAX = 16, SECONDS_FOR_ONE = 60, SPOT_CHECK = 5 };

static const char *const verdict_names[VERDICT_COUNT] = {
#define VERDICT(name, word) word,
#include "testsuite/mutation/verdicts.def"
#undef VERDICT
};

static bool is_refusal(enum verdict verdict) {
    return verdict == VERDICT_PROOF || verdict == VERDICT_LAUNCH;
}

struct settings {
    int jobs;
    size_t keep; /* one of this many mutants is judged */
    const char *list, *records;
    bool refused;
    uint64_t seed;
    long mutant; /* -1: all */
};

struct place {
    const struct subject *subject;
    size_t number;  /* within the subject */
    size_t in_file; /* within the file */
};

struct shared {
    size_t next, current[JOBS_MAX];
    struct record records[];
};

struct session {
    struct settings settings;
    struct arena *arena;
    struct subject subjects[SUBJECTS_MAX];
    size_t subject_count;
    struct place *places;
    size_t place_count, left_out;
    struct shared *shared;
};

/* ---- the mutants ---- */

/* A fixed sample that does not follow the structure of the kernel. */
static bool is_kept(const struct session *s, size_t number) {
    uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15u;
    return s->settings.keep < 2 || (mixed >> 40) % s->settings.keep == 0;
}

static void read_source(struct session *s, const char *path) {
    size_t more = subjects_read(s->arena, path, s->settings.seed, s->subjects + s->subject_count,
                                SUBJECTS_MAX - s->subject_count);
    if (more == SIZE_MAX) {
        printf("mutation: 0 passed, 1 failed\n");
        exit(1);
    }
    s->subject_count += more;
}

/* Sources, and folders with the sources in them and one level below. */
static void read_sources(struct session *s, char **paths, int count) {
    for (int i = 0; i < count; i++) {
        glob_t found;
        struct stat status;
        if (stat(paths[i], &status) != 0 || !S_ISDIR(status.st_mode)) {
            read_source(s, paths[i]);
            continue;
        }
        glob(arena_printf(s->arena, "%s/*.tl", paths[i]), 0, NULL, &found);
        glob(arena_printf(s->arena, "%s/*/*.tl", paths[i]), GLOB_APPEND, NULL, &found);
        for (size_t j = 0; j < found.gl_pathc; j++)
            read_source(s, arena_string(s->arena, found.gl_pathv[j]));
        globfree(&found);
    }
}

static void list_places(struct session *s) {
    size_t total = 0, in_file = 0;
    for (size_t i = 0; i < s->subject_count; i++)
        total += s->subjects[i].mutants = mutant_count(s->arena, s->subjects[i].device);
    s->places = arena_allocate(s->arena, (total + 1) * sizeof *s->places);
    for (size_t i = 0; i < s->subject_count; i++) {
        in_file = i && s->subjects[i - 1].path == s->subjects[i].path ? in_file : 0;
        for (size_t number = 0; number < s->subjects[i].mutants; number++, in_file++) {
            if (is_kept(s, in_file))
                s->places[s->place_count++] = (struct place){&s->subjects[i], number, in_file};
            else
                s->left_out++;
        }
    }
}

/* ---- workers ---- */

static void work(struct session *s, int worker) {
    size_t at;
    while ((at = __atomic_fetch_add(&s->shared->next, 1, __ATOMIC_RELAXED)) < s->place_count) {
        s->shared->current[worker] = at;
        alarm(SECONDS_FOR_ONE);
        struct record *record = &s->shared->records[at];
        mutant_judge(s->places[at].subject, s->places[at].number, record);
        if (s->settings.refused && is_refusal(record->verdict))
            record->right = mutant_runs_right(s->places[at].subject, s->places[at].number);
        alarm(0);
    }
}

static pid_t start_worker(struct session *s, int worker) {
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        work(s, worker);
        _exit(0);
    }
    return process;
}

static void run_workers(struct session *s) {
    pid_t workers[JOBS_MAX];
    int running = s->settings.jobs, status;
    size_t bytes = sizeof *s->shared + (s->place_count + 1) * sizeof *s->shared->records;
    s->shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < running; i++)
        workers[i] = start_worker(s, i);
    while (running > 0) {
        pid_t ended = waitpid(-1, &status, 0);
        for (int i = 0; i < s->settings.jobs; i++) {
            if (workers[i] != ended)
                continue;
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                running--;
                continue;
            }
            struct record *record = &s->shared->records[s->shared->current[i]];
            record->verdict = VERDICT_BROKEN;
            snprintf(record->reason, sizeof record->reason,
                     "the compiler or a run ended by signal %d, code %d",
                     WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFEXITED(status) ? WEXITSTATUS(status) : 0);
            workers[i] = start_worker(s, i);
        }
    }
}

/* ---- the report ---- */

static void show(struct session *s, size_t at) {
    const struct place *place = &s->places[at];
    struct arena *arena = arena_create();
    struct mutation mutation;
    mutant(arena, place->subject->device, place->number, &mutation);
    printf("%s: --mutant %zu %s (%s, %s): %s: %s%s%s%s%s\n", verdict_names[s->shared->records[at].verdict],
           place->in_file, place->subject->path, place->subject->name, mutation.place, mutation.what,
           mutation.before, mutation.after ? "  ->  " : "", mutation.after ? mutation.after : "",
           *s->shared->records[at].reason ? "\n    " : "", s->shared->records[at].reason);
    arena_free(arena);
}

struct tally {
    size_t counts[VERDICT_COUNT];
};

static void print_tally(const char *name, const struct tally *t) {
    printf("%-34s", name);
    for (int verdict = VERDICT_PROOF; verdict < VERDICT_COUNT; verdict++)
        printf(" %10zu", t->counts[verdict]);
    printf("\n");
}

static void print_verdicts(void) {
    printf("%-34s", "");
    for (int verdict = VERDICT_PROOF; verdict < VERDICT_COUNT; verdict++)
        printf(" %10s", verdict_names[verdict]);
    printf("\n");
}

/* How many records of a verdict there are of each kind, as one line. */
struct kinds {
    struct {
        const char *name;
        size_t count;
    } items[64];
    size_t count;
};

static void count_kind(struct kinds *kinds, const char *name) {
    size_t at = 0;
    while (at < kinds->count && strcmp(kinds->items[at].name, name) != 0)
        at++;
    if (at == sizeof kinds->items / sizeof *kinds->items)
        return;
    if (at == kinds->count)
        kinds->items[kinds->count++].name = name;
    kinds->items[at].count++;
}

static void print_kinds(const char *title, const struct kinds *kinds) {
    printf("%s:", title);
    for (size_t i = 0; i < kinds->count; i++)
        printf("%s %s %zu", i ? "," : "", kinds->items[i].name, kinds->items[i].count);
    printf("%s\n", kinds->count ? "" : " none");
}

/* Refusals by the question that they answer; what no refusal met, by mutation. */
static void print_all_kinds(const struct session *s) {
    struct kinds kinds[VERDICT_COUNT] = {0}, right = {0};
    for (size_t i = 0; i < s->place_count; i++) {
        const struct record *record = &s->shared->records[i];
        count_kind(&kinds[record->verdict],
                   is_refusal(record->verdict) ? rule_of(record->reason) : record->what);
        if (record->right)
            count_kind(&right, rule_of(record->reason));
    }
    print_kinds("rejected by a proof, by question", &kinds[VERDICT_PROOF]);
    print_kinds("rejected by a small launch, by question", &kinds[VERDICT_LAUNCH]);
    print_kinds("rejected by validation, by mutation", &kinds[VERDICT_VALIDATION]);
    print_kinds("equal results, by mutation", &kinds[VERDICT_EQUAL]);
    if (s->settings.refused)
        print_kinds("rejected, and right on every launch tried, by question", &right);
}

static struct tally print_tallies(struct session *s) {
    struct tally total = {0};
    size_t at = 0;
    print_verdicts();
    for (size_t i = 0; i < s->subject_count; i++) {
        struct tally tally = {0};
        for (; at < s->place_count && s->places[at].subject == &s->subjects[i]; at++) {
            tally.counts[s->shared->records[at].verdict]++;
            total.counts[s->shared->records[at].verdict]++;
        }
        print_tally(s->subjects[i].name, &tally);
    }
    print_tally("together", &total);
    return total;
}

/* A few of the mutants with equal results, to be looked at. */
static void show_equivalent(struct session *s, size_t count) {
    size_t step = count / SPOT_CHECK + 1, at = 0;
    for (size_t i = 0; i < s->place_count; i++)
        if (s->shared->records[i].verdict == VERDICT_EQUAL && at++ % step == step / 2)
            show(s, i);
}

/* A line for each mutant, so that two runs can be compared. */
static bool write_records(const struct session *s) {
    FILE *file = fopen(s->settings.records, "w");
    for (size_t i = 0; file && i < s->place_count; i++) {
        const struct record *record = &s->shared->records[i];
        fprintf(file, "%s\t%zu\t%s\t%s\t%s\t%s\n", s->places[i].subject->path, s->places[i].in_file,
                s->places[i].subject->name, verdict_names[record->verdict], record->what, record->reason);
    }
    return file && fclose(file) == 0;
}

static int report(struct session *s) {
    for (size_t i = 0; i < s->place_count; i++) {
        enum verdict verdict = s->shared->records[i].verdict;
        bool wanted = (s->settings.list && strcmp(s->settings.list, verdict_names[verdict]) == 0) ||
                      s->shared->records[i].right;
        if (verdict >= VERDICT_HOLE || wanted)
            show(s, i);
    }
    struct tally total = print_tallies(s);
    show_equivalent(s, total.counts[VERDICT_EQUAL]);
    print_all_kinds(s);
    size_t failed =
        total.counts[VERDICT_HOLE] + total.counts[VERDICT_SURVIVOR] + total.counts[VERDICT_BROKEN];
    printf("%zu mutants, %zu left out of the sample\n", s->place_count - total.counts[VERDICT_SAME],
           s->left_out);
    printf("mutation: %zu passed, %zu failed\n", s->place_count - total.counts[VERDICT_SAME] - failed,
           failed);
    return (s->settings.records && !write_records(s)) || failed > 0;
}

static int judge_one(struct session *s) {
    struct record record;
    struct mutation mutation;
    for (size_t i = 0; i < s->place_count; i++) {
        const struct place *place = &s->places[i];
        if ((long)place->in_file != s->settings.mutant)
            continue;
        fputs(mutant_text(s->arena, place->subject, place->number, &mutation), stdout);
        mutant_judge(place->subject, place->number, &record);
        printf("// %s, %s: %s%s%s\n// %s: %s\n", mutation.place, mutation.what, mutation.before,
               mutation.after ? "  ->  " : "", mutation.after ? mutation.after : "",
               verdict_names[record.verdict], record.reason);
        if (is_refusal(record.verdict) && mutant_runs_right(place->subject, place->number))
            printf("// it runs right all the same\n");
        return record.verdict >= VERDICT_HOLE;
    }
    printf("there is no mutant %ld\n", s->settings.mutant);
    return 2;
}

static int read_settings(struct settings *settings, int count, char **words) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int at = 1;
    *settings = (struct settings){.jobs = cores < 1          ? 1
                                          : cores > JOBS_MAX ? JOBS_MAX
                                                             : (int)cores,
                                  .seed = 20261130,
                                  .mutant = -1};
    for (; at + 1 < count && strncmp(words[at], "--", 2) == 0; at += 2) {
        if (strcmp(words[at], "--refused") == 0) {
            settings->refused = true;
            at--;
        } else if (strcmp(words[at], "--jobs") == 0)
            settings->jobs = atoi(words[at + 1]);
        else if (strcmp(words[at], "--keep") == 0)
            settings->keep = strtoull(words[at + 1], NULL, 10);
        else if (strcmp(words[at], "--list") == 0)
            settings->list = words[at + 1];
        else if (strcmp(words[at], "--seed") == 0)
            settings->seed = strtoull(words[at + 1], NULL, 10);
        else if (strcmp(words[at], "--records") == 0)
            settings->records = words[at + 1];
        else if (strcmp(words[at], "--mutant") == 0)
            settings->mutant = atol(words[at + 1]);
        else
            return 0;
    }
    return settings->jobs < 1 || settings->jobs > JOBS_MAX ? 0 : at;
}

int main(int count, char **words) {
    static struct session session;
    int first = read_settings(&session.settings, count, words);
    if (first < 1 || first == count) {
        fprintf(
            stderr,
            "usage: mutation [--jobs N] [--keep N] [--list VERDICT] [--records FILE] [--seed N] [--refused] "
            "[--mutant N] SOURCE ...\n");
        return 2;
    }
    session.arena = arena_create();
    read_sources(&session, words + first, count - first);
    list_places(&session);
    if (session.settings.mutant >= 0)
        return judge_one(&session);
    run_workers(&session);
    return report(&session);
}
