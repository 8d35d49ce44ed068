// Texts with variables: what they say of a recipient, and what is refused.
import fc from 'fast-check'
import t from 'tap'
import { nameOf, parseText, renderText, type Values } from '../../../src/features/templates/variables.js'

const ada: Values = { firstName: ' Ada ', lastName: 'Okafor', organization: 'Hope Church', branch: '', custom: { pew: 4, plan: 'gold', trial: false, note: '  ', list: [1], nothing: null, 'small group': 'Tuesday' } }
const said = (text: string): string => renderText(parseText(text), ada)

void t.test('each variable says its value, and its fallback where there is none', async (t) => {
  t.equal(said('Hi {{firstName}} {{lastName}}, {{ fullName }} of {{organization}}.'), 'Hi Ada Okafor, Ada Okafor of Hope Church.')
  t.equal(said('{{branch}}|{{branch|our place}}|{{branch | our place }}'), '|our place|our place')
  t.equal(said('{{custom.pew}} {{custom.plan}} {{custom.trial}} {{custom.small group|none}}'), '4 gold false Tuesday')
  t.equal(said('{{custom.note|-}}{{custom.list|-}}{{custom.nothing|-}}{{custom.toString|-}}{{custom.unheard of|-}}'), '-----', 'space, lists and what is not there are no values')
  t.same(parseText('{{firstName}} {{custom.pew|x}}').variables.map(nameOf), ['firstName', 'custom.pew'])
})

void t.test('braces can be written as such, and a value is never read again', async (t) => {
  t.equal(said('Use \\{{firstName}} for {{firstName}}'), 'Use {{firstName}} for Ada')
  t.equal(said('a } b }} c { d \\ e'), 'a } b }} c { d \\ e')
  const text = renderText(parseText('{{firstName}}'), { ...ada, firstName: '{{lastName}} $& \\{{' })
  t.equal(text, '{{lastName}} $& \\{{')
})

void t.test('unknown variables and braces that never close are refused, naming what is known', async (t) => {
  const refused = (text: string, message: RegExp) => { t.throws(() => parseText(text), { code: 'VALIDATION_FAILED', errors: [{ path: '/body/text', message }] }, text) }
  refused('Hi {{frstName}}', /\{\{frstName\}\} is not a variable; known are \{\{firstName\}\}, .*\{\{custom\.<key>\}\}/)
  refused('Hi {{}}', /is not a variable/)
  refused('Hi {{custom.}}', /is not a variable/)
  refused('Hi {{FIRSTNAME|x}}', /is not a variable/)
  refused('Hi {{firstName}', /the \{\{ at character 4 is never closed/)
  refused('Hi {{a{{firstName}}', /the \{\{ at character 4 is never closed/)
})

void t.test('any text can be written: with each pair of braces escaped it says itself', async () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '{', '}', '|', '\n', '👋') }), (text) => {
    const { pieces, variables } = parseText(text.replaceAll('{{', '\\{{'))
    return variables.length === 0 && renderText({ pieces, variables }, ada) === text
  }), { numRuns: 2_000 })
})
