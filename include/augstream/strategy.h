/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch strategies: strategies that say which positions go together. A strategy allocates, draws,
 * sends and times nothing; it sees facts and answers with a span. Whoever drives it checks every
 * span (positions in order, nothing lost, nothing twice), so a wrong strategy is an error, never
 * wrong data.
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
#define AUGS_MEMORY_RULE_BUDGET 0u    /* budget / bytes a sample */
#define AUGS_MEMORY_RULE_PUBLISHED 1u /* augs_batch_size_adjust, step by step */

/*
 * What happens to a batch at the end that is shorter than the others: of sequential the last one,
 * of memory_optimized and adaptive one below the size that they chose. In round_robin each batch of
 * a window that is a sample shorter than the window's longest is short, and so is a last window.
 */
#define AUGS_LAST_BATCH_KEEP 0u /* it is a batch like any other */
/* It is left out, and its positions are counted (augs_pipeline_n_left_out). memory_optimized and
 * adaptive first take what makes a batch within min, max and multiple_of. round_robin leaves out
 * the positions beyond a multiple of `batches`, or a last window; window must be a multiple of
 * batches. */
#define AUGS_LAST_BATCH_DROP 1u
/* It is filled up with the first positions of the window of positions, again and again if they are
 * few. These samples are flagged and counted as padding (augs_batch_info.n_padded). Not for
 * endless streams. */
#define AUGS_LAST_BATCH_FILL 2u
/* It is joined to the batch before it if the result keeps max and the memory budget. Otherwise the
 * last two are split as evenly as min and multiple_of allow. round_robin joins or splits windows in
 * the same way. */
#define AUGS_LAST_BATCH_MERGE 3u

/*
 * Options of all shipped strategies; 0 = the strategy's default. Sizes are samples a rank.
 * A batch_size below min or above max is refused; sequential brings it down to a multiple of
 * multiple_of, or up to the first one above min. The
 * sizes of round_robin follow from batches and window: it takes neither batch_size nor multiple_of,
 * and refuses what breaks min or max. memory_optimized and adaptive start with batch_size and keep
 * min, max and multiple_of. An option of another strategy, or one that cannot be kept, is refused:
 * AUGS_E_ARGUMENT.
 */
typedef struct augs_strategy_options {
    uint32_t size;       /* sizeof(augs_strategy_options) */
    uint32_t last_batch; /* AUGS_LAST_BATCH_... */
    uint64_t
        batch_size; /* sequential: 32; the first one of memory_optimized, min, and adaptive, 16 */
    uint64_t min_batch_size;   /* at least; only a tail may be smaller; 1 */
    uint64_t max_batch_size;   /* at most; no limit; memory_optimized 65,536, adaptive 4,096 */
    uint64_t multiple_of;      /* of every batch but the tail; 1 */
    uint64_t batches;          /* round_robin: how many, required */
    uint64_t deal_window;      /* round_robin: samples per window; the whole stream */
    uint64_t max_memory_bytes; /* memory_optimized and adaptive: most that a batch may need at its
                                  consumer; what the facts say of the machine alone */
    double memory_safety; /* memory_optimized: part of the budget that is used, above 0 to 1; 0.9 */
    uint32_t memory_rule; /* memory_optimized: AUGS_MEMORY_RULE_... */
    uint32_t reserved;    /* 0 */
    double target_seconds; /* adaptive: a batch takes at most so long (latency); no target */
    double target_memory; /* adaptive: part of the memory limit to stay within, above 0 to 1; 0.7 */
    double max_growth; /* adaptive: the largest step of a trial upwards once it has learned, above
                         1 to 16; 1.2 */
    double max_reduction; /* adaptive: and downwards, below 1, at least 1/16; 0.8 */
} augs_strategy_options;
AUGS_SIZED_STRUCT(augs_strategy_options, max_reduction);

/* What a strategy gets to see. Positions count from the start of the planned window of the stream.
 */
typedef struct augs_plan_facts {
    uint32_t size;
    uint32_t world_size;         /* ranks that share a span; 1 without ranks */
    uint64_t n_samples;          /* positions to plan in all, or AUGS_ENDLESS */
    uint64_t step;               /* how many spans were planned before this one */
    uint64_t position;           /* how many positions were planned before this one */
    uint64_t sample_bytes;       /* ours, of one sample */
    uint64_t memory_limit_bytes; /* 0 = unknown, likewise the next two */
    uint64_t memory_used_bytes;
    uint64_t memory_available_bytes;
} augs_plan_facts;
AUGS_SIZED_STRUCT(augs_plan_facts, memory_available_bytes);

