/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target: a manifest of any bytes, beside chunks of a run that is right. verify, inspect
 * and the continuation of the run must end, in bounded memory, and leave what they do not own.
 * Begin with a corpus of manifests that `augstream generate` wrote.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <augstream/augstream.h>

static char folder[256];
static augs_stream *stream;
static augs_chunks_options options = {
    .size = sizeof(augs_chunks_options),
    .format = AUGS_FORMAT_MSGPACK,
    .check = AUGS_CHECK_FULL, /* else a wrong hash of a chunk of the right size is kept */
    .chunk_size = 4};

static void put(const char *name, const void *data, size_t n_bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, data, n_bytes) != (ssize_t)n_bytes || close(fd) != 0) {
        abort();
    }
}

static void begin(void)
{
    augs_preset *preset;
    augs_stream_options of_stream = {.size = sizeof of_stream, .seed = 7, .n_samples = 10};
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/augs-fuzz-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder) == NULL || augs_preset_open("mild", NULL, &preset, NULL) != 0 ||
        augs_stream_open(preset, &of_stream, &stream, NULL) != 0 ||
        augs_chunks_write(stream, folder, &options, NULL, NULL) != 0) {
        abort();
    }
    augs_preset_unref(preset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    char *json = NULL;
    augs_chunks_summary summary = {.size = sizeof summary};
    if (stream == NULL) {
        begin();
    }
    put("manifest-0of1.jsonl", data, n_bytes);
    int verified = augs_chunks_verify(folder, NULL, &summary, NULL);
    if (augs_chunks_inspect(folder, 2, &json, NULL, NULL) == 0) {
        augs_text_free(json);
    }
    if (verified == 0 && summary.n_chunks > 0 && summary.n_faults > 0) {
        abort();
    }
    /* what belongs to another run is refused, all else is repaired */
    augs_chunks_report report = {.size = sizeof report};
    if (augs_chunks_write(stream, folder, &options, &report, NULL) == 0 &&
        (report.complete != 1 || augs_chunks_verify(folder, NULL, NULL, NULL) != 0)) {
        abort();
    }
    return 0;
}
