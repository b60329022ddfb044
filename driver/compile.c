/* The passes are run on the kernels of a unit from any form on; what is refused is tried another way: streamed, or as a
 * program of launches. */
#include <string.h>

#include "driver/options.h"
#include "driver/rehearse.h"
#include "driver/unit.h"
#include "driver/validate.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/verify.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/explanation.h"
#include "transforms/refusals.h"
#include "transforms/stages.h"

static const struct span no_place;

static const struct {
    const char *key, *owner;
} attribute_owners[] = {
#define ATTRIBUTE(NAME, key, owner, shape, sentence) {key, owner},
#include "ir/attributes.def"
};

/* The later of a pass and that which settled an attribute of the tree, of those that give the form. The
 * stamp of an earlier verification is no proof: the text may have changed since. */
static const struct pass *later_owner(const struct pass *latest, const char *key, enum form form) {
    for (size_t i = 0; i < sizeof attribute_owners / sizeof *attribute_owners; i++) {
        const struct pass *pass =
            strcmp(attribute_owners[i].key, key) == 0 ? pass_find(attribute_owners[i].owner) : NULL;
        if (pass && strcmp(key, KEY_TT_VERIFIED) != 0 && pass->gives == form && (!latest || pass > latest)) {
            latest = pass;
        }
    }
    return latest;
}

/* The pass behind which a kernel goes on: the one named by --from, else the last whose decisions it carries,
 * else the first that gives the form it has. */
static const char *resume_point(const struct unit *unit, struct node *kernel, enum form form) {
    const char *from = unit->options.from;
    if (from) {
        return strcmp(from, AFTER_PARSE) == 0 ? NULL : from;
    }
    const struct pass *latest = NULL;
    for_each_node (node, kernel) {
        for (size_t i = 0; i < node->attributes.count; i++) {
            latest = later_owner(latest, node_as(node->attributes.items[i], attribute)->key, form);
        }
    }
    for (size_t i = 0; form != FORM_LOOP && !latest && i < pass_count; i++) {
        latest = passes[i].gives == form ? &passes[i] : NULL;
    }
    return latest ? latest->name : NULL;
}

/* Does the kernel have the form that the pass behind `first` needs? */
static bool check_form(struct unit *unit, struct node *kernel, enum form form, const char *first) {
    const struct pass *next = first ? pass_find(first) + 1 : passes;
    if (next == passes + pass_count || next->needs == form) {
        return true;
    }
    report_error(unit->diagnostics, kernel->span, "kernel %s is in %s form, and pass %s needs %s form",
                 item_name(kernel), form_name(form), next->name, form_name(next->needs));
    return false;
}

/* Does the last pass that is asked for stand behind `first`, or is it that one? */
static bool check_order(struct unit *unit, const struct node *kernel, const char *first) {
    const struct pass *behind = first ? pass_find(first) : NULL,
                      *last = unit->options.last ? pass_find(unit->options.last) : NULL;
    if (!behind || !last || behind <= last) {
        return true;
    }
    report_error(unit->diagnostics, kernel->span, "kernel %s is IR behind pass %s: it cannot go back to %s",
                 item_name(kernel), behind->name, last->name);
    report_help(
        unit->diagnostics, no_place,
        "print the IR of an earlier pass from the source, or name the pass that it was printed after by --from");
    return false;
}

/* Runs the passes behind `first`. A fault of one is kept with the kernel as it stood; where one refuses, all that
 * is refused is reported. NULL after either. */
static struct node *run_passes(struct unit *unit, struct compilation *compilation, const char *first,
                               const struct pass_options *options) {
    struct node *kernel = compilation->kernel;
    const struct diagnostic *before = diagnostics_last(unit->diagnostics);
    if (passes_run(compilation, first, options)) {
        return compilation->kernel;
    }
    if (!compilation->broken) {
        refusals_add(compilation, kernel, first, options, before ? before->next : unit->diagnostics->first);
    } else if (!unit->broken) {
        unit->broken = arena_printf(unit->arena, "pass %s", compilation->broken->name);
        unit->broken_kernel = node_copy(unit->arena, compilation->kernel);
    }
    return NULL;
}

static bool is_proof(const char *pass) {
    return strcmp(pass, passes[pass_count - 1].name) == 0;
}

