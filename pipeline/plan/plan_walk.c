/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans that decide as they go, with and without a journal. What the journal has is taken from it.
 * When it is opened, the strategy is asked and told everything in it once, in the order in which it
 * was written, and its answers are not looked at: so it has learned as much as before when the
 * journal ends and it decides itself. Whoever walks the steps of the journal again tells it nothing
 * new.
 *
 * What the journal says of batches that did not fit. A run that takes its steps from a journal
 * hands such a batch out in the parts that took its place, and never whole, so that each position
 * comes once. For that it reads ahead, no further than a retry may follow its batch.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/memory.h"
#include "pipeline/plan/plan_impl.h"

/* ---- a strategy that only repeats ---- */

static int replay_init(void *state, const augs_strategy_options *options, augs_error *error)
{
    (void)state;
    (void)options;
    (void)error;
    return AUGS_OK;
}

/* Asked when the journal has no more: there is nothing that it could decide. */
static int replay_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,
                       augs_error *error)
{
    (void)state;
    (void)ret_span;
    (void)error;
    return facts->position >= facts->n_samples ? 0 : AUGS_E_PLAN;
}

const augs_strategy_ops augsi_strategy_replay = {
    .size = sizeof(augs_strategy_ops),
    .name = "replay",
    .state_size = 1,
    .init = replay_init,
    .plan = replay_plan,
};

/* ---- the walk ---- */

/* Before step 0. What was read ahead is read again, since more may have been appended meanwhile. */
static void restart(augsi_plan *plan)
{
    augsi_walk *walk = plan->walk;
    augsi_journal_free(walk->ahead);
    walk->ahead = NULL;
    walk->ahead_ended = plan->journal == NULL;
    walk->n_planned = walk->n_cut = 0;
    walk->end_noted = walk->taken = walk->decided = false;
    augsi_span_check_init(&walk->check);
    walk->n_retries = walk->n_retries_known = 0;
    walk->n_walked = walk->n_ahead = walk->n_ahead_retries = 0;
    walk->first_later = walk->n_later = 0;
    if (plan->journal != NULL) {
        augsi_journal_rewind(plan->journal, plan->epoch);
    }
}

int augsi_plan_open_walk(augsi_plan *plan, augs_error *error)
{
    plan->walk = augsi_new(&plan->allocator, sizeof *plan->walk);
    if (plan->walk == NULL) {
        return augsi_fail_memory(error, sizeof *plan->walk);
    }
    restart(plan);
    return AUGS_OK;
}

void augsi_plan_free_walk(augsi_plan *plan)
{
    if (plan->walk != NULL) {
        augsi_journal_free(plan->walk->ahead);
        augsi_delete(&plan->allocator, plan->walk, sizeof *plan->walk);
    }
}

void augsi_plan_set_epoch(augsi_plan *plan, uint32_t epoch)
{
    plan->epoch = epoch;
    if (plan->walk != NULL) {
        restart(plan);
    }
}

/* A retry of the journal was taken up, or was none of this run's. */
static void pass_retry(augsi_plan *plan)
{
    plan->walk->n_retries++;
    plan->walk->n_walked++;
}

/* It is the next one again. */
void augsi_plan_put_retry_back(augsi_plan *plan)
{
    plan->walk->n_retries--;
    plan->walk->n_walked--;
    augsi_journal_back(plan->journal);
}

/* ---- what earlier runs learned ---- */

static void tell_strategy(augsi_plan *plan, const augs_feedback *feedback)
{
    AUGSI_CALLER_BEGIN_IF(plan->of_caller);
    plan->ops->observe(plan->state, feedback);
    AUGSI_CALLER_END;
}

