// From the first row of a table to the names of its columns in the file.

export interface ColumnName {
  /** Unlike that of every other column, and fit for a link of HDF5. */
  readonly name: string;
  /** As the file has it, where that is something else. */
  readonly source?: string;
}

/** HDF5 takes `/` for a step of a path and `.` for the group itself; a NUL ends a name. */
function fitForLink(name: string): string {
  const fit = name.replace(/[/\0]/g, '_');
  return fit === '.' ? '_' : fit;
}

/** `name`, or `name_2`, `name_3` … if it is taken. */
function unlike(isTaken: (name: string) => boolean, name: string): string {
  if (!isTaken(name)) return name;
  for (let suffix = 2; ; suffix++) {
    const candidate = `${name}_${suffix}`;
    if (!isTaken(candidate)) return candidate;
  }
}

/** @param header the first row, or how many columns there are when it is no header */
export function columnNames(header: readonly string[] | number): ColumnName[] {
  const sources: readonly string[] = typeof header === 'number' ? Array.from({ length: header }, () => '') : header;
  // Names that need no change keep themselves, whatever comes before them.
  const firstUses = new Set(sources.filter((source) => source !== '' && fitForLink(source.trim()) === source));
  const taken = new Set<string>();
  return sources.map((source, index) => {
    const wanted = fitForLink(source.trim()) || `column_${index + 1}`;
    const isFirstUse = source === wanted && !taken.has(wanted);
    const name = isFirstUse ? wanted : unlike((candidate) => taken.has(candidate) || firstUses.has(candidate), wanted);
    taken.add(name);
    return name === source || source === '' ? { name } : { name, source };
  });
}
