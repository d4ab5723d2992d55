// Tags that make sources alike (A4, H5) and those that name a failure domain.

/** The entries of a tag list that count, without their `@`, in their order. `*` stands for every tag. */
export type TagList = readonly string[];

/** Reads a `clingTagList` (A4): what does not count is left out with a warning. */
export function readTagList(entries: readonly unknown[]): { tags: TagList; warnings: string[] } {
  const tags: string[] = [];
  const warnings: string[] = [];
  const ignore = (what: string): void => void warnings.push(`Ignoring ${what} in config file entry allocation/cling_tag_list`);
  for (const entry of entries) {
    if (typeof entry !== 'string') ignore('invalid string');
    else if (entry === '') ignore('empty string');
    else if (!entry.startsWith('@')) ignore(`string not starting with @: ${entry}`);
    else if (entry === '@') ignore('empty tag');
    else tags.push(entry.slice(1));
  }
  return { tags, warnings };
}

/** Whether two sets of tags share a listed one (H5). @returns the tag, or undefined */
export function commonTag(list: TagList, one: readonly string[], other: readonly string[]): string | undefined {
  for (const entry of list) {
    if (entry === '*') {
      const common = one.find((tag) => other.includes(tag));
      if (common !== undefined) return common;
    } else if (one.includes(entry) && other.includes(entry)) {
      return entry;
    }
  }
  return undefined;
}

/** The domain that `rack=a` or `rack:a` names for `rack`; undefined when no tag does. */
export function domainOf(spread: string, tags: readonly string[]): string | undefined {
  const tag = tags.find((each) => each.startsWith(`${spread}=`) || each.startsWith(`${spread}:`));
  return tag?.slice(spread.length + 1);
}
