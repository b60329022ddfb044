/* The printer of reader, compute and writer: one for both languages, which differ by the columns of
 * spelling.def alone. */
#include "codegen/print.h"

#include <string.h>

#include "codegen/spelling.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/names.h"
#include "ir/query.h"
#include "ir/size.h"
#include "support/device_call.h"
#include "support/file.h"
#include "support/text_buffer.h"

struct printer {
    struct arena *arena;
    enum language language;
    struct expression_context expressions;
    struct text_buffer out;
    int indent;
    uint32_t source; /* the file whose places are told */
    const char *source_name;
    uint32_t told;              /* line of the source told last by a comment */
    struct emitted_place place; /* of the statement being printed */
    struct emitted_place *lines;
    size_t line_count, line_capacity;
    const char *previous; /* accessor declared last */
    size_t accessor_count;
    struct list_builder accessors;
    bool failed;
};

/* ---- lines ---- */

static void end_line(struct printer *p) {
    text_append(&p->out, "\n");
    if (p->line_count == p->line_capacity) {
        p->line_capacity = p->line_capacity ? 2 * p->line_capacity : 128;
        struct emitted_place *lines = arena_allocate(p->arena, p->line_capacity * sizeof *lines);
        if (p->line_count)
            memcpy(lines, p->lines, p->line_count * sizeof *lines);
        p->lines = lines;
    }
    p->lines[p->line_count++] = p->place;
}

/* One or several lines at the current indentation; NULL: what was to be spelled has no spelling. */
static void print_line(struct printer *p, const char *text) {
    if (!text) {
        p->failed = true;
        return;
    }
    while (text) {
        size_t length = strcspn(text, "\n");
        text_indent(&p->out, length ? p->indent : 0);
        text_append_range(&p->out, text, length);
        end_line(p);
        text = text[length] ? text + length + 1 : NULL;
    }
}

static void print_blank(struct printer *p) {
    struct emitted_place place = p->place;
    p->place = (struct emitted_place){0};
    print_line(p, "");
    p->place = place;
}

#define LINE(p, row, ...) print_line((p), SPELL((p)->arena, (p)->language, row, __VA_ARGS__))

static const char *value(struct printer *p, struct node *node) {
    const char *text = node ? spell_expression(&p->expressions, node) : NULL;
    if (!node)
        report_error(p->expressions.names->diagnostics, p->place.nearest,
                     "internal error: a declaration or loop lacks a value");
    p->failed = p->failed || !text;
    return text ? text : "";
}

static const char *name(struct printer *p, const char *plain) {
    return spelled_name(p->expressions.names, p->language, plain);
}

/* ---- statements ---- */

static void print_statement(struct printer *p, struct node *node);

/* The place of what is printed next. */
static void set_place(struct printer *p, struct span span) {
    bool in_source = span.line && span.file == p->source;
    p->place = (struct emitted_place){in_source ? span : (struct span){0}, span};
}

/* Where the text goes on from another line of the source, the reader of the kernel is told. */
static void print_place(struct printer *p, const struct node *node) {
    const struct span *span = &node->span;
    bool declares = node->kind == NODE_CONSTANT || node->kind == NODE_ACCESSOR || node->kind == NODE_BLOCK;
    if (declares || !p->source_name || !span->line || span->file != p->source || span->line == p->told)
        return;
    p->told = span->line;
    LINE(p, comment, {"text", arena_printf(p->arena, "%s:%u", p->source_name, span->line)});
}

static void print_body(struct printer *p, struct node *body) {
    const struct accessor_scope *outside = p->expressions.accessors;
    struct node_block *block = node_as(body, block);
    p->indent++;
    for (size_t i = 0; i < (block ? block->statements.count : 1); i++) {
        struct node *statement = block ? block->statements.items[i] : body;
        print_place(p, statement);
        print_statement(p, statement);
    }
    p->indent--;
    p->expressions.accessors = outside;
}

static void print_end(struct printer *p, struct span span) {
    set_place(p, span);
    LINE(p, end, {"", ""});
}

