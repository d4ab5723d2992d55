// Partition by tags (I6): of candidates on sources with a listed tag in common, only the first stays.
import type { Candidate, Slots } from './slots.js';
import { tagsOfArea } from './state.js';
import { commonTag, type TagList } from './tags.js';
import type { Witness } from './witness.js';

/** @param logOffset where logs begin, and with them a new set of tags */
export function onePerTag(slots: Slots, tagList: TagList, logOffset: number, witness: Witness | null): void {
  const kept: Candidate[] = [];
  let seen = new Set<string>();
  for (const candidate of slots.candidates) {
    if (kept.length === logOffset) seen = new Set();
    const tags = candidate.area ? tagsOfArea(candidate.area) : candidate.list.tags;
    if (commonTag(tagList, tags, [...seen]) !== undefined) {
      witness?.saw(candidate.list.source, 'tag-in-use');
      continue;
    }
    for (const tag of tags) seen.add(tag);
    kept.push(candidate);
  }
  slots.replaceFound(kept);
}
