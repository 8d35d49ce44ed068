// What a segment's filter fits: the SQL it compiles to against a plain reading of the same words, over made-up members.
import fc from 'fast-check'
import { type RawBuilder, sql } from 'kysely'
import t from 'tap'
import { Check } from 'typebox/value'
import { type AskedAt, compileFilter } from '../../../src/features/segments/compile-filter.js'
import { birthdaysWithin } from '../../../src/features/segments/birthdays.js'
import { type Condition, SegmentFilter } from '../../../src/features/segments/filter-schema.js'
import { addMembers, tenantDatabase } from '../../helpers/tenant-database.js'

interface Person {
  firstName: string
  lastName: string
  email: string | null
  birthday: string | null
  optInState: 'pending' | 'opted_in' | 'opted_out'
  timeZone: string | null
  custom: Record<string, string | number | boolean | null>
  joinedDaysAgo: number
  repliedDaysAgo: number | null
  tags: string[]
  branches: number[]
}

const at: AskedAt = { now: new Date('2027-02-20T03:30:00Z'), timeZone: 'America/Chicago' }
const dayMs = 86_400_000
const ago = (days: number): Date => new Date(at.now.getTime() - days * dayMs)

const tagNames = ['Choir', 'youth', 'ushers']
const zones = ['America/Chicago', 'America/New_York', 'Europe/Berlin']
const customValue = fc.constantFrom<string | number | boolean | null>('gold', 'Gold', '', '42', '42.0', '-3', 42, 41.5, 1e20, true, false, null, '4 2', '%', '_')
const name = fc.constantFrom('Ada', 'ada', 'Élodie', 'o\'Neil', 'A%', '_', '\\', 'Noah')

const person: fc.Arbitrary<Person> = fc.record({
  firstName: name,
  lastName: fc.oneof(name, fc.constant('')),
  email: fc.constantFrom(null, 'ada@example.org', 'noah@example.com'),
  birthday: fc.constantFrom(null, '1990-02-19', '1992-02-29', '1988-02-28', '2001-03-01', '1970-12-31', '1985-01-01'),
  optInState: fc.constantFrom('pending', 'opted_in', 'opted_out'),
  timeZone: fc.constantFrom(null, ...zones),
  custom: fc.dictionary(fc.constantFrom('plan', 'age', 'it\'s'), customValue, { noNullPrototype: true }),
  joinedDaysAgo: fc.integer({ min: 0, max: 40 }),
  repliedDaysAgo: fc.option(fc.integer({ min: 0, max: 40 })),
  tags: fc.uniqueArray(fc.constantFrom(...tagNames)),
  branches: fc.uniqueArray(fc.constantFrom(0, 1, 2))
})

const textValue = fc.constantFrom('ada', 'ADA', 'élo', 'É', '%', '_', '\\', 'o\'', 'no', 'example', 'x')
const key = fc.constantFrom('plan', 'age', 'it\'s', 'none\' OR true --')
const time = fc.integer({ min: 0, max: 40 }).map((days) => ago(days).toISOString())
const listOp = fc.constantFrom('any' as const, 'none' as const)
const timeField = fc.constantFrom('joined' as const, 'lastReplied' as const)

function conditionOf (branchIds: readonly string[]): fc.Arbitrary<Condition> {
  const setOp = fc.constantFrom('any' as const, 'all' as const, 'none' as const)
  const textField = fc.constantFrom('firstName' as const, 'lastName' as const, 'email' as const)
  return fc.oneof(
    fc.record({ field: textField, op: fc.constantFrom('is' as const, 'isNot' as const, 'contains' as const, 'startsWith' as const), value: textValue }),
    fc.record({ field: textField, op: fc.constantFrom('isEmpty' as const, 'isNotEmpty' as const) }),
    fc.record({ field: fc.constant('custom' as const), key, op: fc.constantFrom('is' as const, 'isNot' as const), value: customValue.filter((value) => value !== null && value !== '').map((value) => value ?? '') }),
    fc.record({ field: fc.constant('custom' as const), key, op: fc.constant('contains' as const), value: fc.constantFrom('4', 'ol', '%', 'tru') }),
    fc.record({ field: fc.constant('custom' as const), key, op: fc.constantFrom('atLeast' as const, 'atMost' as const), value: fc.constantFrom(-3, 41.5, 42, 1e21, 0) }),
    fc.record({ field: fc.constant('custom' as const), key, op: fc.constantFrom('isSet' as const, 'isNotSet' as const) }),
    fc.record({ field: fc.constant('tags' as const), op: setOp, values: fc.array(fc.constantFrom('choir', ' CHOIR ', 'Youth', 'ushers', 'nobody'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ field: fc.constant('branches' as const), op: setOp, values: fc.array(fc.constantFrom(...branchIds), { minLength: 1, maxLength: 3 }) }),
    fc.record({ field: timeField, op: fc.constantFrom('before' as const, 'after' as const), time }),
    fc.record({ field: timeField, op: fc.constant('within' as const), days: fc.integer({ min: 1, max: 40 }) }),
    fc.constant<Condition>({ field: 'lastReplied', op: 'never' }),
    fc.record({ field: fc.constant('optInState' as const), op: listOp, values: fc.uniqueArray(fc.constantFrom('pending' as const, 'opted_in' as const, 'opted_out' as const), { minLength: 1 }) }),
    fc.record({ field: fc.constant('birthday' as const), op: fc.constant('month' as const), months: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }) }),
    fc.record({ field: fc.constant('birthday' as const), op: fc.constant('within' as const), days: fc.integer({ min: 0, max: 366 }) }),
    fc.record({ field: fc.constant('timeZone' as const), op: listOp, values: fc.array(fc.constantFrom(...zones), { minLength: 1, maxLength: 2 }) })
  )
}