/* How a batch ended at its consumer. */
/* It went well. */
#define AUGS_OUTCOME_FINE 0u
/* It needed more memory than there was. Its samples count as not processed. */
#define AUGS_OUTCOME_DID_NOT_FIT 1u

/* In the place of a step: the batch that was handed out last, whatever its epoch and part. */
#define AUGS_STEP_LAST UINT64_MAX

/*
 * What was seen of a batch after it was consumed. epoch, step and part name the batch, as its
 * augs_batch_info does. A figure that is not known is 0; seconds may be negative or NaN as well.
 */
typedef struct augs_feedback {
    uint32_t size;            /* sizeof(augs_feedback) */
    uint32_t epoch;           /* of the batch */
    uint64_t step;            /* of the batch, or AUGS_STEP_LAST */
    uint32_t part;            /* of the step; 0 = the whole batch, the first time */
    uint32_t outcome;         /* AUGS_OUTCOME_... */
    uint64_t n_samples;       /* of a rank; 0 = those of the batch */
    double seconds;           /* that the consumer took */
    uint64_t bytes;           /* memory that the consumer needed for it */
    uint64_t available_bytes; /* and what it has left */
} augs_feedback;
AUGS_SIZED_STRUCT(augs_feedback, available_bytes);

/* The plan is a pure function of the facts' step and n_samples: it can be asked for any step at
 * once. */
#define AUGS_STRATEGY_FIXED 1u

typedef struct augs_strategy_ops {
    uint32_t size;  /* sizeof(augs_strategy_ops) */
    uint32_t flags; /* AUGS_STRATEGY_... */
    const char *name;
    size_t state_size; /* the driver allocates it, zeroed, 16-byte aligned */
    /* Checks and copies the options (never NULL; smaller `size` = older caller). */
    int (*init)(void *state, const augs_strategy_options *options, augs_error *error);
    /* 1 and a span; 0 at the end; negative on error. A FIXED strategy must not change its state. */
    int (*plan)(void *state, const augs_plan_facts *facts, augs_span *ret_span, augs_error *error);
    /* Feedback of a span that was planned before, or of a part of one; n_samples is never 0. It may
     * come late, out of order, or never. NULL if the strategy does not learn. */
    void (*observe)(void *state, const augs_feedback *feedback);
    /* One word: why the last span has its size. Static memory. NULL function = "fixed". */
    const char *(*why)(const void *state);
    void (*done)(void *state); /* may be NULL */
    /* The caller gave another batch size: `state` was initialized with it and takes what stays true
     * from `old`, such as what did not fit. NULL: nothing. */
    void (*inherit)(void *state, const void *old);
    /* For AUGS_LAST_BATCH_FILL: how many positions the span that `plan` just answered with these
     * facts would have if it were full. Less than the span's count means that it is. NULL: no span
     * is filled up. A FIXED strategy answers by the facts alone. */
    uint64_t (*full_count)(const void *state, const augs_plan_facts *facts);
} augs_strategy_ops;
AUGS_SIZED_STRUCT(augs_strategy_ops, full_count);

/* A shipped strategy by name; NULL error text lists the names ("did you mean"). AUGS_E_NOT_FOUND.
 */
AUGS_API int augs_strategy_find(const char *name, const augs_strategy_ops **ret_ops,
                                augs_error *error);
/*
 * What the shipped strategy `name` uses where its options say 0. The caller sets ret_options->size
 * to sizeof(augs_strategy_options). A member that is still 0 has no default: the strategy does not
 * take it, has no limit there, or requires it (batches of round_robin). AUGS_E_ARGUMENT if
 * ret_options is NULL or its size too small, AUGS_E_NOT_FOUND if there is no such strategy. Any
 * thread.
 */
AUGS_API int augs_strategy_defaults(const char *name, augs_strategy_options *ret_options,
                                    augs_error *error);
AUGS_API uint32_t augs_strategy_count(void);
AUGS_API const char *augs_strategy_name(uint32_t index); /* NULL beyond */

AUGS_END_DECLS

#endif
