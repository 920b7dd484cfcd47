import { orderedKind } from './ordered.ts'

export const increasing = orderedKind('increasing', {
  summary: 'Values never fall from one row to the next, in a stated order. Nulls are skipped over.',
  example: 'c.id.increasing({ orderBy: c.placed, strict: true })',
})
