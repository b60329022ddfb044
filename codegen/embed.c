/* Build tool: prints a file as an array of C. embed NAME FILE */
#include <stdio.h>

int main(int count, char **arguments) {
    FILE *file = count == 3 ? fopen(arguments[2], "rb") : NULL;
    if (!file) {
        fprintf(stderr, "embed: cannot read the file\n");
        return 1;
    }
    printf("extern const char %s[];\nconst char %s[] = {", arguments[1], arguments[1]);
    int byte;
    for (unsigned column = 0; (byte = fgetc(file)) != EOF; column++)
        printf("%s%d,", column % 24 ? " " : "\n    ", byte);
    printf("\n    0};\n");
    return fclose(file) != 0;
}
