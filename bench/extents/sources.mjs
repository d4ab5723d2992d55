// Sources for the benchmarks of extents: free areas of random length with random holes between them.

/** The same numbers in every run. */
export function randomNumbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export function fragmented(count, areaCount, random) {
  return Array.from({ length: count }, (_, handle) => {
    let end = 0;
    const areas = Array.from({ length: areaCount }, () => {
      const start = end + 1 + random(50);
      const length = 1 + random(1000);
      end = start + length;
      return { start, length };
    });
    return { handle, areas, totalExtents: end, tags: [] };
  });
}
