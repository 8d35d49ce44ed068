// Sign-up under an Idempotency-Key: one organization, however often it is asked for.
import { randomUUID } from 'node:crypto'
import { type FieldCrypto, registryCrypto } from '../../crypto/fields.js'
import { problem } from '../../errors.js'
import { answersKeptForMs, answerUnder } from '../../http/idempotency-key.js'
import { type Services } from '../../services.js'
import { type SignedInAnswer } from './answer-tokens.js'
import { isTokenUnused } from './queries.js'
import { readRefreshToken } from './refresh-token.js'
import { register, type Registration, type SignedIn } from './register.js'
import { type Caller } from './session.js'
import { claimKey, freeKey, keepAnswer, type KeyClaim, selectKey } from './sign-up-key-queries.js'

/** `requestText` is all of the request that must be the same. */
export interface Once { key: string, requestText: string }

/** Longer than sign-ups take, also in line for a database. A slower one loses the key and is undone. */
const claimMs = 60_000

/**
 * The answer is kept before the activation and counts from it on: whatever dies in between, the key holds what was signed up,
 * or nothing, and then goes with the tenant when that is undone.
 * @throws Problem IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_KEY_REUSED; SIGN_UP_SESSION_USED; what `register` and `withTenant` throw
 */
export async function registerOnce (
  services: Services, { key, requestText }: Once, registration: Registration, caller: Caller, describe: (signedIn: SignedIn) => SignedInAnswer
): Promise<{ answer: SignedInAnswer, replayed: boolean }> {
  const { registry, clock, keyring } = services
  const fields = registryCrypto(keyring, 'sign-up-keys')
  const claim = { id: randomUUID(), keyHash: fields.blindIndex(`key:${key}`), requestHash: fields.blindIndex(`request:${requestText}`) }
  const now = clock.now()
  if (!await claimKey(registry, claim, now, new Date(now.getTime() + claimMs))) {
    return { answer: await replay(services, fields, claim), replayed: true }
  }
  try {
    const answer = await register(services, registration, caller, async (signedIn) => {
      const described = describe(signedIn)
      const cipher = fields.encrypt(JSON.stringify(described))
      const kept = await keepAnswer(registry, claim, signedIn.tenantId, cipher, new Date(clock.now().getTime() + answersKeptForMs))
      if (!kept) throw problem('IDEMPOTENCY_KEY_IN_USE')
      return described
    })
    return { answer, replayed: false }
  } catch (error) {
    await free(services, claim)
    throw error
  }
}

/** A token used twice ends its session, so one that has been used is never handed out again. */
async function replay (services: Services, fields: FieldCrypto, { keyHash, requestHash }: KeyClaim): Promise<SignedInAnswer> {
  const cipher = answerUnder(await selectKey(services.registry, keyHash), requestHash)
  const answer = JSON.parse(fields.decrypt(cipher)) as SignedInAnswer
  const token = readRefreshToken(answer.refreshToken)
  const isUnused = token !== undefined &&
    await services.tenancy.withTenant(token.tenantId, (db) => isTokenUnused(db, token.hash, services.clock.now()))
  if (!isUnused) throw problem('SIGN_UP_SESSION_USED')
  return answer
}

async function free (services: Services, claim: KeyClaim): Promise<void> {
  try {
    await freeKey(services.registry, claim)
  } catch (error) {
    services.log.warn({ err: error }, 'the key of a failed sign-up was not freed; it is when its time is up')
  }
}
