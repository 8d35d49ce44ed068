// Rows for people: columns as wide as their widest cell.

/** The first line is the columns' names. Null is shown as a dash. */
export function table<Row extends object> (rows: Row[], columns: Array<keyof Row & string>): string {
  const cells = [columns.map((name) => name.replace(/[A-Z]/g, ' $&').toUpperCase()), ...rows.map((row) => columns.map((name) => cell(row[name])))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  return cells.map((line) => line.map((text, index) => text.padEnd(widths[index] ?? 0)).join('  ').trimEnd()).join('\n')
}

function cell (value: unknown): string {
  if (value === null || value === undefined) return '-'
  if (value instanceof Date) return value.toISOString().slice(0, 16).replace('T', ' ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
