import { momentsKind } from '../moments-kind.ts'

export const min = momentsKind({
  name: 'min',
  summary: 'The smallest finite value lies within bounds.',
  example: 'c.quantity.min({ min: 1 })',
  figure: moments => moments.min,
})
