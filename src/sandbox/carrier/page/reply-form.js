// What one types on a phone: the words, the picture, and how they go out.
import { Attachment } from './attachment.js'
import { sendText } from './send-text.js'

export class ReplyForm {
  #parts
  #number
  #service
  #attachment
  #isSending = false

  /** @param service tells the number that is texted, or undefined while there is none */
  constructor (parts, number, service) {
    this.#parts = parts
    this.#number = number
    this.#service = service
    this.#attachment = new Attachment(parts, (problem) => { parts.error.textContent = problem })
    const { form, input } = parts
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#sendTyped()
    })
    // Enter sends; with Shift it begins a line; while an input method composes, it is that method's.
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
      event.preventDefault()
      form.requestSubmit()
    })
  }

  /** @returns whether it went out; if not, the phone says why */
  async send ({ text, mediaUrls = [] }) {
    const to = this.#service()
    if ((text === '' && mediaUrls.length === 0) || to === undefined) return false
    const problem = await sendText({ from: this.#number, to, text, mediaUrls })
    this.#parts.error.textContent = problem === null ? '' : `Not sent. ${problem}`
    return problem === null
  }

  /** Once, however often Enter is pressed while the picture is still being put up. */
  async #sendTyped () {
    if (this.#isSending) return
    this.#isSending = true
    try {
      const { input } = this.#parts
      const typed = input.value
      const hasPicture = this.#attachment.isThere
      const url = await this.#attachment.ready()
      // A picture that could not be put up says so, and its text waits.
      if (hasPicture && url === undefined) return
      if (!await this.send({ text: typed.trim(), mediaUrls: hasPicture ? [url] : [] })) return
      this.#attachment.clear()
      if (input.value === typed) input.value = ''
    } finally {
      this.#isSending = false
    }
  }
}
