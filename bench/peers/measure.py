"""Checks an all-reduce, then times it: what gloo.py and mpi.py share, so that all peers are measured alike.

How a library is started and called stands in its own file. Prints one JSON line on rank 0.
"""

import json
import statistics
import sys
import time

BATCHES = 9
SECONDS_PER_SIZE = 0.5
WARM_UP_SECONDS = 0.05


def measure(rank, workers, sizes, prepare, barrier, slowest):
    """Measures every size in `sizes`: bytes of float32, comma separated.

    `prepare(count)` returns the outcome of one all-reduce of `count` known values (did every element come out exactly?)
    and the call to time. `slowest(seconds)` is the maximum over all ranks, known to all of them.
    """
    rows = []
    for size in map(int, sizes.split(",")):
        right, call = prepare(size // 4)
        # Decided together, so that no rank is left waiting in a collective that another has given up.
        if slowest(0.0 if right else 1.0) > 0:
            sys.exit(f"rank {rank} of {workers}: {'another rank has' if right else 'has'} a wrong sum of {size} bytes")
        seconds = median_seconds(call, barrier, slowest)
        algbw = size / seconds / 1e9
        rows.append({"bytes": size, "us": seconds * 1e6, "algbw": algbw, "busbw": algbw * 2 * (workers - 1) / workers})
    if rank == 0:
        print(json.dumps({"rows": rows}), flush=True)


def median_seconds(call, barrier, slowest):
    """Seconds per call, of the median batch. Every rank derives the same counts, since `slowest` tells all the same."""
    calls, elapsed = 1, batch_seconds(1, call, barrier, slowest)
    while elapsed < WARM_UP_SECONDS:
        calls *= 2
        elapsed = batch_seconds(calls, call, barrier, slowest)
    calls = max(1, round(SECONDS_PER_SIZE / BATCHES / (elapsed / calls)))
    return statistics.median(batch_seconds(calls, call, barrier, slowest) for _ in range(BATCHES)) / calls


def batch_seconds(calls, call, barrier, slowest):
    """The clock of the slowest rank: an all-reduce is over when the last one has the sum. Barriers are not counted."""
    barrier()
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return slowest(time.perf_counter() - start)


def known(arange):
    """Values that differ from element to element, and whose sums over up to 500 ranks are exact in float32."""
    return arange % 97 + 1
