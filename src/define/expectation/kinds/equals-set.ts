import { setKind } from './set-kind.ts'

export const equalsSet = setKind('equalsSet', {
  summary: 'The different values are exactly those of a list.',
  example: "c.shop.equalsSet(['north', 'south', 'harbour'])",
})
