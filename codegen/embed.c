/* Build tool: prints files, one behind another, as an array of C. embed NAME FILE... */
#include <stdio.h>

static int print_file(const char *path, unsigned *column) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "embed: cannot read %s\n", path);
        return 1;
    }
    for (int byte; (byte = fgetc(file)) != EOF; ++*column)
        printf("%s%d,", *column % 24 ? " " : "\n    ", byte);
    return fclose(file) != 0;
}

int main(int count, char **arguments) {
    unsigned column = 0;
    int failed = count < 3;
    if (count > 1)
        printf("extern const char %s[];\nconst char %s[] = {", arguments[1], arguments[1]);
    for (int i = 2; i < count && !failed; i++)
        failed = print_file(arguments[i], &column);
    printf("\n    0};\n");
    return failed;
}
