// CSV and TSV.
import { explained } from './complaint.js';
import type { Preparation, PreparedInput } from './prepared.js';
import { renamings } from './prepared.js';
import { RecordCutter } from './record-cutter.js';
import { columnReports, recordWriter, tablePath } from './record-table.js';
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
      let seen = hasHeader ? -1 : 0;
      let changed = false;
      const cutter = new RecordCutter(dialect, csvParse, (record) => {
        // Every value fitted in pass 1, so what does not fit now is another value.
        if (seen >= 0 && !changed) changed = record.count !== columns.length || seen >= rows || writer.add(record) >= 0;
        seen++;
      });
      try {
        await source.read(
          (bytes, length, fileOffset, last) => cutter.cut(bytes, length, fileOffset, last),
          async (bytes) => {
            if (changed) throw source.changed();
            await writer.drain();
            onWritten(bytes, seen);
          },
          { signal: plan.signal },
        );
        await source.checkUnchanged();
        await writer.finish();
      } catch (error) {
        await writer.settled();
        throw await explained(error, source, columns.map(({ name }) => name));
      }
    },
    report: (place) => ({
      tables: [
        { file: file.name, format: 'csv', path: tablePath(place, plan), rows, delimiter: dialect.delimiter, header: hasHeader, columns: columnReports(columns) },
      ],
      arrays: [],
    }),
  };
}
