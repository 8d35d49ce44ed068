// Every route the production application registers, as it registers it: taken from Fastify itself, so that none can be forgotten.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type FastifyInstance, type RouteOptions } from 'fastify'

/** Collects the routes of every application built while `build` runs. */
export async function recordRoutes<T> (build: () => Promise<T>): Promise<{ built: T, routes: RouteOptions[] }> {
  const routes: RouteOptions[] = []
  const listen = (message: unknown): void => {
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', (route) => { routes.push(route) })
  }
  subscribe('fastify.initialization', listen)
  try {
    return { built: await build(), routes }
  } finally {
    unsubscribe('fastify.initialization', listen)
  }
}
