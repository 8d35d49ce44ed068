// The wire of settings.
import { getCountries } from 'libphonenumber-js/min'
import { type Static, Type } from 'typebox'
import { nullable } from '../../http/wire.js'
import { type Country } from '../members/phone.js'
import { defaultHelp, defaultWelcome } from './own-texts.js'

/** Sent as it is, after the organization's name. */
export const OwnText = Type.String({ minLength: 1, maxLength: 480, pattern: '^[^\\u0000]*\\S[^\\u0000]*$', examples: [defaultWelcome] })

const welcomeRule = 'Sent once to a number, when its member is put on record as opted in by you. Must contain "Msg & data rates may apply", HELP and STOP.'
const helpRule = 'The answer to HELP and INFO. Say how to reach you; must contain "Msg & data rates may apply" and STOP.'

export const MessagingSettings = Type.Object({
  welcome: Type.Object({
    enabled: Type.Boolean({ description: 'Off until you turn it on. Carriers expect an opt-in to be confirmed by text: turn it on unless you do so yourself.', examples: [false] }),
    text: Type.String({ description: `${welcomeRule} The name of the organization is put in front.`, examples: [defaultWelcome] })
  }),
  helpText: Type.String({ description: `${helpRule} The name of the organization is put in front.`, examples: [defaultHelp] })
})
export type MessagingSettings = Static<typeof MessagingSettings>

export const MessagingChanges = Type.Object({
  welcome: Type.Optional(Type.Object({
    enabled: Type.Optional(Type.Boolean()),
    text: Type.Optional(nullable({ ...OwnText, description: `${welcomeRule} Null: our own text.` }))
  }, { additionalProperties: false, minProperties: 1 })),
  helpText: Type.Optional(nullable({ ...OwnText, description: `${helpRule} Null: our own text.` }))
}, { additionalProperties: false, minProperties: 1, examples: [{ welcome: { enabled: true, text: defaultWelcome } }] })
export type MessagingChanges = Static<typeof MessagingChanges>

const OwnCountry = (description: string) => Type.Unsafe<Country | null>({ type: ['string', 'null'], enum: [...getCountries(), null], description, examples: ['US'] })

export const PhoneSettings = Type.Object({
  country: OwnCountry('Where a phone number without a country code is taken to be (ISO 3166): as set by you, or else the country of the organization\'s time zone. Null: neither is known, and such numbers are refused.'),
  own: OwnCountry('As set by you.')
})
export type PhoneSettings = Static<typeof PhoneSettings>

export const PhoneChanges = Type.Object({ own: OwnCountry('Null: the country of the organization\'s time zone.') }, { additionalProperties: false, examples: [{ own: 'US' }] })
export type PhoneChanges = Static<typeof PhoneChanges>
