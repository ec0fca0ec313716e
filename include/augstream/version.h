/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which library this is, and which values it makes.
 *
 *     if (augs_contract_version() != AUGS_CONTRACT_VERSION) {
 *         // the library that was loaded makes other values than the headers promise
 *     }
 */
#ifndef AUGSTREAM_VERSION_H
#define AUGSTREAM_VERSION_H

#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/* The version of docs/contract.md: each value of a stream follows from it. */
#define AUGS_CONTRACT_VERSION 1u

/* The contract version of the library that was loaded. Any thread. */
AUGS_API uint32_t augs_contract_version(void);
/* The version of the library, such as "0.1.0". Static memory. Any thread. */
AUGS_API const char *augs_version(void);

/*
 * A hash of fixed small streams, made on this machine with the instruction set in use: every kind,
 * gates, vectors, subnormal values, both orders. Two builds whose values agree have the same; peers
 * exchange it. 0 if there was no memory for it (the C library's). The first call of a process, and
 * the first after augs_simd_select, takes some milliseconds. Any thread.
 */
AUGS_API uint64_t augs_self_test_hash(void);

AUGS_END_DECLS

#endif
