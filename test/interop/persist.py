# Writes and changes files whose free space is kept. One JSON line.
import json
import os
import sys

import h5py
import numpy

task, path = sys.argv[1:3]
options = {'fsm': {'fs_strategy': 'fsm'}, 'page': {'fs_strategy': 'page', 'fs_page_size': 1024}}[sys.argv[3]]

if task == 'write':
    with h5py.File(path, 'w', libver=('v108', 'v110'), fs_persist=True, fs_threshold=1, **options) as file:
        for i in range(8):
            file.create_dataset(f'd{i}', data=numpy.full(100 + 37 * i, i, dtype='f8'))
        for i in range(0, 8, 2):
            del file[f'd{i}']
    with h5py.File(path, 'r') as file:
        print(json.dumps({'size': os.path.getsize(path), 'free': file.id.get_freespace()}))
else:
    size = os.path.getsize(path)
    with h5py.File(path, 'r+') as file:
        before = file.id.get_freespace()
        addresses = []
        for i in range(4):
            data = file.create_dataset(f'new{i}', data=numpy.arange(100 + i, dtype='f8'))
            addresses.append(data.id.get_offset())
        values = [float(v) for v in file['kept'][...]]
    with h5py.File(path, 'r') as file:
        fine = all((file[f'new{i}'][...] == numpy.arange(100 + i)).all() for i in range(4))
        fine = fine and [float(v) for v in file['kept'][...]] == values
    print(json.dumps({'size': size, 'free': before, 'addresses': addresses, 'values': values, 'fine': bool(fine)}))
