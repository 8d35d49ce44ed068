// /api/branches
import { type FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { fieldCrypto } from '../../crypto/fields.js'
import { requestedBy } from '../../http/audit.js'
import { decodeCursor, encodeCursor, pageOf, pageQuery, toPage } from '../../http/pagination.js'
import { IdParams, toTimestamp } from '../../http/wire.js'
import { changeBranch, createBranch, deleteBranch, getBranch } from './change-branches.js'
import { branchesAfter, type BranchRow } from './queries.js'
import { Branch, BranchChanges, NewBranch } from './schemas.js'

const tags = ['branches']

export const branchRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/branches', {
    config: { errors: ['BRANCH_NAME_TAKEN'] },
    schema: { operationId: 'createBranch', tags, summary: 'Add a branch', body: NewBranch, response: { 201: Branch } }
  }, async (request, reply) => {
    const created = await createBranch(request.db, request.body, requestedBy(request))
    return reply.code(201).send(toWire(created))
  })

  app.get('/branches', {
    config: { errors: ['CURSOR_INVALID'] },
    schema: { operationId: 'listBranches', tags, summary: 'List the branches, by name', querystring: Type.Object(pageQuery), response: { 200: pageOf(Branch) } }
  }, async (request) => {
    const { limit, cursor } = request.query
    const fields = fieldCrypto(app.services.keyring, request.actor.tenantId)
    const after = decodeCursor(fields, 'branches', cursor, 1)?.[0]
    const rows = await branchesAfter(request.db, after, limit + 1)
    return toPage(rows, limit, toWire, (last) => encodeCursor(fields, 'branches', [last.sort_name]))
  })

  app.get('/branches/:id', {
    config: { errors: ['BRANCH_NOT_FOUND'] },
    schema: { operationId: 'getBranch', tags, summary: 'Read a branch', params: IdParams, response: { 200: Branch } }
  }, async (request) => toWire(await getBranch(request.db, request.params.id)))

  app.patch('/branches/:id', {
    config: { errors: ['BRANCH_NOT_FOUND', 'BRANCH_NAME_TAKEN'] },
    schema: { operationId: 'changeBranch', tags, summary: 'Change a branch', params: IdParams, body: BranchChanges, response: { 200: Branch } }
  }, async (request) => toWire(await changeBranch(request.db, request.params.id, request.body, requestedBy(request))))

  app.delete('/branches/:id', {
    config: { errors: ['BRANCH_NOT_FOUND'] },
    schema: {
      operationId: 'deleteBranch',
      tags,
      summary: 'Delete a branch',
      description: 'Its members are kept and only leave the branch. To keep the branch for later, set isActive to false instead.',
      params: IdParams,
      response: { 204: Type.Null() }
    }
  }, async (request, reply) => {
    await deleteBranch(request.db, request.params.id, requestedBy(request))
    return reply.code(204).send(null)
  })
}

function toWire (row: BranchRow): Branch {
  return {
    id: row.id,
    name: row.name,
    address: row.address,
    timeZone: row.time_zone,
    isActive: row.is_active,
    memberCount: row.member_count,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at)
  }
}
