"""Prints where a dataset's elements lie and what they are: read_external.py FILE NAME"""

import json
import sys

import h5py

with h5py.File(sys.argv[1], "r") as file:
    dataset = file[sys.argv[2]]
    external = [[name, offset, size] for name, offset, size in dataset.external or []]
    print(json.dumps({"external": external, "values": dataset[...].ravel().tolist()}))
