// Going through the sources to fill the slots of one attempt (sections G and H).
import { at } from './at.js';
import type { AreaList } from './areas.js';
import { avoided, type Avoidance } from './parallel.js';
import type { AllocationPolicy, Ties } from './policies/policy.js';
import type { Slots } from './slots.js';
import { tagsOfArea, type AllocationState } from './state.js';
import { commonTag } from './tags.js';
import type { Witness } from './witness.js';

export interface ScanRequest {
  readonly state: AllocationState;
  readonly policy: AllocationPolicy;
  readonly ties: Ties;
  /** Whether the request may be placed in several batches (C3). */
  readonly canSplit: boolean;
  /** The most logical extents that the attempt may place (E1, E2). */
  readonly most: number;
  readonly avoid: Avoidance | null;
  readonly slots: Slots;
  /** With weights or failure domains every source has to be seen. */
  readonly seeAll: boolean;
  readonly witness: Witness | null;
}

/** Fills the slots. @returns whether the last pass was one for logs on the sources of the data (G9) */
export function scan(request: ScanRequest): { logPass: boolean } {
  return new Scan(request).run();
}

class Scan {
  readonly #request: ScanRequest;
  /** D + P and the logs still missing. */
  readonly #slotCount: number;
  readonly #wanted: number;
  /** The least length that holds the whole of the attempt: an area is too small when it is shorter (H3). */
  readonly #need: number;
  /** What is reserved of each area (G5). */
  readonly #amount: number;
  #secondPass = false;
  #logPass = false;

  constructor(request: ScanRequest) {
    this.#request = request;
    const { state, policy, most } = request;
    const { areaMultiple, logLength } = state.demand;
    this.#slotCount = state.slotCount;
    this.#wanted = this.#slotCount + state.logCount;
    const share = (most - (most % areaMultiple)) / areaMultiple;
    this.#need = most % areaMultiple === 0 ? share : share + 1;
    this.#amount = policy.sharesSources ? share : Math.max(share, logLength);
  }

