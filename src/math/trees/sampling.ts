/** Uniform numbers in [0, 1) from a seed and a stream number (mulberry32). */
export function randomFrom(seed: number, stream: number): () => number {
  let state = (Math.imul(seed | 0, 0x85ebca6b) ^ Math.imul(stream + 1, 0x9e3779b9)) | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) * 2 ** -32
  }
}

/** Puts an exact share of the rows, at random, first in `order`, both parts ascending; returns how many. */
export function sampleRows(order: Int32Array, rows: number, fraction: number, random: () => number): number {
  const wanted = Math.max(1, Math.round(rows * fraction))
  let taken = 0
  let skipped = 0
  for (let row = 0; row < rows; row++) {
    // Selection sampling (Knuth, algorithm S).
    if (random() * (rows - row) < wanted - taken) order[taken++] = row
    else order[wanted + skipped++] = row
  }
  return wanted
}

/** An exact share of the features, ascending, at least one. */
export function sampleFeatures(features: number, fraction: number, random: () => number): number[] {
  const wanted = Math.max(1, Math.round(features * fraction))
  const chosen: number[] = []
  for (let feature = 0; feature < features; feature++) {
    if (wanted === features || random() * (features - feature) < wanted - chosen.length) chosen.push(feature)
  }
  return chosen
}
