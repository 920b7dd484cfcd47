import { momentsKind } from '../moments-kind.ts'

export const mean = momentsKind({
  name: 'mean',
  summary: 'The mean of the finite values lies within bounds.',
  example: 'c.amount.mean({ min: 5, max: 500 })',
  figure: moments => moments.mean,
})
