import { fail } from '../../errors/index.ts'
import type { Value } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { planView } from '../features/channels.ts'
import { OnlineView } from '../features/online.ts'
import type { StageServices } from '../pipeline/services.ts'
import { LiveDeployment } from './deployment.ts'
import type { Serving } from './types.ts'

/** Everything that one process serves: its online views and its deployments. */
export class LiveServing implements Serving {
  readonly views: ReadonlyMap<string, OnlineView>
  readonly deployments: ReadonlyMap<string, LiveDeployment>

  private constructor(views: ReadonlyMap<string, OnlineView>, deployments: ReadonlyMap<string, LiveDeployment>) {
    this.views = views
    this.deployments = deployments
  }

  /** Opens the project's deployments as the store says that they were. */
  static async open(services: StageServices, online: OnlineStore): Promise<LiveServing> {
    const { project } = services
    const views = new Map<string, OnlineView>()
    for (const view of project.views.values())
      if (view.online) views.set(view.name, new OnlineView(planView(view), online))
    const deployments = new Map<string, LiveDeployment>()
    for (const definition of project.deployments.values()) {
      const own = definition.model.views.map(view => {
        const found = views.get(view.name)
        if (!found)
          throw fail('invalidDefinition', {
            kind: 'deployment',
            name: definition.name,
            reason: `feature view '${view.name}' is not online`,
          })
        return found
      })
      const monitor = [...project.monitors.values()].find(one => one.deployment.name === definition.name)
      const live = new LiveDeployment(services, definition, own, monitor?.labelHorizon ?? 2 * 86_400_000_000)
      await live.restore()
      deployments.set(definition.name, live)
    }
    return new LiveServing(views, deployments)
  }

  list(): readonly LiveDeployment[] {
    return [...this.deployments.values()]
  }

  get(name: string): LiveDeployment | undefined {
    return this.deployments.get(name)
  }

  /** Adds rows to the views over a dataset, in memory; `flush` makes them durable. */
  take(dataset: string, rows: readonly Readonly<Record<string, Value>>[]): number {
    for (const view of this.views.values()) if (view.plan.view.from.name === dataset) view.push(rows)
    return rows.length
  }

  async flush(): Promise<void> {
    for (const view of this.views.values()) await view.flush()
  }

  async push(dataset: string, rows: readonly Readonly<Record<string, Value>>[]): Promise<number> {
    const taken = this.take(dataset, rows)
    await this.flush()
    return taken
  }

  async close(): Promise<void> {
    await this.flush()
    for (const deployment of this.deployments.values()) await deployment.close()
  }
}
