// CSV and TSV.
import type { Preparation, PreparedInput } from './prepared.js';
import { renamings } from './prepared.js';
import { RecordCutter } from './record-cutter.js';
import { columnReports, recordWriter, tablePath, writeRecords } from './record-table.js';
import { profileTable } from './table-profile.js';
import { TextSource } from './text-source.js';

export async function prepareDelimited({ file, plan, onBlock }: Preparation): Promise<PreparedInput> {
  const source = await TextSource.of(file);
  const { dialect, csvParse, words, hasHeader, rows, columns } = await profileTable(source, plan, onBlock);
  return {
    columns,
    warnings: renamings(file, columns),
    write: async (output, place, onWritten) => {
      const writer = await recordWriter(output, place, { columns, rows, words, base: source.base }, plan);
      const seen = { rows: hasHeader ? -1 : 0, changed: false };
      const cutter = new RecordCutter(dialect, csvParse, (record) => {
        // Every value fitted in pass 1, so what does not fit now is another value.
        if (seen.rows >= 0 && !seen.changed) seen.changed = record.count !== columns.length || seen.rows >= rows || writer.add(record) >= 0;
        seen.rows++;
      });
      const names = columns.map(({ name }) => name);
      await writeRecords(source, writer, (...block) => cutter.cut(...block), seen, { names, onWritten, signal: plan.signal });
    },
    report: (place) => ({
      tables: [
        { file: file.name, format: 'csv', path: tablePath(place, plan), rows, delimiter: dialect.delimiter, header: hasHeader, columns: columnReports(columns) },
      ],
      arrays: [],
    }),
  };
}