static void print_loop(struct printer *p, struct node_for *loop) {
    for (size_t i = 0; i < loop->axes.count; i++) {
        struct node_axis *axis = node_as(loop->axes.items[i], axis);
        struct hole holes[] = {{"name", name(p, axis->name)},
                               {"lower", value(p, axis->lower)},
                               {"upper", value(p, axis->upper)},
                               {"step", axis->step ? value(p, axis->step) : ""}};
        int64_t step = 0;
        bool by_one = !axis->step || (integer_value(axis->step, &step) && step == 1);
        print_line(p, spell(p->arena, p->language, by_one ? SPELLING_for : SPELLING_for_by, 4, holes));
        p->indent++;
    }
    p->indent--;
    print_body(p, loop->body);
    for (size_t i = loop->axes.count; i > 0; i--) {
        print_end(p, loop->base.span);
        p->indent -= i > 1;
    }
}

static void print_if(struct printer *p, struct node_if *branch, enum spelling head) {
    struct hole condition = {"condition", value(p, branch->condition)};
    print_line(p, spell(p->arena, p->language, head, 1, &condition));
    print_body(p, branch->then);
    set_place(p, branch->base.span);
    struct node_block *block = node_as(branch->otherwise, block);
    struct node *only =
        block && block->statements.count == 1 ? block->statements.items[0] : branch->otherwise;
    if (only && only->kind == NODE_IF) {
        print_if(p, node_as(only, if), SPELLING_else_if);
        return;
    }
    if (branch->otherwise) {
        LINE(p, else, {"", ""});
        print_body(p, branch->otherwise);
    }
    print_end(p, branch->base.span);
}

/* The last name runs fastest; the first needs no remainder; what has no name no line. */
static void print_delinearize(struct printer *p, struct node_delinearize *node) {
    for (size_t i = 0; i < node->names.count; i++) {
        const char *plain = node_as(node->names.items[i], reference)->name;
        struct node *inner = make_integer(p->arena, 1);
        if (strcmp(plain, NAME_UNUSED) == 0)
            continue;
        for (size_t j = i + 1; j < node->extents.count; j++)
            inner = make_mul(p->arena, inner, node->extents.items[j]);
        struct node *index = make_div(p->arena, node->value, inner);
        if (i > 0)
            index = make_mod(p->arena, index, node->extents.items[i]);
        struct hole holes[] = {{"name", name(p, plain)}, {"value", value(p, index)}};
        print_line(p, spell(p->arena, p->language, SPELLING_let, 2, holes));
    }
}

static void print_accessor(struct printer *p, struct node_accessor *accessor) {
    struct accessor_scope *scope = arena_allocate(p->arena, sizeof *scope);
    *scope = (struct accessor_scope){accessor, p->expressions.accessors};
    struct hole holes[] = {{"name", name(p, accessor->name)},
                           {"address", value(p, accessor->address)},
                           {"ordinal", arena_printf(p->arena, "%zu", p->accessor_count)},
                           {"previous", p->previous ? p->previous : ""}};
    print_line(p, spell(p->arena, p->language, p->previous ? SPELLING_next_accessor : SPELLING_first_accessor,
                        4, holes));
    p->previous = holes[0].value;
    p->accessor_count++;
    builder_add(p->arena, &p->accessors, &accessor->base);
    p->expressions.accessors = scope;
}

static void no_spelling(struct printer *p, const struct node *node) {
    report_error(p->expressions.names->diagnostics, node->span,
                 "internal error: codegen has no spelling for the statement %s", node_text(p->arena, node));
    p->failed = true;
}

static void print_assign(struct printer *p, struct node_assign *assign) {
    struct node_reference *target = node_as(assign->target, reference);
    if (!target || assign->op == ASSIGN_MAX || assign->op == ASSIGN_MIN)
        no_spelling(p, &assign->base);
    else
        LINE(p, assign, {"name", name(p, target->name)}, {"op", word_text(WORDS_assign_operator, assign->op)},
             {"value", value(p, assign->value)});
}

static void print_declaration(struct printer *p, enum spelling row, const char *plain, struct node *number) {
    struct hole holes[] = {{"name", name(p, plain)}, {"value", value(p, number)}};
    print_line(p, spell(p->arena, p->language, row, 2, holes));
}

