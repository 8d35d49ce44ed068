// How a run over the fleet begins: a new one, one that others are at, one that was cut off, or none because nobody is behind.
import { type RegistryDb } from '../../registry/db.js'
import { loadMigrations, type MigrationFile } from '../../registry/migration-files.js'
import { type FleetOrder, type FleetPlan, FleetRefused } from './fleet-order.js'
import { type FleetState, findStrangers, finishRun, insertRun, lastUnhappyRun, type OpenRun, readState, type Settings, takeUpRun } from './run-queries.js'
import { findUnsafe, type UnsafeStatement } from './unsafe-statements.js'

export interface Beginning { settings: Settings, state: FleetState }

/**
 * Costs one query; with `only` one more, with `resume` at times another.
 * @throws FleetRefused
 */
export async function survey (registry: RegistryDb, order: FleetOrder, serverNames: string[]): Promise<Beginning> {
  const given = settingsOf(order)
  if (given.only !== null) await refuseStrangers(registry, given.only)
  const state = await readState(registry, given, serverNames, sparesTo(given))
  if (order.resume !== true) return { settings: given, state }
  const earlier = state.open ?? await lastUnhappyRun(registry)
  if (earlier === undefined) return { settings: given, state }
  const settings: Settings = { ...earlier, concurrency: order.concurrency ?? earlier.concurrency }
  return { settings, state: await readState(registry, settings, serverNames, sparesTo(settings)) }
}

/** Spares are only ever brought to what this code asks of them. */
export function sparesTo ({ direction, target, only }: Settings): number | undefined {
  return direction === 'up' && only === null && target === loadMigrations('tenant').length ? target : undefined
}

export function planOf ({ settings, state }: Beginning): FleetPlan {
  const { direction, target } = settings
  const files = loadMigrations('tenant')
  return {
    direction,
    target,
    files: pendingFiles(settings, state, files).map(({ name }) => name),
    servers: state.behind.map(({ server, tenants }) => ({ server, tenants })),
    spares: state.spares,
    unsafe: unsafeIn(settings, state, files)
  }
}

/** @throws FleetRefused when pending files are unsafe, or tenants beyond `to` would have to be taken back without having been asked to */
export function refuseUnfit (order: FleetOrder, { settings, state }: Beginning, files = loadMigrations('tenant')): void {
  if (order.to !== undefined && order.down !== true && state.behind.length === 0 && state.beyond > 0) {
    throw new FleetRefused(`${state.beyond} tenants are beyond version ${settings.target}. To take them back to it, with whatever the files taken back drop, say --down as well.`)
  }
  const unsafe = unsafeIn(settings, state, files)
  if (unsafe.length > 0) {
    throw new FleetRefused('The pending files are not safe for tables that are large and in use. Nothing was touched. Rewrite them, or accept by intent with a line in the file: -- Accepts <rule>: <why>', unsafe)
  }
}

/** @throws FleetRefused when another run, on other terms, is under way */
export async function openRun (registry: RegistryDb, { settings, state }: Beginning): Promise<OpenRun> {
  let open = state.open
  for (let tried = 0; tried < 3; tried++) {
    if (open === null) {
      const begun = await insertRun(registry, settings)
      if (begun !== undefined) return begun
    } else if (sameTerms(open, settings)) {
      if (!open.alive) await takeUpRun(registry, open.id)
      return open
    } else if (open.alive) {
      throw new FleetRefused(`Another run is under way, ${open.direction} to version ${open.target}${open.only === null ? '' : ` for ${open.only.length} tenants`}. Wait for its end, or join it with --resume.`)
    } else {
      await finishRun(registry, open.id, 'superseded')
    }
    ;({ open } = await readState(registry, settings, [], undefined))
  }
  throw new FleetRefused('Other runs begin and end all the time. Try again when they have ended.')
}

function settingsOf ({ only, to, down, canary = 0, concurrency, onError = 'continue' }: FleetOrder): Settings {
  const known = loadMigrations('tenant').length
  const target = to ?? known
  if (target > known) throw new FleetRefused(`This code knows ${known} versions of the tenants' schema, none numbered ${target}.`)
  if (down === true && to === undefined) throw new FleetRefused('Say with --to which version tenants are to be taken back to.')
  return { direction: down === true ? 'down' : 'up', target, only: only === undefined ? null : [...new Set(only)].sort(), canary, concurrency: concurrency ?? null, onError }
}

export function sameTerms (run: OpenRun, settings: Settings): boolean {
  return run.direction === settings.direction && run.target === settings.target && JSON.stringify(run.only) === JSON.stringify(settings.only)
}

async function refuseStrangers (registry: RegistryDb, only: string[]): Promise<void> {
  const strangers = await findStrangers(registry, only)
  if (strangers.length > 0) throw new FleetRefused(`No active or suspended tenant has the id ${strangers.join(', ')}. List them with: koinonia tenants list`)
}

function pendingFiles ({ direction, target }: Settings, { behind, spares }: FleetState, files: readonly MigrationFile[]): readonly MigrationFile[] {
  if (behind.length === 0) return spares > 0 ? files.slice(target - 1, target) : []
  return direction === 'up'
    ? files.slice(Math.min(...behind.map(({ lowest }) => lowest)), target)
    : files.slice(target, Math.max(...behind.map(({ highest }) => highest))).reverse()
}

/** Going back is asked for by name, knowing that it drops things. */
function unsafeIn (settings: Settings, state: FleetState, files: readonly MigrationFile[]): UnsafeStatement[] {
  if (settings.direction === 'down' || state.behind.length === 0) return []
  const highest = Math.max(...state.behind.map(({ highest }) => highest))
  return findUnsafe(pendingFiles(settings, state, files), settings.target - highest)
}
