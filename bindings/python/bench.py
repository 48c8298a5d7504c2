"""The cost of a call from Python, beside C in the same run. `make bench` prints it; nothing is
asserted.

PIMS_LIBRARY names the library, for C too: this program compiles a small C program that makes the
same calls.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, List

import libpims
import libpims.aio

API = "pims.authentication.account"
PARAMETERS = {"actionType": "strong", "type": "isDeviceActivated"}
TEXT = '{"actionType":"strong","type":"isDeviceActivated"}'
BATCHES, CALLS = 31, 2000
INCLUDE = Path(__file__).resolve().parents[2] / "include"

C = r"""
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pims.h"

static sem_t arrived;
static void on_message(const char *message, void *ctx) { (void)message; (void)ctx; sem_post(&arrived); }
static void execute(const char *api, const char *text) { pims_string_free(pims_execute("get", api, text)); }
static void round_trip(const char *api, const char *text) { pims_get(api, text, on_message, NULL); sem_wait(&arrived); }
static int order(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return (x > y) - (x < y); }

static void measure(void (*call)(const char *, const char *), char **argv)
{
    int batches = atoi(argv[4]), calls = atoi(argv[5]);
    double *times = malloc((size_t)batches * sizeof *times);
    for (int i = 0; i < batches; i++) {
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int j = 0; j < calls; j++) call(argv[2], argv[3]);
        clock_gettime(CLOCK_MONOTONIC, &end);
        times[i] = ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / calls;
    }
    qsort(times, (size_t)batches, sizeof *times, order);
    printf("%f\n", times[batches / 2]);
    free(times);
}

int main(int argc, char **argv)
{
    (void)argc;
    sem_init(&arrived, 0, 0);
    pims_string_free(pims_execute("init", NULL, argv[1]));
    measure(execute, argv);
    measure(round_trip, argv);
    return pims_free();
}
"""


def median_of(call: Callable[[], None]) -> float:
    """Returns the nanoseconds of a call: the median over batches."""
    batches: List[float] = []
    for _ in range(BATCHES):
        begin = time.perf_counter_ns()
        call()
        batches.append((time.perf_counter_ns() - begin) / CALLS)
    return statistics.median(batches)


def waiting() -> None:
    for _ in range(CALLS):
        libpims.get(API, PARAMETERS)


def awaiting() -> None:
    async def main() -> None:
        for _ in range(CALLS):
            await libpims.aio.get(API, PARAMETERS)

    asyncio.run(main())


def in_c(folder: Path) -> List[float]:
    source, program = folder / "calls.c", folder / "calls"
    source.write_text(C, encoding="utf-8")
    library = libpims.library_path()
    subprocess.run(
        [os.environ.get("CC", "cc"), "-O2", f"-I{INCLUDE}", str(source), "-o", str(program), library, "-lpthread"],
        check=True,
    )
    configuration = f'{{"storage":{{"path":"{folder / "c"}"}}}}'
    arguments = [str(program), configuration, API, TEXT, str(BATCHES), str(CALLS)]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(Path(library).parent)}
    told = subprocess.run(arguments, check=True, capture_output=True, text=True, env=environment).stdout
    return [float(line) for line in told.split()]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        executed, round_trip = in_c(Path(folder))
        libpims.init({"storage": {"path": Path(folder) / "python"}})
        print()
        print(f"One get ({PARAMETERS['type']}) from Python, nanoseconds, and the same in C: median of {BATCHES} batches of {CALLS}")
        for name, ours, floor in (
            ("libpims.get, and pims_execute", median_of(waiting), executed),
            ("await libpims.aio.get, and pims_get with its callback", median_of(awaiting), round_trip),
        ):
            print(f"  {name:<52} {ours:10.0f} {floor:10.0f}")
        libpims.free()


if __name__ == "__main__":
    main()
