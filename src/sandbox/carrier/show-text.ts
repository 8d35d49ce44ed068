// A text as the control API and the phone page show it.
import type { Message } from './model.js'
import { errorTitle } from './telnyx-error.js'

export function showText (message: Message) {
  const { profileId: _profile, webhookUrl: _webhook, webhookFailoverUrl: _failover, errorCode, ...shown } = message
  return { ...shown, error: errorCode === null ? null : { code: errorCode, title: errorTitle(errorCode) } }
}

export type ShownText = ReturnType<typeof showText>
