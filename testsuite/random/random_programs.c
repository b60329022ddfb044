/* Random programs as people write them, under fixed seeds: each is judged in a process that may die of it.
 *
 *     random_programs [--jobs N] [--seconds N] [--thorough N] [--keep FOLDER] [--refused] [FIRST [COUNT]]
 *
 * Program n has the choices of seed n. Every Nth is judged thoroughly (0: none). With --seconds programs are
 * made until the time is over. A failure is shrunk, once for each kind, and printed with the command that
 * shows it again; its program and arrays are kept in FOLDER. --refused prints the first of each known cause.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/arena.h"
#include "support/file.h"
#include "support/npy.h"
#include "support/text_buffer.h"
#include "testsuite/random/judge.h"
#include "testsuite/random/shrink.h"

enum {
    ROUND = 1000,
    JOBS_MAX = 16,
    KINDS_MAX = 40,
    SHRINK_TRIES = 1500,
    SHRINK_SECONDS = 30,
    PROGRAM_SECONDS = 60
};

struct settings_of_search {
    int jobs;
    double seconds;
    uint64_t thorough_every, first, count;
    const char *folder;
    bool show_refused;
};

/* What workers and their parent share. */
struct shared {
    uint64_t next, end; /* seeds that nobody took yet */
    uint64_t first;
    uint64_t current[JOBS_MAX];
    struct outcome_report reports[ROUND];
};

struct kind {
    uint64_t seed, times;
    struct outcome_report report;
};

struct search {
    struct settings_of_search settings;
    struct shared *shared;
    struct kind kinds[KINDS_MAX];
    size_t kind_count;
    uint64_t outcomes[OUTCOME_COUNT], causes[CAUSE_COUNT], elements, open, programs;
    struct timespec start;
};

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

static struct choices choices_of_seed(uint64_t seed) {
    return (struct choices){.state = seed * 1000003};
}

static enum thoroughness thoroughness_of(const struct search *search, uint64_t seed) {
    uint64_t every = search->settings.thorough_every;
    return every && seed % every == 0 ? CHECK_THOROUGH : CHECK_QUICK;
}

/* ---- judging in a process of its own ---- */

static void judge_choices(struct choices *choices, enum thoroughness thoroughness,
                          struct outcome_report *report) {
    struct arena *arena = arena_create();
    struct random_program *program = program_make(arena, choices);
    alarm(PROGRAM_SECONDS);
    random_program_judge(arena, program, thoroughness, report);
    alarm(0);
    arena_free(arena);
}

static void report_death(int status, struct outcome_report *report) {
    bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    report->outcome = hung ? OUTCOME_HUNG : OUTCOME_CRASHED;
    snprintf(report->reason, sizeof report->reason, "%s",
             hung                  ? "it did not end"
             : WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
                                   : "it ended the process");
}

static void wait_for(pid_t process, int *status) {
    while (waitpid(process, status, 0) < 0 && errno == EINTR) {
    }
}

static void work(struct search *search, int job) {
    struct shared *shared = search->shared;
    for (;;) {
        uint64_t seed = __atomic_fetch_add(&shared->next, 1, __ATOMIC_SEQ_CST);
        if (seed >= shared->end) {
            _exit(0);
        }
        shared->current[job] = seed;
        struct choices choices = choices_of_seed(seed);
        judge_choices(&choices, thoroughness_of(search, seed), &shared->reports[seed - shared->first]);
    }
}

static pid_t start_worker(struct search *search, int job) {
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        work(search, job);
    }
    return process;
}

static void run_round(struct search *search, uint64_t first, uint64_t count) {
    struct shared *shared = search->shared;
    pid_t workers[JOBS_MAX] = {0};
    int running = 0, status;
    memset(shared, 0, sizeof *shared);
    shared->first = shared->next = first;
    shared->end = first + count;
    for (int job = 0; job < search->settings.jobs; job++, running++) {
        workers[job] = start_worker(search, job);
    }
    while (running > 0) {
        pid_t process = wait(&status);
        for (int job = 0; job < search->settings.jobs; job++) {
            if (workers[job] != process) {
                continue;
            }
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                running--;
            } else {
                report_death(status, &shared->reports[shared->current[job] - first]);
                workers[job] = start_worker(search, job);
            }
        }
    }
}

/* ---- shrinking ---- */

struct shrink_context {
    struct outcome_report *shared, wanted;
    enum thoroughness thoroughness;
    struct timespec start;
};

