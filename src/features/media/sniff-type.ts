// What a file is by its own bytes: its name and what the sender calls it are not believed.
import { fileTypeFromBuffer } from 'file-type'
import { open } from 'node:fs/promises'

/** Enough for every type we take; reading on could only cost time on a file made for that. */
const headBytes = 64 * 1024

/** A media type without parameters, such as image/jpeg; application/octet-stream for whatever is not recognised. */
export async function sniffType (path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    const found = await fileTypeFromBuffer(buffer.subarray(0, bytesRead))
    return found?.mime.split(';')[0]?.trim() ?? 'application/octet-stream'
  } finally {
    await file.close()
  }
}
