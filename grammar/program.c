/* Programs: a straight list of launches of specialised kernels. */

#include "grammar/parse.h"
#include "grammar/resolve.h"

/* ---- specialisations ---- */

static bool same_bindings(const struct binding *a, const struct binding *b) {
    for (; a && b; a = a->next, b = b->next)
        if (a->name != b->name || a->value != b->value)
            return false;
    return !a && !b;
}

static bool kernel_name_taken(struct front *front, const char *name) {
    for (struct specialisation *known = front->specialisations; known; known = known->next)
        if (known->kernel && node_as(known->kernel, kernel)->name == name)
            return true;
    return item_find(front, NODE_KERNEL, name) || item_find(front, NODE_PROGRAM, name);
}

/* The first of a kernel keeps its name, others count: dense, dense_2. */
static const char *specialisation_name(struct front *front, struct item *item) {
    const char *name = item->name;
    if (item->specialisations++ == 0)
        return name;
    do
        name = arena_intern(front->arena,
                            arena_printf(front->arena, "%s_%u", item->name, item->specialisations));
    while (kernel_name_taken(front, name) && item->specialisations++);
    return name;
}

struct specialisation *specialise(struct front *front, struct item *item, struct binding *bindings) {
    struct specialisation **end = &front->specialisations;
    for (; *end; end = &(*end)->next)
        if ((*end)->item == item && same_bindings((*end)->bindings, bindings))
            return *end;
    struct specialisation *made = arena_allocate(front->arena, sizeof *made);
    *made = (struct specialisation){item, bindings, NULL, NULL};
    const char *name = specialisation_name(front, item);
    struct node_kernel *kernel = node_as(resolve_kernel(front, item, name, bindings), kernel);
    if (kernel) {
        made->kernel = node_new(front->arena, kernel, KERNEL, kernel->base.span,
                                .base.attributes = kernel->base.attributes, .name = name,
                                .parameters = kernel->parameters, .conditions = kernel->conditions,
                                .body = kernel->body);
    }
    *end = made;
    return made;
}

/* ---- programs ---- */

static void report_no_kernel(struct resolver *r, struct span span, const char *name) {
    const char **names;
    size_t count = 0;
    for (struct item *item = r->front->items; item; item = item->next)
        count++;
    names = arena_allocate(r->arena, (count + 1) * sizeof *names);
    count = 0;
    for (struct item *item = r->front->items; item; item = item->next)
        if (item->tree->kind == NODE_KERNEL)
            names[count++] = item->name;
    report_error(r->diagnostics, span_of_name(span, name), "there is no kernel %s", name);
    const char *nearest = suggest_nearest(name, names, count);
    if (nearest)
        report_help(r->diagnostics, item_find(r->front, NODE_KERNEL, nearest)->tree->span, "did you mean %s?",
                    nearest);
}

/* Names of one launch are new ones or tensors of the program; false after a report. */
static bool check_targets(struct resolver *r, struct node *tree, struct node_list targets) {
    const char *known = NULL, *fresh = NULL;
    for (size_t i = 0; i < targets.count; i++) {
        struct node_let *let = node_as(targets.items[i], let);
        struct node_reference *reference = node_as(targets.items[i], reference);
        const char *name = let ? let->name : reference ? reference->name : NULL;
        struct entity *entity = name ? lookup_quietly(r, name) : NULL;
        *(entity && entity->kind == ENTITY_TENSOR ? &known : &fresh) = name;
    }
    if (!known || !fresh)
        return true;
    report_error(r->diagnostics, tree->span,
                 "not supported yet: a launch with a new name, %s, and a tensor of the program, %s", fresh,
                 known);
    report_help(r->diagnostics, (struct span){0},
                "give it new names by `let`, and copy into %s by a kernel of its own", known);
    return false;
}

/* A launch with these targets, or a report that the value is none. */
static void resolve_step(struct resolver *r, struct node_list conditions, struct node *tree,
                         struct node_list targets, bool declares, struct node *value,
                         struct list_builder *out) {
    struct node_call *call = node_as(value, call);
    if (!declares && !check_targets(r, tree, targets))
        return;
    if (call && item_find(r->front, NODE_KERNEL, call->function)) {
        resolve_launch(r, conditions, tree, targets, declares, call->function, call->arguments, out);
        return;
    }
    if (call)
        report_no_kernel(r, call->base.span, call->function);
    else {
        struct node_reference *tensor = value ? node_as(value, reference) : NULL;
        report_error(r->diagnostics, value ? value->span : tree->span,
                     "a program launches kernels: Y = kernel(...)");
        if (tensor && targets.count == 1)
            report_help(
                r->diagnostics, (struct span){0},
                "a result is what a launch gives: write it where %s is given, or launch a kernel that copies",
                tensor->name);
    }
    for (size_t i = 0; declares && i < targets.count; i++) { /* known, so that only one error follows */
        struct node_let *let = node_as(targets.items[i], let);
        if (!let) /* a result under its own name */
            continue;
        declare(r, ENTITY_CONSTANT, let->name, let->base.span)->value = poison(let->base.span);
    }
}

/* ---- results that are given another name ---- */

