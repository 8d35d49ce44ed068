// Where the tests' own PostgreSQL servers keep their databases: in memory where there is plenty, for making and dropping one is
// some five hundred files, and costs the kernel 100 ms on ext4 and 15 in memory.
import { readFileSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const memory = '/dev/shm'
/** Of the whole file system, not of what is free: every process must come to the same answer. */
const enoughBytes = 6 * 1024 ** 3

export const fastFolder: string = isUsable() ? memory : tmpdir()

function isUsable (): boolean {
  if (process.platform !== 'linux') return false
  try {
    // PostgreSQL's programs may have to be copied beside the data, and then run from there.
    const options = readFileSync('/proc/mounts', 'utf8').split('\n').find((line) => line.split(' ')[1] === memory)?.split(' ')[3]?.split(',')
    const { blocks, bsize } = statfsSync(memory)
    return options !== undefined && options.includes('rw') && !options.includes('noexec') && blocks * bsize >= enoughBytes
  } catch {
    return false
  }
}
