/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which library this is, and which values it makes.
 *
 *     if (augs_contract_version() != AUGS_CONTRACT_VERSION) {
 *         fprintf(stderr, "augstream %s makes other values\n", augs_version());
 *         exit(EXIT_FAILURE);
 *     }
 *     printf("self test %016llx\n", (unsigned long long)augs_self_test_hash());
 */
#ifndef AUGSTREAM_VERSION_H
#define AUGSTREAM_VERSION_H

#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/* The version of docs/contract.md. Each value of a stream follows from it. */
#define AUGS_CONTRACT_VERSION 1u

/* Returns the contract version of the library that was loaded. Any thread. */
AUGS_API uint32_t augs_contract_version(void);

/*
 * Returns the version of the library, such as "0.1.0". Static memory. Any
 * thread.
 */
AUGS_API const char *augs_version(void);

/*
 * Returns a hash of fixed small streams that this machine computes with the
 * instruction set in use. The streams have every kind of column, gates,
 * vectors, subnormal values, and both orders. Two builds that make the same
 * values have the same hash. Peers exchange it.
 *
 * Returns 0 if the C library had no memory for it. The first call of a process
 * computes the hash, and so does the first call after augs_simd_select; others
 * return it at once. Any thread.
 */
AUGS_API uint64_t augs_self_test_hash(void);

AUGS_END_DECLS

#endif