/* Is what the passes behind `first` made of a kernel rehearsed? The last of them has proved it then. */
static bool is_rehearsed(const struct unit *unit, const char *first, const char *last) {
    const struct unit_options *options = &unit->options;
    bool text = unit->from_ir || options->check_passes;
    return (options->rehearse == REHEARSE_ALL || (options->rehearse == REHEARSE_TEXT && text)) &&
           (!first || !is_proof(first)) && (!last || is_proof(last));
}

/* Does the kernel that is emitted compute what tile form says? A fault is that of all passes between. */
static bool validate(struct unit *unit, struct compilation *compilation) {
    const char *how = NULL;
    enum check_outcome outcome = validate_kernel(unit, compilation, compilation->tile_form, &how);
    if (outcome == CHECK_DIFFERENT) {
        const char *group = arena_printf(unit->arena, "passes %s", validated_passes(unit->arena));
        if (report_wrong_result(compilation, group, "changed the results", how) && !unit->broken) {
            unit->broken = group;
            unit->broken_kernel = node_copy(unit->arena, compilation->kernel);
        }
    }
    return outcome == CHECK_EQUAL;
}

static const char *fresh_name(const struct unit *unit, const char *base) {
    const char *name = base;
    for (int number = 2; find_item(unit->module, name) || find_item(unit->written, name); number++) {
        name = arena_printf(unit->arena, "%s_%d", base, number);
    }
    return name;
}

/* What the same kernel for rows of any length is called. */
static const char *fresh_version_name(const struct unit *unit, const struct node *kernel) {
    return fresh_name(unit, arena_printf(unit->arena, "%s_streamed", item_name(kernel)));
}

/* One kernel on its way: what becomes of it and what is said of it. */
struct attempt {
    struct node *result; /* NULL: refused, or a fault */
    struct diagnostics *diagnostics;
    enum rows rows;
    bool relays; /* it could do with less in several launches */
};

/* What the passes make of a kernel, in an arena that does not last; the kernel itself where nothing is to be
 * done. */
static struct node *compile_in(struct unit *unit, struct arena *arena, struct node *kernel,
                               struct attempt *attempt) {
    const struct unit_options *options = &unit->options;
    const struct architecture *architecture = options->architecture;
    enum form form = kernel_form(kernel);
    const char *first = options->only ? pass_before(options->only) : resume_point(unit, kernel, form);
    if (options->explanations) {
        options->explanations->kernel = node_as(kernel, kernel)->name;
    }
    if (!check_form(unit, kernel, form, first) || !check_order(unit, kernel, first)) {
        return NULL;
    }
    if (first && options->last && strcmp(first, options->last) == 0) {
        return kernel;
    }
    struct compilation compilation = {.arena = arena,
                                      .diagnostics = unit->diagnostics,
                                      .architecture = architecture,
                                      .grid_x = options->grid_x ? options->grid_x : architecture->grid_x,
                                      .grid_y = options->grid_y ? options->grid_y : architecture->grid_y,
                                      .kernel = node_copy(arena, kernel), /* equal names: one pointer */
                                      .explanations = options->explanations,
                                      .authored = unit->from_ir,
                                      .streamed_name = fresh_version_name(unit, kernel),
                                      .form = form};
    struct pass_options pass_options = {.last = options->only ? options->only : options->last,
                                        .check = options->check_passes,
                                        .observe = options->observe,
                                        .context = options->context};
    struct node *result = run_passes(unit, &compilation, first, &pass_options);
    attempt->rows = compilation.rows;
    attempt->relays = compilation.relays;
    bool complete = result && !options->only && (!options->last || is_proof(options->last)),
         fine = result && (!is_rehearsed(unit, first, pass_options.last) || rehearse_kernel(unit, result));
    if (fine && complete && options->check_passes && compilation.tile_form) {
        fine = validate(unit, &compilation);
    }
    if (fine && compilation.tile_form && (options->keep_tile_forms || options->check_passes)) {
        builder_add(unit->arena, &unit->tile_forms, node_copy(unit->arena, compilation.tile_form));
    }
    return fine ? result : NULL;
}

/* What the passes make of a kernel, without what they needed on the way. What they say is kept apart; written: the name
 * under which its author wrote it. */
