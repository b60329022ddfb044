/* The C library's variables as libtcc.a takes them in libtilec: see merge_library. None of them is replaced
 * while a process runs but environ, and of that libtcc hands on what there is to programs that it runs, which
 * here it never does. */
#include <stdio.h>
#include <unistd.h>

extern FILE *libtcc_stdin, *libtcc_stdout, *libtcc_stderr;
extern char **libtcc_environ;

FILE *libtcc_stdin, *libtcc_stdout, *libtcc_stderr;
char **libtcc_environ;

static void __attribute__((constructor)) fill(void) {
    libtcc_stdin = stdin;
    libtcc_stdout = stdout;
    libtcc_stderr = stderr;
    libtcc_environ = environ;
}
