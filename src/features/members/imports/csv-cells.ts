// How a cell is written so that no spreadsheet runs it as a formula, and how it is read back as it was.

/** What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), also in full width. */
const formula = /^'*[=+\-@\t\r\n＝＋－＠]/u

/** With an apostrophe before it where a formula could begin. `readCell` takes exactly that one away. */
export function safeCell (text: string): string {
  return formula.test(text) ? `'${text}` : text
}

/** Without the spaces around it. */
export function readCell (cell: string): string {
  const text = cell.trim()
  return text.startsWith("'") && formula.test(text.slice(1)) ? text.slice(1) : text
}

/** Several names in one cell: separated by semicolons; one that has a separator, a quote or more than single spaces in it stands in quotes. */
export function joinNames (names: readonly string[]): string {
  return names.map((name) => /[;,|"]|\s\s|[^\S ]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name).join('; ')
}

/** Separated by semicolons, commas or bars; single spaces but in quotes, none twice whatever the case. */
export function splitNames (cell: string): string[] {
  const names = new Map<string, string>()
  for (const [part, quoted] of cell.matchAll(/\s*"((?:[^"]|"")*)"\s*(?=[;,|]|$)|[^;,|]+/g)) {
    const name = (quoted === undefined ? part.replace(/\s+/g, ' ') : quoted.replaceAll('""', '"')).trim()
    if (name !== '' && !names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  }
  return [...names.values()]
}
