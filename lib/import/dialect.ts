// How a table is written, judged from its first lines: what separates its fields, and whether its first row names them.
import { extname } from 'node:path';
import type { CsvParse } from './csv-parse.js';
import { DateReader, dateForm } from './date-text.js';
import { NumberReader, numberForm, readBoolean } from './number-text.js';
import type { Dialect, RecordFields } from './record.js';
import { RecordCutter, RefusedRecord } from './record-cutter.js';

/** What is tried when the name of the file does not tell. The first of equals wins. */
export const knownDelimiters = [',', ';', '\t', '|'] as const;

/** How much of a file is looked at to find its delimiter. */
export const sniffBytes = 64 * 1024;

/** The delimiter that a file's name promises, if it does. */
export function delimiterOfName(name: string): string | undefined {
  return /^\.(tsv|tab)$/i.test(extname(name)) ? '\t' : undefined;
}

/** How many fields each record of the head has, were `dialect` its dialect. A record that cannot be read ends the list. */
function fieldCounts(head: Buffer, isWhole: boolean, dialect: Dialect, csvParse: CsvParse): number[] {
  const counts: number[] = [];
  const cutter = new RecordCutter(dialect, csvParse, ({ count }) => counts.push(count));
  try {
    cutter.cut(head, head.length, 0, isWhole);
  } catch (error) {
    if (!(error instanceof RefusedRecord)) throw error;
  }
  return counts;
}

/**
 * The delimiter that cuts most of the first records into the same number of fields, more than one.
 * @param head the first bytes of the file
 * @param isWhole whether the file ends with them
 * @param csvParse makes csv-parse for a dialect
 */
export async function sniffDelimiter(
  head: Buffer,
  isWhole: boolean,
  dialect: Omit<Dialect, 'delimiter'>,
  csvParse: (dialect: Dialect) => Promise<CsvParse>,
): Promise<string> {
  let best = { delimiter: ',', share: 0, fields: 1 };
  for (const delimiter of knownDelimiters) {
    if (!head.includes(delimiter)) continue;
    const candidate = { ...dialect, delimiter };
    const counts = fieldCounts(head, isWhole, candidate, await csvParse(candidate));
    const first = counts[0] ?? 1;
    if (first < 2) continue;
    const share = counts.filter((count) => count === first).length / counts.length;
    if (share > best.share || (share === best.share && first > best.fields)) best = { delimiter, share, fields: first };
  }
  return best.delimiter;
}

const numbers = new NumberReader();
const dates = new DateReader();

/** Whether a record reads like names: no field is empty, comes twice, or is a number, a date or a boolean. */
export function looksLikeHeader(record: RecordFields): boolean {
  const texts = record.texts();
  return (
    new Set(texts).size === texts.length &&
    texts.every((text) => {
      const bytes = Buffer.from(text.trim());
      return (
        bytes.length > 0 &&
        numbers.read(bytes, 0, bytes.length) === numberForm.none &&
        dates.read(bytes, 0, bytes.length) === dateForm.none &&
        readBoolean(bytes, 0, bytes.length) === undefined
      );
    })
  );
}
