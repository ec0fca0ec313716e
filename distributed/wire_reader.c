/* SPDX-License-Identifier: Apache-2.0 */
#include "distributed/wire_reader.h"

#include <string.h>

/* How a value begins: bytes of its head, bytes of raw data after it, values nested in it. */
typedef struct value_head {
    size_t n_bytes, n_raw;
    uint64_t n_nested;
    bool valid;
} value_head;

static uint64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t number = 0;
    for (size_t i = 0; i < n; i++) {
        number = number << 8 | p[i];
    }
    return number;
}

/* A head whose length stands in the n bytes after the first. */
static value_head counted(const unsigned char *p, size_t left, size_t n, size_t extra,
                          unsigned nested_each)
{
    if (left < 1 + n) {
        return (value_head){.valid = false};
    }
    uint64_t count = big_endian(p + 1, n);
    value_head head = {.n_bytes = 1 + n, .valid = true};
    if (nested_each > 0) {
        head.n_nested = count * nested_each;
    } else {
        head.n_raw = (size_t)count + extra;
    }
    return head;
}

static value_head head_of(const unsigned char *p, size_t left)
{
    const unsigned char first = p[0];
    if (first <= 0x7f || first >= 0xe0 || first == 0xc0 || first == 0xc2 || first == 0xc3) {
        return (value_head){.n_bytes = 1, .valid = true};
    }
    if (first <= 0x8f) {
        return (value_head){.n_bytes = 1, .n_nested = (uint64_t)2 * (first & 15u), .valid = true};
    }
    if (first <= 0x9f) {
        return (value_head){.n_bytes = 1, .n_nested = first & 15u, .valid = true};
    }
    if (first <= 0xbf) {
        return (value_head){.n_bytes = 1, .n_raw = first & 31u, .valid = true};
    }
    switch (first) {
    case 0xc4:
    case 0xd9:
        return counted(p, left, 1, 0, 0);
    case 0xc5:
    case 0xda:
        return counted(p, left, 2, 0, 0);
    case 0xc6:
    case 0xdb:
        return counted(p, left, 4, 0, 0);
    case 0xcc:
    case 0xd0:
        return (value_head){.n_bytes = 2, .valid = true};
    case 0xcd:
    case 0xd1:
        return (value_head){.n_bytes = 3, .valid = true};
    case 0xca:
    case 0xce:
    case 0xd2:
        return (value_head){.n_bytes = 5, .valid = true};
    case 0xcb:
    case 0xcf:
    case 0xd3:
        return (value_head){.n_bytes = 9, .valid = true};
    case 0xdc:
        return counted(p, left, 2, 0, 1);
    case 0xdd:
        return counted(p, left, 4, 0, 1);
    case 0xde:
        return counted(p, left, 2, 0, 2);
    case 0xdf:
        return counted(p, left, 4, 0, 2);
    default:
        return (value_head){.valid = false}; /* extension types have no place in the protocol */
    }
}

#define MAX_DEPTH 8u

bool augsi_wire_walk(const void *data, size_t n_bytes, unsigned max_depth)
{
    const unsigned char *at = data, *end = at + n_bytes;
    uint64_t open[MAX_DEPTH + 1] = {1}; /* values still to come at each depth */
    unsigned depth = 0;
    while (open[depth] > 0) {
        if (at == end) {
            return false;
        }
        value_head head = head_of(at, (size_t)(end - at));
        if (!head.valid || head.n_bytes > (size_t)(end - at)) {
            return false;
        }
        at += head.n_bytes;
        if (head.n_raw > (size_t)(end - at) || head.n_nested > (uint64_t)(end - at)) {
            return false;
        }
        at += head.n_raw;
        open[depth]--;
        if (head.n_nested > 0) {
            if (depth == max_depth || depth == MAX_DEPTH) {
                return false;
            }
            open[++depth] = head.n_nested;
        }
        while (depth > 0 && open[depth] == 0) {
            depth--;
        }
    }
    return at == end;
}

static const unsigned char *take(augsi_reader *reader, size_t n_bytes)
{
    if (reader->failed || (size_t)(reader->end - reader->at) < n_bytes) {
        reader->failed = true;
        return NULL;
    }
    const unsigned char *p = reader->at;
    reader->at += n_bytes;
    return p;
}

static unsigned char first_byte(const augsi_reader *reader)
{
    return reader->failed || reader->at == reader->end ? 0xc1
                                                       : *reader->at; /* 0xc1 is never used */
}

static uint64_t take_number(augsi_reader *reader, size_t n)
{
    const unsigned char *p = take(reader, 1 + n);
    return p == NULL ? 0 : big_endian(p + 1, n);
}

uint32_t augsi_read_array(augsi_reader *reader)
{
    unsigned char first = first_byte(reader);
    if (first >= 0x90 && first <= 0x9f) {
        take(reader, 1);
        return first & 15u;
    }
    if (first == 0xdc || first == 0xdd) {
        return (uint32_t)take_number(reader, first == 0xdc ? 2 : 4);
    }
    reader->failed = true;
    return 0;
}

uint64_t augsi_read_u64(augsi_reader *reader)
{
    unsigned char first = first_byte(reader);
    if (first <= 0x7f) {
        take(reader, 1);
        return first;
    }
    switch (first) {
    case 0xcc:
        return take_number(reader, 1);
    case 0xcd:
        return take_number(reader, 2);
    case 0xce:
        return take_number(reader, 4);
    case 0xcf:
        return take_number(reader, 8);
    default:
        reader->failed = true;
        return 0;
    }
}

uint32_t augsi_read_u32(augsi_reader *reader)
{
    uint64_t number = augsi_read_u64(reader);
    if (number > UINT32_MAX) {
        reader->failed = true;
        return 0;
    }
    return (uint32_t)number;
}

double augsi_read_f64(augsi_reader *reader)
{
    unsigned char first = first_byte(reader);
    if (first == 0xcb) {
        uint64_t bits = take_number(reader, 8);
        double number;
        memcpy(&number, &bits, sizeof number);
        return number;
    }
    if (first == 0xca) {
        uint32_t bits = (uint32_t)take_number(reader, 4);
        float number;
        memcpy(&number, &bits, sizeof number);
        return (double)number;
    }
    if (first >= 0xe0) {
        take(reader, 1);
        return (double)(int)first - 256.0;
    }
    return (double)augsi_read_u64(reader);
}

augsi_bytes augsi_read_text(augsi_reader *reader)
{
    unsigned char first = first_byte(reader);
    size_t n;
    if (first >= 0xa0 && first <= 0xbf) {
        take(reader, 1);
        n = first & 31u;
    } else if (first == 0xd9 || first == 0xc4) {
        n = (size_t)take_number(reader, 1);
    } else if (first == 0xda || first == 0xc5) {
        n = (size_t)take_number(reader, 2);
    } else if (first == 0xdb || first == 0xc6) {
        n = (size_t)take_number(reader, 4);
    } else {
        reader->failed = true;
        return (augsi_bytes){"", 0};
    }
    const unsigned char *p = take(reader, n);
    return p == NULL ? (augsi_bytes){"", 0} : (augsi_bytes){(const char *)p, n};
}

bool augsi_read_nil(augsi_reader *reader)
{
    if (first_byte(reader) != 0xc0) {
        return false;
    }
    take(reader, 1);
    return true;
}
