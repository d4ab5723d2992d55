# h5py: libhdf5 from Python.
#   h5py_peer.py versions | write <job> | read <job> | check <job> | digest <job>, as the Node programs beside it
import hashlib
import json
import os
import platform
import resource
import sys
import time

import h5py
import numpy
from h5py_reads import READS, Digest

CHECK_VALUES = 2**19


def versions():
    return {
        "version": h5py.__version__,
        "with": f"libhdf5 {h5py.version.hdf5_version}, numpy {numpy.__version__}, Python {platform.python_version()}",
        "threads": 1,
    }


def read_input(job):
    size = os.path.getsize(job["input"])
    data = numpy.empty(size * job["repeat"] // 8, "<f8")
    into = memoryview(data).cast("B")
    for at in range(0, len(into), size):
        with open(job["input"], "rb", buffering=0) as file:
            filled = 0
            while filled < size:
                filled += file.readinto(into[at + filled : at + size])
    return data


def peak_bytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


ROW = numpy.dtype([("id", "<i8"), ("a", "<f8"), ("b", "<f8"), ("c", "<f8"), ("name", "S16")])


def growing(file, dtype, job):
    return file.create_dataset("data", shape=(0,), maxshape=(None,), chunks=(job["chunk"],), dtype=dtype)


def append(dataset, rows):
    extent = dataset.shape[0]
    dataset.resize((extent + len(rows),))
    dataset[extent:] = rows


def whole(job):
    data = read_input(job)
    layout = {}
    if "chunk" in job:
        layout["chunks"] = (job["chunk"],)
    if "level" in job:
        layout.update(shuffle=True, compression="gzip", compression_opts=job["level"])
    return lambda file: file.create_dataset("data", data=data, **layout)


def pieces(job):
    piece = read_input({**job, "repeat": 1})[: 2**17].copy()

    def run(file):
        dataset = file.create_dataset("data", shape=(job["bytes"] // 8,), dtype="<f8", chunks=(job["chunk"],) if "chunk" in job else None)
        for at in range(0, dataset.shape[0], len(piece)):
            dataset[at : at + len(piece)] = piece

    return run


def appending(job):
    data, size = read_input({**job, "repeat": 1}), job["size"]

    def run(file):
        dataset = growing(file, "<f8", job)
        for i in range(job["count"]):
            at = i % job["parts"] * size
            append(dataset, data[at : at + size])

    return run


def rows(job):
    table = numpy.zeros(job["size"], ROW)
    index = numpy.arange(job["size"])
    table["id"], table["a"], table["b"], table["c"] = index, index * 0.5, index * 0.25, -(index * 1.0)
    table["name"] = [f"name-{i}" for i in index]

    def run(file):
        dataset = growing(file, ROW, job)
        for _ in range(job["count"]):
            append(dataset, table)

    return run


def objects(job):
    values = numpy.arange(16) * 1.5

    def run(file):
        group = file.create_group("group")
        for i in range(job["count"]):
            group.create_dataset(f"d{i:06}", data=values)

    return run


def attributes(job):
    def run(file):
        value = 3.25
        for i in range(job["count"]):
            group = file.create_group(f"g{i:04}")
            for j in range(job["size"]):
                value += 1
                group.attrs[f"attr{j:03}"] = value

    return run


def texts(job):
    data = [f"string-{i}-{chr(97 + i % 26) * (i % 24)}" for i in range(job["count"])]
    return lambda file: file.create_dataset("data", data=data, dtype=h5py.string_dtype())


WORKS = {
    "whole": whole,
    "pieces": pieces,
    "append": appending,
    "rows": rows,
    "objects": objects,
    "attributes": attributes,
    "texts": texts,
}


def write(job):
    work = WORKS[job["work"]](job)

    def run():
        with h5py.File(job["output"], "w") as file:
            work(file)

    return measured(run, job)


def read(job):
    work = READS[job["work"]]

    def run(see):
        with h5py.File(job["output"], "r") as file:
            work(job, file, see)

    result = measured(lambda: run(lambda part: None), job)
    if job["digest"]:
        digest = Digest()
        run(digest.see)
        result["digest"] = digest.total
    return result


def measured(run, job):
    print("ready", flush=True)
    sys.stdin.readline()
    peak_before = peak_bytes()
    cpu_before = time.process_time()
    start = time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    cpu_seconds = time.process_time() - cpu_before
    peak = peak_bytes()
    return {
        "seconds": seconds,
        "cpuSeconds": cpu_seconds,
        "peakBytes": peak,
        "grewBytes": peak - peak_before,
        "fileBytes": os.path.getsize(job["output"]),
    }


def digest(job):
    """Of what a file holds: names, attributes and values, of at most some hundred objects of a group."""
    found = hashlib.sha256()
    counts = []

    def visit(group):
        names = sorted(group.keys())
        counts.append(len(names))
        for name in names[:: max(1, len(names) // 200)]:
            one = group[name]
            found.update(name.encode())
            for key in sorted(one.attrs.keys()):
                found.update(key.encode() + numpy.asarray(one.attrs[key]).tobytes())
            if isinstance(one, h5py.Group):
                visit(one)
                continue
            found.update(str(one.shape).encode())
            for first in range(0, one.shape[0], CHECK_VALUES):
                part = one[first : first + CHECK_VALUES]
                found.update(b"\0".join(part) if part.dtype == object else part.tobytes())

    with h5py.File(job["path"], "r") as file:
        visit(file)
    return {"counts": counts[:2], "sha256": found.hexdigest()}


def check(job):
    with h5py.File(job["path"], "r") as file:
        data = file["data"]
        digest = hashlib.sha256()
        for first in range(0, data.shape[0], CHECK_VALUES):
            digest.update(data[first : first + CHECK_VALUES])
        filters = (["shuffle"] if data.shuffle else []) + ([f"{data.compression} {data.compression_opts}"] if data.compression else [])
        return {
            "shape": data.shape,
            "float64": data.dtype == numpy.dtype("<f8"),
            "chunks": data.chunks,
            "filters": filters,
            "sha256": digest.hexdigest(),
        }


verb, *rest = sys.argv[1:]
print(json.dumps({"versions": versions, "write": write, "read": read, "check": check, "digest": digest}[verb](*map(json.loads, rest))))
