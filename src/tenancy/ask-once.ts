// A question to be asked once in a process, however often its answer is needed.

/** The first call asks, later ones get that answer; a failed one is not kept, so the next call asks again. */
export function askOnce<T> (ask: () => Promise<T>): () => Promise<T> {
  let known: Promise<T> | undefined
  return () => {
    if (known !== undefined) return known
    const asked = ask()
    known = asked
    asked.catch(() => { known = undefined })
    return asked
  }
}
