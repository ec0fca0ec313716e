/* SPDX-License-Identifier: Apache-2.0 */
/* Resume tokens: every place of an epoch can be left and found again, nothing else passes. */
#include <inttypes.h>

#include "base/checksum.h"
#include "pipeline/plan/token.h"
#include "pipeline_fixture.h"

typedef struct token_text {
    char text[AUGS_TOKEN_BYTES];
} token_text;

static token_text token_of(const augs_pipeline *pipeline)
{
    token_text token;
    augs_error error;
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token.text, sizeof token.text, &error), error);
    return token;
}

static augs_pipeline *open_line(uint64_t seed, uint32_t epoch)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 100, seed, epoch);
    augs_pipeline *pipeline = open_batches(stream, 8); /* 13 steps */
    augs_stream_unref(stream);
    return pipeline;
}

static void expect_refused(augs_pipeline *pipeline, const char *token, const char *word)
{
    augs_error error;
    const uint64_t step = augs_pipeline_step(pipeline);
    int status = augs_pipeline_resume(pipeline, token, &error);
    ck_assert_msg(status == AUGS_E_TOKEN && error.status == AUGS_E_TOKEN, "%d for '%s'", status,
                  token);
    ck_assert_msg(strstr(error.message, word) != NULL, "'%s': %s", token, error.message);
    ck_assert_uint_eq(augs_pipeline_step(pipeline), step); /* it stays where it is */
}

/* What a token of our own making says, with its check. */
static token_text make_token(const augsi_token *token)
{
    token_text made;
    augs_error error;
    AUGS_ASSERT_OK(augsi_token_format(token, made.text, sizeof made.text, &error), error);
    return made;
}

static augsi_token parsed(const augs_pipeline *pipeline)
{
    const token_text text = token_of(pipeline);
    augsi_token token;
    augs_error error;
    AUGS_ASSERT_OK(augsi_token_parse(text.text, &token, &error), error);
    return token;
}

START_TEST(a_token_of_any_place_goes_on_with_the_same_batches)
{
    augs_pipeline *whole = open_line(7, 3);
    augs_batch *batches[13];
    token_text tokens[14];
    augs_error error;
    for (int i = 0; i < 13; i++) {
        tokens[i] = token_of(whole);
        batches[i] = next_batch(whole);
    }
    tokens[13] = token_of(whole);
    expect_end(whole);
    for (uint64_t i = 0; i <= 13; i++) {
        augs_pipeline *again = open_line(7, i % 2 == 0 ? 3 : 0); /* the token knows its epoch */
        AUGS_ASSERT_OK(augs_pipeline_resume(again, tokens[i].text, &error), error);
        ck_assert_uint_eq(augs_pipeline_step(again), i);
        ck_assert_str_eq(token_of(again).text, tokens[i].text);
        for (uint64_t k = i; k < 13; k++) {
            augs_batch *batch = next_batch(again);
            assert_same_batches(batch, batches[k]);
            augs_batch_unref(batch);
        }
        expect_end(again);
        augs_pipeline_free(again);
    }
    for (int i = 0; i < 13; i++) {
        augs_batch_unref(batches[i]);
    }
    augs_pipeline_free(whole);
}
END_TEST

START_TEST(a_token_tells_epoch_step_and_first_position)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 100, 7, 4);
    augs_pipeline *pipeline = open_pipeline(
        stream,
        (augs_pipeline_options){
            .rank = 1, .first_position = 10, .plan = &(augs_plan_options){.world_size = 3}},
        (augs_strategy_options){.batch_size = 5});
    augs_batch_unref(next_batch(pipeline));
    augs_batch_unref(next_batch(pipeline));
    const augsi_token token = parsed(pipeline);
    ck_assert_str_eq(token.job, "-");
    ck_assert_str_eq(token.fingerprint, augs_stream_fingerprint(stream));
    ck_assert_uint_eq(token.epoch, 4);
    ck_assert_uint_eq(token.generation, 0);
    ck_assert_uint_eq(token.step, 2);
    ck_assert_uint_eq(token.position, 10 + 30);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_token_of_another_stream_is_refused_with_both_fingerprints)
{
    augs_pipeline *ours = open_line(7, 0), *theirs = open_line(8, 0);
    augs_batch_unref(next_batch(ours));
    augs_batch_unref(next_batch(theirs));
    const augsi_token our_token = parsed(ours), their_token = parsed(theirs);
    ck_assert_str_ne(our_token.fingerprint, their_token.fingerprint);
    expect_refused(ours, token_of(theirs).text, our_token.fingerprint);
    expect_refused(ours, token_of(theirs).text, their_token.fingerprint);
    augs_pipeline_free(ours);
    augs_pipeline_free(theirs);
}
END_TEST

