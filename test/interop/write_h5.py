"""Writes files as h5py writes them, for our reader: one file per feature, into the folder of the first argument."""
import os
import sys

import h5py
import numpy as np

folder = sys.argv[1]


def make(name, write, libver=("v108", "v108"), **options):
    with h5py.File(os.path.join(folder, name), "w", libver=libver, **options) as file:
        write(file)


def bfloat16():
    """Two bytes as float16 has, with another meaning."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


def low_level_attribute(file, name, kind, raw):
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    attribute = h5py.h5a.create(file.id, name, kind, space)
    attribute.write(np.frombuffer(raw, dtype="V%d" % len(raw)).reshape(()), mtype=kind)


def types(file):
    """In groups, of which none has so many attributes that they leave its header."""
    numbers = file.create_group("numbers").attrs
    numbers["int"] = np.int16(-5)
    numbers["big"] = np.array([1, 2**40], dtype=">u8")
    numbers["float"] = 1.5
    numbers["half"] = np.float16(0.25)
    numbers["complex"] = 1 + 2j
    numbers["bool"] = np.bool_(True)
    texts = file.create_group("texts").attrs
    texts["text"] = "größe"
    texts["texts"] = ["a", "", "日本"]
    texts["bytes"] = np.bytes_(b"fixed")
    others = file.create_group("others").attrs
    others["row"] = np.array((1, 2.5, b"ab"), dtype=[("a", "i4"), ("b", "f8"), ("c", "S3")])
    others["padded"] = np.array((1, 2.5), dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True))
    others["square"] = np.arange(4, dtype="i1").reshape(2, 2)
    others["empty"] = h5py.Empty("f8")
    others.create("enum", 2, dtype=h5py.enum_dtype({"RED": 0, "BLUE": 2}, basetype="i8"))


def datasets(file):
    file.create_dataset("contiguous", data=np.arange(6.0).reshape(2, 3))
    file.create_dataset("chunked", data=np.arange(100, dtype="i2"), chunks=(7,), compression=6, shuffle=True, fletcher32=True, maxshape=(None,))
    file.create_dataset("scalar", data=5)
    file.create_dataset("group/deep/text", data=["a", "b"])
    file.create_dataset("unwritten", (3,), dtype="u1", fillvalue=7)
    file["soft"] = h5py.SoftLink("/group/deep/text")
    file["dangling"] = h5py.SoftLink("/nowhere")
    file["hard"] = file["contiguous"]


def cycle(file):
    group = file.create_group("a")
    group["up"] = file["/"]


def compact(file):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(file.id, b"x", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((2,)), plist)


def committed(file):
    file["type"] = np.dtype("f8")
    file.create_dataset("x", (2,), dtype=file["type"])


def tracked(file):
    group = file.create_group("g", track_order=True)
    for name in ["z", "a", "m"]:
        group.create_group(name)


def virtual(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="i4")
    layout[:] = h5py.VirtualSource("other.h5", "y", shape=(4,))
    file.create_virtual_dataset("x", layout)


def dense_attributes(file):
    group = file.create_group("g")
    for i in range(20):
        group.attrs["a%d" % i] = i


make("types.h5", types)
make("datasets.h5", datasets)
make("cycle.h5", cycle)
make("empty.h5", lambda file: None)
make("latest-types.h5", lambda file: [file.attrs.__setitem__("a%d" % i, i) for i in range(20)], libver="latest")
make("default.h5", datasets, libver=("earliest", "v108"))
make("user block.h5", types, userblock_size=512)
make("bfloat16.h5", lambda file: low_level_attribute(file, b"x", bfloat16(), b"\x80\x3f"))
make("lzf.h5", lambda file: file.create_dataset("x", data=np.arange(100), chunks=(10,), compression="lzf"))
make("scale-offset.h5", lambda file: file.create_dataset("x", data=np.arange(100), chunks=(10,), scaleoffset=0))
make("array.h5", lambda file: file.create_dataset("x", (2,), dtype=np.dtype(("i4", (3,)))))
make("vlen.h5", lambda file: file.create_dataset("x", (2,), dtype=h5py.vlen_dtype("i4")))
make("opaque.h5", lambda file: file.create_dataset("x", data=np.array([b"ab"], dtype="V2")))
make("reference.h5", lambda file: file.create_dataset("x", data=file.ref, dtype=h5py.ref_dtype))
make("compact.h5", compact)
make("null.h5", lambda file: file.create_dataset("x", data=h5py.Empty("f8")))
make("external.h5", lambda file: file.create_dataset("x", (4,), dtype="u1", external=[(os.path.join(folder, "raw"), 0, 4)]))
make("external link.h5", lambda file: file.__setitem__("x", h5py.ExternalLink("other.h5", "/y")))
make("committed.h5", committed)
make("dense links.h5", lambda file: [file.create_group("g%d" % i) for i in range(20)])
make("dense attributes.h5", dense_attributes)
make("tracked.h5", tracked, track_order=True)
make("latest chunks.h5", lambda file: file.create_dataset("x", data=np.arange(10), chunks=(3,)), libver="latest")
make("version 3.h5", lambda file: file.create_dataset("x", data=np.arange(4)), libver=("v110", "v110"))
make("virtual.h5", virtual, libver="latest")
