import { setKind } from './set-kind.ts'

export const containsSet = setKind('containsSet', {
  summary: 'Every value of a list occurs.',
  example: "c.shop.containsSet(['north', 'south'])",
})
