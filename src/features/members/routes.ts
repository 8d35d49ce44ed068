// /api/members
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { pageOf } from '../../http/pagination.js'
import { IdParams } from '../../http/wire.js'
import { announceEvents } from '../events/record-event.js'
import { wakeDispatch } from '../messages/wake-dispatch.js'
import { countryOf, searchedCountry } from '../settings/phone-country.js'
import { changeMember } from './change-member.js'
import { consentRoutes } from './consent-routes.js'
import { createMember } from './create-member.js'
import { deleteMember } from './delete-member.js'
import { getMember } from './find-member.js'
import { listMembers } from './list-members.js'
import { normalizePhone } from './phone.js'
import { refuseUnfit } from './refuse-unfit.js'
import { Member, MemberChanges, MemberQuery, NewMember, type OptIn } from './schemas.js'
import { toWire } from './to-wire.js'
import { prepareWelcome } from './welcome.js'

const tags = ['members']

export const memberRoutes: FastifyPluginAsyncTypebox = async (app) => {
  await app.register(consentRoutes)
  const fieldsOf = (request: FastifyRequest) => fieldCrypto(app.services.keyring, request.actor.tenantId)
  const welcomeFor = async (request: FastifyRequest, { optIn }: { optIn?: OptIn }) => optIn === undefined ? null : await prepareWelcome(app.services, request.db, request.tenant)
  /** With the country code of the phone number. */
  const fit = async <Body extends MemberChanges>({ db, tenant }: FastifyRequest, body: Body): Promise<Body> => {
    refuseUnfit(body, app.services.clock.now())
    return body.phone === undefined ? body : { ...body, phone: normalizePhone(body.phone, await countryOf(db, tenant)) }
  }

  app.post('/members', {
    config: { errors: ['PHONE_INVALID', 'MEMBER_PHONE_TAKEN', 'BRANCH_NOT_FOUND'] },
    schema: {
      operationId: 'createMember',
      tags,
      summary: 'Add a member',
      description: 'Without optIn the member is pending and gets no broadcast. Someone who has opted out by text stays opted out, and whose number has texted START or an opt-in keyword is opted in. With optIn they are welcomed by text, once, if PATCH /api/settings/messaging has turned that on.',
      body: NewMember,
      response: { 201: Member }
    }
  }, async (request, reply) => {
    const fields = fieldsOf(request)
    const welcome = await welcomeFor(request, request.body)
    const created = await createMember(request.db, fields, await fit(request, request.body), requestedBy(request), welcome)
    if (welcome !== null) await wakeDispatch(app.services, request.tenant.id)
    announceEvents(app.services, request.actor.tenantId)
    return reply.code(201).send(toWire(created, fields))
  })

  app.get('/members', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listMembers', tags, summary: 'List or search the members, by last name', querystring: MemberQuery, response: { 200: pageOf(Member) } }
  }, async (request) => listMembers(request.db, fieldsOf(request), request.query, await searchedCountry(request)))

  app.get('/members/:id', {
    config: { errors: ['MEMBER_NOT_FOUND'] },
    schema: { operationId: 'getMember', tags, summary: 'Read a member', params: IdParams, response: { 200: Member } }
  }, async (request) => toWire(await getMember(request.db, request.params.id), fieldsOf(request)))

  app.patch('/members/:id', {
    config: { errors: ['MEMBER_NOT_FOUND', 'PHONE_INVALID', 'MEMBER_PHONE_TAKEN', 'MEMBER_OPTED_OUT', 'BRANCH_NOT_FOUND'] },
    schema: {
      operationId: 'changeMember',
      tags,
      summary: 'Change a member',
      description: 'branchIds and tags replace what was there. Consent belongs to the phone number: a new one starts as pending, or as what its owner last texted about it.',
      params: IdParams,
      body: MemberChanges,
      response: { 200: Member }
    }
  }, async (request) => {
    const fields = fieldsOf(request)
    const welcome = await welcomeFor(request, request.body)
    const changed = await changeMember(request.db, fields, request.params.id, await fit(request, request.body), requestedBy(request), welcome)
    if (welcome !== null) await wakeDispatch(app.services, request.tenant.id)
    announceEvents(app.services, request.actor.tenantId)
    return toWire(changed, fields)
  })

  app.delete('/members/:id', {
    config: { errors: ['MEMBER_NOT_FOUND'] },
    schema: {
      operationId: 'deleteMember',
      tags,
      summary: 'Delete a member',
      description: 'Cancels what waits to be sent to them and frees the phone number. Their consent and opt-out stay on record.',
      params: IdParams,
      response: { 204: Type.Null() }
    }
  }, async (request, reply) => {
    await deleteMember(request.db, request.params.id, requestedBy(request))
    return reply.code(204).send(null)
  })
}
