/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include <jansson.h>

#include <augstream/pipeline.h>

#include "base/checksum.h"
#include "chunk_fixture.h"

static augs_chunks_options small_options(uint32_t format)
{
    return (augs_chunks_options){
        .size = sizeof(augs_chunks_options), .format = format, .chunk_size = 64};
}

static char place[PATH_BYTES], folder[PATH_BYTES], other_folder[PATH_BYTES];

static void begin(void)
{
    make_place(place);
    path_in(folder, place, "one");
    path_in(other_folder, place, "other");
}

static void end(augs_stream *stream)
{
    augs_stream_unref(stream);
    remove_tree(place);
}

static json_t *header_of(const char *bytes, size_t n_bytes, const char **ret_data)
{
    uint64_t size = 0;
    for (int i = 7; i >= 0; i--) {
        size = size << 8 | (unsigned char)bytes[i];
    }
    ck_assert_uint_eq((8 + size) % 64, 0);
    ck_assert_uint_le(8 + size, n_bytes);
    json_t *root = json_loadb(bytes + 8, size, JSON_REJECT_DUPLICATES, NULL);
    ck_assert(json_is_object(root));
    *ret_data = bytes + 8 + size;
    return root;
}

START_TEST(safetensors_hold_the_streams_bytes_without_holes)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("simclr", 7, 150, AUGS_ORDER_SHUFFLED);
    augs_chunks_options options = small_options(0);
    augs_chunks_report report = write_chunks(stream, folder, &options);
    ck_assert_uint_eq(report.n_chunks, 3);
    ck_assert_uint_eq(report.n_made, 3);
    ck_assert_uint_eq(report.n_samples, 150);
    ck_assert_uint_eq(report.complete, 1);
    size_t n_bytes;
    const char *data;
    char *bytes = read_whole(folder, "part-000001.safetensors", &n_bytes);
    json_t *root = header_of(bytes, n_bytes, &data);
    json_t *metadata = json_object_get(root, "__metadata__");
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "fingerprint")),
                     augs_stream_fingerprint(stream));
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "preset")),
                     augs_preset_text(augs_stream_preset(stream)));
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "start")), "64");
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "count")), "64");
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "order")), "shuffled");
    uint64_t covered = 0;
    for (uint32_t c = 0; c < augs_stream_n_columns(stream); c++) {
        augs_column_info info = {.size = sizeof info};
        augs_stream_column(stream, c, &info);
        json_int_t first, last;
        json_t *tensor = json_object_get(root, c == 0 ? "sample_id" : info.name);
        ck_assert_int_eq(json_unpack(tensor, "{s:[I,I]}", "data_offsets", &first, &last), 0);
        uint64_t size = 64 * (uint64_t)augs_stream_column_bytes(stream, c);
        ck_assert_uint_eq((uint64_t)(last - first), size);
        ck_assert_uint_eq((uint64_t)first % augs_dtype_bytes(info.dtype), 0);
        void *columns[256] = {NULL};
        ck_assert_uint_lt(augs_stream_n_columns(stream), 256);
        columns[c] = malloc(size);
        augs_span span = {64, 1, 64};
        AUGS_ASSERT_OK(augs_stream_fill(stream, &span, columns, &error), error);
        ck_assert_mem_eq(columns[c], data + first, size);
        free(columns[c]);
        covered += size;
    }
    ck_assert_uint_eq(json_object_size(root), augs_stream_n_columns(stream) + 1);
    ck_assert_uint_eq((uint64_t)(data - bytes) + covered, n_bytes);
    json_decref(root);
    free(bytes);
    end(stream);
}
END_TEST

START_TEST(threads_change_no_byte_of_any_format)
{
    augs_stream *stream = open_stream_of("imagenet", 3, 1000, AUGS_ORDER_SHUFFLED);
    for (uint32_t format = 1; format <= AUGS_FORMAT_SAFETENSORS; format++) {
        begin();
        augs_chunks_options options = small_options(format);
        write_chunks(stream, folder, &options);
        options.n_threads = 4;
        write_chunks(stream, other_folder, &options);
        assert_same_folders(folder, other_folder);
        remove_tree(place);
    }
    augs_stream_unref(stream);
}
END_TEST

