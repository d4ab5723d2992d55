// Failure domains (beyond LVM): no two slots in one domain, or as few as can be.
//
// The slots and the domains' places are matched: each domain has one place, or as many as the present limit allows, and a slot that has extents
// in a domain from an earlier batch keeps its place there. The larger candidates are asked first, so that without a conflict the
// choice is LVM's own.
import { at } from './at.js';
import type { Candidate, Slots } from './slots.js';
import type { AllocationState } from './state.js';
import { domainOf } from './tags.js';
import type { Relaxation } from './types.js';
import type { Witness } from './witness.js';

export class Spread {
  readonly #tag: string;
  readonly #limit: number;
  readonly #domains: readonly string[];
  /** By domain, the slots that have extents there: of earlier batches and of the volume that grows. */
  readonly #owners = new Map<string, Set<number>>();

  /** @param limit how many slots may share a domain */
  constructor(tag: string, state: AllocationState, limit: number) {
    this.#tag = tag;
    this.#limit = limit;
    this.#domains = state.sources.map(({ tags }, i) => domainOf(tag, tags) ?? `source ${i}`);
    if (state.demand.areaCountMatches) {
      const { first = [], last = [] } = state.demand.previous ?? {};
      for (const ends of [first, last]) {
        ends.forEach(({ source }, slot) => {
          this.#own(slot, source);
        });
      }
    }
  }

  /**
   * Puts the slots' candidates in front, the rest behind.
   * @param eligible how many of the candidates may hold data: those of a pass for logs may not
   * @returns false when the limit cannot be kept
   */
  arrange(slots: Slots, eligible: number, state: AllocationState, witness: Witness | null): boolean {
    state.slotSources.forEach((sources, slot) => {
      for (const source of sources) this.#own(slot, source);
    });
    const loads = new Map([...this.#owners].map(([domain, owners]) => [domain, new Set(owners)]));
    for (let slot = 0; slot < Math.min(slots.positional, state.slotCount); slot++) {
      const candidate = slots.at(slot);
      if (!candidate) continue;
      const load = setOf(loads, this.#domainOf(candidate));
      load.add(slot);
      if (load.size > this.#limit) {
        witness?.saw(candidate.list.source, 'domain-in-use', { slot });
        return false;
      }
    }
    const open = Array.from({ length: Math.max(0, state.slotCount - slots.positional) }, (_, i) => slots.positional + i);
    if (open.length === 0) return true;
    const chosen = this.#match(open, slots.candidates.slice(0, eligible), loads, witness);
    if (!chosen) return false;
    const taken = new Set(chosen);
    slots.replaceFound([...chosen, ...slots.candidates.filter((candidate) => !taken.has(candidate))]);
    return true;
  }

  /** What was shared in the end; undefined when nothing was. */
  relaxation(state: AllocationState): Relaxation | undefined {
    const loads = new Map<string, Set<number>>();
    state.slotSources.forEach((sources, slot) => {
      for (const source of sources) setOf(loads, at(this.#domains, source)).add(slot);
    });
    const shared = [...loads].filter(([, slots]) => slots.size > 1);
    if (shared.length === 0) return undefined;
    const domains = shared.map(([domain]) => domain);
    const slotsPerDomain = Math.max(...shared.map(([, slots]) => slots.size));
    const list = shared.map(([domain, slots]) => `${this.#tag} ${domain} holds slots ${[...slots].sort((a, b) => a - b).join(', ')}`);
    return { spread: this.#tag, slotsPerDomain, domains, text: `Not every slot has a ${this.#tag} of its own: ${list.join('; ')}.` };
  }

  #own(slot: number, source: number): void {
    setOf(this.#owners, at(this.#domains, source)).add(slot);
  }

  #domainOf({ list }: Candidate): string {
    return at(this.#domains, list.source);
  }

  /** A candidate for each open slot, by augmenting paths. */
  #match(open: readonly number[], candidates: readonly Candidate[], loads: ReadonlyMap<string, Set<number>>, witness: Witness | null): Candidate[] | null {
    const byDomain = new Map<string, Candidate[]>();
    for (const candidate of candidates) {
      const domain = this.#domainOf(candidate);
      const list = byDomain.get(domain);
      if (list) list.push(candidate);
      else byDomain.set(domain, [candidate]);
    }
    // First places of all domains come before second ones, so that sharing is the last resort; a kept place is for its owner alone.
    const places: { domain: string; rank: number; owner: number | null }[] = [];
    for (const [domain, { length }] of byDomain) {
      const owners = [...(loads.get(domain) ?? [])];
      const kept = owners.filter((slot) => open.includes(slot));
      const free = Math.max(0, this.#limit - owners.length);
      kept.forEach((owner, rank) => places.push({ domain, rank, owner }));
      for (let i = 0; i < Math.min(free, length); i++) places.push({ domain, rank: owners.length + i, owner: null });
    }
    places.sort((one, other) => one.rank - other.rank);
    const holder = new Map<number, number>();
    const used = new Map<string, number>();
    const ranks = [...new Set(places.map(({ rank }) => rank))];
    // A place that nobody holds comes before one whose holder would have to move, and nobody moves to a place of a higher rank.
    const assign = (slot: number, rank: number, seen: Set<number>): boolean =>
      [true, false].some((isFree) => places.some((_, i) => holder.has(i) !== isFree && take(slot, i, rank, seen)));
    const take = (slot: number, i: number, most: number, seen: Set<number>): boolean => {
      const { domain, owner, rank } = at(places, i);
      if (rank > most || seen.has(i) || (owner !== null && owner !== slot)) return false;
      const before = holder.get(i);
      const count = used.get(domain) ?? 0;
      if (before === undefined && count >= (byDomain.get(domain)?.length ?? 0)) return false;
      seen.add(i);
      if (before === undefined) used.set(domain, count + 1);
      else if (!assign(before, most, seen)) return false;
      holder.set(i, slot);
      return true;
    };
    if (!open.every((slot) => ranks.some((rank) => assign(slot, rank, new Set())))) {
      if (witness) for (const { list } of candidates) witness.saw(list.source, 'domain-in-use');
      return null;
    }
    const chosen = new Map<number, Candidate>();
    for (const [place, slot] of [...holder].sort(([one], [other]) => one - other)) {
      const { domain } = at(places, place);
      const candidate = byDomain.get(domain)?.shift();
      if (candidate) chosen.set(slot, candidate);
    }
    return open.map((slot) => chosen.get(slot)).filter((candidate) => candidate !== undefined);
  }
}

function setOf(map: Map<string, Set<number>>, key: string): Set<number> {
  let set = map.get(key);
  if (!set) map.set(key, (set = new Set()));
  return set;
}
