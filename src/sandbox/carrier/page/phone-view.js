// One phone on the page: its conversations, its texts, and the field to type a reply.
/* global document, Option */
import { showNumber } from './format.js'
import { ReplyForm } from './reply-form.js'
import { TextList } from './text-list.js'

const template = document.querySelector('#phone-template')

const selectors = {
  title: 'h3',
  putAway: '.put-away',
  select: 'select',
  elsewhere: '.elsewhere',
  log: '.log',
  hint: '.hint',
  quick: '.quick',
  form: '.reply',
  input: 'textarea',
  file: '.attach input',
  attached: '.attached',
  error: '.screen > .error'
}

export class PhoneView {
  #desk
  #phone
  #service
  #texts
  #reply
  /** service numbers of conversations with texts not looked at yet */
  #unread = new Set()

  constructor (desk, number, { putAway }) {
    this.#desk = desk
    this.number = number
    this.element = template.content.firstElementChild.cloneNode(true)
    this.parts = Object.fromEntries(Object.entries(selectors).map(([name, selector]) => [name, this.element.querySelector(selector)]))
    this.#texts = new TextList(this.parts.log)
    const shown = showNumber(number)
    this.#reply = new ReplyForm(this.parts, number, () => this.#service)
    this.parts.title.textContent = shown
    this.parts.title.id = `phone-${number.slice(1)}`
    this.element.querySelector('article').setAttribute('aria-labelledby', this.parts.title.id)
    this.parts.select.setAttribute('aria-label', `Conversation of ${shown} with`)
    this.parts.putAway.setAttribute('aria-label', `Put ${shown} away`)
    this.parts.input.setAttribute('aria-label', `Text message from ${shown}`)
    this.parts.file.setAttribute('aria-label', `Attach a picture to the text from ${shown}`)
    this.#listen(putAway)
  }

  get hasFocus () {
    return this.element.contains(document.activeElement)
  }

  focusReply () {
    const { input, select } = this.parts
    const target = input.disabled ? select : input
    target.focus()
  }

  /** A text came to a conversation: one that is not open is marked. */
  notice (service) {
    if (service !== this.#service) this.#unread.add(service)
  }

  update () {
    this.#phone = this.#desk.phone(this.number)
    this.#service ??= this.#desk.latestThread(this.#phone) ?? this.#desk.numbers.keys().next().value
    this.#unread.delete(this.#service)
    this.#showConversations()
    this.#texts.show(this.#service, this.#desk.shownTexts(this.#phone, this.#service))
    const empty = this.#phone.threads.size === 0
    const canText = this.#service !== undefined
    this.parts.putAway.hidden = !empty
    this.parts.hint.hidden = canText && !empty
    this.parts.hint.textContent = canText ? 'Nothing here yet. Text the service first, as a member would.' : 'There is no service number to text yet.'
    for (const control of this.element.querySelectorAll('.reply *, .quick button')) control.disabled = !canText
  }

  #listen (putAway) {
    const { select, quick } = this.parts
    this.parts.putAway.addEventListener('click', putAway)
    select.addEventListener('change', () => this.#open(select.value))
    quick.addEventListener('click', ({ target }) => { if (target.matches('button')) this.#reply.send({ text: target.textContent }) })
  }

  #open (service) {
    this.#service = service
    this.update()
  }

  #showConversations () {
    const { select, elsewhere, log } = this.parts
    const { numbers } = this.#desk
    // Conversations first, then the other numbers one could text.
    const services = [...new Set([...this.#phone.threads.keys(), ...[...numbers.keys()].slice(0, 200)])]
    const labels = services.map((service) => this.#unread.has(service) ? `${this.#nameOf(service)} · new` : this.#nameOf(service))
    const key = labels.join('|')
    if (select.dataset.key !== key) {
      select.dataset.key = key
      select.replaceChildren(...services.map((service, index) => new Option(labels[index], service)))
    }
    select.value = this.#service ?? ''
    select.disabled = services.length === 0
    elsewhere.hidden = this.#unread.size === 0
    elsewhere.textContent = this.#unread.size === 1 ? 'New in another conversation' : `New in ${this.#unread.size} other conversations`
    log.setAttribute('aria-label', `Texts between ${showNumber(this.number)} and ${this.#service === undefined ? 'nobody yet' : this.#nameOf(this.#service)}`)
  }

  #nameOf (service) {
    const name = this.#desk.numbers.get(service)
    return name ? `${name}, ${showNumber(service)}` : showNumber(service)
  }
}
