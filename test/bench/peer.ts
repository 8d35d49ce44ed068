// Peers under test, each a process of its own.
import { type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from '../../src/config.js'
import { type Bench } from './bench.js'
import { compiled, forkReady, stopChild } from './child.js'

export interface Peer { url: string, child: ChildProcess }

/** A peer written in this repository: a file of servers/. */
export async function startPeer (bench: Bench, name: string, settings: object, execArgv?: string[]): Promise<Peer> {
  return start(bench, compiled(`servers/${name}.js`), settings, execArgv)
}

/** A peer with packages of its own: a folder of peers/. Undefined when its packages are not installed. */
export async function startInstalledPeer (bench: Bench, name: string, settings: object, execArgv?: string[]): Promise<Peer | undefined> {
  const folder = path.join(packageRoot, 'test/bench/peers', name)
  if (!existsSync(path.join(folder, 'node_modules'))) return undefined
  return start(bench, path.join(folder, 'server.js'), settings, execArgv)
}

export const howToInstall = (name: string) => `not installed; to compare: npm install --ignore-scripts=false --prefix test/bench/peers/${name}`

async function start (bench: Bench, file: string, settings: object, execArgv: string[] = []): Promise<Peer> {
  const { child, ready } = await forkReady(file, settings, execArgv)
  bench.defer(() => stopChild(child))
  return { url: `http://127.0.0.1:${ready.port ?? 0}`, child }
}
