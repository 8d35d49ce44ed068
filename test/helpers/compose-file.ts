// docker-compose.yml as compose itself reads it: anchors merged, variables put in.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { packageRoot } from '../../src/config.js'

export interface Service {
  image?: string
  build?: string
  command?: string
  profiles?: string[]
  environment?: Record<string, string | number>
  depends_on?: Record<string, unknown>
  healthcheck?: { test: string | string[] }
  volumes?: string[]
  configs?: Array<{ source: string, target: string }>
}
export interface Compose { services: Record<string, Service>, volumes: Record<string, unknown>, configs: Record<string, { content: string }> }

/** @throws Error naming a variable that must be set and is not among those given */
export function readCompose (variables: Readonly<Record<string, string>>): Compose {
  const raw = readFileSync(join(packageRoot, 'docker-compose.yml'), 'utf8')
  const filled = raw.replace(/\$\$|\$\{(\w+)(?::([?-])([^}]*))?\}/g, (all, name: string, how: string | undefined, rest: string) => {
    if (all === '$$') return '$'
    const value = variables[name] ?? (how === '-' ? rest : undefined)
    if (value === undefined) throw new Error(`docker-compose.yml: ${name} is not set`)
    return value
  })
  return parse(filled, { merge: true }) as Compose
}
