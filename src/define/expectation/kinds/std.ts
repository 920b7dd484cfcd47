import { momentsKind } from '../moments-kind.ts'

export const std = momentsKind({
  name: 'std',
  summary: 'The population standard deviation (divisor n) of the finite values lies within bounds.',
  example: 'c.amount.std({ max: 500 })',
  figure: ({ m2, count }) => Math.sqrt(m2 / count),
  spread: true,
})
