// Reads /metrics the way Prometheus does: each series by its name and labels, and the type each name was given.
import { type TestProcess } from './build.js'

export interface Scrape {
  /** The value of one series; undefined when it is not there. Labels in any order. */
  value: (name: string, labels?: Record<string, string>) => number | undefined
  /** By name, without the endings of a histogram's series. */
  types: ReadonlyMap<string, string>
  body: string
}

export async function scrape ({ app, services }: Pick<TestProcess, 'app' | 'services'>): Promise<Scrape> {
  const { statusCode, body } = await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${services.config.OPERATOR_TOKEN}` } })
  if (statusCode !== 200) throw new Error(`GET /metrics answered ${statusCode}: ${body}`)
  const series = new Map<string, number>()
  const types = new Map<string, string>()
  for (const line of body.split('\n')) {
    const [, typed, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (typed !== undefined && type !== undefined) types.set(typed, type)
    const [, name, labels = '', value] = /^([a-z]\w*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name !== undefined) series.set(keyOf(name, [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text])), Number(value))
  }
  return { types, body, value: (name, labels = {}) => series.get(keyOf(name, Object.entries(labels))) }
}

function keyOf (name: string, labels: Array<[string, string]>): string {
  return [name, ...labels.map((label) => label.join('=')).sort()].join(' ')
}
