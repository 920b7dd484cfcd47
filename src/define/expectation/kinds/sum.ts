import { momentsKind } from '../moments-kind.ts'

export const sum = momentsKind({
  name: 'sum',
  summary: 'The sum of the finite values lies within bounds.',
  example: 'c.quantity.sum({ min: 1 })',
  figure: moments => moments.sum,
})
