import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FreestoneError, errorCodes, systemError } from '../lib/errors.js';

const status = fileURLToPath(new URL('../native/base/status.h', import.meta.url));

/** `kOutOfMemory` as JavaScript names it. */
const codeName = (enumerator: string): string =>
  `ERR_${enumerator.slice(1).replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase()}`;

/** The enumerators of a header's first `enum class` that have a value, with the value. */
function enumerators(header: string): { name: string; value: number }[] {
  const body = /enum class[^{]*\{([^}]*)\}/.exec(header)?.[1] ?? '';
  return [...body.matchAll(/^\s*(k[A-Z]\w*)\s*=\s*(\d+)/gm)]
    .map(([, name = '', value]) => ({ name, value: Number(value) }));
}

describe('the table of codes', () => {
  it('is that of native/base/status.h, in name, order and value', () => {
    // Success has no code; a failed system call reaches JavaScript under the system's own name.
    const [ok, ...rest] = enumerators(readFileSync(status, 'utf8'));
    const system = rest.pop();
    expect(ok).toEqual({ name: 'kOk', value: 0 });
    expect(system?.name).toBe('kSystem');
    expect(system?.value).toBeGreaterThan(errorCodes.length);
    expect(rest.map(({ name }) => codeName(name))).toEqual(errorCodes);
    expect(rest.map(({ value }) => value)).toEqual(errorCodes.map((_, index) => index + 1));
  });

  it('the comparison sees an enumerator that is missing, renamed or moved', () => {
    const header = 'enum class Status : uint32_t {\n  kOk = 0,\n  kOutOfMemory = 1,  // why\n  kNumaNodeUnavailable = 3,\n};';
    expect(enumerators(header).map(({ name, value }) => [codeName(name), value])).toEqual([
      ['ERR_OK', 0],
      ['ERR_OUT_OF_MEMORY', 1],
      ['ERR_NUMA_NODE_UNAVAILABLE', 3],
    ]);
  });

  it('holds every code that the public surface promises', () => {
    expect([...errorCodes].sort()).toEqual(
      [
        'ERR_OUT_OF_MEMORY', 'ERR_INVALID_SIZE', 'ERR_INVALID_ALIGNMENT', 'ERR_INVALID_ARGUMENT', 'ERR_INVALID_ADDRESS',
        'ERR_NUMA_NODE_UNAVAILABLE', 'ERR_ZONE_DEPLETED', 'ERR_LIMIT_EXCEEDED', 'ERR_CLOSED', 'ERR_OVERLAP', 'ERR_NO_SPACE',
        'ERR_CORRUPT_FILE', 'ERR_UNSUPPORTED', 'ERR_NOT_FOUND', 'ERR_EXISTS', 'ERR_TYPE_MISMATCH', 'ERR_READ_ONLY',
        'ERR_FILE_LOCKED', 'ERR_ADDON_NOT_FOUND',
      ].sort(),
    );
  });
});

describe('FreestoneError', () => {
  it('is an Error with a code, the facts as properties and the cause', () => {
    const cause = new Error('why');
    const error = new FreestoneError('ERR_OUT_OF_MEMORY', 'no frames', { requested: 5, available: 3 }, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('FreestoneError');
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_MEMORY', message: 'no frames', requested: 5, available: 3, cause });
  });

  it('keeps its code whatever the facts hold', () => {
    expect(new FreestoneError('ERR_CLOSED', 'closed', { code: 'ENOENT' }).code).toBe('ERR_CLOSED');
  });
});

describe('systemError', () => {
  it('has the message and properties that Node itself gives to the same failure', () => {
    const path = fileURLToPath(new URL('./no-such-file', import.meta.url));
    let real: NodeJS.ErrnoException | undefined;
    try {
      readFileSync(path);
    } catch (error) {
      real = error as NodeJS.ErrnoException;
    }
    if (real?.errno === undefined) throw new Error('the file was expected to be missing');
    const ours = systemError(-real.errno, 'open', path);
    expect({ code: ours.code, errno: ours.errno, syscall: ours.syscall, path: ours.path, message: ours.message }).toEqual({
      code: real.code,
      errno: real.errno,
      syscall: real.syscall,
      path: real.path,
      message: real.message,
    });
  });

  it('a call without a path has none, and an unknown number is named by itself', () => {
    expect(systemError(28, 'write')).not.toHaveProperty('path');
    expect(systemError(28, 'write').code).toBe('ENOSPC');
    expect(systemError(99_999, 'write').code).toBe('E99999');
  });

  it('a number that Node has no words for has its name all the same', () => {
    const { EDQUOT } = constants.errno;
    expect(systemError(EDQUOT, 'write', 'x.h5')).toMatchObject({ code: 'EDQUOT', errno: -EDQUOT, message: "EDQUOT: disk quota exceeded, write 'x.h5'" });
  });
});
