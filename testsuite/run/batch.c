/* Runs many command lines of the compiler, one process each, so that a test of hundreds of runs takes
 * seconds.
 *
 *     batch JOBS < LINES
 *
 * A line holds the words of one command line behind `tilec`, separated by tabs. At most JOBS run at a time.
 * For line n (from 0), in order of completion, standard output gets `n CODE` (CODE: the exit code, or
 * -SIGNAL), and the files n.out and n.err in the current directory what the command printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/command_line.h"

enum { WORDS_MAX = 128, JOBS_MAX = 64, RUN_SECONDS = 300 };

struct job {
    pid_t process;
    long line;
};

static void redirect(int descriptor, long line, const char *suffix) {
    char path[64];
    snprintf(path, sizeof path, "%ld.%s", line, suffix);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, descriptor) < 0) {
        _exit(99);
    }
    close(file);
}

static pid_t start(char *text, long line) {
    char *words[WORDS_MAX];
    int count = 0;
    words[count++] = (char[]){"tilec"};
    for (char *word = strtok(text, "\t\n"); word && count < WORDS_MAX - 1; word = strtok(NULL, "\t\n")) {
        words[count++] = word;
    }
    words[count] = NULL;
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        redirect(STDOUT_FILENO, line, "out");
        redirect(STDERR_FILENO, line, "err");
        alarm(RUN_SECONDS);
        int code = command_line(count, words);
        fflush(NULL);
        _exit(code);
    }
    return process;
}

/* Waits for one job and reports it. */
static void finish_one(struct job *jobs, int *running) {
    int status;
    pid_t process;
    while ((process = waitpid(-1, &status, 0)) < 0 && errno == EINTR) {
    }
    for (int i = 0; i < *running; i++) {
        if (jobs[i].process == process) {
            printf("%ld %d\n", jobs[i].line, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
            jobs[i] = jobs[--*running];
            return;
        }
    }
}

int main(int argc, char **argv) {
    int limit = argc == 2 ? atoi(argv[1]) : 0, running = 0;
    if (limit < 1 || limit > JOBS_MAX) {
        fprintf(stderr, "usage: batch JOBS < LINES\n");
        return 2;
    }
    struct job jobs[JOBS_MAX];
    char *text = NULL;
    size_t size = 0;
    for (long line = 0; getline(&text, &size, stdin) > 0; line++) {
        if (running == limit) {
            finish_one(jobs, &running);
        }
        jobs[running] = (struct job){start(text, line), line};
        if (jobs[running].process < 0) {
            perror("batch");
            return 2;
        }
        running++;
    }
    while (running > 0) {
        finish_one(jobs, &running);
    }
    free(text);
    return 0;
}
