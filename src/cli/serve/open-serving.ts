import type { Workspace } from '../../config/workspace.ts'
import { fillingViews, lostView } from '../../app/fill-views.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Log } from '../../ports/log.ts'
import { LiveServing } from '../../stages/serve/serving.ts'

/** Opens what the project serves, and tells what is down. */
export async function openServing(workspace: Workspace, log: Log): Promise<LiveServing> {
  const { fill, filled, lost } = fillingViews(workspace)
  const tell = (): void => {
    for (const view of filled.splice(0)) log({ level: 'info', text: `filled the online records of ${view}` })
    for (const one of lost.splice(0)) log({ level: 'error', code: one.error.code, text: lostView(one) })
  }
  const services = { ...workspace, challengers: workspace.childProcessRuntime }
  const serving = await LiveServing.open(services, await workspace.online(), (view, reader) =>
    fill(view, reader).finally(tell),
  )
  for (const { name, down } of serving.list())
    if (down) log({ level: 'error', text: `${name} is down: ${messageOf(down.error)}`, deployment: name })
  for (const { name, error } of serving.lost)
    log({
      level: 'error',
      text: `${name}, declared no more, cannot be served on: ${messageOf(error)}`,
      deployment: name,
    })
  await workspace.artifacts.wipe()
  return serving
}
