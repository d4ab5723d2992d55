// Everything that the package offers.
export { FreestoneError, errorCodes, type ErrorCode } from './errors.js';
export * from './frames/index.js';
export * from './extents/index.js';
export { FileSpace, type AllocateOptions, type Block, type FileSpaceOptions } from './filespace/index.js';
export * from './hdf5/index.js';
export * from './placement/index.js';