static void print_kind(struct printer *p, struct node *node) {
    switch (node->kind) {
    case NODE_CONSTANT:
        print_declaration(p, SPELLING_constant, node_as(node, constant)->name,
                          node_as(node, constant)->value);
        break;
    case NODE_LET:
        print_declaration(p, SPELLING_let, node_as(node, let)->name, node_as(node, let)->value);
        break;
    case NODE_VAR:
        print_declaration(p, SPELLING_var, node_as(node, var)->name, node_as(node, var)->value);
        break;
    case NODE_ACCESSOR:
        print_accessor(p, node_as(node, accessor));
        break;
    case NODE_DELINEARIZE:
        print_delinearize(p, node_as(node, delinearize));
        break;
    case NODE_ASSIGN:
        print_assign(p, node_as(node, assign));
        break;
    case NODE_FOR:
        print_loop(p, node_as(node, for));
        break;
    case NODE_IF:
        print_if(p, node_as(node, if), SPELLING_if);
        break;
    case NODE_STATEMENT:
        LINE(p, statement, {"call", value(p, node_as(node, statement)->call)});
        break;
    case NODE_BLOCK:
        LINE(p, open, {"", ""});
        print_body(p, node);
        print_end(p, node->span);
        break;
    default:
        no_spelling(p, node);
    }
}

static void print_statement(struct printer *p, struct node *node) {
    struct emitted_place outside = p->place;
    if (node->span.line)
        p->place.nearest = node->span;
    if (node->span.line && node->span.file == p->source)
        p->place.source = node->span;
    print_kind(p, node);
    p->place = outside;
}

/* ---- functions ---- */

/* The statements that say what the function uses: constants, launch arguments, accessors. */
static bool is_preamble(const struct node *node) {
    if (node->kind == NODE_CONSTANT || node->kind == NODE_ACCESSOR)
        return true;
    struct node_let *let = node_as((struct node *)node, let);
    struct node_call *call = let ? node_as(let->value, call) : NULL;
    return call && device_call_find(call->function) == &device_calls[DEVICE_CALL_get_arg_val];
}

static void print_function_body(struct printer *p, struct node_function *function) {
    struct node_block *block = node_as(function->body, block);
    bool preamble = true;
    p->indent++;
    for (size_t i = 0; block && i < block->statements.count; i++) {
        struct node *statement = block->statements.items[i];
        if (preamble && !is_preamble(statement)) {
            preamble = false;
            if (i)
                print_blank(p);
        }
        if (!preamble)
            print_place(p, statement);
        print_statement(p, statement);
    }
    p->indent--;
    p->expressions.accessors = NULL;
}

static void print_helper(struct printer *p, struct node_function *helper) {
    const char *parameters = "";
    for (size_t i = 0; i < helper->parameters.count; i++) {
        struct node_parameter *parameter = node_as(helper->parameters.items[i], parameter);
        const char *text = SPELL(p->arena, p->language, parameter, {"name", name(p, parameter->name)});
        parameters = arena_printf(p->arena, "%s%s%s", parameters, i ? ", " : "", text);
    }
    LINE(p, helper, {"name", name(p, helper->name)}, {"parameters", parameters});
    print_body(p, helper->body);
    print_end(p, (struct span){0});
    print_blank(p);
}

/* Marks the helpers that the tree calls. */
static void mark_called(struct node_list helpers, bool *wanted, struct node *tree) {
    for_each (call, call, tree)
        for (size_t i = 0; i < helpers.count; i++)
            wanted[i] |= strcmp(node_as(helpers.items[i], function)->name, call->function) == 0;
}

/* The helpers that the function calls, directly or through others, which stand behind those that they call. */
static struct node_list helpers_of(struct arena *arena, struct node_list all,
                                   struct node_function *function) {
    struct list_builder used = {0};
    bool *wanted = arena_allocate(arena, (all.count + 1) * sizeof *wanted);
    if (all.count)
        mark_called(all, wanted, function->body);
    for (size_t i = all.count; i-- > 0;)
        if (wanted[i])
            mark_called(all, wanted, node_as(all.items[i], function)->body);
    for (size_t i = 0; i < all.count; i++)
        builder_add(arena, &used, wanted[i] ? all.items[i] : NULL);
    return builder_list(&used);
}

