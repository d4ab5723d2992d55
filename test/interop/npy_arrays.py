"""Makes .npy and .npz files with numpy, and compares HDF5 files with what numpy loads from them.

    npy_arrays.py --make <folder>   writes the files; their names go out as one line of JSON
    npy_arrays.py                   jobs come on standard input, one line of JSON each: {"npy": path, "member": name or null,
                                    "h5": path, "place": path}; what differs goes out, one line of JSON each, [] for nothing
"""
import json
import os
import sys
import warnings

import h5py
import numpy as np
from numpy.lib import format as npy

UNITS = {"W": "weeks", "D": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def numbers(dtype, shape):
    random = np.random.default_rng(len(shape) + np.dtype(dtype).num)
    count = int(np.prod(shape))
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return random.integers(0, 2, count).astype(dtype).reshape(shape)
    if dtype.kind in "iu":
        # All bits there are, so that a byte in the wrong place shows.
        return np.frombuffer(random.bytes(count * dtype.itemsize), dtype).reshape(shape).copy()
    values = random.normal(size=count) * 10.0 ** random.integers(-3, 4, count)
    if dtype.kind == "c":
        values = values + 1j * random.normal(size=count)
    with np.errstate(over="ignore"):
        values = values.astype(dtype)
    values[: min(3, count)] = [np.nan, -np.inf, -0.0][: min(3, count)]
    return values.reshape(shape)


def arrays():
    made = {}
    for order in "<>":
        for code in "i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16 b1".split():
            made["%s%s" % ("le_" if order == "<" else "be_", code)] = numbers(order + code, (7, 5))
            made["%s%s_across" % ("le_" if order == "<" else "be_", code)] = np.asfortranarray(numbers(order + code, (5, 4, 3)))
    made["scalar"] = np.float64(1.5)
    made["scalar_text"] = np.array("Zürich")
    made["empty"] = np.zeros((0,), "f4")
    made["empty_rows"] = np.zeros((3, 0, 2), "i2")
    made["large"] = numbers("<f4", (1200, 3000))
    made["large_across"] = np.asfortranarray(numbers("<f8", (1500, 1100)))
    made["large_across_tall"] = np.asfortranarray(numbers(">i4", (900000, 3)))
    made["wide_row"] = numbers("<i2", (2, 3000000))
    made["complex_across"] = np.asfortranarray(numbers("<c16", (300, 200)))
    made["bytes"] = np.array([b"abc", b"", b"a\0b", b"z\xc3\xbcrich"])
    made["bytes_across"] = np.asfortranarray(np.array([[b"a", b"bc"], [b"def", b""], [b"x", b"yz"]]))
    made["texts"] = np.array([["a", "Zürich"], ["\U0001f600 smile", ""], ["日本", "x\0y"]])
    made["texts_be"] = made["texts"].astype(">U8")
    made["long_texts"] = np.array(["x" * 1000, "é" * 300, ""])
    for unit in UNITS:
        made["time_" + unit] = np.array([0, 1, -5, 10**9, np.iinfo("i8").min], "i8").view("<M8[%s]" % unit)
    made["time_be"] = np.array([1, 2, 3], "i8").view("<M8[ms]").astype(">M8[ms]")
    made["duration"] = np.array([1, -2, 3], "i8").view("<m8[us]")
    row = np.dtype([("id", "<i8"), ("x", ">f4"), ("name", "U6"), ("raw", "S4"), ("at", "<M8[s]"), ("ok", "?"), ("h", "<f2"), ("z", "<c8"), ("v", "<i2", (2, 3))])
    table = np.zeros(5000, row)
    table["id"] = np.arange(5000)
    table["x"] = np.arange(5000) / 7
    table["name"] = ["é%d" % (i % 100) for i in range(5000)]
    table["raw"] = [b"r%d" % (i % 100) for i in range(5000)]
    table["at"] = np.arange(5000)
    table["ok"] = np.arange(5000) % 3 == 0
    table["h"] = np.arange(5000) / 8
    table["z"] = np.arange(5000) * 1j
    table["v"] = np.arange(30000).reshape(5000, 2, 3)
    made["structure"] = table
    made["structure_flat"] = table[["id", "x", "name", "raw", "at", "ok", "h", "z"]].copy()
    made["structure_packed"] = npy_packed(table)
    aligned = np.zeros(4, np.dtype([("a", "i1"), ("b", "f8"), ("c", "i2"), ("when", "M8[ms]")], align=True))
    aligned["a"], aligned["b"], aligned["c"] = [1, 2, 3, 4], [0.5, 1.5, 2.5, 3.5], [-1, -2, -3, -4]
    made["structure_aligned"] = aligned
    inner = np.zeros((3, 4), [("p", [("x", "<f8"), ("y", ">i4")]), ("q", "u1")])
    inner["p"]["x"] = np.arange(12).reshape(3, 4) / 3
    inner["p"]["y"] = np.arange(12).reshape(3, 4)
    made["structure_nested"] = inner
    made["structure_across"] = np.asfortranarray(inner)
    made["structure_one"] = inner[1, 2]
    made["structure_titled"] = np.array([(1, 2.0)], [(("A title", "a b"), "i4"), ("c/d", "f8")])
    return made


def npy_packed(table):
    """What can be one compound as it is."""
    packed = np.zeros(len(table), [("id", "<i8"), ("x", ">f4"), ("at", "<M8[s]"), ("ok", "?"), ("z", "<c8")])
    for name in packed.dtype.names:
        packed[name] = table[name]
    return packed


def make(folder):
    made = arrays()
    for name, array in made.items():
        np.save(os.path.join(folder, name + ".npy"), array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for version in (1, 2, 3):
            with open(os.path.join(folder, "version_%d.npy" % version), "wb") as file:
                data = np.arange(6).reshape(2, 3) if version < 3 else np.array([(1,)], [("Größe", "i4")])
                npy.write_array(file, data, (version, 0))
    small = {name: array for name, array in made.items() if "large" not in name and "wide" not in name}
    np.savez(os.path.join(folder, "stored.npz"), **small)
    np.savez_compressed(os.path.join(folder, "deflated.npz"), **made)
    print(json.dumps(sorted(name for name in os.listdir(folder) if name.endswith((".npy", ".npz")))))


def differs_in_values(name, dataset, expected):
    """What is wrong with a dataset that should hold an array."""
    if dataset.shape != expected.shape:
        return ["%s: shape %s instead of %s" % (name, dataset.shape, expected.shape)]
    kind = expected.dtype.kind
    if kind in "SU":
        found = np.array(dataset.asstr()[()], dtype=object)
        wanted = np.char.decode(expected, "utf8") if kind == "S" else expected
        # numpy passes over zeros at the end of a text, h5py ends a text of its own there.
        same = found.shape == wanted.shape and all(f == w for f, w in zip(found.ravel().tolist(), np.asarray(wanted).ravel().tolist()))
        return [] if same else ["%s: %r instead of %r" % (name, found.ravel()[:5], wanted.ravel()[:5])]
    return differs_in_numbers(name, dataset[()], expected)


def differs_in_numbers(name, found, expected):
    # Fields of single elements would lose their byte order.
    found, expected = np.asarray(found), np.asarray(expected)
    if expected.dtype.kind in "Mm":
        expected = expected.view(expected.dtype.str[0] + "i8")
    if found.dtype != expected.dtype:
        return ["%s: %s instead of %s" % (name, found.dtype, expected.dtype)]
    if expected.dtype.names is not None:
        return [line for field in expected.dtype.names for line in differs_in_numbers(name + "." + field, found[field], expected[field])]
    same = np.array_equal(found, expected, equal_nan=expected.dtype.kind in "fc")
    if expected.dtype.kind == "f":
        same = same and np.array_equal(np.signbit(found)[found == 0], np.signbit(expected)[expected == 0])
    return [] if same else ["%s: values differ" % name]


def differs_in_compound(dataset, expected):
    found = dataset[()]
    wrong = []
    sources = [dataset.attrs.get("FIELD_%d_SOURCE_NAME" % number, name) for number, name in enumerate(found.dtype.names)]
    if sources != list(expected.dtype.names):
        return ["fields %s" % sources]
    for number, name in enumerate(expected.dtype.names):
        field, wanted = found[found.dtype.names[number]], expected[name]
        if wanted.dtype.kind in "SU":
            texts = [value.decode() if isinstance(value, bytes) else value for value in field.ravel().tolist()]
            originals = [value.decode() if isinstance(value, bytes) else value for value in wanted.ravel().tolist()]
            wrong += [] if texts == originals else ["%s: texts differ" % name]
        else:
            wrong += differs_in_numbers(name, field, wanted)
        if wanted.dtype.kind == "M" and dataset.attrs["FIELD_%d_UNITS" % number] != units_of(wanted.dtype):
            wrong.append("%s: units" % name)
    return wrong


def units_of(dtype):
    unit = UNITS[np.datetime_data(dtype)[0]]
    if dtype.kind == "m":
        return unit
    return unit + (" since 1970-01-01" if unit in ("days", "weeks") else " since 1970-01-01 00:00:00")


def compare(job):
    loaded = np.load(job["npy"])
    expected = loaded[job["member"]] if job["member"] is not None else loaded
    with h5py.File(job["h5"], "r") as file:
        place = file[job["place"]]
        if isinstance(place, h5py.Group):
            wrong = []
            by_source = {dataset.attrs.get("source_name", name): dataset for name, dataset in place.items()}
            if sorted(by_source) != sorted(expected.dtype.names):
                return ["fields %s" % sorted(by_source)]
            for name in expected.dtype.names:
                wrong += differs_in_values(name, by_source[name], np.asarray(expected[name]))
                if expected[name].dtype.kind in "Mm" and by_source[name].attrs["units"] != units_of(expected[name].dtype):
                    wrong.append("%s: units" % name)
            return wrong
        if expected.dtype.names is not None:
            return differs_in_compound(place, expected)
        wrong = differs_in_values(job["place"], place, np.asarray(expected))
        if expected.dtype.kind in "Mm" and (place.attrs["units"] != units_of(expected.dtype) or place.attrs["_FillValue"] != np.iinfo("i8").min):
            wrong.append("units %s" % place.attrs["units"])
        return wrong


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(sys.argv[2])
    else:
        for line in sys.stdin.read().splitlines():
            print(json.dumps(compare(json.loads(line))))
