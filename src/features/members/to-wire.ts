// A member's row as the wire has it: the phone number decrypted, field by field so that nothing else gets out.
import { type FieldCrypto } from '../../crypto/fields.js'
import { toTimestamp } from '../../http/wire.js'
import { type MemberRow } from './queries.js'
import { type Member } from './schemas.js'

export function toWire (row: MemberRow, fields: FieldCrypto): Member {
  return {
    id: row.id,
    firstName: row.firstName,
    lastName: row.lastName,
    phone: fields.decrypt(row.phoneCipher),
    email: row.email,
    birthday: row.birthday,
    optInState: row.optInState,
    branches: row.branches,
    tags: row.tags,
    timeZone: row.timeZone,
    custom: row.custom,
    createdAt: toTimestamp(row.createdAt),
    updatedAt: toTimestamp(row.updatedAt)
  }
}
