// Decides what becomes of each row of a batch, from what is known of the people in it: no database, no clock.
import { type OptInState } from '../schemas.js'
import { mergeFields, type WhenExists } from './merge-fields.js'
import { type ImportedPerson, type PersonFields, type ReadRow } from './read-row.js'
import { type RowConsent } from './read-row-consent.js'

export interface RowOutcome {
  row: number
  outcome: 'created' | 'updated' | 'unchanged' | 'duplicate' | 'invalid'
  reason: string | null
  memberId: string | null
  /** Of the first row with this number only. */
  phoneHash: Buffer | null
}

/** A member, or one to be, while the rows of a batch are gone through. */
export interface Person {
  id: string
  isNew: boolean
  phone: string
  phoneHash: Buffer
  fields: PersonFields
  state: OptInState
  tags: Set<string>
  branches: Set<string>
  changed: boolean
  addTags: Set<string>
  addBranches: Set<string>
  /** Consent to put on record. */
  word: { action: 'granted', row: number, source: string, note: string | null } | { action: 'withdrawn', row: number } | undefined
}

export interface Known {
  policy: WhenExists
  hashOf: (phone: string) => Buffer
  /** The member with this number; undefined when there is none. */
  member: (hash: Buffer) => Omit<Person, 'phone'> | undefined
  /** What someone who is no member starts from, by what was said from the number. */
  stateOnRecord: (hash: Buffer) => OptInState
  /** The row of this import, before this batch, that had this number. */
  earlierRow: (hash: Buffer) => number | undefined
  /** Id by name; undefined for what does not exist and is not to be made. */
  tagId: (name: string) => string | undefined
  branchId: (name: string) => string | undefined
  newId: () => string
}

export function decideRows (rows: readonly ReadRow[], known: Known): { outcomes: RowOutcome[], people: Person[] } {
  const people = new Map<string, Person>()
  const rowsOf = new Map<string, number>()
  const decide = (read: ReadRow): RowOutcome => {
    const refused = (reason: string): RowOutcome => ({ row: read.row, outcome: 'invalid', reason, memberId: null, phoneHash: null })
    if ('invalid' in read) return refused(read.invalid)
    const { row, person } = read
    const [tags, branches] = [person.tags.map(known.tagId), person.branches.map(known.branchId)]
    if (tags.includes(undefined)) return refused('tag_unknown')
    if (branches.includes(undefined)) return refused('branch_unknown')
    const hash = known.hashOf(person.phone)
    const key = hash.toString('hex')
    const first = rowsOf.get(key) ?? known.earlierRow(hash)
    const found = people.get(key) ?? toPerson(person, hash, known)
    people.set(key, found)
    if (first === undefined) rowsOf.set(key, row)
    const isSkipped = known.policy === 'skip' && (first !== undefined || !found.isNew)
    const { changed, notes } = isSkipped ? { changed: false, notes: [] } : apply(found, read, { tags, branches }, known.policy)
    found.changed ||= changed
    const outcome = first !== undefined ? 'duplicate' : found.isNew ? 'created' : changed ? 'updated' : 'unchanged'
    const reasons = [...(first === undefined ? [] : [`same_phone_as_row_${first}`]), ...(isSkipped && first === undefined ? ['member_exists'] : []), ...notes]
    return { row, outcome, reason: reasons.length === 0 ? null : reasons.join(' '), memberId: found.id, phoneHash: first === undefined ? hash : null }
  }
  return { outcomes: rows.map(decide), people: [...people.values()] }
}

function toPerson (person: ImportedPerson, hash: Buffer, known: Known): Person {
  const member = known.member(hash)
  if (member !== undefined) return { ...member, phone: person.phone }
  const fields: PersonFields = { firstName: '', lastName: '', email: null, birthday: null, timeZone: null, custom: {} }
  return {
    id: known.newId(),
    isNew: true,
    phone: person.phone,
    phoneHash: hash,
    fields,
    state: known.stateOnRecord(hash),
    tags: new Set(),
    branches: new Set(),
    changed: false,
    addTags: new Set(),
    addBranches: new Set(),
    word: undefined
  }
}

interface Applied { changed: boolean, notes: string[] }

function apply (found: Person, { row, person }: { row: number, person: ImportedPerson }, ids: { tags: Array<string | undefined>, branches: Array<string | undefined> }, policy: WhenExists): Applied {
  const merged = mergeFields(found.fields, person.fields, policy)
  const hasNews = JSON.stringify(merged) !== JSON.stringify(found.fields)
  found.fields = merged
  const isTagged = add(ids.tags, found.tags, found.addTags)
  const isPlaced = add(ids.branches, found.branches, found.addBranches)
  const said = applyConsent(found, row, person.consent)
  return { changed: hasNews || isTagged || isPlaced || said.changed, notes: said.notes }
}

/** An opt-out always counts; an opt-in counts with its evidence, and never after an opt-out. */
function applyConsent (found: Person, row: number, consent: RowConsent): Applied {
  const noted = (...notes: string[]): Applied => ({ changed: false, notes })
  if (found.state === 'opted_out') {
    const isNews = consent.said === 'yes' || consent.said === 'unproven' || (found.isNew && consent.said === 'no')
    return isNews ? noted('opted_out_stays') : noted()
  }
  if (consent.said === 'out') {
    found.word = { action: 'withdrawn', row }
    found.state = 'opted_out'
    return { changed: true, notes: ['opted_out'] }
  }
  if (found.state === 'opted_in' || consent.said === 'no') return noted()
  if (consent.said === 'unproven') return noted('opt_in_without_evidence')
  found.word = { action: 'granted', row, source: consent.source, note: consent.note }
  found.state = 'opted_in'
  return { changed: true, notes: [] }
}

function add (ids: ReadonlyArray<string | undefined>, has: Set<string>, added: Set<string>): boolean {
  const missing = ids.filter((id) => id !== undefined && !has.has(id)) as string[]
  for (const id of missing) {
    has.add(id)
    added.add(id)
  }
  return missing.length > 0
}
