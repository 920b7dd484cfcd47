import { momentsKind } from '../moments-kind.ts'

export const max = momentsKind({
  name: 'max',
  summary: 'The greatest finite value lies within bounds.',
  example: 'c.quantity.max({ max: 1_000 })',
  figure: moments => moments.max,
})
