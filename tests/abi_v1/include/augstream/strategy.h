/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategies say which positions go together in a batch. A strategy sees facts
 * and answers with a span. It allocates nothing, draws no random numbers, sends
 * nothing and measures no time.
 *
 *     augs_strategy_options defaults;
 *     augs_strategy_options_init(&defaults);
 *     for (uint32_t i = 0; i < augs_strategy_count(); i++) {
 *         const char *name = augs_strategy_name(i);
 *         if (augs_strategy_defaults(name, &defaults, &error) < 0) {
 *             return 1;
 *         }
 *         printf("%s: %llu\n", name, (unsigned long long)defaults.batch_size);
 *     }
 *
 * The library checks every span: positions are in order, none is lost, and none
 * comes twice. So a wrong strategy is an error, never wrong data.
 */
#ifndef AUGSTREAM_STRATEGY_H
#define AUGSTREAM_STRATEGY_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>
#include <augstream/status.h>
#include <augstream/stream.h>

AUGS_BEGIN_DECLS

/* How memory_optimized finds its size. */
#define AUGS_MEMORY_RULE_BUDGET 0u    /* budget / bytes per sample */
#define AUGS_MEMORY_RULE_PUBLISHED 1u /* augs_batch_size_adjust, step by step */

/*
 * What happens to a batch at the end that is shorter than the others. For
 * sequential this is the last batch. For memory_optimized and adaptive it is a
 * batch below the size that they chose. For round_robin it is a batch that has
 * one sample less than others of its deal_window, and a last deal_window that is
 * not full.
 */
/* It is a batch like any other. */
#define AUGS_LAST_BATCH_KEEP 0u
/* It is left out, and its positions are counted (augs_pipeline_n_left_out).
 * memory_optimized and adaptive first take what makes a batch within the limits
 * of batch sizes. round_robin leaves out the positions beyond a multiple of
 * `batches`, or a last deal_window. deal_window must be a multiple of `batches`. */
#define AUGS_LAST_BATCH_DROP 1u
/* It is filled up with the first positions of the range, again and again if
 * there are few. These samples are flagged and counted as padding
 * (augs_batch_info.n_padded). Endless streams do not take it. */
#define AUGS_LAST_BATCH_FILL 2u
/* It is joined to the batch before it, if max_batch_size and the memory budget
 * allow it. Otherwise the last two share their samples as evenly as
 * min_batch_size and multiple_of allow. round_robin does so with deal_windows. */
#define AUGS_LAST_BATCH_MERGE 3u

/*
 * Options of all shipped strategies. 0 is the default of the strategy, which
 * augs_strategy_defaults tells. Sizes are samples per rank.
 *
 * A batch_size below min_batch_size or above max_batch_size is refused.
 * sequential rounds it down to a multiple of multiple_of, or up if that is below
 * min_batch_size. memory_optimized and adaptive start with batch_size.
 * The sizes of round_robin follow from batches and deal_window. It takes neither
 * batch_size nor multiple_of, and refuses sizes beyond the limits. An option
 * that belongs to another strategy is refused with AUGS_E_ARGUMENT, and so is
 * one that cannot be kept.
 */
typedef struct augs_strategy_options {
    uint32_t size;       /* sizeof(augs_strategy_options) */
    uint32_t last_batch; /* AUGS_LAST_BATCH_... */
    /* sequential: the size, 0 = 32. memory_optimized: the first size, 0 =
     * min_batch_size. adaptive: the first size, 0 = 16. */
    uint64_t batch_size;
    uint64_t min_batch_size; /* only a tail may be smaller; 0 = 1 */
    /* 0 = no limit; memory_optimized: 65,536; adaptive: 4,096 */
    uint64_t max_batch_size;
    uint64_t multiple_of; /* of every batch but the tail; 0 = 1 */
    uint64_t batches;     /* round_robin: number of batches; required */
    uint64_t deal_window; /* round_robin: samples dealt at a time; 0 = all */
    /* memory_optimized, adaptive: bytes that a batch may need at its consumer; 0
     * = only the memory of the machine counts. */
    uint64_t max_memory_bytes;
    /* memory_optimized: part of the budget that is used, above 0 to 1; 0 =
     * 0.9. */
    double memory_safety;
    uint32_t memory_rule;  /* memory_optimized: AUGS_MEMORY_RULE_... */
    uint32_t reserved;     /* 0 */
    double target_seconds; /* adaptive: most seconds per batch; 0 = no target */
    /* adaptive: part of the memory limit to stay within, above 0 to 1; 0 =
     * 0.7. */
    double target_memory;
    /* adaptive: largest factor of a trial upwards after learning, above 1 to 16;
     * 0 = 1.2. */
    double max_growth;
    /* adaptive: smallest factor of a trial downwards, 1/16 to below 1; 0 =
     * 0.8. */
    double max_reduction;
} augs_strategy_options;
AUGS_SIZED_STRUCT(augs_strategy_options, max_reduction);

/* What a strategy sees. Positions count from the start of the planned range of
 * positions. */
