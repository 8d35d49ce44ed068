// The same for each of many, a few at a time.

/** Results in the order of the items. The first failure is thrown when those under way have ended; nothing new is begun after it. */
export async function mapBounded<Item, Result> (items: readonly Item[], atOnce: number, use: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  const failures: unknown[] = []
  const rest = items.entries()
  const lane = async (): Promise<void> => {
    for (const [index, item] of rest) {
      try {
        results[index] = await use(item)
      } catch (error) {
        failures.push(error)
      }
      if (failures.length > 0) return
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane))
  if (failures.length > 0) throw failures[0]
  return results
}
