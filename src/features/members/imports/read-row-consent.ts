// What one row says of consent: a yes counts with where it was given, a no that is an opt-out counts by itself.
import { type Cell } from './read-row.js'
import { type ImportOptions } from './schemas.js'

/** `unproven` is a yes without saying where it was given. */
export type RowConsent = { said: 'yes', source: string, note: string | null } | { said: 'no' } | { said: 'out' } | { said: 'unproven' }

const most = { source: 100, note: 1_000 }
const yes = /^(y|yes|true|1|x|on|ok|opted[ _-]?in|opt[ _-]?in|in|subscribed|active|granted|ja|si|sí|oui|sim)$/i
const out = /^(opted[ _-]?out|opt[ _-]?out|out|unsubscribed|stop|stopped|withdrawn)$/i

/** `hasColumn`: whether the file has one for it. */
export function readRowConsent (cell: Cell, hasColumn: boolean, options: ImportOptions): RowConsent {
  const said = cell('optIn')
  if (out.test(said)) return { said: 'out' }
  const source = (cell('optInSource') || options.optInSource?.trim() || '').slice(0, most.source)
  const note = (cell('optInNote') || options.optInNote?.trim() || '').slice(0, most.note)
  if (hasColumn && !yes.test(said)) return { said: 'no' }
  if (source === '') return { said: hasColumn ? 'unproven' : 'no' }
  return { said: 'yes', source, note: note === '' ? null : note }
}
