// A picture of sources: what is free, what is in use, and the slots of a placement.
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';
import { at } from './at.js';
import { normalSources } from './normalise.js';
import { flatten, type SegmentList } from './segments.js';
import type { CheckedSource } from './sources.js';
import type { AllocationResult, Source } from './types.js';

export interface PictureOptions {
  /** A heading; none unless given. */
  readonly title?: string;
  /** Pixels; 960 unless given, 320 at least. */
  readonly width?: number;
  /** Sources to be drawn, the rest being counted; 48 unless given. */
  readonly rows?: number;
}

/** Colours that people with the common forms of colour blindness can tell apart (Okabe and Ito). */
const slotColours = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c6d1f', '#6a51a3'];
/** Those on which dark letters are read more easily than white ones. */
const lightColours = new Set([1, 3, 4]);
const colours = { text: '#1f2933', faint: '#52606d', free: '#ffffff', inUse: '#c9d1d9', line: '#7b8794', log: '#f0e442' };
const barHeight = 26;
const rowHeight = 40;
const margin = 20;
const letterWidth = 7.2;

interface Mark {
  readonly source: number;
  readonly start: number;
  readonly length: number;
  readonly kind: 'data' | 'metadata' | 'log';
  readonly slot: number;
}

/**
 * The sources as an SVG document, one bar each, all to one scale: free extents white, extents in use grey, and a placement's slots
 * coloured and numbered over them, with its metadata hatched and its logs yellow.
 * @param sources as they were before the placement or as they are after it
 * @param placed a result, or slots: lists of segments
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_OVERLAP for malformed sources or segments
 */
export function toSVG(sources: readonly Source[], placed?: AllocationResult | readonly SegmentList[], options: PictureOptions = {}): string {
  checkOptions('the options', options, ['title', 'width', 'rows']);
  const normal = normalSources(sources);
  const width = checkInteger('width', options.width ?? 960, { min: 320, max: 2 ** 14 });
  const shown = normal.slice(0, checkInteger('rows', options.rows ?? 48, { min: 1, max: 2 ** 12 }));
  const marks = marksOf(placed, normal);
  const title = titleOf(options.title);
  const names = shown.map(nameOf);
  const amounts = shown.map((source, i) => `${freeOf(source, marks, i)} of ${source.totalExtents} free`);
  const left = margin + textColumn(names, 160);
  const right = margin + textColumn(amounts, 200);
  const scale = (width - left - right) / Math.max(1, ...shown.map(({ totalExtents }) => totalExtents));

  let y = margin;
  const parts: string[] = [];
  if (title !== undefined) {
    parts.push(`<text x="${margin}" y="${y + 16}" font-size="17" font-weight="600" fill="${colours.text}">${escape(title)}</text>`);
    y += 36;
  }
  shown.forEach((source, i) => {
    const middle = y + barHeight / 2;
    parts.push(text(margin, middle, shorten(at(names, i), left - margin - 10), colours.text));
    parts.push(bar(source, i, marks, { x: left, y, scale }));
    parts.push(text(left + source.totalExtents * scale + 10, middle, at(amounts, i), colours.faint));
    y += rowHeight;
  });
  if (shown.length < normal.length) {
    parts.push(text(margin, y + 8, `and ${normal.length - shown.length} more sources`, colours.faint));
    y += 28;
  }
  const legend = legendOf(marks, width, y + 4);
  const height = legend.bottom + margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img">`,
    `<title>${escape(title ?? 'Extents on sources')}</title>`,
    `<defs><pattern id="metadata" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3" height="6" fill="#000000" fill-opacity="0.45"/></pattern></defs>`,
    `<rect width="${width}" height="${height}" fill="#f7f9fb"/>`,
    ...parts,
    ...legend.parts,
    '</svg>',
    '',
  ].join('\n');
}

function marksOf(placed: AllocationResult | readonly SegmentList[] | undefined, sources: readonly CheckedSource[]): Mark[] {
  if (placed === undefined) return [];
  const of = (list: SegmentList, kind: Mark['kind'], slot: number): Mark[] =>
    flatten(list, sources.length).map((extents) => {
      const total = at(sources, extents.source).totalExtents;
      if (extents.start + extents.length <= total) return { ...extents, kind, slot };
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `source ${extents.source} has ${total} extents, and a segment ends beyond them`, { ...extents });
    });
  if (typeof placed !== 'object') throw new FreestoneError('ERR_INVALID_ARGUMENT', 'what is drawn must be a result or an array of slots', { placed });
  if ('allocated' in placed) {
    return [
      ...placed.allocated.flatMap((slot, s) => of(slot, 'data', s)),
      ...placed.metadata.flatMap((metadata) => of(metadata, 'metadata', metadata.area)),
      ...placed.logs.flatMap((log, l) => of(log, 'log', l)),
    ];
  }
  return placed.flatMap((slot, s) => of(slot, 'data', s));
}

