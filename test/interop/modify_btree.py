"""Fills the gaps of the dataset /x of a file: every second row, and ten more at the end."""
import sys

import h5py

with h5py.File(sys.argv[1], "r+") as file:
    x = file["x"]
    x.resize(210, axis=0)
    for row in [*range(0, 200, 2), *range(200, 210)]:
        x[row] = -row
