"""Writes compounds as h5py writes them into the file of the first argument, and prints their members, one by one, as JSON."""
import json
import sys

import h5py
import numpy as np

COUNT = 20000

inner = np.dtype([("x", "<f4"), ("ok", "?")])
rows = np.dtype(
    [
        ("flag", "i1"),
        ("time", "<i8"),
        ("level", ">f8"),
        ("small", ">u2"),
        ("half", "<f2"),
        ("wave", ">c16"),
        ("code", "S5"),
        ("on", "?"),
        ("note", h5py.string_dtype()),
        ("place", inner),
        ("state", h5py.enum_dtype({"idle": 0, "busy": 7}, basetype="i2")),
    ],
    align=True,
)

data = np.zeros(COUNT, dtype=rows)
n = np.arange(COUNT)
data["flag"] = n % 251 - 125
data["time"] = n * 10**12 - 7
data["level"] = n / 8 - 3
data["small"] = n * 3 % 65536
data["half"] = n % 1000 / 4
data["wave"] = n / 2 - 1j * n
data["code"] = [b"c%d" % (i % 10000) for i in n]
data["on"] = n % 3 == 0
data["note"] = ["note %d %s" % (i, "ü" * (i % 4)) for i in n]
data["place"]["x"] = n / 4
data["place"]["ok"] = n % 2 == 1
data["state"] = np.where(n % 5 == 0, 7, 0)

# The library of 1.8, whose form of a file is read; padding stays as numpy has it.
with h5py.File(sys.argv[1], "w", libver=("v108", "v108")) as file:
    file.create_dataset("contiguous", data=data)
    file.create_dataset("chunked", data=data, chunks=(777,), compression=4, shuffle=True, maxshape=(None,))
    file.create_dataset("square", data=data[:400].reshape(20, 20), chunks=(6, 7))
    file.create_dataset("scalar", data=data[3])

print(
    json.dumps(
        {
            "flag": data["flag"].tolist(),
            "time": [str(value) for value in data["time"]],
            "level": data["level"].tolist(),
            "small": data["small"].tolist(),
            "half": data["half"].astype("f8").tolist(),
            "wave": np.stack([data["wave"].real, data["wave"].imag], 1).ravel().tolist(),
            "code": [value.decode() for value in data["code"]],
            "on": data["on"].tolist(),
            "note": [value if isinstance(value, str) else value.decode() for value in data["note"]],
            "place": [{"x": float(x), "ok": bool(ok)} for x, ok in data["place"]],
            "state": ["busy" if value == 7 else "idle" for value in data["state"]],
        }
    )
)
