// Holds what was accepted against what the databases have: nothing lost, nothing twice, nothing of anybody else.
import { type Ground } from './ground.js'

export interface EngineHistory { accepted: number, uncertain: number, rows: number, wrong: string[] }

export async function checkHistory ({ services, organizations }: Ground): Promise<EngineHistory> {
  const history: EngineHistory = { accepted: 0, uncertain: 0, rows: 0, wrong: [] }
  const { wrong } = history
  for (const { id, accepted, uncertain } of organizations) {
    const rows = await services.tenancy.withTenant(id, (db) => db.selectFrom('members').select(['id', 'first_name', 'last_name']).execute())
    const found = new Map(rows.map((row) => [row.last_name, row.id]))
    if (found.size !== rows.length) wrong.push(`${id} has ${rows.length - found.size} members twice`)
    for (const { first_name: owner, last_name: name } of rows) {
      if (owner !== id) wrong.push(`${id} has ${name} of ${owner}`)
      if (!accepted.has(name) && !uncertain.has(name)) wrong.push(`${id} has ${name}, which nobody added`)
    }
    for (const [name, member] of accepted) if (found.get(name) !== member) wrong.push(`${name} of ${id} was accepted and is lost`)
    history.accepted += accepted.size
    history.uncertain += uncertain.size
    history.rows += rows.length
  }
  return history
}
