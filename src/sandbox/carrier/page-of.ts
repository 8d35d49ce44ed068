// One page of a list in Telnyx's flat pagination.
import { readCount } from './read-request.js'

export function pageOf<T, D> (query: URLSearchParams, all: T[], describe: (item: T) => D) {
  const number = readCount(query, 'page[number]', { byDefault: 1, most: Number.MAX_SAFE_INTEGER })
  const size = readCount(query, 'page[size]', { byDefault: 20, most: 250 })
  return {
    data: all.slice((number - 1) * size, number * size).map(describe),
    meta: { page_number: number, page_size: size, total_pages: Math.max(1, Math.ceil(all.length / size)), total_results: all.length }
  }
}
