// Imports one batch of rows in one transaction, together with the import's progress: a batch is done whole or not at all.
import { type FieldCrypto } from '../../../crypto/fields.js'
import { type RequestedBy } from '../../../http/audit.js'
import { type TenantDb } from '../../../tenancy/tenant.js'
import { attachMembers } from '../../conversations/attach-member.js'
import { branchesByName, placeMembers } from '../../branches/place-many.js'
import { recordEvents } from '../../events/record-event.js'
import { cancelQueuedForAll } from '../../messages/cancel-queued.js'
import { tagMembers, tagsByName } from '../../tags/tag-many.js'
import { lockAllConsent } from '../consent.js'
import { type E164 } from '../phone.js'
import { placeColumns } from '../phone-zone.js'
import { type OptInState } from '../schemas.js'
import { decideRows, type Known, type Person, type RowOutcome } from './decide-rows.js'
import { countMembers, earlierRows, type ImportedWord, insertPeople, insertWords, lastWords, lockMembers, planningAnew, updatePeople } from './people-queries.js'
import { advanceImport, type Counts, holdClaim, insertOutcomes } from './queries.js'
import { type ReadRow } from './read-row.js'
import { type ImportOptions } from './schemas.js'

export interface Batch {
  importId: string
  token: string
  options: ImportOptions
  by: RequestedBy
  rows: readonly ReadRow[]
  /** Where the next one begins: byte of the file, and the last row of this one. */
  end: { offset: number, row: number }
  /** How long the claim is to last from here, in milliseconds. */
  forMs: number
  newId: () => string
}

/** Someone became a member between the lock of those who were and the lock of consent: go through the batch again. */
export class BatchOvertaken extends Error {
  override readonly name = 'BatchOvertaken'
}

/** False when the import is not this run's any more. @throws BatchOvertaken */
export async function importBatch (db: TenantDb, fields: FieldCrypto, batch: Batch): Promise<boolean> {
  return await db.transaction().execute(async (trx) => {
    if (!await holdClaim(trx, batch.importId, batch.token)) return false
    const { known, isMember } = await planningAnew(trx, () => lookUp(trx, fields, batch))
    const { outcomes, people } = decideRows(batch.rows, known)
    if (batch.options.dryRun !== true) await write(trx, fields, batch, people)
    // Who is not to become a member yet has no id.
    await insertOutcomes(trx, batch.importId, batch.options.dryRun === true ? outcomes.map((one) => ({ ...one, memberId: isMember(one.memberId) ? one.memberId : null })) : outcomes)
    const counts = await advanceImport(trx, batch.importId, { counts: countOutcomes(outcomes), ...batch.end, forMs: batch.forMs })
    await recordEvents(trx, [{ type: 'import.progress', data: { importId: batch.importId, status: 'running', counts: { ...counts } } }])
    return true
  })
}

async function lookUp (trx: TenantDb, fields: FieldCrypto, { importId, options, rows, newId }: Batch): Promise<{ known: Known, isMember: (id: string | null) => boolean }> {
  const found = rows.flatMap((row) => 'person' in row ? [row.person] : [])
  const hashes = new Map(found.map(({ phone }): [string, Buffer] => [phone, fields.blindIndex(phone)]))
  const phoneHashes = [...hashes.values()]
  const members = await lockMembers(trx, phoneHashes)
  await lockAllConsent(trx)
  if (await countMembers(trx, phoneHashes) !== members.length) throw new BatchOvertaken()
  const words = new Map((await lastWords(trx, phoneHashes)).map((word) => [word.phone_hash.toString('hex'), word]))
  const earlier = new Map((await earlierRows(trx, importId, phoneHashes)).map((row) => [row.phone_hash?.toString('hex'), row.row_number]))
  const stateOnRecord = (hash: Buffer): OptInState => {
    const word = words.get(hash.toString('hex'))
    if (word === undefined) return 'pending'
    if (word.action !== 'granted') return 'opted_out'
    return word.source === 'keyword' ? 'opted_in' : 'pending'
  }
  const byHash = new Map(members.map((row) => [row.phone_hash.toString('hex'), row]))
  const make = { tags: options.createTags ?? true, branches: options.createBranches ?? false }
  const isDry = options.dryRun === true
  const tags = await tagsByName(trx, distinct(found.flatMap((person) => person.tags)), make.tags && !isDry)
  const branches = await branchesByName(trx, distinct(found.flatMap((person) => person.branches)), make.branches && !isDry)
  const known: Known = {
    policy: options.whenExists ?? 'fill',
    hashOf: (phone) => hashes.get(phone) ?? fields.blindIndex(phone),
    member: (hash) => {
      const row = byHash.get(hash.toString('hex'))
      return row && { ...toPerson(row), state: stateOnRecord(hash) === 'opted_out' ? 'opted_out' : row.opt_in_state }
    },
    stateOnRecord,
    earlierRow: (hash) => earlier.get(hash.toString('hex')),
    tagId: (name) => tags.get(name) ?? (isDry && make.tags ? name : undefined),
    branchId: (name) => branches.get(name) ?? (isDry && make.branches ? name : undefined),
    newId
  }
  const ids = new Set(members.map(({ id }) => id))
  return { known, isMember: (id) => id !== null && ids.has(id) }
}

