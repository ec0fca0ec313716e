/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include <augstream/stream.h>
#include <augstream/version.h>

#include "cli/command_allocator.h"
#include "cli/exit_status.h"
#include "cli/json_out.h"
#include "cli/options/options.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

int command_version(const arguments *of)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, augs_self_test_hash());
    if (!of->given[OPT_JSON]) {
        printf("augstream %s\ncontract %" PRIu32
               "\nSIMD %s\nself-test hash %s\nallocator %s\ncompiled with %s\n",
               augs_version(), augs_contract_version(), augs_simd_name(), hash,
               command_allocator_name(), COMPILER);
        return EXIT_DONE;
    }
    json_out json;
    json_begin(&json, stdout);
    json_text(&json, "version", augs_version());
    json_whole(&json, "contract", augs_contract_version());
    json_text(&json, "simd", augs_simd_name());
    json_text(&json, "self_test_hash", hash);
    json_text(&json, "allocator", command_allocator_name());
    json_text(&json, "compiler", COMPILER);
    json_end(&json);
    return EXIT_DONE;
}
