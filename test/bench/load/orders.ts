// How a generator process takes orders: one at a time, over IPC.
import { type LoadReport } from './targets.js'

export function takeOrders (run: (order: never) => Promise<LoadReport>): void {
  process.on('message', (order) => {
    run(order as never).then((report) => process.send?.(report), (error: unknown) => {
      console.error(error)
      process.exit(1)
    })
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.('ready')
}
