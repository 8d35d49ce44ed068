// The texts of one conversation, oldest first. What is on the screen stays; only what changed is touched.
/* global document */
import { makeBubble, updateBubble } from './bubble.js'
import { showDay } from './format.js'

/** Pixels from the end within which a reader still follows the conversation. */
const nearEnd = 60

export class TextList {
  #log
  #list
  #service
  #day
  #bubbles = new Map()

  constructor (log) {
    this.#log = log
    this.#list = log.querySelector('ol')
  }

  show (service, texts) {
    if (service !== this.#service) {
      this.#service = service
      this.#clear()
    }
    const isFirst = this.#bubbles.size === 0
    const follows = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < nearEnd
    this.#forget(new Set(texts.map(({ id }) => id)))
    for (const text of texts) {
      const item = this.#bubbles.get(text.id)
      if (item === undefined) this.#append(text, isFirst)
      else updateBubble(item, text)
    }
    if (follows || isFirst) this.#log.scrollTop = this.#log.scrollHeight
  }

  #clear () {
    this.#list.replaceChildren()
    this.#bubbles.clear()
    this.#day = undefined
  }

  #forget (wanted) {
    for (const [id, item] of this.#bubbles) {
      if (wanted.has(id)) continue
      item.remove()
      this.#bubbles.delete(id)
    }
    if (this.#bubbles.size === 0) this.#clear()
  }

  #append (text, isFirst) {
    const day = showDay(text.createdAt)
    if (day !== this.#day) {
      this.#day = day
      const line = document.createElement('li')
      line.className = 'day'
      line.textContent = day
      this.#list.append(line)
    }
    const item = makeBubble(text)
    if (!isFirst) item.classList.add('fresh')
    this.#bubbles.set(text.id, item)
    this.#list.append(item)
  }
}
