/* lex.h: walks the text of a query: blanks, words, durations, numbers. Pure; never reads past the end. */
#ifndef QUERY_LEX_H
#define QUERY_LEX_H

#include "base/str.h"

struct lexer {
    struct str text;
    size_t at;
};

static inline uint32_t lex_column(const struct lexer *lexer)
{
    return (uint32_t)lexer->at + 1;
}

void lex_blanks(struct lexer *lexer);
/* The byte at the cursor, or 0 at the end. */
char lex_peek(const struct lexer *lexer);
bool lex_take(struct lexer *lexer, char byte); /* after blanks */
/* The run of bytes up to a blank, one of `( ) , @` or the end; quoted pieces are kept whole. Does not move.
 */
struct str lex_word(const struct lexer *lexer);

/* All of s. */
bool lex_number(struct str s, double *out);
bool lex_is_field(struct str s); /* [a-z][a-z0-9_]{0,63} */

#endif
