import t from 'tap'
import { joinNames, readCell, safeCell, splitNames } from '../../../../src/features/members/imports/csv-cells.js'
import { readBirthday } from '../../../../src/features/members/imports/read-birthday.js'
import { mapColumns } from '../../../../src/features/members/imports/header-names.js'

void t.test('a cell written safely is read back as it was, whatever it begins with', async (t) => {
  for (const text of ['=1+1', '+1', '-', '@x', "'=1", "''@", "'quoted'", "'", 'plain', '＝1', '']) {
    t.notMatch(safeCell(text), /^[=+\-@＝＋－＠]/, text)
    t.equal(readCell(safeCell(text)), text)
  }
})

void t.test('names in one cell are told apart, whatever is in them', async (t) => {
  const names = ['choir', 'St. Paul, North', 'a;b', 'say "hi"', 'x|y']
  t.strictSame(splitNames(joinNames(names)), names)
  t.strictSame(splitNames('choir, Ushers;ushers |  second   service '), ['choir', 'Ushers', 'second service'])
  t.strictSame(splitNames(' ; ,'), [])
})

void t.test('a birthday is read in every common spelling, and never guessed', async (t) => {
  const today = new Date('2026-06-01T00:00:00Z')
  const read: Array<[string, 'mdy' | 'dmy', string | undefined]> = [
    ['1990-04-03', 'mdy', '1990-04-03'], ['1990/4/3', 'dmy', '1990-04-03'], ['4/3/1990', 'mdy', '1990-04-03'], ['4/3/1990', 'dmy', '1990-03-04'],
    ['3.4.1990', 'mdy', '1990-04-03'], ['04-03-90', 'mdy', '1990-04-03'], ['4/3/25', 'mdy', '2025-04-03'], ['April 3, 1990', 'dmy', '1990-04-03'],
    ['3rd Apr 1990', 'mdy', '1990-04-03'], ['3-Apr-1990', 'mdy', '1990-04-03'], ['1990-04-03T00:00:00.000Z', 'mdy', '1990-04-03'], ['2/29/2000', 'mdy', '2000-02-29'],
    ['2/29/2001', 'mdy', undefined], ['23/4/1990', 'mdy', undefined], ['1899-12-31', 'mdy', undefined], ['2026-06-02', 'mdy', undefined], ['32981', 'mdy', undefined], ['Foo 3, 1990', 'mdy', undefined]
  ]
  for (const [text, order, day] of read) t.equal(readBirthday(text, order, today), day, `${text} ${order}`)
})

void t.test('of several phone columns the mobile is taken, and what is not known is left out', async (t) => {
  const fields = mapColumns(['Home Phone', 'Mobile Phone', 'Prénom', 'NOM DE FAMILLE', 'Notes', 'custom.pew'], {}, false).map(({ field }) => field)
  t.strictSame(fields, [null, 'phone', 'firstName', 'lastName', null, 'custom.pew'])
})
