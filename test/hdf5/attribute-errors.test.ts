// What is refused of an attribute: each error has a code and names the attribute and its object, and the attribute is as it was.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FreestoneError, shown } from '../../lib/errors.js';
import { H5File, t, type Dataset, type Group } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

/** What a test passes where TypeScript would not let it. */
const wrong = (value: unknown): never => value as never;

let file: H5File;
const path = scratch.path();
const objects: Record<string, Group | Dataset> = {};

beforeAll(async () => {
  file = await H5File.create(path);
  objects['/'] = file.root;
  objects['/some/group'] = file.root.createGroup('some/group');
  objects['/some/data'] = await file.root.createDataset('some/data', { data: [1, 2, 3] });
  for (const { attrs } of Object.values(objects)) {
    attrs.set('units', 'metres');
    attrs.set('range', [0, 10]);
  }
});

afterAll(async () => {
  for (const { attrs } of Object.values(objects)) expect([...attrs.keys()].map((name) => attrs.get(name))).toEqual(['metres', [0, 10]]);
  await file.close();
});

function expectNamed(call: () => unknown, code: string, object: string, attribute: unknown, about = ''): void {
  let error: unknown;
  try {
    call();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(FreestoneError);
  expect(error).toMatchObject({ name: 'FreestoneError', code, object, attribute });
  const { message } = error as FreestoneError;
  expect(message.startsWith(`attribute ${shown(attribute)} of ${object}: `)).toBe(true);
  expect(message).toContain(about);
}

describe.each(['/', '/some/group', '/some/data'])('an attribute of %s is refused with both names, for', (object) => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  it.each<[string, string, unknown, unknown, unknown, string]>([
    ['a value that its type cannot be', 'ERR_TYPE_MISMATCH', 'units', 'many', { dtype: 'int32' }, 'many'],
    ['a value beyond its type', 'ERR_TYPE_MISMATCH', 'range', [0, 300], { dtype: 'uint8' }, '300'],
    ['a value without a type', 'ERR_INVALID_ARGUMENT', 'units', {}, {}, 'dtype'],
    ['no value', 'ERR_INVALID_ARGUMENT', 'units', undefined, {}, 'dtype'],
    ['a dtype that there is not', 'ERR_INVALID_ARGUMENT', 'units', 1, { dtype: 'int12' }, 'int12'],
    ['a member that a row lacks', 'ERR_TYPE_MISMATCH', 'range', [{ x: 1 }], { dtype: t.compound({ x: 'int8', y: 'int8' }) }, 'y'],
    ['a shape that its values do not fill', 'ERR_INVALID_SIZE', 'range', [1, 2, 3], { shape: [2, 2] }, '[2, 2]'],
    ['a shape that is none', 'ERR_INVALID_ARGUMENT', 'range', [1], { shape: [-1] }, 'shape[0]'],
    ['rows of different lengths', 'ERR_INVALID_SIZE', 'range', [[1, 2], [3]], {}, 'equal lengths'],
    ['a value that holds itself', 'ERR_INVALID_ARGUMENT', 'range', cyclic, { dtype: 'int8' }, 'nested'],
    ['more than a header holds', 'ERR_INVALID_SIZE', 'range', new Float64Array(10_000), {}, '80000'],
    ['a name longer than a header holds', 'ERR_INVALID_SIZE', 'n'.repeat(70_000), 1, {}, '70001'],
    ['an option that there is not', 'ERR_INVALID_ARGUMENT', 'units', 1, { type: 'int8' }, 'type'],
    ['options that are none', 'ERR_INVALID_ARGUMENT', 'units', 1, 7, '7'],
    ['an empty name', 'ERR_INVALID_ARGUMENT', '', 1, {}, 'name'],
    ['a name with a zero', 'ERR_INVALID_ARGUMENT', 'a\0b', 1, {}, 'name'],
    ['a name that is no text', 'ERR_INVALID_ARGUMENT', 7, 1, {}, 'name'],
  ])('%s', (_, code, name, value, options, about) => {
    const { attrs } = objects[object] ?? file.root;
    expectNamed(() => { attrs.set(wrong(name), wrong(value), wrong(options)); }, code, object, name, about);
    expect([attrs.get('units'), attrs.get('range'), attrs.size]).toEqual(['metres', [0, 10], 2]);
  });

  it('memory that was taken away', () => {
    const values = Float64Array.of(1, 2);
    structuredClone(values, { transfer: [values.buffer] });
    const { attrs } = objects[object] ?? file.root;
    expectNamed(() => { attrs.set('range', { data: values, shape: [2] }); }, 'ERR_INVALID_SIZE', object, 'range');
  });
});

describe('an attribute is named', () => {
  it('when the file is open to read alone, and when it is closed', async () => {
    const other = scratch.path();
    const made = await H5File.create(other);
    (await made.root.createDataset('x', { data: [1] })).attrs.set('a', 1);
    await made.close();
    const back = await H5File.open(other);
    const { attrs } = back.root.get('x') as Dataset;
    expectNamed(() => { attrs.set('a', 2); }, 'ERR_READ_ONLY', '/x', 'a');
    expectNamed(() => attrs.delete('a'), 'ERR_READ_ONLY', '/x', 'a');
    await back.close();
    for (const call of [() => { attrs.set('a', 2); }, () => attrs.delete('a'), () => attrs.get('a')]) expectNamed(call, 'ERR_CLOSED', '/x', 'a');
  });

  it('when its value is damaged', async () => {
    const other = scratch.path();
    const made = await H5File.create(other);
    const { attrs } = made.root.createGroup('g');
    attrs.set('text', 'some words');
    attrs.set('number', 1);
    await made.close();
    const bytes = readFileSync(other);
    bytes.write('XXXX', bytes.indexOf('GCOL'));
    writeFileSync(other, bytes);
    await using back = await H5File.open(other);
    const found = back.root.get('g').attrs;
    expectNamed(() => found.get('text'), 'ERR_CORRUPT_FILE', '/g', 'text');
    expect(found.get('number')).toBe(1);
  });
});
