/* The whole command line of tilec as a function: main calls it, and the golden tests do. */
#ifndef TILEC_DRIVER_COMMAND_LINE_H
#define TILEC_DRIVER_COMMAND_LINE_H

/* Runs a command line; argv[0] is the program's name, argv may be permuted. The result is the exit code: 0
 * done, 1 an error in the user's input, reported with its place, 2 an error of usage, 3 a fault of tilec. */
int command_line(int argc, char **argv);

#endif
