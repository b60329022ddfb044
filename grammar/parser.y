/* The grammar of the language. Actions build the tree of parse.h; names and types are resolved later. */
%code requires {
#include "grammar/parse.h"
#ifndef YY_TYPEDEF_YY_SCANNER_T
#define YY_TYPEDEF_YY_SCANNER_T
typedef void *yyscan_t;
#endif
}

%code {
#include <string.h>

#include "grammar/habits.h"
#include "grammar/tree.h"
#include "support/text_buffer.h"

int token_read(YYSTYPE *value, struct span *place, yyscan_t scanner);
#define yylex token_read
#define YYMAXDEPTH 4000
#define YYLLOC_DEFAULT(current, right, count)                                                            \
    ((current) = (count) ? span_join(YYRHSLOC(right, 1), YYRHSLOC(right, count))                        \
                         : empty_after(YYRHSLOC(right, 0)))

static struct span empty_after(struct span span) {
    return (struct span){span.file, span.end_line, span.end_column, span.end_line, span.end_column};
}

static void yyerror(const struct span *place, yyscan_t scanner, struct parse *parse, const char *message);
}

%define api.pure full
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%locations
%lex-param {yyscan_t scanner}
%parse-param {yyscan_t scanner} {struct parse *parse}
%initial-action { @$ = (struct span){parse->file, 1, 1, 1, 1}; }

%union {
    struct node *node;
    struct list_builder *list;
    const char *name;
    int word;
}

%token END 0 "the end of the file"
%token <name> NAME "a name" STRING "a string"
%token <node> INTEGER "a number" REAL "a real number"
%token <word> TYPE "a type"
%token <word> UPDATE "'+='"
%token KERNEL "'kernel'" PROGRAM "'program'" DEF "'def'" IMPORT "'import'" WHERE "'where'" INOUT "'inout'"
%token FOR "'for'" IN "'in'" BY "'by'" GRID "'grid'" IF "'if'" ELSE "'else'"
%token LET "'let'" VAR "'var'" SHARED "'shared'" FRAGMENT "'fragment'"
%token INFINITE "'inf'" NOT_A_NUMBER "'nan'" TRUE "'true'" FALSE "'false'"
%token ARROW "'->'" RANGE "'..'" DIVIDE_UPDATE "'/='"
%token EQUAL "'=='" NOT_EQUAL "'!='" LESS_EQUAL "'<='" GREATER_EQUAL "'>='" AND "'&&'" OR "'||'"
%token SHIFT_LEFT "'<<'" SHIFT_RIGHT "'>>'"

%left OR
%left AND
%nonassoc EQUAL NOT_EQUAL '<' LESS_EQUAL '>' GREATER_EQUAL
%left '|'
%left '^'
%left '&'
%left SHIFT_LEFT SHIFT_RIGHT
%left '+' '-'
%left '*' '/' '%'
%precedence NEGATE

%type <node> item kernel definition parameter result dimensioned default formal axis ranged
%type <node> block if_statement otherwise target declarator initial expression primary by argument
%type <node> attribute value attribute_argument alternative
%type <list> parameters parameter_list results result_list dimensions where expressions attributes
%type <list> statements statement ranged_list axis_list axes targets declarators arguments argument_list
%type <list> values attribute_arguments attribute_argument_list formals
%type <word> direction type
%type <name> key

%%

source: items;

items:
    %empty
  | items item { tree_item(parse, $item); }
  | items error { parse->lost = true; }
  ;

item:
    kernel
  | definition
  | IMPORT STRING ';' { $$ = NODE_AT(text, TEXT, @STRING, .value = $STRING); }
  ;

