/* The tables of spelling.def: rows with holes, calls, operators, reserved names; device calls by their rows. */
#include "codegen/spelling.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/build.h"
#include "ir/format.h"
#include "ir/size.h"
#include "support/device_call.h"
#include "support/text_buffer.h"

/* ---- the tables ---- */

static const char *const spellings[SPELLING_COUNT][2] = {
#define SPELLING(name, c, metalium) [SPELLING_##name] = {c, metalium},
#include "codegen/spelling.def"
};

struct operator_row {
    int precedence;
    const char *kernel, *python;
};

static const struct operator_row operators[] = {
#define OPERATOR(NAME, precedence, kernel, python) [NAME] = {precedence, kernel, python},
#include "codegen/spelling.def"
};

enum { LOOSEST = 0, PRECEDENCE_OR = 1, PRECEDENCE_COMPARISON = 3, PRECEDENCE_UNARY = 6 };

struct call_row {
    const char *name;
    size_t arguments;
    const char *texts[3]; /* by language */
};

static const struct call_row calls[] = {
#define CALL(name, arguments, c, metalium, python) {#name, arguments, {c, metalium, python}},
#include "codegen/spelling.def"
};

/* What a name must not be in a kernel's text, and in host.py. */
static const char *const reserved[] = {
#define RESERVED(name) name,
#include "codegen/reserved.def"
};

static const char *const reserved_host[] = {
#define RESERVED_HOST(name) name,
#include "codegen/reserved.def"
};

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))
enum { TABLE_NAMES = COUNT_OF(calls) + DEVICE_CALL_END + COUNT_OF(reserved) + COUNT_OF(reserved_host) };

/* What the tables say of a name, and whether the kernel has it. */
struct known_name {
    const struct call_row *call;
    const struct device_call *device;
    const struct call_word *word;
    bool reserved, reserved_host, taken;
};

static const struct known_name no_meaning;

static const struct known_name *name_known(const struct spelled_names *names, const char *name) {
    const size_t *number = name_table_find(&names->table, name);
    return number ? &names->known[*number - 1] : &no_meaning;
}

static struct known_name *name_enter(struct spelled_names *names, const char *name) {
    size_t *number = name_table_add(&names->table, name);
    if (!*number) {
        if (names->count == names->capacity) {
            names->capacity = names->capacity ? 2 * names->capacity : TABLE_NAMES + 64;
            struct known_name *known = arena_allocate(names->arena, names->capacity * sizeof *known);
            if (names->count)
                memcpy(known, names->known, names->count * sizeof *known);
            names->known = known;
        }
        *number = ++names->count;
    }
    return &names->known[*number - 1];
}

static void enter_tables(struct spelled_names *names) {
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        name_enter(names, calls[i].name)->call = &calls[i];
    for (size_t i = 1; i < DEVICE_CALL_END; i++)
        name_enter(names, device_calls[i].name)->device = &device_calls[i];
    for (size_t i = 0; i < call_word_count; i++)
        if (call_words[i].metalium)
            name_enter(names, call_words[i].word)->word = &call_words[i];
    for (size_t i = 0; i < COUNT_OF(reserved); i++)
        name_enter(names, reserved[i])->reserved = true;
    for (size_t i = 0; i < COUNT_OF(reserved_host); i++)
        name_enter(names, reserved_host[i])->reserved_host = true;
}

/* ---- holes ---- */

static size_t hole_name(const char *at, const char **name) {
    bool braces = *at == '{';
    *name = at + braces;
    size_t length = 0;
    while (isalnum((unsigned char)(*name)[length]) || (*name)[length] == '_')
        length++;
    return length;
}

/* The text with its holes filled; NULL when a hole has no value. */
static const char *fill(struct arena *arena, const char *text, size_t count, const struct hole *holes) {
    struct text_buffer out = {0};
    bool complete = true;
    for (const char *at = text; *at;) {
        size_t plain = strcspn(at, "$");
        text_append_range(&out, at, plain);
        at += plain;
        if (!*at)
            break;
        const char *name, *value = NULL;
        size_t length = hole_name(at + 1, &name);
        for (size_t i = 0; i < count; i++)
            if (strlen(holes[i].name) == length && memcmp(holes[i].name, name, length) == 0)
                value = holes[i].value;
        if (value)
            text_append(&out, value);
        complete = complete && value;
        at = name + length + (at[1] == '{');
    }
    const char *filled = complete ? arena_string(arena, text_string(&out)) : NULL;
    text_free(&out);
    return filled;
}

const char *spell(struct arena *arena, enum language language, enum spelling row, size_t count,
                  const struct hole *holes) {
    return fill(arena, spellings[row][language], count, holes);
}

/* ---- names ---- */

