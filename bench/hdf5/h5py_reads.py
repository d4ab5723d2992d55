# What h5py reads: what libhdf5 in C has written. Of each work: what is done with the opened file, handing on what was read.
import numpy

PIECE_VALUES = 2**17
BLOCK_WORDS = 2**20


class Digest:
    """As digest.mjs has it."""

    def __init__(self):
        self.total = 0
        self.words = 0

    def add(self, bytes_):
        padded = bytes_ + bytes(-len(bytes_) % 4) if len(bytes_) % 4 else bytes_
        words = numpy.frombuffer(padded, "<u4")
        for first in range(0, len(words), BLOCK_WORDS):
            part = words[first : first + BLOCK_WORDS]
            before = numpy.uint64(self.words + first)
            weights = ((before + numpy.arange(len(part), dtype="u8")) * numpy.uint64(2) + numpy.uint64(1)).astype("u4")
            self.total = (self.total + int((part * weights).sum(dtype="u4"))) % 2**32
        self.words += len(words)

    def see(self, read):
        if read.dtype == object or read.dtype.kind == "S":
            self.add(b"\0".join(read.tolist()) + b"\0")
        else:
            self.add(memoryview(numpy.ascontiguousarray(read)).cast("B"))


def whole(job, file, see):
    see(file["data"][()])


def slices(step, dtype):
    def run(job, file, see):
        dataset = file["data"]
        count = step(job)
        into = numpy.empty(count, dtype or dataset.dtype)
        for at in range(0, dataset.shape[0], count):
            dataset.read_direct(into, numpy.s_[at : at + count])
            see(into)

    return run


def members(*names):
    def run(job, file, see):
        # All are held until the last has been read, as a program does that wants them.
        for column in [file["data"][name] for name in names]:
            see(column)

    return run


def objects(job, file, see):
    group = file["group"]
    for i in range(job["count"]):
        see(group[f"d{i:06}"][()])


def attributes(job, file, see):
    for i in range(job["count"]):
        attrs = file[f"g{i:04}"].attrs
        for j in range(job["size"]):
            see(numpy.asarray([attrs[f"attr{j:03}"]]))


READS = {
    "whole": whole,
    "pieces": slices(lambda job: PIECE_VALUES, "<f8"),
    "append": slices(lambda job: job["size"], "<f8"),
    "rows": slices(lambda job: job["size"], None),
    "numbers": members("id", "a", "b", "c"),
    "columns": members("id", "a", "b", "c", "name"),
    "objects": objects,
    "attributes": attributes,
    "texts": whole,
}