static void note_learned(augsi_learned *learned, int kind, const augsi_journal_entry *entry)
{
    if (kind == AUGSI_ENTRY_STEP) {
        const uint64_t at = learned->n_steps++ % AUGS_FEEDBACK_BATCHES;
        learned->steps[at].epoch = entry->epoch;
        learned->steps[at].step = entry->step;
    } else if (kind == AUGSI_ENTRY_FEEDBACK) {
        const uint64_t at = learned->n_told++ % (UINT64_C(2) * AUGS_FEEDBACK_BATCHES);
        learned->told[at].epoch = entry->epoch;
        learned->told[at].step = entry->feedback.step;
        learned->told[at].part = entry->feedback.part;
    }
}

/* Whether earlier runs were told of a step that was taken from the journal. Of steps that are not
 * among the last ones they were, or never will be. */
static bool was_learned(const augsi_learned *learned, const augs_feedback *feedback)
{
    bool is_recent = false;
    for (uint64_t i = 0; i < AUGS_FEEDBACK_BATCHES && i < learned->n_steps; i++) {
        is_recent = is_recent || (learned->steps[i].epoch == feedback->epoch &&
                                  learned->steps[i].step == feedback->step);
    }
    bool told = !is_recent;
    for (uint64_t i = 0; i < UINT64_C(2) * AUGS_FEEDBACK_BATCHES && i < learned->n_told && !told;
         i++) {
        told = learned->told[i].epoch == feedback->epoch &&
               learned->told[i].step == feedback->step && learned->told[i].part == feedback->part;
    }
    return told;
}

/* Everything that earlier runs decided and were told. */
static int learn(augsi_plan *plan, augs_error *error)
{
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    augsi_journal_entry entry;
    int kind;
    while ((kind = augsi_journal_next_of_any(plan->journal, &entry, error)) > 0) {
        note_learned(&plan->learned, kind, &entry);
        if (kind == AUGSI_ENTRY_FEEDBACK && plan->ops->observe != NULL) {
            tell_strategy(plan, &entry.feedback);
        } else if (kind == AUGSI_ENTRY_SIZE) { /* options that do not take it are of this run */
            augsi_plan_take_batch_size(plan, entry.batch_size, 0, 0, NULL);
        } else if (kind == AUGSI_ENTRY_STEP && entry.span.first >= plan->first_position) {
            augs_span ignored;
            plan->walk->check.next = entry.span.first - plan->first_position;
            augsi_plan_ask(plan, &lane, entry.step, &ignored, NULL);
        }
    }
    return kind;
}

int augsi_plan_use_journal(augsi_plan *plan, augsi_journal *journal, uint32_t epoch,
                           augs_error *error)
{
    plan->journal = journal;
    plan->epoch = epoch;
    restart(plan);
    int status = AUGS_OK;
    if (!augsi_journal_is_read_only(journal)) {
        status = learn(plan, error);
        restart(plan);
    }
    return status;
}

void augsi_plan_set_memory(augsi_plan *plan, uint64_t limit_bytes, uint64_t used_bytes,
                           uint64_t available_bytes)
{
    plan->memory_limit_bytes = limit_bytes;
    plan->memory_used_bytes = used_bytes;
    plan->memory_available_bytes = available_bytes;
}

const char *augsi_plan_why(const augsi_plan *plan)
{
    return augsi_plan_is_fixed(plan) ? "fixed" : plan->walk->why;
}

static void note_why(augsi_plan *plan)
{
    augsi_walk *walk = plan->walk;
    const char *why = "decided";
    if (plan->ops->why != NULL) {
        AUGSI_CALLER_BEGIN_IF(plan->of_caller);
        why = plan->ops->why(plan->state);
        AUGSI_CALLER_END;
    }
    size_t n = 0;
    for (; n < AUGS_WHY_BYTES - 1 && why[n] != '\0'; n++) { /* one word, as a journal takes it */
        const bool good = (why[n] >= 'a' && why[n] <= 'z') || why[n] == '-';
        walk->why[n] = good ? why[n] : '_';
    }
    if (n == 0) {
        walk->why[n++] = '_';
    }
    walk->why[n] = '\0';
}

/* ---- steps ---- */