static struct attempt compile_apart(struct unit *unit, struct node *kernel, const char *written) {
    struct diagnostics *all = unit->diagnostics;
    struct told_names *telling = all->telling;
    struct arena *arena = arena_create();
    diagnostics_tell(all, written);
    struct attempt attempt = {.diagnostics = diagnostics_continue(unit->arena, all)};
    all->telling = telling;
    unit->diagnostics = attempt.diagnostics;
    struct node *result = compile_in(unit, arena, kernel, &attempt);
    attempt.result = result && result != kernel ? node_copy(unit->arena, result) : result;
    unit->diagnostics = all;
    arena_free(arena);
    return attempt;
}

/* What was said of the kernel is said. */
static struct node *accept(struct unit *unit, struct node *kernel, const struct attempt *attempt) {
    struct diagnostics *said = attempt->diagnostics;
    for (const struct diagnostic *one = said->first; one; one = one->next) {
        diagnostics_adopt(unit->diagnostics, one);
    }
    diagnostics_names(unit->diagnostics, item_name(kernel), said->telling->first);
    return attempt->result;
}

/* The kernel as it was written, under this name, with its rows streamed or held. */
static struct node *kernel_with_rows(struct unit *unit, const struct node *kernel, const char *name,
                                     bool streamed) {
    struct node_kernel copy = *(const struct node_kernel *)kernel;
    copy.name = name;
    return attribute_set(unit->arena, arena_copy(unit->arena, &copy, sizeof copy), KEY_TT_STREAMED,
                         make_integer(unit->arena, streamed));
}

static bool same_parameters(const struct node_kernel *a, const struct node_kernel *b) {
    bool same = a->parameters.count == b->parameters.count;
    for (size_t i = 0; same && i < a->parameters.count; i++) {
        const struct node_parameter *one = node_as(a->parameters.items[i], parameter),
                                    *other = node_as(b->parameters.items[i], parameter);
        same = strcmp(one->name, other->name) == 0 && one->dtype == other->dtype &&
               one->direction == other->direction && list_equal(one->dimensions, other->dimensions);
    }
    return same;
}

/* Does the module have the kernel that this one, read as IR text, names for rows of any length? False after a reported
 * error. A launch of `run` looks for it when it wants it. */
static bool check_version(struct unit *unit, struct node *kernel) {
    const char *name = version_name(kernel);
    struct node *item = name ? find_item(unit->module, name) : NULL;
    struct node_kernel *version = item ? node_as(item, kernel) : NULL;
    if (!name || unit->options.late_versions ||
        (version && same_parameters(version, node_as(kernel, kernel)))) {
        return true;
    }
    if (version) {
        report_error(unit->diagnostics, item->span,
                     "%s is launched in place of %s (%s), and has other parameters", name, item_name(kernel),
                     KEY_TT_WHEN_FULL);
    } else {
        report_error(unit->diagnostics, kernel->span,
                     "there is no kernel %s, which is launched in place of %s (%s)", name, item_name(kernel),
                     KEY_TT_WHEN_FULL);
    }
    return false;
}

/* Adds a kernel to the module, and before it the one for rows of any length that it names, if that compiles and nobody
 * waits for a launch to want it. False after a fault of tilec. */
static bool add_with_version(struct unit *unit, struct node *kernel, const char *written,
                             const struct attempt *held, struct list_builder *compiled) {
    const char *name = version_name(kernel) ? NULL : version_name(held->result);
    struct node *result = accept(unit, kernel, held);
    if (name && !unit->options.late_versions) {
        struct node *source = kernel_with_rows(unit, kernel, name, true);
        struct attempt streamed = compile_apart(unit, source, written);
        if (streamed.result || unit->broken) {
            builder_add(unit->arena, compiled, accept(unit, source, &streamed));
        }
        if (streamed.result) {
            report_remark(unit->diagnostics, kernel->span,
                          "kernel %s holds rows in L1, and is launched where they fit: else %s is",
                          item_name(kernel), name);
        } else {
            result = attribute_set(unit->arena, result, KEY_TT_WHEN_FULL, NULL);
        }
    }
    builder_add(unit->arena, compiled, result);
    return !unit->broken;
}

/* The kernel as two, in the unit's arena; false: there is no way to cut it. */
static bool split_kernel(struct unit *unit, struct node *kernel, struct stages *stages) {
    struct arena *arena = arena_create();
    struct compilation compilation = {.arena = arena,
                                      .architecture = unit->options.architecture,
                                      .kernel = node_copy(arena, kernel),
                                      .form = kernel_form(kernel)};
    bool split = compilation.form == FORM_LOOP && stages_split(&compilation, stages);
    for (size_t i = 0; split && i < 2; i++) {
        stages->kernels[i] = node_copy(unit->arena, stages->kernels[i]);
    }
    if (split && stages->between) {
        stages->between = node_as(node_copy(unit->arena, &stages->between->base), parameter);
    }
    arena_free(arena);
    return split;
}