const low = (text: string): string => text.toLowerCase()
const asNumber = (value: unknown): number | null => typeof value === 'number' ? value : typeof value === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : null

/** The plain reading, written for this test alone. */
function fits (one: Person, condition: Condition, branchIds: readonly string[]): boolean {
  switch (condition.field) {
    case 'firstName': case 'lastName': case 'email': {
      const text = one[condition.field] ?? ''
      if (!('value' in condition)) return (condition.op === 'isEmpty') === (text === '')
      const [has, wanted] = [low(text), low(condition.value)]
      return { is: has === wanted, isNot: has !== wanted, contains: has.includes(wanted), startsWith: has.startsWith(wanted) }[condition.op]
    }
    case 'custom': {
      const value = Object.hasOwn(one.custom, condition.key) ? one.custom[condition.key] ?? null : null
      const text = value === null ? '' : typeof value === 'number' ? BigInt(Math.trunc(value)) === BigInt(1e20) ? '100000000000000000000' : String(value) : String(value)
      if (!('value' in condition)) return (condition.op === 'isSet') === (text !== '')
      if (condition.op === 'contains') return low(text).includes(low(condition.value))
      if (condition.op === 'atLeast' || condition.op === 'atMost') {
        const number = asNumber(value)
        return number !== null && (condition.op === 'atLeast' ? number >= condition.value : number <= condition.value)
      }
      const equal = typeof condition.value === 'number' ? asNumber(value) === condition.value : low(text) === low(String(condition.value))
      return condition.op === 'is' ? equal : !equal
    }
    case 'tags': return among(condition.op, condition.values.map((value) => low(value.trim())), one.tags.map(low))
    case 'branches': return among(condition.op, condition.values, one.branches.map((index) => branchIds[index] ?? ''))
    case 'joined': case 'lastReplied': {
      if (condition.op === 'never') return one.repliedDaysAgo === null
      const days = condition.field === 'joined' ? one.joinedDaysAgo : one.repliedDaysAgo
      if (days === null) return false
      if (condition.op === 'within') return days <= condition.days
      return condition.op === 'before' ? ago(days) < new Date(condition.time) : ago(days) > new Date(condition.time)
    }
    case 'optInState': return (condition.op === 'any') === condition.values.includes(one.optInState)
    case 'timeZone': return (condition.op === 'any') === condition.values.includes(one.timeZone ?? at.timeZone)
    case 'birthday': {
      if (one.birthday === null) return false
      const [, month = 0, day = 0] = one.birthday.split('-').map(Number)
      if (condition.op === 'month') return condition.months.includes(month)
      // Today is 19 February 2027 there; neither 2027 nor 2028's February matters to whoever was not born on the 29th.
      const next = [2027, 2028].map((year) => Date.UTC(year, month - 1, month === 2 && day === 29 && year === 2027 ? 28 : day)).find((when) => when >= Date.UTC(2027, 1, 19)) ?? 0
      const leapDay = month === 2 && day === 29 ? (Date.UTC(2027, 1, 28) - Date.UTC(2027, 1, 19)) / dayMs : (next - Date.UTC(2027, 1, 19)) / dayMs
      return leapDay <= condition.days
    }
  }
}