/* A span that may not follow: the journal was changed, or is of other code. */
static int fail_recorded(augsi_plan *plan, const augs_error *why, augs_error *error)
{
    augsi_journal_back(plan->journal);
    return augsi_fail(error, AUGS_E_CORRUPT, "plan journal '%.200s': %s",
                      augsi_journal_path(plan->journal), why->message);
}

/* The step as the journal has it: 1; 0: it has no more, or the end. */
static int recorded_span(augsi_plan *plan, const augsi_lane *lane, augs_span *ret_span,
                         uint64_t *ret_filled, augs_error *error)
{
    augsi_walk *walk = plan->walk;
    augsi_journal_entry entry;
    int kind;
    while ((kind = augsi_journal_next(plan->journal, &entry, error)) > AUGSI_ENTRY_NONE &&
           kind != AUGSI_ENTRY_STEP && kind != AUGSI_ENTRY_END) {
        if (kind == AUGSI_ENTRY_RETRY) {
            pass_retry(plan);
        }
    }
    walk->end_noted = walk->end_noted || kind == AUGSI_ENTRY_END;
    if (kind != AUGSI_ENTRY_STEP) {
        return kind < 0 ? kind : 0;
    }
    augs_error why;
    augs_span span = entry.span;
    if (span.first < plan->first_position) {
        span.count = 0;
    }
    span.first -= plan->first_position;
    if (augsi_plan_check_span(plan, lane, entry.step, &span, &why) < 0) {
        return fail_recorded(plan, &why, error);
    }
    memcpy(walk->why, entry.why, sizeof walk->why);
    *ret_span = span;
    *ret_filled = entry.n_filled;
    return 1;
}

/* Writes a step, or the end, into the journal before anybody sees it. */
static int write_down(augsi_plan *plan, int kind, const augs_span *span, uint64_t n_filled,
                      augs_error *error)
{
    augsi_walk *walk = plan->walk;
    if (plan->journal == NULL || augsi_journal_is_read_only(plan->journal)) {
        return AUGS_OK;
    }
    augsi_journal_entry entry = {.epoch = plan->epoch, .step = walk->n_planned};
    if (kind == AUGSI_ENTRY_STEP) {
        entry.span = (augs_span){.first = plan->first_position + span->first,
                                 .stride = span->stride,
                                 .count = span->count};
        entry.n_filled = n_filled;
        memcpy(entry.why, walk->why, sizeof entry.why);
    }
    return augsi_journal_append(plan->journal, kind, &entry, error);
}

/* Adds a span to what is planned. What was decided and cannot be written down stays decided. */
static int add_span(augsi_plan *plan, const augs_span *span, uint64_t n_filled, bool recorded,
                    augs_error *error)
{
    augsi_walk *walk = plan->walk;
    augsi_span_check check = walk->check; /* a wrong span changes nothing and is not written down */
    augs_error why = {.status = AUGS_OK};
    int status = augsi_span_check_add(&check, span, plan->ops->name, walk->n_planned,
                                      recorded ? &why : error);
    if (status < 0 && recorded) {
        return fail_recorded(plan, &why, error);
    }
    if (status >= 0 && !recorded) {
        walk->decided = true;
        walk->decision = *span;
        walk->decision_filled = n_filled;
        status = write_down(plan, AUGSI_ENTRY_STEP, span, n_filled, error);
    }
    if (status < 0) {
        return status;
    }
    walk->decided = false;
    walk->check = check;
    walk->last = *span;
    walk->last_filled = n_filled;
    if (plan->options.tail == AUGS_TAIL_DROP && n_filled == 0) {
        walk->n_cut += span->count % plan->options.world_size;
    }
    walk->taken = recorded;
    walk->recent[walk->n_planned % AUGSI_RECENT_SPANS] =
        (augsi_recent_span){.span = *span, .n_filled = n_filled};
    walk->n_walked++;
    walk->n_planned++;
    return 1;
}

