// The placement tier's door: directories become the sources of freestone/extents, and a placement becomes where an HDF5 dataset's elements lie.
export { directorySources, type DataFile, type Directory, type DirectoryOptions, type DirectorySource } from './directories.js';
export { externalList, externalSegments, type ExternalListOptions } from './external-list.js';
