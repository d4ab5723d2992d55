// A file's map as a picture and as a page that needs nothing else: no network, no other file.
import { formatBytes } from '../errors.js';
import type { ExtentKind, FileExtent } from '../hdf5/index.js';

export const kindColours: Readonly<Record<ExtentKind, string>> = {
  superblock: '#8e24aa',
  header: '#f9a825',
  index: '#1565c0',
  data: '#2e7d32',
  heap: '#00838f',
  unused: '#cfd8dc',
};

const WIDTH = 1000;
const ROWS = 10;
const ROW = 26;
const TOP = 84;
/** Extents of one kind that are less than this many pixels apart are drawn as one. */
const HAIR = 0.25;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

interface Summary {
  readonly total: number;
  readonly unused: number;
  readonly holes: number;
  readonly largest: number;
}

function summed(extents: readonly FileExtent[]): Summary {
  const holes = extents.filter(({ kind }) => kind === 'unused').map(({ size }) => size);
  return {
    total: extents.reduce((end, { offset, size }) => Math.max(end, offset + size), 0),
    unused: holes.reduce((sum, size) => sum + size, 0),
    holes: holes.length,
    largest: holes.reduce((most, size) => Math.max(most, size), 0),
  };
}

function summaryText({ total, unused, holes, largest }: Summary): string {
  const share = total === 0 ? 0 : (100 * unused) / total;
  return `${formatBytes(total)}; ${formatBytes(unused)} unused in ${String(holes)} holes, the largest ${formatBytes(largest)}; fragmentation ${share.toFixed(1)} %`;
}

/** The whole file in rows: an SVG document whose parts say on hover what they are. */
export function mapSVG(name: string, extents: readonly FileExtent[]): string {
  const summary = summed(extents);
  const perRow = Math.max(1, summary.total / ROWS);
  const parts: string[] = [];
  let drawn = { row: -1, right: 0, kind: '' };
  for (const { offset, size, kind, owner } of extents) {
    for (let from = offset; from < offset + size; ) {
      const row = Math.min(ROWS - 1, Math.floor(from / perRow));
      const to = row === ROWS - 1 ? offset + size : Math.min(offset + size, (row + 1) * perRow);
      const x = ((from - row * perRow) / perRow) * (WIDTH - 40) + 20;
      const right = ((to - row * perRow) / perRow) * (WIDTH - 40) + 20;
      from = to > from ? to : offset + size;
      if (row === drawn.row && kind === drawn.kind && right - drawn.right < HAIR) continue;
      drawn = { row, right, kind };
      parts.push(
        `<rect x="${x.toFixed(2)}" y="${String(TOP + row * (ROW + 6))}" width="${Math.max(HAIR, right - x).toFixed(2)}" height="${String(ROW)}" fill="${kindColours[kind]}"><title>${escaped(`${kind} ${owner}: ${String(offset)}, ${String(size)} bytes`)}</title></rect>`,
      );
    }
  }
  const legend = Object.entries(kindColours).map(
    ([kind, colour], i) => `<rect x="${String(20 + i * 110)}" y="56" width="12" height="12" fill="${colour}"/><text x="${String(38 + i * 110)}" y="66">${kind}</text>`,
  );
  const height = TOP + ROWS * (ROW + 6) + 12;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(height)}" viewBox="0 0 ${String(WIDTH)} ${String(height)}" font-family="system-ui, sans-serif" font-size="12" fill="#263238">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="20" y="24" font-size="16" font-weight="600">${escaped(name)}</text>`,
    `<text x="20" y="44" fill="#607d8b">${escaped(summaryText(summary))}</text>`,
    ...legend,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

