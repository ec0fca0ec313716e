/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plan/handed_out.h"

#include <string.h>

#include "base/fail.h"

/* ---- batches ---- */

static uint64_t n_kept(const augsi_out *out)
{
    return out->n_batches < AUGS_FEEDBACK_BATCHES ? out->n_batches : AUGS_FEEDBACK_BATCHES;
}

/* The one that was added k before the last one. */
static augsi_handed_out *recent(augsi_out *out, uint64_t k)
{
    return &out->batches[(out->n_batches - 1 - k) % AUGS_FEEDBACK_BATCHES];
}

/* Part numbers of a step are never used twice, whoever is retried in which order. */
static uint32_t parts_in_use(augsi_out *out, uint32_t epoch, uint64_t step)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < out->n_ranges; i++) {
        const augsi_range *range = &out->ranges[i];
        most = range->rest.step == step && range->n_used > most ? range->n_used : most;
    }
    for (uint64_t k = 0; k < n_kept(out); k++) {
        const augsi_handed_out *batch = recent(out, k);
        if (batch->epoch == epoch && batch->piece.step == step) {
            most = batch->n_parts > most ? batch->n_parts : most;
        }
    }
    return most;
}

augsi_handed_out *augsi_out_add(augsi_out *out, const augsi_piece *piece, uint32_t epoch)
{
    const uint32_t n_parts = piece->part == 0 ? 1 : parts_in_use(out, epoch, piece->step);
    augsi_handed_out *batch = &out->batches[out->n_batches++ % AUGS_FEEDBACK_BATCHES];
    *batch = (augsi_handed_out){.piece = *piece, .epoch = epoch, .n_parts = n_parts};
    return batch;
}

augsi_handed_out *augsi_out_last(augsi_out *out)
{
    return out->n_batches > 0 ? recent(out, 0) : NULL;
}

void augsi_out_forget_last(augsi_out *out)
{
    *recent(out, 0) = (augsi_handed_out){.piece = {.step = AUGS_STEP_LAST}}; /* no step is that */
    out->n_batches--;
}

augsi_handed_out *augsi_out_find(augsi_out *out, uint32_t epoch, uint64_t step, uint32_t part)
{
    if (step == AUGS_STEP_LAST) {
        return augsi_out_last(out);
    }
    for (uint64_t k = 0; k < n_kept(out); k++) {
        augsi_handed_out *batch = recent(out, k);
        if (batch->epoch == epoch && batch->piece.step == step && batch->piece.part == part) {
            return batch;
        }
    }
    return NULL;
}

int augsi_out_fail_unknown(const augsi_out *out, const char *caller, uint64_t step, uint32_t part,
                           augs_error *error)
{
    if (out->n_batches == 0) {
        return augsi_fail(error, AUGS_E_STATE, "%s: there was no batch yet", caller);
    }
    return augsi_fail(
        error, AUGS_E_RANGE,
        "%s: step %llu, part %u is none of the last %llu batches that were handed out", caller,
        (unsigned long long)step, part, (unsigned long long)n_kept(out));
}

int augsi_out_check_feedback(const char *caller, const augs_feedback *feedback, augs_error *error)
{
    if (feedback->outcome > AUGS_OUTCOME_DID_NOT_FIT) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "%s: outcome %u; accepted: 0 fine, 1 did not fit",
                          caller, feedback->outcome);
    }
    return AUGS_OK;
}

int augsi_out_hear(augsi_handed_out *batch, const augs_feedback *feedback, uint64_t n_samples,
                   augs_feedback *ret_told, augs_error *error)
{
    const bool fine = feedback->outcome == AUGS_OUTCOME_FINE;
    if (fine && batch->retried) {
        return augsi_fail(error, AUGS_E_STATE,
                          "feedback: step %llu, part %u was given again: it did not fit",
                          (unsigned long long)batch->piece.step, batch->piece.part);
    }
    if (batch->misfit || (batch->told && fine)) {
        return 0;
    }
    *ret_told = *feedback;
    ret_told->epoch = batch->epoch;
    ret_told->step = batch->piece.step;
    ret_told->part = batch->piece.part;
    ret_told->n_samples = feedback->n_samples != 0 ? feedback->n_samples : n_samples;
    batch->told = true;
    batch->misfit = !fine;
    return 1;
}

