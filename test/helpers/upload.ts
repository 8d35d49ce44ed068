// Uploads a file as a browser does, and makes pictures to upload.
import { randomBytes } from 'node:crypto'
import { type FastifyInstance } from 'fastify'
import sharp, { type Sharp } from 'sharp'
import { type Media } from '../../src/features/media/schemas.js'

export interface UploadPart { content: Buffer, name?: string, type?: string, field?: string }
export interface Uploaded { status: number, body: Media & { code?: string, detail?: string }, headers: Record<string, unknown> }

export async function multipartOf (parts: readonly UploadPart[], fields: Record<string, string> = {}): Promise<{ payload: Buffer, headers: { 'content-type': string } }> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  for (const { content, name = 'file.bin', type = 'application/octet-stream', field = 'file' } of parts) form.append(field, new Blob([content], { type }), name)
  const encoded = new Response(form)
  return { payload: Buffer.from(await encoded.arrayBuffer()), headers: { 'content-type': encoded.headers.get('content-type') ?? '' } }
}

export async function upload (app: FastifyInstance, { headers }: { headers: Record<string, string> }, part: UploadPart | Buffer): Promise<Uploaded> {
  const { payload, headers: ofBody } = await multipartOf([Buffer.isBuffer(part) ? { content: part } : part])
  const response = await app.inject({ method: 'POST', url: '/api/media', payload, headers: { ...headers, ...ofBody } })
  return { status: response.statusCode, body: response.json(), headers: response.headers }
}

/** Noise, which no encoder makes small; `smooth` gives something like a photograph. */
export async function picture (width: number, height: number, { smooth = false } = {}): Promise<Sharp> {
  const [w, h] = smooth ? [16, 16] : [width, height]
  const noise = sharp(randomBytes(w * h * 3), { raw: { width: w, height: h, channels: 3 } })
  return smooth ? sharp(await noise.resize(width, height, { kernel: 'cubic', fit: 'fill' }).png().toBuffer()) : noise
}

export async function smallPng (): Promise<Buffer> {
  return await (await picture(20, 10, { smooth: true })).png().toBuffer()
}
