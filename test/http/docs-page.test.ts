// The reference page at /docs: it draws itself from our own document, with nothing from other hosts, under its content security policy.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import t from 'tap'
import { packageRoot } from '../../src/config.js'
import { buildTestApp } from '../helpers/build.js'

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

void t.test('the reference page shows the operations, offline and without an error', { skip: existsSync(executablePath) ? false : `there is no Chromium at ${executablePath}` }, async (t) => {
  const { baseUrl } = await buildTestApp(t, { listen: true })
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  t.teardown(async () => { await browser.close() })
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  const errors: string[] = []
  const elsewhere: string[] = []
  page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()) })
  page.on('response', (response) => { if (response.status() >= 400) errors.push(`${response.status()} ${response.url()}`) })
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('request', (request) => { if (!request.url().startsWith(baseUrl) && !/^(data|blob):/.test(request.url())) elsewhere.push(request.url()) })
  await page.goto(`${baseUrl}/docs`)
  await page.getByText('Sign up an organization').first().waitFor()
  const folder = join(packageRoot, 'artifacts')
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, 'docs-page.png') })
  t.strictSame(elsewhere, [], 'nothing is fetched from elsewhere')
  t.strictSame(errors, [], 'no error in the console')
})
