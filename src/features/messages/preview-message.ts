// What a message would say and cost, for its real audience as of now; nothing is written.
import { type Config } from '../../config.js'
import { type Services } from '../../services.js'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { toTimestamp } from '../../http/wire.js'
import { findDefaultSender } from '../numbers/default-sender.js'
import { readDaytimeRules } from '../quiet-hours/departures.js'
import { forecastDepartures } from '../quiet-hours/forecast.js'
import { GENERAL } from '../members/consent.js'
import { nameOf, valueOf, type ParsedText } from '../templates/variables.js'
import { whoIsMeant } from './audience.js'
import { type Person } from './audience-queries.js'
import { composeMessage, type Composed, judgeText, readRendering, type Rendering } from './compose-message.js'
import { countByPlace } from './departure-queries.js'
import { ForcingCharacters } from './forcing-characters.js'
import { pagesOfPeople, valuesOf } from './people.js'
import { type SendKind } from './lease-tokens.js'
import { type MessagePreview } from './preview-schema.js'
import { paceOf } from './rates.js'
import { refuseUnknown } from './refuse-unknown.js'
import { type NewMessage } from './schemas.js'
import { settleTimes } from './settle-times.js'

const sampleSize = 10
const leftOutSample = 5

/** @throws as `sendMessage`, but for a missing number and an empty audience, which are no faults here */
export async function previewMessage (services: Services, db: TenantDb, tenant: Tenant, message: NewMessage): Promise<MessagePreview> {
  const composed = await composeMessage(db, message)
  const { topic = GENERAL } = message
  await refuseUnknown(db, message)
  const rendering = readRendering(composed)
  const tally = new Tally(composed, rendering, tenant.organizationName ?? '')
  // One snapshot: each member is counted once, whatever changes meanwhile.
  await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(async (trx) => {
    const { chosen, excepted } = await whoIsMeant(trx, message.to, topic, { now: services.clock.now(), timeZone: tenant.timeZone })
    const people = pagesOfPeople(trx, { audience: message.to, where: chosen, excepted, topic, variables: rendering.parsed.variables })
    for await (const page of people) for (const person of page) tally.add(person)
  })
  const result = tally.result(services.config)
  const parts = result.recipients === 0 ? 1 : result.totalParts / result.recipients
  return { ...result, ...await forecast(services, db, tenant, message, { parts, kind: composed.mediaUrls.length + composed.mediaIds.length > 0 ? 'mms' : 'sms' }) }
}

/** What quiet hours and the rates make of it when nothing else leaves. `parts`: of each text, on average. Without a number: as if it were an ordinary one. */
async function forecast ({ config, clock }: Services, db: TenantDb, tenant: Tenant, message: NewMessage, texts: { parts: number, kind: SendKind }): Promise<Pick<MessagePreview, 'deferred' | 'lastLeavesAt'>> {
  const now = clock.now()
  const { sendAt, local } = await settleTimes(db, tenant.timeZone, message, now)
  const { texted } = await whoIsMeant(db, message.to, message.topic ?? GENERAL, { now, timeZone: tenant.timeZone })
  const { number: from = '' } = await findDefaultSender(db) ?? {}
  const { deferred, lastLeavesAt } = forecastDepartures(await countByPlace(db, tenant.timeZone, texted), sendAt ?? now, await readDaytimeRules(db, config), local, paceOf({ ...texts, from }, config))
  return { deferred, lastLeavesAt: lastLeavesAt && toTimestamp(lastLeavesAt) }
}

class Tally {
  readonly #parts = new Map<number, number>()
  readonly #encodings = { gsm7: 0, ucs2: 0 }
  readonly #leftOut = new Map<string, { count: number, sample: Person[] }>()
  readonly #sample: MessagePreview['sample'] = []
  readonly #forcing: ForcingCharacters
  readonly #media: readonly string[]
  /** The one text, when there are no variables. */
  #same: { text: string, judged: ReturnType<typeof judgeText> } | undefined

  constructor (composed: Composed, private readonly rendering: Rendering, private readonly organization: string) {
    this.#forcing = new ForcingCharacters(composed)
    this.#media = [...composed.mediaUrls, ...composed.mediaIds]
  }

  add (person: Person): void {
    const { text, judged } = this.#textFor(person)
    const reason = whyLeftOut(person) ?? judged.unsendable
    if (reason !== null) {
      this.#leaveOut(reason, person)
      return
    }
    const { parts, encoding } = judged
    this.#parts.set(parts, (this.#parts.get(parts) ?? 0) + 1)
    this.#encodings[encoding]++
    if (encoding === 'ucs2') this.#forcing.add(text)
    if (this.#sample.length < sampleSize) {
      this.#sample.push({ ...named(person), text, encoding, parts, variables: resolve(this.rendering.parsed, person, this.organization) })
    }
  }

  result (config: Pick<Config, 'PRICE_PER_PART_CENTS' | 'PRICE_PER_MMS_CENTS'>): Omit<MessagePreview, 'deferred' | 'lastLeavesAt'> {
    const distribution = [...this.#parts].map(([parts, recipients]) => ({ parts, recipients })).sort((one, other) => one.parts - other.parts)
    const recipients = distribution.reduce((sum, one) => sum + one.recipients, 0)
    const totalParts = distribution.reduce((sum, one) => sum + one.parts * one.recipients, 0)
    const price = this.#media.length > 0 ? config.PRICE_PER_MMS_CENTS : config.PRICE_PER_PART_CENTS
    return {
      recipients,
      totalParts,
      parts: distribution,
      encodings: this.#encodings,
      forcingUcs2: this.#forcing.list(),
      costCents: price === undefined ? null : Math.round(totalParts * price * 10_000) / 10_000,
      leftOut: [...this.#leftOut].map(([reason, { count, sample }]) => ({ reason, count, sample: sample.map(named) })),
      sample: this.#sample
    }
  }

  #textFor (person: Person) {
    if (this.#same !== undefined) return this.#same
    const text = this.rendering.render(valuesOf(person, this.organization))
    const found = { text, judged: judgeText(text, this.#media) }
    if (this.rendering.parsed.variables.length === 0) this.#same = found
    return found
  }

  #leaveOut (reason: string, person: Person): void {
    const known = this.#leftOut.get(reason) ?? { count: 0, sample: [] }
    known.count++
    if (known.sample.length < leftOutSample) known.sample.push(person)
    this.#leftOut.set(reason, known)
  }
}

function whyLeftOut ({ excepted, optInState, refusal }: Person): string | null {
  if (excepted) return 'excepted'
  if (optInState === 'opted_out') return 'opted_out'
  return optInState === 'pending' ? 'not_opted_in' : refusal
}

function named ({ id, firstName, lastName }: Person) {
  return { memberId: id, firstName, lastName }
}

function resolve ({ variables }: ParsedText, person: Person, organization: string): MessagePreview['sample'][number]['variables'] {
  return variables.map((variable) => {
    const value = valueOf(variable, valuesOf(person, organization))
    return { name: nameOf(variable), value: value === '' ? variable.fallback : value, isFallback: value === '' }
  })
}
