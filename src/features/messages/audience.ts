// Who is meant by an audience, as conditions on a member's row `m`.
import { type RawBuilder, sql } from 'kysely'
import { type TenantDb } from '../../tenancy/tenant.js'
import { topicRefusal } from '../members/topic-consent.js'
import { type AskedAt, fitsAnySegment } from '../segments/use-segments.js'
import { type Audience, type Except } from './audience-schema.js'

export type Condition = RawBuilder<boolean>

export interface Meant {
  /** Chosen, whatever their consent. */
  chosen: Condition
  /** Chosen, but left out by `except`. */
  excepted: Condition
  /** Gets a recipient row: chosen, not excepted, and opted in, to the topic too, or chosen by name. */
  included: Condition
  /** Gets a text. */
  texted: Condition
}

export async function whoIsMeant (db: TenantDb, audience: Audience, topic: string, at: AskedAt): Promise<Meant> {
  const chosen = sql<boolean>`m.deleted_at IS NULL AND ${await chosenBy(db, audience, at)}`
  const left = audience.except === undefined ? [] : await leftOutBy(db, audience.except, at)
  const kept = [chosen, ...left.map((one) => sql`NOT ${one}`)]
  const texted = all([...kept, sql`m.opt_in_state = 'opted_in'`, sql`${refusalOf(topic)} IS NULL`])
  return {
    chosen,
    excepted: left.length === 0 ? sql`false` : sql`(${sql.join(left, sql` OR `)})`,
    included: 'memberIds' in audience ? all(kept) : texted,
    texted
  }
}

/** Null, or why the topic's messages do not go to the member `m`. */
export function refusalOf (topic: string): RawBuilder<string | null> {
  return topicRefusal({ memberId: sql`m.id`, phoneHash: sql`m.phone_hash`, topic })
}

function all (conditions: readonly RawBuilder<unknown>[]): Condition {
  return sql`(${sql.join(conditions, sql` AND `)})`
}

async function chosenBy (db: TenantDb, audience: Audience, at: AskedAt): Promise<Condition> {
  if ('memberIds' in audience) return isOneOf(audience.memberIds)
  if ('branchIds' in audience) return inBranches(audience.branchIds)
  if ('tags' in audience) return hasTag(audience.tags)
  if ('segmentId' in audience) return await fitsAnySegment(db, [audience.segmentId], at, false)
  return sql`true`
}

/** A segment that is gone leaves everyone out: better nobody gets it than someone who should not. */
async function leftOutBy (db: TenantDb, { memberIds, branchIds, tags, segmentIds }: Except, at: AskedAt): Promise<Condition[]> {
  return [
    ...(memberIds === undefined ? [] : [isOneOf(memberIds)]),
    ...(branchIds === undefined ? [] : [inBranches(branchIds)]),
    ...(tags === undefined ? [] : [hasTag(tags)]),
    ...(segmentIds === undefined ? [] : [await fitsAnySegment(db, segmentIds, at, true)])
  ]
}

function isOneOf (memberIds: readonly string[]): Condition {
  return sql`(m.id = ANY (${memberIds}::uuid[]))`
}

function inBranches (branchIds: readonly string[]): Condition {
  return sql`EXISTS (SELECT FROM member_branches mb WHERE mb.member_id = m.id AND mb.branch_id = ANY (${branchIds}::uuid[]))`
}

function hasTag (names: readonly string[]): Condition {
  return sql`EXISTS (SELECT FROM member_tags mt JOIN tags t ON t.id = mt.tag_id WHERE mt.member_id = m.id AND lower(t.name) = ANY (${names.map(foldTag)}::text[]))`
}

/** As tags are compared: space at the ends and repeated within does not count, nor does case. */
export function foldTag (name: string): string {
  return name.trim().replace(/\s+/g, ' ').toLowerCase()
}
