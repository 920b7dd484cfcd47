import type { Report } from '../define/report.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'

/** Reports of a run: its own, and of the runs whose steps it reused those of a kind that it did not make anew. */
export async function reportsOfRun(store: MetadataStore, runId: string): Promise<readonly Report[]> {
  const own = await store.listReports({ runId })
  const kinds = new Set(own.map(report => report.kind))
  const reused = new Set((await store.listSteps(runId)).flatMap(step => step.reusedFrom ?? []))
  const others = await Promise.all([...reused].map(id => store.listReports({ runId: id })))
  return [...own, ...others.flat().filter(report => !kinds.has(report.kind))]
}
