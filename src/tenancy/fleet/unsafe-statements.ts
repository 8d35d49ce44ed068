// Finds in migration files what would lock a table for long, rewrite it, fail on its rows, or break the code that still runs.
import { type MigrationFile } from '../../registry/migration-files.js'
import { type SqlStatement, splitStatements } from '../../registry/sql-statements.js'
import { readTarget, type Rule, rulesBroken } from './unsafe-rules.js'

export interface UnsafeStatement {
  file: string
  line: number
  rule: Rule
  /** Its first words. */
  statement: string
  advice: string
}

const advice: Record<Rule, string> = {
  'index-blocks-writes': 'Writes wait until the index is built. Use CREATE INDEX CONCURRENTLY in a file of its own that says -- No transaction.',
  'concurrently-in-transaction': 'CONCURRENTLY does not work inside a transaction. Put it into a file of its own that says -- No transaction.',
  'not-null-without-default': 'It fails on a table that has rows. Give the column a default, or add it nullable, fill it, and set NOT NULL later.',
  'rewrites-table': 'The whole table is written anew while nobody can read it. Add a new column and fill it in steps.',
  'scans-under-lock': 'Every row is checked while nobody can write. Add the constraint NOT VALID, and VALIDATE it in a later file.',
  'whole-table-update': 'Every row is written in one transaction. Fill it in steps, outside of migrations.',
  'blocking-lock': 'It holds the table against everyone for as long as it runs.',
  'breaks-running-code': 'The code that still runs asks for it. Take it away in a release after the one that stopped using it.'
}

/** Whatever a file accepts it must not do here either: PostgreSQL refuses it. */
const never: ReadonlySet<Rule> = new Set<Rule>(['concurrently-in-transaction'])

/**
 * Tables made by a file of `pending` hold no rows for anyone who has all of that file before them: `newTo` is the number of
 * pending files at the end which every tenant lacks.
 */
export function findUnsafe (pending: readonly MigrationFile[], newTo = pending.length): UnsafeStatement[] {
  const made = new Set<string>()
  return pending.flatMap((file, index) => {
    // Here only this file's own tables are empty for all.
    const own = index < pending.length - newTo ? new Set<string>() : made
    return splitStatements(file.up).flatMap((statement) => check(file, statement, own))
  })
}

function check (file: MigrationFile, { text, line }: SqlStatement, made: Set<string>): UnsafeStatement[] {
  const target = readTarget(text)
  if (target?.creates === true) made.add(target.table)
  if (target !== undefined && made.has(target.table)) return []
  const before = file.text.slice(0, file.text.indexOf(file.up)).split('\n').length - 1
  return rulesBroken(text, file.transactional)
    .filter((rule) => never.has(rule) || !file.accepts.has(rule))
    .map((rule) => ({ file: file.name, line: line + before, rule, statement: shorten(text), advice: advice[rule] }))
}

function shorten (text: string): string {
  const words = text.replace(/\s+/g, ' ')
  return words.length <= 100 ? words : `${words.slice(0, 99)}…`
}
