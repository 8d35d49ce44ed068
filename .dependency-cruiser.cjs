// The floors of the house: each may import only from itself and from what stands below it.
const floors = [
  ['config', '^src/(config|settings|errors|clock|wall-time|metrics|log|tracing|open-telemetry)\\.ts$'],
  ['crypto', '^src/crypto/'],
  ['registry', '^src/registry/'],
  ['tenancy', '^src/tenancy/'],
  ['jobs-providers', '^src/(jobs|providers)/'],
  ['services', '^src/services\\.ts$'],
  ['http', '^src/http/'],
  ['features', '^src/features/'],
  ['webhooks', '^src/webhooks/'],
  ['app', '^src/(app|operator-app|tasks)\\.ts$'],
  ['cli', '^src/cli/'],
  ['main', '^src/main\\.ts$']
]

const upward = floors.slice(0, -1).map(([name, path], index) => ({
  name: `${name}-imports-only-downward`,
  severity: 'error',
  from: { path },
  to: { path: floors.slice(index + 1).map(([, above]) => above).join('|') }
}))

module.exports = {
  forbidden: [
    ...upward,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    {
      name: 'sandbox-only-from-cli',
      comment: 'What stands in for the outside world is started by the command line and by tests; no product code knows it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(sandbox|cli)/' },
      to: { path: '^src/sandbox/' }
    },
    {
      name: 'queries-stay-in-their-feature',
      comment: 'Where two features meet, one calls the other\'s verb, never its SQL.',
      severity: 'error',
      from: { path: '^src/features/([^/]+)/' },
      to: { path: '^src/features/[^/]+/queries\\.ts$', pathNot: '^src/features/$1/' }
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '\\.d\\.ts$' }, to: {} }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node'] }
  }
}
