// The cookies of a browser's session: out of reach of scripts, and not sent from other sites' forms.
import { type CookieSerializeOptions } from '@fastify/cookie'
import { type FastifyReply } from 'fastify'
import { type Config } from '../../config.js'
import { accessCookie } from '../../http/authentication.js'

export const refreshCookie = 'koinonia_refresh'

type Settings = Pick<Config, 'NODE_ENV' | 'PUBLIC_URL' | 'ACCESS_TOKEN_SECONDS' | 'REFRESH_TOKEN_DAYS'>

export function setSessionCookies (reply: FastifyReply, config: Settings, tokens: { accessToken: string, refreshToken: string }): void {
  reply.setCookie(accessCookie, tokens.accessToken, { ...accessOptions(config), maxAge: config.ACCESS_TOKEN_SECONDS })
  reply.setCookie(refreshCookie, tokens.refreshToken, { ...refreshOptions(config), maxAge: config.REFRESH_TOKEN_DAYS * 86_400 })
}

export function clearSessionCookies (reply: FastifyReply, config: Settings): void {
  reply.clearCookie(accessCookie, accessOptions(config))
  reply.clearCookie(refreshCookie, refreshOptions(config))
}

function accessOptions (config: Settings): CookieSerializeOptions {
  return { httpOnly: true, sameSite: 'lax', path: '/', secure: isSecure(config) }
}

/** Sent to the auth routes alone: the longest-lived secret travels least. */
function refreshOptions (config: Settings): CookieSerializeOptions {
  return { ...accessOptions(config), path: '/api/auth' }
}

function isSecure ({ NODE_ENV, PUBLIC_URL }: Settings): boolean {
  return NODE_ENV === 'production' || PUBLIC_URL?.startsWith('https:') === true
}
