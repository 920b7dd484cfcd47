import { extremesKind } from '../extremes-kind.ts'

export const min = extremesKind('min', 'The smallest finite value lies within bounds.', 'c.quantity.min({ min: 1 })')
