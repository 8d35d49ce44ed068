// Refuses what no schema can: so that whatever a member has can also be exported and imported again.
import { type FieldError, problem } from '../../errors.js'
import { fitsCustom } from './custom-fields.js'
import { isBirthday } from './imports/read-birthday.js'
import { type MemberChanges } from './schemas.js'

/** @throws problem('VALIDATION_FAILED') */
export function refuseUnfit ({ birthday, custom }: Pick<MemberChanges, 'birthday' | 'custom'>, today: Date): void {
  const errors: FieldError[] = []
  if (typeof birthday === 'string' && !isBirthday(birthday, today)) errors.push({ path: '/body/birthday', message: 'must be a day from 1900 until today' })
  if (custom !== undefined && !fitsCustom(custom)) errors.push({ path: '/body/custom', message: 'must not have more than 32,000 bytes as JSON' })
  if (errors.length > 0) throw problem('VALIDATION_FAILED', { errors })
}