kernel:
    KERNEL NAME '(' parameters ')' attributes results where block {
        struct node_list all = list_concat(parse->arena, LIST_OF($parameters), LIST_OF($results));
        $$ = NODE_AT(kernel, KERNEL, @NAME, .name = $NAME, .parameters = all, .conditions = LIST_OF($where),
                     .body = $block);
        attributed($$, $attributes);
    }
  | PROGRAM NAME '(' parameters ')' attributes results where block {
        struct node_list all = list_concat(parse->arena, LIST_OF($parameters), LIST_OF($results));
        $$ = NODE_AT(program, PROGRAM, @NAME, .name = $NAME, .parameters = all, .conditions = LIST_OF($where),
                     .body = $block);
        attributed($$, $attributes);
    }
  | KERNEL error block { $$ = NULL; }
  | PROGRAM error block { $$ = NULL; }
  ;

definition:
    DEF NAME '(' formals ')' '=' expression ';' {
        $$ = NODE_AT(function, FUNCTION, @NAME, .role = ROLE_HELPER, .name = $NAME,
                     .parameters = LIST_OF($formals), .body = $expression);
    }
  | DEF error ';' { $$ = NULL; }
  ;

formals:
    formal { $$ = list_start(parse, $1); }
  | formals ',' formal { $$ = list_more(parse, $1, $3); }
  ;

formal:
    NAME type { $$ = NODE_AT(parameter, PARAMETER, @NAME, .name = $NAME, .dtype = (enum dtype)$type); }
  ;

parameters:
    %empty { $$ = list_empty(parse); }
  | parameter_list
  | parameter_list ','
  ;

parameter_list:
    parameter { $$ = list_start(parse, $1); }
  | parameter_list ',' parameter { $$ = list_more(parse, $1, $3); }
  ;

parameter:
    direction dimensioned default attributes {
        struct node_parameter *parameter = node_as($dimensioned, parameter);
        parameter->direction = (enum direction)$direction;
        parameter->value = $default;
        $$ = attributed($dimensioned, $attributes);
    }
  ;

direction:
    %empty { $$ = DIRECTION_IN; }
  | INOUT { $$ = DIRECTION_INOUT; }
  ;

dimensioned:
    NAME ':' TYPE dimensions {
        $$ = NODE_AT(parameter, PARAMETER, @$, .name = $NAME, .dtype = (enum dtype)$TYPE,
                     .dimensions = LIST_OF($dimensions));
    }
  ;

dimensions:
    %empty { $$ = list_empty(parse); }
  | '[' expressions ']' { $$ = $2; }
  ;

default:
    %empty { $$ = NULL; }
  | '=' expression { $$ = $2; }
  ;

results:
    %empty { $$ = list_empty(parse); }
  | ARROW result_list { $$ = $2; }
  ;

result_list:
    result { $$ = list_start(parse, $1); }
  | result_list ',' result { $$ = list_more(parse, $1, $3); }
  ;

result:
    dimensioned attributes {
        node_as($dimensioned, parameter)->direction = DIRECTION_OUT;
        $$ = attributed($dimensioned, $attributes);
    }
  ;

where:
    %empty { $$ = list_empty(parse); }
  | WHERE expressions { $$ = $2; }
  ;

block:
    '{' statements '}' { $$ = NODE_AT(block, BLOCK, @$, .statements = LIST_OF($statements)); }
  | '{' statements error '}' { $$ = NODE_AT(block, BLOCK, @$, .statements = LIST_OF($statements)); }
  ;

statements:
    %empty { $$ = list_empty(parse); }
  | statements statement { $$ = list_join(parse, $1, $2); }
  ;

