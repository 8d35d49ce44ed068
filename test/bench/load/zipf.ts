// Zipf's law: few tenants are asked often, most seldom.

/** Chooses 0 … count - 1, k with a probability in proportion to 1 / (k + 1) ** exponent. The same sequence each time. */
export function chooseZipf (count: number, exponent: number): () => number {
  const sums = new Float64Array(count)
  let total = 0
  for (let k = 0; k < count; k++) sums[k] = total += 1 / (k + 1) ** exponent
  const random = seeded(20_260_301)
  return () => {
    const wanted = random() * total
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Numbers from 0 to 1 (mulberry32): every run asks for the same tenants in the same order. */
function seeded (seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
