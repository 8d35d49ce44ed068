// What can go wrong with the embedded server, said so that the reader knows what to do next.

/** A failure of the embedded PostgreSQL whose message is meant for the person at the terminal. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
}

const hints: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/no space left on device|ENOSPC|disk quota exceeded|EDQUOT/i,
    'The disk is full. Free some space (a new database needs about 100 MB) and start again.'],
  [/EACCES|EPERM|permission denied|operation not permitted/i,
    'A file belongs to another user, perhaps from an earlier start as root. Start as that user, or give or remove the data folder.'],
  [/could not look up effective user ID/i,
    'The user id this runs under has no entry in /etc/passwd, which PostgreSQL needs. Add one, or run as another user.'],
  [/error while loading shared libraries|GLIBC_|ld-linux|ENOENT.*bin\/(?:initdb|postgres)/i,
    'The PostgreSQL binaries from npm need glibc and do not run on this system (Alpine, for one). Set REGISTRY_DATABASE_URL to a PostgreSQL 18 server instead.'],
  [/database files are incompatible with server/i,
    'The data was written by another major version of PostgreSQL. Remove the data folder to begin anew, or go back to the version that wrote it.'],
  [/could not (?:map|create) .*shared memory|Cannot allocate memory/i,
    'There is too little memory for the server. Close other programs, or give the container more memory.']
]

/** Makes an error of what was being done and of what the server or the operating system said about it. */
export function explainFailure (doing: string, said: string, cause?: unknown): EmbeddedPostgresError {
  const hint = hints.find(([pattern]) => pattern.test(said))?.[1]
  const lastLines = said.trim().split('\n').slice(-12).join('\n')
  const message = [`${doing} failed.`, hint, lastLines].filter(Boolean).join('\n')
  return new EmbeddedPostgresError(message, { cause })
}

/** Lets an EmbeddedPostgresError through and explains everything else, such as a full disk under our own writes. */
export function asEmbeddedPostgresError (doing: string, error: unknown): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error
  return explainFailure(doing, error instanceof Error ? error.message : String(error), error)
}

/** True when `error` is a system error with one of these codes. */
export function hasCode (error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
}