/** What the page runs: it draws the extents between two offsets, so that any number of them costs no more than what can be seen. */
const script = String.raw`
const { extents, owners, kinds, colours, total } = JSON.parse(document.getElementById('map').textContent);
const canvas = document.getElementById('bar'), whole = document.getElementById('whole'), tip = document.getElementById('tip');
const number = (n) => n.toLocaleString('en');
let from = 0, to = total;
const count = extents.length / 4;
function at(offset) {
  let low = 0, high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (extents[middle * 4] <= offset) low = middle; else high = middle - 1;
  }
  return low;
}
function draw(target, begin, end) {
  const scale = window.devicePixelRatio || 1, width = target.clientWidth, height = target.clientHeight;
  target.width = width * scale; target.height = height * scale;
  const paint = target.getContext('2d');
  paint.scale(scale, scale);
  paint.clearRect(0, 0, width, height);
  const perPixel = (end - begin) / width;
  let drawnTo = -1;
  for (let i = at(begin); i < count && extents[i * 4] < end; i += 1) {
    const x = (extents[i * 4] - begin) / perPixel, right = (extents[i * 4] + extents[i * 4 + 1] - begin) / perPixel;
    if (right < drawnTo + 0.2) continue;
    paint.fillStyle = colours[extents[i * 4 + 2]];
    paint.fillRect(x, 0, Math.max(0.5, right - x), height);
    if (right - x > 3) { paint.fillStyle = 'rgba(255,255,255,.6)'; paint.fillRect(right - 0.5, 0, 0.5, height); }
    const label = owners[extents[i * 4 + 3]] || kinds[extents[i * 4 + 2]];
    if (right - x > 60) {
      paint.save(); paint.beginPath(); paint.rect(x, 0, right - x - 4, height); paint.clip();
      paint.fillStyle = kinds[extents[i * 4 + 2]] === 'unused' ? '#546e7a' : '#fff'; paint.font = '12px system-ui, sans-serif';
      paint.fillText(label, Math.max(x, 0) + 6, 20); paint.fillText(number(extents[i * 4 + 1]) + ' B', Math.max(x, 0) + 6, 38); paint.restore();
    }
    drawnTo = right;
  }
}
function show() {
  draw(canvas, from, to);
  draw(whole, 0, total);
  const paint = whole.getContext('2d'), width = whole.clientWidth;
  paint.strokeStyle = '#c62828'; paint.lineWidth = 2;
  paint.strokeRect((from / total) * width + 1, 1, Math.max(2, ((to - from) / total) * width - 2), whole.clientHeight - 2);
  document.getElementById('range').textContent = 'bytes ' + number(Math.round(from)) + ' to ' + number(Math.round(to)) + ' of ' + number(total);
}
function view(begin, length) {
  length = Math.min(total, Math.max(16, length));
  from = Math.min(Math.max(0, begin), total - length);
  to = from + length;
  show();
}
const placeOf = (event) => from + ((event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth) * (to - from);
canvas.addEventListener('wheel', (event) => {
  event.preventDefault();
  const here = placeOf(event), factor = Math.exp(event.deltaY / 300);
  view(here - (here - from) * factor, (to - from) * factor);
}, { passive: false });
let grabbed = null;
canvas.addEventListener('pointerdown', (event) => { grabbed = { x: event.clientX, from }; canvas.setPointerCapture(event.pointerId); });
canvas.addEventListener('pointerup', () => { grabbed = null; });
canvas.addEventListener('pointermove', (event) => {
  if (grabbed) view(grabbed.from - ((event.clientX - grabbed.x) / canvas.clientWidth) * (to - from), to - from);
  const i = at(placeOf(event));
  tip.textContent = (owners[extents[i * 4 + 3]] || 'the file') + ' — ' + kinds[extents[i * 4 + 2]] + '\noffset ' + number(extents[i * 4]) + ', ' + number(extents[i * 4 + 1]) + ' bytes';
  tip.style.display = 'block';
  tip.style.left = Math.min(event.pageX + 12, document.body.clientWidth - tip.offsetWidth - 8) + 'px';
  tip.style.top = event.pageY + 16 + 'px';
});
canvas.addEventListener('pointerleave', () => { tip.style.display = 'none'; });
whole.addEventListener('pointerdown', (event) => view(((event.clientX - whole.getBoundingClientRect().left) / whole.clientWidth) * total - (to - from) / 2, to - from));
const zoom = (factor) => view((from + to) / 2 - ((to - from) * factor) / 2, (to - from) * factor);
document.getElementById('in').onclick = () => zoom(0.5);
document.getElementById('out').onclick = () => zoom(2);
document.getElementById('all').onclick = () => view(0, total);
window.addEventListener('keydown', (event) => {
  if (event.key === '+') zoom(0.5);
  if (event.key === '-') zoom(2);
  if (event.key === '0') view(0, total);
  if (event.key === 'ArrowLeft') view(from - (to - from) / 8, to - from);
  if (event.key === 'ArrowRight') view(from + (to - from) / 8, to - from);
});
const listed = document.getElementById('holes');
const holes = [];
for (let i = 0; i < count; i += 1) if (kinds[extents[i * 4 + 2]] === 'unused') holes.push(i);
holes.sort((a, b) => extents[b * 4 + 1] - extents[a * 4 + 1]).slice(0, 50).forEach((i) => {
  const row = listed.insertRow();
  row.insertCell().textContent = number(extents[i * 4]);
  row.insertCell().textContent = number(extents[i * 4 + 1]);
  row.tabIndex = 0;
  row.onclick = () => view(extents[i * 4] - extents[i * 4 + 1], extents[i * 4 + 1] * 3);
});
window.addEventListener('resize', show);
show();
`;

