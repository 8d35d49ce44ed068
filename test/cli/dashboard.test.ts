// The Grafana dashboard against what /metrics really has.
import t from 'tap'
import { buildTestApp } from '../helpers/build.js'
import { scrape } from '../helpers/scrape.js'
import { runCli } from './run-cli.js'

interface Panel { id: number, type: string, title: string, targets?: Array<{ expr: string, legendFormat?: string }> }
interface Dashboard { panels: Panel[], templating: { list: Array<{ name: string, definition?: string }> } }

const test = await buildTestApp(t, { spares: 1 })
const { code, stdout } = await runCli(test.registry.url, ['dashboard'])
const dashboard = JSON.parse(stdout) as Dashboard

/** Words that are neither functions nor labels: all that begins as a metric does. */
const metricsIn = (expression: string) => expression.match(/\b(?:koinonia|nodejs|process)_[a-z0-9_]+/g) ?? []

await t.test('every metric that a panel asks for exists, and every panel asks for one', async (t) => {
  t.equal(code, 0)
  await test.signUp()
  const { types } = await scrape(test)
  const exists = (name: string) => types.has(name) || types.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram'
  const panels = dashboard.panels.filter(({ type }) => type !== 'row')
  t.ok(panels.length >= 20)
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  for (const { title, targets = [] } of panels) {
    t.ok(targets.length > 0, title)
    for (const { expr } of targets) {
      const names = metricsIn(expr)
      t.ok(names.length > 0, expr)
      for (const name of names) t.ok(exists(name), `${title}: ${name}`)
    }
  }
  for (const { definition } of dashboard.templating.list) for (const name of metricsIn(definition ?? '')) t.ok(exists(name), name)
})

await t.test('a counter is asked for its rate and a gauge is not; and no figure of ours is left out', async (t) => {
  const { types } = await scrape(test)
  const asked = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  for (const expr of asked) {
    for (const name of metricsIn(expr)) {
      t.equal(/_total$|_bucket$|_seconds_count$/.test(name), new RegExp(`(?:rate|increase)\\(${name}`).test(expr), expr)
    }
  }
  const shown = new Set(asked.flatMap(metricsIn))
  for (const [name, type] of types) if (name.startsWith('koinonia_')) t.ok(shown.has(name) || (type === 'histogram' && shown.has(`${name}_bucket`)), name)
})

await t.test('every label that is asked for, summed by or shown is one that the metric has, and a state that is named is one that is told', async (t) => {
  const { services: { metrics: { registry } } } = test
  const { body } = await scrape(test)
  const labelsOf = (name: string): string[] => {
    const metric = registry.getSingleMetric(name) ?? registry.getSingleMetric(name.replace(/_(bucket|sum|count)$/, ''))
    return [...Reflect.get(metric ?? {}, 'labelNames') as string[], ...(name.endsWith('_bucket') ? ['le'] : [])]
  }
  let [matchers, values] = [0, 0]
  for (const { title, targets = [] } of dashboard.panels) {
    for (const { expr, legendFormat = '' } of targets) {
      const [name = ''] = metricsIn(expr)
      const known = labelsOf(name)
      const by = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(',').map((label) => label.trim())
      for (const label of by ?? []) t.ok(known.includes(label), `${title}: by ${label}`)
      for (const [, label = '', operator, value = ''] of expr.matchAll(/[{,]\s*(\w+)(=~|!~|!=|=)"([^"]*)"/g)) {
        matchers++
        t.ok(known.includes(label), `${title}: {${label}}`)
        if (operator === '=~' || operator === '!~') continue
        values++
        t.match(body, new RegExp(`^${name}\\{[^}]*\\b${label}="${value}"`, 'm'), `${title}: ${label}="${value}"`)
      }
      // What Prometheus itself adds stays only where nothing is summed.
      const shown = by ?? (/\b(?:sum|max|min|avg|count) ?\(/.test(expr) ? [] : [...known, 'instance', 'job'])
      for (const [, label = ''] of legendFormat.matchAll(/{{\s*(\w+)\s*}}/g)) t.ok(shown.includes(label), `${title}: {{${label}}}`)
    }
  }
  t.ok(matchers > 10 && values > 0)
  for (const { definition = '' } of dashboard.templating.list) {
    const [, name = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? []
    if (definition !== '') t.ok(labelsOf(name).includes(label), definition)
  }
})
