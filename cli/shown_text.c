/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/shown_text.h"

#include <string.h>

size_t utf8_character(const char *p, size_t n, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = n > 0 ? (unsigned char)*p : 0xFF;
    const size_t length = first < 0x80             ? 1
                          : (first & 0xE0) == 0xC0 ? 2
                          : (first & 0xF0) == 0xE0 ? 3
                          : (first & 0xF8) == 0xF0 ? 4
                                                   : 0;
    if (length == 0 || length > n) {
        return 0;
    }
    uint32_t code = length == 1 ? first : first & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)p[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | ((unsigned char)p[i] & 0x3Fu);
    }
    *ret_code = code;
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < least[length] || code > 0x10FFFF || is_surrogate ? 0 : length;
}

/* Controls of C0 and C1, line ends of Unicode, what turns the direction of a line, and the mark of
 * byte order, which nobody sees. */
bool shown_is_printable(uint32_t code)
{
    return !(code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C ||
             (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
             (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF);
}

static void put_escape(FILE *file, uint32_t code, bool is_byte)
{
    static const char letters[] = "\nn\tt\rr";
    for (const char *p = letters; *p != '\0'; p += 2) {
        if (code == (unsigned char)*p) {
            fprintf(file, "\\%c", p[1]);
            return;
        }
    }
    fprintf(file, is_byte || code < 0x80 ? "\\x%02x" : "\\u%04x", code);
}

void shown_put_bytes(FILE *file, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        const size_t length = utf8_character(text + i, n - i, &code);
        if (length == 0) {
            put_escape(file, (unsigned char)text[i], true);
            i++;
            continue;
        }
        if (shown_is_printable(code)) {
            fwrite(text + i, 1, length, file);
        } else {
            put_escape(file, code, false);
        }
        i += length;
    }
}

void shown_put(FILE *file, const char *text)
{
    shown_put_bytes(file, text, strlen(text));
}

void shown_put_between(FILE *file, const char *before, const char *text, const char *after)
{
    fputs(before, file);
    shown_put(file, text);
    fputs(after, file);
}
