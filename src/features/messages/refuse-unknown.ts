// Refuses what names members, branches, tags or segments that do not exist, and says which.
import { problem, type ProblemCode } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { unknownSegments } from '../segments/use-segments.js'
import { unknownAmong } from './audience-queries.js'
import { type Audience } from './audience-schema.js'

type Kind = 'member' | 'branch' | 'tag' | 'segment'

/** `path`: a JSON pointer to where they were named. */
export interface Named { kind: Kind, path: string, asked: readonly string[] }

const codes: Record<Kind, ProblemCode> = { member: 'MEMBER_NOT_FOUND', branch: 'BRANCH_NOT_FOUND', tag: 'TAG_NOT_FOUND', segment: 'SEGMENT_NOT_FOUND' }
const shown = 10

/** In the transaction that uses the audience: its segments can't be deleted before it ends. @throws problem('MEMBER_NOT_FOUND') and the like */
export async function refuseUnknown (trx: TenantDb, audience: Audience): Promise<void> {
  const { except = {} } = audience
  const named = (kind: Kind, place: string, asked: readonly string[] | undefined): Named[] => asked === undefined ? [] : [{ kind, path: `/body/to/${place}`, asked }]
  await refuseUnknownNames(trx, [
    ...('memberIds' in audience ? named('member', 'memberIds', audience.memberIds) : []),
    ...('branchIds' in audience ? named('branch', 'branchIds', audience.branchIds) : []),
    ...('tags' in audience ? named('tag', 'tags', audience.tags) : []),
    ...('segmentId' in audience ? named('segment', 'segmentId', [audience.segmentId]) : []),
    ...named('member', 'except/memberIds', except.memberIds),
    ...named('branch', 'except/branchIds', except.branchIds),
    ...named('tag', 'except/tags', except.tags),
    ...named('segment', 'except/segmentIds', except.segmentIds)
  ])
}

/** @throws problem('MEMBER_NOT_FOUND') and the like, for the first place that names some */
export async function refuseUnknownNames (db: TenantDb, named: readonly Named[]): Promise<void> {
  for (const { kind, path, asked } of named) {
    const unknown = kind === 'segment' ? await unknownSegments(db, asked) : await unknownAmong(db, kind, asked)
    if (unknown.length === 0) continue
    const more = unknown.length > shown ? ` and ${unknown.length - shown} more` : ''
    throw problem(codes[kind], {
      detail: `No ${kind} has the ${kind === 'tag' ? 'name' : 'id'} ${unknown.slice(0, shown).join(', ')}${more}. Nothing was done; leave ${unknown.length === 1 ? 'it' : 'them'} out and try again.`,
      errors: unknown.map((value) => ({ path, message: `${value} does not exist` }))
    })
  }
}
