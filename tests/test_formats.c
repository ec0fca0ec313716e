/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the formats: names, flags, and sizes that are known before anything is written. */
#include <augstream/format.h>
#include <augstream/plan.h>
#include <augstream/preset.h>

#include "chunk_fixture.h"
#include "offline/chunk_image.h"
#include "pipeline/records/record_columns.h"

START_TEST(every_format_has_one_row_with_its_name)
{
    static const struct {
        uint32_t number, map_number;
        const char *name;
    } listed[] = {
#define ROW(code, number, name) {(code), (number), #name},
        AUGS_FORMAT_MAP(ROW)
#undef ROW
    };
    const size_t n = sizeof listed / sizeof listed[0];
    augs_error error;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t found = 0;
        ck_assert_uint_eq(augs_format_at(i), listed[i].number);
        ck_assert_uint_eq(listed[i].number, listed[i].map_number);
        ck_assert_str_eq(augs_format_name(listed[i].number), listed[i].name);
        AUGS_ASSERT_OK(augs_format_find(listed[i].name, &found, &error), error);
        ck_assert_uint_eq(found, listed[i].number);
        ck_assert_ptr_nonnull(augsi_chunk_form_of(found));
        ck_assert_ptr_nonnull(augsi_chunk_form_of(found)->put);
        ck_assert_ptr_nonnull(augsi_chunk_form_of(found)->locate);
        ck_assert_ptr_nonnull(augsi_chunk_form_of(found)->size);
        for (uint32_t j = 0; j < i; j++) {
            ck_assert_uint_ne(listed[j].number, found);
        }
    }
    ck_assert_uint_eq(augs_format_at((uint32_t)n), 0);
    for (uint32_t wrong = 0; wrong < 2; wrong++) {
        const uint32_t number = wrong == 0 ? 0 : 4711;
        ck_assert_ptr_null(augs_format_name(number));
        ck_assert_uint_eq(augs_format_flags(number), 0);
        ck_assert_ptr_null(augsi_chunk_form_of(number));
    }
}
END_TEST

START_TEST(a_wrong_name_is_answered_with_every_format)
{
    augs_error error;
    uint32_t format = 77;
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_format_find("safetensor", &format, &error), error);
    ck_assert_uint_eq(format, 77);
    for (uint32_t i = 0; augs_format_at(i) != 0; i++) {
        ck_assert_ptr_nonnull(strstr(error.message, augs_format_name(augs_format_at(i))));
    }
    ck_assert_ptr_nonnull(strstr(error.message, "did you mean 'safetensors'?"));
}
END_TEST

static int count_bytes(void *user, const void *data, size_t n_bytes)
{
    (void)data;
    *(uint64_t *)user += n_bytes;
    return 0;
}

static void check_bound(const char *preset, uint64_t n_samples)
{
    augs_error error;
    augs_stream *stream = open_stream_of(preset, 11, n_samples, AUGS_ORDER_SHUFFLED);
    for (uint32_t i = 0; augs_format_at(i) != 0; i++) {
        const uint32_t format = augs_format_at(i);
        uint64_t n_bytes = 0;
        augs_sink *sink = NULL;
        int status =
            augs_sink_open_records(stream, format, 0, count_bytes, &n_bytes, &sink, &error);
        if ((augs_format_flags(format) & AUGS_FORMAT_HOLDS_RECORDS) == 0) {
            ck_assert_int_eq(status, AUGS_E_ARGUMENT);
            continue;
        }
        AUGS_ASSERT_OK(status, error);
        augs_pipeline *pipeline;
        augsi_record_writer *writer;
        AUGS_ASSERT_OK(augs_pipeline_open(stream, NULL, &pipeline, &error), error);
        AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
        AUGS_ASSERT_OK(augsi_record_writer_open(stream, format, false, &writer, &error), error);
        const uint64_t bound = augsi_record_writer_bound(writer, n_samples);
        ck_assert_msg(n_bytes <= bound, "%s, %s: %llu bytes, bound %llu", preset,
                      augs_format_name(format), (unsigned long long)n_bytes,
                      (unsigned long long)bound);
        ck_assert_msg(bound < 4 * n_bytes, "%s, %s: %llu bytes, bound %llu", preset,
                      augs_format_name(format), (unsigned long long)n_bytes,
                      (unsigned long long)bound);
        ck_assert_uint_eq(augsi_record_writer_bound(writer, UINT64_MAX), UINT64_MAX);
        augsi_record_writer_free(writer);
        augs_pipeline_free(pipeline);
        augs_sink_free(sink);
    }
    augs_stream_unref(stream);
}

START_TEST(no_output_of_records_is_longer_than_its_bound)
{
    for (uint32_t i = 0; augs_shipped_preset_name(i) != NULL; i++) {
        check_bound(augs_shipped_preset_name(i), 500);
    }
}
END_TEST

static uint64_t bytes_of_parts(const char *folder)
{
    char *names[512];
    size_t n = list_names(folder, names);
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        struct stat facts;
        char path[PATH_BYTES];
        path_in(path, folder, names[i]);
        ck_assert_int_eq(stat(path, &facts), 0);
        total += strncmp(names[i], "part-", 5) == 0 ? (uint64_t)facts.st_size : 0;
        free(names[i]);
    }
    return total;
}

START_TEST(the_size_of_every_chunk_is_known_before_it_is_made)
{
    augs_error error;
    augs_stream *stream = open_stream_of("imagenet", 3, 333, AUGS_ORDER_SHUFFLED);
    augs_strategy_options strategy = {.size = sizeof strategy, .batch_size = 48, .last_batch = 1};
    augs_plan_options plan = {.size = sizeof plan, .strategy_options = &strategy};
    for (uint32_t i = 0; augs_format_at(i) != 0; i++) {
        for (int with_plan = 0; with_plan < 2; with_plan++) {
            char place[PATH_BYTES], folder[PATH_BYTES];
            augsi_chunk_run run;
            augsi_chunk_maker maker;
            augs_chunks_options options = {.size = sizeof options,
                                           .format = augs_format_at(i),
                                           .chunk_size = 3,
                                           .plan = with_plan ? &plan : NULL};
            make_place(place);
            path_in(folder, place, "one");
            options.chunk_size = augs_format_at(i) == AUGS_FORMAT_NPY ? 100 : 3;
            write_chunks(stream, folder, &options);
            AUGS_ASSERT_OK(augsi_chunk_run_open(stream, &options, &run, &error), error);
            AUGS_ASSERT_OK(augsi_chunk_maker_open(&run, &maker, &error), error);
            uint64_t total = 0;
            for (uint64_t c = 0; c < run.n_chunks; c++) {
                total += augsi_chunk_size(&maker, c);
            }
            if (augsi_chunk_form_of(options.format)->is_exact) {
                ck_assert_uint_eq(total, bytes_of_parts(folder));
            } else {
                ck_assert_uint_ge(total, bytes_of_parts(folder));
            }
            augsi_chunk_maker_done(&maker);
            augsi_chunk_run_done(&run);
            remove_tree(place);
        }
    }
    augs_stream_unref(stream);
}
END_TEST

AUGS_SUITE("formats", every_format_has_one_row_with_its_name,
           a_wrong_name_is_answered_with_every_format,
           no_output_of_records_is_longer_than_its_bound,
           the_size_of_every_chunk_is_known_before_it_is_made)
