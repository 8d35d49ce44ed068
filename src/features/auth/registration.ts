// From the fields of a sign-up to what is signed up: a church or a studio, never both, never neither.
import { problem } from '../../errors.js'
import { type Registration } from './register.js'
import { type RegisterBody } from './schemas.js'

/** @throws Problem VALIDATION_FAILED unless exactly one of churchName and studioName is given */
export function readRegistration ({ churchName, studioName, email, password, firstName, lastName, timeZone }: RegisterBody): Registration {
  const common = { email, password, firstName, lastName, timeZone }
  if (churchName !== undefined && studioName === undefined) return { ...common, kind: 'church', organizationName: churchName }
  if (studioName !== undefined && churchName === undefined) return { ...common, kind: 'studio', organizationName: studioName }
  const message = 'is needed, or studioName instead: exactly one of the two'
  throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/churchName', message }] })
}
