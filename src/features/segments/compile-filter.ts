// A segment's filter as SQL on a member's row `m`: bound parameters only, and never null, so that NOT means not.
import { type RawBuilder, sql } from 'kysely'
import { birthdaysWithin } from './birthdays.js'
import { type Condition, type SegmentFilter } from './filter-schema.js'

/** The moment at which a filter is asked, and the organization's time zone (IANA). */
export interface AskedAt { now: Date, timeZone: string }

type Sql = RawBuilder<boolean>
type Of<Field extends Condition['field'], One = Condition> = One extends { field: infer Named } ? [Extract<Named, Field>] extends [never] ? never : One : never

const dayMs = 86_400_000

export function compileFilter ({ match, conditions }: SegmentFilter, at: AskedAt): Sql {
  return sql`(${sql.join(conditions.map((condition) => compile(condition, at)), match === 'all' ? sql` AND ` : sql` OR `)})`
}

function compile (condition: Condition, at: AskedAt): Sql {
  switch (condition.field) {
    case 'firstName': return compileText(sql`m.first_name`, condition)
    case 'lastName': return compileText(sql`m.last_name`, condition)
    case 'email': return compileText(sql`coalesce(m.email, '')`, condition)
    case 'custom': return compileCustom(condition)
    case 'tags': return compileMany(condition.op, fold(condition.values), (wanted) => sql`
      FROM member_tags mt JOIN tags t ON t.id = mt.tag_id WHERE mt.member_id = m.id AND lower(t.name) = ANY (${wanted}::text[])`)
    case 'branches': return compileMany(condition.op, [...new Set(condition.values)], (wanted) => sql`
      FROM member_branches mb WHERE mb.member_id = m.id AND mb.branch_id = ANY (${wanted}::uuid[])`)
    case 'joined': return compileJoined(condition, at)
    case 'lastReplied': return compileReplied(condition, at)
    case 'optInState': return oneOf(condition.op, sql`m.opt_in_state`, condition.values)
    case 'birthday': return compileBirthday(condition, at)
    case 'timeZone': return oneOf(condition.op, sql`coalesce(m.time_zone, ${at.timeZone}::text)`, condition.values)
  }
}

function compileText (column: RawBuilder<string>, condition: Of<'firstName' | 'lastName' | 'email'>): Sql {
  switch (condition.op) {
    case 'is': return sql`lower(${column}) = lower(${condition.value}::text)`
    case 'isNot': return sql`lower(${column}) <> lower(${condition.value}::text)`
    case 'contains': return contains(column, condition.value)
    case 'startsWith': return sql`starts_with(lower(${column}), lower(${condition.value}::text))`
    case 'isEmpty': return sql`${column} = ''`
    case 'isNotEmpty': return sql`${column} <> ''`
  }
}

function compileCustom (condition: Of<'custom'>): Sql {
  const text = sql<string>`coalesce(m.custom ->> ${condition.key}::text, '')`
  switch (condition.op) {
    case 'is': return equals(condition.key, text, condition.value)
    case 'isNot': return sql`NOT ${equals(condition.key, text, condition.value)}`
    case 'contains': return contains(text, condition.value)
    case 'atLeast': return sql`coalesce(${numberIn(condition.key)} >= ${condition.value}::numeric, false)`
    case 'atMost': return sql`coalesce(${numberIn(condition.key)} <= ${condition.value}::numeric, false)`
    case 'isSet': return sql`${text} <> ''`
    case 'isNotSet': return sql`${text} = ''`
  }
}

function contains (text: RawBuilder<string>, words: string): Sql {
  return sql`position(lower(${words}::text) IN lower(${text})) > 0`
}

function equals (key: string, text: RawBuilder<string>, value: string | number | boolean): Sql {
  if (typeof value === 'number') return sql`coalesce(${numberIn(key)} = ${value}::numeric, false)`
  return sql`lower(${text}) = lower(${String(value)}::text)`
}

/** What a custom field holds as a number, or as text that looks like one; otherwise null. */
function numberIn (key: string): RawBuilder<number | null> {
  return sql`CASE WHEN jsonb_typeof(m.custom -> ${key}::text) = 'number' OR m.custom ->> ${key}::text ~ '^-?[0-9]{1,15}(\\.[0-9]{1,15})?$' THEN (m.custom ->> ${key}::text)::numeric END`
}

function compileMany (op: 'any' | 'all' | 'none', values: string[], rows: (wanted: string[]) => RawBuilder<unknown>): Sql {
  switch (op) {
    case 'any': return sql`EXISTS (SELECT ${rows(values)})`
    case 'none': return sql`NOT EXISTS (SELECT ${rows(values)})`
    case 'all': return sql`(SELECT count(*) ${rows(values)}) = ${values.length}::int`
  }
}

function compileJoined (condition: Of<'joined'>, { now }: AskedAt): Sql {
  switch (condition.op) {
    case 'before': return sql`m.created_at < ${condition.time}::timestamptz`
    case 'after': return sql`m.created_at > ${condition.time}::timestamptz`
    case 'within': return sql`m.created_at >= ${daysAgo(now, condition.days)}::timestamptz`
  }
}

function compileReplied (condition: Of<'lastReplied'>, { now }: AskedAt): Sql {
  const replied = (when: RawBuilder<boolean>): Sql => sql`EXISTS (SELECT FROM conversations c WHERE c.member_id = m.id AND ${when})`
  switch (condition.op) {
    case 'before': return sql`(${replied(sql`c.last_inbound_at IS NOT NULL`)} AND NOT ${replied(sql`c.last_inbound_at >= ${condition.time}::timestamptz`)})`
    case 'after': return replied(sql`c.last_inbound_at > ${condition.time}::timestamptz`)
    case 'within': return replied(sql`c.last_inbound_at >= ${daysAgo(now, condition.days)}::timestamptz`)
    case 'never': return sql`NOT ${replied(sql`c.last_inbound_at IS NOT NULL`)}`
  }
}

function compileBirthday (condition: Of<'birthday'>, { now, timeZone }: AskedAt): Sql {
  if (condition.op === 'month') return sql`coalesce(extract(month FROM m.birthday) = ANY (${condition.months}::int[]), false)`
  return sql`coalesce(to_char(m.birthday, 'MM-DD') = ANY (${birthdaysWithin(condition.days, now, timeZone)}::text[]), false)`
}

function oneOf (op: 'any' | 'none', column: RawBuilder<string>, values: readonly string[]): Sql {
  return op === 'any' ? sql`${column} = ANY (${values}::text[])` : sql`${column} <> ALL (${values}::text[])`
}

function daysAgo (now: Date, days: number): Date {
  return new Date(now.getTime() - days * dayMs)
}

/** As tags are compared: space at the ends and repeated within does not count, nor does case. */
function fold (names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.trim().replace(/\s+/g, ' ').toLowerCase()))]
}
