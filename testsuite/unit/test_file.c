/* Files: reading in part, and writes that fail in the middle and leave what was there. */
#include "support/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/arena.h"
#include "testsuite/unit/unit.h"

static char *scratch(void) {
    static char path[64];
    strcpy(path, "/tmp/test-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void remove_tree(const char *path) {
    ck_assert_int_eq(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static size_t entries(const char *path) {
    DIR *directory = opendir(path);
    size_t count = 0;
    ck_assert_ptr_nonnull(directory);
    while (readdir(directory)) {
        count++;
    }
    closedir(directory);
    return count - 2;
}

static void expect(struct arena *arena, const char *path, const char *text) {
    const char *error = NULL;
    size_t length;
    char *bytes = file_read(arena, path, &length, &error);
    ck_assert_msg(bytes != NULL, "%s", error ? error : "");
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_str_eq(bytes, text);
}

START_TEST(files_are_written_with_their_folders_and_read_back) {
    struct arena *arena = arena_create();
    const char *base = scratch(), *root = arena_printf(arena, "%s/a/b", base);
    struct output_file files[] = {{"k/reader.c", "one", 3, NULL, 0, NULL},
                                  {"k/plan.json", "two", 3, "more", 4, NULL},
                                  {"host.py", "", 0, NULL, 0, NULL}};
    ck_assert_ptr_null(directory_write(arena, root, files, 3));
    expect(arena, arena_printf(arena, "%s/k/reader.c", root), "one");
    expect(arena, arena_printf(arena, "%s/k/plan.json", root), "twomore");
    expect(arena, arena_printf(arena, "%s/host.py", root), "");
    ck_assert_uint_eq(entries(root), 2);
    remove_tree(base);
    arena_free(arena);
}
END_TEST

START_TEST(other_files_in_the_directory_stay) {
    struct arena *arena = arena_create();
    char *root = scratch();
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/notes", root), "mine", 4, NULL, 0));
    struct output_file file = {"made", "1", 1, NULL, 0, NULL};
    ck_assert_ptr_null(directory_write(arena, root, &file, 1));
    file.bytes = "2";
    ck_assert_ptr_null(directory_write(arena, arena_printf(arena, "%s/", root), &file, 1));
    expect(arena, arena_printf(arena, "%s/notes", root), "mine");
    expect(arena, arena_printf(arena, "%s/made", root), "2");
    ck_assert_uint_eq(entries(root), 2);
    remove_tree(root);
    arena_free(arena);
}
END_TEST

/* The second file cannot be put in place: a directory with contents stands there. The first must be as it
 * was. */
START_TEST(a_failure_leaves_everything_as_it_was) {
    struct arena *arena = arena_create();
    char *root = scratch();
    const char *blocked = arena_printf(arena, "%s/second", root);
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/first", root), "old", 3, NULL, 0));
    ck_assert_int_eq(mkdir(arena_printf(arena, "%s/third", root), 0777), 0);
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/third/inside", root), "x", 1, NULL, 0));
    ck_assert_int_eq(mkdir(blocked, 0777), 0);
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/file", blocked), "kept", 4, NULL, 0));
    struct output_file files[] = {{"first", "new", 3, NULL, 0, NULL},
                                  {"fresh", "new", 3, NULL, 0, NULL},
                                  {"first/below", "new", 3, NULL, 0, NULL}};
    const char *failure = directory_write(arena, root, files, 3);
    ck_assert_ptr_nonnull(failure);
    expect(arena, arena_printf(arena, "%s/first", root), "old");
    expect(arena, arena_printf(arena, "%s/file", blocked), "kept");
    ck_assert_int_ne(access(arena_printf(arena, "%s/fresh", root), F_OK), 0);
    ck_assert_uint_eq(entries(root), 3);
    remove_tree(root);
    arena_free(arena);
}
END_TEST

START_TEST(what_stands_in_the_way_is_named_and_stays) {
    struct arena *arena = arena_create();
    char *root = scratch();
    const char *folder = arena_printf(arena, "%s/k/reader.c", root),
               *own = arena_printf(arena, "%s/own", folder);
    ck_assert_int_eq(mkdir(arena_printf(arena, "%s/k", root), 0777), 0);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    ck_assert_ptr_null(file_write(arena, own, "precious", 8, NULL, 0));
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/f", root), "file", 4, NULL, 0));
    struct output_file files[] = {{"new", "1", 1, NULL, 0, NULL},
                                  {"k/reader.c", "2", 1, NULL, 0, NULL},
                                  {"f/reader.c", "3", 1, NULL, 0, NULL}};
    const char *failure = directory_write(arena, root, files, 2);
    ck_assert_ptr_nonnull(failure);
    ck_assert_ptr_nonnull(strstr(failure, folder));
    files[1] = files[2];
    failure = directory_write(arena, root, files, 2);
    ck_assert_ptr_nonnull(failure);
    ck_assert_ptr_nonnull(strstr(failure, arena_printf(arena, "'%s/f' is no directory", root)));
    expect(arena, own, "precious");
    expect(arena, arena_printf(arena, "%s/f", root), "file");
    ck_assert_uint_eq(entries(root), 2);
    remove_tree(root);
    arena_free(arena);
}
END_TEST

START_TEST(files_without_bytes_are_removed) {
    struct arena *arena = arena_create();
    char *root = scratch();
    struct output_file files[] = {
        {"k/a", "1", 1, NULL, 0, NULL}, {"k/b", "2", 1, NULL, 0, NULL}, {"k/never", NULL, 0, NULL, 0, NULL}};
    ck_assert_ptr_null(directory_write(arena, root, files, 3));
    files[1].bytes = NULL;
    ck_assert_ptr_null(directory_write(arena, root, files, 3));
    ck_assert_uint_eq(entries(arena_printf(arena, "%s/k", root)), 1);
    ck_assert_uint_eq(entries(root), 1);
    expect(arena, arena_printf(arena, "%s/k/a", root), "1");
    remove_tree(root);
    arena_free(arena);
}
END_TEST

START_TEST(a_file_goes_through_a_link_and_into_no_missing_directory) {
    struct arena *arena = arena_create();
    char *root = scratch();
    struct stat status;
    const char *target = arena_printf(arena, "%s/target", root), *link = arena_printf(arena, "%s/link", root);
    ck_assert_ptr_null(file_write(arena, target, "old", 3, NULL, 0));
    ck_assert_int_eq(symlink("target", link), 0);
    ck_assert_ptr_null(file_write(arena, link, "new", 3, NULL, 0));
    expect(arena, target, "new");
    ck_assert_int_eq(lstat(link, &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    const char *failure = file_write(arena, arena_printf(arena, "%s/none/file", root), "x", 1, NULL, 0);
    ck_assert_ptr_nonnull(failure);
    ck_assert_ptr_nonnull(strstr(failure, "there is no directory"));
    ck_assert_uint_eq(entries(root), 2);
    remove_tree(root);
    arena_free(arena);
}
END_TEST

static size_t five(const char *bytes, size_t have, void *context) {
    (void)bytes, (void)have, (void)context;
    return 5;
}

START_TEST(reading_ends_at_the_extent) {
    struct arena *arena = arena_create();
    const char *error = NULL;
    size_t length = 0;
    ck_assert_ptr_nonnull(file_read_extent(arena, "/dev/zero", five, NULL, &length, &error));
    ck_assert_uint_eq(length, 5);
    arena_free(arena);
}
END_TEST

/* Twelve bytes tell how long the rest is, more than a piece: as of a file so of a pipe, and where the file
 * ends before. */
static size_t twelve_then(const char *bytes, size_t have, void *context) {
    (void)bytes;
    return have < 12 ? 12 : *(const size_t *)context;
}

START_TEST(long_extents_are_read_whole) {
    struct arena *arena = arena_create();
    char *root = scratch();
    const char *path = arena_printf(arena, "%s/long", root), *error = NULL;
    size_t size = 300001, length = 0;
    static const size_t wanted[] = {299999, 300001, 300002, (size_t)1 << 60};
    char *bytes = arena_allocate(arena, size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(i % 251 + 1);
    }
    ck_assert_ptr_null(file_write(arena, path, bytes, size, NULL, 0));
    for (size_t i = 0; i < 2 * sizeof wanted / sizeof *wanted; i++) {
        size_t extent = wanted[i / 2];
        FILE *pipe = i % 2 ? popen(arena_printf(arena, "cat %s", path), "r") : NULL;
        const char *from = pipe ? arena_printf(arena, "/dev/fd/%d", fileno(pipe)) : path;
        char *read = file_read_extent(arena, from, twelve_then, &extent, &length, &error);
        ck_assert_ptr_nonnull(read);
        ck_assert_uint_eq(length, extent < size ? extent : size);
        ck_assert_mem_eq(read, bytes, length);
        ck_assert_int_eq(read[length], 0);
        if (pipe) {
            pclose(pipe);
        }
    }
    remove_tree(root);
    arena_free(arena);
}
END_TEST

START_TEST(what_cannot_be_read_or_written_says_why) {
    struct arena *arena = arena_create();
    char *root = scratch();
    const char *error = NULL;
    size_t length;
    ck_assert_ptr_null(file_read(arena, arena_printf(arena, "%s/missing", root), &length, &error));
    ck_assert_ptr_nonnull(strstr(error, "No such file"));
    ck_assert_ptr_null(file_read(arena, root, &length, &error));
    ck_assert_ptr_nonnull(strstr(error, "directory"));
    ck_assert_ptr_nonnull(file_write(arena, arena_printf(arena, "%s/", root), "x", 1, NULL, 0));
    ck_assert_ptr_null(file_write(arena, "/dev/null", "x", 1, NULL, 0));
    ck_assert_str_eq(path_base("a/b/c.tl"), "c.tl");
    ck_assert_str_eq(path_base("c.tl"), "c.tl");
    remove_tree(root);
    arena_free(arena);
}
END_TEST

/* By nothing that looks for folders left behind. */
static void make(struct arena *arena, const char *folder, const char *name) {
    FILE *file = fopen(arena_printf(arena, "%s/%s", folder, name), "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
}

/* Of a process that was killed while it wrote, and of one that writes now. */
START_TEST(what_ended_writers_left_behind_is_removed) {
    struct arena *arena = arena_create();
    char *root = scratch();
    const char *left = arena_printf(arena, "%s/.writing-AbCdEf", root),
               *busy = arena_printf(arena, "%s/.writing-GhIjKl", root),
               *other = arena_printf(arena, "%s/.writing-MnOpQr", root);
    static const char *const names[] = {"0", "1.old", "17"};
    ck_assert(mkdir(left, 0700) == 0 && mkdir(busy, 0700) == 0 && mkdir(other, 0700) == 0);
    for (size_t i = 0; i < 3; i++) {
        make(arena, busy, names[i]);
        make(arena, left, names[i]);
    }
    make(arena, other, "notes");
    int lock = open(busy, O_RDONLY | O_DIRECTORY);
    ck_assert(lock >= 0 && flock(lock, LOCK_EX) == 0);
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/file", root), "1", 1, NULL, 0));
    ck_assert_int_ne(access(left, F_OK), 0);
    ck_assert_uint_eq(entries(busy), 3);
    ck_assert_uint_eq(entries(other), 1);
    close(lock);
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/file", root), "2", 1, NULL, 0));
    ck_assert_int_ne(access(busy, F_OK), 0);
    ck_assert_uint_eq(entries(root), 2);
    remove_tree(root);
    arena_free(arena);
}
END_TEST

/* A signal that came while files are written: none is changed, nothing is left, and it ends the process then. */
START_TEST(a_signal_takes_back_what_was_begun) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct arena *arena = arena_create();
        char *root = scratch();
        int status = 0;
        ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/first", root), "old", 3, NULL, 0));
        pid_t child = fork();
        if (child == 0) {
            sigset_t set;
            struct output_file files[] = {{"first", "new", 3, NULL, 0, NULL},
                                          {"k/second", "new", 3, NULL, 0, NULL}};
            sigemptyset(&set);
            sigaddset(&set, signals[i]);
            signal(signals[i], SIG_DFL);
            sigprocmask(SIG_BLOCK, &set, NULL);
            raise(signals[i]);
            const char *failure = directory_write(arena, root, files, 2);
            if (!failure) {
                _exit(1);
            }
            sigprocmask(SIG_UNBLOCK, &set, NULL);
            _exit(2);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == signals[i], "status %d", status);
        expect(arena, arena_printf(arena, "%s/first", root), "old");
        ck_assert_uint_eq(entries(root), 1);
        remove_tree(root);
        arena_free(arena);
    }
}
END_TEST

/* Processes that write into one directory at the same time, each its own file again and again. */
START_TEST(writers_beside_each_other_do_not_disturb) {
    enum { WRITERS = 8, TIMES = 250 };
    char *root = scratch();
    pid_t children[WRITERS];
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        ck_assert_int_ge(children[w], 0);
        if (children[w] == 0) {
            struct arena *arena = arena_create();
            const char *path = arena_printf(arena, "%s/%d", root, w), *failure = NULL;
            for (int i = 0; i < TIMES && !failure; i++) {
                failure = file_write(arena, path, "text", 4, NULL, 0);
            }
            if (failure) {
                fprintf(stderr, "%s\n", failure);
            }
            _exit(failure != NULL);
        }
    }
    for (int w = 0; w < WRITERS; w++) {
        int status;
        ck_assert_int_eq(waitpid(children[w], &status, 0), children[w]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(entries(root), WRITERS);
    remove_tree(root);
}
END_TEST

START_TEST(files_of_somebody_else_stay) {
    struct arena *arena = arena_create();
    char *root = scratch();
    struct output_file files[] = {{"mine", "made 2", 6, NULL, 0, "made"},
                                  {"own", "made", 4, NULL, 0, "made"}};
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/mine", root), "made 1", 6, NULL, 0));
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/own", root), "notes", 5, NULL, 0));
    const char *failure = directory_write(arena, root, files, 2);
    ck_assert_ptr_nonnull(failure);
    ck_assert_ptr_nonnull(strstr(failure, arena_printf(arena, "'%s/own'", root)));
    expect(arena, arena_printf(arena, "%s/mine", root), "made 1");
    files[1].bytes = NULL;
    ck_assert_ptr_null(directory_write(arena, root, files, 2));
    expect(arena, arena_printf(arena, "%s/mine", root), "made 2");
    expect(arena, arena_printf(arena, "%s/own", root), "notes");
    ck_assert_ptr_null(file_write(arena, arena_printf(arena, "%s/own", root), "", 0, NULL, 0));
    files[1].bytes = "made";
    ck_assert_ptr_null(directory_write(arena, root, files, 2));
    remove_tree(root);
    arena_free(arena);
}
END_TEST

START_TEST(a_file_is_one_by_every_path) {
    struct arena *arena = arena_create();
    char *root = scratch();
    const char *file = arena_printf(arena, "%s/file", root);
    struct file_identity first, other;
    ck_assert_ptr_null(file_write(arena, file, "x", 1, NULL, 0));
    ck_assert_int_eq(link(file, arena_printf(arena, "%s/hard", root)), 0);
    ck_assert_int_eq(symlink("file", arena_printf(arena, "%s/soft", root)), 0);
    ck_assert_int_eq(symlink(".", arena_printf(arena, "%s/folder", root)), 0);
    static const struct {
        const char *one, *two;
        bool same;
    } rows[] = {
        {"file", "./file", true},        {"file", "hard", true},      {"file", "soft", true},
        {"file", "folder/file", true},   {"file", "new", false},      {"new", "./new", true},
        {"new", "folder/../new", false}, {"new", "folder/new", true}, {"new", "other", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert(file_identify(arena, arena_printf(arena, "%s/%s", root, rows[i].one), &first));
        ck_assert(file_identify(arena, arena_printf(arena, "%s/%s", root, rows[i].two), &other));
        ck_assert_msg(file_identity_equal(&first, &other) == rows[i].same, "%s %s", rows[i].one, rows[i].two);
    }
    ck_assert(!file_identify(arena, "/dev/null", &first));
    ck_assert(!file_identify(arena, arena_printf(arena, "%s/none/file", root), &first));
    remove_tree(root);
    arena_free(arena);
}
END_TEST

/* Bytes and path may change behind each file that was added. */
START_TEST(files_that_come_one_by_one_are_there_together) {
    struct arena *arena = arena_create();
    char *root = scratch(), path[8], bytes[8];
    for (int abandoned = 1; abandoned >= 0; abandoned--) {
        const char *failure = NULL;
        struct directory_writer *writer = directory_open(arena, root, &failure);
        ck_assert_ptr_nonnull(writer);
        for (int i = 0; i < 100; i++) {
            snprintf(path, sizeof path, "k/%d", i);
            int length = snprintf(bytes, sizeof bytes, "%d", 7 * i);
            struct output_file file = {path, bytes, (size_t)length, NULL, 0, NULL};
            ck_assert_ptr_null(directory_add(writer, &file));
        }
        if (abandoned) {
            directory_abandon(writer);
            ck_assert_uint_eq(entries(root), 0);
        } else {
            ck_assert_ptr_null(directory_commit(writer));
        }
    }
    ck_assert_uint_eq(entries(arena_printf(arena, "%s/k", root)), 100);
    expect(arena, arena_printf(arena, "%s/k/99", root), "693");
    remove_tree(root);
    arena_free(arena);
}
END_TEST

UNIT_MAIN("file", files_that_come_one_by_one_are_there_together,
          files_are_written_with_their_folders_and_read_back, other_files_in_the_directory_stay,
          a_failure_leaves_everything_as_it_was, what_stands_in_the_way_is_named_and_stays,
          files_without_bytes_are_removed, a_file_goes_through_a_link_and_into_no_missing_directory,
          reading_ends_at_the_extent, long_extents_are_read_whole, what_cannot_be_read_or_written_says_why,
          what_ended_writers_left_behind_is_removed, a_signal_takes_back_what_was_begun,
          writers_beside_each_other_do_not_disturb, files_of_somebody_else_stay, a_file_is_one_by_every_path)
