// Work that goes on after the job that began it has given its place to the next.
import { type Logger } from 'pino'

export class Background {
  readonly #running = new Set<Promise<void>>()

  /** `most`: when so much goes on already, a job keeps its place until its work is done. */
  constructor (private readonly log: Logger, private readonly most: number) {}

  /** Resolves when the work is done, or after `ms` milliseconds while it goes on. @throws what the work throws until then; afterwards that is logged */
  async waitFor (work: Promise<void>, ms: number): Promise<void> {
    if (this.#running.size >= this.most) {
      await work
      return
    }
    let timer: NodeJS.Timeout | undefined
    let letGo = false
    const watched = work.catch((error: unknown) => {
      if (!letGo) throw error
      this.log.error({ err: error }, 'work that went on after its job has failed')
    }).finally(() => {
      clearTimeout(timer)
      this.#running.delete(watched)
    })
    this.#running.add(watched)
    await Promise.race([watched, new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        letGo = true
        resolve()
      }, ms)
    })])
  }

  /** Resolves when nothing goes on any more. */
  async settle (): Promise<void> {
    await Promise.allSettled([...this.#running])
  }
}
