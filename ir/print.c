/* The printer of the text form: statements and parts by their patterns, expressions by precedence. */
#include "ir/ir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/field.h"
#include "ir/syntax.h"
#include "support/text_buffer.h"

struct printer {
    struct text_buffer *out;
    enum print_flags flags;
    uint32_t source;       /* the file whose spans are printed */
    struct span innermost; /* of the statements and parts with a place that are being printed */
    int indent;
};

static void print_node(struct printer *p, const struct node *node);
static void print_by_kind(struct printer *p, const struct node *node);
static void print_expression(struct printer *p, const struct node *node, int least);
static void print_form(struct printer *p, const struct node *node, int least);

static void print_list(struct printer *p, struct node_list list) {
    for (size_t i = 0; i < list.count; i++) {
        if (i)
            text_append(p->out, ", ");
        print_node(p, list.items[i]);
    }
}

static void print_real(struct printer *p, double value) {
    char text[40] = "nan";
    if (isinf(value))
        strcpy(text, value < 0 ? "-inf" : "inf");
    for (int digits = 1; !isnan(value) && !isinf(value) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    /* What is written out in %g's default digits has no exponent: 20.0, not 2e+01. */
    if (strchr(text, 'e') && fabs(value) >= 1 && fabs(value) < 1e6)
        snprintf(text, sizeof text, "%.1f", value);
    text_append(p->out, text);
    if (!strpbrk(text, ".einf"))
        text_append(p->out, ".0");
}

static void print_string(struct printer *p, const char *text) {
    text_append(p->out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            text_printf(p->out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            text_printf(p->out, "\\x%02x", c);
        else
            text_append_range(p->out, text, 1);
    }
    text_append(p->out, "\"");
}

static void print_unary(struct printer *p, const struct node_unary *unary) {
    enum node_kind kind = unary->operand->kind;
    bool literal = unary->op == UNARY_NEGATE && (kind == NODE_INTEGER || kind == NODE_REAL);
    text_append(p->out, word_text(WORDS_unary_operator, unary->op));
    text_append(p->out, literal ? "(" : "");
    print_expression(p, unary->operand, PRECEDENCE_UNARY);
    text_append(p->out, literal ? ")" : "");
}

static void print_binary(struct printer *p, const struct node_binary *binary, int least) {
    int precedence = operator_precedence(binary->op);
    bool parentheses = precedence < least;
    text_append(p->out, parentheses ? "(" : "");
    print_expression(p, binary->left, precedence + (precedence == PRECEDENCE_COMPARISON));
    text_printf(p->out, " %s ", word_text(WORDS_binary_operator, binary->op));
    print_expression(p, binary->right, precedence + 1);
    text_append(p->out, parentheses ? ")" : "");
}

static void print_place(struct printer *p, const char *word, const struct span *s) {
    text_printf(p->out, " %s(%u:%u-%u:%u)", word, s->line, s->column, s->end_line, s->end_column);
}

/* The expression, and its place where it comes from other lines than what is around it: of accesses and
 * reductions, which become statements. */
static void print_expression(struct printer *p, const struct node *node, int least) {
    struct span around = p->innermost;
    bool may_have = node->kind == NODE_ACCESS || node->kind == NODE_REDUCTION || node->kind == NODE_SCAN;
    bool placed = may_have && (p->flags & PRINT_SPANS) && node->span.file == p->source;
    if (placed)
        p->innermost = span_of_part(around, node->span);
    print_form(p, node, least);
    if (p->innermost.line != around.line || p->innermost.end_line != around.end_line)
        print_place(p, "from", &node->span);
    p->innermost = around;
}

static void print_form(struct printer *p, const struct node *node, int least) {
    switch (node->kind) {
    case NODE_INTEGER:
        text_printf(p->out, "%lld", (long long)((const struct node_integer *)node)->value);
        break;
    case NODE_REAL:
        print_real(p, ((const struct node_real *)node)->value);
        break;
    case NODE_TEXT:
        print_string(p, ((const struct node_text *)node)->value);
        break;
    case NODE_REFERENCE:
        text_append(p->out, ((const struct node_reference *)node)->name);
        break;
    case NODE_ACCESS: {
        const struct node_access *access = (const struct node_access *)node;
        text_printf(p->out, "%s[", access->name);
        print_list(p, access->subscripts);
        if (access->otherwise) {
            text_append(p->out, " else ");
            print_node(p, access->otherwise);
        }
        text_append(p->out, "]");
        break;
    }
    case NODE_UNARY:
        print_unary(p, (const struct node_unary *)node);
        break;
    case NODE_BINARY:
        print_binary(p, (const struct node_binary *)node, least);
        break;
    case NODE_CALL:
        text_printf(p->out, "%s(", ((const struct node_call *)node)->function);
        print_list(p, ((const struct node_call *)node)->arguments);
        text_append(p->out, ")");
        break;
    case NODE_REDUCTION: {
        const struct node_reduction *reduction = (const struct node_reduction *)node;
        text_printf(p->out, "%s(", word_text(WORDS_reduction_operator, reduction->op));
        print_list(p, reduction->axes);
        text_append(p->out, ": ");
        print_node(p, reduction->body);
        text_append(p->out, ")");
        break;
    }
    case NODE_SCAN: {
        const struct node_scan *scan = (const struct node_scan *)node;
        text_printf(p->out, "scan(%s, ", word_text(WORDS_reduction_operator, scan->op));
        print_node(p, scan->axis);
        text_append(p->out, ": ");
        print_node(p, scan->body);
        text_append(p->out, scan->start ? ", " : "");
        if (scan->start)
            print_node(p, scan->start);
        text_append(p->out, ")");
        break;
    }
    case NODE_PAGE:
        text_printf(p->out, "page(%s, ", ((const struct node_page *)node)->tensor);
        print_list(p, ((const struct node_page *)node)->indices);
        text_append(p->out, ")");
        break;
    case NODE_SEQUENCE:
        text_append(p->out, "[");
        print_list(p, ((const struct node_sequence *)node)->items);
        text_append(p->out, "]");
        break;
    case NODE_DICTIONARY:
        text_append(p->out, "{");
        print_list(p, ((const struct node_dictionary *)node)->entries);
        text_append(p->out, "}");
        break;
    default:
        print_node(p, node);
    }
}

static bool has_place(const struct node *node) {
    return node_info(node->kind)->class == CLASS_STATEMENT || node->kind == NODE_PARAMETER;
}

static void print_attributes(struct printer *p, const struct node *node) {
    if (node->attributes.count) {
        text_append(p->out, " @{");
        print_list(p, node->attributes);
        text_append(p->out, "}");
    }
    const struct span *s = &node->span;
    if ((p->flags & PRINT_SPANS) && has_place(node) && s->line && s->file == p->source)
        print_place(p, "loc", s);
}

static void print_block(struct printer *p, const struct node_block *block) {
    text_append(p->out, "{\n");
    p->indent++;
    for (size_t i = 0; i < block->statements.count; i++) {
        text_indent(p->out, p->indent);
        print_node(p, block->statements.items[i]);
        text_append(p->out, "\n");
    }
    p->indent--;
    text_indent(p->out, p->indent);
    text_append(p->out, "}");
}

static bool field_present(const struct node *node, const struct field_info *field) {
    switch (field->type) {
    case FIELD_NAME:
    case FIELD_TEXT:
        return FIELD_OF(char *, node, field) != NULL;
    case FIELD_NODE:
        return FIELD_OF(struct node *, node, field) != NULL;
    case FIELD_LIST:
        return FIELD_OF(struct node_list, node, field).count > 0;
    case FIELD_WORD:
        return FIELD_OF(int, node, field) != 0;
    default:
        return true;
    }
}

static void print_field(struct printer *p, const struct node *node, const struct field_info *field) {
    switch (field->type) {
    case FIELD_NAME:
        text_append(p->out, FIELD_OF(char *, node, field));
        break;
    case FIELD_TEXT:
        print_string(p, FIELD_OF(char *, node, field));
        break;
    case FIELD_INTEGER:
        text_printf(p->out, "%lld", (long long)FIELD_OF(int64_t, node, field));
        break;
    case FIELD_REAL:
        print_real(p, FIELD_OF(double, node, field));
        break;
    case FIELD_NODE:
        print_node(p, FIELD_OF(struct node *, node, field));
        break;
    case FIELD_LIST:
        print_list(p, FIELD_OF(struct node_list, node, field));
        break;
    case FIELD_WORD:
        text_append(p->out, word_text(field->words, FIELD_OF(int, node, field)));
        break;
    }
}

static bool group_present(const struct node *node, const char *cursor) {
    for (;;) {
        struct pattern step = pattern_next(&cursor);
        if (step.kind == PATTERN_FIELD)
            return field_present(node, pattern_field(node_info(node->kind), &step));
        if (step.kind != PATTERN_LITERAL)
            return false;
    }
}

static void print_pattern(struct printer *p, const struct node *node) {
    const struct node_info *info = node_info(node->kind);
    const char *cursor = info->text;
    bool placed = false;
    for (;;) {
        struct pattern step = pattern_next(&cursor);
        if (step.kind == PATTERN_END)
            break;
        if (step.kind == PATTERN_LITERAL)
            text_append_range(p->out, step.text, step.length);
        else if (step.kind == PATTERN_FIELD)
            print_field(p, node, pattern_field(info, &step));
        else if (step.kind == PATTERN_OPEN && !group_present(node, cursor))
            cursor = pattern_skip_group(cursor);
        else if (step.kind == PATTERN_ATTRIBUTES) {
            print_attributes(p, node);
            placed = true;
        }
    }
    if (!placed)
        print_attributes(p, node);
}

static void print_module(struct printer *p, const struct node_module *module) {
    p->source = module->base.span.file;
    text_append(p->out, "source ");
    print_string(p, module->source ? module->source : "");
    text_append(p->out, "\n");
    for (size_t i = 0; i < module->items.count; i++) {
        text_append(p->out, "\n");
        print_node(p, module->items.items[i]);
        text_append(p->out, "\n");
    }
}

static void print_node(struct printer *p, const struct node *node) {
    struct span around = p->innermost;
    if (has_place(node))
        p->innermost = node->span;
    print_by_kind(p, node);
    p->innermost = around;
}

static void print_by_kind(struct printer *p, const struct node *node) {
    if (node_info(node->kind)->text[0]) {
        print_pattern(p, node);
        return;
    }
    switch (node->kind) {
    case NODE_BLOCK:
        print_block(p, (const struct node_block *)node);
        break;
    case NODE_ASSIGN: {
        const struct node_assign *assign = (const struct node_assign *)node;
        print_node(p, assign->target);
        text_printf(p->out, " %s ", word_text(WORDS_assign_operator, assign->op));
        print_node(p, assign->value);
        print_attributes(p, node);
        break;
    }
    case NODE_STATEMENT:
        print_node(p, ((const struct node_statement *)node)->call);
        print_attributes(p, node);
        break;
    case NODE_MODULE:
        print_module(p, (const struct node_module *)node);
        break;
    default:
        print_expression(p, node, 0);
    }
}

void node_print(const struct node *node, enum print_flags flags, struct text_buffer *out) {
    struct printer printer = {.out = out, .flags = flags, .source = node->span.file};
    print_node(&printer, node);
}

const char *node_text(struct arena *arena, const struct node *node) {
    struct text_buffer out = {0};
    node_print(node, PRINT_PLAIN, &out);
    const char *text = arena_string(arena, text_string(&out));
    text_free(&out);
    return text;
}
