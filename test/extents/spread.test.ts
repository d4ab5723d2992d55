import { describe, expect, it } from 'vitest';
import { allocate } from '../../lib/extents/index.js';
import { drawn, placed, source, whole } from './sketch.js';

const inRack = (rack: string, size = 9) => source([[0, size]], { tags: [`rack=${rack}`] });

describe('failure domains', () => {
  it('keep slots apart, at the cost of a larger source', () => {
    const sources = [inRack('a', 20), inRack('a', 19), inRack('b', 9), inRack('c', 8)];
    expect(placed({ sources, extentsNeeded: 5, mirrors: 3 })).toEqual(['0:0+5', '1:0+5', '2:0+5']);
    expect(placed({ sources, extentsNeeded: 5, mirrors: 3, spread: 'rack' })).toEqual(['0:0+5', '2:0+5', '3:0+5']);
    expect(allocate({ sources, extentsNeeded: 5, mirrors: 3, spread: 'rack' }).relaxation).toBeUndefined();
  });

  it('may be written with a colon, and a source without one is a domain of its own', () => {
    const sources = [source([[0, 9]], { tags: ['rack:a'] }), source([[0, 9]], { tags: ['rack:a'] }), ...whole(9, 9)];
    expect(placed({ sources, extentsNeeded: 5, mirrors: 3, spread: 'rack' })).toEqual(['0:0+5', '2:0+5', '3:0+5']);
  });

  it('are shared by as few slots as can be when there are too few, and the result names them', () => {
    const sources = [inRack('a'), inRack('a'), inRack('a'), inRack('b'), inRack('b')];
    const result = allocate({ sources, extentsNeeded: 4, mirrors: 3, spread: 'rack' });
    expect(drawn(result.allocated)).toEqual(['0:0+4', '3:0+4', '1:0+4']);
    expect(result.relaxation).toEqual({ spread: 'rack', slotsPerDomain: 2, domains: ['a'], text: 'Not every slot has a rack of its own: rack a holds slots 0, 2.' });
  });

  it('belong to a slot for all of its batches', () => {
    const sources = [inRack('a', 4), inRack('b', 4), inRack('b', 3), inRack('a', 3)];
    // The second batch must not put slot 0 into rack b, although that source comes first.
    expect(placed({ sources, extentsNeeded: 7, mirrors: 2, spread: 'rack' })).toEqual(['0:0+4 3:0+3', '1:0+4 2:0+3']);
  });

  it('are known of the volume that grows', () => {
    const ends = [{ source: 0, end: 9 }, { source: 2, end: 9 }];
    const sources = [source([], { tags: ['rack=a'], totalExtents: 9 }), inRack('b'), source([], { tags: ['rack=b'], totalExtents: 9 }), inRack('a')];
    expect(placed({ sources, extentsNeeded: 4, existingExtents: 9, mirrors: 2, previous: { first: ends, last: ends }, spread: 'rack' })).toEqual(['3:0+4', '1:0+4']);
  });

  it('hold under anywhere as well, as long as they can', () => {
    const sources = [inRack('a'), inRack('a'), inRack('b')];
    expect(placed({ sources, extentsNeeded: 4, mirrors: 2, policy: 'anywhere', spread: 'rack' })).toEqual(['0:0+4', '2:0+4']);
    expect(allocate({ sources: [inRack('a')], extentsNeeded: 4, mirrors: 2, policy: 'anywhere', spread: 'rack' }).relaxation?.slotsPerDomain).toBe(2);
  });

  it('fail as LVM would when there is no placement at all', () => {
    expect(() => allocate({ sources: [inRack('a')], extentsNeeded: 4, mirrors: 2, spread: 'rack' })).toThrow('Insufficient suitable allocatable extents');
  });
});

describe('weights', () => {
  const weighted = (size: number, weight?: number) => source([[0, size]], weight === undefined ? {} : { weight });

  it('put a source before one with more space', () => {
    expect(placed({ sources: [weighted(9), weighted(9, 3)], extentsNeeded: 4 })).toEqual(['1:0+4']);
    expect(placed({ sources: [weighted(9), weighted(8, 2)], extentsNeeded: 12 })).toEqual(['1:0+8 0:0+4']);
    expect(placed({ sources: [weighted(9), weighted(4, 2)], extentsNeeded: 12 })).toEqual(['0:0+9 1:0+3']);
  });

  it('do nothing when they are all alike', () => {
    expect(placed({ sources: [weighted(5, 2), weighted(9, 2)], extentsNeeded: 12 })).toEqual(placed({ sources: whole(5, 9), extentsNeeded: 12 }));
  });
});