START_TEST(a_token_that_was_cut_or_changed_is_refused)
{
    augs_pipeline *pipeline = open_line(7, 12);
    augs_batch_unref(next_batch(pipeline));
    const token_text good = token_of(pipeline);
    const size_t n = strlen(good.text);
    token_text bad;
    for (size_t i = 0; i < n; i++) {
        bad = good;
        bad.text[i] = '\0';
        expect_refused(pipeline, bad.text, "resume token: ");
        const char others[] = {'0', 'f', ':', ' ', '\n', (char)0xff};
        for (size_t k = 0; k < sizeof others; k++) {
            bad = good;
            bad.text[i] = others[k];
            if (good.text[i] != others[k]) {
                expect_refused(pipeline, bad.text, "resume token: ");
            }
        }
        bad = good; /* one character left out */
        memmove(bad.text + i, bad.text + i + 1, n - i);
        expect_refused(pipeline, bad.text, "resume token: ");
    }
    const char *const after[] = {"\n", " ", ":", "0", "\r\n"};
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        bad = good;
        memcpy(bad.text + n, after[i], strlen(after[i]) + 1);
        expect_refused(pipeline, bad.text, "resume token: ");
    }
    augs_pipeline_free(pipeline);
}
END_TEST

START_TEST(text_that_is_no_token_is_refused)
{
    augs_pipeline *pipeline = open_line(7, 0);
    static char longest[100000];
    memset(longest, ':', sizeof longest - 1);
    expect_refused(pipeline, longest, "has to be one line");
    memset(longest, '9', sizeof longest - 1);
    expect_refused(pipeline, longest, "has to be one line");
    expect_refused(pipeline, "", "augs1:JOB:FINGERPRINT");
    expect_refused(pipeline, "augs1", "augs1:JOB");
    expect_refused(pipeline, ":::::::", "augs1");
    expect_refused(pipeline, "augs2:-:0:0:0:0:0:a:0", "the contract this version knows");
    expect_refused(pipeline, "augs1:-:0:0:0:0:0:a:0000000000000000", "cut or changed");
    uint64_t random = 99;
    for (int i = 0; i < 2000; i++) {
        char text[80];
        size_t n = next_random(&random) % (sizeof text - 1);
        for (size_t k = 0; k < n; k++) {
            static const char alphabet[] = "augs1:0f-\x80";
            text[k] = alphabet[next_random(&random) % (sizeof alphabet - 1)];
        }
        text[n] = '\0';
        expect_refused(pipeline, text, "resume token: ");
    }
    augs_pipeline_free(pipeline);
}
END_TEST

/* Fields that lie, under a check that fits. */
START_TEST(a_token_with_a_right_check_and_wrong_fields_is_refused)
{
    augs_pipeline *pipeline = open_line(7, 0);
    augsi_token token = parsed(pipeline);
    const augsi_token good = token;
    augs_error error;
    token.step = 13; /* the end: there is no batch, but the place exists */
    token.position = 100;
    AUGS_ASSERT_OK(augs_pipeline_resume(pipeline, make_token(&token).text, &error), error);
    expect_end(pipeline);
    token.position = 12; /* fewer positions before it than steps */
    expect_refused(pipeline, make_token(&token).text, "step 13 at position 12");
    token.step = UINT64_MAX;
    expect_refused(pipeline, make_token(&token).text, "cannot go on there");
    token.position = UINT64_MAX;
    expect_refused(pipeline, make_token(&token).text, "cannot go on there");
    token = good;
    token.generation = 1;
    expect_refused(pipeline, make_token(&token).text, "generation 1");
    token = good;
    memset(token.fingerprint, 'g', 32);
    expect_refused(pipeline, make_token(&token).text, good.fingerprint);
    token = good;
    token.fingerprint[31] = '\0';
    expect_refused(pipeline, make_token(&token).text, "FINGERPRINT");
    token = good;
    token.job[0] = '\0';
    expect_refused(pipeline, make_token(&token).text, "JOB");
    token = good;
    memset(token.job, 'j', sizeof token.job - 1);
    AUGS_ASSERT_OK(augs_pipeline_resume(pipeline, make_token(&token).text, &error), error);
    augs_pipeline_free(pipeline);
}
END_TEST

/* A pipeline whose batches are now of another size goes on where the token is, nothing lost or
 * twice. */
START_TEST(a_token_leads_to_its_position_whatever_the_batch_size)
{
    augs_error error;
    for (uint64_t changed_at = 0; changed_at < 13; changed_at++) {
        uint64_t next = 0;
        augs_pipeline *pipeline = open_line(7, 3);
        for (uint64_t i = 0; next < 100; i++) {
            if (i == changed_at) {
                AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, 5, &error), error);
            }
            const token_text token = token_of(pipeline);
            augs_batch *batch = next_batch(pipeline);
            const augs_batch_info info = info_of(batch);
            ck_assert_uint_eq(info.step, i);
            ck_assert_uint_eq(info.first, next);
            const uint64_t left = 100 - next, size = i < changed_at ? 8 : 5;
            ck_assert_uint_eq(info.n_samples, left < size ? left : size);
            augs_pipeline *again = open_line(7, 0);
            AUGS_ASSERT_OK(augs_pipeline_resume(again, token.text, &error), error);
            ck_assert_uint_eq(augs_pipeline_step(again), i);
            augs_batch *other = next_batch(again);
            ck_assert_uint_eq(info_of(other).first, next);
            augs_batch_unref(other);
            augs_pipeline_free(again);
            next += info.n_samples;
            augs_batch_unref(batch);
        }
        const token_text at_end = token_of(pipeline);
        expect_end(pipeline);
        AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_pipeline_set_batch_size(pipeline, 9, &error), error);
        if (changed_at > 0) {
            AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_seek(pipeline, 0, &error), error);
        }
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 4, &error), error);
        augs_batch *batch = next_batch(pipeline); /* a new epoch has the new size from its start */
        ck_assert_uint_eq(augs_batch_n_samples(batch), 5);
        augs_batch_unref(batch);
        augs_pipeline_free(pipeline);
        pipeline = open_line(7, 0);
        AUGS_ASSERT_OK(augs_pipeline_resume(pipeline, at_end.text, &error), error);
        expect_end(pipeline);
        augs_pipeline_free(pipeline);
    }
}
END_TEST

