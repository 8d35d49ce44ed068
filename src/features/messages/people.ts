// The people of an audience, page by page, and what variables say of each.
import { type TenantDb } from '../../tenancy/tenant.js'
import { type ParsedText, type Values } from '../templates/variables.js'
import { type Condition } from './audience.js'
import { type Audience } from './audience-schema.js'
import { peopleAfter, type Person } from './audience-queries.js'

/** So many are held in memory at a time. */
const pageSize = 1_000

export interface People {
  audience: Audience
  where: Condition
  excepted: Condition
  topic: string
  variables: ParsedText['variables']
}

export async function * pagesOfPeople (db: TenantDb, { audience, where, excepted, topic, variables }: People): AsyncGenerator<Person[]> {
  const branchIds = 'branchIds' in audience ? audience.branchIds : []
  let after: string | undefined
  for (;;) {
    const people = await peopleAfter(db, { where, excepted, topic, variables, branchIds, after, limit: pageSize })
    if (people.length > 0) yield people
    if (people.length < pageSize) return
    after = people.at(-1)?.id
  }
}

export function valuesOf ({ firstName, lastName, branch, custom }: Person, organization: string): Values {
  return { firstName, lastName, organization, branch, custom }
}
