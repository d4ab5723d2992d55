# h5py: libhdf5 from Python.
#   h5py_peer.py versions | write <job> | check <job>, as the Node programs beside it
import hashlib
import json
import os
import platform
import resource
import sys
import time

import h5py
import numpy

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


def write(job):
    data = read_input(job)
    layout = {}
    if "chunk" in job:
        layout = {"chunks": (job["chunk"],), "shuffle": True, "compression": "gzip", "compression_opts": job["level"]}
    print("ready", flush=True)
    sys.stdin.readline()
    peak_before = peak_bytes()
    cpu_before = time.process_time()
    start = time.perf_counter()
    file = h5py.File(job["output"], "w")
    file.create_dataset("data", data=data, **layout)
    file.close()
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
print(json.dumps({"versions": versions, "write": write, "check": check}[verb](*map(json.loads, rest))))