statement:
    FOR ranged_list attributes block {
        struct span head = span_join(@FOR, @ranged_list);
        struct node *loop = NODE_AT(for, FOR, head, .axes = LIST_OF($ranged_list), .body = $block);
        $$ = list_start(parse, attributed(loop, $attributes));
    }
  | GRID ranged_list attributes block {
        struct span head = span_join(@GRID, @ranged_list);
        struct node *grid = NODE_AT(grid, GRID, head, .axes = LIST_OF($ranged_list), .body = $block);
        $$ = list_start(parse, attributed(grid, $attributes));
    }
  | if_statement { $$ = list_start(parse, $1); }
  | FOR error block { $$ = list_empty(parse); }
  | GRID error block { $$ = list_empty(parse); }
  | LET declarators ';' { $$ = tree_lets(parse, $declarators); }
  | VAR declarators ';' { $$ = $declarators; }
  | SHARED declarators ';' { $$ = tree_buffers(parse, $declarators, MEMORY_SHARED); }
  | FRAGMENT declarators ';' { $$ = tree_buffers(parse, $declarators, MEMORY_FRAGMENT); }
  | targets '=' expression attributes ';' {
        struct span span = span_join(@targets, @expression);
        $$ = list_start(parse, tree_assignment(parse, span, $targets, ASSIGN_SET, $expression, $attributes));
    }
  | targets UPDATE expression attributes ';' {
        struct span span = span_join(@targets, @expression);
        $$ = list_start(parse, tree_assignment(parse, span, $targets, $UPDATE, $expression, $attributes));
    }
  | target DIVIDE_UPDATE expression attributes ';' {
        struct span span = span_join(@target, @expression);
        struct node *quotient = tree_binary(parse, span, BINARY_DIVIDE, $target, $expression);
        struct list_builder *targets = list_start(parse, $target);
        $$ = list_start(parse, tree_assignment(parse, span, targets, ASSIGN_SET, quotient, $attributes));
    }
  | NAME '(' arguments ')' attributes ';' {
        struct span span = span_join(@1, @4);
        struct node *called = tree_call(parse, span, $NAME, $arguments);
        $$ = list_start(parse, attributed(NODE_AT(statement, STATEMENT, span, .call = called), $attributes));
    }
  | error ';' { $$ = list_empty(parse); }
  | error block { $$ = list_empty(parse); }
  ;

if_statement:
    IF expression attributes block otherwise {
        struct span head = span_join(@IF, @expression);
        $$ = NODE_AT(if, IF, head, .condition = $expression, .then = $block, .otherwise = $otherwise);
        attributed($$, $attributes);
    }
  | IF error block otherwise { $$ = NULL; }
  ;

otherwise:
    %empty { $$ = NULL; }
  | ELSE block { $$ = $2; }
  | ELSE if_statement { $$ = $2 ? NODE_AT(block, BLOCK, @2, .statements = LIST(parse->arena, $2)) : NULL; }
  ;

targets:
    target { $$ = list_start(parse, $1); }
  | targets ',' target { $$ = list_more(parse, $1, $3); }
  ;

target:
    NAME { $$ = NODE_AT(reference, REFERENCE, @$, .name = $NAME); }
  | NAME '[' expressions alternative ']' {
        $$ = NODE_AT(access, ACCESS, @$, .name = $NAME, .subscripts = LIST_OF($expressions),
                     .otherwise = $alternative);
    }
  ;

alternative:
    %empty { $$ = NULL; }
  | ELSE expression { $$ = $2; }
  ;

declarators:
    declarator { $$ = list_start(parse, $1); }
  | declarators ',' declarator { $$ = list_more(parse, $1, $3); }
  ;

declarator:
    NAME axes type initial attributes {
        $$ = attributed(NODE_AT(var, VAR, span_join(@NAME, @initial), .name = $NAME, .axes = LIST_OF($axes),
                                .dtype = (enum dtype)$type, .value = $initial), $attributes);
    }
  ;

axes:
    %empty { $$ = list_empty(parse); }
  | '[' axis_list ']' { $$ = $2; }
  ;

type:
    %empty { $$ = DTYPE_NONE; }
  | ':' TYPE { $$ = $2; }
  ;

initial:
    %empty { $$ = NULL; }
  | '=' expression { $$ = $2; }
  ;

axis_list:
    axis { $$ = list_start(parse, $1); }
  | axis_list ',' axis { $$ = list_more(parse, $1, $3); }
  ;

