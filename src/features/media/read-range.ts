// Reads the Range header of a request for one file: RFC 9110, section 14.
import { type ByteRange } from '../../providers/storage/storage.js'

/**
 * One range of bytes. Undefined means all of it: without the header, or when it asks for what need not be obeyed, such as
 * several ranges. 'unsatisfiable' when the file has no such bytes. `size` in bytes, more than 0.
 */
export function readRange (header: string | undefined, size: number): ByteRange | undefined | 'unsatisfiable' {
  const [, from, to] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined
  if (from === '') {
    const length = Number(to)
    return length === 0 ? 'unsatisfiable' : { first: Math.max(size - length, 0), last: size - 1 }
  }
  const first = Number(from)
  if (to !== '' && Number(to) < first) return undefined
  if (first >= size) return 'unsatisfiable'
  return { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) }
}