START_TEST(shards_of_any_number_make_the_same_chunks)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", 3, 1000, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(0);
    write_chunks(stream, folder, &options);
    options.n_shards = 3;
    for (uint32_t s = 3; s-- > 0;) {
        options.shard = s;
        augs_chunks_report report = write_chunks(stream, other_folder, &options);
        ck_assert_uint_eq(report.complete, s == 0);
        ck_assert_uint_eq(report.n_chunks, s == 0 ? 6 : 5);
        ck_assert_int_eq(has_file(other_folder, "COMPLETE"), s == 0);
    }
    char *names[512];
    size_t n = list_names(folder, names);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(names[i], "manifest", 8) != 0) {
            size_t n_a, n_b;
            char *a = read_whole(folder, names[i], &n_a);
            char *b = read_whole(other_folder, names[i], &n_b);
            ck_assert_uint_eq(n_a, n_b);
            ck_assert_mem_eq(a, b, n_a);
            free(a);
            free(b);
        }
        free(names[i]);
    }
    augs_chunks_summary summary;
    ck_assert_uint_eq(verify_folder(other_folder, 0, &summary).n, 0);
    ck_assert_uint_eq(summary.n_samples, 1000);
    options.n_shards = 2;
    options.shard = 1;
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH,
                       augs_chunks_write(stream, other_folder, &options, NULL, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "n_shards 3 there, 2 here"));
    end(stream);
}
END_TEST

