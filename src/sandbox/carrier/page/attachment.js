// The picture that goes with the next text of a phone: chosen, shown small, and put away again.
/* global OffscreenCanvas, createImageBitmap, fetch */
import { showSize } from './format.js'

/** Bytes a phone sends without making the picture smaller, and the pixels of its longer side after that. */
const mostBytes = 1_000_000
const mostPixels = 1_600

export class Attachment {
  #parts
  #tellProblem
  /** What is being put up or is up already: `{url}`, or undefined when that failed. */
  #picture

  /** @param parts the file input, and the element that shows what was chosen */
  constructor ({ file, attached }, tellProblem) {
    this.#parts = { file, attached, image: attached.querySelector('img'), name: attached.querySelector('span') }
    this.#tellProblem = tellProblem
    file.addEventListener('change', () => { if (file.files.length > 0) this.#choose(file.files[0]) })
    attached.querySelector('button').addEventListener('click', () => {
      this.clear()
      file.focus()
    })
  }

  get isThere () {
    return this.#picture !== undefined
  }

  /** The address of the picture once it is up; undefined when there is none. */
  async ready () {
    return (await this.#picture)?.url
  }

  clear () {
    const { file, attached, image } = this.#parts
    this.#picture = undefined
    file.value = ''
    attached.hidden = true
    image.removeAttribute('src')
  }

  async #choose (chosen) {
    const { attached, image, name } = this.#parts
    const picture = this.#put(chosen)
    this.#picture = picture
    this.#tellProblem('')
    attached.hidden = false
    name.textContent = chosen.name
    const kept = await picture
    // Another one was chosen meanwhile, or none.
    if (this.#picture !== picture) return
    if (kept === undefined) return this.clear()
    image.src = new URL(kept.url).pathname
    name.textContent = `${chosen.name}, ${showSize(kept.size)}`
  }

  async #put (chosen) {
    try {
      const picture = chosen.size > mostBytes ? await shrink(chosen) : chosen
      const answer = await fetch('/sandbox/media', { method: 'POST', headers: { 'content-type': picture.type || 'image/unknown' }, body: picture })
      const told = await answer.json()
      if (answer.ok) return told
      this.#tellProblem(`Not attached. ${told.detail}`)
    } catch (error) {
      this.#tellProblem(error instanceof Error && error.name === 'InvalidStateError' ? 'Not attached. That is no picture this browser can read.' : 'Not attached. The sandbox does not answer: is it still running?')
    }
  }
}

/** As phones do: a large photo goes out smaller. */
async function shrink (photo) {
  const bitmap = await createImageBitmap(photo)
  const scale = Math.min(1, mostPixels / Math.max(bitmap.width, bitmap.height))
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale))
  canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  bitmap.close()
  return await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 })
}
