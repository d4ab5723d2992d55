// What becomes visible when. A commit writes every changed structure to space that was free at the last one, up to the root
// group, and then replaces the superblock with one small write, which makes all of it visible at once. A process that dies at
// any moment before that write leaves the file as it was.
import { encodeSuperblock } from '../format/superblock.js';
import { MetadataBatch, type FileStore } from '../storage/file-store.js';

/** What a resolved flush survives: nothing is promised, the end of the process, or a power cut as well. */
export type Durability = 'none' | 'process' | 'power';

/** The part of a group or dataset that a commit needs. */
export interface Committable {
  /** Encodes the object and what changed below it. @returns the header's address */
  commit(batch: MetadataBatch, onDurable: (() => void)[]): number;
}

/**
 * All raw data has been written before; nothing here waits until everything has been encoded, so that it is one state of the file.
 * @param onTaken called when the file may change again
 */
export async function commit(store: FileStore, root: Committable, durability: Durability, onTaken: () => void): Promise<void> {
  const batch = new MetadataBatch(store);
  const onDurable: (() => void)[] = [];
  const rootHeaderAddress = root.commit(batch, onDurable);
  const endOfFile = store.space.endOfFile;
  const superblock = encodeSuperblock({ consistencyFlags: 0, baseAddress: 0, extensionAddress: null, endOfFile, rootHeaderAddress });
  await batch.write();
  // Space may have been allocated that was never written; a file that is shorter than its superblock says does not open.
  // Nobody else writes yet: a chunk that was written behind this end before the file is extended to it would be cut off.
  if (store.file.size() < endOfFile) await store.file.truncate(endOfFile);
  onTaken();
  if (durability === 'power') await store.file.sync();
  await store.file.write(0, superblock);
  if (durability === 'power') await store.file.sync();
  for (const settle of onDurable) settle();
}
