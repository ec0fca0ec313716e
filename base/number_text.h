/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as text and back, independent of the locale. No NUL is written; the functions return how
 * many bytes they wrote, at most AUGSI_NUMBER_BYTES.
 */
#ifndef AUGSI_NUMBER_TEXT_H
#define AUGSI_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUGSI_NUMBER_BYTES 32u

size_t augsi_u64_text(uint64_t number, char *ret_text);
size_t augsi_i64_text(int64_t number, char *ret_text);
/*
 * The fewest digits that read back to the same bits of a finite number, the nearest of those. Valid
 * JSON: plain form for 1e-5 <= |x| < 1e16, else with exponent; always with ".0" or an exponent if
 * whole.
 */
size_t augsi_f32_text(float number, char *ret_text);
size_t augsi_f64_text(double number, char *ret_text);

/* Reads a whole text (all n_bytes) as a decimal number, YAML 1.2 core form without hex, inf and
 * nan. */
bool augsi_parse_f64(const char *text, size_t n_bytes, double *ret_number);
bool augsi_parse_u64(const char *text, size_t n_bytes, uint64_t *ret_number);
bool augsi_parse_i64(const char *text, size_t n_bytes, int64_t *ret_number);

#endif
