// Many texts encoded as one, which takes a fraction of what encoding each by itself takes.

/** So many texts, or about so many characters, are joined: more would leave the processor's caches, and a string has an end. */
const MOST_TEXTS = 4096;
const MOST_CHARACTERS = 2 ** 18;
/** Characters of a text that can be added to others and be a string. */
export const LONGEST_JOINED = 2 ** 28;
const encodingSpace = Buffer.allocUnsafeSlow(4 * MOST_CHARACTERS);
const lengthsSpace = new Uint32Array(MOST_TEXTS);

/** Some of the values, from one on. Its memory is good until the next texts are joined. */
export interface JoinedTexts {
  readonly text: string;
  /** In UTF-8; a lone surrogate has become something else. */
  readonly bytes: Buffer;
  /** How many characters each has. */
  readonly lengths: Uint32Array;
}

/**
 * Joins values from `first` on: as many as are encoded at once.
 * @param behind follows each @param longest characters of the longest that is joined
 * @returns null when one is no text, or longer
 */
export function joinedTexts(values: readonly unknown[], first: number, behind: '' | '\0', longest: number): JoinedTexts | null {
  let text = '';
  let count = 0;
  // Half of what `join` takes.
  for (; count < MOST_TEXTS && first + count < values.length && text.length < MOST_CHARACTERS; count += 1) {
    const value = values[first + count];
    if (typeof value !== 'string' || value.length > longest) return null;
    text += value + behind;
    lengthsSpace[count] = value.length;
  }
  // Three bytes are the most for a character.
  const bytes = text.length * 3 > encodingSpace.length ? Buffer.from(text) : encodingSpace.subarray(0, encodingSpace.write(text));
  return { text, bytes, lengths: lengthsSpace.subarray(0, count) };
}
