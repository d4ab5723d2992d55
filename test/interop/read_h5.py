"""Prints all that h5py finds in HDF5 files, so that nothing of our own is between the file and the comparison.

    read_h5.py             the paths come on standard input, one a line; one line of JSON per file goes out
    read_h5.py --modify    the same, after h5py has opened each file for writing and changed what is in it
    read_h5.py --no-values everything but the values
    read_h5.py --digests   for the values, of each row the SHA-1 digest of its bytes in this machine's order
    read_h5.py --skip /a   without that group

Values are strings, so that no digit is lost: integers in decimal, floats as the hexadecimal digits of their bits (`nan` for
every NaN), text as it is, booleans as `true` and `false`; compounds and complex numbers are lists of their parts.
"""
import hashlib
import json
import sys

import h5py
import numpy as np

SKIPPED = [path for option, path in zip(sys.argv, sys.argv[1:]) if option == "--skip"]
ORDERS = {h5py.h5t.ORDER_LE: "LE", h5py.h5t.ORDER_BE: "BE", h5py.h5t.ORDER_NONE: "none"}
PADS = {h5py.h5t.STR_NULLTERM: "nullterm", h5py.h5t.STR_NULLPAD: "null", h5py.h5t.STR_SPACEPAD: "space"}
CHARSETS = {h5py.h5t.CSET_ASCII: "ascii", h5py.h5t.CSET_UTF8: "utf8"}
LAYOUTS = {h5py.h5d.COMPACT: "compact", h5py.h5d.CONTIGUOUS: "contiguous", h5py.h5d.CHUNKED: "chunked"}
FILL_STATES = {
    h5py.h5d.FILL_VALUE_UNDEFINED: "undefined",
    h5py.h5d.FILL_VALUE_DEFAULT: "default",
    h5py.h5d.FILL_VALUE_USER_DEFINED: "user",
}


def describe_type(tid):
    """The type as the file has it, not as numpy would."""
    size = tid.get_size()
    if isinstance(tid, h5py.h5t.TypeEnumID):
        members = {
            tid.get_member_name(i).decode(): str(tid.get_member_value(i)) for i in range(tid.get_nmembers())
        }
        return {"class": "enum", "size": size, "base": describe_type(tid.get_super()), "members": members}
    if isinstance(tid, h5py.h5t.TypeIntegerID):
        return {
            "class": "integer",
            "size": size,
            "order": ORDERS[tid.get_order()],
            "signed": tid.get_sign() != 0,
            "precision": tid.get_precision(),
        }
    if isinstance(tid, h5py.h5t.TypeFloatID):
        return {
            "class": "float",
            "size": size,
            "order": ORDERS[tid.get_order()],
            "fields": list(tid.get_fields()),
            "bias": tid.get_ebias(),
            "precision": tid.get_precision(),
        }
    if isinstance(tid, h5py.h5t.TypeStringID):
        return {
            "class": "string",
            "size": "variable" if tid.is_variable_str() else size,
            "pad": PADS[tid.get_strpad()],
            "charset": CHARSETS[tid.get_cset()],
        }
    if isinstance(tid, h5py.h5t.TypeCompoundID):
        members = [
            {
                "name": tid.get_member_name(i).decode(),
                "offset": tid.get_member_offset(i),
                "type": describe_type(tid.get_member_type(i)),
            }
            for i in range(tid.get_nmembers())
        ]
        return {"class": "compound", "size": size, "members": members}
    return {"class": type(tid).__name__, "size": size}


def printed(values):
    """A flat array as nested lists of strings."""
    kind = values.dtype.kind
    if values.dtype.names is not None:
        columns = [printed(values[name]) for name in values.dtype.names]
        return [list(parts) for parts in zip(*columns)]
    if kind in "iu":
        return [str(value) for value in values.tolist()]
    if kind == "b":
        return ["true" if value else "false" for value in values.tolist()]
    if kind == "f":
        native = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("=")))
        bits = native.view("u%d" % native.dtype.itemsize).tolist()
        return ["nan" if nan else "%x" % bit for bit, nan in zip(bits, np.isnan(native).tolist())]
    if kind == "c":
        return [list(parts) for parts in zip(printed(values.real), printed(values.imag))]
    if kind == "S":
        return [value.decode() for value in values.tolist()]
    if kind == "O":
        return [value.decode() if isinstance(value, bytes) else value for value in values.tolist()]
    raise TypeError("no way to print %r" % values.dtype)


