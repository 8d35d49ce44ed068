// Refuses what names members, branches, tags, segments or topics that do not exist, and says which.
import { problem, type ProblemCode } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { unknownSegments } from '../segments/use-segments.js'
import { unknownAmong } from './audience-queries.js'
import { type NewMessage } from './schemas.js'

type Kind = 'member' | 'branch' | 'tag' | 'segment' | 'topic'

/** `path`: a JSON pointer to where they were named. */
export interface Named { kind: Kind, path: string, asked: readonly string[] }

const codes: Record<Kind, ProblemCode> = { member: 'MEMBER_NOT_FOUND', branch: 'BRANCH_NOT_FOUND', tag: 'TAG_NOT_FOUND', segment: 'SEGMENT_NOT_FOUND', topic: 'TOPIC_NOT_FOUND' }
const shown = 10

/** In the transaction that uses the audience: its segments can't be deleted before it ends. @throws problem('MEMBER_NOT_FOUND') and the like */
export async function refuseUnknown (trx: TenantDb, { to: audience, topic }: Pick<NewMessage, 'to' | 'topic'>): Promise<void> {
  const { except = {} } = audience
  const named = (kind: Kind, place: string, asked: readonly string[] | undefined): Named[] => asked === undefined ? [] : [{ kind, path: `/body/${place}`, asked }]
  await refuseUnknownNames(trx, [
    ...('memberIds' in audience ? named('member', 'to/memberIds', audience.memberIds) : []),
    ...('branchIds' in audience ? named('branch', 'to/branchIds', audience.branchIds) : []),
    ...('tags' in audience ? named('tag', 'to/tags', audience.tags) : []),
    ...('segmentId' in audience ? named('segment', 'to/segmentId', [audience.segmentId]) : []),
    ...named('member', 'to/except/memberIds', except.memberIds),
    ...named('branch', 'to/except/branchIds', except.branchIds),
    ...named('tag', 'to/except/tags', except.tags),
    ...named('segment', 'to/except/segmentIds', except.segmentIds),
    ...named('topic', 'topic', topic === undefined ? undefined : [topic])
  ])
}

/** @throws problem('MEMBER_NOT_FOUND') and the like, for the first place that names some */
export async function refuseUnknownNames (db: TenantDb, named: readonly Named[]): Promise<void> {
  for (const { kind, path, asked } of named) {
    const unknown = kind === 'segment' ? await unknownSegments(db, asked) : await unknownAmong(db, kind, asked)
    if (unknown.length === 0) continue
    const more = unknown.length > shown ? ` and ${unknown.length - shown} more` : ''
    throw problem(codes[kind], {
      detail: `No ${kind} has the ${kind === 'tag' || kind === 'topic' ? 'name' : 'id'} ${unknown.slice(0, shown).join(', ')}${more}. Nothing was done; leave ${unknown.length === 1 ? 'it' : 'them'} out and try again.`,
      errors: unknown.map((value) => ({ path, message: `${value} does not exist` }))
    })
  }
}
