// Reads and changes what an organization says by itself.
import { type FieldError, problem } from '../../errors.js'
import { recordAudit, type RequestedBy } from '../../http/audit.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { defaultHelp, defaultWelcome, type Purpose, wordingFault } from './own-texts.js'
import { findSettings, saveSettings } from './queries.js'
import { type MessagingChanges, type MessagingSettings } from './schemas.js'

export async function readMessagingSettings (db: TenantDb): Promise<MessagingSettings> {
  const { welcome_enabled: enabled, welcome_text: welcome, help_text: help } = await findSettings(db)
  return { welcome: { enabled, text: welcome ?? defaultWelcome }, helpText: help ?? defaultHelp }
}

/** @throws problem('VALIDATION_FAILED') naming the wording that a text lacks */
export async function changeMessagingSettings (db: TenantDb, { welcome, helpText }: MessagingChanges, by: RequestedBy): Promise<MessagingSettings> {
  const errors = [...faults('/body/welcome/text', welcome?.text, 'optIn'), ...faults('/body/helpText', helpText, 'help')]
  if (errors.length > 0) throw problem('VALIDATION_FAILED', { errors })
  const changes = { welcome_enabled: welcome?.enabled, welcome_text: welcome?.text, help_text: helpText }
  return await db.transaction().execute(async (trx) => {
    await saveSettings(trx, changes)
    await recordAudit(trx, by, { action: 'settings.messaging_changed', subjectKind: 'settings', subjectId: 'messaging', after: { welcomeEnabled: welcome?.enabled, fields: Object.keys(changes) } })
    return await readMessagingSettings(trx)
  })
}

function faults (path: string, text: string | null | undefined, purpose: Purpose): FieldError[] {
  const message = typeof text === 'string' ? wordingFault(text, purpose) : undefined
  return message === undefined ? [] : [{ path, message }]
}
