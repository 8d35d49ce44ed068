// What `koinonia` says of itself: each command is named without being loaded, and says more when it is chosen.
import t from 'tap'
import { runCli } from './run-cli.js'

t.setTimeout(120_000)
const koinonia = (...args: string[]) => runCli('postgres://nobody@127.0.0.1:9/none', args)

void t.test('--help names every command', async (t) => {
  const { code, stdout } = await koinonia('--help')
  t.equal(code, 0)
  for (const name of ['serve', 'worker', 'sandbox', 'migrate', 'tenants', 'servers', 'top', 'dashboard', 'doctor']) t.match(stdout, new RegExp(`^  ${name} +\\w`, 'm'))
})

void t.test('a command\'s own --help has its options, also below tenants', async (t) => {
  const said: Array<[string[], RegExp]> = [[['sandbox'], /koinonia sandbox [^]*--port/], [['tenants', 'create'], /koinonia tenants create [^]*--password-stdin/]]
  for (const [args, expected] of said) t.match(await koinonia(...args, '--help'), { code: 0, stdout: expected }, args.join(' '))
})

void t.test('an option without a command is one of serve, which refuses what it does not know', async (t) => {
  t.match(await koinonia('--no-worker', '--no-such-option'), { code: 1, stderr: /unknown option '--no-such-option'[^]*koinonia serve/ })
})
