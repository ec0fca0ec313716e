/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources: torchrun and Open MPI documentation; Slurm sbatch(1) and srun(1), "OUTPUT ENVIRONMENT
 * VARIABLES"; flux-environment(7); Kubernetes, "Indexed Job". In a batch script of Slurm
 * SLURM_PROCID is 0 though nobody started ranks: only a step (SLURM_STEP_ID, or a rank above 0)
 * counts.
 */
#include "cli/launcher_env.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct search {
    const launcher_given *given;
    launcher_get *get;
    void *user;
    launcher_place place;
    char *message;
    size_t n_bytes;
} search;

enum found { ABSENT, FOUND, REFUSED };

typedef struct source {
    const char *name;
    enum found (*look)(search *of, const struct source *self);
    const char *variables[6]; /* rank, size and others; NULL-terminated */
} source;

const char *launcher_getenv(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

static const char *value_of(search *of, const char *name)
{
    const char *value = of->get(of->user, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool parse_u32(const char *text, uint32_t *ret_number)
{
    uint64_t number = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || number > UINT32_MAX / 10) {
            return false;
        }
        number = number * 10 + (uint64_t)(*p - '0');
    }
    if (text[0] == '\0' || number > UINT32_MAX) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

/* A variable that must be a number if it is set. */
static enum found number_of(search *of, const char *name, uint32_t *ret_number)
{
    const char *text = value_of(of, name);
    if (text == NULL) {
        return ABSENT;
    }
    if (!parse_u32(text, ret_number)) {
        snprintf(of->message, of->n_bytes,
                 "%s is '%s'; accepted: a whole number from 0 to %" PRIu32, name, text, UINT32_MAX);
        return REFUSED;
    }
    return FOUND;
}

static enum found take_place(search *of, const char *rank_name, const char *size_name,
                             uint32_t rank, uint32_t world_size)
{
    if (world_size == 0 || rank >= world_size) {
        snprintf(of->message, of->n_bytes,
                 "%s says rank %" PRIu32 " and %s says world size %" PRIu32
                 "; accepted: 0 <= rank < world size",
                 rank_name, rank, size_name, world_size);
        return REFUSED;
    }
    of->place.rank = rank;
    of->place.world_size = world_size;
    return FOUND;
}

static enum found look_pair_named(search *of, const char *rank_name, const char *size_name)
{
    uint32_t rank = 0, world_size = 0;
    enum found has_rank = number_of(of, rank_name, &rank);
    if (has_rank == REFUSED) {
        return REFUSED;
    }
    enum found has_size = number_of(of, size_name, &world_size);
    if (has_size == REFUSED || (has_rank == ABSENT && has_size == ABSENT)) {
        return has_size;
    }
    if (has_rank != has_size) {
        snprintf(of->message, of->n_bytes,
                 "%s is set and %s is not: set both, or give --rank and --world-size",
                 has_rank == FOUND ? rank_name : size_name,
                 has_rank == FOUND ? size_name : rank_name);
        return REFUSED;
    }
    return take_place(of, rank_name, size_name, rank, world_size);
}

static enum found look_pair(search *of, const source *self)
{
    return look_pair_named(of, self->variables[0], self->variables[1]);
}

/* AUGSTREAM_WORLD_SIZE alone is the given size of an indexed job. */
static enum found look_own(search *of, const source *self)
{
    if (value_of(of, self->variables[0]) == NULL && value_of(of, "JOB_COMPLETION_INDEX") != NULL) {
        return ABSENT;
    }
    return look_pair(of, self);
}

static bool is_batch_step(const char *step)
{
    return strcmp(step, "batch") == 0 || strcmp(step, "4294967291") == 0;
}

static enum found look_slurm_step(search *of, const source *self)
{
    (void)self;
    uint32_t rank = 0, n_tasks = 0;
    enum found has_rank = number_of(of, "SLURM_PROCID", &rank);
    if (has_rank != FOUND) {
        return has_rank;
    }
    const char *step = value_of(of, "SLURM_STEP_ID");
    bool is_step = rank > 0 || (step != NULL && !is_batch_step(step));
    const char *size_name = "SLURM_NTASKS";
    if (is_step && value_of(of, "SLURM_STEP_NUM_TASKS") != NULL) {
        size_name = "SLURM_STEP_NUM_TASKS";
    }
    if (is_step) {
        return look_pair_named(of, "SLURM_PROCID", size_name);
    }
    enum found has_size = number_of(of, size_name, &n_tasks);
    if (has_size == REFUSED || value_of(of, "SLURM_ARRAY_TASK_ID") != NULL) {
        return has_size == REFUSED ? REFUSED : ABSENT;
    }
    if (has_size == FOUND && n_tasks > 1) {
        snprintf(of->message, of->n_bytes,
                 "SLURM_PROCID is 0 of SLURM_NTASKS %" PRIu32
                 ", but SLURM_STEP_ID is not set: this is a batch script and no step; start it "
                 "with srun, or give --rank and --world-size",
                 n_tasks);
        return REFUSED;
    }
    return ABSENT;
}

static enum found look_slurm_array(search *of, const source *self)
{
    uint32_t numbers[5] = {0}; /* task id, min, max, step, count */
    for (size_t i = 0; i < 5; i++) {
        enum found has = number_of(of, self->variables[i], &numbers[i]);
        if (has == REFUSED) {
            return REFUSED;
        }
        if (has == ABSENT && i == 0) {
            return ABSENT;
        }
        if (has == ABSENT && i == 3) {
            numbers[3] = 1;
        } else if (has == ABSENT) {
            snprintf(of->message, of->n_bytes,
                     "SLURM_ARRAY_TASK_ID is set and %s is not: set both, or give --rank and "
                     "--world-size",
                     self->variables[i]);
            return REFUSED;
        }
    }
    uint32_t id = numbers[0], least = numbers[1], most = numbers[2], step = numbers[3],
             count = numbers[4];
    if (step == 0 || id < least || id > most || (id - least) % step != 0 ||
        (most - least) / step + 1 != count) {
        snprintf(of->message, of->n_bytes,
                 "the Slurm array has gaps: task %" PRIu32 " of %" PRIu32 "-%" PRIu32 ":%" PRIu32
                 " with %" PRIu32 " tasks; accepted: an array MIN-MAX:STEP, or give --rank and "
                 "--world-size",
                 id, least, most, step, count);
        return REFUSED;
    }
    return take_place(of, self->variables[0], self->variables[4], (id - least) / step, count);
}

static enum found look_kubernetes(search *of, const source *self)
{
    uint32_t rank = 0, world_size = 0;
    const char *size_name = "--world-size";
    enum found has_rank = number_of(of, self->variables[0], &rank);
    if (has_rank != FOUND) {
        return has_rank;
    }
    if (of->given->has_world_size) {
        world_size = of->given->world_size;
    } else {
        size_name = "AUGSTREAM_WORLD_SIZE";
        enum found has_size = number_of(of, size_name, &world_size);
        if (has_size == ABSENT) {
            snprintf(of->message, of->n_bytes,
                     "JOB_COMPLETION_INDEX is set, but an indexed job does not tell its size: give "
                     "--world-size or set AUGSTREAM_WORLD_SIZE to the job's completions");
        }
        if (has_size != FOUND) {
            return REFUSED;
        }
    }
    return take_place(of, self->variables[0], size_name, rank, world_size);
}

static const source sources[] = {
    {"AUGSTREAM_", look_own, {"AUGSTREAM_RANK", "AUGSTREAM_WORLD_SIZE"}},
    {"torchrun", look_pair, {"RANK", "WORLD_SIZE"}},
    {"Open MPI", look_pair, {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}},
    {"PMI", look_pair, {"PMI_RANK", "PMI_SIZE"}},
    {"Slurm step",
     look_slurm_step,
     {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID"}},
    {"Slurm array",
     look_slurm_array,
     {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
      "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT"}},
    {"Horovod", look_pair, {"HOROVOD_RANK", "HOROVOD_SIZE"}},
    {"Flux", look_pair, {"FLUX_TASK_RANK", "FLUX_JOB_SIZE"}},
    {"Kubernetes indexed job", look_kubernetes, {"JOB_COMPLETION_INDEX"}},
};
enum { N_SOURCES = sizeof sources / sizeof sources[0] };

const char *launcher_source(size_t index, const char *const **ret_variables)
{
    if (index >= N_SOURCES) {
        return NULL;
    }
    *ret_variables = sources[index].variables;
    return sources[index].name;
}

/* 1: settled by the command line; -1: refused; 0: look further. */
static int look_given(search *of)
{
    const launcher_given *given = of->given;
    bool indexed = value_of(of, "JOB_COMPLETION_INDEX") != NULL;
    if (!given->has_rank && !given->has_world_size) {
        return 0;
    }
    if (!given->has_rank && indexed) {
        return 0;
    }
    if (!given->has_rank || !given->has_world_size) {
        snprintf(of->message, of->n_bytes, "%s is given and %s is not: give both, or none",
                 given->has_rank ? "--rank" : "--world-size",
                 given->has_rank ? "--world-size" : "--rank");
        return -1;
    }
    of->place.source = "--rank and --world-size";
    return take_place(of, "--rank", "--world-size", given->rank, given->world_size) == FOUND ? 1
                                                                                             : -1;
}

int launcher_find(const launcher_given *given, launcher_get *get, void *user,
                  launcher_place *ret_place, char *ret_message, size_t n_bytes)
{
    search of = {.given = given,
                 .get = get,
                 .user = user,
                 .place = {.world_size = 1, .source = "default", .source_index = SIZE_MAX},
                 .message = ret_message,
                 .n_bytes = n_bytes};
    int settled = look_given(&of);
    bool size_only = given->has_world_size && !given->has_rank;
    for (size_t i = size_only ? N_SOURCES - 1 : 0; settled == 0 && i < N_SOURCES; i++) {
        enum found found = sources[i].look(&of, &sources[i]);
        if (found == FOUND) {
            of.place.source = sources[i].name;
            of.place.source_index = i;
        }
        settled = found == FOUND ? 1 : found == REFUSED ? -1 : 0;
    }
    if (settled < 0) {
        return -1;
    }
    *ret_place = of.place;
    return 0;
}
