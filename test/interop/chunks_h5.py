"""Raw chunks, as files have them.

    chunks_h5.py read      the paths come on standard input, one a line; for each goes out a line of JSON: of each dataset its
                           first chunk's place, and what libhdf5 makes of it where it can
    chunks_h5.py write F   makes the file F with all of libhdf5's filters, and then does as with `read`
"""
import json
import sys

import h5py
import numpy as np


# Of the compound below: h5py gives no more than sixteen values of a filter.
COMPOUND = [23, 0, 210, 3, 24, 3, 1, 1, 2, 0, 11, 3, 4, 2, 12, 1, 4, 1, 18, 5, 18, 4, 1]


def values_of(number, values):
    return COMPOUND if number == h5py.h5z.FILTER_NBIT and values[0] == len(COMPOUND) else list(values)


def chunk_of(dataset):
    plist = dataset.id.get_create_plist()
    info = dataset.id.get_chunk_info(0)
    filters = [plist.get_filter(i) for i in range(plist.get_nfilters())]
    data = None
    if all(h5py.h5z.filter_avail(f[0]) for f in filters):
        # In the file's own type, so that no byte is touched. The first chunks of these datasets are whole.
        kind = dataset.id.get_type()
        shape = plist.get_chunk()
        raw = np.empty(shape, dtype="V%d" % kind.get_size())
        memory = h5py.h5s.create_simple(shape)
        space = dataset.id.get_space()
        space.select_hyperslab((0,) * len(shape), shape)
        dataset.id.read(memory, space, raw, mtype=kind)
        data = raw.tobytes().hex()
    return {
        "filters": [[f[0], values_of(f[0], f[2])] for f in filters],
        "address": info.byte_offset,
        "size": info.size,
        "mask": info.filter_mask,
        "data": data,
    }


def describe(path):
    with h5py.File(path, "r") as file:
        return {name: chunk_of(file[name]) for name in file}


def reduced(base, precision, offset):
    kind = base.copy()
    kind.set_precision(precision)
    kind.set_offset(offset)
    return kind


def float_of_20_bits():
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(26, 20, 6, 7, 13)
    kind.set_offset(7)
    kind.set_precision(20)
    kind.set_ebias(31)
    return kind


SHAPE = (30, 21)


def low_level(file, name, kind, values, set_filters, fill=None):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((10, 21))
    if fill is not None:
        plist.set_fill_value(fill)
    set_filters(plist)
    dataset = h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple(SHAPE), plist)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def write(path):
    slow = (np.arange(SHAPE[0] * SHAPE[1]) // 5).reshape(SHAPE)
    noise = np.random.default_rng(5).integers(0, 2**63, SHAPE)
    numbers = [order + kind for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8") for order in "<>"]
    with h5py.File(path, "w", libver=("v108", "v108")) as file:
        for what, data in (("slow", slow), ("noise", noise)):
            for dtype in numbers:
                values = data.astype(dtype)

                def make(name, **options):
                    options.setdefault("chunks", (10, 21))
                    file.create_dataset("%s %s %s" % (what, dtype, name), data=values, **options)

                make("gzip", compression="gzip", compression_opts=6, shuffle=True, fletcher32=True)
                make("lzf", compression="lzf")
                make("shuffle lzf", compression="lzf", shuffle=True)
                make("szip ec", compression="szip", compression_opts=("ec", 8))
                make("szip nn", compression="szip", compression_opts=("nn", 16))
                make("szip in rows", compression="szip", compression_opts=("nn", 4), chunks=(30, 21))
                digits = 1 if "f" in dtype else 0
                make("scaleoffset", scaleoffset=digits, fillvalue=3)
                make("scaleoffset gzip", scaleoffset=digits, compression="gzip")
                make("scaleoffset of many bits", scaleoffset=digits if digits else 8 * values.itemsize - 1)
                if h5py.h5z.filter_avail(32004):
                    make("lz4", compression=32004)
                    make("lz4 in blocks", compression=32004, compression_opts=(100,), shuffle=True)
                if h5py.h5z.filter_avail(32008):
                    make("bitshuffle", compression=32008)
                    make("bitshuffle lz4", compression=32008, compression_opts=(0, 2))
                    make("bitshuffle lz4 in blocks", compression=32008, compression_opts=(16, 2))
            t = h5py.h5t
            values = data.astype("i4")
            nbit = lambda plist: plist.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_OPTIONAL, ())
            for precision, offset in ((1, 0), (3, 2), (8, 8), (12, 4), (17, 0), (31, 1), (32, 0)):
                for base in (t.STD_I32LE, t.STD_I32BE, t.STD_U32LE):
                    order = {t.STD_I32LE: "signed", t.STD_I32BE: "big-endian", t.STD_U32LE: "unsigned"}[base]
                    name = "%s nbit %d at %d %s" % (what, precision, offset, order)
                    low_level(file, name, reduced(base, precision, offset), values, nbit)
            low_level(file, what + " nbit float", float_of_20_bits(), data.astype("f4"), nbit)
            compound = t.create(t.COMPOUND, 24)
            compound.insert(b"a", 1, reduced(t.STD_I16LE, 11, 3))
            compound.insert(b"b", 4, t.array_create(reduced(t.STD_I32BE, 18, 5), (3,)))
            compound.insert(b"c", 18, t.FORTRAN_S1)
            records = np.zeros(SHAPE, dtype=[("a", "i2"), ("b", "i4", (3,)), ("c", "S1")])
            records["a"] = data % 1000
            records["b"] = (data % 100000)[..., None]
            records["c"] = b"x"
            low_level(file, what + " nbit compound", compound, records, nbit)


if sys.argv[1] == "write":
    write(sys.argv[2])
    paths = [sys.argv[2]]
else:
    paths = sys.stdin.read().splitlines()
for path in paths:
    print(json.dumps(describe(path)))