START_TEST(the_manifest_lists_hashes_and_complete_their_root)
{
    begin();
    augs_stream *stream = open_stream_of("moderate", 3, 200, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(AUGS_FORMAT_NPY);
    write_chunks(stream, folder, &options);
    size_t n_bytes, n_file;
    char *manifest = read_whole(folder, "manifest-0of1.jsonl", &n_bytes);
    unsigned char hashes[4 * 16];
    char *line = strchr(manifest, '\n') + 1, text[AUGSI_HASH128_TEXT];
    for (int c = 0; c < 4; c++) {
        json_int_t chunk, first, count, bytes;
        const char *hash;
        json_t *root = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
        ck_assert_int_eq(json_unpack(root, "{s:I,s:I,s:I,s:I,s:s}", "chunk", &chunk, "first",
                                     &first, "count", &count, "bytes", &bytes, "xxh3", &hash),
                         0);
        ck_assert_int_eq(chunk, c);
        ck_assert_int_eq(first, 64 * c);
        ck_assert_int_eq(count, c == 3 ? 8 : 64);
        /* npy: over the files of the columns, one behind the other */
        char *all = malloc((size_t)bytes);
        size_t used = 0;
        for (uint32_t i = 0; i < augs_stream_n_columns(stream); i++) {
            char name[256];
            augs_column_info info = {.size = sizeof info};
            augs_stream_column(stream, i, &info);
            snprintf(name, sizeof name, "part-%06d.%s.npy", c, i == 0 ? "sample_id" : info.name);
            char *file = read_whole(folder, name, &n_file);
            ck_assert_uint_le(used + n_file, (size_t)bytes);
            memcpy(all + used, file, n_file);
            used += n_file;
            free(file);
        }
        ck_assert_uint_eq(used, (size_t)bytes);
        augsi_hash128_text(augsi_hash128_of(all, used), text);
        ck_assert_str_eq(text, hash);
        for (int i = 0; i < 16; i++) {
            unsigned byte;
            ck_assert_int_eq(sscanf(hash + 2 * i, "%2x", &byte), 1);
            hashes[16 * c + i] = (unsigned char)byte;
        }
        free(all);
        json_decref(root);
        line = strchr(line, '\n') + 1;
    }
    ck_assert_int_eq(*line, '\0');
    augsi_hash128_text(augsi_hash128_of(hashes, sizeof hashes), text);
    char *complete = read_whole(folder, "COMPLETE", &n_file);
    ck_assert_ptr_nonnull(strstr(complete, text));
    free(complete);
    free(manifest);
    end(stream);
}
END_TEST

START_TEST(a_finished_run_started_again_writes_nothing)
{
    begin();
    augs_stream *stream = open_stream_of("moderate", 3, 500, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(0);
    write_chunks(stream, folder, &options);
    struct stat before, after;
    ck_assert_int_eq(stat(folder, &before), 0);
    for (uint32_t check = 0; check < 2; check++) {
        options.check = check;
        augs_chunks_report report = write_chunks(stream, folder, &options);
        ck_assert_uint_eq(report.n_made, 0);
        ck_assert_uint_eq(report.n_bytes, 0);
        ck_assert_uint_eq(report.n_kept, 8);
        ck_assert_uint_eq(report.complete, 1);
    }
    ck_assert_int_eq(stat(folder, &after), 0);
    ck_assert(before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
              before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    end(stream);
}
END_TEST

START_TEST(what_is_missing_or_bad_is_recomputed_and_the_folder_is_the_same)
{
    begin();
    augs_stream *stream = open_stream_of("moderate", 3, 500, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(0);
    char path[PATH_BYTES];
    size_t n_bytes;
    write_chunks(stream, folder, &options);
    write_chunks(stream, other_folder, &options);
    path_in(path, folder, "part-000002.safetensors");
    ck_assert_int_eq(unlink(path), 0); /* missing */
    path_in(path, folder, "part-000004.safetensors");
    ck_assert_int_eq(truncate(path, 100), 0); /* short */
    char *bytes = read_whole(folder, "part-000006.safetensors", &n_bytes);
    bytes[n_bytes - 1] ^= 4; /* a flipped bit: only the full check sees it */
    write_whole(folder, "part-000006.safetensors", bytes, n_bytes);
    free(bytes);
    write_whole(folder, ".part-000001.safetensors.0of1.tmp", "left", 4);
    write_whole(folder, ".part-000001.safetensors.0of2.tmp", "not ours", 8);
    augs_chunks_report report = write_chunks(stream, folder, &options);
    ck_assert_uint_eq(report.n_made, 2);
    ck_assert_uint_eq(report.n_kept, 6);
    ck_assert(has_file(folder, ".part-000001.safetensors.0of2.tmp"));
    path_in(path, folder, ".part-000001.safetensors.0of2.tmp");
    unlink(path);
    options.check = AUGS_CHECK_FULL;
    options.n_threads = 3;
    report = write_chunks(stream, folder, &options);
    ck_assert_uint_eq(report.n_made, 1);
    assert_same_folders(folder, other_folder);
    end(stream);
}
END_TEST

START_TEST(a_torn_or_shuffled_or_repeated_manifest_becomes_canonical)
{
    begin();
    augs_stream *stream = open_stream_of("moderate", 3, 256, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(0);
    size_t n;
    write_chunks(stream, folder, &options);
    write_chunks(stream, other_folder, &options);
    char *text = read_whole(folder, "manifest-0of1.jsonl", &n);
    write_whole(folder, "manifest-0of1.jsonl", text, n - 5); /* torn */
    ck_assert_uint_eq(write_chunks(stream, folder, &options).n_made, 1);
    assert_same_folders(folder, other_folder);

    write_whole(folder, "manifest-0of1.jsonl", text, 40); /* torn in its header */
    /* with no header the folder could be anybody's, but its name and the torn header are ours */
    ck_assert_uint_eq(write_chunks(stream, folder, &options).n_made, 4);
    assert_same_folders(folder, other_folder);

    char *first = strchr(text, '\n') + 1, *second = strchr(first, '\n') + 1;
    char *twice = malloc(2 * n);
    size_t m = n;
    memcpy(twice, text, n);
    memcpy(twice + m, first, (size_t)(second - first)); /* a line twice */
    m += (size_t)(second - first);
    write_whole(folder, "manifest-0of1.jsonl", twice, m);
    ck_assert_uint_eq(write_chunks(stream, folder, &options).n_made, 0);
    assert_same_folders(folder, other_folder);

    m = n;
    memcpy(twice + m, "{\"chunk\":9}\n", 12); /* a line that is none */
    write_whole(folder, "manifest-0of1.jsonl", twice, m + 12);
    ck_assert_uint_eq(write_chunks(stream, folder, &options).n_made, 0);
    assert_same_folders(folder, other_folder);
    free(twice);
    free(text);
    end(stream);
}
END_TEST

START_TEST(a_folder_of_another_run_is_refused_and_the_difference_named)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", 3, 500, AUGS_ORDER_SEQUENTIAL);
    augs_stream *other = open_stream_of("moderate", 4, 500, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(0);
    write_chunks(stream, folder, &options);
    write_chunks(stream, other_folder, &options);
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH, augs_chunks_write(other, folder, &options, NULL, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, augs_stream_fingerprint(stream)));
    ck_assert_ptr_nonnull(strstr(error.message, augs_stream_fingerprint(other)));
    options.chunk_size = 65;
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "chunk_size 64 there, 65 here"));
    options = small_options(AUGS_FORMAT_CSV);
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "format \"safetensors\" there, \"csv\" here"));
    options = small_options(0);
    options.first_position = 1;
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "start 0 there, 1 here"));
    augs_plan_options plan = {.size = sizeof plan};
    options = small_options(0);
    options.plan = &plan;
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "plan null there"));
    assert_same_folders(folder, other_folder);

    char path[PATH_BYTES];
    path_in(path, folder, "manifest-0of1.jsonl");
    unlink(path);
    options.plan = NULL;
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    augs_stream_unref(other);
    end(stream);
}
END_TEST

