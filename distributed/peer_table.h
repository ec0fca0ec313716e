/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers of a server by their routing ids, what each asked for and has not been sent, and the
 * line of those that have work. All zero but for the members that say so is an empty table.
 */
#ifndef AUGSI_PEER_TABLE_H
#define AUGSI_PEER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "distributed/server_core.h"
#include "pipeline/plan/plan.h"

#define AUGSI_PEER_BUCKETS 4096u
#define AUGSI_PEER_AHEAD 4u /* batches of a peer that are made and not sent */

/* A batch being made, or made and waiting for those before it. */
typedef struct augsi_made_slot {
    uint64_t ticket; /* 0: empty */
    uint64_t step;
    void *payload;
    uint64_t n_bytes, hash;
    augsi_slice slice;
    bool done;
} augsi_made_slot;

typedef struct augsi_peer {
    struct augsi_peer *next_in_bucket;
    struct augsi_peer *next_waiting; /* in the line of those with work */
    bool waiting;
    uint32_t hash;
    uint8_t n_id;
    char id[AUGSI_MAX_ROUTING_ID];
    uint64_t seen, error_at;
    bool error_told;
    /* after HELLO */
    bool greeted;
    uint64_t incarnation;
    uint32_t job, rank;
    bool records;
    /* the range it asked for */
    uint64_t request;
    uint32_t epoch;
    uint64_t base_step, base_position; /* where its plan of the epoch begins, */
    uint64_t end_step;                 /* and ends */
    uint64_t next, end; /* first step that nothing was sent of, one past the last asked for */
    uint64_t make_next; /* first step with samples that is not being made; `end` if there is none */
    bool eos_due;
    uint64_t n_making, n_sent;               /* of the range; */
    augsi_made_slot slots[AUGSI_PEER_AHEAD]; /* the k-th at k mod AUGSI_PEER_AHEAD */
} augsi_peer;

typedef struct augsi_peer_table {
    const augs_allocator *allocator; /* to set; outlives this, likewise the next */
    const augsi_server_hooks *hooks; /* only `drop` is called */
    void *user;
    augsi_peer *buckets[AUGSI_PEER_BUCKETS];
    uint32_t n;
    augsi_peer *first_waiting, *last_waiting;
} augsi_peer_table;

void augsi_peer_table_done(augsi_peer_table *table);

/* The peer of that routing id; NULL if it is not known. */
augsi_peer *augsi_peer_find(const augsi_peer_table *table, const void *id, size_t n);
/* A peer that is not known yet; NULL: no memory. */
augsi_peer *augsi_peer_add(augsi_peer_table *table, const void *id, size_t n);
void augsi_peer_remove(augsi_peer_table *table, augsi_peer *gone);
/* Removes peers that nothing was heard of for `idle_ns`. */
void augsi_peer_sweep(augsi_peer_table *table, uint64_t now_ns, uint64_t idle_ns);
/* Peers that something was heard of within the last `idle_ns`. */
uint32_t augsi_peer_count(const augsi_peer_table *table, uint64_t now_ns, uint64_t idle_ns);

/* Forgets what a peer asked for; results that are still under way find no slot. */
void augsi_peer_drop_work(const augsi_peer_table *table, augsi_peer *peer);
/* Whether something that was asked for is not sent yet. */
bool augsi_peer_has_work(const augsi_peer *peer);
/* Whether there is a batch to make and a slot for it. */
bool augsi_peer_may_make(const augsi_peer *peer);

/* A ticket from a number: it finds the peer again. */
uint64_t augsi_peer_ticket(const augsi_peer *peer, uint64_t number);
/* Whose batch it was; NULL: nobody wants it any more. */
augsi_peer *augsi_peer_of_ticket(const augsi_peer_table *table, uint64_t ticket,
                                 augsi_made_slot **ret_slot);

/* The end of the line; once in it is enough. */
void augsi_peer_wait_in_line(augsi_peer_table *table, augsi_peer *peer);
/* Takes the first, `first_waiting`, out of it. */
void augsi_peer_leave_line(augsi_peer_table *table);

#endif
