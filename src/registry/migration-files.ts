// The migration files of a folder, read once in a process: what each does, takes back, and accepts by intent.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { packageRoot } from '../config.js'

export type MigrationFolder = 'registry' | 'tenant'

export interface MigrationFile {
  /** As `pgmigrations` knows it: without its ending. */
  name: string
  path: string
  /** The whole text, by which a line of it is found. */
  text: string
  up: string
  /** Undefined when there is no way back. */
  down: string | undefined
  /** False for a file that says `-- No transaction`: each of its statements commits by itself, as CREATE INDEX CONCURRENTLY needs. */
  transactional: boolean
  /** Rules of unsafe DDL that it means to break: `-- Accepts <rule>, <rule>: <why>`. */
  accepts: ReadonlySet<string>
}

const loaded = new Map<MigrationFolder, readonly MigrationFile[]>()

export const folderPath = (folder: MigrationFolder): string => join(packageRoot, 'migrations', folder)

/** Absolute paths in the order they are applied. */
export function migrationFiles (folder: MigrationFolder): string[] {
  return readdirSync(folderPath(folder)).filter((name) => !name.startsWith('.')).sort().map((name) => join(folderPath(folder), name))
}

/** In the order they are applied: the first brings a database to version 1. */
export function loadMigrations (folder: MigrationFolder): readonly MigrationFile[] {
  let files = loaded.get(folder)
  if (files === undefined) {
    files = migrationFiles(folder).map((path) => readMigration(path, readFileSync(path, 'utf8')))
    loaded.set(folder, files)
  }
  return files
}

/** @throws Error when it is no SQL file, or has no part that begins with `-- Up Migration` */
export function readMigration (path: string, text: string): MigrationFile {
  const upAt = text.search(/^\s*--[\s-]*up\s+migration/im)
  if (!path.endsWith('.sql') || upAt < 0) throw new Error(`${path} is no migration: it must be an .sql file with -- Up Migration and -- Down Migration`)
  const downAt = text.search(/^\s*--[\s-]*down\s+migration/im)
  return {
    name: basename(path, '.sql'),
    path,
    text,
    up: text.slice(upAt, downAt < upAt ? undefined : downAt),
    down: downAt < 0 ? undefined : text.slice(downAt),
    transactional: !/^\s*--\s*no transaction\b/im.test(text),
    accepts: new Set([...text.matchAll(/^\s*--\s*accepts\s+([^:\n]+):[^\S\n]*\S/gim)].flatMap(([, rules = '']) => rules.split(',').map((rule) => rule.trim())))
  }
}
