/* The program tilec: its command line, and nothing else. */
#include "driver/command_line.h"

int main(int argc, char **argv) {
    return command_line(argc, argv);
}
