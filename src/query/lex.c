#include "query/lex.h"

#include <math.h>
#include <stdlib.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void lex_blanks(struct lexer *lexer)
{
    while (lexer->at < lexer->text.size && is_blank(lexer->text.at[lexer->at]))
        lexer->at++;
}

char lex_peek(const struct lexer *lexer)
{
    return lexer->at < lexer->text.size ? lexer->text.at[lexer->at] : 0;
}

bool lex_take(struct lexer *lexer, char byte)
{
    lex_blanks(lexer);
    if (lex_peek(lexer) != byte || lexer->at >= lexer->text.size)
        return false;
    lexer->at++;
    return true;
}

struct str lex_word(const struct lexer *lexer)
{
    size_t end = lexer->at;
    bool quoted = false;
    for (; end < lexer->text.size; end++) {
        char c = lexer->text.at[end];
        if (c == '\'')
            quoted = !quoted;
        else if (!quoted && (is_blank(c) || c == '(' || c == ')' || c == ',' || c == '@'))
            break;
    }
    return str_make(lexer->text.at + lexer->at, end - lexer->at);
}

bool lex_number(struct str s, double *out)
{
    char copy[64];
    if (s.size == 0 || s.size >= sizeof(copy))
        return false;
    size_t digits = 0;
    for (size_t i = 0; i < s.size; i++) {
        char c = s.at[i];
        if (c >= '0' && c <= '9')
            digits++;
        else if (!strchr("+-.eE", c) || c == 0)
            return false;
        copy[i] = c;
    }
    if (digits == 0)
        return false;
    copy[s.size] = 0;
    char *end;
    double v = strtod(copy, &end);
    if (*end || !isfinite(v))
        return false;
    *out = v;
    return true;
}

bool lex_is_field(struct str s)
{
    if (s.size == 0 || s.size > 64 || s.at[0] < 'a' || s.at[0] > 'z')
        return false;
    for (size_t i = 1; i < s.size; i++) {
        char c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}