START_TEST(a_plan_gives_its_order_and_a_batch_column)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", 3, 500, AUGS_ORDER_SHUFFLED);
    augs_strategy_options strategy = {.size = sizeof strategy, .batches = 7, .deal_window = 100};
    augs_plan_options plan = {
        .size = sizeof plan, .strategy = "round_robin", .strategy_options = &strategy};
    augs_chunks_options options = small_options(0);
    options.plan = &plan;
    options.first_position = 20;
    options.n_positions = 433;
    options.n_threads = 2;
    write_chunks(stream, folder, &options);
    augs_pipeline_options of_pipeline = {
        .size = sizeof of_pipeline, .first_position = 20, .n_positions = 433, .plan = &plan};
    augs_pipeline *pipeline;
    augs_batch *batch;
    AUGS_ASSERT_OK(augs_pipeline_open(stream, &of_pipeline, &pipeline, &error), error);
    uint64_t at = 0, step = 0;
    char *bytes = NULL;
    const char *data = NULL;
    json_t *root = NULL;
    json_int_t id_at = 0, batch_at = 0, end_at;
    while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
        const uint64_t *ids = augs_batch_column_data(batch, 0);
        for (uint64_t k = 0; k < augs_batch_n_samples(batch); k++, at++) {
            if (at % 64 == 0) {
                char name[64];
                size_t n;
                json_decref(root);
                free(bytes);
                snprintf(name, sizeof name, "part-%06" PRIu64 ".safetensors", at / 64);
                bytes = read_whole(folder, name, &n);
                root = header_of(bytes, n, &data);
                json_unpack(json_object_get(root, "sample_id"), "{s:[I,I]}", "data_offsets", &id_at,
                            &end_at);
                json_unpack(json_object_get(root, "batch"), "{s:[I,I]}", "data_offsets", &batch_at,
                            &end_at);
            }
            uint64_t id, index;
            memcpy(&id, data + id_at + 8 * (at % 64), 8);
            memcpy(&index, data + batch_at + 8 * (at % 64), 8);
            ck_assert_uint_eq(id, ids[k]);
            ck_assert_uint_eq(index, step);
        }
        augs_batch_unref(batch);
        step++;
    }
    ck_assert_uint_eq(at, 433);
    json_decref(root);
    free(bytes);
    augs_pipeline_free(pipeline);
    augs_chunks_summary summary;
    ck_assert_uint_eq(verify_folder(folder, 0, &summary).n, 0);
    end(stream);
}
END_TEST

START_TEST(a_plan_that_drops_the_last_batch_makes_fewer_records)
{
    begin();
    augs_stream *stream = open_stream_of("moderate", 3, 500, AUGS_ORDER_SEQUENTIAL);
    augs_strategy_options strategy = {.size = sizeof strategy, .batch_size = 48, .last_batch = 1};
    augs_plan_options plan = {.size = sizeof plan, .strategy_options = &strategy};
    augs_chunks_options options = small_options(AUGS_FORMAT_CSV);
    options.plan = &plan;
    ck_assert_uint_eq(write_chunks(stream, folder, &options).n_samples, 480);
    augs_chunks_summary summary;
    ck_assert_uint_eq(verify_folder(folder, 0, &summary).n, 0);
    ck_assert_uint_eq(summary.n_samples, 480);
    end(stream);
}
END_TEST