axis:
    NAME { $$ = NODE_AT(axis, AXIS, @$, .name = $NAME); }
  | ranged
  ;

ranged_list:
    ranged { $$ = list_start(parse, $1); }
  | ranged_list ',' ranged { $$ = list_more(parse, $1, $3); }
  ;

ranged:
    NAME IN expression by { $$ = NODE_AT(axis, AXIS, @$, .name = $NAME, .upper = $expression, .step = $by); }
  | NAME IN expression[lower] RANGE expression[upper] by {
        $$ = NODE_AT(axis, AXIS, @$, .name = $NAME, .lower = $lower, .upper = $upper, .step = $by);
    }
  ;

by:
    %empty { $$ = NULL; }
  | BY expression { $$ = $2; }
  ;

expressions:
    expression { $$ = list_start(parse, $1); }
  | expressions ',' expression { $$ = list_more(parse, $1, $3); }
  ;

expression:
    primary
  | expression[l] OR expression[r] { $$ = tree_binary(parse, @$, BINARY_OR, $l, $r); }
  | expression[l] AND expression[r] { $$ = tree_binary(parse, @$, BINARY_AND, $l, $r); }
  | expression[l] EQUAL expression[r] { $$ = tree_binary(parse, @$, BINARY_EQUAL, $l, $r); }
  | expression[l] NOT_EQUAL expression[r] { $$ = tree_binary(parse, @$, BINARY_NOT_EQUAL, $l, $r); }
  | expression[l] '<' expression[r] { $$ = tree_binary(parse, @$, BINARY_LESS, $l, $r); }
  | expression[l] LESS_EQUAL expression[r] { $$ = tree_binary(parse, @$, BINARY_LESS_EQUAL, $l, $r); }
  | expression[l] '>' expression[r] { $$ = tree_binary(parse, @$, BINARY_GREATER, $l, $r); }
  | expression[l] GREATER_EQUAL expression[r] { $$ = tree_binary(parse, @$, BINARY_GREATER_EQUAL, $l, $r); }
  | expression[l] '|' expression[r] { $$ = tree_binary(parse, @$, BINARY_BIT_OR, $l, $r); }
  | expression[l] '^' expression[r] { $$ = tree_binary(parse, @$, BINARY_BIT_XOR, $l, $r); }
  | expression[l] '&' expression[r] { $$ = tree_binary(parse, @$, BINARY_BIT_AND, $l, $r); }
  | expression[l] SHIFT_LEFT expression[r] { $$ = tree_binary(parse, @$, BINARY_SHIFT_LEFT, $l, $r); }
  | expression[l] SHIFT_RIGHT expression[r] { $$ = tree_binary(parse, @$, BINARY_SHIFT_RIGHT, $l, $r); }
  | expression[l] '+' expression[r] { $$ = tree_binary(parse, @$, BINARY_ADD, $l, $r); }
  | expression[l] '-' expression[r] { $$ = tree_binary(parse, @$, BINARY_SUBTRACT, $l, $r); }
  | expression[l] '*' expression[r] { $$ = tree_binary(parse, @$, BINARY_MULTIPLY, $l, $r); }
  | expression[l] '/' expression[r] { $$ = tree_binary(parse, @$, BINARY_DIVIDE, $l, $r); }
  | expression[l] '%' expression[r] { $$ = tree_binary(parse, @$, BINARY_REMAINDER, $l, $r); }
  | '-' expression[e] %prec NEGATE {
        $$ = NODE_AT(unary, UNARY, @$, .op = UNARY_NEGATE, .operand = $e);
    }
  | '~' expression[e] %prec NEGATE {
        $$ = NODE_AT(unary, UNARY, @$, .op = UNARY_COMPLEMENT, .operand = $e);
    }
  | '!' expression[e] %prec NEGATE {
        $$ = NODE_AT(unary, UNARY, @$, .op = UNARY_NOT, .operand = $e);
    }
  ;

