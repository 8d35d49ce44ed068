// The difference between two schemas, as the DDL that turns the one into the other.

export interface SchemaObject {
  kind: string
  /** Unique within its kind. */
  key: string
  /** Kind and key of what it is a part of, and goes with. */
  parent: string | null
  /** Two objects that differ in this are to be made alike. */
  definition: string
  /** Null for what can't be made or removed by itself, such as a column's type. */
  make: string | null
  /** Brings another of the same kind and key to this definition; null when it must be removed and made. */
  change: string | null
  unmake: string | null
}

/** What is made later may need what is made before. */
const order = ['schema', 'extension', 'type', 'sequence', 'table', 'column', 'column type', 'column generation', 'column default', 'column nullability', 'function',
  'key', 'check', 'foreign key', 'index', 'view', 'materialized view', 'trigger', 'trigger state', 'rule', 'row security', 'forced row security', 'policy', 'owner', 'privilege', 'migration']

/** Statements without a semicolon, removals first; none when both are alike. */
export function compareSchemas (expected: readonly SchemaObject[], real: readonly SchemaObject[]): string[] {
  const [wanted, found] = [byName(expected), byName(real)]
  const removed: string[] = []
  for (const [name, object] of [...found].reverse()) {
    if (!wanted.has(name) && object.unmake !== null && !isGone(object, found, wanted)) removed.push(object.unmake)
  }
  const made: string[] = []
  for (const [name, object] of wanted) {
    const other = found.get(name)
    if (other === undefined) {
      if (object.make !== null && !comesByItself(object, found)) made.push(object.make)
    } else if (other.definition !== object.definition) {
      made.push(...[object.change === null ? other.unmake : null, object.change ?? object.make].filter((statement) => statement !== null))
    }
  }
  return [...removed, ...made]
}

function byName (objects: readonly SchemaObject[]): Map<string, SchemaObject> {
  const sorted = [...objects].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.key < b.key ? -1 : 1))
  return new Map(sorted.map((object) => [`${object.kind} ${object.key}`, object]))
}

/** It goes with the whole that it is a part of. */
function isGone ({ parent }: SchemaObject, found: Map<string, SchemaObject>, wanted: Map<string, SchemaObject>): boolean {
  if (parent === null) return false
  const whole = found.get(parent)
  return whole !== undefined && (!wanted.has(parent) || isGone(whole, found, wanted))
}

/** An owner has every privilege on what is made anew. */
function comesByItself ({ kind, key, parent }: SchemaObject, found: Map<string, SchemaObject>): boolean {
  return kind === 'privilege' && key.endsWith(' to its owner') && parent !== null && !found.has(parent)
}
