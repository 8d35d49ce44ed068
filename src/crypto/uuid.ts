// Ids made here rather than by the database, for rows that name each other in one statement.
import { randomBytes } from 'node:crypto'

/** Version 7 (RFC 9562): sorts by the time it was made, `now` in milliseconds since 1970. */
export function uuidv7 (now: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
