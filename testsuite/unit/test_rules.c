/* Who broke a rule of device form: a text that is refused is its author's error when it was read as IR text.
 * Had tilec made it of a .tl, it would be a fault of tilec, unless the rule is a limit that authors meet
 * (transforms/verify_rules.def). */
#include <dirent.h>
#include <string.h>

#include "driver/compile.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/diagnostic.h"
#include "support/file.h"
#include "support/text_buffer.h"
#include "testsuite/unit/unit.h"

enum verdict { ACCEPTED, REFUSED, FAULT };

/* The verdict of verify_tt_ir on a text, as if it was written by its author or made by tilec. */
static enum verdict judge(const char *path, bool authored, bool *told) {
    struct arena *arena = arena_create();
    const char *error;
    size_t length;
    const char *text = file_read(arena, path, &length, &error);
    ck_assert_msg(text != NULL, "%s", error);
    struct unit unit = {.arena = arena,
                        .diagnostics = diagnostics_create(arena),
                        .options = {.architecture = architecture_find("wormhole_b0"),
                                    .only = "verify_tt_ir",
                                    .rehearse = REHEARSE_ALL}};
    bool loaded = unit_load(&unit, path, text, length);
    unit.from_ir = authored;
    enum verdict verdict = loaded && unit_compile(&unit) ? ACCEPTED : unit.broken ? FAULT : REFUSED;
    struct text_buffer out = {0};
    diagnostics_print(unit.diagnostics, SEVERITY_ERROR, false, &out);
    *told = strstr(text_string(&out), "fault of tilec: what it made of kernel ") != NULL;
    text_free(&out);
    arena_free(arena);
    return loaded ? verdict : ACCEPTED; /* what does not load is not judged by these rules */
}

static bool is_limit(const char *file) {
    static const char *const limits[] = {"l1_overrun_is_refused.ir", "too_many_buffers_are_refused.ir",
                                         "too_many_arguments_are_refused.ir", "loops_beyond_the_proofs.ir"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (strcmp(limits[i], file) == 0)
            return true;
    return false;
}

/* Returns how many texts of the folder are faults of tilec, and how many are limits. */
static void judge_folder(const char *folder, unsigned *faults, unsigned *limits) {
    char path[4096];
    snprintf(path, sizeof path, "%s/testsuite/%s", SOURCES, folder);
    DIR *directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        bool told;
        if (length < 3 || strcmp(entry->d_name + length - 3, ".ir") != 0)
            continue;
        snprintf(path, sizeof path, "%s/testsuite/%s/%s", SOURCES, folder, entry->d_name);
        enum verdict written = judge(path, true, &told);
        ck_assert_msg(written != FAULT && !told, "%s is its author's", entry->d_name);
        enum verdict made = judge(path, false, &told), wanted = written == ACCEPTED       ? ACCEPTED
                                                                : is_limit(entry->d_name) ? REFUSED
                                                                                          : FAULT;
        ck_assert_msg(made == wanted && told == (wanted == FAULT), "%s: verdict %d, not %d", entry->d_name,
                      (int)made, (int)wanted);
        *faults += made == FAULT;
        *limits += made == REFUSED;
    }
    closedir(directory);
}

START_TEST(what_tilec_made_and_a_rule_refuses_is_a_fault_of_tilec) {
    unsigned faults = 0, limits = 0;
    judge_folder("prove", &faults, &limits);
    judge_folder("verify_tt_ir", &faults, &limits);
    ck_assert_uint_gt(faults, 150);
    ck_assert_uint_ge(limits, 2);
}
END_TEST

UNIT_MAIN("rules", what_tilec_made_and_a_rule_refuses_is_a_fault_of_tilec)
