// The real psql binary of this machine, if it has one: Debian's `psql` is a slow wrapper around it, which would flatter us.
import { readdirSync, realpathSync } from 'node:fs'
import path from 'node:path'

/** The newest of Debian's, else the first of PATH that is a program of its own. */
export function findPsql (searchPath = process.env['PATH'] ?? ''): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = listOf(debian).sort((a, b) => Number(b) - Number(a))
  const places = [...versions.map((version) => path.join(debian, version, 'bin')), ...searchPath.split(':')]
  for (const place of places.filter((one) => listOf(one).includes('psql'))) {
    const real = realpathSync(path.join(place, 'psql'))
    if (!real.endsWith('pg_wrapper')) return real
  }
  return undefined
}

function listOf (folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
