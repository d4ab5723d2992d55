import { describe, expect, it } from 'vitest';
import { ProgressBar, progressLine } from '../../lib/cli/progress.js';

/** A terminal, or a file, that remembers what was written to it. */
function stream(isTTY: boolean, columns = 80): { stream: NodeJS.WriteStream; written: string[] } {
  const written: string[] = [];
  const fake = { isTTY, columns, write: (text: string) => written.push(text) > 0 };
  return { stream: fake as unknown as NodeJS.WriteStream, written };
}

describe('the line', () => {
  it('shows the share, the rate and the time that is left', () => {
    expect(progressLine('x.csv', 0, 1000, 0)).toBe(`${'░'.repeat(24)}   0 %  x.csv  0 B/s`);
    expect(progressLine('x.csv', 10_240, 20_480, 5)).toBe(`${'█'.repeat(12)}${'░'.repeat(12)}  50 %  x.csv  2.0 KiB/s, 5 s left`);
    expect(progressLine('x.csv', 20_480, 20_480, 10)).toBe(`${'█'.repeat(24)} 100 %  x.csv  2.0 KiB/s`);
  });

  it('nothing to do is done', () => {
    expect(progressLine('x', 0, 0, 1)).toContain('100 %');
  });
});

describe('the bar', () => {
  it('is drawn over itself on a terminal, and taken away', () => {
    const terminal = stream(true);
    {
      using bar = new ProgressBar(terminal.stream);
      bar.update('x.csv', 1, 2);
    }
    const [drawn, ...rest] = terminal.written;
    expect(drawn?.startsWith(`\r\u001b[K${'█'.repeat(12)}${'░'.repeat(12)}  50 %`)).toBe(true);
    expect(rest).toEqual(['\r\u001b[K']);
  });

  it('is not drawn more often than it can be seen', () => {
    const terminal = stream(true);
    using bar = new ProgressBar(terminal.stream);
    for (let done = 0; done < 1000; done++) bar.update('x.csv', done, 1000);
    expect(terminal.written.length).toBeLessThan(5);
  });

  it('fits in one line of the terminal', () => {
    const terminal = stream(true, 40);
    using bar = new ProgressBar(terminal.stream);
    bar.update('a long name that a terminal has no room for.csv', 1, 2);
    expect(terminal.written[0]?.slice('\r\u001b[K'.length)).toHaveLength(39);
  });

  it('is not there where nobody looks', () => {
    const file = stream(false);
    {
      using bar = new ProgressBar(file.stream);
      bar.update('x.csv', 1, 2);
    }
    expect(file.written).toEqual([]);
  });
});