START_TEST(an_empty_run_is_complete)
{
    begin();
    augs_stream *stream = open_stream_of("moderate", 3, 0, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(0);
    augs_chunks_summary summary;
    ck_assert_uint_eq(write_chunks(stream, folder, &options).complete, 1);
    ck_assert_uint_eq(verify_folder(folder, 0, &summary).n, 0);
    ck_assert_uint_eq(summary.complete, 1);
    end(stream);
}
END_TEST

static int stop_at_three(void *user, uint64_t done_samples, uint64_t all_samples)
{
    ck_assert_uint_eq(all_samples, 1000);
    ck_assert_uint_eq(done_samples, 64 * ++*(uint64_t *)user);
    return *(uint64_t *)user >= 3;
}

START_TEST(a_cancelled_run_keeps_its_chunks_and_goes_on_later)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", 3, 1000, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(0);
    uint64_t n_calls = 0;
    augs_chunks_report report = {.size = sizeof report};
    write_chunks(stream, other_folder, &options);
    options.progress = stop_at_three;
    options.progress_user = &n_calls;
    AUGS_ASSERT_STATUS(AUGS_E_CANCELLED,
                       augs_chunks_write(stream, folder, &options, &report, &error), error);
    ck_assert_uint_eq(report.n_made, 3);
    ck_assert_uint_eq(report.complete, 0);
    augs_chunks_summary summary;
    findings found = verify_folder(folder, 0, &summary);
    ck_assert_uint_eq(summary.n_faults, 0);
    ck_assert_uint_eq(summary.complete, 0);
    ck_assert_uint_eq(summary.n_chunks, 3);
    ck_assert_uint_eq(found.n, 1);
    ck_assert_int_eq(found.status[0], AUGS_E_NOT_FOUND);
    ck_assert_str_eq(found.message[0], "the run is not finished: 3 of 16 chunks are listed");
    options.progress = NULL;
    report = write_chunks(stream, folder, &options);
    ck_assert_uint_eq(report.n_kept, 3);
    ck_assert_uint_eq(report.n_made, 13);
    assert_same_folders(folder, other_folder);
    end(stream);
}
END_TEST

START_TEST(verify_sums_the_digests_of_all_records)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", 3, 500, AUGS_ORDER_SHUFFLED);
    augs_chunks_options options = small_options(AUGS_FORMAT_MSGPACK);
    augs_chunks_summary summary;
    augs_pipeline *pipeline;
    augs_batch *batch;
    uint64_t digest[2] = {0, 0};
    write_chunks(stream, folder, &options);
    AUGS_ASSERT_OK(augs_pipeline_open(stream, NULL, &pipeline, &error), error);
    while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
        uint64_t one[2];
        augs_batch_digest(batch, one);
        digest[0] += one[0];
        digest[1] += one[1] + (digest[0] < one[0]);
        augs_batch_unref(batch);
    }
    augs_pipeline_free(pipeline);
    ck_assert_uint_eq(verify_folder(folder, 0, &summary).n, 0);
    ck_assert_uint_eq(summary.digest[0], digest[0]);
    ck_assert_uint_eq(summary.digest[1], digest[1]);
    ck_assert_uint_eq(summary.n_chunks, 8);
    ck_assert_uint_eq(summary.complete, 1);
    end(stream);
}
END_TEST

