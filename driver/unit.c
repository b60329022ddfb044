/* What a unit has: its kernels and programs by name, versions, and what `run` means. */
#include "driver/unit.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/query.h"
#include "support/arena.h"
#include "support/text_buffer.h"
#include "transforms/stages.h"

const char *item_name(const struct node *item) {
    struct node *node = (struct node *)(uintptr_t)item;
    struct node_kernel *kernel = node_as(node, kernel);
    struct node_program *program = node_as(node, program);
    return kernel ? kernel->name : program ? program->name : "";
}

struct node *find_item(struct node *module, const char *name) {
    struct node_list items = node_as(module, module)->items;
    for (size_t i = 0; i < items.count; i++) {
        if (strcmp(item_name(items.items[i]), name) == 0) {
            return items.items[i];
        }
    }
    return NULL;
}

struct node *unit_kernel(const struct unit *unit, const char *name) {
    struct node *item = find_item(unit->module, name);
    return item && item->kind == NODE_KERNEL ? item : NULL;
}

struct node *unit_tile_form(const struct unit *unit, const char *name) {
    for (size_t i = 0; i < unit->tile_forms.count; i++) {
        if (strcmp(item_name(unit->tile_forms.items[i]), name) == 0) {
            return unit->tile_forms.items[i];
        }
    }
    return NULL;
}

bool unit_author_wrote_device_form(const struct unit *unit, const char *name) {
    struct node *item = unit->from_ir ? find_item(unit->written, name) : NULL;
    return item && item->kind == NODE_KERNEL && kernel_form(item) == FORM_DEVICE;
}

struct node *with_items(struct unit *unit, struct node_list items) {
    struct node_module *module = node_as(unit->module, module);
    struct node *copy =
        node_new(unit->arena, module, MODULE, module->base.span, .source = module->source, .items = items);
    return node_with_attributes(unit->arena, copy, module->base.attributes);
}

const char *version_name(const struct node *kernel) {
    return attribute_word(attribute_get(kernel, KEY_TT_WHEN_FULL), NULL);
}

bool unit_is_version(const struct unit *unit, const struct node *kernel) {
    struct node_list items = node_as(unit->module, module)->items;
    for (size_t i = 0; i < items.count; i++) {
        const char *name = version_name(items.items[i]);
        if (name && strcmp(name, item_name(kernel)) == 0) {
            return true;
        }
    }
    return false;
}

/* A kernel, or a program in its place, that is launched by itself. */
static bool stands_alone(const struct unit *unit, const struct node *item) {
    struct node_list items = node_as(unit->module, module)->items;
    bool alone = !unit_is_version(unit, item);
    for (size_t i = 0; i < items.count; i++) {
        alone &= !is_stages_program(items.items[i]) || !launches_kernel(items.items[i], item_name(item));
    }
    return alone;
}

struct node *unit_entry(const struct unit *unit) {
    if (unit->options.kernel) {
        return find_item(unit->module, unit->options.kernel);
    }
    struct node_list items = node_as(unit->module, module)->items;
    struct node *program = NULL, *kernel = NULL;
    size_t programs = 0, kernels = 0;
    for (size_t i = 0; i < items.count; i++) {
        if (items.items[i]->kind == NODE_PROGRAM && !is_stages_program(items.items[i])) {
            program = items.items[i];
            programs++;
        } else if (stands_alone(unit, items.items[i])) {
            kernel = items.items[i];
            kernels++;
        }
    }
    if (programs == 1 || (programs == 0 && kernels == 1)) {
        return programs ? program : kernel;
    }
    struct text_buffer names = {0};
    for (size_t i = 0; i < items.count; i++) {
        if (programs ? items.items[i]->kind == NODE_PROGRAM : stands_alone(unit, items.items[i])) {
            text_printf(&names, "%s%s", names.length ? ", " : "", item_name(items.items[i]));
        }
    }
    if (items.count == 0) {
        report_error(unit->diagnostics, (struct span){0}, "%s has no kernel", node_as(unit->module, module)->source);
    } else {
        report_error(unit->diagnostics, (struct span){0}, "%s has several %s: %s",
                     node_as(unit->module, module)->source, programs ? "programs" : "kernels",
                     text_string(&names));
        report_help(unit->diagnostics, (struct span){0}, "choose one by --kernel NAME");
    }
    text_free(&names);
    return NULL;
}
