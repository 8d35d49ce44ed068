// The page of phones in a real browser, for the tests of it.
import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { type Test } from 'tap'
import { startCarrier, type RunningCarrier } from '../../src/sandbox/carrier/start-carrier.js'
import { buyNumber, postJson, startReceiver } from './receive-webhooks.js'

const executablePath = [process.env.CHROMIUM_PATH ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))
export const skip = executablePath === undefined && 'no Chromium here: install one or set CHROMIUM_PATH to see the phone page tested'
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

export interface Desk { carrier: RunningCarrier, from: string, page: Page, faults: string[] }

/** How to get the page open before a carrier with one number, each time anew; `faults` gathers what the browser complains of. */
export function openBrowser (t: Test): (t: Test, viewport?: { width: number, height: number }) => Promise<Desk> {
  let browser: Browser | undefined
  t.before(async () => {
    if (executablePath !== undefined) browser = await chromium.launch({ executablePath, args })
  })
  t.teardown(() => browser?.close())
  return async (t, viewport = { width: 1280, height: 900 }) => {
    const receiver = await startReceiver(t)
    const carrier = await startCarrier({ orderDelayMs: 1, sentDelayMs: 5, finalDelayMs: 30, retryDelaysMs: [] })
    const from = await buyNumber(carrier, receiver.url)
    const page = await browser!.newPage({ viewport })
    t.teardown(async () => {
      await page.close()
      await carrier.close()
    })
    const faults: string[] = []
    page.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()) })
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(`${carrier.url}/sandbox`)
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor()
    return { carrier, from, page, faults }
  }
}

export const send = ({ carrier, from }: Desk, to: string, text: string) => postJson(`${carrier.baseUrl}/messages`, { from, to, text })
export const phone = ({ page }: Desk, name: string) => page.getByRole('article', { name })
