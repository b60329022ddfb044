/* The subcommands that show: ir, check, report, passes, completion. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "driver/session.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"
#include "support/architecture.h"
#include "support/arena.h"

enum exit_code command_ir(struct arena *arena, const struct settings *settings) {
    struct session session;
    if (session_compile(&session, arena, settings, settings->after)) {
        struct text_buffer text = {0};
        node_print(session.unit.module, settings->plain ? PRINT_PLAIN : PRINT_SPANS, &text);
        fwrite(text_string(&text), 1, text.length, stdout);
        text_free(&text);
        return session_finish(&session, SEVERITY_WARNING, false);
    }
    enum exit_code code = session_finish(&session, SEVERITY_WARNING, false);
    return code == EXIT_OK ? EXIT_USER_ERROR : code;
}

/* "8x8" from [8, 8]. */
static const char *grid_text(struct arena *arena, struct node *pair) {
    struct node_sequence *sequence = node_as(pair, sequence);
    return sequence && sequence->items.count == 2
               ? arena_printf(arena, "%sx%s", node_text(arena, sequence->items.items[0]),
                              node_text(arena, sequence->items.items[1]))
               : "";
}

/* The items of the module, each kernel before the one that is launched in its place. */
static struct node_list items_to_show(struct session *session) {
    struct node_list items = node_as(session->unit.module, module)->items;
    struct list_builder shown = {0};
    for (size_t i = 0; i < items.count; i++) {
        if (items.items[i]->kind == NODE_KERNEL && unit_is_version(&session->unit, items.items[i])) {
            continue;
        }
        builder_add(session->arena, &shown, items.items[i]);
        if (items.items[i]->kind == NODE_KERNEL) {
            builder_add(session->arena, &shown, unit_version(&session->unit, items.items[i]));
        }
    }
    return builder_list(&shown);
}

/* The least value of a size at which an expression of it alone, which grows with it, is more than a limit; 0: it has
 * other sizes, or is never more. */
static int64_t first_beyond(struct arena *arena, struct node *expression, int64_t limit, const char **size) {
    struct environment sizes = {.arena = arena};
    struct diagnostics *scratch = diagnostics_create(arena);
    int64_t fits = 0, beyond = (int64_t)INT32_MAX + 1, bytes;
    *size = NULL;
    for_each (reference, reference, expression) {
        if (*size && strcmp(*size, reference->name) != 0) {
            return 0;
        }
        *size = reference->name;
    }
    while (*size && beyond - fits > 1) {
        int64_t middle = fits + (beyond - fits) / 2;
        environment_set(&sizes, *size, middle);
        *(size_evaluate(scratch, &sizes, expression, &bytes) && bytes <= limit ? &fits : &beyond) = middle;
    }
    return *size && beyond <= INT32_MAX ? beyond : 0;
}

/* What a launch does about the L1 that its sizes ask for. */
static const char *l1_text(struct arena *arena, const struct node_kernel *kernel, struct node *bytes,
                           int64_t limit) {
    const char *version = attribute_word(attribute_get(&kernel->base, KEY_TT_WHEN_FULL), NULL), *size;
    if (!bytes || bytes->kind == NODE_INTEGER) {
        return "";
    }
    if (!version) {
        return ": the launch checks it";
    }
    int64_t beyond = first_beyond(arena, bytes, limit, &size);
    return beyond ? arena_printf(arena, ": from %s = %" PRId64 " on %s is launched", size, beyond, version)
                  : arena_printf(arena, ": where that is more, %s is launched", version);
}