/* ---- includes ---- */

struct text_list {
    const char *texts[64];
    size_t count;
};

struct include_list {
    struct text_list headers, defines;
    bool algorithm;
};

static void add_text(struct text_list *list, const char *text) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->texts[i], text) == 0)
            return;
    if (list->count < sizeof list->texts / sizeof *list->texts)
        list->texts[list->count++] = text;
}

static void add_headers(struct include_list *list, struct node *tree) {
    for_each (call, call, tree) {
        const struct device_call *row = device_call_find(call->function);
        if (row && *row->header)
            add_text(&list->headers, row->header);
        if (row && row->define)
            add_text(&list->defines, row->define);
        list->algorithm |= size_call(&call->base, SIZE_min) || size_call(&call->base, SIZE_max);
    }
}

/* Behind the role's own header the others in the order of their names. */
static void sort_headers(struct text_list *list) {
    for (size_t i = 2; i < list->count; i++)
        for (size_t j = i; j > 1 && strcmp(list->texts[j - 1], list->texts[j]) > 0; j--) {
            const char *header = list->texts[j];
            list->texts[j] = list->texts[j - 1];
            list->texts[j - 1] = header;
        }
}

static bool dst_holds_f32(const struct node *kernel) {
    struct node *compute = attribute_get(kernel, KEY_TT_COMPUTE);
    return attribute_integer(dictionary_get(compute, KEY_FP32_DEST_ACC_EN), 0) != 0;
}

static void print_includes(struct printer *p, const struct node *kernel, struct node_function *function) {
    if (p->language == LANGUAGE_C) {
        LINE(p, header_include, {"header", "tilec_device.h"});
        return;
    }
    struct include_list list = {.algorithm = false};
    add_text(&list.headers, function->role == ROLE_COMPUTE ? "compute/common.h" : "dataflow/dataflow_api.h");
    add_headers(&list, function->body);
    for (size_t i = 0; i < p->expressions.helpers.count; i++)
        add_headers(&list, p->expressions.helpers.items[i]);
    sort_headers(&list.headers);
    for (size_t i = 0; dst_holds_f32(kernel) && i < list.defines.count; i++)
        LINE(p, define, {"name", list.defines.texts[i]});
    if (list.algorithm)
        LINE(p, system_include, {"header", "algorithm"});
    LINE(p, system_include, {"header", "cstdint"});
    print_blank(p);
    for (size_t i = 0; i < list.headers.count; i++)
        LINE(p, header_include, {"header", arena_printf(p->arena, "api/%s", list.headers.texts[i])});
}

/* ---- a kernel of one role ---- */

static void print_function(struct printer *p, const struct kernel_source *source,
                           struct node_function *function) {
    const char *role = word_text(WORDS_role, function->role);
    LINE(p, comment,
         {"text", arena_printf(p->arena, "Kernel %s, %s. Made by tilec from %s.", source->kernel->name, role,
                               *source->file ? source->file : "IR text")});
    print_includes(p, &source->kernel->base, function);
    print_blank(p);
    for (size_t i = 0; i < p->expressions.helpers.count; i++)
        print_helper(p, node_as(p->expressions.helpers.items[i], function));
    LINE(p, function, {"", ""});
    print_function_body(p, function);
    print_end(p, (struct span){0});
}

bool function_print(const struct kernel_source *source, enum target target, struct node_function *function,
                    struct printed_function *printed) {
    struct printer p = {
        .arena = source->arena,
        .language = target == TARGET_C ? LANGUAGE_C : LANGUAGE_METALIUM,
        .source = source->span_file,
        .source_name = *source->file ? source->file : NULL,
        .expressions = {.names = &source->names,
                        .language = target == TARGET_C ? LANGUAGE_C : LANGUAGE_METALIUM},
    };
    p.expressions.helpers = helpers_of(source->arena, source->helpers, function);
    print_function(&p, source, function);
    *printed = (struct printed_function){
        .text = arena_string(source->arena, text_string(&p.out)),
        .line_count = p.line_count,
        .lines = p.lines,
        .accessors = builder_list(&p.accessors),
    };
    text_free(&p.out);
    return !p.failed;
}
