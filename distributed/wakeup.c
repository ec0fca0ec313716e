/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe with a flag beside it, so that many signals cost one write. The flag goes down after the
 * pipe was emptied: a signal in between finds it up and writes nothing, and what it announced is
 * seen by the look for work that follows.
 */
#include "distributed/wakeup.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fail.h"

int augsi_wakeup_init(augsi_wakeup *wakeup, augs_error *error)
{
    atomic_init(&wakeup->pending, 0);
    if (pipe2(wakeup->files, O_CLOEXEC | O_NONBLOCK) != 0) {
        return augsi_fail_errno(error, AUGS_E_IO, errno, "pipe for waking a thread");
    }
    return AUGS_OK;
}

void augsi_wakeup_done(augsi_wakeup *wakeup)
{
    close(wakeup->files[0]);
    close(wakeup->files[1]);
}

void augsi_wakeup_signal(augsi_wakeup *wakeup)
{
    int saved = errno;
    if (atomic_exchange_explicit(&wakeup->pending, 1, memory_order_acq_rel) == 0) {
        while (write(wakeup->files[1], "", 1) < 0 && errno == EINTR) {
        }
    }
    errno = saved;
}

void augsi_wakeup_clear(augsi_wakeup *wakeup)
{
    char bytes[16];
    while (read(wakeup->files[0], bytes, sizeof bytes) > 0) {
    }
    atomic_exchange_explicit(&wakeup->pending, 0, memory_order_acq_rel);
}