primary:
    INTEGER
  | REAL
  | INFINITE { $$ = NODE_AT(real, REAL, @$, .value = (double)__builtin_inff()); }
  | NOT_A_NUMBER { $$ = NODE_AT(real, REAL, @$, .value = (double)__builtin_nanf("")); }
  | TRUE { $$ = NODE_AT(reference, REFERENCE, @$, .name = arena_intern(parse->arena, "true")); }
  | FALSE { $$ = NODE_AT(reference, REFERENCE, @$, .name = arena_intern(parse->arena, "false")); }
  | target
  | NAME '(' arguments ')' { $$ = tree_call(parse, @$, $NAME, $arguments); }
  | NAME '(' argument_list ':' expression ')' {
        $$ = tree_fold(parse, @$, $NAME, $argument_list, $expression, NULL);
    }
  | NAME '(' argument_list ':' expression[body] ',' expression[start] ')' {
        $$ = tree_fold(parse, @$, $NAME, $argument_list, $body, $start);
    }
  | TYPE '(' expression ')' {
        const char *type = arena_intern(parse->arena, word_text(WORDS_dtype, $TYPE));
        $$ = tree_call(parse, @$, type, list_start(parse, $expression));
    }
  | '(' expression ')' { $$ = $2; }
  ;

arguments:
    %empty { $$ = list_empty(parse); }
  | argument_list
  | argument_list ','
  ;

argument_list:
    argument { $$ = list_start(parse, $1); }
  | argument_list ',' argument { $$ = list_more(parse, $1, $3); }
  ;

argument:
    expression
  | ranged
  | NAME '=' expression { $$ = NODE_AT(attribute, ATTRIBUTE, @$, .key = $NAME, .value = $expression); }
  ;

attributes:
    %empty { $$ = list_empty(parse); }
  | attributes attribute { $$ = list_more(parse, $1, $2); }
  ;

attribute:
    '@' NAME { $$ = NODE_AT(attribute, ATTRIBUTE, @$, .key = $NAME); }
  | '@' NAME '(' attribute_arguments ')' {
        struct node *entries = NODE_AT(dictionary, DICTIONARY, @$, .entries = LIST_OF($attribute_arguments));
        $$ = NODE_AT(attribute, ATTRIBUTE, @$, .key = $NAME, .value = entries);
    }
  ;

attribute_arguments:
    %empty { $$ = list_empty(parse); }
  | attribute_argument_list
  ;

attribute_argument_list:
    attribute_argument { $$ = list_start(parse, $1); }
  | attribute_argument_list ',' attribute_argument { $$ = list_more(parse, $1, $3); }
  ;

attribute_argument:
    value
  | key '=' value { $$ = NODE_AT(attribute, ATTRIBUTE, @$, .key = $key, .value = $value); }
  ;

key:
    NAME
  | GRID { $$ = arena_intern(parse->arena, "grid"); }
  ;

value:
    expression
  | STRING { $$ = NODE_AT(text, TEXT, @$, .value = $STRING); }
  | '[' values ']' { $$ = NODE_AT(sequence, SEQUENCE, @$, .items = LIST_OF($values)); }
  | '{' attribute_arguments '}' {
        $$ = NODE_AT(dictionary, DICTIONARY, @$, .entries = LIST_OF($attribute_arguments));
    }
  ;

values:
    value { $$ = list_start(parse, $1); }
  | values ',' value { $$ = list_more(parse, $1, $3); }
  ;

%%

struct span span_of_name(struct span span, const char *name) {
    return (struct span){span.file, span.line, span.column, span.line, span.column + (uint32_t)strlen(name)};
}

/* The parser's own failures: only memory, which bounds the nesting. */
static void yyerror(const struct span *place, yyscan_t scanner, struct parse *parse, const char *message) {
    (void)scanner;
    (void)message;
    report_error(parse->diagnostics, *place, "this is nested too deeply");
}

