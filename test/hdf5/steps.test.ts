import { describe, expect, it } from 'vitest';
import { Flight, Line, Pending, begin, done, now, promised, settled, turn, wait, type Steps } from '../../lib/hdf5/storage/steps.js';

function* nothing(): Steps {
  // Its turn is all that matters.
}

/** Notes when it begins and ends; waits for others in between. */
function* noting(log: string[], name: string, waits: readonly Pending[] = []): Steps {
  log.push(`${name} begins`);
  for (const pending of waits) yield* wait(pending);
  log.push(`${name} ends`);
}

describe('steps', () => {
  it('are taken within the call as far as they need not wait', () => {
    const log: string[] = [];
    expect(begin(noting(log, 'a', [done, done])).isSettled).toBe(true);
    expect(log).toEqual(['a begins', 'a ends']);
  });

  it('go on when what they wait for is there, never inside of whoever brought it', async () => {
    const log: string[] = [];
    const pending = new Pending();
    const work = begin(noting(log, 'a', [pending]));
    pending.resolve();
    log.push('brought');
    expect(work.isSettled).toBe(false);
    await promised(work);
    expect(log).toEqual(['a begins', 'brought', 'a ends']);
  });

  it('fail with what they waited for, unless they look away', async () => {
    const failed = new Pending();
    failed.reject(new Error('no'));
    expect(begin(wait(failed)).error).toMatchObject({ message: 'no' });
    expect(begin(settled(failed)).hasFailed).toBe(false);
    await expect(promised(failed)).rejects.toThrow('no');
    expect(() => failed.value).toThrow('no');
    failed.resolve();
    expect(failed.hasFailed).toBe(true);
  });

  it('have their turn one after the other, in the order in which they came, also behind one that fails', async () => {
    const line = new Line();
    const log: string[] = [];
    const [first, second] = [new Pending(), new Pending()];
    const all = [
      begin(line.inTurn(() => noting(log, 'a', [first]))),
      begin(line.inTurn(() => noting(log, 'b', [second]))),
      line.passed(),
      begin(line.inTurn(() => noting(log, 'c'))),
    ];
    expect(line.isFree).toBe(false);
    first.reject(new Error('no'));
    await promised(turn());
    expect(log).toEqual(['a begins', 'b begins']);
    expect(all.map(({ isSettled }) => isSettled)).toEqual([true, false, false, false]);
    second.resolve();
    await promised(all[3] ?? done);
    expect(log).toEqual(['a begins', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(line.isFree).toBe(true);
    expect(line.passed()).toBe(done);
  });

  it('are all over before a flight of them fails, with the first failure', async () => {
    const flight = new Flight();
    const [a, b, c] = [new Pending(), new Pending(), new Pending()];
    for (const pending of [a, b, c]) flight.add(pending);
    const landed = begin(flight.landed());
    b.reject(new Error('b'));
    c.reject(new Error('c'));
    expect(flight.failed).toBe(true);
    await promised(turn());
    expect(landed.isSettled).toBe(false);
    a.resolve();
    await expect(promised(landed)).rejects.toThrow('b');
  });
});

describe('a call that waits', () => {
  it('gives no turn to others, takes those that were promised, and goes on with work that others began', () => {
    const log: string[] = [];
    const before = begin(noting(log, 'a', [turn()]));
    now(() => begin(noting(log, 'b', [before, turn()])));
    expect(log).toEqual(['a begins', 'b begins', 'a ends', 'b ends']);
  });

  it('is refused inside of another, and of steps', () => {
    const refused = expect.objectContaining({ code: 'ERR_UNSUPPORTED' }) as Error;
    function* careless(): Steps {
      yield* nothing();
      now(() => done);
    }
    expect(begin(careless()).error).toEqual(refused);
    expect(() => { now(() => begin(careless())); }).toThrow(refused);
    expect(() => { now(() => { now(() => done); return done; }); }).toThrow(refused);
    now(() => done);
  });

  it('throws when nobody can bring what it waits for, and can be made again', () => {
    expect(() => { now(() => new Pending()); }).toThrow('nobody brings');
    now(() => done);
  });
});
