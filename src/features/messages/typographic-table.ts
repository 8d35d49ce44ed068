// Characters that word processors and phones put in by themselves, and what says the same in GSM-7; as data.

/** Replacement → the characters it stands for. What carries meaning of its own, such as letters, € or emoji, is not here. */
const replacements: ReadonlyArray<[replacement: string, characters: string]> = [
  ['\'', '\u2018\u2019\u201a\u201b\u2032\u2035\u02b9\u02bb\u02bc\u02c8\u02ca\u02cb\u00b4`'],
  ['"', '\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u02ba'],
  ['-', '\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u2022\u2023\u25aa\u25cf\u00b7\u2219'],
  ['...', '\u2026'],
  ['<', '\u2039'],
  ['>', '\u203a'],
  ['/', '\u2044\u2215'],
  [' ', '\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000'],
  ['\n', '\u2028\u2029\u0085'],
  // Unseen: zero-width space, word joiner, byte order mark, soft hyphen. The joiner U+200D stays: emoji are made with it.
  ['', '\u200b\u2060\ufeff\u00ad'],
  ['(TM)', '\u2122'],
  ['(C)', '\u00a9'],
  ['(R)', '\u00ae'],
  ['1/2', '\u00bd'],
  ['1/4', '\u00bc'],
  ['3/4', '\u00be'],
  ['x', '\u00d7'],
  ['fi', '\ufb01'],
  ['fl', '\ufb02']
]

export const typographic: ReadonlyMap<string, string> = new Map(
  replacements.flatMap(([replacement, characters]) => Array.from(characters, (character): [string, string] => [character, replacement]))
)