def attributes(obj):
    found = {}
    for name in obj.attrs:
        attribute = obj.attrs.get_id(name)
        values = np.empty(attribute.shape, dtype=attribute.dtype)
        attribute.read(values)
        found[name] = {
            "type": describe_type(attribute.get_type()),
            "shape": list(attribute.shape),
            "values": printed(values.reshape(-1)),
        }
    return found


def fill_value(dataset):
    plist = dataset.id.get_create_plist()
    state = FILL_STATES[plist.fill_value_defined()]
    if h5py.check_string_dtype(dataset.dtype) is not None and dataset.dtype.kind == "O":
        return {"state": state}
    if dataset.dtype.hasobject:
        return {"state": state}
    value = np.zeros((1,), dtype=dataset.dtype)
    plist.get_fill_value(value)
    return {"state": state, "value": printed(value)[0]}


def values_of(dataset):
    if "--no-values" in sys.argv:
        return []
    if "--digests" in sys.argv:
        native = dataset.dtype.newbyteorder("=")
        return [hashlib.sha1(dataset[row].astype(native).tobytes()).hexdigest() for row in range(dataset.shape[0])]
    return printed(np.asarray(dataset[()]).reshape(-1))


def describe_dataset(dataset):
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(i) for i in range(plist.get_nfilters())]
    return {
        "kind": "dataset",
        "type": describe_type(dataset.id.get_type()),
        "shape": list(dataset.shape),
        "maxShape": list(dataset.maxshape),
        "layout": LAYOUTS.get(plist.get_layout(), "other"),
        "chunks": None if dataset.chunks is None else list(dataset.chunks),
        "filters": [{"id": f[0], "optional": bool(f[1] & 1), "values": list(f[2])} for f in filters],
        "fill": fill_value(dataset),
        "storageSize": dataset.id.get_storage_size(),
        "values": values_of(dataset),
        "attributes": attributes(dataset),
    }


def describe_group(group):
    links = {}
    for name in group:
        link = group.get(name, getlink=True)
        links[name] = link.path if isinstance(link, h5py.SoftLink) else None
    return {"kind": "group", "links": links, "attributes": attributes(group)}


def describe_file(path):
    objects = {}
    with h5py.File(path, "r") as file:

        def visit(obj):
            if obj.name in SKIPPED:
                return
            is_group = isinstance(obj, h5py.Group)
            objects[obj.name] = describe_group(obj) if is_group else describe_dataset(obj)
            if is_group:
                for name in obj:
                    if isinstance(obj.get(name, getlink=True), h5py.HardLink):
                        visit(obj[name])

        visit(file["/"])
    return objects


def modify(path):
    """What libhdf5 does to each structure when it is made to change it."""
    with h5py.File(path, "r+") as file:
        datasets = []
        groups = [file["/"]]
        file.visititems(lambda _, obj: (groups if isinstance(obj, h5py.Group) else datasets).append(obj))
        for group in groups:
            # More links than a group keeps in its header, and as many attributes.
            for i in range(12):
                group.create_group("added %d" % i)
                group.attrs["added %d" % i] = i
            added = group.create_dataset("added data", data=np.arange(10), chunks=(3,), maxshape=(None,))
            added.resize((12,))
            added[10:] = [10, 11]
            del group["added 3"]
        for dataset in datasets:
            for i in range(12):
                dataset.attrs["added %d" % i] = "text %d" % i
            if dataset.chunks is None or dataset.maxshape[0] == dataset.shape[0]:
                continue
            before = dataset.shape[0]
            limit = before + 70 if dataset.maxshape[0] is None else min(dataset.maxshape[0], before + 70)
            dataset.resize(limit, axis=0)
            if before > 0 and dataset.size > 0:
                dataset[before:] = dataset[0]


def main():
    for path in sys.stdin.read().splitlines():
        try:
            if "--modify" in sys.argv:
                modify(path)
            print(json.dumps({"objects": describe_file(path)}))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test that asked shall name it
            print(json.dumps({"error": "%s: %s" % (type(error).__name__, error)}))


main()