static int add_end(augsi_plan *plan, const augsi_lane *lane, augs_error *error)
{
    augsi_walk *walk = plan->walk;
    if (walk->end_noted && augsi_span_check_is_whole(&walk->check)) {
        return 0; /* as it was written, whatever last_batch is */
    }
    int status = augsi_plan_check_end(plan, lane, &walk->check, walk->n_planned, error);
    if (status == 0) {
        status = write_down(plan, AUGSI_ENTRY_END, NULL, 0, error);
        walk->end_noted = status == AUGS_OK;
    }
    return status;
}

/* A replay that the journal has no more of. */
static int fail_unfinished(const augsi_plan *plan, augs_error *error)
{
    const augsi_walk *walk = plan->walk;
    const char *path = augsi_journal_path(plan->journal);
    const unsigned long long covered = augsi_span_check_position(&walk->check);
    if (plan->n_samples == AUGS_ENDLESS) {
        return augsi_fail(error, AUGS_E_PLAN,
                          "plan journal '%.200s' of an endless run ends at step %llu, position "
                          "%llu: there is nothing more to repeat",
                          path, (unsigned long long)walk->n_planned, covered);
    }
    return augsi_fail(
        error, AUGS_E_PLAN,
        "plan journal '%.200s' ends at step %llu with %llu of %llu positions: the run "
        "that wrote it was not finished",
        path, (unsigned long long)walk->n_planned, covered, (unsigned long long)plan->n_samples);
}

/* Plans the next step: 1, 0 at the end. */
static int advance(augsi_plan *plan, augs_error *error)
{
    augsi_walk *walk = plan->walk;
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    augs_span span = walk->decision;
    uint64_t n_filled = walk->decision_filled;
    if (walk->decided) {
        return add_span(plan, &span, n_filled, false, error);
    }
    if (plan->journal != NULL && !walk->end_noted) {
        int status = recorded_span(plan, &lane, &span, &n_filled, error);
        if (status != 0) {
            return status < 0 ? status : add_span(plan, &span, n_filled, true, error);
        }
    }
    if (walk->end_noted) {
        return add_end(plan, &lane, error);
    }
    int status = augsi_plan_ask(plan, &lane, walk->n_planned, &span, error);
    if (status == 0) {
        return add_end(plan, &lane, error);
    }
    if (status < 0) {
        return plan->options.strategy_ops == &augsi_strategy_replay ? fail_unfinished(plan, error)
                                                                    : status;
    }
    note_why(plan);
    n_filled = augsi_plan_ask_filled(plan, &lane, walk->n_planned, &span);
    return add_span(plan, &span, n_filled, false, error);
}

int augsi_plan_next_span(augsi_plan *plan, uint64_t step, augs_span *ret_span, augs_error *error)
{
    if (plan->walk->n_planned == 0 || step != plan->walk->n_planned - 1) {
        int status = AUGS_OK;
        if (step != plan->walk->n_planned && plan->journal == NULL) {
            return augsi_fail(error, AUGS_E_STATE,
                              "strategy '%.200s' plans in order: step %llu was asked for, %llu are "
                              "planned",
                              plan->ops->name, (unsigned long long)step,
                              (unsigned long long)plan->walk->n_planned);
        }
        if (step != plan->walk->n_planned) {
            status = augsi_plan_go_to(plan, plan->epoch, step, 0, error);
        }
        status = status < 0 ? status : advance(plan, error);
        if (status <= 0) {
            return status;
        }
    }
    *ret_span = plan->walk->last;
    return 1;
}

int augsi_plan_is_recorded(augsi_plan *plan, uint64_t step, augs_error *error)
{
    augsi_journal_entry entry;
    int kind = AUGSI_ENTRY_NONE;
    if (plan->journal == NULL || step < plan->walk->n_planned) {
        return plan->journal != NULL;
    }
    if (plan->walk->end_noted) {
        return 0;
    }
    const augsi_journal_place place = augsi_journal_tell(plan->journal);
    do {
        kind = augsi_journal_next(plan->journal, &entry, error);
    } while (kind > AUGSI_ENTRY_NONE && kind != AUGSI_ENTRY_STEP && kind != AUGSI_ENTRY_END);
    augsi_journal_return(plan->journal, &place);
    return kind < 0 ? kind : kind == AUGSI_ENTRY_STEP;
}

