import type { Dataset } from '../../define/dataset.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import { fail } from '../../errors/index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'

/** The functions that expressions anywhere in a declaration call. */
function functionsIn(value: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(value)) for (const one of value) functionsIn(one, found)
  else if (value !== null && typeof value === 'object') {
    const { op, fn } = value as { readonly op?: unknown; readonly fn?: unknown }
    if (op === 'call' && typeof fn === 'string') found.add(fn)
    for (const one of Object.values(value)) functionsIn(one, found)
  }
  return found
}

/** What an expectation asks of an engine that not every engine has. */
function asks(spec: ExpectationSpec): readonly string[] {
  return [...functionsIn(spec), ...(spec.kind === 'sql' ? ['query'] : [])]
}

/**
 * Refuses expectations that the project's engine cannot have mean what they mean on every other one, before anything is looked
 * at. Throws `engineCannot`.
 */
export function requireEngineCan({ dialect }: DataEngine, dataset: Dataset): void {
  const { cannot } = dialect
  if (!cannot) return
  for (const spec of dataset.expectations)
    for (const asked of asks(spec)) {
      const reason = cannot.get(asked)
      if (reason !== undefined)
        throw fail('engineCannot', {
          engine: dialect.name,
          what: `"${spec.says}" of ${dataset.name}${asked === 'query' ? '' : `, for ${asked}`}`,
          reason,
        })
    }
}