START_TEST(a_token_needs_space_and_leaves_what_is_too_small_untouched)
{
    augs_pipeline *pipeline = open_line(7, 0);
    const token_text good = token_of(pipeline);
    const size_t n = strlen(good.text) + 1;
    augs_error error;
    for (size_t i = 0; i < n; i++) {
        token_text small;
        memset(small.text, '#', sizeof small.text);
        AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_token(pipeline, small.text, i, &error),
                           error);
        for (size_t k = 0; k < sizeof small.text; k++) {
            ck_assert_int_eq(small.text[k], '#');
        }
    }
    token_text exact;
    memset(exact.text, '#', sizeof exact.text);
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, exact.text, n, &error), error);
    ck_assert_str_eq(exact.text, good.text);
    ck_assert_int_eq(exact.text[n], '#');
    augs_pipeline_free(pipeline);
}
END_TEST

/* The place field as it is written, under a check that fits. */
START_TEST(a_place_has_the_form_that_it_names)
{
    static const char *const wrong[] = {
        "",      "a1",    "x",      "d",        "d1",      "d4.", "d4.1", "d4.1.",  "d4.1.0",
        "d4..4", "d.1.4", "d1.0.4", "d4.1.4.1", "d4.1.4 ", "b",   "b1",   "b2.0.4", "a.0.4"};
    static const char *const good[] = {"a", "d4", "d4.0.16", "d4.12.1", "b2"};
    const char *start = "augs1:-:0123456789abcdef0123456789abcdef:0:0:3:5:";
    augs_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0] + sizeof good / sizeof good[0]; i++) {
        const bool is_good = i >= sizeof wrong / sizeof wrong[0];
        const char *place = is_good ? good[i - sizeof wrong / sizeof wrong[0]] : wrong[i];
        char text[200], again[200];
        augsi_token token;
        int n = snprintf(text, sizeof text, "%s%s", start, place);
        snprintf(text + n, sizeof text - (size_t)n, ":%016" PRIx64, augsi_hash64(text, (size_t)n));
        AUGS_ASSERT_STATUS(is_good ? AUGS_OK : AUGS_E_TOKEN,
                           augsi_token_parse(text, &token, &error), error);
        if (is_good) {
            AUGS_ASSERT_OK(augsi_token_format(&token, again, sizeof again, &error), error);
            ck_assert_str_eq(again, text);
        } else {
            ck_assert_msg(strstr(error.message, "PLACE") != NULL, "%s", error.message);
        }
    }
}
END_TEST

START_TEST(the_longest_token_fits)
{
    augsi_token token = {.epoch = UINT32_MAX,
                         .generation = UINT64_MAX,
                         .step = UINT64_MAX,
                         .position = UINT64_MAX,
                         .place = {.kind = AUGSI_PLACE_DEALT,
                                   .number = UINT64_MAX,
                                   .first = UINT64_MAX,
                                   .n_positions = UINT64_MAX}};
    memset(token.job, 'j', sizeof token.job - 1);
    memset(token.fingerprint, 'f', sizeof token.fingerprint - 1);
    const token_text text = make_token(&token);
    augsi_token again;
    augs_error error;
    AUGS_ASSERT_OK(augsi_token_parse(text.text, &again, &error), error);
    ck_assert_str_eq(again.job, token.job);
    ck_assert_str_eq(again.fingerprint, token.fingerprint);
    ck_assert_uint_eq(again.epoch, UINT32_MAX);
    ck_assert_uint_eq(again.generation, UINT64_MAX);
    ck_assert_uint_eq(again.step, UINT64_MAX);
    ck_assert_uint_eq(again.position, UINT64_MAX);
}
END_TEST

AUGS_SUITE("token", a_token_of_any_place_goes_on_with_the_same_batches,
           a_token_tells_epoch_step_and_first_position,
           a_token_leads_to_its_position_whatever_the_batch_size,
           a_token_of_another_stream_is_refused_with_both_fingerprints,
           a_token_that_was_cut_or_changed_is_refused, text_that_is_no_token_is_refused,
           a_token_with_a_right_check_and_wrong_fields_is_refused,
           a_token_needs_space_and_leaves_what_is_too_small_untouched,
           a_place_has_the_form_that_it_names, the_longest_token_fits)