struct spelled_names spelled_names(struct arena *arena, struct diagnostics *diagnostics,
                                   const struct node *kernel) {
    struct spelled_names names = {.arena = arena, .diagnostics = diagnostics, .table = {.arena = arena}};
    enter_tables(&names);
    for_each_node (node, kernel) {
        const struct node_info *info = node_info(node->kind);
        for (size_t i = 0; i < info->field_count; i++) {
            const char *name;
            if (info->fields[i].type == FIELD_NAME &&
                (memcpy(&name, (const char *)node + info->fields[i].offset, sizeof name), name))
                name_enter(&names, name)->taken = true;
        }
    }
    return names;
}

/* MACROS_LIKE_THIS belong to the headers. */
static bool is_macro_like(const char *name) {
    size_t length = strlen(name);
    bool underscore = length && strchr(name, '_') && name[length - 1] != '_';
    for (size_t i = 0; underscore && i < length; i++)
        underscore = !islower((unsigned char)name[i]);
    return underscore;
}

/* What the device's runtime header declares behind its macros. */
static bool is_of_runtime(const char *name) {
    return strncmp(name, "device_", strlen("device_")) == 0;
}

static bool is_reserved(const struct known_name *known, const char *name, enum language language) {
    if (language == LANGUAGE_PYTHON)
        return known->reserved_host || (known->call && known->call->texts[LANGUAGE_PYTHON]) ||
               strncmp(name, "__", 2) == 0;
    return known->reserved || known->device || known->word ||
           (known->call && known->call->texts[LANGUAGE_C]) || is_macro_like(name) || is_of_runtime(name) ||
           strncmp(name, "__", 2) == 0 || (name[0] == '_' && isupper((unsigned char)name[1]));
}

const char *spelled_name(const struct spelled_names *names, enum language language, const char *name) {
    const struct known_name *known = name_known(names, name);
    if (!is_reserved(known, name, language))
        return name;
    const char *form = name[0] == '_'        ? "u%s"
                       : is_of_runtime(name) ? "own_%s"
                                             : "%s_",
               *spelled = arena_printf(names->arena, form, name);
    for (known = name_known(names, spelled); known->taken || is_reserved(known, spelled, language);
         known = name_known(names, spelled))
        spelled = arena_printf(names->arena, "%s_", spelled);
    return spelled;
}

/* ---- expressions ---- */

static const char *expression(const struct expression_context *c, struct node *node, int least);

static const char *no_spelling(const struct expression_context *c, const struct node *node) {
    static const char *const languages[] = {"C", "C++", "Python"};
    report_error(c->names->diagnostics, node->span, "internal error: codegen has no spelling in %s for %s",
                 languages[c->language], node_text(c->names->arena, node));
    return NULL;
}

