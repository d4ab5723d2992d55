// A bar that is drawn over itself: on a terminal only, on standard error, so that standard output stays what was asked for.
import { formatBytes } from '../errors.js';

const barWidth = 24;
/** Drawing more often than this is not seen. */
const redrawMs = 100;

/** The line as it is drawn. @param seconds since the work began */
export function progressLine(label: string, done: number, total: number, seconds: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * barWidth);
  const rate = seconds > 0 ? done / seconds : 0;
  const left = rate > 0 && share < 1 ? `, ${Math.ceil((total - done) / rate)} s left` : '';
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${String(Math.floor(share * 100)).padStart(3)} %  ${label}  ${formatBytes(rate)}/s${left}`;
}

/** Shows how far something is. Does nothing where standard error is no terminal. */
export class ProgressBar implements Disposable {
  readonly #stream: NodeJS.WriteStream | undefined;
  readonly #started = performance.now();
  #drawn = -Infinity;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream.isTTY && process.env['TERM'] !== 'dumb' ? stream : undefined;
  }

  /** @param done bytes @param total bytes */
  update(label: string, done: number, total: number): void {
    const now = performance.now();
    if (this.#stream === undefined || now - this.#drawn < redrawMs) return;
    this.#drawn = now;
    const line = progressLine(label, done, total, (now - this.#started) / 1000);
    this.#stream.write(`\r\u001b[K${line.slice(0, this.#stream.columns - 1)}`);
  }

  /** Takes the bar away. */
  [Symbol.dispose](): void {
    if (this.#drawn > 0) this.#stream?.write('\r\u001b[K');
  }
}
