// What sign-up and sign-in read and answer on the wire.
import { type Static, Type } from 'typebox'
import { longestPassword, shortestPassword } from './password-rules.js'

const name = (description: string, example: string) => Type.String({ description, minLength: 1, maxLength: 200, pattern: '\\S', examples: [example] })
const email = Type.String({ format: 'email', maxLength: 254, examples: ['ruth@example.org'] })
const tenantId = (description: string) => Type.String({ description, minLength: 1, maxLength: 32, examples: ['k3v9x0q2m4n6p8r1s5t7w9y2'] })
const tokenDelivery = Type.Optional(Type.Union([Type.Literal('cookie'), Type.Literal('body')], {
  description: 'How the refresh token comes: `cookie` (the default) sets HttpOnly cookies for a browser; `body` sets none and answers refreshToken, for callers that keep it themselves.'
}))

const primary = { email: 'ruth@example.org', password: 'five loaves and two fish', firstName: 'Ruth', lastName: 'Miller' }

export const RegisterBody = Type.Object({
  email,
  password: Type.String({
    description: `${shortestPassword} to ${longestPassword} characters of any kind; not a well-known one, nor the e-mail or a name given here.`,
    minLength: shortestPassword,
    maxLength: longestPassword,
    examples: ['five loaves and two fish']
  }),
  firstName: name('Of the primary admin.', 'Ruth'),
  lastName: name('Of the primary admin.', 'Miller'),
  churchName: Type.Optional(name('Signs up a church. Exactly one of churchName and studioName is needed.', 'Grace Church')),
  studioName: Type.Optional(name('Signs up a fitness studio. Exactly one of churchName and studioName is needed.', 'Riverside Fitness')),
  timeZone: Type.Optional(Type.String({ description: 'IANA name; America/New_York when left out.', maxLength: 64, examples: ['America/Chicago'] })),
  tokenDelivery
}, {
  additionalProperties: false,
  examples: [{ ...primary, churchName: 'Grace Church', timeZone: 'America/Chicago' }, { ...primary, studioName: 'Riverside Fitness', tokenDelivery: 'body' }]
})

export const LoginBody = Type.Object({
  email,
  password: Type.String({ minLength: 1, maxLength: longestPassword, examples: ['five loaves and two fish'] }),
  tenantId: Type.Optional(tenantId('Which organization to sign in to, when the e-mail belongs to several.')),
  tokenDelivery
}, { additionalProperties: false })

export const RefreshBody = Type.Optional(Type.Union([Type.Null(), Type.Object({
  refreshToken: Type.Optional(Type.String({ description: 'For callers that keep it themselves; browsers send the cookie and leave the body out.', minLength: 1, maxLength: 200, examples: ['k3v9x0q2m4n6p8r1s5t7w9y2.Rb0xQ7n5T2c8'] }))
}, { additionalProperties: false })]))

export const LogoutBody = Type.Optional(Type.Union([Type.Null(), Type.Object({
  everywhere: Type.Optional(Type.Boolean({ description: 'Also ends the admin\'s sessions on every other device.', examples: [true] }))
}, { additionalProperties: false })]))

const Admin = Type.Object({
  id: Type.String({ format: 'uuid' }),
  email: Type.String({ examples: ['ruth@example.org'] }),
  firstName: Type.String({ examples: ['Ruth'] }),
  lastName: Type.String({ examples: ['Miller'] }),
  role: Type.Union([Type.Literal('primary'), Type.Literal('co_admin'), Type.Literal('staff')])
})

const Organization = Type.Object({
  id: Type.String({ format: 'uuid' }),
  kind: Type.Union([Type.Literal('church'), Type.Literal('studio')]),
  name: Type.String({ examples: ['Grace Church'] }),
  timeZone: Type.String({ examples: ['America/New_York'] }),
  trialEndsAt: Type.String({ format: 'date-time' })
})

const tokens = {
  accessToken: Type.String({ description: 'Send it as Authorization: Bearer.', examples: ['eyJhbGciOiJIUzI1NiJ9.eyJ0aWQiOiJrM3Y5In0.8QmVx1'] }),
  expiresIn: Type.Integer({ description: 'Seconds for which accessToken is good.', examples: [900] }),
  csrfToken: Type.String({ description: 'Callers by cookie send it as X-CSRF-Token with every request that is not a GET.', examples: ['p6nX0tJ7wE3m1Yk9'] }),
  refreshToken: Type.Optional(Type.String({ description: 'Only when it does not come as a cookie. Good once: each refresh answers the next.' }))
}

export const SignedIn = Type.Object({
  ...tokens,
  admin: Admin,
  organization: Organization,
  tenantId: tenantId('Names the organization\'s database.'),
  trialEndsAt: Type.String({ format: 'date-time' })
})

export const Refreshed = Type.Object({ ...tokens, tenantId: tenantId('Names the organization\'s database.') })

export const Me = Type.Object({ admin: Admin, organization: Organization, tenantId: tenantId('Names the organization\'s database.') })

export const CsrfToken = Type.Object({ csrfToken: tokens.csrfToken })

export type Admin = Static<typeof Admin>
export type Organization = Static<typeof Organization>
export type TokenDelivery = Exclude<Static<typeof tokenDelivery>, undefined>
export type RegisterBody = Static<typeof RegisterBody>
