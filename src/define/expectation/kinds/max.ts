import { extremesKind } from '../extremes-kind.ts'

export const max = extremesKind(
  'max',
  'The greatest finite value lies within bounds.',
  'c.quantity.max({ max: 1_000 })',
)