static bool fails_alike(struct choices *choices, void *context) {
    struct shrink_context *shrinking = context;
    if (seconds_since(&shrinking->start) > SHRINK_SECONDS) {
        return false;
    }
    struct outcome_report *report = shrinking->shared;
    struct arena *arena = arena_create();
    program_make(arena, choices); /* for the record, which must outlive the other process */
    arena_free(arena);
    struct choices again = {.bytes = choices->made, .count = choices->made_count};
    memset(report, 0, sizeof *report);
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        bool quiet = freopen("/dev/null", "w", stderr) != NULL;
        judge_choices(&again, shrinking->thoroughness, report);
        _exit(!quiet);
    }
    int status = 0;
    wait_for(process, &status);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        report_death(status, report);
    }
    return outcome_same(report, &shrinking->wanted);
}

/* ---- showing a failure ---- */

static const char *size_words(struct arena *arena, const struct checked_program *checked) {
    const char *text = "";
    for (size_t i = 0; i < checked->fixed_count; i++) {
        text = arena_printf(arena, "%s -D %s=%lld", text, checked->fixed[i].name,
                            (long long)checked->fixed[i].value);
    }
    return text;
}

static const char *keep_array(struct arena *arena, const struct random_program *program,
                              const struct checked_program *checked, size_t tensor, size_t parameter,
                              const char *path) {
    const struct tensor *entry = &program->tensors[tensor];
    struct array array = {
        .name = entry->name, .dtype = entry->bf16 ? DTYPE_BF16 : DTYPE_F32, .rank = entry->rank};
    for (size_t i = 0; i < entry->rank; i++) {
        array.extents[i] = (uint64_t)program->sizes[entry->sizes[i]].value;
    }
    array.rows = arena_allocate(arena, array_bytes(&array) + 1);
    checked_fill(checked, parameter, INPUT_PLAIN, &array);
    char header[NPY_HEADER_MAX];
    size_t length = npy_header(array_npy_type(&array), array.rank, array.extents, header);
    return file_write(arena, path, header, length, array.rows, array_bytes(&array));
}

/* The words of `tilec run` behind the file, its arrays written. */
static const char *run_words(struct arena *arena, const struct search *search,
                             const struct random_program *program, const struct checked_program *checked,
                             uint64_t seed) {
    const char *text = arena_printf(arena, " --schedule %llu", (unsigned long long)checked->schedule);
    size_t parameter = 0;
    for (size_t i = 0; i < checked->scalar_count; i++) {
        text =
            arena_printf(arena, "%s --set %s=%s", text, checked->scalars[i].name, checked->scalars[i].text);
    }
    for (size_t i = 0; i < program->tensor_count; i++) {
        const struct tensor *tensor = &program->tensors[i];
        const char *path = arena_printf(arena, "%s/%llu_%s.npy", search->settings.folder,
                                        (unsigned long long)seed, tensor->name);
        if (tensor->result || program->made[i]) {
            continue;
        }
        const char *failure = keep_array(arena, program, checked, i, parameter++, path);
        text = failure ? text : arena_printf(arena, "%s --in %s=%s", text, tensor->name, path);
    }
    return text;
}

static void print_program(const struct search *search, struct arena *arena, const struct choices *choices,
                          uint64_t seed) {
    struct choices again = {.bytes = choices->made, .count = choices->made_count};
    struct random_program *program = program_make(arena, &again);
    struct checked_program checked = checked_of(arena, program);
    const char *path = arena_printf(arena, "%s/%llu.tl", search->settings.folder, (unsigned long long)seed);
    mkdir(search->settings.folder, 0777);
    const char *failure = file_write(arena, path, checked.text, strlen(checked.text), NULL, 0);
    printf("%s", checked.text);
    for (size_t i = 0; i < checked.size_count; i++) {
        printf("%s%s=%lld", i ? " " : "// ", checked.sizes[i].name, (long long)checked.sizes[i].value);
    }
    const char *words = arena_printf(arena, "--arch %s --grid %ux%u%s", program->architecture,
                                     program->grid_x, program->grid_y, size_words(arena, &checked));
    printf("%stilec check %s %s\ntilec run %s %s%s\n", checked.size_count ? "\n" : "", path, words, path,
           words, run_words(arena, search, program, &checked, seed));
    if (failure) {
        printf("%s\n", failure);
    }
}

static void show_failure(struct search *search, uint64_t seed, const struct outcome_report *report) {
    struct arena *arena = arena_create();
    struct outcome_report *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct choices *choices = arena_allocate(arena, sizeof *choices);
    *choices = choices_of_seed(seed);
    program_make(arena, choices);
    struct shrink_context context = {
        .shared = shared, .wanted = *report, .thoroughness = thoroughness_of(search, seed)};
    clock_gettime(CLOCK_MONOTONIC, &context.start);
    printf("\nseed %llu, after %.1f s: %s: %s\n", (unsigned long long)seed, seconds_since(&search->start),
           outcome_name(report->outcome), report->reason);
    fflush(stdout);
    shrink(choices, SHRINK_TRIES, fails_alike, &context);
    clock_gettime(CLOCK_MONOTONIC, &context.start);
    fails_alike(choices, &context);
    printf("shrunk: %s\n", shared->reason);
    print_program(search, arena, choices, seed);
    fflush(stdout);
    munmap(shared, sizeof *shared);
    arena_free(arena);
}