function toPerson (row: Awaited<ReturnType<typeof lockMembers>>[number]): Omit<Person, 'phone'> {
  return {
    id: row.id,
    isNew: false,
    phoneHash: row.phone_hash,
    fields: { firstName: row.first_name, lastName: row.last_name, email: row.email, birthday: row.birthday, timeZone: row.time_zone, custom: row.custom },
    state: row.opt_in_state,
    tags: new Set(row.tag_ids),
    branches: new Set(row.branch_ids),
    changed: false,
    addTags: new Set(),
    addBranches: new Set(),
    word: undefined
  }
}

async function write (trx: TenantDb, fields: FieldCrypto, { importId, by }: Batch, people: readonly Person[]): Promise<void> {
  const created = people.filter(({ isNew }) => isNew)
  const changed = people.filter((person) => !person.isNew && person.changed)
  if (created.length > 0) {
    // As read by `readPhone`, which gives E.164 alone.
    await insertPeople(trx, created.map((person) => ({ ...person, phoneCipher: fields.encrypt(person.phone), ...placeColumns(person.phone as E164) })))
    await planningAnew(trx, () => attachMembers(trx, created.map(({ phoneHash }) => phoneHash)))
  }
  if (changed.length > 0) await updatePeople(trx, changed)
  await tagMembers(trx, people.flatMap(({ id, addTags }) => [...addTags].map((tagId) => ({ memberId: id, tagId }))))
  await placeMembers(trx, people.flatMap(({ id, addBranches }) => [...addBranches].map((branchId) => ({ memberId: id, branchId }))))
  await recordWords(trx, people, { importId, ...by })
}

/** As `recordConsent` and `optOut` do it one by one, whose locks the batch holds. */
async function recordWords (trx: TenantDb, people: readonly Person[], evidence: object): Promise<void> {
  const granted: ImportedWord[] = []
  const withdrawn: ImportedWord[] = []
  for (const { id: memberId, phoneHash, word } of people) {
    if (word?.action === 'granted') granted.push({ memberId, phoneHash, evidence: { ...evidence, row: word.row, source: word.source, note: word.note } })
    if (word?.action === 'withdrawn') withdrawn.push({ memberId, phoneHash, evidence: { ...evidence, row: word.row } })
  }
  if (granted.length > 0) await insertWords(trx, 'granted', granted)
  if (withdrawn.length === 0) return
  await insertWords(trx, 'withdrawn', withdrawn)
  await planningAnew(trx, () => cancelQueuedForAll(trx, withdrawn.map(({ phoneHash }) => phoneHash)))
}

function countOutcomes (outcomes: readonly RowOutcome[]): Counts {
  const count = (outcome: RowOutcome['outcome']): number => outcomes.filter((one) => one.outcome === outcome).length
  return { created: count('created'), updated: count('updated'), unchanged: count('unchanged'), duplicates: count('duplicate'), invalid: count('invalid') }
}

function distinct (names: readonly string[]): string[] {
  return [...new Set(names)]
}
