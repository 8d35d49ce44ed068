// Load generators as the rows use them.
import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { compiled, forkReady, stopChild } from '../child.js'
import { type LoadOrder, type LoadReport, type ProbeOrder, type WebhookOrder } from './targets.js'

/** A generator process, which does one order at a time. */
export interface Generator<Order> { run: (order: Order) => Promise<LoadReport>, stop: () => Promise<void> }

/** As many requests as its callers can make. */
export async function startLoad (): Promise<Generator<LoadOrder>> {
  return generator((await forkReady(compiled('load/generator.js'), {})).child)
}

/** One request at a time, with pauses. */
export async function startProbe (): Promise<Generator<ProbeOrder>> {
  return generator((await forkReady(compiled('load/probe.js'), {})).child)
}

/** A carrier that signs with `privateKey` (PKCS #8, PEM). */
export async function startWebhooks (privateKey: string): Promise<Generator<WebhookOrder>> {
  return generator((await forkReady(compiled('load/webhooks.js'), { privateKey })).child)
}

function generator<Order extends object> (child: ChildProcess): Generator<Order> {
  const ended = new AbortController()
  child.once('exit', () => { ended.abort(new Error('The load generator ended by itself')) })
  return {
    async run (order) {
      child.send(order)
      const [report] = await once(child, 'message', { signal: ended.signal }) as [LoadReport]
      if (report.answered === 0) throw new Error(`Nothing was answered: ${JSON.stringify(report.refused)}`)
      return report
    },
    stop: () => stopChild(child)
  }
}
