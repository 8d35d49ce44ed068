// A recipient for everyone whom a message is meant for: with the one text, or with each their own.
import { type RawBuilder, sql } from 'kysely'
import { type Tenant, type TenantDb } from '../../tenancy/tenant.js'
import { whoIsMeant } from './audience.js'
import { insertRecipients, insertRendered, type Queued, type RenderedText } from './audience-queries.js'
import { judgeText, readRendering } from './compose-message.js'
import { requireSendable } from './count-parts.js'
import { pagesOfPeople, valuesOf } from './people.js'
import { setText, type StartingMessage } from './queries.js'

/** In the transaction that starts the message. A recipient whose own text can't be sent is suppressed and stops nobody else. `queue`: from `queueChosen`. */
export async function queueRecipients (trx: TenantDb, tenant: Tenant, message: StartingMessage, now: Date, queue: RawBuilder<unknown>): Promise<Queued> {
  const { id, audience, topic } = message
  const media = [...message.mediaUrls, ...message.mediaIds]
  const { included } = await whoIsMeant(trx, audience, topic, { now, timeZone: tenant.timeZone })
  const { parsed, render } = readRendering(message)
  const organization = tenant.organizationName ?? ''
  if (parsed.variables.length === 0) {
    const text = render({ firstName: '', lastName: '', organization, branch: '', custom: {} })
    if (text !== message.text) await setText(trx, id, text)
    return await insertRecipients(trx, { id, topic, queue }, included, requireSendable(text, media))
  }
  const total = { chosen: 0, queued: 0 }
  for await (const people of pagesOfPeople(trx, { audience, where: included, excepted: sql`false`, topic, variables: parsed.variables })) {
    const page = await insertRendered(trx, { id, topic, queue }, people.map((person): RenderedText => {
      const text = render(valuesOf(person, organization))
      const { parts, encoding, unsendable: code } = judgeText(text, media)
      return code === null ? { memberId: person.id, text, parts, encoding, code } : { memberId: person.id, text: null, parts: 0, encoding, code }
    }))
    total.chosen += page.chosen
    total.queued += page.queued
  }
  return total
}
