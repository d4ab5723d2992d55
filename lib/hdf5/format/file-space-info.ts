// File Space Info message (0x0017), version 1: HDF5 File Format Specification 3.0, IV.A.2.x. It lies in the superblock extension.
import { unsupported } from './bytes.js';
import { address, known, length, list, struct, u16, u8, when, type Decoded, type Encodable, type Field } from './schema.js';

/** The strategies that the message knows, by number. */
export const spaceStrategies = ['fsm-aggr', 'page', 'aggr', 'none'] as const;
export type SpaceStrategy = (typeof spaceStrategies)[number];

/** How many addresses of free-space managers there are: six kinds of data, once for small and once for large sections. */
export const managerCount = 12;

/** A number below `count`. */
function below(count: number, what: string): Field<number> {
  return {
    ...u8,
    decode: (reader, parent) => {
      const value = u8.decode(reader, parent);
      if (value >= count) throw unsupported(`${reader.what} with ${what} ${String(value)}`);
      return value;
    },
  };
}

export const fileSpaceInfo = struct({
  version: known(u8, 'version', 1),
  /** Position in `spaceStrategies`. */
  strategy: below(spaceStrategies.length, 'strategy'),
  /** Whether free space is kept in the file: 0 or 1. */
  persist: below(2, 'persistence'),
  /** Smaller free sections are not kept track of. */
  threshold: length,
  pageSize: length,
  pageEndThreshold: u16,
  /** Where the file ended before the managers of metadata were put there; null when there are none. */
  endBeforeManagers: address,
  managers: when(
    (p: { persist: number }) => p.persist === 1,
    list(() => managerCount, address),
  ),
});

export type FileSpaceInfo = Decoded<typeof fileSpaceInfo>;
export type FileSpaceInfoInput = Encodable<typeof fileSpaceInfo>;
