/* SPDX-License-Identifier: Apache-2.0 */
#include "distributed/peer_table.h"

#include <string.h>

#include "base/checksum.h"
#include "base/memory.h"

void augsi_peer_table_done(augsi_peer_table *table)
{
    for (size_t b = 0; b < AUGSI_PEER_BUCKETS; b++) {
        while (table->buckets[b] != NULL) {
            augsi_peer *gone = table->buckets[b];
            table->buckets[b] = gone->next_in_bucket;
            augsi_peer_drop_work(table, gone);
            augsi_delete(table->allocator, gone, sizeof *gone);
        }
    }
}

static uint32_t id_hash(const void *id, size_t n)
{
    return (uint32_t)augsi_hash64(id, n);
}

augsi_peer *augsi_peer_find(const augsi_peer_table *table, const void *id, size_t n)
{
    uint32_t hash = id_hash(id, n);
    augsi_peer *found = table->buckets[hash % AUGSI_PEER_BUCKETS];
    while (found != NULL &&
           (found->hash != hash || found->n_id != n || memcmp(found->id, id, n) != 0)) {
        found = found->next_in_bucket;
    }
    return found;
}

augsi_peer *augsi_peer_add(augsi_peer_table *table, const void *id, size_t n)
{
    augsi_peer *added = augsi_new(table->allocator, sizeof *added);
    if (added != NULL) {
        added->hash = id_hash(id, n);
        added->n_id = (uint8_t)n;
        memcpy(added->id, id, n);
        augsi_peer **bucket = &table->buckets[added->hash % AUGSI_PEER_BUCKETS];
        added->next_in_bucket = *bucket;
        *bucket = added;
        table->n++;
    }
    return added;
}

void augsi_peer_remove(augsi_peer_table *table, augsi_peer *gone)
{
    augsi_peer **link = &table->buckets[gone->hash % AUGSI_PEER_BUCKETS];
    while (*link != gone) {
        link = &(*link)->next_in_bucket;
    }
    *link = gone->next_in_bucket;
    augsi_peer *before = NULL;
    for (augsi_peer *walk = gone->waiting ? table->first_waiting : NULL; walk != NULL;
         before = walk, walk = walk->next_waiting) {
        if (walk == gone) {
            *(before == NULL ? &table->first_waiting : &before->next_waiting) = gone->next_waiting;
            table->last_waiting = table->last_waiting == gone ? before : table->last_waiting;
            break;
        }
    }
    augsi_peer_drop_work(table, gone);
    augsi_delete(table->allocator, gone, sizeof *gone);
    table->n--;
}

void augsi_peer_sweep(augsi_peer_table *table, uint64_t now_ns, uint64_t idle_ns)
{
    for (size_t b = 0; b < AUGSI_PEER_BUCKETS; b++) {
        for (augsi_peer *walk = table->buckets[b]; walk != NULL;) {
            augsi_peer *next = walk->next_in_bucket;
            walk->seen = walk->seen > now_ns ? now_ns : walk->seen; /* the clock may jump back */
            if (now_ns - walk->seen > idle_ns) {
                augsi_peer_remove(table, walk);
            }
            walk = next;
        }
    }
}

uint32_t augsi_peer_count(const augsi_peer_table *table, uint64_t now_ns, uint64_t idle_ns)
{
    uint32_t n = 0;
    for (size_t b = 0; b < AUGSI_PEER_BUCKETS; b++) {
        for (const augsi_peer *walk = table->buckets[b]; walk != NULL;
             walk = walk->next_in_bucket) {
            n += now_ns < walk->seen || now_ns - walk->seen <= idle_ns;
        }
    }
    return n;
}

void augsi_peer_drop_work(const augsi_peer_table *table, augsi_peer *peer)
{
    for (size_t i = 0; i < AUGSI_PEER_AHEAD; i++) {
        if (peer->slots[i].payload != NULL) {
            table->hooks->drop(table->user, peer->slots[i].payload);
        }
        peer->slots[i] = (augsi_made_slot){.ticket = 0};
    }
    peer->next = peer->make_next = peer->end = 0;
    peer->n_making = peer->n_sent = 0;
    peer->eos_due = false;
}

bool augsi_peer_may_make(const augsi_peer *peer)
{
    return peer->make_next < peer->end && peer->n_making - peer->n_sent < AUGSI_PEER_AHEAD;
}

bool augsi_peer_has_work(const augsi_peer *peer)
{
    return peer->n_sent < peer->n_making || peer->make_next < peer->end;
}

uint64_t augsi_peer_ticket(const augsi_peer *peer, uint64_t number)
{
    return number * AUGSI_PEER_BUCKETS + peer->hash % AUGSI_PEER_BUCKETS;
}

augsi_peer *augsi_peer_of_ticket(const augsi_peer_table *table, uint64_t ticket,
                                 augsi_made_slot **ret_slot)
{
    for (augsi_peer *walk = table->buckets[ticket % AUGSI_PEER_BUCKETS]; walk != NULL;
         walk = walk->next_in_bucket) {
        for (size_t i = 0; i < AUGSI_PEER_AHEAD; i++) {
            if (walk->slots[i].ticket == ticket) {
                *ret_slot = &walk->slots[i];
                return walk;
            }
        }
    }
    return NULL;
}

void augsi_peer_wait_in_line(augsi_peer_table *table, augsi_peer *peer)
{
    if (!peer->waiting) {
        peer->waiting = true;
        peer->next_waiting = NULL;
        *(table->last_waiting != NULL ? &table->last_waiting->next_waiting
                                      : &table->first_waiting) = peer;
        table->last_waiting = peer;
    }
}

void augsi_peer_leave_line(augsi_peer_table *table)
{
    augsi_peer *first = table->first_waiting;
    table->first_waiting = first->next_waiting;
    table->last_waiting = table->first_waiting == NULL ? NULL : table->last_waiting;
    first->waiting = false;
}
