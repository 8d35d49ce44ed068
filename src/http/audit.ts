// The audit log: who did what in which request, written in the transaction of what was done.
import { type FastifyRequest } from 'fastify'
import { type TenantDb } from '../tenancy/tenant.js'

/** Who asks for a change, as verbs, the audit log and the evidence of consent need it. */
export interface RequestedBy { adminId: string, requestId: string, ip: string }

export function requestedBy (request: FastifyRequest): RequestedBy {
  return { adminId: request.actor.adminId, requestId: request.id, ip: request.ip }
}

export interface AuditEntry {
  /** `<subject>.<verb in the past>`, such as member.created. */
  action: string
  subjectKind: string
  subjectId: string
  /** What it was and became. The log is never erased: no names, phone numbers or words of people; name the fields instead. */
  before?: object
  after?: object
}

export async function recordAudit (trx: TenantDb, by: RequestedBy, entry: AuditEntry): Promise<void> {
  await trx.insertInto('audit_log').values({
    actor_kind: 'admin',
    actor_id: by.adminId,
    action: entry.action,
    subject_kind: entry.subjectKind,
    subject_id: entry.subjectId,
    before: entry.before === undefined ? null : JSON.stringify(entry.before),
    after: entry.after === undefined ? null : JSON.stringify(entry.after),
    request_id: by.requestId
  }).execute()
}
