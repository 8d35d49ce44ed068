// Writes answers by their schemas. What does so is made for a route's first answer: for all routes at once it is a third of a start.
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import { type FastifySerializerCompiler } from 'fastify'

const build = SerializerSelector()({}, {})

export const serializerCompiler: FastifySerializerCompiler<unknown> = (route) => {
  let write: ((data: unknown) => string) | undefined
  return (data) => {
    write ??= build({ ...route, httpStatus: route.httpStatus ?? 'default' })
    return write(data)
  }
}