static void tally(struct search *search, uint64_t seed, const struct outcome_report *report) {
    search->programs++;
    search->outcomes[report->outcome]++;
    search->elements += report->elements;
    search->open += report->open;
    if (report->outcome == OUTCOME_REFUSED || report->outcome == OUTCOME_OWED) {
        if (search->causes[report->cause]++ == 0 && search->settings.show_refused) {
            show_failure(search, seed, report);
        }
    }
    if (report->outcome <= OUTCOME_OWED) {
        return;
    }
    for (size_t i = 0; i < search->kind_count; i++) {
        if (outcome_same(&search->kinds[i].report, report)) {
            search->kinds[i].times++;
            return;
        }
    }
    if (search->kind_count < KINDS_MAX) {
        search->kinds[search->kind_count++] = (struct kind){seed, 1, *report};
        show_failure(search, seed, report);
    }
}

/* ---- the whole ---- */

static bool read_settings(int count, char **words, struct settings_of_search *settings) {
    *settings = (struct settings_of_search){
        .jobs = 2, .thorough_every = 50, .first = 1, .count = 3000, .folder = "random_failures"};
    size_t numbers = 0;
    for (int i = 1; i < count; i++) {
        bool option = strncmp(words[i], "--", 2) == 0;
        if (strcmp(words[i], "--refused") == 0) {
            settings->show_refused = true;
            continue;
        }
        const char *value = option ? i + 1 < count ? words[i + 1] : "" : words[i];
        if (strcmp(words[i], "--keep") == 0) {
            settings->folder = value;
        } else if (strcmp(words[i], "--jobs") == 0) {
            settings->jobs = atoi(value);
        } else if (strcmp(words[i], "--seconds") == 0) {
            settings->seconds = atof(value);
        } else if (strcmp(words[i], "--thorough") == 0) {
            settings->thorough_every = strtoull(value, NULL, 10);
        } else if (!option && numbers < 2) {
            *(numbers++ ? &settings->count : &settings->first) = strtoull(value, NULL, 10);
        } else {
            return false;
        }
        i += option;
    }
    return settings->jobs >= 1 && settings->jobs <= JOBS_MAX;
}

static void print_tally(const struct search *search) {
    double seconds = seconds_since(&search->start);
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (search->outcomes[i]) {
            printf("%8llu  %s\n", (unsigned long long)search->outcomes[i], outcome_name((enum outcome)i));
        }
    }
    for (int i = 0; i < CAUSE_COUNT; i++) {
        if (search->causes[i]) {
            printf("%12.2f%%  %s\n", 100.0 * (double)search->causes[i] / (double)search->programs,
                   cause_name((enum cause)i));
        }
    }
    for (size_t i = 0; i < search->kind_count; i++) {
        printf("%8llu x seed %llu: %s\n", (unsigned long long)search->kinds[i].times,
               (unsigned long long)search->kinds[i].seed, search->kinds[i].report.reason);
    }
    printf("%llu elements compared, %.2f%% of them without a bound; %.0f programs a minute\n",
           (unsigned long long)search->elements,
           search->elements ? 100.0 * (double)search->open / (double)search->elements : 0.0,
           60 * (double)search->programs / seconds);
}

int main(int count, char **words) {
    struct search search = {0};
    if (!read_settings(count, words, &search.settings)) {
        fprintf(stderr,
                "usage: random_programs [--jobs N] [--seconds N] [--thorough N] [--keep FOLDER] [--refused] "
                "[FIRST [COUNT]]\n");
        return 2;
    }
    search.shared =
        mmap(NULL, sizeof *search.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    clock_gettime(CLOCK_MONOTONIC, &search.start);
    const struct settings_of_search *settings = &search.settings;
    for (uint64_t done = 0;
         settings->seconds > 0 ? seconds_since(&search.start) < settings->seconds : done < settings->count;) {
        uint64_t round =
            settings->seconds > 0 || settings->count - done > ROUND ? ROUND : settings->count - done;
        run_round(&search, settings->first + done, round);
        for (uint64_t i = 0; i < round; i++) {
            tally(&search, settings->first + done + i, &search.shared->reports[i]);
        }
        done += round;
    }
    print_tally(&search);
    uint64_t failed = 0;
    for (int i = OUTCOME_UNKNOWN; i < OUTCOME_COUNT; i++) {
        failed += search.outcomes[i];
    }
    printf("random programs: %llu passed, %llu failed\n", (unsigned long long)(search.programs - failed),
           (unsigned long long)failed);
    return failed > 0;
}
