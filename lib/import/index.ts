// The import tier's door.
export { importFiles, type ImportReport } from './import-files.js';
export type { ArrayReport, ColumnReport, TableReport } from './prepared.js';
export { formats, type Format } from './formats.js';
export type { ImportOptions, ImportProgress } from './options.js';
export { typeNames, type TypeName } from './column-type.js';
export type { StringStorage } from './column-profile.js';