/* The result that a statement behind gives what this name is: loss = l; NULL: none does. */
static struct node *result_called(struct node_list parameters, struct node_list statements, const char *name) {
    for (size_t i = 0; i < statements.count; i++) {
        const struct node_assign *assign = node_as(statements.items[i], assign);
        const struct node_reference *target = assign && assign->op == ASSIGN_SET ? node_as(assign->target, reference) : NULL,
                                    *value = target ? node_as(assign->value, reference) : NULL;
        for (size_t k = 0; value && strcmp(value->name, name) == 0 && k < parameters.count; k++) {
            const struct node_parameter *parameter = node_as(parameters.items[k], parameter);
            if (parameter->direction == DIRECTION_OUT && strcmp(parameter->name, target->name) == 0)
                return assign->target;
        }
    }
    return NULL;
}

/* `let G, l = grad(Y, T); loss = l;` launches grad into G and loss: what has two names is one tensor, which is loss behind the
 * launch as well. */
static struct node_list results_renamed(struct resolver *r, struct node_list parameters, struct node_list statements) {
    struct list_builder renamed = {0};
    for (size_t i = 0; i < statements.count; i++) {
        struct node_let *let = node_as(statements.items[i], let);
        struct node_list behind = {statements.count - i - 1, statements.items + i + 1};
        struct node *result = let ? result_called(parameters, behind, let->name) : NULL;
        struct list_builder rest = {0};
        builder_add(r->arena, &renamed, statements.items[i]);
        if (!result)
            continue;
        const char *name = node_as(result, reference)->name;
        for (size_t k = 0; k < behind.count; k++) {
            const struct node_assign *assign = node_as(behind.items[k], assign);
            bool gives = assign && assign->target == result;
            if (!gives)
                builder_add(r->arena, &rest, substitute(r->arena, behind.items[k], let->name, result));
        }
        struct node_let target = *let;
        target.name = name;
        target.axes = LIST(r->arena, result); /* it is no new name */
        renamed.items[renamed.count - 1] = arena_copy(r->arena, &target, sizeof target);
        struct list_builder all = {0};
        for (size_t k = 0; k <= i; k++)
            builder_add(r->arena, &all, renamed.items[k]);
        builder_add_all(r->arena, &all, builder_list(&rest));
        statements = builder_list(&all);
    }
    return statements;
}

/* The target that a `let` of a program is: a new name, or a result that stands for it. */
static struct node *target_of(struct node_let *let) {
    struct node *named = let->axes.count ? let->axes.items[0] : NULL;
    return named && named->kind == NODE_REFERENCE ? named : &let->base;
}

static void resolve_program_statement(struct resolver *r, struct node_list conditions,
                                      struct node_list statements, size_t *at, struct list_builder *out) {
    struct node *tree = statements.items[*at];
    struct node_let *let = node_as(tree, let);
    struct node_assign *assign = node_as(tree, assign);
    struct node_launch *launch = node_as(tree, launch);
    if (let) { /* let H, G = split(X): names without a value belong to the next one */
        struct list_builder targets = {0};
        while (!let->value && *at + 1 < statements.count && statements.items[*at + 1]->kind == NODE_LET) {
            builder_add(r->arena, &targets, target_of(let));
            let = node_as(statements.items[++*at], let);
        }
        builder_add(r->arena, &targets, target_of(let));
        resolve_step(r, conditions, &let->base, builder_list(&targets), true, let->value, out);
    } else if (assign && assign->op == ASSIGN_SET) {
        resolve_step(r, conditions, tree, LIST(r->arena, assign->target), false, assign->value, out);
    } else if (launch) {
        struct node *call = node_new(r->arena, call, CALL, tree->span, .function = launch->kernel,
                                     .arguments = launch->arguments);
        resolve_step(r, conditions, tree, launch->results, false, call, out);
    } else if (tree->kind == NODE_STATEMENT) { /* all that it changes it changes in place */
        resolve_step(r, conditions, tree, (struct node_list){0}, false, node_as(tree, statement)->call, out);
    } else {
        report_error(r->diagnostics, tree->span,
                     "a program is a list of launches: let H = kernel(...); Y = kernel(...); change(W);");
    }
}

struct node *resolve_program(struct front *front, struct item *item) {
    struct node_program *program = node_as(item->tree, program);
    struct resolver r;
    unsigned errors = front->diagnostics->error_count;
    resolver_start(&r, front, front->diagnostics);
    r.inside_program = true;
    struct node_list parameters = resolve_parameters(&r, program->parameters);
    struct node_list conditions = resolve_conditions(&r, program->conditions);
    struct node_list statements =
        results_renamed(&r, parameters, node_as(program->body, block)->statements);
    struct list_builder body = {0};
    for (size_t i = 0; i < statements.count; i++)
        resolve_program_statement(&r, conditions, statements, &i, &body);
    if (front->diagnostics->error_count == errors)
        check_results_written(&r);
    struct node *made = node_new(r.arena, program, PROGRAM, item->tree->span, .name = item->name,
                                 .parameters = parameters, .conditions = conditions,
                                 .body = make_block(r.arena, program->body->span, builder_list(&body)));
    made = resolve_attributes(&r, made, item->tree, PLACE_OTHER);
    return front->diagnostics->error_count == errors ? made : NULL;
}
