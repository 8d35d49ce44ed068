// What the carrier remembers, as schemas: they type the state and check the journal when it is read back.
import Type, { type Static } from 'typebox'

const nullableString = Type.Union([Type.String(), Type.Null()])

const profileSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  enabled: Type.Boolean(),
  webhookUrl: nullableString,
  webhookFailoverUrl: nullableString,
  whitelistedDestinations: Type.Array(Type.String()),
  createdAt: Type.String(),
  updatedAt: Type.String()
})
export type Profile = Static<typeof profileSchema>

const ownedNumberSchema = Type.Object({
  id: Type.String(),
  phoneNumber: Type.String(),
  profileId: nullableString,
  customerReference: nullableString,
  createdAt: Type.String(),
  updatedAt: Type.String()
})
export type OwnedNumber = Static<typeof ownedNumberSchema>

const orderStatus = Type.Union([Type.Literal('pending'), Type.Literal('success'), Type.Literal('failure')])

const numberOrderSchema = Type.Object({
  id: Type.String(),
  status: orderStatus,
  profileId: nullableString,
  customerReference: nullableString,
  lines: Type.Array(Type.Object({ id: Type.String(), phoneNumber: Type.String(), status: orderStatus })),
  createdAt: Type.String(),
  updatedAt: Type.String()
})
export type NumberOrder = Static<typeof numberOrderSchema>

const messageStatus = Type.Union([
  Type.Literal('queued'), Type.Literal('sent'), Type.Literal('delivered'), Type.Literal('sending_failed'),
  Type.Literal('delivery_failed'), Type.Literal('delivery_unconfirmed')
])
export type MessageStatus = Static<typeof messageStatus>

/** The carrier's own copy of a file that a text carries. */
const mediaFileSchema = Type.Object({
  /** Its SHA-256 in hex and its extension. */
  file: Type.String(),
  type: Type.String(),
  /** Bytes. */
  size: Type.Integer(),
  width: Type.Union([Type.Integer(), Type.Null()]),
  height: Type.Union([Type.Integer(), Type.Null()]),
  name: nullableString
})
export type MediaFile = Static<typeof mediaFileSchema>

/** A text. `outbound` goes from a service number to a phone, `inbound` from a phone to a service number. */
const messageSchema = Type.Object({
  id: Type.String(),
  direction: Type.Union([Type.Literal('outbound'), Type.Literal('inbound')]),
  from: Type.String(),
  to: Type.String(),
  text: Type.String(),
  mediaUrls: Type.Array(Type.String()),
  /** One for each of `mediaUrls`, once they are fetched; null for what a phone sends from elsewhere. */
  media: Type.Optional(Type.Array(Type.Union([mediaFileSchema, Type.Null()]))),
  encoding: Type.Union([Type.Literal('GSM-7'), Type.Literal('UCS-2')]),
  parts: Type.Integer(),
  status: messageStatus,
  errorCode: nullableString,
  profileId: nullableString,
  webhookUrl: nullableString,
  webhookFailoverUrl: nullableString,
  createdAt: Type.String(),
  sentAt: nullableString,
  completedAt: nullableString
})
export type Message = Static<typeof messageSchema>

/** One line of the journal, and the only way the state changes. */
export const entrySchema = Type.Union([
  Type.Object({ set: Type.Literal('profile'), value: profileSchema }),
  Type.Object({ set: Type.Literal('number'), value: ownedNumberSchema }),
  Type.Object({ set: Type.Literal('order'), value: numberOrderSchema }),
  Type.Object({ set: Type.Literal('message'), value: messageSchema }),
  Type.Object({ set: Type.Literal('status'), id: Type.String(), status: messageStatus, at: Type.String(), errorCode: nullableString }),
  Type.Object({ set: Type.Literal('media'), id: Type.String(), media: Type.Array(mediaFileSchema) }),
  Type.Object({ set: Type.Literal('released'), id: Type.String() }),
  Type.Object({ set: Type.Literal('cleared') })
])
export type Entry = Static<typeof entrySchema>
export type StatusEntry = Extract<Entry, { set: 'status' }>
