/* Loading: a source is read as .tl or IR text, and the wanted kernels are selected. */
#include <ctype.h>
#include <string.h>

#include "driver/options.h"
#include "driver/unit.h"
#include "ir/query.h"
#include "ir/verify.h"
#include "support/arena.h"
#include "support/npy.h"

static const struct span no_place;

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* IR text begins with `source "..."`; comments may stand before it. */
static bool begins_as_ir(const char *text, const char *end) {
    while (text < end) {
        if (isspace((unsigned char)*text)) {
            text++;
        } else if (end - text > 1 && text[0] == '/' && text[1] == '/') {
            const char *line_end = memchr(text, '\n', (size_t)(end - text));
            text = line_end ? line_end : end;
        } else {
            break;
        }
    }
    return end - text > 7 && strncmp(text, "source ", 7) == 0;
}

/* Is the kernel launched by the chosen program or in place of the chosen kernel, or in place of one that the program
 * launches? */
static bool is_launched(struct node *chosen, struct node_list items, const char *name) {
    bool launched = launches_kernel(chosen, name);
    for (size_t i = 0; i < items.count && !launched; i++) {
        const char *version = version_name(items.items[i]);
        launched = version && strcmp(version, name) == 0 &&
                   (items.items[i] == chosen || launches_kernel(chosen, item_name(items.items[i])));
    }
    return launched;
}

static bool select_items(struct unit *unit) {
    const char *name = unit->options.kernel;
    if (!name) {
        return true;
    }
    struct node_list items = node_as(unit->module, module)->items;
    struct node *chosen = find_item(unit->module, name);
    if (!chosen) {
        const char **names = arena_allocate(unit->arena, (items.count + 1) * sizeof *names);
        for (size_t i = 0; i < items.count; i++) {
            names[i] = item_name(items.items[i]);
        }
        const char *nearest = suggest_nearest(name, names, items.count), *list = "";
        for (size_t i = 0; i < items.count; i++) {
            const char *kind = items.items[i]->kind == NODE_PROGRAM ? "program" : "kernel";
            list = arena_printf(unit->arena, "%s%s%s %s", list, i ? ", " : "", kind, names[i]);
        }
        report_error(unit->diagnostics, no_place, "there is no kernel or program '%s' in %s", name,
                     node_as(unit->module, module)->source);
        if (nearest) {
            report_help(unit->diagnostics, no_place, "did you mean '%s'?", nearest);
        }
        report_help(unit->diagnostics, no_place, "it has %s", list);
        return false;
    }
    struct list_builder kept = {0};
    for (size_t i = 0; i < items.count; i++) {
        if (items.items[i] == chosen || is_launched(chosen, items, item_name(items.items[i]))) {
            builder_add(unit->arena, &kept, items.items[i]);
        }
    }
    unit->module = with_items(unit, builder_list(&kept));
    return true;
}

static struct node *read_ir(struct unit *unit, const char *path, const char *text, size_t length) {
    uint32_t source = diagnostics_add_source(unit->diagnostics, path, text, length);
    if (unit->options.define_count) {
        report_error(unit->diagnostics, no_place, "-D fixes sizes of a .tl source; '%s' is IR text", path);
        return NULL;
    }
    struct node *module = module_read(unit->arena, unit->diagnostics, source);
    if (module && node_as(module, module)->items.count == 0) {
        report_error(unit->diagnostics, no_place, "%s has no kernel", path);
    }
    return module;
}

/* Kernels of IR text must be of a form, and keep its rules. */
static bool verify_read(struct unit *unit) {
    struct node_list items = node_as(unit->module, module)->items;
    bool ok = true;
    for (size_t i = 0; i < items.count; i++) {
        if (items.items[i]->kind == NODE_KERNEL) {
            ok &= kernel_verify(unit->arena, unit->diagnostics, items.items[i], kernel_form(items.items[i]));
        }
    }
    return ok;
}

/* One message for what is no text, instead of one for each of its bytes. */
static bool check_text(struct unit *unit, const char *path, const char *text, size_t length) {
    const char *zero = memchr(text, 0, length);
    if (length >= 6 && memcmp(text, NPY_MAGIC, 6) == 0) {
        report_error(unit->diagnostics, no_place, "this is no text: '%s' is a .npy file", path);
        report_help(unit->diagnostics, no_place, "arrays are given to a kernel by --in NAME=FILE.npy");
        return false;
    }
    if (zero) {
        report_error(unit->diagnostics, no_place, "this is no text: '%s' has a NUL byte at offset %zu", path,
                     (size_t)(zero - text));
        return false;
    }
    if (length > SOURCE_LIMIT) {
        report_error(unit->diagnostics, no_place, "'%s' is larger than a source may be, %d MiB", path,
                     SOURCE_LIMIT >> 20);
        return false;
    }
    return true;
}

bool unit_load(struct unit *unit, const char *path, const char *text, size_t length) {
    const struct unit_options *options = &unit->options;
    if (!check_text(unit, path, text, length)) {
        return false;
    }
    bool is_ir = ends_with(path, ".ir") || begins_as_ir(text, text + length);
    if (!is_ir && options->from && strcmp(options->from, AFTER_PARSE) != 0) {
        report_error(unit->diagnostics, no_place, "--from %s goes with IR text; '%s' is a source",
                     options->from, path);
        return false;
    }
    unit->from_ir = is_ir;
    unit->module = is_ir ? read_ir(unit, path, text, length)
                         : front_end(unit->arena, unit->diagnostics, path, text, length, options->defines,
                                     options->define_count);
    unit->written = unit->module;
    return unit->module && unit->diagnostics->error_count == 0 && (!is_ir || verify_read(unit)) &&
           programs_verify(unit->arena, unit->diagnostics, unit->module) && select_items(unit);
}