static bool compile_kernel(struct unit *unit, struct node *kernel, const char *written,
                           struct list_builder *compiled);

/* As parameters are written: between: f32[1, M]. */
static const char *tensor_text(struct arena *arena, const struct node_var *var) {
    struct node_parameter tensor = {.base = {.kind = NODE_PARAMETER},
                                    .name = var->name,
                                    .direction = DIRECTION_IN,
                                    .dtype = var->dtype};
    struct list_builder dimensions = {0};
    for (size_t i = 0; i < var->axes.count; i++) {
        builder_add(arena, &dimensions, node_as(var->axes.items[i], axis)->upper);
    }
    tensor.dimensions = builder_list(&dimensions);
    return node_text(arena, &tensor.base) + strlen("in ");
}

/* A remark: which launches stand for the kernel, and what lies between them. */
static void report_stages(struct unit *unit, const struct node *kernel, struct node *program) {
    struct arena *arena = unit->arena;
    struct node_list body = node_as(node_as(program, program)->body, block)->statements;
    size_t launches = 0, tensors = 0;
    for (size_t i = 0; i < body.count; i++) {
        launches += body.items[i]->kind == NODE_LAUNCH;
        tensors += body.items[i]->kind == NODE_VAR;
    }
    const char *names = "", *between = "";
    for (size_t i = 0, at = 0; i < body.count; i++) {
        const struct node_launch *launch = node_as(body.items[i], launch);
        if (launch) {
            names = arena_printf(arena, "%s%s%s", names, at == 0 ? "" : at + 1 == launches ? " and " : ", ",
                                 launch->kernel);
            at++;
        } else {
            between = arena_printf(arena, "%s%s%s", between, *between ? ", " : "",
                                   tensor_text(arena, node_as(body.items[i], var)));
        }
    }
    report_remark(unit->diagnostics, kernel->span, "kernel %s takes %zu launches, %s%s%s", item_name(kernel),
                  launches, names,
                  tensors == 0   ? ""
                  : tensors == 1 ? ", with a tensor between them: "
                                 : ", with tensors between them: ",
                  between);
}

/* Adds the kernel as a program of two kernels, or of those that they become in turn. False, with nothing said or added: it
 * cannot be cut, or a part of it is refused. */
static bool compile_stages(struct unit *unit, struct node *kernel, const char *written,
                           struct list_builder *compiled) {
    struct diagnostics *all = unit->diagnostics;
    struct node *module = unit->written;
    struct list_builder parts = {0};
    struct stages stages = {
        .names = {fresh_name(unit, arena_printf(unit->arena, "%s_1", item_name(kernel))),
                  fresh_name(unit, arena_printf(unit->arena, "%s_2", item_name(kernel)))}};
    if (unit->options.only || !split_kernel(unit, kernel, &stages)) {
        return false;
    }
    struct told_names *telling = all->telling;
    diagnostics_tell(all, written);
    unit->diagnostics = diagnostics_continue(unit->arena, all);
    all->telling = telling;
    struct node_module with_parts = *node_as(module, module);
    with_parts.items = list_append(unit->arena, with_parts.items, stages.kernels[0]);
    with_parts.items = list_append(unit->arena, with_parts.items, stages.kernels[1]);
    unit->written = arena_copy(unit->arena, &with_parts, sizeof with_parts);
    bool fine = compile_kernel(unit, stages.kernels[0], written, &parts) &&
                compile_kernel(unit, stages.kernels[1], written, &parts);
    struct diagnostics *said = unit->diagnostics;
    unit->diagnostics = all;
    if (!fine) {
        unit->written = module;
        return false;
    }
    struct node_list items = builder_list(&parts);
    struct node *program =
        stages_inlined(unit->arena, stages_program(unit->arena, kernel, &stages), items);
    if (strcmp(item_name(kernel), written) == 0) {
        report_stages(unit, kernel, program);
    }
    for (const struct diagnostic *one = said->first; one; one = one->next) {
        diagnostics_adopt(all, one);
    }
    for (size_t i = 0; i < items.count; i++) {
        if (!is_stages_program(items.items[i])) {
            builder_add(unit->arena, compiled, items.items[i]);
        }
    }
    builder_add(unit->arena, compiled, program);
    return true;
}

