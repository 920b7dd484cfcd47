import type { ValidateServices } from '../stages/validate/source.ts'
import { adapters } from './resolve.ts'

/** What looks at data outside of any project: nothing is kept, and sources are relative to `root`. Close it. */
export async function openPlainServices(
  root: string,
): Promise<{ readonly services: ValidateServices; close(): Promise<void> }> {
  const engine = await (await adapters.data.duckdb()).openDuckdb()
  const clock = (await adapters.clock.system()).systemClock()
  return { services: { engine, clock, root }, close: () => engine.close() }
}