typedef struct augs_plan_facts {
    uint32_t size;                   /* sizeof(augs_plan_facts) */
    uint32_t world_size;             /* ranks that share a span, at least 1 */
    uint64_t n_samples;              /* positions to plan in all, or AUGS_ENDLESS */
    uint64_t step;                   /* spans that were planned before this one */
    uint64_t position;               /* positions that were planned before it */
    uint64_t sample_bytes;           /* of one record; 0 = not known */
    uint64_t memory_limit_bytes;     /* 0 = not known */
    uint64_t memory_used_bytes;      /* 0 = not known */
    uint64_t memory_available_bytes; /* 0 = not known */
} augs_plan_facts;
AUGS_SIZED_STRUCT(augs_plan_facts, memory_available_bytes);

/* How a batch ended at its consumer. */
/* It fitted, and its samples were processed. */
#define AUGS_OUTCOME_FINE 0u
/* It needed more memory than there was. Its samples were not processed. */
#define AUGS_OUTCOME_DID_NOT_FIT 1u

/* In the place of a step: the batch that was handed out last, whatever its epoch
 * and part. */
#define AUGS_STEP_LAST UINT64_MAX

/*
 * What was seen of a batch after it was consumed. epoch, step and part name the
 * batch, as its augs_batch_info does.
 */
typedef struct augs_feedback {
    uint32_t size;            /* sizeof(augs_feedback) */
    uint32_t epoch;           /* of the batch */
    uint64_t step;            /* of the batch, or AUGS_STEP_LAST */
    uint32_t part;            /* of the step; 0 = the whole step */
    uint32_t outcome;         /* AUGS_OUTCOME_... */
    uint64_t n_samples;       /* per rank; 0 = those of the batch */
    double seconds;           /* that the consumer took; 0, < 0, NaN = not known */
    uint64_t bytes;           /* memory that it needed; 0 = not known */
    uint64_t available_bytes; /* memory that it has left; 0 = not known */
} augs_feedback;
AUGS_SIZED_STRUCT(augs_feedback, available_bytes);

/* Flags of a strategy. */
/* The plan is a pure function of step and n_samples of the facts, so any step
 * can be asked for at once. */
#define AUGS_STRATEGY_FIXED 1u

/* The functions of a strategy. A caller may provide its own
 * (augs_plan_options.strategy_ops). One thread at a time calls them. */
typedef struct augs_strategy_ops {
    uint32_t size;     /* sizeof(augs_strategy_ops) */
    uint32_t flags;    /* AUGS_STRATEGY_... */
    const char *name;  /* for messages; required */
    size_t state_size; /* bytes of state: zeroed, aligned to 16 bytes */
    /* Checks the options, which are never NULL, and copies what it needs.
     * Returns 0 or a negative status. Required. */
    int (*init)(void *state, const augs_strategy_options *options, augs_error *error);
    /* Returns 1 and a span, 0 at the end, or a negative status. A FIXED strategy
     * must not change its state. Required. */
    int (*plan)(void *state, const augs_plan_facts *facts, augs_span *ret_span, augs_error *error);
    /* Takes feedback of a planned span, or of a part of one. n_samples is never
     * 0. Feedback may come late, out of order, or never. NULL = the strategy
     * does not learn. */
    void (*observe)(void *state, const augs_feedback *feedback);
    /* Returns in one word why the last span has its size. Static memory. NULL =
     * "fixed". */
    const char *(*why)(const void *state);
    /* Frees what the state holds, but not the state. NULL = nothing. */
    void (*done)(void *state);
    /* The caller chose another batch size, and `state` was initialized with it.
     * Takes from `old` what stays true, such as what did not fit. NULL =
     * nothing. */
    void (*inherit)(void *state, const void *old);
    /* For AUGS_LAST_BATCH_FILL. Returns how many positions the span that `plan`
     * just gave for these facts would have if it were full. A number below the
     * span's count means that it is. NULL = no span is filled up. A FIXED
     * strategy answers by the facts alone. */
    uint64_t (*full_count)(const void *state, const augs_plan_facts *facts);
} augs_strategy_ops;
AUGS_SIZED_STRUCT(augs_strategy_ops, full_count);

/*
 * Finds a shipped strategy by its name. The result is static memory. Any thread.
 *
 * AUGS_E_NOT_FOUND if there is no such strategy; the message lists all names and
 * the nearest. AUGS_E_ARGUMENT if name or ret_ops is NULL.
 */
AUGS_API int augs_strategy_find(const char *name, const augs_strategy_ops **ret_ops,
                                augs_error *error);

/*
 * Writes what a shipped strategy uses where its options say 0. The caller sets
 * ret_options->size. A member that is still 0 has no default: the strategy does
 * not take it, has no limit there, or requires it. Any thread.
 *
 * AUGS_E_NOT_FOUND if there is no such strategy. AUGS_E_ARGUMENT if a pointer is
 * NULL or the size is too small.
 */
AUGS_API int augs_strategy_defaults(const char *name, augs_strategy_options *ret_options,
                                    augs_error *error);

/* Returns the number of shipped strategies. Any thread. */
AUGS_API uint32_t augs_strategy_count(void);

/*
 * Returns the name of a shipped strategy. index counts from 0. Returns NULL if
 * there are no more. Static memory. Any thread.
 */
AUGS_API const char *augs_strategy_name(uint32_t index);

AUGS_END_DECLS

#endif