/* Adds what becomes of a kernel to the module; written: the name under which its author wrote it. What is refused with its
 * rows held is tried with them streamed, and the other way round, and then as a program of two kernels. False after a
 * reported error. */
static bool compile_kernel(struct unit *unit, struct node *kernel, const char *written,
                           struct list_builder *compiled) {
    struct attempt first, other = {0};
    if (!check_version(unit, kernel)) {
        return false;
    }
    first = compile_apart(unit, kernel, written);
    if (first.result && first.relays && compile_stages(unit, kernel, written, compiled)) {
        return true;
    }
    if (first.result) {
        return add_with_version(unit, kernel, written, &first, compiled);
    }
    if (first.rows != ROWS_ONE_WAY && !unit->broken) {
        bool stream = first.rows == ROWS_MAY_STREAM;
        other = compile_apart(unit, kernel_with_rows(unit, kernel, item_name(kernel), stream), written);
    }
    if (!other.result && !unit->broken && compile_stages(unit, kernel, written, compiled)) {
        return true;
    }
    /* of two refusals that of the rows held is told: it is the nearer to what the author wrote */
    bool told = other.result || (other.diagnostics && (unit->broken || first.rows == ROWS_MAY_HOLD));
    accept(unit, kernel, told ? &other : &first);
    builder_add(unit->arena, compiled, other.result ? other.result : kernel);
    return other.result != NULL;
}

static bool check_grid(struct unit *unit) {
    const struct unit_options *options = &unit->options;
    const struct architecture *architecture = options->architecture;
    if (options->grid_x > architecture->grid_x || options->grid_y > architecture->grid_y) {
        report_error(unit->diagnostics, no_place, "--grid %ux%u: %s has %ux%u cores", options->grid_x,
                     options->grid_y, architecture->name, architecture->grid_x, architecture->grid_y);
        return false;
    }
    return true;
}

/* Programs launch the stages of a kernel, and the program in its place goes where one launches it. */
static struct node_list launches_in_stages(struct unit *unit, struct node_list written,
                                           struct node_list items) {
    struct list_builder launched = {0};
    for (size_t i = 0; i < items.count; i++) {
        struct node *item = items.items[i];
        bool used = false;
        for (size_t k = 0; k < written.count && is_stages_program(item); k++) {
            used |=
                written.items[k]->kind == NODE_PROGRAM && launches_kernel(written.items[k], item_name(item));
        }
        if (!used) {
            builder_add(unit->arena, &launched,
                        item->kind == NODE_PROGRAM ? stages_inlined(unit->arena, item, items) : item);
        }
    }
    return builder_list(&launched);
}

bool unit_compile(struct unit *unit) {
    if (!check_grid(unit)) {
        return false;
    }
    const char *last = unit->options.last, *from = unit->options.from;
    if (last && (strcmp(last, AFTER_PARSE) == 0 || (from && strcmp(last, from) == 0))) {
        return true;
    }
    struct node_list items = node_as(unit->module, module)->items;
    struct list_builder compiled = {0};
    bool ok = true;
    for (size_t i = 0; i < items.count; i++) {
        struct node *item = items.items[i];
        if (item->kind == NODE_KERNEL) {
            ok &= compile_kernel(unit, item, item_name(item), &compiled);
        } else {
            builder_add(unit->arena, &compiled, item);
        }
    }
    unit->module = with_items(unit, launches_in_stages(unit, items, builder_list(&compiled)));
    return ok;
}

struct node *unit_version(struct unit *unit, const struct node *kernel) {
    const char *name = version_name(kernel);
    struct node *known = name ? find_item(unit->module, name) : NULL,
                *written = find_item(unit->written, item_name(kernel));
    if (!name || known || !written || kernel_form(written) != FORM_LOOP) {
        return known;
    }
    struct node *source = kernel_with_rows(unit, written, name, true);
    struct attempt streamed = compile_apart(unit, source, item_name(kernel));
    if (streamed.result || unit->broken) {
        accept(unit, source, &streamed);
    }
    if (streamed.result) {
        struct node_list items = node_as(unit->module, module)->items;
        unit->module = with_items(unit, list_append(unit->arena, items, streamed.result));
    }
    return streamed.result;
}