/* What holds of one kernel, as sentences. */
static void print_checked(struct session *session, struct node_kernel *kernel) {
    struct arena *arena = session->arena;
    const struct settings *settings = session->settings;
    const struct architecture *architecture = session->unit.options.architecture;
    struct node *verified = attribute_get(&kernel->base, KEY_TT_VERIFIED);
    bool alias = strcmp(settings->architecture, architecture->name) != 0;
    const char *grid = grid_text(arena, attribute_get(&kernel->base, KEY_TT_CORE_GRID));
    int64_t undecided = 0;
    struct node *count = dictionary_get(verified, KEY_UNDECIDED);
    bool open = count && integer_value(count, &undecided);
    printf("kernel %s %s on %s%s%s%s%s%s%s\n", kernel->name, open ? "is not all proved" : "holds",
           settings->architecture, alias ? " (" : "", alias ? architecture->name : "", alias ? ")" : "",
           *grid ? ", on " : "", grid, *grid ? " cores" : "");
    if (!session->unit
             .from_ir) { /* auto_tile_tt refuses what bounds_check does not prove; IR text may begin behind it */
        printf("  every access is in bounds, at all sizes that a launch accepts\n");
    }
    if (open) {
        printf("  %" PRId64 " question%s left open: see the warning%s\n", undecided,
               undecided == 1 ? " is" : "s are", undecided == 1 ? "" : "s");
    }
    struct node_dictionary *checks = node_as(attribute_get(&kernel->base, KEY_TT_CHECKS), dictionary);
    for (size_t i = 0; checks && i < checks->entries.count; i++) {
        struct node_attribute *check = node_as(checks->entries.items[i], attribute);
        printf("  the launch checks %s: %s\n", check->key, node_text(arena, check->value));
    }
    bool compared = unit_tile_form(&session->unit, kernel->name) != NULL;
    printf("  every pass kept the rules of its form%s\n",
           settings->check_passes && compared ? ", and the results on generated inputs" : "");
    if (settings->check_passes && !compared) {
        printf(
            "  results were not compared: the text begins behind tile form, which says what they should be\n");
    }
    struct node *bytes = dictionary_get(verified, KEY_L1_BYTES);
    printf("  %s of %u circular buffers\n", node_text(arena, dictionary_get(verified, KEY_CIRCULAR_BUFFERS)),
           architecture->circular_buffers);
    printf("  %s of %u bytes of L1%s\n", node_text(arena, bytes), architecture->l1_buffer_bytes,
           l1_text(arena, kernel, bytes, architecture->l1_buffer_bytes));
    printf("  %s of %u launch arguments\n", node_text(arena, dictionary_get(verified, KEY_LAUNCH_ARGUMENTS)),
           architecture->runtime_arguments);
}

/* What was proved of the kernel, each with its place and the sets behind it. */
static void print_explanations(const struct session *session, const struct node_kernel *kernel) {
    struct diagnostics *diagnostics = session->unit.diagnostics;
    diagnostics_tell(diagnostics, kernel->name);
    for (const struct explanation *told = session->explanations.first; told; told = told->next) {
        if (strcmp(told->kernel, kernel->name) != 0) {
            continue;
        }
        bool placed = told->span.line && told->span.file < diagnostics->source_count;
        if (placed) {
            printf("  %s:%u:%u: %s\n", diagnostics->sources[told->span.file].path, told->span.line,
                   told->span.column, diagnostics_told(diagnostics, told->sentence));
        } else {
            printf("  %s\n", diagnostics_told(diagnostics, told->sentence));
        }
        for (const struct set_text *set = told->sets; set; set = set->next) {
            printf("      %s: %s\n", set->label, set->text);
        }
    }
    diagnostics_tell(diagnostics, NULL);
}

enum exit_code command_check(struct arena *arena, const struct settings *settings) {
    struct session session;
    bool ok = session_open(&session, arena, settings);
    if (ok && session_has_plan(&session)) {
        return check_plan(&session);
    }
    session.rehearse = REHEARSE_ALL;
    ok = ok && session_passes(&session, NULL);
    struct node_list items = ok ? items_to_show(&session) : (struct node_list){0};
    for (size_t i = 0; i < items.count; i++) {
        struct node_kernel *kernel = node_as(items.items[i], kernel);
        if (kernel) {
            print_checked(&session, kernel);
            print_explanations(&session, kernel);
        }
    }
    enum exit_code code = session_finish(&session, ok ? SEVERITY_REMARK : SEVERITY_WARNING, false);
    return code == EXIT_OK && !ok ? EXIT_USER_ERROR : code;
}

/* ---- report ---- */

enum { TILE_OPERATIONS = TILE_SCAN + 1 };

/* "9 tile operations: 4 load, 3 map, 2 store" */
static const char *counts_text(struct arena *arena, const size_t *counts) {
    const char *list = "";
    size_t total = 0;
    for (size_t i = 0; i < TILE_OPERATIONS; i++) {
        if (counts[i]) {
            list = arena_printf(arena, "%s%s %zu %s", list, total ? "," : ":", counts[i],
                                word_text(WORDS_tile_operation, (int)i));
            total += counts[i];
        }
    }
    return arena_printf(arena, "%zu tile operation%s%s", total, total == 1 ? "" : "s", list);
}