/* ---- parts ---- */

/* Elements low to high - 1 of a slice; what it has not is left out. */
static augsi_slice slice_part(const augsi_slice *slice, uint64_t low, uint64_t high)
{
    const uint64_t n_body = slice->body.count, n = n_body + slice->pad_count;
    augsi_slice part = *slice;
    high = high < n ? high : n;
    low = low < high ? low : high;
    const uint64_t body_low = low < n_body ? low : n_body;
    const uint64_t body_high = high < n_body ? high : n_body;
    part.body.first = slice->body.first + slice->body.stride * body_low;
    part.body.count = body_high - body_low;
    part.pad_count = (high - low) - part.body.count;
    part.pad_first = part.pad_count > 0 ? augsi_slice_padding(slice, low - body_low).first : 0;
    return part;
}

static uint64_t units_of(uint64_t n_samples, uint64_t unit)
{
    return (n_samples - 1) / unit + 1;
}

int augsi_out_split(const augsi_out *out, const char *caller, const augsi_handed_out *batch,
                    uint64_t most, uint64_t unit, bool local, augsi_range *ret_range,
                    augs_error *error)
{
    const augsi_piece *piece = &batch->piece;
    const unsigned long long step = piece->step, n = piece->high - piece->low;
    if (batch->retried || (batch->told && !batch->misfit)) {
        return augsi_fail(error, AUGS_E_STATE, "%s: step %llu, part %u %s", caller, step,
                          piece->part,
                          batch->retried ? "was given again before"
                                         : "is not given again: its feedback said that it fitted");
    }
    if (n <= 1 || (out->scale == 1 && piece->slice.body.count + piece->slice.pad_count <= 1)) {
        return augsi_fail(error, AUGS_E_MEMORY,
                          "%s: step %llu, part %u has one sample: it cannot be given in smaller "
                          "parts",
                          caller, step, piece->part);
    }
    most = most != 0 ? most : (n + 1) / 2;
    if (most >= n) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "%s: parts of %llu samples; step %llu, part %u has %llu: accepted: 1 to "
                          "%llu, or 0 for half",
                          caller, (unsigned long long)most, step, piece->part, n, n - 1);
    }
    unit = unit != 0 && unit <= most ? unit : 1;
    const uint64_t n_units = units_of(n, unit), each = most / unit;
    const uint64_t n_parts = (n_units - 1) / each + 1;
    const uint32_t first_part =
        local && batch->n_parts < AUGSI_FIRST_LOCAL_PART ? AUGSI_FIRST_LOCAL_PART : batch->n_parts;
    if (n_parts > UINT32_MAX - first_part) {
        return augsi_fail(error, AUGS_E_RANGE, "%s: step %llu, part %u: too many parts", caller,
                          step, piece->part);
    }
    if (out->n_ranges == AUGS_MOST_RETRIES &&
        out->ranges[0].n_parts != 0) { /* the first one may be used up */
        return augsi_fail(error, AUGS_E_STATE,
                          "%s: %u batches wait to be given again; take their parts first", caller,
                          AUGS_MOST_RETRIES);
    }
    *ret_range = (augsi_range){.rest = *piece, .n_parts = (uint32_t)n_parts, .unit = unit};
    ret_range->rest.part = first_part;
    ret_range->n_used = first_part + (uint32_t)n_parts;
    return AUGS_OK;
}

static void drop_used(augsi_out *out)
{
    if (out->n_ranges > 0 && out->ranges[0].n_parts == 0) {
        out->n_ranges--;
        memmove(out->ranges, out->ranges + 1, out->n_ranges * sizeof out->ranges[0]);
    }
}

/* Parts come in the order in which their batches were given again. Where more than these wait, the
 * newest parts come first: all halves of halves of halves at once would be more than the
 * ranges hold, and than are remembered. */
#define MOST_IN_ORDER (AUGS_MOST_RETRIES / 4)