function among (op: 'any' | 'all' | 'none', wanted: readonly string[], has: readonly string[]): boolean {
  const found = wanted.filter((one) => has.includes(one))
  return { any: found.length > 0, none: found.length === 0, all: found.length === wanted.length }[op]
}

void t.test('a filter fits exactly whom its words mean, whatever the values', async (t) => {
  const ground = await tenantDatabase(t)
  const { db } = ground
  const people = fc.sample(person, { numRuns: 150, seed: 20270220 })
  const members = await addMembers(ground, people.length)
  const { rows: branches } = await sql<{ id: string }>`INSERT INTO branches (name) VALUES ('A'), ('B'), ('C') RETURNING id`.execute(db)
  await sql`INSERT INTO tags (name) SELECT unnest(${tagNames}::text[])`.execute(db)
  const branchIds = branches.map(({ id }) => id)
  for (const [index, one] of people.entries()) {
    const { id = '', phoneHash = Buffer.alloc(32), phoneCipher = phoneHash } = members[index] ?? {}
    await sql`UPDATE members SET first_name = ${one.firstName}, last_name = ${one.lastName}, email = ${one.email}, birthday = ${one.birthday}, opt_in_state = ${one.optInState},
      time_zone = ${one.timeZone}, custom = ${JSON.stringify(one.custom)}::jsonb, created_at = ${ago(one.joinedDaysAgo)} WHERE id = ${id}`.execute(db)
    await sql`INSERT INTO member_tags (member_id, tag_id) SELECT ${id}, t.id FROM tags t WHERE t.name = ANY (${one.tags}::text[])`.execute(db)
    await sql`INSERT INTO member_branches (member_id, branch_id) SELECT ${id}, unnest(${one.branches.map((branch) => branchIds[branch])}::uuid[])`.execute(db)
    // An older closed conversation, and one in which only we have written.
    const replied = one.repliedDaysAgo === null ? [null] : [ago(one.repliedDaysAgo), ago(one.repliedDaysAgo + 5), null]
    for (const time of replied) {
      await sql`INSERT INTO conversations (member_id, address_hash, address_cipher, our_number, status, last_inbound_at, last_message_at, last_message_preview)
        VALUES (${id}, ${phoneHash}, ${phoneCipher}, '+16155550100', 'closed', ${time}, now(), 'x')`.execute(db)
    }
  }
  const idsWhere = async (condition: RawBuilder<boolean>): Promise<Set<string>> =>
    new Set((await sql<{ id: string }>`SELECT m.id FROM members m WHERE ${condition}`.execute(db)).rows.map(({ id }) => id))
  const condition = conditionOf(branchIds)
  const filter: fc.Arbitrary<SegmentFilter> = fc.record({ match: fc.constantFrom('all' as const, 'any' as const), conditions: fc.array(condition, { minLength: 1, maxLength: 4 }) })
  let some = 0
  await fc.assert(fc.asyncProperty(filter, async (filter) => {
    if (!Check(SegmentFilter, filter)) throw new Error('the schema refuses what was made up')
    const found = await idsWhere(compileFilter(filter, at))
    const holds = (one: Person): boolean => filter.match === 'all' ? filter.conditions.every((each) => fits(one, each, branchIds)) : filter.conditions.some((each) => fits(one, each, branchIds))
    const wanted = people.flatMap((one, index) => holds(one) ? [members[index]?.id ?? ''] : [])
    if (found.size > 0 && found.size < people.length) some++
    const differing = people.filter((one, index) => holds(one) !== found.has(members[index]?.id ?? ''))
    if (differing.length > 0 || found.size !== wanted.length) throw new Error(`differs for ${JSON.stringify(differing[0])}`)
  }), { numRuns: 600 })
  t.ok(some > 300, `${some} of the filters fit some and not others`)
})

void t.test('a birthday on 29 February is kept on the 28th of a year that has none', async (t) => {
  const zone = 'America/Chicago'
  t.same(birthdaysWithin(0, new Date('2027-02-28T12:00:00Z'), zone), ['02-28', '02-29'])
  t.same(birthdaysWithin(1, new Date('2028-02-28T12:00:00Z'), zone), ['02-28', '02-29'])
  t.same(birthdaysWithin(0, new Date('2028-02-28T12:00:00Z'), zone), ['02-28'])
  t.same(birthdaysWithin(0, new Date('2027-03-01T04:00:00Z'), zone), ['02-28', '02-29'], 'the day is the organization\'s, not that of UTC')
  t.equal(birthdaysWithin(366, new Date('2027-01-01T12:00:00Z'), zone).length, 366, 'a year of days, all of them once')
})
