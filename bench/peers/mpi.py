"""The all-reduce of Open MPI, from one buffer into another. How it is checked and timed stands in measure.py.

usage: mpirun -n 2 /usr/bin/python3 -m mpi4py mpi.py SIZES; the options of mpirun choose the transport
"""

import sys

import numpy
from mpi4py import MPI

from measure import known, measure


def main(sizes):
    if MPI.get_vendor()[0] != "Open MPI":
        # Under another library's mpirun every process would be alone in its world.
        sys.exit(f"mpi4py uses {MPI.get_vendor()[0]} here, not Open MPI")
    world = MPI.COMM_WORLD
    rank, workers = world.Get_rank(), world.Get_size()

    def prepare(count):
        values = known(numpy.arange(count)).astype(numpy.float32)
        mine = values * numpy.float32(rank + 1)
        total = numpy.zeros_like(mine)
        send, receive = [mine, MPI.FLOAT], [total, MPI.FLOAT]
        world.Allreduce(send, receive, MPI.SUM)
        right = numpy.array_equal(total, values * numpy.float32(workers * (workers + 1) // 2))
        return right, lambda: world.Allreduce(send, receive, MPI.SUM)

    measure(rank, workers, sizes, prepare, world.Barrier, lambda seconds: world.allreduce(seconds, MPI.MAX))


main(*sys.argv[1:])
