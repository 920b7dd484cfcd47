import { orderedKind } from './ordered.ts'

export const decreasing = orderedKind('decreasing', {
  summary: 'Values never rise from one row to the next, in a stated order. Nulls are skipped over.',
  example: 'c.stock.decreasing({ orderBy: c.placed })',
})
