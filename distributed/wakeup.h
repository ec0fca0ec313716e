/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes a thread that polls: from any thread or signal handler. */
#ifndef AUGSI_WAKEUP_H
#define AUGSI_WAKEUP_H

#include <stdatomic.h>

#include <augstream/status.h>

typedef struct augsi_wakeup {
    int files[2]; /* a pipe: poll files[0] for reading */
    atomic_int pending;
} augsi_wakeup;

/* AUGS_E_IO: no descriptors are left. */
int augsi_wakeup_init(augsi_wakeup *wakeup, augs_error *error);
void augsi_wakeup_done(augsi_wakeup *wakeup);

void augsi_wakeup_signal(augsi_wakeup *wakeup);
/* Everything that was done before a signal can be seen after this: look for work afterwards. */
void augsi_wakeup_clear(augsi_wakeup *wakeup);

#endif
