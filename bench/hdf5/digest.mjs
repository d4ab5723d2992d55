// What a reader has read, as one number, so that readers can be compared: the sum over 32-bit words of the word times 2i + 1,
// modulo 2^32, where i is how many words came before it. The same in libhdf5_peer.c and h5py_reads.py.

export class Digest {
  #sum = 0;
  #weight = 1;

  /** @param bytes a typed array; of each part but the last a whole number of words */
  add({ buffer, byteOffset, byteLength }) {
    const whole = byteLength - (byteLength % 4);
    const words = byteOffset % 4 === 0 ? new Uint32Array(buffer, byteOffset, whole / 4) : new Uint32Array(buffer.slice(byteOffset, byteOffset + whole));
    let [sum, weight] = [this.#sum, this.#weight];
    for (const word of words) {
      sum = (sum + Math.imul(word, weight)) | 0;
      weight = (weight + 2) | 0;
    }
    if (whole < byteLength) {
      const last = new Uint32Array(1);
      new Uint8Array(last.buffer).set(new Uint8Array(buffer, byteOffset + whole, byteLength - whole));
      sum = (sum + Math.imul(last[0], weight)) | 0;
    }
    [this.#sum, this.#weight] = [sum, weight];
  }

  /** Texts, each with a zero byte behind it. */
  addTexts(texts) {
    this.add(Buffer.from(`${texts.join('\0')}\0`));
  }

  get value() {
    return this.#sum >>> 0;
  }
}
