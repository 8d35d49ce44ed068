// The wire of media.
import { type Readable } from 'node:stream'
import { type Static, Type } from 'typebox'
import { pageQuery } from '../../http/pagination.js'
import { nullable, Timestamp, Uuid } from '../../http/wire.js'

export const Media = Type.Object({
  id: Uuid,
  origin: Type.String({ enum: ['upload', 'inbound'], description: 'upload: made to fit, can be sent. inbound: from a member, kept as it came.' }),
  contentType: Type.String({ description: 'By the bytes, whatever it was called.', examples: ['image/jpeg'] }),
  size: Type.Integer({ description: 'In bytes, as it is kept and sent.', examples: [212_480] }),
  originalSize: Type.Integer({ description: 'In bytes, as it came.', examples: [4_812_310] }),
  width: nullable(Type.Integer({ description: 'In pixels; null for what is no picture.', examples: [1600] })),
  height: nullable(Type.Integer({ examples: [1200] })),
  name: nullable(Type.String({ examples: ['easter.jpg'] })),
  url: Type.String({ description: 'Where its bytes are, for signed-in callers; below the address of this API.', examples: ['/api/media/0199b4c2-6d1e-7f3a-9c5b-2a4e8d1f6b70/content'] }),
  createdAt: Timestamp
})
export type Media = Static<typeof Media>

export const MediaQuery = Type.Object({
  origin: Type.Optional(Type.Enum(['upload', 'inbound'], { description: 'Without it: both.' })),
  ...pageQuery
})

/** What is left of the body when the file has been received; in the description it is the file itself. */
export const UploadBody = Type.Object({
  file: Type.String({ contentMediaType: 'application/octet-stream', description: 'The one part of the upload, under any name. Its type is told by its bytes; what the part says of it is not believed.', examples: ['(the bytes of easter.jpg)'] })
}, { additionalProperties: false })

/** Bytes, which no serializer touches; a range of them, or nothing when the caller has them already. */
const Content = Type.Unsafe<Readable>({ type: 'string', contentMediaType: 'application/octet-stream', examples: ['(the bytes of the file)'] })
const bytes = { content: { '*/*': { schema: Content } } }
export const contentAnswers = { 200: bytes, 206: bytes, 304: Type.Null({ description: 'The caller has it already, as its If-None-Match says.' }) }
