"""The all-reduce of PyTorch's gloo, in place, as its users call it. How it is checked and timed stands in measure.py.

usage: RANK=0 WORLD_SIZE=2 /usr/bin/python3 gloo.py RENDEZVOUS_FILE SIZES, once per rank
"""

import os
import sys

import torch
import torch.distributed as dist

from measure import known, measure


def main(rendezvous, sizes):
    rank, workers = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=workers)

    def prepare(count):
        values = known(torch.arange(count)).float()
        buffer = values * (rank + 1)
        dist.all_reduce(buffer)
        right = torch.equal(buffer, values * (workers * (workers + 1) // 2))
        # In place, every call would multiply the values by the number of ranks; zeros stay what they are.
        buffer.zero_()
        return right, lambda: dist.all_reduce(buffer)

    def slowest(seconds):
        latest = torch.tensor([seconds], dtype=torch.float64)
        dist.all_reduce(latest, op=dist.ReduceOp.MAX)
        return latest.item()

    measure(rank, workers, sizes, prepare, dist.barrier, slowest)


main(*sys.argv[1:])
