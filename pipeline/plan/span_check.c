/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plan/span_check.h"

#include "base/fail.h"

void augsi_span_check_init(augsi_span_check *check)
{
    *check = (augsi_span_check){.stride = 1};
}

uint64_t augsi_span_check_position(const augsi_span_check *check)
{
    return check->next + check->covered;
}

bool augsi_span_check_is_whole(const augsi_span_check *check)
{
    return check->stride == 1;
}

void augsi_span_check_take_back(augsi_span_check *check, const augs_span *span)
{
    check->next = span->first;
}

static void begin(augsi_span_check *check, const augs_span *span)
{
    if (span->stride == 1) {
        check->next += span->count;
        return;
    }
    check->stride = span->stride;
    check->n_spans = 1;
    check->first_count = check->last_count = check->covered = span->count;
}

/* Spans 0..t-1 with c + 1 positions and the others with c are base, ..., base + stride * c + t - 1:
 * a whole round is contiguous exactly because counts never rise. */
static bool add_to_round(augsi_span_check *check, const augs_span *span)
{
    if (span->stride != check->stride || span->first != check->next + check->n_spans ||
        span->count > check->last_count || span->count + 1 < check->first_count) {
        return false;
    }
    check->last_count = span->count;
    check->covered += span->count;
    if (++check->n_spans == check->stride) {
        *check = (augsi_span_check){.next = check->next + check->covered, .stride = 1};
    }
    return true;
}

int augsi_span_check_add(augsi_span_check *check, const augs_span *span, const char *strategy,
                         uint64_t step, augs_error *error)
{
    if (augsi_span_check_is_whole(check)) {
        if (span->first == check->next) {
            begin(check, span);
            return AUGS_OK;
        }
        return augsi_fail(error, AUGS_E_PLAN,
                          "strategy '%.200s', step %llu: span first %llu, stride %llu, count %llu; "
                          "expected was first %llu, the first position that is not planned",
                          strategy, (unsigned long long)step, (unsigned long long)span->first,
                          (unsigned long long)span->stride, (unsigned long long)span->count,
                          (unsigned long long)check->next);
    }
    if (add_to_round(check, span)) {
        return AUGS_OK;
    }
    return augsi_fail(
        error, AUGS_E_PLAN,
        "strategy '%.200s', step %llu: span first %llu, stride %llu, count %llu; "
        "expected was first %llu, stride %llu, count %llu to %llu, to go on with what "
        "was begun",
        strategy, (unsigned long long)step, (unsigned long long)span->first,
        (unsigned long long)span->stride, (unsigned long long)span->count,
        (unsigned long long)check->next + check->n_spans, (unsigned long long)check->stride,
        (unsigned long long)(check->first_count > 1 ? check->first_count - 1 : 1),
        (unsigned long long)check->last_count);
}
