import type { ViewPlan } from './channels.ts'
import type { EventSource } from './offline-events.ts'
import { isJoined, isLast, widthOf } from './window-join.ts'

/**
 * What it costs that an event meets a moment in a join, and to take it into one aggregate; to sort an event for a sweep, and a column of
 * it. As measured in one engine, in units of some 50 ns; where both cost about the same the join is taken, which holds less in memory.
 */
const costs = { meet: 4, aggregate: 1, sort: 50, column: 1 } as const

/**
 * Whether windows hold so many events that it is cheaper to go through the events of one entity after another than to let them meet the
 * moments that see them. `moments` of `entities`: how often an event is met depends on how many of them there are of an entity.
 */
export function isSweepCheaper(plan: ViewPlan, source: EventSource, moments: number, entities: number): boolean {
  const windowed = plan.features.filter(
    feature => feature.spec.aggregation !== 'derived' && isJoined(feature) && !isLast(feature),
  )
  if (windowed.length === 0) return false
  const width = Math.max(...windowed.map(widthOf))
  const span = source.newest - source.oldest + 1
  // Of all events before a moment there are half of them on average
  const share = Number.isFinite(width) ? Math.min(1, width / span) : 0.5
  const meetings = (moments / Math.max(1, entities)) * share
  const columns = source.values.length + source.visibilities.length
  return meetings * (costs.meet + costs.aggregate * windowed.length) > costs.sort + costs.column * columns
}
