// The columns of an export, which are those an import reads.
import { safeCell, joinNames } from '../imports/csv-cells.js'
import { customText } from '../imports/merge-fields.js'
import { type Member } from '../schemas.js'

export function exportHeader (customKeys: readonly string[]): string[] {
  return ['phone', 'firstName', 'lastName', 'email', 'birthday', 'timeZone', 'branches', 'tags', 'optInState', ...customKeys.map((key) => safeCell(`custom.${key}`))]
}

/** A phone number stays as it is: a plus sign and digits alone compute nothing. */
export function exportRow (member: Member, customKeys: readonly string[]): string[] {
  const { phone, firstName, lastName, email, birthday, timeZone, branches, tags, optInState, custom } = member
  const others = [firstName, lastName, email ?? '', birthday ?? '', timeZone ?? '', joinNames(branches.map(({ name }) => name)), joinNames(tags), optInState]
  return [phone, ...[...others, ...customKeys.map((key) => customText(custom[key]))].map(safeCell)]
}
