import { fail } from '../errors/catalogue.ts'
import type { ArtifactRef } from '../ports/metadata-store.ts'
import type { InputSource, StepDefinition } from './step.ts'

export interface PlannedStep {
  readonly definition: StepDefinition
  readonly upstream: ReadonlySet<string>
  /** Outputs that later steps rely on. */
  readonly promised: ReadonlySet<string>
}

/** Steps by name, each after everything that it depends on. */
export type Plan = ReadonlyMap<string, PlannedStep>

// Step names become folder names.
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/

export function isArtifact(source: InputSource): source is ArtifactRef {
  return 'digest' in source
}

function upstreamOf(definition: StepDefinition): Set<string> {
  const names = new Set(definition.after)
  for (const { from } of Object.values(definition.inputs)) if (!isArtifact(from)) names.add(from.step)
  return names
}

/** Throws `graphInvalid` for a name twice or malformed, an unknown step, a circle, or a step without its function. */
export function planOf(steps: readonly StepDefinition[], run: string): Plan {
  const invalid = (reason: string): Error => fail('graphInvalid', { run, reason })
  const byName = new Map<string, { definition: StepDefinition; upstream: Set<string>; promised: Set<string> }>()
  for (const definition of steps) {
    const { name } = definition
    if (!nameForm.test(name)) throw invalid(`'${name}' is no name for a step`)
    if (byName.has(name)) throw invalid(`step ${name} is there twice`)
    if (definition.runsIn === 'inline' ? definition.run === undefined : definition.module === undefined)
      throw invalid(`step ${name} has nothing to run`)
    byName.set(name, { definition, upstream: upstreamOf(definition), promised: new Set() })
  }
  for (const { definition, upstream } of byName.values()) {
    for (const name of upstream)
      if (!byName.has(name)) throw invalid(`step ${definition.name} depends on ${name}, which is not there`)
    for (const { from } of Object.values(definition.inputs))
      if (!isArtifact(from)) byName.get(from.step)?.promised.add(from.output)
  }
  const plan = new Map<string, PlannedStep>()
  const waiting = new Map([...byName].map(([name, { upstream }]) => [name, upstream.size]))
  const dependents = new Map<string, string[]>()
  for (const [name, { upstream }] of byName)
    for (const other of upstream) dependents.set(other, [...(dependents.get(other) ?? []), name])
  const ready = [...byName.keys()].filter(name => waiting.get(name) === 0)
  for (let name = ready.shift(); name !== undefined; name = ready.shift()) {
    const step = byName.get(name)
    if (step !== undefined) plan.set(name, step)
    for (const next of dependents.get(name) ?? []) {
      const left = (waiting.get(next) ?? 0) - 1
      waiting.set(next, left)
      if (left === 0) ready.push(next)
    }
  }
  if (plan.size < byName.size) {
    const circle = [...byName.keys()].filter(name => !plan.has(name))
    throw invalid(`these steps depend on each other in a circle: ${circle.join(', ')}`)
  }
  return plan
}
