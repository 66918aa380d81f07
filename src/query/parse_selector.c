#include "query/parse.h"

/* One segment between dots outside quotes. */
struct piece {
    struct str text;
    uint32_t column;
};

static bool is_seg_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '/' || c == '*';
}

static void add_seg(struct parser *parser, struct selector *selector, enum seg_kind kind, struct str text)
{
    selector->segs = parse_push(parser, selector->segs, selector->seg_count, sizeof(*selector->segs));
    selector->segs[selector->seg_count++] = (struct seg){kind, text};
}

/* 'it''s' is it's; dots in it part segments too. */
static bool add_quoted(struct parser *parser, struct selector *selector, struct piece piece)
{
    char *text = arena_alloc(parser->arena, piece.text.size);
    size_t size = 0, i = 1;
    bool ended = false;
    for (; i < piece.text.size; i++) {
        if (piece.text.at[i] == '\'') {
            ended = i + 1 >= piece.text.size || piece.text.at[i + 1] != '\'';
            if (ended)
                break;
            i++;
        }
        text[size++] = piece.text.at[i];
    }
    if (!ended)
        return parse_fail(parser, piece.column, "`'`", "the quote does not end");
    if (i + 1 != piece.text.size)
        return parse_fail(parser, piece.column + (uint32_t)i + 1, "a dot or a blank",
                          "a quoted segment is quoted whole");
    struct str rest = str_make(text, size), seg;
    while (rest.at) {
        rest = str_cut(rest, '.', &seg);
        add_seg(parser, selector, SEG_LITERAL, seg);
    }
    return true;
}

static bool add_field(struct parser *parser, struct selector *selector, struct piece piece)
{
    struct str field = str_from(piece.text, 1);
    if (piece.text.at[0] == '{') {
        if (!str_ends(piece.text, STR("}")))
            return parse_fail(parser, piece.column, "`}`", "the placeholder does not end");
        field.size--;
    }
    if (!lex_is_field(field))
        return parse_fail(parser, piece.column + 1, "a field's name, such as `job`",
                          "`%.*s` is no name of a field", STR_ARG(str_first(field, 60)));
    for (uint32_t i = 0; i < selector->seg_count; i++)
        if (selector->segs[i].kind == SEG_FIELD && str_eq(selector->segs[i].text, field))
            return parse_fail(parser, piece.column, NULL, "the placeholder `%.*s` stands twice",
                              STR_ARG(field));
    add_seg(parser, selector, SEG_FIELD, field);
    return true;
}

static bool add_piece(struct parser *parser, struct selector *selector, struct piece piece)
{
    if (piece.text.size == 0)
        return parse_fail(parser, piece.column, "a segment", "an empty segment of a metric's name");
    if (piece.text.at[0] == '\'')
        return add_quoted(parser, selector, piece);
    if (piece.text.at[0] == ':' || piece.text.at[0] == '{')
        return add_field(parser, selector, piece);
    bool glob = false;
    for (size_t i = 0; i < piece.text.size; i++) {
        if (!is_seg_char(piece.text.at[i]))
            return parse_fail(parser, piece.column + (uint32_t)i,
                              "letters, digits, `_ - / *`, or the segment in single quotes",
                              "this byte cannot stand in a metric's name");
        glob |= piece.text.at[i] == '*';
    }
    if (str_eq(piece.text, STR("**")))
        add_seg(parser, selector, SEG_DEEP, piece.text);
    else if (glob && memmem(piece.text.at, piece.text.size, "**", 2))
        return parse_fail(parser, piece.column, "`**` between dots", "`**` stands alone in its segment");
    else
        add_seg(parser, selector, glob ? SEG_GLOB : SEG_LITERAL, piece.text);
    return true;
}

static void selector_spell(struct parser *parser, struct selector *selector)
{
    struct buf text = {0};
    selector->is_exact = true;
    for (uint32_t i = 0; i < selector->seg_count; i++) {
        struct seg *seg = &selector->segs[i];
        if (i)
            buf_char(&text, '.');
        if (seg->kind == SEG_FIELD)
            buf_printf(&text, "{%.*s}", STR_ARG(seg->text));
        else
            buf_str(&text, seg->text);
        selector->is_exact &= seg->kind == SEG_LITERAL;
    }
    selector->text = arena_str(parser->arena, buf_view(&text));
    buf_done(&text);
}

bool parse_selector(struct parser *parser, struct str word, struct selector *out)
{
    uint32_t column = lex_column(&parser->lex);
    size_t start = 0;
    bool quoted = false;
    for (size_t i = 0; i <= word.size; i++) {
        if (i < word.size && word.at[i] == '\'')
            quoted = !quoted;
        if (i < word.size && (quoted || word.at[i] != '.'))
            continue;
        if (out->seg_count >= 64)
            return parse_fail(parser, column, NULL, "a metric has at most 64 segments");
        struct piece piece = {str_make(word.at + start, i - start), column + (uint32_t)start};
        if (!add_piece(parser, out, piece))
            return false;
        start = i + 1;
    }
    parser->lex.at += word.size;
    selector_spell(parser, out);
    return true;
}