const style = `
body { font: 14px/1.5 system-ui, sans-serif; color: #263238; margin: 24px auto; max-width: 1200px; padding: 0 16px }
h1 { font-size: 20px; margin: 0 } p { color: #607d8b; margin: 4px 0 16px }
canvas { display: block; width: 100%; border-radius: 3px; background: #fff } #bar { height: 150px; cursor: grab; touch-action: none } #whole { height: 28px; margin: 10px 0 }
.legend span { margin-right: 18px; white-space: nowrap } .legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 2px }
.controls { margin: 8px 0; display: flex; gap: 8px; align-items: center } .controls span { color: #607d8b; margin-left: 8px }
button { font: inherit; padding: 2px 12px; border: 1px solid #b0bec5; border-radius: 3px; background: #fff; cursor: pointer }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { text-align: right; padding: 2px 24px 2px 0; font-weight: normal } th { color: #607d8b }
#holes tr { cursor: pointer } #holes tr:hover { background: #eceff1 }
.columns { display: flex; flex-wrap: wrap; gap: 48px; margin-top: 20px } h2 { font-size: 15px; margin: 0 0 6px }
#tip { display: none; position: absolute; background: #263238; color: #fff; padding: 6px 10px; border-radius: 3px; white-space: pre; pointer-events: none; font-size: 13px }
`;

/** One self-contained page: a bar of the whole file that can be zoomed and dragged, what each part is on hover, and the holes. */
export function mapPage(name: string, extents: readonly FileExtent[]): string {
  const summary = summed(extents);
  const kinds = Object.keys(kindColours) as ExtentKind[];
  const owners = [...new Set(extents.map(({ owner }) => owner))];
  const ownerIndex = new Map(owners.map((owner, i) => [owner, i]));
  const data = {
    extents: extents.flatMap(({ offset, size, kind, owner }) => [offset, size, kinds.indexOf(kind), ownerIndex.get(owner) ?? 0]),
    owners,
    kinds,
    colours: kinds.map((kind) => kindColours[kind]),
    total: summary.total,
  };
  const byKind = kinds.flatMap((kind) => {
    const own = extents.filter((extent) => extent.kind === kind);
    if (own.length === 0) return [];
    const size = own.reduce((sum, extent) => sum + extent.size, 0);
    return [
      `<tr><th style="text-align:left"><i style="display:inline-block;width:12px;height:12px;margin-right:6px;border-radius:2px;background:${kindColours[kind]}"></i>${kind}</th><td>${formatBytes(size)}</td><td>${((100 * size) / summary.total).toFixed(1)} %</td><td>${String(own.length)}</td></tr>`,
    ];
  });
  // A script element ends where its text says so, whatever language it is in.
  const json = JSON.stringify(data).replaceAll('<', String.raw`\u003c`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(name)}: map</title><style>${style}</style></head>
<body>
<h1>${escaped(name)}</h1>
<p>${escaped(summaryText(summary))}</p>
<canvas id="bar"></canvas>
<canvas id="whole"></canvas>
<div class="controls"><button id="in">zoom in</button><button id="out">zoom out</button><button id="all">whole file</button><span id="range"></span></div>
<div class="columns">
<div><h2>What the bytes are</h2><table><tr><th></th><th>size</th><th>share</th><th>extents</th></tr>${byKind.join('')}</table></div>
<div><h2>Holes, largest first</h2><table><thead><tr><th>offset</th><th>bytes</th></tr></thead><tbody id="holes"></tbody></table></div>
</div>
<div id="tip"></div>
<script type="application/json" id="map">${json}</script>
<script>${script}</script>
</body></html>
`;
}
