// The wire of branches.
import { type Static, Type } from 'typebox'
import { nullable, Timestamp, TimeZone, Uuid } from '../../http/wire.js'

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', examples: ['North Campus'] })
const Address = Type.String({ minLength: 1, maxLength: 500, examples: ['12 Main Street, Nashville, TN 37201'] })

export const Branch = Type.Object({
  id: Uuid,
  name: Type.String({ examples: ['North Campus'] }),
  address: nullable(Type.String({ examples: ['12 Main Street, Nashville, TN 37201'] })),
  timeZone: nullable(Type.String({ description: 'Null: that of the organization.', examples: ['America/Chicago'] })),
  isActive: Type.Boolean(),
  memberCount: Type.Integer({ examples: [120] }),
  createdAt: Timestamp,
  updatedAt: Timestamp
})
export type Branch = Static<typeof Branch>

export const NewBranch = Type.Object({
  name: Name,
  address: Type.Optional(nullable(Address)),
  timeZone: Type.Optional(nullable(TimeZone))
}, { additionalProperties: false })
export type NewBranch = Static<typeof NewBranch>

export const BranchChanges = Type.Partial(Type.Object({
  name: Name,
  address: nullable(Address),
  timeZone: nullable(TimeZone),
  isActive: Type.Boolean({ description: 'False hides the branch from choice lists; its members stay in it.' })
}), { additionalProperties: false, minProperties: 1 })
export type BranchChanges = Static<typeof BranchChanges>