/* Tokens that share a place in the grammar are named once in a list of expectations. */
static const char *expectation(yysymbol_kind_t symbol) {
    switch (symbol) {
    case YYSYMBOL_INTEGER:
    case YYSYMBOL_REAL:
    case YYSYMBOL_INFINITE:
    case YYSYMBOL_NOT_A_NUMBER:
    case YYSYMBOL_TRUE:
    case YYSYMBOL_FALSE:
        return "an expression";
    case YYSYMBOL_OR:
    case YYSYMBOL_AND:
    case YYSYMBOL_EQUAL:
    case YYSYMBOL_NOT_EQUAL:
    case YYSYMBOL_LESS_EQUAL:
    case YYSYMBOL_GREATER_EQUAL:
    case YYSYMBOL_SHIFT_LEFT:
    case YYSYMBOL_SHIFT_RIGHT:
        return "an operator";
    case YYSYMBOL_FOR:
    case YYSYMBOL_GRID:
    case YYSYMBOL_IF:
    case YYSYMBOL_LET:
    case YYSYMBOL_VAR:
    case YYSYMBOL_SHARED:
    case YYSYMBOL_FRAGMENT:
        return "a statement";
    default:
        return strcmp(yysymbol_name(symbol), "'!'") == 0 ? "an expression" : yysymbol_name(symbol);
    }
}

/* Is this token one that a class named by expectation() stands for? */
static bool covered(const char *name, bool expression, bool op, bool statement) {
    static const char *const starts[] = {"a name", "a type", "'('", "'-'", "'~'"};
    static const char *const operators[] = {"'+'", "'-'", "'*'", "'/'", "'%'", "'&'",
                                            "'|'", "'^'", "'<'", "'>'", "'('", "'['"};
    for (size_t i = 0; expression && i < sizeof starts / sizeof *starts; i++)
        if (strcmp(name, starts[i]) == 0)
            return true;
    for (size_t i = 0; op && i < sizeof operators / sizeof *operators; i++)
        if (strcmp(name, operators[i]) == 0)
            return true;
    return statement && strcmp(name, "a name") == 0;
}

static size_t expectations(const yypcontext_t *context, const char **names) {
    yysymbol_kind_t symbols[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, symbols, YYNTOKENS);
    bool expression = false, op = false, statement = false;
    for (int i = 0; i < count; i++) {
        const char *name = expectation(symbols[i]);
        expression |= strcmp(name, "an expression") == 0;
        op |= strcmp(name, "an operator") == 0;
        statement |= strcmp(name, "a statement") == 0;
    }
    size_t kept = 0;
    for (int i = 0; i < count; i++) {
        const char *name = expectation(symbols[i]);
        bool seen = covered(name, expression, op, statement);
        for (size_t j = 0; j < kept; j++)
            seen |= strcmp(names[j], name) == 0;
        if (!seen)
            names[kept++] = name;
    }
    return kept;
}

static bool is_comparison_symbol(yysymbol_kind_t symbol) {
    return symbol == YYSYMBOL_EQUAL || symbol == YYSYMBOL_NOT_EQUAL || symbol == YYSYMBOL_LESS_EQUAL ||
           symbol == YYSYMBOL_GREATER_EQUAL || strcmp(yysymbol_name(symbol), "'<'") == 0 ||
           strcmp(yysymbol_name(symbol), "'>'") == 0;
}

