// The parallel positions of one attempt: first those that are filled in place, then those found on the way (F2, G4, I2, I3).
import type { AreaList, FreeArea } from './areas.js';

/** An area proposed for a position, and how much of it. */
export interface Candidate {
  readonly list: AreaList;
  /** Null for the one that `AreaList.fittedArea` finds. */
  readonly area: FreeArea | null;
  readonly used: number;
}

export class Slots {
  readonly #slots: (Candidate | undefined)[] = [];
  /** Positions that are filled in place (F2): K of the specification. */
  #positional: number;
  /** Candidates found and put behind the positional ones: ix of the specification. */
  #found = 0;
  /** Positional ones that are filled. */
  #preferred = 0;

  constructor(positional: number) {
    this.#positional = positional;
  }

  get positional(): number {
    return this.#positional;
  }

  get found(): number {
    return this.#found;
  }

  get preferred(): number {
    return this.#preferred;
  }

  /** Positions in use or kept for use: K + ix. */
  get end(): number {
    return this.#positional + this.#found;
  }

  at(position: number): Candidate | undefined {
    return this.#slots[position];
  }

  has(area: FreeArea): boolean {
    return this.#slots.some((slot) => slot?.area === area);
  }

  /** Whether any position from `from` up to `to` is on the source. */
  holds(source: number, from: number, to: number): boolean {
    for (let i = from; i < to; i++) if (this.#slots[i]?.list.source === source) return true;
    return false;
  }

  /** Fills a positional slot. */
  prefer(position: number, candidate: Candidate): void {
    this.#slots[position] = candidate;
    this.#preferred++;
  }

  /** The position that the next candidate takes: a new one, or the last one again (G4). */
  open(isNew: boolean): number {
    if (isNew) this.#found++;
    return this.end - 1;
  }

  put(position: number, candidate: Candidate): void {
    this.#slots[position] = candidate;
  }

  /** Largest first; equal ones stay in the order of their finding (I2). @param from positions before it are left alone */
  sort(from: number, weightOf: (source: number) => number): void {
    const part = this.#slots.slice(from, this.end) as Candidate[];
    part.sort((one, other) => other.used * weightOf(other.list.source) - one.used * weightOf(one.list.source));
    part.forEach((candidate, i) => (this.#slots[from + i] = candidate));
  }

  /** Fills gaps among the positional slots, in order, with the first of the sorted ones (I3). */
  fillGaps(needed: number): void {
    if (this.#preferred === 0 || this.#preferred === this.#positional) return;
    for (let s = 0; s < needed; s++) {
      if (this.#slots[s]) continue;
      this.#slots[s] = this.#slots[this.#positional];
      this.#slots[this.#positional++] = undefined;
      this.#found--;
    }
  }

  /** Puts other candidates, in this order, behind the positional slots. */
  replaceFound(candidates: readonly Candidate[]): void {
    this.#slots.splice(this.#positional, this.#found, ...candidates);
    this.#found = candidates.length;
  }

  /** The candidates behind the positional slots. */
  get candidates(): readonly Candidate[] {
    return this.#slots.slice(this.#positional, this.end) as Candidate[];
  }
}