  run(): { logPass: boolean } {
    for (;;) {
      const before = this.#request.slots.found;
      this.#pass();
      if (!this.#another(before)) return { logPass: this.#logPass };
    }
  }

  #pass(): void {
    const { slots, policy, state, seeAll, witness } = this.#request;
    for (const list of state.lists) {
      if (list.isEmpty) {
        witness?.saw(list.source, 'no-free-area');
        continue; // G1
      }
      if (policy.sharesSources || !this.#isBarred(list)) this.#source(list);
      // G6
      if (policy.sharesSources && !seeAll && slots.end >= this.#wanted) return;
      if (slots.preferred === slots.positional && slots.positional === this.#wanted) return;
    }
  }

  /** Whether there is another pass, and of which sort (G7–G9). */
  #another(foundBefore: number): boolean {
    const { slots, policy, ties, state } = this.#request;
    if (policy.sharesSources && slots.found !== foundBefore && slots.found < this.#wanted) return true;
    if (!policy.extraPasses) return false;
    if (
      !this.#secondPass &&
      ties.clingToAllocated &&
      slots.preferred > 0 &&
      (slots.preferred < slots.positional || state.logsMissing)
    ) {
      this.#secondPass = true;
      return true;
    }
    const filled = slots.found + slots.preferred;
    if (
      !this.#logPass &&
      slots.preferred === slots.positional &&
      !state.demand.separateLogs &&
      filled >= this.#slotCount &&
      filled < this.#wanted
    ) {
      this.#logPass = true;
      return true;
    }
    return false;
  }

  /** Sources that a policy other than anywhere does not look at (G2). */
  #isBarred({ source }: AreaList): boolean {
    const { state, avoid, slots, witness } = this.#request;
    if (this.#logPass) {
      if (!slots.holds(source, this.#slotCount, slots.end)) return false;
      witness?.saw(source, 'in-use-by-log');
      return true;
    }
    const reason = avoid && avoided(state, avoid, source);
    if (reason) {
      witness?.saw(source, reason.tag === undefined ? 'parallel' : 'parallel-tag', { other: reason.by });
      return true;
    }
    if (!this.#secondPass || !slots.holds(source, 0, this.#slotCount)) return false;
    witness?.saw(source, 'in-use');
    return true;
  }

  /** Looks at one source's areas, longest first (G3). */
  #source(list: AreaList): void {
    const { ties, policy } = this.#request;
    const isTied = ties.contiguousToPrevious === true || ties.clingToPrevious === true || ties.clingToAllocated === true;
    if (isTied && !this.#secondPass && !this.#logPass) this.#tied(list);
    else if (policy.sharesSources) this.#everyArea(list);
    else if (this.#secondPass) this.#unusedAreas(list);
    else this.#bySize(list);
  }

  /** The smallest area that is large enough, or the largest when splitting is allowed (H3, G4). */
  #bySize(list: AreaList): void {
    const { slots, witness } = this.#request;
    const fit = list.fit({ need: this.#need, amount: this.#amount, whole: this.#mustBeWhole });
    if (!fit) {
      witness?.saw(list.source, 'too-small', { extents: list.longest });
      return;
    }
    slots.put(slots.open(true), { list, ...fit });
  }

  get #mustBeWhole(): boolean {
    return !this.#request.canSplit && this.#request.state.demand.logAreas === 0;
  }

  /** Under anywhere each usable area is a slot of its own, and a log's slot takes no more than the log needs (G4, G5). */
  #everyArea(list: AreaList): void {
    const { slots, state, witness } = this.#request;
    const areas = list.list;
    let usable = false;
    for (let i = 0; i < areas.length; i++) {
      const area = at(areas, i);
      if (area.unreserved === 0) continue;
      if (area.unreserved < this.#need && this.#mustBeWhole) break;
      usable = true;
      const position = slots.open(true);
      const amount = position >= this.#slotCount ? state.demand.logLength : this.#amount;
      const used = Math.min(amount, area.unreserved);
      i = list.reserve(i, area, amount);
      slots.put(position, { list, area, used });
    }
    if (!usable) witness?.saw(list.source, 'too-small', { extents: list.longest });
  }

  /** The second pass: by size, without the areas that are in a slot (H1). */
  #unusedAreas(list: AreaList): void {
    const { slots } = this.#request;
    const areas = list.list;
    let position = -1;
    for (let i = 0; i < areas.length; i++) {
      const area = at(areas, i);
      if (area.unreserved === 0 || slots.has(area)) continue;
      if (area.unreserved < this.#need && (this.#mustBeWhole || position >= 0)) break;
      position = slots.open(position < 0);
      const used = Math.min(this.#amount, area.unreserved);
      i = list.reserve(i, area, this.#amount);
      slots.put(position, { list, area, used });
    }
  }

  /** Areas tied to the previous segment or to what this call has placed (H2). */
  #tied(list: AreaList): void {
    const { slots, ties, witness } = this.#request;
    const areas = list.list;
    let position = -1;
    let passed = false;
    for (let i = 0; i < areas.length; i++) {
      const area = at(areas, i);
      if (area.unreserved === 0) continue; // H1
      const slot = this.#tieOf(list, i);
      if (slot === null) {
        passed = true;
        // The areas of a source are alike, unless some have tags of their own.
        if (ties.contiguousToPrevious || list.hasLabels) continue;
        break;
      }
      if (ties.positional) {
        slots.prefer(slot, { list, area, used: area.count });
        return;
      }
      position = slots.open(position < 0);
      const used = Math.min(this.#amount, area.unreserved);
      i = list.reserve(i, area, this.#amount);
      slots.put(position, { list, area, used });
    }
    if (position < 0 && passed) witness?.saw(list.source, ties.contiguousToPrevious ? 'not-contiguous' : 'not-cling');
  }

  /** The slot to which the list's area at `index` is tied, by the tests of H2 in their order; null when it is tied to none. */
  #tieOf(list: AreaList, index: number): number | null {
    const { state, ties } = this.#request;
    const { demand } = state;
    const area = at(list.list, index);
    const alsoPrevious = demand.maximiseCling && demand.areaCountMatches;
    if (ties.contiguousToPrevious || alsoPrevious) {
      const last = demand.previous?.last ?? [];
      const slot = this.#firstSlot(last.length, (s) => last[s]?.source === list.source && last[s].end === area.start);
      if (slot !== null || ties.contiguousToPrevious) return slot;
    }
    const ends = state.clingEnds;
    if (ties.clingToPrevious || alsoPrevious) {
      const slot = this.#firstSlot(ends.length, (s) => ends[s]?.source === list.source);
      if (slot !== null) return slot;
    }
    if (ties.clingToAllocated && !state.logsMissing) {
      const slot = this.#firstSlot(demand.dataAreas, (s) => state.slotSources[s]?.has(list.source) === true);
      if (slot !== null) return slot;
    }
    if (!ties.byTags || demand.tagList.length === 0) return null;
    const tags = tagsOfArea(area);
    const alike = (source: number): boolean => commonTag(demand.tagList, state.tagsOf(source), tags) !== undefined;
    if (demand.areaCountMatches) return this.#firstSlot(ends.length, (s) => alike((ends[s] as { source: number }).source));
    if (state.logsMissing) return null;
    return this.#firstSlot(demand.dataAreas, (s) => [...(state.slotSources[s] ?? [])].some(alike));
  }

  /** The first slot that meets the condition and, when slots are positional, is not filled yet and lies among them. */
  #firstSlot(count: number, condition: (slot: number) => boolean): number | null {
    const { slots, ties } = this.#request;
    for (let s = 0; s < count; s++) {
      if (ties.positional && slots.at(s)) continue;
      if (!condition(s)) continue;
      if (ties.positional && s >= slots.positional) continue;
      return s;
    }
    return null;
  }
}
