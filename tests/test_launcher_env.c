/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <string.h>

#include "cli/launcher_env.h"

typedef struct environment {
    const char *settings[12]; /* "NAME=value", NULL-terminated */
} environment;

static const char *get(void *user, const char *name)
{
    const environment *of = user;
    size_t n = strlen(name);
    for (size_t i = 0; of->settings[i] != NULL; i++) {
        if (strncmp(of->settings[i], name, n) == 0 && of->settings[i][n] == '=') {
            return of->settings[i] + n + 1;
        }
    }
    return NULL;
}

#define STEP "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=8"
#define ARRAY(id, least, most, step, count)                                                        \
    "SLURM_ARRAY_TASK_ID=" id, "SLURM_ARRAY_TASK_MIN=" least, "SLURM_ARRAY_TASK_MAX=" most,        \
        "SLURM_ARRAY_TASK_STEP=" step, "SLURM_ARRAY_TASK_COUNT=" count

START_TEST(every_launcher_is_understood)
{
    static const struct {
        environment of;
        uint32_t rank, world_size;
        const char *source;
    } cases[] = {
        {{{NULL}}, 0, 1, "default"},
        {{{"AUGSTREAM_RANK=2", "AUGSTREAM_WORLD_SIZE=4"}}, 2, 4, "AUGSTREAM_"},
        {{{"RANK=3", "WORLD_SIZE=8"}}, 3, 8, "torchrun"},
        {{{"OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE=2"}}, 1, 2, "Open MPI"},
        {{{"PMI_RANK=5", "PMI_SIZE=6"}}, 5, 6, "PMI"},
        {{{"SLURM_PROCID=3", "SLURM_NTASKS=8", "SLURM_STEP_ID=0"}}, 3, 8, "Slurm step"},
        {{{"SLURM_PROCID=3", "SLURM_NTASKS=8"}}, 3, 8, "Slurm step"},
        {{{"SLURM_PROCID=0", "SLURM_NTASKS=16", STEP}}, 0, 8, "Slurm step"},
        {{{"SLURM_PROCID=0", "SLURM_NTASKS=1"}}, 0, 1, "default"},
        {{{"SLURM_NTASKS=8"}}, 0, 1, "default"},
        {{{ARRAY("7", "3", "11", "4", "3")}}, 1, 3, "Slurm array"},
        {{{ARRAY("0", "0", "99", "1", "100"), "SLURM_PROCID=0", "SLURM_NTASKS=1"}},
         0,
         100,
         "Slurm array"},
        {{{ARRAY("99", "0", "99", "1", "100"), "SLURM_PROCID=0", "SLURM_NTASKS=8"}},
         99,
         100,
         "Slurm array"},
        {{{ARRAY("5", "0", "9", "1", "10"), "SLURM_PROCID=2", "SLURM_NTASKS=8", STEP}},
         2,
         8,
         "Slurm step"},
        {{{"HOROVOD_RANK=1", "HOROVOD_SIZE=3"}}, 1, 3, "Horovod"},
        {{{"FLUX_TASK_RANK=1", "FLUX_JOB_SIZE=3"}}, 1, 3, "Flux"},
        {{{"JOB_COMPLETION_INDEX=4", "AUGSTREAM_WORLD_SIZE=5"}}, 4, 5, "Kubernetes indexed job"},
        {{{"RANK=", "WORLD_SIZE="}}, 0, 1, "default"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[512] = "";
        launcher_given nothing = {.has_rank = false};
        launcher_place place;
        environment of = cases[i].of;
        ck_assert_msg(launcher_find(&nothing, get, &of, &place, message, sizeof message) == 0,
                      "case %zu: %s", i, message);
        ck_assert_msg(place.rank == cases[i].rank && place.world_size == cases[i].world_size &&
                          strcmp(place.source, cases[i].source) == 0,
                      "case %zu: rank %u/%u (%s)", i, place.rank, place.world_size, place.source);
    }
}
END_TEST

/* Each source stands before all that follow it. */
START_TEST(the_first_source_that_is_set_wins)
{
    static const char *const pairs[][2] = {
        {"AUGSTREAM_RANK=0", "AUGSTREAM_WORLD_SIZE=11"},
        {"RANK=1", "WORLD_SIZE=12"},
        {"OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=13"},
        {"PMI_RANK=3", "PMI_SIZE=14"},
        {"SLURM_PROCID=4", "SLURM_NTASKS=15"},
        {"HOROVOD_RANK=5", "HOROVOD_SIZE=16"},
        {"FLUX_TASK_RANK=6", "FLUX_JOB_SIZE=17"},
    };
    enum { N = sizeof pairs / sizeof pairs[0] };
    for (size_t a = 0; a + 1 < N; a++) {
        for (size_t b = a + 1; b < N; b++) {
            environment of = {
                {pairs[b][0], pairs[b][1], pairs[a][0], pairs[a][1], "JOB_COMPLETION_INDEX=9"}};
            char message[512] = "";
            launcher_given nothing = {.has_rank = false};
            launcher_place place;
            ck_assert_msg(launcher_find(&nothing, get, &of, &place, message, sizeof message) == 0,
                          "%zu and %zu: %s", a, b, message);
            ck_assert_msg(place.rank == a && place.world_size == a + 11, "%zu and %zu: %u/%u", a, b,
                          place.rank, place.world_size);
        }
    }
}
END_TEST

START_TEST(the_command_line_wins_over_all)
{
    environment of = {{"RANK=1", "WORLD_SIZE=12", "JOB_COMPLETION_INDEX=2"}};
    launcher_given both = {.has_rank = true, .has_world_size = true, .rank = 3, .world_size = 4};
    launcher_given size = {.has_world_size = true, .world_size = 4};
    launcher_place place;
    char message[512];
    ck_assert_int_eq(launcher_find(&both, get, &of, &place, message, sizeof message), 0);
    ck_assert(place.rank == 3 && place.world_size == 4);
    ck_assert_str_eq(place.source, "--rank and --world-size");
    ck_assert_int_eq(launcher_find(&size, get, &of, &place, message, sizeof message), 0);
    ck_assert(place.rank == 2 && place.world_size == 4);
    ck_assert_str_eq(place.source, "Kubernetes indexed job");
}
END_TEST

START_TEST(half_pairs_and_garbage_are_refused_by_name)
{
    static const struct {
        environment of;
        launcher_given given;
        const char *named[2];
    } cases[] = {
        {{{"RANK=3"}}, {0}, {"RANK", "WORLD_SIZE"}},
        {{{"WORLD_SIZE=3"}}, {0}, {"WORLD_SIZE", "RANK"}},
        {{{"RANK=", "WORLD_SIZE=8"}}, {0}, {"WORLD_SIZE", "RANK"}},
        {{{"AUGSTREAM_WORLD_SIZE=8"}}, {0}, {"AUGSTREAM_WORLD_SIZE", "AUGSTREAM_RANK"}},
        {{{"AUGSTREAM_RANK=8", "JOB_COMPLETION_INDEX=1"}}, {0}, {"AUGSTREAM_RANK", "_WORLD_SIZE"}},
        {{{"PMI_RANK=0"}}, {0}, {"PMI_RANK", "PMI_SIZE"}},
        {{{"RANK=8", "WORLD_SIZE=8"}}, {0}, {"rank 8", "world size 8"}},
        {{{"RANK=0", "WORLD_SIZE=0"}}, {0}, {"RANK", "0 <= rank"}},
        {{{"RANK=-1", "WORLD_SIZE=8"}}, {0}, {"RANK is '-1'", "accepted"}},
        {{{"RANK=1", "WORLD_SIZE=8x"}}, {0}, {"WORLD_SIZE is '8x'", "accepted"}},
        {{{"RANK=1", "WORLD_SIZE=99999999999"}}, {0}, {"WORLD_SIZE", "accepted"}},
        {{{"RANK= 1", "WORLD_SIZE=8"}}, {0}, {"RANK is ' 1'", "accepted"}},
        {{{"SLURM_PROCID=3"}}, {0}, {"SLURM_PROCID", "SLURM_NTASKS"}},
        {{{"SLURM_PROCID=0", "SLURM_NTASKS=8"}}, {0}, {"batch script", "srun"}},
        {{{"SLURM_ARRAY_TASK_ID=3"}}, {0}, {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN"}},
        {{{ARRAY("7", "0", "7", "1", "3")}}, {0}, {"gaps", "--rank"}},
        {{{ARRAY("6", "3", "11", "4", "3")}}, {0}, {"gaps", "--rank"}},
        {{{"JOB_COMPLETION_INDEX=3"}}, {0}, {"JOB_COMPLETION_INDEX", "--world-size"}},
        {{{"JOB_COMPLETION_INDEX=3"}},
         {.has_world_size = true, .world_size = 3},
         {"rank 3", "world size 3"}},
        {{{"RANK=1", "WORLD_SIZE=2"}}, {.has_rank = true}, {"--rank", "--world-size"}},
        {{{"RANK=1", "WORLD_SIZE=2"}},
         {.has_world_size = true, .world_size = 2},
         {"--world-size", "--rank"}},
        {{{NULL}},
         {.has_rank = true, .has_world_size = true, .rank = 4, .world_size = 4},
         {"--rank", "rank 4"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[512] = "";
        environment of = cases[i].of;
        launcher_place place = {.rank = 77};
        ck_assert_msg(launcher_find(&cases[i].given, get, &of, &place, message, sizeof message) < 0,
                      "case %zu was accepted", i);
        ck_assert_uint_eq(place.rank, 77);
        for (size_t n = 0; n < 2; n++) {
            ck_assert_msg(strstr(message, cases[i].named[n]) != NULL, "case %zu: '%s' not in: %s",
                          i, cases[i].named[n], message);
        }
    }
}
END_TEST

START_TEST(every_source_can_be_explained)
{
    const char *const *variables = NULL;
    size_t n = 0;
    for (const char *name; (name = launcher_source(n, &variables)) != NULL; n++) {
        ck_assert_uint_gt(strlen(name), 0);
        ck_assert_ptr_nonnull(variables[0]);
    }
    ck_assert_uint_eq(n, 9);
}
END_TEST

AUGS_SUITE("launcher_env", every_launcher_is_understood, the_first_source_that_is_set_wins,
           the_command_line_wins_over_all, half_pairs_and_garbage_are_refused_by_name,
           every_source_can_be_explained)
