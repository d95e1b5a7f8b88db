// An implementation of refnn's spec in C11. Fill in the functions in their order. To check it:
//
//     cc -O2 -ffp-contract=off -o mine mine.c -lm
//     python -m refnn.check --cmd ./mine
//
// A function that returns NULL does not implement its operation. The functions number ... text read the inputs, set_...
// write the outputs into what object() returns. All memory comes from take() and is freed after each answer.

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Memory

typedef struct block { struct block *next; } block;
static block *taken;

static void die(const char *message, const char *detail) {
    fprintf(stderr, "error: %s %s\n", message, detail);
    exit(1);
}

static void *take(size_t size) {
    block *made = calloc(1, sizeof(block) + 16 + size);
    if (!made) die("no memory", "");
    made->next = taken;
    taken = made;
    return (char *)made + (sizeof(block) + 15) / 16 * 16;
}

static void free_all(void) {
    while (taken) {
        block *next = taken->next;
        free(taken);
        taken = next;
    }
}

// JSON: a list and an object are chains of items. true and false are integers.

typedef enum { NOTHING, INTEGER, DOUBLE, TEXT, LIST, OBJECT } kind;

typedef struct json {
    kind kind;
    int64_t integer;
    double number;
    char *text;
    char *key;  // of an item of an object
    struct json *first, *last, *next;
    size_t count;
} json;

static json *value_of(kind kind) {
    json *made = take(sizeof(json));
    made->kind = kind;
    return made;
}

static json *append(json *to, json *item) {
    if (to->last) to->last->next = item;
    else to->first = item;
    to->last = item;
    to->count++;
    return to;
}

static const char *at;  // the next character of the line that is read