void augsi_plan_take_back_step(augsi_plan *plan)
{
    augsi_walk *walk = plan->walk;
    augsi_span_check_take_back(&walk->check, &walk->last);
    walk->end_noted = false;
    walk->n_walked--;
    walk->n_planned--;
    const augsi_recent_span *before =
        &walk->recent[(walk->n_planned + AUGSI_RECENT_SPANS - 1) % AUGSI_RECENT_SPANS];
    walk->last = before->span;
    walk->last_filled = before->n_filled;
}

/* ---- places ---- */

/* To a step behind, in the journal. */
static int walk_to(augsi_plan *plan, uint64_t step, augs_error *error)
{
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    const augsi_walk *walk = plan->walk;
    while (walk->n_planned < step) {
        augs_span span;
        uint64_t n_filled;
        int status = walk->end_noted ? 0 : recorded_span(plan, &lane, &span, &n_filled, error);
        if (status == 0) {
            return augsi_fail(error, AUGS_E_RANGE,
                              "plan journal '%s' has %llu steps of epoch %u; step %llu is neither "
                              "one of them nor the next",
                              augsi_journal_path(plan->journal),
                              (unsigned long long)walk->n_planned, plan->epoch,
                              (unsigned long long)step);
        }
        status = status > 0 ? add_span(plan, &span, n_filled, true, error) : status;
        if (status < 0) {
            return status;
        }
    }
    return AUGS_OK;
}

uint64_t augsi_plan_decided_position(const augsi_plan *plan, uint64_t step)
{
    const augsi_walk *walk = plan->walk;
    if (step == walk->n_planned && augsi_span_check_is_whole(&walk->check)) {
        return plan->first_position + augsi_span_check_position(&walk->check);
    }
    return walk->n_planned > 0 && step == walk->n_planned - 1 && walk->last.stride == 1
               ? plan->first_position + walk->last.first
               : 0;
}

/* Whether the step starts at the position that a token tells; 0: it does not tell. */
static int check_position(const augsi_plan *plan, uint64_t step, uint64_t position,
                          augs_error *error)
{
    const uint64_t here = augsi_plan_decided_position(plan, step);
    if (step == 0 || position == 0 || here == 0 || here == position) {
        return AUGS_OK;
    }
    return augsi_fail(error, AUGS_E_TOKEN,
                      "resume token: its step %llu is at position %llu, that of the plan journal "
                      "at %llu: it is of another run",
                      (unsigned long long)step, (unsigned long long)position,
                      (unsigned long long)here);
}

/* A walk along the journal happens on a copy: if it fails, the plan is where it was. */
static int walk_on_copy(augsi_plan *plan, uint32_t epoch, uint64_t step, uint64_t position,
                        augs_error *error)
{
    const augsi_journal_place place = augsi_journal_tell(plan->journal);
    const uint32_t old_epoch = plan->epoch;
    augsi_walk *old = plan->walk, *walk = augsi_new(&plan->allocator, sizeof *walk);
    if (walk == NULL) {
        return augsi_fail_memory(error, sizeof *walk);
    }
    *walk = *old;
    plan->walk = walk;
    if (epoch != old_epoch || step < old->n_planned) {
        walk->ahead = NULL; /* it is the old one's */
        augsi_plan_set_epoch(plan, epoch);
    }
    int status = walk_to(plan, step, error);
    status = status < 0 ? status : check_position(plan, step, position, error);
    if (status < 0) {
        plan->walk = old;
        plan->epoch = old_epoch;
        augsi_journal_return(plan->journal, &place);
        augsi_delete(&plan->allocator, walk, sizeof *walk);
        return status;
    }
    if (old->ahead != walk->ahead) {
        augsi_journal_free(old->ahead);
    }
    augsi_delete(&plan->allocator, old, sizeof *old);
    return AUGS_OK;
}

