"""Compares tables in HDF5 files with the NDJSON files they came from, as Python's json module and h5py read them.

Jobs come on standard input, one line of JSON each: {"ndjson": path, "h5": path, "place": "/group or /dataset"}.
One line of JSON goes out for each: {"rows": n, "columns": {name: how it was compared}, "missing": {name: n}, "differences": [...]}.
"""
import json
import sys

import h5py

from compare_csv import MAX_DIFFERENCES, columns_of


def flattened(record, prefix=""):
    """The values by their keys with dots between them; numbers as they are written."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from flattened(value, prefix + key + ".")
        else:
            yield prefix + key, value


class Number(str):
    """The digits of a number, apart from a text of digits."""


def differs(column, value, given):
    if isinstance(given, list):
        return len(value) != len(given) or any(differs(column, inner, item) for inner, item in zip(value, given))
    if given is None:
        if column.how == "text":
            return value not in ("", b"")
        return any(differs(column, inner, None) for inner in value) if isinstance(value, list) else not column.is_missing(value)
    if column.how in ("integer", "real") and not isinstance(given, Number):
        return True
    return column.differs(value, "true" if given is True else "false" if given is False else given)


def compare(job):
    with open(job["ndjson"], encoding="utf-8-sig") as file:
        lines = [line for line in file.read().split("\n") if line.strip()]
    rows = [dict(flattened(json.loads(line, parse_int=Number, parse_float=Number))) for line in lines]
    names = {name for row in rows for name in row}
    # A null in place of an object is the same as none of its keys.
    names = sorted(name for name in names if not any(other.startswith(name + ".") for other in names))
    with h5py.File(job["h5"], "r") as file:
        columns = columns_of(file[job["place"]])
    if sorted(columns) != names:
        return {"error": "columns %s instead of %s" % (sorted(columns), names)}
    differences = []
    missing = {}
    for name, column in columns.items():
        if len(column.values) != len(rows):
            differences.append("%s: %d values for %d rows" % (name, len(column.values), len(rows)))
            continue
        for line, (value, row) in enumerate(zip(column.values, rows)):
            if differs(column, value, row.get(name)):
                differences.append("%s, row %d: %r for %r" % (name, line + 1, value, row.get(name)))
        count = sum(1 for row in rows if row.get(name) is None)
        if count > 0:
            missing[name] = count
    return {
        "rows": len(rows),
        "columns": {name: column.how for name, column in columns.items()},
        "missing": missing,
        "differences": differences[:MAX_DIFFERENCES],
    }


if __name__ == "__main__":
    for line in sys.stdin.read().splitlines():
        print(json.dumps(compare(json.loads(line))))
