// What becomes visible when. A commit writes every changed structure to space that was free at the last one, up to the root
// group, and then replaces the superblock with one small write, which makes all of it visible at once. A process that dies at
// any moment before that write leaves the file as it was. What the commit before referred to alone may be used again only then.
import { encodeSuperblock } from '../format/superblock.js';
import { MetadataBatch, type FileStore } from '../storage/file-store.js';
import { wait, type Steps } from '../storage/steps.js';
import type { SuperblockExtension } from '../storage/superblock-extension.js';

/** What a resolved flush survives: nothing is promised, the end of the process, or a power cut as well. */
export type Durability = 'none' | 'process' | 'power';

/** The part of a group or dataset that a commit needs. */
export interface Committable {
  /** Encodes the object and what changed below it. @returns the header's address */
  commit(batch: MetadataBatch, onDurable: (() => void)[]): number;
}

export interface Committed {
  readonly endOfFile: number;
  readonly rootHeaderAddress: number;
}

/**
 * All raw data has been written before; nothing here waits until everything has been encoded, so that it is one state of the file.
 * @param onTaken called when the file may change again
 */
export function* commit(
  store: FileStore,
  root: Committable,
  extension: SuperblockExtension,
  durability: Durability,
  onTaken: () => void,
): Steps<Committed> {
  const batch = new MetadataBatch(store);
  const onDurable: (() => void)[] = [];
  try {
    const rootHeaderAddress = root.commit(batch, onDurable);
    const extensionAddress = extension.commit(batch, onDurable);
    store.hold();
    const endOfFile = store.space.endOfFile;
    yield* wait(batch.write());
    // Space may have been allocated that was never written; a file that is shorter than its superblock says does not open.
    // Nobody else writes yet: a chunk that was written behind this end before the file is extended to it would be cut off.
    if (store.file.size() < endOfFile) yield* store.truncate(endOfFile);
    onTaken();
    yield* writeSuperblock(store, { endOfFile, rootHeaderAddress, extensionAddress }, durability);
    batch.settle();
    for (const settle of onDurable) settle();
    return { endOfFile, rootHeaderAddress };
  } catch (error) {
    batch.abandon();
    throw error;
  } finally {
    store.letGo();
  }
}

/** The last step of a session: free space is noted in the file if it is to be kept, and the file becomes as short as it can be. */
export function* finish(store: FileStore, committed: Committed, extension: SuperblockExtension, durability: Durability): Steps {
  const { endOfFile, extensionAddress, parts } = extension.finish(store.space);
  for (const { address, bytes } of parts) yield* store.write(address, bytes);
  if (store.file.size() < endOfFile) yield* store.truncate(endOfFile);
  // First the superblock: the other way round a crash in between would leave a file that is shorter than it says.
  if (parts.length > 0 || endOfFile !== committed.endOfFile) {
    yield* writeSuperblock(store, { endOfFile, rootHeaderAddress: committed.rootHeaderAddress, extensionAddress }, durability);
  }
  if (store.file.size() !== endOfFile) yield* store.truncate(endOfFile);
}

function* writeSuperblock(
  store: FileStore,
  fields: { readonly endOfFile: number; readonly rootHeaderAddress: number; readonly extensionAddress: number | null },
  durability: Durability,
): Steps {
  if (durability === 'power') yield* store.sync();
  yield* store.write(0, encodeSuperblock({ consistencyFlags: 0, baseAddress: 0, ...fields }));
  if (durability === 'power') yield* store.sync();
}
