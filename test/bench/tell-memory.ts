// Loaded into a server under test before its own code: tells how much memory it holds when it is asked, without what is garbage.
import { setImmediate as turn } from 'node:timers/promises'

/** Bytes. */
export interface MemoryHeld { heap: number, resident: number }

export const askForMemory = 'memory'

async function tell (): Promise<void> {
  // What the first pass lets go, such as weak references, the next ones collect.
  for (let pass = 0; pass < 3; pass++) {
    global.gc?.()
    await turn()
  }
  const { heapUsed: heap, arrayBuffers, rss: resident } = process.memoryUsage()
  process.send?.({ heap: heap + arrayBuffers, resident } satisfies MemoryHeld)
}

process.on('message', (asked) => { if (asked === askForMemory) void tell() })
// The server ends when it would end without this.
process.channel?.unref()
