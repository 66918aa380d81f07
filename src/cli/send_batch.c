/* "dialtone-batch 2 LINES\n" or, of a followed file, "dialtone-batch 2 LINES PLACE\n" with the place where
 * the batch ends (send_place.h); then the lines, each with its end. LINES counts them; a file whose count is
 * another is damaged. Version 1, "dialtone-batch 1 LINES INODE OFFSET\n", is read without its place, which
 * had no path. */
#include "cli/send_batch.h"

#include "cli/send_lines.h"

#include <inttypes.h>

void batch_print(struct str lines, const struct place *place, struct buf *out)
{
    buf_printf(out, "dialtone-batch 2 %" PRIu64, send_lines_count(lines));
    if (place) {
        buf_char(out, ' ');
        place_print(place, out);
    }
    buf_char(out, '\n');
    buf_str(out, lines);
}

bool batch_parse(struct str content, struct batch *out)
{
    struct batch batch = {0};
    struct str head, rest = str_cut(content, '\n', &head);
    bool old = str_starts(head, STR("dialtone-batch 1 "));
    if (!rest.at || (!old && !str_starts(head, STR("dialtone-batch 2 "))))
        return false;
    batch.lines = rest;
    head = str_from(head, strlen("dialtone-batch 1 "));
    if (!place_take_number(&head, &batch.line_count) || batch.line_count != send_lines_count(rest))
        return false;
    if (!old && head.size && !place_parse(head, &batch.place))
        return false;
    *out = batch;
    return true;
}
