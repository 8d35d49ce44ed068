// Waits in a test for what other processes do in their own time.

/** Tries until `check` gives something other than undefined or false. */
export async function until<T> (check: () => Promise<T | undefined | false>, limitMs = 10_000): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const found = await check()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`Nothing came within ${limitMs} ms.`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}