/* How a load or store moves that is not one page for each tile, and what that costs. */
static const char *way_text(struct node_kernel *kernel, struct node_tile *tile) {
    bool load = tile->operation == TILE_LOAD, store = tile->operation == TILE_STORE;
    const char *way = attribute_word(attribute_get(&tile->base, KEY_TT_MOVE), "");
    struct node_access *tensor = load ? node_as(tile->value, access) : store ? node_as(tile->target, access) : NULL;
    struct node_parameter *parameter = tensor ? find_parameter(&kernel->base, tensor->name) : NULL;
    if (strcmp(way, "elements") == 0)
        return ", element by element: about 20 cycles each";
    if (strcmp(way, "rows") == 0 || (parameter && is_row_major(parameter)))
        return load ? ", in halves of rows: 64 reads for each tile" : ", in halves of rows: 64 writes for each tile";
    return "";
}

/* A remark for every tile operation, at the place that it comes from. */
static void print_report(struct session *session, struct node_kernel *kernel, size_t *total) {
    struct diagnostics *remarks = diagnostics_continue(session->arena, session->unit.diagnostics);
    struct text_buffer text = {0};
    size_t counts[TILE_OPERATIONS] = {0};
    diagnostics_tell(remarks, kernel->name);
    for_each (tile, tile, &kernel->base) {
        report_remark(
            remarks, tile->base.span, "%s: %s %s %s%s", word_text(WORDS_tile_operation, (int)tile->operation),
            node_text(session->arena, tile->target), word_text(WORDS_assign_operator, (int)tile->op),
            node_text(session->arena, tile->value), way_text(kernel, tile));
        counts[tile->operation]++;
        total[tile->operation]++;
    }
    diagnostics_print(remarks, SEVERITY_REMARK, false, &text);
    printf("kernel %s: %s\n%s", kernel->name, counts_text(session->arena, counts), text_string(&text));
    text_free(&text);
}

enum exit_code command_report(struct arena *arena, const struct settings *settings) {
    struct session session;
    bool ok = session_compile(&session, arena, settings, "tensorize_tt");
    struct node_list items = ok ? items_to_show(&session) : (struct node_list){0};
    size_t total[TILE_OPERATIONS] = {0}, kernels = 0;
    for (size_t i = 0; i < items.count; i++) {
        struct node_kernel *kernel = node_as(items.items[i], kernel);
        if (kernel) {
            print_report(&session, kernel, total);
            kernels++;
        }
    }
    if (ok && kernels != 1) {
        printf("%zu kernels, %s\n", kernels, counts_text(arena, total));
    }
    enum exit_code code = session_finish(&session, ok ? SEVERITY_REMARK : SEVERITY_WARNING, false);
    return code == EXIT_OK && !ok ? EXIT_USER_ERROR : code;
}

enum exit_code command_passes(struct arena *arena, const struct settings *settings) {
    (void)arena;
    (void)settings;
    size_t width = 0;
    for (size_t i = 0; i < pass_count; i++) {
        size_t length = strlen(passes[i].name);
        width = length > width ? length : width;
    }
    for (size_t i = 0; i < pass_count; i++) {
        bool keeps = passes[i].needs == passes[i].gives;
        char forms[32];
        snprintf(forms, sizeof forms, "%s%s%s", form_name(passes[i].needs), keeps ? "" : " -> ",
                 keeps ? "" : form_name(passes[i].gives));
        printf("%-*s  %-14s  %s\n", (int)width, passes[i].name, forms, passes[i].summary);
    }
    return EXIT_OK;
}

enum exit_code command_help(struct arena *arena, const struct settings *settings) {
    return print_help(arena, settings->input);
}

enum exit_code command_version(struct arena *arena, const struct settings *settings) {
    (void)arena;
    (void)settings;
    print_version();
    return EXIT_OK;
}

enum exit_code command_completion(struct arena *arena, const struct settings *settings) {
    (void)arena;
    print_completion(settings->input);
    return EXIT_OK;
}