int augsi_plan_go_to(augsi_plan *plan, uint32_t epoch, uint64_t step, uint64_t position,
                     augs_error *error)
{
    const uint64_t n_planned = plan->walk->n_planned;
    if (epoch == plan->epoch && (step == n_planned || (n_planned > 0 && step == n_planned - 1))) {
        return check_position(plan, step, position, error);
    }
    if (step == 0) {
        augsi_plan_set_epoch(plan, epoch);
        return AUGS_OK;
    }
    if (plan->journal == NULL) {
        return augsi_fail(
            error, AUGS_E_STATE,
            "strategy '%.200s' decides as it goes and has planned %llu steps: without "
            "a plan journal it goes to the last of them, to the next, or to step 0",
            plan->ops->name, (unsigned long long)n_planned);
    }
    return walk_on_copy(plan, epoch, step, position, error);
}

bool augsi_plan_is_taken(const augsi_plan *plan)
{
    return plan->walk != NULL && plan->walk->taken;
}

bool augsi_plan_knows_cost(const augsi_plan *plan, const augs_feedback *feedback)
{
    return was_learned(&plan->learned, feedback);
}

void augsi_plan_observe(augsi_plan *plan, const augs_feedback *feedback)
{
    if (plan->ops->observe != NULL) {
        tell_strategy(plan, feedback);
    }
    if (plan->journal != NULL && !augsi_journal_is_read_only(plan->journal)) {
        const augsi_journal_entry entry = {.epoch = plan->epoch, .feedback = *feedback};
        augsi_journal_append(plan->journal, AUGSI_ENTRY_FEEDBACK, &entry, NULL);
    }
}

/* ---- batches that did not fit ---- */

uint64_t augsi_plan_n_retries(const augsi_plan *plan)
{
    const augsi_walk *walk = plan->walk;
    if (walk == NULL) {
        return 0;
    }
    return walk->n_retries > walk->n_retries_known ? walk->n_retries : walk->n_retries_known;
}

void augsi_plan_know_retries(augsi_plan *plan, uint64_t n)
{
    if (plan->walk != NULL) {
        plan->walk->n_retries_known = n;
    }
}

int augsi_plan_next_retry(augsi_plan *plan, augsi_journal_entry *ret_entry, augs_error *error)
{
    augsi_walk *walk = plan->walk;
    if (plan->journal == NULL || augsi_plan_is_fixed(plan)) {
        return 0;
    }
    for (;;) {
        augsi_journal_entry entry;
        const int kind = augsi_journal_next(plan->journal, &entry, error);
        if (kind == AUGSI_ENTRY_END && entry.step == walk->n_planned) {
            walk->end_noted = true; /* there may be retries after it */
        }
        if (kind == AUGSI_ENTRY_FEEDBACK || kind == AUGSI_ENTRY_SIZE ||
            (kind == AUGSI_ENTRY_END && walk->end_noted)) {
            continue;
        }
        if (kind != AUGSI_ENTRY_RETRY) {
            if (kind > 0) {
                augsi_journal_back(plan->journal);
            }
            return kind < 0 ? kind : 0;
        }
        pass_retry(plan);
        if (walk->n_retries > walk->n_retries_known) {
            *ret_entry = entry;
            return 1;
        }
    }
}

/* Without space for it the batch would come twice. */
static int add_later(augsi_plan *plan, const augsi_journal_entry *entry, augs_error *error)
{
    augsi_walk *walk = plan->walk;
    if (walk->n_later == AUGSI_MOST_LATER) {
        return augsi_fail(error, AUGS_E_CORRUPT,
                          "plan journal '%.200s': more than %u batches in a row were given again",
                          augsi_journal_path(plan->journal), (unsigned)AUGSI_MOST_LATER);
    }
    walk->later[(walk->first_later + walk->n_later++) % AUGSI_MOST_LATER] = (augsi_later_retry){
        .number = walk->n_ahead_retries, .step = entry->step, .part = entry->retry.part};
    return AUGS_OK;
}

