// A caller who is not in a hurry, in a process of its own, so that a busy generator does not delay what it measures.
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { takeOrders } from './orders.js'
import { summarize } from './summarize.js'
import { type LoadReport, type ProbeOrder } from './targets.js'

takeOrders(async ({ url, everyMs, seconds, target }: ProbeOrder): Promise<LoadReport> => {
  const times: number[] = []
  const refused: Record<string, number> = {}
  const pool = new Pool(url, { connections: 1 })
  const cpu = process.cpuUsage()
  const begin = performance.now()
  for (let next = begin; next < begin + seconds * 1000; next += everyMs) {
    await pause(Math.max(0, next - performance.now()))
    const asked = performance.now()
    const { statusCode, body } = await pool.request({ method: 'GET', path: target.path, headers: target.headers })
    await body.dump()
    if (statusCode === 200) times.push(performance.now() - asked)
    else refused[statusCode] = (refused[statusCode] ?? 0) + 1
  }
  const ms = performance.now() - begin
  const used = process.cpuUsage(cpu)
  await pool.close()
  return summarize(new Map([[target.group, times]]), refused, ms, (used.user + used.system) / 1e3 / ms)
})
