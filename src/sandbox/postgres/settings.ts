// The settings every start gives the server, so that they follow the code and not the age of the data folder.

export interface ServerSettings {
  port: number
  /** Folder for the Unix socket, or undefined for none. */
  socketDirectory: string | undefined
  durable: boolean
  maxConnections: number
}

/** Command-line arguments for `postgres`. */
export function settingsArguments ({ port, socketDirectory, durable, maxConnections }: ServerSettings): string[] {
  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: socketDirectory ?? '',
    max_connections: maxConnections,
    shared_buffers: '128MB',
    huge_pages: 'off',
    jit: 'off',
    // Every tenant is a database, and each is a visit for autovacuum in every round.
    autovacuum_naptime: '5min',
    password_encryption: 'scram-sha-256',
    // Every lease may open a connection; these passwords are random, so iterations would add work and no safety.
    scram_iterations: 1,
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] ',
    log_checkpoints: 'off',
    // Statements and details may hold members' data, which has no place in a log.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    // One call instead of opening every file of every database: after a crash with 1,000 databases 0.6 s, not 44.
    ...(process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {})
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
