// What a policy is to the allocator: when it is tried, what ties it has to extents already placed, and what it gives up when it finds nothing.

/** What is known when a policy's turn comes. */
export interface PolicyContext {
  /** There is a previous segment with as many areas as the request has slots (D1). */
  readonly areaCountMatches: boolean;
  /** There is a tag list that counts (A4). */
  readonly hasTagList: boolean;
  readonly maximiseCling: boolean;
  /** Data is still to be placed. */
  readonly incomplete: boolean;
}

/** The ties of one round of attempts (section D). All are absent unless given. */
export interface Ties {
  /** Only areas that start where a slot of the last segment ends. */
  readonly contiguousToPrevious?: boolean;
  /** Only sources of the previous segment. */
  readonly clingToPrevious?: boolean;
  /** Only sources used earlier in this call. */
  readonly clingToAllocated?: boolean;
  /** Sources with a tag in common with those count as well. */
  readonly byTags?: boolean;
  /** Each area goes to the slot that it is tied to, not to the next one. */
  readonly positional?: boolean;
  /** No two slots on sources with a listed tag in common. */
  readonly partitionByTags?: boolean;
}

/** One allocation policy. A registry holds several; see `registry.ts`. */
export interface AllocationPolicy {
  readonly name: string;
  /** The order of trial: LVM's are 1 to 5 (A1). */
  readonly rank: number;
  /** LVM's one-letter name. */
  readonly letter: string;
  /** Tried by itself and never asked for, as `cling_by_tags` is. */
  readonly internal?: boolean;
  /** A request for this policy tries them up to the one named here (C5). */
  readonly tries?: string;
  /** One attempt and no more, and volumes that may not be split (C3, E6). */
  readonly whole?: boolean;
  /** Areas may serve several slots, parallel areas are not avoided, and missing sources are no failure (C4, G2, G4, G7). */
  readonly sharesSources?: boolean;
  /** A second pass may fill gaps, and a third one place logs on the sources of the data (G8, G9). */
  readonly extraPasses?: boolean;
  /** Whether it takes part (C6); always unless given. */
  isTried?(context: PolicyContext): boolean;
  /** The ties of its first round. */
  ties(context: PolicyContext): Ties;
  /** After a round that placed nothing (E4): the ties for another one, or null to give up. */
  afterNothing?(ties: Ties, context: PolicyContext): Ties | null;
  /** After a round that placed something (E5): the ties for the next one. The same unless given. */
  afterSomething?(ties: Ties, context: PolicyContext): Ties;
}