/* What the author may have meant by a token that does not fit. Returns whether something is known of it. */
static bool advise_habit(struct parse *parse, const char *expected) {
    const char *help = strcmp(expected, "a type") == 0 ? habit_of_type(parse->latest_text)
                                                       : habit_of_token(parse->previous_text, parse->latest_text);
    help = help ? help : habit_of_expectation(parse->latest_text, expected);
    help = help ? help : habit_of_word(parse->latest_text);
    help = help ? help : habit_of_word(parse->previous_text);
    if (help)
        report_help(parse->diagnostics, (struct span){0}, "%s", help);
    else if (strcmp(expected, "a type") == 0)
        report_help(parse->diagnostics, (struct span){0},
                    "types are bf16, f32, bfp8, bfp4, i32, u32, u16, bool, and index for numbers");
    return help || strcmp(expected, "a type") == 0;
}

/* A block that goes on to the end of the file, or to the next kernel: which brace is open. */
static void note_brace(struct parse *parse, yysymbol_kind_t symbol) {
    bool begins = symbol == YYSYMBOL_KERNEL || symbol == YYSYMBOL_PROGRAM || symbol == YYSYMBOL_DEF ||
                  symbol == YYSYMBOL_IMPORT || symbol == YYSYMBOL_YYEOF;
    if (begins && parse->brace_count)
        report_note(parse->diagnostics,
                    parse->unclosed.line ? parse->unclosed : parse->braces[parse->brace_count - 1].place,
                    "this { has no }");
}

/* A keyword misspelled just before the place where the parser noticed. */
static void suggest_keyword(struct parse *parse) {
    static const char *const words[] = {"kernel", "program", "def", "import", "where", "inout", "for", "in",
                                        "by",     "grid",    "if",  "else",   "let",   "var",   "shared", "fragment"};
    const char *found = suggest_nearest(parse->latest_text, words, sizeof words / sizeof *words);
    const char *before = suggest_nearest(parse->previous_text, words, sizeof words / sizeof *words);
    if (before && strlen(parse->previous_text) > 2)
        report_help(parse->diagnostics, parse->previous, "did you mean %s?", before);
    else if (found && strlen(parse->latest_text) > 2)
        report_help(parse->diagnostics, (struct span){0}, "did you mean %s?", found);
}

static bool is_reserved_value(const char *word) {
    return strcmp(word, "inf") == 0 || strcmp(word, "nan") == 0 || strcmp(word, "true") == 0 ||
           strcmp(word, "false") == 0;
}

static int yyreport_syntax_error(const yypcontext_t *context, yyscan_t scanner, struct parse *parse) {
    (void)scanner;
    const char *names[YYNTOKENS];
    size_t count = expectations(context, names);
    yysymbol_kind_t symbol = yypcontext_token(context);
    bool ends = symbol == YYSYMBOL_YYEOF, semicolon = false;
    struct span previous = empty_after(parse->previous);
    struct span place = ends ? previous : *yypcontext_location(context);
    struct text_buffer list = {0};
    if (parse->faulty)
        return 0;
    for (size_t i = 0; i < count; i++) {
        text_printf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
        semicolon |= strcmp(names[i], "';'") == 0;
    }
    const char *found = ends ? "the end of the file" : arena_printf(parse->arena, "'%s'", parse->latest_text);
    if (is_comparison_symbol(symbol) && strstr(text_string(&list), "an operator")) {
        report_error(parse->diagnostics, place, "comparisons do not chain");
        report_help(parse->diagnostics, (struct span){0}, "join two of them: a < b && b < c");
    } else if (semicolon && place.line > previous.line) {
        report_error(parse->diagnostics, previous, "expected ';'");
    } else if (!count) {
        report_error(parse->diagnostics, place, "unexpected %s", found);
    } else {
        report_error(parse->diagnostics, place, "expected %s, found %s", text_string(&list), found);
        if (is_reserved_value(parse->latest_text) && strstr(text_string(&list), "a name"))
            report_help(parse->diagnostics, (struct span){0}, "'%s' is reserved: it is a value; choose another name",
                        parse->latest_text);
        else if (!advise_habit(parse, text_string(&list)))
            suggest_keyword(parse);
        note_brace(parse, symbol);
    }
    text_free(&list);
    return 0;
}
