"""Compares tables in HDF5 files with the CSV files they came from, as Python's csv module and h5py read them.

Jobs come on standard input, one line of JSON each: {"csv": path, "delimiter": ",", "h5": path, "place": "/group or /dataset"}.
One line of JSON goes out for each: {"rows": n, "columns": {name: how it was compared}, "missing": {name: n}, "differences": [...]}.

Nothing here knows how the importer judges a column: every value of the file is turned into what the dataset's own type and
attributes say it means, and that is compared with the text.
"""
import csv
import datetime
import json
import math
import re
import sys

import h5py
import numpy as np

MISSING = {"", "NA", "N/A", "NaN", "nan", "null", "NULL"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
PER_SECOND = {"seconds": 1, "milliseconds": 1000, "microseconds": 1000000, "nanoseconds": 1000000000}
MAX_DIFFERENCES = 5


def instant(text, per_second):
    """A time of ISO 8601 as a number of units since 1970, in exact arithmetic."""
    fraction = re.search(r"\.(\d+)", text)
    whole = datetime.datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    if whole.tzinfo is None:
        whole = whole.replace(tzinfo=datetime.timezone.utc)
    since = whole - EPOCH
    seconds = since.days * 86400 + since.seconds
    digits = fraction.group(1).ljust(9, "0") if fraction else "0"
    return seconds * per_second + int(digits) * per_second // 1000000000


class Column:
    """One column's values, with what its type and attributes say of them."""

    def __init__(self, values, units, fill, is_boolean):
        self.units = units
        self.fill = fill
        self.is_boolean = is_boolean
        self.values = values.tolist()
        self.kind = values.dtype.kind
        if self.kind in "SO":
            self.how = "text"
        elif self.units is not None:
            self.how = self.units.split(" since ")[0]
        elif self.is_boolean:
            self.how = "boolean"
        else:
            self.how = {"i": "integer", "u": "integer", "f": "real", "b": "boolean"}[self.kind]

    def is_missing(self, value):
        if self.how == "text":
            return False
        return math.isnan(value) if self.kind == "f" else self.fill is not None and value == self.fill

    def expected(self, text):
        """What the value has to be for this text."""
        if self.how == "text":
            return text
        text = text.strip(" \t")
        if self.how == "integer":
            return int(text)
        if self.how == "real":
            return float(text)
        if self.how == "boolean":
            return {"true": 1, "false": 0}[text.lower()]
        if self.how == "days":
            return datetime.date.fromisoformat(text).toordinal() - EPOCH.toordinal()
        return instant(text, PER_SECOND[self.how])

    def differs(self, value, text):
        if self.how == "text":
            return (value.decode() if isinstance(value, bytes) else value) != text
        if text.strip(" \t") in MISSING:
            return not self.is_missing(value)
        return self.is_missing(value) or value != self.expected(text)


def text_of(attribute):
    return attribute.decode() if isinstance(attribute, bytes) else attribute


def columns_of(place):
    """The columns of a group of datasets or of one compound dataset, by the names of the CSV file."""
    found = {}
    if isinstance(place, h5py.Dataset):
        table = place[()]
        for number, name in enumerate(place.dtype.names):
            attribute = lambda what: place.attrs.get("FIELD_%d_%s" % (number, what))
            source = text_of(attribute("SOURCE_NAME")) or name
            is_boolean = place.dtype[name] == np.int8 and attribute("FILL") == -1
            found[source] = Column(table[name], text_of(attribute("UNITS")), attribute("FILL"), is_boolean)
        return found
    for name, dataset in place.items():
        fill = dataset.attrs.get("_FillValue")
        source = text_of(dataset.attrs.get("source_name")) or name
        is_boolean = dataset.dtype == np.int8 and fill == -1
        found[source] = Column(dataset[()], text_of(dataset.attrs.get("units")), fill, is_boolean)
    return found


def compare(job):
    with open(job["csv"], newline="", encoding="utf-8-sig") as file:
        header, *rows = [row for row in csv.reader(file, delimiter=job["delimiter"]) if row]
    with h5py.File(job["h5"], "r") as file:
        columns = columns_of(file[job["place"]])
    if sorted(columns) != sorted(header):
        return {"error": "columns %s instead of %s" % (sorted(columns), sorted(header))}
    differences = []
    missing = {}
    for index, name in enumerate(header):
        column = columns[name]
        if len(column.values) != len(rows):
            differences.append("%s: %d values for %d rows" % (name, len(column.values), len(rows)))
            continue
        for line, (value, row) in enumerate(zip(column.values, rows)):
            if column.differs(value, row[index]):
                differences.append("%s, row %d: %r for %r" % (name, line + 1, value, row[index]))
        count = sum(1 for value in column.values if column.is_missing(value))
        if count > 0:
            missing[name] = count
    return {
        "rows": len(rows),
        "columns": {name: columns[name].how for name in header},
        "missing": missing,
        "differences": differences[:MAX_DIFFERENCES],
    }


def main():
    for line in sys.stdin.read().splitlines():
        print(json.dumps(compare(json.loads(line))))


if __name__ == "__main__":
    main()
