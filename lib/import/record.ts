// One row of a table as byte ranges, so that no string is made of a field that becomes a number.

/** The fields of one record. The same object is filled again for the next record: take what is needed before returning. */
export class RecordFields {
  /** Holds every field: a part of the file, or the fields that csv-parse made, one after the other. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Start and end of each field in `bytes`, in turn; the end before the start where there is no value. Only the first 2 × `count` are of this record. */
  bounds = new Int32Array(64);
  count = 0;
  /** Where the record starts in the file, in bytes. */
  offset = 0;
  /** Where a field starts in the file, in bytes. Asked for only when there is something to complain of. */
  fieldOffset: (index: number) => number = () => this.offset;

  push(start: number, end: number): void {
    const at = this.count * 2;
    if (at === this.bounds.length) {
      const wider = new Int32Array(at * 2);
      wider.set(this.bounds);
      this.bounds = wider;
    }
    this.bounds[at] = start;
    this.bounds[at + 1] = end;
    this.count++;
  }

  /** One field as text. */
  text(index: number): string {
    const start = this.bounds[index * 2] ?? 0;
    const end = this.bounds[index * 2 + 1] ?? 0;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start).toString('utf8');
  }

  texts(): string[] {
    return Array.from({ length: this.count }, (_, index) => this.text(index));
  }
}

/** Called with every record in the order of the file, synchronously. */
export type RecordSink = (record: RecordFields) => void;

/** How a table is written. */
export interface Dialect {
  /** One ASCII character. */
  readonly delimiter: string;
  /** One ASCII character, or undefined when quotes are characters like any other. */
  readonly quote: string | undefined;
  /** A quote inside a field that does not start with one is a character like any other. */
  readonly relaxQuotes: boolean;
}