bool augsi_out_add_range(augsi_out *out, uint32_t epoch, const augsi_range *range)
{
    drop_used(out);
    if (out->n_ranges == AUGS_MOST_RETRIES) {
        return false;
    }
    uint32_t at = out->n_ranges++;
    for (; at > 0 && out->n_ranges > MOST_IN_ORDER; at--) {
        out->ranges[at] = out->ranges[at - 1];
    }
    out->ranges[at] = *range;
    const uint32_t n_parts = parts_in_use(out, epoch, range->rest.step);
    for (uint64_t k = 0; k < n_kept(out); k++) {
        augsi_handed_out *batch = recent(out, k);
        if (batch->epoch == epoch && batch->piece.step == range->rest.step) {
            batch->n_parts = n_parts;
        }
    }
    for (uint32_t i = 0; i < out->n_ranges; i++) {
        if (out->ranges[i].rest.step == range->rest.step) {
            out->ranges[i].n_used = n_parts;
        }
    }
    return true;
}

/* Parts differ by one unit at most; only the last one of a range need be no multiple of it. */
bool augsi_out_next_part(augsi_out *out, augsi_piece *ret_piece)
{
    drop_used(out);
    if (out->n_ranges == 0) {
        return false;
    }
    augsi_range *range = &out->ranges[0];
    augsi_piece *rest = &range->rest;
    const uint64_t left = rest->high - rest->low;
    uint64_t n = left;
    if (range->n_parts > 1) {
        n = units_of(left, range->unit) / range->n_parts * range->unit;
    }
    *ret_piece = *rest;
    ret_piece->high = rest->low + n;
    ret_piece->slice = slice_part(&rest->slice, 0, n * out->scale);
    rest->slice = slice_part(&rest->slice, n * out->scale, UINT64_MAX);
    rest->low += n;
    rest->part++;
    range->n_parts--; /* stays as it is until the next call: the part may be put back */
    return true;
}

/* What is left of the batch that the piece was the last part of, so far. Another batch may have been
 * given again meanwhile, which moved or dropped it; NULL: no range is free to put it back. */
static augsi_range *range_after(augsi_out *out, const augsi_piece *piece)
{
    for (uint32_t i = 0; i < out->n_ranges; i++) {
        const augsi_piece *rest = &out->ranges[i].rest;
        if (rest->step == piece->step && rest->part == piece->part + 1 &&
            rest->low == piece->high) {
            return &out->ranges[i];
        }
    }
    if (out->n_ranges == AUGS_MOST_RETRIES) {
        return NULL;
    }
    memmove(out->ranges + 1, out->ranges, out->n_ranges++ * sizeof out->ranges[0]);
    out->ranges[0] = (augsi_range){.rest = *piece, .n_used = piece->part + 1, .unit = 1};
    out->ranges[0].rest.slice = slice_part(&piece->slice, UINT64_MAX, UINT64_MAX);
    return &out->ranges[0];
}

void augsi_out_put_back(augsi_out *out, const augsi_piece *piece)
{
    augsi_range *range = range_after(out, piece);
    if (range == NULL) {
        return;
    }
    const augsi_slice *after = &range->rest.slice;
    augsi_slice whole = piece->slice;
    whole.body.count += after->body.count;
    whole.pad_first = piece->slice.pad_count != 0 ? piece->slice.pad_first : after->pad_first;
    whole.pad_count += after->pad_count;
    range->rest.slice = whole;
    range->rest.low = piece->low;
    range->rest.part = piece->part;
    range->n_parts++;
}

bool augsi_out_has_parts(const augsi_out *out)
{
    return out->n_ranges > 1 || (out->n_ranges == 1 && out->ranges[0].n_parts > 0);
}

augsi_journal_entry augsi_out_entry(const augsi_range *range, uint32_t epoch, uint32_t part)
{
    return (augsi_journal_entry){.epoch = epoch,
                                 .step = range->rest.step,
                                 .retry = {.part = part,
                                           .first_part = range->rest.part,
                                           .n_parts = range->n_parts,
                                           .low = range->rest.low,
                                           .high = range->rest.high,
                                           .unit = range->unit}};
}

augsi_range augsi_out_range_of(const augsi_out *out, const augsi_journal_entry *entry,
                               const augsi_slice *slice)
{
    const augsi_journal_retry *retry = &entry->retry;
    return (augsi_range){
        .rest = {.step = entry->step,
                 .part = retry->first_part,
                 .low = retry->low,
                 .high = retry->high,
                 .slice = slice_part(slice, retry->low * out->scale, retry->high * out->scale)},
        .n_parts = retry->n_parts,
        .n_used = retry->first_part + retry->n_parts,
        .unit = retry->unit};
}
