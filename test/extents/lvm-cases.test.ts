import { describe, expect, it } from 'vitest';
import { allocate, type Segment } from '../../lib/extents/index.js';
import { lvmCases, requestOf } from './lvm-cases.js';

const plain = ({ source, start, length, policy }: Segment): unknown => ({ source, start, length, policy });

describe('the placements of the real LVM2', () => {
  const core = lvmCases.filter(({ level }) => level === 'liballoc');

  it('are there to be compared with', () => {
    expect(lvmCases).toHaveLength(43);
    expect(core).toHaveLength(41);
  });

  it.each(core.map((each) => [each.id, each.title, each] as const))('%s: %s', (_id, _title, recorded) => {
    const request = requestOf(recorded);
    const { expected } = recorded;
    if (!expected.ok) {
      let error: unknown;
      try {
        allocate(request);
      } catch (caught) {
        error = caught;
      }
      expect(error).toMatchObject({ name: 'FreestoneError' });
      const message = (error as Error).message;
      // pvmove words it without the volume's name.
      const wanted = recorded.lvm_command.startsWith('pvmove') ? message.replace(' for logical volume ', '') : message;
      expect(wanted).toBe(expected.error);
      return;
    }
    const result = allocate(request);
    expect(result.allocated.map((slot) => slot.map(plain))).toEqual(expected.areas);
    expect(result.metadata.map(({ area, source, start, length }) => ({ area, source, start, length }))).toEqual(expected.metadata);
    expect(result.logs.map((log) => log.map(plain))).toEqual(expected.logs);
    expect(result.extentsAllocated).toBe(expected.allocated_extents);
    expect(result.policiesTried).toEqual(recorded.policies_tried);
    expect(result.allocated.flat().map(({ handle, source }) => handle === `dev${source}`)).not.toContain(false);
  });
});