function bar(source: CheckedSource, index: number, marks: readonly Mark[], { x, y, scale }: { x: number; y: number; scale: number }): string {
  const { areas, totalExtents } = source;
  const { placed } = areas;
  const rect = (start: number, length: number, fill: string, more = ''): string =>
    `<rect x="${round(x + start * scale)}" y="${y}" width="${round(Math.max(length * scale, 0.5))}" height="${barHeight}" fill="${fill}"${more}/>`;
  const parts = [rect(0, totalExtents, colours.inUse)];
  placed.starts.forEach((start, i) => parts.push(rect(start, at(placed.counts, i), colours.free)));
  for (const { source: where, start, length, kind, slot } of marks) {
    if (where !== index) continue;
    const edge = length * scale > 4 ? ` stroke="${colours.free}" stroke-width="1"` : '';
    const what = kind === 'log' ? `log ${slot}` : `slot ${slot}${kind === 'metadata' ? ' metadata' : ''}`;
    const tip = `<title>${what}: ${start} to ${start + length - 1}</title>`;
    const fill = kind === 'log' ? colours.log : colourOf(slot);
    parts.push(rect(start, length, fill, edge).replace('/>', `>${tip}</rect>`));
    if (kind === 'metadata') parts.push(rect(start, length, 'url(#metadata)', ' pointer-events="none"'));
    const label = kind === 'log' ? `log ${slot}` : String(slot);
    if (kind !== 'metadata' && length * scale >= label.length * letterWidth + 6) {
      const colour = kind === 'log' || lightColours.has(slot % slotColours.length) ? colours.text : '#ffffff';
      parts.push(
        `<text x="${round(x + (start + length / 2) * scale)}" y="${y + barHeight / 2}" dy="0.35em" text-anchor="middle" font-weight="600" fill="${colour}" pointer-events="none">${label}</text>`,
      );
    }
  }
  parts.push(
    `<rect x="${round(x)}" y="${y}" width="${round(Math.max(totalExtents * scale, 0.5))}" height="${barHeight}" fill="none" stroke="${colours.line}" pointer-events="none"/>`,
  );
  return parts.join('\n');
}

function legendOf(marks: readonly Mark[], width: number, top: number): { parts: string[]; bottom: number } {
  const slots = [...new Set(marks.filter(({ kind }) => kind !== 'log').map(({ slot }) => slot))].sort((one, other) => one - other);
  const entries: { fill: string; label: string; hatched?: boolean }[] = [
    { fill: colours.free, label: 'free' },
    { fill: colours.inUse, label: 'in use' },
    ...slotColours.flatMap((fill, colour) => {
      const alike = slots.filter((slot) => slot % slotColours.length === colour);
      return alike.length === 0 ? [] : [{ fill, label: `slot ${alike.slice(0, 3).join(', ')}${alike.length > 3 ? ' …' : ''}` }];
    }),
    ...(marks.some(({ kind }) => kind === 'metadata') ? [{ fill: colours.inUse, label: 'metadata', hatched: true }] : []),
    ...(marks.some(({ kind }) => kind === 'log') ? [{ fill: colours.log, label: 'log' }] : []),
  ];
  const parts: string[] = [];
  let x = margin;
  let y = top;
  for (const { fill, label, hatched } of entries) {
    const space = 20 + label.length * letterWidth + 18;
    if (x + space > width - margin && x > margin) {
      x = margin;
      y += 24;
    }
    parts.push(`<rect x="${round(x)}" y="${y}" width="14" height="14" fill="${fill}" stroke="${colours.line}"/>`);
    if (hatched) parts.push(`<rect x="${round(x)}" y="${y}" width="14" height="14" fill="url(#metadata)"/>`);
    parts.push(text(x + 20, y + 7, label, colours.text));
    x += space;
  }
  return { parts, bottom: y + 14 };
}

/** Free extents that are left when the placement is counted, whether the sources are from before or after it. */
function freeOf({ areas: { placed, free: before } }: CheckedSource, marks: readonly Mark[], index: number): number {
  let free = before;
  for (const { source, start, length } of marks) {
    if (source !== index) continue;
    placed.starts.forEach((areaStart, i) => {
      free -= Math.max(0, Math.min(areaStart + at(placed.counts, i), start + length) - Math.max(areaStart, start));
    });
  }
  return free;
}

function nameOf({ handle }: CheckedSource, index: number): string {
  return typeof handle === 'string' || typeof handle === 'number' ? String(handle) : `source ${index}`;
}

function titleOf(title: unknown): string | undefined {
  if (title === undefined || typeof title === 'string') return title;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', 'title must be a string', { argument: 'title', value: title });
}

function textColumn(texts: readonly string[], most: number): number {
  return Math.min(most, Math.max(0, ...texts.map(({ length }) => length * letterWidth))) + 14;
}

function shorten(label: string, width: number): string {
  const most = Math.max(4, Math.floor(width / letterWidth));
  return label.length <= most ? label : `…${label.slice(label.length - most + 1)}`;
}

function text(x: number, y: number, label: string, fill: string): string {
  return `<text x="${round(x)}" y="${round(y)}" dy="0.35em" fill="${fill}">${escape(label)}</text>`;
}

function colourOf(slot: number): string {
  return at(slotColours, slot % slotColours.length);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Characters that XML gives a meaning, and control characters, which it forbids. */
function escape(label: string): string {
  // eslint-disable-next-line no-control-regex
  return label.replace(/[\u0000-\u001f\ufffe\uffff]/g, '\ufffd').replace(/[<>&"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