static void blanks(void) { while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') at++; }

static void expect(char c) {
    blanks();
    if (*at++ != c) die("not JSON at", at - 1);
}

static char *read_text(void) {
    expect('"');
    size_t length = 0;  // escapes only make it shorter
    while (at[length] && at[length] != '"') length += at[length] == '\\' && at[length + 1] ? 2 : 1;
    char *text = take(length + 1), *end = text;
    while (*at && *at != '"') {
        if (*at != '\\') { *end++ = *at++; continue; }
        const char *escapes = "\"\\/bfnrt", *means = "\"\\/\b\f\n\r\t", *found = strchr(escapes, at[1]);
        if (at[1] == 'u') { *end++ = '?'; at += 6; }  // questions have none
        else { *end++ = found ? means[found - escapes] : at[1]; at += 2; }
    }
    expect('"');
    return text;
}

static json *read_json(void) {
    blanks();
    if (*at == '"') {
        json *made = value_of(TEXT);
        made->text = read_text();
        return made;
    }
    if (*at == '[' || *at == '{') {
        json *made = value_of(*at == '[' ? LIST : OBJECT);
        char end = *at++ == '[' ? ']' : '}';
        for (blanks(); *at != end; blanks()) {
            char *key = NULL;
            if (made->count) expect(',');
            if (made->kind == OBJECT) { blanks(); key = read_text(); expect(':'); }
            json *item = read_json();
            item->key = key;
            append(made, item);
        }
        at++;
        return made;
    }
    if (!strncmp(at, "null", 4)) { at += 4; return value_of(NOTHING); }
    if (!strncmp(at, "true", 4) || !strncmp(at, "false", 5)) {
        json *made = value_of(INTEGER);
        made->integer = *at == 't';
        at += *at == 't' ? 4 : 5;
        return made;
    }
    char *end;
    json *made = value_of(DOUBLE);
    made->number = strtod(at, &end);
    made->integer = fabs(made->number) < 9e15 ? (int64_t)made->number : 0;
    if (end == at) die("not JSON at", at);
    at = end;
    return made;
}

static void write_text(const char *text) {
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void write_json(const json *value) {
    if (!value || value->kind == NOTHING) fputs("null", stdout);
    else if (value->kind == INTEGER) printf("%" PRId64, value->integer);
    else if (value->kind == TEXT) write_text(value->text);
    else if (value->kind == DOUBLE) {  // JSON has no Infinity and NaN: they are strings
        if (isnan(value->number)) fputs("\"NaN\"", stdout);
        else if (isinf(value->number)) fputs(value->number > 0 ? "\"Infinity\"" : "\"-Infinity\"", stdout);
        else if (value->number == 0) fputs(signbit(value->number) ? "\"-0.0\"" : "0.0", stdout);
        else printf("%.17g", value->number);
    } else {
        putchar(value->kind == LIST ? '[' : '{');
        for (const json *item = value->first; item; item = item->next) {
            if (item != value->first) putchar(',');
            if (value->kind == OBJECT) { write_text(item->key); putchar(':'); }
            write_json(item);
        }
        putchar(value->kind == LIST ? ']' : '}');
    }
}

// The inputs

static const json *get(const json *in, const char *key) {
    for (const json *item = in->first; item; item = item->next)
        if (!strcmp(item->key, key)) return item;
    return NULL;
}

static int is_null(const json *in, const char *key) { return !get(in, key) || get(in, key)->kind == NOTHING; }

static const json *need(const json *in, const char *key) {
    if (!get(in, key)) die("no input", key);
    return get(in, key);
}

static double to_double(const json *value) {
    if (value->kind == DOUBLE) return value->number;
    if (value->kind != TEXT) die("not a number", "");
    if (!strcmp(value->text, "-0.0")) return -0.0;
    if (!strcmp(value->text, "Infinity")) return INFINITY;
    if (!strcmp(value->text, "-Infinity")) return -INFINITY;
    if (!strcmp(value->text, "NaN")) return NAN;
    uint64_t bits = strtoull(value->text, NULL, 16);  // --hex sends doubles so
    double number;
    memcpy(&number, &bits, 8);
    return number;
}

static double number(const json *in, const char *key) { return to_double(need(in, key)); }
static int64_t integer(const json *in, const char *key) { return need(in, key)->integer; }
static const char *text(const json *in, const char *key) { return need(in, key)->text; }
static uint64_t seed(const json *in, const char *key) { return strtoull(text(in, key), NULL, 16); }

// A list of numbers.
static double *numbers(const json *in, const char *key, int *count) {
    const json *list = need(in, key);
    double *values = take((list->count + 1) * sizeof(double)), *end = values;
    for (const json *item = list->first; item; item = item->next) *end++ = to_double(item);
    *count = (int)list->count;
    return values;
}

// A list of rows, row by row.
static double *matrix(const json *in, const char *key, int *rows, int *columns) {
    const json *list = need(in, key);
    *rows = (int)list->count;
    *columns = list->first ? (int)list->first->count : 0;
    double *values = take(((size_t)*rows * *columns + 1) * sizeof(double)), *end = values;
    for (const json *row = list->first; row; row = row->next)
        for (const json *item = row->first; item; item = item->next) *end++ = to_double(item);
    return values;
}

// The outputs

static json *object(void) { return value_of(OBJECT); }
static json *list(void) { return value_of(LIST); }

static json *from_double(double value) {
    json *made = value_of(DOUBLE);
    made->number = value;
    return made;
}

static json *from_integer(int64_t value) {
    json *made = value_of(INTEGER);
    made->integer = value;
    return made;
}

static json *from_text(const char *value) {
    json *made = value_of(TEXT);
    made->text = take(strlen(value) + 1);
    strcpy(made->text, value);
    return made;
}

static json *from_seed(uint64_t value) {
    char digits[17];
    snprintf(digits, sizeof digits, "%016" PRIx64, value);
    return from_text(digits);
}

static json *from_numbers(const double *values, int count) {
    json *made = list();
    for (int i = 0; i < count; i++) append(made, from_double(values[i]));
    return made;
}

static json *from_matrix(const double *values, int rows, int columns) {
    json *made = list();
    for (int n = 0; n < rows; n++) append(made, from_numbers(values + (size_t)n * columns, columns));
    return made;
}

static json *set(json *out, char *key, json *value) {
    value->key = key;
    return append(out, value);
}

// :functions:
static const struct { const char *op; json *(*answer)(const json *in); } OPERATIONS[] = {
    // :table:
};

static char *read_line(void) {
    static char *line;
    static size_t size;
    size_t length = 0;
    for (;;) {
        if (length + 2 > size) {
            line = realloc(line, size = 2 * size + 65536);
            if (!line) die("no memory", "");
        }
        size_t room = size - length < 1 << 30 ? size - length : 1 << 30;
        if (!fgets(line + length, (int)room, stdin)) return length ? line : NULL;
        length += strlen(line + length);
        if (line[length - 1] == '\n') return line;
    }
}

int main(void) {
    char *line;
    // what is not used yet gets no warning
    (void)number, (void)integer, (void)seed, (void)numbers, (void)matrix, (void)is_null, (void)object;
    (void)from_integer, (void)from_seed, (void)from_matrix, (void)set;
    while ((line = read_line())) {
        at = line;
        const json *question = read_json(), *in = need(question, "in");
        json *out = NULL;
        for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
            if (!strcmp(OPERATIONS[i].op, text(question, "op"))) out = OPERATIONS[i].answer(in);
        fputs("{\"id\":", stdout);
        write_text(text(question, "id"));
        fputs(",\"out\":", stdout);
        write_json(out);
        puts("}");
        fflush(stdout);
        free_all();
    }
    return 0;
}
