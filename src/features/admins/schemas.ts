// The wire of admins, as their colleagues see them.
import { type Static, Type } from 'typebox'
import { Uuid } from '../../http/wire.js'

export const Colleague = Type.Object({
  id: Uuid,
  email: Type.String({ examples: ['ruth@example.org'] }),
  firstName: Type.String({ examples: ['Ruth'] }),
  lastName: Type.String({ examples: ['Miller'] }),
  role: Type.String({ enum: ['primary', 'co_admin', 'staff'] }),
  status: Type.String({ enum: ['invited', 'active', 'disabled'], description: 'Only active ones can sign in, and be assigned conversations.', examples: ['active'] })
})
export type Colleague = Static<typeof Colleague>
