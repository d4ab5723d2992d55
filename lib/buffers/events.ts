// What a pool tells the world: Node's diagnostics channels, which cost a look at a property while nobody listens.
import { channel } from 'node:diagnostics_channel';

/** `{ pool, buffer, size }` */
export const acquired = channel('freestone:pool:acquire');
/** `{ pool, size }` */
export const released = channel('freestone:pool:release');
/** A `LeakReport` */
export const leaked = channel('freestone:pool:leak');
/** A `PoolPressure` */
export const pressed = channel('freestone:pool:pressure');

/** A buffer that nobody can release any more; its memory is back. */
export interface LeakReport {
  readonly pool: string;
  /** Bytes that were asked for. */
  readonly size: number;
  /** Where it was acquired. */
  readonly stack: string;
}

export interface PoolPressure {
  readonly pool: string;
  /** `high`: four fifths of `maxBytes` are held; `none`: less than seven tenths again. */
  readonly level: 'high' | 'none';
  readonly liveBytes: number;
  readonly maxBytes: number;
}
