// The import tier's door.
export { importDelimited, type ColumnReport, type ImportReport, type TableReport } from './import-delimited.js';
export type { ImportOptions, ImportProgress } from './options.js';
export { typeNames, type TypeName } from './column-type.js';
export type { StringStorage } from './column-profile.js';
