# The trials of test/filespace/fixtures/README.md with the libhdf5 that is here: one JSON line for each combination.
import json
import os
import sys

import h5py

STRATEGIES = {'fsm-aggr': 'fsm', 'page': 'page', 'aggr': 'aggregate', 'none': 'none'}


def make(file, name, size):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple((size,))
    return h5py.h5d.create(file.id, name.encode(), h5py.h5t.NATIVE_UINT8, space, plan).get_offset()


def six_objects(path, options):
    with h5py.File(path, 'w', libver='earliest', **options) as file:
        addresses = [make(file, name, size) for name, size in (('A', 3000), ('B', 3000), ('C', 600), ('E', 3000))]
        del file['A']
        del file['C']
        addresses.append(make(file, 'D', 1000))
    sizes = [os.path.getsize(path)]
    with h5py.File(path, 'r+', libver='earliest') as file:
        addresses.append(make(file, 'G', 500))
    return addresses, sizes + [os.path.getsize(path)]


def alignment(path, options):
    options = {**options, 'alignment_threshold': 1000, 'alignment_interval': 512}
    with h5py.File(path, 'w', libver='earliest', **options) as file:
        addresses = [make(file, name, size) for name, size in zip('abcdef', (300, 1500) * 3)]
    return addresses, [os.path.getsize(path)]


for trial, run in (('six objects', six_objects), ('alignment', alignment)):
    for strategy, name in STRATEGIES.items():
        for persist in (False, True):
            addresses, sizes = run(sys.argv[1], {'fs_strategy': name, 'fs_persist': persist, 'fs_threshold': 1})
            print(json.dumps({'trial': trial, 'strategy': strategy, 'persist': persist, 'addresses': addresses, 'sizes': sizes}))