static int read_ahead(augsi_plan *plan, augs_error *error)
{
    augsi_walk *walk = plan->walk;
    if (walk->ahead == NULL && !walk->ahead_ended) {
        walk->ahead = augsi_journal_clone(plan->journal);
        if (walk->ahead == NULL) {
            return augsi_fail(error, AUGS_E_NO_MEMORY,
                              "plan journal '%.200s': no memory or file to read ahead in it",
                              augsi_journal_path(plan->journal));
        }
        augsi_journal_rewind(walk->ahead, plan->epoch);
    }
    while (!walk->ahead_ended && walk->n_ahead < walk->n_walked + AUGSI_MOST_LATER) {
        augsi_journal_entry entry;
        const int kind = augsi_journal_next(walk->ahead, &entry, error);
        if (kind < 0) {
            return kind;
        }
        walk->ahead_ended = kind == AUGSI_ENTRY_NONE;
        walk->n_ahead += kind == AUGSI_ENTRY_STEP;
        if (kind == AUGSI_ENTRY_RETRY) {
            walk->n_ahead++;
            int status =
                walk->n_ahead_retries >= walk->n_retries ? add_later(plan, &entry, error) : AUGS_OK;
            if (status < 0) {
                return status;
            }
            walk->n_ahead_retries++;
        }
    }
    if (walk->ahead_ended) {
        augsi_journal_free(walk->ahead);
        walk->ahead = NULL;
    }
    return AUGS_OK;
}

/* Retries that the run has passed, or knew of when it began here, are past. */
static void drop_past(augsi_plan *plan)
{
    augsi_walk *walk = plan->walk;
    const uint64_t past = augsi_plan_n_retries(plan);
    while (walk->n_later > 0 && walk->later[walk->first_later].number < past) {
        walk->first_later = (walk->first_later + 1) % AUGSI_MOST_LATER;
        walk->n_later--;
    }
}

int augsi_plan_is_retried_later(augsi_plan *plan, uint64_t step, uint32_t part, augs_error *error)
{
    augsi_walk *walk = plan->walk;
    if (augsi_plan_is_fixed(plan) || plan->journal == NULL) {
        return 0;
    }
    drop_past(plan);
    int status = read_ahead(plan, error);
    if (status < 0) {
        return status;
    }
    drop_past(plan);
    for (uint32_t i = 0; i < walk->n_later; i++) {
        const augsi_later_retry *later = &walk->later[(walk->first_later + i) % AUGSI_MOST_LATER];
        if (later->step == step && later->part == part) {
            return 1;
        }
    }
    return 0;
}

bool augsi_plan_has_later_retry(const augsi_plan *plan)
{
    return plan->walk != NULL && plan->walk->n_later > 0;
}

int augsi_plan_is_behind(augsi_plan *plan, augs_error *error)
{
    augsi_journal_entry later;
    if (augsi_plan_is_fixed(plan) || plan->journal == NULL) {
        return 0;
    }
    int status = augsi_plan_next_retry(plan, &later, error); /* past what is known already */
    if (status > 0) {
        augsi_plan_put_retry_back(plan);
    }
    return status < 0 ? status
                      : augsi_journal_is_read_only(plan->journal) ||
                            !augsi_journal_is_at_end(plan->journal);
}

int augsi_plan_retry(augsi_plan *plan, const augsi_journal_entry *entry, bool is_behind,
                     augs_error *error)
{
    const bool is_told = entry->feedback.size != 0;
    if (plan->journal == NULL || is_behind) {
        if (is_told) {
            augsi_plan_observe(plan, &entry->feedback);
        }
        return AUGS_OK;
    }
    int status = augsi_journal_append(plan->journal, AUGSI_ENTRY_RETRY, entry, error);
    if (status < 0) {
        return status;
    }
    pass_retry(plan);
    if (is_told && plan->ops->observe != NULL) {
        tell_strategy(plan, &entry->feedback);
    }
    return AUGS_OK;
}
