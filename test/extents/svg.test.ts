import { describe, expect, it } from 'vitest';
import { allocate, toSVG } from '../../lib/extents/index.js';
import { failure, source, whole } from './sketch.js';

describe('a picture of a placement', () => {
  it('draws a bar for each source, with its holes and slots', () => {
    const sources = [source([[2, 8]], { handle: 'disk & <one>', totalExtents: 12 }), ...whole(10)];
    const result = allocate({ sources, segmentType: 'raid1', mirrors: 2, extentsNeeded: 5, splitMetadataLength: 1 });
    const svg = toSVG(sources, result, { title: 'Two "images"' });
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="960"/);
    expect(svg).toContain('disk &#38; &#60;one&#62;');
    expect(svg).toContain('Two &#34;images&#34;');
    expect(svg).toContain('<title>slot 1: 1 to 4</title>');
    expect(svg).toContain('<title>slot 0 metadata: 2 to 2</title>');
    expect(svg).toContain('3 of 12 free');
    expect(svg.match(/<rect/g)).toHaveLength(svg.match(/<rect[^<]*(\/>|<title>[^<]*<\/title><\/rect>)/g)?.length ?? 0);
  });

  it('counts the sources that it does not draw', () => {
    expect(toSVG(whole(5, 5, 5), undefined, { rows: 1 })).toContain('and 2 more sources');
  });

  it('draws sources without extents', () => {
    expect(toSVG([source([])])).not.toContain('NaN');
    expect(toSVG([])).toContain('</svg>');
  });

  it('refuses what it cannot draw', () => {
    expect(failure(() => toSVG(whole(5), [{ source: 0, start: 3, length: 9 }]))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(failure(() => toSVG(whole(5), [], { colour: 'red' } as never))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(failure(() => toSVG(whole(5), 3 as never))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(failure(() => toSVG(whole(5), [], { title: 3 } as never))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
