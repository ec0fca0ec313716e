/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shortest decimal text of floating-point numbers.
 *
 * For n = 1, 2, ... digits the nearest n-digit decimal is made and read back; the first that reads
 * back to the same bits is the answer. binary32 in the usual range is done in binary64 arithmetic:
 * a decimal of at most nine digits, scaled by an exact power of ten (up to 10^22), lies within
 * 2^-52 of the true value, far finer than binary32's spacing, so it is accepted only when it is
 * clear of both rounding boundaries. Everything else goes through the C library under the "C"
 * locale.
 */
#include "base/number_text.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t the_c_locale(void)
{
    pthread_once(&c_locale_once, make_c_locale);
    return c_locale;
}

size_t augsi_u64_text(uint64_t number, char *ret_text)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    for (size_t i = 0; i < n; i++) {
        ret_text[i] = digits[n - 1 - i];
    }
    return n;
}

size_t augsi_i64_text(int64_t number, char *ret_text)
{
    if (number >= 0) {
        return augsi_u64_text((uint64_t)number, ret_text);
    }
    ret_text[0] = '-';
    return 1 + augsi_u64_text(0 - (uint64_t)number, ret_text + 1);
}

/* Digits d[0..n) of 0.d0d1d2... x 10^point to text. */
static size_t put_decimal(bool negative, const char *digits, int n, int point, char *ret_text)
{
    char *p = ret_text;
    if (negative) {
        *p++ = '-';
    }
    if (point > 16 || point < -4) {
        *p++ = digits[0];
        if (n > 1) {
            *p++ = '.';
            memcpy(p, digits + 1, (size_t)n - 1);
            p += n - 1;
        }
        *p++ = 'e';
        return (size_t)(p - ret_text) + augsi_i64_text(point - 1, p);
    }
    if (point <= 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = point; i < 0; i++) {
            *p++ = '0';
        }
        memcpy(p, digits, (size_t)n);
        return (size_t)(p - ret_text) + (size_t)n;
    }
    for (int i = 0; i < point || i < n; i++) {
        if (i == point) {
            *p++ = '.';
        }
        *p++ = i < n ? digits[i] : '0';
    }
    if (n <= point) {
        *p++ = '.';
        *p++ = '0';
    }
    return (size_t)(p - ret_text);
}

/* By the C library: precisions from `least` on until `reads_back` is content. */
static size_t slow_text(double number, int most, bool single, char *ret_text)
{
    char text[48];
    locale_t before = uselocale(the_c_locale());
    for (int precision = 0; precision < most; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (single ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number) {
            break;
        }
    }
    uselocale(before);
    char digits[24];
    int n = 0;
    const char *p = text;
    bool negative = *p == '-';
    for (p += negative; *p != 'e'; p++) {
        if (*p != '.') {
            digits[n++] = *p;
        }
    }
    int point = atoi(p + 1) + 1;
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    return put_decimal(negative, digits, n, point, ret_text);
}

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static double scaled(double x, int power)
{
    return power >= 0 ? x * powers_of_ten[power] : x / powers_of_ten[-power];
}

size_t augsi_f32_text(float number, char *ret_text)
{
    if (number == 0.0f) {
        memcpy(ret_text, "-0.0", 4);
        if (signbit(number)) {
            return 4;
        }
        memcpy(ret_text, "0.0", 3);
        return 3;
    }
    double x = fabs((double)number);
    if (!(x >= 1e-9 && x < 1e9)) {
        return slow_text((double)number, 9, true, ret_text);
    }
    float magnitude = (float)x;
    double low = (x + (double)nextafterf(magnitude, 0.0f)) * 0.5;
    double high = (x + (double)nextafterf(magnitude, INFINITY)) * 0.5;
    int point = 10; /* 10^(point-1) <= x < 10^point */
    while (point > -8 &&
           x < (point > 0 ? powers_of_ten[point - 1] : 1 / powers_of_ten[1 - point])) {
        point--;
    }
    /* Every decimal of fewer digits is also one of six, and the nearest of six misses: most random
     * numbers need seven or more. */
    double six = scaled(rint(scaled(x, 6 - point)), point - 6);
    int least = six < low * (1 - 0x1p-48) || six > high * (1 + 0x1p-48) ? 7 : 1;
    for (int n = least; n <= 9; n++) {
        double whole = rint(scaled(x, n - point));
        double back = scaled(whole, point - n);
        if (back < low * (1 - 0x1p-48) || back > high * (1 + 0x1p-48)) {
            continue;
        }
        if (back <= low * (1 + 0x1p-48) || back >= high * (1 - 0x1p-48)) {
            break; /* on a boundary: ties are for exact arithmetic */
        }
        char digits[24];
        int n_digits = (int)augsi_u64_text((uint64_t)whole, digits);
        int at = point + n_digits - n; /* 9.99 may have become 10 */
        while (n_digits > 1 && digits[n_digits - 1] == '0') {
            n_digits--;
        }
        return put_decimal(number < 0, digits, n_digits, at, ret_text);
    }
    return slow_text((double)number, 9, true, ret_text);
}

size_t augsi_f64_text(double number, char *ret_text)
{
    if (number == 0.0) {
        return augsi_f32_text((float)number, ret_text);
    }
    return slow_text(number, 17, false, ret_text);
}

/* [-+]? digits? [. digits]? [eE [-+]? digits]? with at least one digit before the exponent. */
static bool is_decimal(const char *text, size_t n_bytes)
{
    size_t i = 0, digits = 0, exponent_digits = 0;
    if (i < n_bytes && (text[i] == '-' || text[i] == '+')) {
        i++;
    }
    for (; i < n_bytes && text[i] >= '0' && text[i] <= '9'; i++) {
        digits++;
    }
    if (i < n_bytes && text[i] == '.') {
        for (i++; i < n_bytes && text[i] >= '0' && text[i] <= '9'; i++) {
            digits++;
        }
    }
    if (digits == 0) {
        return false;
    }
    if (i == n_bytes) {
        return true;
    }
    if (text[i] != 'e' && text[i] != 'E') {
        return false;
    }
    i++;
    if (i < n_bytes && (text[i] == '-' || text[i] == '+')) {
        i++;
    }
    for (; i < n_bytes && text[i] >= '0' && text[i] <= '9'; i++) {
        exponent_digits++;
    }
    return exponent_digits > 0 && i == n_bytes;
}

bool augsi_parse_f64(const char *text, size_t n_bytes, double *ret_number)
{
    char copy[512];
    if (n_bytes >= sizeof copy || !is_decimal(text, n_bytes)) {
        return false;
    }
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = '\0';
    *ret_number = strtod_l(copy, NULL, the_c_locale());
    return true;
}

bool augsi_parse_u64(const char *text, size_t n_bytes, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (n_bytes == 0) {
        return false;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

bool augsi_parse_i64(const char *text, size_t n_bytes, int64_t *ret_number)
{
    bool negative = n_bytes > 0 && text[0] == '-';
    size_t sign = negative || (n_bytes > 0 && text[0] == '+');
    uint64_t magnitude;
    if (!augsi_parse_u64(text + sign, n_bytes - sign, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *ret_number = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}
