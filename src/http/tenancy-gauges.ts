// This process's connections to each database server, as Prometheus reads them: per server, never per tenant.
import { Counter, Gauge } from 'prom-client'
import { type Services } from '../services.js'
import { type ServerStats } from '../tenancy/server-connections.js'
import { type PoolCounts } from '../tenancy/pool-cache.js'

type Figure = (server: ServerStats & PoolCounts) => number

const now: Readonly<Record<string, [help: string, figure: Figure]>> = {
  koinonia_database_connections_max: ['Connections that this process may hold to the server.', ({ limit }) => limit],
  koinonia_database_waiting_requests: ['Who stands in line for a connection now.', ({ waiting }) => waiting],
  koinonia_tenant_pools: ['Tenants whose pool is remembered.', ({ pools }) => pools]
}
const sinceTheStart: Readonly<Record<string, [help: string, figure: Figure]>> = {
  koinonia_database_connections_opened_total: ['Connections that were begun to be opened.', ({ opens }) => opens],
  koinonia_database_connection_failures_total: ['Connections that could not be opened.', ({ openFailures }) => openFailures],
  koinonia_database_connections_stolen_total: ['Idle connections of one tenant closed to make place for another.', ({ steals }) => steals],
  koinonia_database_waits_exceeded_total: ['Who stood in line for as long as DATABASE_WAIT_MS and got no connection.', ({ waitsExceeded }) => waitsExceeded],
  koinonia_database_breaker_trips_total: ['How often the server was left alone because it did not let us in.', ({ breakerTrips }) => breakerTrips],
  koinonia_tenant_pools_evicted_total: ['Pools forgotten because more than CACHED_TENANTS were remembered.', ({ evicted }) => evicted]
}
const states = ['opening', 'busy', 'idle', 'closing'] as const
const breakerStates = ['closed', 'open', 'half-open'] as const

/** Returns what brings them up to date. */
export function tenancyGauges ({ metrics, tenancy }: Pick<Services, 'metrics' | 'tenancy'>): () => void {
  const registers = [metrics.registry]
  const labelNames = ['server']
  const connections = new Gauge({ name: 'koinonia_database_connections', help: 'Connections of this process by server and state.', labelNames: ['server', 'state'], registers })
  const breaker = new Gauge({ name: 'koinonia_database_breaker_state', help: '1 for the state in which the server\'s breaker is, 0 for the others.', labelNames: ['server', 'state'], registers })
  const leases = new Gauge({ name: 'koinonia_tenant_leases', help: 'Requests and jobs that hold a tenant\'s connection now.', registers })
  const lookUps = new Counter({ name: 'koinonia_tenant_look_ups_total', help: 'Tenants looked up in the registry because they were not remembered.', registers })
  const gauges = Object.entries(now).map(([name, [help, figure]]) => ({ gauge: new Gauge({ name, help, labelNames, registers }), figure }))
  const counters = Object.entries(sinceTheStart).map(([name, [help, figure]]) => ({ counter: new Counter({ name, help, labelNames, registers }), figure }))
  return () => {
    const stats = tenancy.stats()
    leases.set(stats.leases)
    // The engine counts from the start of the process: its totals are taken over whole.
    for (const { counter } of counters) counter.reset()
    lookUps.reset()
    lookUps.inc(stats.lookUps)
    for (const server of stats.servers) {
      const labels = { server: server.server }
      for (const state of states) connections.set({ ...labels, state }, server[state])
      for (const state of breakerStates) breaker.set({ ...labels, state }, server.breaker === state ? 1 : 0)
      for (const { gauge, figure } of gauges) gauge.set(labels, figure(server))
      for (const { counter, figure } of counters) counter.inc(labels, figure(server))
    }
  }
}
