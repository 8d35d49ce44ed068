// A fleet run in words: what it would do, what it refused, how it ended.
import { type FleetPlan, type FleetResult } from '../tenancy/provisioner.js'

type UnsafeStatement = FleetPlan['unsafe'][number]

export function describePlan (registry: { version: number, files: string[] } | undefined, tenants: FleetPlan | undefined): string {
  const lines: string[] = []
  if (registry !== undefined) lines.push(`Registry: version ${registry.version}; ${registry.files.length === 0 ? 'nothing to do' : `to apply: ${registry.files.join(', ')}`}`)
  if (tenants === undefined) {
    if (registry !== undefined && registry.files.length > 0) lines.push('Tenants: known once the registry is up to date')
    return lines.join('\n')
  }
  const { direction, target, files, servers, spares, unsafe } = tenants
  if (servers.length === 0 && spares === 0) lines.push(`Tenants: nothing to do, nobody is ${direction === 'up' ? 'behind' : 'beyond'} version ${target}`)
  else {
    lines.push(`Tenants: ${direction} to version ${target}`)
    lines.push(...servers.map(({ server, tenants: count }) => `  ${server}: ${count} to migrate`))
    if (spares > 0) lines.push(`  ${spares} spares first`)
    lines.push(`  ${direction === 'up' ? 'to apply' : 'to take back'}: ${files.join(', ')}`)
  }
  return [...lines, ...unsafe.length === 0 ? [] : ['Not safe for tables that are large and in use:', describeUnsafe(unsafe)]].join('\n')
}

export function describeUnsafe (unsafe: UnsafeStatement[]): string {
  return unsafe.map(({ file, line, rule, statement, advice }) => `  ${file}.sql:${line} ${rule}: ${statement}\n    ${advice}`).join('\n')
}

export function describeResult ({ target, outcome, migrated, byOthers, failed, unreachable, left, ms }: FleetResult): string {
  if (outcome === 'nothing to do') return `Tenants: all at version ${target}`
  const lines = [`Tenants: ${migrated} migrated, ${failed.length} failed${byOthers > 0 ? `, ${byOthers} by other runners of this run` : ''}, in ${(ms / 1_000).toFixed(1)} s`]
  lines.push(...failed.map(({ tenantId, error }) => `  ${tenantId}: ${error}`))
  lines.push(...unreachable.map(({ server, tenants, error }) => `  ${tenants} on ${server}, which does not answer: ${error}`))
  if (outcome === 'stopped') lines.push(`Stopped: ${left} are not at version ${target}, the failed among them.`)
  if (outcome !== 'done') lines.push('Mend the cause and run this again: what is done stays done.')
  return lines.join('\n')
}
