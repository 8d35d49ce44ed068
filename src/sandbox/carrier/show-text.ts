// A text as the control API and the phone page show it.
import { mediaPath } from './media-folder.js'
import type { Message } from './model.js'
import { errorTitle } from './telnyx-error.js'

export function showText (message: Message) {
  const { profileId: _profile, webhookUrl: _webhook, webhookFailoverUrl: _failover, errorCode, media, ...shown } = message
  return {
    ...shown,
    /** `path`, on the carrier's own address, is null until it is fetched, and for what a phone sent from elsewhere. */
    media: shown.mediaUrls.map((url, index) => {
      const { file, ...kept } = media?.[index] ?? { file: null, type: null, size: null, width: null, height: null, name: null }
      return { url, path: file === null ? null : `${mediaPath}/${file}`, ...kept }
    }),
    error: errorCode === null ? null : { code: errorCode, title: errorTitle(errorCode) }
  }
}

export type ShownText = ReturnType<typeof showText>
