// Where Chromium is on this machine, and how to start it without a desktop and without reaching for the network.
import { existsSync } from 'node:fs'

export const chromiumPath = [process.env['CHROMIUM_PATH'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))

export const skipWithoutChromium = chromiumPath === undefined && 'no Chromium here: install one or set CHROMIUM_PATH to see the page tested'

export const chromiumArguments = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