START_TEST(verify_says_which_chunk_file_column_and_record)
{
    begin();
    augs_stream *stream = open_stream_of("moderate", 3, 500, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(AUGS_FORMAT_NPY);
    augs_chunks_summary summary;
    char path[PATH_BYTES];
    size_t n_bytes;
    write_chunks(stream, folder, &options);
    char *bytes = read_whole(folder, "part-000001.rotation.npy", &n_bytes);
    bytes[n_bytes - 4 * 64 + 4 * 17] ^= 1;
    write_whole(folder, "part-000001.rotation.npy", bytes, n_bytes);
    free(bytes);
    path_in(path, folder, "part-000003.sample_id.npy");
    unlink(path);
    path_in(path, folder, "part-000005.rotation.npy");
    ck_assert_int_eq(truncate(path, 200), 0);
    write_whole(folder, "part-000099.rotation.npy", "x", 1);
    findings found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
    ck_assert_uint_eq(summary.n_faults, 4);
    ck_assert_uint_eq(found.n, 4);
    ck_assert_uint_eq(summary.n_chunks, 5);
    ck_assert_str_eq(found.file[0], "part-000099.rotation.npy");
    ck_assert_uint_eq(found.chunk[1], 1);
    ck_assert_int_eq(found.status[1], AUGS_E_CORRUPT);
    ck_assert_str_eq(found.file[1], "part-000001.rotation.npy");
    ck_assert_msg(strstr(found.message[1], "column 'rotation', record 17") != NULL, "%s",
                  found.message[1]);
    ck_assert_uint_eq(found.chunk[2], 3);
    ck_assert_int_eq(found.status[2], AUGS_E_NOT_FOUND);
    ck_assert_uint_eq(found.chunk[3], 5);
    ck_assert_msg(strstr(found.message[3], "200 bytes, the stream makes 384") != NULL, "%s",
                  found.message[3]);
    end(stream);
}
END_TEST

/* A chunk and its manifest line changed together: only the stream knows. */
START_TEST(verify_finds_a_forged_chunk_with_a_fitting_hash)
{
    begin();
    augs_stream *stream = open_stream_of("moderate", 3, 100, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(AUGS_FORMAT_JSONL);
    augs_chunks_summary summary;
    size_t n_bytes, n_manifest;
    char before[AUGSI_HASH128_TEXT], after[AUGSI_HASH128_TEXT];
    write_chunks(stream, folder, &options);
    char *bytes = read_whole(folder, "part-000001.jsonl", &n_bytes);
    augsi_hash128_text(augsi_hash128_of(bytes, n_bytes), before);
    char *digit = strstr(strchr(bytes, '\n'), "rotation\":") + 11;
    *digit = *digit == '1' ? '2' : '1';
    write_whole(folder, "part-000001.jsonl", bytes, n_bytes);
    augsi_hash128_text(augsi_hash128_of(bytes, n_bytes), after);
    char *manifest = read_whole(folder, "manifest-0of1.jsonl", &n_manifest);
    memcpy(strstr(manifest, before), after, 32);
    write_whole(folder, "manifest-0of1.jsonl", manifest, n_manifest);
    findings found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
    ck_assert_uint_eq(found.n, 2);
    ck_assert_int_eq(found.status[0], AUGS_E_MISMATCH);
    ck_assert_msg(strstr(found.message[0], "in record 1") != NULL, "%s", found.message[0]);
    ck_assert_str_eq(found.file[1], "COMPLETE");
    free(bytes);
    free(manifest);
    end(stream);
}
END_TEST

START_TEST(verify_checks_manifests_and_root)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", 3, 500, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(0);
    augs_chunks_summary summary;
    char path[PATH_BYTES];
    size_t n;
    options.n_shards = 2;
    write_chunks(stream, folder, &options);
    options.shard = 1;
    write_chunks(stream, folder, &options);
    char *complete = read_whole(folder, "COMPLETE", &n);
    complete[n - 5] ^= 1;
    write_whole(folder, "COMPLETE", complete, n);
    free(complete);
    findings found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
    ck_assert_uint_eq(found.n, 1);
    ck_assert_str_eq(found.file[0], "COMPLETE");
    ck_assert_uint_eq(summary.complete, 0);
    path_in(path, folder, "manifest-1of2.jsonl");
    unlink(path);
    found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
    ck_assert_uint_eq(found.n, 5); /* the manifest and its four chunks */
    ck_assert_str_eq(found.file[0], "manifest-1of2.jsonl");
    path_in(path, folder, "manifest-0of2.jsonl");
    unlink(path);
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_chunks_verify(folder, NULL, NULL, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_chunks_verify(other_folder, NULL, NULL, &error),
                       error);
    end(stream);
}
END_TEST

START_TEST(a_seed_of_64_bits_and_an_endless_stream_survive_the_manifest)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", UINT64_MAX, AUGS_ENDLESS, 0);
    augs_chunks_options options = small_options(AUGS_FORMAT_MSGPACK);
    augs_chunks_summary summary;
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    options.first_position = (1ull << 55) + 3;
    options.n_positions = 100;
    write_chunks(stream, folder, &options);
    ck_assert_uint_eq(verify_folder(folder, 0, &summary).n, 0);
    ck_assert_uint_eq(summary.n_samples, 100);
    end(stream);
}
END_TEST

