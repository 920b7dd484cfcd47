import type { Workspace } from '../../config/workspace.ts'
import type { Digest } from '../../internal/digest.ts'
import { planView } from '../../stages/features/channels.ts'
import { snapshotSql } from '../../stages/features/frame.ts'
import { materialise } from '../../stages/features/online.ts'

/**
 * Fills the online records of views that have none yet from the snapshot that the newest version of a model using them
 * was made from: the first server of a project answers with features and not with nulls. Gives the views filled.
 */
export async function warmViews(workspace: Workspace): Promise<string[]> {
  const filled: string[] = []
  const online = await workspace.online()
  for (const view of workspace.project.views.values()) {
    if (!view.online || online.keys(view.name)[Symbol.iterator]().next().done !== true) continue
    const model = [...workspace.project.models.values()].find(one => one.views.some(used => used.name === view.name))
    const [version] = model ? await workspace.store.listModelVersions(model.name) : []
    const snapshot = version?.facts[`data:${view.from.name}`] as Digest | undefined
    if (!snapshot) continue
    const engine = await workspace.engine()
    const events = await snapshotSql(engine, await workspace.artifacts.localPath(snapshot))
    const eventTime = engine.dialect.identifier(view.from.eventTime as string)
    const [newest] = await engine.rows(
      `SELECT max(${engine.dialect.epochMicros(eventTime)}) AS at, count(*) AS n FROM (${events})`,
    )
    const until = Number(newest?.at ?? 0)
    const entities = await materialise(engine, planView(view), events, until, online)
    await workspace.store.putDocument(
      'materialisation',
      view.name,
      { rows: Number(newest?.n), entities, until, snapshot },
      workspace.clock.now(),
    )
    filled.push(view.name)
  }
  return filled
}
