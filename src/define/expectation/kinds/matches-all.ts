import { severalPatterns } from './several-patterns.ts'

export const matchesAll = severalPatterns('matchesAll', {
  summary: 'Every text holds each of several patterns.',
  example: 'c.sku.matchesAll([/^[A-Z]/, /[0-9]$/])',
})
