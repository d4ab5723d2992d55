"""Writes six elements to another file behind its first eight bytes: write_external.py FILE OTHER"""

import sys

import h5py
import numpy

with h5py.File(sys.argv[1], "w", libver=("v108", "v108")) as file:
    external = [(sys.argv[2], 8, h5py.h5f.UNLIMITED)]
    file.create_dataset("x", data=numpy.arange(6, dtype="int64"), external=external)
