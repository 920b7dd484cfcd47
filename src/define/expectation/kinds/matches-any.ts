import { severalPatterns } from './several-patterns.ts'

export const matchesAny = severalPatterns('matchesAny', {
  summary: 'Every text holds at least one of several patterns.',
  example: 'c.sku.matchesAny([/^AB-/, /^CD-/, /^EF-/])',
})
