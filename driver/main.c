/* The program tilec: its command line, and nothing else. */
#include <signal.h>

#include "driver/command_line.h"

int main(int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN); /* a file that grows too large is an error of its write */
    return command_line(argc, argv);
}