START_TEST(inspect_tells_what_a_folder_and_a_file_hold)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", 3, 100, AUGS_ORDER_SHUFFLED);
    augs_chunks_options options = small_options(0);
    char *json = NULL, path[PATH_BYTES];
    write_chunks(stream, folder, &options);
    AUGS_ASSERT_OK(augs_chunks_inspect(folder, 3, &json, NULL, &error), error);
    json_t *root = json_loads(json, 0, NULL);
    ck_assert_msg(json_is_object(root), "%s", json);
    ck_assert_str_eq(json_string_value(json_object_get(root, "format")), "safetensors");
    ck_assert_str_eq(json_string_value(json_object_get(root, "fingerprint")),
                     augs_stream_fingerprint(stream));
    ck_assert_int_eq(json_integer_value(json_object_get(root, "count")), 100);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "n_chunks")), 2);
    ck_assert(json_is_true(json_object_get(root, "complete")));
    ck_assert(json_is_object(json_object_get(root, "preset")));
    ck_assert_uint_eq(json_array_size(json_object_get(root, "records")), 3);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "columns")),
                      augs_stream_n_columns(stream));
    json_decref(root);
    augs_text_free(json);
    path_in(path, folder, "part-000001.safetensors");
    AUGS_ASSERT_OK(augs_chunks_inspect(path, 1000, &json, NULL, &error), error);
    root = json_loads(json, 0, NULL);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "chunk")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "first")), 64);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "records")), 36);
    ck_assert(json_is_null(json_object_get(root, "fault")));
    json_decref(root);
    augs_text_free(json);
    augs_text_free(NULL);
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_chunks_inspect(place, 3, &json, NULL, &error), error);
    path_in(path, folder, "COMPLETE");
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH, augs_chunks_inspect(path, 3, &json, NULL, &error), error);
    end(stream);
}
END_TEST

START_TEST(the_parents_of_a_folder_are_made)
{
    static const char *const paths[] = {"a/b/c", "d//e/", "f/./g/../g"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char deep[PATH_BYTES];
        begin();
        augs_stream *stream = open_stream_of("moderate", 3, 100, AUGS_ORDER_SEQUENTIAL);
        augs_chunks_options options = small_options(0);
        path_in(deep, place, paths[i]);
        ck_assert_uint_eq(write_chunks(stream, deep, &options).complete, 1);
        ck_assert_uint_eq(write_chunks(stream, deep, &options).n_kept, 2);
        end(stream);
    }
}
END_TEST

START_TEST(wrong_arguments_make_no_folder)
{
    begin();
    augs_error error;
    augs_stream *stream = open_stream_of("moderate", 3, 100, AUGS_ORDER_SEQUENTIAL);
    augs_chunks_options options = small_options(77);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    options = small_options(0);
    options.shard = 2;
    options.n_shards = 2;
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    options = small_options(0);
    options.first_position = 50;
    options.n_positions = 51;
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    options = small_options(0);
    augs_plan_options plan = {.size = sizeof plan, .strategy = "sequential", .world_size = 2};
    options.plan = &plan;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    plan = (augs_plan_options){.size = sizeof plan, .strategy = "seqential"};
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_chunks_write(NULL, folder, &options, NULL, &error),
                       error);
    ck_assert(!has_file(place, "one"));
    char deep[PATH_BYTES];
    path_in(deep, place, "file");
    write_whole(place, "file", "x", 1);
    options.plan = NULL;
    AUGS_ASSERT_STATUS(AUGS_E_IO, augs_chunks_write(stream, deep, &options, NULL, &error), error);
    path_in(deep, place, "file/below");
    AUGS_ASSERT_STATUS(AUGS_E_IO, augs_chunks_write(stream, deep, &options, NULL, &error), error);
    end(stream);
}
END_TEST

AUGS_SUITE("chunks", safetensors_hold_the_streams_bytes_without_holes,
           threads_change_no_byte_of_any_format, shards_of_any_number_make_the_same_chunks,
           the_manifest_lists_hashes_and_complete_their_root,
           a_finished_run_started_again_writes_nothing,
           what_is_missing_or_bad_is_recomputed_and_the_folder_is_the_same,
           a_torn_or_shuffled_or_repeated_manifest_becomes_canonical,
           a_folder_of_another_run_is_refused_and_the_difference_named,
           a_plan_gives_its_order_and_a_batch_column,
           a_plan_that_drops_the_last_batch_makes_fewer_records, an_empty_run_is_complete,
           a_cancelled_run_keeps_its_chunks_and_goes_on_later,
           verify_sums_the_digests_of_all_records, verify_says_which_chunk_file_column_and_record,
           verify_finds_a_forged_chunk_with_a_fitting_hash, verify_checks_manifests_and_root,
           a_seed_of_64_bits_and_an_endless_stream_survive_the_manifest,
           inspect_tells_what_a_folder_and_a_file_hold, the_parents_of_a_folder_are_made,
           wrong_arguments_make_no_folder)
