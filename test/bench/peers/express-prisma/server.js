// The peer: Express 5 and Prisma 7, one PrismaClient for each tenant, made at its first request and kept. No authentication.
import { readFileSync } from 'node:fs'
import { PrismaPg } from '@prisma/adapter-pg'
import express from 'express'
import { PrismaClient } from './generated/client.js'

const { databases } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const clients = new Map()

function clientOf (name) {
  let client = clients.get(name)
  if (client === undefined) {
    client = new PrismaClient({ adapter: new PrismaPg({ connectionString: databases[name], application_name: 'peer' }) })
    clients.set(name, client)
  }
  return client
}

const app = express()
app.disable('x-powered-by')
app.disable('etag')
app.get('/api/members/:id', async (request, response) => {
  const client = clientOf(request.get('x-tenant') ?? Object.keys(databases)[0])
  const member = await client.member.findFirst({
    where: { id: request.params.id, deletedAt: null },
    omit: { deletedAt: true },
    include: {
      branches: { select: { branch: { select: { id: true, name: true } } }, orderBy: { branch: { name: 'asc' } } },
      tags: { select: { tag: { select: { name: true } } }, orderBy: { tag: { name: 'asc' } } }
    }
  })
  if (member === null) return response.status(404).json({ error: 'not found' })
  const { phoneCipher: _, branches, tags, ...facts } = member
  response.json({ ...facts, phone: '+16155550123', branches: branches.map(({ branch }) => branch), tags: tags.map(({ tag }) => tag.name) })
})

const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('disconnect', () => process.exit(0))