const char *real_text(struct arena *arena, double value) {
    if (isnan(value))
        return "nan";
    if (isinf(value))
        return value < 0 ? "-inf" : "inf";
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return arena_printf(arena, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

/* A number of a kernel is u32. */
static const char *integer_text(const struct expression_context *c, const struct node *node, int64_t value) {
    struct arena *arena = c->names->arena;
    if (c->language == LANGUAGE_PYTHON)
        return arena_printf(arena, value < 0 ? "(%lld)" : "%lld", (long long)value);
    if (value < INT32_MIN || value > UINT32_MAX)
        return no_spelling(c, node);
    return value < 0           ? arena_printf(arena, "0x%08xu", (uint32_t)value)
           : value > INT32_MAX ? arena_printf(arena, "%lldu", (long long)value)
                               : arena_printf(arena, "%lld", (long long)value);
}

static const char *python_real(const struct expression_context *c, double value) {
    const char *text = real_text(c->names->arena, value);
    return isfinite(value) ? text : arena_printf(c->names->arena, "float(\"%s\")", text);
}

/* The number that a scalar literal with its signs stands for; false when it is none. */
static bool signed_literal(const struct node *node, double *value) {
    if (node->kind != NODE_UNARY || ((const struct node_unary *)node)->op != UNARY_NEGATE)
        return literal_value(node, value);
    if (!signed_literal(((const struct node_unary *)node)->operand, value))
        return false;
    *value = -*value;
    return true;
}

static const char *unary_text(const struct expression_context *c, struct node_unary *unary, int least) {
    const char *operand = expression(c, unary->operand, PRECEDENCE_UNARY);
    if (!operand)
        return NULL;
    if (c->language == LANGUAGE_PYTHON && unary->op == UNARY_NOT)
        return arena_printf(c->names->arena, "(not %s)", operand);
    if (*operand == '-') /* never `--` */
        operand = arena_printf(c->names->arena, "(%s)", operand);
    return arena_printf(c->names->arena, least > PRECEDENCE_UNARY ? "(%s%s)" : "%s%s",
                        word_text(WORDS_unary_operator, unary->op), operand);
}

/* left + right without parentheses around a sum or difference on the right: the numbers of kernels are u32
 * and wrap. */
static struct node *add_terms(struct arena *arena, struct node *left, struct node *right) {
    struct node_binary *sum = node_as(right, binary);
    if (sum && sum->op == BINARY_ADD)
        return add_terms(arena, add_terms(arena, left, sum->left), sum->right);
    if (sum && sum->op == BINARY_SUBTRACT)
        return make_sub(arena, add_terms(arena, left, sum->left), sum->right);
    return make_add(arena, left, right);
}

static bool is_sum(const struct node *node) {
    const struct node_binary *binary = node->kind == NODE_BINARY ? (const struct node_binary *)node : NULL;
    return binary && (binary->op == BINARY_ADD || binary->op == BINARY_SUBTRACT);
}

/* Comparisons do not chain, and `&&` within `||` keeps its parentheses. */
static const char *binary_text(const struct expression_context *c, struct node_binary *binary, int least) {
    if (binary->op == BINARY_ADD && is_sum(binary->right))
        return expression(c, add_terms(c->names->arena, binary->left, binary->right), least);
    const struct operator_row *row = &operators[binary->op];
    const char *symbol = c->language == LANGUAGE_PYTHON ? row->python : row->kernel;
    struct node *right_operand = binary->right;
    int64_t constant;
    if (binary->op == BINARY_ADD && integer_value(right_operand, &constant) && constant < 0 &&
        constant > INT32_MIN) {
        symbol = "-";
        right_operand = make_integer(c->names->arena, -constant);
    }
    struct node_binary *nested = node_as(binary->left, binary);
    bool repeats = nested && nested->op == binary->op;
    int inner = row->precedence == PRECEDENCE_OR ? PRECEDENCE_COMPARISON : row->precedence + 1;
    bool chains = row->precedence != PRECEDENCE_COMPARISON && (row->precedence != PRECEDENCE_OR || repeats);
    if (is_operator_on_bits(binary->op)) {
        inner = PRECEDENCE_UNARY;
        chains = false;
    }
    const char *left = expression(c, binary->left, chains ? row->precedence : inner);
    const char *right = expression(c, right_operand, inner);
    if (!left || !right)
        return NULL;
    return arena_printf(c->names->arena, row->precedence < least ? "(%s %s %s)" : "%s %s %s", left, symbol,
                        right);
}

static const char *arguments_text(const struct expression_context *c, struct node_list arguments,
                                  size_t first) {
    const char *text = "";
    for (size_t i = first; i < arguments.count; i++) {
        const char *argument = expression(c, arguments.items[i], LOOSEST);
        if (!argument)
            return NULL;
        text = arena_printf(c->names->arena, "%s%s%s", text, i > first ? ", " : "", argument);
    }
    return text;
}

/* The leading arguments that are template arguments: words, of which some are the language's default and not
 * spelled. */
static const char *template_words(const struct expression_context *c, const struct device_call *row,
                                  struct node_call *call) {
    const char *text = "";
    for (size_t i = 0; i < row->templates; i++) {
        struct node_reference *reference = node_as(call->arguments.items[i], reference);
        const struct call_word *word = reference ? name_known(c->names, reference->name)->word : NULL;
        if (!word)
            return no_spelling(c, &call->base);
        const char *spelled = c->language == LANGUAGE_METALIUM ? word->metalium : word->word;
        if (*spelled)
            text = arena_printf(c->names->arena, "%s%s%s", text, *text ? ", " : "", spelled);
    }
    return text;
}

/* A text with `$1` for the first argument. */
static const char *arguments_filled(const struct expression_context *c, const char *text, size_t arguments,
                                    struct node_call *call) {
    static const char *const names[] = {"1", "2", "3", "4", "5"};
    struct hole holes[sizeof names / sizeof *names];
    if (!text || call->arguments.count != arguments)
        return no_spelling(c, &call->base);
    for (size_t i = 0; i < call->arguments.count; i++) {
        holes[i] = (struct hole){names[i], expression(c, call->arguments.items[i], LOOSEST)};
        if (!holes[i].value)
            return NULL;
    }
    return fill(c->names->arena, text, call->arguments.count, holes);
}

static const char *row_text(const struct expression_context *c, const struct call_row *row,
                            struct node_call *call) {
    return arguments_filled(c, row->texts[c->language], row->arguments, call);
}

static const char *device_call_text(const struct expression_context *c, const struct device_call *row,
                                    struct node_call *call) {
    if (c->language == LANGUAGE_PYTHON || call->arguments.count != row->count)
        return no_spelling(c, &call->base);
    if (row->metalium && c->language == LANGUAGE_METALIUM)
        return arguments_filled(c, row->metalium, row->count, call);
    const char *template_arguments = template_words(c, row, call);
    const char *arguments = arguments_text(c, call->arguments, row->templates);
    if (!template_arguments || !arguments)
        return NULL;
    struct hole holes[] = {{"function", row->name}, {"words", template_arguments}, {"arguments", arguments}};
    enum spelling spelling = !*template_arguments ? SPELLING_call
                             : *arguments         ? SPELLING_template_call
                                                  : SPELLING_words_call;
    return spell(c->names->arena, c->language, spelling, 3, holes);
}

/* 0x3f800000u with the number beside it; two of them where the word holds two. */
static const char *bits_text(const struct expression_context *c, struct node_call *call,
                             enum bit_pattern pattern) {
    double value;
    struct arena *arena = c->names->arena;
    struct node_call *number = call->arguments.count == 1 ? node_as(call->arguments.items[0], call) : NULL;
    if (number && strcmp(number->function, "i32") == 0 && pattern == PATTERN_F32)
        return row_text(c, name_known(c->names, "bits")->call, number);
    if (call->arguments.count != 1 || !signed_literal(call->arguments.items[0], &value))
        return no_spelling(c, &call->base);
    const char *text = real_text(arena, value);
    return arena_printf(arena, pattern == PATTERN_BF16 ? "0x%04xu /* %s%s%s */" : "0x%08xu /* %s%s%s */",
                        bit_pattern_of(pattern, value), text, pattern == PATTERN_BF16_TWICE ? ", " : "",
                        pattern == PATTERN_BF16_TWICE ? text : "");
}

/* (a + b - 1) / b, where the language has no call for it. */
static struct node *divide_up(struct arena *arena, struct node_call *call) {
    struct node *left = call->arguments.items[0], *right = call->arguments.items[1],
                *one = make_integer(arena, 1);
    int64_t divisor;
    struct node *raised = integer_value(right, &divisor) ? make_add(arena, left, make_sub(arena, right, one))
                                                         : make_sub(arena, make_add(arena, left, right), one);
    return make_div(arena, raised, right);
}

static bool is_helper(const struct expression_context *c, const char *name) {
    for (size_t i = 0; i < c->helpers.count; i++)
        if (strcmp(node_as(c->helpers.items[i], function)->name, name) == 0)
            return true;
    return false;
}

static const char *call_text(const struct expression_context *c, struct node_call *call, int least) {
    const struct known_name *known = name_known(c->names, call->function);
    const struct call_row *row = known->call;
    enum bit_pattern pattern = bit_pattern_find(call->function);
    if (pattern)
        return bits_text(c, call, pattern);
    if (row && !row->texts[c->language] && size_function_of(&call->base) == SIZE_ceildiv)
        return expression(c, divide_up(c->names->arena, call), least);
    if (row)
        return row_text(c, row, call);
    if (known->device)
        return device_call_text(c, known->device, call);
    if (!is_helper(c, call->function))
        return no_spelling(c, &call->base);
    const char *arguments = arguments_text(c, call->arguments, 0);
    return arguments ? SPELL(c->names->arena, c->language, call,
                             {"function", spelled_name(c->names, c->language, call->function)},
                             {"arguments", arguments})
                     : NULL;
}

/* The number of a page: row-major in the accessor's tile dimensions. */
static const char *page_text(const struct expression_context *c, struct node_page *page, int least) {
    const struct accessor_scope *scope = c->accessors;
    while (scope && strcmp(scope->accessor->name, page->tensor) != 0)
        scope = scope->outer;
    if (!scope || scope->accessor->dimensions.count != page->indices.count)
        return no_spelling(c, &page->base);
    struct node *number = page->indices.items[0];
    for (size_t i = 1; i < page->indices.count; i++)
        number = add_terms(c->names->arena,
                           make_mul(c->names->arena, number, scope->accessor->dimensions.items[i]),
                           page->indices.items[i]);
    return expression(c, number, least);
}

static const char *expression(const struct expression_context *c, struct node *node, int least) {
    switch (node->kind) {
    case NODE_INTEGER:
        return integer_text(c, node, node_as(node, integer)->value);
    case NODE_REAL:
        return c->language == LANGUAGE_PYTHON ? python_real(c, node_as(node, real)->value)
                                              : no_spelling(c, node);
    case NODE_REFERENCE:
        return spelled_name(c->names, c->language, node_as(node, reference)->name);
    case NODE_UNARY:
        return unary_text(c, node_as(node, unary), least);
    case NODE_BINARY:
        return binary_text(c, node_as(node, binary), least);
    case NODE_CALL:
        return call_text(c, node_as(node, call), least);
    case NODE_PAGE:
        return page_text(c, node_as(node, page), least);
    default:
        return no_spelling(c, node);
    }
}

const char *spell_expression(const struct expression_context *context, struct node *expression_node) {
    return expression(context, expression_node, LOOSEST);
}
