/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the journal says of batches that did not fit. A run that takes its steps from a journal
 * hands such a batch out in the parts that took its place, and never whole, so that each position
 * comes once. For that it reads ahead, no further than a retry may follow its batch.
 */
#include "base/fail.h"
#include "base/memory.h"
#include "pipeline/plan/plan_impl.h"

void augsi_plan_remember_span(augsi_plan *plan, uint64_t step, const augs_span *span,
                              uint64_t n_filled)
{
    plan->recent[step % AUGSI_RECENT_SPANS] =
        (augsi_recent_span){.span = *span, .n_filled = n_filled};
}

void augsi_plan_restart_retries(augsi_plan *plan)
{
    plan->n_retries = plan->n_retries_known = 0;
    plan->n_walked = plan->n_ahead = 0;
    plan->n_ahead_retries = 0;
    plan->first_later = plan->n_later = 0;
    augsi_journal_free(plan->ahead); /* what was appended since is known the next time */
    plan->ahead = NULL;
    plan->ahead_ended = plan->journal == NULL;
}

void augsi_plan_pass_retry(augsi_plan *plan)
{
    plan->n_retries++;
    plan->n_walked++;
}

uint64_t augsi_plan_n_retries(const augsi_plan *plan)
{
    return plan->n_retries > plan->n_retries_known ? plan->n_retries : plan->n_retries_known;
}

void augsi_plan_know_retries(augsi_plan *plan, uint64_t n)
{
    plan->n_retries_known = n;
}

int augsi_plan_next_retry(augsi_plan *plan, augsi_journal_entry *ret_entry, augs_error *error)
{
    if (plan->journal == NULL || augsi_plan_is_fixed(plan)) {
        return 0;
    }
    for (;;) {
        augsi_journal_entry entry;
        const int kind = augsi_journal_next(plan->journal, &entry, error);
        if (kind == AUGSI_ENTRY_END && entry.step == plan->n_planned) {
            plan->end_noted = true; /* there may be retries after it */
        }
        if (kind == AUGSI_ENTRY_FEEDBACK || kind == AUGSI_ENTRY_SIZE ||
            (kind == AUGSI_ENTRY_END && plan->end_noted)) {
            continue;
        }
        if (kind != AUGSI_ENTRY_RETRY) {
            if (kind > 0) {
                augsi_journal_back(plan->journal);
            }
            return kind < 0 ? kind : 0;
        }
        augsi_plan_pass_retry(plan);
        if (plan->n_retries > plan->n_retries_known) {
            *ret_entry = entry;
            return 1;
        }
    }
}

/* Without room for it the batch would come twice. */
static int add_later(augsi_plan *plan, const augsi_journal_entry *entry, augs_error *error)
{
    if (plan->n_later == AUGSI_MOST_LATER) {
        return augsi_fail(error, AUGS_E_CORRUPT,
                          "plan journal '%.80s': more than %u batches in a row were given again",
                          augsi_journal_path(plan->journal), (unsigned)AUGSI_MOST_LATER);
    }
    plan->later[(plan->first_later + plan->n_later++) % AUGSI_MOST_LATER] = (augsi_later_retry){
        .number = plan->n_ahead_retries, .step = entry->step, .part = entry->retry.part};
    return AUGS_OK;
}

static int read_ahead(augsi_plan *plan, augs_error *error)
{
    if (plan->ahead == NULL && !plan->ahead_ended) {
        plan->ahead = augsi_journal_clone(plan->journal);
        if (plan->ahead == NULL) {
            return augsi_fail(error, AUGS_E_NO_MEMORY,
                              "plan journal '%.80s': no memory or file to read ahead in it",
                              augsi_journal_path(plan->journal));
        }
        augsi_journal_rewind(plan->ahead, plan->epoch);
    }
    while (!plan->ahead_ended && plan->n_ahead < plan->n_walked + AUGSI_MOST_LATER) {
        augsi_journal_entry entry;
        const int kind = augsi_journal_next(plan->ahead, &entry, error);
        if (kind < 0) {
            return kind;
        }
        plan->ahead_ended = kind == AUGSI_ENTRY_NONE;
        plan->n_ahead += kind == AUGSI_ENTRY_STEP;
        if (kind == AUGSI_ENTRY_RETRY) {
            plan->n_ahead++;
            int status =
                plan->n_ahead_retries >= plan->n_retries ? add_later(plan, &entry, error) : AUGS_OK;
            if (status < 0) {
                return status;
            }
            plan->n_ahead_retries++;
        }
    }
    if (plan->ahead_ended) {
        augsi_journal_free(plan->ahead);
        plan->ahead = NULL;
    }
    return AUGS_OK;
}

/* Retries that the run has passed, or knew of when it began here, are past. */
static void drop_past(augsi_plan *plan)
{
    const uint64_t past = augsi_plan_n_retries(plan);
    while (plan->n_later > 0 && plan->later[plan->first_later].number < past) {
        plan->first_later = (plan->first_later + 1) % AUGSI_MOST_LATER;
        plan->n_later--;
    }
}

int augsi_plan_is_retried_later(augsi_plan *plan, uint64_t step, uint32_t part, augs_error *error)
{
    if (augsi_plan_is_fixed(plan) || plan->journal == NULL) {
        return 0;
    }
    drop_past(plan);
    int status = read_ahead(plan, error);
    if (status < 0) {
        return status;
    }
    drop_past(plan);
    for (uint32_t i = 0; i < plan->n_later; i++) {
        const augsi_later_retry *later = &plan->later[(plan->first_later + i) % AUGSI_MOST_LATER];
        if (later->step == step && later->part == part) {
            return 1;
        }
    }
    return 0;
}

bool augsi_plan_has_later_retry(const augsi_plan *plan)
{
    return plan->n_later > 0;
}

int augsi_plan_is_behind(augsi_plan *plan, augs_error *error)
{
    augsi_journal_entry later;
    if (augsi_plan_is_fixed(plan) || plan->journal == NULL) {
        return 0;
    }
    int status = augsi_plan_next_retry(plan, &later, error); /* past what is known already */
    if (status > 0) {
        plan->n_retries--;
        plan->n_walked--;
        augsi_journal_back(plan->journal);
    }
    return status < 0 ? status
                      : augsi_journal_is_read_only(plan->journal) ||
                            !augsi_journal_is_at_end(plan->journal);
}

int augsi_plan_write_retry(augsi_plan *plan, const augsi_journal_entry *entry, augs_error *error)
{
    int status = augsi_plan_is_behind(plan, error);
    if (status != 0 || plan->journal == NULL) {
        return status < 0 ? status : AUGS_OK; /* it is this run's alone */
    }
    status = augsi_journal_append(plan->journal, AUGSI_ENTRY_RETRY, entry, error);
    if (status == AUGS_OK) {
        augsi_plan_pass_retry(plan);
    }
    return status;
}
